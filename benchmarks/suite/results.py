"""The measurements, as one row for each run of a tool; their medians and ratios; and the JSON file that keeps them."""

import json
import statistics
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from operator import attrgetter
from pathlib import Path
from typing import Final

from benchmarks.suite.judging import ENOUGH_WORK, Shares

AGAIN: Final = ", again"
"""The suffix of a tool's name for its second run."""


@dataclass(frozen=True, slots=True)
class Row:
    """One run of a tool: seconds, bytes, requests, and the share of the work done. `against` is the tool that ratios are to."""

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
    def is_complete(self) -> bool:
        """Whether the figures can be compared with those of others: the tool did the work in time."""
        return self.done.least >= ENOUGH_WORK and not self.ended.startswith("stopped")


Figure = Callable[[Row], float]

WALL: Final[Figure] = attrgetter("wall")
CPU: Final[Figure] = attrgetter("cpu")
MEMORY: Final[Figure] = attrgetter("memory")


@dataclass(frozen=True, slots=True)
class Results:
    """The rows of all workloads. `setting` maps a workload to the machine and the versions that were used."""

    rows: tuple[Row, ...] = ()
    setting: dict[str, dict[str, str]] = field(default_factory=dict)

    def select(self, workload: str, tool: str) -> list[Row]:
        return [row for row in self.rows if row.workload == workload and row.tool == tool]

    def tools(self, workload: str) -> list[str]:
        """The tools that took part, in the order of the first round."""
        first = sorted((row for row in self.rows if row.workload == workload), key=lambda row: row.round)
        return list(dict.fromkeys(row.tool for row in first))

    def is_complete(self, workload: str, tool: str) -> bool:
        """Whether the tool did the work in every run."""
        rows = self.select(workload, tool)
        return bool(rows) and all(row.is_complete for row in rows)

    def median(self, workload: str, tool: str, figure: Figure) -> float | None:
        rows = self.select(workload, tool)
        return statistics.median(map(figure, rows)) if rows else None

    def ratio(self, workload: str, tool: str, other: str, figure: Figure) -> float | None:
        """The median of tool / other over the rounds in which both took part; `None` if one of them did not do the work."""
        if not (self.is_complete(workload, tool) and self.is_complete(workload, other)):
            return None
        others = {row.round: figure(row) for row in self.select(workload, other)}
        pairs = [(figure(row), others[row.round]) for row in self.select(workload, tool) if row.round in others]
        ratios = [mine / theirs for mine, theirs in pairs if theirs]
        return statistics.median(ratios) if ratios else None

    def replaced(self, rows: Iterable[Row], setting: dict[str, str]) -> "Results":
        """Replace the rows of the workloads that have new rows."""
        new = tuple(rows)
        names = {row.workload for row in new}
        kept = tuple(row for row in self.rows if row.workload not in names)
        return Results(kept + new, self.setting | dict.fromkeys(names, setting))


def load(path: Path) -> Results:
    """Load what `save` wrote; without a file, the results are empty."""
    if not path.exists():
        return Results()
    data = json.loads(path.read_text())
    rows = (Row(**row | {"done": Shares(**row["done"])}) for row in data["rows"])
    return Results(tuple(rows), data["setting"])


def save(results: Results, path: Path) -> None:
    """Write one row per line, so that diffs are readable."""
    order = sorted(results.rows, key=lambda row: (row.workload, row.round))
    rows = ",\n".join(json.dumps(asdict(row)) for row in order)
    setting = json.dumps(results.setting, indent=1, sort_keys=True)
    path.write_text(f'{{"setting": {setting},\n"rows": [\n{rows}\n]}}\n')
