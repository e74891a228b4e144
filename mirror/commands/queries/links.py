"""`websucker links DIR`: report broken links and the like, with the pages and lines they stand on."""

import asyncio
from argparse import Namespace
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path

from mirror.cli.archive_command import open_reader, utc_now
from mirror.cli.archived_url import chosen_snapshot
from mirror.cli.option_values import parse_duration
from mirror.core.links.answers import Answer
from mirror.core.links.problems import ACTIVE, Ignored, InvalidIgnoreError, Problem, ignore_rules
from mirror.reports.exit_codes import Exit
from mirror.reports.links.formats import FORMATS
from mirror.reports.links.report import LinkReport
from mirror.store.archive import Archive
from mirror.store.archive_reader import ArchiveReader
from mirror.store.disk.errors import StorageError
from mirror.store.links.findings import Collection
from mirror.store.links.report import read_links
from mirror.store.manifest.history_records import SnapshotInfo
from mirror.terminal.console import exit_with_error, print_message, print_report
from mirror.workers.pool import Workers, prefork
from mirror.workers.processes import end_forked

_ALL = "all"
_NONE = "none"
_QUIET = frozenset({Problem.SKIPPED})
"""Problems that are only counted, unless the user asks for them."""

Wanted = Callable[[str], bool] | None
"""Which of the URLs that a run left out to ask about; `None`: none."""


def run(given: Namespace) -> int:
    """Exits with 1 if there is a problem of a kind that `--fail-on` names, else with 0."""
    return report(given)


def report(given: Namespace, *, left_out: Wanted = None) -> int:
    """Print the report on the archive `given.folder`. `left_out`: which of the URLs that the run left out to ask about."""
    failing = _kinds(given.fail_on, ACTIVE, "--fail-on")
    shown = _kinds(given.show, frozenset(Problem) - _QUIET, "--show")
    rules = _rules(given.ignore) if given.ignore else []
    age = parse_duration("external_age", given.external_age) or timedelta()
    prefork(None)
    try:
        with open_reader(given.folder) as archive, Collection() as found:
            snapshot = chosen_snapshot(archive, given.snapshot)
            asyncio.run(_read(archive, snapshot, found))
            if given.external or left_out:
                _ask(given, archive, found, age, left_out)
            counts = found.pages, found.links, found.count_leaving(), found.unread
            return _tell(
                LinkReport(snapshot, *counts, found.findings, shown, failing, rules, given.places, given.by == "page"),
                given.format,
            )
    finally:
        end_forked()


async def _read(archive: ArchiveReader, snapshot: SnapshotInfo, found: Collection) -> None:
    workers = Workers.create(None)
    try:
        await read_links(archive, snapshot, found, workers.submit)
    finally:
        await workers.close()


def _ask(
    given: Namespace, archive: ArchiveReader, found: Collection, age: timedelta, left_out: Callable[[str], bool] | None
) -> None:
    """Ask about what the mirror does not have, except for what was asked a short time ago."""
    urls = found.unasked(leaving=True) if given.external else []
    urls += [url for url in found.unasked(leaving=False) if left_out(url)] if left_out else []
    known = archive.manifest.links.answers((utc_now() - age).isoformat(timespec="seconds"))
    wanted = [url for url in urls if url not in known]
    answers: list[Answer] = []
    if wanted:
        from mirror.asking.ask import ask  # noqa: PLC0415 - Scrapy takes its time to load
        from mirror.cli.scrapy_settings import find_settings, silence_duplicate_logs  # noqa: PLC0415

        silence_duplicate_logs()
        print_message(f"Asking about {'1 URL' if len(wanted) == 1 else f'{len(wanted):,} URLs'}\n")
        answers = ask(wanted, archive.manifest.runs.starts(), find_settings(given))
        _keep(archive.root, answers)
    found.add_answers([*(known[url] for url in urls if url in known), *answers])
    if len(answers) < len(wanted):
        print_message(f"{len(wanted) - len(answers):,} more could not be asked about: run the same command again\n")


def _keep(root: Path, answers: list[Answer]) -> None:
    """Store the answers, so that the next report need not ask again. That is not possible while a crawl runs."""
    try:
        with closing(Archive(root, create=False)) as archive, archive.manifest.transaction():
            archive.manifest.links.keep_answers(answers, utc_now().isoformat(timespec="seconds"))
    except StorageError as error:
        print_message(f"The answers are not kept for the next report: {error}\n")


def _tell(found: LinkReport, form: str) -> int:
    print_report(FORMATS[form](found))
    print_message(f"{found.totals}\n")
    hidden = [kind for kind in Problem if found.counts[kind] and kind not in found.shown]
    if hidden:
        print_message(f"Not listed: {', '.join(hidden)}: see --show\n")
    for url in found.unread:
        print_message(f"{url} can't be read: `verify` says why\n")
    for rule in found.rules:
        if not rule.count:
            print_message(f"The ignore file's line {rule.line} matches nothing\n")
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
        return ignore_rules(Path(name).expanduser().read_text("utf-8"))
    except OSError as error:
        exit_with_error(f"--ignore {name}: {error.strerror}", Exit.USAGE)
    except (InvalidIgnoreError, UnicodeDecodeError) as error:
        exit_with_error(f"--ignore {name}: {error}", Exit.USAGE)
