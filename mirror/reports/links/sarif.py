"""The report as SARIF 2.1.0 (OASIS), as code scanning of GitHub and viewers in editors read it.

The place of a result is the path of the page, as where a site is made from files. The line is that of the page as the server
sent it.
"""

import hashlib
import json
from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

from mirror import __version__
from mirror.core.links.problems import Finding, Place, Problem
from mirror.reports.links.report import HINTS, WORDS, LinkReport, file_of

MOST: Final = 25_000
"""Results in one run: GitHub takes no more."""

_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
_NOTES: Final = frozenset({Problem.SKIPPED, Problem.ORPHAN, Problem.DUPLICATE})


def sarif(report: LinkReport) -> Iterator[str]:
    """Yield one JSON object, a result on each line."""
    driver = {
        "name": "websucker",
        "version": __version__,
        "informationUri": "https://pypi.org/project/websucker/",
        "rules": [_rule(report, kind) for kind in Problem],
    }
    yield f'{{"$schema": "{_SCHEMA}", "version": "2.1.0", "runs": [{{"tool": {json.dumps({"driver": driver})}, "results": ['
    results = ((found, place) for found in report.findings() for place in found.each_place)
    for number, (found, place) in enumerate(islice(results, MOST)):
        yield f"{',' if number else ''}\n{json.dumps(_result(report, found, place))}"
    left = sum(1 for _ in results)
    done: dict[str, Any] = {"executionSuccessful": True}
    if left:
        words = f"{left:,} more results were left out: a run has {MOST:,} at most"
        done["toolExecutionNotifications"] = [{"level": "warning", "message": {"text": words}}]
    yield f'\n], "invocations": [{json.dumps(done)}], "columnKind": "unicodeCodePoints"}}]}}\n'


def _rule(report: LinkReport, kind: Problem) -> dict[str, Any]:
    return {
        "id": kind,
        "name": kind.title(),
        "shortDescription": {"text": WORDS[kind]},
        "fullDescription": {"text": HINTS[kind]},
        "help": {"text": HINTS[kind]},
        "defaultConfiguration": {"level": _level(report, kind)},
    }


def _level(report: LinkReport, kind: Problem) -> str:
    return "error" if kind in report.failing else "note" if kind in _NOTES else "warning"


def _result(report: LinkReport, found: Finding, place: Place | None) -> dict[str, Any]:
    instead = f". Write instead: {found.instead}" if found.instead else ""
    page = place.page if place else found.target
    uri = file_of(place.page) if place else page
    location: dict[str, Any] = {"artifactLocation": {"uri": uri}}
    if place and place.line:
        location["region"] = {
            "startLine": place.line,
            "startColumn": place.column,
            "endLine": place.line + place.written.count("\n"),
            "snippet": {"text": place.written},
        }
    mark = "\0".join((found.problem, found.target, page, place.written if place else ""))
    return {
        "ruleId": found.problem,
        "ruleIndex": list(Problem).index(found.problem),
        "level": _level(report, found.problem),
        "message": {"text": f"{found.target}: {found.reason}{instead} (on {page})"},
        "locations": [{"physicalLocation": location}],
        "partialFingerprints": {"link/v1": hashlib.sha256(mark.encode(errors="replace")).hexdigest()[:32]},
    }
