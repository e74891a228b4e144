"""The downloader middlewares that add headers and credentials to requests, and decode responses."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.exceptions import DownloadCancelledError
from scrapy.http import Headers, Response
from scrapy.settings import BaseSettings

from mirror.cli.options import Options
from mirror.core.http import content_coding
from mirror.core.http.content_coding import CodingError, TooLongError
from mirror.core.http.credentials import Header, is_secret
from mirror.core.policy.private_addresses import Reach
from mirror.core.policy.scope import Reason
from mirror.core.url.canonical import CanonicalURL
from mirror.items import ANONYMOUS
from mirror.pacing import Pacing
from mirror.transfer.curl_operation import CERTIFICATE, LOGIN
from mirror.transfer.failures import BrokenAnswerError, Skipped
from mirror.transfer.response import CurlResponse

if TYPE_CHECKING:
    from mirror.spiders.mirror import MirrorSpider


class Decoding:
    """Undoes content-codings. Scrapy's own middleware returns the readable part of a broken stream as if it were the whole."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._max_size = crawler.settings.getint("DOWNLOAD_MAXSIZE")

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    def process_request(self, request: Request) -> None:
        request.headers.setdefault("Accept-Encoding", content_coding.ACCEPTED)

    def process_response(self, request: Request, response: Response) -> Request | Response:
        if isinstance(response, CurlResponse):  # its handler decoded it, block by block
            return response
        codings = ",".join(value.decode("latin-1") for value in response.headers.getlist("Content-Encoding"))
        if not codings:
            return response
        try:
            body = content_coding.decoded(
                response.body, codings, int(request.meta.get("download_maxsize", self._max_size))
            )
        except TooLongError as error:
            raise DownloadCancelledError(str(error)) from error
        except CodingError as error:
            pacing = self._crawler.get_downloader_middleware(Pacing)
            retry = pacing.retry_broken(request, str(error)) if pacing else None
            if retry is None:
                raise BrokenAnswerError(str(error)) from error
            return retry
        headers = response.headers.copy()
        del headers["Content-Encoding"]
        return response.replace(body=body, headers=headers)


class Identity:
    """Adds the headers of all requests, the proxy, and the user's credentials for the hosts that may get them.

    `core.http.credentials` decides which hosts may get them. Hosts with a barred name are skipped.
    """

    def __init__(self, options: Options, settings: BaseSettings, reach: Reach) -> None:
        given = {**settings.getdict("DEFAULT_REQUEST_HEADERS"), "User-Agent": settings["USER_AGENT"]}
        self._headers = list(dict.items(Headers(given)))  # as Scrapy keeps them, which need not be looked at again
        self._timeout = settings.getfloat("DOWNLOAD_TIMEOUT")
        self._credentials = options.credentials
        self._reach = reach
        self._has_credentials = options.credentials.says_anything
        self._has_certificate = options.transfers.certificate is not None
        proxy = options.transfers.proxy
        self._proxy = None if proxy is None else proxy.url_with_login
        self._is_proxy_given = proxy is not None
        self._proxies = {} if proxy else getproxies()

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        spider: MirrorSpider = crawler.spider  # type: ignore[assignment]
        return cls(spider.options, crawler.settings, spider.reach)

    def process_request(self, request: Request) -> None:
        barred = self._reach.blocks_host(CanonicalURL(request.url))
        if barred:
            raise Skipped(Reason.PRIVATE, f"its host is {barred}")
        for name, values in self._headers:
            dict.setdefault(request.headers, name, values.copy())
        request.meta.setdefault("download_timeout", self._timeout)
        if self._is_proxy_given:
            request.meta["proxy"] = self._proxy
        elif self._proxies.get("all") and request.url.partition(":")[0] not in self._proxies:
            self._use_proxy_for_all(request)
        url, is_anonymous = CanonicalURL(request.url), ANONYMOUS in request.meta
        if self._has_certificate:
            request.meta[CERTIFICATE] = self._credentials.is_start(url) and not is_anonymous
        if self._has_credentials:
            login = None if is_anonymous else self._credentials.login(url)
            if login:
                request.meta[LOGIN] = (login.user, login.password)
            headers = self._credentials.headers(url)
            self._add_headers(request, [one for one in headers if not (is_anonymous and is_secret(one[0]))])

    def _use_proxy_for_all(self, request: Request) -> None:
        """Use ALL_PROXY, which curl knows and Scrapy's own middleware does not."""
        host = urlsplit(request.url).hostname
        if host and not proxy_bypass(host):
            request.meta["proxy"] = self._proxies["all"]

    def _add_headers(self, request: Request, headers: Iterable[Header]) -> None:
        given: dict[str, list[str]] = {}
        for name, value in headers:
            given.setdefault(name.lower(), []).append(value)
        cookies = given.pop("cookie", [])
        for name, values in given.items():
            request.headers.setlist(name, values)
        if cookies:
            there = (request.headers.get("Cookie") or b"").decode("latin-1")
            all_ = dict.fromkeys(part for part in [*there.split("; "), *cookies] if part)
            request.headers["Cookie"] = "; ".join(all_)
