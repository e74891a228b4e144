"""Transfers: what libcurl brings for one request, and the response that it becomes.

A `Transfer` is of HTTP; `files` has the other kinds. Where there are spools, a payload that is not to be read, or too long for
that, goes to the disk, and one that was cut off goes on where it ended.
"""

import logging
import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from ipaddress import ip_address
from socket import socket
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar
from urllib.parse import urlsplit

import pycurl
from scrapy import Request, signals
from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadCancelledError,
    DownloadConnectionRefusedError,
    DownloadFailedError,
    DownloadTimeoutError,
    ResponseDataLossError,
    StopDownload,
)
from scrapy.http import Headers, Response
from scrapy.responsetypes import responsetypes
from scrapy.utils._download_handlers import check_stop_download, get_maxsize_msg, get_warnsize_msg

from mirror.core.document import documents
from mirror.core.http import messages
from mirror.core.http.byte_ranges import content_range, may_be_of, strong_validator
from mirror.core.http.content_coding import CodingError, Decoder
from mirror.core.http.messages import Spooled
from mirror.core.url import media_types
from mirror.core.url.canonical import CanonicalURL
from mirror.store.disk.spool import BATCH, LengthError, Part, Promise, Spool, Spools
from mirror.transfer.curl_multi import TransferError
from mirror.transfer.failures import BrokenAnswerError, EndlessError

if TYPE_CHECKING:
    from mirror.transfer.download_handler import CurlHandler

logger = logging.getLogger(__name__)

Result = TypeVar("Result")

STATUS: Final = "download_status"
"""The key of `Request.meta` that tells the status while `headers_received` is sent: the signal does not carry it."""

OFFSET: Final = "download_offset"
"""The key of `Request.meta` that tells how much of a payload an earlier transfer brought, while `headers_received` is sent."""

IN_MEMORY: Final = "download_in_memory"
"""The key of `Request.meta` for how many bytes of the payload stay in memory, whatever it is."""

LOGIN: Final = "download_login"
"""The key of `Request.meta` for (user, password): sent by the scheme that the server asks for, and on no redirect."""

CERTIFICATE: Final = "download_certificate"
"""The key of `Request.meta` that tells whether the server may know the user's certificate, if it asks; it may by default."""

_SMALL: Final = 256 << 10
"""Bytes up to which a payload that nobody reads stays in memory all the same: a file of its own would cost more."""

_MOST_COUNTED: Final = (1 << 63) - 1  # a length over which libcurl takes whatever comes for all
_AT_ONCE: Final = 256 << 10
_TOLD_EVERY: Final = 0.1
_PROTOCOLS: Final = {1: "HTTP/1.0", 2: "HTTP/1.1", 3: "h2", 30: "h3", 31: "h3"}
_ERRORS: Final[dict[int, type[Exception]]] = {
    pycurl.E_COULDNT_RESOLVE_HOST: CannotResolveHostError,
    pycurl.E_COULDNT_RESOLVE_PROXY: CannotResolveHostError,
    pycurl.E_COULDNT_CONNECT: DownloadConnectionRefusedError,
    pycurl.E_OPERATION_TIMEDOUT: DownloadTimeoutError,
    pycurl.E_PARTIAL_FILE: ResponseDataLossError,
}
_NO_RANGES: Final = frozenset({400, 405, 412, 416, 501})
"""What servers say to the rest that was asked for and would not say to the whole."""

_LOST: Final = frozenset(
    {
        pycurl.E_PARTIAL_FILE,
        pycurl.E_RECV_ERROR,
        16,  # CURLE_HTTP2
        92,  # CURLE_HTTP2_STREAM
        95,  # CURLE_HTTP3
    }
)
"""What ends a body before its end, once the headers are there."""


class InterruptedTransferError(DownloadCancelledError):
    """The spider was closed while a long payload came; what there is of it stays for the next run."""


class NoLongerThatError(Exception):
    """The rest that was asked for is not the rest of what is there."""


class CurlResponse(Response):
    """A response with its headers as they were received, and a payload that may be on the disk."""

    def __init__(
        self,
        *args: Any,
        received: list[tuple[str, str]] | None = None,
        spooled: Spooled | None = None,
        **kwargs: Any,
    ) -> None:
        self.received = received or []
        """(name, value) pairs in their order, the names as the server writes them."""
        super().__init__(*args, **kwargs)
        self.spooled = spooled

    @property
    def headers(self) -> Headers:
        """`received` as Scrapy has headers: made when somebody asks, which most do not."""
        if self._headers is None:
            self._headers = _headers(self.received)
        return self._headers

    @headers.setter
    def headers(self, value: Any) -> None:
        self._headers = value if value is None or isinstance(value, Headers) else Headers(value)

    attributes = (*Response.attributes, "received", "spooled")


class Exchange(ABC, Generic[Result]):
    """What a handle of libcurl's is lent to, and what comes of it. `heard` is when the server was heard last."""

    easy: pycurl.Curl

    def __init__(self, handler: "CurlHandler", request: Request) -> None:
        self.request = request
        self._handler = handler
        self.timeout = 0.0
        self.begun = self.heard = monotonic()
        self.came = 0
        """Bytes, since the handler has asked the last time."""
        self.window = 0.0
        """When it did so; 0: nothing has come yet."""
        self.is_paused = False
        self.barred = ""
        """The address that the host turned out to have and that is not connected to; in words."""

    def open_socket(self, purpose: int, address: pycurl.CurlSockAddr) -> socket | int:
        """A socket for an address, if it may be connected to. Others that the host has are tried after one that may not."""
        reach = self._handler.reach
        found = reach and reach.bars(CanonicalURL(self.request.url), str(address.addr[0]))
        self.barred = f"{address.addr[0]} is {found}" if found else ""
        return pycurl.SOCKET_BAD if found else opened(purpose, address)

    @property
    def is_endless(self) -> bool:
        """Whether a body comes of which nobody knows how long it is."""
        return False

    def trickles(self, now: float, least: float) -> bool:
        """Whether less than `least` bytes a second came in the last `timeout` seconds; asked again and again."""
        if not self.window and self.came:
            self.window = now
        if not self.window or not self.timeout or now - self.window < self.timeout:
            return False
        is_less = self.came < least * (now - self.window)
        self.window, self.came = now, 0
        return is_less

    @property
    def can_be_resumed(self) -> bool:
        """Whether nothing is lost where the exchange ends now."""
        return False

    @abstractmethod
    def set(self, easy: pycurl.Curl) -> bool:
        """The options of libcurl; whether they make the handle unfit for others."""

    def wake(self) -> None:
        """Go on after a pause."""
        self.is_paused = False
        try:
            self.easy.pause(pycurl.PAUSE_CONT)
        except pycurl.error as error:  # what came meanwhile is not wanted
            self._handler.end(self, TransferError(*error.args))

    @abstractmethod
    def header(self, line: bytes) -> int | None: ...

    @abstractmethod
    def body(self, block: bytes) -> int | None: ...

    @abstractmethod
    def result(self) -> Result:
        """All of it came."""

    @abstractmethod
    def failed(self, error: TransferError) -> Result:
        """It ended before its end; raises the exception that tells why, or gives what was wanted of it."""

    def close(self) -> None:
        """Whatever the end was, the handle is given back."""


class _Lent(socket):
    """A socket that pycurl makes its own copy of, and forgets."""

    def __del__(self) -> None:
        self.close()


def opened(_purpose: int, address: pycurl.CurlSockAddr) -> socket:
    """What libcurl would open itself."""
    return _Lent(address.family, address.socktype, address.protocol)


class Transfer(Exchange[Response]):
    """One transfer by HTTP."""

    def __init__(self, handler: "CurlHandler", request: Request, part: Part | None) -> None:
        super().__init__(handler, request)
        self.part = part
        self._crawler = handler.crawler
        self._spools = handler.spools if request.method == "GET" else None
        self._most = int(request.meta.get("download_maxsize", handler.most))
        self._warned = int(request.meta.get("download_warnsize", handler.warned))
        self._status = 0
        self._received: list[tuple[str, str]] = []
        self._is_whole = False  # whether the headers are over,
        self._is_open = False  # and are those of the answer
        self._held: list[bytes] = []  # what came and does not count yet
        self._held_size = 0
        self._told = 0.0
        self._blocks: list[bytes] = []
        self._size = 0
        self._in_memory = 0
        self._decoder: Decoder | None = None
        self._promise: Promise | None = None
        self._length: int | None = None
        self._spool: Spool | None = None
        self._error: BaseException | None = None
        self._stop: StopDownload | None = None

    @property
    def start(self) -> int:
        """From where on the rest is asked for; where nothing is missing, the last byte is, for there is no empty range."""
        return min(self.part.size, self.part.promise.total - 1) if self.part else 0

    @property
    def is_endless(self) -> bool:
        return self._is_open and self._length is None

    @property
    def can_be_resumed(self) -> bool:
        return self._spool is not None and (self.part is not None or self._promise is not None)

    def set(self, easy: pycurl.Curl) -> bool:
        request, url = self.request, self.request.url.partition("#")[0]
        easy.setopt(pycurl.HTTPHEADER, _header_lines(request, self.part, self.start))
        special = False
        if url.startswith("https:"):
            easy.setopt(pycurl.OPT_CERTINFO, 1)
        if url.endswith("?") or _LOWER_ESCAPE.search(url):  # libcurl would tidy these up
            is_for_proxy = request.meta.get("proxy") and url.startswith("http:")
            easy.setopt(pycurl.REQUEST_TARGET, url if is_for_proxy else _target(url))
            special = True
        if request.method == "HEAD":
            easy.setopt(pycurl.NOBODY, 1)
            special = True
        elif request.method != "GET" or request.body:
            easy.setopt(pycurl.CUSTOMREQUEST, request.method)
            if request.body or request.method in _WITH_BODY:
                easy.setopt(pycurl.POSTFIELDS, request.body)
            special = True
        return special

    # --- called by libcurl ---------------------------------------------------------------------------------------------

    def header(self, line: bytes) -> int | None:
        self.heard = monotonic()
        self.came += len(line)
        if self._is_open:  # a trailer
            return None
        if line.startswith(b"HTTP/"):
            return self._guarded(self._begin, line)
        if self._error:
            return -1
        if line.strip(b"\r\n"):
            self._keep(line.decode("latin-1"))
            return None
        self._is_whole = True
        if self._status >= 200 and not self._is_asked_for_login():  # noqa: PLR2004 - the first that is final
            return self._guarded(self._open)
        return None

    def body(self, block: bytes) -> int | None:
        self.heard = monotonic()
        self.came += len(block)
        if self._handler.throttle and self._handler.throttle.holds(self, len(block)):
            return pycurl.WRITEFUNC_PAUSE
        return self._guarded(self._feed, block)

    def _begin(self, line: bytes) -> None:
        status = line.split(None, 2)[1]
        if len(status) != len("200"):
            raise DownloadFailedError(f"{status.decode('latin-1')} is no status (RFC 9110, 15)")
        self._status = int(status)
        self._received = []
        self._is_whole = False

    def _keep(self, line: str) -> None:
        if line[0] in " \t" and self._received:  # an obsolete fold (RFC 9112, 5.2)
            name, value = self._received[-1]
            self._received[-1] = (name, f"{value} {line.strip()}")
            return
        name, colon, value = line.partition(":")
        if colon:
            self._received.append((name.strip(), value.strip(" \t\r\n")))

    def _guarded(self, act: Callable[..., None], *given: bytes) -> int | None:
        """What is raised in a callback would be printed and lost: it is kept, and the transfer ended."""
        try:
            act(*given)
        except BaseException as error:  # noqa: BLE001 - it is raised again by `failed`
            self._error = error
        return None if self._error is None and self._stop is None else -1

    def _is_asked_for_login(self) -> bool:
        """Whether libcurl will answer by itself, so that this is not the last word."""
        return self._status in {401, 407} and bool(self.request.meta.get(LOGIN) or self.request.meta.get("proxy"))

    # --- headers -------------------------------------------------------------------------------------------------------

    def _first(self, name: str) -> str | None:
        return messages.header(self._received, name)

    def _open(self) -> None:
        """The headers are there: decide where the payload goes, and tell."""
        if self._is_open:
            return
        self._is_open = True
        meta = self.request.meta
        meta["download_latency"] = monotonic() - self.begun
        length = self._first("content-length") or ""
        total = int(length) if length.isascii() and length.isdigit() else None
        if self.part:
            total = self._go_on(self.part, total)
        if total is not None and self._status != 304 and not self._may_be_cut:  # noqa: PLR2004 - of which nothing comes
            self._check(total, expected=True)
        if total is not None and total > _MOST_COUNTED:
            raise ResponseDataLossError(f"no payload is {total} bytes long")
        self._length = total
        self._plan(total)
        meta[STATUS] = self._status
        meta[OFFSET] = self._size
        self._stop = check_stop_download(
            signals.headers_received, self._crawler, self.request, headers=_headers(self._received), body_length=total
        )
        meta.pop(STATUS, None)
        meta.pop(OFFSET, None)

    def _go_on(self, part: Part, total: int | None) -> int | None:
        """Whether the rest comes that was asked for; else the whole has to be asked for again, or comes by itself."""
        if self._status == 206:  # noqa: PLR2004
            found = content_range(self._first("content-range") or "")
            start = self.start
            is_same = may_be_of(self._received, part.promise.validator)
            if not found or found.start != start or found.total != part.promise.total or not is_same:
                raise NoLongerThatError
            self._resume(part)
            self._status = 200
            self._received = [
                pair for pair in self._received if pair[0].lower() not in {"content-range", "content-length"}
            ]
            self._received.append(("Content-Length", str(part.promise.total)))
            return part.promise.total
        if self._status in _NO_RANGES:
            raise NoLongerThatError
        return total

    def _resume(self, part: Part) -> None:
        assert self._spools is not None
        self._spool = self._spools.go_on(part, self.start)
        self._size = self.start

    def _validator(self) -> str | None:
        """What tells whether a later answer is of the same payload."""
        return strong_validator(self._received)

    def _plan(self, total: int | None) -> None:
        """Where the payload goes, and what a later transfer would need to go on with it."""
        codings = ",".join(value for name, value in self._received if name.lower() == "content-encoding")
        if codings and self._spools:
            self._decoder = Decoder(codings, 0)  # what comes of it is counted here
        if self._spools is None:
            return
        validator = self._validator()
        ranges = (self._first("accept-ranges") or "bytes").strip().lower() == "bytes"
        if self._status == 200 and total and validator and ranges and not codings:  # noqa: PLR2004
            self._promise = Promise(CanonicalURL(self.request.url), validator, total)

    # --- the payload ---------------------------------------------------------------------------------------------------

    def _feed(self, block: bytes) -> None:
        if not self._is_open:
            self._open()
            if self._stop:
                return
        self._held.append(block)
        self._held_size += len(block)
        if self._held_size >= (BATCH if self._spool else _AT_ONCE) or self.heard - self._told > _TOLD_EVERY:
            self._hand_over()

    def _hand_over(self) -> None:
        """What came counts. libcurl brings 16 KiB at a time, and to tell of each would take longer than to receive it."""
        block, self._held, self._held_size = b"".join(self._held), [], 0
        self._told = self.heard
        self._stop = check_stop_download(signals.bytes_received, self._crawler, self.request, data=block)
        if self._decoder:
            for piece in self._decoder.feed(block):
                self._take(piece)
        else:
            self._take(block)

    def _take(self, block: bytes) -> None:
        if self._may_be_cut and 0 < self._most < self._size + len(block):
            block = block[: self._most - self._size]
            self._stop = self._stop or StopDownload(fail=False)
        self._size += len(block)
        self._check(self._size, expected=False)
        if 0 < self._handler.endless < self._size and (
            self.is_endless or self._decoder
        ):  # a length is of what is packed
            raise EndlessError(f"endless: no length was told, and {self._handler.endless:,} bytes came")
        if self._spool:
            self._spool.feed(block)
            return
        self._blocks.append(block)
        if self._spools is None:
            return
        if not self._in_memory:
            self._in_memory = self._most_in_memory()
        if self._size > self._in_memory:
            self._spill(self._spools)

    def _most_in_memory(self) -> int:
        asked = self.request.meta.get(IN_MEMORY)
        if asked is not None:
            return int(asked)
        url = CanonicalURL(self.request.url)
        kind = media_types.media_type(self._first("content-type"), url, b"".join(self._blocks)[: messages.HEAD])
        return max(_SMALL, documents.most_read(kind))

    def _spill(self, spools: Spools) -> None:
        """Too much for memory: what came goes to the disk, and so does the rest."""
        blocks, self._blocks = self._blocks, []
        self._spool = spools.begin(CanonicalURL(self.request.url), self._promise)
        for block in blocks:
            self._spool.feed(block)

    def _check(self, size: int, *, expected: bool) -> None:
        if self._most and size > self._most:
            words = get_maxsize_msg(size, self._most, self.request, expected=expected)
            logger.log(logging.WARNING if self._spools is None else logging.DEBUG, words)
            raise DownloadCancelledError(words)
        if self._warned and size > self._warned:
            logger.warning(get_warnsize_msg(size, self._warned, self.request, expected=expected))
            self._warned = 0

    @property
    def _may_be_cut(self) -> bool:
        """Whether the payload does not matter: what an error or a redirect has to say stands in its headers."""
        return self._spools is not None and self._status // 100 != 2  # noqa: PLR2004 - the class of success

    # --- the end -------------------------------------------------------------------------------------------------------

    def result(self) -> Response:
        if not self._is_whole:
            raise ResponseDataLossError("cut off in its headers")
        if not self._is_open:
            self._guarded(self._open)
        if self._held and not self._error and not self._stop:
            self._guarded(self._hand_over)
        if self._error:
            raise self._error
        spooled = None
        try:
            if self._decoder:
                self._decoder.end()
            if self._spool:
                spool, self._spool = self._spool, None
                spooled = spool.finish()
        except CodingError as error:
            raise BrokenAnswerError(str(error)) from error
        except LengthError as error:
            raise ResponseDataLossError(str(error)) from error
        if self._stop:
            return self._stopped(self._stop)
        return self._response(spooled, ["partial"] if self._ends_with_connection() else None)

    def _ends_with_connection(self) -> bool:
        """Whether nothing but the end of the connection says that it is all, so that it may be a part (RFC 9112, 6.3)."""
        if self.easy.getinfo(pycurl.INFO_HTTP_VERSION) not in _OF_CONNECTIONS or not self._size:
            return False
        return self._first("content-length") is None and self._first("transfer-encoding") is None

    def failed(self, error: TransferError) -> Response:
        if self._held and not self._error and not self._stop:
            self._guarded(self._hand_over)
        if isinstance(self._error, CodingError):
            raise BrokenAnswerError(str(self._error)) from self._error
        if self._error:
            raise self._error from None
        if self._stop:
            return self._stopped(self._stop)
        if self._is_open and error.code in _LOST:
            return self._cut(error)
        raise exception(error) from error

    def close(self) -> None:
        """What is on the disk stays there for the next transfer, if that can go on; nothing stays in memory."""
        self._blocks = []
        if self._spool:
            spool, self._spool = self._spool, None
            if not self._error and self._decoder is None:
                for block in self._held:
                    spool.feed(block)
            if isinstance(self._error, CodingError | DownloadCancelledError | EndlessError):
                spool.discard()
            else:
                spool.leave()
        if self.part and self._spools and isinstance(self._error, DownloadCancelledError):
            self._spools.forget(self.part.promise.url)

    def _cut(self, error: TransferError) -> Response:
        if self.request.meta.get("download_fail_on_dataloss", self._handler.fails_on_loss):
            self._handler.tell_loss(self.request)
            raise ResponseDataLossError(str(error)) from error
        return self._response(None, flags=["dataloss"])

    def _stopped(self, stop: StopDownload) -> Response:
        response = self._response(None, flags=["download_stopped"])
        if stop.fail:
            stop.response = response
            raise stop
        return response

    def _response(self, spooled: Spooled | None, flags: list[str] | None = None) -> Response:
        easy, url = self.easy, self.request.url
        body = self._blocks[0] if len(self._blocks) == 1 else b"".join(self._blocks)
        address = easy.getinfo(pycurl.PRIMARY_IP)
        parts: dict[str, Any] = {
            "status": self._status,
            "flags": flags,
            "certificate": self._handler.certificate(easy, urlsplit(url).netloc) if url.startswith("https:") else None,
            "ip_address": ip_address(address) if address else None,
            "protocol": _PROTOCOLS.get(easy.getinfo(pycurl.INFO_HTTP_VERSION)),
        }
        if self._spools is not None:
            received = self._received
            if self._decoder:
                gone = {"content-encoding", "content-length"}
                received = [pair for pair in received if pair[0].lower() not in gone]
            return CurlResponse(url, body=body, received=received, spooled=spooled, **parts)
        headers = _headers(self._received)
        kind = responsetypes.from_args(headers=headers, url=url, body=body)
        return kind(url, headers=headers, body=body, **parts)


def _headers(received: list[tuple[str, str]]) -> Headers:
    headers = Headers()
    for name, value in received:
        headers.appendlist(name.encode("latin-1"), value.encode("latin-1"))
    return headers


_LOWER_ESCAPE: Final = re.compile("%[0-9A-F]?[a-f]")
_WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH"})
_OF_CONNECTIONS: Final = frozenset({1, 2})  # HTTP/1.0, HTTP/1.1


def _target(url: str) -> str:
    return "/" + url.split("/", 3)[3]


_CONDITIONS: Final = frozenset({b"If-None-Match", b"If-Modified-Since", b"Accept-Encoding"})


def _header_lines(request: Request, part: Part | None, start: int) -> list[bytes]:
    """The headers of a request as libcurl wants them; it would add some by itself."""
    lines = []
    for name, values in request.headers.items():
        if name == b"Proxy-Authorization" or (part and name in _CONDITIONS):
            continue
        lines += [name + b": " + value if value else name + b";" for value in values]
    if part:
        lines += [b"Range: bytes=%d-" % start, b"If-Range: " + part.promise.validator.encode("latin-1")]
    if "Accept" not in request.headers:
        lines.append(b"Accept:")
    if request.body:
        lines.append(b"Expect:")
        if "Content-Type" not in request.headers:
            lines.append(b"Content-Type:")
    return lines


def exception(error: TransferError) -> Exception:
    """What Scrapy calls an error of libcurl's."""
    kind = _ERRORS.get(error.code, DownloadFailedError)
    words = str(error).lower()
    if error.code == pycurl.E_COULDNT_CONNECT and "timed out" in words:
        kind = DownloadTimeoutError
    if error.code == pycurl.E_COULDNT_CONNECT and "tunnel" in words:  # the proxy is there, and says no
        kind = DownloadFailedError
    return kind(str(error))
