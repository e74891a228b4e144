"""The manifest in SQLite: full disks, and files that are not a manifest."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from mirror.store.disk.errors import StorageError
from mirror.store.sqlite.manifest import SQLiteManifest
from tests.store.manifest.test_conformance import admitted, entry, url


@pytest.fixture
def manifest(tmp_path: Path) -> Iterator[SQLiteManifest]:
    opened = SQLiteManifest(tmp_path / "manifest.sqlite")
    yield opened
    opened.close()


def test_a_full_disk_is_reported_and_ends_the_transaction(manifest: SQLiteManifest) -> None:
    database = manifest.database  # SQLite can limit the size of its file
    database.run(f"PRAGMA max_page_count = {database.scalar('PRAGMA page_count') + 2}")

    def write() -> None:
        with manifest.transaction():
            manifest.frontier.identify([url(n) for n in range(5000)])

    with pytest.raises(StorageError, match=re.escape("the disk is full. Make room, then run the same command again")):
        write()
    assert manifest.frontier.find([url(1)]) == {}
    database.run("PRAGMA max_page_count = 100000")
    write()
    assert len(manifest.frontier.find([url(n) for n in range(5000)])) == 5000


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no database\n" * 1000, "file is not a database"),
        (b"SQLite format 3\0" + b"\xff" * 5000, "not a database|malformed"),
    ],
)
def test_a_file_that_is_no_manifest_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    place = tmp_path / "manifest.sqlite"
    place.write_bytes(content)
    with pytest.raises(StorageError, match=message) as error:
        SQLiteManifest(place)
    assert f"{place}: " in str(error.value)
    assert "`verify --repair` restores" in str(error.value)
    assert "\n" not in str(error.value)
    assert place.read_bytes() == content


def test_a_damaged_manifest_is_reported_when_it_is_read(tmp_path: Path) -> None:
    place = tmp_path / "manifest.sqlite"
    manifest = SQLiteManifest(place)
    admitted(manifest, *(entry(n) for n in range(1, 3000)))
    manifest.close()
    connection = sqlite3.connect(place)
    size = connection.execute("PRAGMA page_size").fetchone()[0]
    root = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'frontier'").fetchone()[0]
    connection.close()
    content = bytearray(place.read_bytes())
    content[size * (root - 1) : size * root] = b"\x99" * size
    place.write_bytes(content)
    damaged = SQLiteManifest(place)
    with pytest.raises(StorageError, match="database disk image is malformed"):
        damaged.frontier.entries(list(range(1, 3000)))
    damaged.close()


def test_a_manifest_of_another_version_is_refused(tmp_path: Path) -> None:
    place = tmp_path / "manifest.sqlite"
    connection = sqlite3.connect(place)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(StorageError, match="has version 99, this program reads 6: use the program that wrote it"):
        SQLiteManifest(place)


def test_a_folder_in_place_of_the_manifest_is_refused(tmp_path: Path) -> None:
    (tmp_path / "manifest.sqlite").mkdir()
    with pytest.raises(StorageError, match="it can't be opened"):
        SQLiteManifest(tmp_path / "manifest.sqlite")


def test_a_mistake_in_a_statement_is_no_storage_error(manifest: SQLiteManifest) -> None:
    with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"), manifest.transaction():
        manifest.database.run("INSERT INTO urls (url) VALUES ('a'), ('a')")


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("7", 7),
        ("1000", 1000),
        ("2026", 8),
        ("2025", 2025),
        ("2026-11-24", 7),
        ("", None),
        ("8 ", None),
        ("9" * 9999, None),
    ],
)
def test_a_snapshot_is_found_by_its_number_unless_that_is_a_year(tmp_path: Path, name: str, found: int | None) -> None:
    with closing(SQLiteManifest(tmp_path / "manifest.sqlite")) as manifest:
        for number, day in ((7, 24), (8, 25), (1000, 0), (2025, 0), (2026, 0)):
            started = f"2026-11-{day}T00:00:00+00:00" if day else "1999-01-01T00:00:00+00:00"
            manifest.database.run(
                "INSERT INTO snapshots (id, started, outcome, starts, options) VALUES (?, ?, 'complete', '[]', '{}')",
                (number, started),
            )
        info = manifest.history.find(name)
        assert (info and info.id) == found
