"""Every command ends with an exit code and at most one line of errors, wherever its output goes and whatever the disk does.

No command ends with a traceback, nor with the interpreter's "Exception ignored" and its code 120. The rows run in copies of one
process (`tests.warm`); those about the encoding of file names need a process of their own.
"""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from tests import warm
from tests.crawl.running import ROOT, run
from tests.replay.serving import mirrored
from tests.site import PNG, Site
from tests.warm import Done, Task

SITE: Final = "https://example.org"
NOWHERE: Final = "http://127.0.0.1:9/"
"""Nothing listens there."""

CRAWL: Final = (NOWHERE, "--out", "{new}", "-s", "RETRY_TIMES=0", "-s", "MIRROR_MOST_FAILURES=1")
COMMANDS: Final[dict[str, tuple[tuple[str, ...], int, bool]]] = {
    "snapshots": (("snapshots", "{archive}"), 0, True),
    "snapshots --json": (("snapshots", "{archive}", "--json"), 0, True),
    "diff": (("diff", "{archive}"), 1, True),
    "diff --json": (("diff", "{archive}", "--json"), 1, True),
    "diff --html": (("diff", "{archive}", "--html", "{new}.html"), 1, False),
    "why": (("why", "{archive}", f"{SITE}/stra%C3%9Fe"), 0, True),
    "why --json": (("why", "{archive}", f"{SITE}/never", "--json"), 1, True),
    "log": (("log", "{archive}", f"{SITE}/stra%C3%9Fe"), 0, True),
    "log --patch --json": (("log", "{archive}", f"{SITE}/to", "--patch", "--json"), 0, True),
    "show": (("show", "{archive}", f"{SITE}/b%C3%A4ume.png"), 0, True),
    "show --text": (("show", "{archive}", f"{SITE}/stra%C3%9Fe", "--text"), 0, True),
    "links": (("links", "{archive}", "--json"), 0, True),
    "links --html": (("links", "{archive}", "--format", "html"), 0, True),
    "stats": (("stats", "{archive}"), 0, True),
    "stats --json": (("stats", "{archive}", "--json"), 0, True),
    "stats --html": (("stats", "{archive}", "--html", "{new}.html"), 0, False),
    "verify": (("verify", "{damaged}"), 1, True),
    "verify --repair": (("verify", "{archive}", "--repair"), 0, False),
    "publish": (("publish", "{archive}"), 0, False),
    "prune": (("prune", "{archive}", "--keep", "last=9"), 0, True),
    "forget": (("forget", "{archive}", f"{SITE}/never"), 0, False),
    "checkout": (("checkout", "{archive}", "1", "{new}"), 0, False),
    "compare": (("compare", "{archive}", NOWHERE, "--browser", "/nowhere/chromium"), 2, False),
    "crawl": (CRAWL, 3, False),
    "--help": (("--help",), 0, True),
    "--version": (("--version",), 0, True),
    "diff --help": (("diff", "--help"), 0, True),
}
"""A name -> the words, the exit code, and whether there is output for stdout. `replay` and `open` have tests of their own."""

STREAMS: Final = {
    "nobody reads": Task("mirror", (), stdout="unread", encoding="ascii"),
    "full, and nobody reads stderr": Task("mirror", (), stdout="full", stderr="unread"),
    "closed": Task("mirror", (), stdout="closed", stderr="closed", stdin="closed"),
    "full stderr": Task("mirror", (), stderr="full", environment={"TERM": None, "HOME": None, "COLUMNS": "0"}),
    "latin-1": Task("mirror", (), encoding="iso-8859-1", environment={"LC_ALL": "C"}),
}
OFTEN: Final = {(name, "nobody reads") for name in COMMANDS} | {
    (name, "full, and nobody reads stderr") for name in ("snapshots", "verify --repair", "prune", "crawl", "--help")
}
"""The rows of each test run. `make long` has the others."""

READING: Final = ("snapshots", "diff", "why", "log", "show", "stats", "links", "verify", "checkout")
WRITING: Final = ("verify --repair", "publish", "prune", "forget", "crawl")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an archive whose names are not ASCII, and a damaged copy of it."""
    home = tmp_path_factory.mktemp("häuser")
    for edition in ("first", "second"):
        site = Site().page("/", "<img src='/bäume.png'>", links=["/straße", "/to"]).redirect("/to", "/straße")
        site.page("/stra%C3%9Fe", edition).file("/b%C3%A4ume.png", PNG, "image/png")
        mirrored(home / "archive", {SITE: site}, SITE, f"2026-11-2{len(edition)}")
    subprocess.run(["cp", "-a", home / "archive", home / "damaged"], check=True)
    (home / "damaged" / "example.org" / "bäume.png").unlink()
    (home / "damaged" / "Bücher").write_text("not ours")
    return home


def words(name: str, home: Path, archive: str = "archive", new: str = "", damaged: str = "") -> list[str]:
    (home / "new").mkdir(exist_ok=True)
    places = {"archive": home / archive, "damaged": home / (damaged or archive), "new": home / "new" / (new or name)}
    return [word.format(**places) for word in COMMANDS[name][0]]


def refuse_noise(ending: Done) -> None:
    """Nothing that only a programmer understands."""
    assert "Traceback" not in ending.stderr
    assert "Exception ignored" not in ending.stderr
    assert "Logging error" not in ending.stderr
    assert "please report" not in ending.stderr
    assert ending.code in {0, 1, 2, 3, 4, 5, 130, 141}


# Streams


@pytest.fixture(scope="module")
def by_streams(home: Path, request: pytest.FixtureRequest) -> dict[tuple[str, str], Done]:
    asked = [
        item.callspec.params
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.function is test_streams_that_can_not_be_written
    ]
    rows = [(str(one["name"]), str(one["streams"])) for one in asked]
    tasks = [
        replace(STREAMS[how], words=words(name, home, new=f"{name} {how}", damaged="damaged")) for name, how in rows
    ]
    return dict(zip(rows, map(warm.run, tasks), strict=True))


@pytest.mark.parametrize(
    ("name", "streams"),
    [
        pytest.param(name, how, marks=() if (name, how) in OFTEN else pytest.mark.long)
        for name in COMMANDS
        for how in STREAMS
    ],
)
def test_streams_that_can_not_be_written(by_streams: dict[tuple[str, str], Done], name: str, streams: str) -> None:
    ending = by_streams[name, streams]
    refuse_noise(ending)
    _, code, prints = COMMANDS[name]
    lost = {"nobody reads": 141, "full, and nobody reads stderr": 4}.get(streams, code) if prints else code
    assert ending.code == lost, ending
    if streams == "latin-1" and name == "verify":
        assert "bäume.png" in ending.stdout.replace("\\xe4", "ä")


def test_a_full_stdout_is_told_in_one_line(home: Path) -> None:
    scrapy = Task("scrapy", words("diff", home), stdout="full")
    for ending in map(warm.run, [scrapy, replace(scrapy, program="mirror")]):
        assert (ending.code, ending.stderr) == (4, "websucker: the output is not complete: No space left on device\n")


# Disks


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of four megabytes."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", disk], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip("no file system can be mounted here: it takes root's rights")
    yield disk
    subprocess.run(["umount", disk], check=True)


def on(disk: Path, home: Path, names: Sequence[str]) -> dict[str, Done]:
    tasks = [Task("mirror", words(name, disk)) for name in names]
    return dict(zip(names, map(warm.run, tasks), strict=True))


def test_a_read_only_disk(disk: Path, home: Path) -> None:
    subprocess.run(["cp", "-a", home / "archive", disk], check=True)
    (disk / "new").mkdir()
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    for name, ending in on(disk, home, (*READING, *WRITING, "diff --html")).items():
        refuse_noise(ending)
        writes = name in {*WRITING, "checkout", "diff --html"}
        assert ending.code == (4 if writes else 0 if name == "verify" else COMMANDS[name][1]), (name, ending)
        assert ending.stderr.count("\n") == 1 or not writes, ending


def test_a_full_disk(disk: Path, home: Path) -> None:
    subprocess.run(["cp", "-a", home / "archive", disk], check=True)
    (disk / "archive" / "example.org" / "index.html").unlink()
    (disk / "new").mkdir()
    with (disk / "filler").open("wb", buffering=0) as filler:
        try:
            while True:
                filler.write(bytes(4096))
        except OSError:
            pass
    for name, ending in on(disk, home, (*READING, *WRITING, "diff --html")).items():
        refuse_noise(ending)
        assert ending.code in {0, 1, 4}, (name, ending)
        assert ending.code != 4 or "ake room" in ending.stderr or "No space left" in ending.stderr, (name, ending)
    subprocess.run(["mount", "-o", "remount,size=20m", disk], check=True)
    (disk / "filler").unlink()
    assert [one.code for one in on(disk, home, ("publish", "diff")).values()] == [0, 1]


# Archives that are missing or damaged


def spoilt(manifest: Path, how: str) -> None:
    if how == "missing":
        manifest.unlink()
    elif how == "folder":
        manifest.unlink()
        manifest.mkdir()
    elif how == "empty":
        manifest.write_bytes(b"")
    elif how == "no database":
        manifest.write_bytes(b"not a database" * 1000)
    elif how == "cut":
        os.truncate(manifest, manifest.stat().st_size // 2)
    else:
        page = int(how.partition(" ")[2]) << 12
        content = manifest.read_bytes()
        manifest.write_bytes(content[:page] + b"\xff" * 4096 + content[page + 4096 :])


DAMAGES: Final = ("missing", "folder", "empty", "no database", "cut", "page 0", "page 2", "page 5")
USED: Final = (
    *(
        "snapshots",
        "diff --html",
        "why --json",
        "log",
        "show",
        "stats --html",
        "links",
        "checkout",
        *WRITING[:-1],
        "verify",
    ),
    "compare",
)


@pytest.mark.parametrize(
    "damage", [pytest.param(one, marks=() if one == "cut" else pytest.mark.long) for one in DAMAGES]
)
def test_a_damaged_manifest(home: Path, tmp_path: Path, damage: str) -> None:
    tasks = []
    for n, name in enumerate(USED):
        subprocess.run(["cp", "-a", home / "archive", tmp_path / str(n)], check=True)
        spoilt(tmp_path / str(n) / ".mirror" / "manifest.sqlite", damage)
        tasks.append(Task("mirror", words(name, tmp_path, str(n))))
    for name, ending in zip(USED, map(warm.run, tasks), strict=True):
        refuse_noise(ending)
        assert ending.stderr.count("\n") == 1 or ending.code in {0, 1}, (name, ending)
        assert ending.code in {4, COMMANDS[name][1]} or damage in {"empty", "missing"}, (name, ending)


def test_a_lost_object(home: Path, tmp_path: Path) -> None:
    """What can't be made is left out, and that is said."""
    subprocess.run(["cp", "-a", home / "archive", tmp_path], check=True)
    for place in (tmp_path / "archive" / ".mirror" / "objects").glob("??/*"):
        if place.read_bytes() == PNG:
            place.unlink()
    (tmp_path / "archive" / "example.org" / "bäume.png").unlink()
    names = ("publish", "checkout", "verify")
    for name, ending in zip(
        names, map(warm.run, [Task("mirror", words(name, tmp_path)) for name in names]), strict=True
    ):
        refuse_noise(ending)
        assert ending.code == 1, (name, ending)
        assert ("%C3%A4ume.png" if name == "verify" else "1 file can't be made") in ending.stdout + ending.stderr


def test_a_folder_that_is_no_archive(tmp_path: Path) -> None:
    names = [name for name in (*USED, "diff") if name != "compare"]
    for name, ending in zip(
        names, map(warm.run, [Task("mirror", words(name, tmp_path)) for name in names]), strict=True
    ):
        assert (ending.code, ending.stdout) == (4, ""), name
        assert ending.stderr == f"websucker: {tmp_path}/archive is not an archive: it has no folder .mirror\n"


# Encodings of file names


@pytest.mark.parametrize(
    ("name", "program"),
    [
        ("verify", ["mirror"]),
        pytest.param("publish", ["scrapy"], marks=pytest.mark.long),
        pytest.param("checkout", ["mirror"], marks=pytest.mark.long),
    ],
)
def test_names_of_files_do_not_depend_on_the_locale(
    home: Path, tmp_path: Path, name: str, program: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable, value in {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}.items():
        monkeypatch.setenv(variable, value)
    monkeypatch.delenv("PYTHONIOENCODING", raising=False)
    line = [sys.executable, "-m", *program, *words(name, home, new=str(tmp_path / "new"), damaged="damaged")]
    done = run(*line, cwd=ROOT)
    refuse_noise(Done(done.code, done.stdout, done.stderr))
    assert done.code == COMMANDS[name][1], done.stderr
    if name == "verify":
        assert "b\\xe4ume.png" in done.stdout


@pytest.mark.parametrize("word", ["http://127.0.0.1:9/\udcff", "http://\udcff.example/"])
def test_a_start_that_is_not_unicode(tmp_path: Path, word: str) -> None:
    [ending] = map(warm.run, [Task("mirror", [word, "--out", os.fsdecode(bytes(tmp_path) + b"/\xff")])])
    refuse_noise(ending)
    assert ending.code in {2, 3}
