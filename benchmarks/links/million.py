"""Measure `websucker links` on an archive with a million links.

    python -m benchmarks.links.million [--pages 20000] [--links 50] [--rounds 3] [--formats json,csv,sarif]

nginx serves the site, and Websucker mirrors it once, into `build/links/million-…`, which is kept. Of the links, one in a
hundred leads nowhere, twenty each to the same URL; one in ten has a fragment, of which one in ten is missing. The number of
problems that the report has to name is known, and compared. Prints the seconds and the peak memory of each round.
"""

import argparse
import json
import shutil
import statistics
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Final

from benchmarks.links.tools import BUILD
from benchmarks.suite.measure import run
from benchmarks.suite.serving import ROOT, nginx
from benchmarks.suite.sites import path_of

ONE_IN_BROKEN: Final = 100
ONE_IN_FRAGMENT: Final = 10
SAME_TARGET: Final = 20
"""Broken links that lead to the same URL."""

SECONDS: Final = 30
BYTES: Final = 300e6
"""What a report of a million links may take."""


def link(page: int, number: int, pages: int, links: int) -> str:
    """The nth link of a page. The first eight lead to the pages below it, so that all are reachable."""
    below = 8 * page + 1 + number
    if number < 8 and below < pages:
        return "/" + path_of(below)
    at = page * links + number
    if at % ONE_IN_BROKEN == 0:
        return f"/missing/{at // (ONE_IN_BROKEN * SAME_TARGET)}.html"
    target = "/" + path_of((page * 31 + number * 997) % pages)
    if at % ONE_IN_FRAGMENT == 1:
        return f"{target}#{'gone' if at % (10 * ONE_IN_FRAGMENT) == 1 else 'here'}"
    return target


def expected(pages: int, links: int) -> Counter[str]:
    """How many links of the site are broken, and how many lack their fragment."""
    found: Counter[str] = Counter()
    for page in range(pages):
        for number in range(links):
            made = link(page, number, pages, links)
            found["broken"] += made.startswith("/missing/")
            found["fragment"] += made.endswith("#gone")
    return found


def make(folder: Path, pages: int, links: int) -> None:
    """Write the site."""
    for page in range(pages):
        items = "\n".join(f'<li><a href="{link(page, number, pages, links)}">{number}</a>' for number in range(links))
        path = folder / path_of(page)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            f"<!DOCTYPE html>\n<title>Page {page}</title>\n<h1 id=here>Page {page}</h1>\n<ul>\n{items}\n</ul>\n"
        )


def archive(pages: int, links: int) -> Path:
    """The archive of the site, which is made if it is not there."""
    kept = BUILD / f"million-{pages}-{links}"
    if kept.exists():
        return kept
    BUILD.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=BUILD) as folder:
        home = Path(folder)
        home.chmod(0o755)
        (home / "nginx").mkdir()
        make(home / "site", pages, links)
        with nginx(home / "site", home / "nginx") as server:
            options = ["--render", "never", "--out", str(home / "archive"), "-s", "MIRROR_PROGRESS=off"]
            words = [sys.executable, "-m", "mirror", server.url, *options]
            cost = run(words, home, home / "output", 1800, {"PYTHONPATH": str(ROOT)})
        if cost.ended not in {"0", "1"}:
            sys.exit((home / "output").read_text()[-2000:])
        print(f"mirrored in {cost.wall:.0f} s")
        shutil.move(home / "archive", kept)
    return kept


def main() -> None:
    """Print a table: format, seconds, memory, and whether the report is right."""
    parser = argparse.ArgumentParser(description="Measure `websucker links` on a million links.")
    parser.add_argument("--pages", type=int, default=20_000)
    parser.add_argument("--links", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--formats", default="json,text,csv,html,junit,sarif,markdown")
    words = parser.parse_args()
    kept = archive(words.pages, words.links)
    right = expected(words.pages, words.links)
    print(
        f"{words.pages * words.links:,} links; {right['broken']:,} broken, {right['fragment']:,} without their fragment"
    )
    print("| format | seconds | memory, MB | output, MB | |\n|---|---|---|---|---|")
    for name in words.formats.split(","):
        print(row(kept, name, words.rounds, right), flush=True)


def row(kept: Path, name: str, rounds: int, right: Counter[str]) -> str:
    """Measure one format, and return a row of the table."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "output"
        command = [sys.executable, "-m", "mirror", "links", str(kept), "--format", name]
        costs = [run(command, Path(folder), output, 600, {"PYTHONPATH": str(ROOT)}) for _ in range(rounds)]
        wall, memory = statistics.median(cost.wall for cost in costs), max(cost.memory for cost in costs)
        told = "in time" if wall < SECONDS and memory < BYTES else "too much"
        if {cost.ended for cost in costs} != {"1"}:
            told = f"ended with {costs[0].ended}: {output.read_text()[-200:]}"
        elif name == "json":
            told += ", right" if reported(output.read_text()) == right else ", wrong counts"
        return f"| {name} | {wall:.1f} | {memory / 1e6:.0f} | {output.stat().st_size / 1e6:.1f} | {told} |"


def reported(text: str) -> Counter[str]:
    """How many links a report calls broken, and of how many it misses the fragment."""
    report = json.JSONDecoder().raw_decode(text[text.index('{"version"') :])[0]
    found: Counter[str] = Counter()
    for problem in report["problems"]:
        if problem["kind"] in {"broken", "fragment"}:
            found[problem["kind"]] += len(problem["places"])
    return found


if __name__ == "__main__":
    main()
