"""`scrapy verify DIR [--repair]`: find damage in an archive, and fetch damaged files again."""

import argparse
from pathlib import Path
from typing import Any

from mirror.cli.archive_command import ArchiveCommand, open_archive
from mirror.cli.options import REPAIR, stored_words
from mirror.commands.crawl import run_mirror
from mirror.reports.run_summary import Exit
from mirror.store.archive import Archive
from mirror.store.manifest.records import Outcome, Resource
from mirror.store.verification import Damage, DamagedPart, repair, unknown_files, verify
from mirror.terminal.console import print_json, print_line, print_message


class Command(ArchiveCommand):
    """Exits with 0 if nothing is damaged or everything was repaired, with 1 if damage is left."""

    summary = "Check every stored object and the tree by hash, and with --repair fetch only the damaged files again"
    requires_crawler_process = True

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        super().add_options(parser)
        parser.add_argument(
            "--repair", action="store_true", help="repair the damage; nothing else is requested from servers"
        )

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        (folder,) = self.check_arguments(args, 1, 1)
        with open_archive(folder, read_only=not opts.repair) as archive:
            checked, damages = _check(archive)
            unknown = [] if opts.repair else list(unknown_files(archive))
            _report(opts, checked, damages, unknown)
            if not opts.repair:
                self.exitcode = Exit.SOME_FAILED if damages else Exit.WELL
                return
            last = archive.history.snapshots()[-1:]
            unfinished = bool(last) and last[0].outcome is Outcome.INCOMPLETE
            if unfinished:
                archive.manifest.runs.select(last[0].id)
            lost = repair(archive, damages)
            _publish(archive, lost)
        if unfinished and REPAIR not in last[0].options:
            print_message(
                "The last crawl is unfinished: run its command again to continue it; it also fetches damaged files again\n"
            )
            self.exitcode = Exit.SOME_FAILED if lost else Exit.WELL
            return
        code = self._fetch(folder, last[0].options, lost) if lost or unfinished else Exit.WELL
        with open_archive(folder, read_only=False) as archive:
            left = _unrepaired(archive, damages)
        self.exitcode = code if code > Exit.SOME_FAILED else Exit.SOME_FAILED if left else Exit.WELL

    def _fetch(self, folder: str, options: dict[str, Any], lost: list[Resource]) -> int:
        """Start a run with the options of the last one that requests only the lost resources; returns its exit code."""
        assert self.crawler_process is not None
        words: dict[str, Any] = {**stored_words(options), "out": folder, REPAIR: [resource.url for resource in lost]}
        return run_mirror(self.crawler_process, words)


def _check(archive: Archive) -> tuple[int, list[Damage]]:
    """The number of checked items, and the damage."""
    checked, damages = 0, []
    for damage in verify(archive):
        checked += 1
        if damage is not None:
            damages.append(damage)
    return checked, damages


def _publish(archive: Archive, lost: list[Resource]) -> None:
    """Write the damaged files of the tree again, except those whose objects have to be fetched first."""
    waiting = {resource.id for resource in lost}
    for resource in archive.manifest.resources.all(stale=True):
        if resource.id not in waiting:
            published = archive.publish(resource)
            with archive.manifest.transaction():
                archive.manifest.resources.mark_published([published])


def _unrepaired(archive: Archive, damages: list[Damage]) -> list[Damage]:
    """The remaining damage. Gives up lost payloads of old versions, because no server has them any more."""
    left = []
    for damage in damages:
        if damage.part is DamagedPart.MANIFEST:
            left.append(damage)
        if damage.part is DamagedPart.OBJECT and damage.digest and not archive.objects.has(damage.digest):
            with archive.manifest.transaction():
                archive.manifest.retention.give_up(damage.digest)
            left.append(damage)
            for resource in damage.resources:
                print_message(f"Lost permanently: {resource.url} as fetched {resource.fetched}\n")
    return left


def _report(opts: argparse.Namespace, checked: int, damages: list[Damage], unknown: list[Path]) -> None:
    if opts.json:
        print_json({"looked_at": checked, "damages": list(map(_as_json, damages)), "unknown": list(map(str, unknown))})
        return
    for damage in damages:
        urls = list(dict.fromkeys(resource.url for resource in damage.resources))
        more = f" and {len(urls) - 1:,} more" if len(urls) > 1 else ""
        print_line(f"{damage.part}: {damage.place}: {damage.what}{f' ({urls[0]}{more})' if urls else ''}")
    for place in unknown:
        print_line(f"unknown: {place}: this file does not belong to the archive")
    print_message(f"Checked {checked:,} items: {f'{len(damages):,} damaged' if damages else 'no damage'}\n")
    if any(damage.part is DamagedPart.MANIFEST for damage in damages):
        print_message("The manifest is damaged: restore it from a backup, or move .mirror away to start over\n")
    elif damages and not opts.repair:
        print_message("Run the same command with --repair to repair it\n")


def _as_json(damage: Damage) -> dict[str, Any]:
    urls = list(dict.fromkeys(resource.url for resource in damage.resources))
    return {"part": damage.part, "place": str(damage.place), "what": damage.what, "digest": damage.digest, "urls": urls}
