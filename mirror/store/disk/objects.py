"""The object store in a folder: payloads by SHA-256, each written once (`object_store.LocalObjectStore`).

An object is the file `ab/cdef...` in the folder. It is written under a temporary name and renamed, so that a name always means
a whole object, unless the power fails before `sync`; `is_whole` tells. Objects are write-protected, because files of the tree
are hard links to them.
"""

import errno
import hashlib
import os
import re
import stat
from collections.abc import Iterator, Sequence
from contextlib import suppress
from io import BufferedReader
from pathlib import Path
from typing import Final, NewType

from mirror.store.disk import fsync
from mirror.store.disk.symlink_guard import NO_LINK, clear, discard, is_inside, make, opener, read

Digest = NewType("Digest", str)
"""SHA-256 of a payload, 64 hexadecimal digits. Of a text that was not computed here, only `as_digest` makes one."""

_DIGEST: Final = re.compile("[0-9a-f]{64}")
_HALF: Final = "new"
_READ_ONLY: Final = 0o444
_LONGEST: Final = 256 << 20  # bytes that are read as a whole; documents have 64 MiB at most
_NO_OBJECT: Final = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENXIO, errno.EISDIR, errno.EIO})
"""The errors of reading something that is no object: it is missing, it is no file, or the disk can't read it any more."""


def as_digest(text: str) -> Digest | None:
    """Return a stored text as a digest; `None` if it is none."""
    return Digest(text) if _DIGEST.fullmatch(text) else None


class Objects:
    """The objects in one folder."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._new = root / _HALF
        self._text = str(root)
        self._half = f"{self._new}/{os.getpid()}-"  # several processes may put the same payload at once
        self._folders: set[str] = set()

    def prepare(self) -> None:
        """Create the folder, and delete what a killed process left half-written."""
        make(self._root.parent, self._new)
        clear(self._new)

    def put(self, payload: bytes) -> Digest:
        """Store a payload and return its digest. An object with its name is read: a power cut may have left zeros in it."""
        digest = Digest(hashlib.sha256(payload).hexdigest())
        place = self._place(digest)
        if not _holds(place, payload):
            beside = f"{self._half}{digest}"
            try:
                _write(beside, payload)
                self._make_folder(digest)
                _replace(beside, place)
            except BaseException:
                with suppress(FileNotFoundError):
                    os.unlink(beside)
                raise
        return digest

    def adopt(self, place: Path, digest: Digest) -> None:
        """Move a file with this digest into the store. It has to be on the same file system."""
        size = place.lstat().st_size
        if self.has(digest, size) and self.is_whole(digest):
            place.unlink()
            return
        place.chmod(_READ_ONLY)
        self._make_folder(digest)
        _replace(str(place), self._place(digest))

    def get(self, digest: Digest) -> bytes:
        """Return a payload. Raises `FileNotFoundError` if there is no such object."""
        payload = read(self._place(digest), _LONGEST)
        if payload is None:
            raise OSError(errno.EOVERFLOW, os.strerror(errno.EOVERFLOW), self._place(digest))
        return payload

    def open(self, digest: Digest) -> BufferedReader:
        """Open an object to read it. Raises `FileNotFoundError` if there is no such object."""
        return open(self._place(digest), "rb", opener=opener)

    def path(self, digest: Digest) -> Path:
        """Return the place of an object, whether or not it is there."""
        return self._root / digest[:2] / digest[2:]

    def file(self, digest: Digest) -> Path | None:
        """Return the file of an object, if it is in this folder: an untrusted manifest may name any file of the machine."""
        place = self.path(digest)
        with suppress(OSError):
            is_ours = _DIGEST.fullmatch(digest) and is_inside(place, self._root)
            if is_ours and stat.S_ISREG(place.lstat().st_mode):
                return place
        return None

    def has(self, digest: Digest, size: int | None = None) -> bool:
        """Return whether there is such an object, and of this size. A symbolic link is no object."""
        try:
            found = os.lstat(self._place(digest))
        except (FileNotFoundError, NotADirectoryError):
            return False
        return stat.S_ISREG(found.st_mode) and (size is None or found.st_size == size)

    def _place(self, digest: Digest) -> str:
        """Return `path` as text: this runs for each file of a crawl."""
        return f"{self._text}/{digest[:2]}/{digest[2:]}"

    def _make_folder(self, digest: Digest) -> None:
        """Make the folder of an object, unless it is known to exist and to be no symbolic link."""
        if digest[:2] not in self._folders:
            make(self._root, self._root / digest[:2])
            self._folders.add(digest[:2])

    def is_whole(self, digest: Digest, size: int | None = None) -> bool:
        """Return whether there is such an object and its content has this digest; `size`: its size, if that is known."""
        try:
            with self.open(digest) as file:
                length = os.fstat(file.fileno()).st_size
                if length > _LONGEST if size is None else length != size:
                    return False  # without a look at its content, which might be a hole of a terabyte
                return hashlib.file_digest(file, "sha256").hexdigest() == digest
        except OSError as error:
            if error.errno in _NO_OBJECT:
                return False
            raise

    def all(self) -> Iterator[Digest]:
        """Iterate over the digests of all objects, damaged ones included."""
        for folder in sorted(self._root.glob("[0-9a-f][0-9a-f]")):
            if (
                folder.is_dir() and not folder.is_symlink()
            ):  # behind a link there may be files of others, which must not be collected
                names = [folder.name + place.name for place in sorted(folder.iterdir())]
                yield from (digest for name in names if (digest := as_digest(name)))

    def remove(self, digest: Digest) -> None:
        """Delete an object, or what is in its place. Files of the tree that are links to it stay."""
        if self.path(digest).parent.is_dir():
            discard(self.path(digest))

    def sync(self, digests: Sequence[Digest]) -> None:
        """Wait until these objects survive a power cut."""
        fsync.sync(self._root, [self._place(digest) for digest in digests])


def _holds(place: str, payload: bytes) -> bool:
    """Return whether there is an object with this content. One that can't be read has none."""
    try:
        return read(place, len(payload)) == payload
    except OSError:
        return False


def _replace(beside: str, place: str) -> None:
    """Rename a file to the place of an object, whatever is there."""
    try:
        os.replace(beside, place)
    except (IsADirectoryError, PermissionError):  # the system calls a folder by either name
        discard(Path(place))
        os.replace(beside, place)


def _write(place: str, payload: bytes) -> None:
    """Write a new file that is write-protected."""
    opened = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | NO_LINK | getattr(os, "O_BINARY", 0), _READ_ONLY)
    try:
        rest = memoryview(payload)
        while rest:
            rest = rest[os.write(opened, rest) :]
    finally:
        os.close(opened)
