"""How hosts are paced: each has a `core.policy.request_rate.Pace`, which the scheduler asks before each request.

`Hosts` is what a crawl knows of them. The scheduler hands out what may start; what may not stays in the frontier, but for the
few URLs of a host that were taken from there already. The middleware, innermost of all, hears how each request ended, and gives
it back to the scheduler where it is to be tried again. It takes the place of Scrapy's RetryMiddleware and AutoThrottle.
"""

import random
from collections import deque
from dataclasses import dataclass, field
from functools import cached_property
from time import monotonic, time
from typing import Final, Self, cast
from weakref import WeakKeyDictionary

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.exceptions import ResponseDataLossError
from scrapy.http import Response
from scrapy.settings import BaseSettings
from scrapy.utils.misc import load_object

from mirror.core.http.messages import status_text
from mirror.core.policy.request_rate import OF_HOST, Bounds, Pace, Trouble, retry_after, trouble_of
from mirror.core.url.canonical import CanonicalURL, origin
from mirror.store.manifest.records import Entry
from mirror.transfer import failures
from mirror.transfer.failures import BrokenAnswerError, UnreachableError

TURN: Final = "mirror_turn"
"""Key of `Request.meta`: (host, epoch), while a request is under way."""

ANSWERS: Final = "mirror_answers"
"""Key of `Request.meta`: how often the host had answered when this request was the last time in trouble."""

WAIT: Final = "mirror_wait"
"""Key of `Request.meta`: seconds that a request waits before it is tried again."""

MOST_HOSTS: Final = 4096
"""Hosts that are remembered: of more, those about which there is nothing to remember are forgotten."""


@dataclass(slots=True, eq=False)
class Host:
    """A host: scheme, name and port. `held` was taken from the frontier and can't start yet; `again` is to be tried again."""

    origin: str
    pace: Pace
    held: deque[Entry] = field(default_factory=deque)
    again: deque[Request] = field(default_factory=deque)
    owes_new: bool = False
    """Whether something new comes before the next that is tried again: so it is seen whether others fare better."""
    trouble: str = ""
    """What it was, the last time."""
    says_when: bool = False
    """Whether it said itself how long to wait."""


Turn = tuple[Host, int]


class Hosts:
    """The hosts of a crawl."""

    _all: Final["WeakKeyDictionary[object, Hosts]"] = WeakKeyDictionary()

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._hosts: dict[str, Host] = {}

    @classmethod
    def of(cls, crawler: Crawler) -> "Hosts":
        """Those that all parts of a crawl share."""
        if crawler not in cls._all:
            cls._all[crawler] = cls(bounds(crawler.settings))
        return cls._all[crawler]

    def of_url(self, url: str) -> Host:
        name = url[: url.find("/", 8) + 1] if url.startswith("http") else f"{origin(CanonicalURL(url))}/"
        host = self._hosts.get(name)
        if host is None:
            if len(self._hosts) >= MOST_HOSTS:
                self._forget()
            host = self._hosts[name] = Host(name, Pace(self._bounds, random.random))
        return host

    def waits(self) -> tuple[Host, float] | None:
        """The host that has to be waited for the longest of its own accord, and for how many seconds; `None`: none has."""
        now = monotonic()
        waiting = (host for host in self._hosts.values() if host.held or host.again)
        waits = [(host, host.pace.until - now) for host in waiting if host.pace.until > now]
        return max(waits, key=lambda one: one[1], default=None)

    def _forget(self) -> None:
        now = monotonic()
        kept = {
            name: host for name, host in self._hosts.items() if host.held or host.again or host.pace.is_remembered(now)
        }
        self._hosts = kept


def bounds(settings: BaseSettings) -> Bounds:
    """What the settings say."""
    usual = Bounds()
    backoff = settings.getfloat("MIRROR_BACKOFF", usual.backoff)
    return Bounds(
        connections=settings.getint("CONCURRENT_REQUESTS_PER_DOMAIN"),
        delay=settings.getfloat("DOWNLOAD_DELAY"),
        most_delay=settings.getfloat("MIRROR_CRAWL_DELAY_MAX", usual.most_delay),
        longest=settings.getfloat("MIRROR_RETRY_AFTER_MAX", usual.longest),
        slowest=usual.slowest * backoff,
        backoff=backoff,
        longest_backoff=usual.longest_backoff * backoff,
        tries=settings.getint("RETRY_TIMES") if settings.getbool("RETRY_ENABLED") else 0,
        failures=settings.getint("MIRROR_MOST_FAILURES", usual.failures),
        refusals=settings.getint("MIRROR_MOST_REFUSALS", usual.refusals),
        broken_for=settings.getfloat("MIRROR_HOST_GIVEN_UP_FOR", usual.broken_for),
    )


class Pacing:
    """Hears how requests ended. Those that no scheduler handed out (for robots.txt) are not counted."""

    def __init__(self, crawler: Crawler) -> None:
        settings = crawler.settings
        self._crawler = crawler
        self._statuses = {int(status) for status in settings.getlist("RETRY_HTTP_CODES")}
        self._error_names: list[str] = settings.getlist("RETRY_EXCEPTIONS")

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    @cached_property
    def _errors(self) -> tuple[type[BaseException], ...]:
        """Loaded when there is an error to compare with: they are in modules that nothing else may need."""
        return tuple(cast("type[BaseException]", load_object(one)) for one in self._error_names)

    def process_response(self, request: Request, response: Response) -> Request | Response:
        turn: Turn | None = request.meta.pop(TURN, None)
        if turn is None:
            return response
        host, epoch = turn
        host.pace.in_flight -= 1
        status = response.status
        if status not in self._statuses:
            host.pace.answered(monotonic(), request.meta.get("download_latency", 0.0), epoch)
            return response
        after = response.headers.get("Retry-After")
        said = after.decode("latin-1") if after else None
        return self._troubled(request, turn, trouble_of(status), status_text(status), said) or response

    def process_exception(self, request: Request, exception: Exception) -> Request | None:
        turn: Turn | None = request.meta.pop(TURN, None)
        if turn is None:
            return None
        turn[0].pace.in_flight -= 1
        if isinstance(exception, UnreachableError):
            trouble = Trouble.CONNECTION if exception.status is None else trouble_of(exception.status, Trouble.BUSY)
            return self._troubled(request, turn, trouble, str(exception), exception.retry_after)
        if not isinstance(exception, self._errors):
            return None
        trouble = (
            Trouble.BROKEN if isinstance(exception, ResponseDataLossError | BrokenAnswerError) else Trouble.CONNECTION
        )
        return self._troubled(request, turn, trouble, failures.text(exception))

    def again(self, request: Request, why: str) -> Request | None:
        """The request again whose answer can't be read; `None`: it was tried often enough."""
        host = Hosts.of(self._crawler).of_url(request.url)
        return self._retried(request, host, Trouble.BROKEN, why)

    def _troubled(
        self, request: Request, turn: Turn, trouble: Trouble, why: str, said: str | None = None
    ) -> Request | None:
        """Tell the host's pace; gives the request where it is to be tried again."""
        host, epoch = turn
        tried = request.meta.get("retry_times", 0)
        seconds = retry_after(said, time())
        if trouble is Trouble.BUSY and seconds is not None:
            trouble = Trouble.LIMITED
        may_be_alone = trouble in OF_HOST and trouble is not Trouble.LIMITED and tried
        if may_be_alone and host.pace.answers > request.meta.get(ANSWERS, host.pace.answers):  # others fare better
            trouble = Trouble.SERVER
        request.meta[ANSWERS] = host.pace.answers
        if trouble in OF_HOST:
            host.trouble, host.says_when = why, seconds is not None
            host.pace.troubled(monotonic(), epoch, trouble, seconds)
        return self._retried(request, host, trouble, why)

    def _retried(self, request: Request, host: Host, trouble: Trouble, why: str) -> Request | None:
        if request.meta.get("dont_retry"):
            return None
        tried = request.meta.get("retry_times", 0)
        wait = None if host.pace.is_broken(monotonic()) else host.pace.retry(trouble, tried)
        if wait is None:
            return None
        assert self._crawler.stats is not None
        self._crawler.stats.inc_value("retry/count")
        self._crawler.stats.inc_value(f"retry/reason_count/{why}")
        again = request.copy()
        again.meta["retry_times"] = tried + 1
        again.meta[WAIT] = wait
        again.dont_filter = True
        return again
