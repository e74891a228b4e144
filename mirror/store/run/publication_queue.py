"""The files that a run publishes: those that wait, those that workers are publishing, and those still to be recorded."""

from typing import Final, NamedTuple

from mirror.store.archive import Archive
from mirror.store.disk.publications import PublicationTasks, Published, PublishElsewhere
from mirror.store.manifest.location_interface import Found
from mirror.store.manifest.records import Resource

_AT_ONCE: Final = 8  # files that one request to a worker process asks for
_HELD: Final = 256 << 10  # bytes: payloads up to this size stay in memory until they are published


class _Waiting(NamedTuple):
    """A version whose file is to be published, and what is known of it already."""

    resource: Resource
    payload: bytes | None
    found: Found | None


class PublicationQueue:
    """The publications of one run. `elsewhere` publishes in worker processes; `None`: this process publishes."""

    def __init__(self, archive: Archive, elsewhere: PublishElsewhere | None) -> None:
        self.tasks = PublicationTasks(archive.root, elsewhere) if elsewhere else None
        self._archive = archive
        self._waiting: list[_Waiting] = []
        self.links = 0
        """How many references are held for the versions that wait."""
        self.done: list[Published] = []
        """Files that were published, but are not yet recorded in the manifest."""

    def add(self, resource: Resource, payload: bytes | None = None, found: Found | None = None) -> None:
        """Queue a version for the next `publish`, if its file is stale.

        `payload` may save reading the object, and `found`, all references of the document, reading them from the manifest.
        """
        if resource.stale and resource.path:
            is_small = payload is not None and len(payload) <= _HELD
            self._waiting.append(_Waiting(resource, payload if is_small else None, found))
            self.links += len(found or ())

    def __len__(self) -> int:
        """Return how many versions wait."""
        return len(self._waiting)

    def forget(self, from_: int) -> None:
        """Forget the versions that wait, except for the first `from_`: their transactions were rolled back."""
        self.links -= sum(len(one.found or ()) for one in self._waiting[from_:])
        del self._waiting[from_:]

    def publish(self) -> None:
        """Publish what waits, or ask worker processes to. The manifest must have committed it."""
        waiting, self._waiting, self.links = self._waiting, [], 0
        for n in range(0, len(waiting), _AT_ONCE):
            self._put(waiting[n : n + _AT_ONCE])

    def collect(self) -> None:
        """Collect the files that worker processes have published."""
        if self.tasks:
            self.done += self.tasks.done()

    def _put(self, waiting: list[_Waiting]) -> None:
        """Publish files. One that a worker process is writing at the moment stays stale until the run settles."""
        tasks = self.tasks
        wanted = [
            (self._archive.publication(resource, found), payload)
            for resource, payload, found in waiting
            if resource.path and not (tasks and tasks.has(resource.path))
        ]
        if tasks is None or not tasks.put([publication for publication, _ in wanted]):
            self.done += [self._archive.publisher.publish_if_free(*one) for one in wanted]
