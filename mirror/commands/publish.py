"""`scrapy publish DIR`: write the tree again from the objects and the manifest."""

import argparse
import sys

from mirror.cli.archive_command import ArchiveCommand, missing_objects, open_archive, utc_now
from mirror.reports.run_summary import MAX_EXAMPLES, Exit, needing_lines
from mirror.store.archive import Archive
from mirror.store.manifest.records import BUT_HELD
from mirror.terminal.console import print_message
from mirror.terminal.printable import printable


class Command(ArchiveCommand):
    """Fetches nothing, and writes every file of the tree as a crawl would have left it."""

    summary = "Write the tree of an archive again, from what is stored in DIR/.mirror"
    has_json = False

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        super().add_options(parser)
        parser.add_argument(
            "--accept-loss",
            action="store_true",
            help="remove from the tree what the server no longer has, after a run that was held because of it",
        )

    def execute(self, args: list[str], opts: argparse.Namespace) -> None:
        (folder,) = self.check_arguments(args, 1, 1)
        with open_archive(folder, read_only=False) as archive:
            if opts.accept_loss:
                with archive.manifest.transaction():
                    archive.manifest.departures.accept_loss(utc_now().isoformat(timespec="seconds"))
                print_message(not_accepted(archive))
            count = sum(1 for _ in archive.publish_all())
            for line in needing_lines(*archive.manifest.decisions.needing(MAX_EXAMPLES)):
                print_message(printable(line) + "\n")
            print_message(f"Published {count:,} files; open {archive.start_place()}\n")
            if archive.unpublished:
                print_message(missing_objects(len(set(archive.unpublished))))
                self.exitcode = Exit.SOME_FAILED


def not_accepted(archive: Archive) -> str:
    """Say how many pages keep the content that they had before a held run, although they are not gone."""
    errors = [error for _, error, _ in archive.manifest.runs.failures(sys.maxsize)]
    kept = sum(error.endswith(BUT_HELD) for error in errors)
    if not kept:
        return ""
    pages = "1 page keeps" if kept == 1 else f"{kept:,} pages keep"
    return (
        f"{pages} the old content, because the server still has another one: to accept that, crawl with --max_loss 1\n"
    )
