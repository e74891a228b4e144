"""The words of a user as checked values: what `-a NAME=VALUE` and the options of `websucker` mean."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, TypeVar

from mirror.core.freshness import InvalidDurationError, duration
from mirror.core.scope import Area, Requisites, Scope
from mirror.core.urls import CanonicalURL, InvalidURLError, canonical, has_credentials
from mirror.store.crawl import Renewal

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
    "refresh": ("DURATION", "", "do not ask again for what was checked less long ago than 30m, 12h, 7d..."),
    "trust": ("0|1", "0", "nor for what its server said would stay fresh for now"),
    "max_loss": ("SHARE", "0.5", "hold a run in which a larger share of the pages is gone; 1 holds none"),
}
"""Option -> (what it takes, its default, what it does)."""


REPAIR: Final = "repair"
"""The option, among those of a run in the manifest, of one that mends what is damaged."""


class UsageError(ValueError):
    """A user's words mean nothing; the message is one line that says which and what would."""


@dataclass(frozen=True)
class Options:
    """What a run was asked for."""

    out: Path
    scope: Scope
    limit: int | None
    renewal: Renewal

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
        renewal = Renewal(
            refresh=_duration("refresh", values["refresh"]),
            trust=_flag("trust", values["trust"]),
            most_lost=_share("max_loss", values["max_loss"]),
        )
        return cls(_path(values["out"]), scope, _number("limit", values["limit"], least=1), renewal)

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
    if text.startswith("@") and ("://" not in text or _path(text[1:]).exists()):
        found = _listed(_path(text[1:]))
    else:
        found = [url for word in _words(text) for url in (_listed(_path(word[1:])) if word[0] == "@" else [word])]
    if not found:
        raise UsageError("no start: give a URL, as in -a start=https://example.org/")
    return list(dict.fromkeys(map(_start, found)))


def _words(text: str) -> list[str]:
    return [word for word in re.split(r"\s+|,+(?=[A-Za-z][A-Za-z0-9+.\-]*:|@|\s|$)", text) if word]


def _start(text: str) -> CanonicalURL:
    try:
        url = canonical(text)
    except InvalidURLError as error:
        raise UsageError(str(error)) from error
    if has_credentials(text):
        raise UsageError("a start with a user's name or password in it is not supported")
    return url


def _listed(path: Path) -> list[str]:
    """The URLs of a list: one or several a line, `#` before remarks."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"the list of starts {path} can't be read: {getattr(error, 'strerror', None) or error}"
        ) from error
    return [word for line in lines for word in _words(re.sub(r"(?:^|\s)#.*", "", line))]


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


def parse_size(name: str, text: str) -> int:
    """A number of bytes, as users write it; raises `UsageError`.

    >>> parse_size("reserve", "100M"), parse_size("reserve", "1.5 GB"), parse_size("reserve", "0")
    (100000000, 1500000000, 0)
    """
    match = re.fullmatch(r"([0-9]{1,15}(?:\.[0-9]{1,9})?)\s*([kMGT]?)B?", text)
    if match is None:
        raise UsageError(f"{name}={text} is no size: write it as 500000, 500k, 100M or 1.5G")
    return int(float(match[1]) * 1000 ** " kMGT".index(match[2] or " "))


def _duration(name: str, text: str) -> timedelta | None:
    try:
        return duration(text) if text else None
    except InvalidDurationError as error:
        raise UsageError(f"{name}={text}: {error}") from None


def _flag(name: str, text: str) -> bool:
    if text not in {"0", "1"}:
        raise UsageError(f"{name}={text} is neither 0 nor 1")
    return text == "1"


def _share(name: str, text: str) -> float:
    if not re.fullmatch(r"[01]|0?\.[0-9]{1,9}|1\.0{1,9}", text):
        raise UsageError(f"{name}={text} is no share from 0 to 1, as 0.5 is")
    return float(text)


def _number(name: str, text: str, *, least: int) -> int | None:
    if not text:
        return None
    if not re.fullmatch(r"[0-9]{1,18}", text) or int(text) < least:
        raise UsageError(f"{name}={text} is no whole number from {least} on")
    return int(text)
