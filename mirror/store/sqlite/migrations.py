"""Migrations: each turns the database of one version into the next one, in place."""

from collections.abc import Callable
from typing import Final

import sqlalchemy as sa

from mirror.store.sqlite.schema import schema

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


def _to_version_2(connection: sa.Connection) -> None:
    """Version 1 had only the current version of each URL; version 2 has earlier ones too."""
    for table in _VERSION_1:
        connection.exec_driver_sql(f"ALTER TABLE {table} RENAME TO {table}_1")
    for index in ("frontier_pending", "ix_links_target_id"):
        connection.exec_driver_sql(f"DROP INDEX IF EXISTS {index}")
    schema.create_all(connection)
    for statement in _TO_VERSION_2.split(";"):
        connection.exec_driver_sql(statement)
    for table in _VERSION_1:
        connection.exec_driver_sql(f"DROP TABLE {table}_1")


def _to_version_3(_: sa.Connection) -> None:
    """Version 3 has one more table, which `schema.create_all` adds."""


def _to_version_4(connection: sa.Connection) -> None:
    """Version 4 has three more tables, which `schema.create_all` adds, and the column `urls.same_as`.

    The migration from version 1 creates the tables of the newest version, so the column may be there already.
    """
    if "same_as" not in {row[1] for row in connection.exec_driver_sql("PRAGMA table_info(urls)")}:
        connection.exec_driver_sql("ALTER TABLE urls ADD COLUMN same_as INTEGER")
        connection.exec_driver_sql("CREATE INDEX urls_same_as ON urls (same_as) WHERE same_as IS NOT NULL")


MIGRATIONS: Final[dict[int, Callable[[sa.Connection], None]]] = {1: _to_version_2, 2: _to_version_3, 3: _to_version_4}
"""Version -> the migration to the next one. All run in one transaction."""
