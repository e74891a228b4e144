"""Connections of the replay server: how many there may be, and which are dropped.

No client can keep others from being answered. There are at most `most()` connections; for a further one, the server drops the
one that has been idle for the longest time, or else the oldest. It also drops a connection that sends no whole request in
time, or that takes too few bytes of its response.
"""

import asyncio
import sys
from typing import Any, Final

from uvicorn.protocols.http.h11_impl import H11Protocol

if sys.platform != "win32":
    import resource

MAX: Final = 512
"""Connections, whatever the system allows. A browser opens six for each host of a page."""

ACCEPTED: Final = 16
"""Connections that are accepted before the first of them is looked at."""

_RESERVE: Final = 64
"""File descriptors for everything but connections: the manifest, libraries, standard streams, what was just accepted."""

_REQUEST_TIME: Final = 20.0
"""Seconds from the beginning of a connection, or from the last response, to the end of the next request's headers."""

_STALL_TIME: Final = 60.0
"""Seconds in which the client has to take `_LEAST` bytes of a response that waits for it."""

_LEAST: Final = 6000


def most() -> int:
    """Return how many connections there may be. Each may need a second file descriptor, for the file that it is sent."""
    if sys.platform != "win32":
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        return MAX if limit == resource.RLIM_INFINITY else max(2, min(MAX, (limit - _RESERVE) // 2))
    return MAX  # the limit of Windows is far above


class BoundedProtocol(H11Protocol):
    """One connection. All of a server share the set `connections`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._since = self.loop.time()
        self._buffered = 0
        self._check: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._make_room()
        super().connection_made(transport)
        self._watch(_REQUEST_TIME)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._check:
            self._check.cancel()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        self._watch(_REQUEST_TIME)
        super().on_response_complete()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._watch(_STALL_TIME)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._watch(_STALL_TIME)

    @property
    def is_idle(self) -> bool:
        """Whether the client has to send a request."""
        return self.cycle is None or self.cycle.response_complete

    def _make_room(self) -> None:
        others = [one for one in self.connections if isinstance(one, BoundedProtocol)]
        if len(others) >= most():
            min(others, key=lambda one: (not one.is_idle, one._since)).drop()  # noqa: SLF001 - of the same class

    def drop(self) -> None:
        """End the connection at once, and forget what it has still to be sent."""
        self.connections.discard(self)
        self.transport.abort()

    def _watch(self, seconds: float) -> None:
        """Look again after so many seconds."""
        if self._check:
            self._check.cancel()
        self._since = self.loop.time()
        self._buffered = self.transport.get_write_buffer_size()
        self._check = self.loop.call_later(seconds, self._look)

    def _look(self) -> None:
        left = self.transport.get_write_buffer_size()
        is_stalled = left > 0 and 0 <= self._buffered - left < _LEAST
        if is_stalled or (self.is_idle and not left):
            self.drop()
        else:
            self._watch(_STALL_TIME)
