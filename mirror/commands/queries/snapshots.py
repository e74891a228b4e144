"""`websucker snapshots DIR`: list the snapshots of an archive."""

from argparse import Namespace
from dataclasses import asdict

from rich.filesize import decimal

from mirror.cli.archive_command import open_reader, warn_about_clock
from mirror.reports.exit_codes import Exit
from mirror.reports.times import format_time
from mirror.store.manifest.history_records import SnapshotInfo
from mirror.terminal.console import print_json, print_line

_COLUMNS = (
    "id",
    "begun (UTC)",
    "outcome",
    "pages",
    "files",
    "size",
    "new",
    "added",
    "changed",
    "noise",
    "gone",
    "failed",
)


def run(given: Namespace) -> int:
    """Prints one line for each snapshot, the oldest first."""
    with open_reader(given.folder) as archive:
        listed = archive.history.snapshots()
        warn_about_clock(archive)
    if given.json:
        print_json([asdict(one) for one in listed])
        return Exit.WELL
    rows = [_COLUMNS, *map(_cells, listed)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS))]
    for row in rows:
        cells = [
            cell.ljust(width) if n in {1, 2} else cell.rjust(width)
            for n, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        print_line("  ".join(cells).rstrip())
    return Exit.WELL


def _cells(one: SnapshotInfo) -> tuple[str, ...]:
    n = one.numbers
    numbers = (n.added, n.changed - n.noise, n.noise, n.gone, n.failed)
    return (
        str(one.id),
        format_time(one.started),
        str(one.outcome),
        f"{n.pages:,}",
        f"{n.files:,}",
        decimal(n.size),
        decimal(n.new_size),
        *(f"{number:,}" for number in numbers),
    )
