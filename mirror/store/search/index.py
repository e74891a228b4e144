"""The search index as a whole: adding and removing texts, finding them, and leaving no trace of what was removed."""

import json
import unicodedata
import zlib
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Final

from mirror.core.search import words
from mirror.core.search.page_text import SEPARATE_LINES, PageText, Part
from mirror.core.search.query import Query
from mirror.core.search.words import searchable
from mirror.store.disk.objects import Digest, as_digest
from mirror.store.search.database import DamagedIndexError, SearchDatabase
from mirror.store.search.match import expression, in_headings

TextKey = tuple[Digest, str]
"""What a text is known by: its object, and the kind of document that the object was read as. Bytes may be read as several."""

Text = tuple[Digest, str, PageText]
"""The same, and the text."""

_RULES: Final = f"{words.VERSION} {unicodedata.unidata_version}"
"""The rules by which texts became words. They have to be the same when a text is removed."""

_AT_A_TIME: Final = 500
_MANY: Final = 5000
_MOST_RANKED: Final = 20_000
"""Texts that are compared for one search. More take longer than a user should wait, and words of so many say little."""

_LONGEST: Final = 64 << 20  # bytes of the lines of a text
_MOST_LINES: Final = SEPARATE_LINES + 100


class SearchIndex:
    """The index in the folder `.mirror`. Raises `StorageError`, `DamagedIndexError` if it has to be made again."""

    def __init__(self, kept: Path, *, read_only: bool = False) -> None:
        self._database = SearchDatabase(kept, read_only=read_only)
        try:
            self._check_rules(read_only=read_only)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self._database.close()

    def _check_rules(self, *, read_only: bool) -> None:
        found = self._fact("rules")
        if found is None and not read_only:
            with self._database.transaction():
                self._database.run("INSERT OR IGNORE INTO facts VALUES ('rules', ?)", (_RULES,))
        elif found != _RULES:
            raise DamagedIndexError("the search index was made by other rules")

    # --- what is there -------------------------------------------------------------------------------------------------

    @property
    def state(self) -> str | None:
        """The state of the manifest (`Retention.state`) that the index is of; `None` if it is not up to date."""
        return self._fact("state")

    def set_state(self, state: str) -> None:
        with self._database.transaction():
            self._database.run("INSERT OR REPLACE INTO facts VALUES ('state', ?)", (state,))

    def missing(self, texts: Collection[TextKey]) -> list[TextKey]:
        """Return those of these texts that are not in the index, each once."""
        wanted = json.dumps([digest for digest, _ in texts])
        known = set(self._database.all(f"SELECT digest, kind FROM texts WHERE digest IN {_GIVEN}", (wanted,)))
        return [text for text in dict.fromkeys(texts) if text not in known]

    def digests(self) -> Iterator[list[Digest]]:
        """Yield the digests of all texts, some at a time. The caller may remove those that it has got."""
        last = 0
        while rows := self._database.all(_SOME, (last,)):
            yield [_digest(digest) for _, digest in rows]
            last = rows[-1][0]

    def text(self, key: TextKey) -> PageText | None:
        """Return a text; `None` if it is not in the index."""
        found = self._database.scalar(_BODY, key)
        return None if found is None else _unpacked(found)

    def damage(self) -> str | None:
        """Return the first damage that SQLite finds in the file; `None` if there is none."""
        found = self._database.scalar("PRAGMA integrity_check(1)")
        return None if found == "ok" else " ".join(str(found).split())

    # --- writing -------------------------------------------------------------------------------------------------------

    def add(self, texts: Sequence[Text], needed: Callable[[Sequence[Digest]], set[Digest]]) -> None:
        """Add texts. Those that are there already stay as they are.

        `needed` returns the digests that are still needed. It is asked when no other process can write any more: a text that
        was forgotten since it was read must not come back.
        """
        with self._database.transaction():
            new = set(self.missing([(digest, kind) for digest, kind, _ in texts]))
            wanted = needed([digest for digest, _ in new])
            for digest, kind, text in texts:
                if (digest, kind) in new and digest in wanted:
                    self._add(digest, kind, text)
                    new.discard((digest, kind))

    def _add(self, digest: Digest, kind: str, text: PageText) -> None:
        added = self._database.run("INSERT INTO texts (digest, kind) VALUES (?, ?)", (digest, kind)).lastrowid
        self._database.run("INSERT INTO bodies VALUES (?, ?)", (added, _packed(text)))
        self._database.run(_INSERT, (added, *_columns(text)))

    def remove(self, digests: Sequence[Digest]) -> None:
        """Remove the texts of these objects."""
        with self._database.transaction():
            self._database.run("INSERT OR REPLACE INTO facts VALUES ('traces', '1')")
            for number, body in self._database.all(_BODIES, (json.dumps(digests),)):
                self._database.run(_DELETE, (number, *_columns(_unpacked(body))))
                self._database.run("DELETE FROM bodies WHERE id = ?", (number,))
                self._database.run("DELETE FROM texts WHERE id = ?", (number,))

    def leave_no_trace(self) -> bool:
        """Rewrite the file without what was removed; return False if a process that reads keeps the log from being emptied."""
        if self._fact("traces") is None:
            return True
        with self._database.transaction():
            self._database.run("INSERT INTO words(words) VALUES ('optimize')")
        self._database.run("VACUUM")
        if not self.checkpoint():
            return False
        with self._database.transaction():
            self._database.run("DELETE FROM facts WHERE name = 'traces'")
        return True

    def checkpoint(self) -> bool:
        """Move the log (WAL) into the file and empty it; return False if a process still needs it."""
        return not self._database.scalar("PRAGMA wal_checkpoint(TRUNCATE)")

    # --- finding -------------------------------------------------------------------------------------------------------

    def find(
        self, query: Query, kinds: Sequence[str] = (), among: Collection[Digest] | None = None
    ) -> Iterator[list[TextKey]]:
        """Yield the texts that match, the best first, some at a time.

        With `kinds`, only texts of these are found, and with `among`, only those of these objects. If too many texts match to
        compare them all, those with all words in the title or the headings come first; then one may come twice.
        """
        condition, more = ("", ()) if among is None else (_among(query, among), (json.dumps(list(among)),))
        whole = expression(query)
        are_few = among is not None or self._are_few(whole)
        for part in (whole,) if are_few else (in_headings(query), whole):
            order = "ORDER BY rank" if are_few or (part != whole and self._are_few(part)) else ""
            values = (part, json.dumps(kinds), len(kinds), *more)
            for rows in self._database.rows(f"{_FIND}{condition} {order}", values):
                yield [_key(*row) for row in rows]

    def _are_few(self, match: str) -> bool:
        """Return whether few enough texts match to be compared with each other."""
        return int(self._database.scalar(_COUNT, (match, _MOST_RANKED + 1))) <= _MOST_RANKED

    def find_any(self, query: Query, kinds: Sequence[str] = ()) -> Iterator[list[TextKey]]:
        """Do the same in any order, many at a time. This takes less time."""
        for rows in self._database.rows(_FIND, (expression(query), json.dumps(kinds), len(kinds)), _MANY):
            yield [_key(*row) for row in rows]

    def matching(self, query: Query, digests: Collection[Digest]) -> set[TextKey]:
        """Return those of the texts of these objects that match."""
        values = (expression(query), json.dumps(list(digests)))
        rows = self._database.all(f"{_MATCHING}{_among(query, digests)}", values)
        return {_key(*row) for row in rows}

    def _fact(self, name: str) -> str | None:
        found = self._database.scalar("SELECT value FROM facts WHERE name = ?", (name,))
        return None if found is None else str(found)


_GIVEN: Final = "(SELECT value FROM json_each(?))"
_SOME: Final = f"SELECT id, digest FROM texts WHERE id > ? ORDER BY id LIMIT {_AT_A_TIME}"
_BODY: Final = "SELECT lines FROM bodies JOIN texts USING (id) WHERE digest = ? AND kind = ?"
_BODIES: Final = f"SELECT id, lines FROM bodies JOIN texts USING (id) WHERE digest IN {_GIVEN}"
_INSERT: Final = "INSERT INTO words (rowid, title, headings, body) VALUES (?, ?, ?, ?)"
_DELETE: Final = "INSERT INTO words (words, rowid, title, headings, body) VALUES ('delete', ?, ?, ?, ?)"
_FIND: Final = (
    "SELECT digest, kind FROM words JOIN texts ON texts.id = words.rowid "
    f"WHERE words MATCH ? AND (kind IN {_GIVEN} OR ? = 0)"
)
_COUNT: Final = "SELECT count(*) FROM (SELECT 1 FROM words WHERE words MATCH ? LIMIT ?)"
_MATCHING: Final = "SELECT digest, kind FROM words JOIN texts ON texts.id = words.rowid WHERE words MATCH ?"
_MOST_SOUGHT: Final = 200


def _among(query: Query, digests: Collection[Digest]) -> str:
    """Return the condition that finds only some objects.

    FTS5 seeks each of them, unless a plus forbids that: then it goes through all matches. That is faster for many objects, and
    for the beginning of a word, which FTS5 would look up again for each of them.
    """
    is_slow = any(term.is_prefix for term in (*query.terms, *query.unwanted))
    plus = "+" if is_slow or len(digests) > _MOST_SOUGHT else ""
    return f" AND {plus}words.rowid IN (SELECT id FROM texts WHERE digest IN {_GIVEN})"


def _columns(text: PageText) -> tuple[str, ...]:
    return tuple(searchable(text.part(part)) for part in (Part.TITLE, Part.HEADING, Part.BODY))


def _packed(text: PageText) -> bytes:
    return zlib.compress("\n".join(f"{part}{line}" for part, line in text.lines).encode())


def _unpacked(body: object) -> PageText:
    """Read the lines of a text. A value that can't be right is damage."""
    if not isinstance(body, bytes):
        raise DamagedIndexError("the search index has a text that can't be read")
    try:
        unpacker = zlib.decompressobj()
        text = unpacker.decompress(body, _LONGEST).decode()
        if not unpacker.eof:
            raise DamagedIndexError("the search index has a text that is cut off")
        lines = text.split("\n", _MOST_LINES)
        if len(lines) > _MOST_LINES:
            raise DamagedIndexError("the search index has a text of more lines than there can be")
        return PageText(tuple((Part(line[0]), line[1:]) for line in lines if line))
    except (zlib.error, ValueError) as error:
        raise DamagedIndexError("the search index has a text that can't be read") from error


def _key(digest: object, kind: object) -> TextKey:
    if not isinstance(kind, str):
        raise DamagedIndexError("the search index has a kind that is none")
    return _digest(digest), kind


def _digest(value: object) -> Digest:
    found = as_digest(value) if isinstance(value, str) else None
    if found is None:
        raise DamagedIndexError("the search index has a digest that is none")
    return found
