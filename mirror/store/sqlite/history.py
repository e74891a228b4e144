"""The snapshots: which there are, what each shows, and how two differ.

A version is shown by the snapshots from its `since` on, up to but not including its `until`. So one query finds what a snapshot
shows, and a snapshot in which nothing changed costs one row.

Pruned snapshots keep their row, so that versions found then still have a time; no list shows them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from typing import Any, Final

import sqlalchemy as sa

from mirror.core.policy.scope import Reason
from mirror.core.url.canonical import CanonicalURL, origin
from mirror.store.manifest import checks
from mirror.store.manifest.checks import checked
from mirror.store.manifest.history_records import (
    ChangeKind,
    Difference,
    LastRendering,
    Origin,
    ShownVersion,
    SnapshotCounts,
    SnapshotInfo,
    UrlHistory,
)
from mirror.store.manifest.records import AGAIN, PRUNED, Outcome, Resource
from mirror.store.sqlite.queries import SEEN, Queries, entry_of, resource_of
from mirror.store.sqlite.schema import copies, frontier, links, renderings, resources, rules, snapshots, urls

_AT_A_TIME: Final = 500


class History(Queries):
    """`interface.History`."""

    # --- snapshots -----------------------------------------------------------------------------------------------------

    def snapshots(self) -> list[SnapshotInfo]:
        rows = self._connection.execute(sa.select(snapshots).where(_LISTED).order_by(snapshots.c.id)).all()
        return [self._listed(row) for row in rows]

    def has(self, snapshot_id: int) -> bool:
        query = sa.select(snapshots.c.id).where(_LISTED, snapshots.c.id == snapshot_id)
        return self._connection.execute(query).first() is not None

    def has_before(self, snapshot_id: int) -> bool:
        query = sa.select(sa.func.count()).where(snapshots.c.id < snapshot_id)
        return bool(self._connection.execute(query).scalar_one())

    def find(self, name: str) -> SnapshotInfo | None:
        listed = self.snapshots()
        if name == "latest":
            matching = [one for one in listed if one.outcome is Outcome.COMPLETE]
        elif name.isascii() and name.isdigit() and len(name) < _YEAR:
            matching = [one for one in listed if one.id == int(name)]
        else:
            matching = [one for one in listed if one.started.startswith(name.replace(" ", "T"))]
        return matching[-1] if matching else None

    def count(self, snapshot_id: int, noise: int = 0) -> None:
        numbers = asdict(replace(self.numbers(snapshot_id), noise=noise))
        self._connection.execute(sa.update(snapshots).where(snapshots.c.id == snapshot_id).values(counts=numbers))

    def changed(self, snapshot_id: int) -> Iterator[tuple[Resource, Resource]]:
        for pair in self._connection.execute(_CHANGED, {"at": snapshot_id}).all():
            rows = self._connection.execute(_ALL.where(resources.c.id.in_(pair))).all()
            known = {row.id: resource_of(row) for row in rows}
            yield known[pair.old], known[pair.new]

    def numbers(self, snapshot_id: int) -> SnapshotCounts:
        row = self._connection.execute(_NUMBERS, {"at": snapshot_id}).one()
        return SnapshotCounts(**{name: int(value or 0) for name, value in row._mapping.items()})  # noqa: SLF001 - a public name

    @checked
    def _listed(self, row: Any) -> SnapshotInfo:
        counts = {name: checks.number(value) for name, value in checks.mapping(row.counts or {}).items()}
        return SnapshotInfo(
            row.id,
            checks.time(row.started),
            checks.optional(checks.time, row.finished),
            Outcome(row.outcome),
            tuple(checks.urls(row.starts)),
            checks.mapping(row.options),
            SnapshotCounts(**counts) if counts else self.numbers(row.id),
        )

    # --- what a snapshot shows -----------------------------------------------------------------------------------------

    def at(self, snapshot_id: int) -> Iterator[ShownVersion]:
        wanted = {"at": snapshot_id, "last": 0}
        while rows := self._connection.execute(_AT, wanted).all():
            for row in rows:
                yield ShownVersion(
                    resource_of(row),
                    row.copy and checks.digest(row.copy),
                    bool(row.stale),
                    row.dom and checks.digest(row.dom),
                )
            wanted["last"] = rows[-1].id

    def origins(self, snapshot_id: int) -> list[Origin]:
        rows = self._connection.execute(_ORIGINS, {"at": snapshot_id}).all()
        return [Origin(row.origin, row.pages, row.files, checks.url(row.first)) for row in rows]

    def met_origins(self) -> Iterator[str]:
        """As the interface says. Each query jumps to the first URL behind the origin before, instead of reading all URLs."""
        end = ""
        while url := self._connection.execute(_NEXT_URL, {"end": end}).scalar():
            yield origin(checks.url(url))
            end = _end(origin(checks.url(url)))

    def has_origin(self, name: str, snapshot_id: int) -> bool:
        words = {"at": snapshot_id, "first": f"{name}/", "end": _end(name)}
        return self._connection.execute(_HAS_ORIGIN, words).first() is not None

    def version(self, url: CanonicalURL, snapshot_id: int) -> Resource | None:
        row = self._connection.execute(_VERSION, {"at": snapshot_id, "url": url}).first()
        return resource_of(row) if row else None

    def beginning_with(self, text: str, snapshot_id: int, most: int) -> list[CanonicalURL]:
        words = {"at": snapshot_id, "first": text, "end": f"{text}\x7f", "most": most}
        return [checks.url(found) for found in self._connection.execute(_BEGINNING_WITH, words).scalars()]

    def started(self, snapshot_id: int) -> str | None:
        query = sa.select(snapshots.c.started).where(snapshots.c.id == snapshot_id)
        found = self._connection.execute(query).scalar()
        return found and checks.time(found)

    def same_as(self, url: CanonicalURL) -> CanonicalURL | None:
        found = self._connection.execute(_SAME_AS, {"url": url}).scalar()
        return found and checks.url(found)

    def differences(self, before: int, now: int) -> list[Difference]:
        found: list[Difference] = []
        for url in (
            self._connection.execute(_TOUCHED, {"first": min(before, now), "last": max(before, now)}).scalars().all()
        ):
            old, new = (self._shown(checks.url(url), at) for at in (before, now))
            if old and new and old.content != new.content:
                found.append(Difference(ChangeKind.CHANGED, old, new))
            elif old and not new and (other := self.same_as(checks.url(url))) and (place := self._shown(other, now)):
                found.append(Difference(ChangeKind.MOVED, old, place))
            elif old and not new:
                found.append(Difference(ChangeKind.REMOVED, old, None))
            elif new and not old:
                found.append(Difference(ChangeKind.ADDED, None, new))
        return _with_moves(found)

    def _shown(self, url: CanonicalURL, snapshot_id: int) -> Resource | None:
        found = self.version(url, snapshot_id)
        return found if found and found.path else None

    # --- one URL -------------------------------------------------------------------------------------------------------

    @checked
    def account(self, url: CanonicalURL) -> UrlHistory | None:
        row = self._connection.execute(_MET, {"url": url}).first()
        if row is None:
            return None
        known = self._connection.execute(_DECIDED, {"url_id": row.id}).first()
        versions = self._connection.execute(_VERSIONS, {"url_id": row.id}).all()
        linked = self._connection.execute(_LINKED_FROM, {"url_id": row.id, "most": 5}).scalars()
        seen = self._connection.execute(_SEEN_ON, {"url_id": row.id, "most": 5}).scalars()
        rendered = self._connection.execute(_RENDERED, {"url_id": row.id}).first()
        return UrlHistory(
            url,
            row.started,
            entry_of(known) if known else None,
            known.started if known else None,
            known.referrer and checks.url(known.referrer) if known else None,
            [(resource_of(version), version.began, version.ended) for version in versions],
            [checks.url(page) for page in linked],
            known.rule if known else None,
            [checks.url(page) for page in seen],
            _rendered(rendered) if rendered else None,
            self._connection.execute(_NEED, {"url_id": row.id}).scalar(),
            [resource_of(one) for one in self._connection.execute(_VARIANTS, {"url": url, "most": _MOST_VARIANTS})],
        )

    def starts(self, snapshot_id: int) -> list[CanonicalURL]:
        query = sa.select(snapshots.c.starts).where(snapshots.c.id <= snapshot_id).order_by(snapshots.c.id)
        return list(dict.fromkeys(url for row in self._connection.execute(query).scalars() for url in checks.urls(row)))

    def all(self) -> Iterator[Resource]:
        last = 0
        while rows := self._connection.execute(_ALL.where(resources.c.id > last)).all():
            yield from map(resource_of, rows)
            last = rows[-1].id


def _rendered(row: Any) -> LastRendering:
    refused = [checks.text(line) for line in checks.read_json(row.refused)]
    return LastRendering(
        checks.number(row.state), row.started, checks.number(row.found), checks.text(row.outcome), refused
    )


def _with_moves(found: Sequence[Difference]) -> list[Difference]:
    removed = {d.before.digest: d for d in found if d.kind is ChangeKind.REMOVED and d.before and d.before.size}
    moved: list[Difference] = []
    gone: set[int] = set()
    for difference in found:
        new = difference.now
        if difference.kind is ChangeKind.ADDED and new and new.digest in removed:
            old = removed.pop(new.digest)
            gone |= {id(old), id(difference)}
            moved.append(Difference(ChangeKind.MOVED, old.before, new))
    return [difference for difference in found if id(difference) not in gone] + moved


def _end(name: str) -> str:
    """Return a text that sorts right behind all URLs of an origin: `0` is the character after the slash."""
    return f"{name}0"


_YEAR: Final = 4  # digits: a number with so many is a year, not the id of a snapshot
_LISTED: Final = snapshots.c.outcome != PRUNED
_at = sa.bindparam("at", type_=sa.Integer)
_IN: Final = (resources.c.since <= _at) & (resources.c.until.is_(None) | (resources.c.until > _at))

_ALL: Final = (
    sa.select(resources, urls.c.url)
    .join(urls, urls.c.id == resources.c.url_id)
    .order_by(resources.c.id)
    .limit(_AT_A_TIME)
)
_COPY_THEN: Final = (
    sa.select(copies.c.digest)
    .where(copies.c.resource_id == resources.c.id, copies.c.since <= _at)
    .order_by(copies.c.since.desc())
    .limit(1)
    .scalar_subquery()
)
_DOM_THEN: Final = (
    sa.select(renderings.c.dom)
    .where(renderings.c.resource_id == resources.c.id, renderings.c.since <= _at, renderings.c.state == 1)
    .order_by(renderings.c.since.desc())
    .limit(1)
    .scalar_subquery()
)
_AT: Final = _ALL.add_columns(_COPY_THEN.label("copy"), _DOM_THEN.label("dom")).where(
    _IN, resources.c.path.is_not(None), resources.c.id > sa.bindparam("last")
)
_SAME_AS: Final = sa.text("SELECT s.url FROM urls u JOIN urls s ON s.id = u.same_as WHERE u.url = :url")
_VERSION: Final = (
    sa.select(resources, urls.c.url)
    .join(urls, urls.c.id == resources.c.url_id)
    .where(urls.c.url == sa.bindparam("url"), _IN)
)
_ORIGINS: Final = sa.text(
    """
    WITH shown AS (
        SELECT url, instr(url, '://') + 3 AS host,
            media_type IN ('text/html', 'application/xhtml+xml') AND status NOT BETWEEN 300 AND 399
                AND instr(url, '#') = 0 AS page
        FROM resources JOIN urls ON urls.id = url_id
        WHERE resources.since <= :at AND (until IS NULL OR until > :at) AND path IS NOT NULL
    )
    SELECT substr(url, 1, host + instr(substr(url, host), '/') - 2) AS origin, sum(page) AS pages, sum(NOT page) AS files,
        substr(min(printf('%d%08d', NOT page, length(url)) || url), 10) AS first
    FROM shown GROUP BY origin ORDER BY origin
    """
)
_NEXT_URL: Final = sa.text("SELECT min(url) FROM urls WHERE url >= :end")
_HAS_ORIGIN: Final = sa.text(
    "SELECT 1 FROM urls JOIN resources ON resources.url_id = urls.id "
    "WHERE url >= :first AND url < :end AND path IS NOT NULL "
    "AND resources.since <= :at AND (until IS NULL OR until > :at) LIMIT 1"
)
_BEGINNING_WITH: Final = sa.text(
    "SELECT url FROM urls JOIN resources ON resources.url_id = urls.id "
    "WHERE url >= :first AND url < :end AND path IS NOT NULL "
    "AND resources.since <= :at AND (until IS NULL OR until > :at) ORDER BY url LIMIT :most"
)
_TOUCHED: Final = (
    sa.select(urls.c.url)
    .where(
        urls.c.id.in_(
            sa.select(resources.c.url_id).where(
                resources.c.since > sa.bindparam("first"), resources.c.since <= sa.bindparam("last")
            )
        )
    )
    .order_by(urls.c.url)
)
_MET: Final = (
    sa.select(urls.c.id, snapshots.c.started)
    .outerjoin(snapshots, snapshots.c.id == urls.c.since)
    .where(urls.c.url == sa.bindparam("url"))
)
_referrers = urls.alias()
_stand_ins: Final = urls.alias()
_HAS_RULE: Final = (Reason.ROBOTS, Reason.NOFOLLOW, Reason.NOINDEX, Reason.NOARCHIVE, Reason.PRIVATE, Reason.TRAP)
"""The reasons for which a stored rule says what decided. A rule that begins with `AGAIN` says it whatever the reason."""
_DECIDED: Final = (
    sa.select(
        frontier,
        urls.c.url,
        snapshots.c.started,
        _referrers.c.url.label("referrer"),
        sa.func.coalesce(rules.c.rule, _stand_ins.c.url).label("rule"),
    )
    .join(urls, urls.c.id == frontier.c.url_id)
    .outerjoin(snapshots, snapshots.c.id == frontier.c.snapshot_id)
    .outerjoin(_referrers, _referrers.c.id == frontier.c.referrer_id)
    .outerjoin(
        rules,
        (
            rules.c.url_id
            == sa.case((frontier.c.reason == Reason.NOFOLLOW, frontier.c.referrer_id), else_=frontier.c.url_id)
        )
        & (frontier.c.reason.in_(_HAS_RULE) | rules.c.rule.startswith(AGAIN)),
    )
    .outerjoin(
        _stand_ins,
        (_stand_ins.c.id == urls.c.same_as)
        & frontier.c.reason.in_([Reason.TRACKING, Reason.SESSION, Reason.NESTED, Reason.CANONICAL, Reason.ALIAS]),
    )
    .where(frontier.c.url_id == sa.bindparam("url_id"))
)
_began, _ended = snapshots.alias(), snapshots.alias()
_VERSIONS: Final = (
    sa.select(resources, urls.c.url, _began.c.started.label("began"), _ended.c.started.label("ended"))
    .join(urls, urls.c.id == resources.c.url_id)
    .outerjoin(_began, _began.c.id == resources.c.since)
    .outerjoin(_ended, _ended.c.id == resources.c.until)
    .where(resources.c.url_id == sa.bindparam("url_id"))
    .order_by(resources.c.since)
)
_VARIANTS: Final = (
    sa.select(resources, urls.c.url)
    .join(urls, urls.c.id == resources.c.url_id)
    .where(
        urls.c.url > sa.bindparam("url") + "#",
        urls.c.url < sa.bindparam("url") + "#\x7f",
        resources.c.until.is_(None),
        resources.c.status.is_not(None),
    )
    .order_by(urls.c.url)
    .limit(sa.bindparam("most"))
)
_MOST_VARIANTS: Final = 20
_LINKED_FROM: Final = (
    sa.select(urls.c.url)
    .distinct()
    .join(resources, resources.c.url_id == urls.c.id)
    .join(links, links.c.resource_id == resources.c.id)
    .where(links.c.target_id == sa.bindparam("url_id"), links.c.position < SEEN)
    .order_by(urls.c.url)
    .limit(sa.bindparam("most"))
)
_SEEN_ON: Final = sa.text(
    "SELECT DISTINCT u.url FROM links l JOIN resources r ON r.id = l.resource_id JOIN urls u ON u.id = r.url_id "  # noqa: S608
    f"WHERE l.target_id = :url_id AND l.position >= {SEEN} ORDER BY u.url LIMIT :most"
)
_RENDERED: Final = sa.text(
    "SELECT d.state, d.found, d.outcome, d.refused, s.started FROM renderings d JOIN resources r ON r.id = d.resource_id "
    "LEFT JOIN snapshots s ON s.id = d.since WHERE r.url_id = :url_id ORDER BY d.since DESC LIMIT 1"
)
_NEED: Final = sa.text(
    "SELECT n.why FROM needs n JOIN resources r ON r.id = n.resource_id WHERE r.url_id = :url_id AND r.until IS NULL"
)

_CHANGED: Final = sa.text(
    "SELECT before.id AS old, now.id AS new "
    "FROM resources now JOIN resources before ON before.url_id = now.url_id AND before.until = now.since "
    "WHERE now.since = :at AND now.path IS NOT NULL AND before.path IS NOT NULL AND now.digest IS NOT before.digest "
    "ORDER BY now.id"
)
_NUMBERS: Final = sa.text(
    """
    WITH shown AS (
        SELECT * FROM resources
        WHERE since <= :at AND (until IS NULL OR until > :at)
    ), files AS (
        SELECT media_type IN ('text/html', 'application/xhtml+xml') AS page, size FROM shown
        WHERE path IS NOT NULL AND status NOT BETWEEN 300 AND 399
    ), changes AS (
        SELECT now.*, before.path AS old_path, before.digest AS old_digest
        FROM resources now LEFT JOIN resources before ON before.url_id = now.url_id AND before.until = now.since
        WHERE now.since = :at
    )
    SELECT
        (SELECT count(*) FROM files WHERE page) AS pages,
        (SELECT count(*) FROM files WHERE NOT page) AS files,
        (SELECT sum(size) FROM files) AS size,
        (SELECT sum(size) FROM (
            SELECT DISTINCT digest, size FROM changes c WHERE path IS NOT NULL
            AND NOT EXISTS (SELECT 1 FROM resources r WHERE r.digest = c.digest AND r.since < :at)
        )) AS new_size,
        (SELECT count(*) FROM changes WHERE path IS NOT NULL AND old_path IS NULL) AS added,
        (SELECT count(*) FROM changes WHERE path IS NOT NULL AND old_path IS NOT NULL AND digest IS NOT old_digest) AS changed,
        (SELECT count(*) FROM changes WHERE path IS NULL AND old_path IS NOT NULL AND NOT (
            standing = 'outside' AND EXISTS (SELECT 1 FROM urls u WHERE u.id = url_id AND u.same_as IS NOT NULL)
        )) AS gone,
        (SELECT count(*) FROM changes WHERE standing = 'unlinked') AS unlinked,
        (SELECT count(*) FROM shown WHERE standing IN ('kept', 'failed')) AS failed
    """
)
