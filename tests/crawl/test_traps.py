"""Real crawls: traps end, honest sites that look like traps are mirrored completely, and aliases of a URL become one."""

import json
import re
from pathlib import Path

import pytest

from mirror.core.url.canonical import canonical
from mirror.store.archive import Archive
from mirror.store.playback import Playback
from tests.crawl.running import dangling, mirror, publish, rows, scrapy, tree
from tests.marks import some_long
from tests.replay.serving import mirrored
from tests.site import Server, Site, serve
from tests.traps import ARTICLES, HONEST, NAVIGATION, TRAPS, Endless, low, walk, with_articles
from tests.warm import Done

LARGE = {"a catalogue", "an application", "a forum", "puzzles", "a diary"}
"""Honest sites of a thousand pages and more."""

OTHERS = {"facets", "calendar by query", "deeper"}
"""Traps that are like another one, or large."""


def asked(server: Server) -> list[str]:
    return [path for path in server.paths if path != "/robots.txt"]


def folder(server: Server) -> str:
    return server.url.removeprefix("http://").replace(":", "_")


# Traps


@pytest.mark.parametrize("name", some_long(TRAPS, OTHERS))
def test_a_trap_ends_and_the_rest_of_its_site_is_whole(tmp_path: Path, name: str) -> None:
    row = TRAPS[name]
    honest = {*NAVIGATION, *ARTICLES}
    with serve(Endless(row.site)) as server:
        done = mirror(server.url, tmp_path, "limit=6000", settings=row.settings)
        of_trap = [path for path in asked(server) if path not in honest]
    assert done.code == 0, done.stderr
    assert honest <= set(server.paths)
    assert len(of_trap) <= row.most
    assert dangling(tmp_path) == []
    assert "over the limit" not in done.stderr
    if row.rule:
        assert f"  trap: {row.rule}, in {server.url}" in done.stderr
        assert " in a trap" in done.stderr


@pytest.mark.parametrize("name", some_long(HONEST, LARGE))
def test_an_honest_site_is_mirrored_whole(tmp_path: Path, name: str) -> None:
    pages = walk(HONEST[name])
    with serve(Endless(HONEST[name])) as server:
        done = mirror(server.url, tmp_path)
    assert done.code == 0, done.stderr
    assert set(asked(server)) == pages
    assert len(asked(server)) == len(pages)
    assert "trap:" not in done.stderr


def test_without_traps_nothing_is_one(tmp_path: Path) -> None:
    site = with_articles(TRAPS["pagination"].answer, "/list")
    with serve(Endless(site)) as server:
        done = mirror(server.url, tmp_path, "traps=0", "limit=150", settings=low(pages=5))
    assert "trap:" not in done.stderr
    assert "over --limit" in done.stderr
    assert rows(tmp_path, "SELECT count(*) FROM families") == [(0,)]


def test_why_tells_the_rule_and_the_next_run_ends_at_the_same_place(tmp_path: Path) -> None:
    with serve(Endless(TRAPS["pagination"].site)) as server:
        mirror(server.url, tmp_path, settings=low(pages=30))
        first = set(asked(server))
        before = tree(tmp_path)
        server.requests.clear()
        again = mirror(server.url, tmp_path, "workers=2", settings=low(pages=30))
        second = set(asked(server))
    skipped = rows(tmp_path, "SELECT url FROM frontier JOIN urls ON id = url_id WHERE reason = 'in a trap'")
    told = scrapy("why", str(tmp_path), str(skipped[0][0]))
    assert f"not fetched, in a trap: pages by number, in {server.url}/list" in told.stdout
    assert "30 pages in a row brought nothing new" in told.stdout
    assert again.code == 0
    assert len(second - first) <= 16  # so many requests are in flight when the trap is recognised
    assert before.keys() <= tree(tmp_path).keys()


def test_a_resumed_run_remembers_a_trap(tmp_path: Path) -> None:
    with serve(Endless(TRAPS["pagination"].site)) as server:
        counted = []
        for quota in ("30k", "20k"):
            mirror(server.url, tmp_path, f"quota={quota}", settings=low(pages=80))
            states = rows(tmp_path, "SELECT state FROM families WHERE key LIKE 'PAGES %list%'")
            counted.append(json.loads(str(states[0][0])))
        done = mirror(server.url, tmp_path, settings=low(pages=80))
        of_trap = [path for path in asked(server) if path not in {*NAVIGATION, *ARTICLES}]
    assert done.code == 0
    assert counted[0]["led"] < counted[1]["led"]
    assert len(of_trap) <= 20 + 50 + 80 + 40
    assert rows(tmp_path, "SELECT count(*) FROM families") == [(0,)]


# One resource


def both(site: Site, tmp_path: Path, *words: str) -> tuple[Done, Server]:
    with serve(site) as server:
        return mirror(server.url, tmp_path, *words), server


TRACKED = Site().page("/", links=["/a?utm_source=home&id=7", "/a?id=7&fbclid=abc", "/b?gclid=1#top", "/c?utm=1"])
TRACKED.page("/a?id=7", links=["/b"]).page("/b").page("/c?utm=1")
for shown in ("/a?utm_source=home&id=7", "/a?id=7&fbclid=abc", "/b?gclid=1"):
    TRACKED[shown] = TRACKED[re.sub(r"(utm_source|gclid)=\w+&?|&fbclid=\w+", "", shown).rstrip("?")]


def test_tracking_parameters_make_no_second_resource(tmp_path: Path) -> None:
    done, server = both(TRACKED, tmp_path)
    assert done.code == 0, done.stderr
    assert set(asked(server)) == set(TRACKED)
    page = (tmp_path / folder(server) / "index.html").read_text()
    assert page.count('href="a@id%3D7~.html"') == 2
    assert 'href="b~.html#top"' in page
    assert dangling(tmp_path) == []
    before = tree(tmp_path)
    assert publish(tmp_path).code == 0
    assert tree(tmp_path) == before
    told = scrapy("why", str(tmp_path), f"{server.url}/a?utm_source=home&id=7")
    assert f"the same without tracking parameters: {server.url}/a?id=7" in told.stdout


def test_a_checkout_leads_links_with_tracking_parameters_to_the_one_copy(tmp_path: Path) -> None:
    both(TRACKED, tmp_path / "archive")
    assert scrapy("checkout", str(tmp_path / "archive"), "latest", str(tmp_path / "out")).code == 0
    assert tree(tmp_path / "out") == tree(tmp_path / "archive")


def test_tracking_parameters_can_be_kept(tmp_path: Path) -> None:
    site = Site(TRACKED)
    for path in ("/a?utm_source=home&id=7", "/a?id=7&fbclid=abc", "/b?gclid=1"):
        site.page(path)
    done, server = both(site, tmp_path, "fold=0")
    assert done.code == 0, done.stderr
    assert set(asked(server)) == {*site, "/b"} - {"/a?id=7", "/b"}


CANONICAL = '<link rel="canonical" href="/fish">'
FISH = '<!DOCTYPE html><title>Fish</title><link rel="canonical" href="/fish"><p>Fish <a href="/">home</a>'


@pytest.mark.parametrize("links", [["/fish", "/list/fish"], ["/list/fish", "/fish"], ["/list/fish"]])
def test_a_page_is_the_one_that_it_calls_canonical_where_they_are_the_same(tmp_path: Path, links: list[str]) -> None:
    """Whichever was found first."""
    site = Site().page("/", links=links).file("/fish", FISH, "text/html").file("/list/fish", FISH, "text/html")
    done, server = both(site, tmp_path)
    assert done.code == 0, done.stderr
    here = tmp_path / folder(server)
    assert sorted(path.name for path in here.rglob("*.html")) == ["fish~.html", "index.html"]
    assert (here / "index.html").read_text().count('href="fish~.html"') == len(links)
    assert dangling(tmp_path) == []
    assert "Skipped: 1 URL (the same as the URL that it calls canonical)" in done.stderr
    before = tree(tmp_path)
    assert publish(tmp_path).code == 0
    assert tree(tmp_path) == before


def test_different_pages_are_not_folded(tmp_path: Path) -> None:
    site = Site().page("/", links=["/fish?page=2", "/other"])
    site.page("/fish", CANONICAL).page("/fish?page=2", CANONICAL)
    site.page("/other", '<link rel="canonical" href="http://127.0.0.2:1/other">')
    done, server = both(site, tmp_path)
    assert "canonical" not in done.stderr.replace("which", "")
    assert len(list((tmp_path / folder(server)).rglob("*.html"))) == 4


def test_a_fold_lasts_as_long_as_the_contents_are_equal(tmp_path: Path) -> None:
    """In later runs too: an unchanged page gets no new version, and a page that stopped being an alias is back."""
    site = Site().page("/", links=["/list/fish"]).file("/fish", FISH, "text/html").file("/list/fish", FISH, "text/html")
    with serve(site) as server:
        mirror(server.url, tmp_path)
        versions = rows(tmp_path, "SELECT count(*) FROM resources")
        done = mirror(server.url, tmp_path)
        assert "nothing changed" in done.stderr
        assert rows(tmp_path, "SELECT count(*) FROM resources") == versions
        assert not (tmp_path / folder(server) / "list").exists()
        site.file("/list/fish", FISH.replace("Fish", "Fishes"), "text/html")
        mirror(server.url, tmp_path)
        assert "Fishes" in (tmp_path / folder(server) / "list" / "fish~.html").read_text()
        assert dangling(tmp_path) == []
        site.file("/list/fish", FISH, "text/html")
        mirror(server.url, tmp_path)
        assert not (tmp_path / folder(server) / "list" / "fish~.html").exists()
        assert dangling(tmp_path) == []


@pytest.mark.parametrize("start", ["http://example.org/", "http://www.example.org/"])
def test_names_of_a_host_are_folded_if_the_contents_are_equal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, start: str
) -> None:
    """The name in the start URL is used for both."""
    site = Site()
    for host in ("http://example.org", "http://www.example.org"):
        site.file(
            f"{host}/", '<a href="http://example.org/a">a</a><a href="http://www.example.org/a">b</a>', "text/html"
        )
        site.file(f"{host}/a", "<p>A", "text/html")
    site.file("http://www.example.org/own", "<p>Own", "text/html").file(
        "http://example.org/own", "<p>Mine", "text/html"
    )
    with serve(site) as server:
        monkeypatch.setenv("http_proxy", server.url)
        monkeypatch.delenv("no_proxy", raising=False)
        done = mirror(start, tmp_path)
    assert done.code == 0, done.stderr
    own = start.split("/")[2]
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("a~.html")) == [f"{own}/a~.html"]
    assert dangling(tmp_path) == []
    assert "the same by another name of its host" in done.stderr


@pytest.mark.parametrize("start", ["http://example.org", "https://example.org"])
def test_http_and_https_are_folded_if_the_contents_are_equal(tmp_path: Path, start: str) -> None:
    """Pages that differ stay apart."""
    links = '<a href="http://example.org/a">a</a><a href="https://example.org/a">b</a><a href="{0}/own">c</a>'
    web = {origin: Site().file("/a", "<p>A", "text/html") for origin in ("http://example.org", "https://example.org")}
    for origin, site in web.items():
        both = links.format("http://example.org") + '<a href="https://example.org/own">d</a>'
        site.file("/", both, "text/html").file("/own", f"<p>{origin}", "text/html")
    mirrored(tmp_path, web, start)
    copies = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.glob("*/*~.html"))
    other = "example.org_80" if start.startswith("https") else "example.org_443s"
    assert copies == sorted(["example.org/a~.html", "example.org/own~.html", f"{other}/own~.html"])
    assert dangling(tmp_path) == []


def test_a_session_id_makes_no_second_resource(tmp_path: Path) -> None:
    number = "0123456789abcdef0123456789abcdef"
    site = Site().page("/", links=[f"/a;jsessionid={number[:20].upper()}?x=1", f"/b?PHPSESSID={number}", "/c?sid=fish"])
    site.page("/a?x=1").page("/b").page("/c?sid=fish")
    for written, plain in ((f"/a;jsessionid={number[:20].upper()}?x=1", "/a?x=1"), (f"/b?PHPSESSID={number}", "/b")):
        site[written] = site[plain]
    done, server = both(site, tmp_path)
    assert done.code == 0, done.stderr
    assert set(asked(server)) == set(site)
    assert {path.name for path in tmp_path.rglob("*~.html")} == {"a@x=1~.html", "b~.html", "c@sid=fish~.html"}
    assert dangling(tmp_path) == []


def test_a_page_is_found_by_its_other_names_in_replay(tmp_path: Path) -> None:
    _, server = both(TRACKED, tmp_path)
    archive = Archive(tmp_path, read_only=True)
    found = Playback(archive).find(canonical(f"{server.url}/b?gclid=1"), 1)
    archive.close()
    assert found is not None
    assert found.resource.url == f"{server.url}/b"
