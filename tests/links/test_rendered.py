"""Links of pages that scripts build: what a browser saw counts."""

import json
from pathlib import Path

import pytest

from tests.browser.conftest import program
from tests.crawl.running import websucker
from tests.site import Server, Site, serve

SCRIPT = """<div id=app></div><script>
const add = html => document.body.insertAdjacentHTML('beforeend', html);
add('<h2 id=made>Made</h2><a href="/one">1</a><a href="/dead">x</a>');
</script>"""


def site() -> Site:
    named = "<p><script>document.currentScript.parentNode.id = 'late'</script></p>"
    return Site().page("/", SCRIPT, links=["#made", "/two#late"]).page("/one").page("/two", named)


def report(server: Server, out: Path, render: str) -> dict[str, list[str]]:
    websucker(server.url, "-o", out, "-q", "--render", render, "--browser", program("chromium"))
    found: dict[str, list[str]] = {}
    for one in json.loads(websucker("links", out, "--json").stdout)["problems"]:
        found.setdefault(one["kind"], []).append(one["target"].removeprefix(server.url))
    return found


@pytest.mark.parametrize("render", ["always", "dom"])
def test_what_a_browser_saw_counts(tmp_path: Path, render: str) -> None:
    with serve(site()) as server:
        assert report(server, tmp_path / "x", render) == {"broken": ["/dead"]}


def test_without_a_browser_only_the_source_counts(tmp_path: Path) -> None:
    with serve(site()) as server:
        assert report(server, tmp_path / "x", "never") == {"fragment": ["/#made", "/two#late"], "orphan": ["/one"]}
