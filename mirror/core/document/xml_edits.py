"""Edits of XML: SVG, XHTML, feeds, sitemaps.

Input: a document as text, and its `Rewriter`. Output: `Edit`s. Regular expressions find tags and texts in the source. Values
with entities that the document declares stay as they are. `link_rewriter` states the law.
"""

import re
from collections.abc import Iterator
from html.entities import html5
from typing import Final

from mirror.core.document import link_attributes
from mirror.core.document.dash_edits import dash_edits, is_dash
from mirror.core.document.edits import Attribute, Edit, Tag, shifted
from mirror.core.document.html_edits import speculation_edits, tag_edits
from mirror.core.document.replacements import Rewriter
from mirror.core.syntax import markup, style_script_urls

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

Piece = tuple[int, int, bool]
"""A part of an element's text: start and end in the source, and whether it is a CDATA section."""


def xml_edits(text: str, rewriter: Rewriter) -> Iterator[Edit]:
    """Return the edits of an XML document: of start tags, of text before an element's first child, of `<?xml-stylesheet?>`.

    `dash_edits` has those of a DASH manifest.
    """
    if is_dash(text):
        yield from dash_edits(text, rewriter)
        return
    yield from rewriter.edits(style_script_urls.stylesheet_instruction_spans(text))
    start = max((part.end() for part in markup.prolog(text)), default=0)
    rewriter = rewriter.with_base(next(_xml_bases(text, start), None))
    find = link_attributes.xslt_rule if markup.is_xslt(text) else link_attributes.xml_rule
    path = ["", ""]
    own: list[Piece] | None = None  # the text of the open element, up to its first child
    end = start
    for token in _XML_TOKEN.finditer(text, start):
        if own is not None:
            own += [
                (end, token.start(), False),
                (*token.span("cdata"), True),
            ]  # the span is (-1, -1) if the token is no CDATA section
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
            yield from tag_edits(tag._replace(places=places), find, rewriter)
            if rewriter.home:
                yield from speculation_edits(tag)
            if not token["empty"]:
                path.append(token["open"].lower())
                own = []


def _xml_tag(token: re.Match[str]) -> Tag:
    """Find the attributes of a start tag, without those whose value has unknown entities."""
    places: dict[str, tuple[int, int]] = {}
    for match in _XML_ATTRIBUTE.finditer(token.string, *token.span("attributes")):
        if not _has_entity(match[0]):
            places.setdefault(_xml_attribute_name(match[1]), match.span())
    return Tag(token.string, markup.local_name(token["open"]), places)


def _has_entity(source: str) -> bool:
    """Whether a value has an entity that only the document itself can declare: its meaning is unknown here."""
    return any(entity[1] not in html5 for entity in _XML_ENTITY.finditer(source))


def _xml_attribute_name(name: str) -> str:
    """Return a name as the tables spell it: only `xlink:href` has a prefix, whatever the source calls that namespace."""
    return markup.attribute_name(name.replace(":", "}"))


def _xml_bases(text: str, start: int) -> Iterator[str]:
    """Return the `href` of each `<base>`."""
    for token in _XML_TOKEN.finditer(text, start):
        if token["open"] and markup.local_name(token["open"]) == "base":
            tag = _xml_tag(token)
            if "href" in tag.places:
                yield tag.attribute("href").value


def _xml_text_edits(text: str, pieces: list[Piece], path: list[str], rewriter: Rewriter) -> Iterator[Edit]:
    """Return the edits of an element's text. A URL that a comment or the edge of a CDATA section splits stays as it is."""
    pieces = [piece for piece in pieces if text[piece[0] : piece[1]].strip()]
    name, parent = (markup.local_name(written) for written in (path[-1], path[-2]))
    if name in link_attributes.IDENTIFIERS or (len(pieces) > 1 and name != "style"):
        return
    foreign = path[-1].rpartition(":")[0] != path[-2].rpartition(":")[0]
    if any(not cdata and _has_entity(text[start:end]) for start, end, cdata in pieces):
        return
    for start, end, cdata in pieces:
        source = Attribute(start, end, start, text[start:end], '"')
        found = link_attributes.xml_text_spans(name, parent, source.raw if cdata else source.value, foreign=foreign)
        edits = rewriter.edits(found)
        yield from shifted(edits, start) if cdata else source.edits(edits)
