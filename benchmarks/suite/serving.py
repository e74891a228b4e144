"""Servers on loopback that log their requests: nginx, and the suite's own `paced`. They stop at the end of a `with` block.

They use port 80 of an address in 127.0.0.0/24 if they may, because Debian 12's wget2 saves only one file of a site whose URL
has a port; otherwise a free port of 127.0.0.1.
"""

import itertools
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
PATIENCE: Final = 10.0
"""Seconds to wait for a server to answer, or for a line in its log."""

NGINX: Final = """
daemon off; pid {home}/pid; {user} worker_processes 1; error_log {home}/error.log crit;
events {{ worker_connections 1024; }}
http {{
    include /etc/nginx/mime.types; sendfile on; tcp_nopush on; keepalive_requests 1000000;
    log_format counted "$request_method $request_uri $status $bytes_sent"; access_log {log} counted;
    client_body_temp_path {home}/body; proxy_temp_path {home}/proxy; fastcgi_temp_path {home}/fastcgi;
    uwsgi_temp_path {home}/uwsgi; scgi_temp_path {home}/scgi;
    server {{ listen {host}:{port}; root {folder}; }}
}}
"""


@dataclass(frozen=True, slots=True)
class Traffic:
    """What a server received and sent: the number of requests, bytes including headers, and path -> number of requests."""

    requests: int
    sent: int
    paths: Counter[str]


def read(lines: str) -> Traffic:
    """Sum up the lines of a log, `METHOD PATH STATUS BYTES`. Other lines are ignored.

    >>> read("GET / 200 512\\nHEAD /a 304 180\\n")
    Traffic(requests=2, sent=692, paths=Counter({'/': 1, '/a': 1}))
    """
    rows = [row for row in map(str.split, lines.splitlines()) if len(row) == 4 and row[3].isdigit()]
    return Traffic(len(rows), sum(int(row[3]) for row in rows), Counter(row[1] for row in rows))


class Server:
    """A running server: its URL and its traffic."""

    def __init__(self, url: str, log: Path) -> None:
        self.url = url
        self._log = log
        self._read = 0
        self._marks = itertools.count()

    def traffic(self) -> Traffic:
        """The traffic since the last call.

        To find the end, this sends a request of its own: the server logs it after everything that it answered before.
        """
        mark = f"/--mark-{next(self._marks)}"
        try:
            urllib.request.urlopen(self.url.rstrip("/") + mark, timeout=PATIENCE).close()
        except urllib.error.HTTPError as missing:
            missing.close()
        ends = time.monotonic() + PATIENCE
        while f"GET {mark} " not in (lines := self._log.read_bytes()[self._read :].decode("latin-1")):
            if time.monotonic() > ends:
                raise TimeoutError(f"{mark} is not in the log")
            time.sleep(0.01)
        self._read += len(lines)
        return read(lines.partition(f"GET {mark} ")[0])


@contextmanager
def nginx(folder: Path, home: Path) -> Iterator[Server]:
    """Serve the files of a folder with nginx, which follows symbolic links."""
    program = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        raise FileNotFoundError("nginx is missing: sh benchmarks/needs.sh")
    host, port = free_address()
    user = "user root;" if os.getuid() == 0 else ""  # so that it can read files that root has written
    log, configuration = home / "access.log", home / "nginx.conf"
    log.touch()
    configuration.write_text(NGINX.format(home=home, user=user, log=log, host=host, port=port, folder=folder))
    with _running([program, "-e", str(home / "error.log"), "-c", str(configuration)], host, port):
        yield Server(url_of(host, port), log)


@contextmanager
def paced(home: Path, *options: str) -> Iterator[Server]:
    """Serve with `paced`, the suite's own server, and its options."""
    host, port = free_address()
    with paced_hosts(home, [host], port, *options) as server:
        yield server


@contextmanager
def paced_hosts(home: Path, hosts: Sequence[str], port: int, *options: str) -> Iterator[Server]:
    """Serve several hosts with `paced`; the URL of the server is that of the first one."""
    log = home / "access.log"
    log.touch()
    command = [
        sys.executable,
        "-m",
        "benchmarks.suite.paced",
        "--port",
        str(port),
        "--log",
        str(log),
        "--hosts",
        *hosts,
    ]
    with _running([*command, *options], hosts[-1], port):
        yield Server(url_of(hosts[0], port), log)


def free_address() -> tuple[str, int]:
    """Find port 80 on the first address of 127.0.0.0/24 where it is free and allowed, or a free port of 127.0.0.1."""
    for host in (f"127.0.0.{n}" for n in range(1, 255)):
        with socket.socket() as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                trial.bind((host, 80))
            except PermissionError:
                break
            except OSError:
                continue
            return host, 80
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return "127.0.0.1", trial.getsockname()[1]


def url_of(host: str, port: int) -> str:
    return f"http://{host}/" if port == 80 else f"http://{host}:{port}/"


@contextmanager
def _running(command: list[str], host: str, port: int) -> Iterator[None]:
    """Run a server. The `with` block starts when it accepts connections."""
    process = subprocess.Popen(command, cwd=ROOT, start_new_session=True)  # Ctrl-C should not reach it directly
    try:
        ends = time.monotonic() + PATIENCE
        while not _answers(host, port):
            if process.poll() is not None or time.monotonic() > ends:
                raise ChildProcessError(f"{command[0]} does not answer")
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait(timeout=PATIENCE)


def _answers(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return False
    return True
