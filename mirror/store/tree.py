"""The browsable tree: files at the places that `core.paths` gives them.

Owns all of the target folder but `.mirror/`. Only writes: what a file says is decided by the archive. A file is written
beside its place and renamed, so a reader never sees half of one; a file that is an object unchanged is a hard link to it.
"""

import os
import shutil
from pathlib import Path

from mirror.core.paths import LocalPath
from mirror.store.errors import StorageError


class Tree:
    """The files below `root`; `scratch` is a folder on the same file system for what is being written."""

    def __init__(self, root: Path, scratch: Path) -> None:
        self._root = root
        self._scratch = scratch
        self._folders: set[Path] = set()
        scratch.mkdir(parents=True, exist_ok=True)

    def prepare(self) -> None:
        """Clear away what killed processes were writing."""
        for half in self._scratch.iterdir():
            half.unlink()

    def write(self, path: LocalPath | str, content: bytes) -> None:
        """Put a file of its own into the tree."""
        beside = self._beside()
        try:
            beside.write_bytes(content)
            beside.replace(self._place(path))
        finally:
            beside.unlink(missing_ok=True)

    def link(self, path: LocalPath, source: Path) -> None:
        """Put an object into the tree; a copy where the file system has no hard links to give."""
        place = self._place(path)
        try:
            os.link(source, place)
        except FileNotFoundError:  # another process has taken out the folder, which it left empty
            self._folders.discard(place.parent)
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
        folder = place.parent
        if folder not in self._folders:
            folder.mkdir(parents=True, exist_ok=True)
            if not folder.resolve().is_relative_to(self._root.resolve()):
                raise StorageError(f"{folder} leads out of {self._root} through a symbolic link; remove it")
            self._folders.add(folder)
        return place

    def _beside(self) -> Path:
        beside = self._scratch / str(os.getpid())  # several processes may write
        beside.unlink(missing_ok=True)  # what a process of the same number was writing
        return beside
