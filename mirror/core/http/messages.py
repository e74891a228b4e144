"""HTTP messages: the response of a server, and its header fields.

Input and output are plain values. This module looks into a payload only to find its media type.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus

from mirror.core.url import media_types
from mirror.core.url.canonical import CanonicalURL

Headers = Sequence[tuple[str, str]]
"""(name, value) pairs, as received."""

_PRIVATE = frozenset({"set-cookie", "set-cookie2"})
HEAD = 512
"""Bytes of a payload from which its media type is found if no header gives it."""


@dataclass(frozen=True, slots=True)
class Spooled:
    """A payload that isn't in memory: its SHA-256 in hexadecimal digits, its size in bytes, and its first bytes."""

    digest: str
    size: int
    head: bytes


@dataclass(frozen=True, slots=True)
class Response:
    """A response of a server, its payload after transfer- and content-decoding.

    A `spooled` payload is on the disk, because it is no document or too long for one. `payload` is empty then.
    """

    url: CanonicalURL
    status: int
    headers: Headers
    payload: bytes
    spooled: Spooled | None = None

    def header(self, name: str) -> str | None:
        """Return the first value of a header; `name` is in lower case."""
        return header(self.headers, name)

    @property
    def media_type(self) -> str:
        """The media type, by the Content-Type, the first bytes and the URL."""
        head = self.spooled.head if self.spooled else self.payload[:HEAD]
        return media_types.media_type(self.header("content-type"), self.url, head)

    @property
    def size(self) -> int:
        """Bytes of the payload."""
        return self.spooled.size if self.spooled else len(self.payload)

    @property
    def is_success(self) -> bool:
        """Whether the request succeeded and the payload is complete. A 206 isn't; requested parts are joined earlier."""
        is_part = self.status == HTTPStatus.PARTIAL_CONTENT
        return HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES and not is_part

    @property
    def is_redirect(self) -> bool:
        """Whether the response leads to another URL."""
        return self.status in {301, 302, 303, 307, 308} and self.header("location") is not None


def without_cookies(headers: Headers) -> Headers:
    """Return the headers to keep in an archive: all but cookies, which are for this user alone and may be secret."""
    return [pair for pair in headers if pair[0].lower() not in _PRIVATE]


def header(headers: Headers, name: str) -> str | None:
    """Return the first value of a header; `name` is in lower case."""
    return next((value for key, value in headers if key.lower() == name), None)


def status_text(status: int) -> str:
    """Return a status with its reason phrase.

    >>> status_text(404), status_text(299 + 300)
    ('404 Not Found', '599')
    """
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)
