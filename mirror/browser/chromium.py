"""A Chromium of the system's: where it is, what is missing, how it is started and ended. playwright, an extra, drives it."""

import asyncio
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

if sys.platform == "linux":
    import resource

if TYPE_CHECKING:
    from playwright.async_api import Browser, BrowserContext, Playwright

NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
"""What a Chromium may be called."""

FLAGS: Final = (
    "--block-new-web-contents",  # no pop-ups
    "--disable-background-networking",  # what Chromium wants for itself
    "--disable-component-update",
    "--disable-domain-reliability",
    "--disable-sync",
    "--no-first-run",
    "--no-pings",
    "--disable-quic",
    "--disable-gpu",
    "--disable-dev-shm-usage",  # which is 64 MB in containers
    "--mute-audio",
    "--disable-site-isolation-trials",  # frames of other sites stay in the process of their page, and so below its bound
)
"""Of each start, whatever it is for."""

MOST_MEMORY: Final = 1536 << 20
"""Bytes of memory of its own that a process of the browser may map, on Linux. A page that shows nothing maps 650 MB, and uses
120 MB of these. Who is refused more gets an error or dies, which costs a page, and nobody else."""

WIDTH: Final = 1280
HEIGHT: Final = 900
"""The window, in pixels."""

_CLOSING: Final = 5.0  # seconds to end something before it is killed


class BrowserError(Exception):
    """The browser can't be started; the message says why."""


def find(path: Path | None = None) -> Path | None:
    """Where a Chromium is: at `path`, or by one of its names."""
    if path is not None:
        found = shutil.which(path)
        return Path(found) if found else None
    return next((Path(found) for name in NAMES if (found := shutil.which(name))), None)


def what_is_missing(purpose: str, extras: Sequence[tuple[str, str]], path: Path | None, option: str) -> str | None:
    """What has to be installed before a `purpose` can be served, in a sentence; `None`: nothing.

    `extras` are (module, the name of its distribution); `option` is how a user gives the `path` of a Chromium.
    """
    if any(find_spec(module) is None for module, _ in extras):
        names = " and ".join(name for _, name in extras)
        return f"{purpose} needs {names}: pip install -r requirements-browser.txt, or pip install websucker[browser]"
    if find(path) is None and path:
        return f"{option}{path} is no program"
    if find(path) is None:
        return (
            f"{purpose} needs a Chromium, and none of {', '.join(NAMES)} is there: install one "
            f"(Debian: apt-get install chromium) or give {option}PATH"
        )
    return None


async def started(playwright: "Playwright | None", path: Path, flags: Sequence[str]) -> "tuple[Playwright, Browser]":
    """A Chromium with these flags beside `FLAGS`, and what drives it, started too if it is not. Raises `BrowserError`."""
    from playwright.async_api import Error, async_playwright  # noqa: PLC0415 - an extra, which nobody else needs

    driver = playwright
    try:
        driver = driver or await async_playwright().start()
        browser = await driver.chromium.launch(
            executable_path=path,
            args=[*FLAGS, *flags],
            chromium_sandbox=getattr(os, "geteuid", lambda: 1)() != 0,  # root has none
            handle_sigint=False,  # Ctrl-C is for us
            handle_sigterm=False,
            handle_sighup=False,
        )
        await _bind(browser)
    except (Error, OSError) as error:
        if playwright is None:
            await ended(driver)
        raise BrowserError(f"{path} can't be started: {words(error)}") from error
    return driver, browser


async def _bind(browser: "Browser") -> None:
    """Bound the memory of all that a browser has started: what pages run in is forked from that, and has the same bound.

    V8's own bound is of a heap of objects alone: buffers, nodes, canvases and WebAssembly come beside it.
    """
    if sys.platform == "linux":
        session = await browser.new_browser_cdp_session()
        told = await session.send("SystemInfo.getProcessInfo")
        await session.detach()
        first = next(one["id"] for one in told["processInfo"] if one["type"] == "browser")
        for process in list(_below(first)):
            with suppress(OSError):  # it has ended, or is the sandbox's own
                resource.prlimit(process, resource.RLIMIT_DATA, (MOST_MEMORY, MOST_MEMORY))


def _below(process: int) -> Iterator[int]:
    """The processes that one has started, and theirs."""
    with suppress(OSError):
        for thread in Path(f"/proc/{process}/task").iterdir():
            for child in map(int, (thread / "children").read_text().split()):
                yield child
                yield from _below(child)


async def ended(*what: "Browser | Playwright | None") -> None:
    """End these, the browser before what drives it, be they there or not."""
    for one in what:
        if one is not None:
            with suppress(Exception):
                await asyncio.wait_for(one.stop() if hasattr(one, "stop") else one.close(), _CLOSING)


async def is_closed(context: "BrowserContext | None") -> bool:
    """Close what a page is in; whether that could be done. Where it can't, the browser has to go."""
    if context is None:
        return True
    try:
        await asyncio.wait_for(context.close(), _CLOSING)
    except TimeoutError:
        return False
    except Exception:  # noqa: BLE001 - the browser is gone, and so is this
        return True
    return True


def words(error: BaseException) -> str:
    """The first line of an exception: playwright adds its log."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
