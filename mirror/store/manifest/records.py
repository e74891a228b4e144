"""What the manifest has to say, as values: a run, a version of a resource, what became of both."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Final

from mirror.core.http.messages import header
from mirror.core.policy.scope import Reason, Role
from mirror.core.url import media_types
from mirror.core.url.canonical import CanonicalURL
from mirror.core.url.local_paths import LocalPath
from mirror.core.url.media_types import Document
from mirror.store.disk.objects import Digest


class Standing(StrEnum):
    """What a version of a resource is. The first three have a place in the tree, the others have none."""

    PRESENT = "present"  # what the server says
    KEPT = "kept"  # the last good copy: it could not be renewed, `error` says why
    UNLINKED = "unlinked"  # the last good copy: nothing leads to it any more
    FAILED = "failed"  # there never was a good copy
    GONE = "gone"  # the server said 404 or 410
    OUTSIDE = "outside"  # the rules of the run leave it out by now


PRUNED: Final = "pruned"
"""The outcome of a snapshot that nobody is shown any more."""


class Outcome(StrEnum):
    """What became of a run."""

    INCOMPLETE = "incomplete"
    COMPLETE = "complete"
    HELD = "held"  # too much was gone: it waits for a decision


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A run. `resumed`: it goes on with an earlier one that was not finished."""

    id: int
    started: str
    starts: tuple[CanonicalURL, ...]
    resumed: bool = False


@dataclass(frozen=True, slots=True)
class Resource:
    """An answer, or that there was none: the version of a URL since a snapshot.

    `path` is its place in the tree, if any; `stale`: its file there is not right. `fetched` is when its payload came,
    `checked` when the server was asked last.
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
        """What a reader sees of it; of a redirect that is where it leads."""
        return self.digest, self.path, self.status, header(self.headers, "location")

    @property
    def is_redirect(self) -> bool:
        return self.status is not None and self.status // 100 == 3  # noqa: PLR2004 - the class of redirects

    @property
    def is_html(self) -> bool:
        """Whether it is in the tree as a page, by its type."""
        is_document = media_types.DOCUMENTS.get(self.media_type or "") is Document.HTML
        return self.path is not None and not self.is_redirect and is_document

    def reads_as(self, before: "Resource") -> bool:
        """Whether its file is that of the one before."""
        types = [header(resource.headers, "content-type") for resource in (before, self)]
        return before.content == self.content and types[0] == types[1]


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of a run, for its summary.

    `pages` are HTML that starts and links led to, `requisites` all that is no page, `linked` those of these that links led to
    as well. Of all that starts and links led to, `fetched` is what could be had; `kept` are last good copies of what could not.
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


_ONLY_PAGE: Final = frozenset({Role.PAGE})


class State(IntEnum):
    """Where a URL stands in this run."""

    PENDING = 0
    IN_FLIGHT = 1
    DONE = 2
    SKIPPED = 3


@dataclass(frozen=True, slots=True)
class Entry:
    """A URL in the frontier. `id` is the URL's; `roles` is all as what it is wanted. Without any, `reason` says why."""

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
        """Whether only links lead to it: no page needs it to be shown."""
        return self.roles == _ONLY_PAGE
