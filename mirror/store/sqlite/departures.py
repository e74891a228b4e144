"""The files that are to leave the tree. Owns the table `leaving`."""

import sqlite3
from collections.abc import Iterator
from typing import Final

from mirror.core.policy.scope import Reason
from mirror.core.url.local_paths import LocalPath
from mirror.store.disk.objects import Digest
from mirror.store.manifest import checks
from mirror.store.manifest.checks import checked
from mirror.store.manifest.records import ChangedPage, Outcome, Standing
from mirror.store.sqlite.queries import AT_LAST_COMPLETE, LAST_COMPLETE, Queries


class Departures(Queries):
    """`interface.Departures`."""

    def add(self, path: LocalPath, url_id: int, *, lost: bool) -> None:
        self._database.run(_ADD, (path, url_id, lost))

    def changed_pages(self) -> Iterator[ChangedPage]:
        yield from map(_changed_page, self._database.rows(_CHANGED))

    def count_pages(self) -> int:
        return int(self._database.scalar(_COUNT))

    def had_content(self, digest: Digest) -> bool:
        return self._database.first(_HAD_CONTENT, (digest,)) is not None

    def has_content(self, digest: Digest) -> bool:
        return self._database.first(_HAS_CONTENT, (digest,)) is not None

    def release(self) -> None:
        self._database.run(_DROP_RETURNED)
        self._database.run("UPDATE leaving SET released = 1")

    def accept_loss(self, now: str) -> None:
        self.release()
        self._database.run(_ACCEPT, (Outcome.COMPLETE, now, Outcome.HELD))

    def released(self) -> list[LocalPath]:
        self._database.run(_DROP_RETURNED)
        return self._paths("SELECT path FROM leaving WHERE released")

    def all(self) -> list[LocalPath]:
        return self._paths("SELECT path FROM leaving")

    def remove(self, path: LocalPath) -> None:
        self._database.run("DELETE FROM leaving WHERE path = ?", (path,))

    def _paths(self, query: str) -> list[LocalPath]:
        return [checks.path(path) for path in self._database.column(query)]


@checked
def _changed_page(row: sqlite3.Row) -> ChangedPage:
    return ChangedPage(
        url_id=checks.number(row["id"]),
        url=checks.url(row["url"]),
        content=checks.digest(row["content"]),
        standing=Standing(row["standing"]),
        status=checks.optional(checks.status, row["status"]),
        path=checks.optional(checks.path, row["path"]),
        digest=checks.optional(checks.digest, row["digest"]),
        reason=Reason(row["reason"]) if row["reason"] else None,
    )


_ADD: Final = (
    "INSERT INTO leaving (path, url_id, lost, released) VALUES (?, ?, ?, 0) "
    "ON CONFLICT (path) DO UPDATE SET lost = excluded.lost, released = 0"
)
_HAD_PAGE: Final = (
    f"{AT_LAST_COMPLETE.format('b')} AND b.path IS NOT NULL AND b.standing <> 'error' AND b.size > 0 AND b.digest IS NOT NULL "
    "AND b.media_type IN ('text/html', 'application/xhtml+xml') AND b.status NOT BETWEEN 300 AND 399"
)
_COUNT: Final = f"SELECT count(*) FROM resources b WHERE {_HAD_PAGE}"
_CHANGED: Final = (
    "SELECT u.id, u.url, b.digest AS content, n.standing, n.status, n.path, n.digest, f.reason "
    f"FROM resources n JOIN resources b ON b.url_id = n.url_id AND {_HAD_PAGE} "
    "JOIN urls u ON u.id = n.url_id LEFT JOIN frontier f ON f.url_id = n.url_id "
    f"WHERE n.until IS NULL AND n.since > {LAST_COMPLETE} "
    "AND (n.path IS NULL OR n.digest IS NOT b.digest) ORDER BY u.id"
)
_HAD_CONTENT: Final = (
    f"SELECT 1 FROM resources r WHERE r.digest = ? AND r.path IS NOT NULL AND {AT_LAST_COMPLETE.format('r')} LIMIT 1"
)
_HAS_CONTENT: Final = "SELECT 1 FROM resources WHERE digest = ? AND path IS NOT NULL AND until IS NULL LIMIT 1"
_DROP_RETURNED: Final = (  # another URL may have taken over the place
    "DELETE FROM leaving WHERE EXISTS (SELECT 1 FROM resources r WHERE r.path = leaving.path AND r.until IS NULL)"
)
_ACCEPT: Final = "UPDATE snapshots SET outcome = ?, finished = ? WHERE outcome = ?"
