"""Ranges of a payload, and whether two transfers can be parts of the same payload (RFC 9110, 8.8 and 14).

Input: header values. Output: numbers, or a validator for If-Range. This module uses no network and no disk.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Final

from mirror.core.http.caching import MAX_TAG

_CONTENT_RANGE: Final = re.compile(r"\s*bytes\s+([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18})\s*", re.IGNORECASE)
_RANGE: Final = re.compile(r"\s*(?=-?[0-9])([0-9]{0,18})-([0-9]{0,18})\s*")
_NO_END: Final = 10**18
_STRONG_TAG: Final = re.compile(r'"[\x21\x23-\x7e\x80-\xff]*"')
_MAX_RANGES: Final = 1000
"""How many ranges a payload may take, unless each is long."""

_LONG_RANGE: Final = 64 << 10
_MIN_AGE_OF_STRONG_DATES: Final = 60
"""Seconds by which Last-Modified must precede Date to be a strong validator: the clocks of a server may differ."""


@dataclass(frozen=True, slots=True)
class ContentRange:
    """Bytes `start` to `end`, both included, of `total`."""

    start: int
    end: int
    total: int


def content_range(value: str) -> ContentRange | None:
    """Parse a Content-Range; `None` if it isn't complete (RFC 9110, 14.4).

    >>> content_range("bytes 5-9/10")
    ContentRange(start=5, end=9, total=10)
    >>> content_range("bytes 5-9/*"), content_range("bytes 9-5/10"), content_range("bytes */10")
    (None, None, None)
    """
    match = _CONTENT_RANGE.fullmatch(value)
    if match is None:
        return None
    start, end, total = map(int, match.groups())
    return ContentRange(start, end, total) if start <= end < total else None


def is_progress(size: int, total: int) -> bool:
    """Whether a range of `size` bytes is long enough to fetch a payload of `total` bytes by ranges of this length.

    >>> is_progress(3000, 3_000_000), is_progress(2999, 3_000_000), is_progress(65536, 10**12)
    (True, False, True)
    """
    return size >= min(_LONG_RANGE, total // _MAX_RANGES)


def strong_validator(headers: Sequence[tuple[str, str]]) -> str | None:
    """Return the validator for If-Range: a strong ETag, else a strong Last-Modified (RFC 9110, 8.8.2.2 and 13.1.5).

    >>> strong_validator([("ETag", '"a"')]), strong_validator([("ETag", 'W/"a"')])
    ('"a"', None)
    """
    values = {name.lower(): value.strip() for name, value in reversed(headers)}
    tag = values.get("etag")
    if tag is not None:
        return tag if len(tag) <= MAX_TAG and _STRONG_TAG.fullmatch(tag) else None
    modified, date = values.get("last-modified", ""), values.get("date", "")
    try:
        age = (parsedate_to_datetime(date) - parsedate_to_datetime(modified)).total_seconds()
    except (ValueError, TypeError):
        return None
    return modified if age >= _MIN_AGE_OF_STRONG_DATES else None


def is_range(value: str) -> bool:
    """Whether a Range is a valid one of bytes. A server must ignore any other (RFC 9110, 14.2).

    >>> is_range("bytes=0-4, -5"), is_range("bytes=5-4"), is_range("pages=1-2")
    (True, False, False)
    """
    unit, _, ranges = value.partition("=")
    found = [_RANGE.fullmatch(part) for part in ranges.split(",")]
    return unit.strip().lower() == "bytes" and all(one and int(one[1] or 0) <= int(one[2] or _NO_END) for one in found)


def may_match(headers: Sequence[tuple[str, str]], validator: str) -> bool:
    """Whether a 206 can be a part of the payload with this `strong_validator`: its headers don't contradict that.

    A server that supports If-Range sends a 206 for no other payload, and need not repeat its validators. A server that doesn't
    may send a part of any.

    >>> may_match([("ETag", 'W/"b"')], '"a"'), may_match([("Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT")], '"a"')
    (False, False)
    >>> may_match([("ETag", '"a"'), ("Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT")], '"a"'), may_match([], '"a"')
    (True, True)
    """
    values = {name.lower(): value.strip() for name, value in reversed(headers)}
    tag, modified = values.get("etag"), values.get("last-modified")
    if tag is None and modified is None:
        return True
    return validator == (tag.removeprefix("W/") if validator.startswith('"') and tag is not None else modified)
