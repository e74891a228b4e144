"""Output of the program: data on stdout, messages on stderr, and the error message with which it exits."""

import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, NoReturn

from mirror.terminal.printable import printable, printable_lines
from mirror.terminal.streams import Output


def print_message(text: str) -> None:
    """Write a message for the user to stderr. A closed or full stderr is no error.

    The text keeps its line ends; other control characters are replaced.
    """
    with suppress(OSError, ValueError):
        sys.stderr.write(printable_lines(text))
        sys.stderr.flush()


def exit_with_error(message: str, code: int) -> NoReturn:
    """Write one line to stderr and exit."""
    print_message(f"{printable(f'websucker: {message}')}\n")
    sys.exit(int(code))


def described(error: BaseException) -> str:
    """Describe an exception in one line: its class, its message and where it was raised."""
    import traceback  # noqa: PLC0415 - as below

    file, line, *_ = traceback.extract_tb(error.__traceback__)[-1]
    return f"{in_one_line(error)} ({file}:{line})"


def in_one_line(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())


def print_line(line: str) -> None:
    """Write a line of data to stdout, without the control characters that a server may have put into a URL."""
    sys.stdout.write(printable(line) + "\n")


def print_report(pieces: Iterable[str]) -> None:
    """Write a report to stdout, piece by piece, in UTF-8. Control characters other than line ends are replaced."""
    print_bytes(printable_lines(piece).encode(errors="replace") for piece in pieces)


def print_text(text: str) -> None:
    """Write a text of several lines to stdout, its tabs as spaces, without other control characters."""
    for line in text.splitlines():
        print_line(line.expandtabs())


def print_bytes(blocks: Iterable[bytes]) -> bool:
    """Write data to stdout as it is, never to a terminal. Stops, and returns False, if it is not taken."""
    if isinstance(sys.stdout, Output):
        return all(map(sys.stdout.write_bytes, blocks))
    for block in blocks:
        sys.stdout.buffer.write(block)
    return True


def print_marked(pieces: Iterable[str]) -> None:
    """Write a line of data to stdout, as `print_line` does. On a terminal, every second piece is bold."""
    begin, end = ("\x1b[1m", "\x1b[0m") if sys.stdout.isatty() and os.environ.get("TERM") != "dumb" else ("", "")
    marked = (begin + printable(piece) + end if at % 2 else printable(piece) for at, piece in enumerate(pieces))
    sys.stdout.write("".join(marked) + "\n")


def print_json(data: Any) -> None:
    """Write data for a script to stdout."""
    import json  # noqa: PLC0415 - this module is loaded by `--help`, too

    sys.stdout.write(json.dumps(data, indent=2, ensure_ascii=True) + "\n")
