"""The report as text for people: problems with their places, or pages with their problems."""

from collections.abc import Iterator

from mirror.core.links.problems import Finding, Place
from mirror.core.url.canonical import CanonicalURL
from mirror.reports.links.report import WORDS, LinkReport, place_text


def text(report: LinkReport) -> Iterator[str]:
    """Yield the lines, without their ends."""
    return _by_page(report) if report.by_page else _by_cause(report)


def _by_cause(report: LinkReport) -> Iterator[str]:
    for number, kind in enumerate(report.kinds()):
        if number:
            yield ""
        yield f"{WORDS[kind]} ({report.counts[kind]:,})"
        for found in report.findings(kind):
            yield f"  {found.target}: {found.reason}"
            places, more = report.some(found)
            yield from (f"    {place_text(place)}" for place in places)
            if more:
                yield f"    and {more:,} more"


def _by_page(report: LinkReport) -> Iterator[str]:
    page = None
    for place, found in by_page(report):
        if place.page != page:
            if page is not None:
                yield ""
            page = place.page
            yield page
        where = f"line {place.line}: " if place.line else ""
        written = f" ({place.written})" if place.written and place.written != found.target else ""
        yield f"  {where}{found.problem}: {found.target}{written}: {found.reason}"


def by_page(report: LinkReport) -> list[tuple[Place, Finding]]:
    """Return every place with its problem, sorted by page and line."""
    rows = [
        (place or Place(CanonicalURL(found.target), 0, 0, ""), found)
        for found in report.findings()
        for place in found.each_place
    ]
    return sorted(rows, key=lambda row: (row[0].page, row[0].line, row[0].column))
