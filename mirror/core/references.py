"""What a document refers to: one table, (element, attribute) -> what its value is and what it is for.

Enters: a document as text, its URL, its headers. Leaves: `Reference`s, each URL canonical. lxml reads the markup; `rewrite`
finds the same values in the source through the same table. Never here: a decision to fetch (that is `scope`).

What is never a reference: form actions and pings (kind `NEVER`: they are kept right but not followed), comments, `data:`,
`mailto:` and all schemes that `urls.SCHEMES` does not have.
"""

import gzip
import json
import re
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from io import BytesIO
from itertools import chain
from typing import Any, Final, NamedTuple, Protocol, TypeVar, cast

import turbohtml
from lxml import etree
from turbohtml import TokenType

from mirror.core import bundles, directives, spans, urls
from mirror.core.directives import Word
from mirror.core.media import Document
from mirror.core.spans import Kind, Span
from mirror.core.urls import CanonicalURL

Attributes = Mapping[str, str]
Reader = Callable[[str, Kind], Iterator[Span]]
"""Reads a value: which parts of it are URLs. The readers are in `spans`."""


class Reference(NamedTuple):
    """A resource that a document refers to. A guess may not exist; that is no failure then."""

    url: CanonicalURL
    kind: Kind
    guess: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """How one attribute is read. `kind` may depend on the element's other attributes."""

    read: Reader
    kind: Kind | Callable[[Attributes], Kind | None]
    is_one_url: bool = field(init=False)
    """Whether the whole value is a URL, whatever the other attributes say."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "is_one_url", isinstance(self.kind, Kind) and self.read in _ONE_URL)

    def spans(self, value: str, attributes: Attributes) -> Iterator[Span]:
        kind = self.kind if isinstance(self.kind, Kind) else self.kind(attributes)
        return iter(()) if kind is None else self.read(value, kind)


FindRule = Callable[[str, str], Rule | None]
"""(element, attribute) -> its rule."""

_FOLLOWED: Final = frozenset({Kind.PAGE, Kind.CANONICAL, Kind.FEED, Kind.UNENDORSED})
_ENDORSING: Final = frozenset({"a", "area"})
_NOFOLLOW: Final = re.compile(r"(?:^|\s)nofollow(?:$|\s)", re.IGNORECASE)

PAGE, FRAME, REQUISITE, FEED, NEVER = Kind.PAGE, Kind.FRAME, Kind.REQUISITE, Kind.FEED, Kind.NEVER

LINK_RELS: Final[dict[str, Kind]] = {
    "stylesheet": REQUISITE,
    "icon": REQUISITE,
    "apple-touch-icon": REQUISITE,
    "apple-touch-icon-precomposed": REQUISITE,
    "apple-touch-startup-image": REQUISITE,
    "mask-icon": REQUISITE,
    "fluid-icon": REQUISITE,
    "image_src": REQUISITE,
    "preload": REQUISITE,
    "modulepreload": REQUISITE,
    "prefetch": REQUISITE,
    "manifest": REQUISITE,
    "search": REQUISITE,
    "preconnect": NEVER,
    "dns-prefetch": NEVER,
    "pingback": NEVER,
    "alternate": PAGE,
    "canonical": Kind.CANONICAL,
    "next": PAGE,
    "prev": PAGE,
    "previous": PAGE,
    "first": PAGE,
    "last": PAGE,
    "up": PAGE,
    "start": PAGE,
    "contents": PAGE,
    "index": PAGE,
    "chapter": PAGE,
    "section": PAGE,
    "appendix": PAGE,
    "glossary": PAGE,
    "copyright": PAGE,
    "bookmark": PAGE,
    "help": PAGE,
    "author": PAGE,
    "license": PAGE,
    "prerender": PAGE,
    "sitemap": Kind.SITEMAP,
    "enclosure": REQUISITE,
}
"""The relations of `<link>`, of the `Link` header and of Atom's `link`; an unlisted one is `NEVER` fetched."""

META_NAMES: Final[dict[str, Kind]] = {
    "og:image": REQUISITE,
    "og:image:url": REQUISITE,
    "og:image:secure_url": REQUISITE,
    "og:video": REQUISITE,
    "og:video:url": REQUISITE,
    "og:video:secure_url": REQUISITE,
    "og:audio": REQUISITE,
    "og:audio:url": REQUISITE,
    "og:audio:secure_url": REQUISITE,
    "og:url": NEVER,
    "twitter:image": REQUISITE,
    "twitter:image:src": REQUISITE,
    "thumbnail": REQUISITE,
    "image": REQUISITE,
    "msapplication-tileimage": REQUISITE,
    "msapplication-square70x70logo": REQUISITE,
    "msapplication-square150x150logo": REQUISITE,
    "msapplication-square310x310logo": REQUISITE,
    "msapplication-wide310x150logo": REQUISITE,
    "msapplication-config": REQUISITE,
    "msapplication-starturl": NEVER,
    "msapplication-task": REQUISITE,
    "thumbnailurl": REQUISITE,
    "contenturl": REQUISITE,
}
"""`name`, `property` or `itemprop` of a `<meta>` whose content is a URL."""


def link_kind(attributes: Attributes) -> Kind | None:
    """The kind of a `<link>`: the strongest of its relations; a feed where its type says so."""
    kinds = [LINK_RELS.get(rel, NEVER) for rel in attributes.get("rel", "").lower().split()]
    kind = min(kinds, key=list(Kind).index, default=NEVER)
    feed = attributes.get("type", "").lower() in {"application/rss+xml", "application/atom+xml", "application/rdf+xml"}
    if REQUISITE in kinds:  # "alternate stylesheet"
        return REQUISITE
    return FEED if feed and kind is PAGE else kind


def meta_kind(attributes: Attributes) -> Kind | None:
    """The kind of a `<meta>`, by its name; a refresh is a page."""
    if attributes.get("http-equiv", "").strip().lower() == "refresh":
        return PAGE
    name = attributes.get("property") or attributes.get("name") or attributes.get("itemprop") or ""
    return META_NAMES.get(name.strip().lower())


def _meta_spans(value: str, kind: Kind) -> Iterator[Span]:
    if kind is PAGE:
        return spans.refresh_spans(value, kind)
    return spans.task_spans(value) if spans.is_task(value) else spans.url_spans(value, kind)


def _link_spans(value: str, kind: Kind) -> Iterator[Span]:
    """A link may be empty, and leads to the base then."""
    return spans.javascript_url_spans(value, kind) if value.strip() else iter([Span(0, len(value), "", kind)])


_url, _srcset, _css, _lazy = spans.url_spans, spans.srcset_spans, spans.css_spans, spans.css_or_url_spans
_resource = spans.resource_spans

_ONE_URL: Final = frozenset({_link_spans, _url, _resource, spans.javascript_url_spans})

TABLE: Final[dict[tuple[str, str], Rule]] = {
    # what a reader follows
    ("a", "href"): Rule(_link_spans, PAGE),
    ("a", "xlink:href"): Rule(_url, PAGE),
    ("area", "href"): Rule(_link_spans, PAGE),
    ("blockquote", "cite"): Rule(_url, PAGE),
    ("q", "cite"): Rule(_url, PAGE),
    ("ins", "cite"): Rule(_url, PAGE),
    ("del", "cite"): Rule(_url, PAGE),
    ("img", "longdesc"): Rule(_url, PAGE),
    ("iframe", "longdesc"): Rule(_url, PAGE),
    ("frame", "longdesc"): Rule(_url, PAGE),
    # what a browser loads, by relation
    ("link", "href"): Rule(_url, link_kind),
    ("link", "imagesrcset"): Rule(_srcset, REQUISITE),
    ("meta", "content"): Rule(_meta_spans, meta_kind),
    # documents inside of documents
    ("iframe", "src"): Rule(spans.javascript_url_spans, FRAME),
    ("frame", "src"): Rule(spans.javascript_url_spans, FRAME),
    ("object", "data"): Rule(_url, FRAME),
    ("embed", "src"): Rule(_url, FRAME),
    ("portal", "src"): Rule(_url, FRAME),
    # pictures
    ("img", "src"): Rule(_url, REQUISITE),
    ("img", "srcset"): Rule(_srcset, REQUISITE),
    ("img", "lowsrc"): Rule(_url, REQUISITE),
    ("img", "dynsrc"): Rule(_url, REQUISITE),
    ("source", "src"): Rule(_url, REQUISITE),
    ("source", "srcset"): Rule(_srcset, REQUISITE),
    ("input", "src"): Rule(_url, REQUISITE),
    ("amp-img", "src"): Rule(_url, REQUISITE),
    ("amp-img", "srcset"): Rule(_srcset, REQUISITE),
    ("body", "background"): Rule(_url, REQUISITE),
    ("table", "background"): Rule(_url, REQUISITE),
    ("thead", "background"): Rule(_url, REQUISITE),
    ("tbody", "background"): Rule(_url, REQUISITE),
    ("tfoot", "background"): Rule(_url, REQUISITE),
    ("tr", "background"): Rule(_url, REQUISITE),
    ("td", "background"): Rule(_url, REQUISITE),
    ("th", "background"): Rule(_url, REQUISITE),
    # sound and film
    ("video", "src"): Rule(_url, REQUISITE),
    ("video", "poster"): Rule(_url, REQUISITE),
    ("audio", "src"): Rule(_url, REQUISITE),
    ("track", "src"): Rule(_url, REQUISITE),
    ("bgsound", "src"): Rule(_url, REQUISITE),
    # scripts
    ("script", "src"): Rule(_url, REQUISITE),
    ("script", "href"): Rule(_url, REQUISITE),
    ("script", "xlink:href"): Rule(_url, REQUISITE),
    ("applet", "code"): Rule(_url, REQUISITE),
    ("applet", "archive"): Rule(spans.list_spans, REQUISITE),
    ("object", "archive"): Rule(spans.list_spans, REQUISITE),
    ("html", "manifest"): Rule(_url, REQUISITE),
    # SVG, in HTML and in files of its own
    ("image", "src"): Rule(_url, REQUISITE),  # to HTML this is an img
    ("image", "srcset"): Rule(_srcset, REQUISITE),
    ("image", "href"): Rule(_resource, REQUISITE),
    ("image", "xlink:href"): Rule(_resource, REQUISITE),
    ("feimage", "href"): Rule(_resource, REQUISITE),
    ("feimage", "xlink:href"): Rule(_resource, REQUISITE),
    ("use", "href"): Rule(_resource, REQUISITE),
    ("use", "xlink:href"): Rule(_resource, REQUISITE),
    ("pattern", "href"): Rule(_resource, REQUISITE),
    ("pattern", "xlink:href"): Rule(_resource, REQUISITE),
    ("lineargradient", "href"): Rule(_resource, REQUISITE),
    ("lineargradient", "xlink:href"): Rule(_resource, REQUISITE),
    ("radialgradient", "href"): Rule(_resource, REQUISITE),
    ("radialgradient", "xlink:href"): Rule(_resource, REQUISITE),
    ("filter", "xlink:href"): Rule(_resource, REQUISITE),
    ("textpath", "href"): Rule(_resource, REQUISITE),
    ("textpath", "xlink:href"): Rule(_resource, REQUISITE),
    ("*", "fill"): Rule(_css, REQUISITE),
    ("*", "stroke"): Rule(_css, REQUISITE),
    ("*", "filter"): Rule(_css, REQUISITE),
    ("*", "mask"): Rule(_css, REQUISITE),
    ("*", "clip-path"): Rule(_css, REQUISITE),
    ("*", "marker-start"): Rule(_css, REQUISITE),
    ("*", "marker-mid"): Rule(_css, REQUISITE),
    ("*", "marker-end"): Rule(_css, REQUISITE),
    ("*", "cursor"): Rule(_css, REQUISITE),
    # browserconfig.xml
    ("square70x70logo", "src"): Rule(_url, REQUISITE),
    ("square150x150logo", "src"): Rule(_url, REQUISITE),
    ("square310x310logo", "src"): Rule(_url, REQUISITE),
    ("wide310x150logo", "src"): Rule(_url, REQUISITE),
    ("tileimage", "src"): Rule(_url, REQUISITE),
    # any element
    ("*", "style"): Rule(_css, REQUISITE),
    ("*", "data-src"): Rule(_url, REQUISITE),
    ("*", "data-srcset"): Rule(_srcset, REQUISITE),
    ("*", "data-original"): Rule(_url, REQUISITE),
    ("*", "data-lazy-src"): Rule(_url, REQUISITE),
    ("*", "data-lazy-srcset"): Rule(_srcset, REQUISITE),
    ("*", "data-lazy"): Rule(_url, REQUISITE),
    ("*", "data-original-src"): Rule(_url, REQUISITE),
    ("*", "data-hi-res-src"): Rule(_url, REQUISITE),
    ("*", "data-poster"): Rule(_url, REQUISITE),
    ("*", "data-bg"): Rule(_lazy, REQUISITE),
    ("*", "data-background"): Rule(_lazy, REQUISITE),
    ("*", "data-background-image"): Rule(_lazy, REQUISITE),
    # where a browser sends something: never fetched, kept right
    ("form", "action"): Rule(_url, NEVER),
    ("button", "formaction"): Rule(_url, NEVER),
    ("input", "formaction"): Rule(_url, NEVER),
    ("a", "ping"): Rule(spans.list_spans, NEVER),
    ("area", "ping"): Rule(spans.list_spans, NEVER),
}
"""The one place that knows which attributes hold URLs. Names are in lower case, `*` is any element."""

CONDITIONAL: Final = frozenset(name for (name, _), rule in TABLE.items() if not isinstance(rule.kind, Kind))
"""The elements whose other attributes tell what a URL is for."""

SCRIPT_TYPES: Final = re.compile(
    r"(?:(?:text|application)/(?:x-)?(?:java|ecma)script|application/json|importmap|module|)\s*(?:;|$)", re.IGNORECASE
)
MAX_NESTED: Final = 8
"""How deep documents in attributes (`srcdoc`) are read."""

JSON_LD_PICTURES: Final = frozenset({"image", "logo", "thumbnailUrl", "contentUrl", "photo"})

BODY: Final = re.compile(r"<body(?=[ \t\n\r\f/>])", re.IGNORECASE)
BODY_AGAIN: Final = "b0dy"
"""A parser tells nothing of a `<body>` tag where a body is already, or has to be made up; a browser takes the attributes that
it adds (WHATWG HTML 13.2.6.4.7). With another name, of the same length, it is told of like any element."""

_BLOCK: Final = 1 << 16
_MANY: Final = 100
_XSLT_ROOT: Final = re.compile(r"<[^<>]*?=\s*[\"']http://www\.w3\.org/1999/XSL/Transform[\"']")
_BARE_AMPERSAND: Final = re.compile(
    r"<!\[CDATA\[.*?(?:\]\]>|\Z)|<!--.*?(?:-->|\Z)|(?P<bare>&(?!#?[A-Za-z0-9_.:\-]++;))", re.DOTALL
)
_RAW: Final = frozenset({"style", "script"})
_FOREIGN: Final = frozenset({"svg", "math"})
_PLACES: Final = _FOREIGN | {"foreignobject", "template"}
_TOLD_APART: Final = _RAW | _PLACES | {"base", "meta", BODY_AGAIN}
_UNREADABLE: Final = re.compile("[\0\ud800-\udfff]")
_UNKNOWN: Final = "\ufffd".encode()
_NOTHING: Final[list[str]] = []
_PROLOG: Final = re.compile(
    r"""[\s\ufeff]++ | <!--.*?--> | <\?xml-stylesheet\s(?P<sheet>.*?)\?> | <\?.*?\?>
      | <!DOCTYPE(?:[^\[>"']++|"[^"]*+"|'[^']*+')*+(?:\[.*?\]\s*+)?>""",
    re.DOTALL | re.IGNORECASE | re.VERBOSE,
)
_PSEUDO_ATTRIBUTE: Final = re.compile(r"""(?P<name>[^\s="']++)\s*+=\s*+(?:"(?P<double>[^"]*+)"|'(?P<single>[^']*+)')""")


def html_rule(element: str, attribute: str) -> Rule | None:
    """How an attribute of HTML is read. `srcdoc` is not in the table: it is a document in itself."""
    return TABLE.get((element, attribute)) or TABLE.get(("*", attribute))


def xml_rule(element: str, attribute: str) -> Rule | None:
    """How an attribute of an XML document is read: SVG, XHTML, feeds, sitemaps, browserconfig."""
    return XML_ATTRIBUTES.get((element, attribute)) or html_rule(element, attribute)


def raw_text_spans(element: str, text: str, attributes: Attributes) -> Iterator[Span]:
    """The URLs in the text of a `<style>` or `<script>`."""
    if element == "style":
        return spans.css_spans(text)
    if element == "script":
        script_type = attributes.get("type", "").strip().lower()
        if script_type.partition(";")[0].rstrip() == "application/ld+json":
            return json_ld_spans(text)
        if script_type == "importmap":
            return chain(spans.script_spans(text), import_map_spans(text))
        if SCRIPT_TYPES.match(script_type):
            return script_spans(text)
    return iter(())


def script_spans(text: str) -> Iterator[Span]:
    """The URLs in a script: its literals, and what its bundler's loader puts together."""
    return chain(spans.script_spans(text), bundles.chunk_spans(text))


def import_map_spans(text: str) -> Iterator[Span]:
    """The modules that an import map names, which are no guesses; a prefix is none (WHATWG HTML 8.1.6.2).

    Scripts are never rewritten in the tree, so these spans have no place in the text.

    >>> [span.url for span in import_map_spans('{"imports": {"a": "https://cdn.example/a.js", "b/": "/b/"}, "scopes": {}}')]
    ['https://cdn.example/a.js']
    """
    try:
        data = json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return
    found = data if isinstance(data, dict) else {}
    scopes = found.get("scopes")
    for table in (found.get("imports"), *(scopes.values() if isinstance(scopes, dict) else ())):
        for url in table.values() if isinstance(table, dict) else ():
            if (
                isinstance(url, str)
                and not url.endswith("/")
                and url.startswith(("/", "./", "../", "http://", "https://"))
            ):
                yield Span(0, 0, url, REQUISITE)


def json_ld_spans(text: str) -> Iterator[Span]:
    """The pictures that structured data names: a string, a list of them, or an object with a `url` (schema.org).

    Scripts are never rewritten, so these spans have no place in the text.
    """
    try:
        data = json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return iter(())
    return (Span(0, 0, url, REQUISITE) for url in _pictures(data))


def _pictures(data: object) -> Iterator[str]:
    work = [(data, False)]
    while work:
        found, wanted = work.pop()
        match found:
            case str() if wanted and found.strip():
                yield found.strip()
            case list():
                work += [(entry, wanted) for entry in reversed(found)]
            case dict():
                work += [
                    (value, key in JSON_LD_PICTURES or (wanted and key == "url"))
                    for key, value in reversed(found.items())
                ]


# Text elements of XML vocabularies: (element, its parent) -> kind; `*` is any parent. Local names, in lower case.
XML_TEXT: Final[dict[tuple[str, str], Kind]] = {
    ("loc", "sitemap"): Kind.SITEMAP,
    ("loc", "url"): PAGE,
    ("loc", "image"): REQUISITE,
    ("thumbnail_loc", "video"): REQUISITE,
    ("content_loc", "video"): REQUISITE,
    ("link", "item"): PAGE,
    ("link", "channel"): PAGE,
    ("link", "image"): PAGE,
    ("comments", "item"): PAGE,
    ("url", "image"): REQUISITE,
    ("logo", "feed"): REQUISITE,
    ("icon", "feed"): REQUISITE,
}

# Attributes of XML vocabularies: in addition to TABLE.
XML_ATTRIBUTES: Final[dict[tuple[str, str], Rule]] = {
    ("link", "href"): Rule(_url, lambda attributes: link_kind({"rel": "alternate", **attributes})),
    ("enclosure", "url"): Rule(_url, REQUISITE),
    ("content", "url"): Rule(_url, REQUISITE),
    ("content", "src"): Rule(_url, PAGE),
    ("thumbnail", "url"): Rule(_url, REQUISITE),
    ("image", "href"): Rule(_url, REQUISITE),
}


# Attributes of XSLT: in addition to those of XML.
XSLT_ATTRIBUTES: Final[dict[tuple[str, str], Rule]] = {
    ("import", "href"): Rule(_url, REQUISITE),
    ("include", "href"): Rule(_url, REQUISITE),
}


def xml_text_spans(element: str, parent: str, text: str) -> Iterator[Span]:
    """The URLs in the text of an element of an XML document."""
    if element == "style":
        return spans.css_spans(text)
    kind = XML_TEXT.get((element, parent))
    return spans.url_spans(text, kind) if kind else iter(())


def prolog(text: str) -> Iterator[re.Match[str]]:
    """What stands before the first element of an XML document: declaration, comments, instructions, DOCTYPE."""
    position = 0
    while match := _PROLOG.match(text, position):
        yield match
        position = match.end()


def stylesheet_instruction_spans(text: str) -> Iterator[Span]:
    """The URLs in each `<?xml-stylesheet href="..."?>` of a prolog."""
    for instruction in prolog(text):
        for found in _PSEUDO_ATTRIBUTE.finditer(text, *instruction.span("sheet")):
            url = spans.html_unescaped(found["double"] or found["single"] or "")[0].strip()
            if found["name"] == "href" and url:
                yield Span(*found.span("double" if found["double"] else "single"), url, REQUISITE, quoting="xml")


# --- from a document to its references ---------------------------------------------------------------------------------


MOST_REFERENCES: Final = 250_000
"""References of a document that are followed: a sitemap names 50,000 pages, millions would take minutes and gigabytes."""


class Collector:
    """Resolves spans against a base and keeps each (URL, kind) once; what is no guess outweighs a guess."""

    def __init__(self, base: str, encoding: str = "utf-8", depth: int = 0) -> None:
        self.base = base
        self.encoding = encoding
        self.depth = depth
        self.own_base = True
        self.metas: list[tuple[str, str]] = []
        """What `<meta>` elements say to robots: (name, content)."""
        self._seen: set[tuple[str, Kind, bool]] = set()
        self._found: dict[tuple[CanonicalURL, Kind], bool] = {}

    def add(self, found: Iterable[Span]) -> None:
        if len(self._found) >= MOST_REFERENCES:
            return
        for span in found:
            key = (urls.without_fragment(span.url), span.kind, span.guess)
            if key in self._seen or (self.own_base and (not span.url or span.url.startswith("#"))):
                continue
            self._seen.add(key)
            target = urls.resolve(key[0], self.base, self.encoding)
            if target:
                name = (target.url, span.kind)
                self._found[name] = span.guess and self._found.get(name, True)

    def add_url(self, url: str, kind: Kind) -> None:
        """Add what is plainly a URL, of another document than this one."""
        if len(self._found) < MOST_REFERENCES:
            target = urls.resolve(url, self.base, self.encoding)
            if target:
                self._found[target.url, kind] = False

    def rebase(self, base: str) -> None:
        """What is added from now on has a base that is not the document's URL."""
        target = urls.resolve(base, self.base, self.encoding)
        self.base = target.url if target else self.base
        self.own_base = False
        self._seen.clear()

    def within(self) -> "Collector":
        """The same collection, for a document in an attribute of this one."""
        part = Collector(self.base, self.encoding, self.depth + 1)
        part.own_base = self.own_base
        part._found = self._found
        return part

    def references(self) -> list[Reference]:
        return [Reference(url, kind, guess) for (url, kind), guess in self._found.items()]


def references(syntax: Document, text: str, url: CanonicalURL, encoding: str = "utf-8") -> list[Reference]:
    """All that a document refers to, in its order, each (URL, kind) once."""
    collector = Collector(url, encoding)
    _READERS[syntax](text, collector)
    found = collector.references()
    return unfollowed(found) if Word.NOFOLLOW in directives.meta_directives(collector.metas) else found


def unfollowed(found: Iterable[Reference]) -> list[Reference]:
    """The references of a document that asks for its links not to be followed: what it needs to be shown stays."""
    return list(dict.fromkeys(ref._replace(kind=Kind.NOFOLLOW) if ref.kind in _FOLLOWED else ref for ref in found))


def metas(syntax: Document, text: str) -> list[tuple[str, str]]:
    """What the `<meta>` elements of a document say to robots: (name, content). XHTML may be XML."""
    if syntax is Document.HTML:
        return read_html(text, _Elements).metas
    root = _xml_root(text) if syntax is Document.XML and "meta" in text else None
    found = (_named(element) for element in (root.iter(etree.Element) if root is not None else ()))
    return [
        (attributes["name"], attributes.get("content", ""))
        for name, attributes in found
        if name == "meta" and directives.is_named(attributes.get("name", ""))
    ]


def header_references(headers: Iterable[tuple[str, str]], url: CanonicalURL) -> list[Reference]:
    """What the headers refer to: `Location`, `Link` (RFC 8288) and `Refresh`. `headers` are (name, value) pairs."""
    collector = Collector(url)
    for name, value in headers:
        read = _HEADERS.get(name.lower())
        if read:
            collector.add(read(value))
    return collector.references()


def sitemap_references(payload: bytes, url: CanonicalURL, most: int = 64 << 20) -> list[Reference]:
    """The pages of a sitemap as it was received: XML, the same in gzip, or a list of URLs (sitemaps.org)."""
    if payload.startswith(b"\x1f\x8b"):
        payload = gunzip(payload, most)
    text = payload.decode("utf-8-sig", errors="replace")
    if text.lstrip().startswith("<"):
        return references(Document.XML, text, url)
    collector = Collector(url)
    collector.add(Span(0, 0, line.strip(), PAGE) for line in text.splitlines() if re.match(r"\s*https?://", line))
    return collector.references()


def gunzip(payload: bytes, most: int) -> bytes:
    """The first `most` bytes of what was compressed; what a damaged file still gives."""
    found = bytearray()
    with gzip.GzipFile(fileobj=BytesIO(payload)) as file, suppress(EOFError, OSError, zlib.error):
        while len(found) < most and (piece := file.read1(_BLOCK)):
            found += piece
    return bytes(found[:most])


_IS_URL: Final = re.compile(r"(?![#jJ])[^\x00-\x20](?:.*[^\x00-\x20])?", re.DOTALL).fullmatch
"""Whether a value is all URL: not of this document, no script, and no white space around it."""

_COMMON: Final = frozenset({"class", "id", "title", "alt", "name", "type", "width", "height", "lang", "role"})
"""Attributes that most elements have and none of which holds a URL: they are not looked up."""


def _read_html(text: str, collector: Collector) -> None:
    collector.add(stylesheet_instruction_spans(text))  # XHTML
    read = read_html(text, _Elements)
    elements = read.found
    collector.metas = read.metas
    if read.base is not None:
        collector.rebase(read.base)
    seen: set[tuple[str, str, str]] = set()
    for name, attributes, pieces in elements:
        if pieces:
            collector.add(raw_text_spans(name, "".join(pieces), attributes))
        endorsed = not ("rel" in attributes and name in _ENDORSING and _NOFOLLOW.search(attributes["rel"]))
        for attribute, value in attributes.items():
            if attribute in _COMMON or (collector.own_base and attribute == "href" and value[:1] == "#"):
                continue
            if not endorsed and attribute == "href":
                collector.add(span._replace(kind=Kind.UNENDORSED) for span in _link_spans(value, PAGE))
                continue
            key = (name, attribute, urls.without_fragment(value) if attribute == "href" else value)
            if key not in seen or name in CONDITIONAL:
                seen.add(key)
                rule = html_rule(name, attribute)
                if rule and rule.is_one_url and _IS_URL(key[2]):
                    collector.add_url(key[2], cast("Kind", rule.kind))
                else:
                    _read_attribute(rule, key, attributes, collector)


def _read_xml(text: str, collector: Collector) -> None:
    root = _xml_root(text)
    if root is None:
        return
    collector.add(stylesheet_instruction_spans(text))
    base = root.find(".//{*}base[@href]")
    if base is not None:
        collector.rebase(base.get("href", ""))
    find = xslt_rule if is_xslt(text) else xml_rule
    for element in root.iter(etree.Element):
        name, attributes = _named(element)
        if name == "meta" and directives.is_named(attributes.get("name", "")):
            collector.metas.append((attributes["name"], attributes.get("content", "")))
        for attribute, value in attributes.items():
            if find is xml_rule or "{" not in value:
                _read_attribute(find(name, attribute), (name, attribute, value), attributes, collector)
        if element.text:
            parent = element.getparent()
            parent_name = local_name(parent.tag) if parent is not None else ""
            collector.add(xml_text_spans(name, parent_name, element.text))
            if name == "script":
                collector.add(raw_text_spans(name, element.text, attributes))


def _named(element: etree._Element) -> tuple[str, dict[str, str]]:
    """An element's name and its attributes, as the table has them."""
    return local_name(element.tag), {attribute_name(key): value for key, value in _attributes(element)}


def _attributes(element: etree._Element) -> Iterable[tuple[str, str]]:
    """The attributes of an element. lxml looks each up by its name, which is no way to read thousands."""
    if len(element.attrib) < _MANY:
        return ((str(key), str(value)) for key, value in element.attrib.items())
    return ((str(value.attrname), str(value)) for value in cast("list[Any]", element.xpath("@*")))


def is_xslt(text: str) -> bool:
    """Whether an XML document is an XSLT stylesheet: its attributes may be templates, as in `href="{$url}"`."""
    start = max((part.end() for part in prolog(text)), default=0)
    return bool(_XSLT_ROOT.match(text, start))


def xslt_rule(element: str, attribute: str) -> Rule | None:
    """How an attribute of an XSLT stylesheet is read: as in other XML, but it has stylesheets of its own."""
    return XSLT_ATTRIBUTES.get((element, attribute)) or xml_rule(element, attribute)


def _read_attribute(
    rule: Rule | None, found: tuple[str, str, str], attributes: Attributes, collector: Collector
) -> None:
    name, attribute, value = found
    if rule:
        collector.add(rule.spans(value, attributes))
    elif attribute == "srcdoc" and name == "iframe":
        if collector.depth < MAX_NESTED:
            _read_html(value, collector.within())
    elif attribute.startswith("on"):
        collector.add(spans.script_spans(value))


def local_name(tag: object) -> str:
    """An element's name without its namespace, in lower case."""
    return str(tag).rpartition("}")[2].rpartition(":")[2].lower()


def attribute_name(name: object) -> str:
    """An attribute's name as the table has it: `xlink:href` is the only one of a namespace, whatever its prefix is."""
    namespace, _, local = str(name).rpartition("}")
    return f"xlink:{local}" if namespace and local == "href" else str(name)


class _Elements:
    """Takes down each start tag of an HTML document that may hold a URL, the text of styles and scripts, and the base.

    There is no tree: lxml's would end at `</html>` and at 2,048 open elements, where browsers read on. Its methods are called
    for each tag, so they look at what most tags have first.
    """

    def __init__(self) -> None:
        self.deepest = 0
        self.found: list[tuple[str, Attributes, list[str]]] = []
        self.base: str | None = None
        self.metas: list[tuple[str, str]] = []
        self._open = 0
        self._raw: list[str] | None = None
        self._places: list[str] = []  # those of `_PLACES` that are open

    def start(self, tag: str, attributes: Attributes) -> None:
        self._open = is_open = self._open + 1
        self.deepest = max(self.deepest, is_open)
        if tag in _TOLD_APART:
            self._start_apart(tag, attributes)
        else:
            self._raw = None
            if attributes and not _COMMON.issuperset(attributes):
                self.found.append((tag, attributes, _NOTHING))

    def data(self, text: str) -> None:
        if self._raw is not None:
            self._raw.append(text)

    def end(self, tag: str) -> None:
        self._open -= 1
        if self._raw is not None:
            if self._raw and self._is_foreign:
                self._raw[:] = [spans.html_unescaped("".join(self._raw))[0]]
            self._raw = None
        if tag in _PLACES and tag in self._places:
            while self._places.pop() != tag:
                pass

    def close(self) -> None:
        """lxml asks for it."""

    def _start_apart(self, tag: str, attributes: Attributes) -> None:
        self._raw = [] if tag in _RAW else None
        if tag == "base" and self.base is None and "template" not in self._places and not self._is_foreign:
            self.base = attributes.get("href")
        elif tag == "meta" and directives.is_named(attributes.get("name", "")):
            self.metas.append((attributes["name"], attributes.get("content", "")))
        if attributes or self._raw is not None:
            name = "body" if tag == BODY_AGAIN else tag
            self.found.append((name, attributes, _NOTHING if self._raw is None else self._raw))
        if tag in _PLACES and len(self._places) < DEEPEST:
            self._places.append(tag)

    @property
    def _is_foreign(self) -> bool:
        return bool(self._places) and self._places[-1] in _FOREIGN


class Target(Protocol):
    """What is told of a document: the interface of lxml."""

    def start(self, tag: str, attributes: Attributes, /) -> None: ...
    def data(self, text: str, /) -> None: ...
    def end(self, tag: str, /) -> None: ...


AnyTarget = TypeVar("AnyTarget", bound=Target)


def read_html(text: str, new: Callable[[], AnyTarget]) -> AnyTarget:
    """Have lxml tell a new target of each tag and text of an HTML document; gives the target.

    libxml2 looks for each end tag through all that is open, which takes for ever where somebody means it to. Where more is open
    than a browser keeps, another tokenizer tells of the document.
    """
    text = BODY.sub(f"<{BODY_AGAIN}", text)
    if "/>" in text and _SELF_CLOSED.search(text):
        text = _without_idle_slashes(text)
    target = new()
    counting = target if isinstance(target, _Elements) else _Counting(target)
    parser = etree.HTMLParser(encoding="utf-8", huge_tree=True, target=cast("Any", counting))
    payload = utf8(text)
    with suppress(etree.LxmlError):
        for start in range(0, len(payload), _BLOCK):
            parser.feed(payload[start : start + _BLOCK])
            if counting.deepest > DEEPEST:
                return _read_deep_html(text, new())
        parser.close()
    return target


DEEPEST: Final = 512
"""Open elements up to which lxml reads HTML: Chromium nests no deeper."""


class _Counting:
    """Hands on what lxml tells, and counts the open elements."""

    def __init__(self, target: Target) -> None:
        self.deepest = 0
        self.data = target.data
        self._target = target
        self._open = 0

    def start(self, tag: str, attributes: Attributes) -> None:
        self._open += 1
        self.deepest = max(self.deepest, self._open)
        self._target.start(tag, attributes)

    def end(self, tag: str) -> None:
        self._open -= 1
        self._target.end(tag)

    def close(self) -> None:
        """lxml asks for it."""


def _read_deep_html(text: str, target: AnyTarget) -> AnyTarget:
    """The same with turbohtml's tokenizer, whatever is open. To it `<noscript>` is no element, so it gets another name."""
    opened: Counter[str] = Counter()
    for token in turbohtml.tokenize(_NOSCRIPT.sub("n0script", utf8(text).decode())):
        tag = token.tag or ""
        if token.type is TokenType.START_TAG:
            opened[tag] += 1
            target.start(tag, dict(token.attrs or ()))
        elif token.type is TokenType.TEXT:
            target.data(token.data or "")
        if opened[tag] and (token.type is TokenType.END_TAG or token.self_closing):
            opened[tag] -= 1
            target.end(tag)
    return target


_NOSCRIPT: Final = re.compile(r"(?<=<)noscript(?=[\s/>])|(?<=</)noscript(?=[\s/>])", re.IGNORECASE)
_SELF_CLOSED: Final = re.compile(
    r"""<(?P<name>style|script)(?=[\s/])(?:[^<>"'/]++|"[^"]*+"|'[^']*+'|/(?!>))*+
        (?:(?<=[\s"'])|(?<=<style)|(?<=<script))/>""",
    re.IGNORECASE | re.VERBOSE,
)
"""A style or script that seems to be a whole element: `src=a/>` has no slash at its end."""
_SVG_OR_SELF_CLOSED: Final = re.compile(
    rf"<svg\b | (?P<end></svg\b) | (?P<tag>{_SELF_CLOSED.pattern})", re.IGNORECASE | re.VERBOSE
)


def _without_idle_slashes(text: str) -> str:
    """`<style/>` and `<script/>` of HTML are start tags like any other; lxml takes them for whole elements. In SVG they are."""
    svgs = 0

    def mended(tag: re.Match[str]) -> str:
        nonlocal svgs
        if tag["tag"]:
            start = tag["tag"].removesuffix("/>")
            return f"{start}></{tag['name']}>" if svgs > 0 else f"{start}>"
        svgs += -1 if tag["end"] else 1
        return tag[0]

    return _SVG_OR_SELF_CLOSED.sub(mended, text)


def _xml_root(text: str) -> etree._Element | None:
    if "&" in text:  # libxml2 would lose what stands behind one that begins no reference
        text = _BARE_AMPERSAND.sub(lambda found: "&amp;" if found["bare"] else found[0], text)
    try:
        return etree.fromstring(_xml_bytes(text), _xml_parser(recover=True, huge="<!ENTITY" not in text))
    except etree.LxmlError:
        return None


def is_xml(text: str) -> bool:
    """Whether a text is a well-formed XML document."""
    try:
        etree.fromstring(_xml_bytes(text), _xml_parser(recover=False))
    except etree.LxmlError:
        return False
    return True


def _xml_parser(*, recover: bool, huge: bool = False) -> etree.XMLParser:
    """A parser that asks for nothing. `huge`: without libxml2's limits, one of which is that of what entities grow to."""
    return etree.XMLParser(
        encoding="utf-8",
        recover=recover,
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=huge,
        remove_comments=True,
        remove_pis=True,
    )


def _xml_bytes(text: str) -> bytes:
    return utf8(text.lstrip("\ufeff \t\r\n"))


def utf8(text: str) -> bytes:
    """A text in UTF-8, with U+FFFD for what no parser takes: NUL, and halves of surrogate pairs."""
    try:
        payload = text.encode()
    except UnicodeEncodeError:
        return readable(text).encode()
    return payload.replace(b"\0", _UNKNOWN) if b"\0" in payload else payload


def readable(text: str) -> str:
    """A text with U+FFFD for what no parser takes, of the same length."""
    return text if text.isascii() and "\0" not in text else _UNREADABLE.sub("\ufffd", text)


def _link_header_spans(value: str) -> Iterator[Span]:
    for link in _LINK.finditer(value):
        parameters: dict[str, str] = {}
        for parameter in _LINK_PARAMETER.finditer(link["parameters"]):
            parameters.setdefault(parameter[1].lower(), parameter[2] or parameter[3] or "")
        kind = link_kind(parameters)
        if kind:
            yield from spans.url_spans(link["url"], kind)
            yield from spans.srcset_spans(parameters.get("imagesrcset", ""), REQUISITE)


_LINK: Final = re.compile(r'<(?P<url>[^<>]*+)>(?P<parameters>(?:[^,"<]++|"(?:[^"\\]++|\\.)*+"?)*+)', re.DOTALL)
_LINK_PARAMETER: Final = re.compile(r';\s*+([\w*!-]++)(?:\s*+=\s*+(?:"((?:[^"\\]++|\\.)*+)"?|([^\s;"]*+)))?', re.DOTALL)

_HEADERS: Final[dict[str, Callable[[str], Iterator[Span]]]] = {
    "location": partial(spans.url_spans, kind=Kind.REDIRECT),
    "link": _link_header_spans,
    "refresh": partial(spans.refresh_spans, kind=PAGE),
}

_READERS: Final[dict[Document, Callable[[str, Collector], None]]] = {
    Document.HTML: _read_html,
    Document.XML: _read_xml,
    Document.CSS: lambda text, collector: collector.add(spans.css_spans(text)),
    Document.JSON: lambda text, collector: collector.add(spans.json_spans(text)),
    Document.JAVASCRIPT: lambda text, collector: collector.add(script_spans(text)),
}
