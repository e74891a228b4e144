"""Runs one crawl of plain Scrapy over a list of requests, and reports the outcome of each.

    python probe.py ASKED.json TOLD.json

ASKED is `{"settings": {...}, "requests": [...]}`. A request is an `asking.Ask`; its `stop` is `[at, fail]`: raise
`StopDownload(fail=...)` at "headers" or at the first "bytes". TOLD is the list of the outcomes in the same order, each an
`asking.Answer`. Bytes are decoded as latin-1. The log goes to stderr.

The probe imports nothing of this project except what the settings name: it tests a download handler through Scrapy alone.
"""

import hashlib
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

from scrapy import Request, Spider, signals
from scrapy.crawler import Crawler, CrawlerProcess
from scrapy.exceptions import StopDownload
from scrapy.http import Headers, Response
from twisted.python.failure import Failure

SHOWN: Final = 4000
"""Bytes of a body that are reported as text."""

PLAIN: Final[dict[str, Any]] = {
    # Scrapy's defaults, without what would repeat a request or change an answer
    "RETRY_ENABLED": False,
    "REDIRECT_ENABLED": False,
    "METAREFRESH_ENABLED": False,
    "COMPRESSION_ENABLED": False,
    "COOKIES_ENABLED": False,
    "ROBOTSTXT_OBEY": False,
    "HTTPERROR_ALLOW_ALL": True,
    "DUPEFILTER_CLASS": "scrapy.dupefilters.BaseDupeFilter",
    "DOWNLOAD_DELAY": 0,
    "CONCURRENT_REQUESTS": 16,
    "CONCURRENT_REQUESTS_PER_DOMAIN": 16,
    "DOWNLOAD_TIMEOUT": 15,
    # no listening ports
    "TELNETCONSOLE_ENABLED": False,
    "REMOTE_CONTROL_ENABLED": False,
    "LOG_LEVEL": "INFO",
}


class ProbeSpider(Spider):
    """Sends all requests at once, in order, but waits for the answers of the first ones.

    The downloader's limits decide how many run at the same time.
    """

    name = "probe"

    def __init__(self, asked: list[dict[str, Any]]) -> None:
        super().__init__()
        self.asked = asked
        self.told: list[dict[str, Any]] = [{"signals": []} for _ in asked]

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> "ProbeSpider":
        spider = super().from_crawler(crawler, *args, **kwargs)
        connect = crawler.signals.connect
        connect(spider.headers_received, signals.headers_received)
        connect(spider.bytes_received, signals.bytes_received)
        connect(spider.response_downloaded, signals.response_downloaded)
        connect(spider.request_left_downloader, signals.request_left_downloader)
        return spider

    async def start(self) -> AsyncIterator[Request]:
        for number, ask in enumerate(self.asked):
            request = Request(
                ask["url"],
                method=ask.get("method", "GET"),
                headers=ask.get("headers"),
                body=ask.get("body", "").encode("latin-1"),
                meta={**_meta(ask.get("meta", {})), "number": number, "stop": ask.get("stop")},
                priority=-number,
                callback=self.answered,
                errback=self.failed,
                dont_filter=True,
            )
            if ask.get("is_first"):
                assert self.crawler.engine
                self._told(request).update(_response(await self.crawler.engine.download_async(request)))
            else:
                yield request

    # Outcomes

    def answered(self, response: Response) -> None:
        assert response.request
        self._told(response.request).update(_response(response), latency=response.meta.get("download_latency"))

    def failed(self, failure: Failure) -> None:
        request: Request = failure.request  # type: ignore[attr-defined]
        error = failure.value
        assert error is not None
        told = self._told(request)
        told.update(error=type(error).__name__, module=type(error).__module__, message=str(error))
        if isinstance(error, StopDownload) and error.response is not None:
            told.update(_response(error.response))

    # Signals

    def headers_received(self, headers: Headers, body_length: Any, request: Request) -> None:
        known = body_length if isinstance(body_length, int) and body_length >= 0 else None
        self._signalled(request, "headers_received", known)
        self._told(request)["headers_received"] = _pairs(headers)
        self._stop(request, "headers")

    def bytes_received(self, data: bytes, request: Request) -> None:
        seen = self._told(request)["signals"]
        if not seen or seen[-1][0] != "bytes_received":
            self._signalled(request, "bytes_received", 0)
        seen[-1][1] += len(data)
        self._stop(request, "bytes")

    def response_downloaded(self, response: Response, request: Request) -> None:
        self._signalled(request, "response_downloaded", response.status)

    def request_left_downloader(self, request: Request) -> None:
        self._signalled(request, "request_left_downloader", None)

    def _signalled(self, request: Request, name: str, detail: int | None) -> None:
        self._told(request)["signals"].append([name, detail])

    def _stop(self, request: Request, at: str) -> None:
        stop = request.meta["stop"]
        if stop and stop[0] == at:
            raise StopDownload(fail=stop[1])

    def _told(self, request: Request) -> dict[str, Any]:
        told: dict[str, Any] = self.told[request.meta["number"]]
        return told


def _meta(meta: dict[str, Any]) -> dict[str, Any]:
    """Restore the tuples that JSON made lists: addresses and logins."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in meta.items()}


def _response(response: Response) -> dict[str, Any]:
    return {
        "url": response.url,
        "status": response.status,
        "headers": _pairs(response.headers),
        "length": len(response.body),
        "sha256": hashlib.sha256(response.body).hexdigest(),
        "text": response.body[:SHOWN].decode("latin-1"),
        "kind": type(response).__name__,
        "flags": response.flags,
        "protocol": response.protocol,
        "ip_address": None if response.ip_address is None else str(response.ip_address),
        "certificate": _names(response.certificate),
    }


def _pairs(headers: Headers) -> list[tuple[str, str]]:
    return [
        (name.decode("latin-1"), value.decode("latin-1")) for name, values in headers.items() for value in values or ()
    ]


def _names(certificate: Any) -> dict[str, str] | None:
    """The subject and issuer of a certificate, as Twisted gives them."""
    if certificate is None:
        return None
    return {
        "subject": _text(certificate.getSubject()),
        "issuer": _text(certificate.getIssuer()),
    }


def _text(name: dict[str, bytes]) -> str:
    return ", ".join(value.decode() for value in name.values())


def main(asked: Path, told: Path) -> None:
    job = json.loads(asked.read_text())
    process = CrawlerProcess({**PLAIN, **job["settings"]})
    crawler = process.create_crawler(ProbeSpider)
    process.crawl(crawler, asked=job["requests"])
    process.start()
    assert isinstance(crawler.spider, ProbeSpider)
    told.write_text(json.dumps(crawler.spider.told))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
