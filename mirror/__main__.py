"""`python -m mirror URL...`, and `websucker URL...`."""

import gc
import sys

_ALLOCATIONS = 10_000


def main() -> None:
    """Run the command. A Ctrl-C while it loads works as usual.

    Loading makes 130,000 objects that stay. By default, Python would look through them for garbage again and again.
    """
    gc.set_threshold(_ALLOCATIONS, 50, 100)
    try:
        from mirror.program.websucker import main as run  # noqa: PLC0415 - so that it can be interrupted

        run()
    except KeyboardInterrupt:
        sys.stderr.write("Stopped at once: run the same command again to continue\n")
        sys.exit(130)


if __name__ == "__main__":
    main()
