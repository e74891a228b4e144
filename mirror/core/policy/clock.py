"""The clock of the machine, which may be wrong: what a time may decide.

Input: times, with a time zone. Output: whether they can be true. This module has no clock.

The law
-------
1. Snapshots are ordered by their numbers, never by their times: a clock can go back between two runs.
2. A time that is more than `SKEW` in the future is not believed: the clock was wrong then, or it is now. Nothing is skipped
   because of it, and nothing is deleted.
"""

from datetime import datetime, timedelta
from typing import Final

SKEW: Final = timedelta(minutes=5)
"""How far two clocks may differ that are right: those of two machines that write one archive in turn."""


def is_future(then: datetime, now: datetime) -> bool:
    """Return whether a time that was stored earlier lies in the future, so that it can't be believed.

    >>> from datetime import UTC
    >>> now = datetime(2026, 11, 29, tzinfo=UTC)
    >>> is_future(datetime(2036, 1, 1, tzinfo=UTC), now), is_future(datetime(2026, 11, 29, 0, 1, tzinfo=UTC), now)
    (True, False)
    """
    return then - now > SKEW


def latest_credible(now: str) -> str:
    """Return the latest time that is believed at a time; both are ISO 8601 text in UTC.

    >>> latest_credible("2026-11-29T00:00:00+00:00")
    '2026-11-29T00:05:00+00:00'
    """
    return (datetime.fromisoformat(now) + SKEW).isoformat(timespec="seconds")
