"""Secrets appear in no log, no summary, no setting and no archive."""

import sys
from pathlib import Path

import pytest

from tests.crawl.running import mirror, run, websucker
from tests.site import Page, Site, serve
from tests.warm import Done

SECRET = "Sp4mSp4mSp4m"
LOUD = {"LOG_LEVEL": "DEBUG", "MIRROR_PROGRESS": "lines"}


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    """Every option that takes a secret, with one."""
    (tmp_path / "netrc").write_text(f"machine 127.0.0.1 login guido password {SECRET}netrc\n")
    (tmp_path / "cookies.txt").write_text(f"127.0.0.1\tFALSE\t/\tFALSE\t0\tid\t{SECRET}cookie\n")
    return [
        f"login=guido:{SECRET}login",
        f"header=Authorization: Bearer {SECRET}header\nX-Word: {SECRET}word\nCookie: id={SECRET}",
        f"netrc={tmp_path}/netrc",
        f"cookies={tmp_path}/cookies.txt",
    ]


def no_secret(done: Done, out: Path) -> None:
    """Assert that no secret was printed or stored. All secrets begin alike."""
    assert SECRET not in done.stdout
    assert SECRET not in done.stderr
    for path in out.rglob("*"):
        assert not path.is_file() or SECRET.encode() not in path.read_bytes(), path


def test_the_most_verbose_log_has_no_secret(tmp_path: Path, words: list[str]) -> None:
    site = Site().page("/", links=["/a", "{other}/b"]).page("/a").redirect("/b", "/")
    stronger = LOUD | {"CONCURRENT_REQUESTS": "3"}
    with serve(site) as server:
        start = server.url.replace("http://", f"http://guido:{SECRET}start@")
        done = mirror(f"{start}/ {server.url}/a", tmp_path / "out", *words, "delay=0", settings=LOUD)
        again = mirror(f"{start}/ {server.url}/a", tmp_path / "out", *words, "connections=2", settings=stronger)
    for one in (done, again):
        assert "Overridden settings" in one.stderr
        assert "Dumping Scrapy stats" in one.stderr
        assert one.code == 0
        no_secret(one, tmp_path / "out")
    assert "'CONCURRENT_REQUESTS_PER_DOMAIN': 2" in again.stderr
    assert "'CONCURRENT_REQUESTS': '3'" in again.stderr
    assert "CONCURRENT_REQUESTS_PER_DOMAIN" not in done.stderr
    assert {"/", "/a"} <= set(server.paths)


def test_a_proxy_that_nobody_answers_at_does_not_show_its_password(tmp_path: Path, words: list[str]) -> None:
    proxy = f"proxy=http://guido:{SECRET}proxy@127.0.0.1:9"
    done = mirror("http://127.0.0.1:9/", tmp_path / "out", *words, proxy, settings=LOUD)
    assert done.code == 3
    no_secret(done, tmp_path / "out")


@pytest.mark.parametrize(
    "word",
    [
        f"login={SECRET}",
        f"header={SECRET}",
        f"header=Host: {SECRET}",
        f"proxy=http://guido:{SECRET}@nowhere",
        f"start=http://guido:{SECRET}@/",
        f"start=http://guido:a#{SECRET}@127.0.0.1:9/",
        f"start=http://guido:{SECRET}",
        f"start=http://guido:{SECRET}@127.0.0.1:9/ http://guido:other@127.0.0.1:9/",
        f"lgoin=guido:{SECRET}",
        "depth=two",
    ],
)
def test_a_refusal_shows_no_secret(tmp_path: Path, words: list[str], word: str) -> None:
    done = mirror("http://127.0.0.1:9/", tmp_path / "out", *words, word, settings=LOUD)
    assert done.code == 2
    assert len([line for line in done.stderr.splitlines() if line.startswith("websucker: ")]) == 1
    no_secret(done, tmp_path / "out")


@pytest.mark.parametrize(
    "words",
    [
        ["--lgoin", f"guido:{SECRET}", "http://127.0.0.1:9/"],
        [f"--lgoin=guido:{SECRET}", "http://127.0.0.1:9/"],
        [f"--password={SECRET}", "http://127.0.0.1:9/"],
        [f"-Zguido:{SECRET}", "http://127.0.0.1:9/"],
        ["-u", SECRET, "http://127.0.0.1:9/"],
        ["-H", SECRET, "http://127.0.0.1:9/"],
        ["-b", f"sid={SECRET}", "http://127.0.0.1:9/"],
        ["--also", f"guido:{SECRET}@h", "http://127.0.0.1:9/"],
        ["--attributes", f"guido:{SECRET}@h", "http://127.0.0.1:9/"],
        ["--depth", f"guido:{SECRET}@h", "http://127.0.0.1:9/"],
        ["-H", f"http://guido:{SECRET}@h/"],
        [f"@http://guido:{SECRET}@h/"],
        ["-i", f"http://guido:{SECRET}@h/list"],
        [f"--insecure={SECRET}", "http://127.0.0.1:9/"],
        [f"guido:{SECRET}@example.org"],
        [f"guido:{SECRET}"],
        [f"http://guido:{SECRET}"],
        ["diff", "1", "2", "3", f"http://guido:{SECRET}@example.org/"],
        ["diff", "1", "2", "3", f"login=guido:{SECRET}"],
        ["diff", "1", f"--login=guido:{SECRET}"],
    ],
)
def test_a_command_line_that_is_refused_shows_no_secret(tmp_path: Path, words: list[str]) -> None:
    done = websucker(*words)
    assert (done.code, done.stderr.count("\n")) == (2, 1)
    no_secret(done, tmp_path / "out")


def test_a_cookie_that_comes_back_is_not_kept(tmp_path: Path) -> None:
    """As servers do that extend a session with each answer."""
    answers = {"Set-Cookie": f"session={SECRET}; Path=/", "ETag": '"a"'}
    with serve(Site().page("/", headers=answers)) as server:
        assert mirror(server.url, tmp_path / "out").code == 0
        server.site["/"] = Page(304, answers)
        done = mirror(server.url, tmp_path / "out")
        assert done.code == 0
    no_secret(done, tmp_path / "out")


def test_the_manifest_and_the_commands_know_a_start_without_its_login(tmp_path: Path) -> None:
    with serve(Site().page("/")) as server:
        start = server.url.replace("http://", f"http://guido:{SECRET}@")
        assert mirror(start, tmp_path / "out").code == 0
    for command in (["snapshots", "--json"], ["verify"]):
        done = run(sys.executable, "-W", "error", "-m", "scrapy", command[0], str(tmp_path / "out"), *command[1:])
        no_secret(done, tmp_path / "out")
        assert done.code == 0
