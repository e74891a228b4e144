"""SIGKILL at any moment, then the same command again: the result is the same as without the kill.

The moment is random, with a seed that is part of the test's name. It counts from a signal of the server, or from when the lock
is taken.
"""

import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from threading import Lock, Timer
from typing import Final

import pytest

from mirror.store.archive import Archive
from mirror.store.verification import Damage, verify
from tests.crawl.running import ROOT, SCRAPY, ended, mirror, process, rows, tree
from tests.marks import some_long
from tests.mirroring import archive_state, dangling
from tests.site import NOT_FOUND, Handler, Page, Server, Site, serve
from tests.warm import Done

DATE: Final = re.compile(r'\["Date", "[^"]*"\]')
LOCK: Final = Path(".mirror", "lock")
QUIET: Final = {"MIRROR_PROGRESS": "off"}
OUTCOME: Final = "SELECT outcome FROM snapshots ORDER BY id DESC LIMIT 1"
ANSWERED: Final = (
    "SELECT url FROM frontier JOIN urls ON urls.id = url_id "
    "WHERE state = 2 AND snapshot_id = (SELECT max(id) FROM snapshots)"
)
STATE: Final = {
    "snapshots": "SELECT id, outcome, starts, options, counts FROM snapshots",
    "versions": "SELECT url, r.since, until, snapshot_id, standing FROM resources r JOIN urls u ON u.id = url_id",
    "copies": "SELECT s.id, url, (SELECT digest FROM copies c WHERE c.resource_id = r.id AND c.since <= s.id "
    "ORDER BY c.since DESC LIMIT 1) FROM resources r JOIN urls u ON u.id = url_id "
    "JOIN snapshots s ON r.since <= s.id AND (until IS NULL OR until > s.id) WHERE outcome <> 'pruned'",
    "met": "SELECT url, since FROM urls",
    "leaving": "SELECT path, lost, released FROM leaving",
    "unsynced": "SELECT digest FROM unsynced",
}


# The site


def generated(n: int, *, later: bool = False) -> Site:
    """About `n` resources. Of ten, five are pages, two pictures, one a stylesheet, one a redirect and one a dead link.

    Half of the pages have an ETag. `later`: some pages changed, vanished, lost their links or are new; some pictures changed.
    """
    chance, tenth = Random(n), n // 10
    site = Site()
    pages = ["/", *(f"/{k}" for k in range(1, 5 * tenth))]
    for k, path in enumerate(pages):
        near = [child for child in (2 * k + 1, 2 * k + 2) if child < len(pages) and not (later and child % 19 == 18)]
        links = [*(pages[child] for child in near), *chance.sample(pages, 3)]
        links += [f"/to/{k // 5}", f"/dead/{k // 5}"] if k % 5 == 0 else []
        links += [f"/new/{k}"] if later and k % 23 == 0 else []
        edition = " again" if later and k % 7 == 0 else ""
        style = f'<link rel="stylesheet" href="/{k % tenth}.css">' if k % 5 == 0 else ""
        body = f'{style}<p>Page {k}{edition}<img src="/{k % (2 * tenth)}.png">'
        site.page(path, body, links=links, headers={"ETag": f'"{k}{edition}"'} if k % 2 else {})
        site.page(f"/new/{k}", f"New {k}", links=["/"])
        if later and k % 17 == 16:
            site[path] = Page(410)
    for k in range(2 * tenth):
        site.file(f"/{k}.png", f"Picture {k}, edition {1 + (later and k % 5 == 0)}\n" * 50, "image/png")
    for k in range(tenth):
        imported = f'@import "/{k + 1}.css";' if k + 1 < tenth else ""
        site.file(f"/{k}.css", f'{imported} p {{ background: url("/{k}.png") }}', "text/css")
        site.redirect(f"/to/{k}", chance.choice(pages))
        site[f"/dead/{k}"] = NOT_FOUND
    return site


class Watch:
    """Serves a site, and 304 to requests with the ETag. The first request that fulfils a condition triggers an action."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self._condition: Callable[[], bool] = lambda: False
        self._event: Callable[[], None] = lambda: None
        self._lock = Lock()

    def serve(self, site: Site) -> None:
        self.server.site = Site({path: self._watched(page) for path, page in site.items() if isinstance(page, Page)})

    def when(self, condition: Callable[[], bool], event: Callable[[], None]) -> None:
        self._condition, self._event = condition, event

    def _watched(self, page: Page) -> Callable[[Handler], None]:
        tag = page.headers.get("ETag")

        def answer(request: Handler) -> None:
            with self._lock:
                if self._condition():
                    self._condition = lambda: False
                    self._event()
            known = tag is not None and request.headers.get("If-None-Match") == tag
            request.reply(Page(304, {"ETag": str(tag)}) if known else page)

        return answer


# Results


def state(out: Path) -> dict[str, object]:
    """The content of the manifest, without ids, times, and orders that depend on chance."""
    with closing(Archive(out, read_only=True)) as archive:
        said = archive_state(archive)
    said["resources"] = DATE.sub("", repr(said["resources"]))
    return said | {name: sorted(rows(out, query), key=repr) for name, query in STATE.items()}


def objects(out: Path) -> set[str]:
    return {place.parent.name + place.name for place in (out / ".mirror" / "objects").glob("??/*")}


def damages(out: Path) -> list[Damage]:
    with closing(Archive(out, read_only=True)) as archive:
        return [damage for damage in verify(archive) if damage]


def assert_same(one: Path, other: Path) -> None:
    """Assert that two archives have the same content."""
    for part, said in state(one).items():
        assert said == state(other)[part], part
    assert tree(one) == tree(other)
    assert objects(one) == objects(other)
    assert dangling(one) == []
    assert damages(one) == []


def copied(archive: Path, to: Path) -> Path:
    """Copy an archive with its hard links."""
    subprocess.run(["cp", "-a", archive, to], check=True)
    return to


# Two undisturbed runs


@dataclass(frozen=True)
class World:
    """A site at two times, an archive of the first, and an archive of both."""

    watch: Watch
    n: int
    once: Path
    twice: Path
    asked: tuple[set[str], set[str]]  # the requests of these two runs
    ending: float  # seconds from the last request to the end of the process

    def serve(self, *, later: bool) -> None:
        self.watch.serve(generated(self.n, later=later))
        self.watch.server.requests.clear()


@contextmanager
def undisturbed(n: int, folder: Path) -> Iterator[World]:
    with pytest.MonkeyPatch.context() as patch, serve(Site()) as server:
        patch.setattr(Handler, "date_time_string", lambda *_: "Sun, 06 Nov 1994 08:49:37 GMT")
        world = World(Watch(server), n, folder / "once", folder / "twice", (set(), set()), 0)
        first, _ = asked(world, world.once, later=False)
        second, ending = asked(world, copied(world.once, world.twice), later=True)
        yield replace(world, asked=(first, second), ending=ending)


def asked(world: World, out: Path, *, later: bool) -> tuple[set[str], float]:
    """The requests of a run, and how long it takes to end after the last one."""
    world.serve(later=later)
    times = [0.0]

    def never() -> bool:
        times.append(time.monotonic())
        return False

    world.watch.when(never, lambda: None)
    assert mirror(world.watch.server.url, out, settings=QUIET).code == 1  # there are dead links
    return set(world.watch.server.paths), time.monotonic() - times[-1]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with undisturbed(150, tmp_path_factory.mktemp("kills")) as made:
        yield made


# Crawls


@dataclass(frozen=True)
class Killed:
    """What was answered when a process was killed, and the number of requests until then."""

    answered: set[str]
    requests: int


class Killer:
    """Runs a crawl over and over, and kills it."""

    def __init__(self, world: World, out: Path, chance: Random, *, later: bool) -> None:
        self.killed: list[Killed] = []
        self._world, self._out, self._chance = world, out, chance
        self._server = world.watch.server
        self._last = world.asked[later]
        world.serve(later=later)

    def at_a_request(self, most: int) -> bool:
        """Kill it within 30 ms of one of the next `most` requests. Returns whether anything is left to do."""
        last = len(self._server.requests) + self._chance.randint(1, most)
        return self._run(lambda: len(self._server.requests) >= last, 0.03)

    def at_the_end(self) -> bool:
        """Kill it some time after the last request."""
        return self._run(lambda: self._last <= set(self._server.paths), self._world.ending)

    def go_on(self) -> Done:
        """Let it finish."""
        done = mirror(self._server.url, self._out, settings=QUIET)
        for killed in self.killed:
            later = {self._server.url + path for path in self._server.paths[killed.requests :]}
            assert not killed.answered & later
        return done

    def _run(self, condition: Callable[[], bool], most: float) -> bool:
        delay = self._chance.choice([0, self._chance.uniform(0, most)])
        running = process(self._server.url, self._out, settings=QUIET)
        self._world.watch.when(condition, Timer(delay, running.kill).start)
        done = ended(running)
        assert done.code in {-signal.SIGKILL, 1}, done.stderr
        if done.code == -signal.SIGKILL:
            answered = {str(url) for (url,) in rows(self._out, ANSWERED)} - {f"{self._server.url}/robots.txt"}
            self.killed.append(Killed(answered, len(self._server.requests)))
        return rows(self._out, OUTCOME) == [("incomplete",)]


def disturbed(world: World, out: Path, seed: int, *, kills: int, late: int, later: bool) -> Killer:
    """Kill a run while it fetches, and `late` times after it has fetched everything, until it finishes."""
    killer = Killer(world, out, Random(seed), later=later)
    for _ in range(kills):
        assert killer.at_a_request(len(world.asked[later]) // (kills + 2))
    for _ in range(late):
        if not killer.at_the_end():  # it had ended before
            return killer
    assert "Resuming the run" in killer.go_on().stderr
    return killer


@pytest.mark.parametrize("seed", [1], ids="seed {}".format)
def test_a_first_run_that_is_killed_again_and_again(world: World, tmp_path: Path, seed: int) -> None:
    killer = disturbed(world, tmp_path / "out", seed, kills=3, late=1, later=False)
    assert len(killer.killed) >= 3
    assert_same(tmp_path / "out", world.once)


@pytest.mark.parametrize("seed", [2], ids="seed {}".format)
def test_a_second_run_that_is_killed_again_and_again(world: World, tmp_path: Path, seed: int) -> None:
    killer = disturbed(world, copied(world.once, tmp_path / "out"), seed, kills=2, late=2, later=True)
    assert len(killer.killed) >= 2
    assert_same(tmp_path / "out", world.twice)


@pytest.mark.long
@pytest.mark.parametrize("seed", [1, 2], ids="seed {}".format)
def test_a_large_site_in_25_lives(tmp_path: Path, seed: int) -> None:
    with undisturbed(2000, tmp_path) as world:
        first = disturbed(world, tmp_path / "out", seed, kills=26, late=6, later=False)
        assert_same(tmp_path / "out", world.once)
        second = disturbed(world, tmp_path / "out", seed, kills=26, late=6, later=True)
        assert_same(tmp_path / "out", world.twice)
    assert min(len(first.killed), len(second.killed)) >= 25


# The other commands


@dataclass(frozen=True)
class Task:
    """A command to kill. `before`: what is done to the archive first. `codes`: exit codes; 4 if the result is there already."""

    words: str
    before: Callable[[Path], None] = lambda _: None
    codes: frozenset[int] = frozenset({0})

    def start(self, world: World, out: Path) -> "subprocess.Popen[str]":
        """Start it, and wait until it works: until it holds the lock, or its target exists."""
        words = self.words.format(out=out, target=target(out), url=world.watch.server.url)
        running = subprocess.Popen(
            [*SCRAPY, *words.split()], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        holds = f"{running.pid}\n"
        while running.poll() is None and not target(out).exists() and (out / LOCK).read_text() != holds:
            time.sleep(0.001)
        return running


def target(out: Path) -> Path:
    return out.with_name(f"{out.name}-target")


def thin_out(out: Path) -> None:
    """Remove every third file of the tree."""
    for path in sorted(tree(out))[::3]:
        (out / path).unlink()


def damage(out: Path) -> None:
    """Remove or change objects and copies, and files of the tree."""
    kept = sorted((out / ".mirror").glob("objects/??/*"))[::40] + sorted((out / ".mirror").glob("copies/??/*"))[::40]
    for n, place in enumerate(kept):
        place.unlink()
        if n % 2:
            place.write_bytes(b"damaged")
    thin_out(out)


TASKS: Final = {
    "publish": Task("publish {out}", thin_out),
    "prune": Task("prune {out} --keep last=1"),
    "checkout": Task("checkout {out} 1 {target}", codes=frozenset({0, 4})),
    "forget": Task("forget {out} {url}/1*"),
    "repair": Task("verify {out} --repair", damage, frozenset({0, 1})),
}


@pytest.mark.parametrize("seed", some_long(TASKS, {"publish", "checkout"}))
def test_a_command_that_is_killed_and_given_again(world: World, tmp_path: Path, seed: str) -> None:
    task, chance = TASKS[seed], Random(seed)
    calm, killed = (copied(world.twice, tmp_path / name) for name in ("calm", "killed"))
    for out in (calm, killed):
        task.before(out)
    world.serve(later=True)
    running, begun = task.start(world, calm), time.monotonic()
    assert ended(running).code in task.codes
    took = time.monotonic() - begun
    codes = []
    for _ in range(3):
        running = task.start(world, killed)
        time.sleep(chance.uniform(0, took))
        running.kill()
        codes.append(ended(running).code)
    assert -signal.SIGKILL in codes
    assert ended(task.start(world, killed)).code in task.codes
    assert_same(killed, calm)
    assert tree(target(killed)) == tree(target(calm))


def test_a_repair_that_is_killed_when_all_is_fetched_and_nothing_finished(world: World, tmp_path: Path) -> None:
    task = TASKS["repair"]
    calm, killed = (copied(world.twice, tmp_path / name) for name in ("calm", "killed"))
    whole = objects(calm)  # damaged objects are removed before they are fetched
    for out in (calm, killed):
        task.before(out)
    world.serve(later=True)
    assert ended(task.start(world, calm)).code in task.codes
    running = task.start(world, killed)
    while not objects(killed) >= whole:
        assert running.poll() is None
        time.sleep(0.001)
    running.kill()
    assert ended(running).code == -signal.SIGKILL
    assert rows(killed, OUTCOME) == [("incomplete",)]
    assert ended(task.start(world, killed)).code in task.codes
    assert_same(killed, calm)
