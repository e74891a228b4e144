"""The database file: an older version is migrated in place, or not changed at all."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from mirror.core.policy.scope import Scope
from mirror.core.url.canonical import canonical
from mirror.store.archive import Archive
from mirror.store.disk.errors import StorageError
from mirror.store.disk.layout import KEPT
from mirror.store.disk.objects import Objects
from mirror.store.run.crawl import Crawl
from mirror.store.sqlite import database, migrations
from mirror.store.sqlite.database import Database
from mirror.store.sqlite.schema import SCHEMA_VERSION
from mirror.store.verification import verify
from tests.mirroring import complete, dangling, files, run
from tests.site import HTML, PNG, Site

HOME: Final = "http://example.org"
VERSION_1: Final = """
    CREATE TABLE frontier (url_id INTEGER NOT NULL PRIMARY KEY, state INTEGER NOT NULL, roles INTEGER NOT NULL,
        depth INTEGER NOT NULL, guess BOOLEAN NOT NULL, referrer_id INTEGER, reason TEXT);
    CREATE INDEX frontier_pending ON frontier (state, roles, depth, url_id);
    CREATE TABLE links (resource_id INTEGER NOT NULL, position INTEGER NOT NULL, target_id INTEGER NOT NULL,
        kind TEXT NOT NULL, guess BOOLEAN NOT NULL, PRIMARY KEY (resource_id, position)) WITHOUT ROWID;
    CREATE INDEX ix_links_target_id ON links (target_id);
    CREATE TABLE resources (id INTEGER NOT NULL PRIMARY KEY, url_id INTEGER NOT NULL UNIQUE, snapshot_id INTEGER NOT NULL,
        fetched TEXT NOT NULL, status INTEGER, headers JSON NOT NULL, digest TEXT, size INTEGER NOT NULL, media_type TEXT,
        path TEXT, discovered_from INTEGER, error TEXT, stale BOOLEAN NOT NULL);
    CREATE TABLE snapshots (id INTEGER NOT NULL PRIMARY KEY, started TEXT NOT NULL, finished TEXT, starts JSON NOT NULL,
        options JSON NOT NULL);
    CREATE TABLE urls (id INTEGER NOT NULL PRIMARY KEY, url TEXT NOT NULL UNIQUE, resolution TEXT);
    PRAGMA user_version = 1;
"""
SITE: Final = Site().page("/", '<img src="/x.png">', links=["/gone", "/cdn"]).file("/x.png", PNG, "image/png")


def page(path: str) -> bytes:
    found = SITE[path]
    assert not callable(found)
    return found.body


def version_1(root: Path) -> Path:
    """Make an archive of version 1: a page, a picture, a URL that is gone, one outside of the scope."""
    objects = Objects(root / KEPT / "objects")
    objects.prepare()
    digests = {path: objects.put(page(path)) for path in ("/", "/x.png")}
    place = root / KEPT / "manifest.sqlite"
    with closing(sqlite3.connect(place)) as old:
        old.executescript(VERSION_1)
        old.execute(
            "INSERT INTO snapshots VALUES (1, '2019-01-01T00:00:00+00:00', '2019-01-02T00:00:00+00:00', ?, '{}')",
            [json.dumps([f"{HOME}/"])],
        )
        rows = [
            (1, "/", "example.org/index.html", 200, digests["/"], HTML, "example.org/index.html", None),
            (2, "/x.png", "example.org/x.png", 200, digests["/x.png"], "image/png", "example.org/x.png", None),
            (3, "/gone", None, 404, None, "text/html", None, "404 Not Found"),
        ]
        for key, path, resolution, status, digest, kind, at, error in rows:
            old.execute("INSERT INTO urls VALUES (?, ?, ?)", (key, HOME + path, resolution))
            old.execute("INSERT INTO frontier VALUES (?, 2, 1, 0, 0, NULL, NULL)", [key])
            headers = json.dumps([["Content-Type", kind]])
            size = len(page(path)) if digest else 0
            media_type = kind.partition(";")[0]
            values = (
                key,
                key,
                1,
                "2019-01-01T00:00:00+00:00",
                status,
                headers,
                digest,
                size,
                media_type,
                at,
                None,
                error,
                0,
            )
            old.execute(f"INSERT INTO resources VALUES ({', '.join('?' * len(values))})", values)
        old.execute("INSERT INTO urls VALUES (4, 'http://example.org/cdn', NULL)")
        old.execute("INSERT INTO frontier VALUES (4, 3, 0, 1, 0, 1, 'excluded')")
        for position, (target, kind) in enumerate([(2, "requisite"), (3, "page"), (4, "page")]):
            old.execute("INSERT INTO links VALUES (1, ?, ?, ?, 0)", (position, target, kind))
        old.commit()
    return place


def user_version(place: Path) -> int:
    with closing(sqlite3.connect(place)) as opened:
        return int(opened.execute("PRAGMA user_version").fetchone()[0])


def test_an_archive_of_version_1_is_migrated(tmp_path: Path) -> None:
    place = version_1(tmp_path)
    with closing(Archive(tmp_path)) as archive:
        assert user_version(place) == SCHEMA_VERSION
        [listed] = archive.history.snapshots()
        assert (listed.id, listed.outcome, listed.numbers.pages, listed.numbers.files) == (1, "complete", 1, 1)
        gone = archive.manifest.resources.current(3)
        assert gone
        assert (gone.standing, gone.error, gone.since) == ("gone", "404 Not Found", 1)
        account = archive.history.account(canonical(f"{HOME}/cdn"))
        assert account
        assert account.entry
        assert (account.met, account.entry.reason, account.referrer) == (
            "2019-01-01T00:00:00+00:00",
            "excluded",
            f"{HOME}/",
        )
        for _ in archive.publish_all():
            pass
        assert [damage for damage in verify(archive) if damage] == []
    assert files(tmp_path)["example.org/x.png"] == PNG
    assert b'src="x.png"' in files(tmp_path)["example.org/index.html"]
    assert dangling(tmp_path) == []
    with closing(Archive(tmp_path)) as archive:
        crawl = Crawl(archive, Scope((canonical(HOME),)), now=lambda: "2020-02-02T02:02:02+00:00")
        run(crawl, {HOME: SITE})
        complete(crawl)
        numbers = archive.history.numbers(crawl.snapshot.id)
        assert (numbers.added, numbers.changed, numbers.gone) == (0, 0, 0)


def test_a_failed_migration_leaves_the_archive_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = version_1(tmp_path)
    with closing(sqlite3.connect(place)) as old:
        before = list(old.iterdump())
    with monkeypatch.context() as patched:
        patched.setattr(migrations, "_TO_VERSION_2", migrations._TO_VERSION_2 + "; INSERT INTO nowhere VALUES (1)")  # noqa: SLF001
        with pytest.raises(StorageError, match="no such table"):
            Database(place)
    assert user_version(place) == 1
    with closing(sqlite3.connect(place)) as old:
        assert list(old.iterdump()) == before
    Database(place).close()
    assert user_version(place) == SCHEMA_VERSION


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (sqlite3.SQLITE_PROTOCOL, "this file system has no locks for databases: keep the archive on a local disk"),
        (sqlite3.SQLITE_IOERR_LOCK, "this file system has no locks for databases: keep the archive on a local disk"),
        (sqlite3.SQLITE_IOERR_SHMMAP, "this file system has no locks for databases: keep the archive on a local disk"),
        (sqlite3.SQLITE_IOERR_READ, "the disk can't be read or written."),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, "another program is using it: wait until that program is done"),
    ],
)
def test_an_error_of_the_file_system_says_what_to_do(code: int, said: str) -> None:
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = code
    assert str(database.storage_error(Path("manifest"), error)).startswith(f"manifest: {said}")


def test_a_reader_migrates_nothing(tmp_path: Path) -> None:
    place = version_1(tmp_path)
    with pytest.raises(StorageError, match="has version 1, this program reads 6: run a crawl or publish to migrate it"):
        Archive(tmp_path, read_only=True)
    assert user_version(place) == 1


@pytest.mark.parametrize("name", ["plain", "a b", "a?b=c&mode=rwc", "a#b", "100%25", "é☃"])
def test_a_reader_needs_no_lock_and_sees_what_was_committed(tmp_path: Path, name: str) -> None:
    root = tmp_path / name
    with closing(Archive(root)) as archive:
        crawl = Crawl(archive, Scope((canonical(HOME),)), now=lambda: "2026-01-01T00:00:00+00:00")
        with closing(Archive(root, read_only=True)) as reader:
            with archive.manifest.transaction():
                archive.manifest.runs.finish(crawl.snapshot, "2019-01-02T00:00:00+00:00")
                assert reader.history.snapshots()[0].outcome == "incomplete"
            assert reader.history.snapshots()[0].outcome == "complete"
            with pytest.raises(StorageError, match="it can't be written"):
                reader.manifest.runs.finish(crawl.snapshot, "never")
    assert sorted(place.name for place in tmp_path.iterdir()) == [name]


def test_an_archive_of_version_3_gets_the_column_for_aliases(tmp_path: Path) -> None:
    place = tmp_path / "manifest.sqlite"
    Database(place).close()
    with closing(sqlite3.connect(place)) as old:
        old.executescript(
            "DROP INDEX urls_same_as; ALTER TABLE urls DROP COLUMN same_as; DROP TABLE families;"
            "INSERT INTO urls (id, url) VALUES (1, 'http://example.org/'); PRAGMA user_version = 3"
        )
    migrated = Database(place)
    assert migrated.run("SELECT url, same_as FROM urls").fetchall() == [("http://example.org/", None)]
    assert migrated.run("SELECT count(*) FROM families").fetchone() == (0,)
    migrated.close()
    assert user_version(place) == SCHEMA_VERSION
