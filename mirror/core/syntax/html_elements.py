"""The elements of an HTML document that may hold a URL, as lxml reads them.

Input: a document as text. Output: `Elements`. `markup` mends the document for lxml. This module doesn't know what a URL is.
"""

import re
from dataclasses import dataclass
from typing import Final

from lxml import etree

from mirror.core.syntax import embedded_urls, markup, robots_meta
from mirror.core.syntax.markup import Attributes

_RENAMED: Final = re.compile(r"<(b)0(dy)", re.IGNORECASE)
_are_common: Final = markup.COMMON.issuperset
_RAW: Final = markup.FALLBACKS | {"style", "script"}
_FOREIGN: Final = frozenset({"svg", "math"})
_PLACES: Final = _FOREIGN | {"foreignobject", "template"}
_SPECIAL: Final = _RAW | _PLACES | {"base", "meta", markup.BODY_AGAIN}
_NOTHING: Final[list[str]] = []


@dataclass(frozen=True, slots=True)
class Elements:
    """What of an HTML document may hold a URL: start tags, each with the text of the style or script that it begins."""

    found: list[tuple[str, Attributes, list[str]]]
    base: str | None
    metas: list[tuple[str, str]]
    """(name, content) of each `<meta>` for robots."""


class _ElementsTarget:
    """Collects `Elements`, of one document after the other.

    It builds no tree: a tree of lxml ends at `</html>` and at 2,048 open elements, where browsers read on. Its methods run once
    for each tag, so they test the most common cases first.
    """

    __slots__ = ("_open", "_places", "_raw", "base", "bodies", "deepest", "found", "metas")

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self.deepest = 0
        self.found: list[tuple[str, Attributes, list[str]]] = []
        self.base: str | None = None
        self.metas: list[tuple[str, str]] = []
        self.bodies = 0
        """How many tags had the name `BODY_AGAIN`."""
        self._open = 0
        self._raw: list[str] | None = None
        self._places: list[str] = []  # the open elements whose names are in `_PLACES`

    def start(self, tag: str, attributes: Attributes) -> None:
        self._open = is_open = self._open + 1
        if is_open > self.deepest:  # noqa: PLR1730 - a call of `max` for each tag takes longer than this method
            self.deepest = is_open
        if tag in _SPECIAL:
            self._start_special(tag, attributes)
        else:
            self._raw = None
            if attributes and not _are_common(attributes):
                self.found.append((tag, attributes, _NOTHING))

    def data(self, text: str) -> None:
        if self._raw is not None:
            self._raw.append(text)

    def end(self, tag: str) -> None:
        self._open -= 1
        if self._raw is not None:
            if self._raw and self._is_foreign:
                self._raw[:] = [embedded_urls.html_unescaped("".join(self._raw))[0]]
            self._raw = None
        if self._places and tag in self._places:
            while self._places.pop() != tag:
                pass

    def close(self) -> None:
        """Do nothing; lxml requires the method."""

    def taken(self, renamed: int) -> Elements:
        """Return what was collected, and forget it. `renamed`: how many `<body` the document has under another name."""
        if renamed > self.bodies:
            self._restore()
        found = Elements(self.found, self.base, self.metas)
        self._begin()
        return found

    def _restore(self) -> None:
        """Undo the renaming of `<body` in what is no tag: in the values of attributes, and in scripts."""
        for index, (name, attributes, pieces) in enumerate(self.found):
            if any(_RENAMED.search(value) for value in attributes.values()):
                attributes = {key: _named_body(value) for key, value in attributes.items()}  # noqa: PLW2901
                self.found[index] = name, attributes, pieces
            pieces[:] = map(_named_body, pieces)

    def _start_special(self, tag: str, attributes: Attributes) -> None:
        self._raw = [] if tag in _RAW else None
        self.bodies += tag == markup.BODY_AGAIN
        if tag == "base" and self.base is None and "template" not in self._places and not self._is_foreign:
            self.base = attributes.get("href")
        elif tag == "meta" and robots_meta.is_named(attributes.get("name", "")):
            self.metas.append((attributes["name"], attributes.get("content", "")))
        if attributes or self._raw is not None:
            name = "body" if tag == markup.BODY_AGAIN else tag
            self.found.append((name, attributes, _NOTHING if self._raw is None else self._raw))
        if tag in _PLACES and len(self._places) < markup.DEEPEST:
            self._places.append(tag)

    @property
    def _is_foreign(self) -> bool:
        return bool(self._places) and self._places[-1] in _FOREIGN


def read_elements(text: str) -> Elements:
    """Return what of an HTML document may hold a URL. The parser is kept for the next one, as making it takes time."""
    text, renamed = markup.prepared(text)
    parser, target = _idle.pop() if _idle else _new_parser()
    try:
        is_whole = markup.is_read(text, parser, target)
    except etree.LxmlError:
        return target.taken(renamed)
    if not is_whole:
        return markup.read_deep_html(text, _ElementsTarget()).taken(renamed)
    found = target.taken(renamed)
    if len(text) <= _USUAL:
        _idle.append((parser, target))
    return found


_USUAL: Final = 1 << 20
"""Characters of documents after which a parser is kept: it keeps as much memory as the longest comment or value took."""

_idle: Final[list[tuple[etree.HTMLParser, _ElementsTarget]]] = []
"""Parsers between two documents, with their targets. One that stopped within a document is not used again."""


def _new_parser() -> tuple[etree.HTMLParser, _ElementsTarget]:
    target = _ElementsTarget()
    return markup.html_parser(target), target


def _named_body(text: str) -> str:
    return _RENAMED.sub(lambda match: f"<{match[1]}{'o' if match[1] == 'b' else 'O'}{match[2]}", text)
