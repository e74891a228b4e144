"""The report in Markdown, for the summary of a job (`$GITHUB_STEP_SUMMARY`) or a comment. It has bounds, as those have."""

import re
from collections.abc import Iterator
from itertools import islice
from typing import Final

from mirror.core.links.problems import Place
from mirror.reports.links.report import HINTS, WORDS, LinkReport
from mirror.terminal.printable import printable

MOST: Final = 200
"""Problems of each kind that are listed. GitHub takes summaries of up to 1 MiB."""


def markdown(report: LinkReport) -> Iterator[str]:
    """Yield the lines."""
    yield f"# {report.title}\n\n{report.totals}\n"
    for kind in report.kinds():
        yield f"\n## {WORDS[kind]} ({report.counts[kind]:,})\n\n{HINTS[kind]}\n\n"
        for found in islice(report.findings(kind), MOST):
            yield f"- {code(found.target)}: {code(found.reason)}\n"
            places, more = report.some(found)
            yield from (f"  - {_place(place)}\n" for place in places)
            if more:
                yield f"  - and {more:,} more\n"
        if report.counts[kind] > MOST:
            yield f"\nAnd {report.counts[kind] - MOST:,} more.\n"


def _place(place: Place) -> str:
    line = f", line {place.line}" if place.line else ""
    return f"{code(place.page)}{line}{f': {code(place.written)}' if place.written else ''}"


def code(text: str) -> str:
    """Return a text as a code span, in which nothing is markup.

    >>> code("a_b <i>"), code("a`b")
    ('`a_b <i>`', '`` a`b ``')
    """
    shown = printable(text)
    fence = "`" * (1 + max(map(len, _FENCES.findall(shown)), default=0))
    return f"{fence} {shown} {fence}" if "`" in shown else f"`{shown}`"


_FENCES: Final = re.compile("`+")
