"""What browsers forgive in documents and headers: Chromium requests what the tables of the rules say."""

from contextlib import suppress

import pytest
from playwright.sync_api import Browser, Error

from tests.core.document.test_forgiven import HEADERS, PAGES
from tests.core.http.test_lenient_answers import REFUSED, SHOWN
from tests.site import Site, serve
from tests.transfer.scripted import Reply
from tests.transfer.scripted import serve as serve_raw

LINKS = "() => [...document.querySelectorAll('a')].map(a => a.href)"


def test_chromium_reads_the_same_urls(browser: Browser) -> None:
    site, page = Site(), browser.new_page()
    for name, (payload, _) in PAGES.items():
        site.file(f"/{name}", payload, "text/html")
    with serve(site) as server:
        found = {}
        for name in PAGES:
            page.goto(f"{server.url}/{name}")
            found[name] = [str(url).removeprefix(server.url) for url in page.evaluate(LINKS)]
        asked = set(server.paths)
    page.close()
    links = {name: urls for name, (payload, urls) in PAGES.items() if b"<a " in payload}
    assert {name: found[name] for name in links} == links
    assert {"/a.png"} <= asked  # the background of a body


@pytest.mark.long
def test_chromium_shows_and_refuses_the_same_answers(browser: Browser) -> None:
    page = browser.new_page()
    shown = []
    with serve_raw({name: Reply(raw) for name, raw in {**SHOWN, **REFUSED}.items()}) as server:
        for name in (*SHOWN, *REFUSED):
            with suppress(Error):
                page.goto(f"{server.url}/{name}", timeout=10_000)
                shown += [name] if page.evaluate("document.querySelector('p')?.textContent") == "plain" else []
    page.close()
    assert shown == [*SHOWN]


def test_chromium_requests_the_bytes_of_a_location(browser: Browser) -> None:
    rows = {value: expected for header, value, expected in HEADERS.values() if header == "Location"}
    for value, expected in rows.items():
        site, page = Site().file("/from", "", status=302, headers={"Location": value}), browser.new_page()
        with serve(site) as server:
            page.goto(f"{server.url}/from")
            assert expected in server.paths
        page.close()
