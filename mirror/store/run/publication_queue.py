"""The files that a run has to put into the tree: what waits, what others are making, and what the manifest is to be told."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from mirror.store.archive import Archive
from mirror.store.disk.publisher import PublicationTasks, Published, PublishElsewhere
from mirror.store.manifest.records import Resource

_AT_ONCE: Final = 8  # files that another process is asked for at once
_HELD: Final = 256 << 10  # bytes of a payload up to which it stays in memory until it is published


class PublicationQueue:
    """`elsewhere` publishes in other processes."""

    def __init__(self, archive: Archive, elsewhere: PublishElsewhere | None) -> None:
        self.tasks = PublicationTasks(archive.root, elsewhere) if elsewhere else None
        self._archive = archive
        self._waiting: list[tuple[Resource, bytes | None]] = []
        self._done: list[Published] = []  # files that are right, which the manifest does not know yet

    def add(self, resource: Resource, payload: bytes | None = None) -> None:
        """What is new goes into the tree with the next `put`; `payload` may save reading it again."""
        if resource.stale and resource.path:
            is_small = payload is not None and len(payload) <= _HELD
            self._waiting.append((resource, payload if is_small else None))

    def publish(self) -> None:
        """Publish what waits, or have it done. The manifest must have it already."""
        waiting, self._waiting = self._waiting, []
        for n in range(0, len(waiting), _AT_ONCE):
            self._put(waiting[n : n + _AT_ONCE])

    def collect(self) -> None:
        """Take from other processes what they have published by now."""
        if self.tasks:
            self._done += self.tasks.done()

    @contextmanager
    def published(self) -> Iterator[list[Published]]:
        """What the manifest is told of: gone from here if that went well."""
        yield self._done
        self._done.clear()

    def _put(self, resources: list[tuple[Resource, bytes | None]]) -> None:
        """One that is being written right now stays stale until the run settles."""
        tasks = self.tasks
        wanted = [
            (self._archive.publication(resource), payload)
            for resource, payload in resources
            if resource.path and not (tasks and tasks.has(resource.path))
        ]
        if tasks is None or not tasks.put([publication for publication, _ in wanted]):
            self._done += [self._archive.publisher.publish(*one) for one in wanted]
