"""The database file `.mirror/manifest.sqlite`: opening it, transactions, statements, and errors.

The caller begins and ends transactions (`with database.transaction()`), so that an answer and everything that follows from it
are stored together or not at all.
"""

import os
import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NoReturn

from mirror.store.disk.errors import FULL, StorageError
from mirror.store.manifest import checks
from mirror.store.sqlite.migrations import MIGRATIONS
from mirror.store.sqlite.schema import CREATE, READABLE, SCHEMA_VERSION, TABLES

Values = Sequence[Any] | Mapping[str, Any]
"""Values for the question marks of a statement, or for its names."""


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
        try:
            self._connection = _connect(path, read_only=read_only)
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            raise storage_error(path, error) from error
        try:
            self._prepare(read_only=read_only)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self._connection.close()

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
            if self._connection.in_transaction:
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
        if self._connection.in_transaction:  # if the disk is full, SQLite rolled it back already
            self.run("ROLLBACK")
        self.is_open = False
        self.clear_caches()

    def clear_caches(self) -> None:
        for clear in self.on_rollback:
            clear()

    # --- statements ----------------------------------------------------------------------------------------------------

    def run(self, statement: str, values: Values = ()) -> sqlite3.Cursor:
        """Execute one statement. The rows of the cursor are tuples."""
        try:
            return self._connection.execute(statement, values)
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            self._raise(error)

    def rows(self, statement: str, values: Values = ()) -> list[sqlite3.Row]:
        """Return all rows that a query finds; each knows the names of its columns."""
        try:
            cursor = self._connection.cursor()
            cursor.row_factory = sqlite3.Row
            return cursor.execute(statement, values).fetchall()
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            self._raise(error)

    def first(self, statement: str, values: Values = ()) -> sqlite3.Row | None:
        """Return the first row that a query finds; `None` if there is none."""
        return next(iter(self.rows(statement, values)), None)

    def column(self, statement: str, values: Values = ()) -> list[Any]:
        """Return the first column of all rows that a query finds."""
        return [row[0] for row in self.rows(statement, values)]

    def scalar(self, statement: str, values: Values = ()) -> Any:
        """Return the first column of the first row that a query finds; `None` if there is none."""
        try:
            found = self._connection.execute(statement, values).fetchone()
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            self._raise(error)
        return None if found is None else found[0]

    def run_many(self, statement: str, rows: Sequence[Sequence[Any]]) -> None:
        """Execute one statement once for each row of values."""
        try:
            self._connection.executemany(statement, rows)
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            self._raise(error)

    def _raise(self, error: sqlite3.DatabaseError | UnicodeDecodeError) -> NoReturn:
        """A damaged name of a table makes SQLite's own message one that is no UTF-8."""
        if type(error) in _ABOUT_THE_FILE:
            raise storage_error(self.path, error) from error
        raise error

    def checkpoint(self) -> bool:
        """Move the log (WAL) into the database file, sync it and empty the log; return False if a reader still needs the log.

        Readers are not blocked. Waits some seconds for them.
        """
        return not self.scalar("PRAGMA wal_checkpoint(TRUNCATE)")

    def damage(self) -> str | None:
        """Return the first damage that SQLite finds in the file, in one line; `None` if there is none."""
        found = self.scalar("PRAGMA integrity_check(1)")
        return None if found == "ok" else " ".join(str(found).split())

    def back_up(self, place: Path) -> None:
        """Write a whole copy of the database to a new file."""
        self.run("VACUUM INTO ?", (uri_of(place),))

    def compact(self) -> bool:
        """Rewrite the file without the space of deleted rows; return False if a reader keeps the log from being emptied."""
        self.run("VACUUM")
        return self.checkpoint()

    def _prepare(self, *, read_only: bool) -> None:
        version = self.scalar("PRAGMA user_version")
        if version == SCHEMA_VERSION or (read_only and version in READABLE):
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
                for statement in MIGRATIONS[version](self.rows):
                    self.run(statement)
                version += 1
            for statement in CREATE:
                self.run(statement)
            self.run(f"PRAGMA user_version = {SCHEMA_VERSION}")


_ABOUT_THE_FILE: Final = frozenset(
    {sqlite3.DatabaseError, sqlite3.OperationalError, sqlite3.DataError, UnicodeDecodeError}
)
_LONGEST: Final = 512 << 20  # bytes of a value: half of SQLite's own limit
_DANGEROUS: Final = re.compile(r"\b(?:CHECK|GENERATED|VIRTUAL|AS)\b", re.IGNORECASE)
_OWN_TABLES: Final = frozenset({*TABLES, "sqlite_sequence", "sqlite_stat1", "sqlite_stat4"})


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


def storage_error(path: Path, error: BaseException) -> StorageError:
    """Make an error that says what the user can do."""
    code = getattr(error, "sqlite_errorcode", 0)
    if isinstance(error, UnicodeDecodeError):
        return checks.DamagedManifestError(f"{path}: a name in it is no UTF-8")
    if code in _NO_LOCKS:
        return StorageError(f"{path}: this file system has no locks for databases: keep the archive on a local disk")
    primary = code & 0xFF  # without the details of the extended one
    if primary in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
        return checks.DamagedManifestError(f"{path}: {error}")
    return StorageError(f"{path}: {_HINTS.get(primary, error)}")


def _connect(path: Path, *, read_only: bool) -> sqlite3.Connection:
    """Open the file; the caller begins and ends transactions, and may be any thread, one at a time."""
    name = f"{uri_of(path)}?{read_only_mode(path) if read_only else 'mode=rwc'}"
    connection = sqlite3.connect(name, uri=True, isolation_level=None, check_same_thread=False)
    try:
        _distrust(connection)
        for pragma in _READER if read_only else _WRITER:
            connection.execute(f"PRAGMA {pragma}")
    except BaseException:
        connection.close()
        raise
    return connection


def read_only_mode(path: Path) -> str:
    """SQLite needs an index file for its log. On a read-only medium it can't make one, but if there is no log it needs none."""
    wal = path.with_name(path.name + "-wal")
    return "mode=ro" if wal.exists() or os.access(path.parent, os.W_OK) else IMMUTABLE


def uri_of(path: Path) -> str:
    """Return a name for SQLite that has no character that UTF-8 lacks: the name of a folder may be any bytes."""
    return path.absolute().as_uri()


IMMUTABLE: Final = "mode=ro&immutable=1"
"""How SQLite opens a file that nobody writes: it needs no other files."""

_READER: Final = ("busy_timeout = 5000",)
_WRITER: Final = (  # with WAL readers never wait, and a killed process loses nothing that was committed
    "journal_mode = WAL",
    "synchronous = NORMAL",
    "temp_store = MEMORY",
    "cache_size = -32768",
    "wal_autocheckpoint = 8192",  # pages, 32 MiB: the crawl waits for the disk each time it has written that much
    "secure_delete = ON",  # overwrites what is deleted, so that `forget` leaves no trace
)
