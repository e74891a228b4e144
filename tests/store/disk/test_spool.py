"""Spools: blocks become an object with the right digest, or stay as a part that a later transfer resumes."""

import errno
import hashlib
import json
import os
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO, Final

import pytest

from mirror.core.url.canonical import CanonicalURL
from mirror.store.disk import spool as spool_module
from mirror.store.disk.block_sums import BLOCK
from mirror.store.disk.errors import StorageError
from mirror.store.disk.objects import Digest, Objects
from mirror.store.disk.spool import BATCH, DigestError, LengthError, Promise, Spool, Spools

URL = CanonicalURL("http://example.org/large.iso")
PAYLOAD = random.Random(1).randbytes(5 * BATCH + 12_345)
PROMISE = Promise(URL, '"1"', len(PAYLOAD))


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    found = Objects(tmp_path / "objects")
    found.prepare()
    return found


@pytest.fixture
def spools(tmp_path: Path, objects: Objects) -> Iterator[Spools]:
    found = Spools(tmp_path / "partial", objects)
    found.prepare()
    yield found
    found.close()


def feed(spool: Spool, payload: bytes, size: int = 16 << 10) -> None:
    for start in range(0, len(payload), size):
        spool.feed(payload[start : start + size])


@pytest.mark.parametrize("size", [1000, 16 << 10, BATCH, 3 * BATCH + 7])
def test_a_payload_becomes_an_object_whatever_blocks_it_comes_in(spools: Spools, objects: Objects, size: int) -> None:
    spool = spools.begin(URL, PROMISE)
    feed(spool, PAYLOAD, size)
    spooled = spool.finish()
    assert spooled.digest == hashlib.sha256(PAYLOAD).hexdigest()
    assert (spooled.size, spooled.head) == (len(PAYLOAD), PAYLOAD[: len(spooled.head)])
    assert objects.get(Digest(spooled.digest)) == PAYLOAD
    assert spools.part(URL) is None


def test_a_payload_is_written_and_sent_to_the_disk_with_few_calls(
    spools: Spools, objects: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each write waits for Python's lock. What was sent is sent again with what follows: then it leaves the memory."""
    sent: list[tuple[int, int]] = []
    monkeypatch.setattr(spool_module, "_SENT_EVERY", BATCH)
    monkeypatch.setattr(spool_module, "_send", lambda _, start, end: sent.append((start, end)))
    written = watched(monkeypatch)
    spool = spools.begin(URL, PROMISE)
    feed(spool, PAYLOAD)
    assert objects.get(Digest(spool.finish().digest)) == PAYLOAD
    assert written[0].writes == 5 * 4 + 1
    starts = [0, 0, 1, 2, 3]
    assert sent == [(start * BATCH, (n + 1) * BATCH) for n, start in enumerate(starts)]


@pytest.mark.parametrize("size", [0, 1, BATCH - 1])
@pytest.mark.parametrize("is_promised", [False, True])
def test_a_payload_that_fits_into_a_batch_needs_no_file_beside_its_object(
    spools: Spools, objects: Objects, monkeypatch: pytest.MonkeyPatch, size: int, *, is_promised: bool
) -> None:
    """Making and deleting three files takes longer than writing the object."""
    opened = watched(monkeypatch)
    spool = spools.begin(URL, replace(PROMISE, total=size) if is_promised else None)
    feed(spool, PAYLOAD[:size])
    spooled = spool.finish()
    assert opened == []
    assert (spooled.size, spooled.head) == (size, PAYLOAD[: min(size, len(spooled.head))])
    assert objects.get(Digest(spooled.digest)) == PAYLOAD[:size]


@pytest.mark.parametrize("there", [1, BATCH - 1, 2 * BATCH, len(PAYLOAD) - 101])
@pytest.mark.parametrize("behind", [0, 100])
def test_a_resumed_transfer_hashes_the_part(spools: Spools, objects: Objects, there: int, behind: int) -> None:
    """Bytes behind the place where the transfer resumes do not belong to the payload."""
    spool = spools.begin(URL, PROMISE)
    feed(spool, PAYLOAD[:there] + b"?" * behind)
    spool.leave()
    part = spools.part(URL)
    assert part
    assert part.size == min(there + behind, len(PAYLOAD))
    spool = spools.go_on(part, there)
    feed(spool, PAYLOAD[there:])
    assert objects.get(Digest(spool.finish().digest)) == PAYLOAD


def file_of(root: Path, suffix: str = "") -> Path:
    """The only part, or the file with that suffix beside it."""
    (place,) = (place for place in (root / "partial").iterdir() if place.suffix == suffix)
    return place


def zeros_from(start: int, suffix: str = "") -> Callable[[Path], None]:
    def harm(root: Path) -> None:
        place = file_of(root, suffix)
        content = place.read_bytes()
        place.write_bytes(content[:start] + bytes(len(content[start:])))

    return harm


def cut_at(size: int, suffix: str = "") -> Callable[[Path], None]:
    return lambda root: os.truncate(file_of(root, suffix), size)


def flipped(root: Path) -> None:
    place = file_of(root)
    content = bytearray(place.read_bytes())
    content[BLOCK + 5] ^= 1
    place.write_bytes(content)


def grown(root: Path) -> None:
    with file_of(root).open("ab") as file:
        file.write(bytes(1000))


def of_another_download(root: Path) -> None:
    """The part was begun anew, and the power cut undid that for the files beside it."""
    file_of(root).write_bytes(random.Random(2).randbytes(3 * BATCH))


LINE: Final = len(b"131072 00000000\n")
THERE: Final = 3 * BATCH
POWER_CUTS: Final[dict[str, tuple[Callable[[Path], None], int]]] = {
    "nothing": (lambda _: None, THERE),
    "zeros at the end": (zeros_from(THERE - 100), THERE - BLOCK),
    "zeros from the middle on": (zeros_from(BATCH), BATCH),
    "all zeros": (zeros_from(0), 0),
    "one bit": (flipped, BLOCK),
    "shorter": (cut_at(THERE - 1), THERE - BLOCK),
    "empty": (cut_at(0), 0),
    "longer than known": (grown, THERE),
    "the part of another download": (of_another_download, 0),
    "checksums shorter": (cut_at(2 * LINE, ".sums"), 2 * BLOCK),
    "checksums cut in a line": (cut_at(2 * LINE + 9, ".sums"), 2 * BLOCK),
    "checksums end in zeros": (zeros_from(LINE, ".sums"), BLOCK),
    "no checksums": (lambda root: file_of(root, ".sums").unlink(), 0),
    "note of zeros": (zeros_from(0, ".json"), 0),
    "empty note": (cut_at(0, ".json"), 0),
}


@pytest.mark.parametrize("name", POWER_CUTS)
def test_only_what_is_as_it_was_received_is_resumed_after_a_power_cut(
    tmp_path: Path, objects: Objects, name: str
) -> None:
    harm, known = POWER_CUTS[name]
    before = Spools(tmp_path / "partial", objects)
    before.prepare()
    spool = before.begin(URL, PROMISE)
    feed(spool, PAYLOAD[:THERE], BATCH)
    spool.leave()
    before.close()
    harm(tmp_path)
    spools = Spools(tmp_path / "partial", objects)
    spools.prepare()
    part = spools.part(URL)
    assert (part.size if part else 0) == known
    spool = spools.go_on(part, known) if part else spools.begin(URL, PROMISE)
    feed(spool, PAYLOAD[known:])
    assert objects.get(Digest(spool.finish().digest)) == PAYLOAD
    assert list((tmp_path / "partial").iterdir()) == []
    spools.close()


@pytest.mark.parametrize("start", [THERE, THERE - 1, THERE - BLOCK, 1])
def test_a_part_that_was_resumed_can_be_resumed_again(spools: Spools, objects: Objects, start: int) -> None:
    spool = spools.begin(URL, PROMISE)
    feed(spool, PAYLOAD[:THERE], BATCH)
    spool.leave()
    part = spools.part(URL)
    assert part
    spool = spools.go_on(part, start)
    feed(spool, PAYLOAD[start : THERE + 7])
    spool.leave()
    part = spools.part(URL)
    assert part
    assert part.size == THERE + 7
    spool = spools.go_on(part, part.size)
    feed(spool, PAYLOAD[part.size :])
    assert objects.get(Digest(spool.finish().digest)) == PAYLOAD


@pytest.mark.parametrize("name", ["md5", "sha256", "sha512"])
@pytest.mark.parametrize("is_same", [True, False])
def test_what_is_joined_has_to_have_the_digest_that_was_stated(
    spools: Spools, objects: Objects, name: str, is_same: bool
) -> None:
    payload = PAYLOAD if is_same else PAYLOAD[:-1] + b"?"
    stated = hashlib.new(name, PAYLOAD, usedforsecurity=False).hexdigest()
    spool = spools.begin(URL, replace(PROMISE, digest=f"{name}:{stated}"))
    feed(spool, payload[:THERE])
    spool.leave()
    part = spools.part(URL)
    assert part
    spool = spools.go_on(part, part.size)
    feed(spool, payload[part.size :])
    if is_same:
        assert objects.get(Digest(spool.finish().digest)) == PAYLOAD
    else:
        with pytest.raises(DigestError):
            spool.finish()
        assert list(objects.all()) == []


def test_several_payloads_at_once_do_not_mix(spools: Spools, objects: Objects) -> None:
    payloads = [PAYLOAD[n:] for n in range(3)]
    begun = [spools.begin(CanonicalURL(f"{URL}?{n}"), None) for n in range(3)]
    for start in range(0, len(PAYLOAD), BATCH):
        for spool, payload in zip(begun, payloads, strict=True):
            spool.feed(payload[start : start + BATCH])
    assert [objects.get(Digest(spool.finish().digest)) for spool in begun] == payloads


def test_a_payload_of_another_length_becomes_no_object(spools: Spools, objects: Objects) -> None:
    spool = spools.begin(URL, PROMISE)
    feed(spool, PAYLOAD[:-1])
    with pytest.raises(LengthError):
        spool.finish()
    assert list(objects.all()) == []


def test_a_part_that_no_transfer_can_resume_is_deleted(spools: Spools, tmp_path: Path) -> None:
    spool = spools.begin(URL, None)
    feed(spool, PAYLOAD)
    spool.leave()
    assert list((tmp_path / "partial").iterdir()) == []


def test_a_part_that_became_shorter_meanwhile_is_no_part(spools: Spools, tmp_path: Path) -> None:
    spool = spools.begin(URL, PROMISE)
    feed(spool, PAYLOAD[:BATCH])
    spool.leave()
    part = spools.part(URL)
    assert part
    os.truncate(file_of(tmp_path), BATCH - 1)
    with pytest.raises(StorageError, match="shorter than it was"):
        spools.go_on(part, part.size)


class WatchedFile:
    """The file of a part, which counts its writes; one of them, if any, finds the disk full."""

    def __init__(self, file: BinaryIO, full: int) -> None:
        self._file = file
        self._full = full
        self.writes = 0

    def write(self, block: bytes) -> int:
        self.writes += 1
        if self.writes == self._full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return self._file.write(block)

    def __getattr__(self, name: str) -> object:
        return getattr(self._file, name)


def watched(monkeypatch: pytest.MonkeyPatch, full: int = 0) -> list[WatchedFile]:
    """The files of the parts that are opened from now on."""
    files: list[WatchedFile] = []
    opened = spool_module._open  # noqa: SLF001 - there is no other way to fake a full disk

    def open_watched(place: Path, mode: str) -> object:
        if place.suffix:
            return opened(place, mode)
        files.append(WatchedFile(opened(place, mode), full))
        return files[-1]

    monkeypatch.setattr(spool_module, "_open", open_watched)
    return files


def test_nothing_is_written_after_a_failed_write(
    spools: Spools, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The part is the beginning of the payload, without a hole, so that a later transfer can resume it."""
    watched(monkeypatch, 12)
    spool = spools.begin(URL, PROMISE)
    with pytest.raises(StorageError, match="the disk is full"):  # noqa: PT012 - either may raise it
        feed(spool, PAYLOAD, BATCH)
        spool.finish()
    part = spools.part(URL)
    assert part
    there = file_of(tmp_path).read_bytes()
    assert 0 < len(there) < len(PAYLOAD)
    assert PAYLOAD.startswith(there)


def test_a_part_that_is_longer_than_announced_is_not_used(spools: Spools) -> None:
    spool = spools.begin(URL, PROMISE)
    feed(spool, PAYLOAD + b"?")
    spool.leave()
    assert spools.part(URL) is None
    assert spools.urls() == []


@pytest.mark.parametrize(
    "said",
    [
        {"total": "z"},
        {"total": 0},
        {"total": True},
        {"validator": None},
        {"digest": 1},
        {"digest": "md5:z"},
        {"validator": '"x"\r\nX-Evil: 1'},
        {"url": 1},
    ],
)
def test_an_invalid_note_is_not_used(tmp_path: Path, objects: Objects, said: dict[str, Any]) -> None:
    before = Spools(tmp_path / "partial", objects)
    before.prepare()
    spool = before.begin(URL, PROMISE)
    feed(spool, PAYLOAD[:1000])
    spool.leave()
    before.close()
    (note,) = (tmp_path / "partial").glob("*.json")
    note.write_text(json.dumps(json.loads(note.read_text()) | said))
    spools = Spools(tmp_path / "partial", objects)
    assert spools.part(URL) is None
    spools.close()
