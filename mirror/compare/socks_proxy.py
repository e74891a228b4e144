"""A gate between a browser and the net: a SOCKS5 proxy on loopback that connects to nothing that is barred (RFC 1928).

Names are resolved here, and the address that is looked at is the one that is connected to. A browser that has it for a proxy
connects by itself to nothing. It speaks no HTTP, and never looks into what goes through.
"""

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Final, Self

from mirror.core.url.canonical import CanonicalURL

Bars = Callable[[CanonicalURL, str], object]
"""Whether what the host of a URL resolved to is not to be connected to, and why; the URL has a host and a port only."""

_NO_LOGIN: Final = b"\x05\x00"
_CONNECT: Final = b"\x05\x01\x00"
_IPV4, _NAME, _IPV6 = 1, 3, 4
_DONE: Final = b"\x05\x00\x00\x01" + bytes(6)
_BARRED: Final = b"\x05\x02\x00\x01" + bytes(6)
_FAILED: Final = b"\x05\x04\x00\x01" + bytes(6)
_BLOCK: Final = 1 << 16
_LOCALHOST: Final = ".localhost"


class Gate:
    """It is open as long as the block takes; what goes through ends with it."""

    def __init__(self, bars: Bars) -> None:
        self._bars = bars
        self._going: set[asyncio.Task[None]] = set()
        self.barred: list[str] = []
        """What was asked for and not connected to, and why."""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._asked, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        self._server.close()
        for one in self._going:
            one.cancel()
        if self._going:
            await asyncio.wait(self._going)

    @property
    def url(self) -> str:
        """What a browser is told."""
        return f"socks5://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def _asked(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._going.add(task)
        task.add_done_callback(self._going.discard)
        try:
            await self._serve(reader, writer)
        except (OSError, EOFError, ValueError, asyncio.CancelledError):  # one of both is gone, or speaks something else
            pass
        finally:
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _, methods = await reader.readexactly(2)
        await reader.readexactly(methods)
        writer.write(_NO_LOGIN)
        if await reader.readexactly(3) != _CONNECT:
            return
        host, port = await _read_place(reader)
        try:
            there = await self._connected(host, port)
        except OSError:
            writer.write(_FAILED)
            return
        if there is None:
            writer.write(_BARRED)
            return
        writer.write(_DONE)
        try:
            await asyncio.gather(_pass(reader, there[1]), _pass(there[0], writer))
        finally:
            there[1].close()

    async def _connected(self, host: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        """A connection to the first address of a host that takes one; `None`: all are barred. Raises `OSError`."""
        url = CanonicalURL(f"http://{f'[{host}]' if ':' in host else host}:{port}/")
        why: object = None
        failed: OSError | None = None
        for address in await _resolved(host, port):
            if barred := self._bars(url, address):
                why = barred
                continue
            try:
                return await asyncio.open_connection(address, port)
            except OSError as error:
                failed = error
        if failed:
            raise failed
        self.barred.append(f"{host}:{port} ({why})")
        return None


async def _read_place(reader: asyncio.StreamReader) -> tuple[str, int]:
    """The host and the port that are asked for. Raises `ValueError`, `EOFError`."""
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
    """The addresses of a host; what is below localhost is this machine, whatever the resolver says (RFC 6761, 6.3)."""
    if f".{host}".endswith(_LOCALHOST):
        return ["127.0.0.1", "::1"]
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Hand on what comes, until nothing does."""
    with suppress(OSError):
        while block := await reader.read(_BLOCK):
            writer.write(block)
            await writer.drain()
        writer.write_eof()
