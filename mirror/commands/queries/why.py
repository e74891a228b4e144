"""`websucker why DIR URL`: explain why a URL was fetched or not."""

from argparse import Namespace
from typing import Any

from mirror.cli.archive_command import open_reader
from mirror.cli.archived_url import find_url
from mirror.core.url.tombstones import covers
from mirror.reports.exit_codes import Exit
from mirror.reports.url_report import account_lines
from mirror.store.manifest.history_records import UrlHistory
from mirror.store.manifest.records import Entry
from mirror.terminal.console import print_json, print_line


def run(given: Namespace) -> int:
    """Exits with 0 if the archive has a copy of the URL, else with 1."""
    with open_reader(given.folder) as archive:
        url = find_url(archive, given.url)
        account = archive.history.account(url)
        forgotten = [pattern for pattern in archive.manifest.decisions.tombstones() if covers(pattern, url)]
        stands_in = archive.history.same_as(url)
        copies = [account, archive.history.account(stands_in) if stands_in else None]
    if given.json:
        print_json({"url": url, "known": account is not None, "forgotten": bool(forgotten), **_as_json(account)})
    else:
        for line in account_lines(url, account, forgotten):
            print_line(line)
    return Exit.WELL if any(map(_has_copy, copies)) else Exit.SOME_FAILED


def _has_copy(account: UrlHistory | None) -> bool:
    """Return whether the newest version has a file in the tree."""
    return bool(account and account.versions and account.versions[-1][0].path and account.versions[-1][2] is None)


def _as_json(account: UrlHistory | None) -> dict[str, Any]:
    if account is None:
        return {}
    return {
        "met": account.met,
        "decision": account.entry and _entry_as_json(account.entry, account),
        "versions": [
            {
                "since": began,
                "until": ended,
                "standing": resource.standing,
                "status": resource.status,
                "error": resource.error,
                "digest": resource.digest,
                "size": resource.size,
                "media_type": resource.media_type,
                "path": resource.path,
                "fetched": resource.fetched,
                "checked": resource.checked,
            }
            for resource, began, ended in account.versions
        ],
        "linked_from": account.linked_from,
    }


def _entry_as_json(entry: Entry, account: UrlHistory) -> dict[str, Any]:
    return {
        "run": account.decided,
        "state": entry.state.name.lower(),
        "roles": sorted(role.name.lower() for role in entry.roles),
        "depth": entry.depth,
        "guess": entry.guess,
        "reason": entry.reason,
        "rule": account.rule,
        "found_on": account.referrer,
    }
