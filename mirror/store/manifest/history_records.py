"""The history as values: snapshots in lists, what a snapshot shows, and all that is known of a URL."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from mirror.core.url.canonical import CanonicalURL
from mirror.store.disk.objects import Digest
from mirror.store.manifest.records import Entry, Outcome, Resource


@dataclass(frozen=True, slots=True)
class Numbers:
    """What a snapshot comes to. Sizes are in bytes; `new_size` is what no snapshot before it had."""

    pages: int = 0
    files: int = 0
    size: int = 0
    new_size: int = 0
    added: int = 0
    changed: int = 0
    gone: int = 0
    unlinked: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class Listed:
    """A snapshot as lists show it; the times are ISO 8601, UTC."""

    id: int
    started: str
    finished: str | None
    outcome: Outcome
    starts: tuple[CanonicalURL, ...]
    options: dict[str, Any]
    numbers: Numbers


@dataclass(frozen=True, slots=True)
class Shown:
    """A version in a snapshot. `copy` is how it reads there; `None`: as it was received. Or it is `unknown` by now.

    `dom` is the DOM that it shows, where a browser's was kept.
    """

    resource: Resource
    copy: Digest | None
    unknown: bool
    dom: Digest | None = None


@dataclass(frozen=True, slots=True)
class Origin:
    """What a snapshot shows of an origin (see `urls.origin`): how many pages and other files, and the page to begin with."""

    name: str
    pages: int
    files: int
    first: CanonicalURL


class Kind(StrEnum):
    """How a URL differs between two snapshots."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    MOVED = "moved"


@dataclass(frozen=True, slots=True)
class Difference:
    """`before` and `now` are what the two snapshots show; one that was moved was shown at another URL before."""

    kind: Kind
    before: Resource | None
    now: Resource | None


@dataclass(frozen=True, slots=True)
class Account:
    """All that is known of a URL: when it was met, what the newest run that met it decided, its versions, who leads to it."""

    url: CanonicalURL
    met: str | None = None
    entry: Entry | None = None
    decided: str | None = None
    referrer: CanonicalURL | None = None
    versions: list[tuple[Resource, str | None, str | None]] = field(
        default_factory=list
    )  # with since and until as times
    linked_from: list[CanonicalURL] = field(default_factory=list)
    rule: str | None = None  # the words of its host, its page or the one that leads to it which decided
    seen_on: list[CanonicalURL] = field(
        default_factory=list
    )  # pages on which a browser saw it, and nothing else says so
    rendered: "Rendered | None" = None
    needs: str | None = None  # why its page works from no disk


@dataclass(frozen=True, slots=True)
class Rendered:
    """What became of a page in a browser, last. `state` is one of `renderings`; `began`: the run. `refused`: a line each."""

    state: int
    began: str | None
    found: int
    outcome: str
    refused: list[str]
