"""The download handler: requests of Scrapy's become transfers of libcurl's, and what comes becomes responses.

It keeps to what Scrapy's own handlers do with settings, `Request.meta`, signals and errors, and may be used in any project:

    DOWNLOAD_HANDLERS = {"http": "mirror.handlers.CurlHandler", "https": "mirror.handlers.CurlHandler"}

What is different: `download_timeout` is the time in which nothing comes, not that of the whole transfer, so that a large file
may take its time; content-codings are undone here, block by block; and where the spider has `spools` (a place on the disk), a
payload that is not to be read, or too long for that, goes there, so that memory does not grow with it. One that was cut off
goes on where it ended.
"""

import asyncio
import logging
from base64 import b64decode
from collections.abc import Callable
from functools import lru_cache
from ipaddress import ip_address
from time import monotonic
from typing import Any, Final, cast
from urllib.parse import urlsplit

import pycurl
from scrapy import Request, signals
from scrapy.core.downloader.handlers.base import BaseDownloadHandler
from scrapy.crawler import Crawler
from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadCancelledError,
    DownloadConnectionRefusedError,
    DownloadFailedError,
    DownloadTimeoutError,
    ResponseDataLossError,
    StopDownload,
    UnsupportedURLSchemeError,
)
from scrapy.http import Headers, Response
from scrapy.responsetypes import responsetypes
from scrapy.utils._download_handlers import check_stop_download, get_dataloss_msg, get_maxsize_msg, get_warnsize_msg
from twisted.internet.ssl import Certificate

from mirror.core import documents, media
from mirror.core.coding import CodingError, Decoder
from mirror.core.documents import Spooled
from mirror.core.ranges import content_range, strong_validator
from mirror.core.urls import CanonicalURL
from mirror.curl import Multi, TransferError
from mirror.failures import BrokenAnswerError
from mirror.store.spool import LengthError, Part, Promise, Spool, Spools

logger = logging.getLogger(__name__)

STATUS: Final = "download_status"
"""The key of `Request.meta` that tells the status while `headers_received` is sent: the signal does not carry it."""

OFFSET: Final = "download_offset"
"""The key of `Request.meta` that tells how much of a payload an earlier transfer brought, while `headers_received` is sent."""

IN_MEMORY: Final = "download_in_memory"
"""The key of `Request.meta` for how many bytes of the payload stay in memory, whatever it is."""

LOGIN: Final = "download_login"
"""The key of `Request.meta` for (user, password): sent by the scheme that the server asks for, and on no redirect."""

_SMALL: Final = 256 << 10
"""Bytes up to which a payload that nobody reads stays in memory all the same: a file of its own would cost more."""

_BUFFER: Final = 512 << 10
_SWEPT_EVERY: Final = 0.25
_SCHEMES: Final = ("http", "https", "ftp", "ftps", "sftp", "file")
_SUPPRESS_CONNECT_HEADERS: Final = 265  # pycurl has no name for it
_NO_LIMIT_OF_HEADERS: Final = 0
_TLS: Final = {"TLSv1.0": 4, "TLSv1.1": 5, "TLSv1.2": 6, "TLSv1.3": 7}
_VERSIONS: Final = {
    "1.1": pycurl.CURL_HTTP_VERSION_1_1,
    "2": pycurl.CURL_HTTP_VERSION_2TLS,
    "3": pycurl.CURL_HTTP_VERSION_3,
}
_PROTOCOLS: Final = {1: "HTTP/1.0", 2: "HTTP/1.1", 3: "h2", 30: "h3", 31: "h3"}
_ERRORS: Final[dict[int, type[Exception]]] = {
    pycurl.E_UNSUPPORTED_PROTOCOL: UnsupportedURLSchemeError,
    pycurl.E_COULDNT_RESOLVE_HOST: CannotResolveHostError,
    pycurl.E_COULDNT_RESOLVE_PROXY: CannotResolveHostError,
    pycurl.E_COULDNT_CONNECT: DownloadConnectionRefusedError,
    pycurl.E_OPERATION_TIMEDOUT: DownloadTimeoutError,
    pycurl.E_PARTIAL_FILE: ResponseDataLossError,
}
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


class CurlHandler(BaseDownloadHandler):
    """Downloads by libcurl. One for all schemes of a crawl shares connections, names and TLS sessions."""

    lazy = True

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        settings = crawler.settings
        self.timeout: float = settings.getfloat("DOWNLOAD_TIMEOUT")
        self.most = settings.getint("DOWNLOAD_MAXSIZE")
        self.warned = settings.getint("DOWNLOAD_WARNSIZE")
        self.fails_on_loss = settings.getbool("DOWNLOAD_FAIL_ON_DATALOSS")
        self._bind = settings.get("DOWNLOAD_BIND_ADDRESS")
        self._certificates: dict[str, Certificate] = {}
        self._free: list[pycurl.Curl] = []
        self._multi: Multi | None = None
        self._running: set[Transfer] = set()
        self._sweeper: asyncio.TimerHandle | None = None
        self._common = self._common_options()
        self._told_loss = False

    @property
    def spools(self) -> Spools | None:
        """Where long payloads go; `None`: to memory."""
        return getattr(self.crawler.spider, "spools", None)

    async def download_request(self, request: Request) -> Response:
        """Raises the exceptions of `scrapy.exceptions` that Scrapy's own handlers raise."""
        part = self._part(request)
        if part:
            try:
                return await self._download(request, part)
            except _NoLongerThatError:
                assert self.spools is not None
                self.spools.forget(part.promise.url)
        return await self._download(request, None)

    async def close(self) -> None:
        if self._sweeper:
            self._sweeper.cancel()
        if self._multi:
            self._multi.close()
        for easy in self._free:
            easy.close()

    def _part(self, request: Request) -> Part | None:
        if self.spools is None or request.method != "GET":
            return None
        return self.spools.part(CanonicalURL(request.url))

    async def _download(self, request: Request, part: Part | None) -> Response:
        if self._multi is None:
            self._multi = Multi()
        easy = self._easy()
        transfer = Transfer(self, request, part, easy)
        special = self._set(easy, request, transfer)
        self._running.add(transfer)
        self._sweep_later()
        try:
            await self._multi.perform(easy)
            return transfer.response()
        except TransferError as error:
            return transfer.failed(error)
        finally:
            self._running.discard(transfer)
            transfer.close()
            if special:
                easy.close()
            else:
                self._free.append(easy)

    # --- options of libcurl --------------------------------------------------------------------------------------------

    def _easy(self) -> pycurl.Curl:
        if self._free:
            return self._free.pop()
        easy = pycurl.Curl()
        for option, value in self._common:
            easy.setopt(option, value)
        return easy

    def _common_options(self) -> list[tuple[int, Any]]:
        """What is the same for all transfers."""
        settings = self.crawler.settings
        verify = settings.getbool("DOWNLOAD_VERIFY_CERTIFICATES")
        found: list[tuple[int, Any]] = [
            (pycurl.NOSIGNAL, 1),
            (pycurl.PATH_AS_IS, 1),
            (pycurl.PROTOCOLS, sum(getattr(pycurl, f"PROTO_{scheme.upper()}") for scheme in _SCHEMES)),
            (pycurl.FOLLOWLOCATION, 0),
            (pycurl.HTTP_CONTENT_DECODING, 0),
            (pycurl.HTTP09_ALLOWED, 0),
            (_SUPPRESS_CONNECT_HEADERS, 1),
            (pycurl.BUFFERSIZE, _BUFFER),
            (pycurl.TCP_KEEPALIVE, 1),
            (pycurl.SSL_VERIFYPEER, int(verify)),
            (pycurl.SSL_VERIFYHOST, 2 * verify),
            (pycurl.PROXY_SSL_VERIFYPEER, int(verify)),
            (pycurl.PROXY_SSL_VERIFYHOST, 2 * verify),
            (pycurl.HTTP_VERSION, _VERSIONS[str(settings.get("MIRROR_HTTP_VERSION") or "2")]),
            (pycurl.PIPEWAIT, 1),
            (pycurl.PROXY, ""),  # the environment is read by Scrapy's middleware, which knows NO_PROXY too
            (pycurl.OPT_FILETIME, 1),
            (pycurl.FTP_SKIP_PASV_IP, 1),
        ]
        least, most = (settings.get(f"DOWNLOAD_TLS_{bound}_VERSION") for bound in ("MIN", "MAX"))
        if least or most:
            found.append((pycurl.SSLVERSION, _TLS.get(least or "", 0) | _TLS.get(most or "", 0) << 16))
        for name, option in (
            ("MIRROR_CA_FILE", pycurl.CAINFO),
            ("MIRROR_CLIENT_CERTIFICATE", pycurl.SSLCERT),
            ("MIRROR_CLIENT_KEY", pycurl.SSLKEY),
        ):
            if settings.get(name):
                found.append((option, str(settings[name])))
        ciphers = settings.get("DOWNLOADER_CLIENT_TLS_CIPHERS")
        if ciphers and ciphers != "DEFAULT":
            found.append((pycurl.SSL_CIPHER_LIST, ciphers))
        return found

    def _set(self, easy: pycurl.Curl, request: Request, transfer: "Transfer") -> bool:
        """The options of one transfer; whether they make the handle unfit for others."""
        meta, method = request.meta, request.method
        easy.setopt(pycurl.URL, request.url.partition("#")[0])
        easy.setopt(pycurl.HEADERFUNCTION, transfer.header)
        easy.setopt(pycurl.WRITEFUNCTION, transfer.body)
        easy.setopt(pycurl.HTTPHEADER, _header_lines(request, transfer.part))
        timeout = float(meta.get("download_timeout", self.timeout))
        transfer.timeout = timeout
        special = False
        if request.url.startswith("https:"):
            easy.setopt(pycurl.OPT_CERTINFO, 1)
        if request.url.partition("#")[0].endswith("?"):  # libcurl leaves an empty query out
            easy.setopt(pycurl.REQUEST_TARGET, "/" + request.url.partition("#")[0].split("/", 3)[3])
            special = True
        if method == "HEAD":
            easy.setopt(pycurl.NOBODY, 1)
            special = True
        elif method != "GET" or request.body:
            easy.setopt(pycurl.CUSTOMREQUEST, method)
            easy.setopt(pycurl.POSTFIELDS, request.body)
            special = True
        return self._set_proxy(easy, request) | self._set_login(easy, request) | self._set_bind(easy, request) | special

    def _set_proxy(self, easy: pycurl.Curl, request: Request) -> bool:
        proxy = request.meta.get("proxy")
        if not proxy:
            return False
        easy.setopt(pycurl.PROXY, proxy)
        authorization = request.headers.get("Proxy-Authorization")
        if authorization and authorization.lower().startswith(b"basic "):
            easy.setopt(pycurl.PROXYUSERPWD, b64decode(authorization[6:]))
            easy.setopt(pycurl.PROXYAUTH, pycurl.HTTPAUTH_ANY)
        if request.url.endswith("?") and not request.url.startswith("https:"):
            easy.setopt(pycurl.REQUEST_TARGET, request.url)
        return True

    def _set_login(self, easy: pycurl.Curl, request: Request) -> bool:
        login = request.meta.get(LOGIN)
        if not login:
            return False
        user, password = login
        easy.setopt(pycurl.USERNAME, user)
        easy.setopt(pycurl.PASSWORD, password)
        easy.setopt(pycurl.HTTPAUTH, pycurl.HTTPAUTH_ANY)
        return True

    def _set_bind(self, easy: pycurl.Curl, request: Request) -> bool:
        bind = request.meta.get("bindaddress") or self._bind
        if not bind:
            return False
        host, port = (bind, 0) if isinstance(bind, str) else bind
        easy.setopt(pycurl.INTERFACE, f"host!{host}")
        easy.setopt(pycurl.LOCALPORT, port)
        return True

    # --- what is told of a connection ----------------------------------------------------------------------------------

    def certificate(self, easy: pycurl.Curl, place: str) -> Certificate | None:
        """The certificate of the server at `host:port`. libcurl tells it once a connection."""
        chain = cast("list[list[tuple[str, str]]]", easy.getinfo(pycurl.INFO_CERTINFO))
        if chain:
            pem = next((value for key, value in chain[0] if key == "Cert"), None)
            if pem:
                self._certificates[place] = _certificate(pem)
        return self._certificates.get(place)

    def tell_loss(self, request: Request) -> None:
        if not self._told_loss:
            self._told_loss = True
            logger.warning(get_dataloss_msg(request.url))

    # --- silence -------------------------------------------------------------------------------------------------------

    def _sweep_later(self) -> None:
        if self._sweeper is None:
            self._sweeper = asyncio.get_running_loop().call_later(_SWEPT_EVERY, self._sweep)

    def _sweep(self) -> None:
        """End the transfers of which nothing was heard for too long."""
        self._sweeper = None
        assert self._multi is not None
        now = monotonic()
        is_closing = self._is_closing()
        for transfer in self._running:
            if transfer.timeout and now - transfer.heard > transfer.timeout:
                words = f"Nothing came of {transfer.request.url} for {transfer.timeout:g} seconds."
                self._multi.fail(transfer.easy, TransferError(pycurl.E_OPERATION_TIMEDOUT, words))
            elif is_closing and transfer.can_be_resumed:
                self._multi.fail(transfer.easy, InterruptedTransferError(transfer.request.url))
        if self._running:
            self._sweep_later()

    def _is_closing(self) -> bool:
        """Whether the spider is being closed and waits for nothing but what is in flight; Scrapy has no public word for it."""
        slot = getattr(self.crawler.engine, "_slot", None)
        return slot is not None and slot.closing is not None


class InterruptedTransferError(DownloadCancelledError):
    """The spider was closed while a long payload came; what there is of it stays for the next run."""


class _NoLongerThatError(Exception):
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


class Transfer:
    """One transfer: what libcurl brings, and what becomes of it."""

    def __init__(self, handler: CurlHandler, request: Request, part: Part | None, easy: pycurl.Curl) -> None:
        self.request = request
        self.part = part
        self.easy = easy
        self.timeout = 0.0
        self.heard = self._begun = monotonic()
        self._handler = handler
        self._crawler = handler.crawler
        self._spools = handler.spools if request.method == "GET" else None
        self._most = int(request.meta.get("download_maxsize", handler.most))
        self._warned = int(request.meta.get("download_warnsize", handler.warned))
        self._status = 0
        self._received: list[tuple[str, str]] = []
        self._is_open = False  # whether the headers are over
        self._blocks: list[bytes] = []
        self._size = 0
        self._in_memory = 0
        self._decoder: Decoder | None = None
        self._promise: Promise | None = None
        self._spool: Spool | None = None
        self._error: BaseException | None = None
        self._stop: StopDownload | None = None

    @property
    def can_be_resumed(self) -> bool:
        """Whether nothing is lost where the transfer ends now."""
        return self._spool is not None and (self.part is not None or self._promise is not None)

    # --- called by libcurl ---------------------------------------------------------------------------------------------

    def header(self, line: bytes) -> int | None:
        self.heard = monotonic()
        if self._is_open:  # a trailer
            return None
        if line.startswith(b"HTTP/"):
            self._status = int(line.split(None, 2)[1])
            self._received = []
        elif line.strip(b"\r\n"):
            self._keep(line.decode("latin-1"))
        elif self._status >= 200 and not self._is_asked_for_login():  # noqa: PLR2004 - the first that is final
            return self._guarded(self._open)
        return None

    def body(self, block: bytes) -> int | None:
        self.heard = monotonic()
        return self._guarded(self._feed, block)

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
        return documents.header(self._received, name)

    def _open(self) -> None:
        """The headers are there: decide where the payload goes, and tell."""
        if self._is_open:
            return
        self._is_open = True
        meta = self.request.meta
        meta["download_latency"] = monotonic() - self._begun
        length = self._first("content-length") or ""
        total = int(length) if length.isascii() and length.isdigit() else None
        if self.part:
            total = self._go_on(self.part, total)
        elif total is not None:
            self._check(total, expected=True)
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
            start = _start(part)
            same = strong_validator(self._received) in {None, part.promise.validator}
            if not found or found.start != start or found.total != part.promise.total or not same:
                raise _NoLongerThatError
            assert self._spools is not None
            self._spool = self._spools.go_on(part, start)
            self._size = start
            self._status = 200
            self._received = [
                pair for pair in self._received if pair[0].lower() not in {"content-range", "content-length"}
            ]
            self._received.append(("Content-Length", str(part.promise.total)))
            return part.promise.total
        if self._status == 416:  # noqa: PLR2004
            raise _NoLongerThatError
        return total

    def _plan(self, total: int | None) -> None:
        """Where the payload goes, and what a later transfer would need to go on with it."""
        codings = ",".join(value for name, value in self._received if name.lower() == "content-encoding")
        if codings and self._spools:
            self._decoder = Decoder(codings, self._most)
        if self._spools is None:
            return
        validator = strong_validator(self._received)
        ranges = (self._first("accept-ranges") or "bytes").strip().lower() == "bytes"
        if self._status == 200 and total and validator and ranges and not codings:  # noqa: PLR2004
            self._promise = Promise(CanonicalURL(self.request.url), validator, total)

    # --- the payload ---------------------------------------------------------------------------------------------------

    def _feed(self, block: bytes) -> None:
        if not self._is_open:
            self._open()
            if self._stop:
                return
        self._stop = check_stop_download(signals.bytes_received, self._crawler, self.request, data=block)
        if self._decoder:
            for piece in self._decoder.feed(block):
                self._take(piece)
        else:
            self._take(block)

    def _take(self, block: bytes) -> None:
        self._size += len(block)
        self._check(self._size, expected=False)
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
        kind = media.media_type(self._first("content-type"), url, b"".join(self._blocks)[: documents.HEAD])
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
            logger.warning(words)
            raise DownloadCancelledError(words)
        if self._warned and size > self._warned:
            logger.warning(get_warnsize_msg(size, self._warned, self.request, expected=expected))
            self._warned = 0

    # --- the end -------------------------------------------------------------------------------------------------------

    def response(self) -> Response:
        """All of it came."""
        if not self._is_open:
            self._open()
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
        return self._response(spooled)

    def failed(self, error: TransferError) -> Response:
        """It ended before its end; raises the exception that tells why, or gives what was wanted of it."""
        if isinstance(self._error, CodingError):
            raise BrokenAnswerError(str(self._error)) from self._error
        if self._error:
            raise self._error from None
        if self._stop:
            return self._stopped(self._stop)
        if self._is_open and error.code in _LOST:
            return self._cut(error)
        raise _exception(error) from error

    def close(self) -> None:
        """Whatever the end was: what is on the disk stays there for the next transfer, if that can go on."""
        if self._spool:
            spool, self._spool = self._spool, None
            if isinstance(self._error, CodingError | DownloadCancelledError):
                spool.discard()
            else:
                spool.leave()

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


def _start(part: Part) -> int:
    """From where on the rest is asked for; where nothing is missing, the last byte is, for there is no empty range."""
    return min(part.size, part.promise.total - 1)


_CONDITIONS: Final = frozenset({b"If-None-Match", b"If-Modified-Since", b"Accept-Encoding"})


def _header_lines(request: Request, part: Part | None) -> list[bytes]:
    """The headers of a request as libcurl wants them; it would add some by itself."""
    lines = []
    for name, values in request.headers.items():
        if name == b"Proxy-Authorization" or (part and name in _CONDITIONS):
            continue
        lines += [name + b": " + value if value else name + b";" for value in values]
    if part:
        lines += [b"Range: bytes=%d-" % _start(part), b"If-Range: " + part.promise.validator.encode("latin-1")]
    if "Accept" not in request.headers:
        lines.append(b"Accept:")
    if request.body:
        lines.append(b"Expect:")
        if "Content-Type" not in request.headers:
            lines.append(b"Content-Type:")
    return lines


def _exception(error: TransferError) -> Exception:
    """What Scrapy calls an error of libcurl's."""
    kind = _ERRORS.get(error.code, DownloadFailedError)
    if error.code == pycurl.E_COULDNT_CONNECT and "timed out" in str(error).lower():
        kind = DownloadTimeoutError
    return kind(str(error))


@lru_cache(maxsize=256)
def _certificate(pem: str) -> Certificate:
    return Certificate.loadPEM(pem.encode("ascii"))
