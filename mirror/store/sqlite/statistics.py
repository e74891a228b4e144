"""What a snapshot shows, counted by several properties in one pass over its versions."""

from collections.abc import Callable
from typing import Final

from mirror.core.url.canonical import CanonicalURL
from mirror.store.manifest import checks
from mirror.store.manifest.checks import checked
from mirror.store.manifest.history_records import FileGroup, SnapshotStatistics
from mirror.store.sqlite.database import Database
from mirror.store.sqlite.queries import IS_SHOWN, IS_SHOWN_PAGE, RESOURCE, resource_of


@checked
def statistics(database: Database, snapshot_id: int, most: int) -> SnapshotStatistics:
    """As `interface.History.statistics` says. SQLite keeps what it read outside of this process's memory if it is much."""
    groups: dict[str, list[FileGroup]] = {name: [] for name in _NAMES}
    for row in database.rows(_GROUPS, {"at": snapshot_id}):
        name = checks.optional(_NAMES[row["what"]], row["name"])
        numbers = (checks.number(row[column]) for column in ("pages", "files", "size"))
        groups[row["what"]].append(FileGroup("" if name is None else str(name), *numbers))
    largest = [resource_of(row) for row in database.rows(_LARGEST, {"at": snapshot_id, "most": most})]
    slowest = _slowest(database, snapshot_id, most)
    return SnapshotStatistics(groups["type"], groups["host"], groups["depth"], groups["status"], largest, slowest)


def _slowest(database: Database, snapshot_id: int, most: int) -> list[tuple[CanonicalURL, int]]:
    if not database.scalar("SELECT 1 FROM sqlite_master WHERE name = 'latencies'"):
        return []  # an archive of an earlier version, to be read only
    rows = database.rows(_SLOWEST, {"at": snapshot_id, "most": most})
    return [(checks.url(row["url"]), checks.number(row["milliseconds"])) for row in rows]


_NAMES: Final[dict[str, Callable[[object], object]]] = {
    "type": checks.text,
    "host": checks.text,
    "depth": checks.number,
    "status": checks.status,
}
"""What is counted by -> the check of its values."""

_IS_FILE: Final = "path IS NOT NULL AND standing <> 'error' AND status NOT BETWEEN 300 AND 399"
_FILES: Final = (
    "SELECT '{}' AS what, {} AS name, sum(page) AS pages, sum(NOT page) AS files, sum(size) AS size "
    "FROM shown WHERE file GROUP BY name"
)
_GROUPS: Final = f"""
    WITH shown AS MATERIALIZED (
        SELECT size, media_type, status, depth, {_IS_FILE} AS file, coalesce({IS_SHOWN_PAGE}, 0) AS page,
            substr(url, 1, instr(url, '://') + 1 + instr(substr(url, instr(url, '://') + 3), '/')) AS origin
        FROM resources r JOIN urls ON urls.id = r.url_id LEFT JOIN frontier ON frontier.url_id = urls.id
        WHERE {IS_SHOWN}
    )
    SELECT * FROM ({_FILES.format("type", "media_type")} ORDER BY size DESC, name)
    UNION ALL SELECT * FROM ({_FILES.format("host", "origin")} ORDER BY size DESC, name)
    UNION ALL SELECT * FROM ({_FILES.replace("WHERE", "WHERE page AND").format("depth", "depth")} ORDER BY name)
    UNION ALL SELECT * FROM (
        SELECT 'status' AS what, status AS name, coalesce(sum(file AND page), 0) AS pages,
            count(*) - coalesce(sum(file AND page), 0) AS files, coalesce(sum(iif(file, size, 0)), 0) AS size
        FROM shown GROUP BY status ORDER BY status IS NULL, status
    )
"""
_SLOWEST: Final = (
    "SELECT u.url, l.milliseconds FROM latencies l JOIN resources r ON r.id = l.resource_id JOIN urls u ON u.id = r.url_id "
    f"WHERE {IS_SHOWN} ORDER BY l.milliseconds DESC, u.url LIMIT :most"
)
_LARGEST: Final = f"{RESOURCE} WHERE {IS_SHOWN} AND {_IS_FILE} ORDER BY r.size DESC, u.url LIMIT :most"
