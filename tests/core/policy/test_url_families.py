"""Families of URLs: which rule recognises a URL, and which URLs are of one family."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirror.core.policy.url_families import Trap, find_family
from mirror.core.url.canonical import CanonicalURL, resolve

HOST = "http://example.org"
PATHS = st.lists(st.sampled_from(["a", "b", "en", "api", "2026", "05", "x7", "page"]), max_size=14).map("/".join)
QUERIES = st.one_of(
    st.just(""), st.lists(st.sampled_from(["a=1", "date=2026-05", "page=7", "b", "color=red"])).map("&".join)
)


def at(path: str) -> CanonicalURL:
    target = resolve(path, HOST + "/")
    assert target is not None
    return target.url


@pytest.mark.parametrize(
    ("path", "trap"),
    [
        ("/a/b/a/b/a/b/", Trap.REPEATED),
        ("/x/a/a/a", Trap.REPEATED),
        ("/en/api/en/api/", Trap.FACETS),
        ("/aa/a/ab/a", Trap.FACETS),
        ("/events/2026/05/", Trap.CALENDAR),
        ("/events/2026-5-1", Trap.CALENDAR),
        ("/events/20260501", Trap.CALENDAR),
        ("/events?date=2026-05-01", Trap.CALENDAR),
        ("/events?y=2026&m=5&mo=7", Trap.CALENDAR),
        ("/events?start_date=1&page=7", Trap.CALENDAR),
        ("/events/2026", Trap.PAGES),
        ("/item/123456789", Trap.PAGES),
        ("/item?candidate=x7", Trap.PAGES),
        ("/list?page=7", Trap.PAGES),
        ("/item-7.html", Trap.PAGES),
        ("/shop?color=red&size=s", Trap.FACETS),
        ("/shop/red/wool", Trap.FACETS),
        ("/wiki/Fish", Trap.SAME),
        ("/?s=fish", Trap.SAME),
        ("/" + "/".join("abcdefghijk"), Trap.DEEP),
    ],
)
def test_the_family_of_a_url(path: str, trap: Trap) -> None:
    found = find_family(at(path))
    assert found is not None
    assert found.trap is trap


@pytest.mark.parametrize(
    "alikes",
    [
        ["/calendar/2026/05", "/calendar/2026/05/12", "/calendar/week/2031-01-01", "/calendar?date=2026-05-01"],
        ["/shop?a=1&b=2", "/shop?b=7&c=x&d=e"],
        ["/x/a/b/a/b/a/b", "/x/a/b/a/b/a/b/a/b/"],
        ["/list?page=1", "/list?page=777"],
        ["/item/1/photos", "/item/22/photos"],
    ],
)
def test_urls_that_look_alike_are_one_family(alikes: list[str]) -> None:
    assert len({found.key for path in alikes if (found := find_family(at(path)))}) == 1


def test_files_have_no_family() -> None:
    assert find_family(CanonicalURL("ftp://example.org/a/a/a/a")) is None


@given(PATHS, QUERIES)
def test_each_url_of_the_web_has_a_family(path: str, query: str) -> None:
    found = find_family(at(f"/{path}?{query}"))
    assert found is not None
    assert found.key.startswith(HOST)
