"""The object store: whole objects, written once, that nobody changes by accident."""

import hashlib
import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirror.store.disk.objects import Digest, Objects


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    return prepared(tmp_path)


def prepared(root: Path) -> Objects:
    found = Objects(root)
    found.prepare()
    return found


def stored(root: Path) -> list[str]:
    """All files below the store, and those that are just being written."""
    return [place.relative_to(root).as_posix() for place in root.rglob("*") if place.is_file()]


def test_an_object_stands_under_its_digest(objects: Objects, tmp_path: Path) -> None:
    digest = objects.put(b"payload")
    assert digest == hashlib.sha256(b"payload").hexdigest()
    assert stored(tmp_path) == [f"{digest[:2]}/{digest[2:]}"]
    assert objects.get(digest) == b"payload"


@given(payload=st.binary(max_size=5000))
def test_what_is_put_can_be_got(tmp_path_factory: pytest.TempPathFactory, payload: bytes) -> None:
    objects = prepared(tmp_path_factory.getbasetemp() / "objects")
    assert objects.get(objects.put(payload)) == payload


def test_the_same_payload_is_one_file_that_nobody_may_write(objects: Objects) -> None:
    first = objects.path(objects.put(b"payload")).stat()
    again = objects.path(objects.put(b"payload")).stat()
    assert (first.st_ino, first.st_mtime_ns) == (again.st_ino, again.st_mtime_ns)
    assert stat.S_IMODE(first.st_mode) == 0o444


def test_nothing_stands_under_a_name_before_the_object_is_whole(
    objects: Objects, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[str]] = []

    def replace(half: str, target: str) -> None:
        seen.append(stored(tmp_path))
        assert Path(half).read_bytes() == b"payload"
        assert stat.S_IMODE(Path(half).stat().st_mode) == 0o444
        Path(half).rename(target)

    monkeypatch.setattr(os, "replace", replace)
    digest = objects.put(b"payload")
    assert seen == [[f"new/{os.getpid()}-{digest}"]]
    assert stored(tmp_path) == [f"{digest[:2]}/{digest[2:]}"]


def test_a_disk_that_gets_full_leaves_nothing_behind(
    objects: Objects, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = [3]
    write = os.write

    def half(file: int, data: bytes) -> int:
        if not written:
            raise OSError(28, "No space left on device")
        return write(file, data[: written.pop()])

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", half)
        with pytest.raises(OSError, match="No space left"):
            objects.put(b"payload")
    assert stored(tmp_path) == []
    assert objects.get(objects.put(b"payload")) == b"payload"


def test_what_a_killed_process_was_writing_is_cleared_away(tmp_path: Path) -> None:
    prepared(tmp_path)
    (tmp_path / "new" / "half").write_bytes(b"pay")
    prepared(tmp_path)
    assert stored(tmp_path) == []


def test_an_object_that_is_missing_is_an_error(objects: Objects) -> None:
    with pytest.raises(FileNotFoundError):
        objects.get(Digest("0" * 64))
