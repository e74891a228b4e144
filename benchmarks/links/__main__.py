"""Run the link checkers on the sites, and print the tables of docs/comparison.md."""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from benchmarks.generators import built
from benchmarks.links import judging
from benchmarks.links.tools import TOOLS, Claim, Job, MissingError, version
from benchmarks.suite.measure import Cost, run
from benchmarks.suite.serving import ROOT, nginx
from benchmarks.suite.sites import PYTHON_DOCS
from tests.links.planted import HOLDERS, ROWS, SECURE, served

SITES: Final = ("faults", "docs", "docusaurus")
REMOVED: Final = (
    "blog/tags/hola",
    "docs/tutorial-basics/congratulations",
    "img/logo.svg",
    "assets/images/localeDropdown*.png",
    "blog/atom.xml",
)
RENAMED: Final = {
    "docs/tutorial-basics/markdown-features/index.html": 'id="front-matter"',
    "docs/parts/index.html": 'id="__docusaurus_skipToContent_fallback"',
}
"""What is broken in a generated site, which has no faults of its own."""

VISIBLE: Final = tuple(name for name in ROWS if not any(name == row.name for holder in SECURE for row in holder.rows))
"""The rows of the site that is served by http."""


def main() -> None:
    """Print a table for each site."""
    parser = argparse.ArgumentParser(description="Compare link checkers.")
    parser.add_argument("--tools", default=",".join(TOOLS))
    parser.add_argument("--sites", default=",".join(SITES))
    parser.add_argument("--seconds", type=float, default=300, help="end a tool after this time")
    parser.add_argument("--rows", action="store_true", help="also list the rows that a tool misses or gets wrong")
    parser.add_argument("--keep", type=Path, help="keep the outputs of the tools in this folder")
    words = parser.parse_args()
    tools = list(installed(words.tools.split(",")))
    print(", ".join(f"{tool} {version(tool)}" for tool in tools))
    with tempfile.TemporaryDirectory() as folder:
        home = words.keep or Path(folder)
        home.mkdir(parents=True, exist_ok=True)
        home.chmod(0o755)  # LinkChecker gives up the rights of root
        for site in words.sites.split(","):
            print(f"\n### {site}\n", flush=True)
            compare(site, tools, home, words.seconds, with_rows=words.rows)


def installed(names: list[str]) -> Iterator[str]:
    """The tools that are there. The others are named."""
    for name in names:
        try:
            TOOLS[name].install()
        except MissingError as error:
            print(f"{name} is left out: {error}", file=sys.stderr)
        else:
            yield name


def compare(site: str, tools: list[str], home: Path, seconds: float, *, with_rows: bool) -> None:
    """Run the tools on a site, one after the other, and print what they found."""
    claims: dict[str, list[Claim]] = {}
    costs: dict[str, Cost] = {}
    with serving(site, home) as (start, pages):
        for tool in tools:
            folder = home / f"{site}-{tool}"
            folder.mkdir(exist_ok=True)
            job = Job(start, pages, site == "faults", folder)
            command = TOOLS[tool].command(TOOLS[tool].install(), job)
            costs[tool] = run(command, folder, job.report, seconds, {"PYTHONPATH": str(ROOT)})
            try:
                claims[tool] = list(TOOLS[tool].read(job))
            except (OSError, ValueError) as error:
                print(f"{tool}: no report ({error}): {costs[tool].ended}", file=sys.stderr)
                claims[tool] = []
        if site == "faults":
            faults_table(claims, costs)
            if with_rows:
                print_rows(claims)
        else:
            real_table(claims, costs, start, with_claims=with_rows)


@contextmanager
def serving(site: str, home: Path) -> Iterator[tuple[str, list[str]]]:
    """Serve a site. Yield its start, and the URLs of its pages."""
    with ExitStack() as stack:
        if site == "faults":
            main, _ = stack.enter_context(served())
            yield f"{main.url}/", [main.url + holder.path for holder in HOLDERS if holder.is_linked]
            return
        work = home / f"{site}-nginx"
        work.mkdir(exist_ok=True)
        folder = PYTHON_DOCS if site == "docs" else damaged(built(site).folder, work / "site")
        server = stack.enter_context(nginx(folder, work))
        paths = [str(path.relative_to(folder)).removesuffix("index.html") for path in sorted(folder.rglob("*.html"))]
        yield server.url, [server.url + path for path in paths]


def damaged(whole: Path, folder: Path) -> Path:
    """Copy a site without the files of `REMOVED`, and with another id in place of each of `RENAMED`."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(whole, folder)
    for pattern in REMOVED:
        for path in folder.glob(pattern):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    for name, before in RENAMED.items():
        page = folder / name
        page.write_text(page.read_text().replace(before, before.replace("id=", "data-was=")))
    return folder


def faults_table(claims: dict[str, list[Claim]], costs: dict[str, Cost]) -> None:
    """Print group x tool: faults found, and traps fallen into."""
    scores = {tool: judging.scores(said, VISIBLE) for tool, said in claims.items()}
    groups = list(next(iter(scores.values())))
    print(f"| Group | {' | '.join(claims)} |\n|---|{'---|' * len(claims)}")
    for group in groups:
        cells = [_cell(scores[tool][group]) for tool in claims]
        print(f"| {group} | {' | '.join(cells)} |")
    for title, done, of in (("**found**", "found", "faults"), ("**claimed falsely**", "false", "traps")):
        sums = [
            f"**{sum(len(getattr(score, done)) for score in score.values())}** of "
            f"{sum(len(getattr(score, of)) for score in score.values())}"
            for score in scores.values()
        ]
        print(f"| {title} | {' | '.join(sums)} |")
    print_costs(costs)


def _cell(score: judging.Score) -> str:
    found = f"{len(score.found)} of {len(score.faults)}" if score.faults else "none"
    return f"{found}; {len(score.false)} false" if score.false else found


def print_costs(costs: dict[str, Cost]) -> None:
    """Print the rows of a table for time and memory."""
    print(f"| seconds | {' | '.join(_seconds(cost) for cost in costs.values())} |")
    print(f"| memory, MB | {' | '.join(f'{cost.memory / 1e6:.0f}' for cost in costs.values())} |", flush=True)


def _seconds(cost: Cost) -> str:
    return f"{cost.wall:.1f}" if "stopped" not in cost.ended else cost.ended


def print_rows(claims: dict[str, list[Claim]]) -> None:
    """Print the rows that each tool misses, falls into, calls by another kind, or puts elsewhere."""
    for tool, said in claims.items():
        scores = judging.scores(said, VISIBLE).values()
        missed = sorted(name for score in scores for name in score.faults - score.found)
        false = sorted(name for score in scores for name in score.false)
        print(f"\n{tool} misses: {' '.join(missed)}\n{tool} claims falsely: {' '.join(false)}")
        if tool == "websucker":
            for name, kind, right in judging.misnamed(said):
                print(f"  {name}: called {kind}, is {' or '.join(right) or 'right'}")
            for name, instead, to in judging.misled(said):
                print(f"  {name}: leads to {instead}, is {to}")
            for name, place, right_place in judging.misplaced(said):
                print(f"  {name}: at {place}, is at {right_place}")


def real_table(claims: dict[str, list[Claim]], costs: dict[str, Cost], start: str, *, with_claims: bool) -> None:
    """Print tool: what of its claims is real, of all that is real, and what is not."""
    verdicts, real = judging.judged(claims, start)
    pages = {url for url in real if "#" not in url}
    print(f"| | {' | '.join(claims)} |\n|---|{'---|' * len(claims)}")
    print(
        f"| URLs that lead nowhere | {' | '.join(f'{len(found & pages)} of {len(pages)}' for found, _ in verdicts.values())} |"
    )
    missing = real - pages
    print(
        f"| missing fragments | {' | '.join(f'{len(found & missing)} of {len(missing)}' for found, _ in verdicts.values())} |"
    )
    print(f"| claimed falsely | {' | '.join(str(len(false)) for _, false in verdicts.values())} |")
    print_costs(costs)
    if with_claims:
        for tool, (found, false) in verdicts.items():
            print(
                f"\n{tool} misses: {' '.join(sorted(real - found)[:40])}\n{tool} claims falsely: {' '.join(sorted(false)[:40])}"
            )


if __name__ == "__main__":
    main()
