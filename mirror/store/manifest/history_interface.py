"""The rest of the manifest interface: snapshots, what leaves the tree, what may be deleted, and pages that a browser opens.

The laws at the top of `interface` hold here too.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from mirror.core.policy.dynamic_pages import ScriptSigns
from mirror.core.url.canonical import CanonicalURL
from mirror.core.url.local_paths import LocalPath
from mirror.store.disk.objects import Digest
from mirror.store.manifest.history_records import (
    Difference,
    Origin,
    RunRecord,
    Showing,
    ShownVersion,
    SnapshotCounts,
    SnapshotInfo,
    SnapshotStatistics,
    UrlHistory,
    UrlVersion,
)
from mirror.store.manifest.records import ChangedPage, Resource
from mirror.store.manifest.rendering_records import RenderingCounts, RenderingOutcome, RenderingTask, RenderMode


class RenderingQueue(Protocol):
    """The pages that a browser is to open in one run.

    The transaction that records a page also queues it, so a resumed run continues with it. A claim is kept in memory
    only: if the process dies, the page waits again, and `RenderingTask.tries` counts one more.
    """

    when: RenderMode

    def may_have(self, *, idle: bool) -> bool:
        """Return whether `next` may return a page; False is certain. `idle`: nothing is left to fetch."""

    def add(self, resource: Resource, look: ScriptSigns) -> None:
        """Queue a page that was recorded, if `look` and `when` call for it.

        `look.trials` is 0 for a page that needs no browser. Depending on `when`, no page is ever spared.
        """

    def next(self, *, idle: bool) -> RenderingTask | None:
        """Claim the next page; `None` if there is none now.

        Pages that are new in this run come first. With `idle`, pages that an earlier run rendered follow, but only if one of
        their requisites or frames has changed in this run.

        If the last `RenderingTask.trials` pages of a template found nothing, the other pages of that template are spared,
        except a fixed sample (`dynamic_pages.RECHECK_INTERVAL`). A page that was begun `MAX_TRIES` times without an end counts
        as done.
        """

    def find(self, task: RenderingTask, count: int) -> None:
        """Add to the number of URLs that opening this page found and that nothing else refers to."""

    def done(self, task: RenderingTask, outcome: RenderingOutcome) -> None:
        """Store the outcome of a page. If it found something, spared pages of its template wait again."""

    def put_back(self, task: RenderingTask) -> None:
        """Release a claim: the page waits again, behind the others."""

    def give_up(self, why: str) -> None:
        """Render no more pages in this run; `why` is stored with those that still wait."""

    def is_left(self) -> bool:
        """Return whether pages that are new in this run still wait."""

    def counts(self) -> RenderingCounts:
        """Count what was rendered in this run."""

    def problems(self) -> list[tuple[str, int, CanonicalURL]]:
        """Return what went wrong with rendered pages: an outcome, or what was refused; how many pages; one of them."""


class History(Protocol):
    """The snapshots: which there are, what each shows, and how two differ. Only `count` writes.

    Pruned snapshots are left out, unless a method says otherwise.
    """

    def snapshots(self) -> list[SnapshotInfo]:
        """Return all snapshots, the oldest first."""

    def recent(self, most: int) -> list[RunRecord]:
        """Return the newest runs, the newest first. Counts nothing."""

    def recorded_size(self) -> int:
        """Return how many bytes of payloads the snapshots brought that no earlier one had. Counts nothing."""

    def complete(self) -> list[int]:
        """Return the ids of all complete snapshots, the oldest first. This takes less time than `snapshots`."""

    def has(self, snapshot_id: int) -> bool:
        """Return whether there is this snapshot."""

    def has_before(self, snapshot_id: int) -> bool:
        """Return whether there ever was an earlier snapshot, pruned or not."""

    def find(self, name: str) -> SnapshotInfo | None:
        """Find a snapshot by name; `None` if there is none.

        A name is a number of up to three digits (the id), the beginning of a time (the newest snapshot that began then; a space
        may stand for the `T`), or `latest` (the newest complete snapshot).
        """

    def count(self, snapshot_id: int, noise: int = 0) -> None:
        """Store the numbers of a snapshot, so that lists need not count again. `noise`: how many changes are noise."""

    def changed(self, snapshot_id: int) -> Iterator[tuple[Resource, Resource]]:
        """Iterate over the files whose content a snapshot changed: the version before, and the new one."""

    def numbers(self, snapshot_id: int) -> SnapshotCounts:
        """Count the pages, files, bytes and changes of a snapshot."""

    def at(self, snapshot_id: int) -> Iterator[ShownVersion]:
        """Iterate over the versions that a snapshot shows in its tree, by id."""

    def origins(self, snapshot_id: int) -> list[Origin]:
        """Return the origins of the files that a snapshot shows, by name."""

    def met_origins(self) -> Iterator[str]:
        """Iterate over the origins of all URLs that any run met, fetched or not."""

    def has_origin(self, name: str, snapshot_id: int) -> bool:
        """Return whether a snapshot shows a file of this origin."""

    def version(self, url: CanonicalURL, snapshot_id: int) -> Resource | None:
        """Return the version of a URL in a snapshot, with or without a path in the tree; `None` if it has none."""

    def beginning_with(self, text: str, snapshot_id: int, most: int) -> list[CanonicalURL]:
        """Return up to `most` URLs that begin with a text and that a snapshot shows, in their order."""

    def started(self, snapshot_id: int) -> str | None:
        """Return when a run began, also of a pruned snapshot; `None` if there never was such a run."""

    def same_as(self, url: CanonicalURL) -> CanonicalURL | None:
        """Return the URL that this one is an alias of; `None` if it is no alias."""

    def differences(self, before: int, now: int) -> list[Difference]:
        """Return how snapshot `now` differs from snapshot `before`, by URL; moves come last. Either may be the earlier one.

        If a URL was removed and its payload was added under another one, that is one difference: it moved.
        """

    def account(self, url: CanonicalURL) -> UrlHistory | None:
        """Return all that is known of a URL; `None` if no run ever met it."""

    def versions(self, url: CanonicalURL) -> list[UrlVersion]:
        """Return all versions of a URL, the oldest first."""

    def moved_to(self, resource: Resource, snapshot_id: int) -> CanonicalURL | None:
        """Return a URL at which a snapshot shows the payload of this version for the first time; `None` if there is none."""

    def moved_from(self, resource: Resource) -> CanonicalURL | None:
        """Return a URL that lost its file with this payload in the snapshot that added this one; `None` if there is none."""

    def statistics(self, snapshot_id: int, most: int) -> SnapshotStatistics:
        """Count what a snapshot shows by type, origin, depth and status, and find up to `most` of its largest files."""

    def starts(self, snapshot_id: int) -> list[CanonicalURL]:
        """Return the starts of all runs up to a snapshot, pruned ones included, oldest run first, each URL once."""

    def all(self) -> Iterator[Resource]:
        """Iterate over every version of every URL, by id."""


class Departures(Protocol):
    """The files that are to leave the tree.

    A file is removed only after it is released. `Locations.all_urls` no longer gives its path then, so that documents are
    published without links to it before it is removed.

    If the current version of its URL has that path again, the file is no longer to leave: `release`, `accept_loss` and
    `released` drop such files first. So `released` writes; it may be called outside of a transaction.
    """

    def add(self, path: LocalPath, url_id: int, *, lost: bool) -> None:
        """Store that this file is to leave. `lost`: it is a page that the server says is gone (404 or 410)."""

    def changed_pages(self) -> Iterator[ChangedPage]:
        """Yield the pages of the newest complete snapshot that had content and whose current version has another or none."""

    def count_pages(self) -> int:
        """Return how many pages the newest complete snapshot shows with content."""

    def had_content(self, digest: Digest) -> bool:
        """Return whether the newest complete snapshot shows a file with this payload."""

    def has_content(self, digest: Digest) -> bool:
        """Return whether the tree has a file with this payload now."""

    def release(self) -> None:
        """Release all files that are to leave."""

    def accept_loss(self, now: str) -> None:
        """Release all files that are to leave, and turn the outcome of HELD runs into COMPLETE."""

    def released(self) -> list[LocalPath]:
        """Return the files that may be removed from the tree."""

    def all(self) -> list[LocalPath]:
        """Return the files that are to leave the tree, released or not."""

    def remove(self, path: LocalPath) -> None:
        """Store that this file was removed from the tree."""


class Retention(Protocol):
    """What may be deleted, and what is still needed."""

    def prune(self, kept: Iterable[int]) -> None:
        """Delete all snapshots but these, and the versions that no kept snapshot shows. `kept` must contain the newest one.

        The row of a pruned snapshot stays, so that its time is still known.
        """

    def forget(self, pattern: str, now: str) -> int:
        """Delete all versions of a URL, or of all URLs with a prefix if the pattern ends in `*`; return how many they were.

        The pattern is stored as a tombstone, which keeps its URLs from being fetched again. Their files are released to leave
        the tree. URLs that only their documents referred to, and that were never fetched, are deleted with them, and so is what
        the trap detector knows.
        """

    def sharing(self, pattern: str) -> list[CanonicalURL]:
        """Return the other URLs that have a version with the same payload as a good answer of these, unless it is empty."""

    def objects_in_use(self) -> set[Digest]:
        """Return the objects that any version needs: payloads and DOMs."""

    def sizes(self) -> dict[Digest, int]:
        """Return the sizes of the payloads that any version has, in bytes. DOMs are missing."""

    def copies_in_use(self) -> set[Digest]:
        """Return the copies that any version needs."""

    def users_of(self, digest: Digest) -> list[Resource]:
        """Return the versions with this payload, current ones first."""

    def users_of_copy(self, digest: Digest) -> list[Resource]:
        """Return the versions that were published as this copy in some snapshot, current ones first."""

    def state(self) -> str:
        """Return a text that changes when the versions change: an index of them was made with the same state or is outdated.

        While a run is not finished, a version that it replaces twice may go unnoticed.
        """

    def texts(self, media_types: Sequence[str]) -> Iterator[list[tuple[Digest, str]]]:
        """Yield the payloads of these media types that any snapshot shows, and the DOMs: lists of digests and media types.

        Redirects show no payload. The same payload may come several times.
        """

    def needed(self, digests: Sequence[Digest]) -> set[Digest]:
        """Return those of these payloads and DOMs that any version needs."""

    def showing(
        self, digests: Sequence[Digest], media_types: Sequence[str], snapshot_id: int | None, glob: str = "*"
    ) -> list[Showing]:
        """Return which URLs show these payloads or DOMs, as one of these types, in a snapshot; `None`: in any.

        The URLs match a pattern of GLOB. A DOM is HTML.
        """

    def showing_at(self, glob: str, media_types: Sequence[str], snapshot_id: int | None, most: int) -> list[Showing]:
        """Return up to `most` payloads and DOMs of these types that URLs of a pattern show in a snapshot; `None`: in any."""

    def ids_showing(
        self, digests: Sequence[Digest], media_types: Sequence[str], snapshot_id: int | None, glob: str = "*"
    ) -> set[int]:
        """Return the ids of the URLs that `showing` returns. This takes less time."""

    def showings(self, urls: Sequence[CanonicalURL], media_types: Sequence[str]) -> list[Showing]:
        """Return everything of these types that these URLs ever showed, oldest first."""

    def give_up(self, digest: Digest) -> None:
        """Store that this payload is lost for good: versions with it become FAILED, without a path."""

    def lost(self) -> list[Resource]:
        """Return the versions whose payloads were given up, current ones first."""
