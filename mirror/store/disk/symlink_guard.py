"""The symlink guard: Websucker never writes through a symbolic link below the archive's folder.

A link may be where a folder or a file of the archive belongs, because of a careless `unzip`, another user of a shared folder,
or an archive that was made to attack its users. Writing through it would change files elsewhere. So each folder is
checked before the first file is put into it, and each file is opened in a way that makes the system refuse links.

The folder that the user names may be a link or be reached through one: the user chose it. The guard protects against links that
were there before the run. It does not protect against a user who can write to the folder while a crawl runs.
"""

import os
import stat
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
        refuse_link(place)
        if not place.is_dir():
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


def clear(folder: Path) -> None:
    """Delete everything in a folder of half-written files."""
    for half in folder.iterdir():
        half.unlink()


def opener(path: str, flags: int) -> int:
    """An `opener` for `open` that refuses symbolic links."""
    return os.open(path, flags | NO_LINK, 0o644)
