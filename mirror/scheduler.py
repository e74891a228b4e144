"""The scheduler: hands out what the frontier has. Only retries are kept here, in memory; the frontier knows them too."""

from collections import deque
from typing import TYPE_CHECKING, Self

from scrapy import Request, Spider
from scrapy.core.scheduler import BaseScheduler
from scrapy.crawler import Crawler
from twisted.internet.defer import Deferred

from mirror.pipelines import stop
from mirror.store.errors import StorageError

if TYPE_CHECKING:
    from mirror.spiders.mirror import MirrorSpider


class Scheduler(BaseScheduler):
    """Scrapy's interface in front of `store.crawl.Crawl`."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._again: deque[Request] = deque()
        self._broken = False

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    @property
    def _spider(self) -> "MirrorSpider":
        return self._crawler.spider  # type: ignore[return-value]

    def __len__(self) -> int:
        return len(self._spider.mirror)

    def open(self, spider: Spider) -> Deferred[None] | None:  # noqa: ARG002 - Scrapy's signature
        return None

    def close(self, reason: str) -> Deferred[None] | None:  # noqa: ARG002 - Scrapy's signature
        return None

    def has_pending_requests(self) -> bool:
        return not self._broken and (bool(self._again) or self._spider.mirror.has_next())

    def enqueue_request(self, request: Request) -> bool:
        self._again.append(request)
        return True

    def next_request(self) -> Request | None:
        if self._again:
            return self._again.popleft()
        try:
            entry = None if self._broken else self._spider.mirror.next()
        except StorageError as error:
            self._broken = True
            stop(self._crawler, error)
            return None
        return self._spider.request(entry) if entry else None
