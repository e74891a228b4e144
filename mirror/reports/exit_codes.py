"""The exit codes of all commands. They are in a module of their own, because `websucker --version` needs nothing else."""

from enum import IntEnum


class Exit(IntEnum):
    """The exit codes; docs/commands.md explains them to users."""

    WELL = 0
    SOME_FAILED = 1
    USAGE = 2
    NOTHING_FETCHED = 3
    STORAGE = 4
    HELD = 5
    INTERRUPTED = 130
    UNREAD = 141
    """Nobody reads stdout; 128 and SIGPIPE, as a shell reports of other programs."""
