"""HTML without a tree: its edits are those that a tree gives, and it is used for documents with too large a tree only."""

import pytest

from mirror.core.document import html_edits
from mirror.core.document.documents import copy_at_origin, local_copy
from mirror.core.document.flat_html import MANY, is_too_large_for_a_tree, most_elements, start_tags
from mirror.core.http.messages import Response
from mirror.core.url.canonical import CanonicalURL
from tests.constructs import FRAMES, HEAD, IMAGES, LINKS, START, STYLES

DOCUMENTS = (
    "<p>a\n<a href=/b>x</a><img src='/c?d&amp;e'><img srcset='/a 1x, /b 2x'>",
    '<BASE HREF="/deep/"><A HREF = x><base href="/other/"><a\nhref\n=\n"y#z">',
    "<script>'<img src=/a>'</script><script src=/b integrity=x crossorigin></script>",
    "<style>a{background:url(/a)}</style><STYLE>b{background:url(/b)}</STYLE ><p style='background:url(/c)'>",
    "<!-- <img src=/a> --><textarea><img src=/b></textarea><title><img src=/c></title><img src=/d>",
    "<iframe srcdoc='<img src=/a>'></iframe><meta http-equiv=refresh content='0;url=/x'><a href>x</a><a href=>y</a>",
    "<meta http-equiv=content-security-policy content=x><link rel=stylesheet href=/s integrity=x><body background=/b>",
    "<svg><image href=/a /><image xlink:href='/b'/></svg><a href=/c/><a href=/d b==c ='e \"f\"><a href=/1 href=/2>",
    "\u00e9<a href='/\u00e9'>\r\n<a href=/b>\r<a href=/c>\0<a href=/d",
    "<script type=speculationrules>{'prefetch':[{'urls':['/a']}]}</script><script>x='http://h/b'</script>",
    "<script type='application/json'>{'http://h/a': 'http://h/b'}</script><script src=/c>'http://h/d'</script>",
    "<noscript><img src=/a></noscript><noembed><img src=/b></noembed><plaintext><img src=/c>",
)


PAGES = [
    one.body
    for one in (*START, *LINKS, *HEAD, *IMAGES, *FRAMES, *STYLES)
    if isinstance(one.body, str) and "</" in one.body
]


def copies(html: str) -> tuple[bytes, bytes]:
    """The copy on a disk, and the one at an origin."""
    url = CanonicalURL("http://h/page/")
    answer = Response(url, 200, [("Content-Type", "text/html; charset=utf-8")], html.encode())

    def local(target: CanonicalURL) -> str:
        return f"http://h.localhost/{target.rpartition('/')[2]}.local"

    at_origin = copy_at_origin(answer, "text/html", "http://h.localhost/page/", local, local)
    return local_copy(answer, "text/html", "index.html", local), at_origin


@pytest.mark.parametrize("html", [*DOCUMENTS, *PAGES])
def test_the_edits_are_those_of_a_tree(monkeypatch: pytest.MonkeyPatch, html: str) -> None:
    with_tree = copies(html)
    monkeypatch.setattr(html_edits, "is_too_large_for_a_tree", lambda _: True)
    assert copies(html) == with_tree


@pytest.mark.parametrize(
    ("html", "too_large"),
    [
        ("<p>x" * 600, False),
        ("<p><b><i>" * 1000, False),
        ("<p><b><i>" * 40_000, True),
        ("<P><NOBR><Code>" * 40_000, True),
        ("<b>" * 40_000, True),
        ("<br>" * (MANY + 1), True),
        ("<p>" + "".join(f"<font a={n}>" for n in range(400)) + "<p>x" * 400, True),
        ("<p><a href='/some/page.html'>Some words of text</a></p>\n" * 20_000, False),
        ("<tr><td><font color=red>x</font></td></tr>" * 20_000, False),
    ],
)
def test_a_tree_may_be_large_if_the_document_is(html: str, *, too_large: bool) -> None:
    assert is_too_large_for_a_tree(html) == too_large


def test_elements_are_never_underestimated() -> None:
    assert most_elements("<p><b><i>" * 3) >= 3 * 3 + 2 + 4
    assert most_elements("<b>x</b>" * 100) <= 300


def test_a_start_tag_has_its_attributes_at_their_places() -> None:
    html = "<p>a\n<b id=1 HREF=\"x>y\" href=z/><a\nhref = 'q' b==c>"
    assert [(tag.name, {key: html[slice(*at)] for key, at in tag.places.items()}) for tag in start_tags(html)] == [
        ("p", {}),
        ("b", {"id": "id=1", "href": 'HREF="x>y"'}),
        ("a", {"href": "href = 'q'", "b": "b==c"}),
    ]
