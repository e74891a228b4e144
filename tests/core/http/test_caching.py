"""Freshness: conditional requests, what a 304 renews, how long an answer stays fresh."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mirror.core.http.byte_ranges import strong_validator
from mirror.core.http.caching import (
    MAX_LIFETIME,
    MAX_TAG,
    NOT_RENEWED,
    InvalidDurationError,
    conditions,
    duration,
    http_date,
    lifetime,
    renewed,
)

LAW = settings(max_examples=200)

DATE = "Sun, 06 Nov 1994 08:49:37 GMT"
LATER = "Sun, 06 Nov 1994 09:49:37 GMT"

NAMES = st.sampled_from(
    ("A", "a", "B", "ETag", "etag", "Age", "Connection", "content-LENGTH", "Keep-Alive", "Last-Modified")
)
VALUES = st.sampled_from(("", "x", "B", "a, b", '"x"', DATE, "close")) | st.text()
HEADERS = st.lists(st.tuples(NAMES, VALUES))


@pytest.mark.parametrize(("length", "sent"), [(MAX_TAG, True), (MAX_TAG + 1, False)])
def test_a_long_tag_is_not_sent_back(length: int, *, sent: bool) -> None:
    """The server might refuse the header."""
    headers = [("ETag", f'"{"x" * (length - 2)}"')]
    assert bool(conditions(headers)) == sent
    assert bool(strong_validator(headers)) == sent


# --- conditions -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tag", "sent"),
    [
        ('"abc"', True),
        ('W/"abc"', True),
        ('""', True),
        ('"a!#~"', True),
        ('"a,b"', True),
        ('"caf\xe9"', True),
        (' "abc"\t', True),
        ("abc-123", True),  # not a valid entity-tag, but the server reads what it writes
        ("W/abc", True),
        ("", False),
        ("*", False),
        ('"abc', False),
        ('abc"', False),
        ('"a"b"', False),
        ('"a b"', False),
        ('w/"abc"', False),
        ('"a", "b"', False),
        ("a,b", False),
        ("a b", False),
        ('"a\r\nX: y"', False),
        ('"a"\n', False),
        ('"a\0"', False),
        ('"a\x7f"', False),
        ('"a\x85"', False),
        ('"a\u2028"', False),
        ("caf\xe9", False),
    ],
)
def test_entity_tag(tag: str, sent: bool) -> None:
    assert conditions([("eTag", tag)]) == ([("If-None-Match", tag.strip(" \t"))] if sent else [])


@pytest.mark.parametrize(
    ("date", "sent"),
    [
        (DATE, True),
        ("Sunday, 06-Nov-94 08:49:37 GMT", True),
        ("Sun Nov  6 08:49:37 1994", True),
        (f" {DATE} ", True),
        ("", False),
        ("0", False),
        ("Sun, 06 Nov 1994 08:49:37", False),
        ("Sun, 06 Nov 1994 08:49:37 +0200", False),
        ("Sun, 31 Nov 1994 08:49:37 GMT", False),
        ("Sun, 06 Nov 1994 25:49:37 GMT", False),
        ("1994-11-06T08:49:37Z", False),
        (f"{DATE}\r\nX: y", False),
        (f"{DATE}\n", False),
        ("Sun,\t06 Nov 1994 08:49:37 GMT", False),
        ("Sun, ٠٦ Nov 1994 08:49:37 GMT", False),
    ],
)
def test_date(date: str, sent: bool) -> None:
    assert conditions([("last-modified", date)]) == ([("If-Modified-Since", date.strip(" \t"))] if sent else [])


def test_both_validators_are_sent_and_of_each_the_first() -> None:
    headers = [("Last-Modified", DATE), ("ETag", '"a"'), ("etag", '"b"'), ("last-modified", LATER)]
    assert conditions(headers) == [("If-None-Match", '"a"'), ("If-Modified-Since", DATE)]


@LAW
@given(HEADERS | st.lists(st.tuples(st.sampled_from(("ETag", "Last-Modified")), st.text())))
def test_no_condition_has_a_control_character(headers: list[tuple[str, str]]) -> None:
    for name, value in conditions(headers):
        assert (name + value).isprintable()
        assert value.encode("latin-1")


# --- renewal --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stored", "answer", "result"),
    [
        ([], [], []),
        ([("A", "1")], [], [("A", "1")]),
        ([("A", "1"), ("B", "2")], [("a", "3")], [("a", "3"), ("B", "2")]),
        ([("A", "1"), ("B", "2"), ("A", "3")], [("A", "4")], [("A", "4"), ("B", "2")]),
        (
            [("A", "1"), ("B", "2")],
            [("A", "3"), ("C", "4"), ("a", "5")],
            [("A", "3"), ("a", "5"), ("B", "2"), ("C", "4")],
        ),
        ([("Content-Type", "text/html")], [("content-type", "text/plain")], [("Content-Type", "text/html")]),
        (
            [],
            [("Content-Length", "0"), ("Transfer-Encoding", "chunked"), ("Content-Location", "/a"), ("Server", "b")],
            [("Server", "b")],
        ),
        ([("X", "1")], [("Connection", "close, X"), ("x", "2"), ("Close", "3")], [("X", "1")]),
    ],
)
def test_renewed(stored: list[tuple[str, str]], answer: list[tuple[str, str]], result: list[tuple[str, str]]) -> None:
    assert renewed(stored, answer) == result


@LAW
@given(HEADERS, HEADERS)
def test_renewal(stored: list[tuple[str, str]], answer: list[tuple[str, str]]) -> None:
    once = renewed(stored, answer)
    assert renewed(once, answer) == once
    assert renewed(stored, []) == stored
    assert set(once) <= {*stored, *answer}
    assert {name.lower() for name, _ in once} >= {name.lower() for name, _ in stored}
    for name in NOT_RENEWED:
        assert [pair for pair in once if pair[0].lower() == name] == [
            pair for pair in stored if pair[0].lower() == name
        ]


# --- lifetime -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ([], 0),
        ([("Last-Modified", DATE)], 0),
        ([("Cache-Control", "max-age=60")], 60),
        ([("cache-control", "PUBLIC , Max-Age = 60")], 60),
        ([("Cache-Control", 'max-age="60"')], 60),
        ([("Cache-Control", "public"), ("Cache-Control", "max-age=60")], 60),
        ([("Cache-Control", "max-age=60, max-age=90")], 60),
        ([("Cache-Control", "s-maxage=60")], 0),
        ([("Cache-Control", "x-max-age=60")], 0),
        ([("Cache-Control", 'ext="max-age=60"')], 0),
        ([("Cache-Control", "max-age=60, no-store")], 0),
        ([("Cache-Control", 'max-age=60, no-cache="Set-Cookie"')], 0),
        ([("Cache-Control", "max-age=-1"), ("Expires", LATER), ("Date", DATE)], 0),
        ([("Cache-Control", "max-age=soon")], 0),
        ([("Cache-Control", "max-age")], 0),
        ([("Cache-Control", "max-age=1.5")], 0),
        ([("Cache-Control", "max-age=٦٠")], 0),
        ([("Cache-Control", "max-age=60"), ("Age", "20")], 40),
        ([("Cache-Control", "max-age=60"), ("Age", "90")], 0),
        ([("Cache-Control", "max-age=60"), ("Age", "20, 50")], 40),
        ([("Cache-Control", "max-age=60"), ("Age", "-5")], 60),
        ([("Cache-Control", "max-age=60"), ("Expires", LATER), ("Date", DATE)], 60),
        ([("Cache-Control", "private"), ("Expires", LATER), ("Date", DATE)], 3600),
        ([("Expires", LATER), ("Date", DATE), ("Age", "600")], 3000),
        ([("Expires", DATE), ("Date", LATER)], 0),
        ([("Expires", LATER)], 0),
        ([("Expires", "0"), ("Date", DATE)], 0),
    ],
)
def test_lifetime(headers: list[tuple[str, str]], seconds: int) -> None:
    assert lifetime(headers) == timedelta(seconds=seconds)


@pytest.mark.parametrize("number", ["9" * 9, "9" * 12, "9" * 5000, "0" * 5000 + "9" * 20])
def test_a_lifetime_is_bounded(number: str) -> None:
    assert lifetime([("Cache-Control", f"max-age={number}")]) == MAX_LIFETIME
    assert lifetime([("Cache-Control", f"max-age={number}"), ("Age", "9" * 5000)]) == timedelta(0)
    assert lifetime([("Cache-Control", f"max-age={'0' * 5000}60")]) == timedelta(seconds=60)


@LAW
@given(
    st.lists(
        st.tuples(
            st.sampled_from(("Cache-Control", "Expires", "Date", "Age")),
            st.text()
            | st.from_regex(r"(max-age|no-cache|x)(=\"?[0-9]*)?,?", fullmatch=True)
            | st.sampled_from((DATE, LATER)),
        )
    )
)
def test_every_answer_has_a_lifetime(headers: list[tuple[str, str]]) -> None:
    assert timedelta(0) <= lifetime(headers) <= MAX_LIFETIME


def test_directives_are_read_in_linear_time() -> None:
    for value in ("a" * 10**6, " " * 10**6, '="' * 10**6, "a =" * 10**6, 'a="' + "b" * 10**6):
        assert lifetime([("Cache-Control", value)]) == timedelta(0)


# --- durations ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("0s", timedelta(0)),
        ("90s", timedelta(seconds=90)),
        ("30m", timedelta(minutes=30)),
        ("12h", timedelta(hours=12)),
        ("1d", timedelta(days=1)),
        ("2w", timedelta(weeks=2)),
        ("1d12h", timedelta(days=1, hours=12)),
        ("1w2d3h4m5s", timedelta(weeks=1, days=2, hours=3, minutes=4, seconds=5)),
        ("999999w", timedelta(weeks=999999)),
    ],
)
def test_duration(text: str, span: timedelta) -> None:
    assert duration(text) == span


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        "30",
        "d",
        "1y",
        "1D",
        "1 d",
        " 1d",
        "1d\n",
        "-1d",
        "+1d",
        "1.5d",
        "12h1d",
        "1d1d",
        "1d12",
        "٣d",
        "9999999w",
    ],
)
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(InvalidDurationError, match="is not a duration: write it as 90s, 30m, 12h, 1d, 2w or 1d12h"):
        duration(text)


@LAW
@given(st.text() | st.text("0123456789wdhms"))
def test_no_other_words_fail_otherwise(text: str) -> None:
    with suppress(InvalidDurationError):
        assert duration(text) >= timedelta(0)


@LAW
@given(st.integers(0, 250_000_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)))
def test_a_date_of_the_usual_form_is_read_as_strptime_reads_it(date: datetime) -> None:
    text = format_datetime(date, usegmt=True)
    assert http_date(text) == date
    lower = text.lower().replace("gmt", "GMT")  # `strptime` reads it
    assert http_date(lower) == http_date(text)


@pytest.mark.parametrize(
    "text", ["Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:49:37 GMT", "Sun, 06 Nov 0000 08:49:37 GMT"]
)
def test_a_date_that_never_was_is_none(text: str) -> None:
    assert http_date(text) is None
