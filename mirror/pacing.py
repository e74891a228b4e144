"""The pace of each host: a `core.policy.request_rate.Pace`, which the scheduler checks before each request.

`Hosts` has the hosts of a crawl. The scheduler hands out the requests that may start; all others stay in the frontier, except
for the few URLs of a host that the scheduler has already taken from there. `Pacing`, the innermost middleware, reports the end
of each request to the pace of its host, and returns the request to the scheduler for a retry. It replaces Scrapy's
RetryMiddleware and AutoThrottle.
"""

import random
import sys
from collections import deque
from dataclasses import dataclass, field
from heapq import nlargest
from time import monotonic, time
from typing import TYPE_CHECKING, Final, Self, cast
from weakref import WeakKeyDictionary

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.exceptions import ResponseDataLossError
from scrapy.http import Response
from scrapy.settings import BaseSettings
from scrapy.utils.misc import load_object

from mirror.core.http.messages import status_text
from mirror.core.policy.request_rate import HOST_TROUBLES, Bounds, Pace, Trouble, retry_after, trouble_of
from mirror.core.url.canonical import CanonicalURL, origin
from mirror.events.stream import Stream
from mirror.events.types import HostSlowed
from mirror.store.manifest.records import Entry
from mirror.transfer import failures
from mirror.transfer.curl_errors import is_invalid
from mirror.transfer.failures import BrokenAnswerError, ShortRangeError, UnreachableError

if TYPE_CHECKING:
    from mirror.reports.run_summary import ClosedHost

TURN: Final = "mirror_turn"
"""Key of `Request.meta`: (host, epoch), while the request is in flight."""

ANSWERS: Final = "mirror_answers"
"""Key of `Request.meta`: how many answers the host had given when this request last met trouble."""

WAIT: Final = "mirror_wait"
"""Key of `Request.meta`: seconds to wait before the request is retried."""

RANGES: Final = "mirror_ranges"
"""Key of `Request.meta`: how many ranges came that were shorter than requested."""

MAX_RANGES: Final = 10_000
"""Short ranges that one payload may take before they count as failures."""

MAX_HOSTS: Final = 4096
"""Hosts to remember. When there are more, hosts in the initial state are forgotten."""


@dataclass(slots=True, eq=False)
class Host:
    """A host: scheme, name and port.

    `trouble` is what went wrong last, `in_a_row` how many times in a row something did; `has_retry_after`: it came with
    Retry-After.
    """

    origin: str
    pace: Pace
    trouble: str = ""
    has_retry_after: bool = False
    in_a_row: int = 0
    held: deque[Entry] = field(default_factory=deque)
    """Entries that were taken from the frontier and can't start yet."""
    retries: deque[Request] = field(default_factory=deque)
    """Requests to retry."""
    owes_new: bool = False
    """Whether a new request comes before the next retry. This distinguishes a failing host from a page that always fails."""

    @property
    def name(self) -> str:
        """The name and the port."""
        return self.origin.partition("://")[2].rstrip("/")

    @property
    def why(self) -> str:
        """What went wrong last, and whether the host said how long to wait."""
        return f"{self.trouble}, Retry-After" if self.has_retry_after else self.trouble

    @property
    def given_up(self) -> str:
        """The error of the URLs that wait for the host when it is given up."""
        return failures.given_up(self.trouble, self.in_a_row)


Turn = tuple[Host, int]


class Hosts:
    """The hosts of a crawl."""

    _shared: Final["WeakKeyDictionary[object, Hosts]"] = WeakKeyDictionary()

    def __init__(self, bounds: Bounds) -> None:
        self.closed: dict[CanonicalURL, ClosedHost] = {}
        """The hosts of which nothing may be requested because its robots.txt can't be had, by the URL of that."""
        self._bounds = bounds
        self._hosts: dict[str, Host] = {}

    @classmethod
    def shared(cls, crawler: Crawler) -> "Hosts":
        """The hosts that all components of a crawl share."""
        if crawler not in cls._shared:
            cls._shared[crawler] = cls(bounds(crawler.settings))
        return cls._shared[crawler]

    def host(self, url: str) -> Host:
        """The host of a URL."""
        name = url[: url.find("/", 8) + 1] if url.startswith("http") else f"{origin(CanonicalURL(url))}/"
        host = self._hosts.get(name)
        if host is None:
            if len(self._hosts) >= MAX_HOSTS:
                self._forget()
            host = self._hosts[name] = Host(name, Pace(self._bounds, random.random))
        return host

    def longest_waits(self, most: int) -> list[tuple[Host, float]]:
        """The hosts that the crawl must wait for, and how many seconds; the longest first."""
        now = monotonic()
        waiting = (host for host in self._hosts.values() if host.held or host.retries)
        waits = [(host, host.pace.until - now) for host in waiting if host.pace.until > now]
        return nlargest(most, waits, key=lambda one: one[1])

    def _forget(self) -> None:
        now = monotonic()
        kept = {
            name: host
            for name, host in self._hosts.items()
            if host.held or host.retries or host.pace.is_remembered(now)
        }
        self._hosts = kept


def bounds(settings: BaseSettings) -> Bounds:
    """The bounds that the settings give."""
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
    """Reports to the pace of each host how its requests ended. Ignores those for robots.txt, which bypass the scheduler."""

    def __init__(self, crawler: Crawler) -> None:
        settings = crawler.settings
        self._crawler = crawler
        self._stream = Stream.of(crawler)
        self._statuses = {int(status) for status in settings.getlist("RETRY_HTTP_CODES")}
        self._errors: list[str | type[BaseException]] = settings.getlist("RETRY_EXCEPTIONS")

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    def _is_retried(self, error: Exception) -> bool:
        """Return whether an exception is one to retry. That of a module that nobody has loaded can't be."""
        kinds = (one for one in self._errors if not isinstance(one, str) or one.rpartition(".")[0] in sys.modules)
        return any(isinstance(error, cast("type[BaseException]", load_object(one))) for one in kinds)

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
        after = retry_after(_field(response, "Retry-After"), time(), _field(response, "Date"))
        return self._handle_trouble(request, turn, trouble_of(status), status_text(status), after) or response

    def process_exception(self, request: Request, exception: Exception) -> Request | None:
        turn: Turn | None = request.meta.pop(TURN, None)
        if turn is None:
            return None
        turn[0].pace.in_flight -= 1
        if isinstance(exception, UnreachableError):
            trouble = Trouble.CONNECTION if exception.status is None else trouble_of(exception.status, Trouble.BUSY)
            return self._handle_trouble(request, turn, trouble, str(exception), exception.retry_after)
        if not self._is_retried(exception):
            return None
        if isinstance(exception, ShortRangeError) and (rest := self._go_on(request, turn, exception)):
            return rest
        is_broken = isinstance(exception, ResponseDataLossError | BrokenAnswerError) or is_invalid(exception)
        trouble = Trouble.BROKEN if is_broken else Trouble.CONNECTION
        return self._handle_trouble(request, turn, trouble, failures.text(exception))

    def retry_broken(self, request: Request, why: str) -> Request | None:
        """Retry a request whose answer can't be read; `None` if it has no tries left."""
        host = Hosts.shared(self._crawler).host(request.url)
        return self._retry(request, host, Trouble.BROKEN, why)

    def _go_on(self, request: Request, turn: Turn, short: ShortRangeError) -> Request | None:
        """Request what is left of a payload that comes in short ranges. `None` if they are too short, or too many."""
        host, epoch = turn
        ranges = request.meta.get(RANGES, 0)
        if not short.is_progress or ranges >= MAX_RANGES or request.meta.get("dont_retry"):
            return None
        host.pace.answered(monotonic(), request.meta.get("download_latency", 0.0), epoch)
        rest = request.copy()
        rest.meta[RANGES] = ranges + 1
        rest.meta[WAIT] = 0.0
        rest.dont_filter = True
        return rest

    def _handle_trouble(
        self, request: Request, turn: Turn, trouble: Trouble, why: str, seconds: float | None = None
    ) -> Request | None:
        """Report a failure to the host's pace; `seconds`: what Retry-After asks for. Returns the request, if it is retried."""
        host, epoch = turn
        tried = request.meta.get("retry_times", 0)
        if trouble is Trouble.BUSY and seconds is not None:
            trouble = Trouble.LIMITED
        may_be_the_url = trouble in HOST_TROUBLES and trouble is not Trouble.LIMITED and tried
        if may_be_the_url and host.pace.answers > request.meta.get(
            ANSWERS, host.pace.answers
        ):  # other URLs were answered
            trouble = Trouble.SERVER
        request.meta[ANSWERS] = host.pace.answers
        if trouble in HOST_TROUBLES:
            host.trouble, host.has_retry_after = why, seconds is not None
            before, now = host.pace.epoch, monotonic()
            host.pace.troubled(now, epoch, trouble, seconds)
            host.in_a_row = host.pace.troubles
            if host.pace.epoch != before and self._stream.wants(HostSlowed):
                wait, is_given_up = max(0.0, host.pace.until - now), host.pace.is_broken(now)
                self._stream.tell(HostSlowed(host.name, host.why, wait, host.pace.interval, is_given_up))
        return self._retry(request, host, trouble, why)

    def _retry(self, request: Request, host: Host, trouble: Trouble, why: str) -> Request | None:
        if request.meta.get("dont_retry"):
            return None
        tried = request.meta.get("retry_times", 0)
        entry: Entry | None = request.meta.get("entry")
        is_guess = entry is not None and entry.guess
        wait = None if host.pace.is_broken(monotonic()) else host.pace.retry(trouble, tried, is_guess=is_guess)
        if wait is None:
            return None
        assert self._crawler.stats is not None
        self._crawler.stats.inc_value("retry/count")
        self._crawler.stats.inc_value(f"retry/reason_count/{why}")
        retry = request.copy()
        retry.meta["retry_times"] = tried + 1
        retry.meta[WAIT] = wait
        retry.dont_filter = True
        return retry


def _field(response: Response, name: str) -> str | None:
    value = response.headers.get(name)
    return value.decode("latin-1") if value else None
