"""The report as data: JSON, and CSV for spreadsheets."""

import csv
import io
import json
from collections.abc import Iterator
from typing import Any, Final

from mirror.core.links.problems import Finding, Place
from mirror.reports.links.report import LinkReport
from mirror.terminal.printable import printable

VERSION: Final = 1
"""The version of the JSON. Fields may be added to a version, and none is removed or changed."""

_COLUMNS: Final = ("kind", "target", "reason", "status", "instead", "page", "line", "column", "link", "file")
_FORMULAS: Final = ("=", "+", "-", "@", "\t", "\r")


def as_json(report: LinkReport) -> Iterator[str]:
    """Yield one JSON object, a problem on each line."""
    head = {
        "version": VERSION,
        "snapshot": {"id": report.snapshot.id, "started": report.snapshot.started},
        "pages": report.pages,
        "links": report.links,
        "external": report.foreign,
        "counts": report.counts,
        "ignored": report.ignored,
        "unread": report.unread,
    }
    yield json.dumps(head)[:-1] + ', "problems": ['
    for number, found in enumerate(report.findings()):
        yield f"{',' if number else ''}\n{json.dumps(_as_json(found))}"
    yield "\n]}\n"


def _as_json(found: Finding) -> dict[str, Any]:
    return {
        "kind": found.problem,
        "target": found.target,
        "reason": found.reason,
        "status": found.status,
        "instead": found.instead,
        "places": [
            {
                "page": place.page,
                "line": place.line or None,
                "column": place.column or None,
                "link": place.written,
                "file": place.path,
            }
            for place in found.places
        ],
    }


def as_csv(report: LinkReport) -> Iterator[str]:
    """Yield a line for each place, in the manner of RFC 4180. No cell begins as a formula does."""
    yield _line(_COLUMNS)
    for found in report.findings():
        for place in found.each_place:
            yield _line(_cells(found, place))


def _cells(found: Finding, place: Place | None) -> list[object]:
    cells: list[object] = [found.problem, found.target, found.reason, found.status, found.instead]
    if place is None:
        return [*cells, None, None, None, None, None]
    return [*cells, place.page, place.line or None, place.column or None, place.written, place.path]


def _line(cells: Iterator[object] | list[object] | tuple[str, ...]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow([_cell(cell) for cell in cells])
    return line.getvalue()


def _cell(value: object) -> str:
    """Return a cell that spreadsheets take for text, with an apostrophe in front of what they would run.

    >>> _cell("=1+1"), _cell(None), _cell(12)
    ("'=1+1", '', '12')
    """
    text = "" if value is None else printable(str(value))
    return f"'{text}" if text.startswith(_FORMULAS) else text
