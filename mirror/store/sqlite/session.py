"""What all parts of the manifest share: the database and the selected run."""

from typing import Any

import sqlalchemy as sa

from mirror.store.sqlite.database import Database


class Session:
    """The database and the selected run. `run_id` is the id of its snapshot, 0 if no run is selected."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.run_id = 0
        self.new_urls: set[int] = set()
        """The ids of URLs that were added since the last savepoint began: no committed link refers to them."""

    def select(self, run_id: int) -> None:
        """Read and write for this run from now on."""
        self.run_id = run_id
        self.forget()

    def forget(self) -> None:
        """Clear all caches: a statement outside of `Frontier` wrote to its tables."""
        self.database.clear_caches()


class Queries:
    """The base of the manifest's parts."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._database = session.database
        self._connection = session.database.connection

    @property
    def _run_id(self) -> int:
        return self._session.run_id

    def _run(self, statement: sa.Executable) -> None:
        self._connection.execute(statement)

    def _count(self, query: sa.Select[Any]) -> int:
        return int(self._connection.execute(query, {"run": self._run_id}).scalar_one())
