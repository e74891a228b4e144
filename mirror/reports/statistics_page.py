"""The page of `stats --html`: the statistics of a snapshot in one file, with bars as SVG. It loads nothing and runs nothing."""

from collections.abc import Sequence
from typing import Final

from rich.filesize import decimal

from mirror.core.comparison.html_frame import escaped, page
from mirror.reports.statistics import Row, Table, heading, sums, tables, totals
from mirror.reports.times import format_time
from mirror.store.manifest.history_records import SnapshotInfo, SnapshotStatistics

_ROWS: Final = 50
_HEIGHT: Final = 100
_STYLE: Final = """:root { --bar: #5b8fc9; --new: #1f4e86; }
@media (prefers-color-scheme: dark) { :root { --bar: #44719f; --new: #a9cdf3; } }
table { border-collapse: collapse; width: 100%; }
th, td { padding: .25rem 0 .25rem .75rem; border-bottom: 1px solid rgb(128 128 128 / .3); text-align: right;
  vertical-align: top; white-space: nowrap; font-variant-numeric: tabular-nums; }
th:first-child, td:first-child { padding-left: 0; text-align: left; white-space: normal; overflow-wrap: anywhere;
  width: 50%; min-width: 8rem; }
td.word { white-space: normal; overflow-wrap: anywhere; }
h1 { font-size: clamp(1.25rem, 5vw, 2rem); line-height: 1.25; }
svg { display: block; width: 100%; }
.bar { height: .375rem; margin-top: .125rem; }
.chart { height: 10rem; border-bottom: 1px solid rgb(128 128 128 / .5); }
.size { fill: var(--bar); }
.new { fill: var(--new); }
figure { margin: 1rem 0; }
.wide { overflow-x: auto; }
"""


def statistics_page(info: SnapshotInfo, counted: SnapshotStatistics, growth: Sequence[SnapshotInfo]) -> str:
    """Return an HTML page about a snapshot; `growth` are the snapshots up to it, the oldest first."""
    *others, last = tables(counted, growth, _ROWS)
    parts = [f"<p>{escaped(totals(counted))}</p>", *map(_table, others), _heading(last), _chart(growth), _rows(last)]
    return page(heading(info), "\n".join(parts), _STYLE)


def _table(table: Table) -> str:
    return f"{_heading(table)}\n{_rows(table)}" if table.rows else ""


def _heading(table: Table) -> str:
    note = f"\n<p><small>{escaped(table.note)}</small></p>" if table.note else ""
    return f"<h2>{escaped(table.title)}</h2>{note}"


def _rows(table: Table) -> str:
    columns = "".join(f"<th>{escaped(name)}</th>" for name in table.columns)
    rows = "\n".join(_row(table, row) for row in table.rows)
    more = f"\n<p>and {table.left_out:,} more</p>" if table.left_out else ""
    return f'<div class="wide"><table>\n<tr><th></th>{columns}</tr>\n{rows}\n</table></div>{more}'


def _row(table: Table, row: Row) -> str:
    kinds = (' class="word"' if name == "type" else "" for name in table.columns)
    cells = "".join(f"<td{kind}>{escaped(cell)}</td>" for kind, cell in zip(kinds, row.cells, strict=True))
    length = f"{100 * table.share(row):.2f}"
    picture = (
        '<svg class="bar" viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect class="size" width="{length}" height="1"/></svg>'
    )
    return f"<tr><td>{escaped(row.name)}{picture}</td>{cells}</tr>"


def _chart(growth: Sequence[SnapshotInfo]) -> str:
    """A bar for each snapshot: its size, and in the other colour what no earlier one had."""
    highest = max((max(one.numbers.size, one.numbers.new_size) for one in growth), default=0)
    if not highest:
        return ""
    bars = "\n".join(_column(n, one, highest) for n, one in enumerate(growth))
    first, last = (format_time(one.started)[:10] for one in (growth[0], growth[-1]))
    caption = f"{first} to {last}; the highest bar is {decimal(highest)}; the stronger colour at the bottom is new"
    return (
        f'<figure>\n<svg class="chart" viewBox="0 0 {len(growth)} {_HEIGHT}" preserveAspectRatio="none" role="img" '
        f'aria-label="The size of each snapshot">\n{bars}\n</svg>\n<figcaption><small>{escaped(caption)}</small></figcaption>\n'
        "</figure>"
    )


def _column(n: int, one: SnapshotInfo, highest: int) -> str:
    has = one.numbers
    what = f"{sums(has.pages, has.files, has.size)}, {decimal(has.new_size)} new"
    name = escaped(f"snapshot {one.id}, {format_time(one.started)}: {what}")
    parts = "".join(
        f'<rect class="{part}" x="{n + 0.1:.1f}" y="{_HEIGHT - high:.2f}" width="0.8" height="{high:.2f}"/>'
        for part, size in (("size", one.numbers.size), ("new", one.numbers.new_size))
        if (high := _HEIGHT * size / highest)
    )
    return f"<g><title>{name}</title>{parts}</g>"
