"""Worker processes: the results of calls, and calls that crash a process."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from functools import partial

import pytest

from mirror.workers.pool import WorkerDiedError, Workers

PATIENCE = 30.0
MANY = 20_000


class OddError(Exception):
    """An exception that can't be unpickled."""

    def __init__(self, first: int, second: int) -> None:
        super().__init__(f"{first}, {second}")


def doubled(payload: bytes) -> bytes:
    return payload * 2


def process() -> int:
    return os.getpid()


def failing() -> None:
    raise ValueError("no such thing")


def odd() -> None:
    raise OddError(1, 2)


def talkative() -> str:
    sys.stdout.write("this is no answer")
    os.write(1, b"neither is this\n")
    return "an answer"


def dying() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def sleeping() -> None:
    time.sleep(PATIENCE)


def with_workers(count: int, use: Callable[[Workers], Awaitable[None]]) -> None:
    async def used() -> None:
        workers = Workers(count)
        try:
            await asyncio.wait_for(use(workers), PATIENCE)
        finally:
            await workers.close()

    asyncio.run(used())


def is_running(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("count", [0, 1, 3])
def test_results_belong_to_their_calls(count: int) -> None:
    async def use(workers: Workers) -> None:
        payloads = [bytes([n]) * n * 10_000 for n in range(40)]
        answers = await asyncio.gather(*(workers.submit(len(one), partial(doubled, one)) for one in payloads))
        assert answers == [one * 2 for one in payloads]
        processes = set(await asyncio.gather(*(workers.submit(1, partial(process)) for _ in range(40))))
        assert len(processes - {os.getpid()}) == count

    with_workers(count, use)


@pytest.mark.parametrize("count", [0, 2])
def test_errors_are_raised_to_the_caller(count: int) -> None:
    async def use(workers: Workers) -> None:
        with pytest.raises(ValueError, match="no such thing"):
            await workers.submit(1, failing)
        with pytest.raises(Exception, match=r"^(OddError: )?1, 2"):
            await workers.submit(1, odd)
        assert await workers.submit(1, partial(doubled, b"a")) == b"aa"

    with_workers(count, use)


def test_printed_text_is_no_answer() -> None:
    async def use(workers: Workers) -> None:
        assert await workers.submit(1, talkative) == "an answer"

    with_workers(1, use)


def test_a_call_that_kills_its_process_fails_and_no_other() -> None:
    async def use(workers: Workers) -> None:
        calls: list[Callable[[], bytes | None]] = [
            partial(doubled, b"a"),
            dying,
            partial(doubled, b"b"),
            dying,
            partial(doubled, b"c"),
        ]
        answers = await asyncio.gather(*(workers.submit(1, call) for call in calls), return_exceptions=True)
        assert [answers[n] for n in (0, 2, 4)] == [b"aa", b"bb", b"cc"]
        assert [type(answers[n]) for n in (1, 3)] == [WorkerDiedError] * 2

    with_workers(1, use)


def test_a_process_that_dies_without_a_call_is_replaced() -> None:
    async def use(workers: Workers) -> None:
        first = await workers.submit(1, process)
        os.kill(first, signal.SIGKILL)
        answers = await asyncio.gather(workers.submit(1, process), workers.submit(1, process), return_exceptions=True)
        assert answers[1] not in {first, os.getpid()}  # the first call may have been sent before the crash

    with_workers(1, use)


def test_if_no_process_can_be_started_calls_run_in_this_one(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def use(workers: Workers) -> None:
        answers = await asyncio.gather(*(workers.submit(1, process) for _ in range(5)))
        assert set(answers) == {os.getpid()}
        with pytest.raises(ValueError, match="no such thing"):
            await workers.submit(1, failing)

    for program in ("/bin/false", "/nowhere/python"):
        caplog.clear()
        monkeypatch.setattr(sys, "executable", program)
        with_workers(2, use)
        assert [record.message for record in caplog.records] == [
            "Can't start worker processes; continuing without them"
        ]


def test_calls_that_come_while_a_process_is_replaced_wait_for_it() -> None:
    async def use(workers: Workers) -> None:
        os.kill(await workers.submit(1, process), signal.SIGKILL)
        calls = [workers.submit(1, partial(doubled, b"a"))]
        while not calls[-1].done():  # at every turn of the loop
            await asyncio.sleep(0)
            if len(calls) < MANY:
                calls.append(workers.submit(1, partial(doubled, b"a")))
        assert set(await asyncio.gather(*calls)) == {b"aa"}

    with_workers(1, use)


def test_close_cancels_calls() -> None:
    running: list[int] = []

    async def use(workers: Workers) -> None:
        running.append(await workers.submit(1, process))
        call = workers.submit(1, sleeping)
        await workers.close()
        assert call.cancelled()

    with_workers(1, use)
    assert not is_running(running[0])


def test_a_few_bytes_are_parsed_in_this_process() -> None:
    workers = Workers(2, after=1000)
    assert [workers.should_parse(400) for _ in range(4)] == [False, False, True, True]
    assert not Workers(0).should_parse(1 << 30)
    assert Workers(1).should_parse(1)


def test_the_default_count_depends_on_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    for cores, count in ((1, 0), (2, 2), (64, 4)):
        monkeypatch.setattr(os, "sched_getaffinity", lambda _, cores=cores: set(range(cores)), raising=False)
        assert Workers.create(None).count == count
    assert Workers.create(7).count == 7
