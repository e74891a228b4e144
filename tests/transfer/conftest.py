"""What the tests of transfers share: the servers, started once for each test process, and the handlers to test."""

import random
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.transfer import servers
from tests.transfer.asking import CURL, STOCK, Handler
from tests.transfer.scripted import Server, Together, echo, serve

BINARY = random.Random(1).randbytes(1 << 20)
"""A mebibyte that contains every byte value."""

STREAMS = 8
"""How many concurrent requests the backend of nginx waits for at /together."""


@dataclass(frozen=True, slots=True)
class World:
    """The servers that both handlers use."""

    files: Path
    authority: servers.Authority
    backend: Server
    web: servers.Web
    proxy: servers.Proxy
    guarded_proxy: servers.Proxy
    refusing: int


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    home = tmp_path_factory.mktemp("servers")
    authority = servers.Authority(home)
    files = home / "files"
    publish(files)
    with ExitStack() as stack:
        enter = stack.enter_context
        backend = enter(serve({"echo": echo, "together": Together(STREAMS)}))
        yield World(
            files,
            authority,
            backend,
            enter(servers.nginx(files, home, authority, backend.url)),
            enter(servers.tinyproxy(home)),
            enter(servers.tinyproxy(home, user="clerk", password="stamp")),
            enter(servers.refusing()),
        )


def publish(files: Path) -> None:
    """Fill the folder that all file servers serve."""
    for folder in ("private", "members", "inner"):
        (files / folder).mkdir(parents=True)
    (files / "hello.txt").write_text("hello\n")
    (files / "empty.txt").write_text("")
    (files / "binary").write_bytes(BINARY)
    (files / "na me é.txt").write_text("odd name\n")
    (files / "private" / "secret.txt").write_text("secret\n")
    (files / "members" / "member.txt").write_text("member\n")
    (files / "inner" / "page.html").write_text("<!DOCTYPE html>\n<title>Inner</title>\n")


@pytest.fixture(scope="session", params=[STOCK, CURL], ids=str)
def handler(request: pytest.FixtureRequest) -> Handler:
    """Each handler to test."""
    judged: Handler = request.param
    return judged
