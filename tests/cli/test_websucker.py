"""The `websucker` command: it works in any folder, and reports every mistake in one line."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import mirror
from mirror.cli.option_table import OPTIONS
from mirror.program.command_line import crawl_parser
from mirror.program.websucker import parse
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
    program = "import sys; from mirror.program.websucker import main; main(sys.argv[1:])"
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
    assert done.stderr.startswith(
        "websucker: DIR is missing: websucker publish [options] DIR; see websucker publish --help"
    )


def test_help_shows_every_option_and_exit_code() -> None:
    text = " ".join(crawl_parser().format_help().split())
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
        parse(["--version"])
    assert capsys.readouterr().out == f"websucker {mirror.__version__}\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "URL is missing: websucker"),
        (["--colour", "red", START], "unknown option --colour"),
        (["--log=guido:spam", START], "unknown option --log: did you mean --login?"),
        (["--max", "5", START], "unknown option --max: did you mean --max_file?"),
        ([START, "--depth"], "argument --depth: expected one argument"),
        ([START, "-s"], "argument -s/--set: expected one argument"),
    ],
)
def test_a_mistake_is_reported_in_one_line(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        parse(words)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"websucker: {message}")
    assert captured.err.endswith("; see websucker --help\n")
    assert captured.err.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "given"),
    [
        (["http://a/", "http://b/"], {"start": "http://a/ http://b/"}),
        (["http://a/", "--out", "x"], {"start": "http://a/", "out": "x"}),
        ([START, "--exclude", "a b"], {"start": START, "exclude": "a b"}),
        (
            ["--header", "A: b", "--login", "guido:spam", START, "--header", "C: d"],
            {"start": START, "header": "A: b\nC: d", "login": "guido:spam"},
        ),
    ],
)
def test_the_options_that_were_given(words: list[str], given: dict[str, str]) -> None:
    assert parse(words)[1].words == given


def test_settings_and_the_log_level() -> None:
    name, given = parse(["@starts", "-L", "DEBUG", "-s", "A=1", "--set", "B=2"])
    assert (name, given.loglevel, given.set) == ("crawl", "DEBUG", ["A=1", "B=2"])
