"""Worker processes as the crawl sees them: how one starts, and how it ends.

`fork` makes them before the crawl has threads, an event loop or an archive. They share what is loaded, so one costs some
milliseconds and little memory. A process that replaces a crashed one is a new interpreter, and takes a tenth of a second. So
are all where a fork is not safe: outside of Linux (the frameworks of macOS don't survive one), and in a program with threads.
"""

import gc
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, NoReturn

from mirror.workers import worker_process
from mirror.workers.worker_process import ASKING

_PROGRAM: Final = "import sys; sys.path[:] = sys.argv[1:]; from mirror.workers.worker_process import main; main()"
_INPUT: Final = 0
_OUTPUT: Final = 1
_THREADS: Final = Path("/proc/self/task")


@dataclass(frozen=True, slots=True)
class Process:
    """A process, and the ends of its pipes: unbuffered files, which the caller closes."""

    calls: BinaryIO
    answers: BinaryIO
    """It ends when the process does."""
    end: Callable[[], None]
    """Kill the process if it still runs, and let the system forget it."""

    def discard(self) -> None:
        """End a process whose pipes nobody uses."""
        self.end()
        self.calls.close()
        self.answers.close()


def start() -> Process:
    """Start a new interpreter. Raises `OSError`."""
    process = subprocess.Popen(  # noqa: S603 - this program itself
        [sys.executable, "-I", "-c", _PROGRAM, *sys.path],
        bufsize=0,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,  # else Ctrl-C in a terminal would kill it, before the crawl ends
    )
    assert process.stdin
    assert process.stdout

    def end() -> None:
        process.kill()
        process.wait()

    return Process(process.stdin, process.stdout, end)  # type: ignore[arg-type]  # `IO[bytes]` lacks nothing of it


_forked: Final[dict[int, Process]] = {}
"""Those that run, by their numbers."""
_free: Final[list[Process]] = []
"""Those that no pool has taken."""


def fork(count: int) -> None:
    """Fork processes for the pool that is made next, if that is safe here. If the system refuses, there are fewer."""
    with suppress(OSError):
        while len(_free) < count and sys.platform == "linux" and len(list(_THREADS.iterdir())) == 1:
            _free.append(_forked_process())


def take_forked() -> list[Process]:
    """The processes that were forked ahead. They belong to the caller."""
    taken = _free.copy()
    _free.clear()
    return taken


def end_forked() -> None:
    """End all forked processes that still run, whoever has them. To be called at the end of the program."""
    _free.clear()
    for process in [*_forked.values()]:
        process.discard()


@contextmanager
def signals_interrupt() -> Iterator[None]:
    """Have the signals that end a program raise `KeyboardInterrupt`, as Ctrl-C does, except those that it ignores."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = {number: signal.getsignal(number) for number in ASKING}
    heard = [number for number, handler in before.items() if handler is not signal.SIG_IGN]
    for number in heard:
        signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number in heard:
            signal.signal(number, before[number])


def _forked_process() -> Process:
    if sys.platform == "win32":
        raise OSError
    ends: list[int] = []
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, ASKING)
    try:
        ends += [*os.pipe(), *os.pipe()]
        number = os.fork()
        if not number:
            _serve(*ends)
    except OSError:
        for one in ends:
            os.close(one)
        raise
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
    theirs, calls, answers, to_us = ends
    os.close(theirs)
    os.close(to_us)

    def end() -> None:
        if _forked.pop(number, None):
            os.kill(number, signal.SIGKILL)  # no other process gets its number before `waitpid`
            os.waitpid(number, 0)

    _forked[number] = Process(os.fdopen(calls, "wb", buffering=0), os.fdopen(answers, "rb", buffering=0), end)
    return _forked[number]


def _serve(calls: int, to_calls: int, from_answers: int, answers: int) -> NoReturn:
    """Be a worker process, and do nothing of what the program does at its end."""
    if sys.platform == "win32":
        raise OSError
    code = 1
    try:
        os.setsid()  # as `start_new_session` above
        os.dup2(calls, _INPUT)
        os.dup2(answers, _OUTPUT)
        others = (end for one in _forked.values() for end in (one.calls.fileno(), one.answers.fileno()))
        for number in (calls, to_calls, from_answers, answers, *others):
            os.close(number)  # else no process would see that the crawl was killed
        gc.freeze()  # what is loaded is not looked through, and so stays shared
        worker_process.main()
        code = 0
    except BaseException:  # noqa: BLE001 - the interpreter would print it, too
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(code)
