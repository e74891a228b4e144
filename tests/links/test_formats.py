"""The judges of formats accept good reports and refuse bad ones."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.links.formats import MOST_LOCATIONS, FormatError, validate_csv, validate_junit, validate_sarif


def result(**more: Any) -> dict[str, Any]:
    place = {"artifactLocation": {"uri": "https://example.org/a"}, "region": {"startLine": 3, "startColumn": 9}}
    given = {
        "ruleId": "broken",
        "level": "error",
        "message": {"text": "404 Not Found"},
        "locations": [{"physicalLocation": place}],
        "partialFingerprints": {"link/v1": "abc"},
    }
    return given | more


def sarif(*results: dict[str, Any], **more: Any) -> dict[str, Any]:
    rules = [{"id": "broken", "shortDescription": {"text": "A link leads nowhere"}}]
    run = {"tool": {"driver": {"name": "Websucker", "rules": rules}}, "results": list(results), **more}
    return {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]}


def at(uri: str, **region: int) -> list[dict[str, Any]]:
    return [{"physicalLocation": {"artifactLocation": {"uri": uri}, "region": region}}]


def test_good_sarif_is_accepted() -> None:
    assert validate_sarif(json.dumps(sarif()))["runs"][0]["results"] == []
    validate_sarif(json.dumps(sarif(result(), result(partialFingerprints={"link/v1": "other"}))))
    validate_sarif(json.dumps(sarif(result(locations=at("docs/a.html", startLine=1)))))


@pytest.mark.parametrize(
    ("report", "said"),
    [
        ("{", "no JSON"),
        ({"version": "2.1.0"}, "runs"),
        (sarif() | {"version": "2.0.0"}, "2.0.0"),
        (sarif() | {"extra": 1}, "extra"),
        (sarif() | {"runs": []}, "0 runs"),
        (sarif() | {"runs": sarif()["runs"] * 21}, "21 runs"),
        (sarif(result(level="fatal")), "fatal"),
        (sarif(result(message={})), "message"),
        (sarif(result(ruleId="unknown")), "not declared"),
        (sarif(result(ruleIndex=7, ruleId="unknown")), "not declared"),
        (sarif(result(locations=[])), "0 locations"),
        (sarif(result(locations=at("a") * (MOST_LOCATIONS + 1))), "1001 locations"),
        (sarif(result(locations=at("a b"))), "no URI"),
        (sarif(result(locations=at("/etc/passwd"))), "below the repository"),
        (sarif(result(locations=at("javascript:alert(1)"))), "can't show"),
        (sarif(result(locations=at("a", startLine=0))), "startLine"),
        (sarif(result(locations=at("a", startColumn=3))), "without a line"),
        (sarif(result(partialFingerprints={})), "no partialFingerprints"),
        (sarif(result(), result()), "same fingerprint"),
        (sarif(results=None), "results"),
    ],
)
def test_bad_sarif_is_refused(report: Any, said: str) -> None:
    with pytest.raises(FormatError, match=said):
        validate_sarif(report if isinstance(report, str) else json.dumps(report))


SUITE = '<testsuite name="links" tests="{tests}" failures="{failures}" errors="0" skipped="0">{cases}</testsuite>'
FAILED = '<testcase classname="https://example.org/a" name="{}"><failure message="404" type="x">Not Found</failure></testcase>'
PASSED = '<testcase classname="https://example.org/b" name="b"/>'


def junit(*cases: str, tests: int = 2, failures: int = 1) -> str:
    return f"<testsuites>{SUITE.format(tests=tests, failures=failures, cases=''.join(cases))}</testsuites>"


def test_good_junit_is_accepted() -> None:
    assert validate_junit(junit(FAILED.format("x"), PASSED)).tag == "testsuites"
    assert validate_junit(SUITE.format(tests=1, failures=0, cases=PASSED)).tag == "testsuite"
    assert validate_junit(junit(tests=0, failures=0)).tag == "testsuites"


@pytest.mark.parametrize(
    ("report", "said"),
    [
        ("<testsuites>", "no XML"),
        ("<tests/>", "tests"),
        ("<testsuites><testcase/></testsuites>", "testcase"),
        (junit(PASSED, PASSED.replace('"b"', '"c"'), failures=1), "failures="),
        (junit(PASSED, tests=2, failures=0), "tests="),
        (junit(FAILED.format("x"), FAILED.format("x"), failures=2), "same name"),
        (junit('<testcase name="x"/>', tests=1, failures=0), "without classname"),
        (junit('<testcase classname="a" name="x"><failure message="404"/></testcase>', tests=1), "text of a failure"),
        (junit('<testcase classname="a" name="x" file="b"/>', tests=1, failures=0), "file"),
        (junit('<testcase classname="a" name="&#1;"/>', tests=1, failures=0), "no XML"),
    ],
)
def test_bad_junit_is_refused(report: str, said: str) -> None:
    with pytest.raises(FormatError, match=said):
        validate_junit(report)


def test_good_csv_is_accepted() -> None:
    text = '\ufeffkind,target,line\r\nbroken,https://example.org/?a=b,3\r\nbroken,"\'=HYPERLINK(""x"")",-5\r\n'
    assert validate_csv(text)[2] == ["broken", '\'=HYPERLINK("x")', "-5"]


@pytest.mark.parametrize(
    ("report", "said"),
    [
        ("", "no header"),
        ("kind,kind\r\n", "same name"),
        ("kind,target\r\nbroken\r\n", "1 cells of 2"),
        ('kind,target\r\nbroken,"x', "no CSV"),
        ("kind,target\r\nbroken,a\0b\r\n", "NUL"),
        *((f'kind,target\r\nbroken,"{first}cmd|x"\r\n', "runs") for first in ("=", "+", "-", "@", "\t", "\r", " =")),
    ],
)
def test_bad_csv_is_refused(report: str, said: str) -> None:
    with pytest.raises(FormatError, match=said):
        validate_csv(report)


@pytest.mark.parametrize("judge", [validate_sarif, validate_junit])
def test_no_report_is_no_good_report(judge: Callable[[str], object]) -> None:
    with pytest.raises(FormatError):
        judge("")
