"""HTML without a tree: the start tags of a document, one after the other, and whether a tree of it would be too large.

Input: a document as text, with `\\n` as its only line end. Output: `FlatTag`s, with the places of their attributes. This module
doesn't know what a URL is.

A parser may build many more elements than a document has tags: if a block ends while formatting elements are open, the next
text opens them again (WHATWG HTML 13.2.4.3, "reconstruct the active formatting elements"). After 60 different `<font>` in one
paragraph, each further `<p>x` is 61 elements. Besides, an element takes 250 bytes, so `<b>` takes 80 times its size.

Without a tree it is not known whether a `<style>` or a `<base>` is in SVG or in a template. Here each one counts.
"""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Final, NamedTuple

import turbohtml
from turbohtml import TokenType

from mirror.core.syntax import markup

MANY: Final = 100_000
"""Elements up to which a document is read as a tree, however short its tags are."""

BYTES_OF_ELEMENT: Final = 250
MAX_EXPANSION: Final = 40
"""How many times its size the tree of a document with more elements may take."""

_FEW: Final = 2 * int(MANY**0.5)
"""Tags from which no parser builds more than `MANY` elements: half of them open, and the other half again."""

_MAX_IDENTICAL: Final = 3
"""Identical formatting elements that are opened again (WHATWG HTML 13.2.4.3, the "Noah's Ark clause")."""

_FORMATTING: Final = frozenset(
    {"a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u"}
)
_INITIALS: Final = "".join(sorted({name[0] for name in _FORMATTING}))
"""Most other tags begin with another letter, which is found out faster than that they have none of the names."""

_TAG: Final = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9]*+)([^<>]*+)")
_FORMATTING_TAG: Final = re.compile(
    rf"<(/?(?=[{_INITIALS}])(?:{'|'.join(sorted(_FORMATTING))}))(?![A-Za-z0-9])", re.IGNORECASE | re.ASCII
)
_NAME: Final = re.compile(r"<[^ \t\n\f/>]*+")
_ATTRIBUTE: Final = re.compile(
    r"""[ \t\n\f/]*+(?P<attribute>(?P<name>=?[^ \t\n\f/>=]++|=)
        (?:[ \t\n\f]*+=[ \t\n\f]*+(?:"[^"]*+"|'[^']*+'|(?!["'])[^ \t\n\f>]*+))?)""",
    re.VERBOSE,
)


class FlatTag(NamedTuple):
    """A start tag: the name of its element in lower case, the places of its attributes, and its end in the source."""

    name: str
    places: dict[str, tuple[int, int]]
    end: int


def is_too_large_for_a_tree(text: str) -> bool:
    """Whether a tree would have very many elements, and take very many times the size of the document.

    >>> is_too_large_for_a_tree("<p>x" * 1000), is_too_large_for_a_tree("<p><b><i>" * 50_000)
    (False, True)
    """
    tags = text.count("<")
    if tags <= _FEW:
        return False
    limit = max(MANY, len(text) * MAX_EXPANSION // BYTES_OF_ELEMENT)
    return tags * (1 + most_active(text)) > limit and most_elements(text) > limit


def most_active(text: str) -> int:
    """Return how many formatting elements are active at most at any place of a document, or a larger number."""
    most = active = 0
    opened = dict.fromkeys(_FORMATTING, 0)
    for tag in map(str.lower, _FORMATTING_TAG.findall(text)):
        if tag in opened:
            opened[tag] += 1
            active += 1
            if active > most:  # noqa: PLR1730 - this runs for each tag, and a call of `max` would double its time
                most = active
        elif opened[tag[1:]]:
            opened[tag[1:]] -= 1
            active -= 1
    return most


def most_elements(text: str) -> int:
    """Return how many elements a parser builds from a document at most, roughly."""
    total = active = 0
    open_tags: dict[str, list[str]] = {}
    count: Counter[str] = Counter()
    for close, name, rest in _TAG.findall(text):
        tag = name.lower()
        if tag in _FORMATTING:
            opened = open_tags.setdefault(tag, [])
            if not close and count[tag + rest] < _MAX_IDENTICAL:
                opened.append(rest)
                count[tag + rest] += 1
                active += 1
            elif close and opened:
                count[tag + opened.pop()] -= 1
                active -= 1
        total += active + (not close)
    return total


def start_tags(text: str) -> Iterator[FlatTag]:
    """Yield the start tags of a document in its order. Those in comments, styles and scripts are none."""
    line, line_start = 1, 0
    renamed = markup.NOSCRIPT.sub(markup.NO_SCRIPT, text)
    for token in turbohtml.tokenize(renamed, capture_source=True, capture_attributes=False):
        if token.type is not TokenType.START_TAG or not token.source:
            continue
        while line < token.line:
            line, line_start = line + 1, text.index("\n", line_start) + 1
        start = line_start + token.col
        end = start + len(token.source)
        yield FlatTag((token.tag or "").lower(), _places(text, start, end), end)


def _places(text: str, start: int, end: int) -> dict[str, tuple[int, int]]:
    """Find the attributes of a start tag, the first of each name."""
    places: dict[str, tuple[int, int]] = {}
    name = _NAME.match(text, start, end)
    position = name.end() if name else end
    while found := _ATTRIBUTE.match(text, position, end - 1):
        places.setdefault(found["name"].lower(), found.span("attribute"))
        position = found.end()
    return places
