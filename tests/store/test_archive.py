"""An archive: its data, the tree that is derived from them, and that the tree can be made again."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from mirror.core.document import documents
from mirror.core.http import messages
from mirror.core.policy.scope import Scope
from mirror.core.url.canonical import canonical
from mirror.store.archive import Archive
from mirror.store.disk.errors import StorageError, storing
from mirror.store.disk.layout import KEPT
from mirror.store.disk.objects import Digest
from mirror.store.index_page import INDEX
from mirror.store.run.crawl import Crawl
from tests.mirroring import Web, complete, dangling, files, links, run
from tests.site import HTML, PNG, Page, Site

HOME: Final = "http://example.org"
CDN: Final = "http://cdn.example.com"
FOLDER: Final = "example.org"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "archive"


@contextmanager
def opened(root: Path, **words: Any) -> Iterator[Archive]:
    archive = Archive(root, **words)
    try:
        yield archive
    finally:
        archive.close()


def mirrored(root: Path, web: Web, *starts: str, **words: Any) -> dict[str, bytes]:
    """Make a whole run, and return the tree."""
    rules = Scope(tuple(canonical(start) for start in starts or (HOME,)))
    with opened(root) as archive:
        crawl = Crawl(archive, rules, now=lambda: "2020-02-02T02:02:02+00:00", **words)
        run(crawl, web)
        complete(crawl)
    assert dangling(root) == []
    return files(root)


def published(root: Path) -> dict[str, bytes]:
    """Publish the whole tree again, and return it."""
    with opened(root, create=False) as archive, storing(root):
        for _ in archive.publish_all():
            pass
    return files(root)


def made_again(root: Path) -> dict[str, bytes]:
    """Delete the tree, publish it again, and return it."""
    for place in root.iterdir():
        if place.is_file():
            place.unlink()
        elif place.name != KEPT:
            shutil.rmtree(place)
    return published(root)


def start_place(root: Path) -> str:
    with opened(root) as archive:
        return archive.start_place().relative_to(root).as_posix()


# The tree is made again, byte for byte


SITES: Final[dict[str, tuple[Web, dict[str, Any]]]] = {
    "pages, pictures and styles": (
        {
            HOME: Site()
            .page("/", '<link rel="stylesheet" href="/s.css"><img src="/x.png">', links=["/a?b=c", "/Case", "/case"])
            .page("/a?b=c", links=["/", "#part", "/a/"])
            .page("/a/", links=[".."])
            .page("/Case")
            .page("/case")
            .file("/s.css", "@import 't.css'; p { background: url(x.png) }", "text/css")
            .file("/t.css", "p { color: red }", "text/css")
            .file("/x.png", PNG, "image/png")
        },
        {},
    ),
    "redirects": (
        {
            HOME: Site()
            .page("/", links=["/r", "/chain", "/loop", "/out", "/dead"])
            .redirect("/r", "/a")
            .redirect("/chain", "/r")
            .redirect("/loop", "/pool")
            .redirect("/pool", "/loop")
            .redirect("/out", CDN)
            .redirect("/dead", "/nothing")
            .page("/a", links=["/chain"])
        },
        {},
    ),
    "failures": (
        {HOME: Site().page("/", '<img src="/x.png">', links=["/gone", "/broken"]).page("/broken", status=500)},
        {},
    ),
    "a limit": (
        {HOME: Site().page("/", links=["/a", "/b", "/c"]).page("/a", links=["/c"]).page("/b").page("/c")},
        {"limit": 2},
    ),
    "another host": (
        {
            HOME: Site().page(
                "/", f'<link rel="stylesheet" href="{CDN}/s.css"><iframe src="{CDN}/f">', links=[f"{CDN}/"]
            ),
            CDN: Site()
            .file("/s.css", f"a {{ background: url(/x.png) }} b {{ background: url({HOME}/y.png) }}", "text/css")
            .file("/x.png", PNG, "image/png")
            .page("/f", links=["/", HOME]),
        },
        {},
    ),
    "nothing at all": ({}, {}),
}


@pytest.mark.parametrize("name", SITES)
def test_the_tree_made_again_is_byte_for_byte_the_tree(root: Path, name: str) -> None:
    web, words = SITES[name]
    tree = mirrored(root, web, **words)
    assert INDEX in tree
    assert made_again(root) == tree
    assert dangling(root) == []


def test_a_tree_that_was_kept_over_failures_is_made_again(root: Path) -> None:
    mirrored(root, SITES["pages, pictures and styles"][0])
    tree = mirrored(root, {})
    assert len(tree) == 9
    assert made_again(root) == tree


def test_the_tree_of_an_interrupted_run_is_made_right(root: Path) -> None:
    with opened(root) as archive:
        crawl = Crawl(archive, Scope((canonical(HOME),)), now=lambda: "2026-01-01T00:00:00+00:00")
        run(crawl, SITES["pages, pictures and styles"][0], most=3)
    assert made_again(root)
    assert dangling(root) == []


def test_a_part_of_the_tree_is_made_again(root: Path) -> None:
    tree = mirrored(root, SITES["pages, pictures and styles"][0])
    (root / FOLDER / "index.html").write_bytes(b"spoilt")
    (root / FOLDER / "s.css").unlink()
    assert published(root) == tree


# Files that need no rewriting are hard links


def test_a_file_that_needs_no_rewriting_is_a_hard_link_to_its_object(root: Path) -> None:
    site = Site().page(
        "/", '<img src="x.png"><link rel="stylesheet" href="s.css"><script src="a.js"></script>', links=["p"]
    )
    site.file("/x.png", PNG, "image/png").file("/s.css", "p { color: red }", "text/css").page("/p", "No reference.")
    site.file("/a.js", "fetch('/x.png')", "text/javascript")
    mirrored(root, {HOME: site})
    with opened(root) as archive:
        linked = {
            resource.url.removeprefix(HOME)
            for resource in archive.manifest.resources.all()
            if (root / str(resource.path)).samefile(archive.objects.path(Digest(str(resource.digest))))
        }
    assert linked == {"/x.png", "/s.css", "/a.js", "/p"}


# Redirects


def leads_from(root: Path, path: str) -> list[str]:
    """Return the links of a file of the tree, each once."""
    return list(dict.fromkeys(links(files(root)[f"{FOLDER}/{path}"])))


def test_a_link_to_a_redirect_opens_its_target_and_so_does_its_own_path(root: Path) -> None:
    site = Site().page("/", links=["/r#part", "/chain"]).redirect("/r", "/a/b").redirect("/chain", "/r").page("/a/b")
    mirrored(root, {HOME: site})
    assert leads_from(root, "index.html") == ["a/b~.html#part", "a/b~.html"]
    assert leads_from(root, "r~.html") == ["a/b~.html"]
    assert leads_from(root, "chain~.html") == ["a/b~.html"]


def test_a_redirect_to_a_file_that_is_no_page_opens_it(root: Path) -> None:
    site = Site().page("/", '<img src="/r.png">').redirect("/r.png", "/x.png").file("/x.png", PNG, "image/png")
    mirrored(root, {HOME: site})
    assert leads_from(root, "index.html") == ["x.png"]
    assert leads_from(root, "r.png~.html") == ["x.png"]


@pytest.mark.parametrize(
    ("site", "link", "leads_to"),
    [
        (Site().redirect("/r", f"{CDN}/x"), f"{HOME}/r", f"{CDN}/x"),
        (Site().redirect("/r", "/gone"), f"{HOME}/r", f"{HOME}/gone"),
        (Site().redirect("/r", "/r"), f"{HOME}/r", f"{HOME}/r"),
        (Site().redirect("/r", "/s").redirect("/s", "/t").redirect("/t", "/s"), f"{HOME}/r", f"{HOME}/s"),
    ],
    ids=["outside", "to nothing", "to itself", "into a circle"],
)
def test_a_redirect_that_reaches_no_copy_leads_to_the_live_site(
    root: Path, site: Site, link: str, leads_to: str
) -> None:
    mirrored(root, {HOME: site.page("/", links=["/r"])})
    assert leads_from(root, "index.html") == [link]
    assert leads_from(root, "r~.html") == [leads_to]


@pytest.mark.parametrize(("hops", "reached"), [(19, True), (25, False)])
def test_a_chain_of_redirects_is_followed_as_far_as_browsers_do(root: Path, *, hops: int, reached: bool) -> None:
    site = Site().page("/", links=["/0"]).page(f"/{hops}")
    for hop in range(hops):
        site.redirect(f"/{hop}", f"/{hop + 1}")
    mirrored(root, {HOME: site})
    assert leads_from(root, "index.html") == [f"{hops}~.html" if reached else f"{HOME}/0"]


def test_of_several_locations_the_first_counts(root: Path) -> None:
    site = (
        Site()
        .page("/", links=["/r"])
        .page("/a")
        .page("/b")
        .file("/r", "", HTML, status=301, headers={"Location": "/a"})
    )
    mirrored(root, {HOME: site})
    assert leads_from(root, "index.html") == ["a~.html"]


# The index page


def test_the_index_page_lists_the_starts(root: Path) -> None:
    site = Site().page("/", links=["/a"]).page("/a?b&c").redirect("/r", "/")
    tree = mirrored(root, {HOME: site}, HOME, f"{HOME}/a?b&c", f"{HOME}/r", f"{HOME}/gone")
    assert list(links(tree[INDEX])) == [f"{FOLDER}/index.html", f"{FOLDER}/a@b%26c~.html"]
    assert b"http://example.org/a?b&amp;c" in tree[INDEX]
    assert start_place(root) == INDEX


def test_a_single_start_is_what_to_open(root: Path) -> None:
    mirrored(root, {HOME: Site().redirect("/", "/a").page("/a")})
    assert start_place(root) == f"{FOLDER}/a~.html"


def test_the_index_page_says_that_there_is_nothing(root: Path) -> None:
    assert b"Nothing yet." in mirrored(root, {})[INDEX]
    assert start_place(root) == INDEX


def test_starts_of_all_runs_are_listed(root: Path) -> None:
    web = {HOME: Site().page("/"), CDN: Site().page("/")}
    mirrored(root, web, HOME)
    tree = mirrored(root, web, CDN)
    assert list(links(tree[INDEX])) == [f"{FOLDER}/index.html", "cdn.example.com/index.html"]


# Folders that are refused


@pytest.mark.parametrize("name", ["a b", "a?b=c#d", "100%25", "[a]", "é☃", "a'b\"c", "a:b@c"])
def test_an_archive_stands_in_a_folder_of_any_name(tmp_path: Path, name: str) -> None:
    tree = mirrored(tmp_path / name, {HOME: Site().page("/")})
    assert made_again(tmp_path / name) == tree
    assert [place.name for place in tmp_path.iterdir()] == [name]


def test_a_folder_with_a_page_of_its_own_is_refused(tmp_path: Path) -> None:
    (tmp_path / INDEX).write_text("mine")
    with pytest.raises(StorageError, match=r"index\.html belongs to no archive: choose another folder"):
        Archive(tmp_path)
    assert files(tmp_path) == {INDEX: b"mine"}
    assert not (tmp_path / KEPT).exists()


def test_a_folder_that_is_no_archive_is_not_made_one(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"is not an archive: it has no folder \.mirror"):
        Archive(tmp_path / "nothing", create=False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("place", ["file", "file/archive", f"folder/{KEPT}"])
def test_the_error_names_a_file_in_the_way(tmp_path: Path, place: str) -> None:
    (tmp_path / "folder").mkdir()
    blocking = tmp_path / ("file" if place.startswith("file") else place)
    blocking.write_text("mine")
    root = tmp_path / (place if place.startswith("file") else "folder")
    with pytest.raises(StorageError, match="there is a file where a folder is needed") as error:
        Archive(root)
    assert str(error.value).startswith(f"{blocking}: ")
    assert blocking.read_text() == "mine"


OPENING = """
import sys
from pathlib import Path
from mirror.store.archive import Archive
from mirror.store.index_page import INDEX
from mirror.store.disk.errors import StorageError
try:
    Archive(Path(sys.argv[1]))
except StorageError as error:
    sys.exit(str(error))
"""


def test_an_archive_is_for_one_process_at_a_time(root: Path) -> None:
    def another() -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", OPENING, str(root)]
        return subprocess.run(command, stderr=subprocess.PIPE, text=True, timeout=60, check=False)

    with opened(root):
        refused = another()
    assert refused.returncode == 1
    told = r"lock is in use by another run \(process (\d+), since [-\d]{10} [:\d]{8} UTC\): wait until it ends$"
    match = re.search(told, refused.stderr.strip())
    assert match
    assert int(match[1]) == os.getpid()
    assert another().returncode == 0


def test_a_document_that_is_too_long_is_kept_as_received(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = Site().page("/", links=["/long"]).page("/long", "x" * 2000, links=[HOME])
    monkeypatch.setattr(messages, "MAX_READ", 1000)
    mirrored(root, {HOME: site})
    with opened(root) as archive:
        assert len(list(archive.publish_all())) == 2
        version = archive.history.version(canonical(f"{HOME}/long"), 1)
        assert version is not None
        assert documents.find_references(archive.response(version, Digest(str(version.digest)))) == []
    long = site["/long"]
    assert isinstance(long, Page)
    assert files(root)["example.org/long~.html"] == long.body
    assert files(root)["example.org/index.html"] != long.body


def test_files_whose_objects_are_missing_are_left_out_and_told(root: Path) -> None:
    mirrored(root, {HOME: Site().page("/", '<img src="/x.png">').file("/x.png", PNG, "image/png")})
    for place in (root / KEPT / "objects").glob("??/*"):
        place.unlink()
    with opened(root) as archive:
        assert list(archive.publish_all()) == []
        assert sorted(set(archive.unpublished)) == [f"{HOME}/", f"{HOME}/x.png"]
