"""One visit to a page: answer what it requests, wait until it is quiet, scroll it, read its DOM.

Every request of the page is answered from here or fails. Requests that pages may not make are refused and listed in
`Rendering.refused`.
"""

import asyncio
import json
import logging
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, TypeVar

from mirror.browser import chromium, limits
from mirror.browser.chromium import HEIGHT, WIDTH
from mirror.browser.page_answers import abort_code, asked_variant, fulfill, is_question, other_origin
from mirror.browser.page_scripts import DISABLE_DIALOGS, WATCH_TIMERS, IsolatedWorld, next_timers
from mirror.browser.records import Ask, Document, PageRequest, RefusedError, Rendering, Screen, ScriptCookie
from mirror.core.http.request_variants import with_variant
from mirror.core.replay.first_script import first_script
from mirror.core.syntax.reference import Kind
from mirror.core.url.canonical import CanonicalURL

if TYPE_CHECKING:
    from playwright.async_api import Browser as Chromium
    from playwright.async_api import (
        BrowserContext,
        CDPSession,
        Page,
        Request,
        Route,
        StorageState,
        ViewportSize,
        WebSocket,
    )

logger = logging.getLogger(__name__)

T = TypeVar("T")

_POLL: Final = 0.05
_REFUSED_TYPES: Final = {
    "eventsource": "EventSource",
    "ping": "beacon",
    "cspviolationreport": "report",
    "websocket": "WebSocket",
}
"""Resource type -> its name in `Rendering.refused`."""

_SIZES: "Final[dict[Screen, ViewportSize]]" = {
    Screen.DESKTOP: {"width": WIDTH, "height": HEIGHT},
    Screen.PHONE: {"width": 390, "height": 844},
}
"""Screens in pixels."""

_NOT_AWAITED: Final = frozenset({"media", "texttrack"})  # fetched for the mirror; the page need not play it
_NEEDS_ORIGIN: Final = {"fetch": "fetches data", "xhr": "fetches data"}


class PageVisit:
    """Opens one page in a context of its own. `began` is whether the browser was able to create the page."""

    def __init__(  # noqa: PLR0913 - all that a visit depends on
        self,
        document: Document,
        ask: Ask,
        *,
        clock: int,
        settle: float,
        storage: "StorageState | None" = None,
        routes: Sequence[str] = (),
        screens: Sequence[Screen] = (Screen.DESKTOP,),
        clicks: bool = False,
    ) -> None:
        self.document = document
        self.result = Rendering(document.url)
        self.began = False
        self._ask = ask
        self._clock = clock
        self._settle_time = settle
        self._storage = storage
        self._routes = routes
        self._screens = screens
        self._clicks = clicks
        self._context: BrowserContext | None = None
        self._page: Page | None = None
        self._is_answered = False
        self._reloads = 0
        self._has_loaded = False
        self._crash = asyncio.Event()
        self._requested: set[str] = set()
        self._questions: set[str] = set()
        self._waiting = 0
        self._active = monotonic()
        self._acted = monotonic()
        self._busy = 0.0
        self._idle = 0.0
        self._settled = 0.0

    async def run(self, browser: "Chromium") -> None:
        """Open the page, let its scripts run, and store the outcome in `result`."""
        self._context = context = await browser.new_context(
            accept_downloads=False,
            service_workers="block",
            viewport=_SIZES[self._screens[0]],
            reduced_motion="reduce",
            storage_state=self._storage,
        )
        await context.route("**/*", self._on_route)
        await context.add_init_script(first_script(self._clock))
        await context.add_init_script(DISABLE_DIALOGS)
        await context.add_init_script(WATCH_TIMERS)
        self._page = page = await context.new_page()
        context.on("page", _close_popup)
        page.on("load", self._on_load)
        page.on("crash", self._on_crash)
        page.on("websocket", self._on_websocket)
        page.on("worker", self._on_worker)
        self.began = True
        await page.goto(self.document.url, wait_until="commit", timeout=limits.MAX_BUSY * 1000)
        session = await context.new_cdp_session(page)
        while True:
            reloads = self._reloads
            try:
                await self._look(page, session)
                break
            except Exception:
                if self._reloads == reloads:  # otherwise the page has loaded itself again meanwhile
                    raise
        self.result.cookies = await self._cookies(self.document.url)
        with suppress(Exception):  # the page may have gone away; everything else is known
            stored = await self._within_limit(context.storage_state())
            is_kept = stored.get("origins") and len(json.dumps(stored)) <= limits.MAX_STORAGE
            self.result.storage = stored if is_kept else None

    async def _look(self, page: "Page", session: "CDPSession") -> None:
        """Wait for everything that the page loads, and read its DOM."""
        await self._wait_until_quiet()
        await self._settle(session, self._settle_time, loading=True)
        world = await self._within_limit(IsolatedWorld.create(session))
        await self._scroll(session, world)
        if self._clicks:
            await self._reveal(session, world)
        for screen in self._screens[1:]:
            await self._change_screen(session, world, screen)
        await self._show_routes(session, world)
        if page.url.startswith(("http://", "https://")):
            self.result.url = page.url
            self.result.html, self.result.static_html = await self._within_limit(world.read(self.document.url))

    async def close(self) -> bool:
        """Close the page. Return whether that succeeded."""
        return await chromium.close_context(self._context)

    # --- time ----------------------------------------------------------------------------------------------------------

    async def _wait_until_quiet(self) -> None:
        """Wait until the page has loaded and makes no requests, within its limit of busy time."""
        before = monotonic()
        while not self._is_quiet():
            await asyncio.sleep(_POLL)
            now = monotonic()
            if not self._waiting:
                self._busy += now - before
            before = now
            if self._crash.is_set():
                raise _CrashedError
            if self._busy > limits.MAX_BUSY:
                self.result.outcome = "never quiet" if self._has_loaded else "never loaded"
                return

    async def _settle(self, session: "CDPSession", seconds: float, *, loading: bool = False) -> None:
        """Wait for the timers that are due within so many seconds of the last request or action, and for what they request.

        After an action, an interval is waited for once; while the page is `loading`, each time. The time for timers that lead
        to no request is limited, and so is the time in total.
        """
        requests = len(self._requested)
        while due := await self._next_timers(session, seconds, loading=loading):
            before = monotonic()
            await asyncio.sleep(due + _POLL)
            await self._wait_until_quiet()
            self._settled += due
            self._idle += monotonic() - before if len(self._requested) == requests else 0.0
            self.result.waited = True
            self.result.late |= len(self._requested) > requests
            requests = len(self._requested)
        self.result.late |= self.result.waited and len(self._requested) > requests

    async def _next_timers(self, session: "CDPSession", seconds: float, *, loading: bool) -> float:
        """Return the seconds to wait for timers; 0 if there are none, or if the visit has waited long enough."""
        quiet = monotonic() - max(self._acted, self._active)
        idle_left = limits.IDLE_FACTOR * self._settle_time - self._idle
        left = min(seconds - quiet, idle_left, limits.SETTLE_FACTOR * self._settle_time - self._settled)
        if left <= 0 or self.result.outcome:
            return 0.0
        ago = 0.0 if loading else monotonic() - self._acted
        return await self._within_limit(next_timers(session, left, ago))

    async def _within_limit(self, work: Coroutine[Any, Any, T]) -> T:
        """Await an answer of the page's process, with a time limit: a tab that hangs or has crashed never answers."""
        doing, crash = asyncio.ensure_future(work), asyncio.ensure_future(self._crash.wait())
        try:
            await asyncio.wait({doing, crash}, timeout=limits.MAX_BUSY, return_when=asyncio.FIRST_COMPLETED)
            if doing.done():
                return doing.result()
            raise _CrashedError if crash.done() else TimeoutError
        finally:
            doing.cancel()
            crash.cancel()

    def _is_quiet(self) -> bool:
        return self._has_loaded and not self._waiting and monotonic() - self._active > limits.QUIET

    async def _scroll(self, session: "CDPSession", world: IsolatedWorld) -> None:
        """Scroll through the page screen by screen, so that lazy content loads, then back to the top."""
        if self.result.outcome:
            return
        for screen in range(1, limits.MAX_SCREENS + 1):
            self._acted = monotonic()
            is_end = await self._within_limit(world.scroll(screen))
            if self._waiting:
                await self._wait_until_quiet()
            await self._settle(session, min(self._settle_time, limits.SCROLL_SETTLE))
            if is_end and (self.result.outcome or not await self._has_grown(world, screen)):
                break
        self._acted = monotonic()
        await self._within_limit(world.scroll(0))
        await self._wait_until_quiet()
        await self._settle(session, min(self._settle_time, limits.SCROLL_SETTLE))

    async def _reveal(self, session: "CDPSession", world: IsolatedWorld) -> None:
        """Click on what reveals more, for what it requests."""
        for _ in range(limits.MAX_CLICKS):
            self._acted = self._active = monotonic()
            if self.result.outcome or not await self._within_limit(world.click()):
                return
            await self._wait_until_quiet()
            await self._settle(session, min(self._settle_time, limits.SCROLL_SETTLE))
        self._refuse(f"more than {limits.MAX_CLICKS} clicks", "")

    async def _change_screen(self, session: "CDPSession", world: IsolatedWorld, screen: Screen) -> None:
        """Show the page on another screen: it may load what it needs only there."""
        assert self._page is not None
        self._acted = self._active = monotonic()
        await self._within_limit(self._page.set_viewport_size(_SIZES[screen]))
        await self._wait_until_quiet()
        await self._settle(session, min(self._settle_time, limits.SCROLL_SETTLE))
        await self._scroll(session, world)

    async def _show_routes(self, session: "CDPSession", world: IsolatedWorld) -> None:
        """Show each view of the page that a hash route leads to, for what it requests; then the first one again."""
        first = self._page.url.partition("#")[2] if self._page else ""
        routes, _ = await self._within_limit(world.links())
        waiting, shown = [*self._routes, *routes], {f"#{first}"}
        while waiting and not self.result.outcome:
            route = waiting.pop(0)
            if route in shown:
                continue
            if len(shown) > limits.MAX_ROUTES:
                self._refuse(f"more than {limits.MAX_ROUTES} hash routes", "")
                break
            shown.add(route)
            await self._show(session, world, route)
            more, urls = await self._within_limit(world.links())
            waiting += more
            self.result.links.update(urls)
        if len(shown) > 1 and not self.result.outcome:
            await self._show(session, world, first)

    async def _show(self, session: "CDPSession", world: IsolatedWorld, route: str) -> None:
        self._acted = self._active = monotonic()
        await self._within_limit(world.go(route))
        await self._wait_until_quiet()
        await self._settle(session, min(self._settle_time, limits.SCROLL_SETTLE))

    async def _has_grown(self, world: IsolatedWorld, screen: int) -> bool:
        """Whether the page became longer after its end was shown."""
        await self._wait_until_quiet()
        return not self.result.outcome and not await self._within_limit(world.scroll(screen))

    def _on_load(self, _: object) -> None:
        self._has_loaded = True
        self._active = self._acted = monotonic()

    def _on_websocket(self, socket: "WebSocket") -> None:
        self._refuse("WebSocket", socket.url)

    def _on_worker(self, _: object) -> None:
        self.result.needs.add("starts workers")

    def _on_crash(self, _: object) -> None:
        self._crash.set()

    # --- requests ------------------------------------------------------------------------------------------------------

    async def _on_route(self, route: "Route", request: "Request") -> None:
        self._active = monotonic()
        try:
            await self._answer(route, request)
        except Exception as error:  # noqa: BLE001 - the page has been closed, so nothing waits for this response
            logger.debug("%s: %s", request.url, error)
        finally:
            self._active = monotonic()

    async def _answer(self, route: "Route", request: "Request") -> None:
        url = request.url.partition("#")[0]
        kind = self._kind(request)
        if kind is None and not self._is_answered and url == self.document.url.partition("#")[0]:
            self._is_answered = True
            await fulfill(route, self.document)
            return
        if kind is None and self._is_reload(request, url):
            await fulfill(route, await self._load_again(url))
            return
        if kind is None:
            self._has_loaded = True  # a page that navigates away before it has loaded never sends its load event
        if not self._is_allowed(request, url):
            await route.abort(abort_code(request))
            return
        if kind is None:  # the page would navigate away: record the target as a link, and stay
            await self._ask(PageRequest(url, Kind.ROUTE, waits=False))
            await route.abort("aborted")
            return
        if request.resource_type in _NEEDS_ORIGIN:
            self.result.needs.add(_NEEDS_ORIGIN[request.resource_type])
        waits = request.resource_type not in _NOT_AWAITED
        cookies = await self._cookies(url) if request.resource_type in _NEEDS_ORIGIN else ()
        wanted = PageRequest(url, kind, waits, other_origin(request, url), cookies, variant=asked_variant(request))
        response = await self._fetch(wanted)
        if response is None or len(response.body) > limits.MAX_BYTES:
            await route.abort(abort_code(request))
        else:
            await fulfill(route, response, has_body=request.method != "HEAD")

    def _is_reload(self, request: "Request", url: str) -> bool:
        """Whether the page loads itself again, as pages do that have set a cookie or stored something."""
        is_itself = request.method == "GET" and url == self.document.url.partition("#")[0]
        return is_itself and (self._reloads < limits.MAX_RELOADS or self._refuse("reload", url))

    async def _load_again(self, url: str) -> Document:
        """Return the page as the server sends it now. Without cookies of scripts, it sends what it sent before."""
        self._reloads += 1
        self._has_loaded = False
        cookies = await self._cookies(url)
        if cookies:
            self.document = await self._fetch(PageRequest(url, Kind.PAGE, cookies=cookies, again=True)) or self.document
        return self.document

    async def _cookies(self, url: str) -> tuple[ScriptCookie, ...]:
        """The cookies that scripts have set for the host of a URL; responses set none here."""
        assert self._context is not None
        found = await self._context.cookies([url])
        return tuple(ScriptCookie(one["name"], one["value"], one["path"]) for one in found[: limits.MAX_COOKIES])

    async def _fetch(self, wanted: PageRequest) -> Document | None:
        self._waiting += 1
        try:
            return await asyncio.wait_for(self._ask(wanted), limits.MAX_RESOURCE_WAIT)
        except TimeoutError:
            self.result.missed = True
            return None
        except RefusedError:
            self._refuse(wanted.variant.method, wanted.url)
            return None
        finally:
            self._waiting -= 1

    def _kind(self, request: "Request") -> Kind | None:
        """The role of the requested URL in the page; `None` if its document would replace the page."""
        if not request.is_navigation_request():
            return Kind.REQUISITE
        try:
            frame = request.frame
        except Exception:  # noqa: BLE001 - playwright has no frame yet for a page that is just opening
            return None
        return None if frame.parent_frame is None else Kind.FRAME

    def _is_allowed(self, request: "Request", url: str) -> bool:
        if not url.startswith(("http://", "https://")):
            return False
        if request.method not in {"GET", "HEAD"} and not is_question(request):
            return self._refuse(request.method, url)
        if request.resource_type in _REFUSED_TYPES:
            return self._refuse(_REFUSED_TYPES[request.resource_type], url)
        if is_question(request):
            url = with_variant(CanonicalURL(url), asked_variant(request))
            if url not in self._questions and len(self._questions) >= limits.MAX_QUESTIONS:
                return self._refuse(f"more than {limits.MAX_QUESTIONS} POST requests", "")
            self._questions.add(url)
        if url not in self._requested and len(self._requested) >= limits.MAX_REQUESTS:
            return self._refuse(f"more than {limits.MAX_REQUESTS:,} requests", "")
        self._requested.add(url)
        return True

    def _refuse(self, what: str, url: str) -> bool:
        """Record a refused request. Return `False`, which callers return in turn."""
        line = f"{what} {url}".rstrip()
        if line not in self.result.refused and len(self.result.refused) < limits.MAX_REFUSALS:
            self.result.refused.append(line)
        return False


class _CrashedError(Exception):
    def __str__(self) -> str:
        return "the tab crashed"


async def _close_popup(page: "Page") -> None:
    with suppress(Exception):
        await page.close()
