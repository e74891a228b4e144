"""Canonical URLs: references are resolved as in browsers, and the canonical form is idempotent."""

import re
from contextlib import suppress
from urllib.parse import unquote_to_bytes

import ada_url
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mirror.core.url.canonical import (
    DEFAULT_PORTS,
    CanonicalURL,
    InvalidURLError,
    Parts,
    Target,
    canonical,
    has_credentials,
    is_web,
    origin,
    referer,
    resolve,
    resolver,
    split,
    with_fragment,
)

LAW = settings(max_examples=400)

BASE = "http://example.org/a/b?q#f"

# fmt: off
PIECES = (
    "http:", "https:", "HTTP://", "https://", "//", "/", "\\", "?", "#", "@", ":", ";", "&", "=", "+", "a", "Z", "0",
    "~", "-", "_", ".", "..", "%2e", "%2E%2e", ".%2e", "%", "%%", "%2", "%g0", "%41", "%7e", "%7E", "%c3%a9", "%C3%A9",
    "%25", "%2541", "%2f", "%00", "%ff", " ", "\t", "\n", "\r", "\x00", "\x0b", "\x1f", "\x7f", "\x80", "\xa0",
    "\ufeff", "\ufffe", "\ud800", "\udfff", "\U0010ffff", "é", "e\u0301", "ß", "☃", "日本", "\u202e", "\u200d",
    "\u3002", "\N{FULLWIDTH SOLIDUS}", "\N{FULLWIDTH PERCENT SIGN}41", "\u00ad", "example.org", "EXAMPLE.ORG",
    "bücher.example", "xn--bcher-kva", "xn--", "xn--a", "[::1]", "[1:2::192.168.0.1]", "[", "]", "127.1", "0x7f.1",
    "4294967295", ":80", ":443", ":8080", ":0", ":65536", ":", "user:pass@", "user@", "@@", ":@", "|", "^", "`", "{",
    "}", "<", ">", '"', "'", "*", "(", ")", "!", "$", ",", "mailto:", "javascript:", "data:,", "file:///", "ftp://",
    "ws://", "blob:", "c:", "C|/", "%43|", "localhost", "file:", "sftp:", "FTPS://", "sftp://", ":21", ":22", ":990",
)
# fmt: on
REFERENCES = st.lists(st.sampled_from(PIECES), max_size=8).map("".join) | st.text(max_size=12)
ABSOLUTE = st.builds(
    "{}{}{}".format,
    st.sampled_from(
        ("http://", "https://", "http:", "HTTPS:\\", "ftp://", "FTPS://", "sftp:", "sftp:\\", "file://", "file:///")
    ),
    REFERENCES,
    REFERENCES,
)
BASES = st.sampled_from(
    (
        BASE,
        "https://example.org",
        "http://u:p@[::1]:8080/x/y/",
        "file:///a/b",
        "file:///C:/a/b",
        "ftp://u:p@example.org/a/b;type=i",
        "ftps://example.org:21/a/b",
        "sftp://example.org:80/a/b",
        "about:blank",
        "",
        "nonsense",
    )
)
NO_NAME = re.compile("%(?:00|0A|0D|2F)", re.IGNORECASE)
ENCODINGS = st.sampled_from(
    (
        "utf-8",
        "cp1252",
        "cp932",
        "shift_jis",
        "gb18030",
        "big5hkscs",
        "iso2022_jp",
        "latin-1",
        "utf-16-le",
        "utf_7",
        "ascii",
        "hex",
        "no",
    )
)


# --- as browsers do it (WHATWG URL; our own examples) ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("reference", "url"),
    [
        ("", "http://example.org/a/b?q"),
        ("c", "http://example.org/a/c"),
        ("./c", "http://example.org/a/c"),
        ("../c", "http://example.org/c"),
        ("../../../c", "http://example.org/c"),
        (".", "http://example.org/a/"),
        ("..", "http://example.org/"),
        ("%2e%2E/c", "http://example.org/c"),
        (".%2e/%2e/c", "http://example.org/c"),
        ("c/..", "http://example.org/a/"),
        ("...", "http://example.org/a/..."),
        ("/", "http://example.org/"),
        ("//other.org", "http://other.org/"),
        ("//other.org/c", "http://other.org/c"),
        ("///other.org/c", "http://other.org/c"),
        ("\\\\other.org\\c", "http://other.org/c"),
        ("c\\d", "http://example.org/a/c/d"),
        ("?", "http://example.org/a/b?"),
        ("?c", "http://example.org/a/b?c"),
        ("?c?d/../e\\f", "http://example.org/a/b?c?d/../e\\f"),
        ("#", "http://example.org/a/b?q"),
        ("#c?d", "http://example.org/a/b?q"),
        ("http:c", "http://example.org/a/c"),
        ("https:c", "https://c/"),
        ("HTTP://EXAMPLE.org", "http://example.org/"),
        ("http://example.org:80/", "http://example.org/"),
        ("https://example.org:443/", "https://example.org/"),
        ("https://example.org:80/", "https://example.org:80/"),
        ("http://example.org:/", "http://example.org/"),
        ("http://example.org:0080/", "http://example.org/"),
        ("http://example.org./", "http://example.org./"),
        ("http://user:pass@example.org:81/@", "http://example.org:81/@"),
        ("http://user@@example.org/", "http://example.org/"),
        ("http://:@example.org/", "http://example.org/"),
        ("http://example.org/?u@h", "http://example.org/?u@h"),
        ("http://0x7f.1/", "http://127.0.0.1/"),
        ("http://2130706433/", "http://127.0.0.1/"),
        ("http://[0:0::1]:80/", "http://[::1]/"),
        ("http://[::127.0.0.1]/", "http://[::7f00:1]/"),
        ("http://BÜCHER.example/", "http://xn--bcher-kva.example/"),
        ("http://faß.de/", "http://xn--fa-hia.de/"),
        ("http://☃.net/", "http://xn--n3h.net/"),
        ("http://a。b/", "http://a.b/"),
        ("http://ex%61mple.org/", "http://example.org/"),
        ("http://a_b.org/", "http://a_b.org/"),
        (" \t\nc d\t\n ", "http://example.org/a/c%20d"),
        ("ht\ntp://other.org/", "http://other.org/"),
        ("\x00c\x01", "http://example.org/a/c"),
        ("a//b", "http://example.org/a/a//b"),
        ("é?é", "http://example.org/a/%C3%A9?%C3%A9"),
        ("e\u0301", "http://example.org/a/e%CC%81"),
        ("\ud800?\ud800", "http://example.org/a/%EF%BF%BD?%EF%BF%BD"),
        ("a\"b<c>d`e{f}g|h'i", "http://example.org/a/a%22b%3Cc%3Ed%60e%7Bf%7Dg|h'i"),
        ("?a\"b<c>d`e{f}g|h'i^j", "http://example.org/a/b?a%22b%3Cc%3Ed`e{f}g|h%27i^j"),
        ("a:b", None),
        ("./a:b", "http://example.org/a/a:b"),
        ("mailto:guido@example.org", None),
        (" JavaScript:void(0)", None),
        ("java\nscript:void(0)", None),
        ("data:text/plain,a", None),
        ("ftp://example.org", "ftp://example.org/"),
        ("FTP://guido:secret@EXAMPLE.org:21/%7ea/../b?c", "ftp://example.org/b"),
        ("ftp:example.org/%2Fetc", "ftp://example.org/%2Fetc"),
        ("ftps://example.org:990/", "ftps://example.org/"),
        ("ftps://example.org:21/", "ftps://example.org:21/"),
        ("sftp://BÜCHER.example:22\\a/./b?c", "sftp://xn--bcher-kva.example/a/b"),
        ("sf\ntp://example.org:80/", "sftp://example.org:80/"),
        ("sftp://example.org:21/", "sftp://example.org:21/"),
        ("sftp://guido@example.org:0022/a@b", "sftp://example.org/a@b"),
        ("sftp://[::1]:22/", "sftp://[::1]/"),
        ("file:///a/../b", "file:///b"),
        ("file://localhost/a", "file:///a"),
        ("file:/a?b#c", "file:///a"),
        ("file:a", "file:///a"),
        ("file:////a", "file:////a"),
        ("file:///c|/a", "file:///c:/a"),
        ("file:///%43|/a", "file:///C:/a"),
        ("file:///a%20b%3f%", "file:///a%20b%3F%25"),
        ("file://example.org/a", None),
        ("sftp://", None),
        ("sftp://example.org:65536/", None),
        ("ftps://a b/", None),
        ("ftp://example.org/a/%2fetc", None),
        ("ftps://example.org/%2Fetc/..%2F", None),
        ("ftps://example.org/%2Fetc/", "ftps://example.org/%2Fetc/"),
        ("sftp://example.org/%2Fetc", None),
        ("file:///a/..%2f..%2Fetc", None),
        ("file:///a%00.html", None),
        ("ftp://example.org/a%0D%0aDELE%20b", None),
        ("ftp://example.org/a%250Ab", "ftp://example.org/a%250Ab"),
        ("http://example.org/a%2f%0A%00", "http://example.org/a%2F%0A%00"),
        ("c #d", "http://example.org/a/c%20"),
        ("http://example.org:80\0#d", None),
        ("gopher://example.org/", None),
        ("ws://example.org/", None),
        ("blob:http://example.org/1", None),
        ("http://", None),
        ("http://?", None),
        ("http://exa mple.org/", None),
        ("http://a%2Fb/", None),
        ("http://a^b/", None),
        ("http://[::1/", None),
        ("http://[::g]/", None),
        ("http://1.2.3.4.5/", None),
        ("http://256.1.1.1/", None),
        ("http://example.org:65536/", None),
        ("http://example.org:a/", None),
    ],
)
def test_resolves_as_browsers_do(reference: str, url: str | None) -> None:
    target = resolve(reference, BASE)
    assert (target and target.url) == url


@pytest.mark.parametrize(
    ("base", "reference", "url"),
    [
        ("ftp://example.org/a/b", "c?d", "ftp://example.org/a/c"),
        ("ftp://example.org:2121/a/", "/c", "ftp://example.org:2121/c"),
        ("sftp://example.org:21/a/b", "../c", "sftp://example.org:21/c"),
        ("sftp://example.org:80/a/b", "c", "sftp://example.org:80/a/c"),
        ("sftp://example.org/a/b", "sftp:c", "sftp://example.org/a/c"),
        ("sftp://example.org/a/b", "ftp:c", "ftp://c/"),
        ("ftp://example.org/a/b", "sftp:c", "sftp://c/"),
        ("http://example.org/a/b", "ftps:c", "ftps://c/"),
        ("ftps://example.org/a/b", "//other.org:990/c", "ftps://other.org/c"),
        ("ftps://example.org/a/b", "http://other.org/c", "http://other.org/c"),
        ("file:///a/b", "c?v=2", "file:///a/c"),
        ("file:///a/b", "../../c", "file:///c"),
        ("file:///a/b", "/c", "file:///c"),
        ("file:///C:/a/b", "/c", "file:///C:/c"),
        ("file:///C:/a/b", "../../../c", "file:///C:/c"),
        ("file:///a/b", "//other.org/c", None),
        ("file:///a/b", "//localhost/c", "file:///c"),
    ],
)
def test_resolves_in_a_tree_of_files(base: str, reference: str, url: str | None) -> None:
    target = resolve(reference, base)
    assert (target and target.url) == url


@pytest.mark.parametrize(
    ("written", "url"),
    [
        ("ftp://example.org/what?#top", "ftp://example.org/what%3F"),
        ("sftp://example.org/a?b?c", "sftp://example.org/a%3Fb%3Fc"),
        ("file:///srv/what?/", "file:///srv/what%3F/"),
        ("file:///", "file:///"),
        ("file:/", "file:///"),
        ("http://example.org/what?", "http://example.org/what?"),
    ],
)
def test_a_question_mark_that_a_user_writes_is_part_of_the_name_of_a_file(written: str, url: str) -> None:
    assert canonical(written) == url


def test_origin() -> None:
    assert origin(canonical("sftp://example.org:2222/a//b")) == "sftp://example.org:2222"
    assert origin(canonical("https://[::1]:443/a")) == "https://[::1]"
    assert origin(canonical("file:////a")) == "file://"


@pytest.mark.parametrize(
    ("levels", "folder"),
    list(enumerate(("/a/b/c/d/e/f/", "/a/b/c/d/e/", "/a/b/c/d/", "/a/b/c/", "/a/b/", "/a/", "/", "/"))),
)
def test_a_reference_may_lead_any_number_of_levels_up(levels: int, folder: str) -> None:
    assert resolve(f"{'../' * levels}g?h#i", "http://example.org/a/b/c/d/e/f/p") == (
        f"http://example.org{folder}g?h",
        "i",
    )


@pytest.mark.parametrize(
    "base", ["http://example.org/a/b", "http://example.org", "ftp://example.org/a/b", "about:blank"]
)
def test_a_resolver_gives_what_resolve_gives(base: str) -> None:
    for reference in (
        "c",
        "/c",
        "../c",
        "../../../../../c",
        "c#d",
        "c d",
        "mailto:c",
        "http://other.org/\u00e9?\u00e9",
        "",
    ):
        assert resolver(base, "latin-1")(reference) == resolve(reference, base, "latin-1")


@pytest.mark.parametrize(
    ("path", "canonical_path"),
    [
        ("%41%2d%5F%7e%7E", "A-_~~"),
        ("%c3%a9%ff%0a", "%C3%A9%FF%0A"),
        ("%21%2f%3a%40%20", "%21%2F%3A%40%20"),
        ("%", "%25"),
        ("%%", "%25%25"),
        ("%g0%2", "%25g0%252"),
        ("%%41", "%25A"),
        ("%%34%31", "%2541"),
        ("%2%45", "%252E"),
        ("%2541", "%2541"),
        ("%252e", "%252e"),
        ("a%2Eb", "a.b"),
        ("%2e%2e%2f", "..%2F"),
    ],
)
def test_percent_escapes(path: str, canonical_path: str) -> None:
    assert canonical(f"http://example.org/{path}") == f"http://example.org/{canonical_path}"
    assert canonical(f"http://example.org/?{path}") == f"http://example.org/?{canonical_path}"


@pytest.mark.parametrize("base", ["about:blank", "", "nonsense", "mailto:a@b", "http://"])
def test_a_base_that_leads_nowhere(base: str) -> None:
    assert resolve("c", base) is None
    assert resolve("http://example.org/c", "about:blank") == Target(canonical("http://example.org/c"))


@pytest.mark.parametrize(
    ("reference", "fragment"),
    [("c", None), ("c#", ""), ("c#d", "d"), ("#d#e", "d#e"), ("c?#d?", "d?"), ("#a b", "a%20b"), ("#%7e%zz", "%7e%zz")],
)
def test_fragment(reference: str, fragment: str | None) -> None:
    target = resolve(reference, BASE)
    assert target is not None
    assert target.fragment == fragment
    assert with_fragment("x", fragment) == ("x" if fragment is None else f"x#{fragment}")


@pytest.mark.parametrize(
    ("encoding", "reference", "url"),
    [
        ("utf-8", "?é", "http://example.org/a/b?%C3%A9"),
        ("utf-16-le", "?é", "http://example.org/a/b?%C3%A9"),
        ("UTF-16", "?é", "http://example.org/a/b?%C3%A9"),
        ("cp1252", "é?é", "http://example.org/a/%C3%A9?%E9"),
        ("windows-1252", "?€=ß&a", "http://example.org/a/b?%80=%DF&a"),
        ("windows-1252", "?☃", "http://example.org/a/b?%26%239731%3B"),
        ("windows-1252", "?é#é?é", "http://example.org/a/b?%E9"),
        ("windows-1252", "c#d?é", "http://example.org/a/c"),
        ("windows-1252", "http://é.org/?é", "http://xn--9ca.org/?%E9"),
        ("windows-1252", "?%e9\"é'", "http://example.org/a/b?%E9%22%E9%27"),
        ("windows-1252", "?\ud800", "http://example.org/a/b?%26%2365533%3B"),
        ("latin-1", "?\x83|\xe9", "http://example.org/a/b?%83|%E9"),
        ("cp1251", "?я", "http://example.org/a/b?%FF"),
        ("shift_jis", "?日本", "http://example.org/a/b?%93%FA%96{"),
        ("shift_jis", "?ー表ソ", "http://example.org/a/b?%81[%95\\%83\\"),  # trail bytes that are ASCII stay ASCII
        ("cp932", "?①é", "http://example.org/a/b?%87@%26%23233%3B"),
        ("iso2022_jp", "?日本&日", "http://example.org/a/b?%1B$BF|K\\%1B(B&%1B$BF|%1B(B"),
        ("gb18030", "?中文", "http://example.org/a/b?%D6%D0%CE%C4"),
        ("gb18030", "?é€☃", "http://example.org/a/b?%A8%A6%A2%E3%817%A30"),
        ("no-such-codec", "?é", "http://example.org/a/b?%C3%A9"),
        ("hex", "?é", "http://example.org/a/b?%C3%A9"),
    ],
)
def test_query_is_in_the_encoding_of_the_document(encoding: str, reference: str, url: str) -> None:
    target = resolve(reference, BASE, encoding)
    assert target is not None
    assert target.url == url


# --- URLs from the user ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("http://example.org", Parts("http", "example.org", 80, "/", None)),
        ("https://example.org/?", Parts("https", "example.org", 443, "/", "")),
        ("https://example.org:80/a/b?c?d", Parts("https", "example.org", 80, "/a/b", "c?d")),
        ("http://[::1]:8080//a", Parts("http", "[::1]", 8080, "//a", None)),
        ("http://u:p@example.org/@:?@:", Parts("http", "example.org", 80, "/@:", "@:")),
        ("https:example.org", Parts("https", "example.org", 443, "/", None)),
        ("http:/example.org", Parts("http", "example.org", 80, "/", None)),
        ("ftp://example.org/a;type=i", Parts("ftp", "example.org", 21, "/a;type=i", None)),
        ("ftps://example.org", Parts("ftps", "example.org", 990, "/", None)),
        ("sftp://example.org:2222/a?", Parts("sftp", "example.org", 2222, "/a%3F", None)),
        ("file:/srv/www", Parts("file", "", 0, "/srv/www", None)),
        (" http://invalid./\n", Parts("http", "invalid.", 80, "/", None)),
    ],
)
def test_split(url: str, parts: Parts) -> None:
    assert split(canonical(url)) == parts


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("", "'' is not a URL: it should begin with http:// or https://"),
        ("example.org", "'example.org' is not a URL: it should begin with http:// or https://"),
        ("//example.org/", "'//example.org/' is not a URL: it should begin with http:// or https://"),
        ("/etc/passwd", "'/etc/passwd' is not a URL: it should begin with http:// or https://"),
        ("localhost:8000/a", "'localhost:8000/a' is not a URL: it should begin with http:// or https://"),
        ("mailto:a@b", "'mailto:a@b' is not a URL: it should begin with http:// or https://"),
        (
            "gopher://example.org/",
            "'gopher://example.org/': the scheme 'gopher' is not supported, only http, https, ftp, ftps, sftp and file are",
        ),
        ("file:", "'file:' has no absolute path: it should begin with file:///"),
        ("file://", "'file://' has no absolute path: it should begin with file:///"),
        ("file:srv/www", "'file:srv/www' has no absolute path: it should begin with file:///"),
        ("file://srv/www", "'file://srv/www' names another machine"),
        ("sftp://", "'sftp://' has no host"),
        ("ftp://?a", "'ftp://?a' has no valid host"),
        (
            "file:///a/..%2fb",
            "'file:///a/..%2fb' contains an escaped slash, NUL or line end, which no file name contains",
        ),
        ("http://", "'http://' has no host"),
        ("https:", "'https:' has no host"),
        ("http:\\\\", "'http:\\\\\\\\' has no host"),
        ("http://?a", "'http://?a' has no valid host"),
        ("http://a b/", "'http://a b/' has no valid host"),
        ("http://example.org:99999/", "'http://example.org:99999/' has no valid host"),
        ("http://[::1/", "'http://[::1/' has no valid host"),
        ("http://user@/a", "'http://user@/a' has no valid host"),
    ],
)
def test_a_bad_start_is_explained(url: str, message: str) -> None:
    with pytest.raises(InvalidURLError, match=f"^{re.escape(message)}$"):
        canonical(url)


def test_split_wants_a_canonical_url() -> None:
    with pytest.raises(InvalidURLError, match=r"^'gopher://a/' is not a canonical URL$"):
        split(CanonicalURL("gopher://a/"))


@pytest.mark.parametrize(
    ("url", "answer"),
    [
        ("http://guido@example.org/", True),
        ("http://guido:secret@example.org", True),
        (" HTTPS:\\\\guido:secret@example.org", True),
        ("http:guido@example.org", True),
        ("http:///guido@example.org/", True),
        ("http:\t//guido@@example.org/", True),
        ("ftp://guido:secret@example.org/", True),
        ("ftps:guido@example.org/", True),
        (" SFTP:\\\\guido@example.org", True),
        ("sftp://example.org/~guido@", False),
        ("file:///home/@guido", False),
        ("http://example.org", False),
        ("http://example.org/@guido", False),
        ("http://example.org?@", False),
        ("http://example.org#@", False),
        ("http://example.org\\@", False),
    ],
)
def test_has_credentials(url: str, answer: bool) -> None:
    assert has_credentials(url) is answer


@pytest.mark.parametrize(
    ("page", "target", "told"),
    [
        ("https://example.org/a?b", "https://example.org/c", "https://example.org/a?b"),
        ("https://example.org/a?b", "https://other.org/c", "https://example.org/"),
        ("https://example.org:8443/a", "https://example.org/c", "https://example.org:8443/"),
        ("https://example.org/a", "http://example.org/c", None),
        ("http://example.org/a?b", "https://example.org/c", "http://example.org/"),
        ("http://example.org/a?b://c/d", "http://other.org/", "http://example.org/"),
        ("http://[::1]:81/a", "http://[::1]/", "http://[::1]:81/"),
        (f"http://example.org/{'a' * 4077}", "http://example.org/b", f"http://example.org/{'a' * 4077}"),
        (f"http://example.org/{'a' * 4078}", "http://example.org/b", "http://example.org/"),
        ("ftp://example.org/a", "ftp://example.org/b", None),
        ("ftp://example.org/a", "http://example.org/b", None),
        ("https://example.org/a", "sftp://example.org/b", None),
        ("file:///home/guido/a.html", "https://example.org/b", None),
        ("file:///home/guido/a.html", "file:///home/guido/b.html", None),
    ],
)
def test_referer(page: str, target: str, told: str | None) -> None:
    assert referer(canonical(page), canonical(target)) == told


# --- laws -----------------------------------------------------------------------------------------------------------


@LAW
@given(reference=REFERENCES | ABSOLUTE, base=BASES, encoding=ENCODINGS)
def test_canonical_is_idempotent(reference: str, base: str, encoding: str) -> None:
    target = resolve(reference, base, encoding)
    if target is not None:
        assert canonical(target.url) == target.url
        assert resolve(target.url, base) == Target(target.url)


@LAW
@example("ftp://?user:pass@http:")
@given(url=ABSOLUTE)
def test_canonical_or_a_reason(url: str) -> None:
    """Any text from a user gives a canonical URL or `InvalidURLError`."""
    target = resolve(url, "about:blank")
    if target is None:
        with pytest.raises(InvalidURLError, match=re.escape(repr(url))):
            canonical(url)
    elif is_web(target.url):
        assert canonical(url) == target.url
    else:  # in the URL of a file, a question mark is part of the name
        with suppress(InvalidURLError):
            assert resolve(canonical(url), "about:blank") == Target(canonical(url))


@LAW
@given(reference=REFERENCES | ABSOLUTE, base=BASES)
def test_a_canonical_url_splits_and_joins(reference: str, base: str) -> None:
    target = resolve(reference, base)
    if target is None:
        return
    scheme, host, port, path, query = (getattr(split(target.url), name) for name in Parts.__slots__)
    shown = "" if port == DEFAULT_PORTS[scheme] else f":{port}"
    assert origin(target.url) == f"{scheme}://{host}{shown}"
    assert target.url == origin(target.url) + path + ("" if query is None else f"?{query}")
    assert (host == "") == (scheme == "file")
    assert query is None or is_web(target.url)
    assert is_web(target.url) or not NO_NAME.search(path.removeprefix("/%2F" if scheme in {"ftp", "ftps"} else ""))
    assert re.fullmatch(r"/(?:[!$-;=@-~]|%[0-9A-F]{2})*", path)
    assert re.fullmatch(r"(?:[!$-&(-;=?-~]|%[0-9A-F]{2})*", query or "")
    assert not re.search(r"%(?![0-9A-F]{2})|%(?:2[DE]|3\d|4[1-9A-F]|5[0-9AF]|6[1-9A-F]|7[0-9AE])", path + (query or ""))


@LAW
@given(reference=REFERENCES | ABSOLUTE, base=BASES)
def test_escapes_fragment_and_credentials_are_all_that_differs_from_a_browser(reference: str, base: str) -> None:
    """Unescaped, a canonical URL equals the browser's, so both request the same. Files have no query."""
    target = resolve(reference, base)
    try:
        expected = ada_url.URL(re.sub("[\ud800-\udfff]", "\ufffd", reference), base)
    except ValueError:
        assert target is None or not _known_to_browsers(target.url)
        return
    if expected.protocol in {"ftps:", "sftp:"}:
        return
    if expected.protocol in {"ftp:", "file:"} and NO_NAME.search(expected.pathname):
        assert target is None or target.url.startswith(f"{origin(target.url)}/%2F")
        return
    is_elsewhere = expected.protocol == "file:" and expected.host != ""
    assert (target is None) == (is_elsewhere or expected.protocol not in {"http:", "https:", "ftp:", "file:"})
    if target is not None:
        assert (target.fragment or "") == expected.hash.removeprefix("#")
        expected.hash = ""
        if expected.protocol != "file:":
            expected.username = expected.password = ""
        if not is_web(target.url):
            expected.search = ""
        assert _unescaped(target.url) == _unescaped(expected.href)


def _known_to_browsers(url: CanonicalURL) -> bool:
    return not url.startswith(("ftps:", "sftp:"))


def _unescaped(url: str) -> bytes:
    """Without escapes, `C|` may mean the drive `C:`."""
    return re.sub(rb"^(file:///[A-Za-z])\|(?=/|$)", rb"\1:", unquote_to_bytes(url))


PLAIN = st.lists(
    st.sampled_from(("a", "b.c", ".", "..", "../", "/", "?", "=1", "&", "#", ":", ";", "+", "~", "!", "(", "*"))
)


@LAW
@example(reference="../../../x?a/../b", base="http://example.org/a/b/c")
@example(reference="../?q", base="http://example.org/a//b/")
@example(reference="..//x", base="http://example.org/a/b/c")
@given(reference=PLAIN.map("".join), base=st.sampled_from(("http://example.org/", "https://[::1]:8080/a/b//c/d?e/f")))
def test_what_needs_no_escape_is_resolved_as_browsers_do(reference: str, base: str) -> None:
    """Most references are plain: they are resolved without Ada."""
    found = resolve(reference, base)
    try:
        expected = ada_url.join_url(base, reference)
    except ValueError:
        assert found is None
    else:
        assert found is None or with_fragment(found.url, found.fragment) == expected
        assert (found is None) is not expected.startswith(("http:", "https:"))


@LAW
@given(form=st.sampled_from(("{}", "{}:", "{}://")), text=REFERENCES, scheme=st.sampled_from(("ftps", "sftp")))
def test_what_browsers_do_not_know_is_read_as_ftp_is(form: str, text: str, scheme: str) -> None:
    """They agree, except for the default port."""
    there, here = (
        resolve((form.format(name) if ":" in form else "") + text, f"{name}://example.org:2121/a/")
        for name in ("ftp", scheme)
    )
    if here is not None and there is not None and there.url.startswith("ftp:") and not here.url.startswith("ftp:"):
        assert here.fragment == there.fragment
        mine, its = split(here.url), split(there.url)
        assert (mine.scheme, mine.host, mine.path) == (scheme, its.host, its.path)
        assert mine.port == its.port or (mine.port, its.port) == (DEFAULT_PORTS[scheme], DEFAULT_PORTS["ftp"])


@LAW
@given(url=ABSOLUTE)
def test_what_names_no_resource_changes_nothing(url: str) -> None:
    target = resolve(url, "about:blank")
    if target is not None:
        spelled = re.sub("%..", lambda escape: escape[0].lower(), target.url)
        if not spelled.startswith("file:"):
            spelled = spelled.replace("://", "://guido:secret@", 1)
        assert resolve(f"\t{spelled}#top", "about:blank") == Target(target.url, "top")


@LAW
@given(url=ABSOLUTE)
def test_no_credentials_go_unnoticed(url: str) -> None:
    if resolve(url, "about:blank") is not None:
        known = re.sub("^(?:ftps|sftp):", "ftp:", url, flags=re.IGNORECASE)
        browsers = ada_url.URL(re.sub("[\ud800-\udfff]", "\ufffd", known))
        assert has_credentials(url) or not (browsers.username or browsers.password)
