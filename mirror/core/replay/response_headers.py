"""Headers of replayed responses: which received headers are replayed, with which values, and who may read a response.

Input: received headers, URLs, the conditions of a request. Output: headers and decisions. No header that this module returns
contains a line break. This module opens no socket and reads no archive.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Final

from mirror.core.http.cross_origin import OPAQUE, allowed_origin, may_read
from mirror.core.http.messages import Headers, header
from mirror.core.syntax import embedded_urls
from mirror.core.syntax.reference import Kind
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
    "origin-agent-cluster": "?1",  # no script widens its origin with document.domain
    "referrer-policy": "same-origin",
    "x-dns-prefetch-control": "off",
}
"""Headers of each response."""

_NAME: Final = re.compile(r"[\w!#$%&'*+.^`|~-]+", re.ASCII)
_ENTITY_TAG: Final = re.compile(r'"[\x21\x23-\x7e\x80-\xff]*"')
_CLEAN: Final = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_MEDIA_TYPE: Final = re.compile(r"[\w!#$&^.+\-]+/[\w!#$&^.+\-]+[\t ]*(?:;[\t\x20-\x7e\x80-\xff]*)?", re.ASCII)
_SCRIPTS: Final = frozenset({"audioworklet", "paintworklet", "script"})
_SHOWN: Final = frozenset({"audio", "image", "style", "track", "video"})
_TOKEN: Final = re.compile("[^,\t ]+")
_JAVASCRIPT: Final = re.compile("[^;]*(?:java|ecma)script")
_RESOURCE_POLICIES: Final = {"same-origin": "same-origin", "same-site": "cross-origin", "cross-origin": "cross-origin"}
"""A received Cross-Origin-Resource-Policy -> the replayed one: here the hosts of one site are different sites."""


def replayed(headers: Headers) -> dict[str, str]:
    """Return the headers that are replayed, names in lower case, without values that contain control characters."""
    found: dict[str, str] = {}
    for name, value in headers:
        if name.lower() in _REPLAYED and _CLEAN.fullmatch(value):
            found.setdefault(name.lower(), value)
    policy = _RESOURCE_POLICIES.get((header(headers, "cross-origin-resource-policy") or "").strip("\t "))
    return found | ({"cross-origin-resource-policy": policy} if policy else {})


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


def opaque_reading_headers(received: Headers) -> dict[str, str]:
    """Return the headers that let a page without an origin read a response, such as a sandboxed frame; {} if it may not.

    It may if every page may, or if the server named the origin `null`. Nobody knows which page this is.
    """
    return {"access-control-allow-origin": allowed_origin(received)} if may_read(received, OPAQUE) else {}


def preflight(granted: Mapping[str, str], headers: str | None, methods: Sequence[str]) -> dict[str, str]:
    """Return the headers that answer a preflight (Fetch, CORS-preflight): {} if the script may not read the response.

    `granted` is what the answer to the request itself has, `headers` the names that the script wants to send. The archive has
    no answer of the server to this question, so a script that may read a response may send any header.

    >>> preflight({"access-control-allow-origin": "*"}, "x-a, bad name", ["GET"])["access-control-allow-headers"]
    'x-a'
    """
    if not granted:
        return {}
    names = ", ".join(name for part in (headers or "").split(",") if _NAME.fullmatch(name := part.strip()))
    asked = {"access-control-allow-headers": names} if names else {}
    return {**granted, **asked, "access-control-allow-methods": ", ".join(methods)}


def reading_headers(  # noqa: PLR0913 - all that CORS looks at
    origin: str, reader: str, received: Headers, media_type: str, destination: str, *, one_site: bool
) -> dict[str, str]:
    """Return the headers that let a page of another origin read a response, or load it as CORS demands; {} if it may not.

    `origin` is the page's replay origin, `reader` its original one. `received` are the headers of the original response,
    `destination` is what the browser loads the response as (Sec-Fetch-Dest). `one_site`: both origins are of one site.

    1. Access-Control-Allow-Origin decides: `*`, or the page's own origin. Credentials are allowed if they were.
    2. A crawler's request names no origin, and many servers answer it without that header. So what a script can load but not
       read is loaded from any host: fonts, and JavaScript.
    3. A server whose response says that it depends on Origin (Vary) allows some, even if this one names another. What a page
       shows is loaded then; a script may read the response if both are of one site.
    """
    allowed = allowed_origin(received)
    granted = {"access-control-allow-origin": origin}
    depends = any("origin" in _TOKEN.findall(value.lower()) for name, value in received if name.lower() == "vary")
    if allowed and (allowed in {"*", reader} or not depends):
        is_named = allowed == reader and (header(received, "access-control-allow-credentials") or "").strip() == "true"
        credentials = {"access-control-allow-credentials": "true"} if is_named else {}
        return granted | credentials if allowed in {"*", reader} else {}
    is_loaded = destination == "font" or (destination in _SCRIPTS and _JAVASCRIPT.match(media_type.lower()))
    if is_loaded or (depends and (one_site or destination in _SHOWN)):
        return granted | {"access-control-allow-credentials": "true"}
    return {}
