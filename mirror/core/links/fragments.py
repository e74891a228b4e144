"""The places in a document that fragments lead to (WHATWG HTML 7.4.6.4, "the indicated part of the document").

Input: the text of an HTML or XML document. Output: the names that a fragment may have. What stands in a template, in
`<noscript>` and in a shadow tree is in no document, so nothing leads there.
"""

import re
from typing import Final
from urllib.parse import unquote_to_bytes

import turbohtml
from lxml import etree

from mirror.core.document.edits import Tag
from mirror.core.document.flat_html import is_too_large_for_a_tree, start_tags
from mirror.core.syntax import markup
from mirror.core.url.media_types import Document

_NAMED: Final = "[id]:not(template *),a[name]:not(template *)"
_DIRECTIVE: Final = ":~:"
_ROUTE: Final = re.compile(r"!|/|svgView\(|(?:t|xywh|page|id|track)=")


def names(kind: Document, text: str) -> set[str] | None:
    """Return the ids of a document, and the names of its anchors; `None` if it can't be read as a whole.

    >>> sorted(names(Document.HTML, "<p id=a><template><p id=b></template><a name=c>"))
    ['a', 'c']
    """
    return _html_names(text) if kind is Document.HTML else _xml_names(text)


def _html_names(text: str) -> set[str]:
    source = markup.readable(text)
    if is_too_large_for_a_tree(source):
        tags = (Tag(source, name, places) for name, places, _ in start_tags(source.replace("\r", "\n")))
        return {tag.attribute(key).value for tag in tags for key in _keys(tag.name) if key in tag.places}
    document = turbohtml.parse(source, scripting=True, positions=False)
    found = set[str]()
    for element in document.select(_NAMED):
        is_html = element.namespace is turbohtml.Namespace.HTML
        keys = _keys(element.tag) if is_html else ("id",)
        found.update(str(element.attrs[key]) for key in keys if key in element.attrs)
    return found - {""}


def _keys(element: str) -> tuple[str, ...]:
    return ("id", "name") if element == "a" else ("id",)


def _xml_names(text: str) -> set[str] | None:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, recover=True, huge_tree=False)
    try:
        root = etree.fromstring(markup.readable(text).encode(), parser)
    except etree.XMLSyntaxError:
        return None
    if root is None or parser.error_log:
        return None
    found = {value for element in root.iter(etree.Element) if (value := element.get("id"))}
    return found | {value for element in root.iter("{http://www.w3.org/1999/xhtml}a") if (value := element.get("name"))}


def leads_somewhere(fragment: str, known: set[str]) -> bool:
    """Whether a fragment leads to a place in a document with these names.

    Text fragments are ignored, and so are those that scripts use for routes (`#/users`, `#!users`), views of SVG, and parts of
    media (W3C Media Fragments).

    >>> [leads_somewhere(one, {"café", "a%20b"}) for one in ("", "Top", "caf%C3%A9", "a%20b", "/users", "x")]
    [True, True, True, True, True, False]
    """
    fragment = fragment.partition(_DIRECTIVE)[0]
    if not fragment or fragment in known or _ROUTE.match(fragment):
        return True
    decoded = unquote_to_bytes(fragment).decode("utf-8", "replace")
    return decoded in known or (decoded.isascii() and decoded.lower() == "top")
