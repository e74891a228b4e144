"""Ctrl-C and kill: the tree opens, and the same command resumes. The server triggers them, so no test depends on timing."""

import signal
from collections.abc import Callable
from pathlib import Path
from threading import Event

from tests.crawl.running import ended, interrupted, mirror, process, publish, rows, tree
from tests.mirroring import dangling
from tests.site import Handler, Page, Site, serve

PAGES = 60
MANIFEST = (
    "SELECT u.url, status, digest, media_type, path, error, roles, depth, f.state FROM urls u"
    " LEFT JOIN resources r ON r.url_id = u.id LEFT JOIN frontier f ON f.url_id = u.id ORDER BY u.url"
)


def chain(at: Callable[[], None]) -> Site:
    """Pages that each link to two more. The thirtieth calls `at` before it answers."""
    site = Site()
    for n in range(PAGES):
        path = f"/{n}" if n else "/"
        site.page(path, f"<img src=/{n}.png>", links=[f"/{m}" for m in (2 * n + 1, 2 * n + 2) if m < PAGES])
        site.file(f"/{n}.png", bytes([n]) * 100, "image/png")
    page = site["/30"]
    assert isinstance(page, Page)

    def held(request: Handler) -> None:
        at()
        request.reply(page)

    site["/30"] = held
    return site


def test_ctrl_c_once_finishes_publishes_and_tells_how_to_resume(tmp_path: Path) -> None:
    reached, released = Event(), Event()

    def hold() -> None:
        reached.set()
        released.wait(60)

    with serve(chain(hold)) as server:
        running = process(server.url, tmp_path)
        assert reached.wait(60)
        interrupted(running)
        assert running.stderr is not None
        assert "Ctrl-C again" in running.stderr.readline()
        released.set()
        done = ended(running)
        assert done.code == 130
        assert "Interrupted with" in done.stderr
        assert dangling(tmp_path) == []
        assert server.url + "/30" in {row[0] for row in rows(tmp_path, MANIFEST) if row[1] == 200}
        before = list(server.paths)
        again = mirror(server.url, tmp_path)
    assert "Resuming the run" in again.stderr
    assert again.code == 0
    assert len(server.paths) == len(set(server.paths)) + 1  # each once, except for robots.txt, once in each run
    assert len(before) < len(server.paths)
    assert dangling(tmp_path) == []


def test_ctrl_c_twice_stops_at_once(tmp_path: Path) -> None:
    reached, over = Event(), Event()

    def hang() -> None:
        reached.set()
        over.wait(60)

    with serve(chain(hang)) as server:
        running = process(server.url, tmp_path)
        assert reached.wait(60)
        interrupted(running)
        assert running.stderr is not None
        assert "Ctrl-C again" in running.stderr.readline()
        interrupted(running)
        done = ended(running)
        over.set()
    assert done.code == 130
    assert "run the same command again to continue" in done.stderr
    assert (tmp_path / server.url.removeprefix("http://").replace(":", "_") / "index.html").is_file()
    assert publish(tmp_path).code == 0
    assert dangling(tmp_path) == []


def test_after_a_kill_the_same_command_ends_as_if_there_had_been_none(tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    reached, released = Event(), Event()

    def hold() -> None:
        reached.set()
        released.wait(60)

    with serve(chain(hold)) as server:
        running = process(server.url, killed)
        assert reached.wait(60)
        running.send_signal(signal.SIGKILL)
        ended(running)
        released.set()
        recorded = {row[0] for row in rows(killed, MANIFEST) if row[1] == 200}
        server.requests.clear()
        again = mirror(server.url, killed)
        fetched = {server.url + path for path in server.paths}
        mirror(server.url, whole)
    assert "Resuming the run" in again.stderr
    assert recorded
    assert recorded & fetched <= {server.url + "/robots.txt"}
    assert rows(killed, MANIFEST) == rows(whole, MANIFEST)
    assert tree(killed) == tree(whole)


def test_a_run_with_other_options_starts_anew(tmp_path: Path) -> None:
    site = Site().page("/", links=["/a"]).page("/a")
    with serve(site) as server:
        mirror(server.url, tmp_path, "depth=0")
        done = mirror(server.url, tmp_path)
    assert "Resuming" not in done.stderr
    assert server.paths.count("/") == 2
