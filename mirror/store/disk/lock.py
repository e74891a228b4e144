"""One process at a time: a lock that the system takes back when its holder dies, however that happens."""

import errno
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from mirror.store.disk.errors import StorageError
from mirror.store.disk.symlink_guard import NO_LINK

if sys.platform == "win32":
    import msvcrt

    def _lock(file: int) -> None:
        os.lseek(file, _FAR, os.SEEK_SET)  # Windows lets nobody read what is locked
        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(file: int) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


_TAKEN: Final = frozenset({errno.EAGAIN, errno.EACCES, errno.EDEADLK})
_FAR: Final = 1 << 20
_MOST: Final = 32


class Lock:
    """Held until it is released. Raises `StorageError` where another process holds it, `OSError` where it can't be made.

    The file has the number of the process that holds it, and was written when it took it: those who come later are told.
    """

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | NO_LINK, 0o644)
        try:
            _lock(self._file)
        except OSError as error:
            if error.errno in _TAKEN:  # anything else: a file system without locks
                holder = _holder(self._file)
                self.release()
                raise StorageError(f"{path} is held by another run{holder}: wait until that is done") from error
        os.ftruncate(self._file, 0)
        os.write(self._file, f"{os.getpid()}\n".encode())

    def release(self) -> None:
        os.close(self._file)


def _holder(file: int) -> str:
    """Who holds it, and since when, as far as the file tells."""
    try:
        process = int(os.read(file, _MOST))
    except (OSError, ValueError):
        return ""
    since = datetime.fromtimestamp(os.fstat(file).st_mtime, UTC)
    return f" (process {process}, since {since:%Y-%m-%d %H:%M:%S} UTC)"
