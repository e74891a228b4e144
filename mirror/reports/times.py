"""How reports show times, and what they say about a clock that was wrong."""

from collections.abc import Sequence
from datetime import UTC, datetime


def format_time(time: str | None) -> str:
    """Format a time of the manifest, as in `2026-11-24 18:00:00`; "" if there is none."""
    return time[:19].replace("T", " ") if time else ""


def format_moment(seconds: float | None) -> str:
    """Format POSIX time for a user who waits for it: the minute after which it is over; "" if there is none.

    >>> format_moment(1_795_000_001.0), format_moment(1e99)
    ('2026-11-18 11:07 UTC', '')
    """
    try:
        time = datetime.fromtimestamp(seconds + 60, UTC) if seconds is not None else None
    except (OverflowError, ValueError, OSError):
        return ""
    return f"{time:%Y-%m-%d %H:%M} UTC" if time else ""


def clock_warning(runs: Sequence[tuple[int, str]], now: str) -> str:
    """Say that runs began in the future: the id of each, and when it began. "" if there are none."""
    if not runs:
        return ""
    number, began = runs[-1]
    more = f", and {len(runs) - 1:,} more did" if len(runs) > 1 else ""
    return (
        f"Snapshot {number} began at {format_time(began)}{more}, which is in the future: the clock was wrong then, or is "
        f"wrong now ({format_time(now)}). What was checked at such times is requested again; snapshots are ordered by number\n"
    )
