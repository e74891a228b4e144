"""Answers that would take content away: which are refused, and when a run is held because of too many."""

import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import pytest

from mirror.commands.publish import not_accepted
from mirror.core.document.documents import find_references
from mirror.core.http.messages import Response
from mirror.core.policy.lost_content import CUT_SHORT, EMPTY
from mirror.core.policy.scope import Scope
from mirror.core.syntax.robots_meta import Directive
from mirror.core.url.canonical import canonical
from mirror.store.archive import Archive
from mirror.store.manifest.records import Resource, Standing
from mirror.store.rules.refresh_policy import RefreshPolicy
from mirror.store.run.crawl import Crawl
from tests.mirroring import answer, archive_state, complete, dangling, files, run
from tests.site import HTML, Page, Site

HOME: Final = "http://example.org"
PARKED: Final = "http://parked.example"
FISH: Final = b"<title>Fish</title>" + b"All about fish. " * 20
LESS: Final = b"<title>Fish</title>All about fish."


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    made = Archive(tmp_path)
    yield made
    made.close()


def crawl(archive: Archive, **words: Any) -> Crawl:
    scope = Scope((canonical(HOME),), obeys=frozenset({Directive.NOARCHIVE}))
    return Crawl(archive, scope, now=lambda: "2026-01-01T00:00:00+00:00", **words)


def again(
    archive: Archive, site: Site, change: Callable[[Response], Response] = lambda one: one, **words: Any
) -> Crawl:
    """A run to its end; `change` is applied to each answer."""
    running = crawl(archive, **words)
    while entry := running.next():
        response = answer({HOME: site, PARKED: Site().page("/", "This domain is for sale")}, entry.url)
        assert response is not None
        response = change(response)
        running.record(entry, response, find_references(response))
    complete(running)
    assert dangling(archive.root) == []
    return running


# --- one answer -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Row:
    """An answer in the second run. `error`: why the copy is kept; `None`: the answer replaces it."""

    name: str
    status: int
    body: bytes
    error: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    is_open_ended: bool = False


ROWS = [
    Row("created", 201, LESS, "201 Created"),
    Row("a challenge", 202, LESS, "202 Accepted"),
    Row("by a proxy", 203, LESS),
    Row("no content", 204, b"", "204 No Content"),
    Row("reset", 205, b"", "205 Reset Content"),
    Row("a part", 206, LESS, "206 Partial Content"),
    Row("many statuses", 207, LESS, "207 Multi-Status"),
    Row("reported before", 208, LESS, "208 Already Reported"),
    Row("a difference", 226, LESS, "226 IM Used"),
    Row("an unknown success", 299, LESS),
    Row("a choice", 300, LESS, "300 Multiple Choices"),
    Row("empty", 200, b"", EMPTY),
    Row("empty and unknown", 299, b"", EMPTY),
    Row("white space", 200, b" \r\n\t\n", EMPTY),
    Row("a byte order mark", 200, b"\xef\xbb\xbf\n", EMPTY),
    Row("zeros", 200, bytes(999), EMPTY),
    Row("a comment", 200, b"<!DOCTYPE html><HTML lang=en><!-- <p>8f3a</p> --><body class='x'></body></html>", EMPTY),
    Row("an open comment", 200, b"<html><!-- 8f3a", EMPTY),
    Row("a space", 200, b"&nbsp;\xc2\xa0&#8203;   ", EMPTY),
    Row("tags and a charset", 200, b"<title></title><meta charset=utf-8><div id='app'><br/></div>", EMPTY),
    Row("a script", 200, b"<html><body><div id=app></div><script src=/x.js></script></body></html>"),
    Row("an image", 200, b"<p><img src=/x.png></p>"),
    Row("a link", 200, b"<p><a href=/></a></p>"),
    Row("a refresh", 200, b"<meta http-equiv=refresh content='9;url=/'>"),
    Row("a title", 200, b"<title>Fish</title>"),
    Row("a handler", 200, b"<body onload='show()'>"),
    Row("shorter", 200, LESS),
    Row("shorter by a close", 200, LESS, CUT_SHORT, is_open_ended=True),
    Row("ended by a close", 200, LESS + b"</HTML>\n", is_open_ended=True),
    Row("longer by a close", 200, FISH + LESS, is_open_ended=True),
    Row("unasked 304", 304, b"", "304 Not Modified"),
    Row("304 of another", 304, b"", "304 Not Modified", {"ETag": '"2"'}),
    Row("redirect", 301, b"", None, {"Location": "/"}),
]


def place(row: Row) -> str:
    return "/" + row.name.replace(" ", "-")


@dataclass(frozen=True, slots=True)
class Story:
    """What the second run recorded of each path, its tree, and the failures of a third run, which gets good answers."""

    recorded: dict[str, tuple[Standing, str | None]]
    tree: dict[str, bytes]
    left: dict[str, int]


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    archive = Archive(tmp_path_factory.mktemp("rows"))
    site = Site().page("/", links=[place(row) for row in ROWS])
    good = Site(site) | Site({place(row): Page(200, {"Content-Type": HTML}, FISH) for row in ROWS})
    odd = {place(row): Page(row.status, {"Content-Type": HTML, **row.headers}, row.body) for row in ROWS}
    open_ended = {canonical(HOME + place(row)) for row in ROWS if row.is_open_ended}
    again(archive, good)
    again(archive, Site(site) | Site(odd), lambda one: replace(one, is_open_ended=one.url in open_ended))
    recorded = {path: current(archive, path) for path in odd}
    tree = files(archive.root)
    yield Story(
        {path: (now.standing, now.error) for path, now in recorded.items()}, tree, again(archive, good).counts().failed
    )
    archive.close()


def current(archive: Archive, path: str) -> Resource:
    (url_id,) = archive.manifest.frontier.find([canonical(HOME + path)]).values()
    now = archive.manifest.resources.current(url_id)
    assert now is not None
    return now


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_what_is_no_content_does_not_replace_a_copy(story: Story, row: Row) -> None:
    assert story.recorded[place(row)] == (Standing.KEPT if row.error else Standing.PRESENT, row.error)
    assert (story.tree[f"example.org{place(row)}~.html"] == FISH) is (row.error is not None)


def test_good_answers_leave_no_trace_of_it(story: Story) -> None:
    assert story.left == {}


def test_a_page_that_was_never_there_is_what_it_is(archive: Archive) -> None:
    site = Site().page("/", links=["/200", "/202", "/204", "/205"])
    for status in (200, 202, 204, 205):
        site.file(f"/{status}", b"", "text/plain", status=status)
    assert [again(archive, site).counts().failed for _ in range(2)] == [{"202 Accepted": 1}] * 2


def test_a_file_that_is_empty_in_two_runs_is_empty(archive: Archive) -> None:
    page = Site().page("/", '<link rel="stylesheet" href="/x.css">', links=["/a"])
    again(archive, Site(page).file("/x.css", "p {}", "text/css").file("/a", FISH, HTML))
    emptied = Site(page).file("/x.css", "", "text/css").file("/a", b"", HTML)
    assert [again(archive, emptied).counts().failed for _ in range(3)] == [{EMPTY: 2}, {EMPTY: 1}, {EMPTY: 1}]
    assert files(archive.root)["example.org/x.css"] == b""
    assert files(archive.root)["example.org/a~.html"] == FISH


def test_an_empty_copy_is_asked_for_without_conditions(archive: Archive) -> None:
    site = Site().page("/", links=["/empty", "/full"])
    site.file("/empty", b"", "text/plain").file("/full", b"x", "text/plain")
    again(archive, site, lambda response: replace(response, headers=(*response.headers, ("ETag", '"a"'))))
    running = crawl(archive)
    asked = {}
    while entry := running.next():
        asked[entry.url] = running.entries.conditions(entry)
        response = answer({HOME: site}, entry.url)
        assert response is not None
        running.record(entry, response, find_references(response))
    complete(running)
    assert asked[canonical(f"{HOME}/full")] == [("If-None-Match", '"a"')]
    assert asked[canonical(f"{HOME}/empty")] == []


def test_a_page_that_is_blank_in_each_run_is_no_failure(archive: Archive) -> None:
    for mark in "ab":
        site = Site().page("/", links=["/x"]).file("/x", f"<html><!-- {mark} --></html>", HTML)
        assert again(archive, site).counts().failed == {}
        assert files(archive.root)["example.org/x~.html"].endswith(f"<!-- {mark} --></html>".encode())


def test_a_file_of_zeros_in_each_run_is_no_failure(archive: Archive) -> None:
    for size in (1000, 1000, 500):
        site = Site().page("/", links=["/x.bin"]).file("/x.bin", bytes(size), "application/octet-stream")
        assert again(archive, site).counts().failed == {}
        assert files(archive.root)["example.org/x.bin"] == bytes(size)


# --- 304 ------------------------------------------------------------------------------------------------------------------

DATE, OTHER_DATE = "Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:38 GMT"
CONFIRMATIONS: Final[list[tuple[dict[str, str], dict[str, str], bool]]] = [
    ({"ETag": '"1"'}, {"ETag": '"1"'}, True),
    ({"ETag": '"1"'}, {}, True),
    ({"ETag": '"1"'}, {"ETag": '"2"'}, False),
    ({"ETag": 'W/"1"'}, {"ETag": '"1"'}, True),
    ({"ETag": '"1"'}, {"ETag": 'W/"1"'}, True),
    ({"ETag": 'W/"1"'}, {"ETag": 'W/"2"'}, False),
    ({"ETag": '"1"'}, {"Last-Modified": DATE}, False),
    ({"ETag": '"1"', "Last-Modified": DATE}, {"Last-Modified": DATE}, True),
    ({"ETag": '"1"', "Last-Modified": DATE}, {"ETag": '"1"', "Last-Modified": OTHER_DATE}, True),
    ({"ETag": '"1"', "Last-Modified": DATE}, {"ETag": '"2"', "Last-Modified": DATE}, False),
    ({"Last-Modified": DATE}, {"Last-Modified": "Sunday, 06-Nov-94 08:49:37 GMT"}, True),
    ({"Last-Modified": DATE}, {"Last-Modified": OTHER_DATE}, False),
    ({"Last-Modified": DATE}, {"ETag": '"1"'}, False),
    ({}, {}, False),
    ({}, {"ETag": '"1"'}, False),
]
"""What the first answer has, what the 304 has, and whether that is about the same payload."""


def test_a_304_renews_only_the_version_that_it_is_about(archive: Archive) -> None:
    paths = [f"/{n}" for n in range(len(CONFIRMATIONS))]
    first = second = Site().page("/", links=paths)
    for path, (stored, answered, _) in zip(paths, CONFIRMATIONS, strict=True):
        first = Site(first).file(path, FISH, HTML, headers=stored)
        second = Site({**second, path: Page(304, {**answered, "Server": "x", "Location": "/elsewhere"})})
    again(archive, first)
    again(archive, second)
    for path, (stored, _, is_renewed) in zip(paths, CONFIRMATIONS, strict=True):
        now = current(archive, path)
        assert (path, now.error) == (path, None if is_renewed else "304 Not Modified")
        assert {name: value for name, value in now.headers if name not in {"Content-Type", "Server"}} == stored
        assert files(archive.root)[f"example.org{path}~.html"] == FISH


# --- too many at once -----------------------------------------------------------------------------------------------------

COUNT: Final = 12
ARTICLES: Final = [f"/{n}" for n in range(COUNT)]


def articles() -> Site:
    site = Site().page("/", links=ARTICLES)
    for path in ARTICLES:
        site.page(path, f"Article {path}", links=["/"])
    return site


def with_articles(make: Callable[[str], Page], start: Page | None = None) -> Site:
    site = articles()
    site.update({path: make(path) for path in ARTICLES})
    if start:
        site["/"] = start
    return site


def page(text: str, **headers: str) -> Page:
    return Page(200, {"Content-Type": HTML} | headers, text.encode())


def sent(location: str, status: int = 301) -> Page:
    return Page(status, {"Location": location})


def canonical_of(target: str, text: str = "Home") -> Page:
    return page(f'<link rel="canonical" href="{target}">{text}')


NEW_PAGES: Final = {f"/new{n}": page(f"News {n}") for n in range(2 * COUNT)}
START_OF_NEW: Final = page("".join(f'<a href="{path}">{path}</a>' for path in [*ARTICLES, *NEW_PAGES]))
COPY: Final = canonical_of("/", "".join(f'<a href="{path}">{path}</a>' for path in ARTICLES))
OLD_START: Final = articles()["/"]
assert isinstance(OLD_START, Page)
COPY_OF_OLD: Final = Page(200, {"Content-Type": HTML, "Link": '</>; rel="canonical"'}, OLD_START.body)
COPY_WITH_NEW: Final = canonical_of(
    "/", "".join(f'<a href="{path}">{path}</a><a href="/new{path}">new</a>' for path in ARTICLES)
)
NEW_START: Final = page("".join(f'<a href="{path}">Today: {path}</a>' for path in ARTICLES))

LOST = {
    "gone": with_articles(lambda _: Page(410)),
    "to the home page": with_articles(lambda _: sent("/")),
    "to a home page that has changed": with_articles(lambda _: sent("/", 308), NEW_START),
    "to one new page": with_articles(lambda _: sent("/moved")) | Site().page("/moved"),
    "to one article": with_articles(lambda path: sent("/0") if path != "/0" else page("Article 0")),
    "in a chain": with_articles(lambda path: sent(f"/to{path}")) | Site({f"/to{path}": sent("/") for path in ARTICLES}),
    "to what is not there": with_articles(lambda path: sent(f"/new{path}")),
    "to another site": with_articles(lambda path: sent(f"http://example.com{path}")),
    "to nothing": with_articles(lambda path: sent(f"/new{path}"))
    | Site({f"/new{path}": Page(204) for path in ARTICLES}),
    "all the same": with_articles(lambda _: page("Please wait a moment")),
    "copies of the home page": with_articles(lambda _: COPY, COPY),
    "copies of the home page as it was": with_articles(lambda _: COPY_OF_OLD),
    "copies of one article": with_articles(lambda _: canonical_of("/0")),
    "gone, among new pages": with_articles(lambda _: Page(410), START_OF_NEW) | Site(NEW_PAGES),
    "all forbidden": with_articles(lambda path: page(f"Article {path}", **{"X-Robots-Tag": "noarchive"})),
}
KEPT = {
    "no content": with_articles(lambda _: Page(204)),
    "a challenge": with_articles(lambda _: Page(202, {"Content-Type": HTML}, b"Are you human?")),
    "empty": with_articles(lambda _: page("")),
}
NOT_LOST = {
    "changed": with_articles(lambda path: page(f"Other article {path}")),
    "moved": with_articles(lambda path: sent(f"/new{path}"))
    | Site({f"/new{path}": page(f"Article {path}, moved") for path in ARTICLES}),
    "moved as it was": with_articles(lambda path: sent(f"/new{path}"))
    | Site({f"/new{path}": articles()[path] for path in ARTICLES}),
    "folded, but still elsewhere": with_articles(lambda _: COPY_WITH_NEW, COPY_WITH_NEW)
    | Site({f"/new{path}": articles()[path] for path in ARTICLES}),
    "a few to the home page": with_articles(lambda path: sent("/") if len(path) == 2 else page(path)),
}


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive of all articles."""
    root = tmp_path_factory.mktemp("before")
    archive = Archive(root)
    again(archive, articles())
    archive.close()
    return root


@pytest.fixture
def known(before: Path, tmp_path: Path) -> Iterator[Archive]:
    """A copy of it."""
    shutil.copytree(before, tmp_path / "known", symlinks=True)
    made = Archive(tmp_path / "known")
    yield made
    made.close()


@pytest.mark.parametrize("name", LOST)
def test_a_run_that_would_lose_the_content_of_most_pages_is_held(known: Archive, name: str) -> None:
    tree = files(known.root)
    held = again(known, LOST[name])
    assert held.held is not None
    assert held.held[0] >= COUNT - 1
    now = files(known.root)
    assert {path for path in tree if now.get(path) != tree[path]} <= {"example.org/index.html"}


def test_later_runs_decide_anew_until_the_user_accepts_the_loss(known: Archive) -> None:
    tree, lost = files(known.root), LOST["to the home page"]
    assert [again(known, lost).held for _ in range(2)] == [(COUNT, COUNT + 1)] * 2
    assert again(known, lost, refresh=RefreshPolicy(max_loss=1)).held is None
    assert files(known.root)["example.org/7~.html"] != tree["example.org/7~.html"]


@pytest.mark.parametrize(("name", "said"), [("to the home page", f"{COUNT} pages keep the old content"), ("gone", "")])
def test_what_publish_can_not_accept_is_told(known: Archive, name: str, said: str) -> None:
    assert again(known, LOST[name]).held
    assert not_accepted(known).startswith(said)
    assert bool(not_accepted(known)) is bool(said)


@pytest.mark.parametrize("name", KEPT)
def test_pages_without_content_are_kept_so_no_run_is_held(known: Archive, name: str) -> None:
    tree = files(known.root)
    running = again(known, KEPT[name])
    assert running.held is None
    assert sum(running.counts().failed.values()) == COUNT
    assert files(known.root) == tree


@pytest.mark.parametrize("name", NOT_LOST)
def test_a_site_that_changes_or_moves_loses_nothing(known: Archive, name: str) -> None:
    running = again(known, NOT_LOST[name])
    assert running.held is None
    assert running.counts().failed == {}


@pytest.mark.parametrize("name", ["to the home page", "copies of the home page"])
def test_a_good_run_after_a_held_one_leaves_no_trace_of_it(known: Archive, name: str) -> None:
    """Links and files of restored pages are those of pages that never changed."""
    before, tree = archive_state(known), files(known.root)
    again(known, LOST[name])
    again(known, articles())
    after = archive_state(known)
    assert {name: after[name] for name in ("frontier", "links", "resolutions")} == {
        name: before[name] for name in ("frontier", "links", "resolutions")
    }
    assert files(known.root) == tree


def test_a_start_that_leads_to_another_site_holds_the_run(known: Archive) -> None:
    tree = files(known.root)
    assert again(known, Site({"/": sent(f"{PARKED}/")})).held is not None
    assert files(known.root).keys() >= tree.keys()
    assert again(known, Site(articles()) | Site({"/": sent("/0")})).held is None


def test_an_interrupted_run_hides_no_loss_from_the_next(known: Archive) -> None:
    tree = files(known.root)
    cut = crawl(known)
    run(cut, {HOME: LOST["to the home page"]})
    cut.flush()
    assert again(known, LOST["to the home page"], options={"another": "run"}).held is not None
    assert files(known.root) == tree
