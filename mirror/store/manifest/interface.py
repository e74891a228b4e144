"""What a manifest has to offer: the whole interface between an archive and the database behind it.

Here is what a run needs: transactions, claiming, recording, querying. `history_interface` has what spans snapshots.
`store.sqlite` implements both. A second backend implements the same methods; `tests/store/manifest/test_conformance.py` states
their laws and runs for every backend in its list. Values are those of `records`, `history_records` and `rendering_records`.

A manifest is written by one process at a time. Every method that writes is called inside `transaction` or `savepoint`. Each
method raises `StorageError`, and nothing else, where the database can't be read or written.

URLs are known by ids: positive integers that `Frontier.identify` gives and that never change. Snapshots have ids in the order
of their runs. Times are ISO 8601 text in UTC.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from mirror.core.document.references import Reference
from mirror.core.policy.scope import Reason
from mirror.core.url.canonical import CanonicalURL
from mirror.core.url.local_paths import LocalPath
from mirror.store.disk.objects import Digest
from mirror.store.disk.publisher import Published
from mirror.store.manifest.history_interface import History, RenderingQueue, Retention
from mirror.store.manifest.records import Counts, Entry, Outcome, Resource, Snapshot
from mirror.store.manifest.rendering_records import When

Found = Sequence[tuple[int, Reference]]
"""References in the order of their document, each with the id of its target."""


class Runs(Protocol):
    """Runs: where each began, what it was asked to do, and what became of it. A run is the snapshot that it makes."""

    def begin(self, starts: Sequence[CanonicalURL], options: dict[str, Any], now: str) -> Snapshot:
        """Resume the last run, or begin a new one, and select it.

        The last run is resumed if it is incomplete, had the same options, and its starts begin with these. What was in flight
        is pending again. A new run has an empty frontier.
        """

    def select(self, snapshot_id: int) -> None:
        """Read and write for this run from now on, without resuming it."""

    def extend_starts(self, snapshot: Snapshot, starts: Sequence[CanonicalURL]) -> None:
        """Replace the starts of a run: a redirect of a start has moved its scope."""

    def finish(self, snapshot: Snapshot, now: str, outcome: Outcome = Outcome.COMPLETE) -> None:
        """Say that a run is over. It is never resumed after that."""

    def starts(self) -> list[CanonicalURL]:
        """The starts of all runs, the oldest first, each once."""

    def last_id(self) -> int:
        """The id of the selected run, else of the newest one; 0 if there is none."""

    def was_limited(self) -> bool:
        """Whether a limit, a depth or a trap kept the selected run from seeing all that there is."""

    def counts(self, snapshot: Snapshot) -> Counts:
        """What the run has come to so far."""

    def failures(self, most: int) -> list[tuple[CanonicalURL, str, CanonicalURL | None]]:
        """At most `most` URLs that failed in the run: the URL, why, and a page that refers to it."""

    def skipped_traps(self) -> list[tuple[str, int, CanonicalURL]]:
        """What the run did not follow because of traps: the rule, the number of URLs, one of them; the largest first."""


class Frontier(Protocol):
    """Every URL that was ever referred to, and what the selected run wants of it."""

    def identify(self, wanted: Sequence[CanonicalURL]) -> dict[CanonicalURL, int]:
        """The id of each URL. A URL that has none gets one, which it keeps for ever."""

    def find(self, wanted: Sequence[CanonicalURL]) -> dict[CanonicalURL, int]:
        """The id of each URL that has one; nothing is written."""

    def entries(self, ids: Iterable[int]) -> dict[int, Entry]:
        """What the selected run's frontier says of URLs. A URL that is not in it is not in the result."""

    def last_entries(self, ids: Sequence[int]) -> list[Entry]:
        """What the newest run that met them says of URLs, be it this run or an earlier one."""

    def admit(self, entries: Sequence[Entry]) -> None:
        """Put entries into the frontier. An entry replaces what the frontier said of its URL."""

    def take(self, most: int, *, pages: bool, without: Sequence[str] = ()) -> Sequence[Entry]:
        """Claim up to `most` pending entries: they are in flight from now on, and no other call gives them again.

        `pages`: entries that are wanted only as pages; else the others. Nearer ones come first, then lower ids. Entries of the
        origins `without` are left; each of these ends in a slash. Each entry says which URL referred to it (`referrer`).
        """

    def take_one(self, url_id: int) -> Entry | None:
        """Claim the entry of this URL if it is pending, as `take` does."""

    def done(self) -> list[Entry]:
        """The entries of the run that have an answer, by id."""

    def redirects(self) -> list[Entry]:
        """The entries of the run whose answer is a redirect that has a place in the tree."""

    def count_waiting(self) -> int:
        """How many entries of the run are pending or in flight."""

    def count_pages(self) -> int:
        """How many pages of the run were fetched as HTML: what a limit counts."""

    def skip_waiting_pages(self, reason: Reason) -> None:
        """Skip all entries that wait and are wanted only as pages."""

    def listings(self) -> list[CanonicalURL]:
        """What earlier runs fetched on their own account: each robots.txt."""

    def set_reason(self, url_id: int, reason: Reason | None) -> None:
        """Say why the answer of a URL is left out, or with `None`, that it is not."""


class Resources(Protocol):
    """What each URL is: versions, each from one snapshot to another; their files, copies and objects."""

    def current(self, url_id: int) -> Resource | None:
        """The current version of a URL."""

    def all(self, *, stale: bool = False) -> Iterator[Resource]:
        """All current versions that have a place in the tree, by id; with `stale`, those whose file is wrong."""

    def record(
        self, snapshot: Snapshot, before: Resource | None, resource: Resource, references: Found | None
    ) -> Resource:
        """Write what a URL is from this snapshot on. `before` is its current version; `references=None` keeps its links.

        If the content and the standing are those of `before`, or `before` began in this very snapshot, its row is changed;
        else `before` ends at this snapshot and a new version begins. What a browser found out about `before` goes along if
        the content is the same. Gives the version as it is stored.
        """

    def amend(self, resource: Resource, references: Found) -> None:
        """A newer program reads a version otherwise: change its media type, path and links; it stays the same version."""

    def end_as(self, snapshot: Snapshot, resource: Resource) -> None:
        """Record a version for a URL that was not asked for: `record`, but the time of the last request stays."""

    def unvisited(self, snapshot: Snapshot) -> Iterator[tuple[Resource, Entry | None, bool]]:
        """What runs with the same first start have in the tree and this run has no answer for.

        Each with the newest entry of its URL, and whether that entry is this run's.
        """

    def set_error(self, url_id: int, error: str) -> None:
        """Say that the current version failed all the same; its content stays."""

    def failing_since(self, url_id: int) -> str | None:
        """When the run began that first had no good answer for a URL, if none has had one since."""

    def mark_stale(self, ids: Sequence[int]) -> None:
        """The files of these versions are wrong and have to be published again."""

    def staleness(self, resource: Resource) -> tuple[int, Digest | None]:
        """How often the file became wrong since it was published, and the DOM that it shows, if one is kept."""

    def mark_published(self, files: Sequence[Published]) -> None:
        """These files are right, unless something made them stale since they were planned; remember their copies.

        The copies count as not synced.
        """

    def copy(self, resource: Resource) -> Digest | None:
        """The digest of the newest copy of a version; `None` if its file is the object itself."""

    def mark_lost(self, digests: Sequence[Digest]) -> None:
        """Objects or copies are damaged. What needs them is stale, and what this run fetched is pending again."""

    def unsynced(self) -> list[Digest]:
        """Objects and copies that a power cut may still harm."""

    def add_unsynced(self, digests: Sequence[Digest]) -> None:
        """These objects were written, and nobody waited for the disk."""

    def remove_unsynced(self, digests: Sequence[Digest]) -> None:
        """These objects are safe from a power cut."""


class Links(Protocol):
    """The references of current versions, in their order: those of the document, then those that a browser saw."""

    def of(self, resource: Resource) -> list[tuple[int, Reference]]:
        """All links of a version."""

    def seen(self, resource: Resource) -> list[tuple[int, Reference]]:
        """The links of a version that a browser saw."""

    def add_seen(self, resource: Resource, references: Found) -> None:
        """Add links that a browser saw; those that the version has already are left out."""

    def loads_more(self, resource: Resource) -> bool:
        """Whether a browser saw the page load something wanted that no document refers to."""

    def build_index(self) -> None:
        """Make ready for queries by target. A backend may put that off until it is called; called again, it does nothing."""

    def canonicals(self) -> list[tuple[CanonicalURL, CanonicalURL]]:
        """Pages, each with the URL that it calls canonical, where that has the same content."""


class Locations(Protocol):
    """Where published documents take URLs to stand in the tree (the resolution of a URL), and where they really stand."""

    def resolutions(self, resource: Resource) -> dict[CanonicalURL, LocalPath]:
        """The resolutions of a document's references, as far as they have one."""

    def expect(self, places: Sequence[tuple[int, LocalPath]]) -> None:
        """Give URLs without a resolution and without a version the path at which they will stand.

        Documents that refer to them are stale from then on.
        """

    def settle(self, changed: Sequence[tuple[int, LocalPath | None]]) -> None:
        """Change resolutions. Documents that refer to these URLs are stale from then on."""

    def all_urls(self) -> Iterator[tuple[int, LocalPath | None, LocalPath | None, int | None]]:
        """Each URL, by id: its id, its resolution, its path, and the id of the URL that it leads to.

        The path is that of the current version, or one that is to leave the tree and is not released yet. A redirect leads
        to its target, a URL without a path to the one that it is an alias of.
        """

    def place(self, url_id: int) -> tuple[LocalPath | None, int | None]:
        """The last two of `all_urls` for one URL."""


class Departures(Protocol):
    """Files that are to leave the tree. They leave once they are released: no document refers to them after that."""

    def add(self, path: LocalPath, url_id: int, *, lost: bool) -> None:
        """This file is to leave. `lost`: it is a page that the server no longer has."""

    def lost_pages(self) -> tuple[int, int]:
        """How many lost pages are to leave and not released, and how many pages the tree would still have."""

    def has_lost(self, wanted: Sequence[CanonicalURL]) -> bool:
        """Whether one of these URLs is a lost page that is to leave and not released."""

    def release(self) -> None:
        """All that is to leave may leave. What stands there again by now is not to leave any more."""

    def accept_loss(self, now: str) -> None:
        """Release all, and complete the runs that were held."""

    def released(self) -> list[LocalPath]:
        """The files that may leave the tree."""

    def all(self) -> list[LocalPath]:
        """The files that are to leave the tree, released or not."""

    def remove(self, path: LocalPath) -> None:
        """This file has left the tree."""


class Decisions(Protocol):
    """What was decided about URLs, and what the program remembers of itself."""

    def set_rule(self, url_id: int, rule: str) -> None:
        """Keep the words that decided about a URL, or about the links of its document."""

    def tombstones(self) -> list[str]:
        """URLs that are never to be fetched again; one that ends in `*` is a prefix."""

    def set_aliases(self, pairs: Sequence[tuple[int, int | None]]) -> None:
        """Say of URLs whose resource they are; `None`: their own."""

    def is_alias(self, url_id: int) -> bool:
        """Whether a URL is an alias of another one."""

    def aliases(self) -> list[int]:
        """The aliases that have an answer of their own."""

    def same_contents(self) -> Iterator[list[CanonicalURL]]:
        """Groups of URLs whose current versions have the same content."""

    def families(self) -> dict[str, dict[str, Any]]:
        """The state of the trap detector (`core.policy.crawler_traps`), by family of URLs."""

    def save_families(self, changed: Mapping[str, Mapping[str, Any]], gone: Sequence[str]) -> None:
        """Store the families that changed, and remove those that are gone."""

    def forget_families(self) -> None:
        """Remove all families: a run is over, or a new one begins."""

    def fact(self, name: str) -> str | None:
        """What the program stored under this name."""

    def set_fact(self, name: str, value: str) -> None:
        """Store a value for later versions of the program."""

    def add_needs(self, resource_id: int, reasons: Iterable[str]) -> None:
        """Add reasons why a page does not work from a disk."""

    def needing(self, most: int) -> tuple[int, list[tuple[CanonicalURL, str]]]:
        """How many pages of the tree don't work from a disk, and up to `most` of them with the reasons."""


class Manifest(Protocol):
    """A manifest, open for one process."""

    @property
    def path(self) -> Path:
        """The file, or what stands for it in messages."""

    @property
    def runs(self) -> Runs: ...
    @property
    def frontier(self) -> Frontier: ...
    @property
    def resources(self) -> Resources: ...
    @property
    def links(self) -> Links: ...
    @property
    def locations(self) -> Locations: ...
    @property
    def departures(self) -> Departures: ...
    @property
    def decisions(self) -> Decisions: ...
    @property
    def history(self) -> History: ...
    @property
    def retention(self) -> Retention: ...

    def transaction(self) -> AbstractContextManager[None]:
        """All writes inside are committed together when it ends, or, if it ends with an exception, not at all."""

    def savepoint(self) -> AbstractContextManager[None]:
        """The writes inside happen together or not at all, but are committed only by the next `commit`.

        Many answers are committed together, because it is the commit that costs.
        """

    def commit(self) -> None:
        """Commit what was written in savepoints. After it, the writes survive a kill of the process."""

    def rendering_queue(self, run_id: int, when: When) -> RenderingQueue:
        """The pages of a run that a browser is to open."""

    def checkpoint(self) -> None:
        """Wait until all that was committed is safe from a power cut."""

    def damage(self) -> str | None:
        """What is wrong with the database, in one line; `None` if nothing is."""

    def compact(self) -> None:
        """Give the room of deleted rows back, and leave nothing of them in the file."""

    def close(self) -> None:
        """Release the database; what was not committed is lost."""


Open = Callable[[Path], Manifest]
"""Opens, or makes, the manifest in a folder."""
