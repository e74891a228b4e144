"""The object store: payloads by SHA-256, each written once.

Owns one folder, `ab/cdef...` in it. An object is written beside its place and renamed into it, so a name is a whole object
or nothing as long as the machine runs; `sync` makes it so past a power cut too, and until it was called `is_whole` tells.
Objects are write-protected, because files of the tree are hard links to them.
"""

import errno
import hashlib
import os
import re
import stat
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, NewType

from mirror.store.disk import fsync
from mirror.store.disk.symlink_guard import NO_LINK, clear, make, opener

Digest = NewType("Digest", str)
"""SHA-256 of a payload, 64 hexadecimal digits."""

_DIGEST: Final = re.compile("[0-9a-f]{64}")
_HALF: Final = "new"
_READ_ONLY: Final = 0o444


class Objects:
    """The objects below one folder; nothing is made of it until the first one is put."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._new = root / _HALF
        self._text = str(root)
        self._half = f"{self._new}/{os.getpid()}-"  # several processes may put the same at once
        self._folders: set[str] = set()

    def prepare(self) -> None:
        """Make the folder, and clear away what a killed process was writing."""
        make(self._root.parent, self._new)
        clear(self._new)

    def put(self, payload: bytes) -> Digest:
        """Keep a payload; raises `OSError` where the disk can't."""
        digest = Digest(hashlib.sha256(payload).hexdigest())
        if not self.has(digest, len(payload)):
            beside = f"{self._half}{digest}"
            try:
                _write(beside, payload)
                os.replace(beside, self._made(digest))
            except BaseException:
                with suppress(FileNotFoundError):
                    os.unlink(beside)
                raise
        return digest

    def adopt(self, place: Path, digest: Digest) -> None:
        """Keep a file of this digest, on the same file system, as an object; it is gone from its place then."""
        size = place.lstat().st_size
        if self.has(digest, size):
            place.unlink()
            return
        place.chmod(_READ_ONLY)
        place.replace(self._made(digest))

    def get(self, digest: Digest) -> bytes:
        """A payload; raises `OSError` where it is missing."""
        with open(self._place(digest), "rb", opener=opener) as file:
            return file.read()

    def path(self, digest: Digest) -> Path:
        """Where an object stands, or would."""
        return self._root / digest[:2] / digest[2:]

    def file(self, digest: Digest) -> Path | None:
        """Where an object stands, if it is a file of this store: an archive of somebody else's may name any of this machine."""
        place = self.path(digest)
        with suppress(OSError):
            is_ours = _DIGEST.fullmatch(digest) and place.resolve().is_relative_to(self._root.resolve())
            if is_ours and stat.S_ISREG(place.lstat().st_mode):
                return place
        return None

    def has(self, digest: Digest, size: int | None = None) -> bool:
        """Whether an object stands there, of this size; a link to something is none."""
        try:
            found = os.lstat(self._place(digest))
        except FileNotFoundError:
            return False
        return stat.S_ISREG(found.st_mode) and (size is None or found.st_size == size)

    def _place(self, digest: Digest) -> str:
        """`path`, as text: there is one for each file of a crawl."""
        return f"{self._text}/{digest[:2]}/{digest[2:]}"

    def _made(self, digest: Digest) -> str:
        """The same, in a folder that is there."""
        place = self._place(digest)
        if digest[:2] not in self._folders:
            make(self._root, Path(place).parent)
            self._folders.add(digest[:2])
        return place

    def is_whole(self, digest: Digest) -> bool:
        """Whether an object is there and is what its name says."""
        try:
            with open(self._place(digest), "rb", opener=opener) as file:
                return hashlib.file_digest(file, "sha256").hexdigest() == digest
        except OSError as error:
            if error.errno in {errno.ENOENT, errno.ELOOP}:
                return False
            raise

    def all(self) -> Iterator[Digest]:
        """Every object that stands there, whole or not."""
        for folder in sorted(self._root.glob("[0-9a-f][0-9a-f]")):
            if not folder.is_symlink():  # what is behind one is nobody's to collect
                yield from (Digest(folder.name + place.name) for place in sorted(folder.iterdir()))

    def remove(self, digest: Digest) -> None:
        """Take an object out of the store; files of the tree that are links to it stay."""
        self.path(digest).unlink(missing_ok=True)

    def sync(self, digests: Sequence[Digest]) -> None:
        """Wait until these objects are on the disk itself, past a power cut."""
        fsync.sync(self._root, map(self.path, digests))


def _write(place: str, payload: bytes) -> None:
    """A new file that is not to be changed."""
    opened = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | NO_LINK | getattr(os, "O_BINARY", 0), _READ_ONLY)
    try:
        rest = memoryview(payload)
        while rest:
            rest = rest[os.write(opened, rest) :]
    finally:
        os.close(opened)
