"""Numbers of snapshots, as reports write them."""

from collections.abc import Iterable


def spans(ranges: Iterable[tuple[int, int]]) -> str:
    """Write ranges of snapshots in short; those that follow each other are one.

    >>> spans([(1, 2), (3, 3), (5, 5), (7, 9)])
    '1-3, 5, 7-9'
    """
    joined: list[tuple[int, int]] = []
    for first, last in ranges:
        if joined and first == joined[-1][1] + 1:
            joined[-1] = joined[-1][0], last
        else:
            joined.append((first, last))
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in joined)
