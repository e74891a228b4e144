"""The frontier: each URL that any run found, and what the newest of these runs decided about it.

Owns the tables `urls` and `frontier`. One statement looks up all links of a page, and another one writes them, however many
there are. Recently found URLs are cached in memory, because each page of a site repeats the site's navigation. The cache
is bounded, and the whole frontier is on the disk. While a run is open, other code that writes what is cached here (ids and
entries) calls `Session.forget`.
"""

from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from typing import Any, Final

from mirror.core.policy.scope import Reason
from mirror.core.syntax.reference import Reference
from mirror.core.url.canonical import CanonicalURL
from mirror.store.manifest import checks
from mirror.store.manifest.checks import checked
from mirror.store.manifest.records import Entry, Lane, State
from mirror.store.sqlite.queries import (
    DONE,
    ENTRY,
    IS_PAGE,
    IS_REDIRECT,
    LISTING,
    OF_RUN,
    PAGE,
    ROLE_SETS,
    WAITS,
    Queries,
    Recent,
    Session,
    entry_of,
)
from mirror.store.sqlite.schema import listed


class Frontier(Queries):
    """`interface.Frontier`."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._ids: Recent[CanonicalURL, int] = Recent()
        self._entries: Recent[int, Entry | None] = Recent()
        self._last_id: int | None = None
        session.database.on_rollback.append(self.forget)

    def forget(self) -> None:
        """Clear the cache: other code wrote to the tables, or a transaction was rolled back."""
        self._ids.clear()
        self._entries.clear()
        self._last_id = None
        self._session.new_urls.clear()

    # --- URLs ----------------------------------------------------------------------------------------------------------

    def identify(self, wanted: Sequence[CanonicalURL]) -> dict[CanonicalURL, int]:
        found = self.find(wanted)
        new = [url for url in dict.fromkeys(wanted) if url not in found]
        if new:
            last = self._last_url()
            self._last_id = last + len(new)
            rows = list(enumerate(new, last + 1))
            self._database.run(_NEW_URLS, (last + 1, self._run_id, *listed(new)))
            for url_id, url in rows:
                found[url] = self._ids[url] = url_id
                self._entries[url_id] = None
                self._session.new_urls.add(url_id)
        return found

    def with_ids(self, references: Sequence[Reference]) -> list[tuple[int, Reference]]:
        ids: list[Any] = self._ids.all_of(map(_URL_OF, references))
        if not all(ids):
            known = self.identify(list(map(_URL_OF, references)))
            ids = [known[reference.url] for reference in references]
        return list(zip(ids, references, strict=True))

    def find(self, wanted: Sequence[CanonicalURL]) -> dict[CanonicalURL, int]:
        found, unknown = self._ids.split(wanted)
        if unknown:
            for url, url_id in self._database.run(_URL_IDS, listed(unknown)):
                found[url] = self._ids[url] = url_id
        return found

    def _last_url(self) -> int:
        if self._last_id is None:
            self._last_id = int(self._database.run("SELECT coalesce(max(id), 0) FROM urls").fetchone()[0])
        return self._last_id

    # --- entries -------------------------------------------------------------------------------------------------------

    def entries(self, ids: Iterable[int]) -> dict[int, Entry]:
        ids = list(ids)
        recent: list[Any] = self._entries.all_of(ids)
        if all(recent):  # most pages have links to known URLs only
            return dict(zip(ids, recent, strict=True))
        found, unknown = self._entries.split(ids)
        if unknown:
            read = {row[0]: _entry(row) for row in self._database.run(_ENTRIES, (self._run_id, *listed(unknown)))}
            for url_id in unknown:
                found[url_id] = self._entries[url_id] = read.get(url_id)
        return {url_id: entry for url_id, entry in found.items() if entry is not None}

    def admit(self, entries: Sequence[Entry]) -> None:
        alike: dict[
            tuple[Any, ...], list[int]
        ] = {}  # most links of a page: one statement writes those that differ in the id only
        for entry in {entry.id: entry for entry in entries}.values():
            alike.setdefault(_values(entry), []).append(entry.id)
            self._entries[entry.id] = entry
        for values, ids in alike.items():
            self._database.run(_ADMIT, (self._run_id, *values, *listed(ids)))

    def take(self, max_count: int, lane: Lane, *, without: Sequence[str] = ()) -> list[Entry]:
        if without:
            rows = self._database.run(
                _PENDING_ELSEWHERE[lane], (self._run_id, *listed(list(without)), max_count)
            ).fetchall()
        else:
            rows = self._database.run(_PENDING[lane], (self._run_id, max_count)).fetchall()
        found = [_entry(row)._replace(referrer=row[9]) for row in rows]
        if found:
            self._database.run(_IN_FLIGHT, listed([entry.id for entry in found]))
            for entry in found:
                self._entries[entry.id] = entry._replace(state=State.IN_FLIGHT)
        return found

    def take_one(self, url_id: int) -> Entry | None:
        rows = self._database.run(_PENDING_ONE, (self._run_id, url_id)).fetchall()
        if not rows:
            return None
        found = _entry(rows[0])._replace(referrer=rows[0][9])
        self._database.run(_IN_FLIGHT, listed([url_id]))
        self._entries[url_id] = found._replace(state=State.IN_FLIGHT)
        return found

    def last_entries(self, ids: Sequence[int]) -> list[Entry]:
        return [entry_of(row) for row in self._database.rows(_KNOWN_ENTRIES, listed(ids))]

    def done(self) -> list[Entry]:
        return [entry_of(row) for row in self._database.rows(_ANSWERED, {"run": self._run_id})]

    def count_waiting(self) -> int:
        return self._count(f"SELECT count(*) FROM frontier f WHERE {WAITS}")

    def count_pages(self) -> int:
        return self._count(f"SELECT count(*) FROM {OF_RUN} WHERE {DONE} AND {IS_PAGE}")

    def skip_waiting_pages(self, reason: Reason) -> None:
        self.forget()
        self._database.run(_SKIP_WAITING, {"run": self._run_id, "reason": reason})

    def redirects(self) -> list[Entry]:
        return [entry_of(row) for row in self._database.rows(_REDIRECTS, {"run": self._run_id})]

    def skipped(self, reasons: Sequence[Reason]) -> list[Entry]:
        rows = self._database.run(_SKIPPED, (self._run_id, *listed([str(reason) for reason in reasons])))
        return [_entry(row) for row in rows.fetchall()]

    def linking_to(self, ids: Sequence[int]) -> list[Entry]:
        return [_entry(row) for row in self._database.run(_LINKING_TO, (self._run_id, *listed(ids))).fetchall()]

    def listings(self) -> list[CanonicalURL]:
        return [checks.url(url) for url in self._database.column(_LISTINGS, {"run": self._run_id})]

    def set_reason(self, url_id: int, reason: Reason | None) -> None:
        entry = self.entries([url_id]).get(url_id)
        if entry:
            self.admit([entry._replace(reason=reason)])


_URL_OF: Final[Callable[[Reference], CanonicalURL]] = attrgetter("url")
_COLUMNS: Final = "f.url_id, u.url, f.state, f.roles, f.depth, f.guess, f.referrer_id, f.reason, f.snapshot_id"
_NEW_URLS: Final = "INSERT INTO urls (id, url, since) SELECT ? + key, value, ? FROM json_each(?)"
_URL_IDS: Final = "SELECT url, id FROM urls WHERE url IN (SELECT value FROM json_each(?))"
_ENTRIES: Final = (  # `+ 0` keeps SQLite from using the index of the run, which would read all of its rows
    f"SELECT {_COLUMNS} FROM frontier f JOIN urls u ON u.id = f.url_id "
    "WHERE f.snapshot_id + 0 = ? AND f.url_id IN (SELECT value FROM json_each(?))"
)
_OF_STATE: Final = (
    f"SELECT {_COLUMNS} FROM frontier f JOIN urls u ON u.id = f.url_id "
    "WHERE f.snapshot_id = ? AND f.state = {:d} AND {} ORDER BY f.url_id"
)
_SKIPPED: Final = _OF_STATE.format(State.SKIPPED, "f.reason IN (SELECT value FROM json_each(?))")
_LINKING_TO: Final = _OF_STATE.format(
    State.DONE,
    "f.url_id IN (SELECT r.url_id FROM links l JOIN resources r ON r.id = l.resource_id AND r.until IS NULL "
    "WHERE l.target_id IN (SELECT value FROM json_each(?)))",
)
_ADMIT: Final = (
    "INSERT INTO frontier (url_id, snapshot_id, state, roles, depth, guess, referrer_id, reason) "
    "SELECT value, ?, ?, ?, ?, ?, ?, ? FROM json_each(?) WHERE true "  # without WHERE, SQLite takes ON for that of a join
    "ON CONFLICT (url_id) DO UPDATE SET snapshot_id = excluded.snapshot_id, "
    "state = excluded.state, roles = excluded.roles, depth = excluded.depth, guess = excluded.guess, "
    "referrer_id = excluded.referrer_id, reason = excluded.reason"
)
_NEAREST: Final = (
    f"SELECT {_COLUMNS}, r.url FROM frontier f JOIN urls u ON u.id = f.url_id "
    "LEFT JOIN urls r ON r.id = f.referrer_id "
    f"WHERE f.snapshot_id = ? AND f.state = {State.PENDING:d} AND f.roles {{}} {{}} ORDER BY f.depth, f.url_id LIMIT ?"
)
_LANES: Final = {Lane.NEEDED: ">= 4", Lane.LISTING: "BETWEEN 2 AND 3", Lane.PAGE: "= 1"}  # the numbers: `ROLE_BITS`
_PENDING: Final = {lane: _NEAREST.format(roles, "") for lane, roles in _LANES.items()}
_ELSEWHERE: Final = (  # the origin: up to the first slash behind `https://`
    "AND substr(u.url, 1, 8 + instr(substr(u.url, 9), '/')) NOT IN (SELECT value FROM json_each(?))"
)
_PENDING_ELSEWHERE: Final = {lane: _NEAREST.format(roles, _ELSEWHERE) for lane, roles in _LANES.items()}
_PENDING_ONE: Final = (
    f"SELECT {_COLUMNS}, r.url FROM frontier f JOIN urls u ON u.id = f.url_id "
    "LEFT JOIN urls r ON r.id = f.referrer_id "
    f"WHERE f.snapshot_id = ? AND f.url_id = ? AND f.state = {State.PENDING:d}"
)
_IN_FLIGHT: Final = f"UPDATE frontier SET state = {State.IN_FLIGHT:d} WHERE url_id IN (SELECT value FROM json_each(?))"
_BITS: Final = {roles: bits for bits, roles in ROLE_SETS.items()}
_STATES: Final = {int(state): state for state in State}
_REASONS: Final[dict[str | None, Reason | None]] = {None: None, "": None} | {str(reason): reason for reason in Reason}


@checked
def _entry(row: Sequence[Any]) -> Entry:
    """Make an entry of a row of `_COLUMNS`."""
    return Entry(
        checks.number(row[0]),
        checks.url(row[1]),
        _STATES[row[2]],
        ROLE_SETS[row[3]],
        checks.number(row[4]),
        bool(row[5]),
        row[6],
        _REASONS[row[7]],
    )


def _values(entry: Entry) -> tuple[Any, ...]:
    """Return the values of the columns behind `snapshot_id`."""
    return (
        int(entry.state),
        _BITS[entry.roles],
        entry.depth,
        entry.guess,
        entry.referrer_id,
        None if entry.reason is None else str(entry.reason),
    )


_SKIP_WAITING: Final = (
    f"UPDATE frontier AS f SET state = {State.SKIPPED:d}, reason = :reason "
    f"WHERE {WAITS} AND f.roles BETWEEN 1 AND {PAGE | LISTING}"
)
_KNOWN_ENTRIES: Final = f"{ENTRY} WHERE f.url_id IN (SELECT value FROM json_each(?))"
_ANSWERED: Final = f"{ENTRY} WHERE {DONE} ORDER BY f.url_id"
_LISTINGS: Final = (
    "SELECT u.url FROM urls u JOIN frontier f ON f.url_id = u.id "
    f"WHERE f.snapshot_id < :run AND f.roles = {LISTING} AND f.referrer_id IS NULL"
)
_REDIRECTS: Final = (
    f"{ENTRY} JOIN resources r ON r.url_id = f.url_id AND r.until IS NULL "
    f"WHERE {DONE} AND {IS_REDIRECT} AND r.path IS NOT NULL"
)
