"""A run that the user told to ignore the case of letters, as servers on Windows do."""

from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Final

import pytest

from mirror.core.policy.scope import Scope
from mirror.core.url.aliases import FOLDS, Fold
from mirror.core.url.canonical import canonical
from mirror.store.archive import Archive
from mirror.store.run.crawl import Crawl
from tests.mirroring import complete, dangling, files, run
from tests.site import PNG, Site

HOME: Final = "http://example.org"


class Windows(Site):
    """A site whose paths have no case."""

    def get(self, path: str, default: object = None) -> object:  # type: ignore[override]
        return super().get(path, super().get(path.lower(), default))


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    opened = Archive(tmp_path / "archive")
    yield opened
    opened.close()


def crawl(archive: Archive, site: Site, *, start: str = "/", seed: int = 0) -> list[str]:
    """The paths that were requested, in their order."""
    chosen = Random(seed)
    running = Crawl(
        archive,
        Scope((canonical(HOME + start),)),
        folds=FOLDS | {Fold.CASE},
        now=lambda: "2020-02-02T02:02:02+00:00",
    )
    asked = run(running, {HOME: site}, chosen.randrange)
    complete(running)
    assert running.counts().failed == {}
    return [url.removeprefix(HOME) for url in asked]


SPELLINGS: Final = ["/Foo.ASPX", "/foo.aspx", "/FOO.aspx"]


def windows() -> Site:
    site = (
        Windows()
        .page("/", links=[*SPELLINGS, "/b"])
        .page("/b", "<img src=/A.PNG><img src=/a.png>", links=["/fOO.aspx"])
    )
    return site.page("/foo.aspx", links=["/B", "/FOO.ASPX?a=B"]).page("/foo.aspx?a=B").file("/a.png", PNG, "image/png")


@pytest.mark.parametrize("seed", range(5))
def test_urls_that_differ_in_case_are_one_resource(archive: Archive, seed: int) -> None:
    asked = crawl(archive, windows(), seed=seed)
    assert sorted(asked) == ["/", "/a.png", "/b", "/foo.aspx", "/foo.aspx?a=B"]
    assert dangling(archive.root) == []


@pytest.mark.parametrize("seed", range(5))
def test_a_start_keeps_its_letters(archive: Archive, seed: int) -> None:
    assert sorted(crawl(archive, windows(), start="/Foo.ASPX", seed=seed)) == [
        "/Foo.ASPX",
        "/a.png",
        "/b",
        "/foo.aspx?a=B",
    ]
    assert dangling(archive.root) == []


@pytest.mark.parametrize("seed", range(5))
def test_a_server_that_corrects_the_case_by_a_redirect(archive: Archive, seed: int) -> None:
    site = Site().page("/", links=["/b", *SPELLINGS]).page("/b", links=["/Foo.ASPX"]).page("/Foo.ASPX", "here")
    site.redirect("/foo.aspx", "/Foo.ASPX")
    assert sorted(crawl(archive, site, seed=seed)) == ["/", "/Foo.ASPX", "/b", "/foo.aspx"]
    assert dangling(archive.root) == []
    assert len([name for name in files(archive.root) if "here" in (archive.root / name).read_text()]) == 1


@pytest.mark.parametrize("seed", range(5))
def test_what_is_there_in_capitals_only_is_requested_as_written(archive: Archive, seed: int) -> None:
    site = Site().page("/", "<img src=/IMG/A.png>", links=["/Readme", "/b"]).page("/b", links=["/README"])
    site.page("/Readme", "small").page("/README", "large").file("/IMG/A.png", PNG, "image/png")
    asked = crawl(archive, site, seed=seed)
    assert {"/Readme", "/README", "/IMG/A.png"} <= {*asked}
    assert dangling(archive.root) == []
