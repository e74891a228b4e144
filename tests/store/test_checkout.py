"""Snapshots of a site that changes: each keeps showing the same, whatever later runs, pruning and forgetting do."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any, Final

import pytest

from mirror.core.policy.scope import Scope
from mirror.core.url.canonical import canonical
from mirror.store.archive import Archive
from mirror.store.checkout import UNFINISHED, check_out
from mirror.store.disk.errors import StorageError
from mirror.store.disk.layout import KEPT
from mirror.store.manifest.history_records import ChangeKind
from mirror.store.rules.refresh_policy import RefreshPolicy
from mirror.store.run.crawl import Crawl
from mirror.store.verification import verify
from tests.mirroring import complete, dangling, files, run
from tests.site import PNG, Page, Site

HOME: Final = "http://example.org"
RUNS: Final = 5
ALL_MAY_GO: Final = RefreshPolicy(max_loss=1)
Trees = dict[int, dict[str, bytes]]


@contextmanager
def opened(root: Path, **words: Any) -> Iterator[Archive]:
    archive = Archive(root, **words)
    try:
        yield archive
    finally:
        archive.close()


def mirrored(root: Path, site: Site, number: int = 1) -> int:
    """Make a whole run, and return the id of its snapshot."""
    with opened(root) as archive:
        now = f"2020-02-{number:02}T00:00:00+00:00"
        crawl = Crawl(archive, Scope((canonical(HOME),)), refresh=ALL_MAY_GO, now=lambda: now)
        run(crawl, {HOME: site})
        complete(crawl)
        return crawl.snapshot.id


def evolved(chance: Random) -> Site:
    """Make a random state of a site in which pages, pictures and redirects appear, change and vanish."""
    names = [f"/{n}" for n in range(9)]
    there = {name: chance.choice(["page", "page", "picture", "redirect", "gone"]) for name in names}
    links = chance.sample(names, 6)
    site = Site().page("/", '<link rel="stylesheet" href="/s.css"><img src="/x.png">', links=links)
    site.file("/s.css", f"p {{ background: url({chance.choice(names)}) }}", "text/css").file("/x.png", PNG, "image/png")
    for name, kind in there.items():
        if kind == "page":
            site.page(name, f"Edition {chance.randrange(3)}", links=chance.sample(names, 3))
        elif kind == "picture":
            site.file(name, PNG + bytes([chance.randrange(3)]), "image/png")
        elif kind == "redirect":
            site.redirect(name, chance.choice(names))
    return site


def history(root: Path, seed: int) -> Trees:
    """Make several runs over a site that changes, and return the tree after each."""
    chance = Random(seed)
    trees: Trees = {}
    for number in range(1, RUNS + 1):
        snapshot = mirrored(root, evolved(chance), number)
        trees[snapshot] = files(root)
        assert dangling(root) == []
    return trees


def laid_out(root: Path, snapshot: int, target: Path) -> dict[str, bytes]:
    with opened(root, read_only=True) as archive:
        found = archive.history.find(str(snapshot))
        assert found
        for _ in check_out(archive, found, target):
            pass
    return files(target)


@pytest.fixture(scope="module", params=range(6), ids="seed {}".format)
def lived(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Trees]:
    root = tmp_path_factory.mktemp("lived") / "archive"
    return root, history(root, request.param)


def test_each_snapshot_shows_what_the_tree_was(lived: tuple[Path, Trees], tmp_path: Path) -> None:
    root, trees = lived
    for snapshot, tree in trees.items():
        assert laid_out(root, snapshot, tmp_path / str(snapshot)) == tree


def test_each_snapshot_shows_what_the_tree_was_even_without_copies(lived: tuple[Path, Trees], tmp_path: Path) -> None:
    root, trees = lived
    shutil.copytree(root, tmp_path / "archive")
    shutil.rmtree(tmp_path / "archive" / KEPT / "copies")
    for snapshot, tree in trees.items():
        assert laid_out(tmp_path / "archive", snapshot, tmp_path / str(snapshot)) == tree


@pytest.mark.parametrize("kept", [{5}, {1, 5}, {2, 4, 5}, {1, 2, 3, 4, 5}], ids=str)
def test_pruning_changes_nothing_in_kept_snapshots(lived: tuple[Path, Trees], tmp_path: Path, kept: set[int]) -> None:
    root, trees = lived
    shutil.copytree(root, tmp_path / "archive")
    for _ in range(2):  # pruning twice is pruning once
        with opened(tmp_path / "archive") as archive:
            with archive.manifest.transaction():
                archive.manifest.retention.prune(kept)
            archive.collect()
            assert {one.id for one in archive.history.snapshots()} == kept
            assert set(archive.objects.all()) == archive.manifest.retention.objects_in_use()
            assert set(archive.copies.all()) == archive.manifest.retention.copies_in_use()
            assert [damage for damage in verify(archive) if damage] == []
    for snapshot in kept:
        assert laid_out(tmp_path / "archive", snapshot, tmp_path / str(snapshot)) == trees[snapshot]
    assert files(tmp_path / "archive") == trees[RUNS]


def test_an_interrupted_checkout_is_continued(lived: tuple[Path, Trees], tmp_path: Path) -> None:
    root, trees = lived
    target = tmp_path / "target"
    with opened(root, read_only=True) as archive:
        snapshot = archive.history.find("2")
        assert snapshot
        next(check_out(archive, snapshot, target))
    assert (target / UNFINISHED).is_dir()
    assert laid_out(root, 2, target) == trees[2]
    assert not (target / UNFINISHED).exists()
    with pytest.raises(StorageError, match="is not empty: choose a new folder"):
        laid_out(root, 2, target)


def test_differences_are_the_differences_of_the_trees(lived: tuple[Path, Trees]) -> None:
    root, trees = lived
    with opened(root, read_only=True) as archive:
        for before, now in [(1, 2), (1, 5), (4, 3), (2, 2)]:
            found = archive.history.differences(before, now)
            new = {str(one.now.path) for one in found if one.kind in {ChangeKind.ADDED, ChangeKind.MOVED} and one.now}
            old = {
                str(one.before.path)
                for one in found
                if one.kind in {ChangeKind.REMOVED, ChangeKind.MOVED} and one.before
            }
            changed = {
                (str(one.before.path), str(one.now.path))
                for one in found
                if one.kind is ChangeKind.CHANGED and one.before and one.now
            }
            new |= {there for was, there in changed if was != there}
            old |= {was for was, there in changed if was != there}
            assert new - old == set(trees[now]) - set(trees[before])
            assert old - new == set(trees[before]) - set(trees[now])


def test_a_page_that_is_found_under_another_name_is_moved(tmp_path: Path) -> None:
    mirrored(tmp_path, Site().page("/", links=["/a"]).file("/a", "the same", "text/html"), 1)
    mirrored(tmp_path, Site().page("/", links=["/b"]).file("/b", "the same", "text/html"), 2)
    with opened(tmp_path) as archive:
        kinds = {(one.kind, one.now and one.now.url) for one in archive.history.differences(1, 2)}
        assert kinds == {
            (ChangeKind.CHANGED, f"{HOME}/"),
            (ChangeKind.ADDED, f"{HOME}/b"),
        }  # /a is unlinked, but still there
    mirrored(tmp_path, Site({"/a": Page(410)}).page("/", links=["/a", "/c"]).file("/c", "the same", "text/html"), 3)
    with opened(tmp_path) as archive:
        moved = [one for one in archive.history.differences(2, 3) if one.kind is ChangeKind.MOVED]
        assert [(one.before and one.before.url, one.now and one.now.url) for one in moved] == [
            (f"{HOME}/a", f"{HOME}/c")
        ]


SECRET: Final = b"nobody should ever read this"


@pytest.mark.parametrize("pattern", [f"{HOME}/secret", f"{HOME}/sec*"])
def test_a_forgotten_url_is_in_no_snapshot_and_never_fetched_again(tmp_path: Path, pattern: str) -> None:
    root = tmp_path / "archive"
    site = Site().page("/", links=["/secret", "/a"]).page("/secret", SECRET.decode(), links=["/a"]).page("/a")
    mirrored(root, site, 1)
    mirrored(root, site.page("/secret", SECRET.decode() + " again"), 2)
    with opened(root) as archive:
        with archive.manifest.transaction():
            assert archive.manifest.retention.forget(pattern, "now") == 2
        for _ in archive.settle():
            pass
        archive.collect()
        archive.manifest.compact()
    mirrored(root, site, 3)
    for snapshot in (1, 2, 3):
        laid_out(root, snapshot, tmp_path / str(snapshot))
    assert [place for place in tmp_path.rglob("*") if place.is_file() and SECRET in place.read_bytes()] == []
    assert f'href="{HOME}/secret"'.encode() in files(root)["example.org/index.html"]
    assert dangling(root) == []
    with opened(root, read_only=True) as archive:
        account = archive.history.account(canonical(f"{HOME}/secret"))
        assert account
        assert account.entry
        assert account.entry.reason == "forgotten on request"
