"""The baseline: a minimal spider for `scrapy runspider` that follows each link once and saves each page as received."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from scrapy import Request, Spider
from scrapy.http import HtmlResponse, Response


class BareSpider(Spider):
    """Runs with Scrapy's defaults, but without opening its two ports. Known URLs do not become requests."""

    name = "bare"
    custom_settings = {  # noqa: RUF012  # as Scrapy documents it
        "LOG_LEVEL": "WARNING",
        "TELNETCONSOLE_ENABLED": False,
        "REMOTE_CONTROL_ENABLED": False,
    }

    def __init__(self, start: str = "", out: str = "", **arguments: Any) -> None:
        super().__init__(**arguments)
        self.first = start
        self.out = Path(out)
        self.seen = {start}

    async def start(self) -> AsyncIterator[Request]:
        yield Request(self.first)

    def parse(self, response: Response) -> Iterator[Request]:
        self.save(response)
        if not isinstance(response, HtmlResponse):
            return
        for href in response.css("a::attr(href)").getall():
            url = response.urljoin(href).partition("#")[0]
            if url not in self.seen and url.startswith("http"):
                self.seen.add(url)
                yield Request(url)

    def save(self, response: Response) -> None:
        """Save a page at the path of its URL. Nothing is checked, so this is safe only with the suite's own servers."""
        path = unquote(urlsplit(response.url).path).lstrip("/")
        target = self.out / (path if path and not path.endswith("/") else f"{path}index.html")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(response.body)
