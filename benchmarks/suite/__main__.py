"""Run the workloads and report the results.

python -m benchmarks.suite [WORKLOAD ...] [--rounds N] [--size N] [--tools WORDS] [--quick] [--print] [--page FILE] ...
"""

import argparse
import os
import pstats
import shutil
import signal
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType
from typing import Final

from benchmarks.suite import report
from benchmarks.suite.judging import Shares, cut, judge
from benchmarks.suite.measure import Cost, run
from benchmarks.suite.picture import draw
from benchmarks.suite.results import AGAIN, Results, Row, load, save
from benchmarks.suite.serving import ROOT, Traffic
from benchmarks.suite.tools import WEBSUCKER, Tool, versions
from benchmarks.suite.workloads import WORKLOADS, Place, Workload

PAGE: Final = ROOT / "docs" / "performance.md"
ROBOTS: Final = "/robots.txt"
TOP: Final = 40
"""Lines of a profile that are printed."""

FEW: Final = 100
"""Files of a site up to which a copy is removed at once. Larger copies stay until the end of the suite: ext4 makes new files
slowly for minutes after many were removed, so each tool would pay for the copy of the one before it."""

ENOUGH: Final = 600.0
"""Seconds after which a workload starts no further round, unless `--rounds` was given."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a tool: its workload and round, the site, and the folder for everything that it writes."""

    workload: Workload
    tool: Tool
    round: int
    place: Place
    scratch: Path
    second: bool = False

    @property
    def name(self) -> str:
        return self.tool.name + AGAIN * self.second

    @property
    def against(self) -> str:
        return self.tool.against + AGAIN * self.second

    @property
    def out(self) -> Path:
        return self.scratch / "out"

    @property
    def output(self) -> Path:
        return self.scratch / "output.txt"

    @property
    def home(self) -> Path:
        """The working directory: for Websucker the project, where Scrapy finds scrapy.cfg; for others an empty folder."""
        return ROOT if self.tool.program == WEBSUCKER else self.scratch

    @property
    def command(self) -> list[str]:
        start = self.place.server.url + (self.tool.entry or self.place.entry)
        words = self.tool.command(str(self.place.starts or start), self.out)
        return [*words, *self.tool.again] if self.second else words


def main() -> None:
    """Run what the command line asks for."""
    options = parse_options()
    signal.signal(signal.SIGTERM, _end)
    old = options.page.with_suffix(".json")
    if options.draw:
        write(load(old), options.page)
        return
    with tempfile.TemporaryDirectory(prefix="websucker-bench-") as home:
        measure_workloads(options, Path(home), old)


def measure_workloads(options: argparse.Namespace, home: Path, old: Path) -> None:
    """Run the workloads in an empty folder, and write what was measured."""
    new, load_before = Results(), os.getloadavg()[0]
    for name in options.workloads or WORKLOADS:
        workload = WORKLOADS[name]
        tools = [tool for tool in workload.tools(size(workload, options)) if takes_part(tool, options)]
        where = describe_machine([tool.program for tool in tools], load_before)
        rows = list(run_workload(workload, tools, options, home / name))
        if not options.profile:
            new = new.replaced(rows, where)
            print(f"\n## {name}\n\n{report.workload_table(new, name)}\n", flush=True)
            if not options.print:
                write(load(old).replaced(rows, where), options.page)
    if not options.profile:
        print(report.target_table(new))
    if options.quick or options.size:
        print("\nThe targets are for full workloads. In small ones, most of the time goes into starting Python.")


def parse_options() -> argparse.Namespace:
    """Parse the options, some of which imply others."""
    parser = argparse.ArgumentParser(
        description="Compare Websucker with similar tools, which do the same work in turn."
    )
    parser.add_argument("workloads", nargs="*", help=f"of: {', '.join(WORKLOADS)}; all by default")
    parser.add_argument("--rounds", type=int, help="number of rounds (default: the workload's)")
    parser.add_argument("--size", type=int, help="number of files, or MiB of the large file (default: the workload's)")
    parser.add_argument(
        "--tools", default="", help="only tools with one of these words in their names (comma-separated)"
    )
    parser.add_argument(
        "--quick", action="store_true", help="small workloads, one round; print the results and write nothing"
    )
    parser.add_argument("--print", action="store_true", help="write no page, no picture, no rows")
    parser.add_argument(
        "--page", type=Path, default=PAGE, help="the page to write the tables to; .svg and .json are written beside it"
    )
    parser.add_argument(
        "--profile",
        action="store_true",
        help="run Websucker once under cProfile, and print the most expensive functions",
    )
    parser.add_argument("--draw", action="store_true", help="make the page and the picture again without measuring")
    options = parser.parse_args()
    if unknown := set(options.workloads) - WORKLOADS.keys():
        parser.error(f"no such workload: {', '.join(sorted(unknown))}")
    options.rounds = 1 if options.profile else options.rounds or (1 if options.quick else None)
    part = options.quick or options.profile or options.tools or options.size
    options.print = options.print or (bool(part) and options.page == PAGE)
    return options


def size(workload: Workload, options: argparse.Namespace) -> int:
    """The size of the site, in the unit of the workload."""
    return options.size or (workload.quick if options.quick else workload.size)


def takes_part(tool: Tool, options: argparse.Namespace) -> bool:
    """Whether a tool takes part. Tools that are not installed are reported, once for each workload."""
    if options.profile:
        return tool.name == WEBSUCKER
    if options.quick and tool.once:
        return False
    if not any(word in tool.name for word in options.tools.split(",")):
        return False
    if not tool.installed:
        print(f"{tool.name} is not installed and is left out; to install it: sh benchmarks/needs.sh", file=sys.stderr)
    return tool.installed


def run_workload(workload: Workload, tools: Sequence[Tool], options: argparse.Namespace, folder: Path) -> Iterator[Row]:
    """Yield the rows of a workload, one for each run of a tool. `folder` does not exist yet; most files in it stay."""
    served = folder / "served"
    served.mkdir(parents=True)
    with workload.serve(served, size(workload, options)) as place:
        if place.server.url.count(":") > 1:
            print("Port 80 is not available on any loopback address, so wget2 may save one file only.", file=sys.stderr)
        for number in rounds(workload, options):
            for turn, tool in enumerate(turns(tools, number)):
                scratch = folder / f"{number}-{turn}"
                scratch.mkdir()
                yield from run_tool(Run(workload, tool, number, place, scratch), profile=options.profile)
                if len(place.known) < FEW:
                    shutil.rmtree(scratch)


def rounds(workload: Workload, options: argparse.Namespace) -> Iterator[int]:
    """Yield the numbers of the rounds: as many as requested, or the workload's own while there is time to start another."""
    started = time.monotonic()
    for number in range(options.rounds or workload.rounds):
        if options.rounds or not number or time.monotonic() - started < ENOUGH:
            yield number


def turns(tools: Sequence[Tool], number: int) -> list[Tool]:
    """The tools of a round in their order. Each round starts with a different tool."""
    taking_part = [tool for tool in tools if not (tool.once and number)]
    first = number % len(taking_part) if taking_part else 0
    return taking_part[first:] + taking_part[:first]


def run_tool(task: Run, *, profile: bool) -> Iterator[Row]:
    """Run a tool, and a second time if the workload says so."""
    if profile:
        profiled(task)
        return
    yield measure_run(task)
    if task.workload.again:
        yield measure_run(replace(task, second=True))


def measure_run(task: Run) -> Row:
    """Run a tool, measure it, and judge its copy."""
    os.sync()  # this tool should not wait for writes of the previous one
    task.place.server.traffic()
    cost = run(task.command, task.home, task.output, task.workload.timeout)
    row = make_row(task, cost, task.place.server.traffic())
    wall, done = f"{row.wall:.1f} s wall, {row.cpu:.1f} s processor", f"{report.percent(row.done.least)} of the work"
    print(
        f"{row.workload} {row.round + 1}, {row.tool}: {wall}, {row.memory / 1e6:.0f} MB, {done}",
        file=sys.stderr,
        flush=True,
    )
    if not row.is_complete:
        print(f"  {' '.join(task.command)}\n{tail(task.output)}  ended: {row.ended}", file=sys.stderr, flush=True)
    return row


def make_row(task: Run, cost: Cost, traffic: Traffic) -> Row:
    """The row of a run."""
    figures = round(cost.wall, 3), round(cost.cpu, 3), cost.memory, traffic.requests, traffic.sent
    done = work_done(task, traffic)
    return Row(
        task.workload.name, task.name, task.against, task.round, *figures, done, cost.ended, manifest_figures(task.out)
    )


def work_done(task: Run, traffic: Traffic) -> Shares:
    """How much of the work was done. A second run has to ask for every file, because only the server knows what has changed."""
    asked = min(1.0, len(traffic.paths.keys() - {ROBOTS}) / (task.place.pages or len(task.place.known)))
    if task.tool.judged == "requests":
        return Shares(files=cut(asked))
    done = judge(task.out, task.place.known, task.place.origin).shares
    files = min(done.files, asked) if task.second else done.files
    return Shares(cut(files), cut(done.size), cut(done.links) if task.tool.judged == "copy" else None)


def manifest_figures(out: Path) -> dict[str, int]:
    """The number of URLs in the manifest of an archive, and its size in bytes. See docs/archive-format.md."""
    path = out / ".mirror" / "manifest.sqlite"
    if not path.is_file():
        return {}
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as manifest:
            (urls,) = manifest.execute("SELECT count(*) FROM urls").fetchone()
    except sqlite3.DatabaseError as error:
        print(f"The manifest can't be read: {error}", file=sys.stderr)
        return {}
    return {"known": urls, "manifest": path.stat().st_size}


def profiled(task: Run) -> None:
    """Run the tool's main process under cProfile. Print the functions with the most time spent in themselves."""
    stats = task.scratch / "profile"
    interpreter, *words = task.command
    cost = run(
        [interpreter, "-m", "cProfile", "-o", str(stats), *words],
        task.home,
        task.output,
        10 * task.workload.timeout,
    )
    print(
        f"## {task.workload.name}: {cost.wall:.1f} s wall, {cost.cpu:.1f} s processor, under the profiler", flush=True
    )
    pstats.Stats(str(stats)).sort_stats(pstats.SortKey.TIME).print_stats(TOP)


def tail(output: Path, lines: int = 5) -> str:
    """The last lines of a tool's output."""
    last = output.read_text(errors="replace").splitlines()[-lines:]
    return "".join(f"  | {line[:200]}\n" for line in last)


def describe_machine(programs: list[str], load_before: float) -> dict[str, str]:
    """The conditions of the measurement: versions, machine, and its load."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    cores = os.cpu_count() or 1
    if load_before > cores / 4:
        print(f"This machine is busy (load {load_before:.1f}), so wall times will be too long.", file=sys.stderr)
    machine = f"{cores} cores, {memory / 1e9:.0f} GB, load before the run {load_before:.1f}"
    return versions(sorted(set(programs))) | {"machine": machine}


def write(results: Results, page: Path) -> None:
    """Write the rows, the generated parts of the page, and the picture."""
    save(results, page.with_suffix(".json"))
    page.write_text(report.filled(page.read_text(), report.parts(results)))
    page.with_suffix(".svg").write_text(draw(results))


def _end(signum: int, frame: FrameType | None) -> None:  # noqa: ARG001  # required by signal.signal
    """End on SIGTERM as on Ctrl-C, with an exception, so that each `with` block cleans up."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
