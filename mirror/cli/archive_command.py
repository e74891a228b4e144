"""What the commands about archives share: how they open an archive to read it, find a snapshot, and say what is missing."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from mirror.core.policy.clock import latest_credible
from mirror.core.url.local_paths import Names
from mirror.reports.exit_codes import Exit
from mirror.reports.times import clock_warning
from mirror.store.archive_reader import ArchiveReader
from mirror.store.disk.errors import storing
from mirror.store.manifest.history_records import SnapshotInfo
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
    if found is None:
        known = ", ".join(str(one.id) for one in archive.history.snapshots()[-10:]) or "none yet"
        exit_with_error(
            f"there is no snapshot {name!r}: give a number ({known}), a time such as 2026-11-24, or latest", Exit.USAGE
        )
    return found


def write_report(file: str, page: str) -> None:
    """Write a page of HTML to the file that the user names; if that fails, the program ends."""
    place = Path(file).expanduser()
    try:
        place.write_text(page, encoding="utf-8")
    except OSError as error:
        exit_with_error(f"{place}: {error.strerror}", Exit.STORAGE)
