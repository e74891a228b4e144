"""`websucker status DIR...`: show whether a run is going on in archives, how far it is, and how the last ones ended."""

import shutil
from argparse import Namespace
from contextlib import suppress
from pathlib import Path

from mirror.cli.archive_command import open_reader, utc_now
from mirror.reports.archive_status import MAX_RUNS, Disk, Status, judged, status_as_json, status_lines
from mirror.reports.exit_codes import Exit
from mirror.store import heartbeat
from mirror.store.disk.errors import StorageError
from mirror.store.disk.layout import KEPT
from mirror.store.disk.owner_record import find_holder
from mirror.store.heartbeat import Pulse
from mirror.terminal.console import print_json, print_line, print_message
from mirror.terminal.printable import printable


def run(given: Namespace) -> int:
    """Exits with 1 if a run is silent, failed or held, with 4 if an archive can't be read; the others are shown."""
    code, found = Exit.WELL, []
    for folder in given.folders:
        try:
            status = _status(folder)
        except StorageError as error:
            print_message(f"{printable(f'websucker: {error}')}\n")
            code = Exit.STORAGE
            continue
        found.append(status)
        code = code or (Exit.WELL if status.is_well else Exit.SOME_FAILED)
        for line in () if given.json else status_lines(status):
            print_line(line)
    if given.json:
        print_json([status_as_json(status) for status in found])
    return code


def _status(folder: str) -> Status:
    """Read the status of an archive: two small files, and the rows of its snapshots. Raises `StorageError`."""
    with open_reader(folder) as archive:
        root = archive.root
        pulse = heartbeat.read(root)
        now = utc_now()
        is_held, holder = find_holder(root / KEPT, now.timestamp())
        pulse = pulse if is_held else _last_pulse(root, pulse)
        runs = archive.history.recent(MAX_RUNS)
        disk = Disk(_free(root), archive.history.recorded_size(), _size(archive.manifest.path))
        return judged(folder, pulse, holder, runs, disk, now, is_held=is_held)


def _last_pulse(root: Path, pulse: Pulse | None) -> Pulse | None:
    """Return the last heartbeat of a process: it may have ended since the one that was read."""
    last = heartbeat.read(root)
    return last if last and pulse and last.nonce == pulse.nonce else pulse


def _size(manifest: Path) -> int:
    """Return the size of the database with its log."""
    size = manifest.stat().st_size
    with suppress(FileNotFoundError):
        size += manifest.with_name(f"{manifest.name}-wal").stat().st_size
    return size


def _free(root: Path) -> int | None:
    try:
        return shutil.disk_usage(root).free
    except OSError:
        return None
