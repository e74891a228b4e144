"""The runs: starts, options, outcomes and results. Owns the table `snapshots`."""

from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy as sa

from mirror.core.http.messages import GONE
from mirror.core.policy.scope import Reason, Role
from mirror.core.syntax.embedded_urls import Kind
from mirror.core.url.canonical import CanonicalURL
from mirror.store.manifest import checks
from mirror.store.manifest.records import (
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
    IS_HTML,
    IS_PAGE,
    IS_REDIRECT,
    LISTING,
    OF_RUN,
    ROLE_BITS,
    SEEN,
    THIS_RUN,
    Queries,
    Session,
)
from mirror.store.sqlite.schema import frontier, links, resources, snapshots, urls


class Runs(Queries):
    """`interface.Runs`."""

    def __init__(self, session: Session, frontier: Frontier) -> None:
        super().__init__(session)
        self._frontier = frontier

    def begin(self, starts: Sequence[CanonicalURL], options: dict[str, Any], now: str) -> Snapshot:
        last = self._connection.execute(sa.select(snapshots).order_by(snapshots.c.id.desc()).limit(1)).first()
        if (
            last
            and last.outcome == Outcome.INCOMPLETE
            and last.starts[: len(starts)] == list(starts)
            and last.options == options
        ):
            self._session.select(last.id)
            in_flight = sa.update(frontier).where(THIS_RUN, frontier.c.state == State.IN_FLIGHT)
            self._connection.execute(in_flight.values(state=State.PENDING), {"run": self._run_id})
            return Snapshot(last.id, checks.time(last.started), tuple(checks.urls(last.starts)), resumed=True)
        if self._database.run(_ANY_LINK).fetchone() is None:  # a first run: see `Links.build_index`
            self._database.run(_NO_INDEX)
        values = {"started": now, "outcome": Outcome.INCOMPLETE, "starts": list(starts), "options": options}
        new_id = self._connection.execute(sa.insert(snapshots).values(values).returning(snapshots.c.id)).scalar_one()
        self._session.select(new_id)
        return Snapshot(new_id, now, tuple(starts))

    def select(self, snapshot_id: int) -> None:
        self._session.select(snapshot_id)

    def extend_starts(self, snapshot: Snapshot, starts: Sequence[CanonicalURL]) -> None:
        self._run(sa.update(snapshots).where(snapshots.c.id == snapshot.id).values(starts=list(starts)))

    def finish(self, snapshot: Snapshot, now: str, outcome: Outcome = Outcome.COMPLETE) -> None:
        changed = {"finished": now, "outcome": outcome}
        self._run(sa.update(snapshots).where(snapshots.c.id == snapshot.id).values(changed))

    def starts(self) -> list[CanonicalURL]:
        rows = self._connection.execute(sa.select(snapshots.c.starts).order_by(snapshots.c.id)).scalars()
        return list(dict.fromkeys(url for row in rows for url in checks.urls(row)))

    def routes(self) -> dict[CanonicalURL, list[str]]:
        rows = self._connection.execute(sa.select(snapshots.c.options).order_by(snapshots.c.id)).scalars()
        found: dict[CanonicalURL, list[str]] = {}
        for url in dict.fromkeys(url for row in rows for url in checks.urls(checks.mapping(row).get("routes", []))):
            start, mark, route = url.partition("#")
            found.setdefault(CanonicalURL(start), []).append(mark + route)
        return found

    def last_id(self) -> int:
        return self._run_id or self._count(sa.select(sa.func.coalesce(sa.func.max(snapshots.c.id), 0)))

    def after(self, time: str) -> list[tuple[int, str]]:
        query = (
            sa.select(snapshots.c.id, snapshots.c.started)
            .where(snapshots.c.started > time, snapshots.c.outcome != PRUNED)
            .order_by(snapshots.c.id)
        )
        return [(row[0], row[1]) for row in self._connection.execute(query)]

    def was_limited(self) -> bool:
        query = sa.select(sa.func.count()).where(
            THIS_RUN,
            frontier.c.state == State.SKIPPED,
            frontier.c.reason.in_([Reason.LIMIT, Reason.DEPTH, Reason.TRAP]),
        )
        return self._count(query) > 0

    def counts(self, snapshot: Snapshot) -> RunCounts:
        kept = DONE & resources.c.path.is_not(None) & ~IS_REDIRECT
        good = sa.select(IS_PAGE, sa.func.count(), sa.func.sum(resources.c.size)).select_from(OF_RUN)
        good = good.where(kept, frontier.c.roles != LISTING).group_by(IS_PAGE)
        run = {"run": self._run_id}
        found = {bool(page): (count, size) for page, count, size in self._connection.execute(good, run)}
        linked = sa.select(sa.func.count()).select_from(OF_RUN).where(kept, HAS_PAGE_ROLE)
        old = sa.select(sa.func.count()).select_from(OF_RUN).where(DONE, resources.c.standing == Standing.KEPT)
        redirects = sa.select(sa.func.count()).select_from(OF_RUN)
        redirects = redirects.where(DONE, IS_REDIRECT, resources.c.path.is_not(None))
        failed = sa.select(resources.c.error, sa.func.count()).select_from(OF_RUN)
        failed = failed.where(_FAILED, resources.c.snapshot_id == snapshot.id).group_by(resources.c.error)
        skipped = sa.select(frontier.c.reason, sa.func.count()).where(THIS_RUN, _IS_LEFT_OUT)
        return RunCounts(
            fetched=self._count(linked.where(resources.c.standing == Standing.PRESENT)),
            pages=found.get(True, (0, 0))[0],
            requisites=found.get(False, (0, 0))[0],
            linked=self._count(linked.where(~IS_HTML)),
            kept=self._count(old),
            size=sum(size for _, size in found.values()),
            redirects=self._count(redirects),
            pending=self._frontier.count_waiting(),
            skipped=self._by_reason(skipped.group_by(frontier.c.reason)),
            failed=self._by_reason(failed),
        )

    def failures(self, max_count: int) -> list[tuple[CanonicalURL, str, CanonicalURL | None]]:
        referrers = urls.alias()
        query = (
            sa.select(urls.c.url, resources.c.error, referrers.c.url)
            .select_from(OF_RUN.join(urls, urls.c.id == resources.c.url_id))
            .outerjoin(referrers, referrers.c.id == resources.c.discovered_from)
            .where(_FAILED)
            .order_by(resources.c.id)
            .limit(max_count)
        )
        return [
            (checks.url(row[0]), row[1], row[2] and checks.url(row[2]))
            for row in self._connection.execute(query, {"run": self._run_id})
        ]

    def error_pages(self) -> list[ErrorPages]:
        is_start, number = frontier.c.depth == 0, sa.func.count()
        query = (
            sa.select(resources.c.status, is_start, number, sa.func.min(urls.c.url))
            .select_from(OF_RUN.join(urls, urls.c.id == resources.c.url_id))
            .where(DONE, IS_PAGE, resources.c.status.in_(GONE))
            .group_by(resources.c.status, is_start)
            .order_by(is_start.desc(), number.desc())
        )
        rows = self._connection.execute(query, {"run": self._run_id})
        return [ErrorPages(status, bool(start), count, checks.url(url)) for status, start, count, url in rows]

    def skipped_traps(self) -> list[tuple[str, int, CanonicalURL]]:
        rows = self._database.run(_TRAPS, (self._run_id, int(State.SKIPPED), str(Reason.TRAP))).fetchall()
        return [(rule, number, checks.url(url)) for rule, number, url in rows]

    def shortfalls(self) -> list[Shortfall]:
        return [
            Shortfall(lack, Reason(reason), count, checks.url(url), page and checks.url(page))
            for lack, query in _SHORTFALLS.items()
            for reason, count, url, page, _ in self._database.run(query, (self._run_id, int(State.SKIPPED))).fetchall()
        ]

    def _by_reason(self, query: sa.Select[Any]) -> dict[str, int]:
        return {row[0]: row[1] for row in self._connection.execute(query, {"run": self._run_id})}


_IS_LEFT_OUT: Final = (frontier.c.state == State.SKIPPED) | (
    (frontier.c.state == State.DONE)
    & frontier.c.reason.in_([Reason.NOINDEX, Reason.NOARCHIVE, Reason.CANONICAL, Reason.ALIAS])
)
_LED_TO: Final = sa.exists().where(links.c.target_id == frontier.c.url_id)
_IS_ROUTE: Final = (  # a link that only a browser saw and that the server doesn't have is a page that a script makes
    (resources.c.standing == Standing.GONE)
    & _LED_TO.where(links.c.position >= SEEN)
    & ~_LED_TO.where(links.c.position < SEEN, ~links.c.guess)
)
_FAILED: Final = DONE & resources.c.error.is_not(None) & ~frontier.c.guess & ~_IS_ROUTE
_TRAPS: Final = (
    "SELECT ru.rule, count(*), min(u.url) FROM frontier f JOIN rules ru ON ru.url_id = f.url_id "
    "JOIN urls u ON u.id = f.url_id WHERE f.snapshot_id = ? AND f.state = ? AND f.reason = ? GROUP BY ru.rule "
    "ORDER BY 2 DESC, 1"
)
_SHORTFALL: Final = (
    "SELECT f.reason, count(*), u.url, r.url, min(f.url_id) FROM frontier f JOIN urls u ON u.id = f.url_id "
    "LEFT JOIN urls r ON r.id = f.referrer_id WHERE f.snapshot_id = ? AND f.state = ? AND NOT f.guess AND {} "
    "GROUP BY f.reason ORDER BY 2 DESC, 1"
)
_IS_FRAME: Final = "EXISTS (SELECT 1 FROM links l WHERE l.target_id = f.url_id AND l.kind = 'frame')"
_IS_REFERRED_TO: Final = (
    f"EXISTS (SELECT 1 FROM links l WHERE l.target_id = f.url_id AND l.position < {SEEN} AND NOT l.guess)"  # noqa: S608
)
_PLAYLISTS: Final = ("application/vnd.apple.mpegurl", "application/dash+xml", "application/xml")
_LIVE: Final = (
    f"SELECT '{Reason.NEVER}', count(*), u.url, r.url, min(f.url_id) FROM frontier f JOIN urls u ON u.id = f.url_id "  # noqa: S608
    "LEFT JOIN urls r ON r.id = f.referrer_id JOIN resources v ON v.url_id = f.url_id AND v.until IS NULL "
    f"WHERE f.snapshot_id = ? AND f.state <> ? AND v.media_type IN {_PLAYLISTS} "
    f"AND EXISTS (SELECT 1 FROM links l WHERE l.resource_id = v.id AND l.kind = '{Kind.LIVE}') HAVING count(*) > 0"
)
_IS_FORBIDDEN: Final = f"f.reason = '{Reason.ROBOTS}' AND f.roles & {ROLE_BITS[Role.REQUISITE]}"
_SHORTFALLS: Final = {
    Lack.LINKS: _SHORTFALL.format(f"f.reason = '{Reason.NOFOLLOW}'"),
    Lack.NEEDED: _SHORTFALL.format(f"{_IS_FORBIDDEN} AND {_IS_REFERRED_TO}"),
    Lack.REQUESTED: _SHORTFALL.format(f"{_IS_FORBIDDEN} AND NOT {_IS_REFERRED_TO}"),
    Lack.FRAMES: _SHORTFALL.format(f"f.reason IN ('{Reason.ROBOTS}', '{Reason.HOP}') AND {_IS_FRAME}"),
    Lack.LIVE: _LIVE,
}
_ANY_LINK: Final = "SELECT 1 FROM links LIMIT 1"
_NO_INDEX: Final = "DROP INDEX IF EXISTS ix_links_target_id"
