"""A server on loopback that sends what its script says, byte for byte, valid HTTP or not.

    with serve({"hello": Reply(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nhi")}) as server:
        ...                       # run a client on server.url + "/hello/anything"
        assert server.asked("hello")[0].method == "GET"

The first segment of a path chooses the reply; the rest is free, to tell requests apart. A `Reply` is bytes, and what happens to
the connection afterwards. Any other reply is a function that takes the `Connection`, and returns whether it can be used again.
Everything ends by itself: a connection that is held open is closed when the client disconnects or `PATIENCE` is over.
"""

import socket
import socketserver
import ssl
import struct
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum, auto
from pathlib import Path
from threading import Barrier, BrokenBarrierError, Event, Lock
from typing import Final

from tests.site import running

PATIENCE: Final = 20.0
"""Seconds after which the server stops waiting for anything."""

ENOUGH: Final = 8 << 20
"""Bytes after which even an endless reply ends."""


class Then(Enum):
    """What happens to the connection after a reply."""

    KEEP = auto()
    CLOSE = auto()
    RESET = auto()
    """Close it so that the client sees "connection reset by peer" instead of an end."""
    HOLD = auto()
    """Send nothing more, until the client disconnects."""


@dataclass(frozen=True, slots=True)
class Reply:
    """Bytes to send, and what happens to the connection then."""

    raw: bytes
    then: Then = Then.CLOSE


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as it arrived. `raw` is its head with the empty line. Header names are in lower case."""

    connection: int
    peer: str
    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    raw: bytes
    body: bytes

    @property
    def name(self) -> str:
        """The first segment of the path."""
        return self.target.lstrip("/").split("/")[0].split("?")[0]

    def values(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name]


def ok(body: bytes = b"", *headers: str, status: str = "200 OK") -> bytes:
    """A valid answer with a Content-Length."""
    lines = [f"HTTP/1.1 {status}", *headers, f"Content-Length: {len(body)}"]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


class Connection(socketserver.BaseRequestHandler):
    """One connection of a client: reads its requests, and sends the reply to each."""

    request: socket.socket
    server: "Server"

    def setup(self) -> None:
        self.number = self.server.count()
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.request.settimeout(PATIENCE)
        self._unread = b""

    def handle(self) -> None:
        with suppress(OSError):  # the client disconnected, or took too long
            while asked := self._read():
                self.asked = asked
                self.server.requests.append(asked)
                if not self.play(self.server.script.get(asked.name, MISSING)):
                    return

    def play(self, reply: "Script") -> bool:
        """Send the reply. Returns whether the connection can be used for the next request."""
        if not isinstance(reply, Reply):
            return reply(self)
        self.send(reply.raw)
        if reply.then is Then.HOLD:
            self.hold()
        if reply.then is Then.RESET:
            self.reset()
        return reply.then is Then.KEEP

    def send(self, data: bytes) -> None:
        self.request.sendall(data)

    def hold(self) -> None:
        """Wait until the client disconnects."""
        while self.request.recv(65536):
            pass

    def reset(self) -> None:
        """Reset the connection. The server class would shut it down properly first."""
        self.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.request.close()

    def _read(self) -> Asked | None:
        head, end, rest = self._until_empty_line()
        if not end:
            return None
        first, *lines = head.decode("latin-1").split("\r\n")
        method, target, _version = first.split(" ", 2)
        pairs = (line.partition(":") for line in lines)
        headers = tuple((name.lower(), value.strip()) for name, _, value in pairs)
        length = next((int(value) for name, value in headers if name == "content-length"), 0)
        if ("expect", "100-continue") in headers:
            self.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        while len(rest) < length and (data := self.request.recv(65536)):
            rest += data
        self._unread = rest[length:]
        peer = self.client_address[0]
        return Asked(self.number, peer, method, target, headers, head + end, rest[:length])

    def _until_empty_line(self) -> tuple[bytes, bytes, bytes]:
        data = self._unread
        while b"\r\n\r\n" not in data and (more := self.request.recv(65536)):
            data += more
        return data.partition(b"\r\n\r\n")


Script = Reply | Callable[[Connection], bool]

MISSING: Final = Reply(ok(b"no such reply", status="404 Not Found"), Then.KEEP)


class Server(socketserver.ThreadingTCPServer):
    """A script at a port. `requests` are those of all connections, in order."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 256

    def __init__(
        self, script: Mapping[str, Script], host: str = "127.0.0.1", certificate: tuple[Path, Path] | None = None
    ) -> None:
        super().__init__((host, 0), Connection)
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        self.script = script
        self.port: int = self.server_address[1]
        self.url = f"http://{host}:{self.port}"
        self.requests: list[Asked] = []
        self._connections = 0
        self._lock = Lock()

    def count(self) -> int:
        """The number of a new connection."""
        with self._lock:
            self._connections += 1
            return self._connections

    def asked(self, name: str) -> list[Asked]:
        """The requests for the reply of this name."""
        return [request for request in self.requests if request.name == name]

    def connections(self, name: str) -> set[int]:
        """The connections that requested this reply."""
        return {request.connection for request in self.asked(name)}


@contextmanager
def serve(
    script: Mapping[str, Script], host: str = "127.0.0.1", *, certificate: tuple[Path, Path] | None = None
) -> Iterator[Server]:
    """Serve the script on a free port until the block ends, over TLS if there is a certificate."""
    server = Server(script, host, certificate)
    try:
        with running(server):
            yield server
    finally:
        server.server_close()  # its threads are daemons, which end with their clients


# Replies that need more than bytes


def echo(connection: Connection) -> bool:
    """The request's head and body, as they arrived."""
    body = connection.asked.raw + connection.asked.body
    connection.send(ok(b"" if connection.asked.method == "HEAD" else body, "Content-Type: text/plain"))
    return True


def endless(head: bytes, data: bytes) -> Script:
    """A head, and then the same data over and over until the client disconnects."""

    def reply(connection: Connection) -> bool:
        connection.send(head)
        return _endless(connection, data)

    return reply


def endless_body(connection: Connection) -> bool:
    """A body without a length that ends only when the client disconnects."""
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n")
    return _endless(connection, b"x" * 65536)


def endless_headers(connection: Connection) -> bool:
    """Header after header."""
    connection.send(b"HTTP/1.1 200 OK\r\n")
    return _endless(connection, b"X-More: %s\r\n" % (b"x" * 1000) * 64)


def endless_interim(connection: Connection) -> bool:
    """One "103 Early Hints" after the other, and never an answer."""
    return _endless(connection, b"HTTP/1.1 103 Early Hints\r\nLink: </x.css>\r\n\r\n" * 256)


def _endless(connection: Connection, data: bytes) -> bool:
    for _ in range(ENOUGH // len(data)):
        connection.send(data)
    connection.hold()
    return False


@dataclass(frozen=True, slots=True)
class Together:
    """Answers no request before `number` requests have arrived."""

    number: int
    barrier: Barrier = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "barrier", Barrier(self.number, timeout=PATIENCE))

    def __call__(self, connection: Connection) -> bool:
        try:
            self.barrier.wait()
        except BrokenBarrierError:
            connection.send(ok(b"the others have not come", status="503 Alone"))
        else:
            connection.send(ok(b"together"))
        return True


@dataclass(frozen=True, slots=True)
class Gate:
    """Answers `closed` only after `opener` has been answered."""

    opened: Event = field(default_factory=Event)

    def closed(self, connection: Connection) -> bool:
        passed = self.opened.wait(PATIENCE)
        connection.send(ok(b"late") if passed else ok(b"the other was not asked", status="503 Blocked"))
        return True

    def opener(self, connection: Connection) -> bool:
        connection.send(ok(b"early"))
        self.opened.set()
        return True


def once_per_connection(connection: Connection) -> bool:
    """Answers once on a connection, and closes it at the second request, like a server whose keep-alive just timed out."""
    asked = connection.server.asked(connection.asked.name)
    if len([request for request in asked if request.connection == connection.number]) > 1:
        return False
    connection.send(ok(b"fresh"))
    return True
