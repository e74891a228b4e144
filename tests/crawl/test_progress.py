"""The progress of a crawl, as the user sees it: on stdout, on a terminal, or in a hook.

Each crawl runs in its own process. This file is also the program that runs there; see `crawl`.
"""

import io
import json
import logging
import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from subprocess import PIPE
from threading import Event
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.text import Text
from scrapy import Request, Spider, signals
from scrapy.core.downloader.handlers.base import BaseDownloadHandler
from scrapy.crawler import CrawlerProcess
from scrapy.exceptions import ResponseDataLossError
from scrapy.http import Headers, Response
from scrapy.utils.test import get_crawler

from mirror.core.url.canonical import CanonicalURL
from mirror.core.url.local_paths import EXACT
from mirror.progress import Progress
from mirror.terminal.displays import Blocks, InvalidProgressError, display, is_terminal
from mirror.terminal.progress_bars import LINGER, ROWS, Bars, Rate
from mirror.terminal.reporthook import UNKNOWN_SIZE, Reporthook, Totals
from mirror.transfer.curl_operation import STATUS
from tests.site import Handler, Server, Site, serve

ROOT = Path(__file__).parents[2]
HOOKS = "tests.crawl.test_progress"
HOSTILE = "https://example.org/[red]\x1b[31m\x1b]0;title\x07\x9b2J\r\n[/red]"


# The program


class Sucker(Spider):
    """Requests the given URLs one after the other."""

    name = "sucker"

    def expected_place(self, url: CanonicalURL, media_type: str) -> Path:
        return "out" / Path(EXACT.path(url, media_type))

    urls: tuple[str, ...] = ()

    async def start(self) -> AsyncIterator[Any]:
        for number, url in enumerate(self.urls):
            yield Request(url, priority=-10 * number)

    def parse(self, response: Response) -> None:
        assert self.crawler.stats
        self.crawler.stats.inc_value("mirror/pages")
        self.crawler.stats.inc_value("mirror/bytes", len(response.body))
        self.logger.info("Parsed %s", response.url)


class Telling(BaseDownloadHandler):
    """A download handler that sets the status early, and prints its steps. Its first attempt is cut short."""

    async def download_request(self, request: Request) -> Response:
        status = 404 if request.url.endswith("/missing") else 200
        request.meta[STATUS] = status
        self._send(signals.headers_received, request, headers=Headers(), body_length=20_000)
        self._send(signals.bytes_received, request, data=bytes(10_000))
        sys.stdout.write(f"half of {status}\n")
        if "retry_times" not in request.meta:
            raise ResponseDataLossError("cut")
        self._send(signals.bytes_received, request, data=bytes(10_000))
        return Response(request.url, status=status, body=bytes(20_000))

    def _send(self, sent: object, request: Request, **what: object) -> None:
        self.crawler.signals.send_catch_log(sent, request=request, spider=self.crawler.spider, **what)


def counting(url: str, path: str) -> Reporthook:
    """A factory of hooks."""
    numbers = count(1)

    def hook(block: int, size: int, total: int) -> None:
        call = block, size, total
        sys.stdout.write(f"{url.rpartition('/')[2]} {Path(path).name} {next(numbers)} {call}\n")

    return hook


def raising(_url: str, _path: str) -> Reporthook:
    """A factory of hooks that raise."""

    def hook(block: int, _size: int, _total: int) -> None:
        raise RuntimeError(f"no good\nat block {block}")

    return hook


def refusing(_url: str, _path: str) -> Reporthook:
    """A factory that raises."""
    raise RuntimeError("no hook")


NO_FACTORY = "a text"


def crawl(settings: dict[str, Any]) -> None:
    process = CrawlerProcess(
        {
            "EXTENSIONS": {"mirror.progress.Progress": 0},
            "CONCURRENT_REQUESTS": 1,
            "ROBOTSTXT_OBEY": True,
            "RETRY_TIMES": 1,
            "REMOTE_CONTROL_ENABLED": False,
            "TELNETCONSOLE_ENABLED": False,
            "LOG_LEVEL": "INFO",
            **settings,
        }
    )
    process.crawl(Sucker, urls=tuple(settings["URLS"]))
    process.start()


# Crawls


def without_length(request: Handler) -> None:
    request.send_response(200)
    request.send_header("Content-Type", "text/css")
    request.send_header("Transfer-Encoding", "chunked")
    request.end_headers()
    request.wfile.write(b"2328\r\n%s\r\n0\r\n\r\n" % bytes(9000))


def flaky(request: Handler) -> None:
    """Fail the first request."""
    failed = request.server.paths.count("/flaky.png") == 1
    request.send_response(503 if failed else 200)
    request.send_header("Content-Type", "image/png")
    request.send_header("Content-Length", "8192")
    request.end_headers()
    request.wfile.write(bytes(8192))


SITE = (
    Site()
    .file("/robots.txt", "User-agent: *\nDisallow: /secret\n", "text/plain")
    .file("/page", "x" * 100, "text/html; charset=utf-8")
    .file("/missing", "x" * 20_000, "text/html", status=404)
    .redirect("/moved", "/page?from=moved")
    .file("/page?from=moved", "", "text/html")
    .file("/caf%C3%A9.png", bytes(20_000), "image/png")
)
SITE["/style.css"] = without_length
SITE["/flaky.png"] = flaky
PATHS = ("/page", "/missing", "/moved", "/style.css", "/flaky.png", "/caf%C3%A9.png")
FILES = {
    "/robots.txt": ("robots.txt", [(0, 8192, 32), (1, 8192, 32)]),
    "/page": ("page~.html", [(0, 8192, 100), (1, 8192, 100)]),
    "/page?from=moved": ("page@from=moved~.html", [(0, 8192, 0)]),
    "/style.css": ("style.css", [(0, 8192, -1), (1, 8192, -1), (2, 8192, -1)]),
    "/flaky.png": ("flaky.png", [(0, 8192, 8192), (1, 8192, 8192)]),
    "/caf%C3%A9.png": ("café.png", [(0, 8192, 20_000), (1, 8192, 20_000), (2, 8192, 20_000), (3, 8192, 20_000)]),
}


@pytest.fixture
def server() -> Iterator[Server]:
    with serve(SITE) as running:
        yield running


def start(
    server: Server, folder: Path, settings: dict[str, Any], *, stdout: int = PIPE, stderr: int = PIPE
) -> subprocess.Popen[str]:
    """Start a crawl of all paths, or of the PATHS in the settings."""
    urls = [server.url + path for path in settings.pop("PATHS", PATHS)]
    environment = {"PYTHONIOENCODING": "utf-8"} | os.environ | {"PYTHONPATH": str(ROOT), "TERM": "xterm-256color"}
    command = [sys.executable, __file__, json.dumps(settings | {"URLS": urls})]
    return subprocess.Popen(command, cwd=folder, env=environment, stdout=stdout, stderr=stderr, encoding="utf-8")


def run(server: Server, folder: Path, **settings: Any) -> tuple[list[str], str]:
    """Crawl to the end. Returns the lines on stdout, and the log."""
    with start(server, folder, settings) as process:
        printed, log = process.communicate(timeout=60)
    assert process.returncode == 0, log
    assert "Spider closed (finished)" in log
    return printed.splitlines(), log


def arrow(server: Server, path: str) -> str:
    host = f"127.0.0.1_{server.server_port}"
    return f"{server.url}{path} -> {Path('out', host, FILES[path][0])}"


def test_lines_are_the_default_without_a_terminal(server: Server, tmp_path: Path) -> None:
    printed, log = run(server, tmp_path)
    assert printed == [arrow(server, path) for path in FILES]
    assert "ERROR" not in log


def test_blocks_are_what_wget_py_printed(server: Server, tmp_path: Path) -> None:
    printed, _ = run(server, tmp_path, MIRROR_PROGRESS="blocks")
    assert printed == [
        line for path, (_, calls) in FILES.items() for line in (arrow(server, path), *(str(call) for call in calls))
    ]


def test_off_is_silent(server: Server, tmp_path: Path) -> None:
    printed, _ = run(server, tmp_path, MIRROR_PROGRESS="off")
    assert printed == []


@pytest.mark.parametrize("name", ["auto", "off"])
def test_a_hook_replaces_the_display(server: Server, tmp_path: Path, name: str) -> None:
    printed, _ = run(server, tmp_path, MIRROR_PROGRESS=name, MIRROR_REPORTHOOK=f"{HOOKS}.counting")
    assert printed == [
        f"{path[1:]} {file} {number} {call}"
        for path, (file, calls) in FILES.items()
        for number, call in enumerate(calls, 1)
    ]


@pytest.mark.parametrize(
    ("factory", "error"), [("raising", "RuntimeError: no good at block 0"), ("refusing", "RuntimeError: no hook")]
)
def test_a_hook_that_raises_is_called_once(server: Server, tmp_path: Path, factory: str, error: str) -> None:
    printed, log = run(server, tmp_path, MIRROR_REPORTHOOK=f"{HOOKS}.{factory}")
    [line] = [line for line in log.splitlines() if "no good" in line or "no hook" in line]
    assert f"ERROR: MIRROR_REPORTHOOK {HOOKS}.{factory} raised {error} ({__file__}:" in line
    assert "Traceback" not in log
    assert printed == []
    assert {"/page", "/caf%C3%A9.png"} <= set(server.paths)


def test_lines_in_an_encoding_without_the_character(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    printed, log = run(server, tmp_path, PATHS=["/caf%C3%A9.png"])
    assert printed == [arrow(server, path).replace("é", "\\xe9") for path in ("/robots.txt", "/caf%C3%A9.png")]
    assert "ERROR" not in log


def test_a_pipe_that_nobody_reads_does_not_end_the_crawl(server: Server, tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with start(server, tmp_path, {}, stdout=writer) as process:
        os.close(writer)
        _, log = process.communicate(timeout=60)
    assert process.returncode == 0
    assert log.count("BrokenPipeError") == 1
    assert "/caf%C3%A9.png" in server.paths


def test_hooks_are_called_early_for_a_handler_that_sets_the_status(server: Server, tmp_path: Path) -> None:
    """And a file that is fetched again starts again, with another hook."""
    handlers = {"http": f"{HOOKS}.Telling"}
    settings = {"DOWNLOAD_HANDLERS": handlers, "MIRROR_REPORTHOOK": f"{HOOKS}.counting", "ROBOTSTXT_OBEY": False}
    printed, _ = run(server, tmp_path, PATHS=["/a.bin", "/missing"], **settings)
    assert printed == [
        "a.bin a.bin 1 (0, 8192, 20000)",
        "a.bin a.bin 2 (1, 8192, 20000)",
        "half of 200",
        "a.bin a.bin 3 (2, 8192, 20000)",
        "a.bin a.bin 1 (0, 8192, 20000)",
        "a.bin a.bin 2 (1, 8192, 20000)",
        "half of 200",
        "a.bin a.bin 3 (2, 8192, 20000)",
        "a.bin a.bin 4 (3, 8192, 20000)",
        "half of 404",
        "half of 404",
    ]


# Invalid settings


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"MIRROR_PROGRESS": "fancy"},
            "MIRROR_PROGRESS is 'fancy': use one of auto, bars, lines, blocks, off",
        ),
        (
            {"MIRROR_REPORTHOOK": "no.such.hook"},
            "'no.such.hook' can't be imported: ModuleNotFoundError: No module named",
        ),
        ({"MIRROR_REPORTHOOK": "os.no_such"}, "'os.no_such' can't be imported: AttributeError: "),
        ({"MIRROR_REPORTHOOK": "not a path"}, "'not a path' can't be imported: ValueError: "),
        ({"MIRROR_REPORTHOOK": f"{HOOKS}.NO_FACTORY"}, "can't be called"),
    ],
)
def test_a_wrong_setting_is_reported_at_the_start(settings: dict[str, str], message: str) -> None:
    with pytest.raises(InvalidProgressError, match=re.escape(message)) as caught:
        Progress.from_crawler(get_crawler(settings_dict=settings))
    assert isinstance(caught.value, ValueError)
    assert "\n" not in str(caught.value)


def test_a_stream_without_a_descriptor_is_no_terminal() -> None:
    assert not is_terminal(io.StringIO())


# The terminal


@contextmanager
def terminal() -> Iterator[tuple[int, Iterator[str]]]:
    """A terminal for a process, and what is written to it, as it is written."""
    screen, keyboard = pty.openpty()
    try:
        yield keyboard, _read(screen)
    finally:
        os.close(screen)


def _read(screen: int) -> Iterator[str]:
    while True:
        try:
            yield os.read(screen, 65_536).decode(errors="replace")
        except OSError:  # the other end is closed
            return


def until(seen: Iterator[str], text: str) -> str:
    """Read until a text appears."""
    read = ""
    for piece in seen:
        read += piece
        if text in read:
            return read
    raise AssertionError(f"{text!r} did not appear in {read!r}")


def left_behind(written: str) -> str:
    """What is left on the terminal in place of the display: what was written after its lines were erased."""
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", written.rpartition("\x1b[2K")[2])


def test_bars_are_the_default_on_a_terminal(server: Server, tmp_path: Path) -> None:
    with terminal() as (keyboard, seen):
        process = start(server, tmp_path, {}, stderr=keyboard, stdout=keyboard)
        os.close(keyboard)
        written = "".join(seen)
        assert process.wait(timeout=60) == 0
    assert written.count("\x1b[?25l") == written.count("\x1b[?25h") == 1  # the cursor, hidden and shown
    before, painted = written.split("\x1b[?25l")
    painted, after = painted.split("\x1b[?25h")
    assert "Spider opened" in before
    assert "Parsed http" in painted
    assert "in flight" in painted
    assert "Spider closed (finished)" in after
    assert "in flight" not in left_behind(written)
    assert " -> " not in written


def test_ctrl_c_twice_leaves_the_terminal_sane(tmp_path: Path) -> None:
    over = Event()
    site = Site().file("/robots.txt", "")

    def slow(request: Handler) -> None:
        request.send_response(200)
        request.end_headers()
        request.wfile.flush()
        over.wait(60)

    site["/slow.bin"] = slow
    with serve(site) as server, terminal() as (keyboard, seen):
        process = start(server, tmp_path, {"PATHS": ["/slow.bin"]}, stderr=keyboard, stdout=keyboard)
        os.close(keyboard)
        until(seen, "1 in flight")
        process.send_signal(signal.SIGINT)
        until(seen, "Send again to force")
        process.send_signal(signal.SIGINT)
        written = "".join(seen)
        process.wait(timeout=60)
        over.set()
    assert written.count("\x1b[?25h") == 1
    assert "in flight" not in left_behind(written)


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def painted(picture: object, width: int = 100, height: int = 24) -> list[str]:
    """The lines of a display, as painted on a terminal."""
    file = io.StringIO()
    Console(file=file, force_terminal=True, width=width, height=height, soft_wrap=True).print(picture)
    return Text.from_ansi(file.getvalue()).plain.split("\n")


def test_bars_show_totals_rates_the_queue_and_the_files() -> None:
    clock = Clock()
    bars = Bars(clock=clock)
    bars.frame(Totals(queued=900))
    clock.now += 75
    half = bars.file("https://example.org/half.zip", "")
    half(0, 8192, 16_384_000)
    half(1000, 8192, 16_384_000)
    bars.file("http://example.org/stream", "")(4, 8192, UNKNOWN_SIZE)
    done = bars.file("https://example.org/done.png", "")
    bars.finished(done, 1234)
    lines = painted(bars.frame(Totals(1500, 1, 2_500_000, 3, 75_000_000, 750, 2)))
    assert re.fullmatch(r"─+", lines[0])
    assert re.fullmatch(r"1,500 pages  1 requisite  2\.5 MB  3 failed +0:01:15 *", lines[1])
    assert re.fullmatch(r"1\.0 MB/s  20 files/s  750 queued ↓ 2\.0/s +2 in flight *", lines[2])
    assert re.fullmatch(r"  example\.org/half\.zip +━+╺━+ +50% +8\.2/16\.4 MB *", lines[4])
    assert re.fullmatch(r"  http://example\.org/stream +━+ +32\.8 kB *", lines[5])
    assert re.fullmatch(r"✓ example\.org/done\.png +━+ 100% +1\.2 kB *", lines[6])


def test_bars_tell_which_host_the_crawl_waits_for() -> None:
    said = "waits for example.org, 12 s (429 Too Many Requests, Retry-After)"
    assert painted(Bars(clock=Clock()).frame(Totals(waits=said)))[3].rstrip() == said
    assert painted(Bars(clock=Clock()).frame(Totals()))[3].rstrip() == ""


def test_bars_tell_whether_the_queue_grows() -> None:
    clock = Clock()
    bars = Bars(clock=clock)
    for queued, trend in ((500, "500 queued →"), (520, "520 queued ↑ 20/s"), (520, "520 queued ↑ 8.8/s")):
        clock.now += 1
        assert trend in painted(bars.frame(Totals(queued=queued)))[2]
    assert "queued" not in painted(bars.frame(Totals()))[2]


@pytest.mark.parametrize("url", [HOSTILE, HOSTILE * 20])
def test_bars_show_a_hostile_url_as_text(url: str) -> None:
    bars = Bars()
    bars.file(url, "")
    file = io.StringIO()
    Console(file=file, force_terminal=True, width=200, soft_wrap=True).print(bars.frame(Totals()))
    left = re.sub(r"\x1b\[[0-9;]*m", "", file.getvalue())  # rich's own colours
    assert "[red]\N{REPLACEMENT CHARACTER}[31m" in left
    assert "\x1b[31m\x1b]" not in file.getvalue()
    assert all(c.isprintable() or c == "\n" for c in left)
    assert len(left.splitlines()) == 4 + ROWS


def test_lines_show_a_hostile_url_on_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    lines = display("lines", terminal=False)
    lines.finished(lines.file(HOSTILE, "out/\udcff"), 1)
    written = capsys.readouterr().out
    assert written.endswith(" -> out/\N{REPLACEMENT CHARACTER}\n")
    assert written[:-1].isprintable()


@pytest.mark.parametrize(
    ("name", "printed"),
    [("lines", ["b -> out/b"]), ("blocks", ["a -> out/a", "(0, 8192, 9)", "not saved", "b -> out/b", "(0, 8192, 9)"])],
)
def test_a_file_that_does_not_arrive_whole_is_not_told_as_saved(
    name: str, printed: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    shown = display(name, terminal=False)
    for path, size in (("a", None), ("b", 9)):
        hook = shown.file(path, f"out/{path}")
        hook(0, 8192, 9)
        shown.finished(hook, size)
    shown.close()
    assert capsys.readouterr().out.splitlines() == printed


@given(
    urls=st.lists(st.text(max_size=150), max_size=2 * ROWS),
    sizes=st.lists(st.integers(-1, 10**13), min_size=1),
    width=st.integers(1, 200),
    height=st.integers(1, 40),
    totals=st.builds(Totals, *[st.integers(0, 10**14)] * 5, st.none() | st.integers(0, 10**9)),
)
def test_no_frame_is_wider_or_higher_than_the_terminal(
    urls: list[str], sizes: list[int], width: int, height: int, totals: Totals
) -> None:
    bars = Bars(clock=Clock())
    for url, size in zip(urls, sizes, strict=False):
        bars.file(url, "")(size // 10_000, 8192, size)
    lines = painted(bars.frame(totals), width, height)
    assert max(Text(line).cell_len for line in lines) <= width
    assert len(lines) == 5 + min(ROWS, max(height - 5, 0))


def test_each_row_keeps_its_file_and_changes_at_most_once_a_second() -> None:
    clock = Clock()
    bars = Bars(clock=clock)

    def rows() -> list[str]:
        return [row.url if row else "" for row in bars.frame(Totals()).rows or ()]

    first = {name: bars.file(name, "") for name in "abcdefghij"}
    assert rows() == list("abcdefgh")
    bars.finished(first["c"], 1)
    bars.finished(first["e"], None)  # not a file
    assert rows() == list("abcdifgh")
    clock.now += LINGER
    assert rows() == list("abjdifgh")


def test_a_rate_forgets() -> None:
    rate = Rate(0.0)
    assert rate.update(0, 0.0) == 0
    assert rate.update(1000, 10.0) == pytest.approx(100)
    for second in range(11, 60):
        last = rate.update(1000 + 5 * (second - 10), float(second))
    assert last == pytest.approx(5, rel=0.01)


def test_the_log_stands_above_the_bars(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.StringIO()
    monkeypatch.setattr(sys, "stderr", screen)
    handler = logging.StreamHandler(screen)
    logger = logging.getLogger()
    logger.addHandler(handler)
    try:
        bars = Bars(Console(file=screen, force_terminal=True, width=100, height=24, soft_wrap=True))
        bars.start()
        bars.totals(Totals())
        logger.warning("[bold]a warning[/bold]")
        bars.close()
        assert handler.stream is screen is sys.stderr
    finally:
        logger.removeHandler(handler)
    before, after = Text.from_ansi(screen.getvalue()).plain.split("[bold]a warning[/bold]\n")
    assert "in flight" in before
    assert "in flight" in after  # painted again below the line


def test_blocks_of_files_in_flight_at_once_are_not_mixed(capsys: pytest.CaptureFixture[str]) -> None:
    blocks = Blocks()
    first, second, third = (blocks.file(name, name) for name in "abc")
    second(0, 8192, 0)
    first(0, 8192, 9)
    blocks.finished(second, 0)
    assert capsys.readouterr().out.splitlines() == ["a -> a", "(0, 8192, 9)"]
    first(1, 8192, 9)
    blocks.finished(first, 9)
    assert capsys.readouterr().out.splitlines() == ["(1, 8192, 9)", "b -> b", "(0, 8192, 0)", "c -> c"]
    fourth = blocks.file("d", "d")
    fourth(0, 8192, 5)
    third(0, 8192, 5)
    blocks.close()
    assert capsys.readouterr().out.splitlines() == ["(0, 8192, 5)", "d -> d", "(0, 8192, 5)"]


if __name__ == "__main__":
    crawl(json.loads(sys.argv[1]))
