"""The law of local paths: its examples, by both kinds of names, and what holds for both."""

import re

import pytest

from mirror.core.url import local_paths, media_types
from mirror.core.url.canonical import canonical
from mirror.core.url.local_paths import EXACT, PORTABLE, Law, Names, as_local_path, read_law

_EXACT, _PORTABLE = (local_paths.__doc__ or "").split("portable   For", 1)
EXAMPLES = re.compile(r"^    ([a-z]+://\S*) +(\S+) +(\S+)( +exact, crowded| +portable, crowded|)", re.MULTILINE)
_ROWS = [(law, *row) for law, text in ((EXACT, _EXACT), (PORTABLE, _PORTABLE)) for row in EXAMPLES.findall(text)]


def test_docstring_has_its_examples() -> None:
    assert len(_ROWS) == 45


@pytest.mark.parametrize(("law", "url", "media_type", "path", "note"), _ROWS)
def test_docstring_is_right(law: Law, url: str, media_type: str, path: str, note: str) -> None:
    crowded = bool(note)
    law = Law(Names(note.strip().partition(",")[0])) if crowded else law
    assert canonical(url) == url
    assert law.path(canonical(url), media_type.replace("octet-stream", media_types.UNKNOWN), crowded=crowded) == path


@pytest.mark.parametrize(
    ("url", "bare", "folder"),
    [
        ("http://intranet/", "http", "intranet"),
        ("https://intranet/", "http", "intranet_443s"),
        ("http://intranet:8000/", "http", "intranet_8000"),
        ("http://intranet:443/", "http", "intranet_443"),
        ("https://intranet:80/", "http", "intranet_80s"),
        ("http://intranet_443s/", "http", "intranet%5F443s"),
        ("http://intranet/", "https", "intranet_80"),
        ("https://intranet/", "https", "intranet"),
        ("ftp://intranet/", "http", "intranet_21ftp"),
        ("file:///srv/", "http", "_file/srv"),
    ],
)
@pytest.mark.parametrize("names", Names)
def test_the_scheme_of_the_starts_is_the_bare_one(url: str, bare: str, folder: str, names: Names) -> None:
    assert Law(names, bare).path(canonical(url), "text/html") == f"{folder}/index.html"


@pytest.mark.parametrize("law", [Law(names, bare) for names in Names for bare in ("http", "https")])
def test_a_law_is_read_back(law: Law) -> None:
    assert read_law(str(law)) == law


@pytest.mark.parametrize(
    "text", ["", "exact", "exact https", "exact https 1", "fancy https 2", "exact ftp 2", "exact https 2 x"]
)
def test_another_law_is_none(text: str) -> None:
    assert read_law(text) is None


@pytest.mark.parametrize(
    ("text", "is_safe"),
    [
        ("e.org/File:A", True),
        ("e.org/a?b", True),
        ("e.org/a\\b", False),
        ("e.org/a\0b", False),
        ("e.org/../a", False),
        ("/a", False),
        (".mirror/lock", False),
        ("index.html", False),
        ("INDEX.html", False),
        ("e.org/" + "x" * 4096, False),
    ],
)
def test_a_stored_path_has_to_be_safe(text: str, is_safe: bool) -> None:
    assert (as_local_path(text) == text) is is_safe
