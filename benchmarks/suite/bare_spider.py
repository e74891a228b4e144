"""The floor: a textbook spider that follows each link once and throws each page away. `scrapy runspider bare_spider.py`."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

from scrapy import Request, Spider
from scrapy.http import HtmlResponse, Response


class BareSpider(Spider):
    """Scrapy's own defaults, without its two ports. Known URLs are dropped before they become a request."""

    name = "bare"
    custom_settings = {  # noqa: RUF012  # as Scrapy documents it
        "LOG_LEVEL": "WARNING",
        "TELNETCONSOLE_ENABLED": False,
        "REMOTE_CONTROL_ENABLED": False,
    }

    def __init__(self, start: str = "", **arguments: Any) -> None:
        super().__init__(**arguments)
        self.first = start
        self.seen = {start}

    async def start(self) -> AsyncIterator[Request]:
        yield Request(self.first)

    def parse(self, response: Response) -> Iterator[Request]:
        if not isinstance(response, HtmlResponse):
            return
        for href in response.css("a::attr(href)").getall():
            url = response.urljoin(href).partition("#")[0]
            if url not in self.seen and url.startswith("http"):
                self.seen.add(url)
                yield Request(url)
