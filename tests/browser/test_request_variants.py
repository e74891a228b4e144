"""Pages whose scripts ask by more than a URL: the answers are kept, and replay chooses among them."""

import json
import sqlite3
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Browser

from tests.crawl.running import mirror, websucker
from tests.replay.serving import served
from tests.site import Handler, Page, Server, Site, serve, serve_both

TEXT: Final = "<p>" + "A paragraph that says something. " * 20 + "</p>"

SCRIPT: Final = """
const found = {}
const read = async (name, url, options) => {
    found[name] = await fetch(url, options).then(got => got.ok ? got.text() : `status ${got.status}`).catch(String) }
const post = (body, type = "application/json") => ({ method: "POST", body, headers: { "Content-Type": type } })
await read("plain", "/news")
await read("xhr", "/news", { headers: { "X-Requested-With": "XMLHttpRequest" } })
await read("json", "/news", { headers: { Accept: "application/json" } })
await read("vary", "/vary", { headers: { "X-Part": "2" } })
await read("only", "/only", { headers: { "X-Requested-With": "XMLHttpRequest" } })
await read("moved", "/moved", { headers: { "X-Requested-With": "XMLHttpRequest" } })
await read("query", "/graphql", post(JSON.stringify({ query: "{ a }", at: Date.now() })))
await read("other", "/graphql", post(JSON.stringify({ query: "{ b }" })))
await read("mutation", "/graphql", post(JSON.stringify({ query: "mutation { c }" })))
await read("search", "/search", post(new URLSearchParams({ q: "café" }), "application/x-www-form-urlencoded"))
const form = new FormData(); form.set("q", "form")
await read("form", "/search", { method: "POST", body: form })
await read("answered", "/answer/search", post("{}"))
await read("far", "{other}/search", post(JSON.stringify({ q: "far" })))
await read("vote", "/vote", post("{}"))
document.querySelector("#found").textContent = JSON.stringify(found)
"""

EXPECTED: Final = {
    "plain": "<!DOCTYPE html><title>News</title>page",
    "xhr": "part",
    "json": '{"news": 1}',
    "vary": "part 2",
    "only": "only for scripts",
    "moved": "part",
    "query": '{"data": "{ a }"}',
    "other": '{"data": "{ b }"}',
    "search": "found q=caf%C3%A9",
    "form": "found a form",
    "answered": "see other",
    "far": "far",
}
"""What the page reads. Two requests change something: these fail while the page is rendered, and in replay."""

REFUSED: Final = {"mutation", "vote"}
HEADERS: Final = {"Access-Control-Allow-Origin": "{other}", "Access-Control-Allow-Headers": "content-type"}


def news(handler: Handler) -> None:
    if "json" in handler.headers.get("Accept", ""):
        handler.reply(Page(200, {"Content-Type": "application/json"}, b'{"news": 1}'))
    elif handler.headers.get("X-Requested-With"):
        handler.reply(Page(200, {"Content-Type": "text/html"}, b"part"))
    else:
        handler.reply(Page(200, {"Content-Type": "text/html"}, b"<!DOCTYPE html><title>News</title>page"))


def vary(handler: Handler) -> None:
    text = f"part {handler.headers.get('X-Part', 'none')}"
    handler.reply(Page(200, {"Content-Type": "text/plain", "Vary": "X-Part"}, text.encode()))


def only(handler: Handler) -> None:
    is_script = handler.headers.get("X-Requested-With")
    handler.reply(Page(200 if is_script else 400, {"Content-Type": "text/plain"}, b"only for scripts"))


def moved(handler: Handler) -> None:
    handler.reply(Page(302, {"Location": "/news", "Vary": "X-Requested-With"}))


def questions(server: Server) -> list[str]:
    """The paths to which a POST was sent: the only requests with a body. Literals of the script are asked by GET as well."""
    return [path for path, headers in server.requests if "content-type" in headers]


def graphql(handler: Handler) -> None:
    if handler.command == "GET":
        handler.reply(Page(400))
        return
    assert handler.headers["Referer"] == handler.headers["Origin"] + "/"
    data = json.loads(handler.body)["query"]
    handler.reply(Page(200, {"Content-Type": "application/json"}, json.dumps({"data": data}).encode()))


def search(handler: Handler) -> None:
    is_form = handler.headers.get("Content-Type", "").startswith("multipart/form-data")
    text = b"found a form" if is_form and b'name="q"\r\n\r\nform\r\n' in handler.body else b"found " + handler.body
    handler.reply(Page(200, {"Content-Type": "text/plain"}, text))


def far(handler: Handler) -> None:
    text = json.loads(handler.body)["q"] if handler.command == "POST" else ""
    assert "Cookie" not in handler.headers
    handler.reply(Page(200, {"Content-Type": "text/plain", "Access-Control-Allow-Origin": "*"}, text.encode()))


def site() -> Site:
    made = Site().page("/", f"{TEXT}<p id=found></p><script type=module src=/app.js></script>")
    made.file("/app.js", SCRIPT, "text/javascript").file("/end", "see other", "text/plain")
    made |= {"/news": news, "/vary": vary, "/only": only, "/moved": moved, "/graphql": graphql, "/search": search}
    made["/answer/search"] = Page(303, {"Location": "/end"})
    made["/vote"] = Page(200, {"Content-Type": "text/plain"}, b"voted")
    return made


def test_what_a_script_gets_by_more_than_a_url_is_the_same_in_replay(tmp_path: Path, browser: Browser) -> None:
    other = Site()
    other["/search"] = far
    with serve_both(site(), other) as (server, _):
        first = mirror(f"{server.url}/", tmp_path, "render=always", "delay=0")
        assert first.code == 0, first.stderr
        assert "POST" in first.stderr  # what was refused is told
        asked = questions(server)
        assert sorted(asked) == ["/answer/search", "/graphql", "/graphql", "/search", "/search"]
        again = mirror(f"{server.url}/", tmp_path, "render=always", "delay=0")
        assert again.code == 0, again.stderr
        assert sorted(questions(server)) == sorted(asked * 2)
        start = f"{server.url}/"
    shown = websucker("diff", str(tmp_path))
    assert "0 changed" in shown.stdout or "no difference" in shown.stdout.lower() or not shown.stdout, shown.stdout
    with served(tmp_path) as running:
        for snapshot in (1, 2):
            page = browser.new_page()
            page.goto(running.place(start, snapshot))
            page.wait_for_function("document.querySelector('#found').textContent")
            found = page.evaluate("JSON.parse(document.querySelector('#found').textContent)")
            assert {name: text for name, text in found.items() if name not in REFUSED} == EXPECTED
            assert found["mutation"] in {"status 404", "status 405"}
            assert found["vote"] == "status 405"
            page.close()
    why = websucker("why", str(tmp_path), f"{start}graphql")
    assert "POST" in why.stdout, why.stdout
    assert websucker("verify", str(tmp_path)).code == 0


def test_a_question_to_another_site_does_not_tell_who_the_user_is(tmp_path: Path) -> None:
    page = f"{TEXT}<script>fetch('{{other}}/search', {{ method: 'POST', body: 'q=a' }})</script>"
    challenge = Page(401, {"WWW-Authenticate": 'Basic realm="Readers"', "Content-Type": "text/plain"}, b"")
    with serve_both(Site().page("/", page), Site().page("/", TEXT)) as (server, other):
        other.site["/search"] = challenge
        start = other.url.replace("http://", "http://guido:spam@")
        secret = "header=X-Api-Key: a"
        mirror(f"{server.url}/ {start}/", tmp_path, "render=always", "delay=0", secret)
        asked = [headers for path, headers in other.requests if path == "/search"]
    assert any("content-type" in headers for headers in asked)
    assert [
        headers for headers in asked if "content-type" in headers and {"authorization", "x-api-key"} & set(headers)
    ] == []


@pytest.mark.parametrize(
    ("word", "paths"), [("none", set()), ("all", {"/graphql", "/search", "/vote", "/answer/search"})]
)
def test_the_option_chooses_which_requests_are_sent(word: str, paths: set[str], tmp_path: Path) -> None:
    with serve_both(site(), Site()) as (server, _):
        mirror(f"{server.url}/", tmp_path, "render=always", "delay=0", f"variants={word}")
        assert set(questions(server)) == paths
        sent = [headers for path, headers in server.requests if path == "/vary"]
        assert {"x-part" in headers for headers in sent} == ({False} if word == "none" else {False, True})


def test_an_archive_of_somebody_else_makes_no_request_that_changes_something(tmp_path: Path) -> None:
    made = Site().page("/", TEXT, links=["/a"]).page("/a", TEXT)
    made["/vote"] = Page(200, {"Content-Type": "text/plain"}, b"voted")
    with serve(made) as server:
        mirror(f"{server.url}/", tmp_path, "delay=0")
        _add_question(tmp_path, f"{server.url}/vote#POST&content-type:application/json&=%7B%7D", f"{server.url}/a")
        done = mirror(f"{server.url}/", tmp_path, "delay=0")
        assert done.code == 0, done.stderr
        assert questions(server) == []


def _add_question(root: Path, url: str, page: str) -> None:
    """Make a page of an archive refer to a variant of a request that the browser never saw."""
    with sqlite3.connect(root / ".mirror" / "manifest.sqlite") as database:
        database.execute("INSERT INTO urls (url, since) VALUES (?, 1)", (url,))
        database.execute(
            "INSERT INTO links SELECT r.id, 99, (SELECT id FROM urls WHERE url = ?), 'requisite', 0 FROM resources r "
            "JOIN urls u ON u.id = r.url_id WHERE u.url = ? AND r.until IS NULL",
            (url, page),
        )
