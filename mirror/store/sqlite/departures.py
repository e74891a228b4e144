"""The files that are to leave the tree. Owns the table `leaving`."""

from collections.abc import Iterator
from typing import Any, Final

import sqlalchemy as sa

from mirror.core.policy.scope import Reason
from mirror.core.url.local_paths import LocalPath
from mirror.store.disk.objects import Digest
from mirror.store.manifest import checks
from mirror.store.manifest.checks import checked
from mirror.store.manifest.records import ChangedPage, Outcome, Standing
from mirror.store.sqlite.queries import AT_LAST_COMPLETE, CURRENT, LAST_COMPLETE, Queries
from mirror.store.sqlite.schema import leaving, resources, snapshots


class Departures(Queries):
    """`interface.Departures`."""

    def add(self, path: LocalPath, url_id: int, *, lost: bool) -> None:
        self._connection.execute(_ADD, {"path": path, "url_id": url_id, "lost": lost})

    def changed_pages(self) -> Iterator[ChangedPage]:
        yield from map(_changed_page, self._connection.execute(_CHANGED).all())

    def count_pages(self) -> int:
        return int(self._connection.execute(_COUNT).scalar_one())

    def had_content(self, digest: Digest) -> bool:
        return self._connection.execute(_HAD_CONTENT, {"digest": digest}).first() is not None

    def has_content(self, digest: Digest) -> bool:
        return self._connection.execute(_HAS_CONTENT, {"digest": digest}).first() is not None

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


@checked
def _changed_page(row: sa.Row[Any]) -> ChangedPage:
    return ChangedPage(
        url_id=checks.number(row.id),
        url=checks.url(row.url),
        content=checks.digest(row.content),
        standing=Standing(row.standing),
        status=checks.optional(checks.status, row.status),
        path=checks.optional(checks.path, row.path),
        digest=checks.optional(checks.digest, row.digest),
        reason=Reason(row.reason) if row.reason else None,
    )


_ADD: Final = sa.text(
    "INSERT INTO leaving (path, url_id, lost, released) VALUES (:path, :url_id, :lost, 0) "
    "ON CONFLICT (path) DO UPDATE SET lost = excluded.lost, released = 0"
)
_HAD_PAGE: Final = (
    f"{AT_LAST_COMPLETE.format('b')} AND b.path IS NOT NULL AND b.size > 0 AND b.digest IS NOT NULL "
    "AND b.media_type IN ('text/html', 'application/xhtml+xml') AND b.status NOT BETWEEN 300 AND 399"
)
_COUNT: Final = sa.text(f"SELECT count(*) FROM resources b WHERE {_HAD_PAGE}")  # noqa: S608 - ours
_CHANGED: Final = sa.text(
    "SELECT u.id, u.url, b.digest AS content, n.standing, n.status, n.path, n.digest, f.reason "  # noqa: S608 - ours
    f"FROM resources n JOIN resources b ON b.url_id = n.url_id AND {_HAD_PAGE} "
    "JOIN urls u ON u.id = n.url_id LEFT JOIN frontier f ON f.url_id = n.url_id "
    f"WHERE n.until IS NULL AND n.since > {LAST_COMPLETE} "
    "AND (n.path IS NULL OR n.digest IS NOT b.digest) ORDER BY u.id"
)
_HAD_CONTENT: Final = sa.text(
    f"SELECT 1 FROM resources r WHERE r.digest = :digest AND r.path IS NOT NULL AND {AT_LAST_COMPLETE.format('r')} LIMIT 1"  # noqa: S608
)
_HAS_CONTENT: Final = sa.text(
    "SELECT 1 FROM resources WHERE digest = :digest AND path IS NOT NULL AND until IS NULL LIMIT 1"
)
_DROP_RETURNED: Final = sa.delete(leaving).where(
    sa.exists().where(resources.c.url_id == leaving.c.url_id, resources.c.path == leaving.c.path, CURRENT)
)
