"""The guard of files: Websucker opens only regular files, and never writes through a link below the archive's folder.

A link may be where a folder or a file of the archive belongs, because of a careless `unzip`, another user of a shared folder,
or an archive that was made to attack its users. Writing through it would change files elsewhere. So each folder is
checked before the first file is put into it, and each file is opened in a way that makes the system refuse links. A pipe, a
socket or a device in the place of a file is refused too: reading from a pipe would wait for ever. Files that are written in
place have one name only, because a second name (a hard link) may be a file elsewhere; all others are replaced by a rename.

The folder that the user names may be a link or be reached through one: the user chose it. The guard protects against links that
were there before the run. It does not protect against a user who can write to the folder while a crawl runs.
"""

import errno
import os
import shutil
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final

from mirror.store.disk.errors import StorageError

NO_LINK: Final = getattr(os, "O_NOFOLLOW", 0)
"""A flag for `os.open`, which then fails if the file is a symbolic link."""


def refuse_link(place: Path) -> None:
    """Raise `StorageError` if `place` is a symbolic link."""
    if place.is_symlink():
        raise StorageError(f"{place} is a symbolic link, and Websucker never writes through a symbolic link: remove it")


def make(root: Path, folder: Path) -> None:
    """Make a folder below `root`, and those between.

    Raises `StorageError` if one of them is a symbolic link, `FileExistsError` if one is a file.
    """
    root.mkdir(parents=True, exist_ok=True)
    place = root
    for name in folder.relative_to(root).parts:
        place /= name
        make_one(place)


def make_one(place: Path) -> None:
    """Make a folder in one that exists. Raises `StorageError` if it is a symbolic link, `FileExistsError` if it is a file."""
    try:
        place.mkdir()
    except FileExistsError:
        if not stat.S_ISDIR(place.lstat().st_mode):
            refuse_link(place)
            raise


def is_below(root: Path, folder: Path) -> bool:
    """Return whether `folder` exists and no part of its path below `root` is a symbolic link."""
    place = root
    for name in folder.relative_to(root).parts:
        place /= name
        try:
            if not stat.S_ISDIR(place.lstat().st_mode):
                return False
        except OSError:
            return False
    return True


def is_inside(place: Path, folder: Path) -> bool:
    """Return whether a path leads into a folder once links are followed. Neither has to exist; links may go in circles."""
    return Path(os.path.realpath(place)).is_relative_to(os.path.realpath(folder))


def clear(folder: Path) -> None:
    """Delete everything in a folder of half-written files."""
    for half in folder.iterdir():
        discard(half)


def discard(place: Path) -> None:
    """Delete what is in the place of a file of the archive, whatever it is; nothing behind a link."""
    try:
        place.unlink(missing_ok=True)
    except (IsADirectoryError, PermissionError):  # the system calls it by either name
        if place.is_symlink() or not place.is_dir():
            raise
        shutil.rmtree(place)


def opener(path: str, flags: int) -> int:
    """An `opener` for `open` that opens only regular files, and no links. It never waits for a pipe."""
    return _open(path, flags)[0]


def read(place: str, longest: int) -> bytes | None:
    """Read a regular file; `None` if it is longer than `longest` bytes. Raises `OSError` if there is no regular file.

    It takes four calls of the system; a file object takes ten, and maps `longest` bytes of memory.
    """
    opened, found = _open(place, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    try:
        if found.st_size > longest:
            return None
        content = os.read(opened, found.st_size)
        while len(content) < found.st_size and (rest := os.read(opened, found.st_size - len(content))):
            content += rest
        return content
    finally:
        os.close(opened)


def _open(path: str, flags: int) -> tuple[int, os.stat_result]:
    opened = os.open(path, flags | NO_LINK | _NO_WAIT, 0o644)
    try:
        found = os.fstat(opened)
        _require_file(found, path)
    except BaseException:
        os.close(opened)
        raise
    return opened, found


def require_file(place: Path, *, alone: bool = False) -> None:
    """Raise `OSError` if there is something that is no regular file; with `alone`, also if the file has a second name."""
    with suppress(FileNotFoundError):
        _require_file(place.lstat(), str(place), alone=alone)


def is_plain(place: Path) -> bool:
    """Return whether there is a regular file that has no second name."""
    found = place.lstat()
    return stat.S_ISREG(found.st_mode) and found.st_nlink == 1


def require_object(place: Path) -> None:
    """Raise `OSError` if there is no regular file."""
    _require_file(os.lstat(place), str(place))


def _require_file(found: os.stat_result, place: str, *, alone: bool = False) -> None:
    if stat.S_ISREG(found.st_mode):
        code = errno.EMLINK if alone and found.st_nlink > 1 else 0
    else:
        code = next((code for is_it, code in _NO_FILE if is_it(found.st_mode)), errno.ENXIO)
    if code:
        raise OSError(code, os.strerror(code), place)


_NO_WAIT: Final = getattr(os, "O_NONBLOCK", 0)
_NO_FILE: Final = ((stat.S_ISLNK, errno.ELOOP), (stat.S_ISDIR, errno.EISDIR))
