"""What a page costs in calls: a speed as tests can state it. Whoever makes a page cheaper lowers its bounds here.

A page is one of 15 KB with 60 links. Its cost is that of a crawl of many pages less that of a crawl of few, divided by the
difference, so the start and the end of a crawl don't count.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from tests.crawl.costs import Counts, counted
from tests.crawl.results import MAIN, made_site, proxy
from tests.site import Handler, Page, Resource, Site

FEW: Final = 100
MANY: Final = 250
TAG: Final = '"as-it-was"'


@dataclass(frozen=True, slots=True)
class Run:
    """How the pages are crawled: a first time or again, and whether the server says by 304 that they are unchanged."""

    name: str
    bounds: dict[str, float]
    workers: int = 0
    again: bool = False
    validators: bool = False
    settings: dict[str, str] = field(default_factory=dict)


RUNS: Final = (
    Run(
        "new",
        {
            "statements": 12.1,  # calls of the database
            "executions": 12.1,  # what SQLite executes for them: a statement for many rows counts once for each
            "created": 2.2,  # the object and the copy
            "named": 5.7,  # both get their names, and one in the tree; a share of the folders
            "changed": 1.1,  # dates and modes
            "removed": 0.1,
            "looked up": 5.6,  # names, of files that are read or may be there
            "callbacks": 5.3,
        },
    ),
    Run(
        "new, with a worker",
        {"sent": 1.3, "received": 1.3, "statements": 12.1, "created": 0.1, "named": 0.1},
        workers=1,
    ),
    Run("new, one connection", {"turns": 6, "callbacks": 7.1}, settings={"CONCURRENT_REQUESTS": "1"}),
    Run(
        "the same payload again",
        {
            "statements": 11,
            "executions": 11.2,
            "created": 0.1,
            "named": 0.1,
            "removed": 0.1,
            "looked up": 4.4,
            "callbacks": 5.3,
        },
        again=True,
    ),
    Run(
        "unchanged, with a worker",
        {
            "sent": 0.1,
            "received": 0.1,
            "statements": 8.6,
            "executions": 9.1,
            "created": 0.1,
            "named": 0.1,
            "looked up": 2.4,
        },
        workers=1,
        again=True,
        validators=True,
    ),
)


@pytest.mark.parametrize("run", RUNS, ids=[run.name for run in RUNS])
def test_a_page_costs_no_more_calls_than_that(run: Run, tmp_path: Path) -> None:
    few, many = (crawl(run, pages, tmp_path / str(pages)) for pages in (FEW, MANY))
    assert many["statements"] > MANY, "something is counted"
    costs = {what: (many[what] - few[what]) / (MANY - FEW) for what in run.bounds}
    assert {what: cost for what, cost in costs.items() if cost > run.bounds[what]} == {}, costs


def crawl(run: Run, pages: int, out: Path) -> Counts:
    """Crawl so many pages, and count what the last run costs."""
    site = made_site(pages, 15_000, 60)
    if run.validators:
        site = Site({url: validated(page) for url, page in site.items()})
    with proxy(site) as address:
        count = partial(counted, f"{MAIN}/", out, f"workers={run.workers}", f"proxy={address}", settings=run.settings)
        return [count() for _ in range(1 + run.again)][-1]


def validated(page: Resource) -> Callable[[Handler], None]:
    """A page that is not sent again to a client that has it."""
    assert isinstance(page, Page)
    whole = Page(page.status, {**page.headers, "ETag": TAG}, page.body)

    def answer(request: Handler) -> None:
        request.reply(Page(304, {"ETag": TAG}) if request.headers.get("If-None-Match") == TAG else whole)

    return answer
