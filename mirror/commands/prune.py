"""`websucker prune DIR --keep RULES`: remove old snapshots, and the objects that only they need."""

from argparse import Namespace
from datetime import datetime

from rich.filesize import decimal

from mirror.cli.archive_command import utc_now, warn_about_clock
from mirror.cli.open_archive import open_archive
from mirror.core.policy import retention
from mirror.core.policy.retention import InvalidPolicyError, Policy
from mirror.reports.exit_codes import Exit
from mirror.reports.times import format_time
from mirror.store.manifest.history_records import SnapshotInfo
from mirror.store.manifest.records import Outcome
from mirror.store.searching import remove_texts
from mirror.terminal.console import exit_with_error, print_json, print_line, print_message


def run(given: Namespace) -> int:
    """The newest complete snapshot always stays, and so does an unfinished run."""
    policy = _policy(given.keep)
    with open_archive(given.folder, read_only=given.dry_run) as archive:
        listed = archive.history.snapshots()
        warn_about_clock(archive)
        rules = _kept(policy, listed)
        gone = [one for one in listed if one.id not in rules]
        count = size = 0
        if not given.dry_run:
            with archive.manifest.transaction():
                archive.manifest.retention.prune(rules)
            count, size = archive.collect()
            remove_texts(archive.root, archive.manifest)
            if gone:
                archive.compact()
    if given.json:
        print_json({"kept": rules, "pruned": [one.id for one in gone], "objects": count, "bytes": size})
        return Exit.WELL
    for one in listed:
        print_line(
            f"{one.id}  {format_time(one.started)}  {f'kept ({rules[one.id]})' if one.id in rules else 'pruned'}"
        )
    if given.dry_run:
        print_message(f"{_snapshots(len(gone))} would be removed\n")
    else:
        print_message(f"Removed {_snapshots(len(gone))} and {_objects(count)} of {decimal(size)}\n")
    return Exit.WELL


def _snapshots(number: int) -> str:
    return f"{number:,} snapshot{'' if number == 1 else 's'}"


def _objects(number: int) -> str:
    return f"{number:,} object{'' if number == 1 else 's'}"


def _policy(words: str | None) -> Policy | None:
    try:
        return retention.parse(words) if words else None
    except InvalidPolicyError as error:
        exit_with_error(str(error), Exit.USAGE)


def _kept(policy: Policy | None, listed: list[SnapshotInfo]) -> dict[int, str]:
    """The ids of the snapshots that stay, each with the reason. Rules select among complete snapshots only."""
    complete = [(one.id, datetime.fromisoformat(one.started)) for one in listed if one.outcome is Outcome.COMPLETE]
    if policy is None:
        return {one.id: "no rule" for one in listed}
    unfinished = {one.id: str(one.outcome) for one in listed[-1:] if one.outcome is not Outcome.COMPLETE}
    return retention.kept_snapshots(policy, complete, utc_now()) | unfinished
