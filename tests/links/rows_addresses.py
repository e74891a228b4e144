"""Rows about what servers answer: statuses, redirects, other hosts, spelling of URLs."""

import socket
from collections.abc import Callable
from typing import Any, Final

from tests.links.faults import Row
from tests.site import HTML, Handler, Page


def a(name: str, link: str = "", **more: Any) -> Row:
    """A row that is an ordinary link, to `/t/NAME` unless it says otherwise."""
    return Row(name=name, markup=f'<p><a href="«{link or f"/t/{name}"}»">{name}</a>', **more)


def gone(name: str, link: str = "", **more: Any) -> Row:
    """An ordinary link to what is not there."""
    return a(name, link, **{"kinds": ("broken",), "status": 404, **more})


def moved(name: str, link: str = "", **more: Any) -> Row:
    """An ordinary link to what has moved for good."""
    return a(name, link, **{"kinds": ("redirect",), **more})


def short(handler: Handler) -> None:
    """Promise more than is sent."""
    handler.send_response(200)
    handler.send_header("Content-Type", HTML)
    handler.send_header("Content-Length", "5000")
    handler.end_headers()
    handler.wfile.write(b"<!DOCTYPE html>\n<title>Short</title>\n")
    handler.close_connection = True


def silent(handler: Handler) -> None:
    """Never answer. It ends when the client hangs up."""
    handler.connection.recv(1)
    handler.close_connection = True


def hangs_up(handler: Handler) -> None:
    """Close the connection without an answer."""
    handler.connection.shutdown(socket.SHUT_RDWR)
    handler.close_connection = True


def only_get(status: int) -> Callable[[Handler], None]:
    """A page whose server answers HEAD with this status."""

    def answer(handler: Handler) -> None:
        page = Page(200, {"Content-Type": HTML}, f"<!DOCTYPE html>\n<title>{handler.path}</title>\n".encode())
        handler.reply(Page(status) if handler.command == "HEAD" else page)

    return answer


HERE: Final = {"Content-Type": HTML}

STATUSES: Final = (
    gone("not-found"),
    gone("gone", status=410),
    gone("server-error", status=500),
    gone("not-implemented", status=501),
    gone("unavailable", status=503, kinds=("broken", "unclear")),
    gone("teapot", status=418),
    gone("bad-request", status=400),
    gone(
        "forbidden", status=403, kinds=("unclear", "broken"), why="a visitor can't read it, or only this client can't"
    ),
    gone("unauthorized", status=401, kinds=("unclear", "broken"), why="it needs a login"),
    gone(
        "cut-body",
        status=None,
        serves=short,
        kinds=("broken", "unclear"),
        why="less arrives than Content-Length promises",
    ),
    gone("hangs-up", status=None, serves=hangs_up, kinds=("broken", "unclear")),
    gone("in-folder", "/t/in-folder/a/b/c.html"),
    gone(
        "wrong-case",
        "/t/wrong-case/Page.HTML",
        also={"/t/wrong-case/page.html": Page(200, HERE, b"<title>Small</title>")},
    ),
    gone("missing-slash", "/t/missing-slash/a", also={"/t/missing-slash/a/": Page(200, HERE, b"<title>Slash</title>")}),
    gone(
        "query-missing",
        "/t/query-missing/list?page=9",
        also={"/t/query-missing/list": Page(200, HERE, b"<title>List</title>")},
    ),
    a("ok"),
    a("ok-with-query", "/t/ok-with-query?a=1&amp;b=2"),
    a("ok-no-content", serves=Page(204), status=204),
    a("ok-empty", serves=Page(200, HERE)),
    a(
        "ok-says-404",
        serves=Page(200, HERE, b"<!DOCTYPE html>\n<title>Errors</title>\n<h1>404 Not Found, and what it means</h1>\n"),
    ),
    a("ok-no-type", serves=Page(200, {}, b"no type")),
    a("ok-only-get", serves=only_get(405), why="HEAD is refused, GET is not"),
    a("ok-head-lies", serves=only_get(404), why="HEAD says 404, GET has a page"),
)

REDIRECTS: Final = (
    moved("moved-301", hops=((301, "/t/moved-301/1"),), instead="{self}/t/moved-301/1"),
    moved("moved-308", hops=((308, "/t/moved-308/1"),), instead="{self}/t/moved-308/1"),
    moved(
        "moved-chain",
        hops=((301, "/t/moved-chain/1"), (308, "/t/moved-chain/2")),
        instead="{self}/t/moved-chain/2",
    ),
    moved(
        "moved-slash",
        "/t/moved-slash/a",
        hops=((301, "/t/moved-slash/a/"),),
        instead="{self}/t/moved-slash/a/",
    ),
    moved(
        "moved-with-fragment",
        hops=((301, "/t/moved-with-fragment/1#part"),),
        serves=Page(200, HERE, b"<!DOCTYPE html>\n<title>Part</title>\n<p id=part>"),
        instead="{self}/t/moved-with-fragment/1#part",
    ),
    moved(
        "moved-keeps-fragment",
        "/t/moved-keeps-fragment#part",
        hops=((301, "/t/moved-keeps-fragment/1"),),
        serves=Page(200, HERE, b"<!DOCTYPE html>\n<title>Part, too</title>\n<p id=part>"),
        instead="{self}/t/moved-keeps-fragment/1#part",
        why="the new page has the fragment, which the link brings along",
    ),
    moved(
        "moved-then-found",
        hops=((301, "/t/moved-then-found/1"), (302, "/t/moved-then-found/2")),
        why="the first step is for good",
    ),
    gone("moved-to-missing", hops=((301, "/t/moved-to-missing/1"),)),
    gone("found-to-missing", hops=((302, "/t/found-to-missing/1"),)),
    gone("loop", hops=((302, "/t/loop"),), status=None),
    gone("loop-of-two", hops=((301, "/t/loop-of-two/1"), (301, "/t/loop-of-two")), status=None),
    gone(
        "loop-that-grows",
        hops=tuple((302, f"/t/loop-that-grows/{n}") for n in range(1, 60)),
        status=None,
        why="59 steps",
    ),
    gone(
        "no-location",
        serves=Page(302, HERE, b"<title>Where?</title>"),
        status=302,
        kinds=("broken", "unclear", "redirect"),
    ),
    a(
        "found-loses-fragment",
        "/t/found-loses-fragment#old",
        kinds=("fragment",),
        hops=((302, "/t/found-loses-fragment/1"),),
        why="the link brings its fragment along, and the new page lacks it",
    ),
    a(
        "found-has-wrong-fragment",
        kinds=("fragment",),
        hops=((302, "/t/found-has-wrong-fragment/1#old"),),
        why="the fragment of the Location is missing",
    ),
    a("found-302", hops=((302, "/t/found-302/1"),), why="for now only: the link is right"),
    a("found-303", hops=((303, "/t/found-303/1"),)),
    a("found-307", hops=((307, "/t/found-307/1"),)),
    a(
        "found-then-moved",
        hops=((302, "/t/found-then-moved/1"), (301, "/t/found-then-moved/2")),
        may=("redirect",),
        why="the link leads to what is for now only",
    ),
    a(
        "found-keeps-fragment",
        "/t/found-keeps-fragment#part",
        hops=((302, "/t/found-keeps-fragment/1"),),
        serves=Page(200, HERE, b"<!DOCTYPE html>\n<title>Part again</title>\n<p id=part>"),
    ),
    a(
        "found-has-other-fragment",
        "/t/found-has-other-fragment#old",
        hops=((302, "/t/found-has-other-fragment/1#part"),),
        serves=Page(200, HERE, b"<!DOCTYPE html>\n<title>Part once more</title>\n<p id=part>"),
        why="the fragment of the Location replaces that of the link",
    ),
    a(
        "refreshed",
        serves=Page(
            200, HERE, b"<!DOCTYPE html>\n<title>Soon</title>\n<meta http-equiv=refresh content='9; url=/t/ok'>"
        ),
        may=("redirect",),
    ),
)

EXTERNAL: Final = (
    gone("other-missing", "{other}/t/other-missing"),
    gone("other-gone", "{other}/t/other-gone", status=410),
    gone("other-error", "{other}/t/other-error", status=500),
    gone("other-forbidden", "{other}/t/other-forbidden", status=403, kinds=("unclear",), why="a wall against programs"),
    gone(
        "other-too-many",
        "{other}/t/other-too-many",
        status=429,
        kinds=("unclear",),
        why="it says nothing about the page",
    ),
    gone("other-999", "{other}/t/other-999", status=999, kinds=("unclear",), why="what LinkedIn answers programs"),
    gone("other-login", "{other}/t/other-login", status=401, kinds=("unclear",)),
    gone(
        "other-silent",
        "{other}/t/other-silent",
        status=None,
        serves=silent,
        kinds=("broken", "unclear"),
        why="a timeout",
    ),
    gone("other-refused", "http://127.0.0.1:1/t/other-refused", status=None, kinds=("broken", "unclear")),
    gone("other-unknown-host", "http://nowhere.invalid/t/other-unknown-host", status=None),
    gone("other-bad-port", "http://localhost:99999/t/other-bad-port", status=0, why="no URL has such a port"),
    gone("other-without-scheme", "{//other}/t/other-without-scheme"),
    gone("other-twice-moved", "{other}/t/other-twice-moved", hops=((301, "/t/other-twice-moved/1"),)),
    moved(
        "other-moved",
        "{other}/t/other-moved",
        hops=((301, "/t/other-moved/1"),),
        instead="{other}/t/other-moved/1",
    ),
    a("other-no-fragment", "{other}/t/other-no-fragment#part", kinds=("fragment",)),
    a("other-ok", "{other}/t/other-ok"),
    a(
        "other-fragment",
        "{other}/t/other-fragment#part",
        serves=Page(200, HERE, b"<!DOCTYPE html>\n<title>Elsewhere</title>\n<p id=part>"),
    ),
    a("other-scheme-relative", "{//other}/t/other-scheme-relative"),
    a("other-found", "{other}/t/other-found", hops=((302, "/t/other-found/1"),)),
    a("other-only-get", "{other}/t/other-only-get", serves=only_get(403)),
)

SPELLING: Final = (
    gone("spelled-space-gone", "/t/spelled-space-gone/a b"),
    gone("spelled-letters-gone", "/t/spelled-letters-gone/é"),
    gone("spelled-entity-gone", "/t/spelled-entity-gone?a=1&amp;b=2"),
    gone("spelled-dots-gone", "/p/../t/./spelled-dots-gone/x/.."),
    gone(
        "spelled-plus-gone",
        "/t/spelled-plus-gone/a+b",
        also={"/t/spelled-plus-gone/a%20b": Page(200, HERE, b"<title>a b</title>")},
    ),
    gone(
        "spelled-twice-gone",
        "/t/spelled-twice-gone/a%2520b",
        why="encoded once too often",
        also={"/t/spelled-twice-gone/a%20b": Page(200, HERE, b"<title>a b, too</title>")},
    ),
    gone("spelled-backslash-gone", r"\t\spelled-backslash-gone", target="/t/spelled-backslash-gone"),
    gone(
        "spelled-relative-gone",
        "t/spelled-relative-gone",
        target="/p/t/spelled-relative-gone",
        why="the slash is missing",
    ),
    gone("spelled-semicolon-gone", "/t/spelled-semicolon-gone;v=1"),
    a("spelled-space", "/t/spelled-space/a b"),
    a("spelled-space-around", "  /t/spelled-space-around\t"),
    a("spelled-letters", "/t/spelled-letters/äé"),
    a("spelled-encoded", "/t/spelled-encoded/%c3%a4"),
    a("spelled-entity", "/t/spelled-entity?a=1&amp;b=2"),
    a(
        "spelled-no-entity",
        "/t/spelled-no-entity?a=1&copy=2",
        target="/t/spelled-no-entity?a=1&copy=2",
        why="before an equals sign, &copy is no entity",
    ),
    a("spelled-numeric-entity", "/t/spelled-&#110;umeric-entity"),
    a("spelled-dots", "../p/./../t/spelled-dots"),
    a("spelled-encoded-dots", "/p/%2e%2E/t/spelled-encoded-dots", target="/t/spelled-encoded-dots"),
    a("spelled-above-root", "/../../t/spelled-above-root", target="/t/spelled-above-root"),
    a("spelled-tab", "/t/spelled\t-tab", target="/t/spelled-tab", why="tabs and newlines are removed"),
    a("spelled-newline", "/t/spelled\n-newline", target="/t/spelled-newline"),
    a("spelled-backslash", r"\t\spelled-backslash", target="/t/spelled-backslash"),
    a("spelled-upper-scheme", "HTTP:{//self}/t/spelled-upper-scheme", target="/t/spelled-upper-scheme"),
    a(
        "spelled-scheme-alone",
        "http:/t/spelled-scheme-alone",
        target="/t/spelled-scheme-alone",
        why="browsers resolve it: same scheme",
    ),
    a(
        "spelled-empty-query",
        "/t/spelled-empty-query?",
        target="/t/spelled-empty-query?",
        also={"/t/spelled-empty-query?": Page(200, HERE, b"<!DOCTYPE html>\n<title>Nothing asked</title>")},
    ),
    a("spelled-empty-fragment", "/t/spelled-empty-fragment#"),
    a("spelled-brackets", "/t/spelled-brackets/a[b]"),
    a(
        "spelled-percent",
        "/t/spelled-percent/100%",
        target="/t/spelled-percent/100%",
        also={"/t/spelled-percent/100%25": Page(200, HERE, b"<!DOCTYPE html>\n<title>100 percent</title>")},
        why="a percent sign that encodes nothing; most servers take it as if it were encoded",
    ),
    a("spelled-semicolon", "/t/spelled-semicolon;v=1"),
    a("spelled-colon", "/t/spelled-colon/a:b"),
    a("spelled-twice-slash", "/t/spelled-twice-slash//x"),
    a("spelled-query-letters", "/t/spelled-query-letters?q=ä", target="/t/spelled-query-letters?q=%C3%A4"),
)
