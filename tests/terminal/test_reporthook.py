"""The hook is called as `urllib.request.urlretrieve` calls it; each test compares with a real call of that."""

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from urllib.error import ContentTooShortError
from urllib.request import urlretrieve

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirror.terminal.reporthook import (
    BLOCK_SIZE,
    UNDECIDED_BYTES,
    UNKNOWN_SIZE,
    BlockCounter,
    Display,
    Reporthook,
    Transfer,
)
from tests.site import Handler, Server, Site, serve

Call = tuple[int, int, int]

SIZES = (0, 1, 8191, 8192, 8193, 100_000)
CHUNK_SIZES = (1, 1000, 4096, 8191, 8192, 8193, 65_536, 1_000_000)


class Recorder(Display):
    """Records each call of each file's hook, and how the files ended."""

    def __init__(self, *, live: bool = False) -> None:
        self.live = live
        self.calls: list[Call] = []
        self.files = 0
        self.sizes: list[int | None] = []

    def file(self, url: str, path: str) -> Reporthook:
        assert (url, path) == ("http://example.org/", "out/index.html")
        self.files += 1
        return lambda *call: self.calls.append(call)

    def finished(self, hook: Reporthook, size: int | None) -> None:  # noqa: ARG002 - the signature of `Display`
        self.sizes.append(size)


def without_length(size: int) -> Callable[[Handler], None]:
    """Answer with a body of unknown length, in chunks of odd sizes."""

    def answer(request: Handler) -> None:
        request.send_response(200)
        request.send_header("Transfer-Encoding", "chunked")
        request.end_headers()
        for chunk in [*pieces(size, 7001), 0]:
            request.wfile.write(b"%x\r\n%s\r\n" % (chunk, b"x" * chunk))

    return answer


def cut(request: Handler) -> None:
    """Answer with a body that is shorter than its Content-Length."""
    request.send_response(200)
    request.send_header("Content-Length", "100000")
    request.end_headers()
    request.wfile.write(b"x" * 20_000)
    request.close_connection = True


def pieces(size: int, chunk: int) -> list[int]:
    """The sizes of the chunks of a body.

    >>> pieces(10, 4)
    [4, 4, 2]
    """
    return [min(chunk, size - start) for start in range(0, size, chunk)]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    site = Site()
    for size in SIZES:
        site.file(f"/length/{size}", b"x" * size)
        site[f"/chunked/{size}"] = without_length(size)
    site["/cut"] = cut
    with serve(site) as running:
        yield running


def calls_of_urlretrieve(url: str) -> list[Call]:
    calls: list[Call] = []
    with suppress(ContentTooShortError):
        urlretrieve(url, os.devnull, lambda *call: calls.append(call))
    return calls


def calls_of_counter(total: int, chunks: list[int]) -> list[Call]:
    calls: list[Call] = []
    counter = BlockCounter(lambda *call: calls.append(call))
    counter.start(total)
    for chunk in chunks:
        counter.feed(chunk)
    counter.finish()
    return calls


def transfer(display: Display, total: int = UNKNOWN_SIZE) -> Transfer:
    return Transfer(display, "http://example.org/", "out/index.html", total)


@pytest.mark.parametrize("chunk", CHUNK_SIZES)
@pytest.mark.parametrize("size", SIZES)
def test_calls_for_a_known_size(server: Server, size: int, chunk: int) -> None:
    assert calls_of_counter(size, pieces(size, chunk)) == calls_of_urlretrieve(f"{server.url}/length/{size}")


@pytest.mark.parametrize("chunk", CHUNK_SIZES)
@pytest.mark.parametrize("size", SIZES)
def test_calls_for_an_unknown_size(server: Server, size: int, chunk: int) -> None:
    assert calls_of_counter(UNKNOWN_SIZE, pieces(size, chunk)) == calls_of_urlretrieve(f"{server.url}/chunked/{size}")


def test_calls_for_a_cut_body(server: Server) -> None:
    display = Recorder()
    response = transfer(display, 100_000)
    response.begin()
    response.feed(20_000)
    response.end(saved=False)
    assert display.calls == calls_of_urlretrieve(f"{server.url}/cut")
    assert display.sizes == [None]


def test_a_live_display_gets_the_last_of_the_blocks_that_arrive_together() -> None:
    display = Recorder(live=True)
    response = transfer(display, 10 * BLOCK_SIZE)
    response.feed(4 * BLOCK_SIZE + 1)
    response.feed(1)
    response.feed(5 * BLOCK_SIZE + 7)
    response.end(saved=True)
    assert display.calls == [(n, BLOCK_SIZE, 10 * BLOCK_SIZE) for n in (0, 4, 9, 10)]


def test_an_empty_file_has_one_call() -> None:
    assert calls_of_counter(0, []) == [(0, BLOCK_SIZE, 0)]


@given(st.lists(st.integers(0, 3 * BLOCK_SIZE), max_size=10))
def test_chunks_do_not_matter(chunks: list[int]) -> None:
    size = sum(chunks)
    assert calls_of_counter(size, chunks) == calls_of_urlretrieve(f"data:,{'x' * size}")


@given(st.lists(st.integers(0, 3 * BLOCK_SIZE), max_size=10), st.integers(0, 10))
def test_when_a_file_is_known_to_be_one_does_not_matter(chunks: list[int], known_after: int) -> None:
    display = Recorder()
    response = transfer(display)
    for chunk in chunks[:known_after]:
        response.feed(chunk)
    response.begin()
    for chunk in chunks[known_after:]:
        response.feed(chunk)
    response.end(saved=True)
    assert display.calls == calls_of_counter(UNKNOWN_SIZE, chunks)
    assert (display.files, display.sizes) == (1, [sum(chunks)])


def test_a_response_that_is_not_a_file_has_no_hook() -> None:
    display = Recorder()
    response = transfer(display)
    response.feed(UNDECIDED_BYTES - 1)
    response.end(saved=False)
    assert (display.files, display.calls, display.sizes) == (0, [], [])


def test_a_large_file_is_reported_while_it_arrives() -> None:
    display = Recorder()
    response = transfer(display)
    response.feed(UNDECIDED_BYTES)
    assert display.calls == calls_of_counter(UNKNOWN_SIZE, [UNDECIDED_BYTES])
    response.end(saved=True)
    assert (display.files, display.sizes) == (1, [UNDECIDED_BYTES])


def test_a_live_display_removes_what_is_not_a_file() -> None:
    display = Recorder(live=True)
    response = transfer(display)
    assert (display.files, display.calls) == (1, [(0, BLOCK_SIZE, UNKNOWN_SIZE)])
    response.end(saved=False)
    assert display.sizes == [None]
