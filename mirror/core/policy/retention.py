"""Which snapshots to keep, as restic and borg do it.

Enters: a policy, the snapshots' times, the time now. Leaves: the snapshots to keep, each with the rule that keeps it. Never
here: the deleting.

The law
-------
1. The newest snapshot is kept, whatever the policy is.
2. `last=N` keeps the N newest; `daily=N` the newest of each of the N newest days that have one; `weekly`, `monthly` and
   `yearly` likewise. Days and years are those of UTC, weeks those of ISO 8601. `within=30d` keeps what is no older.
3. Each rule looks at all snapshots and no rule at another: more in a policy never keeps less, and what was kept once is
   kept when the same is done again.
"""

import re
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from mirror.core.http.caching import InvalidDurationError, duration

PERIODS: Final[dict[str, Callable[[datetime], Hashable]]] = {
    "daily": lambda taken: taken.date(),
    "weekly": lambda taken: taken.isocalendar()[:2],
    "monthly": lambda taken: (taken.year, taken.month),
    "yearly": lambda taken: taken.year,
}
"""Rule -> the period, of which it keeps the newest, that a time is in."""

_COUNTED: Final = ("last", *PERIODS)
_NUMBER = re.compile("[0-9]{1,6}")
_Snapshot = tuple[datetime, int]


class InvalidPolicyError(ValueError):
    """The caller gave words that are no policy: the message says which and what would be."""


@dataclass(frozen=True, slots=True)
class Policy:
    """How many snapshots each rule keeps; 0 and `None`: there is no such rule."""

    last: int = 0
    daily: int = 0
    weekly: int = 0
    monthly: int = 0
    yearly: int = 0
    within: timedelta | None = None


def parse(words: str) -> Policy:
    """Read a policy: rules in any order, each at most once; raises `InvalidPolicyError` with a sentence for the user.

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
                f"{word.strip()!r} is no rule to keep snapshots by: write {'=N, '.join(_COUNTED)}=N or within=30d"
            )
    return Policy(**numbers, within=within)


def kept(policy: Policy, snapshots: Sequence[tuple[int, datetime]], now: datetime) -> dict[int, str]:
    """The snapshots to keep, and the first rule that keeps each. Times know their zone; of one time, the higher id is newer.

    >>> days = [(day, datetime(2024, 1, day, tzinfo=UTC)) for day in (1, 2, 3, 8)]
    >>> kept(parse("weekly=2,monthly=1"), days, now=datetime(2024, 1, 9, tzinfo=UTC))
    {8: 'newest', 3: 'weekly'}
    """
    newest_first = sorted(((taken.astimezone(UTC), number) for number, taken in snapshots), reverse=True)
    found: dict[int, str] = {}
    for rule, chosen in _chosen(policy, newest_first, now):
        for _, number in chosen:
            found.setdefault(number, rule)
    return found


def _chosen(
    policy: Policy, newest_first: Sequence[_Snapshot], now: datetime
) -> Iterator[tuple[str, Sequence[_Snapshot]]]:
    """Each rule, and the snapshots that it keeps."""
    yield "newest", newest_first[:1]
    yield "last", newest_first[: policy.last]
    for rule, period in PERIODS.items():
        yield rule, _newest_of_each(period, newest_first)[: getattr(policy, rule)]
    if policy.within is not None:
        yield "within", [snapshot for snapshot in newest_first if now - snapshot[0] <= policy.within]


def _newest_of_each(period: Callable[[datetime], Hashable], newest_first: Sequence[_Snapshot]) -> list[_Snapshot]:
    found: dict[Hashable, _Snapshot] = {}
    for snapshot in newest_first:
        found.setdefault(period(snapshot[0]), snapshot)
    return list(found.values())


def _number(rule: str, value: str) -> int:
    if not _NUMBER.fullmatch(value) or not int(value):
        raise InvalidPolicyError(f"{rule}={value} keeps nothing: write a number from 1 to 999999")
    return int(value)


def _within(value: str) -> timedelta:
    try:
        return duration(value)
    except InvalidDurationError as error:
        raise InvalidPolicyError(f"within={value}: {error}") from error
