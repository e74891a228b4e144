"""Finds the URLs in styles and scripts: in the text of HTML's raw text elements, and in `<?xml-stylesheet?>`.

Input: the text of an element, and its attributes. Output: `Span`s. Scripts are never rewritten in the tree, so the spans of
structured data and import maps have no place in the text. This module knows no table of attributes.
"""

import json
import re
from collections.abc import Iterator
from itertools import chain
from typing import Final

from mirror.core.syntax import bundler_chunks, embedded_urls, markup
from mirror.core.syntax.embedded_urls import Span
from mirror.core.syntax.markup import Attributes
from mirror.core.syntax.reference import Kind

SCRIPT_TYPES: Final = re.compile(
    r"(?:(?:text|application)/(?:x-)?(?:java|ecma)script|application/json|importmap|module|)\s*(?:;|$)", re.IGNORECASE
)
"""The types of scripts whose literals are read."""

JSON_LD_IMAGES: Final = frozenset({"image", "logo", "thumbnailUrl", "contentUrl", "photo"})
"""The properties of structured data (schema.org) that hold images."""

_PSEUDO_ATTRIBUTE: Final = re.compile(r"""(?P<name>[^\s="']++)\s*+=\s*+(?:"(?P<double>[^"]*+)"|'(?P<single>[^']*+)')""")


def raw_text_spans(element: str, text: str, attributes: Attributes) -> Iterator[Span]:
    """Find the URLs in the text of a `<style>` or `<script>`."""
    if element == "style":
        return embedded_urls.css_spans(text)
    if element == "script":
        script_type = attributes.get("type", "").strip().lower()
        if script_type.partition(";")[0].rstrip() == "application/ld+json":
            return json_ld_spans(text)
        if script_type == "importmap":
            return chain(embedded_urls.script_spans(text), import_map_spans(text))
        if SCRIPT_TYPES.match(script_type):
            return script_spans(text)
    return iter(())


def script_spans(text: str) -> Iterator[Span]:
    """Find the URLs in a script: its literals, and the names that its bundler's loader composes."""
    return chain(embedded_urls.script_spans(text), bundler_chunks.chunk_spans(text))


def import_map_spans(text: str) -> Iterator[Span]:
    """Find the modules that an import map names (WHATWG HTML 8.1.6.2). They are no guesses. A prefix is no module.

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
                yield Span(0, 0, url, Kind.REQUISITE)


def json_ld_spans(text: str) -> Iterator[Span]:
    """Find the images in structured data: each is a string, a list of these, or an object with a `url` (schema.org)."""
    try:
        data = json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return iter(())
    return (Span(0, 0, url, Kind.REQUISITE) for url in _images(data))


def _images(data: object) -> Iterator[str]:
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
                    (value, key in JSON_LD_IMAGES or (wanted and key == "url"))
                    for key, value in reversed(found.items())
                ]


def stylesheet_instruction_spans(text: str) -> Iterator[Span]:
    """Find the URL in each `<?xml-stylesheet href="..."?>` of a prolog."""
    for instruction in markup.prolog(text):
        for found in _PSEUDO_ATTRIBUTE.finditer(text, *instruction.span("sheet")):
            url = embedded_urls.html_unescaped(found["double"] or found["single"] or "")[0].strip()
            if found["name"] == "href" and url:
                yield Span(*found.span("double" if found["double"] else "single"), url, Kind.REQUISITE, quoting="xml")
