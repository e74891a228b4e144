"""The scheduler: hands out the entries of the frontier, each at the pace of its host.

Entries of a host that must wait stay in the frontier, while those of other hosts go on. The scheduler holds only retries, and
the few entries that it took before it knew that their host must wait. For Scrapy a request that waits here is not in flight: it
takes no connection, and Ctrl-C does not wait for it.
"""

import asyncio
from contextlib import suppress
from math import inf
from time import monotonic
from typing import TYPE_CHECKING, Final, Self

from scrapy import Request, Spider
from scrapy.core.scheduler import BaseScheduler
from scrapy.crawler import Crawler
from scrapy.exceptions import DropItem
from twisted.internet.defer import Deferred

from mirror.close_spider import stop
from mirror.items import Failure
from mirror.pacing import TURN, WAIT, Host, Hosts
from mirror.pipelines import Store
from mirror.store.disk.errors import StorageError
from mirror.store.manifest.records import Entry
from mirror.transfer.failures import is_closing

if TYPE_CHECKING:
    from mirror.spiders.mirror import MirrorSpider

_MAX_HELD_HOSTS: Final = 256
"""The maximum number of hosts with held requests. At this number, the scheduler takes nothing from the frontier."""

_MAX_FAILED_AT_ONCE: Final = 64
"""How many entries of hosts that were given up fail in a row, before the event loop gets its turn."""

_SEARCH_PAUSE: Final = 20
"""After a search of the frontier that found only entries to hold: how many times its duration to wait before the next one."""


class Scheduler(BaseScheduler):
    """Scrapy's interface to the frontier of `store.run.crawl.Crawl`."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._hosts = Hosts.shared(crawler)
        self._held: dict[str, Host] = {}  # hosts with held requests
        self._later: dict[Request, asyncio.TimerHandle] = {}
        self._held_back: set[str] = set()  # hosts whose entries the frontier does not hand out
        self._search_at = -inf
        self._alarm: asyncio.TimerHandle | None = None
        self._alarm_at = inf
        self._broken = False

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    @property
    def _spider(self) -> "MirrorSpider":
        return self._crawler.spider  # type: ignore[return-value]

    def __len__(self) -> int:
        return len(self._spider.mirror)

    def open(self, spider: Spider) -> Deferred[None] | None:  # noqa: ARG002 - Scrapy's signature
        return None

    def close(self, reason: str) -> Deferred[None] | None:  # noqa: ARG002 - Scrapy's signature
        for timer in [*self._later.values(), *([self._alarm] if self._alarm else [])]:
            timer.cancel()
        return None

    def has_pending_requests(self) -> bool:
        """Also true while pages are being rendered, because they may add to the frontier."""
        if self._broken:
            return False
        waits = bool(self._held) or bool(self._later) or self._spider.mirror.has_next()
        return waits or self._spider.is_rendering()

    def wake(self) -> None:
        """Search again: the frontier may have more entries, or no page is being rendered any more."""
        self._search_at = -inf
        self._poll()

    def enqueue_request(self, request: Request) -> bool:
        """Take a request to retry; all others come from the frontier."""
        wait = request.meta.pop(WAIT, 0.0)
        host = self._hosts.host(request.url)
        host.pace.waiting += 1
        if wait:
            self._later[request] = asyncio.get_running_loop().call_later(wait, self._end_delay, host, request)
        else:
            self._hold(host, request)
        return True

    def next_request(self) -> Request | None:
        now = monotonic()
        try:
            if not self._held:
                if self._is_only_host_full():
                    return None
                request = self._new_request(now)
            else:
                request = self._held_request(now) or self._new_request(now) or self._held_request(now, new=False)
        except StorageError as error:
            self._broken = True
            stop(self._crawler, error)
            return None
        if request is None and (self._held or self._search_at > now):
            self._set_alarm(now)
        return request

    def _is_only_host_full(self) -> bool:
        """Whether all entries are of one host, which has enough requests: none is taken only to be held."""
        only = self._spider.mirror.queue.only_origin
        return only is not None and self._hosts.host(only).pace.is_full

    # --- requests that wait ----------------------------------------------------------------------------------------------

    def _held_request(self, now: float, *, new: bool = True) -> Request | None:
        """A held request whose host is ready for it. `new`: the frontier may have new ones, which take turns with retries."""
        for host in self._held.values():
            pace = host.pace
            if pace.is_broken(now):
                self._give_up(host, now)
                return None
            if pace.wait(now):
                continue
            if host.retries and not (host.owes_new and new):
                host.owes_new = True
                pace.waiting -= 1
                return self._start(host, host.retries.popleft(), now)
            if host.held and not pace.is_full:
                return self._begin(host, host.held.popleft(), now)
        return None

    def _new_request(self, now: float) -> Request | None:
        """The next entry of the frontier whose host is ready for a request."""
        if self._held and (now < self._search_at or len(self._held) >= _MAX_HELD_HOSTS):
            return None
        given_up = 0
        while entry := self._spider.mirror.next():
            host = self._hosts.host(entry.url)
            if host.pace.is_broken(now):
                self._fail(host, entry)
                given_up += 1
                if given_up >= _MAX_FAILED_AT_ONCE:
                    self._search_at = now
                    self._wake_at(now, now)
                    return None
            elif host.held or host.pace.wait(now) or host.pace.is_full:
                self._hold(host, entry)
            else:
                return self._begin(host, entry, now)
        if self._held:
            self._search_at = now + _SEARCH_PAUSE * (monotonic() - now)
        return None

    def _begin(self, host: Host, entry: Entry, now: float) -> Request:
        host.owes_new = False
        return self._start(host, self._spider.request(entry), now)

    def _start(self, host: Host, request: Request, now: float) -> Request:
        if self._held and host.origin in self._held:
            self._release(host)
        request.meta[TURN] = (host, host.pace.start(now))
        return request

    def _hold(self, host: Host, found: Entry | Request) -> None:
        """Hold an entry or a retry of a host. While an entry is held, the frontier hands out no more of this host."""
        self._held[host.origin] = host
        if isinstance(found, Request):
            host.retries.append(found)
            return
        host.held.append(found)
        if len(host.held) == 1:
            self._hold_back()

    def _release(self, host: Host) -> None:
        """If no entry of a host is held any more, have the frontier hand out more of it."""
        if host.held:
            return
        if not host.retries:
            del self._held[host.origin]
        self._hold_back()

    def _hold_back(self) -> None:
        origins = {origin for origin, host in self._held.items() if host.held}
        if origins != self._held_back:
            self._search_at = self._search_at if origins > self._held_back else -inf
            self._held_back = origins
            self._spider.mirror.queue.hold_back(origins)

    def _end_delay(self, host: Host, request: Request) -> None:
        """Queue a request that has waited long enough to be retried."""
        del self._later[request]
        self._hold(host, request)
        self._poll()

    # --- hosts that are given up ---------------------------------------------------------------------------------------

    def _give_up(self, host: Host, now: float) -> None:
        """Fail all held requests of a host."""
        host.pace.waiting -= len(host.retries)
        for entry in [*host.held, *(request.meta["entry"] for request in host.retries)]:
            self._fail(host, entry)
        host.held.clear()
        host.retries.clear()
        self._release(host)
        self._wake_at(now, now)

    def _fail(self, host: Host, entry: Entry) -> None:
        pipeline = self._crawler.get_item_pipeline(Store)
        assert pipeline is not None
        with suppress(DropItem):  # the archive can't be written; that was reported
            pipeline.process_item(Failure(entry, host.given_up))

    # --- waking --------------------------------------------------------------------------------------------------------

    def _set_alarm(self, now: float) -> None:
        """Have the engine ask again at the time when the first held request may start."""
        ready = (host for host in self._held.values() if host.retries or not host.pace.is_full)
        waits = [wait for host in ready if (wait := host.pace.wait(now)) != inf]
        at = now + min(waits, default=inf)
        if len(self._held) < _MAX_HELD_HOSTS and self._spider.mirror.has_next():
            at = min(at, max(self._search_at, now + 0.001))
        if at != inf:
            self._wake_at(at, now)

    def _wake_at(self, at: float, now: float) -> None:
        if at >= self._alarm_at > now:
            return
        if self._alarm:
            self._alarm.cancel()
        self._alarm_at = at
        self._alarm = asyncio.get_running_loop().call_later(max(0.0, at - now), self._on_alarm)

    def _on_alarm(self) -> None:
        self._alarm, self._alarm_at = None, inf
        self._poll()

    def _poll(self) -> None:
        """Have the engine call `next_request`. Scrapy has no public API for this."""
        slot = getattr(self._crawler.engine, "_slot", None)
        if slot is not None and not is_closing(self._crawler):
            slot.nextcall.schedule()
