"""The records of a manifest as dataclasses: runs, versions of resources, entries of the frontier."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Final, NamedTuple

from mirror.core.http.messages import GONE, header, is_of_resource
from mirror.core.policy.scope import Reason, Role
from mirror.core.url import media_types
from mirror.core.url.canonical import CanonicalURL
from mirror.core.url.local_paths import LocalPath
from mirror.core.url.media_types import Document
from mirror.store.disk.objects import Digest

FOLDED: Final = (Reason.TRACKING, Reason.SESSION, Reason.NESTED, Reason.SORTING, Reason.CASE)
"""The reasons of URLs in whose place their plain URL is requested."""

ALIASES: Final = (Reason.CANONICAL, Reason.ALIAS, Reason.INDEX)
"""The reasons of URLs that were answered, and whose copy is that of another URL with the same content."""


class Standing(StrEnum):
    """The standing of a version. The first four have a path in the tree, the others have none."""

    PRESENT = "present"  # the server's last answer
    KEPT = "kept"  # the last good copy; it could not be renewed, and `error` says why
    UNLINKED = "unlinked"  # the last good copy; nothing links to it any more
    ERROR = "error"  # the answer of a page that failed, which the user wants; `error` says why. No good copy
    FAILED = "failed"  # there never was a good copy
    GONE = "gone"  # the server answered 404 or 410
    OUTSIDE = "outside"  # the rules of the run leave it out


BUT_HELD: Final = "but the run is held"
"""The end of the error of a page that kept its content because its run is held."""

LOST_HERE: Final = "its payload was lost here"
"""The error of a version whose payload can't be had any more."""

AGAIN: Final = "requested again, because "
"""How the rule of a URL begins that was requested more than once in a run."""

PRUNED: Final = "pruned"
"""The outcome stored for a pruned snapshot, which no list shows."""


class Outcome(StrEnum):
    """How a run ended, or that it has not."""

    INCOMPLETE = "incomplete"
    COMPLETE = "complete"
    FAILED = "failed"  # no server gave anything, so it says nothing about the site
    HELD = "held"  # too many pages were gone; the user decides


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A run. `resumed`: it continues an earlier run that was interrupted."""

    id: int
    started: str
    starts: tuple[CanonicalURL, ...]
    resumed: bool = False


@dataclass(frozen=True, slots=True)
class Resource:
    """A version of a URL: an answer, or a failure to get one. `since` is the first snapshot that shows it.

    `path` is its place in the tree, if it has one; `stale`: the file there is outdated. `fetched` is when the payload was
    received, `checked` when it was last requested. `error` says why there is no good answer.
    """

    url_id: int
    url: CanonicalURL
    fetched: str
    status: int | None
    headers: Sequence[tuple[str, str]]
    digest: Digest | None
    size: int
    media_type: str | None
    path: LocalPath | None
    discovered_from: int | None
    error: str | None = None
    stale: bool = False
    id: int = 0
    standing: Standing = Standing.PRESENT
    checked: str = ""
    since: int = 0

    @property
    def content(self) -> tuple[Digest | None, LocalPath | None, int | None, str | None]:
        """What readers of the tree can tell apart: payload, path, status, and the target of a redirect."""
        return self.digest, self.path, self.status, header(self.headers, "location")

    @property
    def content_size(self) -> int:
        """Bytes of the content of a good copy; 0 if it has none. What a redirect leads to counts as one byte."""
        if self.is_redirect:
            return max(self.size, 1)
        return self.size if is_of_resource(self.status or 0) else 0

    @property
    def is_redirect(self) -> bool:
        return self.status is not None and self.status // 100 == 3  # noqa: PLR2004 - the class of redirects

    @property
    def is_error_page(self) -> bool:
        """Whether it is a page with which the server said that there is none, kept because it was asked for."""
        return self.status in GONE and self.standing not in {Standing.GONE, Standing.ERROR} and self.digest is not None

    @property
    def is_html(self) -> bool:
        """Whether it has a path in the tree and is HTML by its media type, and not the answer of a failure."""
        is_document = (
            self.standing is not Standing.ERROR and media_types.DOCUMENTS.get(self.media_type or "") is Document.HTML
        )
        return self.path is not None and not self.is_redirect and is_document

    @property
    def precedence(self) -> tuple[int, bool, int, str]:
        """The greatest of those that want one path goes first: no failure, no redirect, the page of a folder, a short URL."""
        is_good = self.standing not in {Standing.FAILED, Standing.GONE, Standing.ERROR}
        return is_good and 2 - self.is_redirect, self.url.endswith("/"), -len(self.url), self.url


@dataclass(frozen=True, slots=True)
class ChangedPage:
    """A page that the newest complete snapshot shows with this `content`, and its current version, which has another or none.

    `reason` is that of the frontier: why the version was left out.
    """

    url_id: int
    url: CanonicalURL
    content: Digest
    standing: Standing
    status: int | None
    path: LocalPath | None
    digest: Digest | None
    reason: Reason | None


@dataclass(frozen=True, slots=True)
class RunCounts:
    """The results of a run, for its summary.

    `pages` counts HTML that starts and links lead to, `requisites` all other files, `linked` those of the other files that
    links lead to as well. `fetched` counts what starts and links lead to and the run got; `kept` counts last good copies that
    it could not renew. `size` is in bytes. `skipped` and `failed` are counts by reason.
    """

    fetched: int
    pages: int
    requisites: int
    linked: int
    kept: int
    size: int
    redirects: int
    pending: int
    skipped: dict[str, int]
    failed: dict[str, int]


class Lack(StrEnum):
    """What a copy may lack because a rule kept the crawl from fetching it, although no server failed."""

    STARTS = "starts"  # what the user asked for
    LINKS = "links"  # pages that are linked
    STYLES = "styles"  # style sheets that pages need
    NEEDED = "needed"  # other files that pages refer to and need
    REQUESTED = "requested"  # files that only a browser saw pages request
    FRAMES = "frames"  # documents that pages show inside of them
    LIVE = "live"  # what live playlists name after the run


@dataclass(frozen=True, slots=True)
class Shortfall:
    """How many URLs a copy lacks for one reason; `url` is one of them, `page` refers to it, and `rule` decided about it."""

    lack: Lack
    reason: Reason
    count: int
    url: CanonicalURL
    page: CanonicalURL | None = None
    rule: str | None = None


@dataclass(frozen=True, slots=True)
class ErrorPages:
    """How many pages of a run the server answered with this status, which were kept. `url` is one of them.

    `are_starts`: the user asked for them; otherwise scripts show them.
    """

    status: int
    are_starts: bool
    count: int
    url: CanonicalURL


@dataclass(frozen=True, slots=True)
class LoginPages:
    """How many URLs of a run end on a login page; `url` is one of them, and a start if `are_starts`."""

    count: int
    url: CanonicalURL
    are_starts: bool


_ONLY_PAGE: Final = frozenset({Role.PAGE})
_NEEDED: Final = frozenset({Role.REQUISITE, Role.FRAME})


class Lane(IntEnum):
    """What an entry waits for: entries of one lane are fetched in one order."""

    NEEDED = 0  # a page needs it to be displayed
    LISTING = 1  # a feed or a sitemap, which leads to pages
    PAGE = 2  # a page, and nothing else


class State(IntEnum):
    """The state of a URL in a run."""

    PENDING = 0
    IN_FLIGHT = 1
    DONE = 2
    SKIPPED = 3


class Entry(NamedTuple):
    """An entry of the frontier: what a run decided about a URL. `id` is the id of the URL.

    `roles` are the uses for which it is wanted; if it has none, `reason` says why. `depth` counts links from a start.
    `guess`: only guesses (strings in scripts) refer to it.
    """

    id: int
    url: CanonicalURL
    state: State
    roles: frozenset[Role]
    depth: int
    guess: bool = False
    referrer_id: int | None = None
    reason: Reason | None = None
    referrer: CanonicalURL | None = None

    @property
    def is_only_page(self) -> bool:
        """Whether it is wanted as a page only: no page needs it to be displayed."""
        return self.roles == _ONLY_PAGE

    @property
    def lane(self) -> Lane:
        return Lane.PAGE if self.roles == _ONLY_PAGE else Lane.NEEDED if self.roles & _NEEDED else Lane.LISTING
