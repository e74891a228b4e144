"""The progress of every file, told through the hook of `wget.py`: `reporthook(block_number, block_size, total_size)`.

Enters: a file's URL, path and size, the sizes of the chunks it arrives in, the totals of the crawl. Leaves: calls of a
hook, lines on stdout, or a display on the terminal. Never here: a byte of the files, a class of Scrapy.

The law of the hook
-------------------
It is called as `urllib.request.urlretrieve` calls it, whatever chunks the network delivers:

1. A factory `(url, path) -> reporthook` makes one hook for each file; a file fetched again gets a new one.
2. The hook is called with block 0 before any byte, then once for each block of `BLOCK_SIZE` bytes, in order. A last,
   short block counts as one.
3. `total_size` is the length that the server announced, or -1.
4. A file is a response that is saved, that is one with a status of 2xx; no other response has a hook. Where the status
   is told only at the end, the calls wait for that, or until `PATIENCE` bytes are there: so small answers that turn out to
   be errors are never told as files, and large files are told while they come.
5. A hook that raises is not called again, nor is any other of its factory; the crawl goes on.
"""

import atexit
import logging
import os
import pkgutil
import re
import sys
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Final, ParamSpec, TypeAlias, TypeVar

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.filesize import decimal, pick_unit_and_suffix
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Column, Table
from rich.text import Text

Reporthook: TypeAlias = Callable[[int, int, int], object]
"""Called with a block's number, the size of a block, and the file's size or -1."""

HookFactory: TypeAlias = Callable[[str, str], Reporthook]
"""Makes the hook of one file of its URL and its path."""

BLOCK_SIZE: Final = 8192
"""What `urllib.request.urlretrieve` reads at a time."""

UNKNOWN_SIZE: Final = -1

PATIENCE: Final = 64 * 1024
"""Bytes after which an answer of unknown status is taken for a file."""

_P = ParamSpec("_P")
_T = TypeVar("_T")

logger = logging.getLogger(__name__)


class InvalidProgressError(ValueError):
    """The caller asked for a display or a hook that does not exist: the message says which and what there is."""


@dataclass(frozen=True, slots=True)
class Totals:
    """The crawl so far; `received` are the bytes from the network, `queued` is `None` where nobody knows.

    `in_flight` counts requests, also those that no server has answered yet. `waits` says for which host one waits, if for any.
    """

    pages: int = 0
    requisites: int = 0
    bytes: int = 0
    failed: int = 0
    received: int = 0
    queued: int | None = None
    in_flight: int = 0
    waits: str = ""


class Display:
    """What a crawl tells, and here it tells it to nobody: a display says only what becomes of what it cares for.

    A `live` display wants the totals several times a second. Of the blocks that came together it is told the last one: it
    paints no more. It may also be told of a file before it is known to be one, because it can take a file back.
    """

    live = False

    def start(self) -> None:
        """The crawl begins."""

    def file(self, url: str, path: str) -> Reporthook:  # noqa: ARG002 - a display that does not care for files
        """A file begins: the hook to call for its blocks."""
        return _silent

    def finished(self, hook: Reporthook, size: int | None) -> None:
        """The file of this hook has ended after `size` bytes; `None`: there is no such file after all."""

    def totals(self, totals: Totals) -> None:
        """So far has the crawl come."""

    def close(self) -> None:
        """The crawl is over: leave the terminal as it was."""


class BlockCounter:
    """Turns chunks of any size into the calls that `urlretrieve` makes.

    >>> counter = BlockCounter(lambda *block: print(block))
    >>> counter.start(9000)
    (0, 8192, 9000)
    >>> counter.feed(8191), counter.feed(809)
    (1, 8192, 9000)
    (None, None)
    >>> counter.finish()
    (2, 8192, 9000)
    """

    def __init__(self, hook: Reporthook, *, each: bool = True) -> None:
        """`each`: of each block there is a call; else only of the last one of those that came together."""
        self._hook = hook
        self._each = each
        self._total = UNKNOWN_SIZE
        self._block = 0
        self._rest = 0

    def start(self, total: int = UNKNOWN_SIZE) -> None:
        self._total = total
        self._hook(0, BLOCK_SIZE, total)

    def feed(self, n_bytes: int) -> None:
        blocks, self._rest = divmod(self._rest + n_bytes, BLOCK_SIZE)
        if blocks and not self._each:
            self._block += blocks - 1
            blocks = 1
        for _ in range(blocks):
            self._next()

    def finish(self) -> None:
        if self._rest:
            self._rest = 0
            self._next()

    def _next(self) -> None:
        self._block += 1
        self._hook(self._block, BLOCK_SIZE, self._total)


class Transfer:
    """One response on its way, and when its hook may be called: by the fourth article of the law, once it is a file."""

    def __init__(self, display: Display, url: str, path: str, total: int) -> None:
        self._display = display
        self._url = url
        self._path = path
        self._total = total
        self._size = 0
        self._hook: Reporthook | None = None
        self._counter: BlockCounter | None = None
        if display.live:
            self.begin()

    def begin(self) -> None:
        """It is a file: call its hook for what has arrived, and from now on for each block."""
        if self._counter is None:
            self._hook = self._display.file(self._url, self._path)
            self._counter = BlockCounter(self._hook, each=self._hook is not _silent and not self._display.live)
            self._counter.start(self._total)
            self._counter.feed(self._size)

    def feed(self, n_bytes: int) -> None:
        self._size += n_bytes
        if self._counter is not None:
            self._counter.feed(n_bytes)
        elif self._size >= PATIENCE:
            self.begin()

    def end(self, *, saved: bool) -> None:
        """The response is complete and a file, or it is not."""
        if saved:
            self.begin()
        if self._counter is not None and self._hook is not None:
            self._counter.finish()
            self._display.finished(self._hook, self._size if saved else None)


def is_file(status: int) -> bool:
    """Whether a response of this status is saved."""
    return 200 <= status < 300  # noqa: PLR2004 - the class of status codes that means success


def display(name: str, reporthook: str = "", *, terminal: bool) -> Display:
    """The display of this name, or the user's hook instead of it; `terminal` tells whether stderr is one.

    Raises `InvalidProgressError` with a sentence for the user.

    >>> display("fancy", terminal=False)
    Traceback (most recent call last):
    mirror.progress.InvalidProgressError: MIRROR_PROGRESS is 'fancy': it should be one of auto, bars, lines, blocks, off
    """
    if name not in NAMES:
        raise InvalidProgressError(f"MIRROR_PROGRESS is {name!r}: it should be one of {', '.join(NAMES)}")
    if reporthook:
        return Guarded(Hooks(load_factory(reporthook)), f"MIRROR_REPORTHOOK {reporthook}")
    if name == "auto":
        name = "bars" if terminal else "lines"
    return Guarded(NAMES[name](), f"the progress display {name!r}")


def load_factory(dotted: str) -> HookFactory:
    """The user's factory, by its dotted path; raises `InvalidProgressError`."""
    try:
        factory = pkgutil.resolve_name(dotted)
    except Exception as error:  # a module of the user's can raise anything while it is imported
        raise InvalidProgressError(f"MIRROR_REPORTHOOK {dotted!r} can't be imported: {_in_one_line(error)}") from error
    if not callable(factory):
        raise InvalidProgressError(f"MIRROR_REPORTHOOK {dotted!r} can't be called: it is no factory of hooks")
    return factory  # type: ignore[no-any-return]


def is_terminal(stream: IO[str]) -> bool:
    """Whether a display can be painted on this stream: it is a terminal that can move its cursor."""
    return stream.isatty() and os.environ.get("TERM", "").lower() not in {"dumb", "unknown"}


def printable(text: str) -> str:
    r"""A text of the web as it may stand on a terminal: what is no visible character becomes U+FFFD.

    >>> printable("a\x1b[31m\n") == "a\N{REPLACEMENT CHARACTER}[31m\N{REPLACEMENT CHARACTER}"
    True
    """
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def printable_lines(text: str) -> str:
    r"""The same for a text of several lines.

    >>> printable_lines("a\x9b31m\nb\n") == "a\N{REPLACEMENT CHARACTER}31m\nb\n"
    True
    """
    return text if text.isprintable() else "\n".join(map(printable, text.split("\n")))


def shortened(url: str, width: int, ellipsis: str = "…") -> str:
    """A URL cut in its middle to fit a width: first its folders go, then the middle of its name.

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


def _in_one_line(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())


def _silent(_block: int, _size: int, _total: int) -> None:
    """The hook of a file that nobody watches."""


def _say(text: str) -> None:
    """Write a line to stdout, at once, whatever characters it can take."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")
    sys.stdout.flush()


def _arrow(url: str, path: str) -> str:
    return f"{printable(url)} -> {printable(path)}"


class Lines(Display):
    """One line a file, `URL -> path`."""

    def file(self, url: str, path: str) -> Reporthook:
        _say(_arrow(url, path))
        return _silent


class Hooks(Display):
    """Leaves it all to the hooks of one factory."""

    def __init__(self, factory: HookFactory) -> None:
        self._factory = factory

    def file(self, url: str, path: str) -> Reporthook:
        return self._factory(url, path)


class Blocks(Display):
    """What `wget.py` printed: `URL -> path`, and the arguments of every call of the hook.

    It fetched one file after the other and we do not, so the first file prints as it comes and the others wait for
    their turn: the lines under a name are always the lines of its file.
    """

    def __init__(self) -> None:
        self._waiting: dict[Reporthook, deque[str]] = {}
        self._ended: set[Reporthook] = set()

    def file(self, url: str, path: str) -> Reporthook:
        lines = deque([_arrow(url, path)])

        def hook(block: int, size: int, total: int) -> None:
            lines.append(str((block, size, total)))
            self._print()

        self._waiting[hook] = lines
        return hook

    def finished(self, hook: Reporthook, size: int | None) -> None:  # noqa: ARG002 - the signature is the display's
        self._ended.add(hook)
        self._print()

    def close(self) -> None:
        self._ended.update(self._waiting)
        self._print()

    def _print(self) -> None:
        while self._waiting:
            hook, lines = next(iter(self._waiting.items()))
            while lines:
                _say(lines.popleft())
            if hook not in self._ended:
                return
            del self._waiting[hook]
            self._ended.remove(hook)


class Guarded(Display):
    """Another display that can't break the crawl: where it raises, it says so in one line of the log and is silent."""

    def __init__(self, display: Display, name: str) -> None:
        self.live = display.live
        self._display = display
        self._name = name
        self._broken = False
        self._hooks: dict[Reporthook, Reporthook] = {}

    def start(self) -> None:
        self._try(self._display.start)

    def file(self, url: str, path: str) -> Reporthook:
        inner = self._try(self._display.file, url, path)
        if inner is None or inner is _silent:
            return _silent

        def hook(block: int, size: int, total: int) -> None:
            self._try(inner, block, size, total)

        self._hooks[hook] = inner
        return hook

    def finished(self, hook: Reporthook, size: int | None) -> None:
        if hook in self._hooks:
            self._try(self._display.finished, self._hooks.pop(hook), size)

    def totals(self, totals: Totals) -> None:
        self._try(self._display.totals, totals)

    def close(self) -> None:
        self._try(self._display.close)

    def _try(self, function: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T | None:
        if self._broken:
            return None
        try:
            return function(*args, **kwargs)
        except Exception as error:  # noqa: BLE001 - the user's code, or a pipe that nobody reads any more
            self._broken = True
            with suppress(Exception):
                self._display.close()
            file, line, *_ = traceback.extract_tb(error.__traceback__)[-1]
            message = "%s raised %s (%s:%s); it is not called again"
            logger.error(message, self._name, _in_one_line(error), file, line)  # noqa: TRY400 - a traceback tells no more
            return None


ROWS: Final = 8
"""Files shown at a time: the display has one height, so nothing jumps."""

LINGER: Final = 1.0
"""Seconds for which a row keeps its file after the end, so that a reader's eye can follow."""

HALF_LIFE: Final = 3.0
"""Seconds in which a rate forgets half of what it was."""

_MARGIN: Final = 3  # a terminal echoes ^C behind the last row, and the display is lost if that begins a new line
_HEAD: Final = 5  # lines above the rows, and one for the log
_STEADY: Final = 0.05
_WIDE: Final = 90
_NARROW: Final = 60


class Rate:
    """How fast a counter grows a second: a mean in which the weight of the past halves every `HALF_LIFE` seconds."""

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
    """A file on the display: its hook, and since when it stands in its row as it is."""

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
    """A file as it is painted."""

    url: str
    received: int
    total: int
    ended: bool


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture of the display. It never changes, so a line of the log can be printed above it from any thread."""

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
    """A table of columns that crop what does not fit; one without a width takes what is left."""
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
    """The bar of a file; where nobody knows the size, it pulses."""
    bar = ProgressBar(None if row.total == UNKNOWN_SIZE else row.total, row.received, animation_time=now)
    bar.complete_style = bar.pulse_style = "cyan"
    bar.finished_style = "green"
    return bar


def _amount(row: Row, width: int) -> str:
    """What has arrived, and of how much if there is room for it."""
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
    """A calm display at the bottom of a terminal: totals, rates, the queue, and a row with a bar for some of the files.

    A file keeps its row to its end. The row of an ended file stays for `LINGER` seconds at least, then it goes to the
    file that has waited for one longest; so each row changes at most once a second however fast the files come.
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
        self._flying: dict[Reporthook, _File] = {}
        self._landed: deque[_File] = deque(maxlen=ROWS)
        self._rows: list[_File | None] = [None] * ROWS
        self._rerouted: list[tuple[logging.StreamHandler[IO[str]], IO[str]]] = []

    def start(self) -> None:
        """Begin to paint; from now on what is written to stdout, stderr and the log stands above the display."""
        streams = sys.stderr, sys.stdout
        self._live.start()
        atexit.register(self.close)  # a second Ctrl-C ends the process without closing the spider
        for handler in logging.getLogger().handlers:
            if isinstance(handler, logging.StreamHandler) and handler.stream in streams:
                self._rerouted.append((handler, handler.stream))
                handler.setStream(sys.stderr if handler.stream is streams[0] else sys.stdout)

    def file(self, url: str, path: str) -> Reporthook:  # noqa: ARG002 - the signature is the display's
        file = _File(url)
        self._flying[file] = file
        return file

    def finished(self, hook: Reporthook, size: int | None) -> None:
        file = self._flying.pop(hook)
        file.ended, file.since = True, self._clock()
        if size is None:
            self._rows = [None if row is file else row for row in self._rows]
            return
        file.received = file.total = size
        if file not in self._rows:
            self._landed.append(file)

    def totals(self, totals: Totals) -> None:
        """Paint the next picture."""
        self._frame = self.frame(totals)
        self._live.refresh()

    def frame(self, totals: Totals) -> Frame:
        now = self._clock()
        self._assign_rows(now)
        queued = totals.queued or 0
        self._queue = self._queue or Rate(now, queued)  # a resumed crawl begins with a queue, which is no growth
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
        """Go, and leave the terminal as it was; what became of the crawl is the summary's to say."""
        atexit.unregister(self.close)
        self._live.stop()
        while self._rerouted:
            handler, stream = self._rerouted.pop()
            handler.setStream(stream)

    def _assign_rows(self, now: float) -> None:
        free = [place for place, row in enumerate(self._rows) if row is None]
        ended = [place for place, row in enumerate(self._rows) if row and row.ended and now - row.since >= LINGER]
        shown = {row for row in self._rows if row}
        files = [file for file in self._flying.values() if file not in shown] + list(reversed(self._landed))
        self._landed.clear()
        for place, file in zip(free + ended, files, strict=False):
            self._rows[place] = file
            file.since = now


NAMES: Final[dict[str, Callable[[], Display]]] = {
    "auto": Display,  # which of the others, `display` decides
    "bars": Bars,
    "lines": Lines,
    "blocks": Blocks,
    "off": Display,
}
"""The values of MIRROR_PROGRESS."""
