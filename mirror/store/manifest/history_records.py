"""The records of the history: snapshots as lists show them, the contents of a snapshot, and the history of a URL."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from mirror.core.policy.scope import Reason
from mirror.core.url.canonical import CanonicalURL
from mirror.store.disk.objects import Digest
from mirror.store.manifest.records import Entry, Outcome, Resource, State


@dataclass(frozen=True, slots=True)
class SnapshotCounts:
    """The size of a snapshot, and how it differs from the one before. Sizes are in bytes.

    `new_size` counts payloads that no earlier snapshot had. `noise` counts those of `changed` that say nothing, such as nonces
    (`core.comparison.noise`).
    """

    pages: int = 0
    files: int = 0
    size: int = 0
    new_size: int = 0
    added: int = 0
    changed: int = 0
    gone: int = 0
    unlinked: int = 0
    failed: int = 0
    noise: int = 0


@dataclass(frozen=True, slots=True)
class SnapshotInfo:
    """A snapshot as lists show it. Times are ISO 8601 in UTC."""

    id: int
    started: str
    finished: str | None
    outcome: Outcome
    starts: tuple[CanonicalURL, ...]
    options: dict[str, Any]
    numbers: SnapshotCounts


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run in short. `counts` are those that were stored when it was over; `None`: none were."""

    id: int
    started: str
    finished: str | None
    outcome: Outcome
    counts: SnapshotCounts | None


@dataclass(frozen=True, slots=True)
class ShownVersion:
    """A version in the tree of a snapshot.

    `copy` is the copy that was published then; `None` if the file was the object itself. With `unknown`, it is no longer known
    which of these it was. `dom` is the browser's DOM that the file showed, if one was kept; `rendered`: a browser opened it.
    """

    resource: Resource
    copy: Digest | None
    unknown: bool
    dom: Digest | None = None
    rendered: bool = False


@dataclass(frozen=True, slots=True)
class LinkTarget:
    """What is known about a URL that a document of a snapshot links to.

    `resource` is its version in that snapshot; `None` if it has none. `state`, `reason` and `rule` are what the newest run that
    found it decided. `same_as` is the URL that it is an alias of.
    """

    url_id: int
    resource: Resource | None
    state: State | None
    reason: Reason | None
    rule: str | None
    same_as: CanonicalURL | None


@dataclass(frozen=True, slots=True)
class Showing:
    """A URL that shows a payload, or a DOM, in the snapshots from `since` on, up to but not including `until`."""

    url: CanonicalURL
    digest: Digest
    media_type: str
    since: int
    until: int | None


@dataclass(frozen=True, slots=True)
class Origin:
    """An origin (`scheme://host[:port]`) in a snapshot: its pages, its other files, and the page to begin with."""

    name: str
    pages: int
    files: int
    first: CanonicalURL


class ChangeKind(StrEnum):
    """How a URL differs between two snapshots. The manifest can't tell `NOISE` from `CHANGED`; `store.noise` can."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    MOVED = "moved"
    NOISE = "noise"


@dataclass(frozen=True, slots=True)
class Difference:
    """`before` and `now` are the versions in the two snapshots. If it moved, `before` is the version of another URL."""

    kind: ChangeKind
    before: Resource | None
    now: Resource | None


@dataclass(frozen=True, slots=True)
class UrlHistory:
    """Everything that the archive knows about a URL. Times are ISO 8601 in UTC.

    `met` is when the first run found it. `entry` is the decision of the newest run that found it, `decided` when that run
    began, `rule` the words that decided: a line of robots.txt, a header, an element of a page. `versions` come with the times
    of their first snapshot and of the one that ended them. `linked_from` are some pages that link to it, `seen_on` some in
    which only a browser saw a reference to it. `needs` says why the page does not work from a disk. `variants` are
    the current versions of some variants of requests for the URL (`core.http.request_variants`).
    """

    url: CanonicalURL
    met: str | None = None
    entry: Entry | None = None
    decided: str | None = None
    referrer: CanonicalURL | None = None
    versions: list[tuple[Resource, str | None, str | None]] = field(default_factory=list)
    linked_from: list[CanonicalURL] = field(default_factory=list)
    rule: str | None = None
    seen_on: list[CanonicalURL] = field(default_factory=list)
    rendered: "LastRendering | None" = None
    needs: str | None = None
    variants: list[Resource] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class UrlVersion:
    """A version of a URL: `first` and `last` are the snapshots that show it, without pruned ones.

    `began` is when the run began that found it, `ended` when the run began that ended it. Times are ISO 8601 in UTC.
    """

    resource: Resource
    first: int
    last: int
    began: str | None
    ended: str | None


@dataclass(frozen=True, slots=True)
class FileGroup:
    """The files of a snapshot that have something in common, such as their type; `size` in bytes."""

    name: str
    pages: int
    files: int
    size: int


@dataclass(frozen=True, slots=True)
class SnapshotStatistics:
    """What a snapshot shows, by several properties. Its totals are in `SnapshotCounts`.

    `types`, `hosts` (origins) and `depths` count pages and other files, as `SnapshotCounts` does. Depths are those of pages.
    `statuses` count the URLs that were requested; their sizes are those of the files. `largest` are the largest files,
    `slowest` the URLs whose servers took the most milliseconds to answer when they were last requested.
    """

    types: list[FileGroup]
    hosts: list[FileGroup]
    depths: list[FileGroup]
    statuses: list[FileGroup]
    largest: list[Resource]
    slowest: list[tuple[CanonicalURL, int]]


@dataclass(frozen=True, slots=True)
class LastRendering:
    """The last rendering of a page. `state` is a `rendering_records.RenderingState`, `began` the time at which the run began.

    `found`, `outcome` and `refused` are as in `rendering_records`.
    """

    state: int
    began: str | None
    found: int
    outcome: str
    refused: list[str]
