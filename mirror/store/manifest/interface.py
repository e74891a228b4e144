"""The interface between an archive and the database behind it: what every manifest backend implements.

This module has what one run needs: transactions, the frontier, versions, links, places in the tree. `history_interface` has the
methods that look at several snapshots and the queue of pages to render. `store.sqlite` implements both; a PostgreSQL backend
would be a package beside it. `tests/store/manifest/test_conformance.py` tests the laws below for every backend in its list.
Arguments and results are the dataclasses of `records`, `history_records` and `rendering_records`.

Laws for all methods:

- Processes: one process writes a manifest at a time. Other processes may read it meanwhile; they see what was committed.
- Threads: calls never overlap, but they may come from different threads.
- Writes: every method that writes is called inside `Manifest.transaction` or `Manifest.savepoint`. The same manifest reads its
  own writes at once, before they are committed.
- Iterators: the caller may write, and commit, while it is reading from an iterator that a method returned.
- Errors: a method raises `StorageError`, and nothing else, if the database can't be read or written.
- Ids: `Frontier.identify` gives each URL a positive integer that never changes. Snapshot ids grow from run to run.
- Times: ISO 8601 text in UTC, so that text order is time order.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from mirror.core.links.answers import Answer
from mirror.core.policy.scope import Reason
from mirror.core.syntax.reference import Reference
from mirror.core.url.canonical import CanonicalURL
from mirror.store.disk.objects import Digest
from mirror.store.disk.publications import Published
from mirror.store.manifest.history_interface import Departures, History, RenderingQueue, Retention
from mirror.store.manifest.history_records import LinkTarget
from mirror.store.manifest.location_interface import Found, Locations
from mirror.store.manifest.records import Entry, ErrorPages, Lane, Outcome, Resource, RunCounts, Shortfall, Snapshot
from mirror.store.manifest.rendering_records import RenderMode


class Runs(Protocol):
    """The runs of an archive. Each run makes one snapshot and shares its id."""

    def begin(self, starts: Sequence[CanonicalURL], options: dict[str, Any], now: str) -> Snapshot:
        """Resume the last run or begin a new one, and select it.

        The last run is resumed if its outcome is INCOMPLETE, its options equal `options`, and its list of starts begins with
        `starts`. Its entries that were IN_FLIGHT become PENDING. A new run begins with an empty frontier.
        """

    def select(self, snapshot_id: int) -> None:
        """Make this run the selected one, for which all parts read and write, without resuming it."""

    def extend_starts(self, snapshot: Snapshot, starts: Sequence[CanonicalURL]) -> None:
        """Replace the starts of a run. Called when a start redirects to another host of its site."""

    def finish(self, snapshot: Snapshot, now: str, outcome: Outcome = Outcome.COMPLETE) -> None:
        """Store the outcome of a run and when it finished. The run is never resumed after that."""

    def starts(self) -> list[CanonicalURL]:
        """Return the starts of all runs, oldest run first, each URL once."""

    def routes(self) -> dict[CanonicalURL, list[str]]:
        """Return the hash routes of the starts of all runs (`#/guide`), by start: the option `routes`, whole URLs."""

    def last_id(self) -> int:
        """Return the id of the selected run; if none is selected, of the newest run; 0 if there is no run."""

    def was_limited(self) -> bool:
        """Return whether the selected run skipped a URL because of the page limit, the depth or a trap."""

    def after(self, time: str) -> list[tuple[int, str]]:
        """Return the runs that began after a time and were not pruned: the id of each, and when it began, by id."""

    def counts(self, snapshot: Snapshot) -> RunCounts:
        """Count the results of the selected run so far."""

    def has_fetched(self) -> bool:
        """Return whether the selected run got anything that starts and links lead to (`RunCounts.fetched`)."""

    def failures(self, max_count: int) -> list[tuple[CanonicalURL, str, CanonicalURL | None]]:
        """Return up to `max_count` URLs that failed in the selected run: the URL, the error, and a page that refers to it."""

    def shortfalls(self) -> list[Shortfall]:
        """Return what the selected run lacks by rules: refused starts, links, files and frames. Guesses don't count.

        Requisites that the user did not ask for are no shortfall.
        """

    def error_pages(self) -> list[ErrorPages]:
        """Count the pages of the selected run that the server answered with 404 or 410, and that were kept; starts first."""

    def skipped_traps(self) -> list[tuple[str, int, CanonicalURL]]:
        """Return what the selected run skipped as traps: the rule, how many URLs, one of them. The most URLs come first."""


class Frontier(Protocol):
    """Every URL that any run ever found, and what the selected run decided about it.

    A URL has at most one entry: that of the newest run that found it. An entry of an earlier run does not count as an entry of
    the selected run.
    """

    def identify(self, wanted: Sequence[CanonicalURL]) -> dict[CanonicalURL, int]:
        """Return the id of each URL. A URL without an id gets a new one, which it keeps."""

    def with_ids(self, references: Sequence[Reference]) -> list[tuple[int, Reference]]:
        """Return references with the ids of their URLs. A URL without an id gets a new one, which it keeps."""

    def find(self, wanted: Sequence[CanonicalURL]) -> dict[CanonicalURL, int]:
        """Return the id of each URL that has one; write nothing."""

    def entries(self, ids: Iterable[int]) -> dict[int, Entry]:
        """Return the selected run's entries for these URLs, by id. URLs without an entry are missing from the result."""

    def last_entries(self, ids: Sequence[int]) -> list[Entry]:
        """Return the entries of these URLs, whichever run they are from."""

    def admit(self, entries: Sequence[Entry]) -> None:
        """Store these entries for the selected run. Each replaces the entry that its URL had."""

    def take(self, max_count: int, lane: Lane, *, without: Sequence[str] = ()) -> Sequence[Entry]:
        """Claim up to `max_count` PENDING entries of a lane: their state becomes IN_FLIGHT, so no later call returns them.

        The smallest depth comes first, then the smallest id. Entries of the origins `without` are passed over; each origin ends
        in a slash. The returned entries have `referrer` filled in.
        """

    def take_one(self, url_id: int) -> Entry | None:
        """Claim the entry of this URL as `take` does; `None` if it is not PENDING."""

    def done(self) -> list[Entry]:
        """Return the DONE entries of the selected run, by id."""

    def redirects(self) -> list[Entry]:
        """Return the DONE entries of the selected run whose current version is a redirect with a path in the tree."""

    def count_waiting(self) -> int:
        """Count the entries of the selected run that are PENDING or IN_FLIGHT."""

    def count_pages(self) -> int:
        """Count the entries of the selected run that were fetched as pages and are HTML: the number that a limit bounds."""

    def skip_waiting_pages(self, reason: Reason) -> None:
        """Make every PENDING or IN_FLIGHT entry that no page needs a SKIPPED one with this reason: pages and listings."""

    def skipped(self, reasons: Sequence[Reason]) -> list[Entry]:
        """Return the SKIPPED entries of the selected run with one of these reasons, by id."""

    def linking_to(self, ids: Sequence[int]) -> list[Entry]:
        """Return the DONE entries of the selected run whose current versions refer to one of these URLs, by id."""

    def listings(self) -> list[CanonicalURL]:
        """Return the URLs that earlier runs fetched although nothing refers to them: each robots.txt."""

    def set_reason(self, url_id: int, reason: Reason | None) -> None:
        """Store why the answer of a URL is left out of the mirror; `None`: it is not left out."""


class Resources(Protocol):
    """The versions of each URL, and the state of their files, copies and objects.

    A snapshot shows a version if it is not older than the version's first snapshot (`since`) and older than the snapshot that
    ended it. A URL has at most one version that has not ended: its current version.
    """

    def current(self, url_id: int) -> Resource | None:
        """Return the current version of a URL; `None` if it has none."""

    def all(self, *, stale: bool = False) -> Iterator[Resource]:
        """Iterate over all current versions with a path in the tree, by id. With `stale`, only those whose file is outdated."""

    def record(
        self, snapshot: Snapshot, before: Resource | None, resource: Resource, references: Found | None
    ) -> Resource:
        """Store `resource` as the current version of its URL, and return it as it is stored.

        `before` is the current version so far. It is updated in place if it began in this snapshot, or if its `content`,
        standing and error stay the same (the error of a PRESENT version is not compared). Otherwise it ends at this snapshot
        and a new version begins.

        `references` become the document's links; `None` keeps those of `before`. A new version with the `content` of `before`
        also keeps its copy, rendering and needs. If there is another payload, the rendering, the needs and the links that a
        browser saw are deleted.
        """

    def amend(self, resource: Resource, references: Found) -> None:
        """Change the media type, path, staleness and links of a version: this program reads its document in another way.

        It stays the same version; no snapshot begins or ends.
        """

    def end_as(self, snapshot: Snapshot, resource: Resource) -> None:
        """Record a version of a URL that this run did not request: as `record`, but the run that asked last stays the same."""

    def unvisited(self, snapshot: Snapshot) -> Iterator[tuple[Resource, Entry | None, bool]]:
        """Iterate over the current versions in the tree that this run did not answer.

        Only versions that were last requested by a run with the same first start count. Each comes with the entry of its URL,
        from whichever run, and with whether that entry is of this run.
        """

    def set_latencies(self, latencies: Mapping[int, int]) -> None:
        """Store how many milliseconds the server took to answer when a version was last requested, by the version's id."""

    def set_error(self, url_id: int, error: str) -> None:
        """Store an error with the current version of a URL; its content stays."""

    def failing_since(self, url_id: int, now: str) -> str | None:
        """Return when a URL began to fail: the start of the first run without a good answer since the last good one.

        `None` if its last answer was good. Runs that began after `now` do not count, and a run is as late as each before it.
        """

    def reopen(self, url_id: int) -> Resource | None:
        """Make the version of the newest complete snapshot current again, without references; `None` if it shows none."""

    def mark_stale(self, ids: Sequence[int]) -> None:
        """Mark the files of these versions as outdated: they have to be published again."""

    def staleness(self, resource: Resource) -> tuple[int, Digest | None]:
        """Return how many changes outdated the file since it was published, and the DOM that it shows, if one is kept."""

    def mark_published(self, files: Sequence[Published]) -> None:
        """Store that these files are up to date, and which copies they are.

        A file whose staleness is no longer `Published.stale` was outdated again while it was being published: it stays stale.
        New copies count as unsynced.
        """

    def copy(self, resource: Resource) -> Digest | None:
        """Return the newest copy of a version; `None` if its file is the object itself."""

    def mark_lost(self, digests: Sequence[Digest]) -> None:
        """Store that these objects or copies are damaged.

        Files that need them are stale; lost copies and DOMs are no longer known. If the selected run fetched a payload that is
        damaged, its entry is PENDING again.
        """

    def unsynced(self) -> list[Digest]:
        """Return the objects and copies that may not survive a power cut."""

    def add_unsynced(self, digests: Sequence[Digest]) -> None:
        """Store that these objects or copies were written but not synced to the disk."""

    def remove_unsynced(self, digests: Sequence[Digest]) -> None:
        """Store that these objects or copies were synced."""


class Links(Protocol):
    """The links of current versions: first those of the document, in its order, then those that a browser saw."""

    def of(self, resource: Resource) -> list[tuple[int, Reference]]:
        """Return all links of a version, each with the id of its target."""

    def seen(self, resource: Resource) -> list[tuple[int, Reference]]:
        """Return the links of a version that a browser saw."""

    def add_seen(self, resource: Resource, references: Found) -> None:
        """Add links that a browser saw, except those that the version has already."""

    def loads_more(self, resource: Resource) -> bool:
        """Return whether a browser saw the page load a wanted requisite to which no document refers, other than by a guess."""

    def is_route(self, url_id: int) -> bool:
        """Return whether a script gave a page this address, or went there."""

    def is_seen_only(self, url_id: int) -> bool:
        """Return whether a browser saw links to a URL, and no document has one, other than a guess."""

    def seen_on(self, url_id: int, most: int) -> list[int]:
        """Return the ids of some of the pages on which a browser saw a link to a URL."""

    def build_index(self) -> None:
        """Prepare for queries by target. What a browser saw can be queried by target only after that.

        A first run records most links before anything queries them by target; a backend may build the index only here.
        Calling it again does nothing.
        """

    def targets(self, urls: Sequence[CanonicalURL], snapshot_id: int) -> dict[CanonicalURL, LinkTarget]:
        """Return what is known about URLs to which documents of a snapshot link. Unknown URLs are left out."""

    def answers(self, since: str, until: str) -> dict[CanonicalURL, Answer]:
        """Return what servers said after `since` and not after `until` (ISO 8601) about URLs that the mirror does not have."""

    def keep_answers(self, answers: Iterable[Answer], asked: str) -> None:
        """Store what servers said about URLs. Unknown URLs are left out."""

    def canonicals(self) -> list[tuple[CanonicalURL, CanonicalURL]]:
        """Return pairs of a page and the URL that it calls canonical, where both have the same payload."""


class Decisions(Protocol):
    """Decisions about URLs, and facts that the program stores about itself."""

    def set_rule(self, url_id: int, rule: str) -> None:
        """Store the words that decided about a URL, or about the links of its document. They replace earlier ones."""

    def tombstones(self) -> list[str]:
        """Return the URLs that must never be fetched again; one that ends in `*` is a prefix."""

    def set_aliases(self, pairs: Sequence[tuple[int, int | None]]) -> None:
        """Store for each URL the URL that it is an alias of; `None`: it is no alias."""

    def is_alias(self, url_id: int) -> bool:
        """Return whether a URL is an alias of another one."""

    def aliases_of(self, url_id: int) -> list[int]:
        """Return the aliases of a URL."""

    def sampled(self) -> list[tuple[int, CanonicalURL, int]]:
        """Return the aliases that the selected run wants nevertheless: id, URL, and the id of what each is an alias of."""

    def aliases(self) -> list[int]:
        """Return the aliases that have a current version of their own."""

    def same_contents(self) -> Iterator[list[CanonicalURL]]:
        """Iterate over groups of URLs whose current versions are good answers with the same payload."""

    def families(self) -> dict[str, dict[str, Any]]:
        """Return the state of the trap detector (`core.policy.crawler_traps`), by family of URLs."""

    def save_families(self, changed: Mapping[str, Mapping[str, Any]], gone: Sequence[str]) -> None:
        """Store the state of the families that changed, and delete those that are gone."""

    def forget_families(self) -> None:
        """Delete all families. Called when a run ends or a new one begins."""

    def fact(self, name: str) -> str | None:
        """Return the value stored under a name; `None` if there is none."""

    def set_fact(self, name: str, value: str) -> None:
        """Store a value under a name, for later versions of the program."""

    def add_needs(self, resource_id: int, reasons: Iterable[str]) -> None:
        """Add reasons why a page does not work when it is opened from a disk. Reasons that are stored already stay."""

    def needing(self, max_count: int) -> tuple[int, list[tuple[CanonicalURL, str]]]:
        """Return how many pages of the tree do not work from a disk, and up to `max_count` of them with their reasons.

        A page whose file shows the DOM of a browser does not count.
        """


class Manifest(Protocol):
    """An open manifest. Its parts share one connection and one selected run."""

    @property
    def path(self) -> Path:
        """The file of the database, or its name in messages."""

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
        """Commit all writes inside the block at its end, or undo them if it raises. Not while savepoints are uncommitted."""

    def savepoint(self) -> AbstractContextManager[None]:
        """Keep all writes inside the block when it ends, without committing them; undo them all if it ends with an exception.

        The next `commit` commits them, together with those of earlier savepoints: a commit costs more than an answer. If the
        database itself had to end the transaction (a full disk), the uncommitted savepoints are lost too.
        """

    def commit(self) -> None:
        """Commit the writes of all savepoints. From then on they survive the death of the process."""

    @property
    def has_uncommitted(self) -> bool:
        """Whether a transaction is open, whose savepoints the next `commit` commits."""

    def rendering_queue(self, run_id: int, when: RenderMode) -> RenderingQueue:
        """Return the queue of pages that a browser is to open in a run."""

    def checkpoint(self) -> bool:
        """Make what was committed survive a power cut; return False if a reader holds up the log. Not in transactions."""

    def back_up(self, place: Path) -> None:
        """Write a whole copy of the database, without the space of deleted rows, to a new file. Outside of transactions."""

    def damage(self) -> str | None:
        """Check the database, and return the first damage in one line; `None` if there is none."""

    def compact(self) -> bool:
        """Remove deleted rows from the disk, without a trace; return False if a reader keeps some. Not in transactions."""

    def close(self) -> None:
        """Close the database. Uncommitted writes are lost."""


Open = Callable[[Path], Manifest]
"""Opens the manifest in a folder, and creates it if there is none."""
