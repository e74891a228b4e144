"""`websucker compare DIR URL`: open the site and the copy in a browser, page by page, and report the differences."""

import asyncio
from argparse import Namespace
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from scrapy.settings import BaseSettings

from mirror.browser.chromium import BrowserError, find
from mirror.cli.open_archive import open_archive
from mirror.cli.scrapy_settings import find_settings
from mirror.compare import copies
from mirror.compare.page_capture import Viewer, what_is_missing
from mirror.core.comparison import fidelity_report
from mirror.core.comparison.fidelity import PageComparison, Result, sampled
from mirror.core.policy.private_addresses import Network, Reach, networks
from mirror.core.url.canonical import CanonicalURL, InvalidURLError, canonical, is_web
from mirror.reports.exit_codes import Exit
from mirror.store.archive import Archive
from mirror.terminal.console import exit_with_error, print_json, print_line, print_message

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from mirror.compare.comparison import Comparison

_MANIFEST: Final = ".mirror"


def run(given: Namespace) -> int:
    """Exits with 0 if enough pages match the original, with 1 if too few do, with 3 if no page could be compared."""
    start = _start(given.url)
    _check(given)
    browser = _browser(given)
    reach = Reach((start,), everything=given.private, public=_public(find_settings(given)))
    root = Path(given.folder).expanduser()
    if (root / _MANIFEST).is_dir():
        with open_archive(given.folder) as archive:
            viewer = Viewer(browser, reach.blocks_address, copies.clock(archive))
            result = _result(root, archive, start, viewer, given)
    elif root.is_dir():
        result = _result(root, None, start, Viewer(browser, reach.blocks_address), given)
    else:
        exit_with_error(f"{root}: there is no such folder", Exit.STORAGE)
    if given.json:
        print_json(fidelity_report.as_json(result))
    else:
        for line in list(fidelity_report.as_lines(result)):
            print_line(line)
    if not result.judged:
        exit_with_error(f"{start} does not answer: there is nothing to compare the copy with", Exit.NOTHING_FETCHED)
    return Exit.WELL if result.is_good else Exit.SOME_FAILED


def _start(word: str) -> CanonicalURL:
    try:
        url = canonical(word)
    except InvalidURLError as error:
        exit_with_error(str(error), Exit.USAGE)
    if not is_web(url):
        exit_with_error(f"{word}: only http:// and https:// sites can be compared", Exit.USAGE)
    return url


def _public(settings: BaseSettings) -> list[Network]:
    try:
        return networks(settings.get("MIRROR_PUBLIC_NETWORKS") or "")
    except ValueError as error:
        exit_with_error(f"MIRROR_PUBLIC_NETWORKS: {error}", Exit.USAGE)


def _check(given: Namespace) -> None:
    for name in ("threshold", "pixels"):
        if not 0 <= getattr(given, name) <= 1:
            exit_with_error(f"--{name} {getattr(given, name)}: a share is a number from 0 to 1", Exit.USAGE)
    if given.pages < 0:
        exit_with_error(f"--pages {given.pages}: a number of pages is 0 or more", Exit.USAGE)


def _browser(given: Namespace) -> Path:
    path = Path(given.browser).expanduser() if given.browser else None
    missing = what_is_missing(path)
    if missing:
        exit_with_error(missing, Exit.USAGE)
    found = find(path)
    assert found is not None
    return found


def _result(root: Path, archive: Archive | None, start: CanonicalURL, viewer: Viewer, given: Namespace) -> Result:
    ways = copies.ways(is_archive=archive is not None)
    through = copies.Through(given.through) if given.through else ways[0]
    if through not in ways:
        exit_with_error(f"{root} is not an archive and can't be replayed: use --through file or server", Exit.USAGE)
    urls = None
    if archive is not None and not given.walk:
        urls = sampled(copies.list_pages(archive, start), given.pages)
        if not urls:
            exit_with_error(f"there is no page below {start} in {root}", Exit.USAGE)
    with _copy(root, archive, start, through) as opened:
        copy = opened if archive is None else replace(opened, rule=copies.rules(archive))
        done = asyncio.run(_compared(copy, start, viewer, urls, given))
    result = Result(start, str(root), through, given.threshold, tuple(done.pages), dict(done.left_out))
    if given.html:
        _write(Path(given.html).expanduser(), fidelity_report.report(result, done.pictures))
        print_message(f"Open {given.html}\n")
    return result


def _copy(root: Path, archive: Archive | None, start: str, through: str) -> "AbstractContextManager[copies.Copy]":
    if archive is not None and through == copies.Through.REPLAY:
        return copies.replayed(archive)
    path = copies.tree_paths(archive) if archive is not None else copies.guess_paths(root)
    return copies.from_disk(root, path) if through == copies.Through.FILE else copies.from_server(root, start, path)


async def _compared(
    copy: copies.Copy, start: CanonicalURL, viewer: Viewer, urls: list[str] | None, given: Namespace
) -> "Comparison":
    from mirror.compare.comparison import Comparison  # noqa: PLC0415 - Pillow is an optional dependency

    async with viewer:
        done = Comparison(viewer, copy, start, given.pixels, keeps_pictures=bool(given.html), on_page=_report_page)
        try:
            await (done.walk(given.pages) if urls is None else done.of(urls))
        except BrowserError as error:
            exit_with_error(str(error), Exit.USAGE)
    return done


def _report_page(page: PageComparison) -> None:
    """Show progress: one line on stderr for each page."""
    wrong = ", ".join(f"not {aspect}" for aspect in page.wrong) if page.is_judged else "no original"
    print_message(f"{page.url}: {wrong or 'matches the original'}\n")


def _write(place: Path, page: str) -> None:
    try:
        place.write_text(page, encoding="utf-8")
    except OSError as error:
        exit_with_error(f"{place}: {error.strerror}", Exit.STORAGE)
