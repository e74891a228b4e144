"""The base of transfers: from the headers and blocks that libcurl delivers to a response of Scrapy's.

Input: status and headers, which a subclass reads by its protocol, and blocks of the body. Output: a response, or one of the
exceptions that Scrapy's own handlers raise. On the way a transfer sends Scrapy's signals, keeps to the limits of size, undoes
content-codings, and resumes the part that an earlier transfer left.

If the spider has spools, a payload that no parser needs, or that is too long for one, goes to the disk.
"""

import logging
from abc import abstractmethod
from collections.abc import Callable
from functools import cached_property, lru_cache
from http import HTTPStatus
from ipaddress import ip_address
from time import monotonic
from typing import Any, Final
from urllib.parse import urlsplit

import pycurl
from scrapy import Request, signals
from scrapy.exceptions import DownloadCancelledError, ResponseDataLossError, StopDownload
from scrapy.http import Response
from scrapy.responsetypes import responsetypes
from twisted.python.failure import Failure

from mirror.core.document import documents
from mirror.core.http import content_coding, messages
from mirror.core.http.content_coding import CodingError, Decoder
from mirror.core.http.digest_fields import stated_digest
from mirror.core.http.messages import Spooled
from mirror.core.url import media_types
from mirror.store.disk.spool import BATCH, DigestError, LengthError, PartialDownload, Promise
from mirror.transfer.curl_errors import TransferError, scrapy_exception
from mirror.transfer.curl_operation import (
    BEGINNING,
    IN_MEMORY,
    OFFSET,
    STATUS,
    CurlOperation,
    Handler,
    PayloadChangedError,
)
from mirror.transfer.failures import BrokenAnswerError, EndlessError, InterruptedTransferError
from mirror.transfer.payload import Payload
from mirror.transfer.response import CurlResponse, scrapy_headers

logger = logging.getLogger(__name__)

_ALWAYS_IN_MEMORY: Final = 256 << 10
"""Bytes up to which every payload stays in memory, because a file of its own would cost more."""

_MAX_LENGTH: Final = (1 << 63) - 1  # libcurl ignores a longer Content-Length, and takes whatever comes as the whole
_MAX_DIGITS: Final = len(str(_MAX_LENGTH))
_FLUSH_SIZE: Final = 256 << 10
_FLUSH_INTERVAL: Final = 0.1
_PROTOCOLS: Final = {1: "HTTP/1.0", 2: "HTTP/1.1", 3: "h2", 30: "h3", 31: "h3"}
_CUT_SHORT: Final = frozenset(
    {
        pycurl.E_PARTIAL_FILE,
        pycurl.E_RECV_ERROR,
        16,  # CURLE_HTTP2
        92,  # CURLE_HTTP2_STREAM
        95,  # CURLE_HTTP3
    }
)
"""The errors that, after the headers, mean that the body was cut short."""

_ip_address: Final = lru_cache(maxsize=256)(ip_address)
"""An address as an object, which takes long to make, while most answers come from a few addresses."""


class BaseTransfer(CurlOperation[Response]):
    """One transfer of a payload. Subclasses know the protocol."""

    def __init__(self, handler: Handler, request: Request, part: PartialDownload | None) -> None:
        """`part`: what an earlier transfer left of the payload."""
        super().__init__(handler, request)
        self.part = part
        self._crawler = handler.crawler
        self._spools = handler.spools if request.method == "GET" else None
        self._max_size = int(request.meta.get("download_maxsize", handler.max_size))
        self._warn_size = int(request.meta.get("download_warnsize", handler.warn_size))
        self._status = 0
        self._headers: list[tuple[str, str]] = []
        self._has_all_headers = False  # of any answer, a 100 (Continue) too
        self._has_response = False  # the headers are those of the final answer, and were processed
        self._length: int | None = None
        self._payload = Payload(self.url, self._spools)
        self._decoder: Decoder | None = None
        self._body_size = 0  # bytes of the body, before decoding
        self._pending: list[bytes] = []  # received, but not flushed yet
        self._pending_size = 0
        self._last_flush = 0.0
        self._error: BaseException | None = None
        self._stop: StopDownload | None = None

    @property
    def offset(self) -> int:
        """The first byte to request. If none is missing it is the last byte, because no range is empty."""
        return min(self.part.size, self.part.promise.total - 1) if self.part else 0

    @property
    def has_unknown_length(self) -> bool:
        return self._has_response and self._length is None

    @property
    def can_be_resumed(self) -> bool:
        return self._payload.is_spooled and (self.part is not None or self._payload.promise is not None)

    def on_body(self, block: bytes) -> int | None:
        self.last_activity = monotonic()
        self.received += len(block)
        if self._handler.rate_limiter and self._handler.rate_limiter.delays(self, len(block)):
            return pycurl.WRITEFUNC_PAUSE
        return self._guarded(self._receive, block)

    def _guarded(self, act: Callable[..., None], *arguments: bytes) -> int | None:
        """Call `act`; -1 if the transfer is to end.

        pycurl would print an exception of a callback and lose it, so it is kept here and raised by `result` or `failed`.
        """
        try:
            act(*arguments)
        except BaseException as error:  # noqa: BLE001 - it is raised again
            self._error = error
        return None if self._error is None and self._stop is None else -1

    # --- headers -------------------------------------------------------------------------------------------------------

    @abstractmethod
    def _accept_part(self, part: PartialDownload, length: int | None) -> int | None:
        """Resume the part if the answer continues it. Returns the length of the whole; raises `PayloadChangedError`."""

    @abstractmethod
    def _validator(self) -> str | None:
        """The validator that identifies this version of the payload in a later transfer; `None` if there is none."""

    def _header(self, name: str) -> str | None:
        return messages.header(self._headers, name)

    def _begin_response(self) -> None:
        """Process the headers: decide where the payload goes, and send `headers_received`."""
        if self._has_response:
            return
        self._has_response = True
        meta = self.request.meta
        meta["download_latency"] = monotonic() - self.started
        field = self._header("content-length") or ""
        length = int(field[-_MAX_DIGITS:]) if field.isascii() and field.isdigit() else None
        if length is not None and len(field.lstrip("0")) > _MAX_DIGITS:
            raise ResponseDataLossError("the Content-Length is impossible")
        if self.part:
            length = self._accept_part(self.part, length)
        if length is not None and self._status != HTTPStatus.NOT_MODIFIED and not self._may_truncate:
            self._check_size(length, expected=True)
        if length is not None and length > _MAX_LENGTH:
            raise ResponseDataLossError(f"Content-Length {length} is impossible")
        self._length = length
        self._decoder = self._decoder_of_payload()
        meta[STATUS] = self._status
        meta[OFFSET] = self._payload.size
        self._stop = self._ask(signals.headers_received, headers=scrapy_headers(self._headers), body_length=length)
        meta.pop(STATUS, None)
        meta.pop(OFFSET, None)

    def _decoder_of_payload(self) -> Decoder | None:
        """What undoes the content-codings of the payload; `None` if it has none, or if a middleware undoes them."""
        if self._spools is None:
            return None
        codings = ",".join(value for name, value in self._headers if name.lower() == "content-encoding")
        if not content_coding.codings(codings):
            return None
        is_file = media_types.is_gzip_file(self._header("content-type"), self.url)
        return Decoder(codings, 0, is_gzip_file=is_file)  # `_store` checks the size of what it yields

    def _promise(self) -> Promise | None:
        """What a later transfer needs to resume this one; `None` if it can't."""
        validator = self._validator()
        has_ranges = (self._header("accept-ranges") or "bytes").strip().lower() == "bytes"
        if self._status != HTTPStatus.OK or not (self._length and validator and has_ranges) or self._decoder:
            return None
        return Promise(self.url, validator, self._length, stated_digest(self._headers, is_part=False) or "")

    # --- the payload ---------------------------------------------------------------------------------------------------

    def _receive(self, block: bytes) -> None:
        if not self._has_response:
            self._begin_response()
            if self._stop:
                return
        self._body_size += len(block)
        self._pending.append(block)
        self._pending_size += len(block)
        is_long = self._handler.counts or self._pending_size >= (BATCH if self._payload.is_spooled else _FLUSH_SIZE)
        if is_long or self.last_activity - self._last_flush > _FLUSH_INTERVAL:
            self._flush()

    def _flush(self) -> None:
        """Process the pending blocks as one. libcurl delivers 16 KiB at a time; a signal for each would cost too much."""
        block, self._pending, self._pending_size = b"".join(self._pending), [], 0
        self._last_flush = self.last_activity
        self._stop = self._ask(signals.bytes_received, data=block)
        if self._decoder:
            for piece in self._decoder.feed(block):
                self._store(piece)
                if self._stop:
                    break
        else:
            self._store(block)
        if self._handler.is_cut:
            raise InterruptedTransferError(self.request.url)

    def _store(self, block: bytes) -> None:
        payload = self._payload
        if self._may_truncate and 0 < self._max_size < payload.size + len(block):
            block = block[: self._max_size - payload.size]
            self._stop = self._stop or StopDownload(fail=False)
        size = payload.size + len(block)
        self._check_size(size, expected=False)
        self._check_endless(size)
        payload.append(block)
        if self._spools is not None and not payload.is_spooled and size > self._max_in_memory:
            payload.spill(self._promise())

    @cached_property
    def _max_in_memory(self) -> int:
        """Bytes up to which the payload stays in memory. Depends on its first block, which may tell its media type."""
        limit = self.request.meta.get(IN_MEMORY)
        if limit is not None:
            return int(limit)
        head = self._payload.body()[: messages.HEAD]
        kind = media_types.media_type(self._header("content-type"), self.url, head)
        return max(_ALWAYS_IN_MEMORY, documents.max_read_size(kind))

    def _ask(self, signal: object, **words: Any) -> StopDownload | None:
        """Send one of the signals whose receivers may stop a download; return the exception with which one did."""
        sent = self._crawler.signals.send_catch_log(signal, request=self.request, spider=self._crawler.spider, **words)
        for _, result in sent:
            if isinstance(result, Failure) and isinstance(result.value, StopDownload):
                return result.value
        return None

    def _check_size(self, size: int, *, expected: bool) -> None:
        told = f"{'Expected to receive' if expected else 'Received'} {size} bytes which is larger than download"
        if self._max_size and size > self._max_size:
            message = f"{told} max size ({self._max_size}) in request {self.request}."
            logger.log(logging.WARNING if self._spools is None else logging.DEBUG, message)
            raise DownloadCancelledError(message)
        if self._warn_size and size > self._warn_size:
            logger.warning("%s warn size (%d) in request %s.", told, self._warn_size, self.request)
            self._warn_size = 0

    def _check_endless(self, size: int) -> None:
        is_unbounded = self.has_unknown_length or self._decoder  # Content-Length bounds the encoded size only
        if 0 < self._handler.max_endless_size < size and is_unbounded:
            raise EndlessError(f"endless: no length was told, and {self._handler.max_endless_size:,} bytes came")

    @property
    def _may_truncate(self) -> bool:
        """Whether a part of the payload is enough: of an error or a redirect, Websucker uses the headers."""
        if self.request.meta.get(BEGINNING):
            return True
        return self._spools is not None and self._status // 100 != 2  # noqa: PLR2004 - the class of success

    # --- the end -------------------------------------------------------------------------------------------------------

    def result(self) -> Response:
        if not self._has_all_headers:
            raise ResponseDataLossError("the headers were cut short")
        if not self._has_response:
            self._guarded(self._begin_response)
        self._flush_rest()
        if self._error:
            raise self._error
        if self._stop:
            return self._stopped(self._stop)
        spooled = self._finish_payload()
        return self._response(spooled, ["partial"] if self._ends_with_connection() else None)

    def _finish_payload(self) -> Spooled | None:
        try:
            if self._decoder and (rest := self._decoder.end()):
                self._store(rest)
            return self._payload.finish()
        except CodingError as error:
            raise BrokenAnswerError(str(error)) from error
        except LengthError as error:
            raise ResponseDataLossError(str(error)) from error
        except DigestError as error:
            raise PayloadChangedError from error

    def _ends_with_connection(self) -> bool:
        """Whether only the end of the connection marks the end of the payload, so that it may be incomplete."""
        return False

    def failed(self, error: TransferError) -> Response:
        self._flush_rest()
        if isinstance(self._error, CodingError):
            raise BrokenAnswerError(str(self._error)) from self._error
        if self._error:
            raise self._error from None
        if self._stop:
            return self._stopped(self._stop)
        if self._has_response and error.code in _CUT_SHORT:
            return self._truncated(error)
        raise scrapy_exception(error) from error

    def _flush_rest(self) -> None:
        if self._pending and not self._error and not self._stop:
            self._guarded(self._flush)

    def close(self) -> None:
        """Leave an incomplete payload on the disk if a later transfer may resume it, and free the memory."""
        rest = self._pending if not self._error and self._decoder is None else []
        is_cancelled = isinstance(self._error, DownloadCancelledError) and not isinstance(
            self._error, InterruptedTransferError
        )
        is_useless = is_cancelled or isinstance(self._error, CodingError | EndlessError)
        self._payload.abandon(rest, keep=not is_useless)
        if self.part and self._spools and is_cancelled:
            self._spools.forget(self.part.promise.url)

    def _truncated(self, error: TransferError) -> Response:
        if self.request.meta.get("download_fail_on_dataloss", self._handler.fails_on_loss):
            self._handler.warn_of_loss(self.request)
            raise ResponseDataLossError(str(error)) from error
        return self._response(None, flags=["dataloss"])

    def _stopped(self, stop: StopDownload) -> Response:
        response = self._response(None, flags=["download_stopped"])
        if stop.fail:
            stop.response = response
            raise stop
        return response

    def _response(self, spooled: Spooled | None, flags: list[str] | None = None) -> Response:
        easy, url, body = self.easy, self.request.url, self._payload.body()
        address = easy.getinfo(pycurl.PRIMARY_IP)
        attributes: dict[str, Any] = {
            "status": self._status,
            "flags": flags,
            "certificate": self._handler.certificate(easy, urlsplit(url).netloc) if url.startswith("https:") else None,
            "ip_address": _ip_address(address) if address else None,
            "protocol": _PROTOCOLS.get(easy.getinfo(pycurl.INFO_HTTP_VERSION)),
        }
        if self._spools is not None:
            raw = self._decoded_headers() if self._decoder else self._headers
            return CurlResponse(url, body=body, raw_headers=raw, spooled=spooled, **attributes)
        headers = scrapy_headers(self._headers)
        kind = responsetypes.from_args(headers=headers, url=url, body=body)
        return kind(url, headers=headers, body=body, **attributes)

    def _decoded_headers(self) -> list[tuple[str, str]]:
        """The headers, without those that describe the encoded payload."""
        return [pair for pair in self._headers if pair[0].lower() not in {"content-encoding", "content-length"}]
