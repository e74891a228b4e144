"""Pages that become the same as their canonical page in a later run: their content is still there."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from mirror.core.policy.scope import Scope
from mirror.core.url.canonical import canonical
from mirror.store.archive import Archive
from mirror.store.manifest.history_records import ChangeKind
from mirror.store.run.crawl import Crawl
from tests.mirroring import complete, dangling, run
from tests.site import HTML, Site

HOME: Final = "http://example.org"
COUNT: Final = 30
CANONICAL: Final = '<link rel="canonical" href="/fish">'
STAMPS: Final = {
    "seconds": "Generated 2026-11-30 02:50:{:02}",
    "a number": "Visitor {}",
    "a comment": "<!-- {} -->Fish",
    "a token": '<input name="csrf" value="{:032x}">Fish',
}


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    opened = Archive(tmp_path / "archive")
    yield opened
    opened.close()


def crawl(archive: Archive, site: Site) -> Crawl:
    running = Crawl(archive, Scope((canonical(HOME),)), now=lambda: "2020-02-02T02:02:02+00:00")
    run(running, {HOME: site})
    complete(running)
    return running


def site_of(text: str) -> Site:
    paths = [f"/list/{n}" for n in range(COUNT)]
    site = Site().page("/", links=["/fish", *paths])
    for number, path in enumerate(["/fish", *paths]):
        site.file(path, f"{CANONICAL}<p>{text.format(number)}", HTML)
    return site


@pytest.mark.parametrize("name", STAMPS)
def test_folding_that_comes_late_is_no_loss(archive: Archive, name: str) -> None:
    first = crawl(archive, site_of(STAMPS[name]))
    second = crawl(archive, site_of(STAMPS[name].format(7)))
    assert second.held is None
    changes = second.changes()
    assert changes is not None
    assert (changes.gone, changes.added) == (0, 0)
    differences = archive.history.differences(first.snapshot.id, second.snapshot.id)
    assert {one.kind for one in differences} <= {ChangeKind.CHANGED, ChangeKind.MOVED}
    assert dangling(archive.root) == []
    assert crawl(archive, site_of(STAMPS[name].format(7))).changes() is not None


def test_pages_that_lose_their_words_to_a_canonical_page_are_lost(archive: Archive) -> None:
    site = site_of("Fish")
    for number in range(COUNT):
        site.file(f"/list/{number}", f"{CANONICAL}<p>Fish {'k' * (number + 1)}", HTML)
    crawl(archive, site)
    assert crawl(archive, site_of("Fish")).held is not None
