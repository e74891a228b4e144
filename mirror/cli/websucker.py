"""`websucker URL...`: a short name for `scrapy crawl mirror` that works in any folder."""

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from scrapy.cmdline import execute

from mirror import __version__
from mirror.cli.guarded import guarded, prepare
from mirror.cli.option_table import OPTIONS, Group
from mirror.cli.option_values import without_secrets
from mirror.reports.run_summary import Exit
from mirror.terminal.console import exit_with_error

COMMANDS = ("checkout", "compare", "diff", "forget", "prune", "publish", "replay", "snapshots", "verify", "why")


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Translate the command line into Scrapy's and run that; does not return."""
    words = list(sys.argv[1:] if argv is None else argv)
    prepare()
    os.environ["SCRAPY_SETTINGS_MODULE"] = "mirror.settings"
    with suppress(OSError):
        sys.path.append(
            str(Path.cwd())
        )  # the user's progress hook may be in this folder, as with `python -m` and `scrapy`
    with guarded():
        execute(["websucker", *scrapy_words(words)])
    raise AssertionError("Scrapy's command line ends the process")


def scrapy_words(words: list[str]) -> list[str]:
    """Translate arguments of `websucker` into arguments of `scrapy`.

    >>> scrapy_words(["--depth", "2", "http://example.org/"])
    ['crawl', 'mirror', '-a', 'start=http://example.org/', '-a', 'depth=2']
    """
    if words[:1] and words[0] in COMMANDS:
        return words
    arguments = parser()
    options, unknown = arguments.parse_known_args(words)
    if unknown:
        arguments.error(f"unrecognized arguments: {without_secrets(unknown[0])}")
    starts = " ".join(options.start)
    translated = ["crawl", "mirror", "-a", f"start={starts}"]
    for name in OPTIONS:
        value = getattr(options, name)
        if name != "start" and value is not None:
            translated += ["-a", f"{name}={chr(10).join(value) if OPTIONS[name].repeatable else value}"]
    for setting in options.set:
        translated += ["-s", setting]
    return translated + (["--loglevel", options.loglevel] if options.loglevel else [])


class Parser(argparse.ArgumentParser):
    """An argument parser whose error messages are one line."""

    def error(self, message: str) -> NoReturn:
        exit_with_error(f"{message}; see {self.prog} --help", Exit.USAGE)


def parser() -> Parser:
    """The parser of the options. It accepts no abbreviations, so that a new option never changes what an old command does."""
    result = Parser(
        prog="websucker",
        usage="%(prog)s [--NAME VALUE]... URL...",
        description="Mirror websites into a folder that opens offline.",
        epilog="Exit codes: 0 success, 1 some resources failed, 2 wrong usage, 3 nothing could be fetched, 4 the archive "
        "can't be read or written, 5 held because too many pages lost their content, 130 interrupted, 141 nobody reads the "
        "output. There are also these commands, "
        f"each with its own --help: websucker {{{','.join(COMMANDS)}}} DIR ...",
        add_help=False,
        allow_abbrev=False,
    )
    groups = {group: result.add_argument_group(group) for group in Group}
    for name, option in OPTIONS.items():
        words: dict[str, Any] = {"nargs": "+"} if name == "start" else {"action": "append"} if option.repeatable else {}
        flag = name if name == "start" else f"--{name}"
        groups[option.group].add_argument(flag, metavar=option.value, help=option.help, **words)
    program = result.add_argument_group("The program")
    program.add_argument("-s", "--set", action="append", default=[], metavar="NAME=VALUE", help="set a Scrapy setting")
    program.add_argument("-L", "--loglevel", metavar="LEVEL", help="the log level (default: WARNING)")
    program.add_argument("-h", "--help", action="help", help="show this help")
    program.add_argument("--version", action="version", version=f"websucker {__version__}")
    return result
