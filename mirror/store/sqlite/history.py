"""The snapshots: which there are, what each shows, and how two differ.

A version is shown by the snapshots from its `since` on, up to but not including its `until`. So one query finds what a snapshot
shows, and a snapshot in which nothing changed costs one row.

Pruned snapshots keep their row, so that versions found then still have a time; no list shows them.
"""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from typing import Final

from mirror.core.policy.scope import Reason
from mirror.core.url.canonical import CanonicalURL, origin
from mirror.store.manifest import checks
from mirror.store.manifest.checks import checked
from mirror.store.manifest.history_records import (
    ChangeKind,
    Difference,
    LastRendering,
    Origin,
    RunRecord,
    ShownVersion,
    SnapshotCounts,
    SnapshotInfo,
    SnapshotStatistics,
    UrlHistory,
    UrlVersion,
)
from mirror.store.manifest.records import AGAIN, ALIASES, FOLDED, PRUNED, Outcome, Resource
from mirror.store.sqlite.queries import (
    AT_A_TIME,
    IS_SHOWN,
    IS_SHOWN_PAGE,
    RESOURCE,
    SEEN,
    Queries,
    entry_of,
    resource_of,
)
from mirror.store.sqlite.statistics import statistics


class History(Queries):
    """`interface.History`."""

    # --- snapshots -----------------------------------------------------------------------------------------------------

    def snapshots(self) -> list[SnapshotInfo]:
        return [self._listed(row) for row in self._database.rows(f"{_LISTED} ORDER BY id")]

    def recent(self, most: int) -> list[RunRecord]:
        return [_run_record(row) for row in self._database.rows(f"{_LISTED} ORDER BY id DESC LIMIT ?", (most,))]

    @checked
    def recorded_size(self) -> int:
        stored = (_stored_counts(text) for text in self._database.column(_COUNTS))
        return sum(counts.new_size for counts in stored if counts)

    def complete(self) -> list[int]:
        found = self._database.column(f"{_LISTED} AND outcome = '{Outcome.COMPLETE}' ORDER BY id")
        return [checks.number(snapshot_id) for snapshot_id in found]

    def has(self, snapshot_id: int) -> bool:
        return self._database.first(f"{_LISTED} AND id = ?", (snapshot_id,)) is not None

    def has_before(self, snapshot_id: int) -> bool:
        return self._database.first("SELECT 1 FROM snapshots WHERE id < ? LIMIT 1", (snapshot_id,)) is not None

    def find(self, name: str) -> SnapshotInfo | None:
        listed = self._database.rows(f"{_LISTED} ORDER BY id")
        if name == "latest":
            matching = [row for row in listed if row["outcome"] == Outcome.COMPLETE]
        else:
            numbered = [row for row in listed if str(row["id"]) == name]
            is_time = len(name) >= _YEAR
            begun = name.replace(" ", "T")
            matching = [row for row in listed if is_time and str(row["started"]).startswith(begun)] or numbered
        return self._listed(matching[-1]) if matching else None

    def count(self, snapshot_id: int, noise: int = 0) -> None:
        numbers = asdict(replace(self.numbers(snapshot_id), noise=noise))
        self._database.run("UPDATE snapshots SET counts = ? WHERE id = ?", (json.dumps(numbers), snapshot_id))

    def changed(self, snapshot_id: int) -> Iterator[tuple[Resource, Resource]]:
        for before, now in self._database.rows(_CHANGED, {"at": snapshot_id}):
            rows = self._database.rows(f"{RESOURCE} WHERE r.id IN (?, ?)", (before, now))
            known = {row["id"]: resource_of(row) for row in rows}
            yield known[before], known[now]

    def numbers(self, snapshot_id: int) -> SnapshotCounts:
        [row] = self._database.rows(_NUMBERS, {"at": snapshot_id})
        return SnapshotCounts(**{name: int(row[name] or 0) for name in row.keys()})  # noqa: SIM118 - of a row, not a dict

    @checked
    def _listed(self, row: sqlite3.Row) -> SnapshotInfo:
        counts = _stored_counts(row["counts"])
        return SnapshotInfo(
            row["id"],
            checks.time(row["started"]),
            checks.optional(checks.time, row["finished"]),
            Outcome(row["outcome"]),
            tuple(checks.urls(checks.read_json(row["starts"]))),
            checks.mapping(checks.read_json(row["options"])),
            counts or self.numbers(row["id"]),
        )

    # --- what a snapshot shows -----------------------------------------------------------------------------------------

    def at(self, snapshot_id: int) -> Iterator[ShownVersion]:
        last = 0
        while rows := self._database.rows(_AT, {"at": snapshot_id, "last": last}):
            for row in rows:
                yield ShownVersion(
                    resource_of(row),
                    checks.digest(row["copy"]) if row["copy"] else None,
                    bool(row["stale"]) or row["copy"] == "",
                    row["dom"] and checks.digest(row["dom"]),
                    bool(row["rendered"]),
                )
            last = rows[-1]["id"]

    def origins(self, snapshot_id: int) -> list[Origin]:
        rows = self._database.rows(_ORIGINS, {"at": snapshot_id})
        return [Origin(name, pages, files, checks.url(first)) for name, pages, files, first in rows]

    def met_origins(self) -> Iterator[str]:
        """As the interface says. Each query jumps to the first URL behind the origin before, instead of reading all URLs."""
        end = ""
        while url := self._database.scalar("SELECT min(url) FROM urls WHERE url >= ?", (end,)):
            yield origin(checks.url(url))
            end = _end(origin(checks.url(url)))

    def has_origin(self, name: str, snapshot_id: int) -> bool:
        words = {"at": snapshot_id, "first": f"{name}/", "end": _end(name), "most": 1}
        return self._database.first(_BETWEEN, words) is not None

    def version(self, url: CanonicalURL, snapshot_id: int) -> Resource | None:
        row = self._database.first(f"{RESOURCE} WHERE u.url = :url AND {IS_SHOWN}", {"at": snapshot_id, "url": url})
        return resource_of(row) if row else None

    def beginning_with(self, text: str, snapshot_id: int, most: int) -> list[CanonicalURL]:
        words = {"at": snapshot_id, "first": text, "end": f"{text}\x7f", "most": most}
        return [checks.url(found) for found in self._database.column(_BETWEEN, words)]

    def started(self, snapshot_id: int) -> str | None:
        found = self._database.scalar("SELECT started FROM snapshots WHERE id = ?", (snapshot_id,))
        return found and checks.time(found)

    def same_as(self, url: CanonicalURL) -> CanonicalURL | None:
        found = self._database.scalar(_SAME_AS, (url,))
        return found and checks.url(found)

    def differences(self, before: int, now: int) -> list[Difference]:
        found: list[Difference] = []
        for url in self._database.column(_TOUCHED, (min(before, now), max(before, now))):
            old, new = (self._shown(checks.url(url), at) for at in (before, now))
            if old and new and _shown_content(old) != _shown_content(new):
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
        met = self._database.first(_MET, (url,))
        if met is None:
            return None
        wanted = {"url_id": met["id"], "most": 5}
        known = self._database.first(_DECIDED, wanted)
        versions = self._database.rows(_VERSIONS, wanted)
        rendered = self._database.first(_RENDERED, wanted)
        variants = {"first": f"{url}#", "end": f"{url}#\x7f", "most": _MOST_VARIANTS}
        return UrlHistory(
            url,
            met["started"],
            entry_of(known) if known else None,
            known["started"] if known else None,
            known["referrer"] and checks.url(known["referrer"]) if known else None,
            [(resource_of(version), version["began"], version["ended"]) for version in versions],
            [checks.url(page) for page in self._database.column(_LINKED_FROM, wanted)],
            known["rule"] if known else None,
            [checks.url(page) for page in self._database.column(_SEEN_ON, wanted)],
            _rendered(rendered) if rendered else None,
            self._database.scalar(_NEED, wanted),
            [resource_of(one) for one in self._database.rows(_VARIANTS, variants)],
        )

    @checked
    def versions(self, url: CanonicalURL) -> list[UrlVersion]:
        return [
            UrlVersion(
                resource_of(row),
                checks.number(row["first"]),
                checks.number(row["last"]),
                checks.optional(checks.time, row["began"]),
                checks.optional(checks.time, row["ended"]),
            )
            for row in self._database.rows(_SPANS, (url,))
        ]

    def moved_to(self, resource: Resource, snapshot_id: int) -> CanonicalURL | None:
        return self._other_place(_MOVED_TO, resource, snapshot_id)

    def moved_from(self, resource: Resource) -> CanonicalURL | None:
        return self._other_place(_MOVED_FROM, resource, resource.since)

    def _other_place(self, query: str, resource: Resource, snapshot_id: int) -> CanonicalURL | None:
        words = {"digest": resource.digest, "url_id": resource.url_id, "at": snapshot_id}
        found = self._database.scalar(query, words)
        return found and checks.url(found)

    def statistics(self, snapshot_id: int, most: int) -> SnapshotStatistics:
        return statistics(self._database, snapshot_id, most)

    def starts(self, snapshot_id: int) -> list[CanonicalURL]:
        lists = self._database.column("SELECT starts FROM snapshots WHERE id <= ? ORDER BY id", (snapshot_id,))
        return list(dict.fromkeys(url for starts in lists for url in checks.urls(checks.read_json(starts))))

    def all(self) -> Iterator[Resource]:
        last = 0
        while rows := self._database.rows(_ALL, (last,)):
            yield from map(resource_of, rows)
            last = rows[-1]["id"]


def _shown_content(resource: Resource) -> tuple[object, ...]:
    """What readers can tell apart: payload, type, status, and the target of a redirect. A file may have another name."""
    digest, _, status, location = resource.content
    return digest, resource.media_type, status, location


def _rendered(row: sqlite3.Row) -> LastRendering:
    refused = [checks.text(line) for line in checks.read_json(row["refused"])]
    return LastRendering(
        checks.number(row["state"]), row["started"], checks.number(row["found"]), checks.text(row["outcome"]), refused
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


_YEAR: Final = 4  # digits: a number with so many may be a year, which comes before the id of a snapshot


@checked
def _run_record(row: sqlite3.Row) -> RunRecord:
    finished = checks.optional(checks.time, row["finished"])
    outcome, counts = Outcome(row["outcome"]), _stored_counts(row["counts"])
    return RunRecord(row["id"], checks.time(row["started"]), finished, outcome, counts)


def _stored_counts(text: str | None) -> SnapshotCounts | None:
    """Read the numbers of a snapshot; `None` if they were not stored, because its run is not over."""
    known = checks.mapping(checks.read_json(text or "{}"))
    return SnapshotCounts(**{name: checks.number(value) for name, value in known.items()}) if known else None


_COUNTS: Final = f"SELECT counts FROM snapshots WHERE outcome <> '{PRUNED}'"
_LISTED: Final = f"SELECT * FROM snapshots WHERE outcome <> '{PRUNED}'"
_ALL: Final = f"{RESOURCE} WHERE r.id > ? ORDER BY r.id LIMIT {AT_A_TIME}"
_AT: Final = (
    "SELECT r.*, u.url, "
    "(SELECT digest FROM copies c WHERE c.resource_id = r.id AND c.since <= :at ORDER BY c.since DESC LIMIT 1) AS copy, "
    "(SELECT dom FROM renderings d WHERE d.resource_id = r.id AND d.since <= :at AND d.state = 1 "
    "ORDER BY d.since DESC LIMIT 1) AS dom, "
    "EXISTS (SELECT 1 FROM renderings d WHERE d.resource_id = r.id AND d.since <= :at AND d.state = 1) AS rendered "
    f"FROM resources r JOIN urls u ON u.id = r.url_id WHERE {IS_SHOWN} AND r.path IS NOT NULL AND r.id > :last "
    f"ORDER BY r.id LIMIT {AT_A_TIME}"
)
_SAME_AS: Final = "SELECT s.url FROM urls u JOIN urls s ON s.id = u.same_as WHERE u.url = ?"
_ORIGINS: Final = f"""
    WITH shown AS (
        SELECT url, instr(url, '://') + 3 AS host,
            {IS_SHOWN_PAGE} AND status NOT BETWEEN 300 AND 399 AND standing <> 'error' AS page
        FROM resources JOIN urls ON urls.id = resources.url_id LEFT JOIN frontier ON frontier.url_id = urls.id
        WHERE resources.since <= :at AND (until IS NULL OR until > :at) AND path IS NOT NULL
    )
    SELECT substr(url, 1, host + instr(substr(url, host), '/') - 2) AS origin, sum(page) AS pages, sum(NOT page) AS files,
        substr(min(printf('%d%08d', NOT page, length(url)) || url), 10) AS first
    FROM shown GROUP BY origin ORDER BY origin
"""
_BETWEEN: Final = (
    "SELECT u.url FROM urls u JOIN resources r ON r.url_id = u.id "
    f"WHERE u.url >= :first AND u.url < :end AND r.path IS NOT NULL AND {IS_SHOWN} ORDER BY u.url LIMIT :most"
)
_TOUCHED: Final = (
    "SELECT url FROM urls WHERE id IN (SELECT url_id FROM resources WHERE since > ? AND since <= ?) ORDER BY url"
)
_MET: Final = "SELECT u.id, s.started FROM urls u LEFT JOIN snapshots s ON s.id = u.since WHERE u.url = ?"


def _any(*reasons: Reason) -> str:
    listed = ", ".join(f"'{reason}'" for reason in reasons)
    return f"f.reason IN ({listed})"


_HAS_RULE: Final = _any(Reason.ROBOTS, Reason.NOFOLLOW, Reason.NOINDEX, Reason.NOARCHIVE, Reason.PRIVATE, Reason.TRAP)
"""For these reasons, a stored rule says what decided. A rule that begins with `AGAIN` says it whatever the reason."""
_HAS_STAND_IN: Final = _any(*FOLDED, *ALIASES)
_DECIDED: Final = (
    "SELECT f.*, u.url, s.started, p.url AS referrer, coalesce(ru.rule, o.url) AS rule "
    "FROM frontier f JOIN urls u ON u.id = f.url_id LEFT JOIN snapshots s ON s.id = f.snapshot_id "
    "LEFT JOIN urls p ON p.id = f.referrer_id "
    f"LEFT JOIN rules ru ON ru.url_id = iif({_any(Reason.NOFOLLOW)}, f.referrer_id, f.url_id) "
    f"AND ({_HAS_RULE} OR ru.rule LIKE '{AGAIN}%') "
    f"LEFT JOIN urls o ON o.id = u.same_as AND {_HAS_STAND_IN} WHERE f.url_id = :url_id"
)
_VERSIONS: Final = (
    "SELECT r.*, u.url, began.started AS began, ended.started AS ended FROM resources r JOIN urls u ON u.id = r.url_id "
    "LEFT JOIN snapshots began ON began.id = r.since LEFT JOIN snapshots ended ON ended.id = r.until "
    "WHERE r.url_id = :url_id ORDER BY r.since"
)
_OF_SPAN: Final = (
    "(SELECT {}(id) FROM snapshots WHERE id >= r.since AND (r.until IS NULL OR id < r.until) "
    f"AND outcome <> '{PRUNED}')"
)
_SPANS: Final = (
    f"SELECT r.*, u.url, coalesce({_OF_SPAN.format('min')}, r.since) AS first, "
    f"coalesce({_OF_SPAN.format('max')}, r.since) AS last, "
    "(SELECT started FROM snapshots WHERE id = r.since) AS began, (SELECT started FROM snapshots WHERE id = r.until) AS ended "
    "FROM urls u JOIN resources r ON r.url_id = u.id WHERE u.url = ? ORDER BY r.since"
)
_MOVED_TO: Final = (
    "SELECT u.url FROM resources r JOIN urls u ON u.id = r.url_id WHERE r.digest = :digest AND r.since = :at AND r.size > 0 "
    "AND r.path IS NOT NULL AND r.url_id <> :url_id AND NOT EXISTS "
    "(SELECT 1 FROM resources b WHERE b.url_id = r.url_id AND b.until = :at AND b.path IS NOT NULL) ORDER BY r.id LIMIT 1"
)
_MOVED_FROM: Final = (
    "SELECT u.url FROM resources r JOIN urls u ON u.id = r.url_id WHERE r.digest = :digest AND r.until = :at AND r.size > 0 "
    "AND r.path IS NOT NULL AND r.url_id <> :url_id AND NOT EXISTS "
    "(SELECT 1 FROM resources n WHERE n.url_id = r.url_id AND n.since = :at AND n.path IS NOT NULL) ORDER BY r.id LIMIT 1"
)
_VARIANTS: Final = (
    f"{RESOURCE} WHERE u.url > :first AND u.url < :end AND r.until IS NULL AND r.status IS NOT NULL "
    "ORDER BY u.url LIMIT :most"
)
_MOST_VARIANTS: Final = 20
_LEADS_TO: Final = (
    "SELECT DISTINCT u.url FROM links l JOIN resources r ON r.id = l.resource_id JOIN urls u ON u.id = r.url_id "
    f"WHERE l.target_id = :url_id AND l.position {{}} {SEEN} ORDER BY u.url LIMIT :most"
)
_LINKED_FROM: Final = _LEADS_TO.format("<")
_SEEN_ON: Final = _LEADS_TO.format(">=")
_RENDERED: Final = (
    "SELECT d.state, d.found, d.outcome, d.refused, s.started FROM renderings d JOIN resources r ON r.id = d.resource_id "
    "LEFT JOIN snapshots s ON s.id = d.since WHERE r.url_id = :url_id ORDER BY d.since DESC LIMIT 1"
)
_NEED: Final = (
    "SELECT n.why FROM needs n JOIN resources r ON r.id = n.resource_id WHERE r.url_id = :url_id AND r.until IS NULL"
)
_CHANGED: Final = (
    "SELECT before.id, now.id "
    "FROM resources now JOIN resources before ON before.url_id = now.url_id AND before.until = now.since "
    "WHERE now.since = :at AND now.path IS NOT NULL AND before.path IS NOT NULL AND now.digest IS NOT before.digest "
    "ORDER BY now.id"
)
_NUMBERS: Final = f"""
    WITH shown AS (
        SELECT * FROM resources
        WHERE since <= :at AND (until IS NULL OR until > :at)
    ), files AS (
        SELECT {IS_SHOWN_PAGE} AS page, size
        FROM shown JOIN urls ON urls.id = shown.url_id LEFT JOIN frontier ON frontier.url_id = urls.id
        WHERE path IS NOT NULL AND standing <> 'error' AND status NOT BETWEEN 300 AND 399
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
        (SELECT count(*) FROM changes WHERE path IS NOT NULL AND standing <> 'error' AND old_path IS NULL) AS added,
        (SELECT count(*) FROM changes WHERE path IS NOT NULL AND old_path IS NOT NULL AND digest IS NOT old_digest) AS changed,
        (SELECT count(*) FROM changes WHERE path IS NULL AND old_path IS NOT NULL AND NOT (
            standing = 'outside' AND EXISTS (SELECT 1 FROM urls u WHERE u.id = url_id AND u.same_as IS NOT NULL)
        )) AS gone,
        (SELECT count(*) FROM changes WHERE standing = 'unlinked') AS unlinked,
        (SELECT count(*) FROM shown WHERE (
            standing IN ('kept', 'failed') OR (standing = 'error' AND status NOT IN (404, 410))
        ) AND NOT EXISTS (
            SELECT 1 FROM frontier f WHERE f.url_id = shown.url_id AND f.guess
        )) AS failed
"""
