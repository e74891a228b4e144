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

import logging
import os
import pkgutil
import sys
import traceback
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Final, ParamSpec, TypeAlias, TypeVar

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

    >>> display("fancy", terminal=False)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    mirror.terminal.progress.InvalidProgressError: MIRROR_PROGRESS is 'fancy': it should be one of auto, bars, ...
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


def _bars() -> Display:
    """What paints is imported where there is something to paint on."""
    from mirror.terminal.progress_bars import Bars  # noqa: PLC0415

    return Bars()


NAMES: Final[dict[str, Callable[[], Display]]] = {
    "auto": Display,  # which of the others, `display` decides
    "bars": _bars,
    "lines": Lines,
    "blocks": Blocks,
    "off": Display,
}
"""The values of MIRROR_PROGRESS."""
