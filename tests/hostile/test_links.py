"""Symbolic links that were planted in the target: Websucker refuses or replaces them."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import pytest

from mirror.core.url.local_paths import LocalPath
from mirror.store.archive import Archive
from mirror.store.checkout import check_out
from mirror.store.disk.errors import StorageError, storing
from mirror.store.disk.objects import Digest
from tests.crawl.running import mirror
from tests.hostile.attacks import LAID_OUT, OUTSIDE, lay_out
from tests.replay.serving import mirrored
from tests.site import PNG, Site, serve

SITE: Final = "https://example.org"
HOST: Final = "example.org"
VICTIM: Final = f"{OUTSIDE}/victim.html"
NOWHERE: Final = "nowhere"
KEPT: Final = (
    ".mirror",
    ".mirror/lock",
    ".mirror/heartbeat.json",
    ".mirror/manifest.sqlite",
    ".mirror/manifest.sqlite-wal",
    ".mirror/manifest.sqlite-shm",
    ".mirror/objects",
    ".mirror/objects/new",
    ".mirror/copies",
    ".mirror/copies/new",
    ".mirror/new",
    ".mirror/partial",
)
FOLDERS: Final = (HOST, f"{HOST}/folder")


def web() -> dict[str, Site]:
    site = Site().page("/", "<img src=/folder/i.png>", links=["/folder/a"]).page("/folder/a", links=["/"])
    return {SITE: site.file("/folder/i.png", PNG, "image/png")}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Return the path of a copy, in a folder that has other files."""
    lay_out(tmp_path)
    return tmp_path / "copy"


def plant(copy: Path, place: str, target: str) -> None:
    (copy / place).parent.mkdir(parents=True, exist_ok=True)
    (copy / place).symlink_to(copy.parent / target)


def assert_untouched(copy: Path) -> None:
    root = copy.parent
    found = {
        str(path.relative_to(root)): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and copy not in path.parents
    }
    assert found == LAID_OUT
    assert not (root / NOWHERE).exists()


@pytest.mark.parametrize("place", [*KEPT, *FOLDERS])
@pytest.mark.parametrize("target", [OUTSIDE, VICTIM, NOWHERE, "copy/.mirror/objects"])
def test_a_link_in_the_place_of_a_part_is_refused(copy: Path, place: str, target: str) -> None:
    plant(copy, place, target)
    with pytest.raises(StorageError, match="symbolic link"), storing(copy):
        mirrored(copy, web(), SITE)
    assert_untouched(copy)
    assert (copy / place).is_symlink()


@pytest.mark.parametrize("target", [VICTIM, NOWHERE])
def test_a_link_in_the_place_of_a_file_is_replaced(copy: Path, target: str) -> None:
    places = ["index.html", f"{HOST}/index.html", f"{HOST}/folder/a~.html", f"{HOST}/folder/i.png"]
    for place in places:
        plant(copy, place, target if place != "index.html" else NOWHERE)
    mirrored(copy, web(), SITE)
    assert_untouched(copy)
    assert not any((copy / place).is_symlink() for place in places)


@pytest.mark.parametrize("folder", ["objects/new", "copies/new", "new", "partial"])
def test_links_among_half_written_files_are_removed(copy: Path, folder: str) -> None:
    mirrored(copy, web(), SITE)
    for name in ("a", "a.json", "1234"):
        plant(copy, f".mirror/{folder}/{name}", VICTIM)
    mirrored(copy, web(), SITE, "2026-11-25")
    assert_untouched(copy)
    assert not any(path.is_symlink() for path in copy.rglob("*"))


def test_a_link_in_the_place_of_an_object_is_no_object(copy: Path) -> None:
    mirrored(copy, web(), SITE)
    places = [path for path in (copy / ".mirror/objects").rglob("*") if path.is_file()]
    for place in places:
        place.unlink()
        place.symlink_to(copy.parent / VICTIM)
    archive = Archive(copy)
    digests = [Digest(place.parent.name + place.name) for place in places]
    assert not any(archive.objects.has(digest) or archive.objects.is_whole(digest) for digest in digests)
    assert archive.objects.put(PNG) in digests
    archive.close()
    assert_untouched(copy)


def test_a_link_in_the_place_of_a_folder_of_objects_is_refused(copy: Path) -> None:
    for number in range(256):
        plant(copy, f".mirror/objects/{number:02x}", OUTSIDE)
    with pytest.raises(StorageError, match="symbolic link"), storing(copy):
        mirrored(copy, web(), SITE)
    assert_untouched(copy)


def test_files_behind_a_link_are_not_collected(copy: Path) -> None:
    mirrored(copy, web(), SITE)
    spare = next(
        name for name in (f"{number:02x}" for number in range(256)) if not (copy / ".mirror/objects" / name).exists()
    )
    plant(copy, f".mirror/objects/{spare}", OUTSIDE)
    archive = Archive(copy)
    archive.collect()
    archive.close()
    assert_untouched(copy)


def test_nothing_is_removed_behind_a_link(copy: Path) -> None:
    """If the folder of a page is a link by now, removing the page keeps the file behind the link."""
    mirrored(copy, web(), SITE)
    for path in (copy / HOST / "folder").iterdir():
        path.unlink()
    (copy / HOST / "folder").rmdir()
    plant(copy, f"{HOST}/folder", OUTSIDE)
    victim = copy.parent / OUTSIDE / "a~.html"
    victim.write_bytes(b"mine")
    archive = Archive(copy)
    archive.tree.remove(path_of("folder/a~.html"))
    archive.close()
    assert victim.read_bytes() == b"mine"


def path_of(name: str) -> LocalPath:
    return LocalPath(f"{HOST}/{name}")


def test_a_checkout_writes_through_no_link(copy: Path) -> None:
    mirrored(copy, web(), SITE)
    target = copy.parent / "target"
    (target).mkdir()
    archive = Archive(copy)
    (snapshot,) = archive.history.snapshots()
    (copy.parent / OUTSIDE / f"{snapshot.id}.exact").touch()  # as if a checkout had started there
    (target / ".checkout").symlink_to(copy.parent / OUTSIDE)
    with pytest.raises(StorageError, match="symbolic link"):
        exhaust(check_out(archive, snapshot, target))
    archive.close()
    assert [path.name for path in target.iterdir()] == [".checkout"]


def exhaust(what: Iterable[object]) -> None:
    for _ in what:
        pass


def test_the_folder_that_the_user_names_may_be_a_link(copy: Path) -> None:
    (copy.parent / "elsewhere").mkdir()
    copy.symlink_to(copy.parent / "elsewhere")
    mirrored(copy, web(), SITE)
    assert (copy.parent / "elsewhere" / HOST / "index.html").is_file()


@pytest.mark.parametrize("place", [".mirror/lock", "{host}/folder"])
def test_a_refusal_is_one_line_and_an_exit_code(copy: Path, place: str) -> None:
    with serve(Site().page("/", links=["/folder/a"]).page("/folder/a")) as server:
        plant(copy, place.format(host=server.url.removeprefix("http://").replace(":", "_")), VICTIM)
        done = mirror(server.url, copy, settings={"MIRROR_PROGRESS": "off"})
    assert done.code == 4
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("websucker: ")]
    assert "symbolic link" in line
    assert_untouched(copy)
