"""A server of HTTP/2 on loopback that sends what its script says, frame by frame.

    with serve(authority, lambda stream: [headers(stream), data(stream, b"hi", END_STREAM)]) as server:
        ...                       # run a client on server.url; it gets these frames for each of its requests

A script is called with the number of the stream of a request. It returns frames, and `None` at its end to close the connection.
"""

import socket
import socketserver
import ssl
import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Final

from tests.site import running
from tests.transfer.servers import Authority

END_STREAM: Final = 1
PADDED: Final = 8
NO_ERROR, CANCEL, REFUSED_STREAM = 0, 8, 7

_ACK: Final = 1
_END_HEADERS: Final = 4
_DATA, _HEADERS, _RST_STREAM, _SETTINGS, _GOAWAY = 0, 1, 3, 4, 7
_PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_STATUS_200: Final = b"\x88"  # an entry of HPACK's static table (RFC 7541, A)

Script = Callable[[int], Sequence[bytes | None]]


def headers(stream: int, flags: int = 0, /, **fields: str) -> bytes:
    """A header section with status 200."""
    return _frame(_HEADERS, flags | _END_HEADERS, stream, _STATUS_200 + _fields(fields))


def trailers(stream: int, flags: int = END_STREAM) -> bytes:
    return _frame(_HEADERS, flags | _END_HEADERS, stream, _fields({"x-sum": "1"}))


def data(stream: int, block: bytes = b"", flags: int = 0) -> bytes:
    return _frame(_DATA, flags, stream, block)


def padded(stream: int, block: bytes, flags: int = 0) -> bytes:
    return _frame(_DATA, flags | PADDED, stream, b"\x05" + block + bytes(5))


def reset(stream: int, code: int = NO_ERROR) -> bytes:
    return _frame(_RST_STREAM, 0, stream, struct.pack(">I", code))


def goaway(last: int) -> bytes:
    return _frame(_GOAWAY, 0, 0, struct.pack(">II", last, NO_ERROR))


def _fields(fields: dict[str, str]) -> bytes:
    """Fields without compression and without an index (RFC 7541, 6.2.2)."""
    pairs = ((name.replace("_", "-").encode(), value.encode()) for name, value in fields.items())
    return b"".join(b"\0%c%b%c%b" % (len(name), name, len(value), value) for name, value in pairs)


def _frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


class Connection(socketserver.StreamRequestHandler):
    """One connection of a client."""

    server: "Server"

    def handle(self) -> None:
        with suppress(OSError):  # the client disconnected
            if self.rfile.read(len(_PREFACE)) == _PREFACE:
                self.wfile.write(_frame(_SETTINGS, 0, 0))
                self._answer()

    def _answer(self) -> None:
        while head := self.rfile.read(9):
            kind, flags, stream = head[3], head[4], int.from_bytes(head[5:], "big")
            self.rfile.read(int.from_bytes(head[:3], "big"))
            if kind == _SETTINGS and not flags & _ACK:
                self.wfile.write(_frame(_SETTINGS, _ACK, 0))
            if kind == _HEADERS:
                self.server.asked += 1
                frames = self.server.script(stream)
                self.wfile.write(b"".join(frame for frame in frames if frame))
                if None in frames:
                    return


class Server(socketserver.ThreadingTCPServer):
    """A script at a port. `asked` counts the requests."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, context: ssl.SSLContext, script: Script) -> None:
        super().__init__(("127.0.0.1", 0), Connection)
        self.script = script
        self.asked = 0
        self.url = f"https://127.0.0.1:{self.server_address[1]}"
        self._context = context

    def get_request(self) -> tuple[socket.socket, object]:
        client, address = super().get_request()
        return self._context.wrap_socket(client, server_side=True, do_handshake_on_connect=False), address


@contextmanager
def serve(authority: Authority, script: Script) -> Iterator[Server]:
    """Serve the script on a free port until the block ends. It speaks nothing but HTTP/2."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.sign("127.0.0.1"))
    context.set_alpn_protocols(["h2"])
    with Server(context, script) as server, running(server):
        yield server
