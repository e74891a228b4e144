"""Payloads on their way to the disk, block by block, so that no size of a file is a size of memory.

Owns one folder. A payload is written there while it comes, and its digest is reckoned beside it; once it is whole and of the
length that was promised, the file itself becomes the object, by a rename. What was cut off stays, with what its server said of
it, and a later transfer goes on where it ended, if the server can say that it is still the same (RFC 9110, 13.1.5):

    KEY         what came of the payload so far; KEY is made of the URL
    KEY.json    the URL, the validators, the length of the whole; without it nobody goes on, and `prepare` clears it away

One thread writes while another one hashes the same. They are at most a few MiB behind; then whoever brings more waits for them.
What is written is sent on to the disk itself while the rest still comes: who waits in the end until the whole object is past a
power cut, waits for little.
"""

import hashlib
import json
import os
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import BinaryIO, Final

from mirror.core.http.messages import HEAD, Spooled
from mirror.core.url.canonical import CanonicalURL
from mirror.store.disk.errors import storing
from mirror.store.disk.objects import Digest, Objects
from mirror.store.disk.symlink_guard import make, opener

BATCH: Final = 1 << 20
"""Bytes that are handed to the threads at a time."""

_BEHIND: Final = 8  # batches that may wait for them
_AT_ONCE: Final = 128 << 10  # bytes of a write: for longer ones Linux takes memory that is in no processor's cache
_SENT_EVERY: Final = 64 << 20  # bytes that are written before they are sent to the disk itself
_NOTE: Final = ".json"


@dataclass(frozen=True, slots=True)
class Promise:
    """What a server said of a payload before it came.

    `validator` is what If-Range may say: an ETag or a Last-Modified, a strong one. `total` is the length in bytes.
    """

    url: CanonicalURL
    validator: str
    total: int


@dataclass(frozen=True, slots=True)
class Part:
    """What is there of a payload: its first `size` bytes."""

    promise: Promise
    size: int


class Spools:
    """The folder of what is on its way into the object store."""

    def __init__(self, root: Path, objects: Objects) -> None:
        self._root = root
        self._objects = objects
        self._threads = Threads()
        _keep_freed_memory()

    def prepare(self) -> None:
        """Make the folder, and clear away what nobody can go on with."""
        make(self._root.parent, self._root)
        for place in self._root.iterdir():
            if place.is_symlink():
                place.unlink()
        names = {place.name for place in self._root.iterdir()}
        for name in names:
            other = name.removesuffix(_NOTE) if name.endswith(_NOTE) else name + _NOTE
            if other not in names:
                (self._root / name).unlink()

    def close(self) -> None:
        self._threads.close()

    def urls(self) -> list[CanonicalURL]:
        """Of which payloads there are parts."""
        notes = sorted(self._root.glob(f"*{_NOTE}"))
        return [promise.url for note in notes if (promise := _promise(note))]

    def part(self, url: CanonicalURL) -> Part | None:
        """What an earlier transfer left of a payload. It is asked for each URL, and most runs have no part of anything."""
        place = self._place(url) if self._noted else None
        if place is None or _note(place).name not in self._noted:
            return None
        promise = _promise(_note(place))
        size = place.stat().st_size if promise and place.exists() else 0
        if promise is None or not size or promise.url != url:
            return None
        if size > promise.total:  # more came than was promised: nobody knows what of it is true
            self.forget(url)
            return None
        return Part(promise, size)

    def begin(self, url: CanonicalURL, promise: Promise | None) -> "Spool":
        """A payload comes from its beginning. Without a promise, what is cut off is lost."""
        place = self._place(url)
        with storing(self._root):
            _note(place).unlink(missing_ok=True)
            spool = Spool(place, self._objects, self._threads, total=promise.total if promise else None)
            if promise:
                _write_whole(_note(place), json.dumps(asdict(promise)))
                self._noted.add(_note(place).name)
        return spool

    def go_on(self, part: Part, start: int) -> "Spool":
        """The rest of a payload comes, from byte `start` on."""
        with storing(self._root):
            return Spool(
                self._place(part.promise.url), self._objects, self._threads, total=part.promise.total, start=start
            )

    def forget(self, url: CanonicalURL) -> None:
        """What there is of a payload is of no use."""
        place = self._place(url)
        _note(place).unlink(missing_ok=True)
        place.unlink(missing_ok=True)
        self._noted.discard(_note(place).name)

    @cached_property
    def _noted(self) -> set[str]:
        """The names of notes, some of which may be gone. Nobody else writes any while a run has the archive."""
        return {note.name for note in self._root.glob(f"*{_NOTE}")}

    def _place(self, url: CanonicalURL) -> Path:
        return self._root / hashlib.sha256(url.encode()).hexdigest()[:40]


class Threads:
    """Who works on payloads beside the crawl; each does one thing after the other."""

    def __init__(self) -> None:
        self.writer = ThreadPoolExecutor(1, "spool-writer")
        self.hasher = ThreadPoolExecutor(1, "spool-hasher")

    def close(self) -> None:
        self.writer.shutdown()
        self.hasher.shutdown()


class Spool:
    """One payload on its way. All methods raise `StorageError` where the disk can't."""

    def __init__(self, place: Path, objects: Objects, threads: Threads, *, total: int | None, start: int = 0) -> None:
        self.size = start
        """Bytes that came, in this transfer and those before."""
        self._place = place
        self._objects = objects
        self._threads = threads
        self._total = total
        self._file: BinaryIO = open(place, "r+b" if start else "w+b", buffering=0, opener=opener)  # noqa: SIM115 - open until the end
        self._written = self._sent = start
        self._is_broken = False
        self._digest = hashlib.sha256()
        self._head = b""
        self._held: list[bytes] = []
        self._held_size = 0
        self._tasks: deque[Future[None]] = deque()
        if start:
            self._go_on(start)

    def feed(self, block: bytes) -> None:
        """The next bytes; waits for the disk where it is far behind."""
        self.size += len(block)
        self._held.append(block)
        self._held_size += len(block)
        if self._held_size >= BATCH:
            self._hand_over()
            while len(self._tasks) > 2 * _BEHIND:
                self._wait()

    def finish(self) -> Spooled:
        """The payload is whole: it becomes an object. Raises `LengthError` where it is not as long as was promised."""
        self._end()
        if self._total not in {None, self.size}:
            raise LengthError(self.size, self._total)
        digest = Digest(self._digest.hexdigest())
        with storing(self._place.parent):
            self._objects.adopt(self._place, digest)
            _note(self._place).unlink(missing_ok=True)
        return Spooled(digest, self.size, self._head)

    def leave(self) -> None:
        """The transfer was cut off; what came stays for a later one, if that can go on."""
        self._end()
        if not _note(self._place).exists():
            self._place.unlink(missing_ok=True)

    def discard(self) -> None:
        """What came is of no use."""
        _note(self._place).unlink(missing_ok=True)
        self.leave()

    def _end(self) -> None:
        self._hand_over()
        wait(self._tasks)
        with storing(self._place.parent):
            self._file.close()
        while self._tasks:
            self._wait()

    def _wait(self) -> None:
        with storing(self._place.parent):
            self._tasks.popleft().result()

    def _hand_over(self) -> None:
        if self._held:
            batch = self._held[0] if len(self._held) == 1 else b"".join(self._held)
            self._held, self._held_size = [], 0
            self._tasks.append(self._threads.writer.submit(self._write, batch))
            self._tasks.append(self._threads.hasher.submit(self._hash, batch))

    def _go_on(self, start: int) -> None:
        """What earlier transfers brought counts for the digest too; what is behind it does not."""
        if os.fstat(self._file.fileno()).st_size < start:
            self._file.close()
            raise OSError(f"{self._place} is shorter than it was")
        self._file.seek(start)
        self._file.truncate()
        self._tasks.append(self._threads.hasher.submit(self._hash_again, start))

    def _write(self, batch: bytes) -> None:
        """Append a batch. Behind one that could not be written nothing may follow: there would be a hole."""
        if self._is_broken:
            return
        self._is_broken = True
        rest = memoryview(batch)
        while rest:
            rest = rest[self._file.write(rest[:_AT_ONCE]) :]
        self._is_broken = False
        self._written += len(batch)
        if self._written - self._sent >= _SENT_EVERY:
            _send(self._file.fileno(), self._sent, self._written)
            self._sent = self._written

    def _hash(self, block: bytes) -> None:
        self._digest.update(block)
        if len(self._head) < HEAD:
            self._head = (self._head + block[:HEAD])[:HEAD]

    def _hash_again(self, size: int) -> None:
        """Hash the first `size` bytes of the file."""
        with self._place.open("rb", buffering=0) as file:
            while size and (block := file.read(min(size, BATCH))):
                self._hash(block)
                size -= len(block)
        if size:
            raise OSError(f"{self._place} is shorter than it was")


class LengthError(Exception):
    """A payload is not as long as its server said."""

    def __init__(self, size: int, total: int | None) -> None:
        super().__init__(f"{size} bytes came of {total}")


def _promise(note: Path) -> Promise | None:
    """What a note says; `None`: nothing that can be believed, for others may have written it."""
    try:
        promise = Promise(**json.loads(note.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, RecursionError):
        return None
    is_text = isinstance(promise.url, str) and isinstance(promise.validator, str) and promise.validator.isprintable()
    return promise if is_text and type(promise.total) is int and promise.total > 0 else None


def _note(place: Path) -> Path:
    return place.with_name(place.name + _NOTE)


def _write_whole(place: Path, text: str) -> None:
    beside = place.with_name(place.name + ".new")
    with open(beside, "w", encoding="utf-8", opener=opener) as file:
        file.write(text)
    beside.replace(place)


def _send(file: int, start: int, end: int) -> None:
    """Have the disk begin with this range of a file; waits for nothing. Linux does so where it is told to forget the range."""
    if hasattr(os, "posix_fadvise"):
        with suppress(OSError):
            os.posix_fadvise(file, start, end - start, os.POSIX_FADV_DONTNEED)


def _keep_freed_memory() -> None:
    """Have the C library keep some MiB of what is freed; as it comes it gives batches back, and takes new pages for the next.

    glibc takes the largest block that was freed for the measure of that (mallopt(3), M_MMAP_THRESHOLD). No page is touched.
    """
    bytes(2 * _BEHIND * BATCH)
