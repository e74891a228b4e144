"""The commands with which the compared tools mirror a URL into a folder. `words` are the options that a benchmark adds."""

import sys
from typing import Final

NO_LIMITS: Final = ("-c8", "--max-rate=0", "--disable-security-limits", "-%c0")
"""Options for HTTrack at full speed. Its defaults limit it."""


def websucker(start: str, out: str, *words: str, render: str = "never") -> list[str]:
    """Websucker. By default without a browser, because the other tools have none."""
    crawl = [sys.executable, "-m", "scrapy", "crawl", "mirror", "-a", f"render={render}"]
    return [*crawl, "-a", f"start={start}", "-a", f"out={out}", *words]


def wget(start: str, out: str, *words: str) -> list[str]:
    return ["wget", "-q", "-m", "-k", "-p", "-E", *words, "-P", out, start]


def httrack(start: str, out: str, *words: str) -> list[str]:
    return ["httrack", start, "-O", out, "-q", *NO_LIMITS, *words]
