"""Which resources belong to a mirror, as what, and why not.

Enters: a reference and the resource it was found on. Leaves: a `Decision`: the role in which the target is fetched, or
`None`, with a reason that someone can ask for afterwards. Never here: a disk, a network, robots.txt (that is `robots`).

The rules
---------
1. Pages are followed inside the scope, from pages: `site` is the registrable domain by the Public Suffix List (for an
   address or a bare name: that host and port), `host` is host and port, `prefix` is the folder of a start and all below it.
   http and https are one scope.
2. Requisites and frames are fetched from wherever they live, one hop: what a stylesheet, script or picture of a page loads
   counts as the page's, frames in them excepted; a frame outside brings its requisites, not its links or frames.
3. A requisite that turns out to be HTML is kept and not followed. A redirect keeps the role; where it leads is decided anew.
   A start that is sent to another place of its site makes that place a start.
4. `include` holds for pages, `exclude` for everything; starts are exempt from both.
5. The web leads to no files: what has an ftp, ftps, sftp or file URL is fetched, as whatever, only where something of the same
   scheme, host and port leads to it. A file on the disk has to be in the folder of a start or below it too, whatever the user's
   words are; on servers `site` means the same for pages, and `host` the whole server. Files lead to the web as pages do.
6. The links of a page that asks robots not to follow them (`syntax.robots_meta`) lead nowhere, if the user wants it so; links
   with rel=nofollow do, unless.
7. A URL of more than `MOST_LONG` characters leads nowhere: no server of files or pages takes one.
8. A start that was sent to itself with a slash behind it is the name of that folder, not of one in the folder above.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import IntEnum, StrEnum
from functools import lru_cache
from typing import Final

import tldextract

from mirror.core.document.references import Reference
from mirror.core.syntax.embedded_urls import Kind
from mirror.core.syntax.robots_meta import Word
from mirror.core.url.canonical import CanonicalURL, is_web, origin, split

MOST_LONG: Final = 64 << 10
"""Characters of a URL: nginx takes 8 KB of a request's line unless it is told otherwise, as Apache does."""


class Role(IntEnum):
    """As what a resource is fetched; a higher one includes what a lower one allows."""

    REQUISITE = 1
    FRAME = 2
    LISTING = 3  # a feed or a sitemap: its links are followed, itself it is no page
    PAGE = 4


class Area(StrEnum):
    """How far pages are followed."""

    SITE = "site"
    HOST = "host"
    PREFIX = "prefix"


class Requisites(StrEnum):
    """From where requisites are fetched."""

    ALL = "all"
    SITE = "site"
    NONE = "none"


class Reason(StrEnum):
    """Why a reference was not followed."""

    OUTSIDE = "outside the scope"
    ORIGIN = "no place that its page may lead to"
    DEPTH = "deeper than asked for"
    INCLUDE = "not included"
    EXCLUDE = "excluded"
    REQUISITE = "requisites not asked for"
    HOP = "more than one hop away"
    NEVER = "never fetched"
    LIMIT = "over the limit of pages"
    SIZE = "larger than max_file"
    ROBOTS = "forbidden by robots.txt"
    FORGOTTEN = "forgotten on request"
    REDIRECTS = "redirected too often"
    NOFOLLOW = "linked from pages that say nofollow"
    UNENDORSED = "linked with rel=nofollow"
    NOINDEX = "saying noindex"
    NOARCHIVE = "saying noarchive"
    TRAP = "in a trap"
    PROBE = "asked for because it can't be there"
    TRACKING = "the same without tracking parameters"
    SESSION = "the same without a session id"
    CANONICAL = "the same as the URL that it calls canonical"
    ALIAS = "the same by another name of its host"
    PRIVATE = "at an address that is not on the internet"
    LENGTH = "by a URL that is too long"


@dataclass(frozen=True, slots=True)
class Decision:
    """`role` and `depth` of a target to fetch, or the reason not to."""

    role: Role | None
    depth: int = 0
    reason: Reason | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """The resource on which a reference was found. `depth` counts links from a start."""

    url: CanonicalURL
    role: Role
    depth: int


SuffixList = Callable[[str], str]
"""A host -> its registrable domain, "" where it has none."""

_LINKS: Final = frozenset({Kind.PAGE, Kind.CANONICAL, Kind.FEED, Kind.SITEMAP, Kind.NOFOLLOW, Kind.UNENDORSED})
_ASKED_NOT_TO: Final[dict[Kind, tuple[Word, Reason]]] = {
    Kind.NOFOLLOW: (Word.NOFOLLOW, Reason.NOFOLLOW),
    Kind.UNENDORSED: (Word.REL, Reason.UNENDORSED),
}
_LISTINGS: Final = frozenset({Kind.FEED, Kind.SITEMAP})


def bundled_suffix_list() -> SuffixList:
    """The Public Suffix List that tldextract brings along: it asks nobody and writes nothing."""
    extract = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None, include_psl_private_domains=True)
    return lru_cache(maxsize=4096)(lambda host: extract(host).top_domain_under_public_suffix)


@dataclass(frozen=True)
class Scope:
    """The rules with the user's words. All URLs are canonical; `depth` is `None` for no bound."""

    starts: tuple[CanonicalURL, ...]
    area: Area = Area.SITE
    requisites: Requisites = Requisites.ALL
    include: re.Pattern[str] | None = None
    exclude: re.Pattern[str] | None = None
    depth: int | None = None
    obeys: frozenset[Word] = frozenset({Word.NOFOLLOW})
    tombstones: tuple[str, ...] = ()  # URLs, and prefixes with a "*" behind them, that were forgotten
    registrable_domain: SuffixList = field(default_factory=bundled_suffix_list)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_homes", frozenset(map(self._home, self.starts)))
        object.__setattr__(self, "_sites", frozenset(map(self._site, self.starts)))

    _homes: frozenset[str] = field(init=False, repr=False)
    _sites: frozenset[str] = field(init=False, repr=False)

    def contains(self, url: CanonicalURL) -> bool:
        """Whether a page at this URL is a page of the mirror.

        >>> scope = Scope((CanonicalURL("https://www.example.co.uk/a/"),), registrable_domain=lambda h: "example.co.uk")
        >>> scope.contains(CanonicalURL("http://example.co.uk/b"))
        True
        """
        if self._area(url) is Area.PREFIX:
            return any(_is_below(url, home) for home in self._homes)
        return self._home(url) in self._homes

    def decide(self, reference: Reference, source: Source) -> Decision:
        """As what the target of a reference is to be fetched."""
        kind = reference.kind
        refused = self._refused(reference) or self._barred(reference.url, source.url)
        if refused:
            return Decision(None, reason=refused)
        if kind is Kind.REDIRECT:
            return self._redirect(reference.url, source)
        return self._link(reference, source) if kind in _LINKS else self._requisite(reference, source)

    def is_same_site(self, url: CanonicalURL, other: CanonicalURL) -> bool:
        """Whether two URLs have one registrable domain."""
        return self._site(url) == self._site(other)

    def is_forgotten(self, url: CanonicalURL) -> bool:
        """Whether the user wanted a URL never to be fetched again."""
        return any(covers(tombstone, url) for tombstone in self.tombstones)

    def leaves_out(self, url: CanonicalURL, *, page: bool) -> bool:
        """Whether the rules leave out what nothing leads to any more; `page`: it was one."""
        if url in self.starts:
            return False
        excluded = self.exclude is not None and self.exclude.search(url) is not None
        return excluded or self.is_forgotten(url) or ((page or _is_on_disk(url)) and not self.contains(url))

    def _refused(self, reference: Reference) -> Reason | None:
        """Why a target is not fetched, wherever it was found."""
        if reference.kind is Kind.NEVER:
            return Reason.NEVER
        if len(reference.url) > MOST_LONG:
            return Reason.LENGTH
        if self.is_forgotten(reference.url):
            return Reason.FORGOTTEN
        is_excluded = self.exclude and self.exclude.search(reference.url) and reference.url not in self.starts
        return Reason.EXCLUDE if is_excluded else None

    def _barred(self, url: CanonicalURL, source: CanonicalURL) -> Reason | None:
        """Why a resource may not lead to a file, whatever it wants it for; see rule 5."""
        if is_web(url):
            return None
        if origin(url) != origin(source):
            return Reason.ORIGIN
        return Reason.OUTSIDE if _is_on_disk(url) and not self.contains(url) else None

    def _link(self, reference: Reference, source: Source) -> Decision:
        barred = Reason.HOP if not self._follows(source) else self._unwanted(reference)
        if barred:
            return Decision(None, reason=barred)
        depth = source.depth + 1
        if reference.kind in _LISTINGS:
            return Decision(Role.LISTING, source.depth)
        if self.depth is not None and depth > self.depth:
            return Decision(None, reason=Reason.DEPTH)
        if self.include and not self.include.search(reference.url) and reference.url not in self.starts:
            return Decision(None, reason=Reason.INCLUDE)
        return Decision(Role.PAGE, depth)

    def _unwanted(self, reference: Reference) -> Reason | None:
        """Why a link is not followed, wherever it leads from: it leads outside, or its page asks for that."""
        if not self.contains(reference.url) and reference.url not in self.starts:
            listed = reference.kind is Kind.SITEMAP and self._site(reference.url) in self._sites
            if not listed:
                return Reason.OUTSIDE
        word, reason = _ASKED_NOT_TO.get(reference.kind, (None, None))
        return reason if word in self.obeys else None

    def _requisite(self, reference: Reference, source: Source) -> Decision:
        if reference.kind is Kind.FRAME and (source.role is Role.REQUISITE or not self._follows(source)):
            return Decision(None, reason=Reason.HOP)
        near = self.requisites is Requisites.SITE and self._site(reference.url) in self._sites
        if not near and self.requisites is not Requisites.ALL:
            return Decision(None, reason=Reason.REQUISITE)
        if reference.guess and self._site(reference.url) not in self._sites | {self._site(source.url)}:
            return Decision(None, reason=Reason.OUTSIDE)
        return Decision(Role.FRAME if reference.kind is Kind.FRAME else Role.REQUISITE, source.depth)

    def _redirect(self, url: CanonicalURL, source: Source) -> Decision:
        """Where a page is sent has to be inside; what a page needs may come from anywhere."""
        if source.role in {Role.REQUISITE, Role.FRAME}:
            kind = Kind.FRAME if source.role is Role.FRAME else Kind.REQUISITE
            decision = self._requisite(Reference(url, kind), Source(source.url, Role.PAGE, source.depth))
            return Decision(decision.role, source.depth, decision.reason)
        if not self.contains(url):
            return Decision(None, reason=Reason.OUTSIDE)
        return Decision(source.role, source.depth)

    def redirected(self, url: CanonicalURL, to: CanonicalURL) -> "Scope":
        """The scope once it is known that a URL leads to another: a start takes the scope along inside of its site.

        On a disk it does not: a link there must not lead out of the folder that the user named.
        """
        if url not in self.starts or to in self.starts or self._site(url) != self._site(to):
            return self
        if _is_on_disk(to) and not self.contains(to):
            return self
        return replace(self, starts=(*self.starts, to))

    def _follows(self, source: Source) -> bool:
        """Whether links on this resource count: a frame's do where it stands inside the scope."""
        return source.role is not Role.FRAME or self.contains(source.url)

    def _area(self, url: CanonicalURL) -> Area:
        """What the user's word means for this URL: a server of files, and a disk more so, holds more than one site."""
        if is_web(url):
            return self.area
        return Area.HOST if self.area is Area.HOST and not _is_on_disk(url) else Area.PREFIX

    def _home(self, url: CanonicalURL) -> str:
        area = self._area(url)
        if area is Area.SITE:
            return self._site(url)
        if area is Area.HOST:
            return _host(url)
        if not is_web(url) and f"{url}/" in self.starts:
            return f"{url}/"
        return _place(url).partition("?")[0].rpartition("/")[0] + "/"

    def _site(self, url: CanonicalURL) -> str:
        return (is_web(url) and self.registrable_domain(split(url).host)) or _host(url)


def covers(pattern: str, url: CanonicalURL) -> bool:
    """Whether a URL is the one that was named, or begins with what was: a prefix ends in `*`.

    >>> covers("http://example.org/a*", CanonicalURL("http://example.org/a/b"))
    True
    """
    return url.startswith(pattern[:-1]) if pattern.endswith("*") else url == pattern


def _place(url: CanonicalURL) -> str:
    """Host, port and what follows; where it is not the web, with the scheme. A canonical URL has no default port."""
    return url.partition("://")[2] if is_web(url) else url


def _is_below(url: CanonicalURL, home: str) -> bool:
    """`ftp://host/%2Fetc/` is not below `ftp://host/`, the folder that a user is brought to (RFC 1738, 3.2.2)."""
    place = _place(url)
    return place.startswith(home) and (is_web(url) or not place.startswith("%2F", len(home)))


def _host(url: CanonicalURL) -> str:
    return _place(CanonicalURL(origin(url)))


def _is_on_disk(url: CanonicalURL) -> bool:
    return url.startswith("file:")
