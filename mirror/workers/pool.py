"""Worker processes: they read and rewrite documents, so that the other cores have something to do.

Standard pools stay out, for three reasons. Their processes live on when the crawl is killed; ours end with the pipe. They can't
tell which call has killed a process; here each has its calls in a row, so it was the first: that one fails, the others are
asked for again. And they need threads in this process, which take turns with the event loop: a call costs three times as much.
"""

import asyncio
import logging
import os
import pickle
import sys
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar, cast

from mirror.workers.worker_process import LENGTH, packed

Got = TypeVar("Got")

MOST: Final = 4
"""Workers, where nobody says how many: one process that crawls has no work for more."""

WORTHWHILE: Final = 1 << 20
"""Bytes that are read here before workers are started: for a few pages that would take longer than to read them."""

_LEAST: Final = 4096  # what a call costs beside its bytes, in bytes
_PROGRAM: Final = "import sys; sys.path[:] = sys.argv[1:]; from mirror.workers.worker_process import main; main()"
_INPUT: Final = 0

logger = logging.getLogger(__name__)


class WorkerDiedError(Exception):
    """A process ended over a call; nobody knows what it would have given."""

    def __str__(self) -> str:
        return "the process that read it died"


@dataclass(frozen=True, slots=True)
class _Call:
    function: Callable[[], Any]
    answer: asyncio.Future[Any]
    size: int

    def end(self, error: BaseException | None = None, got: object = None) -> None:
        if self.answer.done():  # nobody waits any more
            return
        if error is None:
            self.answer.set_result(got)
        else:
            self.answer.set_exception(error)

    def make(self) -> None:
        """Do it in this process."""
        try:
            self.end(got=self.function())
        except Exception as error:  # noqa: BLE001 - it is raised where it was asked for
            self.end(error)


class Workers:
    """Up to `count` processes; 0: all is done in this one. They are started once `after` bytes were read here."""

    def __init__(self, count: int, *, after: int = 0) -> None:
        self.most = count
        """How many there may be."""
        self._after = after
        self._read = 0
        self._workers: list[_Worker] = []

    @classmethod
    def of(cls, count: int | None) -> "Workers":
        """As many as a user wants, `None`: what is fastest here."""
        if count is not None:
            return cls(count)
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        return cls(0 if cores == 1 else min(cores, MOST), after=WORTHWHILE)

    @property
    def are_there(self) -> bool:
        """Whether there are any to ask."""
        return self.most > 0 and self._read > self._after

    def are_worth(self, size: int) -> bool:
        """Whether they are to read something of so many bytes."""
        self._read += size
        return self.are_there

    def ask(self, size: int, function: Callable[[], Got]) -> asyncio.Future[Got]:
        """Have a function called that has about `size` bytes to read, a `functools.partial` of one of a module.

        Raises what it raises, or `WorkerDiedError`.
        """
        answer: asyncio.Future[Got] = asyncio.get_running_loop().create_future()
        call = _Call(function, answer, size + _LEAST)
        if self.most:
            self._least_busy().put(call)
        else:
            call.make()
        return answer

    async def close(self) -> None:
        """End them; what they were asked for last is given up."""
        for worker in self._workers:
            worker.close()
        await asyncio.gather(*(worker.ended for worker in self._workers))
        self._workers.clear()

    def _least_busy(self) -> "_Worker":
        """The one with the least to do; another one, where each has something to do and there may be more."""
        least = min(self._workers, key=lambda worker: worker.waiting, default=None)
        if least is None or (least.waiting and len(self._workers) < self.most):
            least = _Worker(self._give_up)
            self._workers.append(least)
        return least

    def _give_up(self) -> None:
        """Processes can't be started: all is done in this one."""
        if self.most:
            logger.warning("No worker processes can be started here: going on without")
        self.most = 0


class _Worker(asyncio.SubprocessProtocol):
    """A process, started again where it dies, and its calls in a row."""

    def __init__(self, give_up: Callable[[], None]) -> None:
        self.waiting = 0
        """What is to be done, in bytes."""
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._give_up = give_up
        self._calls: deque[_Call] = deque()
        self._received = bytearray()
        self._is_ready = False
        self._is_closing = False
        self._transport: asyncio.SubprocessTransport | None = None
        self._starting = asyncio.get_running_loop().create_task(self._start())

    def put(self, call: _Call) -> None:
        self._calls.append(call)
        self.waiting += call.size
        if self._is_ready:
            self._send(call)

    def close(self) -> None:
        self._is_closing = True
        self._starting.cancel()
        for call in self._calls:
            call.answer.cancel()
        if self._transport is None:
            self._end()
        else:
            self._transport.close()  # kills it

    async def _start(self) -> None:
        self._is_ready = False
        self._received.clear()
        command = [sys.executable, "-I", "-c", _PROGRAM, *sys.path]
        try:
            await asyncio.get_running_loop().subprocess_exec(
                lambda: self,
                *command,
                stderr=None,
                start_new_session=True,  # Ctrl-C reaches all processes of a terminal's session; the crawl says when it is over
            )
        except (OSError, NotImplementedError):  # the second: Windows, under the event loop that Scrapy needs there
            self._do_without()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.SubprocessTransport", transport)

    def pipe_data_received(self, fd: int, data: bytes) -> None:  # noqa: ARG002 - there is one that is read
        self._received += data
        while len(self._received) >= LENGTH:
            end = LENGTH + int.from_bytes(self._received[:LENGTH], "big")
            if len(self._received) < end:
                break
            answer = bytes(self._received[LENGTH:end])
            del self._received[:end]
            self._hear(answer)

    def _hear(self, answer: bytes) -> None:
        well, got = pickle.loads(answer)  # noqa: S301 - a process of our own said it
        if not self._is_ready:
            self._is_ready = True
            for call in self._calls:
                self._send(call)
            return
        call = self._calls.popleft()
        self.waiting -= call.size
        call.end(None if well else got, got)

    def _send(self, call: _Call) -> None:
        assert self._transport is not None
        pipe = cast("asyncio.WriteTransport", self._transport.get_pipe_transport(_INPUT))
        pipe.write(packed(call.function))

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """The process ended, and all that it said was heard."""
        assert self._transport is not None
        self._transport.close()
        self._transport = None
        if self._is_closing:
            self._end()
        elif not self._is_ready:
            self._do_without()
        else:
            self._is_ready = False
            if self._calls:
                call = self._calls.popleft()
                self.waiting -= call.size
                call.end(WorkerDiedError())
            self._starting = asyncio.get_running_loop().create_task(self._start())

    def _do_without(self) -> None:
        self._give_up()
        while self._calls:
            self._calls.popleft().make()
        self.waiting = 0
        self._end()

    def _end(self) -> None:
        if not self.ended.done():
            self.ended.set_result(None)
