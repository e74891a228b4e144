"""Pages that look at their own address, opened from a disk and in replay: each is shown, and none loads itself without end."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request

from tests.browser.pages import file_url
from tests.core.document.test_navigation_guard import LEAVES
from tests.crawl.running import mirror
from tests.mirroring import folder
from tests.replay.serving import Served, served
from tests.site import Site, serve

HTML: Final = "text/html"
ICON: Final = "<link rel=icon href=data:,>"
MORE: Final = {
    "itself": "if (location.host != 'www.example.org') location = location",
    "scheme": "if (location.protocol == 'http:' || location.protocol == 'file:') location.protocol = 'https:'",
    "late": "onload = () => { let l = location; if (l.protocol != 'https:') l.replace(l.href.replace(/^\\w+/, 'https')) }",
    "other host": "if (location.hostname != 'www.example.org') location.hostname = 'www.example.org'",
    "timer": "if (location.protocol != 'https:') setTimeout(() => { location.href = 'https://www.example.org/' }, 10)",
    "circle": "if (location.protocol != 'https:') location.replace(location.pathname.replace('circle', 'circl2'))",
    "circl2": "if (location.protocol != 'https:') location.replace(location.pathname.replace('circl2', 'circle'))",
}
PAGES: Final = {page: script for page, script in (LEAVES | MORE).items() if page != "no frame"}  # which is elsewhere
MOST: Final = 8
"""Navigations of a page at most, the first and those that are cancelled included: a page may load itself twice; a circle is cut
after four, and may try again. Without an end there would be a dozen and more."""


def name(page: str) -> str:
    return page.replace(" ", "-")


def site() -> Site:
    """A page for each script, in the page and in a file of its own, and one that needs its script."""
    here = Site().page(
        "/",
        links=[f"/{kind}/{name(page)}.html" for page in PAGES for kind in ("in", "by")]
        + ["/in/handler.html", "/walk.html"],
    )
    for page, script in PAGES.items():
        body = "<h1>Content</h1><a href=/once.html>Once</a>"
        here.file(f"/in/{name(page)}.html", f"<!DOCTYPE html>{ICON}<script>{script}</script>{body}", HTML)
        here.file(f"/by/{name(page)}.html", f"<!DOCTYPE html>{ICON}<script src={name(page)}.js></script>{body}", HTML)
        here.file(f"/by/{name(page)}.js", script, "text/javascript")
    here.file("/in/handler.html", f'<!DOCTYPE html>{ICON}<body onload="{LEAVES["protocol"]}"><h1>Content</h1>', HTML)
    once = "if (!localStorage.getItem('colour')) { localStorage.setItem('colour', 'red'); location.reload() }"
    for page, other in (("walk", "walked"), ("walked", "walk")):
        link = f"<script>{LEAVES['protocol']}</script><h1>{page}</h1><a href=/{other}.html>{other}</a>"
        here.file(f"/{page}.html", f"<!DOCTYPE html>{ICON}{link}", HTML)
    goes = "<button onclick=\"location.href = 'next.html'\">Next</button>"
    here.file("/once.html", f"{ICON}<script>{once} else document.write('Content')</script>{goes}", HTML)
    return here.page("/next.html", f"{ICON}<h1>Next</h1>")


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A mirror, and the URL of the site."""
    out = tmp_path_factory.mktemp("archive")
    with serve(site()) as server:
        done = mirror(f"{server.url}/", out)
        assert done.code == 0, done.stderr
    return out, server.url


@pytest.fixture(scope="module")
def replay(archive: tuple[Path, str]) -> Iterator[Served]:
    with served(archive[0]) as running:
        yield running


def navigated(request: Request) -> list[Page]:
    """The tab that navigates, if any."""
    return [request.frame.page] if request.is_navigation_request() else []


def shown(context: BrowserContext, places: dict[str, str]) -> dict[str, tuple[bool, str]]:
    """Open all pages at once: whether each shows its content after few navigations, and where it is."""
    navigations: list[Page] = []
    tabs: dict[str, Page] = {}
    for page, place in places.items():
        tabs[page] = tab = context.new_page()
        tab.on("request", lambda request: navigations.extend(navigated(request)))
        tab.goto(place, wait_until="commit")
    context.pages[-1].wait_for_timeout(1500)  # in which a page without an end would load itself a dozen times
    found = {}
    for page, tab in tabs.items():
        has_content = tab.locator("h1").all_inner_texts() == ["Content"]
        found[page] = (has_content and 1 <= navigations.count(tab) <= MOST, f"{tab.url} {navigations.count(tab)}")
        tab.close()
    return found


@pytest.mark.parametrize(("where", "kind"), [("disk", "in"), ("disk", "by"), ("replay", "in")])
def test_each_page_is_shown(kind: str, where: str, archive: tuple[Path, str], replay: Served, browser: Browser) -> None:
    out, url = archive
    places = {
        page: file_url(out / folder(url) / kind / f"{name(page)}.html")
        if where == "disk"
        else replay.place(f"{url}/{kind}/{name(page)}.html")
        for page in [*PAGES, *(["handler"] if kind == "in" else [])]
    }
    context = browser.new_context()
    found = shown(context, places)
    context.close()
    assert {page: at for page, (is_shown, at) in found.items() if not is_shown} == {}


@pytest.mark.parametrize("where", ["disk", "replay"])
def test_pages_go_on_that_reload_once_or_are_clicked(
    where: str, archive: tuple[Path, str], replay: Served, browser: Browser
) -> None:
    out, url = archive
    place = file_url(out / folder(url) / "once.html") if where == "disk" else replay.place(f"{url}/once.html")
    context = browser.new_context()
    page = context.new_page()
    page.goto(place, wait_until="commit")
    page.wait_for_selector("text=Content")
    page.click("button")
    page.wait_for_selector("h1:text('Next')")
    context.close()


@pytest.mark.parametrize("where", ["disk", "replay"])
def test_a_reader_goes_from_page_to_page(
    where: str, archive: tuple[Path, str], replay: Served, browser: Browser
) -> None:
    """A page that a click led to counts as used before anybody has used it (`userActivation.hasBeenActive`)."""
    out, url = archive
    page = browser.new_page()
    page.goto(file_url(out / folder(url) / "walk.html") if where == "disk" else replay.place(f"{url}/walk.html"))
    for there in ("walked", "walk", "walked"):
        page.click("a")
        page.wait_for_selector(f"h1:text-is('{there}')")
        page.wait_for_timeout(200)  # in which it would leave
        assert page.url.endswith(f"/{there}.html")
    page.close()
