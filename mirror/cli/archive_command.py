"""What the commands share: how they end, what they print, how they open an archive."""

from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from scrapy.commands import ScrapyCommand

from mirror.reports.run_summary import Exit
from mirror.store.archive import Archive
from mirror.store.disk.errors import StorageError, storing
from mirror.store.manifest.history_records import Listed
from mirror.terminal.console import refuse


def now() -> datetime:
    return datetime.now(UTC)


class ArchiveCommand(ScrapyCommand):
    """A command about an archive: its first word is the folder. What is wrong is told in one line."""

    requires_project = True
    requires_crawler_process = False
    words = "<DIR>"
    """What the command takes."""
    short = ""
    """What it does, in a line."""
    has_json = True

    def syntax(self) -> str:
        return f"[options] {self.words}"

    def short_desc(self) -> str:
        return self.short

    def add_options(self, parser: ArgumentParser) -> None:
        super().add_options(parser)
        if self.has_json:
            parser.add_argument("--json", action="store_true", help="print JSON")

    def taken(self, args: list[str], least: int, most: int) -> list[str]:
        """The words of the command, as many as it takes."""
        if not least <= len(args) <= most:
            name = type(self).__module__.rpartition(".")[2]
            refuse(f"use: {name} {self.words}; see {name} --help", Exit.USAGE)
        return args


@contextmanager
def opened(folder: str, *, read_only: bool = True) -> Iterator[Archive]:
    """The archive in a folder; what is wrong with it ends the command."""
    root = Path(folder).expanduser()
    try:
        with storing(root):
            archive = Archive(root, create=False, read_only=read_only)
            try:
                yield archive
            finally:
                archive.close()
    except StorageError as error:
        refuse(str(error), Exit.STORAGE)


def chosen(archive: Archive, name: str) -> Listed:
    """A snapshot by its name."""
    found = archive.history.find(name)
    if found is None:
        known = ", ".join(str(one.id) for one in archive.history.snapshots()[-10:]) or "none yet"
        refuse(
            f"there is no snapshot {name!r}: give a number ({known}), a time such as 2026-11-24, or latest", Exit.USAGE
        )
    return found
