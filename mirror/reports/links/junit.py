"""The report as JUnit XML, as GitLab, Jenkins and most other services of continuous integration read it.

A kind of problem is a test suite, and each link with it a test case that fails, if the kind fails a check, or is skipped with
the reason. A kind without problems has one test case that passes.
"""

import re
from collections.abc import Iterator
from typing import Final
from xml.sax.saxutils import quoteattr

from mirror.core.links.problems import Finding, Place, Problem
from mirror.reports.links.report import WORDS, LinkReport, place_text

_NO_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(report: LinkReport) -> Iterator[str]:
    """Yield the document."""
    sizes = {kind: _size(report, kind) for kind in Problem if kind in report.shown}
    failures = sum(size for kind, size in sizes.items() if kind in report.failing)
    tests = sum(size or 1 for size in sizes.values())
    yield '<?xml version="1.0" encoding="UTF-8"?>\n'
    yield f'<testsuites name="links" tests="{tests}" failures="{failures}" errors="0" time="0">\n'
    for kind, size in sizes.items():
        fails = kind in report.failing
        counts = f'tests="{size or 1}" failures="{size if fails else 0}" errors="0" skipped="{0 if fails else size}" time="0"'
        yield f'<testsuite name="{kind}" {counts} timestamp="{report.snapshot.started[:19]}" hostname="localhost">\n'
        if not size:
            yield f'<testcase classname="links" name={_quoted(f"{WORDS[kind]}: none")} time="0"/>\n'
        for found in report.findings(kind):
            for place in found.each_place:
                yield _case(found, place, fails=fails)
        yield "</testsuite>\n"
    yield "</testsuites>\n"


def _size(report: LinkReport, kind: Problem) -> int:
    return sum(len(found.each_place) for found in report.findings(kind))


def _case(found: Finding, place: Place | None, *, fails: bool) -> str:
    where = place.page if place else found.target
    line = f"line {place.line}:{place.column}: {place.written}" if place and place.line else found.target
    name = f"{found.problem}: {line}"
    message = f"{found.target}: {found.reason}"
    told = (
        f"<failure type={_quoted(found.problem)} message={_quoted(message)}>{_escaped(_details(found, place))}</failure>"
        if fails
        else f"<skipped message={_quoted(f'{found.problem}: {message}')}/>"
    )
    return f'<testcase classname={_quoted(where)} name={_quoted(name)} time="0">{told}</testcase>\n'


def _details(found: Finding, place: Place | None) -> str:
    instead = f"\nWrite instead: {found.instead}" if found.instead else ""
    return f"{place_text(place) if place else found.target}\n{found.target}: {found.reason}{instead}"


def _quoted(text: str) -> str:
    return quoteattr(_NO_XML.sub("\ufffd", text))


def _escaped(text: str) -> str:
    text = _NO_XML.sub("\ufffd", text)
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
