"""`python -m mirror URL...`, and `websucker URL...`."""

import os
import sys

from mirror import __version__
from mirror.garbage import collect_rarely

_HELP_COLUMNS = 80


def main() -> None:
    """Run the command. A Ctrl-C while it loads works as usual."""
    if sys.argv[1:] in (["--version"], ["-V"]) and _is_printed(f"websucker {__version__}\n"):
        return
    if sys.argv[1:] in (["--help"], ["-h"]) and _columns() >= _HELP_COLUMNS and _is_printed(_help()):
        return
    collect_rarely()
    try:
        from mirror.program.websucker import main as run  # noqa: PLC0415 - so that it can be interrupted

        run()
    except KeyboardInterrupt:
        sys.stderr.write("Stopped at once: run the same command again to continue\n")
        sys.exit(130)


def _help() -> str:
    """The text of `--help`, which `make docs` makes; "" if it is not there, so that the program makes it again."""
    try:
        with open(os.path.join(os.path.dirname(__file__), "program", "share", "help.txt"), encoding="utf-8") as file:  # noqa: PTH118, PTH120, PTH123 - pathlib takes longer to load than this text to print
            return file.read()
    except OSError:
        return ""


def _columns() -> int:
    """The width of the terminal."""
    try:
        return int(os.environ["COLUMNS"])
    except (KeyError, ValueError):
        pass
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns
    except (OSError, AttributeError, ValueError):
        return _HELP_COLUMNS


def _is_printed(text: str) -> bool:
    """Print a text for which nothing has to be loaded; if that fails, the program says why."""
    try:
        left = text.encode()
        while left:
            left = left[os.write(sys.stdout.fileno(), left) :]
    except (OSError, AttributeError, ValueError):
        return False
    return bool(text)


if __name__ == "__main__":
    main()
