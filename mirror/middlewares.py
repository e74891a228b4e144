"""The downloader middleware: asks each host for its robots.txt before anything else, and keeps it."""

import asyncio
from typing import TYPE_CHECKING, Self

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.exceptions import NotConfigured
from scrapy.http import Response
from scrapy.http.request import NO_CALLBACK

from mirror.core import robots
from mirror.core.references import header_references
from mirror.core.robots import Robots as Rules
from mirror.core.scope import Reason
from mirror.core.urls import CanonicalURL
from mirror.failures import Skipped
from mirror.items import Answer, answered
from mirror.pipelines import Store

if TYPE_CHECKING:
    from mirror.spiders.mirror import MirrorSpider

_MOST_REDIRECTS = 5  # RFC 9309, 2.3.1.2


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
