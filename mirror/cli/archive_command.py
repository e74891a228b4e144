"""What the commands about archives share: how they open an archive to read it, find a snapshot, and say what is missing."""

import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from mirror.core.policy.clock import latest_credible
from mirror.core.url.local_paths import Names
from mirror.reports.exit_codes import Exit
from mirror.reports.times import clock_warning, format_time
from mirror.store.archive_reader import ArchiveReader
from mirror.store.disk.errors import storing
from mirror.store.manifest.history_records import SnapshotInfo
from mirror.store.manifest.records import Outcome
from mirror.terminal.console import exit_with_error, print_message


def utc_now() -> datetime:
    return datetime.now(UTC)


@contextmanager
def open_reader(folder: str) -> Iterator[ArchiveReader]:
    """Open the archive in a folder to read its history, and close it again. Raises `StorageError`."""
    root = Path(folder).expanduser()
    with storing(root), closing(ArchiveReader(root)) as archive:
        yield archive


def warn_about_clock(archive: ArchiveReader) -> None:
    """Print a warning if a run began in the future."""
    now = utc_now().isoformat(timespec="seconds")
    print_message(clock_warning(archive.manifest.runs.after(latest_credible(now)), now))


def renamed(count: int, names: Names) -> str:
    """Say that files got other names; nothing if they did not."""
    if not count:
        return ""
    files = "1 file was" if count == 1 else f"{count:,} files were"
    return f"{files} renamed, without fetching: the names of this archive are {names} now\n"


def missing_objects(count: int) -> str:
    """Say that files could not be made, and what to do."""
    files = "1 file" if count == 1 else f"{count:,} files"
    return f"{files} can't be made, because the archive lacks what was received: `verify --repair` fetches it again\n"


def find_snapshot(archive: ArchiveReader, name: str) -> SnapshotInfo:
    """The snapshot that the user names by its number, a time or `latest`; an unknown one ends the program."""
    found = archive.history.find(name)
    if found is None and _TIME.fullmatch(name):
        found = _newest_at(archive, name)
    if found is None:
        listed = archive.history.snapshots()
        known = (
            f"from {listed[0].id} to {listed[-1].id}"
            if len(listed) > 1
            else str(listed[0].id)
            if listed
            else "none yet"
        )
        exit_with_error(
            f"there is no snapshot {name!r}: give a number ({known}), a time such as 2026-11-24, or latest", Exit.USAGE
        )
    return found


def _newest_at(archive: ArchiveReader, time: str) -> SnapshotInfo | None:
    """The newest complete snapshot that began before a time at which none began, and say which; `None` if there is none."""
    before = [
        one
        for one in archive.history.snapshots()
        if one.outcome is Outcome.COMPLETE and one.started[: len(time)] < time.replace(" ", "T")
    ]
    if not before:
        return None
    print_message(f"No snapshot is of {time}: this is {before[-1].id}, of {format_time(before[-1].started)}\n")
    return before[-1]


_TIME: Final = re.compile(r"\d{4}-\d\d(?:-\d\d(?:[ T]\d\d(?::\d\d){0,2})?)?")
"""A time as a user writes it, or the beginning of one."""


def write_report(file: str, page: str) -> None:
    """Write a page of HTML to the file that the user names; if that fails, the program ends."""
    place = Path(file).expanduser()
    try:
        place.write_text(page, encoding="utf-8")
    except OSError as error:
        exit_with_error(f"{place}: {error.strerror}", Exit.STORAGE)
