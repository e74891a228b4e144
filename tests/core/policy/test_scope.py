"""Scope: which resources belong to a mirror, in which role, and why others don't."""

import re
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirror.core.http.request_variants import variant, with_variant
from mirror.core.policy.scope import (
    MAX_URL_LENGTH,
    Area,
    Decision,
    Reason,
    Requisites,
    Role,
    Scope,
    Source,
)
from mirror.core.syntax.reference import Kind, Reference
from mirror.core.url.canonical import CanonicalURL, is_web, origin
from mirror.core.url.public_suffixes import registrable_domain

START = CanonicalURL("https://www.example.org/docs/a.html?b=/c")
OTHER = CanonicalURL("https://cdn.example/x")
PAGE = Source(START, Role.PAGE, 0)


def scope(area: Area = Area.SITE, requisites: Requisites = Requisites.ALL, **options: Any) -> Scope:
    return Scope((START,), area, requisites, registrable_domain=registrable_domain, **options)


def decided(
    url: str, kind: Kind, within: Scope | None = None, source: Source = PAGE, *, guess: bool = False
) -> Role | Reason | None:
    decision = (within or scope()).decide(Reference(CanonicalURL(url), kind, guess), source)
    return decision.role or decision.reason


def no_list(host: str) -> str:
    raise AssertionError(f"the Public Suffix List was asked for {host}")


@pytest.mark.parametrize("area", [Area.SITE, Area.HOST])
def test_what_is_of_the_origin_of_a_start_needs_no_suffix_list(area: Area) -> None:
    """The list takes a twentieth of a second to load, and many sites have no links to others."""
    own = CanonicalURL("https://www.example.org/b")
    within = Scope((START,), area, Requisites.SITE, registrable_domain=no_list).unanswered().settled(START)
    assert within.contains(own)
    assert within.is_same_site(START, own)
    assert within.redirected(START, own).starts == (START, own)
    kinds = (Kind.PAGE, Kind.FRAME, Kind.REQUISITE, Kind.SITEMAP, Kind.REDIRECT)
    assert [decided(own, kind, within) for kind in kinds] == [
        Role.PAGE,
        Role.FRAME,
        Role.REQUISITE,
        Role.LISTING,
        Role.PAGE,
    ]
    with pytest.raises(AssertionError):
        within.is_same_site(START, OTHER)


# --- where pages are ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("area", "inside", "outside"),
    [
        (
            Area.SITE,
            ["https://www.example.org/", "http://example.org/x", "https://a.b.example.org:8443/"],
            ["https://example.com/", "https://example.org.example/", "https://notexample.org/"],
        ),
        (
            Area.HOST,
            ["https://www.example.org/", "http://www.example.org/x"],
            ["https://example.org/", "https://www.example.org:8443/", "https://www.example.org.example/"],
        ),
        (
            Area.PREFIX,
            ["https://www.example.org/docs/", "http://www.example.org/docs/x/y?z"],
            [
                "https://www.example.org/",
                "https://www.example.org/docs",
                "https://www.example.org/docsx/",
                "https://example.org/docs/",
            ],
        ),
    ],
)
def test_area(area: Area, inside: list[str], outside: list[str]) -> None:
    assert all(scope(area).contains(CanonicalURL(url)) for url in inside)
    assert not any(scope(area).contains(CanonicalURL(url)) for url in outside)


@pytest.mark.parametrize(
    ("start", "inside", "outside"),
    [
        ("https://a.example.co.uk/", "https://b.example.co.uk/", "https://other.co.uk/"),
        (
            "https://user.github.io/",
            "https://user.github.io/x",
            "https://other.github.io/",
        ),  # a suffix that its owner declared
        ("http://127.0.0.1:8000/", "http://127.0.0.1:8000/x", "http://127.0.0.1:8001/"),
        ("http://[::1]:8000/", "http://[::1]:8000/x", "http://[::1]/"),
        ("http://localhost/", "https://localhost/x", "http://localhost:8000/"),
        ("http://co.uk/", "http://co.uk/x", "http://example.co.uk/"),
    ],
)
def test_site(start: str, inside: str, outside: str) -> None:
    site = Scope((CanonicalURL(start),), registrable_domain=registrable_domain)
    assert site.contains(CanonicalURL(inside))
    assert not site.contains(CanonicalURL(outside))


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        ("www.example.org", "example.org"),
        ("a.b.co.uk", "b.co.uk"),
        ("a.b.github.io", "b.github.io"),
        ("127.0.0.1", ""),
        ("x", ""),
    ],
)
def test_the_bundled_list_needs_no_network(host: str, domain: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.socket", None)
    monkeypatch.setattr("socket.getaddrinfo", None)
    assert registrable_domain(host) == domain


def test_several_starts_are_several_homes() -> None:
    both = Scope((START, OTHER), Area.PREFIX, registrable_domain=registrable_domain)
    assert both.contains(START)
    assert both.contains(CanonicalURL("https://cdn.example/y"))


@pytest.mark.parametrize("area", Area)
@pytest.mark.parametrize(
    ("url", "is_inside"),
    [
        ("https://example.com/", True),
        ("http://deep.www.example.com:8080/a?b", True),
        ("http://10.0.0.1:8000/", True),
        ("http://10.0.0.1:8001/", False),
        ("http://notexample.com/", False),
        ("http://example.com.example.net/", False),
        ("ftp://example.com/a", False),
        ("http://example.net/", False),
    ],
)
def test_further_domains_are_in_the_scope_whatever_the_area_is(area: Area, url: str, *, is_inside: bool) -> None:
    wider, place = scope(area, also=("example.com", "10.0.0.1:8000")), CanonicalURL(url)
    assert wider.contains(place) is is_inside
    assert wider.contains(START)
    assert (decided(url, Kind.PAGE, wider) is Role.PAGE) is is_inside
    assert (decided(url, Kind.SITEMAP, wider) is Role.LISTING) is is_inside
    strict = scope(area, Requisites.SITE, also=wider.also)
    assert (decided(url, Kind.REQUISITE, strict) is Role.REQUISITE) is is_inside
    assert not wider.is_same_site(START, place)  # it gets no cookies of the start


# --- what is fetched, as what ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "here", "elsewhere"),
    [
        (Kind.PAGE, Role.PAGE, Reason.OUTSIDE),
        (Kind.FEED, Role.LISTING, Reason.OUTSIDE),
        (Kind.SITEMAP, Role.LISTING, Reason.OUTSIDE),
        (Kind.REDIRECT, Role.PAGE, Reason.OUTSIDE),
        (Kind.FRAME, Role.FRAME, Role.FRAME),
        (Kind.REQUISITE, Role.REQUISITE, Role.REQUISITE),
        (Kind.NEVER, Reason.NEVER, Reason.NEVER),
    ],
)
def test_on_a_page(kind: Kind, here: Role | Reason, elsewhere: Role | Reason) -> None:
    assert decided("https://example.org/x", kind) == here
    assert decided("https://cdn.example/y", kind) == elsewhere


@pytest.mark.parametrize(
    ("role", "found_on", "kind", "expected"),
    [
        # a foreign style sheet: its imports and pictures are the page's
        (Role.REQUISITE, OTHER, Kind.REQUISITE, Role.REQUISITE),
        (Role.REQUISITE, OTHER, Kind.PAGE, Reason.OUTSIDE),
        (Role.REQUISITE, OTHER, Kind.FRAME, Reason.HOP),
        (Role.REQUISITE, START, Kind.FRAME, Reason.HOP),
        # a foreign frame: its requisites, and that is all
        (Role.FRAME, OTHER, Kind.REQUISITE, Role.REQUISITE),
        (Role.FRAME, OTHER, Kind.FRAME, Reason.HOP),
        (Role.FRAME, OTHER, Kind.PAGE, Reason.HOP),
        (Role.FRAME, OTHER, Kind.REDIRECT, Role.FRAME),
        # a frame of the site is as good as a page
        (Role.FRAME, START, Kind.FRAME, Role.FRAME),
        (Role.FRAME, START, Kind.PAGE, Reason.OUTSIDE),
        # a redirect keeps the role
        (Role.REQUISITE, START, Kind.REDIRECT, Role.REQUISITE),
        (Role.LISTING, START, Kind.REDIRECT, Reason.OUTSIDE),
        (Role.LISTING, START, Kind.REQUISITE, Role.REQUISITE),
    ],
)
def test_to_another_host_from_elsewhere_than_a_page(
    role: Role, found_on: str, kind: Kind, expected: Role | Reason
) -> None:
    assert decided("https://third.example/", kind, source=Source(CanonicalURL(found_on), role, 0)) == expected


def test_a_link_back_from_a_foreign_frame_is_not_followed() -> None:
    assert decided("https://www.example.org/x", Kind.PAGE, source=Source(OTHER, Role.FRAME, 0)) == Reason.HOP


def test_a_foreign_sitemap_of_the_site_is_read() -> None:
    host = scope(Area.HOST)
    assert decided("https://maps.example.org/x.xml", Kind.SITEMAP, host) == Role.LISTING
    assert decided("https://maps.example.org/x.xml", Kind.FEED, host) == Reason.OUTSIDE
    assert decided("https://maps.example/x.xml", Kind.SITEMAP, host) == Reason.OUTSIDE


def test_a_guess_stays_on_the_hosts_that_are_known() -> None:
    assert decided("https://example.org/x", Kind.REQUISITE, guess=True) == Role.REQUISITE
    assert decided("https://third.example/x", Kind.REQUISITE, guess=True) == Reason.OUTSIDE
    assert (
        decided("https://cdn.example/y", Kind.REQUISITE, source=Source(OTHER, Role.REQUISITE, 0), guess=True)
        == Role.REQUISITE
    )
    assert (
        decided("https://cdn.example/y", Kind.PAGE, source=Source(OTHER, Role.REQUISITE, 0), guess=True)
        == Reason.OUTSIDE
    )


@pytest.mark.parametrize(
    ("requisites", "here", "elsewhere"),
    [
        (Requisites.ALL, Role.REQUISITE, Role.REQUISITE),
        (Requisites.SITE, Role.REQUISITE, Reason.REQUISITE),
        (Requisites.NONE, Reason.REQUISITE, Reason.REQUISITE),
    ],
)
def test_requisites(requisites: Requisites, here: Role | Reason, elsewhere: Role | Reason) -> None:
    assert decided("https://static.example.org/x.css", Kind.REQUISITE, scope(Area.HOST, requisites)) == here
    assert decided("https://cdn.example/x.css", Kind.REQUISITE, scope(Area.HOST, requisites)) == elsewhere


@pytest.mark.parametrize("kind", [Kind.PAGE, Kind.REQUISITE, Kind.FRAME, Kind.REDIRECT, Kind.SITEMAP])
def test_a_url_that_is_too_long_leads_nowhere(kind: Kind) -> None:
    url = "https://www.example.org/".ljust(MAX_URL_LENGTH, "x")
    assert isinstance(decided(url, kind), Role)
    assert decided(url + "x", kind) is Reason.LENGTH


def test_depth() -> None:
    two = scope(depth=2)
    assert decided("https://example.org/x", Kind.PAGE, two, Source(START, Role.PAGE, 1)) == Role.PAGE
    assert decided("https://example.org/x", Kind.PAGE, two, Source(START, Role.PAGE, 2)) == Reason.DEPTH
    assert decided("https://example.org/x", Kind.REQUISITE, two, Source(START, Role.PAGE, 2)) == Role.REQUISITE
    assert decided("https://example.org/x", Kind.PAGE, scope(depth=0)) == Reason.DEPTH
    source = Source(START, Role.PAGE, 1)
    assert two.decide(Reference(OTHER, Kind.REQUISITE), source) == Decision(Role.REQUISITE, 1)
    assert two.decide(Reference(START, Kind.PAGE), source) == Decision(Role.PAGE, 2)
    assert two.decide(Reference(START, Kind.FEED), source) == Decision(Role.LISTING, 1)
    assert two.decide(Reference(START, Kind.REDIRECT), source) == Decision(Role.PAGE, 1)


def test_include_and_exclude() -> None:
    some = scope(include=re.compile("keep"), exclude=re.compile("drop"))
    assert decided("https://example.org/keep", Kind.PAGE, some) == Role.PAGE
    assert decided("https://example.org/x", Kind.PAGE, some) == Reason.INCLUDE
    assert decided("https://example.org/x", Kind.REQUISITE, some) == Role.REQUISITE
    assert decided("https://example.org/keep/drop", Kind.PAGE, some) == Reason.EXCLUDE
    assert decided("https://example.org/drop.css", Kind.REQUISITE, some) == Reason.EXCLUDE
    assert decided("https://example.org/keep/drop", Kind.REDIRECT, some) == Reason.EXCLUDE
    assert decided(START, Kind.PAGE, scope(include=re.compile("^$"), exclude=re.compile(""))) == Role.PAGE


@pytest.mark.parametrize(
    ("url", "to", "extends"),
    [
        (START, "https://example.org/", True),
        (START, "http://other.example.org/x", True),
        (START, "http://third.example/", True),
        (START, "https://third.example/drop", False),
        (START, START, False),
        ("https://www.example.org/y", "https://example.org/", False),
    ],
)
def test_a_redirected_start_adds_a_start(url: str, to: str, *, extends: bool) -> None:
    host = scope(Area.HOST, exclude=re.compile("third.*drop"))
    after = host.redirected(CanonicalURL(url), CanonicalURL(to))
    assert (after is not host) == extends
    assert (CanonicalURL(to) in after.starts) == (extends or to == START)
    after = after.settled(CanonicalURL(to))
    assert after.contains(CanonicalURL(to)) == (extends or host.contains(CanonicalURL(to)))
    assert after.contains(START)


FIRST, SECOND, THIRD = (CanonicalURL(f"https://{name}.example/a") for name in ("first", "second", "third"))


def redirected(within: Scope, *way: CanonicalURL) -> Scope:
    """The scope after redirects from each of these URLs to the next."""
    for url, to in pairwise(way):
        assert decided(to, Kind.REDIRECT, within.redirected(url, to), Source(url, Role.PAGE, 0)) is Role.PAGE
        within = within.redirected(url, to)
    return within


@pytest.mark.parametrize("area", Area)
def test_only_the_site_at_which_a_start_arrives_is_in_the_scope(area: Area) -> None:
    before = Scope((FIRST,), area, requisites=Requisites.SITE).unanswered()
    assert not before.contains(FIRST)  # it may lead elsewhere
    assert decided(f"{FIRST}/robots-sitemap", Kind.SITEMAP, before) is Reason.LEFT
    after = redirected(before, FIRST, SECOND, THIRD)
    assert after.starts == (FIRST, SECOND, THIRD)
    assert [after.contains(url) for url in after.starts] == [False, False, False]
    there = after.settled(THIRD)
    assert [there.contains(url) for url in there.starts] == [False, False, True]
    source = Source(THIRD, Role.PAGE, 0)
    assert decided(FIRST.replace("/a", "/b"), Kind.PAGE, there, source) is Reason.LEFT
    assert decided("https://fourth.example/", Kind.PAGE, there, source) is Reason.OUTSIDE
    assert decided("https://second.example/x.css", Kind.REQUISITE, there, source) is Reason.REQUISITE
    assert not there.leaves_out(CanonicalURL("https://first.example/b"), page=True)  # earlier runs may have a copy


def test_starts_of_several_sites_stay_in_the_scope_wherever_they_lead() -> None:
    both = Scope((FIRST, SECOND)).unanswered()
    after = redirected(both, FIRST, THIRD).settled(THIRD)
    assert all(after.contains(url) for url in (FIRST, SECOND, THIRD))


def test_a_start_that_leads_to_its_own_site_settles_it() -> None:
    before = scope(Area.HOST).unanswered()
    after = before.redirected(START, CanonicalURL("https://example.org/"))
    assert after.contains(START)
    assert after.contains(CanonicalURL("https://example.org/x"))
    assert scope().unanswered().settled(START) == scope()


# --- trees of files -------------------------------------------------------------------------------------------------

FILES = CanonicalURL("file:///srv/www/")
FTP = CanonicalURL("ftp://ftp.example.org/pub/")
ON_DISK = Source(CanonicalURL("file:///srv/www/a.html"), Role.PAGE, 0)
ON_FTP = Source(CanonicalURL("ftp://ftp.example.org/pub/a.html"), Role.PAGE, 0)
WANTING = (Kind.PAGE, Kind.FRAME, Kind.REQUISITE, Kind.FEED, Kind.SITEMAP, Kind.REDIRECT)


def within(*starts: str, **options: Any) -> Scope:
    return Scope(tuple(map(CanonicalURL, starts)), registrable_domain=registrable_domain, **options)


@pytest.mark.parametrize("area", Area)
def test_on_a_disk_the_scope_is_the_folder_of_the_start(area: Area) -> None:
    disk = within(FILES, area=area)
    assert disk.contains(CanonicalURL("file:///srv/www/a/b"))
    assert within("file:///srv/www/index.html", area=area).contains(CanonicalURL("file:///srv/www/a/b"))
    for url in ("file:///srv/", "file:///srv/www", "file:///srv/wwww/", "file:///etc/passwd", "ftp://srv/www/"):
        assert not disk.contains(CanonicalURL(url))


@pytest.mark.parametrize(
    ("area", "inside", "outside"),
    [
        (Area.SITE, ["ftp://ftp.example.org/pub/a/b"], ["ftp://ftp.example.org/", "ftp://ftp.example.org/pubs/"]),
        (Area.PREFIX, ["ftp://ftp.example.org/pub/a/b"], ["ftp://ftp.example.org/", "ftp://ftp.example.org/pubs/"]),
        (Area.HOST, ["ftp://ftp.example.org/", "ftp://ftp.example.org/%2Fetc/"], ["ftp://ftp.example.org:2121/pub/"]),
    ],
)
def test_on_a_file_server_a_folder_is_a_site(area: Area, inside: list[str], outside: list[str]) -> None:
    tree = within(FTP, area=area)
    assert all(tree.contains(CanonicalURL(url)) for url in inside)
    others = ["http://ftp.example.org/pub/", "ftps://ftp.example.org/pub/", "sftp://ftp.example.org/pub/", *outside]
    assert not any(tree.contains(CanonicalURL(url)) for url in [*others, "ftp://example.org/pub/", "file:///pub/"])


@pytest.mark.parametrize("area", [Area.SITE, Area.PREFIX])
def test_the_root_of_a_server_is_not_below_the_login_folder(area: Area) -> None:
    root = CanonicalURL("ftp://ftp.example.org/%2Fetc/")
    assert not within("ftp://ftp.example.org/", area=area).contains(root)
    assert within("ftp://ftp.example.org/%2Fetc/", area=area).contains(root)
    assert within("http://h/", area=area).contains(CanonicalURL("http://h/%2Fetc/"))


@pytest.mark.parametrize("area", Area)
def test_a_web_start_allows_no_file_server(area: Area) -> None:
    web = within("http://ftp.example.org/pub/", area=area)
    assert not any(web.contains(CanonicalURL(url)) for url in (FTP, FILES, "file:///ftp.example.org/pub/"))


@pytest.mark.parametrize("kind", WANTING)
@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("area", Area)
def test_a_web_page_leads_to_no_file(area: Area, role: Role, kind: Kind) -> None:
    """Not even to a file of a start, which the crawl fetches anyway."""
    all_three = within(START, FTP, FILES, area=area)
    for url in (FTP, f"{FTP}a", FILES, "file:///srv/www/a.png", "file:///etc/passwd", "sftp://ftp.example.org/a"):
        assert decided(url, kind, all_three, Source(START, role, 0)) is Reason.ORIGIN


@pytest.mark.parametrize("kind", WANTING)
@pytest.mark.parametrize("role", Role)
def test_a_file_on_the_disk_never_leads_out_of_its_folder(role: Role, kind: Kind) -> None:
    source = Source(ON_DISK.url, role, 0)
    for area in Area:
        disk = within(FILES, FTP, area=area)
        for url in ("file:///etc/passwd", "file:///srv/", "file:///srv/wwww/a.png", "file:///srv/www"):
            assert decided(url, kind, disk, source) is Reason.OUTSIDE
        for url in (FTP, "sftp://localhost/", "ftps://h/"):
            assert decided(url, kind, disk, source) is Reason.ORIGIN


@pytest.mark.parametrize("source", [ON_DISK, ON_FTP])
def test_a_file_leads_to_the_web_as_a_page_does(source: Source) -> None:
    tree = within(FILES, FTP)
    assert decided("https://cdn.example/a.png", Kind.REQUISITE, tree, source) is Role.REQUISITE
    assert decided("https://cdn.example/a.html", Kind.FRAME, tree, source) is Role.FRAME
    assert decided("https://cdn.example/", Kind.PAGE, tree, source) is Reason.OUTSIDE
    assert decided("https://ftp.example.org/pub/", Kind.REDIRECT, tree, source) is Reason.OUTSIDE
    near = within(FILES, FTP, requisites=Requisites.SITE)
    assert decided("https://ftp.example.org/a.png", Kind.REQUISITE, near, source) is Reason.REQUISITE
    assert decided(f"{source.url}.png", Kind.REQUISITE, near, source) is Role.REQUISITE
    none = within(FILES, FTP, requisites=Requisites.NONE)
    assert decided(f"{source.url}.png", Kind.REQUISITE, none, source) is Reason.REQUISITE


def test_a_file_of_a_server_leads_to_others_of_it() -> None:
    tree = within(FTP)
    assert decided("ftp://ftp.example.org/pub/b/", Kind.PAGE, tree, ON_FTP) is Role.PAGE
    assert decided("ftp://ftp.example.org/", Kind.PAGE, tree, ON_FTP) is Reason.OUTSIDE
    assert decided("ftp://ftp.example.org/icons/a.png", Kind.REQUISITE, tree, ON_FTP) is Role.REQUISITE
    for url in ("ftp://other.org/a.png", "ftp://ftp.example.org:2121/a.png", "ftps://ftp.example.org/pub/a.png"):
        assert decided(url, Kind.REQUISITE, tree, ON_FTP) is Reason.ORIGIN


@pytest.mark.parametrize("start", ["file:///srv/www", "ftp://ftp.example.org/pub"])
def test_a_start_without_its_slash_becomes_the_folder(start: str) -> None:
    above, folder = CanonicalURL(start.rpartition("/")[0] + "/a"), CanonicalURL(f"{start}/")
    before = within(start)
    after = before.redirected(CanonicalURL(start), folder)
    assert before.contains(folder)
    assert before.contains(above)  # it might have been a file
    assert after.contains(folder)
    assert not after.contains(above)
    assert decided(folder, Kind.REDIRECT, after, Source(CanonicalURL(start), Role.PAGE, 0)) is Role.PAGE


def test_a_redirect_on_the_disk_adds_no_start() -> None:
    disk = within("file:///srv/www/a")
    for url in ("file:///etc/", "http://localhost/", "ftp://localhost/"):
        assert disk.redirected(CanonicalURL("file:///srv/www/a"), CanonicalURL(url)) is disk
    web = within(START)
    for url in (FTP, FILES):
        assert web.redirected(START, url) is web


def test_a_file_outside_is_left_out_whether_page_or_not() -> None:
    disk = within(FILES)
    assert disk.leaves_out(CanonicalURL("file:///srv/other/a.png"), page=False)
    assert not disk.leaves_out(CanonicalURL("file:///srv/www/a.png"), page=False)
    assert not within(FTP).leaves_out(CanonicalURL("ftp://ftp.example.org/icons/a.png"), page=False)


# --- laws -----------------------------------------------------------------------------------------------------------

URLS = st.sampled_from(
    (
        START,
        OTHER,
        "https://example.org/",
        "http://www.example.org/docs/x",
        "https://third.example/",
        "http://127.0.0.1:8000/x",
        FILES,
        "file:///srv/www/a",
        "file:///srv/x",
        "file:///",
        FTP,
        "ftp://ftp.example.org/pub",
        "ftp://ftp.example.org/x",
        "sftp://www.example.org/docs/",
    )
).map(CanonicalURL)
REFERENCES = st.builds(Reference, URLS, st.sampled_from(Kind), st.booleans())
SOURCES = st.builds(Source, URLS, st.sampled_from(Role), st.integers(0, 3))
SCOPES = st.builds(
    Scope,
    st.tuples(URLS) | st.tuples(URLS, URLS),
    st.sampled_from(Area),
    st.sampled_from(Requisites),
    depth=st.none() | st.integers(0, 3),
    registrable_domain=st.just(registrable_domain),
)


@given(SCOPES, REFERENCES, SOURCES)
def test_only_what_is_inside_is_a_page(within: Scope, reference: Reference, source: Source) -> None:
    decision = within.decide(reference, source)
    if decision.role is Role.PAGE:
        assert within.contains(reference.url)
        assert within.depth is None or decision.depth <= within.depth or reference.kind is Kind.REDIRECT


@given(SCOPES, REFERENCES, SOURCES)
def test_each_reference_has_a_role_or_a_reason(within: Scope, reference: Reference, source: Source) -> None:
    decision = within.decide(reference, source)
    assert (decision.role is None) == (decision.reason is not None)
    assert decision.depth in {0, source.depth, source.depth + 1}


@given(SCOPES, st.lists(REFERENCES, max_size=6), SOURCES)
def test_no_way_leads_from_frame_to_frame_outside(within: Scope, way: list[Reference], source: Source) -> None:
    """Outside of the scope there is at most one frame in a row, whatever requisites and redirects are on the way."""
    frames = 0
    for reference in way:
        decision = within.decide(reference, source)
        if decision.role is None:
            break
        source = Source(reference.url, decision.role, decision.depth)
        frames = (
            0 if within.contains(reference.url) or source.role > Role.FRAME else frames + (reference.kind is Kind.FRAME)
        )
        assert frames <= 1


@given(SCOPES, st.lists(REFERENCES, min_size=1, max_size=6), SOURCES)
def test_no_way_leads_from_the_web_to_a_file_or_out_of_its_tree(
    within: Scope, way: list[Reference], source: Source
) -> None:
    """Whatever redirects, frames and requisites are on the way, and although a redirect may add a start."""
    first = source
    for reference in way:
        if reference.kind is Kind.REDIRECT:
            within = within.redirected(source.url, reference.url)
        decision = within.decide(reference, source)
        if decision.role is None:
            continue
        source = Source(reference.url, decision.role, decision.depth)
        assert is_web(source.url) or origin(source.url) == origin(first.url)
        assert not source.url.startswith("file:") or within.contains(source.url)


def test_a_get_that_names_another_method_is_not_sent() -> None:
    url = CanonicalURL("https://example.org/a")
    plain = with_variant(url, variant("GET", {"accept": "application/json"}))
    deletes = with_variant(url, variant("GET", {"x-http-method-override": "DELETE"}))
    assert scope().may_send(plain)
    assert not scope().may_send(deletes)
