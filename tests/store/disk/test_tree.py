"""The tree: whole files at their paths, hard links to unchanged objects, and nothing outside of the tree."""

import errno
import hashlib
import os
import shutil
from pathlib import Path

import pytest

from mirror.core.http.caching import FileDate
from mirror.core.url.local_paths import LocalPath
from mirror.store.disk.errors import StorageError, storing
from mirror.store.disk.tree import Tree
from tests.mirroring import files

PAGE = LocalPath("example.org/a/b.html")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "root"


@pytest.fixture
def tree(root: Path) -> Tree:
    return Tree(root, root / ".mirror" / "new")


@pytest.fixture
def source(root: Path) -> Path:
    place = root / ".mirror" / "object"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(b"object")
    place.chmod(0o444)
    return place


def test_a_file_is_written_with_its_folders_and_nothing_beside_it(tree: Tree, root: Path) -> None:
    tree.write(PAGE, b"page")
    assert files(root) == {PAGE: b"page"}
    assert list(root.joinpath(".mirror/new").iterdir()) == []


def test_a_file_is_replaced_as_a_whole(tree: Tree, root: Path) -> None:
    tree.write(PAGE, b"page")
    with (root / PAGE).open("rb") as reader:
        tree.write(PAGE, b"another page")
        assert reader.read() == b"page"
    assert files(root) == {PAGE: b"another page"}


def test_an_object_is_linked_and_linked_again(tree: Tree, root: Path, source: Path) -> None:
    for _ in range(2):
        tree.link(PAGE, source)
        assert (root / PAGE).samefile(source)
    assert list(root.joinpath(".mirror/new").iterdir()) == []


def test_writing_over_a_link_leaves_the_object_as_it_was(tree: Tree, root: Path, source: Path) -> None:
    tree.link(PAGE, source)
    tree.write(PAGE, b"page")
    assert source.read_bytes() == b"object"
    tree.link(PAGE, source)
    assert files(root) == {PAGE: b"object"}


@pytest.mark.parametrize("code", [errno.EPERM, errno.EMLINK, errno.EXDEV, errno.EOPNOTSUPP])
def test_an_object_is_copied_if_the_file_system_has_no_links(
    tree: Tree, root: Path, source: Path, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "link", refuse)
    tree.link(PAGE, source)
    assert files(root) == {PAGE: b"object"}
    assert not (root / PAGE).samefile(source)


def test_an_object_that_is_missing_is_an_error_and_changes_nothing(tree: Tree, root: Path) -> None:
    tree.write(PAGE, b"page")
    with pytest.raises(FileNotFoundError):
        tree.link(PAGE, root / "nothing")
    assert files(root) == {PAGE: b"page"}


def test_a_removed_file_takes_its_empty_folders_along(tree: Tree, root: Path) -> None:
    other = LocalPath("example.org/c.html")
    tree.write(PAGE, b"page")
    tree.write(other, b"page")
    for _ in range(2):
        tree.remove(PAGE)
        assert not (root / "example.org/a").exists()
    assert files(root) == {other: b"page"}
    tree.write(PAGE, b"page")
    assert files(root) == {PAGE: b"page", other: b"page"}


def test_a_folder_that_another_process_removed_is_made_again(tree: Tree, root: Path, source: Path) -> None:
    tree.link(PAGE, source)
    Tree(root, root / ".mirror" / "new").remove(PAGE)
    assert not (root / "example.org").exists()
    tree.link(PAGE, source)
    assert (root / PAGE).read_bytes() == b"object"


def test_the_error_names_a_file_in_the_way_of_a_folder(tree: Tree, root: Path) -> None:
    (root / "example.org").write_bytes(b"mine")
    with pytest.raises(StorageError, match=r"example\.org: there is a file where a folder is needed"), storing(root):
        tree.write(PAGE, b"page")
    assert files(root) == {"example.org": b"mine"}


def test_the_error_names_a_folder_in_the_way_of_a_file(tree: Tree, root: Path) -> None:
    (root / PAGE).mkdir(parents=True)
    with pytest.raises(StorageError, match="there is a folder where a file belongs"), storing(root):
        tree.write(PAGE, b"page")


@pytest.mark.parametrize("place", ["example.org", "example.org/a"])
def test_a_symbolic_link_leads_nowhere_else(tree: Tree, root: Path, tmp_path: Path, place: str) -> None:
    outside = tmp_path / "outside"
    (outside / "a").mkdir(parents=True)
    (root / place).parent.mkdir(exist_ok=True)
    (root / place).symlink_to(outside)
    with pytest.raises(StorageError, match="through a symbolic link"):
        tree.write(PAGE, b"page")
    assert files(outside) == {}


def test_a_symbolic_link_in_the_place_of_a_file_is_replaced(tree: Tree, root: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"mine")
    (root / PAGE).parent.mkdir(parents=True)
    (root / PAGE).symlink_to(victim)
    tree.write(PAGE, b"page")
    assert victim.read_bytes() == b"mine"
    assert not (root / PAGE).is_symlink()


def test_a_file_that_a_killed_process_left_is_no_obstacle(tree: Tree, root: Path, source: Path) -> None:
    left = root / ".mirror/new" / str(os.getpid())
    os.link(source, left)
    tree.write(PAGE, b"page")
    assert source.read_bytes() == b"object"
    os.link(source, left)
    tree.link(PAGE, source)
    assert files(root) == {PAGE: b"object"}


def test_folders_that_another_process_removed_are_made_again(tree: Tree, root: Path, source: Path) -> None:
    deep = LocalPath("example.org/a/b/c.html")
    tree.link(deep, source)
    shutil.rmtree(root / "example.org")
    tree.link(deep, source)
    assert files(root) == {deep: b"object"}


# --- dates, and files that make room ----------------------------------------------------------------------------------

OTHER = LocalPath("example.org/a/c.html")
DATE = FileDate(1_000_000_000, is_modified=True)
LATER = FileDate(1_000_000_001, is_modified=True)
ANSWERED = FileDate(1_000_000_002, is_modified=False)


def test_a_file_has_its_date_and_so_has_its_object(tree: Tree, root: Path, source: Path) -> None:
    tree.link(PAGE, source, DATE)
    assert (root / PAGE).samefile(source)
    assert (root / PAGE).stat().st_mtime == DATE.seconds


def test_two_files_with_one_date_are_links(tree: Tree, root: Path, source: Path) -> None:
    tree.link(PAGE, source, DATE)
    tree.link(OTHER, source, DATE)
    assert (root / OTHER).samefile(root / PAGE)


def test_a_second_file_with_another_date_is_a_copy(tree: Tree, root: Path, source: Path) -> None:
    tree.link(PAGE, source, DATE)
    for _ in range(2):
        tree.link(OTHER, source, LATER)
        assert not (root / OTHER).samefile(root / PAGE)
        assert [(root / path).stat().st_mtime for path in (PAGE, OTHER)] == [DATE.seconds, LATER.seconds]
        assert files(root) == {PAGE: b"object", OTHER: b"object"}


def test_the_time_of_an_answer_is_worth_no_copy(tree: Tree, root: Path, source: Path) -> None:
    tree.link(PAGE, source, DATE)
    tree.link(OTHER, source, ANSWERED)
    assert (root / OTHER).samefile(root / PAGE)
    tree.remove(PAGE)
    tree.link(OTHER, source, ANSWERED)
    assert (root / OTHER).stat().st_mtime == ANSWERED.seconds


def test_a_stored_file_makes_room_for_a_folder_and_one_of_a_user_does_not(root: Path, source: Path) -> None:
    stored = hashlib.sha256(b"object").hexdigest()
    tree = Tree(root, root / ".mirror" / "new", lambda digest: digest == stored)
    tree.link(LocalPath("example.org/a"), source)
    tree.link(PAGE, source)
    assert files(root) == {PAGE: b"object"}
    (root / "example.org/b").write_bytes(b"of a user")
    with pytest.raises(FileExistsError):
        tree.link(LocalPath("example.org/b/c"), source)
    assert (root / "example.org/b").read_bytes() == b"of a user"


def test_a_file_does_not_replace_a_folder(tree: Tree, root: Path, source: Path) -> None:
    tree.link(PAGE, source)
    with pytest.raises(IsADirectoryError):
        tree.link(LocalPath("example.org/a"), source)
    tree.remove(LocalPath("example.org/a"))
    assert files(root) == {PAGE: b"object"}
