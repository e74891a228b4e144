"""What the applications share: where they are built, what they say, and how their programs are run."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from tests.site import png

HOME: Final = Path(__file__).resolve().parents[2] / "build" / "applications"
WORDS: Final = ("harbour", "crane", "barge", "tide", "quay", "pilot", "anchor", "lock", "ballast", "mooring", "keel")
HERE: Final = Path(__file__).resolve().parent

Count = Callable[[], int]
"""The number of requests since the last call."""


class NotThereError(Exception):
    """A program is missing or failed. The message has its output."""


def prose(number: int) -> str:
    """Two paragraphs that differ from number to number."""
    chosen = [WORDS[(number * step + step) % len(WORDS)] for step in range(1, 40)]
    return f"Chapter {number} is about the {' and the '.join(chosen[:9])}.\n\nIt ends with the {' of the '.join(chosen[9:20])}."


def needed(path: Path) -> None:
    """Check that a package of Debian is installed, by one of its files."""
    if not path.exists():
        raise NotThereError(f"{path} is missing: benchmarks/applications/needs.sh")


def virtual_environment(name: str, *packages: str) -> Path:
    """The folder of the programs that packages from PyPI install, which are installed if necessary."""
    home = HOME / name
    if not (home / "done").exists():
        HOME.mkdir(parents=True, exist_ok=True)
        run(HOME, sys.executable, "-m", "venv", str(home))
        run(HOME, str(home / "bin" / "pip"), "install", "-q", *packages)
        (home / "done").touch()
    return home / "bin"


def run(folder: Path, *command: str, environment: Mapping[str, str] | None = None) -> None:
    """Run a program in a folder, at a time that is always the same where the program lets itself be told."""
    variables = os.environ | {"SOURCE_DATE_EPOCH": "1700000000", "TZ": "UTC"} | dict(environment or {})
    try:
        done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, check=False)
    except OSError as error:
        raise NotThereError(str(error)) from error
    if done.returncode:
        raise NotThereError(f"{' '.join(command)}: {done.stdout[-2000:]}{done.stderr[-2000:]}")


def picture(number: int) -> bytes:
    """A PNG of 1,280 times 800 pixels, with a colour of its own."""
    return png(1280, 800, bytes((number * 40 % 256, 90, 160, 255)))
