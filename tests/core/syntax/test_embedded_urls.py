"""URLs in values: what browsers read as a URL there, and laws that hold for every value."""

import json
import re
from collections.abc import Callable, Iterator

import pytest
import turbohtml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mirror.core.syntax import embedded_urls
from mirror.core.syntax.embedded_urls import Span
from mirror.core.syntax.reference import Kind

LAW = settings(max_examples=120)

READERS: dict[str, Callable[[str, Kind], Iterator[Span]]] = {
    "url": embedded_urls.url_spans,
    "list": embedded_urls.list_spans,
    "resource": embedded_urls.resource_spans,
    "srcset": embedded_urls.srcset_spans,
    "refresh": embedded_urls.refresh_spans,
    "css": embedded_urls.css_spans,
    "css or url": embedded_urls.css_or_url_spans,
    "json": embedded_urls.json_spans,
    "script": embedded_urls.script_spans,
    "javascript": embedded_urls.javascript_url_spans,
    "task": embedded_urls.task_spans,
}

# fmt: off
PIECES = (
    "url(", "URL( ", "u\\72l(", "image-set(", "src(", "format(", "@import ", "@import", "@namespace x ", "@charset ", "--x:",
    "/*", "*/", "//", "<!--", "-->", "(", ")", "((", "{", "}", ";", ":", ",", "[", "]", '"', "'", "`", "\\", "\\\\", "\\'",
    "\\a", "\\61 ", "\\110000 ", "\\d800", "a.png", "/b/c.js", "./d", "../e.css", "//h/f", "http://h/g", "HTTPS:\\\\h\\i", "#j",
    "?k", "data:,l", "javascript:", " ", "\t", "\n", "\r", "\r\n", "\f", "\v", "\x00", "\x7f", "\x85", "\xa0", "\u2003",
    "\ufeff", "\ud800", "é", "\U0001f600", "0;", "0;url=", "5 ", "1.5,URL = ", "1x", "2w", " 1x, ", "(,)", "100%", "import ",
    "import(", "from", "fetch(", "new Worker(", ".src=", '"src":', '"url" : ', '"start_url":"', "\\/", "\\u002f", "&", "&amp;",
    "&quot", "&#", "&#x", "&#47;", "&notit;", "=", ";icon-uri=",
)
# fmt: on
SOUP = st.lists(st.sampled_from(PIECES), max_size=12).map("".join) | st.text(max_size=20)
CANONICAL = st.from_regex(r"https?://h/[!$-;=?-\[\]_a-z~]{0,12}(#[!#-;=?-~]{0,8})?", fullmatch=True)


def urls(found: Iterator[Span]) -> list[str]:
    return [span.url for span in found]


# --- one URL, several, with descriptors, after seconds ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "url"),
    [
        ("a", "a"),
        (" \t\n\r\fa b\n", "a b"),
        ("\xa0a\x0b", "\xa0a\x0b"),  # white space in Python, part of the URL in browsers
        ("#a", "#a"),
    ],
)
def test_url(value: str, url: str) -> None:
    (span,) = embedded_urls.url_spans(value, Kind.PAGE)
    assert span == Span(value.index(url), value.index(url) + len(url), url, Kind.PAGE)


@pytest.mark.parametrize("value", ["", " \n"])
def test_nothing_is_no_url(value: str) -> None:
    assert not urls(embedded_urls.url_spans(value, Kind.PAGE))


def test_urls_with_white_space_between_them() -> None:
    assert urls(embedded_urls.list_spans(" /a\n b,c\xa0d ", Kind.NEVER)) == ["/a", "b,c\xa0d"]


@pytest.mark.parametrize(("value", "found"), [("a.svg#b", ["a.svg#b"]), (" #b", []), ("", [])])
def test_a_fragment_alone_is_a_part_of_this_document(value: str, found: list[str]) -> None:
    assert urls(embedded_urls.resource_spans(value, Kind.REQUISITE)) == found


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("a", ["a"]),
        ("a 1x, b 2x", ["a", "b"]),
        ("a 1x,b 2x", ["a", "b"]),
        ("\n a\n 480w ,\n b\n", ["a", "b"]),
        ("a, b", ["a", "b"]),
        ("a,b", ["a,b"]),
        ("a,w_1,h_2 1x, b", ["a,w_1,h_2", "b"]),
        ("a,, b", ["a", "b"]),
        (", ,a", ["a"]),
        ("data:image/gif;base64,AAAA= 1x, b 2x", ["data:image/gif;base64,AAAA=", "b"]),
        ("a (1,2) x, b", ["a", "b"]),
        ("a (1,2", ["a"]),
        ("a 1x), b 2x", ["a", "b"]),
        ("a\xa0b 1x", ["a\xa0b"]),
        ("", []),
        (",", []),
    ],
)
def test_srcset(value: str, found: list[str]) -> None:
    assert urls(embedded_urls.srcset_spans(value, Kind.REQUISITE)) == found


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("0;url=a", ["a"]),
        (" 5.5 , URL = a b ", ["a b"]),
        ("5;url='a'b", ["a"]),
        ('5;url="a', ["a"]),
        ("5; 'a'", ["a"]),
        ("5 a", ["a"]),
        ("5; a", ["a"]),
        (".5;a", ["a"]),
        ("0;urla", ["urla"]),
        ("0;url=", []),
        ("0; url = ", []),
        ("0;url=''", []),
        ("0", []),
        ("0;", []),
        ("a", []),
        (";url=a", []),
        ("0x;url=a", []),
    ],
)
def test_refresh(value: str, found: list[str]) -> None:
    assert urls(embedded_urls.refresh_spans(value, Kind.PAGE)) == found


# --- style sheets -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("css", "found"),
    [
        ("a{b:url(c)}", ["c"]),
        ("a{b:url( \n c \n )}", ["c"]),
        ("a{b:url('c d')}", ["c d"]),
        ('a{b:URL( "c" )}', ["c"]),
        ("a{b:u\\72l(c)}", ["c"]),
        ("a{b:\\75 rl(c)}", ["c"]),
        ("a{b:url(c", ["c"]),
        ('a{b:url("c', ["c"]),
        ("a{b:url(c),url(d)}", ["c", "d"]),
        ("a{b:url(c\\)\\(d)}", ["c)(d"]),
        ("a{b:url(c\\20\r\nd)}", ["c d"]),
        ('a{b:url("c\\\nd")}', ["cd"]),
        ('a{b:url("c\\a\nd")}', ["c\nd"]),
        ("a{b:url(c?d;e)}", ["c?d;e"]),
        ('a{b:url("c.eot?#iefix") format("eot"),local("x")}', ["c.eot?#iefix"]),
        ('a{b:image-set("c" 1x, url(d) 2x, "e" type("f/g"))}', ["c", "d", "e"]),
        ('a{b:-webkit-image-set(url(c)1x,url("d")2x)}', ["c", "d"]),
        ('a{b:src("c")}', ["c"]),
        ('@import "a";@import \'b\';@import url(c);@import url("d")screen', ["a", "b", "c", "d"]),
        ('@IMPORT/**/"a"layer(b)supports(c:"d");', ["a"]),
        ('@\\69mport "a";', ["a"]),
        ("@import url(a) supports(b:url(c))", ["a", "c"]),
        ("@media x{a{b:url(c)}}", ["c"]),
        (":root{--a:url(b)}", ["b"]),
        ("<!-- a{b:url(c)} -->", ["c"]),
        ("<!--url(a)", ["a"]),
        ("a{b:url(c)}/*", ["c"]),
        ('a{b:"\nurl(c)"}', ["c"]),  # a string ends with its line
        ('a{b:"\rurl(c)"}', ["c"]),
        ("a{b:url(c d)}e{f:url(g)}", ["g"]),
        ("a{b:url(c'd)}e{f:url(g)}", ["g"]),
        ("a{b:url(c(d)}e{f:url(g)}", ["g"]),
        ("a{b:url(\xa0c)}", ["\xa0c"]),
    ],
)
def test_css(css: str, found: list[str]) -> None:
    assert urls(embedded_urls.css_spans(css)) == found


@pytest.mark.parametrize(
    "css",
    [
        "",
        "a{b:c}",
        "/* url(c) */",
        "/* url(c)",
        'a{b:"url(c)"}',
        "a{b:'\\'url(c)'}",
        'a{b:"c"}',
        'a{b:format("c")}',
        'a{b:image-set(x("c"))}',
        'a{b:url("c\n)}',
        "a{b:url()}",
        "a{b:url( '' )}",
        "a{b:url(#c)}",
        "a{b:url('#c')}",
        "a{b:curl(c)}",
        "a{b:-url(c)}",
        "a{b:éurl(c)}",
        "a{b:url (c)}",
        '@namespace svg url(c);@namespace "d";',
        '@charset "utf-8";',
        "@-moz-document url(c){}",
        '@importer "c";',
        '@import-x "c";',
    ],
)
def test_no_reference_of_css(css: str) -> None:
    assert not urls(embedded_urls.css_spans(css))


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("name=A;action-uri=/b;icon-uri=/c.ico", [("/b", Kind.NEVER), ("/c.ico", Kind.REQUISITE)]),
        ("name=A; Icon-URI = /c.ico ;window-type=tab", [("/c.ico", Kind.REQUISITE)]),
        ("/a?icon-uri=b", []),
    ],
)
def test_task(value: str, found: list[tuple[str, Kind]]) -> None:
    assert [(span.url, span.kind) for span in embedded_urls.task_spans(value)] == found
    assert embedded_urls.is_task(value) is bool(found)


@pytest.mark.parametrize(
    ("value", "found"),
    [("a.png", ["a.png"]), ("url(a.png)", ["a.png"]), ("#fff URL('a.png') b", ["a.png"]), ("url(#a)", [])],
)
def test_css_or_url(value: str, found: list[str]) -> None:
    assert urls(embedded_urls.css_or_url_spans(value, Kind.REQUISITE)) == found


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a", "a"),
        (r"\61", "a"),
        (r"\61 b", "ab"),
        (r"\000061b", "ab"),
        ("\\61\r\nb", "ab"),
        ("a\\\nb\\\r\nc", "abc"),
        (r"\)\"\'\\", ")\"'\\"),
        (r"\0", "\ufffd"),
        (r"\110000", "\ufffd"),
        (r"\d800", "\ufffd"),
        ("\\", "\\"),
    ],
)
def test_css_escapes(text: str, says: str) -> None:
    assert embedded_urls.css_unescaped(text) == says


@LAW
@given(CANONICAL)
def test_what_is_written_into_css_is_read_from_it(url: str) -> None:
    for around in ("a{{b:url({})}}", 'a{{b:url("{}")}}', "a{{b:url('{}')}}", '@import "{}";', "image-set('{}' 1x)"):
        assert urls(embedded_urls.css_spans(around.format(embedded_urls.escaped(url, "css")))) == [url]


# --- scripts and JSON -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("script", "found"),
    [
        ('"/a"', [("/a", Kind.PAGE)]),
        ('"/a.png"', [("/a.png", Kind.REQUISITE)]),
        ("'/a.html'", [("/a.html", Kind.PAGE)]),
        ("`/a/b.php?c`", [("/a/b.php?c", Kind.PAGE)]),
        ('"\\/a\\/b.png"', [("/a/b.png", Kind.REQUISITE)]),
        ('"//h.example/a.js"', [("//h.example/a.js", Kind.REQUISITE)]),
        ('"https://h/a.css?b#c"', [("https://h/a.css?b#c", Kind.REQUISITE)]),
        ('"./a.js" + "../b.css"', [("./a.js", Kind.REQUISITE), ("../b.css", Kind.REQUISITE)]),
        ('"a/b.json"', [("a/b.json", Kind.REQUISITE)]),
        ('import "/a"', [("/a", Kind.REQUISITE)]),
        ("import{b}from'./a'", [("./a", Kind.REQUISITE)]),
        ('export * from "../a.mjs"', [("../a.mjs", Kind.REQUISITE)]),
        ('import ( "./a" )', [("./a", Kind.REQUISITE)]),
        ('import(/* x */ "./a.js")', [("./a.js", Kind.REQUISITE)]),
        ('new Worker("a.js");fetch("b.json")', [("a.js", Kind.REQUISITE), ("b.json", Kind.REQUISITE)]),
        ('x.src = "c.png";importScripts("d.js")', [("c.png", Kind.REQUISITE), ("d.js", Kind.REQUISITE)]),
        ('new URL("a.png", import.meta.url)', [("a.png", Kind.REQUISITE)]),
    ],
)
def test_script(script: str, found: list[tuple[str, Kind]]) -> None:
    assert [(span.url, span.kind) for span in embedded_urls.script_spans(script)] == found
    assert all(span.guess for span in embedded_urls.script_spans(script))


@pytest.mark.parametrize(
    "script",
    [
        'x=["hello world","/img/a.png"]',
        'x={"title":"hello world","src":"/img/a.png"}',
        "foo('a b','/img/a.png')",
        '"a b"+"/img/a.png"',
        '["","/img/a.png"]',
        '{t:"",u:"/img/a.png"}',
        '["<p>","/img/a.png"]',
        '["größer","/img/a.png"]',
        "[/[\"']/, '/img/a.png']",
        'x="it\'s",y="/img/a.png"',
        'x="\\u002Fimg\\/a.png"',
        "x=`a ${b} c`+`/img/a.png`",
    ],
)
def test_no_other_literal_hides_one_that_is_a_url(script: str) -> None:
    assert urls(embedded_urls.script_spans(script)) == ["/img/a.png"]


@pytest.mark.parametrize(
    "script",
    [
        '// "/no.js"\n{}',
        ' \t// don\'t "/no.js"\r\n{}',
        '/* "/no.js" */{}',
        '/*\n * "/no.js"\n */\n{}',
        'f(/* "/no.js" */{})',
        "x=1;/* it's */y={}",
        # what only looks like a comment
        'x="//";y={}',
        "x=/\\/\\//;y={}",
        'x="*/*";y={};z="a/*"',
        "x='src/**/*.js',y={}/* a */",
        'x=" /* ";y={}',
    ],
)
def test_comments_hold_no_urls_and_hide_none(script: str) -> None:
    assert urls(embedded_urls.script_spans(script.replace("{}", "'/img/a.png'"))) == ["/img/a.png"]


def test_a_literal_may_have_letters_of_any_script() -> None:
    assert urls(embedded_urls.script_spans('["/größe.png"]')) == ["/größe.png"]


@pytest.mark.parametrize(
    "script",
    [
        '"/"',
        '"//"',
        '"a"',
        '"a/b"',
        '"text/html"',
        '"2020/02/02"',
        '"a.png"',
        'import "react"',
        'from "react/jsx"',
        "`/a/${b}.png`",
        '/"\\/a.html"/',
        '"/a b"',
        '"/a\\nb"',
        '"mailto:a@b.html"',
        '"</a>"',
        "/a.html",
    ],
)
def test_no_reference_of_a_script(script: str) -> None:
    assert not urls(embedded_urls.script_spans(script))


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("a", ["a"]),
        ("javascript:open('/a.html')", ["/a.html"]),
        (" JavaScript:location='/a%20b.html'", ["/a b.html"]),
        ("javascript:void(0)", []),
        ("javascript:", []),
        ("javascripts:'/a.html'", ["javascripts:'/a.html'"]),
    ],
)
def test_javascript_url(value: str, found: list[str]) -> None:
    assert urls(embedded_urls.javascript_url_spans(value, Kind.PAGE)) == found


def test_what_is_written_into_a_javascript_url_survives_that_it_is_unescaped() -> None:
    assert embedded_urls.escaped("it%27s.html", "javascript") == "it%2527s.html"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"icons":[{"src":"a.png"}],"start_url":"/"}', ["a.png", "/"]),
        ('{"src" :\n"a\\/b\\u0020\\"c"}', ['a/b "c']),
        ('{"src":"\\ud83d\\ude00"}', ["\U0001f600"]),
        ('{"src":"a\\x"}', ["a\\x"]),
        ('{"src":""}', []),
        ('{"name":"src","x":["url","src"]}', []),
        ('{"description":"\\"src\\":\\"a\\""}', []),
        ('{"src":"a', []),
    ],
)
def test_json(text: str, found: list[str]) -> None:
    assert urls(embedded_urls.json_spans(text)) == found


@LAW
@given(url=st.text(min_size=1), ascii_only=st.booleans())
def test_what_json_says_is_read(url: str, *, ascii_only: bool) -> None:
    text = json.dumps({"x": 'a"', "src": url}, ensure_ascii=ascii_only)
    (span,) = embedded_urls.json_spans(text)
    assert span.url == url


@LAW
@given(CANONICAL)
def test_what_is_written_into_json_is_read_from_it(url: str) -> None:
    assert urls(embedded_urls.json_spans(f'{{"url":"{embedded_urls.escaped(url, "json")}"}}')) == [url]


# --- character references -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        ("a&amp;b", "a&b"),
        ("&quot;&apos;&lt;", "\"'<"),
        ("?a&copy=1", "?a&copy=1"),
        ("?a&copy", "?a©"),
        ("?a&copy;=1", "?a©=1"),
        ("?a&copy1", "?a&copy1"),
        ("&notit;", "&notit;"),
        ("&notin;", "∉"),
        ("&not!", "¬!"),
        ("&NotEqualTilde;", "≂̸"),
        ("&#47;&#x2F;&#X2f", "///"),
        ("&#128;&#x81;", "€\x81"),
        ("&#1;", "\x01"),
        ("&#0;&#xD800;&#x110000;", "\ufffd" * 3),
        (f"&#{'9' * 5000};&#{'0' * 5000}47;", "\ufffd/"),
        ("&#;&#x;&;&", "&#;&#x;&;&"),
        ("&noSuchName;", "&noSuchName;"),
    ],
)
def test_character_references(raw: str, says: str) -> None:
    assert embedded_urls.html_unescaped(raw)[0] == says


@LAW
@given(SOUP | st.from_regex(r"(&#?x?[0-9a-zA-Z]{0,6};?=?){1,4}", fullmatch=True))
@example("&ampamp;&ltx&gt")
def test_character_references_are_those_of_browsers(raw: str) -> None:
    raw = re.sub("[\0\r\ud800-\udfff\"']", "", raw)
    document = turbohtml.parse(f'<a href="{raw}">')
    element = document.select_one("a")
    assert element is not None
    value, places = embedded_urls.html_unescaped(raw)
    assert value == element.attrs["href"]
    assert [places(place) for place in (0, len(value))] == [0, len(raw)]
    assert all(places(place) <= places(place + 1) for place in range(len(value)))


# --- laws of all readers ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
@settings(LAW, max_examples=100)
@given(SOUP)
def test_spans_are_in_order_and_apart(read: Callable[[str, Kind], Iterator[Span]], value: str) -> None:
    position = 0
    for span in read(value, Kind.PAGE):
        assert position <= span.start < span.end <= len(value)
        assert span.url
        position = span.end


# fmt: off
ENDLESS = (
    "a", "-", "\\", "\\a", "\\a ", '"', "'", '"\\\n', "(", "((a", ")", "a(", "url", "url(", "url(a", "url( a b", 'url("',
    "url(\\", "image-set(", "@import", "@import ", '@import"', "@namespace ", "/", "/*", "/**/", "*/", ";", "{", "}", "<!--",
    ",", "a,", "a ,", "a (", " (,", " ", "\n", "\r\n", "0", "0 ", "0;", "0;url=", "1.", "import ", "import(", "from ",
    "fetch ( ", ".src = ", "open ( ", "`", '"/a.js",', "https://a/", "javascript:", '"src"', '"src":', '"src":"', '"src":"\\',
    '"src" ', "[", "&", "&#", "&#1", "&#x", "&a", "&amp", "#", "\x00",
    "//", "//\n", "/* ", ";/*", ";/**/", ";icon-uri=",
)
# fmt: on


@pytest.mark.parametrize("piece", ENDLESS)
def test_no_value_takes_more_than_linear_work(piece: str) -> None:
    """The input is so long that quadratic work would not finish."""
    value = piece * (60_000 // len(piece))
    for read in READERS.values():
        for _ in read(value, Kind.PAGE):
            pass
    embedded_urls.html_unescaped(value)
    embedded_urls.css_unescaped(value)


# --- scripts: the search for literals, compared with one expression for all that it looks for ----------------------------

MODEL = re.compile(
    rf"""(?P<line>^[ \t]*+//.*+) | (?P<block>(?<![^\s;,=(){{}}])/\*)
      | (?P<loader>{embedded_urls.JS_LOADERS})?(?<!\\)(?<!(?<!\*)/)(?P<quote>["'`])
        (?P<url>[\w\-./~%@:,+=&?\#!\\]++)(?=(?P=quote))""",
    re.MULTILINE | re.VERBOSE,
)
CODE = (
    *(
        "import",
        "from",
        "importScripts (",
        "new Worker(",
        "SharedWorker( ",
        ".src =",
        "location =",
        "open(",
        "(",
        "=",
        ";",
    ),
    *(
        '"',
        "'",
        "`",
        '"./a.js"',
        "'/b'",
        '"word"',
        '"from"',
        "\\",
        "//",
        "/*",
        "*/",
        "/",
        "\n",
        " ",
        "\t",
        "a.b",
        "\xa0",
    ),
)


def literals_of_model(code: str) -> list[tuple[int, int, str]]:
    found, position, last = [], 0, code.rfind("*/")
    while match := MODEL.search(code, position):
        position = match.end()
        if match["url"] and set(match["url"]) & set("./\\"):
            found.append((*match.span("url"), match["loader"] or ""))
        elif match["block"] and position <= last:
            position = code.index("*/", position)
    return found


@settings(max_examples=500)
@given(st.lists(st.sampled_from(CODE), max_size=40).map("".join))
def test_literals_are_found_as_one_expression_finds_them(code: str) -> None:
    assert list(embedded_urls.js_literals(code)) == literals_of_model(code)
