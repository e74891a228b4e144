"""Finds what a document refers to.

Input: a document as text, its URL, its headers. Output: `Reference`s, each URL canonical. lxml reads the markup (`markup`), and
`link_attributes` says which parts of it are URLs. Rewriting finds the same values in the source by the same tables. This module
doesn't decide what to fetch (`scope` does).
"""

import gzip
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import partial
from io import BytesIO
from typing import Final

from lxml import etree

from mirror.core.document import link_attributes
from mirror.core.document.link_attributes import MAX_NESTED, NO_EXTRA, PAGE, REQUISITE, TABLE, Rule
from mirror.core.http import messages
from mirror.core.syntax import (
    dash_manifests,
    embedded_urls,
    html_elements,
    markup,
    playlists,
    robots_meta,
    style_script_urls,
)
from mirror.core.syntax.embedded_urls import Span
from mirror.core.syntax.markup import COMMON, Attributes
from mirror.core.syntax.reference import Kind, Reference, as_reference
from mirror.core.syntax.robots_meta import Directive
from mirror.core.url import canonical
from mirror.core.url.canonical import CanonicalURL
from mirror.core.url.media_types import Document

_FOLLOWED: Final = frozenset({Kind.PAGE, Kind.CANONICAL, Kind.FEED, Kind.UNENDORSED})
_ENDORSING: Final = frozenset({"a", "area"})
_NOFOLLOW: Final = re.compile(r"(?:^|\s)nofollow(?:$|\s)", re.IGNORECASE)

MAX_REFERENCES: Final = 250_000
"""References of a document that are followed. A sitemap has up to 50,000; millions would take minutes and gigabytes."""

MOST_CHARACTERS: Final = 32 << 20
"""Characters of all references of a document that are followed. With a long `<base>`, a short page has many long ones."""


class Found(dict[tuple[CanonicalURL, Kind], bool]):
    """(URL, kind) -> whether every reference to it is a guess."""

    __slots__ = ("is_full", "length")

    def __init__(self) -> None:
        super().__init__()
        self.length = 0
        """Characters of all URLs."""
        self.is_full = False
        """Whether the document has as many references as are followed."""

    def put(self, url: CanonicalURL, kind: Kind, guess: bool) -> None:  # noqa: FBT001 - it runs for each link
        """Add a reference. One that is no guess outweighs those that are."""
        key = url, kind
        known = self.get(key)
        if known is None:
            self[key] = guess
            self.length += len(url)
            self.is_full = self.length >= MOST_CHARACTERS or len(self) >= MAX_REFERENCES
        elif known and not guess:
            self[key] = False


class Collector:
    """Resolves spans against a base, and keeps each (URL, kind) once."""

    def __init__(self, base: str, encoding: str = "utf-8", depth: int = 0, extra: frozenset[str] = NO_EXTRA) -> None:
        self.base = base
        self.encoding = encoding
        self.depth = depth
        self.extra = extra
        """Attributes that hold URLs although no table says so."""
        self.own_base = True
        self.metas: list[tuple[str, str]] = []
        """(name, content) of each `<meta>` element for robots."""
        self._seen: set[tuple[str, Kind, bool]] = set()
        self._found = Found()
        self._resolve = canonical.resolver(base, encoding)

    def add(self, found: Iterable[Span]) -> None:
        """Resolve the URLs of spans, and add them. Skip references to the document itself."""
        if self._found.is_full:
            return
        for span in found:
            key = (canonical.without_fragment(span.url), span.kind, span.guess)
            if key in self._seen or (self.own_base and (not span.url or span.url.startswith("#"))):
                continue
            self._seen.add(key)
            target = self._resolve(key[0])
            if target:
                self._found.put(target[0], span.kind, span.guess)

    def add_url(self, url: str, kind: Kind) -> None:
        """Add a value that needs no further reading: a URL, and not that of this document."""
        if not self._found.is_full:
            target = self._resolve(url)
            if target:
                self._found.put(target[0], kind, False)  # noqa: FBT003 - as above

    def rebase(self, base: str) -> None:
        """Resolve everything that is added from now on against a base other than the document's URL."""
        target = canonical.resolve(base, self.base, self.encoding)
        self.base = target.url if target else self.base
        self._resolve = canonical.resolver(self.base, self.encoding)
        self.own_base = False
        self._seen.clear()

    def nested(self) -> "Collector":
        """Return a collector for a document in an attribute of this one; it adds to the same collection."""
        part = Collector(self.base, self.encoding, self.depth + 1, self.extra)
        part.own_base = self.own_base
        part._found = self._found
        return part

    def references(self) -> list[Reference]:
        """Return what was added, in the order of the first mention."""
        return list(map(as_reference, ((url, kind, guess) for (url, kind), guess in self._found.items())))


def references(
    syntax: Document, text: str, url: CanonicalURL, encoding: str = "utf-8", extra: frozenset[str] = NO_EXTRA
) -> list[Reference]:
    """Return everything that a document refers to, in its order, each (URL, kind) once. `extra`: see `html_rule`."""
    collector = Collector(url, encoding, extra=extra)
    _READERS[syntax](text, collector)
    found = collector.references()
    return unfollowed(found) if Directive.NOFOLLOW in robots_meta.meta_directives(collector.metas) else found


def unfollowed(found: Iterable[Reference]) -> list[Reference]:
    """Mark the links among references as `NOFOLLOW`. References to what the document needs for display stay as they are."""
    return list(dict.fromkeys(ref._replace(kind=Kind.NOFOLLOW) if ref.kind in _FOLLOWED else ref for ref in found))


def metas(syntax: Document, text: str) -> list[tuple[str, str]]:
    """Return (name, content) of each `<meta>` element of a document for robots. XHTML may be XML."""
    if syntax is Document.HTML:
        return html_elements.read_elements(text).metas
    root = markup.xml_root(text) if syntax is Document.XML and "meta" in text else None
    found = (markup.named(element) for element in (root.iter(etree.Element) if root is not None else ()))
    return [
        (attributes["name"], attributes.get("content", ""))
        for name, attributes in found
        if name == "meta" and robots_meta.is_named(attributes.get("name", ""))
    ]


def header_references(headers: Iterable[tuple[str, str]], url: CanonicalURL) -> list[Reference]:
    """Return the references in headers: `Location`, `Link` (RFC 8288) and `Refresh`. `headers` are (name, value) pairs."""
    collector = Collector(url)
    for name, value in headers:
        read = _HEADERS.get(name.lower())
        if read:
            collector.add(read(messages.escaped(value)))
    return collector.references()


def sitemap_references(payload: bytes, url: CanonicalURL, max_size: int = 64 << 20) -> list[Reference]:
    """Return the pages of a sitemap as received: XML or a list of URLs (sitemaps.org), or either in gzip."""
    if payload.startswith(b"\x1f\x8b"):
        payload = gunzip(payload, max_size)
    text = payload.decode("utf-8-sig", errors="replace")
    if text.lstrip().startswith("<"):
        return references(Document.XML, text, url)
    collector = Collector(url)
    collector.add(Span(0, 0, line.strip(), PAGE) for line in text.splitlines() if re.match(r"\s*https?://", line))
    return collector.references()


def gunzip(payload: bytes, max_size: int) -> bytes:
    """Decompress up to `max_size` bytes. Of a damaged file, return as much as can be read."""
    found = bytearray()
    with gzip.GzipFile(fileobj=BytesIO(payload)) as file, suppress(EOFError, OSError, zlib.error):
        while len(found) < max_size and (piece := file.read1(_BLOCK)):
            found += piece
    return bytes(found[:max_size])


_BLOCK: Final = 1 << 16
_KNOWN_KINDS: Final = {
    place: rule.kind for place, rule in TABLE.items() if rule.is_one_url and isinstance(rule.kind, Kind)
}
"""(element, attribute) whose value is one URL -> its kind, if no other attribute decides about that."""

_NO_OTHER_URL: Final = frozenset("#jJ").union(map(chr, range(0x21)))
"""The first characters of values that are not the URL of another document for certain: a fragment, a script, white space."""


def _read_html(text: str, collector: Collector) -> None:
    collector.add(style_script_urls.stylesheet_instruction_spans(text))  # XHTML
    read = html_elements.read_elements(text)
    collector.metas = read.metas
    if read.base is not None:
        collector.rebase(read.base)
    seen: set[tuple[str, str, str]] = set()
    for name, attributes, pieces in read.found:
        if pieces:
            _read_raw_text(name, "".join(pieces), attributes, collector)
        _read_element(name, attributes, collector, seen)


def _read_element(name: str, attributes: Attributes, collector: Collector, seen: set[tuple[str, str, str]]) -> None:
    """Read the attributes of an element. `seen` are those of elements that were read before: a page repeats its links."""
    for attribute, value in attributes.items():
        if attribute in COMMON:
            continue
        if attribute == "href":
            if value[:1] == "#" and collector.own_base:
                continue
            if "rel" in attributes and name in _ENDORSING and _NOFOLLOW.search(attributes["rel"]):
                collector.add(span._replace(kind=Kind.UNENDORSED) for span in link_attributes.link_spans(value, PAGE))
                continue
            value = canonical.without_fragment(value) if "#" in value else value  # noqa: PLW2901
        key = (name, attribute, value)
        if key not in seen or name in link_attributes.CONDITIONAL:
            seen.add(key)
            kind = _KNOWN_KINDS.get((name, attribute))
            if kind and value and value[0] not in _NO_OTHER_URL and value[-1] > " ":
                collector.add_url(value, kind)
            else:
                rule = link_attributes.html_rule(name, attribute, collector.extra)
                _read_attribute(rule, key, attributes, collector)


def _read_raw_text(name: str, text: str, attributes: Attributes, collector: Collector) -> None:
    if name not in markup.FALLBACKS:
        collector.add(style_script_urls.raw_text_spans(name, text, attributes))
    elif collector.depth < MAX_NESTED:
        _read_html(text, collector.nested())


def _read_xml(text: str, collector: Collector) -> None:
    root = markup.xml_root(text)
    if root is not None and dash_manifests.is_dash(root):
        collector.add(dash_manifests.dash_spans(root))
        if dash_manifests.is_live(root):
            collector.add_url(collector.base, Kind.LIVE)
    elif root is not None:
        _read_xml_tree(text, root, collector)


def _read_hls(text: str, collector: Collector) -> None:
    collector.add(playlists.hls_spans(text, collector.base.partition("?")[2]))
    if playlists.is_live(text):
        collector.add_url(collector.base, Kind.LIVE)


def _read_xml_tree(text: str, root: etree._Element, collector: Collector) -> None:
    collector.add(style_script_urls.stylesheet_instruction_spans(text))
    base = root.find(".//{*}base[@href]")
    if base is not None:
        collector.rebase(base.get("href", ""))
    find = link_attributes.xslt_rule if markup.is_xslt(text) else link_attributes.xml_rule
    for element in root.iter(etree.Element):
        name, attributes = markup.named(element)
        if name == "meta" and robots_meta.is_named(attributes.get("name", "")):
            collector.metas.append((attributes["name"], attributes.get("content", "")))
        for attribute, value in attributes.items():
            if find is link_attributes.xml_rule or "{" not in value:
                _read_attribute(find(name, attribute, collector.extra), (name, attribute, value), attributes, collector)
        if element.text:
            parent = element.getparent()
            parent_name = markup.local_name(parent.tag) if parent is not None else ""
            foreign = parent is not None and markup.prefix(element) != markup.prefix(parent)
            if link_attributes.is_permalink(attributes):
                collector.add(link_attributes.xml_text_spans(name, parent_name, element.text, foreign=foreign))
            if name == "script":
                collector.add(style_script_urls.raw_text_spans(name, element.text, attributes))


def _read_attribute(
    rule: Rule | None, found: tuple[str, str, str], attributes: Attributes, collector: Collector
) -> None:
    name, attribute, value = found
    if rule:
        collector.add(rule.spans(value, attributes))
    elif attribute == "srcdoc" and name == "iframe":
        if collector.depth < MAX_NESTED:
            _read_html(value, collector.nested())
    elif attribute.startswith("on"):
        collector.add(embedded_urls.handler_spans(value))


def _link_header_spans(value: str) -> Iterator[Span]:
    for link in _LINK.finditer(value):
        parameters: dict[str, str] = {}
        for parameter in _LINK_PARAMETER.finditer(link["parameters"]):
            parameters.setdefault(parameter[1].lower(), parameter[2] or parameter[3] or "")
        kind = link_attributes.link_kind(parameters)
        if kind:
            yield from embedded_urls.url_spans(link["url"], kind)
            yield from embedded_urls.srcset_spans(parameters.get("imagesrcset", ""), REQUISITE)


_LINK: Final = re.compile(r'<(?P<url>[^<>]*+)>(?P<parameters>(?:[^,"<]++|"(?:[^"\\]++|\\.)*+"?)*+)', re.DOTALL)
_LINK_PARAMETER: Final = re.compile(r';\s*+([\w*!-]++)(?:\s*+=\s*+(?:"((?:[^"\\]++|\\.)*+)"?|([^\s;"]*+)))?', re.DOTALL)
_HEADERS: Final[dict[str, Callable[[str], Iterator[Span]]]] = {
    "location": partial(embedded_urls.url_spans, kind=Kind.REDIRECT),
    "link": _link_header_spans,
    "refresh": partial(embedded_urls.refresh_spans, kind=PAGE),
}
_READERS: Final[dict[Document, Callable[[str, Collector], None]]] = {
    Document.HTML: _read_html,
    Document.XML: _read_xml,
    Document.CSS: lambda text, collector: collector.add(embedded_urls.css_spans(text)),
    Document.JSON: lambda text, collector: collector.add(embedded_urls.json_spans(text)),
    Document.HLS: _read_hls,
    Document.JAVASCRIPT: lambda text, collector: collector.add(style_script_urls.script_spans(text)),
}
