"""The tools that take part, and their command lines, which are defined only here."""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.metadata import version as distribution
from pathlib import Path
from typing import Final, Literal

import mirror

WEBSUCKER: Final = "websucker"
SPIDER: Final = Path(__file__).with_name("bare_spider.py")

NO_LIMITS: Final = ("-A0", "-%c0", "--disable-security-limits")
"""Options for HTTrack without limits on bytes and connections per second."""

Command = Callable[[str, Path], list[str]]
"""(start URL, output folder) -> the words of a command."""


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool with its options, under a name for display.

    `against` is the name of the Websucker run by which its figures are divided. A tool with `once` is so slow that it takes
    part in the first round only, and not in quick runs. `entry` is the path of the start page below the root of the site.
    `judged` says whether to judge the whole copy, only its files (if rewriting links is not part of the tool's work), or only
    the requests to the server. `again` has additional words for a second run.
    """

    name: str
    program: str
    command: Command
    against: str = WEBSUCKER
    once: bool = False
    entry: str = ""
    judged: Literal["copy", "files", "requests"] = "copy"
    again: tuple[str, ...] = ()

    @property
    def installed(self) -> bool:
        return self.program in {WEBSUCKER, "scrapy"} or shutil.which(self.program) is not None


def connections(count: int, to_a_host: int = 0) -> tuple[str, ...]:
    """Options of Websucker and Scrapy for this number of connections, all to one host, or so many to each."""
    return "-s", f"CONCURRENT_REQUESTS={count}", "-s", f"CONCURRENT_REQUESTS_PER_DOMAIN={to_a_host or count}"


def websucker(*words: str, name: str = WEBSUCKER, against: str = WEBSUCKER, entry: str = "") -> Tool:
    """Websucker as the README shows, with additional words."""

    def command(url: str, out: Path) -> list[str]:
        crawl = [sys.executable, "-m", "scrapy", "crawl", "mirror", "-a", "render=never"]  # the others have no browser
        return [*crawl, "-a", f"start={url}", "-a", f"out={out}", *words]

    return Tool(name, WEBSUCKER, command, against, entry=entry)


def bare(
    *words: str, name: str = "scrapy, bare", against: str = WEBSUCKER, entry: str = "", once: bool = False
) -> Tool:
    def command(url: str, out: Path) -> list[str]:
        crawl = [sys.executable, "-m", "scrapy", "runspider", str(SPIDER)]
        return [*crawl, "-a", f"start={url}", "-a", f"out={out}", *words]

    return Tool(name, "scrapy", command, against, once, entry, judged="files")


def wget(*words: str, name: str = "wget") -> Tool:
    return Tool(name, "wget", lambda url, out: ["wget", "-q", "-m", "-k", "-p", "-E", *words, "-P", str(out), url])


def wget2(threads: int | None, against: str = WEBSUCKER) -> Tool:
    """wget2 with this number of threads, or with its default of five."""
    words = [f"--max-threads={threads}"] if threads else []
    name = f"wget2, {threads} threads" if threads else "wget2"
    return Tool(
        name, "wget2", lambda url, out: ["wget2", "-q", "-m", "-k", "-p", "-E", *words, "-P", str(out), url], against
    )


def httrack(*words: str, name: str = "httrack", against: str = WEBSUCKER, once: bool = False) -> Tool:
    return Tool(
        name,
        "httrack",
        lambda url, out: ["httrack", url, "-O", str(out), "-q", *words],
        against,
        once,
        again=("--update",),
    )


def httrack_without_limits(sockets: int, *words: str, against: str = WEBSUCKER, once: bool = False) -> Tool:
    return httrack(
        f"-c{sockets}", *NO_LIMITS, *words, name=f"httrack -c{sockets}, no limits", against=against, once=once
    )


def many_starts(tool: Tool, before: str) -> Tool:
    """The tool with a file of URLs in the place of one: `before` and the name of the file are one word for its program."""
    return replace(tool, command=lambda starts, out: tool.command(before + starts, out))


IN_FOLDER: Final = 'mkdir -p "$1" && shift && exec "$@"'
"""Makes a folder, then runs a command. HTTrack fails if another process makes one of the same folders at the same time."""


def side_by_side(tool: Tool, processes: int) -> Tool:
    """A process of the tool for each URL of a file, so many at a time, and each in a folder of its own."""

    def command(starts: str, out: Path) -> list[str]:
        place, words = str(out / "{}"), tool.command("{}", out / "{}")
        return ["xargs", "-a", starts, f"-P{processes}", "-I{}", "sh", "-c", IN_FOLDER, "sh", place, *words]

    return replace(tool, name=f"{tool.name}, {processes} processes", command=command)


def curl() -> Tool:
    return Tool("curl", "curl", lambda url, out: ["curl", "-sSf", "--create-dirs", "-o", str(out / "large.bin"), url])


def versions(programs: list[str]) -> dict[str, str]:
    """Program -> its version, for installed programs; includes nginx and Python."""
    own = {
        WEBSUCKER: mirror.__version__,
        "scrapy": distribution("scrapy"),
        "python": ".".join(map(str, sys.version_info[:3])),
    }
    found = {name: _version(name) for name in [*programs, "nginx"] if name not in own}
    return own | {name: version for name, version in found.items() if version}


def _version(program: str) -> str:
    """The first version number in a program's version output; "" if it is not installed."""
    path = shutil.which(program) or shutil.which(program, path="/usr/sbin")
    if path is None:
        return ""
    done = subprocess.run(
        [path, "-v" if program == "nginx" else "--version"], capture_output=True, text=True, check=False
    )
    found = re.search(r"\d+\.\d+(?:[.-]\d+)*", done.stdout + done.stderr)
    return found[0] if found else ""
