"""The database file: its tables, its version, and what can be wrong with it.

Owns `.mirror/manifest.sqlite`. Who asks it is `manifest` (one run) and `history` (all of them); docs/archive-format.md tells
the same to readers who have sqlite3 alone. A write is a transaction of the caller's (`with database.transaction()`), so that
a response and all that it led to are there together or not at all.

    snapshots   one row a run: when, with which starts and options, what became of it
    urls        one row a URL that was ever referred to, and what published documents take for its place (`resolution`)
    frontier    one row a URL: what the newest run that met it wants of it, how far from a start, or why not
    resources   one row a version of a URL: status, headers, digest, media type, path, from which snapshot to which
    links       the references of each current version, in their order
    copies      digests of what documents became once their links led to the tree, from which snapshot on;
                a version without one stands there as it was received
    renderings  what became of pages in a browser, or that they wait for it
    needs       why pages work from no disk
    leaving     paths that are to leave the tree when the run settles
    unsynced    digests of objects that a power cut could still harm
    families    URLs that look alike, in the run that is not over: whether they are a trap
    tombstones  what was forgotten and is never to be fetched again
    facts       what the program wants to know of itself next time
"""

import json
import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NoReturn

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import ExceptionContext

from mirror.store.disk.errors import FULL, StorageError

SCHEMA_VERSION: Final = 4

schema = sa.MetaData()

snapshots = sa.Table(
    "snapshots",
    schema,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("started", sa.Text, nullable=False),  # ISO 8601, UTC
    sa.Column("finished", sa.Text),
    sa.Column("outcome", sa.Text, nullable=False),  # incomplete, complete, held
    sa.Column("starts", sa.JSON, nullable=False),
    sa.Column("options", sa.JSON, nullable=False),
    sa.Column("counts", sa.JSON),  # what it comes to, once it is finished
)
urls = sa.Table(
    "urls",
    schema,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("url", sa.Text, nullable=False, unique=True),
    sa.Column("since", sa.Integer, nullable=False, server_default="0"),  # snapshots.id: the run that met it first
    sa.Column("resolution", sa.Text),  # a path in the tree; NULL: documents give its absolute URL
    sa.Column("same_as", sa.Integer),  # urls.id: whose resource it is, where it has none of its own
    sa.Index("urls_same_as", "same_as", sqlite_where=sa.text("same_as IS NOT NULL")),
)
frontier = sa.Table(
    "frontier",
    schema,
    sa.Column("url_id", sa.Integer, primary_key=True),
    sa.Column("snapshot_id", sa.Integer, nullable=False),
    sa.Column("state", sa.Integer, nullable=False),
    sa.Column("roles", sa.Integer, nullable=False),  # the sum of its ROLE_BITS; 0: it is not wanted
    sa.Column("depth", sa.Integer, nullable=False),
    sa.Column("guess", sa.Boolean, nullable=False),
    sa.Column("referrer_id", sa.Integer),
    sa.Column("reason", sa.Text),
    sa.Index("frontier_pending", "snapshot_id", "state", "roles", "depth", "url_id"),
)
resources = sa.Table(
    "resources",
    schema,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("url_id", sa.Integer, nullable=False),
    sa.Column("since", sa.Integer, nullable=False),  # snapshots.id: the first that shows this
    sa.Column("until", sa.Integer),  # the first that does not any more; NULL: it is current
    sa.Column("snapshot_id", sa.Integer, nullable=False),  # the last that asked the server
    sa.Column("standing", sa.Text, nullable=False),  # see `manifest.Standing`
    sa.Column("fetched", sa.Text, nullable=False),  # ISO 8601, UTC: when the payload came
    sa.Column("checked", sa.Text, nullable=False),  # ISO 8601, UTC: when the server was asked last
    sa.Column("status", sa.Integer),  # of the payload; NULL: no answer
    sa.Column("headers", sa.JSON, nullable=False),  # [[name, value], ...] as received
    sa.Column("digest", sa.Text),
    sa.Column("size", sa.Integer, nullable=False),
    sa.Column("media_type", sa.Text),
    sa.Column("path", sa.Text),  # in the tree; NULL: it has no place there
    sa.Column("discovered_from", sa.Integer),  # urls.id
    sa.Column("error", sa.Text),  # why there is no payload, or why it could not be renewed
    sa.Column(
        "stale", sa.Integer, nullable=False, server_default="0"
    ),  # what made its file wrong: it has to be published
    sa.Index("resources_current", "url_id", unique=True, sqlite_where=sa.text("until IS NULL")),
    sa.Index("resources_versions", "url_id", "since", unique=True),
    sa.Index("resources_digest", "digest"),
)
links = sa.Table(
    "links",
    schema,
    sa.Column("resource_id", sa.Integer, primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True),
    sa.Column("target_id", sa.Integer, nullable=False, index=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("guess", sa.Boolean, nullable=False),
    sqlite_with_rowid=False,
)
copies = sa.Table(
    "copies",
    schema,
    sa.Column("resource_id", sa.Integer, primary_key=True),
    sa.Column("since", sa.Integer, primary_key=True),  # snapshots.id
    sa.Column("digest", sa.Text, index=True),  # NULL: as it was received
    sqlite_with_rowid=False,
)
renderings = sa.Table(
    "renderings",
    schema,
    sa.Column("resource_id", sa.Integer, primary_key=True),
    sa.Column("since", sa.Integer, primary_key=True),  # snapshots.id: the run that rendered it, or is to
    sa.Column("state", sa.Integer, nullable=False),  # see `renderings.State`
    sa.Column("again", sa.Boolean, nullable=False),  # an earlier run has rendered this version
    sa.Column("template", sa.Text, nullable=False),  # the same for pages that run the same scripts
    sa.Column(
        "trials", sa.Integer
    ),  # pages of it that have to give nothing new before others are spared; NULL: none is
    sa.Column("tries", sa.Integer, nullable=False),  # how often it was begun
    sa.Column("found", sa.Integer, nullable=False),  # URLs that nothing else had led to
    sa.Column("outcome", sa.Text, nullable=False),  # what did not come to an end; "": all did
    sa.Column("refused", sa.JSON, nullable=False),  # what the page may not ask for, a line each
    sa.Column("dom", sa.Text, index=True),  # digest of the object with its DOM; NULL: it is not kept
    sa.Index("renderings_state", "since", "state", "again", "resource_id"),
    sqlite_with_rowid=False,
)
needs = sa.Table(
    "needs",
    schema,
    sa.Column("resource_id", sa.Integer, primary_key=True),
    sa.Column("why", sa.Text, nullable=False),  # why its page works from no disk
)
leaving = sa.Table(
    "leaving",
    schema,
    sa.Column("path", sa.Text, primary_key=True),
    sa.Column("url_id", sa.Integer, nullable=False, index=True),
    sa.Column("lost", sa.Boolean, nullable=False),  # a page that the server no longer has
    sa.Column("released", sa.Boolean, nullable=False),  # nothing leads to it any more
    sqlite_with_rowid=False,
)
unsynced = sa.Table("unsynced", schema, sa.Column("digest", sa.Text, primary_key=True), sqlite_with_rowid=False)
rules = sa.Table(
    "rules",
    schema,
    sa.Column("url_id", sa.Integer, primary_key=True),
    sa.Column(
        "rule", sa.Text, nullable=False
    ),  # the words that decided about the URL, or about the links of its document
)
families = sa.Table(
    "families",
    schema,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("state", sa.JSON, nullable=False),  # see `core.policy.crawler_traps.State`
    sqlite_with_rowid=False,
)
tombstones = sa.Table(
    "tombstones",
    schema,
    sa.Column("url", sa.Text, primary_key=True),
    sa.Column("forgotten", sa.Text, nullable=False),  # ISO 8601, UTC
    sqlite_with_rowid=False,
)
facts = sa.Table(
    "facts",
    schema,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
    sqlite_with_rowid=False,
)


class Database:
    """The database at one path. Raises `StorageError` where it can't be read or written, or is of another version.

    One that is only read needs no lock: what it shows is what was committed when it was asked.
    """

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.path = path
        self.when_undone: list[Callable[[], None]] = []
        """Called when a transaction, or a part of one, did not happen after all."""
        self._is_open = False
        self._engine = sa.create_engine(_url(path, read_only=read_only), isolation_level="AUTOCOMMIT")
        event.listen(self._engine, "connect", _configure_reader if read_only else _configure)
        event.listen(self._engine, "handle_error", self._refuse)
        try:
            self.connection = self._engine.connect()
            self._prepare(read_only=read_only)
        except sqlite3.DatabaseError as error:  # raised by `_configure`
            self._engine.dispose()
            raise _storage_error(path, error) from error
        except StorageError:
            self._engine.dispose()
            raise

    def close(self) -> None:
        self.connection.close()
        self._engine.dispose()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All writes inside happen together or not at all."""
        assert not self._is_open, "parts that are not committed yet"
        self._begin()
        try:
            yield
            self.commit()
        except BaseException:
            self._undo()
            raise

    @contextmanager
    def part(self) -> Iterator[None]:
        """The same, but the writes of many parts are committed together, by `commit`: that is what costs."""
        if not self._is_open:
            self._begin()
        self.run("SAVEPOINT part")
        try:
            yield
        except BaseException:
            if self._driver.in_transaction:
                self.run("ROLLBACK TO part")
                self.run("RELEASE part")
                self._tell_undone()
            else:  # a full disk has ended all of it
                self._undo()
            raise
        self.run("RELEASE part")

    def commit(self) -> None:
        """What the parts wrote happens now."""
        if self._is_open:
            try:
                self.run("COMMIT")
            except BaseException:
                self._undo()
                raise
            self._is_open = False

    def _begin(self) -> None:
        self.run("BEGIN IMMEDIATE")
        self._is_open = True

    def _undo(self) -> None:
        if self._driver.in_transaction:  # a full disk has ended it already
            self.run("ROLLBACK")
        self._is_open = False
        self._tell_undone()

    def _tell_undone(self) -> None:
        for forget in self.when_undone:
            forget()

    # --- for statements that run for each URL of a crawl: SQLAlchemy takes longer to hand one over than SQLite to run it ---

    @property
    def _driver(self) -> sqlite3.Connection:
        database = self.connection.connection.driver_connection
        assert isinstance(database, sqlite3.Connection)
        return database

    def run(self, statement: str, values: Sequence[Any] = ()) -> sqlite3.Cursor:
        """One statement; its values are bound to its question marks."""
        try:
            return self._driver.execute(statement, values)
        except sqlite3.DatabaseError as error:
            self._raise(error)

    def run_many(self, statement: str, rows: Sequence[Sequence[Any]]) -> None:
        """One statement for each row of values."""
        try:
            self._driver.executemany(statement, rows)
        except sqlite3.DatabaseError as error:
            self._raise(error)

    def _raise(self, error: sqlite3.DatabaseError) -> NoReturn:
        if type(error) in {sqlite3.DatabaseError, sqlite3.OperationalError}:
            raise _storage_error(self.path, error) from error
        raise error

    def checkpoint(self) -> None:
        """Bring all that was committed onto the disk itself, past a power cut; nobody has to wait for it."""
        self.connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")

    def damage(self) -> str | None:
        """What SQLite finds wrong with the file, in one line; `None`: nothing."""
        found = self.connection.exec_driver_sql("PRAGMA integrity_check(1)").scalar_one()
        return None if found == "ok" else " ".join(str(found).split())

    def compact(self) -> None:
        """Give the room of deleted rows back, and leave nothing of them in the file."""
        self.connection.exec_driver_sql("VACUUM")
        self.checkpoint()

    def _prepare(self, *, read_only: bool) -> None:
        version = self.connection.exec_driver_sql("PRAGMA user_version").scalar_one()
        if version == SCHEMA_VERSION:
            return
        if version not in {0, *_MIGRATIONS}:
            raise StorageError(
                f"{self.path} has version {version}, this program reads {SCHEMA_VERSION}: "
                "use the program that wrote it, or a newer one"
            )
        if read_only:
            raise StorageError(
                f"{self.path} has version {version}, this program reads {SCHEMA_VERSION}: a crawl or publish brings it there"
            )
        with self.transaction():
            while version in _MIGRATIONS:
                _MIGRATIONS[version](self.connection)
                version += 1
            schema.create_all(self.connection)
            self.connection.exec_driver_sql(f"PRAGMA user_version = {SCHEMA_VERSION}")

    def _refuse(self, context: ExceptionContext) -> None:
        """Tell what is wrong with the file; a mistake in a statement stays what it is."""
        error = context.original_exception
        if type(error) in {sqlite3.DatabaseError, sqlite3.OperationalError}:
            raise _storage_error(self.path, error) from error


def listed(values: Sequence[str] | Sequence[int]) -> tuple[str]:
    """A list of any length as the one value of `json_each(?)`."""
    return (json.dumps(values),)


given = sa.func.json_each(sa.bindparam("given", type_=sa.JSON)).table_valued("value")
GIVEN: Final = sa.select(given.c.value)
"""The values of a list of any length as one parameter."""


_VERSION_1: Final = ("snapshots", "urls", "frontier", "resources", "links")
_TO_VERSION_2: Final = """
    INSERT INTO snapshots
        SELECT id, started, finished, iif(finished IS NULL, 'incomplete', 'complete'), starts, options, NULL
        FROM snapshots_1;
    INSERT INTO urls (id, url, since, resolution)
        SELECT id, url, (SELECT coalesce(min(id), 0) FROM snapshots_1), resolution
        FROM urls_1;
    INSERT INTO frontier
        SELECT url_id, (SELECT coalesce(max(id), 0) FROM snapshots_1), state, roles, depth, guess, referrer_id, reason
        FROM frontier_1;
    INSERT INTO resources
        SELECT id, url_id, snapshot_id, NULL, snapshot_id,
            CASE
                WHEN path IS NOT NULL THEN iif(error IS NULL, 'present', 'kept')
                ELSE iif(status IN (404, 410), 'gone', 'failed')
            END,
            fetched, fetched, status, headers, digest, size, media_type, path, discovered_from, error, 1
        FROM resources_1;
    INSERT INTO links
        SELECT * FROM links_1
"""


def _to_version_2(connection: sa.Connection) -> None:
    """Version 1 knew each URL as it is now; version 2 knows what it was, too."""
    for table in _VERSION_1:
        connection.exec_driver_sql(f"ALTER TABLE {table} RENAME TO {table}_1")
    for index in ("frontier_pending", "ix_links_target_id"):
        connection.exec_driver_sql(f"DROP INDEX IF EXISTS {index}")
    schema.create_all(connection)
    for statement in _TO_VERSION_2.split(";"):
        connection.exec_driver_sql(statement)
    for table in _VERSION_1:
        connection.exec_driver_sql(f"DROP TABLE {table}_1")


def _to_version_3(_: sa.Connection) -> None:
    """Version 3 has one table more."""


def _to_version_4(connection: sa.Connection) -> None:
    """Version 4 has three tables more, and says whose resource a URL is. From version 1 one comes with the newest tables."""
    if "same_as" not in {row[1] for row in connection.exec_driver_sql("PRAGMA table_info(urls)")}:
        connection.exec_driver_sql("ALTER TABLE urls ADD COLUMN same_as INTEGER")
        connection.exec_driver_sql("CREATE INDEX urls_same_as ON urls (same_as) WHERE same_as IS NOT NULL")


_MIGRATIONS: Final[dict[int, Callable[[sa.Connection], None]]] = {1: _to_version_2, 2: _to_version_3, 3: _to_version_4}
"""Version -> what makes the next one of it, in the transaction of all of them."""

_HINTS: Final = {
    sqlite3.SQLITE_FULL: FULL,
    sqlite3.SQLITE_IOERR: "the disk can't be read or written. Where it is full, make room; then run the same command again",
    sqlite3.SQLITE_BUSY: "another program uses it; wait until that is done",
    sqlite3.SQLITE_READONLY: "it can't be written: check its owner and its rights",
    sqlite3.SQLITE_CANTOPEN: "it can't be opened: check its owner and its rights",
    sqlite3.SQLITE_CORRUPT: "it is damaged: restore it from a backup, or move its folder away to begin anew",
    sqlite3.SQLITE_NOTADB: "it is no manifest: restore it from a backup, or move its folder away to begin anew",
}


def _storage_error(path: Path, error: BaseException) -> StorageError:
    """What a user can do about it."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the rest of an extended code says more than we need
    return StorageError(f"{path}: {_HINTS.get(code, error)}")


def _url(path: Path, *, read_only: bool) -> sa.URL:
    if not read_only:
        return sa.URL.create("sqlite", database=str(path))
    wal = path.with_name(path.name + "-wal")
    # On a medium that can't be written SQLite has no place for the index of its log: without a log it needs none.
    words = {"mode": "ro", "uri": "true"} | (
        {} if wal.exists() or os.access(path.parent, os.W_OK) else {"immutable": "1"}
    )
    return sa.URL.create("sqlite", database=path.absolute().as_uri(), query=words)


def _configure(connection: sqlite3.Connection, _: object) -> None:
    """WAL: readers never wait, and a killed process loses nothing that was committed. What was deleted leaves no trace."""
    for pragma in (
        "journal_mode = WAL",
        "synchronous = NORMAL",
        "temp_store = MEMORY",
        "cache_size = -32768",
        "wal_autocheckpoint = 8192",  # pages, 32 MiB: the crawl waits for the disk whenever so much was written
        "secure_delete = ON",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _configure_reader(connection: sqlite3.Connection, _: object) -> None:
    connection.execute("PRAGMA busy_timeout = 5000")
