"""The engine: one task for each request, from the scheduler to the item pipelines."""

import asyncio
import inspect
import logging
from typing import Any, Self, cast

from scrapy import Request, signals
from scrapy.core.engine import ExecutionEngine
from scrapy.crawler import Crawler
from scrapy.http import Response
from scrapy.settings import Settings
from scrapy.spiderloader import get_spider_loader
from scrapy.utils.defer import ensure_awaitable, maybe_deferred_to_future
from scrapy.utils.log import logformatter_adapter
from scrapy.utils.spider import iterate_spider_output
from twisted.python.failure import Failure

from mirror.engine.downloader import Downloader
from mirror.engine.signals import Signals

logger = logging.getLogger("scrapy.core.engine")


class DirectCrawler(Crawler):
    """A crawler of Scrapy's with the signals and the engine of this room."""

    @classmethod
    def of(cls, name: str, settings: Settings) -> Self:
        """Return the crawler of a spider of this project. It installs the reactor, so it has to be the only one."""
        self = cls(get_spider_loader(settings).load(name), settings, init_reactor=True)
        self.signals = Signals(self)
        return self

    def _create_engine(self) -> ExecutionEngine:
        return Engine(self, lambda _: self.stop_async())


class Engine(ExecutionEngine):
    """Scrapy's engine with a shorter way for each request. Opening, closing, pausing and being idle are Scrapy's.

    A request takes the short way if the downloader is that of this room; its response, if there are no spider middlewares and
    items are processed one by one.
    """

    def __init__(self, *words: Any) -> None:
        super().__init__(*words)
        self._is_direct = not self.scraper.spidermw.middlewares and self.scraper.concurrent_items == 1
        self._tasks: set[asyncio.Task[None]] = set()
        """Those that run: without a reference, a task may be garbage-collected."""

    def _start_scheduled_request(self) -> bool:
        if not isinstance(self.downloader, Downloader):  # the user has another one
            return super()._start_scheduled_request()
        assert self._slot is not None
        request = self._slot.scheduler.next_request()
        if request is None:
            self.signals.send_catch_log(signals.scheduler_empty)
            return False
        self._slot.add_request(request)
        self.downloader.active.add(request)  # at once, so that `needs_backout` counts it
        self._tasks.add(asyncio.get_running_loop().create_task(self._process(self.downloader, request)))
        return True

    def _fill(self) -> None:
        """Start as many requests as may run."""
        if not self.paused:
            while not self.needs_backout() and self._start_scheduled_request():
                pass

    async def _process(self, downloader: Downloader, request: Request) -> None:
        """Download a request, and hand what comes of it to the spider."""
        slot = self._slot
        assert slot is not None
        try:
            result = await self._result(downloader, request)
            if isinstance(result, Request):
                self.crawl(result)
            elif self._is_direct and isinstance(result, Response):
                await self._scrape(result, request)
            else:
                await maybe_deferred_to_future(self.scraper.enqueue_scrape(result, request))
        except Exception:
            logger.exception("Error while handling downloader output", extra={"spider": self.spider})
        finally:
            self._tasks.discard(cast("asyncio.Task[None]", asyncio.current_task()))
            slot.remove_request(request)
            if slot.inprogress:
                self._fill()
            else:
                slot.nextcall.schedule()  # looks whether the crawl is done

    async def _result(self, downloader: Downloader, request: Request) -> Response | Request | Failure:
        try:
            result = await downloader.fetch_async(request)
        except Exception:  # noqa: BLE001 - the errback of the request gets it
            return Failure()  # type: ignore[no-untyped-call]
        if isinstance(result, Response):
            assert self.spider is not None
            if result.request is None:
                result.request = request
            line = self.logformatter.crawled(result.request, result, self.spider)
            if line is not None:
                logger.log(*logformatter_adapter(line), extra={"spider": self.spider})
            self.signals.send_catch_log(
                signals.response_received, response=result, request=result.request, spider=self.spider
            )
        return result

    async def _scrape(self, response: Response, request: Request) -> None:
        """Call the callback of a request, and process what it returns."""
        scraper = self.scraper
        assert scraper.slot is not None
        scraper.slot.active.add(request)
        scraper.slot.active_size += max(len(response.body), scraper.slot.MIN_RESPONSE_SIZE)
        try:
            self._fill()  # the connection is free
            try:
                output = self._called(response)
                if inspect.iscoroutine(output):
                    output = await output
                if not isinstance(output, list):
                    found = await ensure_awaitable(iterate_spider_output(output))
                    await scraper.handle_spider_output_async(found, request, response)
                    return
                for one in output:
                    await scraper._process_spidermw_output_async(one, response)
            except Exception:  # noqa: BLE001 - Scrapy logs and counts it
                scraper.handle_spider_error(Failure(), request, response)  # type: ignore[no-untyped-call]
        finally:
            scraper.slot.finish_response(response, request)
            scraper._check_if_closing()

    def _called(self, response: Response) -> Any:
        assert response.request is not None
        assert self.spider is not None
        callback = response.request.callback or self.spider._parse
        return callback(response, **response.request.cb_kwargs)
