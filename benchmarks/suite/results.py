"""What was measured, as rows: one for each run of a tool. Medians and ratios of them; a JSON file of them."""

import json
import statistics
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from operator import attrgetter
from pathlib import Path
from typing import Final

from benchmarks.suite.judging import WHOLE, Shares

AGAIN: Final = ", again"
"""What is added to the name of a tool for its second run."""


@dataclass(frozen=True, slots=True)
class Row:
    """One run of a tool: seconds, bytes, requests, and how much of the work was done."""

    workload: str
    tool: str
    against: str
    round: int
    wall: float
    cpu: float
    memory: int
    requests: int
    sent: int
    done: Shares
    ended: str
    extra: dict[str, int] = field(default_factory=dict)

    @property
    def whole(self) -> bool:
        """Whether the figures can be compared with those of others: the work was done, and in time."""
        return self.done.least >= WHOLE and not self.ended.startswith("stopped")


Figure = Callable[[Row], float]

WALL: Final[Figure] = attrgetter("wall")
CPU: Final[Figure] = attrgetter("cpu")
MEMORY: Final[Figure] = attrgetter("memory")


@dataclass(frozen=True, slots=True)
class Results:
    """The rows of all workloads; on which machine and with which versions they were measured: workload -> name -> word."""

    rows: tuple[Row, ...] = ()
    setting: dict[str, dict[str, str]] = field(default_factory=dict)

    def of(self, workload: str, tool: str) -> list[Row]:
        return [row for row in self.rows if row.workload == workload and row.tool == tool]

    def tools(self, workload: str) -> list[str]:
        """The tools that took part, in the order of the first round."""
        first = sorted((row for row in self.rows if row.workload == workload), key=lambda row: row.round)
        return list(dict.fromkeys(row.tool for row in first))

    def whole(self, workload: str, tool: str) -> bool:
        """Whether the tool did the work, each time."""
        rows = self.of(workload, tool)
        return bool(rows) and all(row.whole for row in rows)

    def median(self, workload: str, tool: str, figure: Figure) -> float | None:
        rows = self.of(workload, tool)
        return statistics.median(map(figure, rows)) if rows else None

    def ratio(self, workload: str, tool: str, other: str, figure: Figure) -> float | None:
        """The median of tool / other over the rounds in which both took part; `None` if not both did the work."""
        if not (self.whole(workload, tool) and self.whole(workload, other)):
            return None
        others = {row.round: figure(row) for row in self.of(workload, other)}
        pairs = [(figure(row), others[row.round]) for row in self.of(workload, tool) if row.round in others]
        ratios = [mine / theirs for mine, theirs in pairs if theirs]
        return statistics.median(ratios) if ratios else None

    def replaced(self, rows: Iterable[Row], setting: dict[str, str]) -> "Results":
        """With rows of new runs in the place of the old ones of their workloads."""
        new = tuple(rows)
        names = {row.workload for row in new}
        kept = tuple(row for row in self.rows if row.workload not in names)
        return Results(kept + new, self.setting | dict.fromkeys(names, setting))


def load(path: Path) -> Results:
    """What `save` wrote; nothing where there is no file."""
    if not path.exists():
        return Results()
    data = json.loads(path.read_text())
    rows = (Row(**row | {"done": Shares(**row["done"])}) for row in data["rows"])
    return Results(tuple(rows), data["setting"])


def save(results: Results, path: Path) -> None:
    """One row a line, so that a change can be read."""
    order = sorted(results.rows, key=lambda row: (row.workload, row.round))
    rows = ",\n".join(json.dumps(asdict(row)) for row in order)
    setting = json.dumps(results.setting, indent=1, sort_keys=True)
    path.write_text(f'{{"setting": {setting},\n"rows": [\n{rows}\n]}}\n')
