"""Mirror the documentation of Python with each tool, and print the cost and the quality of the copies.

    python -m benchmarks.python_docs [--runs 3] [--tools websucker,wget,httrack]

nginx serves the site, Debian's package python3.11-doc, on loopback. The tools take turns. Figures are medians; ratios are to
wget in the same round. LinkChecker checks the links in the files of each copy.
"""

import argparse
import csv
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.commands import httrack, websucker, wget
from tests.browser.conftest import ROOT, Nginx

DOCS: Final = Path("/usr/share/doc/python3.11/html")
COMMANDS: Final[dict[str, Callable[[str, str], list[str]]]] = {
    "wget": wget,
    "httrack": httrack,
    "websucker": lambda url, out: websucker(url, out, "-s", "MIRROR_PROGRESS=off"),
}
"""Tool -> the command that mirrors a URL into a folder, links converted."""


@dataclass
class Run:
    """The cost of a run: seconds of wall and processor time; and the number of files in the copy."""

    wall: float
    cpu: float
    files: int


def main() -> None:
    """Run the tools in turn, and print a table."""
    parser = argparse.ArgumentParser(description="Compare tools on the documentation of Python.")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--tools", default="websucker,wget,httrack")
    options = parser.parse_args()
    tools = [tool for tool in options.tools.split(",") if tool == "websucker" or shutil.which(tool)]
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        home.chmod(0o755)
        server = Nginx(shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin") or "nginx", home)
        url = server.serve(DOCS)
        runs: dict[str, list[Run]] = {tool: [] for tool in tools}
        for _ in range(options.runs):
            for tool in tools:
                runs[tool].append(run(tool, url, home / tool))
        print("| | wall s | cpu s | wall, ratio to wget | files | links broken, of |\n|---|---|---|---|---|---|")
        for tool in tools:
            print(row(tool, runs, broken(home / tool)))
        server.stop()


def run(tool: str, url: str, out: Path) -> Run:
    """Mirror into a fresh folder."""
    shutil.rmtree(out, ignore_errors=True)
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run(COMMANDS[tool](url, str(out)), cwd=ROOT, capture_output=True, timeout=600, check=False)
    after, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic() - started
    files = sum(path.is_file() and ".mirror" not in path.parts for path in out.rglob("*"))
    return Run(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, files)


def broken(out: Path) -> str:
    """The number of broken links in a copy, and the number of all links."""
    start = next(path for path in sorted(out.glob("127.0.0.1*/index.html")))
    linkchecker = str(Path(sys.executable).with_name("linkchecker"))
    command = [
        linkchecker,
        "--no-status",
        "--no-warnings",
        "--verbose",
        "--threads",
        "2",
        "--output",
        "csv",
        str(start),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    rows = list(csv.DictReader((line for line in done.stdout.splitlines() if line[:1] != "#"), delimiter=";"))
    local = [row for row in rows if row["url"].startswith("file:")]
    return f"{sum(row['valid'] != 'True' for row in local)}, {len(local):,}"


def row(tool: str, runs: dict[str, list[Run]], links: str) -> str:
    """A row of the table."""
    mine = runs[tool]
    wall, cpu = statistics.median(r.wall for r in mine), statistics.median(r.cpu for r in mine)
    ratio = "-"
    if "wget" in runs:
        ratio = f"{statistics.median(a.wall / b.wall for a, b in zip(mine, runs['wget'], strict=True)):.2f}"
    return f"| {tool} | {wall:.1f} | {cpu:.1f} | {ratio} | {mine[-1].files} | {links} |"


if __name__ == "__main__":
    main()
