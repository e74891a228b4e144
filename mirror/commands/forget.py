"""`scrapy forget DIR URL`: remove a URL from the whole archive, for good."""

import argparse

from rich.filesize import decimal

from mirror.cli.archive_command import ArchiveCommand, missing_objects, open_archive, utc_now
from mirror.core.url.canonical import InvalidURLError, canonical
from mirror.reports.run_summary import Exit
from mirror.store.forgetting import Forgotten, forget
from mirror.terminal.console import exit_with_error, print_message


class Command(ArchiveCommand):
    """Links to the URL on other pages stay, because the bytes of those pages are not changed."""

    arguments = "<DIR> <URL | PREFIX*>"
    summary = "Remove a URL from every snapshot, and never fetch it again"
    has_json = False

    def long_desc(self) -> str:
        return (
            "Remove a URL, or with a * at the end all URLs with that prefix, from every snapshot, the tree, the objects, the "
            "copies, unfinished downloads and the database. A tombstone keeps them from being fetched again. Checkouts, "
            "backups, reports and logs are elsewhere: remove them yourself."
        )

    def execute(self, args: list[str], opts: argparse.Namespace) -> None:  # noqa: ARG002 - Scrapy's signature
        folder, text = self.check_arguments(args, 2, 2)
        try:
            pattern = canonical(text.removesuffix("*")) + "*" * text.endswith("*")
        except InvalidURLError as error:
            exit_with_error(str(error), Exit.USAGE)
        with open_archive(folder, read_only=False) as archive:
            forgotten = forget(archive, pattern, utc_now().isoformat(timespec="seconds"))
            print_message(report(pattern, forgotten))
            for _ in archive.settle():  # changes the links of other pages
                pass
            archive.back_up()
            if archive.unpublished:
                print_message(missing_objects(len(archive.unpublished)))
        is_well = forgotten.left.is_clean and not archive.unpublished
        self.exitcode = Exit.WELL if is_well else Exit.SOME_FAILED


def report(pattern: str, forgotten: Forgotten) -> str:
    """What was removed, and what could not be reached, a line each."""
    versions, left, sharing = forgotten.versions, forgotten.left, forgotten.sharing
    counted = f"{versions:,} version{'' if versions == 1 else 's'}, {decimal(left.size)}"
    lines = [f"Forgotten: {counted}; {pattern} will never be fetched again"]
    if sharing:
        more = f" and {len(sharing) - 1:,} more" if len(sharing) > 1 else ""
        lines.append(f"The same content stays under {sharing[0]}{more}: forget that too to remove it")
    if left.linked:
        lines.append(
            f"{left.linked:,} hard link{'' if left.linked == 1 else 's'} to it outside of the archive, "
            "in a checkout or a backup: remove them there"
        )
    if not left.is_clean:
        lines.append(
            "The database may still have traces, because another program is reading it: end that program, "
            "then run the same command again"
        )
    return "".join(f"{line}\n" for line in lines)
