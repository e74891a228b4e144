"""The rate of requests to one host: a state for each host, which the outcomes of its requests change.

Input: the start of each request, its outcome, the time. Output: how long to wait before the next request, whether to try a
request again, whether to give the host up for a while. The clock and the random numbers are passed in. This module sends no
request and sets no timer.

The law
-------
1. The first request to a host is alone. Each answer then allows one more request at a time, up to `connections`. So a host that
   refuses requests gets few of them, and a host whose robots.txt has not arrived yet gets no other request.
2. A refusal (429, 503) or a failed connection halves the window, which is the number of requests at a time. A limit (429, or a
   refusal that says when to come back) or a second refusal in a row sets an interval between requests: the speed becomes three
   quarters of what the host answered within a second, or half of the present speed if it answered nothing. If answers become
   four times slower than usual, and slower than half a second, the window shrinks by a quarter.
3. Outcomes of requests that started before the host was last slowed down are not news: only the first refusal of a burst
   counts.
4. After a refusal, the host gets no request until `Retry-After` is over (at most `longest`) or, without one, for a back-off
   that doubles each time.
5. The speed grows linearly again: each second by a fiftieth of the speed that was too high, but with each answer by at most a
   200th. The window grows by one each round.
6. The rate never exceeds `connections` and `delay`, nor a `Crawl-delay` of up to `most_delay`.
7. If the trouble concerned the host, a request is tried again as soon as the host accepts requests. Otherwise it is tried again
   after a random delay between zero and a bound that doubles (full jitter), as long as the host has retries left: a fifth of
   its answers, and 20.
8. After too many troubles in a row, the host is given up for `broken_for` seconds. Then one request tries it again.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from http import HTTPStatus
from math import inf
from typing import Final

from mirror.core.http.caching import http_date

MAX_WAITING: Final = 64
"""The number of requests waiting to be tried again from which a host gets no new requests."""

SLOW: Final = 0.5
"""Seconds; an answer that takes less is never slow."""

_SLOWDOWN: Final = 4.0
_GROWTH: Final = 0.02
_MAX_GROWTH: Final = 0.005  # with one answer, so that a host with few requests is not pushed to its limit more often
_REDUCTION: Final = 0.75
_RETRIES: Final = 20.0
_RETRIES_PER_ANSWER: Final = 0.2
_MAX_RETRIES: Final = 100.0
_MAX_DOUBLINGS: Final = 32
_SECONDS: Final = re.compile(r"[0-9]{1,9}")


class Trouble(Enum):
    """What went wrong. The first three concern the host, the others may concern the URL only."""

    LIMITED = "limited"  # too many requests: 429, or a refusal that says when to come back
    BUSY = "busy"  # 503
    CONNECTION = "connection"  # no answer
    SERVER = "server"  # another error of the server: 500, 502...
    BROKEN = "broken"  # an answer that is cut short or invalid


REFUSALS: Final = frozenset({Trouble.LIMITED, Trouble.BUSY})
HOST_TROUBLES: Final = REFUSALS | {Trouble.CONNECTION}


@dataclass(frozen=True, slots=True)
class Bounds:
    """The limits from options and settings. Times are in seconds.

    `most_delay`: the longest `Crawl-delay`; `longest`: the longest `Retry-After`; `slowest`: the longest interval between
    requests; `backoff` and `longest_backoff`: the first and the longest back-off; `tries`: how often a URL in trouble is tried
    again; `failures` and `refusals`: after how many in a row a host is given up, and `broken_for`: for how long.
    """

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
    """The rate of requests to one host. `random` returns numbers from 0 to 1."""

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
        """The number of requests waiting to be tried again."""
        self.answers = 0
        self.troubles = 0
        """The number of troubles in a row."""
        self.epoch = 0
        """A number that grows each time the host is slowed down."""
        self.is_slowed = True
        """Whether `wait` may return anything but 0. If not, Scrapy's slots alone limit requests to `connections`."""
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
        """Respect a `Crawl-delay`; return whether it is respected in full."""
        self.delay = max(self.bounds.delay, min(delay, self.bounds.most_delay))
        if self.delay:
            self.is_slowed = True
            self.next_start = max(self.next_start, now + self.delay)
        return delay <= max(self.bounds.most_delay, self.bounds.delay)

    # --- starting ------------------------------------------------------------------------------------------------------

    def wait(self, now: float) -> float:
        """Return the seconds until the next request may start; `inf` if a request has to end first."""
        if not self.is_slowed:
            return 0.0
        if now < self.until:
            return self.until - now
        if self.in_flight >= int(self.window):
            return inf
        return max(0.0, self.next_start - now)

    @property
    def is_full(self) -> bool:
        """Whether so many requests wait, for a connection or to be tried again, that no new one may start."""
        return self.waiting >= MAX_WAITING or self.in_flight >= 2 * self.bounds.connections

    def start(self, now: float) -> int:
        """Record the start of a request; return the epoch, which the caller passes back when the request ends."""
        self.in_flight += 1
        if self.is_slowed:
            self.next_start = now + max(self.interval, self.delay)
        return self.epoch

    def is_broken(self, now: float) -> bool:
        return now < self.broken_until

    def is_remembered(self, now: float) -> bool:
        """Whether the state differs from that of a new host."""
        waits = now < max(self.until, self.broken_until)
        return waits or self.in_flight > 0 or self.waiting > 0 or self.interval > 0 or self.delay > self.bounds.delay

    # --- outcomes -----------------------------------------------------------------------------------------------------

    def answered(self, now: float, latency: float, epoch: int) -> None:
        """Record an answer of any status. `latency` is in seconds."""
        self.answers += 1
        self.troubles = 0
        if self._retries < _MAX_RETRIES:
            self._retries += _RETRIES_PER_ANSWER
        if now - self._second >= 1:
            self._start_second(now)
        self._accepted += 1
        self._latency += (latency - self._latency) / 8 if self._usual != inf else latency
        if self._latency < self._usual:
            self._usual = self._latency
        elif self._latency > SLOW:
            self._check_latency(epoch)
        if self.is_slowed and epoch == self.epoch:
            self._speed_up(now)

    def troubled(self, now: float, epoch: int, trouble: Trouble, retry_after: float | None = None) -> None:
        """Record a refusal or a missing answer. `retry_after` is in seconds."""
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
            self._set_interval(now)
        pause = (0.5 + self._random() / 2) * self._max_backoff(self.troubles - 1)
        self.until = max(self.until, now + (pause if retry_after is None else min(retry_after, self.bounds.longest)))
        if self.troubles >= self._max_troubles(trouble):
            self.broken_until = now + self.bounds.broken_for
            self.window = 1.0

    def retry(self, trouble: Trouble, tried: int, *, is_guess: bool = False) -> float | None:
        """Return the seconds until a request is tried again, after `tried` earlier tries; `None` if it is not tried again.

        A guess may be no URL at all: it is not tried again after an error of its own, and once if the error may be of the host.
        If the host only wants fewer requests, it waits as others do.
        """
        if is_guess and trouble is not Trouble.LIMITED and (tried or trouble is Trouble.SERVER):
            return None
        most = self.bounds.tries
        if trouble in HOST_TROUBLES:
            patient = self._max_troubles(trouble)
            return 0.0 if most and tried < max(most, patient) else None
        if tried >= most or self._retries < 1:
            return None
        self._retries -= 1
        return self._random() * self._max_backoff(tried)

    # --- inside --------------------------------------------------------------------------------------------------------

    def _max_troubles(self, trouble: Trouble) -> int:
        """Return after how many troubles in a row the host is given up; sooner if it never answered."""
        if not self.answers:
            return self.bounds.tries + 1
        return self.bounds.refusals if trouble in REFUSALS else self.bounds.failures

    def _max_backoff(self, doublings: int) -> float:
        return min(self.bounds.longest_backoff, self.bounds.backoff * 2.0 ** min(doublings, _MAX_DOUBLINGS))

    def _start_second(self, now: float) -> None:
        """Start to count the answers of another second."""
        self._before = self._accepted if now - self._second < 2 else 0  # noqa: PLR2004 - the second before this one
        self._accepted = 0
        self._second = now

    def _set_interval(self, now: float) -> None:
        """Set the interval between requests from the number of answers within a second."""
        if now - self._second >= 1:
            self._start_second(now)
        taken = float(max(self._accepted, self._before))
        speed = 1 / self.interval if self.interval else inf
        if taken:
            self._ceiling = min(taken, speed)
            speed = _REDUCTION * self._ceiling
        else:
            if self.troubles == 1 and speed != inf:  # the present speed has become too high
                self._ceiling = speed
            speed = min(speed / 2, 1.0 / self.bounds.backoff if self.bounds.backoff else speed)
        self.interval = min(1 / speed, self.bounds.slowest) if speed != inf else 0.0

    def _check_latency(self, epoch: int) -> None:
        """Shrink the window if answers take longer than usual. The usual latency may grow slowly."""
        self._usual *= 1.01
        least = max(1.0, self.bounds.connections / 8)
        if self._latency > _SLOWDOWN * self._usual and epoch == self.epoch and self.window > least:
            self.window = max(least, self.window * _REDUCTION)
            self.epoch += 1
            self.is_slowed, self._opening = True, False

    def _speed_up(self, now: float) -> None:
        most = self.bounds.connections
        self.window = min(float(most), self.window + (1.0 if self._opening else 1 / self.window))
        if self.interval:
            speed = 1 / self.interval
            speed += min(_GROWTH * self.interval, _MAX_GROWTH) * max(self._ceiling, speed)
            self.interval = 0.0 if speed * max(self._latency, 0.001) >= most else 1 / speed
        is_open = self.window >= most and not self.interval and not self.delay
        if is_open and now >= self.until:
            self.is_slowed = self._opening = False


def trouble_of(status: int, other: Trouble = Trouble.SERVER) -> Trouble:
    """Return the trouble that a status stands for; `other` for a status without a row of its own."""
    return _STATUSES.get(status, other)


_STATUSES: Final[dict[int, Trouble]] = {
    HTTPStatus.TOO_MANY_REQUESTS: Trouble.LIMITED,
    HTTPStatus.SERVICE_UNAVAILABLE: Trouble.BUSY,
}


def retry_after(value: str | None, now: float, date: str | None = None) -> float | None:
    """Return the seconds that a `Retry-After` asks for (RFC 9110, 10.2.3); `None` if it is missing or invalid.

    `now` is POSIX time. `date` is the `Date` of the answer: the clock of the server, which counts where it is known.

    >>> retry_after("120", 0), retry_after("Thu, 01 Jan 1970 00:01:00 GMT", 20), retry_after("soon", 0)
    (120.0, 40.0, None)
    """
    text = (value or "").strip()
    if _SECONDS.fullmatch(text):
        return float(text)
    until = http_date(text) if text else None
    if until is None:
        return None
    sent = http_date(date or "")
    return max(0.0, until.timestamp() - (sent.timestamp() if sent else now))
