"""Families of URLs: sets of URLs on one host that look alike.

Input: canonical URLs. Output: the `Family` of each URL on the web. This module knows URLs only: it never sees a page, and it
doesn't decide whether a URL is followed.

`RULES` lists the rules in order. The first rule that recognises a URL determines its family. In addition, all URLs of an
origin form one family (`origin_family`).
"""

import re
from collections.abc import Callable, Sequence
from enum import StrEnum
from functools import lru_cache
from typing import Final, NamedTuple

from mirror.core.url.canonical import CanonicalURL, is_web, origin


class Trap(StrEnum):
    """The kinds of traps, with the names that users see. Each member but `WORLD` has a rule in `RULES`."""

    REPEATED = "repeated path segments"
    DEEP = "ever deeper paths"
    CALENDAR = "calendar"
    FACETS = "combinations of a query"
    PAGES = "pages by number"
    SAME = "pages that say the same"
    WORLD = "pages for whatever is asked"


class Family(NamedTuple):
    """A set of URLs that look alike.

    `key` identifies the family among those of its trap. `parts` are the values that this URL combines (`color=red`, `size=s`);
    other URLs of the family may have them too.
    """

    trap: Trap
    key: str
    parts: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """The key under which the manifest stores what is known of the family."""
        return f"{self.trap.name} {self.key}"

    @property
    def is_whole_origin(self) -> bool:
        """Whether the family consists of all URLs of an origin."""
        return self.trap is Trap.SAME and self.key.count("/") == _SLASHES_OF_ORIGIN


class Shape(NamedTuple):
    """A URL in pieces. `segments` are the path's segments that are not empty; `query` is "" if there is none."""

    origin: str
    path: str
    segments: Sequence[str]
    query: str

    @property
    def folder(self) -> str:
        """The first folder of the path, with each number in it replaced by "N"."""
        return _first_folder(self.segments)


Rule = Callable[[Shape], Family | None]
"""Returns the family of a URL, or `None` if the rule doesn't recognise the URL."""

_DATE: Final = re.compile(
    r"(?<![0-9])(?:1[0-9]|2[0-9])[0-9]{2}(?:[-/_.](?:0?[1-9]|1[0-2])(?:[-/_.](?:0?[1-9]|[12][0-9]|3[01]))?"
    r"|(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01]))(?![0-9])"
)
_DATED: Final = re.compile(
    r"(?:^|[&;])(?:[a-z_\-]*(?:date|datum|year|month|week)|yr?|mon?|day|cal(?:endar)?|tribe-bar-date|ical|from|to)="
    r"-?[0-9][0-9\-/.:T%A-F]*(?=$|[&;])",
    re.IGNORECASE,
)
_NUMBER: Final = re.compile(r"[0-9]+")
_REPEATED: Final = re.compile(r"((?:/[^/]+){1,6}?)\1{2,}(?=/|$)")
_REPETITIONS: Final = 3
_MAX_PATH: Final = 1 << 11
"""Characters of a path in which repetitions are looked for, and of a URL whose family is cached."""
_MAX_SEGMENTS: Final = 10
_COMBINED: Final = 2
"""The number of parameters, or of segments behind the first, from which a URL is a combination."""
_SLASHES_OF_ORIGIN: Final = 2
_CACHED: Final = 1 << 14
"""URLs whose family is cached, because the pages of a site link to the same URLs."""


def _repeated(url: Shape) -> Family | None:
    """Recognise one to six segments three times or more in a row: `/a/b/a/b/a/b`, from a relative link that should be absolute.

    Map tiles (`/0/0/0.png`) and nested folders of one name look the same, but they are not cut, because they contain something.
    """
    if len(url.segments) < _REPETITIONS or len(set(url.segments)) == len(url.segments):
        return None
    match = _REPEATED.search(url.path[:_MAX_PATH])
    return Family(Trap.REPEATED, f"{url.origin}{url.path[: match.start()]}{match[1]}...") if match else None


def _deep(url: Shape) -> Family | None:
    """Recognise more than ten segments. Nested folders are as deep, but they end, and they list their files."""
    return Family(Trap.DEEP, f"{url.origin}{url.folder}...") if len(url.segments) > _MAX_SEGMENTS else None


def _calendar(url: Shape) -> Family | None:
    """Recognise a date in the path, or parameters that have the name or the form of a date.

    All views of a calendar are one family. A calendar has about a dozen kinds of empty months and seven dozen kinds of empty
    days. The archive of a blog looks the same, but it has posts, and it ends.
    """
    match = _DATE.search(url.path)
    if match:
        return Family(Trap.CALENDAR, url.origin + _first_folder(url.path[: match.start()].split("/")[1:]))
    if url.query and (_DATED.search(url.query) or _DATE.search(url.query)):
        return Family(Trap.CALENDAR, url.origin + url.folder)
    return None


def _facets(url: Shape) -> Family | None:
    """Recognise two parameters or more; or three segments without a number, as filters that are combined below a folder.

    A shop with six filters of five values has 46,656 lists of the same goods. The threads of a forum look the same, but each
    has words of its own.
    """
    parts = tuple(part for part in re.split("[&;]", url.query) if part) if url.query else ()
    if len(parts) >= _COMBINED:
        return Family(Trap.FACETS, f"{url.origin}{url.path}?", parts)
    if len(url.segments) > _COMBINED and not parts and not _NUMBER.search(url.path):
        return Family(Trap.FACETS, f"{url.origin}{url.folder}", tuple(url.segments[1:]))
    return None


def _pages(url: Shape) -> Family | None:
    """Recognise a number: `?page=7`, `/list/7`. A list that ends has entries; an endless one repeats its empty page."""
    if url.query and _NUMBER.search(url.query):
        return Family(Trap.PAGES, f"{url.origin}{_NUMBER.sub('N', url.path)}?{url.query.partition('=')[0]}")
    path, numbers = _NUMBER.subn("N", url.path)
    return Family(Trap.PAGES, url.origin + path) if numbers else None


def _same(url: Shape) -> Family | None:
    """Take all other URLs, by their first folder: a server without 404 answers many URLs with one page."""
    return Family(Trap.SAME, f"{url.origin}{url.folder}{'?' if url.query else ''}")


RULES: Final[tuple[Rule, ...]] = (_repeated, _calendar, _deep, _facets, _pages, _same)
"""The first rule that recognises a URL determines its family."""


def find_family(url: CanonicalURL) -> Family | None:
    """Return the family of a URL; `None` if the URL is not on the web.

    >>> find_family(CanonicalURL("http://example.org/a/b/a/b/a/b/c")).key
    'http://example.org/a/b...'
    >>> find_family(CanonicalURL("http://example.org/events/2026/05/")).trap
    <Trap.CALENDAR: 'calendar'>
    """
    return _find_family(url) if len(url) <= _MAX_PATH else _find_family.__wrapped__(url)


@lru_cache(maxsize=_CACHED)
def _find_family(url: CanonicalURL) -> Family | None:
    if not is_web(url):
        return None
    place = origin(url)
    path, _, query = url[len(place) :].partition("?")
    shape = Shape(place, path, [segment for segment in path.split("/") if segment], query)
    for rule in RULES:
        family = rule(shape)
        if family:
            return family
    return None


def origin_family(url: CanonicalURL) -> Family:
    """Return the family of all URLs of an origin."""
    return Family(Trap.SAME, origin(url))


def _first_folder(segments: Sequence[str]) -> str:
    first = next(iter(segments), "")
    return f"/{_NUMBER.sub('N', first)}" if first else "/"
