"""`log`, `show`, `open` and `stats`: what an archive has of a URL, and what a snapshot consists of."""

import hashlib
import json
import os
import re
import select
import shlex
import signal
import subprocess
import sys
import tracemalloc
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
from lxml import etree

from mirror.commands.queries import show
from mirror.core.replay.origins import Server
from mirror.core.url.canonical import canonical
from mirror.store.archive import Archive
from mirror.store.archive_reader import ArchiveReader
from tests.crawl.running import ROOT, websucker
from tests.replay.serving import mirrored
from tests.site import HTML, PNG, Page, Site, png
from tests.warm import Done, Task
from tests.warm import run as warm

HOME: Final = "https://example.org"
LINKS: Final = ("/a", "/b", "/old", "/new", "/r", "/@2", "/t.txt", "/p.png", "/big.bin", "/secret", "/dead")
BIG: Final = bytes(range(256)) * 8192
BODY: Final = "<p>" + "<p>".join(f"line {n}" for n in range(12))
PATIENCE: Final = 60
"""Seconds after which a browser is not waited for."""

TEXT: Final = "tab\there \x1b[31mred\nend\n"


def edition(body: str, nonce: str = "") -> Site:
    site = (
        Site().page("/", "<img src=/p.png>", links=LINKS).file("/a", f'{body}<script nonce="{nonce}">1</script>', HTML)
    )
    site.page("/@2", "at").file("/t.txt", TEXT, "text/plain; charset=utf-8").file("/p.png", PNG, "image/png")
    site.redirect("/r", "/a").file("/big.bin", BIG)
    site["/secret"] = Page(200, {"Content-Type": HTML, "Set-Cookie": "s=1", "X-Odd": "caf\xe9\x1b[1m"}, b"secret")
    return site


def editions() -> list[Site]:
    """Five days of a site: /a changes, /b goes and comes back and fails, /old moves to /new."""
    moves = "<title>Moves</title>the same text"
    first = edition(f"<title>Shop</title>{BODY}").page("/b", "soon gone").file("/old", moves, HTML)
    changed = f"<title>Shop</title>{BODY.replace('line 3', 'LINE three').replace('line 10', 'ten')}"
    second = edition(changed, "abcdefgh12345678").file("/new", moves, HTML).file("/old", "", status=410)
    third = edition(changed, "zyxwvuts87654321").file("/new", moves, HTML).page("/b", "again").file("/p.png", png(2, 2))
    fourth = edition(changed, "zyxwvuts87654321").file("/new", moves, HTML).page("/b", "x", status=500)
    fifth = edition(changed, "zyxwvuts87654321").file("/new", moves, HTML).page("/b", "again").redirect("/a", "/new")
    return [first, second, third, fourth, fifth]


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("history") / "archive"
    for n, site in enumerate(editions(), 1):
        mirrored(out, {HOME: site}, HOME, f"2026-11-{n:02}")
    return out


@pytest.fixture
def copy(archive: Path, tmp_path: Path) -> Path:
    """A copy of it, for tests that change it."""
    subprocess.run(["cp", "-a", archive, tmp_path / "archive"], check=True)
    return tmp_path / "archive"


def object_of(out: Path, url: str, snapshot: int) -> Path:
    with closing(ArchiveReader(out)) as reader:
        found = reader.history.version(canonical(url), snapshot)
        assert found is not None
        assert found.digest is not None
        return reader.objects.path(found.digest)


def shown(*words: object) -> bytes:
    """What a command writes to stdout, byte for byte."""
    return subprocess.run([sys.executable, "-m", "mirror", *map(str, words)], cwd=ROOT, stdout=-1, check=True).stdout


# --- log -------------------------------------------------------------------------------------------------------------


def happened(done: Done) -> list[tuple[str, str]]:
    """The snapshots of each version, and what happened."""
    lines = done.stdout.splitlines()
    heads = [n for n, line in enumerate(lines) if line.startswith("snapshot")]
    return [(lines[n].split("  ")[0].split(" ")[1], lines[n + 1].strip()) for n in heads]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (
            "/a",
            [
                ("5", "redirects to /new; status 200 -> 302 Found"),
                ("3-4", "changed in noise only"),
                ("2", "changed: 2 lines removed, 2 added"),
                ("1", "new"),
            ],
        ),
        (
            "/b",
            [
                ("5", "renewed, unchanged"),
                ("4", "not renewed: 500 Internal Server Error; the last good copy is kept"),
                ("3", "back; changed: 1 line removed, 1 added"),
                ("2", "gone (404 Not Found)"),
                ("1", "new"),
            ],
        ),
        (
            "/old",
            [
                ("3-5", "still gone (404 Not Found)"),
                ("2", f"gone (410 Gone), moved to {HOME}/new"),
                ("1", "new"),
            ],
        ),
        ("/new", [("2-5", f"new, moved from {HOME}/old"), ("1", "not on the server (404 Not Found)")]),
        ("/r", [("1-5", "new; redirects to /a")]),
        ("/dead", [("1-5", "not on the server (404 Not Found)")]),
    ],
)
def test_log_says_what_happened_the_newest_first(archive: Path, path: str, expected: list[tuple[str, str]]) -> None:
    done = websucker("log", archive, HOME + path)
    assert (done.code, done.stderr) == (0, "")
    assert happened(done) == expected


def test_log_shows_time_size_digest_title_and_the_first_lines_that_changed(archive: Path) -> None:
    digest = hashlib.sha256(object_of(archive, f"{HOME}/a", 2).read_bytes()).hexdigest()
    size = object_of(archive, f"{HOME}/a", 2).stat().st_size
    lines = websucker("log", archive, "example.org/a").stdout.splitlines()
    place = next(n for n, line in enumerate(lines) if line.startswith("snapshot 2 "))
    assert lines[place] == f"snapshot 2  2026-11-02 10:00:00 UTC  200  {size} bytes  {digest[:12]}  Shop"
    assert lines[place + 2 : place + 6] == ["    - line 3", "    + LINE three", "    - line 10", "    and 1 more line"]


def test_log_shows_the_newest_versions_only_if_asked(archive: Path) -> None:
    assert [name for name, _ in happened(websucker("log", archive, f"{HOME}/b", "-n", 2))] == ["5", "4"]
    for number in (0, 10**30):
        assert websucker("log", archive, f"{HOME}/b", "-n", number).code == 2


def test_log_patch_is_a_unified_diff_of_the_text(archive: Path) -> None:
    lines = websucker("log", archive, f"{HOME}/a", "--patch").stdout.splitlines()
    place = lines.index(f"--- {HOME}/a@1")
    assert lines[place + 1] == f"+++ {HOME}/a@2"
    assert lines[place + 2] == "@@ -2,12 +2,12 @@"
    changed = [line for line in lines[place + 2 :] if line.startswith(("+", "-"))]
    assert changed == ["-line 3", "+LINE three", "-line 10", "+ten"]


def test_log_json(archive: Path) -> None:
    told = json.loads(websucker("log", archive, f"{HOME}/a", "--json").stdout)
    assert told["url"] == f"{HOME}/a"
    assert [(one["first_snapshot"], one["last_snapshot"]) for one in told["versions"]] == [
        (5, 5),
        (3, 4),
        (2, 2),
        (1, 1),
    ]
    second = told["versions"][2]
    assert (second["since"], second["until"], second["title"]) == (
        "2026-11-02T10:00:00+00:00",
        "2026-11-03T10:00:00+00:00",
        "Shop",
    )
    assert (second["changed_lines"], len(second["changes"])) == (4, 3)
    whole = json.loads(websucker("log", archive, f"{HOME}/a", "--json", "--patch").stdout)["versions"][2]
    assert [one["sign"] + one["text"] for one in whole["changes"]] == ["-line 3", "+LINE three", "-line 10", "+ten"]


@pytest.mark.parametrize(("url", "said"), [(f"{HOME}/never", "is unknown"), ("nntp://x/", "not supported")])
def test_log_of_a_url_that_is_not_there(archive: Path, url: str, said: str) -> None:
    done = websucker("log", archive, url)
    assert (done.code, done.stdout, done.stderr.count("\n")) == (2 if "nntp" in url else 1, "", 1)
    assert said in done.stderr


def test_log_goes_on_behind_what_is_damaged_or_lost(copy: Path) -> None:
    object_of(copy, f"{HOME}/a", 1).unlink()
    damaged = object_of(copy, f"{HOME}/a", 2)
    damaged.chmod(0o644)
    damaged.write_bytes(b"<title>Other</title>")
    done = websucker("log", copy, f"{HOME}/a")
    assert done.code == 0
    told = dict(happened(done))
    assert "its content is missing: `verify --repair`" in told["1"]
    assert "its content is damaged: `verify --repair`" in told["2"]
    assert "Other" not in done.stdout


def test_log_names_snapshots_that_are_there_after_prune(copy: Path) -> None:
    assert websucker("prune", copy, "--keep", "last=1").code == 0
    assert [name for name, _ in happened(websucker("log", copy, f"{HOME}/new"))] == ["5"]


# --- show ------------------------------------------------------------------------------------------------------------


def test_show_writes_the_body_as_it_was_received(archive: Path) -> None:
    assert shown("show", archive, f"{HOME}/big.bin") == BIG
    assert shown("show", archive, f"{HOME}/t.txt").decode() == TEXT
    assert shown("show", archive, "example.org/p.png@1") == PNG


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("/a@1",), "line 3"),
        (("/a@2026-11-01",), "line 3"),
        (("/a@2026-11-01 10:00",), "line 3"),
        (("/a@2",), "LINE three"),
        (("/a", "--snapshot", "1"), "line 3"),
        (("/b",), "again"),
        (("/@2",), "at"),
        (("/@2@1",), "at"),
    ],
)
def test_show_finds_the_snapshot_behind_the_last_at(archive: Path, words: tuple[str, ...], expected: str) -> None:
    done = websucker("show", archive, HOME + words[0], *words[1:], "--text")
    assert (done.code, done.stderr) == (0, "")
    assert expected in done.stdout.splitlines()


def test_show_text_is_what_a_reader_sees(archive: Path) -> None:
    lines = websucker("show", archive, f"{HOME}/a@1", "--text").stdout.splitlines()
    assert lines == ["Shop", *(f"line {n}" for n in range(12))]
    text = websucker("show", archive, f"{HOME}/t.txt", "--text").stdout
    assert text == "tab     here \N{REPLACEMENT CHARACTER}[31mred\nend\n"


def test_show_headers(archive: Path) -> None:
    lines = shown("show", archive, f"{HOME}/secret", "--headers").splitlines()
    assert lines == [b"HTTP 200 OK", b"Content-Type: text/html; charset=utf-8", b"X-Odd: caf\xe9\x1b[1m"]
    assert shown("show", archive, f"{HOME}/dead", "--headers").startswith(b"HTTP 404 Not Found\n")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (
            ("/b@2",),
            1,
            f"{HOME}/b is not in snapshot 2 of 2026-11-02 10:00:00 (404 Not Found): snapshots 1, 3-5 have it",
        ),
        (("/old",), 1, "(404 Not Found): snapshot 1 has it"),
        (("/dead",), 1, "no snapshot has it; `websucker why` says why"),
        (("/never@9",), 1, f"{HOME}/never@9 is unknown"),
        (("/a", "--snapshot", "9"), 2, "there is no snapshot '9'"),
        (("/p.png", "--text"), 1, "is no text but image/png: write it to a file with > FILE"),
        (("/a", "--text", "--headers"), 2, "give one of them"),
    ],
)
def test_show_says_in_one_line_why_not(archive: Path, words: tuple[str, ...], code: int, said: str) -> None:
    done = websucker("show", archive, HOME + words[0], *words[1:])
    assert (done.code, done.stdout, done.stderr.count("\n")) == (code, "", 1), done
    assert said in done.stderr


def test_show_tells_a_redirect(archive: Path) -> None:
    done = websucker("show", archive, f"{HOME}/r")
    assert (done.code, done.stderr) == (0, f"{HOME}/r redirects to /a\n")


@pytest.mark.parametrize("spoil", ["missing", "other", "shorter", "longer"])
def test_show_tells_damage(copy: Path, spoil: str) -> None:
    place = object_of(copy, f"{HOME}/big.bin", 5)
    place.chmod(0o644)
    if spoil == "missing":
        place.unlink()
    else:
        place.write_bytes({"other": bytes(len(BIG)), "shorter": BIG[:-1], "longer": BIG + b"x"}[spoil])
    done = websucker("show", copy, f"{HOME}/big.bin")
    assert done.code == 4
    word = "missing" if spoil == "missing" else "damaged"
    assert done.stderr == f"websucker: the content of {HOME}/big.bin is {word}: `verify --repair` fetches it again\n"


def test_show_reads_a_large_body_in_pieces(archive: Path) -> None:
    with closing(ArchiveReader(archive)) as reader:
        resource = reader.history.version(canonical(f"{HOME}/big.bin"), 5)
        assert resource is not None
        tracemalloc.start()
        sizes = [len(block) for block in show.blocks(reader, resource)]
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert sum(sizes) == len(BIG)
    assert peak < len(BIG) / 2


def test_show_ends_quietly_if_nobody_reads(archive: Path) -> None:
    done = warm(Task("mirror", ["show", str(archive), f"{HOME}/big.bin"], stdout="unread"))
    assert (done.code, done.stderr) == (141, "")


def on_terminal(*words: object) -> tuple[int, bytes]:
    """Run a command whose output is a terminal; return its exit code and what it wrote there."""
    terminal, inside = os.openpty()
    command = [sys.executable, "-m", "mirror", *map(str, words)]
    done = subprocess.run(command, cwd=ROOT, stdout=inside, stderr=inside, check=False)
    os.close(inside)
    written = os.read(terminal, 1 << 16)
    os.close(terminal)
    return done.returncode, written


def test_show_lets_no_body_control_a_terminal(archive: Path) -> None:
    code, text = on_terminal("show", archive, f"{HOME}/t.txt")
    assert (code, b"red" in text, b"\x1b" in text) == (0, True, False)
    code, text = on_terminal("show", archive, f"{HOME}/secret", "--headers")
    assert (code, b"X-Odd" in text, b"\x1b" in text) == (0, True, False)
    code, text = on_terminal("show", archive, f"{HOME}/big.bin")
    assert (code, b"write it to a file with > FILE" in text, text.count(b"\n")) == (1, True, 1)


# --- open ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Opened:
    """What `open` printed, what its browser was given, its messages, and its exit code after Ctrl-C."""

    url: str
    given: str
    stderr: str
    code: int


def program(folder: Path, line: str) -> Path:
    """Make a program of one line for the shell."""
    place = folder / "browser"
    place.write_text(f"#!/bin/sh\n{line}\n")
    place.chmod(0o755)
    return place


def opened(tmp_path: Path, *words: object) -> Opened:
    """Run `open` with a browser that tells its argument, up to Ctrl-C."""
    browser = program(tmp_path, 'printf %s "$2" > "$1"')
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    running = subprocess.Popen(
        [sys.executable, "-m", "mirror", "open", *map(str, words)],
        cwd=ROOT,
        env=os.environ | {"BROWSER": f"{browser} {shlex.quote(str(pipe))} %s"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert running.stdout is not None
    url = running.stdout.readline().strip()
    select.select([reader], [], [], PATIENCE)
    given = os.read(reader, 1 << 12).decode()
    os.close(reader)
    running.send_signal(signal.SIGINT)
    _, stderr = running.communicate(timeout=60)
    return Opened(url, given, stderr, running.returncode)


def test_open_gives_the_page_in_replay_to_the_browser(archive: Path, tmp_path: Path) -> None:
    done = opened(tmp_path, archive, f"{HOME}/a@1")
    port = int(done.url.rpartition(":")[2].partition("/")[0])
    assert done.given == done.url == Server(port).place(canonical(f"{HOME}/a"), 1)
    assert (done.code, done.stderr) == (0, f"Replaying {archive}; press Ctrl-C to stop\n")


@pytest.mark.parametrize(("words", "end"), [((), "/"), (("--snapshot", "2"), "/?snapshot=2")])
def test_open_without_a_url_opens_the_list(archive: Path, tmp_path: Path, words: tuple[str, ...], end: str) -> None:
    done = opened(tmp_path, archive, *words)
    assert done.given == done.url
    assert done.url.startswith("http://localhost:")
    assert done.url.endswith(end)


def test_open_says_which_url_to_open_if_there_is_no_browser(archive: Path, tmp_path: Path) -> None:
    fails = program(tmp_path, "exit 1")
    running = subprocess.Popen(
        [sys.executable, "-m", "mirror", "open", str(archive)],
        cwd=ROOT,
        env={"BROWSER": f"{fails} %s", "PATH": str(tmp_path), "LANG": "C.UTF-8"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert running.stdout is not None
    assert running.stderr is not None
    url = running.stdout.readline().strip()
    lines = [running.stderr.readline() for _ in range(2)]
    running.send_signal(signal.SIGINT)
    running.communicate(timeout=60)
    assert lines[1] == f"No browser could be started: open {url} yourself\n"
    assert running.returncode == 0


def test_open_says_which_snapshots_have_a_page(archive: Path) -> None:
    done = websucker("open", archive, f"{HOME}/b@2")
    assert (done.code, done.stdout) == (1, "")
    assert "snapshots 1, 3-5 have it" in done.stderr


# --- stats -----------------------------------------------------------------------------------------------------------


def test_stats_count_what_snapshots_counts(archive: Path) -> None:
    told = json.loads(websucker("stats", archive, "--json").stdout)
    numbers = [one["numbers"] for one in json.loads(websucker("snapshots", archive, "--json").stdout)]
    for groups in ("types", "hosts"):
        for name in ("pages", "files", "size"):
            assert sum(one[name] for one in told[groups]) == numbers[-1][name], (groups, name)
    assert sum(one["pages"] for one in told["depths"]) == numbers[-1]["pages"]
    assert [{name: one[name] for name in numbers[0]} for one in told["growth"]] == numbers
    assert told["snapshot"]["id"] == 5
    assert told["slowest"] == []  # no server was asked
    assert told["largest"][0] == {"url": f"{HOME}/big.bin", "size": len(BIG), "media_type": "application/octet-stream"}
    assert {one["name"]: one["pages"] + one["files"] for one in told["statuses"]} == {"200": 8, "302": 2, "404": 2}
    assert {one["name"]: one["pages"] for one in told["depths"]} == {"0": 1, "1": 4}


def test_stats_speak_of_the_snapshot_that_is_named(archive: Path) -> None:
    told = json.loads(websucker("stats", archive, "--snapshot", "2", "--json").stdout)
    assert [one["id"] for one in told["growth"]] == [1, 2]
    assert {one["name"]: one["pages"] + one["files"] for one in told["statuses"]}["410"] == 1
    assert websucker("stats", archive, "--snapshot", "7").code == 2


def test_stats_draw_bars(archive: Path) -> None:
    lines = websucker("stats", archive).stdout.splitlines()
    assert lines[0] == "Snapshot 5 of 2026-11-05 10:00:00 UTC (complete): 5 pages, 3 other files, 2.1 MB"
    assert next(line for line in lines if line.startswith("application/octet-stream")).endswith(f"2.1 MB  {'█' * 20}")
    plain = warm(Task("mirror", ["stats", str(archive)], encoding="ascii")).stdout
    assert f"2.1 MB  {'#' * 20}" in plain


def test_stats_html_stands_in_one_file_and_runs_nothing(archive: Path, tmp_path: Path) -> None:
    place = tmp_path / "stats.html"
    done = websucker("stats", archive, "--html", place)
    assert (done.code, done.stdout, done.stderr) == (0, "", f"Open {place}\n")
    page = etree.fromstring(place.read_bytes(), etree.HTMLParser(encoding="utf-8"))
    assert page.xpath("//script | //img | //iframe | //link | //@href | //@src | //@onload") == []
    policy = page.xpath("//meta[@http-equiv='Content-Security-Policy']/@content")
    assert policy == ["default-src 'none'; style-src 'unsafe-inline'"]
    assert len(page.xpath("//svg[@class='chart']/g")) == 5
    failed = websucker("stats", archive, "--html", tmp_path / "none" / "stats.html")
    assert (failed.code, failed.stderr.count("\n")) == (4, 1)


def test_an_empty_archive_has_no_statistics(tmp_path: Path) -> None:
    Archive(tmp_path).close()
    done = websucker("stats", tmp_path)
    assert (done.code, done.stderr) == (2, "websucker: the archive is empty: no crawl has started yet\n")


@pytest.mark.parametrize("word", ["2026-11-30", "2026-12", "2027-01-01 10:00", "2026-11-24T23:59"])
def test_a_time_without_a_snapshot_means_the_newest_before(archive: Path, word: str) -> None:
    done = websucker("show", archive, f"{HOME}/a@{word}")
    assert done.code == 0
    assert re.search(rf"^No snapshot is of {re.escape(word)}: this is \d, of 2026-11-0\d", done.stderr)
    assert websucker("show", archive, f"{HOME}/a", "--snapshot", word) == done


def test_a_time_before_the_first_snapshot_is_none(archive: Path) -> None:
    done = websucker("show", archive, f"{HOME}/a@2020-01-01")
    assert (done.code, done.stdout) == (2, "")
    assert "there is no snapshot '2020-01-01': give a number (from 1 to 5)" in done.stderr


@pytest.mark.parametrize(
    "url", ["http://example.org/a", "example.org/a/", "https://example.org/a/", "http://example.org/a/"]
)
def test_a_url_is_known_with_another_scheme_or_slash(archive: Path, url: str) -> None:
    assert websucker("log", archive, url) == websucker("log", archive, f"{HOME}/a")


def test_a_snapshot_that_is_not_there_is_no_part_of_the_url(archive: Path) -> None:
    done = websucker("show", archive, f"{HOME}/a@9")
    assert (done.code, "there is no snapshot '9'" in done.stderr) == (2, True)
