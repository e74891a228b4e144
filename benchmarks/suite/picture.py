"""Draw the results as an SVG: a bar for each tool's ratio to Websucker, in wall time, processor time and peak memory.

The scale is logarithmic, so that bars for "twice" and "half" have the same length. The picture has a background of its own, and
dark colours for readers who prefer them, so it is readable on any page.
"""

import math
from collections.abc import Iterator
from html import escape
from typing import Final

from benchmarks.suite.report import failure
from benchmarks.suite.results import CPU, MEMORY, WALL, Figure, Results
from benchmarks.suite.workloads import WORKLOADS

PANELS: Final[tuple[tuple[str, Figure], ...]] = (("wall time", WALL), ("processor time", CPU), ("peak memory", MEMORY))
REACH: Final = 10.0
"""The ratio at the end of the scale. Longer bars end there; the number beside them is exact."""

ROW: Final = 20
LABELS: Final = 210
PANEL: Final = 230
HALF: Final = 70
"""Pixels: height of a row, width of the names, width of a panel, half the length of its scale."""

WIDTH: Final = LABELS + 3 * PANEL + 10
HEAD: Final = 76

STYLE: Final = """
svg { --ground: #ffffff; --ink: #24292f; --faint: #656d76; --line: #d0d7de; --dear: #3b7fc4; --cheap: #c9772b }
@media (prefers-color-scheme: dark) {
  svg { --ground: #161b22; --ink: #e6edf3; --faint: #9198a1; --line: #3d444d; --dear: #5a9be0; --cheap: #e0954c }
}
.ground { fill: var(--ground); stroke: var(--line) }
.dear { fill: var(--dear) } .cheap { fill: var(--cheap) }
.axis { stroke: var(--line) } .one { stroke: var(--faint) }
text { font: 12px system-ui, sans-serif; fill: var(--ink) }
.faint { fill: var(--faint) } .strong { font-weight: 600 } .middle { text-anchor: middle } .end { text-anchor: end }
"""


def draw(results: Results) -> str:
    """Draw all workloads that were measured."""
    body = list(_body(results))
    height = HEAD + ROW * sum(1 for element in body if element.startswith('<text x="14"')) + 16
    axes = "".join(_axes(height))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img">'
        f"<title>What other tools need, divided by what Websucker needs</title><style>{STYLE}</style>"
        f'<rect class="ground" x=".5" y=".5" width="{WIDTH - 1}" height="{height - 1}" rx="8"/>'
        f"{axes}{''.join(body)}</svg>\n"
    )


def length(ratio: float) -> float:
    """Pixels from the line of Websucker; to the right if the tool needs more.

    >>> length(1), length(10), length(0.1), length(1000)
    (0.0, 70.0, -70.0, 70.0)
    """
    return round(HALF * max(-1.0, min(1.0, math.log(ratio, REACH))), 1)


def _axes(height: int) -> Iterator[str]:
    yield text(14, 24, "What other tools need / what Websucker needs", "strong")
    for number, (title, _) in enumerate(PANELS):
        middle = _middle(number)
        yield text(middle, 46, title, "strong middle")
        for tick, label in ((1 / REACH, "a tenth"), (1.0, "equal"), (REACH, "10 times")):
            x = middle + length(tick)
            kind = "one" if tick == 1 else "axis"
            yield text(x, 62, label, "faint middle")
            yield f'<line class="{kind}" x1="{x:g}" x2="{x:g}" y1="68" y2="{height - 12}"/>'


def _body(results: Results) -> Iterator[str]:
    y = HEAD + 8
    for workload in WORKLOADS:
        tools = [tool for tool in results.tools(workload) if results.select(workload, tool)[0].against != tool]
        for heading in [workload] if tools else []:
            yield text(14, y + 4, heading, "strong")
            y += ROW
        for tool in tools:
            yield text(14, y + 4, f"  {tool}", "faint" if not results.is_complete(workload, tool) else "")
            yield from _bars(results, workload, tool, y)
            y += ROW


def _bars(results: Results, workload: str, tool: str, y: int) -> Iterator[str]:
    rows = results.select(workload, tool)
    if not results.is_complete(workload, tool):
        yield text(LABELS + 20, y + 4, f"not compared: {failure(rows)}", "faint")
        return
    for number, (_, figure) in enumerate(PANELS):
        ratio = results.ratio(workload, tool, rows[0].against, figure)
        if ratio:
            yield bar(_middle(number), y, ratio)


def bar(middle: float, y: int, ratio: float) -> str:
    """A bar that starts at the line of Websucker, and its number at the end."""
    end = length(ratio)
    kind, side, gap = ("dear", "", 4) if end >= 0 else ("cheap", "end", -4)
    shape = f'<rect class="{kind}" x="{middle + min(0, end):g}" y="{y - 6}" width="{abs(end):g}" height="13" rx="2"/>'
    return shape + text(middle + end + gap, y + 4, f"{ratio:.2f}" if ratio < 10 else f"{ratio:.0f}", side)


def text(x: float, y: int, words: str, kind: str = "") -> str:
    return f'<text x="{x:g}" y="{y}" class="{kind}">{escape(words)}</text>'


def _middle(panel: int) -> float:
    return LABELS + PANEL * panel + PANEL / 2
