"""Responses as documents: their references, and the bytes of their copies, in all encodings."""

import codecs
import gzip
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mirror.core.document import documents
from mirror.core.http.messages import Response
from mirror.core.policy import soft_errors
from mirror.core.syntax.reference import Kind
from mirror.core.url.canonical import CanonicalURL
from mirror.core.url.media_types import DOCUMENTS, Document
from tests.core.document.test_references import SOUP

LAW = settings(max_examples=120)

URL = CanonicalURL("http://h/d/p")
TYPES = (*DOCUMENTS, "application/json", "text/plain", "application/gzip", "image/png", "")


def response(payload: bytes | str, content_type: str = "text/html", status: int = 200, **headers: str) -> Response:
    pairs = [("Content-Type", content_type)] * bool(content_type) + [
        (name.title(), value) for name, value in headers.items()
    ]
    return Response(URL, status, pairs, payload.encode() if isinstance(payload, str) else payload)


def found(answer: Response, *, listing: bool = False) -> list[tuple[str, Kind]]:
    return [(ref.url.removeprefix("http://h"), ref.kind) for ref in documents.find_references(answer, listing=listing)]


def copied(answer: Response, saved: dict[str, str] | None = None) -> bytes:
    return documents.local_copy(answer, answer.media_type, "p~.html", (saved or {"http://h/x": "../x~.html"}).get)


# --- responses --------------------------------------------------------------------------------------------------------


def test_response() -> None:
    answer = Response(URL, 301, [("LOCATION", "/x"), ("location", "/y")], b"")
    assert (answer.header("location"), answer.header("server")) == ("/x", None)
    assert (answer.is_redirect, answer.is_success) == (True, False)
    assert not Response(URL, 301, [], b"").is_redirect
    assert Response(URL, 204, [], b"").is_success
    assert not Response(URL, 206, [], b"").is_success  # a part of something
    assert response("<html>", "").media_type == "text/html"


@pytest.mark.parametrize(
    ("media_type", "payload", "syntax"),
    [
        ("text/html", b"", Document.HTML),
        ("image/svg+xml", b"", Document.XML),
        ("application/manifest+json", b"", Document.JSON),
        ("application/json", b'{"icons":[]}', Document.JSON),
        ("application/json", b'{"start_url":"/"}', Document.JSON),
        ("application/json", b'{"url":"/"}', None),
        ("application/json", b'{"icons":[]}'.ljust(1 << 20), None),
        ("image/png", b"<html>", None),
    ],
)
def test_syntax(media_type: str, payload: bytes, syntax: Document | None) -> None:
    assert documents.syntax(media_type, payload) is syntax


EXTRA = frozenset({"zoom", "rel:big", "big", "big-srcset"})
ADDED = '<p zoom="/z" rel:big="url(/r)" big-srcset="/s 1x, /t 2x" other="/o" href="/h"></p>'
NESTED = "<iframe srcdoc='" + ADDED.replace('"', "&quot;") + "'></iframe>"


@pytest.mark.parametrize(
    ("body", "media_type"),
    [
        (ADDED, "text/html"),
        (NESTED, "text/html"),
        (ADDED + "<p><b><i>" * 50_000, "text/html"),  # too deep for a tree
        (
            ADDED.replace("<p ", "<svg ").replace("/p>", "/svg>").replace("rel:big", "big"),
            "image/svg+xml",
        ),
    ],
    ids=["HTML", "srcdoc", "flat", "XML"],
)
def test_attributes_that_the_user_adds_are_read_and_rewritten(body: str, media_type: str) -> None:
    answer = Response(URL, 200, [("Content-Type", media_type)], body.encode())
    found = {
        (one.url.rpartition("/")[2], one.kind, one.guess) for one in documents.find_references(answer, extra=EXTRA)
    }
    assert {(name, Kind.REQUISITE, False) for name in "zrst"} <= found
    assert "o" not in {name for name, _, _ in found}
    assert not {*"zrst"} & {one.url.rpartition("/")[2] for one in documents.find_references(answer)}

    def resolve(url: CanonicalURL) -> str:
        return f"copy-{url.rpartition('/')[2]}"

    copies = (
        documents.local_copy(answer, media_type, "a", resolve, EXTRA),
        documents.copy_at_origin(answer, media_type, "http://o/", resolve, resolve, extra=EXTRA),
    )
    for copy in copies:
        text = copy.decode().replace("&quot;", '"')
        for part in ('zoom="copy-z"', 'big="url(copy-r)"', 'big-srcset="copy-s 1x, copy-t 2x"', 'other="/o"'):
            assert part in text
    assert b"copy-z" not in documents.local_copy(answer, media_type, "a", resolve)


def test_an_added_attribute_may_have_the_name_of_one_that_holds_urls_elsewhere() -> None:
    answer = Response(URL, 200, [("Content-Type", "text/html")], b"<input value=/x>")
    copy = documents.local_copy(answer, "text/html", "a", lambda _: "copy", frozenset({"value"}))
    assert copy == b"<input value=copy>"


def test_may_refer() -> None:
    assert {media_type for media_type in TYPES if documents.may_differ(media_type, (), 0)} == {
        *DOCUMENTS,
        "application/json",
    }


# --- references -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (response("<a href=x>"), [("/d/x", Kind.PAGE)]),
        (
            response("<a href=x>", "text/html; charset=utf-8", link="<y>; rel=next"),
            [("/d/y", Kind.PAGE), ("/d/x", Kind.PAGE)],
        ),
        (response("<a href=x>", refresh="0;url=y"), [("/d/y", Kind.PAGE), ("/d/x", Kind.PAGE)]),
        (response("<a href=x>", link="<x>; rel=next"), [("/d/x", Kind.PAGE)]),
        (response("<a href=x>", status=404, link="<y>; rel=next"), []),
        (response("<a href=x>", status=302, location="y", link="<z>; rel=next"), [("/d/y", Kind.REDIRECT)]),
        (response("<a href=x>", status=302), []),
        (response("<a href=x>", status=201, location="y"), [("/d/x", Kind.PAGE)]),
        (response("a{b:url(x)}", "text/css"), [("/d/x", Kind.REQUISITE)]),
        (response('{"icons":[{"src":"x"}]}', "application/json"), [("/d/x", Kind.REQUISITE)]),
        (response("<a href=x>", "text/plain"), []),
        (response("<a href=x>", ""), [("/d/x", Kind.PAGE)]),
    ],
)
def test_references(answer: Response, expected: list[tuple[str, Kind]]) -> None:
    assert found(answer) == expected


def test_a_listing_is_read_whatever_its_type() -> None:
    sitemap = "<urlset><url><loc>http://h/x</loc></url></urlset>"
    for payload in (sitemap, "http://h/x\n", gzip.compress(sitemap.encode())):
        answer = response(payload, "application/octet-stream")
        assert found(answer, listing=True) == [("/x", Kind.PAGE)]
        assert found(answer) == []
    assert found(response(sitemap, "text/xml")) == [("/x", Kind.PAGE)]


@pytest.mark.parametrize(
    ("label", "text", "query"),
    [
        ("utf-8", "é", "%C3%A9"),
        ("utf-16le", "é", "%C3%A9"),
        ("windows-1252", "é", "%E9"),
        ("koi8-r", "я", "%D1"),
        ("shift_jis", "日", "%93%FA"),
        ("euc-jp", "日", "%C6%FC"),
        ("gb18030", "中", "%D6%D0"),
        ("big5", "中", "%A4%A4"),
    ],
)
def test_a_path_is_in_utf_8_and_a_query_in_the_encoding_of_the_document(label: str, text: str, query: str) -> None:
    payload = f"<a href='/{text}?{text}'>".encode(label)
    assert found(response(payload, f"text/html; charset={label}")) == [(f"/{quote(text)}?{query}", Kind.PAGE)]


# --- copies -----------------------------------------------------------------------------------------------------------

TEXTS = {
    "utf-8": "日本語 é 😀",
    "windows-1252": "é € ÿ",
    "Shift_JIS": "日本語 ソ能表",
    "EUC-JP": "日本語",
    "ISO-2022-JP": "日本語\n",
    "GB18030": "中文 😀 é",
    "Big5": "中文 許功蓋",
    "EUC-KR": "한국어",
    "koi8-r": "Привет",
    "utf-16le": "日本語 é 😀",
    "utf-16be": "日本語 é 😀",
}


MARKS = {"utf-8": codecs.BOM_UTF8, "utf-16le": codecs.BOM_UTF16_LE, "utf-16be": codecs.BOM_UTF16_BE}


def check_copy(label: str, mark: bytes = b"", meta: str = "", content_type: str = "text/html") -> None:
    """Check that the copy of a page in this encoding, however declared, differs from the page in its URLs alone."""
    codec = "cp932" if label == "Shift_JIS" else label
    text = TEXTS[label]
    page = f"{meta}<p title='{text}'>{text}\r\n<a href='/x' title=\"{text}\">{text}</a>&nbsp;</P>"
    original = mark + page.encode(codec)
    assert copied(response(original, content_type)) == original.replace("/x".encode(codec), "../x~.html".encode(codec))


@pytest.mark.parametrize("label", TEXTS)
def test_only_urls_change_in_an_encoding_of_the_header(label: str) -> None:
    content_type = f"text/html; charset={label}"
    if label in MARKS:
        check_copy(label, MARKS[label], content_type=content_type)
    if label.startswith("utf-16"):
        return
    check_copy(label, meta=f'<meta charset="{label}">', content_type=content_type)


@pytest.mark.parametrize("label", [label for label in TEXTS if not label.startswith("utf-16")])
def test_only_urls_change_in_a_declared_encoding(label: str) -> None:
    check_copy(label, meta=f"<meta charset={label}>")
    check_copy(label, meta=f"<META http-equiv='Content-Type' content='text/html; charset={label}'>")


@pytest.mark.parametrize(("label", "mark"), MARKS.items())
def test_only_urls_change_behind_a_byte_order_mark(label: str, mark: bytes) -> None:
    check_copy(label, mark, content_type="text/html; charset=koi8-r")


@pytest.mark.parametrize("label", ["utf-8", "windows-1252", "shift_jis", "gb18030", "big5", "euc-jp"])
def test_bytes_that_the_declared_encoding_lacks_stay(label: str) -> None:
    payload = b"\xff\x81<a \xfe\x80=1 href='/x' title='\x81 \x87\x90'>\xa1</a>\x93"
    added = f'<meta charset="{label}">'.encode()
    assert copied(response(payload, f"text/html; charset={label}")) == added + payload.replace(b"/x", b"../x~.html")


def test_where_nothing_changes_the_payload_itself_comes_back() -> None:
    for content_type in TYPES:
        answer = response("<a href='http://h/z'>\xe9", content_type)
        assert copied(answer) is answer.payload


def test_scripts_and_what_is_no_document_stay() -> None:
    for content_type in ("text/javascript", "image/png", "text/plain", "application/json"):
        answer = response('"/x" <a href="/x">', content_type)
        assert copied(answer) is answer.payload


def test_the_base_of_a_copy_is_its_own_name_as_a_url() -> None:
    answer = response("<base href='/b/'><a href='#y'>")
    copy = documents.local_copy(answer, "text/html", "100% é@a b~.html", {"http://h/b/": "../b.html"}.get)
    assert copy == b"<base href='100%25%20%C3%A9@a%20b~.html'><a href='../b.html#y'>"


XHTML = """\
<html xmlns='http://www.w3.org/1999/xhtml'><script src='/x'/>
<style>a{b:url(&quot;/x&quot;)}</style><a href='/x'/></html>
"""


def test_xhtml_is_read_as_xml_where_it_is_xml() -> None:
    served = response(XHTML, "application/xhtml+xml")
    assert copied(served) == XHTML.replace("/x'", "../x~.html'").replace("/x&", "../x~.html&").encode()
    assert found(served) == [("/x", Kind.REQUISITE), ("/x", Kind.PAGE)]


def test_xhtml_that_is_no_xml_is_read_as_html() -> None:
    broken = "<html><p><a href=/x></html>"
    assert copied(response(broken, "application/xhtml+xml")) == b"<html><p><a href=../x~.html></html>"
    assert (
        copied(response(XHTML)) == XHTML.replace("src='/x", "src='../x~.html").encode()
    )  # to HTML, the rest is script


# --- laws -------------------------------------------------------------------------------------------------------------

PAYLOADS = (
    st.binary()
    | SOUP.map(lambda text: text.encode("utf-8", "surrogateescape"))
    | st.builds(
        lambda text, codec: text.encode(codec, "replace"),
        SOUP,
        st.sampled_from(("cp932", "gb18030", "utf-16", "iso2022_jp")),
    )
)
CONTENT_TYPES = st.builds(
    "{}{}".format,
    st.sampled_from(TYPES),
    st.sampled_from(
        ("", "; charset=utf-8", "; charset=shift_jis", "; charset=iso-2022-jp", "; charset=big5", "; charset=utf-16")
    ),
)
RESPONSES = st.builds(
    response, PAYLOADS, CONTENT_TYPES, st.sampled_from((200, 204, 301, 404)), location=st.text(), link=st.text()
)


@LAW
@given(answer=RESPONSES, listing=st.booleans())
def test_no_response_is_a_failure(answer: Response, *, listing: bool) -> None:
    found(answer, listing=listing)
    copied(answer)


@LAW
@given(RESPONSES)
def test_the_copy_of_a_copy_of_what_was_not_saved_is_the_copy(answer: Response) -> None:
    copy = documents.local_copy(answer, answer.media_type, "p", lambda _: None)
    again = Response(answer.url, answer.status, answer.headers, copy)
    assert (
        documents.local_copy(again, answer.media_type, "p", lambda _: None) is copy
        or answer.media_type == "application/json"
    )


# --- files of a tree ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("folder", ["ftp://h/a/", "sftp://h/a/", "file:///a/"])
def test_a_file_refers_to_files(folder: str) -> None:
    response = Response(
        CanonicalURL(f"{folder}p.html"), 200, (), b"<link rel=stylesheet href=b.css?v=2><a href=c%3Fd#e>"
    )
    found = documents.find_references(response)
    assert [reference.url for reference in found] == [f"{folder}b.css", f"{folder}c%3Fd"]
    names = {CanonicalURL(f"{folder}b.css"): "b.css", CanonicalURL(f"{folder}c%3Fd"): "c%253Fd~"}
    copy = documents.local_copy(response, response.media_type, "p.html", names.get)
    assert copy == b"<link rel=stylesheet href=b.css><a href=c%253Fd~#e>"


def test_a_folder_without_its_slash_is_a_redirect() -> None:
    response = Response(CanonicalURL("file:///a/b%3F"), 301, [("Location", "file:///a/b%3F/")], b"")
    assert [(ref.url, ref.kind) for ref in documents.find_references(response)] == [("file:///a/b%3F/", Kind.REDIRECT)]


@pytest.mark.parametrize("url", ["ftp://h/", "file:///a/"])
def test_what_a_file_says_of_itself_is_no_suspicion(url: str) -> None:
    before, now = (
        Response(CanonicalURL(f"{url}a.html"), 200, (), f"<title>{title}</title>".encode())
        for title in ("Fish", "404 not found")
    )
    assert soft_errors.answer_suspicion(before, now) is None
    web = CanonicalURL("http://h/a.html")
    assert (
        soft_errors.answer_suspicion(Response(web, 200, (), before.payload), Response(web, 200, (), now.payload))
        is not None
    )
