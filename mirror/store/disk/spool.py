"""The spool: large payloads are written to the disk while they arrive, so that memory does not grow with the size of a file.

The spool owns one folder. A payload is written and hashed there, block by block. Once it is complete and has the length that
the server announced, its file becomes an object by a rename. A payload that is complete before a batch is full needs no file
here. If a transfer is cut off, its part stays, with a note of what the server said. A later transfer resumes it, if the server
can tell that the payload is still the same (RFC 9110, 13.1.5), from the first byte on that is not known to be as it was
received:

    KEY         the first bytes of the payload; KEY is derived from the URL
    KEY.json    the note: URL, validator and total length
    KEY.sums    the checksums of its blocks (`block_sums.py`); `prepare` deletes what does not belong to all three

One thread writes and another one hashes. `feed` waits for them when they are more than a few MiB behind. Written bytes are sent
to the disk while others still arrive, so that syncing the object at the end takes little time. Linux forgets them once they are
on the disk: else it would have to find memory for the whole payload, which takes longer than writing it.
"""

import hashlib
import json
import os
import sys
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import BinaryIO, Final, cast

from mirror.core.http.digest_fields import is_digest
from mirror.core.http.messages import HEAD, Spooled
from mirror.core.url.canonical import CanonicalURL
from mirror.store.disk import block_sums
from mirror.store.disk.errors import storing
from mirror.store.disk.object_store import LocalObjectStore
from mirror.store.disk.objects import Digest
from mirror.store.disk.symlink_guard import discard, is_plain, make, opener

BATCH: Final = 1 << 20
"""Bytes that are handed to the threads at a time."""

_BEHIND: Final = 8  # batches that may wait for each thread
_AT_ONCE: Final = 256 << 10
"""Bytes of a write. For longer ones Linux uses memory that is in no processor cache; each one waits for Python's lock."""

_SENT_EVERY: Final = 64 << 20  # bytes that are written before they are sent to the disk
_NOTE: Final = ".json"
_SUMS: Final = ".sums"
_LONGEST_NOTE: Final = 1 << 20  # characters; a URL has 64 KiB at most


@dataclass(frozen=True, slots=True)
class Promise:
    """What a server announced of a payload.

    `validator` is a strong validator that If-Range may send: an ETag or a Last-Modified. `total` is the length in bytes.
    `digest` has the form of `digest_fields.stated_digest`; "": the server stated none.
    """

    url: CanonicalURL
    validator: str
    total: int
    digest: str = ""


@dataclass(frozen=True, slots=True)
class PartialDownload:
    """The part of a payload that an earlier transfer left: its first `size` bytes, which are as they were received."""

    promise: Promise
    size: int


class Spools:
    """The folder of payloads that are on their way into the object store."""

    def __init__(self, root: Path, objects: LocalObjectStore) -> None:
        self._root = root
        self._objects = objects
        self._threads = Threads()
        _keep_freed_memory()

    def prepare(self) -> None:
        """Make the folder, and delete what no transfer can resume."""
        make(self._root.parent, self._root)
        kept = {place for url in self.urls() for place in _files(self._place(url))}
        for place in self._root.iterdir():
            if place not in kept or not is_plain(place):  # a hard link may lead to a file elsewhere
                discard(place)

    def close(self) -> None:
        self._threads.close()

    def urls(self) -> list[CanonicalURL]:
        """Return the URLs of which there are parts."""
        found = [promise.url for note in sorted(self._root.glob(f"*{_NOTE}")) if (promise := _promise(note))]
        return [url for url in found if all(map(_is_file, _files(self._place(url))))]

    def may_have(self, url: CanonicalURL) -> bool:
        """Return whether `part` may find something. Called for each URL, while most runs have no parts at all."""
        return bool(self._noted) and _note(self._place(url)).name in self._noted

    def part(self, url: CanonicalURL) -> PartialDownload | None:
        """Return the part that an earlier transfer left; `None` if there is none. Reads it. Raises `StorageError`."""
        place = self._place(url)
        with storing(self._root):
            promise = _promise(_note(place)) if all(map(_is_file, _files(place))) else None
            if promise is None or promise.url != url:
                return None
            size = block_sums.whole_size(place, _sums(place)) if place.stat().st_size <= promise.total else 0
            if size:
                return PartialDownload(promise, size)
            self.forget(url)  # nothing of it is known to be right, or it is longer than announced
        return None

    def begin(self, url: CanonicalURL, promise: Promise | None) -> "Spool":
        """Begin a payload at its first byte. Without a promise, its part is deleted if the transfer is cut off."""
        place = self._place(url)
        with storing(self._root):
            if self.may_have(url):
                self.forget(url)
        if promise:
            self._noted.add(_note(place).name)
        return Spool(place, self._objects, self._threads, promise)

    def go_on(self, part: PartialDownload, start: int) -> "Spool":
        """Resume a part at byte `start`."""
        with storing(self._root):
            return Spool(self._place(part.promise.url), self._objects, self._threads, part.promise, start)

    def forget(self, url: CanonicalURL) -> None:
        """Delete the part of a payload."""
        place = self._place(url)
        _remove(place)
        self._noted.discard(_note(place).name)

    @cached_property
    def _noted(self) -> set[str]:
        """The names of the notes; some may be gone. Only this process writes notes: it holds the lock of the archive."""
        return {note.name for note in self._root.glob(f"*{_NOTE}")}

    def _place(self, url: CanonicalURL) -> Path:
        return self._root / hashlib.sha256(url.encode()).hexdigest()[:40]


class Threads:
    """The two threads that write and hash payloads beside the crawl."""

    def __init__(self) -> None:
        self.writer = ThreadPoolExecutor(1, "spool-writer")
        self.hasher = ThreadPoolExecutor(1, "spool-hasher")

    def close(self) -> None:
        self.writer.shutdown()
        self.hasher.shutdown()


class Spool:
    """One payload that is being transferred. All methods raise `StorageError` if the disk can't be written."""

    def __init__(
        self,
        place: Path,
        objects: LocalObjectStore,
        threads: Threads,
        promise: Promise | None,
        start: int = 0,
    ) -> None:
        self.size = start
        """Bytes received so far, in this transfer and the ones that it resumes."""
        self._place = place
        self._objects = objects
        self._threads = threads
        self._promise = promise
        self._part = _Part(place, promise, start) if start else None
        self._digest = hashlib.sha256()
        self._stated = promise.digest if promise and start else ""  # only what is joined has to have it
        self._second = _hash_of(self._stated) if self._stated else None
        self._head = b""
        self._held: list[bytes] = []
        self._held_size = 0
        self._tasks: deque[Future[None]] = deque()
        if start:
            self._tasks.append(threads.hasher.submit(self._hash_again, start))

    def feed(self, block: bytes) -> None:
        """Append bytes. Waits for the threads if they are far behind."""
        self.size += len(block)
        self._held.append(block)
        self._held_size += len(block)
        if self._held_size >= BATCH:
            self._hand_over()
            while len(self._tasks) > 2 * _BEHIND:
                self._wait()

    def finish(self) -> Spooled:
        """Turn the complete payload into an object.

        Raises `LengthError` if it is not as long as announced, `DigestError` if it was resumed and is not as stated.
        """
        total = self._promise.total if self._promise else None
        is_whole = total in {None, self.size}
        if self._part is None and is_whole:
            return self._put()
        self._end()
        if not is_whole:
            raise LengthError(self.size, total)
        if self._second and self._stated != f"{self._second.name}:{self._second.hexdigest()}":
            raise DigestError
        digest = Digest(self._digest.hexdigest())
        with storing(self._place.parent):
            self._objects.adopt(self._place, digest)
            _remove(self._place)
        return Spooled(digest, self.size, self._head)

    def _put(self) -> Spooled:
        """Store a payload that is still in memory."""
        payload = b"".join(self._held)
        with storing(self._place.parent):
            return Spooled(self._objects.put(payload), self.size, payload[:HEAD])

    def leave(self) -> None:
        """End a transfer that was cut off. Its part stays if a later transfer can resume it."""
        self._end()
        if not _note(self._place).exists():
            _remove(self._place)

    def discard(self) -> None:
        """End a transfer and delete what was received."""
        self._held.clear()
        _note(self._place).unlink(missing_ok=True)
        self.leave()

    def _end(self) -> None:
        self._hand_over()
        wait(self._tasks)
        if self._part:
            with storing(self._place.parent):
                self._part.close()
        while self._tasks:
            self._wait()

    def _wait(self) -> None:
        with storing(self._place.parent):
            self._tasks.popleft().result()

    def _hand_over(self) -> None:
        if self._held:
            batch = self._held[0] if len(self._held) == 1 else b"".join(self._held)
            self._held, self._held_size = [], 0
            if self._part is None:
                with storing(self._place.parent):
                    self._part = _Part(self._place, self._promise)
            self._tasks.append(self._threads.writer.submit(self._part.write, batch))
            self._tasks.append(self._threads.hasher.submit(self._hash, batch))

    def _hash(self, block: bytes) -> None:
        self._digest.update(block)
        if self._second:
            self._second.update(block)
        if len(self._head) < HEAD:
            self._head = (self._head + block[:HEAD])[:HEAD]

    def _hash_again(self, size: int) -> None:
        """Hash the first `size` bytes of the file."""
        with open(self._place, "rb", buffering=0, opener=opener) as file:
            while size and (block := file.read(min(size, BATCH))):
                self._hash(block)
                size -= len(block)
        if size:
            raise OSError(f"{self._place} is shorter than it was")


class _Part:
    """The part of a payload on the disk, with the files beside it."""

    def __init__(self, place: Path, promise: Promise | None, start: int = 0) -> None:
        """Make the files; with `start`, go on with those that are there, behind so many bytes."""
        mode = "r+b" if start else "w+b"
        self._place = place
        self._file = _open(place, mode)
        self._sums = _open(_sums(place), mode) if promise else None
        self._written = self._sent = self._forgotten = start
        self._is_broken = False
        if start:
            self._cut(start)
        elif promise:
            _write_whole(_note(place), json.dumps(asdict(promise)))

    def _cut(self, start: int) -> None:
        """Cut off what is behind `start`."""
        if os.fstat(self._file.fileno()).st_size < start:
            self.close()
            raise OSError(f"{self._place} is shorter than it was")
        lines = block_sums.cut(self._place, _sums(self._place), start)
        self._file.seek(start)
        self._file.truncate()
        if self._sums:
            self._sums.truncate(0)
            self._sums.write(lines)

    def write(self, batch: bytes) -> None:
        """Append a batch. After one failed, write nothing more: the file would have a hole."""
        if self._is_broken:
            return
        self._is_broken = True
        if self._sums:
            self._sums.write(block_sums.lines(self._written, memoryview(batch)))
        rest = memoryview(batch)
        while rest:
            rest = rest[self._file.write(rest[:_AT_ONCE]) :]
        self._is_broken = False
        self._written += len(batch)
        if self._written - self._sent >= _SENT_EVERY:
            _send(self._file.fileno(), self._forgotten, self._written)
            self._forgotten, self._sent = self._sent, self._written

    def close(self) -> None:
        self._file.close()
        if self._sums:
            self._sums.close()


class LengthError(Exception):
    """A payload is not as long as its server announced."""

    def __init__(self, size: int, total: int | None) -> None:
        super().__init__(f"{size} bytes came of {total}")


class DigestError(Exception):
    """A payload that was joined from two transfers does not have the digest that its server stated."""


def _promise(note: Path) -> Promise | None:
    """Read a note; `None` if it is not valid. Somebody else may have written it."""
    try:
        with open(note, encoding="utf-8", opener=opener) as file:
            promise = Promise(**json.loads(file.read(_LONGEST_NOTE)))
    except (OSError, ValueError, TypeError, RecursionError):
        return None
    is_text = isinstance(promise.url, str) and isinstance(promise.validator, str) and promise.validator.isprintable()
    is_text &= isinstance(promise.digest, str) and (not promise.digest or is_digest(promise.digest))
    return promise if is_text and type(promise.total) is int and promise.total > 0 else None


def _hash_of(stated: str) -> "hashlib._Hash":
    return hashlib.new(stated.partition(":")[0], usedforsecurity=False)


def _note(place: Path) -> Path:
    return place.with_name(place.name + _NOTE)


def _sums(place: Path) -> Path:
    return place.with_name(place.name + _SUMS)


def _files(place: Path) -> tuple[Path, Path, Path]:
    return _note(place), place, _sums(place)


def _is_file(place: Path) -> bool:
    return place.is_file() and not place.is_symlink()


def _remove(place: Path) -> None:
    for one in _files(place):
        one.unlink(missing_ok=True)


def _open(place: Path, mode: str) -> BinaryIO:
    return cast("BinaryIO", open(place, mode, buffering=0, opener=opener))


def _write_whole(place: Path, text: str) -> None:
    beside = place.with_name(place.name + ".new")
    with open(beside, "w", encoding="utf-8", opener=opener) as file:
        file.write(text)
    beside.replace(place)


def _send(file: int, start: int, end: int) -> None:
    """Make the system begin to write a range of a file to the disk, without waiting, and forget what is on the disk already.

    The advice that nobody needs the range does both on Linux (posix_fadvise(2)).
    """
    if sys.platform == "linux":
        with suppress(OSError):
            os.posix_fadvise(file, start, end - start, os.POSIX_FADV_DONTNEED)


def _keep_freed_memory() -> None:
    """Make the C library keep some MiB of freed memory. By default it returns each batch to the system and maps the next anew.

    glibc derives that threshold from the largest block that was freed (mallopt(3), M_MMAP_THRESHOLD). No page is touched.
    """
    bytes(2 * _BEHIND * BATCH)
