"""What can be read of an archive without a lock: the manifest, the history and the objects. Nothing here parses documents.

A crawl may write the archive meanwhile: each query sees what was committed when it began.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Final

from mirror.core.http import messages
from mirror.core.http.messages import Response, Spooled
from mirror.core.url.canonical import CanonicalURL
from mirror.store.disk.errors import StorageError, storing
from mirror.store.disk.layout import COPIES, KEPT, OBJECTS
from mirror.store.disk.objects import Digest, Objects
from mirror.store.disk.symlink_guard import require_file
from mirror.store.heartbeat import HEARTBEAT
from mirror.store.manifest.interface import Manifest
from mirror.store.manifest.records import Resource
from mirror.store.manifest_backup import BACKUP, open_manifest

if TYPE_CHECKING:
    from mirror.store.disk.object_store import LocalObjectStore

FILES: Final = (
    "lock",
    "owner",
    HEARTBEAT,
    BACKUP,
    "manifest.sqlite",
    "manifest.sqlite-wal",
    "manifest.sqlite-shm",
    "manifest.sqlite-journal",
)
"""The files in `.mirror/`."""

_MOST_ALIASES: Final = 20
"""How many aliases are followed: a damaged manifest may have a circle."""


class ArchiveReader:
    """The archive in `root`, to be read only. Raises `StorageError` if it can't be read."""

    def __init__(self, root: Path) -> None:
        self.root = root
        kept = root / KEPT
        self.objects: LocalObjectStore = Objects(kept / OBJECTS)
        self.copies: LocalObjectStore = Objects(kept / COPIES)
        self._cached: tuple[Digest, bytes] = Digest(""), b""
        try:
            with storing(root):
                self.manifest = self._open(kept)
        except BaseException:
            self._release()
            raise
        self.history = self.manifest.history

    def _open(self, kept: Path) -> Manifest:
        require_archive(self.root)
        for part in FILES:  # readers write the index of the log, too
            require_file(kept / part, alone=part.endswith("-shm"))
        return open_manifest(kept, may_be_new=False, read_only=True)

    def close(self) -> None:
        self.manifest.close()
        self._release()

    def _release(self) -> None:
        """Release what `_open` took."""

    def shown(self, url: CanonicalURL, snapshot_id: int) -> Resource | None:
        """Return the version of a URL in a snapshot, or that of the URL that it is an alias of.

        Its path is `None` if the snapshot has no copy of either.
        """
        found = self.history.version(url, snapshot_id)
        for _ in range(_MOST_ALIASES):
            other = None if found and found.path else self.history.same_as(url)
            if other is None:
                break
            url, found = other, self.history.version(other, snapshot_id)
        return found

    def response(self, resource: Resource, digest: Digest) -> Response:
        """Return the answer of a version as it was received. A payload that is too long to be read stays on the disk."""
        known = (resource.url, resource.status or 0, resource.headers)
        if resource.size <= messages.MAX_READ:
            cached, payload = self._cached
            payload = payload if cached == digest else self.objects.get(digest)
            return Response(*known, payload, is_error_page=resource.is_error_page)
        with self.objects.open(digest) as file:
            return Response(*known, b"", Spooled(digest, resource.size, file.read(messages.HEAD)))

    def has_payload(self, resource: Resource) -> bool:
        """Return whether the object of a version is there."""
        return resource.digest is not None and self.objects.has(resource.digest)


def require_archive(root: Path) -> None:
    """Check that there is an archive in a folder."""
    if not (root / KEPT).is_dir():
        raise StorageError(f"{root} is not an archive: it has no folder {KEPT}")
