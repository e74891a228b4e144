"""Headers of replayed responses: which are replayed, where redirects lead, and who may read a response."""

import pytest

from mirror.core.replay.origins import Server
from mirror.core.replay.response_headers import (
    COMMON,
    content_type,
    location,
    reading_headers,
    refresh,
    replayed,
)
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


READER = "https://a.example"
VARY = ("Vary", "Accept-Encoding, origin")
NAMED = ("Access-Control-Allow-Origin", READER)
CREDENTIALS = ("Access-Control-Allow-Credentials", "true")


@pytest.mark.parametrize(
    ("received", "destination", "one_site", "media_type", "expected"),
    [
        ([], "empty", False, "text/plain", False),
        ([], "empty", True, "text/plain", False),
        ([("Access-Control-Allow-Origin", "*")], "empty", False, "text/plain", True),
        ([("access-control-allow-origin", " * ")], "image", False, "image/png", True),
        ([NAMED], "empty", False, "text/plain", True),
        ([("Access-Control-Allow-Origin", "https://b.example")], "empty", True, "text/plain", False),
        ([("Access-Control-Allow-Origin", "https://b.example")], "font", False, "font/woff2", False),
        ([("Access-Control-Allow-Origin", "null")], "font", False, "font/woff2", False),
        ([("Access-Control-Allow-Origin", f"{READER}, https://b.example")], "empty", False, "text/plain", False),
        ([], "font", False, "font/woff2", True),
        ([], "script", False, "text/javascript; charset=utf-8", True),
        ([], "audioworklet", False, "application/javascript", True),
        ([], "script", False, "text/html", False),
        ([], "json", False, "application/json", False),
        ([], "image", False, "image/png", False),
        ([], "style", False, "text/css", False),
        ([], "track", False, "text/vtt", False),
        ([], "video", False, "video/mp4", False),
        ([], "document", False, "text/html", False),
        ([], "", True, "text/html", False),
        ([VARY], "image", False, "image/png", True),
        ([VARY], "empty", False, "text/plain", False),
        ([VARY], "empty", True, "text/plain", True),
        ([VARY, ("Access-Control-Allow-Origin", "https://b.example")], "empty", True, "text/plain", True),
        ([VARY, ("Access-Control-Allow-Origin", "https://b.example")], "empty", False, "text/plain", False),
        ([("Vary", "X-Origin")], "empty", True, "text/plain", False),
    ],
)
def test_who_may_read_a_response_of_another_origin(
    received: list[tuple[str, str]], destination: str, media_type: str, *, one_site: bool, expected: bool
) -> None:
    found = reading_headers("http://a.localhost", READER, received, media_type, destination, one_site=one_site)
    assert found.get("access-control-allow-origin") == ("http://a.localhost" if expected else None)
    assert "access-control-allow-origin" in found or not found


@pytest.mark.parametrize(
    ("received", "expected"),
    [
        ([NAMED, CREDENTIALS], True),
        ([NAMED], False),
        ([("Access-Control-Allow-Origin", "*"), CREDENTIALS], False),
    ],
)
def test_who_may_read_a_response_with_credentials(received: list[tuple[str, str]], *, expected: bool) -> None:
    found = reading_headers("http://a.localhost", READER, received, "text/plain", "empty", one_site=False)
    assert found.get("access-control-allow-credentials") == ("true" if expected else None)


@pytest.mark.parametrize(
    ("received", "expected"),
    [("same-origin", "same-origin"), ("same-site", "cross-origin"), ("cross-origin", "cross-origin"), ("x", None)],
)
def test_resource_policies(received: str, expected: str | None) -> None:
    """Here the hosts of one site are different sites."""
    found = replayed([("Cross-Origin-Resource-Policy", received)])
    assert found.get("cross-origin-resource-policy") == expected
    assert "cross-origin-resource-policy" not in COMMON
