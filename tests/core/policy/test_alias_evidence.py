"""What the answers for a URL as written and for its plain form show."""

from typing import Final

import pytest

from mirror.core.http.messages import Response, Spooled
from mirror.core.policy.alias_evidence import are_same
from mirror.core.url.canonical import CanonicalURL

PLAIN: Final = CanonicalURL("http://example.org/a")
SID: Final = "0123456789abcdef" * 2
OTHER: Final = "fedcba9876543210" * 2
WRITTEN: Final = CanonicalURL(f"{PLAIN}?sid={SID}")


def page(url: CanonicalURL, body: str, media_type: str = "text/html") -> Response:
    return Response(url, 200, [("Content-Type", media_type)], body.encode())


def moved(url: CanonicalURL, location: str) -> Response:
    return Response(url, 302, [("Location", location)], b"")


def file(url: CanonicalURL, digest: str) -> Response:
    return Response(url, 200, [("Content-Type", "video/mp4")], b"", Spooled(digest, 9, b""))


def listing(url: str, *names: str, total: str = "") -> Response:
    """A folder as Apache lists it, in this order; the links of its head reverse the order."""
    heads = "".join(f'<th><a href="?C={c};O={"A" if f"C={c};O=D" in url else "D"}">{c}</a></th>' for c in "NMSD")
    rows = "".join(f'<tr><td><a href="{name}">{name}</a><td>2026-11-24 12:00<td>1.2K' for name in names)
    body = f"<title>Index of /a</title><h1>Index of /a</h1><table><tr>{heads}{rows}</table>{total}"
    return page(CanonicalURL(url), body)


FOLDER: Final = f"{PLAIN}/"


def links(sid: str) -> str:
    return f"<a href='/b?sid={sid}'>b</a><a href='/c?sid={sid}'>c</a>"


SHOWN: Final[dict[str, tuple[Response | None, Response | None, bool | None]]] = {
    "a listing in another order": (
        listing(f"{FOLDER}?C=N;O=D", "c.zip", "b.zip"),
        listing(FOLDER, "b.zip", "c.zip"),
        True,
    ),
    "a listing with another file": (
        listing(f"{FOLDER}?C=N;O=D", "c.zip", "b.zip"),
        listing(FOLDER, "b.zip", "d.zip"),
        False,
    ),
    "a page of a list": (
        listing(f"{FOLDER}?C=N;O=D", "c.zip", "b.zip", total="2 of 9"),
        listing(FOLDER, "a.zip", "b.zip", total="2 of 9"),
        False,
    ),
    "words in another order, without a listing": (
        page(CanonicalURL(f"{FOLDER}?utm_source=x"), "a b"),
        page(CanonicalURL(FOLDER), "b a"),
        False,
    ),
    "neither has an answer": (None, None, None),
    "only the plain URL has one": (None, page(PLAIN, "a"), True),
    "only the URL as written has one": (page(WRITTEN, "a"), None, False),
    "equal payloads": (page(WRITTEN, "a", "text/plain"), page(PLAIN, "a", "text/plain"), True),
    "other payloads that are no pages": (page(WRITTEN, "a", "text/plain"), page(PLAIN, "b", "text/plain"), False),
    "equal files": (file(WRITTEN, "1"), file(PLAIN, "1"), True),
    "other files": (file(WRITTEN, "1"), file(PLAIN, "2"), False),
    "the same words, and a token": (
        page(WRITTEN, f"a<input value={'0a' * 9}>"),
        page(PLAIN, f"a<input value={'1b' * 9}>"),
        True,
    ),
    "the same but for the session in links": (page(WRITTEN, "a" + links(SID)), page(PLAIN, "a" + links("")), False),
    "links without the session": (
        page(WRITTEN, f"<a href='/b?sid={SID}'>b</a>"),
        page(PLAIN, "<a href='/b'>b</a>"),
        True,
    ),
    "other words": (page(WRITTEN, "a"), page(PLAIN, "b"), False),
    "other words far down": (page(WRITTEN, " " * 99_999 + "a"), page(PLAIN, " " * 99_999 + "b"), False),
    "another random word that readers see": (page(WRITTEN, "0a" * 9), page(PLAIN, "1b" * 9), False),
    "other words, and a session for each answer": (
        page(WRITTEN, "visitor 1" + links(SID)),
        page(PLAIN, "visitor 2" + links(OTHER)),
        True,
    ),
    "other words, and a session for each answer, told by the page as written": (
        page(WRITTEN, "visitor 1" + links(OTHER)),
        page(PLAIN, "visitor 2" + links(SID)),
        True,
    ),
    "other words, and links to another id": (
        page(WRITTEN, f"1<a href='/a?sid={OTHER}'>next</a><a href='/a?sid={OTHER}#end'>next</a>"),
        page(PLAIN, "2"),
        False,
    ),
    "other words, and the same session": (page(WRITTEN, "1" + links(SID)), page(PLAIN, "2" + links(SID)), False),
    "other words, and a list of ids": (
        page(WRITTEN, "1"),
        page(PLAIN, f"<a href='?sid={SID}'>1</a><a href='?sid={OTHER}'>2</a>"),
        False,
    ),
    "a redirect to a session": (page(WRITTEN, "1"), moved(PLAIN, f"/a?sid={OTHER}"), True),
    "a redirect to itself": (page(WRITTEN, "1"), moved(PLAIN, "/a"), False),
    "a redirect elsewhere": (page(WRITTEN, "1"), moved(PLAIN, "/login"), False),
    "redirects to one page": (moved(WRITTEN, f"/b?sid={SID}"), moved(PLAIN, "/b"), True),
    "redirects to two pages": (moved(WRITTEN, "/b"), moved(PLAIN, "/c"), False),
}


@pytest.mark.parametrize("name", SHOWN)
def test_what_two_answers_show(name: str) -> None:
    written, plain, expected = SHOWN[name]
    assert are_same(written, plain) is expected
