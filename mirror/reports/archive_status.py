"""The status of an archive: whether a run writes it, how far that is, how the last runs ended, and what the disk has.

Input: the heartbeat, the owner of the lock, the newest snapshots, sizes, the time. Output: text, JSON, and whether all is well.
This module reads no file.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

from rich.filesize import decimal

from mirror.reports.exit_codes import Exit
from mirror.reports.times import format_time
from mirror.store.disk.owner_record import Owner
from mirror.store.heartbeat import Pulse
from mirror.store.manifest.history_records import RunRecord
from mirror.store.manifest.records import Outcome

MAX_RUNS: Final = 5
"""Runs to show."""

_BAD_OUTCOMES: Final = frozenset({Outcome.FAILED, Outcome.HELD})
_LACKS: Final[Mapping[int | None, str]] = {
    Exit.NOTHING_FETCHED: "nothing was fetched",
    Exit.STORAGE: "the archive could not be written",
}
"""Exit codes of a run that needs a look whatever its outcome is, and why."""

_UNITS: Final = ((86_400, "d"), (3_600, "h"), (60, "min"))


class State(StrEnum):
    """What goes on in an archive."""

    RUNNING = "running"  # a run writes it, and says so
    SILENT = "silent"  # a run should have said something, and has not
    BUSY = "busy"  # another command writes it, or a run that has just begun
    IDLE = "idle"  # nothing writes it


@dataclass(frozen=True, slots=True)
class Disk:
    """Bytes: `free` where the archive is (`None`: unknown), of the payloads that the snapshots brought, and of the database."""

    free: int | None
    payloads: int
    database: int


@dataclass(frozen=True, slots=True)
class Status:
    """`pulse` is the heartbeat of the newest run, if there is one. `holder` writes the archive; `runs`: the newest first."""

    folder: str
    state: State
    pulse: Pulse | None
    holder: Owner | None
    runs: Sequence[RunRecord]
    disk: Disk
    now: datetime

    @property
    def is_well(self) -> bool:
        """Whether nothing needs a look: the newest run is not silent, did not fail, and is not held."""
        if self.state is State.RUNNING:
            return True
        failed = bool(self.runs) and self.runs[0].outcome in _BAD_OUTCOMES
        return self.state is not State.SILENT and not _lack(self.pulse) and not failed


def judged(  # noqa: PLR0913, PLR0917 - what is known of an archive
    folder: str,
    pulse: Pulse | None,
    holder: Owner | None,
    runs: Sequence[RunRecord],
    disk: Disk,
    now: datetime,
    *,
    is_held: bool,
) -> Status:
    """Return the status. `is_held`: some process writes the archive; `holder` is which, if that is known.

    If none does, `holder` is one that was killed while it did.
    """
    if pulse and runs and runs[0].id != pulse.run:  # the newest run could not write its own
        pulse = None
    state = State.BUSY if is_held else State.IDLE
    if pulse and pulse.how is None:
        is_own = holder is not None and holder.nonce == pulse.nonce
        if is_held and is_own:
            is_late = abs((now - pulse.time).total_seconds()) > pulse.silent_after  # or somebody set a clock back since
            state = State.SILENT if is_late else State.RUNNING
        elif not is_held and _is_unfinished(runs):  # else it was killed behind its end, before it said so
            state = State.SILENT
    elif not pulse and holder and not is_held and _is_unfinished(runs):  # its process left its record, and no heartbeat
        state = State.SILENT
    return Status(folder, state, pulse, holder if is_held else None, runs, disk, now)


def _is_unfinished(runs: Sequence[RunRecord]) -> bool:
    """Whether there is a run that is not over, as the archive knows."""
    return bool(runs) and runs[0].outcome is Outcome.INCOMPLETE


def _lack(pulse: Pulse | None) -> str:
    """What the newest run says that it lacks; nothing if it lacks nothing."""
    return _LACKS.get(pulse.exit_code, "") if pulse else ""


def status_lines(status: Status) -> Iterator[str]:
    """The status as text: a line for the folder, and indented ones."""
    yield f"{status.folder}: {_headline(status)}"
    pulse = status.pulse
    if pulse and status.state in {State.RUNNING, State.SILENT}:
        yield f"  {_progress(pulse)}"
        if status.state is State.RUNNING:
            yield f"  {_number(pulse.counts['rate'])} URLs/s, {decimal(round(pulse.counts['byte_rate']))}/s in the last minute"
            yield from (f"  waiting for {host}: {_duration(seconds)} ({why})" for host, seconds, why in pulse.waits)
    for one in status.runs:
        yield f"  {_run(one)}"
    yield f"  {_disk(status.disk)}"


def status_as_json(status: Status) -> dict[str, Any]:
    """The status for scripts."""
    pulse = status.pulse
    return {
        "folder": status.folder,
        "state": status.state,
        "well": status.is_well,
        "silent_since": _iso(pulse.time) if pulse and status.state is State.SILENT else None,
        "holder": status.holder and {"host": status.holder.host, "process": status.holder.process},
        "heartbeat": pulse and _pulse_as_json(pulse),
        "runs": [asdict(one) for one in status.runs],
        "disk": asdict(status.disk),
    }


def _pulse_as_json(pulse: Pulse) -> Mapping[str, Any]:
    known = None if pulse.queued is None else int(pulse.counts["done"]) + pulse.queued
    waits = [{"host": host, "seconds": seconds, "why": why} for host, seconds, why in pulse.waits]
    return {
        **asdict(pulse),
        "time": _iso(pulse.time),
        "began": _iso(pulse.began),
        "known": known,
        "waits": waits,
    }


def _headline(status: Status) -> str:
    pulse, holder = status.pulse, status.holder
    if status.state is State.RUNNING and pulse:
        doing = {"paused": "paused (the disk is nearly full)", "ending": "ending"}.get(pulse.state, "running")
        resumed = ", resumed" if pulse.resumed else ""
        return (
            f"{doing}, run {pulse.run}{resumed}, process {pulse.process} on {pulse.host} since {_moment(pulse.began)}"
        )
    if status.state is State.SILENT and pulse:
        passed = (status.now - pulse.time).total_seconds()
        ago = _duration(passed) if passed >= 0 else "in the future: some clock is wrong"
        process = f"process {pulse.process} on {pulse.host}"
        what = (
            f"{process} is there, but does not go on"
            if holder
            else f"{process} is gone; the same command continues the run"
        )
        return f"silent since {_moment(pulse.time)} ({ago}): {what}"
    if status.state is State.SILENT:
        return "silent: its process is gone, and left no heartbeat; the same command continues the run"
    if status.state is State.BUSY:
        return f"busy: {holder or 'another process'}"
    return _last(status)


def _last(status: Status) -> str:
    """What the newest run came to."""
    if not status.runs:
        return "no run yet"
    last, pulse = status.runs[0], status.pulse
    if last.outcome is Outcome.INCOMPLETE:
        how = (
            {"quota": "the quota was used up", "storage": "the archive could not be written"}.get(pulse.how or "")
            if pulse
            else ""
        )
        return f"interrupted{f', because {how}' if how else ''}; the same command continues it"
    lack = _lack(pulse) if last.outcome is Outcome.COMPLETE else ""
    ending = f"{last.outcome}{f', but {lack}' if lack else ''}"
    return f"not running; the last run ended at {format_time(last.finished)} UTC: {ending}"


def _progress(pulse: Pulse) -> str:
    """How far the run is: URLs done, of how many. What pages lead to that were not read yet, nobody knows."""
    counts = pulse.counts
    done, left = int(counts["done"]), pulse.queued
    failed = f", {int(counts['failed']):,} failed" if counts["failed"] else ""
    kept = (_count(counts["pages"], "page"), _count(counts["requisites"], "requisite"), decimal(int(counts["bytes"])))
    saved = f"{', '.join(kept)}{failed}"
    if left is None:
        return f"{done:,} URLs done; {saved}"
    known = done + left
    if pulse.most is None:
        return f"{done:,} of {known:,} URLs or more; {saved}"
    if pulse.most <= known:
        return f"{done:,} of {known:,} URLs; {saved}"
    return f"{done:,} of {known:,} to {pulse.most:,} URLs, if it goes on as in the last minute; {saved}"


def _run(run: RunRecord) -> str:
    head = f"run {run.id}, {format_time(run.started)} UTC: {run.outcome}"
    n = run.counts
    if n is None:
        return head
    return f"{head}, {_count(n.pages, 'page')}, {_count(n.files, 'file')}, {decimal(n.size)}, {n.failed:,} failed"


def _disk(disk: Disk) -> str:
    free = f"{decimal(disk.free)} free" if disk.free is not None else "free space unknown"
    return f"disk: {free}; the snapshots brought {decimal(disk.payloads)}, the database has {decimal(disk.database)}"


def _count(number: float, noun: str) -> str:
    """A number of things.

    >>> _count(1, "page"), _count(1204, "page")
    ('1 page', '1,204 pages')
    """
    return f"{number:,.0f} {noun}{'' if number == 1 else 's'}"


def _number(rate: float) -> str:
    return f"{rate:,.0f}" if rate >= 10 else f"{rate:.1f}"  # noqa: PLR2004 - a digit more for small ones


def _duration(seconds: float) -> str:
    """A duration, in the largest unit that fits.

    >>> _duration(3.4), _duration(90), _duration(7200), _duration(-1)
    ('3 s', '1 min', '2 h', '0 s')
    """
    for size, unit in _UNITS:
        if seconds >= size:
            return f"{seconds // size:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"


def _moment(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S} UTC"


def _iso(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
