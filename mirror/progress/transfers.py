"""Scrapy's signals about responses that arrive, as events about files.

A file is a response that is saved. Where the status is known only at the end, the file is told of as one that may be none.
"""

from functools import partial
from typing import TYPE_CHECKING, ClassVar, Protocol, cast
from weakref import WeakKeyDictionary

from scrapy import Request, signals
from scrapy.crawler import Crawler
from scrapy.http import Headers, Response

from mirror.core.url.canonical import CanonicalURL
from mirror.core.url.media_types import may_be_playlist, media_type
from mirror.events.stream import Stream
from mirror.events.types import File, FileBegun, FileEnded, FileReceived
from mirror.items import Answer, Item
from mirror.terminal.reporthook import is_file
from mirror.transfer.curl_operation import OFFSET, STATUS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class _Mirror(Protocol):
    """The part of the spider that this module uses."""

    def expected_place(self, url: CanonicalURL, media_type: str) -> "Path":
        """Return the path that the file of an answer gets if nothing crowds it out."""


class Transfers:
    """Tells of each file that arrives. There is one for each crawler, however many listen; `of` makes it."""

    _shared: ClassVar[WeakKeyDictionary[Crawler, "Transfers"]] = WeakKeyDictionary()

    def __init__(self, crawler: Crawler) -> None:
        self._stream = Stream.of(crawler)
        self._place: Callable[[CanonicalURL, str], Path]
        self._files: dict[Request, File] = {}
        self._unnamed: dict[Request, Callable[..., None]] = {}
        for receiver, sent in (
            (self.spider_opened, signals.spider_opened),
            (self.headers_received, signals.headers_received),
            (self.bytes_received, signals.bytes_received),
            (self.response_downloaded, signals.response_downloaded),
            (self.request_left_downloader, signals.request_left_downloader),
            (self.item_scraped, signals.item_scraped),
        ):
            crawler.signals.connect(receiver, signal=sent)

    @classmethod
    def of(cls, crawler: Crawler) -> "Transfers":
        """Have the files of a crawler told of."""
        if crawler not in cls._shared:
            cls._shared[crawler] = cls(crawler)
        return cls._shared[crawler]

    def spider_opened(self, spider: _Mirror) -> None:
        self._place = spider.expected_place

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
        if request in self._unnamed:
            self._unnamed.pop(request)(data)
        if request in self._files:
            self._tell_received(self._files[request], len(data))

    def response_downloaded(self, request: Request, response: Response) -> None:
        if request in self._unnamed:
            self._unnamed.pop(request)()
        if request in self._files:
            self._stream.tell(FileEnded(self._files.pop(request), is_file(response.status)))

    def request_left_downloader(self, request: Request) -> None:
        self._unnamed.pop(request, None)
        if request in self._files:
            self._stream.tell(FileEnded(self._files.pop(request), is_saved=False))

    def item_scraped(self, item: Item) -> None:
        """Only now it is known that the page of an error is kept."""
        if isinstance(item, Answer) and item.response.is_error_page:
            response = item.response
            file = File(response.url, str(self._place(response.url, response.media_type)), response.size)
            self._stream.tell(FileBegun(file, is_known=False))
            self._tell_received(file, response.size)
            self._stream.tell(FileEnded(file, is_saved=True))

    def _start(
        self, request: Request, headers: Headers, body_length: object, offset: int | None, head: bytes = b""
    ) -> None:
        """A response begins.

        `offset`: how many bytes an earlier transfer received; the response is a file. `None` if the handler tells neither.
        """
        url = CanonicalURL(request.url)
        content_type = headers.get("Content-Type")
        kind = media_type(content_type.decode("latin-1") if content_type else None, url, head[:512])
        total = body_length if isinstance(body_length, int) else None
        self._files[request] = file = File(url, str(self._place(url, kind)), total)
        self._stream.tell(FileBegun(file, is_known=offset is not None))
        if offset is not None:
            self._tell_received(file, offset)

    def _tell_received(self, file: File, size: int) -> None:
        file.received += size
        self._stream.tell(FileReceived(file, size))
