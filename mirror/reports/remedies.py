"""What a user can do: the words for each reason of a skip, and a hint for each kind of failure. Two tables, and no state."""

import re
from collections.abc import Collection, Iterable
from typing import Final

from mirror.core.policy.scope import Reason

DISOBEY: Final = "`-s ROBOTSTXT_OBEY=0`"

_SKIPS: Final = {
    Reason.DEPTH: "deeper than --depth",
    Reason.INCLUDE: "left out by --include",
    Reason.EXCLUDE: "left out by --exclude",
    Reason.REQUISITE: "requisites left out by --requisites",
    Reason.MEDIA: "media left out by --media",
    Reason.NEVER: "only named, such as the target of a form",
    Reason.LIMIT: "over --limit",
    Reason.SIZE: "larger than --max-file",
    Reason.FORGOTTEN: "forgotten with `forget`",
}
"""Reasons whose words for a user differ from what the manifest stores: they name the option."""

_SKIP_HINTS: Final = {
    Reason.TRAP: "`--no-traps` follows what is in a trap",
    Reason.PRIVATE: "`--private` allows addresses that are not on the internet",
}
"""What helps if the user did not mean a skip."""

_HINTS: Final = (
    (r"401\b", "Some URLs need a login, or another one (401): see `--login`, `--netrc` and `--cookies`"),
    (
        r"(?:403|999)\b",
        "The server refuses some requests ({}): `--cookies` or `--user-agent` from a browser, or `--login`, may help",
    ),
    (
        r"407\b|proxy ",
        "The proxy is in the way: check `--proxy`, which may have a login; `--proxy none` connects directly",
    ),
    (r"429\b", "The server wants fewer requests (429): `--delay 1` or `--connections 1` may help, later"),
    (r"503\b", "The server refuses some requests for now (503): run the same command again later, with `--delay 1`"),
    (
        r"(?:500|502|504|52\d|530)\b",
        "The server fails ({}): run the same command again later; it asks for these URLs again",
    ),
    (
        r"redirects in a circle",
        "Redirects in a circle are often the wait for a cookie: `--cookies FILE` sends those of a browser that gets the page",
    ),
    (
        r"leads to ",
        "A start redirects out of the scope: start from where it leads, or give both as starts",
    ),
    (
        r"login page where",
        "The server shows a login page in the place of some pages, whose last good copies stay: see `--cookies` and `--login`",
    ),
    (
        r"certificate not trusted",
        "If you trust the server: `--ca FILE` names the authority of its certificate, `--insecure` accepts any",
    ),
    (r"host does not resolve", "A host has no address: check its spelling, and whether this machine is online"),
    (
        r"TLS handshake failed",
        "A server speaks no TLS that this program knows; perhaps the URL should begin with http://",
    ),
    (
        r"connection (?:refused|failed|closed)",
        "A server can't be reached: check host, port and whether it is http or https, or run the same command again later",
    ),
    (r"timed out", "A server is silent: run the same command again later; `--timeout` sets how long to wait"),
    (r"cut short", "Some transfers were cut short: run the same command again; it fetches what is missing"),
    (r"its payload was lost", "Received files are damaged or missing: `verify --repair` fetches them again"),
)
"""How the cause of a failure begins, as a pattern, and what helps. `{}` stands for the match."""

_GIVEN_UP: Final = re.compile(r"host given up after (.+?)(?: \d+ times in a row)?", re.DOTALL)
_GIVING_UP: Final = "A host was given up: run the same command again later; it asks for these URLs again"


def skip_text(reason: str) -> str:
    """The words for a reason of a skip; `reason` is a value of `Reason`.

    >>> skip_text("excluded"), skip_text("outside the scope")
    ('left out by --exclude', 'outside the scope')
    """
    return next((text for known, text in _SKIPS.items() if known == reason), reason)


def skip_hints(reasons: Collection[str]) -> list[str]:
    """What helps against skips for these reasons, a line each."""
    return [text for known, text in _SKIP_HINTS.items() if known in reasons]


def cause(error: str) -> str:
    """What went wrong with a host that was given up; any other error is its own cause.

    >>> cause("host given up after timed out 3 times in a row"), cause("404 Not Found")
    ('timed out', '404 Not Found')
    """
    match = _GIVEN_UP.fullmatch(error)
    return match[1] if match else error


def hints(errors: Iterable[str]) -> list[str]:
    """One line for each kind of failure that a user can do something about, in the order of the table."""
    causes = {cause(error): cause(error) != error for error in errors}
    lines = []
    for pattern, text in _HINTS:
        found = dict.fromkeys(match[0] for one in causes if (match := re.match(pattern, one)))
        lines += [text.format(", ".join(found))] if found else []
    return lines or ([_GIVING_UP] if any(causes.values()) else [])
