"""Films in pieces, mirrored and played in a browser: from replay, and from the tree over a plain file server.

The film is in `tests/media`. A small player of this module plays it with Media Source Extensions, as hls.js and dash.js do; the
real ones come from npm (`benchmarks.generators`).
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext

from benchmarks.generators import built
from tests.browser.conftest import Nginx, run_mirror
from tests.browser.test_replay import watched
from tests.replay.serving import served
from tests.site import Site, serve

FILM: Final = Path(__file__).parents[1] / "media" / "film"

PLAYER: Final = """
const video = document.querySelector("video")
async function got(url, form) {
    const answer = await fetch(url)
    if (!answer.ok) throw `${answer.status} ${url}`
    return answer[form]()
}
async function hls(master) {
    const lines = text => text.split("\\n").filter(line => line && !line.startsWith("#"))
    const chosen = new URL(lines(await got(master, "text"))[0], new URL(master, document.baseURI))
    const text = await got(chosen, "text")
    return [/MAP:URI="(.*)"/.exec(text)[1], ...lines(text)].map(url => new URL(url, chosen))
}
async function dash(manifest) {
    const root = new DOMParser().parseFromString(await got(manifest, "text"), "text/xml")
    const one = root.querySelector("Representation"), template = one.querySelector("SegmentTemplate")
    const filled = (name, number) => template.getAttribute(name).replace("$RepresentationID$", one.id)
        .replace("$Number%03d$", String(number).padStart(3, "0"))
    const urls = template ? [filled("initialization"), ...[1, 2, 3, 4].map(number => filled("media", number))]
        : [one.querySelector("Initialization").getAttribute("sourceURL"),
           ...[...one.querySelectorAll("SegmentURL")].map(part => part.getAttribute("media"))]
    return urls.map(url => new URL(url, new URL(manifest, document.baseURI)))
}
async function play(read, url) {
    const media = new MediaSource()
    video.src = URL.createObjectURL(media)
    await new Promise(done => media.onsourceopen = done)
    const buffer = media.addSourceBuffer('video/mp4; codecs="avc1.42d00b"')
    for (const part of await read(url)) {
        buffer.appendBuffer(await got(part, "arrayBuffer"))
        await new Promise(done => buffer.onupdateend = done)
    }
    media.endOfStream()
    await video.play()
}
"""


def page(call: str) -> str:
    return (
        f"<!DOCTYPE html><title>Film</title><video muted></video><script src=player.js></script><script>{call}</script>"
    )


def site() -> Site:
    """The film, on a server that does not know the types of playlists, and pages that play it."""
    found = Site().page("/", links=["hls.html", "dash.html"]).file("/player.js", PLAYER, "text/javascript")
    found.page("/hls.html", page('play(hls, "film/film.m3u8")')).page("/dash.html", page('play(dash, "film/film.mpd")'))
    for path in (path for path in FILM.rglob("*") if path.is_file()):
        is_text = path.suffix in {".m3u8", ".mpd"}
        content_type = "text/plain" if is_text else "application/octet-stream"
        found.file(f"/film/{path.relative_to(FILM).as_posix()}", path.read_bytes(), content_type)
    return found


@contextmanager
def plain_server(folder: Path) -> Iterator[str]:
    """Serve a folder as `python -m http.server` does; return its URL."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()


def tree_of(out: Path, url: str) -> Path:
    """The folder of a host in a tree."""
    return out / urlsplit(url).netloc.replace(":", "_")


def plays(context: BrowserContext, url: str, width: int) -> None:
    """Assert that the video of a page plays, with this width, and that each request goes to the page's own host."""
    shown = context.new_page()
    asked: list[str] = []
    failed: list[str] = []
    shown.on("request", lambda request: asked.append(request.url))
    shown.on("response", lambda answer: failed.append(answer.url) if answer.status >= 400 else None)
    shown.goto(url)
    shown.wait_for_function("document.querySelector('video').currentTime > 0.3", timeout=20_000)
    assert shown.evaluate("document.querySelector('video').videoWidth") == width
    assert {urlsplit(one).netloc for one in asked if not one.startswith("blob:")} == {urlsplit(url).netloc}
    assert [one for one in failed if not one.endswith("/favicon.ico")] == []
    shown.close()


@pytest.mark.parametrize("media", ["all", "best"])
def test_a_film_plays_from_replay_and_from_the_tree(tmp_path: Path, browser: Browser, media: str) -> None:
    with serve(site()) as live:
        done = run_mirror(f"{live.url}/", tmp_path, "-a", f"media={media}")
        assert done.code == 0, done.stderr
        assert ("/film/1/001.m4s" in live.paths) is (media == "all")
        url = f"{live.url}/"
    with (
        served(tmp_path) as server,
        plain_server(tree_of(tmp_path, url)) as plain,
        watched(browser) as (context, asked),
    ):
        for name in ("hls.html", "dash.html"):
            plays(context, server.place(f"{url}{name}"), 64)
            plays(context, f"{plain}{name}", 64)
    assert asked == []


SCRIPTED: Final = "for (const n of [0, 1]) fetch(`film/film-${n}.m3u8`).then(() => fetch(`film/${n}/001.m4s`))"


def test_what_a_player_requests_while_a_page_is_rendered_is_what_the_user_wants(
    tmp_path: Path, browser: Browser
) -> None:
    """The browser of the crawl sees the original playlist, so a player may choose a quality that is not to be kept."""
    pages = site().page("/", f'<script>fetch("film/film.m3u8").then(() => {{ {SCRIPTED} }})</script>')
    with serve(pages) as live:
        done = run_mirror(f"{live.url}/", tmp_path, "-a", "media=best", "-a", "render=always")
        assert "Rendered 1 page" in done.stderr, done.stdout + done.stderr
        assert "/film/0/001.m4s" in live.paths
        assert not {"/film/film-1.m3u8", "/film/1/001.m4s"} & set(live.paths)


PAGES: Final = {"hls.html": 64, "encrypted.html": 32, "ranges.html": 32, "dash.html": 64, "dash-ranges.html": 32}
"""The pages of the real players, and how wide the film is there."""


@pytest.mark.fidelity
@pytest.mark.parametrize("media", ["all", "best"])
def test_hls_js_and_dash_js(tmp_path: Path, nginx: Nginx, browser: Browser, media: str) -> None:
    pages = tmp_path / "pages"
    shutil.copytree(built("players").folder, pages)
    shutil.copytree(FILM, pages / "film")
    url, out = nginx.serve(pages), tmp_path / "out"
    assert run_mirror(url, out, "-a", f"media={media}").code == 0
    ranges = nginx.serve(tree_of(out, url))
    with served(out) as server, plain_server(tree_of(out, url)) as plain, watched(browser) as (context, asked):
        for name, width in PAGES.items():
            for place in (server.place(f"{url}{name}"), f"{plain}{name}", f"{ranges}{name}"):
                plays(context, place, width)
    assert asked == []
