"""`websucker grep` as users see it: its lines, its exit codes, and what it says when something is in the way."""

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from functools import partial
from pathlib import Path
from shutil import copytree

import pytest

from mirror.core.policy.scope import Scope
from mirror.core.url.canonical import canonical
from mirror.store.archive import Archive
from mirror.store.archive_reader import ArchiveReader
from mirror.store.disk.layout import KEPT
from mirror.store.disk.objects import Digest
from mirror.store.run.crawl import Crawl
from mirror.store.search.kinds import reads_pdf
from mirror.store.search.schema import FILES
from mirror.terminal.console import print_marked
from tests.crawl.running import ROOT, mirror, websucker
from tests.mirroring import complete, run
from tests.replay.serving import mirrored
from tests.site import HTML, Site, serve
from tests.store.search.test_pdf import pdf
from tests.warm import Done

HOME = "http://example.org"


def site(word: str) -> Site:
    pages = Site().page("/", f"welcome {word}", links=["/a", "/b", "/n.txt"])
    pages.file("/a", "<title>Guide \x1b[31mto birds</title><p>All \x9babout them, caf\u00e9.".encode(), HTML)
    return pages.page("/b", "<p>birds live here").file("/n.txt", b"birds", "text/plain")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("made")
    for time, word in (("2026-11-01T12:00:00+00:00", "first"), ("2026-11-02T12:00:00+00:00", "second")):
        with closing(Archive(root)) as archive:
            running = Crawl(archive, Scope((canonical(HOME),)), now=partial(str, time))
            run(running, {HOME: site(word)})
            complete(running)
    return root


@pytest.fixture
def root(made: Path, tmp_path: Path) -> Path:
    return Path(copytree(made, tmp_path / "archive"))


def grep(root: Path, *words: str) -> Done:
    return websucker("grep", root, *words)


def python(program: str, *words: str) -> "subprocess.CompletedProcess[str]":
    """Run the command with something else in its process."""
    command = [sys.executable, "-c", program, *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


def urls(done: Done) -> list[str]:
    return [line.split()[0].removeprefix(HOME) for line in done.stdout.splitlines()]


def test_a_line_has_the_url_the_snapshots_the_title_and_the_words(root: Path) -> None:
    done = grep(root, "cafe")
    assert done.code == 0
    assert done.stdout == f"{HOME}/a  [1-2]  Guide \ufffd[31mto birds: All \ufffdabout them, café.\n"
    assert done.stderr == ""


def test_the_newest_complete_snapshot_is_searched_unless_another_is_named(root: Path) -> None:
    assert grep(root, "first").code == 1
    assert urls(grep(root, "second")) == ["/"]
    assert urls(grep(root, "first", "--snapshot", "1")) == ["/"]
    assert grep(root, "second", "--snapshot", "2026-11-01").code == 1
    assert "[1]" in grep(root, "first", "--all-snapshots").stdout
    assert "[2]" in grep(root, "second", "--all-snapshots").stdout


def test_what_is_beyond_the_limit_is_counted(root: Path) -> None:
    done = grep(root, "birds", "--limit", "1")
    assert urls(done) == ["/a"]
    assert done.stderr == "2 more: --limit 0 lists all\n"
    assert urls(grep(root, "birds", "--limit", "0")) == ["/a", "/n.txt", "/b"]
    assert grep(root, "birds", "-c").stdout == "3\n"
    assert grep(root, "nowhere", "-c").stdout == "0\n"
    assert grep(root, "birds", "-l", "--limit", "1").stdout == f"{HOME}/a\n"
    assert grep(root, "birds", "-l", "--limit", "1").stderr == "2 more: --limit 0 lists all\n"


def test_urls_and_types_select_pages(root: Path) -> None:
    assert urls(grep(root, "birds", "--url", "example.org/[ab]")) == ["/a", "/b"]
    assert urls(grep(root, "birds", "--url", "https://*")) == []
    assert urls(grep(root, "birds", "--type", "text")) == ["/n.txt"]
    assert grep(root, "birds", "--type", "html, text", "--count").stdout == "3\n"


def test_json_has_the_times(root: Path) -> None:
    found = json.loads(grep(root, "first", "--all-snapshots", "--json").stdout)
    assert found["more"] == 0
    [hit] = found["hits"]
    assert hit["url"] == f"{HOME}/"
    assert hit["found"] == ["first"]
    time = "2026-11-01T12:00:00+00:00"
    assert hit["seen"] == [{"first": 1, "first_time": time, "last": 1, "last_time": time}]
    assert json.loads(grep(root, "first", "--json", "-c", "--snapshot", "1").stdout) == {"count": 1}


@pytest.mark.parametrize("pattern", ["foo(bar", '"', "C++", '"unclosed', "a*b", "NEAR(a, b)", "{x}: y", "-c", "%s\\"])
def test_any_pattern_is_words(root: Path, pattern: str) -> None:
    done = grep(root, "--", pattern)
    assert done.code in {0, 1, 2}
    assert "fts5" not in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "PATTERN"),
        (["+++"], "no word"),
        (["a", "--type", "doc"], "--type doc is unknown: use html, "),
        (["a", "--snapshot", "9"], "there is no snapshot '9'"),
        (["a", "--snapshot", "1", "--all-snapshots"], "contradict"),
        (["a", "--limit", "-1"], "negative"),
        (["a", "--limit", "99999999999999999999"], "too large"),
        (["a", "--url", "*" * 10_001], "too long"),
        ([" ".join(f"w{number}" for number in range(129))], "129 words"),
        (["a" + " NOT b" * 128], "129 words"),
        (["a", "--limit", "x"], "--limit"),
    ],
)
def test_wrong_usage_is_one_line(root: Path, words: list[str], said: str) -> None:
    done = grep(root, *words)
    assert (done.code, done.stdout) == (2, "")
    assert said in done.stderr


def test_a_pattern_may_have_many_words(root: Path) -> None:
    assert urls(grep(root, "guide" + " OR none" * 127)) == ["/a"]
    assert urls(grep(root, "guide" + " NOT missing" * 126 + " NOT x")) == ["/a"]
    assert grep(root, "guide" + " NOT missing" * 126 + " NOT birds").code == 1
    assert urls(grep(root, "guide " * 128)) == ["/a"]


def test_the_index_is_made_without_a_pattern(root: Path) -> None:
    done = grep(root, "--index")
    assert (done.code, done.stdout, done.stderr) == (0, "", "")
    with closing(sqlite3.connect(root / KEPT / FILES[0])) as database:
        assert database.execute("SELECT count(*) FROM texts").fetchall() == [(5,)]


def test_pdf_files_are_searched_or_their_library_is_named(tmp_path: Path) -> None:
    pages = Site().page("/", links=["/f.pdf"]).file("/f.pdf", pdf("Rhinos in a file", "Animals"), "application/pdf")
    with closing(Archive(tmp_path)) as archive:
        running = Crawl(archive, Scope((canonical(HOME),)), now=partial(str, "2026-11-01T12:00:00+00:00"))
        run(running, {HOME: pages})
        complete(running)
    done = grep(tmp_path, "rhinos")
    if reads_pdf():
        assert done == Done(0, f"{HOME}/f.pdf  [1]  Animals: Rhinos in a file\n", "")
        assert grep(tmp_path, "rhinos", "--type", "pdf").code == 0
        return
    assert (done.code, done.stderr) == (1, "The index has no text of PDF files: to add it, pip install 'pypdf>=7.1'\n")
    assert grep(tmp_path, "rhinos").stderr == ""
    done = grep(tmp_path, "rhinos", "--type", "pdf")
    assert (done.code, done.stderr.count("pip install")) == (2, 1)


def test_a_folder_without_an_archive_is_named(tmp_path: Path) -> None:
    done = grep(tmp_path, "word")
    assert done.code == 4
    assert "is not an archive" in done.stderr


def test_an_archive_without_a_page_has_nothing_to_find(tmp_path: Path) -> None:
    with closing(Archive(tmp_path)):
        pass
    done = grep(tmp_path, "word")
    assert (done.code, done.stdout, done.stderr) == (1, "", "")


def test_a_run_that_is_not_over_is_searched_if_there_is_no_other(tmp_path: Path) -> None:
    with closing(Archive(tmp_path)) as archive:
        running = Crawl(archive, Scope((canonical(HOME),)), now=lambda: "2026-11-01T12:00:00+00:00")
        run(running, {HOME: site("first")}, most=1)
        done = grep(tmp_path, "first")
    assert done.code == 0
    assert "[1]" in done.stdout


def test_an_index_that_cannot_be_made_is_an_error(root: Path) -> None:
    (root / KEPT / FILES[0]).mkdir()
    done = grep(root, "birds")
    assert done.code == 4
    assert "there is no search index, and none can be made" in done.stderr
    assert "there is a folder where a file belongs" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="there are no limits for files")
def test_a_full_disk_is_an_error(root: Path) -> None:
    limited = (
        "import resource, mirror.__main__ as m; resource.setrlimit(resource.RLIMIT_FSIZE, (33000, 33000)); m.main()"
    )
    done = python(limited, "grep", str(root), "birds")
    assert done.returncode == 4
    assert "none can be made" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert grep(root, "birds").code == 0


def test_an_index_that_another_process_writes_is_searched_as_it_is(root: Path) -> None:
    grep(root, "--index", "--snapshot", "1")
    place = root / KEPT / FILES[0]
    with closing(sqlite3.connect(place, isolation_level=None)) as database:
        [(last,)] = database.execute("SELECT id FROM texts ORDER BY id DESC LIMIT 1").fetchall()
        database.execute("DELETE FROM texts WHERE id = ?", (last,))
        database.execute("DELETE FROM facts WHERE name = 'state'")
        database.execute("BEGIN IMMEDIATE")
        program = "import mirror.store.search.database as d, mirror.__main__ as m; d._PATIENCE = 0.01; m.main()"
        done = python(program, "grep", str(root), "guide")
        nothing = python(program, "grep", str(root), "nowhere", "-c")
    assert done.returncode == 0
    assert "another program is writing it). It lacks 1 page\n" in done.stderr
    assert done.stdout.startswith(f"{HOME}/a ")
    assert (nothing.returncode, nothing.stdout) == (4, "0\n")


def test_what_could_not_be_read_is_said_and_read_by_the_next_search(root: Path) -> None:
    """A search that finds nothing then does not say that there is nothing."""
    with closing(Archive(root, read_only=True)) as archive:
        resource = archive.history.version(canonical(f"{HOME}/a"), 2)
        assert resource
        place = archive.objects.path(Digest(str(resource.digest)))
    place.rename(place.with_suffix(".away"))
    for words, code in ((["guide"], 4), (["guide", "-c"], 4), (["live"], 0), (["--index"], 4)):
        done = grep(root, *words)
        assert done.code == code
        assert done.stderr.startswith("1 page could not be read, ")
        assert "verify" in done.stderr
    place.with_suffix(".away").rename(place)
    done = grep(root, "guide")
    assert (done.code, urls(done), done.stderr) == (0, ["/a"], "")


@pytest.mark.skipif(sys.platform == "win32", reason="there are no limits for files")
def test_a_current_index_is_searched_on_a_full_disk(root: Path) -> None:
    """SQLite has no room for the files that processes share."""
    grep(root, "--index")
    assert not (root / KEPT / FILES[1]).exists()
    limited = (
        "import resource, mirror.__main__ as m; resource.setrlimit(resource.RLIMIT_FSIZE, (16384, 16384)); m.main()"
    )
    with closing(ArchiveReader(root)) as archive:
        assert archive.history.complete() == [1, 2]  # those of the manifest are there
        done = python(limited, "grep", str(root), "guide")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{HOME}/a ")


def test_an_archive_that_cannot_be_written_is_searched(root: Path) -> None:
    grep(root, "--index")
    for place in (*(root / KEPT).iterdir(), root / KEPT, root):
        place.chmod(0o555 if place.is_dir() else 0o444)
    as_others = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    command = [*as_others, sys.executable, "-m", "mirror", "grep", str(root), "guide"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{HOME}/a ")
    (root / KEPT).chmod(0o755)


def test_words_need_no_quotes(root: Path) -> None:
    assert grep(root, "birds", "guide") == grep(root, "birds guide")


def test_lists_for_other_programs_are_whole(tmp_path: Path) -> None:
    site = Site().page("/", links=[f"/{number}" for number in range(30)])
    for number in range(30):
        site.page(f"/{number}", "everywhere")
    mirrored(tmp_path / "x", {HOME: site}, HOME, "2026-11-01")
    assert len(grep(tmp_path / "x", "everywhere", "-l").stdout.splitlines()) == 30
    assert len(json.loads(grep(tmp_path / "x", "everywhere", "--json").stdout)["hits"]) == 30
    assert len(grep(tmp_path / "x", "everywhere").stdout.splitlines()) == 20


def test_what_only_other_snapshots_have_is_hinted_at(root: Path) -> None:
    done = grep(root, "first", "--snapshot", "2")
    assert (done.code, done.stdout) == (1, "")
    assert done.stderr == "Snapshot 2 has none, others have: see --all-snapshots\n"
    assert grep(root, "nowhere").stderr == ""


def test_a_damaged_index_is_made_again(root: Path) -> None:
    grep(root, "--index")
    place = root / KEPT / FILES[0]
    place.write_bytes(place.read_bytes()[:4096] + b"\xff" * 4096 * 20)
    assert urls(grep(root, "birds", "--limit", "1")) == ["/a"]
    assert urls(grep(root, "birds", "--limit", "1")) == ["/a"]


def test_a_text_that_is_damaged_removes_the_index(root: Path) -> None:
    grep(root, "--index")
    with closing(sqlite3.connect(root / KEPT / FILES[0], isolation_level=None)) as database:
        database.execute("UPDATE bodies SET lines = x'00'")
    done = grep(root, "birds")
    assert done.code == 4
    assert "Run the same command again" in done.stderr
    assert grep(root, "birds").code == 0


def test_found_text_is_bold_on_a_terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    print_marked(["before ", "found\x1b", " after"])
    monkeypatch.setenv("TERM", "dumb")
    print_marked(["before ", "found", " after"])
    assert capsys.readouterr().out == "before \x1b[1mfound\ufffd\x1b[0m after\nbefore found after\n"


def test_a_run_brings_the_index_up_to_date_if_it_is_asked_to(tmp_path: Path) -> None:
    with serve(Site().page("/", "birds", links=["/a"]).page("/a")) as server:
        assert mirror(f"{server.url}/", tmp_path / "out").code == 0
        assert not (tmp_path / "out" / KEPT / FILES[0]).exists()
        done = mirror(f"{server.url}/", tmp_path / "out", settings={"MIRROR_INDEX": "1"})
    assert done.code == 0
    with closing(sqlite3.connect(tmp_path / "out" / KEPT / FILES[0])) as database:
        assert database.execute("SELECT count(*) FROM texts").fetchall() == [(2,)]
        assert database.execute("SELECT count(*) FROM facts WHERE name = 'state'").fetchall() == [(1,)]


def test_an_index_that_fails_does_not_fail_the_run(tmp_path: Path) -> None:
    with serve(Site().page("/", "birds")) as server:
        assert mirror(f"{server.url}/", tmp_path / "out").code == 0
        (tmp_path / "out" / KEPT / FILES[0]).mkdir()
        done = mirror(f"{server.url}/", tmp_path / "out", settings={"MIRROR_INDEX": "1"})
    assert done.code == 0
    assert "The search index is not up to date: " in done.stderr
    assert "Traceback" not in done.stderr


def test_commands_that_remove_or_check_know_the_index(root: Path, tmp_path: Path) -> None:
    grep(root, "--index")
    place = root / KEPT / FILES[0]
    assert websucker("checkout", root, "latest", tmp_path / "tree").code == 0
    assert not list((tmp_path / "tree").rglob("search*"))
    assert websucker("prune", root, "--keep", "last=1").code == 0
    with closing(sqlite3.connect(place)) as database:
        assert database.execute("SELECT count(*) FROM texts").fetchall() == [(4,)]
    assert websucker("forget", root, f"{HOME}/a").code == 0
    assert b"Guide" not in place.read_bytes()
    assert grep(root, "guide").code == 1
    assert websucker("verify", root).code == 0
    place.write_bytes(b"damaged")
    done = websucker("verify", root)
    assert done.code == 1
    assert f"search index: {place}: " in done.stdout
    assert websucker("verify", root, "--repair").code == 0
    assert websucker("verify", root).code == 0
    assert grep(root, "second").code == 0
