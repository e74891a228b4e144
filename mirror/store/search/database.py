"""The database file of the search index: opening it, transactions, and errors.

Several processes may write it, one transaction at a time; a process that reads sees what was committed. A file that this
program did not make, or that is damaged, is never read: `DamagedIndexError`, and the caller makes the index again.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, NoReturn

from mirror.store.disk.errors import StorageError, storing
from mirror.store.disk.symlink_guard import discard, require_file
from mirror.store.manifest.checks import DamagedManifestError
from mirror.store.search.schema import CREATE, FILES
from mirror.store.sqlite.database import IMMUTABLE, read_only_mode, storage_error, uri_of

_PATIENCE: Final = 20.0  # seconds that a process waits for the transaction of another one
_LONGEST: Final = 64 << 20  # bytes of a value
_READER: Final = ("trusted_schema = OFF", "cell_size_check = ON", "mmap_size = 0")
_WRITER: Final = ("journal_mode = WAL", "synchronous = NORMAL", "temp_store = MEMORY", "secure_delete = ON")


class DamagedIndexError(StorageError):
    """The file is damaged, or is no index that this version of the program made."""


class SearchDatabase:
    """The database in the folder `.mirror`. Raises `StorageError` if it can't be read or written."""

    def __init__(self, kept: Path, *, read_only: bool) -> None:
        self._kept = kept
        self._path = kept / FILES[0]
        with storing(kept):
            for name in FILES:
                require_file(kept / name, alone=True)
        try:
            self._connection = _open(self._path, read_only=read_only)
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            raise _described(self._path, error) from error

    def close(self) -> None:
        self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit all writes inside the block, or roll all of them back. Waits for other processes."""
        self.run("BEGIN IMMEDIATE")
        try:
            yield
            self.run("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise

    def run(self, statement: str, values: Sequence[Any] = ()) -> sqlite3.Cursor:
        """Execute one statement."""
        try:
            return self._connection.execute(statement, values)
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            self._raise(error)

    def rows(self, statement: str, values: Sequence[Any] = (), at_a_time: int = 200) -> Iterator[list[Any]]:
        """Yield the rows that a query finds, some at a time."""
        cursor = self.run(statement, values)
        try:
            while rows := cursor.fetchmany(at_a_time):
                yield rows
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            self._raise(error)

    def all(self, statement: str, values: Sequence[Any] = ()) -> list[Any]:
        """Return all rows that a query finds."""
        return [row for rows in self.rows(statement, values) for row in rows]

    def scalar(self, statement: str, values: Sequence[Any] = ()) -> Any:
        """Return the first column of the first row; `None` if there is none."""
        rows = self.all(statement, values)
        return rows[0][0] if rows else None

    def _raise(self, error: Exception) -> NoReturn:
        raise _described(self._path, error) from error


def is_there(kept: Path) -> bool:
    """Return whether there is an index, or anything in its place."""
    return (kept / FILES[0]).is_file() or any((kept / name).is_symlink() or (kept / name).exists() for name in FILES)


def remove(kept: Path) -> None:
    """Delete the index. Processes that have it open are not disturbed."""
    with storing(kept):
        for name in FILES:
            discard(kept / name)


def _open(path: Path, *, read_only: bool) -> sqlite3.Connection:
    if not read_only:
        return _connect(path, "mode=rwc", read_only=False)
    try:
        return _connect(path, read_only_mode(path), read_only=True)
    except sqlite3.OperationalError:
        log = path.with_name(FILES[1])
        if not path.is_file() or (log.is_file() and log.stat().st_size):
            raise
        return _connect(path, IMMUTABLE, read_only=True)  # a full disk has no room for the files that processes share


def _connect(path: Path, mode: str, *, read_only: bool) -> sqlite3.Connection:
    name = f"{uri_of(path)}?{mode}"
    connection = sqlite3.connect(name, uri=True, isolation_level=None, timeout=_PATIENCE)
    try:
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST)
        for pragma in _READER if read_only else (*_READER, *_WRITER):
            connection.execute(f"PRAGMA {pragma}")
        if not read_only and not _schema(connection):
            _create(connection)
        _check(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _check(connection: sqlite3.Connection, path: Path) -> None:
    if _schema(connection) != _expected():
        raise DamagedIndexError(f"{path} is no search index of this version")


def _create(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")
    if not _schema(connection):  # another process may have been faster
        for statement in CREATE:
            connection.execute(statement)
    connection.execute("COMMIT")


def _schema(connection: sqlite3.Connection) -> tuple[int, list[Any]] | None:
    """Return the version and everything that the file defines; `None` for an empty file."""
    [(version,)] = connection.execute("PRAGMA user_version")
    found = connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY name").fetchall()
    return (version, found) if version or found else None


@lru_cache(maxsize=1)
def _expected() -> tuple[int, list[Any]] | None:
    """Return what this program defines, with the SQLite that it runs with."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        _create(connection)
        return _schema(connection)


def _described(path: Path, error: Exception) -> StorageError:
    """Make an error that says what happened. An error without a code is of the text of a value, which can't be decoded."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is not None and code & 0xFF == sqlite3.SQLITE_BUSY:
        return StorageError(f"{path}: another program is writing it")
    found = storage_error(path, error)
    is_damaged = code is None or isinstance(found, DamagedManifestError)
    return DamagedIndexError(f"{path} is damaged") if is_damaged else found
