"""Answers that are no valid HTTP, as browsers read them. tests/browser and tests/crawl use the same tables."""

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirror.core.http.lenient_answers import InvalidAnswerError, LenientAnswer

PAGE: Final = b"<!DOCTYPE html><title>x</title><p>plain"
TYPE: Final = b"Content-Type: text/html\r\n"
END: Final = b"Content-Length: %d\r\n\r\n" % len(PAGE) + PAGE
CHUNKED: Final = b"27\r\n" + PAGE + b"\r\n0\r\nTrailer: x\r\n\r\n"

SHOWN: Final = {
    "a-line-without-a-colon": b"HTTP/1.1 200 OK\r\nno header\r\n" + TYPE + b"nor this\r\n" + END,
    "a-folded-first-line": b"HTTP/1.1 200 OK\r\n folded\r\n" + TYPE + END,
    "a-header-without-a-name": b"HTTP/1.1 200 OK\r\n: x\r\n" + TYPE + END,
    "a-return-in-a-value": b"HTTP/1.1 200 OK\r\nX: a\rb\r\n" + TYPE + END,
    "a-blank-line-first": b"\r\nHTTP/1.1 200 OK\r\n" + TYPE + END,
    "an-unknown-version": b"HTTP/1.2 200 OK\r\n" + TYPE + END,
    "no-version": b"HTTP 200 OK\r\n" + TYPE + END,
    "small-letters": b"http/1.1 200 OK\r\n" + TYPE + END,
    "no-status": b"HTTP/1.1\r\n" + TYPE + END,
    "a-short-status": b"HTTP/1.1 20 OK\r\n" + TYPE + END,
    "a-word-as-status": b"HTTP/1.1 OK\r\n" + TYPE + END,
    "two-spaces": b"HTTP/1.1  200 OK\r\n" + TYPE + END,
    "a-length-that-is-a-word": b"HTTP/1.1 200 OK\r\n" + TYPE + b"Content-Length: all\r\n\r\n" + PAGE,
    "a-negative-length": b"HTTP/1.1 200 OK\r\n" + TYPE + b"Content-Length: -1\r\n\r\n" + PAGE,
    "a-length-with-a-sign": b"HTTP/1.1 200 OK\r\n" + TYPE + b"Content-Length: +39\r\n\r\n" + PAGE,
    "an-unknown-transfer-coding": b"HTTP/1.1 200 OK\r\n" + TYPE + b"Transfer-Encoding: foo\r\n" + END,
    "a-very-long-header": b"HTTP/1.1 200 OK\r\nX: " + b"a" * 200_000 + b"\r\n" + TYPE + END,
    "chunks": b"HTTP/1.1 200 OK\r\nno header\r\n" + TYPE + b"Transfer-Encoding: chunked\r\n\r\n" + CHUNKED,
    "interim-answers": b"HTTP/1.1 103 Early\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nno header\r\n" + TYPE + END,
}
"""Chromium shows these; libcurl accepts hardly any."""

REFUSED: Final = {
    "a-nul": b"HTTP/1.1 200 OK\r\nX: a\0b\r\n" + TYPE + END,
    "two-lengths": b"HTTP/1.1 200 OK\r\n" + TYPE + b"Content-Length: 38\r\n" + END,
    "two-locations": b"HTTP/1.1 302 Found\r\nLocation: /a\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n",
    "no-status-line": PAGE + b"\n\n",
}
"""Chromium shows none of these."""


def read(raw: bytes, step: int = 1 << 16) -> tuple[LenientAnswer, bytes]:
    answer = LenientAnswer()
    return answer, b"".join([answer.feed(raw[at : at + step]) for at in range(0, len(raw), step)])


@pytest.mark.parametrize("name", SHOWN)
def test_what_browsers_show_is_read(name: str) -> None:
    answer, body = read(SHOWN[name])
    assert (answer.status, body) == (200, PAGE)
    assert dict(answer.headers)["Content-Type"] == "text/html"
    assert answer.is_complete is not answer.ends_with_connection


@pytest.mark.parametrize("name", REFUSED)
def test_what_browsers_refuse_is_refused(name: str) -> None:
    with pytest.raises(InvalidAnswerError):
        read(REFUSED[name])


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * (1 << 19),
        b"HTTP/1.1 103 Early\r\n\r\n" * 200,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1" * (1 << 17),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + b"a" * (1 << 19),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + b"a: b\r\n" * (1 << 16),
        b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n",
    ],
)
def test_what_has_no_end_is_refused(raw: bytes) -> None:
    with pytest.raises(InvalidAnswerError):
        read(raw)


def test_a_folded_line_continues_a_value() -> None:
    answer, _ = read(b"HTTP/1.1 200 OK\r\nX: a\r\n\tb\r\nY : c\r\nContent-Length: 1, 1\r\n\r\nx")
    assert answer.headers == [("X", "a \tb"), ("Y", "c"), ("Content-Length", "1")]


@given(st.sampled_from([*SHOWN.values(), *REFUSED.values()]) | st.binary(max_size=200), st.integers(1, 50))
def test_it_does_not_matter_how_an_answer_arrives(raw: bytes, step: int) -> None:
    raw = raw[:2000] if len(raw) > 100_000 else raw

    def outcome(size: int) -> object:
        try:
            answer, body = read(raw, size)
        except InvalidAnswerError as error:
            return str(error)
        return answer.status, answer.headers, body, answer.is_complete

    assert outcome(step) == outcome(1 << 16)
