"""Errors of the local storage: one exception, whose message tells the user what to do."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

FULL: Final = "the disk is full. Make room, then run the same command again to continue"

_IN_THE_WAY: Final = "there is a file where a folder is needed: move it away, or choose another folder"

_HINTS: Final = {
    errno.ENOSPC: FULL,
    errno.EDQUOT: "your disk quota is used up. Make room, then run the same command again to continue",
    errno.EROFS: "the file system is read-only",
    errno.EACCES: "permission denied: check its owner and permissions",
    errno.EPERM: "not permitted: check its owner and permissions",
    errno.EEXIST: _IN_THE_WAY,
    errno.ENOTDIR: _IN_THE_WAY,
    errno.EISDIR: "there is a folder where a file belongs: move it away, or choose another folder",
    errno.ELOOP: "it is a symbolic link, which Websucker does not follow: remove it",
    errno.ENOENT: "it is missing: do not move or delete the files of an archive",
    errno.ENXIO: "it is a pipe, a socket or a device in the place of a file: remove it",
    errno.EMLINK: "it has a second name (a hard link), under which it would be changed, too: replace it by a copy of itself "
    "(`cp -p FILE NEW && mv NEW FILE`)",
    errno.EFBIG: "files may not grow that large here. Raise the limit, then run the same command again to continue",
    errno.EOVERFLOW: "it is longer than any file of its kind: `verify --repair` replaces it",
    errno.ENAMETOOLONG: "the name is too long for this file system: choose a folder with a shorter one",
}


class StorageError(Exception):
    """The archive on the disk can't be read or written. The crawl stops; everything that was complete stays readable."""


@contextmanager
def storing(root: "Path") -> Iterator[None]:
    """Turn each `OSError` about the archive in `root` into a `StorageError` that says what to do."""
    try:
        yield
    except OSError as error:
        from pathlib import Path  # noqa: PLC0415 - this module is loaded by `websucker --help`, too

        place = Path(error.filename2 or error.filename or root)  # if a rename failed, its target
        if error.errno in {errno.EEXIST, errno.ENOTDIR}:
            place = next(part for part in (place, *place.parents) if os.path.lexists(part))
        raise StorageError(f"{place}: {_HINTS.get(error.errno or 0, error.strerror or str(error))}") from error
