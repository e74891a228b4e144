"""Decisions about URLs, and what the program stores about itself: rules, aliases, traps, needs, tombstones, facts."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, Final

from mirror.core.url.canonical import CanonicalURL
from mirror.store.manifest import checks
from mirror.store.sqlite.queries import DOM, IS_WHOLE, Queries


class Decisions(Queries):
    """`interface.Decisions`."""

    def set_rule(self, url_id: int, rule: str) -> None:
        self._database.run(_SET_RULE, (url_id, rule))

    def tombstones(self) -> list[str]:
        return self._database.column("SELECT url FROM tombstones")

    def set_aliases(self, pairs: Sequence[tuple[int, int | None]]) -> None:
        self._database.run_many(_SET_ALIAS, [(target, url_id) for url_id, target in pairs])

    def is_alias(self, url_id: int) -> bool:
        found = self._database.run("SELECT same_as FROM urls WHERE id = ?", (url_id,)).fetchone()
        return bool(found and found[0] is not None)

    def aliases_of(self, url_id: int) -> list[int]:
        return [row[0] for row in self._database.run("SELECT id FROM urls WHERE same_as = ?", (url_id,)).fetchall()]

    def sampled(self) -> list[tuple[int, CanonicalURL, int]]:
        rows = self._database.run(_SAMPLED, (self._run_id,)).fetchall()
        return [(url_id, checks.url(url), plain_id) for url_id, url, plain_id in rows]

    def aliases(self) -> list[int]:
        return [row[0] for row in self._database.run(_ALIASES).fetchall()]

    def same_contents(self) -> Iterator[list[CanonicalURL]]:
        rows = self._database.run(_SAME_CONTENTS).fetchall()
        for _, group in groupby(rows, key=itemgetter(0)):
            yield [checks.url(url) for _, url in group]

    def families(self) -> dict[str, dict[str, Any]]:
        rows = self._database.rows("SELECT key, state FROM families")
        return {key: checks.mapping(checks.read_json(state)) for key, state in rows}

    def save_families(self, changed: Mapping[str, Mapping[str, Any]], gone: Sequence[str]) -> None:
        self._database.run_many(_SAVE_FAMILY, [(key, json.dumps(state)) for key, state in changed.items()])
        self._database.run_many("DELETE FROM families WHERE key = ?", [(key,) for key in gone])

    def forget_families(self) -> None:
        self._database.run("DELETE FROM families")

    def fact(self, name: str) -> str | None:
        found = self._database.scalar("SELECT value FROM facts WHERE name = ?", (name,))
        return None if found is None else str(found)

    def set_fact(self, name: str, value: str) -> None:
        self._database.run("INSERT OR REPLACE INTO facts (name, value) VALUES (?, ?)", (name, value))

    def add_needs(self, resource_id: int, reasons: Iterable[str]) -> None:
        known = self._database.run("SELECT why FROM needs WHERE resource_id = ?", (resource_id,)).fetchone()
        all_reasons = {*(known[0].split(", ") if known else ()), *reasons}
        if all_reasons:
            row = (resource_id, ", ".join(sorted(all_reasons)))
            self._database.run("INSERT OR REPLACE INTO needs (resource_id, why) VALUES (?, ?)", row)

    def needing(self, max_count: int) -> tuple[int, list[tuple[CanonicalURL, str]]]:
        count = int(self._database.run(_NEEDING.format("count(*)"), ()).fetchone()[0])
        query = _NEEDING.format("u.url, n.why") + " ORDER BY u.id LIMIT ?"
        rows = self._database.run(query, (max_count,)) if count else ()
        return count, [(checks.url(url), why) for url, why in rows]


_SET_ALIAS: Final = "UPDATE urls SET same_as = ? WHERE id = ?"
_SAMPLED: Final = (
    "SELECT u.id, u.url, u.same_as FROM urls u JOIN frontier f ON f.url_id = u.id "
    "WHERE u.same_as IS NOT NULL AND f.snapshot_id + 0 = ? AND f.roles <> 0 ORDER BY u.id"
)
_SAME_CONTENTS: Final = (
    "SELECT r.digest, u.url FROM resources r JOIN urls u ON u.id = r.url_id "
    f"WHERE {IS_WHOLE} AND r.size > 0 AND r.digest IN (SELECT digest FROM resources WHERE until IS NULL AND status = 200 "
    "GROUP BY digest HAVING count(*) > 1) ORDER BY r.digest, u.url"
)
_ALIASES: Final = (
    "SELECT u.id FROM urls u JOIN resources r ON r.url_id = u.id AND r.until IS NULL WHERE u.same_as IS NOT NULL"
)
_SAVE_FAMILY: Final = "INSERT OR REPLACE INTO families (key, state) VALUES (?, ?)"
_SET_RULE: Final = "INSERT OR REPLACE INTO rules (url_id, rule) VALUES (?, ?)"
_NEEDING: Final = (
    "SELECT {} FROM needs n JOIN resources r ON r.id = n.resource_id JOIN urls u ON u.id = r.url_id "
    f"WHERE r.until IS NULL AND r.path IS NOT NULL AND {DOM.format('r.id')} IS NULL"
)
