"""`websucker URL...` and `websucker COMMAND ...`: which command runs, and with what."""

import os
import re
import sys
from argparse import Namespace
from collections.abc import Sequence
from contextlib import suppress
from typing import Final, NoReturn

from mirror.cli.guarded import guarded, prepare
from mirror.cli.option_table import OPTIONS, flag
from mirror.cli.usage_errors import Given
from mirror.program.command_line import command_parser, crawl_parser, normalized
from mirror.program.command_table import COMMANDS, CRAWL, function
from mirror.program.parser import nearest, without_secrets


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run the command of a command line; does not return."""
    words = list(sys.argv[1:] if argv is None else argv)
    prepare()
    os.environ["SCRAPY_SETTINGS_MODULE"] = "mirror.settings"
    with suppress(OSError):
        sys.path.append(os.getcwd())  # noqa: PTH109 - a hook may be here; pathlib takes longer to load than `--help` to print
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
    given = crawl(words) if name == CRAWL else command_parser(name).parse(words[1:])
    given.settings = given.process = None  # the program itself makes them, if the command needs them
    return name, given


def crawl(words: list[str]) -> Namespace:
    """The arguments of `websucker URL...`: `words` are the values of the options that were given, by name."""
    parser = crawl_parser()
    given = parser.parse(normalized(words))
    if (given.user_agent or "").startswith("*"):
        parser.error("-A is the User-Agent, as in curl: for wget's -A '*.pdf' use --include '/$|[.]pdf$'")
    for word in given.start:
        if re.fullmatch(r"(?!localhost$)\w[\w-]*", word, re.IGNORECASE):
            parser.error(_no_start(word))
    if not given.start and not given.input_file:
        parser.error(_no_url(given))
    given.start += [f"@{'/dev/stdin' if file == '-' else file}" for file in given.input_file]
    values = {name: getattr(given, name) for name in OPTIONS if getattr(given, name)}
    given.words = {name: "\n".join(value) if isinstance(value, list) else value for name, value in values.items()}
    given.set = [*(_QUIET if given.quiet else ()), *(_PLAIN if given.no_verbose else ()), *given.set]
    given.loglevel = given.loglevel or _LEVELS[min(given.verbose, len(_LEVELS) - 1)]
    return given


def _no_url(given: Namespace) -> str:
    """Say that there is no URL; perhaps an option has taken it as its value."""
    for name in OPTIONS:
        value = getattr(given, name)
        last = value[-1] if isinstance(value, list) and value else value
        if isinstance(last, str) and name != "start" and re.match(r"https?://|[\w-]+(?:\.[\w-]+)+(?:[:/]|$)", last):
            return f"no URL: {flag(name)} has taken {without_secrets(last)} as its value"
    return "no URL: give one, as in websucker example.org"


def _no_start(word: str) -> str:
    """Say what a word may have meant that is neither a command nor a start."""
    if word in COMMANDS:
        return f"a command comes first: websucker {word} ..."
    if word in _CALLED:
        return f"{word!r} is neither a command nor a URL: the command is {_CALLED[word]}"
    meant = nearest(word, COMMANDS)
    said = f"did you mean {meant}?" if meant else f"for a host of this name write http://{word}/"
    return f"{word!r} is neither a command nor a URL: {said}"


_CALLED: Final = {
    **dict.fromkeys(("search", "find"), "grep"),
    **dict.fromkeys(("history", "versions"), "log"),
    **dict.fromkeys(("serve", "server"), "replay"),
    **dict.fromkeys(("cat", "get", "view"), "show"),
    **dict.fromkeys(("ls", "list", "runs"), "snapshots"),
    **dict.fromkeys(("linkcheck", "linkchecker", "lint"), "check"),
    **dict.fromkeys(("restore", "export"), "checkout"),
}
"""What other programs call our commands."""

_QUIET: Final = ("MIRROR_PROGRESS=off", "MIRROR_QUIET=1")
_PLAIN: Final = ("MIRROR_PROGRESS=lines",)
_LEVELS: Final = (None, "INFO", "DEBUG")
