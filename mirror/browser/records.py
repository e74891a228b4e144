"""The values that the browser and its caller exchange: a page, a request of that page, and the result."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from mirror.core.http.request_variants import PLAIN, Variant
from mirror.core.syntax.reference import Kind

if TYPE_CHECKING:
    from playwright.async_api import StorageState


@dataclass(frozen=True, slots=True)
class Document:
    """A response as the server sent it: a page to open, or a resource that a page requested."""

    url: str
    status: int
    headers: Sequence[tuple[str, str]]
    body: bytes


class Screen(StrEnum):
    """A screen on which pages are shown."""

    DESKTOP = "desktop"
    PHONE = "phone"


class Clicks(StrEnum):
    """What to click on in a page."""

    NONE = "none"
    AUTO = "auto"  # what reveals more


class ScriptCookie(NamedTuple):
    """A cookie that a script set for the host of its page."""

    name: str
    value: str
    path: str


@dataclass(frozen=True, slots=True)
class PageRequest:
    """A URL that a page requests: a requisite, a document for a frame, or another page to go to.

    `waits` is whether the page waits for the response. `origin` is that of the page (`Origin`), if it would read a response of
    another origin. `cookies` are those that scripts of the page set for the host of the URL. `again`: it is the page itself,
    which loads itself again. `variant` is what a script sends besides the URL.
    """

    url: str
    kind: Kind
    waits: bool = True
    origin: str | None = None
    cookies: tuple[ScriptCookie, ...] = ()
    again: bool = False
    variant: Variant = PLAIN


class RefusedError(Exception):
    """The crawl may not send a request."""


Ask = Callable[[PageRequest], Awaitable[Document | None]]
"""Answers a request of a page; `None` if the resource can't be had. It is cancelled when the page stops waiting.

Raises `RefusedError`.
"""


@dataclass(slots=True)
class Rendering:
    """The result of opening a page.

    `url` is the page's address at the end. `html` is the DOM at that time, and `static_html` the same without scripts and event
    handlers; both are `None` if the DOM could not be read. `outcome` says why rendering did not complete, or is "". `missed` is
    set if the page had to continue without a resource. `refused` lists the requests that pages may not make. `needs` lists the
    reasons, as far as they were observed, why the page does not work from a disk. `waited` is whether the visit waited for
    timers, and `late` whether these led to requests. `cookies` are those that its scripts set for its host. `storage` is what
    the page stored (`localStorage`), as playwright has it; `None` if it stored nothing, or too much. `links` are the URLs to
    which the views of its hash routes link.
    """

    url: str
    html: str | None = None
    static_html: str | None = None
    outcome: str = ""
    missed: bool = False
    refused: list[str] = field(default_factory=list)
    needs: set[str] = field(default_factory=set)
    waited: bool = False
    late: bool = False
    cookies: tuple[ScriptCookie, ...] = ()
    storage: "StorageState | None" = None
    links: set[str] = field(default_factory=set)
