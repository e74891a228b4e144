"""The line of a page that shows best what was found, with the places of the words in it.

Input: the text of a page and a query that it matches. Output: a `Snippet` of bounded length.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from mirror.core.search.page_text import SEPARATE_LINES, PageText, Part
from mirror.core.search.query import Query, Term
from mirror.core.search.words import RUN, fold

_LENGTH: Final = 160  # characters
_BEFORE: Final = 40
_LONGEST: Final = 20_000  # characters of a line that are looked at
_DOTS: Final = "…"


@dataclass(frozen=True, slots=True)
class Snippet:
    """A title, and a piece of a line in alternating parts: ordinary text, found text, ordinary text, ..."""

    title: str
    pieces: tuple[str, ...]


def snippet(text: PageText, query: Query) -> Snippet:
    """Return the line with the most different terms, the first of these; a body comes before a heading or a title."""
    patterns = [_pattern(term) for term in query.terms]
    title = text.part(Part.TITLE)[:_LENGTH]
    best, most = "", (0, False)
    for part, whole in text.lines[:SEPARATE_LINES]:
        line = whole[:_LONGEST]
        folded = fold(line)
        found = sum(1 for pattern in patterns if pattern.search(folded)) if _may_match(folded, query) else 0
        if (found, part is Part.BODY) > most and found:
            best, most = line, (found, part is Part.BODY)
    return Snippet(title, tuple(_cut(best, list(_places(best, patterns)))) if best else ())


def _may_match(folded: str, query: Query) -> bool:
    return any(term.words[0] in folded for term in query.terms)


def _pattern(term: Term) -> re.Pattern[str]:
    """Return what matches a term in a folded text."""
    words = r"[\W_]*".join(map(re.escape, term.words))
    before = "" if RUN.match(term.words[0]) else r"(?<![^\W_])"
    after = "" if term.is_prefix else r"(?![^\W_])"
    return re.compile(before + words + after)


def _places(line: str, patterns: list[re.Pattern[str]]) -> Iterator[tuple[int, int]]:
    """Yield where a line has what was found, by place; places don't overlap."""
    folded = [fold(character) for character in line]
    origin = [at for at, piece in enumerate(folded) for _ in piece]
    text = "".join(folded)
    last = 0
    for start, end in sorted(match.span() for pattern in patterns for match in pattern.finditer(text)):
        first, behind = origin[start], origin[end - 1] + 1
        while behind < len(line) and not folded[behind]:  # an accent
            behind += 1
        if first >= last:
            yield first, behind
            last = behind


def _cut(line: str, places: list[tuple[int, int]]) -> Iterator[str]:
    """Yield the pieces of a line around the first place."""
    first = places[0][0] if places else 0
    begin = max(0, first - _BEFORE) if len(line) > _LENGTH else 0
    end = min(len(line), begin + _LENGTH)
    at, head = begin, _DOTS if begin else ""
    for start, stop in places:
        if stop > end:
            break
        yield head + line[at:start]
        yield line[start:stop]
        at, head = stop, ""
    yield head + line[at:end] + (_DOTS if end < len(line) else "")
