"""The spider: entries of the frontier become requests, responses become items. All decisions are made in `core` and `store`."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from typing import Any, Self

from scrapy import Request, Spider
from scrapy.crawler import Crawler
from scrapy.http import Response
from twisted.python.failure import Failure as TwistedFailure

from mirror import failures
from mirror.core.documents import find_references
from mirror.core.scope import Role
from mirror.core.urls import referer
from mirror.items import Answer, Failure, Item, Skip, answered
from mirror.options import Options
from mirror.store.archive import Archive
from mirror.store.crawl import Crawl
from mirror.store.manifest import Entry


class MirrorSpider(Spider):
    """`scrapy crawl mirror -a start=URL`; the arguments are those of `mirror.options`."""

    name = "mirror"

    def __init__(self, **words: str) -> None:
        super().__init__(self.name)
        self.options = Options.parse(words)
        self.out = self.options.out
        self.archive = Archive(self.out)
        self.mirror = Crawl(
            self.archive, self.options.scope, options=self.options.as_json(), limit=self.options.limit, now=_now
        )

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> Self:
        return super().from_crawler(crawler, *args, **kwargs)

    async def start(self) -> AsyncIterator[Any]:
        """Nothing: the scheduler hands out what the frontier has."""
        return
        yield  # what makes this a generator

    def request(self, entry: Entry) -> Request:
        """The request for an entry of the frontier."""
        found_on = referer(entry.referrer, entry.url) if entry.referrer else None
        return Request(
            entry.url,
            headers={"Referer": found_on} if found_on else None,
            meta={"entry": entry, "verbatim_url": True},
            errback=self.failed,
        )

    def parse(self, response: Response, **_: Any) -> Iterator[Item]:
        assert response.request is not None
        entry: Entry = response.request.meta["entry"]
        answer = answered(response)
        yield Answer(entry, answer, find_references(answer, listing=Role.LISTING in entry.roles))

    def failed(self, failure: TwistedFailure) -> Iterator[Item]:
        entry: Entry = failure.request.meta["entry"]  # type: ignore[attr-defined]  # Scrapy puts it there
        error = failure.value
        assert error is not None
        if isinstance(error, failures.Skipped):
            yield Skip(entry, error.reason)
        else:
            yield Failure(entry, failures.text(error))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
