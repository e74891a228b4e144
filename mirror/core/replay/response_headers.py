"""Headers of replayed responses: which received headers are replayed, with which values, and who may read a response.

Input: received headers, URLs, the conditions of a request. Output: headers and decisions. No header that this module returns
contains a line break. This module opens no socket and reads no archive.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Final

from mirror.core.http.messages import Headers
from mirror.core.syntax import embedded_urls
from mirror.core.syntax.embedded_urls import Kind
from mirror.core.url import canonical
from mirror.core.url.canonical import CanonicalURL

_REPLAYED: Final = frozenset(
    {
        "content-disposition",
        "content-language",
        "cross-origin-embedder-policy",  # a page needs it to share memory between its threads
        "cross-origin-opener-policy",
        "last-modified",
        "x-content-type-options",
    }
)
"""Headers that are replayed as they were received. All others stay in the archive: hop-by-hop headers, cookies, codings that
were undone, lifetimes, policies of the original, and headers that make a browser send reports or insist on TLS."""

COMMON: Final[Mapping[str, str]] = {
    "cache-control": "no-cache",  # revalidation costs nothing, and the archive may change
    "cross-origin-resource-policy": "cross-origin",  # here the hosts of one page are different sites
    "referrer-policy": "same-origin",
    "x-dns-prefetch-control": "off",
}
"""Headers of each response."""

_ENTITY_TAG: Final = re.compile(r'"[\x21\x23-\x7e\x80-\xff]*"')
_CLEAN: Final = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_MEDIA_TYPE: Final = re.compile(r"[\w!#$&^.+\-]+/[\w!#$&^.+\-]+[\t ]*(?:;[\t\x20-\x7e\x80-\xff]*)?", re.ASCII)
_LOADED: Final = frozenset({"audio", "font", "image", "script", "style", "track", "video"})


def replayed(headers: Headers) -> dict[str, str]:
    """Return the headers that are replayed, names in lower case, without values that contain control characters."""
    found: dict[str, str] = {}
    for name, value in headers:
        if name.lower() in _REPLAYED and _CLEAN.fullmatch(value):
            found.setdefault(name.lower(), value)
    return found


def content_type(received: str | None, media_type: str | None) -> str | None:
    """Return the Content-Type to send: the received one with its parameters if it is valid, else the type that the crawl found.

    >>> content_type("text/html; charset=koi8-r", "text/html"), content_type("nonsense\\r\\nX: y", "text/html")
    ('text/html; charset=koi8-r', 'text/html')
    """
    if received is not None and _MEDIA_TYPE.fullmatch(received.strip("\t ")):
        return received.strip("\t ")
    return media_type if media_type and _MEDIA_TYPE.fullmatch(media_type) else None


def refresh(value: str, url: CanonicalURL, place: Callable[[CanonicalURL], str]) -> str | None:
    """Return a Refresh header that leads to the replayed target; `None` if the value is invalid."""
    span = next(embedded_urls.refresh_spans(value, Kind.PAGE), None)
    target = span and canonical.resolve(span.url, url)
    if span is None or target is None:
        return value if re.fullmatch(r"\s*[0-9.]+\s*", value) else None
    new = value[: span.start] + canonical.with_fragment(place(target.url), target.fragment) + value[span.end :]
    return new if _CLEAN.fullmatch(new) else None


def location(value: str, url: CanonicalURL, place: Callable[[CanonicalURL], str]) -> str | None:
    """Return a Location header that leads to the replayed target; `None` if the value leads nowhere."""
    target = canonical.resolve(value.strip(), url)
    new = target and canonical.with_fragment(place(target.url), target.fragment)
    return new if new and _CLEAN.fullmatch(new) else None


def is_not_modified(tag: str, modified: str | None, none_match: str | None, modified_since: str | None) -> bool:
    """Whether the client has the current response, by `If-None-Match`, else by `If-Modified-Since` (RFC 9110, 13.2.2).

    >>> is_not_modified('"a"', None, 'W/"a", "b"', None)
    True
    >>> is_not_modified('"a"', None, '"b"', "Thu, 01 Jan 2026 00:00:00 GMT")
    False
    """
    if none_match is not None:
        return none_match.strip() == "*" or tag in _ENTITY_TAG.findall(none_match)
    then, now = (_date(value) for value in (modified_since, modified))
    return then is not None and now is not None and now <= then


def _date(value: str | None) -> datetime | None:
    try:
        found = parsedate_to_datetime(value or "")
    except ValueError:
        return None
    return found if found.tzinfo else None


def may_read(reader: str, allowed: str | None, destination: str, *, one_site: bool) -> bool:
    """Whether a page of one replayed origin may read a response of another one (CORS).

    `reader` is the original origin of the page. `allowed` is the value of Access-Control-Allow-Origin in the received response.
    `destination` is what the browser loads the response as (Sec-Fetch-Dest). `one_site`: both origins are of one site.

    Most servers name an origin only in answers to requests that name it, and a crawler's requests name none. So a browser may
    load a response to show or run it (fonts, modules, pictures, media, styles). A script may read a response only if the
    received response allowed it or if both are of one site: a page must not be able to read the whole archive.
    """
    return allowed in {"*", reader} or one_site or destination in _LOADED
