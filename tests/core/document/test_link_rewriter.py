"""Rewriting: what changes, that nothing else changes, and that the copy leads where the original did."""

import hashlib
import re
from itertools import pairwise
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mirror.core.document import documents, link_rewriter, replacements
from mirror.core.document import references as refs
from mirror.core.document.edits import Edit, apply
from mirror.core.document.link_attributes import MAX_NESTED, TABLE
from mirror.core.document.replacements import Rewriter
from mirror.core.http.messages import Headers, Response
from mirror.core.syntax.reference import Kind
from mirror.core.url import canonical
from mirror.core.url.canonical import CanonicalURL
from mirror.core.url.media_types import Document
from tests.core.document.test_references import CSS, ENDLESS, READABLE, SOUP, SVG, URL, document_of, nested
from tests.fuzz.laws import FREE, within

LAW = settings(max_examples=100)

SAVED = {f"http://h/{name}": f"../{name}~.html" for name in ("x", "y", "a/b", "d/p", "b/", "b/x", "x?a&b")}


def copied(text: str, syntax: Document = Document.HTML) -> str:
    """Return the copy of a document at `http://h/d/p` if the URLs in `SAVED` were saved."""
    return link_rewriter.rewrite(syntax, text, Rewriter(URL, "p~.html", SAVED.get))


# --- HTML -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "copy"),
    [
        # saved, not saved, neither
        ("<a href=/x>", "<a href=../x~.html>"),
        ("<a href='/x#y'>", "<a href='../x~.html#y'>"),
        ("<frameset><noframes><a href=/x>x</a></noframes>", "<frameset><noframes><a href=../x~.html>x</a></noframes>"),
        ("<noembed><a href='/x'>x</noembed><a href=/y>", "<noembed><a href='../x~.html'>x</noembed><a href=../y~.html>"),
        ("<svg><title><a href=/x></a></title></svg>", "<svg><title><a href=../x~.html></a></title></svg>"),
        ("<a href='/z'>", "<a href='http://h/z'>"),
        ("<a href='z#y'>", "<a href='http://h/d/z#y'>"),
        ("<a href='//o/z'>", "<a href='http://o/z'>"),
        ("<a href='http:z'>", "<a href='http://h/d/z'>"),
        ("<a href='HTTP://H/z'>", "<a href='HTTP://H/z'>"),
        ("<a href='http://h/x'>", "<a href='../x~.html'>"),
        ("<a href='#y'>", "<a href='#y'>"),
        ("<a href='p#y'>", "<a href='../d/p~.html#y'>"),
        ("<a href=''>", "<a href=''>"),
        ("<a href=mailto:z>", "<a href=mailto:z>"),
        ("<form action=/z><form>", "<form action=http://h/z><form>"),
        ('<script src="/x" type="module">"http://h/y"</script>', '<script src="../x~.html" type="module">"http://h/y"</script>'),
        ("<input value='/x'><option value='/x'>", "<input value='/x'><option value='../x~.html'>"),
        ("<a href=/x ping='/x /z'>", "<a href=../x~.html ping='../x~.html http://h/z'>"),
        # the markup around URLs stays
        ('<A\r\nHREF = "/x"\r>', '<A\r\nHREF = "../x~.html"\r>'),
        ("<a href=/x/>", "<a href=http://h/x/>"),
        ("<a href=' /x\n'>", "<a href=' ../x~.html\n'>"),
        ("<a/href='/x'title=y>", "<a/href='../x~.html'title=y>"),
        ("<a href=/x href=/y>", "<a href=../x~.html href=/y>"),
        ("<a href=\xa0/x>", "<a href=http://h/d/%C2%A0/x>"),
        ("<a href='/x", "<a href='/x"),
        ("<p>&nbsp;&amp;&<br/></p foo>", "<p>&nbsp;&amp;&<br/></p foo>"),
        ("\ufeff\r\n<a href=/x>\0\r", "\ufeff\r\n<a href=../x~.html>\0\r"),
        ("<a href='/x\0'><a href=/x>", "<a href='http://h/x%EF%BF%BD'><a href=../x~.html>"),
        ("<a \udc80=1 href=/x>\udc80", "<a \udc80=1 href=../x~.html>\udc80"),
        ("😀<a title=😀 href=/x>", "😀<a title=😀 href=../x~.html>"),
        # character references
        ("<a href='/x?a&amp;b'>", "<a href='../x?a&b~.html'>".replace("&", "&amp;")),
        ("<a href='/x?a&b'>", "<a href='../x?a&amp;b~.html'>"),
        ("<a href='/z?a&b=\"'>", "<a href='http://h/z?a&amp;b=%22'>"),
        ("<a href=\"/z?'\">", '<a href="http://h/z?%27">'),
        ("<a href='/z&apos;'>", "<a href='http://h/z&#39;'>"),
        ("<a href='&#x2f;x'>", "<a href='../x~.html'>"),
        ("<p style='a:url(&quot/x&quot)'>", "<p style='a:url(&quot;../x~.html&quot)'>"),
        ("<p style='a:url(&quot;/x&quot;)'>", "<p style='a:url(&quot;../x~.html&quot;)'>"),
        ("<p style=a:url(/x)>", "<p style=a:url(../x~.html)>"),
        ("<p style=\"a:url('/z?(')\">", "<p style=\"a:url('http://h/z?\\(')\">"),
        # lists
        ("<img srcset='/x 1x,/y 2x, z'>", "<img srcset='../x~.html 1x,../y~.html 2x, http://h/d/z'>"),
        ("<meta http-equiv=refresh content=\"0;URL='/x'\">", "<meta http-equiv=refresh content=\"0;URL='../x~.html'\">"),
        ("<meta name=x content=/x>", "<meta name=x content=/x>"),
        # styles and scripts
        ("<style>a>b{c:url(/x)}</style>", "<style>a>b{c:url(../x~.html)}</style>"),
        ("<style>a{b:url(/x)}", "<style>a{b:url(../x~.html)}"),
        ("<style>a{b:url(/z?a&b)}</style>", "<style>a{b:url(http://h/z?a&b)}</style>"),
        ("<style>a{b:url('/z?\\28')}/*\r\n*/</style>", "<style>a{b:url('http://h/z?\\(')}/*\r\n*/</style>"),
        ("<svg><style>a{b:url(&quot;/x&quot;)}</style>", "<svg><style>a{b:url(&quot;../x~.html&quot;)}</style>"),
        ("<script>'/x';</script>", "<script>'/x';</script>"),
        ("<p onclick=\"f('/x')\">", "<p onclick=\"f('/x')\">"),
        ("<a href=\"javascript:f('/x')\">", "<a href=\"javascript:f('../x~.html')\">"),
        ("<a href=\"javascript:f('/z')\">", "<a href=\"javascript:f('/z')\">"),
        # elements that the parser moves or duplicates
        ("<table><a href=/x><tr></table>", "<table><a href=../x~.html><tr></table>"),
        ("<p><a href=/x><p><a href=/y>", "<p><a href=../x~.html><p><a href=../y~.html>"),
        ("<p><body background=/x>", "<p><body background=../x~.html>"),
        ("<body text=z><p><BODY background=/x>", "<body text=z><p><BODY background=../x~.html>"),
        ("<iframe srcdoc='<p><body background=/x>'>", "<iframe srcdoc='<p><body background=../x~.html>'>"),
        ("<frameset><frame src=/x></frameset>", "<frameset><frame src=../x~.html></frameset>"),
        ("<template><img src=/x></template>", "<template><img src=../x~.html></template>"),
        ("<head><noscript><link href=/x></noscript>", "<head><noscript><link href=../x~.html></noscript>"),
        ("<image src=/x><svg><image href=/x></svg>", "<image src=../x~.html><svg><image href=../x~.html></svg>"),
        ("<svg><feimage href=/x /><a XLINK:HREF=/y>", "<svg><feimage href=../x~.html /><a XLINK:HREF=../y~.html>"),
        ("</html><a href=/x>", "</html><a href=../x~.html>"),
        ("<!-- <a href=/x> --><textarea><a href=/x>", "<!-- <a href=/x> --><textarea><a href=/x>"),
        ("<b>" * 3000 + "<a href=/x>", "<b>" * 3000 + "<a href=../x~.html>"),
        ("<b>" * 600 + "<style>a{}</style>url(/x)", "<b>" * 600 + "<style>a{}</style>url(/x)"),
        ("<b>" * 600 + "<style>a{b:url(/x)}</style>", "<b>" * 600 + "<style>a{b:url(../x~.html)}</style>"),
        ("<meta name=msapplication-task content=;icon-uri=/x>", "<meta name=msapplication-task content=;icon-uri=../x~.html>"),
    ],
)  # fmt: skip
def test_html(text: str, copy: str) -> None:
    assert copied(text) == copy


@pytest.mark.parametrize(("element", "attribute"), TABLE)
def test_each_row_of_the_table_is_rewritten(element: str, attribute: str) -> None:
    document = document_of(element, attribute)
    assert copied(document) == document.replace("/x", "../x~.html")


@pytest.mark.parametrize(
    ("text", "copy"),
    [
        ("<base href=/b/><a href=x><a href=z>", '<base href="p~.html"><a href=../b/x~.html><a href=http://h/b/z>'),
        ("<base href='http://o/' target=t><a href=x>", "<base href='p~.html' target=t><a href=http://o/x>"),
        ("<a href=x><base href=/b/>", '<a href=../b/x~.html><base href="p~.html">'),
        ("<base href=/b/><base href=/c/><a href=x>", '<base href="p~.html"><base href="p~.html"><a href=../b/x~.html>'),
        ("<base href><a href=/x>", '<base href="p~.html"><a href=../x~.html>'),
        ("<base href=/b/><a href=#y>", '<base href="p~.html"><a href=../b/~.html#y>'),
        ("<base href=/b/><svg><use href='#y'/>", "<base href=\"p~.html\"><svg><use href='#y'/>"),
        (
            "<base href=/b/><iframe srcdoc='<a href=x>'>",
            "<base href=\"p~.html\"><iframe srcdoc='<a href=../b/x~.html>'>",
        ),
        ("<base target=t><a href=/x>", "<base target=t><a href=../x~.html>"),
    ],
)
def test_base(text: str, copy: str) -> None:
    assert copied(text) == copy


@pytest.mark.parametrize(
    ("text", "copy"),
    [
        ('<script src=/x integrity="a" crossorigin></script>', "<script src=../x~.html></script>"),
        ('<script integrity="a" src="/x" async></script>', '<script src="../x~.html" async></script>'),
        ('<script src="/x"integrity="a"async></script>', '<script src="../x~.html"async></script>'),
        ('<script src=/x integrity="a"async></script>', "<script src=../x~.html async></script>"),
        ("<script src=/x integrity=a/></script>", "<script src=../x~.html></script>"),
        ("<link href=/x\n  integrity=a\n  crossorigin='b'\n>", "<link href=../x~.html\n \n \n>"),
        ("<script src=/z integrity=a></script>", "<script src=http://h/z integrity=a></script>"),
        ("<img srcset='/x 1x' crossorigin>", "<img srcset='../x~.html 1x'>"),
    ],
)
def test_what_guards_other_bytes_and_origins_goes(text: str, copy: str) -> None:
    assert copied(text) == copy


@pytest.mark.parametrize(
    ("text", "copy"),
    [
        (
            "<meta http-equiv=Content-Security-Policy content=\"default-src 'self'\">",
            '<meta http-equiv=Content-Security-Policy content="default-src http://h file:">',
        ),
        (
            "<meta content='x' http-equiv=' content-security-policy-Report-Only '>",
            "<meta content='' http-equiv=' content-security-policy-Report-Only '>",
        ),
        ("<meta http-equiv=content-security-policy content=x>", '<meta http-equiv=content-security-policy content="">'),
        ("<meta http-equiv=content-type content='text/html; charset=x'>",) * 2,
        ("<meta name=content-security-policy content=x>",) * 2,
    ],
)
def test_a_policy_is_emptied(text: str, copy: str) -> None:
    assert copied(text) == copy


@pytest.mark.parametrize("depth", [1, 2, MAX_NESTED])
def test_srcdoc_is_a_document_in_itself(depth: int) -> None:
    document = nested('<img src="/x?a&amp;b"><style>a{b:url(/x)}</style><link integrity=a href=/y>', depth)
    copy = nested('<img src="../x?a&amp;b~.html"><style>a{b:url(../x~.html)}</style><link href=../y~.html>', depth)
    assert copied(document) == copy


def test_srcdoc_has_an_end() -> None:
    for depth in (MAX_NESTED + 1, 200):
        assert copied(nested("<img src=/x>", depth)) == nested("<img src=/x>", depth)


# --- XML, CSS, JSON, JavaScript ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "copy"),
    [
        ("<image href='/x'/>", "<image href='../x~.html'/>"),
        (
            "<image href = \"/z?a&amp;'\" xlink:href='/x'/>",
            "<image href = \"http://h/z?a&amp;%27\" xlink:href='../x~.html'/>",
        ),
        ("<s:image x:href='/x'\n/>", "<s:image x:href='../x~.html'\n/>"),
        ("<!-- <image href='/x'/> --><![CDATA[<image href='/x'/>]]>",) * 2,
        ("<style>a{b:url(&quot;/x&quot;)}</style>", "<style>a{b:url(&quot;../x~.html&quot;)}</style>"),
        (
            "<style><![CDATA[a>b{c:url('/z?&amp;')}]]></style>",
            "<style><![CDATA[a>b{c:url('http://h/z?&amp;')}]]></style>",
        ),
        (
            "<style>\n<!-- x --><![CDATA[a{b:url(/x)}]]>\n</style>",
            "<style>\n<!-- x --><![CDATA[a{b:url(../x~.html)}]]>\n</style>",
        ),
        ("<item><link>\n/x\n</link></item>", "<item><link>\n../x~.html\n</link></item>"),
        ("<item><link>/x?a&amp;b</link></item>", "<item><link>../x?a&amp;b~.html</link></item>"),
        ("<item><link><![CDATA[/x?a&b]]></link></item>", "<item><link><![CDATA[../x?a&b~.html]]></link></item>"),
        ("<item><link>/<![CDATA[x]]></link></item>",) * 2,
        ("<item><link><b>/x</b>/x</link></item>",) * 2,
        ("<title>/x</title>",) * 2,
        ("<image href='&p;x'/><style>a{b:url(&p;x)}</style><item><link>&p;x</link></item>",) * 2,
        ("<image href='&amp;p;x&#47;&eacute;'/>", "<image href='http://h/d/&amp;p;x/%C3%A9'/>"),
        ("<script>'/x'</script>",) * 2,
        ("<enclosure url='/x'/><link href='/x'/>", "<enclosure url='../x~.html'/><link href='../x~.html'/>"),
        ("<base href='/b/'/><a href='x'/>", "<base href='p~.html'/><a href='../b/x~.html'/>"),
        ("<script src='/x' integrity='a' />", "<script src='../x~.html' />"),
        (
            "<meta http-equiv='content-security-policy' content='x'/>",
            "<meta http-equiv='content-security-policy' content=''/>",
        ),
        ("<iframe srcdoc='&lt;img src=/x>'/>", "<iframe srcdoc='&lt;img src=../x~.html>'/>"),
        ("<a href='/x'><b></a><a href='/y' <", "<a href='../x~.html'><b></a><a href='/y' <"),
    ],
)
def test_xml(text: str, copy: str) -> None:
    around = f"<svg {SVG} xmlns:s='s'>{{}}</svg>\r\n"
    assert copied(around.format(text), Document.XML) == around.format(copy)


@pytest.mark.parametrize("syntax", [Document.HTML, Document.XML])
def test_xml_stylesheet(syntax: Document) -> None:
    text = '<?xml version="1.0"?>\n<?xml-stylesheet type="a" href="/x"?><!DOCTYPE x><?xml-stylesheet href=\'/z?a&amp;b\'?><x/>'
    copy = text.replace("/x", "../x~.html", 1).replace("/z", "http://h/z")
    assert copied(text, syntax) == copy


def test_css() -> None:
    text = "@import '/x';\r\n/* url(/x) */a{b:url( /y ),url(/z\\)),url(#c)}"
    assert (
        copied(text, Document.CSS)
        == "@import '../x~.html';\r\n/* url(/x) */a{b:url( ../y~.html ),url(http://h/z\\)),url(#c)}"
    )


def test_json() -> None:
    text = '{"start_url" : "\\/x", "icons":[{"src":"z"}], "name":"/x"}'
    assert copied(text, Document.JSON) == '{"start_url" : "../x~.html", "icons":[{"src":"http://h/d/z"}], "name":"/x"}'


PICTURES: Final = {"http://h/a.png": "../a.png", "http://h/a.js?v=1": "../a~.js", "http://o/f.woff2": "../../o/f.woff2"}
PAGES_TOO: Final = PICTURES | {
    "http://h/x": "../x~.html",
    "http://h/i.json": "../i.json",
    "http://h/b.html": "../b.html",
}


def in_a_tree(text: str, headers: Headers = ()) -> str:
    """Return the copy of an HTML document whose neighbours were saved."""
    response = Response(URL, 200, (("Content-Type", "text/html"), *headers), text.encode())
    return documents.local_copy(response, "text/html", "p~.html", PAGES_TOO.get).decode()


@pytest.mark.parametrize(
    ("text", "copy"),
    [
        # what WordPress says to its loader of emoji
        (r'<script>s={"a":"http:\/\/h\/a.js?v=1"};</script>', '<script>s={"a":"../a~.js"};</script>'),
        ("<script>new Image().src='http://h/a.png#x'</script>", "<script>new Image().src='../a.png#x'</script>"),
        (
            "<script type=text/javascript>a(`//o/f.woff2`)</script>",
            "<script type=text/javascript>a(`../../o/f.woff2`)</script>",
        ),
        ("<script>f('url(http://o/f.woff2)')</script>", "<script>f('url(../../o/f.woff2)')</script>"),
        (
            '<script type="application/json">["http://h/a.png"]</script>',
            '<script type="application/json">["../a.png"]</script>',
        ),
    ],
)
def test_a_script_in_a_page_names_the_files_of_the_copy(text: str, copy: str) -> None:
    assert in_a_tree(text) == copy


@pytest.mark.parametrize(
    "text",
    [
        "<script>'http://h/x', 'http://h/b.html', 'http://h/i.json'</script>",  # pages and data
        "<script>'/a.png', 'see http://h/a.png', 'http://h/b.png'</script>",
        "<script>new URL('http://h/a.png'), new URL( \"http://h/a.png\")</script>",
        "<script>({'http://h/a.png': 1})</script>",
        "<script type=module>import 'http://h/a.js?v=1'</script>",
        '<script type=importmap>{"imports": {"a": "http://h/a.js?v=1"}}</script>',
        '<script type="application/ld+json">{"image": "http://h/a.png"}</script>',
        "<script type=text/template>'http://h/a.png'</script>",
    ],
)
def test_other_scripts_in_a_page_stay(text: str) -> None:
    assert in_a_tree(text) == text


def test_a_script_stays_whose_digest_a_policy_may_name() -> None:
    text, policy = "<head><script>'http://h/a.png'</script>", "script-src 'sha256-x'"
    assert "'http://h/a.png'" in in_a_tree(f'<meta http-equiv="content-security-policy" content="{policy}">{text}')
    assert "'http://h/a.png'" in in_a_tree(text, (("Content-Security-Policy", policy),))
    assert "'../a.png'" in in_a_tree(text, (("Content-Security-Policy", "script-src *"),))


def test_scripts_stay() -> None:
    assert copied("import '/x'", Document.JAVASCRIPT) == "import '/x'"


@pytest.mark.parametrize("is_here", [True, False])
@pytest.mark.parametrize("target", ["../x~.html", "http://h/?a&b=\"'<>"])
def test_a_redirect_page_leads_on_and_by_itself_only_within_the_copy(target: str, *, is_here: bool) -> None:
    page = link_rewriter.redirect_page(target, is_here=is_here).decode()
    assert ("refresh" in page) == is_here
    assert ("this copy does not have" in page) != is_here
    expected = canonical.resolve(target, URL)
    assert expected
    assert [(r.url, r.kind) for r in refs.references(Document.HTML, page, URL)] == [(expected.url, Kind.PAGE)]


# --- laws -------------------------------------------------------------------------------------------------------------


def mapped(url: CanonicalURL) -> str | None:
    """Save two of three URLs, each at another place."""
    number = int.from_bytes(hashlib.sha256(url.encode()).digest()[:4])
    return f"../m/{number}%20x@~.html" if number % 3 else None


def undone(text: str, changes: list[Edit]) -> list[Edit]:
    """Return the edits of the copy that restore the original."""
    back: list[Edit] = []
    shift = 0
    for edit in changes:
        start = edit.start + shift
        back.append(Edit(start, start + len(edit.new), text[edit.start : edit.end]))
        shift += len(edit.new) - (edit.end - edit.start)
    return back


@pytest.mark.parametrize("syntax", Document)
@settings(LAW)
@given(SOUP | st.text(max_size=30))
def test_only_what_is_in_the_edits_changes(syntax: Document, text: str) -> None:
    changes = link_rewriter.edits(syntax, text, Rewriter(URL, "p", mapped))
    copy = apply(text, changes)
    assert apply(copy, undone(text, changes)) == text
    assert all(before.end <= after.start for before, after in pairwise(changes))
    assert all(edit.new.isascii() for edit in changes)


def test_of_edits_that_overlap_the_first_stands() -> None:
    assert apply("abcdef", [Edit(3, 4, "X"), Edit(1, 5, "Y"), Edit(5, 6, "Z")]) == "aYZ"


@pytest.mark.parametrize("syntax", Document)
@settings(LAW)
@given(SOUP)
def test_where_nothing_is_saved_the_copy_of_the_copy_is_the_copy(syntax: Document, text: str) -> None:
    rewriter = Rewriter(URL, "p", lambda _: None)
    copy = link_rewriter.rewrite(syntax, text, rewriter)
    assert link_rewriter.rewrite(syntax, copy, rewriter) == copy


WORDS = st.sampled_from(
    ("a", "b\r\n", "é", "&amp;", "&", "<!-- <a href=x> -->", "\0", "😀", "<br/>", "</p>", "</b>", "</a>")
)
ATTRIBUTE_OF = {
    "a": "href", "area": "href", "img": "src", "IMG": "srcset", "iframe": "src", "Link": "href", "video": "poster",
    "p": "style", "b": "data-src", "source": "srcset", "object": "data", "button": "formaction", "blockquote": "cite",
}  # fmt: skip
VALUE = st.builds("{0}{1}{0}".format, st.sampled_from(("'", '"')), READABLE | st.lists(CSS, max_size=2).map(" ".join))
TAG = st.builds(
    lambda name, space, value: f"<{name}{space}{ATTRIBUTE_OF[name]}={value} rel=icon>",
    st.sampled_from(sorted(ATTRIBUTE_OF)), st.sampled_from((" ", "\n", "\r\n\t")), VALUE,
)  # fmt: skip
PART = st.sampled_from(
    (
        "{}",
        "<table><tr><td>{}</table>",
        "<table>{}</table>",
        "<svg><g>{}</g></svg>",
        "<template>{}</template>",
        "<b><p>{}</b>",
    )
)
MARKUP = st.lists(WORDS | TAG | st.builds(str.replace, PART, st.just("{}"), TAG), max_size=6).map("".join)
STYLED = st.builds("{}<style>{}</style>".format, MARKUP, st.lists(CSS, max_size=4).map(" ".join))
FRAMED = st.builds("{}{}".format, MARKUP, STYLED.map(lambda text: nested(text, 2)))
BASED = st.builds("<base href='{}'>{}".format, READABLE, MARKUP)


def told(text: str) -> set[tuple[CanonicalURL, Kind]]:
    return {(ref.url, ref.kind) for ref in refs.references(Document.HTML, text, URL) if not ref.guess}


def led(url: CanonicalURL) -> CanonicalURL:
    """Return what a reference to a URL leads to in the copy."""
    target = canonical.resolve(mapped(url) or url, URL)
    assert target
    return target.url


@settings(LAW, max_examples=250)
@given(MARKUP | STYLED | FRAMED | BASED)
def test_the_references_of_the_copy_are_the_resolved_ones_of_the_original(text: str) -> None:
    copy = link_rewriter.rewrite(Document.HTML, text, Rewriter(URL, "p", mapped))
    assert told(copy) == {(led(url), kind) for url, kind in told(text)}


@LAW
@given(st.lists(CSS, max_size=8).map(" ".join), st.sampled_from(("{}", "<svg><style>{}</style></svg>")))
def test_the_references_of_a_copied_style_sheet_are_the_resolved_ones(css: str, around: str) -> None:
    syntax = Document.CSS if around == "{}" else Document.XML
    text = around.format(re.sub("[\0\udc80]", "", css).replace("&", "&amp;") if syntax is Document.XML else css)
    copy = link_rewriter.rewrite(syntax, text, Rewriter(URL, "p", mapped))
    expected = {led(ref.url) for ref in refs.references(syntax, text, URL)}
    assert {ref.url for ref in refs.references(syntax, copy, URL)} == expected


@settings(LAW)
@given(MARKUP | STYLED | FRAMED)
def test_with_absolute_references_and_nothing_saved_the_copy_is_the_original(text: str) -> None:
    rewriter = Rewriter(URL, "p", lambda _: None)
    absolute = link_rewriter.rewrite(Document.HTML, text, rewriter)
    assert link_rewriter.edits(Document.HTML, absolute, rewriter) == []


@pytest.mark.parametrize(
    "text", ["<svg>" + "<style>" * 60_000, "<svg>" + "<style>a{b:url(/x)}" * 20_000 + "</style>" * 20_000]
)
def test_styles_in_styles_take_linear_work(text: str) -> None:
    with within(FREE):
        copied(text)
    nested = "<svg><style>a{b:url(/x)}<style>c{d:url(/x)}</style></style><style>e{f:url(/x)}</style></svg>"
    assert copied(nested) == nested.replace("/x", "../x~.html")


@pytest.mark.parametrize("piece", ENDLESS)
def test_no_copy_takes_more_than_linear_work(piece: str) -> None:
    """The input is so long that quadratic work would not finish."""
    text = piece * (40_000 // len(piece))
    for syntax in (Document.HTML, Document.XML):
        link_rewriter.rewrite(syntax, text, Rewriter(URL, "p", lambda _: "x"))
        link_rewriter.rewrite(syntax, f"<?xml version='1.0'?><a href=\"{text}", Rewriter(URL, "p", lambda _: "x"))


def test_many_removals_take_linear_work() -> None:
    text = "<script src='/x' integrity='a'></script>" * 5000
    assert copied(text) == "<script src='../x~.html'></script>" * 5000


# An invalid base, an empty link, a stylesheet whose attributes are templates


@pytest.mark.parametrize(
    ("text", "copy"),
    [
        ("<base href=/b/><a href=''>", "<base href=\"p~.html\"><a href='../b/~.html'>"),
        ("<base href=/z/><a href=''>", "<base href=\"p~.html\"><a href='http://h/z/'>"),
        ("<base href=/z/><a href>", '<base href="p~.html"><a href="http://h/z/">'),
        ("<base href=/z/><a href= >", '<base href="p~.html"><a href="http://h/z/" >'),
        ("<base href=><a href=/x>", '<base href="p~.html"><a href=../x~.html>'),
        ("<a href=''>", "<a href=''>"),
        (
            "<template><base href=/z/></template><a href=/x>",
            '<template><base href="p~.html"></template><a href=../x~.html>',
        ),
        ("<svg><base href=/z/></svg><img src=y>", '<svg><base href="p~.html"></svg><img src=http://h/d/y>'),
    ],
)
def test_bases_and_empty_links(text: str, copy: str) -> None:
    assert copied(text) == copy


def test_templates_of_xslt_stay() -> None:
    text = (
        '<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">'
        '<a href="{$url}" style="background: url(/x)"><img src="/x"/></a></xsl:stylesheet>'
    )
    copy = text.replace("url(/x)", "url(../x~.html)").replace('src="/x"', 'src="../x~.html"')
    assert copied(text, Document.XML) == copy


@pytest.mark.parametrize(
    "link", ["ftp://h2/x", "FTP://u@h2/x?y", "sftp://h2:22/", "ftps://h2/~x", "file:///x/../y", "gopher://h2/x"]
)
def test_a_link_to_a_file_that_was_not_saved_stays_as_it_was(link: str) -> None:
    text = f"<a href='{link}'>"
    assert copied(text) == text


def test_behind_a_long_base_no_more_is_written_than_can_be_kept() -> None:
    links = "".join(f"<a href={n}>" for n in range(4000))
    text = f"<base href=/{'a' * 60_000}/>{links}"
    copy = link_rewriter.rewrite(Document.HTML, text, Rewriter("http://example.org/", "index.html", lambda _: None))
    assert 64 << 20 <= len(copy) < 65 << 20
    assert copy.endswith(links[-100:])


def test_documents_with_bases_of_their_own_count_towards_the_bound_of_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replacements, "_MAX_WRITTEN", 2000)
    inner = f"<base href=http://h/{'a' * 150}/>" + "<a href=x></a>" * 10
    text = f'<iframe srcdoc="{inner}"></iframe>' * 20
    assert len(copied(text)) < len(text) + 5000
    monkeypatch.setattr(replacements, "_MAX_WRITTEN", 1 << 20)
    assert len(copied(text)) > len(text) + 20 * 1000
