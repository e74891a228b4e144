"""The comparison of link checkers tells right claims from wrong ones. No other tool is needed."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from benchmarks.links import million
from benchmarks.links.judging import Judge, is_false, misled, misnamed, misplaced, scores
from benchmarks.links.tools import TOOLS, Claim, Job
from tests.browser.conftest import QUIET, program
from tests.links.planted import PLACES, ROWS
from tests.site import Server, Site, serve

HOST = "http://127.0.0.1:1"


def claim(name: str, kind: str = "error", **more: object) -> Claim:
    return Claim(kind, f"{HOST}/t/{name}", page=HOST + PLACES[name].page, **more)  # type: ignore[arg-type]


def test_faults_are_counted_if_they_are_reported_and_traps_if_they_are_claimed() -> None:
    claims = [claim("gone"), claim("moved-301", "redirect"), claim("fragment-id"), claim("not-found", "redirect")]
    found = scores(claims, ROWS)
    assert found["statuses"].found == {"gone"}, "a redirect is no claim that something is missing"
    assert found["redirects"].found == {"moved-301"}
    assert found["fragments"].false == {"fragment-id"}
    assert len(found["fragments"].faults) > 60


@pytest.mark.parametrize(
    ("name", "kinds", "is_wrong"),
    [
        ("ok", {"error"}, True),
        ("ok", {"redirect"}, True),
        ("ok", set(), False),
        ("found-302", {"redirect"}, False),
        ("found-302", {"error"}, True),
        ("fragment-route", {"error"}, False),
        ("twice-one", {"duplicate"}, False),
    ],
)
def test_what_is_a_false_claim(name: str, kinds: set[str], is_wrong: bool) -> None:
    assert is_false(ROWS[name], kinds) == is_wrong


def test_kinds_places_and_new_addresses_are_judged() -> None:
    place = PLACES["img-srcset"]
    assert list(misnamed([claim("gone", "fragment")])) == [("gone", "fragment", ("broken",))]
    assert list(misnamed([claim("gone", "broken")])) == []
    assert list(misplaced([claim("img-srcset", line=place.line, column=place.column)])) == []
    assert list(misplaced([claim("img-srcset", line=place.line, column=place.value_column)])) == []
    assert [name for name, *_ in misplaced([claim("img-srcset", line=place.line, column=1)])] == ["img-srcset"]
    assert list(misled([claim("moved-301", "redirect", instead=f"{HOST}/t/moved-301/1")])) == []
    assert [name for name, *_ in misled([claim("moved-301", "redirect", instead=f"{HOST}/t/ok")])] == ["moved-301"]


# Reports of the tools

LINKCHECKER = """# created by LinkChecker
urlname;parentname;base;result;warningstring;infostring;valid;url;line;column;name;dltime;size;checktime;cached;level;modified
/t/gone;{0}/p/a.html;;410 Gone;;;False;{0}/t/gone;5;4;x;;;;0;1;
/t/moved-301;{0}/p/a.html;;200 OK;Redirected to `x' status: 301.;;True;{0}/t/moved-301/1;6;4;x;;;;0;1;
/t/b#c;{0}/p/a.html;;200 OK;Anchor `c' (decoded: `c') not found.;;True;{0}/t/b#c;7;4;x;;;;0;1;
"""
LYCHEE = {
    "error_map": {
        f"{HOST}/p/a.html": [{"url": f"{HOST}/t/gone", "status": {"text": "410"}, "span": {"line": 5, "column": 4}}]
    },
    "timeout_map": {},
    "redirect_map": {f"{HOST}/p/a.html": [{"origin": f"{HOST}/t/moved-301", "redirects": []}]},
}
LINKINATOR = {
    "links": [
        {"url": "/t/gone", "status": 410, "state": "BROKEN", "parent": f"{HOST}/p/a.html"},
        {"url": f"{HOST}/t/ok", "status": 200, "state": "OK"},
    ]
}
WEBSUCKER = {
    "version": 1,
    "problems": [
        {
            "kind": "broken",
            "target": f"{HOST}/t/gone",
            "reason": "410",
            "instead": None,
            "places": [{"page": HOST, "line": 5, "column": 4}],
        }
    ],
}


@pytest.mark.parametrize(
    ("tool", "output", "wanted"),
    [
        (
            "linkchecker",
            LINKCHECKER.format(HOST),
            [("error", "/t/gone"), ("redirect", "/t/moved-301"), ("error", "/t/b#c")],
        ),
        ("lychee", json.dumps(LYCHEE), [("error", "/t/gone"), ("redirect", "/t/moved-301")]),
        (
            "linkinator",
            json.dumps(LINKINATOR) + f"\n[REDIRECT] {HOST}/t/moved-301 → x (200)",
            [("error", "/t/gone"), ("redirect", "/t/moved-301")],
        ),
        ("websucker", "Asking\n" + json.dumps(WEBSUCKER) + "\n1 broken", [("broken", "/t/gone")]),
    ],
)
def test_a_report_is_read(tool: str, output: str, wanted: list[tuple[str, str]], tmp_path: Path) -> None:
    job = Job(HOST, [], is_external=True, home=tmp_path)
    job.report.write_text(output)
    (tmp_path / "lychee.json").write_text(output)
    assert [(said.kind, said.url.removeprefix(HOST)) for said in TOOLS[tool].read(job)] == wanted


# Real sites


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serve(Site().page("/", "<p id=here>").page("/gone", status=410)) as running:
        yield running


def test_a_claim_about_a_real_site_is_judged_by_the_server_and_chromium(server: Server) -> None:
    path = program("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=QUIET)
        judge = Judge(browser.new_page())
        real = judge.real([server.url + path for path in ("/", "/#here", "/#there", "/#top", "/gone", "/gone#here")])
        browser.close()
    assert sorted(url.removeprefix(server.url) for url in real) == ["/#there", "/gone"]


def test_the_site_with_a_million_links_has_as_many_faults_as_it_says(tmp_path: Path) -> None:
    million.make(tmp_path, 40, 50)
    sources = "".join(path.read_text() for path in sorted(tmp_path.rglob("*.html")))
    assert million.expected(40, 50) == {"broken": sources.count("/missing/"), "fragment": sources.count("#gone")}
    assert sources.count("<a href=") == 2000
    assert sources.count("/missing/") > 10
    assert sources.count("#gone") > 10
