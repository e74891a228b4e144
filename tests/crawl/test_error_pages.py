"""Crawls whose start is answered with an error and a page."""

from pathlib import Path
from typing import Final, NamedTuple

import pytest

from tests.crawl.running import mirror, publish, rows, tree, websucker
from tests.mirroring import folder
from tests.replay.serving import served
from tests.site import HTML, PNG, Page, Site, serve

PAGE: Final = b"<!DOCTYPE html><html><head><title>App</title></head><img src=/a.png><a href=/next>Next</a></html>"
MARK: Final = '<meta name="prerender-status-code" content="{}">'


def site() -> Site:
    """`/start` and `/gone` are errors with a page; `/dead` is linked only."""
    here = Site().page("/next", links=["/dead"]).file("/a.png", PNG, "image/png").page("/", links=["/start"])
    for path, status in (("/start", 404), ("/gone", 410), ("/dead", 404), ("/down", 503), ("/members", 403)):
        here[path] = Page(status, {"Content-Type": HTML, "ETag": '"1"'}, PAGE)
    here.redirect("/old", "/start")
    here["/data"] = Page(404, {"Content-Type": "application/json"}, b'{"error": "not found"}')
    here["/empty"] = Page(404, {"Content-Type": HTML})
    return here


class Row(NamedTuple):
    start: str
    code: int
    told: str
    kept: str | None


@pytest.mark.parametrize(
    "row",
    [
        Row(
            "/start",
            1,
            "The server answers 404 Not Found for 1 start, such as {url}/start; the page was kept",
            "/start",
        ),
        Row("/gone", 1, "The server answers 410 Gone for 1 start, such as {url}/gone; the page was kept", "/gone"),
        Row(
            "/old", 1, "The server answers 404 Not Found for 1 start, such as {url}/start; the page was kept", "/start"
        ),
        Row("/data", 3, "404 Not Found: {url}/data", None),
        Row("/empty", 3, "404 Not Found: {url}/empty", None),
        Row("/missing", 3, "404 Not Found: {url}/missing", None),
        Row("/down", 3, "503 Service Unavailable: {url}/down", None),
        Row("/members", 3, "403 Forbidden: {url}/members", None),
        Row("/", 1, "404 Not Found: {url}/start (on {url}/)", None),
    ],
    ids=lambda row: row.start,
)
def test_a_start_that_is_an_error(row: Row, tmp_path: Path) -> None:
    with serve(site()) as server:
        done = mirror(server.url + row.start, tmp_path, settings={"RETRY_TIMES": "0"})
    assert done.code == row.code, done.stderr
    assert row.told.format(url=server.url) in done.stderr
    assert (" kept, with this status" in done.stderr) == bool(row.kept)
    errors = rows(
        tmp_path, "SELECT url FROM resources JOIN urls ON urls.id = url_id WHERE status >= 400 AND path NOT NULL"
    )
    assert errors == ([(server.url + row.kept,)] if row.kept else [])
    assert ("/next" in server.paths) == bool(row.kept)


def test_the_page_is_kept_with_its_status_and_followed(tmp_path: Path) -> None:
    with serve(site()) as server:
        done = mirror(f"{server.url}/start", tmp_path, settings={"MIRROR_PROGRESS": "lines"})
    here = tmp_path / folder(server.url)
    copy = here / "start~.html"
    mark = MARK.format("404 Not Found")
    assert copy.read_text() == PAGE.decode().replace("<head>", f"<head>{mark}").replace("/a.png", "a.png").replace(
        "/next", "next~.html"
    )
    assert f"{server.url}/start -> {copy}" in done.stdout
    assert f"Failed: 1 URL (404 Not Found)\n  404 Not Found: {server.url}/dead" in done.stderr
    assert not (here / "dead~.html").exists()
    assert "in the tree (answered with 404 Not Found)" in websucker("why", tmp_path, f"{server.url}/start").stdout
    before = tree(tmp_path)
    copy.unlink()
    publish(tmp_path)
    assert tree(tmp_path) == before
    with served(tmp_path) as replay:
        answer = replay.get(f"{server.url}/start")
        assert (answer.status, "<title>App" in answer.text, MARK in answer.text) == (404, True, False)
        assert "etag" not in answer.headers


def test_several_starts(tmp_path: Path) -> None:
    with serve(site()) as server:
        done = mirror(f"{server.url}/next,{server.url}/start,{server.url}/gone,{server.url}/empty", tmp_path)
    assert done.code == 1
    for told in ("404 Not Found for 1 start", "410 Gone for 1 start", f"404 Not Found: {server.url}/empty"):
        assert told in done.stderr


def test_later_runs(tmp_path: Path) -> None:
    """The same again is no change, an error keeps it, a good page replaces it, and a good page is not replaced by it."""
    with serve(site()) as server:
        start, copy = f"{server.url}/start", tmp_path / folder(server.url) / "start~.html"
        mirror(start, tmp_path)
        before = tree(tmp_path)
        again = mirror(start, tmp_path)
        assert (again.code, tree(tmp_path)) == (1, before)
        assert "Since the previous snapshot: nothing changed" in again.stderr
        server.site["/start"] = lambda request: request.reply(Page(304, {"ETag": '"1"'}))
        assert (mirror(start, tmp_path).code, tree(tmp_path)) == (1, before)
        server.site["/start"] = Page(500, {"Content-Type": HTML}, b"broken")
        failed = mirror(start, tmp_path, settings={"RETRY_TIMES": "0"})
        assert "Kept the last good copy of 1 URL" in failed.stderr
        assert tree(tmp_path) == before
        server.site["/start"] = Page(404, {"Content-Type": HTML}, PAGE.replace(b"App", b"Other"))
        assert (mirror(start, tmp_path).code, "Other" in copy.read_text()) == (1, True)
        server.site.page("/start", "Good")
        good = mirror(start, tmp_path)
        assert ("Good" in copy.read_text(), MARK in copy.read_text(), "kept" in good.stderr) == (True, False, False)
        server.site["/start"] = Page(404, {"Content-Type": HTML}, PAGE)
        held = mirror(start, tmp_path)
        assert (held.code, "Good" in copy.read_text()) == (5, True)
