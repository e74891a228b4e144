"""A worker process: runs the calls that it reads from standard input, one after the other, until the input ends.

A message is its length in four bytes, most significant first, and then that many bytes of pickle. A call is a function without
arguments. An answer is (whether the call succeeded, its result or exception). The first answer says that the process is ready.
Pickle is safe here, because both ends of the pipe are this program.
"""

import gc
import os
import pickle
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final

LENGTH: Final = 4
"""Bytes of the length in front of a message."""

_BUFFER: Final = 1 << 18
"""Bytes of calls that are read at once."""

_OBJECTS: Final = 50_000
"""New objects after which unused ones in circles are looked for. Reading a page makes thousands, and hardly any circle."""

_PIPE: Final = 1 << 20
"""Bytes that the pipe of calls may hold."""

ASKING: Final = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
_NAME: Final = "websucker-work"
"""The name of the process in `ps -e` and `top`. Linux keeps 15 characters."""

_INPUT: Final = 0
_OUTPUT: Final = 1
_ERRORS: Final = 2

READY: Final = (True, None)


def packed(message: object) -> bytes:
    """Encode a message for the pipe."""
    body = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
    return len(body).to_bytes(LENGTH, "big") + body


def serve(calls: BinaryIO, answers: BinaryIO) -> None:
    """Answer calls until the input ends."""
    answers.write(packed(READY))
    answers.flush()
    while length := calls.read(LENGTH):
        size = int.from_bytes(length, "big")
        call = calls.read(size)
        if len(call) < size:  # the crawl was killed while it wrote the call
            return
        function = pickle.loads(call)  # noqa: S301 - it comes from the crawl
        answers.write(_answer(function))
        answers.flush()


def _answer(function: Callable[[], object]) -> bytes:
    try:
        return packed((True, function()))
    except Exception as error:  # noqa: BLE001 - the caller gets it
        return packed((False, error if _can_be_sent(error) else RuntimeError(f"{type(error).__name__}: {error}")))


def _can_be_sent(error: Exception) -> bool:
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 - it was pickled just now
    except Exception:  # noqa: BLE001 - pickling runs code of the exception, which may raise anything
        return False
    return True


def _enlarge(pipe: int) -> None:
    """Let a pipe hold many calls, so that the crawl need not come back to write the rest of one."""
    if sys.platform == "linux":
        import fcntl  # noqa: PLC0415 - not every system has it

        with suppress(OSError):  # a user may have only so many bytes of pipes
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE)


def _rename() -> None:
    with suppress(OSError), Path("/proc/self/comm").open("w", encoding="ascii") as name:
        name.write(_NAME)


def main() -> None:
    """Serve on standard input and output. What a function prints goes to standard error instead.

    Signals that ask for an end (of a service manager, or `pkill`) are for the crawl: it still needs the answers.
    """
    for number in ASKING:
        signal.signal(number, signal.SIG_IGN)
    _rename()
    output = os.dup(_OUTPUT)
    os.dup2(_ERRORS, _OUTPUT)
    gc.set_threshold(_OBJECTS)
    _enlarge(_INPUT)
    with suppress(BrokenPipeError), os.fdopen(output, "wb") as answers:  # the crawl was killed
        serve(os.fdopen(_INPUT, "rb", buffering=_BUFFER, closefd=False), answers)
