"""Freshness: how long a stored answer stays fresh, how to revalidate it, and what a 304 changes in it (RFC 9111).

Input: headers as received; a duration as a user writes it. Output: request headers, headers, a `timedelta`. This module has no
clock (a lifetime counts from the arrival of the answer), uses no heuristic (an answer without a lifetime isn't fresh), and
returns no header value with a control character.
"""

import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from mirror.core.http.messages import Headers

MAX_LIFETIME: Final = timedelta(days=3650)
"""The longest lifetime, whatever an answer says."""

MAX_TAG: Final = 1024
"""Bytes of the longest entity-tag that is sent back."""

NOT_RENEWED: Final = frozenset(
    {
        # these describe the stored payload; a 304 has none
        "content-digest",
        "content-disposition",
        "content-encoding",
        "content-language",
        "content-length",
        "content-location",
        "content-md5",
        "content-range",
        "content-type",
        "digest",
        "repr-digest",
        # these identify it: new ones would make later requests ask for a payload that the archive doesn't have
        "etag",
        "last-modified",
        # the references of the stored answer were read from these
        "link",
        "location",
        "refresh",
        # these are about one connection (RFC 9110 7.6.1)
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authentication-info",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""Headers that a 304 never changes (RFC 9111 3.1 and 3.2), in lower case."""

_DATES: Final = ("%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %d %H:%M:%S %Y")
"""The three forms of an HTTP date (RFC 9110 5.6.7)."""

_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_USUAL_DATE = re.compile(
    rf"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), (\d\d) ({'|'.join(_MONTHS)}) (\d{{4}}) (\d\d):(\d\d):(\d\d) GMT", re.ASCII
)
_ENTITY_TAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e\xa0-\xff]*"')  # RFC 9110 8.8.3, without the C1 control characters
_BARE_TAG = re.compile(r"(?!\*$)[\x21\x23-\x2b\x2d-\x7e]+")
_DIRECTIVE = re.compile(r'([^\s,;="]++)\s*+(?:=\s*+(?:"([^"]*+)"|([^\s,"]*+)))?')
_DIGITS = re.compile(r"0*([0-9]+)")
_MAX_DIGITS = 12
_UNITS: Final = ("weeks", "days", "hours", "minutes", "seconds")
_DURATION = re.compile("(?=.)" + "".join(rf"(?:(?P<{unit}>[0-9]{{1,6}}){unit[0]})?" for unit in _UNITS))


class InvalidDurationError(ValueError):
    """The caller gave a text that is not a duration; the message says how to write one."""


class FileDate(NamedTuple):
    """The date of a file: seconds since 1970. `is_modified`: it is a Last-Modified, which belongs to this URL alone."""

    seconds: int
    is_modified: bool


def file_date(headers: Headers) -> FileDate | None:
    """Return the date for the file of an answer: its Last-Modified, else its Date (RFC 9110 8.8.2, 6.6.1).

    >>> file_date([("Date", "Sun, 06 Nov 1994 08:49:37 GMT")])
    FileDate(seconds=784111777, is_modified=False)
    >>> file_date([("Last-Modified", "yesterday")])
    """
    for name in ("last-modified", "date"):
        found = http_date(_first(headers, name))
        seconds = int(found.timestamp()) if found else 0
        if seconds > 0:
            return FileDate(seconds, name == "last-modified")
    return None


def conditions(headers: Headers) -> list[tuple[str, str]]:
    """Return the request headers that revalidate a stored answer (RFC 9110 13.1).

    Both validators are sent as received. An entity-tag without quotes is invalid (RFC 9110 8.8.3), but is sent anyway, as
    browsers do: a server that writes it also reads it. `*` isn't sent, because it would match any current payload. A tag of
    more than `MAX_TAG` bytes isn't sent either, because the server might refuse the header.

    >>> conditions([("ETag", 'W/"a"'), ("Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT")])
    [('If-None-Match', 'W/"a"'), ('If-Modified-Since', 'Sun, 06 Nov 1994 08:49:37 GMT')]
    >>> conditions([("ETag", "*"), ("Last-Modified", "yesterday")])
    []
    """
    tag, modified = _first(headers, "etag"), _first(headers, "last-modified")
    found = []
    if len(tag) <= MAX_TAG and (_ENTITY_TAG.fullmatch(tag) or _BARE_TAG.fullmatch(tag)):
        found.append(("If-None-Match", tag))
    if http_date(modified):
        found.append(("If-Modified-Since", modified))
    return found


def is_confirmed(asked: Headers, answer: Headers) -> bool:
    """Whether a 304 is about the payload that was asked for: by its validators it has to be (RFC 9111 4.3.4).

    `asked` are the conditions of the request, `answer` the headers of the 304. A 304 without validators is about the payload
    that was asked for. Entity-tags are compared weakly (RFC 9110 8.8.3.2), because servers weaken them when they compress. A
    request without conditions gets no 304.

    >>> is_confirmed([("If-None-Match", '"1"')], [("ETag", '"2"')]), is_confirmed([], [])
    (False, False)
    >>> is_confirmed([("If-None-Match", 'W/"1"')], [("ETag", '"1"')]), is_confirmed([("If-None-Match", '"1"')], [])
    (True, True)
    """
    tags, dates = _values(answer, "etag"), _values(answer, "last-modified")
    if tags:
        return all(_opaque(tag) == _opaque(_first(asked, "if-none-match")) for tag in tags)
    since = _first(asked, "if-modified-since")
    return bool(asked) and all(_is_same_date(since, date) for date in dates)


def renewed(stored: Headers, answer: Headers) -> list[tuple[str, str]]:
    """Update stored headers by those of a 304: replace old values in place, and append new headers (RFC 9111 3.2).

    This is idempotent.

    >>> renewed([("etag", "a"), ("Age", "9"), ("Server", "x")], [("Age", "0"), ("Content-Length", "0"), ("Vary", "*")])
    [('etag', 'a'), ('Age', '0'), ('Server', 'x'), ('Vary', '*')]
    """
    left_out = NOT_RENEWED | {name.strip().lower() for name in ",".join(_values(answer, "connection")).split(",")}
    fresh: dict[str, list[tuple[str, str]]] = {}
    for name, value in answer:
        if name.lower() not in left_out:
            fresh.setdefault(name.lower(), []).append((name, value))
    result: list[tuple[str, str]] = []
    waiting = dict(fresh)
    for name, value in stored:
        key = name.lower()
        result += waiting.pop(key, []) if key in fresh else [(name, value)]
    return result + [pair for pairs in waiting.values() for pair in pairs]


def lifetime(headers: Headers) -> timedelta:
    """Return how long after its arrival an answer is fresh: the lifetime it gives, minus its Age (RFC 9111 4.2).

    The result is from 0 to `MAX_LIFETIME`. `max-age` takes precedence over `Expires`. `no-store`, `no-cache` and values that
    can't be read give 0.

    >>> str(lifetime([("Cache-Control", "public, max-age=600"), ("Age", "60")]))
    '0:09:00'
    >>> str(lifetime([("Expires", "0")]))
    '0:00:00'
    """
    age = timedelta(seconds=_seconds(_first(headers, "age").partition(",")[0].strip()))
    return min(max(_lifetime_at_origin(headers) - age, timedelta(0)), MAX_LIFETIME)


def duration(text: str) -> timedelta:
    """Parse a duration: numbers with w, d, h, m or s, the longest unit first. Raises `InvalidDurationError`.

    >>> str(duration("1d12h")), str(duration("0s"))
    ('1 day, 12:00:00', '0:00:00')
    """
    match = _DURATION.fullmatch(text)
    if match is None:
        raise InvalidDurationError(f"{text!r} is not a duration: write it as 90s, 30m, 12h, 1d, 2w or 1d12h")
    return timedelta(**{unit: int(number) for unit, number in match.groupdict(default="0").items()})


def _lifetime_at_origin(headers: Headers) -> timedelta:
    directives = _directives(headers)
    if directives.keys() & {"no-store", "no-cache"}:
        return timedelta(0)
    if "max-age" in directives:
        return timedelta(seconds=_seconds(directives["max-age"]))
    expires, date = http_date(_first(headers, "expires")), http_date(_first(headers, "date"))
    return expires - date if expires and date else timedelta(0)


def _directives(headers: Headers) -> dict[str, str]:
    """Return the directives of Cache-Control, the first of each name (RFC 9111 4.2.1)."""
    found: dict[str, str] = {}
    for directive in _DIRECTIVE.finditer(",".join(_values(headers, "cache-control"))):
        found.setdefault(directive[1].lower(), directive[2] or directive[3] or "")
    return found


def _seconds(text: str) -> int:
    """Parse a number of seconds; 0 if it is none. Very large numbers are capped, so that they don't overflow."""
    match = _DIGITS.fullmatch(text)
    if match is None:
        return 0
    return int(match[1]) if len(match[1]) <= _MAX_DIGITS else 10**_MAX_DIGITS


def http_date(text: str) -> datetime | None:
    """Parse an HTTP date; `None` if it is none."""
    usual = _USUAL_DATE.fullmatch(text)
    if usual:  # `strptime` takes ten times as long
        day, year, hour, minute, second = map(int, usual.group(1, 3, 4, 5, 6))
        with suppress(ValueError):
            return datetime(year, _MONTHS.index(usual[2]) + 1, day, hour, minute, second, tzinfo=UTC)
    for form in _DATES if text.isascii() and text.isprintable() else ():
        try:
            return datetime.strptime(text, form).replace(tzinfo=UTC)
        except ValueError:
            pass
    return None


def _opaque(tag: str) -> str:
    return tag.removeprefix("W/")


def _is_same_date(one: str, other: str) -> bool:
    return one == other or (http_date(one) is not None and http_date(one) == http_date(other))


def _values(headers: Headers, name: str) -> list[str]:
    return [value.strip(" \t") for key, value in headers if key.lower() == name]


def _first(headers: Headers, name: str) -> str:
    return next(iter(_values(headers, name)), "")
