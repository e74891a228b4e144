"""Mirror real applications with each tool, and measure the copies of Websucker with `websucker compare`.

    python -m benchmarks.applications [--only mkdocs-material,javadoc] [--keep DIR] [--words="-a obey=none"] [--costs]

Websucker runs with its defaults, twice, so that the table shows what a second run calls changed; wget and HTTrack run once.
"""

import argparse
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from benchmarks.applications import APPLICATIONS, served
from benchmarks.applications.building import Count, NotThereError
from benchmarks.commands import httrack, websucker, wget
from benchmarks.fidelity import compared
from tests.browser.conftest import ROOT

COPIES: Final = "| Application | opened by | pages | reached | complete | no new errors | same text | same picture |"
COSTS: Final = "| Application | tool | requests | seconds | exit code | a second run reports |"
SECONDS: Final = 900
OTHERS: Final = 120
"""Seconds after which the other tools are stopped: on some sites they find new URLs for ever."""

CHANGES: Final = "Since the previous snapshot: "


def main() -> None:
    """Print two tables: how complete the copies are, and what they cost."""
    parser = argparse.ArgumentParser(description="Mirror real applications, and measure the copies.")
    parser.add_argument("--only", default=",".join(APPLICATIONS), help="the names of applications")
    parser.add_argument("--keep", type=Path, help="a folder for copies and reports")
    parser.add_argument("--words", default="", help="further words for `scrapy crawl mirror`")
    parser.add_argument(
        "--costs", action="store_true", help="only measure what the copies cost, not how complete they are"
    )
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that no server stays
    copies, costs = [COPIES, "|---" * 8 + "|"], [COSTS, "|---" * 6 + "|"]
    with tempfile.TemporaryDirectory() as folder:
        home = options.keep or Path(folder)
        for name in options.only.split(","):
            try:
                with served(name) as (url, count):
                    costs += _mirrored(name, url, count, home, options.words.split())
                    copies += [] if options.costs else _measured(name, url, home / name)
            except NotThereError as error:
                print(f"{name} is left out: {error}", file=sys.stderr)
            except subprocess.TimeoutExpired as error:
                print(f"{name} is left out: {error.cmd[0]} took more than {SECONDS} s", file=sys.stderr)
    print("\n".join([*copies, "", *costs]))


def _mirrored(name: str, url: str, count: Count, home: Path, words: list[str]) -> Iterator[str]:
    """Let each tool mirror an application; yield a row for each."""
    out = home / name
    shutil.rmtree(out, ignore_errors=True)
    first, second = (_ran(websucker(url, str(out), *words, render="auto"), count) for _ in range(2))
    changes = next((line for line in second[3].splitlines() if line.startswith(CHANGES)), "").removeprefix(CHANGES)
    yield f"| {name} | websucker | {first[0]} | {first[1]:.1f} | {first[2]} | {changes} |"
    yield f"| {name} | websucker, again | {second[0]} | {second[1]:.1f} | {second[2]} | |"
    for tool, command in (("wget", wget), ("httrack", httrack)):
        requests, seconds, code, _ = _ran(command(url, str(home / f"{name}-{tool}")), count, OTHERS)
        yield f"| {name} | {tool} | {requests} | {seconds:.1f} | {code} | |"


def _ran(command: list[str], count: Count, limit: int = 0) -> tuple[int, float, int | str, str]:
    """Run a command; return its requests, its seconds, its exit code and what it printed. After a limit it is stopped."""
    count()
    began = time.monotonic()
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=limit or SECONDS, check=False)
    except subprocess.TimeoutExpired:
        if not limit:
            raise
        return count(), limit, "stopped", ""
    return count(), time.monotonic() - began, done.returncode, done.stderr


def _measured(name: str, url: str, out: Path) -> Iterator[str]:
    """Yield a row for each way to open the copy."""
    for way in ("file", "replay"):
        found = compared(out, url, way)
        counts = found["counts"]
        cells = [name, way, found["pages_compared"]]
        cells += [counts[one] for one in ("reached", "complete", "quiet", "text", "picture")]
        yield f"| {' | '.join(map(str, cells))} |"


if __name__ == "__main__":
    main()
