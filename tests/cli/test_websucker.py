"""The `websucker` command: it works in any folder, and reports every mistake in one line."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import mirror
from mirror.cli.option_table import OPTIONS
from mirror.cli.websucker import parser, scrapy_words
from tests.crawl.running import ROOT, run
from tests.site import Server, Site, serve
from tests.warm import Done

START = "http://127.0.0.1:9/"


@pytest.fixture
def server() -> Iterator[Server]:
    with serve(Site().page("/", links=["/a"]).page("/a", links=["/b"]).page("/b")) as running:
        yield running


def websucker(folder: Path, monkeypatch: pytest.MonkeyPatch, *words: str) -> Done:
    """Run the command in a folder outside of the project."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    program = "import sys; from mirror.cli.websucker import main; main(sys.argv[1:])"
    return run(sys.executable, "-W", "error", "-c", program, *words, cwd=folder)


def test_a_site_is_mirrored_into_the_current_folder(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = websucker(tmp_path, monkeypatch, f"{server.url}/b", f"{server.url}/", "--depth", "0")
    assert done.code == 0
    assert sorted(path for path in server.paths if path != "/robots.txt") == ["/", "/b"]
    here = Path("archive", server.url.removeprefix("http://").replace(":", "_"))
    assert sorted(done.stdout.splitlines()) == [
        f"{server.url}/ -> {here}/index.html",
        f"{server.url}/b -> {here}/b~.html",
    ]
    assert done.stderr.startswith("Mirrored 2 pages, 0 requisites; ")
    assert done.stderr.splitlines()[-1] == "Open archive/index.html"
    assert (tmp_path / here / "index.html").is_file()


def test_a_setting_reaches_scrapy_and_publish_makes_the_tree_again(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quiet = websucker(tmp_path, monkeypatch, server.url, "--out", "x y", "-s", "MIRROR_PROGRESS=off", "-L", "ERROR")
    assert quiet.code == 0
    assert quiet.stdout == ""
    (tmp_path / "x y" / "index.html").unlink()
    published = websucker(tmp_path, monkeypatch, "publish", "x y")
    assert published.code == 0
    assert published.stderr.startswith("Published 3 files; open x y/")
    assert (tmp_path / "x y" / "index.html").is_file()


def test_publish_without_a_folder_is_refused_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = websucker(tmp_path, monkeypatch, "publish")
    assert (done.code, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.startswith("websucker: usage: publish <DIR>")


def test_help_shows_every_option_and_exit_code() -> None:
    text = " ".join(parser().format_help().split())
    for name, option in OPTIONS.items():
        assert name == "start" or f"--{name} {option.value} " in text
        assert option.description.replace("`", "") in text
        default = (option.default or option.default_note).replace("`", "")
        assert not default or f"(default: {default})" in text
        assert f"{option.group}: " in text
    for meaning in ("0 success", "1 some", "2 wrong usage", "3 nothing", "4 the archive", "130 interrupted"):
        assert meaning in text


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        scrapy_words(["--version"])
    assert capsys.readouterr().out == f"websucker {mirror.__version__}\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "the following arguments are required: URL"),
        (["--colour", "red", START], "unrecognized arguments: --colour"),
        (["--log=guido:spam", START], "unrecognized arguments: --log=...;"),
        (["--max", "5", START], "unrecognized arguments: --max"),
        ([START, "--depth"], "argument --depth: expected one argument"),
        ([START, "-s"], "argument -s/--set: expected one argument"),
    ],
)
def test_a_mistake_is_reported_in_one_line(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        scrapy_words(words)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"websucker: {message}")
    assert captured.err.endswith("; see websucker --help\n")
    assert captured.err.count("\n") == 1


@pytest.mark.parametrize(
    ("ours", "scrapys"),
    [
        ([START, "--limit", "3"], ["crawl", "mirror", "-a", f"start={START}", "-a", "limit=3"]),
        (["@starts", "-L", "DEBUG"], ["crawl", "mirror", "-a", "start=@starts", "--loglevel", "DEBUG"]),
        ([START, "--exclude", "a b"], ["crawl", "mirror", "-a", f"start={START}", "-a", "exclude=a b"]),
        (
            [START, "--header", "A: b", "--login", "guido:spam", "--header", "C: d"],
            ["crawl", "mirror", "-a", f"start={START}", "-a", "header=A: b\nC: d", "-a", "login=guido:spam"],
        ),
        (["publish", "x", "-L", "DEBUG"], ["publish", "x", "-L", "DEBUG"]),
    ],
)
def test_arguments_are_translated_to_those_of_scrapy(ours: list[str], scrapys: list[str]) -> None:
    assert scrapy_words(ours) == scrapys
