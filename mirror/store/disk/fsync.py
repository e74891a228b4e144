"""Syncing files to the disk, so that they survive a power cut.

`fsync` syncs one file and waits for the disk each time: 1.5 ms for a page of 15 KB, which takes 3 ms to fetch. Linux can sync a
whole file system at once (`syncfs`, syncfs(2)), which waits a few times only, however many files there are.
"""

import ctypes
import os
import sys
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

_FEW: Final = 8
"""Up to this many files are synced one by one, so that a crawl does not wait for what other programs write."""

_ABOVE: Final = 3
"""Folders above the store that the first run may have made: `.mirror`, the archive, and the one that has the archive's name."""

_TELLS_ERRORS: Final = (5, 8)
"""The Linux version since which `syncfs` reports failed writes."""


_TO_SYNC: Final = os.O_RDWR if sys.platform == "win32" else os.O_RDONLY
"""How to open a file to sync it. Windows syncs only what is open for writing."""


def sync(folder: Path, places: Sequence[str]) -> None:
    """Wait until these files below `folder`, a store, and their names survive a power cut. Missing files are ignored.

    Raises `OSError` if the disk can't be written.
    """
    if len(places) > _FEW and _sync_file_system(folder):
        return
    files = [Path(place) for place in places]
    for place in [*files, *{file.parent for file in files}, folder, *folder.parents[:_ABOVE]]:
        _sync(place)


def _sync_file_system(folder: Path) -> bool:
    """Sync the whole file system of a folder; return False if this system can't do that."""
    syncfs = _syncfs()
    if syncfs is None:
        return False
    opened = os.open(folder, os.O_RDONLY)
    try:
        if syncfs(opened):
            error = ctypes.get_errno()
            raise OSError(error, os.strerror(error), str(folder))
    finally:
        os.close(opened)
    return True


@lru_cache(maxsize=1)
def _syncfs() -> Any:
    """Return `syncfs` of the C library; `None` if there is none that reports errors."""
    if sys.platform != "linux":
        return None
    version = tuple(int(part) for part in os.uname().release.split("-")[0].split(".")[:2] if part.isdigit())
    return getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None) if version >= _TELLS_ERRORS else None


def _sync(place: Path) -> None:
    try:
        opened = os.open(place, _TO_SYNC)
    except FileNotFoundError:  # it was removed in the meantime
        return
    except PermissionError:  # Windows can't open folders, nor objects, which are write-protected, for writing
        return
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
