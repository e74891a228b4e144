"""Options by which a user says what belongs to a mirror: further domains, cookies, the answers of failed pages."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.crawl.running import mirror, publish, tree, websucker
from tests.crawl.test_mirror import asked, named
from tests.mirroring import dangling, files, folder
from tests.site import HTML, PNG, Handler, Page, Site, serve


def listing(path: str, *names: str) -> Callable[[Handler], None]:
    """A folder as Apache lists it, in the order that the query asks for."""

    def answer(request: Handler) -> None:
        query = request.path.partition("?")[2]
        rows = "".join(f'<li><a href="{name}">{name}</a>' for name in sorted(names, reverse="O=D" in query))
        head = "".join(f'<a href="?C={key};O={"A" if query == f"C={key};O=D" else "D"}">{key}</a>' for key in "NMSD")
        request.reply(Page(200, {"Content-Type": HTML}, f"<title>Index of {path}</title>{head}{rows}".encode()))

    return answer


def folders() -> Site:
    site = Site().page("/", links=["/pub/"]).page("/pub/a.html", "a").page("/pub/old/b.html", "b")
    for path, names in (("/pub/", ("a.html", "old/")), ("/pub/old/", ("b.html",))):
        for query in ("", *(f"?C={key};O={order}" for key in "NMSD" for order in "AD")):
            site[path + query] = listing(path, *names)
    return site


def test_the_orders_of_a_listing_are_one_folder(tmp_path: Path) -> None:
    with serve(folders()) as server:
        done = mirror(server.url, tmp_path / "one")
        sorted_ = [path for path in server.paths if "?" in path]
        server.requests.clear()
        assert mirror(server.url, tmp_path / "each", "fold=tracking").code == 0
        why = websucker("why", tmp_path / "one", f"{server.url}/pub/old/?C=S;O=D")
    assert done.code == 0
    assert len(sorted_) == 2  # samples: the server shows that they are the same
    assert "the same folder in another order" in done.stderr
    assert f"the same folder in another order: {server.url}/pub/old/" in why.stdout
    assert dangling(tmp_path / "one") == []
    assert not [name for name in files(tmp_path / "one") if "@" in name]
    assert len([path for path in server.paths if "?" in path]) == 16


DOMAINS = Site().page("http://example.org/", links=["http://www.example.com/a", "http://example.net/"])
DOMAINS.page("http://www.example.com/a", "<img src=/a.png>", links=["http://shop.example.com/b"])
DOMAINS.page("http://shop.example.com/b").file("http://www.example.com/a.png", PNG, "image/png")
DOMAINS.page("http://example.net/")


@pytest.mark.parametrize("scope", ["site", "host", "prefix"])
def test_further_domains_belong_to_the_mirror_and_get_no_login(
    scope: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("also=example.com", f"scope={scope}", "login=guido:spam", "header=X-Token: spam", "requisites=site")
    with serve(DOMAINS) as server:
        named(monkeypatch, server)
        done = mirror("http://example.org/", tmp_path, *words)
        again = mirror("http://example.org/", tmp_path, f"scope={scope}")
    assert (done.code, again.code) == (0, 0), done.stderr
    assert asked(server) == {*DOMAINS} - {"http://example.net/"}
    assert dangling(tmp_path) == []
    headers = [(path, one.get("x-token")) for path, one in server.requests if "example.com" in path]
    assert {token for _, token in headers} == {None}
    assert not (tmp_path / "www.example.com" / "a~.html").exists()  # the second run left the domain out


MOVED = Site().redirect("http://example.org/", "http://example.net/go", status=301).page("http://example.org/a")
MOVED.redirect("http://example.net/go", "http://www.example.com/").page("http://example.net/a")
MOVED.page("http://www.example.com/", links=["/a", "http://example.org/a", "http://example.net/a"])
MOVED.page("http://www.example.com/a", links=["http://example.com/b"]).page("http://example.com/b")


def test_a_start_that_leads_to_another_site_is_followed_without_its_login(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve(MOVED) as server:
        named(monkeypatch, server)
        done = mirror("http://example.org/", tmp_path, "login=guido:spam", "header=X-Token: spam")
        first = asked(server)
        again = mirror("http://example.org/", tmp_path)
    assert (done.code, again.code) == (0, 0), done.stderr
    assert first == asked(server) == {*MOVED} - {"http://example.org/a", "http://example.net/a"}
    assert {path for path, headers in server.requests if "x-token" in headers} <= {
        "http://example.org/",
        "http://example.org/robots.txt",
    }
    for output in (done.stderr, again.stderr):  # at once, and in the summary
        assert output.count("http://example.org/ leads to another site: http://example.net/go is the start now") == 2
        assert (
            output.count("http://example.net/go leads to another site: http://www.example.com/ is the start now") == 2
        )
    assert "Skipped: 2 URLs (on a site that its start has left)" in done.stderr
    assert done.stderr.splitlines()[-1] == f"Open {tmp_path}/www.example.com/index.html"
    assert dangling(tmp_path) == []


def test_a_public_start_does_not_lead_to_this_machine(tmp_path: Path) -> None:
    with serve(Site().page("/")) as private, serve(Site().redirect("/", f"{private.url}/"), "127.0.0.2") as public:
        done = mirror(public.url, tmp_path, settings={"MIRROR_PUBLIC_NETWORKS": "127.0.0.2/32"})
    assert (public.paths, private.paths) == (["/robots.txt", "/"], [])
    assert done.code == 3
    assert "at an address that is not on the internet" in done.stderr


def failing() -> Site:
    site = Site().page("/", "<img src=/no.png>", links=["/missing", "/down", "/members", "/data", "/empty", "/good"])
    site.page("/missing", "Not here", status=404, links=["/more"]).page("/down", "Too busy", status=500).page("/good")
    site.page("/members", "Strangers", status=403).file("/data", '{"error": 1}', "application/json", status=404)
    site.file("/no.png", "<p>Not found", HTML, status=404)
    site["/empty"] = Page(404)
    return site


KEPT = {"missing~.html": "Not here", "down~.html": "Too busy", "members~.html": "Strangers", "data": "error"}


def test_the_answers_of_pages_that_fail_are_kept_on_request(tmp_path: Path) -> None:
    words, settings = ("keep_errors=1",), {"RETRY_TIMES": "0"}
    with serve(failing()) as server:
        place = tmp_path / folder(server.url)
        plain = mirror(server.url, tmp_path, settings=settings)
        before = {*files(tmp_path)}
        kept = mirror(server.url, tmp_path, *words, settings=settings)
        found = {name: (place / name).read_text() for name in KEPT if (place / name).is_file()}
        new = {*files(tmp_path)} - before
        again = mirror(server.url, tmp_path, *words, settings=settings)
        why = websucker("why", tmp_path, f"{server.url}/missing")
        whole = websucker("verify", tmp_path)
        snapshots = json.loads(websucker("snapshots", tmp_path, "--json").stdout)
        index = (place / "index.html").read_text()
        off = mirror(server.url, tmp_path, settings=settings)
    assert [done.code for done in (plain, kept, again, off)] == [1, 1, 1, 1]
    assert new == {f"{folder(server.url)}/{name}" for name in KEPT}
    assert all(text in found[name] for name, text in KEPT.items())
    assert f"404 Not Found: {server.url}/missing (on {server.url}/)" in again.stderr
    assert "Mirrored 2 pages" in again.stderr
    assert 'href="missing~.html"' in index
    assert "/more" not in server.paths
    assert (why.code, whole.code) == (0, 0)
    assert "failed, and its answer is kept (404 Not Found)" in why.stdout
    assert [(one["numbers"]["pages"], one["numbers"]["failed"]) for one in snapshots] == [(2, 2), (2, 2), (2, 2)]
    assert {*files(tmp_path)} == before  # without the option, they leave the tree


def test_a_kept_error_replaces_no_good_copy_and_is_replaced_by_one(tmp_path: Path) -> None:
    site, words, settings = failing(), ("keep_errors=1",), {"RETRY_TIMES": "0"}
    with serve(site) as server:
        place = tmp_path / folder(server.url)
        assert mirror(server.url, tmp_path, *words, settings=settings).code == 1
        site.page("/missing", "Here at last").page("/good", "Oops", status=503)
        assert mirror(server.url, tmp_path, *words, settings=settings).code == 1
        assert "Here at last" in (place / "missing~.html").read_text()
        assert "Oops" not in (place / "good~.html").read_text()
        site.page("/missing", "Gone again", status=404)
        assert mirror(server.url, tmp_path, *words, settings=settings).code == 1
        assert not (place / "missing~.html").exists()  # it was good before: it leaves the tree, as always
        assert mirror(server.url, tmp_path, *words, settings=settings).code == 1
        assert "Gone again" in (place / "missing~.html").read_text()
        site.page("/", links=["/good"])
        assert mirror(server.url, tmp_path, *words, settings=settings).code == 1
        assert not (place / "missing~.html").exists()  # nothing links to it
        assert websucker("verify", tmp_path).code == 0
    assert dangling(tmp_path) == []


def test_attributes_that_the_user_names_hold_files_that_a_page_needs(tmp_path: Path) -> None:
    body = '<div zoom=/zoom big-srcset="/one 1x, /two 2x" other=/no></div><svg zoom="url(/svg)"></svg>'
    site = Site().page("/", body, headers={"ETag": '"1"'})
    for path in ("/zoom", "/one", "/two", "/svg", "/no"):
        site.file(path, PNG, "image/png")
    out, here = tmp_path / "out", tmp_path / "here"
    with serve(site) as server:
        assert mirror(server.url, out).code == 0
        assert asked(server) == {"/"}
        assert mirror(server.url, out, "attributes=zoom,big-srcset").code == 0  # the page itself did not change
    assert asked(server) == {"/", "/zoom", "/one", "/two", "/svg"}
    page = out / folder(server.url) / "index.html"
    html = page.read_text()
    for text in ("zoom=zoom", 'big-srcset="one 1x, two 2x"', "other=/no", 'zoom="url(svg)"'):
        assert text in html
    before = tree(out)
    page.unlink()
    assert publish(out).code == 0
    assert tree(out) == before
    assert websucker("checkout", out, "2", here).code == 0
    assert (here / folder(server.url) / "index.html").read_text() == html
    assert websucker("verify", out).code == 0


def test_without_cookies_none_is_kept_or_sent(tmp_path: Path) -> None:
    site = Site().page("/", links=["/a"], headers={"Set-Cookie": "a=1; Path=/"}).page("/a")
    with serve(site) as server:
        assert mirror(server.url, tmp_path / "with").code == 0
        assert {one.get("cookie") for path, one in server.requests if path == "/a"} == {"a=1"}
        assert mirror(server.url, tmp_path / "without", "cookies=none").code == 0
    assert [one.get("cookie") for path, one in server.requests if path == "/a"] == ["a=1", None]
    assert websucker("why", tmp_path / "without", f"{server.url}/a").code == 0
