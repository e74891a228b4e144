"""Fixtures of the browser tests: a real Chromium, a real nginx, and a mirror made by the real command."""

import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.crawl.running import scrapy
from tests.warm import Done

ROOT = Path(__file__).resolve().parents[2]
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
"""Flags that keep Chromium from contacting its maker's servers."""


def program(name: str, *places: str) -> str:
    """The path of a program. If it is missing, the test fails in CI and is skipped elsewhere."""
    found = shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), *places]))
    if found is None:
        reason = f"{name} is missing: make needs"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return found


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    path = program("chromium")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=QUIET)
        yield chromium
        chromium.close()


@pytest.fixture(scope="package")
def nginx(tmp_path_factory: pytest.TempPathFactory) -> Iterator["Nginx"]:
    server = Nginx(program("nginx", "/usr/sbin"), tmp_path_factory.mktemp("nginx"))
    yield server
    server.stop()


class Nginx:
    """Serves folders on loopback, each with an nginx process of its own."""

    def __init__(self, path: str, home: Path) -> None:
        self._path = path
        self._home = home
        self._running: list[subprocess.Popen[bytes]] = []

    def serve(self, folder: Path, fallback: str = "", *, lists: bool = False) -> str:
        """Serve a folder, and return its URL once the server answers. `fallback` is the file to send for unknown paths.

        `lists`: folders without an index page are listed.
        """
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        home = self._home / str(port)
        home.mkdir()
        temporary = "".join(
            f"{name}_temp_path {home}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        missing = f"location / {{ try_files $uri $uri/ {fallback}; }}" if fallback else ""
        user = "user root;" if os.getuid() == 0 else ""  # so that it can read files that tests write as root
        (home / "nginx.conf").write_text(
            f"daemon off; pid {home}/pid; {user} error_log {home}/error.log; events {{}}"
            f"http {{ include /etc/nginx/mime.types; access_log {home}/access.log; {temporary}"
            f"server {{ listen 127.0.0.1:{port}; root {folder}; {'autoindex on;' * lists} {missing} }} }}"
        )
        command = [self._path, "-e", str(home / "error.log"), "-c", str(home / "nginx.conf")]
        self._running.append(subprocess.Popen(command))
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
            except OSError:
                time.sleep(0.05)
            else:
                return f"http://127.0.0.1:{port}/"
        pytest.fail(f"nginx does not answer: {(home / 'error.log').read_text()}")

    def answered(self, url: str) -> set[str]:
        """The paths that this server answered with 200 since the last call."""
        log = self._home / url.rstrip("/").rpartition(":")[2] / "access.log"
        found = set(re.findall(r'"GET (\S+) HTTP/1\.[01]" 200 ', log.read_text()))
        log.write_text("")
        return found

    def stop(self) -> None:
        for running in self._running:
            running.terminate()
            running.wait(timeout=10)


def run_mirror(start: str, out: Path, *words: str) -> Done:
    """Run `scrapy crawl mirror` with Scrapy's words, without the short waits of other tests."""
    options = (f"start={start}", f"out={out}", "render=never")
    return scrapy("crawl", "mirror", *(word for option in options for word in ("-a", option)), *words)
