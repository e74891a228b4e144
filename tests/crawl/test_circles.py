"""Redirects that lead back: the server waits for a cookie, or insists on a spelling."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

from tests.crawl.running import dangling, mirror, scrapy
from tests.mirroring import folder
from tests.site import HTML, Handler, Page, Site, serve


def page(text: str) -> Page:
    return Page(200, {"Content-Type": HTML}, f"<!DOCTYPE html><p>{text}".encode())


def moved(location: str, cookie: str = "") -> Page:
    return Page(302, {"Location": location, **({"Set-Cookie": cookie} if cookie else {})})


def waits(for_: str, before: Page, after: Page) -> Callable[[Handler], None]:
    """Answers differently once the browser has a cookie."""
    return lambda handler: handler.reply(after if for_ in (handler.headers.get("Cookie") or "") else before)


def spelled(wanted: str) -> Callable[[Handler], None]:
    """Sends on to one spelling of its path, and answers only that."""
    return lambda handler: handler.reply(page("spelled") if handler.path == wanted else moved(wanted))


def counting(handler: Handler) -> None:
    number = sum(map(int, re.findall(r"\bn=(\d+)", handler.headers.get("Cookie") or "")))
    handler.reply(moved("/counting", f"n={number + 1}; Path=/counting"))


SITE: Final = Site()
SITE["/self"] = waits("self=1", moved("/self", "self=1"), page("self"))
SITE["/fragment"] = waits("fragment=1", moved("{self}/fragment#top", "fragment=1"), page("fragment"))
SITE["/twice"] = waits("two=1", moved("/twice", "two=1"), page("twice"))
SITE["/bounce"] = waits("bounce=1", moved("/bounce?cookieSet=1"), page("bounce"))
SITE["/bounce?cookieSet=1"] = moved("/bounce", "bounce=1; Path=/bounce")
SITE["/long"] = waits("long=1", moved("/long/a"), page("long"))
SITE["/long/a"] = moved("/long/b", "long=1; Path=/")
SITE["/long/b"] = moved("/long")
SITE["/~user/"] = spelled("/%7Euser/")
SITE["/caf%C3%A9"] = spelled("/caf%c3%a9")
SITE["/picture"] = waits(
    "picture=1", moved("/picture?set"), Page(200, {"Content-Type": "image/png"}, b"\x89PNG\r\n\x1a\n")
)
SITE["/picture?set"] = moved("/picture", "picture=1; Path=/")
SITE.redirect("/circle", "/round").redirect("/round", "/circle").redirect("/itself", "/itself")
SITE["/counting"] = counting
GOOD: Final = {"/self", "/fragment", "/twice", "/bounce", "/long", "/~user/", "/café"}
BAD: Final = {"/circle", "/itself", "/counting"}
SITE.page("/", '<img src="/picture">', links=[*sorted(GOOD), *sorted(BAD)])


def test_a_url_is_requested_again_when_its_answer_may_be_another_one(tmp_path: Path) -> None:
    with serve(SITE) as server:
        done = mirror(server.url, tmp_path)
        again = mirror(server.url, tmp_path)
        told = {
            path: scrapy("why", str(tmp_path), server.url + path).stdout for path in ("/self", "/bounce", "/~user/")
        }
    here = tmp_path / folder(server.url)
    texts = {path.read_text().partition("<p>")[2] for path in here.rglob("*~.html")} | {
        path.read_text().partition("<p>")[2] for path in here.rglob("index.html")
    }
    assert {"self", "fragment", "twice", "bounce", "long", "spelled"} <= texts
    assert [path.read_bytes()[:4] for path in here.glob("picture*") if b"PNG" in path.read_bytes()[:4]] == [b"\x89PNG"]
    assert "Failed: 4 URLs (redirects in a circle)" in done.stderr, done.stderr
    assert len([path for path in server.paths if path == "/counting"]) == 2 * 6
    assert done.code == 1
    assert dangling(tmp_path) == []
    assert "because it redirects to itself and its cookies changed" in told["/self"], told["/self"]
    assert "because it is in a circle of redirects and its cookies changed" in told["/bounce"]
    assert "requested again, because it redirects to itself" in told["/~user/"]
    assert "nothing changed" in again.stderr, again.stderr


def test_without_cookies_redirects_are_followed_all_the_same(tmp_path: Path) -> None:
    with serve(SITE) as server:
        done = mirror(server.url, tmp_path, settings={"COOKIES_ENABLED": "0"})
        user = scrapy("why", str(tmp_path), f"{server.url}/~user/").stdout
    assert "redirects in a circle" in done.stderr
    assert "Error" not in done.stderr
    assert "because it redirects to itself, spelled" in user
