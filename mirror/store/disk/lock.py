"""The lock of an archive: one process at a time. The operating system releases the lock when its holder dies."""

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
        os.lseek(
            file, _FAR, os.SEEK_SET
        )  # on Windows a locked byte can't be read, so lock one behind the process number
        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(file: int) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


_TAKEN: Final = frozenset({errno.EAGAIN, errno.EACCES, errno.EDEADLK})
_FAR: Final = 1 << 20
_MAX_LENGTH: Final = 32


class Lock:
    """A lock file, locked from construction until `release`.

    Raises `StorageError` if another process holds the lock, `OSError` if the file can't be locked. The file contains the number
    of the process that holds it and is as old as the lock, so that the error can name both.
    """

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | NO_LINK, 0o644)
        try:
            _lock(self._file)
        except OSError as error:
            if error.errno in _TAKEN:  # other errors: the file system has no locks
                holder = _holder(self._file)
                self.release()
                raise StorageError(f"{path} is in use by another run{holder}: wait until it ends") from error
        os.ftruncate(self._file, 0)
        os.write(self._file, f"{os.getpid()}\n".encode())

    def release(self) -> None:
        os.close(self._file)


def _holder(file: int) -> str:
    """Describe the process that holds the lock and since when, if the file says so."""
    try:
        process = int(os.read(file, _MAX_LENGTH))
    except (OSError, ValueError):
        return ""
    since = datetime.fromtimestamp(os.fstat(file).st_mtime, UTC)
    return f" (process {process}, since {since:%Y-%m-%d %H:%M:%S} UTC)"
