"""The gate between a browser and the net: what is barred is not connected to, by whatever name."""

import asyncio
import socket

import pytest

from mirror.compare.socks_proxy import Bars, Gate
from mirror.core.url.canonical import CanonicalURL
from tests.site import Site, serve


def asked(bars: Bars, kind: int, place: bytes, port: int, *, say: bytes = b"\5\1\0\5\1\0") -> tuple[bytes, list[str]]:
    """Ask a gate for a place, and a server there for `/`; what came back, and what the gate says of it."""

    async def ask() -> tuple[bytes, list[str]]:
        async with Gate(bars) as gate:
            reader, writer = await asyncio.open_connection("127.0.0.1", int(gate.url.rpartition(":")[2]))
            writer.write(say + bytes([kind]) + place + port.to_bytes(2, "big") + b"GET / HTTP/1.0\r\n\r\n")
            came = await reader.read()
            writer.close()
            return came, gate.barred

    return asyncio.run(ask())


IPV4 = (1, socket.inet_aton("127.0.0.1"))
NAME = (3, b"\x09localhost")


@pytest.mark.parametrize(("kind", "place"), [IPV4, NAME, (3, b"\x0da-b.localhost")])
def test_what_is_not_barred_goes_through(kind: int, place: bytes) -> None:
    with serve(Site().page("/", "hello")) as server:
        came, barred = asked(lambda _, __: None, kind, place, server.server_port)
        assert came.startswith(b"\5\0" + b"\5\0\0\1" + bytes(6) + b"HTTP/1.")
        assert b"hello" in came
        assert barred == []


def test_the_address_decides_and_is_the_one_that_is_connected_to() -> None:
    looked_at: list[tuple[CanonicalURL, str]] = []

    def bars(url: CanonicalURL, address: str) -> str:
        looked_at.append((url, address))
        return "loopback"

    with serve(Site().page("/")) as server:
        port = server.server_port
        came, barred = asked(bars, *IPV4, port)
        assert (came[2:4], barred) == (b"\5\2", [f"127.0.0.1:{port} (loopback)"])
        came, _ = asked(bars, *NAME, port)
        assert came[2:4] == b"\5\2"
        assert server.requests == []
    assert looked_at[0] == (f"http://127.0.0.1:{port}/", "127.0.0.1")
    assert {url for url, _ in looked_at[1:]} == {f"http://localhost:{port}/"}


def test_the_next_address_is_taken_where_one_is_barred_or_refuses() -> None:
    with serve(Site().page("/", "hello")) as server:
        came, _ = asked(lambda _, address: ":" in address, 3, b"\x0bx.localhost", server.server_port)
        assert b"hello" in came


def test_what_does_not_answer_is_told_from_what_is_barred() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    came, barred = asked(lambda _, __: None, *IPV4, port)
    assert (came[2:4], barred) == (b"\5\4", [])


@pytest.mark.parametrize("say", [b"GET / HTTP/1.1\r\n\r\n", b"\5\0\5\2\0", b"\4\1", b""])
def test_what_speaks_something_else_gets_nowhere(say: bytes) -> None:
    with serve(Site().page("/", "hello")) as server:

        async def ask() -> bytes:
            async with Gate(lambda _, __: None) as gate:
                reader, writer = await asyncio.open_connection("127.0.0.1", int(gate.url.rpartition(":")[2]))
                writer.write(say + b"\1\x7f\0\0\1" + server.server_port.to_bytes(2, "big"))
                writer.write_eof()
                came = await reader.read()
                writer.close()
                return came

        assert b"HTTP" not in asyncio.run(ask())
        assert server.requests == []
