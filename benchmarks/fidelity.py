"""Measure how complete copies of modern sites are, with `websucker compare`, for each tool and each way to open a copy.

    python -m benchmarks.fidelity [--sites docusaurus,vitepress,react,static,scripted] [--tools websucker,wget,httrack]

The sites are those of `benchmarks.generators`, served by nginx like a typical host, and those of `tests.modern`. Each tool
mirrors each site once. Then a browser follows the links of the online site, and opens each page there and in the copy.
`--keep DIR` keeps the copies, and a report of each comparison, in DIR.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

from benchmarks.commands import httrack, websucker, wget
from benchmarks.generators import NAMES, built
from tests.browser.conftest import ROOT, Nginx
from tests.modern import sites
from tests.site import serve_both

FALLBACK: Final = {"react": "/index.html"}
"""Site -> the file that its server sends for unknown paths. An app with routes has one page for all of them."""

MODERN: Final = {"static": "pages/", "scripted": "scripted/"}
"""Site -> its folder in `tests.modern`."""

_PYTHON: Final = (sys.executable, "-m", "scrapy")
TOOLS: Final[dict[str, Callable[[str, str], list[str]]]] = {
    "websucker": lambda url, out: websucker(url, out, render="auto"),
    "websucker, not rendering": websucker,
    "wget": wget,
    "httrack": lambda url, out: httrack(url, out, "--near"),
}
"""Tool -> the command that mirrors a URL into a folder."""

WAYS: Final = {"websucker": ("replay", "file"), "websucker, not rendering": ("replay", "file")}
OTHERS: Final = ("server", "file")
SECONDS: Final = 600
MAX_PAGES: Final = 40

HEAD: Final = (
    "| Site | Copy | opened by | pages | reached | complete | no new errors | same text | same picture | all of it |"
)


def main() -> None:
    """Mirror, compare, and print a table."""
    parser = argparse.ArgumentParser(description="Measure how complete copies of modern sites are.")
    parser.add_argument("--sites", default=",".join([*NAMES, *MODERN]))
    parser.add_argument("--tools", default="websucker;wget;httrack", help="separated by ; of: " + "; ".join(TOOLS))
    parser.add_argument("--keep", type=Path, help="a folder for copies and reports")
    options = parser.parse_args()
    print(HEAD)
    print("|---" * HEAD.count(" |") + "|", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        home = options.keep or Path(folder)
        for site in options.sites.split(","):
            with served(site) as url:
                for tool in options.tools.split(";"):
                    for line in measured(site, tool, url, home / f"{site}-{tool.replace(', ', '-').replace(' ', '-')}"):
                        print(line, flush=True)


@contextmanager
def served(site: str) -> Iterator[str]:
    """Serve a site on loopback. Yields its start URL."""
    with ExitStack() as stack:
        if site in MODERN:
            server, _ = stack.enter_context(serve_both(*sites()))
            yield f"{server.url}/{MODERN[site]}"
            return
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        home.chmod(0o755)
        nginx = Nginx(shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin") or "nginx", home)
        stack.callback(nginx.stop)
        yield nginx.serve(built(site).folder, FALLBACK.get(site, ""))


def measured(site: str, tool: str, url: str, out: Path) -> Iterator[str]:
    """Let a tool copy a site. Yield a row for each way to open the copy."""
    shutil.rmtree(out, ignore_errors=True)
    subprocess.run(TOOLS[tool](url, str(out)), cwd=ROOT, capture_output=True, timeout=SECONDS, check=False)
    for way in WAYS.get(tool, OTHERS):
        found = compared(out, url, way)
        counts = found["counts"]
        cells = [site, tool, way, found["pages_compared"]]
        cells += [counts[name] for name in ("reached", "complete", "quiet", "text", "picture", "right")]
        yield f"| {' | '.join(map(str, cells))} |"


def compared(out: Path, url: str, way: str) -> dict[str, Any]:
    """Run `compare` on a copy, and return its result."""
    words = ["--walk", "--pages", str(MAX_PAGES), "--through", way, "--json", "--html", f"{out}.{way}.html"]
    command = [*_PYTHON, "compare", str(out), url, *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if not done.stdout:
        sys.exit(done.stderr)
    result: dict[str, Any] = json.loads(done.stdout)
    Path(f"{out}.{way}.json").write_text(done.stdout)
    return result


if __name__ == "__main__":
    main()
