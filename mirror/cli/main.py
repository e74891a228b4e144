"""`websucker URL...`, the same as `scrapy crawl mirror` by a short name, from any folder."""

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from scrapy.cmdline import execute

from mirror import __version__
from mirror.cli.options import HELP, Group, without_secrets
from mirror.reports.run_summary import Exit
from mirror.terminal.console import complete_streams, refuse

COMMANDS = ("checkout", "compare", "diff", "forget", "prune", "publish", "replay", "snapshots", "verify", "why")


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Translate the words of the command line into Scrapy's and run that; does not return."""
    words = list(sys.argv[1:] if argv is None else argv)
    complete_streams()
    os.environ["SCRAPY_SETTINGS_MODULE"] = "mirror.settings"
    with suppress(OSError):
        sys.path.append(str(Path.cwd()))  # where a hook of the user's may be, as for `python -m` and `scrapy`
    execute(["websucker", *scrapy_words(words)])
    raise AssertionError("Scrapy's command line ends the process")


def scrapy_words(words: list[str]) -> list[str]:
    """The command line of Scrapy for one of ours.

    >>> scrapy_words(["--depth", "2", "http://example.org/"])
    ['crawl', 'mirror', '-a', 'start=http://example.org/', '-a', 'depth=2']
    """
    if words[:1] and words[0] in COMMANDS:
        return words
    line = parser()
    options, unknown = line.parse_known_args(words)
    if unknown:
        line.error(f"unrecognized arguments: {without_secrets(unknown[0])}")
    starts = " ".join(options.start)
    found = ["crawl", "mirror", "-a", f"start={starts}"]
    for name in HELP:
        value = getattr(options, name)
        if name != "start" and value is not None:
            found += ["-a", f"{name}={chr(10).join(value) if HELP[name].several else value}"]
    for setting in options.set:
        found += ["-s", setting]
    return found + (["--loglevel", options.loglevel] if options.loglevel else [])


class Parser(argparse.ArgumentParser):
    """Says in one line what is wrong."""

    def error(self, message: str) -> NoReturn:
        refuse(f"{message}; see {self.prog} --help", Exit.USAGE)


def parser() -> Parser:
    """The options, from the same table as `-a NAME=VALUE`. None is shortened: a new one must not change an old command."""
    result = Parser(
        prog="websucker",
        usage="%(prog)s [--NAME VALUE]... URL...",
        description="Mirror websites into a folder that opens offline.",
        epilog="Exit codes: 0 all well, 1 some resources failed, 2 bad usage, 3 nothing could be fetched, 4 the archive "
        "can't be read or written, 5 held because too much was gone, 130 interrupted. Also, each with --help: websucker "
        f"{{{','.join(COMMANDS)}}} DIR ...",
        add_help=False,
        allow_abbrev=False,
    )
    groups = {group: result.add_argument_group(group) for group in Group}
    for name, option in HELP.items():
        words: dict[str, Any] = {"nargs": "+"} if name == "start" else {"action": "append"} if option.several else {}
        flag = name if name == "start" else f"--{name}"
        groups[option.group].add_argument(flag, metavar=option.takes, help=option.told, **words)
    program = result.add_argument_group("The program")
    program.add_argument(
        "-s", "--set", action="append", default=[], metavar="NAME=VALUE", help="set a setting of Scrapy's"
    )
    program.add_argument("-L", "--loglevel", metavar="LEVEL", help="log level (default: WARNING)")
    program.add_argument("-h", "--help", action="help", help="show this help")
    program.add_argument("--version", action="version", version=f"websucker {__version__}")
    return result
