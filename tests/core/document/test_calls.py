"""What reading and copying a page costs, in calls: links of the usual form take few, and searches end early."""

from typing import TYPE_CHECKING, Any

import ada_url
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mirror.core.document import documents, flat_html, html_edits, link_attributes, navigation_guard
from mirror.core.http.messages import Response
from mirror.core.syntax import markup
from mirror.core.url.canonical import CanonicalURL
from mirror.core.url.local_paths import LocalPath, hrefs

if TYPE_CHECKING:
    from collections.abc import Callable

PAGES = 20
LINKS = 60
USUAL = '<li><a class="reference internal" href="../b/{0}.html#part" title="A &amp; B">{0}</a> <img src="/i/{0}.png" alt="">'
LAW = settings(max_examples=200)
SCRAPS = (
    "<p>",
    "</p>",
    "<a href=x>",
    "</A>",
    "<b>",
    "</b>",
    "<I class=y>",
    "</i>",
    "<code>",
    "x",
    "<!--",
    "<font>",
    "<abbr>",
)


def page(number: int, links: str = "", host: str = "h.example") -> Response:
    """A page of a site with links of the usual form to other folders."""
    text = "<!DOCTYPE html><html><head><title>x</title></head><body><ul>" + links
    text += "".join(USUAL.format(number * LINKS + n) for n in range(LINKS)) + "</ul></body></html>"
    return Response(CanonicalURL(f"http://{host}/a/{number}.html"), 200, [("Content-Type", "text/html")], text.encode())


def copied(response: Response) -> bytes:
    """Read a page, and copy it with everything in place."""
    found = documents.find_references(response)
    places = {one.url: LocalPath(one.url.removeprefix("http://")) for one in found}
    here = LocalPath(response.url.removeprefix("http://"))
    return documents.local_copy(response, "text/html", here, hrefs(places.get, here))


def counted(monkeypatch: pytest.MonkeyPatch, owner: object, name: str) -> list[object]:
    """Count the calls of a function: the list gets an entry for each."""
    calls: list[object] = []
    function: Callable[..., Any] = getattr(owner, name)

    def call(*args: Any, **words: Any) -> Any:
        calls.append(args)
        return function(*args, **words)

    monkeypatch.setattr(owner, name, call)
    return calls


def test_links_of_the_usual_form_need_no_place_of_the_parser(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = counted(monkeypatch, html_edits, "tag_edits")
    odd = "<a href='/odd.html'>x</a><A HREF=/odder.html>y</a><a href='&#47;oddest.html'>z</a>"
    copy = copied(page(1, odd)).decode()
    assert len(calls) == odd.count("</a>")
    assert copy.count('src="../i/') == LINKS
    assert copy.count("odd") == odd.count("odd")
    assert "'../odd.html'" in copy


@pytest.mark.parametrize("name", sorted(html_edits.IDLE))
def test_idle_attributes_hold_no_url(name: str) -> None:
    elements = {element for element, _ in link_attributes.TABLE} | {"any-element"}
    assert not [element for element in elements if link_attributes.html_rule(element, name)]
    assert name not in {rule.base for rule in link_attributes.TABLE.values()}


def test_plain_references_need_ada_once_a_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """No other test has pages of this host, so nothing is known of its folders."""
    calls = counted(monkeypatch, ada_url, "join_url")
    for number in range(PAGES):
        copied(page(number, host="ada.example"))
    assert len(calls) <= 2


@pytest.mark.parametrize(
    ("text", "renamed"),
    [
        ("<title>x</title><svg><path/></svg><p>", 0),
        ("<svg></svg>" + "<p>title" * 100, 0),
        ("<svg><title>x</title></svg>", 2),
    ],
)
def test_titles_are_renamed_where_an_image_has_one(text: str, renamed: int) -> None:
    assert markup.with_svg_titles(text).count(markup.SVG_TITLE) == renamed
    assert (markup.with_svg_titles(text) is text) is (renamed == 0)


def test_a_text_that_only_mentions_a_location_is_searched_for_signs_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[object] = []

    class Goes:
        def finditer(self, text: str) -> list[object]:
            calls.append(text)
            return []

    monkeypatch.setattr(navigation_guard, "_GOES", Goes())
    assert not navigation_guard.may_leave("The location (see file.location) of a page in its history.")
    assert calls == []
    assert not navigation_guard.may_leave("if (a.location) location.href = 1")
    assert len(calls) == 1


@LAW
@given(st.lists(st.sampled_from(SCRAPS), max_size=60).map("".join))
def test_the_quick_bound_of_active_elements_is_none_too_small(text: str) -> None:
    tags = text.count("<")
    assert flat_html.most_elements(text) <= tags * (1 + flat_html.most_active(text))


def test_the_elements_of_a_document_are_counted_if_many_may_be_active(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = counted(monkeypatch, flat_html, "most_elements")
    assert not flat_html.is_too_large_for_a_tree("<p><a href=x><b>y</b></a></p>" * 5_000)
    assert calls == []
    assert flat_html.is_too_large_for_a_tree("<p><b><i>" * 50_000)
    assert len(calls) == 1
