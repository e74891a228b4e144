"""`scrapy why DIR URL`: all that is known of a URL: fetched or not, by which rule, found where, since when."""

import argparse
from typing import Any

from mirror.command import ArchiveCommand, moment, opened
from mirror.console import refuse, say, say_json
from mirror.core.scope import covers
from mirror.core.urls import CanonicalURL, InvalidURLError, canonical
from mirror.store.frontier import Entry, State
from mirror.store.history import Account
from mirror.store.manifest import Resource, Standing
from mirror.summary import Exit

_STANDINGS = {
    Standing.PRESENT: "in the tree",
    Standing.KEPT: "the last good copy is in the tree",
    Standing.UNLINKED: "in the tree, but nothing leads to it any more",
    Standing.FAILED: "failed",
    Standing.GONE: "gone",
    Standing.OUTSIDE: "left out by the rules",
}


class Command(ArchiveCommand):
    """Ends with 1 where the archive has no copy of the URL, so that scripts can ask too."""

    words = "<DIR> <URL>"
    short = "Tell whether and why a URL was fetched or not, where it was found, and since when"

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        folder, text = self.taken(args, 2, 2)
        try:
            url = canonical(text)
        except InvalidURLError as error:
            refuse(str(error), Exit.USAGE)
        with opened(folder) as archive:
            account = archive.history.account(url)
            forgotten = [pattern for pattern in archive.manifest.tombstones() if covers(pattern, url)]
        if opts.json:
            say_json({"url": url, "known": account is not None, "forgotten": bool(forgotten), **_as_json(account)})
        else:
            for line in [*(f"forgotten on request ({pattern})" for pattern in forgotten), *_lines(url, account)]:
                say(line)
        there = account and account.versions and account.versions[-1][0].path and account.versions[-1][2] is None
        self.exitcode = Exit.WELL if there else Exit.SOME_FAILED


def _lines(url: CanonicalURL, account: Account | None) -> list[str]:
    if account is None:
        return [f"{url} was never met: no page that was fetched refers to it"]
    lines = [f"{url} was first met in the run of {moment(account.met)}" if account.met else url]
    lines += [_decision(account)] if account.entry else []
    lines += [_version(*version) for version in account.versions]
    lines += [f"linked from {page}" for page in account.linked_from]
    return lines


def _decision(account: Account) -> str:
    """What the newest run that met it made of it."""
    entry = account.entry
    assert entry is not None
    found = f", found on {account.referrer}" if account.referrer else ""
    run = f"run of {moment(account.decided)}"
    rule = f": {account.rule}" if account.rule else ""
    if entry.state is State.SKIPPED:
        return f"{run}: not fetched, {entry.reason}{rule}{found}"
    roles = " and ".join(sorted(role.name.lower() for role in entry.roles))
    guess = ", as a guess" if entry.guess else ""
    done = "asked for" if entry.state is State.DONE else "waits to be asked for"
    left_out = f"; left out, {entry.reason}{rule}" if entry.reason and entry.state is State.DONE else ""
    return f"{run}: {done} as {roles}{guess}, {entry.depth} links from a start{found}{left_out}"


def _version(resource: Resource, began: str | None, ended: str | None) -> str:
    span = f"from {moment(began)} to {moment(ended)}" if ended else f"since {moment(began)}"
    error = f" ({resource.error})" if resource.error else ""
    content = f": {resource.size:,} bytes, {resource.media_type}, sha256 {resource.digest}" if resource.path else ""
    place = f", {resource.path}" if resource.path else ""
    return f"{span}: {_STANDINGS[resource.standing]}{error}{content}{place}; last checked {moment(resource.checked)}"


def _as_json(account: Account | None) -> dict[str, Any]:
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


def _entry_as_json(entry: Entry, account: Account) -> dict[str, Any]:
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
