"""A server that speaks HTTP/3 and nothing else, as a process of its own: `http3server.py FOLDER PORT CHAIN KEY`.

It serves the files of a folder. On its output it prints `ready` once it listens, and then each requested path.
"""

import asyncio
import sys
from pathlib import Path

from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.asyncio.server import serve
from aioquic.h3.connection import H3_ALPN, ErrorCode, H3Connection
from aioquic.h3.events import HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import ProtocolNegotiated, QuicEvent


class Files(QuicConnectionProtocol):
    """One connection."""

    folder = Path()
    http: H3Connection

    def quic_event_received(self, event: QuicEvent) -> None:
        if isinstance(event, ProtocolNegotiated):
            self.http = H3Connection(self._quic)
            return
        for heard in self.http.handle_event(event):
            if isinstance(heard, HeadersReceived):
                self._answer(heard.stream_id, dict(heard.headers)[b":path"].decode())

    def _answer(self, stream: int, path: str) -> None:
        _say(path)
        file = self.folder / path.partition("?")[0].lstrip("/")
        status, body = ("200", file.read_bytes()) if file.is_file() else ("404", b"")
        length = str(len(body)).encode()
        if path == "/cut":  # in the middle, as if that were its end
            self.http.send_headers(stream, [(b":status", b"200")])
            self.http.send_data(stream, b"half", end_stream=False)
            self._quic.reset_stream(stream, ErrorCode.H3_NO_ERROR)
            self.transmit()
            return
        self.http.send_headers(stream, [(b":status", status.encode()), (b"content-length", length)])
        self.http.send_data(stream, body, end_stream=True)
        self.transmit()


async def main(folder: str, port: str, chain: str, key: str) -> None:
    Files.folder = Path(folder)
    configuration = QuicConfiguration(alpn_protocols=H3_ALPN, is_client=False)
    configuration.load_cert_chain(chain, key)
    await serve("127.0.0.1", int(port), configuration=configuration, create_protocol=Files)
    _say("ready")
    await asyncio.Event().wait()


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
