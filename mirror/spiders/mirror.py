"""The spider: entries of the frontier become requests, responses become items. All decisions are made in `core` and `store`."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final, Self
from urllib.request import getproxies

from scrapy import Request, Spider
from scrapy.crawler import Crawler
from scrapy.http import Response as ScrapyResponse
from twisted.python.failure import Failure as TwistedFailure

from mirror.browser.chromium import find as find_browser
from mirror.browser.offline_browser import Browser
from mirror.browser.renderer import Renderer
from mirror.cli.options import REPAIR, Options
from mirror.core.document.documents import MOST_READ, find_references, most_read
from mirror.core.document.references import MOST_REFERENCES, Reference
from mirror.core.http.messages import Response
from mirror.core.policy.crawler_traps import Budgets
from mirror.core.policy.private_addresses import Reach, networks
from mirror.core.policy.scope import Role
from mirror.core.url.canonical import CanonicalURL, referer
from mirror.items import Answer, Failure, Item, Skip, answered
from mirror.shutdown import stop
from mirror.store.archive import Archive
from mirror.store.disk.errors import StorageError
from mirror.store.disk.publisher import Publication, Published, publish, read
from mirror.store.disk.spool import Spools
from mirror.store.manifest.frontier import Entry
from mirror.store.manifest.renderings import When
from mirror.store.run.crawl import Crawl
from mirror.store.run.refresh_policy import Renewal
from mirror.transfer import failures
from mirror.transfer.exchange import IN_MEMORY, InterruptedTransferError
from mirror.workers.pool import WorkerDiedError, Workers

_TOGETHER: Final = 32
"""Answers that are committed together: more hold up the others for longer."""


class MirrorSpider(Spider):
    """`scrapy crawl mirror -a start=URL`; the arguments are those of `mirror.cli.options`."""

    name = "mirror"

    def __init__(self, repair: Sequence[CanonicalURL] | None = None, **words: str) -> None:
        """`repair`: a run that asks for nothing but these, whose objects are lost."""
        super().__init__(self.name)
        self.options = Options.parse(words)
        self.out = self.options.out
        self.archive = Archive(self.out)
        self.reach = Reach(self.options.scope.starts, everything=self.options.transfers.private)
        self.workers = Workers.of(self.options.workers)
        self.mirror = Crawl(
            self.archive,
            self.options.scope,
            options=self.options.as_json() | ({} if repair is None else {REPAIR: True}),
            limit=self.options.limit,
            renewal=self.options.renewal if repair is None else Renewal(repair=True),
            wanted=repair or (),
            budgets=Budgets() if self.options.traps else None,
            folds=self.options.fold,
            together=_TOGETHER,
            elsewhere=self._elsewhere,
            rendering=self.options.rendering if repair is None else When.NEVER,
            now=_now,
        )
        self.renderer: Renderer | None = None

    @property
    def spools(self) -> Spools:
        """Where long payloads go while they come."""
        return self.archive.spools

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> Self:
        """What the user's options say of settings holds from here on; `-s` is stronger."""
        self = super().from_crawler(crawler, *args, **kwargs)
        crawler.settings.setdict(self.options.settings(), priority="spider")
        public = networks(crawler.settings.get("MIRROR_PUBLIC_NETWORKS") or "")
        self.reach = Reach(self.options.scope.starts, everything=self.options.transfers.private, public=public)
        if not getproxies() and not self.options.transfers.proxy:
            crawler.settings.set("HTTPPROXY_ENABLED", value=False, priority="spider")
        if not crawler.settings.getbool("ROBOTSTXT_OBEY"):
            self.mirror.scope = replace(self.mirror.scope, obeys=frozenset())
        if self.options.traps:
            self.mirror.traps.set_budgets(_budgets(crawler))
        if self.mirror.renderings():
            self.renderer = self._renderer(crawler)
        return self

    def _renderer(self, crawler: Crawler) -> Renderer:
        path = find_browser(self.options.browser)
        assert path is not None

        def wake() -> None:
            scheduler = crawler.engine.scheduler if crawler.engine else None
            if scheduler is not None:
                scheduler.wake()  # type: ignore[attr-defined]  # it is ours

        return Renderer(self.mirror, Browser(path), self._find, wake=wake, fail=partial(stop, crawler))

    def is_rendering(self) -> bool:
        """Whether a browser has pages open; it opens those that wait."""
        try:
            return self.renderer is not None and self.renderer.look()
        except StorageError as error:
            stop(self.crawler, error)
            return False

    async def start(self) -> AsyncIterator[Any]:
        """No request: the scheduler hands out what the frontier has. What is fresh is followed without one."""
        try:
            for _ in self.mirror.renew():
                await asyncio.sleep(0)
        except StorageError as error:
            stop(self.crawler, error)
        return
        yield  # what makes this a generator

    def request(self, entry: Entry) -> Request:
        """The request for an entry of the frontier."""
        headers = dict(self.mirror.conditions(entry))
        found_on = referer(entry.referrer, entry.url) if entry.referrer else None
        if found_on:
            headers["Referer"] = found_on
        meta: dict[str, Any] = {"entry": entry, "verbatim_url": True}
        if Role.LISTING in entry.roles:  # a sitemap may be gzip by any name
            meta[IN_MEMORY] = MOST_READ
        return Request(
            entry.url,
            headers=headers,
            meta=meta,
            errback=self.failed,
        )

    async def parse(self, response: ScrapyResponse, **_: Any) -> list[Item]:
        assert response.request is not None
        entry: Entry = response.request.meta["entry"]
        answer = answered(response)
        items = await self._read(entry, answer)
        for item in items:
            if isinstance(item, Answer) and len(item.references) >= MOST_REFERENCES:
                self.logger.warning(
                    "%s refers to more than %d URLs: the others are not followed", entry.url, MOST_REFERENCES
                )
        return items

    async def _read(self, entry: Entry, answer: Response) -> list[Item]:
        size, listing = len(answer.payload), Role.LISTING in entry.roles
        is_read = not answer.spooled and (listing or most_read(answer.media_type) > 0)
        if not is_read or not self.workers.are_worth(size):
            return [Answer(entry, answer, find_references(answer, listing=listing))]
        keep = answer.is_success and self.mirror.keeps_all
        try:
            call = partial(read, self.archive.root, answer, listing=listing, keep=keep)
            return [Answer(entry, answer, *await self.workers.ask(size, call))]
        except WorkerDiedError as error:
            return [Failure(entry, str(error))]
        except StorageError as error:
            stop(self.crawler, error)
            return []

    async def _find(self, dom: Response) -> list[Reference]:
        """The references of what a page is in the browser, by a worker where that is worth it. Raises `WorkerDiedError`."""
        size = len(dom.payload)
        return (
            await self.workers.ask(size, partial(find_references, dom))
            if self.workers.are_there
            else find_references(dom)
        )

    def failed(self, failure: TwistedFailure) -> Iterator[Item]:
        entry: Entry = failure.request.meta["entry"]  # type: ignore[attr-defined]  # Scrapy puts it there
        error = failure.value
        assert error is not None
        if isinstance(error, StorageError):
            stop(self.crawler, error)
        elif isinstance(error, InterruptedTransferError):  # it stays in flight: the next run goes on with it
            return
        elif reason := failures.reason(error):
            yield Skip(entry, reason, failures.rule(error))
        else:
            yield Failure(entry, failures.text(error))

    def _elsewhere(self, root: Path, wanted: Sequence[Publication]) -> asyncio.Future[list[Published]] | None:
        """Have files published by a worker, where there are some."""
        return asyncio.ensure_future(self._published(root, wanted)) if self.workers.are_there else None

    async def _published(self, root: Path, wanted: Sequence[Publication]) -> list[Published]:
        """What of it was published: nothing, where the worker died over it."""
        try:
            return await self.workers.ask(sum(one.size for one in wanted), partial(publish, root, wanted))
        except WorkerDiedError:
            return []


def _budgets(crawler: Crawler) -> Budgets:
    """MIRROR_TRAP_PAGES is `Budgets.pages`, and so on."""
    names = [one.name for one in fields(Budgets)]
    return Budgets(**{name: crawler.settings.getint(f"MIRROR_TRAP_{name.upper()}") for name in names})


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
