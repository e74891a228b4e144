"""Reads the text of a document for the search, with the reader that `diff` uses, too.

Input: a document as text. Output: `PageText`, the lines that a reader sees.
"""

import re
from collections.abc import Mapping
from html.entities import html5
from io import StringIO
from typing import Final

from mirror.core.comparison.text_diff import Lines
from mirror.core.search.page_text import SEPARATE_LINES, PageText, Part
from mirror.core.syntax.markup import read_html, read_xml, readable

MAX_TEXT: Final = 4 << 20
"""Characters of a text that are searched; what is beyond them is not found."""

_HEADINGS: Final = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})


_LINE: Final = re.compile(r"[^\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]+")
_ENTITY: Final = re.compile(r"&(?!(?:amp|lt|gt|quot|apos);)([A-Za-z][A-Za-z0-9]*;)")


class _Text:
    """Collects the lines of a text, up to `MAX_TEXT` characters. However many they are, they take little memory."""

    def __init__(self) -> None:
        self._lines: list[tuple[Part, str]] = []
        self._rest = {part: StringIO() for part in Part}
        self._left = MAX_TEXT

    def add(self, part: Part, line: str) -> None:
        if self._left <= 0:
            return
        kept = readable(line[: self._left])
        self._left -= len(kept) + 1
        if len(self._lines) < SEPARATE_LINES:
            self._lines.append((part, kept))
        else:
            self._rest[part].write(f"{kept} ")

    def whole(self) -> PageText:
        rest = ((part, text.getvalue().rstrip()) for part, text in self._rest.items())
        return PageText((*self._lines, *((part, text) for part, text in rest if text)))


class _PartedLines(Lines):
    """Collects each line with the part that it belongs to."""

    def __init__(self) -> None:
        super().__init__()
        self.text = _Text()
        self._part = Part.BODY

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        super().start(tag, attributes)
        if tag in _HEADINGS:
            self._part = Part.HEADING
        elif tag == "title":
            self._part = Part.TITLE

    def end(self, tag: str) -> None:
        super().end(tag)
        if tag in _HEADINGS or tag == "title":
            self._part = Part.BODY

    def break_line(self) -> None:
        super().break_line()
        for line in self.lines:
            self.text.add(self._part, line)
        self.lines.clear()


def html_text(html: str) -> PageText:
    """Return the text of an HTML document.

    >>> html_text("<title>T</title><h1>A <b>b</b></h1><p>c<script>d</script>").lines
    ((<Part.TITLE: 't'>, 'T'), (<Part.HEADING: 'h'>, 'A b'), (<Part.BODY: 'b'>, 'c'))
    """
    reader = read_html(html, _PartedLines)
    reader.break_line()
    return reader.text.whole()


def xhtml_text(xhtml: str) -> PageText:
    """Return the text of a document of the type application/xhtml+xml, in which each element may end with a slash.

    One that is no XML is read as HTML.

    >>> xhtml_text("<html><title/><script/><p>a<![CDATA[<b]]></p></html>").lines
    ((<Part.BODY: 'b'>, 'a<b'),)
    """
    known = _ENTITY.sub(lambda found: html5.get(found[1], found[0]), xhtml)  # those of XHTML are declared in its DTD
    reader = read_xml(known, _PartedLines)
    if reader is None:
        return html_text(xhtml)
    reader.break_line()
    return reader.text.whole()


def plain_text(text: str) -> PageText:
    """Return the lines of a text without markup."""
    found = _Text()
    for match in _LINE.finditer(text, 0, MAX_TEXT):
        if line := " ".join(match[0].split()):
            found.add(Part.BODY, line)
    return found.whole()
