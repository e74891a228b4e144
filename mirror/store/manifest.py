"""The manifest as one run sees it: every URL, what came of it, and what is left to do.

Enters and leaves: plain values. What it knows of a URL is the current version of its resource; a version that something else
takes the place of is not lost but ends there (`until`), and `history` tells of it. The frontier is that of the run which
`begin` gave; what earlier runs decided stays beside it, for `scrapy why`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum, StrEnum
from itertools import combinations
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from mirror.core.documents import header
from mirror.core.paths import LocalPath
from mirror.core.references import Reference
from mirror.core.scope import Reason, Role
from mirror.core.spans import Kind
from mirror.core.urls import CanonicalURL
from mirror.store.database import (
    GIVEN,
    Database,
    copies,
    facts,
    frontier,
    leaving,
    links,
    resources,
    snapshots,
    tombstones,
    unsynced,
    urls,
)
from mirror.store.objects import Digest

_AT_A_TIME: Final = 500  # rows read from a large table

ROLE_BITS: Final = {Role.PAGE: 1, Role.LISTING: 2, Role.FRAME: 4, Role.REQUISITE: 8}
_PAGE: Final = ROLE_BITS[Role.PAGE]
_LISTING: Final = ROLE_BITS[Role.LISTING]
_ONLY_PAGE: Final = frozenset({Role.PAGE})

Published = tuple[int, Digest | None]
"""A file that was put into the tree: the id of its resource, and its copy; `None`: it is as it was received."""


class State(IntEnum):
    """Where a URL stands in this run."""

    PENDING = 0
    IN_FLIGHT = 1
    DONE = 2
    SKIPPED = 3


class Standing(StrEnum):
    """What a version of a resource is. The first three have a place in the tree, the others have none."""

    PRESENT = "present"  # what the server says
    KEPT = "kept"  # the last good copy: it could not be renewed, `error` says why
    UNLINKED = "unlinked"  # the last good copy: nothing leads to it any more
    FAILED = "failed"  # there never was a good copy
    GONE = "gone"  # the server said 404 or 410
    OUTSIDE = "outside"  # the rules of the run leave it out by now


PRUNED: Final = "pruned"
"""The outcome of a snapshot that nobody is shown any more."""


class Outcome(StrEnum):
    """What became of a run."""

    INCOMPLETE = "incomplete"
    COMPLETE = "complete"
    HELD = "held"  # too much was gone: it waits for a decision


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A run. `resumed`: it goes on with an earlier one that was not finished."""

    id: int
    started: str
    starts: tuple[CanonicalURL, ...]
    resumed: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """A URL in the frontier. `id` is the URL's; `roles` is all as what it is wanted. Without any, `reason` says why."""

    id: int
    url: CanonicalURL
    state: State
    roles: frozenset[Role]
    depth: int
    guess: bool = False
    referrer_id: int | None = None
    reason: Reason | None = None
    referrer: CanonicalURL | None = None

    @property
    def is_only_page(self) -> bool:
        """Whether only links lead to it: no page needs it to be shown."""
        return self.roles == _ONLY_PAGE


@dataclass(frozen=True, slots=True)
class Resource:
    """An answer, or that there was none: the version of a URL since a snapshot.

    `path` is its place in the tree, if any; `stale`: its file there is not right. `fetched` is when its payload came,
    `checked` when the server was asked last.
    """

    url_id: int
    url: CanonicalURL
    fetched: str
    status: int | None
    headers: Sequence[tuple[str, str]]
    digest: Digest | None
    size: int
    media_type: str | None
    path: LocalPath | None
    discovered_from: int | None
    error: str | None = None
    stale: bool = False
    id: int = 0
    standing: Standing = Standing.PRESENT
    checked: str = ""
    since: int = 0

    @property
    def content(self) -> tuple[Digest | None, LocalPath | None, int | None, str | None]:
        """What a reader sees of it; of a redirect that is where it leads."""
        return self.digest, self.path, self.status, header(self.headers, "location")


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of a run, for its summary.

    `pages` are HTML that starts and links led to, `requisites` all that is no page, `linked` those of these that links led to
    as well. Of all that starts and links led to, `fetched` is what could be had; `kept` are last good copies of what could not.
    """

    fetched: int
    pages: int
    requisites: int
    linked: int
    kept: int
    size: int
    redirects: int
    pending: int
    skipped: dict[str, int]
    failed: dict[str, int]


class Manifest:
    """What one run knows and writes."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connection = database.connection
        self._run_id = 0
        self.transaction = database.transaction

    @classmethod
    def at(cls, path: Path) -> "Manifest":
        """The manifest in a file."""
        return cls(Database(path))

    def close(self) -> None:
        self._database.close()

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

    def identify(self, wanted: Sequence[CanonicalURL]) -> dict[CanonicalURL, int]:
        """The id of each URL; a new one gets its row."""
        found = self.known(wanted)
        new = [url for url in wanted if url not in found]
        if new:
            self._connection.execute(_NEW_URL, [{"url": url, "since": self._run_id} for url in new])
            found |= self.known(new)
        return found

    def known(self, wanted: Sequence[CanonicalURL]) -> dict[CanonicalURL, int]:
        """The id of each URL that has one."""
        rows = self._connection.execute(_URL_IDS, {"given": list(wanted)})
        return {CanonicalURL(url): url_id for url, url_id in rows}

    def entries(self, ids: Sequence[int]) -> dict[int, Entry]:
        """What the frontier says of URLs; those it does not know are not there."""
        rows = self._connection.execute(_ENTRIES, {"given": list(ids), "run": self._run_id})
        return {row.url_id: entry_of(row) for row in rows}

    def known_entries(self, ids: Sequence[int]) -> list[Entry]:
        """What the newest run that met URLs says of them."""
        return [entry_of(row) for row in self._connection.execute(_KNOWN_ENTRIES, {"given": list(ids)})]

    def done(self) -> list[Entry]:
        """All URLs of this run that are answered."""
        return [entry_of(row) for row in self._connection.execute(_ANSWERED, {"run": self._run_id})]

    def admit(self, entries: Sequence[Entry]) -> None:
        """Put URLs into the frontier, or change what it says of them."""
        if entries:
            self._connection.execute(_ADMIT, [_frontier_values(entry, self._run_id) for entry in entries])

    def take(self, most: int, *, pages: bool) -> list[Entry]:
        """Up to `most` pending URLs, marked as in flight, near ones before far ones: mere pages, or what pages need."""
        wanted = {"most": most, "run": self._run_id}
        found = [entry_of(row, row.referrer) for row in self._connection.execute(_PENDING[pages], wanted)]
        if found:
            self._connection.execute(_IN_FLIGHT, {"given": [entry.id for entry in found]})
        return found

    def waiting(self) -> int:
        """How many URLs wait or are in flight."""
        return self._count(sa.select(sa.func.count()).where(_WAITS))

    def pages_done(self) -> int:
        """How many pages of this run were fetched as HTML: what a limit counts."""
        return self._count(sa.select(sa.func.count()).select_from(_OF_RUN).where(_DONE, _IS_PAGE))

    def skip_waiting_pages(self, reason: Reason) -> None:
        """Give up on the mere pages that wait."""
        waiting = sa.update(frontier).where(_WAITS, _IS_ONLY_PAGE).values(state=State.SKIPPED, reason=reason)
        self._connection.execute(waiting, {"run": self._run_id})

    # --- resources and links -------------------------------------------------------------------------------------------

    def resource(self, url_id: int) -> Resource | None:
        row = self._connection.execute(_RESOURCE, {"url_id": url_id}).first()
        return resource_of(row) if row else None

    def resources(self, *, stale: bool = False) -> Iterator[Resource]:
        """All current resources with a place in the tree, by id; `stale`: those whose file has to be published again."""
        query = _RESOURCES.where(_CURRENT, resources.c.path.is_not(None)).order_by(resources.c.id).limit(_AT_A_TIME)
        if stale:
            query = query.where(resources.c.stale)
        last = 0
        while rows := self._connection.execute(query.where(resources.c.id > last)).all():
            yield from map(resource_of, rows)
            last = rows[-1].id

    def record(
        self, snapshot: Snapshot, resource: Resource, references: Sequence[tuple[int, Reference]] | None
    ) -> Resource:
        """Write what a URL is from this snapshot on, and its references; `None`: those of the version before.

        Where that is what it was before, only the time changes. Else the version before ends here, but one of this very
        snapshot, which gives way.
        """
        before = self.resource(resource.url_id)
        if before is None:
            new_id = self._insert(snapshot, resource)
        elif before.since == snapshot.id or _same(before, resource):
            new_id = before.id
            self._connection.execute(_UPDATE, {**_resource_values(snapshot, resource), "known": new_id})
        else:
            self._connection.execute(_END, {"known": before.id, "at": snapshot.id})
            new_id = self._insert(snapshot, resource)
            self._connection.execute(_MOVE_LINKS, {"old": before.id, "new": new_id})
            if before.content == resource.content:
                self._connection.execute(_MOVE_COPY, {"old": before.id, "new": new_id, "at": snapshot.id})
        since = before.since if before and new_id == before.id else snapshot.id
        recorded = replace(resource, id=new_id, since=since, checked=resource.checked or resource.fetched)
        if references is not None and (before is None or self.references(recorded) != list(references)):
            self._write_links(new_id, references)
        return recorded

    def _insert(self, snapshot: Snapshot, resource: Resource) -> int:
        values = {**_resource_values(snapshot, resource), "url_id": resource.url_id, "since": snapshot.id}
        return int(self._connection.execute(_INSERT, values).scalar_one())

    def _write_links(self, resource_id: int, references: Sequence[tuple[int, Reference]]) -> None:
        self._connection.execute(_NO_LINKS, {"of": resource_id})
        if references:
            self._connection.execute(
                _LINKS,
                [
                    {
                        "resource_id": resource_id,
                        "position": n,
                        "target_id": target,
                        "kind": ref.kind,
                        "guess": ref.guess,
                    }
                    for n, (target, ref) in enumerate(references)
                ],
            )

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
        recorded = self.record(snapshot, resource, None)
        self._connection.execute(_ASKED, {"known": recorded.id, "asked": asked})

    def lose(self, digests: Sequence[Digest]) -> None:
        """Objects are damaged: what they are needed for is fetched or made again."""
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
        """Whether a limit or a depth kept this run from seeing all that there is."""
        query = sa.select(sa.func.count()).where(
            _THIS_RUN, frontier.c.state == State.SKIPPED, frontier.c.reason.in_([Reason.LIMIT, Reason.DEPTH])
        )
        return self._count(query) > 0

    def references(self, resource: Resource) -> list[tuple[int, Reference]]:
        """The stored references of a resource, in their order, each with the id of its target."""
        rows = self._connection.execute(_REFERENCES, {"of": resource.id})
        return [(row.target_id, Reference(CanonicalURL(row.url), Kind(row.kind), row.guess)) for row in rows]

    # --- what documents say of each other ------------------------------------------------------------------------------

    def resolutions(self, resource: Resource) -> dict[CanonicalURL, LocalPath]:
        """Where the targets of a document's references stand, as published documents have it."""
        rows = self._connection.execute(_RESOLUTIONS, {"of": resource.id})
        return {CanonicalURL(url): LocalPath(path) for url, path in rows}

    def expect(self, places: Sequence[tuple[int, LocalPath]]) -> None:
        """Say where URLs that are wanted will stand; documents that had to do without are stale now.

        What was asked for before and had no place is not expected to have one until it has.
        """
        wanted = dict(places)
        rows = self._connection.execute(_UNRESOLVED, {"given": list(wanted)}) if wanted else ()
        self.settle([(row.id, wanted[row.id]) for row in rows])

    def all_urls(self) -> Iterator[tuple[int, LocalPath | None, LocalPath | None, int | None]]:
        """Each URL: id, resolution, its resource's path, and the target's id if that is a redirect.

        What is to leave the tree still has its path, until `release`.
        """
        query = (
            sa.select(urls.c.id, urls.c.resolution, _PATH, _REDIRECT)
            .outerjoin(resources, (resources.c.url_id == urls.c.id) & _CURRENT)
            .order_by(urls.c.id)
            .limit(_AT_A_TIME * 4)
        )
        last = 0
        while rows := self._connection.execute(query.where(urls.c.id > last)).all():
            yield from ((row[0], row[1], row[2], row[3]) for row in rows)
            last = rows[-1][0]

    def place(self, url_id: int) -> tuple[LocalPath | None, int | None]:
        """The path of a URL's resource, and the id of the target if that is a redirect."""
        row = self._connection.execute(_PLACE, {"url_id": url_id}).first()
        return (row[0], row[1]) if row else (None, None)

    def settle(self, changed: Sequence[tuple[int, LocalPath | None]]) -> None:
        """Say where URLs stand now, and mark the documents that say otherwise as stale."""
        if changed:
            self._connection.execute(_SETTLE, [{"known": url_id, "place": path} for url_id, path in changed])
            self._connection.execute(_STALE, {"given": [url_id for url_id, _ in changed]})

    def published(self, files: Sequence[Published]) -> None:
        """Say that the files of resources are right by now, and what their copies are from this snapshot on."""
        if files:
            at = self.last_snapshot()
            rows = [{"of": resource_id, "at": at, "digest": copy} for resource_id, copy in files]
            self._connection.execute(_PUBLISHED, {"given": [resource_id for resource_id, _ in files]})
            self._connection.execute(_COPIED, rows)
            new = [{"digest": copy} for _, copy in files if copy]
            if new:
                self._connection.execute(_UNSYNCED, new)

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

    def not_synced(self, digest: Digest) -> None:
        self._connection.execute(_UNSYNCED, {"digest": digest})

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
        skipped = sa.select(frontier.c.reason, sa.func.count()).where(_THIS_RUN, frontier.c.state == State.SKIPPED)
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
_IS_ONLY_PAGE: Final = frontier.c.roles == _PAGE
_HAS_PAGE_ROLE: Final = frontier.c.roles.bitwise_and(_PAGE) != 0
_FAILED: Final = _DONE & resources.c.error.is_not(None) & ~frontier.c.guess
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

_NEW_URL: Final = insert(urls).on_conflict_do_nothing()
_URL_IDS: Final = sa.select(urls.c.url, urls.c.id).where(urls.c.url.in_(GIVEN))

_ENTRY: Final = sa.select(frontier, urls.c.url).join(urls, urls.c.id == frontier.c.url_id)
_ENTRIES: Final = _ENTRY.where(  # the sum keeps SQLite from going through all of the run
    frontier.c.snapshot_id + 0 == sa.bindparam("run", type_=sa.Integer), frontier.c.url_id.in_(GIVEN)
)
_KNOWN_ENTRIES: Final = _ENTRY.where(frontier.c.url_id.in_(GIVEN))
_KNOWN_ENTRY: Final = _ENTRY.where(frontier.c.url_id == sa.bindparam("url_id"))
_ANSWERED: Final = _ENTRY.where(_DONE).order_by(frontier.c.url_id)
_LISTINGS: Final = (
    sa.select(urls.c.url)
    .join(frontier, frontier.c.url_id == urls.c.id)
    .where(frontier.c.snapshot_id < sa.bindparam("run"), frontier.c.roles == _LISTING, frontier.c.referrer_id.is_(None))
)
_REDIRECTS: Final = _ENTRY.join(resources, _SAME_URL).where(_DONE, _IS_REDIRECT, resources.c.path.is_not(None))
_referrers = urls.alias()
_NEAREST: Final = (
    _ENTRY.add_columns(_referrers.c.url.label("referrer"))
    .outerjoin(_referrers, _referrers.c.id == frontier.c.referrer_id)
    .where(_THIS_RUN, frontier.c.state == State.PENDING)
    .order_by(frontier.c.depth, frontier.c.url_id)
    .limit(sa.bindparam("most"))
)
_PENDING: Final = {True: _NEAREST.where(_IS_ONLY_PAGE), False: _NEAREST.where(frontier.c.roles > _PAGE)}
_IN_FLIGHT: Final = sa.update(frontier).where(frontier.c.url_id.in_(GIVEN)).values(state=State.IN_FLIGHT)
_admitted = insert(frontier)
_ADMIT: Final = _admitted.on_conflict_do_update(
    index_elements=["url_id"],
    set_={column.name: column for column in _admitted.excluded if column.name != "url_id"},
)

_RESOURCES: Final = sa.select(resources, urls.c.url).join(urls, urls.c.id == resources.c.url_id)
_RESOURCE: Final = _RESOURCES.where(resources.c.url_id == sa.bindparam("url_id"), _CURRENT)
_LEAVING_PATH: Final = (
    sa.select(leaving.c.path).where(leaving.c.url_id == urls.c.id, ~leaving.c.released).limit(1).scalar_subquery()
)
_PATH: Final = sa.func.coalesce(resources.c.path, _LEAVING_PATH)
_PLACE: Final = (
    sa.select(_PATH, _REDIRECT)
    .select_from(resources.join(urls, urls.c.id == resources.c.url_id))
    .where(resources.c.url_id == sa.bindparam("url_id"), _CURRENT)
)
_INSERT: Final = sa.insert(resources).returning(resources.c.id)
_UPDATE: Final = sa.update(resources).where(resources.c.id == sa.bindparam("known"))
_END: Final = _UPDATE.values(until=sa.bindparam("at"))
_LAST_ASKED: Final = sa.select(resources.c.snapshot_id).where(resources.c.id == sa.bindparam("of"))
_ASKED: Final = _UPDATE.values(snapshot_id=sa.bindparam("asked"))
_OF_DIGESTS: Final = _CURRENT & resources.c.digest.in_(GIVEN)
_LOSE: Final = (
    sa.update(resources).where(_OF_DIGESTS, resources.c.path.is_not(None)).values(stale=True),
    sa.update(resources)
    .where(resources.c.id.in_(sa.select(copies.c.resource_id).where(copies.c.digest.in_(GIVEN))))
    .values(stale=True),
    sa.delete(copies).where(copies.c.digest.in_(GIVEN)),
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
_SPOIL: Final = sa.update(resources).where(resources.c.id.in_(GIVEN)).values(stale=True)
_MOVE_LINKS: Final = (
    sa.update(links).where(links.c.resource_id == sa.bindparam("old")).values(resource_id=sa.bindparam("new"))
)
_COPY: Final = (
    sa.select(copies.c.digest)
    .where(copies.c.resource_id == sa.bindparam("of"))
    .order_by(copies.c.since.desc())
    .limit(1)
)
_MOVE_COPY: Final = sa.text(
    "INSERT INTO copies (resource_id, since, digest) "
    "SELECT :new, :at, digest FROM copies WHERE resource_id = :old ORDER BY since DESC LIMIT 1"
)
_COPIED: Final = sa.text(  # that there is none needs to be said only where there was one
    "INSERT OR REPLACE INTO copies (resource_id, since, digest) SELECT :of, :at, :digest "
    "WHERE :digest IS NOT (SELECT digest FROM copies WHERE resource_id = :of ORDER BY since DESC LIMIT 1)"
)
_UNSYNCED: Final = insert(unsynced).on_conflict_do_nothing()
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
_PUBLISHED: Final = sa.update(resources).where(resources.c.id.in_(GIVEN)).values(stale=False)

_LINKS: Final = sa.insert(links)
_NO_LINKS: Final = sa.delete(links).where(links.c.resource_id == sa.bindparam("of"))
_REFERENCES: Final = (
    sa.select(links.c.target_id, links.c.kind, links.c.guess, urls.c.url)
    .join(urls, urls.c.id == links.c.target_id)
    .where(links.c.resource_id == sa.bindparam("of"))
    .order_by(links.c.position)
)
_RESOLUTIONS: Final = (
    sa.select(urls.c.url, urls.c.resolution)
    .join(links, links.c.target_id == urls.c.id)
    .where(links.c.resource_id == sa.bindparam("of"), urls.c.resolution.is_not(None))
)
_SETTLE: Final = sa.update(urls).where(urls.c.id == sa.bindparam("known")).values(resolution=sa.bindparam("place"))
_UNRESOLVED: Final = sa.select(urls.c.id).where(
    urls.c.id.in_(GIVEN),
    urls.c.resolution.is_(None),
    ~sa.exists().where(resources.c.url_id == urls.c.id, _CURRENT),
)
_STALE: Final = (
    sa.update(resources)
    .where(resources.c.id.in_(sa.select(links.c.resource_id).where(links.c.target_id.in_(GIVEN))))
    .values(stale=True)
)


def _same(before: Resource, now: Resource) -> bool:
    """Whether nothing changed that a snapshot tells apart. What is present has an error only once the run was judged."""
    errors = [None if one.standing is Standing.PRESENT else one.error for one in (before, now)]
    return (before.standing, before.content) == (now.standing, now.content) and errors[0] == errors[1]


def _resource_values(snapshot: Snapshot, resource: Resource) -> dict[str, Any]:
    return {
        "snapshot_id": snapshot.id,
        "standing": resource.standing,
        "fetched": resource.fetched,
        "checked": resource.checked or resource.fetched,
        "status": resource.status,
        "headers": [list(pair) for pair in resource.headers],
        "digest": resource.digest,
        "size": resource.size,
        "media_type": resource.media_type,
        "path": resource.path,
        "discovered_from": resource.discovered_from,
        "error": resource.error,
        "stale": resource.stale,
    }


def _frontier_values(entry: Entry, run_id: int) -> dict[str, Any]:
    return {
        "url_id": entry.id,
        "snapshot_id": run_id,
        "state": entry.state,
        "roles": sum(ROLE_BITS[role] for role in entry.roles),
        "depth": entry.depth,
        "guess": entry.guess,
        "referrer_id": entry.referrer_id,
        "reason": entry.reason,
    }


_ROLES: Final = {
    sum(ROLE_BITS[role] for role in roles): frozenset(roles)
    for number in range(len(Role) + 1)
    for roles in combinations(Role, number)
}


def entry_of(row: Any, referrer: str | None = None) -> Entry:
    return Entry(
        id=row.url_id,
        url=CanonicalURL(row.url),
        state=State(row.state),
        roles=_ROLES[row.roles],
        depth=row.depth,
        guess=row.guess,
        referrer_id=row.referrer_id,
        reason=Reason(row.reason) if row.reason else None,
        referrer=CanonicalURL(referrer) if referrer else None,
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
        stale=row.stale,
        id=row.id,
        standing=Standing(row.standing),
        checked=row.checked,
        since=row.since,
    )
