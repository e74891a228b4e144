"""Ctrl-C, quota and kill: nothing more begins, the tree opens, and the same command resumes.

The server triggers them, so no test depends on timing.
"""

import signal
from collections.abc import Callable
from pathlib import Path
from threading import Barrier, Event
from typing import TYPE_CHECKING

from tests.crawl.running import ended, interrupted, mirror, process, rows, tree
from tests.mirroring import dangling
from tests.site import PNG, Handler, Page, Site, serve, serve_both

if TYPE_CHECKING:
    import subprocess

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


def stop(running: "subprocess.Popen[str]") -> None:
    """Press Ctrl-C once, and wait until the program says that it noticed."""
    interrupted(running)
    assert running.stderr is not None
    assert "Ctrl-C again" in running.stderr.readline()


def test_ctrl_c_once_finishes_publishes_and_tells_how_to_resume(tmp_path: Path) -> None:
    reached, released = Event(), Event()

    def hold() -> None:
        reached.set()
        released.wait(60)

    with serve(chain(hold)) as server:
        running = process(server.url, tmp_path)
        assert reached.wait(60)
        stop(running)
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


def test_ctrl_c_twice_stops_at_once_and_the_same_command_continues(tmp_path: Path) -> None:
    reached, over = Event(), Event()

    def hang() -> None:
        reached.set()
        over.wait(60)

    with serve(chain(hang)) as server:
        running = process(server.url, tmp_path)
        assert reached.wait(60)
        stop(running)
        interrupted(running)
        done = ended(running)
        over.set()
        assert done.code == 130
        assert "run the same command again to continue" in done.stderr
        assert (tmp_path / server.url.removeprefix("http://").replace(":", "_") / "index.html").is_file()
        again = mirror(server.url, tmp_path)
    assert "Resuming the run" in again.stderr
    assert again.code == 0
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


# --- what begins, and what ends ------------------------------------------------------------------------------------------

PICTURES = 20
CLOSE = {"Connection": "close"}


def begin(request: Handler, **headers: str) -> None:
    """Send the headers of an answer of its own making. The connection ends with it."""
    request.send_response(200)
    for name, value in {"Content-Type": "video/mp4", **CLOSE, **headers}.items():
        request.send_header(name.replace("_", "-"), value)
    request.end_headers()
    request.close_connection = True


def send(request: Handler, data: bytes) -> None:
    request.wfile.write(data)
    request.wfile.flush()


def left(request: Handler) -> bool:
    """Wait until the client closes the connection; `False` if it doesn't."""
    request.connection.settimeout(20)
    try:
        return not request.connection.recv(1)
    except TimeoutError:
        return False
    except ConnectionError:
        return True


def test_pictures_do_not_wait_for_a_film_of_a_server_that_closes_connections(tmp_path: Path) -> None:
    """The film goes on when all pictures were requested."""
    everything, waited = Event(), []

    def film(request: Handler) -> None:
        begin(request, Content_Length="8")
        send(request, b"film")
        waited.append(everything.wait(10))
        send(request, b"film")

    def picture(request: Handler) -> None:
        request.reply(Page(200, {"Content-Type": "image/png", **CLOSE}, PNG))
        if sum(path.endswith(".png") for path in server.paths) == PICTURES:
            everything.set()

    body = "<video src=/film></video>" + "".join(f"<img src=/{n}.png>" for n in range(PICTURES))
    site = Site().page("/", body, headers=CLOSE)
    site["/film"] = film
    site.update({f"/{n}.png": picture for n in range(PICTURES)})
    with serve(site) as server:
        assert mirror(server.url, tmp_path).code == 0
    assert waited == [True]


def test_after_ctrl_c_nothing_more_is_requested(tmp_path: Path) -> None:
    """A picture waits for the robots.txt of its host. When that comes after Ctrl-C, the picture is left to the next run."""
    asked, released = Event(), Event()

    def robots(request: Handler) -> None:
        asked.set()
        released.wait(60)
        request.reply(Page(200, {"Content-Type": "text/plain"}, b""))

    site = Site().page("/", "<img src={other}/a.png>", links=["/next"]).page("/next")
    other = Site().file("/a.png", PNG, "image/png")
    other["/robots.txt"] = robots
    with serve_both(site, other) as (server, elsewhere):
        running = process(server.url, tmp_path)
        assert asked.wait(60)
        stop(running)
        released.set()
        done = ended(running)
        assert (done.code, elsewhere.paths) == (130, ["/robots.txt"])
        assert mirror(server.url, tmp_path).code == 0
        assert elsewhere.paths == ["/robots.txt", "/robots.txt", "/a.png"]


def test_a_quota_cuts_off_what_is_in_flight(tmp_path: Path) -> None:
    """An endless file at full speed and a trickle end with the quota. A file that can be resumed is resumed by the next run."""
    size, part, most = 1 << 20, 700_000, 64 << 20
    others, ranges, gone, sent = Barrier(3), [], {}, [0]

    def large(request: Handler) -> None:
        wanted = request.headers.get("Range")
        ranges.append(wanted)
        if wanted is None:
            begin(request, Content_Length=str(size), ETag='"1"')
            send(request, bytes(part))
            others.wait(20)
            gone["large"] = left(request)
            return
        start = int(wanted.removeprefix("bytes=").removesuffix("-"))
        body = bytes(size - start)
        fields = {"Content-Type": "video/mp4", "ETag": '"1"', "Content-Range": f"bytes {start}-{size - 1}/{size}"}
        request.reply(Page(206, fields, body))

    def trickle(request: Handler) -> None:
        begin(request)
        send(request, b"x")
        others.wait(20)
        gone["trickle"] = left(request)

    def endless(request: Handler) -> None:
        begin(request)
        others.wait(20)
        try:
            while sent[0] < most:
                send(request, bytes(65536))
                sent[0] += 65536
        except ConnectionError:
            gone["endless"] = True

    names = {"large": large, "trickle": trickle, "endless": endless}
    pictures = "".join(
        f"<img src=/{n}.png>" for n in range(4)
    )  # after their answers, the host gets as many requests at once
    site = Site().page("/", pictures + "".join(f"<video src=/{name}.mp4></video>" for name in names))
    site.update({f"/{name}.mp4": answer for name, answer in names.items()})
    site.update({f"/{n}.png": Page(200, {"Content-Type": "image/png"}, PNG) for n in range(4)})
    with serve(site) as server:
        done = mirror(server.url, tmp_path, "quota=2M")
        assert done.code == 130
        assert "Quota reached" in done.stderr
        assert gone == {"large": True, "trickle": True, "endless": True}
        assert sent[0] < most // 2  # the quota, and what the buffers of the system hold
        for name in ("trickle", "endless"):
            site.file(f"/{name}.mp4", b"film", "video/mp4")
        assert mirror(server.url, tmp_path).code == 0
    assert ranges[0] is None
    assert len(ranges) == 2
    assert ranges[1] is not None
    assert rows(tmp_path, "SELECT count(*) FROM resources WHERE size = 1048576") == [(1,)]
