"""The portable law of names: its examples, and what holds for every URL. Pages named index are crowded here."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise, product
from urllib.parse import quote, unquote, urljoin, urlsplit

import ada_url
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mirror.core.url import media_types
from mirror.core.url.canonical import DEFAULT_PORTS, CanonicalURL, canonical
from mirror.core.url.local_paths import PORTABLE, LocalPath, href
from mirror.core.url.portable_names import MAX_NAME, MAX_PATH

LAW = settings(max_examples=200)

DIGEST = "[a-z2-7]{24}"
CUT_PATH_BYTES = MAX_NAME + len("/~~/") + 24 + MAX_NAME
DOCUMENT_TYPES = tuple(media_types.DOCUMENTS)
OTHER_TYPES = ("image/png", "application/json", media_types.UNKNOWN, "text/plain", "text/x-python", "x/unheard-of")
MEDIA_TYPES = DOCUMENT_TYPES + OTHER_TYPES
ANY_TYPE = st.sampled_from(MEDIA_TYPES)

# --- URLs that are almost equal -------------------------------------------------------------------------------------
# fmt: off

ATOMS = (
    "a", "A", "b", "B", "i", "I", "s", "k", "fi", "1", "b1", "index", "Index", "main", "~", "@", "~b", "@x", "~a",
    "html", ".", "..", "%2e", "%2E%2E", " ", "%20", "%20.", ". ", "+", "-", "_", "=", "!", "%21", "'", "%27", "&", ";",
    ",", "[", "{", ".html", ".HTML", ".htm", ".css", ".js", ".php", ".png", ".txt", ".x", ".11", "~.html", "~~",
    "%7E%7e", ".mirror", "_80", "con", "CON", "aux", "nul.", "com1", "COM¹", "lpt9 ", "conin$", "clock$", "index.html",
    "prn.html", "%63", "%2563", "%", "%%", "%2", "%25", "%2525", "%41", "%2541", "%C3", "%25C3", "%00", "%2500", "%7F",
    "%0A", "\t", "\n", "#", "%2F", "%252F", "%2e%2e%2f", "\\", "%5C", ":", "%3A", "|", "%7C", "*", "%2A", '"', "<", ">",
    "%3F", "%23", "%40", "^", "`", "é", "É", "e\u0301", "%C3%A9", "%c3%a9", "%C3%89", "e%CC%81", "E%CC%81", "%C3%A9%FF",
    "%FF", "%E9", "%C0%AF", "\N{OHM SIGN}", "ß", "ss", "ẞ", "\N{LATIN SMALL LETTER LONG S}", "\N{KELVIN SIGN}",
    "\N{LATIN SMALL LIGATURE FI}", "İ", "\N{LATIN SMALL LETTER DOTLESS I}", "i\u0307", "ς",
    "\N{GREEK SMALL LETTER SIGMA}", "Σ", "\u0345", "\N{GREEK SMALL LETTER IOTA}", "\N{MICRO SIGN}", "μ", "ǆ", "ǅ",
    "=\u0338", "≠", "가", "\u1100\u1161", "が", "か\u3099", "\u1fb3", "\N{GREEK SMALL LETTER ALPHA}\u0345", "Ა", "ა",
    "ꭰ", "\N{CHEROKEE LETTER A}", "\u0323\u0307", "❤", "\ufe0f", "\u034f", "\u3164", "\u200d", "\u00ad", "\u202e",
    "\u00a0", "\u2028", "\ufeff", "\ue000", "\U000e0100", "\uffff", "\N{FULLWIDTH COLON}", "\N{FULLWIDTH SOLIDUS}",
    "\N{ONE DOT LEADER}", "\N{MATHEMATICAL BOLD SMALL A}", "\U0001f600", "\ud800",
)
LONG_ATOMS = (
    "x" * 180, "X" * 210, "é" * 90, "É" * 40, "%2F" * 70, "." * 300, "%20" * 250, "ab/" * 300, "~" * 80, "?" * 80,
    "/" * 400,
)
HOSTS = (
    "example.org", "EXAMPLE.org", "example.org.", "example.org_80", "example.org_8443s", "a", "a_8", "a_80", "a_80_80",
    "a..b", "bücher.example", "faß.de", "☃.net", "[::1]", "[1:2::3]", "127.0.0.1", "0x7f.1", "con", "aux.example",
    "com1", "nul.", ".mirror", "..mirror", "index.html", "a*b", "a~b", "a%22b", "a&b", "-a", "_", "_80", "_file", "file",
    "a_file", "_0file", "a_21ftp", "a_21", "a_990ftps", "a_22sftp", "a_22sf", "localhost",
)
LONG_HOST = "h" * 230
PORTS = (
    "", ":80", ":443", ":8000", ":8443", ":0", ":65535", ":21", ":22", ":990",
)
SCHEMES = ("http://", "https://", "ftp://", "ftps://", "sftp://")
TWINS = (
    "", "/", "a", "A", "a/", "A/", "a/b", "a.html", "a.HTML", "A.html", "a.html/", "a.html/b", "a~", "a~.html", "a~b",
    "a~~", "a~~/", "a@", "a@x", "a?x", "a?X", "A?x", "a?", "a/?x", "?x", "?X", "?", "/?x", "index", "Index", "index/",
    "index.html", "INDEX.HTML", "index?x", "index.html?x", "index@x", "index~a", "index~a.html", "index.png",
    "index.html/", "index.webmanifest/", "index.css", "index.", "index.txt", "~a", "@a", "~", "@", "~/", "@/", "~.html",
    "@.html", "~~.html", "@@", "~a/", "~~", "~~/", "%", "%/", "%25", "//", "///", "a.b", "a.b/", "a.b/c", "a.B/",
    "A.b/c", "a.b~~", "a.11", "a.11/", "A.11/", "a.x~b", "a~b.x", "a~b.x/", "a.x?", "a.x?~b", "a.x~", "con", "CON",
    "%63on", "%2563on", "con/", "con.html", "con.", "con ", "con%20", "con%20/x", "c%6Fn", "aux.html", "a.", "a./",
    "a%2E", "a%252E", "a ", "a /", "a%20", "a%20/", "a%2520", " a", "%20a", "%2520a", "a%2Fb", "a%252Fb", "a\\b",
    "a%5Cb", "a%255Cb", "é", "%C3%A9", "e%CC%81", "É", "é.html", "é/", "%C3", "%C3/%A9", "%25C3%25A9", "ÿ", "%FF",
    "a:b", "a%3Ab", "a%253Ab", "%00", "%2500", "❤", "❤\ufe0f", "\N{KELVIN SIGN}", "k", "ß", "ss",
    "\N{LATIN SMALL LETTER LONG S}", "s", "a?/b", "a?%2Fb", "a?@", "a?%40", "x" * 199, "x" * 200, "x" * 201, "X" * 200,
    "x" * 300, "x" * 300 + "/", "x" * 299 + "X", "x" * 300 + ".html", "x" * 300 + "?x", "." * 300, "." * 301,
    "." * 300 + "/", "d/" * 500, "d/" * 500 + "e", "D/" * 500, "d/" * 499 + "D/", "d/" * 500 + "?x",
    "~~" + "a" * 24 + "/", "~~" + "a" * 24, "x~~" + "a" * 24,
)
# fmt: on


NO_NAME = re.compile("%(00|0A|0D|2F)", re.IGNORECASE)


def local_path(url: CanonicalURL, media_type: str) -> LocalPath:
    return PORTABLE.path(url, media_type, crowded=True)


def urls_of(atoms: tuple[str, ...], hosts: tuple[str, ...] = HOSTS) -> st.SearchStrategy[CanonicalURL]:
    """Canonical URLs whose segments and queries are composed of the atoms."""
    segment = st.lists(st.sampled_from(atoms), max_size=3).map("".join)
    query = st.lists(st.sampled_from((*atoms, "/", "?", "@")), max_size=4).map(lambda found: "?" + "".join(found))
    origins = st.tuples(st.sampled_from(SCHEMES), st.sampled_from(hosts), st.sampled_from(PORTS)).map("".join)
    parts = st.tuples(
        origins | st.just("file://"),
        st.just("/"),
        st.lists(segment, max_size=4).map("/".join),
        st.just("") | query,
    )
    return parts.map("".join).map(_canonical)


def _canonical(text: str) -> CanonicalURL:
    """Escapes that no file name may contain are escaped once more in the URLs of files."""
    text = text.translate(dict.fromkeys(map(ord, "\t\n")))
    return canonical(text if text.startswith("http") else NO_NAME.sub(r"%25\1", text))


SHORT_URLS = urls_of(ATOMS)
URLS = urls_of(ATOMS + LONG_ATOMS, (*HOSTS, LONG_HOST))
FAMILIES = st.lists(st.sampled_from(ATOMS + LONG_ATOMS), min_size=1, max_size=4).flatmap(
    lambda atoms: st.lists(urls_of(tuple(atoms), ("example.org",)), min_size=2, max_size=8, unique=True)
)
"""Sets of URLs that are composed of the same few pieces."""

# --- file systems that treat different names as equal ---------------------------------------------------------------

IGNORABLE = re.compile(
    "[\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)


def nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def nfd(text: str) -> str:
    return unicodedata.normalize("NFD", text)


FOLDS: dict[str, Callable[[str], str]] = {
    "exact": str,
    "apfs": lambda path: nfd(nfd(path).casefold()),
    "upper": lambda path: nfc(path).upper(),
    "ntfs": lambda path: "".join(c.upper() if len(c.upper()) == 1 else c for c in path),
    "ext4": lambda path: nfd(nfd(IGNORABLE.sub("", path)).casefold()),
}
every_fold = pytest.mark.parametrize("fold", FOLDS.values(), ids=FOLDS)


# --- the inverse of the law -----------------------------------------------------------------------------------------


def read_back(path: str) -> str:
    """Return the URL of a path without digests, even of one that lost its case. So no two URLs have the same path."""
    host, *folders, leaf = nfc(path.casefold()).split("/")
    return "/".join([_origin(host), *map(_segment, folders), _last(leaf)])


def _origin(folder: str) -> str:
    match = re.fullmatch(r"(.*?)(?:_(\d+)(s|ftps?|sftp)?|(?<!.)_(file))?", folder)
    assert match
    host, port, mark, file = match.groups()
    scheme = file or ({None: "http", "s": "https"}.get(mark, mark) if port else "https")
    assert (host == "") == bool(file)
    return f"{scheme}://{unquote(host)}" + (f":{port}" if port and port != str(DEFAULT_PORTS[scheme]) else "")


def _segment(folder: str) -> str:
    match = re.fullmatch(r"(.[^~]*)(?:~([a-z]+))?(?:~~)?", folder)
    assert match
    return "" if folder == "%" else _url_text(match[1], _bits(match[2] or ""))


def _last(leaf: str) -> str:
    match = re.fullmatch(r"(.[^~]*?)(?:~([a-z]+))?(?:~(?:\.[a-z0-9]+)?|(\.[a-z0-9]+))", leaf)
    assert match
    text, code, own_extension = match[1], match[2] or "", match[3] or ""
    mark = text.find("@", 1) if "@" in text[1:] else len(text)
    bits = _bits(code.removeprefix("a"))
    segment = _url_text(text[:mark] + own_extension, bits)
    query = _url_text(text[mark + 1 :], bits)
    is_folder = text[:mark] == "index" and not code.startswith("a")
    return ("" if is_folder else segment) + (f"?{query}" if mark < len(text) else "")


def _bits(digits: str) -> Iterator[bool]:
    number = 0
    for digit in digits:
        number = number * 26 + ord(digit) - ord("a")
    while True:
        number, bit = divmod(number, 2)
        yield bool(bit)


def _url_text(text: str, capitals: Iterator[bool]) -> str:
    return "".join(_url_piece(piece, capitals) for piece in re.findall(r"%25[0-9a-f]{2}|%[0-9a-f]{2}|.", text))


def _url_piece(piece: str, capitals: Iterator[bool]) -> str:
    if piece.startswith("%25"):
        return "%" + piece[3:].upper()
    character = chr(int(piece[1:], 16)) if piece.startswith("%") else piece
    if character.isascii() and character.isalpha():
        return character.upper() if next(capitals) else character
    if piece.startswith("%"):
        return character if "!" <= character <= "~" and character not in "!$&'()+,;=[]{}" else piece.upper()
    return quote(piece) if piece == " " or not piece.isascii() else piece


# --- examples -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "media_type", "path"),
    [
        ("https://e.org", "text/html", "e.org/index.html"),
        ("https://e.org/?", "text/html", "e.org/index@~.html"),
        ("https://e.org/index", "text/html", "e.org/index~a~.html"),
        ("https://e.org/INDEX.HTML", "text/html", "e.org/INDEX~atr.HTML"),
        ("https://e.org/a.html", "image/png", "e.org/a.html~.png"),
        ("https://e.org/a.php", "text/html", "e.org/a.php~.html"),
        ("https://e.org/a.html", "x/unheard-of", "e.org/a.html~"),  # no browser opens it as HTML
        ("https://e.org/a.html?b", "x/unheard-of", "e.org/a.html@b~"),
        ("https://e.org/a.7z?b", "x/unheard-of", "e.org/a.7z@b~.7z"),
        ("https://e.org/a.html", "text/plain", "e.org/a.html~.txt"),
        ("https://e.org/", "image/png", "e.org/index.png"),
        ("https://e.org/", "x/unheard-of", "e.org/index~"),
        ("https://e.org//a//", "text/html", "e.org/%/a/%/index.html"),
        ("https://e.org/~guido/@home", "text/html", "e.org/~guido/@home~.html"),
        ("https://e.org/a~b@c", "text/html", "e.org/a%7Eb%40c~.html"),
        ("https://e.org/a?b=c/d&e:f", "text/html", "e.org/a@b=c%2Fd&e%3Af~.html"),
        ("https://e.org/é/É", "text/html", "e.org/é/%C3%89~.html"),
        ("https://e.org/e%CC%81", "text/html", "e.org/e%CC%81~.html"),
        ("https://e.org/ß/\N{LATIN SMALL LETTER DOTLESS I}", "text/html", "e.org/%C3%9F/%C4%B1~.html"),
        ("https://e.org/ꭰ/\N{CHEROKEE LETTER A}", "text/html", "e.org/%EA%AD%B0/%E1%8E%A0~.html"),
        ("https://e.org/豈\uf900", "text/html", "e.org/豈%EF%A4%80~.html"),
        ("https://e.org/❤\ufe0f", "text/html", "e.org/❤%EF%B8%8F~.html"),
        ("https://e.org/%2e%2e%2f/%2F", "text/html", "e.org/..%252F/%252F~.html"),
        ("https://e.org/a b/ c ", "text/html", "e.org/a b/%20c~.html"),
        ("https://e.org/a%20/b%20", "text/html", "e.org/a%20/b ~.html"),
        ("https://e.org/.../a", "text/html", "e.org/..%2E/a~.html"),
        ("https://e.org/con/AUX.html", "text/html", "e.org/%63on/%41UX~h.html"),
        ("https://e.org/a\\b", "text/html", "e.org/a/b~.html"),
        ("https://e.org/a%5Cb", "text/html", "e.org/a%255Cb~.html"),
        ("https://e.org/%00", "text/html", "e.org/%00~.html"),
        ("https://e.org/%2500", "text/html", "e.org/%252500~.html"),
        ("https://bücher.example/", "text/html", "xn--bcher-kva.example/index.html"),
        ("http://[::1]:8080/", "text/html", "[%3A%3A1]_8080/index.html"),
        ("https://a_80/", "text/html", "a%5F80/index.html"),
        ("http://a/", "text/html", "a_80/index.html"),
        ("https://.mirror/", "text/html", "%2Emirror/index.html"),
        ("https://index.html/", "text/html", "%69ndex.html/index.html"),
        ("https://e.org./", "text/html", "e.org%2E/index.html"),
        ("ftp://e.org:2121/A%3Fb", "text/plain", "e.org_2121ftp/A%253Fb~b~.txt"),
        ("ftp://e.org/%2Fetc/", "text/html", "e.org_21ftp/%252Fetc/index.html"),
        ("ftps://e.org/a.tar.gz", "application/gzip", "e.org_990ftps/a.tar.gz"),
        ("sftp://[::1]/~guido/x", "x/unheard-of", "[%3A%3A1]_22sftp/~guido/x~"),
        ("file:///", "text/html", "_file/index.html"),
        ("file:///srv/www/index.html", "text/html", "_file/srv/www/index~a.html"),
        ("file:///C:/www/", "text/html", "_file/C%3A~b/www/index.html"),
        ("https://_file/", "text/html", "%5Ffile/index.html"),
        ("https://a_file/", "text/html", "a_file/index.html"),
        ("https://a_21ftp/", "text/html", "a%5F21ftp/index.html"),
        ("http://localhost/srv/", "text/html", "localhost_80/srv/index.html"),
    ],
)
def test_example(url: str, media_type: str, path: str) -> None:
    assert local_path(canonical(url), media_type) == path


@pytest.mark.parametrize(
    ("url", "pattern"),
    [
        ("https://e.org/" + "x" * 300, rf"e\.org/x{{168}}~~{DIGEST}~\.html"),
        ("https://e.org/" + "x" * 300 + ".html", rf"e\.org/x{{168}}~~{DIGEST}~\.html"),
        ("https://e.org/" + "x" * 300 + "/", rf"e\.org/x{{174}}~~{DIGEST}/index\.html"),
        ("https://e.org/" + "é" * 150, rf"e\.org/é{{84}}~~{DIGEST}~\.html"),
        ("https://e.org/" + "." * 300, rf"e\.org/~~{DIGEST}~\.html"),
        ("https://e.org/" + "d/" * 500, rf"e\.org/~~{DIGEST}/index\.html"),
        ("https://" + "h" * 230 + "/", rf"h{{174}}~~{DIGEST}/index\.html"),
        ("https://e.org/" + "x" * 194, r"e\.org/x{194}~\.html"),
        ("https://e.org/" + "x" * 195, rf"e\.org/x{{168}}~~{DIGEST}~\.html"),
    ],
)
def test_what_is_too_long_ends_in_a_digest(url: str, pattern: str) -> None:
    assert re.fullmatch(pattern, local_path(canonical(url), "text/html"))


# --- distinct URLs, distinct paths ----------------------------------------------------------------------------------


@LAW
@given(url=SHORT_URLS, media_type=ANY_TYPE)
def test_a_path_tells_its_url(url: CanonicalURL, media_type: str) -> None:
    path = local_path(url, media_type)
    assert {name: read_back(fold(path)) for name, fold in FOLDS.items()} == dict.fromkeys(FOLDS, url)


@pytest.mark.parametrize("media_type", MEDIA_TYPES)
def test_the_path_of_a_twin_tells_its_url(media_type: str) -> None:
    for url in (canonical(f"https://example.org/{twin}") for twin in TWINS if len(twin) < 150):
        assert {read_back(fold(local_path(url, media_type))) for fold in FOLDS.values()} == {url}


def test_every_character_has_a_name_of_its_own() -> None:
    """Each character after a letter, with which some combine. Of scripts with thousands of characters, only some."""
    characters = [chr(code) for code in range(0x80, 0x110000) if not 0xD800 <= code < 0xE000]
    some = [c for c in characters if ord(c) % 100 == 0 or unicodedata.category(c) not in {"Cn", "Co", "Lo"}]
    names = [local_path(CanonicalURL(f"https://e.org/o{quote(c)}"), "text/html") for c in some]
    for fold in FOLDS.values():
        assert len(set(map(fold, names))) == len(some)


@every_fold
def test_twins_live_side_by_side(fold: Callable[[str], str]) -> None:
    urls = {_canonical(f"{origin}/{twin}") for twin in TWINS for origin in ("https://example.org", "file://")}
    assert_side_by_side(urls, MEDIA_TYPES, fold)


@every_fold
def test_hosts_live_side_by_side(fold: Callable[[str], str]) -> None:
    hosts = (*HOSTS, LONG_HOST, LONG_HOST + "h", "h" * 200, "h" * 201)
    urls = {canonical("".join(parts)) for parts in product(SCHEMES, hosts, PORTS)} | {canonical("file:///")}
    folders = {fold(local_path(url, "text/html")).partition("/")[0] for url in urls}
    assert len(folders) == len(urls)


@LAW
@given(urls=FAMILIES, media_types=st.lists(ANY_TYPE, min_size=1, max_size=3))
def test_families_live_side_by_side(urls: list[CanonicalURL], media_types: list[str]) -> None:
    for fold in FOLDS.values():
        assert_side_by_side(urls, media_types, fold)


def assert_side_by_side(urls: Iterable[CanonicalURL], media_types: Iterable[str], fold: Callable[[str], str]) -> None:
    """No two URLs have one path, and no file stands where another needs a folder, regardless of media types."""
    owners: dict[str, CanonicalURL] = {}
    for url, media_type in product(urls, media_types):
        assert owners.setdefault(fold(local_path(url, media_type)), url) == url
    for path in owners:
        names = path.split("/")
        assert not any("/".join(names[:depth]) in owners for depth in range(1, len(names)))


# --- the form of a path ---------------------------------------------------------------------------------------------

FILE_NAME = re.compile(r".[^~]*(~[a-z]+)?(~(\.[A-Za-z0-9]+)?|\.(?=[0-9]*[A-Za-z])[A-Za-z0-9]{1,12})")
CUT_FILE_NAME = re.compile(rf".*~~{DIGEST}~(\.[A-Za-z0-9]+)?")
DEVICES = {"con", "prn", "aux", "nul", "conin$", "conout$", "clock$"} | {
    port + number for port in ("com", "lpt") for number in "0123456789¹²³"
}


def is_file_name(name: str) -> bool:
    return bool(FILE_NAME.fullmatch(name) or CUT_FILE_NAME.fullmatch(name))


@LAW
@given(url=URLS, media_type=ANY_TYPE)
def test_only_the_last_name_is_one_of_a_file(url: CanonicalURL, media_type: str) -> None:
    _, *folders, leaf = local_path(url, media_type).split("/")
    assert is_file_name(leaf)
    assert not any(map(is_file_name, folders))


@LAW
@given(url=URLS, media_type=ANY_TYPE)
def test_names_are_legal_everywhere(url: CanonicalURL, media_type: str) -> None:
    path = local_path(url, media_type)
    names = path.split("/")
    assert len(names) > 1
    assert names[0] != "index.html"
    assert not names[0].startswith(".")
    assert unicodedata.is_normalized("NFC", path)
    for name in names:
        assert name not in {"", ".", ".."}
        assert not re.search(r'[\x00-\x1f\x7f-\x9f<>:"/\\|?*\ud800-\udfff]', name)
        assert name[0] != " "
        assert name[-1] not in " ."
        assert name.partition(".")[0].rstrip(" ").lower() not in DEVICES
        assert len(name.encode()) <= MAX_NAME


@LAW
@given(url=URLS, media_type=ANY_TYPE)
def test_paths_are_short_enough(url: CanonicalURL, media_type: str) -> None:
    path = local_path(url, media_type)
    is_cut = re.fullmatch(rf"[^/]+/~~{DIGEST}/[^/]+", path)
    assert len(path.encode()) <= (CUT_PATH_BYTES if is_cut else MAX_PATH)


@LAW
@given(url=URLS, media_type=ANY_TYPE)
def test_the_extension_fits_the_media_type(url: CanonicalURL, media_type: str) -> None:
    name = local_path(url, media_type).rpartition("/")[2]
    ext = name.rpartition(".")[2].lower() if "." in name else ""
    if media_type in media_types.EXTENSIONS:
        assert ext in media_types.EXTENSIONS[media_type]
    elif media_type != media_types.UNKNOWN:
        assert media_types.EXTENSION_TYPES.get(ext) not in media_types.DOCUMENTS


# --- from file to file ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "origin", "reference"),
    [
        ("e.org/a.html", "e.org/b.html", "a.html"),
        ("e.org/a.html", "e.org/a.html", "a.html"),
        ("e.org/a/b.html", "e.org/c.html", "a/b.html"),
        ("e.org/c.html", "e.org/a/b.html", "../c.html"),
        ("e.org/a/b.html", "e.org/a/c/d.html", "../b.html"),
        ("cdn.org/a.css", "e.org/a/b.html", "../../cdn.org/a.css"),
        ("e.org/b.css@v=2~.css", "e.org/index.html", "b.css@v%3D2~.css"),  # unquoted attributes hold no equals sign
        ("e.org/a b/é%2F~.html", "e.org/index.html", "a%20b/%C3%A9%252F~.html"),
        ("e.org/(a,'b');[c]{d}&$.js", "e.org/index.html", "%28a%2C%27b%27%29%3B%5Bc%5D%7Bd%7D%26%24.js"),
        ("e.org/%/index.html", "e.org/%/%/index.html", "../index.html"),
    ],
)
def test_href(target: str, origin: str, reference: str) -> None:
    assert href(LocalPath(target), LocalPath(origin)) == reference


@LAW
@given(urls=FAMILIES, media_type=ANY_TYPE)
def test_href_leads_from_file_to_file(urls: list[CanonicalURL], media_type: str) -> None:
    """References resolve as in browsers (Ada) and by RFC 3986 (urllib), then are decoded once for the file system."""
    for target, origin in pairwise(
        local_path(url, media_type) for url in (*urls, canonical("https://e.org:1/@/~"), *urls)
    ):
        base, reference = f"file:///C:/root/{quote(origin)}", href(target, origin)
        for joined in (ada_url.join_url(base, reference), urljoin(base, reference)):
            assert urlsplit(joined)._replace(path="") == ("file", "", "", "", "")
            assert unquote(urlsplit(joined).path) == f"/C:/root/{target}"


@LAW
@given(target=URLS, media_type=ANY_TYPE)
def test_href_is_safe_in_every_quoting(target: CanonicalURL, media_type: str) -> None:
    """There is no character that ends or changes an unquoted attribute, a CSS `url()`, a srcset or a JSON string."""
    reference = href(local_path(target, media_type), LocalPath("example.org/a/index.html"))
    assert re.fullmatch(r"[A-Za-z0-9\-._~@!+%/]+", reference)
    assert not reference.startswith("/")
    assert "//" not in reference
