"""HTML as the parser reports it: one parser reads many documents, and none of them shows in another."""

from itertools import product

import pytest

from mirror.core.syntax import html_elements
from mirror.core.syntax.html_elements import read_elements
from mirror.core.syntax.markup import DEEPEST

DOCUMENTS = (
    "",
    "\0",
    "<a href=/a>x",
    "<base href=/b><meta name=robots content=nofollow><a href=c>",
    "<svg><style>a&amp;b",
    "<script src=/d>let open",
    "<template><base href=/e>",
    "<a href=/f>" + "<div>" * (DEEPEST + 9) + "<a href=/g>",
    "<p>" * 40_000 + "<a href=/h>",
    "<body background=/i><body background=/j><a href='<body '>",
    "<!-- <a href=/k>",
    "<style>",
)


@pytest.mark.parametrize(("before", "document"), list(product(DOCUMENTS, DOCUMENTS)))
def test_a_document_is_read_as_if_it_were_the_first(
    monkeypatch: pytest.MonkeyPatch, before: str, document: str
) -> None:
    monkeypatch.setattr(html_elements, "_idle", [])
    alone = read_elements(document)
    monkeypatch.setattr(html_elements, "_idle", [])
    kept = read_elements(before)
    again = read_elements(before)
    assert read_elements(document) == alone
    assert kept == again


def test_a_parser_is_kept_unless_its_document_was_long_or_it_stopped_within_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    idle: list[object] = []
    monkeypatch.setattr(html_elements, "_idle", idle)
    read_elements("<a href=/a>")
    (first,) = idle
    read_elements("<a href=/b>")
    assert idle == [first]
    read_elements(f"<!--{'x' * (1 << 20)}-->")
    assert idle == [], "it would keep the memory of the comment"
    read_elements("<div>" * (DEEPEST + 9))
    assert idle == []


@pytest.mark.parametrize("svg", ["svg", "SVG"])
@pytest.mark.parametrize("body", ["body", "BODY"])
def test_all_bodies_and_the_links_in_titles_of_images_are_reported(svg: str, body: str) -> None:
    bodies, image = f"<{body} background=/a>x<{body}\nbackground=/b>", f"<{svg}><title><a href=/c></title></{svg}>"
    text = f"{bodies}{image}<a title='<{body} >' href=/d>"
    found = [(name, {**attributes}) for name, attributes, _ in read_elements(text).found]
    assert found == [
        ("body", {"background": "/a"}),
        ("body", {"background": "/b"}),
        ("a", {"href": "/c"}),
        ("a", {"title": f"<{body} >", "href": "/d"}),
    ]
