"""Rewriting: a document whose URLs lead somewhere else, and every other byte as it was.

Enters: a document as text, its URL, and `resolve`, which says where a resource stands now. Leaves: the text with `Edit`s
made. The parser only finds places in the source (turbohtml gives the span of every attribute); nothing is serialised, so
broken markup, quotes, entities and line ends stay.

The law
-------
1. A reference to what was saved becomes the relative one that `resolve` gives; what was not saved becomes absolute, so that
   it works online. Fragments are kept. A reference to the document itself stays if its base is the document.
2. An element whose reference became a local one loses `integrity` and `crossorigin`: the digest is of other bytes, and a
   disk has no origins.
3. `<base href>` names the document itself, so that it leads nothing astray.
4. A Content-Security-Policy of the document (meta) is emptied: `'self'` means nothing on a disk.
5. Scripts stay as they are, structured data in them too; so do documents in attributes below `MAX_NESTED` others, and XML
   values with entities that the document declares, or with templates of XSLT.

Where copies stand at origins (`Rewriter.home`, see `replaying`) and not on a disk, the law is another one in four points:

6. A reference that leads from the copy's own URL to where it should stays as it is: what is relative does.
7. `<base href>` names the base's own place there.
8. `integrity` goes from all elements, since a stylesheet may be of other bytes; `crossorigin` stays, since there are origins.
9. Absolute URLs in data and scripts, where a literal is nothing else, become what `data` gives: the documents beside them lead
   there too. All else in scripts stays.

With no edit to make, the text is the same; the references of the rewritten document are the resolved ones of the original.
"""

import html
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from html.entities import html5
from operator import itemgetter
from typing import Final, NamedTuple

import turbohtml

from mirror.core.document import link_attributes
from mirror.core.syntax import embedded_urls, markup
from mirror.core.syntax.embedded_urls import Span
from mirror.core.url import canonical
from mirror.core.url.canonical import CanonicalURL
from mirror.core.url.media_types import Document

Resolve = Callable[[CanonicalURL], str | None]
"""Canonical URL -> the reference to its copy, relative on a disk, or `None` where there is none."""


class Edit(NamedTuple):
    """Put `new` in the place of `text[start:end]`."""

    start: int
    end: int
    new: str
    local: bool = False  # it leads to a local copy


class _Known(dict[tuple[str, bool], tuple[str | None, bool]]):
    """What is written for a reference, and how many characters were written of all."""

    written = 0


@dataclass(frozen=True, slots=True)
class Rewriter:
    """What is the same for all references of one document.

    `base` is its URL, `name` how it is called from beside its copy, `encoding` the codec it was read with. `home` is the URL of
    a copy that stands at an origin, or of its base; `data` says where its data leads (`None`: data stays as it is).
    """

    base: str
    name: str
    resolve: Resolve
    encoding: str = "utf-8"
    home: str | None = None
    data: Resolve | None = None
    own_base: bool = True
    depth: int = 0
    _known: "_Known" = field(default_factory=_Known)

    def replacement(self, span: Span) -> tuple[str | None, bool]:
        """What to write for a reference, unquoted (`None`: let it stand), and whether that is a local copy."""
        return self.written(span.url, guess=span.guess)

    def written(self, url: str, *, guess: bool = False) -> tuple[str | None, bool]:
        """The same, of what a reference says."""
        if self.own_base and (not url or url.startswith("#")):
            return None, False
        known = self._known.get((url, guess))
        if known is None:
            if len(self._known) >= _MOST_KNOWN:  # a document of so many different ones repeats none soon
                self._known.clear()
            known = self._known[url, guess] = self._replacement(url, guess=guess)
        self._known.written += len(known[0] or "")
        return known if self._known.written < _MOST_WRITTEN else (None, False)

    def with_base(self, base: str) -> "Rewriter":
        """The same for a document with a `<base>` element."""
        home = self.home and (self.resolve(CanonicalURL(base)) or base)
        return replace(self, base=base, home=home, name=home or self.name, own_base=False, _known=_Known())

    def within(self) -> "Rewriter":
        """The same for a document in an attribute of this one."""
        return replace(self, depth=self.depth + 1)

    def _replacement(self, url: str, *, guess: bool) -> tuple[str | None, bool]:
        target = canonical.resolve(url, self.base, self.encoding)
        if target is None:
            return None, False
        local = self.resolve(target.url)
        if local is not None:
            if self.home and canonical.resolve(url, self.home, self.encoding) == (local, target.fragment):
                return None, True
            return canonical.with_fragment(local, target.fragment), True
        if guess or _ABSOLUTE.match(url):
            return None, False
        return canonical.with_fragment(target.url, target.fragment), False

    def edits(self, found: Iterable[Span]) -> Iterator[Edit]:
        for span in found:
            new, local = self.replacement(span)
            if new is not None:
                yield Edit(span.start, span.end, embedded_urls.escaped(new, span.quoting), local)

    def data_edits(self, found: Iterable[Span]) -> Iterator[Edit]:
        """Edits of data and scripts, whose URLs are absolute."""
        for span in found if self.data else ():
            target = canonical.resolve(span.url, self.base)
            place = target and self.data and self.data(target.url)
            if target and place:
                new = canonical.with_fragment(place, target.fragment)
                yield Edit(span.start, span.end, embedded_urls.escaped(_as_bare(new, span.url), span.quoting))


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute in the source: where it stands, where its value stands, and what the value says."""

    start: int
    end: int
    value_start: int
    raw: str
    quote: str
    sign: str = ""  # what a value would need in front of it

    @property
    def value(self) -> str:
        return embedded_urls.html_unescaped(self.raw)[0]

    def edits(self, changes: Iterable[Edit]) -> Iterator[Edit]:
        """Changes of the value as edits of the source."""
        if not self.raw and not self.quote:  # `<a href>` has no value to change
            yield from (self.replaced(change.new)._replace(local=change.local) for change in changes)
            return
        _, places = embedded_urls.html_unescaped(self.raw)
        for change in changes:
            start, end = places(change.start), places(change.end)
            new = self._quoted(change.new)
            if change.start and places(change.start - 1) < start - 1 and self.raw[start - 1] != ";":
                new = ";" + new  # "&quot" in front of it is one because of what followed
            yield Edit(self.value_start + start, self.value_start + end, new, change.local)

    def replaced(self, value: str) -> Edit:
        """The whole value as another one."""
        quoted = self._quoted(value) if self.quote else f'"{self._quoted(value)}"'
        return Edit(self.value_start, self.value_start + len(self.raw), self.sign + quoted)

    def removed(self, text: str) -> Edit:
        """Take the attribute out of `text`, and a space in front of it that nothing needs."""
        spare = text[self.start - 1].isspace() and (text[self.end].isspace() or text[self.end] == ">")
        return Edit(self.start - spare, self.end, "")

    def _quoted(self, text: str) -> str:
        return _quoted(text, self.quote)


def _quoted(text: str, quote: str) -> str:
    """A text as the value of an attribute."""
    text = text.replace("&", "&amp;")
    return text.replace("'", "&#39;") if quote == "'" else text.replace('"', "&quot;")


_MOST_KNOWN: Final = 10_000
_MOST_WRITTEN: Final = 64 << 20  # characters of a document's references, after which they stand as they are
_ON_DISK: Final = ("integrity", "crossorigin")
_AT_ORIGINS: Final = ("integrity",)
_ABSOLUTE: Final = re.compile(r"\s*(?:https?|ftps?|sftp|file):[/\\]{2}", re.IGNORECASE)
_WS: Final = r"[ \t\n\r\f]"
_ATTRIBUTE: Final = re.compile(
    rf"(?P<name>=?[^= \t\n\r\f/>]*+)(?:{_WS}*+={_WS}*+(?P<quote>[\"']?)(?P<value>.*))?", re.DOTALL
)
_PLAIN: Final = re.compile(rf"[^= \t\n\r\f/>]++{_WS}*+={_WS}*+([\"'])(?P<value>[^\"'&#\s\0<>][^\"'&\s\0<>]*+)\1")
"""An attribute whose value reads as it is written."""

_STYLE_END: Final = re.compile(r"</style(?=[ \t\n\r\f/>])", re.IGNORECASE)
_SLASHES_OF_ORIGIN: Final = 2
_SIGN: Final = re.compile(rf"{_WS}*+=")
_NAMES: Final = sorted({name for _, name in link_attributes.TABLE} | {"srcdoc"})
_SELECTOR: Final = ",".join(["style", *(f"[{name}]".replace(":", "\\:") for name in _NAMES)])
"""Elements that may hold a URL, by their attributes alone: each selector more costs each element."""

_OWN_BASE_SELECTOR: Final = _SELECTOR.replace("[href],", 'base[href],[href]:not([href^="#"]),', 1)
_SCRIPTS: Final = "script:not([src])"
_XML_TOKEN: Final = re.compile(
    r"""<!--.*?(?:-->|\Z)
      | <!\[CDATA\[(?P<cdata>.*?)(?:\]\]>|\Z)
      | <\?.*?(?:\?>|\Z)
      | </(?P<close>[^\s<>]++)\s*+>
      | <(?P<open>[^\s<>/!?]++)(?P<attributes>(?:[^<>"'/]++|"[^"<]*+"|'[^'<]*+'|/(?!>))*+)(?P<empty>/?)>
    """,
    re.DOTALL | re.VERBOSE,
)
_XML_ENTITY: Final = re.compile(r"&([A-Za-z_:][\w.:\-]*+;)")
_XML_ATTRIBUTE: Final = re.compile(r"([^\s=/<>\"']++)\s*+=\s*+(?:\"[^\"]*+\"|'[^']*+')")

Places = Mapping[str, tuple[int, int]]
"""Attributes: name -> where in the source each stands, name and value."""


class Tag(NamedTuple):
    """A start tag: the name of its element, in lower case, and where in the source its attributes stand."""

    source: str
    name: str
    places: Places

    def attribute(self, key: str) -> Attribute:
        start, end = self.places[key]
        match = _ATTRIBUTE.match(self.source, start, end)
        if match is None or match["value"] is None:
            sign = _SIGN.match(self.source, end)  # `<a href= >`
            return Attribute(start, end, sign.end(), "", "") if sign else Attribute(start, end, end, "", "", "=")
        raw, quote = match["value"], match["quote"]
        if quote and raw.endswith(quote):
            raw = raw[:-1]
        return Attribute(start, end, match.start("value"), raw, quote)


Piece = tuple[int, int, bool]
"""A part of an element's text: its start and end in the source, and whether it is a CDATA section."""


def rewrite(syntax: Document, text: str, rewriter: Rewriter) -> str:
    """A document with its references led to where `rewriter.resolve` says; see the law above."""
    return apply(text, _EDITS[syntax](text, rewriter))


def edits(syntax: Document, text: str, rewriter: Rewriter) -> list[Edit]:
    """What there is to change in a document, in order and apart."""
    return list(_apart(text, _EDITS[syntax](text, rewriter)))


def apply(text: str, changes: Iterable[Edit]) -> str:
    """Make the edits."""
    pieces: list[str] = []
    position = 0
    for edit in _apart(text, changes):
        pieces += [text[position : edit.start], edit.new]
        position = edit.end
    pieces.append(text[position:])
    return "".join(pieces)


def _apart(text: str, changes: Iterable[Edit]) -> Iterator[Edit]:
    """Edits in order. Where two overlap (a source that two elements claim), the first stands."""
    position = 0
    for edit in sorted(changes, key=itemgetter(0, 1)):
        if edit.start >= position and edit.new != text[edit.start : edit.end]:
            yield edit
            position = edit.end


def _html_edits(text: str, rewriter: Rewriter) -> Iterator[Edit]:
    source = markup.readable(text).replace("\r", "\n")  # "\r\n" would be one character and shift all places
    if source.startswith("\ufeff"):  # a text of its own to the parser, which would begin the body
        source = " " + source[1:]
    document = _parsed(source)
    base = next((base for base in document.select("base[href]") if _is_base(base)), None)
    rewriter = _with_base(rewriter, str(base.attrs["href"]) if base else None)
    yield from rewriter.edits(link_attributes.stylesheet_instruction_spans(text))  # XHTML
    styled = 0
    for element in document.select(_OWN_BASE_SELECTOR if rewriter.own_base else _SELECTOR):
        location = element.source_location
        if location is None:  # an element that the parser made up or made again
            continue
        name = "body" if element.tag == markup.BODY_AGAIN else element.tag.lower()
        if name == "style" and location.start_tag.start_offset >= styled:  # one in another, in SVG, is read with that
            yield from _style_edits(source, element, location, rewriter)
            styled = location.end_tag.start_offset if location.end_tag else styled
        places = {key: (at.start_offset, at.end_offset) for key, at in location.attrs.items()}
        yield from _tag_edits(Tag(source, name, places), link_attributes.html_rule, rewriter)
    if rewriter.data:
        for element in document.select(_SCRIPTS):
            yield from _script_edits(source, element, rewriter)


def _is_base(element: turbohtml.Element) -> bool:
    """Whether a `<base>` counts: not in SVG, not in a template."""
    ancestor: object = element
    while isinstance(ancestor, turbohtml.Element):
        ancestor = ancestor.parent
    return element.namespace is turbohtml.Namespace.HTML and isinstance(ancestor, turbohtml.Document)


def _parsed(source: str) -> turbohtml.Document:
    document = turbohtml.parse(source, source_locations=True, allow_declarative_shadow_roots=False)
    body = document.select_one("body")
    if len(markup.BODY.findall(source)) > bool(body and body.source_location):
        source = markup.BODY.sub(f"<{markup.BODY_AGAIN}", source)
        return turbohtml.parse(source, source_locations=True, allow_declarative_shadow_roots=False)
    return document


def _with_base(rewriter: Rewriter, base: str | None) -> Rewriter:
    if base is None:
        return rewriter
    target = canonical.resolve(base, rewriter.base, rewriter.encoding)
    return rewriter.with_base(target.url if target else rewriter.base)


def _style_edits(
    text: str, element: turbohtml.Element, location: turbohtml.SourceLocation, rewriter: Rewriter
) -> Iterator[Edit]:
    """Edits of a `<style>`: raw text, but in SVG text with character references."""
    start = location.start_tag.end_offset
    if element.namespace is turbohtml.Namespace.HTML:
        end = location.end_tag.start_offset if location.end_tag else _style_end(text, start)
        yield from _moved(rewriter.edits(embedded_urls.css_spans(text[start:end])), start)
    elif location.end_tag and element.namespace is turbohtml.Namespace.SVG:
        end = location.end_tag.start_offset
        source = Attribute(start, end, start, text[start:end], '"')
        yield from source.edits(rewriter.edits(embedded_urls.css_spans(source.value)))


def _script_edits(text: str, element: turbohtml.Element, rewriter: Rewriter) -> Iterator[Edit]:
    """Edits of what a `<script>` has in it: a script, data, or an import map, whose keys may be URLs too."""
    location = element.source_location
    kind = str(element.attrs.get("type") or "").strip().lower()
    if location is None or location.end_tag is None or element.namespace is not turbohtml.Namespace.HTML:
        return
    if link_attributes.SCRIPT_TYPES.match(kind):
        start, end = location.start_tag.end_offset, location.end_tag.start_offset
        found = embedded_urls.literal_spans(text[start:end], keys=kind != "application/json")
        yield from _moved(rewriter.data_edits(found), start)


def _style_end(text: str, start: int) -> int:
    """Where a style ends whose end tag the parser doesn't know: too much is open around it, or it has none."""
    match = _STYLE_END.search(text, start)
    return match.start() if match else len(text)


def _tag_edits(tag: Tag, find: link_attributes.FindRule, rewriter: Rewriter) -> list[Edit]:
    """Edits of one start tag."""
    source, name, places = tag
    edits: list[Edit] = []
    values: dict[str, str] = (
        {key: tag.attribute(key).value for key in places} if name in link_attributes.CONDITIONAL else {}
    )
    for key, (start, end) in places.items():
        rule = find(name, key)
        if rule is None:
            if key == "srcdoc" and name == "iframe" and rewriter.depth < link_attributes.MAX_NESTED:
                attribute = tag.attribute(key)
                edits += attribute.edits(_html_edits(attribute.value, rewriter.within()))
        elif (
            rule.is_one_url
            and (plain := _PLAIN.fullmatch(source, start, end))
            and plain[2][:11].lower() != "javascript:"
        ):
            new, local = rewriter.written(plain[2])
            if new is not None:
                edits.append(Edit(plain.start(2), plain.end(2), _quoted(new, plain[1]), local))
        else:
            attribute = tag.attribute(key)
            edits += attribute.edits(rewriter.edits(rule.spans(attribute.value, values)))
    if "integrity" in places or "crossorigin" in places:
        is_led = any(edit.local for edit in edits) and name != "iframe"
        lost = _AT_ORIGINS if rewriter.home else _ON_DISK if is_led else ()
        edits += [tag.attribute(key).removed(source) for key in lost if key in places]
    if name == "base" and "href" in places:
        edits.append(tag.attribute("href").replaced(rewriter.name))
    if name == "meta" and "content" in places and _is_csp(values):
        edits.append(tag.attribute("content").replaced(""))
    return edits


def _is_csp(values: dict[str, str]) -> bool:
    return values.get("http-equiv", "").strip().lower().startswith("content-security-policy")


def _css_edits(text: str, rewriter: Rewriter) -> Iterator[Edit]:
    return rewriter.edits(embedded_urls.css_spans(text))


def _json_edits(text: str, rewriter: Rewriter) -> Iterator[Edit]:
    if rewriter.data:
        return rewriter.data_edits(embedded_urls.literal_spans(text))
    return rewriter.edits(embedded_urls.json_spans(text))


def _script_file_edits(text: str, rewriter: Rewriter) -> Iterator[Edit]:
    return rewriter.data_edits(embedded_urls.literal_spans(text, keys=True))


def _xml_edits(text: str, rewriter: Rewriter) -> Iterator[Edit]:
    """Edits of SVG, XHTML, feeds, sitemaps: start tags, the text in front of an element's first child, `<?xml-stylesheet?>`."""
    yield from rewriter.edits(link_attributes.stylesheet_instruction_spans(text))
    start = max((part.end() for part in markup.prolog(text)), default=0)
    rewriter = _with_base(rewriter, next(_xml_bases(text, start), None))
    find = link_attributes.xslt_rule if markup.is_xslt(text) else link_attributes.xml_rule
    path = ["", ""]
    own: list[Piece] | None = None  # the element's text, up to its first child
    end = start
    for token in _XML_TOKEN.finditer(text, start):
        if own is not None:
            own += [(end, token.start(), False), (*token.span("cdata"), True)]  # (-1, -1) if it is no CDATA section
        end = token.end()
        if not token["open"] and not token["close"]:
            continue
        yield from _xml_text_edits(text, own or [], path, rewriter)
        own = None
        if token["close"]:
            del path[max(2, len(path) - 1) :]
        else:
            tag = _xml_tag(token)
            places = {
                key: at
                for key, at in tag.places.items()
                if find is link_attributes.xml_rule or "{" not in tag.attribute(key).raw
            }
            yield from _tag_edits(tag._replace(places=places), find, rewriter)
            if not token["empty"]:
                path.append(tag.name)
                own = []


def _xml_tag(token: re.Match[str]) -> Tag:
    places: dict[str, tuple[int, int]] = {}
    for match in _XML_ATTRIBUTE.finditer(token.string, *token.span("attributes")):
        if not _has_entity(match[0]):
            places.setdefault(_xml_attribute_name(match[1]), match.span())
    return Tag(token.string, markup.local_name(token["open"]), places)


def _has_entity(source: str) -> bool:
    """Whether there is an entity that only the document itself can know: who knows what such a value says?"""
    return any(entity[1] not in html5 for entity in _XML_ENTITY.finditer(source))


def _xml_attribute_name(name: str) -> str:
    """A name as the table has it: only `xlink:href` has a prefix, whatever it is in the source."""
    return markup.attribute_name(name.replace(":", "}"))


def _xml_bases(text: str, start: int) -> Iterator[str]:
    for token in _XML_TOKEN.finditer(text, start):
        if token["open"] and markup.local_name(token["open"]) == "base":
            tag = _xml_tag(token)
            if "href" in tag.places:
                yield tag.attribute("href").value


def _xml_text_edits(text: str, pieces: list[Piece], path: list[str], rewriter: Rewriter) -> Iterator[Edit]:
    """Edits of an element's text. A URL that a comment or the border of a CDATA section cuts in two is let alone."""
    pieces = [piece for piece in pieces if text[piece[0] : piece[1]].strip()]
    if len(pieces) > 1 and path[-1] != "style":
        return
    if any(not cdata and _has_entity(text[start:end]) for start, end, cdata in pieces):
        return
    for start, end, cdata in pieces:
        source = Attribute(start, end, start, text[start:end], '"')
        found = link_attributes.xml_text_spans(path[-1], path[-2], source.raw if cdata else source.value)
        edits = rewriter.edits(found)
        yield from _moved(edits, start) if cdata else source.edits(edits)


def _as_bare(new: str, url: str) -> str:
    """An origin without a slash behind it, where it was written so: scripts put paths behind it, and compare with it."""
    return new.removesuffix("/") if url.count("/") == _SLASHES_OF_ORIGIN else new


def _moved(edits: Iterable[Edit], by: int) -> Iterator[Edit]:
    return (Edit(edit.start + by, edit.end + by, edit.new) for edit in edits)


def redirect_page(target: str) -> bytes:
    """The file that stands where a redirect was: it leads on at once, without a script.

    >>> b'url=../b~.html"' in redirect_page("../b~.html")
    True
    """
    shown = html.escape(target, quote=True)
    return (
        "<!DOCTYPE html>\n"
        '<meta charset="utf-8">\n'
        f'<meta http-equiv="refresh" content="0; url={shown}">\n'
        f'<title>Moved</title>\n<p>Moved to <a href="{shown}">{shown}</a>\n'
    ).encode()


_EDITS: Final[dict[Document, Callable[[str, Rewriter], Iterator[Edit]]]] = {
    Document.HTML: _html_edits,
    Document.XML: _xml_edits,
    Document.CSS: _css_edits,
    Document.JSON: _json_edits,
    Document.JAVASCRIPT: _script_file_edits,
}
