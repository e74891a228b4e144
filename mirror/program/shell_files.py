"""The man page, the completions and the short help, which are part of the program. `make docs` makes them from the tables.

The wheel has them twice: here, and where `man` and the shells look for them (`data-files` in pyproject.toml).
"""

from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).with_name("share")
MAN_PAGE: Final = "websucker.1"
HELP: Final = "help.txt"
"""The text of `--help` in 80 columns, which `mirror.__main__` prints without loading anything."""

COMPLETIONS: Final = {"bash": "bash/websucker", "zsh": "_websucker", "fish": "websucker.fish"}
"""Shell -> file."""


def text(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")
