"""Edits of a source text, and the start tags and attributes that they change.

Input: a document as text, and the places of its attributes in that text. Output: `Edit`s, and the text with the edits made.
This module parses no document and resolves no URL.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from operator import itemgetter
from typing import Final, NamedTuple

from mirror.core.syntax import embedded_urls

_WS: Final = r"[ \t\n\r\f]"
_ATTRIBUTE: Final = re.compile(
    rf"(?P<name>=?[^= \t\n\r\f/>]*+)(?:{_WS}*+={_WS}*+(?P<quote>[\"']?)(?P<value>.*))?", re.DOTALL
)
_SIGN: Final = re.compile(rf"{_WS}*+=")

Places = Mapping[str, tuple[int, int]]
"""The name of an attribute -> start and end of the attribute (name and value) in the source."""


class Edit(NamedTuple):
    """Replace `text[start:end]` with `new`."""

    start: int
    end: int
    new: str
    local: bool = False  # whether `new` leads to a local copy


as_edit: Final[Callable[[tuple[int, int, str, bool]], Edit]] = partial(tuple.__new__, Edit)
"""Makes an edit of a tuple. A call of `Edit` takes twice as long."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute in the source: its place, the place of its value, and the value as written (`raw`)."""

    start: int
    end: int
    value_start: int
    raw: str
    quote: str
    sign: str = ""  # what a new value needs in front of it: an equals sign, if the source has none

    @property
    def value(self) -> str:
        """The value, its character references decoded."""
        return embedded_urls.html_unescaped(self.raw)[0]

    def edits(self, changes: Iterable[Edit]) -> Iterator[Edit]:
        """Turn edits of the value into edits of the source."""
        if not self.raw and not self.quote:  # `<a href>`: there is no value to edit
            yield from (self.replaced(change.new)._replace(local=change.local) for change in changes)
            return
        _, places = embedded_urls.html_unescaped(self.raw)
        for change in changes:
            start, end = places(change.start), places(change.end)
            new = self._quoted(change.new)
            if change.start and places(change.start - 1) < start - 1 and self.raw[start - 1] != ";":
                new = ";" + new  # "&quot" in front was a reference only because of the character that followed
            yield Edit(self.value_start + start, self.value_start + end, new, change.local)

    def replaced(self, value: str) -> Edit:
        """Replace the whole value."""
        quoted = self._quoted(value) if self.quote else f'"{self._quoted(value)}"'
        return Edit(self.value_start, self.value_start + len(self.raw), self.sign + quoted)

    def removed(self, text: str) -> Edit:
        """Remove the attribute from `text`, together with the space in front of it if that space separates nothing else."""
        spare = text[self.start - 1].isspace() and (text[self.end].isspace() or text[self.end] == ">")
        return Edit(self.start - spare, self.end, "")

    def _quoted(self, text: str) -> str:
        return quoted(text, self.quote)


def quoted(text: str, quote: str) -> str:
    """Escape a text for the value of an attribute in these quotes (no quotes: as in double ones)."""
    text = text.replace("&", "&amp;") if "&" in text else text
    return text.replace("'", "&#39;") if quote == "'" else text.replace('"', "&quot;")


class Tag(NamedTuple):
    """A start tag: the source that contains it, the name of its element in lower case, and the places of its attributes."""

    source: str
    name: str
    places: Places

    def attribute(self, key: str) -> Attribute:
        """Find the parts of an attribute in the source."""
        start, end = self.places[key]
        match = _ATTRIBUTE.match(self.source, start, end)
        if match is None or match["value"] is None:
            sign = _SIGN.match(self.source, end)  # `<a href= >`
            return Attribute(start, end, sign.end(), "", "") if sign else Attribute(start, end, end, "", "", "=")
        raw, quote = match["value"], match["quote"]
        if quote and raw.endswith(quote):
            raw = raw[:-1]
        return Attribute(start, end, match.start("value"), raw, quote)


def apply(text: str, changes: Iterable[Edit]) -> str:
    """Make the edits in a text."""
    pieces: list[str] = []
    position = 0
    for start, end, new, _ in without_overlaps(text, changes):
        pieces += (text[position:start], new)
        position = end
    pieces.append(text[position:])
    return "".join(pieces)


def without_overlaps(text: str, changes: Iterable[Edit]) -> list[Edit]:
    """Sort edits, and drop those that change nothing. Of two that overlap (two elements claim one source), keep the first."""
    kept: list[Edit] = []
    position = 0
    for edit in sorted(changes, key=itemgetter(0, 1)):
        start, end, new, _ = edit
        if start >= position and new != text[start:end]:
            kept.append(edit)
            position = end
    return kept


def shifted(changes: Iterable[Edit], by: int) -> Iterator[Edit]:
    """Move edits of a part of a text to the place of that part."""
    return (Edit(edit.start + by, edit.end + by, edit.new) for edit in changes)
