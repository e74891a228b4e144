"""What can be wrong with a link, and the rules of an ignore file.

This module finds no problems: `store.links` does.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import translate
from typing import Final, NamedTuple

from mirror.core.url.canonical import CanonicalURL
from mirror.core.url.local_paths import LocalPath


class Problem(StrEnum):
    """The kinds of problems, the worst first."""

    BROKEN = "broken"  # there is nothing at the other end
    FRAGMENT = "fragment"  # there is a page, and nothing in it has that id or name
    MIXED = "mixed"  # a page of https loads something by http
    REDIRECT = "redirect"  # it has moved for good, and the link still says where it was
    UNCLEAR = "unclear"  # the server refuses to say, as walls against robots do
    SKIPPED = "skipped"  # the run did not ask, because of a rule
    ORPHAN = "orphan"  # no page links to this page
    DUPLICATE = "duplicate"  # two URLs have the same page


UNCLEAR: Final = frozenset({401, 403, 407, 429, 999})
"""Statuses that say something about the visitor, and nothing about the URL."""

ACTIVE: Final = frozenset({Problem.BROKEN, Problem.FRAGMENT})
"""The problems that fail a check by default."""


class Place(NamedTuple):
    """Where a link stands: a page, line and column, counted from 1, and the link as it is written there.

    A link in a header has line 0; so has a start, whose `page` is the start itself, with nothing written. `path` is the file
    of the page in the tree.
    """

    page: CanonicalURL
    line: int
    column: int
    written: str
    path: LocalPath | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """A problem with one target, and all places that have it. `instead` is what to write there, if that is known."""

    problem: Problem
    target: str
    reason: str
    status: int | None = None
    instead: str | None = None
    places: list[Place] = field(default_factory=list)

    @property
    def each_place(self) -> Sequence[Place | None]:
        """The places; `None` in their stead, if it has none."""
        return self.places or [None]


class InvalidIgnoreError(ValueError):
    """A line of an ignore file can't be understood; the message says which, and why."""


@dataclass(slots=True)
class Ignored:
    """A rule of an ignore file: problems of this kind (`None`: all) with this target are expected. `count`: how many."""

    line: int
    problem: Problem | None
    pattern: re.Pattern[str]
    reason: str
    text: str = ""
    count: int = 0

    def matches(self, found: Finding) -> bool:
        """Whether a problem is one that this rule expects."""
        return self.problem in {None, found.problem} and self.pattern.match(found.target) is not None


def ignore_rules(text: str) -> list[Ignored]:
    """Read an ignore file: on each line a kind or `*`, a target with the wildcards `*` and `?`, and behind ` # ` the reason.

    Raises `InvalidIgnoreError`.

    >>> [(rule.problem, rule.reason) for rule in ignore_rules("broken https://example.org/old/* # until the move")]
    [(<Problem.BROKEN: 'broken'>, 'until the move')]
    """
    return [_rule(number, line) for number, line in enumerate(text.splitlines(), 1) if _is_rule(line)]


def _is_rule(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")


def _rule(number: int, line: str) -> Ignored:
    words, _, reason = line.partition(" # ")
    parts = words.split()
    if len(parts) != _PARTS:
        raise InvalidIgnoreError(
            f"line {number}: expected a kind, a URL, and a reason: broken https://example.org/x # why"
        )
    if not reason.strip():
        raise InvalidIgnoreError(f"line {number}: say behind ` # ` why this is to be ignored")
    kind, target = parts
    if kind != "*" and kind not in set(Problem):
        raise InvalidIgnoreError(f"line {number}: there is no kind {kind!r}: use * or one of {', '.join(Problem)}")
    pattern = re.compile(translate(target.replace("[", "[[]")))
    return Ignored(number, None if kind == "*" else Problem(kind), pattern, reason.strip(), line.strip())


def is_ignored(found: Finding, rules: Sequence[Ignored]) -> bool:
    """Whether a rule matches a problem; counts it there."""
    matching = [rule for rule in rules if rule.matches(found)]
    for rule in matching:
        rule.count += 1
    return bool(matching)


_PARTS: Final = 2  # of a rule, in front of its reason
