"""What a program says: data on stdout, messages on stderr, and a last line where it has to give up."""

import json
import os
import sys
from contextlib import suppress
from typing import Any, NoReturn

from mirror.terminal.printable import printable, printable_lines

_STREAMS = ("stdin", "stdout", "stderr")


def complete_streams() -> None:
    """Give the process all three streams. Where one is closed, the first file that is opened would take its place."""
    for number, name in enumerate(_STREAMS):
        try:
            os.fstat(number)
        except OSError:
            null = os.open(os.devnull, os.O_RDWR)
            if null != number:
                os.dup2(null, number)
                os.close(null)
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, "r" if number == 0 else "w", closefd=False))  # noqa: SIM115 - for good


def tell(text: str) -> None:
    """Say something to the user, beside the data that may go to stdout. That nobody listens is no error.

    Line ends are those of the text; no other character of it can be one that a terminal obeys.
    """
    with suppress(OSError, ValueError):
        sys.stderr.write(printable_lines(text))
        sys.stderr.flush()


def refuse(message: str, code: int) -> NoReturn:
    """End with one line on stderr."""
    tell(f"{printable(f'websucker: {message}')}\n")
    sys.exit(int(code))


def say(line: str) -> None:
    """A line of data, without control characters that a server may have put into a URL."""
    sys.stdout.write(printable(line) + "\n")


def say_json(data: Any) -> None:
    """Data for a script."""
    sys.stdout.write(json.dumps(data, indent=2, ensure_ascii=True) + "\n")
