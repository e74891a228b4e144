"""`websucker help [COMMAND]`: what `websucker --help` and `websucker COMMAND --help` print."""

import sys
from argparse import Namespace

from mirror.cli.usage_errors import UsageError
from mirror.program.command_line import help_about, help_text
from mirror.program.command_table import COMMANDS
from mirror.program.parser import nearest
from mirror.reports.exit_codes import Exit


def run(given: Namespace) -> int:
    """Print it."""
    topic: str | None = given.command
    text = help_about(topic) if topic else help_text(full=False)
    if text is None:
        meant = nearest(topic or "", COMMANDS)
        raise UsageError(f"there is no command {topic!r}{f': did you mean {meant}?' if meant else ''}")
    sys.stdout.write(text)
    return Exit.WELL
