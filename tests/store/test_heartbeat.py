"""The heartbeat file: what is written can be read, what somebody else wrote harms nobody, and `forget` leaves no host."""

import errno
import json
import os
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, Final
from unittest.mock import Mock

import pytest

from mirror.core.policy.scope import Scope
from mirror.core.url.canonical import canonical
from mirror.store import heartbeat
from mirror.store.archive import Archive
from mirror.store.disk.errors import StorageError
from mirror.store.forgetting import forget
from mirror.store.heartbeat import HEARTBEAT, read, write
from mirror.store.run.crawl import Crawl
from tests.mirroring import complete, run
from tests.site import Site

HOST: Final = "secret.example.org"
NOW: Final = "2026-11-30T18:00:00+00:00"
CONTENT: Final[dict[str, Any]] = {
    "version": 1,
    "run": 1,
    "resumed": False,
    "began": NOW,
    "host": "crawler",
    "process": 4711,
    "nonce": "0a",
    "interval": 5.0,
    "silent_after": 60.0,
    "time": "2026-11-30T18:00:05.004Z",
    "state": "crawling",
    **dict.fromkeys(("elapsed", "done", "in_flight", "pages", "requisites", "bytes", "failed", "skipped"), 1),
    **dict.fromkeys(("received", "rate", "byte_rate", "dropped"), 0.5),
    "queued": 7,
    "most": None,
    "waits": [{"host": HOST, "seconds": 12.4, "why": "503 Service Unavailable"}],
    "ended": None,
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    with closing(Archive(tmp_path)) as archive:
        crawl = Crawl(archive, Scope((canonical(f"http://{HOST}/"),)), now=lambda: NOW)
        run(crawl, {f"http://{HOST}": Site().page("/")})
        complete(crawl)
    return tmp_path


def test_what_is_written_can_be_read(root: Path) -> None:
    write(root, CONTENT)
    pulse = read(root)
    assert pulse is not None
    assert (pulse.run, pulse.process, pulse.queued, pulse.most, pulse.how) == (1, 4711, 7, None, None)
    assert pulse.time.isoformat() == "2026-11-30T18:00:05.004000+00:00"
    assert pulse.waits == ((HOST, 12.4, "503 Service Unavailable"),)
    write(root, CONTENT | {"ended": {"how": "finished", "exit_code": 1}})
    assert (ended := read(root)) is not None
    assert (ended.how, ended.exit_code) == ("finished", 1)


def test_an_archive_without_one_has_none(root: Path) -> None:
    assert read(root) is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b"[" * 50_000,
        json.dumps(CONTENT).encode() + b" " * (1 << 16),
        *(
            json.dumps(CONTENT | {name: None}).encode()
            for name in CONTENT
            if name not in {"queued", "most", "ended", "version", "interval", "resumed"}
        ),
        *(
            json.dumps(CONTENT | {"done": value}).encode()
            for value in (-1, float("nan"), float("inf"), 1 << 60, True, "1")
        ),
        *(json.dumps(CONTENT | {"time": value}).encode() for value in ("yesterday", "9999-99-99", 7)),
        json.dumps(CONTENT | {"ended": "yes"}).encode(),
        json.dumps(CONTENT | {"waits": {"host": "a"}}).encode(),
    ],
)
def test_what_is_no_heartbeat_is_none(root: Path, content: bytes) -> None:
    (root / ".mirror" / HEARTBEAT).write_bytes(content)
    assert read(root) is None


def test_a_long_text_is_cut(root: Path) -> None:
    write(root, CONTENT | {"host": "x" * 10_000, "waits": [CONTENT["waits"][0]] * 100})
    pulse = read(root)
    assert pulse is not None
    assert (len(pulse.host), len(pulse.waits)) == (300, 10)


def test_a_disk_that_takes_nothing_is_no_error(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(root, CONTENT)
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    monkeypatch.setattr(heartbeat, "make", Mock(side_effect=full))
    write(root, CONTENT | {"run": 2})
    pulse = read(root)
    assert pulse is not None
    assert pulse.run == 1, "the one before stays"
    monkeypatch.undo()
    write(root / "none", CONTENT)


def link(place: Path) -> None:
    (place.parent / "victim").write_text("x")
    place.symlink_to(place.parent / "victim")


def folder(place: Path) -> None:
    place.mkdir()


def pipe(place: Path) -> None:
    os.mkfifo(place)


@pytest.mark.parametrize("plant", [link, folder, pipe])
def test_something_else_in_its_place_is_refused(root: Path, plant: Callable[[Path], None]) -> None:
    plant(root / ".mirror" / HEARTBEAT)
    assert read(root) is None
    with pytest.raises(StorageError, match=HEARTBEAT):
        Archive(root)
    with pytest.raises(StorageError, match=HEARTBEAT):
        Archive(root, read_only=True)


def test_a_link_in_the_place_of_a_half_written_one_is_not_followed(root: Path) -> None:
    victim = root / "victim"
    victim.write_text("x")
    (root / ".mirror" / "new" / HEARTBEAT).symlink_to(victim)
    write(root, CONTENT)
    assert victim.read_text() == "x"


@pytest.mark.parametrize("is_valid", [True, False])
def test_what_a_killed_run_waited_for_is_forgotten(root: Path, is_valid: bool) -> None:
    write(root, CONTENT | ({} if is_valid else {"run": HOST}))
    with closing(Archive(root)) as archive:
        forget(archive, f"http://{HOST}/*", NOW)
    place = root / ".mirror" / HEARTBEAT
    assert place.exists() == is_valid
    assert not is_valid or HOST not in place.read_text()
    pulse = read(root)
    assert not is_valid or (pulse is not None and pulse.waits == () and pulse.queued == 7), (
        "since when it is silent is still there"
    )


def test_forgetting_without_a_heartbeat_is_no_error(root: Path) -> None:
    heartbeat.forget_hosts(root)
    assert not (root / ".mirror" / HEARTBEAT).exists()
