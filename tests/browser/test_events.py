"""The event of a page that a browser opened."""

import json
from pathlib import Path

from playwright.sync_api import Browser

from tests.crawl.running import mirror
from tests.site import Site, serve

PAGE = "<link rel=icon href=data:,><div id=root></div><script>root.innerHTML = '<a href=/a>a</a>'</script>"


def test_a_page_that_was_rendered_is_told_of(browser: Browser, tmp_path: Path) -> None:
    with serve(Site().page("/", PAGE).page("/a")) as server:
        done = mirror(f"{server.url}/", tmp_path / "out", "render=always", f"events={tmp_path / 'events'}")
    assert done.code == 0, done.stderr
    events = [json.loads(line) for line in (tmp_path / "events").read_text().splitlines()]
    rendered = {one["url"]: one for one in events if one["event"] == "rendered"}
    assert set(rendered) == {f"{server.url}/", f"{server.url}/a"}
    assert rendered[f"{server.url}/"]["found"] >= 1
    assert rendered[f"{server.url}/"]["outcome"] == ""
