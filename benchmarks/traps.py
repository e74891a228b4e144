"""Run each tool on each site with a trap, and print how many URLs it requested.

    python -m benchmarks.traps [--seconds 15] [--tools websucker,wget,httrack] [--traps calendar,facets]

The sites are those of `tests.traps`: thirty-three honest pages, each with a link to a trap. A tool that has not ended after
`--seconds` is killed. Websucker has four times as long, and the budgets of the tests.
"""

import argparse
import subprocess
import tempfile
from collections.abc import Callable
from typing import Final

from benchmarks.commands import httrack, websucker, wget
from tests.site import serve
from tests.traps import ARTICLES, NAVIGATION, TRAPS, Endless, Row

HONEST: Final = frozenset({*NAVIGATION, *ARTICLES})
PATIENCE: Final = 4
COMMANDS: Final[dict[str, Callable[[str, str, Row], list[str]]]] = {
    "websucker": lambda url, out, row: websucker(
        *(url, out, "-s", "MIRROR_PROGRESS=off"),
        *(word for name, value in row.settings.items() for word in ("-s", f"{name}={value}")),
    ),
    "wget": lambda url, out, _: wget(url, out, "-Q", "100m"),
    "httrack": lambda url, out, _: httrack(url, out, "-r9999", "-I0"),
}
"""Tool -> the command that mirrors a URL into a folder."""


def main() -> None:
    """Print a table: for each trap and tool, how many URLs of the trap it requested, and whether it ended by itself."""
    parser = argparse.ArgumentParser(description="Compare tools on traps.")
    parser.add_argument("--seconds", type=int, default=15)
    parser.add_argument("--tools", default=",".join(COMMANDS))
    parser.add_argument("--traps", default=",".join(TRAPS))
    words = parser.parse_args()
    tools = words.tools.split(",")
    print(f"| trap | {' | '.join(tools)} |\n|---|{'---|' * len(tools)}")
    for name in words.traps.split(","):
        cells = [cell(tool, TRAPS[name], words.seconds) for tool in tools]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


def cell(tool: str, row: Row, seconds: int) -> str:
    """Run one tool on one trap, and return the outcome in words."""
    with serve(Endless(row.site)) as server, tempfile.TemporaryDirectory() as out:
        command = COMMANDS[tool](f"{server.url}/", out, row)
        running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            running.wait(timeout=seconds * (PATIENCE if tool == "websucker" else 1))
            end = "ended"
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()
            end = "killed"
        asked = {path for path in server.paths if path != "/robots.txt"}
    missed = len(HONEST - asked)
    return f"{end}, {len(asked - HONEST):,}" + (f", {missed} pages of the site missed" if missed else "")


if __name__ == "__main__":
    main()
