"""`websucker links` says of the site with planted faults what an ideal checker says, with the places."""

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from mirror.core.document import documents
from mirror.core.http.messages import Response
from mirror.core.links.fragments import leads_somewhere, names
from mirror.core.url.canonical import canonical, resolve
from mirror.core.url.media_types import Document
from tests.crawl.running import websucker
from tests.links import fragments
from tests.links.faults import Row, is_external, row_of
from tests.links.formats import validate_csv, validate_junit, validate_sarif
from tests.links.planted import HOLDER_OF, PLACES, ROWS, SECURE, served, served_securely
from tests.warm import Done

QUICK: Final = (
    "-s",
    "DOWNLOAD_TIMEOUT=2",
    "-s",
    "RETRY_TIMES=0",
    "-s",
    "MIRROR_BACKOFF=0.01",
    "-s",
    "DOWNLOAD_DELAY=0",
)
KNOWN: Final = {
    "other-no-fragment": "nothing is looked for in pages of other hosts",
    "form-action": "what a form sends to is never asked: it may do something",
    "formaction": "the same",
}
"""Rows that are judged otherwise, and why."""

ALIKE: Final = {"ok-head-lies", "ok-only-get"}
"""Targets of which the table does not say that they have the same page."""


@dataclass(frozen=True)
class Said:
    """What was said of a row."""

    kind: str
    instead: str | None
    places: list[dict[str, Any]]


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    out = tmp_path_factory.mktemp("links") / "site"
    with served() as (main, _):
        websucker(main.url, "-o", out, "-q", "--render", "never", "--scope", "host", *QUICK)
        yield out


@pytest.fixture(scope="module")
def said(archive: Path) -> dict[str, list[Said]]:
    return by_row(websucker("links", archive, "--json", "--show", "all", "--external", *QUICK))


@pytest.fixture(scope="module")
def said_of_https(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Said]]:
    home = tmp_path_factory.mktemp("https")
    with served_securely(home) as (server, authority):
        websucker(server.url, "-o", home / "site", "-q", "--render", "never", "--ca", authority, *QUICK)
        return by_row(websucker("links", home / "site", "--json", "--show", "all"))


def by_row(done: Done) -> dict[str, list[Said]]:
    report = json.loads(done.stdout)
    found: dict[str, list[Said]] = defaultdict(list)
    for problem in report["problems"]:
        urls = [problem["target"], *(place["link"] for place in problem["places"])]
        if problem["kind"] == "duplicate":
            urls += [place["page"] for place in problem["places"]]
        for name in {row.name for url in urls if (row := row_of(url, ROWS))}:
            found[name].append(Said(problem["kind"], problem["instead"], problem["places"]))
    return found


PLAIN: Final = [row for name, row in ROWS.items() if HOLDER_OF[name] not in SECURE and name not in KNOWN]


@pytest.mark.parametrize("row", PLAIN, ids=lambda row: row.name)
def test_a_row_is_judged_as_by_an_ideal_checker(row: Row, said: dict[str, list[Said]]) -> None:
    check(row, said[row.name])


@pytest.mark.parametrize("row", [ROWS[name] for name in KNOWN], ids=lambda row: row.name)
def test_what_is_judged_otherwise_is_known(row: Row, said: dict[str, list[Said]]) -> None:
    assert bool({one.kind for one in said[row.name]}) != bool(row.kinds)


@pytest.mark.parametrize(
    "row", [row for name, row in ROWS.items() if HOLDER_OF[name] in SECURE], ids=lambda row: row.name
)
def test_a_row_of_a_page_of_https_is_judged_too(row: Row, said_of_https: dict[str, list[Said]]) -> None:
    if is_external(HOLDER_OF[row.name], row) and "broken" in row.kinds:
        pytest.skip("nobody asks about other hosts here")
    check(row, said_of_https[row.name])


def check(row: Row, given: list[Said]) -> None:
    kinds = {one.kind for one in given} - ({"duplicate"} if row.name in ALIKE else set())
    assert kinds <= {*row.kinds, *row.may}
    if not row.kinds:
        return
    assert kinds & {*row.kinds}
    place = PLACES[row.name]
    found = {
        (at["page"].partition("//")[2].partition("/")[2], at["line"], at["column"])
        for one in given
        for at in one.places
    }
    if not {"orphan", "duplicate"} & kinds:
        wanted = {place.column or None, place.value_column or None}
        assert {(place.page[1:], place.line or None, column) for column in wanted} & found
    if row.instead:
        assert {row.instead.rpartition("}")[2]} & {
            "/" + (one.instead or "").partition("//")[2].partition("/")[2] for one in given
        }


@pytest.mark.parametrize("case", [one for one in fragments.CASES if not one.is_open], ids=lambda case: case.name)
def test_a_fragment_is_found_if_chromium_finds_it(case: fragments.Case) -> None:
    response = Response(canonical(f"http://h{case.path}"), 200, [("Content-Type", case.content_type)], case.body())
    read = documents.read(response, response.media_type)
    known = names(read[0], read[1].text) if read else None
    target = resolve(f"#{case.fragment}", response.url)
    assert target
    assert leads_somewhere(target.fragment or "", known or set()) == (fragments.answers()[case.name] != "none")


@pytest.mark.parametrize("show", ["all", "broken", "orphan,duplicate"])
def test_the_formats_are_as_their_readers_need_them(archive: Path, show: str) -> None:
    report = [archive, "--show", show]
    validate_sarif(websucker("links", *report, "--format", "sarif").stdout)
    validate_junit(websucker("links", *report, "--format", "junit").stdout)
    validate_csv(websucker("links", *report, "--format", "csv").stdout)


def test_ids_in_templates_hide_no_others() -> None:
    """Elements that are freed give their places in memory to others."""
    rows = "".join(f'<p id="a{number}"><template><p id="t{number}"></template>' for number in range(500))
    assert names(Document.HTML, rows) == {f"a{number}" for number in range(500)}
