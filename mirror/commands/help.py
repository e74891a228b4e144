"""`websucker help [COMMAND]`: what `websucker --help` and `websucker COMMAND --help` print."""

import sys
from argparse import Namespace

from mirror.cli.usage_errors import UsageError
from mirror.program.command_line import command_parser, help_text
from mirror.program.command_table import COMMANDS
from mirror.program.parser import nearest
from mirror.reports.exit_codes import Exit


def run(given: Namespace) -> int:
    """Print it."""
    name: str | None = given.command
    if name in COMMANDS:
        text = command_parser(name).format_help()
    elif name in {None, "all"}:
        text = help_text(full=name is not None)
    else:
        meant = nearest(name or "", COMMANDS)
        raise UsageError(f"there is no command {name!r}{f': did you mean {meant}?' if meant else ''}")
    sys.stdout.write(text)
    return Exit.WELL
