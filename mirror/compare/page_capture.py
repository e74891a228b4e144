"""Looking: a Chromium that opens pages and tells what they looked like, and what went wrong. It stands on playwright, an extra.

What could make two visits of one page differ is held still: the size of the window, the language, the time zone, the clock's
beginning, chance, animations, the caret, films. A page is a stranger's program: each visit has a context of its own, which
ends with it, and an end in time; one that hangs costs the browser, and that is started again. Each visit has a gate of its own
between it and the net: a copy gets to what belongs to it, a site to what a crawl of it would get to.
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
from mirror.compare.socks_proxy import Bars, Gate
from mirror.core.comparison.fidelity import Sight, visible_lines

if TYPE_CHECKING:
    from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, Playwright, Request, Response, Route

FLAGS: Final = (
    "--disable-lcd-text",
    "--font-render-hinting=none",
    "--force-color-profile=srgb",
    "--webrtc-ip-handling-policy=disable_non_proxied_udp",  # nor does WebRTC go past the gate
)
MOST_HEIGHT: Final = 6000
"""Pixels of a long page that are looked at."""

MOST_TIME: Final = 60.0
"""Seconds for a page in all."""
MOST_BUSY: Final = 15.0
"""Seconds that a page may go on asking for more."""
QUIET: Final = 0.4
"""Seconds without a request after which a page is quiet."""
MOST_TOLD: Final = 200
"""Requests that failed, and errors, of which a page is told to have at most so many."""

_POLL: Final = 0.05
_BAD: Final = 400
_OWN: Final = ("data", "blob", "about")  # what is in the document itself
_NET: Final = ("http", "https", "ws", "wss", "ftp")
_HTML: Final = ("text/html", "application/xhtml+xml", "image/svg+xml")
_GIVEN_UP: Final = "net::ERR_ABORTED"  # by the page itself, as of a film that it has enough of
_LONGEST: Final = 2000

_STILL: Final = """(() => {
    let seed = 20240229
    Math.random = () => {
        seed = seed + 0x6D2B79F5 | 0
        let t = Math.imul(seed ^ seed >>> 15, 1 | seed)
        t = t + Math.imul(t ^ t >>> 7, 61 | t) ^ t
        return ((t ^ t >>> 14) >>> 0) / 4294967296
    }
    const Real = Date, now = () => 1767268800000 + Math.floor(performance.now())
    const Still = new Proxy(Real, {
        construct: (target, given, made) => Reflect.construct(target, given.length ? given : [now()], made),
        apply: () => new Real(now()).toString(),
        get: (target, name) => name == "now" ? now : Reflect.get(target, name),
    })
    Real.prototype.constructor = Still
    globalThis.Date = Still
})()"""
"""Runs before all scripts of a page: chance and the clock begin anew. It goes on, or who waits for it would wait for ever."""

_SCROLL: Final = """async most => {
    const pause = () => new Promise(done => requestAnimationFrame(() => setTimeout(done, 30)))
    for (let y = 0; y < Math.min(document.documentElement.scrollHeight, most); y += innerHeight * 0.8) {
        scrollTo({ top: y, behavior: "instant" })
        await pause()
    }
    scrollTo({ top: 0, behavior: "instant" })
    await pause()
}"""

_SETTLE: Final = """async () => {
    const soon = (work, ms) => Promise.race([work, new Promise(done => setTimeout(done, ms))])
    for (const film of document.querySelectorAll("video, audio")) {
        film.pause()
        if (film.currentTime) await soon(new Promise(done => { film.onseeked = done; film.currentTime = 0 }), 1000)
    }
    await soon(document.fonts.ready, 3000)
    await soon(Promise.all([...document.images].map(image => image.decode().catch(() => 0))), 3000)
    await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))
}"""

_READ: Final = """() => {
    const element = document.body ?? document.documentElement
    return [document.title, element.innerText ?? element.textContent ?? "", document.documentElement.scrollHeight,
        [...document.links].map(link => typeof link.href == "string" ? link.href : link.href.baseVal).slice(0, 10000)]
}"""


@dataclass(slots=True)
class Look:
    """A page that was looked at: where it ended, what was seen, its picture as PNG (b"": none), the links on it.

    `is_page`: it is something to look at, and no file to keep.
    """

    url: str
    sight: Sight
    picture: bytes = b""
    links: Sequence[str] = ()
    is_page: bool = True


def what_is_missing(path: Path | None = None) -> str | None:
    """What has to be installed before pages can be looked at; `None`: nothing."""
    return chromium.what_is_missing("compare", [("playwright", "playwright"), ("PIL", "Pillow")], path, "--browser ")


class Viewer:
    """One Chromium, started when it is needed and ended with the block. `bars`: what the pages of a site don't get to.

    Where the environment names a proxy it is that which connects for them, and nothing is barred.
    """

    def __init__(self, path: Path, bars: Bars = lambda _, __: None) -> None:
        self._path = path
        self._bars = bars
        self._playwright: Playwright | None = None
        self._browser: Browser | None = None
        self._starting = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        await chromium.ended(self._browser, self._playwright)

    async def look(self, url: str, is_own: Callable[[str], bool], *, is_sealed: bool) -> Look:
        """Open a page and look at it. `is_own` says what belongs to it; where it is sealed it gets nothing else.

        Raises `BrowserError`.
        """
        browser = await self._running()
        visit = _Visit(url, is_own, is_sealed=is_sealed)
        async with Gate((lambda there, _: not is_own(there)) if is_sealed else self._bars) as gate:
            try:
                async with asyncio.timeout(MOST_TIME):
                    return await visit.make(browser, gate.url if is_sealed or not _has_proxy() else None)
            except TimeoutError:
                return visit.look("not done in time")
            except Exception as error:  # noqa: BLE001 - playwright's, and what its connection raises where Chromium dies
                return visit.look(f"not to be connected to: {gate.barred[-1]}" if gate.barred else _words(error))
            finally:
                if not await visit.close():
                    await self._end_browser()

    async def _running(self) -> "Browser":
        async with self._starting:
            if not (self._browser and self._browser.is_connected()):
                self._playwright, self._browser = await chromium.started(self._playwright, self._path, FLAGS)
            return self._browser

    async def _end_browser(self) -> None:
        browser, self._browser = self._browser, None
        await chromium.ended(browser)


@dataclass(slots=True)
class _Noted:
    """What happens while a page is open."""

    failed: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    waiting: int = 0
    active: float = field(default_factory=monotonic)


class _Visit:
    """One page, from its opening to its end."""

    def __init__(self, url: str, is_own: Callable[[str], bool], *, is_sealed: bool) -> None:
        self._url = url
        self._is_own = is_own
        self._is_sealed = is_sealed
        self._noted = _Noted()
        self._context: BrowserContext | None = None

    async def make(self, browser: "Browser", proxy: str | None) -> Look:
        self._context = context = await browser.new_context(
            proxy={"server": proxy, "bypass": "<-loopback>"} if proxy else None,  # loopback goes through it, too
            accept_downloads=False,
            service_workers="block",
            viewport={"width": WIDTH, "height": HEIGHT},
            reduced_motion="reduce",
            color_scheme="light",
            locale="en-US",
            timezone_id="UTC",
        )
        await context.add_init_script(_STILL)
        if self._is_sealed:
            await context.route(self._is_foreign, _refuse)
        page = await context.new_page()
        self._listen(page)
        response = await page.goto(self._url, wait_until="load", timeout=MOST_TIME * 1000)
        if response is not None and response.status >= _BAD:
            return self.look(f"{response.status} {response.status_text}".strip())
        if response is not None and not await _is_page(response):
            return self.look("no page", is_page=False)
        await self._quiet()
        await page.evaluate(_SCROLL, MOST_HEIGHT)
        await self._quiet()
        return await self._read(page)

    async def _read(self, page: "Page") -> Look:
        await page.evaluate(_SETTLE)
        title, text, height, links = await page.evaluate(_READ)
        clip = {"x": 0.0, "y": 0.0, "width": float(WIDTH), "height": float(min(max(height, HEIGHT), MOST_HEIGHT))}
        picture = await page.screenshot(full_page=True, clip=clip, animations="disabled", caret="hide")  # type: ignore[arg-type]
        result = self.look("", visible_lines(title, text))
        result.url, result.picture, result.links = page.url, picture, links
        return result

    def look(self, problem: str, lines: tuple[str, ...] = (), *, is_page: bool = True) -> Look:
        """What is known of the page by now."""
        noted = self._noted
        failed, left, errors = (
            tuple(dict.fromkeys(told))[:MOST_TOLD] if told is not noted.errors else tuple(told[:MOST_TOLD])
            for told in (noted.failed, noted.left, noted.errors)
        )
        return Look(self._url, Sight(problem, lines, failed, left, errors), is_page=is_page)

    async def close(self) -> bool:
        """Whether it could be closed."""
        return await chromium.is_closed(self._context)

    async def _quiet(self) -> None:
        """Wait until nothing is asked for, as long as a page may be busy."""
        end = monotonic() + MOST_BUSY
        while monotonic() < end and (self._noted.waiting > 0 or monotonic() - self._noted.active < QUIET):  # noqa: ASYNC110 - time
            await asyncio.sleep(_POLL)

    # --- what happens --------------------------------------------------------------------------------------------------

    def _listen(self, page: "Page") -> None:
        page.on("request", self._asked)
        page.on("requestfinished", lambda _: self._ended())
        page.on("requestfailed", self._failed)
        page.on("response", self._answered)
        page.on("pageerror", lambda error: self._noted.errors.append(str(error)[:_LONGEST]))
        page.on("console", self._said)

    def _is_foreign(self, url: str) -> bool:
        return urlsplit(url).scheme not in _OWN and not self._is_own(url)

    def _asked(self, request: "Request") -> None:
        self._noted.waiting += 1
        self._noted.active = monotonic()
        if self._is_foreign(request.url):
            scheme = urlsplit(request.url).scheme
            (self._noted.left if scheme in _NET else self._noted.failed).append(request.url[:_LONGEST])

    def _ended(self) -> None:
        self._noted.waiting -= 1
        self._noted.active = monotonic()

    def _failed(self, request: "Request") -> None:
        self._ended()
        is_refused = self._is_sealed and self._is_foreign(request.url)  # which is known already
        if request.failure != _GIVEN_UP and not is_refused:
            self._noted.failed.append(request.url[:_LONGEST])

    def _answered(self, response: "Response") -> None:
        if response.status >= _BAD:
            self._noted.failed.append(response.url[:_LONGEST])

    def _said(self, message: "ConsoleMessage") -> None:
        """What a script calls an error; what the browser says itself, it says of requests that are known to have failed."""
        if message.type == "error" and message.args:
            self._noted.errors.append(message.text[:_LONGEST])


def _has_proxy() -> bool:
    """Whether the environment names a proxy; for whom there is none alone says nothing."""
    return any(name != "no" for name in getproxies())


async def _refuse(route: "Route") -> None:
    with suppress(Exception):  # the page may be gone
        await route.abort("blockedbyclient")


async def _is_page(response: "Response") -> bool:
    said = (await response.header_value("content-type") or _HTML[0]).partition(";")[0].strip().lower()
    return said in _HTML


def _words(error: Exception) -> str:
    """What an error of the browser's is, in a line."""
    return chromium.words(error).removeprefix("Page.goto: ").partition(" at ")[0]
