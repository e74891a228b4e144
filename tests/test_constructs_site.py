"""The test site is what its tables say, and the server serves what the site says."""

import gzip
import re
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse, IncompleteRead
from itertools import combinations
from typing import Final

import pytest

from tests.constructs import (
    CDN,
    DOCUMENTS,
    FETCHED,
    FETCHED_OTHER,
    GUESSES,
    MISSING,
    NEVER,
    NEVER_OTHER,
    STRUCTURE,
    sites,
)
from tests.site import PNG, Handler, Page, Server, Site, serve, serve_both, spelled

START: Final = frozenset({"/", "/robots.txt"})

SPELLINGS: Final[dict[str, bytes]] = {
    "/t/a-dots.html": b"./t/./x/../a-dots.html",
    "/t/json-ld-slashes.png": rb"\/t\/json-ld-slashes.png",
    "/t/srcdoc-a.html?a=1&b=2": b"/t/srcdoc-a.html?a=1&amp;amp;b=2",
    "/t/css-import-nested-twice.css": b'"css-import-nested-twice.css',
    "/t/css-import-nested-url.png": b"(css-import-nested-url.png",
    "/t/css-escaped%20space.png": rb"/t/css-escaped\20 space.png",
    "/t/css-escaped-parentheses(1).png": rb"/t/css-escaped-parentheses\(1\).png",
    "/t/css-escaped-letters.png": rb"/t/css-escaped-\6c\65tters.png",
    "/t/xhtml-a.html?a=1&b=2": b"/t/xhtml-a.html?a=1&amp;b=2",
    "/t/sitemap-loc.html?a=1&b=2": b"/t/sitemap-loc.html?a=1&amp;b=2",
    "/t/robots/allowed.html": b'"/t/robots/allowed.html',
    "/t/manifest-icon.png": b'"manifest-icon.png',
    "/t/base-absolute/a.html": b"/t/base-absolute/",
    "/t/base-absolute/style.png": b"/t/base-absolute/",
    "/t/base-root/a.html": b"../base-root/a.html",
    "/t/base-root/srcset.png": b"/t/base-root/",
    "/t/base-relative/a.html": b"/t/base-relative/file.html",
    "/t/base-relative/img.png": b"/t/base-relative/file.html",
    "/t/base-first/a.html": b'<base href="/t/base-first/">',
    "/t/redirect-301-location.html": b"redirect-301-location.html",
    "/t/redirect-chain-3.html": b"redirect-chain-3.html",
    "/names.html?only=query": b"?only=query",
    "/t/names/a%20space.html": b"/t/names/a space.html",
    "/t/names/..%2Fup.html": b"/t/names/%2e%2e%2fup.html",
    "/t/escaped-dots.html": b"/t/names/%2e%2E/escaped-dots.html",
    "/t/names/nfc-%C3%A9.html": "/t/names/nfc-\u00e9.html".encode(),
    "/t/names/nfd-e%CC%81.html": "/t/names/nfd-e\u0301.html".encode(),
    "/t/names/escaped-%E2%98%83.html": b"/t/names/escaped-%e2%98%83.html",
    "/t/broken-line.html": b"/t/broken-\r\n\tline.html",
    "/t/broken-backslashes.html": rb"\t\broken-backslashes.html",
    "/t/broken-entities.html?a=1&b=2": b"/t/broken-entities.html?a=1&amp;b=2",
    "/t/broken-numeric.html": b"&#47;t&#x2f;broken-numeric&period;html",
    "/t/windows-1252-%C3%A9.html?q=%E9": b"/t/windows-1252-\xe9.html?q=\xe9",
    "/t/shift-jis-%E6%97%A5.html?q=%93%FA": b"/t/shift-jis-\x93\xfa.html?q=\x93\xfa",
    "/t/gb18030-%E4%B8%AD.html?q=%D6%D0": b"/t/gb18030-\xd6\xd0.html?q=\xd6\xd0",
    "/t/utf-16-%E6%97%A5.html?q=%E6%97%A5": "/t/utf-16-日.html?q=日".encode("utf-16-le"),
    "/js/rel/chunk.js": b"./rel/chunk.js",
    "/rel/chunk.js": b"./rel/chunk.js",
    "/js/img/x.jpg": b'"img/x.jpg"',
    "/js/url-of-module.png": b"./url-of-module.png",
    "/url-of-module.png": b"./url-of-module.png",
    "/js/worker.js": b"'worker.js'",
    "/never/inline-template-$%7Bpicture%7D.png": b"/never/inline-template-${picture}.png",
    "/never/js-template-$%7Bpicture%7D.png": b"/never/js-template-${picture}.png",
    "/never/js-regex.html": rb"\/never\/js-regex.html",
    "/js/a/b": b'"a/b"',
    "/js/text/html": b'"text/html"',
    "/js/2020/02/02": b'"2020/02/02"',
    "/never/base-second/a.html": b'<base href="/never/base-second/">',
    "/t/cdn-import.css": b'"cdn-import.css',
    "/t/cdn-css-url.png": b"(cdn-css-url.png",
    "/t/cdn-import-url.png": b"(cdn-import-url.png",
}
"""Path -> how the site spells it, where that is not the path itself."""


def mentions(path: str) -> list[str]:
    """The documents of both sites, except the one at the path, in which the path is spelled."""
    spelling = SPELLINGS.get(path)
    pattern = re.escape(spelling) if spelling else rb"(?<![\w.%-])" + re.escape(path[1:].encode()) + rb"(?![\w./?=%-])"
    return [
        document.path
        for document in (*DOCUMENTS, *CDN)
        if document.path != path and any(re.search(pattern, text) for text in texts(document.page()))
    ]


def texts(page: Page) -> Iterator[bytes]:
    """The places of a response where a reference can stand."""
    yield page.body
    yield from (value.encode() for value in page.headers.values())


# ---------------------------------------------------------------------------------------------------------- The tables


@pytest.mark.parametrize("path", [*FETCHED, *FETCHED_OTHER])
def test_one_document_alone_mentions_what_is_fetched(path: str) -> None:
    assert len(mentions(path)) == 1


@pytest.mark.parametrize("path", [*(path for path in STRUCTURE if path not in START), *GUESSES, *NEVER, *NEVER_OTHER])
def test_some_document_mentions_what_is_there(path: str) -> None:
    assert mentions(path)


def test_spellings_are_of_paths_in_the_tables() -> None:
    assert not SPELLINGS.keys() - {*FETCHED, *FETCHED_OTHER, *GUESSES, *NEVER, *NEVER_OTHER}


def test_every_path_is_in_one_table() -> None:
    main, cdn = sites()
    tables = [set(FETCHED), set(GUESSES), set(NEVER), set(STRUCTURE)]
    assert not any(one & another for one, another in combinations(tables, 2))
    assert set(main) == set().union(*tables) - MISSING
    assert not FETCHED_OTHER.keys() & NEVER_OTHER.keys()
    assert set(cdn) == {*FETCHED_OTHER, *NEVER_OTHER}


def test_every_construct_has_a_name_of_its_own() -> None:
    for table in (FETCHED, FETCHED_OTHER, GUESSES, NEVER, NEVER_OTHER):
        assert len(set(table.values())) == len(table)


def test_no_row_is_lost_when_the_tables_are_joined() -> None:
    rows = [path for document in (*DOCUMENTS, *CDN) for path in document.fetched]
    assert len(rows) == len(FETCHED)


def test_what_is_fetched_is_there() -> None:
    for site, table in zip(sites(), (FETCHED, FETCHED_OTHER), strict=True):
        for path in table:
            page = site[path]
            assert isinstance(page, Page)
            assert page.status == 200 or "Location" in page.headers


def test_no_document_mentions_a_host_outside_loopback() -> None:
    namespaces = rb"http://(?:www\.w3\.org|www\.sitemaps\.org|www\.google\.com/schemas|search\.yahoo\.com/mrss)"
    for document in (*DOCUMENTS, *CDN):
        for text in texts(document.page()):
            assert not re.search(rb"https?://", re.sub(namespaces, b"", text).replace(b"https://schema.org", b""))


# ---------------------------------------------------------------------------------------------------------- The server


def ask(server: Server, path: str, method: str = "GET") -> tuple[HTTPResponse, bytes]:
    """One request on a connection of its own."""
    connection = HTTPConnection("127.0.0.1", server.server_port)
    try:
        connection.request(method, path)
        response = connection.getresponse()
        return response, response.read()
    finally:
        connection.close()


@pytest.fixture
def both() -> Iterator[tuple[Server, Server]]:
    """The main site and the second host, served."""
    with serve_both(*sites()) as servers:
        yield servers


def test_each_page_has_its_length(both: tuple[Server, Server]) -> None:
    for server in both:
        for path in server.site:
            response, body = ask(server, path)
            assert response.status < 400
            assert response.getheader("Content-Length") == str(len(body))
            assert b"self}" not in body
            assert b"other}" not in body


def test_placeholders_are_base_urls(both: tuple[Server, Server]) -> None:
    main, cdn = both
    assert main.url == f"http://127.0.0.1:{main.server_port}"
    assert cdn.url == f"http://localhost:{cdn.server_port}"
    assert f'href="{main.url}/t/a-absolute.html"'.encode() in ask(main, "/links.html")[1]
    assert f'src="//localhost:{cdn.server_port}/t/cdn-no-scheme.png"'.encode() in ask(main, "/other.html")[1]
    assert f"url({main.url}/t/back-from-other.png)".encode() in ask(cdn, "/t/cdn-style.css")[1]
    assert ask(main, "/t/redirect-302.html")[0].getheader("Location") == f"{main.url}/t/redirect-302-location.html"


def test_placeholders_in_what_is_compressed(both: tuple[Server, Server]) -> None:
    main, _ = both
    body = gzip.decompress(ask(main, "/t/sitemap-gzipped.xml.gz")[1])
    assert f"<loc>{main.url}/t/sitemap-gzipped-loc.html</loc>".encode() in body


def test_a_connection_is_kept_and_requests_are_remembered() -> None:
    site = Site().page("/", links=["/a?b&c"]).file("/x.png", PNG, "image/png").redirect("/old", "/x.png", status=301)
    with serve(site) as server:
        connection = HTTPConnection("127.0.0.1", server.server_port)
        answers = []
        for method, path in (("GET", "/"), ("HEAD", "/x.png"), ("POST", "/old"), ("GET", "/nowhere")):
            connection.request(method, path, body=b"a=b" if method == "POST" else None, headers={"User-Agent": "Test"})
            response = connection.getresponse()
            answers.append((response.status, response.getheader("Content-Length"), response.read()))
        connection.close()
    assert b'<a href="/a?b&amp;c">' in answers[0][2]
    assert answers[1] == (200, str(len(PNG)), b"")
    assert answers[2] == (301, "0", b"")
    assert answers[3][0] == 404
    assert server.paths == ["/", "/x.png", "/old", "/nowhere"]
    assert {headers["user-agent"] for _, headers in server.requests} == {"Test"}


def test_a_function_answers_by_itself() -> None:
    def cut(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        handler.wfile.write(b"cut")
        handler.close_connection = True

    site = Site()
    site["/cut"] = cut
    with serve(site) as server, pytest.raises(IncompleteRead):
        ask(server, "/cut")


@pytest.mark.parametrize("path", ["/a b/\u00e9?x=~", "/a%20b/%c3%a9?x=%7e"])
def test_a_path_has_one_spelling(path: str) -> None:
    assert spelled(path.encode()) == "/a%20b/%C3%A9?x=~"
    assert spelled(spelled(path.encode()).encode()) == spelled(path.encode())


def test_a_host_of_its_own() -> None:
    with serve(Site().page("/"), "localhost") as server:
        assert server.url.startswith("http://localhost:")
        assert ask(server, "/")[0].status == 200
