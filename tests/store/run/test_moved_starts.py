"""Starts that lead to another site: it is mirrored in the place of the first one."""

from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Final

import pytest

from mirror.core.policy.scope import Area, Scope
from mirror.core.syntax.reference import Kind, Reference
from mirror.core.url.canonical import CanonicalURL, canonical
from mirror.store.archive import Archive
from mirror.store.run.crawl import Crawl
from tests.mirroring import answer, complete, dangling, files, run
from tests.site import Page, Site

OLD: Final = "http://old.example"
STOP: Final = "http://stop.example"
NEW: Final = "http://new.example"
OTHER: Final = "http://other.example"
WEB: Final = {
    OLD: Site()
    .redirect("/", f"{STOP}/here", status=301)
    .page("/a", links=["/b"])
    .page("/b")
    .page("/c")
    .file("/robots.txt", f"Sitemap: {OLD}/sitemap.txt\n", "text/plain")
    .file("/sitemap.txt", f"{OLD}/c", "text/plain"),
    STOP: Site().redirect("/here", f"{NEW}/").page("/a"),
    NEW: Site().page("/", links=["/a", f"{OLD}/a", f"{STOP}/a", OTHER]).page("/a", links=[f"{OLD}/b"]),
    OTHER: Site().page("/", links=[f"{STOP}/a", "/a", f"{OLD}/a"]).page("/a", links=[f"{NEW}/a"]),
}


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    opened = Archive(tmp_path / "archive")
    yield opened
    opened.close()


def crawl(archive: Archive, *starts: str, area: Area = Area.SITE) -> Crawl:
    rules = Scope(tuple(canonical(start) for start in starts), area)
    return Crawl(archive, rules, now=lambda: "2020-02-02T02:02:02+00:00")


def ask_robots(running: Crawl) -> None:
    """Record the robots.txt of the old site, which names a sitemap."""
    entry = running.listing(CanonicalURL(f"{OLD}/robots.txt"))
    response = answer(WEB, entry.url)
    assert response is not None
    running.record(entry, response, [Reference(CanonicalURL(f"{OLD}/sitemap.txt"), Kind.SITEMAP)])


@pytest.mark.parametrize("area", Area)
@pytest.mark.parametrize("seed", range(4))
def test_a_chain_of_sites_ends_at_the_start(archive: Archive, area: Area, seed: int) -> None:
    """robots.txt is answered before the start, and its sitemap after it or before it."""
    running, chosen = crawl(archive, OLD, area=area), Random(seed)
    ask_robots(running)
    asked = run(running, WEB, chosen.randrange)
    complete(running)
    assert sorted(asked) == [f"{NEW}/", f"{NEW}/a", f"{OLD}/", f"{STOP}/here"]
    assert running.moves == {f"{OLD}/": f"{STOP}/here", f"{STOP}/here": f"{NEW}/"}
    assert running.counts().failed == {}
    assert running.counts().skipped["on a site that its start has left"] == 4
    assert dangling(archive.root) == []
    assert "new.example/index.html" in files(archive.root)["index.html"].decode()


def test_a_start_that_stays_has_its_sitemap(archive: Archive) -> None:
    running, web = crawl(archive, OLD), {OLD: Site(WEB[OLD]).page("/", links=["/a"])}
    ask_robots(running)
    assert sorted(run(running, web)) == [f"{OLD}/{path}" for path in ("", "a", "b", "c", "sitemap.txt")]


@pytest.mark.parametrize("status", [404, 500])
def test_a_start_that_fails_has_its_sitemap(archive: Archive, status: int) -> None:
    site = Site(WEB[OLD])
    site["/"] = Page(status)
    running = crawl(archive, OLD)
    ask_robots(running)
    assert sorted(run(running, {OLD: site})) == [f"{OLD}/{path}" for path in ("", "c", "sitemap.txt")]


def test_a_start_that_robots_txt_forbids_has_its_sitemap(archive: Archive) -> None:
    running = crawl(archive, f"{OLD}/a")
    ask_robots(running)
    assert sorted(run(running, WEB, forbidden="/a")) == [f"{OLD}/a", f"{OLD}/c", f"{OLD}/sitemap.txt"]


@pytest.mark.parametrize("seed", range(8))
def test_starts_of_several_sites_stay_in_whatever_order_they_are_answered(archive: Archive, seed: int) -> None:
    running, chosen = crawl(archive, OLD, OTHER), Random(seed)
    asked = run(running, WEB, chosen.randrange)
    complete(running)
    paths = [f"{NEW}/", f"{NEW}/a", f"{OLD}/", f"{OLD}/a", f"{OLD}/b", f"{OTHER}/", f"{OTHER}/a", f"{STOP}/here"]
    assert sorted(asked) == paths
    assert dangling(archive.root) == []


@pytest.mark.parametrize("most", range(1, 4))
def test_a_resumed_run_knows_where_its_start_led(archive: Archive, most: int) -> None:
    first = crawl(archive, OLD)
    asked = run(first, WEB, flying=1, most=most)
    first.flush()
    running = crawl(archive, OLD)
    assert running.snapshot.resumed
    assert (running.scope.starts, running.scope.unsettled) == (first.scope.starts, first.scope.unsettled)
    asked += run(running, WEB)
    complete(running)
    assert sorted(asked) == [f"{NEW}/", f"{NEW}/a", f"{OLD}/", f"{STOP}/here"]
    assert running.moves == {f"{OLD}/": f"{STOP}/here", f"{STOP}/here": f"{NEW}/"}


def test_a_circle_of_sites_fails(archive: Archive) -> None:
    web = {OLD: Site().redirect("/", NEW), NEW: Site().redirect("/", OLD)}
    running = crawl(archive, OLD)
    run(running, web)
    complete(running)
    assert running.counts().failed == {"redirects in a circle": 2}


def test_copies_of_the_site_that_a_start_left_stay(archive: Archive) -> None:
    earlier = {**WEB, OLD: Site(WEB[OLD]).page("/", links=["/a"])}
    first = crawl(archive, OLD)
    run(first, earlier)
    complete(first)
    tree = files(archive.root)
    running = crawl(archive, OLD)
    run(running, WEB)
    complete(running)
    assert running.held  # it had a page of its own: the user decides
    assert files(archive.root).keys() >= tree.keys()
