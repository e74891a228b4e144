"""Starts without a scheme."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirror.core.url.schemeless import spellings


@pytest.mark.parametrize(
    ("word", "schemes"),
    [
        ("example.org", ("https", "http")),
        ("example.org/", ("https", "http")),
        ("EXAMPLE.org/docs?a=b:c@d", ("https", "http")),
        ("example.org.", ("https", "http")),
        ("bücher.example#top", ("https", "http")),
        ("example.org:443/x", ("https",)),
        ("example.org:80", ("http",)),
        ("example.org:8443/x", ("http",)),
        ("intranet:8000", ("http",)),
        ("localhost", ("http",)),
        ("Localhost:8000/a/b", ("http",)),
        ("site.localhost", ("http",)),
        ("printer.local/", ("http",)),
        ("nas.home.arpa", ("http",)),
        ("127.0.0.1", ("http",)),
        ("93.184.215.14/x", ("http",)),
        ("[::1]", ("http",)),
        ("[2001:db8::1]:8000/x", ("http",)),
        ("[::1]:443", ("https",)),
        ("", ()),
        (".", ()),
        ("snapshots", ()),
        ("intranet/", ()),
        ("http://example.org/", ()),
        ("http:example.org", ()),
        ("file:///home", ()),
        ("//example.org/", ()),
        ("/home/index.html", ()),
        ("mailto:guido@example.org", ()),
        ("guido:spam@example.org", ()),
        ("guido@example.org", ()),
        ("C:\\index.html", ()),
        ("example.org:port", ()),
    ],
)
def test_what_a_word_can_mean(word: str, schemes: tuple[str, ...]) -> None:
    assert spellings(word) == tuple(f"{scheme}://{word}" for scheme in schemes)


@given(st.text(alphabet="ab.:/@[]1?#\\ \n-", max_size=12))
def test_nothing_is_changed_but_for_the_scheme(word: str) -> None:
    for url in spellings(word):
        assert url.partition("://")[0] in {"http", "https"}
        assert url.partition("://")[2] == word
        assert not spellings(url)  # a URL with a scheme is left alone
