"""`scrapy crawl mirror`: Scrapy's own command, with errors of one line and exit codes that tell what became of the run."""

import argparse
import asyncio
import logging
from typing import Any

from scrapy.commands.crawl import Command as CrawlCommand
from scrapy.crawler import Crawler
from scrapy.exceptions import UsageError as ScrapyUsageError
from scrapy.settings import Settings

from mirror.command import refuse
from mirror.extensions import tell
from mirror.options import HELP, Options, UsageError, parse_size
from mirror.progress import InvalidProgressError, display
from mirror.store.archive import Archive
from mirror.store.errors import StorageError
from mirror.summary import Exit


class Command(CrawlCommand):
    """Checks what the user asked for before Scrapy is started."""

    def long_desc(self) -> str:
        options = "; ".join(
            f"-a {name}={value}: {text}{f' (default: {default})' if default else ''}"
            for name, (value, default, text) in HELP.items()
        )
        return f"Mirror a website: scrapy crawl mirror -a start=URL. {options}."

    def process_options(self, args: list[str], opts: argparse.Namespace) -> None:
        if args[:1] != ["mirror"]:
            super().process_options(args, opts)
            return
        if args[1:]:
            refuse(f"{args[1]!r} is not known here; options are given as -a NAME=VALUE or -s NAME=VALUE", Exit.USAGE)
        if opts.loglevel and opts.loglevel not in logging.getLevelNamesMapping():
            refuse(f"--loglevel {opts.loglevel} is unknown; it is DEBUG, INFO, WARNING, ERROR or CRITICAL", Exit.USAGE)
        try:
            super().process_options(args, opts)
        except ScrapyUsageError as error:
            refuse(str(error), Exit.USAGE)

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        if args != ["mirror"]:
            super().run(args, opts)
            return
        assert self.settings is not None
        check_run(self.settings, opts.spargs)
        assert self.crawler_process is not None
        crawler = self._create_crawler("mirror")
        running = self.crawler_process.crawl(crawler, **opts.spargs)
        self.crawler_process.start()
        if isinstance(running, asyncio.Task) and running.done() and isinstance(running.exception(), StorageError):
            refuse(str(running.exception()), Exit.STORAGE)
        self.exitcode = exit_code(crawler)


def check_run(settings: Settings, words: dict[str, Any]) -> None:
    """Refuse, in one line, what can't be done."""
    try:
        options = Options.parse(words)
        display(settings.get("MIRROR_PROGRESS"), settings.get("MIRROR_REPORTHOOK") or "", terminal=False)
        parse_size("MIRROR_RESERVE", str(settings["MIRROR_RESERVE"]))
        Archive(options.out).close()
    except (UsageError, InvalidProgressError) as error:
        refuse(str(error), Exit.USAGE)
    except StorageError as error:
        refuse(str(error), Exit.STORAGE)


def exit_code(crawler: Crawler) -> int:
    """What the run left in its stats; a second Ctrl-C leaves it no time for that."""
    assert crawler.stats is not None
    code = crawler.stats.get_value("mirror/exit_code")
    if code is None:
        tell("Stopped at once: the same command goes on from here\n")
        return Exit.INTERRUPTED
    return int(code)
