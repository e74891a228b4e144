"""The statistics of a snapshot as tables, and the tables as text: `stats` prints them. `statistics_page` makes a page of them.

Input: what the manifest counted. Output: `Table`s, lines of text. Names come from servers; the console makes them printable.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from rich.filesize import decimal

from mirror.core.http.messages import status_text
from mirror.reports.times import format_time
from mirror.store.manifest.history_records import FileGroup, SnapshotInfo, SnapshotStatistics

LARGEST: Final = 10
"""How many of the largest files a report lists."""

_WIDTH: Final = 20  # of a bar, in characters
_LONGEST: Final = 60  # characters of a name
_PARTS: Final = " ▏▎▍▌▋▊▉█"
_GROUP: Final = ("pages", "files", "size")
_GROWTH: Final = ("pages", "files", "size", "new", "added", "changed", "gone")


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table; its bar is as long as its `value`."""

    name: str
    cells: tuple[str, ...]
    value: int


@dataclass(frozen=True, slots=True)
class Table:
    """A table with a bar in each row. `note` explains what is counted; `left_out`: how many rows are not shown."""

    title: str
    columns: tuple[str, ...]
    rows: Sequence[Row]
    note: str = ""
    left_out: int = 0

    def share(self, row: Row) -> float:
        """The length of a row's bar, from 0 to 1."""
        return row.value / max((one.value for one in self.rows), default=0) if row.value else 0.0


def heading(info: SnapshotInfo) -> str:
    return f"Snapshot {info.id} of {format_time(info.started)} UTC ({info.outcome})"


def totals(counted: SnapshotStatistics) -> str:
    """The sums of a snapshot in one line."""
    types = counted.types
    return sums(sum(one.pages for one in types), sum(one.files for one in types), sum(one.size for one in types))


def sums(pages: int, files: int, size: int) -> str:
    """Say how many pages and other files there are, and their size.

    >>> sums(1, 1200, 5000)
    '1 page, 1,200 other files, 5.0 kB'
    """
    return f"{_many(pages, 'page')}, {_many(files, 'other file')}, {decimal(size)}"


def _many(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def tables(counted: SnapshotStatistics, growth: Sequence[SnapshotInfo], most: int) -> list[Table]:
    """Return the tables of a report, each with up to `most` rows. `growth` are the snapshots, the oldest first."""
    depths = [
        Row(one.name or "unknown", (f"{one.pages:,}", decimal(one.size)), one.pages)
        for one in sorted(counted.depths, key=lambda one: int(one.name or -1))
    ]
    statuses = [
        Row(
            status_text(int(one.name)) if one.name else "no answer",
            (f"{one.pages + one.files:,}",),
            one.pages + one.files,
        )
        for one in counted.statuses
    ]
    largest = [Row(one.url, (decimal(one.size), one.media_type or ""), one.size) for one in counted.largest]
    slowest = [Row(url, (f"{time:,} ms",), time) for url, time in counted.slowest]
    return [
        _of_groups("Types", counted.types, most),
        _of_groups("Hosts", counted.hosts, most),
        _cut(Table("Depth", ("pages", "size"), depths, "links from a start, as the newest run counted them"), most),
        _cut(Table("Statuses", ("URLs",), statuses, "what servers answered, also where there is no file"), most),
        Table("Largest files", ("size", "type"), largest),
        Table("Slowest answers", ("time",), slowest, "from the request to the headers, when it was last requested"),
        _growth(growth, most),
    ]


def _of_groups(title: str, groups: Sequence[FileGroup], most: int) -> Table:
    rows = [
        Row(one.name or "unknown", (f"{one.pages:,}", f"{one.files:,}", decimal(one.size)), one.size) for one in groups
    ]
    return _cut(Table(title, _GROUP, rows), most)


def _cut(table: Table, most: int) -> Table:
    left_out = max(len(table.rows) - most, 0)
    return Table(table.title, table.columns, table.rows[:most], table.note, left_out)


def _growth(growth: Sequence[SnapshotInfo], most: int) -> Table:
    shown = growth[-most:]
    rows = [Row(f"{one.id}  {format_time(one.started)[:10]}", _growth_cells(one), one.numbers.size) for one in shown]
    note = "size: of all files; new: what no earlier snapshot had"
    return Table("Growth", _GROWTH, rows, note, len(growth) - len(shown))


def _growth_cells(one: SnapshotInfo) -> tuple[str, ...]:
    n = one.numbers
    counts = tuple(f"{number:,}" for number in (n.added, n.changed, n.gone))
    return f"{n.pages:,}", f"{n.files:,}", decimal(n.size), decimal(n.new_size), *counts


# --- text ----------------------------------------------------------------------------------------------------------------


def text_lines(table: Table, *, ascii_only: bool) -> Iterator[str]:
    """Yield a table as lines of text, with bars of block characters, or of `#`."""
    if not table.rows:
        return
    names = [_short(row.name) for row in table.rows]
    width = max(map(len, [table.title, *names]))
    widths = [
        max(len(row.cells[n]) for row in (*table.rows, Row("", table.columns, 0))) for n in range(len(table.columns))
    ]
    yield ""
    yield _line(table.title.ljust(width), table.columns, widths)
    for name, row in zip(names, table.rows, strict=True):
        yield f"{_line(name.ljust(width), row.cells, widths)}  {bar(table.share(row), ascii_only=ascii_only)}".rstrip()
    if table.left_out:
        yield f"and {table.left_out:,} {'earlier' if table.title == 'Growth' else 'more'}"


def _line(name: str, cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join([name, *(cell.rjust(width) for cell, width in zip(cells, widths, strict=True))])


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 13]}...{name[-10:]}"


def bar(share: float, *, ascii_only: bool = False) -> str:
    """Return a bar of up to 20 characters; it is not empty if the share is more than nothing.

    >>> bar(0.525), bar(0.001), bar(0.52, ascii_only=True), bar(0)
    ('██████████▌', '▏', '##########', '')
    """
    if share <= 0:
        return ""
    if ascii_only:
        return "#" * max(round(share * _WIDTH), 1)
    eighths = max(round(share * _WIDTH * 8), 1)
    return ("█" * (eighths // 8) + _PARTS[eighths % 8]).rstrip()
