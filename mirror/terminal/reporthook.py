"""The progress of every file, reported through the hook of `wget.py`: `reporthook(block_number, block_size, total_size)`.

Input: a file's URL, path and size, the sizes of the chunks in which it arrives, the totals of the crawl. Output: calls of
a hook or of a display. This module sees no bytes of the files and no class of Scrapy.

The law of the hook
-------------------
The hook is called as `urllib.request.urlretrieve` calls it, whatever chunks the network delivers:

1. A factory `(url, path) -> reporthook` makes one hook for each file; a file that is fetched again gets a new one.
2. The hook is called with block 0 before any byte, then once for each block of `BLOCK_SIZE` bytes, in order. A short last
   block counts as one.
3. `total_size` is the length that the server announced, or -1.
4. A file is a response that is saved: one with a 2xx status. Other responses have no hook. If the status is known only
   at the end, the calls wait for the end, or until `UNDECIDED_BYTES` bytes have arrived. So small error responses are never
   reported as files, and large files are reported while they arrive.
5. If a hook raises, no hook of its factory is called again; the crawl continues.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

Reporthook: TypeAlias = Callable[[int, int, int], object]
"""Called with a block's number, the size of a block, and the file's size or -1."""

HookFactory: TypeAlias = Callable[[str, str], Reporthook]
"""Makes the hook of one file from its URL and its path."""

BLOCK_SIZE: Final = 8192
"""Bytes that `urllib.request.urlretrieve` reads at a time."""

UNKNOWN_SIZE: Final = -1

UNDECIDED_BYTES: Final = 64 * 1024
"""Bytes after which a response of unknown status is assumed to be a file."""


@dataclass(frozen=True, slots=True)
class Totals:
    """The crawl so far. `received` is the bytes from the network; `queued` is `None` if unknown.

    `in_flight` counts all unfinished requests, answered or not. `waits` names the host that the crawl waits for, if any.
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
    """The interface of displays. Here every method does nothing; a display overrides those that it needs.

    A `live` display gets the totals several times a second. If several blocks arrive together, it gets only the last one,
    because it draws no more than that. It also gets responses that may turn out not to be files, because it can remove them.
    """

    live = False

    def start(self) -> None:
        """The crawl starts."""

    def file(self, url: str, path: str) -> Reporthook:  # noqa: ARG002 - subclasses use them
        """A file starts to arrive; returns the hook to call for its blocks."""
        return silent

    def finished(self, hook: Reporthook, size: int | None) -> None:
        """The file of this hook ended after `size` bytes; `None` if it turned out not to be a file."""

    def totals(self, totals: Totals) -> None:
        """The totals of the crawl so far."""

    def close(self) -> None:
        """The crawl is over: restore the terminal."""


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
        """With `each`, call the hook for every block; without, only for the last of the blocks that arrive together."""
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
    """One response while it arrives. Its hook is called once the response is known to be a file (rule 4 of the module)."""

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
        """The response is a file: call its hook for what has arrived, and from now on for each block."""
        if self._counter is None:
            self._hook = self._display.file(self._url, self._path)
            self._counter = BlockCounter(self._hook, each=self._hook is not silent and not self._display.live)
            self._counter.start(self._total)
            self._counter.feed(self._size)

    def feed(self, n_bytes: int) -> None:
        self._size += n_bytes
        if self._counter is not None:
            self._counter.feed(n_bytes)
        elif self._size >= UNDECIDED_BYTES:
            self.begin()

    def end(self, *, saved: bool) -> None:
        """The response has ended; `saved` is whether it is a complete file."""
        if saved:
            self.begin()
        if self._counter is not None and self._hook is not None:
            self._counter.finish()
            self._display.finished(self._hook, self._size if saved else None)


def is_file(status: int) -> bool:
    """Whether a response with this status is saved."""
    return 200 <= status < 300  # noqa: PLR2004 - the successful status codes


def silent(_block: int, _size: int, _total: int) -> None:
    """A hook that does nothing."""
