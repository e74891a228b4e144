"""Run the real `scrapy replay`, and send it requests over a socket, like those of a browser or of an attacker."""

import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

from mirror.core.policy.scope import Scope
from mirror.core.replay.origins import Server
from mirror.core.url.canonical import canonical
from mirror.store.archive import Archive
from mirror.store.rules.refresh_policy import RefreshPolicy
from mirror.store.run.crawl import Crawl
from tests.crawl.running import ROOT, SCRAPY
from tests.mirroring import Web, complete, run

PAGE = "text/html,application/xhtml+xml,*/*;q=0.8"


@dataclass(frozen=True)
class Answer:
    """A response. Header names are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


@dataclass(frozen=True)
class Served:
    """A running replay server."""

    port: int
    process: "subprocess.Popen[str]"

    def place(self, url: str, snapshot: int = 1) -> str:
        """The URL at which a URL is replayed."""
        return Server(self.port).place(canonical(url), snapshot)

    def get(
        self, url: str, snapshot: int = 1, headers: Mapping[str, str] | None = None, *, method: str = "GET"
    ) -> Answer:
        """Request a URL as replayed from a snapshot."""
        return self.ask(self.place(url, snapshot), headers, method=method)

    def ask(self, place: str, headers: Mapping[str, str] | None = None, *, method: str = "GET") -> Answer:
        """Request a URL of this server. The system need not be able to resolve its host."""
        host, slash, path = place.removeprefix("http://").partition("/")
        return self.send(host, slash + path, headers, method=method)

    def send(self, host: str, target: str, headers: Mapping[str, str] | None = None, *, method: str = "GET") -> Answer:
        """Send a request with any Host and any target."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
        for name, value in {"Host": host, "Accept": PAGE, **(headers or {})}.items():
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, body)

    def raw(self, request: bytes) -> bytes:
        """Send bytes unchanged. Return everything received until the server closes the connection."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as connection:
            connection.sendall(request)
            return b"".join(iter(lambda: connection.recv(1 << 16), b""))


@contextmanager
def served(out: Path, *words: str) -> Iterator[Served]:
    """Run `scrapy replay OUT --port 0 WORD...`, and end it with Ctrl-C."""
    command = [*SCRAPY, "replay", str(out), "--port", "0", *words]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            url = process.stdout.readline().strip()
            assert url.startswith("http://localhost:"), process.communicate(timeout=30)
            yield Served(int(url.rstrip("/").rpartition(":")[2]), process)
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.communicate(timeout=30)
            finally:
                process.kill()  # otherwise the block would wait for a server that did not end


def mirrored(root: Path, web: Web, start: str, day: str = "2026-11-24") -> int:
    """Mirror a site in this process, as on the given day. Return the number of the snapshot."""
    archive = Archive(root)
    try:
        now = f"{day}T10:00:00+00:00"
        crawl = Crawl(archive, Scope((canonical(start),)), refresh=RefreshPolicy(max_loss=1), now=lambda: now)
        run(crawl, web)
        complete(crawl)
        return crawl.snapshot.id
    finally:
        archive.close()
