"""A browser that has no network: what a page asks for is asked of whoever opened it.

Enters: a `Document` as it was received, and `ask`, which gives what is asked for. Leaves: a `Rendering`. The browser is
Chromium, driven by playwright; nothing else of the program imports either. It fetches nothing itself: every request is answered
from here or fails, names resolve to nothing, and its proxy leads nowhere, so that what no request shows (WebRTC, preconnect)
does not get out either.

A page is a hostile program. It gets a context of its own, which ends with it; time, requests and bytes are bounded; what may
not be asked for is refused and told (`Rendering.refused`); a page that hangs or dies costs itself, at the worst the browser,
and that is started again. What is read of a page is read in a world of our own, where its scripts have changed nothing.
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, TypeVar

from mirror.browser import chromium
from mirror.browser.chromium import HEIGHT, WIDTH, words
from mirror.core.syntax.embedded_urls import Kind

if TYPE_CHECKING:
    from playwright.async_api import Browser as Chromium
    from playwright.async_api import BrowserContext, CDPSession, Page, Playwright, Request, Route, WebSocket

logger = logging.getLogger(__name__)

T = TypeVar("T")

FLAGS: Final = (
    "--host-resolver-rules=MAP * ~NOTFOUND",  # no name and no address leads anywhere,
    "--proxy-server=http://127.0.0.1:9",  # the proxy that all else would go through is none,
    "--proxy-bypass-list=<-loopback>",  # for this machine too;
    "--webrtc-ip-handling-policy=disable_non_proxied_udp",  # nor does WebRTC go past it
    "--js-flags=--max-old-space-size=512",
)

MOST_BUSY: Final = 15.0
"""Seconds that a page may do something before it has to be quiet. That it waits for us does not count."""

MOST_WAITED: Final = 45.0
"""Seconds that a page waits for one resource: then it goes on without, and `Rendering.missed` says so."""

MOST_TIME: Final = 240.0
"""Seconds for a page in all."""

QUIET: Final = 0.4
"""Seconds without a request after which a page that has loaded is taken to be quiet."""

MOST_ASKED: Final = 1000
"""Resources that a page may ask for."""

MOST_BYTES: Final = 32 << 20
"""Bytes of a resource above which a page does not get it: it is fetched for the mirror all the same."""

MOST_SCREENS: Final = 25
"""Screens down to which a page is scrolled."""

MOST_PAGES: Final = 200
"""Pages after which the browser is started anew, so that what it may leak stays bounded."""

_POLL: Final = 0.05
_MOST_HTML: Final = 32 << 20
_HOP_BY_HOP: Final = frozenset(
    {
        "connection",
        "content-encoding",  # undone already
        "content-length",
        "keep-alive",
        "transfer-encoding",
        "strict-transport-security",  # would make other URLs of what the page asks for
        "alt-svc",
        "report-to",
        "nel",
        "reporting-endpoints",
        "clear-site-data",
    }
)
_NEVER_ASKED: Final = {
    "eventsource": "EventSource",
    "ping": "beacon",
    "cspviolationreport": "report",
    "websocket": "WebSocket",
}
_NOT_SHOWN: Final = frozenset({"media", "texttrack"})  # a film is fetched; nobody watches it here
_NEEDS_ORIGIN: Final = {"fetch": "fetches data", "xhr": "fetches data"}


@dataclass(frozen=True, slots=True)
class Document:
    """A page as it was received."""

    url: str
    status: int
    headers: Sequence[tuple[str, str]]
    body: bytes


@dataclass(frozen=True, slots=True)
class Seen:
    """What a page asks for: a requisite, a document in a frame, or a page to go to. It waits for it, or does not."""

    url: str
    kind: Kind
    waits: bool = True


Ask = Callable[[Seen], Awaitable[Document | None]]
"""Gives what is asked for, `None` where it can't be had. It is cancelled where the page goes on without."""


@dataclass(slots=True)
class Rendering:
    """What became of a page.

    `url` is what its address says in the end. `html` is its DOM then, `still` the same without all that runs; `None`: it could
    not be read. `outcome` says what did not come to an end, "" if all did. `missed`: it had to go on without something.
    `refused` is what it may not ask for; `needs` says why it works from no disk, as far as it was seen.
    """

    url: str
    html: str | None = None
    still: str | None = None
    outcome: str = ""
    missed: bool = False
    refused: list[str] = field(default_factory=list)
    needs: set[str] = field(default_factory=set)


def what_is_missing(path: Path | None = None) -> str | None:
    """What has to be installed before pages can be rendered; `None`: nothing."""
    return chromium.what_is_missing("rendering", [("playwright", "playwright")], path, "browser=")


class Browser:
    """One Chromium, started when it is needed, and again after `MOST_PAGES` pages or where it died."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._playwright: Playwright | None = None
        self._chromium: Chromium | None = None
        self._starting = asyncio.Lock()
        self._opened = 0
        self._open = 0
        self._is_idle = asyncio.Event()

    async def render(self, document: Document, ask: Ask) -> Rendering:
        """Open a page, let it do what it does, read what it has become. Raises `BrowserError`."""
        for _ in range(2):
            browser = await self._running()
            self._open += 1
            visit = _Visit(document, ask)
            try:
                async with asyncio.timeout(MOST_TIME):
                    await visit.make(browser)
            except TimeoutError:
                visit.result.outcome = visit.result.outcome or "not done in time"
            except Exception as error:  # noqa: BLE001 - playwright's, and what its connection raises where Chromium dies
                visit.result.outcome = words(error)
            finally:
                await self._end(visit, browser)
                self._open -= 1
                self._is_idle.set()
            if visit.began or browser.is_connected():
                break  # else it died over another page
        return visit.result

    async def close(self) -> None:
        """End it, and all that it has open."""
        browser, self._chromium = self._chromium, None
        playwright, self._playwright = self._playwright, None
        await chromium.ended(browser, playwright)

    async def _running(self) -> "Chromium":
        async with self._starting:
            running = self._chromium
            if running and running.is_connected() and self._opened < MOST_PAGES:
                self._opened += 1
                return running
            if running and running.is_connected():
                while self._open:  # those that it has open are let finish
                    self._is_idle.clear()
                    await self._is_idle.wait()
                await chromium.ended(running)
            self._opened = 1
            self._playwright, self._chromium = await chromium.started(self._playwright, self._path, FLAGS)
            return self._chromium

    async def _end(self, visit: "_Visit", browser: "Chromium") -> None:
        """A page that can't be closed takes the browser with it; the others in it are opened again."""
        if not await visit.close() and browser is self._chromium:
            self._chromium = None
            logger.info("%s can't be closed: the browser is started again", visit.document.url)
            await chromium.ended(browser)


class _Visit:
    """One page: what it asks for on its way, and what it is in the end."""

    def __init__(self, document: Document, ask: Ask) -> None:
        self.document = document
        self.result = Rendering(document.url)
        self.began = False
        self._ask = ask
        self._context: BrowserContext | None = None
        self._page: Page | None = None
        self._is_answered = False
        self._has_loaded = False
        self._crash = asyncio.Event()
        self._asked: set[str] = set()
        self._waiting = 0
        self._active = monotonic()
        self._busy = 0.0

    async def make(self, browser: "Chromium") -> None:
        self._context = context = await browser.new_context(
            accept_downloads=False,
            service_workers="block",
            viewport={"width": WIDTH, "height": HEIGHT},
            reduced_motion="reduce",
        )
        await context.route("**/*", self._route)
        await context.add_init_script(_BEFORE)
        self._page = page = await context.new_page()
        context.on("page", _close_page)
        page.on("load", self._loaded)
        page.on("crash", self._crashed)
        page.on("websocket", self._connects)
        page.on("worker", self._works)
        self.began = True
        await page.goto(self.document.url, wait_until="commit", timeout=MOST_BUSY * 1000)
        session = await context.new_cdp_session(page)
        world = await self._soon(_World.of(session))
        await self._settle()
        await self._scroll(world)
        if page.url.startswith(("http://", "https://")):
            self.result.url = page.url
            self.result.html, self.result.still = await self._soon(world.read(self.document.url))

    async def close(self) -> bool:
        """Whether it could be closed."""
        return await chromium.is_closed(self._context)

    # --- time ----------------------------------------------------------------------------------------------------------

    async def _settle(self) -> None:
        """Wait until the page has loaded and asks for nothing, as long as it may be busy."""
        before = monotonic()
        while not self._is_quiet():
            await asyncio.sleep(_POLL)
            now = monotonic()
            if not self._waiting:
                self._busy += now - before
            before = now
            if self._crash.is_set():
                raise _CrashedError
            if self._busy > MOST_BUSY:
                self.result.outcome = "never quiet" if self._has_loaded else "never loaded"
                return

    async def _soon(self, work: Coroutine[Any, Any, T]) -> T:
        """What a page is to answer at once: a tab that died never does, and one that hangs is not waited for."""
        doing, crash = asyncio.ensure_future(work), asyncio.ensure_future(self._crash.wait())
        try:
            await asyncio.wait({doing, crash}, timeout=MOST_BUSY, return_when=asyncio.FIRST_COMPLETED)
            if doing.done():
                return doing.result()
            raise _CrashedError if crash.done() else TimeoutError
        finally:
            doing.cancel()
            crash.cancel()

    def _is_quiet(self) -> bool:
        return self._has_loaded and not self._waiting and monotonic() - self._active > QUIET

    async def _scroll(self, world: "_World") -> None:
        """Show all of the page, screen by screen, for what loads when it is seen; then its beginning again."""
        if self.result.outcome:
            return
        for screen in range(1, MOST_SCREENS + 1):
            is_end = await self._soon(world.scroll(screen))
            if self._waiting:
                await self._settle()
            if is_end and (self.result.outcome or not await self._grows(world, screen)):
                break
        await self._soon(world.scroll(0))
        await self._settle()

    async def _grows(self, world: "_World", screen: int) -> bool:
        """Whether there is more below the end of the page, once it was seen."""
        await self._settle()
        return not self.result.outcome and not await self._soon(world.scroll(screen))

    def _loaded(self, _: object) -> None:
        self._has_loaded = True
        self._active = monotonic()

    def _connects(self, socket: "WebSocket") -> None:
        self._refuse("WebSocket", socket.url)

    def _works(self, _: object) -> None:
        self.result.needs.add("starts workers")

    def _crashed(self, _: object) -> None:
        self._crash.set()

    # --- requests ------------------------------------------------------------------------------------------------------

    async def _route(self, route: "Route", request: "Request") -> None:
        self._active = monotonic()
        try:
            await self._answer(route, request)
        except Exception as error:  # noqa: BLE001 - the page is gone, and nobody waits for it
            logger.debug("%s: %s", request.url, error)
        finally:
            self._active = monotonic()

    async def _answer(self, route: "Route", request: "Request") -> None:
        url = request.url.partition("#")[0]
        kind = self._kind(request)
        if kind is None and not self._is_answered and url == self.document.url.partition("#")[0]:
            self._is_answered = True
            await _fulfill(route, self.document)
            return
        if kind is None:
            self._has_loaded = True  # whoever goes elsewhere before it has loaded never does
        if not self._may_ask(request, url):
            await route.abort(_aborted(request))
            return
        if kind is None:  # it would leave the page: where to is a link
            await self._ask(Seen(url, Kind.PAGE, waits=False))
            await route.abort("aborted")
            return
        if request.resource_type in _NEEDS_ORIGIN:
            self.result.needs.add(_NEEDS_ORIGIN[request.resource_type])
        given = await self._given(Seen(url, kind, waits=request.resource_type not in _NOT_SHOWN))
        if given is None or len(given.body) > MOST_BYTES:
            await route.abort(_aborted(request))
        else:
            await _fulfill(route, given, has_body=request.method != "HEAD")

    async def _given(self, seen: Seen) -> Document | None:
        self._waiting += 1
        try:
            return await asyncio.wait_for(self._ask(seen), MOST_WAITED)
        except TimeoutError:
            self.result.missed = True
            return None
        finally:
            self._waiting -= 1

    def _kind(self, request: "Request") -> Kind | None:
        """What a request is for; `None`: it would take the place of the page."""
        if not request.is_navigation_request():
            return Kind.REQUISITE
        try:
            frame = request.frame
        except Exception:  # noqa: BLE001 - a page that opens: playwright knows no frame of it yet
            return None
        return None if frame.parent_frame is None else Kind.FRAME

    def _may_ask(self, request: "Request", url: str) -> bool:
        if not url.startswith(("http://", "https://")):
            return False
        if request.method not in {"GET", "HEAD"}:
            return self._refuse(request.method, url)
        if request.resource_type in _NEVER_ASKED:
            return self._refuse(_NEVER_ASKED[request.resource_type], url)
        if url not in self._asked and len(self._asked) >= MOST_ASKED:
            return self._refuse(f"more than {MOST_ASKED:,} requests", "")
        self._asked.add(url)
        return True

    def _refuse(self, what: str, url: str) -> bool:
        told = f"{what} {url}".rstrip()
        if told not in self.result.refused and len(self.result.refused) < _MOST_TOLD:
            self.result.refused.append(told)
        return False


class _CrashedError(Exception):
    def __str__(self) -> str:
        return "the tab crashed"


class _World:
    """A world of our own in a page: it shares the DOM with its scripts, and nothing that they could have changed."""

    def __init__(self, session: "CDPSession", context_id: int) -> None:
        self._session = session
        self._context_id = context_id

    @classmethod
    async def of(cls, session: "CDPSession") -> "_World":
        tree = await session.send("Page.getFrameTree")
        made = await session.send(
            "Page.createIsolatedWorld", {"frameId": tree["frameTree"]["frame"]["id"], "worldName": "websucker"}
        )
        return cls(session, made["executionContextId"])

    async def scroll(self, screen: int) -> bool:
        """Show a screen; whether it is the last one."""
        return bool(await self._run(f"({_SCROLL})({screen})"))

    async def read(self, address: str) -> tuple[str | None, str | None]:
        """The DOM, and without what runs. `address`: what it was opened as."""
        html, still = await self._run(f"({_READ})({_MOST_HTML}, {json.dumps(address)})")
        return html, still

    async def _run(self, program: str) -> Any:
        got = await self._session.send(
            "Runtime.evaluate",
            {"expression": program, "contextId": self._context_id, "awaitPromise": True, "returnByValue": True},
        )
        if "exceptionDetails" in got:
            raise RuntimeError(str(got["exceptionDetails"].get("text")))
        return got["result"].get("value")


async def _fulfill(route: "Route", document: Document, *, has_body: bool = True) -> None:
    headers: dict[str, str] = {}
    for name, value in document.headers:
        key = name.lower()
        if key not in _HOP_BY_HOP:
            headers[key] = f"{headers[key]}\n{value}" if key in headers and key == "set-cookie" else value
    await route.fulfill(status=document.status, headers=headers, body=document.body if has_body else b"")


def _aborted(request: "Request") -> str:
    """How a request fails: a page, or a frame, that can't be gone to stays what it is."""
    return "aborted" if request.is_navigation_request() else "failed"


async def _close_page(page: "Page") -> None:
    """Pop-ups are none of ours."""
    with suppress(Exception):
        await page.close()


_MOST_TOLD: Final = 20
_BEFORE: Final = """
for (const name of ["alert", "print"]) window[name] = () => undefined
window.confirm = () => false; window.prompt = () => null; window.open = () => null
"""
"""What would wait for somebody, or open something."""

_SCROLL: Final = """async screen => {
    const tall = [...document.querySelectorAll("body, body *")].filter(e => e.clientHeight > innerHeight / 2
        && e.scrollHeight > e.clientHeight + 50 && /auto|scroll/.test(getComputedStyle(e).overflowY)).slice(0, 5)
    const places = [document.scrollingElement, ...tall].filter(Boolean)
    for (const place of places) place.scrollTo({ top: screen * innerHeight, behavior: "instant" })
    await new Promise(done => { setTimeout(done, 150); requestAnimationFrame(() => requestAnimationFrame(done)) })
    await new Promise(done => setTimeout(done, 20))
    return places.every(e => e.scrollTop + e.clientHeight >= e.scrollHeight - 2)
}"""

_READ: Final = r"""(most, address) => {
    const roots = [], collect = root => { for (const e of root.querySelectorAll("*")) if (e.shadowRoot) {
        roots.push(e.shadowRoot); collect(e.shadowRoot) } }
    collect(document)
    const all = [document, ...roots]
    const rules = sheet => { try { return [...sheet.cssRules].map(rule => rule.cssText).join("\n") } catch { return "" } }
    const doctype = document.doctype ? `<!DOCTYPE ${document.doctype.name}>` : ""
    const write = () => {
        const html = doctype + document.documentElement.getHTML({ shadowRoots: roots })
        const top = document.documentElement.cloneNode(false).outerHTML.replace(/<\/[^<>]*>$/, "")
        const text = doctype + top + html.slice(doctype.length) + "</html>"
        return text.length > most ? null : text
    }
    const html = write()
    for (const root of all) {
        for (const style of root.querySelectorAll("style"))  // what scripts put past its text
            if (style.sheet && !style.textContent.trim()) style.textContent = rules(style.sheet)
        for (const sheet of root.adoptedStyleSheets ?? []) {
            const style = document.createElement("style")
            style.textContent = rules(sheet);
            (root === document ? document.head ?? document.documentElement : root).append(style)
        }
        for (const e of root.querySelectorAll("script, noscript, link[rel~=modulepreload], link[rel~=preload][as=script]"))
            if (!e.type || e.localName != "script" || !/ld\+json/.test(e.type)) e.remove()
        for (const e of root.querySelectorAll("*")) for (const { name, value } of [...e.attributes])
            if (/^on/i.test(name) || /^[\s\0-\x1f]*javascript:/i.test(value)) e.removeAttribute(name)
        for (const e of root.querySelectorAll("input, textarea, option")) {
            if (e.localName == "textarea") e.textContent = e.value
            else if (e.localName == "option") e.toggleAttribute("selected", e.selected)
            else if (/^(checkbox|radio)$/.test(e.type)) e.toggleAttribute("checked", e.checked)
        }
    }
    const base = document.querySelector("base[href]")
    if (base) base.setAttribute("href", document.baseURI)
    else if (document.URL.split("#")[0] != address && document.head) {  // a script gave it another address
        const own = document.createElement("base")
        own.setAttribute("href", document.URL); document.head.prepend(own)
    }
    return [html, write()]
}"""
