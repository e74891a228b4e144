"""`links` and `check` as a user runs them: what they print, what they ask, and how they end."""

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

import pytest

from mirror.core.http.messages import Response
from mirror.core.links import places
from mirror.core.url.canonical import canonical
from mirror.store.disk.errors import StorageError
from mirror.store.links import findings
from tests.crawl.running import ROOT, scrapy, websucker
from tests.links.formats import validate_csv
from tests.replay.serving import mirrored as made_in_memory
from tests.site import HTML, PNG, Handler, Page, Server, Site, serve, serve_both
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
        (["--places", "-1"], 2),
        (["--by", "page", "--format", "html"], 2),
        (["http://127.0.0.1/"], 2),
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
    assert f"Line 4 of the ignore file matches nothing: orphan {url}/x # nothing\n" in done.stderr
    rules.write_text(f"\ufeff* {url}/* # all\nbroken {url}/gone # known\n", encoding="utf-8")
    assert "matches nothing" not in websucker("links", folder, "--ignore", rules).stderr


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


def asked_about(server: Server, tmp_path: Path, other: Server, *links: str) -> dict[str, tuple[str, str]]:
    """What is said of links to the other host, by path: the kind and the reason."""
    folder = mirrored(server, tmp_path / "x")
    done = websucker("links", folder, "--external", "--json", *QUICK)
    problems = {one["target"].removeprefix(other.url): one for one in json.loads(done.stdout)["problems"]}
    return {link: (problems[link]["kind"], problems[link]["reason"]) for link in links if link in problems}


def test_robots_txt_is_obeyed_by_each_of_many_requests_that_wait_for_it(tmp_path: Path) -> None:
    names = [f"/{name}" for name in ("a", "b", "secret/c", "d", "secret/e")]
    made = Site().page("/", links=[f"{{other}}{name}" for name in names])
    beside = Site().file("/robots.txt", "User-agent: *\nDisallow: /secret\n")
    for name in names:
        beside.page(name)
    with serve_both(made, beside) as (main, other):
        said = asked_about(main, tmp_path, other, *names)
        assert not [path for path in other.paths if "secret" in path]
    assert said == dict.fromkeys(("/secret/c", "/secret/e"), ("unclear", "robots.txt forbids to ask"))


def test_a_host_whose_robots_txt_fails_is_not_asked(tmp_path: Path) -> None:
    made = Site().page("/", links=["{other}/a"])
    beside = Site().page("/a")
    beside["/robots.txt"] = Page(503, {}, b"")
    with serve_both(made, beside) as (main, other):
        said = asked_about(main, tmp_path, other, "/a")
        assert set(other.paths) == {"/robots.txt"}
    assert said == {"/a": ("unclear", "robots.txt can't be had: 503 Service Unavailable")}


@pytest.mark.parametrize(
    ("location", "kind", "reason"),
    [
        ("/loop", "broken", "redirects in a circle, or too often"),
        ("", "broken", "redirects in a circle, or too often"),
        ("javascript:x", "broken", "redirects to javascript:x"),
        ("http://[", "broken", "redirects to http://["),
        ("/gone", "broken", "404 Not Found"),
        ("/there", "redirect", "moved to {other}/there"),
    ],
)
def test_redirects_of_other_hosts(tmp_path: Path, location: str, kind: str, reason: str) -> None:
    made = Site().page("/", links=["{other}/loop"])
    beside = Site().page("/there")
    beside["/loop"] = Page(301, {"Location": location}, b"")
    with serve_both(made, beside) as (main, other):
        said = asked_about(main, tmp_path, other, "/loop")
        assert said == {"/loop": (kind, reason.replace("{other}", other.url))}


def test_a_site_on_the_internet_leads_nobody_into_this_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serve(Site().page("/a")) as server:
        site = Site().page("/", links=[f"{server.url}/a", "http://169.254.169.254/latest"])
        in_memory({"https://example.org": site}, tmp_path / "x")
        for proxy in ("", server.url):
            monkeypatch.setenv("http_proxy", proxy)
            done = websucker("links", tmp_path / "x", "--external", "--external-age", "0s", "--json", *QUICK)
            problems = [one for one in json.loads(done.stdout)["problems"] if one["kind"] != "broken"]
            assert [one["reason"] for one in problems] == ["at an address that is not on the internet"] * 2
        assert server.paths == []


def test_a_host_that_does_not_answer_is_given_up(tmp_path: Path) -> None:
    made = Site().page("/", links=[f"{{other}}/{number}" for number in range(30)])
    beside = Site({f"/{number}": too_slowly for number in range(30)})
    with serve_both(made, beside) as (main, other):
        folder = mirrored(main, tmp_path / "x")
        done = websucker(
            "links", folder, "--external", "--json", "-s", "DOWNLOAD_TIMEOUT=0.5", "-s", "DOWNLOAD_DELAY=0.01"
        )
        assert len(other.paths) < 20
    problems = json.loads(done.stdout)["problems"]
    assert {(one["kind"], one["reason"]) for one in problems} == {("broken", "timed out")}
    assert len(problems) == 30


def test_an_answer_of_the_future_does_not_count(tmp_path: Path) -> None:
    with served() as (main, other):
        folder = mirrored(main, tmp_path / "x")
        websucker("links", folder, "--external", *QUICK)
        with closing(sqlite3.connect(folder / ".mirror" / "manifest.sqlite")) as manifest:
            manifest.executescript("UPDATE answers SET asked = '2099-01-01T00:00:00+00:00'")
        forget(other)
        websucker("links", folder, "--external", *QUICK)
        assert asked(other)["HEAD /lost"] == 1


def test_a_broken_url_of_another_site_is_one_problem(tmp_path: Path) -> None:
    made = Site().page("/", links=["{other}/lost", "{other}/lost#a", "{other}/lost#b"])
    with serve_both(made, Site()) as (main, other):
        folder = mirrored(main, tmp_path / "x")
        done = websucker("links", folder, "--external", "--json", *QUICK)
        [found] = json.loads(done.stdout)["problems"]
        assert (found["target"], len(found["places"])) == (f"{other.url}/lost", 3)


def in_memory(web: dict[str, Site], out: Path) -> None:
    [start] = web
    made_in_memory(out, web, start, "2026-11-24")


def test_interrupted_questions_have_no_answers(tmp_path: Path) -> None:
    made = Site().page("/", links=[f"{{other}}/{number}" for number in range(40)])
    beside = Site({f"/{number}": slowly for number in range(40)})
    with serve_both(made, beside) as (main, other):
        folder = mirrored(main, tmp_path / "x")
        command = [sys.executable, "-m", "mirror", "links", str(folder), "--external", "--json"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT) as running:
            for _ in range(600):
                if len(other.paths) > 2:
                    break
                time.sleep(0.05)
            running.send_signal(signal.SIGINT)
            stdout, stderr = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "were not asked about: run the same command again" in stderr
    assert json.loads(stdout)["counts"]["unclear"] == 0
    assert answers(folder) < 40


def too_slowly(handler: Handler) -> None:
    time.sleep(1.5)
    handler.reply(Page())


def slowly(handler: Handler) -> None:
    time.sleep(0.1)
    handler.reply(Page(200, {}, b""))


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


def test_check_without_a_scheme() -> None:
    made = Site().page("/", '<img src="/x.png">', links=["/gone"]).file("/x.png", PNG, "image/png")
    with serve(made) as server:
        done = check(server.url.removeprefix("http://"))
    assert done.code == 1
    assert "1 broken" in done.stderr


@pytest.mark.parametrize("word", ["public", "public/index.html", "file://{here}/public/", "./public"])
def test_check_of_a_folder(tmp_path: Path, word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "public"
    (folder / "a b").mkdir(parents=True)
    (folder / "empty").mkdir()
    (folder / "index.html").write_text(
        '<a href="/a%20b/">a</a> <a href="/empty/">e</a> <img src="/x.png"><img src="none.png">'
    )
    (folder / "a b" / "index.html").write_text('<a href="../gone.html">x</a>')
    (folder / "x.png").write_bytes(PNG)
    monkeypatch.chdir(tmp_path)
    command = [sys.executable, "-m", "mirror", "check", word.format(here=tmp_path), "--format", "sarif", *QUICK]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 1
    assert "is served at http://127.0.0.1:" in done.stderr
    results = json.loads(done.stdout)["runs"][0]["results"]
    found = {
        (
            one["message"]["text"].split(":")[2].partition("/")[2],
            one["locations"][0]["physicalLocation"]["artifactLocation"]["uri"],
        )
        for one in results
        if one["ruleId"] == "broken"
    }
    assert found == {("empty/", "index.html"), ("none.png", "index.html"), ("gone.html", "a%20b/index.html")}


def test_check_asks_no_other_site_unless_it_is_told_to() -> None:
    made = Site().page("/", '<a href="{other}/x.pdf">x</a><img src="{other}/y.png">', links=["{other}/page"])
    with serve_both(made, Site()) as (main, other):
        done = check(main.url, "--json")
        assert {path for path in other.paths if path != "/robots.txt"} == {"/y.png"}  # the page has it in itself
        assert "Not asked about: 2 links leave the site: see --external" in done.stderr
        done = check(main.url, "--json", "--external")
    assert json.loads(done.stdout)["counts"]["broken"] == 3


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


def test_check_asks_as_it_crawls(tmp_path: Path) -> None:
    def picture(handler: Handler) -> None:
        is_known = "sid=1" in (handler.headers["Cookie"] or "") and handler.headers["User-Agent"] == "MyBot/1"
        handler.reply(Page(200 if is_known else 404, {}, b""))

    jar = tmp_path / "cookies.txt"
    made = Site().page("/", '<img src="/x.png">')
    made["/x.png"] = picture
    with serve(made) as server:
        jar.write_text("127.0.0.1\tFALSE\t/\tFALSE\t0\tsid\t1\n")
        assert check(server.url, "--cookies", jar, "--user-agent", "MyBot/1").code == 0


@pytest.mark.parametrize(("exclude", "code"), [("(?i)PRIVATE", 0), ("private", 0), ("a)|(b", 2), ("(?i)", 0)])
def test_check_takes_any_expression(exclude: str, code: int) -> None:
    with serve(Site().page("/", '<img src="/private/y.png">')) as server:
        done = check(server.url, "--exclude", exclude)
        assert done.code == code
        assert "please report" not in done.stderr


def test_check_says_which_pages_it_took_for_files() -> None:
    made = Site().page("/", links=["/wiki/File:X.jpg", "/down?f=a.zip"])
    made.page("/wiki/File:X.jpg").page("/down?f=a.zip", links=["/gone"])
    with serve(made) as server:
        done = check(server.url, "--json")
        assert (
            f"1 page was not read, because its URL ends as that of a file: {server.url}/wiki/File:X.jpg" in done.stderr
        )
    assert json.loads(done.stdout)["counts"]["broken"] == 1


def test_check_asks_nothing_excluded_by_way_of_a_redirect() -> None:
    made = Site().page("/", links=["/jump.zip"]).page("/private/x")
    made["/jump.zip"] = Page(302, {"Location": "/private/x"})
    with serve(made) as server:
        done = check(server.url, "--exclude", "/private/", "--json")
        assert "/private/x" not in server.paths
    assert [one["reason"] for one in json.loads(done.stdout)["problems"]] == ["redirects to what is excluded"]


def test_check_reads_feeds_and_styles() -> None:
    made = Site().page(
        "/", '<link rel=alternate type="application/rss+xml" href="/a.rss"><link rel=stylesheet href="/a.css">'
    )
    made.file("/a.rss", "<rss><channel><item><link>{self}/dead</link></item></channel></rss>", "application/rss+xml")
    made.file("/a.css", "p { background: url(/lost.png) }", "text/css")
    with serve(made) as server:
        problems = json.loads(check(server.url, "--json").stdout)["problems"]
    assert [one["target"].rpartition("/")[2] for one in problems if one["kind"] == "broken"] == ["dead", "lost.png"]


def test_an_answer_with_a_redirect_to_a_login_can_be_read_again(tmp_path: Path) -> None:
    made = Site().page("/", links=["{other}/there"])
    beside = Site().page("/new")
    with serve_both(made, beside) as (main, other):
        beside["/there"] = Page(301, {"Location": other.url.replace("//", "//u:p@") + "/new"})
        folder = mirrored(main, tmp_path / "x")
        first = websucker("links", folder, "--external", "--json", *QUICK)
        assert not [headers for _, headers in other.requests if "authorization" in headers]
        assert websucker("links", folder, "--external", "--json", *QUICK).stdout == first.stdout
        assert json.loads(first.stdout)["problems"][0]["instead"] == f"{other.url}/new"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGKILL])
def test_the_crawl_of_check_does_not_outlive_it(tmp_path: Path, number: signal.Signals) -> None:
    made = Site().page("/", links=[f"/{number}" for number in range(200)])
    made |= {f"/{number}": slowly for number in range(200)}
    with serve(made) as server:
        command = [sys.executable, "-m", "mirror", "check", server.url, "-s", "CONCURRENT_REQUESTS_PER_DOMAIN=1"]
        environment = os.environ | {"TMPDIR": str(tmp_path)}
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT, env=environment
        ) as running:
            for _ in range(600):
                if len(server.paths) > 3:
                    break
                time.sleep(0.05)
            running.send_signal(number)
            running.communicate(timeout=60)
        asked_then = len(server.paths)
        time.sleep(1.5)
        assert len(server.paths) <= asked_then + 2
    assert asked_then < 150
    assert running.returncode == (-9 if number == signal.SIGKILL else 130)
    assert number == signal.SIGKILL or list(tmp_path.iterdir()) == []


# --- what can't be read ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["missing", "damaged"])
def test_a_page_that_can_not_be_read_is_told_and_nothing_else_is_claimed(tmp_path: Path, how: str) -> None:
    made = Site().page("/", links=["/a#here", "/gone"]).page("/a", '<p id="here">', links=["/lost"])
    with serve(made) as server:
        folder = mirrored(server, tmp_path / "x")
    with closing(sqlite3.connect(folder / ".mirror" / "manifest.sqlite")) as manifest:
        [[digest]] = manifest.execute("SELECT digest FROM resources JOIN urls ON urls.id = url_id WHERE url LIKE '%/a'")
    place = folder / ".mirror" / "objects" / digest[:2] / digest[2:]
    place.parent.chmod(0o755)
    place.unlink()
    if how == "damaged":
        place.write_bytes(b"<p>rubbish")
    done = websucker("links", folder, "--json")
    report = json.loads(done.stdout)
    assert [one["target"].rpartition("/")[2] for one in report["problems"] if one["kind"] != "orphan"] == ["gone"]
    assert report["unread"] == [f"{server.url}/a"]
    assert "/a can't be read: `verify` says why" in done.stderr


def test_pages_that_call_another_url_canonical_are_no_duplicates(tmp_path: Path) -> None:
    canonical = '<link rel="canonical" href="https://elsewhere.example/c">'
    made = Site().page("/", links=["/ca", "/cb", "/da", "/db"])
    for name, head in (("/ca", canonical), ("/cb", canonical), ("/da", ""), ("/db", "")):
        made.file(name, f"<!DOCTYPE html>\n<title>x</title>{head}", HTML)
    with serve(made) as server:
        folder = mirrored(server, tmp_path / "x")
    report = json.loads(websucker("links", folder, "--json", "--show", "duplicate").stdout)
    assert [one["target"].rpartition("/")[2] for one in report["problems"]] == ["da"]


def test_a_report_by_page_has_what_stands_nowhere(tmp_path: Path) -> None:
    made = Site().page("/", links=["/a"]).page("/a").page("/b")
    made.file("/sitemap.xml", "<urlset><url><loc>{self}/b</loc></url></urlset>", "application/xml")
    made.file("/robots.txt", "Sitemap: {self}/sitemap.xml\n")
    with serve(made) as server:
        folder = mirrored(server, tmp_path / "x")
        del made["/sitemap.xml"]
        mirrored(server, folder)
    done = websucker("links", folder, "--show", "orphan", "--by", "page")
    assert "orphan" in done.stdout


@pytest.mark.parametrize("form", ["html", "junit", "csv", "markdown", "json"])
def test_reports_are_in_utf_8_whatever_the_terminal_takes(tmp_path: Path, form: str) -> None:
    made = Site().file("/", "<!DOCTYPE html>\n<meta charset=utf-8>\n<a href='/é☃'>x</a>", HTML)
    with serve(made) as server:
        folder = mirrored(server, tmp_path / "x")
    command = [sys.executable, "-m", "mirror", "links", str(folder), "--format", form]
    environment = os.environ | {"PYTHONIOENCODING": "latin-1"}
    done = subprocess.run(command, capture_output=True, cwd=ROOT, env=environment, check=False)
    assert ("é☃" in done.stdout.decode()) or form == "json"


def test_what_stands_in_data_is_searched_for_in_short_texts_only() -> None:
    url = "https://example.org/x.png"
    script = f'<script type="application/ld+json">{{"image": "{url}"}}</script>'
    for filling, start in (("", 46), (" " * (1 << 20), -1)):
        response = Response(
            canonical("https://example.org/"), 200, [("Content-Type", HTML)], (script + filling).encode()
        )
        found = places.read(response)
        assert found
        assert [link.start for link in found[1] if link.url == url] == [start]


@pytest.mark.parametrize(
    ("markup", "is_mixed"),
    [
        ("<img src='{}'>", True),
        ("<script src='{}'></script>", True),
        ("<p style='background: url({})'>", True),
        ("<style>p {{ background: url({}) }}</style>", True),
        ("<link rel=stylesheet href='{}'>", True),
        ("<meta property=og:image content='{}'>", False),
        ("<meta name=twitter:image content='{}'>", False),
        ("<a href='{}'>x</a>", False),
        ('<script type="application/ld+json">{{"image": "{}"}}</script>', False),
        ("<!-- <meta http-equiv=Content-Security-Policy content=upgrade-insecure-requests> --><img src='{}'>", True),
    ],
)
@pytest.mark.parametrize("url", ["http://example.com/x.png", "http://localhost:1/x.png", "http://127.0.0.1/x.png"])
def test_mixed_content_is_what_browsers_load(tmp_path: Path, markup: str, url: str, is_mixed: bool) -> None:
    site = Site().file("/", f"<!DOCTYPE html>\n{markup.format(url)}", HTML)
    in_memory({"https://example.org": site}, tmp_path / "x")
    report = json.loads(websucker("links", tmp_path / "x", "--json").stdout)
    assert report["counts"]["mixed"] == (is_mixed and "example.com" in url)


def test_a_picture_that_is_also_a_link_is_mixed_once(tmp_path: Path) -> None:
    body = "<!DOCTYPE html>\n<a href='http://example.com/x.png'>\n<img src='http://example.com/x.png'></a>"
    in_memory({"https://example.org": Site().file("/", body, HTML)}, tmp_path / "x")
    report = json.loads(websucker("links", tmp_path / "x", "--json").stdout)
    assert [place["line"] for one in report["problems"] if one["kind"] == "mixed" for place in one["places"]] == [3]


def test_a_redirect_is_told_as_far_as_it_is_permanent(tmp_path: Path) -> None:
    made = Site().page("/", links=["/p1"]).page("/end", '<p id="z">')
    made["/p1"] = Page(301, {"Location": "/t2#here"})
    made["/t2"] = Page(302, {"Location": "/end#z"})
    with serve(made) as server:
        folder = mirrored(server, tmp_path / "x")
        report = json.loads(websucker("links", folder, "--json").stdout)
    [found] = report["problems"]
    assert (found["kind"], found["instead"]) == ("redirect", f"{server.url}/t2#here")


def test_the_files_of_sarif_are_those_of_the_site(tmp_path: Path) -> None:
    made = Site().page("/", links=["/a", "/d/", "/gone"]).page("/a", links=["/gone"]).page("/d/", links=["/gone"])
    with serve(made) as server:
        folder = mirrored(server, tmp_path / "x")
    report = json.loads(websucker("links", folder, "--format", "sarif").stdout)
    places = [
        one["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for one in report["runs"][0]["results"]
    ]
    assert places == ["index.html", "a", "d/index.html"]


def test_a_full_disk_for_the_temporary_database_is_one_line(
    archive: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(findings, "_SCHEMA", f"{findings._SCHEMA}; PRAGMA max_page_count = 12")  # noqa: SLF001
    with pytest.raises(StorageError, match="TMPDIR names another"), findings.Collection() as found:
        found.add_problems([("broken", "x" * 1000, "", None, None, 1, 1, 1, "x")] * 1000)
