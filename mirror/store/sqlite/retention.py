"""What leaves an archive: files of the tree, pruned snapshots, forgotten URLs; and which objects and copies are still needed.

Owns the table `leaving`.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from mirror.core.policy.scope import Reason
from mirror.core.url.canonical import CanonicalURL
from mirror.core.url.local_paths import LocalPath
from mirror.store.disk.objects import Digest
from mirror.store.manifest import checks
from mirror.store.manifest.checks import checked
from mirror.store.manifest.history_records import Showing
from mirror.store.manifest.records import LOST_HERE, PRUNED, ChangedPage, Outcome, Resource, Standing
from mirror.store.sqlite.queries import AT_A_TIME, AT_LAST_COMPLETE, LAST_COMPLETE, RESOURCE, Queries, resource_of
from mirror.store.sqlite.schema import GIVEN, script


class Retention(Queries):
    """`interface.Retention`."""

    def prune(self, kept: Iterable[int]) -> None:
        words = {"kept": json.dumps(sorted(kept))}
        for statement in _PRUNE:
            self._database.run(statement, words)

    def forget(self, pattern: str, now: str) -> int:
        words = {"pattern": pattern, "now": now, **_globs(pattern)}
        count = int(self._database.scalar(_MATCHING, words))
        for statement in _FORGET:
            self._database.run(statement, words)
        self._session.forget()
        return count

    def sharing(self, pattern: str) -> list[CanonicalURL]:
        return [checks.url(url) for url in self._database.column(_SHARING, _globs(pattern))]

    def objects_in_use(self) -> set[Digest]:
        return self._digests("SELECT digest FROM resources UNION SELECT dom FROM renderings")

    def sizes(self) -> dict[Digest, int]:
        return {checks.digest(digest): checks.number(size) for digest, size in self._database.rows(_SIZES)}

    def copies_in_use(self) -> set[Digest]:
        return self._digests("SELECT DISTINCT digest FROM copies")

    def _digests(self, query: str) -> set[Digest]:
        return {checks.digest(digest) for digest in self._database.column(query) if digest}

    def users_of_copy(self, digest: Digest) -> list[Resource]:
        return self._users("r.id IN (SELECT resource_id FROM copies WHERE digest = ?)", digest)

    def state(self) -> str:
        return str(self._database.scalar(_STATE))

    def texts(self, media_types: Sequence[str]) -> Iterator[list[tuple[Digest, str]]]:
        words = {"types": json.dumps(media_types), "last": 0}
        while rows := self._database.rows(_TEXTS, words):
            yield [(checks.digest(row["digest"]), checks.text(row["media_type"])) for row in rows]
            words["last"] = rows[-1]["id"]
        place = {"id": 0, "since": 0}
        while rows := self._database.rows(_DOMS, place):
            yield [(checks.digest(row["dom"]), _DOM_TYPE) for row in rows]
            place = {"id": rows[-1]["resource_id"], "since": rows[-1]["since"]}

    def needed(self, digests: Sequence[Digest]) -> set[Digest]:
        return {checks.digest(digest) for digest in self._database.column(_NEEDED, {"given": json.dumps(digests)})}

    def showing(
        self, digests: Sequence[Digest], media_types: Sequence[str], snapshot_id: int | None, glob: str = "*"
    ) -> list[Showing]:
        words = {"given": json.dumps(digests), "types": json.dumps(media_types), "at": snapshot_id, "glob": glob}
        return [_showing(row) for row in self._database.rows(_SHOWING, words)]

    def showing_at(self, glob: str, media_types: Sequence[str], snapshot_id: int | None, most: int) -> list[Showing]:
        words = {"types": json.dumps(media_types), "at": snapshot_id, "glob": glob, "most": most}
        return [_showing(row) for row in self._database.rows(_SHOWING_AT, words)]

    def ids_showing(
        self, digests: Sequence[Digest], media_types: Sequence[str], snapshot_id: int | None, glob: str = "*"
    ) -> set[int]:
        words = {"given": json.dumps(digests), "types": json.dumps(media_types), "at": snapshot_id, "glob": glob}
        return set(self._database.column(_IDS_SHOWING, words))

    def showings(self, urls: Sequence[CanonicalURL], media_types: Sequence[str]) -> list[Showing]:
        words = {"given": json.dumps(urls), "types": json.dumps(media_types)}
        return [_showing(row) for row in self._database.rows(_SHOWINGS, words)]

    def give_up(self, digest: Digest) -> None:
        for statement in _GIVE_UP:
            self._database.run(statement, {"digest": digest, "why": LOST_HERE})

    def lost(self) -> list[Resource]:
        return self._users("r.error = ?", LOST_HERE)

    def users_of(self, digest: Digest) -> list[Resource]:
        return self._users("r.digest = ?", digest)

    def _users(self, condition: str, value: str) -> list[Resource]:
        rows = self._database.rows(f"{RESOURCE} WHERE {condition} ORDER BY r.until IS NOT NULL, r.id", (value,))
        return [resource_of(row) for row in rows]


def _globs(pattern: str) -> dict[str, str]:
    """Return the patterns that match what a tombstone covers: URLs, and variants of requests for a URL."""
    glob = _glob(pattern)
    return {"glob": glob, "variants": glob if pattern.endswith("*") else f"{glob}#*"}


def _glob(pattern: str) -> str:
    """Turn a tombstone into a pattern for GLOB, in which only a `*` at the end is a wildcard."""
    escaped = "".join(f"[{c}]" if c in "*?[" else c for c in pattern.removesuffix("*"))
    return escaped + "*" * pattern.endswith("*")


@checked
def _showing(row: sqlite3.Row) -> Showing:
    return Showing(
        checks.url(row["url"]),
        checks.digest(row["shown"]),
        checks.text(row["type"]),
        checks.number(row["since"]),
        checks.optional(checks.number, row["until"]),
    )


_DOM_TYPE: Final = "text/html"
_STATE: Final = (
    "SELECT (SELECT count(*) || ' ' || coalesce(max(id), 0) FROM resources) || ' ' "
    "|| (SELECT count(*) || ' ' || coalesce(max(since), 0) FROM renderings WHERE dom IS NOT NULL) || ' ' "
    "|| (SELECT count(*) || ' ' || coalesce(max(id), 0) || ' ' || coalesce(max(finished), '') "
    f"|| ' ' || total(outcome = '{PRUNED}') || ' ' || total(outcome = '{Outcome.INCOMPLETE}') FROM snapshots) || ' ' "
    "|| (SELECT count(*) FROM tombstones) || ' ' || coalesce((SELECT value FROM facts WHERE name = 'reader'), '')"
)
_IS_SHOWN: Final = "r.path IS NOT NULL AND r.status NOT BETWEEN 300 AND 399"
_TEXTS: Final = (
    f"SELECT r.id, r.digest, r.media_type FROM resources r WHERE r.id > :last AND r.digest IS NOT NULL AND {_IS_SHOWN} "
    f"AND r.media_type IN (SELECT value FROM json_each(:types)) ORDER BY r.id LIMIT {AT_A_TIME}"
)
_DOMS: Final = (
    "SELECT resource_id, since, dom FROM renderings WHERE (resource_id, since) > (:id, :since) AND dom IS NOT NULL "
    f"AND state = 1 ORDER BY resource_id, since LIMIT {AT_A_TIME}"
)
_NEEDED: Final = (
    f"SELECT digest FROM resources r WHERE digest IN {GIVEN} AND {_IS_SHOWN} "
    f"UNION SELECT dom FROM renderings WHERE dom IN {GIVEN}"
)
_PAYLOADS_SHOWN: Final = {
    "table": "resources r",
    "shown": "r.digest",
    "type": "r.media_type",
    "since": "r.since",
    "until": "r.until",
}
_DOMS_SHOWN: Final = {  # a DOM is shown from its rendering on, until the page is rendered again
    "table": "renderings d JOIN resources r ON r.id = d.resource_id AND d.state = 1",
    "shown": "d.dom",
    "type": f"'{_DOM_TYPE}'",
    "since": "d.since",
    "until": (
        "coalesce((SELECT min(later.since) FROM renderings later WHERE later.resource_id = d.resource_id "
        "AND later.since > d.since AND later.state = 1), r.until)"
    ),
}


def _of_both(query: str, joined: str = " UNION ") -> str:
    """Return a query of payloads and of DOMs."""
    return joined.join(query.format(**names) for names in (_PAYLOADS_SHOWN, _DOMS_SHOWN))


_SHOWS: Final = (
    "SELECT u.id, u.url, {shown} AS shown, {type} AS type, {since} AS since, {until} AS until "
    "FROM {table} JOIN urls u ON u.id = r.url_id "
    f"WHERE {{shown}} IS NOT NULL AND {_IS_SHOWN} AND {{type}} IN (SELECT value FROM json_each(:types))"
)
_AT: Final = "(:at IS NULL OR ({since} <= :at AND ({until} IS NULL OR {until} > :at)))"
_SHOWING: Final = _of_both(f"{_SHOWS} AND {{shown}} IN {GIVEN} AND {_AT} AND u.url GLOB :glob")
_IDS_SHOWING: Final = _of_both(
    f"SELECT r.url_id FROM {{table}} WHERE {{shown}} IN {GIVEN} AND {_IS_SHOWN} AND {_AT} "
    "AND {type} IN (SELECT value FROM json_each(:types)) "
    "AND (:glob = '*' OR (SELECT url FROM urls u WHERE u.id = r.url_id) GLOB :glob)",
    " UNION ALL ",
)
_SHOWING_AT: Final = f"{_of_both(f'{_SHOWS} AND {_AT} AND u.url GLOB :glob')} LIMIT :most"
_SHOWINGS: Final = f"{_of_both(f'{_SHOWS} AND u.url IN {GIVEN}')} ORDER BY since"
_SIZES: Final = "SELECT digest, max(size) FROM resources WHERE digest IS NOT NULL GROUP BY digest"
_GIVE_UP: Final = script(
    """
    UPDATE snapshots SET counts = NULL WHERE outcome <> 'pruned';
    UPDATE resources SET path = NULL, digest = NULL, size = 0, stale = 0, standing = 'failed', error = :why
        WHERE digest = :digest
    """
)
_PRUNE: Final = script(
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
    DELETE FROM latencies WHERE resource_id NOT IN (SELECT id FROM resources);
    UPDATE snapshots SET outcome = 'pruned', counts = NULL WHERE id NOT IN (SELECT id FROM kept);
    DROP TABLE kept
    """
)
_MATCHING: Final = (
    "SELECT count(*) FROM resources JOIN urls ON urls.id = url_id WHERE url GLOB :glob OR url GLOB :variants"
)
_SHARING: Final = (
    "SELECT DISTINCT u.url FROM resources r JOIN urls u ON u.id = r.url_id "
    "WHERE u.url NOT GLOB :glob AND u.url NOT GLOB :variants AND r.digest IN ("
    "SELECT digest FROM resources JOIN urls ON urls.id = url_id "
    "WHERE (url GLOB :glob OR url GLOB :variants) AND size > 0 AND status = 200) "
    "ORDER BY u.url"
)
_FORGET: Final = script(
    """
    CREATE TEMP TABLE forgotten (url_id INTEGER PRIMARY KEY, id INTEGER);
    INSERT INTO forgotten (url_id) SELECT id FROM urls WHERE url GLOB :glob OR url GLOB :variants;
    INSERT OR REPLACE INTO tombstones (url, forgotten) VALUES (:pattern, :now);
    INSERT OR REPLACE INTO leaving (path, url_id, lost, released)
        SELECT path, url_id, 0, 1 FROM resources WHERE path IS NOT NULL AND url_id IN (SELECT url_id FROM forgotten);
    UPDATE leaving SET lost = 0, released = 1 WHERE url_id IN (SELECT url_id FROM forgotten);
    CREATE TEMP TABLE known_by (url_id INTEGER PRIMARY KEY);
    INSERT OR IGNORE INTO known_by
        SELECT target_id FROM links WHERE resource_id IN (SELECT r.id FROM resources r JOIN forgotten USING (url_id))
        UNION SELECT url_id FROM frontier WHERE referrer_id IN (SELECT url_id FROM forgotten);
    DELETE FROM links WHERE resource_id IN (SELECT r.id FROM resources r JOIN forgotten USING (url_id));
    DELETE FROM copies WHERE resource_id IN (SELECT r.id FROM resources r JOIN forgotten USING (url_id));
    DELETE FROM renderings WHERE resource_id IN (SELECT r.id FROM resources r JOIN forgotten USING (url_id));
    DELETE FROM needs WHERE resource_id IN (SELECT r.id FROM resources r JOIN forgotten USING (url_id));
    DELETE FROM latencies WHERE resource_id IN (SELECT r.id FROM resources r JOIN forgotten USING (url_id));
    DELETE FROM resources WHERE url_id IN (SELECT url_id FROM forgotten);
    DELETE FROM rules WHERE url_id IN (SELECT url_id FROM forgotten);
    DELETE FROM links WHERE target_id IN (SELECT url_id FROM forgotten JOIN urls ON urls.id = url_id WHERE url GLOB '*#*');
    DELETE FROM frontier WHERE url_id IN (SELECT url_id FROM forgotten JOIN urls ON urls.id = url_id WHERE url GLOB '*#*');
    DELETE FROM urls WHERE id IN (SELECT url_id FROM forgotten) AND url GLOB '*#*';
    UPDATE frontier SET state = 3, roles = 0, reason = 'forgotten on request'
        WHERE url_id IN (SELECT url_id FROM forgotten);
    DELETE FROM known_by WHERE url_id IN (SELECT url_id FROM forgotten) OR url_id IN (SELECT url_id FROM resources)
        OR url_id IN (SELECT target_id FROM links) OR url_id IN (SELECT same_as FROM urls)
        OR url_id IN (SELECT u.id FROM urls u JOIN snapshots s JOIN json_each(s.starts) j ON j.value = u.url);
    DELETE FROM frontier WHERE url_id IN (SELECT url_id FROM known_by);
    DELETE FROM rules WHERE url_id IN (SELECT url_id FROM known_by);
    DELETE FROM urls WHERE id IN (SELECT url_id FROM known_by);
    DELETE FROM unsynced WHERE digest NOT IN (
        SELECT digest FROM resources WHERE digest IS NOT NULL UNION SELECT digest FROM copies WHERE digest IS NOT NULL
        UNION SELECT dom FROM renderings WHERE dom IS NOT NULL
    );
    DELETE FROM answers WHERE url_id NOT IN (SELECT id FROM urls) OR url_id IN (SELECT url_id FROM forgotten);
    DELETE FROM families;
    DROP TABLE known_by;
    DROP TABLE forgotten
    """
)


class Departures(Queries):
    """`interface.Departures`."""

    def add(self, path: LocalPath, url_id: int, *, lost: bool) -> None:
        self._database.run(_ADD_LEAVING, (path, url_id, lost))

    def changed_pages(self) -> Iterator[ChangedPage]:
        yield from map(_changed_page, self._database.rows(_CHANGED_PAGES))

    def count_pages(self) -> int:
        return int(self._database.scalar(_COUNT_PAGES))

    def had_content(self, digest: Digest) -> bool:
        return self._database.first(_HAD_CONTENT, (digest,)) is not None

    def has_content(self, digest: Digest) -> bool:
        return self._database.first(_HAS_CONTENT, (digest,)) is not None

    def release(self) -> None:
        self._database.run(_DROP_RETURNED)
        self._database.run("UPDATE leaving SET released = 1")

    def accept_loss(self, now: str) -> None:
        self.release()
        self._database.run(_ACCEPT, (Outcome.COMPLETE, now, Outcome.HELD))

    def released(self) -> list[LocalPath]:
        self._database.run(_DROP_RETURNED)
        return self._paths("SELECT path FROM leaving WHERE released")

    def all(self) -> list[LocalPath]:
        return self._paths("SELECT path FROM leaving")

    def remove(self, path: LocalPath) -> None:
        self._database.run("DELETE FROM leaving WHERE path = ?", (path,))

    def _paths(self, query: str) -> list[LocalPath]:
        return [checks.path(path) for path in self._database.column(query)]


@checked
def _changed_page(row: sqlite3.Row) -> ChangedPage:
    return ChangedPage(
        url_id=checks.number(row["id"]),
        url=checks.url(row["url"]),
        content=checks.digest(row["content"]),
        standing=Standing(row["standing"]),
        status=checks.optional(checks.status, row["status"]),
        path=checks.optional(checks.path, row["path"]),
        digest=checks.optional(checks.digest, row["digest"]),
        reason=Reason(row["reason"]) if row["reason"] else None,
    )


_ADD_LEAVING: Final = (
    "INSERT INTO leaving (path, url_id, lost, released) VALUES (?, ?, ?, 0) "
    "ON CONFLICT (path) DO UPDATE SET lost = excluded.lost, released = 0"
)
_HAD_PAGE: Final = (
    f"{AT_LAST_COMPLETE.format('b')} AND b.path IS NOT NULL AND b.standing <> 'error' AND b.size > 0 AND b.digest IS NOT NULL "
    "AND b.media_type IN ('text/html', 'application/xhtml+xml') AND b.status NOT BETWEEN 300 AND 399"
)
_COUNT_PAGES: Final = f"SELECT count(*) FROM resources b WHERE {_HAD_PAGE}"
_CHANGED_PAGES: Final = (
    "SELECT u.id, u.url, b.digest AS content, n.standing, n.status, n.path, n.digest, f.reason "
    f"FROM resources n JOIN resources b ON b.url_id = n.url_id AND {_HAD_PAGE} "
    "JOIN urls u ON u.id = n.url_id LEFT JOIN frontier f ON f.url_id = n.url_id "
    f"WHERE n.until IS NULL AND n.since > {LAST_COMPLETE} "
    "AND (n.path IS NULL OR n.digest IS NOT b.digest) ORDER BY u.id"
)
_HAD_CONTENT: Final = (
    f"SELECT 1 FROM resources r WHERE r.digest = ? AND r.path IS NOT NULL AND {AT_LAST_COMPLETE.format('r')} LIMIT 1"
)
_HAS_CONTENT: Final = "SELECT 1 FROM resources WHERE digest = ? AND path IS NOT NULL AND until IS NULL LIMIT 1"
_DROP_RETURNED: Final = (  # another URL may have taken over the place
    "DELETE FROM leaving WHERE EXISTS (SELECT 1 FROM resources r WHERE r.path = leaving.path AND r.until IS NULL)"
)
_ACCEPT: Final = "UPDATE snapshots SET outcome = ?, finished = ? WHERE outcome = ?"
