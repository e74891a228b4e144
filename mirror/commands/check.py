"""`websucker check URL`: find the broken links of a site: mirror it into a temporary archive, and report on its links.

Pictures, films, music, fonts and downloads are not fetched: their servers are asked whether they are there.
"""

import re
import subprocess
import sys
import tempfile
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Final

from mirror.commands.queries import links
from mirror.core.url.media_types import EXTENSION_TYPES
from mirror.reports.exit_codes import Exit
from mirror.store.disk.layout import KEPT
from mirror.terminal.console import exit_with_error

_READ: Final = (
    "text/",
    "application/xhtml",
    "application/xml",
    "application/json",
    "application/manifest",
    "image/svg",
)
"""Types of files that may have links of their own, or are small."""

_OF_CRAWL: Final = (
    "scope",
    "also",
    "depth",
    "limit",
    "include",
    "delay",
    "connections",
    "render",
    "cookies",
    "user_agent",
)
"""The options of a crawl that `check` has."""


def run(given: Namespace) -> int:
    """Exits as `links` does; with 3 if no start could be fetched."""
    with tempfile.TemporaryDirectory(prefix="websucker-check-") as folder:
        given.folder = str(Path(folder, "site"))
        code = _crawl(given)
        if code in {Exit.USAGE, Exit.STORAGE, Exit.INTERRUPTED} or not Path(given.folder, KEPT).is_dir():
            return code
        given.snapshot = "1"
        found = links.report(given, left_out=_asks(given.exclude))
    return Exit.NOTHING_FETCHED if code == Exit.NOTHING_FETCHED else found


def _crawl(given: Namespace) -> int:
    """Mirror the site in a process of its own: Scrapy's reactor runs once in a process, and asking needs one, too."""
    words = ["--out", given.folder, "--exclude", _pattern(given.exclude), "--render", "never"]
    for name in _OF_CRAWL:
        value = getattr(given, name)
        if value is not None:
            words += [f"--{name.replace('_', '-')}", value]
    settings = [word for one in given.set for word in ("-s", one)]
    quiet = [] if sys.stderr.isatty() else ["-s", "MIRROR_PROGRESS=off"]
    command = [sys.executable, "-m", "mirror", *words, *quiet, "-s", "MIRROR_SUMMARY=0", *settings, "--", *given.url]
    try:
        done = subprocess.run(command, stdout=subprocess.DEVNULL, check=False)  # noqa: S603 - this program, with checked options
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    except OSError as error:
        exit_with_error(f"the crawl can't be started: {error.strerror}", Exit.STORAGE)
    return done.returncode


def _pattern(given: str | None) -> str:
    """Return what to leave out: files that have no links, and what the user excludes."""
    return f"{_MEDIA}|(?:{given})" if given else _MEDIA


def _asks(given: str | None) -> Callable[[str], bool]:
    """Return whether to ask about a URL that was left out: not, if the user excluded it."""
    return lambda url: re.search(_MEDIA, url) is not None and not (given and re.search(given, url))


_EXTENSIONS: Final = sorted(ext for ext, kind in EXTENSION_TYPES.items() if not kind.startswith(_READ))
_MEDIA: Final = rf"(?i:[.](?:{'|'.join(_EXTENSIONS)})(?:[?#]|$))"
