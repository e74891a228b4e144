"""What a command loads before it does its work: modules are counted, not seconds, so that a busy machine changes nothing."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from mirror.core.policy.scope import Scope
from mirror.core.url.canonical import canonical
from mirror.store.archive import Archive
from mirror.store.archive_reader import ArchiveReader
from mirror.store.run.crawl import Crawl
from mirror.store.searching import bring_up_to_date, open_index
from tests.crawl.running import ROOT
from tests.mirroring import complete, run
from tests.site import Site

HOME: Final = "https://example.org"
LIBRARIES: Final = frozenset(
    {
        *("OpenSSL", "asyncio", "cryptography", "lxml", "playwright", "pycurl", "requests", "rich.console", "scrapy"),
        *("ssl", "starlette", "tldextract", "turbohtml", "twisted", "urllib3", "uvicorn", "w3lib"),
    }
)
"""What takes long to load, and what no command needs that only prints a text or reads the manifest."""

LATER: Final = frozenset(
    {
        *("playwright", "starlette", "turbohtml", "twisted.web.client", "uvicorn"),
        *(
            "mirror.browser.renderer",
            "mirror.commands.compare",
            "mirror.commands.replay",
            "mirror.compare",
            "mirror.replay",
        ),
        *("mirror.core.comparison", "mirror.core.document.link_rewriter", "mirror.store.playback"),
    }
)
"""What a crawl does not need for its first request."""


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("start")
    with closing(Archive(root)) as archive:
        for _ in range(2):
            crawl = Crawl(archive, Scope((canonical(HOME),)), now=lambda: "2020-02-02T02:02:02+00:00")
            run(crawl, {HOME: Site().page("/", links=["/none"])})
            complete(crawl)
    with closing(ArchiveReader(root)) as reader, closing(open_index(root)) as index:
        for _ in bring_up_to_date(reader, index):
            pass
    return root


def loaded(times: str) -> set[str]:
    """The modules that Python's `-X importtime` reports."""
    return {line.rpartition("|")[2].strip() for line in times.splitlines() if line.startswith("import time:")} - {
        "imported package"
    }


def matching(modules: set[str], names: frozenset[str]) -> set[str]:
    return {name for name in names if name in modules or any(module.startswith(f"{name}.") for module in modules)}


def command(*words: str) -> list[str]:
    return [sys.executable, "-X", "importtime", "-m", "mirror", *words]


@pytest.mark.parametrize(
    ("words", "most", "code"),
    [
        ("--version", 160, 0),
        ("--help", 160, 0),
        ("why --help", 160, 0),
        ("--no-such-option", 160, 2),
        ("snapshots DIR", 260, 0),
        ("snapshots DIR --json", 260, 0),
        ("why DIR https://example.org/", 260, 0),
        ("why DIR https://example.org/unknown", 260, 1),
        ("diff DIR", 260, 0),
        ("show DIR https://example.org/", 260, 0),
        ("stats DIR", 260, 0),
        ("status DIR DIR", 260, 0),
        ("grep DIR none", 260, 0),
        ("grep DIR nothing", 260, 1),
    ],
)
def test_a_command_loads_only_what_it_needs(archive: Path, words: str, most: int, code: int) -> None:
    split = [str(archive) if word == "DIR" else word for word in words.split()]
    done = subprocess.run(command(*split), cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == code
    modules = loaded(done.stderr)
    assert not matching(modules, LIBRARIES)
    assert len(modules) <= most, sorted(modules)


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(60)
        yield server


def test_a_crawl_asks_its_first_request_before_it_loads_what_answers_need(
    listening: socket.socket, tmp_path: Path
) -> None:
    url = f"http://127.0.0.1:{listening.getsockname()[1]}/"
    times = tmp_path / "times"
    with times.open("w") as errors:
        words = command(url, "--out", str(tmp_path / "out"), "--render", "never")
        crawl = subprocess.Popen(words, cwd=ROOT, stderr=errors, stdout=subprocess.DEVNULL)
        connection, _ = listening.accept()
        with connection:
            assert connection.recv(1 << 16).startswith(b"GET /robots.txt ")
            os.kill(crawl.pid, signal.SIGKILL)
            crawl.wait()
    modules = loaded(times.read_text())
    assert "scrapy.core.engine" in modules
    assert not matching(modules, LATER)
    assert len(modules) <= 950, sorted(modules)


@pytest.mark.parametrize("begin", ["import mirror.settings", "from mirror.__main__ import main; main()"])
def test_python_looks_for_garbage_rarely_and_not_at_the_end(begin: str) -> None:
    """What was loaded stays to the end. Searching it then takes longer than a crawl of a few pages."""
    last = "import atexit, gc; atexit.register(lambda: print(gc.get_threshold()[0], gc.get_freeze_count() > 10_000))"
    command = [sys.executable, "-c", f"{last}; {begin}", "snapshots", "/nowhere"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout.splitlines()[-1] == "10000 True"
