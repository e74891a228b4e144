"""The scheduler: hands out what the frontier has, each host's at its pace. Only retries are kept here; the frontier knows them.

What a host may not be asked for yet stays in the frontier, and others go on: of a host that is held back no more is taken from
there. A request that waits is not under way, to Scrapy, so that it takes no connection's place, and Ctrl-C waits for none.
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

from mirror.items import Failure
from mirror.pacing import TURN, WAIT, Host, Hosts
from mirror.pipelines import Store
from mirror.shutdown import stop
from mirror.store.disk.errors import StorageError
from mirror.store.manifest.records import Entry

if TYPE_CHECKING:
    from mirror.spiders.mirror import MirrorSpider

_MOST_HELD_BACK: Final = 256
"""Hosts that are held back at a time: with more, nobody looks for others."""

_GIVEN_UP_AT_ONCE: Final = 64
"""URLs of hosts that are given up, between which the loop is let go on."""

_LOOKED_SHARE: Final = 20
"""Where there is nothing but what is held back, so many times as long as it took to see that is waited before another look."""


class Scheduler(BaseScheduler):
    """Scrapy's interface in front of `store.run.crawl.Crawl`."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._hosts = Hosts.of(crawler)
        self._held: dict[str, Host] = {}  # hosts of which something waits here
        self._later: dict[Request, asyncio.TimerHandle] = {}
        self._held_back: set[str] = set()  # those of which the frontier gives no more
        self._look_at = -inf
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
        """Also while pages are rendered: they may ask for more."""
        if self._broken:
            return False
        waits = bool(self._held) or bool(self._later) or self._spider.mirror.has_next()
        return waits or self._spider.is_rendering()

    def wake(self) -> None:
        """There may be more in the frontier, or nothing is being rendered any more."""
        self._look_at = -inf
        self._go_on()

    def enqueue_request(self, request: Request) -> bool:
        """A request that is tried again."""
        wait = request.meta.pop(WAIT, 0.0)
        host = self._hosts.of_url(request.url)
        host.pace.waiting += 1
        if wait:
            self._later[request] = asyncio.get_running_loop().call_later(wait, self._due, host, request)
        else:
            self._keep(host, request)
        return True

    def next_request(self) -> Request | None:
        now = monotonic()
        try:
            if not self._held:
                request = self._new_request(now)
            else:
                request = self._held_request(now) or self._new_request(now) or self._held_request(now, new=False)
        except StorageError as error:
            self._broken = True
            stop(self._crawler, error)
            return None
        if request is None and (self._held or self._look_at > now):
            self._wake_in_time(now)
        return request

    # --- what waits ----------------------------------------------------------------------------------------------------

    def _held_request(self, now: float, *, new: bool = True) -> Request | None:
        """What is held of a host that may be asked by now. `new`: there may be something that was not tried yet."""
        for host in self._held.values():
            pace = host.pace
            if pace.is_broken(now):
                self._give_up(host, now)
                return None
            if pace.wait(now):
                continue
            if host.again and not (host.owes_new and new):
                host.owes_new = True
                pace.waiting -= 1
                return self._started(host, host.again.popleft(), now)
            if host.held and not pace.is_full:
                return self._begun(host, host.held.popleft(), now)
        return None

    def _new_request(self, now: float) -> Request | None:
        """The next of the frontier whose host may be asked."""
        if self._held and (now < self._look_at or len(self._held) >= _MOST_HELD_BACK):
            return None
        given_up = 0
        while entry := self._spider.mirror.next():
            host = self._hosts.of_url(entry.url)
            if host.pace.is_broken(now):
                self._fail(host, entry)
                given_up += 1
                if given_up >= _GIVEN_UP_AT_ONCE:
                    self._look_at = now
                    self._wake_at(now, now)
                    return None
            elif host.held or host.pace.wait(now) or host.pace.is_full:
                self._keep(host, entry)
            else:
                return self._begun(host, entry, now)
        if self._held:
            self._look_at = now + _LOOKED_SHARE * (monotonic() - now)
        return None

    def _begun(self, host: Host, entry: Entry, now: float) -> Request:
        host.owes_new = False
        return self._started(host, self._spider.request(entry), now)

    def _started(self, host: Host, request: Request, now: float) -> Request:
        if self._held and host.origin in self._held:
            self._let_go(host)
        request.meta[TURN] = (host, host.pace.start(now))
        return request

    def _keep(self, host: Host, found: Entry | Request) -> None:
        """Hold something of a host. What was taken of it is enough for now: no more is taken from the frontier."""
        self._held[host.origin] = host
        if isinstance(found, Request):
            host.again.append(found)
            return
        host.held.append(found)
        if len(host.held) == 1:
            self._hold_back()

    def _let_go(self, host: Host) -> None:
        """Where nothing is held of a host any more, more is taken of it."""
        if host.held:
            return
        if not host.again:
            del self._held[host.origin]
        self._hold_back()

    def _hold_back(self) -> None:
        origins = {origin for origin, host in self._held.items() if host.held}
        if origins != self._held_back:
            self._look_at = self._look_at if origins > self._held_back else -inf
            self._held_back = origins
            self._spider.mirror.hold_back(origins)

    def _due(self, host: Host, request: Request) -> None:
        """A request has waited for long enough."""
        del self._later[request]
        self._keep(host, request)
        self._go_on()

    # --- hosts that are given up ---------------------------------------------------------------------------------------

    def _give_up(self, host: Host, now: float) -> None:
        """What is held of a host fails."""
        host.pace.waiting -= len(host.again)
        for entry in [*host.held, *(request.meta["entry"] for request in host.again)]:
            self._fail(host, entry)
        host.held.clear()
        host.again.clear()
        self._let_go(host)
        self._wake_at(now, now)

    def _fail(self, host: Host, entry: Entry) -> None:
        pipeline = self._crawler.get_item_pipeline(Store)
        assert pipeline is not None
        with suppress(DropItem):  # the archive can't be written, which is told already
            pipeline.process_item(Failure(entry, f"host given up: {host.trouble}"))

    # --- waking --------------------------------------------------------------------------------------------------------

    def _wake_in_time(self, now: float) -> None:
        """Have the engine ask again when the first of those may go on that wait for nothing but time."""
        able = (host for host in self._held.values() if host.again or not host.pace.is_full)
        waits = [wait for host in able if (wait := host.pace.wait(now)) != inf]
        at = now + min(waits, default=inf)
        if len(self._held) < _MOST_HELD_BACK and self._spider.mirror.has_next():
            at = min(at, max(self._look_at, now + 0.001))
        if at != inf:
            self._wake_at(at, now)

    def _wake_at(self, at: float, now: float) -> None:
        if at >= self._alarm_at > now:
            return
        if self._alarm:
            self._alarm.cancel()
        self._alarm_at = at
        self._alarm = asyncio.get_running_loop().call_later(max(0.0, at - now), self._ring)

    def _ring(self) -> None:
        self._alarm, self._alarm_at = None, inf
        self._go_on()

    def _go_on(self) -> None:
        """Scrapy has no public word for it."""
        slot = getattr(self._crawler.engine, "_slot", None)
        if slot is not None and slot.closing is None:
            slot.nextcall.schedule()
