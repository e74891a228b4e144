"""`scrapy prune DIR --keep RULES`: let old snapshots go, and what only they need."""

import argparse
from datetime import datetime

from rich.filesize import decimal

from mirror.cli.archive_command import ArchiveCommand, open_archive, utc_now
from mirror.core.policy import retention
from mirror.core.policy.retention import InvalidPolicyError, Policy
from mirror.reports.run_summary import Exit
from mirror.reports.wording import moment
from mirror.store.manifest.history import Listed
from mirror.store.manifest.records import Outcome
from mirror.terminal.console import exit_with_error, print_json, print_line, tell


class Command(ArchiveCommand):
    """The newest snapshot stays in any case, and so does one that is not finished."""

    summary = "Let old snapshots go by rules, and remove the objects that only they need"

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        super().add_options(parser)
        parser.add_argument(
            "--keep",
            metavar="RULES",
            help="last=N, daily=N, weekly=N, monthly=N, yearly=N, within=DURATION, with commas between them: "
            "what any of them keeps stays. Without it no snapshot goes, only objects that none needs",
        )
        parser.add_argument("--dry-run", action="store_true", help="say what would go, and change nothing")

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        (folder,) = self.check_arguments(args, 1, 1)
        policy = _policy(opts.keep)
        with open_archive(folder, read_only=opts.dry_run) as archive:
            listed = archive.history.snapshots()
            rules = _kept(policy, listed)
            gone = [one for one in listed if one.id not in rules]
            count = size = 0
            if not opts.dry_run:
                with archive.database.transaction():
                    archive.history.prune(rules)
                count, size = archive.collect()
                if gone:
                    archive.database.compact()
        if opts.json:
            print_json({"kept": rules, "pruned": [one.id for one in gone], "objects": count, "bytes": size})
            return
        for one in listed:
            print_line(f"{one.id}  {moment(one.started)}  {f'kept ({rules[one.id]})' if one.id in rules else 'pruned'}")
        if opts.dry_run:
            tell(f"{len(gone):,} snapshots would go\n")
        else:
            tell(f"{len(gone):,} snapshots went, {count:,} objects and {decimal(size)} with them\n")


def _policy(words: str | None) -> Policy | None:
    try:
        return retention.parse(words) if words else None
    except InvalidPolicyError as error:
        exit_with_error(str(error), Exit.USAGE)


def _kept(policy: Policy | None, listed: list[Listed]) -> dict[int, str]:
    """Which snapshots stay, and why; rules are for complete ones, and the newest is what the others build on."""
    complete = [(one.id, datetime.fromisoformat(one.started)) for one in listed if one.outcome is Outcome.COMPLETE]
    if policy is None:
        return {one.id: "no rule" for one in listed}
    unfinished = {one.id: str(one.outcome) for one in listed[-1:] if one.outcome is not Outcome.COMPLETE}
    return retention.kept(policy, complete, utc_now()) | unfinished
