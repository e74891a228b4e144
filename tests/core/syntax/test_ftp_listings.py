"""Listings: what file servers write, the page made of it, and that no name leads out of its folder."""

from datetime import date
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mirror.core.document.references import references
from mirror.core.syntax.ftp_listings import Entry, Form, NotAFolderError, entry_url, is_name, page, parse
from mirror.core.syntax.reference import Kind, Reference
from mirror.core.url.canonical import CanonicalURL, canonical
from mirror.core.url.media_types import Document

LAW = settings(max_examples=300)
TODAY = date(2026, 11, 24)

# --- reading a listing ----------------------------------------------------------------------------------------------

# fmt: off
UNIX = [
    (b"-rw-r--r--   1 ftp      ftp          1234 Mar 01  2025 a.txt", Entry(b"a.txt", size=1234, modified="2025-03-01")),
    (b"-rw-r--r--    1 1000     1000           42 Nov 24 10:15 a", Entry(b"a", size=42, modified="2026-11-24")),
    (b"-rw-r--r-- 1 u g 42 Nov 25 00:15 a", Entry(b"a", size=42, modified="2026-11-25")),  # it is tomorrow at the server
    (b"-rw-r--r-- 1 u g 42 Nov 26 10:15 a", Entry(b"a", size=42, modified="2025-11-26")),
    (b"-rw-r--r-- 1 u g 42 Feb 29 10:15 a", Entry(b"a", size=42, modified="2024-02-29")),
    (b"-rw-r--r-- 1 u g 42 Feb 30 10:15 a", Entry(b"a", size=42)),
    (b"-rw-r--r-- 1 u g 42 Foo 30 10:15 a", Entry(b"a", size=42)),
    (b"drwxr-xr-x   2 u g 4096 Mar  1  2025 pub", Entry(b"pub", is_folder=True, modified="2025-03-01")),
    (b"lrwxrwxrwx 1 u g 4 Mar  1  2025 a -> b/c", Entry(b"a", modified="2025-03-01")),
    (b"lrwxrwxrwx 1 u g 4 Mar  1  2025 a", Entry(b"a", modified="2025-03-01")),  # SFTP doesn't say where it leads
    (b"-rw-r--r-- 1 u g 4 Mar  1  2025 a -> b", Entry(b"a -> b", size=4, modified="2025-03-01")),
    (b"-rw-r--r-- 1 u g 4 Mar  1  2025  a  b ", Entry(b" a  b ", size=4, modified="2025-03-01")),
    (b"-rw-r--r-- 1 u g 4 Mar  1  2025 7 Mar  2  2024 a", Entry(b"7 Mar  2  2024 a", size=4, modified="2025-03-01")),
    (b"-rw-r--r-- 1 u Domain Users 4 Mar  1  2025 a", Entry(b"a", size=4, modified="2025-03-01")),
    (b"-rw-r--r-- 1 u 4 Mar  1  2025 a", Entry(b"a", size=4, modified="2025-03-01")),
    (b"-rw-r--r--+ 1 u g 4 2025-03-01 10:15 a", Entry(b"a", size=4, modified="2025-03-01")),
    (b"-rw-r--r--. 1 u g 4 2025-03-01 10:15:30.000000000 +0100 a", Entry(b"a", size=4, modified="2025-03-01")),
    (b"-rw-r--r-- 1 u g 4  1 Mar  2025 a", Entry(b"a", size=4, modified="2025-03-01")),
    (b"-rw-r--r-- 1 u g 4  1. M\xc3\xa4r 10:15 a", Entry(b"a", size=4)),
    (b"-rw-r--r-- 1 u g 4  3\xe6\x9c\x88  1  2025 a", Entry(b"a", size=4)),
    (b"-rw-r--r-- 1 user 10 2048 Nov 24 10:15 a", Entry(b"a", size=2048, modified="2026-11-24")),
    (b"-rwsr-sr-t 1 u g 4 mar  1  2025 \xe9\xff", Entry(b"\xe9\xff", size=4, modified="2025-03-01")),
    (b"-rw-r--r-- 1 u g 9223372036854775807 Mar  1  2025 a", Entry(b"a", size=2**63 - 1, modified="2025-03-01")),
]
DOS = [
    (b"03-01-25  03:04PM                 1234 a.txt", Entry(b"a.txt", size=1234, modified="2025-03-01T15:04")),
    (b"03-01-25  12:04AM                1,234  a b", Entry(b" a b", size=1234, modified="2025-03-01T00:04")),
    (b"03-01-2025  12:04PM       <DIR>          pub", Entry(b"pub", is_folder=True, modified="2025-03-01T12:04")),
    (b"03-01-99  23:04       <DIR>           pub", Entry(b" pub", is_folder=True, modified="1999-03-01T23:04")),
    (b"03-01-25  03:04PM       <JUNCTION>     pub", Entry(b"pub", is_folder=True, modified="2025-03-01T15:04")),
    (b"03-01-25  03:04PM       <SYMLINK>      a", Entry(b"a", modified="2025-03-01T15:04")),
    (b"13-01-25  03:04PM                 1 a", Entry(b"a", size=1)),
]
EPLF = [
    (b"+i8388621.48594,m825718503,r,s280,\tdjb.html", Entry(b"djb.html", size=280, modified="1996-03-01T22:15:03Z")),
    (b"+i8388621.50690,m824255907,/,\t514", Entry(b"514", is_folder=True, modified="1996-02-13T23:58:27Z")),
    (b"+r,\t a\tb", Entry(b" a\tb")),
    (b"+m99999999999999,sx,r,\ta", Entry(b"a")),
]
MLSD = [
    (b"type=file;size=42;modify=20250301101530; a", Entry(b"a", size=42, modified="2025-03-01T10:15:30Z")),
    (b"Type=File;Size=42;Modify=20250301101530.123;Perm=adfr;  a ", Entry(b" a ", size=42, modified="2025-03-01T10:15:30Z")),
    (b"type=dir;sizd=4096;modify=20250301101530; pub", Entry(b"pub", is_folder=True, modified="2025-03-01T10:15:30Z")),
    (b"type=OS.unix=slink:/etc;size=4; a", Entry(b"a")),
    (b"type=OS.unix=symlink; a", Entry(b"a")),
    (b"size=42; a=b; c", Entry(b"a=b; c", size=42)),
    (b" a", Entry(b"a")),
    (b"type=file;size=-1;modify=20259901101530; a", Entry(b"a")),
    (b"type=file;size=" + b"9" * 5000 + b"; a", Entry(b"a")),
]
NOTHING = {
    Form.LIST: [
        b"", b"total 42", b"insgesamt 42", b"drwxr-xr-x 2 u g 4096 Mar  1  2025 .", b"drwxr-xr-x 2 u g 4096 Mar  1  2025 ..",
        b"crw-rw-rw- 1 root root 1, 3 Mar  1  2025 null", b"prw-r--r-- 1 u g 0 Mar  1  2025 pipe",
        b"srw-r--r-- 1 u g 0 Mar  1  2025 socket", b"-rw-r--r-- 1 u g 4 Mar  1  2025 ../../etc/passwd",
        b"-rw-r--r-- 1 u g 4 Mar  1  2025 a/b", b"-rw-r--r-- 1 u g 4 Mar  1  2025 a\0b",
        b"lrwxrwxrwx 1 u g 4 Mar  1  2025 .. -> a",
        b"-rw-r--r-- 1 u g 4 Mar  1  2025 a\rDELE b", b"550 no such folder", b"03-01-25  03:04PM       <DIR>          ..",
    ],
    Form.MLSD: [
        b"", b"type=cdir; /pub", b"type=cdir; a", b"type=pdir; a", b"type=dir; ..", b"type=file; a/b", b"type=file;a",
        b"type=OS.unix=chr-1/3; null", b"type=file; ", b"type=file", b"type=file; a\0b",
    ],
    Form.NLST: [b"", b".", b"..", b"pub/a", b"/etc/passwd", b"a\0b"],
}
# fmt: on


@pytest.mark.parametrize(
    ("form", "line", "entry"),
    [(Form.LIST, *row) for row in UNIX + DOS + EPLF]
    + [(Form.MLSD, *row) for row in MLSD]
    + [(Form.NLST, name, Entry(name)) for name in (b"a", b" a b ", b"a -> b", b"\xff", b"total 1")],
)
def test_line(form: Form, line: bytes, entry: Entry) -> None:
    assert parse(line, form, TODAY) == [entry]
    assert parse(b"\r\n%s\r\n%s\n" % (line, line), form, TODAY) == [entry, entry]


@pytest.mark.parametrize(("form", "line"), [(form, line) for form, lines in NOTHING.items() for line in lines])
def test_line_of_nothing_in_the_folder(form: Form, line: bytes) -> None:
    assert parse(line, form, TODAY) == []


def test_without_a_clock_a_day_without_its_year_is_not_told() -> None:
    lines = b"-rw-r--r-- 1 u g 42 Nov 24 10:15 a\n-rw-r--r-- 1 u g 42 Nov 24 2025 b"
    assert parse(lines, Form.LIST) == [Entry(b"a", size=42), Entry(b"b", size=42, modified="2025-11-24")]


def test_a_file_that_grows_old_is_told_of_alike() -> None:
    """`ls` shows the hour for half a year, and after that the year."""
    young = parse(b"-rw-r--r-- 1 u g 42 Nov 20 10:15 a", Form.LIST, TODAY)
    assert young == parse(b"-rw-r--r-- 1 u g 42 Nov 20  2026 a", Form.LIST, date(2027, 6, 1))


# --- writing a page -------------------------------------------------------------------------------------------------

FOLDER = canonical("ftp://example.org/pub/a%20b/")
ENTRIES = [Entry(b"b", size=42, modified="2025-03-01"), Entry(b"a&b<", is_folder=True), Entry(b"a?#%:\"'\xe9;type=i")]


def test_page() -> None:
    assert page(FOLDER, ENTRIES).decode() == (
        "<!DOCTYPE html>\n"
        '<html lang="en">\n'
        '<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width">\n'
        "<title>Index of /pub/a b/</title>\n"
        "<style>td { padding-right: 2em; white-space: pre-wrap }</style>\n"
        "<h1>Index of /pub/a b/</h1>\n"
        "<table>\n"
        '<tr><td><a href="../">..</a><td><td></tr>\n'
        '<tr><td><a href="a%26b%3C/">a&amp;b&lt;/</a><td><td></tr>\n'
        '<tr><td><a href="a%3F%23%25%3A%22%27%E9%3Btype%3Di">a?#%:&quot;&#x27;\ufffd;type=i</a><td><td></tr>\n'
        '<tr><td><a href="b">b</a><td>42<td>2025-03-01</tr>\n'
        "</table>\n"
        "</html>\n"
    )


@pytest.mark.parametrize("root", ["ftp://example.org/", "file:///", "file:///C:/"])
def test_above_the_root_there_is_nothing(root: str) -> None:
    assert b"href" not in page(canonical(root), [])
    assert b'href="../"' in page(canonical(f"{root}a/"), [])


def test_a_page_shows_no_character_that_is_none_in_html() -> None:
    shown = page(canonical("ftp://h/%01%E2%80%AE{0}/"), [Entry("\x1b\u202e\ufffe\U0010ffff{title}".encode())]).decode()
    assert "Index of /\ufffd\ufffd{0}/" in shown
    assert ">\ufffd\ufffd\ufffd\ufffd{title}</a>" in shown


def test_who_asks_for_a_file_as_a_folder_is_told() -> None:
    for ask in (lambda url: page(url, []), lambda url: entry_url(url, Entry(b"a"))):
        with pytest.raises(NotAFolderError, match=r"^ftp://h/a is no folder: it does not end with a slash$"):
            ask(CanonicalURL("ftp://h/a"))


# --- laws -----------------------------------------------------------------------------------------------------------

# fmt: off
PIECES = (
    b"a", b"A", b".", b"..", b"%", b"%2e", b"%2F", b"?", b"#", b":", b'"', b"'", b"<", b">", b"&amp;", b" ", b"\t", b"\\",
    b"\xff", "é".encode(), "e\u0301".encode(), b";", b"type=i", b"~", b"C:", b"C|", b"http:", b"//", b"/", b"@", b"->", b"\x7f",
    b"javascript:", b"\x01", b"\n", b"\r", b"\0", b"html", b"index",
)
# fmt: on
NAMES = st.lists(st.sampled_from(PIECES), max_size=5).map(b"".join) | st.binary(max_size=8)
FOUND = st.lists(
    st.builds(Entry, NAMES, st.booleans(), st.none() | st.integers(0, 2**64), st.none() | st.text(max_size=8)),
    max_size=8,
)
FOLDERS = st.sampled_from(
    (
        "ftp://h/",
        "ftps://h:21/a//",
        "sftp://h:2222/~/",
        "ftp://h/%2F/",
        "file:///",
        "file:///C:/",
        "file:///srv/www/",
        "file:////",
        "http://h/a/",
    )
).map(canonical)
FORMS = st.sampled_from(Form)


@LAW
@given(folder=FOLDERS, entries=FOUND)
def test_the_references_of_a_page_are_its_entries_and_the_folder_above(
    folder: CanonicalURL, entries: list[Entry]
) -> None:
    above = {canonical(f"{folder}../")} - {folder}
    named = [entry for entry in entries if is_name(entry.name)]
    found = references(Document.HTML, page(folder, entries).decode(), folder)
    expected = above | {entry_url(folder, entry) for entry in named}
    assert sorted(reference.url for reference in found) == sorted(expected)
    assert all(reference == Reference(reference.url, Kind.PAGE) for reference in found)


@LAW
@given(folder=FOLDERS, name=NAMES.filter(is_name), is_folder=st.booleans())
def test_the_url_of_an_entry_tells_its_name(folder: CanonicalURL, name: bytes, *, is_folder: bool) -> None:
    """So distinct names have distinct URLs, each in the folder."""
    url = entry_url(folder, Entry(name, is_folder))
    assert url.startswith(folder)
    rest = url[len(folder) :]
    assert unquote_to_bytes(rest) == name + b"/" * is_folder
    assert rest.count("/") == is_folder


@LAW
@given(folder=FOLDERS, entries=FOUND.flatmap(lambda found: st.tuples(st.just(found), st.permutations(found))))
def test_a_page_does_not_depend_on_the_order(folder: CanonicalURL, entries: tuple[list[Entry], list[Entry]]) -> None:
    assert page(folder, entries[0]) == page(folder, entries[1])


@LAW
@given(
    text=st.lists(NAMES | st.sampled_from([row[0] for row in UNIX + DOS + EPLF + MLSD]), max_size=6).map(b"".join),
    form=FORMS,
)
def test_whatever_a_server_says_nothing_hostile_is_named(text: bytes, form: Form) -> None:
    assert all(is_name(entry.name) for entry in parse(text, form, TODAY))


@LAW
@given(names=st.lists(NAMES.filter(is_name)), is_folder=st.booleans())
def test_names_come_through_each_form(names: list[bytes], *, is_folder: bool) -> None:
    entries = [Entry(name, is_folder) for name in names]
    forms = {
        Form.MLSD: b"type=dir; %s\r\n" if is_folder else b"type=file; %s\r\n",
        Form.LIST: b"%srw-r--r-- 1 u g 4 Foo 1 10:15 %%s\n" % (b"d" if is_folder else b"-"),
    }
    for form, line in forms.items():
        found = parse(b"".join(line % name for name in names), form)
        assert [(entry.name, entry.is_folder) for entry in found] == [(entry.name, is_folder) for entry in entries]
    assert [entry.name for entry in parse(b"".join(b"%s\r\n" % name for name in names), Form.NLST)] == names


@pytest.mark.parametrize(
    "piece", [b"1 ", b"1", b" ", b"-rw-r--r-- ", b"1 Mar 1 ", b"a=b;", b"type=", b"1 Mar 1 2025 ", b"03-01-25  "]
)
def test_a_long_line_is_read_in_one_go(piece: bytes) -> None:
    """The input is so long that quadratic work would take days."""
    for start in (b"-rw-r--r-- 1 u ", b"03-01-25  03:04PM ", b""):
        for form in Form:
            assert len(parse(start + piece * 500_000, form, TODAY)) <= 1
