"""What the parts of one run share: the archive, the snapshot, the scope, the queues, and the clock."""

from collections.abc import Callable
from dataclasses import dataclass, field

from mirror.core.policy.scope import Scope
from mirror.core.url.aliases import Fold
from mirror.core.url.canonical import CanonicalURL
from mirror.store.archive import Archive
from mirror.store.manifest.history_interface import RenderingQueue
from mirror.store.manifest.interface import Manifest
from mirror.store.manifest.records import Entry, Resource, Snapshot, Standing
from mirror.store.run.object_sync import ObjectSync
from mirror.store.run.publication_queue import PublicationQueue
from mirror.store.run.queue import Queue
from mirror.store.run.trap_state import TrapState


@dataclass(slots=True)
class Listeners:
    """Who is told of what no caller of `Crawl` sees; `None`: nobody. They are called inside of a transaction."""

    skipped: Callable[[Entry], None] | None = None
    """A URL was met that is not wanted."""
    barred: Callable[[CanonicalURL, str], None] | None = None
    """A URL is skipped by this rule about traps."""
    fresh: Callable[[Resource, bool], None] | None = None
    """The copy of a URL is still fresh, so the URL is not requested; the second value is whether it is a page."""


@dataclass(slots=True)
class RunContext:
    """One run. `scope` grows with the answers of the starts; `now` returns ISO 8601 text in UTC."""

    archive: Archive
    snapshot: Snapshot
    scope: Scope
    folds: frozenset[Fold]
    """Which URLs of the same resource are treated as one (`core.url.aliases`)."""
    keeps_errors: bool
    """Whether the answers of pages that failed are kept as files (`store.rules.error_files`)."""
    now: Callable[[], str]
    queue: Queue
    traps: TrapState
    publications: PublicationQueue
    sync: ObjectSync
    renderings: RenderingQueue | None
    """The pages that a browser is to open; `None` if the run renders no pages."""
    misses_browser: bool = False
    """Whether the run renders no pages only because there is no browser."""
    moves: dict[CanonicalURL, CanonicalURL] = field(default_factory=dict)
    """Each start that leads to another site -> where it leads."""
    origins: dict[int, str] = field(default_factory=dict)
    """The id of a URL that a page reads from another origin -> the origin of the page, which its request names."""
    tried: set[int] = field(default_factory=set)
    """The ids of URLs that are requested because a page requests a variant of them (`core.http.request_variants`)."""
    listeners: Listeners = field(default_factory=Listeners)

    @property
    def manifest(self) -> Manifest:
        return self.archive.manifest

    def answered_start(self, start: CanonicalURL, resource: Resource, to: CanonicalURL | None) -> None:
        """Extend the scope by the answer of a start; `to` is where it redirects."""
        scope = self.scope
        if to is None or not resource.is_redirect or resource.error:
            self.scope = scope.settled(start)
            return
        self.scope = scope.redirected(start, to)
        if self.scope is not scope and not scope.is_same_site(start, to):
            self.moves[start] = to

    def has_copy(self, resource: Resource) -> bool:
        """Return whether the archive has the payload of a good answer, even if the rules of a run left it out of the tree."""
        has_path = resource.path is not None and resource.standing is not Standing.ERROR
        good = has_path or resource.standing is Standing.OUTSIDE
        return good and resource.digest is not None and self.archive.objects.has(resource.digest, resource.size)

    def is_alias(self, before: Resource) -> bool:
        """Return whether a version was left out as an alias. Unless its content changes, it stays one until the run ends."""
        return (
            bool(self.folds) and before.standing is Standing.OUTSIDE and self.manifest.decisions.is_alias(before.url_id)
        )
