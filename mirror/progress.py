"""The extension that reports the progress of every file to a display."""

import math
import sys
from collections.abc import Callable, Sized
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol, Self, cast

from scrapy import Request, signals
from scrapy.crawler import Crawler
from scrapy.exceptions import NotConfigured
from scrapy.http import Headers, Response
from scrapy.utils.asyncio import AsyncioLoopingCall, create_looping_call

from mirror.core.url.canonical import CanonicalURL
from mirror.core.url.media_types import may_be_playlist, media_type
from mirror.items import Answer, Item
from mirror.pacing import Host, Hosts
from mirror.terminal.console import print_message
from mirror.terminal.displays import display, is_terminal
from mirror.terminal.reporthook import UNKNOWN_SIZE, Display, Totals, Transfer, is_file
from mirror.transfer.curl_operation import OFFSET, STATUS

if TYPE_CHECKING:
    from twisted.internet.task import LoopingCall

PAINT_INTERVAL: Final = 0.2
"""Seconds between two updates of a live display."""

_WAITING_INTERVAL: Final = 1.0
_LONG_WAIT: Final = 2.0
"""Seconds of waiting that are worth a line."""


class _Mirror(Protocol):
    """The part of the spider that this module uses."""

    def expected_place(self, url: CanonicalURL, media_type: str) -> Path:
        """Return the path that the file of an answer gets if nothing crowds it out."""


class Progress:
    """Reports the progress of every file. MIRROR_PROGRESS names the display, MIRROR_REPORTHOOK a hook of the user's."""

    def __init__(self, crawler: Crawler, shown: Display) -> None:
        self._crawler = crawler
        self._display = shown
        self._place: Callable[[CanonicalURL, str], Path]
        self._received = 0
        self._transfers: dict[Request, Transfer] = {}
        self._unnamed: dict[Request, Callable[..., None]] = {}
        self._told: set[tuple[str, str]] = set()
        self._painter: AsyncioLoopingCall | LoopingCall | None = None

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        name = crawler.settings.get("MIRROR_PROGRESS", "auto")
        reporthook = crawler.settings.get("MIRROR_REPORTHOOK") or ""
        shown = display(name, reporthook, terminal=is_terminal(sys.stderr))
        if name == "off" and not reporthook:
            raise NotConfigured
        self = cls(crawler, shown)
        for receiver, sent in (
            (self.spider_opened, signals.spider_opened),
            (self.headers_received, signals.headers_received),
            (self.bytes_received, signals.bytes_received),
            (self.response_downloaded, signals.response_downloaded),
            (self.request_left_downloader, signals.request_left_downloader),
            (self.item_scraped, signals.item_scraped),
            (self.spider_closed, signals.spider_closed),
        ):
            crawler.signals.connect(receiver, signal=sent)
        return self

    def spider_opened(self, spider: _Mirror) -> None:
        self._place = spider.expected_place
        self._display.start()
        if self._display.live:
            self._painter = create_looping_call(self._paint)
            self._painter.start(PAINT_INTERVAL)
        elif not self._crawler.settings.getbool("MIRROR_QUIET"):
            self._painter = create_looping_call(self._tell_waiting)
            self._painter.start(_WAITING_INTERVAL, now=False)

    def headers_received(self, request: Request, headers: Headers, body_length: object) -> None:
        status = cast("int | None", request.meta.get(STATUS))
        if status is None or is_file(status):
            offset = None if status is None else cast("int", request.meta.get(OFFSET, 0))
            start = partial(self._start, request, headers, body_length, offset)
            content_type = headers.get("Content-Type")
            if content_type and not may_be_playlist(content_type.decode("latin-1")):
                start()
            else:
                self._unnamed[request] = start  # the name of its file depends on its first bytes

    def bytes_received(self, request: Request, data: bytes) -> None:
        self._received += len(data)
        if request in self._unnamed:
            self._unnamed.pop(request)(data)
        if request in self._transfers:
            self._transfers[request].feed(len(data))

    def response_downloaded(self, request: Request, response: Response) -> None:
        if request in self._unnamed:
            self._unnamed.pop(request)()
        if request in self._transfers:
            self._transfers.pop(request).end(saved=is_file(response.status))

    def request_left_downloader(self, request: Request) -> None:
        self._unnamed.pop(request, None)
        if request in self._transfers:
            self._transfers.pop(request).end(saved=False)

    def item_scraped(self, item: Item) -> None:
        """Only now it is known that the page of an error is kept."""
        if isinstance(item, Answer) and item.response.is_error_page:
            response = item.response
            path = self._place(response.url, response.media_type)
            transfer = Transfer(self._display, response.url, str(path), response.size)
            transfer.feed(response.size)
            transfer.end(saved=True)

    def spider_closed(self) -> None:
        if self._painter and self._painter.running:
            self._painter.stop()
        self._display.close()

    def _start(
        self, request: Request, headers: Headers, body_length: object, offset: int | None, head: bytes = b""
    ) -> None:
        """A response begins.

        `offset`: how many bytes an earlier transfer received; the response is a file. `None` if the handler tells neither.
        """
        url = CanonicalURL(request.url)
        content_type = headers.get("Content-Type")
        kind = media_type(content_type.decode("latin-1") if content_type else None, url, head[:512])
        total = body_length if isinstance(body_length, int) else UNKNOWN_SIZE
        transfer = Transfer(self._display, url, str(self._place(url, kind)), total)
        self._transfers[request] = transfer
        if offset is not None:
            transfer.begin()
            transfer.feed(offset)

    def _paint(self) -> None:
        scheduler = self._crawler.engine.scheduler if self._crawler.engine else None
        self._display.totals(self._totals(queued=len(scheduler) if isinstance(scheduler, Sized) else None))

    def _tell_waiting(self) -> None:
        """Where nothing else shows it, say once of each host and trouble that the crawl waits for a while."""
        waiting = Hosts.shared(self._crawler).longest_wait()
        if waiting and waiting[1] > _LONG_WAIT and (waiting[0].origin, waiting[0].trouble) not in self._told:
            self._told.add((waiting[0].origin, waiting[0].trouble))
            text = _waiting_text(*waiting)
            print_message(f"{text[:1].upper()}{text[1:]}\n")

    def _totals(self, *, queued: int | None) -> Totals:
        stats = self._crawler.stats
        assert stats is not None
        pages, requisites, size, failed = (
            int(stats.get_value(f"mirror/{name}", 0)) for name in ("pages", "requisites", "bytes", "failed")
        )
        engine = self._crawler.engine
        in_flight = len(engine.downloader.active) if engine else 0
        waiting = Hosts.shared(self._crawler).longest_wait()
        text = _waiting_text(*waiting) if waiting else ""
        return Totals(pages, requisites, size, failed, self._received, queued, in_flight, text)


def _waiting_text(host: Host, seconds: float) -> str:
    """Which host the crawl waits for, how long, and why.

    >>> host = Host("https://example.org/", cast("Pace", None), "503 Service Unavailable", has_retry_after=True)
    >>> _waiting_text(host, 11.2)
    'waiting for example.org: 12 s (503 Service Unavailable, Retry-After)'
    """
    name = host.origin.partition("://")[2].rstrip("/")
    why = f"{host.trouble}, Retry-After" if host.has_retry_after else host.trouble
    return f"waiting for {name}: {math.ceil(seconds)} s ({why})"
