"""The versions of resources, and the state of their files and objects. Owns `resources`, `copies` and `unsynced`."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from mirror.core.syntax.reference import Reference
from mirror.store.disk.objects import Digest
from mirror.store.disk.publications import NEVER, Published
from mirror.store.manifest import checks
from mirror.store.manifest.records import Entry, Resource, Snapshot, Standing, State
from mirror.store.sqlite.links import Links
from mirror.store.sqlite.queries import (
    AT_A_TIME,
    AT_LAST_COMPLETE,
    DOM,
    ENTRY,
    RESOURCE,
    Queries,
    Session,
    entry_of,
    resource_of,
)
from mirror.store.sqlite.runs import Runs
from mirror.store.sqlite.schema import GIVEN, listed, script


class Resources(Queries):
    """`interface.Resources`."""

    def __init__(self, session: Session, runs: Runs, links: Links) -> None:
        super().__init__(session)
        self._runs = runs
        self._links = links

    def current(self, url_id: int) -> Resource | None:
        row = self._database.first(_CURRENT, (url_id,))
        return resource_of(row) if row else None

    def all(self, *, stale: bool = False) -> Iterator[Resource]:
        last = 0
        while rows := self._database.rows(_STALE if stale else _ALL, (last,)):
            yield from map(resource_of, rows)
            last = rows[-1]["id"]

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
            self._database.run(_END, (snapshot.id, before.id))
            new_id = self._insert(snapshot, resource, values)
            self._database.run("UPDATE links SET resource_id = ? WHERE resource_id = ?", (new_id, before.id))
            if before.content == resource.content:
                for statement in _TAKE_OVER:
                    self._database.run(statement, {"old": before.id, "new": new_id, "at": snapshot.id})
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
        last = 0
        while rows := self._database.rows(_UNVISITED, {"run": snapshot.id, "last": last}):
            for row in rows:
                known = self._database.first(f"{ENTRY} WHERE f.url_id = ?", (row["url_id"],))
                of_run = known is not None and known["snapshot_id"] == snapshot.id
                yield resource_of(row), entry_of(known) if known else None, of_run
            last = rows[-1]["id"]

    def amend(self, resource: Resource, references: Sequence[tuple[int, Reference]]) -> None:
        self._database.run(_AMEND, (resource.media_type, resource.path, resource.stale, resource.id))
        self._links.write(resource.id, references)

    def end_as(self, snapshot: Snapshot, resource: Resource) -> None:
        asked = self._database.scalar("SELECT snapshot_id FROM resources WHERE id = ?", (resource.id,))
        recorded = self.record(snapshot, self.current(resource.url_id), resource, None)
        self._database.run("UPDATE resources SET snapshot_id = ? WHERE id = ?", (asked, recorded.id))

    def set_latencies(self, latencies: Mapping[int, int]) -> None:
        self._database.run_many("INSERT OR REPLACE INTO latencies VALUES (?, ?)", list(latencies.items()))

    def set_error(self, url_id: int, error: str) -> None:
        self._database.run("UPDATE resources SET error = ? WHERE url_id = ? AND until IS NULL", (error, url_id))

    def reopen(self, url_id: int) -> Resource | None:
        found = self._database.scalar(_SHOWN_LAST, (url_id,))
        if found is None:
            return None
        for statement in _REMOVE_LATER:
            self._database.run(statement, {"url": url_id, "known": found})
        return self.current(url_id)

    def mark_stale(self, ids: Sequence[int]) -> None:
        self._database.run(_MARK_STALE, listed(ids))

    def staleness(self, resource: Resource) -> tuple[int, Digest | None]:
        found = self._database.run(_STALE_AND_DOM, (resource.id,)).fetchone()
        return (int(found[0]), checks.optional(checks.digest, found[1])) if found else (0, None)

    def failing_since(self, url_id: int, now: str) -> str | None:
        found = self._database.scalar(_FAILING_SINCE, {"url": url_id, "now": now})
        return None if found is None else str(found)

    def mark_published(self, files: Sequence[Published]) -> None:
        files = [file for file in files if file.stale != NEVER]
        if files:
            at = self._runs.last_id()
            self._database.run(_MARK_PUBLISHED, (json.dumps([(file.resource_id, file.stale) for file in files]),))
            self._database.run(_ADD_COPIES, (at, json.dumps({file.resource_id: file.copy for file in files})))
            self.add_unsynced([file.copy for file in files if file.copy])

    def copy(self, resource: Resource) -> Digest | None:
        return checks.optional(checks.digest, self._database.scalar(_COPY, (resource.id,)) or None)

    def mark_lost(self, digests: Sequence[Digest]) -> None:
        self._session.forget()
        words = {"given": json.dumps(list(digests)), "run": self._run_id}
        for statement in _MARK_LOST:
            self._database.run(statement, words)

    def unsynced(self) -> list[Digest]:
        return [checks.digest(digest) for digest in self._database.column("SELECT digest FROM unsynced")]

    def add_unsynced(self, digests: Sequence[Digest]) -> None:
        self._database.run(_ADD_UNSYNCED, listed(digests))

    def remove_unsynced(self, digests: Sequence[Digest]) -> None:
        self._database.run(_REMOVE_UNSYNCED, listed(digests))


_CURRENT: Final = f"{RESOURCE} WHERE r.url_id = ? AND r.until IS NULL"
_IN_TREE: Final = (
    f"{RESOURCE} WHERE r.until IS NULL AND r.path IS NOT NULL AND r.id > {{}} {{}} ORDER BY r.id LIMIT {AT_A_TIME}"
)
_ALL: Final = _IN_TREE.format("?", "")
_STALE: Final = _IN_TREE.format("?", "AND r.stale > 0")
_END: Final = "UPDATE resources SET until = ?, stale = 0 WHERE id = ?"  # it has no file any more
_AMEND: Final = "UPDATE resources SET media_type = ?, path = ?, stale = ? WHERE id = ?"
_MARK_LOST: Final = script(
    f"""
    UPDATE resources SET stale = 1 WHERE until IS NULL AND digest IN {GIVEN} AND path IS NOT NULL;
    UPDATE resources SET stale = 1 WHERE id IN (SELECT resource_id FROM copies WHERE digest IN {GIVEN});
    DELETE FROM copies WHERE digest IN {GIVEN};
    UPDATE resources SET stale = 1
        WHERE id IN (SELECT resource_id FROM renderings WHERE dom IN {GIVEN}) AND until IS NULL;
    UPDATE renderings SET dom = NULL, outcome = 'its DOM was lost here' WHERE dom IN {GIVEN};
    UPDATE frontier SET state = {State.PENDING:d} WHERE snapshot_id = :run AND state = {State.DONE:d}
        AND url_id IN (SELECT url_id FROM resources WHERE until IS NULL AND digest IN {GIVEN})
    """
)
_FAILING_SINCE: Final = (
    "SELECT max(started) FROM snapshots WHERE started <= :now AND id <= "
    "(SELECT min(id) FROM snapshots WHERE started <= :now AND id >= "
    "(SELECT min(since) FROM resources WHERE url_id = :url AND since > "
    "(SELECT coalesce(max(since), 0) FROM resources WHERE url_id = :url AND standing NOT IN ('kept', 'failed'))))"
)
_SHOWN_LAST: Final = f"SELECT r.id FROM resources r WHERE r.url_id = ? AND {AT_LAST_COMPLETE.format('r')}"
_LATER: Final = (
    "(SELECT r.id FROM resources r JOIN resources k ON k.id = :known WHERE r.url_id = :url AND r.since > k.since)"
)
_OF_VERSIONS: Final = ("links", "copies", "renderings", "needs")
_REMOVE_LATER: Final = (
    *(f"DELETE FROM {name} WHERE resource_id IN {_LATER}" for name in _OF_VERSIONS),
    f"DELETE FROM resources WHERE id IN {_LATER}",
    "UPDATE resources SET until = NULL WHERE id = :known",
)
_MARK_STALE: Final = "UPDATE resources SET stale = stale + 1 WHERE id IN (SELECT value FROM json_each(?))"
_COPY: Final = "SELECT digest FROM copies WHERE resource_id = ? ORDER BY since DESC LIMIT 1"
_TAKE_OVER: Final = (
    (
        "INSERT INTO copies (resource_id, since, digest) "
        "SELECT :new, :at, digest FROM copies WHERE resource_id = :old ORDER BY since DESC LIMIT 1"
    ),
    (
        "INSERT INTO renderings SELECT :new, :at, state, 1, template, trials, 0, 0, outcome, refused, dom "
        "FROM renderings WHERE resource_id = :old AND state = 1 ORDER BY since DESC LIMIT 1"
    ),
    "INSERT INTO needs SELECT :new, why FROM needs WHERE resource_id = :old",
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
_INSERT: Final = f"INSERT INTO resources ({', '.join(_VALUES)}, url_id, since) VALUES ({'?, ' * len(_VALUES)}?, ?)"
_SET: Final = {"stale": "stale = iif(?, stale + 1, 0)"}
_UPDATE_ALL: Final = f"UPDATE resources SET {', '.join(_SET.get(name, f'{name} = ?') for name in _VALUES)} WHERE id = ?"
_STALE_AND_DOM: Final = f"SELECT stale, {DOM.format('resources.id')} FROM resources WHERE id = ?"
_MARK_PUBLISHED: Final = (
    "UPDATE resources SET stale = 0 FROM json_each(?) file "
    "WHERE resources.id = json_extract(file.value, '$[0]') AND resources.stale = json_extract(file.value, '$[1]')"
)
_ADD_COPIES: Final = (  # NULL is stored only if the version had a copy before
    "INSERT OR REPLACE INTO copies (resource_id, since, digest) SELECT CAST(key AS INTEGER), ?, value FROM json_each(?) "
    "WHERE value IS NOT (SELECT digest FROM copies WHERE resource_id = CAST(key AS INTEGER) ORDER BY since DESC LIMIT 1)"
)
_ADD_UNSYNCED: Final = "INSERT OR IGNORE INTO unsynced (digest) SELECT value FROM json_each(?)"
_REMOVE_UNSYNCED: Final = "DELETE FROM unsynced WHERE digest IN (SELECT value FROM json_each(?))"
_UNVISITED: Final = _IN_TREE.format(
    ":last",
    "AND r.snapshot_id <> :run AND r.snapshot_id IN (SELECT s.id FROM snapshots s JOIN snapshots this ON this.id = :run "
    "WHERE json_extract(s.starts, '$[0]') IS json_extract(this.starts, '$[0]'))",
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
        json.dumps(resource.headers),
        resource.digest,
        resource.size,
        resource.media_type,
        resource.path,
        resource.discovered_from,
        resource.error,
        resource.stale,
    )
