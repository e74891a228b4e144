"""A pool of worker processes, which parse and rewrite documents so that the crawl uses more than one core.

The pools of the standard library don't fit, for three reasons. Their processes outlive a crawl that is killed; these end when
their pipe closes. They can't tell which call crashed a process; here each process runs its calls in order, so it was the first:
that call fails, and the others are repeated. And they need threads in the main process, which compete with the event loop: a
call would cost three times as much.
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

Result = TypeVar("Result")

MAX_DEFAULT: Final = 4
"""The most workers to use by default. The one process that crawls has no work for more."""

START_AFTER: Final = 1 << 20
"""Bytes to parse in the main process before workers are started. Starting them takes longer than parsing a few pages."""

_CALL_COST: Final = 4096  # the fixed cost of a call, in bytes
_PROGRAM: Final = "import sys; sys.path[:] = sys.argv[1:]; from mirror.workers.worker_process import main; main()"
_INPUT: Final = 0

logger = logging.getLogger(__name__)


class WorkerDiedError(Exception):
    """A worker process crashed during a call, so the call has no result."""

    def __str__(self) -> str:
        return "the process that read it died"


@dataclass(frozen=True, slots=True)
class _Call:
    function: Callable[[], Any]
    answer: asyncio.Future[Any]
    size: int

    def end(self, error: BaseException | None = None, result: object = None) -> None:
        if self.answer.done():  # the caller was cancelled
            return
        if error is None:
            self.answer.set_result(result)
        else:
            self.answer.set_exception(error)

    def run(self) -> None:
        """Run the function in this process."""
        try:
            self.end(result=self.function())
        except Exception as error:  # noqa: BLE001 - the caller gets it
            self.end(error)


class Workers:
    """Up to `count` worker processes; with 0, every call runs in this process.

    Processes are started once this process has parsed `after` bytes.
    """

    def __init__(self, count: int, *, after: int = 0) -> None:
        self.count = count
        self._after = after
        self._parsed = 0
        self._workers: list[_Worker] = []

    @classmethod
    def create(cls, count: int | None) -> "Workers":
        """A pool of as many processes as the user asked for; `None`: as many as are fastest on this machine."""
        if count is not None:
            return cls(count)
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        return cls(0 if cores == 1 else min(cores, MAX_DEFAULT), after=START_AFTER)

    @property
    def are_available(self) -> bool:
        """Whether calls should go to worker processes."""
        return self.count > 0 and self._parsed > self._after

    def should_parse(self, size: int) -> bool:
        """Whether a worker process should parse a document of `size` bytes. To be called once for each document."""
        self._parsed += size
        return self.are_available

    def submit(self, size: int, function: Callable[[], Result]) -> asyncio.Future[Result]:
        """Call a function in the least busy process. The future raises what the function raises, or `WorkerDiedError`.

        `function`: must be picklable, such as a `functools.partial` of a module's function. `size`: about how many bytes it
        has to process.
        """
        answer: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        call = _Call(function, answer, size + _CALL_COST)
        if self.count:
            self._least_busy().put(call)
        else:
            call.run()
        return answer

    async def close(self) -> None:
        """End all processes. Calls without a result are cancelled."""
        for worker in self._workers:
            worker.close()
        await asyncio.gather(*(worker.ended for worker in self._workers))
        self._workers.clear()

    def _least_busy(self) -> "_Worker":
        """The worker with the least work; a new one, if all are busy and there may be more."""
        least = min(self._workers, key=lambda worker: worker.waiting, default=None)
        if least is None or (least.waiting and len(self._workers) < self.count):
            least = _Worker(self._give_up)
            self._workers.append(least)
        return least

    def _give_up(self) -> None:
        """Run all calls in this process, because no process can be started."""
        if self.count:
            logger.warning("Can't start worker processes; continuing without them")
        self.count = 0


class _Worker(asyncio.SubprocessProtocol):
    """A process, which is restarted if it crashes, and the queue of its calls."""

    def __init__(self, give_up: Callable[[], None]) -> None:
        self.waiting = 0
        """The size of its calls, in bytes."""
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
            self._transport.close()  # kills the process

    async def _start(self) -> None:
        self._is_ready = False
        self._received.clear()
        command = [sys.executable, "-I", "-c", _PROGRAM, *sys.path]
        try:
            await asyncio.get_running_loop().subprocess_exec(
                lambda: self,
                *command,
                stderr=None,
                start_new_session=True,  # else Ctrl-C in a terminal would kill it, before the crawl ends
            )
        except (OSError, NotImplementedError):  # NotImplementedError: on Windows, with the event loop that Scrapy needs
            self._run_here()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.SubprocessTransport", transport)

    def pipe_data_received(self, fd: int, data: bytes) -> None:  # noqa: ARG002 - only standard output is a pipe that is read
        self._received += data
        while len(self._received) >= LENGTH:
            end = LENGTH + int.from_bytes(self._received[:LENGTH], "big")
            if len(self._received) < end:
                break
            answer = bytes(self._received[LENGTH:end])
            del self._received[:end]
            self._receive(answer)

    def _receive(self, answer: bytes) -> None:
        succeeded, result = pickle.loads(answer)  # noqa: S301 - it comes from a process of our own
        if not self._is_ready:
            self._is_ready = True
            for call in self._calls:
                self._send(call)
            return
        call = self._calls.popleft()
        self.waiting -= call.size
        call.end(None if succeeded else result, result)

    def _send(self, call: _Call) -> None:
        assert self._transport is not None
        pipe = cast("asyncio.WriteTransport", self._transport.get_pipe_transport(_INPUT))
        pipe.write(packed(call.function))

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """The process ended. All of its output was received before."""
        assert self._transport is not None
        self._transport.close()
        self._transport = None
        if self._is_closing:
            self._end()
        elif not self._is_ready:
            self._run_here()
        else:
            self._is_ready = False
            if self._calls:
                call = self._calls.popleft()
                self.waiting -= call.size
                call.end(WorkerDiedError())
            self._starting = asyncio.get_running_loop().create_task(self._start())

    def _run_here(self) -> None:
        """Run the calls in this process, because the worker process can't be started."""
        self._give_up()
        while self._calls:
            self._calls.popleft().run()
        self.waiting = 0
        self._end()

    def _end(self) -> None:
        if not self.ended.done():
            self.ended.set_result(None)
