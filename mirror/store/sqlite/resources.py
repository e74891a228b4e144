"""The versions of resources, and the state of their files and objects. Owns `resources`, `copies` and `unsynced`."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

import sqlalchemy as sa

from mirror.core.document.references import Reference
from mirror.store.disk.objects import Digest
from mirror.store.disk.publisher import Published
from mirror.store.manifest import checks
from mirror.store.manifest.records import Entry, Resource, Snapshot, Standing, State
from mirror.store.sqlite.links import Links
from mirror.store.sqlite.queries import (
    AT_A_TIME,
    AT_LAST_COMPLETE,
    CURRENT,
    DOM,
    ENTRY,
    RESOURCES,
    THIS_RUN,
    Queries,
    Session,
    entry_of,
    resource_from,
    resource_of,
)
from mirror.store.sqlite.runs import Runs
from mirror.store.sqlite.schema import GIVEN, copies, frontier, links, renderings, resources, unsynced


class Resources(Queries):
    """`interface.Resources`."""

    def __init__(self, session: Session, runs: Runs, links: Links) -> None:
        super().__init__(session)
        self._runs = runs
        self._links = links

    def current(self, url_id: int) -> Resource | None:
        row = self._database.run(_RESOURCE, (url_id,)).fetchone()
        return _resource(row) if row else None

    def all(self, *, stale: bool = False) -> Iterator[Resource]:
        query = RESOURCES.where(CURRENT, resources.c.path.is_not(None)).order_by(resources.c.id).limit(AT_A_TIME)
        if stale:
            query = query.where(resources.c.stale > 0)
        last = 0
        while rows := self._connection.execute(query.where(resources.c.id > last)).all():
            yield from map(resource_of, rows)
            last = rows[-1].id

    def record(
        self,
        snapshot: Snapshot,
        before: Resource | None,
        resource: Resource,
        references: Sequence[tuple[int, Reference]] | None,
    ) -> Resource:
        values = _resource_values(snapshot, resource)
        if before is None:
            new_id = self._insert(snapshot, resource, values)
        elif before.since == snapshot.id or _same(before, resource):
            new_id = before.id
            self._database.run(_UPDATE_ALL, (*values, new_id))
        else:
            self._connection.execute(_END, {"known": before.id, "at": snapshot.id})
            new_id = self._insert(snapshot, resource, values)
            self._connection.execute(_MOVE_LINKS, {"old": before.id, "new": new_id})
            if before.content == resource.content:
                for statement in _TAKE_OVER:
                    self._connection.execute(statement, {"old": before.id, "new": new_id, "at": snapshot.id})
        if before and before.digest != resource.digest and resource.digest is not None:
            self._links.forget_seen(new_id)  # a browser saw another payload
        since = before.since if before and new_id == before.id else snapshot.id
        recorded = replace(resource, id=new_id, since=since, checked=resource.checked or resource.fetched)
        if before is None and references:
            self._links.add(new_id, references)
        elif before and references is not None and self._links.own(recorded) != list(references):
            self._links.write(new_id, references)
        return recorded

    def _insert(self, snapshot: Snapshot, resource: Resource, values: tuple[Any, ...]) -> int:
        return int(self._database.run(_INSERT, (*values, resource.url_id, snapshot.id)).lastrowid or 0)

    def unvisited(self, snapshot: Snapshot) -> Iterator[tuple[Resource, Entry | None, bool]]:
        wanted = {"run": snapshot.id, "last": 0}
        while rows := self._connection.execute(_UNVISITED, wanted).all():
            for row in rows:
                known = self._connection.execute(_KNOWN_ENTRY, {"url_id": row.url_id}).first()
                of_run = known is not None and known.snapshot_id == snapshot.id
                yield resource_of(row), entry_of(known) if known else None, of_run
            wanted["last"] = rows[-1].id

    def amend(self, resource: Resource, references: Sequence[tuple[int, Reference]]) -> None:
        changed = {"media_type": resource.media_type, "path": resource.path, "stale": resource.stale}
        self._connection.execute(_UPDATE, {**changed, "known": resource.id})
        self._links.write(resource.id, references)

    def end_as(self, snapshot: Snapshot, resource: Resource) -> None:
        asked = self._connection.execute(_LAST_ASKED, {"of": resource.id}).scalar_one()
        recorded = self.record(snapshot, self.current(resource.url_id), resource, None)
        self._connection.execute(_SET_LAST_ASKED, {"known": recorded.id, "asked": asked})

    def set_error(self, url_id: int, error: str) -> None:
        self._connection.execute(_SET_ERROR, {"url": url_id, "why": error})

    def reopen(self, url_id: int) -> Resource | None:
        found = self._connection.execute(_SHOWN_LAST, {"url": url_id}).scalar()
        if found is None:
            return None
        for statement in _REMOVE_LATER:
            self._connection.execute(statement, {"url": url_id, "known": found})
        return self.current(url_id)

    def mark_stale(self, ids: Sequence[int]) -> None:
        self._connection.execute(_MARK_STALE, {"given": list(ids)})

    def staleness(self, resource: Resource) -> tuple[int, Digest | None]:
        found = self._database.run(_STALE_AND_DOM, (resource.id,)).fetchone()
        return (int(found[0]), checks.optional(checks.digest, found[1])) if found else (0, None)

    def failing_since(self, url_id: int, now: str) -> str | None:
        found = self._connection.execute(_FAILING_SINCE, {"url": url_id, "now": now}).scalar()
        return None if found is None else str(found)

    def mark_published(self, files: Sequence[Published]) -> None:
        if files:
            at = self._runs.last_id()
            self._database.run_many(_MARK_PUBLISHED, [(file.resource_id, file.stale) for file in files])
            self._database.run_many(
                _ADD_COPY, [(file.resource_id, at, file.copy, file.copy, file.resource_id) for file in files]
            )
            self.add_unsynced([file.copy for file in files if file.copy])

    def copy(self, resource: Resource) -> Digest | None:
        found = self._connection.execute(_COPY, {"of": resource.id}).scalar()
        return checks.optional(checks.digest, found)

    def mark_lost(self, digests: Sequence[Digest]) -> None:
        self._session.forget()
        for statement in _MARK_LOST:
            self._connection.execute(statement, {"given": list(digests), "run": self._run_id})

    def unsynced(self) -> list[Digest]:
        return [checks.digest(digest) for digest in self._connection.execute(sa.select(unsynced.c.digest)).scalars()]

    def add_unsynced(self, digests: Sequence[Digest]) -> None:
        self._database.run_many(_ADD_UNSYNCED, [(digest,) for digest in digests])

    def remove_unsynced(self, digests: Sequence[Digest]) -> None:
        self._connection.execute(sa.delete(unsynced).where(unsynced.c.digest.in_(GIVEN)), {"given": list(digests)})


_KNOWN_ENTRY: Final = ENTRY.where(frontier.c.url_id == sa.bindparam("url_id"))
_UPDATE: Final = sa.update(resources).where(resources.c.id == sa.bindparam("known"))
_END: Final = _UPDATE.values(until=sa.bindparam("at"), stale=0)  # it has no file any more
_LAST_ASKED: Final = sa.select(resources.c.snapshot_id).where(resources.c.id == sa.bindparam("of"))
_SET_LAST_ASKED: Final = _UPDATE.values(snapshot_id=sa.bindparam("asked"))
_OF_DIGESTS: Final = CURRENT & resources.c.digest.in_(GIVEN)
_MARK_LOST: Final = (
    sa.update(resources).where(_OF_DIGESTS, resources.c.path.is_not(None)).values(stale=True),
    sa.update(resources)
    .where(resources.c.id.in_(sa.select(copies.c.resource_id).where(copies.c.digest.in_(GIVEN))))
    .values(stale=True),
    sa.delete(copies).where(copies.c.digest.in_(GIVEN)),
    sa.update(resources)
    .where(resources.c.id.in_(sa.select(renderings.c.resource_id).where(renderings.c.dom.in_(GIVEN))), CURRENT)
    .values(stale=True),
    sa.update(renderings).where(renderings.c.dom.in_(GIVEN)).values(dom=None, outcome="its DOM was lost here"),
    sa.update(frontier)
    .where(
        THIS_RUN,
        frontier.c.state == State.DONE,
        frontier.c.url_id.in_(sa.select(resources.c.url_id).where(_OF_DIGESTS)),
    )
    .values(state=State.PENDING),
)
_SET_ERROR: Final = (
    sa.update(resources).where(resources.c.url_id == sa.bindparam("url"), CURRENT).values(error=sa.bindparam("why"))
)
_FAILING_SINCE: Final = sa.text(
    "SELECT max(started) FROM snapshots WHERE started <= :now AND id <= "
    "(SELECT min(id) FROM snapshots WHERE started <= :now AND id >= "
    "(SELECT min(since) FROM resources WHERE url_id = :url AND since > "
    "(SELECT coalesce(max(since), 0) FROM resources WHERE url_id = :url AND standing NOT IN ('kept', 'failed'))))"
)
_SHOWN_LAST: Final = sa.text(
    f"SELECT r.id FROM resources r WHERE r.url_id = :url AND {AT_LAST_COMPLETE.format('r')}"  # noqa: S608 - ours
)
_LATER: Final = (
    "(SELECT r.id FROM resources r JOIN resources k ON k.id = :known WHERE r.url_id = :url AND r.since > k.since)"
)
_OF_VERSIONS: Final = ("links", "copies", "renderings", "needs")
_REMOVE_LATER: Final = (
    *(sa.text(f"DELETE FROM {name} WHERE resource_id IN {_LATER}") for name in _OF_VERSIONS),  # noqa: S608
    sa.text(f"DELETE FROM resources WHERE id IN {_LATER}"),  # noqa: S608
    sa.text("UPDATE resources SET until = NULL WHERE id = :known"),
)
_MARK_STALE: Final = sa.update(resources).where(resources.c.id.in_(GIVEN)).values(stale=resources.c.stale + 1)
_MOVE_LINKS: Final = (
    sa.update(links).where(links.c.resource_id == sa.bindparam("old")).values(resource_id=sa.bindparam("new"))
)
_COPY: Final = (
    sa.select(copies.c.digest)
    .where(copies.c.resource_id == sa.bindparam("of"))
    .order_by(copies.c.since.desc())
    .limit(1)
)
_TAKE_OVER: Final = (
    sa.text(
        "INSERT INTO copies (resource_id, since, digest) "
        "SELECT :new, :at, digest FROM copies WHERE resource_id = :old ORDER BY since DESC LIMIT 1"
    ),
    sa.text(
        "INSERT INTO renderings SELECT :new, :at, state, 1, template, trials, 0, 0, outcome, refused, dom "
        "FROM renderings WHERE resource_id = :old AND state = 1 ORDER BY since DESC LIMIT 1"
    ),
    sa.text("INSERT INTO needs SELECT :new, why FROM needs WHERE resource_id = :old"),
)
"""What a new version with the same content takes over from the one before: its copy, rendering and needs."""
_VALUES: Final = (
    "snapshot_id",
    "standing",
    "fetched",
    "checked",
    "status",
    "headers",
    "digest",
    "size",
    "media_type",
    "path",
    "discovered_from",
    "error",
    "stale",
)
_RESOURCE: Final = (
    f"SELECT {', '.join(f'r.{name}' for name in _VALUES)}, r.id, r.url_id, r.since, u.url "  # noqa: S608 - as below: ours
    "FROM resources r JOIN urls u ON u.id = r.url_id WHERE r.url_id = ? AND r.until IS NULL"
)
_NAMES: Final = (*_VALUES, "id", "url_id", "since", "url")
_INSERT: Final = f"INSERT INTO resources ({', '.join(_VALUES)}, url_id, since) VALUES ({'?, ' * len(_VALUES)}?, ?)"  # noqa: S608
_SET: Final = {"stale": "stale = iif(?, stale + 1, 0)"}
_UPDATE_ALL: Final = f"UPDATE resources SET {', '.join(_SET.get(name, f'{name} = ?') for name in _VALUES)} WHERE id = ?"  # noqa: S608
_STALE_AND_DOM: Final = f"SELECT stale, {DOM.format('resources.id')} FROM resources WHERE id = ?"  # noqa: S608 - ours
_MARK_PUBLISHED: Final = "UPDATE resources SET stale = 0 WHERE id = ? AND stale = ?"
_ADD_COPY: Final = (  # NULL is stored only if the version had a copy before
    "INSERT OR REPLACE INTO copies (resource_id, since, digest) SELECT ?, ?, ? "
    "WHERE ? IS NOT (SELECT digest FROM copies WHERE resource_id = ? ORDER BY since DESC LIMIT 1)"
)
_ADD_UNSYNCED: Final = "INSERT OR IGNORE INTO unsynced (digest) VALUES (?)"
_UNVISITED: Final = (
    RESOURCES.where(CURRENT, resources.c.path.is_not(None), resources.c.snapshot_id != sa.bindparam("run"))
    .where(
        resources.c.snapshot_id.in_(
            sa.text(
                "SELECT s.id FROM snapshots s JOIN snapshots r ON r.id = :run "
                "WHERE json_extract(s.starts, '$[0]') IS json_extract(r.starts, '$[0]')"
            )
        ),
        resources.c.id > sa.bindparam("last"),
    )
    .order_by(resources.c.id)
    .limit(AT_A_TIME)
)


def _same(before: Resource, now: Resource) -> bool:
    """Whether both versions are the same to a snapshot. The error of a PRESENT version is set only at the end of a run."""
    errors = [None if one.standing is Standing.PRESENT else one.error for one in (before, now)]
    return (before.standing, before.content) == (now.standing, now.content) and errors[0] == errors[1]


def _resource_values(snapshot: Snapshot, resource: Resource) -> tuple[Any, ...]:
    """Return the values of the columns `_VALUES`."""
    return (
        snapshot.id,
        str(resource.standing),
        resource.fetched,
        resource.checked or resource.fetched,
        resource.status,
        json.dumps([list(pair) for pair in resource.headers]),
        resource.digest,
        resource.size,
        resource.media_type,
        resource.path,
        resource.discovered_from,
        resource.error,
        resource.stale,
    )


def _resource(row: Sequence[Any]) -> Resource:
    """Make a resource of a row of `_RESOURCE`."""
    named = dict(zip(_NAMES, row, strict=True))
    return resource_from(named | {"headers": checks.read_json(named["headers"])})
