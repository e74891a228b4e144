"""Every damage has a way out: whatever is harmed, no command crashes, and after `verify --repair` and a crawl all succeed."""

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from itertools import product
from pathlib import Path
from typing import Any, Final

import pytest

from mirror.commands.verify import _mend_manifest
from mirror.core.policy.scope import Scope
from mirror.core.url.canonical import CanonicalURL, canonical
from mirror.reports.url_report import account_lines
from mirror.store.archive import Archive
from mirror.store.checkout import check_out
from mirror.store.disk.errors import StorageError, storing
from mirror.store.disk.layout import KEPT
from mirror.store.disk.objects import Digest
from mirror.store.manifest.checks import DamagedManifestError
from mirror.store.manifest.records import LOST_HERE, Outcome, Standing
from mirror.store.playback import Playback
from mirror.store.rules.refresh_policy import RefreshPolicy
from mirror.store.run.crawl import Crawl
from mirror.store.verification import Damage, give_up, repair, unknown_files, verify
from tests.mirroring import Web, complete, dangling, files, run
from tests.site import PNG, Site

SITE: Final = "https://example.org"
HOME: Final = CanonicalURL(f"{SITE}/")
URLS: Final = {
    name: canonical(SITE + path)
    for name, path in {"page": "/a", "old": "/", "unlinked": "/gone", "picture": "/i.png"}.items()
}


def first() -> Web:
    site = Site().page("/", "first <img src=/i.png>", links=["/a", "/gone"]).page("/a", "alone", links=["/"])
    return {
        SITE: site.page("/gone", "a page that nothing leads to", links=["/", "/a"]).file("/i.png", PNG, "image/png")
    }


def second() -> Web:
    site = Site().page("/", "second <img src=/i.png>", links=["/a"]).page("/a", "alone", links=["/"])
    return {SITE: site.file("/i.png", PNG, "image/png")}  # the server has no /gone any more, and nothing leads to it


def crawl(root: Path, web: Web, day: int = 3) -> None:
    with storing(root), closing(Archive(root)) as archive:
        running = Crawl(archive, Scope((HOME,)), now=lambda: f"2026-11-{day:02}T00:00:00+00:00")
        run(running, web)
        complete(running)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("made") / "archive"
    crawl(root, first(), 1)
    crawl(root, second(), 2)
    return root


@pytest.fixture
def root(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path / "archive")  # files of the tree are copies here: no damage of an object is in both
    return tmp_path / "archive"


# The commands, as in `mirror.commands`


def read(root: Path) -> list[Damage]:
    """Run the commands that only read; return the damage."""
    with storing(root), closing(Archive(root, create=False, read_only=True)) as archive:
        damages = [damage for damage in verify(archive) if damage]
        list(unknown_files(archive))
        for _ in archive.unused():
            pass
        for snapshot in archive.history.snapshots():
            target = root.parent / f"{snapshot.id}-{len(list(root.parent.iterdir()))}"
            for _ in check_out(archive, snapshot, target):
                pass
        archive.history.differences(1, 2)
        playback = Playback(archive)
        for url in URLS.values():
            account_lines(url, *playback.account(url))
            for number in (1, 2):
                with suppress(StorageError):  # the replay server says that the payload is missing
                    playback.find(url, number)
    return damages


def publish(root: Path) -> int:
    """Return how many files could not be made."""
    with storing(root), closing(Archive(root, create=False)) as archive:
        for _ in archive.publish_all():
            pass
        return len(set(archive.unpublished))


def mend(root: Path, web: Web) -> list[str]:
    """`verify --repair`; returns what is lost for good."""
    _mend_manifest(root)
    with storing(root), closing(Archive(root, create=False)) as archive:
        damages = [damage for damage in verify(archive) if damage]
        wanted = repair(archive, damages)
        for _ in archive.settle():
            pass
        if wanted:
            running = Crawl(
                archive,
                Scope((HOME,)),
                wanted=[one.url for one in wanted],
                refresh=RefreshPolicy(repair=True),
                now=lambda: "2026-11-04T00:00:00+00:00",
            )
            run(running, web)
            complete(running)
    with storing(root), closing(Archive(root, create=False)) as archive:
        return [one.url for one in give_up(archive, damages)]


def prune_and_forget(root: Path) -> None:
    with storing(root), closing(Archive(root, create=False)) as archive:
        with archive.manifest.transaction():
            archive.manifest.retention.prune([archive.history.snapshots()[-1].id])
        archive.collect()
        with archive.manifest.transaction():
            archive.manifest.retention.forget(f"{SITE}/a", "2026-11-05T00:00:00+00:00")
        for _ in archive.settle():
            pass
        archive.collect()
        archive.compact()


# Damage


def missing(place: Path) -> None:
    place.unlink(missing_ok=True)


def cut(place: Path) -> None:
    place.chmod(0o644)
    os.truncate(place, 1)


def flipped(place: Path) -> None:
    place.chmod(0o644)
    content = bytearray(place.read_bytes())
    content[len(content) // 2] ^= 1
    place.write_bytes(content)


def zeroed(place: Path) -> None:
    place.chmod(0o644)
    place.write_bytes(bytes(place.stat().st_size))


def folder(place: Path) -> None:
    place.unlink()
    (place / "inner").mkdir(parents=True)


def object_of(root: Path, name: str, *, copy: bool = False) -> Path:
    with closing(Archive(root, read_only=True)) as archive:
        found = archive.history.version(URLS[name], 1)
        assert found
        digest = archive.manifest.resources.copy(found) if copy else found.digest
        return (archive.copies if copy else archive.objects).path(Digest(str(digest)))


def tree_file_of(root: Path, name: str) -> Path:
    with closing(Archive(root, read_only=True)) as archive:
        found = archive.history.version(URLS[name], 1)
        assert found
        return root / str(found.path)


def assert_well(root: Path) -> None:
    assert read(root) == []
    assert publish(root) == 0
    assert dangling(root) == []
    crawl(root, second(), 8)
    prune_and_forget(root)
    assert read(root) == []


def rows_of_objects() -> Iterator[Any]:
    """Yield each kind of version with each harm, without or with its file in the tree; rows that others stand for are long."""
    for name, harm, without_tree in product(URLS, (missing, cut, flipped, zeroed, folder), (False, True)):
        is_enough = (name, harm, without_tree) in {
            ("unlinked", missing, False),
            ("unlinked", flipped, True),
            ("old", missing, True),
        }
        yield pytest.param(name, harm, without_tree, marks=() if is_enough else pytest.mark.long)


@pytest.mark.parametrize(("name", "harm", "without_tree"), list(rows_of_objects()))
def test_a_damaged_object_has_a_way_out(
    root: Path, name: str, harm: Callable[[Path], None], without_tree: bool
) -> None:
    if without_tree:
        missing(tree_file_of(root, name))
    harm(object_of(root, name))
    assert [damage.digest for damage in read(root) if damage.digest]
    publish(root)
    crawl(root, second())
    lost = mend(root, second())
    assert (URLS["unlinked"] in lost) == (name == "unlinked" and LOST_HERE in str(standings(root, name)))
    assert mend(root, second()) == []
    assert_well(root)


def standings(root: Path, name: str) -> list[str]:
    with closing(Archive(root, read_only=True)) as archive:
        account = archive.history.account(URLS[name])
        assert account
        return [f"{one.standing} {one.error}" for one, _, _ in account.versions]


def test_a_page_that_no_server_has_is_recorded_as_lost(root: Path) -> None:
    """Nothing leads to it, so no crawl asks for it, and its file in the tree is a copy with other links."""
    place, path = tree_file_of(root, "unlinked"), object_of(root, "unlinked")
    kept = place.read_bytes()
    path.unlink()
    assert publish(root) == 1
    refused: Web = {}
    assert mend(root, refused) == []
    assert URLS["unlinked"] in mend(root, second())
    assert place.read_bytes() == kept  # all that is left of it
    with closing(Archive(root, read_only=True)) as archive:
        assert LOST_HERE in "\n".join(account_lines(URLS["unlinked"], archive.history.account(URLS["unlinked"]), ()))
        assert {one.url for one in archive.manifest.retention.lost()} == {URLS["unlinked"]}
        assert place in list(unknown_files(archive))
        assert archive.history.snapshots()[0].numbers.failed == 1
    assert_well(root)


ANSWERS: Final[dict[str, tuple[Web, bool]]] = {
    "refused": ({}, False),
    "401": ({SITE: second()[SITE].file("/gone", "", status=401)}, False),
    "403": ({SITE: second()[SITE].file("/gone", "", status=403)}, False),
    "503": ({SITE: second()[SITE].file("/gone", "", status=503)}, False),
    "404": (second(), True),
    "410": ({SITE: second()[SITE].file("/gone", "", status=410)}, True),
    "other bytes": ({SITE: second()[SITE].page("/gone", "something else")}, True),
}


@pytest.mark.parametrize("answer", ANSWERS)
def test_only_a_final_answer_makes_a_payload_lost(root: Path, answer: str) -> None:
    object_of(root, "unlinked").unlink()
    web, is_final = ANSWERS[answer]
    for _ in range(2):  # the second time, the version is not the current one any more
        lost = mend(root, web)
        assert (URLS["unlinked"] in lost) == is_final
        is_final = False
    if not ANSWERS[answer][1]:
        assert [damage.digest for damage in read(root) if damage.digest]
        assert mend(root, first()) == []
    assert read(root) == []


def test_a_repair_after_a_held_run_leaves_the_decision_to_the_user(tmp_path: Path) -> None:
    root, paths = tmp_path / "archive", [f"/{number}" for number in range(30)]
    site = Site().page("/", "<img src=/i.png>", links=paths).file("/i.png", PNG, "image/png")
    less = Site(dict(site))
    for path in paths:
        site.page(path, f"Page {path}")
    for path in paths[15:]:
        less.page(path, f"Page {path}")
    crawl(root, {SITE: site}, 1)
    before = files(root)
    for policy in (RefreshPolicy(max_loss=0.1), RefreshPolicy(repair=True), RefreshPolicy(repair=True)):
        if policy.repair:
            object_of(root, "picture").unlink()
        wanted = [URLS["picture"]] if policy.repair else []
        with storing(root), closing(Archive(root)) as archive:
            running = Crawl(
                archive, Scope((HOME,)), wanted=wanted, refresh=policy, now=lambda: "2026-11-02T00:00:00+00:00"
            )
            run(running, {SITE: less})
            complete(running)
            assert running.held == (15, 31)
            assert archive.history.snapshots()[-1].outcome is Outcome.HELD
        assert files(root) == before


@pytest.mark.parametrize("harm", [missing, flipped, folder])
def test_a_damaged_copy_has_a_way_out(root: Path, harm: Callable[[Path], None]) -> None:
    harm(object_of(root, "page", copy=True))
    assert read(root)
    assert mend(root, second()) == []
    assert_well(root)


def rows(root: Path, statements: str) -> None:
    with closing(sqlite3.connect(root / KEPT / "manifest.sqlite")) as database:
        database.executescript(statements)


def overwritten(root: Path) -> None:
    place = root / KEPT / "manifest.sqlite"
    content = bytearray(place.read_bytes())
    for page in range(1, len(content) // 4096):
        content[page * 4096 : page * 4096 + 64] = b"\xff" * 64
    place.write_bytes(content)


def foreign_log(root: Path) -> None:
    (root / KEPT / "manifest.sqlite-wal").write_bytes(b"\x37\x7f\x06\x82" + bytes(4096))


MANIFEST_DAMAGE: Final[dict[str, Callable[[Path], None]]] = {
    "missing": lambda root: (root / KEPT / "manifest.sqlite").unlink(),
    "empty": lambda root: os.truncate(root / KEPT / "manifest.sqlite", 0),
    "zero": lambda root: zeroed(root / KEPT / "manifest.sqlite"),
    "half": lambda root: os.truncate(root / KEPT / "manifest.sqlite", 40960),
    "pages overwritten": overwritten,
    "a path that leads out": lambda root: rows(root, "UPDATE resources SET path = '../x'"),
    "a digest that is none": lambda root: rows(root, "UPDATE resources SET digest = 'x'"),
}


_SHORT: Final = ("missing", "pages overwritten", "a path that leads out")


@pytest.mark.parametrize(
    "harm", [pytest.param(one, marks=() if one in _SHORT else pytest.mark.long) for one in MANIFEST_DAMAGE]
)
def test_a_damaged_manifest_is_restored(root: Path, harm: str, capsys: pytest.CaptureFixture[str]) -> None:
    before = files(root)
    MANIFEST_DAMAGE[harm](root)
    for command in (read, publish, lambda root: crawl(root, second())):
        with pytest.raises(StorageError, match="`verify --repair` restores the manifest of the last complete run"):
            command(root)
    assert mend(root, second()) == []
    assert ("manifest.damaged" in capsys.readouterr().err) == (harm != "missing")
    assert files(root) == before
    assert_well(root)


@pytest.mark.parametrize("backup", [missing, zeroed])
def test_if_the_backup_is_damaged_too_nothing_is_changed(
    root: Path, backup: Callable[[Path], None], capsys: pytest.CaptureFixture[str]
) -> None:
    zeroed(root / KEPT / "manifest.sqlite")
    backup(root / KEPT / "manifest.backup")
    before = {place: place.read_bytes() for place in (root / KEPT).glob("manifest.*")}
    with pytest.raises(SystemExit) as ended:
        mend(root, second())
    assert ended.value.code == 4
    said = capsys.readouterr().err
    assert "the manifest can't be restored" in said
    assert "verify --repair" not in said
    assert {place: place.read_bytes() for place in before} == before


def test_a_manifest_that_is_gone_with_its_backup_is_not_begun_anew(root: Path) -> None:
    """The next run would begin with nothing, and `prune` would remove all that is there."""
    for place in (root / KEPT).glob("manifest.*"):
        place.unlink()
    before = sorted((root / KEPT / "objects").rglob("*"))
    with pytest.raises(DamagedManifestError, match="is missing or empty"):
        Archive(root)
    assert sorted((root / KEPT / "objects").rglob("*")) == before


def test_a_folder_may_have_any_bytes_as_its_name(tmp_path: Path) -> None:
    root = tmp_path / os.fsdecode(b"\xff\xfe a")
    with closing(Archive(root)) as archive:
        archive.back_up()
    assert (root / KEPT / "manifest.backup").exists()


def test_a_log_that_is_missing_does_no_harm(root: Path, tmp_path: Path) -> None:
    """Its process was killed, and somebody removed what had not been taken into the database."""
    killed = tmp_path / "killed"
    with storing(root), closing(Archive(root)) as archive:
        running = Crawl(archive, Scope((HOME,)), now=lambda: "2026-11-03T00:00:00+00:00")
        run(running, second(), most=2)
        running.flush()
        shutil.copytree(root, killed, ignore=shutil.ignore_patterns("manifest.sqlite-*"))
    assert mend(killed, second()) == []
    assert_well(killed)


def test_a_log_of_another_database_does_no_harm(root: Path) -> None:
    foreign_log(root)
    assert_well(root)


@pytest.mark.parametrize(
    "statements",
    [
        "DELETE FROM links",
        "DELETE FROM copies",
        "DELETE FROM urls WHERE url LIKE '%/gone'",
        "DELETE FROM snapshots WHERE id = 1",
        "DELETE FROM frontier",
    ],
)
def test_rows_that_refer_to_none_do_no_harm(root: Path, statements: str) -> None:
    rows(root, statements)
    read(root)
    publish(root)
    crawl(root, second())
    mend(root, second())
    read(root)


def test_what_was_forgotten_is_not_in_the_backup(root: Path) -> None:
    prune_and_forget(root)
    for place in (root / KEPT).glob("manifest.*"):
        assert b"alone" not in place.read_bytes()
    MANIFEST_DAMAGE["half"](root)
    assert mend(root, second()) == []
    assert (root / KEPT / "manifest.damaged").exists()
    prune_and_forget(root)
    assert not (root / KEPT / "manifest.damaged").exists()
    with closing(Archive(root, read_only=True)) as archive:
        assert archive.history.version(URLS["page"], 2) is None
        assert archive.manifest.decisions.tombstones() == [f"{SITE}/a"]


def test_objects_that_no_version_needs_are_found(root: Path) -> None:
    with closing(Archive(root)) as archive:
        digest = archive.objects.put(b"of a run that was killed")
        assert [one for _, one in archive.unused()] == [digest]
        archive.collect()
        assert list(archive.unused()) == []
    assert Standing.UNLINKED in standings(root, "unlinked")[-1]
