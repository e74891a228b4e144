"""`scrapy forget DIR URL`: a URL out of everything that the archive keeps, for good."""

import argparse

from rich.filesize import decimal

from mirror.cli.archive_command import ArchiveCommand, now, opened
from mirror.core.url.canonical import InvalidURLError, canonical
from mirror.reports.run_summary import Exit
from mirror.terminal.console import refuse, tell


class Command(ArchiveCommand):
    """What other pages say of it stays: their bytes are not changed."""

    words = "<DIR> <URL | PREFIX*>"
    short = "Take a URL out of every snapshot, object and copy, and never fetch it again"
    has_json = False

    def long_desc(self) -> str:
        return (
            "Take a URL, or with a * at the end all URLs that begin so, out of every snapshot, the tree, the objects and the "
            "copies. A tombstone keeps it from being fetched again."
        )

    def run(self, args: list[str], opts: argparse.Namespace) -> None:  # noqa: ARG002 - Scrapy's signature
        folder, text = self.taken(args, 2, 2)
        try:
            pattern = canonical(text.removesuffix("*")) + "*" * text.endswith("*")
        except InvalidURLError as error:
            refuse(str(error), Exit.USAGE)
        with opened(folder, read_only=False) as archive:
            with archive.manifest.transaction():
                count = archive.manifest.retention.forget(pattern, now().isoformat(timespec="seconds"))
            for _ in archive.settle():
                pass
            _, size = archive.collect()
            archive.manifest.compact()
        tell(f"Forgotten: {count:,} versions, {decimal(size)}; {pattern} is not fetched again\n")
