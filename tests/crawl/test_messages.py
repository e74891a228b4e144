"""What a run tells when something is refused, fails or is skipped: what happened, and what the user can do."""

import re
import time
from pathlib import Path
from typing import Final

import pytest

from tests.crawl.running import mirror, rows, scrapy, tree, websucker
from tests.mirroring import folder
from tests.replay.serving import served
from tests.site import HTML, PNG, Handler, Page, Site, serve
from tests.warm import Done

LOGIN: Final = "<form><input type=password></form>"
IMPATIENT: Final = {"MIRROR_RETRY_AFTER_MAX": "0.1", "MIRROR_MOST_REFUSALS": "2"}


def robots(*lines: str) -> Site:
    """A site with a page, a picture and a style, and these rules."""
    head = '<link rel=stylesheet href="/s/a.css"><link rel=stylesheet href="/s/b.css?2"><img src="/s/x.png">'
    site = Site().page("/", head, links=["/a", "/b"]).page("/a").page("/b").file("/s/x.png", PNG, "image/png")
    site.file("/s/a.css", "p {}", "text/css").file("/s/b.css?2", "p {}", "text/css")
    return site.file("/robots.txt", "\n".join(["User-agent: *", *lines]), "text/plain")


def lines(done: Done) -> list[str]:
    return done.stderr.splitlines()


def outcomes(out: Path) -> list[str]:
    return [str(outcome) for (outcome,) in rows(out, "SELECT outcome FROM snapshots ORDER BY id")]


# refusals


@pytest.mark.parametrize(
    ("site", "code", "told"),
    [
        pytest.param(
            robots("Disallow: /"),
            3,
            ["robots.txt forbids 1 start URL: {}/, by Disallow: / (line 2); `-s ROBOTSTXT_OBEY=0` fetches it"],
            id="whole",
        ),
        pytest.param(
            robots("Disallow: /s/"),
            1,
            [
                (
                    "robots.txt forbids 2 style sheets that pages need, so pages are without style, such as "
                    "{0}/s/a.css (on {0}/), "
                    "by Disallow: /s/ (line 2); `-s ROBOTSTXT_OBEY=0` fetches them"
                ),
                (
                    "robots.txt forbids 1 file that pages need, such as {0}/s/x.png (on {0}/), by Disallow: /s/ (line 2); "
                    "`-s ROBOTSTXT_OBEY=0` fetches it"
                ),
            ],
            id="styles",
        ),
        pytest.param(
            robots("Disallow: /a", "Disallow: /b"),
            1,
            [
                (
                    "robots.txt forbids all other pages: 2 links, such as {0}/a (on {0}/), by Disallow: /a (line 2); "
                    "`-s ROBOTSTXT_OBEY=0` fetches them"
                )
            ],
            id="all pages but the start",
        ),
        pytest.param(robots("Disallow: /a"), 0, [], id="one page of several"),
    ],
)
def test_what_robots_txt_forbids_is_told_with_its_line_and_its_cost(
    tmp_path: Path, site: Site, code: int, told: list[str]
) -> None:
    with serve(site) as server:
        done = mirror(f"{server.url}/", tmp_path)
        disobedient = mirror(f"{server.url}/", tmp_path / "all", settings={"ROBOTSTXT_OBEY": "0"})
    assert [line for line in lines(done) if "`" in line] == [line.format(server.url) for line in told]
    assert (done.code, disobedient.code) == (code, 0)
    assert disobedient.stderr.startswith("Mirrored 3 pages, 3 requisites; ")


def test_a_start_that_robots_txt_forbids_is_told_although_another_is_fetched(tmp_path: Path) -> None:
    with serve(robots("Disallow: /a")) as server:
        done = mirror(f"{server.url}/b,{server.url}/a", tmp_path)
    assert f"robots.txt forbids 1 start URL: {server.url}/a, by Disallow: /a (line 2); " in done.stderr
    assert done.code == 1


@pytest.mark.parametrize(
    ("headers", "when"),
    [
        ({"Retry-After": "3600"}, r"after \d{4}-\d\d-\d\d \d\d:\d\d UTC"),
        ({}, "later"),
    ],
)
def test_a_site_whose_robots_txt_fails_is_closed_for_now(tmp_path: Path, headers: dict[str, str], when: str) -> None:
    site = robots()
    site["/robots.txt"] = Page(503, headers)
    before = time.time()
    with serve(site) as server:
        done = mirror(f"{server.url}/", tmp_path, settings=IMPATIENT)
    told = (
        rf"{re.escape(server.url)} is closed for now, because its robots.txt can't be had \(503 Service Unavailable\): "
        rf"run the same command again ({when}); `-s ROBOTSTXT_OBEY=0` does not wait for it"
    )
    [match] = [match for line in lines(done) if (match := re.fullmatch(told, line))]
    if headers:
        opens = time.mktime(time.strptime(match[1], "after %Y-%m-%d %H:%M UTC")) - time.timezone
        assert before + 3600 <= opens <= time.time() + 3660
    assert (done.code, outcomes(tmp_path)) == (3, ["failed"])


def test_a_robots_txt_that_comes_at_last_closes_nothing(tmp_path: Path) -> None:
    site = robots()
    site["/robots.txt"] = lambda request: request.reply(
        Page(503 if request.server.paths.count("/robots.txt") == 1 else 404)
    )
    with serve(site) as server:
        done = mirror(f"{server.url}/", tmp_path)
    assert "closed for now" not in done.stderr
    assert done.code == 0


def test_redirects_in_a_circle_name_cookies(tmp_path: Path) -> None:
    site = Site().page("/", links=["/a"]).redirect("/a", "/b").redirect("/b", "/a")
    with serve(site) as server:
        done = mirror(f"{server.url}/", tmp_path)
    assert "Failed: 2 URLs (redirects in a circle)" in lines(done)
    [hint] = [line for line in lines(done) if "`--cookies FILE`" in line]
    assert hint.startswith("Redirects in a circle ")


def forbidding(path: str, status: int = 403) -> Site:
    site = Site()
    site[path] = Page(status, {"Content-Type": HTML})
    return site


@pytest.mark.parametrize(
    "site",
    [
        pytest.param(robots("Disallow: /"), id="robots.txt"),
        pytest.param(forbidding("/"), id="403"),
        pytest.param(forbidding("/", 401), id="401"),
        pytest.param(forbidding("/", 999), id="999"),
        pytest.param(Site().redirect("/", "/"), id="circle"),
        pytest.param(robots("Disallow: /x").redirect("/", "/x"), id="redirect to what robots.txt forbids"),
    ],
)
def test_a_run_of_nothing_but_refusals_is_no_success(tmp_path: Path, site: Site) -> None:
    with serve(site) as server:
        done = mirror(f"{server.url}/", tmp_path)
    assert (done.code, outcomes(tmp_path)) == (3, ["failed"])
    assert lines(done)[0] == "Nothing could be fetched"
    assert any(re.search("`--|`-s", line) for line in lines(done)), done.stderr


# runs without an answer


def test_a_run_that_fetches_nothing_replaces_no_snapshot(tmp_path: Path) -> None:
    with serve(robots()) as server:
        assert mirror(f"{server.url}/", tmp_path).code == 0
    before = tree(tmp_path)
    for number in (2, 3):
        dead = mirror(f"{server.url}/", tmp_path)
        assert dead.code == 3
        assert lines(dead)[0].startswith(
            "Nothing could be fetched; the copy of an earlier run stays: 3 pages, 3 requisites; "
        )
        assert outcomes(tmp_path) == ["complete", *["failed"] * (number - 1)]
    assert "host given up after connection refused 3 times in a row: " in dead.stderr
    assert "A server can't be reached: " in dead.stderr
    assert tree(tmp_path) == before
    assert scrapy("checkout", str(tmp_path), "latest", str(tmp_path / "copy")).stderr.startswith("Snapshot 1 of ")


def test_a_site_that_forbids_everything_changes_nothing_in_the_copy(tmp_path: Path) -> None:
    site = robots()
    with serve(site) as server:
        mirror(f"{server.url}/", tmp_path)
        before = tree(tmp_path)
        site.file("/robots.txt", "User-agent: *\nDisallow: /", "text/plain")
        forbidden = mirror(f"{server.url}/", tmp_path)
        standings = rows(tmp_path, "SELECT DISTINCT standing FROM resources WHERE path NOT NULL AND until IS NULL")
        site.file("/robots.txt", "", "text/plain")
        allowed = mirror(f"{server.url}/", tmp_path)
    assert (forbidden.code, allowed.code) == (3, 0)
    assert standings == [("present",)]
    assert outcomes(tmp_path) == ["complete", "failed", "complete"]
    there = folder(server.url)
    assert {path for path in before if "robots" not in path} == {
        path for path in tree(tmp_path) if "robots" not in path
    }
    assert (tmp_path / there / "a~.html").exists()


def test_a_site_that_is_gone_is_held_and_no_dead_server_decides_about_it(tmp_path: Path) -> None:
    site = Site().page("/", links=["/a"]).page("/a")
    with serve(site) as server:
        codes = [mirror(f"{server.url}/", tmp_path).code]
        before = tree(tmp_path)
        site.clear()
        codes.append(mirror(f"{server.url}/", tmp_path).code)
        site.update({path: lambda request: request.reply(Page(500)) for path in ("/", "/robots.txt")})
        codes.append(mirror(f"{server.url}/", tmp_path).code)
        assert tree(tmp_path) == before
        site.clear()
        codes.append(mirror(f"{server.url}/", tmp_path, "max_loss=1").code)
    assert codes == [0, 5, 3, 3]
    assert outcomes(tmp_path) == ["complete", "held", "failed", "complete"]
    assert not (tmp_path / folder(server.url) / "index.html").exists()


# logins


@pytest.mark.parametrize(
    ("site", "start", "code"),
    [
        pytest.param(Site().redirect("/m/", "/login?next=/m/").page("/login?next=/m/", LOGIN), "/m/", 1, id="redirect"),
        pytest.param(Site().page("/m/", f"<h1>Please log in</h1>{LOGIN}"), "/m/", 1, id="form"),
        pytest.param(
            Site().page("/", links=["/m/"]).redirect("/m/", "/login").page("/login", LOGIN), "/", 0, id="a linked page"
        ),
    ],
)
def test_a_login_page_names_the_option_for_cookies(tmp_path: Path, site: Site, start: str, code: int) -> None:
    with serve(site) as server:
        done = mirror(server.url + start, tmp_path)
    assert f"1 URL ends on a login page, such as {server.url}/m/: `--cookies FILE` sends " in done.stderr
    assert done.code == code


@pytest.mark.parametrize(
    ("site", "start"),
    [
        pytest.param(Site().page("/login", f"<h1>Log in</h1>{LOGIN}"), "/login", id="asked for"),
        pytest.param(Site().page("/", f"<h1>News</h1>{LOGIN}"), "/", id="a page with a login box"),
        pytest.param(
            Site().redirect("/m/", "/sso").redirect("/sso", "/in/").page("/in/", "members"), "/m/", id="sent on"
        ),
    ],
)
def test_other_pages_with_logins_are_pages(tmp_path: Path, site: Site, start: str) -> None:
    with serve(site) as server:
        done = mirror(server.url + start, tmp_path)
    assert "login page" not in done.stderr
    assert done.code == 0


# what is counted, and how


def cut(handler: Handler) -> None:
    handler.close_connection = True
    handler.send_response(200)
    handler.send_header("Content-Type", "image/png")
    handler.send_header("Content-Length", "100")
    handler.end_headers()
    handler.wfile.write(b"x" * 10)


def test_a_file_that_was_cut_short_is_not_listed_as_saved(tmp_path: Path) -> None:
    site = Site().page("/", '<img src="/cut.png"><img src="/whole.png">').file("/whole.png", PNG, "image/png")
    site["/cut.png"] = cut
    with serve(site) as server:
        done = mirror(f"{server.url}/", tmp_path, settings={"MIRROR_PROGRESS": "lines"})
    listed = [line.partition(" -> ") for line in done.stdout.splitlines()]
    assert {url for url, _, _ in listed} == {f"{server.url}/", f"{server.url}/whole.png"}
    assert all(Path(path).is_file() for _, _, path in listed)
    assert f"  cut short by the server: {server.url}/cut.png (on {server.url}/)" in lines(done)


def counted(what: str, pattern: str, text: str) -> int:
    match = re.search(pattern, text)
    assert match, f"{what}: {text}"
    return int(match[1])


@pytest.mark.parametrize(
    ("body", "robots_type"),
    [("", "text/plain"), ('<iframe src="/frame"></iframe>', "text/plain"), ('<img src="/frame">', "text/html")],
)
def test_the_summary_snapshots_and_replay_count_the_same_pages(tmp_path: Path, body: str, robots_type: str) -> None:
    """A page is HTML to which starts and links lead. A frame is none, nor is a robots.txt that is HTML."""
    site = Site().page("/", body, links=["/a"]).page("/a").page("/frame")
    site.file("/robots.txt", "<!DOCTYPE html>no rules", robots_type)
    with serve(site) as server:
        done = mirror(f"{server.url}/", tmp_path)
    with served(tmp_path) as replay:
        listed = replay.send(f"localhost:{replay.port}", "/").text
    numbers = {
        counted("summary", r"Mirrored (\d+) pages", done.stderr),
        counted("snapshots", r"complete +(\d+)", websucker("snapshots", tmp_path).stdout),
        counted("replay", r"</a><td class=n>(\d+)", listed),
    }
    assert numbers == {2}


def test_a_failure_in_a_list_has_a_word(tmp_path: Path) -> None:
    site = forbidding("/a", 999).page("/", links=["/a", "/b"])
    with serve(site) as server:
        done = mirror(f"{server.url}/", tmp_path)
    assert "Failed: 2 URLs (404 Not Found: 1; 999 Request Denied: 1)" in lines(done)


def test_what_no_snapshot_needs_is_harmless_and_prune_frees_it(tmp_path: Path) -> None:
    with serve(Site().page("/", links=["/dead"])) as server:
        mirror(f"{server.url}/", tmp_path)
    told = re.search(
        r"No snapshot needs 1 file of (.+) in \.mirror, which is harmless: `prune` frees the space\n",
        websucker("verify", tmp_path).stderr,
    )
    assert told
    assert websucker("prune", tmp_path).stderr == f"Removed 0 snapshots and 1 object of {told[1]}\n"
    assert "No snapshot needs" not in websucker("verify", tmp_path).stderr


def test_why_tells_what_was_there_and_what_was_guessed(tmp_path: Path) -> None:
    site = Site().page("/", '<script src="/a.js"></script>', links=["/once", "/never"]).page("/once")
    site.file("/a.js", 'fetch("/guessed.json")', "text/javascript")
    with serve(site) as server:
        mirror(f"{server.url}/", tmp_path)
        del site["/once"]
        mirror(f"{server.url}/", tmp_path)
        told = {
            path: scrapy("why", str(tmp_path), server.url + path).stdout
            for path in ("/once", "/never", "/guessed.json", "/robots.txt")
        }
    assert ": gone (404 Not Found)" in told["/once"]
    assert ": not on the server (404 Not Found)" in told["/never"]
    assert "requested as a page, 1 link from a start, found on " in told["/never"]
    assert ", guessed from a string that looks like a URL, 0 links from a start" in told["/guessed.json"]
    assert "requested as the rules of its host" in told["/robots.txt"]


def test_a_long_wait_is_told_once_where_nothing_else_shows_it(tmp_path: Path) -> None:
    site, asked = Site().page("/", links=["/a"]), []

    def busy(request: Handler) -> None:
        asked.append(request.path)
        headers = {"Retry-After": "4"}
        request.reply(Page(503, headers) if len(asked) == 1 else Page(200, {"Content-Type": "text/plain"}, b"a"))

    site["/a"] = busy
    with serve(site) as server:
        done = mirror(f"{server.url}/", tmp_path)
    [told] = [line for line in done.stderr.splitlines() if line.startswith("Waiting")]
    assert re.fullmatch(rf"Waiting for {server.url[7:]}: [34] s \(503 Service Unavailable, Retry-After\)", told)


def test_why_needs_no_scheme_and_an_alias_has_a_copy(tmp_path: Path) -> None:
    site = Site().page("/", links=["/t/", "/t/index.html"])
    for path in ("/t/", "/t/index.html"):
        site.file(path, "<p>t", "text/html")
    with serve(site) as server:
        mirror(f"{server.url}/", tmp_path)
        done = websucker("why", tmp_path, f"{server.url[7:]}/t/index.html")
    assert done.code == 0
    assert f"; left out, the same page as its folder: {server.url}/t/" in done.stdout
    assert ": in the tree as that URL" in done.stdout
