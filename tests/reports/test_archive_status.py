"""What `status` says of an archive, and when something needs a look."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from mirror.reports.archive_status import Disk, State, Status, judged, status_as_json, status_lines
from mirror.store.disk.owner_record import Owner
from mirror.store.heartbeat import Pulse
from mirror.store.manifest.history_records import RunRecord, SnapshotCounts
from mirror.store.manifest.records import Outcome

NOW: Final = datetime(2026, 11, 30, 18, 0, 0, tzinfo=UTC)
OWN: Final = Owner("crawler", "boot", "space", 4711, "1", "2026-11-30 17:50:00 UTC", "own")
OTHER: Final = Owner("crawler", "boot", "space", 4712, "2", "2026-11-30 17:59:00 UTC", "other")
COUNTS: Final = {
    **dict.fromkeys(("elapsed", "in_flight", "requisites", "failed", "skipped", "received", "dropped"), 0.0),
    "done": 1204,
    "pages": 1100,
    "bytes": 14_700_000,
    "rate": 4.04,
    "byte_rate": 2_900_000.0,
}


def pulse(age: float = 3, **values: Any) -> Pulse:
    known: dict[str, Any] = {
        "run": 2,
        "time": NOW - timedelta(seconds=age),
        "began": NOW - timedelta(seconds=600),
        "resumed": False,
        "host": "crawler",
        "process": 4711,
        "nonce": "own",
        "silent_after": 60.0,
        "state": "crawling",
        "counts": COUNTS,
        "queued": 2106,
        "most": 5012,
        "waits": (),
        "how": None,
        "exit_code": None,
    }
    return Pulse(**(known | values))


def record(outcome: Outcome = Outcome.INCOMPLETE, number: int = 2) -> RunRecord:
    counts = None if outcome is Outcome.INCOMPLETE else SnapshotCounts(pages=3010, files=420, size=60_100_000, failed=4)
    ended = None if counts is None else "2026-11-30T17:00:00+00:00"
    return RunRecord(number, "2026-11-30T16:00:00+00:00", ended, outcome, counts)


def status(
    heartbeat: Pulse | None, *runs: RunRecord, holder: Owner | None = None, is_held: bool | None = None
) -> Status:
    held = holder is not None if is_held is None else is_held
    return judged("/srv", heartbeat, holder, runs, Disk(12_300_000_000, 71_000_000, 9_400_000), NOW, is_held=held)


@pytest.mark.parametrize(
    ("found", "state", "is_well", "words"),
    [
        (status(pulse(), record(), holder=OWN), State.RUNNING, True, "running, run 2, process 4711 on crawler since"),
        (
            status(pulse(state="paused"), record(), holder=OWN),
            State.RUNNING,
            True,
            "paused (the disk is nearly full), ",
        ),
        (status(pulse(state="ending"), record(), holder=OWN), State.RUNNING, True, "ending, run 2"),
        (status(pulse(resumed=True), record(), holder=OWN), State.RUNNING, True, "running, run 2, resumed, process"),
        (status(pulse(-60), record(), holder=OWN), State.RUNNING, True, "running"),  # clocks differ
        (
            status(pulse(-3600), record(), holder=OWN),  # a clock was set back, and nothing came since
            State.SILENT,
            False,
            "silent since 2026-11-30 19:00:00 UTC (in the future: some clock is wrong): process 4711 on crawler is there",
        ),
        (
            status(None, record(), holder=OWN, is_held=False),  # it was killed, and its heartbeat is lost
            State.SILENT,
            False,
            "silent: its process is gone, and left no heartbeat; the same command continues the run",
        ),
        (status(None, record(Outcome.COMPLETE), holder=OWN, is_held=False), State.IDLE, True, "UTC: complete"),
        (status(None, holder=OWN, is_held=False), State.IDLE, True, "no run yet"),
        (
            status(pulse(how="interrupted", exit_code=130), record(), holder=OTHER, is_held=False),
            State.IDLE,
            True,
            "interrupted",
        ),
        (status(pulse(60), record(), holder=OWN), State.RUNNING, True, "running"),
        (
            status(pulse(61), record(), holder=OWN),
            State.SILENT,
            False,
            "silent since 2026-11-30 17:58:59 UTC (1 min): process 4711 on crawler is there, but does not go on",
        ),
        (
            status(pulse(7200), record()),
            State.SILENT,
            False,
            "silent since 2026-11-30 16:00:00 UTC (2 h): process 4711 on crawler is gone; the same command continues",
        ),
        (status(pulse(), record()), State.SILENT, False, "silent since"),  # dead at once
        (status(pulse(), record(), holder=OTHER), State.BUSY, True, "busy: process 4712"),
        (status(pulse(), record(), is_held=True), State.BUSY, True, "busy: another process"),
        (status(None, record(), holder=OWN), State.BUSY, True, "busy: process 4711"),
        (status(None, record()), State.IDLE, True, "interrupted; the same command continues it"),
        (status(None), State.IDLE, True, "no run yet"),
        (
            status(None, record(Outcome.COMPLETE)),
            State.IDLE,
            True,
            "not running; the last run ended at 2026-11-30 17:00:00",
        ),
        (status(None, record(Outcome.HELD)), State.IDLE, False, "UTC: held"),
        (status(None, record(Outcome.FAILED)), State.IDLE, False, "UTC: failed"),
        (status(pulse(run=1), record()), State.IDLE, True, "interrupted"),  # the heartbeat of an earlier run
        (
            status(pulse(how="finished", exit_code=1), record(Outcome.COMPLETE)),
            State.IDLE,
            True,
            "not running; the last run ended at",
        ),
        (status(pulse(how="finished", exit_code=5), record(Outcome.HELD)), State.IDLE, False, "held"),
        (
            status(pulse(how="finished", exit_code=5), record(Outcome.COMPLETE)),  # the user has accepted the loss
            State.IDLE,
            True,
            "UTC: complete",
        ),
        (
            status(pulse(7200), record(Outcome.COMPLETE)),  # killed after its end, before it said so
            State.IDLE,
            True,
            "not running; the last run ended at 2026-11-30 17:00:00 UTC: complete",
        ),
        (
            status(pulse(61), record(Outcome.COMPLETE), holder=OWN),
            State.SILENT,
            False,
            "is there, but does not go on",
        ),
        (
            status(pulse(how="finished", exit_code=3), record(Outcome.COMPLETE)),
            State.IDLE,
            False,
            "UTC: complete, but nothing was fetched",
        ),
        (
            status(pulse(how="storage", exit_code=4), record(Outcome.COMPLETE)),
            State.IDLE,
            False,
            "UTC: complete, but the archive could not be written",
        ),
        (status(pulse(how="interrupted", exit_code=130), record()), State.IDLE, True, "interrupted; the same"),
        (
            status(pulse(how="quota", exit_code=130), record()),
            State.IDLE,
            True,
            "interrupted, because the quota was used up",
        ),
        (
            status(pulse(how="storage", exit_code=4), record()),
            State.IDLE,
            False,
            "interrupted, because the archive could not be written; the same",
        ),
    ],
)
def test_the_first_line_says_what_goes_on(found: Status, state: State, is_well: bool, words: str) -> None:
    assert (found.state, found.is_well) == (state, is_well)
    first = next(status_lines(found))
    assert first.startswith("/srv: ")
    assert words in first


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, "  1,204 of 3,310 to 5,012 URLs, if it goes on as in the last minute; 1,100 pages, "),
        ({"most": None}, "  1,204 of 3,310 URLs or more; "),
        ({"most": 3310}, "  1,204 of 3,310 URLs; "),
        ({"queued": None, "most": None}, "  1,204 URLs done; "),
    ],
)
def test_how_far_it_is_is_said_as_a_range(values: dict[str, Any], words: str) -> None:
    lines = list(status_lines(status(pulse(**values), record(), holder=OWN)))
    assert lines[1].startswith(words)
    assert lines[2] == "  4.0 URLs/s, 2.9 MB/s in the last minute"


def test_hosts_runs_and_the_disk_are_shown() -> None:
    waits = (("example.org", 12.4, "503 Service Unavailable, Retry-After"),)
    lines = list(status_lines(status(pulse(waits=waits), record(), record(Outcome.COMPLETE, 1), holder=OWN)))
    assert lines[3:] == [
        "  waiting for example.org: 12 s (503 Service Unavailable, Retry-After)",
        "  run 2, 2026-11-30 16:00:00 UTC: incomplete",
        "  run 1, 2026-11-30 16:00:00 UTC: complete, 3,010 pages, 420 files, 60.1 MB, 4 failed",
        "  disk: 12.3 GB free; the snapshots brought 71.0 MB, the database has 9.4 MB",
    ]


def test_the_json_has_what_monitoring_needs() -> None:
    found = status_as_json(status(pulse(7200), record()))
    assert (found["state"], found["well"], found["silent_since"]) == ("silent", False, "2026-11-30T16:00:00.000Z")
    assert (found["heartbeat"]["known"], found["heartbeat"]["most"], found["runs"][0]["id"]) == (3310, 5012, 2)
    assert status_as_json(status(pulse(), record(), holder=OWN))["silent_since"] is None
