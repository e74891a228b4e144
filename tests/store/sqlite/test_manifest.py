"""The manifest: transactions that happen whole or not at all, the frontier, and files that are no manifest."""

import re
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mirror.core.document.references import Reference
from mirror.core.policy.scope import Reason, Role
from mirror.core.syntax.embedded_urls import Kind
from mirror.core.url.canonical import CanonicalURL, canonical
from mirror.core.url.local_paths import LocalPath
from mirror.store.disk.errors import StorageError
from mirror.store.disk.publisher import Published
from mirror.store.sqlite.frontier import Entry, State
from mirror.store.sqlite.manifest import Manifest
from mirror.store.manifest.records import Resource, Snapshot

HOME = canonical("http://example.org/")
PAGE = frozenset({Role.PAGE})
PICTURE = frozenset({Role.REQUISITE})
Found = tuple[int, Reference]


@pytest.fixture
def manifest(tmp_path: Path) -> Iterator[Manifest]:
    opened = Manifest.at(tmp_path / "manifest.sqlite")
    yield opened
    opened.close()


def url(n: object) -> CanonicalURL:
    return canonical(f"http://example.org/{n}")


def entry(url_id: int, roles: frozenset[Role] = PAGE, **changes: Any) -> Entry:
    return replace(Entry(url_id, url(url_id), State.PENDING, roles, depth=0), **changes)


def done(url_id: int, roles: frozenset[Role] = PAGE, **changes: Any) -> Entry:
    return entry(url_id, roles, state=State.DONE, **changes)


def admitted(manifest: Manifest, *entries: Entry) -> None:
    with manifest.transaction():
        assert manifest.identify([entry.url for entry in entries]) == {entry.url: entry.id for entry in entries}
        manifest.admit(entries)


def resource(url_id: int, path: str | None = None, **changes: Any) -> Resource:
    place = LocalPath(path) if path else None
    known = Resource(url_id, url(url_id), "now", 200, [("A", "b")], None, 7, "text/html", place, None)
    return replace(known, **changes)


def recorded(manifest: Manifest, snapshot: Snapshot, now: Resource, references: Sequence[Found]) -> Resource:
    return manifest.record(snapshot, manifest.resource(now.url_id), now, references)


# Transactions


def test_a_transaction_happens_whole_or_not_at_all(manifest: Manifest) -> None:
    def write() -> None:
        with manifest.transaction():
            manifest.identify([url(1)])
            raise KeyError

    with pytest.raises(KeyError):
        write()
    assert manifest.known([url(1)]) == {}
    with manifest.transaction():
        manifest.identify([url(1)])
    assert manifest.known([url(1)]) == {url(1): 1}


def test_what_was_committed_is_there_for_the_next_process(manifest: Manifest, tmp_path: Path) -> None:
    admitted(manifest, entry(1))
    other = Manifest.at(tmp_path / "manifest.sqlite")
    assert other.entries([1]) == {1: entry(1)}
    other.close()


def test_a_full_disk_is_told_and_ends_the_transaction(manifest: Manifest) -> None:
    limit = manifest._connection.exec_driver_sql  # noqa: SLF001 - SQLite's own way to have a small disk
    limit(f"PRAGMA max_page_count = {limit('PRAGMA page_count').scalar_one() + 2}")

    def write() -> None:
        with manifest.transaction():
            manifest.identify([url(n) for n in range(5000)])

    with pytest.raises(StorageError, match=re.escape("the disk is full. Make room, then run the same command again")):
        write()
    assert manifest.known([url(1)]) == {}
    limit("PRAGMA max_page_count = 100000")
    write()
    assert len(manifest.known([url(n) for n in range(5000)])) == 5000


# URLs and the frontier


def test_urls_keep_their_ids(manifest: Manifest) -> None:
    with manifest.transaction():
        assert manifest.identify([url(1), url(2)]) == {url(1): 1, url(2): 2}
        assert manifest.identify([url(3), url(2)]) == {url(3): 3, url(2): 2}
        assert manifest.identify([]) == {}
    assert manifest.known([url(2), url(9)]) == {url(2): 2}


def test_an_entry_comes_back_as_it_went_in(manifest: Manifest) -> None:
    entries = [
        entry(1, frozenset(Role), depth=3, guess=True, referrer_id=2),
        entry(2, frozenset(), state=State.SKIPPED, reason=Reason.HOP),
        *(entry(2 + role, frozenset({role})) for role in Role),
    ]
    admitted(manifest, *entries)
    assert list(manifest.entries([e.id for e in entries]).values()) == entries
    with manifest.transaction():
        manifest.admit([entry(1, state=State.DONE)])
    assert manifest.entries([1, 99]) == {1: entry(1, state=State.DONE)}


def test_what_pages_need_and_mere_pages_are_taken_apart_near_ones_first(manifest: Manifest) -> None:
    admitted(
        manifest,
        entry(1, depth=2),
        entry(2, depth=1, referrer_id=1),
        entry(3, PICTURE, depth=5),
        entry(4, PAGE | PICTURE, depth=4),
        entry(5, depth=1, state=State.DONE),
        entry(6, state=State.SKIPPED, reason=Reason.LIMIT),
        entry(7, frozenset({Role.LISTING}), depth=9),
    )
    assert manifest.waiting() == 5
    with manifest.transaction():
        assert [e.id for e in manifest.take(2, pages=False)] == [4, 3]
        assert [e.id for e in manifest.take(9, pages=False)] == [7]
        [near, far] = manifest.take(9, pages=True)
        assert manifest.take(9, pages=True) == []
    assert (near.id, near.referrer, far.id, far.referrer) == (2, url(1), 1, None)
    assert manifest.entries([1])[1].state is State.IN_FLIGHT
    assert manifest.waiting() == 5


def test_mere_pages_that_wait_are_given_up(manifest: Manifest) -> None:
    admitted(manifest, entry(1), entry(2, state=State.IN_FLIGHT), entry(3, PICTURE), entry(4, state=State.DONE))
    with manifest.transaction():
        manifest.skip_waiting_pages(Reason.LIMIT)
    states = {url_id: e.state for url_id, e in manifest.entries([1, 2, 3, 4]).items()}
    assert states == {1: State.SKIPPED, 2: State.SKIPPED, 3: State.PENDING, 4: State.DONE}
    assert manifest.entries([1])[1].reason is Reason.LIMIT


# Snapshots


def test_a_run_goes_on_until_it_is_finished(manifest: Manifest) -> None:
    options = {"depth": None, "starts": [HOME]}
    with manifest.transaction():
        first = manifest.begin([HOME], options, "first")
        assert not first.resumed
        manifest.extend_starts(first, [HOME, url(1)])
    admitted(manifest, entry(1, state=State.IN_FLIGHT))
    with manifest.transaction():
        again = manifest.begin([HOME], options, "second")
        assert (again.id, again.started, again.starts, again.resumed) == (first.id, "first", (HOME, url(1)), True)
        assert manifest.entries([1])[1].state is State.PENDING
        manifest.finish(again, "third")
        new = manifest.begin([HOME], options, "fourth")
    assert new.id != first.id
    assert not new.resumed
    assert manifest.entries([1]) == {}
    assert manifest.starts() == [HOME, url(1)]


@pytest.mark.parametrize(("starts", "options"), [([url(1)], {}), ([HOME, url(1)], {}), ([HOME], {"depth": 1})])
def test_a_run_that_asks_for_something_else_begins_anew(
    manifest: Manifest, starts: list[CanonicalURL], options: dict[str, Any]
) -> None:
    with manifest.transaction():
        first = manifest.begin([HOME], {}, "now")
        other = manifest.begin(starts, options, "now")
    assert other.id != first.id
    assert not other.resumed


# Resources and links


def test_a_resource_takes_the_place_of_the_earlier_one(manifest: Manifest) -> None:
    references = [(2, Reference(url(2), Kind.PAGE)), (3, Reference(url(3), Kind.REQUISITE, guess=True))]
    with manifest.transaction():
        snapshot = manifest.begin([url(1)], {}, "now")
        manifest.identify([url(1), url(2), url(3)])
        first = recorded(manifest, snapshot, resource(1, "a.html"), references)
        assert manifest.references(first) == references
        second = recorded(manifest, snapshot, resource(1, status=404, error="404 Not Found"), references[1:])
    assert second.id == first.id
    assert manifest.resource(1) == second
    assert manifest.references(second) == references[1:]
    assert manifest.resource(2) is None
    assert list(manifest.resources()) == []


def test_documents_become_stale_when_what_they_lead_to_moves(manifest: Manifest) -> None:
    with manifest.transaction():
        snapshot = manifest.begin([url(1)], {}, "now")
        manifest.identify([url(1), url(2), url(3)])
        document = recorded(manifest, snapshot, resource(1, "a.html"), [(2, Reference(url(2), Kind.PAGE))])
        recorded(manifest, snapshot, resource(3, "c.html"), [])
        manifest.next()  # what is expected in the transaction that met it makes no document stale: its own is not published yet
        assert manifest.resolutions(document) == {}
        manifest.expect([(2, LocalPath("b.html"))])
        assert manifest.resolutions(document) == {url(2): "b.html"}
        assert list(manifest.resources(stale=True)) == [replace(document, stale=True)]
        manifest.published([Published(document.id, manifest.stale(document)[0], None)])
        manifest.expect([(2, LocalPath("b.png"))])
        assert manifest.resolutions(document) == {url(2): "b.html"}
        manifest.published([Published(document.id, manifest.stale(document)[0], None)])
        manifest.settle([(2, None)])
        assert manifest.resolutions(document) == {}
        assert list(manifest.resources(stale=True)) == [replace(document, stale=True)]
        manifest.settle([])
    assert [r.id for r in manifest.resources()] == [1, 2]


def test_every_resource_is_there_however_many_there_are(manifest: Manifest) -> None:
    with manifest.transaction():
        snapshot = manifest.begin([HOME], {}, "now")
        ids = manifest.identify([url(n) for n in range(2100)])
        for n in range(2100):
            leads = [(ids[url(0)], Reference(url(0), Kind.REDIRECT))] if n == 7 else []
            recorded(manifest, snapshot, resource(ids[url(n)], f"{n}.html"), leads)
    assert [r.path for r in manifest.resources()] == [f"{n}.html" for n in range(2100)]
    assert [row[0] for row in manifest.all_urls()] == sorted(ids.values())
    assert manifest.place(ids[url(7)]) == ("7.html", ids[url(0)])
    assert manifest.place(9999) == (None, None)


# Counts


def test_counts_and_failures_tell_what_became_of_a_run(manifest: Manifest) -> None:
    with manifest.transaction():
        snapshot = manifest.begin([HOME], {}, "now")
    admitted(
        manifest,
        done(1),
        done(2, PICTURE),
        done(3),
        done(4, guess=True),
        done(5),
        entry(6, frozenset(), state=State.SKIPPED, reason=Reason.OUTSIDE),
        entry(7),
        done(8, frozenset({Role.LISTING})),
        done(9),
    )
    with manifest.transaction():
        recorded(manifest, snapshot, resource(1, "1.html"), [])
        recorded(manifest, snapshot, resource(2, "2.png", media_type="image/png"), [])
        recorded(manifest, snapshot, resource(3, status=500, error="500 Internal Server Error", discovered_from=1), [])
        recorded(manifest, snapshot, resource(4, status=404, error="404 Not Found"), [])
        recorded(manifest, snapshot, resource(5, "5.html", status=302), [])
        recorded(manifest, snapshot, resource(8, "robots.txt", media_type="text/plain"), [])
        recorded(manifest, snapshot, resource(9, "9.pdf", media_type="application/pdf"), [])
    counts = manifest.counts(snapshot)
    assert (counts.fetched, counts.pages, counts.requisites, counts.size) == (2, 1, 2, 21)
    assert (counts.redirects, counts.pending) == (1, 1)
    assert counts.skipped == {"outside the scope": 1}
    assert counts.failed == {"500 Internal Server Error": 1}
    assert manifest.failures(9) == [(url(3), "500 Internal Server Error", url(1))]
    assert manifest.failures(0) == []
    assert manifest.pages_done() == 1


# What is no manifest


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no database\n" * 1000, "it is no manifest: restore it"),
        (b"SQLite format 3\0" + b"\xff" * 5000, "it is no manifest|damaged"),
    ],
)
def test_a_file_that_is_no_manifest_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    place = tmp_path / "manifest.sqlite"
    place.write_bytes(content)
    with pytest.raises(StorageError, match=message) as error:
        Manifest.at(place)
    assert str(error.value).startswith(f"{place}: ")
    assert "\n" not in str(error.value)
    assert place.read_bytes() == content


def test_a_manifest_that_was_damaged_is_told_where_it_is_read(tmp_path: Path) -> None:
    place = tmp_path / "manifest.sqlite"
    manifest = Manifest.at(place)
    admitted(manifest, *(entry(n) for n in range(1, 3000)))
    manifest.close()
    connection = sqlite3.connect(place)
    size = connection.execute("PRAGMA page_size").fetchone()[0]
    root = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'frontier'").fetchone()[0]
    connection.close()
    content = bytearray(place.read_bytes())
    content[size * (root - 1) : size * root] = b"\x99" * size
    place.write_bytes(content)
    damaged = Manifest.at(place)
    with pytest.raises(StorageError, match="it is damaged: restore it from a backup"):
        damaged.entries(list(range(1, 3000)))
    damaged.close()


def test_a_manifest_of_another_version_is_refused(tmp_path: Path) -> None:
    place = tmp_path / "manifest.sqlite"
    connection = sqlite3.connect(place)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(StorageError, match="has version 99, this program reads 4: use the program that wrote it"):
        Manifest.at(place)


def test_a_folder_in_its_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "manifest.sqlite").mkdir()
    with pytest.raises(StorageError, match="it can't be opened"):
        Manifest.at(tmp_path / "manifest.sqlite")


def test_a_mistake_of_ours_is_no_trouble_of_the_disk(manifest: Manifest) -> None:
    with pytest.raises(Exception, match="UNIQUE") as error, manifest.transaction():
        manifest._connection.exec_driver_sql("INSERT INTO urls (url) VALUES ('a'), ('a')")  # noqa: SLF001
    assert not isinstance(error.value, StorageError)
