"""Measure the cost of rendering, on a site whose pages are built by scripts, some of which allocate memory without end.

    python -m benchmarks.rendering [--pages 300]

Prints the seconds and the peak memory (PSS of all processes: the crawl, playwright's driver, Chromium) without rendering, with
rendering, and with the pages of `HUNGRY` among the others.
"""

import argparse
import json
import tempfile
from pathlib import Path
from typing import Final

from benchmarks.commands import websucker
from benchmarks.suite.measure import run
from tests.browser.conftest import ROOT
from tests.site import HTML, Site, serve

HUNGRY: Final = {
    "objects": "for (;;) all.push(new Array(1e6).fill(all.length))",
    "buffers": "for (;;) all.push(new Uint8Array(1 << 24).fill(1))",
    "webassembly": (
        "for (;;) { const m = new WebAssembly.Memory({initial: 999}); new Uint8Array(m.buffer).fill(1); all.push(m) }"
    ),
    "nodes": "for (;;) document.body.append('x'.repeat(1e4) + Math.random())",
    "canvases": (
        "setInterval(() => { const c = document.createElement('canvas'); c.width = c.height = 4000;"
        " c.getContext('2d').fillRect(0, 0, 9, 9); document.body.append(c) }, 5)"
    ),
    "workers": (
        "for (let n = 0; n < 20; n++) new Worker(URL.createObjectURL(new Blob(["
        "'const all = []; for (;;) all.push(new Array(1e6).fill(all.length))'])))"
    ),
}
"""What a page allocates without end -> its script."""

_SHELL: Final = (
    '<!DOCTYPE html><title>x</title><link rel=icon href=data:,><div id=root></div><script src="/app.js"></script>'
)
_APP: Final = """const name = location.pathname.slice(1) || "0"
fetch(`/data/${name}.json`).then(a => a.json()).then(d => {
    root.innerHTML = `<img src=/${name}.svg>` + d.links.map(n => `<p>${"words ".repeat(200)}<a href="/${n}">${n}</a>`).join("")
})"""
_SECONDS: Final = 3600


def site(pages: int, hungry: dict[str, str]) -> Site:
    """Pages that are empty without their script. Each links to two others."""
    made = Site().file("/app.js", _APP, "text/javascript")
    for n in range(pages):
        links: list[int | str] = [m for m in (2 * n + 1, 2 * n + 2) if m < pages]
        made.file(f"/{n}" if n else "/", _SHELL, HTML)
        made.file(f"/data/{n}.json", json.dumps({"links": links + ([] if n else list(hungry))}), "application/json")
        made.file(f"/{n}.svg", f"<svg xmlns='http://www.w3.org/2000/svg'><!--{n}--></svg>", "image/svg+xml")
    for name, script in hungry.items():
        made.file(f"/{name}", f"<!DOCTYPE html><body><script>const all = []; {script}</script>", HTML)
    return made


def main() -> None:
    """Mirror the site in three ways, and print the cost of each."""
    parser = argparse.ArgumentParser(description="Measure what rendering costs.")
    parser.add_argument("--pages", type=int, default=300)
    options = parser.parse_args()
    for render, hungry in (("never", {}), ("always", {}), ("always", HUNGRY)):
        with tempfile.TemporaryDirectory() as folder, serve(site(options.pages, hungry)) as server:
            out = Path(folder) / "out"
            cost = run(websucker(f"{server.url}/", str(out), render=render), ROOT, Path(folder) / "output", _SECONDS)
            summary = [
                line for line in (Path(folder) / "output").read_text().splitlines() if line.startswith("Rendered")
            ]
            found = sum(path.startswith("/data/") for path in server.paths)
        which = f"{render}, {len(hungry)} hungry"
        print(
            f"{which}: {cost.memory / 1e6:,.0f} MB, {cost.wall:.0f} s, ended {cost.ended}, {found} pages; {summary}",
            flush=True,
        )


if __name__ == "__main__":
    main()
