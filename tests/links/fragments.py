"""Fragments of documents, and whether Chromium finds them. `fragments.json` has its answers; `test_fragments.py` asks again.

    Case("id", "<p id=here>", "here")       the page `source`, opened with `#here`

The answer is `element` if an element becomes `:target`, `top` if the browser scrolls to the top instead, and `none`.

`python -m tests.links.fragments` asks Chromium and writes the answers again.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from playwright.sync_api import Browser, Page, sync_playwright

from mirror.browser.chromium import find
from tests.site import HTML, Server, Site, serve

ANSWERS: Final = Path(__file__).with_name("fragments.json")
XHTML: Final = "application/xhtml+xml"
SVG: Final = "image/svg+xml"
_XHTML_ROOT: Final = '<html xmlns="http://www.w3.org/1999/xhtml"><head><title>x</title></head><body>{}</body></html>'
_SVG_ROOT: Final = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9">{}</svg>'
_TALL: Final = "() => { document.body.style.height = '9000px'; scrollTo(0, 4000); return scrollY }"
_FOUND: Final = "() => document.querySelector(':target') !== null"


@dataclass(frozen=True, slots=True)
class Case:
    """A page and a fragment. `is_open`: Chromium settles nothing (scripts may read it), so a checker may say either."""

    name: str
    source: str | bytes
    fragment: str
    why: str = ""
    content_type: str = HTML
    is_open: bool = False

    @property
    def path(self) -> str:
        """Where the page is in the site."""
        return f"/t/{self.name}"

    def body(self) -> bytes:
        """The page. Sources that bring a doctype or are no HTML are served as they are."""
        if isinstance(self.source, bytes):
            return self.source
        if self.content_type in {XHTML, SVG}:
            return f"{self.source}\n<!-- {self.name} -->\n".encode()  # no two pages are alike
        is_whole = self.content_type != HTML or "<!doctype" in self.source.lower()
        return (self.source if is_whole else f"<!DOCTYPE html>\n<title>{self.name}</title>\n{self.source}\n").encode()


def xhtml(body: str) -> str:
    return _XHTML_ROOT.format(body)


def svg(body: str) -> str:
    return _SVG_ROOT.format(body)


CASES: Final = (
    # The plain ones
    Case("fragment-id", "<p id=here>", "here"),
    Case("fragment-missing", "<p id=here>", "there"),
    Case("fragment-a-name", "<a name=here></a>", "here"),
    Case("fragment-a-name-missing", "<a name=here></a>", "there"),
    Case("fragment-id-quoted", "<p id='here'>", "here"),
    Case("fragment-id-upper-attribute", "<P ID=here>", "here"),
    Case("fragment-case", "<p id=Here>", "here", "ids are compared with their case, also without a doctype"),
    Case("fragment-case-of-name", "<a name=Here></a>", "here"),
    Case("fragment-twice", "<p id=here><p id=here>", "here", "the first one is taken"),
    Case("fragment-id-and-name", "<a name=here></a><p id=here>", "here"),
    Case("fragment-on-html", "<!DOCTYPE html><html id=here><title>x</title>", "here"),
    Case("fragment-on-body", "<body id=here>", "here"),
    Case("fragment-on-title", "<!DOCTYPE html><title id=here>x</title>", "here", "elements of the head count, too"),
    Case("fragment-hidden", "<p id=here hidden>", "here", "an element without a box is found"),
    Case("fragment-unknown-element", "<my-part id=here></my-part>", "here"),
    Case("fragment-details", "<details><p id=here></details>", "here"),
    # Names
    Case("fragment-name-of-p", "<p name=here>", "here", "only the name of an `a` counts"),
    Case("fragment-name-of-input", "<form><input name=here></form>", "here"),
    Case("fragment-name-of-form", "<form name=here></form>", "here"),
    Case("fragment-name-of-img", "<img name=here alt=''>", "here"),
    Case("fragment-name-of-iframe", "<iframe name=here></iframe>", "here"),
    Case("fragment-name-of-map", "<map name=here></map>", "here"),
    Case("fragment-name-of-meta", "<!DOCTYPE html><meta name=here content=x><title>x</title>", "here"),
    Case("fragment-name-of-a-in-svg", "<svg><a name=here></a></svg>", "here", "that `a` is of another namespace"),
    Case("fragment-area-name", "<map><area name=here></map>", "here"),
    # The top
    Case("fragment-empty", "<p id=here>", "", "the top of the document"),
    Case("fragment-top", "<p id=here>", "top", "the top of the document"),
    Case("fragment-top-upper", "<p id=here>", "TOP", "without regard to case"),
    Case("fragment-top-encoded", "<p id=here>", "t%6Fp", "`top` is compared after decoding"),
    Case("fragment-top-as-id", "<p>x<p id=top>", "top"),
    Case("fragment-top-dash", "<p id=here>", "top-", "this is not `top`"),
    # Encodings
    Case("fragment-utf8-raw", "<p id='café'>", "café"),
    Case("fragment-utf8-encoded", "<p id='café'>", "caf%C3%A9"),
    Case("fragment-utf8-lower-hex", "<p id='café'>", "caf%c3%a9"),
    Case("fragment-utf8-missing", "<p id='cafe'>", "caf%C3%A9"),
    Case("fragment-latin1-encoded", "<p id='café'>", "caf%E9", "that is no UTF-8"),
    Case("fragment-decomposed", "<p id='cafe\u0301'>", "caf%C3%A9", "Unicode is not normalised"),
    Case("fragment-id-is-encoded", "<p id='caf%C3%A9'>", "caf%C3%A9", "the fragment is compared as written first"),
    Case("fragment-id-is-encoded-raw", "<p id='caf%C3%A9'>", "café", "the parser of URLs encodes it first"),
    Case("fragment-id-is-lower-hex", "<p id='caf%c3%a9'>", "caf%C3%A9"),
    Case("fragment-entity", "<p id='caf&eacute;'>", "caf%C3%A9", "an id is what the parser makes of it"),
    Case("fragment-entity-unclosed", "<p id='a&amp'>", "a&"),
    Case("fragment-space-encoded", "<p id='a b'>", "a%20b", "an id with a space is wrong, and works"),
    Case("fragment-space-raw", "<p id='a b'>", "a b"),
    Case("fragment-space-part", "<p id='a b'>", "a"),
    Case("fragment-space-around", "<p id=' here '>", "here", "an id is not trimmed"),
    Case("fragment-plus", "<p id='a b'>", "a+b"),
    Case("fragment-plus-literal", "<p id='a+b'>", "a+b"),
    Case("fragment-percent-malformed", "<p id='%zz'>", "%zz"),
    Case("fragment-percent-malformed-missing", "<p id='zz'>", "%zz"),
    Case("fragment-percent-alone", "<p id='100%'>", "100%"),
    Case("fragment-percent-encoded", "<p id='100%'>", "100%25"),
    Case("fragment-decoded-once", "<p id='a b'>", "a%2520b", "it is decoded once only"),
    Case("fragment-hash-inside", "<p id='a#b'>", "a#b"),
    Case("fragment-query-inside", "<p id='a?b=1'>", "a?b=1"),
    Case("fragment-quote", "<p id='a&quot;b'>", 'a"b'),
    Case("fragment-angle", "<p id='a&lt;b'>", "a<b"),
    Case("fragment-backquote", "<p id='a`b'>", "a`b"),
    Case("fragment-brackets", "<p id='a[0].b'>", "a[0].b"),
    Case("fragment-python", "<p id='os.path.join'>", "os.path.join"),
    Case("fragment-cpp", "<p id='operator&lt;&lt;'>", "operator%3C%3C"),
    Case("fragment-emoji", "<p id='🎉'>", "%F0%9F%8E%89"),
    Case("fragment-nul", "<p id='a\0b'>", "a%EF%BF%BDb", "the parser makes a replacement character of NUL"),
    Case("fragment-tab", "<p id=ab>", "a\tb", "tabs in a URL are removed"),
    Case("fragment-newline-id", "<p id='a\nb'>", "a%0Ab"),
    Case("fragment-empty-id", "<p id=''>", "%20"),
    Case(
        "fragment-shift-jis",
        "<!DOCTYPE html><meta charset=shift_jis><title>x</title><p id='日本'>".encode("shift_jis"),
        "%E6%97%A5%E6%9C%AC",
        "fragments are UTF-8 in pages of every encoding",
        "text/html",
    ),
    Case(
        "fragment-utf16",
        "<!DOCTYPE html><title>x</title><p id=here>".encode("utf-16"),
        "here",
        "a byte order mark says what it is",
        "text/html",
    ),
    Case("fragment-windows-1252", b"<!DOCTYPE html><title>x</title><p id='caf\xe9'>", "caf%C3%A9", "", "text/html"),
    Case("fragment-number", "<p id=1>", "1"),
    # What is not in the document
    Case("fragment-in-template", "<template><p id=here></template>", "here"),
    Case("fragment-of-template", "<template id=here></template>", "here"),
    Case("fragment-in-nested-template", "<template><template></template><p id=here></template>", "here"),
    Case("fragment-after-nested-template", "<template><template></template></template><p id=here>", "here"),
    Case("fragment-in-unclosed-template", "<template><p>x<p id=here>", "here", "a template that never ends"),
    Case("fragment-in-shadow-root", "<div><template shadowrootmode=open><p id=here></template></div>", "here"),
    Case("fragment-beside-shadow-root", "<div><template shadowrootmode=open></template><p id=here></div>", "here"),
    Case("fragment-in-noscript", "<noscript><p id=here></noscript>", "here", "with scripts, it is text"),
    Case("fragment-in-noscript-of-head", "<!DOCTYPE html><head><noscript><style id=here></style></noscript>", "here"),
    Case("fragment-in-comment", "<!-- <p id=here> -->", "here"),
    Case("fragment-after-odd-comment", "<!--> <p id=here> -->", "here", "`<!-->` is a whole comment"),
    Case("fragment-in-comment-with-bang", "<!-- x --!><p id=here>", "here", "`--!>` ends a comment"),
    Case(
        "fragment-in-cdata", "<![CDATA[ <p id=here> ]]>", "here", "in HTML this is a comment that ends at the first >"
    ),
    Case("fragment-in-cdata-later", "<![CDATA[ > <p id=here> ]]>", "here"),
    Case("fragment-in-textarea", "<textarea><p id=here></textarea>", "here"),
    Case("fragment-in-title", "<!DOCTYPE html><title><p id=here></title>", "here"),
    Case("fragment-in-script", "<script>'<p id=here>'</script>", "here"),
    Case("fragment-in-style", "<style>/* <p id=here> */</style>", "here"),
    Case("fragment-in-xmp", "<xmp><p id=here></xmp>", "here"),
    Case("fragment-in-noembed", "<noembed><p id=here></noembed>", "here"),
    Case("fragment-in-noframes", "<noframes><p id=here></noframes>", "here"),
    Case("fragment-in-iframe", "<iframe><p id=here></iframe>", "here"),
    Case("fragment-in-srcdoc", "<iframe srcdoc='<p id=here>'></iframe>", "here", "that is another document"),
    Case("fragment-in-plaintext", "<plaintext><p id=here>", "here"),
    Case("fragment-in-attribute", "<p title='<p id=here>'>", "here"),
    Case(
        "fragment-added-by-script",
        "<script>document.write('<p id=here>')</script>",
        "here",
        "a script adds it",
        is_open=True,
    ),
    # What the parser makes of it
    Case("fragment-in-svg", "<svg><g id=here></g></svg>", "here"),
    Case("fragment-in-foreign-object", "<svg><foreignObject><p id=here></foreignObject></svg>", "here"),
    Case("fragment-in-mathml", "<math><mi id=here>x</mi></math>", "here"),
    Case("fragment-xml-id", "<svg><g xml:id=here></g></svg>", "here", "browsers don't know xml:id"),
    Case("fragment-in-select", "<select><p id=here><option id=there></select>", "there"),
    Case("fragment-in-table", "<table><p id=here><tr><td></table>", "here", "it is moved in front of the table"),
    Case("fragment-tr-outside-table", "<tr id=here><td id=there></tr>", "here", "the parser drops the tag"),
    Case(
        "fragment-on-second-body", "<body id=first><p><body id=here>", "here", "its id is dropped: there is one already"
    ),
    Case("fragment-on-second-body-alone", "<body><p><body id=here>", "here", "the second tag adds to the first"),
    Case("fragment-on-second-html", "<!DOCTYPE html><html><title>x</title><p><html id=here>", "here"),
    Case("fragment-on-second-head", "<!DOCTYPE html><head><title>x</title><p><head id=here>", "here"),
    Case("fragment-on-end-tag", "<p>x</p id=here>", "here", "end tags have no attributes"),
    Case("fragment-on-stray-br", "<p>x</br id=here>", "here"),
    Case("fragment-on-image", "<image id=here>", "here"),
    Case("fragment-second-attribute", "<p id=here id=there>", "there", "the first attribute counts"),
    Case("fragment-first-attribute", "<p id=here id=there>", "here"),
    Case("fragment-id-without-space", "<p class=x/id=here>", "here", "the slash is part of the unquoted value"),
    Case("fragment-id-after-quote", "<p class='x'id=here>", "here"),
    Case("fragment-id-without-quotes", "<p id=here/>", "here/", "the slash belongs to the value"),
    Case("fragment-unclosed-quote", "<p title='x><p id=here>", "here", "the tag never ends"),
    Case("fragment-unclosed-tag", "<p>x<b id=here", "here", "the tag never ends"),
    Case("fragment-nested-form", "<form id=one><form id=here></form></form>", "here", "the second form is dropped"),
    Case("fragment-nested-a", "<a name=one>x<a name=here>y</a>", "here"),
    Case("fragment-of-option", "<datalist><option id=here></datalist>", "here"),
    Case("fragment-frameset", "<!DOCTYPE html><title>x</title><frameset id=here><frame></frameset>", "here"),
    Case("fragment-after-frameset", "<!DOCTYPE html><title>x</title><frameset><frame></frameset><p id=here>", "here"),
    Case("fragment-quirks", b"<title>x</title><p id=Here>", "here", "quirks mode compares only classes without case"),
    Case("fragment-quirks-found", b"<title>x</title><p id=here>", "here"),
    # Other documents
    Case("fragment-xhtml", xhtml('<p id="here"/>'), "here", "", XHTML),
    Case("fragment-xhtml-missing", xhtml('<p id="here"/>'), "there", "", XHTML),
    Case("fragment-xhtml-name", xhtml('<a name="here"/>'), "here", "", XHTML),
    Case("fragment-xhtml-upper-id", xhtml('<p ID="here"/>'), "here", "XML is case-sensitive", XHTML),
    Case("fragment-xhtml-cdata", xhtml('<p><![CDATA[ > <b id="here"/> ]]></p>'), "here", "", XHTML),
    Case("fragment-xhtml-noscript", xhtml('<noscript><p id="here"/></noscript>'), "here", "", XHTML),
    Case(
        "fragment-xhtml-empty-element", xhtml('<script/><p id="here"/>'), "here", "an empty script ends at once", XHTML
    ),
    Case("fragment-html-empty-element", "<script/><p id=here></script>", "here", "in HTML it does not"),
    Case("fragment-svg", svg('<g id="here"/>'), "here", "", SVG),
    Case("fragment-svg-missing", svg('<g id="here"/>'), "there", "", SVG),
    Case("fragment-svg-view", svg('<g id="here"/>'), "svgView(viewBox(0,0,4,4))", "a view, no id", SVG, is_open=True),
    Case("fragment-xml", "<root><part id='here'/></root>", "here", "id is an id in any XML here", "application/xml"),
    Case("fragment-text", "here", "here", "text has no ids", "text/plain", is_open=True),
    Case("fragment-text-line", "here", "L10", "viewers of source code use it", "text/plain", is_open=True),
    # What scripts and browsers read
    Case("fragment-directive", "<p id=here>some text", ":~:text=some", "a text directive is no id", is_open=True),
    Case(
        "fragment-directive-missing",
        "<p id=here>some text",
        ":~:text=other",
        "whether it is there, nobody says",
        is_open=True,
    ),
    Case("fragment-id-and-directive", "<p id=here>some text", "here:~:text=some"),
    Case(
        "fragment-missing-and-directive", "<p id=here>some text", "there:~:text=some", "the text is found", is_open=True
    ),
    Case("fragment-route", "<div id=app></div><script></script>", "/users/1", "a route of scripts", is_open=True),
    Case("fragment-hash-bang", "<div id=app></div><script></script>", "!users", "the same, as of 2009", is_open=True),
    Case(
        "fragment-parameters", "<div id=app></div><script></script>", "tab=2&sort=up", "read by scripts", is_open=True
    ),
)


def site() -> Site:
    """All pages of the cases."""
    made = Site()
    for case in CASES:
        made.file(case.path, case.body(), case.content_type)
    return made


def answers() -> dict[str, str]:
    """What Chromium said when it was last asked: case -> `element`, `top` or `none`."""
    recorded: dict[str, str] = json.loads(ANSWERS.read_text(encoding="utf-8"))
    return recorded


def ask(browser: Browser, server: Server) -> dict[str, str]:
    """Ask a browser about every case."""
    page = browser.new_page()
    found = {case.name: _ask(page, f"{server.url}{case.path}#{case.fragment}") for case in CASES}
    page.close()
    return found


def _ask(page: Page, url: str) -> str:
    """Open the page with its fragment; if no element is found, scroll down and follow a link to the fragment."""
    page.goto("about:blank")
    page.goto(url)
    if page.evaluate(_FOUND):
        return "element"
    if not page.evaluate("() => document.body instanceof HTMLBodyElement") or not page.evaluate(_TALL):
        return "none"
    page.evaluate("url => { location.href = url }", url)
    return "top" if page.evaluate("() => scrollY") == 0 else "none"


def main() -> None:
    """Write what Chromium says."""
    with serve(site()) as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find(), args=["--no-sandbox", "--disable-gpu"])
        found = ask(browser, server)
        browser.close()
    ANSWERS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(f"{len(found)} cases: {ANSWERS.name}")  # noqa: T201


if __name__ == "__main__":
    main()
