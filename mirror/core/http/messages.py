"""HTTP messages: the response of a server, and its header fields.

Enters and leaves: plain values. Never here: a look into the payload beyond what tells its media type.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus

from mirror.core.url import media_types
from mirror.core.url.canonical import CanonicalURL

Headers = Sequence[tuple[str, str]]
"""(name, value) pairs, as received."""

_OF_THE_USER = frozenset({"set-cookie", "set-cookie2"})
HEAD = 512
"""Bytes of a payload that tell its media type where no header does."""


@dataclass(frozen=True, slots=True)
class Spooled:
    """A payload that is not in memory: its SHA-256 in hexadecimal digits, its size in bytes, and how it begins."""

    digest: str
    size: int
    head: bytes


@dataclass(frozen=True, slots=True)
class Response:
    """An answer of a server, its payload after transfer- and content-decoding.

    A payload that was `spooled` is none to read: it is no document, or too long for one. `payload` is empty then.
    """

    url: CanonicalURL
    status: int
    headers: Headers
    payload: bytes
    spooled: Spooled | None = None

    def header(self, name: str) -> str | None:
        """The first value of a header; `name` is in lower case."""
        return header(self.headers, name)

    @property
    def media_type(self) -> str:
        head = self.spooled.head if self.spooled else self.payload[:HEAD]
        return media_types.media_type(self.header("content-type"), self.url, head)

    @property
    def size(self) -> int:
        """Bytes of the payload."""
        return self.spooled.size if self.spooled else len(self.payload)

    @property
    def is_success(self) -> bool:
        """Whether it is all of something: a part that nobody asked for (206) is not. One that was is put together before."""
        is_part = self.status == HTTPStatus.PARTIAL_CONTENT
        return HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES and not is_part

    @property
    def is_redirect(self) -> bool:
        return self.status in {301, 302, 303, 307, 308} and self.header("location") is not None


def kept(headers: Headers) -> Headers:
    """The headers of an answer that belong to an archive: a cookie is for whom it was set, and may be a secret."""
    return [pair for pair in headers if pair[0].lower() not in _OF_THE_USER]


def header(headers: Headers, name: str) -> str | None:
    """The first value of a header; `name` is in lower case."""
    return next((value for key, value in headers if key.lower() == name), None)


def status_text(status: int) -> str:
    """A status as people know it.

    >>> status_text(404), status_text(299 + 300)
    ('404 Not Found', '599')
    """
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)
