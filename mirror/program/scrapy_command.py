"""A command of the table as a command of Scrapy."""

from argparse import ArgumentParser, Namespace

from scrapy.commands import ScrapyCommand

from mirror.cli.guarded import guarded, prepare
from mirror.program.command import Command
from mirror.program.command_line import add_arguments, usage
from mirror.program.command_table import COMMANDS, function
from mirror.program.parser import Parser


class ArchiveCommand(ScrapyCommand):
    """The command of the table whose name is that of the module. It reports every error in one line."""

    requires_project = True
    requires_crawler_process = False

    @property
    def name(self) -> str:
        return type(self).__module__.rpartition(".")[2]

    @property
    def command(self) -> Command:
        return COMMANDS[self.name]

    def syntax(self) -> str:
        return usage(self.command)

    def short_desc(self) -> str:
        return self.command.summary

    def long_desc(self) -> str:
        return f"{self.command.summary}. {self.command.details}"

    def add_options(self, parser: ArgumentParser) -> None:
        prepare()  # the first that Scrapy calls of the command that runs
        super().add_options(parser)
        add_arguments(parser, [one for one in self.command.arguments if one.is_option])

    def run(self, args: list[str], opts: Namespace) -> None:
        """Scrapy's parser has taken the options; what it left are the other arguments."""
        rest = Parser(prog=f"scrapy {self.name}", usage=f"%(prog)s {self.syntax()}", add_help=False, allow_abbrev=False)
        add_arguments(rest, [one for one in self.command.arguments if not one.is_option])
        with guarded():
            given = rest.parse(args, Namespace(**vars(opts), settings=self.settings, process=None))
            self.exitcode = function(self.name)(given)
