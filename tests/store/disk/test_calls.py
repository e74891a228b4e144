"""How many calls of the system a page costs: they are counted, so that a busy machine changes nothing."""

import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from mirror.core.url.canonical import CanonicalURL
from mirror.core.url.local_paths import LocalPath
from mirror.store.disk import fsync
from mirror.store.disk.objects import Digest, Objects
from mirror.store.disk.publications import Publication
from mirror.store.disk.publisher import Publisher

CALLS: Final = (
    *("open", "close", "read", "write", "fstat", "stat", "lstat", "utime", "fsync"),
    *("link", "unlink", "replace", "rename", "mkdir", "rmdir", "scandir"),
)
HEADERS: Final = (("Content-Type", "text/html"), ("Last-Modified", "Fri, 13 Feb 2009 23:31:30 GMT"))
WARM: Final = 1000
"""Pages after which all folders are there, and known to be no links."""


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Counts the calls of the system that go through the module `os`, as all those of `pathlib` do."""
    counted: Counter[str] = Counter()

    def counting(name: str, call: Callable[..., object]) -> Callable[..., object]:
        def count(*arguments: object, **words: object) -> object:
            counted[name] += 1
            return call(*arguments, **words)

        return count

    for name in CALLS:
        monkeypatch.setattr(os, name, counting(name, getattr(os, name)))
    return counted


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("archive")


@pytest.fixture(scope="module")
def publisher(root: Path) -> Publisher:
    for store in ("objects", "copies"):
        Objects(root / ".mirror" / store).prepare()
    publisher = Publisher.at(root)
    for n in range(WARM):
        publisher.publish(wanted(publisher, n))
    return publisher


def page(n: int) -> bytes:
    return b'<!DOCTYPE html><a href="/%d">%d</a>' % (n, n)


def wanted(publisher: Publisher, n: int) -> Publication:
    """Store a page, and ask for its file, in which one link has to be rewritten."""
    digest, target = publisher.keep(page(n)), CanonicalURL(f"http://example.org/{n}")
    path, places = LocalPath(f"example.org/{n}.html"), {target: LocalPath("example.org/other.html")}
    return Publication(n, 0, target, 200, HEADERS, digest, len(page(n)), "text/html", path, None, places)


def test_a_new_page_costs_few_calls(publisher: Publisher, calls: Counter[str]) -> None:
    """One open says that there is no object yet, and another one makes it. No folder is looked at again."""
    calls.clear()
    kept = wanted(publisher, WARM)
    assert calls == {"open": 2, "write": 1, "close": 1, "replace": 1}
    calls.clear()
    publisher.publish(kept, page(WARM))
    assert calls == {"open": 2, "write": 1, "close": 1, "replace": 1, "lstat": 2, "link": 1, "utime": 1}


def test_an_object_is_read_with_few_calls(publisher: Publisher, calls: Counter[str], root: Path) -> None:
    digest = publisher.keep(page(0))
    calls.clear()
    assert Objects(root / ".mirror" / "objects").get(digest) == page(0)
    assert calls == {"open": 1, "fstat": 1, "read": 1, "close": 1}


def test_a_page_that_is_there_is_read_and_not_written(publisher: Publisher, calls: Counter[str]) -> None:
    calls.clear()
    publisher.keep(page(0))
    assert calls == {"open": 1, "fstat": 1, "read": 1, "close": 1}


def test_many_objects_are_synced_at_once(tmp_path: Path, calls: Counter[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """One call syncs them, whatever their number, and no file is looked at."""
    synced: list[int] = []
    monkeypatch.setattr(fsync, "_syncfs", lambda: synced.append)
    store = Objects(tmp_path / "objects")
    store.prepare()
    digests: list[Digest] = [store.put(page(n)) for n in range(100)]
    calls.clear()
    store.sync(digests)
    assert len(synced) == 1
    assert calls == {"open": 1, "close": 1}
