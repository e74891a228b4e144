"""`websucker links DIR`: report broken links and the like, with the pages and lines they stand on."""

import asyncio
from argparse import Namespace
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path
from typing import NamedTuple

from mirror.cli.archive_command import open_reader, utc_now
from mirror.cli.archived_url import chosen_snapshot
from mirror.cli.option_values import parse_duration
from mirror.core.links.answers import Answer
from mirror.core.links.problems import ACTIVE, Ignored, InvalidIgnoreError, Problem, ignore_rules
from mirror.reports.exit_codes import Exit
from mirror.reports.links.formats import FORMATS
from mirror.reports.links.report import LinkReport
from mirror.reports.links.text import text
from mirror.store.archive import Archive
from mirror.store.archive_reader import ArchiveReader
from mirror.store.disk.errors import StorageError
from mirror.store.links.findings import Collection
from mirror.store.links.report import read_links
from mirror.store.manifest.history_records import SnapshotInfo
from mirror.terminal.console import exit_with_error, print_line, print_message, print_report
from mirror.workers.pool import Workers, prefork
from mirror.workers.processes import end_forked

_ALL = "all"
_NONE = "none"
_QUIET = frozenset({Problem.SKIPPED})
"""Problems that are only counted, unless the user asks for them."""


class LeftOut(NamedTuple):
    """What `check` has besides: whether to ask about a URL that its run left out, and its options by name."""

    is_asked: Callable[[str], bool]
    words: dict[str, str]


def run(given: Namespace) -> int:
    """Exits with 1 if there is a problem of a kind that `--fail-on` names, else with 0."""
    if "://" in given.folder:
        exit_with_error(f"{given.folder} is no archive: websucker check URL checks a site", Exit.USAGE)
    return report(given)


def report(given: Namespace, left_out: LeftOut | None = None) -> int:
    """Print the report on the archive `given.folder`; returns the exit code."""
    failing = _kinds(given.fail_on, ACTIVE, "--fail-on")
    shown = _kinds(given.show, frozenset(Problem) - _QUIET, "--show")
    rules = _rules(given.ignore) if given.ignore else []
    age = parse_duration("external_age", given.external_age) or timedelta()
    if given.places < 0:
        exit_with_error(f"--places {given.places}: give a number from 0 on", Exit.USAGE)
    if given.by == "page" and given.format != "text":
        exit_with_error(f"--by page is for text, and not for {given.format}", Exit.USAGE)
    prefork(None)
    try:
        with open_reader(given.folder) as archive, Collection() as found:
            snapshot = chosen_snapshot(archive, given.snapshot)
            asyncio.run(_read(archive, snapshot, found))
            left = 0
            if given.external or left_out:
                left = _ask(given, archive, snapshot, found, age, left_out)
            counts = found.pages, found.links, found.count_leaving(), found.unread
            code = _tell(
                LinkReport(snapshot, *counts, found.findings, shown, failing, rules, given.places, given.by == "page"),
                given.format,
                is_asked=given.external,
            )
    finally:
        end_forked()
    if left:
        print_message(f"{left:,} URLs were not asked about: run the same command again\n")
    return Exit.INTERRUPTED if left else code


async def _read(archive: ArchiveReader, snapshot: SnapshotInfo, found: Collection) -> None:
    workers = Workers.create(None)
    try:
        await read_links(archive, snapshot, found, workers.submit)
    finally:
        await workers.close()


def _ask(  # noqa: PLR0913, PLR0917 - what the user chose
    given: Namespace,
    archive: ArchiveReader,
    snapshot: SnapshotInfo,
    found: Collection,
    age: timedelta,
    left_out: LeftOut | None,
) -> int:
    """Ask about what the mirror does not have, except for what was asked a short time ago; returns how many are left."""
    urls = found.unasked(leaving=True) if given.external else []
    urls += [url for url in found.unasked(leaving=False) if left_out.is_asked(url)] if left_out else []
    now = utc_now()
    known = archive.manifest.links.answers(*(one.isoformat(timespec="seconds") for one in (now - age, now)))
    wanted = [url for url in urls if url not in known]
    answers: list[Answer] = []
    if wanted:
        from mirror.asking.ask import ask  # noqa: PLC0415 - Scrapy takes its time to load
        from mirror.cli.options import stored_words  # noqa: PLC0415
        from mirror.cli.scrapy_settings import find_settings, silence_duplicate_logs  # noqa: PLC0415

        silence_duplicate_logs()
        print_message(f"Asking about {'1 URL' if len(wanted) == 1 else f'{len(wanted):,} URLs'}\n")
        starts = list(snapshot.starts)
        stored = {"start": "\n".join(starts)} if left_out else stored_words({"start": starts, **snapshot.options})
        words = {**stored, **(left_out.words if left_out else {})}
        answers = ask(wanted, {**words, "out": given.folder}, find_settings(given))
        _keep(archive.root, answers)
    found.add_answers([*(known[url] for url in urls if url in known), *answers])
    if left_out:
        _tell_pages(
            [one for one in answers if one.is_page and one.status == HTTPStatus.OK and left_out.is_asked(one.url)]
        )
    return len(wanted) - len(answers)


def _tell_pages(pages: list[Answer]) -> None:
    """Say that pages were not read because they look like files."""
    if pages:
        what = "1 page was" if len(pages) == 1 else f"{len(pages):,} pages were"
        print_message(f"{what} not read, because its URL ends as that of a file: {pages[0].url}\n")


def _keep(root: Path, answers: list[Answer]) -> None:
    """Store the answers, so that the next report need not ask again. That is not possible while a crawl runs."""
    try:
        with closing(Archive(root, create=False)) as archive, archive.manifest.transaction():
            archive.manifest.links.keep_answers(answers, utc_now().isoformat(timespec="seconds"))
    except StorageError as error:
        print_message(f"The answers are not kept for the next report: {error}\n")


def _tell(found: LinkReport, form: str, *, is_asked: bool) -> int:
    if form == "text":
        for line in text(found):
            print_line(line)
    else:
        print_report(FORMATS[form](found))
    print_message(f"{found.totals}\n")
    if found.foreign and not is_asked:
        what = "1 link leaves" if found.foreign == 1 else f"{found.foreign:,} links leave"
        print_message(f"Not asked about: {what} the site: see --external\n")
    hidden = [kind for kind in Problem if found.counts[kind] and kind not in found.shown]
    if hidden:
        print_message(f"Not listed: {', '.join(hidden)}: see --show\n")
    for url in found.unread:
        print_message(f"{url} can't be read: `verify` says why\n")
    for rule in found.rules:
        if not rule.count:
            print_message(f"Line {rule.line} of the ignore file matches nothing: {rule.text}\n")
    return Exit.SOME_FAILED if found.fails else Exit.WELL


def _kinds(text: str | None, default: frozenset[Problem], option: str) -> frozenset[Problem]:
    """Read a list of kinds."""
    if text is None:
        return default
    words = [word.strip() for word in text.split(",") if word.strip()]
    unknown = [word for word in words if word not in {*Problem, _ALL, _NONE}]
    if unknown or not words:
        exit_with_error(f"{option} {text!r}: use all, none, or some of {','.join(Problem)}", Exit.USAGE)
    if _ALL in words:
        return frozenset(Problem)
    return frozenset(Problem(word) for word in words if word != _NONE)


def _rules(name: str) -> list[Ignored]:
    try:
        return ignore_rules(Path(name).expanduser().read_text("utf-8-sig"))
    except OSError as error:
        exit_with_error(f"--ignore {name}: {error.strerror}", Exit.USAGE)
    except (InvalidIgnoreError, UnicodeDecodeError) as error:
        exit_with_error(f"--ignore {name}: {error}", Exit.USAGE)
