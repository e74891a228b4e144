"""What browsers forgive in documents and headers. tests/browser/test_forgiven.py tries the pages and `Location` in Chromium."""

from typing import Final

import pytest

from mirror.core.document.documents import find_references, local_copy
from mirror.core.http.messages import Response
from mirror.core.syntax import character_encoding
from mirror.core.url.canonical import CanonicalURL

HOME: Final = CanonicalURL("http://example.org/")
PADDING: Final = b"<style>" + b" " * 5000 + b"</style>"

PAGES: Final[dict[str, tuple[bytes, list[str]]]] = {
    "a declaration behind 5,000 bytes": (PADDING + b"<meta charset=iso-8859-2><a href='/q?a=\xb1'>", ["/q?a=%B1"]),
    "one behind a comment": (b"<!--" + b" " * 5000 + b"--><meta charset=iso-8859-2><a href='/\xb1'>", ["/%C4%85"]),
    "one in a comment": (b"<p>" + b"<!--" + b" " * 5000 + b"<meta charset=iso-8859-2>--><a href='/\xb1'>", ["/%C2%B1"]),
    "one in a script": (PADDING + b"<script>'<meta charset=iso-8859-2>'</script><a href='/\xb1'>", ["/%C2%B1"]),
    "one behind the head": (PADDING + b"<p>" + b" " * 5000 + b"<meta charset=iso-8859-2><a href='/\xb1'>", ["/%C2%B1"]),
    "UTF-8 on a Latin-1 page": (
        b"<meta charset=iso-8859-1><a href='/\xc3\x8d?a=\xc3\x8d'>",
        ["/%C3%83%C2%8D?a=%C3%8D"],
    ),
    "a control by reference": (b"<meta charset=iso-8859-1><a href='/q?a=&#x81;'>", ["/q?a=%81"]),
    "a character that the page's encoding lacks": (
        b"<meta charset=koi8-r><a href='/q?a=&eacute;'>",
        ["/q?a=%26%23233%3B"],
    ),
    "a query on a page without a charset": (b"<a href='/q?a=&eacute;'>", ["/q?a=%E9"]),
    "a path on a page without a charset": (b"<a href='/&eacute;'>", ["/%C3%A9"]),
    "bytes on a page without a charset": (b"<a href='/q?a=\xe9'>", ["/q?a=%E9"]),
    "a tag in a query": (b"<html><body><a href='/search?q=<body>'>", ["/search?q=%3Cbody%3E"]),
    "a tag in a query, and no body": (b"<a href='/search?q=<BODY class>'>", ["/search?q=%3CBODY%20class%3E"]),
    "a second body": (b"<body><body background='/a.png'>", ["/a.png"]),
}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_refers_to_what_browsers_request(name: str) -> None:
    payload, expected = PAGES[name]
    response = Response(HOME, 200, [("Content-Type", "text/html")], payload)
    assert [one.url.removeprefix("http://example.org") for one in find_references(response)] == expected
    assert local_copy(response, "text/html", "index.html", lambda _: None) is payload or b"example.org" in local_copy(
        response, "text/html", "index.html", lambda _: None
    )


CONTROLS: Final = {
    "windows-1250": "81 83 88 90 98",
    "windows-1251": "98",
    "windows-1252": "81 8d 8f 90 9d",
    "windows-1253": "81 88 8a 8c 8d 8e 8f 90 98 9a 9c 9d 9e 9f",
    "windows-1254": "81 8d 8e 8f 90 9d 9e",
    "windows-1255": "81 8a 8c 8d 8e 8f 90 9a 9c 9d 9e 9f",
    "windows-1257": "81 83 88 8a 8c 90 98 9a 9c 9f",
    "windows-1258": "81 8a 8d 8e 8f 90 9a 9d 9e",
    "windows-874": "81 82 83 84 86 87 88 89 8a 8b 8c 8d 8e 8f 90 98 99 9a 9b 9c 9d 9e 9f",
}
"""Encoding -> the bytes that are controls in WHATWG's index, and that Python's codec lacks."""


@pytest.mark.parametrize("label", CONTROLS)
def test_encodings_of_windows_have_the_controls_of_whatwg(label: str) -> None:
    found = bytes.fromhex(CONTROLS[label])
    text = character_encoding.decode(b"abc" + found, f"text/html; charset={label}")
    assert text.text == "abc" + found.decode("latin-1")
    assert text.encode(text.text) == b"abc" + found


HEADERS: Final = {
    "utf-8": ("Location", "/caf\xc3\xa9?q=\xc3\xa9", "/caf%C3%A9?q=%C3%A9"),
    "latin-1": ("Location", "/caf\xe9", "/caf%E9"),
    "escaped": ("Location", "/caf%C3%A9", "/caf%C3%A9"),
    "link": ("Link", "</caf\xc3\xa9.css>; rel=stylesheet", "/caf%C3%A9.css"),
    "refresh": ("Refresh", "0; url=/caf\xc3\xa9", "/caf%C3%A9"),
}


@pytest.mark.parametrize("name", HEADERS)
def test_a_header_has_the_bytes_that_the_server_sent(name: str) -> None:
    """As Chromium does it for `Location`: each byte beyond ASCII is escaped.

    It reads `Refresh` as Latin-1, which leads to no URL that a server in UTF-8 has; here all headers are read alike.
    """
    header, value, expected = HEADERS[name]
    response = Response(HOME, 302 if header == "Location" else 200, [(header, value)], b"")
    assert [one.url.removeprefix("http://example.org") for one in find_references(response)] == [expected]
