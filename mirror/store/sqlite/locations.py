"""The paths of URLs in the tree, and the paths that published documents link to. Owns the column `urls.resolution`."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from mirror.core.syntax.reference import Kind
from mirror.core.url import media_types
from mirror.core.url.canonical import CanonicalURL
from mirror.core.url.local_paths import LocalPath
from mirror.store.manifest import checks
from mirror.store.manifest.location_interface import Found, PathOf
from mirror.store.manifest.records import Resource
from mirror.store.sqlite.links import Links
from mirror.store.sqlite.queries import AT_A_TIME, RESOURCE, Queries, Recent, Session, resource_of
from mirror.store.sqlite.schema import listed

_REMEMBERED: Final = 1 << 15
"""Resolutions that are remembered: until the answers that found them are committed, and their files published."""


class Locations(Queries):
    """`interface.Locations`."""

    def __init__(self, session: Session, links: Links) -> None:
        super().__init__(session)
        self._links = links
        self._resolutions: Recent[int, LocalPath | None] = Recent(_REMEMBERED)
        session.database.on_rollback.append(self._resolutions.clear)

    def resolutions(self, resource: Resource, found: Found | None = None) -> dict[CanonicalURL, LocalPath]:
        if found is None:
            rows = self._database.run(_RESOLUTIONS, (resource.id,))
            return {checks.url(url): checks.path(path) for url, path in rows}
        ids = [target_id for target_id, _ in found]
        paths: list[Any] = self._resolutions.all_of(ids)
        if all(paths):
            return {reference.url: path for (_, reference), path in zip(found, paths, strict=True)}
        known, unknown = self._resolutions.split(ids)
        if unknown:
            rows = self._database.run(_RESOLUTIONS_OF, listed(unknown))
            read = {url_id: checks.optional(checks.path, path) for url_id, path in rows}
            self._resolutions.update(read)
            known |= read
        return {reference.url: path for target_id, reference in found if (path := known.get(target_id))}

    def expect(self, places: Sequence[tuple[int, LocalPath]]) -> None:
        wanted = dict(places)
        is_new = self._session.new_urls.issuperset(wanted)
        if not is_new:
            rows = self._database.run(_UNRESOLVED, listed(list(wanted))).fetchall()
            wanted = {url_id: wanted[url_id] for (url_id,) in rows}
            is_new = self._session.new_urls.issuperset(wanted)
        if self._links.is_indexed() or not is_new:
            self._links.build_index()
            self.settle(list(wanted.items()))
        else:  # only the document that is being recorded refers to new URLs, and it will be published anyway
            self._resolve(wanted)

    def all_urls(self) -> Iterator[tuple[int, LocalPath | None, LocalPath | None, int | None]]:
        last = 0
        while rows := self._database.rows(_PLACES, (last,)):
            for url_id, resolution, path, leads_to in rows:
                yield url_id, checks.optional(checks.path, resolution), checks.optional(checks.path, path), leads_to
            last = rows[-1]["id"]

    def unsettled(self) -> Iterator[tuple[int, str | None, LocalPath | None, int | None]]:
        last = 0
        while rows := self._database.rows(_UNSETTLED, (last,)):
            for url_id, resolution, path, leads_to in rows:
                yield url_id, resolution, checks.optional(checks.path, path), leads_to
            last = rows[-1]["id"]

    def place(self, url_id: int) -> tuple[LocalPath | None, int | None]:
        row = self._database.first(_PLACE, (url_id,))
        return (checks.optional(checks.path, row["place"]), row["leads_to"]) if row else (None, None)

    def settle(self, changed: Sequence[tuple[int, LocalPath | None]]) -> None:
        if changed:
            self._resolve(dict(changed))
            self._database.run(_MARK_REFERRERS_STALE, listed([url_id for url_id, _ in changed]))

    def _resolve(self, places: Mapping[int, LocalPath | None]) -> None:
        if places:
            self._database.run(_SET_RESOLUTIONS, (json.dumps(places),))
            self._resolutions.update(places)

    # --- who has which path --------------------------------------------------------------------------------------------

    def holder(self, path: LocalPath, but: int) -> int | None:
        found = self._database.scalar(_HOLDER, (path, but))
        return None if found is None else int(found)

    def is_folder(self, path: LocalPath) -> bool:
        bounds = f"{path}/", f"{path}0"  # `0` is the character after the slash
        return self._database.scalar(_IS_FOLDER, (*bounds, *bounds)) is not None

    def holders_above(self, path: LocalPath) -> list[int]:
        names = path.split("/")[:-1]
        folders = ["/".join(names[:depth]) for depth in range(2, len(names) + 1)]
        return [int(url_id) for url_id in self._database.column(_HOLDERS, listed(folders))] if folders else []

    def move(self, url_id: int, path: LocalPath) -> None:
        self._database.run(
            "UPDATE resources SET path = ?, stale = stale + 1 WHERE url_id = ? AND until IS NULL", (path, url_id)
        )

    def matching(self, pattern: str) -> list[int]:
        return [int(url_id) for url_id in self._database.column(_MATCHING, (pattern,))]

    def shared(self) -> list[list[int]]:
        return [[int(url_id) for url_id in ids.split(",")] for ids in self._database.column(_SHARED)]

    # --- another law of names ------------------------------------------------------------------------------------------

    def plan(self, path_of: PathOf, at: int | None = None) -> None:
        # What will be carried out is a table of the database, because those of a writer that are temporary are in memory.
        for statement in _MAKE_PLAN:
            self._database.run(statement.format("main" if at is None else "temp"))
        last = 0
        while rows := self._database.rows(_TO_PLAN, {"last": last, "at": at}):
            found = [(resource_of(row), row["until"] is None) for row in rows]
            planned = [
                (one.id, one.url_id, path_of(one, False), path_of(one, True), is_current, *one.precedence)  # noqa: FBT003
                for one, is_current in found
            ]
            self._database.run_many(_PLAN, planned)
            last = rows[-1]["id"]
        while self._database.run(_CROWD_OUT).rowcount:
            pass

    def planned(self, resource: Resource) -> LocalPath | None:
        return checks.optional(
            checks.path, self._database.scalar("SELECT path FROM planned WHERE id = ?", (resource.id,))
        )

    def carry_out(self) -> int:
        moved = int(self._database.scalar(_COUNT_MOVES))
        last = self._database.scalar("SELECT max(id) FROM planned") or 0
        for first in range(0, last + 1, _AT_ONCE):
            for statement in _MOVES:
                self._database.run(statement, (first, first + _AT_ONCE - 1))
        self._database.run("DROP TABLE planned")
        return moved


_AT: Final = "coalesce(r.path, (SELECT l.path FROM leaving l WHERE l.url_id = u.id AND NOT l.released LIMIT 1))"
_OF_URL: Final = (
    f"SELECT u.id, u.resolution, {_AT} AS place, "
    f"coalesce((SELECT l.target_id FROM links l WHERE l.resource_id = r.id AND l.kind = '{Kind.REDIRECT}' "
    f"ORDER BY l.position LIMIT 1), CASE WHEN {_AT} IS NULL THEN u.same_as END) AS leads_to "
    "FROM urls u LEFT JOIN resources r ON r.url_id = u.id AND r.until IS NULL "
)
_PLACE: Final = f"{_OF_URL} WHERE u.id = ?"
_PLACES: Final = f"{_OF_URL} WHERE u.id > ? ORDER BY u.id LIMIT {AT_A_TIME * 4}"
_UNSETTLED: Final = (
    f"SELECT * FROM ({_OF_URL} WHERE u.id > ?) WHERE resolution IS NOT place OR leads_to IS NOT NULL "
    f"ORDER BY id LIMIT {AT_A_TIME * 4}"
)
_GIVEN: Final = "(SELECT value FROM json_each(?))"
_RESOLUTIONS: Final = (
    "SELECT u.url, u.resolution FROM links l JOIN urls u ON u.id = l.target_id "
    "WHERE l.resource_id = ? AND u.resolution IS NOT NULL"
)
_RESOLUTIONS_OF: Final = f"SELECT id, resolution FROM urls WHERE id IN {_GIVEN}"
_SET_RESOLUTIONS: Final = (
    "UPDATE urls SET resolution = place.value FROM json_each(?) place WHERE urls.id = CAST(place.key AS INTEGER)"
)
_UNRESOLVED: Final = (
    f"SELECT id FROM urls WHERE id IN {_GIVEN} AND resolution IS NULL "
    "AND NOT EXISTS (SELECT 1 FROM resources r WHERE r.url_id = urls.id AND r.until IS NULL)"
)
_DOCUMENTS: Final = ", ".join(f"'{media_type}'" for media_type in media_types.DOCUMENTS)
_IS_DOCUMENT: Final = f"(status BETWEEN 300 AND 399 OR media_type IN ({_DOCUMENTS}))"
_HELD: Final = "until IS NULL AND path IS NOT NULL"  # as in the index
_HOLDER: Final = f"SELECT url_id FROM resources WHERE path = ? AND {_HELD} AND url_id <> ? LIMIT 1"
_IS_FOLDER: Final = (
    f"SELECT * FROM (SELECT 1 FROM resources WHERE path >= ? AND path < ? AND {_HELD} LIMIT 1) "
    "UNION ALL SELECT * FROM (SELECT 1 FROM leaving WHERE path >= ? AND path < ? LIMIT 1)"
)
_HOLDERS: Final = f"SELECT url_id FROM resources WHERE path IN {_GIVEN} AND {_HELD} ORDER BY url_id"
_MATCHING: Final = f"SELECT url_id FROM resources WHERE path GLOB ? AND {_HELD} ORDER BY url_id"
_SHARED: Final = f"SELECT group_concat(url_id) FROM resources WHERE {_HELD} GROUP BY path HAVING count(*) > 1"
_PLANNED: Final = (
    "id INTEGER PRIMARY KEY, url_id INTEGER, path TEXT, crowded TEXT, current BOOL, "
    "rank INTEGER, is_folder BOOL, size INTEGER, url TEXT"
)
_MAKE_PLAN: Final = (
    "DROP TABLE IF EXISTS temp.planned",
    f"CREATE TABLE {{0}}.planned ({_PLANNED})",
    "CREATE INDEX {0}.planned_path ON planned (path)",
)
_TO_PLAN: Final = (
    f"{RESOURCE} WHERE r.path IS NOT NULL AND r.id > :last "
    "AND (:at IS NULL OR (r.since <= :at AND (r.until IS NULL OR r.until > :at))) "
    f"ORDER BY r.id LIMIT {AT_A_TIME}"
)
_PLAN: Final = "INSERT INTO planned VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
_CROWD_OUT: Final = """
    UPDATE planned AS a SET path = crowded
    WHERE path <> crowded AND (
        EXISTS (
            SELECT 1 FROM planned b WHERE b.path = a.path AND b.url_id <> a.url_id AND (
                b.path = b.crowded OR (b.rank, b.is_folder, b.size, b.url) > (a.rank, a.is_folder, a.size, a.url)
            )
        )
        OR EXISTS (SELECT 1 FROM planned b WHERE b.path >= a.path || '/' AND b.path < a.path || '0')
    )
"""
_MOVED: Final = "FROM planned p JOIN resources r ON r.id = p.id WHERE p.current AND p.path <> r.path"
_COUNT_MOVES: Final = f"SELECT count(*) {_MOVED}"
_MOVES: Final = (  # each for versions from one id to another
    (
        f"INSERT OR REPLACE INTO leaving (path, url_id, lost, released) SELECT r.path, r.url_id, 0, 1 {_MOVED} "
        "AND NOT EXISTS (SELECT 1 FROM planned q WHERE q.path = r.path AND q.current) AND p.id BETWEEN ? AND ?"
    ),
    (
        "UPDATE resources SET stale = stale + 1 WHERE until IS NULL AND path IS NOT NULL "
        f"AND ({_IS_DOCUMENT} OR path <> (SELECT p.path FROM planned p WHERE p.id = resources.id)) AND id BETWEEN ? AND ?"
    ),
    (
        "UPDATE resources SET path = p.path FROM planned p "
        "WHERE p.id = resources.id AND p.path <> resources.path AND resources.id BETWEEN ? AND ?"
    ),
    "UPDATE copies SET digest = '' WHERE resource_id BETWEEN ? AND ?",
    (
        "INSERT OR IGNORE INTO copies (resource_id, since, digest) "
        f"SELECT id, since, '' FROM resources WHERE path IS NOT NULL AND {_IS_DOCUMENT} AND id BETWEEN ? AND ?"
    ),
)
_AT_ONCE: Final = 5_000
"""Versions that one statement changes: SQLite keeps in memory what it would need to undo one."""

_MARK_REFERRERS_STALE: Final = (
    f"UPDATE resources SET stale = stale + 1 WHERE id IN (SELECT resource_id FROM links WHERE target_id IN {_GIVEN})"
)
