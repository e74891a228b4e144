"""`websucker check URL`: find the broken links of a site: mirror it into a temporary archive, and report on its links.

Pictures, films, music, fonts and downloads are not fetched: their servers are asked whether they are there.
"""

import re
import subprocess
import sys
import tempfile
from argparse import Namespace
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import quote
from urllib.request import url2pathname

from mirror.asking.folder_server import serving
from mirror.cli.option_table import flag
from mirror.cli.option_values import parse_regex
from mirror.commands.queries import links
from mirror.core.url.media_types import DOCUMENTS, EXTENSION_TYPES
from mirror.reports.exit_codes import Exit
from mirror.store.disk.layout import KEPT
from mirror.terminal.console import exit_with_error, print_message
from mirror.workers.processes import signals_interrupt

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

_OF_ASKING: Final = ("delay", "connections", "cookies", "user_agent", "exclude")
"""Those of them that say how to ask."""

_PATIENCE: Final = 10
"""Seconds that the crawl gets to end when the program is told to."""


def run(given: Namespace) -> int:
    """Exits as `links` does; with 3 if no start could be fetched."""
    excluded = parse_regex("exclude", given.exclude or "")
    with signals_interrupt(), ExitStack() as stack:
        given.url = [_served(word, stack) for word in given.url]
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="websucker-check-"))
        given.folder = str(Path(folder, "site"))
        code = _crawl(given)
        if code in {Exit.USAGE, Exit.STORAGE, Exit.INTERRUPTED} or not Path(given.folder, KEPT).is_dir():
            return code
        given.snapshot, given.external_age = "1", "0s"  # nothing is known of its archive
        words = {name: value for name in _OF_ASKING if (value := getattr(given, name)) is not None}
        if all("://" in url for url in given.url):  # else the crawl chose the scheme, and the archive knows it
            words["start"] = "\n".join(given.url)
        found = links.report(given, links.LeftOut(partial(_is_asked, excluded), words))
    return Exit.NOTHING_FETCHED if code == Exit.NOTHING_FETCHED else found


def _served(word: str, stack: ExitStack) -> str:
    """Return where to start: a URL as it is; a folder or a file of this machine is served until the stack is closed."""
    path = Path(url2pathname(word.removeprefix("file://")) if word.startswith("file:///") else word).expanduser()
    try:
        if not path.exists() or ("://" in word and not word.startswith("file:///")):
            return word
        folder, name = (path, "") if path.is_dir() else (path.parent, path.name)
        url = stack.enter_context(serving(folder))
    except OSError as error:
        exit_with_error(f"{word}: {error.strerror}", Exit.USAGE)
    print_message(f"{folder} is served at {url} for this check\n")
    return f"{url}{quote(name)}"


def _crawl(given: Namespace) -> int:
    """Mirror the site in a process of its own: Scrapy's reactor runs once in a process, and asking needs one, too.

    That process ends when its stdin does, so it does not outlive this one.
    """
    words = ["--out", given.folder, "--exclude", _pattern(given.exclude), "--render", "never"]
    for name in _OF_CRAWL:
        value = getattr(given, name)
        if value is not None:
            words += [flag(name), value]
    settings = {"MIRROR_SUMMARY": "0", "MIRROR_LIFELINE": "1", "MIRROR_INDEX": "0"}
    if not sys.stderr.isatty():
        settings["MIRROR_PROGRESS"] = "off"
    chosen = [word for one in (*map("=".join, settings.items()), *given.set) for word in ("-s", one)]
    command = [sys.executable, "-m", "mirror", *words, *chosen, "--", *given.url]
    try:
        crawl = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)  # noqa: S603 - this program itself
    except OSError as error:
        exit_with_error(f"the crawl can't be started: {error.strerror}", Exit.STORAGE)
    with crawl:
        try:
            return crawl.wait()
        except KeyboardInterrupt:
            crawl.terminate()
            try:
                crawl.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                crawl.kill()
            return Exit.INTERRUPTED


def _pattern(given: str | None) -> str:
    """Return what to leave out: files that have no links, and what the user excludes.

    >>> _pattern("(?i)/x").endswith("|(?i:/x)")
    True
    """
    if not given:
        return _MEDIA
    flags = _FLAGS.match(given)  # flags of a whole expression can't stand in a part of one
    return f"{_MEDIA}|(?{flags[1]}:{given[flags.end() :]})" if flags else f"{_MEDIA}|(?:{given})"


def _is_asked(excluded: re.Pattern[str] | None, url: str) -> bool:
    """Whether to ask about a URL that was left out: not, if the user excluded it."""
    return re.search(_MEDIA, url) is not None and not (excluded and excluded.search(url))


_FLAGS: Final = re.compile(r"\(\?([aimsx]+)\)")
_EXTENSIONS: Final = sorted(
    ext for ext, kind in EXTENSION_TYPES.items() if kind not in DOCUMENTS and not kind.startswith("text/")
)
_MEDIA: Final = rf"^[^?#]+/[^/?#]+(?i:[.](?:{'|'.join(_EXTENSIONS)}))$"
"""URLs whose path ends as that of a file without links does. With a query, it may be anything."""
