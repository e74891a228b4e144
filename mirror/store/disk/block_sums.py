"""Checksums of the blocks of a part: how many of its bytes are as they were received.

A part is not synced while it grows, so after a power cut its end may be zeros although its length is right. Beside the part is
a file with a line for each block: where the block ends, and its CRC-32, in the order of the blocks:

    131072 8a3c07e1
    200000 00f3d5b2

The lines of a block are written before the block, so that a killed process leaves no block without a line. Whatever a power cut
leaves of the two files, only the blocks count that have the content that was received.
"""

import zlib
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from typing import Final

from mirror.store.disk.symlink_guard import opener

BLOCK: Final = 128 << 10
"""The most bytes of a block."""

_MAX_LINE: Final = 64


def lines(start: int, batch: memoryview) -> bytes:
    """Return the lines of bytes that begin at `start` of the part.

    >>> lines(1000, memoryview(b"123456789"))
    b'1009 cbf43926\\n'
    """
    return b"".join(
        b"%d %08x\n" % (start + place + len(block), zlib.crc32(block))
        for place in range(0, len(batch), BLOCK)
        if (block := batch[place : place + BLOCK])
    )


def whole_size(part: Path, sums: Path) -> int:
    """Return how many bytes at the beginning of a part are as they were received. Reads them all."""
    size = 0
    with open(part, "rb", buffering=0, opener=opener) as file:
        for end, line in _blocks(sums):
            if lines(size, memoryview(file.read(end - size))) != line:
                break
            size = end
    return size


def cut(part: Path, sums: Path, size: int) -> bytes:
    """Return the lines of the first `size` bytes of a part, which have to be as they were received."""
    kept = list(takewhile(lambda block: block[0] <= size, _blocks(sums)))
    known = kept[-1][0] if kept else 0
    with open(part, "rb", opener=opener) as file:
        file.seek(known)
        return b"".join(line for _, line in kept) + lines(known, memoryview(file.read(size - known)))


def _blocks(sums: Path) -> Iterator[tuple[int, bytes]]:
    """Iterate over the ends of blocks and their lines, up to the first that can't be one."""
    start = 0
    with open(sums, "rb", opener=opener) as file:
        while line := file.readline(_MAX_LINE):
            number = line.partition(b" ")[0]
            end = int(number) if number.isdigit() else 0
            if not start < end <= start + BLOCK:
                return
            yield end, line
            start = end
