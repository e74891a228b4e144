"""`python -m mirror URL...`, and `websucker URL...`."""

import sys


def main() -> None:
    """Run the command. It takes a second to load; a Ctrl-C during that time works as usual."""
    try:
        from mirror.cli.websucker import main as run  # noqa: PLC0415 - so that it can be interrupted

        run()
    except KeyboardInterrupt:
        sys.stderr.write("Stopped at once: run the same command again to continue\n")
        sys.exit(130)


if __name__ == "__main__":
    main()
