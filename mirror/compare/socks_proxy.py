"""A SOCKS5 proxy on loopback (RFC 1928) that decides which addresses a browser may connect to.

The proxy resolves host names itself, and connects to the very address that it checked. A browser that uses it makes no
connections of its own. The proxy speaks no HTTP and never inspects what passes through.
"""

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Final, Self

from mirror.core.url.canonical import CanonicalURL

Block = Callable[[CanonicalURL, str], object]
"""Decides about a URL, of which only host and port are known, and an address that its host resolved to.

Returns the reason not to connect to the address, or a false value to allow it."""

_NO_LOGIN: Final = b"\x05\x00"
_CONNECT: Final = b"\x05\x01\x00"
_IPV4, _NAME, _IPV6 = 1, 3, 4
_CONNECTED: Final = b"\x05\x00\x00\x01" + bytes(6)
_BLOCKED: Final = b"\x05\x02\x00\x01" + bytes(6)
_FAILED: Final = b"\x05\x04\x00\x01" + bytes(6)
_BUFFER: Final = 1 << 16
_LOCALHOST: Final = ".localhost"


class SocksProxy:
    """A proxy that runs for the duration of a `with` block. Its connections are closed at the end."""

    def __init__(self, block: Block) -> None:
        self._block = block
        self._tasks: set[asyncio.Task[None]] = set()
        self.blocked: list[str] = []
        """Targets that were requested and not connected to, with the reason."""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._on_connect, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    @property
    def url(self) -> str:
        """The URL of this proxy, for the configuration of a browser."""
        return f"socks5://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def _on_connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            await self._serve(reader, writer)
        except (
            OSError,
            EOFError,
            ValueError,
            asyncio.CancelledError,
        ):  # one end closed the connection, or does not speak SOCKS
            pass
        finally:
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _, methods = await reader.readexactly(2)
        await reader.readexactly(methods)
        writer.write(_NO_LOGIN)
        if await reader.readexactly(3) != _CONNECT:
            return
        host, port = await _read_target(reader)
        try:
            target = await self._connect(host, port)
        except OSError:
            writer.write(_FAILED)
            return
        if target is None:
            writer.write(_BLOCKED)
            return
        writer.write(_CONNECTED)
        try:
            await asyncio.gather(_copy(reader, target[1]), _copy(target[0], writer))
        finally:
            target[1].close()

    async def _connect(self, host: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        """Connect to the first address of a host that accepts; `None` if all are blocked. Raises `OSError`."""
        url = CanonicalURL(f"http://{f'[{host}]' if ':' in host else host}:{port}/")
        why: object = None
        failed: OSError | None = None
        for address in await _resolved(host, port):
            if reason := self._block(url, address):
                why = reason
                continue
            try:
                return await asyncio.open_connection(address, port)
            except OSError as error:
                failed = error
        if failed:
            raise failed
        self.blocked.append(f"{host}:{port} ({why})")
        return None


async def _read_target(reader: asyncio.StreamReader) -> tuple[str, int]:
    """Read the requested host and port. Raises `ValueError`, `EOFError`."""
    (kind,) = await reader.readexactly(1)
    if kind == _NAME:
        (length,) = await reader.readexactly(1)
        host = (await reader.readexactly(length)).decode("ascii").lower()
    elif kind in {_IPV4, _IPV6}:
        family, length = (socket.AF_INET, 4) if kind == _IPV4 else (socket.AF_INET6, 16)
        host = socket.inet_ntop(family, await reader.readexactly(length))
    else:
        raise ValueError(kind)
    return host, int.from_bytes(await reader.readexactly(2), "big")


async def _resolved(host: str, port: int) -> list[str]:
    """The addresses of a host. Names below localhost mean this machine, whatever the resolver says (RFC 6761, section 6.3)."""
    if f".{host}".endswith(_LOCALHOST):
        return ["127.0.0.1", "::1"]
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy bytes from one side to the other until the first one closes."""
    with suppress(OSError):
        while block := await reader.read(_BUFFER):
            writer.write(block)
            await writer.drain()
        writer.write_eof()
