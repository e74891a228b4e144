"""The spider that asks about URLs: with HEAD, and with GET where the answer to HEAD is no good; it reads no body.

It has the options of a crawl that say how to ask, and the middlewares that say who may be asked what: robots.txt, private
addresses, credentials and cookies. A redirect is followed by a new request, so all of that holds for its target, too.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from typing import Any, Final, NamedTuple, Self
from urllib.request import getproxies

from scrapy import Request, Spider, signals
from scrapy.crawler import Crawler
from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadCancelledError,
    DownloadConnectionRefusedError,
    DownloadTimeoutError,
    StopDownload,
)
from scrapy.http import Response
from twisted.python.failure import Failure

from mirror.asking.turns import AT_ONCE, Turns
from mirror.cli.options import Options
from mirror.core.http.messages import MAX_REDIRECTS, REDIRECTS
from mirror.core.links.answers import CIRCLE, Answer
from mirror.core.policy.private_addresses import Reach, networks
from mirror.core.policy.scope import Reason
from mirror.core.url.canonical import CanonicalURL, is_web, resolve
from mirror.core.url.media_types import parse_media_type
from mirror.transfer import failures
from mirror.transfer.failures import UnreachableError, is_closing

Take = Callable[[Answer], None]

SETTINGS: Final[dict[str, Any]] = {
    "SCHEDULER": "scrapy.core.scheduler.Scheduler",
    "DOWNLOADER": "scrapy.core.downloader.Downloader",
    "ITEM_PROCESSOR": "scrapy.pipelines.ItemPipelineManager",
    "ITEM_PIPELINES": {},
    "EXTENSIONS": {},
    "DOWNLOADER_MIDDLEWARES": {
        "mirror.asking.robots.AskRobots": 100,
        "mirror.cookies.Cookies": 700,
        "mirror.middlewares.Identity": 710,
        **dict.fromkeys(
            f"scrapy.downloadermiddlewares.{name}"
            for name in (
                "cookies.CookiesMiddleware",
                "defaultheaders.DefaultHeadersMiddleware",
                "downloadtimeout.DownloadTimeoutMiddleware",
                "httpauth.HttpAuthMiddleware",
                "httpcache.HttpCacheMiddleware",
                "httpcompression.HttpCompressionMiddleware",
                "offsite.OffsiteMiddleware",
                "redirect.MetaRefreshMiddleware",
                "redirect.RedirectMiddleware",
                "robotstxt.RobotsTxtMiddleware",
                "useragent.UserAgentMiddleware",
            )
        ),
    },
    "SPIDER_MIDDLEWARES": dict.fromkeys(
        f"scrapy.spidermiddlewares.{name}"
        for name in (
            "depth.DepthMiddleware",
            "httperror.HttpErrorMiddleware",
            "referer.RefererMiddleware",
            "urllength.UrlLengthMiddleware",
        )
    ),
    "CONCURRENT_REQUESTS": 32,
    "CONCURRENT_REQUESTS_PER_DOMAIN": AT_ONCE,
    "DOWNLOAD_DELAY": 0.2,
    "DOWNLOAD_TIMEOUT": 30,
    "RETRY_TIMES": 1,
    "RETRY_EXCEPTIONS": [  # all but timeouts, which take as long again
        "scrapy.exceptions.DownloadFailedError",
        "scrapy.exceptions.ResponseDataLossError",
    ],
    "RETRY_HTTP_CODES": [502, 503, 504, 522, 524],
}
"""How it asks, unless the user says otherwise. A user who waits for a report gets no second chance an hour later."""

_STATE: Final = "links_state"
_FINAL: Final = frozenset({429, 999})
"""Statuses that HEAD has nothing to do with."""

_UNREACHABLE: Final = (CannotResolveHostError, DownloadConnectionRefusedError, DownloadTimeoutError, UnreachableError)
"""Errors after which another method is no use."""

_PERMANENT: Final = frozenset({301, 308})
_PAGES: Final = frozenset({"text/html", "application/xhtml+xml"})


class _State(NamedTuple):
    """What a request is for: the URL that is asked about, the redirects so far, and where those lead that are permanent."""

    first: CanonicalURL
    is_get: bool = False
    hops: int = 0
    is_permanent: bool = True
    moved: CanonicalURL | None = None


class AskSpider(Spider):
    """Asks about `urls`, and calls `take` with each answer. `options` are those of a crawl of the mirror's starts."""

    name = "ask"

    def __init__(self, urls: Iterable[CanonicalURL], take: Take, options: Options, **words: Any) -> None:
        super().__init__(self.name, **words)
        self._turns = Turns(urls)
        self._take = take
        self.options = options
        self.reach = Reach(options.scope.starts, everything=options.transfers.private)
        self._excluded = options.scope.exclude

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **words: Any) -> Self:
        self = super().from_crawler(crawler, *args, **words)
        crawler.settings.setdict(self.options.settings(), priority="spider")
        public = networks(crawler.settings.get("MIRROR_PUBLIC_NETWORKS") or "")
        transfers = self.options.transfers
        self.reach = Reach(self.options.scope.starts, everything=transfers.private, public=public)
        if not getproxies() and not transfers.proxy:
            crawler.settings.set("HTTPPROXY_ENABLED", value=False, priority="spider")
        crawler.signals.connect(self.headers_received, signal=signals.headers_received)
        return self

    def headers_received(self, request: Request) -> None:
        """The headers are all that is wanted, except for robots.txt."""
        if _STATE in request.meta:
            raise StopDownload(fail=False)

    async def start(self) -> AsyncIterator[Request]:
        for url in self._turns.first():
            yield self._request(url, _State(url))

    def _told(self, answer: Answer, *, is_silent: bool = False) -> Iterator[Request]:
        """Hand on an answer, and ask about the next URL of its host. A host that does not answer is not asked again."""
        self._take(answer)
        following = self._turns.answered(answer.url, is_silent=is_silent)
        if following:
            yield self._request(following, _State(following))
        for url in self._turns.given_up(answer.url):
            self._take(answer._replace(url=url))

    def _request(self, url: CanonicalURL, state: _State) -> Request:
        return Request(
            url,
            method="GET" if state.is_get else "HEAD",
            callback=self.answered,
            errback=self.failed,
            dont_filter=True,
            meta={_STATE: state, "verbatim_url": True},
        )

    def answered(self, response: Response) -> Iterator[Request]:
        assert response.request is not None
        state: _State = response.request.meta[_STATE]
        status = response.status
        location = response.headers.get("Location") if status in REDIRECTS else None
        if location is not None:
            yield from self._follow(response, state, location.decode("latin-1"))
        elif status >= 400 and status not in _FINAL and not state.is_get:  # noqa: PLR2004 - the errors
            yield self._request(state.first, _State(state.first, is_get=True))
        else:
            kind = parse_media_type((response.headers.get("Content-Type") or b"").decode("latin-1"))
            yield from self._told(Answer(state.first, status, None, state.moved, is_page=kind in _PAGES))

    def _follow(self, response: Response, state: _State, location: str) -> Iterator[Request]:
        target = resolve(location, response.url)
        if target is None or not is_web(target.url):
            yield from self._told(Answer(state.first, response.status, f"redirects to {location[:200]}"))
        elif self._excluded and self._excluded.search(target.url):
            yield from self._told(
                Answer(state.first, response.status, "redirects to what is excluded", is_forbidden=True)
            )
        elif state.hops >= MAX_REDIRECTS:
            yield from self._told(Answer(state.first, response.status, CIRCLE))
        else:
            is_permanent = state.is_permanent and response.status in _PERMANENT
            moved = target.url if is_permanent else state.moved
            yield self._request(target.url, state._replace(hops=state.hops + 1, is_permanent=is_permanent, moved=moved))

    def failed(self, failure: Failure) -> Iterator[Request]:
        request: Request = failure.request  # type: ignore[attr-defined]  # Scrapy sets it
        state, error = request.meta[_STATE], failure.value
        assert error is not None
        if is_closing(self.crawler) and isinstance(error, DownloadCancelledError):
            return  # nobody was asked
        reason = failures.reason(error)
        if reason is Reason.ROBOTS:
            yield from self._told(Answer(state.first, None, "robots.txt forbids to ask", is_forbidden=True))
        elif reason is Reason.PRIVATE:
            yield from self._told(Answer(state.first, None, str(reason), is_forbidden=True))
        elif isinstance(error, UnreachableError) and error.is_closed:
            yield from self._told(Answer(state.first, None, str(error), is_forbidden=True))
        elif not state.is_get and not isinstance(error, _UNREACHABLE):
            yield self._request(state.first, _State(state.first, is_get=True))
        else:
            is_silent = isinstance(error, UnreachableError | DownloadTimeoutError)
            yield from self._told(Answer(state.first, None, failures.text(error)), is_silent=is_silent)
