"""The standard streams of the program: open, able to take every character, and never the reason why a command fails half done.

Input and output: `sys.stdin`, `sys.stdout` and `sys.stderr`, which are completed and replaced. A stream that can't be written
(a pipe that nobody reads, a full disk) takes no more text and raises nothing: the command does its work, and asks at its end
whether its output was lost.
"""

import os
import sys
from io import TextIOWrapper
from typing import Final, TextIO

_STREAMS: Final = ("stdin", "stdout", "stderr")


class Output(TextIOWrapper):
    """A text stream whose first failed write is remembered; what follows is dropped.

    Characters that the encoding lacks are escaped, as in `\\xfc` (a C locale, a pipe in cron).
    """

    failure: OSError | None = None
    """Why text was lost; `None` if none was."""

    def write(self, text: str) -> int:
        try:
            return super().write(text)
        except OSError as error:
            self._drop(error)
            return len(text)

    def flush(self) -> None:
        try:
            super().flush()
        except OSError as error:
            self._drop(error)

    def write_bytes(self, data: bytes) -> bool:
        """Write bytes as they are, behind the text that was written before. Return whether they, and all before, were taken."""
        try:
            super().flush()
            self.buffer.write(data)
        except OSError as error:
            self._drop(error)
        return self.failure is None

    def _drop(self, error: OSError) -> None:
        """Let what is buffered, and all that follows, go to the null device: the interpreter flushes once more at its end."""
        self.failure = self.failure or error
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, self.fileno())
        os.close(null)


def prepare_streams() -> None:
    """Open the streams that are closed, and replace those that are written by `Output`. Does nothing the second time."""
    for number, name in enumerate(_STREAMS):
        _complete(number, name)
    sys.stdout, sys.stderr = _output(sys.stdout), _output(sys.stderr)


def lost_output() -> OSError | None:
    """Flush stdout, and return why text written to it since the last call was lost; `None` if all of it was taken."""
    sys.stdout.flush()
    if not isinstance(sys.stdout, Output):
        return None
    failure, sys.stdout.failure = sys.stdout.failure, None
    return failure


def _complete(number: int, name: str) -> None:
    """Open a closed stream on the null device; otherwise the first file that is opened would take its place."""
    try:
        os.fstat(number)
    except OSError:
        null = os.open(os.devnull, os.O_RDWR)
        if null != number:
            os.dup2(null, number)
            os.close(null)
    if getattr(sys, name) is None:
        setattr(sys, name, open(number, "r" if number == 0 else "w", closefd=False))  # noqa: SIM115 - stays open


def _output(stream: TextIO) -> TextIO:
    if isinstance(stream, Output) or not isinstance(stream, TextIOWrapper):
        return stream
    encoding, buffered_by_line, at_once = stream.encoding, stream.line_buffering, stream.write_through
    return Output(stream.detach(), encoding, "backslashreplace", line_buffering=buffered_by_line, write_through=at_once)
