"""The process that serves the replay: its sockets, its connections, and its end.

Input: an application and sockets. Clients are as hostile as servers: `connections` bounds what they take.
"""

import asyncio
import errno
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from ssl import SSLContext
from threading import Thread
from typing import Any, Final

import uvicorn
from starlette.types import ASGIApp

from mirror.core.replay.origins import Server
from mirror.replay.connections import ACCEPTED, BoundedProtocol
from mirror.replay.server import Replay
from mirror.store.playback import Playback

_WAITING: Final = 1024
"""Connections that wait to be accepted. The system makes clients beyond that wait for a second and more."""

_GRACE: Final = 1
"""Seconds for which transfers may continue after Ctrl-C."""


def open_sockets(host: str | None, port: int) -> list[socket.socket]:
    """Open listening sockets at a port of `host`, by default of all loopback addresses. Raises `OSError` if it is in use."""
    if host is not None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return [socket.create_server((host, port), family=family)]
    sockets = [socket.create_server(("127.0.0.1", port))]
    if socket.has_ipv6:
        number = sockets[0].getsockname()[1]
        try:
            sockets.append(socket.create_server(("::1", number), family=socket.AF_INET6))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:  # another program would receive some of the requests
                sockets[0].close()
                raise
    return sockets


def serve(
    playback: Playback,
    server: Server,
    sockets: list[socket.socket],
    tell: Callable[[], None],
    tls: SSLContext | None = None,
) -> None:
    """Serve until Ctrl-C. `tell` is called once the server answers and handles Ctrl-C. With `tls`, serve https."""
    with suppress(KeyboardInterrupt):
        _Server(_config(Replay(playback, server), tls), tell).run(sockets=sockets)


class _Server(uvicorn.Server):
    """A server that reports when it has started.

    Only then does Ctrl-C work if a script started the program in the background: shells let such programs ignore SIGINT.
    """

    def __init__(self, config: uvicorn.Config, tell: Callable[[], None] = lambda: None) -> None:
        super().__init__(config)
        self._tell = tell

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        asyncio.get_running_loop().set_exception_handler(_ignore_full_table)
        await super().startup(sockets)
        for listening in sockets or ():
            listening.listen(_WAITING)  # asyncio has set it to `ACCEPTED`, how many it accepts in a row
        self._tell()


def _ignore_full_table(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Report an error of the event loop, unless no descriptor is left for a connection: it waits until there is one."""
    error = context.get("exception")
    if not (isinstance(error, OSError) and error.errno in {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}):
        loop.default_exception_handler(context)


@contextmanager
def serve_in_thread(application: ASGIApp, sockets: list[socket.socket]) -> Iterator[None]:
    """Serve an application from a thread for the duration of a `with` block."""
    server = _Server(_config(application))
    thread = Thread(target=server.run, kwargs={"sockets": sockets}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join()


def _config(application: ASGIApp, tls: SSLContext | None = None) -> uvicorn.Config:
    return uvicorn.Config(
        application,
        ssl_context_factory=None if tls is None else lambda *_: tls,
        http=BoundedProtocol,
        backlog=ACCEPTED,
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="error",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=_GRACE,
    )
