"""Redirects in a circle: a URL is requested again if its answer may be another one now.

A server may set a cookie and send the browser back, or insist on another spelling of a URL that `core.url.canonical` changes.
Browsers follow such a redirect; a crawl that requests each URL once would call it a circle.

`RedirectCircles` is the middleware for a URL that redirects to itself: the answers before the last one are not recorded. A
longer circle consists of recorded redirects: `reopen` requests the first of its URLs again whose cookies have changed since.
"""

import logging
from typing import TYPE_CHECKING, Final, Self

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.http import Response

from mirror.cookies import Cookies
from mirror.core.http.messages import REDIRECTS, escaped
from mirror.core.url.canonical import as_written, resolve
from mirror.items import REASONS
from mirror.store.manifest.records import AGAIN, Entry
from mirror.transfer.curl_operation import SPELLED

if TYPE_CHECKING:
    from mirror.spiders.mirror import MirrorSpider

logger = logging.getLogger(__name__)

MOST: Final = 5
"""How many times a URL is requested again. A server that counts its visitors in a cookie would go on for ever."""

COOKIES_CHANGED: Final = f"{AGAIN}it redirects to itself and its cookies changed"
OTHERWISE_SPELLED: Final = f"{AGAIN}it redirects to itself, spelled {{}}"
CIRCLE_LEFT: Final = f"{AGAIN}it is in a circle of redirects and its cookies changed"


class RedirectCircles:
    """Requests a URL again that redirects to itself, if its cookies changed or if the redirect spells it in another way."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    def process_response(self, request: Request, response: Response) -> Request | Response:
        if response.status not in REDIRECTS:
            return response
        if cookies := _cookies(self._crawler):
            cookies.remember(request)
        location = escaped((response.headers.get("Location") or b"").decode("latin-1")).strip()
        target = resolve(location, request.url) if location else None
        reasons: list[str] = request.meta.get(REASONS, [])
        if target is None or target.url != request.url or len(reasons) >= MOST:
            return response
        spelled = as_written(location, request.url)
        asked = request.meta.get(SPELLED, request.url)
        reason = COOKIES_CHANGED if cookies and cookies.have_changed(target.url) else ""
        if not reason and spelled and spelled != asked:
            reason = OTHERWISE_SPELLED.format(spelled)
        if not reason:
            return response
        again = request.copy()
        again.dont_filter = True
        again.headers.pop("Cookie", None)
        again.meta[REASONS] = [*reasons, reason]
        again.meta[SPELLED] = spelled or request.url
        return again


def reopen(crawler: Crawler, redirect: Entry) -> None:
    """If a redirect closes a circle, have the first URL of it requested again whose cookies changed since it was requested."""
    spider: MirrorSpider = crawler.spider  # type: ignore[assignment]
    if cookies := _cookies(crawler):
        spider.mirror.leave_circle(redirect, cookies.have_changed, CIRCLE_LEFT, MOST)


def _cookies(crawler: Crawler) -> Cookies | None:
    """The cookies of the crawl; `None` if the user has turned them off."""
    return crawler.get_downloader_middleware(Cookies)
