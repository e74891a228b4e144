"""The files that are to leave the tree. Owns the table `leaving`."""

from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa

from mirror.core.url.canonical import CanonicalURL
from mirror.core.url.local_paths import LocalPath
from mirror.store.manifest import checks
from mirror.store.manifest.records import Outcome
from mirror.store.sqlite.frontier import Frontier
from mirror.store.sqlite.queries import CURRENT, IS_HTML, IS_REDIRECT, Queries, Session
from mirror.store.sqlite.schema import GIVEN, leaving, resources, snapshots


class Departures(Queries):
    """`interface.Departures`."""

    def __init__(self, session: Session, frontier: Frontier) -> None:
        super().__init__(session)
        self._frontier = frontier

    def add(self, path: LocalPath, url_id: int, *, lost: bool) -> None:
        self._connection.execute(_ADD, {"path": path, "url_id": url_id, "lost": lost})

    def lost_pages(self) -> tuple[int, int]:
        self._run(_DROP_RETURNED)
        lost = self._count(sa.select(sa.func.count()).where(leaving.c.lost, ~leaving.c.released))
        pages = sa.select(sa.func.count()).where(CURRENT, IS_HTML, ~IS_REDIRECT)
        return lost, self._count(pages)

    def has_lost(self, wanted: Sequence[CanonicalURL]) -> bool:
        query = sa.select(sa.func.count()).where(leaving.c.lost, ~leaving.c.released, leaving.c.url_id.in_(GIVEN))
        ids = list(self._frontier.find(wanted).values())
        return int(self._connection.execute(query, {"given": ids}).scalar_one()) > 0

    def release(self) -> None:
        self._run(_DROP_RETURNED)
        self._run(sa.update(leaving).values(released=True))

    def accept_loss(self, now: str) -> None:
        self.release()
        held = sa.update(snapshots).where(snapshots.c.outcome == Outcome.HELD)
        self._run(held.values(outcome=Outcome.COMPLETE, finished=now))

    def released(self) -> list[LocalPath]:
        self._run(_DROP_RETURNED)
        paths = self._connection.execute(sa.select(leaving.c.path).where(leaving.c.released)).scalars()
        return [checks.path(path) for path in paths]

    def all(self) -> list[LocalPath]:
        return [checks.path(path) for path in self._connection.execute(sa.select(leaving.c.path)).scalars()]

    def remove(self, path: LocalPath) -> None:
        self._connection.execute(sa.delete(leaving).where(leaving.c.path == path))


_ADD: Final = sa.text(
    "INSERT INTO leaving (path, url_id, lost, released) VALUES (:path, :url_id, :lost, 0) "
    "ON CONFLICT (path) DO UPDATE SET lost = excluded.lost, released = 0"
)
_DROP_RETURNED: Final = sa.delete(leaving).where(
    sa.exists().where(resources.c.url_id == leaving.c.url_id, resources.c.path == leaving.c.path, CURRENT)
)
