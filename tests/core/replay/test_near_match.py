"""Near matches: which stored URL answers a request, and by which rules."""

import pytest

from mirror.core.replay.near_match import NearMatch, beginning, near_match, with_callback
from mirror.core.url.canonical import CanonicalURL

AT = "http://h/a"


def matched(asked: str, *stored: str) -> tuple[str, tuple[str, ...]] | None:
    found = near_match(CanonicalURL(AT + asked), [CanonicalURL(AT + one) for one in stored])
    return (found.url.removeprefix(AT), found.rules) if found else None


@pytest.mark.parametrize(
    ("asked", "stored", "rules"),
    [
        ("?_=1795514400123", "?_=1795514400000", ("time _",)),
        ("?ts=1795514400", "?ts=1764230400", ("time ts",)),
        ("?1795514400123", "?1764230400000", ("time",)),
        ("?x=1&_=1795514400123", "?x=1", ("time _",)),
        ("", "?_=1795514400123", ("time _",)),
        ("?0.83945712345", "?0.1234567", ("random",)),
        ("?rnd=17&x=1", "?rnd=4&x=1", ("random rnd",)),
        ("?nocache=abc", "?nocache=def", ("random nocache",)),
        (
            "?id=6aad21f4-54ac-4127-86ec-5545fb3f0f80",
            "?id=00000000-54ac-4127-86ec-5545fb3f0f80",
            ("random id",),
        ),
        ("?callback=f2", "?callback=f1", ("callback callback",)),
        (
            "?callback=jQuery36_17&_=1795514400123",
            "?callback=jQuery35_4&_=1795514400000",
            ("callback callback", "time _"),
        ),
        # these make another resource
        ("?page=2", "?page=1", None),
        ("?t=120", "?t=240", None),
        ("?x=1", "?x=2&_=1795514400123", None),
        ("?a=1&b=2", "?b=2&a=1", None),
        ("?callback=f1", "", None),
        ("?callback=alert(1)", "?callback=f", None),
        ("?id=12345678", "?id=87654321", None),
        ("?v=6aad21f4", "?v=7bad21f4", None),
        ("?id=1512345678", "?id=1598765432", None),
        ("?postId=1512345678", "?postId=1598765432", None),
    ],
)
def test_which_parameters_may_differ(asked: str, stored: str, rules: tuple[str, ...] | None) -> None:
    assert matched(asked, stored) == (None if rules is None else (stored, rules))
    found = beginning(CanonicalURL(AT + asked))
    assert rules is None or f"{AT}{stored}".startswith((found, found.rstrip("?")))


def test_of_several_the_one_with_the_fewest_differences_answers() -> None:
    stored = ("?callback=f1&_=1795514400000", "?callback=f2&_=1795514400000", "?callback=f3&_=1795514400123")
    assert matched("?callback=f2&_=1795514400123", *stored) == ("?callback=f2&_=1795514400000", ("time _",))


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (
            b'/**/ typeof f.a === "function" && f.a({"f.a": "f.ab"});',
            b'/**/ typeof g === "function" && g({"g": "f.ab"});',
        ),
        (b"xf.a(1)", b"xf.a(1)"),
        (b" " * 300 + b"f.a(1)", b" " * 300 + b"f.a(1)"),
    ],
)
def test_an_answer_calls_the_function_that_was_requested(payload: bytes, expected: bytes) -> None:
    assert with_callback(payload, NearMatch(CanonicalURL(AT), (), (("f.a", "g"),))) == expected
