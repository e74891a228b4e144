"""The text of a PDF, read by a process of its own (`pdf_process`), because a PDF may be made to take all time and memory.

Input: an open file. Output: `PageText`, which has no lines if there is no text, or if no program could read the file.
"""

import signal
import subprocess
import sys
from io import BufferedReader
from typing import Final

from mirror.core.search.page_text import PageText, Part
from mirror.core.search.reading import MAX_TEXT, plain_text
from mirror.core.syntax.markup import readable

PATIENCE: Final = 120.0  # seconds until a process is ended that its limits don't end
_PROGRAM: Final = (
    "import sys; n, *sys.path[:] = sys.argv[1:]; from mirror.store.search.pdf_process import main; main(int(n))"
)
_LONGEST: Final = 4 * MAX_TEXT  # bytes of the text
_TITLE: Final = 1000
_OF_THE_FILE: Final = {
    -getattr(signal, name, 0) for name in ("SIGXCPU", "SIGSEGV", "SIGABRT", "SIGBUS", "SIGFPE", "SIGILL")
}
"""The codes of a process that ended because of what it read: it would end so again. 0 is one of them."""


def pdf_text(file: BufferedReader) -> PageText | None:
    """Return the text of a PDF; `None` if its reading was cut short by something else than the file, so another try may do."""
    command = [sys.executable, "-I", "-c", _PROGRAM, str(MAX_TEXT), *sys.path]
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter with our own module
            command,
            stdin=file,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=PATIENCE,
            check=False,
            start_new_session=True,  # Ctrl-C is for the process that waits
        )
    except subprocess.TimeoutExpired:
        return PageText() if sys.platform == "win32" else None  # there, processes have no other limit
    except OSError:
        return None
    if done.returncode not in {0, *_OF_THE_FILE}:
        return None
    title, _, text = done.stdout[:_LONGEST].decode(errors="replace").partition("\n")
    head = ((Part.TITLE, readable(title[:_TITLE])),) if title else ()
    return PageText((*head, *plain_text(text).lines))
