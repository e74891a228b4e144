"""What pages ask of robots, in headers and elements: of which robots, and from when on."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mirror.core.document.documents import find_references, robots_directives
from mirror.core.http.messages import Response
from mirror.core.syntax import robots_meta
from mirror.core.syntax.robots_meta import Directive
from mirror.core.url.canonical import CanonicalURL

NOW = "2026-07-01T12:00:00+00:00"
URL = CanonicalURL("http://h/")
HTML = ("Content-Type", "text/html; charset=utf-8")


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ([], set()),
        (["all"], set()),
        (["nofollow"], {"nofollow"}),
        (["NoFollow , NOINDEX"], {"nofollow", "noindex"}),
        (["none"], {"nofollow", "noindex"}),
        (["noarchive"], {"noarchive"}),
        (["noindex", "noarchive, nosnippet"], {"noindex", "noarchive"}),
        (["follow, index", "nofollow"], {"nofollow"}),
        (["websucker: nofollow"], {"nofollow"}),
        (["Websucker: nofollow, noarchive"], {"nofollow", "noarchive"}),
        (["otherbot: nofollow"], set()),
        (["otherbot: noindex, nofollow"], set()),
        (["otherbot: noindex, websucker: nofollow"], {"nofollow"}),
        (["noindex, otherbot: nofollow"], {"noindex"}),
        (["otherbot: noindex", "nofollow"], {"nofollow"}),
        (["max-snippet: 5, max-image-preview: large, nofollow"], {"nofollow"}),
        (["unavailable_after: 25 Jun 2026 15:00:00 GMT"], {"noindex"}),
        (["unavailable_after: Thu, 25 Jun 2026 15:00:00 GMT"], {"noindex"}),
        (["unavailable_after: Thursday, 25-Jun-26 15:00:00 GMT, nofollow"], {"noindex", "nofollow"}),
        (["unavailable_after: 2026-06-25"], {"noindex"}),
        (["unavailable_after: 2026-07-01T13:30:00+02:00"], {"noindex"}),
        (["unavailable_after: 2 Jul 2026 15:00:00 PST"], set()),
        (["otherbot: unavailable_after: 2020-01-01"], set()),
        (["unavailable_after: soon", "unavailable_after:", "unavailable_after"], set()),
    ],
)
def test_headers(headers: list[str], expected: set[str]) -> None:
    assert set(robots_meta.header_directives([("X-Robots-Tag", value) for value in headers], NOW)) == expected


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("robots", "nofollow", {"nofollow"}),
        ("ROBOTS", "none", {"nofollow", "noindex"}),
        (" websucker ", "noarchive", {"noarchive"}),
        ("googlebot", "nofollow", set()),
        ("robots", "otherbot: nofollow", set()),
        ("robots", "unavailable_after: 2020-01-01", {"noindex"}),
        ("description", "nofollow", set()),
    ],
)
def test_elements(name: str, content: str, expected: set[str]) -> None:
    assert set(robots_meta.meta_directives([(name, content)], NOW)) == expected


def test_the_words_that_say_it_are_told() -> None:
    page = b'<meta content="noindex" name="Robots"><meta name=websucker content=nofollow>'
    answer = Response(URL, 200, (HTML, ("X-Robots-Tag", "noarchive")), page)
    assert robots_directives(answer, NOW) == {
        Directive.NOINDEX: '<meta name="Robots" content="noindex">',
        Directive.NOFOLLOW: '<meta name="websucker" content="nofollow">',
        Directive.NOARCHIVE: "X-Robots-Tag: noarchive",
    }


@pytest.mark.parametrize("media_type", ["text/html", "application/xhtml+xml"])
def test_a_page_that_is_xml_is_heard_too(media_type: str) -> None:
    page = b'<html xmlns="http://www.w3.org/1999/xhtml"><head><meta name="robots" content="none"/></head></html>'
    told = '<meta name="robots" content="none">'
    assert robots_directives(Response(URL, 200, [("Content-Type", media_type)], page), NOW) == {
        Directive.NOINDEX: told,
        Directive.NOFOLLOW: told,
    }


LINKS = (
    '<a href="/a">a</a><link rel=alternate type="application/rss+xml" href="/feed"><img src="/x.png">'
    '<iframe src="/f"></iframe>'
)


@pytest.mark.parametrize(
    ("headers", "head", "kinds"),
    [
        ([], "", {"/a": "page", "/feed": "feed", "/x.png": "requisite", "/f": "frame"}),
        (
            [],
            "<meta name=robots content=nofollow>",
            {"/a": "nofollow", "/feed": "nofollow", "/x.png": "requisite", "/f": "frame"},
        ),
        ([("X-Robots-Tag", "none")], "", {"/a": "nofollow", "/feed": "nofollow", "/x.png": "requisite", "/f": "frame"}),
        (
            [("X-Robots-Tag", "otherbot: none")],
            "",
            {"/a": "page", "/feed": "feed", "/x.png": "requisite", "/f": "frame"},
        ),
        ([], '<iframe srcdoc="<meta name=robots content=nofollow>"></iframe>', {"/a": "page", "/feed": "feed"}),
    ],
)
def test_the_links_of_a_page_that_says_nofollow_are_told_from_others(
    headers: list[tuple[str, str]], head: str, kinds: dict[str, str]
) -> None:
    for body in (head + LINKS, LINKS + head):
        answer = Response(URL, 200, (HTML, *headers), body.encode())
        found = {reference.url.removeprefix("http://h"): str(reference.kind) for reference in find_references(answer)}
        assert kinds.items() <= found.items()


def test_links_with_rel_nofollow_are_told_from_others() -> None:
    page = b'<a rel="ugc NoFollow" href="/a"></a><a href="/b" rel="next"></a><a href="/c" rel=nofollow></a><a href="/c"></a>'
    found = [(ref.url[8:], str(ref.kind)) for ref in find_references(Response(URL, 200, (HTML,), page))]
    assert found == [("/a", "unendorsed"), ("/b", "page"), ("/c", "unendorsed"), ("/c", "page")]


TEXT = st.lists(
    st.sampled_from(
        ("nofollow", "none", ",", ":", " ", "websucker", "x", "unavailable_after", "2020-01-01", "\0", "é", "Thu,")
    )
).map("".join)


@settings(max_examples=120)
@given(TEXT, TEXT, TEXT)
def test_no_value_is_a_failure(header: str, name: str, content: str) -> None:
    robots_meta.header_directives([("X-Robots-Tag", header)], NOW)
    robots_meta.meta_directives([(name, content), ("robots", content)], NOW)
