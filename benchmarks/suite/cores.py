"""How the work of a crawl is divided among cores: what the process that crawls does itself, and what its workers do.

    python -m benchmarks.suite.cores [small] [docs] [--cores 1,2,4,8] [--size N] [--write]

Each run of Websucker may use so many cores and as many workers as it would start there by itself. If the machine has fewer
cores, the run has all of them, with the workers that it would have on more: then its processor time is right, and its wall time
is not shown. In no run can the wall time be less than what the process that crawls needs, or than all of the work divided by
the cores: that is the last column.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.suite.report import filled, table
from benchmarks.suite.serving import ROOT
from benchmarks.suite.tools import websucker
from benchmarks.suite.workloads import WORKLOADS, Place

PAGE: Final = ROOT / "docs" / "performance.md"
CORES: Final = (1, 2, 4, 8)
MOST_WORKERS: Final = 4
"""The most workers that Websucker starts by itself."""

TICKS: Final = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Division:
    """A run with so many cores. Seconds: the wall time, if there were so many, and the processor time of the processes."""

    workload: str
    files: int
    cores: int
    wall: float | None
    crawl: float
    workers: float

    @property
    def least(self) -> float:
        """The least wall time that is possible.

        >>> Division("small", 10_000, 2, None, 20.0, 30.0).least, Division("small", 10_000, 8, None, 20.0, 30.0).least
        (25.0, 20.0)
        """
        return max(self.crawl, (self.crawl + self.workers) / self.cores)

    @property
    def cells(self) -> list[str]:
        """The row of the table."""
        per_file = [f"{1e3 * seconds / self.files:.2f}" for seconds in (self.crawl, self.workers)]
        wall = "" if self.wall is None else f"{self.wall:.1f}"
        return [self.workload, str(self.cores), str(workers_on(self.cores)), *per_file, wall, f"{self.least:.1f}"]


def workers_on(cores: int) -> int:
    """How many workers Websucker starts.

    >>> [workers_on(cores) for cores in CORES]
    [0, 2, 4, 4]
    """
    return 0 if cores == 1 else min(cores, MOST_WORKERS)


def measured(workload: str, size: int, cores: Sequence[int]) -> Iterator[Division]:
    """Mirror the site of a workload once with each number of cores."""
    with tempfile.TemporaryDirectory(prefix="websucker-cores-") as folder:
        served = Path(folder, "served")
        served.mkdir()
        with WORKLOADS[workload].serve(served, size or WORKLOADS[workload].size) as place:
            for number in cores:
                yield divided(workload, place, Path(folder, str(number)), number)


def divided(workload: str, place: Place, out: Path, cores: int) -> Division:
    """Mirror a site once with so many cores."""
    there = sorted(os.sched_getaffinity(0))
    tool = websucker("-a", f"workers={workers_on(cores)}")
    started = time.monotonic()
    process = subprocess.Popen(
        tool.command(place.server.url + place.entry, out),
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: os.sched_setaffinity(0, there[:cores]),  # noqa: PLW1509 - no thread is running here
    )
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    wall = time.monotonic() - started
    crawl, workers = processor_times(process.pid)
    if process.wait() not in {0, 1}:  # 1: the site has a broken link
        raise ChildProcessError(f"Websucker ended with {process.returncode}")
    return Division(workload, len(place.known), cores, wall if cores <= len(there) else None, crawl, workers)


def processor_times(number: int) -> tuple[float, float]:
    """The seconds of a process that has ended and was not waited for: its own, and those of the children it waited for."""
    fields = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
    user, system, of_children, system_of_children = map(
        int, fields[11:15]
    )  # proc(5) counts from 1, and from the number
    return (user + system) / TICKS, (of_children + system_of_children) / TICKS


def cores_table(divisions: Sequence[Division]) -> str:
    """The table as Markdown."""
    head = ["", "cores", "workers", "crawl, ms a file", "workers, ms a file", "wall s", "at least, s"]
    return table(head, "lrrrrrr", [division.cells for division in divisions])


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure how the work of a crawl is divided among cores.")
    parser.add_argument("workloads", nargs="*", default=["small", "docs"], help="small, docs (default: both)")
    parser.add_argument("--cores", default=",".join(map(str, CORES)), help="default: %(default)s")
    parser.add_argument("--size", type=int, default=0, help="number of files (default: the workload's)")
    parser.add_argument("--write", action="store_true", help="write the table into docs/performance.md")
    options = parser.parse_args()
    divisions = []
    for workload in options.workloads:
        for division in measured(workload, options.size, list(map(int, options.cores.split(",")))):
            divisions.append(division)
            print(" | ".join(division.cells), file=sys.stderr, flush=True)
    text = cores_table(divisions)
    print(text)
    if options.write:
        PAGE.write_text(filled(PAGE.read_text(), {"cores": text}))


if __name__ == "__main__":
    main()
