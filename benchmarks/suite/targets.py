"""The performance targets of Websucker, as ratios within one run of the suite. They are all in one table, `TARGETS`."""

import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from benchmarks.suite.results import AGAIN, CPU, MEMORY, WALL, Results
from benchmarks.suite.tools import WEBSUCKER
from benchmarks.suite.workloads import (
    AT_SIXTEEN,
    AT_SIXTY_FOUR,
    AT_TWO_A_HOST,
    FEW,
    SIXTEEN,
    SIXTY_FOUR,
    TWO_A_HOST,
    WGET_KEEPING,
)

MEGABYTE: Final = 1e6
FIRST_REQUEST: Final = f"{WEBSUCKER}, first request"
"""The name under which `starts` stores how long that takes."""


@dataclass(frozen=True, slots=True)
class Target:
    """A figure: its description, the function that computes it, its bounds. Without bounds it is for information only."""

    workload: str
    description: str
    figure: Callable[[Results], float | None]
    at_least: float | None = None
    at_most: float | None = None

    @property
    def bound(self) -> str:
        """The bound as text."""
        if self.at_least is not None:
            return f"at least {self.at_least:g}"
        return f"at most {self.at_most:g}" if self.at_most is not None else ""

    def verdict(self, figure: float | None) -> str:
        """Whether the target was met, and by which factor, as text.

        >>> target = Target("docs", "", lambda results: None, at_least=2)
        >>> target.verdict(3), target.verdict(0.5), target.verdict(None)
        ('met, by a factor of 1.50', '**missed**, by a factor of 4.00', 'not measured')
        """
        if figure is None:
            return "not measured"
        if (factor := self.factor(figure)) is None:
            return ""
        return f"met, by a factor of {factor:.2f}" if factor >= 1 else f"**missed**, by a factor of {1 / factor:.2f}"

    def factor(self, figure: float) -> float | None:
        """Return how many times better than the bound a figure is; below 1 it misses the bound.

        >>> Target("large", "", lambda results: None, at_most=150).factor(300)
        0.5
        """
        if self.at_least is not None:
            return figure / self.at_least
        return self.at_most / figure if self.at_most is not None else None


def faster(workload: str, *others: str, than: str = WEBSUCKER) -> Callable[[Results], float | None]:
    """The wall time of the fastest of the others, divided by that of `than`."""
    return lambda results: least(results.ratio(workload, other, than, WALL) for other in others)


def least(figures: Iterable[float | None]) -> float | None:
    """The least of what is known."""
    return min((figure for figure in figures if figure is not None), default=None)


def megabytes(workload: str) -> Callable[[Results], float | None]:
    """Websucker's peak of memory, if it did the work."""

    def figure(results: Results) -> float | None:
        median = results.median(workload, WEBSUCKER, MEMORY)
        return median / MEGABYTE if median is not None and results.is_complete(workload, WEBSUCKER) else None

    return figure


def inverse(figure: Callable[[Results], float | None]) -> Callable[[Results], float | None]:
    def inverted(results: Results) -> float | None:
        found = figure(results)
        return 1 / found if found else None

    return inverted


def a_url(key: str) -> Callable[[Results], float | None]:
    """Bytes per URL that is known but not fetched, from the difference between many URLs and few.

    `key` is "memory", or a key of `Row.extra`.
    """

    def figure(results: Results) -> float | None:
        many, few = results.select("million", WEBSUCKER), results.select("million", FEW)
        if not many or not few or "known" not in many[-1].extra or "known" not in few[-1].extra:
            return None
        urls = many[-1].extra["known"] - few[-1].extra["known"]
        if key == "memory":
            return (max(row.memory for row in many) - max(row.memory for row in few)) / urls
        return (many[-1].extra[key] - few[-1].extra[key]) / urls

    return figure


def known_urls(results: Results) -> float | None:
    """The number of URLs that the crawl of `million` knew at its end."""
    rows = results.select("million", WEBSUCKER)
    return rows[-1].extra.get("known") if rows else None


def milliseconds_a_page(workload: str) -> Callable[[Results], float | None]:
    """Processor time of all of Websucker's processes, divided by the number of requests."""

    def figure(results: Results) -> float | None:
        rows = results.select(workload, WEBSUCKER)
        return 1e3 * statistics.median(row.cpu / row.requests for row in rows) if rows else None

    return figure


def seconds(workload: str, tool: str = WEBSUCKER) -> Callable[[Results], float | None]:
    """The wall time of a tool."""
    return lambda results: results.median(workload, tool, WALL)


HTTRACK: Final = "httrack -c8, no limits"

TARGETS: Final = (
    Target("start", "wall time until the first request of Websucker, s", seconds("start", FIRST_REQUEST), at_most=0.5),
    Target("small", "processor time of Websucker, ms a page", milliseconds_a_page("small"), at_most=2.3),
    Target("small", "wall time of wget / of Websucker", faster("small", "wget"), at_least=0.55),
    Target("small", "wall time of HTTrack / of Websucker", faster("small", HTTRACK), at_least=1),
    Target("small", "wall time of wget2, 16 threads / of Websucker", faster("small", "wget2, 16 threads")),
    Target(
        "small",
        "processor time of Websucker / of the bare spider",
        lambda results: results.ratio("small", WEBSUCKER, "scrapy, bare", CPU),
        at_most=1.3,
    ),
    Target("docs", "wall time of wget / of Websucker", faster("docs", "wget"), at_least=1.3),
    Target("docs", "wall time of HTTrack / of Websucker", faster("docs", HTTRACK), at_least=1.2),
    Target("docs", "wall time of wget2, 16 threads / of Websucker", faster("docs", "wget2, 16 threads")),
    Target(
        "latency", "wall time of wget / of Websucker, each with its defaults", faster("latency", "wget"), at_least=5
    ),
    Target(
        "latency",
        "wall time of the best peer / of Websucker, 16 connections each",
        faster("latency", *AT_SIXTEEN, than=SIXTEEN),
        at_least=0.95,
    ),
    Target(
        "latency",
        "wall time of the best peer / of Websucker, 64 connections each",
        faster("latency", *AT_SIXTY_FOUR, than=SIXTY_FOUR),
        at_least=0.7,
    ),
    Target("large", "speed of Websucker / of curl", faster("large", "curl"), at_least=0.85),
    Target("large", "peak memory of Websucker, MB", megabytes("large"), at_most=150),
    Target(
        "again",
        "wall time of Websucker's second run / of its first",
        lambda results: results.ratio("again", WEBSUCKER + AGAIN, WEBSUCKER, WALL),
        at_most=0.25,
    ),
    Target(
        "again",
        "wall time of Websucker's second run / of the faster `wget -N`, with or without -K",
        inverse(faster("again", "wget" + AGAIN, WGET_KEEPING + AGAIN, than=WEBSUCKER + AGAIN)),
        at_most=0.5,
    ),
    Target(
        "many",
        "wall time of the best peer / of Websucker, two connections a host",
        faster("many", *AT_TWO_A_HOST, than=TWO_A_HOST),
        at_least=2,
    ),
    Target(
        "many",
        "wall time of wget, 16 processes / of Websucker, two connections a host",
        faster("many", "wget, 16 processes", than=TWO_A_HOST),
    ),
    Target(
        "many", "wall time of wget, 16 processes / of Websucker with its defaults", faster("many", "wget, 16 processes")
    ),
    Target("million", "wall time of Websucker, s", seconds("million"), at_most=45),
    Target("million", "URLs known in the end", known_urls),
    Target("million", "peak memory of Websucker, MB", megabytes("million"), at_most=300),
    Target("million", "bytes of memory per known URL", a_url("memory")),
    Target("million", "bytes of the manifest per known URL", a_url("manifest")),
)
"""All targets, in the order of the workloads."""
