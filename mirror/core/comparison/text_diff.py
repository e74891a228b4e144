"""Differences: what changed in the text of pages, and a report of it that a browser opens.

Enters: HTML documents as text; lists of lines; what happened to each URL. Leaves: lines, `Change`s, a page of HTML that
loads nothing and runs nothing. Never here: more work than a page is worth; markup of somebody else in the report.
"""

import difflib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from operator import eq
from typing import Any, Final, Literal, cast

from mirror.core.comparison.html_report import escaped, page
from mirror.core.syntax.markup import read_html

Sign = Literal["+", "-", " ", "…"]
"""A line that is new, that is gone, that stayed; or a word on lines that are left out."""

INVISIBLE: Final = frozenset({"script", "style", "template"})

_INLINE: Final = (
    "a abbr acronym b bdi bdo big cite code data del dfn em font i img input ins kbd label mark meter nobr output "
    "progress q ruby s samp small span strike strong sub sup time tt u var wbr"
)
INLINE: Final = frozenset(_INLINE.split())
"""Elements that don't break a line; all others do."""

CELLS: Final = frozenset({"td", "th", "rt", "option", "button"})
"""Elements that stand apart, but on the line of the ones before."""

MOST_WORK: Final = 10_000_000
"""Up to here lines are compared in order: pairs of equal lines times lines, which is the worst that difflib does.

Lines that are all over a long page (difflib's "popular" ones) begin no comparison and count for none.
"""

TOO_LONG: Final = "too much changed to compare it in order: these lines are in one of the two only"


@dataclass(frozen=True, slots=True)
class Change:
    """One line of a comparison."""

    sign: Sign
    text: str


@dataclass(frozen=True, slots=True)
class Section:
    """What happened to one URL; `note` says more, such as where it moved to."""

    url: str
    kind: str  # one of `KINDS`
    note: str = ""
    changes: Sequence[Change] = ()


# --- from a document to its lines -------------------------------------------------------------------------------------


def page_lines(html: str) -> list[str]:
    """The text that a reader of an HTML document sees, the title first: a line for each block, white space folded.

    The lines of a `<pre>` stay lines, the cells of a table's row are one.

    >>> page_lines("<title>T</title><p>a <b>b</b>c<script>x</script><tr><td>1<td>2</tr><pre>d\\n e")
    ['T', 'a bc', '1 2', 'd', 'e']
    """
    reader = read_html(html, _Lines)
    reader.break_line()
    return reader.lines


class _Lines:
    """Takes down the visible text of an HTML document, line by line."""

    def __init__(self) -> None:
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
        self._separate(tag)
        self._preformatted -= tag == "pre"
        self._hidden -= self._hides(tag)
        self._titled = self._titled or tag == "title"

    def break_line(self) -> None:
        line = " ".join("".join(self._pieces).split())
        self._pieces.clear()
        if line:
            self.lines.append(line)

    def _hides(self, tag: str) -> bool:
        """Whether an element's text is not seen: a later title is the name of a picture in SVG."""
        return tag in INVISIBLE or (tag == "title" and self._titled)

    def _separate(self, tag: str) -> None:
        if tag in CELLS:
            self._pieces.append(" ")
        elif tag not in INLINE and not self._hidden:
            self.break_line()


# --- from lines to changes --------------------------------------------------------------------------------------------


def text_changes(before: Sequence[str], now: Sequence[str], *, context: int = 2) -> list[Change]:
    """What changed from some lines to others, with `context` lines around it; nothing where they are the same.

    Lines that are left out are counted. Where comparing in order would take too long, `TOO_LONG` says so, and the lines
    follow that one side has more often than the other.

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
    """How many lines are the same at the beginning."""
    return sum(takewhile(bool, map(eq, before, now)))


def _compared(before: Sequence[str], now: Sequence[str], context: int) -> Iterator[Change]:
    matcher = difflib.SequenceMatcher(None, before, now)
    places: dict[str, list[int]] = cast("Any", matcher).b2j  # documented, but unknown to typeshed
    work = min(len(before), len(now)) * sum(len(places.get(line, ())) for line in before)
    return _in_order(matcher, before, now, context) if work <= MOST_WORK else _as_sets(before, now)


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
    """Lines that stayed: the first and the last of them, and how many there are between."""
    left_out = len(lines) - first - last
    if left_out <= 1:  # its count would be no shorter
        yield from (Change(" ", line) for line in lines)
        return
    yield from (Change(" ", line) for line in lines[:first])
    yield Change("…", f"{left_out:,} lines")
    yield from (Change(" ", line) for line in lines[len(lines) - last :])


# --- from changes to a report -----------------------------------------------------------------------------------------


KINDS: Final = ("added", "removed", "changed", "moved")
"""What can happen to a URL, in the report's order; other words for it come after them."""

_ELEMENTS: Final[dict[Sign, str]] = {"+": "ins", "-": "del", " ": "span", "…": "i"}


def report(title: str, sections: Sequence[Section]) -> str:
    """A page of HTML that tells what happened to each URL, and what changed in its text. It can always be written as UTF-8."""
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
    return f"<li>{_link(section.url)}{note}{f'<pre>{lines}</pre>' if lines else ''}</li>"


def _link(url: str) -> str:
    text = escaped(url)
    return f'<a href="{text}" rel="noreferrer">{text}</a>' if url.startswith(("http://", "https://")) else text


def change_lines(changes: Iterable[Change]) -> str:
    """Lines of a comparison as HTML, for a `<pre>`."""
    return "".join(map(_line, changes))


def _line(change: Change) -> str:
    element = _ELEMENTS[change.sign]
    return f"<{element}>{change.sign} {escaped(change.text)}</{element}>"
