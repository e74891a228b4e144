"""What only the headers of a document said: the copy says it itself, as far as its syntax can."""

import codecs
from dataclasses import replace

import pytest

from mirror.core.document import documents
from mirror.core.document.disk_policy import disk_policy
from mirror.store.manifest.records import Resource
from mirror.store.rules.answer_versions import reads_alike
from tests.core.document.test_documents import TYPES, URL, copied, response

ISO = "text/html; charset=ISO-8859-9"
META = '<meta charset="ISO-8859-9">'
CSP = "content-security-policy"
MARK = '<meta name="prerender-status-code" content="{}">'
NAME = "Erdoğan"
CYRILLIC = "Привет"


@pytest.mark.parametrize(
    ("page", "copy"),
    [
        # the place: behind the tag of the head, else of the root, else behind the doctype, else in front
        ("<!doctype html><html><head><title>ğ", f"<!doctype html><html><head>{META}<title>ğ"),
        ("<!-- a --><!doctype html><html lang=tr>ğ", f"<!-- a --><!doctype html><html lang=tr>{META}ğ"),
        ("<!doctype html>\n<title>ğ", f"<!doctype html>{META}\n<title>ğ"),
        ("<p>ğ<head>", f"{META}<p>ğ<head>"),
        # a declaration of its own: the same one stays, another one is corrected
        ("<meta charset=windows-1254>ğ", "<meta charset=windows-1254>ğ"),
        ("<meta charset=utf-8>ğ", '<meta charset="ISO-8859-9">ğ'),
        ("<META CHARSET='utf-8'>ğ", "<META CHARSET='ISO-8859-9'>ğ"),
        (
            "<meta http-equiv=Content-Type content='text/html; charset=utf-8'>ğ",
            "<meta http-equiv=Content-Type content='text/html; charset=ISO-8859-9'>ğ",
        ),
        # one that a browser need not hear, and those that are none
        (f"<!--{1024 * 'x'}--><meta charset=utf-8>ğ", f'{META}<!--{1024 * "x"}--><meta charset="ISO-8859-9">ğ'),
        ("<!-- <meta charset=utf-8> -->ğ", f"{META}<!-- <meta charset=utf-8> -->ğ"),
        ("<meta name=charset content=utf-8>ğ", f"{META}<meta name=charset content=utf-8>ğ"),
        # ASCII alone reads the same, but what it loads or sends need not
        ("<p>Erdogan", "<p>Erdogan"),
        ("<form>", f"{META}<form>"),
        ("<script src=s>", f"{META}<script src=http://h/d/s>"),
    ],
)
def test_html_declares_the_encoding_of_its_header(page: str, copy: str) -> None:
    assert copied(response(page.encode("cp1254"), ISO)) == copy.encode("cp1254")


def test_a_document_too_large_for_a_tree_declares_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mirror.core.document.html_edits.is_too_large_for_a_tree", lambda _: True)
    for page, copy in (
        ("<!doctype html><html><head><p>ğ", f"<!doctype html><html><head>{META}<p>ğ"),
        ("<p>ğ", f"{META}<p>ğ"),
        ("<meta charset='utf-8'>ğ", "<meta charset='ISO-8859-9'>ğ"),
    ):
        assert copied(response(page.encode("cp1254"), ISO)) == copy.encode("cp1254")


@pytest.mark.parametrize(
    "content_type", ["text/html", "text/html; charset=none", "text/html; charset=", "text/css", "text/plain"]
)
def test_what_no_header_said_is_not_added(content_type: str) -> None:
    answer = response("<p>ğ".encode("cp1254"), content_type)
    assert copied(answer) is answer.payload


def test_a_byte_order_mark_outweighs_the_header() -> None:
    for media_type in ("text/html", "text/css", "text/javascript", "text/plain", "application/xml"):
        answer = response(codecs.BOM_UTF8 + "<p>ğ</p>".encode(), f"{media_type}; charset=koi8-r")
        assert copied(answer) is answer.payload


@pytest.mark.parametrize("media_type", ["text/html", "text/css", "application/xml"])
def test_a_text_in_utf_16_gets_a_byte_order_mark(media_type: str) -> None:
    for label, codec in (("utf-16", "utf-16-le"), ("utf-16le", "utf-16-le"), ("utf-16be", "utf-16-be")):
        payload = "<p>ğ</p>".encode(codec)
        assert copied(response(payload, f"{media_type}; charset={label}")) == "\ufeff".encode(codec) + payload


@pytest.mark.parametrize(
    ("media_type", "text", "copy"),
    [
        ("text/css", 'a{b:"П"}', '@charset "windows-1251";a{b:"П"}'),
        ("text/css", '@charset "utf-8";\na{b:"П"}', '@charset "windows-1251";\na{b:"П"}'),
        ("text/css", '@charset "cp1251";a{b:"П"}', '@charset "cp1251";a{b:"П"}'),
        ("text/css", "a{b:c}", "a{b:c}"),
        ("text/css", "@import 'http://h/x';", "@charset \"windows-1251\";@import '../x~.html';"),  # it lends its own
        ("application/xml", "<a>П</a>", '<?xml version="1.0" encoding="windows-1251"?><a>П</a>'),
        (
            "image/svg+xml",
            "<?xml version='1.0' encoding='utf-8' standalone='no'?><svg>П</svg>",
            "<?xml version='1.0' encoding=\"windows-1251\" standalone='no'?><svg>П</svg>",
        ),
        (
            "application/rss+xml",
            '<?xml version="1.0"?><rss>П</rss>',
            '<?xml version="1.0" encoding="windows-1251"?><rss>П</rss>',
        ),
        (
            "application/xml",
            '<?xml version="1.0" encoding="cp1251"?><a>П</a>',
            '<?xml version="1.0" encoding="cp1251"?><a>П</a>',
        ),
    ],
)
def test_style_sheets_and_xml_declare_it_in_their_syntax(media_type: str, text: str, copy: str) -> None:
    assert copied(response(text.encode("cp1251"), f"{media_type}; charset=windows-1251")) == copy.encode("cp1251")


@pytest.mark.parametrize("media_type", ["text/javascript", "text/plain", "text/csv"])
def test_scripts_and_plain_text_are_encoded_in_utf_8_with_a_mark(media_type: str) -> None:
    for label, codec in (("windows-1251", "cp1251"), ("koi8-r", "koi8-r"), ("iso-2022-jp", "iso2022_jp")):
        text = "日本" if codec == "iso2022_jp" else CYRILLIC
        answer = response(text.encode(codec), f"{media_type}; charset={label}")
        assert documents.may_differ(media_type, answer.headers, answer.size)
        assert copied(answer) == codecs.BOM_UTF8 + text.encode()


def test_texts_that_read_right_without_a_header_stay() -> None:
    for content_type, text in (
        ("text/plain; charset=utf-8", CYRILLIC),  # browsers recognise UTF-8 in files
        ("text/plain; charset=koi8-r", "ASCII"),
        ("text/javascript; charset=utf-8", "ASCII"),
        ("text/vtt; charset=utf-8", CYRILLIC),
        ("application/json; charset=windows-1251", CYRILLIC),
    ):
        answer = response(text, content_type)
        assert copied(answer) is answer.payload
    assert not documents.may_differ("text/vtt", [("Content-Type", "text/vtt; charset=koi8-r")], 9)
    assert not documents.may_differ("video/mp4", [("Content-Type", "video/mp4; charset=koi8-r")], 9)
    assert not documents.may_differ("text/plain", [("Content-Type", "text/plain; charset=koi8-r")], 1 << 30)


def test_a_script_in_utf_8_gets_a_mark() -> None:
    """Below a page in another encoding it would be read in that one."""
    answer = response(CYRILLIC, "text/javascript; charset=utf-8")
    assert copied(answer) == codecs.BOM_UTF8 + answer.payload


@pytest.mark.parametrize(
    ("headers", "page", "copy"),
    [
        (
            {"refresh": "5; url=/x"},
            "<head><p>",
            '<head><meta http-equiv="refresh" content="5; url=../x~.html"><p>',
        ),
        ({"refresh": "5; url='/z?a&b'"}, "", '<meta http-equiv="refresh" content="5; url=\'http://h/z?a&amp;b\'">'),
        ({"refresh": "300"}, "\ufeff<p>", '\ufeff<meta http-equiv="refresh" content="300"><p>'),
        ({"refresh": "300"}, "<p>", '<meta http-equiv="refresh" content="300"><p>'),
        ({"refresh": "5"}, "<meta http-equiv=Refresh content=6>", "<meta http-equiv=Refresh content=6>"),
        ({"content_language": "de-AT"}, "<p>", '<meta http-equiv="content-language" content="de-AT"><p>'),
        ({"content_language": "de, en"}, "<p>", "<p>"),
        ({"default_style": "Dark"}, "<p>", '<meta http-equiv="default-style" content="Dark"><p>'),
        ({"refresh": "0\x01"}, "<p>", "<p>"),
        (
            {"content_security_policy": "script-src 'none'; report-uri /r, img-src data:, report-uri /r"},
            "",
            f'<meta http-equiv="{CSP}" content="script-src \'none\'"><meta http-equiv="{CSP}" content="img-src data:">',
        ),
    ],
)
def test_html_says_what_its_headers_said(headers: dict[str, str], page: str, copy: str) -> None:
    answer = response(page, "text/html", 200, **{name.replace("_", "-"): value for name, value in headers.items()})
    assert copied(answer).decode() == copy


@pytest.mark.parametrize(
    ("policy", "copy"),
    [
        ("", ""),
        ("default-src 'none'", "default-src 'none'"),
        ("default-src", "default-src"),
        ("default-src 'self' data:", "default-src http://h data: file:"),
        ("img-src *; media-src data:; font-src https:", "img-src * file:; media-src data:; font-src https: file:"),
        ("SCRIPT-SRC cdn.example 'unsafe-inline'", "script-src cdn.example 'unsafe-inline' file:"),
        ("script-src 'nonce-a' 'strict-dynamic'", "script-src 'nonce-a' 'strict-dynamic'"),
        ("script-src 'sha256-x='", "script-src 'sha256-x='"),
        ("style-src 'self' 'sha256-x='", "style-src http://h 'unsafe-inline' file:"),
        ("script-src 'none'; script-src *", "script-src 'none'"),
        ("frame-ancestors 'none'; upgrade-insecure-requests; base-uri 'none'; form-action 'none'; report-to x", ""),
        ("sandbox", "script-src 'none'"),
        ("sandbox allow-scripts allow-forms; img-src 'none'", "img-src 'none'"),
    ],
)
def test_a_policy_forbids_the_same_and_allows_the_copies(policy: str, copy: str) -> None:
    assert disk_policy(policy, URL) == copy


def test_the_copy_of_a_copy_says_nothing_twice() -> None:
    for content_type in TYPES:
        answer = response(f"<form><p>{NAME}</p></form>".encode("cp1254"), f"{content_type}; charset=windows-1254")
        copy = copied(answer)
        again = response(copy, f"{content_type}; charset=windows-1254")
        assert copied(again) == copy


def test_other_headers_outdate_a_file() -> None:
    def version(**headers: str) -> Resource:
        named = [(name.replace("_", "-"), value) for name, value in headers.items()]
        return Resource(1, URL, "", 200, named, None, 0, "text/html", None, None)

    plain = version(content_type="text/html")
    assert reads_alike(plain, version(content_type="text/html", date="now"))
    assert not reads_alike(plain, version(content_type="text/html; charset=koi8-r"))
    assert not reads_alike(plain, version(content_type="text/html", refresh="5"))


@pytest.mark.parametrize(
    ("status", "media_type", "page", "copy"),
    [
        (404, "text/html", "<html><head><p>x", f"<html><head>{MARK.format('404 Not Found')}<p>x"),
        (410, "text/html", "<p>x", f"{MARK.format('410 Gone')}<p>x"),
        (404, "text/html", "<meta name=Prerender-Status-Code content=404>", None),
        (404, "application/xhtml+xml", "<html><head/></html>", "<html><head/></html><!-- 404 Not Found -->"),
        (404, "application/xhtml+xml", "<html/><!-- 404 Not Found -->", None),
        (404, "text/css", "a{b:c}", None),
        (200, "text/html", "<html><head><p>x", None),
        (200, "application/xhtml+xml", "<html><head/></html>", None),
    ],
)
def test_the_page_of_an_error_names_its_status(status: int, media_type: str, page: str, copy: str | None) -> None:
    answer = replace(response(page.encode(), media_type), status=status)
    assert copied(answer) == (page if copy is None else copy).encode()
