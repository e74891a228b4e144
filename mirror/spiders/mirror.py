"""The spider: turns entries of the frontier into requests, and responses into items. `core` and `store` make all decisions."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar
from urllib.request import getproxies

from scrapy import Request, Spider
from scrapy.crawler import Crawler
from scrapy.http import Response as ScrapyResponse
from twisted.python.failure import Failure as TwistedFailure

from mirror.browser.chromium import find as find_browser
from mirror.browser.records import Clicks
from mirror.cli.options import REPAIR, Options
from mirror.close_spider import stop
from mirror.core.document.documents import find_references, max_read_size
from mirror.core.document.references import MAX_REFERENCES
from mirror.core.http.messages import MAX_READ, Response
from mirror.core.http.request_variants import variant_of, without_variant
from mirror.core.policy.crawler_traps import Budgets
from mirror.core.policy.private_addresses import Reach, networks
from mirror.core.policy.scope import Role
from mirror.core.syntax.reference import Reference
from mirror.core.url.canonical import CanonicalURL, origin, referer
from mirror.events.stream import Stream
from mirror.events.types import Rendered
from mirror.items import ANONYMOUS, Answer, Failure, Item, Skip, core_response, in_variant, note
from mirror.store.archive import Archive
from mirror.store.disk.errors import StorageError
from mirror.store.disk.publications import Publication, Published
from mirror.store.disk.publisher import publish, read
from mirror.store.disk.spool import Spools
from mirror.store.manifest.records import Entry
from mirror.store.manifest.rendering_records import RenderMode
from mirror.store.rules.refresh_policy import RefreshPolicy
from mirror.store.run.crawl import Crawl
from mirror.store.run.nesting import Bounds
from mirror.transfer import failures
from mirror.transfer.curl_operation import IN_MEMORY
from mirror.transfer.failures import InterruptedTransferError, is_closing
from mirror.workers.pool import WorkerDiedError, Workers

if TYPE_CHECKING:
    from mirror.browser.records import ScriptCookie
    from mirror.browser.renderer import Renderer

Numbers = TypeVar("Numbers", Budgets, Bounds)

_TOGETHER: Final = 32
"""Answers to commit in one transaction. A larger transaction would delay other answers for longer."""


class MirrorSpider(Spider):
    """`scrapy crawl mirror -a start=URL`. `mirror.cli.options` defines the arguments."""

    name = "mirror"

    def __init__(self, repair: Sequence[CanonicalURL] | None = None, **words: str) -> None:
        """`repair`: fetch only these URLs, whose objects were lost."""
        super().__init__(self.name)
        self.options = Options.parse(words)
        self.out = self.options.out
        self.archive = Archive(self.out)
        self.reach = Reach(self.options.scope.starts, everything=self.options.transfers.private)
        self.workers = Workers.create(self.options.workers)
        self.mirror = Crawl(
            self.archive,
            self.options.scope,
            options=self.options.as_json() | ({} if repair is None else {REPAIR: True}),
            limit=self.options.limit,
            refresh=self.options.renewal if repair is None else RefreshPolicy(repair=True),
            wanted=repair or (),
            budgets=Budgets() if self.options.traps else None,
            folds=self.options.fold,
            keeps_errors=self.options.keep_errors,
            attributes=self.options.attributes,
            together=_TOGETHER,
            elsewhere=self._elsewhere,
            names=self.options.names,
            rendering=self.options.rendering if repair is None else RenderMode.NEVER,
            misses_browser=repair is None and self.options.missing_browser is not None,
            now=_now,
        )
        self.renderer: Renderer | None = None
        self.keep_cookies: Callable[[CanonicalURL, Sequence[ScriptCookie]], None] = lambda _, __: None
        """Keeps the cookies that scripts set for the host of a URL; the middleware for cookies sets it."""
        self.is_cut = False
        """Whether the run ends without waiting for the requests in flight."""

    def expected_place(self, url: CanonicalURL, media_type: str) -> Path:
        """Return the path that the file of an answer gets if nothing crowds it out."""
        return self.out / self.archive.naming.expected(url, media_type)

    @property
    def spools(self) -> Spools:
        """Where the download handler writes long payloads."""
        return self.archive.spools

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> Self:
        """Apply the user's options to the settings. Settings given by `-s` take precedence."""
        self = super().from_crawler(crawler, *args, **kwargs)
        crawler.settings.setdict(self.options.settings(), priority="spider")
        public = networks(crawler.settings.get("MIRROR_PUBLIC_NETWORKS") or "")
        self.reach = Reach(self.options.scope.starts, everything=self.options.transfers.private, public=public)
        if not getproxies() and not self.options.transfers.proxy:
            crawler.settings.set("HTTPPROXY_ENABLED", value=False, priority="spider")
        if not crawler.settings.getbool("ROBOTSTXT_OBEY"):
            self.mirror.scope = replace(self.mirror.scope, obeys=frozenset())
        if self.options.traps:
            self.mirror.traps.set_budgets(_numbers(crawler, Budgets, "MIRROR_TRAP"))
        self.mirror.nesting.bounds = _numbers(crawler, Bounds, "MIRROR_CHAIN")
        if self.mirror.pages.counts():
            self.renderer = self._renderer(crawler)
        return self

    def _renderer(self, crawler: Crawler) -> "Renderer":
        from mirror.browser.offline_browser import Browser  # noqa: PLC0415 - few crawls need a browser
        from mirror.browser.renderer import Renderer  # noqa: PLC0415

        path = find_browser(self.options.browser)
        assert path is not None

        def wake() -> None:
            scheduler = crawler.engine.scheduler if crawler.engine else None
            if scheduler is not None:
                scheduler.wake()  # type: ignore[attr-defined]  # it is a `mirror.scheduler.Scheduler`

        return Renderer(
            self.mirror,
            Browser(
                path,
                self.options.settle,
                self.options.screens,
                clicks=self.options.clicks is Clicks.AUTO,
            ),
            self._find,
            wake=wake,
            fail=partial(stop, crawler),
            keep_cookies=lambda url, cookies: self.keep_cookies(url, cookies),  # noqa: PLW0108 - it is set later
            rendered=lambda *what: Stream.of(crawler).tell(Rendered(*what)),
            routes=self.options.routes,
        )

    def is_rendering(self) -> bool:
        """Whether a browser has pages open. Also opens the pages that wait for one, unless the crawl is ending."""
        if is_closing(self.crawler):
            return False
        try:
            return self.renderer is not None and self.renderer.look()
        except StorageError as error:
            stop(self.crawler, error)
            return False

    async def start(self) -> AsyncIterator[Any]:
        """Yield nothing, because the scheduler hands out requests. Follow the references of pages that are still fresh."""
        try:
            for _ in self.mirror.entries.renew():
                await asyncio.sleep(0)
        except StorageError as error:
            stop(self.crawler, error)
        return
        yield  # makes this function a generator

    def request(self, entry: Entry) -> Request:
        """Make the request for an entry of the frontier."""
        what, url = variant_of(entry.url), without_variant(entry.url)
        page = without_variant(entry.referrer) if entry.referrer else None
        headers = dict(self.mirror.entries.conditions(entry))
        found_on = referer(page, url) if page else None
        if found_on:
            headers["Referer"] = found_on
        meta: dict[str, Any] = {"entry": entry, "verbatim_url": True}
        if not what.is_plain:  # as a script sends it
            headers = {"Accept": "*/*"} | headers | {name.title(): value for name, value in what.headers}
            meta[IN_MEMORY] = MAX_READ  # parts of a download are known by the URL
        if what.method == "POST":
            headers.setdefault("Origin", origin(page or url))
            if page is not None and not self.mirror.scope.is_same_site(page, url):
                meta |= {"dont_merge_cookies": True, ANONYMOUS: True}
        if Role.LISTING in entry.roles:  # a sitemap may be compressed with gzip, whatever its URL
            meta[IN_MEMORY] = MAX_READ
        return Request(
            url,
            method=what.method,
            headers=headers,
            body=what.body,
            meta=meta,
            errback=self.failed,
        )

    async def parse(self, response: ScrapyResponse, **_: Any) -> list[Item]:
        assert response.request is not None
        entry: Entry = response.request.meta["entry"]
        answer = self.mirror.answers.judged(entry, core_response(response))
        items = await self._read(entry, answer)
        why, seconds = note(response.request), response.request.meta.get("download_latency")
        items = [replace(item, note=why, latency=seconds) if isinstance(item, Answer) else item for item in items]
        for item in items:
            if isinstance(item, Answer) and len(item.references) >= MAX_REFERENCES:
                self.logger.warning("%s has more than %d references; the rest are ignored", entry.url, MAX_REFERENCES)
        return [in_variant(item) if isinstance(item, Answer) else item for item in items]

    async def _read(self, entry: Entry, answer: Response) -> list[Item]:
        size, listing, extra = len(answer.payload), Role.LISTING in entry.roles, self.options.attributes
        is_read = not answer.spooled and (listing or max_read_size(answer.media_type) > 0)
        if not is_read or not self.workers.should_parse(size):
            return [Answer(entry, answer, find_references(answer, listing=listing, extra=extra))]
        try:
            keep = self.mirror.answers.will_keep(entry, answer)
            call = partial(read, str(self.archive.root), answer, listing=listing, keep=keep, extra=extra)
            found, digest = await self.workers.submit(size, call)
            return [Answer(entry, answer, found.unpacked(), digest)]
        except WorkerDiedError as error:
            return [Failure(entry, str(error))]
        except StorageError as error:
            stop(self.crawler, error)
            return []

    async def _find(self, dom: Response) -> list[Reference]:
        """Find the references of a page as rendered by the browser, in a worker process if there are any.

        Raises `WorkerDiedError`.
        """
        find = partial(find_references, dom, extra=self.options.attributes)
        return await self.workers.submit(len(dom.payload), find) if self.workers.are_available else find()

    def failed(self, failure: TwistedFailure) -> Iterator[Item]:
        entry: Entry = failure.request.meta["entry"]  # type: ignore[attr-defined]  # Scrapy sets it
        error = failure.value
        assert error is not None
        if isinstance(error, StorageError):
            stop(self.crawler, error)
        elif isinstance(error, InterruptedTransferError):  # the entry stays in flight, and the next run resumes it
            return
        elif reason := failures.reason(error):
            yield Skip(entry, reason, failures.rule(error))
        else:
            yield Failure(entry, failures.text(error))

    def _elsewhere(self, root: Path, wanted: Sequence[Publication]) -> asyncio.Future[list[Published]] | None:
        """Have a worker process publish files; `None` if there are no worker processes."""
        return asyncio.ensure_future(self._published(root, wanted)) if self.workers.are_available else None

    async def _published(self, root: Path, wanted: Sequence[Publication]) -> list[Published]:
        """The files that were published: none, if the worker process died."""
        try:
            return await self.workers.submit(sum(one.size for one in wanted), partial(publish, str(root), wanted))
        except WorkerDiedError:
            return []


def _numbers(crawler: Crawler, kind: type[Numbers], prefix: str) -> Numbers:
    """The numbers of the settings: MIRROR_TRAP_PAGES is `Budgets.pages`, MIRROR_CHAIN_PAGES is `Bounds.pages`, and so on."""
    names = [one.name for one in fields(kind)]
    return kind(**{name: crawler.settings.getint(f"{prefix}_{name.upper()}") for name in names})


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
