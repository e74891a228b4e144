"""The parsers of `websucker`, made from the tables of options and commands.

Words that older versions took, or that Scrapy takes, are first written as the parsers know them: `normalized`.
"""

import os
import re
import sys
from argparse import SUPPRESS, Action, ArgumentParser, HelpFormatter, Namespace
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any, Final

from mirror import __version__
from mirror.cli.option_table import NONE, OPTIONS, Group, flag
from mirror.program.command import Argument, Command, argument
from mirror.program.command_table import COMMANDS
from mirror.program.other_tools import ADVICE
from mirror.program.parser import Parser


def _width() -> int:
    """The columns of the terminal, or of `COLUMNS`, without two. argparse would load archives to ask the same."""
    with suppress(ValueError):
        return int(os.environ.get("COLUMNS", "")) - 2
    with suppress(OSError, ValueError, AttributeError):
        return os.get_terminal_size(sys.__stdout__.fileno()).columns - 2  # type: ignore[union-attr]
    return 78


class Formatter(HelpFormatter):
    """Names the value of an option once, after its names: `-o, --out DIR`."""

    def __init__(self, prog: str, **keywords: Any) -> None:
        super().__init__(prog, **{"width": _width()} | keywords)

    def _format_action_invocation(self, action: Action) -> str:
        if not action.option_strings or action.nargs == 0:
            return super()._format_action_invocation(action)
        return f"{', '.join(action.option_strings)} {self._format_args(action, action.dest)}"


class Switch(Action):
    """An option without a value, as `--NAME` (1) or `--no-NAME` (0)."""

    def __init__(self, option_strings: Sequence[str], dest: str, **keywords: Any) -> None:
        super().__init__([*option_strings, f"--no-{option_strings[-1][2:]}"], dest, nargs=0, **keywords)

    def __call__(self, _: ArgumentParser, namespace: Namespace, *words: Any) -> None:
        setattr(namespace, self.dest, "0" if words[-1] == self.option_strings[-1] else "1")


class Help(Action):
    """`--help`, `--help all` and `--help COMMAND`."""

    def __init__(self, option_strings: Sequence[str], dest: str, **keywords: Any) -> None:
        super().__init__(option_strings, dest, nargs="?", **keywords)

    def __call__(self, parser: ArgumentParser, _: Namespace, *words: Any) -> None:
        sys.stdout.write(help_about(words[0]) or help_text(full=False))
        parser.exit()


THE_PROGRAM: Final = "The program"
_SETTING: Final = argument(
    "-s", "--set", action="append", default=[], metavar="NAME=VALUE", help="set a Scrapy setting (docs/options.md)"
)
_LOG_LEVEL: Final = argument("-L", "--loglevel", metavar="LEVEL", help="the log level (default: WARNING)")
_HELP: Final = argument("-h", "--help", action="help", help="show this help")

CRAWL_ARGUMENTS: Final = (
    argument(
        "-i",
        "--input-file",
        action="append",
        default=[],
        metavar="FILE",
        help="read start URLs from this file; - reads them from stdin",
    ),
    argument("-q", "--quiet", action="store_true", help="print nothing unless something is wrong"),
    argument("-nv", "--no-verbose", action="store_true", help="print a line for each file, without a progress display"),
    argument("-v", "--verbose", action="count", default=0, help="log more; -vv for debugging"),
    _SETTING,
    _LOG_LEVEL,
    argument(
        "-h",
        "--help",
        action=Help,
        metavar="all",
        help="show the usual options and the commands; `--help all`: all options",
    ),
    argument("-V", "--version", action="version", version=f"websucker {__version__}", help="show the version"),
)
"""The arguments of `websucker URL...` that are no options of a crawl."""


EPILOG: Final = (
    "Exit codes: 0 success, 1 some resources failed, 2 wrong usage, 3 nothing could be fetched, 4 the archive can't be read or "
    "written, 5 held because too many pages lost their content, 130 interrupted, 141 nobody reads the output."
)


def normalized(words: Sequence[str]) -> list[str]:
    """The words with options as the parsers know them: with hyphens, and switches without a value.

    >>> normalized(["--max_file", "1G", "--traps", "0", "--insecure=1", "http://h/a_b", "--", "--a_b"])
    ['--max-file', '1G', '--no-traps', '--insecure', 'http://h/a_b', '--', '--a_b']
    >>> normalized(["--no-proxy"])
    ['--proxy=none']
    """
    end = words.index("--") if "--" in words else len(words)
    result: list[str] = []
    for word in words[:end]:
        name, equals, value = word.partition("=")
        name = name.replace("_", "-") if _LONG.fullmatch(name) else name
        if word in _STATES and result and result[-1] in _SWITCHES:
            result[-1] = _STATES[word] + result[-1][2:]
        elif name in _SWITCHES and value in _STATES:
            result.append(_STATES[value] + name[2:])
        else:
            result.append(_WITHOUT.get(name + equals, name + equals) + value)
    return [*result, *words[end:]]


_LONG: Final = re.compile(r"--[A-Za-z][A-Za-z0-9_-]*")
_STATES: Final = {"0": "--no-", "1": "--"}
_WITHOUT: Final = {
    f"--no-{flag(name)[2:]}": f"{flag(name)}={NONE}"
    for name, option in OPTIONS.items()
    if f"`{NONE}`" in option.description
}
"""What can be turned off with a value, as wget has it -> that value."""

_SWITCHES: Final = frozenset(flag(name) for name, option in OPTIONS.items() if option.is_switch)


def usage(command: Command) -> str:
    """The arguments of a command in short.

    >>> usage(COMMANDS["diff"])
    '[options] DIR [A [B]]'
    >>> usage(COMMANDS["status"])
    '[options] DIR...'
    """
    words = [one.keywords for one in command.arguments if not one.is_option]
    names = [one["metavar"] + ("..." if one.get("nargs") == "+" else "") for one in words]
    needed = sum(1 for one in words if one.get("nargs") in {None, "+"})
    optional = " [".join(["", *names[needed:]]) + "]" * len(names[needed:])
    return " ".join(["[options]", *names[:needed]]) + optional


def add_arguments(parser: Any, arguments: Iterable[Argument]) -> None:
    """Declare arguments to a parser, or to a group of one."""
    for one in arguments:
        parser.add_argument(*one.names, **one.keywords)


def command_parser(name: str) -> Parser:
    """The parser of `websucker NAME`."""
    command = COMMANDS[name]
    result = Parser(prog=f"websucker {name}", add_help=False, allow_abbrev=False, formatter_class=Formatter)
    declare(result, name)
    result.usage = f"%(prog)s {usage(command)}"
    return result


def declare(parser: ArgumentParser, name: str) -> None:
    """Declare what a command takes."""
    command = COMMANDS[name]
    parser.description = f"{command.summary}. {command.details}".rstrip()
    operands = parser.add_argument_group("Arguments")
    add_arguments(operands, [one for one in command.arguments if not one.is_option])
    options = parser.add_argument_group("Options")
    add_arguments(options, [one for one in command.arguments if one.is_option])
    add_arguments(options, (_SETTING, _LOG_LEVEL, _HELP) if command.crawls else (_HELP,))


def crawl_parser(*, full: bool = True) -> Parser:
    """The parser of `websucker URL...`; if not `full`, its help lists the usual options only."""
    result = Parser(
        prog="websucker",
        usage="%(prog)s [options] URL...\n       %(prog)s COMMAND [options] ...",
        description="Mirror websites into folders that open offline.",
        epilog=EPILOG,
        add_help=False,
        allow_abbrev=False,
        formatter_class=Formatter,
    )
    result.advice = ADVICE
    groups = {group: result.add_argument_group(group) for group in Group}
    for name, option in OPTIONS.items():
        text = option.help.replace("%", "%%") if full or option.usual else SUPPRESS
        add = groups[option.group].add_argument
        if name == "start":
            add(name, nargs="*", metavar=option.value, help=text)
            continue
        flags = [f"-{letter}" for letter in option.short] + [flag(name)]
        if option.is_switch:
            add(*flags, action=Switch, dest=name, help=text)
        else:
            add(*flags, action="append" if option.repeatable else "store", dest=name, metavar=option.value, help=text)
    add_arguments(result.add_argument_group(THE_PROGRAM), CRAWL_ARGUMENTS)
    return result


def help_about(topic: str | None) -> str | None:
    """The help about a command, or about `all` options; `None` if there is no such topic."""
    if topic in COMMANDS:
        return command_parser(topic).format_help()
    return help_text(full=True) if topic == "all" else None


def help_text(*, full: bool) -> str:
    """What `websucker --help` prints, and `websucker --help all`."""
    parser = crawl_parser(full=full)
    commands = parser.add_argument_group("Commands")
    for name, command in COMMANDS.items():
        commands.add_argument(name, help=command.summary)
    parser.epilog = f"{EPILOG} `websucker help COMMAND` explains a command."
    if not full:
        parser.epilog = f"`websucker --help all` lists all options. {parser.epilog}"
    return parser.format_help()


def manual() -> Parser:
    """The options and the commands, for the man page and the completions of shells. It parses nothing."""
    result = crawl_parser()
    commands = result.add_subparsers(title="Commands", metavar="COMMAND", prog="websucker", parser_class=ArgumentParser)
    for name, command in COMMANDS.items():
        one = commands.add_parser(name, help=command.summary, add_help=False, formatter_class=Formatter)
        declare(one, name)
        one.usage = f"websucker {name} {usage(command)}"
    return result
