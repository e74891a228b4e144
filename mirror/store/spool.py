"""Payloads on their way to the disk, block by block, so that no size of a file is a size of memory.

Owns one folder. A payload is written there while it comes, and its digest is reckoned beside it; once it is whole and of the
length that was promised, the file itself becomes the object, by a rename. What was cut off stays, with what its server said of
it, and a later transfer goes on where it ended, if the server can say that it is still the same (RFC 9110, 13.1.5):

    KEY         what came of the payload so far; KEY is made of the URL
    KEY.json    the URL, the validators, the length of the whole; without it nobody goes on, and `prepare` clears it away

A thread writes and hashes. It is at most a few MiB behind; then whoever brings more waits for it.
"""

import hashlib
import json
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO, Final

from mirror.core.documents import HEAD, Spooled
from mirror.core.urls import CanonicalURL
from mirror.store.errors import storing
from mirror.store.objects import Digest, Objects

_BATCH: Final = 1 << 20  # bytes that are handed to the thread at a time
_BEHIND: Final = 4  # batches that may wait for it
_BLOCK: Final = 1 << 20
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
        self._thread = ThreadPoolExecutor(1, "spool")

    def prepare(self) -> None:
        """Make the folder, and clear away what nobody can go on with."""
        self._root.mkdir(parents=True, exist_ok=True)
        names = {place.name for place in self._root.iterdir()}
        for name in names:
            other = name.removesuffix(_NOTE) if name.endswith(_NOTE) else name + _NOTE
            if other not in names:
                (self._root / name).unlink()

    def close(self) -> None:
        self._thread.shutdown()

    def urls(self) -> list[CanonicalURL]:
        """Of which payloads there are parts."""
        notes = sorted(self._root.glob(f"*{_NOTE}"))
        return [promise.url for note in notes if (promise := _promise(note))]

    def part(self, url: CanonicalURL) -> Part | None:
        """What an earlier transfer left of a payload."""
        place = self._place(url)
        promise = _promise(_note(place))
        size = place.stat().st_size if promise and place.exists() else 0
        return Part(promise, min(size, promise.total)) if promise and size and promise.url == url else None

    def begin(self, url: CanonicalURL, promise: Promise | None) -> "Spool":
        """A payload comes from its beginning. Without a promise, what is cut off is lost."""
        place = self._place(url)
        with storing(self._root):
            _note(place).unlink(missing_ok=True)
            spool = Spool(place, self._objects, self._thread, total=promise.total if promise else None)
            if promise:
                _write_whole(_note(place), json.dumps(asdict(promise)))
        return spool

    def go_on(self, part: Part, start: int) -> "Spool":
        """The rest of a payload comes, from byte `start` on."""
        with storing(self._root):
            return Spool(
                self._place(part.promise.url), self._objects, self._thread, total=part.promise.total, start=start
            )

    def forget(self, url: CanonicalURL) -> None:
        """What there is of a payload is of no use."""
        place = self._place(url)
        _note(place).unlink(missing_ok=True)
        place.unlink(missing_ok=True)

    def _place(self, url: CanonicalURL) -> Path:
        return self._root / hashlib.sha256(url.encode()).hexdigest()[:40]


class Spool:
    """One payload on its way. All methods raise `StorageError` where the disk can't."""

    def __init__(
        self, place: Path, objects: Objects, thread: ThreadPoolExecutor, *, total: int | None, start: int = 0
    ) -> None:
        self.size = start
        """Bytes that came, in this transfer and those before."""
        self._place = place
        self._objects = objects
        self._thread = thread
        self._total = total
        self._file: BinaryIO = place.open("r+b" if start else "w+b", buffering=0)
        self._digest = hashlib.sha256()
        self._head = b""
        self._held: list[bytes] = []
        self._held_size = 0
        self._tasks: deque[Future[None]] = deque()
        if start:
            self._tasks.append(thread.submit(self._read_again, start))

    def feed(self, block: bytes) -> None:
        """The next bytes; waits for the disk where it is far behind."""
        self.size += len(block)
        self._held.append(block)
        self._held_size += len(block)
        if self._held_size >= _BATCH:
            self._hand_over()
            while len(self._tasks) > _BEHIND:
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
        try:
            while self._tasks:
                self._wait()
        finally:
            self._file.close()

    def _wait(self) -> None:
        with storing(self._place.parent):
            self._tasks.popleft().result()

    def _hand_over(self) -> None:
        if self._held:
            self._tasks.append(self._thread.submit(self._write, self._held))
            self._held, self._held_size = [], 0

    def _read_again(self, start: int) -> None:
        """What earlier transfers brought counts for the digest too."""
        left = start
        while left and (block := self._file.read(min(left, _BLOCK))):
            self._digested(block)
            left -= len(block)
        if left:
            raise OSError(f"{self._place} is shorter than it was")
        self._file.truncate()

    def _write(self, blocks: Sequence[bytes]) -> None:
        for block in blocks:
            self._digested(block)
            rest = memoryview(block)
            while rest:
                rest = rest[self._file.write(rest) :]

    def _digested(self, block: bytes) -> None:
        self._digest.update(block)
        if len(self._head) < HEAD:
            self._head = (self._head + block[:HEAD])[:HEAD]


class LengthError(Exception):
    """A payload is not as long as its server said."""

    def __init__(self, size: int, total: int | None) -> None:
        super().__init__(f"{size} bytes came of {total}")


def _promise(note: Path) -> Promise | None:
    try:
        return Promise(**json.loads(note.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def _note(place: Path) -> Path:
    return place.with_name(place.name + _NOTE)


def _write_whole(place: Path, text: str) -> None:
    beside = place.with_name(place.name + ".new")
    beside.write_text(text, encoding="utf-8")
    beside.replace(place)
