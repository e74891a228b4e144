"""The text of a PDF, read by a process of its own (`pdf_process`), because a PDF may be made to take all time and memory.

Input: an open file. Output: `PageText`, which has no lines if there is no text, or if the file can't be read.
"""

import subprocess
import sys
from contextlib import suppress
from io import BufferedReader
from typing import Final

from mirror.core.search.page_text import PageText, Part
from mirror.core.search.reading import MAX_TEXT, plain_text
from mirror.core.syntax.markup import readable

PATIENCE: Final = 60.0  # seconds until a process is ended
_PROGRAM: Final = (
    "import sys; n, *sys.path[:] = sys.argv[1:]; from mirror.store.search.pdf_process import main; main(int(n))"
)
_LONGEST: Final = 4 * MAX_TEXT  # bytes of the text
_TITLE: Final = 1000


def pdf_text(file: BufferedReader) -> PageText:
    """Return the text of a PDF."""
    command = [sys.executable, "-I", "-c", _PROGRAM, str(MAX_TEXT), *sys.path]
    output = b""
    with suppress(OSError, subprocess.TimeoutExpired):
        done = subprocess.run(  # noqa: S603 - our own interpreter with our own module
            command, stdin=file, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=PATIENCE, check=False
        )
        output = done.stdout[:_LONGEST]
    title, _, text = output.decode(errors="replace").partition("\n")
    head = ((Part.TITLE, readable(title[:_TITLE])),) if title else ()
    return PageText((*head, *plain_text(text).lines))
