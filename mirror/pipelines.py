"""The pipeline: records items in the archive. Each is one call of `store.run.crawl`, and some counting."""

import asyncio
from typing import TYPE_CHECKING, Final, Self

from scrapy.crawler import Crawler
from scrapy.exceptions import DropItem

from mirror.circles import reopen
from mirror.close_spider import stop
from mirror.core.policy.scope import Role
from mirror.core.url.canonical import CanonicalURL
from mirror.items import Answer, Failure, Item
from mirror.reports.run_summary import start_moved
from mirror.store.disk.errors import StorageError
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

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    def process_item(self, item: Item) -> Item:
        spider: MirrorSpider = self._crawler.spider  # type: ignore[assignment]
        stats = self._crawler.stats
        assert stats is not None
        if stats.get_value("mirror/storage_error") is not None:  # the next run fetches this URL again
            raise DropItem("the archive can't be written", log_level="DEBUG")
        try:
            if isinstance(item, Answer):
                recorded = spider.mirror.record(item.entry, item.response, item.references, item.digest)
                if item.note:
                    spider.mirror.note(item.entry, item.note)
                if recorded.resource.is_redirect:
                    reopen(self._crawler, item.entry)
                    _tell_move(spider, item.entry.url)
                if recorded.saved and item.entry.roles != LISTING_ONLY:
                    stats.inc_value("mirror/pages" if recorded.page else "mirror/requisites")
                    stats.inc_value("mirror/bytes", recorded.resource.size)
                stats.inc_value("mirror/failed", int(recorded.failed))
                if recorded.page:
                    spider.is_rendering()  # starts to render the page, if it is to be rendered
            elif isinstance(item, Failure):
                stats.inc_value("mirror/failed", int(spider.mirror.fail(item.entry, item.error).failed))
            else:
                spider.mirror.skip(item.entry, item.reason, item.rule)
                stats.inc_value("mirror/skipped")
        except StorageError as error:
            stop(self._crawler, error)
            raise DropItem(str(error), log_level="DEBUG") from error
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(COMMIT_INTERVAL, self._flush)
        return item

    def close_spider(self) -> None:
        if self._timer:
            self._timer.cancel()

    def _flush(self) -> None:
        self._timer = None
        spider: MirrorSpider = self._crawler.spider  # type: ignore[assignment]
        try:
            spider.mirror.flush()
        except StorageError as error:
            stop(self._crawler, error)


def _tell_move(spider: "MirrorSpider", start: CanonicalURL) -> None:
    """If a start leads to another site, say so."""
    to = spider.mirror.moves.get(start)
    if to:
        print_message(start_moved(start, to) + "\n")
