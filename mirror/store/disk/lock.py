"""The lock of an archive: one process at a time.

The lock is one of the operating system, which releases it when its holder dies. Beside it is an owner record
(`owner_record.py`), for file systems that have no locks, and for those on which each machine has locks of its own.
"""

import errno
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from mirror.store.disk.errors import StorageError
from mirror.store.disk.owner_record import OWNER, Owner, OwnerRecord
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

    Raises `StorageError` if another process holds the lock, `OSError` if the files can't be written. The lock file contains the
    number of the process that holds it and is as old as the lock, so that the error can name both.
    """

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | NO_LINK, 0o644)
        try:
            is_locked = _is_locked(self._file, path)
            self._record = OwnerRecord(path.with_name(OWNER), is_locked=is_locked)
            os.ftruncate(self._file, 0)
            os.write(self._file, f"{os.getpid()}\n".encode())
        except BaseException:
            os.close(self._file)
            raise

    def check(self) -> None:
        """Raise `StorageError` if another process has taken the archive. Called before each commit."""
        self._record.check()

    @property
    def owner(self) -> Owner:
        """The process that holds the lock."""
        return self._record.owner

    def release(self) -> None:
        self._record.release()
        os.close(self._file)


def _is_locked(file: int, path: Path) -> bool:
    """Lock a file; return False if its file system has no locks, or locks that keep nobody out."""
    try:
        _lock(file)
    except OSError as error:
        if error.errno in _TAKEN:
            raise StorageError(f"{path} is in use by another run{_holder(file)}: wait until it ends") from error
        return False
    return sys.platform != "linux" or _keeps_out(path)


def _keeps_out(path: Path) -> bool:
    """Return whether a locked file can't be locked again: flock(2) treats each opening of a file as another process."""
    file = os.open(path, os.O_RDWR | NO_LINK)
    try:
        _lock(file)
    except OSError:
        return True
    finally:
        os.close(file)
    return False


def _holder(file: int) -> str:
    """Describe the process that holds the lock and since when, if the file says so."""
    try:
        process = int(os.read(file, _MAX_LENGTH))
    except (OSError, ValueError):
        return ""
    since = datetime.fromtimestamp(os.fstat(file).st_mtime, UTC)
    return f" (process {process}, since {since:%Y-%m-%d %H:%M:%S} UTC)"
