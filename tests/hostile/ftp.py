"""An FTP server with a hostile listing: names with `../`, with line breaks, and names that are invalid."""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from socket import create_server, socket
from typing import Final

NAMES: Final = (
    b"../../../../../../../../escaped.txt",
    b"/tmp/escaped.txt",
    b"a/../../../../../../escaped.txt",
    b"..",
    b".",
    b"..\\..\\..\\escaped.txt",
    b"C:\\escaped.txt",
    b"stream.txt::$DATA",
    b"con.txt",
    b"nul\x00.txt",
    b"cr\rDELE x.txt",
    b"esc\x1b[31m.txt",
    b"bidi\xe2\x80\xae.txt",
    b"%2e%2e%2fescaped.txt",
    b"honest.txt",
)
CONTENT: Final = b"an honest page, or not"


class _Session(socketserver.StreamRequestHandler):
    server: "_Server"

    def handle(self) -> None:
        with suppress(OSError):
            self._say("220 ready")
            passive: socket | None = None
            while line := self.rfile.readline(4096):
                word = line.split()[0].upper().decode("latin-1") if line.split() else ""
                self.server.commands.append(line)
                if word == "EPSV" and self.server.misleads_to:
                    self._say("500 no")  # PASV has an address
                elif word in {"PASV", "EPSV"}:
                    passive = create_server((self.server.host, 0))
                    passive.settimeout(5)
                    port = passive.getsockname()[1]
                    host = (self.server.misleads_to or self.server.host).replace(".", ",")
                    epsv = f"229 Entering Extended Passive Mode (|||{port}|)"
                    self._say(epsv if word == "EPSV" else f"227 ({host},{port >> 8},{port & 255})")
                elif word in {"LIST", "MLSD", "NLST", "RETR"} and passive:
                    self._say("150 here it comes")
                    with passive, passive.accept()[0] as data:
                        data.sendall(_listed(word) if word != "RETR" else CONTENT)
                    passive = None
                    self._say("226 done")
                else:
                    self._say(_ANSWERS.get(word, "200 fine"))
                if word == "QUIT":
                    return

    def _say(self, text: str) -> None:
        self.wfile.write(text.encode() + b"\r\n")


_ANSWERS: Final = {
    "USER": "331 password",
    "PASS": "230 welcome",
    "PWD": '257 "/"',
    "CWD": "250 there",
    "TYPE": "200 fine",
    "SIZE": f"213 {len(CONTENT)}",
    "MDTM": "213 20260101000000",
    "SYST": "215 UNIX Type: L8",
    "FEAT": "211 none",
    "QUIT": "221 bye",
}


def _listed(word: str) -> bytes:
    size = len(CONTENT)
    if word == "MLSD":
        return b"".join(b"type=file;size=%d;modify=20260101000000; %s\r\n" % (size, name) for name in NAMES)
    return b"".join(b"-rw-r--r-- 1 o g %d Jan  1  2026 %s\r\n" % (size, name) for name in NAMES)


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, host: str, misleads_to: str) -> None:
        super().__init__((host, 0), _Session)
        self.host, self.misleads_to = host, misleads_to
        self.commands: list[bytes] = []


@contextmanager
def serve_ftp(host: str, misleads_to: str = "") -> Iterator[str]:
    """Run the server; yield its URL. `misleads_to`: the address that it names for its data, which are at its own."""
    server = _Server(host, misleads_to)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"ftp://{host}:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
