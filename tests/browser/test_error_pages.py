"""Applications on servers that have one document for all of their views: 404.html."""

import json
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Browser

from tests.crawl.running import mirror, rows
from tests.mirroring import folder
from tests.replay.serving import served
from tests.site import Page, Site, serve

HTML: Final = "text/html"
ICON: Final = "<link rel=icon href=data:,>"
SHELL: Final = (
    f"<!DOCTYPE html><html><head><title>App</title>{ICON}</head><div id=root></div><script src=/app.js></script>"
)
APP: Final = """
const show = async () => {
    const name = location.pathname.slice(1) || "home"
    const { links } = await (await fetch(`/data/${name}.json`)).json()
    root.innerHTML = `<h1>View ${name}</h1>` + links.map(link => `<a href="${link}">${link}</a>`).join(" ")
}
if (location.pathname == "/") history.pushState({}, "", "/welcome")
show()
"""
VIEWS: Final = {"welcome": ["/guide", "/lost"], "guide": ["/", "/login"], "login": []}
GOES: Final = (
    f"<!DOCTYPE html>{ICON}<script>if (location.search) history.replaceState(0, '', location.search.slice(1))\n"
)
"""The start of an application whose 404.html goes to it, with the path in the query."""


def application() -> Site:
    """An application with three views. Its 404.html is the application itself; `/lost` is an error of another program.

    Its start has two links of its own: one to a view, and a broken one.
    """
    links = "<a href=/welcome>Welcome</a><a href=/broken>Broken</a>"
    site = Site().file("/", SHELL.replace("<div", f"{links}<div"), HTML).file("/app.js", APP, "text/javascript")
    for name, leads_to in VIEWS.items():
        site.file(f"/data/{name}.json", json.dumps({"links": leads_to}), "application/json")
        site[f"/{name}"] = Page(404, {"Content-Type": HTML}, SHELL.encode())
    site["/broken"] = site["/guide"]
    site["/lost"] = Page(404, {"Content-Type": HTML}, b"<title>Lost</title><script>0</script><a href=/>Home</a>")
    return site


def kept(out: Path) -> set[object]:
    """The paths of all URLs that were kept with an error."""
    query = "SELECT url FROM resources JOIN urls ON urls.id = url_id WHERE status >= 400 AND path NOT NULL AND until IS NULL"
    return {str(url).partition("/")[2].partition("/")[2].partition("/")[2] for (url,) in rows(out, query)}


def test_the_views_of_an_application(browser: Browser, tmp_path: Path) -> None:
    with serve(application()) as server:
        done = mirror(f"{server.url}/", tmp_path, "render=auto")
        assert kept(tmp_path) == {"welcome", "guide", "login"}
        assert f"Failed: 1 URL (404 Not Found)\n  404 Not Found: {server.url}/broken" in done.stderr
        assert "The server answers 404 Not Found for 3 URLs that only scripts know" in done.stderr
        assert 'name="prerender-status-code"' in (tmp_path / folder(server.url) / "guide~.html").read_text()
        again = mirror(f"{server.url}/", tmp_path, "render=auto")
        assert "Since the previous snapshot: nothing changed" in again.stderr
        assert "for 3 URLs that only scripts know" in again.stderr
    with served(tmp_path) as replay:
        page = browser.new_page()
        answer = page.goto(replay.place(f"{server.url}/guide", 2))
        page.wait_for_selector("h1")
        assert (answer and answer.status, page.inner_text("h1")) == (404, "View guide")
        page.click("text=/login")
        page.wait_for_selector("text=View login")
        page.close()


@pytest.mark.parametrize("start", ["/", "/deep/view"])
def test_a_404_that_goes_to_the_application(start: str, browser: Browser, tmp_path: Path) -> None:
    """https://github.com/rafgraph/spa-github-pages: 404.html passes the path on in the query, and the start restores it."""
    shows = "document.body.append('View ' + location.pathname)</script>"
    goes = b"<!DOCTYPE html><script>location.replace('/?' + location.pathname)</script>"
    site = Site().file("/", f"{GOES}</script><body><a href='/?/deep/view'>view</a><script>{shows}", HTML)
    site.file("/?/deep/view", site["/"].body, HTML)  # type: ignore[union-attr]  # it is a `Page`
    site["/deep/view"] = Page(404, {"Content-Type": HTML}, goes)
    with serve(site) as server:
        done = mirror(server.url + start, tmp_path, "render=always")
    assert kept(tmp_path) == {"deep/view"}
    assert done.code == (0 if start == "/" else 1)
    with served(tmp_path) as replay:
        page = browser.new_page()
        page.goto(replay.place(f"{server.url}/deep/view"))
        page.wait_for_selector("text=View /deep/view")
        page.close()
