"""The manifest in an SQLite file: puts the parts of `store.manifest.interface.Manifest` together."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from mirror.store.manifest.rendering_records import RenderMode
from mirror.store.sqlite.database import Database
from mirror.store.sqlite.decisions import Decisions
from mirror.store.sqlite.frontier import Frontier
from mirror.store.sqlite.history import History
from mirror.store.sqlite.links import Links
from mirror.store.sqlite.locations import Locations
from mirror.store.sqlite.queries import Session
from mirror.store.sqlite.rendering_queue import Queue
from mirror.store.sqlite.resources import Resources
from mirror.store.sqlite.retention import Departures, Retention
from mirror.store.sqlite.runs import Runs


class SQLiteManifest:
    """`interface.Manifest` over one database file.

    Raises `StorageError` if the file can't be read or written, or has a version that is not supported. With `read_only`, it is
    neither written nor migrated. `check` raises `StorageError` if this process must not write any more.
    """

    def __init__(self, path: Path, *, read_only: bool = False, check: Callable[[], None] = lambda: None) -> None:
        self.path = path
        self.database = Database(path, read_only=read_only, check=check)
        self._session = session = Session(self.database)
        self.frontier = Frontier(session)
        self.links = Links(session)
        self.runs = Runs(session, self.frontier)
        self.resources = Resources(session, self.runs, self.links)
        self.locations = Locations(session, self.links)
        self.departures = Departures(session)
        self.decisions = Decisions(session)
        self.history = History(session)
        self.retention = Retention(session)
        self.commit = self.database.commit
        self.checkpoint = self.database.checkpoint
        self.back_up = self.database.back_up
        self.damage = self.database.damage
        self.compact = self.database.compact
        self.close = self.database.close

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with self.database.transaction():
            self._session.new_urls.clear()
            yield

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        with self.database.savepoint():
            self._session.new_urls.clear()
            yield

    @property
    def has_uncommitted(self) -> bool:
        return self.database.is_open

    def rendering_queue(self, run_id: int, when: RenderMode) -> Queue:
        return Queue(self.database, run_id, when)
