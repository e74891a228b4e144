"""The downloader middleware for cookies: Scrapy's own, with the user's cookies and the limits of `core.http.cookie_limits`."""

import logging
from collections.abc import Iterable, Sequence
from http.cookiejar import Cookie
from typing import TYPE_CHECKING, Final, Self
from urllib.parse import urlsplit

from scrapy import Request, Spider
from scrapy.crawler import Crawler
from scrapy.downloadermiddlewares.cookies import CookiesMiddleware
from scrapy.http import Response
from scrapy.http.cookies import CookieJar, WrappedRequest

from mirror.core.http.cookie_limits import MAX_HEADER, MAX_SIZE, REFUSALS, USER, CookieLedger, Key
from mirror.core.http.messages import header
from mirror.core.url.public_suffixes import is_public_suffix, registrable_domain
from mirror.transfer.response import CurlResponse

if TYPE_CHECKING:
    from mirror.spiders.mirror import MirrorSpider

logger = logging.getLogger(__name__)

_ONLY_THE_USERS: Final = "mirror_only_the_users_cookies"
"""Key of `Request.meta`: (keys of the cookies that were sent, status), once a request is asked again without them."""

_SENT: Final = "mirror_cookies_sent"
"""Key of `Request.meta`: the header that this middleware added."""

_MAX_INNOCENT: Final = 4096
_MAX_REMEMBERED: Final = 4096


def _site(domain: str) -> str:
    """The registrable domain of a domain; the domain itself, if it has none."""
    return registrable_domain(domain) or domain


class Cookies(CookiesMiddleware):
    """Scrapy's own would download the public suffix list, and would keep and send any number of cookies."""

    def __init__(self, debug: bool = False) -> None:  # noqa: FBT001, FBT002 - inherited
        super().__init__(debug)
        self._ledger = CookieLedger(_site)
        self._innocent: dict[str, int] = {}
        """Hosts that answered the same without cookies -> the length of the header without which they did."""

        self._sent: dict[str, bytes] = {}
        """URLs that were redirects -> the cookies with which they were requested last."""

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        self = super().from_crawler(crawler)
        spider: MirrorSpider = crawler.spider  # type: ignore[assignment]
        for cookie in spider.options.cookies:
            self.jars[None].set_cookie(cookie)
            self._ledger.add(_key(cookie), USER)
        spider.keep_cookies = self.keep
        return self

    def _process_cookies(self, cookies: Iterable[Cookie], *, jar: CookieJar, request: Request) -> None:
        host = _host(request)
        for cookie in cookies:
            if len(cookie.name) + len(cookie.value or "") > MAX_SIZE:
                continue
            domain = cookie.domain.removeprefix(".")
            if domain and is_public_suffix(domain):  # a public suffix, which others share
                if domain != host:
                    continue
                cookie.domain = host
            jar.set_cookie_if_ok(cookie, request)
            if _key(cookie)[2] in _of(jar, cookie):
                self._drop(jar, self._ledger.add(_key(cookie), host))

    def keep(self, url: str, cookies: Iterable[tuple[str, str, str]]) -> None:
        """Add cookies that a script set for the host of a URL, each as (name, value, path), as if the host had set them.

        A cookie of the user's is not replaced.
        """
        jar, request = self.jars[None], Request(url)
        jar.add_cookie_header(request)  # sets the clock of the policy
        users = {one.name for one in _matching(jar, request) if self._ledger.setter(_key(one)) == USER}
        lines = [f"{name}={value}; Path={path}" for name, value, path in cookies if name not in users]
        made = jar.make_cookies(Response(url, headers={"Set-Cookie": lines}), request)
        self._process_cookies(made, jar=jar, request=request)

    def process_request(self, request: Request, spider: Spider | None = None) -> None:  # noqa: ARG002 - inherited
        jar = self.jars[request.meta.get("cookiejar")]
        if not request.cookies and not any(True for _ in jar):
            return
        super().process_request(request)
        value = request.headers.get("Cookie") or b""
        if value:
            self._ledger.use(_site(_host(request)))
        if len(value) > MAX_HEADER or _ONLY_THE_USERS in request.meta:
            self._select(request, jar)
        request.meta[_SENT] = request.headers.get("Cookie") or b""

    def remember(self, request: Request) -> None:
        """Remember the cookies of a request that was answered by a redirect."""
        self._sent.pop(request.url, None)
        self._sent[request.url] = request.meta.get(_SENT, b"")
        if len(self._sent) > _MAX_REMEMBERED:
            del self._sent[next(iter(self._sent))]

    def have_changed(self, url: str) -> bool:
        """Whether a URL that was a redirect would be requested with other cookies now."""
        if url not in self._sent:
            return False
        again = Request(url, meta={"verbatim_url": True})
        self.process_request(again)
        return bool(again.meta.get(_SENT, b"") != self._sent[url])

    def _select(self, request: Request, jar: CookieJar) -> None:
        """Send only the cookies that fit, or only the user's."""
        cookies = _matching(jar, request)
        kept = self._ledger.to_send([(_key(one), len(_pair(one)) + 2) for one in cookies], _host(request))
        if _ONLY_THE_USERS in request.meta:
            kept = {key for key in kept if self._ledger.setter(key) == USER}
        request.headers.pop("Cookie", None)
        if kept:
            request.headers["Cookie"] = "; ".join(_pair(one) for one in cookies if _key(one) in kept)

    def process_response(
        self,
        request: Request,
        response: Response,
        spider: Spider | None = None,  # noqa: ARG002 - inherited
    ) -> Request | Response:
        jar = self.jars[request.meta.get("cookiejar")]
        if _ONLY_THE_USERS in request.meta:
            self._judge(request, response, jar)
        elif response.status in REFUSALS and (again := self._without_cookies(request, response, jar)):
            return again
        if isinstance(response, CurlResponse) and header(response.raw_headers, "set-cookie") is None:
            return response
        return super().process_response(request, response)

    def _without_cookies(self, request: Request, response: Response, jar: CookieJar) -> Request | None:
        """The request with the user's cookies only, if others were sent that may be the reason for the answer."""
        length = len(request.headers.get("Cookie") or b"")
        if length <= self._innocent.get(_host(request), 0):
            return None
        sent = [key for one in _matching(jar, request) if self._ledger.setter(key := _key(one)) != USER]
        if not sent:
            return None
        again = request.copy()
        again.dont_filter = True
        again.headers.pop("Cookie", None)
        again.meta[_ONLY_THE_USERS] = (sent, response.status, length)
        return again

    def _judge(self, request: Request, response: Response, jar: CookieJar) -> None:
        """If an answer is another one without cookies, drop the cookies that were to blame."""
        sent, status, length = request.meta.pop(_ONLY_THE_USERS)
        host = _host(request)
        if response.status == status:
            if len(self._innocent) >= _MAX_INNOCENT:
                self._innocent.clear()
            self._innocent[host] = max(length, self._innocent.get(host, 0))
            return
        dropped = self._ledger.culprits(sent, host)
        logger.warning(
            "%s answered %d because of %d cookies (%d bytes), and %d without them; they are dropped",
            host,
            status,
            len(dropped),
            length,
            response.status,
        )
        self._drop(jar, dropped)

    def _drop(self, jar: CookieJar, keys: Sequence[Key]) -> None:
        for key in keys:
            self._ledger.forget(key)
            domain, path, name = key
            if name in jar._cookies.get(domain, {}).get(path, {}):  # noqa: SLF001 - there is no public API
                jar.clear(domain, path, name)


def _key(cookie: Cookie) -> Key:
    return cookie.domain, cookie.path, cookie.name


def _of(jar: CookieJar, cookie: Cookie) -> dict[str, Cookie]:
    """The cookies of the domain and path of a cookie."""
    return jar._cookies.get(cookie.domain, {}).get(cookie.path, {})  # noqa: SLF001 - there is no public API


def _matching(jar: CookieJar, request: Request) -> list[Cookie]:
    """The cookies for a request, in the order of their header."""
    found: list[Cookie] = jar.jar._cookies_for_request(WrappedRequest(request))  # type: ignore[attr-defined]  # noqa: SLF001 - there is no public API
    return sorted(found, key=lambda one: len(one.path), reverse=True)


def _pair(cookie: Cookie) -> str:
    """A cookie as the header has it (http.cookiejar represents a cookie without a name by a value that is `None`)."""
    return cookie.name if cookie.value is None else f"{cookie.name}={cookie.value}"


def _host(request: Request) -> str:
    return (urlsplit(request.url).hostname or "").lower()
