"""The command lines of the tools that are compared: to mirror a URL into a folder. `words` are what a benchmark adds."""

import sys
from typing import Final

NO_LIMITS: Final = ("-c8", "--max-rate=0", "--disable-security-limits", "-%c0")
"""HTTrack at full speed: of its own accord it asks slowly."""


def websucker(start: str, out: str, *words: str, render: str = "never") -> list[str]:
    """Without a browser, if nobody wants it: the others have none."""
    crawl = [sys.executable, "-m", "scrapy", "crawl", "mirror", "-a", f"render={render}"]
    return [*crawl, "-a", f"start={start}", "-a", f"out={out}", *words]


def wget(start: str, out: str, *words: str) -> list[str]:
    return ["wget", "-q", "-m", "-k", "-p", "-E", *words, "-P", out, start]


def httrack(start: str, out: str, *words: str) -> list[str]:
    return ["httrack", start, "-O", out, "-q", *NO_LIMITS, *words]
