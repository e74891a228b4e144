"""The parsers of `websucker`, made from the tables of options and commands."""

from collections.abc import Iterable
from typing import Any, Final

from mirror import __version__
from mirror.cli.option_table import OPTIONS, Group
from mirror.program.command_table import COMMANDS, Argument, Command, argument
from mirror.program.parser import Parser

SETTINGS: Final = (
    argument("-s", "--set", action="append", default=[], metavar="NAME=VALUE", help="set a Scrapy setting"),
    argument("-L", "--loglevel", metavar="LEVEL", help="the log level (default: WARNING)"),
)
"""The arguments of all that makes requests."""


def usage(command: Command) -> str:
    """The arguments of a command in short.

    >>> usage(COMMANDS["diff"])
    '[options] DIR [A [B]]'
    """
    names = [one.keywords["metavar"] for one in command.arguments if not one.is_option]
    needed = [name for one, name in zip(command.arguments, names, strict=False) if "nargs" not in one.keywords]
    optional = names[len(needed) :]
    return " ".join(["[options]", *needed, *(["[" + " [".join(optional) + "]" * len(optional)] if optional else [])])


def add_arguments(parser: Any, arguments: Iterable[Argument]) -> None:
    """Declare arguments to a parser, or to a group of one."""
    for one in arguments:
        parser.add_argument(*one.names, **one.keywords)


def command_parser(name: str) -> Parser:
    """The parser of `websucker NAME`."""
    command = COMMANDS[name]
    result = Parser(
        prog=f"websucker {name}",
        usage=f"%(prog)s {usage(command)}",
        description=f"{command.summary}. {command.details}".rstrip(),
        add_help=False,
        allow_abbrev=False,
    )
    add_arguments(result, command.arguments)
    add_arguments(result, SETTINGS if command.crawls else ())
    add_help(result)
    return result


def crawl_parser() -> Parser:
    """The parser of `websucker URL...`."""
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
    add_arguments(program, SETTINGS)
    add_help(program)
    program.add_argument("--version", action="version", version=f"websucker {__version__}")
    return result


def add_help(parser: Any) -> None:
    parser.add_argument("-h", "--help", action="help", help="show this help")
