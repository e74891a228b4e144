"""`scrapy prune DIR --keep RULES`: remove old snapshots, and the objects that only they need."""

import argparse
from datetime import datetime

from rich.filesize import decimal

from mirror.cli.archive_command import ArchiveCommand, open_archive, utc_now, warn_about_clock
from mirror.core.policy import retention
from mirror.core.policy.retention import InvalidPolicyError, Policy
from mirror.reports.run_summary import Exit
from mirror.reports.times import format_time
from mirror.store.manifest.history_records import SnapshotInfo
from mirror.store.manifest.records import Outcome
from mirror.terminal.console import exit_with_error, print_json, print_line, print_message


class Command(ArchiveCommand):
    """The newest complete snapshot always stays, and so does an unfinished run."""

    summary = "Remove old snapshots by rules, and the objects that only they need"

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        super().add_options(parser)
        parser.add_argument(
            "--keep",
            metavar="RULES",
            help="keep the snapshots that match any of these rules: last=N, daily=N, weekly=N, monthly=N, yearly=N, "
            "within=DURATION, separated by commas. Without it every snapshot stays, and only unused objects are removed",
        )
        parser.add_argument("--dry-run", action="store_true", help="show what would be removed, and change nothing")

    def execute(self, args: list[str], opts: argparse.Namespace) -> None:
        (folder,) = self.check_arguments(args, 1, 1)
        policy = _policy(opts.keep)
        with open_archive(folder, read_only=opts.dry_run) as archive:
            listed = archive.history.snapshots()
            warn_about_clock(archive)
            rules = _kept(policy, listed)
            gone = [one for one in listed if one.id not in rules]
            count = size = 0
            if not opts.dry_run:
                with archive.manifest.transaction():
                    archive.manifest.retention.prune(rules)
                count, size = archive.collect()
                if gone:
                    archive.compact()
        if opts.json:
            print_json({"kept": rules, "pruned": [one.id for one in gone], "objects": count, "bytes": size})
            return
        for one in listed:
            print_line(
                f"{one.id}  {format_time(one.started)}  {f'kept ({rules[one.id]})' if one.id in rules else 'pruned'}"
            )
        if opts.dry_run:
            print_message(f"{_snapshots(len(gone))} would be removed\n")
        else:
            print_message(f"Removed {_snapshots(len(gone))} and {count:,} objects of {decimal(size)}\n")


def _snapshots(number: int) -> str:
    return f"{number:,} snapshot{'' if number == 1 else 's'}"


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
