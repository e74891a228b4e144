"""Reads the text of a document for the search, with the reader that `diff` uses, too.

Input: a document as text. Output: `PageText`, the lines that a reader sees.
"""

from collections.abc import Mapping
from typing import Final

from mirror.core.comparison.text_diff import Lines
from mirror.core.search.page_text import PageText, Part
from mirror.core.syntax.markup import read_html, readable

MAX_TEXT: Final = 4 << 20
"""Characters of a text that are searched; what is beyond them is not found."""

_HEADINGS: Final = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})


class _PartedLines(Lines):
    """Also notes which part each line belongs to."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[Part] = []
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
        before = len(self.lines)
        super().break_line()
        self.parts += [self._part] * (len(self.lines) - before)


def html_text(html: str) -> PageText:
    """Return the text of an HTML document.

    >>> html_text("<title>T</title><h1>A <b>b</b></h1><p>c<script>d</script>").lines
    ((<Part.TITLE: 't'>, 'T'), (<Part.HEADING: 'h'>, 'A b'), (<Part.BODY: 'b'>, 'c'))
    """
    reader = read_html(html, _PartedLines)
    reader.break_line()
    return _bounded(list(zip(reader.parts, reader.lines, strict=True)))


def plain_text(text: str) -> PageText:
    """Return the lines of a text without markup."""
    lines = (" ".join(line.split()) for line in text[:MAX_TEXT].splitlines())
    return _bounded([(Part.BODY, line) for line in lines if line])


def _bounded(lines: list[tuple[Part, str]]) -> PageText:
    """Leave out what is beyond `MAX_TEXT`."""
    kept: list[tuple[Part, str]] = []
    left = MAX_TEXT
    for part, line in lines:
        kept.append((part, readable(line[:left])))
        left -= len(line)
        if left <= 0:
            break
    return PageText(tuple(kept))
