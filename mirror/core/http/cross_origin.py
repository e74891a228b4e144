"""Cross-origin reads: what a response says about the origins whose scripts may read it (Fetch, CORS protocol).

Input: headers as received. Output: origins. The crawl names the origin of a page when that page reads a response of another
origin, because many servers answer with the origin that they were told.
"""

import re
from typing import Final

from mirror.core.http.messages import Headers, header

OPAQUE: Final = "null"
"""The `Origin` of a page whose origin is opaque (HTML, 7.1.1): a sandboxed frame, a `data:` URL."""

_ORIGIN: Final = re.compile(rf"{OPAQUE}|https?://[a-z0-9.:\[\]_-]{{1,260}}")


def allowed_origin(headers: Headers) -> str:
    """Return the origin that may read a response: `*` for any, "" for none but its own."""
    return (header(headers, "access-control-allow-origin") or "").strip("\t ")


def may_read(headers: Headers, origin: str) -> bool:
    """Whether scripts of an origin may read a response of another one.

    >>> may_read([("Access-Control-Allow-Origin", "*")], "https://a.example"), may_read([], "https://a.example")
    (True, False)
    """
    return allowed_origin(headers) in {"*", origin}


def named_origin(headers: Headers) -> str | None:
    """Return the one origin that a response names; `None` if it names none, or any.

    >>> named_origin([("Access-Control-Allow-Origin", "https://a.example")])
    'https://a.example'
    """
    allowed = allowed_origin(headers)
    return allowed if _ORIGIN.fullmatch(allowed) else None
