"""Interactions that need only GET work in replay: searches, tabs, themes, lazy panels, routes of an app.

The sites are built by real generators (`benchmarks.generators`) and mirrored by the real command. The browser that opens the
copies uses a proxy that records all requests to other hosts.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from benchmarks.generators import built
from tests.browser.conftest import Nginx, run_mirror
from tests.browser.test_replay import watched
from tests.modern import sites
from tests.replay.serving import Served, served
from tests.site import serve_both

FALLBACK = {"react": "/index.html"}


@dataclass
class Replayed:
    """A page of the browser, and the replay server with the copy of a site."""

    page: Page
    server: Served
    url: str

    def open(self, path: str) -> Page:
        self.page.goto(self.server.place(f"{self.url}{path}"))
        return self.page


def replayed(site: str, nginx: Nginx, out: Path, browser: Browser) -> Iterator[Replayed]:
    """Mirror the site of a generator, and replay the copy."""
    url = nginx.serve(built(site).folder, FALLBACK.get(site, ""))
    run_mirror(url, out, "-a", "render=auto")
    with ExitStack() as stack:
        server = stack.enter_context(served(out))
        context, asked = stack.enter_context(watched(browser))
        yield Replayed(context.new_page(), server, url)
        assert asked == []


@pytest.fixture
def docusaurus(nginx: Nginx, tmp_path: Path, browser: Browser) -> Iterator[Replayed]:
    yield from replayed("docusaurus", nginx, tmp_path, browser)


@pytest.fixture
def vitepress(nginx: Nginx, tmp_path: Path, browser: Browser) -> Iterator[Replayed]:
    yield from replayed("vitepress", nginx, tmp_path, browser)


@pytest.fixture
def react(nginx: Nginx, tmp_path: Path, browser: Browser) -> Iterator[Replayed]:
    yield from replayed("react", nginx, tmp_path, browser)


@pytest.mark.fidelity
def test_docusaurus(docusaurus: Replayed) -> None:
    page = docusaurus.open("docs/parts/")
    page.get_by_role("tab", name="Orange").click()
    expect(page.get_by_text("An orange is a hesperidium.")).to_be_visible()
    page.get_by_text("More", exact=True).first.click()
    expect(page.get_by_text("A panel that was closed")).to_be_visible()
    assert page.locator("html").get_attribute("data-theme") == "light"
    toggle = page.get_by_role("button", name="Switch between dark and light mode")
    toggle.click()
    toggle.click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    docusaurus.open("")
    search = page.get_by_placeholder("Search")
    search.click()
    search.press_sequentially("quincunx")
    page.get_by_role("option").first.click()
    expect(page.get_by_role("heading", name="Moving parts")).to_be_visible()


@pytest.mark.fidelity
def test_vitepress(vitepress: Replayed) -> None:
    page = vitepress.open("guide/start.html")
    page.get_by_text("fork", exact=True).click()
    expect(page.get_by_text("loosen")).to_be_visible()
    page.locator(".VPSwitchAppearance").first.click()
    expect(page.locator("html")).to_have_class("dark")
    vitepress.open("guide/calendar.html")
    page.get_by_role("button", name="Show the months").click()
    expect(page.locator(".months li")).to_have_count(3)
    page.get_by_role("button", name="Search").first.click()
    page.get_by_role("searchbox").fill("cotignac")
    page.locator("#localsearch-list a").first.click()
    expect(page.get_by_role("heading", name="Quince")).to_be_visible()


@pytest.mark.fidelity
def test_react(react: Replayed) -> None:
    page = react.open("")
    page.get_by_role("button", name="count is 0").click()
    expect(page.get_by_role("button", name="count is 1")).to_be_visible()
    page.get_by_role("link", name="About").click()
    page.get_by_role("button", name="more").click()
    expect(page.get_by_text("What was not loaded before.")).to_be_visible()
    page.get_by_role("link", name="Stock").click()
    page.get_by_role("link", name="chisel").click()
    expect(page.get_by_role("heading", name="chisel")).to_be_visible()
    expect(page.locator("img")).to_have_js_property("naturalWidth", 90)
    page.reload()
    expect(page.get_by_role("heading", name="chisel")).to_be_visible()


def test_resources_that_load_on_interaction(tmp_path: Path, browser: Browser) -> None:
    """The same for pages written by hand, which need no npm: a panel, a search index, tabs, a theme."""
    with serve_both(*sites()) as (live, _):
        url = f"{live.url}/"
        run_mirror(url, tmp_path, "-a", "render=never")
    with served(tmp_path) as server, watched(browser) as (context, asked):
        page = context.new_page()
        page.goto(server.place(f"{url}scripted/panel"))
        page.click("#more")
        expect(page.locator("#panel")).to_have_text("A panel")
        page.fill("#q", "quin")
        expect(page.locator("#hits")).to_have_text("quince")
        page.goto(server.place(f"{url}pages/theme"))
        page.get_by_text("Two").click()
        expect(page.get_by_text("The second tab")).to_be_visible()
        page.get_by_text("Dark").click()
        expect(page.locator("body")).to_have_class("dark")
    assert asked == []
