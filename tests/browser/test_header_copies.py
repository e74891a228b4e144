"""What only headers said, from a disk: Chromium reads the copies as it reads the site."""

from pathlib import Path
from typing import Final

from playwright.sync_api import Browser, Page

from tests.browser.conftest import run_mirror
from tests.browser.pages import file_url
from tests.site import Site, serve

TEXTS: Final = {
    "iso-8859-15": "10 \u20ac",
    "windows-1254": "Erdo\u011fan",
    "shift_jis": "\u65e5\u672c",
    "utf-16le": "caf\u00e9",
    "utf-8": "\u65e5",
}
CYRILLIC: Final = "\u041f\u0440\u0438\u0432\u0435\u0442"
SHOWN: Final = """() => JSON.stringify([document.characterSet, document.title, document.body.innerText.trim(),
    window.said || '', getComputedStyle(document.body, '::after').content])"""


def page(text: str, head: str = "") -> str:
    return f"<!doctype html><html><head>{head}<title>{text}</title></head><body><p>{text}</p></body></html>"


def site() -> Site:
    loads = "<link rel=stylesheet href=/s.css><script src=/s.js></script>"
    made = Site().page(
        "/", links=[f"/{label}.html" for label in TEXTS] + ["/stale.html", "/loads.html", "/old.html", "/safe.html"]
    )
    for label, text in TEXTS.items():
        made.file(f"/{label}.html", page(text).encode(label), f"text/html; charset={label}")
    stale = page(CYRILLIC, "<meta charset=utf-8>").encode("koi8-r")
    made.file("/stale.html", stale, "text/html; charset=koi8-r")
    made.file("/loads.html", page("x", loads), "text/html; charset=utf-8")  # ASCII, but its scripts have an encoding
    made.file(
        "/old.html", page(CYRILLIC, loads.replace("/s.", "/u.")).encode("cp1251"), "text/html; charset=windows-1251"
    )
    made.file("/s.css", f"body::after{{content:'{CYRILLIC}'}}".encode("cp1251"), "text/css; charset=windows-1251")
    made.file("/s.js", f"said = '{CYRILLIC}'".encode("cp1251"), "text/javascript; charset=windows-1251")
    made.file("/u.css", f"body::after{{content:'{CYRILLIC}'}}".encode(), "text/css; charset=utf-8")
    made.file("/u.js", f"said = '{CYRILLIC}'".encode(), "text/javascript; charset=utf-8")
    safe = (
        page("x", "<link rel=stylesheet href=/u.css><script src=/u.js></script>") + "<script>said = 'unsafe'</script>"
    )
    policy = {"Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'"}
    return made.file("/safe.html", safe, "text/html", headers=policy)


def shown(page: Page, url: str) -> str:
    page.goto(url)
    return str(page.evaluate(SHOWN))


def test_a_copy_reads_as_the_site(tmp_path: Path, browser: Browser) -> None:
    with serve(site()) as server:
        run_mirror(server.url + "/", tmp_path)
        page = browser.new_page()
        paths = [path for path in server.paths if path.endswith(".html")]
        online = {path: shown(page, server.url + path) for path in sorted(set(paths))}
    folder = next(tmp_path.glob("127.0.0.1*"))
    copies = {path: shown(page, file_url(folder / path[1:])) for path in online}
    page.close()
    assert copies == online
    assert len(online) == len(TEXTS) + 4
    assert all(online[f"/{name}.html"].count(CYRILLIC) == 2 for name in ("loads",))
