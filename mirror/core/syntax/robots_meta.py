"""What a page asks of robots: `<meta name="robots">`, `<meta name="websucker">` and `X-Robots-Tag`.

Input: headers, and (name, content) pairs of `<meta>` elements. Output: each directive, with the text that gives it. This module
doesn't decide what follows from a directive (`scope` does, as the user wishes), and has no clock.

Directives are words between commas, in any case. `none` is `noindex` and `nofollow`. A header may address one robot:
`X-Robots-Tag: otherbot: noindex, nofollow`; the directives after its name are for that robot, up to the next name. Directives
for all robots and for Websucker add up: a permission doesn't lift a ban. `unavailable_after: DATE` is `noindex` from then on.
Other directives (`nosnippet`, `max-snippet: 50`) are about what a search engine shows.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Final

PRODUCT: Final = "websucker"
"""The product token by which robots.txt, pages and headers address Websucker."""


class Directive(StrEnum):
    """Instructions to robots that Websucker can obey. `REL` is not a directive, but `rel=nofollow` on a link."""

    NOFOLLOW = "nofollow"
    REL = "rel"
    NOINDEX = "noindex"
    NOARCHIVE = "noarchive"


HEADER: Final = "x-robots-tag"
NAMES: Final = frozenset({"robots", PRODUCT})
"""The names of `<meta>` elements that address Websucker."""

_MEANS: Final[dict[str, tuple[Directive, ...]]] = {
    "nofollow": (Directive.NOFOLLOW,),
    "noindex": (Directive.NOINDEX,),
    "noarchive": (Directive.NOARCHIVE,),
    "nocache": (Directive.NOARCHIVE,),
    "none": (Directive.NOINDEX, Directive.NOFOLLOW),
}
_UNTIL: Final = "unavailable_after"
_WITH_VALUE: Final = frozenset({_UNTIL, "max-snippet", "max-image-preview", "max-video-preview"})
_MAX_SHOWN: Final = 200


def header_directives(headers: Iterable[tuple[str, str]], now: str = "") -> dict[Directive, str]:
    """Return the directives in headers. `now` is ISO 8601; without it, no date has passed.

    >>> header_directives([("X-Robots-Tag", "otherbot: noindex, nofollow"), ("x-robots-tag", "NoArchive, all")])
    {<Directive.NOARCHIVE: 'noarchive'>: 'X-Robots-Tag: NoArchive, all'}
    """
    found: dict[Directive, str] = {}
    for name, value in headers:
        if name.lower() == HEADER:
            for word in _read(value, now):
                found.setdefault(word, _shortened(f"X-Robots-Tag: {value}"))
    return found


def meta_directives(metas: Iterable[tuple[str, str]], now: str = "") -> dict[Directive, str]:
    """Return the directives in (name, content) pairs of `<meta>` elements.

    >>> meta_directives([("Robots", "none")])[Directive.NOFOLLOW]
    '<meta name="Robots" content="none">'
    """
    found: dict[Directive, str] = {}
    for name, content in metas:
        if is_named(name):
            for word in _read(content, now, meta=True):
                found.setdefault(word, _shortened(f'<meta name="{name.strip()}" content="{content}">'))
    return found


def is_named(name: str) -> bool:
    """Whether a `<meta>` element of this name addresses Websucker."""
    return name.strip().lower() in NAMES


def _read(value: str, now: str, *, meta: bool = False) -> Iterator[Directive]:
    """Return the directives of a value that are for Websucker."""
    is_addressed = True
    pieces = value.split(",")
    for number, piece in enumerate(pieces):
        word, colon, rest = (part.strip() for part in piece.partition(":"))
        name = word.lower()
        if colon and name not in _WITH_VALUE and not meta and re.fullmatch(r"[\w.-]+", name):
            is_addressed = name in NAMES
            word, colon, rest = (part.strip() for part in rest.partition(":"))
            name = word.lower()
        if not is_addressed:
            continue
        if name == _UNTIL and colon:
            if _is_past(rest, now) or _is_past(f"{rest},{','.join(pieces[number + 1 : number + 2])}", now):
                yield Directive.NOINDEX
        else:
            yield from _MEANS.get(name, ())


def _is_past(date: str, now: str) -> bool:
    """Whether a date (ISO 8601, RFC 822 or RFC 850) has passed; `False` for what is no date."""
    then = _parsed(date.strip())
    return bool(now) and then is not None and then <= datetime.fromisoformat(now)


def _parsed(date: str) -> datetime | None:
    for parse in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            then = parse(date)
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
        return then if then.tzinfo else then.replace(tzinfo=UTC)
    return None


def _shortened(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _MAX_SHOWN else text[: _MAX_SHOWN - 3] + "..."
