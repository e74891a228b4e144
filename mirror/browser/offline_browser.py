"""A Chromium without a network: the caller answers everything that a page requests.

Input: a `Document` as the server sent it, and `ask`, which answers the page's requests. Output: a `Rendering`.

playwright drives the browser. The browser fetches nothing itself: every request is answered by the caller or fails, host names
do not resolve, and the proxy leads nowhere. That also stops connections that are not requests (WebRTC, preconnect).

Pages are treated as hostile programs. Each one has a browser context of its own, which is discarded afterwards, and `limits`
bounds its time, requests and bytes. A page that hangs or crashes affects only itself or, at worst, the browser, which is then
restarted.
"""

import asyncio
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mirror.browser import chromium, limits
from mirror.browser.chromium import first_line
from mirror.browser.page_visit import PageVisit
from mirror.browser.records import Ask, Document, Rendering, Screen

if TYPE_CHECKING:
    from playwright.async_api import Browser as Chromium
    from playwright.async_api import Playwright, StorageState

logger = logging.getLogger(__name__)

FLAGS: Final = (
    "--host-resolver-rules=MAP * ~NOTFOUND",  # no host name and no address resolves
    "--proxy-server=http://127.0.0.1:9",  # everything else goes to a proxy that does not exist,
    "--proxy-bypass-list=<-loopback>",  # including requests to this machine
    "--webrtc-ip-handling-policy=disable_non_proxied_udp",  # WebRTC can't bypass the proxy
    "--js-flags=--max-old-space-size=512",
)


def what_is_missing(path: Path | None = None) -> str | None:
    """What has to be installed before pages can be rendered, as a sentence; `None` if nothing."""
    return chromium.what_is_missing("rendering", [("playwright", "playwright")], path, "--browser ")


class Browser:
    """One Chromium process. It starts when first needed, and again after `limits.MAX_PAGES` pages or a crash."""

    def __init__(
        self,
        path: Path,
        settle: float = limits.SETTLE,
        screens: Sequence[Screen] = (Screen.DESKTOP,),
        *,
        clicks: bool = False,
    ) -> None:
        """`settle`: see `limits.SETTLE`. `screens` are those on which each page is shown, one after the other.

        `clicks`: click on what reveals more.
        """
        self._clicks = clicks
        self._path = path
        self._screens = screens
        self._settle = settle
        self._playwright: Playwright | None = None
        self._chromium: Chromium | None = None
        self._starting = asyncio.Lock()
        self._opened = 0
        self._open = 0
        self._page_closed = asyncio.Event()

    async def render(  # noqa: PLR0913 - all that a visit depends on
        self,
        document: Document,
        ask: Ask,
        clock: int = 0,
        *,
        is_patient: bool = True,
        storage: "StorageState | None" = None,
        routes: Sequence[str] = (),
    ) -> Rendering:
        """Open a page, let its scripts run, and read the result. Raises `BrowserError`.

        `clock` is the time at which the page's clock starts, in milliseconds since 1970 (`core.replay.first_script`).
        `is_patient`: wait for its timers. `storage` is what another page stored (`Rendering.storage`). `routes` are hash routes
        to open besides those that the page links to, such as `#/guide`.
        """
        for _ in range(2):
            browser = await self._running()
            self._open += 1
            visit = PageVisit(
                document,
                ask,
                clock=clock,
                settle=self._settle if is_patient else 0.0,
                storage=storage,
                routes=routes,
                screens=self._screens,
                clicks=self._clicks,
            )
            try:
                async with asyncio.timeout(limits.MAX_PAGE_TIME):
                    await visit.run(browser)
            except TimeoutError:
                visit.result.outcome = visit.result.outcome or "not done in time"
            except Exception as error:  # noqa: BLE001 - playwright's errors, and those of its connection if Chromium dies
                visit.result.outcome = first_line(error)
            finally:
                await self._close(visit, browser)
                self._open -= 1
                self._page_closed.set()
            if visit.began or browser.is_connected():
                break  # otherwise another page crashed the browser before this one opened
        return visit.result

    async def close(self) -> None:
        """Stop the browser, with all pages that are open in it."""
        browser, self._chromium = self._chromium, None
        playwright, self._playwright = self._playwright, None
        await chromium.stop(browser, playwright)

    async def _running(self) -> "Chromium":
        async with self._starting:
            running = self._chromium
            if running and running.is_connected() and self._opened < limits.MAX_PAGES:
                self._opened += 1
                return running
            if running and running.is_connected():
                while self._open:  # let the open pages finish
                    self._page_closed.clear()
                    await self._page_closed.wait()
                await chromium.stop(running)
            self._opened = 1
            self._playwright, self._chromium = await chromium.start(self._playwright, self._path, FLAGS)
            return self._chromium

    async def _close(self, visit: PageVisit, browser: "Chromium") -> None:
        """Close a page. If that fails, stop the browser; `render` opens the other pages in it again."""
        if not await visit.close() and browser is self._chromium:
            self._chromium = None
            logger.info("%s can't be closed: restarting the browser", visit.document.url)
            await chromium.stop(browser)
