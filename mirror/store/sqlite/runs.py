"""The runs: starts, options, outcomes and results. Owns the table `snapshots`."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any, Final

from mirror.core.http.messages import GONE
from mirror.core.policy.scope import Reason, Role
from mirror.core.syntax.reference import Kind
from mirror.core.url.canonical import CanonicalURL
from mirror.store.manifest import checks
from mirror.store.manifest.records import (
    ALIASES,
    PRUNED,
    ErrorPages,
    Lack,
    Outcome,
    RunCounts,
    Shortfall,
    Snapshot,
    Standing,
    State,
)
from mirror.store.sqlite.frontier import Frontier
from mirror.store.sqlite.queries import (
    DONE,
    HAS_PAGE_ROLE,
    IS_GOOD,
    IS_HTML,
    IS_PAGE,
    IS_REDIRECT,
    LISTING,
    OF_RUN,
    PAGE,
    ROLE_BITS,
    SEEN,
    Queries,
    Session,
)


class Runs(Queries):
    """`interface.Runs`."""

    def __init__(self, session: Session, frontier: Frontier) -> None:
        super().__init__(session)
        self._frontier = frontier

    def begin(self, starts: Sequence[CanonicalURL], options: dict[str, Any], now: str) -> Snapshot:
        last = self._database.first("SELECT * FROM snapshots ORDER BY id DESC LIMIT 1")
        if last and last["outcome"] == Outcome.INCOMPLETE:
            known = checks.urls(checks.read_json(last["starts"]))
            if known[: len(starts)] == list(starts) and checks.read_json(last["options"]) == options:
                self._session.select(last["id"])
                self._database.run(_WAIT_AGAIN, (self._run_id,))
                return Snapshot(last["id"], checks.time(last["started"]), tuple(known), resumed=True)
        if self._database.run(_ANY_LINK).fetchone() is None:  # a first run: see `Links.build_index`
            self._database.run(_NO_INDEX)
        values = (now, Outcome.INCOMPLETE, json.dumps(starts), json.dumps(options))
        new_id = int(self._database.run(_BEGIN, values).lastrowid or 0)
        self._session.select(new_id)
        return Snapshot(new_id, now, tuple(starts))

    def select(self, snapshot_id: int) -> None:
        self._session.select(snapshot_id)

    def extend_starts(self, snapshot: Snapshot, starts: Sequence[CanonicalURL]) -> None:
        self._database.run("UPDATE snapshots SET starts = ? WHERE id = ?", (json.dumps(list(starts)), snapshot.id))

    def finish(self, snapshot: Snapshot, now: str, outcome: Outcome = Outcome.COMPLETE) -> None:
        self._database.run("UPDATE snapshots SET finished = ?, outcome = ? WHERE id = ?", (now, outcome, snapshot.id))

    def starts(self) -> list[CanonicalURL]:
        lists = self._database.column("SELECT starts FROM snapshots ORDER BY id")
        return list(dict.fromkeys(url for starts in lists for url in checks.urls(checks.read_json(starts))))

    def routes(self) -> dict[CanonicalURL, list[str]]:
        runs = [checks.mapping(checks.read_json(row)) for row in self._database.column(_OPTIONS)]
        found: dict[CanonicalURL, list[str]] = {}
        for url in dict.fromkeys(url for options in runs for url in checks.urls(options.get("routes", []))):
            start, mark, route = url.partition("#")
            found.setdefault(CanonicalURL(start), []).append(mark + route)
        return found

    def last_id(self) -> int:
        return self._run_id or self._count("SELECT coalesce(max(id), 0) FROM snapshots")

    def after(self, time: str) -> list[tuple[int, str]]:
        return [(row["id"], row["started"]) for row in self._database.rows(_AFTER, (time, PRUNED))]

    def was_limited(self) -> bool:
        return self._count(_LIMITED) > 0

    def counts(self, snapshot: Snapshot) -> RunCounts:
        run = {"run": self._run_id, "snapshot": snapshot.id}
        found = {bool(page): (count, size) for page, count, size in self._database.rows(_GOOD, run)}
        return RunCounts(
            fetched=self._count(f"{_COUNT} {_IS_FETCHED}"),
            pages=found.get(True, (0, 0))[0],
            requisites=found.get(False, (0, 0))[0],
            linked=self._count(f"{_COUNT} {_IS_REACHED} AND NOT {IS_HTML}"),
            kept=self._count(f"{_COUNT} {DONE} AND r.standing = '{Standing.KEPT}'"),
            size=sum(size for _, size in found.values()),
            redirects=self._count(f"{_COUNT} {DONE} AND {IS_REDIRECT} AND r.path IS NOT NULL"),
            pending=self._frontier.count_waiting(),
            skipped=self._left_out(run),
            failed=dict(map(tuple, self._database.rows(_FAILED_NOW, run))),
        )

    def _left_out(self, run: Mapping[str, int]) -> dict[str, int]:
        """Count by reason. SQLite would sort the rows for that, in memory: fifty megabytes for a million of them."""
        found = Counter(map(itemgetter(0), self._database.run(_LEFT_OUT, run)))
        return dict(sorted(found.items(), key=lambda one: one[0] or ""))  # a damaged manifest may lack a reason

    def has_fetched(self) -> bool:
        return self._database.scalar(_HAS_FETCHED, {"run": self._run_id}) is not None

    def failures(self, max_count: int) -> list[tuple[CanonicalURL, str, CanonicalURL | None]]:
        rows = self._database.rows(_FAILURES, {"run": self._run_id, "most": max_count})
        return [(checks.url(url), error, page and checks.url(page)) for url, error, page in rows]

    def error_pages(self) -> list[ErrorPages]:
        rows = self._database.rows(_ERROR_PAGES, {"run": self._run_id})
        return [ErrorPages(status, bool(start), count, checks.url(url)) for status, start, count, url in rows]

    def skipped_traps(self) -> list[tuple[str, int, CanonicalURL]]:
        rows = self._database.run(_TRAPS, (self._run_id, int(State.SKIPPED), str(Reason.TRAP))).fetchall()
        return [(rule, number, checks.url(url)) for rule, number, url in rows]

    def shortfalls(self) -> list[Shortfall]:
        return [
            Shortfall(lack, Reason(reason), count, checks.url(url), page and checks.url(page), rule)
            for lack, query in _SHORTFALLS.items()
            for reason, count, url, page, rule, _ in self._database.run(
                query, (self._run_id, int(State.SKIPPED))
            ).fetchall()
        ]


_BEGIN: Final = "INSERT INTO snapshots (started, outcome, starts, options) VALUES (?, ?, ?, ?)"
_WAIT_AGAIN: Final = (
    f"UPDATE frontier SET state = {State.PENDING:d} WHERE snapshot_id = ? AND state = {State.IN_FLIGHT:d}"
)
_OPTIONS: Final = "SELECT options FROM snapshots ORDER BY id"
_AFTER: Final = "SELECT id, started FROM snapshots WHERE started > ? AND outcome <> ? ORDER BY id"
_LIMITED: Final = (
    f"SELECT count(*) FROM frontier f WHERE f.snapshot_id = :run AND f.state = {State.SKIPPED:d} "
    f"AND f.reason IN ('{Reason.LIMIT}', '{Reason.DEPTH}', '{Reason.TRAP}')"
)
_COUNT: Final = f"SELECT count(*) FROM {OF_RUN} WHERE"
_IS_KEPT: Final = f"{DONE} AND {IS_GOOD} AND NOT {IS_REDIRECT}"
_IS_REACHED: Final = f"{_IS_KEPT} AND {HAS_PAGE_ROLE}"
_IS_FETCHED: Final = f"{_IS_REACHED} AND r.standing = '{Standing.PRESENT}'"
_HAS_FETCHED: Final = f"SELECT 1 FROM {OF_RUN} WHERE {_IS_FETCHED} LIMIT 1"
_GOOD: Final = (
    f"SELECT coalesce({IS_PAGE}, 0) AS page, count(*), sum(r.size) FROM {OF_RUN} "
    f"WHERE {_IS_KEPT} AND f.roles <> {LISTING} GROUP BY page"
)
_ANSWERED: Final = ", ".join(f"'{reason}'" for reason in (Reason.NOINDEX, Reason.NOARCHIVE, *ALIASES))
_LEFT_OUT: Final = (
    f"SELECT f.reason FROM frontier f WHERE f.snapshot_id = :run AND (f.state = {State.SKIPPED:d} "
    f"OR f.state = {State.DONE:d} AND f.reason IN ({_ANSWERED}))"
)
_LED_TO: Final = "EXISTS (SELECT 1 FROM links l WHERE l.target_id = f.url_id AND {})"
_IS_ROUTE: Final = (  # a link that only a browser saw and that the server doesn't have is a page that a script makes
    f"(r.standing = '{Standing.GONE}' AND {_LED_TO.format(f'l.position >= {SEEN}')} "
    f"AND NOT {_LED_TO.format(f'l.position < {SEEN} AND NOT l.guess')})"
)
_IS_FAILED: Final = f"{DONE} AND r.error IS NOT NULL AND NOT f.guess AND NOT {_IS_ROUTE}"
_FAILED_NOW: Final = (
    f"SELECT r.error, count(*) FROM {OF_RUN} WHERE {_IS_FAILED} AND r.snapshot_id = :snapshot GROUP BY r.error"
)
_FAILURES: Final = (
    f"SELECT u.url, r.error, p.url FROM {OF_RUN} JOIN urls u ON u.id = r.url_id "
    f"LEFT JOIN urls p ON p.id = r.discovered_from WHERE {_IS_FAILED} ORDER BY r.id LIMIT :most"
)
_ERROR_PAGES: Final = (
    f"SELECT r.status, f.depth = 0 AS start, count(*), min(u.url) FROM {OF_RUN} JOIN urls u ON u.id = r.url_id "
    f"WHERE {DONE} AND {IS_PAGE} AND r.status IN ({', '.join(map(str, sorted(GONE)))}) "
    "GROUP BY r.status, start ORDER BY start DESC, count(*) DESC"
)
_TRAPS: Final = (
    "SELECT ru.rule, count(*), min(u.url) FROM frontier f JOIN rules ru ON ru.url_id = f.url_id "
    "JOIN urls u ON u.id = f.url_id WHERE f.snapshot_id = ? AND f.state = ? AND f.reason = ? GROUP BY ru.rule "
    "ORDER BY 2 DESC, 1"
)
_SHORTFALL: Final = (
    "SELECT f.reason, count(*), u.url, r.url, ru.rule, min(f.url_id) FROM frontier f JOIN urls u ON u.id = f.url_id "
    "LEFT JOIN rules ru ON ru.url_id = f.url_id LEFT JOIN urls r ON r.id = f.referrer_id "
    "WHERE f.snapshot_id = ? AND f.state = ? AND NOT f.guess AND {} GROUP BY f.reason ORDER BY 2 DESC, 1"
)
_IS_FRAME: Final = "EXISTS (SELECT 1 FROM links l WHERE l.target_id = f.url_id AND l.kind = 'frame')"
_IS_REFERRED_TO: Final = (
    f"EXISTS (SELECT 1 FROM links l WHERE l.target_id = f.url_id AND l.position < {SEEN} AND NOT l.guess)"
)
_PLAYLISTS: Final = ("application/vnd.apple.mpegurl", "application/dash+xml", "application/xml")
_LIVE: Final = (
    f"SELECT '{Reason.NEVER}', count(*), u.url, r.url, NULL, min(f.url_id) FROM frontier f JOIN urls u ON u.id = f.url_id "
    "LEFT JOIN urls r ON r.id = f.referrer_id JOIN resources v ON v.url_id = f.url_id AND v.until IS NULL "
    f"WHERE f.snapshot_id = ? AND f.state <> ? AND v.media_type IN {_PLAYLISTS} "
    f"AND EXISTS (SELECT 1 FROM links l WHERE l.resource_id = v.id AND l.kind = '{Kind.LIVE}') HAVING count(*) > 0"
)
_IS_FORBIDDEN: Final = f"f.reason = '{Reason.ROBOTS}' AND f.roles & {ROLE_BITS[Role.REQUISITE]}"
_IS_LINKED: Final = f"f.roles & {PAGE} AND f.depth"
_IS_START: Final = f"f.roles & {PAGE} AND NOT f.depth"
_IS_STYLE: Final = "(u.url LIKE '%.css' OR u.url LIKE '%.css?%')"
_REFUSALS: Final = f"('{Reason.ROBOTS}', '{Reason.PRIVATE}', '{Reason.SIZE}')"
_SHORTFALLS: Final = {
    Lack.STARTS: _SHORTFALL.format(f"f.reason IN {_REFUSALS} AND {_IS_START}"),
    Lack.LINKS: _SHORTFALL.format(f"(f.reason = '{Reason.NOFOLLOW}' OR f.reason = '{Reason.ROBOTS}' AND {_IS_LINKED})"),
    Lack.STYLES: _SHORTFALL.format(f"{_IS_FORBIDDEN} AND {_IS_REFERRED_TO} AND {_IS_STYLE}"),
    Lack.NEEDED: _SHORTFALL.format(f"{_IS_FORBIDDEN} AND {_IS_REFERRED_TO} AND NOT {_IS_STYLE}"),
    Lack.REQUESTED: _SHORTFALL.format(f"{_IS_FORBIDDEN} AND NOT {_IS_REFERRED_TO}"),
    Lack.FRAMES: _SHORTFALL.format(f"f.reason IN ('{Reason.ROBOTS}', '{Reason.HOP}') AND {_IS_FRAME}"),
    Lack.LIVE: _LIVE,
}
_ANY_LINK: Final = "SELECT 1 FROM links LIMIT 1"
_NO_INDEX: Final = "DROP INDEX IF EXISTS ix_links_target_id"
