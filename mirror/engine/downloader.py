"""The downloader: the way of a request through the downloader middlewares and the slot of its host, within one task.

Scrapy's own starts a task for the middlewares, another one for the transfer, and wraps the result of each method.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import lru_cache
from inspect import isawaitable
from time import monotonic
from typing import Any, cast
from urllib.parse import urlsplit

from scrapy import Request, Spider, signals
from scrapy.core.downloader import Downloader as ScrapyDownloader
from scrapy.core.downloader import Slot
from scrapy.crawler import Crawler
from scrapy.exceptions import _InvalidOutput
from scrapy.http import Response
from scrapy.utils.asyncio import call_later
from scrapy.utils.defer import _process_pending_io, deferred_from_coro, ensure_awaitable
from twisted.internet.defer import Deferred

Method = Callable[..., Any]


class Downloader(ScrapyDownloader):
    """Scrapy's downloader with a shorter way. Its settings, slots, signals and middlewares are the same."""

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        methods = self.middleware.methods
        self._on_request = cast("tuple[Method, ...]", tuple(methods["process_request"]))
        self._on_response = cast("tuple[Method, ...]", tuple(methods["process_response"]))
        self._takes_spider = bool(self.middleware._mw_methods_requiring_spider)

    def fetch(self, request: Request, spider: Spider | None = None) -> Deferred[Response | Request]:  # noqa: ARG002 - Scrapy's signature
        return deferred_from_coro(self.fetch_async(request))

    async def fetch_async(self, request: Request) -> Response | Request:
        """Return the response, or the request that a middleware wants to be made instead. Raises what the last one raises."""
        self.active.add(request)
        try:
            if self._takes_spider:  # as old middlewares do
                return await self.middleware.download_async(self._enqueue_request, request)
            try:
                result = await self._ask(request)
            except Exception as error:  # noqa: BLE001 - the middlewares decide
                result = await self.middleware._process_exception(error, request)
            return result if isinstance(result, Request) else await self._answered(request, result)
        finally:
            self.active.remove(request)

    async def _ask(self, request: Request) -> Response | Request:
        for method in self._on_request:
            found = method(request=request)
            if found is None:
                continue
            if not isinstance(found, Response | Request):
                found = await _awaited(found)
            if isinstance(found, Response | Request):
                return found
            if found is not None:
                raise _InvalidOutput(_complaint(method, "None, Response or Request", found))
        return await self._enqueue_request(request)

    async def _answered(self, request: Request, response: Response) -> Response | Request:
        for method in self._on_response:
            found = method(request=request, response=response)
            if not isinstance(found, Response | Request):
                found = await _awaited(found)
            if isinstance(found, Request):
                return found
            if not isinstance(found, Response):
                raise _InvalidOutput(_complaint(method, "Response or Request", found))
            response = found
        return response

    def get_slot_key(self, request: Request) -> str:
        """Return what Scrapy's own returns, which parses each URL anew."""
        if self.ip_concurrency or self.DOWNLOAD_SLOT in request.meta:
            return super().get_slot_key(request)
        return _host("/".join(request.url.split("/", 3)[:3]))

    async def _enqueue_request(self, request: Request) -> Response:
        key, slot = self._get_slot(request)
        request.meta[self.DOWNLOAD_SLOT] = key
        slot.active.add(request)
        self.signals.send_catch_log(signals.request_reached_downloader, request=request, spider=self.crawler.spider)
        try:
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            slot.queue.append((request, cast("Any", turn)))
            self._process_queue(slot)
            if not turn.done():
                await turn
            return await self._download(slot, request)
        finally:
            slot.transferring.discard(request)  # if it was cancelled before its transfer began
            slot.active.remove(request)

    async def _download(self, slot: Slot, request: Request) -> Response:
        """Download a request that its slot lets go. What happens then, and in which order, is as in Scrapy's own."""
        told: dict[str, Any] = {"request": request, "spider": self.crawler.spider}
        try:
            response = await self._handled(request)
        except Exception:
            await _process_pending_io()
            raise
        else:
            self.signals.send_catch_log(signals.response_downloaded, response=response, **told)
            return response
        finally:
            slot.transferring.remove(request)
            self._process_queue(slot)
            self.signals.send_catch_log(signals.request_left_downloader, **told)

    def _handled(self, request: Request) -> Awaitable[Response]:
        """Hand a request to the handler of its scheme. Scrapy, which parses the whole URL for that, does so the first time."""
        handlers, scheme = self.handlers, request.url.partition(":")[0]
        if scheme not in handlers._handlers or scheme in handlers._old_style_handlers:
            return handlers.download_request_async(request)
        return handlers._handlers[scheme].download_request(request)

    def _process_queue(self, slot: Slot) -> None:
        """Start the requests of a slot that may start. Those of a slot with a delay start one by one, with pauses."""
        while slot.queue and slot.latercall is None and slot.free_transfer_slots() > 0:
            now, delay = monotonic(), slot.download_delay()
            if delay and slot.lastseen + delay > now:
                slot.latercall = call_later(slot.lastseen + delay - now, self._latercall, slot)
                return
            slot.lastseen = now
            request, turn = slot.queue.popleft()
            slot.transferring.add(request)
            cast("asyncio.Future[None]", turn).set_result(None)


@lru_cache(maxsize=1024)
def _host(start: str) -> str:
    """The host of a URL, of which only the start is given, up to the path: most URLs share it with others."""
    return urlsplit(start).hostname or ""


async def _awaited(found: Any) -> Any:
    return await ensure_awaitable(found) if isinstance(found, Deferred) or isawaitable(found) else found


def _complaint(method: Method, wanted: str, found: object) -> str:
    return f"Middleware {method.__qualname__} must return {wanted}, got {type(found).__name__}"
