"""Headers of replayed responses: which are replayed, where redirects lead, and who may read a response."""

import pytest

from mirror.core.replay.origins import Server
from mirror.core.replay.response_headers import content_type, location, may_read, refresh, replayed
from mirror.core.url.canonical import CanonicalURL, canonical

SERVER = Server(8000)


def test_dangerous_headers_are_not_replayed() -> None:
    never = [
        "Set-Cookie",
        "Strict-Transport-Security",
        "Content-Security-Policy",
        "Content-Encoding",
        "Transfer-Encoding",
        "Connection",
        "Keep-Alive",
        "Public-Key-Pins",
        "NEL",
        "Report-To",
        "Reporting-Endpoints",
        "Alt-Svc",
        "Clear-Site-Data",
        "Service-Worker-Allowed",
        "Content-Length",
        "ETag",
        "Link",
        "X-Frame-Options",
        "Access-Control-Allow-Origin",
        "Location",
        "Upgrade",
        "Trailer",
        "Vary",
        "SourceMap",
    ]
    assert replayed([(name, "x") for name in never]) == {}


def test_headers_of_the_content_are_replayed_without_line_breaks() -> None:
    headers = [("Content-Language", "de"), ("Last-Modified", "x\r\nSet-Cookie: a=b"), ("Content-Disposition", "a\0b")]
    assert replayed(headers) == {"content-language": "de"}


@pytest.mark.parametrize(
    ("received", "found", "expected"),
    [
        ("text/html; charset=koi8-r", "text/html", "text/html; charset=koi8-r"),
        (None, "image/png", "image/png"),
        ("text/html\r\nSet-Cookie: a=b", "text/html", "text/html"),
        ("text/html;\0", "text/html", "text/html"),
        ("", "text/css", "text/css"),
        ("nonsense", None, None),
        ("text/plain; x=\u2028", "text/plain", "text/plain"),
    ],
)
def test_content_type(received: str | None, found: str | None, expected: str | None) -> None:
    assert content_type(received, found) == expected


def place(url: CanonicalURL) -> str:
    return SERVER.place(url, 3)


def test_redirects_lead_to_the_replayed_target() -> None:
    here = canonical("https://example.org/a/b")
    assert location("../c?d#e", here, place) == "http://example-org---s3.localhost:8000/c?d#e"
    assert location("//cdn.example/x", here, place) == "http://cdn-example---s3.localhost:8000/x"
    assert location("http://example.org/", here, place) == "http://example-org---http---s3.localhost:8000/"
    assert location("mailto:a@example.org", here, place) is None
    assert location("/x\r\nSet-Cookie: a=b", here, place) == "http://example-org---s3.localhost:8000/xSet-Cookie:%20a=b"


def test_refreshes_lead_to_the_replayed_target() -> None:
    here = canonical("https://example.org/a")
    assert refresh("5; url=/b", here, place) == "5; url=http://example-org---s3.localhost:8000/b"
    assert refresh("5", here, place) == "5"
    assert refresh("5; url=javascript:alert(1)", here, place) is None


@pytest.mark.parametrize(
    ("allowed", "destination", "one_site", "expected"),
    [
        (None, "empty", False, False),
        ("*", "empty", False, True),
        ("https://a.example", "empty", False, True),
        ("https://b.example", "empty", False, False),
        (None, "empty", True, True),
        (None, "font", False, True),
        (None, "script", False, True),
        (None, "document", False, False),
        (None, "", False, False),
    ],
)
def test_who_may_read_a_response_of_another_origin(
    *, allowed: str | None, destination: str, one_site: bool, expected: bool
) -> None:
    assert may_read("https://a.example", allowed, destination, one_site=one_site) is expected
