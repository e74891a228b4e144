"""The database file `.mirror/manifest.sqlite`: opening it, transactions, statements, and errors.

The caller begins and ends transactions (`with database.transaction()`), so that an answer and everything that follows from it
are stored together or not at all.
"""

import os
import re
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NoReturn

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import ExceptionContext

from mirror.store.disk.errors import FULL, StorageError
from mirror.store.manifest import checks
from mirror.store.sqlite.migrations import MIGRATIONS
from mirror.store.sqlite.schema import SCHEMA_VERSION, schema


class Database:
    """The database at one path. Raises `StorageError` if it can't be read or written, or has a version that is not supported.

    With `read_only`, no lock of the archive is needed: each query sees what was committed when it began.
    """

    def __init__(self, path: Path, *, read_only: bool = False, check: Callable[[], None] = lambda: None) -> None:
        """`check` raises `StorageError` if this process must not write any more. Called in each transaction."""
        self.path = path
        self._check = check
        self.on_rollback: list[Callable[[], None]] = []
        """Functions that clear caches. Called after a transaction or savepoint was rolled back."""
        self.is_open = False
        """Whether a transaction is open."""
        self._engine = sa.create_engine(
            _url(path, read_only=read_only), isolation_level="AUTOCOMMIT", json_deserializer=checks.read_json
        )
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
        """Commit all writes inside the block, or roll all of them back."""
        assert not self.is_open, "savepoints that are not committed yet"
        self._begin()
        try:
            yield
            self.commit()
        except BaseException:
            self._undo()
            raise

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Keep all writes inside the block for the next `commit`, or roll all of them back."""
        if not self.is_open:
            self._begin()
        self.run("SAVEPOINT answer")
        try:
            yield
        except BaseException:
            if self._driver.in_transaction:
                self.run("ROLLBACK TO answer")
                self.run("RELEASE answer")
                self.clear_caches()
            else:  # SQLite rolled everything back, because the disk is full
                self._undo()
            raise
        self.run("RELEASE answer")

    def commit(self) -> None:
        """Commit the writes of all savepoints."""
        if self.is_open:
            try:
                self._check()
                self.run("COMMIT")
            except BaseException:
                self._undo()
                raise
            self.is_open = False

    def _begin(self) -> None:
        self._check()
        self.run("BEGIN IMMEDIATE")
        self.is_open = True

    def _undo(self) -> None:
        if self._driver.in_transaction:  # if the disk is full, SQLite rolled it back already
            self.run("ROLLBACK")
        self.is_open = False
        self.clear_caches()

    def clear_caches(self) -> None:
        for clear in self.on_rollback:
            clear()

    # --- statements that run for each URL of a crawl: SQLAlchemy takes longer to pass one on than SQLite to execute it ------

    @property
    def _driver(self) -> sqlite3.Connection:
        database = self.connection.connection.driver_connection
        assert isinstance(database, sqlite3.Connection)
        return database

    def run(self, statement: str, values: Sequence[Any] = ()) -> sqlite3.Cursor:
        """Execute one statement, with `values` for its question marks."""
        try:
            return self._driver.execute(statement, values)
        except sqlite3.DatabaseError as error:
            self._raise(error)

    def run_many(self, statement: str, rows: Sequence[Sequence[Any]]) -> None:
        """Execute one statement once for each row of values."""
        try:
            self._driver.executemany(statement, rows)
        except sqlite3.DatabaseError as error:
            self._raise(error)

    def _raise(self, error: sqlite3.DatabaseError) -> NoReturn:
        if type(error) in _ABOUT_THE_FILE:
            raise _storage_error(self.path, error) from error
        raise error

    def checkpoint(self) -> bool:
        """Move the log (WAL) into the database file, sync it and empty the log; return False if a reader still needs the log.

        Readers are not blocked. Waits some seconds for them.
        """
        is_busy, _, _ = self.connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()
        return not is_busy

    def damage(self) -> str | None:
        """Return the first damage that SQLite finds in the file, in one line; `None` if there is none."""
        found = self.connection.exec_driver_sql("PRAGMA integrity_check(1)").scalar_one()
        return None if found == "ok" else " ".join(str(found).split())

    def back_up(self, place: Path) -> None:
        """Write a whole copy of the database to a new file."""
        self.run("VACUUM INTO ?", (_uri(place),))

    def compact(self) -> bool:
        """Rewrite the file without the space of deleted rows; return False if a reader keeps the log from being emptied."""
        self.connection.exec_driver_sql("VACUUM")
        return self.checkpoint()

    def _prepare(self, *, read_only: bool) -> None:
        version = self.connection.exec_driver_sql("PRAGMA user_version").scalar_one()
        if version == SCHEMA_VERSION:
            return
        if version not in {0, *MIGRATIONS}:
            raise StorageError(
                f"{self.path} has version {version}, this program reads {SCHEMA_VERSION}: "
                "use the program that wrote it, or a newer one"
            )
        if read_only:
            raise StorageError(
                f"{self.path} has version {version}, this program reads {SCHEMA_VERSION}: run a crawl or publish to migrate it"
            )
        with self.transaction():
            while version in MIGRATIONS:
                MIGRATIONS[version](self.connection)
                version += 1
            schema.create_all(self.connection)
            self.connection.exec_driver_sql(f"PRAGMA user_version = {SCHEMA_VERSION}")

    def _refuse(self, context: ExceptionContext) -> None:
        """Turn errors about the file into `StorageError`. Errors in a statement are bugs and stay as they are."""
        error = context.original_exception
        if type(error) in _ABOUT_THE_FILE:
            raise _storage_error(self.path, error) from error


_ABOUT_THE_FILE: Final = frozenset({sqlite3.DatabaseError, sqlite3.OperationalError, sqlite3.DataError})
_LONGEST: Final = 512 << 20  # bytes of a value: half of SQLite's own limit
_DANGEROUS: Final = re.compile(r"\b(?:CHECK|GENERATED|VIRTUAL|AS)\b", re.IGNORECASE)
_OWN_TABLES: Final = frozenset({*schema.tables, "sqlite_sequence", "sqlite_stat1", "sqlite_stat4"})


def _distrust(database: sqlite3.Connection) -> None:
    """Make SQLite careful with a file that somebody else may have written (https://sqlite.org/security.html).

    Raises `DamagedManifestError` if the schema has anything that this program does not make. A view or a trigger could do
    something else than a statement says, and a column be computed by any function. The database of another program, in the
    place of the manifest, is not changed.
    """
    database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST)
    for pragma in ("trusted_schema = OFF", "cell_size_check = ON", "mmap_size = 0"):
        database.execute(f"PRAGMA {pragma}")
    for kind, name, sql in database.execute("SELECT type, name, sql FROM sqlite_master"):
        is_own = kind == "index" or (kind == "table" and name in _OWN_TABLES)
        if not is_own or (kind == "table" and _DANGEROUS.search(sql)):
            raise checks.DamagedManifestError(f"it has a {kind} {str(name)[:80]!r} that Websucker does not make")


_HINTS: Final = {
    sqlite3.SQLITE_FULL: FULL,
    sqlite3.SQLITE_IOERR: "the disk can't be read or written. If it is full, make room, then run the same command again",
    sqlite3.SQLITE_BUSY: "another program is using it: wait until that program is done",
    sqlite3.SQLITE_READONLY: "it can't be written: check its owner and permissions",
    sqlite3.SQLITE_CANTOPEN: "it can't be opened: check its owner and permissions",
}


_NO_LOCKS: Final = frozenset(
    {
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_IOERR_LOCK,
        sqlite3.SQLITE_IOERR_RDLOCK,
        sqlite3.SQLITE_IOERR_UNLOCK,
        sqlite3.SQLITE_IOERR_CHECKRESERVEDLOCK,
        sqlite3.SQLITE_IOERR_SHMLOCK,
        sqlite3.SQLITE_IOERR_SHMMAP,
    }
)
"""Extended codes (https://www.sqlite.org/rescode.html) of file systems without the locks or the shared memory of SQLite."""


def _storage_error(path: Path, error: BaseException) -> StorageError:
    """Make an error that says what the user can do."""
    code = getattr(error, "sqlite_errorcode", 0)
    if code in _NO_LOCKS:
        return StorageError(f"{path}: this file system has no locks for databases: keep the archive on a local disk")
    primary = code & 0xFF  # without the details of the extended one
    if primary in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
        return checks.DamagedManifestError(f"{path}: {error}")
    return StorageError(f"{path}: {_HINTS.get(primary, error)}")


def _url(path: Path, *, read_only: bool) -> sa.URL:
    if not read_only:
        return sa.URL.create("sqlite", database=_uri(path), query={"mode": "rwc", "uri": "true"})
    wal = path.with_name(path.name + "-wal")
    # SQLite needs an index file for its log. On a read-only medium it can't make one, but if there is no log it needs none.
    words = {"mode": "ro", "uri": "true"} | (
        {} if wal.exists() or os.access(path.parent, os.W_OK) else {"immutable": "1"}
    )
    return sa.URL.create("sqlite", database=_uri(path), query=words)


def _uri(path: Path) -> str:
    """Return a name for SQLite that has no character that UTF-8 lacks: the name of a folder may be any bytes."""
    return path.absolute().as_uri()


def _configure(connection: sqlite3.Connection, _: object) -> None:
    """Configure a writer: with WAL readers never wait, and a killed process loses nothing that was committed.

    `secure_delete` overwrites what is deleted, so that `forget` leaves no trace.
    """
    _distrust(connection)
    for pragma in (
        "journal_mode = WAL",
        "synchronous = NORMAL",
        "temp_store = MEMORY",
        "cache_size = -32768",
        "wal_autocheckpoint = 8192",  # pages, 32 MiB: the crawl waits for the disk each time it has written that much
        "secure_delete = ON",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _configure_reader(connection: sqlite3.Connection, _: object) -> None:
    _distrust(connection)
    connection.execute("PRAGMA busy_timeout = 5000")
