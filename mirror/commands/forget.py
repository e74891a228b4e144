"""`scrapy forget DIR URL`: remove a URL from the whole archive, for good."""

import argparse

from rich.filesize import decimal

from mirror.cli.archive_command import ArchiveCommand, open_archive, utc_now
from mirror.core.url.canonical import InvalidURLError, canonical
from mirror.reports.run_summary import Exit
from mirror.terminal.console import exit_with_error, print_message


class Command(ArchiveCommand):
    """Links to the URL on other pages stay, because the bytes of those pages are not changed."""

    arguments = "<DIR> <URL | PREFIX*>"
    summary = "Remove a URL from every snapshot, and never fetch it again"
    has_json = False

    def long_desc(self) -> str:
        return (
            "Remove a URL, or with a * at the end all URLs with that prefix, from every snapshot, the tree, the objects and "
            "the copies. A tombstone keeps them from being fetched again."
        )

    def run(self, args: list[str], opts: argparse.Namespace) -> None:  # noqa: ARG002 - Scrapy's signature
        folder, text = self.check_arguments(args, 2, 2)
        try:
            pattern = canonical(text.removesuffix("*")) + "*" * text.endswith("*")
        except InvalidURLError as error:
            exit_with_error(str(error), Exit.USAGE)
        with open_archive(folder, read_only=False) as archive:
            with archive.manifest.transaction():
                count = archive.manifest.retention.forget(pattern, utc_now().isoformat(timespec="seconds"))
            for _ in archive.settle():
                pass
            _, size = archive.collect()
            archive.compact()
        versions = "version" if count == 1 else "versions"
        print_message(f"Forgotten: {count:,} {versions}, {decimal(size)}; {pattern} will never be fetched again\n")
