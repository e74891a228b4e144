"""The text of a page in parts: its title, its headings and the rest.

`reading` makes it of a document. This module is apart from it, because a search needs no parser.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

SEPARATE_LINES: Final = 2000
"""The lines of a page of which one is shown for a match. Those behind them are only searched, so they are joined."""


class Part(StrEnum):
    """The part of a page that a line belongs to."""

    TITLE = "t"
    HEADING = "h"
    BODY = "b"


@dataclass(frozen=True, slots=True)
class PageText:
    """The lines of a page, in order; behind `SEPARATE_LINES`, one line with the rest of each part."""

    lines: tuple[tuple[Part, str], ...] = ()

    def part(self, part: Part) -> str:
        """Return the lines of one part."""
        return "\n".join(line for kind, line in self.lines if kind is part)
