"""The words of a user as checked values: what `-a NAME=VALUE` and the options of `websucker` mean."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, TypeVar

from mirror.core.scope import Area, Requisites, Scope
from mirror.core.urls import CanonicalURL, InvalidURLError, canonical, has_credentials

Word = TypeVar("Word", bound=StrEnum)

HELP: Final[dict[str, tuple[str, str, str]]] = {
    "start": ("URL", "", "one URL, several (white space or commas between them), or @FILE with one a line"),
    "out": ("DIR", "archive", "the folder of the archive"),
    "scope": (
        "WORD",
        "site",
        "how far pages are followed: site (registrable domain), host, or prefix (the start's folder)",
    ),
    "requisites": (
        "WORD",
        "all",
        "from where pictures, styles, scripts, fonts and media come: all (anywhere), site, or none",
    ),
    "include": ("REGEX", "", "follow only pages whose URL it matches"),
    "exclude": ("REGEX", "", "fetch nothing whose URL it matches"),
    "depth": ("N", "", "follow links at most N deep; 0 is the start alone"),
    "limit": ("N", "", "fetch at most N pages"),
}
"""Option -> (what it takes, its default, what it does)."""


class UsageError(ValueError):
    """A user's words mean nothing; the message is one line that says which and what would."""


@dataclass(frozen=True)
class Options:
    """What a run was asked for."""

    out: Path
    scope: Scope
    limit: int | None

    @classmethod
    def parse(cls, words: Mapping[str, str]) -> "Options":
        """Check the user's words; raises `UsageError`."""
        unknown = sorted(set(words) - set(HELP))
        if unknown:
            raise UsageError(f"there is no option {unknown[0]!r}; the options are {', '.join(HELP)}")
        values = {name: words.get(name) or default for name, (_, default, _) in HELP.items()}
        scope = Scope(
            starts=tuple(parse_starts(values["start"])),
            area=_word(Area, "scope", values["scope"]),
            requisites=_word(Requisites, "requisites", values["requisites"]),
            include=_regex("include", values["include"]),
            exclude=_regex("exclude", values["exclude"]),
            depth=_number("depth", values["depth"], least=0),
        )
        return cls(_path(values["out"]), scope, _number("limit", values["limit"], least=1))

    def as_json(self) -> dict[str, Any]:
        """What decides whether a run goes on with an earlier one."""
        return {
            "start": list(self.scope.starts),
            "scope": self.scope.area,
            "requisites": self.scope.requisites,
            "include": self.scope.include and self.scope.include.pattern,
            "exclude": self.scope.exclude and self.scope.exclude.pattern,
            "depth": self.scope.depth,
            "limit": self.limit,
        }


def parse_starts(text: str) -> list[CanonicalURL]:
    """The URLs that a start names, each once; raises `UsageError`.

    A comma ends a URL only in front of another one, because URLs may hold commas.

    >>> parse_starts("http://example.org/a,b,http://example.com")
    ['http://example.org/a,b', 'http://example.com/']
    """
    if text.startswith("@"):
        text = _listed(_path(text[1:]))
    found = [url for url in re.split(r"\s+|,+(?=[A-Za-z][A-Za-z0-9+.\-]*:|\s|$)", text) if url]
    if not found:
        raise UsageError("no start: give a URL, as in -a start=https://example.org/")
    return list(dict.fromkeys(map(_start, found)))


def _start(text: str) -> CanonicalURL:
    try:
        url = canonical(text)
    except InvalidURLError as error:
        raise UsageError(str(error)) from error
    if has_credentials(text):
        raise UsageError("a start with a user's name or password in it is not supported")
    return url


def _listed(path: Path) -> str:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"the list of starts {path} can't be read: {getattr(error, 'strerror', None) or error}"
        ) from error
    return "\n".join(line for line in map(str.strip, lines) if not line.startswith("#"))


def _path(text: str) -> Path:
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise UsageError(f"{text} is in the home of nobody known here: write the folder out") from error


def _word(words: type[Word], name: str, text: str) -> Word:
    try:
        return words(text)
    except ValueError:
        raise UsageError(f"{name}={text} is unknown; it is one of {', '.join(words)}") from None


def _regex(name: str, text: str) -> re.Pattern[str] | None:
    try:
        return re.compile(text) if text else None
    except (re.error, OverflowError, RecursionError) as error:
        raise UsageError(f"{name}={text} is no regular expression: {error}") from None


def _number(name: str, text: str, *, least: int) -> int | None:
    if not text:
        return None
    if not re.fullmatch(r"[0-9]{1,18}", text) or int(text) < least:
        raise UsageError(f"{name}={text} is no whole number from {least} on")
    return int(text)
