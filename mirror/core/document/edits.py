"""Edits of a source text, and the start tags and attributes that they change.

Enters: a document as text, and where in it its attributes stand. Leaves: `Edit`s, and the text with them made. Never here: a
parser, a URL.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from operator import itemgetter
from typing import Final, NamedTuple

from mirror.core.syntax import embedded_urls

_WS: Final = r"[ \t\n\r\f]"
_ATTRIBUTE: Final = re.compile(
    rf"(?P<name>=?[^= \t\n\r\f/>]*+)(?:{_WS}*+={_WS}*+(?P<quote>[\"']?)(?P<value>.*))?", re.DOTALL
)
_SIGN: Final = re.compile(rf"{_WS}*+=")

Places = Mapping[str, tuple[int, int]]
"""Attributes: name -> where in the source each stands, name and value."""


class Edit(NamedTuple):
    """Put `new` in the place of `text[start:end]`."""

    start: int
    end: int
    new: str
    local: bool = False  # it leads to a local copy


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
        return quoted(text, self.quote)


def quoted(text: str, quote: str) -> str:
    """A text as the value of an attribute."""
    text = text.replace("&", "&amp;")
    return text.replace("'", "&#39;") if quote == "'" else text.replace('"', "&quot;")


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


def apply(text: str, changes: Iterable[Edit]) -> str:
    """Make the edits."""
    pieces: list[str] = []
    position = 0
    for edit in apart(text, changes):
        pieces += [text[position : edit.start], edit.new]
        position = edit.end
    pieces.append(text[position:])
    return "".join(pieces)


def apart(text: str, changes: Iterable[Edit]) -> Iterator[Edit]:
    """Edits in order. Where two overlap (a source that two elements claim), the first stands."""
    position = 0
    for edit in sorted(changes, key=itemgetter(0, 1)):
        if edit.start >= position and edit.new != text[edit.start : edit.end]:
            yield edit
            position = edit.end


def shifted(changes: Iterable[Edit], by: int) -> Iterator[Edit]:
    return (Edit(edit.start + by, edit.end + by, edit.new) for edit in changes)
