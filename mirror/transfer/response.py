"""Responses of the download handler."""

from functools import lru_cache
from typing import Any

from scrapy.http import Headers, Response

from mirror.core.http.messages import Spooled


class CurlResponse(Response):
    """A response that keeps its headers as the server sent them, and whose payload may be on the disk."""

    def __init__(
        self,
        *args: Any,
        raw_headers: list[tuple[str, str]] | None = None,
        spooled: Spooled | None = None,
        **kwargs: Any,
    ) -> None:
        self.raw_headers = raw_headers or []
        """(name, value) pairs in the order in which they came, with the names spelled as the server spelled them."""
        super().__init__(*args, **kwargs)
        self.spooled = spooled

    @property
    def headers(self) -> Headers:
        """`raw_headers` as Scrapy's `Headers`. They are made on first use, because most responses never need them."""
        if self._headers is None:
            self._headers = scrapy_headers(self.raw_headers)
        return self._headers

    @headers.setter
    def headers(self, value: Any) -> None:
        self._headers = value if value is None or isinstance(value, Headers) else Headers(value)

    attributes = (*Response.attributes, "raw_headers", "spooled")


def scrapy_headers(pairs: list[tuple[str, str]]) -> Headers:
    """(name, value) pairs as Scrapy's `Headers`, which keep lists of bytes by names in title case.

    Its own methods look at each part of a name and a value, which takes five times as long.
    """
    headers = Headers()
    for name, value in pairs:
        dict.setdefault(headers, _key(name), []).append(value.encode("latin-1"))
    return headers


@lru_cache(maxsize=1024)
def _key(name: str) -> bytes:
    return name.encode("latin-1").title()
