"""Transfers by HTTP: how a request is sent, and how the headers of its answer are read."""

import re
from dataclasses import replace
from http import HTTPStatus
from time import monotonic
from typing import Final

import pycurl
from scrapy import Request
from scrapy.exceptions import DownloadFailedError

from mirror.core.http.byte_ranges import content_range, may_match, strong_validator
from mirror.core.http.digest_fields import stated_digest
from mirror.store.disk.spool import PartialDownload
from mirror.transfer.base_transfer import BaseTransfer
from mirror.transfer.curl_operation import LOGIN, PayloadChangedError

_RANGE_REFUSED: Final = frozenset({400, 405, 412, 416, 501})
"""Statuses with which servers refuse a range although they would send the whole."""

_CLOSE_DELIMITED_VERSIONS: Final = frozenset({1, 2})  # HTTP/1.0, HTTP/1.1
_LOWER_ESCAPE: Final = re.compile("%[0-9A-F]?[a-f]")
_METHODS_WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH"})
_REPLACED_FOR_RANGES: Final = frozenset({b"If-None-Match", b"If-Modified-Since", b"Accept-Encoding"})
"""Headers that are not sent with a range: its condition is If-Range, and it counts bytes of the identity coding."""


class HTTPTransfer(BaseTransfer):
    """One transfer by HTTP."""

    def set_options(self, easy: pycurl.Curl) -> bool:
        request, url = self.request, self.request.url.partition("#")[0]
        easy.setopt(pycurl.HTTPHEADER, _header_lines(request, self.part, self.offset))
        is_special = False
        if url.startswith("https:"):
            easy.setopt(pycurl.OPT_CERTINFO, 1)
        if url.endswith("?") or _LOWER_ESCAPE.search(url):  # libcurl would normalize these
            is_for_proxy = request.meta.get("proxy") and url.startswith("http:")
            easy.setopt(pycurl.REQUEST_TARGET, url if is_for_proxy else _target(url))
            is_special = True
        return _set_method(easy, request) or is_special

    def on_header(self, line: bytes) -> int | None:
        self.last_activity = monotonic()
        self.received += len(line)
        if self._has_response:  # a trailer
            return None
        if line.startswith(b"HTTP/"):
            return self._guarded(self._read_status_line, line)
        if self._error:
            return -1
        if line.strip(b"\r\n"):
            self._read_field(line.decode("latin-1"))
            return None
        self._has_all_headers = True
        if self._status >= HTTPStatus.OK and not self._will_log_in():
            return self._guarded(self._begin_response)
        return None

    def _read_status_line(self, line: bytes) -> None:
        status = line.split(None, 2)[1]
        if len(status) != len("200"):
            raise DownloadFailedError(f"invalid status {status.decode('latin-1')} (RFC 9110, 15)")
        self._status = int(status)
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
        return self._status in {401, 407} and bool(self.request.meta.get(LOGIN) or self.request.meta.get("proxy"))

    def _accept_part(self, part: PartialDownload, length: int | None) -> int | None:
        if self._status in _RANGE_REFUSED:
            raise PayloadChangedError
        if self._status != HTTPStatus.PARTIAL_CONTENT:
            return length  # the whole arrives, or an error that a request for the whole would have met as well
        found = content_range(self._header("content-range") or "")
        is_same = may_match(self._headers, part.promise.validator)
        if not found or found.start != self.offset or found.total != part.promise.total or not is_same:
            raise PayloadChangedError
        digest = stated_digest(self._headers, is_part=True) or part.promise.digest
        self._payload.resume(replace(part, promise=replace(part.promise, digest=digest)), self.offset)
        self._status = 200
        self._headers = [pair for pair in self._headers if pair[0].lower() not in {"content-range", "content-length"}]
        self._headers.append(("Content-Length", str(part.promise.total)))
        return part.promise.total

    def _validator(self) -> str | None:
        return strong_validator(self._headers)

    def _ends_with_connection(self) -> bool:
        """RFC 9112, 6.3."""
        if self.easy.getinfo(pycurl.INFO_HTTP_VERSION) not in _CLOSE_DELIMITED_VERSIONS or not self._payload.size:
            return False
        return self._header("content-length") is None and self._header("transfer-encoding") is None


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


def _header_lines(request: Request, part: PartialDownload | None, offset: int) -> list[bytes]:
    """The headers of a request in libcurl's notation, which also suppresses those that libcurl would add."""
    lines = []
    for name, values in request.headers.items():
        if name == b"Proxy-Authorization" or (part and name in _REPLACED_FOR_RANGES):
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
