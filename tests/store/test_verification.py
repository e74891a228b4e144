"""Verification: every damage is reported and repaired. A power cut is a damage at a bad moment."""

import os
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from mirror.core.policy.scope import Scope
from mirror.core.url.canonical import canonical
from mirror.store.archive import Archive
from mirror.store.disk.errors import StorageError
from mirror.store.disk.layout import KEPT
from mirror.store.disk.objects import Digest
from mirror.store.manifest.records import Resource
from mirror.store.run.crawl import Crawl
from mirror.store.verification import Damage, DamagedPart, repair, unknown_files, verify
from tests.mirroring import archive_state, complete, dangling, files, run
from tests.site import PNG, Site

HOME: Final = "http://example.org"
FOLDER: Final = "example.org"
SITE: Final = Site().page("/", '<img src="/x.png">', links=["/a", "/b"]).page("/a", "alone").page("/b", links=["/"])
SITE.file("/x.png", PNG, "image/png")


@contextmanager
def opened(root: Path) -> Iterator[Archive]:
    with closing(Archive(root)) as archive:
        yield archive


def crawl(archive: Archive) -> Crawl:
    return Crawl(archive, Scope((canonical(HOME),)), now=lambda: "2020-02-02T02:02:02+00:00")


def mirrored(root: Path, site: Site = SITE) -> list[str]:
    with opened(root) as archive:
        running = crawl(archive)
        asked = run(running, {HOME: site})
        complete(running)
        return [url.removeprefix(HOME) for url in asked]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    mirrored(tmp_path / "archive")
    return tmp_path / "archive"


def found(root: Path) -> list[Damage]:
    with opened(root) as archive:
        return [damage for damage in verify(archive) if damage]


def resource(archive: Archive, path: str) -> Resource:
    known = archive.manifest.frontier.find([canonical(HOME + path)])
    one = archive.manifest.resources.current(next(iter(known.values())))
    assert one
    return one


def object_of(root: Path, path: str) -> Path:
    with opened(root) as archive:
        return archive.objects.path(Digest(str(resource(archive, path).digest)))


def copy_of(root: Path, path: str) -> Path:
    with opened(root) as archive:
        digest = archive.manifest.resources.copy(resource(archive, path))
        assert digest
        return archive.copies.path(digest)


def in_tree(root: Path, path: str) -> Path:
    return root / FOLDER / path


def missing(place: Path) -> None:
    place.unlink()


def cut(place: Path) -> None:
    place.chmod(0o644)
    os.truncate(place, 5)


def flipped(place: Path) -> None:
    place.chmod(0o644)
    content = bytearray(place.read_bytes())
    content[3] ^= 1
    place.write_bytes(content)


def replaced(place: Path) -> None:
    place.unlink()
    place.write_bytes(b"something else")


def linked(place: Path) -> None:
    place.unlink()
    place.symlink_to("/etc/hostname")


def test_a_whole_archive_has_no_damage(root: Path) -> None:
    assert found(root) == []


@pytest.mark.parametrize("harm", [missing, cut, flipped, replaced])
@pytest.mark.parametrize("path", ["/x.png", "/a", "/"])
def test_a_damaged_object_is_reported_and_fetched_again_or_found_in_the_tree(
    root: Path, path: str, harm: Callable[[Path], None]
) -> None:
    tree, place = files(root), object_of(root, path)
    harm(place)
    damage = next(damage for damage in found(root) if damage.part is DamagedPart.OBJECT)
    assert (damage.place, [one.url for one in damage.resources]) == (place, [HOME + path])
    assert damage.what == ("it is missing" if harm is missing else "its content has changed")
    with opened(root) as archive:
        lost = repair(archive, [damage for damage in verify(archive) if damage])
    rescued = path != "/" and harm in {missing, replaced}  # a file of the tree still has its content
    assert [one.url for one in lost] == ([] if rescued else [HOME + path])
    mirrored(root)
    assert found(root) == []
    assert files(root) == tree


@pytest.mark.parametrize("harm", [missing, cut, flipped, replaced])
def test_a_damaged_copy_is_reported_and_made_again(root: Path, harm: Callable[[Path], None]) -> None:
    tree, place = files(root), copy_of(root, "/b")
    harm(place)
    assert {damage.part for damage in found(root)} >= {DamagedPart.COPY}
    with opened(root) as archive:
        assert repair(archive, [damage for damage in verify(archive) if damage]) == []
        for _ in archive.settle():
            pass
    assert found(root) == []
    assert files(root) == tree


@pytest.mark.parametrize("harm", [missing, replaced, linked])
@pytest.mark.parametrize("path", ["x.png", "a~.html", "index.html"])
def test_a_damaged_file_of_the_tree_is_reported_and_written_again(
    root: Path, path: str, harm: Callable[[Path], None]
) -> None:
    tree = files(root)
    harm(in_tree(root, path))
    [damage] = found(root)
    assert (damage.part, damage.place) == (DamagedPart.TREE, in_tree(root, path))
    with opened(root) as archive:
        assert repair(archive, [damage]) == []
        for _ in archive.settle():
            pass
    assert found(root) == []
    assert files(root) == tree
    assert not in_tree(root, path).is_symlink()


def test_a_file_of_the_tree_may_be_a_copy_of_its_object(root: Path) -> None:
    place = in_tree(root, "x.png")
    content = place.read_bytes()
    place.unlink()
    place.write_bytes(content)
    assert found(root) == []


def test_files_that_the_archive_did_not_write_are_reported_and_stay(root: Path) -> None:
    (root / FOLDER / "notes.txt").write_text("mine")
    (root / "link").symlink_to("/etc")
    with opened(root) as archive:
        assert list(unknown_files(archive)) == [root / FOLDER / "notes.txt", root / "link"]
        assert repair(archive, [damage for damage in verify(archive) if damage]) == []
        for _ in archive.settle():
            pass
    assert (root / FOLDER / "notes.txt").read_text() == "mine"
    assert (root / "link").is_symlink()


def test_a_damaged_page_of_the_manifest_is_reported(root: Path) -> None:
    place = root / KEPT / "manifest.sqlite"
    content = bytearray(place.read_bytes())
    page = content.index(b"http://example.org/x.png") // 4096 * 4096
    content[page + 8 : page + 16] = b"\xff" * 8
    place.write_bytes(content)
    assert told(root) == "manifest" or "`verify --repair` restores the manifest of the last complete run" in told(root)


def told(root: Path) -> str:
    """The part of the first damage, or the error that prevented the check."""
    try:
        return found(root)[0].part
    except StorageError as error:
        return str(error)


# A power cut


def emptied(place: Path) -> None:
    place.chmod(0o644)
    os.truncate(place, 0)


def zeroed(place: Path) -> None:
    place.chmod(0o644)
    place.write_bytes(bytes(place.stat().st_size))


@pytest.mark.parametrize("harm", [missing, emptied, zeroed])
@pytest.mark.parametrize("answers", [1, 2, 3, 4])
def test_what_a_power_cut_damaged_is_fetched_and_made_again(
    tmp_path: Path, harm: Callable[[Path], None], answers: int
) -> None:
    mirrored(tmp_path / "whole")
    root = tmp_path / "cut"
    with opened(root) as archive:
        run(crawl(archive), {HOME: SITE}, most=answers)
        unsynced = archive.manifest.resources.unsynced()
        places = [store.path(digest) for store in (archive.objects, archive.copies) for digest in unsynced]
    assert len(unsynced) >= answers
    for place in places:
        if place.exists():
            harm(place)
    mirrored(root)
    assert found(root) == []
    assert dangling(root) == []
    assert files(root) == files(tmp_path / "whole")
    assert state(root) == state(tmp_path / "whole")


def state(root: Path) -> dict[str, Any]:
    with opened(root) as archive:
        assert archive.manifest.resources.unsynced() == []
        return archive_state(archive)


@pytest.mark.parametrize("harm", [missing, emptied])
def test_an_object_that_is_written_again_with_the_bytes_it_had_is_remembered_until_it_is_synced(
    root: Path, harm: Callable[[Path], None]
) -> None:
    place = object_of(root, "/x.png")
    harm(place)
    with opened(root) as archive:
        assert archive.manifest.resources.unsynced() == []
        run(crawl(archive), {HOME: SITE})
        assert Digest(place.parent.name + place.name) in archive.manifest.resources.unsynced()
    zeroed(place)
    mirrored(root)
    assert place.read_bytes() == PNG
    assert state(root)


def test_an_object_that_is_restored_from_the_tree_is_remembered_until_it_is_synced(root: Path) -> None:
    place = object_of(root, "/x.png")
    missing(place)
    with opened(root) as archive:
        assert repair(archive, [damage for damage in verify(archive) if damage]) == []
        assert archive.manifest.resources.unsynced() == [Digest(place.parent.name + place.name)]


@pytest.mark.parametrize("harm", [emptied, zeroed])
def test_objects_that_no_manifest_knows_are_not_believed(tmp_path: Path, harm: Callable[[Path], None]) -> None:
    """The run that wrote them was killed before it committed, and then the power failed."""
    mirrored(tmp_path / "whole")
    root = tmp_path / "cut"
    with opened(root):
        empty = (root / KEPT / "manifest.sqlite").read_bytes()
    mirrored(root)
    for place in [*(root / KEPT / "objects").glob("??/*"), *(root / KEPT / "copies").glob("??/*")]:
        harm(place)
    for name in ("manifest.sqlite", "manifest.sqlite-wal", "manifest.sqlite-shm", "manifest.backup"):
        (root / KEPT / name).unlink(missing_ok=True)
    (root / KEPT / "manifest.sqlite").write_bytes(empty)
    mirrored(root)
    assert found(root) == []
    assert files(root) == files(tmp_path / "whole")
