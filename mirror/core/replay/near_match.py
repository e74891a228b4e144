"""Near matches: which stored URL answers a request for a URL that is not in a snapshot.

Input: the requested URL and the stored URLs with its path. Output: one of them, and by which rules it matches. This module
reads no archive.

The law
-------
Two URLs match if they differ only in parameters that `Rule` names. Scripts put these into a URL so that it is a new one at each
request; the resource is the same.

    time       a number that is a time: seconds or milliseconds since 1970;          ?_=1795514400000
               but no number that is an id by the name of its parameter
    random     a random number or identifier, or any value of a parameter whose      ?0.8394571  ?rnd=17
               name says that it is one
    callback   the name of a function, in a parameter for it (JSONP)                 ?callback=jQuery3601_17955

A parameter with a time or a random value may also be missing from one of the two. All other parameters agree, in their order.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import takewhile
from typing import Final

from mirror.core.url.canonical import CanonicalURL


class Rule(StrEnum):
    """Why a parameter may differ."""

    TIME = "time"
    RANDOM = "random"
    CALLBACK = "callback"


CALLBACKS: Final = frozenset(
    {"callback", "_callback", "cb", "jsonp", "jsonpcallback", "jsonp_callback", "jsoncallback"}
)
"""Parameters that name a function, in lower case."""

RANDOMS: Final = frozenset(
    {"_", "bust", "buster", "cachebust", "cachebuster", "cache_buster", "nocache", "no_cache", "rand", "random", "rnd"}
)
"""Parameters whose value never matters, in lower case."""

_TIME: Final = re.compile(r"[12][0-9]{9}(?:[0-9]{3})?(?:\.[0-9]+)?")
_RANDOM: Final = re.compile(
    r"0\.[0-9]{6,}(?:e-[0-9]+)?|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII
)
_FUNCTION: Final = re.compile(r"[A-Za-z_$][\w$]{0,99}(?:\.[A-Za-z_$][\w$]{0,99}){0,5}", re.ASCII)
_JSONP_HEAD: Final = 300
"""Bytes at the beginning of an answer in which its callback is named."""

Parameter = tuple[str, str]


@dataclass(frozen=True, slots=True)
class NearMatch:
    """A stored URL, and the rules by which it matches: each with the parameter that differs."""

    url: CanonicalURL
    rules: tuple[str, ...]
    callbacks: tuple[tuple[str, str], ...] = ()
    """Names of functions, as stored and as requested."""


def near_match(asked: CanonicalURL, stored: Sequence[CanonicalURL]) -> NearMatch | None:
    """Return the stored URL that answers a request; `None` if none does. Of several, the one with the fewest differences.

    >>> near_match(CanonicalURL("http://h/a?x=1&_=1795514400123"), [CanonicalURL("http://h/a?x=1&_=1795514400000")]).rules
    ('time _',)
    >>> near_match(CanonicalURL("http://h/a?page=2"), [CanonicalURL("http://h/a?page=1")]) is None
    True
    """
    wanted = _parameters(asked)
    wanted_key = _key(wanted)
    matches = [_match(wanted, url, own) for url in stored if _key(own := _parameters(url)) == wanted_key]
    return min(matches, key=lambda one: len(one.rules), default=None)


def beginning(asked: CanonicalURL) -> str:
    """Return how the stored URLs begin that may match: everything before the first parameter that may differ.

    >>> beginning(CanonicalURL("http://h/a?x=1&_=1795514400123&y")), beginning(CanonicalURL("http://h/a"))
    ('http://h/a?x=1', 'http://h/a?')
    """
    path, _, query = asked.partition("?")
    fixed = takewhile(lambda part: not _rule(*_parameter(part)), query.split("&"))
    return f"{path}?{'&'.join(fixed)}"


def with_callback(payload: bytes, match: NearMatch) -> bytes:
    """Return an answer that calls the function that was requested instead of the one that was stored (JSONP)."""
    head, rest = payload[:_JSONP_HEAD], payload[_JSONP_HEAD:]
    for stored, requested in match.callbacks:
        name = re.compile(rb"(?<![\w$.])" + re.escape(stored.encode()) + rb"(?![\w$.])")
        head = name.sub(requested.encode(), head)
    return head + rest


def _match(wanted: Sequence[Parameter], url: CanonicalURL, own: Sequence[Parameter]) -> NearMatch:
    differing = [one for one in dict.fromkeys([*wanted, *own]) if (one in wanted) != (one in own)]
    named = tuple(dict.fromkeys(f"{_rule(*one)} {one[0]}".rstrip() for one in differing))
    requested = {name: value for name, value in wanted if _rule(name, value) is Rule.CALLBACK}
    callbacks = tuple(
        (value, requested[name])
        for name, value in own
        if _rule(name, value) is Rule.CALLBACK and requested.get(name, value) != value
    )
    return NearMatch(url, named, callbacks)


def _parameters(url: CanonicalURL) -> list[Parameter]:
    """The parameters of a URL. One without `=` has no name."""
    query = url.partition("?")[2]
    return [_parameter(part) for part in query.split("&") if part]


def _parameter(part: str) -> Parameter:
    name, mark, value = part.partition("=")
    return (name, value) if mark else ("", name)


def _key(parameters: Sequence[Parameter]) -> list[tuple[str, str | Rule]]:
    """What has to agree: all but times and random values; of callbacks, that there is one."""
    ruled = [(name, value, _rule(name, value)) for name, value in parameters]
    return [(name, Rule.CALLBACK if rule else value) for name, value, rule in ruled if rule in {None, Rule.CALLBACK}]


def _rule(name: str, value: str) -> Rule | None:
    """By which rule a parameter may differ; `None` if it may not."""
    if _TIME.fullmatch(value) and not name.lower().endswith("id"):
        return Rule.TIME
    if name.lower() in RANDOMS or _RANDOM.fullmatch(value):
        return Rule.RANDOM
    return Rule.CALLBACK if name.lower() in CALLBACKS and _FUNCTION.fullmatch(value) else None
