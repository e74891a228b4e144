"""Collects what is wrong with the links of a snapshot, in a temporary database: memory does not grow with their number.

Input: the `documents.Findings` of all documents. Output: `problems.Finding`s, sorted by kind and target. SQLite deletes the
database when it is closed.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from types import TracebackType
from typing import Any, Final, Self

from mirror.core.links.answers import Answer, judged
from mirror.core.links.fragments import leads_somewhere
from mirror.core.links.problems import Finding, Place, Problem
from mirror.core.url.canonical import CanonicalURL
from mirror.core.url.local_paths import LocalPath
from mirror.store.disk.errors import StorageError
from mirror.store.links.documents import Findings, Row
from mirror.store.manifest.records import Resource

_SCHEMA: Final = """
    PRAGMA journal_mode = OFF;
    PRAGMA synchronous = OFF;
    CREATE TABLE pages (id INTEGER PRIMARY KEY, url TEXT, path TEXT, digest TEXT, kind INTEGER);
    CREATE TABLE names (id INTEGER PRIMARY KEY, names TEXT);
    CREATE TABLE wanted (id INTEGER, target TEXT, fragment TEXT, page INTEGER, line INTEGER, col INTEGER, written TEXT);
    CREATE TABLE named (id INTEGER, page INTEGER, line INTEGER, col INTEGER, written TEXT);
    CREATE TABLE linked (id INTEGER PRIMARY KEY);
    CREATE TABLE unasked (
        url TEXT, leaves BOOLEAN, page INTEGER, line INTEGER, col INTEGER, written TEXT
    );
    CREATE TABLE problems (
        kind TEXT, target TEXT, reason TEXT, status INTEGER, instead TEXT,
        page INTEGER, line INTEGER, col INTEGER, written TEXT
    )
"""
_DOCUMENT, _PAGE, _START = range(3)


class Collection:
    """Everything that is wrong with the links of a snapshot. To be used with `with`."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.row_factory = sqlite3.Row
        self._database.executescript(_SCHEMA)
        self.links = 0
        self.pages = 0
        self.unread: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._database.close()
        if isinstance(error, sqlite3.OperationalError):
            where = "the folder for temporary files is full or can't be written: SQLITE_TMPDIR or TMPDIR names another"
            raise StorageError(f"{where} ({error})") from error

    def add_documents(self, documents: Sequence[Resource], *, are_pages: bool) -> None:
        """Add documents that are read; pages are also those that a reader opens, and not a frame or a style."""
        self.pages += are_pages and len(documents)
        kind = _PAGE if are_pages else _DOCUMENT
        rows = ((one.url_id, one.url, one.path, one.digest, kind) for one in documents)
        self._many("INSERT OR REPLACE INTO pages VALUES (?, ?, ?, ?, ?)", rows)

    def add_start(self, url_id: int) -> None:
        """Say that nobody has to link to a page."""
        self._database.execute("UPDATE pages SET kind = ? WHERE id = ?", (_START, url_id))

    def add(self, found: Findings) -> None:
        """Add what was found in some documents."""
        self.links += found.links
        self.unread += found.unread
        self.add_problems(found.problems)
        self._many("INSERT INTO wanted VALUES (?, ?, ?, ?, ?, ?, ?)", found.wanted)
        self._many("INSERT INTO named VALUES (?, ?, ?, ?, ?)", found.named)
        self._many("UPDATE pages SET digest = id WHERE id = ?", ((one,) for one in found.named_elsewhere))
        self._many("INSERT OR IGNORE INTO linked VALUES (?)", ((one,) for one in found.linked))
        self._many("INSERT OR REPLACE INTO names VALUES (?, ?)", found.names)
        self._many("INSERT INTO unasked VALUES (?, ?, ?, ?, ?, ?)", found.unasked)

    def add_problems(self, rows: Sequence[Row]) -> None:
        """Add problems."""
        self._many("INSERT INTO problems VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)

    def finish(self) -> None:
        """Find what is known only now: fragments without a place, pages to which no page links, and pages that are equal."""
        self._database.execute("CREATE INDEX by_target ON problems (kind, target)")
        self._database.execute("CREATE INDEX by_url ON unasked (url)")
        self._add_fragments()
        self._database.execute(_ADD_ORPHANS, (Problem.ORPHAN, _PAGE))
        self._database.execute(_ADD_DUPLICATES, (Problem.DUPLICATE, _PAGE))

    def _add_fragments(self) -> None:
        for url_id, rows in groupby(self._database.execute(_WANTED), key=itemgetter("id")):
            known = self._database.execute("SELECT names FROM names WHERE id = ?", (url_id,)).fetchone()
            if known is None:
                continue  # a page that could not be read
            names = set(json.loads(known["names"]))
            judged: dict[str, bool] = {}
            for row in rows:
                fragment = row["fragment"]
                if fragment not in judged:
                    judged[fragment] = leads_somewhere(fragment, names)
                if not judged[fragment]:
                    reason = f"no element has the id or name {fragment!r}"
                    place = (row["page"], row["line"], row["col"], row["written"])
                    self.add_problems([(Problem.FRAGMENT, row["target"], reason, None, None, *place)])

    def unasked(self, *, leaving: bool) -> list[CanonicalURL]:
        """Return the URLs that the mirror does not have: those that leave it, or those that it left out."""
        rows = self._database.execute("SELECT DISTINCT url FROM unasked WHERE leaves = ? ORDER BY url", (leaving,))
        return [CanonicalURL(row["url"]) for row in rows]

    def count_leaving(self) -> int:
        """Return how many links leave the mirror."""
        return int(self._database.execute("SELECT count(*) FROM unasked WHERE leaves").fetchone()[0])

    def add_answers(self, answers: Iterable[Answer]) -> None:
        """Judge URLs that the mirror does not have by what their servers said. They are no longer skipped."""
        for answer in answers:
            self._database.execute("DELETE FROM problems WHERE kind = ? AND target = ?", (Problem.SKIPPED, answer.url))
            found = judged(answer)
            if found:
                words = (*found, answer.status, answer.instead, answer.url)
                self._database.execute(_ADD_ANSWER, words)

    def findings(self, kinds: Iterable[Problem]) -> Iterator[Finding]:
        """Iterate over the problems of some kinds, those of one kind and target together."""
        for kind in kinds:
            rows = self._database.execute(_PROBLEMS, (kind,))
            for target, group in groupby(rows, key=itemgetter("target")):
                yield _finding(kind, target, list(group))

    def _many(self, statement: str, rows: Any) -> None:
        self._database.execute("BEGIN")
        self._database.executemany(statement, rows)
        self._database.execute("COMMIT")


def _finding(kind: Problem, target: str, rows: Sequence[sqlite3.Row]) -> Finding:
    first = rows[0]
    places = [
        Place(CanonicalURL(row["url"]), row["line"], row["col"], row["written"], row["path"] and LocalPath(row["path"]))
        for row in rows
        if row["url"]
    ]
    return Finding(kind, target, first["reason"], first["status"], first["instead"], places)


_ADD_ANSWER: Final = (
    "INSERT INTO problems SELECT ?1, url, ?2, ?3, ?4, page, line, col, written FROM unasked WHERE url = ?5"
)
_WANTED: Final = "SELECT * FROM wanted ORDER BY id, fragment"
_ADD_ORPHANS: Final = """
    INSERT INTO problems
    SELECT ?, p.url, iif(n.id IS NULL, 'no page links to it', 'only a feed or a sitemap names it'), NULL, NULL,
        n.page, n.line, n.col, n.written
    FROM pages p LEFT JOIN named n ON n.id = p.id
    WHERE p.kind = ? AND p.id NOT IN (SELECT id FROM linked)
"""
_ADD_DUPLICATES: Final = """
    INSERT INTO problems
    SELECT ?, first, number || ' URLs have this page', NULL, NULL, id, 0, 0, ''
    FROM (
        SELECT id, url, min(url) OVER same AS first, count(*) OVER same AS number
        FROM pages WHERE kind >= ?
        WINDOW same AS (PARTITION BY digest)
    ) WHERE number > 1 AND url <> first
"""
_PROBLEMS: Final = (
    "SELECT problems.*, pages.url, pages.path FROM problems LEFT JOIN pages ON pages.id = problems.page "
    "WHERE problems.kind = ? ORDER BY target, pages.url, line, col"
)
