"""`scrapy publish DIR`: make the tree again from objects and manifest."""

import argparse
from pathlib import Path

from scrapy.commands import ScrapyCommand

from mirror.commands import refuse
from mirror.extensions import tell
from mirror.store.archive import Archive
from mirror.store.errors import StorageError, storing
from mirror.summary import Exit


class Command(ScrapyCommand):
    """Fetches nothing; writes each file of the tree as a crawl would have left it."""

    requires_project = True
    requires_crawler_process = False

    def syntax(self) -> str:
        return "[options] <DIR>"

    def short_desc(self) -> str:
        return "Make the browsable tree of an archive again, from what it keeps in DIR/.mirror"

    def run(self, args: list[str], opts: argparse.Namespace) -> None:  # noqa: ARG002 - Scrapy's signature
        if len(args) != 1:
            refuse("publish takes one folder, that of an archive, as in: publish archive", Exit.USAGE)
        root = Path(args[0]).expanduser()
        try:
            with storing(root):
                archive = Archive(root, create=False)
                count = sum(1 for _ in archive.publish_all())
                tell(f"Published {count:,} files; open {archive.start_place()}\n")
                archive.close()
        except StorageError as error:
            refuse(str(error), Exit.STORAGE)
