"""Who is right: the rows of the site with planted faults, and, on a real site, its server and Chromium."""

import urllib.error
import urllib.request
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote, urldefrag

from playwright.sync_api import Error, Page, sync_playwright

from benchmarks.links.tools import NOTICES, Claim
from mirror.browser.chromium import find
from tests.links.faults import Row, row_of
from tests.links.planted import HOLDER_OF, PLACES, ROWS

SPOKEN: Final = "fragment => { location.hash = fragment; return document.querySelector(':target') !== null }"
QUIET: Final = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


@dataclass(frozen=True, slots=True)
class Score:
    """What a tool found of a group of rows: faults and their number, traps that it fell into, and their number."""

    found: frozenset[str]
    faults: frozenset[str]
    false: frozenset[str]
    traps: frozenset[str]


def scores(claims: Iterable[Claim], names: Iterable[str]) -> dict[str, Score]:
    """Judge a report on the site with planted faults: group -> score. `names` are the rows that the run could see."""
    by_row: dict[str, set[str]] = defaultdict(set)
    for claim in claims:
        if row := row_of(claim.url, ROWS):
            by_row[row.name].add(claim.kind)
    groups: dict[str, list[Row]] = defaultdict(list)
    for name in names:
        groups[HOLDER_OF[name].group].append(ROWS[name])
    return {group: _score(rows, by_row) for group, rows in groups.items()}


def _score(rows: Sequence[Row], by_row: dict[str, set[str]]) -> Score:
    faults = [row for row in rows if row.kinds]
    traps = [row for row in rows if not row.kinds]
    return Score(
        frozenset(row.name for row in faults if is_found(row, by_row[row.name])),
        frozenset(row.name for row in faults),
        frozenset(row.name for row in traps if is_false(row, by_row[row.name])),
        frozenset(row.name for row in traps),
    )


def is_found(row: Row, kinds: set[str]) -> bool:
    """Whether a fault is reported. An error is enough for all but orphans and the like, which have to be called by name.

    >>> broken, moved = (Row(name="x", markup="", kinds=(kind,)) for kind in ("broken", "redirect"))
    >>> is_found(broken, {"error"}), is_found(broken, {"redirect"}), is_found(moved, {"redirect"})
    (True, False, True)
    """
    return bool(
        kinds & {*row.kinds} or ("error" in kinds and not {"mixed", "orphan", "duplicate", "skipped"} & {*row.kinds})
    )


def is_false(row: Row, kinds: set[str]) -> bool:
    """Whether something is claimed of a trap that is not so. A redirect for now that is listed is no false claim."""
    allowed = {*row.may, "warning"} | ({"redirect"} if row.hops else set())
    wrong = kinds - allowed
    return bool(wrong and not (wrong == {"error"} and {"broken", "fragment"} & {*row.may}))


def misnamed(claims: Iterable[Claim]) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Rows that are reported as another kind than they are: name, the claimed kind, the right ones. For tools with kinds."""
    for name, kind in sorted({(row.name, claim.kind) for claim in claims if (row := row_of(claim.url, ROWS))}):
        row = ROWS[name]
        if kind not in {*row.kinds, *row.may}:
            yield name, kind, row.kinds


def misplaced(claims: Iterable[Claim]) -> Iterator[tuple[str, tuple[int | None, int | None], tuple[int, int, int]]]:
    """Faults that are reported at another place than where they are: name, the claimed line and column, the right ones."""
    claimed: dict[str, set[tuple[int | None, int | None]]] = defaultdict(set)
    for claim in claims:
        row = row_of(claim.url, ROWS)
        if row and claim.page.endswith(PLACES[row.name].page):
            claimed[row.name].add((claim.line, claim.column))
    for name, places in sorted(claimed.items()):
        right = PLACES[name]
        if right.line and not places & {(right.line, right.column), (right.line, right.value_column)}:
            yield name, next(iter(places)), (right.line, right.column, right.value_column)


def misled(claims: Iterable[Claim]) -> Iterator[tuple[str, str, str]]:
    """Redirects of which a tool says that they lead elsewhere: name, the claimed URL, the right one without its server."""
    for claim in claims:
        row = row_of(claim.url, ROWS)
        if row and row.instead and claim.kind == "redirect":
            right = row.instead.partition("}")[2]
            if not claim.instead.endswith(right):
                yield row.name, claim.instead, right


# Real sites


class Judge:
    """Asks the server of a site, and Chromium, whether a claimed fault is one. Each URL is asked about once."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._known: dict[str, bool] = {}
        self._missing: dict[str, str] = {}

    def real(self, urls: Collection[str]) -> set[str]:
        """What leads nowhere, or to a page that lacks the fragment. A page that is missing counts once, without fragments."""
        by_page: dict[str, set[str]] = defaultdict(set)
        for url in urls:
            if url not in self._known:
                by_page[urldefrag(url).url].add(url)
        for page, claimed in by_page.items():
            self._ask(page, claimed)
        return {self.cause(url) for url in urls if self._known[url]}

    def cause(self, url: str) -> str:
        """The page if it is missing, after redirects; otherwise the URL with its fragment decoded."""
        page, fragment = urldefrag(url)
        if page in self._missing:
            return self._missing[page]
        return f"{page}#{unquote(fragment)}" if fragment else page

    def _ask(self, page: str, urls: set[str]) -> None:
        missing = missing_url(page)
        if missing:
            self._missing[page] = missing
            self._known.update(dict.fromkeys(urls, True))
            return
        with_fragment = {url for url in urls if urldefrag(url).fragment}
        self._known.update(dict.fromkeys(urls - with_fragment, False))
        if not with_fragment:
            return
        try:
            self._page.goto(page, wait_until="load")
        except Error:  # a download has no fragments
            self._known.update(dict.fromkeys(with_fragment, False))
            return
        for url in with_fragment:
            fragment = urldefrag(url).fragment
            is_found = fragment.lower() == "top" or self._page.evaluate(SPOKEN, fragment)
            self._known[url] = not is_found


def missing_url(url: str) -> str:
    """The URL that a server has nothing at, after redirects from `url`; "" if it has something."""
    try:
        urllib.request.urlopen(url, timeout=10).close()
    except urllib.error.HTTPError as error:
        error.close()
        return error.url
    except OSError:
        return url
    return ""


def judged(claims: dict[str, list[Claim]], origin: str) -> tuple[dict[str, tuple[set[str], set[str]]], set[str]]:
    """Judge reports on a real site: tool -> (what is real, what is not); and what is real of all that the tools claim."""
    told = {
        tool: {claim.url for claim in said if claim.kind not in NOTICES and claim.url.startswith(origin)}
        for tool, said in claims.items()
    }
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find(), args=QUIET)
        judge = Judge(browser.new_page())
        real = {tool: judge.real(urls) for tool, urls in told.items()}
        false = {tool: {judge.cause(url) for url in urls} - real[tool] for tool, urls in told.items()}
        browser.close()
    return {tool: (real[tool], false[tool]) for tool in told}, set().union(*real.values())
