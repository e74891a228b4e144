"""Scrapy commands of the project, a small file each."""

import sys
from typing import NoReturn

from mirror.progress import printable


def refuse(message: str, code: int) -> NoReturn:
    """End with one line on stderr."""
    sys.stderr.write(printable(f"websucker: {message}") + "\n")
    sys.exit(int(code))
