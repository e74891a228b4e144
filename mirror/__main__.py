"""`python -m mirror URL...`, and `websucker URL...`."""

import gc
import os
import sys

from mirror import __version__

_ALLOCATIONS = 10_000


def main() -> None:
    """Run the command. A Ctrl-C while it loads works as usual.

    Loading makes 130,000 objects that stay. By default, Python would look through them for garbage again and again.
    """
    if sys.argv[1:] in (["--version"], ["-V"]) and _is_printed(f"websucker {__version__}\n"):
        return
    gc.set_threshold(_ALLOCATIONS, 50, 100)
    try:
        from mirror.program.websucker import main as run  # noqa: PLC0415 - so that it can be interrupted

        run()
    except KeyboardInterrupt:
        sys.stderr.write("Stopped at once: run the same command again to continue\n")
        sys.exit(130)


def _is_printed(text: str) -> bool:
    """Print a text for which nothing has to be loaded; if that fails, the program says why."""
    try:
        os.write(sys.stdout.fileno(), text.encode())
    except (OSError, AttributeError):
        return False
    return True


if __name__ == "__main__":
    main()
