"""What Chromium says about fragments is what `fragments.json` says, and the rows of the site with planted faults."""

from collections.abc import Iterator
from urllib.parse import urldefrag

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser.conftest import QUIET, program
from tests.links import fragments
from tests.links.faults import Holder, Row, target_of
from tests.links.planted import HOLDER_OF, HOLDERS, ROWS, served
from tests.site import Server, serve

TARGETS = [
    row
    for row in ROWS.values()
    if "#" in target_of(HOLDER_OF[row.name], row) and row.status == 200 and not row.name.startswith("fragment-")
] + [row for row in ROWS.values() if row.name.startswith("found-has-") or row.name == "moved-with-fragment"]
NO_DOCUMENT = {"pdf-page", "img-fragment", "video-time", "spelled-empty-fragment"}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = program("chromium")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=QUIET)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[Server, Server]]:
    with served() as both:
        yield both


def test_the_answers_are_those_of_this_chromium(browser: Browser) -> None:
    with serve(fragments.site()) as server:
        assert fragments.ask(browser, server) == fragments.answers()


def test_there_are_answers_of_each_sort() -> None:
    given = list(fragments.answers().values())
    assert list(fragments.answers()) == [case.name for case in fragments.CASES]
    assert given.count("element") >= 60
    assert given.count("none") >= 60
    assert given.count("top") >= 4


@pytest.mark.parametrize("row", [row for row in TARGETS if row.name not in NO_DOCUMENT], ids=lambda row: row.name)
def test_other_rows_with_fragments_are_as_chromium_says(
    row: Row, browser: Browser, servers: tuple[Server, Server]
) -> None:
    page = browser.new_page()
    page.goto(servers[0].filled(target_of(HOLDER_OF[row.name], row).encode()).decode())
    is_found = page.evaluate("() => document.querySelector(':target') !== null")
    page.close()
    assert is_found == ("fragment" not in row.kinds)


@pytest.mark.parametrize(
    "holder", [holder for holder in HOLDERS if holder.path.endswith("html")], ids=lambda holder: holder.path
)
def test_links_lead_where_the_table_says(holder: Holder, browser: Browser, servers: tuple[Server, Server]) -> None:
    """Chromium resolves the links of each page to the targets of the table."""
    page = browser.new_page()
    page.goto(servers[0].url + holder.path, wait_until="domcontentloaded")
    found = set(page.evaluate("() => [...document.querySelectorAll('a[href]')].map(link => String(link.href))"))
    page.close()
    for row in holder.rows:
        if row.markup.startswith(("<p><a href=", "<a href=")) and row.status != 0 and row.name != "second-attribute":
            wanted = servers[0].filled(target_of(HOLDER_OF[row.name], row).encode()).decode()
            assert any(_same(url, wanted) for url in found), (row.name, wanted)


def _same(url: str, wanted: str) -> bool:
    (one, fragment), (other, _) = urldefrag(url), urldefrag(wanted)
    return one == other and bool(fragment) == ("#" in wanted and not wanted.endswith("#"))
