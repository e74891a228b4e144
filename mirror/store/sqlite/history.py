"""The manifest across its snapshots: what each of them shows, what differs between two, what may be forgotten.

Enters and leaves: plain values. A version of a resource is shown by the snapshots from its `since` on, up to its `until`; so
what a snapshot shows is one query, and one in which nothing changed takes a row of its own and nothing else.

Snapshots that were pruned keep their row, so that what was found then can still say when; nobody is shown them.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Final

import sqlalchemy as sa

from mirror.core.policy.scope import Reason
from mirror.core.url.canonical import CanonicalURL, origin
from mirror.store.disk.objects import Digest
from mirror.store.sqlite.database import (
    Database,
    copies,
    frontier,
    links,
    renderings,
    resources,
    rules,
    snapshots,
    urls,
)
from mirror.store.sqlite.frontier import Entry
from mirror.store.sqlite.manifest import SEEN, entry_of, resource_of
from mirror.store.manifest.records import PRUNED, Outcome, Resource

_AT_A_TIME: Final = 500


@dataclass(frozen=True, slots=True)
class Numbers:
    """What a snapshot comes to. Sizes are in bytes; `new_size` is what no snapshot before it had."""

    pages: int = 0
    files: int = 0
    size: int = 0
    new_size: int = 0
    added: int = 0
    changed: int = 0
    gone: int = 0
    unlinked: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class Listed:
    """A snapshot as lists show it; the times are ISO 8601, UTC."""

    id: int
    started: str
    finished: str | None
    outcome: Outcome
    starts: tuple[CanonicalURL, ...]
    options: dict[str, Any]
    numbers: Numbers


@dataclass(frozen=True, slots=True)
class Shown:
    """A version in a snapshot. `copy` is how it reads there; `None`: as it was received. Or it is `unknown` by now.

    `dom` is the DOM that it shows, where a browser's was kept.
    """

    resource: Resource
    copy: Digest | None
    unknown: bool
    dom: Digest | None = None


@dataclass(frozen=True, slots=True)
class Origin:
    """What a snapshot shows of an origin (see `urls.origin`): how many pages and other files, and the page to begin with."""

    name: str
    pages: int
    files: int
    first: CanonicalURL


class Kind(StrEnum):
    """How a URL differs between two snapshots."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    MOVED = "moved"


@dataclass(frozen=True, slots=True)
class Difference:
    """`before` and `now` are what the two snapshots show; one that was moved was shown at another URL before."""

    kind: Kind
    before: Resource | None
    now: Resource | None


@dataclass(frozen=True, slots=True)
class Account:
    """All that is known of a URL: when it was met, what the newest run that met it decided, its versions, who leads to it."""

    url: CanonicalURL
    met: str | None = None
    entry: Entry | None = None
    decided: str | None = None
    referrer: CanonicalURL | None = None
    versions: list[tuple[Resource, str | None, str | None]] = field(
        default_factory=list
    )  # with since and until as times
    linked_from: list[CanonicalURL] = field(default_factory=list)
    rule: str | None = None  # the words of its host, its page or the one that leads to it which decided
    seen_on: list[CanonicalURL] = field(
        default_factory=list
    )  # pages on which a browser saw it, and nothing else says so
    rendered: "Rendered | None" = None
    needs: str | None = None  # why its page works from no disk


@dataclass(frozen=True, slots=True)
class Rendered:
    """What became of a page in a browser, last. `state` is one of `renderings`; `began`: the run. `refused`: a line each."""

    state: int
    began: str | None
    found: int
    outcome: str
    refused: list[str]


class History:
    """The snapshots of a database."""

    def __init__(self, database: Database) -> None:
        self._connection = database.connection

    # --- which there are -----------------------------------------------------------------------------------------------

    def snapshots(self) -> list[Listed]:
        """All snapshots, the oldest first."""
        rows = self._connection.execute(sa.select(snapshots).where(_LISTED).order_by(snapshots.c.id)).all()
        return [self._listed(row) for row in rows]

    def has(self, snapshot_id: int) -> bool:
        """Whether there is this snapshot, and it was not pruned."""
        query = sa.select(snapshots.c.id).where(_LISTED, snapshots.c.id == snapshot_id)
        return self._connection.execute(query).first() is not None

    def has_before(self, snapshot_id: int) -> bool:
        """Whether there was a snapshot before this one."""
        query = sa.select(sa.func.count()).where(snapshots.c.id < snapshot_id)
        return bool(self._connection.execute(query).scalar_one())

    def find(self, name: str) -> Listed | None:
        """A snapshot by its number, by the time it was begun (the newest one of a day, an hour...), or `latest`.

        `latest` is the newest one that is complete.
        """
        listed = self.snapshots()
        if name == "latest":
            matching = [one for one in listed if one.outcome is Outcome.COMPLETE]
        elif name.isascii() and name.isdigit() and len(name) < _YEAR:
            matching = [one for one in listed if one.id == int(name)]
        else:
            matching = [one for one in listed if one.started.startswith(name.replace(" ", "T"))]
        return matching[-1] if matching else None

    def count(self, snapshot_id: int) -> None:
        """Keep what a snapshot comes to, for the lists to come."""
        numbers = asdict(self.numbers(snapshot_id))
        self._connection.execute(sa.update(snapshots).where(snapshots.c.id == snapshot_id).values(counts=numbers))

    def numbers(self, snapshot_id: int) -> Numbers:
        """What a snapshot comes to."""
        row = self._connection.execute(_NUMBERS, {"at": snapshot_id}).one()
        return Numbers(**{name: int(value or 0) for name, value in row._mapping.items()})  # noqa: SLF001 - a public name

    def _listed(self, row: Any) -> Listed:
        numbers = Numbers(**row.counts) if row.counts else self.numbers(row.id)
        starts = tuple(map(CanonicalURL, row.starts))
        return Listed(row.id, row.started, row.finished, Outcome(row.outcome), starts, row.options, numbers)

    # --- what one shows ------------------------------------------------------------------------------------------------

    def at(self, snapshot_id: int) -> Iterator[Shown]:
        """What a snapshot shows: each version with a place in its tree."""
        wanted = {"at": snapshot_id, "last": 0}
        while rows := self._connection.execute(_AT, wanted).all():
            for row in rows:
                yield Shown(
                    resource_of(row), row.copy and Digest(row.copy), bool(row.stale), row.dom and Digest(row.dom)
                )
            wanted["last"] = rows[-1].id

    def origins(self, snapshot_id: int) -> list[Origin]:
        """The origins of which a snapshot shows something."""
        rows = self._connection.execute(_ORIGINS, {"at": snapshot_id}).all()
        return [Origin(row.origin, row.pages, row.files, CanonicalURL(row.first)) for row in rows]

    def met_origins(self) -> Iterator[str]:
        """The origins of all URLs that were ever met, fetched or not: from each one a step to the first URL behind it."""
        end = ""
        while url := self._connection.execute(_NEXT_URL, {"end": end}).scalar():
            yield origin(CanonicalURL(url))
            end = _end(origin(CanonicalURL(url)))

    def has_origin(self, name: str, snapshot_id: int) -> bool:
        """Whether a snapshot shows anything of an origin."""
        words = {"at": snapshot_id, "first": f"{name}/", "end": _end(name)}
        return self._connection.execute(_HAS_ORIGIN, words).first() is not None

    def version(self, url: CanonicalURL, snapshot_id: int) -> Resource | None:
        """What a snapshot has of a URL."""
        row = self._connection.execute(_VERSION, {"at": snapshot_id, "url": url}).first()
        return resource_of(row) if row else None

    def same_as(self, url: CanonicalURL) -> CanonicalURL | None:
        """Whose resource a URL is, where it has none of its own."""
        found = self._connection.execute(_SAME_AS, {"url": url}).scalar()
        return found and CanonicalURL(found)

    def differences(self, before: int, now: int) -> list[Difference]:
        """What a reader of two snapshots finds different, by URL. What was removed here and added there is moved."""
        found: list[Difference] = []
        for url in self._connection.execute(_TOUCHED, {"first": before, "last": now}).scalars().all():
            old, new = (self._shown(CanonicalURL(url), at) for at in (before, now))
            if old and new and old.content != new.content:
                found.append(Difference(Kind.CHANGED, old, new))
            elif old and not new:
                found.append(Difference(Kind.REMOVED, old, None))
            elif new and not old:
                found.append(Difference(Kind.ADDED, None, new))
        return _with_moves(found)

    def _shown(self, url: CanonicalURL, snapshot_id: int) -> Resource | None:
        found = self.version(url, snapshot_id)
        return found if found and found.path else None

    # --- one URL -------------------------------------------------------------------------------------------------------

    def account(self, url: CanonicalURL) -> Account | None:
        """All that is known of a URL; `None`: nobody ever met it."""
        row = self._connection.execute(_MET, {"url": url}).first()
        if row is None:
            return None
        known = self._connection.execute(_DECIDED, {"url_id": row.id}).first()
        versions = self._connection.execute(_VERSIONS, {"url_id": row.id}).all()
        linked = self._connection.execute(_LINKED_FROM, {"url_id": row.id, "most": 5}).scalars()
        seen = self._connection.execute(_SEEN_ON, {"url_id": row.id, "most": 5}).scalars()
        rendered = self._connection.execute(_RENDERED, {"url_id": row.id}).first()
        return Account(
            url,
            row.started,
            entry_of(known) if known else None,
            known.started if known else None,
            known.referrer and CanonicalURL(known.referrer) if known else None,
            [(resource_of(version), version.began, version.ended) for version in versions],
            [CanonicalURL(page) for page in linked],
            known.rule if known else None,
            [CanonicalURL(page) for page in seen],
            _rendered(rendered) if rendered else None,
            self._connection.execute(_NEED, {"url_id": row.id}).scalar(),
        )

    # --- what may go ---------------------------------------------------------------------------------------------------

    def prune(self, kept: Iterable[int]) -> None:
        """Let all snapshots go but these; the versions that only those showed go with them. The newest one has to be kept."""
        words = {"kept": json.dumps(sorted(kept))}
        for statement in _PRUNE:
            self._connection.execute(statement, words)

    def forget(self, pattern: str, now: str) -> int:
        """Let all versions of a URL go, or of all URLs with a prefix (`*` behind it); gives how many there were."""
        words = {"pattern": pattern, "now": now, "glob": _glob(pattern)}
        count = int(self._connection.execute(_MATCHING, words).scalar_one())
        for statement in _FORGET:
            self._connection.execute(statement, words)
        return count

    def objects_in_use(self) -> set[Digest]:
        """The payloads of all versions, and the DOMs of those of which these are kept."""
        return self._digests(resources.c.digest) | self._digests(renderings.c.dom)

    def copies_in_use(self) -> set[Digest]:
        """What documents read like in all snapshots."""
        return self._digests(copies.c.digest)

    def _digests(self, column: sa.Column[Any]) -> set[Digest]:
        return {Digest(digest) for digest in self._connection.execute(sa.select(column).distinct()).scalars() if digest}

    def starts(self, snapshot_id: int) -> list[CanonicalURL]:
        """All starts of all runs up to a snapshot, the oldest first."""
        query = sa.select(snapshots.c.starts).where(snapshots.c.id <= snapshot_id).order_by(snapshots.c.id)
        return list(
            dict.fromkeys(CanonicalURL(url) for row in self._connection.execute(query).scalars() for url in row)
        )

    def users_of_copy(self, digest: Digest) -> list[Resource]:
        """The versions that read like a copy in some snapshot, current ones first."""
        rows = self._connection.execute(_USERS_OF_COPY, {"digest": digest}).all()
        return [resource_of(row) for row in rows]

    def give_up(self, digest: Digest) -> None:
        """The payload of versions that are not current is lost for good."""
        self._connection.execute(_GIVE_UP, {"digest": digest})

    def users_of(self, digest: Digest) -> list[Resource]:
        """The versions whose payload an object is, current ones first."""
        rows = self._connection.execute(_USERS, {"digest": digest}).all()
        return [resource_of(row) for row in rows]

    def all(self) -> Iterator[Resource]:
        """Every version of everything."""
        last = 0
        while rows := self._connection.execute(_ALL.where(resources.c.id > last)).all():
            yield from map(resource_of, rows)
            last = rows[-1].id


def _rendered(row: Any) -> Rendered:
    return Rendered(row.state, row.started, row.found, row.outcome, json.loads(row.refused))


def _with_moves(found: Sequence[Difference]) -> list[Difference]:
    removed = {d.before.digest: d for d in found if d.kind is Kind.REMOVED and d.before and d.before.size}
    moved: list[Difference] = []
    gone: set[int] = set()
    for difference in found:
        new = difference.now
        if difference.kind is Kind.ADDED and new and new.digest in removed:
            old = removed.pop(new.digest)
            gone |= {id(old), id(difference)}
            moved.append(Difference(Kind.MOVED, old.before, new))
    return [difference for difference in found if id(difference) not in gone] + moved


def _end(name: str) -> str:
    """What comes behind all URLs of an origin: a zero is the letter behind the slash."""
    return f"{name}0"


def _glob(pattern: str) -> str:
    """A tombstone as a pattern of SQL's GLOB, in which nothing but its last `*` stands for anything else."""
    escaped = "".join(f"[{c}]" if c in "*?[" else c for c in pattern.removesuffix("*"))
    return escaped + "*" * pattern.endswith("*")


_YEAR: Final = 4  # digits; a number of so many is a year
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
            media_type IN ('text/html', 'application/xhtml+xml') AND status NOT BETWEEN 300 AND 399 AS page
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
_USERS: Final = (
    sa.select(resources, urls.c.url)
    .join(urls, urls.c.id == resources.c.url_id)
    .where(resources.c.digest == sa.bindparam("digest"))
    .order_by(resources.c.until.is_not(None), resources.c.id)
)
_USERS_OF_COPY: Final = (
    sa.select(resources, urls.c.url)
    .join(urls, urls.c.id == resources.c.url_id)
    .where(resources.c.id.in_(sa.select(copies.c.resource_id).where(copies.c.digest == sa.bindparam("digest"))))
    .order_by(resources.c.until.is_not(None), resources.c.id)
)
_GIVE_UP: Final = sa.text(
    "UPDATE resources SET path = NULL, digest = NULL, size = 0, standing = 'failed', error = 'its payload was lost here' "
    "WHERE digest = :digest AND until IS NOT NULL"
)
_MET: Final = (
    sa.select(urls.c.id, snapshots.c.started)
    .outerjoin(snapshots, snapshots.c.id == urls.c.since)
    .where(urls.c.url == sa.bindparam("url"))
)
_referrers = urls.alias()
_stand_ins: Final = urls.alias()
_RULED: Final = (Reason.ROBOTS, Reason.NOFOLLOW, Reason.NOINDEX, Reason.NOARCHIVE, Reason.PRIVATE, Reason.TRAP)
"""The reasons beside which something is told that decided."""
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
        & frontier.c.reason.in_(_RULED),
    )
    .outerjoin(
        _stand_ins,
        (_stand_ins.c.id == urls.c.same_as)
        & frontier.c.reason.in_([Reason.TRACKING, Reason.SESSION, Reason.CANONICAL, Reason.ALIAS]),
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
        (SELECT count(*) FROM changes WHERE path IS NULL AND old_path IS NOT NULL) AS gone,
        (SELECT count(*) FROM changes WHERE standing = 'unlinked') AS unlinked,
        (SELECT count(*) FROM shown WHERE standing IN ('kept', 'failed')) AS failed
    """
)


def _script(text: str) -> tuple[sa.TextClause, ...]:
    return tuple(sa.text(statement) for statement in text.split(";") if statement.strip())


_PRUNE: Final = _script(
    """
    CREATE TEMP TABLE kept (id INTEGER PRIMARY KEY);
    INSERT INTO kept SELECT value FROM json_each(:kept);
    DELETE FROM resources
        WHERE NOT EXISTS (SELECT 1 FROM kept WHERE id >= since AND (until IS NULL OR id < until));
    UPDATE resources SET
        since = (SELECT min(id) FROM kept WHERE id >= since),
        until = (SELECT min(id) FROM kept WHERE id >= until);
    DELETE FROM links WHERE resource_id NOT IN (SELECT id FROM resources);
    DELETE FROM copies WHERE resource_id NOT IN (SELECT id FROM resources);
    DELETE FROM copies WHERE EXISTS (
        SELECT 1 FROM copies later
        WHERE later.resource_id = copies.resource_id AND later.since > copies.since
        AND (SELECT min(id) FROM kept WHERE id >= later.since) IS (SELECT min(id) FROM kept WHERE id >= copies.since)
    );
    UPDATE copies SET since = (SELECT min(id) FROM kept WHERE id >= since);
    DELETE FROM renderings WHERE resource_id NOT IN (SELECT id FROM resources);
    DELETE FROM renderings WHERE EXISTS (
        SELECT 1 FROM renderings later
        WHERE later.resource_id = renderings.resource_id AND later.since > renderings.since AND later.state = 1
        AND (SELECT min(id) FROM kept WHERE id >= later.since) IS (SELECT min(id) FROM kept WHERE id >= renderings.since)
    );
    DELETE FROM renderings WHERE state <> 1 AND since NOT IN (SELECT id FROM kept);
    UPDATE renderings SET since = (SELECT min(id) FROM kept WHERE id >= since);
    DELETE FROM needs WHERE resource_id NOT IN (SELECT id FROM resources);
    UPDATE snapshots SET outcome = 'pruned', counts = NULL WHERE id NOT IN (SELECT id FROM kept);
    DROP TABLE kept
    """
)
_MATCHING: Final = sa.text("SELECT count(*) FROM resources JOIN urls ON urls.id = url_id WHERE url GLOB :glob")
_FORGET: Final = _script(
    """
    CREATE TEMP TABLE forgotten (url_id INTEGER PRIMARY KEY, id INTEGER);
    INSERT INTO forgotten (url_id) SELECT id FROM urls WHERE url GLOB :glob;
    INSERT OR REPLACE INTO tombstones (url, forgotten) VALUES (:pattern, :now);
    INSERT OR REPLACE INTO leaving (path, url_id, lost, released)
        SELECT path, url_id, 0, 1 FROM resources WHERE path IS NOT NULL AND url_id IN (SELECT url_id FROM forgotten);
    DELETE FROM links WHERE resource_id IN (SELECT r.id FROM resources r JOIN forgotten USING (url_id));
    DELETE FROM copies WHERE resource_id IN (SELECT r.id FROM resources r JOIN forgotten USING (url_id));
    DELETE FROM renderings WHERE resource_id IN (SELECT r.id FROM resources r JOIN forgotten USING (url_id));
    DELETE FROM needs WHERE resource_id IN (SELECT r.id FROM resources r JOIN forgotten USING (url_id));
    DELETE FROM resources WHERE url_id IN (SELECT url_id FROM forgotten);
    DELETE FROM rules WHERE url_id IN (SELECT url_id FROM forgotten);
    UPDATE frontier SET state = 3, roles = 0, reason = 'forgotten on request'
        WHERE url_id IN (SELECT url_id FROM forgotten);
    DROP TABLE forgotten
    """
)
