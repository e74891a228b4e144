"""Bringing files onto the disk itself, past a power cut.

One by one that is `fsync`, which waits for the disk each time: 1.5 ms for a page of 15 KB, while fetching it takes 3. Linux can
be asked for all of a file system at once (`syncfs`, syncfs(2)), which waits a few times, whatever the number of files is.
"""

import ctypes
import os
import sys
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

_FEW: Final = 8
"""Files up to which they are brought there one by one: so nobody waits for what other programs write."""

_TELLS_ERRORS: Final = (5, 8)
"""The Linux from which on `syncfs` tells that something could not be written."""


def sync(folder: Path, places: Iterable[Path]) -> None:
    """Wait until files below a folder are on the disk itself, and their names. What is not there any more is left out.

    Raises `OSError` where the disk can't.
    """
    places = list(places)
    if len(places) > _FEW and _sync_file_system(folder):
        return
    for place in [*places, *{place.parent for place in places}, folder]:
        _sync(place)


def _sync_file_system(folder: Path) -> bool:
    """All that was written to the file system of a folder; whether this system can do that."""
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
    """The function of the C library, where it tells of errors."""
    if sys.platform != "linux":
        return None
    version = tuple(int(part) for part in os.uname().release.split("-")[0].split(".")[:2] if part.isdigit())
    return getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None) if version >= _TELLS_ERRORS else None


def _sync(place: Path) -> None:
    try:
        opened = os.open(place, os.O_RDONLY)
    except FileNotFoundError:  # it was collected in the meantime
        return
    except PermissionError:  # Windows opens no folders, and syncs nothing that is only read
        return
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
