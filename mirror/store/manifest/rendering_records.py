"""Pages that a browser opens, as values: which, how far they are, and what came of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Final

from mirror.core.url.canonical import CanonicalURL
from mirror.store.disk.objects import Digest

MOST_TRIES: Final = 3
"""How often a page is opened whose resources did not come in time: each time there are more of them."""


class When(StrEnum):
    """Which pages a user wants rendered."""

    AUTO = "auto"  # those of which their HTML says that more comes of it
    ALWAYS = "always"
    NEVER = "never"
    DOM = "dom"  # those in which anything runs; what the tree shows of them is what they are then


class State(IntEnum):
    """Where a page stands in this run."""

    WAITS = 0
    DONE = 1
    SPARED = 2  # of its template enough were rendered that gave nothing new
    GIVEN_UP = 3  # there is no browser after all


@dataclass(frozen=True, slots=True)
class Task:
    """A page to render. `tries` counts this one."""

    resource_id: int
    url_id: int
    url: CanonicalURL
    template: str
    trials: int | None
    tries: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it: what did not come to an end, "" if all did; what was refused; the DOM, if it is kept."""

    outcome: str = ""
    refused: Sequence[str] = ()
    dom: Digest | None = None


@dataclass(frozen=True, slots=True)
class Renderings:
    """How many pages were rendered in a run, how many were not done, were spared; how many URLs that brought."""

    done: int
    unfinished: int
    spared: int
    found: int
