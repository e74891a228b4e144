"""Output of the program: data on stdout, messages on stderr, and the error message with which it exits."""

import json
import os
import sys
from contextlib import suppress
from typing import Any, NoReturn

from mirror.terminal.printable import printable, printable_lines

_STREAMS = ("stdin", "stdout", "stderr")


def complete_streams() -> None:
    """Open the standard streams that are closed, on the null device; otherwise the first file opened would take their place."""
    for number, name in enumerate(_STREAMS):
        try:
            os.fstat(number)
        except OSError:
            null = os.open(os.devnull, os.O_RDWR)
            if null != number:
                os.dup2(null, number)
                os.close(null)
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, "r" if number == 0 else "w", closefd=False))  # noqa: SIM115 - stays open


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


def print_line(line: str) -> None:
    """Write a line of data to stdout, without the control characters that a server may have put into a URL."""
    sys.stdout.write(printable(line) + "\n")


def print_json(data: Any) -> None:
    """Write data for a script to stdout."""
    sys.stdout.write(json.dumps(data, indent=2, ensure_ascii=True) + "\n")
