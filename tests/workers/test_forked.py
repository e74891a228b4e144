"""Worker processes that are forked ahead. Each test runs a program of its own, as pytest has threads, so it can't fork."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import pytest

from mirror.workers import processes
from mirror.workers.pool import START_AFTER, Workers

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are forked on Linux only")

PATIENCE: Final = 30.0
PROGRAM: Final = """
import asyncio, os, signal, sys, threading, time
from mirror.workers import processes
from mirror.workers.pool import WorkerDiedError, Workers, prefork

def parent(): return os.getppid()
def process(): return os.getpid()
def session(): return os.getsid(0)
def dying(): os.kill(os.getpid(), signal.SIGKILL)
def talkative(): print("this is no answer"); return "an answer"
def children(): return {int(line) for line in open(f"/proc/self/task/{os.getpid()}/children").read().split()}

async def with_pool(use, count=2):
    workers = Workers.create(count)
    try:
        return await asyncio.wait_for(use(workers), 30)
    finally:
        await workers.close()
"""


def program(text: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM + text],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert not done.returncode, done.stderr
    return done.stdout


def test_forked_processes_are_the_first_of_the_pool() -> None:
    said = program("""
prefork(2)
ahead = children()
async def use(workers):
    assert workers.should_parse(1)
    asked = [workers.submit(100, call) for _ in range(20) for call in (process, parent, session)]
    answers = await asyncio.gather(*asked)
    return set(answers[::3]), set(answers[1::3]), set(answers[2::3])
used, parents, sessions = asyncio.run(with_pool(use))
assert len(ahead) == 2 and used == ahead == sessions and parents == {os.getpid()}, (ahead, used, parents, sessions)
assert children() == set(), "they outlived the pool"
print("well")
""")
    assert said == "well\n"


def test_unused_processes_end_with_the_pool() -> None:
    said = program("""
prefork(4)
async def use(workers):
    assert len(children()) == 4
    return await workers.submit(1, process)
asyncio.run(with_pool(use, 4))
print(len(children()), processes.take_forked())
""")
    assert said == "0 []\n"


def test_a_forked_process_that_crashes_is_replaced() -> None:
    said = program("""
prefork(1)
async def use(workers):
    first = await workers.submit(1, process)
    calls = [workers.submit(1, call) for call in (len, dying, os.getpid)]  # a new process does not know this program
    odd, died, second = await asyncio.gather(*calls, return_exceptions=True)
    assert isinstance(odd, TypeError) and isinstance(died, WorkerDiedError), (odd, died)
    return first, second
first, second = asyncio.run(with_pool(use, 1))
print(first != second, len(children()))
""")
    assert said == "True 0\n"


def test_a_forked_process_that_was_killed_before_its_first_call_is_replaced() -> None:
    said = program("""
prefork(2)
for number in children():
    os.kill(number, signal.SIGKILL)
time.sleep(0.1)
async def use(workers):
    return await asyncio.gather(*(workers.submit(1, os.getpid) for _ in range(9)))
print(len(set(asyncio.run(with_pool(use)))), len(children()))
""")
    assert said == "2 0\n"


def test_a_pool_that_closes_while_its_processes_start_touches_no_other_file() -> None:
    said = program("""
import socket
async def use(workers, turns):
    call = workers.submit(1, process)
    for _ in range(turns):
        await asyncio.sleep(0)
    await workers.close()
    here, there = socket.socketpair()
    reader, writer = await asyncio.open_connection(sock=here)
    there.send(b"hello")
    there.close()
    heard = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    return call.cancelled() and heard
for ahead in (0, 1):
    for turns in range(9):
        prefork(ahead)
        assert asyncio.run(with_pool(lambda workers: use(workers, turns), 1)) == b"hello", (ahead, turns)
print(len(children()))
""")
    assert said == "0\n"


def test_unused_processes_end_with_the_program() -> None:
    said = program("""
before = len(os.listdir("/proc/self/fd"))
prefork(2)
assert len(children()) == 2
processes.end_forked()
processes.end_forked()
print(len(children()), len(os.listdir("/proc/self/fd")) - before)
""")
    assert said == "0 0\n"


def test_a_refused_fork_leaves_no_file_open() -> None:
    said = program("""
def refused(): raise BlockingIOError("too many processes")
os.fork = refused
before = len(os.listdir("/proc/self/fd"))
prefork(2)
print(len(os.listdir("/proc/self/fd")) - before, processes.take_forked(), signal.pthread_sigmask(signal.SIG_BLOCK, ()))
""")
    assert said == "0 [] set()\n"


def test_what_a_forked_process_prints_is_no_answer() -> None:
    said = program("""
sys.stdout.write("before ")
prefork(1)
async def use(workers):
    return await workers.submit(1, talkative)
print(asyncio.run(with_pool(use, 1)))
""")
    assert said == "before an answer\n"


def test_nothing_is_forked_while_threads_run() -> None:
    said = program("""
stop = threading.Event()
threading.Thread(target=stop.wait).start()
prefork(2)
print(len(processes.take_forked()))
stop.set()
""")
    assert said == "0\n"


def test_no_more_processes_are_forked_than_are_fast() -> None:
    assert program("prefork(1000)\nprint(len(children()))\n") == "4\n"
    assert program("prefork(0)\nprint(len(children()))\n") == "0\n"


def test_forked_processes_end_when_the_program_is_killed() -> None:
    text = """
prefork(3)
async def use(workers):
    print(*children(), flush=True)
    await asyncio.gather(*(workers.submit(1, process) for _ in range(9)))
    await asyncio.sleep(30)
asyncio.run(with_pool(use, 3))
"""
    with subprocess.Popen([sys.executable, "-c", PROGRAM + text], stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout
        numbers = running.stdout.readline().split()
        running.kill()
    assert len(numbers) == 3
    until = time.monotonic() + PATIENCE
    while left := [one for one in numbers if is_alive(one)]:
        assert time.monotonic() < until, left
        time.sleep(0.05)


def is_alive(number: str) -> bool:
    try:
        return "zombie" not in Path(f"/proc/{number}/status").read_text()
    except OSError:
        return False


def test_without_forked_processes_a_pool_waits_until_there_is_enough_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    assert processes.take_forked() == []
    workers = Workers.create(None)
    assert [workers.should_parse(size) for size in (START_AFTER, 1)] == [False, True]
