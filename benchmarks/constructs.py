"""Find out which constructs the mirroring tools follow, from what they request from a server.

    python -m benchmarks.constructs --tools wget,httrack > constructs.md

Each tool gets a fresh pair of servers on loopback with the site of `tests/constructs.py`, an empty folder and a time
limit. Then the servers' logs are compared with the site's tables, and a Markdown table goes to stdout. By design, `wget`
stays on its host, so it can't fetch the second host's requisites; `httrack --near` can.
"""

import argparse
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import mirror
from benchmarks.commands import httrack, websucker, wget
from tests.constructs import FETCHED, FETCHED_OTHER, GUESSES, NEVER, NEVER_OTHER, sites
from tests.site import serve_both

ROOT: Final = Path(__file__).resolve().parent.parent

COMMANDS: Final[dict[str, Callable[[str, str], list[str]]]] = {
    "wget": lambda start, out: wget(start, out, "-e", "robots=on"),
    "httrack": lambda start, out: httrack(start, out, "--near"),
    "websucker": websucker,
}
"""Tool -> the command that mirrors a URL into a folder."""

TABLES: Final = (
    ("Fetched", "main", FETCHED),
    ("Fetched from another host", "other", FETCHED_OTHER),
    ("Guesses", "main", GUESSES),
    ("Never", "main", NEVER),
    ("Never, of another host", "other", NEVER_OTHER),
)
"""Triples (heading of a section, server, {path: construct})."""


@dataclass(frozen=True, slots=True)
class Run:
    """The paths that a tool requested from the two servers, and how it ended."""

    version: str
    ended: str
    asked: dict[str, frozenset[str]]


def main() -> None:
    """Run the installed tools and print the comparison."""
    parser = argparse.ArgumentParser(description="Compare what mirroring tools fetch of a site with every construct.")
    parser.add_argument("--tools", default=",".join(COMMANDS), help="comma-separated, of: %(default)s")
    parser.add_argument("--timeout", type=float, default=180, help="seconds for each tool (default: %(default)s)")
    options = parser.parse_args()
    tools = options.tools.split(",")
    if unknown := set(tools) - COMMANDS.keys():
        parser.error(f"unknown tools: {', '.join(sorted(unknown))}")
    runs = {tool: run(tool, options.timeout) for tool in tools if installed(tool)}
    print("\n".join(report(runs)))


def installed(tool: str) -> bool:
    """Whether a tool is installed."""
    return shutil.which(COMMANDS[tool]("", "")[0]) is not None


def version(tool: str) -> str:
    """The name and version of a tool, as it prints them."""
    if tool == "websucker":
        return f"Websucker {mirror.__version__}"
    done = subprocess.run([tool, "--version"], capture_output=True, text=True, check=False)
    return done.stdout.splitlines()[0].strip().removesuffix(" built on linux-gnu.")


def run(tool: str, timeout: float) -> Run:
    """Let a tool mirror the site, for at most `timeout` seconds."""
    with serve_both(*sites()) as (site, other), tempfile.TemporaryDirectory() as out:
        command = COMMANDS[tool](f"{site.url}/", out)
        try:
            code = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=timeout, check=False).returncode
        except subprocess.TimeoutExpired:
            ended = f"stopped after {timeout:g} s"
        else:
            ended = f"exit status {code}"
        return Run(version(tool), ended, {"main": frozenset(site.paths), "other": frozenset(other.paths)})


def report(runs: dict[str, Run]) -> Iterator[str]:
    """Yield the lines of the Markdown text."""
    yield "# Constructs that a mirror follows"
    yield ""
    yield from (f"- {run.version}: {run.ended}" for run in runs.values())
    yield ""
    yield "`yes`: the tool requested it from the server. Under *Never* this is a mistake; under *Guesses* it is optional."
    yield ""
    yield from table("Requested", (summary(runs, heading, side, rows) for heading, side, rows in TABLES), runs)
    for heading, side, rows in TABLES:
        yield f"## {heading}"
        yield ""
        marks = ([f"`{construct}`", *marked(runs, side, path)] for path, construct in rows.items())
        yield from table("Construct", marks, runs)


def summary(runs: dict[str, Run], heading: str, side: str, rows: dict[str, str]) -> list[str]:
    """A row of the first table: how many paths of a section each tool requested."""
    return [f"{heading} ({len(rows)})", *(str(len(run.asked[side] & rows.keys())) for run in runs.values())]


def marked(runs: dict[str, Run], side: str, path: str) -> Iterator[str]:
    """Whether each tool requested the path."""
    return ("yes" if path in run.asked[side] else "no" for run in runs.values())


def table(title: str, rows: Iterable[list[str]], runs: dict[str, Run]) -> Iterator[str]:
    """A Markdown table with a column for each tool, followed by an empty line."""
    yield line([title, *runs])
    yield line(["---"] * (len(runs) + 1))
    yield from map(line, rows)
    yield ""


def line(cells: list[str]) -> str:
    """A row of a Markdown table."""
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"


if __name__ == "__main__":
    main()
