"""Transfers by HTTP: how a request is sent, and how the headers of its answer are read."""

import re
from dataclasses import replace
from http import HTTPStatus
from time import monotonic
from typing import Final

import pycurl
from scrapy import Request
from scrapy.exceptions import DownloadFailedError, ResponseDataLossError

from mirror.core.http.byte_ranges import content_range, is_progress, may_match, strong_validator
from mirror.core.http.caching import is_confirmed
from mirror.core.http.content_coding import codings
from mirror.core.http.digest_fields import stated_digest
from mirror.core.http.messages import Spooled
from mirror.core.url import media_types
from mirror.store.disk.spool import PartialDownload
from mirror.transfer.base_transfer import BaseTransfer
from mirror.transfer.curl_operation import (
    LOGIN,
    SPELLED,
    Handler,
    LoginRefusedError,
    PayloadChangedError,
    RangeRefusedError,
    UnconfirmedError,
    UnseenEndError,
)
from mirror.transfer.failures import ShortRangeError
from mirror.transfer.stream_end import StreamEnd

_WHATEVER_THE_RANGE: Final = frozenset({200, 401, 407, 429, 503})
"""Statuses that a request for the whole would have met as well. Any other may be there because of the range."""

_HAS_NO_BODY: Final = frozenset({204, 205, 304})
_STREAMS: Final = (b"HTTP/2", b"HTTP/3")
_LOWER_ESCAPE: Final = re.compile("%[0-9A-F]?[a-f]")
_METHODS_WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH"})
_CONDITIONS: Final = frozenset({b"If-None-Match", b"If-Modified-Since"})
_NOT_FOR_RANGES: Final = frozenset({b"Accept-Encoding"})
"""Headers that are not sent with a range, nor are conditions: it has If-Range, and counts bytes of the identity coding."""


class HTTPTransfer(BaseTransfer):
    """One transfer by HTTP."""

    def __init__(
        self,
        handler: Handler,
        request: Request,
        part: PartialDownload | None,
        *,
        is_conditional: bool = True,
        is_early: bool = True,
    ) -> None:
        """`is_conditional`: send the conditions of the request, if it has any. `is_early`: send a login that was asked for."""
        super().__init__(handler, request, part)
        self._left_out = frozenset() if is_conditional and not part else _CONDITIONS
        if part:
            self._left_out |= _NOT_FOR_RANGES
        self._is_stream = False  # of HTTP/2 or 3
        self._stream_end = StreamEnd() if handler.must_see_end(request.url) else None
        self._range_end = 0
        self._is_early = is_early and LOGIN in request.meta and handler.spaces.contains(self.url)

    def set_options(self, easy: pycurl.Curl) -> bool:
        request = self.request
        url = str(request.meta.get(SPELLED, self.url)).partition("#")[0]
        easy.setopt(pycurl.HTTPHEADER, _header_lines(request, self._left_out, self.part, self.offset))
        is_special = self._stream_end is not None and self._stream_end.set_options(easy)
        if self._is_early:
            easy.setopt(pycurl.HTTPAUTH, pycurl.HTTPAUTH_BASIC)
        if url.startswith("https:"):
            easy.setopt(pycurl.OPT_CERTINFO, 1)
        if url.endswith("?") or _LOWER_ESCAPE.search(url) or SPELLED in request.meta:  # libcurl would normalize these
            is_for_proxy = request.meta.get("proxy") and url.startswith("http:")
            easy.setopt(pycurl.REQUEST_TARGET, url if is_for_proxy else _target(url))
            is_special = True
        return _set_method(easy, request) or is_special

    def on_header(self, line: bytes) -> int | None:
        self.last_activity = monotonic()
        self.received += len(line)
        if self._has_response:  # a trailer
            return None
        if line[:5].upper() == b"HTTP/":
            return self._guarded(self._read_status_line, line)
        if self._error:
            return -1
        if line.strip(b"\r\n"):
            self._read_field(line.decode("latin-1"))
            return None
        self._has_all_headers = True
        if self._status == HTTPStatus.UNAUTHORIZED and LOGIN in self.request.meta:
            self._handler.spaces.challenged(self.url, self._headers)
        if self._status >= HTTPStatus.OK and not self._will_log_in():
            return self._guarded(self._begin_response)
        return None

    def _read_status_line(self, line: bytes) -> None:
        status = line.split(None, 2)[1]
        if len(status) != len("200"):
            raise DownloadFailedError(f"invalid status {status.decode('latin-1')} (RFC 9110, 15)")
        self._status = int(status)
        self._is_stream = line.startswith(_STREAMS)
        self._headers = []
        self._has_all_headers = False

    def _read_field(self, line: str) -> None:
        if line[0] in " \t" and self._headers:  # an obsolete fold (RFC 9112, 5.2)
            name, value = self._headers[-1]
            self._headers[-1] = (name, f"{value} {line.strip()}")
            return
        name, colon, value = line.partition(":")
        if colon:
            self._headers.append((name.strip(), value.strip(" \t\r\n")))

    def _will_log_in(self) -> bool:
        """Whether libcurl answers this challenge itself, so that another answer follows."""
        if self._status == HTTPStatus.UNAUTHORIZED and self._is_early:
            return False
        return self._status in {401, 407} and bool(self.request.meta.get(LOGIN) or self.request.meta.get("proxy"))

    def _begin_response(self) -> None:
        if not self._has_response:
            if self._is_unconfirmed():
                raise UnconfirmedError
            if self._status == HTTPStatus.UNAUTHORIZED and self._is_early:
                raise LoginRefusedError
            if self._is_stream and not self._stream_end and not (self._is_coded or self._is_end_seen()):
                raise UnseenEndError  # before the payload comes, which may be long
        super()._begin_response()

    def _is_unconfirmed(self) -> bool:
        """Whether a 304 is about another payload than the one in the archive, or a condition was refused."""
        if self._status not in {HTTPStatus.NOT_MODIFIED, HTTPStatus.PRECONDITION_FAILED}:
            return False
        sent = [name for name in _CONDITIONS - self._left_out if name in self.request.headers]
        asked = [(name.decode(), (self.request.headers.get(name) or b"").decode("latin-1")) for name in sent]
        is_refused = self._status == HTTPStatus.PRECONDITION_FAILED or not is_confirmed(asked, self._headers)
        return bool(asked) and is_refused

    def _accept_part(self, part: PartialDownload, length: int | None) -> int | None:
        if self._status in _WHATEVER_THE_RANGE:
            return length
        if self._status != HTTPStatus.PARTIAL_CONTENT:
            raise RangeRefusedError
        found = content_range(self._header("content-range") or "")
        is_same = may_match(self._headers, part.promise.validator)
        if not found or found.start != self.offset or found.total != part.promise.total or not is_same:
            raise PayloadChangedError
        self._range_end = found.end + 1
        digest = stated_digest(self._headers, is_part=True) or part.promise.digest
        self._payload.resume(replace(part, promise=replace(part.promise, digest=digest)), self.offset)
        self._status = 200
        self._headers = [pair for pair in self._headers if pair[0].lower() not in {"content-range", "content-length"}]
        self._headers.append(("Content-Length", str(part.promise.total)))
        return part.promise.total

    def _validator(self) -> str | None:
        return strong_validator(self._headers)

    # --- the end -------------------------------------------------------------------------------------------------------

    def _finish_payload(self) -> Spooled | None:
        """Raises `ResponseDataLossError` or `UnseenEndError` if libcurl took for the end of a payload what is none."""
        size = self._payload.size
        if self.part and self._range_end == size < self.part.promise.total:
            raise ShortRangeError(is_progress=is_progress(size - self.offset, self.part.promise.total))
        if not self._stop and not self._is_end_seen():
            self._check_close()
        return super()._finish_payload()

    def _check_close(self) -> None:
        """Check whether the end may be that of the connection. In HTTP/2 and 3 it can't, and an empty payload is suspicious."""
        if self._is_stream and not self._stream_end:
            raise UnseenEndError
        if self._is_stream or not self._body_size:
            raise ResponseDataLossError("closed before the end of the payload")

    def _is_end_seen(self) -> bool:
        """Whether something else than the end of the connection tells that the payload is whole, if there is one."""
        if not self._has_body or self._is_framed or (self._is_coded and self._body_size):
            return True
        return self._is_stream and self._stream_end is not None and self._stream_end.is_seen

    @property
    def _has_body(self) -> bool:
        is_success = self._status // 100 == 2  # noqa: PLR2004 - the class of success
        return self.request.method == "GET" and is_success and self._status not in _HAS_NO_BODY

    @property
    def _is_framed(self) -> bool:
        """Whether a length or a last chunk tells the end (RFC 9112, 6.3). libcurl checks both."""
        has_length = (self._header("content-length") or "").isdigit()
        return has_length or (not self._is_stream and self._codings("transfer-encoding")[-1:] == ["chunked"])

    @property
    def _is_coded(self) -> bool:
        """Whether the end of a content-coding tells the end. `Decoder` checks it, unless nothing came."""
        is_file = media_types.is_gzip_file(self._header("content-type"), self.url)
        return self._spools is not None and not is_file and bool(codings(",".join(self._codings("content-encoding"))))

    def _codings(self, name: str) -> list[str]:
        values = ",".join(value for key, value in self._headers if key.lower() == name).lower().split(",")
        return [value.strip() for value in values if value.strip()]

    def _ends_with_connection(self) -> bool:
        return not self._is_end_seen()


def _set_method(easy: pycurl.Curl, request: Request) -> bool:
    """Set the method and the body. Returns whether they make the handle unfit for others."""
    if request.method == "HEAD":
        easy.setopt(pycurl.NOBODY, 1)
        return True
    if request.method == "GET" and not request.body:
        return False
    easy.setopt(pycurl.CUSTOMREQUEST, request.method)
    if request.body or request.method in _METHODS_WITH_BODY:
        easy.setopt(pycurl.POSTFIELDS, request.body)
    return True


def _target(url: str) -> str:
    return "/" + url.split("/", 3)[3]


def _header_lines(
    request: Request, left_out: frozenset[bytes], part: PartialDownload | None, offset: int
) -> list[bytes]:
    """The headers of a request in libcurl's notation, which also suppresses those that libcurl would add."""
    lines = []
    for name, values in request.headers.items():
        if name == b"Proxy-Authorization" or name in left_out:
            continue
        lines += [name + b": " + value if value else name + b";" for value in values]
    if part:
        lines += [b"Range: bytes=%d-" % offset, b"If-Range: " + part.promise.validator.encode("latin-1")]
    if "Accept" not in request.headers:
        lines.append(b"Accept:")
    if request.body:
        lines.append(b"Expect:")
        if "Content-Type" not in request.headers:
            lines.append(b"Content-Type:")
    return lines
