"""The extensions that end, pause or limit a crawl. Each translates Scrapy's signals, and leaves the work to another module."""

import asyncio
import logging
import os
import shutil
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol, Self

from rich.filesize import decimal
from scrapy import signals
from scrapy.crawler import Crawler
from scrapy.exceptions import NotConfigured
from scrapy.utils.asyncio import AsyncioLoopingCall, create_looping_call

from mirror.cli.archive_command import missing_objects, renamed
from mirror.cli.option_values import parse_size
from mirror.close_spider import close
from mirror.events.stream import Stream
from mirror.events.types import RunEnded
from mirror.logs import print_safely
from mirror.pacing import Hosts
from mirror.reports.exit_codes import Exit
from mirror.reports.run_summary import MAX_EXAMPLES, MAX_FAILURES, Summary
from mirror.reports.times import clock_warning
from mirror.store.disk.errors import StorageError
from mirror.store.manifest.records import Outcome
from mirror.store.rules.login_pages import login_pages
from mirror.store.run.crawl import Crawl
from mirror.terminal.console import described, print_message

if TYPE_CHECKING:
    from twisted.internet.task import LoopingCall

    from mirror.spiders.mirror import MirrorSpider

DISK_CHECK_INTERVAL: Final = 1.0
"""Seconds between two checks of the disk while no responses arrive."""

MAX_RESERVED_SHARE: Final = 0.05
"""The largest share of a disk to keep free. On a small disk MIRROR_RESERVE alone might be most of it."""

POLL_INTERVAL: Final = 0.001
"""Seconds between two checks of worker processes that are still busy. Checking all the time would take a core from them."""

_HOW: Final = {"quota": "quota"}
"""The reason why the spider was closed -> how the run ended, if it was not interrupted."""

logger = logging.getLogger(__name__)


class Finish:
    """Ends a run, and stores its exit code in the stats as `mirror/exit_code`.

    A notification about a held run (`Exit.HELD`), such as a mail, belongs at the end of `_finish`: there the summary is known
    and nothing more changes in the tree.
    """

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._started = time.monotonic()
        self._hint = Hint(logging.INFO)
        self._is_quiet = crawler.settings.getbool("MIRROR_QUIET")
        self._has_summary = crawler.settings.getbool("MIRROR_SUMMARY", default=True)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        self = cls(crawler)
        print_safely()
        crawler.signals.connect(self.spider_opened, signal=signals.spider_opened)
        crawler.signals.connect(self.spider_closed, signal=signals.spider_closed)
        return self

    def spider_opened(self, spider: "MirrorSpider") -> None:
        logging.getLogger("scrapy.crawler").addHandler(self._hint)
        if spider.mirror.snapshot.resumed and not self._is_quiet:
            left = len(spider.mirror)
            are_left = "1 URL left" if left == 1 else f"{left:,} URLs left"
            print_message(f"Resuming the run of {spider.mirror.snapshot.started}: {are_left}\n")
        print_message(renamed(spider.archive.renamed, spider.archive.naming.law.names))
        print_message(clock_warning(spider.mirror.runs_of_the_future(), spider.mirror.now()))
        close_on_hangup()

    async def spider_closed(self, spider: "MirrorSpider", reason: str) -> None:
        logging.getLogger("scrapy.crawler").removeHandler(self._hint)
        assert self._crawler.stats is not None
        if spider.renderer:
            await spider.renderer.close()
            if spider.renderer.error:
                print_message(f"Nothing was rendered: {spider.renderer.error}\n")
        error = self._crawler.stats.get_value("mirror/storage_error")
        exit_code, finished = Exit.INTERRUPTED, False
        try:
            if error is None:
                finished = reason == "finished" or spider.mirror.is_done
                exit_code = await self._finish(spider.mirror, spider.options.missing_browser, finished=finished)
            else:
                spider.mirror.flush()  # commits the answers that came before the error
        except StorageError as failure:
            error = error or str(failure)
        except Exception as failure:  # noqa: BLE001 - a bug, or a manifest damaged in a way that nobody foresaw: say it
            error = error or described(failure)
        finally:
            await spider.workers.close()
            exit_code = exit_code if error is None else Exit.STORAGE
            how = "storage" if error is not None else "finished" if finished else _HOW.get(reason, "interrupted")
            try:
                self._tell_end(spider.mirror, how, exit_code)
            finally:
                spider.archive.close()
        if error is not None:
            print_message(f"websucker: {error}\n")
        self._crawler.stats.set_value("mirror/exit_code", exit_code)

    def _tell_end(self, mirror: Crawl, how: str, exit_code: Exit) -> None:
        """Tell the end of the run while the archive is still locked: its last heartbeat says how it ended."""
        stream, run, outcome = Stream.of(self._crawler), mirror.snapshot.id, Outcome.INCOMPLETE
        with suppress(StorageError):  # what can't be read is no reason to tell nothing
            outcome = next((one.outcome for one in mirror.archive.history.recent(1) if one.id == run), outcome)
        stream.tell(RunEnded(run, how, str(outcome), int(exit_code), stream.dropped))

    async def _finish(self, mirror: Crawl, missing_browser: str | None, *, finished: bool) -> Exit:
        if finished:
            mirror.finish()
        for is_waiting in mirror.settle():
            await asyncio.sleep(POLL_INTERVAL if is_waiting else 0)  # lets the event loop handle a second Ctrl-C
        for url in mirror.archive.unwritten:
            logger.error("%s: worker processes crashed while rewriting it; it was published unchanged", url)
        failures = mirror.archive.manifest.runs.failures(MAX_FAILURES)
        summary = Summary(
            mirror.counts(),
            failures,
            mirror.archive.start_place(),
            time.monotonic() - self._started,
            finished,
            mirror.changes(),
            mirror.archive.rewritten,
            mirror.held,
            mirror.archive.manifest.runs.skipped_traps(),
            mirror.pages.counts(),
            mirror.archive.manifest.decisions.needing(MAX_EXAMPLES),
            mirror.shortfalls(),
            mirror.pages.problems(),
            mirror.leads_nowhere,
            mirror.archive.manifest.runs.error_pages(),
            mirror.moves,
            mirror.archive.root,
            closed=list(Hosts.shared(self._crawler).closed.values()),
            in_need=(mirror.pages.in_need, missing_browser) if mirror.pages.in_need and missing_browser else None,
            logins=login_pages(mirror.archive.manifest, mirror.scope.starts, mirror.archive.response),
        )
        if self._has_summary and (summary.exit_code or not self._is_quiet):
            print_message(summary.text())
        if mirror.archive.unpublished:
            print_message(missing_objects(len(mirror.archive.unpublished)))
            return Exit(summary.exit_code or Exit.SOME_FAILED)
        # A notification about a held run goes here: `summary.exit_code is Exit.HELD`, and its text is `summary.text()`. The
        # archive stays locked until `spider_closed` ends, so use a short timeout; nothing waits for a task that still runs.
        return summary.exit_code


class Lifeline:
    """Ends a run as Ctrl-C does when stdin ends, which the process that started the run holds open."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        if not crawler.settings.getbool("MIRROR_LIFELINE"):
            raise NotConfigured
        self = cls(crawler)
        crawler.signals.connect(self.spider_opened, signal=signals.spider_opened)
        crawler.signals.connect(self.spider_closed, signal=signals.spider_closed)
        return self

    def spider_opened(self) -> None:
        asyncio.get_running_loop().add_reader(sys.stdin.fileno(), self._look)

    def spider_closed(self) -> None:
        asyncio.get_running_loop().remove_reader(sys.stdin.fileno())

    def _look(self) -> None:
        if not os.read(sys.stdin.fileno(), 1024):
            self.spider_closed()
            close(self._crawler, "shutdown")


class _Mirror(Protocol):
    """The part of the spider that this module uses."""

    out: Path


class Reserve:
    """Pauses the crawl while the disk has less free space than MIRROR_RESERVE."""

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
        crawler.signals.connect(self._check, signal=signals.response_received)
        crawler.signals.connect(self.spider_closed, signal=signals.spider_closed)
        return self

    def spider_opened(self, spider: _Mirror) -> None:
        self._out = spider.out
        self._watch = create_looping_call(self._check)
        self._watch.start(DISK_CHECK_INTERVAL)

    def spider_closed(self) -> None:
        if self._watch and self._watch.running:
            self._watch.stop()

    def _check(self) -> None:
        engine = self._crawler.engine
        disk = shutil.disk_usage(self._out)
        free, reserve = disk.free, min(self._reserve, int(MAX_RESERVED_SHARE * disk.total))
        if engine is None or (free < reserve) == engine.paused:
            return
        if engine.paused:
            engine.unpause()
            print_message("Resumed: the disk has enough free space again\n")
        else:
            engine.pause()
            print_message(
                f"Paused: the disk of {self._out} has {decimal(free)} free; MIRROR_RESERVE keeps {decimal(reserve)}. Free some "
                "space, and the crawl resumes by itself. Ctrl-C ends it; the same command resumes it later\n"
            )


class Quota:
    """Ends the run once MIRROR_QUOTA bytes were received, those of all transfers in flight included.

    Transfers in flight are cut off. The next run resumes the long ones, where the server lets it, and repeats the others.
    """

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
        before, self._left = self._left, self._left - len(data)
        if before > 0 >= self._left:
            print_message("Quota reached: the transfers in flight are cut off\n")
            assert self._crawler.spider is not None
            self._crawler.spider.is_cut = True  # type: ignore[attr-defined]  # it is a `MirrorSpider`
            close(self._crawler, "quota")


def close_on_hangup() -> None:
    """End the crawl as Ctrl-C does when the terminal closes, unless the signal is ignored, as under `nohup`."""
    hangup = getattr(signal, "SIGHUP", None)
    if hangup is not None and signal.getsignal(hangup) is signal.SIG_DFL:
        signal.signal(hangup, lambda *_: signal.raise_signal(signal.SIGTERM))


class Hint(logging.Handler):
    """Tells the user what Ctrl-C does. Scrapy only logs it, at a level that few users see."""

    def emit(self, record: logging.LogRecord) -> None:
        if isinstance(record.msg, str) and record.msg.startswith("Received") and "gracefully" in record.msg:
            print_message("Finishing the requests in flight; press Ctrl-C again to stop at once\n")
