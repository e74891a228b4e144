"""The manifest as one run sees it: every URL, what came of it, and what is left to do.

Enters and leaves: plain values. What it knows of a URL is the current version of its resource; a version that something else
takes the place of is not lost but ends there (`until`), and `history` tells of it. The frontier is that of the run which
`begin` gave; what earlier runs decided stays beside it, for `scrapy why`.
"""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from mirror.core.document.references import Reference
from mirror.core.policy.scope import Reason, Role
from mirror.core.syntax.embedded_urls import Kind
from mirror.core.url.canonical import CanonicalURL
from mirror.core.url.local_paths import LocalPath
from mirror.store.disk.objects import Digest
from mirror.store.disk.publisher import Published
from mirror.store.sqlite.database import (
    GIVEN,
    Database,
    copies,
    facts,
    families,
    frontier,
    leaving,
    links,
    listed,
    renderings,
    resources,
    snapshots,
    tombstones,
    unsynced,
    urls,
)
from mirror.store.sqlite.frontier import ROLE_BITS, ROLE_SETS, Entry, Frontier, State
from mirror.store.manifest.records import Counts, Outcome, Resource, Snapshot, Standing

SEEN: Final = 1 << 24
"""The position among the links of a document from which on they are what a browser saw."""

_AT_A_TIME: Final = 500  # rows read from a large table

_PAGE: Final = ROLE_BITS[Role.PAGE]
_LISTING: Final = ROLE_BITS[Role.LISTING]


class Manifest:
    """What one run knows and writes."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connection = database.connection
        self._frontier = Frontier(database)
        self.transaction = database.transaction
        self.part = database.part
        self.commit = database.commit
        self.identify = self._frontier.identify
        self.known = self._frontier.known
        self.entries = self._frontier.entries
        self.admit = self._frontier.admit
        self.take = self._frontier.take
        self.take_one = self._frontier.take_one

    @classmethod
    def at(cls, path: Path) -> "Manifest":
        """The manifest in a file."""
        return cls(Database(path))

    def close(self) -> None:
        self._database.close()

    @property
    def _run_id(self) -> int:
        return self._frontier.run_id

    @_run_id.setter
    def _run_id(self, run_id: int) -> None:
        self._frontier.run_id = run_id
        self._frontier.forget()

    # --- snapshots -----------------------------------------------------------------------------------------------------

    def begin(self, starts: Sequence[CanonicalURL], options: dict[str, Any], now: str) -> Snapshot:
        """Go on with the last run if it was not finished and asked for the same, else begin one with an empty frontier."""
        last = self._one(sa.select(snapshots).order_by(snapshots.c.id.desc()).limit(1))
        unfinished = last and last.outcome == Outcome.INCOMPLETE
        if unfinished and last.starts[: len(starts)] == list(starts) and last.options == options:
            self._run_id = last.id
            in_flight = sa.update(frontier).where(_THIS_RUN, frontier.c.state == State.IN_FLIGHT)
            self._connection.execute(in_flight.values(state=State.PENDING), {"run": self._run_id})
            return Snapshot(last.id, last.started, tuple(last.starts), resumed=True)
        if self._database.run(_ANY_LINK).fetchone() is None:
            self._database.run(_NO_INDEX)
        values = {"started": now, "outcome": Outcome.INCOMPLETE, "starts": list(starts), "options": options}
        new_id = self._connection.execute(sa.insert(snapshots).values(values).returning(snapshots.c.id)).scalar_one()
        self._run_id = new_id
        return Snapshot(new_id, now, tuple(starts))

    def listings(self) -> list[CanonicalURL]:
        """What earlier runs fetched on their own account: each robots.txt."""
        rows = self._connection.execute(_LISTINGS, {"run": self._run_id}).scalars()
        return [CanonicalURL(url) for url in rows]

    def look_at(self, snapshot_id: int) -> None:
        """Take a run for this one, without going on with it."""
        self._run_id = snapshot_id

    def extend_starts(self, snapshot: Snapshot, starts: Sequence[CanonicalURL]) -> None:
        self._run(sa.update(snapshots).where(snapshots.c.id == snapshot.id).values(starts=list(starts)))

    def finish(self, snapshot: Snapshot, now: str, outcome: Outcome = Outcome.COMPLETE) -> None:
        changed = {"finished": now, "outcome": outcome}
        self._run(sa.update(snapshots).where(snapshots.c.id == snapshot.id).values(changed))

    def starts(self) -> list[CanonicalURL]:
        """All starts of all runs, the oldest first."""
        rows = self._connection.execute(sa.select(snapshots.c.starts).order_by(snapshots.c.id)).scalars()
        return list(dict.fromkeys(CanonicalURL(url) for row in rows for url in row))

    # --- URLs and the frontier -----------------------------------------------------------------------------------------

    def known_entries(self, ids: Sequence[int]) -> list[Entry]:
        """What the newest run that met URLs says of them."""
        return [entry_of(row) for row in self._connection.execute(_KNOWN_ENTRIES, {"given": list(ids)})]

    def done(self) -> list[Entry]:
        """All URLs of this run that are answered."""
        return [entry_of(row) for row in self._connection.execute(_ANSWERED, {"run": self._run_id})]

    def waiting(self) -> int:
        """How many URLs wait or are in flight."""
        return self._count(sa.select(sa.func.count()).where(_WAITS))

    def pages_done(self) -> int:
        """How many pages of this run were fetched as HTML: what a limit counts."""
        return self._count(sa.select(sa.func.count()).select_from(_OF_RUN).where(_DONE, _IS_PAGE))

    def skip_waiting_pages(self, reason: Reason) -> None:
        """Give up on the mere pages that wait."""
        self._frontier.forget()
        waiting = sa.update(frontier).where(_WAITS, _IS_ONLY_PAGE).values(state=State.SKIPPED, reason=reason)
        self._connection.execute(waiting, {"run": self._run_id})

    # --- resources and links -------------------------------------------------------------------------------------------

    def rule(self, url_id: int, rule: str) -> None:
        """Keep the words that decided about a URL, or about the links of its document."""
        self._connection.execute(_RULED, {"url": url_id, "rule": rule})

    def failing_since(self, url_id: int) -> str | None:
        """When the run began that first had no answer of what a URL is, if none has had one since."""
        found = self._connection.execute(_FAILING_SINCE, {"url": url_id}).scalar()
        return None if found is None else str(found)

    def resource(self, url_id: int) -> Resource | None:
        row = self._database.run(_RESOURCE, (url_id,)).fetchone()
        return _resource(row) if row else None

    def resources(self, *, stale: bool = False) -> Iterator[Resource]:
        """All current resources with a place in the tree, by id; `stale`: those whose file has to be published again."""
        query = _RESOURCES.where(_CURRENT, resources.c.path.is_not(None)).order_by(resources.c.id).limit(_AT_A_TIME)
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
        """Write what a URL is from this snapshot on, and its references; `None`: those of the version before.

        Where that is what it was before, only the time changes. Else the version before ends here, but one of this very
        snapshot, which gives way.
        """
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
                for statement in _MOVE:
                    self._connection.execute(statement, {"old": before.id, "new": new_id, "at": snapshot.id})
        if before and before.digest != resource.digest and resource.digest is not None:
            self._forget_rendered(new_id)  # what a browser saw was seen of something else
        since = before.since if before and new_id == before.id else snapshot.id
        recorded = replace(resource, id=new_id, since=since, checked=resource.checked or resource.fetched)
        if before is None and references:
            self._add_links(new_id, references)
        elif before and references is not None and self._own_references(recorded) != list(references):
            self._write_links(new_id, references)
        return recorded

    def _insert(self, snapshot: Snapshot, resource: Resource, values: tuple[Any, ...]) -> int:
        return int(self._database.run(_INSERT, (*values, resource.url_id, snapshot.id)).lastrowid or 0)

    def _write_links(self, resource_id: int, references: Sequence[tuple[int, Reference]]) -> None:
        self._database.run("DELETE FROM links WHERE resource_id = ? AND position < ?", (resource_id, SEEN))
        self._add_links(resource_id, references)

    def _is_indexed(self) -> bool:
        return self._database.run(_HAS_INDEX).fetchone() is not None

    def index_links(self) -> None:
        """Before anybody asks who refers to a URL. A first run puts it off: to make it once takes a sixth of keeping it."""
        self._database.run(_INDEX)

    def _add_links(self, resource_id: int, references: Sequence[tuple[int, Reference]]) -> None:
        rows = [(resource_id, n, target, str(ref.kind), ref.guess) for n, (target, ref) in enumerate(references)]
        self._database.run_many(_LINKS, rows)

    def unvisited(self, snapshot: Snapshot) -> Iterator[tuple[Resource, Entry | None, bool]]:
        """What runs from the same first start had in the tree and this one did not come to.

        With each, what the frontier says of it and whether that is of this run; without an entry nobody knows.
        """
        wanted = {"run": snapshot.id, "last": 0}
        while rows := self._connection.execute(_UNVISITED, wanted).all():
            for row in rows:
                known = self._connection.execute(_KNOWN_ENTRY, {"url_id": row.url_id}).first()
                of_run = known is not None and known.snapshot_id == snapshot.id
                yield resource_of(row), entry_of(known) if known else None, of_run
            wanted["last"] = rows[-1].id

    def amend(self, resource: Resource, references: Sequence[tuple[int, Reference]]) -> None:
        """A newer program reads a version otherwise; it stays the same version."""
        changed = {"media_type": resource.media_type, "path": resource.path, "stale": resource.stale}
        self._connection.execute(_UPDATE, {**changed, "known": resource.id})
        self._write_links(resource.id, references)

    def end_as(self, snapshot: Snapshot, resource: Resource) -> None:
        """From this snapshot on, a resource that no answer came for is this; the server was not asked."""
        asked = self._connection.execute(_LAST_ASKED, {"of": resource.id}).scalar_one()
        recorded = self.record(snapshot, self.resource(resource.url_id), resource, None)
        self._connection.execute(_ASKED, {"known": recorded.id, "asked": asked})

    def lose(self, digests: Sequence[Digest]) -> None:
        """Objects are damaged: what they are needed for is fetched or made again."""
        self._frontier.forget()
        for statement in _LOSE:
            self._connection.execute(statement, {"given": list(digests), "run": self._run_id})

    def redirects(self) -> list[Entry]:
        """The URLs of this run that are redirects."""
        rows = self._connection.execute(_REDIRECTS, {"run": self._run_id}).all()
        return [entry_of(row) for row in rows]

    def blame(self, url_id: int, error: str) -> None:
        """What is there failed all the same."""
        self._connection.execute(_BLAME, {"url": url_id, "why": error})

    def spoil(self, ids: Sequence[int]) -> None:
        """The files of resources have to be published again."""
        self._connection.execute(_SPOIL, {"given": list(ids)})

    def is_cut_off(self) -> bool:
        """Whether a limit, a depth or a trap kept this run from seeing all that there is."""
        query = sa.select(sa.func.count()).where(
            _THIS_RUN,
            frontier.c.state == State.SKIPPED,
            frontier.c.reason.in_([Reason.LIMIT, Reason.DEPTH, Reason.TRAP]),
        )
        return self._count(query) > 0

    def references(self, resource: Resource) -> list[tuple[int, Reference]]:
        """The stored references of a resource, in their order, each with the id of its target; then what a browser saw."""
        return self._references(resource, 0, sys.maxsize)

    def seen_references(self, resource: Resource) -> list[tuple[int, Reference]]:
        """Those that a browser saw."""
        return self._references(resource, SEEN, sys.maxsize)

    def _own_references(self, resource: Resource) -> list[tuple[int, Reference]]:
        return self._references(resource, 0, SEEN)

    def _references(self, resource: Resource, first: int, end: int) -> list[tuple[int, Reference]]:
        rows = self._database.run(_REFERENCES, (resource.id, first, end))
        return [(target, Reference(CanonicalURL(url), _KINDS[kind], bool(guess))) for target, kind, guess, url in rows]

    # --- what a browser saw --------------------------------------------------------------------------------------------

    def see(self, resource: Resource, references: Sequence[tuple[int, Reference]]) -> None:
        """Add what a browser saw of a resource to what is known of it."""
        known = set(self.references(resource))
        new = [one for one in dict.fromkeys(references) if one not in known]
        if new:
            first = self._database.run(_NEXT_SEEN, (SEEN - 1, resource.id)).fetchone()[0]
            rows = [(resource.id, first + n, target, str(ref.kind), ref.guess) for n, (target, ref) in enumerate(new)]
            self._database.run_many(_LINKS, rows)

    def loads_more(self, resource: Resource) -> bool:
        """Whether a page needs something to which no document leads, but what a browser saw of pages."""
        return self._database.run(_LOADS_MORE, (resource.id,)).fetchone() is not None

    def add_needs(self, resource_id: int, whys: Iterable[str]) -> None:
        """Keep why a page works from no disk, beside what is known of that."""
        known = self._database.run("SELECT why FROM needs WHERE resource_id = ?", (resource_id,)).fetchone()
        all_ = {*(known[0].split(", ") if known else ()), *whys}
        if all_:
            words = (resource_id, ", ".join(sorted(all_)))
            self._database.run("INSERT OR REPLACE INTO needs (resource_id, why) VALUES (?, ?)", words)

    def needing(self, most: int) -> tuple[int, list[tuple[CanonicalURL, str]]]:
        """How many pages of the tree work from no disk, and why some of them do not."""
        count = int(self._database.run(_NEEDING.format("count(*)"), ()).fetchone()[0])
        rows = self._database.run(_NEEDING.format("u.url, n.why") + " ORDER BY u.id LIMIT ?", (most,)) if count else ()
        return count, [(CanonicalURL(url), why) for url, why in rows]

    def _forget_rendered(self, resource_id: int) -> None:
        for statement in _FORGET_RENDERED:
            self._database.run(statement, (resource_id,))

    # --- what documents say of each other ------------------------------------------------------------------------------

    def resolutions(self, resource: Resource) -> dict[CanonicalURL, LocalPath]:
        """Where the targets of a document's references stand, as published documents have it."""
        rows = self._database.run(_RESOLUTIONS, (resource.id,))
        return {CanonicalURL(url): LocalPath(path) for url, path in rows}

    def stale(self, resource: Resource) -> tuple[int, Digest | None]:
        """How many things made the file of a resource wrong since it was right; the DOM that it shows, if that is kept."""
        found = self._database.run(_STALE_AND_DOM, (resource.id,)).fetchone()
        return (int(found[0]), found[1] and Digest(found[1])) if found else (0, None)

    def expect(self, places: Sequence[tuple[int, LocalPath]]) -> None:
        """Say where URLs that are wanted will stand; documents that had to do without are stale now.

        What was asked for before and had no place is not expected to have one until it has.
        """
        wanted = dict(places)
        rows = self._database.run(_UNRESOLVED, listed(list(wanted))).fetchall() if wanted else ()
        changed = [(url_id, wanted[url_id]) for (url_id,) in rows]
        if self._is_indexed() or not self._frontier.new.issuperset(url_id for url_id, _ in changed):
            self.index_links()
            self.settle(changed)
        else:  # only what is being recorded refers to these, and that is to be published anyway
            self._database.run_many(_SETTLE, [(path, url_id) for url_id, path in changed])

    def next(self) -> None:
        """What follows is another transaction."""
        self._frontier.new.clear()

    def all_urls(self) -> Iterator[tuple[int, LocalPath | None, LocalPath | None, int | None]]:
        """Each URL: id, resolution, its resource's path, and the id of where it leads, if it is a redirect or an alias.

        What is to leave the tree still has its path, until `release`.
        """
        query = (
            sa.select(urls.c.id, urls.c.resolution, _PATH, _LEADS_TO)
            .outerjoin(resources, (resources.c.url_id == urls.c.id) & _CURRENT)
            .order_by(urls.c.id)
            .limit(_AT_A_TIME * 4)
        )
        last = 0
        while rows := self._connection.execute(query.where(urls.c.id > last)).all():
            yield from ((row[0], row[1], row[2], row[3]) for row in rows)
            last = rows[-1][0]

    def place(self, url_id: int) -> tuple[LocalPath | None, int | None]:
        """The path of a URL's resource, and the id of where it leads, if it is a redirect or an alias."""
        row = self._connection.execute(_PLACE, {"url_id": url_id}).first()
        return (row[0], row[1]) if row else (None, None)

    def settle(self, changed: Sequence[tuple[int, LocalPath | None]]) -> None:
        """Say where URLs stand now, and mark the documents that say otherwise as stale."""
        if changed:
            self._database.run_many(_SETTLE, [(path, url_id) for url_id, path in changed])
            self._database.run(_STALE, listed([url_id for url_id, _ in changed]))

    def published(self, files: Sequence[Published]) -> None:
        """Say that the files of resources are right by now, and what their copies are from this snapshot on.

        What has become more stale since they were planned is not right yet.
        """
        if files:
            at = self.last_snapshot()
            self._database.run_many(_PUBLISHED, [(file.resource_id, file.stale) for file in files])
            self._database.run_many(
                _COPIED, [(file.resource_id, at, file.copy, file.copy, file.resource_id) for file in files]
            )
            self.not_synced([file.copy for file in files if file.copy])

    # --- whose resource a URL is ---------------------------------------------------------------------------------------

    def stand_for(self, pairs: Sequence[tuple[int, int | None]]) -> None:
        """Say of URLs by which other one's resource they are; `None`: by nobody's."""
        self._database.run_many(_SAME_AS, [(target, url_id) for url_id, target in pairs])

    def is_folded(self, url_id: int) -> bool:
        """Whether a URL is another one's resource."""
        found = self._database.run("SELECT same_as FROM urls WHERE id = ?", (url_id,)).fetchone()
        return bool(found and found[0] is not None)

    def give_reason(self, url_id: int, reason: Reason | None) -> None:
        """Why the answer of a URL is left out; `None`: it is not any more."""
        entry = self.entries([url_id]).get(url_id)
        if entry:
            self.admit([replace(entry, reason=reason)])

    def canonicals(self) -> list[tuple[CanonicalURL, CanonicalURL]]:
        """Pages, each with the URL that it calls canonical, where that has the same content."""
        return [(CanonicalURL(url), CanonicalURL(target)) for url, target in self._database.run(_CANONICALS).fetchall()]

    def same_contents(self) -> Iterator[list[CanonicalURL]]:
        """URLs that have the same content, as groups."""
        rows = self._database.run(_SAME_CONTENTS).fetchall()
        for _, group in groupby(rows, key=itemgetter(0)):
            yield [CanonicalURL(url) for _, url in group]

    def known_folds(self) -> list[int]:
        """The URLs with an answer of their own that are another one's resource."""
        return [row[0] for row in self._database.run(_KNOWN_FOLDS).fetchall()]

    # --- traps ---------------------------------------------------------------------------------------------------------

    def families(self) -> dict[str, dict[str, Any]]:
        """What the run knows of URLs that look alike."""
        return {row.key: row.state for row in self._connection.execute(sa.select(families))}

    def keep_families(self, said: Mapping[str, Mapping[str, Any]], gone: Sequence[str]) -> None:
        """Say what is known of families by now, and which are forgotten."""
        self._database.run_many(_KEEP_FAMILY, [(key, json.dumps(state)) for key, state in said.items()])
        self._database.run_many("DELETE FROM families WHERE key = ?", [(key,) for key in gone])

    def forget_families(self) -> None:
        self._run(sa.delete(families))

    def traps(self) -> list[tuple[str, int, CanonicalURL]]:
        """What this run did not follow: by which rule, how many URLs, and one of them."""
        rows = self._database.run(_TRAPS, (self._run_id, int(State.SKIPPED), str(Reason.TRAP))).fetchall()
        return [(rule, number, CanonicalURL(url)) for rule, number, url in rows]

    # --- what leaves the tree ------------------------------------------------------------------------------------------

    def leave(self, path: LocalPath, url_id: int, *, lost: bool) -> None:
        """A file is to go when the run settles. `lost`: it is a page that the server no longer has."""
        self._connection.execute(_LEAVE, {"path": path, "url_id": url_id, "lost": lost})

    def leaving_pages(self) -> tuple[int, int]:
        """How many lost pages are to leave the tree, and how many would be left in it."""
        self._run(_RETURNED)
        lost = self._count(sa.select(sa.func.count()).where(leaving.c.lost, ~leaving.c.released))
        pages = sa.select(sa.func.count()).where(_CURRENT, _IS_HTML, ~_IS_REDIRECT)
        return lost, self._count(pages)

    def is_leaving(self, wanted: Sequence[CanonicalURL]) -> bool:
        """Whether one of these is a lost page that is to leave the tree."""
        query = sa.select(sa.func.count()).where(leaving.c.lost, ~leaving.c.released, leaving.c.url_id.in_(GIVEN))
        ids = list(self.known(wanted).values())
        return int(self._connection.execute(query, {"given": ids}).scalar_one()) > 0

    def release(self) -> None:
        """From now on nothing should lead to what is to leave."""
        self._run(_RETURNED)
        self._run(sa.update(leaving).values(released=True))

    def accept_loss(self, now: str) -> None:
        """A run that was held is complete after all."""
        self.release()
        held = sa.update(snapshots).where(snapshots.c.outcome == Outcome.HELD)
        self._run(held.values(outcome=Outcome.COMPLETE, finished=now))

    def released(self) -> list[LocalPath]:
        """The paths that may leave the tree."""
        self._run(_RETURNED)
        paths = self._connection.execute(sa.select(leaving.c.path).where(leaving.c.released)).scalars()
        return [LocalPath(path) for path in paths]

    def leaving(self) -> list[LocalPath]:
        """The paths that are to leave the tree, now or when the run settles."""
        return [LocalPath(path) for path in self._connection.execute(sa.select(leaving.c.path)).scalars()]

    def left(self, path: LocalPath) -> None:
        """A file is out of the tree."""
        self._connection.execute(sa.delete(leaving).where(leaving.c.path == path))

    # --- copies, and what a power cut could harm -----------------------------------------------------------------------

    def copy(self, resource: Resource) -> Digest | None:
        """What the newest copy of a document is in the store."""
        found = self._connection.execute(_COPY, {"of": resource.id}).scalar()
        return found and Digest(found)

    def last_snapshot(self) -> int:
        """The id of this run, or of the last one."""
        return self._run_id or self._count(sa.select(sa.func.coalesce(sa.func.max(snapshots.c.id), 0)))

    def unsynced(self) -> list[Digest]:
        """Objects that nobody has waited for to be on the disk itself."""
        return [Digest(digest) for digest in self._connection.execute(sa.select(unsynced.c.digest)).scalars()]

    def not_synced(self, digests: Sequence[Digest]) -> None:
        self._database.run_many(_UNSYNCED, [(digest,) for digest in digests])

    def synced(self, digests: Sequence[Digest]) -> None:
        self._connection.execute(sa.delete(unsynced).where(unsynced.c.digest.in_(GIVEN)), {"given": list(digests)})

    # --- what was forgotten, and what the program knows of itself ------------------------------------------------------

    def tombstones(self) -> list[str]:
        """URLs, and prefixes that end in `*`, that are never to be fetched again."""
        return list(self._connection.execute(sa.select(tombstones.c.url)).scalars())

    def fact(self, name: str) -> str | None:
        found = self._connection.execute(sa.select(facts.c.value).where(facts.c.name == name)).scalar()
        return None if found is None else str(found)

    def know(self, name: str, value: str) -> None:
        self._connection.execute(_KNOW, {"name": name, "value": value})

    # --- counts --------------------------------------------------------------------------------------------------------

    def counts(self, snapshot: Snapshot) -> Counts:
        """What became of this run so far."""
        kept = _DONE & resources.c.path.is_not(None) & ~_IS_REDIRECT
        good = sa.select(_IS_PAGE, sa.func.count(), sa.func.sum(resources.c.size)).select_from(_OF_RUN)
        good = good.where(kept, frontier.c.roles != _LISTING).group_by(_IS_PAGE)
        run = {"run": self._run_id}
        found = {bool(page): (count, size) for page, count, size in self._connection.execute(good, run)}
        linked = sa.select(sa.func.count()).select_from(_OF_RUN).where(kept, _HAS_PAGE_ROLE)
        old = sa.select(sa.func.count()).select_from(_OF_RUN).where(_DONE, resources.c.standing == Standing.KEPT)
        redirects = sa.select(sa.func.count()).select_from(_OF_RUN)
        redirects = redirects.where(_DONE, _IS_REDIRECT, resources.c.path.is_not(None))
        failed = sa.select(resources.c.error, sa.func.count()).select_from(_OF_RUN)
        failed = failed.where(_FAILED, resources.c.snapshot_id == snapshot.id).group_by(resources.c.error)
        skipped = sa.select(frontier.c.reason, sa.func.count()).where(_THIS_RUN, _IS_LEFT_OUT)
        return Counts(
            fetched=self._count(linked.where(resources.c.standing == Standing.PRESENT)),
            pages=found.get(True, (0, 0))[0],
            requisites=found.get(False, (0, 0))[0],
            linked=self._count(linked.where(~_IS_HTML)),
            kept=self._count(old),
            size=sum(size for _, size in found.values()),
            redirects=self._count(redirects),
            pending=self.waiting(),
            skipped=self._by_reason(skipped.group_by(frontier.c.reason)),
            failed=self._by_reason(failed),
        )

    def failures(self, most: int) -> list[tuple[CanonicalURL, str, CanonicalURL | None]]:
        """URLs that failed in this run, why, and a page they stand on."""
        referrers = urls.alias()
        query = (
            sa.select(urls.c.url, resources.c.error, referrers.c.url)
            .select_from(_OF_RUN.join(urls, urls.c.id == resources.c.url_id))
            .outerjoin(referrers, referrers.c.id == resources.c.discovered_from)
            .where(_FAILED)
            .order_by(resources.c.id)
            .limit(most)
        )
        return [(row[0], row[1], row[2]) for row in self._connection.execute(query, {"run": self._run_id})]

    # --- inside --------------------------------------------------------------------------------------------------------

    def _run(self, statement: sa.Executable) -> None:
        self._connection.execute(statement)

    def _one(self, query: sa.Select[Any]) -> Any:
        return self._connection.execute(query).first()

    def _count(self, query: sa.Select[Any]) -> int:
        return int(self._connection.execute(query, {"run": self._run_id}).scalar_one())

    def _by_reason(self, query: sa.Select[Any]) -> dict[str, int]:
        return {row[0]: row[1] for row in self._connection.execute(query, {"run": self._run_id})}


# --- conditions and statements, built once --------------------------------------------------------------------------------

_CURRENT: Final = resources.c.until.is_(None)
_THIS_RUN: Final = frontier.c.snapshot_id == sa.bindparam("run", type_=sa.Integer)
_SAME_URL: Final = (resources.c.url_id == frontier.c.url_id) & _CURRENT
_OF_RUN: Final = frontier.join(resources, _SAME_URL)
_WAITS: Final = _THIS_RUN & (frontier.c.state <= State.IN_FLIGHT)
_DONE: Final = _THIS_RUN & (frontier.c.state == State.DONE)
_IS_LEFT_OUT: Final = (frontier.c.state == State.SKIPPED) | (
    (frontier.c.state == State.DONE)
    & frontier.c.reason.in_([Reason.NOINDEX, Reason.NOARCHIVE, Reason.CANONICAL, Reason.ALIAS])
)
_IS_ONLY_PAGE: Final = frontier.c.roles == _PAGE
_HAS_PAGE_ROLE: Final = frontier.c.roles.bitwise_and(_PAGE) != 0
_LED_TO: Final = sa.exists().where(links.c.target_id == frontier.c.url_id)
_IS_ROUTE: Final = (  # what scripts build links to, and no server has, is a page of the script's
    (resources.c.standing == Standing.GONE)
    & _LED_TO.where(links.c.position >= SEEN)
    & ~_LED_TO.where(links.c.position < SEEN, ~links.c.guess)
)
_FAILED: Final = _DONE & resources.c.error.is_not(None) & ~frontier.c.guess & ~_IS_ROUTE
_IS_REDIRECT: Final = resources.c.status.between(300, 399)
_IS_HTML: Final = resources.c.media_type.in_(["text/html", "application/xhtml+xml"]) & resources.c.path.is_not(None)
_IS_PAGE: Final = _HAS_PAGE_ROLE & _IS_HTML & ~_IS_REDIRECT
_REDIRECT: Final = (
    sa.select(links.c.target_id)
    .where(links.c.resource_id == resources.c.id, links.c.kind == Kind.REDIRECT)
    .order_by(links.c.position)
    .limit(1)
    .scalar_subquery()
)

_ENTRY: Final = sa.select(frontier, urls.c.url).join(urls, urls.c.id == frontier.c.url_id)
_KNOWN_ENTRIES: Final = _ENTRY.where(frontier.c.url_id.in_(GIVEN))
_KNOWN_ENTRY: Final = _ENTRY.where(frontier.c.url_id == sa.bindparam("url_id"))
_ANSWERED: Final = _ENTRY.where(_DONE).order_by(frontier.c.url_id)
_LISTINGS: Final = (
    sa.select(urls.c.url)
    .join(frontier, frontier.c.url_id == urls.c.id)
    .where(frontier.c.snapshot_id < sa.bindparam("run"), frontier.c.roles == _LISTING, frontier.c.referrer_id.is_(None))
)
_REDIRECTS: Final = _ENTRY.join(resources, _SAME_URL).where(_DONE, _IS_REDIRECT, resources.c.path.is_not(None))
_RESOURCES: Final = sa.select(resources, urls.c.url).join(urls, urls.c.id == resources.c.url_id)
_LEAVING_PATH: Final = (
    sa.select(leaving.c.path).where(leaving.c.url_id == urls.c.id, ~leaving.c.released).limit(1).scalar_subquery()
)
_PATH: Final = sa.func.coalesce(resources.c.path, _LEAVING_PATH)
_LEADS_TO: Final = sa.func.coalesce(_REDIRECT, sa.case((_PATH.is_(None), urls.c.same_as)))
_PLACE: Final = (
    sa.select(_PATH, _LEADS_TO)
    .select_from(urls.outerjoin(resources, (resources.c.url_id == urls.c.id) & _CURRENT))
    .where(urls.c.id == sa.bindparam("url_id"))
)
_SAME_AS: Final = "UPDATE urls SET same_as = ? WHERE id = ?"
_IS_WHOLE: Final = (
    "(r.path IS NOT NULL OR u.same_as IS NOT NULL) AND r.until IS NULL AND r.status = 200 AND r.error IS NULL"
)
_CANONICALS: Final = (  # a fold of before still counts: its content is known
    "SELECT u.url, cu.url FROM links l JOIN resources r ON r.id = l.resource_id JOIN urls u ON u.id = r.url_id "  # noqa: S608
    "JOIN resources c ON c.url_id = l.target_id AND c.until IS NULL AND c.digest = r.digest AND c.status = 200 "
    "JOIN urls cu ON cu.id = c.url_id AND (c.path IS NOT NULL OR cu.same_as IS NOT NULL) "
    f"WHERE l.kind = 'canonical' AND {_IS_WHOLE} ORDER BY r.id, l.position"
)
_SAME_CONTENTS: Final = (
    "SELECT r.digest, u.url FROM resources r JOIN urls u ON u.id = r.url_id "  # noqa: S608
    f"WHERE {_IS_WHOLE} AND r.size > 0 AND r.digest IN (SELECT digest FROM resources WHERE until IS NULL AND status = 200 "
    "GROUP BY digest HAVING count(*) > 1) ORDER BY r.digest, u.url"
)
_KNOWN_FOLDS: Final = (
    "SELECT u.id FROM urls u JOIN resources r ON r.url_id = u.id AND r.until IS NULL WHERE u.same_as IS NOT NULL"
)
_TRAPS: Final = (
    "SELECT ru.rule, count(*), min(u.url) FROM frontier f JOIN rules ru ON ru.url_id = f.url_id "
    "JOIN urls u ON u.id = f.url_id WHERE f.snapshot_id = ? AND f.state = ? AND f.reason = ? GROUP BY ru.rule "
    "ORDER BY 2 DESC, 1"
)
_UPDATE: Final = sa.update(resources).where(resources.c.id == sa.bindparam("known"))
_END: Final = _UPDATE.values(until=sa.bindparam("at"), stale=0)  # it has no file any more
_LAST_ASKED: Final = sa.select(resources.c.snapshot_id).where(resources.c.id == sa.bindparam("of"))
_ASKED: Final = _UPDATE.values(snapshot_id=sa.bindparam("asked"))
_OF_DIGESTS: Final = _CURRENT & resources.c.digest.in_(GIVEN)
_LOSE: Final = (
    sa.update(resources).where(_OF_DIGESTS, resources.c.path.is_not(None)).values(stale=True),
    sa.update(resources)
    .where(resources.c.id.in_(sa.select(copies.c.resource_id).where(copies.c.digest.in_(GIVEN))))
    .values(stale=True),
    sa.delete(copies).where(copies.c.digest.in_(GIVEN)),
    sa.update(resources)
    .where(resources.c.id.in_(sa.select(renderings.c.resource_id).where(renderings.c.dom.in_(GIVEN))), _CURRENT)
    .values(stale=True),
    sa.update(renderings).where(renderings.c.dom.in_(GIVEN)).values(dom=None, outcome="its DOM was lost here"),
    sa.update(frontier)
    .where(
        _THIS_RUN,
        frontier.c.state == State.DONE,
        frontier.c.url_id.in_(sa.select(resources.c.url_id).where(_OF_DIGESTS)),
    )
    .values(state=State.PENDING),
)
_BLAME: Final = (
    sa.update(resources).where(resources.c.url_id == sa.bindparam("url"), _CURRENT).values(error=sa.bindparam("why"))
)
_KEEP_FAMILY: Final = "INSERT OR REPLACE INTO families (key, state) VALUES (?, ?)"
_RULED: Final = sa.text("INSERT OR REPLACE INTO rules (url_id, rule) VALUES (:url, :rule)")
_FAILING_SINCE: Final = sa.text(
    "SELECT min(s.started) FROM resources r JOIN snapshots s ON s.id = r.since WHERE r.url_id = :url AND r.since > "
    "(SELECT coalesce(max(since), 0) FROM resources WHERE url_id = :url AND standing NOT IN ('kept', 'failed'))"
)
_SPOIL: Final = sa.update(resources).where(resources.c.id.in_(GIVEN)).values(stale=resources.c.stale + 1)
_MOVE_LINKS: Final = (
    sa.update(links).where(links.c.resource_id == sa.bindparam("old")).values(resource_id=sa.bindparam("new"))
)
_COPY: Final = (
    sa.select(copies.c.digest)
    .where(copies.c.resource_id == sa.bindparam("of"))
    .order_by(copies.c.since.desc())
    .limit(1)
)
_MOVE: Final = (
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
"""What the version that takes the place of another one reads as."""

# --- what runs for each answer of a crawl ---------------------------------------------------------------------------------

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
_GIVEN: Final = "(SELECT value FROM json_each(?))"
_RESOURCE: Final = (
    f"SELECT {', '.join(f'r.{name}' for name in _VALUES)}, r.id, r.url_id, r.since, u.url "  # noqa: S608 - as below: ours
    "FROM resources r JOIN urls u ON u.id = r.url_id WHERE r.url_id = ? AND r.until IS NULL"
)
_INSERT: Final = f"INSERT INTO resources ({', '.join(_VALUES)}, url_id, since) VALUES ({'?, ' * len(_VALUES)}?, ?)"  # noqa: S608
_SET: Final = {"stale": "stale = iif(?, stale + 1, 0)"}
_UPDATE_ALL: Final = f"UPDATE resources SET {', '.join(_SET.get(name, f'{name} = ?') for name in _VALUES)} WHERE id = ?"  # noqa: S608
_LINKS: Final = "INSERT INTO links (resource_id, position, target_id, kind, guess) VALUES (?, ?, ?, ?, ?)"
_ANY_LINK: Final = "SELECT 1 FROM links LIMIT 1"
_HAS_INDEX: Final = "SELECT 1 FROM sqlite_master WHERE name = 'ix_links_target_id'"
_NO_INDEX: Final = "DROP INDEX IF EXISTS ix_links_target_id"
_INDEX: Final = "CREATE INDEX IF NOT EXISTS ix_links_target_id ON links (target_id)"
_REFERENCES: Final = (
    "SELECT l.target_id, l.kind, l.guess, u.url FROM links l JOIN urls u ON u.id = l.target_id "
    "WHERE l.resource_id = ? AND l.position >= ? AND l.position < ? ORDER BY l.position"
)
_NEXT_SEEN: Final = "SELECT max(coalesce(max(position), 0), ?) + 1 FROM links WHERE resource_id = ?"
_LOADS_MORE: Final = (
    f"SELECT 1 FROM links l WHERE l.resource_id = ? AND l.position >= {SEEN} AND l.kind = 'requisite' "  # noqa: S608
    "AND EXISTS (SELECT 1 FROM frontier f WHERE f.url_id = l.target_id AND f.roles <> 0) AND NOT EXISTS ("
    f"SELECT 1 FROM links o WHERE o.target_id = l.target_id AND o.position < {SEEN} AND NOT o.guess) LIMIT 1"
)
DOM: Final = (  # of a row of resources, as its newest rendering has it
    "(SELECT dom FROM renderings d WHERE d.resource_id = {} AND d.state = 1 ORDER BY d.since DESC LIMIT 1)"
)
_STALE_AND_DOM: Final = f"SELECT stale, {DOM.format('resources.id')} FROM resources WHERE id = ?"  # noqa: S608 - ours
_NEEDING: Final = (
    "SELECT {} FROM needs n JOIN resources r ON r.id = n.resource_id JOIN urls u ON u.id = r.url_id "  # noqa: S608
    f"WHERE r.until IS NULL AND r.path IS NOT NULL AND {DOM.format('r.id')} IS NULL"
)
_FORGET_RENDERED: Final = (
    f"DELETE FROM links WHERE resource_id = ? AND position >= {SEEN}",  # noqa: S608
    "DELETE FROM renderings WHERE resource_id = ?",
    "DELETE FROM needs WHERE resource_id = ?",
)
_RESOLUTIONS: Final = (
    "SELECT u.url, u.resolution FROM links l JOIN urls u ON u.id = l.target_id "
    "WHERE l.resource_id = ? AND u.resolution IS NOT NULL"
)
_SETTLE: Final = "UPDATE urls SET resolution = ? WHERE id = ?"
_UNRESOLVED: Final = (
    f"SELECT id FROM urls WHERE id IN {_GIVEN} AND resolution IS NULL "  # noqa: S608
    "AND NOT EXISTS (SELECT 1 FROM resources r WHERE r.url_id = urls.id AND r.until IS NULL)"
)
_STALE: Final = (
    "UPDATE resources SET stale = stale + 1 "  # noqa: S608
    f"WHERE id IN (SELECT resource_id FROM links WHERE target_id IN {_GIVEN})"
)
_PUBLISHED: Final = "UPDATE resources SET stale = 0 WHERE id = ? AND stale = ?"
_COPIED: Final = (  # that there is none needs to be said only where there was one
    "INSERT OR REPLACE INTO copies (resource_id, since, digest) SELECT ?, ?, ? "
    "WHERE ? IS NOT (SELECT digest FROM copies WHERE resource_id = ? ORDER BY since DESC LIMIT 1)"
)
_UNSYNCED: Final = "INSERT OR IGNORE INTO unsynced (digest) VALUES (?)"
_KINDS: Final = {str(kind): kind for kind in Kind}
_STANDINGS: Final = {str(standing): standing for standing in Standing}


_KNOW: Final = sa.text("INSERT OR REPLACE INTO facts (name, value) VALUES (:name, :value)")
_LEAVE: Final = sa.text(
    "INSERT INTO leaving (path, url_id, lost, released) VALUES (:path, :url_id, :lost, 0) "
    "ON CONFLICT (path) DO UPDATE SET lost = excluded.lost, released = 0"
)
_RETURNED: Final = sa.delete(leaving).where(
    sa.exists().where(resources.c.url_id == leaving.c.url_id, resources.c.path == leaving.c.path, _CURRENT)
)
_UNVISITED: Final = (
    _RESOURCES.where(_CURRENT, resources.c.path.is_not(None), resources.c.snapshot_id != sa.bindparam("run"))
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
    .limit(_AT_A_TIME)
)


def _same(before: Resource, now: Resource) -> bool:
    """Whether nothing changed that a snapshot tells apart. What is present has an error only once the run was judged."""
    errors = [None if one.standing is Standing.PRESENT else one.error for one in (before, now)]
    return (before.standing, before.content) == (now.standing, now.content) and errors[0] == errors[1]


def _resource_values(snapshot: Snapshot, resource: Resource) -> tuple[Any, ...]:
    """What `_VALUES` names."""
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
    """A row of `_RESOURCE` as a resource."""
    return Resource(
        url_id=row[14],
        url=CanonicalURL(row[16]),
        fetched=row[2],
        status=row[4],
        headers=[(name, value) for name, value in json.loads(row[5])],
        digest=row[6],
        size=row[7],
        media_type=row[8],
        path=row[9],
        discovered_from=row[10],
        error=row[11],
        stale=bool(row[12]),
        id=row[13],
        standing=_STANDINGS[row[1]],
        checked=row[3],
        since=row[15],
    )


def entry_of(row: Any) -> Entry:
    return Entry(
        id=row.url_id,
        url=CanonicalURL(row.url),
        state=State(row.state),
        roles=ROLE_SETS[row.roles],
        depth=row.depth,
        guess=row.guess,
        referrer_id=row.referrer_id,
        reason=Reason(row.reason) if row.reason else None,
    )


def resource_of(row: Any) -> Resource:
    return Resource(
        url_id=row.url_id,
        url=CanonicalURL(row.url),
        fetched=row.fetched,
        status=row.status,
        headers=[(name, value) for name, value in row.headers],
        digest=row.digest and Digest(row.digest),
        size=row.size,
        media_type=row.media_type,
        path=row.path and LocalPath(row.path),
        discovered_from=row.discovered_from,
        error=row.error,
        stale=bool(row.stale),
        id=row.id,
        standing=Standing(row.standing),
        checked=row.checked,
        since=row.since,
    )
