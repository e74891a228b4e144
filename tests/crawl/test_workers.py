"""Crawls with worker processes give the same result as without, even if a worker or the crawl is killed."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.constructs import sites
from tests.crawl.running import dangling, ended, mirror, process, rows, tree
from tests.site import Site, serve, serve_both

PATIENCE = 60.0
PAGES = 400
URLS = "SELECT id, url FROM urls"
RESOURCES = (
    "SELECT u.url, r.status, r.digest, r.size, r.media_type, r.path, r.error, r.stale, c.digest "
    "FROM resources r JOIN urls u ON u.id = r.url_id LEFT JOIN copies c ON c.resource_id = r.id"
)
LINKS = (
    "SELECT s.url, l.position, t.url, l.kind, l.guess FROM links l JOIN resources r ON r.id = l.resource_id "
    "JOIN urls s ON s.id = r.url_id JOIN urls t ON t.id = l.target_id"
)
FRONTIER = "SELECT u.url, f.state, f.roles, f.depth, f.guess, f.reason FROM frontier f JOIN urls u ON u.id = f.url_id"


def known(out: Path) -> list[set[tuple[object, ...]]]:
    """The content of the manifest, whatever the order of its rows."""
    return [set(rows(out, query)) for query in (RESOURCES, LINKS, FRONTIER)]


def children(number: int) -> list[int]:
    """The running child processes of a process."""
    tasks = Path(f"/proc/{number}/task")
    return [int(child) for task in tasks.iterdir() for child in (task / "children").read_text().split()]


def is_running(number: int) -> bool:
    status = Path(f"/proc/{number}/stat")
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z"


def wait_until(condition: Callable[[], bool]) -> None:
    ends = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.01)


def is_under_way(out: Path, requested: list[str]) -> bool:
    """Whether a crawl has committed answers, and made files of them."""
    return len(requested) > PAGES // 4 and any(out.glob("127*/*.html"))


@pytest.fixture
def site() -> Site:
    """Pages of 12 KB that link to each other."""
    made = Site()
    for n in range(PAGES):
        pictures = "".join(f'<img src="/{k}.png">' for k in range(1, 40))
        links = [f"/{(n * 7 + k) % PAGES}.html" for k in range(1, 40)]
        made.page(f"/{n}.html", f"{pictures}<p>{'text ' * 2000}", links=links)
    for k in range(1, 40):
        made.file(f"/{k}.png", b"\x89PNG\r\n", "image/png")
    return made.page("/", links=["/1.html"]).file("/robots.txt", "", "text/plain")


def test_workers_give_the_same_result(tmp_path: Path) -> None:
    found = {}
    main, other = sites()
    with serve_both(main, other) as (server, _):
        for workers in ("0", "1", "4"):
            out = tmp_path / workers
            done = mirror(server.url, out, f"workers={workers}")
            lines = [
                line
                for line in done.stderr.splitlines()
                # how many documents are written twice depends on when the run commits
                if not line.startswith(("Mirrored", "Links updated", "Open", "or run", str(out)))
            ]
            found[workers] = (done.code, {line for line in lines if "->" not in line}, tree(out), known(out))
            assert dangling(out) == []
    assert len(found["0"][2]) > 300
    assert found["1"] == found["0"]
    assert found["4"] == found["0"]


def test_a_document_too_long_to_parse_is_stored_as_received(tmp_path: Path) -> None:
    """It is on the disk already, so workers would get an empty payload."""
    data = b'{"index": "%s"}' % (b"x" * (1 << 21))
    with serve(
        Site().page("/", '<link rel=preload href="/data.json">').file("/data.json", data, "application/json")
    ) as server:
        done = mirror(server.url, tmp_path, "workers=1")
    assert done.code == 0
    (copy,) = tmp_path.glob("127*/data.json")
    assert copy.read_bytes() == data


def test_workers_end_with_a_killed_crawl_and_the_next_run_resumes(tmp_path: Path, site: Site) -> None:
    with serve(site) as server:
        whole = mirror(server.url, tmp_path / "whole", "workers=0")
        running = process(server.url, tmp_path / "out", "workers=2")
        wait_until(lambda: is_under_way(tmp_path / "out", server.paths))
        workers = children(running.pid)
        running.kill()
        ended(running)
        wait_until(lambda: not any(map(is_running, workers)))
        done = mirror(server.url, tmp_path / "out", "workers=2")
    assert (whole.code, done.code) == (0, 0)
    assert done.stderr.startswith("Resuming")
    assert tree(tmp_path / "out") == tree(tmp_path / "whole")
    assert known(tmp_path / "out") == known(tmp_path / "whole")


def test_killed_workers_lose_nothing(tmp_path: Path, site: Site) -> None:
    with serve(site) as server:
        whole = mirror(server.url, tmp_path / "whole", "workers=0")
        running = process(server.url, tmp_path / "out", "workers=2")
        wait_until(lambda: is_under_way(tmp_path / "out", server.paths))
        for worker in children(running.pid):
            os.kill(worker, signal.SIGKILL)
        done = ended(running)
    assert (whole.code, done.code) == (0, 0), done.stderr
    assert "asyncio" not in done.stderr, done.stderr
    assert tree(tmp_path / "out") == tree(tmp_path / "whole")
    assert known(tmp_path / "out") == known(tmp_path / "whole")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_to_all_processes_ends_the_crawl_and_the_next_run_resumes(
    tmp_path: Path, site: Site, number: signal.Signals
) -> None:
    """As a service manager and `pkill` send it."""
    with serve(site) as server:
        running = process(server.url, tmp_path, "workers=2")
        wait_until(lambda: is_under_way(tmp_path, server.paths))
        for one in [*children(running.pid), running.pid]:
            os.kill(one, number)
        first = ended(running)
        done = mirror(server.url, tmp_path, "workers=2")
    assert first.code == 130, first.stderr
    assert "died" not in first.stderr, first.stderr
    assert done.code == 0, done.stderr
    assert len([path for path in server.paths if path == "/299.html"]) == 1
    assert dangling(tmp_path) == []


@pytest.mark.long
def test_ctrl_c_reaches_the_crawl_alone(tmp_path: Path, site: Site) -> None:
    with serve(site) as server:
        running = process(server.url, tmp_path, "workers=2", own_group=True)
        wait_until(lambda: is_under_way(tmp_path, server.paths))
        os.killpg(running.pid, signal.SIGINT)  # as a terminal does: to the whole group
        done = ended(running)
        assert "Traceback" not in done.stderr, done.stderr
        assert done.code == 130
        assert rows(tmp_path, "SELECT count(*) FROM resources WHERE error IS NOT NULL") == [(0,)]
        assert mirror(server.url, tmp_path).code == 0
    assert dangling(tmp_path) == []
