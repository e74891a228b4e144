"""Folders and files of an archive that are really there: nothing is written through a symbolic link.

Somebody may have put a link where a folder or a file of the archive is to be: a careless `unzip`, another user of a folder that
several may write to, an archive that was made to be given away. What is written behind it would be written elsewhere. So each
folder is looked at before the first thing is put into it, and each file is opened so that the system follows no link to it.

The folder that the user names may be a link, or be behind one: that is the user's word. What is below is ours. A link there is
put there while nothing runs; who may write to the folder while a crawl runs can do that in between, and is not kept from it.
"""

import os
import stat
from pathlib import Path
from typing import Final

from mirror.store.disk.errors import StorageError

NO_LINK: Final = getattr(os, "O_NOFOLLOW", 0)
"""For `os.open`: what is there is no link, or it fails."""


def refuse_link(place: Path) -> None:
    """Raises `StorageError` where a symbolic link stands."""
    if place.is_symlink():
        raise StorageError(f"{place} leads elsewhere, and nothing is written through a symbolic link: remove it")


def make(root: Path, folder: Path) -> None:
    """Make a folder below `root`, and those between; raises `StorageError` where one of them is a link or a file."""
    root.mkdir(parents=True, exist_ok=True)
    place = root
    for name in folder.relative_to(root).parts:
        place /= name
        make_one(place)


def make_one(place: Path) -> None:
    """Make a folder in one that is there; raises `StorageError` where a link stands, `FileExistsError` where a file does."""
    try:
        place.mkdir()
    except FileExistsError:
        refuse_link(place)
        if not place.is_dir():
            raise


def is_below(root: Path, folder: Path) -> bool:
    """Whether a folder is there and no link is between it and `root`."""
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
    """Remove all that is in a folder of half-written files, whatever it is; a folder in there stays where it is."""
    for half in folder.iterdir():
        half.unlink()


def opener(path: str, flags: int) -> int:
    """For `open`: follows no link to the file itself."""
    return os.open(path, flags | NO_LINK, 0o644)
