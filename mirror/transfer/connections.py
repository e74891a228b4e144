"""The connections of a `Multi`: which requests wait for one, and which connections are given up for others.

libcurl can hold a request back until a connection that is being made can be shared. That is worth it only if the server shares
connections. From HTTP/1.1 requests would wait for each other, so a request waits only if the origin was seen to speak HTTP/2 or
HTTP/3 (as in Chromium). Until then it gets a connection of its own.

Some servers answer one connection at a time. As long as it is open, be it idle, the requests on other connections hear nothing.
So if a new connection stays silent for `SILENCE`, the origin's other connections are given up: the idle ones at once, the
others at the end of their transfers.
"""

import os
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from socket import SHUT_RDWR, socket
from typing import Any, Final

import pycurl

from mirror.core.url.canonical import CanonicalURL, is_web, origin
from mirror.transfer.curl_operation import CurlOperation

SILENCE: Final = 1.0
"""Seconds after which a new connection without an answer is suspected to wait for the others to end."""

_SHARING_VERSIONS: Final = frozenset({3, 30, 31})  # HTTP/2, HTTP/3
_NONE: Final = -1


@dataclass(frozen=True, slots=True)
class _Idle:
    """A connection that libcurl keeps for later. `port` is the local one, by which a reused descriptor is recognised."""

    origin: str
    port: int


class Connections:
    """Which origins share connections, and which connections are idle."""

    def __init__(self) -> None:
        self._sharing: set[str] = set()
        self._idle: dict[int, _Idle] = {}

    def prepare(self, easy: pycurl.Curl, url: CanonicalURL) -> None:
        """Set the options of a transfer that say which connection it takes, and whether it keeps it."""
        easy.setopt(pycurl.PIPEWAIT, int(origin(url) in self._sharing))
        easy.setopt(pycurl.FORBID_REUSE, 0)

    def ended(self, easy: pycurl.Curl, url: CanonicalURL, descriptor: int) -> None:
        """Note how a transfer used its connection. `descriptor`: its socket, if libcurl keeps the connection, else -1."""
        version = easy.getinfo(pycurl.INFO_HTTP_VERSION)
        if version:  # 0: there was no answer
            (self._sharing.add if version in _SHARING_VERSIONS else self._sharing.discard)(origin(url))
        if descriptor != _NONE:
            self._idle[descriptor] = _Idle(origin(url), easy.getinfo(pycurl.LOCAL_PORT))

    def relieve(self, running: Collection[CurlOperation[Any]], now: float) -> None:
        """Give up connections of the origins at which a new connection stays silent. To be called repeatedly."""
        silent = {origin(one.url) for one in running if _is_silent(one, now)}
        if not silent:
            return
        for one in running:
            if origin(one.url) in silent:
                one.easy.setopt(pycurl.FORBID_REUSE, 1)
        in_use = {one.easy.getinfo(pycurl.ACTIVESOCKET) for one in running}
        for descriptor, idle in list(self._idle.items()):
            if idle.origin in silent:
                del self._idle[descriptor]
                if descriptor not in in_use:
                    _shut(descriptor, idle.port)


def has_begun(easy: pycurl.Curl) -> bool:
    """Whether the request of a transfer was sent, or is about to be: libcurl neither holds it back nor makes a connection."""
    return bool(easy.getinfo(pycurl.PRETRANSFER_TIME) > 0)


def _is_silent(operation: CurlOperation[Any], now: float) -> bool:
    """Whether a request was sent on a connection of its own, which has not answered anything yet."""
    if now - operation.started < SILENCE or operation.last_activity > operation.started or not is_web(operation.url):
        return False
    return has_begun(operation.easy) and operation.easy.getinfo(pycurl.NUM_CONNECTS) > 0


def _shut(descriptor: int, port: int) -> None:
    """Shut an idle connection down. libcurl notices when it looks for a connection, and makes another one."""
    with suppress(OSError), socket(fileno=os.dup(descriptor)) as found:
        if found.getsockname()[1] == port:
            found.shutdown(SHUT_RDWR)
