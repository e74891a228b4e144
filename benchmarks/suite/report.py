"""Turn results into Markdown, and put it between the markers of a page that is otherwise written by hand."""

import re
import statistics
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from benchmarks.suite.results import CPU, MEMORY, WALL, Figure, Results, Row
from benchmarks.suite.targets import TARGETS
from benchmarks.suite.workloads import WORKLOADS

MISSED: Final = Path(__file__).with_name("missed.md")
"""Why targets are missed. Written by hand, and copied into the page unchanged."""

_SMALL: Final = 10

COLUMNS: Final = (
    "wall s",
    "ratio",
    "processor s",
    "ratio",
    "peak MB",
    "ratio",
    "requests",
    "MB sent",
    "files",
    "bytes",
    "links",
)


def line(cells: Iterable[str]) -> str:
    r"""A row of a Markdown table.

    >>> line(["a", "b|c"])
    '| a | b\\|c |'
    """
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"


def table(head: Iterable[str], align: str, rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table. `align` has an "l" for each column of words, and an "r" for each column of figures."""
    return "\n".join([line(head), line("---" if side == "l" else "--:" for side in align), *map(line, rows)])


def workload_table(results: Results, workload: str) -> str:
    """The table of a workload: a row for each tool, with medians and ranges."""
    rows = [_cells(results, workload, tool) for tool in results.tools(workload)]
    rounds = len({row.round for row in results.rows if row.workload == workload})
    setting = results.setting.get(workload, {})
    versions = ", ".join(f"{name} {word}" if name != "machine" else word for name, word in setting.items())
    head = [f"{rounds} round" + "s" * (rounds != 1), *COLUMNS]
    return f"{table(head, 'l' + 'r' * len(COLUMNS), rows)}\n\n{versions}"


def _cells(results: Results, workload: str, tool: str) -> Iterator[str]:
    rows = results.select(workload, tool)
    against = rows[0].against
    yield tool if results.is_complete(workload, tool) else f"*{tool}* ({failure(rows)})"
    for figure, unit in ((WALL, 1.0), (CPU, 1.0), (MEMORY, 1e6)):
        yield spread([figure(row) / unit for row in rows])
        yield ratio(results, workload, tool, against, figure)
    yield f"{statistics.median(row.requests for row in rows):,.0f}"
    yield number(statistics.median(row.sent for row in rows) / 1e6)
    yield worst(row.done.files for row in rows)
    yield worst(row.done.size for row in rows)
    yield worst(row.done.links for row in rows)


def worst(shares: Iterable[float | None]) -> str:
    """The lowest share of all rounds; "" if it is not part of the tool's work.

    >>> worst([1.0, 0.5]), worst([None])
    ('50 %', '')
    """
    there = [share for share in shares if share is not None]
    return percent(min(there)) if there else ""


def failure(rows: list[Row]) -> str:
    """Why a tool is not compared, in words."""
    least = min(rows, key=lambda row: (row.is_complete, row.done.least))
    done = f"did {percent(least.done.least)}"
    return f"{done}, {least.ended}" if least.ended.startswith("stopped") else done


def ratio(results: Results, workload: str, tool: str, against: str, figure: Figure) -> str:
    """A ratio to Websucker as text."""
    if tool == against:
        return "1"
    found = results.ratio(workload, tool, against, figure)
    return "" if found is None else f"{found:.2f}"


def spread(figures: list[float]) -> str:
    """The median, and the range if there are several figures.

    >>> spread([3.0, 1.0, 2.0]), spread([12.34])
    ('2.0 (1.0 to 3.0)', '12.3')
    """
    middle = number(statistics.median(figures))
    return f"{middle} ({number(min(figures))} to {number(max(figures))})" if len(figures) > 1 else middle


def number(figure: float) -> str:
    """Format a figure with three digits, or with all digits before the point.

    >>> number(0.1234), number(12.34), number(1234.5)
    ('0.12', '12.3', '1,234')
    """
    return f"{figure:.2f}" if figure < 1 else f"{figure:.1f}" if figure < 100 else f"{figure:,.0f}"


def exact(figure: float) -> str:
    """Format a figure so that it can be compared with a bound.

    >>> exact(1.17), exact(31.74)
    ('1.17', '31.7')
    """
    return f"{figure:.2f}" if figure < _SMALL else number(figure)


def percent(share: float) -> str:
    """Format a share. Only a complete share becomes 100 %.

    >>> percent(1.0), percent(0.9999), percent(0.5)
    ('100 %', '99.9 %', '50 %')
    """
    return "100 %" if share >= 1 else f"{int(share * 1000) / 10:g} %"


def target_table(results: Results) -> str:
    """The table of all targets and their verdicts."""
    rows = []
    for target in TARGETS:
        figure = target.figure(results)
        shown = "" if figure is None else exact(figure)
        rows.append([target.workload, target.description, target.bound, shown, target.verdict(figure)])
    return table(["workload", "figure", "target", "measured", ""], "lllrl", rows)


def parts(results: Results) -> dict[str, str]:
    """The generated parts of the page, by the names of their markers."""
    there = {row.workload for row in results.rows}
    tables = {name: workload_table(results, name) for name in WORKLOADS if name in there}
    return {"targets": target_table(results), **tables, "missed": MISSED.read_text().strip()}


def filled(page: str, generated: dict[str, str]) -> str:
    """Put the generated parts between their markers in a page. Everything else, including parts that are not given, stays.

    >>> filled("a <!-- begin x -->old<!-- end x --> b", {"x": "new"}).split("\\n")
    ['a <!-- begin x -->', 'new', '<!-- end x --> b']
    """
    for name, text in generated.items():
        found = re.compile(rf"(<!-- begin {name} -->).*?(<!-- end {name} -->)", re.DOTALL)
        if not found.search(page):
            raise ValueError(f"the page has no markers for {name}")
        page = found.sub(lambda match, text=text: f"{match[1]}\n{text}\n{match[2]}", page)  # type: ignore[misc]
    return page
