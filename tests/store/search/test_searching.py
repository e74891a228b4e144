"""The search of an archive: what is found in which snapshots, and that nothing of what was removed is left."""

import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from shutil import copytree
from typing import Final

import pytest

from mirror.core.policy.scope import Scope
from mirror.core.search.page_text import PageText, Part
from mirror.core.search.query import Query, parse
from mirror.core.url.canonical import canonical
from mirror.store import searching
from mirror.store.archive import Archive
from mirror.store.archive_reader import ArchiveReader
from mirror.store.disk.errors import StorageError
from mirror.store.disk.layout import KEPT
from mirror.store.disk.objects import Digest
from mirror.store.forgetting import forget
from mirror.store.manifest.rendering_records import RenderingOutcome, RenderMode
from mirror.store.run.crawl import Crawl
from mirror.store.search.database import DamagedIndexError
from mirror.store.search.index import SearchIndex
from mirror.store.search.kinds import Kind
from mirror.store.search.schema import FILES
from mirror.store.searching import Search, bring_up_to_date, is_current, open_index, remove_texts, search, spans
from mirror.store.verification import DamagedPart, repair, verify
from tests.mirroring import complete, run
from tests.site import HTML, Site

HOME: Final = "http://example.org"
NOW: Final = "2026-11-29T12:00:00+00:00"
SECRET: Final = "zebrafinch"


def site(edition: str) -> Site:
    pages = Site().page("/", f"<title>Start</title>welcome {edition}", links=["/a", "/b", "/n.txt", "/old"])
    pages.file("/a", b"<title>Guide to birds</title><p>All about them.", HTML)
    pages.page("/b", "<p>birds birds here")
    pages.page("/old", f"<p>{SECRET} flies" if edition == "two" else "<p>nothing flies", links=["/a"])
    return pages.file("/n.txt", "caf\u00e9 notes about birds".encode("latin-1"), "text/plain; charset=iso-8859-1")


def crawl(root: Path, pages: Site) -> None:
    with closing(Archive(root)) as archive:
        running = Crawl(archive, Scope((canonical(HOME),)), now=lambda: NOW)
        run(running, {HOME: pages})
        complete(running)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three runs: a word is on a page in the second one only."""
    root = tmp_path_factory.mktemp("made")
    for edition in ("one", "two", "three"):
        crawl(root, site(edition))
    return root


@pytest.fixture
def root(made: Path, tmp_path: Path) -> Path:
    return Path(copytree(made, tmp_path / "archive"))


@contextmanager
def current(root: Path) -> Iterator[tuple[ArchiveReader, SearchIndex]]:
    """An archive and its index, which is up to date."""
    with closing(ArchiveReader(root)) as archive, closing(open_index(root)) as index:
        for _ in bring_up_to_date(archive, index):
            pass
        assert is_current(archive, index)
        yield archive, index


def query(text: str) -> Query:
    found = parse(text)
    assert found
    return found


def found(root: Path, text: str, at: int | None = None, glob: str = "*", kinds: Sequence[Kind] = ()) -> list[str]:
    with current(root) as (archive, index):
        wanted = Search(query(text), at, glob, tuple(kinds))
        return [url.removeprefix(HOME) for some in search(archive, index, wanted) for url, _ in some]


def seen(root: Path, text: str, path: str) -> list[tuple[int, int]]:
    with current(root) as (archive, index):
        url = canonical(HOME + path)
        return spans(archive, index, query(text), [url]).get(url, [])


def traces(root: Path, word: str = SECRET) -> list[str]:
    """The files below a folder that contain a word."""
    places = (Path(folder, name) for folder, _, names in os.walk(root) for name in names)
    return sorted(place.name for place in places if word.encode() in place.read_bytes())


def index_all(root: Path) -> None:
    with current(root):
        pass


# --- finding ----------------------------------------------------------------------------------------------------------


def test_a_title_weighs_more_than_the_rest(root: Path) -> None:
    assert found(root, "birds", 3) == ["/a", "/b", "/n.txt"]


def test_if_too_many_texts_match_those_with_the_words_in_a_title_come_first(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mirror.store.search.index._MOST_RANKED", 1)
    assert found(root, "birds", 3)[0] == "/a"
    assert sorted(found(root, "birds", 3)) == ["/a", "/b", "/n.txt"]
    assert sorted(found(root, "birds NOT guide", 3)) == ["/b", "/n.txt"]
    assert sorted(found(root, "birds guide OR here", 3)) == ["/a", "/b"]


def test_a_word_is_found_in_the_snapshots_that_show_it(root: Path) -> None:
    assert [found(root, SECRET, at) for at in (1, 2, 3)] == [[], ["/old"], []]
    assert found(root, SECRET) == ["/old"]
    assert seen(root, SECRET, "/old") == [(2, 2)]
    assert seen(root, "nothing", "/old") == [(1, 1), (3, 3)]
    assert seen(root, "flies", "/old") == [(1, 3)]
    assert seen(root, "birds", "/a") == [(1, 3)]


def test_results_are_of_the_wanted_urls_and_kinds(root: Path) -> None:
    assert found(root, "birds", 3, "*/n.txt") == ["/n.txt"]
    assert found(root, "birds", 3, "*/?") == ["/a", "/b"]
    assert found(root, "birds", 3, kinds=[Kind.TEXT]) == ["/n.txt"]
    assert found(root, "birds", 3, kinds=[Kind.HTML, Kind.TEXT]) == ["/a", "/b", "/n.txt"]
    assert found(root, "cafe", 3) == ["/n.txt"]


def test_a_url_is_listed_once_and_each_that_has_the_same_text(tmp_path: Path) -> None:
    pages = Site().page("/", links=["/x", "/y"]).page("/x", "the same text").page("/y", "the same text")
    crawl(tmp_path, pages)
    assert found(tmp_path, "same text") == ["/x", "/y"]


def test_redirects_pictures_and_scripts_are_not_searched(tmp_path: Path) -> None:
    pages = Site().page("/", "<script>scripted</script><style>styled</style>", links=["/r"])
    pages.redirect("/r", "/").file("/s.js", b"scripted", "text/javascript")
    crawl(tmp_path, pages)
    assert found(tmp_path, "scripted OR styled OR moved") == []


def test_the_text_that_a_browser_showed_is_searched(tmp_path: Path) -> None:
    """Of a page that scripts built, both what was received and what they made of it."""
    pages = Site().page("/", "received <div id=root></div><script src=/app.js></script>")
    pages.file("/app.js", b"1", "text/javascript")
    with closing(Archive(tmp_path)) as archive:
        running = Crawl(archive, Scope((canonical(HOME),)), rendering=RenderMode.DOM, now=lambda: NOW)
        run(running, {HOME: pages})
        claimed = running.pages.next()
        assert claimed
        running.pages.finish(claimed[0], (), "<p>Gebäude</p>".encode(), RenderingOutcome(), ())
        complete(running)
    assert found(tmp_path, "received", 1) == ["/"]
    assert found(tmp_path, "gebaude", 1) == ["/"]
    assert seen(tmp_path, "gebaude", "/") == [(1, 1)]
    with closing(Archive(tmp_path)) as archive:
        forget(archive, canonical(f"{HOME}/"), NOW)
    assert traces(tmp_path, "geb") == []


def test_the_text_that_a_browser_showed_is_found_until_the_page_is_rendered_again(tmp_path: Path) -> None:
    """The page stays the same; only its scripts, and what they make of it, change. The third run can't render it."""
    html = "<div id=root></div><script src=/app.js></script>"
    for number, word in enumerate(("elephant", "zebra", ""), 1):
        pages = Site().page("/", html).file("/app.js", str(number).encode(), "text/javascript")
        with closing(Archive(tmp_path)) as archive:
            running = Crawl(archive, Scope((canonical(HOME),)), rendering=RenderMode.DOM, now=lambda: NOW)
            run(running, {HOME: pages})
            claimed = running.pages.next()
            assert claimed
            if word:
                running.pages.finish(claimed[0], (), f"<p>{word}</p>".encode(), RenderingOutcome(), ())
            complete(running)
    for word, snapshots in (("elephant", [1]), ("zebra", [2, 3])):
        assert [at for at in (1, 2, 3) if found(tmp_path, word, at)] == snapshots
        assert [at for at in (1, 2, 3) if found(tmp_path, word, at, "*/")] == snapshots
        assert seen(tmp_path, word, "/") == [(snapshots[0], snapshots[-1])]
        with current(tmp_path) as (archive, index):
            counts = [searching.count(archive, index, Search(query(word), at)) for at in (1, 2, 3)]
        assert counts == [int(at in snapshots) for at in (1, 2, 3)]


def test_the_same_bytes_are_read_as_each_url_says(tmp_path: Path) -> None:
    payload = b"<p class=attribute>word</p><script>code</script>"
    pages = Site().page("/", links=["/p.html", "/p.txt"])
    crawl(tmp_path, pages.file("/p.html", payload, HTML).file("/p.txt", payload, "text/plain"))
    for glob in ("*", "*/p.*"):
        assert found(tmp_path, "attribute code", glob=glob) == ["/p.txt"]
        assert sorted(found(tmp_path, "word", glob=glob)) == ["/p.html", "/p.txt"]
        assert found(tmp_path, "word", glob=glob, kinds=[Kind.HTML]) == ["/p.html"]
        assert found(tmp_path, "word", glob=glob, kinds=[Kind.TEXT]) == ["/p.txt"]
    assert seen(tmp_path, "code", "/p.html") == []
    with current(tmp_path) as (archive, index):
        assert searching.count(archive, index, Search(query("code"))) == 1
        assert searching.count(archive, index, Search(query("word"))) == 2


def test_elements_of_xhtml_end_with_a_slash(tmp_path: Path) -> None:
    xhtml = "<html xmlns='http://www.w3.org/1999/xhtml'><title/><script src='x'/><p>behind caf&eacute;</p></html>"
    pages = Site().page("/", links=["/x", "/h"]).file("/x", xhtml, "application/xhtml+xml")
    crawl(tmp_path, pages.file("/h", xhtml.replace("behind", "inside"), HTML))
    assert found(tmp_path, "behind café") == ["/x"]
    assert found(tmp_path, "inside") == []


def test_hostile_pages_are_searched(tmp_path: Path) -> None:
    pages = Site().page("/", links=["/long", "/nul", "/deep"]).page("/long", "x" * (1 << 20) + " behind")
    pages.file("/nul", b"<p>before\0 after \xff\xfe <h1><h2>open", HTML).page("/deep", "<b>" * 5000 + "deepest")
    crawl(tmp_path, pages)
    assert found(tmp_path, "behind") == ["/long"]
    assert found(tmp_path, "after open") == ["/nul"]
    assert found(tmp_path, "deepest") == ["/deep"]


# --- up to date -------------------------------------------------------------------------------------------------------


def test_an_index_follows_the_archive(tmp_path: Path) -> None:
    crawl(tmp_path, site("one"))
    assert found(tmp_path, "one") == ["/"]
    crawl(tmp_path, site("two"))
    assert found(tmp_path, "two", 2) == ["/"]
    assert found(tmp_path, "one", 2) == []
    assert found(tmp_path, "one", 1) == ["/"]


def test_an_index_that_is_current_is_not_read_again(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index_all(root)
    monkeypatch.setattr(SearchIndex, "missing", lambda *_: pytest.fail("it looked for texts"))
    assert found(root, "birds", 3) == ["/a", "/b", "/n.txt"]


def test_a_text_is_read_once(root: Path) -> None:
    index_all(root)
    with closing(sqlite3.connect(root / KEPT / FILES[0])) as database:
        [(texts,)] = database.execute("SELECT count(*) FROM texts").fetchall()
    assert texts == len(["/ one", "/ two", "/ three", "/a", "/b", "/old", "/old of two", "/n.txt"])


def test_what_was_added_before_an_interruption_stays(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searching, "_MOST", 2)
    with closing(ArchiveReader(root)) as archive, closing(open_index(root)) as index:
        updating = bring_up_to_date(archive, index)
        assert next(updating) == 2
        del updating
        assert not is_current(archive, index)
        assert searching.missing(archive, index) == 6
        assert list(bring_up_to_date(archive, index)) == [2, 4, 6]
        assert searching.missing(archive, index) == 0


def test_an_index_is_made_while_a_crawl_runs(tmp_path: Path) -> None:
    with closing(Archive(tmp_path)) as archive:
        running = Crawl(archive, Scope((canonical(HOME),)), now=lambda: NOW)
        run(running, {HOME: site("one")}, flying=1, most=2)
        first = found(tmp_path, "welcome OR birds")
        assert "/" in first
        run(running, {HOME: site("one")})
        complete(running)
        assert sorted(found(tmp_path, "welcome OR birds")) == ["/", "/a", "/b", "/n.txt"]
        assert seen(tmp_path, "birds", "/a") == [(1, 1)]


def test_two_processes_make_an_index_at_once(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads with connections of their own take turns as processes do."""
    monkeypatch.setattr(searching, "_MOST", 1)
    results: list[list[str]] = []
    threads = [threading.Thread(target=lambda: results.append(found(root, "birds", 3))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [["/a", "/b", "/n.txt"]] * 4
    test_a_text_is_read_once(root)


@pytest.mark.parametrize("damage", [None, b"XXXX"], ids=["missing", "damaged"])
def test_an_object_that_comes_back_is_found(root: Path, damage: bytes | None) -> None:
    with closing(Archive(root, read_only=True)) as archive:
        resource = archive.history.version(canonical(f"{HOME}/a"), 3)
        assert resource
        place = archive.objects.path(Digest(str(resource.digest)))
    payload = place.read_bytes()
    place.unlink()
    if damage:
        place.write_bytes(damage * (len(payload) // 4 + 1))
    with closing(ArchiveReader(root)) as archive, closing(open_index(root)) as index:
        unread: list[tuple[Digest, str]] = []
        assert list(bring_up_to_date(archive, index, unread)) == [7]
        assert unread == [(resource.digest, Kind.HTML)]
        assert not is_current(archive, index)
        assert [url for some in search(archive, index, Search(query("birds"), 3)) for url, _ in some] == [
            canonical(HOME + path) for path in ("/b", "/n.txt")
        ]
        assert not list(search(archive, index, Search(query("XX*"))))
    place.unlink(missing_ok=True)
    place.write_bytes(payload)
    assert found(root, "birds", 3) == ["/a", "/b", "/n.txt"]


def test_a_pdf_whose_reading_was_cut_short_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pages = Site().page("/", links=["/f.pdf", "/g.pdf"])
    pages.file("/f.pdf", b"%PDF-", "application/pdf").file("/g.pdf", b"%PDF", "application/pdf")
    crawl(tmp_path, pages)
    monkeypatch.setattr(searching, "readable_types", lambda: ["text/html", "application/pdf"])
    texts = iter([PageText(((Part.BODY, "whole"),)), None, PageText(((Part.BODY, "again"),))])
    monkeypatch.setattr("mirror.store.search.object_text.pdf_text", lambda _: next(texts))
    with closing(ArchiveReader(tmp_path)) as archive, closing(open_index(tmp_path)) as index:
        assert list(bring_up_to_date(archive, index)) == [2]
        assert not is_current(archive, index)
    assert found(tmp_path, "again") != []
    assert found(tmp_path, "whole") != []


def test_each_pdf_is_stored_once_it_was_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One may take half a minute."""
    pages = Site().page("/", links=["/f.pdf", "/g.pdf"])
    pages.file("/f.pdf", b"%PDF-", "application/pdf").file("/g.pdf", b"%PDF", "application/pdf")
    crawl(tmp_path, pages)
    monkeypatch.setattr(searching, "readable_types", lambda: ["text/html", "application/pdf"])
    monkeypatch.setattr("mirror.store.search.object_text.pdf_text", lambda _: PageText())
    with closing(ArchiveReader(tmp_path)) as archive, closing(open_index(tmp_path)) as index:
        assert list(bring_up_to_date(archive, index)) == [2, 3]


# --- removing ---------------------------------------------------------------------------------------------------------


def test_forgetting_leaves_no_trace(root: Path) -> None:
    index_all(root)
    assert FILES[0] in traces(root)
    with closing(Archive(root)) as archive:
        forget(archive, canonical(f"{HOME}/old"), NOW)
    assert traces(root) == []
    assert (root / KEPT / FILES[0]).exists()
    assert found(root, SECRET) == []
    assert found(root, "birds", 3) == ["/a", "/b", "/n.txt"]


def test_forgetting_leaves_no_trace_in_an_index_that_was_outdated_or_pruned(root: Path) -> None:
    index_all(root)
    crawl(root, site("four"))
    with closing(Archive(root)) as archive:
        with archive.manifest.transaction():
            archive.manifest.retention.prune([4])
        with closing(open_index(root)) as index:
            searching._remove_unneeded(archive.manifest, index)  # noqa: SLF001 - as a search does
        archive.collect()
        archive.compact()
        forget(archive, canonical(f"{HOME}/old"), NOW)
    assert traces(root) == []


def test_an_index_that_cannot_be_cleaned_is_deleted(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index_all(root)
    monkeypatch.setattr("mirror.store.search.database._PATIENCE", 0.01)
    with closing(sqlite3.connect(root / KEPT / FILES[0])) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM texts").fetchall()
        with closing(Archive(root)) as archive:
            forget(archive, canonical(f"{HOME}/old"), NOW)
        assert traces(root) == []
    assert found(root, "birds", 3) == ["/a", "/b", "/n.txt"]


def test_a_text_that_is_forgotten_while_it_is_read_does_not_come_back(root: Path) -> None:
    with closing(ArchiveReader(root)) as archive, closing(open_index(root)) as index:
        texts = list(searching._read(archive, index, []))  # noqa: SLF001 - as between two of its steps
        with closing(Archive(root)) as writer:
            forget(writer, canonical(f"{HOME}/old"), NOW)
        index.add(texts, archive.manifest.retention.needed)
        index.checkpoint()
    assert traces(root) == []


def test_pruning_removes_the_texts_of_snapshots(root: Path) -> None:
    index_all(root)
    with closing(Archive(root)) as archive:
        with archive.manifest.transaction():
            archive.manifest.retention.prune([1, 3])
        archive.collect()
        remove_texts(root, archive.manifest)
    assert FILES[0] not in traces(root)
    assert found(root, SECRET) == []
    assert seen(root, "nothing", "/old") == [(1, 3)]


def test_no_url_is_in_the_index(root: Path) -> None:
    index_all(root)
    assert not {*FILES} & {*traces(root, "example.org")}


# --- damage -----------------------------------------------------------------------------------------------------------


def damage_file(root: Path) -> None:
    place = root / KEPT / FILES[0]
    place.write_bytes(place.read_bytes()[:8192] + b"\xff" * 8192)


def replace_by_text(root: Path) -> None:
    (root / KEPT / FILES[0]).write_bytes(b"no database at all" * 1000)


def add_trigger(root: Path) -> None:
    with closing(sqlite3.connect(root / KEPT / FILES[0])) as database:
        database.execute("CREATE TRIGGER t AFTER INSERT ON texts BEGIN DELETE FROM texts; END")


def other_version(root: Path) -> None:
    with closing(sqlite3.connect(root / KEPT / FILES[0])) as database:
        database.execute("PRAGMA user_version = 99")


def other_rules(root: Path) -> None:
    with closing(sqlite3.connect(root / KEPT / FILES[0], isolation_level=None)) as database:
        database.execute("UPDATE facts SET value = '0' WHERE name = 'rules'")


DAMAGES: Final = (damage_file, replace_by_text, add_trigger, other_version, other_rules)


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_verify_finds_a_damaged_index_and_repairs_it(root: Path, damage: object) -> None:
    index_all(root)
    assert callable(damage)
    damage(root)
    with closing(Archive(root)) as archive:
        damages = [one for one in verify(archive) if one]
        assert [one.part for one in damages] == [DamagedPart.SEARCH]
        assert repair(archive, damages) == []
        assert [one for one in verify(archive) if one] == []
    assert found(root, "birds", 3) == ["/a", "/b", "/n.txt"]


@pytest.mark.parametrize("damage", [replace_by_text, add_trigger, other_version, other_rules])
def test_an_index_of_something_else_is_made_again(root: Path, damage: object) -> None:
    index_all(root)
    assert callable(damage)
    damage(root)
    assert found(root, "birds", 3) == ["/a", "/b", "/n.txt"]


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_forgetting_removes_a_damaged_index(root: Path, damage: object) -> None:
    index_all(root)
    assert callable(damage)
    damage(root)
    with closing(Archive(root)) as archive:
        forget(archive, canonical(f"{HOME}/old"), NOW)
    assert traces(root) == []


def test_a_text_that_is_damaged_is_no_text(root: Path) -> None:
    index_all(root)
    with closing(sqlite3.connect(root / KEPT / FILES[0], isolation_level=None)) as database:
        database.execute("UPDATE bodies SET lines = x'00'")
    with current(root) as (archive, index):
        [(_, text)] = [page for some in search(archive, index, Search(query("welcome"), 3)) for page in some]
        with pytest.raises(DamagedIndexError):
            index.text(text)


def test_a_value_that_is_no_text_is_damage(root: Path) -> None:
    index_all(root)
    with closing(sqlite3.connect(root / KEPT / FILES[0], isolation_level=None)) as database:
        database.execute("UPDATE texts SET digest = CAST(x'ff' AS TEXT) WHERE id = 1")
    with pytest.raises(DamagedIndexError):
        found(root, "welcome")
    with closing(Archive(root)) as archive:
        remove_texts(root, archive.manifest)
    assert found(root, "welcome", 3) == ["/"]


def test_links_in_the_place_of_the_index_are_not_followed(root: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(b"")
    (root / KEPT / FILES[0]).symlink_to(elsewhere)
    with pytest.raises(StorageError, match="symbolic link"):
        index_all(root)
    with closing(Archive(root)) as archive:
        assert [one.part for one in verify(archive) if one] == [DamagedPart.SEARCH]
        forget(archive, canonical(f"{HOME}/old"), NOW)
    assert elsewhere.read_bytes() == b""
    assert not (root / KEPT / FILES[0]).is_symlink()


def test_the_files_of_the_index_can_be_deleted_at_any_time(root: Path) -> None:
    index_all(root)
    for name in FILES:
        (root / KEPT / name).unlink(missing_ok=True)
    assert found(root, "birds", 3) == ["/a", "/b", "/n.txt"]
