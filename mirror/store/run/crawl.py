"""One run over an archive, as the crawler uses it: hand out what to fetch, record what was received, end the run.

Input: responses and failures. Output: entries to fetch. `Crawl` puts the parts together; each has its own module:

    next_entries   which entry is fetched next (queue.py: in which order)
    answers        what a run keeps of an answer
    discovery      which URLs an answer adds to the frontier (trap_state.py: traps)
    browser_pages  which pages a browser opens (rendering_candidates.py: which pages may need one)
    commits        when answers are committed, and what follows: publication_queue.py, object_sync.py
    ending         how the run ends

The rules that these decide by are in `store.rules`.

If the process dies, the run that resumes requests again what was not committed.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from mirror.core.http.messages import Response
from mirror.core.policy.clock import latest_credible
from mirror.core.policy.crawler_traps import Budgets
from mirror.core.policy.scope import Reason, Role, Scope
from mirror.core.syntax.reference import Reference
from mirror.core.url.aliases import FOLDS, Fold
from mirror.core.url.canonical import CanonicalURL
from mirror.core.url.local_paths import Names
from mirror.store.archive import Archive
from mirror.store.disk.errors import storing
from mirror.store.disk.objects import Digest
from mirror.store.disk.publications import PublishElsewhere
from mirror.store.manifest.history_records import SnapshotCounts
from mirror.store.manifest.records import Entry, Lane, Resource, RunCounts, Shortfall, Snapshot, State
from mirror.store.manifest.rendering_records import RenderMode
from mirror.store.rules.frontier_merge import merge
from mirror.store.rules.refresh_policy import ASK_ALWAYS, RefreshPolicy
from mirror.store.rules.unvisited import circle
from mirror.store.run.answers import Answers, Recorded
from mirror.store.run.browser_pages import BrowserPages
from mirror.store.run.commits import Commits
from mirror.store.run.context import RunContext
from mirror.store.run.discovery import Discovery
from mirror.store.run.ending import Ending
from mirror.store.run.nesting import Nesting
from mirror.store.run.next_entries import NextEntries
from mirror.store.run.object_sync import ObjectSync
from mirror.store.run.publication_queue import PublicationQueue
from mirror.store.run.queue import Queue
from mirror.store.run.rendering_candidates import RenderingCandidates
from mirror.store.run.trap_state import TrapState

_SEVERAL: Final = ("", "?")
"""The origins of a run that is resumed: nobody knows them without reading its frontier."""


_LATENCIES: Final = 1000
"""Latencies that are stored together."""


class Crawl:
    """A run over an archive.

    `options` decide whether an interrupted run is resumed. `limit` is the maximum number of pages. `wanted` are URLs of earlier
    runs to fetch even if nothing links to them. `budgets` limit traps; `None` turns the trap detector off. `folds`: which
    URLs of the same resource are one (`core.url.aliases`). `keeps_errors`: keep the answers of pages that failed.
    `attributes` are further ones that hold URLs. `together` answers form one commit. `elsewhere` publishes in worker processes.
    `rendering` says which pages a browser is to open; `misses_browser`: none, only because there is no browser. `names` are the
    names of files; `None`: those of the archive. `now` returns the time as ISO 8601 text in UTC.
    """

    def __init__(  # noqa: PLR0913 - all but two are words with a default
        self,
        archive: Archive,
        scope: Scope,
        *,
        options: dict[str, Any] | None = None,
        limit: int | None = None,
        refresh: RefreshPolicy = ASK_ALWAYS,
        wanted: Sequence[CanonicalURL] = (),
        budgets: Budgets | None = Budgets(),  # noqa: B008 - it is frozen
        folds: frozenset[Fold] = FOLDS,
        keeps_errors: bool = False,
        attributes: frozenset[str] = frozenset(),
        together: int = 1,
        elsewhere: PublishElsewhere | None = None,
        rendering: RenderMode = RenderMode.NEVER,
        misses_browser: bool = False,
        names: Names | None = None,
        now: Callable[[], str],
    ) -> None:
        self.archive = archive
        self._latencies: dict[int, int] = {}
        self._manifest = manifest = archive.manifest
        archive.lay_out(names, scope.starts)
        for _ in archive.read_again(attributes):
            pass
        with storing(archive.root), manifest.transaction():
            snapshot = manifest.runs.begin(scope.starts, options or {}, now())
            archive.naming.snapshot = snapshot
            archive.recover()
            self._run = run = RunContext(
                archive=archive,
                snapshot=snapshot,
                scope=replace(scope.unanswered(), tombstones=tuple(manifest.decisions.tombstones())),
                folds=folds,
                keeps_errors=keeps_errors,
                now=now,
                queue=Queue(
                    self._take,
                    self._take_one,
                    limit,
                    manifest.frontier.count_pages(),
                    origins=_SEVERAL if snapshot.resumed else (),
                ),
                traps=TrapState(archive, snapshot, budgets),
                publications=PublicationQueue(archive, elsewhere),
                sync=ObjectSync(archive),
                renderings=None if rendering is RenderMode.NEVER else manifest.rendering_queue(snapshot.id, rendering),
                misses_browser=misses_browser,
            )
            _grow_scope(run)
            candidates = RenderingCandidates(run)
            self._commits = commits = Commits(run, together)
            self._discovery = discovery = Discovery(run, candidates)
            discovery.admit_starts(scope.starts)
            discovery.admit_again(wanted)
        self.answers = Answers(run, commits, discovery, candidates)
        self.entries = NextEntries(run, refresh, commits, discovery, self.answers, wanted=wanted)
        self.pages = BrowserPages(run, commits, discovery, candidates)
        self.queue = run.queue
        self.listeners = run.listeners
        self._times_again: Counter[int] = Counter()
        self._limit = limit
        self.moves: Mapping[CanonicalURL, CanonicalURL] = run.moves
        """Each start that leads to another site, and where it leads."""
        self._ending = Ending(run, commits, discovery, self.answers, self.pages, limit=limit, refresh=refresh)

    def __len__(self) -> int:
        """Return how many URLs wait or are in flight."""
        return self._discovery.waiting

    @property
    def nesting(self) -> Nesting:
        """The chains of what pages need, with their bounds."""
        return self._discovery.nesting

    @property
    def traps(self) -> TrapState:
        """The trap detector of the run."""
        return self._run.traps

    @property
    def snapshot(self) -> Snapshot:
        """The snapshot that the run makes."""
        return self._run.snapshot

    @property
    def scope(self) -> Scope:
        """What belongs to the mirror. It may grow during the run, and may be replaced before the run begins."""
        return self._run.scope

    @scope.setter
    def scope(self, scope: Scope) -> None:
        self._run.scope = scope

    # --- what to fetch -------------------------------------------------------------------------------------------------

    def next(self) -> Entry | None:
        """Return the next entry to fetch; `None` if nothing can be handed out now."""
        return self.entries.next()

    def has_next(self) -> bool:
        """Return whether `next` may return an entry."""
        return bool(self._run.queue)

    def listing(self, url: CanonicalURL) -> Entry:
        """Return an entry for a URL to which nothing refers: robots.txt. If it is missing, that is no failure."""
        with self._commits.transaction():
            url_id = self._manifest.frontier.identify([url])[url]
            known = self._manifest.frontier.entries([url_id]).get(url_id)
            wanted = Entry(url_id, url, State.IN_FLIGHT, frozenset({Role.LISTING}), 0, guess=True)
            entry = merge(known, wanted) if known else wanted
            self._discovery.admit([(known, entry)])
        return entry

    # --- what was received ---------------------------------------------------------------------------------------------

    def record(
        self, entry: Entry, response: Response, references: Sequence[Reference], digest: Digest | None = None
    ) -> Recorded:
        """Record an answer and follow its references. `digest`, if given: the payload is stored as this object already."""
        return self.answers.record(entry, response, references, digest)

    def fail(self, entry: Entry, error: str) -> Recorded:
        """Record that there was no answer. An earlier good copy stays."""
        return self.answers.fail(entry, error)

    def note(self, entry: Entry, text: str) -> None:
        """Store what `why` tells about a URL."""
        with self._commits.transaction():
            self._manifest.decisions.set_rule(entry.id, text)

    def took(self, resource: Resource, seconds: float) -> None:
        """Note how long the server took to answer. Kept until the next `flush`, or until there are many."""
        self._latencies[resource.id] = round(seconds * 1000)
        if len(self._latencies) >= _LATENCIES:
            self._store_latencies()

    def _store_latencies(self) -> None:
        if self._latencies:
            with self._commits.transaction():
                self._manifest.resources.set_latencies(self._latencies)
            self._latencies.clear()

    def leave_circle(self, redirect: Entry, may_differ: Callable[[CanonicalURL], bool], why: str, most: int) -> None:
        """If a redirect closes a circle, request the first URL of it again whose answer `may_differ` now.

        `why` is the reason, in words for a user; no URL is requested again more than `most` times.
        """
        for member in circle(self._manifest, redirect):
            if self._times_again[member.id] < most and may_differ(member.url):
                self._times_again[member.id] += 1
                with self._commits.transaction():
                    self._discovery.admit([(member, member._replace(state=State.PENDING))])
                    self._manifest.decisions.set_rule(member.id, why)
                return

    def skip(self, entry: Entry, reason: Reason, rule: str | None = None) -> None:
        """Record that a URL is not fetched after all; `rule` are the words of its server that decided so."""
        self.answers.skip(entry, reason, rule)

    def flush(self) -> None:
        """Commit the answers so far, and publish their files."""
        self._store_latencies()
        self._commits.flush()

    def now(self) -> str:
        """Return the time of the run's clock, as ISO 8601 text in UTC."""
        return self._run.now()

    def runs_of_the_future(self) -> list[tuple[int, str]]:
        """Return the runs that began in the future, so that the clock was wrong or is: the id of each, and when it began."""
        return self._manifest.runs.after(latest_credible(self.now()))

    def failing_since(self, url: CanonicalURL) -> str | None:
        """Return when a URL began to fail: the start of the first run without a good answer. `None` if the last was good."""
        known = self._manifest.frontier.find([url])
        return next((self._manifest.resources.failing_since(id_, self.now()) for id_ in known.values()), None)

    # --- the end -------------------------------------------------------------------------------------------------------

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to fetch or to render."""
        return not len(self) and not self.pages.are_left

    @property
    def held(self) -> tuple[int, int] | None:
        """If the run is held: how many pages lost their content, of how many. Else `None`. Known after `settle`."""
        return self._ending.held

    def finish(self) -> None:
        """End the run, because nothing is left to fetch. It is over once `settle` is done."""
        self._store_latencies()
        self._ending.finish()

    def settle(self) -> Iterator[bool]:
        """Publish documents again whose links are outdated; yields as `Archive.settle` does."""
        return self._ending.settle()

    def counts(self) -> RunCounts:
        """Count the results of the run so far."""
        return self._manifest.runs.counts(self.snapshot)

    @property
    def leads_nowhere(self) -> bool:
        """Whether the copy has no page but the starts, although the limit would let it have more."""
        pages = self._manifest.frontier.count_pages()
        return pages <= len(self.scope.starts) and (self._limit is None or pages < self._limit)

    def shortfalls(self) -> list[Shortfall]:
        """Return what the copy lacks by rules."""
        return self._manifest.runs.shortfalls()

    def changes(self) -> SnapshotCounts | None:
        """Count the differences to the previous snapshot; `None` if this is the first one."""
        history, own = self._manifest.history, self.snapshot.id
        if not history.has_before(own):
            return None
        return next((one.numbers for one in history.snapshots() if one.id == own), history.numbers(own))

    # --- the frontier, for the queue -----------------------------------------------------------------------------------

    def _take(self, max_count: int, lane: Lane, *, without: Sequence[str]) -> Sequence[Entry]:
        with self._commits.transaction():
            return self._manifest.frontier.take(max_count, lane, without=without)

    def _take_one(self, url_id: int) -> Entry | None:
        with self._commits.transaction():
            return self._manifest.frontier.take_one(url_id)


def _grow_scope(run: RunContext) -> None:
    """Extend the scope by the answers of starts that an interrupted run has. Which starts it stored does not count."""
    frontier, n = run.manifest.frontier, 0
    while n < len(run.scope.starts):
        start, n = run.scope.starts[n], n + 1
        for entry in frontier.entries(frontier.find([start]).values()).values():
            known = run.manifest.resources.current(entry.id) if entry.state is State.DONE else None
            if known:
                leads_to = run.manifest.locations.place(entry.id)[1]
                targets = frontier.entries([leads_to] if leads_to else []).values()
                run.answered_start(start, known, next((one.url for one in targets), None))
            elif entry.state is State.SKIPPED:
                run.scope = run.scope.settled(start)
