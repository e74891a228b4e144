"""Request variants: what a request has besides its URL, if the answer depends on it.

A script asks for JSON where a link gets a page (`Accept`, `X-Requested-With`), or sends a question in a body (POST). The
answers are different resources of one URL. The archive keeps each by the URL with the variant as its fragment, which no request
contains: so all that holds for a URL holds for a variant, and no other URL has such a name.

    https://example.org/news#GET&accept:application/json&x-requested-with:XMLHttpRequest
    https://example.org/graphql#POST&content-type:application/json&=%7B%22query%22:%22%7Bposts%7Bid%7D%7D%22%7D

The method comes first, then the headers by name, then the body behind a `=`. Everything is percent-encoded UTF-8 or bytes.

Input: URLs, and what a browser sends. Output: URLs, and decisions. This module opens no socket.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from urllib.parse import quote, unquote_to_bytes

from mirror.core.http.messages import HEAD, Response, header
from mirror.core.url.canonical import CanonicalURL

MAX_BODY: Final = 16 << 10
"""Bytes of a body. A question is short; what is longer is an upload, or a report about the reader."""

_MAX_HEADERS: Final = 16
_SHOWN: Final = 120
_MAX_VALUE: Final = 1024
_METHODS: Final = frozenset({"GET", "POST"})
_PLAIN: Final = "!$'()*+,/:;=?@~"
_TOKEN: Final = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]{1,100}")
_VALUE: Final = re.compile(r"[\x20-\x7e]*")
_OF_BROWSER: Final = re.compile(
    r"accept-(?:charset|encoding|language)|access-control-.*|cache-control|connection|content-length|date|device-memory|dnt"
    r"|downlink|dpr|ect|expect|host|if-.*|keep-alive|last-event-id|origin|pragma|priority|proxy-.*|purpose|range|referer|rtt"
    r"|save-data|sec-.*|te|trailer|transfer-encoding|upgrade.*|user-agent|via|viewport-width|width"
)
"""Headers that a browser sets by itself, or that say nothing about the content (Fetch, forbidden request-headers)."""

_SECRET: Final = re.compile(r".*(?:auth|cookie|csrf|password|secret|session|token|xsrf).*")
"""Headers whose value may be a secret of the reader. The archive keeps none."""

_BOUNDARY: Final = re.compile(r'(multipart/form-data\s*;\s*boundary=)"?([\w\'()+,\-./:=? ]{1,70})"?', re.IGNORECASE)
_OWN_BOUNDARY: Final = "websucker"
_PAGE: Final = re.compile(rb"\s*(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html)\b", re.IGNORECASE | re.DOTALL)
_HTML: Final = frozenset({"text/html", "application/xhtml+xml"})
_ANY: Final = frozenset({"*/*", "application/*", "text/*"})


@dataclass(frozen=True, slots=True)
class Variant:
    """A method, headers that scripts set (names in lower case, sorted), and a body."""

    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    @property
    def is_plain(self) -> bool:
        """Whether a request with nothing but its URL is the same."""
        return self == PLAIN


PLAIN: Final = Variant()
"""A request with nothing but its URL."""


def variant(method: str, headers: Mapping[str, str], body: bytes = b"") -> Variant:
    """Return what distinguishes a request that a browser is about to send. `headers` have names in lower case.

    The boundary of a form is a random one of the browser, so it becomes a fixed one.

    >>> variant("GET", {"accept": "*/*", "cookie": "a=b", "x-requested-with": "XMLHttpRequest"}).headers
    (('x-requested-with', 'XMLHttpRequest'),)
    """
    kept = {
        name: value for name, value in headers.items() if _is_kept(name, value) and (body or name != "content-type")
    }
    multipart = _BOUNDARY.fullmatch(kept.get("content-type", ""))
    if multipart:
        kept["content-type"] = f"multipart/form-data; boundary={_OWN_BOUNDARY}"
        body = body.replace(f"--{multipart[2]}".encode(), f"--{_OWN_BOUNDARY}".encode())
    return Variant(method, tuple(sorted(kept.items()))[:_MAX_HEADERS], body)


def with_variant(url: CanonicalURL, what: Variant) -> CanonicalURL:
    """Return the URL by which the archive keeps the answers to a variant of the request for a URL."""
    if what.is_plain:
        return url
    parts = [what.method, *(f"{name}:{quote(value, safe=_PLAIN)}" for name, value in what.headers)]
    body = [f"={quote(what.body, safe=_PLAIN)}"] if what.body else []
    return CanonicalURL(f"{without_variant(url)}#{'&'.join([*parts, *body])}")


def without_variant(url: CanonicalURL) -> CanonicalURL:
    """Return the URL that is requested.

    >>> without_variant(CanonicalURL("http://example.org/a?b#POST&=c"))
    'http://example.org/a?b'
    """
    return CanonicalURL(url.partition("#")[0])


def variant_of(url: CanonicalURL) -> Variant:
    """Return the variant that a URL of the archive names. Raises `ValueError` if it is one that `variant` never returns.

    >>> variant_of(CanonicalURL("http://example.org/a#POST&content-type:text/plain&=b%20c")).body
    b'b c'
    """
    return _variant_of(url.partition("#")[2])


@lru_cache(maxsize=256)
def _variant_of(fragment: str) -> Variant:
    if not fragment:
        return PLAIN
    method, *parts = fragment.split("&")
    body = unquote_to_bytes(parts.pop()[1:]) if parts and parts[-1].startswith("=") else b""
    headers = {
        name: unquote_to_bytes(value).decode("latin-1") for name, _, value in (one.partition(":") for one in parts)
    }
    found = variant(method, headers, body)
    if method not in _METHODS or len(body) > MAX_BODY or with_variant(CanonicalURL(""), found) != f"#{fragment}":
        raise ValueError(f"{fragment[:80]!r} is no variant of a request")
    return found


def described(what: Variant) -> str:
    """Return a variant in words, on one line.

    >>> described(variant("POST", {"content-type": "text/plain"}, b"a b"))
    'POST with content-type: text/plain; a b'
    """
    headers = ", ".join(f"{name}: {value}" for name, value in what.headers)
    shown = "".join(c if c.isprintable() else " " for c in what.body[:_SHOWN].decode(errors="replace"))
    more = "..." if len(what.body) > _SHOWN else ""
    return f"{what.method} with {headers}; {shown}{more}".removesuffix("; ")


def redirected(what: Variant, status: int) -> Variant:
    """Return the variant in which browsers request the target of a redirect (Fetch, HTTP-redirect fetch, 12).

    >>> redirected(Variant("POST", (("accept", "a/b"), ("content-type", "c/d")), b"e"), 303).headers
    (('accept', 'a/b'),)
    """
    if what.method == "GET" or status in {307, 308}:
        return what
    return Variant(headers=tuple(pair for pair in what.headers if pair[0] != "content-type"))


def may_matter(what: Variant, answer: Response) -> bool:
    """Whether the answer to a plain GET may be another one than a script with these headers would get.

    1. `Vary` names one of the headers (RFC 9110, 12.5.5).
    2. The server refused the plain request.
    3. The answer is HTML, and the script asked for something else.
    4. The answer is a whole page, and a header is one that scripts make up (`X-Requested-With`, `HX-Request`).

    >>> json = Variant(headers=(("accept", "application/json, */*"),))
    >>> may_matter(json, Response(CanonicalURL("http://h/"), 200, [("Content-Type", "text/html")], b"<p>"))
    True
    """
    names = {name for name, _ in what.headers}
    varies = {
        word.strip().lower() for name, value in answer.headers if name.lower() == "vary" for word in value.split(",")
    }
    if not names or not answer.status:
        return False
    if names & varies or answer.status >= 400:  # noqa: PLR2004 - the classes of errors
        return True
    if answer.media_type not in _HTML:
        return False
    accepted = {one.partition(";")[0].strip().lower() for one in (header(what.headers, "accept") or "").split(",")} - {
        ""
    }
    if accepted - _ANY - _HTML and not accepted & _HTML:
        return True
    return bool(names - {"accept"}) and bool(_PAGE.match(answer.payload[:HEAD]))


def _is_kept(name: str, value: str) -> bool:
    is_default = name == "accept" and value == "*/*"
    is_valid = bool(_TOKEN.fullmatch(name)) and len(value) <= _MAX_VALUE and bool(_VALUE.fullmatch(value))
    return is_valid and not is_default and not _OF_BROWSER.fullmatch(name) and not _SECRET.fullmatch(name)
