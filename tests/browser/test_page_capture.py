"""What is seen of a page: the same twice, whatever it does, and with an end."""

import asyncio
from pathlib import Path
from urllib.request import getproxies

import pytest

from mirror.browser import chromium
from mirror.compare import page_capture
from mirror.compare.page_capture import Look, Viewer
from mirror.compare.socks_proxy import Bars
from mirror.core.policy.private_addresses import Reach, networks
from mirror.core.url.canonical import canonical
from tests.browser.conftest import program
from tests.site import Site, serve

CHANCE = """<p id=said></p><style>@keyframes x { to { margin-left: 500px } } p { animation: x 1s infinite }</style>
<input autofocus><script>said.textContent = [Math.random(), new Date().toISOString().slice(0, 16), Date().slice(0, 15),
new Date(0).getTime(), new Date() instanceof Date, Intl.DateTimeFormat().resolvedOptions().timeZone].join()</script>"""


def looked(server_url: str, *paths: str, is_sealed: bool = False, bars: Bars = lambda _, __: None) -> list[Look]:
    async def look() -> list[Look]:
        async with Viewer(Path(program("chromium")), bars) as viewer:
            return [
                await viewer.look(server_url + path, lambda url: url.startswith(server_url), is_sealed=is_sealed)
                for path in paths
            ]

    return asyncio.run(look())


def test_a_page_is_seen_twice_as_the_same() -> None:
    with serve(Site().page("/", CHANCE)) as server:
        one, other = looked(server.url, "/", "/")
    assert one.sight == other.sight
    assert one.picture == other.picture
    random, clock, day, zero, *rest = one.sight.lines[1].split(",")
    assert 0 < float(random) < 1
    assert (clock, day, zero, rest) == ("2026-01-01T12:00", "Thu Jan 01 2026", "0", ["true", "UTC"])


def test_a_page_that_hangs_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """It costs itself, and the browser: the next page is seen by another one."""

    async def look(url: str) -> list[Look]:
        async with Viewer(Path(program("chromium"))) as viewer:
            monkeypatch.setattr(page_capture, "MOST_TIME", 4.0)
            hung = await viewer.look(f"{url}/hang", lambda _: True, is_sealed=False)
            monkeypatch.undo()
            return [hung, await viewer.look(f"{url}/", lambda _: True, is_sealed=False)]

    with serve(Site().page("/hang", "<script>while (true);</script>").page("/", "<p>well")) as server:
        hung, well = asyncio.run(look(server.url))
    assert hung.sight.problem
    assert (well.sight.problem, well.sight.lines) == ("", ("/", "well"))


def test_what_a_page_does_to_be_seen_otherwise() -> None:
    """Dialogs, pop-ups, downloads, pages that go elsewhere by themselves."""
    site = Site().page("/", "<script>alert(1); open('/other'); confirm(2)</script><p>here").page("/other", "<p>other")
    site.page("/moves", "<script>location = '/other'</script>").file("/file", b"x" * 1000)
    with serve(site) as server:
        loud, moved, file, none = looked(server.url, "/", "/moves", "/file", "/nothing")
    assert (loud.sight.problem, loud.sight.lines) == ("", ("/", "here"))
    assert moved.url.endswith("/other") or moved.sight.problem
    assert file.sight.problem
    assert none.sight.problem.startswith("404")


def test_a_sealed_page_gets_nothing_from_elsewhere() -> None:
    with serve(Site().file("/i.png", b"")) as other:
        page = f"<img src='{other.url}/i.png'><script>fetch('{other.url}/x').catch(() => 0)</script>"
        with serve(Site().page("/", page)) as server:
            (seen,) = looked(server.url, "/", is_sealed=True)
        assert set(seen.sight.left) == {f"{other.url}/i.png", f"{other.url}/x"}
        assert other.paths == []


def test_a_sealed_page_gets_nothing_from_elsewhere_by_any_way() -> None:
    """Requests that no route sees: of sockets, of what is connected to ahead, of what redirects lead to."""
    with serve(Site().file("/i.png", b"")) as other:
        ws = other.url.replace("http:", "ws:")
        page = f"""<link rel=preconnect href="{other.url}"><img src=/led><iframe src=/led></iframe><script>
            new WebSocket("{ws}/s")
            new Worker(URL.createObjectURL(new Blob([`new WebSocket("{ws}/w"); fetch("{other.url}/w")`])))</script><p>here"""
        with serve(Site().page("/", page).redirect("/led", f"{other.url}/i.png")) as server:
            (seen,) = looked(server.url, "/", is_sealed=True)
        assert seen.sight.lines[-1] == "here"
        assert other.paths == []


def test_a_site_on_the_internet_leads_the_browser_to_no_address_of_this_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By no picture, redirect, socket or page; one that is there itself gets to its like."""
    for name in getproxies():
        monkeypatch.delenv(f"{name}_proxy", raising=False)
        monkeypatch.delenv(f"{name}_PROXY".upper(), raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.9")  # which names no proxy
    with serve(Site().file("/i.png", b"").page("/"), "127.0.0.9") as inner, serve(Site(), "127.0.0.1") as public:
        port, ws = inner.server_port, inner.url.replace("http:", "ws:")
        page = f"<img src='{inner.url}/i.png'><img src=/led><script>new WebSocket('{ws}/s');"
        page += f"fetch('http://[::ffff:127.0.0.9]:{port}/m', {{mode: 'no-cors'}})</script><p>here"
        public.site.page("/", page).redirect("/led", f"{inner.url}/i.png").redirect("/gone", f"{inner.url}/")
        reach = Reach((canonical(f"{public.url}/"),), public=networks("127.0.0.1/32"))
        seen, gone = looked(public.url, "/", "/gone", bars=reach.bars)
        assert inner.paths == []
        assert (seen.sight.problem, seen.sight.lines[-1]) == ("", "here")
        assert f"{inner.url}/i.png" in seen.sight.failed
        assert gone.sight.problem == f"not to be connected to: 127.0.0.9:{port} (loopback)"
        looked(public.url, "/", bars=Reach((canonical(f"{public.url}/"),)).bars)
        assert "/i.png" in inner.paths


def test_what_is_missing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chromium, "find_spec", lambda _: None)
    assert "compare needs playwright and Pillow: pip install -r requirements-browser.txt" in str(
        page_capture.what_is_missing()
    )
    monkeypatch.undo()
    monkeypatch.setenv("PATH", "")
    assert "apt-get install chromium) or give --browser PATH" in str(page_capture.what_is_missing())
