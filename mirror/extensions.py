"""Extensions of the crawl: what listens to Scrapy's signals. Each translates, and leaves the work to another module."""

import asyncio
import logging
import math
import shutil
import signal
import sys
import time
from collections.abc import Callable, Sized
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol, Self, cast

from rich.filesize import decimal
from scrapy import Request, signals
from scrapy.crawler import Crawler
from scrapy.exceptions import NotConfigured
from scrapy.http import Headers, Response
from scrapy.utils.asyncio import AsyncioLoopingCall, create_looping_call

from mirror.cli.option_values import parse_size
from mirror.core.url.canonical import CanonicalURL
from mirror.core.url.local_paths import local_path
from mirror.core.url.media_types import media_type
from mirror.logs import print_safely
from mirror.pacing import Host, Hosts
from mirror.reports.run_summary import MOST_EXAMPLES, MOST_FAILURES, Exit, Summary
from mirror.shutdown import close
from mirror.store.disk.errors import StorageError
from mirror.store.run.crawl import Crawl
from mirror.terminal.console import tell
from mirror.terminal.displays import display, is_terminal
from mirror.terminal.progress import UNKNOWN_SIZE, Display, Totals, Transfer, is_file
from mirror.transfer.http_transfer import OFFSET, STATUS

if TYPE_CHECKING:
    from twisted.internet.task import LoopingCall

    from mirror.spiders.mirror import MirrorSpider

PAINTED_EVERY: Final = 0.2
"""Seconds between two pictures of a live display."""

LOOKED_EVERY: Final = 1.0
"""Seconds between two looks at the room on the disk, while no answers come."""

MOMENT: Final = 0.001
"""Seconds for which one waits for other processes at a time: to look all the time would take a core from them."""

MOST_RESERVED: Final = 0.05
"""The share of a small disk that is kept free at the most."""


logger = logging.getLogger(__name__)


class _Mirror(Protocol):
    """The spider, as far as it matters here."""

    out: Path


class Progress:
    """Tells the progress of every file: MIRROR_PROGRESS names the display, MIRROR_REPORTHOOK a hook of the user's."""

    def __init__(self, crawler: Crawler, shown: Display) -> None:
        self._crawler = crawler
        self._display = shown
        self._out = Path()
        self._received = 0
        self._transfers: dict[Request, Transfer] = {}
        self._nameless: dict[Request, Callable[..., None]] = {}
        self._painter: AsyncioLoopingCall | LoopingCall | None = None

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        name = crawler.settings.get("MIRROR_PROGRESS", "auto")
        reporthook = crawler.settings.get("MIRROR_REPORTHOOK") or ""
        shown = display(name, reporthook, terminal=is_terminal(sys.stderr))
        if name == "off" and not reporthook:
            raise NotConfigured
        self = cls(crawler, shown)
        for receiver, sent in (
            (self.spider_opened, signals.spider_opened),
            (self.headers_received, signals.headers_received),
            (self.bytes_received, signals.bytes_received),
            (self.response_downloaded, signals.response_downloaded),
            (self.request_left_downloader, signals.request_left_downloader),
            (self.spider_closed, signals.spider_closed),
        ):
            crawler.signals.connect(receiver, signal=sent)
        return self

    def spider_opened(self, spider: _Mirror) -> None:
        self._out = spider.out
        self._display.start()
        if self._display.live:
            self._painter = create_looping_call(self._paint)
            self._painter.start(PAINTED_EVERY)

    def headers_received(self, request: Request, headers: Headers, body_length: object) -> None:
        status = cast("int | None", request.meta.get(STATUS))
        if status is None or is_file(status):
            there = None if status is None else cast("int", request.meta.get(OFFSET, 0))
            start = partial(self._start, request, headers, body_length, there)
            if headers.get("Content-Type"):
                start()
            else:
                self._nameless[request] = start  # its name depends on its first bytes

    def bytes_received(self, request: Request, data: bytes) -> None:
        self._received += len(data)
        if request in self._nameless:
            self._nameless.pop(request)(data)
        if request in self._transfers:
            self._transfers[request].feed(len(data))

    def response_downloaded(self, request: Request, response: Response) -> None:
        if request in self._nameless:
            self._nameless.pop(request)()
        if request in self._transfers:
            self._transfers.pop(request).end(saved=is_file(response.status))

    def request_left_downloader(self, request: Request) -> None:
        self._nameless.pop(request, None)
        if request in self._transfers:
            self._transfers.pop(request).end(saved=False)

    def spider_closed(self) -> None:
        if self._painter and self._painter.running:
            self._painter.stop()
        self._display.close()

    def _start(
        self, request: Request, headers: Headers, body_length: object, there: int | None, head: bytes = b""
    ) -> None:
        """A response comes. `there`: it is a file, of which an earlier transfer brought so many bytes; `None`: who knows."""
        url = CanonicalURL(request.url)
        content_type = headers.get("Content-Type")
        kind = media_type(content_type.decode("latin-1") if content_type else None, url, head[:512])
        total = body_length if isinstance(body_length, int) else UNKNOWN_SIZE
        transfer = Transfer(self._display, url, str(self._out / local_path(url, kind)), total)
        self._transfers[request] = transfer
        if there is not None:
            transfer.begin()
            transfer.feed(there)

    def _paint(self) -> None:
        scheduler = self._crawler.engine.scheduler if self._crawler.engine else None
        self._display.totals(self._totals(queued=len(scheduler) if isinstance(scheduler, Sized) else None))

    def _totals(self, *, queued: int | None) -> Totals:
        stats = self._crawler.stats
        assert stats is not None
        pages, requisites, size, failed = (
            int(stats.get_value(f"mirror/{name}", 0)) for name in ("pages", "requisites", "bytes", "failed")
        )
        engine = self._crawler.engine
        in_flight = len(engine.downloader.active) if engine else 0
        waits = Hosts.of(self._crawler).waits()
        return Totals(
            pages, requisites, size, failed, self._received, queued, in_flight, _waits(*waits) if waits else ""
        )


def _waits(host: Host, seconds: float) -> str:
    """For whom one waits, how long, and why.

    >>> _waits(Host("https://example.org/", cast("Pace", None), trouble="503 Service Unavailable", says_when=True), 11.2)
    'waits for example.org, 12 s (503 Service Unavailable, Retry-After)'
    """
    name = host.origin.partition("://")[2].rstrip("/")
    why = f"{host.trouble}, Retry-After" if host.says_when else host.trouble
    return f"waits for {name}, {math.ceil(seconds)} s ({why})"


class Finish:
    """At the end: the tree is settled, the summary told, the exit code left in the stats as `mirror/exit_code`."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._started = time.monotonic()
        self._hint = Hint(logging.INFO)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        self = cls(crawler)
        print_safely()
        crawler.signals.connect(self.spider_opened, signal=signals.spider_opened)
        crawler.signals.connect(self.spider_closed, signal=signals.spider_closed)
        return self

    def spider_opened(self, spider: "MirrorSpider") -> None:
        logging.getLogger("scrapy.crawler").addHandler(self._hint)
        if spider.mirror.snapshot.resumed:
            left = len(spider.mirror)
            are_left = "1 URL is left" if left == 1 else f"{left:,} URLs are left"
            tell(f"Going on with the run of {spider.mirror.snapshot.started}: {are_left}\n")
        hear_hangups()

    async def spider_closed(self, spider: "MirrorSpider", reason: str) -> None:
        logging.getLogger("scrapy.crawler").removeHandler(self._hint)
        assert self._crawler.stats is not None
        if spider.renderer:
            await spider.renderer.close()
            if spider.renderer.error:
                tell(f"Nothing was rendered: {spider.renderer.error}\n")
        error = self._crawler.stats.get_value("mirror/storage_error")
        try:
            if error is None:
                finished = reason == "finished" or spider.mirror.is_done
                exit_code = await self._finish(spider.mirror, finished=finished)
            else:
                spider.mirror.flush()  # what was answered before there was no room for more
        except StorageError as failure:
            error = error or str(failure)
        finally:
            await spider.workers.close()
            spider.archive.close()
        if error is not None:
            tell(f"websucker: {error}\n")
            exit_code = Exit.STORAGE
        self._crawler.stats.set_value("mirror/exit_code", exit_code)

    async def _finish(self, mirror: Crawl, *, finished: bool) -> Exit:
        if finished:
            mirror.finish()
        for is_waiting in mirror.settle():
            await asyncio.sleep(MOMENT if is_waiting else 0)  # so that a second Ctrl-C is heard
        for url in mirror.archive.unwritten:
            logger.error("%s: the process that rewrote it died: its file is as it was received", url)
        failures = mirror.archive.manifest.failures(MOST_FAILURES)
        summary = Summary(
            mirror.counts(),
            failures,
            mirror.archive.start_place(),
            time.monotonic() - self._started,
            finished,
            mirror.changes(),
            mirror.archive.rewritten,
            mirror.held,
            mirror.archive.manifest.traps(),
            mirror.renderings(),
            mirror.archive.manifest.needing(MOST_EXAMPLES),
        )
        tell(summary.text())
        return summary.exit_code


class Reserve:
    """Pauses the crawl before the disk is full: below MIRROR_RESERVE free bytes nothing is fetched until there is room."""

    def __init__(self, crawler: Crawler, reserve: int) -> None:
        self._crawler = crawler
        self._reserve = reserve
        self._out = Path()
        self._watch: AsyncioLoopingCall | LoopingCall | None = None

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        reserve = parse_size("MIRROR_RESERVE", str(crawler.settings["MIRROR_RESERVE"]))
        if reserve == 0:
            raise NotConfigured
        self = cls(crawler, reserve)
        crawler.signals.connect(self.spider_opened, signal=signals.spider_opened)
        crawler.signals.connect(self._look, signal=signals.response_received)
        crawler.signals.connect(self.spider_closed, signal=signals.spider_closed)
        return self

    def spider_opened(self, spider: _Mirror) -> None:
        self._out = spider.out
        self._watch = create_looping_call(self._look)
        self._watch.start(LOOKED_EVERY)

    def spider_closed(self) -> None:
        if self._watch and self._watch.running:
            self._watch.stop()

    def _look(self) -> None:
        engine = self._crawler.engine
        disk = shutil.disk_usage(self._out)
        free, reserve = disk.free, min(self._reserve, int(MOST_RESERVED * disk.total))
        if engine is None or (free < reserve) == engine.paused:
            return
        if engine.paused:
            engine.unpause()
            tell("Going on: there is room again\n")
        else:
            engine.pause()
            tell(
                f"Paused: {decimal(free)} are free on the disk of {self._out}, less than the {decimal(reserve)} that "
                "MIRROR_RESERVE keeps. Make room and it goes on by itself; Ctrl-C ends it, and the same command goes on later\n"
            )


class Quota:
    """Ends the run once MIRROR_QUOTA bytes were received. What is in flight is finished, or stays for the run that goes on."""

    def __init__(self, crawler: Crawler, quota: int) -> None:
        self._crawler = crawler
        self._left = quota

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        quota = crawler.settings.getint("MIRROR_QUOTA")
        if not quota:
            raise NotConfigured
        self = cls(crawler, quota)
        crawler.signals.connect(self.bytes_received, signal=signals.bytes_received)
        return self

    def bytes_received(self, data: bytes) -> None:
        had, self._left = self._left, self._left - len(data)
        if had > 0 >= self._left:
            tell("The quota is used up: finishing what is in flight\n")
            close(self._crawler, "quota")


def hear_hangups() -> None:
    """A terminal that goes away ends the crawl as Ctrl-C does, but where `nohup` or the like has it ignored."""
    hangup = getattr(signal, "SIGHUP", None)
    if hangup is not None and signal.getsignal(hangup) is signal.SIG_DFL:
        signal.signal(hangup, lambda *_: signal.raise_signal(signal.SIGTERM))


class Hint(logging.Handler):
    """Says what a Ctrl-C does. Scrapy tells of it only in its log, at a level that a user seldom reads."""

    def emit(self, record: logging.LogRecord) -> None:
        if isinstance(record.msg, str) and record.msg.startswith("Received") and "gracefully" in record.msg:
            tell("Finishing what is in flight; once more stops at once\n")
