"""How reports show times."""


def format_time(time: str | None) -> str:
    """Format a time of the manifest, as in `2026-11-24 18:00:00`; "" if there is none."""
    return time[:19].replace("T", " ") if time else ""
