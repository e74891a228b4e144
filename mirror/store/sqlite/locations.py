"""The paths of URLs in the tree, and the paths that published documents link to. Owns the column `urls.resolution`."""

from collections.abc import Iterator, Sequence
from typing import Final

from mirror.core.syntax.reference import Kind
from mirror.core.url.canonical import CanonicalURL
from mirror.core.url.local_paths import LocalPath
from mirror.store.manifest import checks
from mirror.store.manifest.records import Resource
from mirror.store.sqlite.links import Links
from mirror.store.sqlite.queries import AT_A_TIME, Queries, Session
from mirror.store.sqlite.schema import listed


class Locations(Queries):
    """`interface.Locations`."""

    def __init__(self, session: Session, links: Links) -> None:
        super().__init__(session)
        self._links = links

    def resolutions(self, resource: Resource) -> dict[CanonicalURL, LocalPath]:
        rows = self._database.run(_RESOLUTIONS, (resource.id,))
        return {checks.url(url): checks.path(path) for url, path in rows}

    def expect(self, places: Sequence[tuple[int, LocalPath]]) -> None:
        wanted = dict(places)
        rows = self._database.run(_UNRESOLVED, listed(list(wanted))).fetchall() if wanted else ()
        changed = [(url_id, wanted[url_id]) for (url_id,) in rows]
        if self._links.is_indexed() or not self._session.new_urls.issuperset(url_id for url_id, _ in changed):
            self._links.build_index()
            self.settle(changed)
        else:  # the URLs are new: only the document that is being recorded refers to them, and it will be published anyway
            self._database.run_many(_SET_RESOLUTION, [(path, url_id) for url_id, path in changed])

    def all_urls(self) -> Iterator[tuple[int, LocalPath | None, LocalPath | None, int | None]]:
        last = 0
        while rows := self._database.rows(_PLACES, (last,)):
            for url_id, resolution, path, leads_to in rows:
                yield url_id, checks.optional(checks.path, resolution), checks.optional(checks.path, path), leads_to
            last = rows[-1]["id"]

    def place(self, url_id: int) -> tuple[LocalPath | None, int | None]:
        row = self._database.first(_PLACE, (url_id,))
        return (checks.optional(checks.path, row["place"]), row["leads_to"]) if row else (None, None)

    def settle(self, changed: Sequence[tuple[int, LocalPath | None]]) -> None:
        if changed:
            self._database.run_many(_SET_RESOLUTION, [(path, url_id) for url_id, path in changed])
            self._database.run(_MARK_REFERRERS_STALE, listed([url_id for url_id, _ in changed]))


_AT: Final = "coalesce(r.path, (SELECT l.path FROM leaving l WHERE l.url_id = u.id AND NOT l.released LIMIT 1))"
_OF_URL: Final = (
    f"SELECT u.id, u.resolution, {_AT} AS place, "
    f"coalesce((SELECT l.target_id FROM links l WHERE l.resource_id = r.id AND l.kind = '{Kind.REDIRECT}' "
    f"ORDER BY l.position LIMIT 1), CASE WHEN {_AT} IS NULL THEN u.same_as END) AS leads_to "
    "FROM urls u LEFT JOIN resources r ON r.url_id = u.id AND r.until IS NULL "
)
_PLACE: Final = f"{_OF_URL} WHERE u.id = ?"
_PLACES: Final = f"{_OF_URL} WHERE u.id > ? ORDER BY u.id LIMIT {AT_A_TIME * 4}"
_GIVEN: Final = "(SELECT value FROM json_each(?))"
_RESOLUTIONS: Final = (
    "SELECT u.url, u.resolution FROM links l JOIN urls u ON u.id = l.target_id "
    "WHERE l.resource_id = ? AND u.resolution IS NOT NULL"
)
_SET_RESOLUTION: Final = "UPDATE urls SET resolution = ? WHERE id = ?"
_UNRESOLVED: Final = (
    f"SELECT id FROM urls WHERE id IN {_GIVEN} AND resolution IS NULL "
    "AND NOT EXISTS (SELECT 1 FROM resources r WHERE r.url_id = urls.id AND r.until IS NULL)"
)
_MARK_REFERRERS_STALE: Final = (
    f"UPDATE resources SET stale = stale + 1 WHERE id IN (SELECT resource_id FROM links WHERE target_id IN {_GIVEN})"
)
