"""How reports word what they tell: times."""


def moment(time: str | None) -> str:
    """A time of the manifest as a reader wants it."""
    return time[:19].replace("T", " ") if time else ""
