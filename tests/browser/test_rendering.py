"""Whole crawls that render, with the real command and a real Chromium."""

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Final

import pytest
from playwright.sync_api import Browser

from tests.browser.conftest import program
from tests.browser.pages import file_url, opened
from tests.crawl.running import ROOT, interrupted, mirror, process, publish, rows, run, tree
from tests.mirroring import folder
from tests.replay.serving import served
from tests.site import Handler, Page, Site, serve, serve_both
from tests.warm import Done

ICON: Final = "<link rel=icon href=data:,>"
TEXT: Final = "<p>" + "A paragraph that says something. " * 20 + "</p>"
JS: Final = "text/javascript"
JSON: Final = "application/json"

pytestmark = pytest.mark.usefixtures("browser")
"""Skips all tests, or fails in CI, if there is no Chromium."""

SHELL: Final = (
    f'<!DOCTYPE html><title>App</title>{ICON}<div id="root"></div><script type="module" src="/app.js"></script>'
)
APP: Final = """
const name = location.pathname == "/" ? "home" : location.pathname.slice(1)
const { title } = await import(`./pages/${name}.js`)
const data = await (await fetch(`/data/${name}.json`)).json()
document.title = title
root.innerHTML = `<h1>${title}</h1><a href="${data.next}">next</a><img src="${data.picture}">`
const style = document.head.appendChild(document.createElement("style"))
style.sheet.insertRule("h1 { color: rgb(1, 2, 3) }")
"""


def app(*names: str) -> Site:
    """Pages that scripts build. Their HTML has none of their content, and no links between them."""
    site = Site().file("/app.js", APP, JS)
    for name, following in zip(names, [*names[1:], names[0]], strict=True):
        site.file("/" if name == "home" else f"/{name}", SHELL, "text/html")
        data = {"next": "/" if following == "home" else f"/{following}", "picture": f"/{name}.svg"}
        site.file(f"/pages/{name}.js", f"export const title = 'Page {name}'", JS)
        site.file(f"/data/{name}.json", json.dumps(data), JSON)
        site.file(
            f"/{name}.svg",
            f"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'><!--{name}--></svg>",
            "image/svg+xml",
        )
    return site


def parts(*names: str) -> list[str]:
    """All paths of such a site."""
    found = ["/app.js"]
    for name in names:
        found += ["/" if name == "home" else f"/{name}", f"/pages/{name}.js", f"/data/{name}.json", f"/{name}.svg"]
    return sorted(found)


def asked(server: "object") -> list[str]:
    return sorted(path for path in server.paths if path != "/robots.txt")  # type: ignore[attr-defined]


def states(out: Path) -> list[tuple[object, ...]]:
    return rows(out, "SELECT state, count(*) FROM renderings GROUP BY state ORDER BY state")


def test_a_scripted_site_is_mirrored_completely_and_each_file_requested_once(tmp_path: Path, browser: Browser) -> None:
    names = ("home", "one", "two", "three")
    with serve(app(*names)) as server:
        done = mirror(f"{server.url}/", tmp_path, "render=auto")
        assert done.code == 0, done.stderr
        assert asked(server) == parts(*names)
    assert "Rendered 4 pages" in done.stderr
    assert "4 pages work fully in `replay` only" in done.stderr
    with served(tmp_path) as running:
        context = browser.new_context()
        page = context.new_page()
        failed: list[str] = []
        page.on("requestfailed", lambda request: failed.append(request.url))
        page.on("response", lambda response: failed.append(response.url) if response.status >= 400 else None)
        page.goto(running.place(f"{server.url}/two"))
        page.wait_for_selector("img")
        page.wait_for_load_state("networkidle")
        assert page.title() == "Page two"
        assert failed == []
        context.close()


def test_without_a_browser_it_is_incomplete(tmp_path: Path) -> None:
    with serve(app("home", "one")) as server:
        done = mirror(f"{server.url}/", tmp_path, "render=never")
        assert asked(server) == ["/", "/app.js"]
    assert "1 page works fully in `replay` only" in done.stderr
    assert states(tmp_path) == []


def test_the_tree_can_have_the_dom_of_pages(tmp_path: Path, browser: Browser) -> None:
    with serve(app("home", "one")) as server:
        done = mirror(f"{server.url}/", tmp_path, "render=dom")
        assert done.code == 0, done.stderr
    assert "`replay`" not in done.stderr
    home = tmp_path / folder(server.url) / "index.html"
    context = browser.new_context()
    page = context.new_page()
    page.goto(file_url(home))
    assert page.inner_text("h1") == "Page home"
    assert page.evaluate("getComputedStyle(document.querySelector('h1')).color") == "rgb(1, 2, 3)"
    assert page.evaluate("document.querySelector('img').naturalWidth") == 9
    page.click("a")
    page.wait_for_selector("h1")
    assert page.inner_text("h1") == "Page one"
    context.close()
    shown = opened(browser.new_context(), file_url(home))
    assert (shown.failed, shown.errors, shown.network) == ([], [], [])
    # The object is the original, and `publish` can make the tree again from the archive.
    digests = rows(
        tmp_path, "SELECT digest FROM resources JOIN urls ON urls.id = url_id WHERE url LIKE '%/' AND path IS NOT NULL"
    )
    ((digest,),) = digests
    assert (tmp_path / ".mirror/objects" / str(digest)[:2] / str(digest)[2:]).read_text() == SHELL
    before = tree(tmp_path)
    home.unlink()
    assert publish(tmp_path).code == 0
    assert tree(tmp_path) == before
    verified = run(sys.executable, "-m", "scrapy", "verify", str(tmp_path))
    assert verified.code == 0, verified.stdout + verified.stderr
    laid = run(sys.executable, "-m", "scrapy", "checkout", str(tmp_path), "latest", str(tmp_path / "laid"))
    assert laid.code == 0, laid.stderr
    assert (tmp_path / "laid" / folder(server.url) / "index.html").read_bytes() == home.read_bytes()


def test_the_browser_gets_nothing_that_robots_txt_or_the_user_excludes(tmp_path: Path) -> None:
    script = "for (const a of ['/private/x.json', '/left-out.json', '/fine.json']) fetch(a).then(r => document.title += r.url)"
    site = (
        Site()
        .file("/robots.txt", "User-agent: *\nDisallow: /private/\n", "text/plain")
        .file("/", f"{ICON}{TEXT}<script>{script}</script>", "text/html")
        .file("/private/x.json", "1", JSON)
        .file("/left-out.json", "1", JSON)
        .file("/fine.json", "1", JSON)
    )
    with serve(site) as server:
        done = mirror(f"{server.url}/", tmp_path, "render=always", "exclude=left-out")
        assert done.code == 0, done.stderr
        assert asked(server) == ["/", "/fine.json"]
        why = run(sys.executable, "-m", "scrapy", "why", str(tmp_path), f"{server.url}/private/x.json")
        assert "forbidden by robots.txt" in why.stdout
        why = run(sys.executable, "-m", "scrapy", "why", str(tmp_path), f"{server.url}/fine.json")
        assert f"seen by the browser on {server.url}/" in why.stdout


def test_requisites_from_other_hosts_are_fetched_but_not_their_pages(tmp_path: Path) -> None:
    site = Site().file("/", f"{ICON}<div id=root></div><script src='{{other}}/lib.js'></script>", "text/html")
    other = (
        Site()
        .file(
            "/lib.js",
            "const b = document.currentScript.src; fetch(b.replace('lib.js', 'd' + 'ata.json')).then(r => r.json())"
            ".then(d => { root.innerHTML = `<a href='${b.replace('lib.js', 'page')}'>${d}</a>` })",
            JS,
        )
        .file("/data.json", '"there"', JSON)
        .page("/page")
    )
    with serve_both(site, other) as (server, far):
        done = mirror(f"{server.url}/", tmp_path, "render=auto")
        assert done.code == 0, done.stderr
        assert [path for path in far.paths if path != "/robots.txt"] == ["/lib.js", "/data.json"]


def test_redirects_of_resources_are_followed(tmp_path: Path) -> None:
    site = (
        Site()
        .file(
            "/",
            f"{ICON}<div id=root></div><script>fetch(['', 'old'].join('/')).then(r => r.json()).then(d => {{ fetch(d) }})</script>",
            "text/html",
        )
        .redirect("/old", "/new.json")
        .file("/new.json", '"/behind.json"', JSON)
        .file("/behind.json", "1", JSON)
    )
    with serve(site) as server:
        assert mirror(f"{server.url}/", tmp_path, "render=auto").code == 0
        assert asked(server) == ["/", "/behind.json", "/new.json", "/old"]


def test_pages_that_lead_to_nothing_new_are_skipped(tmp_path: Path) -> None:
    """Of pages with ordinary scripts, only a few are rendered. Pages without text always are, pages without scripts never."""
    site = Site().file("/count.js", "document.title += '!'", JS)
    for n in range(12):
        site.file(
            f"/{n}" if n else "/",
            f"{ICON}{TEXT}<script src=/count.js></script>" + "".join(f"<a href=/{m}>{m}</a>" for m in (n + 1, n + 2)),
            "text/html",
        )
    for n in (12, 13):
        site.file(f"/{n}", f"{TEXT}<p>no script", "text/html")
    with serve(site) as server:
        done = mirror(f"{server.url}/", tmp_path, "render=auto")
        assert done.code == 0, done.stderr
    ((_, rendered), (_, spared)) = states(tmp_path)
    assert rendered + spared == 12  # type: ignore[operator]
    assert 3 <= rendered <= 6  # type: ignore[operator]  # several are open at a time, and each twentieth is tried again
    assert "similar ones" in done.stderr


def test_a_run_without_changes_renders_nothing(tmp_path: Path) -> None:
    site = app("home", "one")
    with serve(site) as server:
        assert mirror(f"{server.url}/", tmp_path, "render=auto").code == 0
        before = tree(tmp_path)
        del server.requests[:]
        again = mirror(f"{server.url}/", tmp_path, "render=auto")
        assert asked(server) == parts("home", "one")
        assert "Rendered" not in again.stderr
        assert tree(tmp_path) == before
        # A file that a script loads changes, so the page is rendered again, although its HTML is the same.
        site.file("/data/one.json", json.dumps({"next": "/", "picture": "/new.svg"}), JSON)
        site.file("/new.svg", "<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml")
        changed = mirror(f"{server.url}/", tmp_path, "render=auto")
        assert "Rendered 1 page" in changed.stderr
        assert "/new.svg" in server.paths


HOSTILE: Final = {
    "loop": "while (true) {}",
    "alerts": "for (;;) alert(1)",
    "timer": "setInterval(() => fetch('/poll.json'), 20)",
    "away": "location = '/elsewhere'",
    "reload": "location.reload()",
    "popups": "for (let n = 0; n < 50; n++) open('/pop' + n)",
    "post": "const f = document.createElement('form'); f.method = 'post'; document.body.append(f); f.submit()",
    "throw": "throw new Error('x')",
    "write": "document.write('<p>written</p>'.repeat(100))",
    "broken": "history.pushState(null, '', '/nowhere/at/all')",
}


def test_a_page_that_still_shows_its_loader_and_a_refused_post_are_told(tmp_path: Path) -> None:
    site = Site().page("/", "<p>Loading...<script>fetch('/graphql', {method: 'POST', body: '{}'})</script>")
    with serve(site) as server:
        done = mirror(f"{server.url}/", tmp_path, "render=auto")
    assert f"  refused: POST: 1 page, such as {server.url}/ (`--variants all` sends them" in done.stderr
    assert f"  still shows its loader: 1 page, such as {server.url}/\n" in done.stderr
    assert done.code == 1


@pytest.mark.long
def test_hostile_pages_do_not_block_the_crawl(tmp_path: Path) -> None:
    site = Site().file("/poll.json", "1", JSON).page("/elsewhere").file("/late.json", "1", JSON)
    site.page("/", TEXT, links=[*HOSTILE, "good"])
    for name, script in HOSTILE.items():
        site.file(f"/{name}", f"{ICON}<body>{TEXT}<p>{name}<script>{script}</script>", "text/html")
    site.file("/good", f"{ICON}{TEXT}<script>fetch('/la' + 'te.json')</script>", "text/html")
    with serve(site) as server:
        done = mirror(f"{server.url}/", tmp_path, "render=always")
        assert done.code == 0, done.stderr
        assert server.paths.count("/late.json") == 1
        assert server.paths.count("/poll.json") == 1
        assert "/elsewhere" in server.paths
        why = run(sys.executable, "-m", "scrapy", "why", str(tmp_path), f"{server.url}/elsewhere")
        assert f"seen by the browser on {server.url}/away" in why.stdout
        why = run(sys.executable, "-m", "scrapy", "why", str(tmp_path), f"{server.url}/post")
        assert f"refused during rendering: POST {server.url}/post" in why.stdout
    assert states(tmp_path) == [(1, len(HOSTILE) + 3)]
    unfinished = rows(
        tmp_path,
        "SELECT u.url FROM renderings d JOIN resources r ON r.id = d.resource_id JOIN urls u ON u.id = r.url_id "
        "WHERE outcome <> '' ORDER BY 1",
    )
    assert {"loop", "alerts"} <= {str(url).rpartition("/")[2] for (url,) in unfinished} <= {"loop", "timer", "alerts"}


def eventually(holds: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)


def children(pid: int) -> list[int]:
    """All descendants of a process."""
    found = subprocess.run(["ps", "-eo", "pid,ppid"], capture_output=True, text=True, check=True).stdout.split("\n")[1:]
    pairs = [(int(a), int(b)) for a, b in (line.split() for line in found if line.strip())]
    below, more = {pid}, True
    while more:
        new = {a for a, b in pairs if b in below} - below
        below |= new
        more = bool(new)
    return sorted(below - {pid})


def alive(pids: list[int]) -> list[int]:
    return [
        pid
        for pid in pids
        if Path(f"/proc/{pid}/stat").exists() and "Z" not in Path(f"/proc/{pid}/stat").read_text().split()[2]
    ]


def rendered_so_far(out: Path) -> int:
    try:
        return len(rows(out, "SELECT 1 FROM renderings WHERE state = 1"))
    except sqlite3.OperationalError:
        return 0


@pytest.mark.long
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_an_interrupted_run_continues_rendering(tmp_path: Path, how: signal.Signals) -> None:
    names = ("home", *(f"p{n}" for n in range(8)))
    site, ended = app(*names), Event()
    last = site["/data/p7.json"]

    def held(handler: Handler) -> None:  # keeps the run from completing before it is interrupted
        ended.wait(60)
        assert isinstance(last, Page)
        handler.reply(last)

    site["/data/p7.json"] = held
    with serve(site) as server:
        running = process(f"{server.url}/", tmp_path / "cut", "render=auto", own_group=True)
        eventually(lambda: rendered_so_far(tmp_path / "cut") >= 2)
        below = children(running.pid)
        assert below
        if how is signal.SIGINT:
            os.killpg(running.pid, signal.SIGINT)  # like a terminal, which also signals the browser
        else:
            running.kill()
        ended.set()
        _, stderr = running.communicate(timeout=60)
        assert "Traceback" not in stderr
        assert running.returncode == (130 if how is signal.SIGINT else -9)
        eventually(lambda: alive(below) == [])
        going_on = mirror(f"{server.url}/", tmp_path / "cut", "render=auto")
        assert going_on.code == 0, going_on.stderr
        assert "Resuming the run" in going_on.stderr
        assert mirror(f"{server.url}/", tmp_path / "whole", "render=auto").code == 0
    assert tree(tmp_path / "cut") == tree(tmp_path / "whole")
    assert states(tmp_path / "cut") == [(1, len(names))]


def words(*given: str, path: str) -> Done:
    command = [sys.executable, "-m", "scrapy", "crawl", "mirror", *(part for word in given for part in ("-a", word))]
    done = subprocess.run(
        command,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=os.environ | {"PATH": path, "PYTHONPROFILEIMPORTTIME": "1"},
    )
    return Done(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize("word", ["always", "auto", "dom"])
def test_without_a_browser_it_says_what_to_install(tmp_path: Path, word: str) -> None:
    with serve(Site().page("/")) as server:
        done = words(f"start={server.url}/", f"out={tmp_path / 'out'}", f"render={word}", path=str(tmp_path))
        assert done.code == 2
        assert server.requests == []
        assert "apt-get install chromium" in done.stderr
        assert not (tmp_path / "out").exists()


_WITHOUT_PLAYWRIGHT = """
import runpy, sys
sys.modules["playwright"] = None  # as if it were not installed
runpy.run_module("mirror", run_name="__main__", alter_sys=True)
"""
_BUILT = '<div id="root"></div><script>document.body.append("text")</script>'


@pytest.mark.parametrize("start", ["/built", "/text"])
@pytest.mark.parametrize("given", [[], ["--render", "never"]])
def test_pages_that_need_a_browser_are_told_once_if_nobody_decided_against_it(
    tmp_path: Path, start: str, given: list[str]
) -> None:
    site = Site().page("/built", _BUILT, links=["/built/2"]).page("/built/2", _BUILT)
    site.page("/text", f"{'words ' * 60}<script>1</script>")
    with serve(site) as server:
        done = run(
            *(sys.executable, "-c", _WITHOUT_PLAYWRIGHT), f"{server.url}{start}", "--out", f"{tmp_path / 'out'}", *given
        )
    told = [line for line in done.stderr.splitlines() if line.startswith("Scripts build pages such as ")]
    assert done.code == 0, done.stderr
    assert len(told) == (start == "/built" and not given), done.stderr
    for line in told:
        assert f"{server.url}/built, " in line
        assert (
            "rendering needs playwright: pip install -r requirements-browser.txt, or pip install websucker[browser]"
            in line
        )


@pytest.mark.parametrize("given", [["render=never"], pytest.param([], marks=pytest.mark.long)])
def test_playwright_is_not_imported_without_rendering(tmp_path: Path, given: list[str]) -> None:
    """By default, nothing is rendered if there is no Chromium."""
    path = os.environ["PATH"] if given else str(tmp_path)
    with serve(Site().page("/", "<script>1</script>")) as server:
        done = words(f"start={server.url}/", f"out={tmp_path / 'out'}", *given, path=path)
    assert done.code == 0
    assert "mirror.browser.offline_browser" in done.stderr
    assert not re.search(r"\bplaywright\b", done.stderr)
    assert states(tmp_path / "out") == []


def test_a_browser_that_does_not_start_does_not_end_the_run(tmp_path: Path) -> None:
    broken = tmp_path / "chromium"
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    with serve(app("home", "one")) as server:
        done = mirror(f"{server.url}/", tmp_path / "out", "render=always", f"browser={broken}")
    assert done.code == 0
    assert f"Nothing was rendered: {broken} can't be started" in done.stderr
    assert states(tmp_path / "out") == [(3, 1)]


def test_the_browser_option_sets_the_path(tmp_path: Path) -> None:
    with serve(app("home")) as server:
        done = mirror(f"{server.url}/", tmp_path, "render=auto", f"browser={program('chromium')}")
        assert done.code == 0
        assert asked(server) == parts("home")


def test_ctrl_c_during_rendering(tmp_path: Path) -> None:
    site = Site().file(
        "/", f"{ICON}<div id=root></div><script>setInterval(() => fetch('/p.json'), 20)</script>", "text/html"
    )
    with serve(site.file("/p.json", "1", JSON)) as server:
        running = process(f"{server.url}/", tmp_path, "render=auto")
        eventually(lambda: "/p.json" in server.paths)
        interrupted(running)
        _, stderr = running.communicate(timeout=60)
    assert running.returncode == 130, stderr
    assert states(tmp_path) == [(0, 1)]
