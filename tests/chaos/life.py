"""One life of an archive: steps at random, each followed by the laws of the model.

A step changes the site, or runs a command, undisturbed or with bad luck. The seed decides everything except how far a process
has come when it is killed.
"""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from threading import Event, Timer
from typing import Final

from tests.chaos.archive import ArchiveReader
from tests.chaos.model import Model
from tests.chaos.site import START, ChangingSite, Kind, Manner
from tests.crawl.running import QUICK, ROOT, SCRAPY
from tests.warm import Done

FAKETIME: Final = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
"""Debian's faketime, which gives a process another clock."""

DISK: Final = 48  # MiB
PATIENCE: Final = 60  # seconds that a command may take
QUIET: Final = QUICK | {"MIRROR_PROGRESS": "off", "MIRROR_RESERVE": "0", "RETRY_TIMES": "1"}
WELL, FAILED, NOTHING, STORAGE, HELD, INTERRUPTED = 0, 1, 3, 4, 5, 130  # exit codes of docs/commands.md
REFRESH: Final = timedelta(days=7)
JUMPS: Final = ("-4000d", "-2d", "-90m", "+90m", "+2d", "+400d", "+4000d")


class BrokenLaw(AssertionError):  # noqa: N818 - it is no error of the program that reports it
    """A law does not hold, or a command did what no command may do."""


class Life:
    """An archive below `folder` and the site that it mirrors. `log` has the steps so far."""

    def __init__(self, folder: Path, seed: int, *, size: int = 30) -> None:
        self.log: list[str] = []
        self.seed = seed
        self._chance = Random(seed)
        self._folder = folder
        self._site = ChangingSite(self._chance, size)
        self._moves = 0
        self._out = folder / "archive-0"
        self._archive = ArchiveReader(self._out)
        self._model = Model(self._site, self._archive)
        self._full = os.path.ismount(folder)
        self._url = ""

    def live(self, steps: int) -> None:
        """Take this many steps. Raises `BrokenLaw` with the steps so far."""
        with self._site.served() as server:
            self._url = server.url
            self._step("crawl", self.crawl)
            for _ in range(steps):
                names, weights = list(STEPS), [weight for weight, _ in STEPS.values()]
                name = self._chance.choices(names, weights)[0]
                self._step(name, lambda name=name: STEPS[name][1](self))  # type: ignore[misc]
            self._step("crawl at last", self.crawl)

    def copy(self, to: Path) -> Model:
        """Copy the archive and what the model knows of it."""
        shutil.copytree(self._out, to)
        return self._model.copy(ArchiveReader(to))

    def _step(self, name: str, step: Callable[[], object]) -> None:
        self.log.append(name)
        step()
        self._must_hold(self._model.always())

    def _must_hold(self, problems: Iterator[str]) -> None:
        found = list(problems)
        if found:
            raise self._broken("\n".join(found))

    def _broken(self, what: str) -> BrokenLaw:
        steps = "\n".join(f"  {n}. {step}" for n, step in enumerate(self.log, 1))
        return BrokenLaw(f"{what}\nseed {self.seed}, after\n{steps}\narchive: {self._out}")

    def _note(self, what: object) -> None:
        self.log[-1] += f": {what}"

    # --- commands ------------------------------------------------------------------------------------------------------

    def _start(self, *words: str, clock: str = "") -> "subprocess.Popen[str]":
        environment = os.environ | {"TERM": "dumb"}
        if clock:
            environment |= {"LD_PRELOAD": str(FAKETIME[0]), "FAKETIME": clock, "NO_FAKE_STAT": "1"}
            environment |= {"FAKETIME_DONT_FAKE_MONOTONIC": "1"}
        return subprocess.Popen(
            [*SCRAPY, *words], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
        )

    def _ended(self, running: "subprocess.Popen[str]", *codes: int) -> Done:
        try:
            stdout, stderr = running.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            running.kill()
            raise self._broken(f"no end after {PATIENCE} s: {running.args!r}\n{running.communicate()[1]}") from None
        done = Done(running.returncode, stdout, stderr)
        self._note(f"exit code {done.code}")
        if "Traceback" in stderr or done.code not in codes:
            raise self._broken(
                f"{running.args!r}\nexit code {done.code}, expected {codes}\n{stdout[-2000:]}\n{stderr[-6000:]}"
            )
        return done

    def _command(self, *words: str, codes: tuple[int, ...] = (WELL,)) -> Done:
        return self._ended(self._start(*words), *codes)

    def _begun(self, *words: str, clock: str = "") -> "subprocess.Popen[str]":
        arguments = [f"start={self._url}{START}", f"out={self._out}", "render=never", "timeout=5", *words]
        settings = [part for name, value in QUIET.items() for part in ("-s", f"{name}={value}")]
        options = [part for word in arguments for part in ("-a", word)]
        return self._start("crawl", "mirror", *options, *settings, clock=clock)

    def _crawling(self, *words: str, clock: str = "") -> "subprocess.Popen[str]":
        self._model.begin()
        return self._begun(*words, clock=clock)

    # --- runs ----------------------------------------------------------------------------------------------------------

    def crawl(self, *words: str, clock: str = "", trusted: timedelta = timedelta()) -> None:
        still = not self._model.is_unfinished
        done = self._ended(self._crawling(*words, clock=clock), WELL, FAILED, NOTHING, HELD)
        outcome = [*self._archive.snapshots().values()][-1:]
        if (done.code == HELD) is not (outcome == ["held"]):
            raise self._broken(f"exit code {done.code}, but the outcome is {outcome}")
        now = datetime.now(UTC) if not clock else None
        self._must_hold(self._model.after_run(still=still, trusted=trusted, now=now))

    def crawl_with_refresh(self) -> None:
        """What was checked within a week is not asked for, unless that was in the future."""
        self.crawl("refresh=7d", trusted=REFRESH)

    def crawl_with_another_clock(self) -> None:
        if not FAKETIME:
            return
        clock = self._chance.choice(JUMPS)
        self._note(clock)
        self.crawl(clock=clock)

    def crawl_of_a_moving_site(self) -> None:
        """The site changes while it is crawled."""
        at = self._chance.randint(1, 40)
        with self._at_request(at, self._site.change):
            self._ended(self._crawling(), WELL, FAILED, NOTHING, HELD)
        self._must_hold(self._model.after_run(still=False))

    def killed_crawl(self) -> None:
        running, after = self._crawling(), self._chance.choice([0, self._chance.uniform(0, 0.2)])
        with self._at_request(self._chance.randint(1, 60), lambda: Timer(after, running.kill).start()):
            done = self._ended(running, -signal.SIGKILL, WELL, FAILED, NOTHING, HELD)
        if done.code != -signal.SIGKILL:
            self._must_hold(self._model.after_run(still=False))

    def interrupted_crawl(self) -> None:
        running = self._crawling()
        with self._at_request(self._chance.randint(1, 60), lambda: running.send_signal(signal.SIGINT)):
            done = self._ended(running, INTERRUPTED, WELL, FAILED, NOTHING, HELD)
        if done.code != INTERRUPTED:
            self._must_hold(self._model.after_run(still=False))

    def power_cut(self) -> None:
        """What was not synced is cut short, empty or full of zeros afterwards. What a complete run stored, was."""
        self.killed_crawl()
        if not self._archive.snapshots():
            return
        stored = self._archive.stored() | self._archive.stored("copies")
        synced = {had for shown in self._model.history.values() for had in shown.values()}
        for one in sorted(self._archive.unsynced() & stored.keys() - synced):
            if self._chance.random() < 0.3:
                self._ruin(stored[one], self._chance.choice(["cut short", "emptied", "zeroed"]))

    def full_disk(self) -> None:
        """A run, or two, while the disk has little space left."""
        if not self._full:
            return
        self._model.begin()  # before the disk is full: SQLite needs space to read, too
        filler = self._folder / "filler"
        left = self._chance.choice([0, 20, 100, 300, 800, 2000]) * 1024
        with filler.open("wb") as file:
            free = os.statvfs(self._folder)
            file.write(bytes(max(0, free.f_bavail * free.f_frsize - left)))
        self._note(f"{left} bytes left")
        try:
            done = self._ended(self._begun(), WELL, FAILED, NOTHING, STORAGE, HELD)
        finally:
            filler.unlink()
        if done.code != STORAGE:
            self._must_hold(self._model.after_run(still=False))

    @contextmanager
    def _at_request(self, number: int, event: Callable[[], object]) -> Iterator[None]:
        """Let an event happen when the server gets its `number`th request."""
        self._note(f"at request {number}")
        happened = Event()

        def when_asked(asked: int) -> None:
            if asked >= number and not happened.is_set():
                happened.set()
                event()

        self._site.when_asked = when_asked
        try:
            yield
        finally:
            self._site.when_asked = lambda _: None

    # --- damage --------------------------------------------------------------------------------------------------------

    def _ruin(self, place: Path, how: str) -> None:
        content = place.read_bytes()
        place.chmod(0o644)
        place.unlink()
        ruined = {
            "cut short": content[: len(content) // 2],
            "emptied": b"",
            "zeroed": bytes(len(content)),
            "one bit wrong": bytes([content[0] ^ 1]) + content[1:] if content else b"x",
        }
        if how == "a pipe":
            os.mkfifo(place)
        elif how == "a folder":
            place.mkdir()
        elif how != "removed":
            place.write_bytes(ruined[how])
        self._note(f"{place.relative_to(self._out)} {how}")

    def damage(self) -> None:
        """Ruin objects, copies and files of the tree. `verify` tells it, and `--repair` mends what can be mended."""
        if self._model.is_unfinished or not self._archive.snapshots():
            return
        stored, named = self._archive.stored(), self._archive.in_use()
        places = [place for one, place in stored.items() if one in named]
        copies = self._archive.copies_in_use()
        places += [place for one, place in self._archive.stored("copies").items() if one in copies]
        places += [self._out / path for path in sorted(self._archive.tree()) if str(path) != "index.html"]
        hows = ["cut short", "emptied", "zeroed", "one bit wrong", "removed", "a pipe", "a folder"]
        chosen = self._chance.sample(sorted(places), min(len(places), self._chance.randint(1, 3)))
        at_server = {resource.digest for resource in self._site.resources.values() if resource.manner is Manner.WELL}
        for place in chosen:
            self._ruin(place, self._chance.choice(hows))
        by_place = {place: one for one, place in stored.items()}
        self._model.lost |= {by_place[place] for place in chosen if place in by_place} - at_server
        done = self._command("verify", str(self._out), codes=(FAILED,))
        for place in chosen:
            if str(place.relative_to(self._out)) not in done.stdout:
                raise self._broken(f"verify does not tell that {place} is damaged:\n{done.stdout}")
        self._repair()

    def _repair(self) -> None:
        self._model.begin()
        self._command("verify", str(self._out), "--repair", codes=(WELL, FAILED))
        if not self._model.is_unfinished:
            self._model.resync()
        self._command("verify", str(self._out))

    # --- other commands ------------------------------------------------------------------------------------------------

    def verify(self) -> None:
        if self._archive.snapshots() and not self._model.is_unfinished:
            self._command("verify", str(self._out))

    def publish(self) -> None:
        """Publishing again changes nothing."""
        if self._model.is_unfinished or not self._archive.snapshots():
            return
        before = self._tree()
        self._command("publish", str(self._out))
        after = self._tree()
        if before != after:
            differing = sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))
            raise self._broken(f"publishing changed {differing}")

    def _tree(self) -> dict[str, bytes]:
        return {str(path): (self._out / path).read_bytes() for path in self._archive.tree()}

    def prune(self) -> None:
        complete = [number for number, outcome in self._archive.snapshots().items() if outcome == "complete"]
        if not complete:
            return
        rule = self._chance.choice(["last=1", "last=2", "last=3", "daily=2", "within=1d", "yearly=1"])
        self._note(rule)
        self._command("prune", str(self._out), "--keep", rule)
        left = {number for number, outcome in self._archive.snapshots().items() if outcome != "pruned"}
        least = set(complete[-int(rule[-1]) :]) if rule.startswith("last") else {complete[-1]}
        if not least <= left:
            raise self._broken(f"prune --keep {rule} left {left} of {complete}")
        self._model.pruned()

    def forget(self) -> None:
        known = sorted(self._model.copies.keys() - {START})
        if not known or self._model.is_unfinished:
            return
        path = self._chance.choice(known)
        self._note(path)
        self._command("forget", str(self._out), f"{self._url}{path}")
        self._model.forget(path)

    def checkout(self) -> None:
        """An old snapshot is laid out as it was."""
        numbers = sorted(self._model.history)
        if not numbers:
            return
        number, target = self._chance.choice(numbers), self._folder / "checked-out"
        self._note(number)
        shown, had = self._archive.shown(number), self._model.history[number]
        if self._model.lost & set(had.values()):
            return
        self._command("checkout", str(self._out), str(number), str(target))
        for path in had:
            place = target / str(shown[path].path)
            if not place.is_file():
                raise self._broken(f"checkout {number} has no {shown[path].path} for {path}")
            resource = self._site.resources[path]
            own = self._archive.stored()[had[path]].read_bytes()
            line = next((line for line in own.splitlines() if resource.marker.encode() in line), b"")
            if place.read_bytes() != own if resource.kind is not Kind.PAGE else line not in place.read_bytes():
                raise self._broken(f"checkout {number} has another {shown[path].path} for {path}")
        shutil.rmtree(target)

    def move(self) -> None:
        """The archive gets another name, or is copied and the original removed."""
        if not self._out.exists():
            return
        self._moves += 1
        to = self._folder / f"archive-{self._moves}"
        if self._chance.random() < 0.5:
            self._out.rename(to)
        else:
            subprocess.run(["cp", "-a", self._out, to], check=True)
            shutil.rmtree(self._out)
        self._out = self._archive.root = to

    def change(self) -> None:
        self._note(self._site.change())

    def spoil_most(self) -> None:
        manner = self._chance.choice([manner for manner in Manner if manner is not Manner.WELL])
        self._note(self._site.spoil_most(manner))

    def heal(self) -> None:
        self._note(self._site.heal())


STEPS: Final[dict[str, tuple[int, Callable[[Life], None]]]] = {
    "change": (16, Life.change),
    "spoil most": (1, Life.spoil_most),
    "heal": (3, Life.heal),
    "crawl": (8, Life.crawl),
    "crawl with refresh": (3, Life.crawl_with_refresh),
    "crawl with another clock": (4, Life.crawl_with_another_clock),
    "crawl of a moving site": (3, Life.crawl_of_a_moving_site),
    "killed crawl": (8, Life.killed_crawl),
    "interrupted crawl": (4, Life.interrupted_crawl),
    "power cut": (5, Life.power_cut),
    "full disk": (5, Life.full_disk),
    "damage": (5, Life.damage),
    "verify": (2, Life.verify),
    "publish": (2, Life.publish),
    "prune": (3, Life.prune),
    "forget": (2, Life.forget),
    "checkout": (3, Life.checkout),
    "move": (2, Life.move),
}
"""Step -> how often it is taken, and the step. Steps that need what is not there do nothing."""


@contextmanager
def disk() -> Iterator[Path]:
    """A folder on a small disk of its own if this user may mount one, else any folder: without it, no disk gets full."""
    folder = Path(tempfile.mkdtemp(prefix="websucker-chaos-"))
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK}m", "chaos", str(folder)]
    mounted = shutil.which("mount") and subprocess.run(mount, capture_output=True, check=False).returncode == 0
    try:
        yield folder
    finally:
        if mounted:
            subprocess.run(["umount", "-l", folder], check=True)
        shutil.rmtree(folder)
