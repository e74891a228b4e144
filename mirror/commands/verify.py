"""`websucker verify DIR [--repair]`: find damage in an archive, and fetch damaged files again."""

from argparse import Namespace
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from rich.filesize import decimal

from mirror.cli.open_archive import open_archive
from mirror.cli.options import REPAIR, reads_files, stored_words
from mirror.reports.exit_codes import Exit
from mirror.store.archive import Archive
from mirror.store.disk.errors import StorageError, storing
from mirror.store.disk.layout import KEPT
from mirror.store.manifest.checks import DamagedManifestError
from mirror.store.manifest.records import Outcome, Resource
from mirror.store.manifest_backup import restore
from mirror.store.verification import Damage, DamagedPart, give_up, repair, unanswered, unknown_files, verify
from mirror.terminal.console import exit_with_error, print_json, print_line, print_message


def run(given: Namespace) -> int:
    """Exits with 0 if nothing is damaged or everything was repaired, with 1 if there is damage or something is lost for good.

    What was recorded as lost is reported, and is no damage any more.
    """
    if given.repair:
        _mend_manifest(Path(given.folder).expanduser())
    with open_archive(given.folder, read_only=not given.repair) as archive:
        checked, damages = _check(archive)
        unknown = [] if given.repair else list(unknown_files(archive))
        _report(given, checked, damages, unknown, archive.manifest.retention.lost())
        if not given.repair:
            print_message(_unused([store.path(digest).lstat().st_size for store, digest in archive.unused()]))
            return Exit.SOME_FAILED if damages else Exit.WELL
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
        return Exit.SOME_FAILED if lost else Exit.WELL
    is_local = bool(last) and bool(lost or unfinished) and reads_files(last[0].options)
    code = _fetch(given, last[0].options, lost) if (lost or unfinished) and not is_local else Exit.WELL
    if code in _CUT_SHORT:
        return code
    with open_archive(given.folder, read_only=False) as archive:
        gone = give_up(archive, damages)
        waiting = unanswered(archive, damages)
    for resource in gone:
        print_message(f"Lost permanently: {resource.url} as fetched {resource.fetched}\n")
    if is_local:
        print_message(f"{_LOCAL}\n")
    elif waiting:
        what = "1 object" if len(waiting) == 1 else f"{len(waiting):,} objects"
        print_message(f"{what} could not be fetched now: run the same command again when the server answers\n")
    is_broken = is_local or bool(waiting) or any(damage.part is DamagedPart.MANIFEST for damage in damages)
    return Exit.HELD if code == Exit.HELD else Exit.SOME_FAILED if gone or is_broken else Exit.WELL


def _fetch(given: Namespace, options: dict[str, Any], lost: list[Resource]) -> int:
    """Start a run with the options of the last one that requests only the lost resources; returns its exit code."""
    from mirror.commands.crawl import find_process, run_mirror  # noqa: PLC0415 - few repairs fetch, and Scrapy takes its time

    words: dict[str, Any] = {**stored_words(options), "out": given.folder, REPAIR: [resource.url for resource in lost]}
    return run_mirror(find_process(given), words)


def _mend_manifest(root: Path) -> None:
    """If the manifest is damaged, restore its backup."""
    try:
        if not (root / KEPT).is_dir() or not _is_damaged(root):
            return
        old = restore(root)
    except StorageError as error:
        exit_with_error(str(error), Exit.STORAGE)
    print_message(
        f"The manifest was damaged: restored that of the last complete run; the damaged one is now {old}\n"
        if old
        else "The manifest was missing: restored that of the last complete run\n"
    )


def _is_damaged(root: Path) -> bool:
    """Return whether the manifest has a page that can't be read or a row that can't be right."""
    try:
        with storing(root), closing(Archive(root, create=False, read_only=True)) as archive:
            if archive.manifest.damage():
                return True
            for _ in archive.history.all():
                pass
            for part in (
                archive.history.snapshots,
                archive.manifest.departures.all,
                archive.manifest.retention.copies_in_use,
            ):
                part()
            for _ in archive.manifest.locations.all_urls():
                pass
    except DamagedManifestError:
        return True
    return False


_LOCAL: Final = (
    "Nothing was fetched, because the crawl copies files of this machine: run the crawl's own command to fetch again"
)
"""Whoever made the archive chose the starts: they might name any folder."""

_CUT_SHORT: Final = frozenset({Exit.USAGE, Exit.STORAGE, Exit.INTERRUPTED})
"""The exit codes of a run that did not ask for everything, so that nothing is lost for good yet."""


def _check(archive: Archive) -> tuple[int, list[Damage]]:
    """The number of checked items, and the damage."""
    checked, damages = 0, []
    for damage in verify(archive):
        checked += 1
        if damage is not None:
            damages.append(damage)
    return checked, damages


def _unused(sizes: list[int]) -> str:
    """Say how much `prune` would free; "" if nothing."""
    if not sizes:
        return ""
    what = "1 file" if len(sizes) == 1 else f"{len(sizes):,} files"
    which = f"{what} of {decimal(sum(sizes))} in .mirror"
    return f"No snapshot needs {which}, which is harmless: `prune` frees the space\n"


def _publish(archive: Archive, lost: list[Resource]) -> None:
    """Write the damaged files of the tree again, except those whose objects have to be fetched first."""
    waiting = {resource.id for resource in lost}
    for resource in archive.manifest.resources.all(stale=True):
        if resource.id not in waiting and archive.has_payload(resource):
            published = archive.publish(resource)
            with archive.manifest.transaction():
                archive.manifest.resources.mark_published([published])


def _report(given: Namespace, checked: int, damages: list[Damage], unknown: list[Path], lost: list[Resource]) -> None:
    if given.json:
        print_json(
            {
                "looked_at": checked,
                "damages": list(map(_as_json, damages)),
                "unknown": list(map(str, unknown)),
                "lost": [{"url": one.url, "fetched": one.fetched} for one in lost],
            }
        )
        return
    for damage in damages:
        urls = list(dict.fromkeys(resource.url for resource in damage.resources))
        more = f" and {len(urls) - 1:,} more" if len(urls) > 1 else ""
        print_line(f"{damage.part}: {damage.place}: {damage.what}{f' ({urls[0]}{more})' if urls else ''}")
    for place in unknown:
        print_line(f"unknown: {place}: this file does not belong to the archive")
    for one in lost:
        print_line(f"lost: {one.url} as fetched {one.fetched}: recorded earlier; no server had it any more")
    print_message(f"Checked {checked:,} items: {f'{len(damages):,} damaged' if damages else 'no damage'}\n")
    if any(damage.part is DamagedPart.MANIFEST for damage in damages):
        print_message(
            "The manifest is damaged: run the same command with --repair to restore that of the last complete run\n"
        )
    elif damages and not given.repair:
        print_message("Run the same command with --repair to repair it\n")


def _as_json(damage: Damage) -> dict[str, Any]:
    urls = list(dict.fromkeys(resource.url for resource in damage.resources))
    return {"part": damage.part, "place": str(damage.place), "what": damage.what, "digest": damage.digest, "urls": urls}
