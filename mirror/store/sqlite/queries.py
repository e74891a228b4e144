"""What all parts of the manifest share: the session, conditions of queries, and the conversion of rows to records.

In all queries `u` is a row of urls, `f` one of frontier, `r` one of resources, and `:run` the selected run.

A version is shown by the snapshots from its `since` on, up to but not including its `until`.
"""

import sqlite3
from collections.abc import Collection, Iterable, Mapping
from itertools import combinations, repeat
from typing import Any, Final, Generic, TypeVar

from mirror.core.policy.scope import Reason, Role
from mirror.store.manifest import checks
from mirror.store.manifest.checks import checked
from mirror.store.manifest.records import Entry, Resource, Standing, State
from mirror.store.sqlite.database import Database

ROLE_BITS: Final = {Role.PAGE: 1, Role.LISTING: 2, Role.FRAME: 4, Role.REQUISITE: 8}
ROLE_SETS: Final = {
    sum(ROLE_BITS[role] for role in roles): frozenset(roles)
    for number in range(len(Role) + 1)
    for roles in combinations(Role, number)
}
SEEN: Final = 1 << 24
"""The position from which the links of a version are those that a browser saw."""
AT_A_TIME: Final = 500  # rows read from a large table in one query
PAGE: Final = ROLE_BITS[Role.PAGE]
LISTING: Final = ROLE_BITS[Role.LISTING]
OF_RUN: Final = "frontier f JOIN resources r ON r.url_id = f.url_id AND r.until IS NULL"
DONE: Final = f"(f.snapshot_id = :run AND f.state = {State.DONE:d})"
WAITS: Final = f"(f.snapshot_id = :run AND f.state <= {State.IN_FLIGHT:d})"
HAS_PAGE_ROLE: Final = f"(f.roles & {PAGE} <> 0)"
IS_REDIRECT: Final = "(r.status BETWEEN 300 AND 399)"
IS_GOOD: Final = f"(r.path IS NOT NULL AND r.standing <> '{Standing.ERROR}')"
IS_HTML: Final = f"(r.media_type IN ('text/html', 'application/xhtml+xml') AND {IS_GOOD})"
IS_PAGE: Final = f"({HAS_PAGE_ROLE} AND {IS_HTML} AND NOT {IS_REDIRECT})"
IS_SHOWN_PAGE: Final = (  # as in the counts of a run, `IS_PAGE`; the rules of a later run may have taken its roles from a page
    "media_type IN ('text/html', 'application/xhtml+xml') AND instr(url, '#') = 0 "
    f"AND (coalesce(roles, 0) = 0 OR roles & {PAGE})"
)
IS_SHOWN: Final = "r.since <= :at AND (r.until IS NULL OR r.until > :at)"
ENTRY: Final = "SELECT f.*, u.url FROM frontier f JOIN urls u ON u.id = f.url_id"
IS_WHOLE: Final = (
    "(r.path IS NOT NULL OR u.same_as IS NOT NULL) AND r.until IS NULL AND r.status = 200 AND r.error IS NULL"
)
LAST_COMPLETE: Final = "(SELECT coalesce(max(id), 0) FROM snapshots WHERE outcome = 'complete')"
AT_LAST_COMPLETE: Final = (  # the version of a URL that the newest complete snapshot shows
    f"({{0}}.since <= {LAST_COMPLETE} AND ({{0}}.until IS NULL OR {{0}}.until > {LAST_COMPLETE}))"
)
DOM: Final = (  # the DOM of the newest rendering of a version
    "(SELECT dom FROM renderings d WHERE d.resource_id = {} AND d.state = 1 ORDER BY d.since DESC LIMIT 1)"
)
RESOURCE: Final = "SELECT r.*, u.url FROM resources r JOIN urls u ON u.id = r.url_id"


Key = TypeVar("Key")
Value = TypeVar("Value")
_UNKNOWN: Final = object()


class Session:
    """The database and the selected run. `run_id` is the id of its snapshot, 0 if no run is selected."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.run_id = 0
        self.new_urls: set[int] = set()
        """The ids of URLs that were added since the last savepoint began: no committed link refers to them."""

    def select(self, run_id: int) -> None:
        """Read and write for this run from now on."""
        self.run_id = run_id
        self.forget()

    def forget(self) -> None:
        """Clear all caches: a statement outside of `Frontier` wrote to its tables."""
        self.database.clear_caches()


class Recent(Generic[Key, Value]):
    """A cache that drops the older half of its keys when it is full. A value takes a few hundred bytes."""

    def __init__(self, max_size: int = 1 << 14) -> None:
        self._max_size = max_size
        self._kept: dict[Key, Value] = {}

    def __setitem__(self, key: Key, value: Value) -> None:
        self._kept[key] = value
        if len(self._kept) > self._max_size:
            self._drop()

    def update(self, values: Mapping[Key, Value]) -> None:
        """Set many values."""
        self._kept.update(values)
        if len(self._kept) > self._max_size:
            self._drop()

    def all_of(self, keys: Iterable[Key]) -> list[Value | None]:
        """Return the cached values of some keys in their order, with `None` for a key that is not cached."""
        return list(map(self._kept.get, keys))

    def split(self, keys: Collection[Key]) -> tuple[dict[Key, Value], list[Key]]:
        """Return the cached values of some keys, and the keys that are not cached, each once."""
        found: dict[Key, Any] = dict(zip(keys, map(self._kept.get, keys, repeat(_UNKNOWN)), strict=True))
        unknown = [key for key, value in found.items() if value is _UNKNOWN]
        for key in unknown:
            del found[key]
        return found, unknown

    def clear(self) -> None:
        self._kept.clear()

    def _drop(self) -> None:
        for old in list(self._kept)[: -self._max_size // 2]:
            del self._kept[old]


class Queries:
    """The base of the manifest's parts."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._database = session.database

    @property
    def _run_id(self) -> int:
        return self._session.run_id

    def _count(self, query: str) -> int:
        return int(self._database.scalar(query, {"run": self._run_id}))


@checked
def entry_of(row: sqlite3.Row) -> Entry:
    return Entry(
        id=checks.number(row["url_id"]),
        url=checks.url(row["url"]),
        state=State(row["state"]),
        roles=ROLE_SETS[row["roles"]],
        depth=checks.number(row["depth"]),
        guess=bool(row["guess"]),
        referrer_id=checks.optional(checks.number, row["referrer_id"]),
        reason=Reason(row["reason"]) if row["reason"] else None,
    )


@checked
def resource_of(row: sqlite3.Row) -> Resource:
    digest, path = row["digest"], row["path"]
    return Resource(
        url_id=checks.number(row["url_id"]),
        url=checks.url(row["url"]),
        fetched=checks.time(row["fetched"]),
        status=checks.optional(checks.status, row["status"]),
        headers=checks.headers(checks.read_json(row["headers"])),
        digest=None if digest is None else checks.digest(digest),
        size=checks.number(row["size"]),
        media_type=checks.optional(checks.text, row["media_type"]),
        path=None if path is None else checks.path(path),
        discovered_from=row["discovered_from"],
        error=checks.optional(checks.text, row["error"]),
        stale=bool(row["stale"]),
        id=checks.number(row["id"]),
        standing=_STANDINGS[row["standing"]],
        checked=checks.time(row["checked"]),
        since=checks.number(row["since"]),
    )


_STANDINGS: Final = {str(standing): standing for standing in Standing}
