"""References of documents: the table row by row, and in broken markup."""

import gzip
import json
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mirror.core.document import references as refs
from mirror.core.document.link_attributes import MAX_NESTED, TABLE, XML_ATTRIBUTES, XML_TEXT
from mirror.core.syntax import embedded_urls, markup
from mirror.core.syntax.reference import Kind, Reference
from mirror.core.url import canonical as urls
from mirror.core.url.canonical import CanonicalURL, canonical
from mirror.core.url.media_types import Document

gzipped = partial(gzip.compress, mtime=0)  # the same bytes every time: the workers of pytest compare what they collect

LAW = settings(max_examples=100)

URL = CanonicalURL("http://h/d/p")
PAGE, FRAME, REQUISITE, FEED, NEVER = Kind.PAGE, Kind.FRAME, Kind.REQUISITE, Kind.FEED, Kind.NEVER

# --- soup: the input for the laws of references, rewriting and documents ----------------------------------------------

# fmt: off
URLS = st.sampled_from((
    "x", "/a/b.png", "../c?q=1&amp;r=2", "//o/z", "http://h/q?a&copy=1", "#f", "y#f", "?z", "", "data:x", "javascript:1",
    "&#47;e", "&quot/m&quot", "é?é", "%41%2f%zz", " s p ", "n\nl", "http:\\\\h\\w", "(p)", "a,b", "\0", "&notit;", "\udc80",
))
READABLE = URLS.filter(lambda url: url not in {"\0", "\udc80"})
STYLES = (
    "url(%s)", 'url("%s")', "url(&quot;%s&quot;)", '@import "%s";', "u\\72l( '%s' )", "/*%s*/", '"', "(", "{", "}", ";",
)
NAMES = st.sampled_from((
    "href", "src", "srcset", "style", "background", "xlink:href", "content", "http-equiv", "rel", "integrity", "crossorigin",
    "srcdoc", "data-src", "data-bg", "action", "ping", "fill", "HREF", "onclick", "type", "name", "x:href", "poster", "x",
))
WORDS = st.sampled_from((
    "refresh", "0;url=a", "stylesheet", "next", "og:image", "Content-Security-Policy",
    "<a href=&quot;q&quot;>",
))
ELEMENTS = st.sampled_from((
    "a", "img", "link", "meta", "base", "iframe", "style", "script", "svg", "image", "use", "feImage", "p", "b", "table", "tr",
    "td", "form", "input", "button", "body", "html", "head", "template", "noscript", "title", "textarea", "select", "option",
    "object", "frameset", "frame", "math", "mi", "nobr", "foreignObject", "plaintext", "xmp", "noframes", "o:p", "loc", "url",
))
ODDS = st.sampled_from((
    "text", "&amp;", "\r", "\n", "\0", "\ufeff", "é", "&", "😀", "\udc80", "<!--", "-->", "--!>", "<![CDATA[", "]]>", "<?",
    "?>", "<", "</", ">", "<!DOCTYPE html>", "<!DOCTYPE a [", "<?xml version='1.0'?>", "<?xml-stylesheet href='x'?>",
    "</style>",
))
# fmt: on
CSS = st.builds(str.replace, st.sampled_from(STYLES), st.just("%s"), URLS)
VALUES = URLS | WORDS | st.lists(CSS, max_size=3).map(" ".join) | st.lists(URLS, max_size=3).map(" 1x, ".join)
QUOTED = st.builds("{0}{1}{0}".format, st.sampled_from(('"', '"', "'", "")), VALUES)
SPACES, SIGNS, ENDS = (
    st.sampled_from((" ", "\n", "/", "", "\r\n")),
    st.sampled_from(("=", "=", " = ", "")),
    st.sampled_from((">", ">", "/>", "", '"')),
)
ATTRIBUTES = st.builds("{}{}{}{}".format, SPACES, NAMES, SIGNS, QUOTED)
TAGS = st.builds("<{}{}{}".format, ELEMENTS, st.lists(ATTRIBUTES, max_size=3).map("".join), ENDS)
SOUP = st.lists(TAGS | st.builds("</{}>".format, ELEMENTS) | ODDS | CSS, max_size=8).map("".join)


def found(syntax: Document, text: str) -> list[tuple[str, Kind]]:
    return [(reference.url, reference.kind) for reference in refs.references(syntax, text, URL)]


def html(text: str) -> list[str]:
    """Return the URLs in an HTML document, without the host if it is `h`."""
    return [reference.url.removeprefix("http://h") for reference in refs.references(Document.HTML, text, URL)]


# --- the table --------------------------------------------------------------------------------------------------------

AROUND = {
    "image": "<svg>{}</svg>",
    "frame": "<frameset>{}</frameset>",
    "tr": "<table>{}</table>",
    "td": "<table><tr>{}</table>",
    "th": "<table><tr>{}</table>",
    "thead": "<table>{}</table>",
    "tbody": "<table>{}</table>",
    "tfoot": "<table>{}</table>",
}
"""The context in which a browser accepts an element."""
WITH = {"link": 'rel="icon"', "meta": 'name="og:image"', "param": 'name="movie"'}
"""The attributes that decide the kind of an element's reference."""


def document_of(element: str, attribute: str) -> str:
    """Return a document with one element that refers to `/x`."""
    url = "url(/x)" if "css_spans" in repr(TABLE[element, attribute].read) else "/x"
    name = "p" if element == "*" else element
    return AROUND.get(element, "{}").format(f'<{name} {WITH.get(element, "")} {attribute}="{url}">')


@pytest.mark.parametrize(("element", "attribute"), TABLE)
def test_each_row_of_the_table_is_read(element: str, attribute: str) -> None:
    assert html(document_of(element, attribute)) == ["/x"]


def test_the_table_is_in_lower_case() -> None:
    assert all(name == name.lower() for row in (*TABLE, *XML_ATTRIBUTES, *XML_TEXT) for name in row)


@pytest.mark.parametrize(("element", "attribute"), XML_ATTRIBUTES)
def test_each_attribute_of_xml_is_read(element: str, attribute: str) -> None:
    assert [url for url, _ in found(Document.XML, f'<x><{element} {attribute}="/x"/></x>')] == ["http://h/x"]


@pytest.mark.parametrize(("element", "parent"), XML_TEXT)
def test_each_text_of_xml_is_read(element: str, parent: str) -> None:
    text = f"<x><{parent}><{element}>\n http://h/x </{element}></{parent}></x>"
    assert found(Document.XML, text) == [("http://h/x", XML_TEXT[element, parent])]


@pytest.mark.parametrize(
    ("markup", "kind"),
    [
        ("<a href=x>", PAGE),
        ("<area href=x>", PAGE),
        ("<iframe src=x>", FRAME),
        ("<object data=x>", FRAME),
        ("<img src=x>", REQUISITE),
        ("<form action=x>", NEVER),
        ("<a ping=x>", NEVER),
        ("<link href=x>", NEVER),
        ("<link rel=made-up href=x>", NEVER),
        ("<link rel=preconnect href=x>", NEVER),
        ("<link rel='STYLESHEET' href=x>", REQUISITE),
        ("<link rel='alternate stylesheet' href=x>", REQUISITE),
        ("<link rel='shortcut icon' href=x>", REQUISITE),
        ("<link rel=apple-touch-icon href=x>", REQUISITE),
        ("<link rel=preload href=x>", REQUISITE),
        ("<link rel=modulepreload href=x>", REQUISITE),
        ("<link rel=manifest href=x>", REQUISITE),
        ("<link rel=canonical href=x>", Kind.CANONICAL),
        ("<link rel=next href=x>", PAGE),
        ("<link rel=prev href=x>", PAGE),
        ("<link rel=alternate hreflang=de href=x>", PAGE),
        ("<link rel=alternate type=application/rss+xml href=x>", FEED),
        ("<link rel=alternate type=application/atom+xml href=x>", FEED),
        ("<meta http-equiv=refresh content='0;url=x'>", PAGE),
        ("<meta property=og:image content=x>", REQUISITE),
        ("<meta name=Twitter:Image content=x>", REQUISITE),
        ("<meta name=msapplication-TileImage content=x>", REQUISITE),
        ("<meta itemprop=image content=x>", REQUISITE),
        ("<meta name=msapplication-task content='name=A;icon-uri=x'>", REQUISITE),
        ("<meta name=msapplication-task content='name=A;action-uri=x'>", NEVER),
        ("<meta property=og:url content=x>", NEVER),
    ],
)
def test_kind(markup: str, kind: Kind) -> None:
    assert found(Document.HTML, markup) == [("http://h/d/x", kind)]


# --- HTML -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # quoting
        ("<A HREF=/x>", ["/x"]),
        ("<a href=/x/>", ["/x/"]),
        ("<a href = '/x'>", ["/x"]),
        ("<a href=\r\n'/x'\r\n>", ["/x"]),
        ('<a href=" /x\r\n">', ["/x"]),
        ('<a href="/x\n/y">', ["/x/y"]),
        ("<a href=/x?a=1&amp;b=2&copy=3>", ["/x?a=1&b=2&copy=3"]),
        ("<a href=/&notit;>", ["/&notit;"]),
        ('<a href="/x"title="y">', ["/x"]),
        ('<a/href="/x"/>', ["/x"]),
        ("<a href=/x href=/y>", ["/x"]),
        ('<a title=">" href=/x>', ["/x"]),
        ("<a href=/x\0y>", ["/x%EF%BF%BDy"]),
        ('<a href="/x', []),
        ("<a href='' src=''>", []),
        # what is text
        ("<!-- <a href=/x> --><a href=/y>", ["/y"]),
        ("<!--><a href=/x>-->", ["/x"]),
        ("<!-- --!><a href=/x>", ["/x"]),
        ("<textarea><a href=/x></textarea>", []),
        ("<title><a href=/x></title>", []),
        ("<plaintext><a href=/x>", []),
        ("<xmp><a href=/x></xmp>", []),
        ("<script>x='<a href=/x>'</script>", []),
        ("<![CDATA[<a href=/x>]]>", []),
        # where elements can't be
        ("<table><a href=/x></table>", ["/x"]),
        ("<p><a href=/x><p><a href=/y>", ["/x", "/y"]),
        ("<b><a href=/x></b><p><a href=/x>", ["/x"]),
        ("<select><a href=/x></select>", ["/x"]),
        ("<body text=z><body background=/x>", ["/x"]),
        ("<p><BODY\nbackground=/x><body/background=/y>", ["/x", "/y"]),
        ("</html><a href=/x></body><a href=/y>", ["/x", "/y"]),
        ("<html/><a href=/x>", ["/x"]),
        ("<frameset><frame src=/x></frameset>", ["/x"]),
        ("<template><img src=/x></template>", ["/x"]),
        ("<noscript><img src=/x></noscript>", ["/x"]),
        ("<frameset><frame src=/x><noframes><a href=/y>y</a></noframes></frameset>", ["/x", "/y"]),
        ("<base href=/b/><noembed><a href=x>x</a><!-- <a href=y> --></noembed>", ["/b/x"]),
        ("<svg><title><a href=/x></a></title><desc><a href=/y></a></desc></svg><title><a href=/z></title>", ["/x", "/y"]),
        ("<SVG><TITLE><IMG SRC=/x></TITLE></SVG><svg/></svg><title><a href=/z></title>", ["/x"]),
        ("<head><noscript><link rel=stylesheet href=/x></noscript></head>", ["/x"]),
        ("\ufeff<a href=/x>", ["/x"]),
        ("\r<a href=/x>\r<a href=/y>", ["/x", "/y"]),
        ("<b>" * 3000 + "<a href=/x>" + "</b>" * 3000 + "<a href=/y>", ["/x", "/y"]),
        # styles and scripts
        ("<style>@import '/x'; a{b:url(/y)}</style>", ["/x", "/y"]),
        ("<style><!-- a{b:url(/x)} --></style>", ["/x"]),
        ("<style>a{b:url(/x)}", ["/x"]),
        ("<style>a{b:url(/x&amp;y)}</style>", ["/x&amp;y"]),
        ('<p style="a:url(&quot;/x&quot;)">', ["/x"]),
        ("<p style='a:url(\"/x\"),url(/y)'>", ["/x", "/y"]),
        ('<p style="a:url(/x">', ["/x"]),
        ('<p data-bg="#fff url(/x)">', ["/x"]),
        ("<script>x='/y.js'</script>", ["/y.js"]),
        ("<script type=module>import '/y.js'</script>", ["/y.js"]),
        ('<script type=importmap>{"imports":{"x":"/y.js"}}</script>', ["/y.js"]),
        ("<script type=importmap>[1]</script><script type=importmap>{</script>", []),
        ("<script type=text/template>'/y.js'</script>", []),
        ("<a href=\"javascript:open('/x.html')\">", ["/x.html"]),
        ("<p onclick=\"location='/x.html'\">", ["/x.html"]),
        # SVG
        ("<svg><image href=/x /><image xlink:href=/y /></svg>", ["/x", "/y"]),
        ("<svg><use href='/x#y'/><use href='#y'/></svg>", ["/x"]),
        ("<svg><feimage href=/x /><LinearGradient xlink:href=/y />", ["/x", "/y"]),
        ("<svg><a xlink:href=/x></a></svg><a href=/y>", ["/x", "/y"]),
        ("<svg><path fill='url(/x#y)' stroke='url(#y)'/>", ["/x"]),
        ("<svg><style>a{b:url(&quot;/x&quot;)}</style></svg><style>a{b:url(/&quot;)}</style>", ["/x", "/&quot;"]),
        ("<image src=/x>", ["/x"]),
        # pictures
        ("<img srcset='/x 1x, /y 2x'>", ["/x", "/y"]),
        ("<img srcset='#a 1x, /y 2x'>", ["/y"]),
        ("<link rel=preload as=image imagesrcset='/x 1x'>", ["/x"]),
        # other schemes
        ("<a href=mailto:x><a href=tel:1><a href=data:,x><a href=about:blank><a href=ws://h/x><a href=blob:http://h/x>", []),
        ("<a href=ftp://h/x><img src=file:///x?y><a href=sftp:h>", ["ftp://h/x", "file:///x", "sftp://h/"]),
        ("<a href='http://['>", []),
    ],
)  # fmt: skip
def test_html(text: str, expected: list[str]) -> None:
    assert html(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<base href=/b/><a href=x>", ["/b/x"]),
        ("<base href=../b/c><a href=x>", ["/b/x"]),
        ("<base href=http://o/><a href=x><style>a{b:url(y)}</style>", ["http://o/x", "http://o/y"]),
        ("<a href=x><base href=/b/>", ["/b/x"]),
        ("<base href=/b/><base href=/c/><a href=x>", ["/b/x"]),
        ("<base target=y><base href=/b/><a href=x>", ["/b/x"]),
        ("<base href='http://['><a href=x>", ["/d/x"]),
        ("<base href=data:,x><a href=x>", ["/d/x"]),
        ("<base href><a href=x>", ["/d/x"]),
        ("<a href=#x>", []),
        ("<base href=/b/><a href=#x>", ["/b/"]),  # a fragment of the base, not of the document
        ("<base href=/b/><use href=#x>", []),
        ("<base href=/b/><iframe srcdoc='<a href=x>'></iframe>", ["/b/x"]),
        ("<iframe srcdoc='<base href=/b/><a href=x>'></iframe><a href=x>", ["/b/x", "/d/x"]),
    ],
)
def test_base(text: str, expected: list[str]) -> None:
    assert html(text) == expected


def nested(text: str, depth: int) -> str:
    for _ in range(depth):
        text = '<iframe srcdoc="{}"></iframe>'.format(text.replace("&", "&amp;").replace('"', "&quot;"))
    return text


@pytest.mark.parametrize("depth", [1, 2, MAX_NESTED])
def test_srcdoc_is_a_document_in_itself(depth: int) -> None:
    assert html(nested('<img src="/x?a&amp;b">', depth)) == ["/x?a&b"]


def test_srcdoc_has_an_end() -> None:
    assert html(nested("<img src=/x>", MAX_NESTED + 1)) == []
    assert html(nested("<img src=/x>", 400)) == []


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"image": "/x"}, ["/x"]),
        ({"image": ["/x", "/y"]}, ["/x", "/y"]),
        ({"image": {"@type": "ImageObject", "url": "/x", "name": "/n"}}, ["/x"]),
        ({"@graph": [{"logo": "/x"}, {"a": {"thumbnailUrl": "/y"}}]}, ["/x", "/y"]),
        ({"url": "/x", "name": "image"}, []),
        ({"image": 1, "logo": None, "photo": " "}, []),
        ("/x", []),
    ],
)
def test_json_ld(data: object, expected: list[str]) -> None:
    assert html(f'<script type="application/ld+json">{json.dumps(data)}</script>') == expected
    assert (
        html(f'<script type="application/ld+json">{json.dumps(data).replace("/", chr(92) + "/")}</script>') == expected
    )


@pytest.mark.parametrize("depth", [500, 100_000])
def test_deep_json_ld_is_no_failure(depth: int) -> None:
    data = '{"image":' * depth + '"/x"' + "}" * depth
    assert html(f'<script type="application/ld+json">{data}</script>') in (["/x"], [])


def test_a_script_without_json_has_no_pictures() -> None:
    assert not html('<script type="application/ld+json">{"image": "/x",}</script>')
    assert html('<script type="application/ld+json">{"name": "a\nb", "image": "/x"}</script>') == ["/x"]


def test_a_guess_is_outweighed_by_what_is_none() -> None:
    text = "<script>'/x.js'</script>{}<script>'/x.js'</script>"
    (guess,) = refs.references(Document.HTML, text.format(""), URL)
    (known,) = refs.references(Document.HTML, text.format("<script src=/x.js></script>"), URL)
    assert (guess.guess, known.guess) == (True, False)


def test_a_query_is_written_in_the_encoding_of_the_document() -> None:
    (reference,) = refs.references(Document.HTML, "<a href='/é?é'>", URL, "cp1252")
    assert reference.url == "http://h/%C3%A9?%E9"


# --- XML --------------------------------------------------------------------------------------------------------------

SVG = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" xmlns:x="http://www.w3.org/1999/xlink"'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"<svg {SVG}><image href='/x'/><use xlink:href='/y#z'/><a x:href='/z'/></svg>", ["/x", "/y", "/z"]),
        (f"<s:svg xmlns:s='s' {SVG}><s:image href='/x'/></s:svg>", ["/x"]),
        (f"<svg {SVG}><style>a{{b:url(&quot;/x&quot;)}}</style></svg>", ["/x"]),
        (f"<svg {SVG}><style><![CDATA[a>b{{c:url(/x)}}]]></style></svg>", ["/x"]),
        (f"<svg {SVG}><style><!-- c -->a{{b:url(/x)}}<!-- c --></style></svg>", ["/x"]),
        (f"<svg {SVG}><!-- <image href='/x'/> --><![CDATA[<image href='/y'/>]]></svg>", []),
        (f"<svg {SVG} onload=\"f('/x.js')\"><script>'/y.js'</script></svg>", ["/x.js", "/y.js"]),
        ("<svg><image href='/x'/><a href='/y'></svg>", ["/x", "/y"]),
        ("\ufeff <?xml version='1.0' encoding='utf-16'?><svg><image href='/x'/></svg>", ["/x"]),
        (
            "<html xmlns='http://www.w3.org/1999/xhtml'><base href='/b/'/><script src='x'/><a href='y'/></html>",
            ["/b/x", "/b/y"],
        ),
        ("<html><iframe srcdoc='&lt;img src=/x>'/></html>", ["/x"]),
        ("<urlset><url><loc>http://h/x?a&amp;b</loc></url></urlset>", ["/x?a&b"]),
        ("<urlset><url><loc><![CDATA[http://h/x?a&b]]></loc></url></urlset>", ["/x?a&b"]),
        ("<feed><link href='/x'/><entry><link rel='enclosure' href='/y'/></entry></feed>", ["/x", "/y"]),
        ("", []),
        ("x", []),
        ("<", []),
    ],
)
def test_xml(text: str, expected: list[str]) -> None:
    assert [url.removeprefix("http://h") for url, _ in found(Document.XML, text)] == expected


@pytest.mark.parametrize(
    ("prolog", "expected"),
    [
        ("<?xml-stylesheet href='/x'?>", ["/x"]),
        ('<?xml version="1.0"?>\n<!-- --><?xml-stylesheet type="a" href="/x?a&amp;b"?>\n<!DOCTYPE x>', ["/x?a&b"]),
        ('<!DOCTYPE x SYSTEM "a>b" [<!ENTITY y ">">]>\n<?xml-stylesheet href="/x"?>', ["/x"]),
        ("<?xml-stylesheet title='href=\"/y\"' href='/x'?>", ["/x"]),
        ("<!-- <?xml-stylesheet href='/x'?> -->", []),
        ("<?xml-stylesheet href=''?>", []),
        ("<?xml-stylesheet href='#x'?>", []),
        ("<?xml-stylesheet href='/x'", []),
    ],
)
def test_xml_stylesheet(prolog: str, expected: list[str]) -> None:
    assert [url.removeprefix("http://h") for url, _ in found(Document.XML, prolog + "<x/>")] == expected


def test_an_xml_document_reads_no_file_and_does_not_swell() -> None:
    system = (
        '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]><x><a href="&e;"/><item><link>&e;</link></item></x>'
    )
    assert not found(Document.XML, system)
    laughs = "".join(
        f'<!ENTITY {name} "{f"&{before};" * 10}">' for before, name in zip("abcdefghij", "bcdefghijk", strict=True)
    )
    assert not found(Document.XML, f'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">{laughs}]><x><a href="&k;"/></x>')


@pytest.mark.parametrize(
    ("text", "is_xml"),
    [("<a/>", True), ("\ufeff\n<a>&lt;</a>", True), ("<a>", False), ("<a b=c/>", False), ("", False)],
)
def test_is_xml(text: str, *, is_xml: bool) -> None:
    assert markup.is_xml(text) is is_xml


# --- other documents, headers, sitemaps -----------------------------------------------------------------------------


def test_other_documents() -> None:
    assert found(Document.CSS, "@import 'x';a{b:url(y)}") == [("http://h/d/x", REQUISITE), ("http://h/d/y", REQUISITE)]
    assert found(Document.JSON, '{"start_url":"/","icons":[{"src":"x"}]}') == [
        ("http://h/", PAGE),
        ("http://h/d/x", REQUISITE),
    ]
    assert refs.references(Document.JAVASCRIPT, "'/x.js'", URL) == [
        Reference(CanonicalURL("http://h/x.js"), REQUISITE, guess=True)
    ]


@pytest.mark.parametrize(
    ("name", "value", "references"),
    [
        ("Location", "/x#y", [("/x", Kind.REDIRECT)]),
        ("location", " x ", [("/d/x", Kind.REDIRECT)]),
        ("Refresh", "0; url=x", [("/d/x", PAGE)]),
        ("Link", "</x>; rel=stylesheet", [("/x", REQUISITE)]),
        ("Link", '<x>; rel="preload"; as=style, </y> ;REL = next', [("/d/x", REQUISITE), ("/y", PAGE)]),
        ("Link", '</x?a,b;c>; title="a, b; <c>; rel=icon \\" "; rel=next', [("/x?a,b;c", PAGE)]),
        ("Link", "</x>; rel=next; rel=stylesheet", [("/x", PAGE)]),
        ("Link", '</x>; rel="next', [("/x", PAGE)]),
        ("Link", "</x>", [("/x", NEVER)]),
        ("Link", "<>; rel=next, < /x >; rel=next", [("/x", PAGE)]),
        ("Link", "/x; rel=next", []),
        (
            "Link",
            '</x>; rel=Preload; as=image; imagesrcset="/A 1x, b 2x"',
            [("/x", REQUISITE), ("/A", REQUISITE), ("/d/b", REQUISITE)],
        ),
        ("Link", "<<</x>; rel=next", [("/x", PAGE)]),
        ("Location", "mailto:x", []),
        ("X-Location", "/x", []),
    ],
)
def test_headers(name: str, value: str, references: list[tuple[str, Kind]]) -> None:
    found = refs.header_references([("Server", "x"), (name, value)], URL)
    assert [(reference.url.removeprefix("http://h"), reference.kind) for reference in found] == references


SITEMAP = b"<?xml version='1.0'?><sitemapindex><sitemap><loc>http://h/x</loc></sitemap></sitemapindex>"


@pytest.mark.parametrize(
    ("payload", "references"),
    [
        (SITEMAP, [Kind.SITEMAP]),
        (b"\xef\xbb\xbf\n" + SITEMAP, [Kind.SITEMAP]),
        (gzipped(SITEMAP), [Kind.SITEMAP]),
        (gzipped(SITEMAP[:30]) + gzipped(SITEMAP[30:]), [Kind.SITEMAP]),
        (gzipped(SITEMAP + b" " * 10_000)[:-9], [Kind.SITEMAP]),
        (b"\xef\xbb\xbfhttp://h/x\r\n  https://h/y\nmailto:z\n", [PAGE, PAGE]),
        (gzipped(b"http://h/x"), [PAGE]),
        (b"\x1f\x8b nonsense", []),
        (b"", []),
    ],
)
def test_sitemap(payload: bytes, references: list[Kind]) -> None:
    assert [reference.kind for reference in refs.sitemap_references(payload, URL)] == references


def test_a_bomb_is_read_up_to_a_bound() -> None:
    bomb = gzipped(b"http://h/x\n" * 1_000_000)
    assert refs.gunzip(bomb, 11) == b"http://h/x\n"


# --- laws -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("syntax", Document)
@settings(LAW)
@given(SOUP | st.text(max_size=30))
def test_references_are_canonical_and_told_once(syntax: Document, text: str) -> None:
    told = found(syntax, text)
    assert len(told) == len(set(told))
    assert all(canonical(url) == url for url, _ in told)


@LAW
@given(st.text(), st.text())
def test_no_header_is_a_failure(name: str, value: str) -> None:
    refs.header_references([(name, value), ("Link", value), ("Refresh", value), ("Location", value)], URL)


@LAW
@given(
    st.binary()
    | SOUP.map(lambda text: text.encode(errors="replace"))
    | st.binary().map(lambda data: b"\x1f\x8b" + data)
)
def test_no_payload_of_a_sitemap_is_a_failure(payload: bytes) -> None:
    refs.sitemap_references(payload, URL)


@LAW
@given(READABLE.filter(str.strip), READABLE)
def test_a_base_is_what_references_are_relative_to(reference: str, base: str) -> None:
    where = urls.resolve(embedded_urls.html_unescaped(base)[0], URL)
    target = urls.resolve(embedded_urls.html_unescaped(reference)[0], where.url if where else URL)
    text = f"<base href='{base}'><link rel=icon href='{reference}'>"
    assert [url for url, _ in found(Document.HTML, text)] == ([target.url] if target else [])


# fmt: off
ENDLESS = (
    "<", "<a", "<a ", '<a "', "<a b='", "<a/", "<a b/", "<a b=c>", '<a href="', "<a href=#>", "</", "</a>", "</html>", "<!",
    "<!--", "<!-- -->", "<!DOCTYPE", "<!DOCTYPE [", "<![CDATA[", "<![CDATA[]]>", "]]>", "<?", "<??>", "<?xml-stylesheet ", "&",
    "&#1;", "<!--<?xml-stylesheet ", "<b>", "<p>", "<table>", "<svg>", "<style>", "<script>", "<title>", "<template>",
    "<select>", "<nobr>", "<i><b>", "<base>", "<base href=a>", "<iframe srcdoc=", '<iframe srcdoc="', "<>;", "<a>;", '<a>;"',
    '<a>;b="\\', "<a>,", ";", '"', " ", "\r", "\0", "\ud800", "[", "{", '{"image":',
)
# fmt: on


@pytest.mark.parametrize("piece", ENDLESS)
def test_no_document_takes_more_than_linear_work(piece: str) -> None:
    """The input is so long that quadratic work would not finish."""
    text = piece * (60_000 // len(piece))
    for syntax in (Document.HTML, Document.XML):
        refs.references(syntax, text, URL)
        refs.references(syntax, f"<?xml version='1.0'?><x><a href=\"{text}", URL)
    refs.header_references([("Link", text)], URL)
    refs.sitemap_references(text.encode(errors="replace"), URL)


# What browsers read and libxml2 doesn't


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<style />body { background: url(x) }</style>", ["http://h/d/x"]),
        ("<script/><img src=no></script><img src=x>", ["http://h/d/x"]),
        ("<svg><style/></svg><img src=x>", ["http://h/d/x"]),
        ("<template><base href=/no/></template><img src=x>", ["http://h/d/x"]),
        ("<svg><base href=/no/></svg><img src=x>", ["http://h/d/x"]),
        ("<math><base href=/no/></math><img src=x>", ["http://h/d/x"]),
        ("<template><svg></template><base href=/b/><img src=x>", ["http://h/b/x"]),
        ("<svg><foreignObject><base href=/b/></foreignObject></svg><img src=x>", ["http://h/b/x"]),
        ("<svg><foreignObject><style>a{b:url(x?a&para;b)}</style></foreignObject></svg>", ["http://h/d/x?a&para;b"]),
        ("<script src=x/></script><script src=site/></script>", ["http://h/d/x/", "http://h/d/site/"]),
        ("<script src='x'/><img src=no></script>", ["http://h/d/x"]),
        ("<base href=/b/><a href=''>", ["http://h/b/"]),
        ("<base href=/b/><a href=' '>", ["http://h/b/"]),
        ("<base href=/b/><img src=''>", []),
        ("<a href=''>", []),
        ('<script type="application/ld+json; charset=utf-8">{"image": "/x"}</script>', ["http://h/x"]),
    ],
)
def test_html_as_browsers_have_it(text: str, expected: list[str]) -> None:
    assert [ref.url for ref in refs.references(Document.HTML, text, canonical("http://h/d/p"))] == expected


@pytest.mark.parametrize("open_tags", ["<div>", "<i>", "<b><div>", "<svg>"])
@pytest.mark.parametrize("close", ["</b>", "</div></b>", "</nobody>"])
def test_end_tags_of_nothing_hide_nothing_and_take_no_time(open_tags: str, close: str) -> None:
    text = open_tags * 60_000 + close * 60_000 + "<img src=x><script>'</b>/no'; f('/y.js')</script>"
    found = [ref.url for ref in refs.references(Document.HTML, text, canonical("http://h/"))]
    assert found == ["http://h/x", "http://h/y.js"]


@pytest.mark.parametrize(
    "text",
    [
        "<b><div></b></div>" * 250_000 + "<dt><dd></dt></dd>" * 250_000,  # as many end tags as start tags
        "<svg>" * 150_000 + "<math></math>" * 150_000,
    ],
    ids=range(2),
)
def test_what_stays_open_takes_no_time(text: str) -> None:
    """A parser that searches all open elements for each tag would not finish."""
    assert html(text + "<img src=/x>") == ["/x"]


DEEP = "<b>" * (markup.DEEPEST + 100)


@pytest.mark.parametrize(
    "text",
    [
        *(document_of(element, attribute) for element, attribute in TABLE),
        "<NoScript><img src=/x></noscript><template><img src=/x></template>",
        "<style>a{b:url(/x)}</style><script>'/x'</script><svg><style>a{b:url(&#47;x)}</style></svg>",
        "<svg><base href=/no/><style/><g><base href=/no/></svg><base href=/b/><img src=../x>",
        "<!-- <img src=no> --><title><img src=no></title><a href=/x href=no><img title=\udc80 src=/x>",
    ],
)
def test_what_is_too_deep_for_browsers_is_read_too(text: str) -> None:
    assert html(text) == html(DEEP + text)
    assert "/x" in html(text)


XSLT = '<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">{}</xsl:stylesheet>'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<urlset><url><loc>http://h/a?b=1&c=2</loc></url></urlset>", ["http://h/a?b=1&c=2"]),
        ("<urlset><url><loc><![CDATA[http://h/a?b=1&c=2]]></loc></url></urlset>", ["http://h/a?b=1&c=2"]),
        ("<urlset><url><loc>http://h/a?b=1&amp;c=2</loc></url></urlset>", ["http://h/a?b=1&c=2"]),
        ("<svg>" + "<g>" * 1000 + '<image href="x"/>', ["http://h/d/x"]),
        (
            f'<svg><image href="x"/><image href="data:{"a" * 10_100_000}"/><image href="y"/></svg>',
            ["http://h/d/x", "http://h/d/y"],
        ),
        (XSLT.format('<a href="{$url}"><img src="{$pic}"/><img src="x"/></a>'), ["http://h/d/x"]),
        (
            XSLT.format('<xsl:import href="a.xsl"/><xsl:include href="b.xsl"/>'),
            ["http://h/d/a.xsl", "http://h/d/b.xsl"],
        ),
    ],
    ids=range(7),
)
def test_xml_as_others_read_it(text: str, expected: list[str]) -> None:
    assert [ref.url for ref in refs.references(Document.XML, text, canonical("http://h/d/p"))] == expected


def test_attributes_by_the_thousand_are_all_read() -> None:
    many = " ".join(f'a{n}="b"' for n in range(50_000))
    text = f'<svg><image {many} href="x"/></svg>'
    assert [ref.url for ref in refs.references(Document.XML, text, canonical("http://h/"))] == ["http://h/x"]


def test_what_an_import_map_names_is_no_guess() -> None:
    """The values, resolved against the page, are references; keys and prefixes aren't."""
    table = {
        "imports": {"far": "https://cdn.example/far.js", "all/": "/all/", "x": 1},
        "scopes": {"/s/": {"z": "./z.js"}, "/t/": 0},
    }
    page = f'<script type="importmap">{json.dumps(table)}</script>'
    found = refs.references(Document.HTML, page, canonical("https://example.org/d/e"))
    assert {one.url for one in found if not one.guess} == {"https://cdn.example/far.js", "https://example.org/d/z.js"}


def test_behind_a_long_base_no_more_is_found_than_can_be_kept() -> None:
    links = "".join(f"<a href={n}>" for n in range(4000))
    found = refs.references(Document.HTML, f"<base href=/{'a' * 60_000}/>{links}", CanonicalURL("http://example.org/"))
    assert refs.MOST_CHARACTERS <= sum(len(one.url) for one in found) < refs.MOST_CHARACTERS + 100_000


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ("<guid>http://h/x</guid>", ["/x"]),
        ("<guid isPermaLink='true'> https://h/x\n</guid>", ["https://h/x"]),
        ("<guid isPermaLink='false'>http://h/x</guid>", []),
        ("<guid>tag:h,2026:x</guid><guid>x</guid><guid>14</guid>", []),
        ("<slash:comments>14</slash:comments><comments>/x</comments>", ["/x"]),
        ("<s:link>14</s:link><link>/x</link>", ["/x"]),
        ("<s:image><s:url>/x</s:url></s:image>", ["/x"]),
    ],
)
def test_texts_of_a_feed(item: str, expected: list[str]) -> None:
    """An element of another vocabulary than its parent's has another meaning, declared or not."""
    for names in ("xmlns:slash='slash' xmlns:s='s'", ""):
        text = f"<rss {names}><channel><item>{item}</item></channel></rss>"
        assert [url.removeprefix("http://h") for url, _ in found(Document.XML, text)] == expected
