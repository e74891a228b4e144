"""`websucker diff DIR [A [B]]`: list the differences between two snapshots."""

import sys
from argparse import Namespace
from collections.abc import Collection
from dataclasses import replace
from typing import Any

from mirror.cli.archive_command import find_snapshot, open_reader, write_report
from mirror.reports.exit_codes import Exit
from mirror.store.archive_reader import ArchiveReader
from mirror.store.manifest.history_records import ChangeKind, Difference, SnapshotInfo
from mirror.store.manifest.records import Outcome
from mirror.store.noise import is_noise
from mirror.terminal.console import exit_with_error, print_json, print_line, print_message

_SIGNS = {
    ChangeKind.ADDED: "+",
    ChangeKind.REMOVED: "-",
    ChangeKind.CHANGED: "*",
    ChangeKind.MOVED: ">",
    ChangeKind.NOISE: "~",
}


def run(given: Namespace) -> int:
    """Without names, compares the last two complete snapshots; with one name, that snapshot and the newest."""
    with open_reader(given.folder) as archive:
        before, now = _pair(archive, [name for name in (given.before, given.now) if name is not None])
        found = [_told_apart(archive, one) for one in archive.history.differences(before.id, now.id)]
        if given.html:
            from mirror.reports.difference_page import difference_page  # noqa: PLC0415 - it loads parsers

            write_report(given.html, difference_page(archive, before, now, found))
            print_message(f"{len(found):,} differences; open {given.html}\n")
    if given.json:
        print_json({"before": before.id, "now": now.id, "differences": [_as_json(one) for one in found]})
    elif not given.html:
        for one in found:
            print_line(f"{_SIGNS[one.kind]} {_name(one)}")
        if sys.stdout.isatty():
            print_message(f"Snapshots {before.id} and {now.id}\n")
            print_message(_legend({one.kind for one in found}))
    is_news = any(one.kind is not ChangeKind.NOISE for one in found)
    return Exit.SOME_FAILED if is_news else Exit.WELL


def _legend(kinds: Collection[ChangeKind]) -> str:
    """What the signs mean that were printed.

    >>> _legend({ChangeKind.NOISE, ChangeKind.ADDED})
    'Signs: + added, ~ noise\\n'
    """
    meanings = ", ".join(f"{sign} {kind}" for kind, sign in _SIGNS.items() if kind in kinds)
    return f"Signs: {meanings}\n" if meanings else ""


def _told_apart(archive: ArchiveReader, one: Difference) -> Difference:
    """Tell a change that says nothing from the others."""
    if one.kind is ChangeKind.CHANGED and one.before and one.now and is_noise(archive, one.before, one.now):
        return replace(one, kind=ChangeKind.NOISE)
    return one


def _pair(archive: ArchiveReader, names: list[str]) -> tuple[SnapshotInfo, SnapshotInfo]:
    if names:
        before, now = find_snapshot(archive, names[0]), find_snapshot(archive, names[1] if len(names) > 1 else "latest")
        if before.id == now.id:
            print_message(f"Both are snapshot {now.id}: `snapshots` lists the others\n")
        return before, now
    complete = [one for one in archive.history.snapshots() if one.outcome is Outcome.COMPLETE]
    if len(complete) < 2:  # noqa: PLR2004 - a comparison needs two
        exit_with_error(
            "diff needs two complete snapshots to compare; `snapshots` lists those that there are", Exit.USAGE
        )
    return complete[-2], complete[-1]


def _name(one: Difference) -> str:
    urls = [side.url for side in (one.before, one.now) if side]
    return " -> ".join(urls) if one.kind is ChangeKind.MOVED else urls[-1]


def _as_json(one: Difference) -> dict[str, Any]:
    sides = {"before": one.before, "now": one.now}
    return {"kind": one.kind, "url": _name(one).rpartition(" -> ")[2]} | {
        name: side and {"url": side.url, "digest": side.digest, "size": side.size, "path": side.path}
        for name, side in sides.items()
    }
