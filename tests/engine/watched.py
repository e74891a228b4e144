"""Crawl a site with components of all kinds, and print what each was told: with Scrapy's engine, or with ours.

    python -m tests.engine.watched scrapy|ours URL SETTINGS

SETTINGS is JSON. The output is JSON: the path of each request -> what happened to it, in order, and some stats.
"""

import json
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final
from urllib.parse import urlsplit

from scrapy import Request, Spider, signals
from scrapy.crawler import AsyncCrawlerProcess, Crawler
from scrapy.exceptions import DropItem, IgnoreRequest, NotConfigured
from scrapy.http import HtmlResponse, Response
from scrapy.settings import Settings
from scrapy.utils.asyncio import is_asyncio_available
from twisted.internet.defer import Deferred, succeed
from twisted.python.failure import Failure

from mirror.engine.engine import DirectCrawler

HAPPENED: Final[dict[str, list[str]]] = defaultdict(list)
OURS: Final = {
    "DOWNLOADER": "mirror.engine.downloader.Downloader",
    "ITEM_PROCESSOR": "mirror.engine.pipelines.Pipelines",
}
SIGNALS: Final = (
    "request_reached_downloader",
    "request_left_downloader",
    "response_downloaded",
    "response_received",
    "spider_error",
    "item_scraped",
    "item_dropped",
    "item_error",
)


def tell(request: Request | Response | None, what: str) -> None:
    HAPPENED[urlsplit(request.url).path if request is not None else "?"].append(what)


class Watched(Spider):
    """Each path asks for something else of the engine."""

    name = "watched"

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url = url

    async def start(self) -> AsyncIterator[Request]:
        for path in PATHS:
            yield Request(
                f"{self.url}/{path}",
                callback=getattr(self, f"parse_{path}", None),
                errback=self.failed,
                dont_filter=True,
            )
        yield Request("gopher://localhost/unsupported", errback=self.failed)

    def parse(self, response: Response) -> Iterator[dict[str, str]]:
        tell(response, "parse")
        yield {"url": response.url}

    async def parse_coroutine(self, response: Response) -> list[dict[str, str]]:
        tell(response, "coroutine")
        return [{"url": response.url, "number": number} for number in "12"]

    async def parse_generator(self, response: Response) -> AsyncIterator[dict[str, str] | Request]:
        tell(response, "generator")
        yield {"url": response.url}
        yield Request(f"{self.url}/followed", callback=self.parse)

    def parse_fails(self, _: Response) -> None:
        raise ValueError("the callback")

    def parse_late(self, response: Response) -> Iterator[dict[str, str]]:
        yield {"url": response.url}
        raise ValueError("after an item")

    def parse_nothing(self, response: Response) -> None:
        tell(response, "nothing")

    def parse_one(self, response: Response) -> dict[str, str]:
        return {"url": response.url}

    def failed(self, failure: Failure) -> dict[str, str]:
        tell(failure.request, f"errback {type(failure.value).__name__}")  # type: ignore[attr-defined]
        return {"url": failure.request.url, "failed": "yes"}  # type: ignore[attr-defined]


PATHS: Final = (
    "plain",
    "coroutine",
    "generator",
    "fails",
    "late",
    "nothing",
    "one",
    "answered",
    "answered-later",
    "again",
    "ignored",
    "wrong",
    "broken",
    "mended",
    "replaced",
    "refused",
    "missing",
    "dropped",
    "spoiled",
    "silent",
)


class Outer:
    """A downloader middleware with plain methods."""

    def process_request(self, request: Request) -> Any:
        tell(request, "outer request")
        if request.url.endswith("/answered"):
            return HtmlResponse(request.url, body=b"made here")
        if request.url.endswith("/ignored"):
            raise IgnoreRequest("by a middleware")
        return "no response" if request.url.endswith("/wrong") else None

    def process_response(self, request: Request, response: Response) -> Any:
        tell(request, f"outer response {response.status}")
        if request.url.endswith("/again") and not request.meta.get("tried"):
            return request.replace(meta={**request.meta, "tried": True}, dont_filter=True)
        return response

    def process_exception(self, request: Request, exception: Exception) -> Any:
        tell(request, f"outer exception {type(exception).__name__}")
        return HtmlResponse(request.url, body=b"mended") if request.url.endswith("/mended") else None


class Inner:
    """A downloader middleware with coroutines, and one method that returns a Deferred."""

    async def process_request(self, request: Request) -> Any:
        tell(request, "inner request")
        if request.url.endswith(("/broken", "/mended")):
            raise ValueError("a middleware")
        return HtmlResponse(request.url, body=b"later") if request.url.endswith("/answered-later") else None

    def process_response(self, request: Request, response: Response) -> Deferred[Response]:
        tell(request, f"inner response {response.status}")
        return succeed(response.replace(body=b"replaced") if request.url.endswith("/replaced") else response)


class Old:
    """A downloader middleware as of old."""

    def process_request(self, request: Request, spider: Spider) -> None:
        tell(request, f"old {spider.name}")


class SpiderMiddleware:
    """What makes a response take Scrapy's way."""

    async def process_spider_output(self, response: Response, result: AsyncIterator[Any]) -> AsyncIterator[Any]:
        async for one in result:
            tell(response, "spider middleware")
            yield one


class First:
    """A pipeline that drops and fails."""

    def process_item(self, item: dict[str, str]) -> dict[str, str]:
        if item["url"].endswith("/dropped"):
            raise DropItem("no")
        if item["url"].endswith("/spoiled"):
            raise ValueError("a pipeline")
        return {**item, "first": "yes"}


class Second:
    """A pipeline that is a coroutine."""

    async def process_item(self, item: dict[str, str]) -> dict[str, str]:
        assert item["first"]
        return {**item, "second": "yes"}


class Witness:
    """An extension that listens to all signals, in all ways."""

    def __init__(self, crawler: Crawler) -> None:
        if not is_asyncio_available():
            raise NotConfigured
        for name in SIGNALS:
            crawler.signals.connect(getattr(self, name), signal=getattr(signals, name))
        crawler.signals.connect(self.raises, signal=signals.response_received)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> "Witness":
        return cls(crawler)

    def request_reached_downloader(self, request: Request, spider: Spider) -> None:
        tell(request, f"reached {spider.name}")

    def request_left_downloader(self, request: Request) -> None:
        tell(request, "left")

    def response_downloaded(self, request: Request, response: Response, **words: Any) -> None:
        tell(request, f"downloaded {response.status} {sorted(words)}")

    def response_received(self, response: Response, request: Request, signal: object) -> None:
        assert signal is signals.response_received
        tell(request, f"received {response.body[:9]!r}")

    def raises(self) -> None:
        raise ValueError("a receiver")

    def spider_error(self, failure: Failure, response: Response) -> None:
        tell(response, f"error {failure.value}")

    async def item_scraped(self, item: dict[str, str], response: Any) -> None:
        tell(response if isinstance(response, Response) else None, f"scraped {sorted(item)}")

    def item_dropped(self, response: Response, exception: Exception) -> Deferred[None]:
        tell(response, f"dropped {exception}")
        return succeed(None)

    def item_error(self, response: Response, failure: Failure) -> None:
        tell(response, f"item error {failure.value}")


def main(engine: str, url: str, given: str) -> None:
    settings = Settings()
    settings.setdict(
        {
            "TELNETCONSOLE_ENABLED": False,
            "REMOTE_CONTROL_ENABLED": False,
            "LOG_LEVEL": "CRITICAL",
            "RETRY_ENABLED": False,
            "CONCURRENT_ITEMS": 1,
            "SPIDER_MODULES": ["tests.engine.watched"],
            "EXTENSIONS": {"tests.engine.watched.Witness": 1},
            "DOWNLOADER_MIDDLEWARES": {"tests.engine.watched.Outer": 1, "tests.engine.watched.Inner": 2},
            "SPIDER_MIDDLEWARES_BASE": {},
            "SPIDER_MIDDLEWARES": {},
            "ITEM_PIPELINES": {"tests.engine.watched.First": 1, "tests.engine.watched.Second": 2},
            **(OURS if engine == "ours" else {}),
            **json.loads(given),
        }
    )
    process = AsyncCrawlerProcess(settings)
    crawler = DirectCrawler.of("watched", settings) if engine == "ours" else process.create_crawler(Watched)
    process.crawl(crawler, url=url)
    process.start()
    stats = {name: value for name, value in crawler.stats.get_stats().items() if isinstance(value, int | str)}
    stats = {
        name: value for name, value in stats.items() if "time" not in name and "mem" not in name and "bytes" not in name
    }
    json.dump({"happened": HAPPENED, "stats": stats}, sys.stdout, indent=1, sort_keys=True)


if __name__ == "__main__":
    sys.modules["tests.engine.watched"] = sys.modules["__main__"]
    main(*sys.argv[1:])
