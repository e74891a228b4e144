"""How the manifest is opened, and its backup: what `verify --repair` restores if the manifest is damaged or missing.

Each complete run ends with a backup, and so does whatever removes something from the manifest for good: a backup must not have
what was forgotten, nor need objects that were pruned. It is a whole database, made by SQLite, so damage of the manifest is
found before it replaces a good backup. What runs did since the backup is fetched again; their objects are there.
"""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

from mirror.store.disk import fsync
from mirror.store.disk.errors import StorageError, storing
from mirror.store.disk.layout import KEPT, SCRATCH
from mirror.store.disk.lock import Lock
from mirror.store.disk.owner_record import LOCK
from mirror.store.disk.symlink_guard import discard, make, refuse_link, require_object
from mirror.store.manifest.checks import DamagedManifestError
from mirror.store.manifest.interface import Manifest
from mirror.store.sqlite.manifest import SQLiteManifest

BACKUP: Final = "manifest.backup"
DAMAGED: Final = "manifest.damaged"
_MANIFEST: Final = "manifest.sqlite"
_WAY_OUT: Final = "Put back a copy of manifest.sqlite that you have, or move .mirror and index.html away to start over"


def open_manifest(
    kept: Path, *, may_be_new: bool, read_only: bool = False, check: Callable[[], None] = lambda: None
) -> Manifest:
    """Open the manifest, or make a new one if there was none before. `check`: see `Database`."""
    place = kept / _MANIFEST
    is_new = not (place.exists() and place.stat().st_size)
    if is_new and not (may_be_new and not (kept / BACKUP).exists()):
        raise DamagedManifestError(f"{place} is missing or empty")
    manifest = SQLiteManifest(place, read_only=read_only, check=check)
    if is_new:  # once there are objects, a missing manifest is damage: a power cut must not be its cause
        manifest.checkpoint()
        fsync.sync(kept, [str(place)])
    return manifest


def back_up(manifest: Manifest, kept: Path) -> None:
    """Replace the backup by the manifest as it is now. Called outside of transactions; waits until it survives a power cut."""
    beside = kept / SCRATCH / BACKUP
    discard(beside)
    manifest.back_up(beside)
    _put(beside, kept / BACKUP)


def restore(root: Path) -> Path | None:
    """Replace the manifest of the archive in `root` by its backup; return where the old one is now; `None` if it was missing.

    Raises `StorageError` if there is no backup that can be read, or if the archive is in use.
    """
    kept = root / KEPT
    refuse_link(kept)
    with storing(root):
        lock = Lock(kept / LOCK)
        try:
            beside = _checked_copy(kept)
            for name in (f"{_MANIFEST}-wal", f"{_MANIFEST}-shm", f"{_MANIFEST}-journal"):
                discard(kept / name)
            was_there = (kept / _MANIFEST).exists()
            if was_there:
                (kept / _MANIFEST).replace(kept / DAMAGED)
            _put(beside, kept / _MANIFEST)
        finally:
            lock.release()
    return kept / DAMAGED if was_there else None


def _checked_copy(kept: Path) -> Path:
    """Return a copy of the backup that is whole."""
    backup, beside = kept / BACKUP, kept / SCRATCH / "restored"
    if not backup.exists():
        raise StorageError(f"the manifest can't be restored: {backup} is missing. {_WAY_OUT}")
    require_object(backup)
    make(kept, beside.parent)
    discard(beside)
    shutil.copyfile(backup, beside)
    found = _damage(beside)
    if found:
        raise StorageError(f"the manifest can't be restored: {backup} is damaged too ({found}). {_WAY_OUT}")
    return beside


def _damage(place: Path) -> str | None:
    """Return why a database is no good manifest; `None` if it is one."""
    try:
        manifest = SQLiteManifest(place, read_only=True)
    except DamagedManifestError as error:
        return error.what
    try:
        return manifest.damage()
    finally:
        manifest.close()


def _put(beside: Path, place: Path) -> None:
    fsync.sync(beside.parent, [str(beside)])
    beside.replace(place)
    fsync.sync(place.parent, [])
