"""The manifest: the database that knows every URL, what came of it, and what is left to do.

Owns `.mirror/manifest.sqlite`, and all SQL of the project. Enters and leaves: plain values. A write is a transaction of the
caller's (`with manifest.transaction()`), so that a response and all that it led to are there together or not at all.

    snapshots   one row a run: when, with which starts and options, whether it was finished
    urls        one row a URL that was ever referred to, and what published documents take for its place (`resolution`)
    frontier    one row a URL of this run: as what it is wanted, how far from a start, or why not
    resources   one row a URL that was answered: status, headers, digest, media type, path, where it was found
    links       the references of each resource, in their order
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import IntEnum
from itertools import combinations
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.engine import ExceptionContext

from mirror.core.paths import LocalPath
from mirror.core.references import Reference
from mirror.core.scope import Reason, Role
from mirror.core.spans import Kind
from mirror.core.urls import CanonicalURL
from mirror.store.errors import FULL, StorageError
from mirror.store.objects import Digest

SCHEMA_VERSION: Final = 1
_AT_A_TIME: Final = 500  # rows read from a large table

ROLE_BITS: Final = {Role.PAGE: 1, Role.LISTING: 2, Role.FRAME: 4, Role.REQUISITE: 8}
_PAGE: Final = ROLE_BITS[Role.PAGE]
_LISTING: Final = ROLE_BITS[Role.LISTING]
_ONLY_PAGE: Final = frozenset({Role.PAGE})

schema = sa.MetaData()

snapshots = sa.Table(
    "snapshots",
    schema,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("started", sa.Text, nullable=False),  # ISO 8601, UTC
    sa.Column("finished", sa.Text),
    sa.Column("starts", sa.JSON, nullable=False),
    sa.Column("options", sa.JSON, nullable=False),
)
urls = sa.Table(
    "urls",
    schema,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("url", sa.Text, nullable=False, unique=True),
    sa.Column("resolution", sa.Text),  # a path in the tree; NULL: documents give its absolute URL
)
frontier = sa.Table(
    "frontier",
    schema,
    sa.Column("url_id", sa.Integer, primary_key=True),
    sa.Column("state", sa.Integer, nullable=False),
    sa.Column("roles", sa.Integer, nullable=False),  # the sum of its ROLE_BITS; 0: it is not wanted
    sa.Column("depth", sa.Integer, nullable=False),
    sa.Column("guess", sa.Boolean, nullable=False),
    sa.Column("referrer_id", sa.Integer),
    sa.Column("reason", sa.Text),
    sa.Index("frontier_pending", "state", "roles", "depth", "url_id"),
)
resources = sa.Table(
    "resources",
    schema,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("url_id", sa.Integer, nullable=False, unique=True),
    sa.Column("snapshot_id", sa.Integer, nullable=False),
    sa.Column("fetched", sa.Text, nullable=False),  # ISO 8601, UTC
    sa.Column("status", sa.Integer),  # NULL: no answer
    sa.Column("headers", sa.JSON, nullable=False),  # [[name, value], ...] as received
    sa.Column("digest", sa.Text),
    sa.Column("size", sa.Integer, nullable=False),
    sa.Column("media_type", sa.Text),
    sa.Column("path", sa.Text),  # in the tree; NULL: it has no place there
    sa.Column("discovered_from", sa.Integer),  # urls.id
    sa.Column("error", sa.Text),
    sa.Column("stale", sa.Boolean, nullable=False, default=False),  # its file has to be published again
)
links = sa.Table(
    "links",
    schema,
    sa.Column("resource_id", sa.Integer, primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True),
    sa.Column("target_id", sa.Integer, nullable=False, index=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("guess", sa.Boolean, nullable=False),
    sqlite_with_rowid=False,
)


class State(IntEnum):
    """Where a URL stands in this run."""

    PENDING = 0
    IN_FLIGHT = 1
    DONE = 2
    SKIPPED = 3


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
    """An answer, or that there was none. `path` is its place in the tree, if any; `stale`: its file there is not right."""

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


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of a run, for its summary.

    `pages` are HTML that starts and links led to, `fetched` all that these led to, `requisites` all that is no page.
    """

    fetched: int
    pages: int
    requisites: int
    size: int
    redirects: int
    pending: int
    skipped: dict[str, int]
    failed: dict[str, int]


class Manifest:
    """The database at one path. Raises `StorageError` where it can't be read or written, or is of another version."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._engine = sa.create_engine(sa.URL.create("sqlite", database=str(path)), isolation_level="AUTOCOMMIT")
        event.listen(self._engine, "connect", _configure)
        event.listen(self._engine, "handle_error", self._refuse)
        try:
            self._connection = self._engine.connect()
            self._prepare()
        except sqlite3.DatabaseError as error:  # raised by `_configure`
            self._engine.dispose()
            raise _storage_error(path, error) from error
        except StorageError:
            self._engine.dispose()
            raise

    def close(self) -> None:
        self._connection.close()
        self._engine.dispose()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All writes inside happen together or not at all."""
        database = self._connection.connection.driver_connection
        assert database is not None
        self._connection.exec_driver_sql("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.exec_driver_sql("COMMIT")
        except BaseException:
            if database.in_transaction:  # a full disk has ended it already
                self._connection.exec_driver_sql("ROLLBACK")
            raise

    # --- snapshots -----------------------------------------------------------------------------------------------------

    def begin(self, starts: Sequence[CanonicalURL], options: dict[str, Any], now: str) -> Snapshot:
        """Go on with the last run if it was not finished and asked for the same, else begin one with an empty frontier."""
        last = self._one(sa.select(snapshots).order_by(snapshots.c.id.desc()).limit(1))
        if last and last.finished is None and last.starts[: len(starts)] == list(starts) and last.options == options:
            self._run(sa.update(frontier).where(frontier.c.state == State.IN_FLIGHT).values(state=State.PENDING))
            return Snapshot(last.id, last.started, tuple(last.starts), resumed=True)
        self._run(sa.delete(frontier))
        values = {"started": now, "starts": list(starts), "options": options}
        new_id = self._connection.execute(sa.insert(snapshots).values(values).returning(snapshots.c.id)).scalar_one()
        return Snapshot(new_id, now, tuple(starts))

    def extend_starts(self, snapshot: Snapshot, starts: Sequence[CanonicalURL]) -> None:
        self._run(sa.update(snapshots).where(snapshots.c.id == snapshot.id).values(starts=list(starts)))

    def finish(self, snapshot: Snapshot, now: str) -> None:
        self._run(sa.update(snapshots).where(snapshots.c.id == snapshot.id).values(finished=now))

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
            self._connection.execute(_NEW_URL, [{"url": url} for url in new])
            found |= self.known(new)
        return found

    def known(self, wanted: Sequence[CanonicalURL]) -> dict[CanonicalURL, int]:
        """The id of each URL that has one."""
        rows = self._connection.execute(_URL_IDS, {"given": list(wanted)})
        return {CanonicalURL(url): url_id for url, url_id in rows}

    def entries(self, ids: Sequence[int]) -> dict[int, Entry]:
        """What the frontier says of URLs; those it does not know are not there."""
        rows = self._connection.execute(_ENTRIES, {"given": list(ids)})
        return {row.url_id: _entry(row) for row in rows}

    def done(self) -> list[Entry]:
        """All URLs of this run that are answered."""
        return [_entry(row) for row in self._connection.execute(_ANSWERED)]

    def admit(self, entries: Sequence[Entry]) -> None:
        """Put URLs into the frontier, or change what it says of them."""
        if entries:
            self._connection.execute(_ADMIT, [_frontier_values(entry) for entry in entries])

    def take(self, most: int, *, pages: bool) -> list[Entry]:
        """Up to `most` pending URLs, marked as in flight, near ones before far ones: mere pages, or what pages need."""
        found = [_entry(row, row.referrer) for row in self._connection.execute(_PENDING[pages], {"most": most})]
        if found:
            self._connection.execute(_IN_FLIGHT, {"given": [entry.id for entry in found]})
        return found

    def waiting(self) -> int:
        """How many URLs wait or are in flight."""
        return int(self._connection.execute(sa.select(sa.func.count()).where(_WAITS)).scalar_one())

    def pages_done(self) -> int:
        """How many pages of this run were fetched as HTML: what a limit counts."""
        query = sa.select(sa.func.count()).select_from(_OF_RUN).where(_DONE, _IS_PAGE)
        return int(self._connection.execute(query).scalar_one())

    def skip_waiting_pages(self, reason: Reason) -> None:
        """Give up on the mere pages that wait."""
        self._run(sa.update(frontier).where(_WAITS, _IS_ONLY_PAGE).values(state=State.SKIPPED, reason=reason))

    # --- resources and links -------------------------------------------------------------------------------------------

    def resource(self, url_id: int) -> Resource | None:
        row = self._connection.execute(_RESOURCE, {"url_id": url_id}).first()
        return _resource(row) if row else None

    def resources(self, *, stale: bool = False) -> Iterator[Resource]:
        """All resources with a place in the tree, by id; `stale`: those whose file has to be published again."""
        query = _RESOURCES.where(resources.c.path.is_not(None)).order_by(resources.c.id).limit(_AT_A_TIME)
        if stale:
            query = query.where(resources.c.stale)
        last = 0
        while rows := self._connection.execute(query.where(resources.c.id > last)).all():
            yield from map(_resource, rows)
            last = rows[-1].id

    def record(self, snapshot: Snapshot, resource: Resource, references: Sequence[tuple[int, Reference]]) -> Resource:
        """Write a resource and its references, in the place of what was known of that URL."""
        values = {
            "url_id": resource.url_id,
            "snapshot_id": snapshot.id,
            "fetched": resource.fetched,
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
        new_id = int(self._connection.execute(_RECORD, values).scalar_one())
        self._connection.execute(_NO_LINKS, {"of": new_id})
        if references:
            self._connection.execute(
                _LINKS,
                [
                    {"resource_id": new_id, "position": n, "target_id": target, "kind": ref.kind, "guess": ref.guess}
                    for n, (target, ref) in enumerate(references)
                ],
            )
        return replace(resource, id=new_id)

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
        """Say where URLs that are wanted will stand; documents that had to do without are stale now."""
        if places:
            self._connection.execute(_EXPECT, [{"known": url_id, "place": path} for url_id, path in places])
            self._connection.execute(_STALE, {"given": [url_id for url_id, _ in places]})

    def all_urls(self) -> Iterator[tuple[int, LocalPath | None, LocalPath | None, int | None]]:
        """Each URL: id, resolution, its resource's path, and the target's id if that is a redirect."""
        query = (
            sa.select(urls.c.id, urls.c.resolution, resources.c.path, _REDIRECT)
            .outerjoin(resources, resources.c.url_id == urls.c.id)
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

    def published(self, ids: Sequence[int]) -> None:
        """Say that the files of resources are right by now."""
        if ids:
            self._connection.execute(_PUBLISHED, {"given": list(ids)})

    # --- counts --------------------------------------------------------------------------------------------------------

    def counts(self, snapshot: Snapshot) -> Counts:
        """What became of this run so far."""
        kept = _DONE & resources.c.path.is_not(None) & ~_IS_REDIRECT
        good = sa.select(_IS_PAGE, sa.func.count(), sa.func.sum(resources.c.size)).select_from(_OF_RUN)
        good = good.where(kept, frontier.c.roles != _LISTING).group_by(_IS_PAGE)
        found = {bool(page): (count, size) for page, count, size in self._connection.execute(good)}
        fetched = sa.select(sa.func.count()).select_from(_OF_RUN).where(kept, _HAS_PAGE_ROLE)
        redirects = sa.select(sa.func.count()).select_from(_OF_RUN).where(_DONE, _IS_REDIRECT)
        failed = sa.select(resources.c.error, sa.func.count()).select_from(_OF_RUN)
        failed = failed.where(_FAILED, resources.c.snapshot_id == snapshot.id).group_by(resources.c.error)
        skipped = sa.select(frontier.c.reason, sa.func.count()).where(frontier.c.state == State.SKIPPED)
        return Counts(
            fetched=int(self._connection.execute(fetched).scalar_one()),
            pages=found.get(True, (0, 0))[0],
            requisites=found.get(False, (0, 0))[0],
            size=sum(size for _, size in found.values()),
            redirects=int(self._connection.execute(redirects).scalar_one()),
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
        return [(row[0], row[1], row[2]) for row in self._connection.execute(query)]

    # --- inside --------------------------------------------------------------------------------------------------------

    def _prepare(self) -> None:
        with self.transaction():
            version = self._connection.exec_driver_sql("PRAGMA user_version").scalar_one()
            if version not in {0, SCHEMA_VERSION}:
                raise StorageError(
                    f"{self._path} has version {version}, this program reads {SCHEMA_VERSION}: "
                    "use the program that wrote it, or a newer one"
                )
            if version == 0:
                schema.create_all(self._connection)
                self._connection.exec_driver_sql(f"PRAGMA user_version = {SCHEMA_VERSION}")

    def _refuse(self, context: ExceptionContext) -> None:
        """Tell what is wrong with the file; a mistake in a statement stays what it is."""
        error = context.original_exception
        if type(error) in {sqlite3.DatabaseError, sqlite3.OperationalError}:
            raise _storage_error(self._path, error) from error

    def _run(self, statement: sa.Executable) -> None:
        self._connection.execute(statement)

    def _one(self, query: sa.Select[Any]) -> Any:
        return self._connection.execute(query).first()

    def _by_reason(self, query: sa.Select[Any]) -> dict[str, int]:
        return {row[0]: row[1] for row in self._connection.execute(query)}


# --- conditions and statements, built once --------------------------------------------------------------------------------

_given = sa.func.json_each(sa.bindparam("given", type_=sa.JSON)).table_valued("value")
_GIVEN: Final = sa.select(_given.c.value)
"""The values of a list of any length as one parameter."""

_SAME_URL: Final = resources.c.url_id == frontier.c.url_id
_OF_RUN: Final = frontier.join(resources, _SAME_URL)
_WAITS: Final = frontier.c.state <= State.IN_FLIGHT
_DONE: Final = frontier.c.state == State.DONE
_IS_ONLY_PAGE: Final = frontier.c.roles == _PAGE
_HAS_PAGE_ROLE: Final = frontier.c.roles.bitwise_and(_PAGE) != 0
_FAILED: Final = _DONE & resources.c.error.is_not(None) & ~frontier.c.guess
_IS_REDIRECT: Final = resources.c.status.between(300, 399)
_IS_PAGE: Final = (
    _HAS_PAGE_ROLE
    & resources.c.media_type.in_(["text/html", "application/xhtml+xml"])
    & resources.c.path.is_not(None)
    & ~_IS_REDIRECT
)
_REDIRECT: Final = (
    sa.select(links.c.target_id)
    .where(links.c.resource_id == resources.c.id, links.c.kind == Kind.REDIRECT)
    .order_by(links.c.position)
    .limit(1)
    .scalar_subquery()
)

_NEW_URL: Final = insert(urls).on_conflict_do_nothing()
_URL_IDS: Final = sa.select(urls.c.url, urls.c.id).where(urls.c.url.in_(_GIVEN))

_ENTRY: Final = sa.select(frontier, urls.c.url).join(urls, urls.c.id == frontier.c.url_id)
_ENTRIES: Final = _ENTRY.where(frontier.c.url_id.in_(_GIVEN))
_ANSWERED: Final = _ENTRY.where(_DONE).order_by(frontier.c.url_id)
_referrers = urls.alias()
_NEAREST: Final = (
    _ENTRY.add_columns(_referrers.c.url.label("referrer"))
    .outerjoin(_referrers, _referrers.c.id == frontier.c.referrer_id)
    .where(frontier.c.state == State.PENDING)
    .order_by(frontier.c.depth, frontier.c.url_id)
    .limit(sa.bindparam("most"))
)
_PENDING: Final = {True: _NEAREST.where(_IS_ONLY_PAGE), False: _NEAREST.where(frontier.c.roles > _PAGE)}
_IN_FLIGHT: Final = sa.update(frontier).where(frontier.c.url_id.in_(_GIVEN)).values(state=State.IN_FLIGHT)
_admitted = insert(frontier)
_ADMIT: Final = _admitted.on_conflict_do_update(
    index_elements=["url_id"],
    set_={column.name: column for column in _admitted.excluded if column.name != "url_id"},
)

_RESOURCES: Final = sa.select(resources, urls.c.url).join(urls, urls.c.id == resources.c.url_id)
_RESOURCE: Final = _RESOURCES.where(resources.c.url_id == sa.bindparam("url_id"))
_PLACE: Final = sa.select(resources.c.path, _REDIRECT).where(resources.c.url_id == sa.bindparam("url_id"))
_recorded = insert(resources)
_RECORD: Final = _recorded.on_conflict_do_update(
    index_elements=["url_id"],
    set_={column.name: column for column in _recorded.excluded if column.name not in {"id", "url_id"}},
).returning(resources.c.id)
_PUBLISHED: Final = sa.update(resources).where(resources.c.id.in_(_GIVEN)).values(stale=False)

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
_EXPECT: Final = _SETTLE.where(urls.c.resolution.is_(None))
_STALE: Final = (
    sa.update(resources)
    .where(resources.c.id.in_(sa.select(links.c.resource_id).where(links.c.target_id.in_(_GIVEN))))
    .values(stale=True)
)

_HINTS: Final = {
    sqlite3.SQLITE_FULL: FULL,
    sqlite3.SQLITE_IOERR: "the disk can't be read or written. Where it is full, make room; then run the same command again",
    sqlite3.SQLITE_BUSY: "another program uses it; wait until that is done",
    sqlite3.SQLITE_READONLY: "it can't be written: check its owner and its rights",
    sqlite3.SQLITE_CANTOPEN: "it can't be opened: check its owner and its rights",
    sqlite3.SQLITE_CORRUPT: "it is damaged: restore it from a backup, or move its folder away to begin anew",
    sqlite3.SQLITE_NOTADB: "it is no manifest: restore it from a backup, or move its folder away to begin anew",
}


def _storage_error(path: Path, error: BaseException) -> StorageError:
    """What a user can do about it."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the rest of an extended code says more than we need
    return StorageError(f"{path}: {_HINTS.get(code, error)}")


def _configure(connection: sqlite3.Connection, _: object) -> None:
    """WAL: readers never wait, and a killed process loses nothing that was committed."""
    for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "temp_store = MEMORY", "cache_size = -32768"):
        connection.execute(f"PRAGMA {pragma}")


def _frontier_values(entry: Entry) -> dict[str, Any]:
    return {
        "url_id": entry.id,
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


def _entry(row: Any, referrer: str | None = None) -> Entry:
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


def _resource(row: Any) -> Resource:
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
    )
