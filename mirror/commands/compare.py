"""`scrapy compare DIR URL`: open the site and the copy in a browser, page by page, and report the differences."""

import argparse
import asyncio
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from scrapy.settings import BaseSettings

from mirror.browser.chromium import BrowserError, find
from mirror.cli.archive_command import ArchiveCommand, open_archive
from mirror.compare.page_capture import Viewer, what_is_missing
from mirror.core.comparison import fidelity_report
from mirror.core.comparison.fidelity import PageComparison, Result, sampled
from mirror.core.policy.private_addresses import Network, Reach, networks
from mirror.core.url.canonical import CanonicalURL, InvalidURLError, canonical, is_web
from mirror.reports.run_summary import Exit
from mirror.store.archive import Archive
from mirror.terminal.console import exit_with_error, print_json, print_line, print_message

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from mirror.compare.comparison import Comparison
    from mirror.compare.copies import Copy

_PAGES: Final = 25
_MANIFEST: Final = ".mirror"


class Command(ArchiveCommand):
    """Exits with 0 if enough pages match the original, with 1 if too few do, with 3 if no page could be compared."""

    arguments = "<DIR> <URL>"
    summary = "Open the online site and the copy in a browser, page by page, and report the differences"

    def long_desc(self) -> str:
        return (
            f"{self.summary}: missing pages, requests that fail or leave the copy, script errors that the original does not "
            "have, different text and pixels. DIR is an archive, or a copy made by wget, HTTrack or another tool. URL is "
            "the online site; pages below it are compared. Needs Chromium and requirements-browser.txt. Exits with 0 if "
            "enough pages match the original, with 1 if too few do, with 3 if the site does not answer."
        )

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        super().add_options(parser)
        add = parser.add_argument
        add(
            "--through",
            choices=["replay", "file", "server"],
            help="how to open the copy (default: replay for an archive, server for other folders)",
        )
        add(
            "--pages",
            type=int,
            default=_PAGES,
            metavar="N",
            help=f"compare at most N pages (default: {_PAGES}; 0: all)",
        )
        add(
            "--walk",
            action="store_true",
            help="find pages by the links of the online site instead of in the archive's manifest",
        )
        add(
            "--threshold",
            type=float,
            default=1.0,
            metavar="SHARE",
            help="the share of pages that have to match the original (default: 1)",
        )
        add(
            "--pixels",
            type=float,
            default=0.0,
            metavar="SHARE",
            help="the share of a page's pixels that may differ (default: 0)",
        )
        add("--html", metavar="FILE", help="write an HTML page that shows screenshots of both side by side")
        add("--browser", metavar="PATH", help="the Chromium to use (default: the installed one)")
        add(
            "--private",
            action="store_true",
            help="let a site on the internet make the browser connect to this machine and its network",
        )

    def execute(self, args: list[str], opts: argparse.Namespace) -> None:
        folder, word = self.check_arguments(args, 2, 2)
        start = _start(word)
        _check(opts)
        browser = _browser(opts)
        assert self.settings is not None  # Scrapy sets them for a command of a project
        reach = Reach((start,), everything=opts.private, public=_public(self.settings))
        root = Path(folder).expanduser()
        if (root / _MANIFEST).is_dir():
            with open_archive(folder) as archive:
                viewer = Viewer(browser, reach.blocks_address, _clock(archive))
                result = _result(root, archive, start, viewer, opts)
        elif root.is_dir():
            result = _result(root, None, start, Viewer(browser, reach.blocks_address), opts)
        else:
            exit_with_error(f"{root}: there is no such folder", Exit.STORAGE)
        if opts.json:
            print_json(fidelity_report.as_json(result))
        else:
            for line in list(fidelity_report.as_lines(result)):
                print_line(line)
        if not result.judged:
            exit_with_error(f"{start} does not answer: there is nothing to compare the copy with", Exit.NOTHING_FETCHED)
        self.exitcode = Exit.WELL if result.is_good else Exit.SOME_FAILED


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


def _check(opts: argparse.Namespace) -> None:
    for name in ("threshold", "pixels"):
        if not 0 <= getattr(opts, name) <= 1:
            exit_with_error(f"--{name} {getattr(opts, name)}: a share is a number from 0 to 1", Exit.USAGE)
    if opts.pages < 0:
        exit_with_error(f"--pages {opts.pages}: a number of pages is 0 or more", Exit.USAGE)


def _browser(opts: argparse.Namespace) -> Path:
    path = Path(opts.browser).expanduser() if opts.browser else None
    missing = what_is_missing(path)
    if missing:
        exit_with_error(missing, Exit.USAGE)
    found = find(path)
    assert found is not None
    return found


def _result(
    root: Path, archive: Archive | None, start: CanonicalURL, viewer: Viewer, opts: argparse.Namespace
) -> Result:
    from mirror.compare import copies  # noqa: PLC0415 - few commands need Starlette and uvicorn

    ways = copies.ways(is_archive=archive is not None)
    through = copies.Through(opts.through) if opts.through else ways[0]
    if through not in ways:
        exit_with_error(f"{root} is not an archive and can't be replayed: use --through file or server", Exit.USAGE)
    urls = None
    if archive is not None and not opts.walk:
        urls = sampled(copies.list_pages(archive, start), opts.pages)
        if not urls:
            exit_with_error(f"there is no page below {start} in {root}", Exit.USAGE)
    with _copy(root, archive, start, through) as opened:
        copy = opened if archive is None else replace(opened, rule=copies.rules(archive))
        done = asyncio.run(_compared(copy, start, viewer, urls, opts))
    result = Result(start, str(root), through, opts.threshold, tuple(done.pages), dict(done.left_out))
    if opts.html:
        _write(Path(opts.html).expanduser(), fidelity_report.report(result, done.pictures))
        print_message(f"Open {opts.html}\n")
    return result


def _clock(archive: Archive) -> int:
    from mirror.compare import copies  # noqa: PLC0415

    return copies.clock(archive)


def _copy(root: Path, archive: Archive | None, start: str, through: str) -> "AbstractContextManager[Copy]":
    from mirror.compare import copies  # noqa: PLC0415

    if archive is not None and through == copies.Through.REPLAY:
        return copies.replayed(archive)
    path = copies.tree_paths(archive) if archive is not None else copies.guess_paths(root)
    return copies.from_disk(root, path) if through == copies.Through.FILE else copies.from_server(root, start, path)


async def _compared(
    copy: "Copy", start: CanonicalURL, viewer: Viewer, urls: list[str] | None, opts: argparse.Namespace
) -> "Comparison":
    from mirror.compare.comparison import Comparison  # noqa: PLC0415 - Pillow is an optional dependency

    async with viewer:
        done = Comparison(viewer, copy, start, opts.pixels, keeps_pictures=bool(opts.html), on_page=_report_page)
        try:
            await (done.walk(opts.pages) if urls is None else done.of(urls))
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
