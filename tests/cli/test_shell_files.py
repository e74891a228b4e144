"""The man page, the completions, the help and the documentation list exactly the options of the tables."""

import re
import subprocess
from pathlib import Path

import pytest

from mirror.cli.option_table import OPTIONS, flag
from mirror.program.command_line import CRAWL_ARGUMENTS, crawl_parser, help_text
from mirror.program.command_table import COMMANDS
from mirror.program.shell_files import COMPLETIONS, FOLDER, MAN_PAGE, text
from tests.crawl.running import ROOT, run, websucker
from tests.shell_files import actions, files

SWITCHES = {flag(name) for name, option in OPTIONS.items() if option.is_switch}
LONG = (
    {flag(name) for name in OPTIONS if name != "start"}
    | {f"--no-{one[2:]}" for one in SWITCHES}
    | {name for one in CRAWL_ARGUMENTS for name in one.names if name.startswith("--")}
)
"""The long options of a crawl, from the tables."""

OF_COMMANDS = {
    name for command in COMMANDS.values() for one in command.arguments for name in one.names if name.startswith("--")
}


@pytest.fixture(scope="module")
def made() -> dict[str, str]:
    return files()


@pytest.mark.parametrize("name", [MAN_PAGE, *COMPLETIONS.values()])
def test_the_files_are_those_that_make_docs_writes(made: dict[str, str], name: str) -> None:
    assert text(name) == made[name], "run `make docs`"


def listed(pattern: str, page: str) -> set[str]:
    return set(re.findall(pattern, page, re.MULTILINE))


def test_the_man_page() -> None:
    page = text(MAN_PAGE).replace("\\-", "-")
    of_crawl, _, of_commands = page.partition("\n.SH\n")
    assert listed(r"\\fB(--[a-z-]+)\\fR", of_crawl) == LONG - {"--help"}  # which man pages leave out
    assert listed(r"\\fB(--[a-z-]+)\\fR", of_commands) >= OF_COMMANDS
    for command in COMMANDS:
        assert f"websucker {command}" in page


@pytest.mark.parametrize("shell", COMPLETIONS)
def test_the_completions(shell: str) -> None:
    page = text(COMPLETIONS[shell])
    patterns = {
        "bash": r"(?<![\w-])(--[a-z][a-z-]*[a-z])(?=[\" )\]])",
        "zsh": r"[{,\"](--[a-z][a-z-]*[a-z])(?=[},\"\[])",
        "fish": r"^complete .*",
    }
    found = listed(patterns[shell], page)
    if shell == "fish":
        found = {f"--{name}" for line in found for name in re.findall(r" -l ([a-z-]+)", line.partition(" -d ")[0])}
    assert found >= LONG | OF_COMMANDS
    assert found - LONG - OF_COMMANDS == set()


def test_the_parser_and_its_help() -> None:
    parsed = {name for action in actions(crawl_parser()) for name in action.option_strings if name.startswith("--")}
    assert parsed == LONG
    shown = listed(r"(--[a-z-]+)", "\n".join(line.partition("  ")[0] for line in lines(help_text(full=True))))
    assert shown == LONG


def lines(page: str) -> list[str]:
    """The beginnings of the rows of a help."""
    return [line.strip() for line in page.splitlines() if line.startswith("  -")]


def test_the_documentation() -> None:
    page = (ROOT / "docs" / "options.md").read_text()
    rows = [line.split(" | ")[0] for line in page.splitlines() if line.startswith("| `")]
    of_program = {"--input-file", "--set", "--loglevel", "--help", "--version"}  # in the text of the page
    assert listed(r"(--[a-z-]+)", "\n".join(rows)) == LONG - of_program


def test_no_letter_means_two_things() -> None:
    names = [name for action in actions(crawl_parser()) for name in action.option_strings]
    assert len(names) == len(set(names))


def test_man_reads_the_page(tmp_path: Path) -> None:
    done = run("man", "--warnings", "-E", "UTF-8", "-l", str(FOLDER / MAN_PAGE))
    assert (done.code, done.stderr) == (0, "")
    assert "websucker - mirror websites" in done.stdout


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        (["websucker", "--max"], ["--max-file", "--max-loss"]),
        (["websucker", "snap"], ["snapshots"]),
        (["websucker", "diff", "--h"], ["--html", "--help"]),
        (["websucker", "completion", ""], ["bash", "zsh", "fish"]),
    ],
)
def test_bash_completes(words: list[str], completed: list[str]) -> None:
    program = (
        'eval "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); '
        '_shtab_websucker websucker "${COMP_WORDS[COMP_CWORD]}"; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    page = websucker("completion", "bash").stdout
    done = subprocess.run(["bash", "-c", program, "bash", page, *words], capture_output=True, text=True, check=True)
    assert done.stdout.split() == completed


def test_the_commands_print_the_files() -> None:
    for words, name in ((["man"], MAN_PAGE), *((["completion", shell], name) for shell, name in COMPLETIONS.items())):
        assert websucker(*words).stdout == text(name)
