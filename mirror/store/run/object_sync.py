"""Objects past a power cut: those of late are brought onto the disk beside the crawl, and the manifest is told of them."""

from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

from mirror.store.archive import Archive
from mirror.store.disk.objects import Digest

_SYNC_AFTER: Final = 256  # objects that a power cut may harm before they are waited for


class ObjectSync:
    """All its methods but `sync_all` are called within a transaction of the manifest."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._thread = ThreadPoolExecutor(1, "sync")
        self._running: Future[list[Digest]] | None = None
        self._waiting: list[Digest] = []

    def add(self, digest: Digest) -> None:
        """An object was written."""
        self._archive.manifest.resources.add_unsynced([digest])
        self._waiting.append(digest)

    def sync(self) -> None:
        """Have the objects of late brought onto the disk, beside the crawl; say so of those that are."""
        if self._running and self._running.done():
            self._archive.manifest.resources.remove_unsynced(self._running.result())
            self._running = None
        if self._running is None and len(self._waiting) >= _SYNC_AFTER:
            digests, self._waiting = self._waiting, []
            self._running = self._thread.submit(self._archive.sync, digests)

    def sync_all(self) -> None:
        """Wait until all are there."""
        manifest = self._archive.manifest
        digests = manifest.resources.unsynced()
        self._archive.sync(digests)
        with manifest.transaction():
            manifest.resources.remove_unsynced(digests)
        self._waiting.clear()
