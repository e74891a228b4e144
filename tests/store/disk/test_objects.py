"""Object stores: the laws of `object_store.ObjectStore` for every store in `STORES`, then what `Objects` does with files.

A new store adds a function that opens it in a folder. The tests in the first part use the interface only.
"""

import hashlib
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirror.store.disk.object_store import LocalObjectStore, ObjectStore
from mirror.store.disk.objects import Digest, Objects

Open = Callable[[Path], ObjectStore]
MISSING: Final = Digest("0" * 64)


def folder(root: Path) -> LocalObjectStore:
    return Objects(root / "objects")


STORES: Final[tuple[Open, ...]] = (folder,)


@pytest.fixture(params=STORES, ids=lambda store: store.__name__)
def open_store(request: pytest.FixtureRequest) -> Open:
    found: Open = request.param
    return found


@pytest.fixture
def store(open_store: Open, tmp_path: Path) -> ObjectStore:
    opened = open_store(tmp_path)
    opened.prepare()
    return opened


# The interface


def test_a_payload_is_known_by_its_sha_256(store: ObjectStore) -> None:
    digest = store.put(b"payload")
    assert digest == hashlib.sha256(b"payload").hexdigest()
    assert store.get(digest) == b"payload"


@pytest.mark.parametrize("open_any", STORES)
@given(payload=st.binary(max_size=5000))
def test_a_payload_that_was_put_can_be_read(
    tmp_path_factory: pytest.TempPathFactory, open_any: Open, payload: bytes
) -> None:
    store = open_any(tmp_path_factory.getbasetemp() / "laws")
    store.prepare()
    digest = store.put(payload)
    assert store.get(digest) == payload
    assert store.has(digest, len(payload))
    assert store.is_whole(digest)


def test_the_same_payload_is_one_object(store: ObjectStore) -> None:
    assert store.put(b"payload") == store.put(b"payload")
    assert len(list(store.all())) == 1


@pytest.mark.parametrize("left", [b"", b"pay", bytes(7), b"payloads"])
def test_a_payload_that_is_put_again_replaces_what_a_power_cut_left_of_it(tmp_path: Path, left: bytes) -> None:
    """The name is there, and even the size may be right, although no manifest names the object that a killed run made."""
    store = folder(tmp_path)
    store.prepare()
    digest = store.put(b"payload")
    damage(store.path(digest), left)
    assert store.get(store.put(b"payload")) == b"payload"
    damage(store.path(digest), left)
    (tmp_path / "arrived").write_bytes(b"payload")
    store.adopt(tmp_path / "arrived", digest)
    assert store.get(digest) == b"payload"
    assert not (tmp_path / "arrived").exists()


def damage(place: Path, left: bytes) -> None:
    place.chmod(0o644)
    place.write_bytes(left)


def test_an_object_that_is_missing_is_an_error(store: ObjectStore) -> None:
    with pytest.raises(FileNotFoundError):
        store.get(MISSING)


def test_a_missing_object_is_not_whole(store: ObjectStore) -> None:
    assert not store.has(MISSING)
    assert not store.is_whole(MISSING)


def test_an_object_of_another_size_does_not_count(store: ObjectStore) -> None:
    digest = store.put(b"payload")
    assert store.has(digest)
    assert store.has(digest, 7)
    assert not store.has(digest, 8)


def test_all_objects_are_those_that_were_put(store: ObjectStore) -> None:
    assert list(store.all()) == []
    digests = {store.put(str(n).encode()) for n in range(40)}
    assert sorted(store.all()) == sorted(digests)


def test_objects_can_be_removed_while_all_are_listed(store: ObjectStore) -> None:
    for n in range(40):
        store.put(str(n).encode())
    for digest in store.all():
        store.remove(digest)
    assert list(store.all()) == []


def test_a_removed_object_is_gone_and_can_be_put_again(store: ObjectStore) -> None:
    digest = store.put(b"payload")
    store.remove(digest)
    assert not store.has(digest)
    assert store.get(store.put(b"payload")) == b"payload"


def test_removing_a_missing_object_does_nothing(store: ObjectStore) -> None:
    store.remove(MISSING)
    assert list(store.all()) == []


def test_sync_ignores_a_missing_object(store: ObjectStore) -> None:
    digests = [store.put(str(n).encode()) for n in range(20)]
    store.sync([*digests, MISSING])
    assert all(store.is_whole(digest) for digest in digests)


def test_sync_reaches_the_names_of_all_folders_that_a_first_run_makes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: set[Path] = set()
    monkeypatch.setattr(os, "fsync", lambda opened: synced.add(Path(f"/proc/self/fd/{opened}").readlink()))
    store = Objects(tmp_path / "archive" / ".mirror" / "objects")
    store.prepare()
    place = store.path(store.put(b"payload"))
    store.sync([store.put(b"payload")])
    assert {place, *place.parents} - synced == set(tmp_path.parents)


def test_objects_are_still_there_when_the_store_is_opened_again(open_store: Open, tmp_path: Path) -> None:
    first = open_store(tmp_path)
    first.prepare()
    digest = first.put(b"payload")
    later = open_store(tmp_path)
    assert later.get(digest) == b"payload"
    later.prepare()
    assert later.get(digest) == b"payload"


# Files


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    return prepared(tmp_path)


def prepared(root: Path) -> Objects:
    found = Objects(root)
    found.prepare()
    return found


def stored(root: Path) -> list[str]:
    """All files below the store, unfinished ones included."""
    return [place.relative_to(root).as_posix() for place in root.rglob("*") if place.is_file()]


def test_an_object_is_a_file_named_by_its_digest(objects: Objects, tmp_path: Path) -> None:
    digest = objects.put(b"payload")
    assert digest == hashlib.sha256(b"payload").hexdigest()
    assert stored(tmp_path) == [f"{digest[:2]}/{digest[2:]}"]
    assert objects.get(digest) == b"payload"


def test_the_same_payload_is_one_write_protected_file(objects: Objects) -> None:
    first = objects.path(objects.put(b"payload")).stat()
    again = objects.path(objects.put(b"payload")).stat()
    assert (first.st_ino, first.st_mtime_ns) == (again.st_ino, again.st_mtime_ns)
    assert stat.S_IMODE(first.st_mode) == 0o444


def test_an_object_has_its_name_only_when_it_is_whole(
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


def test_files_that_a_killed_process_left_are_deleted(tmp_path: Path) -> None:
    prepared(tmp_path)
    (tmp_path / "new" / "half").write_bytes(b"pay")
    prepared(tmp_path)
    assert stored(tmp_path) == []


def test_a_damaged_object_is_there_but_not_whole(objects: Objects) -> None:
    digest = objects.put(b"payload")
    objects.path(digest).chmod(0o644)
    objects.path(digest).write_bytes(b"PAYLOAD")
    assert objects.has(digest, 7)
    assert not objects.is_whole(digest)
    assert list(objects.all()) == [digest]


def test_an_adopted_file_is_a_write_protected_object(objects: Objects, tmp_path: Path) -> None:
    place = tmp_path / "download"
    place.write_bytes(b"payload")
    digest = Digest(hashlib.sha256(b"payload").hexdigest())
    objects.adopt(place, digest)
    assert not place.exists()
    assert objects.get(digest) == b"payload"
    assert stat.S_IMODE(objects.path(digest).stat().st_mode) == 0o444


def test_adopting_a_file_whose_object_exists_only_removes_it(objects: Objects, tmp_path: Path) -> None:
    digest = objects.put(b"payload")
    before = objects.path(digest).stat().st_ino
    place = tmp_path / "download"
    place.write_bytes(b"payload")
    objects.adopt(place, digest)
    assert not place.exists()
    assert objects.path(digest).stat().st_ino == before


def test_only_a_file_of_the_store_is_the_file_of_an_object(objects: Objects, tmp_path: Path) -> None:
    digest = objects.put(b"payload")
    assert objects.file(digest) == objects.path(digest)
    assert objects.file(MISSING) is None
    assert objects.file(Digest("../../etc/passwd")) is None
    objects.path(digest).unlink()
    objects.path(digest).symlink_to(__file__)
    assert objects.file(digest) is None
    assert not objects.has(digest)
    objects.path(digest).unlink()
    objects.path(digest).symlink_to(objects.path(digest))
    assert objects.file(digest) is None
    assert not objects.has(digest)
