"""The records of pages that a browser opens: which are to be opened, how far they are, and their outcome."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Final

from mirror.core.url.canonical import CanonicalURL
from mirror.store.disk.objects import Digest

MAX_TRIES: Final = 3
"""How often a page is opened whose requisites did not arrive in time. Each time, more of them are there."""


class RenderMode(StrEnum):
    """Which pages the user wants rendered."""

    AUTO = "auto"  # pages whose HTML shows that scripts load more
    ALWAYS = "always"
    NEVER = "never"
    DOM = "dom"  # pages with any script; the tree shows the DOM that a browser made of them


class RenderingState(IntEnum):
    """The state of a page in a run."""

    WAITS = 0
    DONE = 1
    SPARED = 2  # enough pages of its template were rendered and found nothing new
    GIVEN_UP = 3  # there was no browser


@dataclass(frozen=True, slots=True)
class RenderingTask:
    """A page to render. `tries` counts how often it was begun, this time included.

    `template` is the same for pages that run the same scripts. After `trials` pages of a template found nothing new, others of
    it are spared; `None`: none is.
    """

    resource_id: int
    url_id: int
    url: CanonicalURL
    template: str
    trials: int | None
    tries: int


@dataclass(frozen=True, slots=True)
class RenderingOutcome:
    """The outcome of rendering a page.

    `outcome` says what did not end in time, "" if everything did. `refused` lists the requests that were refused, a line each.
    `dom` is the DOM, if it is kept.
    """

    outcome: str = ""
    refused: Sequence[str] = ()
    dom: Digest | None = None


@dataclass(frozen=True, slots=True)
class RenderingCounts:
    """How many pages a run rendered, how many of these did not end in time, how many it spared, and how many URLs it found."""

    done: int
    unfinished: int
    spared: int
    found: int
