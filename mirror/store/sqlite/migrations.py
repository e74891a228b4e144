"""Migrations: each yields the statements that turn the database of one version into the next one, in place."""

from collections.abc import Callable, Iterator
from typing import Any, Final

from mirror.store.sqlite.schema import CREATE, script

Query = Callable[[str], list[Any]]
"""Runs a query, and returns its rows."""

_VERSION_1: Final = ("snapshots", "urls", "frontier", "resources", "links")
_TO_VERSION_2: Final = """
    INSERT INTO snapshots
        SELECT id, started, finished, iif(finished IS NULL, 'incomplete', 'complete'), starts, options, NULL
        FROM snapshots_1;
    INSERT INTO urls (id, url, since, resolution)
        SELECT id, url, (SELECT coalesce(min(id), 0) FROM snapshots_1), resolution
        FROM urls_1;
    INSERT INTO frontier
        SELECT url_id, (SELECT coalesce(max(id), 0) FROM snapshots_1), state, roles, depth, guess, referrer_id, reason
        FROM frontier_1;
    INSERT INTO resources
        SELECT id, url_id, snapshot_id, NULL, snapshot_id,
            CASE
                WHEN path IS NOT NULL THEN iif(error IS NULL, 'present', 'kept')
                ELSE iif(status IN (404, 410), 'gone', 'failed')
            END,
            fetched, fetched, status, headers, digest, size, media_type, path, discovered_from, error, 1
        FROM resources_1;
    INSERT INTO links
        SELECT * FROM links_1
"""


def _to_version_2(_: Query) -> Iterator[str]:
    """Version 1 had only the current version of each URL; version 2 has earlier ones too."""
    yield from (f"ALTER TABLE {table} RENAME TO {table}_1" for table in _VERSION_1)
    yield from (f"DROP INDEX IF EXISTS {index}" for index in ("frontier_pending", "ix_links_target_id"))
    yield from CREATE
    yield from script(_TO_VERSION_2)
    yield from (f"DROP TABLE {table}_1" for table in _VERSION_1)


def _to_version_3(_: Query) -> Iterator[str]:
    """Version 3 has one more table, which `schema.CREATE` adds."""
    yield from ()


def _to_version_4(query: Query) -> Iterator[str]:
    """Version 4 has three more tables, which `schema.CREATE` adds, and the column `urls.same_as`.

    The migration from version 1 creates the tables of the newest version, so the column may be there already.
    """
    if "same_as" not in {row[1] for row in query("PRAGMA table_info(urls)")}:
        yield "ALTER TABLE urls ADD COLUMN same_as INTEGER"


def _to_version_5(_: Query) -> Iterator[str]:
    """Version 5 has an index of the paths of current versions, which `schema.CREATE` adds."""
    yield from ()


def _to_version_6(_: Query) -> Iterator[str]:
    """Version 6 has one more table, which `schema.CREATE` adds."""
    yield from ()


MIGRATIONS: Final[dict[int, Callable[[Query], Iterator[str]]]] = {
    1: _to_version_2,
    2: _to_version_3,
    3: _to_version_4,
    4: _to_version_5,
    5: _to_version_6,
}
"""Version -> the migration to the next one. All run in one transaction."""
