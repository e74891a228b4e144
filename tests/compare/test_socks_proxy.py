"""The proxy between a browser and the network: it connects to no blocked address, whatever the host is called."""

import asyncio
import socket

import pytest

from mirror.compare.socks_proxy import Block, SocksProxy
from mirror.core.url.canonical import CanonicalURL
from tests.site import Site, serve


def request(
    block: Block, kind: int, target: bytes, port: int, *, greeting: bytes = b"\5\1\0\5\1\0"
) -> tuple[bytes, list[str]]:
    """Request a connection from a proxy, and `/` from the server behind it.

    Return the bytes received, and what the proxy blocked.
    """

    async def ask() -> tuple[bytes, list[str]]:
        async with SocksProxy(block) as proxy:
            reader, writer = await asyncio.open_connection("127.0.0.1", int(proxy.url.rpartition(":")[2]))
            writer.write(greeting + bytes([kind]) + target + port.to_bytes(2, "big") + b"GET / HTTP/1.0\r\n\r\n")
            received = await reader.read()
            writer.close()
            return received, proxy.blocked

    return asyncio.run(ask())


IPV4 = (1, socket.inet_aton("127.0.0.1"))
NAME = (3, b"\x09localhost")


@pytest.mark.parametrize(("kind", "target"), [IPV4, NAME, (3, b"\x0da-b.localhost")])
def test_allowed_connections_pass(kind: int, target: bytes) -> None:
    with serve(Site().page("/", "hello")) as server:
        received, blocked = request(lambda _, __: None, kind, target, server.server_port)
        assert received.startswith(b"\5\0" + b"\5\0\0\1" + bytes(6) + b"HTTP/1.")
        assert b"hello" in received
        assert blocked == []


def test_it_connects_to_the_address_that_was_checked() -> None:
    checked: list[tuple[CanonicalURL, str]] = []

    def block(url: CanonicalURL, address: str) -> str:
        checked.append((url, address))
        return "loopback"

    with serve(Site().page("/")) as server:
        port = server.server_port
        received, blocked = request(block, *IPV4, port)
        assert (received[2:4], blocked) == (b"\5\2", [f"127.0.0.1:{port} (loopback)"])
        received, _ = request(block, *NAME, port)
        assert received[2:4] == b"\5\2"
        assert server.requests == []
    assert checked[0] == (f"http://127.0.0.1:{port}/", "127.0.0.1")
    assert {url for url, _ in checked[1:]} == {f"http://localhost:{port}/"}


def test_it_tries_the_next_address_if_one_is_blocked_or_refuses() -> None:
    with serve(Site().page("/", "hello")) as server:
        received, _ = request(lambda _, address: ":" in address, 3, b"\x0bx.localhost", server.server_port)
        assert b"hello" in received


def test_a_failed_connection_is_not_reported_as_blocked() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    received, blocked = request(lambda _, __: None, *IPV4, port)
    assert (received[2:4], blocked) == (b"\5\4", [])


@pytest.mark.parametrize("greeting", [b"GET / HTTP/1.1\r\n\r\n", b"\5\0\5\2\0", b"\4\1", b""])
def test_clients_that_do_not_speak_socks_are_disconnected(greeting: bytes) -> None:
    with serve(Site().page("/", "hello")) as server:

        async def ask() -> bytes:
            async with SocksProxy(lambda _, __: None) as proxy:
                reader, writer = await asyncio.open_connection("127.0.0.1", int(proxy.url.rpartition(":")[2]))
                writer.write(greeting + b"\1\x7f\0\0\1" + server.server_port.to_bytes(2, "big"))
                writer.write_eof()
                received = await reader.read()
                writer.close()
                return received

        assert b"HTTP" not in asyncio.run(ask())
        assert server.requests == []
