"""A scripted site, replayed in a browser: it works as online, is isolated from other sites, and makes no requests elsewhere."""

import io
import json
import socketserver
import sqlite3
import wave
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from threading import Thread
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
from PIL import Image, ImageFont
from playwright.sync_api import Browser, BrowserContext, Error, Page

from tests.browser.conftest import run_mirror
from tests.browser.pages import Opened, opened
from tests.constructs import sites
from tests.replay.serving import Served, mirrored, served
from tests.site import PNG, Site, serve_both

SITE: Final = "https://www.example.org"
CDN: Final = "https://cdn.example.net"
LIB: Final = "https://lib.example.org"
EVIL: Final = "https://evil.example.org"
OUT: Final = "https://out.example"
BARE: Final = "http://out.example"
"""A URL for frames and forms that a script creates. For these, Chromium connects to the host before it checks the policy.
Without TLS the proxy can see that no request follows."""

BROWSERS_OWN: Final = "googleapis.com"
"""The host of Chromium's own requests, such as those about the fields of a form."""

SECONDS: Final = 60


def picture(colour: str) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (40, 30), colour).save(file, "PNG")
    return file.getvalue()


def film() -> bytes:
    """A WAV file that a `<video>` plays, and seeks in by ranges. It has 11 MB, more than browsers load ahead."""
    file = io.BytesIO()
    with wave.open(file, "wb") as track:
        track.setnchannels(2)
        track.setsampwidth(2)
        track.setframerate(48000)
        track.writeframes(bytes(48000 * 4 * SECONDS))
    return file.getvalue()


def font() -> bytes:
    """The font that Pillow includes."""
    found = ImageFont.load_default(20)
    assert isinstance(found, ImageFont.FreeTypeFont)
    return bytes(found.font_bytes)


WASM: Final = bytes.fromhex("0061736d0100000001070160027f7f017f030201000707010361646400000a09010700200020016a0b")
"""(module (func (export "add") (param i32 i32) (result i32) local.get 0 local.get 1 i32.add))"""

STYLE: Final = (
    f"@font-face {{ font-family: Ours; src: url({CDN}/font.ttf) }}\n"
    f"h1 {{ font-family: Ours; color: rgb(1, 2, 3); background: url('{CDN}/red.png') }}"
)
CLASSIC: Final = "window.classic = 1"


def digest(text: str) -> str:
    """The value of an `integrity` attribute for a text."""
    return "sha256-" + b64encode(sha256(text.encode()).digest()).decode()


APP: Final = f"""
import {{ name }} from "/part.js"
import {{ far }} from "far"
const found = {{ name, far }}
found.json = (await (await fetch("/data.json")).json()).word
found.lazy = (await import("./lazy.js")).word
found.base = (await (await fetch("{SITE}/data.json")).json()).word
found.add = (await WebAssembly.instantiateStreaming(fetch("/add.wasm"))).instance.exports.add(2, 3)
found.worker = await new Promise(done => {{
    const worker = new Worker("/worker.js"); worker.onmessage = event => done(event.data) }})
const shown = new Image(); shown.src = (await (await fetch("/data.json")).json()).picture
await shown.decode(); found.picture = shown.naturalWidth
document.querySelector("#shadow").attachShadow({{ mode: "open" }}).append(
    document.querySelector("template").content.cloneNode(true))
await document.fonts.load("20px Ours"); found.font = [...document.fonts].filter(f => f.status == "loaded").length
document.querySelector("#panel").onclick = async () => {{
    document.querySelector("#panel").textContent = (await (await fetch("/panel.html")).text()).trim() }}
window.found = found
"""

PAGE: Final = f"""<!DOCTYPE html><html><head><title>App</title>
<meta http-equiv="Content-Security-Policy" content="script-src 'self' {CDN} 'unsafe-inline'">
<link rel="stylesheet" href="{CDN}/style.css" integrity="{digest(STYLE)}" crossorigin="anonymous">
<link rel="preconnect" href="{OUT}">
<script type="importmap">{{"imports": {{"far": "{LIB}/far.js"}}}}</script>
<script src="{CDN}/classic.js" integrity="{digest(CLASSIC)}" crossorigin></script>
<script type="module" src="/app.js"></script></head><body>
<h1>A title</h1><img id="far" src="{CDN}/red.png"><img id="set" srcset="/blue.png 1x, {CDN}/red.png 2x">
<svg width="10" height="10"><use href="/sprite.svg#a"/></svg><template><p>inside</p></template><div id="shadow"></div>
<video id="film" src="/film.wav" controls preload="metadata"></video><button id="panel">more</button>
<a id="next" href="/next">next</a><a href="/lazy.js"></a><a href="/panel.html"></a><a href="/old">old</a>
<a href="/worker.js"></a><a href="/add.wasm"></a><img src="{CDN}/open.png">
<link rel="stylesheet" href="{CDN}/secret.css"><video><track src="{CDN}/secret.vtt"></video></body></html>"""


def web() -> dict[str, Site]:
    site = (
        Site()
        .file("/", PAGE, "text/html; charset=utf-8", headers={"Content-Security-Policy": "default-src 'none'"})
        .page("/next", "<p>The next page")
        .redirect("/old", f"{SITE}/next#there", status=301)
        .file("/app.js", APP, "text/javascript")
        .file("/part.js", "export const name = 'part'", "text/javascript")
        .file("/lazy.js", "export const word = 'lazy'", "text/javascript")
        .file("/worker.js", "postMessage('at work')", "text/javascript")
        .file("/add.wasm", WASM, "application/wasm")
        .file("/data.json", json.dumps({"word": "data", "picture": f"{CDN}/red.png"}), "application/json")
        .file("/panel.html", "<p>panel", "text/html")
        .file("/blue.png", picture("blue"), "image/png")
        .file("/film.wav", film(), "audio/wav")
        .file(
            "/sprite.svg",
            '<svg xmlns="http://www.w3.org/2000/svg"><rect id="a" width="9" height="9"/></svg>',
            "image/svg+xml",
        )
    )
    cdn = (
        Site()
        .file("/style.css", STYLE, "text/css", headers={"Access-Control-Allow-Origin": "*"})
        .file("/secret.css", ".secret { color: red }", "text/css")
        .file("/secret.vtt", "WEBVTT\n\n00:00.000 --> 00:09.000\nsecret", "text/vtt")
        .file("/open.png", picture("red"), "image/png", headers={"Access-Control-Allow-Origin": "*"})
        .file("/font.ttf", font(), "font/ttf")
        .file("/red.png", picture("red"), "image/png")
        .file("/classic.js", CLASSIC, "text/javascript")
    )
    return {SITE: site, CDN: cdn, LIB: Site().file("/far.js", "export const far = 'far'", "text/javascript")}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    out = tmp_path_factory.mktemp("replayed")
    mirrored(out, web(), f"{SITE}/")
    mirrored(out, web(), f"{SITE}/", "2026-11-25")
    mirrored(out, {EVIL: Site().page("/", "hello").file("/i.png", PNG, "image/png")}, f"{EVIL}/", "2026-11-26")
    with served(out) as running:
        yield running


@contextmanager
def outside() -> Iterator[tuple[str, list[str]]]:
    """A proxy that answers every request with an error, and records it. Yields its URL and the requests."""
    asked: list[str] = []

    class Refuse(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            line = self.rfile.readline().decode("latin-1").strip()
            if line and BROWSERS_OWN not in line:
                asked.append(line)
            self.wfile.write(b"HTTP/1.1 502 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Refuse) as proxy:
        proxy.daemon_threads = True
        thread = Thread(target=proxy.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{proxy.server_address[1]}", asked
        proxy.shutdown()
        thread.join()


@contextmanager
def watched(browser: Browser) -> Iterator[tuple[BrowserContext, list[str]]]:
    """A browser context that sends all requests to other machines to a recording proxy."""
    with outside() as (proxy, asked):
        context = browser.new_context(proxy={"server": proxy, "bypass": "localhost,*.localhost"})
        yield context, asked
        context.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with watched(browser) as (context, asked):
        yield context.new_page()
        assert asked == []


EXPECTED_FAILURES: Final = ("/favicon.ico", "/film.wav")
"""The site has no icon, and the browser cancels the download of a video when it has enough of it."""


def test_resources_that_scripts_load_are_replayed(server: Served, page: Page) -> None:
    problems: list[str] = []
    page.on("requestfailed", lambda request: problems.append(f"failed {request.url}"))
    page.on(
        "response", lambda answer: problems.append(f"{answer.status} {answer.url}") if answer.status >= 400 else None
    )
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(server.place(f"{SITE}/"), wait_until="load")
    page.wait_for_function("window.found")
    assert page.evaluate("found") == {
        "name": "part",
        "far": "far",
        "json": "data",
        "lazy": "lazy",
        "base": "data",
        "add": 5,
        "worker": "at work",
        "picture": 40,
        "font": 1,
    }
    assert page.evaluate(
        "[classic, shadow.shadowRoot.textContent, getComputedStyle(document.querySelector('h1')).color]"
    ) == [
        1,
        "inside",
        "rgb(1, 2, 3)",
    ]
    assert page.evaluate(
        "[document.querySelector('#far').naturalWidth, document.querySelector('#set').naturalWidth]"
    ) == [40, 40]
    page.click("#panel")
    page.wait_for_function("document.querySelector('#panel').textContent == '<p>panel'")
    assert [problem for problem in problems if not problem.endswith(EXPECTED_FAILURES)] == []


def test_what_a_page_loads_may_be_redirected(server: Served, page: Page) -> None:
    page.goto(server.place(f"{SITE}/"))
    assert "The next page" in page.evaluate("fetch('/old').then(got => got.text())")


def test_seeking_in_a_video(server: Served, page: Page) -> None:
    parts: list[tuple[int, str]] = []
    page.on("response", lambda answer: parts.append((answer.status, answer.headers.get("content-range", ""))))
    page.goto(server.place(f"{SITE}/"))
    page.wait_for_function("document.querySelector('#film').readyState > 0")
    assert page.evaluate("document.querySelector('#film').duration") == SECONDS
    where = page.evaluate(
        "new Promise(done => { const film = document.querySelector('#film');"
        " film.onseeked = () => done([film.currentTime, film.readyState > 1]); film.currentTime = 55 })"
    )
    assert where == [55, True]
    starts = [int(told.split()[1].partition("-")[0]) for status, told in parts if status == 206]
    assert max(starts) > 48000 * 4 * 50


def test_back_and_forward(server: Served, page: Page) -> None:
    page.goto(f"http://localhost:{server.port}/?snapshot=1")
    page.click(f"text={SITE}/")
    page.wait_for_function("window.found")
    page.click("#next")
    page.wait_for_url(server.place(f"{SITE}/next"))
    page.go_back()
    page.wait_for_function("window.found")
    page.click("text=old")
    page.wait_for_url(server.place(f"{SITE}/next") + "#there")
    page.go_back()
    page.wait_for_function("window.found")
    page.go_back()
    assert page.title() == "Mirrored sites"
    page.go_forward()
    assert page.title() == "App"


def test_typed_hosts(server: Served, page: Page) -> None:
    page.goto(f"http://2026-11-24.www.example.org.localhost:{server.port}/next")
    assert (page.url, page.inner_text("p")) == (server.place(f"{SITE}/next"), "The next page")


SET: Final = """host => {
    const names = location.hostname.split(".")
    for (let n = 0; n < names.length; n++) document.cookie = `d${n}=1; path=/; domain=${names.slice(n).join(".")}`
    for (const domain of ["localhost", ".localhost", "org.localhost", "example.org.localhost"])
        document.cookie = `x=1; path=/; domain=${domain}`
    document.cookie = "own=1; path=/"
    localStorage.own = 1; sessionStorage.own = 1
    return new Promise(done => { indexedDB.open("own").onsuccess = async () => {
        await caches.open("own"); new BroadcastChannel("own"); done(document.cookie) } })
}"""
SEEN: Final = """async () => [
    document.cookie, localStorage.length, (await indexedDB.databases()).length, (await caches.keys()).length]"""


def test_hosts_share_no_storage(server: Served, page: Page) -> None:
    """Neither do snapshots of one host, nor the list of sites. Cookies that a script sets for all of them are not stored."""
    page.goto(server.place(f"{SITE}/next"))
    assert "own=1" in page.evaluate(SET)
    others = [
        server.place(f"{EVIL}/", 3),
        server.place(f"{SITE}/next", 2),
        server.place(f"{CDN}/red.png", 1),
        server.place("http://www.example.org/next", 1),
        f"http://localhost:{server.port}/",
        f"http://www.example.org.localhost:{server.port}/nothing",
    ]
    for other in others:
        page.goto(other)
        if page.title() == "Not in the archive":
            with pytest.raises(Error, match="The document is sandboxed"):
                page.evaluate(SEEN)
        else:
            assert page.evaluate(SEEN) == ["", 0, 0, 0], other
    page.goto(server.place(f"{SITE}/next"))
    assert page.evaluate(SEEN)[1:] == [1, 1, 1]


READ: Final = f"""async () => {{
    const picture = (name, mode) => new Promise((yes, no) => {{
        const i = new Image(); if (mode) i.crossOrigin = mode; i.onerror = no
        i.onload = () => {{
            const c = document.createElement("canvas").getContext("2d"); c.drawImage(i, 0, 0)
            try {{ c.getImageData(0, 0, 1, 1); yes() }} catch (error) {{ no() }} }}
        i.src = "{CDN}" + name }})
    const loaded = (html, part, read) => new Promise((yes, no) => {{
        document.body.insertAdjacentHTML("beforeend", html)
        const e = document.body.lastElementChild.querySelector(part) || document.body.lastElementChild
        e.onload = () => {{ try {{ read(e); yes() }} catch (error) {{ no() }} }}
        e.onerror = no
        if (e.track) e.track.mode = "showing" }})
    const tries = {{
        fetch: () => fetch("{CDN}/red.png"),
        picture: () => picture("/red.png", "anonymous"),
        tainted: () => picture("/red.png", ""),
        style: () => loaded(`<link rel="stylesheet" crossorigin href="{CDN}/secret.css">`, "link", e => e.sheet.cssRules),
        plain: () => loaded(`<link rel="stylesheet" href="{CDN}/secret.css">`, "link", e => e.sheet.cssRules.length),
        captions: () => loaded(`<video crossorigin><track src="{CDN}/secret.vtt" default></video>`, "track", e => e.track.cues),
        json: () => import("{CDN}/secret.css", {{ with: {{ type: "css" }} }}),
        open: () => picture("/open.png", "anonymous"),
        openStyle: () => loaded(`<link rel="stylesheet" crossorigin href="{CDN}/style.css">`, "link", e => e.sheet.cssRules),
    }}
    const done = {{}}
    for (const [name, attempt] of Object.entries(tries))
        done[name] = await attempt().then(() => "read", () => "kept")
    return done
}}"""


def test_a_script_reads_of_other_hosts_only_what_they_allowed(server: Served, page: Page) -> None:
    """The URLs are put together by the test, so they lead to the live host; `place` turns them into those of replay."""
    page.goto(server.place(f"{SITE}/next"))
    done = page.evaluate(READ.replace(CDN, server.place(f"{CDN}/").rstrip("/")))
    assert {name for name, what in done.items() if what == "read"} == {"open", "openStyle"}


def test_a_script_can_not_read_what_is_told_to_the_user(server: Served, page: Page) -> None:
    """The page for a missing URL names other hosts. The site's scripts can open it, and read nothing."""
    page.goto(server.place(f"{SITE}/next"))
    missing = server.place(f"{SITE}/missing")
    assert page.evaluate("async url => (await fetch(url, {headers: {accept: 'text/html'}})).text()", missing) == (
        "Not in the archive\n"
    )
    framed = (
        "url => new Promise(done => { const f = document.createElement('iframe'); f.src = url; document.body.append(f);"
    )
    framed += " f.onload = () => done(f.contentDocument.body.innerText) })"
    assert page.evaluate(framed, missing).strip() == "Not in the archive"
    with page.expect_popup() as opened_window:
        page.evaluate("url => { window.opened = window.open(url) }", missing)
    opened_window.value.wait_for_load_state()
    assert "list of all sites" in opened_window.value.content().lower()
    assert page.evaluate("(() => { try { return opened.document.title } catch (error) { return error.name } })()") == (
        "SecurityError"
    )


LEAVE: Final = f"""async () => {{
    const tries = {{
        image: () => new Promise((yes, no) => {{ const i = new Image(); i.onload = yes; i.onerror = no; i.src = "{OUT}/i" }}),
        fetch: () => fetch("{OUT}/f", {{ mode: "no-cors" }}),
        self: () => fetch("{SITE}/f" + Math.random(), {{ mode: "no-cors" }}),
        address: () => fetch("http://127.0.0.1:9/f", {{ mode: "no-cors" }}),
        port: () => fetch("http://localhost:9/f", {{ mode: "no-cors" }}),
        module: () => import("{OUT}/m.js"),
        socket: () => new Promise((yes, no) => {{
            const s = new WebSocket("wss://out.example/"); s.onopen = yes; s.onerror = no }}),
        events: () => new Promise((yes, no) => {{
            const s = new EventSource("{OUT}/e"); s.onopen = yes; s.onerror = no }}),
        worker: () => new Promise((yes, no) => {{
            const w = new Worker(URL.createObjectURL(new Blob(["importScripts('{OUT}/w.js'); postMessage(1)"])))
            w.onmessage = yes; w.onerror = no }}),
        inWorker: () => new Promise((yes, no) => {{
            const w = new Worker(URL.createObjectURL(new Blob(
                ["fetch('{OUT}/w', {{mode: 'no-cors'}}).then(() => postMessage(1), () => postMessage(0))"])))
            w.onmessage = event => event.data ? yes() : no() }}),
        service: () => navigator.serviceWorker.register("/worker.js"),
        font: () => new FontFace("Out", "url({OUT}/o.ttf)").load(),
        beacon: async () => {{ if (!navigator.sendBeacon("{OUT}/b", "x")) throw 0 }},
    }}
    for (const html of [
        `<link rel="preconnect" href="{OUT}">`, `<link rel="dns-prefetch" href="//dns.example">`,
        `<link rel="prefetch" href="{OUT}/p">`, `<link rel="preload" as="image" href="{OUT}/p">`,
        `<link rel="modulepreload" href="{OUT}/p.js">`, `<link rel="stylesheet" href="{OUT}/p.css">`,
        `<link rel="icon" href="{OUT}/icon.png">`, `<link rel="manifest" href="{OUT}/m.json">`,
        `<iframe src="{BARE}/f"></iframe>`, `<object data="{OUT}/o"></object>`, `<embed src="{OUT}/o">`,
        `<video src="{OUT}/v" poster="{OUT}/v.png"></video>`, `<style>@import "{OUT}/i.css"</style>`,
        `<iframe srcdoc="<img src='{OUT}/s'>"></iframe>`, `<svg><image href="{OUT}/s"/></svg>`,
        `<form action="{BARE}/form" target="f"><input name=a></form><iframe name="f"></iframe>`,
        `<a id="ping" href="#" ping="{OUT}/ping">x</a>`,
    ]) document.body.insertAdjacentHTML("beforeend", html)
    document.querySelector("form").submit()
    document.querySelector("#ping").click()
    const done = {{}}
    for (const [name, attempt] of Object.entries(tries))
        done[name] = await attempt().then(() => "went", () => "stopped")
    return done
}}"""


def test_pages_make_no_requests_to_other_machines(server: Served, browser: Browser) -> None:
    with watched(browser) as (context, asked):
        page = context.new_page()
        page.goto(server.place(f"{EVIL}/", 3))
        done = page.evaluate(LEAVE)
        page.wait_for_load_state("networkidle")
        page.close()
        assert {name for name, what in done.items() if what == "went"} <= {"beacon"}
    assert asked == []


def test_the_proxy_records_requests(browser: Browser) -> None:
    """Without the policy of the replay server, a request does reach the proxy."""
    with watched(browser) as (context, asked):
        page = context.new_page()
        page.set_content(f"<img src='{OUT}/i'>", wait_until="load")
    assert asked


def test_the_page_for_a_missing_url_has_a_link_to_it(server: Served, page: Page) -> None:
    page.goto(server.place(f"{OUT}/x"))
    assert page.title() == "Not in the archive"
    live: Any = page.locator("a[rel=noreferrer]").get_attribute("href")
    assert live == f"{OUT}/x"
    page.click("text=List of all sites")
    page.wait_for_url(f"http://localhost:{server.port}/")


def test_the_list_of_sites_loads_nothing(server: Served, browser: Browser) -> None:
    with watched(browser) as (context, _):
        there = opened(context, f"http://localhost:{server.port}/", picture=False)
    assert (there.failed, there.errors) == ([], [])
    assert {url for url in there.network if not url.endswith("/favicon.ico")} == {f"http://localhost:{server.port}/"}


@pytest.mark.long
def test_every_construct_works_as_online(browser: Browser, tmp_path: Path) -> None:
    """The site with every construct, mirrored by the real command: pages have the same failures and errors as online."""
    main, other = sites()
    with serve_both(main, other) as (live, _):
        run_mirror(live.url + "/", tmp_path, "-a", "render=auto")
        with sqlite3.connect(tmp_path / ".mirror" / "manifest.sqlite") as manifest:
            documents = manifest.execute(
                "SELECT url FROM resources JOIN urls ON urls.id = url_id WHERE path IS NOT NULL AND status = 200"
                " AND media_type IN ('text/html', 'application/xhtml+xml', 'image/svg+xml') ORDER BY url"
            ).fetchall()
        online, wrong = browser.new_context(), {}
        before = {url: judged(opened(online, url, picture=False, idle=True)) for (url,) in documents}
    with served(tmp_path) as server, watched(browser) as (context, asked):
        for url, (failed, errors) in before.items():
            now = judged(opened(context, server.place(url), picture=False, idle=True))
            if now[0] - failed or now[1] != errors:
                wrong[url] = (now, failed, errors)
    assert len(before) > 100
    assert wrong == {}
    assert asked == []


def judged(page: Opened) -> tuple[set[str], list[str]]:
    """The paths of failed requests, and the errors of scripts."""
    return {urlsplit(url).path for url in page.failed} - {"/favicon.ico"}, sorted(page.errors)
