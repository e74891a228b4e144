"""Run the servers of applications on loopback, and count the requests that they log."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import CGIHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

from benchmarks.applications.building import Count, NotThereError
from tests.browser.conftest import Nginx
from tests.site import running

SECONDS: Final = 30


@contextmanager
def files(folder: Path) -> Iterator[tuple[str, Count]]:
    """Serve a folder by nginx. Yields its URL."""
    with tempfile.TemporaryDirectory() as home:
        Path(home).chmod(0o755)
        nginx = Nginx(shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin") or "nginx", Path(home))
        try:
            url = nginx.serve(folder)
            log = Path(home) / url.rstrip("/").rpartition(":")[2] / "access.log"
            yield url, lambda: _requests(log)
        finally:
            nginx.stop()


@contextmanager
def php(root: Path, port: int, environment: Mapping[str, str] | None = None) -> Iterator[Count]:
    """Serve a folder by the server that is built into PHP; unknown paths get its `index.php`."""
    workers = {"PHP_CLI_SERVER_WORKERS": "4"} | dict(environment or {})
    with program(["php", "-S", f"127.0.0.1:{port}", "-t", str(root)], root, port, workers) as count:
        yield count


@contextmanager
def program(
    command: list[str], folder: Path, port: int, environment: Mapping[str, str] | None = None
) -> Iterator[Count]:
    """Run a server until the block ends. Its log of requests is what it writes to stderr."""
    with tempfile.TemporaryDirectory() as home:
        log = Path(home) / "log"
        with log.open("ab") as errors, background(command, folder, errors.fileno(), environment):
            wait_for(lambda: _answers(port), f"{command[0]} does not answer: {log.read_text()[-2000:]}")
            yield lambda: _requests(log)


@contextmanager
def background(
    command: list[str], folder: Path, errors: int, environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program, and end it and its children when the block ends."""
    variables = os.environ | dict(environment or {})
    try:
        process = subprocess.Popen(
            command, cwd=folder, env=variables, stdout=subprocess.DEVNULL, stderr=errors, start_new_session=True
        )
    except OSError as error:
        raise NotThereError(str(error)) from error
    try:
        yield process
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()


def wait_for(is_ready: Callable[[], bool], complaint: str) -> None:
    """Wait until something is ready."""
    end = time.monotonic() + SECONDS
    while not is_ready():
        if time.monotonic() > end:
            raise NotThereError(complaint)
        time.sleep(0.05)


def _answers(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def _requests(log: Path) -> int:
    lines = [line for line in log.read_text(errors="replace").splitlines() if "GET /" in line or "HEAD /" in line]
    os.truncate(log, 0)
    return len(lines)


@contextmanager
def cgi(home: Path, script: str, variables: Mapping[str, str]) -> Iterator[tuple[str, Count]]:
    """Serve `cgi-bin/SCRIPT` in a folder as `/`, and the files below `static`."""
    os.environ.update(variables)
    requests: list[str] = []

    class Handler(CGIHTTPRequestHandler):
        have_fork = False  # this process has threads

        def __init__(self, *words: object) -> None:
            super().__init__(*words, directory=str(home))  # type: ignore[arg-type]

        def is_cgi(self) -> bool:
            if self.path.startswith("/static/"):
                return False
            path, mark, query = self.path.partition("?")
            self.path = f"/cgi-bin/{script}{'' if path == '/' else path}{mark}{query}"
            return super().is_cgi()

        def log_request(self, *_: object) -> None:
            requests.append(self.path)

        def log_message(self, *_: object) -> None:
            """What programs write to stderr is of no interest."""

    def count() -> int:
        number = len(requests)
        requests.clear()
        return number

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """A client that goes away is no error."""

    server = Server(("127.0.0.1", 0), Handler)
    server.server_name = "127.0.0.1"  # not what the resolver calls it
    with running(server):
        yield f"http://127.0.0.1:{server.server_port}/", count
