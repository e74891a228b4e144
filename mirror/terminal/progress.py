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

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

Reporthook: TypeAlias = Callable[[int, int, int], object]
"""Called with a block's number, the size of a block, and the file's size or -1."""

HookFactory: TypeAlias = Callable[[str, str], Reporthook]
"""Makes the hook of one file of its URL and its path."""

BLOCK_SIZE: Final = 8192
"""What `urllib.request.urlretrieve` reads at a time."""

UNKNOWN_SIZE: Final = -1

PATIENCE: Final = 64 * 1024
"""Bytes after which an answer of unknown status is taken for a file."""


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
        return silent

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
            self._counter = BlockCounter(self._hook, each=self._hook is not silent and not self._display.live)
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


def silent(_block: int, _size: int, _total: int) -> None:
    """The hook of a file that nobody watches."""
