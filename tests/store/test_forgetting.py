"""Forgetting: nothing of a forgotten URL is below the archive's folder, and what can't be reached is told."""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from shutil import copytree
from typing import Final

import pytest

from mirror.core.policy.scope import Scope
from mirror.core.url.canonical import CanonicalURL, canonical
from mirror.store import forgetting
from mirror.store.archive import Archive
from mirror.store.disk.layout import KEPT
from mirror.store.disk.objects import Digest
from mirror.store.disk.spool import Promise
from mirror.store.forgetting import Forgotten, forget
from mirror.store.run.crawl import Crawl
from mirror.store.verification import repair, verify
from tests.mirroring import complete, dangling, run
from tests.site import HTML, PNG, Site

HOME: Final = "http://example.org"
FOLDER: Final = "example.org"
NOW: Final = "2026-11-29T12:00:00+00:00"
SECRET: Final = b"MARKER-7f3a"


def site(edition: str = "") -> Site:
    pages = Site().page("/", '<img src="/x.png">', links=["/secret", "/a"]).page("/a", links=["/secret"])
    pages.page(
        "/secret", f"{SECRET.decode()} {edition}", links=["/a", f"http://other.org/{SECRET.decode()}"], headers=HEADERS
    )
    return pages.file("/x.png", PNG, "image/png")


HEADERS: Final = {"Content-Type": HTML, "X-Note": SECRET.decode()}


@contextmanager
def opened(root: Path) -> Iterator[Archive]:
    with closing(Archive(root)) as archive:
        yield archive


def mirrored(root: Path, pages: Site) -> None:
    with opened(root) as archive:
        running = Crawl(archive, Scope((canonical(HOME),)), now=lambda: NOW)
        run(running, {HOME: pages})
        complete(running)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("made")
    mirrored(root, site())
    mirrored(root, site("again"))
    leave_part(root, canonical(f"{HOME}/secret"))
    leave_part(root, canonical(f"{HOME}/secret.iso"))
    assert len(traces(root)) > len(("object", "copy", "manifest", "part", "part"))
    return root


@pytest.fixture
def root(made: Path, tmp_path: Path) -> Path:
    return Path(copytree(made, tmp_path / "archive"))


def leave_part(root: Path, url: CanonicalURL) -> None:
    with opened(root) as archive:
        spool = archive.spools.begin(url, Promise(url, '"1"', 10_000))
        spool.feed(SECRET * 100)
        spool.leave()


def traces(root: Path) -> list[str]:
    """The files below a folder that contain the secret."""
    places = (Path(folder, name) for folder, _, names in os.walk(root) for name in names)
    return sorted(str(place.relative_to(root)) for place in places if SECRET in place.read_bytes())


def forgotten(root: Path, pattern: str = f"{HOME}/secret*") -> Forgotten:
    with opened(root) as archive:
        return forget(archive, pattern, NOW)


def settled(root: Path) -> None:
    with opened(root) as archive:
        for _ in archive.settle():
            pass


def test_nothing_of_a_forgotten_url_is_left(root: Path) -> None:
    done = forgotten(root)
    assert (done.versions, done.sharing, done.left.linked, done.left.is_clean) == (2, (), 0, True)
    assert traces(root) == []
    settled(root)
    assert (traces(root), dangling(root)) == ([], [])
    with opened(root) as archive:
        assert [damage for damage in verify(archive) if damage] == []


def test_the_variants_of_a_forgotten_url_are_forgotten(root: Path) -> None:
    with closing(sqlite3.connect(root / ".mirror" / "manifest.sqlite")) as database, database:
        question = f"{HOME}/a#POST&=q={SECRET.decode()}"
        url_id = database.execute("INSERT INTO urls (url, since) VALUES (?, 1) RETURNING id", (question,)).fetchone()[0]
        database.execute(
            "INSERT INTO links SELECT id, 99, ?, 'requisite', 0 FROM resources WHERE until IS NULL LIMIT 1", (url_id,)
        )
        database.execute(
            "INSERT INTO resources (url_id, since, snapshot_id, standing, fetched, checked, status, headers, size) "
            "VALUES (?, 2, 2, 'failed', '', '', 500, '[]', 0)",
            (url_id,),
        )
    forgotten(root)
    assert any("manifest.sqlite" in one for one in traces(root))
    assert forgotten(root, f"{HOME}/a").versions == 2
    assert traces(root) == []


def test_a_run_that_was_not_finished_keeps_nothing_either(root: Path) -> None:
    with opened(root) as archive:
        run(Crawl(archive, Scope((canonical(HOME),)), now=lambda: NOW), {HOME: site("third")}, most=3)
    forgotten(root)
    assert traces(root) == []
    mirrored(root, site("third"))
    assert traces(root) == []


def path_of(root: Path, path: str) -> Path:
    with opened(root) as archive:
        known = archive.manifest.frontier.find([canonical(HOME + path)])
        one = archive.manifest.resources.current(next(iter(known.values())))
        assert one
        return archive.objects.path(Digest(str(one.digest)))


@pytest.mark.parametrize("path", ["/", "/a", "/secret"])
@pytest.mark.parametrize("harm", [Path.unlink, lambda place: replace(place, b"damaged")])
def test_a_damaged_object_keeps_nothing_from_being_forgotten(
    root: Path, path: str, harm: Callable[[Path], None]
) -> None:
    harm(path_of(root, path))
    forgotten(root)
    assert traces(root) == []
    with opened(root) as archive:
        repair(archive, [damage for damage in verify(archive) if damage])
    assert traces(root) == []


def replace(place: Path, content: bytes) -> None:
    place.unlink()
    place.write_bytes(content)


STEPS: Final = ("_remove_parts", "_unlink_others", "Archive.remove_released", "Archive.collect")


@pytest.mark.parametrize("step", STEPS)
def test_what_a_kill_left_is_forgotten_by_the_next_command(
    root: Path, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(f"mirror.store.forgetting.{step}", interrupt)
        with pytest.raises(KeyboardInterrupt):
            forgotten(root)
    assert traces(root)
    with opened(root) as archive:
        assert forgetting.finish(archive).size
        assert forgetting.finish(archive).size == 0
    assert traces(root) == []


def interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def test_a_reader_that_keeps_traces_in_the_log_is_told_and_the_next_command_finishes(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    impatient = ("journal_mode = WAL", "secure_delete = ON", "busy_timeout = 1")
    monkeypatch.setattr("mirror.store.sqlite.database._WRITER", impatient)
    reader = sqlite3.connect(root / KEPT / "manifest.sqlite", isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM urls").fetchone()
    assert not forgotten(root).left.is_clean
    reader.close()
    with opened(root) as archive:
        assert forgetting.finish(archive).is_clean
    assert traces(root) == []


def test_hard_links_in_the_tree_are_removed_and_those_elsewhere_are_told(root: Path, tmp_path: Path) -> None:
    place = path_of(root, "/secret")
    (root / FOLDER / "left behind.html").hardlink_to(place)
    (tmp_path / "checkout.html").hardlink_to(place)
    assert forgotten(root).left.linked == 1
    assert traces(root) == []
    assert traces(tmp_path) == ["checkout.html"]


def test_other_urls_with_the_same_content_are_told(tmp_path: Path) -> None:
    pages = Site().page("/", links=["/a", "/b", "/c"])
    for path in ("/a", "/b", "/c"):
        pages.file(path, SECRET.decode(), HTML)
    mirrored(tmp_path, pages)
    assert forgotten(tmp_path, f"{HOME}/a").sharing == (f"{HOME}/b", f"{HOME}/c")
    assert forgotten(tmp_path, f"{HOME}/b").sharing == (f"{HOME}/c",)
    assert forgotten(tmp_path, f"{HOME}/c").sharing == ()
    assert traces(tmp_path) == []


def test_a_page_that_is_held_is_forgotten(root: Path) -> None:
    """Its server says that it is gone, but it stays in the tree until the user decides."""
    with opened(root) as archive:
        resource_id = next(iter(archive.manifest.frontier.find([canonical(f"{HOME}/secret")]).values()))
        resource = archive.manifest.resources.current(resource_id)
        assert resource
        assert resource.path
        with archive.manifest.transaction():
            archive.manifest.departures.add(resource.path, resource.url_id, lost=True)
    forgotten(root)
    assert traces(root) == []
