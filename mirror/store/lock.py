"""One process at a time: a lock that the system takes back when its holder dies, however that happens."""

import errno
import os
import sys
from pathlib import Path
from typing import Final

from mirror.store.errors import StorageError

if sys.platform == "win32":
    import msvcrt

    def _lock(file: int) -> None:
        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(file: int) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


_TAKEN: Final = frozenset({errno.EAGAIN, errno.EACCES, errno.EDEADLK})


class Lock:
    """Held until it is released. Raises `StorageError` where another process holds it, `OSError` where it can't be made."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            _lock(self._file)
        except OSError as error:
            if error.errno in _TAKEN:  # anything else: a file system without locks
                self.release()
                raise StorageError(f"{path} is held by another run: wait until that is done") from error

    def release(self) -> None:
        os.close(self._file)
