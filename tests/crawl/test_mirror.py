"""The requests of a crawl, servers that misbehave, and servers with several names."""

from collections.abc import Callable
from pathlib import Path
from threading import Lock

import pytest

from tests.crawl.running import mirror, publish, tree, websucker
from tests.mirroring import dangling
from tests.replay.serving import served
from tests.site import HTML, PNG, Handler, Page, Server, Site, serve

PICTURE = "image/png"


def asked(server: Server) -> set[str]:
    return {path for path in server.paths if not path.endswith("/robots.txt")}


def folder(server: Server) -> str:
    return server.url.removeprefix("http://").replace(":", "_")


def hang_up(request: Handler) -> None:
    """Send no answer."""
    request.close_connection = True
    request.connection.close()


def cut(request: Handler) -> None:
    """Send half of what Content-Length announces."""
    request.send_response(200)
    request.send_header("Content-Type", HTML)
    request.send_header("Content-Length", "1000")
    request.end_headers()
    request.wfile.write(b"<p>Half")
    request.close_connection = True


# Names


def named(monkeypatch: pytest.MonkeyPatch, server: Server) -> None:
    """Every name leads to this server. It is the proxy, so a path of its site is a whole URL."""
    monkeypatch.setenv("http_proxy", server.url)
    monkeypatch.delenv("no_proxy", raising=False)


HOSTS = Site().redirect("http://example.org/", "http://www.example.org/", status=301)
HOSTS.page("http://www.example.org/", links=["/a", "http://example.org/b", "http://blog.example.org/"])
HOSTS.page("http://www.example.org/a").page("http://example.org/b").page("http://blog.example.org/", links=["/c"])
HOSTS.page("http://blog.example.org/c", links=["http://example.com/"]).page("http://example.com/")


@pytest.mark.parametrize(
    ("scope", "hosts"),
    [("site", {"example.org", "www.example.org", "blog.example.org"}), ("host", {"example.org", "www.example.org"})],
)
def test_the_scope_follows_a_start_that_redirects_to_another_name_of_its_site(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scope: str, hosts: set[str]
) -> None:
    with serve(HOSTS) as server:
        named(monkeypatch, server)
        done = mirror("http://example.org/", tmp_path, f"scope={scope}")
    assert done.code == 0
    assert asked(server) == {path for path in HOSTS if path.split("/")[2] in hosts}
    assert dangling(tmp_path) == []
    index = (tmp_path / "index.html").read_text()
    assert 'href="www.example.org/index.html">http://example.org/<' in index
    assert done.stderr.splitlines()[-1] == f"Open {tmp_path}/www.example.org/index.html"


def test_each_host_has_its_own_robots_txt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = Site(HOSTS).file("http://blog.example.org/robots.txt", "User-agent: *\nDisallow: /c\n")
    with serve(site) as server:
        named(monkeypatch, server)
        done = mirror("http://example.org/", tmp_path)
    assert "http://blog.example.org/" in asked(server)
    assert "http://blog.example.org/c" not in asked(server)
    assert "Skipped: 1 URL (forbidden by robots.txt)" in done.stderr
    assert len(server.paths) == len(set(server.paths))


# URLs that a web page must not lead to


def test_a_website_never_leads_to_local_files(tmp_path: Path) -> None:
    """Neither by a link, nor by a redirect, nor by robots.txt."""
    secret, out = tmp_path / "secret", tmp_path / "out"
    secret.mkdir()
    for name in ("a.html", "b.html", "c.png", "robots.txt"):
        (secret / name).write_text("User-agent: *\nDisallow: /\n")
    own = secret.as_uri()
    site = Site().page("/", f'<img src="{own}/c.png"><iframe src="{own}/"></iframe>', links=["/b", f"{own}/a.html"])
    site.redirect("/b", f"{own}/b.html").redirect("/robots.txt", f"{own}/robots.txt")
    with serve(site) as server:
        done = mirror(server.url, out)
    assert done.code == 0
    assert sorted(server.paths) == ["/", "/b", "/robots.txt"]
    assert f'href="{own}/a.html"' in (out / folder(server) / "index.html").read_text()
    assert not any(b"Disallow" in file.read_bytes() for file in out.rglob("*") if file.is_file())


# Requests


def test_requests_are_get_once_per_url_with_the_referring_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    methods: set[str] = set()
    get = Handler.do_GET
    watched = Lock()

    def watch(request: Handler) -> None:
        with watched:
            methods.add(request.command)
        get(request)

    for name in ("do_GET", "do_HEAD", "do_POST"):
        monkeypatch.setattr(Handler, name, watch)
    site = Site().page("/", '<form action="/search" method="post"></form>', links=["/a", "/b", "/a#part"])
    site.page("/a", '<img src="/x.png">', links=["/b", "/"]).page("/b", '<img src="/x.png">').file(
        "/x.png", PNG, PICTURE
    )
    with serve(site) as server:
        done = mirror(server.url, tmp_path)
    assert done.code == 0
    assert methods == {"GET"}
    assert sorted(server.paths) == ["/", "/a", "/b", "/robots.txt", "/x.png"]
    headers = dict(server.requests)
    assert "referer" not in headers["/"]
    assert headers["/a"]["referer"] == f"{server.url}/"
    assert headers["/a"]["user-agent"].startswith("Websucker/")


# Servers that misbehave


@pytest.mark.parametrize("answer", [hang_up, cut], ids=["hangs up", "is cut short"])
def test_an_unavailable_robots_txt_forbids_everything(tmp_path: Path, answer: Callable[[Handler], None]) -> None:
    site = Site().page("/", links=["/a"]).page("/a")
    site["/robots.txt"] = answer
    with serve(site) as server:
        done = mirror(server.url, tmp_path)
    assert asked(server) == set()
    assert done.code == 3
    assert f": {server.url}/" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_later_answer_that_is_cut_or_missing_keeps_the_good_copy(tmp_path: Path) -> None:
    site = Site().page("/", links=["/a", "/b", "/c"]).page("/a", '<img src="/x.png">').page("/b", "good").page("/c")
    site.file("/x.png", PNG, PICTURE)
    with serve(site) as server:
        assert mirror(server.url, tmp_path).code == 0
        before = tree(tmp_path)
        site["/a"], site["/b"] = cut, hang_up
        site["/c"] = Page(410)
        done = mirror(server.url, tmp_path)
    assert done.code == 1
    assert "Failed: " in done.stderr
    assert {"cut short by the server", "410 Gone"} <= {
        line.strip().partition(":")[0] for line in done.stderr.splitlines()
    }
    after = tree(tmp_path)
    gone = f"{folder(server)}/c~.html"
    assert gone not in after
    changed = {path for path in after if before[path] != after[path]}
    assert changed == {f"{folder(server)}/index.html"}  # it links to the live site for missing pages
    assert dangling(tmp_path) == []
    assert publish(tmp_path).code == 0
    assert tree(tmp_path) == after


def test_a_server_that_is_gone_leaves_the_archive_as_it_was(tmp_path: Path) -> None:
    with serve(Site().page("/", links=["/a", "/r"]).page("/a").redirect("/r", "/a")) as server:
        mirror(server.url, tmp_path)
    before = tree(tmp_path)
    done = mirror(server.url, tmp_path)
    assert "connection refused" in done.stderr
    assert "Kept the last good copies of 3 URLs that failed" in done.stderr
    assert done.code == 3
    assert tree(tmp_path) == before


def test_endless_redirects_are_reported(tmp_path: Path) -> None:
    site = Site().page("/", links=["/round", "/0"]).redirect("/round", "/about").redirect("/about", "/round")
    site.redirect("/out", "http://example.com/")
    for n in range(100):
        site.redirect(f"/{n}", f"/{n + 1}")
    with serve(site) as server:
        done = mirror(f"{server.url}/ {server.url}/out", tmp_path, "exclude=^http://example")
    assert done.code == 1
    assert max(int(path[1:]) for path in server.paths if path[1:].isdigit()) == 20
    assert "redirects in a circle" in done.stderr
    assert "redirected too often" in done.stderr
    assert f"leads to http://example.com/, excluded: {server.url}/out" in done.stderr
    assert dangling(tmp_path) == []


def test_a_server_that_fails_for_a_while_is_retried(tmp_path: Path) -> None:
    site = Site().page("/", links=["/busy"])
    answers = [Page(503), Page(503), Page(200, {"Content-Type": HTML}, b"<p>At last")]
    site["/busy"] = lambda request: request.reply(answers.pop(0))
    with serve(site) as server:
        done = mirror(server.url, tmp_path)
    assert done.code == 0
    assert server.paths.count("/busy") == 3
    assert (tmp_path / folder(server) / "busy~.html").read_bytes() == b"<p>At last"


def test_a_page_of_thousands_of_links_is_followed_as_far_as_asked(tmp_path: Path) -> None:
    site = Site().page("/", links=[f"/{n}" for n in range(5000)])
    for n in range(5000):
        site.page(f"/{n}", links=["/"])
    with serve(site) as server:
        done = mirror(server.url, tmp_path, "limit=3")
    assert done.code == 0
    assert len(asked(server)) == 3
    assert "Mirrored 3 pages, 0 requisites; " in done.stderr
    assert "Skipped: 4,998 URLs (over --limit)" in done.stderr
    assert dangling(tmp_path) == []


def test_a_guess_is_asked_once_and_a_redirect_that_leads_nowhere_says_so(tmp_path: Path) -> None:
    """Neither is told as a failure of its own; no file sends the reader to the live site."""
    site = Site().page("/", '<script>get("/data/" + id + ".json")</script>', links=["/to-gone", "/away"])
    site.page("/data/", status=500).redirect("/to-gone", "/gone").redirect("/away", "http://example.org/x")
    with serve(site) as server:
        done = mirror(server.url, tmp_path)
    assert server.paths.count("/data/") == 1
    assert "/data/" not in done.stderr
    assert "Failed: 1 URL (404 Not Found)\n" in done.stderr
    pages = [(tmp_path / folder(server) / f"{name}~.html").read_text() for name in ("to-gone", "away")]
    assert not any("refresh" in page for page in pages)
    assert all("which this copy does not have" in page for page in pages)


def test_a_start_keeps_its_hash_route_where_a_reader_begins(tmp_path: Path) -> None:
    out = tmp_path / "archive"
    with serve(Site().page("/", "An app that shows guides")) as server:
        assert mirror(f"{server.url}/#/guide?a=%22", out, "render=never").code == 0
        place = f"{folder(server)}/index.html"
    checkout = tmp_path / "checkout"
    assert websucker("checkout", str(out), "latest", str(checkout)).code == 0
    for page in (out / "index.html", checkout / "index.html"):
        assert f'href="{place}#/guide?a=%22"' in page.read_text()
    with served(out) as running:
        assert '/#/guide?a=%22">' in running.ask(f"http://localhost:{running.port}/", {"Accept": "text/html"}).text
