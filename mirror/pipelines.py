"""The pipeline: records items in the archive. Each is one call of `store.run.crawl`, and some counting."""

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Final, Self

from scrapy.crawler import Crawler
from scrapy.exceptions import DropItem

from mirror.circles import reopen
from mirror.close_spider import has_failed, stop
from mirror.core.policy.scope import Role
from mirror.core.url.canonical import CanonicalURL
from mirror.events.stream import Stream
from mirror.events.types import Failed, Fetched, Skipped, Unchanged
from mirror.items import Answer, Failure, Item
from mirror.reports.run_summary import start_moved
from mirror.store.disk.errors import StorageError
from mirror.store.manifest.records import Entry, Standing
from mirror.store.run.answers import Recorded
from mirror.terminal.console import print_message

if TYPE_CHECKING:
    from mirror.spiders.mirror import MirrorSpider

LISTING_ONLY: Final = frozenset({Role.LISTING})
"""The roles of resources that only list pages, such as robots.txt. They do not count as a part of the mirror."""

COMMIT_INTERVAL: Final = 0.25
"""Seconds within which an answer is committed, even if no others arrive."""


class Store:
    """Records answers, failures and skips. If the disk fails, the crawl stops."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._timer: asyncio.TimerHandle | None = None
        self._stream = Stream.of(crawler)
        self._counts: Counter[str] = Counter()
        """The stats of this pipeline, written with each commit: Scrapy's collector takes as long as a statement of SQLite."""

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    def process_item(self, item: Item) -> Item:
        spider: MirrorSpider = self._crawler.spider  # type: ignore[assignment]
        if has_failed(self._crawler):  # the next run fetches this URL again
            raise DropItem("the archive can't be written", log_level="DEBUG")
        counts = self._counts
        try:
            if isinstance(item, Answer):
                self._record(spider, item)
            elif isinstance(item, Failure):
                recorded = spider.mirror.fail(item.entry, item.error)
                counts["failed"] += recorded.failed
                self._tell(spider, item.entry, recorded, None)
            else:
                spider.mirror.skip(item.entry, item.reason, item.rule)
                counts["skipped"] += 1
                self._stream.tell(Skipped(item.entry.url, str(item.reason), item.rule))
            counts["done"] += 1
        except StorageError as error:
            stop(self._crawler, error)
            raise DropItem(str(error), log_level="DEBUG") from error
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(COMMIT_INTERVAL, self._flush)
        return item

    def _record(self, spider: "MirrorSpider", item: Answer) -> None:
        recorded = spider.mirror.record(item.entry, item.response, item.references, item.digest)
        if item.note:
            spider.mirror.note(item.entry, item.note)
        if item.latency is not None:
            spider.mirror.took(recorded.resource, item.latency)
        if recorded.resource.is_redirect:
            reopen(self._crawler, item.entry)
            _tell_move(spider, item.entry.url)
        if recorded.saved and item.entry.roles != LISTING_ONLY:
            self._counts["pages" if recorded.page else "requisites"] += 1
            self._counts["bytes"] += recorded.resource.size
        self._counts["failed"] += recorded.failed
        self._tell(spider, item.entry, recorded, item.response.status)
        if recorded.page:
            spider.is_rendering()  # starts to render the page, if it is to be rendered

    def _tell(self, spider: "MirrorSpider", entry: Entry, recorded: Recorded, status: int | None) -> None:
        """Tell what became of a URL that was requested; `status` is that of the answer."""
        if not self._stream.wants(Fetched):
            return
        version = recorded.resource
        if version.error is not None:
            kept = version.standing is Standing.KEPT
            self._stream.tell(Failed(entry.url, status, version.error, kept, not recorded.failed))
        elif version.since != spider.mirror.snapshot.id:
            self._stream.tell(Unchanged(version.url, status, version.size, version.path, recorded.page))
        else:
            kind = version.media_type
            self._stream.tell(Fetched(version.url, status, kind, version.size, version.path, recorded.page))

    def close_spider(self) -> None:
        if self._timer:
            self._timer.cancel()
        self._tell_counts()

    def _flush(self) -> None:
        self._timer = None
        self._tell_counts()
        spider: MirrorSpider = self._crawler.spider  # type: ignore[assignment]
        try:
            spider.mirror.flush()
        except StorageError as error:
            stop(self._crawler, error)

    def _tell_counts(self) -> None:
        assert self._crawler.stats is not None
        for name, count in self._counts.items():
            self._crawler.stats.set_value(f"mirror/{name}", count)


def _tell_move(spider: "MirrorSpider", start: CanonicalURL) -> None:
    """If a start leads to another site, say so."""
    to = spider.mirror.moves.get(start)
    if to:
        print_message(start_moved(start, to) + "\n")
