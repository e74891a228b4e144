"""Archives that somebody else made: whatever is in `.mirror`, no command writes outside of the archive, waits or crashes."""

import asyncio
import os
import re
import shutil
import socket
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import pytest

from mirror.cli.options import reads_files, stored_words
from mirror.core.links.problems import Problem
from mirror.core.policy.scope import Scope
from mirror.core.url.canonical import CanonicalURL, canonical
from mirror.core.url.local_paths import EXACT, PORTABLE, as_local_path
from mirror.reports.statistics import tables
from mirror.reports.url_report import account_lines
from mirror.reports.version_log import VersionLog
from mirror.store.archive import Archive
from mirror.store.checkout import check_out
from mirror.store.disk.errors import StorageError, storing
from mirror.store.links.documents import Findings, read_documents
from mirror.store.links.findings import Collection
from mirror.store.links.report import read_links
from mirror.store.manifest.checks import DamagedManifestError
from mirror.store.playback import Playback
from mirror.store.run.crawl import Crawl
from mirror.store.verification import repair, unknown_files, verify
from tests.crawl.running import ROOT
from tests.hostile.attacks import OUTSIDE, lay_out
from tests.hostile.test_links import SITE, VICTIM, assert_untouched, exhaust, web
from tests.mirroring import complete, run
from tests.replay.serving import mirrored

HOME: Final = CanonicalURL(f"{SITE}/")
LATER: Final = "2026-11-28T00:00:00+00:00"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the path of an archive with two snapshots."""
    root = tmp_path_factory.mktemp("made") / "copy"
    mirrored(root, web(), SITE, "2026-11-24")
    changed = web()
    changed[SITE].page("/folder/a", "changed", links=["/"])
    mirrored(root, changed, SITE, "2026-11-25")
    return root


@pytest.fixture
def copy(made: Path, tmp_path: Path) -> Path:
    """Return the path of a copy of it, in a folder that has other files."""
    lay_out(tmp_path)
    shutil.copytree(made, tmp_path / "copy")
    return tmp_path / "copy"


# The commands


@contextmanager
def opened(root: Path, *, read_only: bool = False) -> Iterator[Archive]:
    with storing(root), closing(Archive(root, create=False, read_only=read_only)) as archive:
        yield archive


def crawl(root: Path) -> None:
    with opened(root) as archive:
        running = Crawl(archive, Scope((HOME,)), now=lambda: LATER)
        run(running, web())
        complete(running)


def publish(root: Path) -> None:
    with opened(root) as archive:
        exhaust(archive.publish_all())


def forget(root: Path) -> None:
    with opened(root) as archive:
        with archive.manifest.transaction():
            archive.manifest.retention.forget(f"{SITE}/folder/*", LATER)
        exhaust(archive.settle())
        archive.collect()


def prune(root: Path) -> None:
    with opened(root) as archive:
        with archive.manifest.transaction():
            archive.manifest.retention.prune([one.id for one in archive.history.snapshots()[-1:]])
        archive.collect()


def mend(root: Path) -> None:
    with opened(root) as archive:
        repair(archive, [damage for damage in verify(archive) if damage])
        exhaust(archive.settle())


def checkout(root: Path) -> None:
    with opened(root, read_only=True) as archive:
        for snapshot in archive.history.snapshots():
            exhaust(check_out(archive, snapshot, root / f"target{snapshot.id}"))


async def _call(_: int, function: Callable[[], Findings]) -> Findings:
    return function()


def read(root: Path) -> None:
    read_documents.__globals__["_open"].cache_clear()  # another archive may have been there
    with opened(root, read_only=True) as archive:
        exhaust(verify(archive))
        exhaust(unknown_files(archive))
        archive.history.differences(1, 2)
        playback = Playback(archive)
        for snapshot in archive.history.snapshots():
            with Collection() as links:
                asyncio.run(read_links(archive, snapshot, links, _call))
                exhaust(links.findings(Problem))
            tables(archive.history.statistics(snapshot.id, 10), archive.history.snapshots(), 10)
        for url in (HOME, canonical(f"{SITE}/folder/a"), canonical(f"{SITE}/folder/i.png")):
            account_lines(url, *playback.account(url))
            exhaust(VersionLog(archive, archive.history.versions(url)).steps())
            for snapshot in playback.snapshots():
                playback.origins(snapshot.id)
                found = playback.find(url, snapshot.id)
                if found:
                    archive.response(found.resource, found.digest)


COMMANDS: Final = (read, checkout, publish, forget, prune, mend, crawl)


def run_all(copy: Path) -> list[StorageError]:
    """Run every command, one after the other; return their errors."""
    errors = []
    for command in COMMANDS:
        try:
            command(copy)
        except StorageError as error:
            errors.append(error)
        assert_untouched(copy)
    return errors


# Rows


def executed(copy: Path, statements: str) -> None:
    with closing(sqlite3.connect(copy / ".mirror" / "manifest.sqlite")) as database:
        database.executescript(statements)


PATHS: Final = (
    f"../{VICTIM}",
    "../victim.html",
    "example.org/../../victim.html",
    "/tmp/victim.html",
    ".mirror/lock",
    "index.html",
    "example.org//a",
    "example.org/./a",
    "example.org\\..\\a",
    "C:/a",
    "a\nb",
    "",
)
DIGESTS: Final = (f"..../../{VICTIM}", f"../../../../{VICTIM}", f"../../../{VICTIM}", "ab", "A" * 64, "é" * 64)
URLS: Final = ("file:///etc/passwd", "http://example.org/\r\nEvil: 1", "javascript:alert(1)", "http://", "example.org")
ROWS: Final = (
    *(f"UPDATE resources SET path = '{path}'" for path in PATHS),
    *(f"INSERT INTO leaving VALUES ('{path}', 1, 0, 1)" for path in PATHS),
    *(f"UPDATE resources SET digest = '{digest}'" for digest in DIGESTS),
    *(f"INSERT INTO unsynced VALUES ('{digest}')" for digest in DIGESTS),
    f"UPDATE copies SET digest = '{DIGESTS[0]}'",
    "INSERT INTO renderings SELECT id, since, 1, 0, '', NULL, 1, 0, '', '[]', '../../../x' FROM resources",
    *(f"UPDATE urls SET url = '{url}' WHERE id = 2" for url in URLS[1:]),
    "UPDATE urls SET resolution = '../../../../etc/passwd'",
    *(
        f"UPDATE resources SET headers = '{text}'"
        for text in ("", "nothing", "{}", "5", '[["a"]]', "[[1,2]]", "[" * 9999)
    ),
    *(f"UPDATE resources SET size = {number}" for number in (-1, "'many'", 1.5)),
    *(f"UPDATE resources SET status = {number}" for number in (-1, 99999, "'OK'")),
    "UPDATE resources SET standing = 'lying'",
    "UPDATE resources SET checked = 'yesterday', fetched = 5",
    "UPDATE resources SET since = 'first' WHERE id = 1",
    "UPDATE resources SET media_type = 5, error = x'ff'",
    "UPDATE frontier SET roles = 99",
    "UPDATE frontier SET state = 9",
    "UPDATE frontier SET depth = 'deep', reason = 'none'",
    "UPDATE links SET kind = 'chain'",
    "DELETE FROM urls WHERE id = 1",
    "DELETE FROM links",
    "DELETE FROM snapshots",
    "DELETE FROM resources WHERE id = 1",
    *(f"UPDATE snapshots SET {column} = 'odd'" for column in ("started", "outcome", "starts", "options", "counts")),
    """UPDATE snapshots SET counts = '{"pages": "many"}', starts = '["file:///etc/"]'""",
    "INSERT INTO families VALUES ('a', '{\"marks\": \"00\"}'); UPDATE snapshots SET outcome = 'incomplete', options = '{}'",
)


def some(rows: Sequence[str]) -> list[Any]:
    """Return the rows of a table; those that others stand for are long."""
    beginnings = Counter[str]()
    found = []
    for row in rows:
        beginnings[row[:28]] += 1
        is_like_another = beginnings[row[:28]] > 1
        found.append(pytest.param(row, id=row[:60], marks=[pytest.mark.long] if is_like_another else []))
    return found


@pytest.mark.parametrize("statements", some(ROWS))
def test_a_hostile_row_harms_nothing(copy: Path, statements: str) -> None:
    executed(copy, statements)
    run_all(copy)


@pytest.mark.parametrize("path", PATHS)
def test_a_path_that_leads_out_is_no_path(path: str) -> None:
    assert as_local_path(path) is None


@pytest.mark.parametrize("path", [PATHS[0], *(pytest.param(path, marks=pytest.mark.long) for path in PATHS[1:])])
def test_a_path_that_leads_out_is_refused(copy: Path, path: str) -> None:
    executed(copy, f"UPDATE resources SET path = '{path}' WHERE path LIKE '%.png'")
    with pytest.raises(DamagedManifestError, match="is no path in the tree"):
        publish(copy)


def test_every_path_of_a_url_is_one() -> None:
    for url in (
        "https://example.org/",
        "http://..//../../a/..%2F..",
        "https://h/%00/.mirror/",
        "ftp://h:21/%2Fetc",
        "http://h/?/../",
    ):
        for path in (law.path(CanonicalURL(url), "text/html") for law in (EXACT, PORTABLE)):
            assert as_local_path(path) == path


SCHEMAS: Final = (
    "CREATE TRIGGER t AFTER UPDATE ON resources BEGIN DELETE FROM urls; END",
    "CREATE VIEW v AS SELECT 1",
    "CREATE TABLE other (id INTEGER)",
    "CREATE VIRTUAL TABLE f USING fts5(a)",
    "ALTER TABLE facts RENAME TO old; CREATE VIEW facts AS SELECT 'reader' AS name, '1' AS value",
    "DROP TABLE facts; CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT GENERATED ALWAYS AS (hex(zeroblob(9))))",
    "DROP TABLE facts; CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT CHECK (length(value) > 5))",
)


@pytest.mark.parametrize("statements", SCHEMAS)
def test_a_hostile_schema_is_refused(copy: Path, statements: str) -> None:
    executed(copy, statements)
    before = (copy / ".mirror" / "manifest.sqlite").read_bytes()
    errors = run_all(copy)
    assert len(errors) == len(COMMANDS)
    assert {str(error) for error in errors if "that Websucker does not make" not in str(error)} == set()
    assert (copy / ".mirror" / "manifest.sqlite").read_bytes() == before


def test_the_database_of_another_program_is_not_changed(copy: Path) -> None:
    place = copy / ".mirror" / "manifest.sqlite"
    place.unlink()
    with closing(sqlite3.connect(place)) as database:
        database.execute("CREATE TABLE moz_cookies (id INTEGER)")
    before = place.read_bytes()
    assert len(run_all(copy)) == len(COMMANDS)
    assert place.read_bytes() == before


# Files


def test_every_file_of_an_archive_is_opened_by_the_guard() -> None:
    """Only the guard opens files by their names: it refuses links and pipes. `xb` makes a new file."""
    opens = re.compile(r"\bopen\((?!.*opener=opener)|\.read_(?:bytes|text)\(")
    found = {
        f"{place.relative_to(ROOT)}: {line.strip()}"
        for room in ("store", "replay")
        for place in (ROOT / "mirror" / room).rglob("*.py")
        for line in place.read_text(encoding="utf-8").splitlines()
        if opens.search(line.partition("#")[0]) and not line.strip().startswith(("def ", '"""'))
    }
    assert {line.partition(": ")[0].rpartition("/")[2] for line in found} == {
        "archive_reader.py",  # `Objects.open`
        "certificates.py",  # opens files of the user, not of an archive
        "object_text.py",  # `Objects.open`
        "objects.py",  # the same, and `_write`, which makes a new file
        "fsync.py",  # opens nothing that it reads
        "lock.py",  # behind `require_file`
        "owner_record.py",  # likewise
        "symlink_guard.py",
        "tree.py",  # makes a new file
    }


def pipe(place: Path) -> None:
    os.mkfifo(place)


def folder(place: Path) -> None:
    (place / "inner").mkdir(parents=True)
    (place / "inner" / "file").write_text("x")


def unix_socket(place: Path) -> None:
    here = Path.cwd()
    os.chdir(place.parent)  # the name of a socket is short
    with closing(socket.socket(socket.AF_UNIX)) as opened:
        opened.bind(place.name)
    os.chdir(here)


def hard_link(place: Path) -> None:
    os.link(next(p for p in place.parents if (p / OUTSIDE).is_dir()) / VICTIM, place)


def sparse(place: Path) -> None:
    with place.open("wb") as file:
        file.truncate(1 << 40)


def symlink(place: Path) -> None:
    place.symlink_to("/dev/zero")


PLANTS: Final = (pipe, folder, unix_socket, hard_link, sparse, symlink)


def pairs(names: Sequence[str]) -> list[Any]:
    """Return each name with each plant; those whose name and plant other pairs have are long."""
    count = max(len(names), len(PLANTS))
    by_default = {(names[n % len(names)], PLANTS[n % len(PLANTS)]) for n in range(count)}
    return [
        pytest.param(name, plant, marks=[] if (name, plant) in by_default else [pytest.mark.long])
        for name in names
        for plant in PLANTS
    ]


def planted(place: Path, plant: Callable[[Path], None]) -> None:
    with suppress(FileNotFoundError):
        place.unlink()
    place.parent.mkdir(parents=True, exist_ok=True)
    try:
        plant(place)
    except OSError as error:  # a file system without sparse files
        pytest.skip(str(error))


@pytest.mark.parametrize(
    ("name", "plant"), pairs(("lock", "manifest.sqlite", "manifest.sqlite-wal", "manifest.sqlite-shm"))
)
def test_something_else_in_the_place_of_a_file_is_refused(copy: Path, name: str, plant: Callable[[Path], None]) -> None:
    if plant is sparse and name != "manifest.sqlite":
        pytest.skip("a long log is read as a log")
    planted(copy / ".mirror" / name, plant)
    errors = run_all(copy)
    writers = len(COMMANDS) - 2
    assert len(errors) >= (writers if name == "lock" or plant is hard_link else len(COMMANDS))


@pytest.mark.parametrize(("kind", "plant"), pairs(("objects", "copies")))
def test_something_else_in_the_place_of_an_object_is_damage(
    copy: Path, kind: str, plant: Callable[[Path], None]
) -> None:
    places = [place for place in sorted((copy / ".mirror" / kind).glob("??/*")) if place.is_file()]
    for place in places:
        planted(place, plant)
    with opened(copy, read_only=True) as archive:
        damages = [damage for damage in verify(archive) if damage and damage.digest]
    assert {damage.place for damage in damages} == set(places)
    run_all(copy)
    assert not any(path.is_symlink() or path.is_fifo() for path in (copy / "example.org").rglob("*"))


@pytest.mark.parametrize(
    ("name", "plant"), pairs(("partial/{}", "partial/{}.json", "new/1", "objects/new/1", "copies/new/1"))
)
def test_something_else_among_unfinished_files_harms_nothing(
    copy: Path, name: str, plant: Callable[[Path], None]
) -> None:
    place = copy / ".mirror" / name.format("a" * 40)
    planted(place, plant)
    if name == "partial/{}":
        place.with_name(place.name + ".json").write_text(
            '{"url": "https://example.org/", "validator": "a", "total": 9}'
        )
    assert run_all(copy) == []


@pytest.mark.parametrize("plant", [pipe, unix_socket, hard_link, symlink])
def test_something_else_in_the_tree_is_replaced(copy: Path, plant: Callable[[Path], None]) -> None:
    place = copy / "example.org" / "folder" / "i.png"
    planted(place, plant)
    assert run_all(copy) == []


# What a new run takes over


def test_an_interrupted_run_requests_nothing_that_a_page_could_not_have_led_to(copy: Path) -> None:
    executed(
        copy,
        """
        UPDATE snapshots SET outcome = 'incomplete', options = '{}', starts = '["https://example.org/", "file:///etc/"]'
            WHERE id = 2;
        UPDATE urls SET url = 'file:///etc/passwd' WHERE id = (SELECT max(id) FROM urls);
        UPDATE frontier SET state = 0, roles = 1 WHERE url_id = (SELECT max(id) FROM urls)
        """,
    )
    with opened(copy) as archive:
        running = Crawl(archive, Scope((HOME,)), options={}, now=lambda: LATER)
        assert running.snapshot.resumed
        assert running.scope.starts == (HOME,)
        assert not any(url.startswith("file:") for url in run(running, web()))


@pytest.mark.parametrize("start", ["http://a/,@/etc/passwd", "http://a/,file:///etc/", "@/etc/passwd", "file", 5])
def test_the_options_of_an_archive_read_no_file(start: object) -> None:
    with pytest.raises(DamagedManifestError):
        stored_words({"start": [start]})


@pytest.mark.parametrize(
    ("starts", "reads"), [([HOME], False), (["file:///etc/"], True), ([HOME, "file:///etc/"], True)]
)
def test_the_options_tell_whether_a_run_copies_files_of_this_machine(starts: list[str], reads: bool) -> None:
    assert reads_files({"start": starts}) is reads


def test_only_options_that_are_stored_are_repeated() -> None:
    stored = {
        "start": [HOME],
        "cookies": "/etc/passwd",
        "proxy": "http://evil/",
        "out": "/",
        "depth": 2,
        "render": "always",
    }
    assert stored_words(stored) == {"start": HOME, "depth": "2"}
