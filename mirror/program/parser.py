"""An argument parser that reports a mistake in one line, without secrets, and says what may have been meant."""

import re
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NoReturn

from mirror.core.http.redaction import hidden
from mirror.reports.exit_codes import Exit
from mirror.terminal.console import exit_with_error

_MISSING = "the following arguments are required: "
_PLAIN = "\0"  # argparse loses `--` if nothing but options is before it (bpo-14191), so the words after it get a mark
_ABOUT_A_VALUE = re.compile(
    r"argument (?:\S*/)?(-[^\s/]+): (?:(ignored explicit argument) .*|expected one argument)", re.DOTALL
)


class Parser(ArgumentParser):
    """Accepts no abbreviations, so that a new option never changes what an old command does."""

    advice: Mapping[str, str] = MappingProxyType({})
    """Options of other programs -> what this one has instead."""

    def parse(self, words: Sequence[str], given: Namespace | None = None) -> Namespace:
        """Parse the words, in which options and other arguments may come in any order; a mistake ends the program."""
        end = words.index("--") if "--" in words else len(words)
        plain = [_PLAIN + word for word in words[end + 1 :]]
        found, rest = self.parse_known_intermixed_args([*words[:end], *plain], given)
        options = [word for word in rest if word.startswith("-") and word != "-"]
        if options:
            self.error(self._unknown(options))
        if rest:
            self.error(f"unexpected argument {without_secrets(rest[0].removeprefix(_PLAIN))!r}")
        for name, value in vars(found).items():
            setattr(found, name, _without_mark(value))
        return found

    def error(self, message: str) -> NoReturn:
        if message.startswith(_MISSING):
            names = message.removeprefix(_MISSING)
            message = f"{names} {'are' if ',' in names else 'is'} missing: {' '.join(self.format_usage().split()[1:])}"
        elif match := _ABOUT_A_VALUE.fullmatch(message):
            message = f"{match[1]} {'takes no' if match[2] else 'needs a'} value"
        exit_with_error(f"{message}; see {self.prog} --help", Exit.USAGE)

    def _unknown(self, words: Sequence[str]) -> str:
        """Name all unknown options, those together about which the same is to say."""
        names: dict[str, list[str]] = {}
        for word in words:
            name = word.partition("=")[0]
            if name not in self.advice and not name.startswith("--"):
                name = name[:2]  # what follows may be a value
            named = names.setdefault(self._advice_about(name), [])
            if name not in named:
                named.append(name)
        told = [", ".join(named) + (f": {advice}" if advice else "") for advice, named in names.items()]
        many = sum(map(len, names.values())) > 1
        return f"unknown option{'s' * many} {'; '.join(told)}"

    def _advice_about(self, name: str) -> str:
        if name in self.advice:
            return self.advice[name]
        flags = [flag for action in self._actions for flag in action.option_strings]
        meant = nearest(name, flags) if name.startswith("--") else None
        return f"did you mean {meant}?" if meant else ""


def _without_mark(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_mark(one) for one in value]
    return value.removeprefix(_PLAIN) if isinstance(value, str) else value


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that is spelled most like a mistyped one; `None` if none is.

    >>> nearest("--max", ["--max-file", "--quota"]), nearest("dif", ["diff"]), nearest("--colour", ["--depth"])
    ('--max-file', 'diff', None)
    """
    import difflib  # noqa: PLC0415 - only a mistake needs it

    known = sorted(known)
    near = difflib.get_close_matches(word, known, 1, 0.8)
    return near[0] if near else next((one for one in known if one.startswith(word)), None)


def without_secrets(argument: str) -> str:
    """Hide what may be secret in a command-line argument, so that a message can quote it.

    >>> without_secrets("login=guido:spam"), without_secrets("http://guido:spam@example.org/?a=b")
    ('login=...', 'http://...@example.org/?a=b')
    """
    name, equals, _ = argument.partition("=")
    return f"{name}=..." if equals and re.fullmatch(r"-*[\w-]+", name) else hidden(argument)
