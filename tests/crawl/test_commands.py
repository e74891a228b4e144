"""The commands on an archive, as a user runs them."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from mirror.commands.forget import report
from mirror.core.url.canonical import canonical
from mirror.store.archive import Archive
from mirror.store.forgetting import Forgotten, Left
from tests.crawl.running import ROOT, mirror, rows, scrapy, tree, websucker
from tests.mirroring import dangling, folder
from tests.site import HTML, PNG, Handler, Page, Server, Site, serve
from tests.warm import Done

QUIET = {"MIRROR_PROGRESS": "off"}


def first() -> Site:
    site = Site().page("/", '<img src="/x.png">', links=["/a", "/b", "/old", "/secret/1", "/secret/2", "/dead"])
    site.page("/a", "The first edition.").page("/b").file("/old", "<title>Here</title>", HTML).file(
        "/x.png", PNG, "image/png"
    )
    return (
        site.page("/secret/1", "hush")
        .page("/secret/2", "hush")
        .file("/robots.txt", "User-agent: *\nDisallow: /secret/2\n")
    )


def second() -> Site:
    site = (
        first()
        .page("/a", "The second edition.")
        .page("/", '<img src="/x.png">', links=["/a", "/b", "/old", "/new", "/c"])
    )
    return site.file("/new", "<title>Here</title>", HTML).file("/old", "", status=410).page("/c")


@dataclass(frozen=True)
class World:
    """A server, and an archive with two snapshots of its site."""

    server: Server
    out: Path

    def url(self, path: str) -> str:
        return self.server.url + path

    @property
    def folder(self) -> str:
        return folder(self.server.url)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with serve(first()) as server:
        world = World(server, tmp_path_factory.mktemp("commands") / "archive")
        mirror(f"{server.url}/", world.out, settings=QUIET)
        server.site = second()
        time.sleep(1.1)  # so that the snapshots have different names
        assert mirror(f"{server.url}/", world.out, settings=QUIET).code == 1
        yield world


@pytest.fixture
def world(made: World, tmp_path: Path) -> World:
    """A copy of it, for tests that change it."""
    subprocess.run(["cp", "-a", made.out, tmp_path / "archive"], check=True)
    made.server.site = second()
    made.server.requests.clear()
    return World(made.server, tmp_path / "archive")


def only_line(done: Done) -> str:
    lines = done.stderr.splitlines()
    assert len(lines) == 1, done.stderr
    return lines[0]


# Commands that read


def test_snapshots_are_listed(made: World) -> None:
    done = scrapy("snapshots", str(made.out))
    assert done.code == 0
    head, one, two = (line.split() for line in done.stdout.splitlines())
    assert head[0] == "id"
    assert (one[0], one[3], two[0], two[3]) == ("1", "complete", "2", "complete")
    listed = json.loads(websucker("snapshots", made.out, "--json").stdout)
    numbers = [one["numbers"] for one in listed]
    assert [(n["added"], n["changed"], n["gone"]) for n in numbers] == [(7, 0, 0), (2, 2, 1)]
    assert [one["id"] for one in listed] == [1, 2]


@pytest.mark.parametrize("name", ["1", "latest", "date"])
def test_checkout_writes_a_snapshot(made: World, tmp_path: Path, name: str) -> None:
    [(started,)] = rows(made.out, "SELECT started FROM snapshots WHERE id = 1")
    words = str(started)[:19] if name == "date" else name
    done = websucker("checkout", made.out, words, tmp_path / "target")
    assert done.code == 0
    assert only_line(done).endswith(f"open {tmp_path}/target/index.html")
    edition = b"The second edition." if name == "latest" else b"The first edition."
    assert edition in (tmp_path / "target" / made.folder / "a~.html").read_bytes()
    assert dangling(tmp_path / "target") == []
    again = websucker("checkout", made.out, words, tmp_path / "target")
    assert "is not empty: choose a new folder" in only_line(again)
    assert again.code == 4


def test_diff_reports_differences(made: World, tmp_path: Path) -> None:
    done = websucker("diff", made.out)
    assert sorted(done.stdout.splitlines()) == [
        f"* {made.url('/')}",
        f"* {made.url('/a')}",
        f"+ {made.url('/c')}",
        f"> {made.url('/old')} -> {made.url('/new')}",
    ]
    assert done.code == 1
    assert websucker("diff", made.out, 1, 2).stdout == done.stdout
    assert websucker("diff", made.out, 1).stdout == done.stdout
    assert websucker("diff", made.out, 2, 2) == Done(0, "", "Both are snapshot 2: `snapshots` lists the others\n")
    kinds = [one["kind"] for one in json.loads(websucker("diff", made.out, "--json").stdout)["differences"]]
    assert sorted(kinds) == ["added", "changed", "changed", "moved"]
    page = tmp_path / "diff.html"
    assert websucker("diff", made.out, "--html", page).code == 1
    assert "The second edition." in page.read_text()


def test_on_a_terminal_diff_explains_its_signs(made: World) -> None:
    terminal, inside = os.openpty()
    command = [sys.executable, "-m", "mirror", "diff", str(made.out)]
    done = subprocess.run(command, cwd=ROOT, stdout=inside, stderr=subprocess.PIPE, text=True, check=False)
    os.close(inside)
    os.close(terminal)
    assert (done.returncode, done.stderr) == (
        1,
        "Snapshots 1 and 2\nSigns: + added, * changed, > moved\n",
    )


@pytest.mark.parametrize(
    ("path", "code", "said"),
    [
        ("/a", 0, "in the tree: "),
        ("/old", 1, "gone (410 Gone)"),
        ("/dead", 1, "not on the server (404 Not Found)"),
        ("/secret/1", 0, "in the tree, but no longer linked: "),
        ("/secret/2", 1, "not fetched, forbidden by robots.txt: Disallow: /secret/2 (line 2), found on "),
        ("/never", 1, "is unknown: no fetched page refers to it"),
    ],
)
def test_why(made: World, path: str, code: int, said: str) -> None:
    done = websucker("why", made.out, made.url(path))
    assert said in done.stdout
    assert done.code == code
    told = json.loads(websucker("why", made.out, made.url(path), "--json").stdout)
    assert told["known"] == (path != "/never")


def test_stats_knows_the_slowest_answers(tmp_path: Path) -> None:
    def slow(handler: Handler) -> None:
        time.sleep(0.3)
        handler.reply(Page(200, {"Content-Type": HTML}, b"<title>slow</title>"))

    site = first()
    site["/b"] = slow
    with serve(site) as server:
        mirror(server.url, tmp_path / "x", settings=QUIET)
        [slowest, *others] = json.loads(websucker("stats", tmp_path / "x", "--json").stdout)["slowest"]
    assert slowest["url"] == f"{server.url}/b"
    assert slowest["milliseconds"] >= 300
    assert len(others) > 3


def test_only_commands_that_write_take_the_lock(made: World, tmp_path: Path) -> None:
    with closing(Archive(made.out)):
        for words in (
            ["snapshots"],
            ["diff", 1, 2],
            ["why", made.url("/a")],
            ["log", made.url("/a")],
            ["stats"],
            ["links"],
            ["verify"],
        ):
            assert websucker(words[0], made.out, *words[1:]).code in {0, 1}, words
        assert websucker("checkout", made.out, 1, tmp_path / "target").code == 0
        for words in (["prune"], ["forget", made.url("/a")], ["publish"], ["verify", "--repair"]):
            done = websucker(words[0], made.out, *words[1:])
            assert "is in use by another run (process " in only_line(done)
            assert done.code == 4


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("snapshots",), 2, "DIR is missing: websucker snapshots [options] DIR; see websucker snapshots --help"),
        (("checkout", "{out}", "1"), 2, "TARGET is missing: websucker checkout [options] DIR SNAPSHOT TARGET"),
        (("checkout", "{out}", "99", "x"), 2, "there is no snapshot '99': give a number (from 1 to 2), a time"),
        (("checkout", "{out}", "1", "{out}/.mirror/x"), 4, "is inside the archive's own folder"),
        (("why", "{out}", "nntp://example.org/"), 2, "the scheme 'nntp' is not supported"),
        (("forget", "{out}", "*"), 2, "is not a URL"),
        (("prune", "{out}", "--keep", "some"), 2, "some"),
        (("snapshots", "{out}/nothing"), 4, "is not an archive: it has no folder .mirror"),
    ],
)
def test_errors_are_one_line(made: World, words: tuple[str, ...], code: int, said: str) -> None:
    done = websucker(*(word.format(out=made.out) for word in words))
    assert said in only_line(done)
    assert done.code == code


@pytest.mark.parametrize("words", ["circle", "circle/tree"])
def test_links_in_a_circle_are_no_place_for_a_checkout(made: World, tmp_path: Path, words: str) -> None:
    (tmp_path / "circle").symlink_to("circle")
    done = websucker("checkout", made.out, "1", tmp_path / words)
    assert f"{words}/.checkout: it is a symbolic link" in only_line(done)
    assert done.code == 4


@pytest.mark.parametrize(
    "command",
    [
        *(
            "checkout",
            "diff",
            "forget",
            "links",
            "log",
            "open",
            "prune",
            "publish",
            "show",
            "snapshots",
            "stats",
            "verify",
            "why",
        )
    ],
)
def test_help(command: str) -> None:
    done = websucker(command, "--help")
    assert done.code == 0
    assert " DIR" in done.stdout


# Commands that write


def test_only_what_is_damaged_is_fetched_again(world: World) -> None:
    before = tree(world.out)
    objects = world.out / ".mirror" / "objects"
    query = "SELECT url, digest FROM resources JOIN urls ON urls.id = url_id WHERE until IS NULL AND path <> ''"
    digests = {row[0]: row[1] for row in rows(world.out, query)}
    for path in ("/a", "/b"):
        digest = str(digests[world.url(path)])
        place = objects / digest[:2] / digest[2:]
        place.chmod(0o644)
        place.write_bytes(b"spoilt")
    (world.out / world.folder / "c~.html").unlink()
    done = websucker("verify", world.out)
    assert sorted(line.partition(": ")[0] for line in done.stdout.splitlines()) == ["object", "object", "tree"]
    assert done.code == 1
    assert world.server.paths == []
    done = websucker("verify", world.out, "--repair", "-s", "MIRROR_PROGRESS=off")
    assert done.code == 0, done.stderr
    assert sorted(world.server.paths) == ["/a", "/b", "/robots.txt"]
    assert websucker("verify", world.out).code == 0
    assert tree(world.out) == before


def test_what_no_server_has_any_more_is_lost(world: World) -> None:
    [(digest,)] = rows(
        world.out, "SELECT digest FROM resources JOIN urls u ON u.id = url_id WHERE until = 2 AND url LIKE '%/a'"
    )
    (world.out / ".mirror" / "objects" / str(digest)[:2] / str(digest)[2:]).unlink()
    done = websucker("verify", world.out, "--repair")
    assert f"Lost permanently: {world.url('/a')} as fetched 2" in done.stderr
    assert done.code == 1
    assert world.server.paths == []
    assert websucker("verify", world.out).code == 0


def lose(world: World, path: str) -> None:
    query = "SELECT digest FROM resources JOIN urls ON urls.id = url_id WHERE until IS NULL AND url = ?"
    with closing(sqlite3.connect(world.out / ".mirror" / "manifest.sqlite")) as database:
        ((digest,),) = database.execute(query, (world.url(path),)).fetchall()
    (world.out / ".mirror" / "objects" / digest[:2] / digest[2:]).unlink()
    for place in (world.out / world.folder).glob(f"{path[1:]}*"):
        place.unlink()


def test_what_is_lost_while_the_server_refuses_is_not_given_up(world: World) -> None:
    lose(world, "/a")
    world.server.site = second().file("/a", "", status=403)
    done = websucker("verify", world.out, "--repair")
    assert "1 object could not be fetched now: run the same command again when the server answers" in done.stderr
    assert "Lost permanently" not in done.stderr
    assert done.code == 1
    world.server.site = second()
    assert websucker("verify", world.out, "--repair").code == 0
    assert websucker("verify", world.out).code == 0


def test_a_repair_copies_no_files_of_this_machine(world: World, tmp_path: Path) -> None:
    lose(world, "/a")
    (tmp_path / "private").mkdir()
    (tmp_path / "private" / "key").write_text("secret")
    with closing(sqlite3.connect(world.out / ".mirror" / "manifest.sqlite")) as database, database:
        starts = json.dumps([f"file://{tmp_path}/private/"])
        database.execute(
            "UPDATE snapshots SET starts = :starts, options = json_set(options, '$.start', json(:starts))",
            {"starts": starts},
        )
    done = websucker("verify", world.out, "--repair")
    assert "run the crawl's own command to fetch again" in done.stderr
    assert "Lost permanently" not in done.stderr
    assert done.code == 1
    assert world.server.paths == []
    assert not list(world.out.rglob("key*"))


def test_snapshots_are_pruned(world: World) -> None:
    before = tree(world.out)
    dry = websucker("prune", world.out, "--keep", "last=1", "--dry-run")
    assert "pruned" in dry.stdout
    assert only_line(dry) == "1 snapshot would be removed"
    assert len(json.loads(websucker("snapshots", world.out, "--json").stdout)) == 2
    done = websucker("prune", world.out, "--keep", "last=1,daily=1")
    assert done.code == 0
    assert [one["id"] for one in json.loads(websucker("snapshots", world.out, "--json").stdout)] == [2]
    assert websucker("verify", world.out).code == 0
    assert tree(world.out) == before


def test_a_clock_that_was_wrong_is_told_and_the_newest_snapshot_is_kept(world: World) -> None:
    with closing(sqlite3.connect(world.out / ".mirror" / "manifest.sqlite")) as database, database:
        database.execute("UPDATE snapshots SET started = '2036-01-01T00:00:00+00:00' WHERE id = 1")
        database.execute("UPDATE resources SET checked = '2036-01-01T00:00:00+00:00'")
    for words in (["snapshots"], ["prune", "--keep", "last=1"]):
        done = websucker(words[0], world.out, *words[1:])
        assert done.stderr.startswith(
            "Snapshot 1 began at 2036-01-01 00:00:00, which is in the future: the clock was wrong"
        )
    assert [one["id"] for one in json.loads(websucker("snapshots", world.out, "--json").stdout)] == [2]
    done = mirror(world.url("/"), world.out, "refresh=7d", settings=QUIET)
    assert "which is in the future" not in done.stderr  # that snapshot is pruned
    assert "/a" in world.server.paths


def test_a_forgotten_url_is_not_fetched_again(world: World) -> None:
    done = websucker("forget", world.out, world.url("/secret/*"))
    assert only_line(done).startswith("Forgotten: 2 versions, ")
    assert not (world.out / world.folder / "secret").exists()
    world.server.site = first()
    assert mirror(world.url("/"), world.out, settings=QUIET).code == 1
    assert not [path for path in world.server.paths if path.startswith("/secret")]
    assert "forgotten on request" in websucker("why", world.out, world.url("/secret/1")).stdout


def test_a_page_that_can_not_be_published_keeps_nothing_from_being_forgotten(world: World) -> None:
    of_page = "SELECT digest FROM resources JOIN urls ON urls.id = url_id WHERE url GLOB '*/a'"
    forgotten = {digest for (digest,) in rows(world.out, of_page)}
    for place in (world.out / ".mirror" / "objects").glob("??/*"):
        if place.parent.name + place.name not in forgotten:
            place.unlink()
    done = websucker("forget", world.out, world.url("/a"))
    assert done.code == 1
    assert "Forgotten: 2 versions, " in done.stderr
    assert (
        "can't be made, because the archive lacks what was received: `verify --repair` fetches it again" in done.stderr
    )
    assert not [place for place in world.out.rglob("*") if place.is_file() and b" edition." in place.read_bytes()]


@pytest.mark.parametrize(
    ("forgotten", "said"),
    [
        (Forgotten(1, (), Left(0)), ["Forgotten: 1 version, 0 bytes; URL will never be fetched again"]),
        (
            Forgotten(2, (canonical("http://a.org/"),), Left(1)),
            ["", "The same content stays under http://a.org/: forget"],
        ),
        (
            Forgotten(2, (canonical("http://a.org/"), canonical("http://b.org/")), Left(1, linked=1)),
            [
                "",
                "The same content stays under http://a.org/ and 1 more",
                "1 hard link to it outside of the archive, in a",
            ],
        ),
        (
            Forgotten(2, (), Left(1, is_clean=False)),
            ["", "The database may still have traces, because another program"],
        ),
    ],
)
def test_what_forgetting_could_not_reach_is_told(forgotten: Forgotten, said: list[str]) -> None:
    lines = report("URL", forgotten).splitlines()
    assert len(lines) == len(said)
    assert all(line.startswith(words) for line, words in zip(lines, said, strict=True))


def test_a_fresh_resource_is_not_requested(world: World) -> None:
    done = mirror(world.url("/"), world.out, "refresh=1d", settings=QUIET)
    assert world.server.paths == []
    assert "nothing changed" in done.stderr
    world.server.requests.clear()
    cached = {"Cache-Control": "max-age=3600"}
    world.server.site = Site().page("/", links=["/a"], headers=cached).page("/a", headers=cached)
    mirror(world.url("/"), world.out, settings=QUIET)
    world.server.requests.clear()
    assert mirror(world.url("/"), world.out, "trust=1", settings=QUIET).code == 0
    assert world.server.paths == ["/robots.txt"]


def test_a_run_that_lost_too_many_pages_is_held_until_the_user_decides(world: World) -> None:
    pages = [f"/{n}" for n in range(30)]
    site = Site().page("/", links=pages)
    for page in pages:
        site.page(page, f"Page {page}")
    world.server.site = site
    assert mirror(world.url("/"), world.out, settings=QUIET).code == 0
    before = tree(world.out)
    world.server.site = Site({"/": site["/"]})
    held = mirror(world.url("/"), world.out, settings=QUIET)
    assert held.code == 5
    assert "Held: 30 of " in held.stderr
    assert tree(world.out) == before
    shutil.copytree(world.out, world.out.with_name("accepted"), symlinks=True)

    done = websucker("publish", world.out.with_name("accepted"), "--accept-loss")
    assert done.code == 0
    assert not (world.out.with_name("accepted") / world.folder / "7~.html").exists()
    assert dangling(world.out.with_name("accepted")) == []

    world.server.site = site
    assert mirror(world.url("/"), world.out, settings=QUIET).code == 0
    assert tree(world.out) == before


def test_a_start_that_is_gone_holds_the_run(world: World) -> None:
    before = tree(world.out)
    world.server.site = Site({"/": Page(404, {"Content-Type": HTML})})
    held = mirror(world.url("/"), world.out, settings=QUIET)
    assert held.code == 5
    assert tree(world.out) == before
    gone = mirror(world.url("/"), world.out, "max_loss=1", settings=QUIET)
    assert gone.code == 3
    assert f"{world.folder}/index.html" not in tree(world.out)
    assert websucker("verify", world.out).code == 0
