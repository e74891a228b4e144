"""The extension that shows the progress of every file: it hands the events of the run to a display."""

import math
import sys
from typing import Final, Self

from scrapy import signals
from scrapy.crawler import Crawler
from scrapy.exceptions import NotConfigured

from mirror.events.stream import Stream
from mirror.events.targets import STDOUT
from mirror.events.types import File, FileBegun, FileEnded, FileReceived, Heartbeat, Wait
from mirror.progress.heartbeats import Heartbeats
from mirror.progress.transfers import Transfers
from mirror.terminal.console import print_message
from mirror.terminal.displays import display, is_terminal
from mirror.terminal.reporthook import UNKNOWN_SIZE, Display, Totals, Transfer

PAINT_INTERVAL: Final = 0.2
"""Seconds between two updates of a live display."""

_WAITING_INTERVAL: Final = 1.0
_LONG_WAIT: Final = 2.0
"""Seconds of waiting that are worth a line."""


class Progress:
    """Reports the progress of every file. MIRROR_PROGRESS names the display, MIRROR_REPORTHOOK a hook of the user's."""

    def __init__(self, crawler: Crawler, shown: Display) -> None:
        self._display = shown
        self._transfers: dict[File, Transfer] = {}
        self._told: set[tuple[str, str]] = set()
        self._is_open = False
        stream = Stream.of(crawler)
        stream.listen(self.file_begun, FileBegun)
        stream.listen(self.file_received, FileReceived)
        stream.listen(self.file_ended, FileEnded)
        if shown.live:
            stream.listen(self._paint, Heartbeat, every=PAINT_INTERVAL)
        elif not crawler.settings.getbool("MIRROR_QUIET"):
            stream.listen(self._tell_waiting, Heartbeat, every=_WAITING_INTERVAL)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        name = crawler.settings.get("MIRROR_PROGRESS", "auto")
        reporthook = crawler.settings.get("MIRROR_REPORTHOOK") or ""
        is_taken = crawler.settings.get("MIRROR_EVENTS") == STDOUT
        shown = display(name, reporthook, terminal=is_terminal(sys.stderr), stdout_taken=is_taken)
        if name == "off" and not reporthook:
            raise NotConfigured
        self = cls(crawler, shown)
        crawler.signals.connect(self.spider_opened, signal=signals.spider_opened)
        crawler.signals.connect(self.spider_closed, signal=signals.spider_closed)
        Transfers.of(crawler)
        Heartbeats.of(crawler)
        return self

    def spider_opened(self) -> None:
        self._is_open = True
        self._display.start()

    def file_begun(self, event: FileBegun) -> None:
        file = event.file
        total = UNKNOWN_SIZE if file.total is None else file.total
        self._transfers[file] = transfer = Transfer(self._display, file.url, file.path, total)
        if event.is_known:
            transfer.begin()

    def file_received(self, event: FileReceived) -> None:
        self._transfers[event.file].feed(event.size)

    def file_ended(self, event: FileEnded) -> None:
        self._transfers.pop(event.file).end(saved=event.is_saved)

    def spider_closed(self) -> None:
        self._is_open = False
        self._display.close()

    def _paint(self, now: Heartbeat) -> None:
        if not self._is_open:
            return
        waits = _waiting_text(now.waits[0]) if now.waits else ""
        sums = (now.pages, now.requisites, now.bytes, now.failed)
        self._display.totals(Totals(*sums, now.received, now.queued, now.in_flight, waits))

    def _tell_waiting(self, now: Heartbeat) -> None:
        """Where nothing else shows it, say once of each host and trouble that the crawl waits for a while."""
        wait = now.waits[0] if now.waits and self._is_open else None
        if wait and wait.seconds > _LONG_WAIT and (wait.host, wait.why) not in self._told:
            self._told.add((wait.host, wait.why))
            text = _waiting_text(wait)
            print_message(f"{text[:1].upper()}{text[1:]}\n")


def _waiting_text(wait: Wait) -> str:
    """Which host the crawl waits for, how long, and why.

    >>> _waiting_text(Wait("example.org", 11.2, "503 Service Unavailable, Retry-After"))
    'waiting for example.org: 12 s (503 Service Unavailable, Retry-After)'
    """
    return f"waiting for {wait.host}: {math.ceil(wait.seconds)} s ({wait.why})"
