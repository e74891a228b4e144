"""`websucker man`: print the man page, for who has no folder where `man` finds it."""

import sys
from argparse import Namespace

from mirror.program.shell_files import MAN_PAGE, text
from mirror.reports.exit_codes import Exit


def run(given: Namespace) -> int:  # noqa: ARG001 - the same for every command
    """Print it."""
    sys.stdout.write(text(MAN_PAGE))
    return Exit.WELL
