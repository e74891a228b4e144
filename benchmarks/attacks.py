"""Find out what hostile servers do to mirroring tools, their copies and the files around them.

    python -m benchmarks.attacks                       # writes the table of docs/comparison.md; takes some ten minutes
    python -m benchmarks.attacks traversal             # measures the rows with this text in their names again
    python -m benchmarks.attacks --tools wget cookies  # only prints the results

Each tool mirrors each row of `tests/hostile/attacks.py` alone, from servers of its own on loopback, for at most `--timeout`
seconds and with no file over 512 MB, in a temporary folder. The home of the tool is another temporary folder, so that files
written outside of the copy are found and do no harm. Each row defines what counts as harm, the same for all tools.
"""

import argparse
import re
import resource
import signal
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from benchmarks.commands import httrack, websucker, wget
from benchmarks.constructs import ROOT, installed, version
from benchmarks.suite.measure import Cost
from benchmarks.suite.measure import run as measured
from tests.hostile.attacks import ATTACKS, HONEST, MOST_KEPT, MOST_MEMORY, TOKEN, TOKEN_ROW, Attack, plant, world

PAGE: Final = ROOT / "docs" / "comparison.md"
BEGIN: Final = "<!-- begin attacks -->\n"
END: Final = "<!-- end attacks -->"
HELD: Final = "held"
MAX_FILE_SIZE: Final = 512 << 20
STOPPED: Final = f"-{signal.SIGXFSZ}"
TOOLS: Final = ("websucker", "wget", "httrack")

SETTINGS: Final = {
    "MIRROR_PUBLIC_NETWORKS": "127.0.0.2/31",
    "MIRROR_ENDLESS_SIZE": str(8 << 20),
    "MIRROR_BACKOFF": "0.05",
    "RETRY_TIMES": "1",
}
"""Settings with which timeouts and limits take effect within seconds. 127.0.0.2 stands for the internet."""


def command(tool: str, start: str, out: str, header: str = "") -> list[str]:
    """The command as in the other comparisons, with short timeouts: 3 seconds of silence, 2 tries.

    A login and a header are passed as each tool's manual says.
    """
    if tool == "wget":
        login = _LOGIN.search(start)
        given = ["--user", login[1], "--password", login[2]] if login else []
        given += [f"--header={header}"] if header else []
        return wget(
            *(_LOGIN.sub("//", start), out, "-e", "robots=on"), *("--timeout=3", "--tries=2", "--waitretry=0", *given)
        )
    if tool == "httrack":
        given = ["--headers", header] if header else []
        return httrack(start, out, "--near", "--timeout=3", "--retries=1", "-I0", *given)
    settings = [part for name, value in SETTINGS.items() for part in ("-s", f"{name}={value}")]
    given = ["-a", f"header={header}"] if header else []
    return websucker(start, out, "-a", "timeout=3", *settings, *given)


_LOGIN: Final = re.compile(r"//(\w+):(\w+)@")


def main() -> None:
    """Run the tools. If all are installed, write their rows into the table of the page; otherwise print them."""
    parser = argparse.ArgumentParser(description="Compare what hostile servers do to mirroring tools.")
    parser.add_argument("attacks", nargs="*", help="only those with this text in their names")
    parser.add_argument("--tools", default=",".join(TOOLS), help="comma-separated, of: %(default)s")
    parser.add_argument(
        "--timeout", type=float, default=60, help="seconds for each tool and attack (default: %(default)s)"
    )
    parser.add_argument("--page", type=Path, default=PAGE, help="the page to write to (default: %(default)s)")
    options = parser.parse_args()
    tools = options.tools.split(",")
    if unknown := set(tools) - set(TOOLS):
        parser.error(f"unknown tools: {', '.join(sorted(unknown))}")
    wanted = [
        one for one in ATTACKS.values() if not options.attacks or any(text in one.name for text in options.attacks)
    ]
    resource.setrlimit(resource.RLIMIT_FSIZE, (MAX_FILE_SIZE, MAX_FILE_SIZE))
    tools = [tool for tool in tools if installed(tool)]
    outcomes: dict[str, dict[str, str]] = {}
    for attack in wanted:
        with ThreadPoolExecutor(len(tools)) as pool:
            found = pool.map(lambda tool, attack=attack: run(tool, attack, options.timeout), tools)
            outcomes[attack.name] = dict(zip(tools, found, strict=True))
        sys.stderr.write(f"{attack.name}: {outcomes[attack.name]}\n")
    if tools != list(TOOLS):
        sys.stdout.write("\n".join([*report(tools, outcomes), ""]))
        return
    before = known(options.page, tools)
    merged = {name: outcomes.get(name) or before[name] for name in ATTACKS if name in outcomes or name in before}
    write(options.page, "\n".join(report(tools, merged)))


def run(tool: str, attack: Attack, timeout: float) -> str:
    """Let a tool mirror the site of an attack, and return the outcome in a few words."""
    with tempfile.TemporaryDirectory() as folder:
        root, home = Path(folder, "around"), Path(folder, "home")
        copy = root / "copy"
        copy.mkdir(parents=True)
        home.mkdir()
        with world([attack], root) as playing:
            plant(attack, root, copy, playing.servers[attack.name].port)
            start = playing.starts[attack.name]
            environment = {"HOME": str(home), "NO_PROXY": "*", "no_proxy": "*", "PYTHONPATH": str(ROOT)}
            words = command(tool, start, str(copy), TOKEN if attack.name == TOKEN_ROW else "")
            cost = measured(words, ROOT if tool == "websucker" else home, Path(folder, "output"), timeout, environment)
            seen = playing.seen(attack.name, copy, alone=True)
    is_stopped = (
        cost.ended == STOPPED
    )  # by the file size limit of this script, so missing files are not the tool's fault
    climbed = [name for name in seen.outside if name]
    harms = [
        f"wrote outside of the copy ({ascii(climbed[0])[1:-1]})" if climbed else "",
        attack.harm(seen),
        ended(cost, timeout),
        f"took {cost.memory >> 20:,} MB of memory" if cost.memory > MOST_MEMORY else "",
        f"kept {seen.size >> 20:,} MB" if seen.size > MOST_KEPT and not (attack.heavy or is_stopped) else "",
        "" if HONEST.encode() in seen.data or attack.alone or is_stopped else "the honest page is missing",
    ]
    code = "" if cost.ended == "0" or is_stopped or not cost.ended.lstrip("-").isdigit() else f" [{cost.ended}]"
    return ("; ".join(filter(None, harms)) or HELD) + code


def ended(cost: Cost, timeout: float) -> str:
    """How the tool ended, if not normally; "" otherwise."""
    if not cost.ended.lstrip("-").isdigit():
        return f"did not end within {timeout:g} s"
    if cost.ended == STOPPED:
        return f"wrote a file of {MAX_FILE_SIZE >> 20} MB, and was stopped"
    return f"crashed (signal {cost.ended[1:]})" if cost.ended.startswith("-") else ""


def report(tools: list[str], outcomes: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    """Yield the lines of the Markdown table."""
    yield "; ".join(version(tool) for tool in tools) + "."
    yield ""
    yield row(["Attack", *tools])
    yield row(["---"] * (1 + len(tools)))
    totals = [sum(HELD in cells[tool].split(" [")[0] for cells in outcomes.values()) for tool in tools]
    yield row([f"**held, of {len(outcomes)}**", *(f"**{total}**" for total in totals)])
    for name, cells in outcomes.items():
        yield row([f"{name}", *(cells[tool] for tool in tools)])


def row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"


def known(page: Path, tools: list[str]) -> dict[str, dict[str, str]]:
    """Read the outcomes from the table of a page."""
    table = page.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0]
    rows = [line.strip("| ").split(" | ") for line in table.splitlines() if line.startswith("| ")]
    return {name: dict(zip(tools, cells, strict=True)) for name, *cells in rows if name in ATTACKS}


def write(page: Path, lines: str) -> None:
    """Replace the table in a page."""
    text = page.read_text(encoding="utf-8")
    pattern = re.compile(f"{re.escape(BEGIN)}.*?{re.escape(END)}", re.DOTALL)
    page.write_text(pattern.sub(lambda _: f"{BEGIN}{lines}\n{END}", text), encoding="utf-8")


if __name__ == "__main__":
    main()
