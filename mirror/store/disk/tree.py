"""The browsable tree: files at the places that `core.url.local_paths` gives them.

Owns all of the target folder but `.mirror/`. Only writes: what a file says is decided by the archive. A file is written
beside its place and renamed, so a reader never sees half of one; a file that is an object unchanged is a hard link to it.
"""

import os
import shutil
from pathlib import Path

from mirror.core.url.local_paths import LocalPath
from mirror.store.disk.symlink_guard import clear, is_below, make_one, refuse_link


class Tree:
    """The files below `root`; `scratch` is a folder on the same file system for what is being written."""

    def __init__(self, root: Path, scratch: Path) -> None:
        self._root = root
        self._scratch = scratch
        self._folders: set[Path] = set()
        refuse_link(scratch)
        scratch.mkdir(parents=True, exist_ok=True)

    def prepare(self) -> None:
        """Clear away what killed processes were writing."""
        clear(self._scratch)

    def write(self, path: LocalPath | str, content: bytes) -> None:
        """Put a file of its own into the tree."""
        beside = self._beside()
        try:
            with beside.open("xb") as file:
                file.write(content)
            beside.replace(self._place(path))
        finally:
            beside.unlink(missing_ok=True)

    def link(self, path: LocalPath, source: Path) -> None:
        """Put an object into the tree; a copy where the file system has no hard links to give."""
        place = self._place(path)
        try:
            os.link(source, place)
        except FileNotFoundError:  # another process has taken out the folder, and those above, which it left empty
            self._folders.difference_update(place.parents)
            self._replace(self._place(path), source)
        except OSError:  # something stands there, or there are no links to give
            self._replace(place, source)

    def _replace(self, place: Path, source: Path) -> None:
        beside = self._beside()
        try:
            try:
                os.link(source, beside)
            except FileNotFoundError:
                raise
            except OSError:
                shutil.copyfile(source, beside)
            beside.replace(place)
        finally:
            beside.unlink(missing_ok=True)  # rename(2) leaves it where both are the same file

    def remove(self, path: LocalPath) -> None:
        """Take a file out, and the folders that it leaves empty."""
        place = self._root / path
        if not is_below(self._root, place.parent):  # it went already, or a link leads elsewhere
            return
        place.unlink(missing_ok=True)
        for folder in place.parents:
            if folder == self._root:
                break
            try:
                folder.rmdir()
            except OSError:
                break
            self._folders.discard(folder)

    def _place(self, path: LocalPath | str) -> Path:
        place = self._root / path
        self._make(place.parent)
        return place

    def _make(self, folder: Path) -> None:
        """Make a folder, if it is not known to be there and to be no link."""
        if folder not in self._folders and folder != self._root:
            self._make(folder.parent)
            make_one(folder)
            self._folders.add(folder)

    def _beside(self) -> Path:
        beside = self._scratch / str(os.getpid())  # several processes may write
        beside.unlink(missing_ok=True)  # what a process of the same number was writing
        return beside
