"""A pool of worker processes, which parse and rewrite documents so that the crawl uses more than one core.

The pools of the standard library don't fit, for three reasons. Their processes outlive a crawl that is killed; these end when
their pipe closes. They can't tell which call crashed a process; here each process runs its calls in order, so it was the first.
Another process repeats all of them, and a call that crashes that one, too, fails. And they need threads in the main process,
which compete with the event loop: a call would cost three times as much.
"""

import asyncio
import logging
import os
import pickle
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from mirror.workers.processes import Process, fork, start, take_forked
from mirror.workers.worker_process import LENGTH, packed

Result = TypeVar("Result")

MAX_DEFAULT: Final = 4
"""The most workers to use by default. The one process that crawls has no work for more."""

START_AFTER: Final = 1 << 20
"""Bytes to parse in the main process before workers are started. Starting them takes longer than parsing a few pages."""

_CALL_COST: Final = 4096  # the fixed cost of a call, in bytes

logger = logging.getLogger(__name__)


class WorkerDiedError(Exception):
    """Two worker processes crashed during a call, so the call has no result."""

    def __str__(self) -> str:
        return "the process that read it died"


@dataclass(slots=True)
class _Call:
    function: Callable[[], Any]
    answer: asyncio.Future[Any]
    size: int
    has_crashed: bool = False
    """Whether a process died during this call. A process may die for another reason, so the call is repeated once."""

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


def default_count() -> int:
    """How many worker processes are fastest on this machine: none on a single core."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return 0 if cores == 1 else min(cores, MAX_DEFAULT)


def prefork(count: int | None) -> None:
    """Fork processes for the pool that `Workers.create(count)` will make. To be called while nothing is open yet."""
    fork(min(default_count() if count is None else count, MAX_DEFAULT))


class Workers:
    """Up to `count` worker processes; with 0, every call runs in this process.

    The processes of `forked` come first. Others are started once this process has parsed `after` bytes.
    """

    def __init__(self, count: int, forked: Iterable[Process] = (), *, after: int = 0) -> None:
        self.count = count
        self._forked = list(forked)
        self._after = after
        self._parsed = 0
        self._workers: list[_Worker] = []

    @classmethod
    def create(cls, count: int | None) -> "Workers":
        """A pool of as many processes as the user asked for; `None`: as many as are fastest on this machine."""
        forked = take_forked()
        return cls(
            default_count() if count is None else count, forked, after=0 if forked or count is not None else START_AFTER
        )

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
        await asyncio.gather(*(worker.close() for worker in self._workers))
        for process in self._forked:
            process.discard()
        self._workers.clear()
        self._forked.clear()
        await asyncio.sleep(0)  # lets the event loop close the pipes

    def _least_busy(self) -> "_Worker":
        """The worker with the least work; a new one, if all are busy and there may be more."""
        least = min(self._workers, key=lambda worker: worker.waiting, default=None)
        if least is None or (least.waiting and len(self._workers) < self.count):
            least = _Worker(self._give_up, self._forked.pop() if self._forked else None)
            self._workers.append(least)
        return least

    def _give_up(self) -> None:
        """Run all calls in this process, because no process can be started."""
        if self.count:
            logger.warning("Can't start worker processes; continuing without them")
        self.count = 0


class _Worker(asyncio.Protocol):
    """A process, which is replaced if it crashes, and the queue of its calls."""

    def __init__(self, give_up: Callable[[], None], process: Process | None) -> None:
        """`process`: one that runs already; without it, one is started."""
        self.waiting = 0
        """The size of its calls, in bytes."""
        self._give_up = give_up
        self._process = process
        self._is_forked = process is not None
        self._writer: asyncio.WriteTransport | None = None
        self._reader: asyncio.ReadTransport | None = None
        self._calls: deque[_Call] = deque()
        self._received = bytearray()
        self._is_ready = False
        self._is_closed = False
        self._starting = asyncio.get_running_loop().create_task(self._start())

    def put(self, call: _Call) -> None:
        self._calls.append(call)
        self.waiting += call.size
        if self._is_ready:
            self._send(call)

    async def close(self) -> None:
        self._is_closed = True
        for call in self._calls:
            call.answer.cancel()
        self._starting.cancel()
        await asyncio.gather(self._starting, return_exceptions=True)  # asyncio still uses the pipes
        self._end_process()

    async def _start(self) -> None:
        self._is_ready = False
        self._received.clear()
        loop = asyncio.get_running_loop()
        try:
            self._process = self._process or start()
            self._writer, _ = await loop.connect_write_pipe(asyncio.BaseProtocol, self._process.calls)
            self._reader, _ = await loop.connect_read_pipe(lambda: self, self._process.answers)
        except (OSError, NotImplementedError):  # NotImplementedError: on Windows, with the event loop that Scrapy needs
            self._end_process()
            self._run_here()

    def _end_process(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.end()
        if self._writer is None:
            process.calls.close()
        elif not self._writer.is_closing():
            self._writer.abort()
        (self._reader or process.answers).close()
        self._writer = self._reader = None

    def data_received(self, data: bytes) -> None:
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
        assert self._writer
        if not self._writer.is_closing():  # else the process has died, and the next one gets the call
            self._writer.write(packed(call.function))

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """The process ended. All of its output was received before."""
        if self._is_closed:
            return
        self._end_process()
        if self._is_ready:
            self._blame()
        elif not self._is_forked:  # where no interpreter starts, the next one won't either
            self._run_here()
            return
        self._is_ready = self._is_forked = False
        self._starting = asyncio.get_running_loop().create_task(self._start())

    def _blame(self) -> None:
        """Hold the first call responsible for the end of the process. The second time, it fails."""
        if self._calls and self._calls[0].has_crashed:
            call = self._calls.popleft()
            self.waiting -= call.size
            call.end(WorkerDiedError())
        elif self._calls:
            self._calls[0].has_crashed = True

    def _run_here(self) -> None:
        """Run the calls in this process, because the worker process can't be started."""
        self._give_up()
        while self._calls:
            self._calls.popleft().run()
        self.waiting = 0
