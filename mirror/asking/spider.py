"""The spider that asks about URLs: with HEAD, and with GET where the answer to HEAD is no good; it reads no body.

Scrapy's own middlewares do the rest: robots.txt, redirects, retries, and a pause between two requests to a host.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from typing import Any, Final

from scrapy import Request, Spider, signals
from scrapy.crawler import Crawler
from scrapy.exceptions import CannotResolveHostError, DownloadConnectionRefusedError, IgnoreRequest, StopDownload
from scrapy.http import Response
from twisted.python.failure import Failure

from mirror.core.links.answers import Answer
from mirror.core.policy.private_addresses import Reach
from mirror.core.url.canonical import CanonicalURL
from mirror.transfer import failures

Take = Callable[[Answer], None]

SETTINGS: Final[dict[str, Any]] = {
    "SCHEDULER": "scrapy.core.scheduler.Scheduler",
    "DOWNLOADER": "scrapy.core.downloader.Downloader",
    "ITEM_PROCESSOR": "scrapy.pipelines.ItemPipelineManager",
    "ITEM_PIPELINES": {},
    "EXTENSIONS": {},
    "DOWNLOADER_MIDDLEWARES": {
        "scrapy.downloadermiddlewares.cookies.CookiesMiddleware": None,
        "scrapy.downloadermiddlewares.httpcompression.HttpCompressionMiddleware": None,  # no body is read
        "scrapy.downloadermiddlewares.redirect.MetaRefreshMiddleware": None,
        "scrapy.downloadermiddlewares.offsite.OffsiteMiddleware": None,
    },
    "SPIDER_MIDDLEWARES": {
        "scrapy.spidermiddlewares.httperror.HttpErrorMiddleware": None,
        "scrapy.spidermiddlewares.referer.RefererMiddleware": None,
        "scrapy.spidermiddlewares.urllength.UrlLengthMiddleware": None,
        "scrapy.spidermiddlewares.depth.DepthMiddleware": None,
    },
    "CONCURRENT_REQUESTS_PER_DOMAIN": 2,
    "DOWNLOAD_DELAY": 0.2,
    "DOWNLOAD_TIMEOUT": 30,
    "RETRY_TIMES": 1,
    "RETRY_HTTP_CODES": [502, 503, 504, 522, 524],
}
"""How it asks, unless the user says otherwise with `-s`. A user who waits for a report gets no second chance an hour later."""

_IS_GET: Final = "links_is_get"
_FIRST: Final = "links_first"
_FINAL: Final = frozenset({429, 999})
"""Statuses that HEAD has nothing to do with."""

_UNREACHABLE: Final = (CannotResolveHostError, DownloadConnectionRefusedError)
"""Errors after which another method is no use."""

_PERMANENT: Final = frozenset({301, 308})


class AskSpider(Spider):
    """Asks about `urls`, and calls `take` with each answer. `starts` are those of the mirror, which decide where it may go."""

    name = "ask"

    def __init__(self, urls: Iterable[CanonicalURL], take: Take, starts: Iterable[CanonicalURL], **words: Any) -> None:
        super().__init__(self.name, **words)
        self._urls = urls
        self._take = take
        self.reach = Reach(starts)

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **words: Any) -> "AskSpider":
        self = super().from_crawler(crawler, *args, **words)
        crawler.signals.connect(self.headers_received, signal=signals.headers_received)
        return self

    def headers_received(self, request: Request) -> None:
        """The status is all that is wanted; robots.txt is read."""
        if _FIRST in request.meta:
            raise StopDownload(fail=False)

    async def start(self) -> AsyncIterator[Request]:
        for url in self._urls:
            yield self._request(url)

    def _request(self, url: CanonicalURL, *, is_get: bool = False) -> Request:
        return Request(
            url,
            method="GET" if is_get else "HEAD",
            callback=self.answered,
            errback=self.failed,
            dont_filter=True,
            meta={_FIRST: url, _IS_GET: is_get, "verbatim_url": True},
        )

    def answered(self, response: Response) -> Iterator[Request]:
        assert response.request is not None
        meta = response.request.meta
        first, status = meta[_FIRST], response.status
        if status >= 400 and status not in _FINAL and not meta[_IS_GET]:  # noqa: PLR2004 - the errors
            yield self._request(first, is_get=True)
            return
        self._take(Answer(first, status, None, _moved_to(response)))

    def failed(self, failure: Failure) -> Iterator[Request]:
        request: Request = failure.request  # type: ignore[attr-defined]  # Scrapy sets it
        first, error = request.meta[_FIRST], failure.value
        assert error is not None
        if isinstance(error, IgnoreRequest) and failures.reason(error) is None:
            self._take(Answer(first, None, "robots.txt forbids to ask", is_forbidden=True))
        elif reason := failures.reason(error):
            self._take(Answer(first, None, f"{reason}", is_forbidden=True))
        elif not request.meta[_IS_GET] and not isinstance(error, _UNREACHABLE):
            yield self._request(first, is_get=True)
        else:
            self._take(Answer(first, None, failures.text(error)))


def _moved_to(response: Response) -> CanonicalURL | None:
    """Return where the permanent redirects at the beginning lead; `None` if there are none."""
    assert response.request is not None
    meta = response.request.meta
    places = [*meta.get("redirect_urls", ())[1:], response.url]
    moved = None
    for status, place in zip(meta.get("redirect_reasons", ()), places, strict=False):
        if status not in _PERMANENT:
            break
        moved = CanonicalURL(place)
    return moved
