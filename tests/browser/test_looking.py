"""What is seen of a page: the same twice, whatever it does, and with an end."""

import asyncio
from pathlib import Path

import pytest

from mirror import chromium, looking
from mirror.looking import Look, Viewer
from tests.browser.conftest import program
from tests.site import Site, serve

CHANCE = """<p id=said></p><style>@keyframes x { to { margin-left: 500px } } p { animation: x 1s infinite }</style>
<input autofocus><script>said.textContent = [Math.random(), new Date().toISOString().slice(0, 16), Date().slice(0, 15),
new Date(0).getTime(), new Date() instanceof Date, Intl.DateTimeFormat().resolvedOptions().timeZone].join()</script>"""


def looked(server_url: str, *paths: str, is_sealed: bool = False) -> list[Look]:
    async def look() -> list[Look]:
        async with Viewer(Path(program("chromium"))) as viewer:
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
    monkeypatch.setattr(looking, "MOST_TIME", 8.0)
    with serve(Site().page("/hang", "<script>while (true);</script>").page("/", "<p>well")) as server:
        hung, well = looked(server.url, "/hang", "/")
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


def test_what_is_missing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chromium, "find_spec", lambda _: None)
    assert "compare needs playwright and Pillow: pip install -r requirements-browser.txt" in str(
        looking.what_is_missing()
    )
    monkeypatch.undo()
    monkeypatch.setenv("PATH", "")
    assert "apt-get install chromium) or give --browser PATH" in str(looking.what_is_missing())
