"""A page makes the requests in replay that it made while it was rendered, and reads what the live site let it read."""

from collections.abc import Callable
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser

from tests.crawl.running import mirror
from tests.mirroring import folder
from tests.replay.serving import served
from tests.site import Handler, Page, Site, serve, serve_both

TEXT: Final = "<p>" + "A paragraph that says something. " * 20 + "</p>"
JSON: Final = {"Content-Type": "application/json"}

SCRIPT: Final = """
const found = {}
const read = async (name, ...request) => {
    found[name] = await fetch(...request).then(got => got.text()).catch(String) }
const jsonp = name => new Promise(done => {
    window[name] = word => { found.jsonp = word; done() }
    document.head.append(Object.assign(document.createElement("script"), { src: `/jsonp?callback=${name}` })) })
const sandboxed = () => new Promise(done => {
    addEventListener("message", event => { found.sandboxed = event.data; done() }, { once: true })
    const frame = document.createElement("iframe")
    frame.sandbox = "allow-scripts"; frame.src = "/frame"
    document.body.append(frame) })
setTimeout(() => read("later", `/news.json?later=${Date.now()}`), 300)
await read("time", "/news.json?_=" + Date.now())
await read("random", "/news.json?x=1&" + Math.random())
await read("uuid", `/news.json?id=${crypto.randomUUID()}`)
await jsonp(`jQuery${Math.random()}_${Date.now()}`.replace(".", ""))
await read("any", "{other}/any.json")
await read("echo", "{other}/echo.json")
await read("preflight", "{other}/echo.json?x", { headers: { "X-Requested-With": "XMLHttpRequest", "X-A": "1" } })
await sandboxed()
await navigator.serviceWorker?.register("/sw.js"); await navigator.serviceWorker?.ready
found.worker = "ready"
await new Promise(done => setTimeout(done, 400))
document.querySelector("#found").textContent = JSON.stringify(found)
"""

FRAME: Final = """<!DOCTYPE html><title>Frame</title><script>
fetch("{other}/any.json").then(got => got.text()).catch(String).then(text => parent.postMessage(text, "*"))
</script>"""

EXPECTED: Final = {
    "time": "news",
    "random": "news",
    "uuid": "news",
    "later": "news",
    "jsonp": "jsonp",
    "any": "any",
    "echo": "echo",
    "preflight": "echo",
    "sandboxed": "any",
    "worker": "ready",
}


def said(text: str, headers: dict[str, str] | None = None) -> Page:
    return Page(200, {**JSON, **(headers or {})}, text.encode())


class AnyQuery(Site):
    """Answers a path with any query as it answers the path."""

    def get(self, path: str, default: Page | Callable[[Handler], None] = None) -> Page | Callable[[Handler], None]:  # type: ignore[override, assignment]
        return super().get(path.partition("?")[0], default)


def jsonp(handler: Handler) -> None:
    name = parse_qs(urlsplit(handler.path).query)["callback"][0]
    handler.reply(Page(200, {"Content-Type": "text/javascript"}, f'/**/{name}("jsonp")'.encode()))


def echo(handler: Handler) -> None:
    """An answer for the origin that asked, and for nobody else."""
    origin = handler.headers.get("Origin")
    handler.reply(said("echo", {"Access-Control-Allow-Origin": origin} if origin else {}))


def test_a_page_reads_in_replay_what_it_read_while_it_was_rendered(tmp_path: Path, browser: Browser) -> None:
    site = AnyQuery().page("/", f"{TEXT}<p id=found></p><script type=module src=/app.js></script>")
    site.file("/app.js", SCRIPT, "text/javascript").file("/frame", FRAME, "text/html").file(
        "/sw.js", "", "text/javascript"
    )
    site["/news.json"] = said("news")
    site["/jsonp"] = jsonp
    other = AnyQuery()
    other["/any.json"] = said("any", {"Access-Control-Allow-Origin": "*"})
    other["/echo.json"] = echo
    with serve_both(site, other) as (server, far):
        for _ in range(2):
            done = mirror(f"{server.url}/", tmp_path, "render=always", "delay=0")
            assert done.code == 0, done.stderr
        assert {headers.get("origin") for path, headers in far.requests if path == "/echo.json"} <= {None, server.url}
        start = f"{server.url}/"
    with served(tmp_path) as running:
        context = browser.new_context()
        page = context.new_page()
        failed: list[str] = []
        page.on("response", lambda got: failed.append(got.url) if got.status >= 400 else None)
        page.goto(running.place(start, 2))
        page.wait_for_function("document.querySelector('#found').textContent")
        assert page.evaluate("JSON.parse(document.querySelector('#found').textContent)") == EXPECTED
        assert [url for url in failed if "favicon" not in url] == []
        near = page.evaluate("fetch('/news.json?_=1999999999999').then(got => got.headers.get('websucker-near-match'))")
        assert near.startswith("time _; ")
        called = page.evaluate("fetch('/jsonp?callback=other').then(got => got.text())")
        assert called == '/**/other("jsonp")'
        context.close()


def seen(handler: Handler, cookie: str, page: str, otherwise: str) -> None:
    """Answer with a page if the request has a cookie."""
    has_cookie = cookie in (handler.headers.get("Cookie") or "")
    body = f"<!DOCTYPE html><title>T</title><link rel=icon href=data:,>{page if has_cookie else otherwise}"
    handler.reply(Page(200, {"Content-Type": "text/html"}, body.encode()))


CHALLENGE: Final = """<script>
if (!document.cookie.includes("human=1")) {
    document.cookie = "human=1; path=/; expires=" + new Date(Date.now() + 3600e3).toUTCString()
    location.reload()
}</script>"""
STORED: Final = """<script>
if (!localStorage.ready) { localStorage.ready = 1; location.reload() }
else { document.cookie = "token=abc"; fetch(["/of", "second", "load.json"].join("-")) }</script>"""
ALWAYS: Final = "<script>location.reload()</script><p id=p>Never done</p><a href=/end>end</a>"


def test_a_page_that_loads_itself_again_is_seen_to_its_end(tmp_path: Path) -> None:
    """The cookies that scripts set are sent by the crawl, and a page that sets them is requested once more."""
    site = Site().page("/end", f"{TEXT}the end").file("/style.css", "p{}", "text/css")
    links = "<a href=/stored>stored</a><a href=/other>other</a><a href=/always>always</a>"
    site["/"] = lambda handler: seen(handler, "human=1", f"{TEXT}{CHALLENGE}{links}<p>for humans", CHALLENGE)
    site["/other"] = lambda handler: seen(handler, "human=1", f"{TEXT}also for humans", CHALLENGE)
    site["/of-second-load.json"] = lambda handler: seen(handler, "token=abc", "granted", "refused")
    site.page("/stored", STORED + TEXT).page("/always", ALWAYS)
    with serve(site) as server:
        done = mirror(f"{server.url}/", tmp_path, "render=auto", "delay=0", "limit=5")
        assert done.code == 0, done.stderr
    paths = server.paths
    assert {
        path: paths.count(path) for path in ("/", "/stored", "/other", "/always", "/end", "/of-second-load.json")
    } == {
        "/": 2,
        "/stored": 1,
        "/other": 1,
        "/always": 1,
        "/end": 1,
        "/of-second-load.json": 1,
    }
    copies = {path.name: path.read_text() for path in (tmp_path / folder(server.url)).iterdir() if path.is_file()}
    assert "for humans" in copies["index.html"]
    assert "also for humans" in copies["other~.html"]
    assert "granted" in next(text for name, text in copies.items() if name.startswith("of-second-load"))


LOADER: Final = """
const kept = JSON.parse(localStorage.kept ?? "[]"), wanted = ["base", location.pathname.slice(1) || "home"]
const missing = wanted.filter(name => !kept.includes(name))
fetch(`/load?modules=${missing.join("|")}`).then(() => localStorage.kept = JSON.stringify([...kept, ...missing]))
"""


@pytest.mark.long
def test_some_pages_are_opened_with_what_others_have_stored(tmp_path: Path) -> None:
    names = "abcdef"
    site = AnyQuery().file("/loader.js", LOADER, "text/javascript")
    site["/load"] = said("modules")
    for path in ("/", *(f"/{name}" for name in names)):
        site.page(path, f"{TEXT}<script src=/loader.js></script>", links=[f"/{name}" for name in names])
    with serve(site) as server:
        done = mirror(f"{server.url}/", tmp_path, "render=always", "delay=0")
        assert done.code == 0, done.stderr
    asked = {path for path in server.paths if path.startswith("/load?modules=")}
    cold = {f"/load?modules=base|{name}" for name in ("home", *names)}
    assert asked >= cold
    assert asked - cold  # the modules of a page alone, without those that another page has stored
