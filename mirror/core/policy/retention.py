"""Retention: which snapshots a policy keeps. The rules are those of restic and borg.

Input: a policy, the times of the snapshots, the current time. Output: the snapshots to keep, each with the rule that keeps it.
This module deletes nothing.

The law
-------
1. The newest snapshot is kept, whatever the policy is. A snapshot is newer than another one if its number is higher: the clock
   may have gone back between two runs.
2. `last=N` keeps the N newest snapshots. `daily=N` keeps the newest snapshot of each of the last N days that have one;
   `weekly`, `monthly` and `yearly` work likewise. Days, months and years are in UTC; weeks are those of ISO 8601. `within=30d`
   keeps the snapshots that are not older. A snapshot is as new as the newest one before it, and one of the future is new: if
   the clock was wrong, too much is kept.
3. Each rule considers all snapshots, independently of the other rules. So an additional rule never keeps less, and applying a
   policy twice has the same result as applying it once.
"""

import re
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from mirror.core.http.caching import InvalidDurationError, duration
from mirror.core.policy.clock import is_future

PERIODS: Final[dict[str, Callable[[datetime], Hashable]]] = {
    "daily": lambda taken: taken.date(),
    "weekly": lambda taken: taken.isocalendar()[:2],
    "monthly": lambda taken: (taken.year, taken.month),
    "yearly": lambda taken: taken.year,
}
"""Rule -> a function that returns the period of a time; the rule keeps the newest snapshot of each period."""

_COUNTED: Final = ("last", *PERIODS)
_NUMBER = re.compile("[0-9]{1,6}")
_Snapshot = tuple[int, datetime]


class InvalidPolicyError(ValueError):
    """A policy is invalid. The message is a sentence for the user: what is wrong, and what would be valid."""


@dataclass(frozen=True, slots=True)
class Policy:
    """How many snapshots each rule keeps. 0 and `None`: the policy doesn't have the rule."""

    last: int = 0
    daily: int = 0
    weekly: int = 0
    monthly: int = 0
    yearly: int = 0
    within: timedelta | None = None


def parse(words: str) -> Policy:
    """Parse a policy: rules in any order, each at most once; raise `InvalidPolicyError` with a sentence for the user.

    >>> parse("daily=7, monthly=12")
    Policy(last=0, daily=7, weekly=0, monthly=12, yearly=0, within=None)
    """
    numbers: dict[str, int] = {}
    within: timedelta | None = None
    for word in words.split(","):
        rule, _, value = (part.strip() for part in word.partition("="))
        if rule in numbers or (rule == "within" and within is not None):
            raise InvalidPolicyError(f"{words!r} has the rule {rule} twice")
        if rule == "within":
            within = _within(value)
        elif rule in _COUNTED:
            numbers[rule] = _number(rule, value)
        else:
            raise InvalidPolicyError(
                f"{word.strip()!r} is not a valid rule: write {'=N, '.join(_COUNTED)}=N or within=30d"
            )
    return Policy(**numbers, within=within)


def kept_snapshots(policy: Policy, snapshots: Sequence[tuple[int, datetime]], now: datetime) -> dict[int, str]:
    """Return the ids of the snapshots to keep, each with the first rule that keeps it.

    Times have a time zone. The snapshot with the higher id is newer, whatever their times are.

    >>> days = [(day, datetime(2024, 1, day, tzinfo=UTC)) for day in (1, 2, 3, 8)]
    >>> kept_snapshots(parse("weekly=2,monthly=1"), days, now=datetime(2024, 1, 9, tzinfo=UTC))
    {8: 'newest', 3: 'weekly'}
    """
    newest_first = sorted(((number, taken.astimezone(UTC)) for number, taken in snapshots), reverse=True)
    found: dict[int, str] = {}
    for rule, chosen in _chosen(policy, newest_first, now):
        for number, _ in chosen:
            found.setdefault(number, rule)
    return found


def _chosen(
    policy: Policy, newest_first: Sequence[_Snapshot], now: datetime
) -> Iterator[tuple[str, Iterable[_Snapshot]]]:
    """Yield each rule with the snapshots that it keeps."""
    yield "newest", newest_first[:1]
    yield "last", newest_first[: policy.last]
    for rule, period in PERIODS.items():
        yield rule, _newest_of_each(period, newest_first)[: getattr(policy, rule)]
    if policy.within is not None:
        yield "within", _within_age(policy.within, newest_first, now)


def _newest_of_each(period: Callable[[datetime], Hashable], newest_first: Sequence[_Snapshot]) -> list[_Snapshot]:
    found: dict[Hashable, _Snapshot] = {}
    for snapshot in newest_first:
        found.setdefault(period(snapshot[1]), snapshot)
    return list(found.values())


def _within_age(most: timedelta, newest_first: Sequence[_Snapshot], now: datetime) -> Iterator[_Snapshot]:
    """Yield the snapshots that may be as young as that: each is as new as the newest one before it."""
    is_young = False
    for snapshot in reversed(newest_first):
        in_future = is_future(snapshot[1], now)
        is_young = is_young or (now - snapshot[1] <= most and not in_future)
        if is_young or in_future:
            yield snapshot


def _number(rule: str, value: str) -> int:
    if not _NUMBER.fullmatch(value) or not int(value):
        raise InvalidPolicyError(f"{rule}={value} keeps nothing: write a number from 1 to 999999")
    return int(value)


def _within(value: str) -> timedelta:
    try:
        return duration(value)
    except InvalidDurationError as error:
        raise InvalidPolicyError(f"within={value}: {error}") from error
