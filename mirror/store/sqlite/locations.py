"""The paths of URLs in the tree, and the paths that published documents link to. Owns the column `urls.resolution`."""

from collections.abc import Iterator, Sequence
from typing import Final

import sqlalchemy as sa

from mirror.core.syntax.embedded_urls import Kind
from mirror.core.url.canonical import CanonicalURL
from mirror.core.url.local_paths import LocalPath
from mirror.store.manifest import checks
from mirror.store.manifest.records import Resource
from mirror.store.sqlite.links import Links
from mirror.store.sqlite.queries import AT_A_TIME, CURRENT, Queries, Session
from mirror.store.sqlite.schema import leaving, links, listed, resources, urls


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
        query = (
            sa.select(urls.c.id, urls.c.resolution, _PATH, _LEADS_TO)
            .outerjoin(resources, (resources.c.url_id == urls.c.id) & CURRENT)
            .order_by(urls.c.id)
            .limit(AT_A_TIME * 4)
        )
        last = 0
        while rows := self._connection.execute(query.where(urls.c.id > last)).all():
            yield from (
                (row[0], checks.optional(checks.path, row[1]), checks.optional(checks.path, row[2]), row[3])
                for row in rows
            )
            last = rows[-1][0]

    def place(self, url_id: int) -> tuple[LocalPath | None, int | None]:
        row = self._connection.execute(_PLACE, {"url_id": url_id}).first()
        return (checks.optional(checks.path, row[0]), row[1]) if row else (None, None)

    def settle(self, changed: Sequence[tuple[int, LocalPath | None]]) -> None:
        if changed:
            self._database.run_many(_SET_RESOLUTION, [(path, url_id) for url_id, path in changed])
            self._database.run(_MARK_REFERRERS_STALE, listed([url_id for url_id, _ in changed]))


_REDIRECT: Final = (
    sa.select(links.c.target_id)
    .where(links.c.resource_id == resources.c.id, links.c.kind == Kind.REDIRECT)
    .order_by(links.c.position)
    .limit(1)
    .scalar_subquery()
)
_LEAVING_PATH: Final = (
    sa.select(leaving.c.path).where(leaving.c.url_id == urls.c.id, ~leaving.c.released).limit(1).scalar_subquery()
)
_PATH: Final = sa.func.coalesce(resources.c.path, _LEAVING_PATH)
_LEADS_TO: Final = sa.func.coalesce(_REDIRECT, sa.case((_PATH.is_(None), urls.c.same_as)))
_PLACE: Final = (
    sa.select(_PATH, _LEADS_TO)
    .select_from(urls.outerjoin(resources, (resources.c.url_id == urls.c.id) & CURRENT))
    .where(urls.c.id == sa.bindparam("url_id"))
)
_GIVEN: Final = "(SELECT value FROM json_each(?))"
_RESOLUTIONS: Final = (
    "SELECT u.url, u.resolution FROM links l JOIN urls u ON u.id = l.target_id "
    "WHERE l.resource_id = ? AND u.resolution IS NOT NULL"
)
_SET_RESOLUTION: Final = "UPDATE urls SET resolution = ? WHERE id = ?"
_UNRESOLVED: Final = (
    f"SELECT id FROM urls WHERE id IN {_GIVEN} AND resolution IS NULL "  # noqa: S608
    "AND NOT EXISTS (SELECT 1 FROM resources r WHERE r.url_id = urls.id AND r.until IS NULL)"
)
_MARK_REFERRERS_STALE: Final = (
    "UPDATE resources SET stale = stale + 1 "  # noqa: S608
    f"WHERE id IN (SELECT resource_id FROM links WHERE target_id IN {_GIVEN})"
)
