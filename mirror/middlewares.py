"""The downloader middlewares: what is asked of a host before anything else, and what is made of its answers."""

import asyncio
from typing import TYPE_CHECKING, Self

from scrapy import Request, Spider
from scrapy.crawler import Crawler
from scrapy.downloadermiddlewares.cookies import CookiesMiddleware
from scrapy.downloadermiddlewares.retry import get_retry_request
from scrapy.exceptions import NotConfigured
from scrapy.http import Response
from scrapy.http.request import NO_CALLBACK

from mirror.core import coding, robots
from mirror.core.coding import CodingError
from mirror.core.documents import header
from mirror.core.references import header_references
from mirror.core.robots import Robots as Rules
from mirror.core.scope import Reason
from mirror.core.urls import CanonicalURL
from mirror.failures import BrokenAnswerError, Skipped
from mirror.handlers import CurlResponse
from mirror.items import Answer, answered
from mirror.pipelines import Store

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
        codings = ",".join(value.decode("latin-1") for value in response.headers.getlist("Content-Encoding"))
        if not codings:
            return response
        try:
            body = coding.decoded(response.body, codings, self._most)
        except CodingError as error:
            assert self._crawler.spider is not None
            again = get_retry_request(request, spider=self._crawler.spider, reason=str(error))
            if again is None:
                raise BrokenAnswerError(str(error)) from error
            return again
        headers = response.headers.copy()
        del headers["Content-Encoding"]
        return response.replace(body=body, headers=headers)


class Cookies(CookiesMiddleware):
    """Scrapy's own, which is asked only where there are cookies: most requests have none."""

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
        if place == url:
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
        return robots.robots(404, b"")

    async def _download(self, url: CanonicalURL) -> Response:
        assert self._crawler.engine is not None
        meta = {"dont_obey_robotstxt": True, "verbatim_url": True}
        return await self._crawler.engine.download_async(Request(url, meta=meta, callback=NO_CALLBACK))

    def _keep(self, answer: Answer) -> None:
        pipeline = self._crawler.get_item_pipeline(Store)
        assert pipeline is not None
        pipeline.process_item(answer)

    @property
    def _spider(self) -> "MirrorSpider":
        return self._crawler.spider  # type: ignore[return-value]
