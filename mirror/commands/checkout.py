"""`websucker checkout DIR SNAPSHOT TARGET`: write a snapshot into a folder of its own."""

from argparse import Namespace
from pathlib import Path

from mirror.cli.archive_command import find_snapshot, missing_objects
from mirror.cli.open_archive import open_archive
from mirror.core.url.local_paths import Names
from mirror.reports.exit_codes import Exit
from mirror.store.checkout import check_out
from mirror.store.index_page import INDEX
from mirror.terminal.console import print_message


def run(given: Namespace) -> int:
    """It makes hard links instead of copies, so it takes seconds and little space if TARGET is on the same file system."""
    place = Path(given.target).expanduser()
    names = Names(given.names) if given.names else None
    with open_archive(given.folder) as archive:
        snapshot = find_snapshot(archive, given.snapshot)
        count = sum(1 for _ in check_out(archive, snapshot, place, names))
        missing = sum(1 for _ in archive.history.at(snapshot.id)) - count
    print_message(f"Snapshot {snapshot.id} of {snapshot.started}: {count:,} files; open {place / INDEX}\n")
    if not missing:
        return Exit.WELL
    print_message(missing_objects(missing))
    return Exit.SOME_FAILED
