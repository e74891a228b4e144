"""Crawls give, byte for byte, what earlier versions gave: the files, the entries, the versions and the links in their order."""

import os
import sqlite3
from pathlib import Path
from typing import Final

import pytest

from tests.crawl import results
from tests.crawl.results import (
    MAIN,
    MOST,
    SUBJECTS,
    WORKERS,
    Facts,
    crawled,
    differences,
    fingerprint,
    load,
    path_of,
    site_digest,
)
from tests.marks import some_long
from tests.site import Page, Site

HOW_TO_SEE: Final = (
    "to see the facts: python -m tests.crawl.results --facts DIR, with this version and with an earlier one"
)


@pytest.mark.parametrize("name", some_long(SUBJECTS, {"docs"}))
def test_a_crawl_gives_what_it_always_gave_with_and_without_workers(name: str, tmp_path: Path) -> None:
    subject = SUBJECTS[name]
    if not subject.is_there:
        reason = "python3.11-doc is missing: make needs"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    editions = subject.editions()
    site, known = load(path_of(name))
    if subject.needs and site_digest(editions) != site:
        pytest.skip(f"{subject.needs} is of another version of its package than the fingerprints")
    assert site_digest(editions) == site, "the site itself is another one"
    for workers in WORKERS:
        found = fingerprint(crawled(subject, editions, tmp_path / workers, workers))
        others = differences(known, found)
        assert not others, "\n".join([f"with {workers} workers:", *others[:MOST], f"{len(others)} in all", HOW_TO_SEE])


def test_fingerprints_come_back_from_their_file(tmp_path: Path) -> None:
    found = {"a b.html": {"file": "1"}, f"{MAIN}/?q=a%09b": {"entry": "2", "links": "3", "snapshot-1": "4"}}
    results.save(tmp_path / "new" / "site.txt", "5", found)
    assert load(tmp_path / "new" / "site.txt") == ("5", found)


# Each difference is noticed

PAGES: Final = 12


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Facts, Site]:
    site = results.made_site(PAGES, 2_000, 4)
    return crawled(results.Subject(list), [site], tmp_path_factory.mktemp("whole"), "0"), site


def changed(site: Site, old: bytes, new: bytes) -> Site:
    """The site with another page."""
    url = f"{MAIN}/000/00005.html"
    page = site[url]
    assert isinstance(page, Page)
    return Site({**site, url: Page(page.status, page.headers, page.body.replace(old, new))})


@pytest.mark.parametrize(
    ("old", "new", "kinds"),
    [
        (b"</h1>", b"</h2>", {"file", "version", "snapshot-1"}),
        (b"<ul>", b'<ul><a href="/000/00001.html">again</a>', {"file", "version", "links"}),
        (b"<ul>", b'<ul><a href="http://example.com/">elsewhere</a>', {"file", "links", "urls"}),
    ],
)
def test_each_difference_is_noticed(
    tmp_path: Path, whole: tuple[Facts, Site], old: bytes, new: bytes, kinds: set[str]
) -> None:
    facts, site = whole
    other = changed(site, old, new)
    assert site_digest([other]) != site_digest([site])
    found = differences(fingerprint(facts), fingerprint(crawled(results.Subject(list), [other], tmp_path, "0")))
    assert {line.rpartition(" ")[2] for line in found} >= kinds
    assert any("00005.html: other " in line for line in found)


def test_a_byte_of_a_copy_is_noticed(tmp_path: Path, whole: tuple[Facts, Site]) -> None:
    facts = crawled(results.Subject(list), [whole[1]], tmp_path, "0")
    assert differences(whole[0], facts) == []
    (copy,) = tmp_path.glob("*/000/00005.html")
    content = copy.read_bytes()
    copy.unlink()
    copy.write_bytes(content.replace(b"<ul>", b"<uL>"))
    assert differences(facts, results.facts(tmp_path)) == [f"{copy.relative_to(tmp_path)}: other file"]


@pytest.mark.parametrize(
    ("query", "difference"),
    [
        ("UPDATE frontier SET depth = depth + 1 WHERE url_id = :id", "other entry"),
        ("UPDATE resources SET media_type = 'text/plain' WHERE url_id = :id", "other snapshot-1"),
        ("UPDATE resources SET status = 203 WHERE url_id = :id", "other version"),
    ],
)
def test_what_the_manifest_says_is_noticed(
    tmp_path: Path, whole: tuple[Facts, Site], query: str, difference: str
) -> None:
    facts = crawled(results.Subject(list), [whole[1]], tmp_path, "0")
    url = f"{MAIN}/000/00005.html"
    with sqlite3.connect(tmp_path / ".mirror" / "manifest.sqlite") as manifest:
        ((url_id,),) = manifest.execute("SELECT id FROM urls WHERE url = ?", [url]).fetchall()
        manifest.execute(query, {"id": url_id})
    assert f"{url}: {difference}" in differences(facts, results.facts(tmp_path))
