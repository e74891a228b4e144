"""Scope: which resources belong to a mirror, in which role, and why others don't.

Input: a reference and the resource that contains it. Output: a `Decision`: the role in which the target is fetched, or `None`
with a reason, which the manifest keeps for `why`. This module uses no disk and no network, and it doesn't know robots.txt
(`robots_txt`).

The rules
---------
1. The crawl follows links from pages to pages inside the scope. `site` is the registrable domain by the Public Suffix List; for
   an address or a single-label name, it is that host and port. `host` is host and port. `prefix` is the folder of a start and
   everything below it. http and https are one scope. Domains that the user names besides (`also`) are in the scope as a whole,
   each with all hosts below it, whatever the area is; they count as the site for requisites and sitemaps, too.
2. Requisites and frames are fetched from any host, one hop away from a page. What a stylesheet, a script or a picture of a page
   loads counts as the page's, except for frames. A frame outside of the scope gets its requisites; its links and frames are not
   followed.
3. If a requisite turns out to be HTML, it is kept, and its links are not followed. A redirect keeps the role, and its target is
   decided anew. If a start redirects, its target becomes a start too. On another site, it is the start instead: the site of
   the first one is not in the scope, nor those in between. (Starts of several sites stay in the scope, wherever they lead.)
   Which site it is, nobody knows before the start is answered: until then, only the starts are in the scope.
4. `include` applies to pages, `exclude` to everything. Starts are exempt from both.
5. Links from the web to files are not followed: a URL of ftp, ftps, sftp or file is fetched, in any role, only if the resource
   that leads to it has the same scheme, host and port. A file on the disk also has to be in the folder of a start or below it,
   whatever the options are. On file servers `site` means the same as `prefix` for pages, and `host` means the whole server.
   Links from files to the web are followed as links from pages are.
6. If a page asks robots not to follow its links (`syntax.robots_meta`), they are not followed, if the user wants to obey that.
   Links with rel=nofollow are followed, unless the user wants otherwise.
7. A URL of more than `MAX_URL_LENGTH` characters is not fetched: no server accepts one.
8. Of media that a playlist names in several qualities, the user chooses which are fetched. A guess is asked of the site and of
   the page's host only, but a playlist anywhere.
9. `depth` counts links from a start. A listing (a feed, a sitemap) is as deep as what names it, and its links are one deeper. A
   listing that only leads to what is too deep is not fetched: a sitemap, and what another listing names.
10. A variant of a request (`core.http.request_variants`) is in the scope if its URL is, and if the user wants such requests to
    be sent. A POST is sent if it only reads (`reading_requests`); with `Sends.ALL`, every POST to a site of the starts is.
11. If a start redirects to itself with a slash appended, it is the name of that folder, and not of a file in the folder above.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import IntEnum, StrEnum
from functools import cached_property
from typing import Final, NamedTuple

from mirror.core.http.request_variants import variant_of, without_variant
from mirror.core.policy.reading_requests import Sends, names_another, reads
from mirror.core.syntax.reference import Kind, Reference
from mirror.core.syntax.robots_meta import Directive
from mirror.core.url.canonical import CanonicalURL, is_web, origin, split
from mirror.core.url.media_types import is_playlist
from mirror.core.url.public_suffixes import registrable_domain
from mirror.core.url.tombstones import covers

MAX_URL_LENGTH: Final = 64 << 10
"""Characters of a URL. By default, nginx and Apache accept request lines of up to 8 KB."""


class Role(IntEnum):
    """The role in which a resource is fetched. A higher role includes what a lower one allows."""

    REQUISITE = 1
    FRAME = 2
    LISTING = 3  # a feed or a sitemap: its links are followed, but it is not a page
    PAGE = 4


class Area(StrEnum):
    """How far links to pages are followed."""

    SITE = "site"
    HOST = "host"
    PREFIX = "prefix"


class Requisites(StrEnum):
    """The hosts from which requisites are fetched."""

    ALL = "all"
    SITE = "site"
    NONE = "none"


class Media(StrEnum):
    """Which qualities of the media in playlists are fetched."""

    ALL = "all"
    BEST = "best"
    NONE = "none"


class Reason(StrEnum):
    """Why a reference is not followed. The manifest stores these values."""

    OUTSIDE = "outside the scope"
    LEFT = "on a site that its start has left"
    ORIGIN = "no place that its page may lead to"
    DEPTH = "deeper than asked for"
    INCLUDE = "not included"
    EXCLUDE = "excluded"
    REQUISITE = "requisites not asked for"
    MEDIA = "media not asked for"
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
    SORTING = "the same folder in another order"
    CASE = "the same but for capital letters"
    NESTED = "the same as the URL in its parameter"
    CANONICAL = "the same as the URL that it calls canonical"
    ALIAS = "the same by another name of its host"
    INDEX = "the same page as its folder"
    PRIVATE = "at an address that is not on the internet"
    LENGTH = "by a URL that is too long"
    GUESS = "guessed, but a page and not what was guessed"


class Decision(NamedTuple):
    """The role and the depth in which a target is fetched, or the reason why it is not."""

    role: Role | None
    depth: int = 0
    reason: Reason | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """The resource that contains a reference. `depth` is the number of links from a start."""

    url: CanonicalURL
    role: Role
    depth: int


SuffixList = Callable[[str], str]
"""A host -> its registrable domain, "" if it has none."""

_LINKS: Final = frozenset(
    {Kind.PAGE, Kind.ROUTE, Kind.CANONICAL, Kind.FEED, Kind.SITEMAP, Kind.NOFOLLOW, Kind.UNENDORSED}
)
_NOT_TO_FOLLOW: Final[dict[Kind, tuple[Directive, Reason]]] = {
    Kind.NOFOLLOW: (Directive.NOFOLLOW, Reason.NOFOLLOW),
    Kind.UNENDORSED: (Directive.REL, Reason.UNENDORSED),
}
_OTHER_MEDIA: Final[dict[Media, frozenset[Kind]]] = {
    Media.ALL: frozenset(),
    Media.BEST: frozenset({Kind.VARIANT, Kind.SPARE}),
    Media.NONE: frozenset({Kind.SEGMENT, Kind.SPARE, Kind.SURPLUS}),
}
"""What the user does not want -> the kinds of references that are not followed for that."""
_LISTINGS: Final = frozenset({Kind.FEED, Kind.SITEMAP})
_MOST_ORIGINS: Final = 4096  # of which a scope remembers whether it contains them


@dataclass(frozen=True)
class Scope:
    """The rules with the user's options. All URLs are canonical. `depth` is `None` if it is not limited."""

    starts: tuple[CanonicalURL, ...]
    area: Area = Area.SITE
    requisites: Requisites = Requisites.ALL
    media: Media = Media.ALL
    include: re.Pattern[str] | None = None
    exclude: re.Pattern[str] | None = None
    depth: int | None = None
    sends: Sends = Sends.AUTO
    also: tuple[str, ...] = ()  # domains; with a port, only that port
    obeys: frozenset[Directive] = frozenset({Directive.NOFOLLOW})
    unsettled: frozenset[CanonicalURL] = frozenset()  # starts that may still lead to another site, or have
    tombstones: tuple[str, ...] = ()  # URLs that were forgotten, and prefixes of such URLs with a "*" appended
    registrable_domain: SuffixList = registrable_domain

    _known: dict[str, bool] = field(init=False, repr=False, compare=False, default_factory=dict)

    @cached_property
    def _settled(self) -> frozenset[CanonicalURL]:
        return frozenset(self.starts) - self.unsettled

    @cached_property
    def _origins(self) -> frozenset[str]:
        """Those of the settled starts. What is of one of them is also of their site, and needs no Public Suffix List."""
        return frozenset(map(origin, self._settled))

    @cached_property
    def _given(self) -> frozenset[str]:
        return frozenset(map(self._home, self.starts))

    @cached_property
    def _homes(self) -> frozenset[str]:
        return frozenset(map(self._home, self._settled))

    @cached_property
    def _sites(self) -> frozenset[str]:
        return frozenset(map(self._site, self._settled))

    def contains(self, url: CanonicalURL) -> bool:
        """Whether a page at this URL is inside the scope.

        >>> scope = Scope((CanonicalURL("https://www.example.co.uk/a/"),), registrable_domain=lambda h: "example.co.uk")
        >>> scope.contains(CanonicalURL("http://example.co.uk/b"))
        True
        """
        if self._area(url) is Area.PREFIX:
            return self._is_also(url) or self._is_within(self._homes, url)
        place = origin(url)  # what the scope says of one URL, it says of all of that server
        known = self._known.get(place)
        if known is None:
            if len(self._known) >= _MOST_ORIGINS:
                self._known.clear()
            known = self._known[place] = place in self._origins or self._is_also(url) or self._home(url) in self._homes
        return known

    def may_request(self, url: CanonicalURL) -> bool:
        """Whether a URL may be requested wherever it was found, as a stored frontier is no more to be trusted than a page."""
        is_near = is_web(url) or any(origin(url) == origin(start) for start in self.starts)
        return is_near and (not _is_on_disk(url) or self.contains(url)) and self.may_send(url)

    def may_send(self, url: CanonicalURL) -> bool:
        """Whether the variant of a request that a URL names may be sent (rule 9)."""
        if "#" not in url:
            return True
        try:
            what = variant_of(url)
        except ValueError:
            return False
        is_own = self.sends is Sends.ALL and self._site(url) in self._sites
        reads_only = not names_another(what) if what.method == "GET" else reads(without_variant(url), what)
        return self.sends is not Sends.NONE and is_web(url) and (is_own or reads_only)

    def decide(self, reference: Reference, source: Source) -> Decision:
        """Decide in which role the target of a reference is fetched."""
        kind = reference.kind
        refused = self._refused(reference) or self._barred(reference.url, source.url)
        if refused:
            return Decision(None, reason=refused)
        if kind is Kind.REDIRECT:
            return self._redirect(reference.url, source)
        return self._link(reference, source) if kind in _LINKS else self._requisite(reference, source)

    def is_same_site(self, url: CanonicalURL, other: CanonicalURL) -> bool:
        """Whether two URLs have the same registrable domain."""
        return origin(url) == origin(other) or self._site(url) == self._site(other)

    def is_forgotten(self, url: CanonicalURL) -> bool:
        """Whether the user asked for a URL never to be fetched again."""
        return any(covers(tombstone, without_variant(url)) for tombstone in self.tombstones)

    def leaves_out(self, url: CanonicalURL, *, page: bool) -> bool:
        """Whether the rules exclude a URL to which nothing leads any more. `page`: it was a page."""
        if url in self.starts:
            return False
        excluded = self.exclude is not None and self.exclude.search(without_variant(url)) is not None
        return (
            excluded or self.is_forgotten(url) or ((page or _is_on_disk(url)) and self._outside(url) is Reason.OUTSIDE)
        )

    def _refused(self, reference: Reference) -> Reason | None:
        """Return why a target is never fetched, whatever leads to it; `None` if it may be."""
        url, kind, _ = reference
        if kind is Kind.NEVER or kind is Kind.LIVE or not self.may_send(url):
            return Reason.NEVER
        if kind in _OTHER_MEDIA[self.media]:
            return Reason.MEDIA
        if len(url) > MAX_URL_LENGTH:
            return Reason.LENGTH
        if self.tombstones and self.is_forgotten(url):
            return Reason.FORGOTTEN
        plain = without_variant(url) if self.exclude else url
        return Reason.EXCLUDE if self.exclude and self.exclude.search(plain) and plain not in self.starts else None

    def _barred(self, url: CanonicalURL, source: CanonicalURL) -> Reason | None:
        """Return the reason why a resource may not lead to a file in any role (rule 5); `None` if it may."""
        if is_web(url):
            return None
        if origin(url) != origin(source):
            return Reason.ORIGIN
        return Reason.OUTSIDE if _is_on_disk(url) and not self.contains(url) else None

    def _link(self, reference: Reference, source: Source) -> Decision:
        depth = source.depth + 1
        is_listing = reference.kind in _LISTINGS
        is_feed_of_a_page = reference.kind is Kind.FEED and source.role is not Role.LISTING  # a reader may open it
        if not self._follows(source):
            barred: Reason | None = Reason.HOP
        elif not self._is_near(reference):
            barred = self._outside(reference.url)
        elif self.depth is not None and depth > self.depth and not is_feed_of_a_page:
            barred = Reason.DEPTH
        else:
            barred = None if is_listing else self._unwanted(reference)
        if barred:
            return Decision(None, reason=barred)
        return Decision(Role.LISTING, source.depth) if is_listing else Decision(Role.PAGE, depth)

    def _unwanted(self, reference: Reference) -> Reason | None:
        """Return why a link is not followed although it is near enough: the user's wish comes before that of the page."""
        if self.include and not self.include.search(reference.url) and reference.url not in self.starts:
            return Reason.INCLUDE
        word, reason = _NOT_TO_FOLLOW.get(reference.kind, (None, None))
        return reason if word in self.obeys else None

    def _is_near(self, reference: Reference) -> bool:
        """Whether a link leads into the scope. A sitemap may be elsewhere on the site."""
        is_listed = reference.kind is Kind.SITEMAP and self._is_of_site(reference.url)
        return is_listed or self.contains(reference.url) or reference.url in self.starts

    def _requisite(self, reference: Reference, source: Source) -> Decision:
        if reference.kind is Kind.FRAME and (source.role is Role.REQUISITE or not self._follows(source)):
            return Decision(None, reason=Reason.HOP)
        near = self.requisites is Requisites.SITE and self._is_of_site(reference.url)
        if not near and self.requisites is not Requisites.ALL:
            return Decision(None, reason=Reason.REQUISITE)
        may_be_far = not reference.guess or is_playlist(split(reference.url).path)
        if not may_be_far and not self._is_of_site(reference.url) and not self.is_same_site(reference.url, source.url):
            return Decision(None, reason=Reason.OUTSIDE)
        return Decision(Role.FRAME if reference.kind is Kind.FRAME else Role.REQUISITE, source.depth)

    def _redirect(self, url: CanonicalURL, source: Source) -> Decision:
        """Decide about a redirect. The target of a page has to be inside the scope; that of a requisite may be anywhere."""
        if source.role in {Role.REQUISITE, Role.FRAME}:
            kind = Kind.FRAME if source.role is Role.FRAME else Kind.REQUISITE
            decision = self._requisite(Reference(url, kind), Source(source.url, Role.PAGE, source.depth))
            return Decision(decision.role, source.depth, decision.reason)
        outside = None if url in self.starts else self._outside(url)
        return Decision(None, reason=outside) if outside else Decision(source.role, source.depth)

    def redirected(self, url: CanonicalURL, to: CanonicalURL) -> "Scope":
        """Return the scope after a redirect: the target of a start's is a start, unless the user or a folder's end bars it."""
        if url not in self.starts or to in self.starts or (_is_on_disk(to) and not self.contains(to)):
            return self
        if self.is_same_site(url, to):
            return replace(self.settled(url), starts=(*self.starts, to))
        if not (is_web(url) and is_web(to)) or (self.exclude and self.exclude.search(to)):
            return self
        return replace(self, starts=(*self.starts, to), unsettled=self.unsettled | {to})

    def settled(self, url: CanonicalURL) -> "Scope":
        """Return the scope after an answer that does not lead to another site: if it is that of a start, its site counts."""
        if url not in self.unsettled:
            return self
        return replace(self, unsettled=frozenset(one for one in self.unsettled if not self.is_same_site(one, url)))

    def unanswered(self) -> "Scope":
        """Return the scope before any answer."""
        near = [is_web(start) and self.is_same_site(start, self.starts[0]) for start in self.starts]
        return replace(self, unsettled=frozenset(self.starts)) if near and all(near) else self

    def _is_within(self, homes: frozenset[str], url: CanonicalURL) -> bool:
        is_prefix = self._area(url) is Area.PREFIX
        return any(_is_below(url, home) for home in homes) if is_prefix else self._home(url) in homes

    def _outside(self, url: CanonicalURL) -> Reason | None:
        """Return why a page is not in the scope; `None` if it is."""
        return None if self.contains(url) else Reason.LEFT if self._is_within(self._given, url) else Reason.OUTSIDE

    def _follows(self, source: Source) -> bool:
        """Whether links of a resource are followed. Those of a frame are if it is inside the scope."""
        return source.role is not Role.FRAME or self.contains(source.url)

    def _area(self, url: CanonicalURL) -> Area:
        """Return what `area` means for a URL. File servers and disks hold several sites, so `site` means `prefix` there."""
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
        return _without_scheme(url).partition("?")[0].rpartition("/")[0] + "/"

    def _is_of_site(self, url: CanonicalURL) -> bool:
        """Whether a URL is of the site of a start, or of a domain that counts as one."""
        return origin(url) in self._origins or self._site(url) in self._sites or self._is_also(url)

    def _is_also(self, url: CanonicalURL) -> bool:
        """Whether a URL of the web is of a domain that the user named besides the starts, or of a host below it."""
        if not self.also or not is_web(url):
            return False
        parts = split(url)
        names = parts.host, f"{parts.host}:{parts.port}"
        return any(name == domain or name.endswith(f".{domain}") for name in names for domain in self.also)

    def _site(self, url: CanonicalURL) -> str:
        return (is_web(url) and self.registrable_domain(split(url).host)) or _host(url)


def _without_scheme(url: CanonicalURL) -> str:
    """Return a URL of the web without its scheme, and any other URL as it is. A canonical URL has no default port."""
    return url.partition("://")[2] if is_web(url) else url


def _is_below(url: CanonicalURL, home: str) -> bool:
    """Whether a URL is below a folder.

    `ftp://host/%2Fetc/` is not below `ftp://host/`, which is the login folder of the user (RFC 1738, 3.2.2).
    """
    place = _without_scheme(url)
    return place.startswith(home) and (is_web(url) or not place.startswith("%2F", len(home)))


def _host(url: CanonicalURL) -> str:
    return _without_scheme(CanonicalURL(origin(url)))


def _is_on_disk(url: CanonicalURL) -> bool:
    return url.startswith("file:")
