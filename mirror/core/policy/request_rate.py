"""How fast one host is asked: a state for each, moved by what comes of its requests.

Enters: that a request starts, how it ended, the time. Leaves: how long to wait before the next, whether to try again, whether
to give the host up for now. The clock and chance are passed in. Never here: a request, a timer.

The law
-------
1. A host that answers is asked at once, for one thing, then for one more with each answer, up to `connections`: one that
   refuses has not been asked for all by then, and one whose robots.txt is not there yet has been asked for nothing else.
2. A refusal (429, 503) or a connection that fails halves the window. A limit (429, or a refusal that says when to come back)
   puts a distance between requests: the speed becomes three quarters of what the host took within a second, half of what it
   was if that was nothing. So does a second refusal in a row. Answers that come slower than they used to (four times, and
   more than half a second) take a quarter of the window.
3. What was sent before the host was slowed down says nothing new: of one burst only the first refusal counts.
4. Behind a refusal nothing is asked until `Retry-After` is over (`longest` at the most), or for a back-off that doubles.
5. The speed returns by addition: a fiftieth of the speed that was too much, each second, but no more than a 200th with one
   answer; the window by one each round.
6. `connections` and `delay` are never exceeded, nor is a `Crawl-delay`, up to `most_delay`.
7. A request is tried again: at once when its host goes on, where the host is in trouble; else after a delay by chance between
   nothing and a bound that doubles (full jitter), as long as the host has retries left: a fifth of its answers, and 20.
8. So many troubles in a row, and the host is given up for `broken_for` seconds. Then one request tries it.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from http import HTTPStatus
from math import inf
from typing import Final

from mirror.core.http.caching import http_date

MOST_WAITING: Final = 64
"""Requests of a host that wait to be tried again: with more, nothing new is asked."""

SLOW: Final = 0.5
"""Seconds: an answer that comes sooner is none that is slow."""

_SLOWER: Final = 4.0
_GROWTH: Final = 0.02
_MOST_GROWTH: Final = 0.005  # with one answer: a host that is asked seldom is not pushed more often
_BACK: Final = 0.75
_RETRIES: Final = 20.0
_RETRIES_PER_ANSWER: Final = 0.2
_MOST_RETRIES: Final = 100.0
_MOST_DOUBLINGS: Final = 32
_SECONDS: Final = re.compile(r"[0-9]{1,9}")


class Trouble(Enum):
    """What went wrong. The first three are the host's, the others may be the URL's alone."""

    LIMITED = "limited"  # 429, or whatever says when to come back: too many requests
    BUSY = "busy"  # 503: not now
    CONNECTION = "connection"  # no answer
    SERVER = "server"  # another error of the server's: 500, 502...
    BROKEN = "broken"  # an answer that was cut, or can't be read


REFUSALS: Final = frozenset({Trouble.LIMITED, Trouble.BUSY})
OF_HOST: Final = REFUSALS | {Trouble.CONNECTION}


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a user, or a setting, says. Times are seconds."""

    connections: int = 16
    delay: float = 0.0
    most_delay: float = 60.0
    longest: float = 600.0
    slowest: float = 60.0
    backoff: float = 1.0
    longest_backoff: float = 60.0
    tries: int = 2
    failures: int = 6
    refusals: int = 10
    broken_for: float = 600.0


class Pace:
    """The pace of one host. `random` gives numbers from 0 to 1."""

    __slots__ = (
        "_accepted",
        "_before",
        "_ceiling",
        "_latency",
        "_opening",
        "_random",
        "_retries",
        "_second",
        "_usual",
        "answers",
        "bounds",
        "broken_until",
        "delay",
        "epoch",
        "in_flight",
        "interval",
        "is_slowed",
        "next_start",
        "troubles",
        "until",
        "waiting",
        "window",
    )

    def __init__(self, bounds: Bounds, random: Callable[[], float]) -> None:
        self.bounds = bounds
        self.in_flight = 0
        self.waiting = 0
        """Requests that wait to be tried again."""
        self.answers = 0
        self.troubles = 0
        """In a row."""
        self.epoch = 0
        """Grows whenever the host is slowed down."""
        self.is_slowed = True
        """Whether `wait` may say anything but 0; Scrapy's own slots hold to `connections`."""
        self.window = 1.0
        self.interval = 0.0
        self.delay = bounds.delay
        self.next_start = -inf
        self.until = -inf
        self.broken_until = -inf
        self._opening = True
        self._random = random
        self._ceiling = 0.0
        self._second = -inf
        self._accepted = self._before = 0
        self._latency = 0.0
        self._usual = inf
        self._retries = _RETRIES

    def ask_for(self, delay: float, now: float) -> bool:
        """Keep to a `Crawl-delay`; gives whether to all of it."""
        self.delay = max(self.bounds.delay, min(delay, self.bounds.most_delay))
        if self.delay:
            self.is_slowed = True
            self.next_start = max(self.next_start, now + self.delay)
        return delay <= max(self.bounds.most_delay, self.bounds.delay)

    # --- starting ------------------------------------------------------------------------------------------------------

    def wait(self, now: float) -> float:
        """Seconds until the next request may start; `inf`: not before something has come back."""
        if not self.is_slowed:
            return 0.0
        if now < self.until:
            return self.until - now
        if self.in_flight >= int(self.window):
            return inf
        return max(0.0, self.next_start - now)

    @property
    def is_full(self) -> bool:
        """Whether so many requests wait to be tried again that no other one is to begin."""
        return self.waiting >= MOST_WAITING

    def start(self, now: float) -> int:
        """A request starts; what it gives is to be told again with its end."""
        self.in_flight += 1
        if self.is_slowed:
            self.next_start = now + max(self.interval, self.delay)
        return self.epoch

    def is_broken(self, now: float) -> bool:
        return now < self.broken_until

    def is_remembered(self, now: float) -> bool:
        """Whether there is anything that a new pace would not know."""
        waits = now < max(self.until, self.broken_until)
        return waits or self.in_flight > 0 or self.waiting > 0 or self.interval > 0 or self.delay > self.bounds.delay

    # --- what comes of it ----------------------------------------------------------------------------------------------

    def answered(self, now: float, latency: float, epoch: int) -> None:
        """An answer came, whatever it says, after so many seconds."""
        self.answers += 1
        self.troubles = 0
        if self._retries < _MOST_RETRIES:
            self._retries += _RETRIES_PER_ANSWER
        if now - self._second >= 1:
            self._turn(now)
        self._accepted += 1
        self._latency += (latency - self._latency) / 8 if self._usual != inf else latency
        if self._latency < self._usual:
            self._usual = self._latency
        elif self._latency > SLOW:
            self._compare(epoch)
        if self.is_slowed and epoch == self.epoch:
            self._faster(now)

    def troubled(self, now: float, epoch: int, trouble: Trouble, retry_after: float | None = None) -> None:
        """The host refused, or gave no answer."""
        if epoch != self.epoch:
            if retry_after is not None:
                self.until = max(self.until, now + min(retry_after, self.bounds.longest))
            return
        self.epoch += 1
        self.troubles += 1
        self.is_slowed, self._opening = True, False
        is_too_much = trouble is Trouble.LIMITED or (
            trouble is Trouble.BUSY and (self.troubles > 1 or self.window == 1)
        )
        self.window = max(1.0, self.window / 2)
        if is_too_much:
            self._keep_apart(now)
        pause = (0.5 + self._random() / 2) * self._bound(self.troubles - 1)
        self.until = max(self.until, now + (pause if retry_after is None else min(retry_after, self.bounds.longest)))
        if self.troubles >= self._most_troubles(trouble):
            self.broken_until = now + self.bounds.broken_for
            self.window = 1.0

    def retry(self, trouble: Trouble, tried: int) -> float | None:
        """Seconds after which a request is tried again that was so often before; `None`: it is not."""
        most = self.bounds.tries
        if trouble in OF_HOST:
            patient = self._most_troubles(trouble)
            return 0.0 if most and tried < max(most, patient) else None
        if tried >= most or self._retries < 1:
            return None
        self._retries -= 1
        return self._random() * self._bound(tried)

    # --- inside --------------------------------------------------------------------------------------------------------

    def _most_troubles(self, trouble: Trouble) -> int:
        """A host that never answered is given up sooner."""
        if not self.answers:
            return self.bounds.tries + 1
        return self.bounds.refusals if trouble in REFUSALS else self.bounds.failures

    def _bound(self, doublings: int) -> float:
        return min(self.bounds.longest_backoff, self.bounds.backoff * 2.0 ** min(doublings, _MOST_DOUBLINGS))

    def _turn(self, now: float) -> None:
        """Another second begins, whose answers are counted."""
        self._before = self._accepted if now - self._second < 2 else 0  # noqa: PLR2004 - the second before this one
        self._accepted = 0
        self._second = now

    def _keep_apart(self, now: float) -> None:
        """Put a distance between requests by what the host took in a second."""
        if now - self._second >= 1:
            self._turn(now)
        taken = float(max(self._accepted, self._before))
        speed = 1 / self.interval if self.interval else inf
        if taken:
            self._ceiling = min(taken, speed)
            speed = _BACK * self._ceiling
        else:
            if self.troubles == 1 and speed != inf:  # what it did take before is too much by now
                self._ceiling = speed
            speed = min(speed / 2, 1.0 / self.bounds.backoff if self.bounds.backoff else speed)
        self.interval = min(1 / speed, self.bounds.slowest) if speed != inf else 0.0

    def _compare(self, epoch: int) -> None:
        """Fewer at once where answers take longer than they used to. What is usual may change, slowly."""
        self._usual *= 1.01
        least = max(1.0, self.bounds.connections / 8)
        if self._latency > _SLOWER * self._usual and epoch == self.epoch and self.window > least:
            self.window = max(least, self.window * _BACK)
            self.epoch += 1
            self.is_slowed, self._opening = True, False

    def _faster(self, now: float) -> None:
        most = self.bounds.connections
        self.window = min(float(most), self.window + (1.0 if self._opening else 1 / self.window))
        if self.interval:
            speed = 1 / self.interval
            speed += min(_GROWTH * self.interval, _MOST_GROWTH) * max(self._ceiling, speed)
            self.interval = 0.0 if speed * max(self._latency, 0.001) >= most else 1 / speed
        is_open = self.window >= most and not self.interval and not self.delay
        if is_open and now >= self.until:
            self.is_slowed = self._opening = False


def trouble_of(status: int, other: Trouble = Trouble.SERVER) -> Trouble:
    """What a status that is tried again means; `other` is what most do."""
    return _STATUSES.get(status, other)


_STATUSES: Final[dict[int, Trouble]] = {
    HTTPStatus.TOO_MANY_REQUESTS: Trouble.LIMITED,
    HTTPStatus.SERVICE_UNAVAILABLE: Trouble.BUSY,
}


def retry_after(value: str | None, now: float) -> float | None:
    """Seconds that a `Retry-After` asks for (RFC 9110, 10.2.3); `None`: it says nothing. `now` is POSIX time.

    >>> retry_after("120", 0), retry_after("Thu, 01 Jan 1970 00:01:00 GMT", 20), retry_after("soon", 0)
    (120.0, 40.0, None)
    """
    text = (value or "").strip()
    if _SECONDS.fullmatch(text):
        return float(text)
    date = http_date(text) if text else None
    return None if date is None else max(0.0, date.timestamp() - now)
