"""Sites that someone could build, and their mirrors. Each test is a sentence about a site."""

import gzip
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import brotli
import pytest

from tests.crawl.running import SCRAPY, dangling, mirror, publish, rows, run, tree
from tests.site import PNG, Handler, Page, Server, Site, serve, serve_both

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

PICTURE = "image/png"


def asked(server: Server) -> set[str]:
    return set(server.paths) - {"/robots.txt"}


def folder(server: Server) -> str:
    return server.url.removeprefix("http://").replace(":", "_")


def test_a_site_is_mirrored_and_opens_offline(tmp_path: Path) -> None:
    site = Site().page("/", links=["/a", "/b/", "/missing"]).page("/a", links=["/b/?q=1"]).page("/b/")
    site.page("/b/?q=1", "<img src='/x.png'>").file("/x.png", PNG, PICTURE)
    with serve(site) as server:
        done = mirror(server.url, tmp_path)
    here = tmp_path / folder(server)
    assert sorted(str(p.relative_to(here)) for p in here.rglob("*") if p.is_file()) == [
        "a~.html",
        "b/index.html",
        "b/index@q=1~.html",
        "index.html",
        "x.png",
    ]
    assert dangling(tmp_path) == []
    assert f'href="{server.url}/missing"' in (here / "index.html").read_text()
    assert f"{folder(server)}/index.html" in (tmp_path / "index.html").read_text()
    assert f"{server.url}/ -> {here}/index.html" in done.stdout.splitlines()
    assert f"404 Not Found: {server.url}/missing (on {server.url}/)" in done.stderr
    assert done.code == 1


def test_the_tree_is_made_again_byte_for_byte(tmp_path: Path) -> None:
    site = (
        Site().page("/", links=["/old", "/gone", "/style"]).redirect("/old", "/new").page("/new", links=["/", "/far"])
    )
    site.file("/style", "a{background:url(x.png)}", "text/css").file("/x.png", PNG, PICTURE).redirect(
        "/far", "{other}/"
    )
    with serve_both(site, Site().page("/")) as (server, _):
        mirror(server.url, tmp_path)
    before = tree(tmp_path)
    for path in before:
        (tmp_path / path).unlink()
    assert publish(tmp_path).code == 0
    assert tree(tmp_path) == before
    assert len(before) == 7


def test_what_needs_no_rewriting_is_a_hard_link_to_a_write_protected_object(tmp_path: Path) -> None:
    with serve(Site().page("/", "<img src=x.png>").file("/x.png", PNG, PICTURE)) as server:
        mirror(server.url, tmp_path)
    picture = tmp_path / folder(server) / "x.png"
    assert picture.stat().st_nlink == 2
    assert not picture.stat().st_mode & 0o222


def test_the_manifest_has_a_row_for_each_resource(tmp_path: Path) -> None:
    with serve(Site().page("/", "<img src=x.png>").file("/x.png", PNG, PICTURE)) as server:
        mirror(server.url, tmp_path)
    found = rows(
        tmp_path,
        "SELECT u.url, status, media_type, path, size, f.url, length(digest), headers LIKE '%Content-Type%'"
        " FROM resources JOIN urls u ON u.id = url_id LEFT JOIN urls f ON f.id = discovered_from"
        " WHERE path LIKE '%.png'",
    )
    url, name = server.url, folder(server)
    assert found == [(f"{url}/x.png", 200, PICTURE, f"{name}/x.png", len(PNG), f"{url}/", 64, 1)]


def test_a_link_to_a_redirect_opens_its_target_and_so_does_its_own_path(tmp_path: Path) -> None:
    site = Site().page("/", links=["/one", "/round"]).redirect("/one", "/two", status=301).redirect("/two", "/three")
    site.page("/three", "here").redirect("/round", "/about").redirect("/about", "/round")
    with serve(site) as server:
        mirror(server.url, tmp_path)
    here = tmp_path / folder(server)
    assert 'href="three~.html"' in (here / "index.html").read_text()
    assert "url=three~.html" in (here / "one~.html").read_text()
    assert f'href="{server.url}/round"' in (here / "index.html").read_text()


def test_pages_stay_on_the_host_and_requisites_come_from_anywhere(tmp_path: Path) -> None:
    main = Site().page(
        "/", "<link rel=stylesheet href='{other}/s.css'><a href='{other}/page'>x</a><img src='{other}/html'>"
    )
    other = (
        Site()
        .file("/s.css", "@import 'deep.css';", "text/css")
        .file("/deep.css", "a{background:url(d.png)}", "text/css")
    )
    other.file("/d.png", PNG, PICTURE).page("/page").page("/html", links=["/never"]).page("/never")
    with serve_both(main, other) as (server, cdn):
        done = mirror(server.url, tmp_path)
    assert asked(cdn) == {"/s.css", "/deep.css", "/d.png", "/html"}
    assert f"{folder(cdn)}/s.css" in (tmp_path / folder(server) / "index.html").read_text()
    assert "Skipped: 1 URL (outside the scope)" in done.stderr
    assert done.code == 0


@pytest.mark.parametrize(("word", "expected"), [("all", {"/x.png"}), ("site", set()), ("none", set())])
def test_requisites_of_other_hosts_can_be_left(tmp_path: Path, word: str, expected: set[str]) -> None:
    main = Site().page("/", "<img src='{other}/x.png'><img src='/own.png'>").file("/own.png", PNG, PICTURE)
    with serve_both(main, Site().file("/x.png", PNG, PICTURE)) as (server, other):
        mirror(server.url, tmp_path, f"requisites={word}")
    assert asked(other) == expected
    assert ("/own.png" in asked(server)) == (word != "none")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ((), {"/a/", "/a/b", "/a/b/c", "/z"}),
        (("scope=prefix",), {"/a/", "/a/b", "/a/b/c"}),
        (("depth=0",), {"/a/"}),
        (("depth=1",), {"/a/", "/a/b", "/z"}),
        (("include=/a/",), {"/a/", "/a/b", "/a/b/c"}),
        (("exclude=b$",), {"/a/", "/z"}),
        (("limit=2",), {"/a/", "/a/b"}),
        (("limit=1",), {"/a/"}),
    ],
)
def test_which_urls_are_followed(tmp_path: Path, words: tuple[str, ...], expected: set[str]) -> None:
    site = Site().page("/a/", links=["/a/b", "/z"]).page("/a/b", links=["/a/b/c"]).page("/a/b/c").page("/z")
    with serve(site) as server:
        mirror(server.url + "/a/", tmp_path, *words)
    assert asked(server) == expected
    assert dangling(tmp_path) == []


def test_a_limit_counts_pages_that_came_and_their_requisites_come_too(tmp_path: Path) -> None:
    site = Site().page("/", "<img src=x.png>", links=["/missing", "/old", *(f"/{n}" for n in range(20))])
    site.redirect("/old", "/0").file("/x.png", PNG, PICTURE)
    for n in range(20):
        site.page(f"/{n}", f"<img src=/{n}.png>").file(f"/{n}.png", PNG, PICTURE)
    with serve(site) as server:
        done = mirror(server.url, tmp_path, "limit=5")
    pages = {path for path in asked(server) if path.strip("/").isdigit()}
    assert len(pages) == 4
    assert {f"{page}.png" for page in pages} <= asked(server)
    assert "Mirrored 5 pages" in done.stderr
    assert "over --limit" in done.stderr


def test_several_starts_and_a_list_of_them(tmp_path: Path) -> None:
    with serve_both(Site().page("/a").page("/b"), Site().page("/c")) as (server, other):
        listed = tmp_path / "starts"
        listed.write_text(f"# what we keep\n{server.url}/a\n\n{other.url}/c\n")
        mirror(f"@{listed}", tmp_path / "listed")
        mirror(f"{server.url}/b,{other.url}/c {server.url}/a", tmp_path / "out")
    assert [len(tree(tmp_path / name)) for name in ("listed", "out")] == [3, 4]
    index = (tmp_path / "out" / "index.html").read_text()
    assert all(f">{url}<" in index for url in (f"{server.url}/a", f"{server.url}/b", f"{other.url}/c"))


def test_a_guessed_url_that_does_not_exist_is_no_failure(tmp_path: Path) -> None:
    with serve(
        Site().page("/", "<script>load('/js/none.js'); load('/js/some.js')</script>").file("/js/some.js", "")
    ) as server:
        done = mirror(server.url, tmp_path)
    assert {"/js/none.js", "/js/some.js"} <= asked(server)
    assert done.code == 0


@pytest.mark.parametrize(
    ("robots", "expected"),
    [
        (Page(200, {}, b"User-agent: *\nDisallow: /a\n"), {"/", "/b"}),
        (Page(200, {}, b"User-agent: websucker\nDisallow: /b\n"), {"/", "/a"}),
        (Page(404, {}, b"User-agent: *\nDisallow: /"), {"/", "/a", "/b"}),
        (Page(403), {"/", "/a", "/b"}),
        (Page(503), set()),
        (Page(302, {"Location": "/rules"}), {"/", "/b"}),
    ],
)
def test_robots_txt_is_obeyed(tmp_path: Path, robots: Page, expected: set[str]) -> None:
    site = Site().page("/", links=["/a", "/b"]).page("/a").page("/b").file("/rules", "User-agent: *\nDisallow: /a\n")
    site["/robots.txt"] = robots
    with serve(site) as server:
        done = mirror(server.url, tmp_path)
    assert asked(server) - {"/rules"} == expected
    assert done.code == (0 if expected else 3)


def test_robots_txt_can_be_ignored(tmp_path: Path) -> None:
    site = Site().page("/", links=["/a"]).page("/a").file("/robots.txt", "User-agent: *\nDisallow: /\n")
    with serve(site) as server:
        mirror(server.url, tmp_path, settings={"ROBOTSTXT_OBEY": "0"})
    assert server.paths == ["/", "/a"]


@pytest.mark.parametrize(
    ("coding", "encode"),
    [("gzip", gzip.compress), ("deflate", zlib.compress), ("br", brotli.compress), ("zstd", zstd.compress)],
)
def test_payloads_are_stored_without_content_coding(
    tmp_path: Path, coding: str, encode: Callable[[bytes], bytes]
) -> None:
    site = Site()
    site["/"] = Page(200, {"Content-Type": "text/html", "Content-Encoding": coding}, b"<title>x</title>", encode)
    with serve(site) as server:
        mirror(server.url, tmp_path)
    assert all(coding in headers["accept-encoding"].split(", ") for _, headers in server.requests)
    assert (tmp_path / folder(server) / "index.html").read_bytes() == b"<title>x</title>"


def test_a_truncated_body_is_no_resource(tmp_path: Path) -> None:
    def cut(request: Handler) -> None:
        request.send_response(200)
        request.send_header("Content-Type", "text/html")
        request.send_header("Content-Length", "1000")
        request.end_headers()
        request.wfile.write(b"half")
        request.close_connection = True

    site = Site().page("/", links=["/cut"])
    site["/cut"] = cut
    with serve(site) as server:
        done = mirror(server.url, tmp_path)
    assert "Failed: 1 URL (cut short by the server)" in done.stderr
    assert not (tmp_path / folder(server) / "cut~.html").exists()
    assert f'href="{server.url}/cut"' in (tmp_path / folder(server) / "index.html").read_text()


def test_a_later_failure_keeps_the_good_copy_and_404_takes_it_out(tmp_path: Path) -> None:
    site = Site().page("/", links=["/a", "/b"]).page("/a", "good").page("/b", "good")
    with serve(site) as server:
        mirror(server.url, tmp_path)
        site["/a"] = Page(500, {"Content-Type": "text/html"}, b"broken")
        del site["/b"]
        done = mirror(server.url, tmp_path)
    here = tmp_path / folder(server)
    assert "good" in (here / "a~.html").read_text()
    assert not (here / "b~.html").exists()
    assert dangling(tmp_path) == []
    assert done.code == 1


def test_a_cookie_that_was_set_is_sent(tmp_path: Path) -> None:
    site = Site().page("/", links=["/a"], headers={"Set-Cookie": "seen=1"}).page("/a")
    with serve(site) as server:
        mirror(server.url, tmp_path)
    assert dict(server.requests)["/a"]["cookie"] == "seen=1"


def test_a_page_with_thousands_of_links(tmp_path: Path) -> None:
    site = Site().page("/", links=[f"{{other}}/{n}" for n in range(5000)])
    with serve_both(site, Site()) as (server, _):
        done = mirror(server.url, tmp_path)
    assert "Skipped: 5,000 URLs (outside the scope)" in done.stderr


def test_the_short_names_do_the_same_from_any_folder(tmp_path: Path) -> None:
    with serve(Site().page("/", links=["/a"]).page("/a")) as server:
        done = run(SCRAPY[0], "-m", "mirror", server.url, "--out", "here", "--depth", "0", cwd=tmp_path)
    assert done.code == 0
    assert set(tree(tmp_path / "here")) == {f"{folder(server)}/index.html", "index.html"}
    assert run(SCRAPY[0], "-m", "mirror", "publish", "here", cwd=tmp_path).code == 0
