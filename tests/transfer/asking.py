"""Runs `probe.py` with a download handler in a process of its own, and returns the answers that it reports.

run = probe(STOCK, [Ask("http://127.0.0.1:8000/hello")])
assert run.answers[0].text == "hi"
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[2]
DEADLINE: Final = 100
"""Seconds after which a probe has failed."""

PAIRS: Final = ("headers", "headers_received", "signals")
"""The fields of an answer that are lists of pairs."""

NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Handler:
    """A download handler to test. `schemes`: scheme -> dotted path, as in DOWNLOAD_HANDLERS."""

    name: str
    schemes: Mapping[str, str]

    def __str__(self) -> str:
        return self.name


CURL_PATH: Final = "mirror.transfer.download_handler.CurlHandler"

STOCK: Final = Handler("stock", {})
CURL: Final = Handler("curl", dict.fromkeys(("http", "https", "ftp", "ftps", "sftp", "file"), CURL_PATH))


@dataclass(frozen=True, slots=True)
class Ask:
    """One request. `stop` is ("headers" or "bytes", fail): where to raise `StopDownload`.

    `is_first`: those behind it are sent after its answer, as with an origin that is known already.
    """

    url: str
    method: str = "GET"
    headers: Mapping[str, Any] = field(default_factory=dict)
    body: str = ""
    meta: Mapping[str, Any] = field(default_factory=dict)
    stop: tuple[str, bool] | None = None
    is_first: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """The outcome of a request: a response, or an error. `text` is the beginning of the body."""

    url: str = ""
    status: int = 0
    headers: Sequence[tuple[str, str]] = ()
    length: int = 0
    sha256: str = ""
    text: str = ""
    kind: str = ""
    flags: Sequence[str] = ()
    protocol: str | None = None
    ip_address: str | None = None
    certificate: Mapping[str, str] | None = None
    latency: float | None = None
    error: str = ""
    module: str = ""
    message: str = ""
    signals: Sequence[tuple[str, int | None]] = ()
    headers_received: Sequence[tuple[str, str]] = ()

    def values(self, name: str) -> list[str]:
        """All values of a header."""
        return [value for key, value in self.headers if key.lower() == name.lower()]


@dataclass(frozen=True, slots=True)
class Run:
    """The report of a probe: one answer for each request, and its log."""

    answers: list[Answer]
    log: str


def probe(
    handler: Handler,
    requests: Sequence[Ask],
    settings: Mapping[str, Any] = NOTHING,
    environment: Mapping[str, str] = NOTHING,
) -> Run:
    """Send all requests in one crawl. In that process a warning is an error, and a request that hangs fails the probe."""
    handlers = {} if handler is STOCK else {"DOWNLOAD_HANDLERS": handler.schemes}
    job = {"settings": {**handlers, **settings}, "requests": [_plain(ask) for ask in requests]}
    with tempfile.TemporaryDirectory(prefix="probe-") as folder:
        asked, told = Path(folder, "asked.json"), Path(folder, "told.json")
        asked.write_text(json.dumps(job))
        done = subprocess.run(
            [sys.executable, "-W", "error", "-m", "tests.transfer.probe", str(asked), str(told)],
            cwd=ROOT,
            env={**_without_proxies(), **environment},
            stderr=subprocess.PIPE,
            encoding="latin-1",
            timeout=DEADLINE,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        answers = [_answer(told) for told in json.loads(told.read_text())]
    return Run(answers, done.stderr)


def _plain(ask: Ask) -> dict[str, Any]:
    return {field.name: getattr(ask, field.name) for field in fields(ask)}


def _answer(told: dict[str, Any]) -> Answer:
    pairs = {name: [(key, value) for key, value in told.get(name, ())] for name in PAIRS}
    return Answer(**{**told, **pairs})


def _without_proxies() -> dict[str, str]:
    """The environment, without the proxies of this machine."""
    return {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
