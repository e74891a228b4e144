"""`websucker URL...` and `websucker COMMAND ...`: which command runs, and with what."""

import os
import sys
from argparse import Namespace
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from mirror.cli.guarded import guarded, prepare
from mirror.cli.option_table import OPTIONS
from mirror.cli.usage_errors import Given
from mirror.program.command_line import command_parser, crawl_parser
from mirror.program.command_table import COMMANDS, CRAWL, function


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run the command of a command line; does not return."""
    words = list(sys.argv[1:] if argv is None else argv)
    prepare()
    os.environ["SCRAPY_SETTINGS_MODULE"] = "mirror.settings"
    with suppress(OSError):
        sys.path.append(
            str(Path.cwd())
        )  # the user's progress hook may be in this folder, as with `python -m` and `scrapy`
    with guarded(Given.as_option):
        name, given = parse(words)
        sys.exit(int(function(name)(given)))
    raise AssertionError("`guarded` lets `SystemExit` pass")


def parse(words: list[str]) -> tuple[str, Namespace]:
    """The command of a command line, and its arguments.

    >>> parse(["--depth", "2", "http://example.org/"])[1].words
    {'start': 'http://example.org/', 'depth': '2'}
    """
    name = words[0] if words[:1] and words[0] in COMMANDS else CRAWL
    given = crawl_parser().parse(words) if name == CRAWL else command_parser(name).parse(words[1:])
    given.settings = given.process = None  # the program itself makes them, if the command needs them
    if name == CRAWL:
        given.words = _words(given)
    return name, given


def _words(given: Namespace) -> dict[str, str]:
    """The values of the options that were given, by name."""
    values = {name: getattr(given, name) for name in OPTIONS if getattr(given, name) is not None}
    lists = {"start": " ", **{name: "\n" for name, option in OPTIONS.items() if option.repeatable}}
    return {name: lists[name].join(value) if name in lists else value for name, value in values.items()}
