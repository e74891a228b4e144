"""How fast a run goes, and how many URLs it may have in the end.

Input: counts at moments. Output: rates over the last minute, and a number that the run reaches if nothing changes. Nobody knows
what pages will link to that were not read yet, so this is no promise.
"""

from collections import deque
from dataclasses import dataclass
from typing import Final

WINDOW: Final = 60.0
"""Seconds that count."""

_STEP: Final = 1.0
_FEW: Final = 20
"""URLs that have to be done within the window, before their links say something about the others."""

_MOST_GROWTH: Final = 0.95
"""New URLs for each URL that is done, from which nothing can be said: a sum that hardly ends may be anything."""


@dataclass(frozen=True, slots=True)
class Moment:
    """Counts at a time, in seconds: URLs `done`, URLs `known` (those and what waits), bytes `received`."""

    time: float
    done: int
    known: int
    received: int


@dataclass(frozen=True, slots=True)
class Pace:
    """URLs done and bytes received a second, and `most`, the URLs that there will be; `None` if that can't be said."""

    rate: float = 0.0
    byte_rate: float = 0.0
    most: int | None = None


class Window:
    """The counts of the last minute.

    >>> window = Window()
    >>> window.pace(Moment(0.0, 0, 1, 0))
    Pace(rate=0.0, byte_rate=0.0, most=None)
    >>> window.pace(Moment(10.0, 100, 300, 5000))
    Pace(rate=10.0, byte_rate=500.0, most=None)
    >>> window.pace(Moment(70.0, 500, 700, 5000))
    Pace(rate=6.666666666666667, byte_rate=0.0, most=None)
    >>> window.pace(Moment(130.0, 700, 800, 5000))
    Pace(rate=3.3333333333333335, byte_rate=0.0, most=900)
    """

    def __init__(self) -> None:
        self._moments: deque[Moment] = deque()

    def pace(self, now: Moment) -> Pace:
        """Add the counts of this moment, and return the pace since the oldest that counts."""
        moments = self._moments
        while len(moments) > 1 and moments[1].time <= now.time - WINDOW:
            moments.popleft()
        if not moments or now.time - moments[-1].time >= _STEP:
            moments.append(now)
        first = moments[0]
        passed = now.time - first.time
        if passed <= 0:
            return Pace()
        done = now.done - first.done
        return Pace(done / passed, (now.received - first.received) / passed, _most(now, done, now.known - first.known))


def _most(now: Moment, done: int, found: int) -> int | None:
    """Return how many URLs there will be if each of those that wait leads to as many new ones as the last, and so on."""
    waiting = now.known - now.done
    if not waiting:
        return now.known
    if done < _FEW or found > _MOST_GROWTH * done:
        return None
    growth = max(0.0, found / done)
    return now.known + round(waiting * growth / (1 - growth))
