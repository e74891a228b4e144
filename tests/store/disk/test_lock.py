"""The lock: one process writes an archive at a time, whatever locks its file system has."""

import errno
import fcntl
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Final
from unittest.mock import Mock

import pytest

from mirror.store.archive import Archive
from mirror.store.disk import owner_record
from mirror.store.disk.errors import StorageError
from mirror.store.disk.lock import Lock
from mirror.store.disk.owner_record import STALE, Owner, find_holder, is_alive, is_over, this_process

ME: Final = this_process()
ELSEWHERE: Final = replace(ME, host="other", boot="another boot", nonce="1")
CONTAINER: Final = replace(ME, space="pid:[1]", nonce="1")
OTHER: Final = replace(ME, nonce="1")
FRESH, OLD = 1.0, STALE + 1


@pytest.mark.parametrize(
    ("owner", "age", "is_locked", "lives", "over"),
    [
        (OTHER, OLD, False, True, False),
        (OTHER, FRESH, False, False, True),
        (OTHER, FRESH, True, True, True),  # it owns another archive, of which this is a copy
        (OTHER, FRESH, True, False, True),
        (CONTAINER, FRESH, True, True, True),
        (CONTAINER, FRESH, False, True, False),
        (CONTAINER, OLD, False, True, True),
        (ELSEWHERE, FRESH, True, False, False),
        (ELSEWHERE, FRESH, False, False, False),
        (ELSEWHERE, OLD, True, True, True),
        (ELSEWHERE, OLD, False, True, True),
        (ELSEWHERE, -FRESH, False, True, False),
        (ELSEWHERE, -OLD, False, True, True),  # the clock of the file system went back
        (None, FRESH, True, True, False),
        (None, OLD, False, True, True),
    ],
)
def test_when_an_owner_is_over(owner: Owner | None, age: float, is_locked: bool, lives: bool, over: bool) -> None:
    assert is_over(owner, ME, age, is_locked=is_locked, is_alive=lambda _: lives) == over


def test_a_process_lives_until_it_ends_and_its_number_is_not_enough() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        owner = replace(ME, process=process.pid, began=owner_record._began(process.pid) or "")  # noqa: SLF001
        assert is_alive(owner)
        assert not is_alive(replace(owner, began="1"))
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert not is_alive(owner)  # although its parent has not noticed yet
    assert not is_alive(owner)


def no_locks(_file: int, _how: int) -> None:
    raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))


def locks_that_do_nothing(_file: int, _how: int) -> None:
    return


LOCKS: Final[dict[str, Callable[[int, int], None]]] = {
    "locks": fcntl.flock,
    "no locks": no_locks,
    "locks that do nothing": locks_that_do_nothing,
}


@pytest.fixture(params=LOCKS)
def locks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(fcntl, "flock", LOCKS[request.param])
    return str(request.param)


HOLD: Final = """
import errno, fcntl, sys
from pathlib import Path
from mirror.store.archive import Archive
def no_locks(file, how):
    raise OSError(errno.ENOLCK, "No locks available")
fcntl.flock = {"locks": fcntl.flock, "no locks": no_locks, "locks that do nothing": lambda file, how: None}[sys.argv[2]]
Archive(Path(sys.argv[1]))
print("holds", flush=True)
input()
"""


@contextmanager
def holder(root: Path, locks: str) -> Iterator[subprocess.Popen[str]]:
    """Another process that has an archive open."""
    words = [sys.executable, "-c", HOLD, str(root), locks]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "holds\n"
        yield process
        process.kill()


def test_one_process_at_a_time_and_a_dead_one_is_no_obstacle(tmp_path: Path, locks: str) -> None:
    with holder(tmp_path, locks) as process:
        with pytest.raises(StorageError, match=rf"lock is in use by another run \(process {process.pid}, since 2"):
            Archive(tmp_path)
        process.kill()
        process.wait()
        Archive(tmp_path).close()
    with closing(Archive(tmp_path)), pytest.raises(StorageError, match=f"process {os.getpid()}, since"):
        Archive(tmp_path)
    Archive(tmp_path).close()
    assert not list((tmp_path / ".mirror").glob("owner*"))


def test_a_copy_of_an_archive_that_is_being_written_is_nobodys(tmp_path: Path) -> None:
    with closing(Archive(tmp_path / "original")):
        shutil.copytree(tmp_path / "original", tmp_path / "copy")
        Archive(tmp_path / "copy").close()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nobody knows which files a process has open")
def test_who_asks_is_told_the_holder_of_an_archive_and_not_that_of_its_original(tmp_path: Path, locks: str) -> None:
    with holder(tmp_path / "original", locks) as process:
        shutil.copytree(tmp_path / "original", tmp_path / "copy")
        found = [find_holder(tmp_path / name / ".mirror", time.time()) for name in ("original", "copy")]
        process.kill()
        process.wait()
        found.append(find_holder(tmp_path / "original" / ".mirror", time.time()))
    assert [is_held for is_held, _ in found] == [True, False, False]
    assert {owner.process for _, owner in found if owner} == {process.pid}


def test_a_process_whose_files_nobody_may_see_may_have_the_archive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(Archive(tmp_path)):
        monkeypatch.setattr(Path, "iterdir", Mock(side_effect=PermissionError))
        assert find_holder(tmp_path / ".mirror", time.time())[0]


def owned_by(place: Path, owner: Owner | None, age: float = 0) -> None:
    place.write_text(json.dumps(asdict(owner)) if owner else "")
    now = place.stat().st_mtime
    os.utime(place, (now - age, now - age))


def test_the_record_of_another_machine_is_believed_while_it_is_touched(tmp_path: Path, locks: str) -> None:
    owned_by(tmp_path / "owner", ELSEWHERE)
    with pytest.raises(StorageError, match=f"process {ELSEWHERE.process} on other, since"):
        Lock(tmp_path / "lock")
    owned_by(tmp_path / "owner", ELSEWHERE, OLD)
    Lock(tmp_path / "lock").release()
    assert locks in LOCKS


@pytest.mark.parametrize("content", [b"", b"\0" * 300, b"{}", b"[" * 2000, b'{"process": true}'])
def test_a_record_that_is_damaged_is_over_after_a_while(tmp_path: Path, content: bytes) -> None:
    owned_by(tmp_path / "owner", None)
    (tmp_path / "owner").write_bytes(content)
    with pytest.raises(StorageError, match="in use by another run"):
        Lock(tmp_path / "lock")
    os.utime(tmp_path / "owner", (1, 1))
    Lock(tmp_path / "lock").release()


def test_a_record_that_is_touched_after_all_is_put_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its owner was suspended, and goes on between the judgement and the removal."""
    place = tmp_path / "owner"
    owned_by(place, ELSEWHERE, OLD)

    def judge_and_go_on(*words: object, **more: object) -> bool:
        over = is_over(*words, **more)  # type: ignore[arg-type]
        os.utime(place)
        return over

    monkeypatch.setattr(owner_record, "is_over", judge_and_go_on)
    with pytest.raises(StorageError, match="on other"):
        Lock(tmp_path / "lock")
    assert owner_record._owner(place.read_bytes()) == ELSEWHERE  # noqa: SLF001


@pytest.fixture
def always(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read the record at each check."""
    monkeypatch.setattr(owner_record, "BEAT", -1e9)


@pytest.mark.usefixtures("always")
def test_a_process_that_lost_the_archive_commits_nothing_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(owner_record.OwnerRecord, "_beat", lambda _: None)
    with closing(Archive(tmp_path)) as archive:
        with archive.manifest.transaction():
            archive.manifest.decisions.set_fact("a", "1")
        owned_by(tmp_path / ".mirror" / "owner", ELSEWHERE)
        with (
            pytest.raises(StorageError, match=r"another run took over this archive \(process .* on other"),
            archive.manifest.transaction(),
        ):
            archive.manifest.decisions.set_fact("b", "1")
        assert (archive.manifest.decisions.fact("a"), archive.manifest.decisions.fact("b")) == ("1", None)
    assert owner_record._owner((tmp_path / ".mirror" / "owner").read_bytes()) == ELSEWHERE  # noqa: SLF001


@pytest.mark.usefixtures("always")
def test_a_record_that_somebody_deleted_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(owner_record.OwnerRecord, "_beat", lambda _: None)
    lock = Lock(tmp_path / "lock")
    (tmp_path / "owner").unlink()
    lock.check()
    assert (tmp_path / "owner").exists()
    lock.release()


def test_an_archive_that_can_not_be_opened_is_not_locked(tmp_path: Path) -> None:
    (tmp_path / ".mirror").mkdir()
    (tmp_path / ".mirror" / "manifest.sqlite").write_bytes(b"no database" * 1000)
    for _ in range(2):
        with pytest.raises(StorageError, match="the manifest is damaged"):
            Archive(tmp_path)
