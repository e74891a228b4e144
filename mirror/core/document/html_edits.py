"""Edits of HTML: start tags, styles and scripts, at their places in the source.

Input: a document as text, and its `Rewriter`. Output: `Edit`s. turbohtml gives the place of each attribute in the source, and
`link_attributes` says how to read it. This module never serialises a document. `link_rewriter` states the law.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import accumulate
from typing import Final

import turbohtml

from mirror.core.document import link_attributes
from mirror.core.document.disk_policy import disk_policy
from mirror.core.document.edits import Attribute, Edit, Tag, as_edit, quoted, shifted
from mirror.core.document.flat_html import is_too_large_for_a_tree, start_tags
from mirror.core.document.header_edits import Said, html_header_edits
from mirror.core.document.replacements import Rewriter
from mirror.core.syntax import embedded_urls, markup, style_script_urls
from mirror.core.url.canonical import CanonicalURL

_DROPPED_ON_DISK: Final = ("integrity", "crossorigin")
_DROPPED_AT_ORIGINS: Final = ("integrity",)
_WS: Final = r"[ \t\n\r\f]"
_PLAIN: Final = re.compile(rf"[^= \t\n\r\f/>]++{_WS}*+={_WS}*+([\"'])(?P<value>[^\"'&#\s\0<>][^\"'&\s\0<>]*+)\1")
"""An attribute whose value needs no decoding: it has no references, white space or control characters."""

IDLE: Final = markup.COMMON.union(
    ("rel", "target", "hreflang", "accesskey", "tabindex", "media", "sizes", "loading", "decoding", "border", "align")
)
"""Attributes that never hold a URL, nor decide what another one means if that is one URL in any case."""

_COMMON: Final = rf"""(?:{_WS}++(?:{"|".join(sorted(IDLE))})="[^"]*+")*+"""
_COMMON_TAG: Final = re.compile(
    rf"""<([a-z][a-z0-9]*+){_COMMON}{_WS}++([a-z]++)="([^"'&#\s\0<>][^"'&\s\0<>]*+)"{_COMMON}{_WS}*+/?>"""
)
"""A start tag with one attribute besides those that are idle, and a value that needs no decoding. Most links are such tags."""

_ONE_URL: Final = frozenset(
    place for place, rule in link_attributes.TABLE.items() if rule.is_one_url and place[0] != "script"
)
"""(element, attribute) whose value is one URL, and nothing else. At an origin, the type of a script may have to change."""

_ONE_URL_ON_DISK: Final = _ONE_URL | {("script", "src")}

_BASE: Final = re.compile(r"<base(?=[ \t\n\r\f/])", re.IGNORECASE)
_SCRIPT_END: Final = re.compile(r"</script(?=[ \t\n\r\f/>])", re.IGNORECASE)
_DATA_ATTRIBUTE: Final = re.compile(  # a search for the hyphen is fast: few texts have many
    rf"-(?<=[ \t\n\f/\"']data-)([a-z0-9_\-]++){_WS}*+={_WS}*+[\"']?{_WS}*+[^ >]{{0,1024}}?\.[a-z0-9]", re.IGNORECASE
)
_FALLBACK_ENDS: Final = {name: re.compile(rf"</{name}(?=[ \t\n\r\f/>])", re.IGNORECASE) for name in markup.FALLBACKS}
_STYLE_END: Final = re.compile(r"</style(?=[ \t\n\r\f/>])", re.IGNORECASE)
_NAMES: Final = sorted({name for _, name in (*link_attributes.TABLE, link_attributes.MODULE)} | {"srcdoc"})
"""Attributes of elements that may contain a URL, whatever the element: every further selector costs time for each element."""

_OTHER_NAMES: Final = [name for name in _NAMES if not name.startswith("data-")]
_OF_FEW: Final = {
    "value": ",".join(sorted(f"{element}[value]" for element, name in link_attributes.TABLE if name == "value"))
}
"""Attributes that many elements have, but that hold a URL in few, and their selectors."""

_DATA: Final = re.compile("-(?<=data-)", re.IGNORECASE)
_WITH_CODEBASE: Final = frozenset({"applet", "object"})
_MODULES: Final = ("module", "importmap")
"""Types of scripts that a disk can't run."""

_NEEDS_ABSOLUTE: Final = re.compile(r"\bURL\s{0,9}\(\s{0,9}[\"'`]\Z")
"""The code in front of a literal that must stay absolute: a relative one would be an error."""

_SPECULATION: Final = "speculationrules"
_CSP: Final = "content-security-policy"


def html_edits(text: str, rewriter: Rewriter, said: Said | None = None) -> Iterator[Edit]:
    """Return the edits of an HTML document, in no particular order. `said`: what only its headers said."""
    # The parser reads "\r\n" as one character, which would shift all places behind it.
    source = markup.readable(text).replace("\r", "\n")
    if source.startswith("\ufeff"):  # to the parser this is text, which would begin the body
        source = " " + source[1:]
    if rewriter.data and not rewriter.home and _has_hashes(text, said):
        rewriter = replace(rewriter, data=None)
    read = _flat_edits if is_too_large_for_a_tree(source) else _tree_edits
    yield from read(source, text, rewriter, said)


def _has_hashes(text: str, said: Said | None) -> bool:
    """Whether a policy may name the digests of scripts, which then have to stay as they are."""
    return any("'" in policy and "'sha" in policy for policy in (text, *(said.policies if said else ())))


def _tree_edits(source: str, text: str, rewriter: Rewriter, said: Said | None) -> Iterator[Edit]:
    """Return the edits of a document by its tree."""
    document = _parsed(source)
    if said:
        head = next((end for name in ("head", "html") if (end := _end_of_tag(document, name))), None)
        yield from html_header_edits(text, _metas(source, document), head, said, rewriter)
    base = next((base for base in document.select("base[href]") if _is_base(base)), None)
    rewriter = rewriter.with_base(str(base.attrs["href"]) if base else None)
    yield from rewriter.edits(style_script_urls.stylesheet_instruction_spans(text))  # XHTML
    data = _data_names(source) if _DATA.search(source) else None
    selector = _selector(has_data=data is not None, own_base=rewriter.own_base, extra=rewriter.extra)
    elements = document.select(",".join([selector, *map(_with_attribute, data or ())]))
    yield from _element_edits(source, elements, rewriter)


def _element_edits(source: str, elements: Sequence[turbohtml.Element], rewriter: Rewriter) -> list[Edit]:
    """Return the edits of elements that may contain a URL."""
    before = [0, *accumulate(map(len, source.split("\n")))]  # the characters in front of each line, without line ends
    may_be_common = IDLE.isdisjoint(rewriter.extra)
    match, replacement = _COMMON_TAG.match, rewriter.replacement
    one_url = _ONE_URL if rewriter.home else _ONE_URL_ON_DISK
    read = set[int]()  # the places of common tags that were read: the parser may clone an element
    styled = 0
    edits: list[Edit] = []
    for element in elements:
        line, column = element.source_line, element.source_col
        if line is None or column is None:  # an element that the parser inserted
            continue
        start, tag = before[line - 1] + line - 1 + column, element.tag
        if start in read:
            continue
        common = match(source, start) if may_be_common else None
        if common and common[1] == tag and common.group(1, 2) in one_url and not _is_script(value := common[3]):
            read.add(start)
            new, local = replacement(value)
            if new is not None and new != value:
                edits.append(as_edit((*common.span(3), quoted(new, '"'), local)))
        elif location := element.source_location:
            # In SVG, a style may contain another, which is edited as part of the first.
            if tag != "style" or location.start_tag.start_offset >= styled:
                edits += _content_edits(source, element, location, rewriter)
                styled = location.end_tag.start_offset if tag == "style" and location.end_tag else styled
            name = "body" if tag == markup.BODY_AGAIN else tag.lower()
            places = {key: (at.start_offset, at.end_offset) for key, at in location.attrs.items()}
            edits += tag_edits(Tag(source, name, places), link_attributes.html_rule, rewriter)
    return edits


def _is_script(value: str) -> bool:
    """Whether the value of a link is a script."""
    return ":" in value and value[:11].lower() == "javascript:"


def _content_edits(
    source: str, element: turbohtml.Element, location: turbohtml.SourceLocation, rewriter: Rewriter
) -> Iterator[Edit]:
    """Return the edits of what an element contains that is not made of elements: a script, a style, or a fallback."""
    match element.tag:
        case "script":
            return _script_edits(source, element, location, rewriter)
        case "style":
            return _style_edits(source, element, location, rewriter)
        case tag if tag in markup.FALLBACKS:
            return _nested_edits(source, tag, location.start_tag.end_offset, rewriter)
    return iter(())


@lru_cache(maxsize=8)
def _selector(*, has_data: bool, own_base: bool, extra: frozenset[str]) -> str:
    """Return the selector of elements that may contain a URL: scripts, styles, and all with an attribute that holds one.

    `has_data`: the document may have `data-*` attributes. A document that is its own base has no use for links within it.
    """
    names = _NAMES if has_data else _OTHER_NAMES
    attributes = [*(_OF_FEW.get(name) or _with_attribute(name) for name in names), *map(_with_attribute, sorted(extra))]
    if own_base:
        attributes[attributes.index("[href]")] = 'base[href],[href]:not([href^="#"])'
    return ",".join(["script", "style", *sorted(markup.FALLBACKS), *attributes])


def _with_attribute(name: str) -> str:
    return f"[{name}]".replace(":", "\\:").replace(".", "\\.")


def _data_names(source: str) -> list[str]:
    """Return the names of `data-*` attributes that may hold a URL: CSS has no selector for the start of a name."""
    return sorted({f"data-{name.lower()}" for name in _DATA_ATTRIBUTE.findall(source)})


def _end_of_tag(document: turbohtml.Document, name: str) -> int | None:
    """Return where the start tag of the first such element ends in the source; `None` if the parser implied it."""
    element = document.select_one(name)
    return element.source_location.start_tag.end_offset if element and element.source_location else None


def _metas(source: str, document: turbohtml.Document) -> Iterator[Tag]:
    for element in document.select("meta"):
        if location := element.source_location:
            yield Tag(source, "meta", {key: (at.start_offset, at.end_offset) for key, at in location.attrs.items()})


def _flat_edits(source: str, text: str, rewriter: Rewriter, said: Said | None) -> Iterator[Edit]:
    """Return the edits of a document that is too large for a tree."""
    if said:
        ends = {tag.name: tag.end for tag in start_tags(source) if tag.name in {"head", "html"}}
        metas = (Tag(source, tag.name, tag.places) for tag in start_tags(source) if tag.name == "meta")
        yield from html_header_edits(text, metas, ends.get("head") or ends.get("html"), said, rewriter)
    bases = (tag for tag in start_tags(source) if tag.name == "base" and "href" in tag.places)
    base = next(bases, None) if _BASE.search(source) else None
    rewriter = rewriter.with_base(base and Tag(source, base.name, base.places).attribute("href").value)
    yield from rewriter.edits(style_script_urls.stylesheet_instruction_spans(text))
    for name, places, end in start_tags(source):
        if name == "style":
            yield from shifted(rewriter.edits(embedded_urls.css_spans(source[end : _style_end(source, end)])), end)
        if name in markup.FALLBACKS:
            yield from _nested_edits(source, name, end, rewriter)
        tag = Tag(source, name, places)
        if name == "script":
            yield from _flat_script_edits(tag, end, rewriter)
        if places:
            yield from tag_edits(tag, link_attributes.html_rule, rewriter)


def _flat_script_edits(tag: Tag, start: int, rewriter: Rewriter) -> Iterator[Edit]:
    """Return the edits of a `<script>` whose content begins at `start`."""
    has_type = "type" in tag.places
    if rewriter.home and has_type:
        yield from speculation_edits(tag._replace(places={"type": tag.places["type"]}))
    end = _SCRIPT_END.search(tag.source, start)
    if rewriter.data and end and "src" not in tag.places:
        yield from _data_edits(
            tag.source, start, end.start(), tag.attribute("type").value if has_type else "", rewriter
        )


def _is_base(element: turbohtml.Element) -> bool:
    """Whether a `<base>` counts: it does not in SVG or in a template."""
    ancestor: object = element
    while isinstance(ancestor, turbohtml.Element):
        ancestor = ancestor.parent
    return element.namespace is turbohtml.Namespace.HTML and isinstance(ancestor, turbohtml.Document)


def _parsed(source: str) -> turbohtml.Document:
    """Parse a document; if the parser would merge a `<body>` tag into the body, rename the tags (see `markup.BODY_AGAIN`)."""
    document = turbohtml.parse(source, source_locations=True, allow_declarative_shadow_roots=False)
    parts = document.root.children if document.root else ()
    body = next((part for part in parts if isinstance(part, turbohtml.Element) and part.tag == "body"), None)
    if len(markup.BODY.findall(source)) > bool(body and body.source_location):
        source = markup.BODY.sub(f"<{markup.BODY_AGAIN}", source)
        return turbohtml.parse(source, source_locations=True, allow_declarative_shadow_roots=False)
    return document


def _style_edits(
    text: str, element: turbohtml.Element, location: turbohtml.SourceLocation, rewriter: Rewriter
) -> Iterator[Edit]:
    """Return the edits of a `<style>`. In HTML its content is raw text; in SVG it may have character references."""
    start = location.start_tag.end_offset
    if element.namespace is turbohtml.Namespace.HTML:
        end = location.end_tag.start_offset if location.end_tag else _style_end(text, start)
        yield from shifted(rewriter.edits(embedded_urls.css_spans(text[start:end])), start)
    elif location.end_tag and element.namespace is turbohtml.Namespace.SVG:
        end = location.end_tag.start_offset
        source = Attribute(start, end, start, text[start:end], '"')
        yield from source.edits(rewriter.edits(embedded_urls.css_spans(source.value)))


def _script_edits(
    text: str, element: turbohtml.Element, location: turbohtml.SourceLocation, rewriter: Rewriter
) -> Iterator[Edit]:
    """Return the edits of a `<script>` of the tree: of its content, and of its type."""
    if rewriter.home and "type" in location.attrs:
        at = location.attrs["type"]
        yield from speculation_edits(Tag(text, "script", {"type": (at.start_offset, at.end_offset)}))
    is_html = element.namespace is turbohtml.Namespace.HTML
    if not rewriter.data or location.end_tag is None or not is_html or "src" in location.attrs:
        return
    start, end = location.start_tag.end_offset, location.end_tag.start_offset
    yield from _data_edits(text, start, end, str(element.attrs.get("type") or ""), rewriter)


def _data_edits(text: str, start: int, end: int, media_type: str, rewriter: Rewriter) -> Iterator[Edit]:
    """Return the edits of the content of a `<script>`: code, data, or an import map, whose keys may be URLs too."""
    kind = media_type.strip().lower()
    if not style_script_urls.SCRIPT_TYPES.match(kind):
        return
    code = text[start:end]
    if rewriter.home:
        found = embedded_urls.literal_spans(code, keys=kind != "application/json")
        yield from shifted(rewriter.data_edits(found), start)
    elif not kind.startswith(_MODULES):
        found = (span for span in embedded_urls.literal_spans(code) if not _NEEDS_ABSOLUTE.search(code, 0, span.start))
        yield from shifted(rewriter.data_edits(found), start)


def _nested_edits(text: str, name: str, start: int, rewriter: Rewriter) -> Iterator[Edit]:
    """Return the edits of the document in a `<noframes>` or `<noembed>`, whose raw text begins at `start`."""
    end = _FALLBACK_ENDS[name].search(text, start)
    if rewriter.depth < link_attributes.MAX_NESTED:
        inside = html_edits(text[start : end.start() if end else len(text)], rewriter.nested())
        yield from (edit._replace(start=edit.start + start, end=edit.end + start) for edit in inside)


def speculation_edits(tag: Tag) -> Iterator[Edit]:
    """Return the edit that disarms a `<script type=speculationrules>`: its requests are subject to no policy of the page."""
    if tag.name == "script" and "type" in tag.places:
        attribute = tag.attribute("type")
        if attribute.value.strip("\t\n\r\f ").lower() == _SPECULATION:
            yield attribute.replaced(f"{_SPECULATION}-removed")


def _style_end(text: str, start: int) -> int:
    """Find the end of a style for which the parser reports no end tag: it has none, or too many elements are open around it."""
    match = _STYLE_END.search(text, start)
    return match.start() if match else len(text)


def tag_edits(tag: Tag, find: link_attributes.FindRule, rewriter: Rewriter) -> list[Edit]:
    """Return the edits of one start tag. `find` gives the rule of an attribute."""
    source, name, places = tag
    edits: list[Edit] = []
    values: dict[str, str] = (
        {key: tag.attribute(key).value for key in places} if name in link_attributes.CONDITIONAL else {}
    )
    for key, (start, end) in places.items():
        rule = find(name, key, rewriter.extra)
        if rule is None:
            if key == "srcdoc" and name == "iframe" and rewriter.depth < link_attributes.MAX_NESTED:
                attribute = tag.attribute(key)
                edits += attribute.edits(html_edits(attribute.value, rewriter.nested()))
        elif rule.is_one_url and (plain := _PLAIN.fullmatch(source, start, end)) and not _is_script(plain[2]):
            new, local = rewriter.replacement(plain[2])
            if new is not None:
                edits.append(Edit(plain.start(2), plain.end(2), quoted(new, plain[1]), local))
        else:
            attribute = tag.attribute(key)
            edits += attribute.edits(rewriter.edits(rule.spans(attribute.value, values)))
    if "integrity" in places or "crossorigin" in places:
        is_local = any(edit.local for edit in edits) and name != "iframe"
        dropped = _DROPPED_AT_ORIGINS if rewriter.home else _DROPPED_ON_DISK if is_local else ()
        edits += [tag.attribute(key).removed(source) for key in dropped if key in places]
    if name in _WITH_CODEBASE and "codebase" in places and not rewriter.home:
        edits.append(tag.attribute("codebase").replaced("."))
    if name == "base" and "href" in places:
        edits.append(tag.attribute("href").replaced(rewriter.name))
    if (
        name == "meta"
        and "content" in places
        and (kind := values.get("http-equiv", "").strip().lower()).startswith(_CSP)
    ):
        is_kept = kind == _CSP and not rewriter.home
        policy = disk_policy(values["content"], CanonicalURL(rewriter.base)) if is_kept else ""
        edits.append(tag.attribute("content").replaced(policy))
    return edits
