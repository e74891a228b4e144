"""`scrapy compare`, the real command, tells copies that match the original from those that do not, page by page."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import program, run_mirror
from tests.crawl.running import scrapy
from tests.modern import SCRIPTED, STATIC, picture, sites
from tests.site import Handler, Page, Server, Site, serve, serve_both


@dataclass(frozen=True)
class Said:
    """The output of the command, and its exit code."""

    code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        return json.loads(self.stdout)

    def wrong(self) -> dict[str, list[str]]:
        """Path of each page that does not match the original -> what is wrong with it."""
        return {
            re.sub("^.*?//[^/]*", "", page["url"]): page["wrong"] for page in self.json["pages"] if not page["right"]
        }


def compare(out: Path, url: str, *words: str) -> Said:
    done = scrapy("compare", str(out), url, *words)
    return Said(done.code, done.stdout, done.stderr)


@dataclass(frozen=True)
class Mirrored:
    """The online site and its copy."""

    server: Server
    out: Path


@pytest.fixture(scope="module")
def modern(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mirrored]:
    program("chromium")
    out = tmp_path_factory.mktemp("modern")
    with serve_both(*sites()) as (server, _):
        run_mirror(server.url + "/", out)
        yield Mirrored(server, out)


@contextmanager
def changed(server: Server, path: str, page: Page) -> Iterator[None]:
    before = server.site[path]
    server.site[path] = page
    yield
    server.site[path] = before


@pytest.mark.long
def test_modern_pages_match_the_original_in_replay(modern: Mirrored) -> None:
    said = compare(modern.out, modern.server.url + "/", "--json", "--walk", "--pages", "0")
    assert said.wrong() == {}, said.stdout
    assert said.json["pages_compared"] == len(STATIC) + len(SCRIPTED) + 3
    assert said.code == 0


@pytest.mark.long
def test_static_pages_match_the_original_from_the_disk(modern: Mirrored) -> None:
    said = compare(modern.out, modern.server.url + "/pages/", "--json", "--through", "file", "--pages", "0")
    assert said.wrong() == {}, said.stdout
    assert said.json["pages_compared"] == len(STATIC) + 2
    assert said.code == 0


@pytest.mark.long
def test_pages_that_do_not_work_from_a_disk_are_reported(modern: Mirrored) -> None:
    """The report has what a reader of the tree experiences: modules and data that files can't load."""
    said = compare(modern.out, modern.server.url + "/scripted/", "--json", "--through", "file", "--pages", "5")
    assert said.code == 1
    wrong = said.wrong()
    assert {"complete", "text"} <= set(wrong["/scripted/wasm"])
    assert "/scripted/dynamic" in wrong
    by_url = {page["url"]: page for page in said.json["pages"]}
    assert any(url.endswith("/add.wasm") for url in by_url[modern.server.url + "/scripted/wasm"]["lacks"])


def test_changes_are_reported_and_shown(modern: Mirrored, tmp_path: Path) -> None:
    """After mirroring, a text and a picture of the site change, and a page is deleted."""
    server, report = modern.server, tmp_path / "report.html"
    hostile = (
        "<!DOCTYPE html><title>fonts</title><body><script>alert(1)</script><p>&lt;img src=x onerror=alert(1)&gt;</p>"
    )
    with (
        changed(server, "/pages/fonts", Page(200, {"Content-Type": "text/html"}, hostile.encode())),
        changed(server, "/blue.png", Page(200, {"Content-Type": "image/png"}, picture("yellow"))),
        changed(server, "/pages/classic", Page(410, {"Content-Type": "text/html"}, b"gone")),
    ):
        said = compare(modern.out, server.url + "/pages/", "--json", "--pages", "0", "--html", str(report))
    wrong = said.wrong()
    assert wrong.pop("/pages/fonts")[0] == "text"
    assert wrong.pop("/pages/classic") == []  # a page that the site no longer has is not judged
    assert set(wrong) == {"/pages/template", "/pages/frames"}
    assert all(what == ["picture"] for what in wrong.values())
    assert said.code == 1
    page = report.read_text()
    assert page.count("data:image/webp") == 2 * len(said.json["pages"]) - 1  # there is no picture of the deleted page
    assert "&lt;img src=x onerror=alert(1)&gt;" in page
    assert "<script" not in page
    assert "onerror" not in re.sub(r"&lt;.*?&gt;", "", page)


@pytest.mark.long
def test_a_threshold_allows_for_some(modern: Mirrored) -> None:
    with changed(modern.server, "/pages/classic", Page(200, {"Content-Type": "text/html"}, b"<title>x</title>")):
        said = compare(modern.out, modern.server.url + "/pages/", "--pages", "4", "--threshold", "0.75")
    assert said.stdout.endswith("3 of 4 pages match the original (75 %)\n")
    assert f"- {modern.server.url}/pages/classic\n    text differs (" in said.stdout
    assert said.code == 0


@pytest.mark.long
def test_the_sample_of_pages_is_always_the_same(modern: Mirrored) -> None:
    ran = [compare(modern.out, modern.server.url + "/pages/", "--json", "--pages", "2") for _ in range(2)]
    urls = [[page["url"] for page in said.json["pages"]] for said in ran]
    assert urls[0] == urls[1]
    assert len(urls[0]) == 2


@pytest.mark.long
def test_differences_between_visits_of_the_original_do_not_count(tmp_path: Path) -> None:
    """A counter and a random colour do not count. Other changes do."""
    visits: list[str] = []

    def counting(handler: Handler) -> None:
        visits.append(handler.path)
        colour = ["red", "green", "blue"][len(visits) % 3]
        body = f"<title>x</title><p>Visit {len(visits)}<p>The same<p style='background: {colour}'>Coloured"
        handler.reply(Page(200, {"Content-Type": "text/html"}, body.encode()))

    site = Site().page("/", links=["/counter", "/same"]).page("/same", "<p>Steady")
    site["/counter"] = counting
    with serve(site) as server:
        run_mirror(server.url + "/", tmp_path)
        assert compare(tmp_path, server.url + "/", "--json").wrong() == {}
        site.page("/same", "<p>Changed")
        assert compare(tmp_path, server.url + "/", "--json").wrong() == {"/same": ["text", "picture"]}


def test_errors_and_failures_of_the_copy_only(tmp_path: Path) -> None:
    """The copy is made while the server lacks a script and a picture that it has later."""
    site = Site().page("/", "<script src=/s.js></script><script>window.known.word</script><img src=/late.png>")
    site.page("/missing", "<img src=/never.png><script>nobody.knows</script>")
    with serve(site.page("/start", links=["/", "/missing"])) as server:
        run_mirror(server.url + "/start", tmp_path)
        site.file("/s.js", "window.known = {}", "text/javascript").file("/late.png", picture("red"), "image/png")
        said = compare(tmp_path, server.url + "/", "--json")
    found = {page["url"].removeprefix(server.url): page for page in said.json["pages"]}
    assert found["/"]["wrong"][:2] == ["complete", "quiet"]
    assert {url.rpartition("/")[2] for url in found["/"]["lacks"]} == {"s.js", "late.png"}
    assert "undefined" in found["/"]["new_errors"][0]
    assert found["/missing"]["wrong"] == []  # a request that fails online may fail in the copy
    assert found["/missing"]["copy"]["errors"] == found["/missing"]["original"]["errors"] != []


def test_pages_that_the_site_keeps_out_of_copies_are_counted(tmp_path: Path) -> None:
    site = (
        Site()
        .page("/", "<a rel=nofollow href=/a>a</a>", links=["/b", "/b?utm_source=x", "/c", "/d"])
        .page("/a")
        .page("/d")
    )
    site.page("/b", '<meta name="robots" content="nofollow"><a href=/e>e</a>').page("/e")
    site["/b?utm_source=x"] = site["/b"]
    site.page("/c", '<meta name="robots" content="noarchive">').file(
        "/robots.txt", "User-agent: *\nDisallow: /d", "text/plain"
    )
    with serve(site) as server:
        run_mirror(server.url + "/", tmp_path, "-a", "obey=nofollow,rel,noarchive")
        said = compare(tmp_path, server.url + "/", "--walk", "--json", "--through", "file")
    assert (said.code, said.wrong(), said.json["pages_compared"]) == (0, {}, 3)  # an alias has the file of its page
    assert said.json["left_out"] == {
        "forbidden by robots.txt": 1,
        "linked from pages that say nofollow": 1,
        "linked with rel=nofollow": 1,
        "saying noarchive": 1,
    }


@pytest.mark.long
@pytest.mark.parametrize("through", ["server", "file"])
def test_a_copy_made_by_wget(modern: Mirrored, tmp_path: Path, through: str) -> None:
    wget = [program("wget"), "-q", "-m", "-k", "-p", "-E", "-P", str(tmp_path), modern.server.url + "/"]
    subprocess.run(wget, timeout=100, check=False)
    said = compare(tmp_path, modern.server.url + "/pages/", "--json", "--pages", "4", "--through", through)
    assert said.json["counts"]["reached"] == said.json["pages_compared"] == 4
    assert set(said.wrong()) == {
        "/pages/fonts",
        "/pages/pictures",
        "/pages/backgrounds",
    }  # wget fetches nothing from other hosts
    assert said.code == 1


def test_a_copy_can_not_load_from_the_site(tmp_path: Path) -> None:
    """A copy without a picture is incomplete even if the picture is online, and the site receives no request for it."""
    with serve(Site().page("/", "<p>x").file("/i.png", picture("red"), "image/png")) as server:
        page = f"<!DOCTYPE html>\n<title>/</title>\n<p>x<img src='{server.url}/i.png'>"
        (tmp_path / "index.html").write_text(page)
        said = compare(tmp_path, server.url + "/", "--json", "--through", "file")
        assert said.json["pages"][0]["lacks"] == [f"{server.url}/i.png"]
        assert "/i.png" not in server.paths


@pytest.mark.long
def test_error_messages_are_one_line(modern: Mirrored, tmp_path: Path) -> None:
    url = modern.server.url + "/"
    cases = [
        (
            compare(modern.out, url, "--browser", "/no/chromium"),
            2,
            "--browser /no/chromium is not an executable program",
        ),
        (compare(modern.out, "ftp://example.org/"), 2, "only http:// and https:// sites can be compared"),
        (compare(modern.out, url, "--threshold", "3"), 2, "a share is a number from 0 to 1"),
        (compare(modern.out, "http://other.example/"), 2, "there is no page below http://other.example/"),
        (compare(tmp_path, url, "--through", "replay"), 2, "is not an archive"),
        (compare(tmp_path / "nothing", url), 4, "there is no such folder"),
        (compare(modern.out, url, "--html", str(tmp_path), "--pages", "1"), 4, "Is a directory"),
    ]
    for said, code, words in cases:
        assert (said.code, words in said.stderr) == (code, True), said
        assert said.stdout == ""
        assert "Traceback" not in said.stderr


@pytest.mark.long
def test_a_site_that_does_not_answer_is_an_error(modern: Mirrored, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(modern.out, copy)
    with serve(Site()) as server:
        port = server.server_port
    said = compare(copy, f"http://127.0.0.1:{port}/", "--walk", "--json")
    assert said.code == 3
    assert "does not answer" in said.stderr
