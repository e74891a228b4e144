"""One run over an archive, as the crawler sees it: what to fetch next, what came, and the end.

Enters: responses and failures. Leaves: entries to fetch. `Crawl` puts the parts together; each has a module of its own:

    requests    what is asked next (queue.py: in which order)
    answers     what is kept of an answer
    discovery   what an answer leads to
    browser_pages  what a browser opens (rendering_candidates.py: which pages may be worth it)
    commits     when it becomes durable; publication_queue.py and object_sync.py follow each commit
    ending      how the run ends (store.rules: what is judged then)

What was not committed when a process dies is asked for again by the run that resumes.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from mirror.core.document.references import Reference
from mirror.core.http.messages import Response
from mirror.core.policy.crawler_traps import Budgets
from mirror.core.policy.scope import Reason, Role, Scope
from mirror.core.url.canonical import CanonicalURL
from mirror.store.archive import Archive
from mirror.store.disk.errors import storing
from mirror.store.disk.objects import Digest
from mirror.store.disk.publisher import PublishElsewhere
from mirror.store.manifest.history_records import Numbers
from mirror.store.manifest.records import Counts, Entry, Snapshot, State
from mirror.store.manifest.rendering_records import When
from mirror.store.rules.entry_merge import merge
from mirror.store.rules.refresh_policy import ASK_ALWAYS, RefreshPolicy
from mirror.store.run.answers import Answers, Recorded
from mirror.store.run.browser_pages import BrowserPages
from mirror.store.run.commits import Commits
from mirror.store.run.context import RunContext
from mirror.store.run.discovery import Discovery
from mirror.store.run.ending import Ending
from mirror.store.run.object_sync import ObjectSync
from mirror.store.run.publication_queue import PublicationQueue
from mirror.store.run.queue import Queue
from mirror.store.run.rendering_candidates import RenderingCandidates
from mirror.store.run.requests import Requests
from mirror.store.run.trap_state import TrapState


class Crawl:
    """A run. `now` gives the time as ISO 8601 text; `limit` bounds the number of pages; `together` answers are one commit.

    `wanted` are URLs that an earlier run knew and that are asked for whether or not anything leads to them. `budgets` bound
    traps; with `None`, nothing is one. `folds`: URLs of one resource are one (`core.url.aliases`). `elsewhere` publishes in
    other processes. `rendering` says which pages a browser is to open.
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
        folds: bool = True,
        together: int = 1,
        elsewhere: PublishElsewhere | None = None,
        rendering: When = When.NEVER,
        now: Callable[[], str],
    ) -> None:
        self.archive = archive
        self._manifest = manifest = archive.manifest
        for _ in archive.read_again():
            pass
        with storing(archive.root), manifest.transaction():
            snapshot = manifest.runs.begin(scope.starts, options or {}, now())
            archive.recover()
            self._run = run = RunContext(
                archive=archive,
                snapshot=snapshot,
                scope=replace(scope, starts=snapshot.starts, tombstones=tuple(manifest.decisions.tombstones())),
                folds=folds,
                now=now,
                queue=Queue(self._take, self._take_one, limit, manifest.frontier.count_pages()),
                traps=TrapState(archive, snapshot, budgets),
                publications=PublicationQueue(archive, elsewhere),
                sync=ObjectSync(archive),
                renderings=None if rendering is When.NEVER else manifest.rendering_queue(snapshot.id, rendering),
            )
            candidates = RenderingCandidates(run)
            self._commits = commits = Commits(run, together)
            self._discovery = discovery = Discovery(run, candidates)
            discovery.admit_starts(scope.starts)
            discovery.admit_again(wanted)
        self.answers = Answers(run, commits, discovery, candidates)
        self.requests = Requests(run, refresh, commits, discovery, self.answers)
        self.pages = BrowserPages(run, commits, discovery)
        self._ending = Ending(run, commits, discovery, self.answers, self.pages, limit=limit, max_loss=refresh.max_loss)

    def __len__(self) -> int:
        """How many URLs wait or are being fetched."""
        return self._discovery.waiting

    @property
    def traps(self) -> TrapState:
        """What the run knows of traps."""
        return self._run.traps

    @property
    def snapshot(self) -> Snapshot:
        """The snapshot that the run makes."""
        return self._run.snapshot

    @property
    def scope(self) -> Scope:
        """What belongs to the mirror. It may grow while the run lasts, and be replaced before it begins."""
        return self._run.scope

    @scope.setter
    def scope(self, scope: Scope) -> None:
        self._run.scope = scope

    # --- what to fetch -------------------------------------------------------------------------------------------------

    def next(self) -> Entry | None:
        """The next URL to fetch; `None` if nothing can be handed out now."""
        return self.requests.next()

    def has_next(self) -> bool:
        """Whether `next` may give something."""
        return bool(self._run.queue)

    def hold_back(self, origins: Iterable[str]) -> None:
        """From now on take nothing from the frontier that is of these origins; each ends in a slash."""
        self._run.queue.hold_back(origins)

    def listing(self, url: CanonicalURL) -> Entry:
        """An entry for what is fetched on the crawl's own account: robots.txt. That it is missing is no failure."""
        with self._commits.transaction():
            url_id = self._manifest.frontier.identify([url])[url]
            known = self._manifest.frontier.entries([url_id]).get(url_id)
            wanted = Entry(url_id, url, State.IN_FLIGHT, frozenset({Role.LISTING}), 0, guess=True)
            entry = merge(known, wanted) if known else wanted
            self._discovery.admit([(known, entry)])
        return entry

    # --- what came -----------------------------------------------------------------------------------------------------

    def record(
        self, entry: Entry, response: Response, references: Sequence[Reference], digest: Digest | None = None
    ) -> Recorded:
        """Keep an answer and follow what it leads to. `digest`: its payload is an object already."""
        return self.answers.record(entry, response, references, digest)

    def fail(self, entry: Entry, error: str) -> Recorded:
        """Record that no answer came; an earlier good copy stays."""
        return self.answers.fail(entry, error)

    def skip(self, entry: Entry, reason: Reason, rule: str | None = None) -> None:
        """Record that a URL is not fetched after all, and by which words of its host."""
        self.answers.skip(entry, reason, rule)

    def flush(self) -> None:
        """Make what was answered so far durable, and publish it."""
        self._commits.flush()

    def now(self) -> str:
        """The time of the run's clock, ISO 8601."""
        return self._run.now()

    def failing_since(self, url: CanonicalURL) -> str | None:
        """When the run began that first had no good answer of a URL, if none has had one since."""
        known = self._manifest.frontier.find([url])
        return next((self._manifest.resources.failing_since(id_) for id_ in known.values()), None)

    # --- the end -------------------------------------------------------------------------------------------------------

    @property
    def is_done(self) -> bool:
        """Whether nothing waits, to be fetched or to be rendered."""
        return not len(self) and not self.pages.are_left

    @property
    def held(self) -> tuple[int, int] | None:
        """How many of how many pages are gone, if that was too much."""
        return self._ending.held

    def finish(self) -> None:
        """Nothing is left to fetch. Once the tree is settled, the run is over."""
        self._ending.finish()

    def settle(self) -> Iterator[bool]:
        """Publish again what leads somewhere else by now; yields as `Archive.settle` does."""
        return self._ending.settle()

    def counts(self) -> Counts:
        """What the run has come to so far."""
        return self._manifest.runs.counts(self.snapshot)

    def changes(self) -> Numbers | None:
        """What this run found otherwise than those before it; `None` if it is the first."""
        history = self._manifest.history
        return history.numbers(self.snapshot.id) if history.has_before(self.snapshot.id) else None

    # --- the frontier, for the queue -----------------------------------------------------------------------------------

    def _take(self, most: int, *, pages: bool, without: Sequence[str]) -> Sequence[Entry]:
        with self._commits.transaction():
            return self._manifest.frontier.take(most, pages=pages, without=without)

    def _take_one(self, url_id: int) -> Entry | None:
        with self._commits.transaction():
            return self._manifest.frontier.take_one(url_id)
