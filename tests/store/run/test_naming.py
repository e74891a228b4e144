"""Two files that want one place: which gets it depends on what the archive has, not on the order of the answers."""

import errno
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import permutations
from os import PathLike
from pathlib import Path, PosixPath
from tempfile import TemporaryDirectory
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mirror.core.policy.scope import Scope
from mirror.core.url.canonical import CanonicalURL, canonical
from mirror.core.url.local_paths import Law, Names
from mirror.store.archive import Archive
from mirror.store.checkout import check_out
from mirror.store.disk import name_probe
from mirror.store.disk.errors import StorageError
from mirror.store.run.crawl import Crawl
from tests.mirroring import Web, complete, dangling, files, run, sqlite
from tests.site import HTML, PNG, Site

HOME: Final = "https://example.org"
JSON: Final = "application/json"
TEXT: Final = "text/plain"
Step = tuple[str, ...]


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    opened = Archive(tmp_path / "archive")
    yield opened
    opened.close()


def again(
    archive: Archive, site: Site, *, start: str = HOME, web: Web | None = None, names: Names | None = None
) -> Crawl:
    """Make a whole run."""
    running = Crawl(archive, Scope((canonical(start),)), names=names, now=lambda: "2020-02-02T02:02:02+00:00")
    run(running, web or {start: site})
    complete(running)
    assert dangling(archive.root) == []
    assert on_the_disk(archive) == in_the_manifest(archive)
    return running


def in_the_manifest(archive: Archive) -> set[str]:
    found = [str(one.path) for one in archive.manifest.resources.all()]
    assert len(found) == len(set(found))
    return set(found)


def on_the_disk(archive: Archive) -> set[str]:
    return files(archive.root).keys() - {"index.html"}


def names(archive: Archive) -> set[str]:
    return {path.removeprefix("example.org/") for path in on_the_disk(archive)}


def body(archive: Archive, path: str) -> bytes:
    return files(archive.root)[f"example.org/{path}"]


# --- a folder and its index page ------------------------------------------------------------------------------------


def tutorial(index: str | None, folder: str | None = None) -> Site:
    """A site with a folder and its index page; `None`: it has none."""
    site = Site().page("/", links=["/t/", "/t/index.html"])
    for path, text in ("/t/index.html", index), ("/t/", folder):
        site.file(path, text or "", HTML, status=404 if text is None else 200)
    return site


@pytest.mark.parametrize("index", ["index.html", "index.htm", "INDEX.HTML", "index.php", "default.aspx"])
@pytest.mark.parametrize("is_first", [True, False])
def test_a_folder_and_its_index_page_share_a_file_if_they_are_the_same(
    archive: Archive, index: str, is_first: bool
) -> None:
    both = ["/t/", f"/t/{index}"]
    site = Site().page("/", links=both if is_first else both[::-1])
    for one in both:
        site.file(one, "<title>t</title><p>t</p>", HTML)
    again(archive, site)
    assert names(archive) == {"index.html", "t/index.html"}
    assert b'href="t/index.html"' in body(archive, "index.html")


def test_pages_that_differ_in_a_token_are_the_same(archive: Archive) -> None:
    page = '<p>Words</p><meta name="csrf-token" content="{}">'
    one, other = page.format("7c2a19e04b6d4f0a93b1"), page.format("e91f0c8b52da4c77b0d4")
    again(archive, tutorial(one, other))
    assert names(archive) == {"index.html", "t/index.html"}
    again(archive, tutorial(other, one))
    assert names(archive) == {"index.html", "t/index.html"}


@pytest.mark.parametrize("present", [("/t/",), ("/t/index.html",)])
def test_the_only_one_has_the_plain_name(archive: Archive, present: Step) -> None:
    again(archive, Site().page("/", links=list(present)).page(present[0]))
    assert names(archive) == {"index.html", "t/index.html"}


def test_an_index_page_with_other_contents_has_a_name_of_its_own(archive: Archive) -> None:
    again(archive, tutorial("<p>another", "<p>folder"))
    assert names(archive) == {"index.html", "t/index.html", "t/index~~.html"}
    assert b"folder" in body(archive, "t/index.html")
    assert b"another" in body(archive, "t/index~~.html")


def test_it_has_one_as_long_as_the_contents_differ(archive: Archive) -> None:
    for _ in range(2):
        again(archive, tutorial("<p>another", "<p>folder"))
        assert names(archive) == {"index.html", "t/index.html", "t/index~~.html"}
        again(archive, tutorial("<p>same", "<p>same"))
        assert names(archive) == {"index.html", "t/index.html"}


def test_the_index_page_takes_the_place_of_a_folder_that_is_gone(archive: Archive) -> None:
    again(archive, tutorial("<p>another", "<p>folder"))
    again(archive, tutorial("<p>another"))
    again(archive, tutorial("<p>another"))
    assert names(archive) == {"index.html", "t/index.html"}
    assert body(archive, "t/index.html") == b"<p>another"


@pytest.mark.parametrize(("path", "location"), [("/t/", "/t/index.html"), ("/t/index.html", "/t/")])
def test_a_page_goes_before_a_redirect_to_it(archive: Archive, path: str, location: str) -> None:
    site = Site().page("/", links=[path, location]).redirect(path, location).file(location, "<p>page", HTML)
    again(archive, site)
    assert body(archive, "t/index.html") == b"<p>page"
    again(archive, site)
    assert body(archive, "t/index.html") == b"<p>page"


# --- a file and the folder of its name ------------------------------------------------------------------------------


@pytest.mark.parametrize("links", list(permutations(["/api/users", "/api/users/5"])))
def test_a_file_makes_room_for_a_folder(archive: Archive, links: Step) -> None:
    site = Site().page("/", links=list(links)).file("/api/users", "[5]", JSON).file("/api/users/5", "{}", JSON)
    again(archive, site)
    assert names(archive) == {"index.html", "api/users~~", "api/users/5"}
    assert b'href="api/users~~"' in body(archive, "index.html")


def test_a_file_gets_its_place_back_when_the_folder_is_gone(archive: Archive) -> None:
    site = Site().page("/", links=["/a", "/a/b"]).file("/a", "x", TEXT).file("/a/b", "y", TEXT)
    again(archive, site)
    site = Site().page("/", links=["/a", "/a/b"]).file("/a", "x", TEXT).file("/a/b", "", TEXT, status=404)
    again(archive, site)
    again(archive, site)
    assert names(archive) == {"index.html", "a"}


def test_a_page_may_have_the_name_of_a_folder_with_an_extension(archive: Archive) -> None:
    site = Site().page("/", links=["/v.html", "/v.html/a.png"]).page("/v.html").file("/v.html/a.png", PNG, "image/png")
    again(archive, site)
    assert names(archive) == {"index.html", "v~~.html", "v.html/a.png"}


def test_a_folder_that_is_called_index_leaves_the_page_its_place_elsewhere(archive: Archive) -> None:
    again(archive, Site().page("/", links=["/index.html/a"]).page("/index.html/a"))
    assert names(archive) == {"%~.html", "index.html/a~.html"}


PLACES: Final = (
    "/a",
    "/a/",
    "/a/index.html",
    "/a/b",
    "/a/b/",
    "/a/b/c",
    "/index.html",
    "/a.html",
    "/a.html/b",
    "/A",
    "/a~~",
)
KINDS: Final = {"page": HTML, "text": TEXT, "json": JSON, "redirect": ""}


@st.composite
def sites(draw: st.DrawFn) -> Site:
    chosen = draw(st.lists(st.sampled_from(PLACES), min_size=2, max_size=6, unique=True))
    site = Site().page("/", links=chosen)
    for path in chosen:
        kind = draw(st.sampled_from([*KINDS]))
        text = draw(st.sampled_from(["one", "two"]))
        if kind == "redirect":
            site.redirect(path, draw(st.sampled_from(chosen)))
        else:
            site.file(path, f"<p>{text}</p>" if kind == "page" else text, KINDS[kind])
    return site


def _picking(picks: list[int]) -> Callable[[int], int]:
    left = list(picks)
    return lambda n: left.pop() % n if left else 0


@settings(max_examples=20, deadline=None)
@given(site=sites(), picks=st.lists(st.integers(0, 9), max_size=12), names=st.sampled_from(Names))
def test_the_order_of_the_answers_decides_nothing(site: Site, picks: list[int], names: Names) -> None:
    found = []
    for order in ([], picks, [9 - pick for pick in picks]):
        with TemporaryDirectory() as folder:
            archive = Archive(Path(folder))
            running = Crawl(archive, Scope((canonical(HOME),)), names=names, now=lambda: "2020-02-02T02:02:02+00:00")
            run(running, {HOME: site}, _picking(order))
            complete(running)
            assert dangling(archive.root) == []
            assert on_the_disk(archive) == in_the_manifest(archive)
            found.append(files(archive.root))
            again(archive, site)
            assert files(archive.root) == found[-1]
            for _ in archive.publish_all():
                pass
            assert files(archive.root) == found[-1]
            archive.close()
    assert found[0] == found[1] == found[2]


# --- the law of an archive ------------------------------------------------------------------------------------------


def downloads() -> Site:
    site = Site().page("/", links=["/README.md", "/LICENSE", "/Tool-1.0.tar.gz", "/img/Logo.PNG", "/Docs/"])
    for path, kind in {"/README.md": "text/markdown", "/LICENSE": TEXT, "/Tool-1.0.tar.gz": "application/gzip"}.items():
        site.file(path, path, kind)
    return site.file("/img/Logo.PNG", PNG, "image/png").page("/Docs/", links=["/README.md"])


EXACT_NAMES: Final = {"index.html", "README.md", "LICENSE", "Tool-1.0.tar.gz", "img/Logo.PNG", "Docs/index.html"}


def law(archive: Archive) -> Law:
    return archive.naming.law


def test_an_archive_keeps_its_names(archive: Archive) -> None:
    again(archive, downloads(), names=Names.PORTABLE)
    portable = names(archive)
    assert portable.isdisjoint(EXACT_NAMES - {"index.html"})
    again(archive, downloads())
    assert names(archive) == portable
    again(archive, downloads(), names=Names.EXACT)
    assert names(archive) == EXACT_NAMES
    assert archive.renamed == 5
    again(archive, downloads(), names=Names.PORTABLE)
    assert names(archive) == portable


def test_a_file_system_that_folds_case_gets_portable_names(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mirror.store.rules.naming.keeps_names", lambda _: False)
    again(archive, downloads())
    assert law(archive).names is Names.PORTABLE
    with pytest.raises(StorageError, match="use --names portable"):
        again(archive, downloads(), names=Names.EXACT)


def test_an_exact_archive_on_such_a_file_system_is_not_written(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    again(archive, downloads())
    monkeypatch.setattr("mirror.store.rules.naming.keeps_names", lambda _: False)
    with pytest.raises(StorageError, match="portable"):
        again(archive, downloads())
    again(archive, downloads(), names=Names.PORTABLE)


def test_the_file_system_is_probed_and_left_as_it_was(tmp_path: Path) -> None:
    assert name_probe.keeps_names(tmp_path)
    assert list(tmp_path.iterdir()) == []


class Folding(PosixPath):
    """A path on a file system that folds case, or normalises Unicode. It is enough for `keeps_names`."""

    fold: Callable[[str], str] = staticmethod(str)

    def __truediv__(self, name: str | PathLike[str]) -> "Folding":
        return super().__truediv__(type(self).fold(str(name)))


def _nfd(name: str) -> str:
    return unicodedata.normalize("NFD", name)


@pytest.mark.parametrize("fold", [str.lower, _nfd, lambda name: name.rstrip(".")])
def test_a_file_system_that_takes_two_names_for_one_is_recognised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fold: Callable[[str], str]
) -> None:
    monkeypatch.setattr(Folding, "fold", staticmethod(fold))
    assert not name_probe.keeps_names(Folding(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_no_reason_for_other_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "touch", full)
    with pytest.raises(OSError, match="No space left"):
        name_probe.keeps_names(tmp_path)


@contextmanager
def opened(root: Path) -> Iterator[Archive]:
    archive = Archive(root)
    try:
        yield archive
    finally:
        archive.close()


def test_older_archives_are_laid_out_anew_without_fetching(tmp_path: Path) -> None:
    with opened(tmp_path) as archive:
        again(archive, downloads(), names=Names.PORTABLE)
        with archive.manifest.transaction():
            sqlite(archive).run("DELETE FROM facts WHERE name = 'law of names'")
    with opened(tmp_path) as archive:
        before = {path.stat().st_ino for path in archive.root.glob(".mirror/objects/*/*")}
        assert sum(1 for _ in archive.publish_all()) == len(EXACT_NAMES)
        assert names(archive) == EXACT_NAMES
        assert dangling(archive.root) == []
        assert archive.renamed == 5
        assert {path.stat().st_ino for path in archive.root.glob(".mirror/objects/*/*")} == before


def test_old_snapshots_are_laid_out_with_the_names_of_today(archive: Archive, tmp_path: Path) -> None:
    again(archive, downloads(), names=Names.PORTABLE)
    again(archive, downloads().page("/Docs/", "<p>second</p>", links=["/LICENSE"]))
    again(archive, downloads().page("/Docs/", "<p>third</p>", links=["/LICENSE"]), names=Names.EXACT)
    for snapshot in archive.history.snapshots():
        target = tmp_path / str(snapshot.id)
        assert len(list(check_out(archive, snapshot, target))) == len(EXACT_NAMES)
        assert {path.removeprefix("example.org/") for path in files(target)} == EXACT_NAMES
        assert dangling(target) == []


@pytest.mark.parametrize("of_archive", Names)
def test_a_checkout_may_have_other_names(archive: Archive, tmp_path: Path, of_archive: Names) -> None:
    again(archive, downloads(), names=of_archive)
    mine = files(archive.root)
    other = next(names for names in Names if names is not of_archive)
    snapshot = archive.history.snapshots()[-1]
    list(check_out(archive, snapshot, tmp_path / "same"))
    list(check_out(archive, snapshot, tmp_path / "other", other))
    assert files(tmp_path / "same") == mine
    assert dangling(tmp_path / "other") == []
    again(archive, downloads(), names=other)
    assert files(tmp_path / "other") == files(archive.root)


@pytest.mark.parametrize("path", ["/index.html/a", "/v.html/b"])
def test_a_file_gets_the_place_of_a_folder_that_another_law_gave_another_name(archive: Archive, path: str) -> None:
    folder = path.rpartition("/")[0]
    site = Site().page("/", links=[folder, path]).page(path).page(folder)
    for law_of_run in (Names.EXACT, Names.PORTABLE, Names.EXACT, Names.PORTABLE):
        again(archive, site, names=law_of_run)


@pytest.mark.parametrize("names", Names)
@pytest.mark.parametrize(
    "second", [("<p>index", None), ("<p>another index", "<p>folder"), ("<p>same", "<p>same"), (None, "<p>f")]
)
@pytest.mark.parametrize("first", [("<p>index", "<p>folder"), ("<p>index", None), ("<p>same", "<p>same")])
def test_old_snapshots_keep_their_names_and_links(
    archive: Archive, tmp_path: Path, names: Names, first: tuple[str, str | None], second: tuple[str | None, str | None]
) -> None:
    trees = []
    for contents in (first, second, first):
        again(archive, tutorial(*contents), names=names)
        trees.append(files(archive.root))
    for snapshot, tree in zip(archive.history.snapshots(), trees, strict=True):
        target = tmp_path / str(snapshot.id)
        list(check_out(archive, snapshot, target))
        assert dangling(target) == []
        assert sorted(files(target)) == sorted(tree)


def test_a_file_that_moves_is_no_change_to_a_reader(archive: Archive) -> None:
    again(archive, Site().page("/", links=["/a"]).file("/a", "x", TEXT))
    again(archive, Site().page("/", links=["/a", "/a/b"]).file("/a", "x", TEXT).file("/a/b", "y", TEXT))
    assert names(archive) == {"index.html", "a~~", "a/b"}
    changed = {str(one.now.url if one.now else one.before) for one in archive.history.differences(1, 2)}
    assert changed == {f"{HOME}/", f"{HOME}/a/b"}


@pytest.mark.parametrize("query", ["utm_source=x", "jsessionid=0123456789ABCDEF"])
@pytest.mark.parametrize("names", Names)
def test_a_folder_that_leads_to_a_session_is_not_its_index_page(archive: Archive, names: Names, query: str) -> None:
    site = Site().page("/", links=["/t/", "/t/index.html"]).redirect("/t/", f"/t/?{query}")
    site.file(f"/t/?{query}", "<p>folder", HTML).file("/t/index.html", "<p>index", HTML)
    again(archive, site, names=names)
    assert b"<p>index" in files(archive.root).values()


@pytest.mark.parametrize("names", Names)
def test_redirects_share_no_file_although_their_bodies_are_equal(archive: Archive, names: Names) -> None:
    site = Site().page("/", links=["/d/", "/d/index.html"]).redirect("/d/", "/x").redirect("/d/index.html", "/y")
    site.page("/x").page("/y")
    trees = []
    for _ in range(3):
        again(archive, site, names=names)
        trees.append(files(archive.root))
    assert trees[0] == trees[1] == trees[2]
    list(archive.publish_all())
    assert files(archive.root) == trees[0]


def test_the_same_bytes_in_another_encoding_are_another_file(archive: Archive) -> None:
    site = Site().page("/", links=["/t/", "/t/index.html"])
    site.file("/t/", "<p>\xe9".encode("latin-1"), "text/html; charset=iso-8859-1")
    site.file("/t/index.html", "<p>\xe9".encode("latin-1"), "text/html; charset=koi8-r")
    again(archive, site)
    assert len({content for path, content in files(archive.root).items() if "/t/" in path}) == 2


# --- aliases and errors that fail ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("failing", [("/t/",), ("/t/index.html",), ("/t/", "/t/index.html")])
def test_an_alias_stays_one_while_a_url_fails(archive: Archive, failing: Step) -> None:
    again(archive, tutorial("<p>same", "<p>same"))
    before = files(archive.root)
    site = tutorial("<p>same", "<p>same")
    for path in failing:
        site.file(path, "Too busy", HTML, status=503)
    again(archive, site)
    assert files(archive.root) == before
    again(archive, tutorial("<p>same", "<p>same"))
    assert files(archive.root) == before


def test_a_dead_host_leaves_the_tree_as_it_was(archive: Archive) -> None:
    again(archive, tutorial("<p>same", "<p>same"))
    before = files(archive.root)
    again(archive, Site(), web={"https://example.com": Site()})
    assert files(archive.root) == before


@pytest.mark.parametrize("names", Names)
@pytest.mark.parametrize(
    ("good", "bad"), [("/t/index.html", "/t/"), ("/a.txt", "/a.txt/b"), ("/t/index.html", "/t/index.html/x")]
)
def test_the_page_of_an_error_takes_no_place_of_a_good_file(
    archive: Archive, names: Names, good: str, bad: str
) -> None:
    kind = TEXT if good.endswith(".txt") else HTML
    site = Site().page("/", links=[good, bad]).file(good, "good", kind).file(bad, "good", HTML, status=403)
    again(archive, Site().page("/", links=[good]).file(good, "good", kind), names=names)
    before = {path: content for path, content in files(archive.root).items() if content == b"good"}
    running = Crawl(
        archive, Scope((canonical(HOME),)), names=names, keeps_errors=True, now=lambda: "2020-02-02T02:02:02+00:00"
    )
    run(running, {HOME: site})
    complete(running)
    assert before.items() <= files(archive.root).items()
    assert on_the_disk(archive) == in_the_manifest(archive)


# --- http -----------------------------------------------------------------------------------------------------------


def test_an_archive_of_http_has_bare_folders_for_http(tmp_path: Path) -> None:
    for _ in range(2):
        with opened(tmp_path) as archive:
            again(archive, downloads(), start="http://example.org")
            assert names(archive) == EXACT_NAMES
            assert law(archive) == Law(Names.EXACT, "http")


def test_a_start_that_is_sent_on_to_https_has_bare_folders_for_https(archive: Archive) -> None:
    web = {"http://example.org": Site().redirect("/", f"{HOME}/"), HOME: downloads()}
    again(archive, Site(), start="http://example.org", web=web)
    assert names(archive) >= EXACT_NAMES
    assert law(archive).bare == "https"


def test_a_host_that_is_dead_decides_nothing(tmp_path: Path) -> None:
    with opened(tmp_path) as archive:
        running = Crawl(archive, Scope((canonical("http://example.org"),)), now=lambda: "2020-02-02T02:02:02+00:00")
        run(running, {})
        complete(running)
    with opened(tmp_path) as archive:
        assert not archive.naming.is_kept
        again(archive, downloads(), start="http://example.org")
        assert law(archive).bare == "http"


def test_the_law_is_part_of_each_version(archive: Archive) -> None:
    """A media type that changes moves a file, by the law of the archive."""
    again(archive, Site().page("/", links=["/a"]).file("/a", "x", TEXT))
    again(archive, Site().page("/", links=["/a"]).page("/a"))
    assert names(archive) == {"index.html", "a~.html"}
    assert (
        replace(law(archive), names=Names.PORTABLE).path(CanonicalURL(f"{HOME}/a"), "text/html")
        == "example.org/a~.html"
    )
