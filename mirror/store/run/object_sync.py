"""Syncing objects: a thread syncs new objects to the disk while the crawl goes on, and the manifest records which are safe."""

from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

from mirror.store.archive import Archive
from mirror.store.disk.objects import Digest

_SYNC_AFTER: Final = 256  # objects that are synced at a time; so many a power cut may harm


class ObjectSync:
    """Syncs the objects of one run. All its methods but `sync_all` are called inside a transaction."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._thread = ThreadPoolExecutor(1, "sync")
        self._running: Future[list[Digest]] | None = None
        self._waiting: list[Digest] = []
        self._unsaved: list[Digest] = []  # not yet in the manifest

    def add(self, digest: Digest) -> None:
        """Note that an object is needed, written now or found: a run that was killed may have written and not synced it."""
        self._unsaved.append(digest)
        self._waiting.append(digest)

    def save(self) -> None:
        """Store which objects the answers need that are to be committed now."""
        self._archive.manifest.resources.add_unsynced(self._unsaved)
        self._unsaved.clear()

    def sync(self) -> None:
        """Record the objects that the thread has synced, and give it the next ones if there are enough."""
        if self._running and self._running.done():
            self._archive.manifest.resources.remove_unsynced(self._running.result())
            self._running = None
        if self._running is None and len(self._waiting) >= _SYNC_AFTER:
            digests, self._waiting = self._waiting, []
            self._running = self._thread.submit(self._archive.sync, digests)

    def sync_all(self) -> None:
        """Sync everything that is not yet synced, and wait for it."""
        manifest = self._archive.manifest
        digests = manifest.resources.unsynced()
        self._archive.sync(digests)
        with manifest.transaction():
            manifest.resources.remove_unsynced(digests)
        self._waiting.clear()
