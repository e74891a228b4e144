"""The downloader middlewares: what is asked of a host before anything else, and what is made of its answers."""

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from scrapy import Request, Spider
from scrapy.crawler import Crawler
from scrapy.downloadermiddlewares.cookies import CookiesMiddleware
from scrapy.downloadermiddlewares.retry import get_retry_request
from scrapy.exceptions import DownloadCancelledError, NotConfigured
from scrapy.http import Response
from scrapy.http.request import NO_CALLBACK
from scrapy.settings import BaseSettings

from mirror.core import coding, robots
from mirror.core.coding import CodingError, TooLongError
from mirror.core.credentials import Header
from mirror.core.documents import header
from mirror.core.references import header_references
from mirror.core.robots import Robots as Rules
from mirror.core.scope import Reason
from mirror.core.urls import CanonicalURL, is_web
from mirror.failures import BrokenAnswerError, Skipped
from mirror.items import Answer, answered
from mirror.options import Options
from mirror.pipelines import Store
from mirror.transfers import LOGIN, CurlResponse

if TYPE_CHECKING:
    from mirror.spiders.mirror import MirrorSpider

_MOST_REDIRECTS = 5  # RFC 9309, 2.3.1.2


class Decoding:
    """Undoes content-codings. Scrapy's own gives what it could read of a broken stream, as if that were all."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._most = crawler.settings.getint("DOWNLOAD_MAXSIZE")

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    def process_request(self, request: Request) -> None:
        request.headers.setdefault("Accept-Encoding", coding.ACCEPTED)

    def process_response(self, request: Request, response: Response) -> Request | Response:
        if isinstance(response, CurlResponse):  # whose handler did it, block by block
            return response
        codings = ",".join(value.decode("latin-1") for value in response.headers.getlist("Content-Encoding"))
        if not codings:
            return response
        try:
            body = coding.decoded(response.body, codings, int(request.meta.get("download_maxsize", self._most)))
        except TooLongError as error:
            raise DownloadCancelledError(str(error)) from error
        except CodingError as error:
            assert self._crawler.spider is not None
            again = get_retry_request(request, spider=self._crawler.spider, reason=str(error))
            if again is None:
                raise BrokenAnswerError(str(error)) from error
            return again
        headers = response.headers.copy()
        del headers["Content-Encoding"]
        return response.replace(body=body, headers=headers)


class Identity:
    """Says what all requests say and, to whom it is meant for, who one is (`core.credentials`); goes through the proxy."""

    def __init__(self, options: Options, settings: BaseSettings) -> None:
        self._headers = {**settings.getdict("DEFAULT_REQUEST_HEADERS"), "User-Agent": settings["USER_AGENT"]}
        self._timeout = settings.getfloat("DOWNLOAD_TIMEOUT")
        self._credentials = options.credentials
        self._is_told = options.credentials.says_anything
        proxy = options.transfers.proxy
        self._proxy = None if proxy is None else proxy.told
        self._is_proxy_given = proxy is not None
        self._proxies = {} if proxy else getproxies()

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        spider: MirrorSpider = crawler.spider  # type: ignore[assignment]
        return cls(spider.options, crawler.settings)

    def process_request(self, request: Request) -> None:
        for name, value in self._headers.items():
            request.headers.setdefault(name, value)
        request.meta.setdefault("download_timeout", self._timeout)
        if self._is_proxy_given:
            request.meta["proxy"] = self._proxy
        elif self._proxies.get("all") and request.url.partition(":")[0] not in self._proxies:
            self._ask_for_all(request)
        if self._is_told:
            url = CanonicalURL(request.url)
            login = self._credentials.login(url)
            if login:
                request.meta[LOGIN] = (login.user, login.password)
            self._add(request, self._credentials.headers(url))

    def _ask_for_all(self, request: Request) -> None:
        """ALL_PROXY is curl's word; Scrapy's own middleware does not know it."""
        host = urlsplit(request.url).hostname
        if host and not proxy_bypass(host):
            request.meta["proxy"] = self._proxies["all"]

    def _add(self, request: Request, headers: Iterable[Header]) -> None:
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


class Cookies(CookiesMiddleware):
    """Scrapy's own, with the user's cookies. It is asked only where there are some: most requests have none."""

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        self = super().from_crawler(crawler)
        spider: MirrorSpider = crawler.spider  # type: ignore[assignment]
        for cookie in spider.options.cookies:
            self.jars[None].set_cookie(cookie)
        return self

    def process_request(self, request: Request, spider: Spider | None = None) -> None:  # noqa: ARG002 - inherited
        if request.cookies or any(True for _ in self.jars[request.meta.get("cookiejar")]):
            super().process_request(request)

    def process_response(
        self,
        request: Request,
        response: Response,
        spider: Spider | None = None,  # noqa: ARG002 - inherited
    ) -> Request | Response:
        if isinstance(response, CurlResponse) and header(response.received, "set-cookie") is None:
            return response
        return super().process_response(request, response)


class Robots:
    """Obeys robots.txt by RFC 9309. A host that can't be asked fails all requests to it in the way that this one failed."""

    def __init__(self, crawler: Crawler) -> None:
        if not crawler.settings.getbool("ROBOTSTXT_OBEY"):
            raise NotConfigured
        self._crawler = crawler
        self._agent = crawler.settings["ROBOTSTXT_USER_AGENT"] or crawler.settings["USER_AGENT"]
        self._rules: dict[CanonicalURL, asyncio.Task[Rules]] = {}

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    async def process_request(self, request: Request) -> None:
        if request.meta.get("dont_obey_robotstxt"):
            return
        url = CanonicalURL(request.url)
        place = robots.robots_url(url)
        if place is None or place == url:
            return
        if place not in self._rules:
            self._rules[place] = asyncio.get_running_loop().create_task(self._ask(place))
        rules = await asyncio.shield(self._rules[place])
        if not rules.allows(url, self._agent):
            raise Skipped(Reason.ROBOTS)

    async def _ask(self, place: CanonicalURL) -> Rules:
        url = place
        for _ in range(_MOST_REDIRECTS + 1):
            answer = answered(await self._download(url))
            if not answer.is_redirect:
                rules = robots.robots(answer.status, answer.payload)
                self._keep(Answer(self._spider.mirror.listing(url), answer, robots.sitemaps(rules, url)))
                return rules
            targets = header_references(answer.headers, url)
            url = targets[0].url if targets else url
            if not is_web(url):  # the web leads to no files
                break
        return robots.robots(404, b"")

    async def _download(self, url: CanonicalURL) -> Response:
        assert self._crawler.engine is not None
        meta = {"dont_obey_robotstxt": True, "verbatim_url": True, "download_maxsize": 0}  # it is no file of the mirror
        return await self._crawler.engine.download_async(Request(url, meta=meta, callback=NO_CALLBACK))

    def _keep(self, answer: Answer) -> None:
        pipeline = self._crawler.get_item_pipeline(Store)
        assert pipeline is not None
        pipeline.process_item(answer)

    @property
    def _spider(self) -> "MirrorSpider":
        return self._crawler.spider  # type: ignore[return-value]
