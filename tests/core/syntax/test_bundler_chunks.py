"""Chunks that the loaders of bundlers load, by names that scripts compose."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirror.core.document.references import references
from mirror.core.syntax.bundler_chunks import MAX_CHUNKS, chunk_spans
from mirror.core.syntax.reference import Kind, Reference
from mirror.core.url.canonical import canonical
from mirror.core.url.media_types import Document

WEBPACK_5 = (
    'c.u=e=>"assets/js/"+({756:"d2046142",1235:"a7456010"}[e]||e)+"."+{489:"dfde8a85",756:"dbd28f5a",1235:"59e4d679"}[e]'
    '+".js",c.miniCssF=e=>{},c.p="/",c.b=1'
)
WEBPACK_4 = (
    'function l(e){return f.p+"static/js/"+({1:"login"}[e]||e)+"."+{1:"aa11",2:"bb22"}[e]+".chunk.js"}'
    'var o="static/css/"+({1:"login"}[e]||e)+"."+{1:"cc33",2:"31d6cfe0d16ae931b73c"}[e]+".chunk.css";f.p="/app/"'
)
NAMED_ONLY = "r.u = (e) => ({ 7: 'about', 8: 'more' }[e] || e) + '.' + { 7: '0a', 8: '1b' }[e] + '.js'"
RSPACK = 'r.u=e=>""+e+"."+{12:"ff00"}[e]+".js";r.p="https://cdn.example/x/"'
AUTOMATIC = 'r.u=e=>"js/"+e+"."+{12:"ff00"}[e]+".js";t=t.replace(/x/,"/"),r.p=t+"../"'
VITE = 'const __vite__mapDeps=(i,m=__vite__mapDeps,d=(m.f||(m.f=["assets/A-1.js","assets/A-2.css","./own.js"])))'
VITEPRESS = r"""window.__VP_HASH_MAP__=JSON.parse("{\"guide_start.md\":\"Cwa_3\",\"i.md\":\"B-3\"}");
window.__VP_SITE_DATA__=JSON.parse("{\"lang\":\"en\",\"base\":\"/docs/\",\"head\":[]}")"""


@pytest.mark.parametrize(
    ("script", "urls"),
    [
        (
            WEBPACK_5,
            ["/assets/js/d2046142.dbd28f5a.js", "/assets/js/a7456010.59e4d679.js", "/assets/js/489.dfde8a85.js"],
        ),
        (
            WEBPACK_4,
            [
                "/app/static/js/login.aa11.chunk.js",
                "/app/static/js/2.bb22.chunk.js",
                "/app/static/css/login.cc33.chunk.css",
            ],
        ),
        (NAMED_ONLY, ["about.0a.js", "more.1b.js"]),
        (RSPACK, ["https://cdn.example/x/12.ff00.js"]),
        (AUTOMATIC, ["../js/12.ff00.js"]),
        ('t.u=e=>"js/"+e+".3f.js",t.p="/",t.x=()=>t.e(540).then(e);t.e("x")', ["/js/540.3f.js", "/js/x.3f.js"]),
        ('t.u = function(e) { return "js/" + e + ".js" }; t.e(1)', ["js/1.js"]),
        ('t.v=e=>"js/"+e+".3f.js",t.e(540)', []),
        (VITE, ["../assets/A-1.js", "../assets/A-2.css"]),
        (
            VITEPRESS,
            [
                f"/docs/assets/{name}{end}"
                for name in ("guide_start.md.Cwa_3", "i.md.B-3")
                for end in (".js", ".lean.js")
            ],
        ),
        ('t.d(r,["IH",0,"search-index{dir}.json?_=69b3"])', ["../../search-index.json?_=69b3"]),
        ('"search-index{dir}-69b3.json"', ["../../search-index-69b3.json"]),
        ('"a"+{1:"b"}[e]+".png"', []),
        ('"a b"+{1:"b"}[e]+".js"', []),
        ('"a"+{1:"b"}[e]', []),
        ('__VP_HASH_MAP__=JSON.parse("[1]")', []),
        ('__VP_HASH_MAP__=JSON.parse("{")', []),
        ("", []),
    ],
)
def test_the_chunks_of_a_loader_are_found(script: str, urls: list[str]) -> None:
    found = list(chunk_spans(script))
    assert sorted(span.url for span in found) == sorted(urls)
    assert all((span.kind, span.guess) == (Kind.REQUISITE, True) for span in found)


def test_a_script_refers_to_its_chunks_below_its_public_path() -> None:
    found = references(Document.JAVASCRIPT, VITE, canonical("https://example.org/a/assets/index.js"))
    assert Reference(canonical("https://example.org/a/assets/A-2.css"), Kind.REQUISITE, guess=True) in found


def test_a_page_refers_to_what_its_inline_loader_loads() -> None:
    page = f"<script>{WEBPACK_5}</script>"
    found = references(Document.HTML, page, canonical("https://example.org/docs/x"))
    assert Reference(canonical("https://example.org/assets/js/489.dfde8a85.js"), Kind.REQUISITE, guess=True) in found


@pytest.mark.parametrize(
    "piece",
    [
        '"a"+',
        '{1:"b",',
        '({1:"b"}[e]||e)+',
        '"a"+{1:"b"}[e]+',
        "__vite__mapDeps[",
        '.p="',
        '__VP_HASH_MAP__=JSON.parse("\\',
    ],
)
def test_hostile_scripts_take_linear_time(piece: str) -> None:
    """Quadratic time would take hours."""
    assert list(chunk_spans(piece * 200_000)) == []


def test_names_are_bounded() -> None:
    hostile = "".join(f"t.e({n});" for n in range(1000)) + 't.u=e=>"a"+e+".js",' * 1000
    assert len(list(chunk_spans(hostile))) == MAX_CHUNKS


@given(st.text(alphabet="\"'{}[]()+:,|.=e1a/ js\\\n"))
def test_whatever_a_script_says_nothing_breaks(text: str) -> None:
    for span in chunk_spans(text):
        assert span.url
