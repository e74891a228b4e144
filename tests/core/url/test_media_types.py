"""Media types: those of responses, and the extensions from which a browser infers them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirror.core.url.canonical import CanonicalURL, canonical
from mirror.core.url.local_paths import PORTABLE
from mirror.core.url.media_types import (
    ALIASES,
    DOCUMENTS,
    EXTENSION_TYPES,
    EXTENSIONS,
    NAMED_TYPES,
    NAMES,
    PROGRAMS,
    UNKNOWN,
    Document,
    expected_type,
    extension,
    fits,
    media_type,
    parse_media_type,
    sniff,
)

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"


# --- the tables -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("known", "extensions"), EXTENSIONS.items())
def test_extensions_and_types_agree(known: str, extensions: tuple[str, ...]) -> None:
    assert parse_media_type(known) == known
    assert EXTENSION_TYPES[extensions[0]] == known
    for ext in extensions:
        assert extension(f"a.{ext}") == ext
        assert fits(known, ext)
        assert fits(EXTENSION_TYPES[ext], ext)


@pytest.mark.parametrize(("alias", "folded"), ALIASES.items())
def test_aliases_lead_to_known_types(alias: str, folded: str) -> None:
    assert parse_media_type(alias) == folded
    assert folded == UNKNOWN or folded in EXTENSIONS or folded in NAMES


def test_a_document_has_an_extension() -> None:
    assert DOCUMENTS.keys() <= EXTENSIONS.keys()
    assert set(DOCUMENTS.values()) == set(Document)


# --- names ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "ext"),
    [
        ("a.html", "html"),
        ("a.HTML", "HTML"),
        ("a.tar.gz", "gz"),
        ("a.7z", "7z"),
        ("a.mp3", "mp3"),
        ("site.webmanifest", "webmanifest"),
        ("a..b", "b"),
        ("~.css", "css"),
        (" .css", "css"),
        ("", ""),
        ("a", ""),
        ("a.", ""),
        (".", ""),
        (".html", ""),
        ("3.11", ""),
        ("a.html ", ""),
        ("a.b c", ""),
        ("a.b-c", ""),
        ("a.é", ""),
        ("a.b~", ""),
        ("a.%41", ""),
        ("a.abcdefghijkl", "abcdefghijkl"),
        ("a.abcdefghijklm", ""),
    ],
)
def test_extension(name: str, ext: str) -> None:
    assert extension(name) == ext


@given(
    stem=st.text(st.characters(exclude_characters="\n"), min_size=1),
    ext=st.from_regex(r"[A-Za-z0-9]{0,13}", fullmatch=True),
)
def test_extension_is_the_end_of_the_name(stem: str, ext: str) -> None:
    found = extension(f"{stem}.{ext}")
    assert found in {"", ext}
    assert bool(found) == (not ext.isdecimal() and 0 < len(ext) <= 12)


@pytest.mark.parametrize(
    ("known", "ext", "answer"),
    [
        ("text/html", "html", True),
        ("text/html", "HtM", True),
        ("text/html", "xhtml", False),
        ("text/html", "php", False),
        ("text/html", "", False),
        ("text/css", "css", True),
        ("text/css", "html", False),
        ("application/xml", "svg", True),
        ("image/svg+xml", "xml", False),
        ("image/jpeg", "jpeg", True),
        ("image/jpeg", "png", False),
        ("application/manifest+json", "json", True),
        ("application/json", "webmanifest", True),
        ("text/plain", "txt", True),
        ("text/plain", "", True),
        ("text/plain", "py", True),
        ("text/plain", "html", False),
        ("text/plain", "JS", False),
        ("x/unheard-of", "svg", False),
        ("x/unheard-of", "zip", True),
        ("x/unheard-of", "", True),
        (UNKNOWN, "bin", True),
        (UNKNOWN, "html", True),
        (UNKNOWN, "", True),
    ],
)
def test_fits(known: str, ext: str, answer: bool) -> None:
    assert fits(known, ext) is answer


# --- responses ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content_type", "essence"),
    [
        ("text/html", "text/html"),
        (" Text/HTML ; Charset=UTF-8", "text/html"),
        ("text/html;", "text/html"),
        ("text/html, text/html", "text/html"),
        ("application/x-javascript; charset=utf-8", "text/javascript"),
        ("application/vnd.ms-excel", "application/vnd.ms-excel"),
        ("image/svg+xml", "image/svg+xml"),
        ("text/xml", "application/xml"),
        ("image/vnd.microsoft.icon", "image/x-icon"),
        ("binary/octet-stream", UNKNOWN),
        ("", ""),
        (None, ""),
        (";charset=utf-8", ""),
        ("html", ""),
        ("text/", ""),
        ("/html", ""),
        ("*/*", ""),
        ("text / html", ""),
        ("text/html charset=utf-8", ""),
        ("téxt/html", ""),
        ("<script>/x", ""),
    ],
)
def test_parse_media_type(content_type: str | None, essence: str) -> None:
    assert parse_media_type(content_type) == essence


@pytest.mark.parametrize(
    ("head", "found"),
    [
        (b"", ""),
        (b"plain", ""),
        (PNG, "image/png"),
        (b"GIF89a", "image/gif"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"%PDF-1.7", "application/pdf"),
        (b"PK\x03\x04", "application/zip"),
        (b"\x1f\x8b\x08", "application/gzip"),
        (b"wOFF", "font/woff"),
        (b"wOF2", "font/woff2"),
        (b"<!DOCTYPE html>", "text/html"),
        (b"\xef\xbb\xbf\r\n <!doctype  HTML\n", "text/html"),
        (b"<html lang=en>", "text/html"),
        (b"<HTML>", "text/html"),
        (b"<!-- a -->", "text/html"),
        (b"<!---->" * 1000, "text/html"),
        (b"<p>a", "text/html"),
        (b"<br>", "text/html"),
        (b"<htmlx>", ""),
        (b"<a:feed>", ""),
        (b"<!doctype svg>", ""),
        (b"<?xml version='1.0'?><html>", "application/xml"),
        (b"\xef\xbb\xbf\n<?xml version='1.0'?>", "application/xml"),
        (b"<?xml-stylesheet href='a'?>", ""),
        (b"a <html>", ""),
        (b" " * 600 + b"<html>", ""),
    ],
)
def test_sniff(head: bytes, found: str) -> None:
    assert sniff(head) == found


@pytest.mark.parametrize(
    ("content_type", "name", "head", "found"),
    [
        ("text/html", "a.png", PNG, "text/html"),
        ("Text/Plain; charset=x", "a.html", b"<html>", "text/plain"),
        ("application/javascript", "a", b"", "text/javascript"),
        (None, "a.css", PNG, "image/png"),
        (None, "a.css", b"p {}", "text/css"),
        (None, "A.CSS", b"p {}", "text/css"),
        ("nonsense", "a.svg", b"<svg/>", "image/svg+xml"),
        (None, "a.webmanifest", b"{}", "application/manifest+json"),
        (None, "a.html", b"", "text/html"),
        (None, "a", b"<!doctype html>", "text/html"),
        (None, "a", b"<?xml version='1.0'?>", "application/xml"),
        (None, "a.png", b"<?xml version='1.0'?>", "application/xml"),
        (None, "a.svg", b"<?xml version='1.0'?>", "image/svg+xml"),
        (None, "a.xhtml", b"<?xml version='1.0'?>", "application/xhtml+xml"),
        (None, "a", b"", UNKNOWN),
        (None, "a.css/b", b"", UNKNOWN),
        (None, "a?b.css", b"", UNKNOWN),
        (UNKNOWN, "a.css", b"", "text/css"),
        (UNKNOWN, "a.woff2", b"", "font/woff2"),
        (UNKNOWN, "a", PNG, UNKNOWN),
        (UNKNOWN, "a.html", b"<html>", UNKNOWN),  # browsers offer to save it, and never open it as a page
        (UNKNOWN, "a.xhtml", b"<html>", UNKNOWN),
        ("binary/octet-stream", "a.js", b"", "text/javascript"),
        ("x/unheard-of", "a.html", b"<html>", "x/unheard-of"),
    ],
)
def test_media_type(content_type: str | None, name: str, head: bytes, found: str) -> None:
    assert media_type(content_type, canonical(f"http://example.org/{name}"), head) == found


@pytest.mark.parametrize(
    ("content_type", "name", "head", "found"),
    [
        (None, "a.css", PNG, "text/css"),
        (None, "a.txt", b"<html>", "text/plain"),
        (None, "README.md", b"<h1>", "text/plain"),
        (None, "a.xhtml", b"<?xml version='1.0'?>", "application/xhtml+xml"),
        (None, "a", PNG, "image/png"),
        (None, "a.php", b"<html>", "text/html"),
        (None, "", b"<html>", "text/html"),
        (None, "LICENSE", b"MIT", UNKNOWN),
        ("text/html", "a.txt", b"<html>", "text/html"),
        (UNKNOWN, "a.html", b"<html>", UNKNOWN),
    ],
)
@pytest.mark.parametrize("folder", ["file:///srv/www/", "ftp://example.org/", "sftp://example.org/"])
def test_a_file_is_what_it_is_called(folder: str, content_type: str | None, name: str, head: bytes, found: str) -> None:
    assert media_type(content_type, canonical(folder + name), head) == found


@given(content_type=st.none() | st.text(), head=st.binary())
def test_every_response_has_a_media_type(content_type: str | None, head: bytes) -> None:
    found = media_type(content_type, canonical("http://example.org/a"), head)
    assert parse_media_type(found) == found != ""
    assert found == (parse_media_type(content_type) or sniff(head) or UNKNOWN)


@pytest.mark.parametrize(
    ("name", "as_page", "as_requisite"),
    [
        ("", "text/html", UNKNOWN),
        ("a", "text/html", UNKNOWN),
        ("a.php", "text/html", UNKNOWN),
        ("a.php?b.css", "text/html", UNKNOWN),
        ("a.html", "text/html", "text/html"),
        ("a.PDF", "application/pdf", "application/pdf"),
        ("a.css?v=2", "text/css", "text/css"),
        ("a.svg", "image/svg+xml", "image/svg+xml"),
        ("a.rss", "application/rss+xml", "application/rss+xml"),
        ("a.ogg", "audio/ogg", "audio/ogg"),
        ("site.webmanifest", "application/manifest+json", "application/manifest+json"),
    ],
)
def test_expected_type(name: str, as_page: str, as_requisite: str) -> None:
    url = canonical(f"http://example.org/{name}")
    assert expected_type(url, page=True) == as_page
    assert expected_type(url, page=False) == as_requisite


def test_in_a_tree_of_files_a_folder_is_a_page() -> None:
    assert expected_type(canonical("file:///srv/www/"), page=True) == "text/html"
    assert expected_type(canonical("ftp://example.org/LICENSE"), page=True) == UNKNOWN
    assert expected_type(canonical("ftp://example.org/a.htm"), page=True) == "text/html"


DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


@pytest.mark.parametrize(
    ("content_type", "path", "disposition", "name"),
    [
        (UNKNOWN, "/download.php?id=1", 'attachment; filename="report.pdf"', "download.php@id=1~.pdf"),
        ("application/force-download", "/get", "attachment; filename=Report.DOCX", "get~.docx"),
        (UNKNOWN, "/get.php", "inline; filename*=UTF-8''%C3%BC.mp3; filename=x.bin", "get.php~.mp3"),
        (UNKNOWN, "/get", 'attachment; filename="a \\"b\\".tar.gz"', "get~.gz"),
        # no name, no known one, a document, a name of the URL, a type that says more
        (UNKNOWN, "/download.php?id=1", None, "download.php@id=1~.php"),
        (UNKNOWN, "/download.php?id=1", "attachment", "download.php@id=1~.php"),
        (UNKNOWN, "/download.php?id=1", "attachment; filename=a.strange", "download.php@id=1~.php"),
        (UNKNOWN, "/get", "attachment; filename=a.html", "get~"),
        (UNKNOWN, "/get", "attachment; filename=a.js", "get~"),
        (UNKNOWN, "/a.zip", "attachment; filename=a.pdf", "a.zip"),
        ("image/png", "/get", "attachment; filename=a.pdf", "get~.png"),
        # names that programs open
        ("audio/mpeg", "/file/5", None, "5~.mp3"),
        ("audio/x-m4a", "/file/5", None, "5~.m4a"),
        ("audio/aac", "/file.php?id=5", None, "file.php@id=5~.aac"),
        ("video/x-matroska", "/v", None, "v~.mkv"),
        (DOCX, "/get.aspx", None, "get.aspx~.docx"),
        ("application/msword", "/a.docx", None, "a.docx"),
        ("text/csv", "/a.txt", None, "a.txt"),
    ],
)
def test_a_name_is_one_that_programs_open(content_type: str, path: str, disposition: str | None, name: str) -> None:
    url = CanonicalURL("https://h" + path)
    found = media_type(content_type, url, b"", disposition)
    assert PORTABLE.path(url, found).rpartition("/")[2] == name


def test_names_are_no_documents() -> None:
    assert not set(NAMES) & {*EXTENSIONS, *DOCUMENTS, *ALIASES}
    assert not set(NAMED_TYPES) & (PROGRAMS | {ext for known in DOCUMENTS for ext in EXTENSIONS.get(known, ())})
