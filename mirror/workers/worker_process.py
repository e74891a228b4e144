"""A worker process: it runs the calls that come on its input, one after the other, until that ends.

A message is its length, four bytes, the most significant first, and that many bytes of pickle: a call is a function that takes
nothing, an answer is (whether it went well, what was given or raised). The first answer says that the process is there. Both
ends are ours, and the pipe is no one else's.
"""

import os
import pickle
import sys
from collections.abc import Callable
from typing import BinaryIO, Final

LENGTH: Final = 4
"""Bytes in front of a message that say how long it is."""

READY: Final = (True, None)


def packed(message: object) -> bytes:
    """A message as it goes through the pipe."""
    body = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
    return len(body).to_bytes(LENGTH, "big") + body


def serve(calls: BinaryIO, answers: BinaryIO) -> None:
    """Answer calls until there are no more."""
    answers.write(packed(READY))
    answers.flush()
    while length := calls.read(LENGTH):
        size = int.from_bytes(length, "big")
        call = calls.read(size)
        if len(call) < size:  # the crawl ended while it said it
            return
        function = pickle.loads(call)  # noqa: S301 - the crawl says it
        answers.write(_answer(function))
        answers.flush()


def _answer(function: Callable[[], object]) -> bytes:
    try:
        return packed((True, function()))
    except Exception as error:  # noqa: BLE001 - it is raised again where it was called
        return packed((False, error if _can_be_sent(error) else RuntimeError(f"{type(error).__name__}: {error}")))


def _can_be_sent(error: Exception) -> bool:
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 - it is ours
    except Exception:  # noqa: BLE001 - whatever it is, it can't
        return False
    return True


def main() -> None:
    """Serve on standard input and output; what else is printed goes to the messages."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    serve(sys.stdin.buffer, answers)
