"""The process that reads the text of one PDF: the file is its standard input, the text its standard output.

A PDF can be made so that reading it takes hours or all memory, so the process has limits of its own, and whoever started it
ends it. The first line is the title; it may be empty. The process ends with 0 if it got as far as the file allows.
"""

import os
import sys
from contextlib import suppress
from typing import Final

MEMORY: Final = 1 << 30  # bytes
SECONDS: Final = 30  # of the processor
_OUTPUT: Final = 1


def limit() -> None:
    """Limit what this process may take, where the system can do that."""
    if sys.platform != "win32":
        import resource as r  # noqa: PLC0415 - Windows has none

        cpu = SECONDS, SECONDS + 5  # the first ends it with SIGXCPU, which tells this limit from a kill
        for what, limits in ((r.RLIMIT_CPU, cpu), (r.RLIMIT_AS, (MEMORY, MEMORY)), (r.RLIMIT_CORE, (0, 0))):
            with suppress(OSError, ValueError):
                r.setrlimit(what, limits)


def main(longest: int) -> None:
    """Write the title and up to `longest` characters of the text. What was written before an error stays."""
    from pypdf import PdfReader  # noqa: PLC0415 - it need not be installed

    limit()
    with (
        suppress(Exception),  # whatever pypdf raises for a file that it can't read
        os.fdopen(_OUTPUT, "w", encoding="utf-8", errors="replace", closefd=False) as output,
    ):
        reader = PdfReader(sys.stdin.buffer, strict=False)
        title = reader.metadata.title if reader.metadata else None
        output.write(" ".join(str(title or "")[:longest].split()) + "\n")
        for page in reader.pages:
            text = page.extract_text()[:longest]
            output.write(f"{text}\n")
            output.flush()
            longest -= len(text)
            if longest <= 0:
                break
