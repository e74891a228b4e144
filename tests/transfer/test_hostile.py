"""A server may send anything. The outcome is an error of Scrapy's or a correct response, never another body or a hang.

Each row is an answer byte for byte, what happens to the connection then, and the correct bodies; with none of them, only an
error is correct. After each answer the tests request something plain from the same server, which must arrive intact.
"""

from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from tests.hostile.ftp import serve_ftp
from tests.transfer.asking import CURL, STOCK, Answer, Ask, Handler, probe
from tests.transfer.conftest import World
from tests.transfer.scripted import (
    Reply,
    Script,
    Then,
    endless,
    endless_body,
    endless_headers,
    endless_interim,
    ok,
    serve,
)

ERRORS = frozenset(
    {
        "DownloadFailedError",
        "DownloadTimeoutError",
        "DownloadCancelledError",
        "DownloadConnectionRefusedError",
        "ResponseDataLossError",
    }
)
TIMEOUT = 60
"""Seconds that are more than enough for every answer that the server ends."""

UNTIL_SILENCE_IS_ONE = {"download_timeout": 1}
MAXSIZE = 1 << 20

OK = b"HTTP/1.1 200 OK\r\n"
TWO = b"Content-Length: 2\r\n\r\nhi"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
ODD = OK + b"no header\r\nTransfer-Encoding: chunked\r\n\r\n"
SECOND = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"
"""An answer to a request that was not sent."""


@dataclass(frozen=True, slots=True)
class Row:
    """An answer, and the correct bodies."""

    reply: Script
    right: tuple[str, ...] = ()
    is_silent: bool = False
    """Whether the server goes silent before the end of the answer, so that only a timeout ends it."""


def said(raw: bytes, *right: str, then: Then = Then.CLOSE) -> Row:
    return Row(Reply(raw, then), right, then is Then.HOLD)


HOSTILE = {
    # no answer
    "nothing": said(b""),
    "reset at once": said(b"", then=Then.RESET),
    "garbage": said(b"\x00\x01\x02\xff" * 100),
    "a word": said(b"hello\n"),
    "another protocol": said(b"220 ready\r\n"),
    "TLS alert": said(b"\x15\x03\x01\x00\x02\x02\x28"),
    "half a status line": said(b"HTTP/1.1 20"),
    "half a head": said(OK + b"Content-Len"),
    "half a head, then reset": said(OK + b"Content-Len", then=Then.RESET),
    # status lines
    "no reason": said(b"HTTP/1.1 200\r\n" + TWO, "hi"),
    "long reason": said(b"HTTP/1.1 200 " + b"x" * 5000 + b"\r\n" + TWO, "hi"),
    "reason of bytes": said(b"HTTP/1.1 200 \xe9\xff\x00\r\n" + TWO, "hi"),
    "no status": said(b"HTTP/1.1 \r\n" + TWO, "hi"),
    "status of letters": said(b"HTTP/1.1 abc OK\r\n" + TWO, "hi"),
    "status of four digits": said(b"HTTP/1.1 2000 OK\r\n" + TWO),
    "status below zero": said(b"HTTP/1.1 -200 OK\r\n" + TWO, "hi"),
    "status zero": said(b"HTTP/1.1 000 OK\r\n" + TWO, "hi"),
    "status 999": said(b"HTTP/1.1 999 No\r\n" + TWO, "hi"),
    "version 0.9": said(b"HTTP/0.9 200 OK\r\n" + TWO, "hi"),
    "version 2 in text": said(b"HTTP/2 200 OK\r\n" + TWO, "hi"),
    "version 9.9": said(b"HTTP/9.9 200 OK\r\n" + TWO, "hi"),
    "ICY": said(b"ICY 200 OK\r\n" + TWO, "hi"),
    "bare line feeds": said(b"HTTP/1.1 200 OK\nContent-Length: 2\n\nhi", "hi"),
    "switching protocols": said(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n"),
    "interim and no answer": said(b"HTTP/1.1 103 Early Hints\r\n\r\n"),
    "endless interim answers": Row(endless_interim, is_silent=True),
    # headers
    "no headers": said(b"HTTP/1.1 200 OK\r\n\r\nhi", "hi"),
    "folded header": said(OK + b"X-A: b\r\n\tc\r\n" + TWO, "hi"),
    "folded first header": said(OK + b" X-A: b\r\n" + TWO, "hi"),
    "header without a colon": said(OK + b"nonsense\r\n" + TWO, "hi"),
    "header without a name": said(OK + b": x\r\n" + TWO, "hi"),
    "space before the colon": said(OK + b"X-A : x\r\n" + TWO, "hi"),
    "name of bytes": said(OK + b"X-\xe9\xff: x\r\n" + TWO, "hi"),
    "NUL in a value": said(OK + b"X-A: a\x00b\r\n" + TWO, "hi"),
    "CR in a value": said(OK + b"X-A: a\rb\r\n" + TWO, "hi"),
    "huge header": said(OK + b"X-A: " + b"x" * 200_000 + b"\r\n" + TWO, "hi"),
    "many headers": said(OK + b"X-A: b\r\n" * 5000 + TWO, "hi"),
    "endless headers": Row(endless_headers, is_silent=True),
    "a header like a status line in what is no HTTP": said(
        OK + b"no header\r\nHTTP/1.1 404 x: y\r\nHTTP/: z\r\n" + TWO, "hi"
    ),
    "endless trailers of what is no HTTP": Row(endless(ODD + b"2\r\nhi\r\n0\r\n", b"X-More: x\r\n" * 4096)),
    "a trailer without an end of what is no HTTP": Row(endless(ODD + b"0\r\n", b"x" * 65536)),
    # lengths
    "length of letters": said(OK + b"Content-Length: two\r\n\r\nhi", "hi"),
    "length below zero": said(OK + b"Content-Length: -2\r\n\r\nhi", "hi"),
    "length with a sign": said(OK + b"Content-Length: +2\r\n\r\nhi", "hi"),
    "length empty": said(OK + b"Content-Length:\r\n\r\nhi", "hi"),
    "length beyond counting": said(OK + b"Content-Length: " + b"9" * 40 + b"\r\n\r\nhi"),
    "length of more digits than Python reads": said(OK + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\nhi"),
    "length twice the same": said(OK + b"Content-Length: 2\r\n" + TWO, "hi"),
    "length as a list": said(OK + b"Content-Length: 2, 2\r\n\r\nhi", "hi"),
    "two lengths, short first": said(OK + b"Content-Length: 1\r\n" + TWO),
    "two lengths, long first": said(OK + b"Content-Length: 3\r\n" + TWO),
    "length and chunks": said(
        OK + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", "hi"
    ),
    "body longer than its length": said(OK + TWO + b" and more", "hi"),
    "body longer than its length, kept": said(OK + TWO + b" and more", "hi", then=Then.KEEP),
    "a second answer": said(OK + TWO + SECOND, "hi", then=Then.KEEP),
    "body of a 204": said(b"HTTP/1.1 204 No Content\r\n" + TWO, "", then=Then.KEEP),
    "body of a 304": said(b"HTTP/1.1 304 Not Modified\r\n" + TWO, "", then=Then.KEEP),
    "second answer of a 204": said(b"HTTP/1.1 204 No Content\r\n\r\n" + SECOND, "", then=Then.KEEP),
    "cut, then reset": said(OK + b"Content-Length: 9\r\n\r\nhi", then=Then.RESET),
    "cut, then silence": said(OK + b"Content-Length: 9\r\n\r\nhi", then=Then.HOLD),
    "no length, then reset": said(OK + b"\r\nhi", then=Then.RESET),
    "endless body": Row(endless_body),
    # chunks
    "chunks cut": said(CHUNKED + b"2\r\nhi\r\n"),
    "chunk cut": said(CHUNKED + b"9\r\nhi"),
    "chunk size of letters": said(CHUNKED + b"zz\r\nhi\r\n0\r\n\r\n"),
    "chunk size below zero": said(CHUNKED + b"-2\r\nhi\r\n0\r\n\r\n"),
    "chunk size empty": said(CHUNKED + b"\r\nhi\r\n0\r\n\r\n"),
    "chunk size beyond counting": said(CHUNKED + b"f" * 40 + b"\r\nhi\r\n0\r\n\r\n"),
    "chunk longer than its size": said(CHUNKED + b"2\r\nhi there\r\n0\r\n\r\n"),
    "chunk with a long extension": said(CHUNKED + b"2;" + b"x" * 100_000 + b"\r\nhi\r\n0\r\n\r\n", "hi"),
    "chunk with leading zeros": said(CHUNKED + b"0002\r\nhi\r\n000\r\n\r\n", "hi"),
    "chunks by bare line feeds": said(CHUNKED + b"2\nhi\n0\n\n", "hi"),
    "trailer that lies": said(CHUNKED + b"2\r\nhi\r\n0\r\nContent-Length: 99\r\n\r\n", "hi", then=Then.KEEP),
    "second answer after the chunks": said(CHUNKED + b"2\r\nhi\r\n0\r\n\r\n" + SECOND, "hi", then=Then.KEEP),
    "unknown transfer encoding": said(OK + b"Transfer-Encoding: secret\r\n\r\nhi", "hi"),
    "chunked twice": said(OK + b"Transfer-Encoding: chunked, chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", "hi"),
    "chunked to a 1.0": said(b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", "hi"),
}

STOCK_TAKES = {
    "status of four digits": "it reads any number",
    "status below zero": "it reads any number",
    "no length, then reset": "it tells a reset from an end only where a length is known",
}
"""The rows for which Scrapy's own handler gives a wrong response, and why."""

CROSSED = "TLS and none"
"""The errors of TLS with a server without TLS, and of plain HTTP with a server that expects TLS."""

LANES = 8
"""Servers to spread the answers over, so that the answers that time out do so in parallel."""

Outcome = dict[str, tuple[Answer, Answer]]


def script() -> dict[str, Script]:
    replies: dict[str, Script] = {str(number): row.reply for number, row in enumerate(HOSTILE.values())}
    return replies | {"plain": Reply(ok(b"plain", "Content-Type: text/plain"), Then.KEEP)}


@pytest.fixture(scope="session")
def outcome(handler: Handler, world: World) -> Outcome:
    """The outcome of each row, and of the plain request after it. In each lane the requests are sent one by one."""
    with ExitStack() as stack:
        urls = [stack.enter_context(serve(script())).url for _ in range(LANES)]
        asks = []
        for number, row in enumerate(HOSTILE.values()):
            url, meta = urls[number % LANES], {"download_slot": str(number % LANES)}
            asks.append(Ask(f"{url}/{number}", meta=meta | (UNTIL_SILENCE_IS_ONE if row.is_silent else {})))
            asks.append(Ask(f"{url}/plain/{number}", meta=meta))
        plain, tls = world.backend.url + "/echo", world.web.https + "/hello.txt"
        asks += [Ask(plain.replace("http:", "https:")), Ask(tls.replace("https:", "http:"))]
        settings = {"CONCURRENT_REQUESTS_PER_DOMAIN": 1, "DOWNLOAD_TIMEOUT": TIMEOUT, "DOWNLOAD_MAXSIZE": MAXSIZE}
        run = probe(handler, asks, settings)
    assert "Traceback" not in run.log
    pairs = zip(run.answers[::2], run.answers[1::2], strict=True)
    return dict(zip((*HOSTILE, CROSSED), pairs, strict=True))


@pytest.mark.parametrize("name", HOSTILE)
def test_the_outcome_is_a_correct_response_or_an_error(outcome: Outcome, handler: Handler, name: str) -> None:
    answer, _ = outcome[name]
    if handler is STOCK and name in STOCK_TAKES:
        assert answer.text == "hi", "Scrapy has become better: take it out of STOCK_TAKES"
    elif answer.error:
        assert HOSTILE[name].is_silent or answer.error != "DownloadTimeoutError", "who waited, and for what?"
        assert answer.module == "scrapy.exceptions"
        assert answer.error in ERRORS
    else:
        assert answer.text in HOSTILE[name].right
        assert 0 <= answer.status <= 999


@pytest.mark.parametrize("name", HOSTILE)
def test_the_next_answer_is_intact(outcome: Outcome, name: str) -> None:
    _, after = outcome[name]
    assert (after.error, after.status, after.text) == ("", 200, "plain")
    assert after.values("Content-Length") == ["5"]


def test_odd_but_usable_answers_are_not_refused(outcome: Outcome) -> None:
    """Errors alone would be correct but useless: what browsers show must arrive."""
    shown = ("no reason", "bare line feeds", "no headers", "body longer than its length", "chunk with leading zeros")
    assert [name for name in shown if outcome[name][0].error] == []


def test_an_ftp_server_can_not_name_another_host_for_its_data() -> None:
    """Its answer to PASV names this machine. The data come from the server itself, at the same port."""
    with serve_ftp("127.0.0.2", misleads_to="127.0.0.1") as url:
        (answer,) = probe(CURL, [Ask(f"{url}/honest.txt")]).answers
    assert (answer.error, answer.text) == ("", "an honest page, or not")


def test_a_body_without_a_length_has_a_limited_time() -> None:
    with serve({"endless": endless_body}) as server:
        (answer,) = probe(CURL, [Ask(f"{server.url}/endless")], {"MIRROR_ENDLESS_TIME": "0.3"}).answers
    assert answer.error == "EndlessError"
    assert "it came for 0.3 seconds" in answer.message


def test_tls_with_a_plain_server_and_the_reverse_are_errors(outcome: Outcome) -> None:
    to_plain, to_tls = outcome[CROSSED]
    assert to_plain.error in ERRORS
    assert to_tls.status == 400 or to_tls.error in ERRORS
