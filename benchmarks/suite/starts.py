"""How long programs take to start: to print their version, to answer from a small archive, to ask their first request.

    python -m benchmarks.suite.starts            print the table
    python -m benchmarks.suite.starts --write    write it into docs/performance.md

The commands take turns. The figure is the processor time of the process until it ends, or until a server on loopback has
received its first request; then the process is killed. wait4 reports it. The wall time depends on what else runs.
"""

import argparse
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.suite.judging import Shares
from benchmarks.suite.report import filled, table, target_table
from benchmarks.suite.results import Row, load, save
from benchmarks.suite.serving import ROOT
from benchmarks.suite.tools import httrack, versions, wget

PAGE: Final = ROOT / "docs" / "performance.md"
PATIENCE: Final = 60.0
WORKLOAD: Final = "start"
"""The name of these measurements among those of the suite."""
PROGRAM: Final = [sys.executable, "-m", "mirror"]
SITE: Final = "http://127.0.0.1:{}/"


@dataclass(frozen=True, slots=True)
class Start:
    """A command that is measured until it ends; with `asks`, until its first request."""

    program: str
    what: str
    words: Sequence[str]
    asks: bool = False


@dataclass(frozen=True, slots=True)
class Times:
    """The seconds of a start."""

    processor: float
    wall: float


def starts(archive: Path, known: str, out: Path, url: str) -> Iterator[Start]:
    """All commands, in their order in the table. `known`: a URL in the archive; `url`: where the first request goes."""
    yield Start("python", "-c pass", [sys.executable, "-c", "pass"])
    for words in ("--version", "--help"):
        yield Start("websucker", words, [*PROGRAM, words])
    values = {"DIR": str(archive), "URL": known}
    for words in ("snapshots DIR", "why DIR URL", "diff DIR"):
        yield Start("websucker", words, [*PROGRAM, *(values.get(word, word) for word in words.split())])
    yield Start("websucker", "first request", [*PROGRAM, url, "--out", str(out), "--render", "never"], asks=True)
    for tool in (wget(), httrack()):
        if tool.installed:
            yield Start(tool.program, "--version", [tool.program, "--version"])
            yield Start(tool.program, "first request", tool.command(url, out), asks=True)


def measure(start: Start, listening: socket.socket) -> Times:
    """Run a command once."""
    began = time.monotonic()
    process = subprocess.Popen(
        start.words, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    if start.asks:
        connection, _ = listening.accept()
        with connection:
            connection.recv(1 << 16)
            wall = time.monotonic() - began
            os.killpg(process.pid, signal.SIGKILL)
    _, _, used = os.wait4(process.pid, 0)
    process.returncode = 0  # it was waited for
    if not start.asks:
        wall = time.monotonic() - began
    return Times(used.ru_utime + used.ru_stime, wall)


@contextmanager
def small_archive(folder: Path) -> Iterator[tuple[Path, str]]:
    """Mirror a site of one page twice; yields the archive and the URL of the page."""
    site = folder / "site"
    site.mkdir()
    (site / "index.html").write_text("<!doctype html><title>x</title><p>x</p>")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", "--directory", str(site), str(port)]
    url, archive = SITE.format(port), folder / "archive"
    with subprocess.Popen(server, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            _wait_for(port)
            for _ in range(2):
                command = [*PROGRAM, url, "--out", str(archive), "--render", "never"]
                subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
            yield archive, url
        finally:
            process.terminate()


def _wait_for(port: int) -> None:
    ends = time.monotonic() + PATIENCE
    while time.monotonic() < ends:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError("the server does not start")


def measured(rounds: int, report: Callable[[str], object]) -> dict[tuple[str, str], list[Times]]:
    """Measure all commands in turns."""
    found: dict[tuple[str, str], list[Times]] = {}
    with tempfile.TemporaryDirectory(prefix="websucker-starts-") as name, small_archive(Path(name)) as (archive, known):
        for number in range(rounds):
            with socket.create_server(("127.0.0.1", 0)) as listening:
                listening.settimeout(PATIENCE)
                url = SITE.format(listening.getsockname()[1])
                for start in starts(archive, known, Path(name, f"out-{number}"), url):
                    found.setdefault((start.program, start.what), []).append(measure(start, listening))
            report(f"round {number + 1} of {rounds}")
    return found


def start_table(found: dict[tuple[str, str], list[Times]]) -> str:
    """The table as Markdown."""
    rows = [
        [
            program,
            f"`{what}`" if what != "first request" else what,
            *(_spread([getattr(one, figure) for one in times]) for figure in ("processor", "wall")),
        ]
        for (program, what), times in found.items()
    ]
    names = ", ".join(f"{name} {version}" for name, version in versions(["wget", "httrack"]).items() if name != "nginx")
    rounds = len(next(iter(found.values())))
    return f"{table([f'{rounds} rounds', '', 'processor s', 'wall s'], 'llrr', rows)}\n\n{names}"


def rows(found: dict[tuple[str, str], list[Times]]) -> list[Row]:
    """The same as rows of the suite, for its targets."""
    return [
        Row(WORKLOAD, name, name, number, times.wall, times.processor, 0, 0, 0, Shares(1.0), "0")
        for (program, what), measurements in found.items()
        for number, times in enumerate(measurements)
        for name in [f"{program}, {what}"]
    ]


def _spread(figures: list[float]) -> str:
    return f"{statistics.median(figures):.3f} ({min(figures):.3f} to {max(figures):.3f})"


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure how long programs take to start.")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--write", action="store_true", help="write the table into docs/performance.md")
    options = parser.parse_args()
    found = measured(options.rounds, lambda line: print(line, file=sys.stderr))
    text = start_table(found)
    print(text)
    if options.write:
        results = load(PAGE.with_suffix(".json")).replaced(rows(found), versions([]))
        save(results, PAGE.with_suffix(".json"))
        PAGE.write_text(filled(PAGE.read_text(), {"start": text, "targets": target_table(results)}))


if __name__ == "__main__":
    main()
