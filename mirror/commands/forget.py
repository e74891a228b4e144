"""`scrapy forget DIR URL`: a URL out of everything that the archive keeps, for good."""

import argparse

from rich.filesize import decimal

from mirror.cli.archive_command import ArchiveCommand, open_archive, utc_now
from mirror.core.url.canonical import InvalidURLError, canonical
from mirror.reports.run_summary import Exit
from mirror.terminal.console import exit_with_error, tell


class Command(ArchiveCommand):
    """What other pages say of it stays: their bytes are not changed."""

    arguments = "<DIR> <URL | PREFIX*>"
    summary = "Take a URL out of every snapshot, object and copy, and never fetch it again"
    has_json = False

    def long_desc(self) -> str:
        return (
            "Take a URL, or with a * at the end all URLs that begin so, out of every snapshot, the tree, the objects and the "
            "copies. A tombstone keeps it from being fetched again."
        )

    def run(self, args: list[str], opts: argparse.Namespace) -> None:  # noqa: ARG002 - Scrapy's signature
        folder, text = self.check_arguments(args, 2, 2)
        try:
            pattern = canonical(text.removesuffix("*")) + "*" * text.endswith("*")
        except InvalidURLError as error:
            exit_with_error(str(error), Exit.USAGE)
        with open_archive(folder, read_only=False) as archive:
            with archive.database.transaction():
                count = archive.history.forget(pattern, utc_now().isoformat(timespec="seconds"))
            for _ in archive.settle():
                pass
            _, size = archive.collect()
            archive.database.compact()
        tell(f"Forgotten: {count:,} versions, {decimal(size)}; {pattern} is not fetched again\n")
