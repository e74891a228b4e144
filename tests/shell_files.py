"""Makes the man page, the completions of shells and the short help: `python -m tests.shell_files`."""

import os
from argparse import Action, ArgumentParser
from collections.abc import Iterator
from typing import Final

import shtab
from argparse_manpage.manpage import Manpage

from mirror import __version__
from mirror.program.command_line import EPILOG, help_text, manual
from mirror.program.shell_files import COMPLETIONS, FOLDER, HELP, MAN_PAGE

_NAMES: Final = {"DIR": shtab.DIRECTORY, "TARGET": shtab.DIRECTORY, "FILE": shtab.FILE, "PATH": shtab.FILE}


def actions(parser: ArgumentParser) -> Iterator[Action]:
    """All arguments of a parser and of its commands."""
    for action in parser._actions:  # noqa: SLF001 - argparse has no other list of them
        yield action
        if isinstance(action.choices, dict):
            for one in action.choices.values():
                yield from actions(one)


def completion(shell: str) -> str:
    """The completion for a shell; values called FILE or DIR are completed with those of the disk."""
    parser = manual()
    start = next(action for action in actions(parser) if action.dest == "start")
    parser._actions.remove(start)  # noqa: SLF001 - shtab offers no commands where any number of URLs can stand
    for action in actions(parser):
        if isinstance(action.metavar, str) and action.metavar in _NAMES:
            setattr(action, "complete", _NAMES[action.metavar])  # noqa: B010 - where shtab looks for it
    return str(shtab.complete(parser, shell))


def man_page() -> str:
    """The man page."""
    parser = manual()
    parser.epilog = None
    page = Manpage(parser)
    page.add_section("synopsis", "=", ".B websucker\n[options] URL...\n.br\n.B websucker\nCOMMAND [options] ...")
    page.add_section("exit status", "=", EPILOG.removeprefix("Exit codes: "))
    page.description = "mirror websites into folders that open offline"
    page.date, page.source, page.manual = "", f"Websucker {__version__}", "User Commands"
    return str(page)


def short_help() -> str:
    """The text of `--help` on a terminal of 80 columns."""
    before = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = "80"
    try:
        return help_text(full=False)
    finally:
        if before is None:
            del os.environ["COLUMNS"]
        else:
            os.environ["COLUMNS"] = before


def files() -> dict[str, str]:
    """Name -> text."""
    return {
        MAN_PAGE: man_page(),
        HELP: short_help(),
        **{name: completion(shell) for shell, name in COMPLETIONS.items()},
    }


def main() -> None:
    """Write all of them."""
    for name, text in files().items():
        (FOLDER / name).parent.mkdir(parents=True, exist_ok=True)
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
