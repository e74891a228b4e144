"""HTTP messages: the response of a server, and its header fields.

Input and output are plain values. This module looks into a payload only to find its media type.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from typing import Final

from mirror.core.url import media_types
from mirror.core.url.canonical import CanonicalURL

Headers = Sequence[tuple[str, str]]
"""(name, value) pairs, as received."""

_PRIVATE = frozenset({"set-cookie", "set-cookie2"})
_PARTS = frozenset({HTTPStatus.PARTIAL_CONTENT, HTTPStatus.IM_USED})
"""Statuses of answers with a part of a payload, or with its difference from another one (RFC 3229)."""

_OF_SOMETHING_ELSE = frozenset(
    {
        HTTPStatus.CREATED,
        HTTPStatus.NO_CONTENT,
        HTTPStatus.RESET_CONTENT,
        HTTPStatus.MULTI_STATUS,
        HTTPStatus.ALREADY_REPORTED,
    }
)
"""Statuses of success whose payload, if there is one, is about the request."""

_BLANK = b" \t\n\v\f\r\0\xef\xbb\xbf\xfe\xff"
"""White space, zeros and byte order marks."""

GONE: Final = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.GONE})
"""The statuses that say of a URL, and not of the server or the visitor, that there is nothing."""

MAX_REDIRECTS: Final = 20
"""How many redirects in a row are followed (WHATWG Fetch, 4.4)."""

REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
"""The statuses with which a response may lead to another URL."""

MAX_READ = 64 << 20
"""The size in bytes up to which payloads are read as documents. A sitemap may have 50 MiB (sitemaps.org)."""

_PHRASES: Final = {
    520: "Unknown Error of the Server",
    521: "Web Server Is Down",
    522: "Connection Timed Out",
    523: "Origin Is Unreachable",
    524: "A Timeout Occurred",
    525: "SSL Handshake Failed",
    526: "Invalid SSL Certificate",
    530: "Origin Error",
    999: "Request Denied",
}
"""The phrases of statuses that no standard has: those of Cloudflare, and the one with which LinkedIn refuses programs."""

HEAD = 512
"""Bytes of a payload from which its media type is found if no header gives it."""


@dataclass(frozen=True, slots=True)
class Spooled:
    """A payload that isn't in memory: its SHA-256 in hexadecimal digits, its size in bytes, and its first bytes."""

    digest: str
    size: int
    head: bytes


@dataclass(frozen=True)
class Response:
    """A response of a server, its payload after transfer- and content-decoding.

    A `spooled` payload is on the disk, because it is no document or too long for one. `payload` is empty then.
    """

    url: CanonicalURL
    status: int
    headers: Headers
    payload: bytes
    spooled: Spooled | None = None
    is_open_ended: bool = False
    """Whether only the end of the connection marked the end of the payload, which may be incomplete (RFC 9112 6.3)."""
    is_error_page: bool = False
    """Whether the payload counts as what the server has at the URL, although the status is in `GONE`: a page that was asked
    for (`store.rules.error_pages`)."""

    def __reduce__(self) -> tuple[type["Response"], tuple[object, ...]]:
        """Pickle the fields alone: what dataclasses do for this takes longer than all else that a message needs."""
        return Response, (
            self.url,
            self.status,
            self.headers,
            self.payload,
            self.spooled,
            self.is_open_ended,
            self.is_error_page,
        )

    def header(self, name: str) -> str | None:
        """Return the first value of a header; `name` is in lower case."""
        return header(self.headers, name)

    @cached_property
    def media_type(self) -> str:
        """The media type, by the Content-Type, the first bytes, the URL and the Content-Disposition."""
        head = self.spooled.head if self.spooled else self.payload[:HEAD]
        return media_types.media_type(self.header("content-type"), self.url, head, self.header("content-disposition"))

    @property
    def size(self) -> int:
        """Bytes of the payload."""
        return self.spooled.size if self.spooled else len(self.payload)

    @property
    def is_success(self) -> bool:
        """Whether there is a complete payload that counts. Requested parts are joined earlier."""
        if self.is_error_page:
            return True
        is_final = self.status not in _PARTS and self.status != HTTPStatus.ACCEPTED
        return HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES and is_final

    @property
    def has_content(self) -> bool:
        """Whether the payload is what the server has at the URL, and more than white space and zeros."""
        is_empty = not self.spooled and not self.payload.strip(_BLANK)
        return self.is_success and is_of_resource(self.status) and not is_empty

    @property
    def is_redirect(self) -> bool:
        """Whether the response leads to another URL."""
        return self.status in REDIRECTS and self.header("location") is not None


def is_of_resource(status: int) -> bool:
    """Whether the payload of a success is what the server has at the URL. An unknown status counts as 200 (RFC 9110 15).

    >>> [status for status in (200, 201, 203, 204, 205, 299) if is_of_resource(status)]
    [200, 203, 299]
    """
    return status not in _OF_SOMETHING_ELSE


def without_cookies(headers: Headers) -> Headers:
    """Return the headers to keep in an archive: all but cookies, which are for this user alone and may be secret."""
    return [pair for pair in headers if pair[0].lower() not in _PRIVATE]


def header(headers: Headers, name: str) -> str | None:
    """Return the first value of a header; `name` is in lower case."""
    for key, value in headers:
        if key.lower() == name:
            return value
    return None


def escaped(value: str) -> str:
    """Return the value of a header that contains URLs, each byte beyond ASCII escaped, as Chromium does it for `Location`.

    >>> escaped("/caf\xc3\xa9")
    '/caf%C3%A9'
    """
    return value if value.isascii() else "".join(c if c < "\x80" else f"%{ord(c) & 0xFF:02X}" for c in value)


def status_text(status: int) -> str:
    """Return a status with its reason phrase. A status that no standard has still gets words.

    >>> status_text(404), status_text(999), status_text(299 + 300)
    ('404 Not Found', '999 Request Denied', '599 Unknown Status')
    """
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"{status} {_PHRASES.get(status, 'Unknown Status')}"
