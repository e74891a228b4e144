"""Fingerprints of pages: the words that a page has of its own, and the sketch of its elements."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirror.core.policy.page_fingerprint import are_similar, own_words, sketch, visible_words

HOST = "http://example.org"


@pytest.mark.parametrize(
    ("html", "said"),
    [
        ("<title>Page 7</title><script>var x = 1</script><p class=y>Fish", ["fish"]),
        ("at 12:30:01, in 0.0312 s, by 7c9e6679f0a1b2c3", ["at", "in", "s", "by"]),
        ("Seite 16 17 18 7000", ["seite", "18", "7000"]),
        ("no page of that name", ["no", "of", "that", "name"]),
        ("<!-- a --> b <style>c</style> &amp;", ["b", "amp"]),
    ],
)
def test_own_words(html: str, said: list[str]) -> None:
    assert own_words(visible_words(html), [HOST + "/list?page=7"]) == said


def test_words_of_links_are_not_its_own() -> None:
    assert own_words(visible_words("next: gavo, 2026"), [HOST + "/a", HOST + "/a/gavo"], numbers=False) == ["next"]


@given(st.text())
def test_any_text_has_a_fingerprint(text: str) -> None:
    assert isinstance(own_words(visible_words(text), [HOST + "/a?b=1"]), list)
    assert are_similar(sketch(text), sketch(text)) == bool(sketch(text))


def test_pages_with_the_same_elements_are_similar() -> None:
    one = sketch('<html><div class="a b"><p>1<a class=x>' + "".join(f"<i class=c{n}>" for n in range(20)))
    other = sketch('<html><div class="a b"><p>2<p>3<a class=x>' + "".join(f"<i class=c{n}>" for n in range(20)))
    assert are_similar(one, other)
    assert not are_similar(one, sketch("<html><section><h1>Not found"))
