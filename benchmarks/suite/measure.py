"""Run a command, and measure the cost of it and all its descendants. Linux only (/proc, wait4, subreaper).

CPU seconds come from the kernel: wait4 reports a process and the children that it waited for, and orphans become children of
this process, because it is their subreaper. The peak memory of a single process is its high-water mark (VmHWM). For several
processes it is the largest sum of their proportional shares (PSS, in which a page shared by n processes counts 1/n for each) in
samples. The kernel adds up a PSS page by page, which takes milliseconds. So samples of large processes are taken less often:
measuring may take a fiftieth of the time of one core. Memory allocated after the last sample is known from wait4, but only if
it is more than this process itself uses, because the kernel's figure includes the time between fork and exec. No started
process is left running.
"""

import contextlib
import ctypes
import os
import re
import select
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PR_SET_CHILD_SUBREAPER: Final = 36  # <linux/prctl.h>
INTERVAL: Final = 0.05
PAUSE: Final = 50
GRACE: Final = 5.0
"""Least seconds between two samples of the memory, and least times what a sample took; seconds between SIGTERM and SIGKILL."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds of wall and processor time, peak memory in bytes, and how the command ended: an exit status or a sentence."""

    wall: float
    cpu: float
    memory: int
    ended: str


def run(
    command: Sequence[str], cwd: Path, output: Path, timeout: float, environment: Mapping[str, str] | None = None
) -> Cost:
    """Run a command for at most `timeout` seconds. Its output goes to the file `output`.

    It has the environment of this process, but for Scrapy's project: Websucker finds its own, and a bare spider has none.
    """
    adopt_orphans()
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("SCRAPY_")}
    started = time.monotonic()
    with output.open("wb") as sink:
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env=inherited | dict(environment or {}),
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # all descendants are in one process group, and Ctrl-C does not reach them directly
        )
    try:
        in_time, peak = _watched(process.pid, started + timeout)
        wall = time.monotonic() - started
    finally:
        cpu, last, status = _ended(process.pid)
        process.returncode = os.waitstatus_to_exitcode(status)  # Popen does not know that the process was reaped here
    peak = max(peak, last if last > 1024 * _kibibytes("/proc/self/status", "VmHWM") else 0)
    return Cost(wall, cpu, peak, str(process.returncode) if in_time else f"stopped after {timeout:g} s")


def adopt_orphans() -> None:
    """Become the parent of descendants whose own parent ends before them, so that wait4 reports their cost."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _watched(pid: int, deadline: float) -> tuple[bool, int]:
    """Wait for the process. Return whether it ended in time, and the peak memory of it and its descendants."""
    peak = 0
    descriptor = os.pidfd_open(pid)
    try:
        while (left := deadline - time.monotonic()) > 0:
            before = time.monotonic()
            peak = max(peak, memory(pid))
            pause = max(INTERVAL, PAUSE * (time.monotonic() - before))
            if select.select([descriptor], [], [], min(pause, left))[0]:
                return True, peak
        os.killpg(pid, signal.SIGTERM)
        select.select([descriptor], [], [], GRACE)
        return False, peak
    finally:
        os.close(descriptor)


def _ended(group: int) -> tuple[float, int, int]:
    """Kill and reap a process group.

    Return its CPU seconds, the peak memory of its largest process in bytes, and the wait status of its leader.
    """
    cpu, peak, leader = 0.0, 0, 0
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)
    while True:
        try:
            pid, status, usage = os.wait4(-group, 0)
        except ChildProcessError:
            return cpu, peak, leader
        cpu += usage.ru_utime + usage.ru_stime
        peak = max(peak, 1024 * usage.ru_maxrss)
        leader = status if pid == group else leader


def memory(pid: int) -> int:
    """Bytes that a process and its descendants use now, or the peak of one of them, if that is more."""
    tree = list(descendants(pid))
    alone = max((_kibibytes(f"/proc/{one}/status", "VmHWM") for one in tree), default=0)
    together = sum(_kibibytes(f"/proc/{one}/smaps_rollup", "Pss") for one in tree) if len(tree) > 1 else 0
    return 1024 * max(alone, together)


def descendants(pid: int) -> Iterator[int]:
    """Yield a process and its descendants, as far as they still exist."""
    yield pid
    with contextlib.suppress(OSError):  # it has ended
        for children in Path(f"/proc/{pid}/task").glob("*/children"):
            for child in _read(children).split():
                yield from descendants(int(child))


def _kibibytes(path: str, name: str) -> int:
    found = re.search(rf"^{name}:\s+(\d+) kB", _read(Path(path)), re.MULTILINE)
    return int(found[1]) if found else 0


def _read(path: Path) -> str:
    """The contents of a file of /proc; "" if its process has ended."""
    try:
        return path.read_text()
    except OSError:
        return ""
