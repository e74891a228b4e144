"""`websucker completion SHELL`: print the file with which a shell completes the command line."""

import sys
from argparse import Namespace

from mirror.program.shell_files import COMPLETIONS, text
from mirror.reports.exit_codes import Exit


def run(given: Namespace) -> int:
    """Print it."""
    sys.stdout.write(text(COMPLETIONS[given.shell]))
    return Exit.WELL
