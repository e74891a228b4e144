"""What distinguishes a request besides its URL, and the URL by which its answer is kept."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirror.core.http.messages import Response
from mirror.core.http.request_variants import (
    PLAIN,
    Variant,
    may_matter,
    redirected,
    variant,
    variant_of,
    with_variant,
    without_variant,
)
from mirror.core.url.canonical import CanonicalURL
from mirror.core.url.local_paths import EXACT, PORTABLE
from mirror.store.manifest import checks

HERE = CanonicalURL("https://example.org/a?b=c")
XHR = {"x-requested-with": "XMLHttpRequest"}
JSON = {"accept": "application/json, text/plain, */*"}

NAMES = st.text("abcxyz-0", min_size=1, max_size=9)
VALUES = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=40)


@given(st.sampled_from(["GET", "POST"]), st.dictionaries(NAMES, VALUES, max_size=4), st.binary(max_size=60))
def test_a_variant_is_read_back_from_its_url(method: str, headers: dict[str, str], body: bytes) -> None:
    what = variant(method, headers, body)
    url = with_variant(HERE, what)
    assert variant_of(url) == what
    assert without_variant(url) == HERE
    assert checks.url(url) == url


@given(st.lists(st.tuples(st.sampled_from(["GET", "POST"]), VALUES, st.binary(max_size=9)), min_size=2, max_size=6))
def test_distinct_variants_have_distinct_urls_and_files(given: list[tuple[str, str, bytes]]) -> None:
    variants = {variant(method, {"x-a": value}, body) for method, value, body in given}
    urls = {with_variant(url, one) for one in variants for url in (HERE, CanonicalURL("https://example.org/a"))}
    assert len(urls) == 2 * len(variants)
    assert len({PORTABLE.path(url, "application/json").lower() for url in urls}) == len(urls)
    assert len({EXACT.path(url, "application/json") for url in urls}) == len(urls)


@pytest.mark.parametrize(
    "query", ["", "?", "??", "?%23GET&x-a:b", "?#GET&x-a:b".replace("#", "%2523"), "?%3F%23GET&x-a:b"]
)
def test_the_file_of_a_variant_is_that_of_no_other_url(query: str) -> None:
    variants = [with_variant(CanonicalURL(f"https://h/a{one}"), Variant(headers=(("x-a", "b"),))) for one in ("", "?")]
    for law in (EXACT, PORTABLE):
        paths = {law.path(one, "text/html") for one in variants}
        assert law.path(CanonicalURL(f"https://h/a{query}"), "text/html") not in paths
        assert len(paths) == 2


@pytest.mark.parametrize(
    "name",
    [
        "accept-language",
        "access-control-request-method",
        "authorization",
        "cookie",
        "if-none-match",
        "origin",
        "proxy-authorization",
        "range",
        "referer",
        "sec-ch-ua",
        "sec-fetch-mode",
        "user-agent",
        "x-auth",
        "x-csrf-token",
        "x-session-id",
        "x-xsrf-token",
        "content-type",  # of no body
    ],
)
def test_what_a_browser_sets_and_what_may_be_secret_is_no_variant(name: str) -> None:
    assert variant("GET", {name: "x", "accept": "*/*"}).is_plain


@pytest.mark.parametrize("name", ["accept", "hx-request", "turbo-frame", "x-api-key", "x-inertia", "x-pjax", "rsc"])
def test_what_scripts_set_is_a_variant(name: str) -> None:
    assert variant("GET", {name: "x"}).headers == ((name, "x"),)


def test_the_boundary_of_a_form_is_not_random() -> None:
    def form(boundary: str) -> Variant:
        body = f'--{boundary}\r\nContent-Disposition: form-data; name="q"\r\n\r\nx\r\n--{boundary}--\r\n'
        return variant("POST", {"content-type": f"multipart/form-data; boundary={boundary}"}, body.encode())

    assert form("----WebKitFormBoundaryA1") == form("----WebKitFormBoundaryB2")
    assert b'name="q"' in form("x").body


@pytest.mark.parametrize(
    "fragment",
    [
        "top",
        "PUT&=a",
        "POST&cookie:a",
        "POST&x-a:b%0D%0AHost:c",
        "POST&x-b:c&x-a:b",
        "GET&x-a:%62",
        "POST&=" + "a" * 20_000,
        "GET",
        "POST&&",
    ],
)
def test_a_fragment_that_was_never_written_is_no_variant(fragment: str) -> None:
    with pytest.raises(ValueError, match="no variant"):
        variant_of(CanonicalURL(f"https://example.org/a#{fragment}"))


PAGE = b"<!-- x -->\n<!DOCTYPE html><title>Page</title>"


@pytest.mark.parametrize(
    ("status", "answered", "payload", "sent", "expected"),
    [
        (200, {"Content-Type": "text/html"}, PAGE, JSON, True),
        (200, {"Content-Type": "text/html"}, PAGE, XHR, True),
        (200, {"Content-Type": "text/html"}, PAGE, {"hx-request": "true"}, True),
        (200, {"Content-Type": "text/html"}, b"<li>a part</li>", JSON, True),
        (200, {"Content-Type": "text/html"}, b"<li>a part</li>", XHR, False),
        (200, {"Content-Type": "text/html"}, PAGE, {"accept": "text/html, */*"}, False),
        (200, {"Content-Type": "application/json"}, b"{}", XHR | JSON, False),
        (200, {"Content-Type": "application/json", "Vary": "Origin, X-Requested-With"}, b"{}", XHR, True),
        (200, {"Content-Type": "application/json", "Vary": "Accept-Encoding"}, b"{}", JSON, False),
        (200, {"Content-Type": "application/json", "vary": "accept"}, b"{}", JSON, True),
        (406, {"Content-Type": "text/plain"}, b"", JSON, True),
        (404, {"Content-Type": "text/html"}, PAGE, XHR, True),
        (404, {"Content-Type": "text/html"}, PAGE, {}, False),
        (200, {"Content-Type": "text/html"}, PAGE, {}, False),
    ],
)
def test_headers_matter_if_the_plain_answer_shows_it(
    status: int, answered: dict[str, str], payload: bytes, sent: dict[str, str], *, expected: bool
) -> None:
    answer = Response(HERE, status, list(answered.items()), payload)
    assert may_matter(variant("GET", sent), answer) is expected


def test_a_redirect_keeps_a_body_only_if_its_status_says_so() -> None:
    post = variant("POST", {"content-type": "text/plain", "x-a": "b"}, b"c")
    assert redirected(post, 307) == redirected(post, 308) == post
    assert redirected(post, 302) == redirected(post, 303) == variant("GET", {"x-a": "b"})
    assert redirected(PLAIN, 302) == PLAIN
