"""A run over an archive, in this process: what it requests, and that the order of the answers does not matter."""

import re
from collections.abc import Callable, Iterator
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mirror.core.http.messages import Response
from mirror.core.policy.scope import Area, Reason, Requisites, Scope
from mirror.core.url.canonical import canonical
from mirror.core.url.local_paths import LocalPath
from mirror.store.archive import Archive
from mirror.store.disk.errors import StorageError
from mirror.store.disk.publications import PublishElsewhere
from mirror.store.disk.spool import Promise
from mirror.store.manifest.records import Standing
from mirror.store.run.crawl import Crawl
from mirror.store.run.nesting import Bounds
from tests.mirroring import (
    Beside,
    Web,
    archive_state,
    complete,
    dangling,
    files,
    give,
    is_relative,
    links,
    run,
    settle,
    sqlite,
)
from tests.site import HTML, PNG, Page, Site

HOME: Final = "http://example.org"
WWW: Final = "http://www.example.org"
CDN: Final = "http://cdn.example.com"
START: Final = canonical(HOME)
GUESS: Final = '<script>load("/x.js")</script>'
FEED: Final = '<link rel="alternate" type="application/rss+xml" href="{}">'

Choose = Callable[[int], int]
State = tuple[dict[str, object], dict[str, bytes]]


def scope(*starts: str, **words: Any) -> Scope:
    return Scope(tuple(canonical(start) for start in starts or (HOME,)), **words)


def at(path: str) -> str:
    return HOME + path


def moved(site: Site, path: str, location: str) -> Site:
    """Add a redirect with an HTML body, as servers send it."""
    return site.file(path, "<p>Moved", HTML, status=302, headers={"Location": location})


def in_order(_: int) -> int:
    return 0


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    opened = Archive(tmp_path / "archive")
    yield opened
    opened.close()


def crawl(archive: Archive, rules: Scope | None = None, **words: Any) -> Crawl:
    return Crawl(archive, rules or scope(), now=lambda: "2020-02-02T02:02:02+00:00", **words)


# The order of answers


def mirrored(
    web: Web, rules: Scope, choose: Choose = in_order, elsewhere: PublishElsewhere | None = None, **words: Any
) -> State:
    """Make a whole run, and return the manifest and the tree."""
    with TemporaryDirectory() as folder:
        archive = Archive(Path(folder))
        running = crawl(archive, rules, elsewhere=elsewhere)
        run(running, web, choose, **words)
        complete(running)
        found = archive_state(archive), files(Path(folder))
        assert dangling(Path(folder)) == []
        archive.close()
    return found


def orders(most: int) -> Iterator[Choose]:
    """Yield up to `most` different orders in which answers can arrive."""
    chosen: list[int] = []
    for _ in range(most):
        offered: list[int] = []

        def choose(n: int, chosen: list[int] = chosen, offered: list[int] = offered) -> int:
            offered.append(n)
            return chosen[len(offered) - 1] if len(offered) <= len(chosen) else 0

        yield choose
        chosen = chosen + [0] * (len(offered) - len(chosen))
        while chosen and chosen[-1] + 1 >= offered[len(chosen) - 1]:
            chosen.pop()
        if not chosen:
            return
        chosen = [*chosen[:-1], chosen[-1] + 1]


REVISED: Final[dict[str, tuple[Web, Scope]]] = {
    "a picture turns out to be a page that another page links": (
        {
            HOME: Site()
            .page("/", '<img src="/p">', links=["/a"])
            .page("/a", links=["/p"])
            .page("/p", '<img src="/x.png">', links=["/q"])
            .page("/q")
            .file("/x.png", PNG, "image/png")
        },
        scope(),
    ),
    "a frame of another host has a frame, and its page is a start": (
        {
            HOME: Site().page("/", f'<iframe src="{CDN}/"></iframe>').page("/b"),
            CDN: Site().page("/", '<iframe src="/f"></iframe>', links=["/c", at("/b")]).page("/f").page("/c"),
        },
        scope(HOME, CDN),
    ),
    "a frame is linked as well": (
        {
            HOME: Site()
            .page("/", '<iframe src="/f"></iframe>', links=["/a"])
            .page("/a", links=["/f"])
            .page("/f", links=["/g"])
            .page("/g")
        },
        scope(depth=2),
    ),
    "a guess is a reference of another page": (
        {HOME: Site().page("/", GUESS, links=["/a"]).page("/a", '<script src="/x.js"></script>')},
        scope(),
    ),
    "a guess that is sent on is a reference of another page": (
        {
            HOME: Site()
            .page("/", GUESS, links=["/a"])
            .redirect("/x.js", "/y.js")
            .page("/a", '<script src="/x.js"></script>')
        },
        scope(),
    ),
    "a guess that is a page is a reference of another page": (
        {HOME: Site().page("/", GUESS, links=["/a"]).page("/x.js").page("/a", '<iframe src="/x.js"></iframe>')},
        scope(),
    ),
    "a guess that is a page is linked": (
        {
            HOME: Site()
            .page("/", GUESS, links=["/a"])
            .page("/x.js", links=["/b"])
            .page("/a", links=["/x.js"])
            .page("/b")
        },
        scope(),
    ),
    "a picture that is linked is sent to another host": (
        {
            HOME: moved(Site(), "/r", f"{CDN}/x.png").page("/", links=["/r", "/a"]).page("/a", '<img src="/r">'),
            CDN: Site().file("/x.png", PNG, "image/png"),
        },
        scope(),
    ),
    "a picture that is a feed is sent to another host": (
        {
            HOME: moved(Site(), "/r", f"{CDN}/x.png")
            .page("/", FEED.format("/r"), links=["/a"])
            .page("/a", '<img src="/r">'),
            CDN: Site().file("/x.png", PNG, "image/png"),
        },
        scope(),
    ),
    "a drawing in a frame is a picture of another page": (
        {
            HOME: Site()
            .page("/", f'<object data="{CDN}/d.svg"></object>', links=["/a"])
            .page("/a", f'<img src="{CDN}/d.svg">')
            .page("/b"),
            CDN: Site().file(
                "/d.svg", f'<svg xmlns="http://www.w3.org/2000/svg"><a href="{HOME}/b"/></svg>', "image/svg+xml"
            ),
        },
        scope(),
    ),
    "a start takes the scope along to another host": (
        {
            HOME: Site().redirect("/", f"{WWW}/"),
            WWW: Site().page("/", links=["/b", f"{CDN}/"]).page("/b").page("/c"),
            CDN: Site().page("/", links=[f"{WWW}/c", at("/d")]),
        },
        scope(HOME, CDN, area=Area.HOST),
    ),
    "a short way is found after a long one": (
        {
            HOME: Site()
            .page("/", links=["/a", "/x"])
            .page("/a", links=["/b"])
            .page("/b", links=["/c"])
            .page("/x", links=["/c"])
            .page("/c", '<img src="/x.png">', links=["/d"])
            .page("/d", links=["/e"])
            .page("/e")
            .file("/x.png", PNG, "image/png")
        },
        scope(depth=3),
    ),
    "what is too deep on one page is not included on another": (
        {HOME: Site().page("/", links=["/b"]).page("/a", links=["/no"]).page("/b", links=["/no"])},
        scope(HOME, at("/a"), depth=1, include=re.compile("/[a-d]?$")),
    ),
    "a page that is not followed links what is found later": (
        {
            HOME: Site()
            .page("/", '<img src="/p">', links=["/a"])
            .page("/p", links=["/q"])
            .page("/a", links=["/q"])
            .page("/q")
        },
        scope(),
    ),
    "redirects lead in a circle, and out of one": (
        {
            HOME: Site()
            .page("/", links=["/r", "/s", "/t"])
            .redirect("/r", "/s")
            .redirect("/s", "/r")
            .redirect("/t", "/u")
            .redirect("/u", "/")
        },
        scope(),
    ),
}


@pytest.mark.parametrize(
    "name", [name if n < 3 else pytest.param(name, marks=pytest.mark.long) for n, name in enumerate(REVISED)]
)
def test_every_order_of_answers_gives_the_same(name: str) -> None:
    web, rules = REVISED[name]
    state, tree = mirrored(web, rules, flying=1)
    for choose in orders(40):
        other_state, other_tree = mirrored(web, rules, choose, flying=8)
        assert other_state == state
        assert other_tree == tree


ADDRESSES: Final = [f"{origin}/{number or ''}" for origin in (HOME, CDN) for number in range(6)]
KINDS: Final = (
    '<a href="{}">link</a>',
    '<img src="{}">',
    '<iframe src="{}"></iframe>',
    FEED,
    '<script>load("{}")</script>',
    '<form action="{}"></form>',
)


@st.composite
def webs(draw: st.DrawFn) -> Web:
    """Generate two small sites in which any resource may refer to any other, in any way."""
    web = {HOME: Site(), CDN: Site()}
    for address in ADDRESSES:
        origin, _, name = address.rpartition("/")
        site, path = web[origin], f"/{name}"
        targets = draw(st.lists(st.tuples(st.sampled_from(ADDRESSES), st.sampled_from(KINDS)), min_size=2, max_size=5))
        urls = [url for url, _ in targets]
        match (
            "page"
            if address == START
            else draw(st.sampled_from(["page"] * 4 + ["redirect", "drawing", "missing", "broken"]))
        ):
            case "page":
                site.page(path, "\n".join(markup.format(url) for url, markup in targets))
            case "redirect":
                moved(site, path, urls[0])
            case "drawing":
                inside = "".join(f'<a href="{url}"/><image href="{url}"/>' for url in urls)
                site.file(path, f'<svg xmlns="http://www.w3.org/2000/svg">{inside}</svg>', "image/svg+xml")
            case "broken":
                site.page(path, status=500)
    return web


@settings(max_examples=20)
@given(
    web=webs(),
    choices=st.lists(st.integers(0, 5), max_size=30),
    waits=st.lists(st.integers(0, 9), max_size=30),
    depth=st.none() | st.integers(0, 3),
    area=st.sampled_from(Area),
    requisites=st.sampled_from(Requisites),
    starts=st.sampled_from([(HOME,), (HOME, at("/3")), (HOME, CDN)]),
    forbidden=st.sampled_from(["", "/2"]),
)
def test_the_order_of_answers_does_not_matter(
    *,
    web: Web,
    choices: list[int],
    waits: list[int],
    depth: int | None,
    area: Area,
    requisites: Requisites,
    starts: tuple[str, ...],
    forbidden: str,
) -> None:
    rules = scope(*starts, depth=depth, area=area, requisites=requisites, exclude=re.compile("/5$"))
    left = iter(choices)
    state, tree = mirrored(web, rules, flying=1, forbidden=forbidden)
    beside = Beside(iter(waits)) if waits else None
    other_state, other_tree = mirrored(web, rules, lambda n: next(left, 0) % n, beside, flying=6, forbidden=forbidden)
    assert other_state == state
    assert other_tree == tree


@settings(max_examples=10)
@given(
    webs=st.lists(webs(), min_size=2, max_size=3),
    depths=st.lists(st.none() | st.integers(0, 3), min_size=3, max_size=3),
    waits=st.lists(st.integers(0, 9), max_size=30),
)
def test_the_tree_depends_only_on_the_stored_data(webs: list[Web], depths: list[int | None], waits: list[int]) -> None:
    """After several runs over a site that changes, the tree is what `publish_all` would make."""
    with TemporaryDirectory() as folder:
        archive = Archive(Path(folder))
        for web, depth in zip(webs, depths, strict=False):
            running = crawl(archive, scope(depth=depth), elsewhere=Beside(cycle(waits)) if waits else None)
            run(running, web)
            complete(running)
        tree = files(Path(folder))
        assert dangling(Path(folder)) == []
        for path in tree:
            Path(folder, path).unlink()
        for _ in archive.publish_all():
            pass
        assert files(Path(folder)) == tree
        archive.close()


# What is requested, and in which role


def paths(archive: Archive) -> set[str]:
    return files(archive.root).keys() - {"index.html"}


def answered(archive: Archive, site: Site, rules: Scope | None = None, **words: Any) -> tuple[list[str], Crawl]:
    """Make a whole run; return the paths that it requested from the site, without those of other hosts, and the run."""
    running = crawl(archive, rules, **words)
    urls = run(running, {HOME: site})
    complete(running)
    assert dangling(archive.root) == []
    return [url.removeprefix(HOME) for url in urls if url.startswith(HOME)], running


def test_what_a_page_needs_comes_before_further_pages(archive: Archive) -> None:
    site = Site().page("/", links=["/a", "/b"]).page("/a", '<img src="/a.png">').page("/b", '<img src="/b.png">')
    running = crawl(archive)
    asked = run(running, {HOME: site}, flying=1)
    assert [url.removeprefix(HOME) for url in asked] == ["/", "/a", "/a.png", "/b", "/b.png"]


def test_a_picture_that_is_html_is_kept_and_not_followed(archive: Archive) -> None:
    asked, running = answered(archive, Site().page("/", '<img src="/p">').page("/p", links=["/q"]).page("/q"))
    assert asked == ["/", "/p"]
    assert running.counts().pages == running.counts().requisites == 1


def test_a_redirected_picture_is_followed_although_the_redirect_has_html(archive: Archive) -> None:
    asked, _ = answered(
        archive, moved(Site(), "/r", "/x.png").page("/", '<img src="/r">').file("/x.png", PNG, "image/png")
    )
    assert asked == ["/", "/r", "/x.png"]


def test_a_linked_picture_is_fetched_from_the_target_of_its_redirect(archive: Archive) -> None:
    """As a page the target would be out of scope, but it is needed as a picture."""
    site = moved(Site(), "/r", f"{CDN}/x.png").page("/", '<a href="/r"><img src="/r"></a>')
    answers = run(crawl(archive), {HOME: site, CDN: Site().file("/x.png", PNG, "image/png")})
    assert answers == [at("/"), at("/r"), f"{CDN}/x.png"]


@pytest.mark.parametrize(
    ("site", "failed"),
    [
        (Site().page("/", GUESS), {}),
        (Site().page("/", GUESS).redirect("/x.js", "/y.js"), {}),
        (Site().page("/", GUESS).page("/x.js", status=500), {}),
        (Site().page("/", GUESS, links=["/a"]).page("/a", '<script src="/x.js"></script>'), {"404 Not Found": 1}),
        (
            Site()
            .page("/", GUESS, links=["/a"])
            .redirect("/x.js", "/y.js")
            .page("/a", '<script src="/x.js"></script>'),
            {"404 Not Found": 1},
        ),
    ],
)
def test_a_guess_that_is_wrong_is_no_failure_but_a_reference_is(
    archive: Archive, site: Site, failed: dict[str, int]
) -> None:
    _, running = answered(archive, site)
    assert running.counts().failed == failed


def test_a_guess_that_is_a_page_is_dropped_and_not_told(archive: Archive) -> None:
    """As jQuery UI's `define("ui/widgets/tabs.js")` on a server whose unknown paths give the home page."""
    home = "<script>define('ui/widgets/tabs.js', ['./a.js']); load('/logo.png'); load('/page.html')</script>"
    site = Site().page("/", home)
    for path in ("/ui/widgets/tabs.js", "/a.js", "/logo.png", "/page.html"):
        site.page(path, home, links=["/more"])
    site.page("/more")
    asked, running = answered(archive, site)
    counts = running.counts()
    assert (sorted(asked), counts.failed, counts.skipped) == (
        sorted(["/", "/more", *(site.data.keys() - {"/", "/more"})]),
        {},
        {},
    )
    assert paths(archive) == {"example.org/index.html", "example.org/page.html", "example.org/more~.html"}
    url_id = archive.manifest.frontier.find([canonical(at("/a.js"))])[canonical(at("/a.js"))]
    assert archive.manifest.frontier.entries([url_id])[url_id].reason is Reason.GUESS


def test_a_guess_that_was_a_file_once_stays_one(archive: Archive) -> None:
    answered(archive, Site().page("/", GUESS).file("/x.js", "1", "text/javascript"))
    answered(archive, Site().page("/", GUESS).page("/x.js"))
    assert files(archive.root)["example.org/x.js"] == b"1"


class Chain(NamedTuple):
    """A page that needs or names a resource, which names the next one, and so on; and the bound that ends it."""

    body: str
    media_type: str
    text: str
    bound: str


STYLE: Final = '<link rel="stylesheet" href="/1">'
CHAINS: Final = {
    "styles": Chain(STYLE, "text/css", "@import url(/{});", "REQUISITES"),
    "two styles each": Chain(STYLE, "text/css", "@import url(/{}); @import url(/{}b);", "LEADING"),
    "ten styles each": Chain(STYLE, "text/css", "".join(f"@import url(/{{}}{x});" for x in "bcdefghijk"), "BELOW"),
    "modules": Chain('<script type="module" src="/1"></script>', "text/javascript", "import '/{}';", "REQUISITES"),
    "SVG": Chain(
        '<img src="/1">',
        "image/svg+xml",
        '<svg xmlns="http://www.w3.org/2000/svg"><image href="/{}"/></svg>',
        "REQUISITES",
    ),
    "frames": Chain('<iframe src="/1"></iframe>', HTML, '<iframe src="/{}"></iframe>', "REQUISITES"),
    "two frames each": Chain(
        '<iframe src="/1"></iframe>', HTML, '<iframe src="/{}"></iframe><iframe src="/{}b"></iframe>', "LEADING"
    ),
    "web manifests": Chain(
        '<link rel="manifest" href="/1">', "application/manifest+json", '{"icons": [{"src": "/{}"}]}', "REQUISITES"
    ),
    "preloads": Chain(STYLE, "text/css", "/* a header: {} */", "REQUISITES"),
    "feed pages": Chain(
        FEED.format("/1"), "application/atom+xml", '<feed><link rel="next" href="/{}"/></feed>', "PAGES"
    ),
    "feeds": Chain(FEED.format("/1"), HTML, FEED.format("/{}"), "SITEMAPS"),
    "sitemaps": Chain(
        '<link rel="sitemap" href="/1">',
        "application/xml",
        "<sitemapindex><sitemap><loc>http://example.org/{}</loc></sitemap></sitemapindex>",
        "SITEMAPS",
    ),
    "sitemaps with a page each": Chain(
        '<link rel="sitemap" href="/1">',
        "application/xml",
        "<x><sitemap><loc>http://example.org/{}</loc></sitemap><url><loc>http://example.org/page{}</loc></url></x>",
        "SITEMAPS",
    ),
}
BOUNDS: Final = Bounds(requisites=5, sitemaps=5, pages=6, leading=4, below=30)


class Endless(Site):
    """The site of a chain, without an end."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.chain = CHAINS[name]
        self.page("/", self.chain.body)

    def __missing__(self, path: str) -> Page:
        if "page" in path:
            return Page(200, {"Content-Type": HTML}, f"<p>{path}".encode())
        number, letter = int(re.sub("[^0-9]", "", path) or 0), path[-1:]
        step = str(number + 1 if letter.isdigit() else 11 * number + ord(letter))
        headers = {"Link": f"</{step}>; rel=preload; as=style"} if "header" in self.chain.text else {}
        body = self.chain.text.replace("{}", step)
        return Page(200, {"Content-Type": self.chain.media_type, **headers}, body.encode())

    def __contains__(self, path: object) -> bool:
        return True


@pytest.mark.parametrize("name", CHAINS)
def test_what_a_page_needs_in_turn_ends(archive: Archive, name: str) -> None:
    """Whatever it refers to; and `why` says where it ends, and which setting moves that."""
    running = crawl(archive)
    running.nesting.bounds = BOUNDS
    asked = run(running, {HOME: Endless(name)}, flying=1, most=100)
    assert 5 <= len(asked) <= 35
    complete(running)
    [(rule, *_)] = archive.manifest.runs.skipped_traps()
    assert rule.startswith("chain of what a page needs: ")
    assert rule.endswith(f"(MIRROR_CHAIN_{CHAINS[name].bound})")


@pytest.mark.parametrize("name", ["styles", "two styles each", "ten styles each", "sitemaps", "feed pages"])
def test_a_bound_of_zero_is_none(archive: Archive, name: str) -> None:
    running = crawl(archive)
    running.nesting.bounds = Bounds(0, 0, 0, 0, 0)
    assert len(run(running, {HOME: Endless(name)}, flying=1, most=40)) == 40


@pytest.mark.parametrize(
    ("name", "words", "most"),
    [
        ("sitemaps", "depth=0", 1),
        ("sitemaps with a page each", "depth=0", 1),
        ("sitemaps with a page each", "limit=1", 1),
        ("sitemaps with a page each", "limit=3", 5),
        ("feeds", "depth=0", 2),
        ("feeds", "limit=1", 1),
        ("feed pages", "depth=0", 2),
        ("feed pages", "depth=2", 4),
        ("feed pages", "limit=1", 1),
    ],
)
def test_the_depth_and_the_limit_of_the_user_end_listings(archive: Archive, name: str, words: str, most: int) -> None:
    """A limit keeps the run from looking for more pages than it may have, and a depth from lists of what is too deep."""
    option, number = words.split("=")
    depth, limit = (int(number), None) if option == "depth" else (None, int(number))
    running = crawl(archive, scope(depth=depth), limit=limit)
    asked = run(running, {HOME: Endless(name)}, flying=1, most=100)
    complete(running)
    assert len(asked) == most
    assert (Reason.LIMIT if limit else Reason.DEPTH) in running.counts().skipped


def test_robots_txt_is_no_failure_and_lists_what_it_names(archive: Archive) -> None:
    running = crawl(archive)
    run(running, {HOME: Site().page("/", links=["/robots.txt"]).page("/a").page("/b")}, flying=1, most=1)
    place = running.listing(canonical(at("/robots.txt")))
    response = Response(place.url, 404, (("Content-Type", "text/plain"),), b"")
    assert running.record(place, response, ()).failed  # because a page links it
    unlinked = running.listing(canonical(f"{CDN}/robots.txt"))
    assert not running.record(unlinked, Response(unlinked.url, 404, (), b""), ()).failed
    assert len(running) == 0


def test_parts_of_payloads_stay_only_for_failed_urls(archive: Archive) -> None:
    failed, gone = canonical(at("/failed")), canonical(at("/gone"))
    for url in (failed, gone):
        spool = archive.spools.begin(url, Promise(url, '"a"', 9))
        spool.feed(b"pay")
        spool.leave()
    site = Site().page("/", links=["/failed", "/gone"]).page("/failed", status=500).page("/gone", status=404)
    assert set(archive.spools.urls()) == {failed, gone}
    answered(archive, site)
    assert archive.spools.urls() == [failed]


@pytest.mark.parametrize("location", ["", "mailto:nobody@example.org", "http://", "http://[", "javascript:void(0)"])
def test_a_redirect_that_leads_nowhere_is_a_failure(archive: Archive, location: str) -> None:
    _, running = answered(archive, Site().page("/", links=["/r"]).redirect("/r", location))
    assert running.counts().failed == {"302 Found without a valid target": 1}
    assert paths(archive) == {"example.org/index.html"}


def test_an_answer_that_gets_lost_on_the_way_is_a_failure(archive: Archive) -> None:
    running = crawl(archive)
    assert running.next()
    assert running.next() is None
    complete(running)
    assert running.counts().failed == {"answer not understood, see the log": 1}
    assert running.counts().pending == 0


def test_a_url_that_robots_txt_forbids_is_skipped_for_that_reason(archive: Archive) -> None:
    running = crawl(archive)
    run(running, {HOME: Site().page("/", links=["/a", "/b"]).page("/b", '<img src="/a">')}, forbidden="/a", flying=1)
    complete(running)
    assert running.counts().skipped == {"forbidden by robots.txt": 1}
    assert len(running) == 0


def test_a_file_that_became_too_large_keeps_its_copy_and_its_references(archive: Archive) -> None:
    site = Site().page("/", links=["/a"]).page("/a", links=["/a/b"]).page("/a/b")
    answered(archive, site)
    before = paths(archive)
    running = crawl(archive)
    while entry := running.next():
        if entry.url == at("/a"):
            running.skip(entry, Reason.SIZE)
        else:
            give(running, entry, {HOME: site})
    complete(running)
    assert running.counts().skipped == {"larger than max_file": 1}
    assert running.counts().failed == {}
    assert paths(archive) == before
    assert {resource.standing for resource in archive.manifest.resources.all()} == {Standing.PRESENT}


# The limit


def numbered(count: int, body: str = "") -> Site:
    """Make a start that links to this many pages, each with a picture of its own."""
    site = Site().page("/", body, links=[f"/{n}" for n in range(count)])
    for n in range(count):
        site.page(f"/{n}", f'<img src="/{n}.png">').file(f"/{n}.png", PNG, "image/png")
    return site


@pytest.mark.parametrize("limit", [1, 2, 5, 40])
@pytest.mark.parametrize("flying", [1, 16])
def test_a_limit_is_a_number_of_pages_and_these_are_complete(archive: Archive, limit: int, flying: int) -> None:
    running = crawl(archive, limit=limit)
    asked = run(running, {HOME: numbered(60)}, flying=flying)
    complete(running)
    pages = [url for url in asked if not url.endswith(".png")]
    counts = running.counts()
    assert counts.pages == len(pages) == limit
    assert counts.requisites == limit - 1
    assert counts.skipped == {"over the limit of pages": 61 - limit}
    assert counts.pending == len(running) == 0
    assert dangling(archive.root) == []


def test_redirects_and_failures_do_not_count(archive: Archive) -> None:
    site = numbered(9).redirect("/0", "/8").page("/1", status=500).redirect("/2", CDN)
    del site["/3"]
    asked, running = answered(archive, site.file("/4", PNG, "image/png"), limit=3)
    assert running.counts().pages == 3
    assert {"/", "/0", "/1", "/2", "/3", "/4", "/5", "/6"} <= set(asked)


def test_what_a_page_needs_is_fetched_though_links_to_it_are_over_the_limit(archive: Archive) -> None:
    body = '<a href="/big.png"><img src="/big.png"></a> <iframe src="/frame"></iframe>'
    site = Site().page("/", body, links=["/frame", "/a"]).file("/big.png", PNG, "image/png")
    site.page("/frame", '<img src="/x.png">', links=["/b"]).file("/x.png", PNG, "image/png").page("/a").page("/b")
    asked, running = answered(archive, site, limit=1)
    assert sorted(asked) == ["/", "/big.png", "/frame", "/x.png"]
    assert running.counts().pages == 1
    assert running.counts().requisites == 3


def test_a_page_in_flight_that_another_one_shows_keeps_its_place(archive: Archive) -> None:
    site = Site().page("/", links=["/a", "/b", "/c"]).page("/a").page("/b", '<iframe src="/a"></iframe>').page("/c")
    running = crawl(archive, limit=3)
    run(running, {HOME: site}, lambda n: n - 1)
    complete(running)
    assert running.counts().pages == 3


# The tree while a run lasts


@pytest.mark.parametrize("flying", [1, 5])
def test_published_links_lead_to_where_a_copy_is_or_is_expected(archive: Archive, flying: int) -> None:
    site = Site().page("/", '<img src="/p">', links=["/a", "/old", f"{CDN}/"]).page("/p", links=["/d"])
    site.page("/a", '<link rel="stylesheet" href="/s.css">', links=["/d", "/gone"]).redirect("/old", "/d")
    site.file("/s.css", "a { background: url(/x.png) }", "text/css").file("/x.png", PNG, "image/png").page(
        "/d", links=["/e"]
    )
    running = crawl(archive, scope(depth=2))

    def check() -> None:
        expected = {place for _, place, _, _ in archive.manifest.locations.all_urls()}
        for path, content in files(archive.root).items():
            if path.endswith(".html"):
                for link in filter(is_relative, links(content)):
                    assert Path(path).parent.joinpath(link).as_posix() in expected

    answers = run(running, {HOME: site}, flying=flying, after_each=check)
    assert len(answers) == 9
    assert "s.css" in str(files(archive.root)["example.org/a~.html"])
    complete(running)
    assert dangling(archive.root) == []


def test_a_url_that_is_no_longer_too_deep_is_expected_somewhere(archive: Archive) -> None:
    site = Site().page("/a", links=["/b"]).page("/b", links=["/c"]).page("/c").page("/", links=["/c"])
    running = crawl(archive, scope(at("/a"), HOME, depth=1))
    order = iter([0, 1, 0])
    answers = run(running, {HOME: site}, lambda _: next(order), flying=2, most=3)
    assert answers == [at("/a"), at("/b"), at("/")]
    assert list(links(files(archive.root)["example.org/b~.html"])) == [at("/c")]
    assert list(links(files(archive.root)["example.org/index.html"])) == ["c~.html"]
    run(running, {HOME: site})
    complete(running)
    assert list(links(files(archive.root)["example.org/b~.html"])) == ["c~.html"]


def test_a_url_may_become_expected_while_another_process_publishes(
    archive: Archive,
) -> None:
    site = Site().page("/a", links=["/b"]).page("/b", links=["/c"]).page("/c").page("/", links=["/c"])
    running = crawl(archive, scope(at("/a"), HOME, depth=1), elsewhere=Beside(iter([0, 6])))
    order = iter([0, 1, 0])
    run(running, {HOME: site}, lambda _: next(order, 0), flying=2)
    complete(running)
    assert list(links(files(archive.root)["example.org/b~.html"])) == ["c~.html"]


def test_a_document_that_crashes_other_processes_is_published_unchanged(archive: Archive) -> None:
    site = Site().page("/", links=["/a", "/b"]).page("/a", links=["/"]).page("/b", links=["/"])
    running = crawl(archive, elsewhere=Beside(iter(()), deadly="b~"), together=8)
    run(running, {HOME: site})
    complete(running)
    tree = files(archive.root)
    assert archive.unwritten == [at("/b")]
    assert [list(links(tree[f"example.org/{name}"])) for name in ("index.html", "a~.html", "b~.html")] == [
        ["a~.html", "b~.html"],
        ["index.html"],
        ["/"],
    ]
    run(crawl(archive), {HOME: site})  # a later run makes it
    complete(crawl(archive))
    assert list(links(files(archive.root)["example.org/b~.html"])) == ["index.html"]


def test_only_documents_with_outdated_links_are_published_again(archive: Archive) -> None:
    site = Site().page("/", links=["/a", "/b"]).page("/a", links=["/"]).page("/b", links=["/gone"])
    running = crawl(archive)
    run(running, {HOME: site})
    before = {path: archive.root.joinpath(path).stat().st_ino for path in paths(archive)}
    complete(running)
    after = {path: archive.root.joinpath(path).stat().st_ino for path in paths(archive)}
    assert {path for path in before if before[path] != after[path]} == {"example.org/b~.html"}


# Later runs


def again(archive: Archive, site: Site, **words: Any) -> Crawl:
    running = crawl(archive, **words)
    run(running, {HOME: site})
    complete(running)
    assert dangling(archive.root) == []
    return running


def test_links_are_indexed_from_the_end_of_the_first_run_on(archive: Archive) -> None:
    """A first run that is killed goes on without the index, and builds it at its end."""
    site = Site().page("/", links=["/a", "/b"]).page("/a", links=["/b"]).page("/b")
    index = "SELECT 1 FROM sqlite_master WHERE name = 'ix_links_target_id'"
    seen = []
    first = crawl(archive)
    run(first, {HOME: site}, most=1)
    first.flush()
    seen.append(sqlite(archive).run(index).fetchone())
    second = crawl(archive)
    assert second.snapshot.resumed
    seen.append(sqlite(archive).run(index).fetchone())
    run(second, {HOME: site})
    complete(second)
    seen.append(sqlite(archive).run(index).fetchone())
    crawl(archive)
    seen.append(sqlite(archive).run(index).fetchone())
    assert seen == [None, None, (1,), (1,)]


@pytest.mark.parametrize("status", [500, 503, 429, 403])
def test_a_failure_keeps_the_last_good_copy(archive: Archive, status: int) -> None:
    site = Site().page("/", links=["/a"]).page("/a", '<img src="/x.png">').file("/x.png", PNG, "image/png")
    again(archive, site)
    tree = files(archive.root)
    running = again(archive, site.page("/a", status=status))
    assert files(archive.root) == tree
    assert sum(running.counts().failed.values()) == 1
    assert running.counts().pages == 2


def test_a_run_without_answers_keeps_all_good_copies(archive: Archive) -> None:
    again(archive, Site().page("/", links=["/a"]).redirect("/a", "/b").page("/b", '<img src="/x.png">').page("/x.png"))
    tree = files(archive.root)
    running = crawl(archive)
    run(running, {})
    complete(running)
    assert files(archive.root) == tree
    assert running.counts().failed == {"connection refused": 4}
    running = again(archive, Site().page("/"))
    assert running.counts().failed == {}


def test_the_references_of_a_kept_copy_are_followed(archive: Archive) -> None:
    site = Site().page("/", links=["/a"]).page("/a", links=["/b"]).page("/b")
    shallow = crawl(archive, scope(depth=1))
    run(shallow, {HOME: site})
    complete(shallow)
    assert list(links(files(archive.root)["example.org/a~.html"])) == [at("/b")]
    again(archive, site.page("/", links=["/b", "/a"]).page("/a", status=500))
    assert list(links(files(archive.root)["example.org/a~.html"])) == ["b~.html"]


@pytest.mark.parametrize("status", [404, 410])
def test_a_page_that_is_gone_is_removed(archive: Archive, status: int) -> None:
    site = Site().page("/", links=["/a/b", "/c"]).page("/a/b").page("/c", links=["/a/b"])
    again(archive, site)
    assert "example.org/a/b~.html" in paths(archive)
    running = again(archive, site.page("/a/b", status=status))
    assert paths(archive) == {"example.org/index.html", "example.org/c~.html"}
    assert not archive.root.joinpath("example.org/a").exists()
    assert list(running.counts().failed.values()) == [1]


def test_a_copy_moves_when_its_media_type_changes(archive: Archive) -> None:
    again(archive, Site().page("/", links=["/a"]).page("/a"))
    again(archive, Site().page("/", links=["/a"]).file("/a", PNG, "image/png"))
    assert paths(archive) == {"example.org/index.html", "example.org/a"}


def test_a_page_becomes_a_redirect_and_a_page_again(archive: Archive) -> None:
    pages = Site().page("/", links=["/a", "/b"]).page("/a").page("/b")
    again(archive, pages)
    tree = files(archive.root)
    again(archive, Site(pages).redirect("/a", "/b"))
    assert files(archive.root) != tree
    again(archive, pages)
    assert files(archive.root) == tree


def test_a_page_that_is_no_longer_linked_stays(archive: Archive) -> None:
    again(archive, Site().page("/", links=["/a"]).page("/a"))
    again(archive, Site().page("/"))
    assert "example.org/a~.html" in paths(archive)


# Resumed runs


WIDE: Final = Site().page("/", '<img src="/x.png">', links=["/a", "/b", "/r"]).file("/x.png", PNG, "image/png")
WIDE.page("/a", links=["/b", "/c"]).page("/b", '<img src="/x.png">', links=["/d"]).page("/c").page("/d").redirect(
    "/r", "/d"
)


@pytest.mark.parametrize("most", range(8))
@pytest.mark.parametrize("settled", [False, True])
def test_an_interrupted_run_is_resumed(tmp_path: Path, most: int, *, settled: bool) -> None:
    state, tree = mirrored({HOME: WIDE}, scope())
    cut = Archive(tmp_path)
    running = crawl(cut)
    first = run(running, {HOME: WIDE}, most=most)
    if settled:  # as an interrupted run does
        settle(running)
        assert dangling(tmp_path) == []
    cut.close()
    resumed = Archive(tmp_path)
    running = crawl(resumed)
    assert running.snapshot.resumed
    assert len(running) > 0 or most == 7
    second = run(running, {HOME: WIDE})
    complete(running)
    assert sorted(first + second) == sorted(at(path) for path in WIDE)
    assert archive_state(resumed) == state
    assert files(tmp_path) == tree
    assert not crawl(resumed).snapshot.resumed
    resumed.close()


def test_a_run_that_was_interrupted_while_settling_is_resumed(archive: Archive) -> None:
    _, tree = mirrored({HOME: WIDE}, scope())
    running = crawl(archive)
    run(running, {HOME: WIDE})
    running.finish()
    running = crawl(archive)
    assert running.snapshot.resumed
    assert len(running) == 0
    assert not running.has_next() or running.next() is None
    complete(running)
    assert files(archive.root) == tree


def test_a_file_that_could_not_be_published_is_made_by_the_resumed_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state, tree = mirrored({HOME: WIDE}, scope())
    cut = Archive(tmp_path)

    link = cut.tree.link

    def full(path: LocalPath, source: Path, date: object) -> None:
        if path.endswith(".png"):
            raise OSError(28, "No space left on device")
        link(path, source)

    with monkeypatch.context() as patched:
        patched.setattr(cut.tree, "link", full)
        with pytest.raises(StorageError, match="the disk is full"):
            run(crawl(cut), {HOME: WIDE})
    assert dangling(tmp_path)
    cut.close()
    resumed = Archive(tmp_path)
    running = crawl(resumed)
    second = run(running, {HOME: WIDE})
    complete(running)
    assert at("/x.png") not in second
    assert archive_state(resumed) == state
    assert files(tmp_path) == tree
    resumed.close()


@pytest.mark.parametrize("fails", ["an answer", "the commit"])
def test_files_of_answers_that_were_undone_are_not_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    """The disk fills while a page and redirects wait: they have no versions any more, and later ones may have their ids."""
    web = {HOME: Site().page("/", links=["/to", "/b"]).redirect("/to", "/b").page("/b", links=["/wide"])}
    state, tree = mirrored(web, scope())
    archive = Archive(tmp_path)
    running = crawl(archive, together=32)
    database = archive.manifest.database  # type: ignore[attr-defined]
    run(running, web, most=1)
    running.flush()
    run(running, web, most=2)  # the second one waits for its commit

    execute = database.run

    def full(*statement: Any) -> Any:
        if statement == ("COMMIT",) or fails == "an answer":
            execute("ROLLBACK")  # as SQLite does itself
            raise StorageError("the disk is full")
        return execute(*statement)

    with monkeypatch.context() as patched:
        target, name = (database, "run") if fails == "the commit" else (archive.manifest.resources, "record")
        patched.setattr(target, name, full)
        with pytest.raises(StorageError, match="the disk is full"):
            running.flush() if fails == "the commit" else run(running, web, most=1)
    running.flush()
    assert not (tmp_path / "example.org" / "to~.html").exists()
    archive.close()
    resumed = Archive(tmp_path)
    running = crawl(resumed)
    run(running, web)
    complete(running)
    assert archive_state(resumed) == state
    assert files(tmp_path) == tree
    resumed.close()


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_a_limit_holds_over_an_interruption(archive: Archive, limit: int) -> None:
    run(crawl(archive, limit=limit), {HOME: numbered(9)}, most=3)
    running = crawl(archive, limit=limit)
    run(running, {HOME: numbered(9)})
    complete(running)
    assert running.counts().pages == limit


@pytest.mark.parametrize("words", [{"options": {"depth": 2}}, {"rules": scope(at("/a"))}])
def test_another_command_begins_a_new_run(archive: Archive, words: dict[str, Any]) -> None:
    run(crawl(archive), {HOME: WIDE}, most=3)
    assert not crawl(archive, **words).snapshot.resumed


def test_starts_that_a_redirect_added_are_starts_of_the_resumed_run(archive: Archive) -> None:
    web = {HOME: Site().redirect("/", f"{WWW}/"), WWW: Site().page("/", links=["/a", "/b"]).page("/a").page("/b")}
    run(crawl(archive, scope(area=Area.HOST)), web, most=2)
    running = crawl(archive, scope(area=Area.HOST))
    assert running.snapshot.resumed
    assert run(running, web) == [f"{WWW}/a", f"{WWW}/b"]
