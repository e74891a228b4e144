"""What the parts of one run share: the archive, the snapshot that the run makes, its scope, its queues, and the clock."""

from collections.abc import Callable
from dataclasses import dataclass

from mirror.core.policy.scope import Scope
from mirror.store.archive import Archive
from mirror.store.manifest.history_interface import RenderingQueue
from mirror.store.manifest.interface import Manifest
from mirror.store.manifest.records import Resource, Snapshot, Standing
from mirror.store.run.object_sync import ObjectSync
from mirror.store.run.publication_queue import PublicationQueue
from mirror.store.run.queue import Queue
from mirror.store.run.trap_state import TrapState


@dataclass(slots=True)
class RunContext:
    """One run. `scope` grows when a start redirects to another host of its site; `now` gives ISO 8601 text in UTC."""

    archive: Archive
    snapshot: Snapshot
    scope: Scope
    folds: bool
    """Whether URLs of one resource are one (`core.url.aliases`)."""
    now: Callable[[], str]
    queue: Queue
    traps: TrapState
    publications: PublicationQueue
    sync: ObjectSync
    renderings: RenderingQueue | None
    """The pages that a browser is to open; `None` if no page is to be rendered."""

    @property
    def manifest(self) -> Manifest:
        return self.archive.manifest

    def has_copy(self, resource: Resource) -> bool:
        """Whether the archive has a good copy, be it one that the rules of an earlier run left out."""
        good = resource.path is not None or resource.standing is Standing.OUTSIDE
        return good and resource.digest is not None and self.archive.objects.has(resource.digest, resource.size)

    def is_alias(self, before: Resource) -> bool:
        """Whether a version was folded into another URL's resource. It stays so if it did not change, until the run ends."""
        return self.folds and before.standing is Standing.OUTSIDE and self.manifest.decisions.is_alias(before.url_id)
