"""`scrapy checkout DIR SNAPSHOT TARGET`: write a snapshot into a folder of its own."""

import argparse
from pathlib import Path

from mirror.cli.archive_command import ArchiveCommand, find_snapshot, missing_objects, open_archive
from mirror.reports.run_summary import Exit
from mirror.store.checkout import check_out
from mirror.store.index_page import INDEX
from mirror.terminal.console import print_message


class Command(ArchiveCommand):
    """It makes hard links instead of copies, so it takes seconds and little space if TARGET is on the same file system."""

    arguments = "<DIR> <SNAPSHOT> <TARGET>"
    summary = "Write a snapshot into a new folder, as a tree that opens offline"
    has_json = False

    def long_desc(self) -> str:
        return (
            f"{self.summary}. SNAPSHOT is a number, the time at which the run began (2026-11-24), or latest. TARGET has to "
            "be a new or an empty folder."
        )

    def execute(self, args: list[str], opts: argparse.Namespace) -> None:  # noqa: ARG002 - Scrapy's signature
        folder, name, target = self.check_arguments(args, 3, 3)
        place = Path(target).expanduser()
        with open_archive(folder) as archive:
            snapshot = find_snapshot(archive, name)
            count = sum(1 for _ in check_out(archive, snapshot, place))
            missing = sum(1 for _ in archive.history.at(snapshot.id)) - count
        print_message(f"Snapshot {snapshot.id} of {snapshot.started}: {count:,} files; open {place / INDEX}\n")
        if missing:
            print_message(missing_objects(missing))
            self.exitcode = Exit.SOME_FAILED
