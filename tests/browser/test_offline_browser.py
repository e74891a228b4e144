"""The browser without a network: the caller answers all requests of a page, and a hostile page affects no other page."""

import asyncio
import re
import socket
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from typing import Any, Final, TypeVar

import pytest
from playwright.sync_api import Browser as Shown

from mirror.browser import chromium, limits
from mirror.browser.chromium import BrowserError, find
from mirror.browser.offline_browser import Browser, what_is_missing
from mirror.browser.records import Document, PageRequest, RefusedError, Rendering, Screen
from mirror.core.syntax.reference import Kind
from tests.browser.conftest import program
from tests.browser.pages import alone

SITE: Final = "https://site.example"
HTML: Final = (("Content-Type", "text/html; charset=utf-8"),)
TYPES: Final = {
    "js": "text/javascript",
    "json": "application/json",
    "html": "text/html",
    "css": "text/css",
    "png": "image/png",
}

Got = TypeVar("Got")


class World:
    """The files that pages can request, and the requests that were made."""

    def __init__(self, files: dict[str, str] | None = None) -> None:
        self.files = files or {}
        self.seen: list[PageRequest] = []

    async def ask(self, seen: PageRequest) -> Document | None:
        if seen.variant.method == "POST":
            raise RefusedError
        self.seen.append(seen)
        name = seen.url.removeprefix(SITE)
        if name not in self.files:
            return None
        headers = (("Content-Type", TYPES[name.rpartition(".")[2]]),)
        return Document(seen.url, 200, headers, self.files[name].encode())

    @property
    def asked(self) -> list[str]:
        return sorted({seen.url.removeprefix(SITE) for seen in self.seen} - {"/favicon.ico"})


def within(make: Callable[[Browser], Coroutine[Any, Any, Got]]) -> Got:
    """Run a coroutine with a browser."""
    path = Path(program("chromium"))

    async def run() -> Got:
        browser = Browser(path)
        try:
            return await make(browser)
        finally:
            await browser.close()

    return alone(run())


def rendered(html: str, files: dict[str, str] | None = None) -> tuple[Rendering, World]:
    world = World(files)
    page = Document(f"{SITE}/", 200, HTML, html.encode())
    return within(lambda browser: browser.render(page, world.ask)), world


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lower limits, so that tests need not wait long."""
    monkeypatch.setattr(limits, "MAX_BUSY", 2.0)
    monkeypatch.setattr(limits, "MAX_RESOURCE_WAIT", 1.0)
    monkeypatch.setattr(limits, "MAX_PAGE_TIME", 20.0)
    monkeypatch.setattr(chromium, "_CLOSE_TIMEOUT", 2.0)


def test_resources_that_scripts_load_are_requested() -> None:
    got, world = rendered(
        """<!DOCTYPE html><link rel="icon" href="data:,"><script type="importmap">{"imports": {"far": "/far.js"}}</script>
        <div id="root"></div><script type="module" src="/app.js"></script>""",
        {
            "/app.js": "import {a} from '/part.js'; import 'far'; (await import('/lazy.js')).go((await (await fetch('/d.json')).json()).word);"
            "new Worker('/worker.js'); const i = new Image(); i.src = '/i.png'; document.body.append(i)",
            "/part.js": "export const a = 1",
            "/far.js": "",
            "/lazy.js": "export const go = word => { root.innerHTML = `<a href='/next'>${word}</a>` }",
            "/d.json": '{"word": "data"}',
            "/worker.js": "fetch('/of-worker.json')",
            "/of-worker.json": "1",
            "/i.png": "",
        },
    )
    assert world.asked == sorted(
        ["/app.js", "/part.js", "/far.js", "/lazy.js", "/d.json", "/worker.js", "/of-worker.json", "/i.png"]
    )
    assert {seen.kind for seen in world.seen} == {Kind.REQUISITE}
    assert got.html is not None
    assert got.static_html is not None
    assert '<a href="/next">data</a>' in got.html
    assert "<script" in got.html
    assert "<script" not in got.static_html
    assert got.needs == {"fetches data", "starts workers"}
    assert (got.outcome, got.missed, got.refused) == ("", False, [])


def test_resources_that_load_on_scrolling_are_requested() -> None:
    rows = "".join(f"<div class=far style='height: 700px' data-n='{n}'></div>" for n in range(8))
    script = """new IntersectionObserver(all => all.forEach(e => { if (e.isIntersecting) fetch(`/n${e.target.dataset.n}.json`) }))"""
    _, world = rendered(
        f"<link rel=icon href=data:,>{rows}<script>const o = {script}; for (const e of document.querySelectorAll('.far')) o.observe(e)</script>"
    )
    assert world.asked == [f"/n{n}.json" for n in range(8)]


FAR: Final = "<link rel=icon href=data:,><body style='margin:0'>" + "".join(
    f"<div style='height:900px' data-n='{n}'></div>" for n in range(4)
)
LATE: Final = {
    "/timer": ("<script>onload = () => setTimeout(() => fetch('/timer.json'), 2000)</script>", ["/timer.json"]),
    "/chain": (
        (
            "<script>const sleep = ms => new Promise(done => setTimeout(done, ms));"
            "(async () => { for (let n = 0; n < 4; n++) await sleep(500); fetch('/chain.json') })()</script>"
        ),
        ["/chain.json"],
    ),
    "/interval": (
        "<script>let n = 0; const t = setInterval(() => { if (++n == 5) { clearInterval(t); fetch('/interval.json') } }, 400)</script>",
        ["/interval.json"],
    ),
    "/debounced": (
        (
            f"{FAR}<script>let t; const seen = e => e.getBoundingClientRect().top < innerHeight && e.getBoundingClientRect().bottom > 0;"
            "onscroll = () => { clearTimeout(t); t = setTimeout(() => document.querySelectorAll('div').forEach(e => {"
            " if (seen(e)) fetch(`/d${e.dataset.n}.json`) }), 250) }</script>"
        ),
        ["/d1.json", "/d2.json", "/d3.json"],
    ),
    "/polled": (
        (
            f"{FAR}<script>let n = 0; setInterval(() => {{ if (n < 3 && scrollY + innerHeight > document.body.scrollHeight - 200) {{"
            " fetch(`/feed${n++}.json`); document.body.append(Object.assign(document.createElement('p'), { style: 'height:900px' })) }"
            "}, 300)</script>"
        ),
        ["/feed0.json", "/feed1.json", "/feed2.json"],
    ),
    "/clock": ("<p id=p></p><script>setInterval(() => { p.textContent = Date() }, 200)</script>", []),
}
"""Path -> a page that requests something late, and what."""


def test_what_loads_late_is_waited_for() -> None:
    """The timers of a page decide how long, also after each screen that it is scrolled by."""

    async def visit(browser: Browser, name: str, *, is_patient: bool) -> tuple[Rendering, list[str]]:
        world = World()
        page = Document(f"{SITE}{name}", 200, HTML, LATE[name][0].encode())
        got = await browser.render(page, world.ask, is_patient=is_patient)
        return got, [one for one in world.asked if one in LATE[name][1]]

    async def visits(browser: Browser) -> list[tuple[Rendering, list[str]]]:
        await visit(browser, "/clock", is_patient=False)  # the first page loads slowly, as if its timers were short
        patient = [await visit(browser, name, is_patient=True) for name in LATE]
        return [*patient, await visit(browser, "/timer", is_patient=False)]

    *patient, impatient = within(visits)
    assert {name: found for name, (_, found) in zip(LATE, patient, strict=True)} == {
        name: late for name, (_, late) in LATE.items()
    }
    assert [(got.waited, got.late, got.outcome) for got, _ in patient] == [(True, True, "")] * 5 + [(True, False, "")]
    assert (impatient[1], impatient[0].waited) == ([], False)


def test_scrollable_elements_are_scrolled_too() -> None:
    _, world = rendered(
        "<link rel=icon href=data:,><body style='margin:0'><main style='height:100vh;overflow:auto'><div style='height:3000px'></div>"
        "<img loading=lazy src='/end.png'></main>"
    )
    assert world.asked == ["/end.png"]


def test_frames_and_navigation_by_scripts() -> None:
    got, world = rendered(
        "<link rel=icon href=data:,><iframe src='/frame.html'></iframe><script>onload = () => { location = '/elsewhere' }</script><p>here",
        {"/frame.html": "<img src=/in-frame.png>"},
    )
    kinds = {seen.url.removeprefix(SITE): seen.kind for seen in world.seen}
    assert kinds == {"/frame.html": Kind.FRAME, "/in-frame.png": Kind.REQUISITE, "/elsewhere": Kind.ROUTE}
    assert got.url == f"{SITE}/"
    assert got.html is not None
    assert "<p>here" in got.html


@pytest.mark.long
def test_pages_are_shown_on_other_screens() -> None:
    html = """<link rel=icon href=data:,><script>const show = () => fetch(innerWidth < 500 ? "/small.json" : "/large.json")
        onresize = show; show()</script>"""
    page = Document(f"{SITE}/", 200, HTML, html.encode())
    asked = []
    for screens in ([Screen.DESKTOP], [Screen.DESKTOP, Screen.PHONE], [Screen.PHONE]):
        world = World()
        path = Path(program("chromium"))

        async def run(path: Path = path, screens: list[Screen] = screens, world: World = world) -> None:
            browser = Browser(path, screens=screens)
            await browser.render(page, world.ask)
            await browser.close()

        alone(run())
        asked.append(world.asked)
    assert asked == [["/large.json"], ["/large.json", "/small.json"], ["/small.json"]]


REVEALING: Final = """<!DOCTYPE html><link rel=icon href=data:,><script>
const got = name => fetch(`/${name}.json`)
let page = 0
</script>
<details ontoggle="got('details')"><summary>Details</summary>text</details>
<a href="#two" role=tab onclick="got('tab')">Two</a>
<button aria-expanded=false onclick="got('menu')">Menu</button>
<button id=more onclick="got(`more${page++}`); if (page == 3) this.remove()">Load more</button>
<a href="/away" aria-expanded=false onclick="got('link')">Menu</a>
<a href="#/route" role=tab onclick="got('route')">Route</a>
<form><button aria-expanded=false onclick="got('form')">Menu</button></form>
<button onclick="got('plain')">Do it</button>
<button aria-expanded=false onclick="got('logout')">Log out</button>
<button class=buy-more aria-haspopup=menu onclick="got('buy')">More</button>
<button aria-expanded=false hidden onclick="got('hidden')">Menu</button>
<button aria-expanded=false disabled onclick="got('disabled')">Menu</button>"""


def test_clicks_reveal_more_and_do_nothing_else() -> None:
    page = Document(f"{SITE}/", 200, HTML, REVEALING.encode())
    clicked, untouched = World(), World()

    async def run() -> None:
        for world, clicks in ((clicked, True), (untouched, False)):
            browser = Browser(Path(program("chromium")), clicks=clicks)
            got = await browser.render(page, world.ask)
            await browser.close()
            assert (got.outcome, got.refused) == ("", [])

    alone(run())
    assert clicked.asked == ["/details.json", "/menu.json", "/more0.json", "/more1.json", "/more2.json", "/tab.json"]
    assert untouched.asked == []


ROUTER: Final = """<!DOCTYPE html><link rel=icon href=data:,><main id=main></main><script>
onhashchange = async () => {
    const name = location.hash.slice(2) || "home"
    await fetch(`/${name}.json`).catch(() => 0)
    main.innerHTML = `<h1>${name}</h1><a href="#/guide">g</a><a href="#top">t</a>` +
        (name == "guide" ? `<a href="#/guide/deep">d</a><a href="/elsewhere">e</a>` : "") }
onhashchange()</script>"""


def test_hash_routes_are_opened() -> None:
    """Those that the page links to, those that their views link to, and those of a start."""
    page, world = Document(f"{SITE}/", 200, HTML, ROUTER.encode()), World()
    got = within(lambda browser: browser.render(page, world.ask, routes=["#/start"]))
    assert world.asked == ["/guide.json", "/guide/deep.json", "/home.json", "/start.json"]
    assert got.links == {f"{SITE}/elsewhere"}
    assert got.html is not None
    assert "<h1>home</h1>" in got.html
    assert (got.outcome, got.refused) == ("", [])


def test_static_html_shows_slots_and_frames_that_scripts_filled(browser: Shown) -> None:
    got, _ = rendered(
        """<!DOCTYPE html><link rel=icon href=data:,><x-a id=host>light <b>bold</b></x-a><iframe id=written></iframe>
        <iframe id=named></iframe><iframe id=inner srcdoc="<p id=p>old</p><script>p.textContent = 'by srcdoc'</script>"></iframe>
        <iframe id=empty></iframe><script>
        const root = host.attachShadow({ mode: "open", slotAssignment: "manual" })
        root.innerHTML = "<i><slot id=one>nothing</slot></i><u><slot>fallback</slot></u>"
        root.querySelector("#one").assign(...host.childNodes)
        const inside = written.contentDocument
        inside.open(); inside.write("<p>by write <iframe></iframe><script>1<\\/script><a href='/x'>x</a>"); inside.close()
        inside.querySelector("iframe").contentDocument.body.append("nested")
        named.src = URL.createObjectURL(new Blob(["<p onclick='1'>by blob"], { type: "text/html" }))
        </script>"""
    )
    assert got.static_html is not None
    assert got.html is not None
    assert "/x" in got.html
    assert all(word not in got.static_html for word in ("script", "onclick", "blob:"))
    page = browser.new_page()
    page.set_content(got.static_html)
    frames = [frame.locator("body").inner_text() for frame in page.frames[1:]]
    assert sorted(text.split("\n")[0].strip() for text in frames) == [
        "",
        "by blob",
        "by srcdoc",
        "by write x",
        "nested",
    ]
    shown = "[...host.shadowRoot.querySelectorAll('slot')].map(slot => slot.assignedNodes().map(n => n.textContent).join(''))"
    assert page.evaluate(shown) == ["light bold", ""]
    page.close()


def test_static_html_shows_what_the_page_showed() -> None:
    got, _ = rendered(
        """<!DOCTYPE html><html lang="en" data-a='"&lt;'><head><link rel=icon href=data:,><noscript>x</noscript><link rel=modulepreload href=/m.js></head>
        <body onload="go()"><div id=host></div><a href="javascript:go()">a</a><input id=box value=old><script>
        function go() { document.querySelector('#box').setAttribute('value', 'new') }
        const sheet = new CSSStyleSheet(); sheet.replaceSync('p { color: red }'); document.adoptedStyleSheets = [sheet]
        const style = document.head.appendChild(document.createElement('style')); style.sheet.insertRule('b { color: blue }')
        host.attachShadow({mode: 'open'}).innerHTML = '<i>shadow</i><script>1<\\/script>'
        history.replaceState(null, '', '/sub/page')
        document.documentElement.getHTML = document.createElement = () => { throw 1 }
        </script></body></html>"""
    )
    assert got.url == f"{SITE}/sub/page"
    still = got.static_html
    assert still is not None
    assert still.startswith('<!DOCTYPE html><html lang="en" data-a="&quot;')
    for there in (
        "p { color: red; }",
        "b { color: blue; }",
        '<template shadowrootmode="open"><i>shadow</i></template>',
        f'<base href="{SITE}/sub/page">',
        'value="new"',
    ):
        assert there in still
    for gone in ("<script", "onload", "noscript", "javascript:", "modulepreload"):
        assert gone not in still
    assert still.count("</html>") == 1


@pytest.mark.parametrize(
    ("script", "refused"),
    [
        ("fetch('/a', {method: 'POST', body: 'x'})", f"POST {SITE}/a"),
        pytest.param("fetch('/a', {method: 'DELETE'})", f"DELETE {SITE}/a", marks=pytest.mark.long),
        pytest.param("navigator.sendBeacon('/a', 'x')", f"POST {SITE}/a", marks=pytest.mark.long),
        ("new EventSource('/a')", f"EventSource {SITE}/a"),
        pytest.param("new WebSocket('wss://site.example/a')", "WebSocket wss://site.example/a", marks=pytest.mark.long),
        (
            "const f = document.createElement('form'); f.method = 'post'; f.action = '/a'; document.body.append(f); f.submit()",
            f"POST {SITE}/a",
        ),
    ],
)
def test_forbidden_requests_are_refused_and_listed(script: str, refused: str) -> None:
    got, world = rendered(f"<link rel=icon href=data:,><body><p>here<script>{script}</script>")
    assert got.refused == [refused]
    assert world.asked == []
    assert got.html is not None
    assert "<p>here" in got.html


@pytest.mark.parametrize(
    ("script", "outcome"),
    [
        ("while (true) {}", "never loaded"),
        ("setInterval(() => fetch('/x.json?' + Math.random()), 50)", "never quiet"),
        pytest.param("for (;;) alert('a')", "never loaded", marks=pytest.mark.long),
        pytest.param("onload = () => { while (true) {} }", "", marks=pytest.mark.long),
        ("const a = []; while (true) a.push(new Array(1e6).fill(a.length))", "crashed"),
    ],
)
@pytest.mark.usefixtures("hurried")
def test_an_endless_page_affects_no_other_page(script: str, outcome: str, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World({"/ok.js": "document.title = 'fine'"})
    bad = Document(f"{SITE}/bad", 200, HTML, f"<link rel=icon href=data:,><p>bad<script>{script}</script>".encode())
    good = Document(f"{SITE}/", 200, HTML, b"<title>no</title><script src=/ok.js></script>")

    async def both(browser: Browser) -> list[Rendering]:
        first = await browser.render(bad, world.ask)
        monkeypatch.setattr(limits, "MAX_BUSY", 60.0)  # the second page needs more time
        return [first, await browser.render(good, world.ask)]

    first, second = within(both)
    assert first.outcome != ""
    slow = {"not done in time", "never loaded"}  # a busy machine does not get as far as a crash in that time
    assert outcome in first.outcome or first.outcome in slow
    assert second.html is not None
    assert "<title>fine</title>" in second.html


@pytest.mark.skipif(sys.platform != "linux", reason="where there is prlimit, memory has a bound")
def test_memory_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that allocates more gets an error, or its tab crashes. Other pages are not affected."""
    monkeypatch.setattr(chromium, "MAX_PROCESS_MEMORY", 900 << 20)
    greedy = """<link rel=icon href=data:,><body><script>const all = []
        try { for (;;) all.push(new Uint8Array(1 << 24).fill(1)) } catch (e) { document.title = `${e.name} ${all.length}` }</script>"""
    nodes = "<link rel=icon href=data:,><body><script>for (;;) document.body.append('x'.repeat(1e5) + Math.random())</script>"
    world = World({"/ok.js": "document.title = 'fine'"})
    pages = [greedy, nodes, "<script src=/ok.js></script>"]

    async def all_of(browser: Browser) -> list[Rendering]:
        return [await browser.render(Document(f"{SITE}/", 200, HTML, page.encode()), world.ask) for page in pages]

    refused, died, fine = within(all_of)
    told = re.search("<title>RangeError ([0-9]+)</title>", refused.html or "")
    assert told
    assert 0 < int(told[1]) << 24 < 900 << 20
    assert (died.outcome, died.html) == ("the tab crashed", None)
    assert "<title>fine</title>" in (fine.html or "")


def test_a_page_that_grows_without_end_is_scrolled_a_limited_number_of_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_SCREENS", 5)
    got, _ = rendered(
        "<link rel=icon href=data:,><body><script>const more = () => { for (let n = 0; n < 9; n++) document.body.append(Object.assign("
        "document.createElement('p'), {textContent: 'row', style: 'height: 300px'})) }; more();"
        "onscroll = () => { if (innerHeight + scrollY > document.body.scrollHeight - 100) more() }</script>"
    )
    assert got.html is not None
    assert 9 < got.html.count("<p") <= 9 * (5 + 2)  # initial rows, rows for each screen, rows for scrolling back


def test_a_page_requests_a_limited_number_of_resources(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_REQUESTS", 4)
    got, world = rendered("<link rel=icon href=data:,>" + "".join(f"<img src=/{n}.png>" for n in range(9)))
    assert 0 < len(world.asked) <= 4
    assert got.refused == ["more than 4 requests"]


def test_a_page_that_asks_too_many_questions_still_gets_what_has_a_url(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_QUESTIONS", 2)
    got, world = rendered(
        "<link rel=icon href=data:,><script type=module>for (let n = 0; n < 5; n++) await fetch('/search', {method: 'POST', "
        "body: `${n}`}).catch(String); await fetch('/data.json')</script>"
    )
    assert world.asked == ["/data.json"]
    assert got.refused == [f"POST {SITE}/search", "more than 2 POST requests"]


def test_a_page_continues_without_a_resource_that_never_arrives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_RESOURCE_WAIT", 0.5)

    async def never(seen: PageRequest) -> Document | None:
        await asyncio.sleep(3600)
        raise AssertionError(seen)

    page = Document(f"{SITE}/", 200, HTML, b"<link rel=icon href=data:,><script src=/slow.js></script><p>here")
    got = within(lambda browser: browser.render(page, never))
    assert got.missed
    assert got.html is not None
    assert "<p>here" in got.html


def test_popups_downloads_and_dialogs_do_not_block() -> None:
    got, world = rendered(
        "<link rel=icon href=data:,><p>here<a id=a href='/file.zip' download></a><a id=b target=_blank href='/pop'></a><script>"
        "alert(1); confirm(2); prompt(3); open('/opened'); a.click(); b.click(); onbeforeunload = () => 'stay'</script>"
    )
    assert (got.outcome, got.html is not None) == ("", True)
    assert set(world.asked) <= {"/file.zip", "/pop"}


@contextmanager
def listening(kind: socket.SocketKind) -> Iterator[tuple[int, list[bytes]]]:
    """Listen at a port of this machine. Yields the port and a list of what it received."""
    came: list[bytes] = []
    with socket.socket(socket.AF_INET, kind) as server:
        server.bind(("127.0.0.1", 0))
        if kind is socket.SOCK_STREAM:
            server.listen()
        server.settimeout(0.05)
        done = False

        def listen() -> None:
            while not done:
                with suppress(TimeoutError):
                    came.append(
                        server.recvfrom(100)[0] if kind is socket.SOCK_DGRAM else repr(server.accept()).encode()
                    )

        thread = Thread(target=listen)
        thread.start()
        yield server.getsockname()[1], came
        done = True
        thread.join()


def test_the_browser_makes_no_connections() -> None:
    with listening(socket.SOCK_STREAM) as (tcp, connected), listening(socket.SOCK_DGRAM) as (udp, sent):
        local = f"http://127.0.0.1:{tcp}"
        got, world = rendered(
            f"""<link rel=icon href=data:,><link rel=preconnect href={local}><link rel=dns-prefetch href=//localhost:{tcp}>
            <link rel=prefetch href={local}/prefetched><img src={local}/picture><script>
            new WebSocket('ws://127.0.0.1:{tcp}/'); new WebSocket('ws://localhost:{tcp}/')
            const p = new RTCPeerConnection({{iceServers: [{{urls: 'stun:127.0.0.1:{udp}'}},
                {{urls: 'turn:127.0.0.1:{tcp}?transport=tcp', username: 'a', credential: 'b'}}]}})
            p.createDataChannel('x'); p.createOffer().then(o => p.setLocalDescription(o))
            try {{ new WebTransport('https://127.0.0.1:{udp}/') }} catch {{}}
            new Worker(URL.createObjectURL(new Blob([`new WebSocket('ws://127.0.0.1:{tcp}/w'); fetch('{local}/of-worker')`])))
            navigator.serviceWorker?.register('/sw.js').catch(() => 0)
            </script>"""
        )
    assert connected == []
    assert sent == []
    assert f"{local}/picture" in world.asked
    assert f"{local}/of-worker" in world.asked
    assert "/sw.js" not in world.asked
    assert got.html is not None


def test_pages_share_no_storage() -> None:
    world = World()
    html = (
        "<link rel=icon href=data:,><script>document.title = localStorage.a + document.cookie;"
        "localStorage.a = 1; document.cookie = 'b=2'</script>"
    )
    page = Document(f"{SITE}/", 200, HTML, html.encode())

    async def twice(browser: Browser) -> list[Rendering]:
        return [await browser.render(page, world.ask) for _ in range(2)]

    assert [one.html and "<title>undefined</title>" in one.html for one in within(twice)] == [True, True]


@pytest.mark.long
def test_the_browser_is_restarted_after_max_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_PAGES", 2)
    world = World()
    page = Document(f"{SITE}/", 200, HTML, b"<p>here")

    async def many(browser: Browser) -> tuple[list[Rendering], set[int]]:
        started: set[int] = set()
        got = []
        for _ in range(5):
            got.append(await browser.render(page, world.ask))
            started.add(id(browser._chromium))  # noqa: SLF001 - not exposed otherwise
        return got, started

    got, started = within(many)
    assert all(one.html and "here" in one.html for one in got)
    assert len(started) == 3


def test_a_browser_that_can_not_start_raises(tmp_path: Path) -> None:
    broken = tmp_path / "chromium"
    broken.write_text("#!/bin/sh\necho broken >&2\nexit 1\n")
    broken.chmod(0o755)

    async def run() -> None:
        browser = Browser(broken)
        try:
            await browser.render(Document(f"{SITE}/", 200, HTML, b""), World().ask)
        finally:
            await browser.close()

    with pytest.raises(BrowserError, match="chromium can't be started"):
        alone(run())


def test_missing_requirements(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert what_is_missing(tmp_path / "none") == f"--browser {tmp_path / 'none'} is not an executable program"
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "apt-get install chromium" in str(what_is_missing())
    (tmp_path / "google-chrome").write_text("#!/bin/sh\n")
    (tmp_path / "google-chrome").chmod(0o755)
    assert find() == tmp_path / "google-chrome"
    assert what_is_missing() is None
    monkeypatch.setattr(chromium, "find_spec", lambda _: None)
    assert "requirements-browser.txt" in str(what_is_missing())
