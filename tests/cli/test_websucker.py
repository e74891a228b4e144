"""The `websucker` command: it works in any folder, and reports every mistake in one line."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import mirror
from mirror import scrapy_commands
from mirror.cli.option_table import OPTIONS, flag
from mirror.program.command_line import help_text
from mirror.program.command_table import COMMANDS, CRAWL, function
from mirror.program.websucker import parse
from tests.crawl import running
from tests.crawl.running import ROOT, run
from tests.site import Server, Site, serve
from tests.warm import Done

START = "http://127.0.0.1:9/"


MINI = {"start": "a.b"}
OF_CURL = {**MINI, "out": "x", "depth": "2", "login": "g:s", "header": "A: b"}


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


def test_help_in_two_lengths() -> None:
    short, full = (" ".join(help_text(full=full).split()) for full in (False, True))
    for name, option in OPTIONS.items():
        spelled = option.value if name == "start" else f"{flag(name)}{'' if option.is_switch else f' {option.value}'}"
        for text, listed in ((short, option.usual), (full, True)):
            assert (f" {spelled} " in text or f"{spelled}, --no-" in text) == listed, name
            assert (option.help in text) == listed
    assert sum(option.usual for option in OPTIONS.values()) == 16
    for text in (short, full):
        for name, command in COMMANDS.items():
            assert f" {name} {command.summary} " in text
        for meaning in ("0 success", "1 some", "2 wrong usage", "3 nothing", "4 the archive", "130 interrupted"):
            assert meaning in text


def test_each_command_has_one_line_in_the_help(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    lines = help_text(full=False).partition("\nCommands:\n")[2].partition("\n\n")[0].splitlines()
    assert [line.split()[0] for line in lines] == list(COMMANDS)


@pytest.mark.parametrize(
    ("words", "begins"),
    [
        (["--help"], "usage: websucker [options] URL..."),
        (["-h", "all"], "usage: websucker [options] URL..."),
        (["help"], "usage: websucker [options] URL..."),
        (["help", "diff"], "usage: websucker diff [options] DIR [A [B]]"),
        (["diff", "--help"], "usage: websucker diff [options] DIR [A [B]]"),
        (["--help", "diff"], "usage: websucker diff [options] DIR [A [B]]"),
        (["archive", "--help"], "usage: websucker [options] URL..."),
    ],
)
def test_ways_to_get_help(words: list[str], begins: str) -> None:
    done = running.websucker(*words)
    assert (done.code, done.stdout.splitlines()[0], done.stderr) == (0, begins, "")
    assert ("--settle" in done.stdout) == ("all" in words)


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        parse(["--version"])
    assert capsys.readouterr().out == f"websucker {mirror.__version__}\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--max-files", "5", START], "unknown option --max-files: did you mean --max-file?"),
        (
            ["-r", "-np", "-p", "-E", "-r", "--zzz", START],
            "unknown options -r, -p, -E: Websucker always does that; leave it out; -np: use --scope prefix; --zzz",
        ),
        (["-nc", START], "unknown option -nc: use --refresh 1000d"),
        (["-nd", START], "unknown option -nd: the path of a file follows from its URL; see docs/file-names.md"),
        (["--no-robots", START], "unknown option --no-robots: use -s ROBOTSTXT_OBEY=0"),
        (["-A", "*.pdf", START], "-A is the User-Agent, as in curl: for wget's -A '*.pdf' use --include '/$|[.]pdf$'"),
        (["-x", START], f"no URL: --proxy has taken {START} as its value"),
        (["--outt=x", START], "unknown option --outt: did you mean --out?"),
        (["--wait", "5", START], "unknown option --wait: use --delay SECONDS"),
        (["-mk", START], "unknown option -m: Websucker always does that"),
        (["-np", START], "unknown option -np: use --scope prefix"),
        (
            ["-e", "robots=off", START],
            "unknown option -e: instead of `-e robots=off` as in wget use -s ROBOTSTXT_OBEY=0",
        ),
        (["-Zguido:spam", START], "unknown option -Z;"),
        (["--traps=maybe", START], "--no-traps takes no value;"),
        (["snapshot", "archive"], "'snapshot' is neither a command nor a URL: did you mean snapshots?"),
        (["intranet"], "'intranet' is neither a command nor a URL: for a host of this name write http://intranet/"),
        (["-q", "diff", "archive"], "a command comes first: websucker diff ..."),
        ([], "no URL: give one, as in websucker example.org"),
        (["--colour", "red", START], "unknown option --colour"),
        (["--log=guido:spam", START], "unknown option --log: did you mean --login?"),
        (["--max", "5", START], "unknown option --max: did you mean --max-file?"),
        ([START, "--depth"], "--depth needs a value"),
        ([START, "-s"], "--set needs a value"),
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
        (["http://a/", "http://b/"], {"start": "http://a/\nhttp://b/"}),
        (["http://a/", "--depth=2", "http://b/"], {"start": "http://a/\nhttp://b/", "depth": "2"}),
        (["--depth", "2", "--", "--a_b"], {"start": "--a_b", "depth": "2"}),
        (["http://a/", "--out", "x"], {"start": "http://a/", "out": "x"}),
        (["a.b", "-o", "x", "-l2", "-u", "g:s", "-HA: b"], OF_CURL),
        (["a.b", "-P", "x", "-l", "2", "--login=g:s", "--header", "A: b"], OF_CURL),
        (
            ["a.b", "--max_file", "1k", "--user_agent=x_y", "-w1"],
            {**MINI, "max_file": "1k", "user_agent": "x_y", "delay": "1"},
        ),
        (["a.b", "-U", "x"], {**MINI, "user_agent": "x"}),
        (["a.b", "-A", "x"], {**MINI, "user_agent": "x"}),
        (["--insecure", "a.b", "--no-traps"], {**MINI, "insecure": "1", "traps": "0"}),
        (["--insecure", "1", "--traps=0", "--no_trust", "a.b"], {**MINI, "insecure": "1", "traps": "0", "trust": "0"}),
        (["a.b", "--no-proxy", "--no-netrc"], {**MINI, "proxy": "none", "netrc": "none"}),
        (["--traps", "0", "--traps", "a.b"], {**MINI, "traps": "1"}),
        (["-i", "list", "-i", "-", "a.b"], {"start": "a.b\n@list\n@/dev/stdin"}),
        ([START, "--exclude", "a b"], {"start": START, "exclude": "a b"}),
        (
            ["--header", "A: b", "--login", "guido:spam", START, "--header", "C: d"],
            {"start": START, "header": "A: b\nC: d", "login": "guido:spam"},
        ),
    ],
)
def test_the_options_that_were_given(words: list[str], given: dict[str, str]) -> None:
    assert parse(words)[1].words == given


@pytest.mark.parametrize(
    ("words", "settings", "level"),
    [
        (["-L", "DEBUG", "-s", "A=1", "--set", "B=2"], ["A=1", "B=2"], "DEBUG"),
        (["-q"], ["MIRROR_PROGRESS=off", "MIRROR_QUIET=1"], None),
        (["-nv", "-s", "MIRROR_PROGRESS=bars"], ["MIRROR_PROGRESS=lines", "MIRROR_PROGRESS=bars"], None),
        (["-v"], [], "INFO"),
        (["-vv"], [], "DEBUG"),
        (["-vvv", "-L", "ERROR"], [], "ERROR"),
    ],
)
def test_settings_and_the_log_level(words: list[str], settings: list[str], level: str | None) -> None:
    name, given = parse([START, *words])
    assert (name, given.loglevel, given.set) == ("crawl", level, settings)


@pytest.mark.parametrize(
    ("words", "given"),
    [
        (["diff", "x", "--json", "1", "2"], {"folder": "x", "before": "1", "now": "2", "json": True}),
        (["diff", "x"], {"before": None, "now": None, "json": False, "html": None}),
        (["prune", "--dry-run", "--keep=last=1", "x"], {"folder": "x", "dry_run": True, "keep": "last=1"}),
        (["verify", "x", "-s", "A=1", "--repair"], {"folder": "x", "set": ["A=1"], "repair": True}),
        (["replay", "--port", "0", "--", "-x"], {"folder": "-x", "port": 0}),
    ],
)
def test_arguments_of_commands(words: list[str], given: dict[str, object]) -> None:
    name, found = parse(words)
    assert name == words[0]
    assert vars(found).items() >= given.items()


def test_every_command_has_a_function_and_almost_every_one_is_also_scrapys() -> None:
    for name in COMMANDS:
        assert callable(function(name))
    files = {path.stem for path in Path(scrapy_commands.__path__[0]).rglob("[a-z]*.py")}
    assert files == {name for name, command in COMMANDS.items() if command.adapted} | {CRAWL}


@pytest.mark.parametrize("words", [["--version"], ["--help"], ["help", "diff"], ["--colour"], ["--max-files", "1"], []])
def test_what_needs_no_archive_loads_almost_nothing(words: list[str]) -> None:
    program = (
        "import sys; n = set(sys.modules); from mirror.__main__ import main\ntry: main()\nexcept SystemExit: pass\n"
    )
    done = run(sys.executable, "-c", f"{program}print('loaded', *(set(sys.modules) - n))", *words)
    loaded = done.stdout.rpartition("loaded ")[2].split()
    ours = {name for name in loaded if name.partition(".")[0] == "mirror"}
    foreign = {name.partition(".")[0] for name in loaded} - sys.stdlib_module_names - {"mirror"}
    assert not foreign
    assert len(ours) < 30
    assert len(loaded) < 120


def test_quiet_prints_nothing_unless_something_is_wrong(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = server.url.removeprefix("http://")
    done = websucker(tmp_path, monkeypatch, "-q", place, "-o", "x")
    assert (done.code, done.stdout, done.stderr) == (0, "", "")
    server.site.page("/", links=["/gone"])
    done = websucker(tmp_path, monkeypatch, "-q", place, "-o", "x")
    assert (done.code, done.stdout) == (1, "")
    assert f"404 Not Found: {server.url}/gone" in done.stderr


def test_a_start_without_a_scheme(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = server.url.removeprefix("http://")
    done = websucker(tmp_path, monkeypatch, f"{place}/b", "-nv")
    assert (done.code, done.stderr.splitlines()[0]) == (0, f"{place}/b means {server.url}/b")
    listed = tmp_path / "list"
    listed.write_text(f"{place}/b\n{server.url}/a # with one\n")
    done = websucker(tmp_path, monkeypatch, "-i", "list", "--depth=0")
    assert (done.code, done.stderr.splitlines()[0]) == (0, f"{place}/b means {server.url}/b")
    assert len(done.stdout.splitlines()) == 2


@pytest.mark.parametrize(
    ("name", "value", "as_option", "as_argument"),
    [
        ("media", "good", "--media good is unknown: use one of all", "media=good is unknown: use one of all"),
        ("max_file", "big", "--max-file big is not a size", "max_file=big is not a size"),
        ("login", "guido", "--login has no password", "login has no password"),
        ("header", "User-Agent: x", "can't be set: use --user-agent TEXT", "can't be set: use user_agent=TEXT"),
        ("key", "/dev/null", "--key /dev/null is not a file", "key=/dev/null is not a file"),
        ("render", "some", "--render some is unknown", "render=some is unknown"),
    ],
)
def test_a_message_spells_an_option_as_it_was_typed(name: str, value: str, as_option: str, as_argument: str) -> None:
    done = running.websucker(START, flag(name), value, "-o", "/nowhere/x")
    assert (done.code, done.stderr.count("\n")) == (2, 1)
    assert as_option in done.stderr
    done = running.scrapy("crawl", "mirror", "-a", f"start={START}", "-a", f"{name}={value}")
    assert (done.code, done.stderr.count("\n")) == (2, 1)
    assert as_argument in done.stderr


@pytest.mark.skipif(not (ROOT / ".venv" / "bin" / "websucker").exists(), reason="make would install the program first")
def test_a_broken_link_is_no_error_of_make(server: Server, tmp_path: Path) -> None:
    server.site.page("/b", links=["/gone"])
    command = ["make", "-s", "-o", ".venv/installed", "mirror", f"out={tmp_path / 'a b'}"]
    done = run(*command, f"start={server.url}")
    assert (done.code, done.stderr.count("404 Not Found")) == (0, 2)
    assert (tmp_path / "a b" / "index.html").is_file()
    assert run(*command, "start=http://127.0.0.1:9/").code == 2
    assert run(*command).code == 2


def test_a_folder_that_can_not_be_made() -> None:
    done = running.websucker(START, "-o", "/proc/x")
    assert (done.code, done.stderr) == (4, "websucker: /proc/x: no folder can be made here: choose another one\n")
