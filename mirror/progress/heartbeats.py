"""The heartbeat of a run inside of its process: the counts of the crawl, as often as the fastest listener needs them."""

from collections.abc import Sized
from time import monotonic
from typing import TYPE_CHECKING, ClassVar, Final
from weakref import WeakKeyDictionary

from scrapy import signals
from scrapy.crawler import Crawler
from scrapy.utils.asyncio import AsyncioLoopingCall, create_looping_call

from mirror.events.forecast import Moment, Window
from mirror.events.stream import Stream
from mirror.events.types import Heartbeat, Wait
from mirror.pacing import Hosts
from mirror.transfer.failures import is_closing

if TYPE_CHECKING:
    from twisted.internet.task import LoopingCall

_MOST_WAITS: Final = 10
"""Hosts that a heartbeat names."""

_COUNTS: Final = ("done", "pages", "requisites", "bytes", "failed", "skipped")


class Heartbeats:
    """Tells a heartbeat again and again, until the engine stops. There is one for each crawler; `of` makes it."""

    _shared: ClassVar[WeakKeyDictionary[Crawler, "Heartbeats"]] = WeakKeyDictionary()

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._stream = Stream.of(crawler)
        self._hosts = Hosts.shared(crawler)
        self._began = monotonic()
        self._window = Window()
        self._received = 0
        self._loop: AsyncioLoopingCall | LoopingCall | None = None
        crawler.signals.connect(self.spider_opened, signal=signals.spider_opened)
        crawler.signals.connect(self.bytes_received, signal=signals.bytes_received)
        crawler.signals.connect(self.stop, signal=signals.engine_stopped)

    @classmethod
    def of(cls, crawler: Crawler) -> "Heartbeats":
        """Have the heartbeats of a crawler told."""
        if crawler not in cls._shared:
            cls._shared[crawler] = cls(crawler)
        return cls._shared[crawler]

    def spider_opened(self) -> None:
        self._loop = create_looping_call(self.beat)
        self._loop.start(self._stream.interval)

    def bytes_received(self, data: bytes) -> None:
        self._received += len(data)

    def beat(self) -> None:
        self._stream.tell(self.heartbeat())

    def stop(self) -> None:
        if self._loop and self._loop.running:
            self._loop.stop()

    def heartbeat(self) -> Heartbeat:
        """The counts of this moment."""
        stats, engine = self._crawler.stats, self._crawler.engine
        assert stats is not None
        counts = {name: int(stats.get_value(f"mirror/{name}", 0)) for name in _COUNTS}
        counts["done"] += int(stats.get_value("mirror/fresh", 0))
        queued = len(engine.scheduler) if engine and isinstance(engine.scheduler, Sized) else None
        now = monotonic()
        pace = self._window.pace(Moment(now, counts["done"], counts["done"] + (queued or 0), self._received))
        return Heartbeat(
            state=self._state(),
            elapsed=now - self._began,
            queued=queued,
            in_flight=len(engine.downloader.active) if engine else 0,
            received=self._received,
            rate=pace.rate,
            byte_rate=pace.byte_rate,
            most=None if queued is None else pace.most,
            waits=tuple(Wait(host.name, wait, host.why) for host, wait in self._hosts.longest_waits(_MOST_WAITS)),
            dropped=self._stream.dropped,
            **counts,
        )

    def _state(self) -> str:
        if is_closing(self._crawler):
            return "ending"
        return "paused" if self._crawler.engine and self._crawler.engine.paused else "crawling"
