"""URLs with tracking parameters or session ids: folded where the server shows that both forms are one resource."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import pytest

from mirror.core.policy.scope import Scope
from mirror.core.url.canonical import canonical
from mirror.store.archive import Archive
from mirror.store.playback import Playback
from mirror.store.run.crawl import Crawl
from tests.mirroring import answer, complete, dangling, files, run
from tests.site import HTML, PNG, Page, Site

HOME: Final = "http://example.org"
IDS: Final = [f"{n:x}".zfill(2) * 16 for n in range(160, 170)]
"""Values that look like session ids: 32 hexadecimal digits."""


def crawl(archive: Archive, **words: Any) -> Crawl:
    return Crawl(archive, Scope((canonical(HOME),)), now=lambda: "2020-02-02T02:02:02+00:00", **words)


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    opened = Archive(tmp_path / "archive")
    yield opened
    opened.close()


def shown(archive: Archive, path: str) -> bytes | None:
    """What a reader of the archive gets for a URL: the payload of its version, or of what it is an alias of."""
    found = Playback(archive).find(canonical(HOME + path), archive.manifest.runs.last_id())
    return archive.objects.get(found.digest) if found else None


def sent(site: Site, path: str) -> bytes | None:
    """What the site answers."""
    found = answer({HOME: site}, canonical(HOME + path))
    return found.payload if found else None


def each(path: str, values: list[str], text: str, *, site: Site | None = None) -> Site:
    """Add a page for each value, which says the text with its number."""
    site = Site() if site is None else site
    for number, value in enumerate(values):
        site.page(path.format(value), f"<p>{text.format(number)}</p>")
    return site


def home(site: Site, links: list[str], body: str = "") -> Site:
    return site.page("/", body, links=links)


SONGS: Final = [f"/song?sid={one}" for one in IDS]
PROMOTED: Final = [f"/promo?utm_source={n}" for n in range(6)]
IN_PATH: Final = [f"/a;jsessionid={one[:20].upper()}" for one in IDS]

LOSSES: Final[dict[str, tuple[Site, list[str]]]] = {
    "ids of songs, and nothing without one": (each("/song?sid={}", IDS, "Song {}"), SONGS),
    "two ids": (each("/song?sid={}", IDS[:2], "Song {}"), SONGS[:2]),
    "one id": (each("/song?sid={}", IDS[:1], "Song {}"), SONGS[:1]),
    "the first song is the default": (each("/song?sid={}", IDS, "Song {}").page("/song", "<p>Song 0</p>"), SONGS),
    "songs that differ in a picture": (
        each("/song?sid={}", IDS[:4], "Song <img src=data:,{}>").page("/song", "<p>Song </p>"),
        SONGS[:4],
    ),
    "songs that differ in a script": (
        each("/song?sid={}", IDS[:4], "<script>show({})</script>").page("/song", "<p></p>"),
        SONGS[:4],
    ),
    "songs that are files": (each("/song?sid={}", IDS, "Song {}").file("/song", b"\0", "audio/mpeg"), SONGS),
    "landing pages": (each("/promo?utm_source={}", list("012345"), "Offer {}").page("/promo", "<p>None</p>"), PROMOTED),
    "ids in paths": (each("/a;jsessionid={}", [one[:20].upper() for one in IDS], "{}"), IN_PATH),
    "only some fail without the parameter": (
        each("/{}?utm_source=x", list("abcd"), "{}").page("/a", "<p>0</p>").page("/b", "<p>1</p>"),
        [f"/{letter}?utm_source=x" for letter in "abcd"],
    ),
    "redirects to different pages": (
        each("/song-{}", list("012345"), "{}")
        .redirect("/song", "/song-5")
        .redirect(SONGS[0], "/song-0")
        .redirect(SONGS[1], "/song-1")
        .redirect(SONGS[2], "/song-2"),
        SONGS[:3],
    ),
}
"""A site, and the paths with parameters that its start links to. Each is a resource of its own."""


@pytest.mark.parametrize("flying", [1, 4])
@pytest.mark.parametrize("name", LOSSES)
def test_nothing_is_lost_by_folding(archive: Archive, name: str, flying: int) -> None:
    site, paths = LOSSES[name]
    running = crawl(archive)
    run(running, {HOME: home(Site(site), paths)}, flying=flying)
    complete(running)
    assert [shown(archive, path) for path in paths] == [sent(site, path) for path in paths]
    assert running.counts().failed == {}
    assert dangling(archive.root) == []


@pytest.mark.parametrize("most", [2, 3, 4, 5, 9])
def test_a_resumed_run_knows_what_the_server_showed(archive: Archive, most: int) -> None:
    site = home(each("/song?sid={}", IDS, "Song {}"), SONGS)
    run(crawl(archive), {HOME: site}, most=most)
    running = crawl(archive)
    run(running, {HOME: site})
    complete(running)
    assert [shown(archive, path) for path in SONGS] == [sent(site, path) for path in SONGS]


def test_what_a_page_needs_keeps_its_parameters(archive: Archive) -> None:
    """A signature may look like a session id."""
    needed = [f"/p.png?w=400&s={IDS[0]}", f"/f?sid={IDS[1]}", "/style.css?utm_source=x"]
    body = '<img src="{}"><iframe src="{}"></iframe><link rel="stylesheet" href="{}">'.format(*needed)
    site = home(Site(), [], body).file(needed[0], PNG, "image/png").page(needed[1]).file(needed[2], "a {}", "text/css")
    assert run(crawl(archive), {HOME: site}) == [canonical(HOME + path) for path in ("/", *needed)]


def same(path: str, values: list[str], body: str, plain: str) -> Site:
    """A site that answers the same with each value, and without the parameter."""
    site = Site().file(plain, body.replace("VALUE", ""), HTML)
    for value in values:
        site.file(path.format(value), body.replace("VALUE", value), HTML)
    return home(site, [path.format(value) for value in values])


BOUNDED: Final[dict[str, tuple[Site, int]]] = {
    "session ids": (same("/a?sid={}", IDS, "<p>Same</p>", "/a"), 4),
    "session ids in paths": (same("/a;jsessionid={}", [one[:20].upper() for one in IDS], "<p>Same</p>", "/a"), 4),
    "links with the parameter": (
        same("/a?utm_source={}", [f"c{n}" for n in range(9)], "<a href='?utm_source=VALUE'>up</a>", "/a"),
        4,
    ),
    "sessions that are over": (home(Site().page("/song", "<p>All songs</p>"), SONGS), 4),
}
"""Sites on which the parameter is none of a resource, and how many requests they take."""


@pytest.mark.parametrize("name", BOUNDED)
def test_what_the_server_shows_to_be_one_resource_is_requested_once(archive: Archive, name: str) -> None:
    site, expected = BOUNDED[name]
    running = crawl(archive)
    assert len(run(running, {HOME: site})) == expected
    complete(running)
    assert len(files(archive.root)) == 3  # the index page, the start, and the page
    assert running.counts().failed == {}
    assert dangling(archive.root) == []
    again = crawl(archive)
    run(again, {HOME: site})
    complete(again)
    assert again.counts().failed == {}
    changes = again.changes()
    assert changes is not None
    assert (changes.added, changes.changed, changes.gone) == (0, 0, 0)


def test_a_redirect_is_followed_as_it_is_written(archive: Archive) -> None:
    """Java servers and ASP.NET send strangers to a URL with a session, and campaigns to one that is counted."""
    written = ["/;jsessionid=0123456789ABCDEF", "/(S(hesgtpfd5k4jdsjchvkvdjzy))/a", "/promo?utm_source=x"]
    plain = ["/", "/a", "/promo"]
    site = Site()
    for before, after in zip(plain, written, strict=True):
        site.redirect(before, after).page(after, f"<p>{before}", links=[*plain, *written])
    running = crawl(archive)
    asked = run(running, {HOME: site})
    complete(running)
    assert sorted(asked) == sorted(canonical(HOME + path) for path in [*plain, *written])
    assert running.counts().failed == {}
    assert [shown(archive, path) for path in written] == [sent(site, path) for path in written]
    assert dangling(archive.root) == []


class NewSessions(Site):
    """A server without cookies: it sends each plain URL on to a session, or writes a new one into each page."""

    def __init__(self, *, redirects: bool) -> None:
        super().__init__()
        self.redirects = redirects
        self.count = 0

    def get(self, path: str, _: Any = None) -> Page:
        self.count += 1
        place, mark, _ = path.partition("?sid=")
        if self.redirects and not mark:
            return Page(302, {"Location": f"{place}?sid={self.count:032x}"})
        links = "".join(f'<a href="/{n}?sid={self.count:032x}">{n}</a>' for n in range(5))
        return Page(200, {"Content-Type": HTML}, f"<p>{place} {self.count * 7} visitors</p>{links}".encode())


class Login(Site):
    """A login page that links to itself with `next=` of its own URL (Django, contrib.auth), with a token in its form."""

    def get(self, path: str, _: Any = None) -> Page:
        token = f"{abs(hash(path)):016x}"
        link = f'<a href="/login/?next={quote(path, safe="/")}">Log in</a><form><input value="{token}"></form>'
        return Page(200, {"Content-Type": HTML}, f"<p>{path.partition('?')[0]}</p><a href=/a>a</a>{link}".encode())


def test_a_login_page_that_links_to_itself_is_one_page(archive: Archive) -> None:
    running = crawl(archive)
    asked = run(running, {HOME: Login()}, most=100)
    complete(running)
    assert len(asked) <= 2 + 2 + 3  # two pages, the login page from each, and samples
    assert "the same as the URL in its parameter" in running.counts().skipped
    assert dangling(archive.root) == []


class Accounts(Site):
    """Pages for accounts that link to each other, each with its own URL in `next=`."""

    def __init__(self, *names: str) -> None:
        super().__init__()
        self.names = names

    def get(self, path: str, _: Any = None) -> Page:
        links = [f'<a href="/{name}/?next={quote(path, safe="/")}">{name}</a>' for name in self.names]
        return Page(200, {"Content-Type": HTML}, f"<p>{path.partition('?')[0]}</p><a href=/a>a</a>{links}".encode())


@pytest.mark.parametrize("names", [("login", "signup"), ("login", "signup", "reset", "confirm")])
def test_pages_that_link_to_each_other_with_their_own_urls_have_an_end(
    archive: Archive, names: tuple[str, ...]
) -> None:
    running = crawl(archive)
    asked = run(running, {HOME: Accounts(*names)}, most=1000)
    complete(running)
    assert len(asked) <= 2 + len(names) * (2 + 4)  # two pages, those for accounts from each, and samples
    assert dangling(archive.root) == []


@pytest.mark.parametrize("redirects", [True, False])
def test_a_server_that_makes_a_session_for_each_answer_has_an_end(archive: Archive, *, redirects: bool) -> None:
    running = crawl(archive)
    asked = run(running, {HOME: NewSessions(redirects=redirects)}, most=100)
    complete(running)
    assert len(asked) <= 6 * 4
    assert dangling(archive.root) == []
