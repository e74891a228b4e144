"""`websucker stats DIR`: what a snapshot consists of, and how the archive grew."""

import sys
from argparse import Namespace
from dataclasses import asdict
from typing import Any

from mirror.cli.archive_command import open_reader, write_report
from mirror.cli.archived_url import chosen_snapshot
from mirror.reports.exit_codes import Exit
from mirror.reports.statistics import LARGEST, heading, tables, text_lines, totals
from mirror.store.manifest.history_records import SnapshotInfo, SnapshotStatistics
from mirror.terminal.console import print_json, print_line, print_message

_ROWS = 15


def run(given: Namespace) -> int:
    """Without a name, describes the newest complete snapshot."""
    with open_reader(given.folder) as archive:
        info = chosen_snapshot(archive, given.snapshot)
        growth = [one for one in archive.history.snapshots() if one.id <= info.id]
        counted = archive.history.statistics(info.id, LARGEST)
    if given.html:
        from mirror.reports.statistics_page import statistics_page  # noqa: PLC0415 - only this option needs it

        write_report(given.html, statistics_page(info, counted, growth))
        print_message(f"Open {given.html}\n")
    if given.json:
        print_json(_as_json(info, counted, growth))
    elif not given.html:
        _print(info, counted, growth)
    return Exit.WELL


def _print(info: SnapshotInfo, counted: SnapshotStatistics, growth: list[SnapshotInfo]) -> None:
    print_line(f"{heading(info)}: {totals(counted)}")
    for table in tables(counted, growth, _ROWS):
        for line in text_lines(table, ascii_only=not _takes_blocks()):
            print_line(line)


def _takes_blocks() -> bool:
    """Whether the encoding of stdout has the characters of which bars are made."""
    try:
        "█▏".encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _as_json(info: SnapshotInfo, counted: SnapshotStatistics, growth: list[SnapshotInfo]) -> dict[str, Any]:
    groups = ("types", "hosts", "depths", "statuses")
    return {
        "snapshot": _snapshot(info),
        **{name: [asdict(one) for one in getattr(counted, name)] for name in groups},
        "largest": [{"url": one.url, "size": one.size, "media_type": one.media_type} for one in counted.largest],
        "slowest": [{"url": url, "milliseconds": time} for url, time in counted.slowest],
        "growth": [_snapshot(one) for one in growth],
    }


def _snapshot(one: SnapshotInfo) -> dict[str, Any]:
    return {"id": one.id, "started": one.started, "outcome": one.outcome, **asdict(one.numbers)}
