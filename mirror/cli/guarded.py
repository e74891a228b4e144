"""How every command begins and ends: with streams that can be written, and with an exit code and at most one line of errors.

`prepare` is called as soon as it is known that a command of this program runs, `guarded` is around its work. No exception
leaves: what a command did not foresee is one line, too.
"""

import errno
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

from mirror.cli.usage_errors import Given, UsageError
from mirror.reports.exit_codes import Exit
from mirror.store.disk.errors import StorageError
from mirror.terminal.console import described, exit_with_error, print_message
from mirror.terminal.streams import lost_output, prepare_streams

_RESULTS: Final = frozenset({None, Exit.WELL, Exit.SOME_FAILED})
"""Exit codes of commands that did what they were asked for."""


def prepare() -> None:
    """Prepare the process for a command: the names of files are UTF-8, and the standard streams can be written."""
    prepare_streams()
    if sys.getfilesystemencoding() != "utf-8":
        _restart_with_utf8()


@contextmanager
def guarded(spell: Callable[[Given], str] = str) -> Iterator[None]:
    """End the program with an exit code and one line if the block fails, or if its output was lost.

    `spell` writes an option in a message as it stands on the command line.
    """
    try:
        yield
    except SystemExit as end:
        if end.code in _RESULTS:
            report_lost_output()
        raise
    except KeyboardInterrupt:
        print_message("Stopped at once: run the same command again to continue\n")
        sys.exit(int(Exit.INTERRUPTED))
    except UsageError as error:
        exit_with_error(error.spelled(spell), Exit.USAGE)
    except StorageError as error:
        exit_with_error(str(error), Exit.STORAGE)
    except Exception as error:  # noqa: BLE001 - a bug, or a manifest that is damaged in a way that nobody foresaw
        exit_with_error(f"{described(error)}: if `verify` finds no damage, please report it", Exit.STORAGE)
    report_lost_output()


def report_lost_output() -> None:
    """End the program if text for stdout was lost: quietly if nobody reads the pipe, as SIGPIPE would, else with a line."""
    failure = lost_output()
    if failure is None:
        return
    if failure.errno == errno.EPIPE:
        sys.exit(int(Exit.UNREAD))
    exit_with_error(f"the output is not complete: {failure.strerror}", Exit.STORAGE)


def _restart_with_utf8() -> None:
    """Start the program again with Python's UTF-8 mode: names of files in an archive need not exist in the locale's encoding.

    The terminal keeps its own encoding.
    """
    os.environ["PYTHONIOENCODING"] = f"{sys.stdout.encoding}:backslashreplace"
    with suppress(OSError):
        os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])  # noqa: S606 - this program itself
