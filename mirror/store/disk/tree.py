"""The browsable tree: files at the paths that `core.url.local_paths` gives them.

It is everything in the target folder except `.mirror/`. This module only writes files; the archive decides their content. A
file is written under a temporary name and renamed, so that a reader never sees half of it. A file whose content is an object
is a hard link to that object.

Hard links share one date. So a file gets the date of its URL if it is the only link to its object; else, if another link has
another date, it becomes a copy, which takes space. It does not become one for the mere time of an answer.
"""

import hashlib
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from mirror.core.http.caching import FileDate
from mirror.core.url.local_paths import LocalPath
from mirror.store.disk.objects import Digest
from mirror.store.disk.symlink_guard import clear, is_below, make_one, opener, refuse_link, require_object

_ITS_OBJECT_AND_IT: Final = 2
"""Links to an object of which only one file of a tree is a link."""


class Tree:
    """The files below `root`. `scratch` is a folder on the same file system for temporary files.

    `is_stored` says whether the archive has a content. Only files with such a content are removed if a folder needs their
    place; a user may have put others there.
    """

    def __init__(self, root: Path, scratch: Path, is_stored: Callable[[Digest], bool] = lambda _: False) -> None:
        self._root = root
        self._scratch = scratch
        self._is_stored = is_stored
        self._text = str(root)
        self._folders: set[str] = set()
        refuse_link(scratch)
        scratch.mkdir(parents=True, exist_ok=True)

    def prepare(self) -> None:
        """Delete the temporary files of killed processes."""
        clear(self._scratch)

    def write(self, path: LocalPath | str, content: bytes, date: FileDate | None = None) -> None:
        """Write a file that is no object into the tree."""
        beside = self._beside()
        try:
            with beside.open("xb") as file:
                file.write(content)
            _set_date(beside, date)
            beside.replace(self._place(path))
        finally:
            beside.unlink(missing_ok=True)

    def link(self, path: LocalPath, source: Path, date: FileDate | None = None) -> None:
        """Put a hard link to an object into the tree; if the file system can't link, copy it. Then set its date.

        Raises `OSError` if the object is missing or is no regular file, `IsADirectoryError` if a folder has its place.
        """
        require_object(source)
        place = self._place(path)
        try:
            os.link(source, place)
        except FileNotFoundError:  # another process removed the folder, and those above it, because they were empty
            self._folders.clear()
            self._replace(self._place(path), source)
        except OSError:  # a file is there already, or the file system can't link
            self._replace(place, source)
        if date is None or (found := os.lstat(place)).st_mtime == date.seconds:
            return
        if found.st_nlink <= _ITS_OBJECT_AND_IT:
            _set_date(place, date)
        elif date.is_modified:
            self._replace(place, source, date=date)

    def _replace(self, place: str, source: Path, *, date: FileDate | None = None) -> None:
        """Replace a file by a link to an object, or by a copy of it; with a date of its own, by a copy."""
        beside = self._beside()
        try:
            if date is None:
                _link_or_copy(source, beside)
            else:
                shutil.copyfile(source, beside)
                _set_date(beside, date)
            beside.replace(place)
        finally:
            beside.unlink(missing_ok=True)  # rename(2) does nothing if both names are links to one file

    def remove(self, path: LocalPath) -> None:
        """Delete a file, and the folders that become empty."""
        place = self._root / path
        if not is_below(self._root, place.parent):  # it is gone already, or reached through a symbolic link
            return
        with suppress(
            IsADirectoryError, PermissionError
        ):  # a folder that took its place; systems call that by either name
            place.unlink(missing_ok=True)
        for folder in place.parents:
            if folder == self._root:
                break
            try:
                folder.rmdir()
            except OSError:
                break
            self._folders.discard(folder.relative_to(self._root).as_posix())

    def _place(self, path: LocalPath | str) -> str:
        """Return the place of a file as text, after making its folder. This runs for each file of a crawl."""
        self._make(path.rpartition("/")[0])
        return f"{self._text}/{path}"

    def _make(self, path: str) -> None:
        """Make a folder, unless it is known to exist and to be no symbolic link."""
        if path and path not in self._folders:
            self._make(path.rpartition("/")[0])
            folder = self._root / path
            try:
                make_one(folder)
            except FileExistsError:
                if not self._is_stored(_digest(folder)):
                    raise
                folder.unlink(missing_ok=True)  # a page that was crowded out
                make_one(folder)
            self._folders.add(path)

    def _beside(self) -> Path:
        beside = self._scratch / str(os.getpid())  # several processes may write at the same time
        beside.unlink(missing_ok=True)  # an earlier process with this number may have left it
        return beside


def _digest(place: Path) -> Digest:
    with open(place, "rb", opener=opener) as file:
        return Digest(hashlib.file_digest(file, "sha256").hexdigest())


def _link_or_copy(source: Path, place: Path) -> None:
    try:
        os.link(source, place)
    except FileNotFoundError:
        raise
    except OSError:
        shutil.copyfile(source, place)


def _set_date(place: str | Path, date: FileDate | None) -> None:
    """Set the time of modification of a file. Only the owner of an object may do that: a date is not worth a failure."""
    if date:
        with suppress(OSError):
            os.utime(place, (date.seconds, date.seconds), follow_symlinks=False)
