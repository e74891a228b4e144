"""The exact law of names: its examples, and what holds for every URL."""

import re
from collections.abc import Iterable
from itertools import product
from urllib.parse import quote

import pytest
from hypothesis import given

from mirror.core.url import media_types
from mirror.core.url.canonical import CanonicalURL, canonical
from mirror.core.url.exact_names import MAX_NAME, MAX_PATH
from mirror.core.url.local_paths import EXACT, LocalPath, as_local_path
from tests.core.url.test_portable_names import ANY_TYPE, FAMILIES, LAW, MEDIA_TYPES, SHORT_URLS, TWINS, URLS, _canonical

DIGEST = "[a-z2-7]{24}"
HTML = "text/html"
TWINS_OF_MARKS = (
    "a~~",
    "a~~.png",
    "a~.png",
    "a~",
    "a~~~",
    "a.png",
    "a%7E",
    "a%257E",
    "a%257E.png",
    "a@b",
    "a?b",
    "a@b~",
    "a@b~~",
    "a?b~",
    "a%40b",
    "a%2540b",
    "a%252540b",
    "a?b/c",
    "a?b%2Fc",
    "a?b%252Fc",
    "a?b%25252Fc",
    "a@b~.html",
    "%",
    "%25",
    "%2525",
    "%~.html",
    "index",
    "index.html",
    "index~.html",
    "index~~.html",
    "a%2F",
    "a%252F",
    "100%",
    "100%25",
    "100%41",
    "100%2541",
    "%25/a",
    "~",
    "~~",
    "@",
    "@@",
    "@%40",
    "~a@~",
    "a~?",
    "?~",
    "a?%5C",
    "a?\\",
    "a?%255C",
    "a%25?",
    "a?%25",
    "a?%2525",
)


def local_path(url: CanonicalURL, media_type: str) -> LocalPath:
    return EXACT.path(url, media_type)


@pytest.mark.parametrize(
    ("url", "media_type", "path"),
    [
        ("https://e.org", HTML, "e.org/index.html"),
        ("https://e.org/?", HTML, "e.org/index@~.html"),
        ("https://e.org/index", HTML, "e.org/index~.html"),
        ("https://e.org/INDEX.HTML", HTML, "e.org/INDEX.HTML"),
        ("https://e.org/a.php", HTML, "e.org/a.php~.html"),
        ("https://e.org/a.html", "image/png", "e.org/a.html~.png"),
        ("https://e.org/a.html", "text/plain", "e.org/a.html~.txt"),
        ("https://e.org/a.html", "x/unheard-of", "e.org/a.html~"),
        ("https://e.org/a.svg", "text/plain", "e.org/a.svg~.txt"),
        ("https://e.org/a.xml", "text/plain", "e.org/a.xml"),
        ("https://e.org/a.css", "text/plain", "e.org/a.css"),
        ("https://e.org/logo", "image/svg+xml", "e.org/logo~.svg"),
        ("https://e.org/feed", "application/rss+xml", "e.org/feed~.rss"),
        ("https://e.org/style.php", "text/css", "e.org/style.php~.css"),
        ("https://e.org/main.ts", "text/javascript", "e.org/main.ts~.js"),
        ("https://e.org/photo", "image/jpeg", "e.org/photo"),
        ("https://e.org/photo.png", "image/webp", "e.org/photo.png"),
        ("https://e.org/font", "font/woff2", "e.org/font"),
        ("https://e.org/film.php", "video/mp4", "e.org/film.php"),
        ("https://e.org/get?f=1", "video/mp4", "e.org/get@f=1~.mp4"),
        ("https://e.org/get?f=1", "x/unheard-of", "e.org/get@f=1~"),
        ("https://e.org/", "image/png", "e.org/index.png"),
        ("https://e.org/", "x/unheard-of", "e.org/index"),
        ("https://e.org//a//", HTML, "e.org/%/a/%/index.html"),
        ("https://e.org/~guido/@home", HTML, "e.org/~guido/@home~.html"),
        ("https://e.org/a~b@c", HTML, "e.org/a~b@c~.html"),
        ("https://e.org/a~b@c", "image/png", "e.org/a~b@c"),
        ("https://e.org/notes.txt~", "text/plain", "e.org/notes.txt~"),
        ("https://e.org/a~.png", "image/png", "e.org/a~.png"),
        ("https://e.org/a?b=c/d&e:f", HTML, "e.org/a@b=c%2Fd&e:f~.html"),
        ("https://e.org/\u00e9/\u00c9", HTML, "e.org/\u00e9/\u00c9~.html"),
        ("https://e.org/e%CC%81.png", "image/png", "e.org/e\u0301.png"),
        ("https://e.org/%FF.png", "image/png", "e.org/%FF.png"),
        (
            "https://e.org/a%E2%80%AEb.png",
            "image/png",
            "e.org/a%E2%80%AEb.png",
        ),  # it would turn the direction of the text
        ("https://e.org/a b/ c ", "image/png", "e.org/a b/%20c%20".replace("%20c%20", "%20c")),
        ("https://e.org/%20a%20", "image/png", "e.org/%20a%20"),
        ("https://e.org/C%23/a%3Fb%22", "image/png", 'e.org/C#/a?b"'),
        ("https://e.org/a:b*c|d", "image/png", "e.org/a:b*c|d"),
        ("https://e.org/a%3Ab", "image/png", "e.org/a:b"),
        ("https://e.org/%2e%2e%2f/%2F", "image/png", "e.org/..%2F/%2F"),
        ("https://e.org/a%5Cb%00%0A", "image/png", "e.org/a%5Cb%00%0A"),
        ("https://e.org/.../con/AUX.", "image/png", "e.org/.../con/AUX."),
        ("https://e.org/100%25", "image/png", "e.org/100%"),
        ("https://e.org/100%2541", "image/png", "e.org/100%41"),
    ],
)
def test_example(url: str, media_type: str, path: str) -> None:
    assert local_path(canonical(url), media_type) == path
    assert as_local_path(path) == path


@pytest.mark.parametrize(
    ("url", "media_type", "path"),
    [
        ("https://e.org/", HTML, "e.org/%~.html"),
        ("https://e.org/index.html", HTML, "e.org/index~~.html"),
        ("https://e.org/a.html", HTML, "e.org/a~~.html"),
        ("https://e.org/a.tar.gz", "application/gzip", "e.org/a.tar~~.gz"),
        ("https://e.org/LICENSE", "text/plain", "e.org/LICENSE~~"),
        ("https://e.org/1.2", "text/plain", "e.org/1.2~~"),
        ("https://e.org/a%3Ab%2F%20c", "text/plain", "e.org/a%3Ab%2F c~~"),
        ("https://e.org/100%25/100%2541", "text/plain", "e.org/100%/100%2541~~"),
        ("https://e.org/a~.png", "image/png", "e.org/a~~~.png"),
        ("https://e.org/a%40b", HTML, "e.org/a%2540b~.html"),
    ],
)
def test_example_of_a_crowded_name(url: str, media_type: str, path: str) -> None:
    assert EXACT.path(canonical(url), media_type, crowded=True) == path


@pytest.mark.parametrize(
    ("url", "media_type", "pattern"),
    [
        ("https://e.org/" + "x" * 300, HTML, rf"e\.org/x{{223}}~~{DIGEST}~\.html"),
        ("https://e.org/" + "x" * 300 + ".png", "image/png", rf"e\.org/x{{225}}~~{DIGEST}\.png"),
        ("https://e.org/" + "x" * 255, "image/png", r"e\.org/x{255}"),
        ("https://e.org/" + "%C3%A9" * 150, "image/png", rf"e\.org/\u00e9{{114}}~~{DIGEST}"),
        ("https://e.org/" + "d/" * 1500, HTML, rf"e\.org/~~{DIGEST}/index\.html"),
    ],
)
def test_what_is_too_long_ends_in_a_digest(url: str, media_type: str, pattern: str) -> None:
    assert re.fullmatch(pattern, local_path(canonical(url), media_type))


# --- the inverse of the law -----------------------------------------------------------------------------------------

NEVER_IN_PATH = set(' "#<>?^`{}')
ESCAPED_IN_QUERY = "/\\#"
NEVER_IN_QUERY = set(" \"<>'")


def read_back(path: str) -> str:
    """Return the URL of a path that is not cut."""
    host, *folders, leaf = path.split("/")
    assert host == "e.org"
    return "https://e.org/" + "".join(f"{_plain(name.replace('%7E', '~'))}/" for name in folders) + _last(leaf)


def _last(leaf: str) -> str:
    if leaf == "%~":
        return ""
    crowded = re.fullmatch(r"(.*)~~(\.[A-Za-z0-9]{1,12})?", leaf, re.DOTALL)
    if crowded:
        return _plain(crowded[1] + (crowded[2] or ""))
    marked = re.fullmatch(r"(.+?)~(\.[A-Za-z0-9]{1,12})?", leaf, re.DOTALL)
    if marked and "@" in marked[1][1:]:
        at = marked[1].index("@", 1)
        stem = marked[1][:at]
        segment = {"index": "", "%69ndex": "index"}.get(stem, _of_stem(stem))
        return f"{segment}?{_of_marked(marked[1][at + 1 :], ESCAPED_IN_QUERY, NEVER_IN_QUERY)}"
    if marked and (marked[2] or re.search(r"\.(html?|shtml|xht|xhtml|svg)$", marked[1], re.IGNORECASE)):
        return "" if marked[1] == "%" else _of_stem(marked[1])
    return "" if re.fullmatch(r"index(\.[a-z0-9]+)?", leaf) else _plain(leaf)


def _of_stem(stem: str) -> str:
    first, rest = (stem[0], stem[1:]) if stem[0] == "@" else ("", stem)
    return first + _of_marked(rest, "@", NEVER_IN_PATH)


def _of_marked(text: str, escaped: str, never: set[str]) -> str:
    codes = {f"%{ord(c):02X}": c for c in (*escaped, "~")}
    pieces = (
        re.findall(r"%2525(?=[0-9A-Fa-f]{2})|%25(?:40|2F|5C|23)|%[0-9A-F]{2}|.", text, re.DOTALL)
        if text != "%25"
        else [text]
    )
    return "".join(
        "%25" if piece == "%2525" else f"%{piece[3:]}" if len(piece) == 5 else codes.get(piece) or _piece(piece, never)
        for piece in pieces
    )


def _plain(name: str) -> str:
    if name in {"%", "%25"}:
        return name.removesuffix("%") if name == "%" else name
    return "".join(_piece(piece, NEVER_IN_PATH) for piece in re.findall(r"%[0-9A-Fa-f]{2}|.", name, re.DOTALL))


def _piece(piece: str, never: set[str]) -> str:
    if len(piece) == 3:
        return piece
    return quote(piece) if piece == "%" or piece in never or not piece.isascii() else piece


def is_whole(path: str) -> bool:
    return not re.search(rf"~~{DIGEST}(?=[/~.]|$)", path)


@pytest.mark.parametrize("media_type", MEDIA_TYPES)
def test_the_path_of_a_twin_tells_its_url(media_type: str) -> None:
    for url in (canonical(f"https://e.org/{twin}") for twin in (*TWINS, *TWINS_OF_MARKS)):
        path = EXACT.path(url, media_type, crowded=True)
        if is_whole(path):
            assert read_back(path) == url


@LAW
@given(url=SHORT_URLS, media_type=ANY_TYPE)
def test_a_path_tells_its_url(url: CanonicalURL, media_type: str) -> None:
    url = CanonicalURL("https://e.org/" + url.split("/", 3)[3])
    assert read_back(EXACT.path(url, media_type, crowded=True)) == url


# --- distinct URLs, distinct paths ----------------------------------------------------------------------------------


def assert_crowded_are_distinct(urls: Iterable[CanonicalURL], types: Iterable[str]) -> None:
    owners: dict[str, CanonicalURL] = {}
    for url, media_type in product(urls, types):
        assert owners.setdefault(EXACT.path(url, media_type, crowded=True), url) == url
    folders = {path[: match.start()] for path in owners for match in re.finditer("/", path)}
    assert not folders.intersection(owners)


def test_twins_live_side_by_side() -> None:
    urls = {_canonical(f"https://example.org/{twin}") for twin in (*TWINS, *TWINS_OF_MARKS)}
    assert_crowded_are_distinct(urls, MEDIA_TYPES)


@LAW
@given(urls=FAMILIES, media_type=ANY_TYPE)
def test_families_live_side_by_side(urls: list[CanonicalURL], media_type: str) -> None:
    assert_crowded_are_distinct(urls, [media_type])


# --- the form of a path ---------------------------------------------------------------------------------------------


@LAW
@given(url=URLS, media_type=ANY_TYPE)
def test_names_are_legal_and_short_enough(url: CanonicalURL, media_type: str) -> None:
    for crowded in (False, True):
        path = EXACT.path(url, media_type, crowded=crowded)
        assert as_local_path(path) == path
        assert len(path.encode()) <= MAX_PATH
        for name in path.split("/"):
            assert name not in {"", ".", ".."}
            assert not re.search(r"[\x00-\x1f\x7f-\x9f\\\ud800-\udfff]", name)
            assert name.strip(" ") == name
            assert len(name.encode()) <= MAX_NAME


@LAW
@given(url=URLS, media_type=ANY_TYPE)
def test_documents_have_the_extension_of_their_type(url: CanonicalURL, media_type: str) -> None:
    """And nothing else has the one of a page."""
    ext = media_types.extension(local_path(url, media_type).rpartition("/")[2]).lower()
    if media_type in {"text/html", "application/xhtml+xml", "text/css", "text/javascript", "image/svg+xml"}:
        assert ext in media_types.EXTENSIONS[media_type]
    elif media_type not in {media_types.UNKNOWN, "application/xml"}:
        assert ext not in {"html", "htm", "shtml", "xhtml", "xht", "svg"}
