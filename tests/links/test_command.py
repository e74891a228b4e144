"""`links` and `check` as a user runs them: what they print, what they ask, and how they end."""

import json
import re
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

import pytest

from tests.crawl.running import scrapy, websucker
from tests.links.formats import validate_csv
from tests.site import HTML, PNG, Page, Server, Site, serve, serve_both
from tests.warm import Done

QUICK: Final = (
    "-s",
    "DOWNLOAD_TIMEOUT=2",
    "-s",
    "RETRY_TIMES=0",
    "-s",
    "MIRROR_BACKOFF=0.01",
    "-s",
    "DOWNLOAD_DELAY=0",
)


def site() -> Site:
    made = Site().page(
        "/", '<img src="/x.png">', links=["/a", "/gone", "/a#none", "/old", "{other}/there", "{other}/lost"]
    )
    made.page("/a", '<p id="here">', links=["/gone", "/#top"]).file("/x.png", PNG, "image/png")
    made["/old"] = Page(301, {"Location": "/a"})
    return made


@contextmanager
def served() -> Iterator[tuple[Server, Server]]:
    with serve_both(site(), Site().page("/there")) as both:
        yield both


def mirrored(server: Server, out: Path) -> Path:
    websucker(server.url, "-o", out, "-q", "--render", "never", "--scope", "host", *QUICK)
    return out


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    with served() as (main, _):
        yield mirrored(main, tmp_path_factory.mktemp("site") / "x"), main.url.rstrip("/")


def test_the_text_has_causes_with_their_places(archive: tuple[Path, str]) -> None:
    folder, url = archive
    done = websucker("links", folder)
    assert done.code == 1
    broken, fragments, moved = done.stdout.split("\n\n")
    assert broken.startswith(f"Broken links (1)\n  {url}/gone: 404 Not Found\n    {url}/, line ")
    assert f"{url}/a, line" in broken
    assert f"  {url}/a#none: no element has the id or name 'none'\n" in fragments
    assert f"  {url}/old: 301 Moved Permanently: moved to {url}/a\n" in moved
    assert "1 broken, 1 fragment, 1 redirect" in done.stderr


def test_pages_with_their_problems(archive: tuple[Path, str]) -> None:
    folder, url = archive
    pages = websucker("links", folder, "--by", "page").stdout.split("\n\n")
    assert [page.split("\n")[0] for page in pages] == [f"{url}/", f"{url}/a"]
    assert re.search(r"^  line \d+: broken: \S+/gone \(/gone\): 404 Not Found$", pages[1], re.MULTILINE)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ([], 1),
        (["--fail-on", "none"], 0),
        (["--fail-on", "orphan"], 0),
        (["--fail-on", "redirect"], 1),
        (["--fail-on", "all"], 1),
        (["--show", "orphan"], 1),
        (["--fail-on", "bugs"], 2),
        (["--show", ""], 2),
        (["--snapshot", "7"], 2),
        (["--format", "yaml"], 2),
        (["--ignore", "/nowhere"], 2),
        (["--external-age", "soon"], 2),
    ],
)
def test_how_it_ends(archive: tuple[Path, str], words: list[str], code: int) -> None:
    done = websucker("links", archive[0], *words)
    assert done.code == code
    assert "Traceback" not in done.stderr


def test_expected_problems_are_ignored_and_counted(archive: tuple[Path, str], tmp_path: Path) -> None:
    folder, url = archive
    rules = tmp_path / "ignore"
    rules.write_text(
        f"# known\nbroken {url}/go* # until the move\nfragment *#none # scripts make it\norphan {url}/x # nothing\n"
    )
    done = websucker("links", folder, "--ignore", rules)
    assert (done.code, done.stdout.split("\n")[0]) == (0, "Links to what has moved (1)")
    assert "2 ignored" in done.stderr
    assert "line 4 matches nothing" in done.stderr


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("broken http://h/", "line 1: say behind ` # ` why"),
        ("http://h/ # x", "line 1: expected a kind, a URL"),
        ("bugs http://h/ # x", "line 1: there is no kind 'bugs'"),
        ("\xff", "line 1: expected"),
    ],
)
def test_a_wrong_line_of_an_ignore_file_is_told(
    archive: tuple[Path, str], tmp_path: Path, line: str, said: str
) -> None:
    rules = tmp_path / "ignore"
    rules.write_text(line)
    done = websucker("links", archive[0], "--ignore", rules)
    assert done.code == 2
    assert said in done.stderr


def test_scrapy_has_it_too(archive: tuple[Path, str]) -> None:
    folder, _ = archive
    assert scrapy("links", str(folder)) == websucker("links", folder)


def test_a_report_is_about_its_snapshot(tmp_path: Path) -> None:
    made = site()
    with serve_both(made, Site().page("/there")) as (main, _):
        folder = mirrored(main, tmp_path / "x")
        made.page("/gone", "here now").page("/a", '<p id="none">', links=["/lost"])
        mirrored(main, folder)
    first = json.loads(websucker("links", folder, "--snapshot", "1", "--json").stdout)
    latest = json.loads(websucker("links", folder, "--json").stdout)
    assert [first["snapshot"]["id"], latest["snapshot"]["id"]] == [1, 2]
    assert [one["target"].rpartition("/")[2] for one in first["problems"] if one["kind"] == "broken"] == ["gone"]
    assert [one["target"].rpartition("/")[2] for one in latest["problems"] if one["kind"] == "broken"] == ["lost"]
    assert latest["counts"]["fragment"] == 0


def test_what_the_server_could_not_renew_is_broken_with_its_copy(tmp_path: Path) -> None:
    made = site()
    with serve_both(made, Site()) as (main, _):
        folder = mirrored(main, tmp_path / "x")
        made["/a"] = Page(503, {}, b"")
        mirrored(main, folder)
    problems = json.loads(websucker("links", folder, "--json").stdout)["problems"]
    [found] = [one for one in problems if one["target"].endswith("/a")]
    assert (found["kind"], found["status"]) == ("broken", 503)
    assert found["reason"].startswith("503 Service Unavailable; the copy is of 20")


# --- what is asked -----------------------------------------------------------------------------------------------------


def asked(other: Server) -> Counter[str]:
    return Counter(map("{} {}".format, other.methods, other.paths))


def forget(*servers: Server) -> None:
    """Forget what was asked so far."""
    for server in servers:
        server.requests.clear()
        server.methods.clear()


def test_other_hosts_are_asked_once_within_the_age(tmp_path: Path) -> None:
    with served() as (main, other):
        folder = mirrored(main, tmp_path / "x")
        forget(other)
        first = websucker("links", folder, "--external", *QUICK)
        assert f"{other.url.rstrip('/')}/lost: 404 Not Found" in first.stdout
        assert "/there" not in first.stdout
        assert asked(other) == {"GET /robots.txt": 1, "HEAD /there": 1, "HEAD /lost": 1, "GET /lost": 1}
        again = websucker("links", folder, "--external", *QUICK)
        assert again.stdout == first.stdout
        assert asked(other).total() == 4
        websucker("links", folder, "--external", "--external-age", "0s", *QUICK)
        assert asked(other).total() > 4


def test_nobody_is_asked_without_the_option(tmp_path: Path) -> None:
    with served() as (main, other):
        folder = mirrored(main, tmp_path / "x")
        forget(main, other)
        websucker("links", folder)
        assert (asked(main), asked(other)) == ({}, {})


@pytest.mark.parametrize("status", [401, 403, 429, 999])
def test_walls_against_robots_are_unclear(tmp_path: Path, status: int) -> None:
    made = Site().page("/", links=["{other}/wall"])
    beside = Site()
    beside["/wall"] = Page(status, {}, b"")
    with serve_both(made, beside) as (main, _):
        folder = mirrored(main, tmp_path / "x")
        done = websucker("links", folder, "--external", "--json", *QUICK)
    assert done.code == 0
    [found] = json.loads(done.stdout)["problems"]
    assert (found["kind"], found["status"]) == ("unclear", status)


def test_what_robots_txt_forbids_is_not_asked(tmp_path: Path) -> None:
    made = Site().page("/", links=["{other}/secret"])
    beside = Site().file("/robots.txt", "User-agent: *\nDisallow: /secret\n").page("/secret")
    with serve_both(made, beside) as (main, other):
        folder = mirrored(main, tmp_path / "x")
        done = websucker("links", folder, "--external", "--json", *QUICK)
        assert set(asked(other)) == {"GET /robots.txt"}
    [found] = json.loads(done.stdout)["problems"]
    assert (found["kind"], found["reason"]) == ("unclear", "robots.txt forbids to ask")


def test_answers_are_forgotten_with_the_page_that_links_there(tmp_path: Path) -> None:
    with served() as (main, _):
        folder = mirrored(main, tmp_path / "x")
        websucker("links", folder, "--external", *QUICK)
        assert answers(folder) == 2
        websucker("forget", folder, f"{main.url.rstrip('/')}/")
    assert answers(folder) == 0


def answers(folder: Path) -> int:
    with closing(sqlite3.connect(folder / ".mirror" / "manifest.sqlite")) as manifest:
        return int(manifest.execute("SELECT count(*) FROM answers").fetchone()[0])


def test_an_archive_of_version_5_can_be_reported_on(tmp_path: Path) -> None:
    with served() as (main, _):
        folder = mirrored(main, tmp_path / "x")
        before = websucker("links", folder)
        with closing(sqlite3.connect(folder / ".mirror" / "manifest.sqlite")) as manifest:
            manifest.executescript("DROP TABLE answers; PRAGMA user_version = 5")
        assert websucker("links", folder) == before
        websucker("links", folder, "--external", *QUICK)
    assert answers(folder) == 2


# --- check -------------------------------------------------------------------------------------------------------------


def check(*words: object) -> Done:
    return websucker("check", "--render", "never", "--scope", "host", *words, *QUICK)


def test_check_needs_no_archive_and_fetches_no_pictures() -> None:
    made = Site().page("/", '<img src="/x.png"><img src="/y.png"><a href="/big.zip">', links=["/a", "/gone"])
    made.page("/a").file("/x.png", PNG, "image/png").file("/big.zip", b"PK", "application/zip")
    with serve(made) as server:
        done = check(server.url, "--json")
        wanted = asked(server)
    assert done.code == 1
    broken = [one["target"].rpartition("/")[2] for one in json.loads(done.stdout)["problems"]]
    assert broken == ["gone", "y.png"]
    assert wanted["HEAD /x.png"] == wanted["HEAD /big.zip"] == 1
    assert wanted["GET /x.png"] == wanted["GET /big.zip"] == 0


def test_check_does_not_ask_about_what_is_excluded() -> None:
    made = Site().page("/", '<img src="/x.png"><img src="/private/y.png">').file("/x.png", PNG, "image/png")
    with serve(made) as server:
        assert check(server.url, "--exclude", "/private/").code == 0
        assert not {path for path in asked(server) if "private" in path}


def test_check_of_a_server_that_is_not_there() -> None:
    done = check("http://127.0.0.1:1/")
    assert (done.code, "Traceback" in done.stderr) == (3, False)
    assert "http://127.0.0.1:1/: a start: connection refused" in done.stdout


def test_check_of_nonsense() -> None:
    done = check("http://[/")
    assert done.code == 2
    assert done.stdout == ""


@pytest.mark.parametrize("name", ["=cmd()", "+1", "-1", "@x", "a,b", 'a"b', "<b>&amp;", "a\u202eb"])
def test_a_hostile_link_does_no_harm_in_a_report(tmp_path: Path, name: str) -> None:
    made = Site().file(
        "/", f"<!DOCTYPE html>\n<meta charset=utf-8>\n<a href='{name}'>x</a>\n<a href=\"http://[{name}\">y</a>", HTML
    )
    with serve(made) as server:
        folder = mirrored(server, tmp_path / "x")
    validate_csv(websucker("links", folder, "--format", "csv").stdout)
    shown = websucker("links", folder, "--format", "html").stdout
    assert "<b>" not in shown
    assert "\u202e" not in shown
    json.loads(websucker("links", folder, "--format", "sarif").stdout)
