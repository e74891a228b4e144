"""Whole crawls obey what hosts and pages ask of robots, and `why` reports it."""

import gzip
import json
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from threading import Event
from typing import Final

import pytest

from tests.crawl.running import mirror, rows, scrapy
from tests.mirroring import dangling, folder
from tests.site import Handler, Page, Resource, Server, Site, serve, serve_both
from tests.warm import Done

RULES = "User-agent: *\nDisallow: /a\n"
META = '<meta name="robots" content="{}">'


def asked(server: Server) -> set[str]:
    return set(server.paths) - {"/robots.txt"}


def why(out: Path, url: str) -> str:
    return scrapy("why", str(out), url).stdout


# robots.txt


def test_a_long_robots_txt_is_obeyed_as_far_as_it_is_read(tmp_path: Path) -> None:
    lines = ["User-agent: *", *(f"Disallow: /x/{number:040}" for number in range(8000)), "Disallow: /a"]
    site = (
        Site().page("/", links=["/a", "/b"]).page("/a").page("/b").file("/robots.txt", "\n".join(lines), "text/plain")
    )
    with serve(site) as server:
        done = mirror(server.url, tmp_path)
    assert asked(server) == {"/", "/b"}
    assert done.code == 0


def _endless(body: bytes, headers: Mapping[str, str]) -> Callable[[Handler], None]:
    """Send a robots.txt of 64 MB, whether the client still listens or not."""

    def robots(request: Handler) -> None:
        request.close_connection = True
        request.send_response(200)
        for name, value in {"Content-Type": "text/plain", "Connection": "close", **headers}.items():
            request.send_header(name, value)
        request.end_headers()
        for _ in range((64 << 20) // len(body)):
            request.wfile.write(body)

    return robots


_RULES = f"User-agent: *\nDisallow: /a\n{'# and more ' * 100}\n".encode()
_LONG = _RULES + b"\n" * (5 << 20)


@pytest.mark.parametrize(
    "robots",
    [
        pytest.param(Page(200, {}, _LONG), id="5 MB"),
        pytest.param(Page(200, {"Content-Encoding": "gzip"}, gzip.compress(_RULES + bytes(64 << 20))), id="a bomb"),
        pytest.param(_endless(_RULES * 100, {}), id="endless"),
        pytest.param(_endless(_RULES * 100, {"Content-Length": str(1 << 40)}), id="a terabyte", marks=pytest.mark.long),
        pytest.param(Page(404, {}, _LONG), id="404 of 5 MB", marks=pytest.mark.long),
        pytest.param(
            Page(404, {"Content-Encoding": "gzip"}, gzip.compress(bytes(64 << 20))),
            id="404 bomb",
            marks=pytest.mark.long,
        ),
    ],
)
def test_of_a_longer_robots_txt_the_beginning_counts(tmp_path: Path, robots: Resource) -> None:
    site = Site().page("/", links=["/a", "/b"]).page("/a").page("/b")
    site["/robots.txt"] = robots
    with serve(site) as server:
        done = mirror(server.url, tmp_path)
    there_is_one = not (isinstance(robots, Page) and robots.status == 404)
    assert asked(server) == ({"/", "/b"} if there_is_one else {"/", "/a", "/b"})
    assert (done.code, "Traceback" in done.stderr) == (0, False)
    assert server.paths.count("/robots.txt") == 1


def test_a_robots_txt_that_trickles_times_out(tmp_path: Path) -> None:
    """It is never silent, and as fast as anything has to be, but it would take hours."""
    over = Event()

    def robots(request: Handler) -> None:
        request.close_connection = True
        request.send_response(200)
        request.end_headers()
        while not over.wait(0.1):
            request.wfile.write(b"#" * 99 + b"\n")
            request.wfile.flush()

    site = Site().page("/")
    site["/robots.txt"] = robots
    with serve(site) as server:
        done = mirror(server.url, tmp_path, "timeout=1", settings={"RETRY_TIMES": "0"})
        over.set()
    assert done.code == 3
    assert "timed out" in done.stderr


def test_a_redirect_to_another_host_is_followed_and_holds_for_this_one(tmp_path: Path) -> None:
    site = Site().page("/", links=["/a", "/b"]).page("/a").page("/b").redirect("/robots.txt", "{other}/rules")
    other = Site().redirect("/rules", "{other}/more").file("/more", "User-agent: *\nDisallow: /b\n")
    site.redirect("/more", "/all").file("/all", RULES)
    with serve_both(site, other) as (server, second):
        done = mirror(server.url, tmp_path)
        assert asked(server) == {"/", "/b", "/more", "/all"}
        assert second.paths == ["/rules"]
        assert "forbidden by robots.txt: Disallow: /a (line 2)" in why(tmp_path, f"{server.url}/a")
    assert done.code == 0


def test_a_robots_txt_that_leads_to_the_home_page_takes_nothing_from_it(tmp_path: Path) -> None:
    site = Site().page("/", links=["/a"]).page("/a").redirect("/robots.txt", "/")
    with serve(site) as server:
        done = mirror(server.url, tmp_path)
    assert asked(server) == {"/", "/a"}
    assert done.code == 0
    assert dangling(tmp_path) == []


@pytest.mark.parametrize("hops", [5, 6])
def test_five_redirects_are_followed_and_no_more(tmp_path: Path, hops: int) -> None:
    site = Site().page("/", links=["/a"]).page("/a").redirect("/robots.txt", "/1").file(f"/{hops}", RULES)
    for number in range(1, hops):
        site.redirect(f"/{number}", f"/{number + 1}")
    with serve(site) as server:
        mirror(server.url, tmp_path)
    assert ("/a" in asked(server)) == (hops > 5)


def test_a_redirect_without_a_target_forbids_everything(tmp_path: Path) -> None:
    site = Site().page("/", links=["/a"]).page("/a")
    site["/robots.txt"] = Page(302)
    with serve(site) as server:
        done = mirror(server.url, tmp_path)
    assert asked(server) == set()  # not a valid redirect, so the rules are unknown
    assert "robots.txt can't be had: 302 Found" in done.stderr


@pytest.mark.parametrize("fresh", ["86400", "0"])
def test_the_rules_hold_for_a_day(tmp_path: Path, fresh: str) -> None:
    site = Site().page("/", links=["/a", "/b"]).page("/a", links=["/c"]).page("/b").page("/c").file("/robots.txt", "")
    with serve(site) as server:
        assert mirror(server.url, tmp_path, settings={"MIRROR_ROBOTS_FRESH": fresh}).code == 0
    assert (server.paths.count("/robots.txt") == 1) == (fresh != "0")


def test_rules_that_were_fetched_once_hold_for_the_run(tmp_path: Path) -> None:
    site = Site().page("/", links=["/b"]).page("/b", links=["/a", "/c"]).page("/a").page("/c")
    answers = iter([Page(200, {}, RULES.encode())])
    site["/robots.txt"] = lambda request: request.reply(next(answers, Page(500)))
    with serve(site) as server:
        done = mirror(server.url, tmp_path, settings={"MIRROR_ROBOTS_FRESH": "0"})
    assert asked(server) == {"/", "/b", "/c"}
    assert server.paths.count("/robots.txt") > 1
    assert done.code == 0


@pytest.mark.parametrize("kept", [True, False], ids=["rules of before", "none"])
@pytest.mark.parametrize("days", [29, pytest.param(31, marks=pytest.mark.long)])
def test_a_host_whose_rules_have_failed_for_a_month(tmp_path: Path, days: int, *, kept: bool) -> None:
    site = Site().page("/", links=["/a", "/b"]).page("/a").page("/b")
    quick = {"RETRY_TIMES": "0"}
    site["/robots.txt"] = Page(200, {}, RULES.encode()) if kept else Page(503)
    with serve(site) as server:
        mirror(server.url, tmp_path, settings=quick)
        site["/robots.txt"] = Page(503)
        mirror(server.url, tmp_path, settings=quick)
        age(tmp_path, days)
        server.requests.clear()
        done = mirror(server.url, tmp_path, settings=quick)
    assert asked(server) == (set() if days == 29 else {"/", "/b"} if kept else {"/", "/a", "/b"})
    assert ("robots.txt can't be had: 503 Service Unavailable" in done.stderr) == (days == 29)


def age(out: Path, days: int) -> None:
    with closing(sqlite3.connect(out / ".mirror" / "manifest.sqlite")) as manifest:
        earlier = f"strftime('%Y-%m-%dT%H:%M:%S+00:00', started, '-{days} days')"
        manifest.execute(f"UPDATE snapshots SET started = {earlier}")
        manifest.commit()


def test_why_tells_the_line(tmp_path: Path) -> None:
    site = Site().page("/", links=["/private/x", "/b"]).page("/b")
    site.file("/robots.txt", "# ours\nUser-agent: websucker\nAllow: /b\n\nDisallow: /private # and this\n")
    with serve(site) as server:
        mirror(server.url, tmp_path)
        said = why(tmp_path, f"{server.url}/private/x")
        told = json.loads(scrapy("why", str(tmp_path), f"{server.url}/private/x", "--json").stdout)
        assert f"not fetched, forbidden by robots.txt: Disallow: /private (line 5), found on {server.url}/" in said
        assert told["decision"]["rule"] == "Disallow: /private (line 5)"
        assert "line" not in why(tmp_path, f"{server.url}/b")


# Pages

PAGES = (
    Site()
    .page("/", '<a rel="nofollow" href="/rel">', links=["/nofollow", "/header", "/noindex", "/noarchive", "/old"])
    .page("/nofollow", META.format("nofollow") + '<img src="/x.png">', links=["/n"])
    .page("/header", links=["/h"], headers={"X-Robots-Tag": "otherbot: none, websucker: nofollow"})
    .page("/noindex", META.format("noindex"), links=["/i"])
    .page("/noarchive", links=["/c"], headers={"X-Robots-Tag": "noarchive"})
    .page("/old", META.format("unavailable_after: 2020-01-01"))
    .file("/x.png", b"x", "image/png")
)
for path in ("/rel", "/n", "/h", "/i", "/c"):
    PAGES.page(path)
ALL = {*PAGES}


def pages(tmp_path: Path, server: Server, *words: str, settings: dict[str, str] | None = None) -> tuple[Done, set[str]]:
    """The ended run, and which paths have a file in the tree."""
    done = mirror(server.url, tmp_path, *words, settings=settings)
    assert dangling(tmp_path) == []
    there = rows(
        tmp_path, "SELECT url FROM resources JOIN urls ON urls.id = url_id WHERE path IS NOT NULL AND until IS NULL"
    )
    return done, {str(url).removeprefix(server.url) for (url,) in there} - {"/robots.txt"}


@pytest.mark.parametrize(
    ("words", "settings", "unasked", "left_out"),
    [
        ([], {}, {"/n", "/h"}, set()),
        pytest.param(["obey=none"], {}, set(), set(), marks=pytest.mark.long),
        pytest.param(["obey=nofollow,rel"], {}, {"/n", "/h", "/rel"}, set(), marks=pytest.mark.long),
        (["obey=noindex,noarchive"], {}, set(), {"/noindex", "/noarchive", "/old"}),
        pytest.param(["obey=nofollow,noindex"], {}, {"/n", "/h"}, {"/noindex", "/old"}, marks=pytest.mark.long),
        (["obey=nofollow,rel,noindex,noarchive"], {"ROBOTSTXT_OBEY": "0"}, set(), set()),
    ],
)
def test_robots_directives_of_pages_are_obeyed_as_the_user_wants(
    tmp_path: Path, words: list[str], settings: dict[str, str], unasked: set[str], left_out: set[str]
) -> None:
    with serve(PAGES) as server:
        done, there = pages(tmp_path, server, *words, settings=settings)
        assert asked(server) == ALL - unasked
        assert there == ALL - unasked - left_out
        assert done.code == 0
        again, there = pages(tmp_path, server, *words, settings=settings)
    assert there == ALL - unasked - left_out
    assert "Skipped" in again.stderr or not unasked | left_out


def test_the_directives_of_pages_are_reported(tmp_path: Path) -> None:
    with serve(PAGES) as server:
        done, _ = pages(tmp_path, server, "obey=nofollow,rel,noindex,noarchive")
        said = {
            path: why(tmp_path, server.url + path)
            for path in ("/n", "/h", "/rel", "/noindex", "/noarchive", "/old", "/x.png")
        }
    assert (
        f'linked from pages that say nofollow: <meta name="robots" content="nofollow">, found on {server.url}/nofollow'
        in said["/n"]
    )
    assert "that say nofollow: X-Robots-Tag: otherbot: none, websucker: nofollow, found" in said["/h"]
    assert "not fetched, linked with rel=nofollow, found on" in said["/rel"]
    assert 'left out, saying noindex: <meta name="robots" content="noindex">' in said["/noindex"]
    assert "left out, saying noarchive: X-Robots-Tag: noarchive" in said["/noarchive"]
    assert "left out, saying noindex: <meta" in said["/old"]
    assert "left out" not in said["/x.png"]
    assert "linked from pages that say nofollow: 2" in done.stderr
    assert "saying noindex: 2" in done.stderr


LEADS_NOWHERE: Final = (
    Site().page("/", META.format("index, nofollow"), links=["/a", "/b?x=1"]).page("/a").page("/b?x=1")
)


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        ([], 1, True),
        (["obey=none"], 0, False),
        (["depth=0"], 0, False),
        (["limit=1"], 0, True),
        (["include=/a"], 1, True),
    ],
)
def test_a_start_that_leads_nowhere_by_nofollow_is_a_failure(
    tmp_path: Path, words: list[str], code: int, *, told: bool
) -> None:
    """The summary says what was obeyed, what it cost and the option; links that the user does not want cost nothing."""
    with serve(LEADS_NOWHERE) as server:
        done = mirror(server.url, tmp_path, *words)
    links = "1 link" if words == ["include=/a"] else "2 links"
    assert done.code == code
    assert (
        f"Obeyed nofollow: did not follow {links}, such as {server.url}/a (on {server.url}/)" in done.stderr
    ) == told


def test_files_of_pages_that_robots_txt_forbids_are_told(tmp_path: Path) -> None:
    site = Site().page("/", '<link rel="stylesheet" href="/x/s.css"><iframe src="/x/f"></iframe>', links=["/x/page"])
    with serve(site.file("/robots.txt", "User-agent: *\nDisallow: /x/", "text/plain")) as server:
        done = mirror(server.url, tmp_path)
    assert "robots.txt forbids 1 style sheet that pages need, so pages are without style, such as " in done.stderr
    assert (
        f"such as {server.url}/x/s.css (on {server.url}/), by Disallow: /x/ (line 2); `-s ROBOTSTXT_OBEY=0`"
        in done.stderr
    )
    assert f"Left empty, because robots.txt forbids it: 1 frame, such as {server.url}/x/f (on" in done.stderr
    assert done.code == 1


def test_a_page_leaves_the_tree_once_its_noindex_is_obeyed_and_comes_back(tmp_path: Path) -> None:
    site = Site(PAGES)
    with serve(site) as server:
        _, there = pages(tmp_path, server, "obey=noarchive")
        assert "/noindex" in there
        _, there = pages(tmp_path, server, "obey=noindex")
        assert "/noindex" not in there
        assert not (tmp_path / folder(server.url) / "noindex~.html").exists()
        _, there = pages(tmp_path, server, "obey=none")
        assert there == ALL


def test_a_limit_of_its_own_reaches_a_page_by_another_way(tmp_path: Path) -> None:
    site = Site().page("/", META.format("nofollow"), links=["/a"]).page("/a")
    with serve(site) as server:
        assert mirror(f"{server.url},{server.url}/a", tmp_path).code == 0
    assert asked(server) == {"/", "/a"}
