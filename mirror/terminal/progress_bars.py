"""The display on a terminal: totals, rates, the queue, and progress bars of some files.

Input: calls of the files' hooks, the totals of the crawl. Output: a few lines at the bottom of the terminal, drawn by rich.
"""

import atexit
import logging
import re
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import IO, Final

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.filesize import decimal, pick_unit_and_suffix
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Column, Table
from rich.text import Text

from mirror.terminal.printable import printable
from mirror.terminal.reporthook import UNKNOWN_SIZE, Display, Reporthook, Totals

ROWS: Final = 8
"""Files shown at a time. The height of the display is fixed, so that nothing jumps."""

LINGER: Final = 1.0
"""Seconds for which a row keeps its file after the end, so that the user can read it."""

HALF_LIFE: Final = 3.0
"""Seconds in which the weight of older values of a rate halves."""

_MARGIN: Final = (
    3  # room for the ^C that a terminal echoes after the last row: a new line there would break the display
)
_HEAD: Final = 5  # lines above the rows, and one for the log
_STEADY: Final = 0.05
_WIDE: Final = 90
_NARROW: Final = 60


def shortened(url: str, width: int, ellipsis: str = "…") -> str:
    """Cut a URL in the middle to fit a width: first leave out folders, then the middle of the name.

    >>> shortened("example.org/a/very/long/path/to/picture.png", 30)
    'example.org/…/to/picture.png'
    >>> shortened("example.org/a/very/long/path/to/picture.png", 20)
    'exampl…o/picture.png'
    """
    if len(url) <= width:
        return url
    host = _HOST.match(url)
    room = width - len(ellipsis)
    head = host.end() if host else 0
    tail = url.find("/", len(url) - max(room - head, 0))
    if not head <= tail < len(url) - 1:
        head = max(room, 0) // 3
        tail = len(url) - max(room, 0) + head
    return (url[:head] + ellipsis + url[tail:])[: max(width, 0)]


_HOST = re.compile(r"(?:https?://)?[^/]*/")


class Rate:
    """Growth of a counter in a second: a mean in which the weight of older values halves every `HALF_LIFE` seconds."""

    def __init__(self, now: float, value: int = 0) -> None:
        self._now = now
        self._value = value
        self._sum = 0.0
        self._weight = 0.0

    def update(self, value: int, now: float) -> float:
        passed = now - self._now
        if passed > 0:
            old = 2 ** (-passed / HALF_LIFE)
            self._sum = old * self._sum + (1 - old) * (value - self._value) / passed
            self._weight = old * self._weight + (1 - old)
            self._now, self._value = now, value
        return self._sum / self._weight if self._weight else 0.0


@dataclass(slots=True, eq=False)
class _File:
    """A file on the display and its hook; `since` is when it got its row or ended."""

    url: str
    total: int = UNKNOWN_SIZE
    received: int = 0
    ended: bool = False
    since: float = 0.0

    def __call__(self, block: int, size: int, total: int) -> None:
        self.total = total
        self.received = block * size if total == UNKNOWN_SIZE else min(block * size, total)


@dataclass(frozen=True, slots=True)
class Row:
    """A file as the display draws it."""

    url: str
    received: int
    total: int
    ended: bool


@dataclass(frozen=True, slots=True)
class Frame:
    """One state of the display. It is immutable, so that any thread can print a log line above it."""

    totals: Totals
    now: float
    elapsed: float
    bytes_per_second: float = 0.0
    files_per_second: float = 0.0
    queue_per_second: float = 0.0
    rows: tuple[Row | None, ...] = ()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        signs = _ASCII if options.ascii_only else _SIGNS
        width = max(options.max_width - _MARGIN, 1)
        yield Text(signs["rule"] * width, "dim")
        yield _sides(self._counts(), Text(_duration(self.elapsed)), width)
        yield _sides(self._speeds(signs), Text(f"{self.totals.in_flight} in flight", "dim"), width)
        yield Text(printable(self.totals.waits), "yellow", overflow="ellipsis", no_wrap=True)
        yield self._files(self.rows[: max(options.size.height - _HEAD, 0)], width, signs)

    def _counts(self) -> Text:
        totals = self.totals
        return Text("  ").join(
            [
                _count(totals.pages, "page"),
                _count(totals.requisites, "requisite"),
                Text(decimal(totals.bytes), "bold"),
                Text(f"{totals.failed:,} failed", "bold red" if totals.failed else "dim"),
            ]
        )

    def _speeds(self, signs: dict[str, str]) -> Text:
        speeds = [
            Text(f"{decimal(max(round(self.bytes_per_second), 0))}/s", "bold"),
            Text(f"{_number(self.files_per_second)} files/s", "dim"),
        ]
        if self.totals.queued is not None:
            speeds.append(self._queue(self.totals.queued, signs))
        return Text("  ").join(speeds)

    def _queue(self, queued: int, signs: dict[str, str]) -> Text:
        growth = self.queue_per_second
        if abs(growth) < _STEADY:
            return Text.assemble(f"{queued:,} queued ", (signs["steady"], "dim"))
        trend, style = ("grows", "yellow") if growth > 0 else ("shrinks", "green")
        return Text.assemble(f"{queued:,} queued ", (f"{signs[trend]} {_number(abs(growth))}/s", style))

    def _files(self, rows: Iterable[Row | None], width: int, signs: dict[str, str]) -> Table:
        bar = 24 if width >= _WIDE else 12 if width >= _NARROW else 5
        amount = 15 if width >= _NARROW else 9
        url = max(width - 1 - bar - 4 - amount - 4, 1)
        table = _grid(1, url, bar, 4, amount)
        table.columns[3].justify = table.columns[4].justify = "right"
        for row in rows:
            table.add_row(*(_cells(row, url, amount, signs, self.now) if row else [Text()]))
        return table


_SIGNS: Final = {"ended": "✓", "grows": "↑", "shrinks": "↓", "steady": "→", "ellipsis": "…", "rule": "─"}
_ASCII: Final = {"ended": "*", "grows": "+", "shrinks": "-", "steady": "=", "ellipsis": "...", "rule": "-"}


def _grid(*widths: int | None) -> Table:
    """A table whose columns crop what does not fit; a column without a width gets the rest."""
    columns = [Column(width=width, ratio=None if width else 1, no_wrap=True, overflow="crop") for width in widths]
    return Table.grid(*columns, padding=(0, 1, 0, 0), pad_edge=False)


def _sides(left: Text, right: Text, width: int) -> Table:
    table = _grid(None, right.cell_len)
    table.width = width
    table.add_row(left, right)
    return table


def _cells(row: Row, url_width: int, amount_width: int, signs: dict[str, str], now: float) -> list[RenderableType]:
    url = shortened(printable(row.url.removeprefix("https://")), url_width, signs["ellipsis"])
    if signs is _ASCII:
        url = url.encode("ascii", "replace").decode()
    leaf = url.rstrip("/").rfind("/") + 1
    known = row.total != UNKNOWN_SIZE
    percent = 100 * row.received // row.total if row.total > 0 else 100
    return [
        Text(signs["ended"] if row.ended else "", "green"),
        Text.assemble((url[:leaf], "dim"), (url[leaf:], "dim" if row.ended else "")),
        _bar(row, now),
        Text(f"{percent}%" if known else "", "dim" if row.ended else ""),
        Text(_amount(row, amount_width), "dim" if row.ended else ""),
    ]


def _bar(row: Row, now: float) -> ProgressBar:
    """The bar of a file; it pulses if the size is unknown."""
    bar = ProgressBar(None if row.total == UNKNOWN_SIZE else row.total, row.received, animation_time=now)
    bar.complete_style = bar.pulse_style = "cyan"
    bar.finished_style = "green"
    return bar


def _amount(row: Row, width: int) -> str:
    """The bytes that have arrived, and the total if it is known and fits."""
    unit, suffix = pick_unit_and_suffix(row.total, ["bytes", "kB", "MB", "GB", "TB"], 1000)
    digits = 0 if unit == 1 else 1
    amount = f"{row.received / unit:.{digits}f}/{row.total / unit:.{digits}f} {suffix}"
    return decimal(row.received) if row.ended or row.total == UNKNOWN_SIZE or len(amount) > width else amount


def _count(number: int, noun: str) -> Text:
    return Text.assemble((f"{number:,}", "bold"), f" {noun}{'' if number == 1 else 's'}")


def _number(value: float) -> str:
    return f"{value:.1f}" if value < 10 else f"{value:,.0f}"  # noqa: PLR2004 - two digits are enough to read a speed


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"


class Bars(Display):
    """A display at the bottom of a terminal: totals, rates, the queue, and a row with a bar for some of the files.

    A file keeps its row until it ends. The row of an ended file stays for at least `LINGER` seconds; then the file that has
    waited longest gets it. So each row changes at most once a second, however fast files arrive.
    """

    live = True

    def __init__(self, console: Console | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console or Console(stderr=True, soft_wrap=True)
        self._clock = clock
        self._started = clock()
        self._frame = Frame(Totals(), self._started, 0.0)
        self._live = Live(console=self._console, auto_refresh=False, transient=True, get_renderable=lambda: self._frame)
        self._bytes = Rate(self._started)
        self._files = Rate(self._started)
        self._queue: Rate | None = None
        self._active: dict[Reporthook, _File] = {}
        self._finished: deque[_File] = deque(maxlen=ROWS)
        self._rows: list[_File | None] = [None] * ROWS
        self._rerouted: list[tuple[logging.StreamHandler[IO[str]], IO[str]]] = []

    def start(self) -> None:
        """Start to draw; from now on, what is written to stdout, stderr and the log appears above the display."""
        streams = sys.stderr, sys.stdout
        self._live.start()
        atexit.register(self.close)  # a second Ctrl-C exits without calling `close`
        for handler in logging.getLogger().handlers:
            if isinstance(handler, logging.StreamHandler) and handler.stream in streams:
                self._rerouted.append((handler, handler.stream))
                handler.setStream(sys.stderr if handler.stream is streams[0] else sys.stdout)

    def file(self, url: str, path: str) -> Reporthook:  # noqa: ARG002 - the signature of `Display`
        file = _File(url)
        self._active[file] = file
        return file

    def finished(self, hook: Reporthook, size: int | None) -> None:
        file = self._active.pop(hook)
        file.ended, file.since = True, self._clock()
        if size is None:
            self._rows = [None if row is file else row for row in self._rows]
            return
        file.received = file.total = size
        if file not in self._rows:
            self._finished.append(file)

    def totals(self, totals: Totals) -> None:
        """Draw the new totals."""
        self._frame = self.frame(totals)
        self._live.refresh()

    def frame(self, totals: Totals) -> Frame:
        now = self._clock()
        self._assign_rows(now)
        queued = totals.queued or 0
        self._queue = self._queue or Rate(now, queued)  # the queue of a resumed crawl is not growth
        return Frame(
            totals,
            now,
            now - self._started,
            self._bytes.update(totals.received, now),
            self._files.update(totals.pages + totals.requisites, now),
            self._queue.update(queued, now),
            tuple(Row(row.url, row.received, row.total, row.ended) if row else None for row in self._rows),
        )

    def close(self) -> None:
        """Remove the display and restore the terminal; the summary reports the result of the crawl."""
        atexit.unregister(self.close)
        self._live.stop()
        while self._rerouted:
            handler, stream = self._rerouted.pop()
            handler.setStream(stream)

    def _assign_rows(self, now: float) -> None:
        free = [place for place, row in enumerate(self._rows) if row is None]
        ended = [place for place, row in enumerate(self._rows) if row and row.ended and now - row.since >= LINGER]
        shown = {row for row in self._rows if row}
        files = [file for file in self._active.values() if file not in shown] + list(reversed(self._finished))
        self._finished.clear()
        for place, file in zip(free + ended, files, strict=False):
            self._rows[place] = file
            file.since = now
