"""The displays that MIRROR_PROGRESS can name, and the display that calls the user's own hook.

Input: the calls of a `reporthook.Display`. Output: lines on stdout, calls of the user's hook.
"""

import logging
import os
import pkgutil
import sys
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import IO, Final, ParamSpec, TypeVar

from mirror.terminal.console import described, in_one_line
from mirror.terminal.printable import printable
from mirror.terminal.reporthook import Display, HookFactory, Reporthook, Totals, silent

_P = ParamSpec("_P")

_T = TypeVar("_T")

logger = logging.getLogger(__name__)


class InvalidProgressError(ValueError):
    """The setting names a display or a hook that does not exist; the message is one line for the user."""


def display(name: str, reporthook: str = "", *, terminal: bool, stdout_taken: bool = False) -> Display:
    """The display of this name, or the display that calls the user's hook if there is one.

    `terminal` is whether stderr is a terminal. `stdout_taken`: something else writes to stdout, so no display may: `auto` shows
    nothing there. Raises `InvalidProgressError`.

    >>> display("fancy", terminal=False)
    Traceback (most recent call last):
    mirror.terminal.displays.InvalidProgressError: MIRROR_PROGRESS is 'fancy': use one of auto, bars, lines, blocks, off
    """
    if name not in NAMES:
        raise InvalidProgressError(f"MIRROR_PROGRESS is {name!r}: use one of {', '.join(NAMES)}")
    if reporthook:
        return Guarded(Hooks(load_factory(reporthook)), f"MIRROR_REPORTHOOK {reporthook}")
    if name == "auto":
        name = "bars" if terminal else "off" if stdout_taken else "lines"
    if stdout_taken and name in _ON_STDOUT:
        raise InvalidProgressError(
            f"MIRROR_PROGRESS is {name!r}, but the events go to stdout: write one of them elsewhere"
        )
    return Guarded(NAMES[name](), f"the progress display {name!r}")


def load_factory(dotted: str) -> HookFactory:
    """Import the user's factory of hooks by its dotted path; raises `InvalidProgressError`."""
    try:
        factory = pkgutil.resolve_name(dotted)
    except Exception as error:  # importing the user's module can raise anything
        raise InvalidProgressError(f"MIRROR_REPORTHOOK {dotted!r} can't be imported: {in_one_line(error)}") from error
    if not callable(factory):
        raise InvalidProgressError(f"MIRROR_REPORTHOOK {dotted!r} can't be called: it is not a factory of hooks")
    return factory  # type: ignore[no-any-return]


def is_terminal(stream: IO[str]) -> bool:
    """Whether a display can be drawn on this stream: a terminal that can move its cursor."""
    return stream.isatty() and os.environ.get("TERM", "").lower() not in {"dumb", "unknown"}


def _print_line(text: str) -> None:
    """Write a line to stdout and flush it; characters that its encoding lacks are escaped, whoever opened it."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")
    sys.stdout.flush()


def _arrow(url: str, path: str) -> str:
    return f"{printable(url)} -> {printable(path)}"


class Lines(Display):
    """Prints one line for each file that arrived whole, `URL -> path`: nothing stands at the path of one that did not."""

    def __init__(self) -> None:
        self._arriving: dict[Reporthook, str] = {}

    def file(self, url: str, path: str) -> Reporthook:
        def hook(_block: int, _size: int, _total: int) -> None:
            """Only the end counts."""

        self._arriving[hook] = _arrow(url, path)
        return hook

    def finished(self, hook: Reporthook, size: int | None) -> None:
        arrow = self._arriving.pop(hook)
        if size is not None:
            _print_line(arrow)


class Hooks(Display):
    """Calls the user's hooks, and shows nothing itself."""

    def __init__(self, factory: HookFactory) -> None:
        self._factory = factory

    def file(self, url: str, path: str) -> Reporthook:
        return self._factory(url, path)


class Blocks(Display):
    """Prints what `wget.py` printed: `URL -> path`, and the arguments of every call of the hook.

    `wget.py` fetched one file after the other; Websucker fetches several at once. So the first file is printed as it
    arrives and the others wait for their turn: the lines below a name always belong to its file.
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

    def finished(self, hook: Reporthook, size: int | None) -> None:
        if size is None:
            self._waiting[hook].append("not saved")
        self._ended.add(hook)
        self._print()

    def close(self) -> None:
        self._ended.update(self._waiting)
        self._print()

    def _print(self) -> None:
        while self._waiting:
            hook, lines = next(iter(self._waiting.items()))
            while lines:
                _print_line(lines.popleft())
            if hook not in self._ended:
                return
            del self._waiting[hook]
            self._ended.remove(hook)


class Guarded(Display):
    """Wraps a display so that it can't break the crawl: the first exception is logged in one line and ends all calls."""

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
        if inner is None or inner is silent:
            return silent

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
        except Exception as error:  # noqa: BLE001 - from the user's code
            self._broken = True
            with suppress(Exception):
                self._display.close()
            message = "%s raised %s; it is not called again"
            logger.error(message, self._name, described(error))  # noqa: TRY400 - a traceback adds nothing
            return None


def _bars() -> Display:
    """Import rich only if there is a terminal to draw on."""
    from mirror.terminal.progress_bars import Bars  # noqa: PLC0415

    return Bars()


NAMES: Final[dict[str, Callable[[], Display]]] = {
    "auto": Display,  # `display` chooses one of the others
    "bars": _bars,
    "lines": Lines,
    "blocks": Blocks,
    "off": Display,
}
"""The values of MIRROR_PROGRESS."""

_ON_STDOUT: Final = frozenset({"lines", "blocks"})
