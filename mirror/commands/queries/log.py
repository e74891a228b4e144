"""`websucker log DIR URL`: list the versions of a URL, and what changed in each."""

import sys
from argparse import Namespace
from itertools import islice
from typing import Any

from mirror.cli.archive_command import open_reader
from mirror.cli.archived_url import find_url
from mirror.core.comparison.text_diff import Change, unified
from mirror.core.url.canonical import CanonicalURL
from mirror.reports.exit_codes import Exit
from mirror.reports.times import format_time
from mirror.reports.version_log import Step, VersionLog
from mirror.reports.version_spans import spans
from mirror.store.archive_reader import ArchiveReader
from mirror.store.manifest.history_records import UrlVersion
from mirror.terminal.console import exit_with_error, print_json, print_line, print_message

_SHOWN_LINES = 3
_SHOWN_LENGTH = 160
_DIGITS = 12


def run(given: Namespace) -> int:
    """Prints the newest version first. Exits with 1 if the archive has no version of the URL."""
    if given.number is not None and not 1 <= given.number <= sys.maxsize:
        exit_with_error(f"--number {given.number}: give a number of versions, from 1 on", Exit.USAGE)
    with open_reader(given.folder) as archive:
        url, versions = _versions(archive, find_url(archive, given.url))
        steps = islice(VersionLog(archive, versions).steps(), given.number)
        if given.json:
            print_json({"url": url, "versions": [_as_json(step, whole=given.patch) for step in steps]})
            return Exit.WELL
        for step in steps:
            print_line(_head(step))
            for line in _patch(url, step) if given.patch else _short(step):
                print_line(line)
    return Exit.WELL


def _versions(archive: ArchiveReader, url: CanonicalURL) -> tuple[CanonicalURL, list[UrlVersion]]:
    """The versions of a URL, or of the URL that it is an alias of; without any, the program ends and says why."""
    versions = archive.history.versions(url)
    other = None if versions else archive.history.same_as(url)
    if other:
        print_message(f"{url} is the same as {other}\n")
        return other, archive.history.versions(other)
    if not versions and archive.manifest.frontier.find([url]):
        exit_with_error(f"{url} was never requested; `websucker why` says why", Exit.SOME_FAILED)
    if not versions:
        exit_with_error(f"{url} is unknown: no fetched page refers to it", Exit.SOME_FAILED)
    return url, versions


def _head(step: Step) -> str:
    version, resource = step.version, step.version.resource
    many = "" if version.first == version.last else "s"
    cells = [
        f"snapshot{many} {spans([(version.first, version.last)])}",
        f"{format_time(version.began)} UTC",
        str(resource.status or "no answer"),
    ]
    if resource.digest and resource.path:
        cells += [f"{resource.size:,} bytes", resource.digest[:_DIGITS]]
    return "  ".join([*cells, _cut(step.title)] if step.title else cells)


def _short(step: Step) -> list[str]:
    """What happened, and the first lines that changed."""
    shown = step.changed[:_SHOWN_LINES]
    left = len(step.changed) - len(shown)
    return [
        f"    {'; '.join(step.events)}",
        *(f"    {change.sign} {_cut(change.text)}" for change in shown),
        *([f"    and {left:,} more line{'' if left == 1 else 's'}"] if left else []),
    ]


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN_LENGTH else f"{text[:_SHOWN_LENGTH]}..."


def _patch(url: CanonicalURL, step: Step) -> list[str]:
    """What happened, and all changes of the text as a unified diff."""
    lines = [f"    {'; '.join(step.events)}", ""]
    if step.changed and step.before:
        lines += [f"--- {url}@{step.before.last}", f"+++ {url}@{step.version.first}", *unified(step.changes), ""]
    return lines


def _as_json(step: Step, *, whole: bool) -> dict[str, Any]:
    version, resource = step.version, step.version.resource
    return {
        "first_snapshot": version.first,
        "last_snapshot": version.last,
        "since": version.began,
        "until": version.ended,
        "standing": resource.standing,
        "status": resource.status,
        "error": resource.error,
        "size": resource.size,
        "media_type": resource.media_type,
        "digest": resource.digest,
        "path": resource.path,
        "title": step.title,
        "events": step.events,
        "changed_lines": len(step.changed),
        "changes": [_change_as_json(one) for one in (step.changed if whole else step.changed[:_SHOWN_LINES])],
    }


def _change_as_json(change: Change) -> dict[str, str]:
    return {"sign": change.sign, "text": change.text}
