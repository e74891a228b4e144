"""HTTP/2 and HTTP/3: a payload is whole only if its stream says so. libcurl itself takes a reset with NO_ERROR for an end."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pycurl
import pytest

from mirror.transfer.stream_end import StreamEnd, can_trace
from tests.crawl.running import mirror
from tests.transfer import servers
from tests.transfer.asking import CURL, Answer, Ask, probe
from tests.transfer.conftest import World
from tests.transfer.frames import (
    CANCEL,
    END_STREAM,
    REFUSED_STREAM,
    Script,
    data,
    goaway,
    headers,
    padded,
    reset,
    serve,
    trailers,
)

HALF = b"<p>half of a page"


@dataclass(frozen=True, slots=True)
class Row:
    """What a server sends for each request. `text` is the payload; `None`: it is cut short."""

    name: str
    script: Script
    text: str | None = None
    requests: int = 2
    """1 if the end is seen at once; else 2, as a request without trace and one with it."""


ROWS = [
    Row("two halves", lambda n: [headers(n), data(n, HALF), data(n, HALF, END_STREAM)], 2 * HALF.decode()),
    Row("an empty frame ends", lambda n: [headers(n), data(n, HALF), data(n, b"", END_STREAM)], HALF.decode()),
    Row("padding", lambda n: [headers(n), padded(n, HALF, END_STREAM)], HALF.decode()),
    Row("trailers end", lambda n: [headers(n), data(n, HALF), trailers(n)], HALF.decode()),
    Row("whole, then reset", lambda n: [headers(n), data(n, HALF, END_STREAM), reset(n)], HALF.decode()),
    Row("no payload", lambda n: [headers(n, END_STREAM)], ""),
    Row("a length", lambda n: [headers(n, content_length="17"), data(n, HALF, END_STREAM)], HALF.decode(), 1),
    Row("reset", lambda n: [headers(n), data(n, HALF), reset(n)]),
    Row("reset behind padding", lambda n: [headers(n), padded(n, HALF), reset(n)]),
    Row("reset before the payload", lambda n: [headers(n), reset(n)]),
    Row("reset before its length", lambda n: [headers(n, content_length="99"), data(n, HALF), reset(n)], requests=1),
    Row("reset after GOAWAY", lambda n: [headers(n), data(n, HALF), goaway(n), reset(n)]),
    Row("reset of an error", lambda n: [headers(n), data(n, HALF), reset(n, CANCEL)]),
    Row("reset of a refusal", lambda n: [headers(n), data(n, HALF), reset(n, REFUSED_STREAM)]),
    Row("trailers do not end", lambda n: [headers(n), data(n, HALF), trailers(n, 0), reset(n)]),
    Row("closed", lambda n: [headers(n), data(n, HALF), None]),
    Row("closed after GOAWAY", lambda n: [headers(n), data(n, HALF), goaway(n), None]),
]


@pytest.fixture(scope="module")
def outcome(world: World) -> Iterator[dict[str, tuple[Answer, int]]]:
    """The answer of each row, and how many requests it took."""
    with ExitStack() as stack:
        all_ = [stack.enter_context(serve(world.authority, row.script)) for row in ROWS]
        run = probe(CURL, [Ask(server.url) for server in all_])
        assert "Traceback" not in run.log
        asked = [server.asked for server in all_]
        yield {row.name: pair for row, pair in zip(ROWS, zip(run.answers, asked, strict=True), strict=True)}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_payload_is_whole_only_if_its_stream_says_so(outcome: dict[str, tuple[Answer, int]], row: Row) -> None:
    answer, asked = outcome[row.name]
    if row.text is None:
        assert answer.error in {"ResponseDataLossError", "DownloadFailedError"}
    else:
        assert (answer.error, answer.status, answer.text) == ("", 200, row.text)
        assert "partial" not in (answer.flags or ())
    assert row.text is None or asked == row.requests


def test_streams_of_one_connection_are_told_apart(world: World) -> None:
    """The frames of all come in one go, and libcurl reads them for one of the transfers."""
    waiting: list[int] = []

    def script(stream: int) -> Sequence[bytes | None]:
        if stream == 1:
            return [headers(stream, END_STREAM, content_length="0")]
        waiting.append(stream)
        if len(waiting) < 4:
            return []
        frames = [part for n in waiting for part in (headers(n), data(n, HALF))]
        frames += [reset(waiting[0]), data(waiting[1], b"", END_STREAM), reset(waiting[2]), data(waiting[3], b"", 1)]
        waiting.clear()
        return frames

    with serve(world.authority, script) as server:
        _, *answers = probe(CURL, [Ask(f"{server.url}/{n}", is_first=n == 0) for n in range(5)]).answers
    assert sorted((answer.error, answer.text) for answer in answers) == [
        *[("", HALF.decode())] * 2,
        *[("ResponseDataLossError", "")] * 2,
    ]


def test_http3_shows_no_end_so_http2_is_used(world: World, tmp_path: Path) -> None:
    with servers.aioquic(world.files, tmp_path, world.authority.sign("127.0.0.1")) as port:
        (answer,) = probe(CURL, [Ask(f"https://127.0.0.1:{port}/cut")], {"MIRROR_HTTP_VERSION": "3"}).answers
        assert answer.error
        assert (tmp_path / "aioquic.log").read_text().split() == ["ready", "/cut"]


@pytest.mark.parametrize(
    "fields",
    [pytest.param({"content_encoding": "gzip"}, id="gzip"), pytest.param({}, id="plain", marks=pytest.mark.long)],
)
def test_a_cut_stream_does_not_replace_a_good_copy(world: World, tmp_path: Path, fields: dict[str, str]) -> None:
    page, sent = "text/html", b"" if fields else HALF

    def whole(n: int) -> Sequence[bytes | None]:
        return [headers(n, content_type=page), data(n, 2 * HALF, END_STREAM)]

    with serve(world.authority, whole) as server:
        words, settings = ("insecure=1",), {"ROBOTSTXT_OBEY": "0", "RETRY_TIMES": "1", "MIRROR_BACKOFF": "0.1"}
        assert mirror(server.url, tmp_path, *words, settings=settings).code == 0
        (copy,) = tmp_path.glob("127.0.0.1_*/index.html")
        server.script = lambda n: [headers(n, content_type=page, **fields), data(n, sent), reset(n)]
        done = mirror(server.url, tmp_path, *words, settings=settings)
    assert "cut short by the server" in done.stderr
    assert done.code != 0
    assert copy.read_bytes() == 2 * HALF


# The trace


def lines(*texts: str) -> bool:
    end = StreamEnd()
    for text in texts:
        end.on_debug(pycurl.INFOTYPE_TEXT, text.encode() + b"\n")
    return end.is_seen


FRAME = "[HTTP/2] [{}] <- FRAME[DATA, len=17, eos={}, padlen=0]"


@pytest.mark.parametrize(
    ("trace", "is_seen"),
    [
        ([FRAME.format(1, 1), "[HTTP/2] [1] CLOSED"], True),
        ([FRAME.format(1, 1), "[HTTP/2] [1] DATA, window=17/1000", "[HTTP/2] [1] CLOSED"], True),
        ([FRAME.format(1, 0), "[HTTP/2] [1] CLOSED"], False),
        (
            [FRAME.format(1, 1), "[HTTP/2] [1] <- FRAME[RST_STREAM, len=4, flags=0, error=0]", "[HTTP/2] [1] CLOSED"],
            False,
        ),
        ([FRAME.format(3, 1), "[HTTP/2] [1] CLOSED"], False),
        ([FRAME.format(1, 1), "[HTTP/2] [0] ingress: done", "[HTTP/2] [1] CLOSED"], False),
        ([FRAME.format(1, 1), "Connection #1 left intact", "[HTTP/2] [1] CLOSED"], False),
        ([FRAME.format(1, 1)], False),
    ],
)
def test_the_last_frame_of_the_stream_itself_decides(trace: list[str], is_seen: bool) -> None:
    assert lines(*trace) is is_seen


def test_this_libcurl_has_a_trace() -> None:
    assert can_trace()


def test_without_a_trace_http_1_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    options: list[tuple[int, object]] = []

    class Easy:
        def setopt(self, option: int, value: object) -> None:
            options.append((option, value))

    monkeypatch.setattr("mirror.transfer.stream_end.can_trace", lambda: False)
    assert StreamEnd().set_options(Easy())  # type: ignore[arg-type]
    assert options == [(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1)]
