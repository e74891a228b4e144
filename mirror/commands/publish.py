"""`websucker publish DIR`: write the tree again from the objects and the manifest."""

import sys
from argparse import Namespace

from mirror.cli.archive_command import missing_objects, renamed, utc_now
from mirror.cli.open_archive import open_archive
from mirror.core.url.local_paths import Names
from mirror.reports.exit_codes import Exit
from mirror.reports.run_summary import MAX_EXAMPLES, needing_lines
from mirror.store.archive import Archive
from mirror.store.manifest.records import BUT_HELD
from mirror.terminal.console import print_message
from mirror.terminal.printable import printable


def run(given: Namespace) -> int:
    """Fetches nothing, and writes every file of the tree as a crawl would have left it."""
    with open_archive(given.folder, read_only=False) as archive:
        if given.accept_loss:
            with archive.manifest.transaction():
                archive.manifest.departures.accept_loss(utc_now().isoformat(timespec="seconds"))
            print_message(not_accepted(archive))
        count = sum(1 for _ in archive.publish_all(Names(given.names) if given.names else None))
        for line in needing_lines(*archive.manifest.decisions.needing(MAX_EXAMPLES)):
            print_message(printable(line) + "\n")
        print_message(renamed(archive.renamed, archive.naming.law.names))
        files = "1 file" if count == 1 else f"{count:,} files"
        print_message(f"Published {files}; open {archive.start_place()}\n")
        if not archive.unpublished:
            return Exit.WELL
        print_message(missing_objects(len(set(archive.unpublished))))
        return Exit.SOME_FAILED


def not_accepted(archive: Archive) -> str:
    """Say how many pages keep the content that they had before a held run, although they are not gone."""
    errors = [error for _, error, _ in archive.manifest.runs.failures(sys.maxsize)]
    kept = sum(error.endswith(BUT_HELD) for error in errors)
    if not kept:
        return ""
    pages = "1 page keeps" if kept == 1 else f"{kept:,} pages keep"
    return (
        f"{pages} the old content, because the server still has another one: to accept that, crawl with --max-loss 1\n"
    )
