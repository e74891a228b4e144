"""Find, start and stop the Chromium that is installed on this system. playwright, an optional dependency, drives it."""

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
"""Names under which Chromium may be installed, in the order in which they are tried."""

FLAGS: Final = (
    "--block-new-web-contents",  # no pop-ups
    "--disable-background-networking",  # Chromium's own requests
    "--disable-component-update",
    "--disable-domain-reliability",
    "--disable-sync",
    "--no-first-run",
    "--no-pings",
    "--disable-quic",
    "--disable-gpu",
    "--disable-dev-shm-usage",  # containers often limit /dev/shm to 64 MB
    "--mute-audio",
    "--disable-site-isolation-trials",  # frames of other sites share the process, and the memory limit, of their page
)
"""Command-line flags for every Chromium that Websucker starts."""

MAX_PROCESS_MEMORY: Final = 1536 << 20
"""Bytes of private memory that each process of the browser may map, on Linux. An empty page maps 650 MB and uses 120 MB of
them. A process that exceeds the limit gets an error or crashes, which affects its pages only."""

WIDTH: Final = 1280
HEIGHT: Final = 900
"""Size of the browser window in pixels."""

_CLOSE_TIMEOUT: Final = 5.0  # seconds to wait for something to close


class BrowserError(Exception):
    """The browser can't be started. The message says why."""


def find(path: Path | None = None) -> Path | None:
    """Return the path of a Chromium: `path` if it is given and executable, otherwise the first of `NAMES` on the PATH."""
    if path is not None:
        found = shutil.which(str(path))
        return Path(found) if found else None
    return next((Path(found) for name in NAMES if (found := shutil.which(name))), None)


def what_is_missing(purpose: str, extras: Sequence[tuple[str, str]], path: Path | None, option: str) -> str | None:
    """What has to be installed for `purpose`, as a sentence; `None` if nothing.

    `extras` are pairs (module, name of its distribution). `option` is the option that sets the `path` of a Chromium, as a user
    types it.
    """
    if any(find_spec(module) is None for module, _ in extras):
        names = " and ".join(name for _, name in extras)
        return f"{purpose} needs {names}: pip install -r requirements-browser.txt, or pip install websucker[browser]"
    if find(path) is None and path:
        return f"{option}{path} is not an executable program"
    if find(path) is None:
        return (
            f"{purpose} needs Chromium, but none of {', '.join(NAMES)} was found: install one "
            f"(Debian: apt-get install chromium) or give {option}PATH"
        )
    return None


async def start(playwright: "Playwright | None", path: Path, flags: Sequence[str]) -> "tuple[Playwright, Browser]":
    """Start a Chromium with `FLAGS` and these flags. Start playwright as well if it is `None`. Raises `BrowserError`."""
    from playwright.async_api import Error, async_playwright  # noqa: PLC0415 - optional, and slow to import

    driver = playwright
    try:
        driver = driver or await async_playwright().start()
        browser = await driver.chromium.launch(
            executable_path=path,
            args=[*FLAGS, *flags],
            chromium_sandbox=getattr(os, "geteuid", lambda: 1)() != 0,  # Chromium's sandbox does not work for root
            handle_sigint=False,  # Websucker handles signals itself
            handle_sigterm=False,
            handle_sighup=False,
        )
        await _limit_memory(browser)
    except (Error, OSError) as error:
        if playwright is None:
            await stop(driver)
        raise BrowserError(f"{path} can't be started: {first_line(error)}") from error
    return driver, browser


async def _limit_memory(browser: "Browser") -> None:
    """Limit the memory of the processes that a browser has started. Pages run in forks of these, which inherit the limit.

    V8's own limit applies to the heap of objects only, and not to buffers, DOM nodes, canvases and WebAssembly memories.
    """
    if sys.platform == "linux":
        session = await browser.new_browser_cdp_session()
        info = await session.send("SystemInfo.getProcessInfo")
        await session.detach()
        root = next(process["id"] for process in info["processInfo"] if process["type"] == "browser")
        for process in list(_descendants(root)):
            with suppress(OSError):  # the process has ended, or belongs to the sandbox
                resource.prlimit(process, resource.RLIMIT_DATA, (MAX_PROCESS_MEMORY, MAX_PROCESS_MEMORY))


def _descendants(process: int) -> Iterator[int]:
    """The child processes of a process, and their children."""
    with suppress(OSError):
        for thread in Path(f"/proc/{process}/task").iterdir():
            for child in map(int, (thread / "children").read_text().split()):
                yield child
                yield from _descendants(child)


async def stop(*parts: "Browser | Playwright | None") -> None:
    """Stop a browser, playwright, or both, in that order. `None` is skipped, and errors are ignored."""
    for one in parts:
        if one is not None:
            with suppress(Exception):
                await asyncio.wait_for(one.stop() if hasattr(one, "stop") else one.close(), _CLOSE_TIMEOUT)


async def close_context(context: "BrowserContext | None") -> bool:
    """Close the browser context of a page. Return `False` if it does not close in time: then the browser has to be stopped."""
    if context is None:
        return True
    try:
        await asyncio.wait_for(context.close(), _CLOSE_TIMEOUT)
    except TimeoutError:
        return False
    except Exception:  # noqa: BLE001 - the browser has ended, and the context with it
        return True
    return True


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message. In playwright's errors, a log follows it."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
