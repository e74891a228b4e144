"""A second try for an answer that libcurl does not accept as HTTP: the bytes of a connection, read as browsers read them.

libcurl makes the connection, with its proxy, its TLS and the check of its address. This module sends the request, and passes
what `core.http.lenient_answers` makes of the answer to a transfer, as if libcurl had parsed it.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import pycurl
from scrapy import Request
from scrapy.http import Response

from mirror.core.http.lenient_answers import InvalidAnswerError, LenientAnswer
from mirror.transfer.curl_errors import TransferError
from mirror.transfer.curl_operation import LOGIN
from mirror.transfer.http_transfer import HTTPTransfer

_BLOCK: Final = 1 << 16
_WAIT: Final = 0.25
_PAUSE: Final = 0.02
_CONNECT_TIME: Final = 30


def may_help(request: Request) -> bool:
    """Whether a request can be sent again without libcurl's help: it has no login, and asks for a payload."""
    return request.method == "GET" and LOGIN not in request.meta and hasattr(pycurl.Curl, "recv")


async def perform(transfer: HTTPTransfer, reason_to_end: Callable[[], BaseException | None]) -> Response:
    """Run a transfer whose handle has its options. `reason_to_end` is asked before each block, and every quarter of a second.

    Raises `TransferError`, and `InvalidAnswerError` if browsers would not accept the answer either.
    """
    easy = transfer.easy
    easy.setopt(pycurl.CONNECT_ONLY, 1)
    easy.setopt(pycurl.CONNECTTIMEOUT, _CONNECT_TIME)
    easy.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1)
    easy.setopt(pycurl.HTTPPROXYTUNNEL, 1)
    try:
        await asyncio.to_thread(easy.perform)
        await _send(easy, request_head(transfer.request))
        return await _receive(transfer, reason_to_end)
    except pycurl.error as error:
        raise TransferError(*error.args) from error


def request_head(request: Request) -> bytes:
    """Return the request line and the headers of a GET that ends the connection.

    >>> request_head(Request("http://example.org:81/a?b", headers={"Accept": "*/*"}))
    b'GET /a?b HTTP/1.1\\r\\nHost: example.org:81\\r\\nAccept: */*\\r\\nConnection: close\\r\\n\\r\\n'
    """
    host, slash, target = request.url.partition("#")[0].partition("://")[2].partition("/")
    lines = [f"GET {slash}{target} HTTP/1.1".encode(), b"Host: " + host.encode()]
    left_out = {b"Connection", b"Host", b"If-Modified-Since", b"If-None-Match", b"Proxy-Authorization"}
    lines += [
        name + b": " + value for name, values in request.headers.items() for value in values if name not in left_out
    ]
    return b"\r\n".join([*lines, b"Connection: close", b"", b""])


async def _send(easy: pycurl.Curl, rest: bytes) -> None:
    while rest:
        sent = 0
        with suppress(BlockingIOError):
            sent = easy.send(rest)
        rest = rest[sent:]
        if rest:
            await asyncio.sleep(_WAIT)


async def _receive(transfer: HTTPTransfer, reason_to_end: Callable[[], BaseException | None]) -> Response:
    answer = LenientAnswer()
    has_begun = False
    while not answer.is_complete:
        block = await _next_block(transfer.easy, reason_to_end)
        if not block:
            break
        body = answer.feed(block)
        if answer.status and not has_begun:
            has_begun = True
            if not _begin(transfer, answer):
                break
        if body and not await _pass_on(transfer, body):
            break
    if not answer.status:
        raise InvalidAnswerError("the connection was closed before the end of the headers")
    is_whole = answer.is_complete or answer.ends_with_connection
    return transfer.result() if is_whole else transfer.failed(TransferError(pycurl.E_PARTIAL_FILE, "closed too early"))


async def _next_block(easy: pycurl.Curl, reason_to_end: Callable[[], BaseException | None]) -> bytes:
    """Return what has arrived, b"" at the end of the connection. Others have their turn, however fast the server is."""
    await asyncio.sleep(0)
    while True:
        error = reason_to_end()
        if error:
            raise error
        try:
            block: bytes = easy.recv(_BLOCK)
        except BlockingIOError:
            await _readable(easy.getinfo(pycurl.ACTIVESOCKET))
        else:
            return block


async def _readable(socket: int) -> None:
    """Wait until a socket may be read, or for a moment."""
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(socket, ready.set)
    try:
        with suppress(TimeoutError):
            await asyncio.wait_for(ready.wait(), _WAIT)
    finally:
        loop.remove_reader(socket)


def _begin(transfer: HTTPTransfer, answer: LenientAnswer) -> bool:
    """Pass on the headers, without those that look like a status line. Return whether the transfer wants the body."""
    pairs = [pair for pair in answer.headers if not pair[0].upper().startswith("HTTP/")]
    fields = [f"{name}: {value}\r\n".encode("latin-1") for name, value in pairs]
    lines = [f"HTTP/1.1 {answer.status}\r\n".encode(), *fields, b"\r\n"]
    return all(transfer.on_header(line) is None for line in lines)


async def _pass_on(transfer: HTTPTransfer, body: bytes) -> bool:
    """Pass on a part of the body, as slowly as the rate limit has it. Return whether the transfer wants more."""
    for start in range(0, len(body), _BLOCK):
        while (wish := transfer.on_body(body[start : start + _BLOCK])) == pycurl.WRITEFUNC_PAUSE:
            await asyncio.sleep(_PAUSE)
            transfer.is_paused = False
        if wish is not None:
            return False
    return True
