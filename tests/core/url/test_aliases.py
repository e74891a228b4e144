"""Aliases: what is removed from a URL, and which of several URLs represents the others."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirror.core.url.aliases import Claim, Fold, claims, plain_url, preferred, same_place
from mirror.core.url.canonical import CanonicalURL, canonical

HOST = "http://example.org"
NUMBER = "0123456789abcdef0123456789abcdef"
PARTS = st.lists(
    st.sampled_from(["utm_source=x", "a=1", "a", "fbclid", f"sid={NUMBER}", "sid=7", "=", "", "%C3%A9", "utm=7"])
)


@pytest.mark.parametrize(
    ("path", "same"),
    [
        ("/?utm_source=a&utm_medium=b", "/"),
        ("/a?x=1&fbclid=IwAR&y=2", "/a?x=1&y=2"),
        ("/a?UTM_Source=a", "/a"),
        ("/a?utm_campaign", "/a"),
        ("/a?mc_eid=1&mc_cid=2&b", "/a?b"),
        (f"/a;jsessionid={NUMBER}", "/a"),
        (f"/a;jsessionid={NUMBER}.node1?b=c", "/a?b=c"),
        (f"/a?PHPSESSID={NUMBER}&b=c", "/a?b=c"),
        (f"/a?sid={NUMBER}", "/a"),
        ("/a?CFID=123&CFTOKEN=4567", "/a"),
        ("/login?next=/login%3Fnext%3D/a", "/login?next=/a"),
        ("/login?next=/login%3Fnext%3D%252Flogin%253Fnext%253D%25252Fa%25253Fb", "/login?next=%2Fa%3Fb"),
        ("/login?next=/login", "/login"),
        ("/login?next=/signup%3Fnext%3D/a", "/login?next=/a"),
        ("/login?next=/signup%3Fnext%3D/login%253Fnext%253D/a%25253Fb", "/login?next=/a%3Fb"),
        (f"/login?x&next={HOST}/signup%3Fy%26next%3D%252Fa&z", "/login?x&next=%2Fa&z"),
        (f"/login?x&next={HOST}/login%3Fx%26next%3D/a", "/login?x&next=/a"),
        ("/(S(hesgtpfd5k4jdsjchvkvdjzy))/a.aspx", "/a.aspx"),
        ("/pub/?C=N;O=D", "/pub/"),  # Apache 2, Tomcat
        ("/pub/?C=M&O=A", "/pub/"),  # nginx's fancyindex, Jetty
        ("/pub/?M=D", "/pub/"),  # Apache 1.3
        ("/?sort=namedirfirst&order=desc", "/"),  # Caddy
    ],
)
def test_what_makes_no_second_resource(path: str, same: str) -> None:
    assert plain_url(canonical(HOST + path)) == HOST + same


@pytest.mark.parametrize(
    "path",
    [
        "/?",
        "/login?next=/login2%3Fback%3D/a",
        "/login?next=/login2%3Fnext%3Da",
        "/login?next=http%3A//example.com/login%3Fnext%3D/a",
        "/a?utm=1",
        "/a?autm_source=1",
        "/a?ref=home",
        "/a?sid=7",
        "/a?s=fish",
        "/a?session=morning",
        "/a?session_id=keynote",
        "/a;b=c",
        "/a?b=utm_source=c",
        "/(S)/a",
        "/utm_source=a",
        "/pub?C=N;O=D",
        "/pub/?C=N;O=D&page=2",
        "/pub/?C=X;O=D",
        "/pub/?C=N",
        "/pub/?N=7",
        "/shop/?sort=price&order=asc",
        "/A/b.ASPX",
    ],
)
def test_what_may_be_another_resource_stays(path: str) -> None:
    assert plain_url(canonical(HOST + path)) == HOST + path


def test_files_have_no_parameters() -> None:
    url = CanonicalURL(f"ftp://example.org/a;jsessionid={NUMBER}")
    assert plain_url(url) == url


@pytest.mark.parametrize(
    ("fold", "path", "same"),
    [
        (Fold.TRACKING, f"/a?fbclid=x&PHPSESSID={NUMBER}", f"/a?PHPSESSID={NUMBER}"),
        (Fold.SESSIONS, f"/a?fbclid=x&PHPSESSID={NUMBER}", "/a?fbclid=x"),
        (Fold.NESTED, "/login?next=/login%3Fnext%3D/a&fbclid=x", "/login?next=/a"),
        (Fold.SORTINGS, "/?C=N;O=D", "/"),
        (Fold.CASE, "/A%C3%84/B.ASPX?C=D", "/a%C3%84/b.aspx?C=D"),
        (Fold.CANONICAL, "/A?fbclid=x", "/A?fbclid=x"),
    ],
)
def test_each_part_holds_alone(fold: Fold, path: str, same: str) -> None:
    url = canonical(HOST + path)
    assert plain_url(url, frozenset({fold})) == HOST + same
    assert plain_url(url, frozenset()) == url
    assert claims(url, frozenset()) == []
    names = {claim.name for claim in claims(url, frozenset({fold}))}
    assert names == {
        Fold.TRACKING: {"fbclid"},
        Fold.SESSIONS: {"phpsessid"},
        Fold.NESTED: {"next="},
        Fold.SORTINGS: {"order of a listing"},
    }.get(fold, set())


def test_the_order_of_a_listing_is_claimed_for_a_server_if_hardly_another_program_has_the_names() -> None:
    def claimed(path: str) -> list[Claim]:
        return claims(canonical(HOST + path))

    assert claimed("/a/?C=N;O=D") == claimed("/b/?M=A") == [Claim(HOST, "order of a listing")]
    assert claimed("/a/?sort=name&order=asc") == [Claim(HOST, "order of a listing", "/a/")]


@given(PARTS)
def test_plain_is_idempotent_and_canonical(parts: list[str]) -> None:
    url = canonical(f"{HOST}/a?{'&'.join(parts)}")
    once = plain_url(url)
    assert plain_url(once) == once == canonical(once)
    small = plain_url(canonical(f"{url.replace('/a?', '/%c3%84A?')}"), frozenset(Fold))
    assert plain_url(small, frozenset(Fold)) == small == canonical(small)


def test_names_of_one_place() -> None:
    names = ["http://example.org/a", "https://example.org/a", "http://www.example.org/a", "https://www.example.org/a"]
    assert len({same_place(CanonicalURL(name)) for name in names}) == 1
    assert same_place(CanonicalURL("http://example.org:8080/a")) != same_place(CanonicalURL("http://example.org/a"))
    for fold, places in ((Fold.WWW, 2), (Fold.SCHEME, 2), (Fold.CASE, 4)):
        assert len({same_place(CanonicalURL(name), frozenset({fold})) for name in names}) == places


@given(
    st.permutations(
        ["http://example.org/a", "https://example.org/a", "http://www.example.org/a", "https://www.example.org/a"]
    )
)
def test_who_stands_for_the_others_does_not_depend_on_the_order(names: list[str]) -> None:
    urls = [CanonicalURL(name) for name in names]
    assert preferred(urls, []) == "https://example.org/a"
    assert preferred(urls, [CanonicalURL("http://www.example.org/")]) == "http://www.example.org/a"
