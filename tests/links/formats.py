"""Judges for the formats of reports: the published schemas, and what GitHub, GitLab and spreadsheets do with a file.

Each function takes the text of a report and raises `FormatError`, which says what is wrong, or returns what it has read.

- SARIF: the schema of 2.1.0; GitHub's limits (20 runs, 25,000 results a run, 1,000 locations a result, 20 tags a rule, 10 MB
  when compressed), and what its code scanning needs: a rule for each result, a location, relative URIs or URLs, and
  `partialFingerprints` that are the same for the same problem, and differ for others.
- JUnit: the schema of Jenkins' xUnit plugin; counts that agree with the cases; for GitLab, a `classname` and a name for each
  case, no two of them alike (GitLab drops the second one), and at most 30 MB.
- CSV: RFC 4180, one number of columns, a header; and no cell that a spreadsheet takes for a formula.
"""

import csv
import gzip
import io
import json
from collections import Counter
from functools import lru_cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from jsonschema import Draft4Validator, FormatChecker
from lxml import etree

SCHEMAS: Final = Path(__file__).with_name("schemas")
MOST_RUNS: Final = 20
MOST_RESULTS: Final = 25_000
MOST_LOCATIONS: Final = 1_000
MOST_TAGS: Final = 20
MOST_BYTES_SARIF: Final = 10 << 20
MOST_BYTES_JUNIT: Final = 30 * 1000 * 1000
FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""What a cell must not begin with: OWASP's list for CSV injection."""


class FormatError(AssertionError):
    """A report is not as its readers need it."""


def need(given: object, message: str) -> None:
    if not given:
        raise FormatError(message)


# SARIF


def validate_sarif(text: str) -> dict[str, Any]:
    """Return the report."""
    try:
        report: dict[str, Any] = json.loads(text)
    except ValueError as error:
        raise FormatError(f"no JSON: {error}") from error
    wrong = next(iter(_sarif().iter_errors(report)), None)
    need(wrong is None, f"{wrong.json_path}: {wrong.message}" if wrong else "")
    need(len(gzip.compress(text.encode())) <= MOST_BYTES_SARIF, "GitHub takes at most 10 MB, compressed")
    need(1 <= len(report["runs"]) <= MOST_RUNS, f"{len(report['runs'])} runs")
    for run in report["runs"]:
        _check_run(run)
    return report


@lru_cache(maxsize=1)
def _sarif() -> Draft4Validator:
    schema = json.loads((SCHEMAS / "sarif-2.1.0.json").read_text(encoding="utf-8"))
    return Draft4Validator(schema, format_checker=FormatChecker())


def _check_run(run: dict[str, Any]) -> None:
    rules = run["tool"]["driver"].get("rules", [])
    need(run["tool"]["driver"]["name"], "the tool has no name")
    results = run.get("results")
    need(results is not None, "without `results`, a run says that nothing was looked for")
    assert results is not None
    need(len(results) <= MOST_RESULTS, f"{len(results)} results in a run")
    need(len({rule["id"] for rule in rules}) == len(rules), "two rules have the same id")
    for rule in rules:
        need(rule.get("shortDescription", {}).get("text"), f"rule {rule['id']}: GitHub needs a shortDescription")
        need(len(rule.get("properties", {}).get("tags", [])) <= MOST_TAGS, f"rule {rule['id']}: too many tags")
    for result in results:
        _check_result(result, rules)
    prints = Counter(json.dumps(result["partialFingerprints"], sort_keys=True) for result in results)
    twice = [found for found, count in prints.most_common(1) if count > 1]
    need(not twice, f"results with the same fingerprint, which GitHub takes for one: {twice}")


def _check_result(result: dict[str, Any], rules: list[dict[str, Any]]) -> None:
    told = json.dumps(result)[:200]
    need(result.get("message", {}).get("text"), f"no message: {told}")
    index = result.get("ruleIndex", -1)
    rule = (
        rules[index]["id"]
        if 0 <= index < len(rules)
        else next((one["id"] for one in rules if one["id"] == result.get("ruleId")), None)
    )
    need(rule is not None, f"the rule is not declared: {told}")
    need(result.get("ruleId", rule) == rule, f"ruleId and ruleIndex name two rules: {told}")
    need(result.get("partialFingerprints"), f"no partialFingerprints: {told}")
    locations = result.get("locations", [])
    need(1 <= len(locations) <= MOST_LOCATIONS, f"{len(locations)} locations: {told}")
    for location in [*locations, *result.get("relatedLocations", [])]:
        _check_location(location.get("physicalLocation", {}), told)


def _check_location(place: dict[str, Any], told: str) -> None:
    uri = place.get("artifactLocation", {}).get("uri", "")
    need(uri, f"no artifactLocation.uri: {told}")
    need(uri.isascii() and not set(uri) & set(' "<>\\^`{|}'), f"no URI: {uri!r}")
    need(urlsplit(uri).scheme in {"", "http", "https", "file", "ftp", "sftp"}, f"GitHub can't show {uri!r}")
    need(not uri.startswith(("/", "../")), f"GitHub needs a path below the repository: {uri!r}")
    region = place.get("region", {})
    need(region.get("startLine", 1) >= 1, f"lines count from 1: {told}")
    need("startColumn" not in region or "startLine" in region, f"a column without a line: {told}")


# JUnit


def validate_junit(text: str) -> etree._Element:
    """Return the root element."""
    need(len(text.encode()) <= MOST_BYTES_JUNIT, "GitLab takes at most 30 MB")
    try:
        root = etree.fromstring(text.encode(), etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True))
    except etree.XMLSyntaxError as error:
        raise FormatError(f"no XML: {error}") from error
    need(_junit().validate(root), str(_junit().error_log.last_error))
    need(root.tag in {"testsuites", "testsuite"}, f"the root is {root.tag!r}")
    for suite in root.iter("testsuite"):
        _check_counts(suite, list(suite.iterchildren("testcase")))
    if root.tag == "testsuites":
        _check_counts(root, list(root.iter("testcase")))
    names = Counter((case.get("classname"), case.get("name")) for case in root.iter("testcase"))
    need(all(classname and name for classname, name in names), "a case without classname or name")
    need(len(names) == names.total(), f"cases of the same name, of which GitLab keeps one: {names.most_common(1)}")
    for failure in root.iter("failure", "error"):
        need((failure.text or "").strip(), "GitLab shows the text of a failure, and there is none")
    return root


@lru_cache(maxsize=1)
def _junit() -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(SCHEMAS / "junit-10.xsd"))


def _check_counts(suite: etree._Element, cases: list[etree._Element]) -> None:
    if not cases and suite.find("testsuite") is not None:
        return
    found = {
        "tests": len(cases),
        "failures": sum(case.find("failure") is not None for case in cases),
        "errors": sum(case.find("error") is not None for case in cases),
        "skipped": sum(case.find("skipped") is not None for case in cases),
    }
    for name, count in found.items():
        told = suite.get(name, str(count))
        need(told == str(count), f"{name}={told!r} in {suite.get('name')!r}, but there are {count}")


# CSV


def validate_csv(text: str) -> list[list[str]]:
    """Return the rows, the header first. The text is as in the file, with its byte order mark, if any, and its line ends."""
    text = text.removeprefix("\ufeff")
    need("\0" not in text, "it has NUL")
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error as error:
        raise FormatError(f"no CSV: {error}") from error
    need(rows and all(rows[0]), "no header")
    need(len(set(rows[0])) == len(rows[0]), "two columns of the same name")
    for number, row in enumerate(rows):
        need(len(row) == len(rows[0]), f"row {number}: {len(row)} cells of {len(rows[0])}")
        for cell in row:
            need(not _is_formula(cell), f"row {number}: a spreadsheet runs {cell!r}")
    return rows


def _is_formula(cell: str) -> bool:
    """Whether a spreadsheet may take a cell for a formula. Spaces in front do not keep it from that; a number is none.

    >>> [_is_formula(cell) for cell in ("=1+1", " @SUM(A1)", "-5", "'=1+1", "https://example.org/?a=b")]
    [True, True, False, False, False]
    """
    begun = cell.lstrip(" ")
    return begun.startswith(FORMULA) and not begun.removeprefix("-").isdigit()
