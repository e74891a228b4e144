"""Open pages in Chromium, and record what they look like and what goes wrong. Needs playwright, an optional dependency.

Whatever could make two visits of one page differ is fixed: window size, language, time zone, start of the clock, random
numbers, animations, the caret, videos.

Pages are treated as hostile programs. Each visit has a browser context of its own, which is discarded afterwards, and a time
limit; if a page hangs, the browser is restarted. Each visit also has a SOCKS proxy of its own: a copy can connect only to what
belongs to it, and a site only to what a crawl of it could connect to.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self
from urllib.parse import urlsplit
from urllib.request import getproxies

from mirror.browser import chromium
from mirror.browser.chromium import HEIGHT, WIDTH
from mirror.compare.capture_scripts import READ, SCROLL, SETTLE
from mirror.compare.socks_proxy import Block, SocksProxy
from mirror.core.comparison.fidelity import Sight, visible_lines
from mirror.core.replay.first_script import first_script

if TYPE_CHECKING:
    from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, Playwright, Request, Response, Route

FLAGS: Final = (
    "--disable-lcd-text",
    "--font-render-hinting=none",
    "--force-color-profile=srgb",
    "--webrtc-ip-handling-policy=disable_non_proxied_udp",  # WebRTC can't bypass the proxy
)
MAX_HEIGHT: Final = 6000
"""Height in pixels down to which a page is scrolled and captured."""

MAX_PAGE_TIME: Final = 60.0
"""Seconds for one page in total."""

MAX_BUSY: Final = 15.0
"""Seconds for which a loaded page may go on making requests."""

QUIET: Final = 0.4
"""A page counts as quiet after this many seconds without a request."""

MAX_LISTED: Final = 200
"""Failed requests, foreign requests and errors that are recorded for a page, each."""

CLOCK: Final = 1767268800000
"""The time at which the clock of each page starts, in milliseconds since 1970, unless the copy says another."""

_POLL: Final = 0.05
_BAD: Final = 400
_OWN: Final = ("data", "blob", "about")  # content of the document itself
_NET: Final = ("http", "https", "ws", "wss", "ftp")
_HTML: Final = ("text/html", "application/xhtml+xml", "image/svg+xml")
_GIVEN_UP: Final = "net::ERR_ABORTED"  # the page cancelled it, for instance because it has loaded enough of a video
_MAX_LENGTH: Final = 2000


@dataclass(slots=True)
class PageCapture:
    """One visit to a page: its final URL, what was seen, a screenshot as PNG (b"" if there is none), and the links on it.

    `is_page` is `False` for a file that browsers save rather than show.
    """

    url: str
    sight: Sight
    picture: bytes = b""
    links: Sequence[str] = ()
    is_page: bool = True


def what_is_missing(path: Path | None = None) -> str | None:
    """What has to be installed before pages can be captured, as a sentence; `None` if nothing."""
    return chromium.what_is_missing("compare", [("playwright", "playwright"), ("PIL", "Pillow")], path, "--browser ")


class Viewer:
    """One Chromium process. It starts when first needed and stops at the end of the `with` block.

    `block` decides which addresses the pages of a site may not connect to. If the environment names a proxy (`https_proxy`...),
    that proxy connects for the pages of the site, and nothing is blocked. `clock` is the time at which the clock of each page
    starts, in milliseconds since 1970.
    """

    def __init__(self, path: Path, block: Block = lambda _, __: None, clock: int = CLOCK) -> None:
        self._path = path
        self._clock = clock
        self._block = block
        self._playwright: Playwright | None = None
        self._browser: Browser | None = None
        self._starting = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        await chromium.stop(self._browser, self._playwright)

    async def capture(self, url: str, is_own: Callable[[str], bool], *, is_sealed: bool) -> PageCapture:
        """Open a page and capture it. Raises `BrowserError`.

        `is_own` says whether a URL belongs to the site or copy. If `is_sealed`, the page can load nothing else.
        """
        browser = await self._running()
        visit = _Visit(url, is_own, self._clock, is_sealed=is_sealed)
        async with SocksProxy((lambda target, _: not is_own(target)) if is_sealed else self._block) as proxy:
            try:
                async with asyncio.timeout(MAX_PAGE_TIME):
                    return await visit.run(browser, proxy.url if is_sealed or not _has_proxy() else None)
            except TimeoutError:
                return visit.captured("not done in time")
            except Exception as error:  # noqa: BLE001 - playwright's errors, and those of its connection if Chromium dies
                return visit.captured(
                    f"not to be connected to: {proxy.blocked[-1]}" if proxy.blocked else _describe(error)
                )
            finally:
                if not await visit.close():
                    await self._stop_browser()

    async def _running(self) -> "Browser":
        async with self._starting:
            if not (self._browser and self._browser.is_connected()):
                self._playwright, self._browser = await chromium.start(self._playwright, self._path, FLAGS)
            return self._browser

    async def _stop_browser(self) -> None:
        browser, self._browser = self._browser, None
        await chromium.stop(browser)


@dataclass(slots=True)
class _Events:
    """What happened since a page was opened."""

    failed: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    open_requests: int = 0
    active: float = field(default_factory=monotonic)


class _Visit:
    """One page, from opening it to closing it."""

    def __init__(self, url: str, is_own: Callable[[str], bool], clock: int, *, is_sealed: bool) -> None:
        self._url = url
        self._clock = clock
        self._is_own = is_own
        self._is_sealed = is_sealed
        self._events = _Events()
        self._context: BrowserContext | None = None

    async def run(self, browser: "Browser", proxy: str | None) -> PageCapture:
        self._context = context = await browser.new_context(
            proxy={"server": proxy, "bypass": "<-loopback>"} if proxy else None,  # also for connections to loopback
            accept_downloads=False,
            service_workers="block",
            viewport={"width": WIDTH, "height": HEIGHT},
            reduced_motion="reduce",
            color_scheme="light",
            locale="en-US",
            timezone_id="UTC",
        )
        await context.add_init_script(first_script(self._clock))
        if self._is_sealed:
            await context.route(self._is_foreign, _refuse)
        page = await context.new_page()
        self._listen(page)
        response = await page.goto(self._url, wait_until="load", timeout=MAX_PAGE_TIME * 1000)
        if response is not None and response.status >= _BAD:
            return self.captured(f"{response.status} {response.status_text}".strip())
        if response is not None and not await _is_page(response):
            return self.captured("no page", is_page=False)
        await self._wait_until_quiet()
        await page.evaluate(SCROLL, MAX_HEIGHT)
        await self._wait_until_quiet()
        return await self._read(page)

    async def _read(self, page: "Page") -> PageCapture:
        await page.evaluate(SETTLE)
        title, text, height, links = await page.evaluate(READ)
        clip = {"x": 0.0, "y": 0.0, "width": float(WIDTH), "height": float(min(max(height, HEIGHT), MAX_HEIGHT))}
        picture = await page.screenshot(full_page=True, clip=clip, animations="disabled", caret="hide")  # type: ignore[arg-type]
        result = self.captured("", visible_lines(title, text))
        result.url, result.picture, result.links = page.url, picture, links
        return result

    def captured(self, problem: str, lines: tuple[str, ...] = (), *, is_page: bool = True) -> PageCapture:
        """What has been recorded of the page so far, without a screenshot."""
        events = self._events
        failed, left = (tuple(dict.fromkeys(urls))[:MAX_LISTED] for urls in (events.failed, events.left))
        errors = tuple(events.errors[:MAX_LISTED])
        return PageCapture(self._url, Sight(problem, lines, failed, left, errors), is_page=is_page)

    async def close(self) -> bool:
        """Close the page. Return whether that succeeded."""
        return await chromium.close_context(self._context)

    async def _wait_until_quiet(self) -> None:
        """Wait until the page makes no requests, for at most `MAX_BUSY` seconds."""
        end = monotonic() + MAX_BUSY
        while monotonic() < end and (self._events.open_requests > 0 or monotonic() - self._events.active < QUIET):  # noqa: ASYNC110 - time
            await asyncio.sleep(_POLL)

    # --- events --------------------------------------------------------------------------------------------------------

    def _listen(self, page: "Page") -> None:
        page.on("request", self._on_request)
        page.on("requestfinished", lambda _: self._on_end())
        page.on("requestfailed", self._on_failure)
        page.on("response", self._on_response)
        page.on("pageerror", lambda error: self._events.errors.append(str(error)[:_MAX_LENGTH]))
        page.on("console", self._on_console)

    def _is_foreign(self, url: str) -> bool:
        return urlsplit(url).scheme not in _OWN and not self._is_own(url)

    def _on_request(self, request: "Request") -> None:
        self._events.open_requests += 1
        self._events.active = monotonic()
        if self._is_foreign(request.url):
            scheme = urlsplit(request.url).scheme
            (self._events.left if scheme in _NET else self._events.failed).append(request.url[:_MAX_LENGTH])

    def _on_end(self) -> None:
        self._events.open_requests -= 1
        self._events.active = monotonic()

    def _on_failure(self, request: "Request") -> None:
        self._on_end()
        is_refused = self._is_sealed and self._is_foreign(request.url)  # recorded by `_on_request` already
        if request.failure != _GIVEN_UP and not is_refused:
            self._events.failed.append(request.url[:_MAX_LENGTH])

    def _on_response(self, response: "Response") -> None:
        if response.status >= _BAD:
            self._events.failed.append(response.url[:_MAX_LENGTH])

    def _on_console(self, message: "ConsoleMessage") -> None:
        """Record `console.error` of scripts. Messages without arguments are the browser's own, about failed requests."""
        if message.type == "error" and message.args:
            self._events.errors.append(message.text[:_MAX_LENGTH])


def _has_proxy() -> bool:
    """Whether the environment names a proxy. `no_proxy` alone does not count."""
    return any(name != "no" for name in getproxies())


async def _refuse(route: "Route") -> None:
    with suppress(Exception):  # the page may be gone
        await route.abort("blockedbyclient")


async def _is_page(response: "Response") -> bool:
    media_type = (await response.header_value("content-type") or _HTML[0]).partition(";")[0].strip().lower()
    return media_type in _HTML


def _describe(error: Exception) -> str:
    """One line about an error of the browser."""
    return chromium.first_line(error).removeprefix("Page.goto: ").partition(" at ")[0]
