"""`scrapy crawl mirror -a start=URL`: Scrapy's own command, with one-line error messages and the exit codes of a run."""

import argparse

from scrapy.commands.crawl import Command as CrawlCommand
from scrapy.exceptions import UsageError as ScrapyUsageError

from mirror.cli.guarded import guarded, prepare
from mirror.cli.option_table import OPTIONS, Group
from mirror.cli.scrapy_settings import check_level
from mirror.cli.usage_errors import UsageError
from mirror.commands import crawl
from mirror.program.parser import without_secrets
from mirror.reports.exit_codes import Exit
from mirror.terminal.console import exit_with_error


class Command(CrawlCommand):
    """Checks the options and settings before Scrapy starts."""

    def long_desc(self) -> str:
        groups = (
            f"{group}: "
            + "; ".join(f"-a {name}={o.value}: {o.help}" for name, o in OPTIONS.items() if o.group is group)
            for group in Group
        )
        return f"Mirror a website: scrapy crawl mirror -a start=URL. {'. '.join(groups)}."

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        prepare()
        super().add_options(parser)

    def process_options(self, args: list[str], opts: argparse.Namespace) -> None:
        if args[:1] != ["mirror"]:
            super().process_options(args, opts)
            return
        if args[1:]:
            shown = without_secrets(args[1])
            exit_with_error(
                f"unknown argument {shown!r}: give options as -a NAME=VALUE and settings as -s NAME=VALUE", Exit.USAGE
            )
        try:
            check_level(opts.loglevel)
            super().process_options(args, opts)
        except (UsageError, ScrapyUsageError) as error:
            exit_with_error(str(error), Exit.USAGE)

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        if args != ["mirror"]:
            super().run(args, opts)
            return
        opts.process, opts.words = self.crawler_process, opts.spargs
        with guarded():
            self.exitcode = crawl.run(opts)
