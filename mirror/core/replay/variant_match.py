"""Which stored variant of a request answers a request in replay.

Input: what a browser sends, and the variants of its URL in a snapshot (`core.http.request_variants`). Output: one of them.

The law
-------
1. A variant of GET answers if the request has each of its headers, with the same value. Of several, the one with the most
   headers does. If none answers, the plain URL does.
2. A variant of POST answers if its body is the same, too. There is no plain URL for POST.
3. If nothing else answers, URLs are compared by the rules of `near_match`, with the fields of a body as further parameters:
   times and random values may differ. Fields of JSON are named by their path: `{"a": [{"b": 1}]}` is `a.0.b=1`.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final
from urllib.parse import quote

from mirror.core.http.messages import header
from mirror.core.http.request_variants import MAX_BODY, Variant, variant, variant_of, without_variant
from mirror.core.replay.near_match import NearMatch, near_match
from mirror.core.url.canonical import CanonicalURL

_MAX_FIELDS: Final = 1000
_FORM: Final = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Asked:
    """What a browser sends besides the URL. `headers` have names in lower case."""

    method: str
    headers: Mapping[str, str]
    body: bytes = b""

    @cached_property
    def variant(self) -> Variant:
        return variant("POST" if self.method == "POST" else "GET", self.headers, self.body)

    def fits(self, what: Variant) -> bool:
        """Whether the request is of the method and has the headers of a variant."""
        named = {**self.headers, **dict(self.variant.headers)}
        return what.method == self.variant.method and all(named.get(name) == value for name, value in what.headers)


def exact_match(asked: Asked, stored: Sequence[CanonicalURL]) -> CanonicalURL | None:
    """Return which of the variants of one URL answers a request by rules 1 and 2; `None` if none does."""
    fitting = [(one, what) for one, what in _fitting(asked, stored) if what.body == asked.variant.body]
    return max(fitting, key=lambda pair: len(pair[1].headers), default=(None, None))[0]


def near_variant(url: CanonicalURL, asked: Asked, stored: Sequence[CanonicalURL]) -> NearMatch | None:
    """Return which of the variants of some URLs answers a request by rule 3; `None` if none does."""
    if len(asked.body) > MAX_BODY:
        return None
    wanted = _with_fields(url, asked.variant)
    fielded = {_with_fields(without_variant(one), what): one for one, what in _fitting(asked, stored)}
    found = near_match(wanted, [one for one in fielded if one]) if wanted else None
    return replace(found, url=fielded[found.url], callbacks=()) if found else None


def _fitting(asked: Asked, stored: Sequence[CanonicalURL]) -> Iterator[tuple[CanonicalURL, Variant]]:
    for one in stored:
        try:
            what = variant_of(one)
        except ValueError:
            continue
        if not what.is_plain and asked.fits(what):
            yield one, what


def _with_fields(url: CanonicalURL, what: Variant) -> CanonicalURL:
    """Return a URL that has the fields of a body as parameters, behind its own; "" if the fields can't be read."""
    if what.method == "GET":
        return url
    media_type = (header(what.headers, "content-type") or "").partition(";")[0].strip().lower()
    fields: str | None = what.body.decode(errors="replace") if media_type == _FORM else _json_fields(what.body)
    return CanonicalURL("" if fields is None else f"{url}{'&' if '?' in url else '?'}{fields}")


def _json_fields(body: bytes) -> str | None:
    try:
        pairs = list(_fields(json.loads(body), ""))
    except (ValueError, RecursionError):
        return None
    if len(pairs) > _MAX_FIELDS:
        return None
    return "&".join(f"{_quoted(name)}={_quoted(value)}" for name, value in pairs)


def _quoted(text: str) -> str:
    return quote(text, errors="surrogatepass")  # JSON may have half a surrogate pair


def _fields(value: Any, name: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, part in value.items():
            yield from _fields(part, f"{name}.{key}" if name else key)
    elif isinstance(value, list):
        for place, part in enumerate(value):
            yield from _fields(part, f"{name}.{place}" if name else str(place))
    else:
        yield name, value if isinstance(value, str) else json.dumps(value)
