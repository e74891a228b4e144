"""Captures of pages: two visits of a page look the same, whatever it does, and each visit ends."""

from pathlib import Path
from urllib.request import getproxies

import pytest

from mirror.browser import chromium
from mirror.compare import page_capture
from mirror.compare.page_capture import PageCapture, Viewer
from mirror.compare.socks_proxy import Block
from mirror.core.policy.private_addresses import Reach, networks
from mirror.core.url.canonical import canonical
from tests.browser.conftest import program
from tests.browser.pages import alone
from tests.site import Site, serve

CHANCE = """<p id=said></p><style>@keyframes x { to { margin-left: 500px } } p { animation: x 1s infinite }</style>
<input autofocus><script>said.textContent = [Math.random(), new Date().toISOString().slice(0, 16), Date().slice(0, 15),
new Date(0).getTime(), new Date() instanceof Date, Intl.DateTimeFormat().resolvedOptions().timeZone].join()</script>"""


def captured(
    server_url: str, *paths: str, is_sealed: bool = False, block: Block = lambda _, __: None
) -> list[PageCapture]:
    async def capture() -> list[PageCapture]:
        async with Viewer(Path(program("chromium")), block) as viewer:
            return [
                await viewer.capture(server_url + path, lambda url: url.startswith(server_url), is_sealed=is_sealed)
                for path in paths
            ]

    return alone(capture())


def test_two_visits_of_a_page_are_the_same() -> None:
    with serve(Site().page("/", CHANCE)) as server:
        one, other = captured(server.url, "/", "/")
    assert one.sight == other.sight
    assert one.picture == other.picture
    random, clock, day, zero, *rest = one.sight.lines[1].split(",")
    assert 0 < float(random) < 1
    assert (clock, day, zero, rest) == ("2026-01-01T12:00", "Thu Jan 01 2026", "0", ["true", "UTC"])


def test_a_visit_to_a_page_that_hangs_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """The browser is restarted, so that the next page is captured by another one."""

    async def capture(url: str) -> list[PageCapture]:
        async with Viewer(Path(program("chromium"))) as viewer:
            monkeypatch.setattr(page_capture, "MAX_PAGE_TIME", 4.0)
            hung = await viewer.capture(f"{url}/hang", lambda _: True, is_sealed=False)
            monkeypatch.undo()
            return [hung, await viewer.capture(f"{url}/", lambda _: True, is_sealed=False)]

    with serve(Site().page("/hang", "<script>while (true);</script>").page("/", "<p>well")) as server:
        hung, well = alone(capture(server.url))
    assert hung.sight.problem
    assert (well.sight.problem, well.sight.lines) == ("", ("/", "well"))


def test_pages_that_disturb_the_capture() -> None:
    """Dialogs, pop-ups, downloads, and pages that navigate away."""
    site = Site().page("/", "<script>alert(1); open('/other'); confirm(2)</script><p>here").page("/other", "<p>other")
    site.page("/moves", "<script>location = '/other'</script>").file("/file", b"x" * 1000)
    with serve(site) as server:
        loud, moved, file, none = captured(server.url, "/", "/moves", "/file", "/nothing")
    assert (loud.sight.problem, loud.sight.lines) == ("", ("/", "here"))
    assert moved.url.endswith("/other") or moved.sight.problem
    assert file.sight.problem
    assert none.sight.problem.startswith("404")


def test_a_sealed_page_loads_nothing_from_other_hosts() -> None:
    with serve(Site().file("/i.png", b"")) as other:
        page = f"<img src='{other.url}/i.png'><script>fetch('{other.url}/x').catch(() => 0)</script>"
        with serve(Site().page("/", page)) as server:
            (seen,) = captured(server.url, "/", is_sealed=True)
        assert set(seen.sight.left) == {f"{other.url}/i.png", f"{other.url}/x"}
        assert other.paths == []


def test_a_sealed_page_makes_no_other_connections() -> None:
    """Requests that playwright's routes do not see: WebSockets, preconnects, and the targets of redirects."""
    with serve(Site().file("/i.png", b"")) as other:
        ws = other.url.replace("http:", "ws:")
        page = f"""<link rel=preconnect href="{other.url}"><img src=/led><iframe src=/led></iframe><script>
            new WebSocket("{ws}/s")
            new Worker(URL.createObjectURL(new Blob([`new WebSocket("{ws}/w"); fetch("{other.url}/w")`])))</script><p>here"""
        with serve(Site().page("/", page).redirect("/led", f"{other.url}/i.png")) as server:
            (seen,) = captured(server.url, "/", is_sealed=True)
        assert seen.sight.lines[-1] == "here"
        assert other.paths == []


def test_a_site_on_the_internet_can_not_reach_this_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Not by an image, a redirect, a WebSocket or a page. A site on this machine can reach others on it."""
    for name in getproxies():
        monkeypatch.delenv(f"{name}_proxy", raising=False)
        monkeypatch.delenv(f"{name}_PROXY".upper(), raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.9")  # that names no proxy
    with serve(Site().file("/i.png", b"").page("/"), "127.0.0.9") as inner, serve(Site(), "127.0.0.1") as public:
        port, ws = inner.server_port, inner.url.replace("http:", "ws:")
        page = f"<img src='{inner.url}/i.png'><img src=/led><script>new WebSocket('{ws}/s');"
        page += f"fetch('http://[::ffff:127.0.0.9]:{port}/m', {{mode: 'no-cors'}})</script><p>here"
        public.site.page("/", page).redirect("/led", f"{inner.url}/i.png").redirect("/gone", f"{inner.url}/")
        reach = Reach((canonical(f"{public.url}/"),), public=networks("127.0.0.1/32"))
        seen, gone = captured(public.url, "/", "/gone", block=reach.blocks_address)
        assert inner.paths == []
        assert (seen.sight.problem, seen.sight.lines[-1]) == ("", "here")
        assert f"{inner.url}/i.png" in seen.sight.failed
        assert gone.sight.problem == f"not to be connected to: 127.0.0.9:{port} (loopback)"
        captured(public.url, "/", block=Reach((canonical(f"{public.url}/"),)).blocks_address)
        assert "/i.png" in inner.paths


def test_missing_requirements(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chromium, "find_spec", lambda _: None)
    assert "compare needs playwright and Pillow: pip install -r requirements-browser.txt" in str(
        page_capture.what_is_missing()
    )
    monkeypatch.undo()
    monkeypatch.setenv("PATH", "")
    assert "apt-get install chromium) or give --browser PATH" in str(page_capture.what_is_missing())
