"""An argument parser that reports a mistake in one line, without secrets, and says what may have been meant."""

import re
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Sequence
from typing import NoReturn

from mirror.core.http.redaction import hidden
from mirror.reports.exit_codes import Exit
from mirror.terminal.console import exit_with_error

_MISSING = "the following arguments are required: "


class Parser(ArgumentParser):
    """Accepts no abbreviations, so that a new option never changes what an old command does."""

    def parse(self, words: Sequence[str], given: Namespace | None = None) -> Namespace:
        """Parse the words, in which options and other arguments may come in any order; a mistake ends the program."""
        found, rest = self.parse_known_intermixed_args(words, given)
        options = [word for word in rest if word.startswith("-") and word != "-"]
        if options:
            self.error(self._unknown(options[0]))
        if rest:
            self.error(f"unexpected argument {without_secrets(rest[0])!r}")
        return found

    def error(self, message: str) -> NoReturn:
        if message.startswith(_MISSING):
            names = message.removeprefix(_MISSING)
            message = f"{names} {'are' if ',' in names else 'is'} missing: {' '.join(self.format_usage().split()[1:])}"
        exit_with_error(f"{message}; see {self.prog} --help", Exit.USAGE)

    def _unknown(self, word: str) -> str:
        name = word.partition("=")[0] if word.startswith("--") else word[:2]
        known = [flag for action in self._actions for flag in action.option_strings]
        meant = nearest(name, known) if word.startswith("--") else None
        return f"unknown option {name}{f': did you mean {meant}?' if meant else ''}"


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that is spelled most like a mistyped one; `None` if none is.

    >>> nearest("--max", ["--max-file", "--quota"]), nearest("dif", ["diff"]), nearest("--colour", ["--depth"])
    ('--max-file', 'diff', None)
    """
    import difflib  # noqa: PLC0415 - only a mistake needs it

    known = sorted(known)
    near = difflib.get_close_matches(word, known, 1, 0.7)
    return near[0] if near else next((one for one in known if one.startswith(word)), None)


def without_secrets(argument: str) -> str:
    """Hide what may be secret in a command-line argument, so that a message can quote it.

    >>> without_secrets("login=guido:spam"), without_secrets("http://guido:spam@example.org/?a=b")
    ('login=...', 'http://...@example.org/?a=b')
    """
    name, equals, _ = argument.partition("=")
    return f"{name}=..." if equals and re.fullmatch(r"-*[\w-]+", name) else hidden(argument)
