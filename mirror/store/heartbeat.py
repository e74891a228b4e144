"""The heartbeat of a run: a small file in `.mirror/` that the run replaces every few seconds, and that stays when it ends.

It has counts and times, the process, and the hosts that the run waits for: no URL. If its process was killed, the file says
since when the run is silent. Nothing depends on it: a run that can't write it goes on.

A reader gets a `Pulse`, in which each value has been checked: somebody else may have made the archive.
"""

import json
import math
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from mirror.store.disk import symlink_guard
from mirror.store.disk.errors import StorageError
from mirror.store.disk.layout import KEPT, SCRATCH
from mirror.store.disk.symlink_guard import discard, make, opener

HEARTBEAT: Final = "heartbeat.json"
_MAX_LENGTH: Final = 1 << 16
_MAX_NUMBER: Final = 1 << 53
_COUNTS: Final = (
    *("elapsed", "done", "in_flight", "pages", "requisites", "bytes", "failed", "skipped", "received", "rate"),
    *("byte_rate", "dropped"),
)
_MAX_WAITS: Final = 10
_MAX_TEXT: Final = 300


@dataclass(frozen=True, slots=True)
class Pulse:
    """The last heartbeat of a run.

    `run` is the number of its snapshot, `began` when its process took the archive over, `nonce` identifies that process.
    `silent_after`: after so many seconds without another one, something is wrong. `how` the run ended and with which
    `exit_code`; `None` if it did not say so. The rest is as in docs/events.md.
    """

    run: int
    time: datetime
    began: datetime
    resumed: bool
    host: str
    process: int
    nonce: str
    silent_after: float
    state: str
    counts: Mapping[str, float]
    queued: int | None
    most: int | None
    waits: tuple[tuple[str, float, str], ...]
    how: str | None
    exit_code: int | None


def write(root: Path, content: Mapping[str, Any]) -> None:
    """Replace the heartbeat. A full or broken disk is no error: the heartbeat before stays."""
    kept = root / KEPT
    beside = kept / SCRATCH / HEARTBEAT
    with suppress(OSError, StorageError):
        _write(kept, beside, json.dumps(content).encode())


def _write(kept: Path, beside: Path, content: bytes) -> None:
    """Write beside and rename, so that a reader sees a whole heartbeat. Raises `OSError`."""
    make(kept, beside.parent)
    discard(beside)  # what a killed process left, or somebody put there
    with open(beside, "xb", buffering=0, opener=opener) as file:
        is_whole = file.write(content) == len(content)
    if is_whole:
        beside.replace(kept / HEARTBEAT)
    else:
        beside.unlink()


def read(root: Path) -> Pulse | None:
    """Return the last heartbeat; `None` if there is none that can be read."""
    content = _read(root)
    try:
        return _pulse(content) if content else None
    except (KeyError, ValueError, TypeError, OverflowError, AttributeError):
        return None


def forget_hosts(root: Path) -> None:
    """Remove the names of hosts from the heartbeat of a run that was killed; the rest tells nothing about URLs.

    Raises `OSError`.
    """
    place = root / KEPT / HEARTBEAT
    if not os.path.lexists(place):
        return
    content = _read(root)
    if content is not None and read(root) is not None and not content.get("waits"):
        return
    if content is None or read(root) is None:
        discard(place)
        return
    _write(root / KEPT, root / KEPT / SCRATCH / HEARTBEAT, json.dumps({**content, "waits": []}).encode())


def _read(root: Path) -> dict[str, Any] | None:
    try:
        content = symlink_guard.read(str(root / KEPT / HEARTBEAT), _MAX_LENGTH)
        found = json.loads(content or b"")
    except (OSError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _pulse(content: Mapping[str, Any]) -> Pulse:
    """Check a heartbeat. Raises `ValueError` or another exception of a value that is missing or of another type."""
    ended = content["ended"]
    return Pulse(
        run=int(_number(content["run"])),
        time=_time(content["time"]),
        began=_time(content["began"]),
        resumed=bool(content["resumed"]),
        host=_text(content["host"]),
        process=int(_number(content["process"])),
        nonce=_text(content["nonce"]),
        silent_after=_number(content["silent_after"]),
        state=_text(content["state"]),
        counts={name: _number(content[name]) for name in _COUNTS},
        queued=_optional(content["queued"]),
        most=_optional(content["most"]),
        waits=_waits(content["waits"]),
        how=None if ended is None else _text(ended["how"]),
        exit_code=None if ended is None else int(_number(ended["exit_code"])),
    )


def _waits(found: Sequence[Mapping[str, Any]]) -> tuple[tuple[str, float, str], ...]:
    return tuple((_text(one["host"]), _number(one["seconds"]), _text(one["why"])) for one in found[:_MAX_WAITS])


def _optional(value: object) -> int | None:
    return None if value is None else int(_number(value))


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(value)
    if not math.isfinite(value) or not 0 <= value <= _MAX_NUMBER:
        raise ValueError(value)
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value[:_MAX_TEXT]


def _time(value: object) -> datetime:
    """Read a time with a time zone."""
    return datetime.fromisoformat(_text(value)).astimezone(UTC)
