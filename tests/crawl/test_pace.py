"""Whole crawls of hosts that refuse, or are busy, slow or dead. The tests count requests; the hosts keep the time."""

import json
from collections import Counter, deque
from collections.abc import Callable
from email.utils import formatdate
from pathlib import Path
from threading import Event, Lock
from time import monotonic, time

import pytest

from tests.crawl.running import ended, interrupted, mirror, process, rows, scrapy
from tests.mirroring import dangling
from tests.site import Handler, Page, Site, serve, serve_both

AS_IT_COMES = {"MIRROR_BACKOFF": "1"}
"""The default back-off, in seconds; other tests use less."""


def linked(number: int) -> Site:
    """A home page with links to so many pages."""
    site = Site().page("/", links=[f"/{n}" for n in range(number)])
    for n in range(number):
        site.page(f"/{n}")
    return site


def guarded(site: Site, refuses: Callable[[str], Page | None]) -> tuple[Site, Counter[int]]:
    """A site that may refuse requests, and counts the statuses that it sent."""
    said: Counter[int] = Counter()
    lock = Lock()

    def guard(path: str, page: Page) -> Callable[[Handler], None]:
        def answer(request: Handler) -> None:
            with lock:
                refused = refuses(path)
                said[refused.status if refused else page.status] += 1
            request.reply(refused or page)

        return answer

    return Site({path: guard(path, page) for path, page in site.items() if isinstance(page, Page)}), said


def limit(per_second: int, headers: Callable[[], dict[str, str]] = dict) -> Callable[[str], Page | None]:
    """Refuses requests beyond so many in any second."""
    taken: deque[float] = deque()

    def refuses(_: str) -> Page | None:
        now = monotonic()
        while taken and taken[0] <= now - 1:
            taken.popleft()
        if len(taken) >= per_second:
            return Page(429, headers())
        taken.append(now)
        return None

    return refuses


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param(dict, marks=pytest.mark.long),
        lambda: {"Retry-After": "1"},
        pytest.param(lambda: {"Retry-After": formatdate(time() + 1, usegmt=True)}, marks=pytest.mark.long),
    ],
    ids=["429", "and seconds", "and a date"],
)
def test_a_host_that_takes_five_requests_a_second_is_mirrored_whole(
    tmp_path: Path, headers: Callable[[], dict[str, str]]
) -> None:
    site, said = guarded(linked(80), limit(5, headers))
    with serve(site) as server:
        done = mirror(server.url, tmp_path, settings=AS_IT_COMES)
    assert (done.code, done.stderr.count("Failed")) == (0, 0)
    assert said[200] == 81
    assert said[429] / said.total() <= 0.1
    assert len(rows(tmp_path, "SELECT 1 FROM resources WHERE status = 200 AND path IS NOT NULL")) == 81
    assert dangling(tmp_path) == []


def test_a_host_that_is_busy_for_a_while_is_mirrored_whole(tmp_path: Path) -> None:
    busy = iter([*[None] * 20, *[Page(503)] * 8])
    site, said = guarded(linked(60), lambda _: next(busy, None))
    with serve(site) as server:
        done = mirror(server.url, tmp_path)
    assert done.code == 0
    assert (said[200], said[503]) == (61, 8)


def test_a_page_that_always_fails_does_not_delay_the_others(tmp_path: Path) -> None:
    site, said = guarded(linked(60), lambda path: Page(503) if path in {"/3", "/7"} else None)
    with serve(site) as server:
        done = mirror(server.url, tmp_path)
    assert done.code == 1
    assert "Failed: 2 URLs (503 Service Unavailable)" in done.stderr
    assert said[200] == 59
    assert said[503] <= 2 * 10


def test_a_host_that_refuses_for_good_is_given_up_with_a_reason_and_asked_again_by_the_next_run(tmp_path: Path) -> None:
    refused: list[Page] = []
    site, said = guarded(linked(50), lambda _: refused[0] if refused else None)
    site["/robots.txt"] = lambda request: request.reply(Page(404))
    first = site["/5"]
    assert callable(first)

    def turn(request: Handler) -> None:
        first(request)
        refused.append(Page(503))

    site["/5"] = turn
    with serve(site) as server:
        done = mirror(server.url, tmp_path)
        assert done.code == 1
        assert said[503] < 80  # 10 refusals in a row, some of them at the same time as others
        assert "host given up after 503 Service Unavailable 10 times in a row" in done.stderr
        left = 51 - said[200]
        assert f"{left:,}" in done.stderr.partition("Failed: ")[2] or "503" in done.stderr
        assert rows(
            tmp_path, "SELECT count(*) FROM resources WHERE error IS NOT NULL AND status IS NULL OR status = 503"
        )
        site["/5"] = first
        refused.clear()
        again = mirror(server.url, tmp_path)
    assert again.code == 0
    assert len(rows(tmp_path, "SELECT 1 FROM resources WHERE status = 200 AND until IS NULL")) == 51


def test_a_dead_host_is_given_up_and_the_other_is_mirrored_whole(tmp_path: Path) -> None:
    other = linked(40)
    site = linked(40)
    body = "".join(f'<img src="{{other}}/{n}.png">' for n in range(60))
    site.page("/", body, links=[f"/{n}" for n in range(40)])

    def hang_up(request: Handler) -> None:
        request.close_connection = True

    for path in [*other, "/robots.txt", *(f"/{n}.png" for n in range(60))]:
        other[path] = hang_up
    with serve_both(site, other) as (server, dead):
        done = mirror(server.url, tmp_path)
        assert done.code == 1
        assert {f"/{n}" for n in range(40)} <= set(server.paths)
        assert len(dead.paths) <= 10
        assert set(dead.paths) == {"/robots.txt"}
        told = scrapy("why", str(tmp_path), f"{dead.url}/59.png").stdout
    assert "host given up after connection closed by the server 3 times in a row" in told
    assert "60" in done.stderr.partition("Failed: ")[2] or "host given up" in done.stderr
    failed = rows(
        tmp_path, "SELECT count(*) FROM resources WHERE error IS NOT NULL AND path IS NULL AND discovered_from"
    )
    assert failed == [(60,)]


def test_one_host_waits_while_another_continues_and_ctrl_c_waits_for_neither(tmp_path: Path) -> None:
    """One host refuses for an hour. That shows once the other host is done."""
    other, site = linked(30), linked(60)
    site.page("/", links=[*(f"{{other}}/{n}" for n in range(30)), *(f"/{n}" for n in range(60))])
    through = Event()
    left = {f"/{n}" for n in range(60)}
    lock = Lock()

    def seen(path: str) -> Page | None:
        with lock:
            left.discard(path)
            if not left:
                through.set()
        return None

    site, _ = guarded(site, seen)
    other, said = guarded(other, lambda path: Page(429, {"Retry-After": "3600"}) if path != "/robots.txt" else None)
    other["/robots.txt"] = lambda request: request.reply(Page(404))
    with serve_both(site, other) as (server, slow):
        running = process(f"{server.url},{slow.url}", tmp_path, settings=AS_IT_COMES)
        assert through.wait(60)
        interrupted(running)
        done = ended(running)
    assert done.code == 130
    assert 1 <= said[429] <= 2
    assert "Interrupted with" in done.stderr


def test_a_slow_host_with_many_pages_does_not_keep_connections_from_another(tmp_path: Path) -> None:
    """The slow host answers some pages, so that it gets all its connections, and no more until the other host is done."""
    done, count = Event(), 60
    answered: Counter[str] = Counter()
    slow, quick = linked(count), linked(count)

    def wait(request: Handler) -> None:
        answered["in vain"] += not done.wait(10)
        request.reply(Page())

    def answer(request: Handler) -> None:
        answered["quick"] += 1
        if answered["quick"] == count:
            done.set()
        request.reply(Page())

    for n in range(count):
        slow[f"/{n}"], quick[f"/{n}"] = (wait if n > count // 3 else Page()), answer
    with serve_both(slow, quick) as (first, second):
        mirror(f"{first.url} {second.url}", tmp_path)
    assert (answered["quick"], answered["in vain"]) == (count, 0)
    assert len(rows(tmp_path, "SELECT 1 FROM resources WHERE status = 200")) >= 2 * count


@pytest.mark.parametrize(("delay", "kept"), [("0.2", True), ("3600", False)])
def test_crawl_delay_is_respected_up_to_a_limit(tmp_path: Path, delay: str, *, kept: bool) -> None:
    times: list[float] = []

    def note(_: str) -> Page | None:
        times.append(monotonic())
        return None

    site, _ = guarded(linked(8), note)
    site.file("/robots.txt", f"User-agent: *\nCrawl-delay: {delay}\n")
    with serve(site) as server:
        done = mirror(server.url, tmp_path, settings=AS_IT_COMES | {"MIRROR_CRAWL_DELAY_MAX": "0.2"})
    assert done.code == 0
    assert times[-1] - times[0] >= 8 * 0.19  # at least
    assert ("asks for 3600 s between requests" in done.stderr) == (not kept)


def test_a_page_with_an_error_is_retried_and_reported(tmp_path: Path) -> None:
    answers = {"/1": iter([Page(500), Page(502)]), "/2": iter([Page(500)] * 9)}
    site, said = guarded(linked(5), lambda path: next(answers.get(path, iter([])), None))
    with serve(site) as server:
        done = mirror(server.url, tmp_path)
    assert (said[500], said[502], said[200]) == (4, 1, 5)
    assert "Failed: 1 URL (500 Internal Server Error)" in done.stderr
    assert json.dumps(done.code) == "1"


def test_the_crawl_waits_for_a_robots_txt_that_is_refused_for_a_while(tmp_path: Path) -> None:
    site = linked(5)
    answers = iter([Page(503), Page(429, {"Retry-After": "0"})])
    site["/robots.txt"] = lambda request: request.reply(next(answers, Page(200, {}, b"User-agent: *\nDisallow: /3")))
    with serve(site) as server:
        done = mirror(server.url, tmp_path)
    assert done.code == 0
    assert server.paths.count("/robots.txt") == 3
    assert set(server.paths) == {"/robots.txt", "/", "/0", "/1", "/2", "/4"}
