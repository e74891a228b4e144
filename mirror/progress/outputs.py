"""The extensions that tell others how a run goes: by its events, if MIRROR_EVENTS names a reader, and by its heartbeat."""

from pathlib import Path
from time import monotonic, time
from typing import TYPE_CHECKING, Any, Final, Self

from scrapy import signals
from scrapy.crawler import Crawler
from scrapy.exceptions import NotConfigured

from mirror.core.url.canonical import CanonicalURL
from mirror.events.stream import BEAT, SILENT_AFTER, Every, Stream
from mirror.events.targets import Target, parse_target
from mirror.events.types import (
    EVENTS,
    Event,
    File,
    FileBegun,
    FileEnded,
    FileReceived,
    Heartbeat,
    Progress,
    RunBegun,
    RunEnded,
    Skipped,
    TrapFound,
    Unchanged,
    moment,
    values,
)
from mirror.progress.heartbeats import Heartbeats
from mirror.progress.outlet import Outlet
from mirror.progress.sinks import open_sink
from mirror.progress.transfers import Transfers
from mirror.store import heartbeat
from mirror.store.manifest.records import Entry, Resource
from mirror.terminal.console import print_message

if TYPE_CHECKING:
    from mirror.spiders.mirror import MirrorSpider

_PROGRESS_INTERVAL: Final = 1.0
"""Seconds between two events about the progress of one file."""


class Events:
    """Writes the events of the run to MIRROR_EVENTS. What goes wrong with that is a message, and the crawl goes on."""

    def __init__(self, crawler: Crawler, target: Target) -> None:
        self._stream = Stream.of(crawler)
        self._target = target
        self._outlet: Outlet | None = None
        self._heartbeats = Heartbeats.of(crawler)
        self._out = Path()
        self._told: dict[File, float] = {}
        self._rules: set[str] = set()

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        target = parse_target(crawler.settings.get("MIRROR_EVENTS") or "")
        if target is None:
            raise NotConfigured
        self = cls(crawler, target)
        crawler.signals.connect(self.spider_opened, signal=signals.spider_opened)
        crawler.signals.connect(self.engine_stopped, signal=signals.engine_stopped)
        Transfers.of(crawler)
        return self

    def spider_opened(self, spider: "MirrorSpider") -> None:
        self._out = spider.out
        try:
            sink = open_sink(self._target, spider.out)
        except OSError as error:
            print_message(f"No events are written to {self._name}: {error.strerror or error}. The crawl goes on\n")
            return
        self._outlet = Outlet(sink, self._fail)
        for kind in set(EVENTS) - {Heartbeat, RunEnded}:
            self._stream.listen(self._put, kind)
        self._stream.listen(self._run_ended, RunEnded)
        self._stream.listen(Every(BEAT, self._put, monotonic), Heartbeat)
        self._stream.listen(self._file_begun, FileBegun)
        self._stream.listen(self._file_received, FileReceived)
        self._stream.listen(self._file_ended, FileEnded)
        spider.mirror.listeners.skipped = self._skipped
        spider.mirror.listeners.barred = self._barred
        self._stream.tell(_beginning(spider))

    def engine_stopped(self) -> None:
        dropped = self._outlet.close() if self._outlet else 0
        if dropped:
            events = "1 event" if dropped == 1 else f"{dropped:,} events"
            print_message(f"{events} did not get to {self._name}: nobody read them in time\n")

    @property
    def _name(self) -> str:
        return str(self._target)

    def _put(self, event: Event) -> None:
        assert self._outlet is not None
        self._outlet.put(event, time())
        self._stream.dropped = self._outlet.dropped

    def _fail(self, error: OSError) -> None:
        if not (self._target.is_stdout and isinstance(error, BrokenPipeError)):  # the reader wants no more
            print_message(f"No more events are written to {self._name}: {error.strerror or error}. The crawl goes on\n")

    # --- what others see -----------------------------------------------------------------------------------------------

    def _run_ended(self, event: RunEnded) -> None:
        self._put(self._heartbeats.heartbeat())  # the last counts
        self._put(event)

    def _file_begun(self, event: FileBegun) -> None:
        self._told[event.file] = monotonic()

    def _file_received(self, event: FileReceived) -> None:
        now, file = monotonic(), event.file
        if now - self._told[file] >= _PROGRESS_INTERVAL:
            self._told[file] = now
            path = Path(file.path).relative_to(self._out).as_posix()
            self._put(Progress(file.url, path, file.received, file.total))

    def _file_ended(self, event: FileEnded) -> None:
        del self._told[event.file]

    def _skipped(self, entry: Entry) -> None:
        self._put(Skipped(entry.url, str(entry.reason), None))

    def _barred(self, url: CanonicalURL, rule: str) -> None:
        if rule not in self._rules:
            self._rules.add(rule)
            self._put(TrapFound(rule, url))


class HeartbeatFile:
    """Keeps the heartbeat of the run in the archive, and counts the URLs that need no request."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._stream = Stream.of(crawler)
        self._root = Path()
        self._run: dict[str, Any] = {}

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        self = cls(crawler)
        crawler.signals.connect(self.spider_opened, signal=signals.spider_opened)
        Heartbeats.of(crawler)
        return self

    def spider_opened(self, spider: "MirrorSpider") -> None:
        owner, snapshot = spider.archive.owner, spider.mirror.snapshot
        self._root = spider.out
        self._run = {
            "version": 1,
            "run": snapshot.id,
            "resumed": snapshot.resumed,
            "began": moment(time()),
            "host": owner.host,
            "process": owner.process,
            "nonce": owner.nonce,
            "interval": BEAT,
            "silent_after": SILENT_AFTER,
        }
        spider.mirror.listeners.fresh = self._fresh
        self._stream.listen(Every(BEAT, self._write, monotonic), Heartbeat)
        self._stream.listen(self._run_ended, RunEnded)

    def _write(self, now: Heartbeat) -> None:
        heartbeat.write(self._root, {**self._run, "time": moment(time()), **values(now), "ended": None})

    def _run_ended(self, event: RunEnded) -> None:
        last = values(Heartbeats.of(self._crawler).heartbeat()) | {"state": "ended", "waits": []}
        ended = {"how": event.how, "outcome": event.outcome, "exit_code": event.exit_code}
        heartbeat.write(self._root, {**self._run, "time": moment(time()), **last, "ended": ended})

    def _fresh(self, version: Resource, page: bool) -> None:  # noqa: FBT001 - a listener of `store.run.context`
        assert self._crawler.stats is not None
        self._crawler.stats.inc_value("mirror/fresh")
        if self._stream.wants(Unchanged):
            self._stream.tell(Unchanged(version.url, None, version.size, version.path, page))


def _beginning(spider: "MirrorSpider") -> RunBegun:
    owner, snapshot = spider.archive.owner, spider.mirror.snapshot
    return RunBegun(
        run=snapshot.id,
        resumed=snapshot.resumed,
        starts=snapshot.starts,
        folder=str(spider.out),
        host=owner.host,
        process=owner.process,
        waiting=len(spider.mirror),
        interval=BEAT,
        silent_after=SILENT_AFTER,
    )
