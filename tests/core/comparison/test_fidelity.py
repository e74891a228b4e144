"""Fidelity: the law, criterion by criterion, and which pages are compared."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirror.core.comparison.fidelity import Aspect, PageComparison, Result, Sight, error_message, is_below, sampled

URL = "http://example.org/a"
PLACE = "http://example-org---http---s1.localhost:8000/a"
ORIGINAL = Sight(lines=("Title", "one", "two"), failed=("http://example.org/gone.png",), errors=("Error: x",))


def compared(copy: Sight, *originals: Sight, pixels: float = 0.0, allowed: float = 0.0) -> PageComparison:
    return PageComparison(URL, PLACE, originals or (ORIGINAL,), copy, pixels, allowed)


LINES = ORIGINAL.lines


@pytest.mark.parametrize(
    ("copy", "wrong"),
    [
        (ORIGINAL, []),
        (Sight(lines=LINES), []),
        (Sight("404 Not Found"), list(Aspect)),
        (Sight(lines=LINES, failed=("http://other.localhost:8000/x/gone.png?v=2",)), []),
        (Sight(lines=LINES, left=("http://example.org/gone.png",)), []),
        (Sight(lines=LINES, failed=("file:///srv/app.js",)), [Aspect.COMPLETE]),
        (Sight(lines=LINES, left=("http://example.org/app.js",)), [Aspect.COMPLETE]),
        (Sight(lines=LINES, errors=("Error: x\n at http://a.example/1.js",)), []),
        (Sight(lines=LINES, errors=("Error: x", "Error: x")), [Aspect.QUIET]),
        (Sight(lines=LINES, errors=("Error: y",)), [Aspect.QUIET]),
        (Sight(lines=("Title", "one")), [Aspect.TEXT]),
    ],
)
def test_the_law(copy: Sight, wrong: list[Aspect]) -> None:
    assert compared(copy).wrong == wrong


def test_pixels_that_are_allowed_may_differ() -> None:
    assert compared(ORIGINAL, pixels=0.01).wrong == [Aspect.PICTURE]
    assert compared(ORIGINAL, pixels=0.01, allowed=0.01).wrong == []


@pytest.mark.parametrize(
    ("first", "again", "copy", "same"),
    [
        ("a 1", "a 2", "a 0", True),
        ("a 1", "a 2", "b 0", False),
        ("a 1", "a 2", "a 0 0", False),
        ("a 1", "a 1", "a 0", False),
        ("a", "a 2", "a 2", True),
    ],
)
def test_lines_that_differ_between_visits_are_ignored(first: str, again: str, copy: str, same: bool) -> None:
    sights = [Sight(lines=tuple(text.split())) for text in (copy, first, again)]
    assert compared(*sights).has_same_text is same


def test_what_fails_in_one_visit_of_the_original_may_fail() -> None:
    copy = Sight(lines=LINES, failed=("file:///x/now.js",), errors=("Error: now",))
    again = Sight(lines=LINES, failed=("http://example.org/now.js",), errors=("Error: now",))
    assert compared(copy).wrong == [Aspect.COMPLETE, Aspect.QUIET]
    assert compared(copy, ORIGINAL, again).wrong == []


def test_error_messages_contain_no_url() -> None:
    said = "Failed to fetch dynamically imported module: {}/assets/a.js"
    assert error_message(said.format("https://example.org")) == error_message(said.format("file:///srv/copy"))
    assert error_message("no such place: http://[x/a.js") == "no such place: a.js"


def test_pages_without_an_original_do_not_count() -> None:
    gone = compared(Sight(), Sight("410 Gone"))
    result = Result(URL, "copy", "replay", 1.0, (gone, compared(ORIGINAL)))
    assert (result.matching, len(result.judged), result.is_good) == (1, 1, True)
    assert not Result(URL, "copy", "replay", 0.0, (gone,)).is_good


def test_enough_pages_have_to_match() -> None:
    pages = (compared(ORIGINAL), compared(Sight()))
    assert [Result(URL, "copy", "file", share, pages).is_good for share in (0.5, 0.51)] == [True, False]


@pytest.mark.parametrize(
    ("url", "start", "below"),
    [
        ("http://example.org/docs/b", "http://example.org/docs/", True),
        ("http://example.org/docs/b", "http://example.org/docs/a?x=/y/", True),
        ("http://example.org/docs", "http://example.org/docs/", False),
        ("http://example.org.evil.example/", "http://example.org/", False),
        ("https://example.org/", "http://example.org/", False),
    ],
)
def test_pages_below_the_start_are_compared(url: str, start: str, below: bool) -> None:
    assert is_below(url, start) is below


@given(st.lists(st.text(), unique=True), st.integers(0, 50))
def test_a_sample_keeps_the_order(urls: list[str], most: int) -> None:
    taken = sampled(urls, most)
    assert len(taken) == (min(most, len(urls)) if most else len(urls))
    assert taken == sorted(taken, key=urls.index)
    assert len(set(taken)) == len(taken)
