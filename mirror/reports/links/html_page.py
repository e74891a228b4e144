"""The report as one page of HTML: it loads nothing, runs nothing, and folds up what is long."""

from collections.abc import Iterator
from itertools import islice
from typing import Final

from mirror.core.comparison.html_frame import escaped, link, page
from mirror.core.links.problems import Finding, Place, Problem
from mirror.reports.links.report import HINTS, WORDS, LinkReport

MOST: Final = 5000
"""Problems of each kind that are listed. Browsers are slow with more."""

_PLACES: Final = 100
"""Places of a problem that are listed."""

_OPEN: Final = 5
"""Places that are shown without being asked for."""

_STYLE: Final = """
main { display: block; }
nav ul { display: flex; flex-wrap: wrap; gap: .5rem; padding: 0; list-style: none; }
nav a { display: block; padding: .25rem .75rem; border: 1px solid rgb(128 128 128 / .4); border-radius: 1rem; }
nav li { margin: 0; }
nav a { text-decoration: none; }
nav .fails { border-color: rgb(200 0 0); }
h2 { margin-top: 2rem; }
.problems { padding: 0; list-style: none; }
.problems > li { margin: 0; padding: .75rem 0; border-top: 1px solid rgb(128 128 128 / .3); }
.reason { display: block; }
.broken .reason, .fragment .reason { color: light-dark(rgb(170 0 0), rgb(255 140 130)); }
code { overflow-wrap: anywhere; }
summary { cursor: pointer; }
"""


def html_page(report: LinkReport) -> Iterator[str]:
    """Yield the page."""
    body = [f"<p>{escaped(report.totals)}.</p>", _navigation(report), "<main>"]
    body += [_section(report, kind) for kind in report.kinds()]
    if not report.kinds():
        body.append("<p>Nothing to report.</p>")
    yield page(report.title, "\n".join([*body, "</main>"]), _STYLE)


def _navigation(report: LinkReport) -> str:
    links = (
        f'<li><a href="#{kind}"{" class=fails" if kind in report.failing else ""}>{WORDS[kind]}: {report.counts[kind]:,}</a>'
        for kind in report.kinds()
    )
    return f"<nav><ul>{''.join(links)}</ul></nav>"


def _section(report: LinkReport, kind: Problem) -> str:
    entries = "\n".join(map(_entry, islice(report.findings(kind), MOST)))
    more = report.counts[kind] - MOST
    rest = f"<p>And {more:,} more: <code>--format json</code> has all.</p>" if more > 0 else ""
    heading = f'<h2 id="{kind}">{WORDS[kind]} ({report.counts[kind]:,})</h2>'
    return f'{heading}\n<p>{HINTS[kind]}</p>\n<ul class="problems {kind}">\n{entries}\n</ul>{rest}'


def _entry(found: Finding) -> str:
    instead = f" Link to {link(found.instead)} instead." if found.instead else ""
    head = f"{link(found.target)}<span class=reason>{escaped(found.reason)}.{instead}</span>"
    places = [_place(place) for place in islice(found.places, _PLACES)]
    more = len(found.places) - len(places)
    if more > 0:
        places.append(f"<li>and {more:,} more")
    listed = f"<ul>{''.join(places)}</ul>" if places else ""
    if len(found.places) > _OPEN:
        listed = f"<details><summary>{len(found.places):,} places</summary>{listed}</details>"
    return f"<li>{head}{listed}"


def _place(place: Place) -> str:
    line = f" <small>line {place.line}</small>" if place.line else ""
    written = f" <code>{escaped(place.written)}</code>" if place.written else ""
    return f"<li>{link(place.page)}{line}{written}"
