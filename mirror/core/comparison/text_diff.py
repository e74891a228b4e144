"""Differences between the texts of pages, and a report of them as a page of HTML.

Input: HTML documents as text, lists of lines, what happened to each URL. Output: lines, `Change`s, a page of HTML that loads
nothing and runs nothing. The work for a page is bounded (`MAX_WORK`), and no markup of a page gets into the report.
"""

import difflib
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from operator import eq
from typing import Any, Final, Literal, cast

from mirror.core.comparison.html_frame import escaped, link, page
from mirror.core.syntax.markup import SVG_TITLE, read_html

Sign = Literal["+", "-", " ", "…"]
"""A line that is new, missing or unchanged; or a note in the place of lines that are left out."""

INVISIBLE: Final = frozenset({"script", "style", "template"})

_INLINE: Final = (
    "a abbr acronym b bdi bdo big cite code data del dfn em font i img input ins kbd label mark meter nobr output "
    "progress q ruby s samp small span strike strong sub sup time tt u var wbr"
)
INLINE: Final = frozenset(_INLINE.split())
"""Elements that don't start a new line; all others do."""

CELLS: Final = frozenset({"td", "th", "rt", "option", "button"})
"""Elements that are separated by a space and stay on the line."""

MAX_WORK: Final = 10_000_000
"""The work up to which lines are compared in order.

The unit is the worst case of difflib: pairs of equal lines times lines. Lines that are frequent in a long page ("popular" in
difflib) don't count, because difflib ignores them at first.
"""

ALL_LINES: Final = sys.maxsize
"""The `context` of changes with all unchanged lines."""

TOO_LONG: Final = "too many changes to compare the lines in order; these lines are in only one of the two texts"


@dataclass(frozen=True, slots=True)
class Change:
    """One line of a comparison."""

    sign: Sign
    text: str


@dataclass(frozen=True, slots=True)
class Section:
    """What happened to one URL. `note` has details, such as the URL that it moved to."""

    url: str
    kind: str  # one of `KINDS`
    note: str = ""
    changes: Sequence[Change] = ()


# --- from a document to its lines -------------------------------------------------------------------------------------


def page_lines(html: str) -> list[str]:
    """Return the text that a reader of an HTML document sees, the title first: a line for each block, white space collapsed.

    Each line of a `<pre>` is a line. The cells of a row of a table are one line.

    >>> page_lines("<title>T</title><p>a <b>b</b>c<script>x</script><tr><td>1<td>2</tr><pre>d\\n e")
    ['T', 'a bc', '1 2', 'd', 'e']
    """
    return titled_lines(html)[1]


def titled_lines(html: str) -> tuple[str, list[str]]:
    """Return the title of an HTML document, "" if it has none, and its `page_lines`.

    >>> titled_lines("<title> A\\nB </title><p>c")
    ('A B', ['A B', 'c'])
    """
    reader = read_html(html, Lines)
    reader.break_line()
    return reader.title, reader.lines


class Lines:
    """Collects the title and the visible text of an HTML document, line by line."""

    def __init__(self) -> None:
        self.title = ""
        self.lines: list[str] = []
        self._pieces: list[str] = []
        self._hidden = 0
        self._preformatted = 0
        self._titled = False

    def start(self, tag: str, _: Mapping[str, str]) -> None:
        self._hidden += self._hides(tag)
        self._preformatted += tag == "pre"
        self._separate(tag)

    def data(self, text: str) -> None:
        if self._hidden:
            return
        first, *others = text.split("\n") if self._preformatted else [text]
        self._pieces.append(first)
        for line in others:
            self.break_line()
            self._pieces.append(line)

    def end(self, tag: str) -> None:
        if tag == "title" and not self._titled and not self._hidden:
            self.title = self._line()
        self._separate(tag)
        self._preformatted -= tag == "pre"
        self._hidden -= self._hides(tag)
        self._titled = self._titled or tag == "title"

    def break_line(self) -> None:
        line = self._line()
        self._pieces.clear()
        if line:
            self.lines.append(line)

    def _line(self) -> str:
        return " ".join("".join(self._pieces).split())

    def _hides(self, tag: str) -> bool:
        """Whether the text of an element is invisible. A second `<title>` names an SVG picture, so it is."""
        return tag in INVISIBLE or tag == SVG_TITLE or (tag == "title" and self._titled)

    def _separate(self, tag: str) -> None:
        if tag in CELLS:
            self._pieces.append(" ")
        elif tag not in INLINE and not self._hidden:
            self.break_line()


# --- from lines to changes --------------------------------------------------------------------------------------------


def text_changes(before: Sequence[str], now: Sequence[str], *, context: int = 2) -> list[Change]:
    """Return the changes from one list of lines to another, with `context` lines around each; nothing if they are equal.

    A note has the number of lines that are left out. If the comparison in order would take too long, the result is the note
    `TOO_LONG` and then the lines that one side has more often than the other.

    >>> [change.sign + change.text for change in text_changes("abcdef", "abcdxf", context=1)]
    ['…3 lines', ' d', '-e', '+x', ' f']
    """
    head = _common(before, now)
    tail = _common(reversed(before[head:]), reversed(now[head:]))
    old, new = before[head : len(before) - tail], now[head : len(now) - tail]
    if not old and not new:
        return []
    return [
        *_unchanged(before[:head], 0, context),
        *_compared(old, new, context),
        *_unchanged(before[len(before) - tail :], context, 0),
    ]


def _common(before: Iterable[str], now: Iterable[str]) -> int:
    """Return the number of equal lines at the beginning."""
    return sum(takewhile(bool, map(eq, before, now)))


def _compared(before: Sequence[str], now: Sequence[str], context: int) -> Iterator[Change]:
    matcher = difflib.SequenceMatcher(None, before, now)
    places: dict[str, list[int]] = cast("Any", matcher).b2j  # documented, but unknown to typeshed
    work = min(len(before), len(now)) * sum(len(places.get(line, ())) for line in before)
    return _in_order(matcher, before, now, context) if work <= MAX_WORK else _as_sets(before, now)


def _in_order(
    matcher: difflib.SequenceMatcher[str], before: Sequence[str], now: Sequence[str], context: int
) -> Iterator[Change]:
    for tag, start, end, now_start, now_end in matcher.get_opcodes():
        if tag == "equal":
            yield from _unchanged(before[start:end], context, context)
        else:
            yield from (Change("-", line) for line in before[start:end])
            yield from (Change("+", line) for line in now[now_start:now_end])


def _as_sets(before: Sequence[str], now: Sequence[str]) -> Iterator[Change]:
    yield Change("…", TOO_LONG)
    yield from (Change("-", line) for line in (Counter(before) - Counter(now)).elements())
    yield from (Change("+", line) for line in (Counter(now) - Counter(before)).elements())


def _unchanged(lines: Sequence[str], first: int, last: int) -> Iterator[Change]:
    """Yield the first and the last of some unchanged lines, and between them a note with the number of the others."""
    left_out = len(lines) - first - last
    if left_out <= 1:  # a note would be no shorter
        yield from (Change(" ", line) for line in lines)
        return
    yield from (Change(" ", line) for line in lines[:first])
    yield Change("…", f"{left_out:,} lines")
    yield from (Change(" ", line) for line in lines[len(lines) - last :])


def unified(changes: Sequence[Change], *, context: int = 3) -> Iterator[str]:
    """Yield changes as the hunks of a unified diff. `changes` have all lines: `text_changes` gave them with `ALL_LINES`.

    >>> list(unified(text_changes("abcdefgh", "abcxefgh", context=ALL_LINES), context=1))
    ['@@ -3,3 +3,3 @@', ' c', '-d', '+x', ' e']
    """
    places = [n for n, change in enumerate(changes) if change.sign != " "]
    old = new = done = 0
    for first, last in _spans(places, context):
        begin, end = max(first - context, 0), min(last + context + 1, len(changes))
        old += _count(changes[done:begin], " -")
        new += _count(changes[done:begin], " +")
        shown = changes[begin:end]
        sizes = _count(shown, " -"), _count(shown, " +")
        yield f"@@ -{_range(old, sizes[0])} +{_range(new, sizes[1])} @@"
        yield from (f"{change.sign}{change.text}" for change in shown)
        old, new, done = old + sizes[0], new + sizes[1], end


def _spans(places: Sequence[int], context: int) -> Iterator[tuple[int, int]]:
    """Yield the first and the last of the places that share a hunk, because their contexts touch."""
    first = last = None
    for place in places:
        if first is None or last is None:
            first = place
        elif place - last > 2 * context + 1:
            yield first, last
            first = place
        last = place
    if first is not None and last is not None:
        yield first, last


def _count(changes: Sequence[Change], signs: str) -> int:
    return sum(change.sign in signs for change in changes)


def _range(before: int, size: int) -> str:
    """The lines of a hunk, as `diff -u` writes them: `before` lines stand in front of it."""
    return f"{before + (size > 0)},{size}"


# --- from changes to a report -----------------------------------------------------------------------------------------


KINDS: Final = ("added", "removed", "changed", "moved", "noise")
"""What can happen to a URL, in the order of the report. Other kinds come after these."""

_ELEMENTS: Final[dict[Sign, str]] = {"+": "ins", "-": "del", " ": "span", "…": "i"}


def report(title: str, sections: Sequence[Section]) -> str:
    """Return a page of HTML with what happened to each URL and the changes of its text. It can be encoded as UTF-8."""
    by_kind: dict[str, list[Section]] = {kind: [] for kind in KINDS}
    for section in sections:
        by_kind.setdefault(section.kind, []).append(section)
    lists = [_list(kind.capitalize(), found) for kind, found in by_kind.items() if found]
    return page(title, "\n".join(lists) or "<p>Nothing changed.</p>")


def _list(heading: str, sections: Sequence[Section]) -> str:
    entries = "\n".join(map(_entry, sections))
    return f"<h2>{escaped(heading)} ({len(sections):,})</h2>\n<ul>\n{entries}\n</ul>"


def _entry(section: Section) -> str:
    note = f" <small>{escaped(section.note)}</small>" if section.note else ""
    lines = change_lines(section.changes)
    return f"<li>{link(section.url)}{note}{f'<pre>{lines}</pre>' if lines else ''}</li>"


def change_lines(changes: Iterable[Change]) -> str:
    """Return changes as HTML, for a `<pre>`."""
    return "".join(map(_line, changes))


def _line(change: Change) -> str:
    element = _ELEMENTS[change.sign]
    return f"<{element}>{change.sign} {escaped(change.text)}</{element}>"
