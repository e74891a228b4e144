"""Whole crawls with `--events`, and what `status` says while they run, when they were killed, and when they are over."""

import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
from argparse import Namespace
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Event
from typing import Any, Final, cast
from unittest.mock import Mock

import pytest

from mirror.commands.crawl import is_over
from mirror.commands.queries.status import run as show_status
from mirror.core.policy.scope import Reason
from mirror.store.archive import Archive
from mirror.store.archive_reader import ArchiveReader
from tests.crawl.running import ROOT, ended, interrupted, mirror, process, rows, websucker
from tests.site import PNG, Handler, Page, Site, serve
from tests.traps import TRAPS, Endless
from tests.warm import Done


def read(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def kinds(events: list[dict[str, Any]]) -> Counter[str]:
    return Counter(one["event"] for one in events)


def of(events: list[dict[str, Any]], kind: str) -> dict[str, dict[str, Any]]:
    """The events of a kind, by the path of their URL."""
    return {re.sub("^http://[^/]*", "", one["url"]): one for one in events if one["event"] == kind}


def slow(request: Handler) -> None:
    """A file of which a part comes after more than a second."""
    request.send_response(200)
    request.send_header("Content-Type", "video/mp4")
    request.send_header("Content-Length", "300000")
    request.end_headers()
    for _ in range(30):
        request.wfile.write(bytes(10_000))
        request.wfile.flush()
        Event().wait(0.1)


def busy_once(request: Handler) -> None:
    is_first = request.server.paths.count("/busy") == 1
    request.reply(Page(503, {"Retry-After": "1"}) if is_first else Page(200, {"Content-Type": "text/html"}, b"<p>well"))


def varied() -> Site:
    site = Site().page(
        "/",
        "<img src=/x.png><video src=/film.mp4></video>",
        links=["/a", "/none", "/private", "/busy", "http://example.com/"],
    )
    site.page("/a", links=["/"]).file("/x.png", PNG, "image/png")
    site.file("/robots.txt", "User-agent: *\nDisallow: /private\n", "text/plain")
    site["/film.mp4"], site["/busy"] = slow, busy_once
    return site


@pytest.fixture(scope="module")
def two_runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[dict[str, Any]], list[dict[str, Any]], Path]:
    folder = tmp_path_factory.mktemp("runs")
    with serve(varied()) as server:
        start = server.url.replace("http://", "http://guido:spam@")
        done = mirror(start, folder / "out", f"events={folder / 'first'}")
        again = mirror(start, folder / "out", f"events={folder / 'second'}")
    assert (done.code, again.code) == (1, 1), done.stderr
    return read(folder / "first"), read(folder / "second"), folder / "out"


def test_a_run_tells_what_became_of_each_url(two_runs: Any) -> None:
    events, _, out = two_runs
    fetched, failed, skipped = (of(events, kind) for kind in ("fetched", "failed", "skipped"))
    assert set(fetched) == {"/", "/a", "/x.png", "/film.mp4", "/busy", "/robots.txt"}
    assert (fetched["/a"]["status"], fetched["/a"]["page"], fetched["/x.png"]["page"]) == (200, True, False)
    assert (out / fetched["/x.png"]["path"]).read_bytes() == PNG
    assert (failed["/none"]["status"], failed["/none"]["error"], failed["/none"]["guess"]) == (
        404,
        "404 Not Found",
        False,
    )
    robots = (skipped["/private"]["reason"], skipped["/private"]["rule"])
    assert robots == ("forbidden by robots.txt", "Disallow: /private (line 2)")
    assert [one["url"] for one in events if one.get("reason") == Reason.OUTSIDE] == ["http://example.com/"]


def test_a_run_tells_how_it_goes(two_runs: Any) -> None:
    events, _, out = two_runs
    assert (events[0]["event"], events[-2]["event"], events[-1]["event"]) == ("run_begun", "heartbeat", "run_ended")
    assert (events[0]["run"], events[0]["resumed"], events[0]["folder"]) == (1, False, str(out))
    assert (events[-1]["how"], events[-1]["outcome"], events[-1]["exit_code"]) == ("finished", "complete", 1)
    last = events[-2]
    assert (last["done"], last["queued"], last["most"], last["failed"]) == (8, 0, 8, 1)
    assert last["received"] >= 300_000
    [slowed] = [one for one in events if one["event"] == "host_slowed"]
    assert (slowed["why"], slowed["given_up"]) == ("503 Service Unavailable, Retry-After", False)
    assert 0 < slowed["wait"] <= 1
    parts = [one for one in events if one["event"] == "progress"]
    assert all((one["total"], one["path"]) == (300_000, of(events, "fetched")["/film.mp4"]["path"]) for one in parts)
    assert 1 <= len(parts) <= 10, "at most one a second"


def test_a_run_tells_what_is_unchanged(two_runs: Any) -> None:
    _, events, _ = two_runs
    assert set(of(events, "unchanged")) == {"/", "/a", "/x.png", "/film.mp4", "/busy", "/robots.txt"}
    assert of(events, "fetched") == {}
    assert of(events, "failed")["/none"]["kept"] is False


def test_no_event_has_the_login(two_runs: Any) -> None:
    first, second, out = two_runs
    assert "spam" not in json.dumps(first + second) + (out / ".mirror" / "heartbeat.json").read_text()


def test_the_heartbeat_has_no_url(two_runs: Any) -> None:
    _, _, out = two_runs
    text = (out / ".mirror" / "heartbeat.json").read_text()
    assert "://" not in text
    assert "film" not in text


def test_copies_that_are_fresh_are_told_of_too(tmp_path: Path) -> None:
    with serve(Site().page("/", links=["/a"]).page("/a")) as server:
        mirror(server.url, tmp_path / "out")
        mirror(server.url, tmp_path / "out", "refresh=1d", f"events={tmp_path / 'events'}")
    events = read(tmp_path / "events")
    assert {path: one["status"] for path, one in of(events, "unchanged").items()} == dict.fromkeys(
        ("/", "/a", "/robots.txt")
    )
    assert events[-2]["done"] == 3


def test_a_trap_is_told_of_once(tmp_path: Path) -> None:
    row = TRAPS["calendar"]
    with serve(Endless(row.site)) as server:
        mirror(server.url, tmp_path / "out", "limit=6000", f"events={tmp_path / 'events'}", settings=row.settings)
    events = read(tmp_path / "events")
    [trap] = [one for one in events if one["event"] == "trap"]
    assert trap["rule"].startswith(str(row.rule))
    assert any(one.get("reason") == Reason.TRAP and one["url"] == trap["url"] for one in events)


def test_on_stdout_is_nothing_else(tmp_path: Path) -> None:
    with serve(Site().page("/", links=["/a"]).page("/a")) as server:
        done = websucker(server.url, "--out", tmp_path, "--render", "never", "--events", "-")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.code == 0
    assert kinds(events)["fetched"] == 2
    assert "Mirrored 2 pages" in done.stderr


@pytest.mark.parametrize("words", [["--no-verbose"], ["-s", "MIRROR_PROGRESS=blocks"]])
def test_two_that_write_to_stdout_are_a_mistake(tmp_path: Path, words: list[str]) -> None:
    done = websucker("http://127.0.0.1:9/", "--out", tmp_path, "--events", "-", *words)
    assert (done.code, done.stdout) == (2, "")
    assert "the events go to stdout" in done.stderr


def symbolic(place: Path) -> None:
    place.symlink_to(place.with_name("victim"))


def hard(place: Path) -> None:
    place.hardlink_to(place.with_name("victim"))


def fifo(place: Path) -> None:
    os.mkfifo(place)


def circle(place: Path) -> None:
    place.symlink_to(place)


@pytest.mark.parametrize("plant", [symbolic, hard, fifo, circle, Path.mkdir])
def test_an_odd_place_is_refused(tmp_path: Path, plant: Callable[[Path], None]) -> None:
    (tmp_path / "victim").write_text("x")
    plant(tmp_path / "events")
    done = websucker("http://127.0.0.1:9/", "--out", tmp_path / "out", "--events", tmp_path / "events")
    assert done.code == 2
    assert f"--events {tmp_path}/events can't be written: " in done.stderr
    assert (tmp_path / "victim").read_text() == "x"


@pytest.mark.parametrize(
    "words", ["{}/none/events", "{}/out/.mirror/events", "{}/circle/events", "unix:", "~nobody-here/x"]
)
def test_a_place_that_can_not_be_is_refused(tmp_path: Path, words: str) -> None:
    circle(tmp_path / "circle")
    done = websucker("http://127.0.0.1:9/", "--out", tmp_path / "out", "--events", words.format(tmp_path))
    assert done.code == 2
    assert len(done.stderr.splitlines()) == 1


def test_the_setting_means_the_same_and_comes_before_the_option(tmp_path: Path) -> None:
    with serve(Site().page("/")) as server:
        words = [f"events={tmp_path / 'option'}"]
        done = mirror(server.url, tmp_path / "out", *words, settings={"MIRROR_EVENTS": str(tmp_path / "setting")})
    assert done.code == 0
    assert read(tmp_path / "setting")[-1]["event"] == "run_ended"
    assert not (tmp_path / "option").exists()


# Sockets


@contextmanager
def listening(tmp_path: Path) -> Iterator[tuple[socket.socket, Path]]:
    place = tmp_path / "s"
    here = Path.cwd()
    os.chdir(tmp_path)  # the name of a socket is short
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind("s")
            server.listen()
            server.settimeout(60)
            yield server, place
    finally:
        os.chdir(here)


def many(pages: int, links: int) -> Site:
    """Pages with many links elsewhere, each of which is an event."""
    site = Site().page("/", links=[f"/{n}" for n in range(pages)])
    for n in range(pages):
        site.page(f"/{n}", links=[f"http://example.com/{n}/{m}" for m in range(links)])
    return site


def test_a_reader_on_a_socket_gets_the_events(tmp_path: Path) -> None:
    with serve(Site().page("/", links=["/a"]).page("/a")) as server, listening(tmp_path) as (listener, place):
        running = process(server.url, tmp_path / "out", f"events=unix:{place}")
        reader, _ = listener.accept()
        with reader, reader.makefile() as lines:
            events = [json.loads(line) for line in lines]
        done = ended(running)
    assert done.code == 0, done.stderr
    assert (events[0]["event"], events[-1]["event"], kinds(events)["fetched"]) == ("run_begun", "run_ended", 2)


def test_a_reader_that_never_reads_holds_up_nothing(tmp_path: Path) -> None:
    with serve(many(60, 400)) as server, listening(tmp_path) as (listener, place):
        running = process(server.url, tmp_path / "out", f"events=unix:{place}")
        reader, _ = listener.accept()
        with reader:
            done = ended(running)
            reader.settimeout(0)
            got = reader.recv(1 << 24)
    assert done.code == 0, done.stderr
    assert "Mirrored 61 pages" in done.stderr
    told = re.search(r"([\d,]+) events did not get to unix:.*: nobody read them in time", done.stderr)
    assert told is not None
    assert int(told[1].replace(",", "")) > 5000
    assert got.startswith(b'{"v":1,')


def test_a_slow_reader_learns_how_many_events_it_missed(tmp_path: Path) -> None:
    """It begins to read when the run has told everything but its end."""
    told = Event()
    site = many(60, 400)
    page = site["/59"]
    assert isinstance(page, Page)

    def last(request: Handler) -> None:
        told.wait(60)
        request.reply(page)

    site["/59"] = last
    with serve(site) as server, listening(tmp_path) as (listener, place):
        running = process(server.url, tmp_path / "out", f"events=unix:{place}")
        reader, _ = listener.accept()
        while len(rows(tmp_path / "out", "SELECT 1 FROM resources")) < 61:  # all but the last, and robots.txt
            Event().wait(0.05)
        told.set()
        with reader, reader.makefile() as lines:
            events = [json.loads(line) for line in lines]
        done = ended(running)
    assert done.code == 0, done.stderr
    missing = sum(one.get("missing", 0) for one in events)
    assert missing > 0
    assert events[-1]["event"] == "run_ended"
    assert events[-1]["dropped"] == missing
    assert events[-2]["dropped"] == missing, "so does the heartbeat"
    assert f"{missing:,} events did not get to" in done.stderr


def test_a_reader_that_goes_away_is_told_of_once(tmp_path: Path) -> None:
    gone = Event()
    site = many(10, 10)
    page = site["/"]
    assert isinstance(page, Page)

    def home(request: Handler) -> None:
        gone.wait(60)
        request.reply(page)

    site["/"] = home
    with serve(site) as server, listening(tmp_path) as (listener, place):
        running = process(server.url, tmp_path / "out", f"events=unix:{place}")
        listener.accept()[0].close()
        gone.set()
        done = ended(running)
    assert done.code == 0, done.stderr
    assert done.stderr.count("No more events are written to unix:") == 1
    assert "Broken pipe. The crawl goes on" in done.stderr


def test_a_socket_on_which_nobody_listens_is_a_message(tmp_path: Path) -> None:
    with serve(Site().page("/")) as server:
        done = mirror(server.url, tmp_path / "out", f"events=unix:{tmp_path / 'none'}")
    assert done.code == 0
    assert "none: No such file or directory. The crawl goes on" in done.stderr


# Status


def status(*folders: Path) -> Done:
    return websucker("status", *folders)


def held(at: Callable[[], None]) -> Site:
    """A site of four pages, the third of which calls `at` before it answers."""
    site = Site().page("/", links=["/a"]).page("/a", links=["/b"]).page("/b", links=["/c"]).page("/c")
    page = site["/b"]
    assert isinstance(page, Page)

    def answer(request: Handler) -> None:
        at()
        request.reply(page)

    site["/b"] = answer
    return site


def test_a_killed_run_is_silent_since_then_and_a_resumed_one_goes_on_in_the_same_file(tmp_path: Path) -> None:
    reached, released = Event(), Event()

    def hang() -> None:
        reached.set()
        released.wait(60)

    out, file = tmp_path / "out", tmp_path / "events"
    with serve(held(hang)) as server:
        running = process(server.url, out, f"events={file}")
        assert reached.wait(60)
        during = status(out)
        running.send_signal(signal.SIGKILL)
        running.communicate(timeout=60)
        after = status(out)
        with file.open("a") as torn:
            torn.write('{"v":1,"ti')
        released.set()
        again = mirror(server.url, out, f"events={file}")
    assert during.code == 0, during.stderr
    assert f"{out}: running, run 1, process {running.pid} on {socket.gethostname()} since " in during.stdout
    assert after.code == 1
    assert f"{out}: silent since " in after.stdout
    assert "is gone; the same command continues the run" in after.stdout
    assert again.code == 0
    lines = file.read_text().splitlines()
    assert lines.count('{"v":1,"ti') == 1
    events = [json.loads(line) for line in lines if line.endswith("}")]
    assert [one["resumed"] for one in events if one["event"] == "run_begun"] == [False, True]
    assert events[-1]["outcome"] == "complete"
    over = status(out)
    assert over.code == 0
    assert f"{out}: not running; the last run ended at " in over.stdout


def test_ctrl_c_is_told_and_the_archive_is_well(tmp_path: Path) -> None:
    reached, released = Event(), Event()

    def hang() -> None:
        reached.set()
        released.wait(60)

    out, file = tmp_path / "out", tmp_path / "events"
    with serve(held(hang)) as server:
        running = process(server.url, out, f"events={file}")
        assert reached.wait(60)
        interrupted(running)
        assert running.stderr is not None
        assert "Ctrl-C again" in running.stderr.readline()
        released.set()
        done = ended(running)
    end = read(file)[-1]
    assert (end["event"], end["how"], end["outcome"], end["exit_code"]) == (
        "run_ended",
        "interrupted",
        "incomplete",
        130,
    )
    assert done.code == 130
    shown = status(out)
    assert shown.code == 0
    assert f"{out}: interrupted; the same command continues it\n" in shown.stdout


def test_a_run_that_failed_needs_a_look_and_the_others_are_shown(tmp_path: Path) -> None:
    with serve(Site().page("/")) as server:
        mirror(server.url, tmp_path / "well")
    mirror("http://127.0.0.1:9/", tmp_path / "failed", settings={"RETRY_TIMES": "0"})
    done = status(tmp_path / "failed", tmp_path / "well")
    assert done.code == 1
    assert re.findall(r"^/\S+: .*: (\w+)$", done.stdout, re.MULTILINE) == ["failed", "complete"]
    worst = status(tmp_path, tmp_path / "well")
    assert worst.code == 4
    assert f"{tmp_path} is not an archive" in worst.stderr
    assert f"{tmp_path / 'well'}: not running" in worst.stdout
    found = json.loads(websucker("status", "--json", tmp_path / "failed", tmp_path / "well").stdout)
    assert [(one["state"], one["well"]) for one in found] == [("idle", False), ("idle", True)]


def test_a_held_run_is_well_once_the_loss_is_accepted(tmp_path: Path) -> None:
    out, file = tmp_path / "out", tmp_path / "events"
    gone = Site().file("/", b"gone", "text/html", status=404)
    with serve(Site().page("/", links=["/a"]).page("/a")) as server:
        mirror(server.url, out)
        server.site = gone
        assert mirror(server.url, out, f"events={file}").code == 5
    assert read(file)[-1]["outcome"] == "held"
    assert status(out).code == 1
    assert websucker("publish", out, "--accept-loss").code == 0
    accepted = status(out)
    assert accepted.code == 0
    assert re.search("not running; .*: complete$", accepted.stdout, re.MULTILINE)


def test_the_outcome_that_is_told_is_that_of_the_snapshot(tmp_path: Path) -> None:
    out, file = tmp_path / "out", tmp_path / "events"
    with serve(Site().page("/", links=["/a"]).page("/a")) as server:
        mirror(server.url, out)
        server.site = Site().file("/", b"gone", "text/html", status=404)
        done = mirror(server.url, out, "max_loss=1", f"events={file}")
    assert done.code == 3
    assert [read(file)[-1]["outcome"]] == [one for (one,) in rows(out, "SELECT outcome FROM snapshots WHERE id = 2")]
    shown = status(out)
    assert shown.code == 1
    assert "complete, but nothing was fetched\n" in shown.stdout


@pytest.mark.parametrize(("is_same", "code"), [(True, 0), (False, 1)])
def test_a_run_that_ends_while_its_status_is_read_is_not_silent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_same: bool, code: int
) -> None:
    with serve(Site().page("/")) as server:
        mirror(server.url, tmp_path)
    with closing(sqlite3.connect(tmp_path / ".mirror" / "manifest.sqlite")) as database, database:
        database.execute("UPDATE snapshots SET outcome = 'incomplete', counts = NULL")
    place = tmp_path / ".mirror" / "heartbeat.json"
    last = json.loads(place.read_text()) | {"ended": {"how": "interrupted", "outcome": "incomplete", "exit_code": 130}}
    place.write_text(json.dumps(last | {"ended": None}))

    def end(*_: object) -> tuple[bool, None]:
        place.write_text(json.dumps(last if is_same else last | {"nonce": "another process"}))
        return False, None

    monkeypatch.setattr("mirror.commands.queries.status.find_holder", end)
    assert show_status(Namespace(folders=[str(tmp_path)], json=False)) == code


@pytest.mark.parametrize(
    ("code", "reason", "over"),
    [
        (0, "finished", True),
        (1, "finished", True),
        (5, "finished", True),
        (4, "finished", False),  # the archive could not be written
        (0, "shutdown", False),  # Ctrl-C, when all was there: the user wants it to end
        (130, "quota", False),
        (None, "finished", False),  # a second Ctrl-C
    ],
)
def test_a_run_that_was_to_end_has_no_index_made(code: int | None, reason: str, over: bool) -> None:
    stats = {"mirror/exit_code": code, "finish_reason": reason}
    assert is_over(Mock(stats=Mock(get_value=stats.get))) == over


_INDEXING: Final = """
import signal, sys
from mirror.commands import crawl

def update(archive, index):
    print("indexing", flush=True)
    signal.pause()
    yield 1

crawl.bring_up_to_date = update
from mirror.__main__ import main
main()
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_run_is_over_before_its_index_is_made(tmp_path: Path, number: int) -> None:
    out, file = tmp_path / "out", tmp_path / "events"
    with serve(Site().page("/", "birds")) as server:
        words = [server.url, "--out", out, "--events", file, "--render", "never", "-q", "-s", "MIRROR_INDEX=1"]
        running = subprocess.Popen(
            [sys.executable, "-c", _INDEXING, *map(str, words)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert running.stdout is not None
        assert running.stdout.readline() == "indexing\n"
        shown = status(out)
        end = read(file)[-1]
        with closing(Archive(out)):
            pass  # its lock is free
        running.send_signal(number)
        done = ended(running)
    assert shown.code == 0
    assert re.search("not running; .*: complete$", shown.stdout, re.MULTILINE)
    assert (end["event"], end["how"], end["exit_code"]) == ("run_ended", "finished", 0)
    assert (done.code, done.stderr) == (
        0,
        "The search index is not up to date: it was interrupted, and the next search goes on\n",
    )


def test_status_reads_the_rows_of_the_snapshots_only(tmp_path: Path) -> None:
    with serve(Site().page("/")) as server:
        mirror(server.url, tmp_path)
    asked: list[str] = []
    with closing(ArchiveReader(tmp_path)) as archive:
        connection = cast("Any", archive.manifest).database._connection  # noqa: SLF001 - to see each statement
        connection.set_trace_callback(asked.append)
        assert len(archive.history.recent(5)) == 1
        assert archive.history.recorded_size() > 0
    assert len(asked) >= 2
    assert {table for statement in asked for table in re.findall(r"FROM (\w+)", statement)} == {"snapshots"}


def test_a_run_whose_numbers_are_not_stored_has_none(tmp_path: Path) -> None:
    with serve(Site().page("/")) as server:
        mirror(server.url, tmp_path)
    with closing(sqlite3.connect(tmp_path / ".mirror" / "manifest.sqlite")) as database, database:
        database.execute("UPDATE snapshots SET outcome = 'incomplete', counts = NULL")
    with closing(ArchiveReader(tmp_path)) as archive:
        [run] = archive.history.recent(5)
        assert (run.outcome, run.counts, archive.history.recorded_size()) == ("incomplete", None, 0)
