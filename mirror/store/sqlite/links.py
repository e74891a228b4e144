"""The links of current versions: those of documents, and those that a browser saw. Owns the table `links`."""

import json
import sqlite3
import sys
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from operator import attrgetter, itemgetter
from typing import Any, Final

from mirror.core.links.answers import Answer
from mirror.core.policy.scope import Reason
from mirror.core.syntax.reference import Kind, Reference
from mirror.core.url.canonical import CanonicalURL
from mirror.store.manifest import checks
from mirror.store.manifest.checks import checked
from mirror.store.manifest.history_records import LinkTarget
from mirror.store.manifest.records import Resource, State
from mirror.store.sqlite.queries import IS_SHOWN, IS_WHOLE, SEEN, Queries, Recent, Session, resource_of
from mirror.store.sqlite.schema import GIVEN, listed


class Links(Queries):
    """`interface.Links`."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._has_index: bool | None = None  # None: not known
        self._known: Recent[Any, tuple[int, Reference]] = Recent()  # by what a row says: many pages have the same links
        session.database.on_rollback.append(self._forget)

    def _forget(self) -> None:
        self._has_index = None
        self._known.clear()

    def of(self, resource: Resource) -> list[tuple[int, Reference]]:
        return self._references(resource, 0, sys.maxsize)

    def seen(self, resource: Resource) -> list[tuple[int, Reference]]:
        return self._references(resource, SEEN, sys.maxsize)

    def own(self, resource: Resource) -> list[tuple[int, Reference]]:
        """Return the links of the document."""
        return self._references(resource, 0, SEEN)

    @checked
    def _references(self, resource: Resource, first: int, end: int) -> list[tuple[int, Reference]]:
        rows = self._database.run(_LINKS, (resource.id, first, end)).fetchall()
        known, unknown = self._known.split(rows)
        if unknown:
            urls = {
                target: checks.url(url)
                for target, url in self._database.run(_URLS, listed([row[0] for row in unknown]))
            }
            read = {
                row: (row[0], Reference(urls[row[0]], _KINDS[row[1]], bool(row[2])))
                for row in unknown
                if row[0] in urls
            }
            self._known.update(read)
            known |= read
        return [known[row] for row in rows if row in known]

    def add_seen(self, resource: Resource, references: Sequence[tuple[int, Reference]]) -> None:
        known = set(self.of(resource))
        new = [one for one in dict.fromkeys(references) if one not in known]
        if new:
            first = self._database.run(_NEXT_SEEN, (SEEN - 1, resource.id)).fetchone()[0]
            self.add(resource.id, new, first)

    def loads_more(self, resource: Resource) -> bool:
        return self._database.run(_LOADS_MORE, (resource.id,)).fetchone() is not None

    def is_route(self, url_id: int) -> bool:
        return self.is_indexed() and self._database.run(_IS_ROUTE, (url_id,)).fetchone() is not None

    def is_seen_only(self, url_id: int) -> bool:
        return self.is_indexed() and self._database.run(_IS_SEEN_ONLY, (url_id, url_id)).fetchone() is not None

    def seen_on(self, url_id: int, most: int) -> list[int]:
        rows = self._database.run(_SEEN_ON, (url_id, most)) if self.is_indexed() else ()
        return [checks.number(row[0]) for row in rows]

    def write(self, resource_id: int, references: Sequence[tuple[int, Reference]]) -> None:
        """Replace the links of the document."""
        self._database.run("DELETE FROM links WHERE resource_id = ? AND position < ?", (resource_id, SEEN))
        self.add(resource_id, references)

    def is_indexed(self) -> bool:
        if self._has_index is None:
            self._has_index = self._database.run(_HAS_INDEX).fetchone() is not None
        return self._has_index

    def build_index(self) -> None:
        """As the interface says. Building the index once takes a sixth of the time of keeping it during a first run."""
        if not self.is_indexed():
            self._database.run(_INDEX)
            self._has_index = True

    def add(self, resource_id: int, references: Sequence[tuple[int, Reference]], first: int = 0) -> None:
        """Store the links of the document of a version that has none yet, or others with positions from `first` on.

        One statement stores all that follow each other and are of one kind.
        """
        uses = map(_USE_OF, map(_REFERENCE, references))
        for (kind, guess), run in groupby(zip(uses, references, strict=True), key=itemgetter(0)):
            targets = [target for _, (target, _) in run]
            self._database.run(_ADD_LINKS, (resource_id, first, str(kind), guess, *listed(targets)))
            first += len(targets)

    def forget_seen(self, resource_id: int) -> None:
        """Delete everything that a browser found out about a version."""
        for statement in _FORGET_SEEN:
            self._database.run(statement, (resource_id,))

    def targets(self, urls: Sequence[CanonicalURL], snapshot_id: int) -> dict[CanonicalURL, LinkTarget]:
        rows = self._database.rows(_TARGETS, {"given": json.dumps(urls), "at": snapshot_id})
        return {checks.url(row["url"]): _target(row) for row in rows}

    def answers(self, since: str, until: str) -> dict[CanonicalURL, Answer]:
        if not self._database.scalar("SELECT 1 FROM sqlite_master WHERE name = 'answers'"):
            return {}  # an archive of an earlier version, to be read only
        return {answer.url: answer for answer in map(_answer, self._database.rows(_ANSWERS, (since, until)))}

    def keep_answers(self, answers: Iterable[Answer], asked: str) -> None:
        for one in answers:
            words = (asked, one.status, one.error, one.instead, one.is_forbidden, one.url)
            self._database.run(_KEEP_ANSWER, words)

    def canonicals(self) -> list[tuple[CanonicalURL, CanonicalURL]]:
        return [(checks.url(url), checks.url(target)) for url, target in self._database.run(_CANONICALS).fetchall()]


@checked
def _answer(row: sqlite3.Row) -> Answer:
    return Answer(
        checks.url(row["url"]),
        checks.optional(checks.status, row["status"]),
        checks.optional(checks.text, row["error"]),
        checks.optional(checks.url, row["instead"]),
        bool(row["forbidden"]),
    )


_ANSWERS: Final = "SELECT a.*, u.url FROM answers a JOIN urls u ON u.id = a.url_id WHERE a.asked > ? AND a.asked <= ?"
_KEEP_ANSWER: Final = (
    "INSERT OR REPLACE INTO answers (url_id, asked, status, error, instead, forbidden) "
    "SELECT id, ?, ?, ?, ?, ? FROM urls WHERE url = ?"
)


@checked
def _target(row: sqlite3.Row) -> LinkTarget:
    return LinkTarget(
        checks.number(row["known_id"]),
        None if row["id"] is None else resource_of(row),
        None if row["state"] is None else State(row["state"]),
        None if row["reason"] is None else Reason(row["reason"]),
        checks.optional(checks.text, row["rule"]),
        checks.optional(checks.url, row["same_as"]),
    )


_TARGETS: Final = (
    "SELECT r.*, u.url, u.id AS known_id, s.url AS same_as, f.state, f.reason, ru.rule "
    f"FROM urls u LEFT JOIN resources r ON r.url_id = u.id AND {IS_SHOWN} "
    "LEFT JOIN urls s ON s.id = u.same_as LEFT JOIN frontier f ON f.url_id = u.id LEFT JOIN rules ru ON ru.url_id = u.id "
    f"WHERE u.url IN {GIVEN}"
)
_REFERENCE: Final[Callable[[tuple[int, Reference]], Reference]] = itemgetter(1)
_USE_OF: Final[Callable[[Reference], tuple[Kind, bool]]] = attrgetter("kind", "guess")
_CANONICALS: Final = (  # the canonical URL may itself be an alias from an earlier run: its payload is known
    "SELECT u.url, cu.url FROM links l JOIN resources r ON r.id = l.resource_id JOIN urls u ON u.id = r.url_id "
    "JOIN resources c ON c.url_id = l.target_id AND c.until IS NULL AND c.digest = r.digest AND c.status = 200 "
    "JOIN urls cu ON cu.id = c.url_id AND (c.path IS NOT NULL OR cu.same_as IS NOT NULL) "
    f"WHERE l.kind = 'canonical' AND {IS_WHOLE} ORDER BY r.id, l.position"
)
_ADD_LINKS: Final = (
    "INSERT INTO links (resource_id, position, target_id, kind, guess) SELECT ?, ? + key, value, ?, ? FROM json_each(?)"
)
_HAS_INDEX: Final = "SELECT 1 FROM sqlite_master WHERE name = 'ix_links_target_id'"
_INDEX: Final = "CREATE INDEX IF NOT EXISTS ix_links_target_id ON links (target_id)"
_LINKS: Final = (
    "SELECT target_id, kind, guess FROM links "
    "WHERE resource_id = ? AND position >= ? AND position < ? ORDER BY position"
)
_URLS: Final = "SELECT id, url FROM urls WHERE id IN (SELECT value FROM json_each(?))"
_IS_ROUTE: Final = f"SELECT 1 FROM links WHERE target_id = ? AND kind = '{Kind.ROUTE}' LIMIT 1"
_IS_SEEN_ONLY: Final = (
    f"SELECT 1 FROM links WHERE target_id = ? AND position >= {SEEN} AND NOT EXISTS ("
    f"SELECT 1 FROM links WHERE target_id = ? AND position < {SEEN} AND NOT guess) LIMIT 1"
)
_SEEN_ON: Final = (
    "SELECT r.url_id FROM links l JOIN resources r ON r.id = l.resource_id "
    f"WHERE l.target_id = ? AND l.position >= {SEEN} AND r.until IS NULL LIMIT ?"
)
_NEXT_SEEN: Final = "SELECT max(coalesce(max(position), 0), ?) + 1 FROM links WHERE resource_id = ?"
_LOADS_MORE: Final = (
    f"SELECT 1 FROM links l WHERE l.resource_id = ? AND l.position >= {SEEN} AND l.kind = 'requisite' "
    "AND EXISTS (SELECT 1 FROM frontier f WHERE f.url_id = l.target_id AND f.roles <> 0) AND NOT EXISTS ("
    f"SELECT 1 FROM links o WHERE o.target_id = l.target_id AND o.position < {SEEN} AND NOT o.guess) LIMIT 1"
)
_FORGET_SEEN: Final = (
    f"DELETE FROM links WHERE resource_id = ? AND position >= {SEEN}",
    "DELETE FROM renderings WHERE resource_id = ?",
    "DELETE FROM needs WHERE resource_id = ?",
)


_KINDS: Final = {str(kind): kind for kind in Kind}
