"""Traps: parts of a host that lead on without an end and contain nothing new.

Input: URLs with the pages that link to them, and pages in the order of their answers. Output: the rule that keeps the crawl
from following a URL, in words, or `None`. This module uses no clock and no database, and it doesn't stop a URL that a page
outside of the trap links to.

The law
-------
1. URLs of a host that look alike are a *family* (`url_families`). All URLs of an origin are one more family.
2. A page *leads on* if it has a link to a URL of its own family that the crawl has not met before. A page is *barren* if it
   leads on, has nothing else new of its host and no new picture from any host, and *reads* like an earlier page of the family.
   It reads like another if it has the same words in the same order, or if its URL is a new combination (`color=red&size=s`) of
   parts that the crawl has met, and each of its words was on earlier pages. These words don't count: words of the page's own
   URL; words of the URLs of the same family that it links to (except in the family of an origin, because lists consist of names
   only, and in combinations of a query); numbers close to those of its URL; times; random identifiers. In calendars no number
   counts. A page that doesn't lead on is not counted: a catalogue may have a million similar entries.
3. After as many barren pages of a family in a row as the budget of its rule allows, the family is closed: the crawl doesn't
   follow links to it from its own pages. It follows links from other places: a sitemap, a start, the list of a catalogue. The
   next page that is not barren opens the family again.
4. Some hosts make up a page of random words for each URL, so that no page is barren. A probe detects them: once a family
   has led to very many URLs, the crawl asks for a URL that can't exist. If the host answers with a page that has the same
   elements and classes, and that leads to URLs that the crawl has not met, the family has no end, and the crawl closes it.

Honest sites are not cut, because they end and because their pages have content. The crawl usually cuts a family only after a
hundred or more pages in a row without a word, a picture or a link of their own. The state of a family is a few numbers and a
few kilobytes. There are at most `MAX_FAMILIES` states; the crawl forgets the one that was not used for the longest time.

Other crawlers: Heritrix refuses a segment more than twice in a row and more than 20 segments (`PathologicalPathDecideRule`,
`TooManyPathSegmentsDecideRule`), whatever the pages contain; Nutch has a regular expression for the same. Bar-Yossef et al.
(WWW 2004) ask for URLs that can't exist to find soft 404s; Lee et al. (IRLbot, WWW 2008) give each domain a budget. The list of
parameters that hold sessions comes from Heritrix and the Wayback Machine (`core.url.aliases`).
"""

import re
import zlib
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from hashlib import sha256
from typing import Any, Final
from urllib.parse import unquote

from mirror.core.policy.page_fingerprint import are_similar, own_words, sketch, text_hash, visible_words
from mirror.core.policy.url_families import Family, Trap, find_family, origin_family
from mirror.core.syntax.reference import Kind, Reference
from mirror.core.url.canonical import CanonicalURL, origin

MAX_FAMILIES: Final = 4096
MAX_PROBES: Final = 8
"""Probes for each origin."""
_MARKS: Final = 1 << 17
"""Bits that say which words a family has. When half of them are set, all are cleared, and every word is new again."""
_MAX_MARKED: Final = 256
"""Families whose words are kept."""
_STEPS: Final = {Trap.FACETS: 4, Trap.SAME: 4}
"""For these rules the crawl reads one page in this many and counts it for as many, because reading costs more than counting."""
_CALENDAR_FACTOR: Final = 10
"""A calendar is also over when its barren pages have led to this many times the budget, because a month leads to its days."""
_ORIGIN_FACTOR: Final = 4
"""The family of an origin has to lead to this many times as many URLs as another family before it is probed."""
_READ_AFTER: Final = 50
"""URLs that a family has to lead to before its pages are read."""
_COMBINED: Final = 2


@dataclass(frozen=True, slots=True)
class Budgets:
    """How many barren pages in a row each rule allows; 0: no limit.

    `world` is different: how many URLs a family has to lead to before it is probed.
    """

    repeated: int = 10
    deep: int = 100
    calendar: int = 500
    facets: int = 1000
    pages: int = 500
    same: int = 1000
    world: int = 5000

    def limit(self, trap: Trap) -> int:
        return int(getattr(self, trap.name.lower()))


@dataclass(slots=True)
class State:
    """What is known of a family. The manifest stores it as JSON, with the names of the fields as keys.

    `led`: the number of new URLs of the family that its pages linked to. `barren`: the number of barren pages in a row.
    `barren_led`: the number of new URLs that these linked to. `is_world`: whether a probe found that the family has no end.
    `probe`: the URL that was asked for as a probe. `sketch`: the sketch of a page of the family at that time. `marks`: a bit
    for each hash of the words of its pages; `marked`: the number of bits that are set.
    """

    led: int = 0
    barren: int = 0
    barren_led: int = 0
    is_world: bool = False
    probe: str | None = None
    sketch: tuple[int, ...] = ()
    marked: int = 0
    marks: bytearray | None = field(default=None, repr=False)

    def test_and_set(self, mark: int) -> bool:
        """Set a mark; return whether it was set before."""
        if self.marks is None or self.marked > _MARKS // 2:
            self.marks, self.marked = bytearray(_MARKS // 8), 0
        place, bit = divmod(mark % _MARKS, 8)
        if self.marks[place] >> bit & 1:
            return True
        self.marks[place] |= 1 << bit
        self.marked += 1
        return False

    def as_json(self) -> dict[str, Any]:
        values = {one.name: getattr(self, one.name) for one in fields(self) if one.name != "marks"}
        values = {name: value for name, value in values.items() if value}
        return values | ({"marks": zlib.compress(bytes(self.marks), 1).hex()} if self.marks else {})

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "State":
        """Read a stored state. Raises `ValueError` or `TypeError` if it is none."""
        packed = bytes.fromhex(values.get("marks", ""))
        marks = _unpacked(packed) if packed else None
        return cls(**{**values, "sketch": tuple(values.get("sketch", ())), "marks": marks})


def _unpacked(packed: bytes) -> bytearray:
    try:
        marks = zlib.decompressobj().decompress(packed, _MARKS // 8)
    except zlib.error as error:
        raise ValueError(str(error)) from error
    if len(marks) != _MARKS // 8:
        raise ValueError("a bit field has another length")
    return bytearray(marks)


class Traps:
    """The families of a run. `known` is the saved state of each; `changed` returns what has to be saved."""

    def __init__(self, budgets: Budgets, known: Mapping[str, Mapping[str, Any]] | None = None) -> None:
        self.budgets = budgets
        self._states: OrderedDict[str, State] = OrderedDict(
            (key, State.from_json(values)) for key, values in (known or {}).items()
        )
        self._changed: set[str] = set()
        self._closed: set[str] = {key for key, state in self._states.items() if self._is_over(_trap_of(key), state)}
        self._probes = {state.probe: key for key, state in self._states.items() if state.probe}
        self._marked: OrderedDict[str, None] = OrderedDict((key, None) for key, s in self._states.items() if s.marks)

    # --- URLs ----------------------------------------------------------------------------------------------------------

    def blocking_rule(self, url: CanonicalURL, page: CanonicalURL) -> str | None:
        """Return the rule that keeps the crawl from following a link on a page, in words; `None` if the link is followed."""
        if not self._closed:
            return None
        here = _keys(page)
        for key in _keys(url):
            if key in self._closed and key in here:
                return self._describe(key)
        return None

    def _describe(self, key: str) -> str:
        trap, _, place = key.partition(" ")
        if self._states[key].is_world:
            return f"{Trap.WORLD}, in {place}"
        return f"{Trap[trap]}, in {place}: {self.budgets.limit(Trap[trap]):,} pages in a row brought nothing new"

    # --- pages ---------------------------------------------------------------------------------------------------------

    def answered(
        self, page: CanonicalURL, links: Sequence[Reference], new: Sequence[Reference], read: Callable[[], str]
    ) -> CanonicalURL | None:
        """Record a page before its links are followed; return the URL of a probe if the crawl has to ask for one.

        `links` are all links of the page, `new` the references to URLs that the crawl has not met, and `read` returns its HTML.
        """
        met = _met(new, page)
        if not met:
            return None
        probe, text = None, _Text(read)
        for family in _families(page):
            key = family.id
            own = len(met) - met.count(None) if family.is_whole_origin else sum(_is_of(family, one) for one in met)
            if not own:
                continue
            state = self._state(key)
            is_worth_reading = self._is_worth_reading(family.trap, state, page)
            state.led += own
            self._changed.add(key)
            if is_worth_reading:
                urls = [page]
                if family.trap is not Trap.FACETS and not family.is_whole_origin:
                    urls += [link.url for link in links if _is_of(family, find_family(link.url))]
                is_barren = self._reads_like_another(family, key, state, urls, text) and own == len(met)
                self._count(family, key, state, own if is_barren else 0)
            probe = probe or self._probe(family, key, state, page, text)
        return probe

    def _is_worth_reading(self, trap: Trap, state: State, page: CanonicalURL) -> bool:
        budget = self.budgets.limit(trap)
        return (
            state.led >= min(_READ_AFTER, budget)
            and budget > 0
            and zlib.crc32(page.encode()) % _STEPS.get(trap, 1) == 0
        )

    def _count(self, family: Family, key: str, state: State, led: int) -> None:
        """Count a page that led to this many URLs as barren; 0: the page is not barren."""
        state.barren = state.barren + _STEPS.get(family.trap, 1) if led else 0
        state.barren_led = state.barren_led + led if led else 0
        if self._is_over(family.trap, state):
            self._closed.add(key)
        else:
            self._closed.discard(key)

    def _is_over(self, trap: Trap, state: State) -> bool:
        budget = self.budgets.limit(trap)
        many = trap is Trap.CALENDAR and state.barren_led >= _CALENDAR_FACTOR * budget
        return state.is_world or (budget > 0 and (budget <= state.barren or many))

    def _reads_like_another(self, family: Family, key: str, state: State, urls: Sequence[str], text: "_Text") -> bool:
        """Whether an earlier page of the family reads the same. `urls`: the page's, then those whose words don't count."""
        self._mark(key)
        words = own_words(text.words, urls, numbers=family.trap is not Trap.CALENDAR)
        repeats = state.test_and_set(text_hash("\0".join(words)))
        if len(family.parts) < _COMBINED:
            return repeats
        known_parts = [state.test_and_set(text_hash(f"{n}\0{part}")) for n, part in enumerate(sorted(family.parts))]
        known_words = [state.test_and_set(text_hash(word)) for word in set(words)]
        return repeats or (all(known_parts) and all(known_words))

    # --- probes --------------------------------------------------------------------------------------------------------

    def _probe(self, family: Family, key: str, state: State, page: CanonicalURL, text: "_Text") -> CanonicalURL | None:
        is_origin = family.is_whole_origin
        place = origin(page)
        budget = self.budgets.world * (_ORIGIN_FACTOR if is_origin else 1)
        if not budget or state.led < budget or state.probe:
            return None
        if sum(probe.startswith(place + "/") for probe in self._probes) >= MAX_PROBES:
            return None
        state.sketch = sketch(text.html)
        state.probe = absent_url(CanonicalURL(f"{place}/") if is_origin else page, key)
        self._probes[state.probe] = key
        return CanonicalURL(state.probe)

    def is_probe(self, url: CanonicalURL) -> bool:
        return url in self._probes

    def probed(self, url: CanonicalURL, text: str, *, leads_on: bool) -> None:
        """Record that a probe found a page. `leads_on`: it links to URLs of its host that the crawl has not met."""
        key = self._probes[url]
        state = self._states.get(key)
        if state and leads_on and are_similar(state.sketch, sketch(text)):
            state.is_world = True
            self._closed.add(key)
            self._changed.add(key)

    # --- states --------------------------------------------------------------------------------------------------------

    def changed(self) -> tuple[dict[str, dict[str, Any]], list[str]]:
        """Return the states that changed since the last call, and the keys of the families that were forgotten."""
        changed = {key: self._states[key].as_json() for key in self._changed if key in self._states}
        forgotten = [key for key in self._changed if key not in self._states]
        self._changed.clear()
        return changed, forgotten

    def _state(self, key: str) -> State:
        state = self._states.get(key)
        if state is None:
            state = self._states[key] = State()
            if len(self._states) > MAX_FAMILIES:
                self._forget(next(iter(self._states)))
        else:
            self._states.move_to_end(key)
        return state

    def _forget(self, key: str) -> None:
        state = self._states.pop(key)
        self._closed.discard(key)
        self._marked.pop(key, None)
        if state.probe:
            self._probes.pop(state.probe, None)
        self._changed.add(key)

    def _mark(self, key: str) -> None:
        """Note that a family gets words; drop the words of the family that got none for the longest time."""
        self._marked[key] = None
        self._marked.move_to_end(key)
        self._changed.add(key)
        if len(self._marked) > _MAX_MARKED:
            old, _ = self._marked.popitem(last=False)
            self._states[old].marks, self._states[old].marked = None, 0
            self._changed.add(old)


class _Text:
    """The text of a page, which is read at most once, and only if it is needed."""

    def __init__(self, read: Callable[[], str]) -> None:
        self._read = read

    @cached_property
    def html(self) -> str:
        return self._read()

    @cached_property
    def words(self) -> list[str]:
        return visible_words(self.html)


def _met(new: Sequence[Reference], page: CanonicalURL) -> list[Family | None]:
    """Return the families of the new URLs that count; `None` for a URL that is no link within the host.

    These don't count, because each page may have one of its own: guesses and URLs that are never fetched; links that name the
    page itself (`/login?next=/this/page`); links to other hosts, such as those that share a page; pictures and other requisites
    with a query, such as counters. Other requisites count.
    """
    place = f"{origin(page)}/"
    path = page[len(place) - 1 :].partition("?")[0]
    met: list[Family | None] = []
    for url, kind, guess in new:
        if guess or kind is Kind.NEVER:
            continue
        query = url.partition("?")[2]
        if kind is Kind.REQUISITE:
            met += () if "?" in url else (None,)
        elif url.startswith(place) and not (query and len(path) > 1 and path in unquote(query)):
            met.append(find_family(url))
    return met


def _is_of(family: Family, other: Family | None) -> bool:
    """Whether a URL is of a family. Here all calendars of a host are one family: `/add?date=2026-05-01` is nothing else."""
    if other is None or family.trap is not other.trap:
        return False
    return family.key == other.key or family.trap is Trap.CALENDAR


def absent_url(page: CanonicalURL, key: str) -> str:
    """Return a URL beside a page that can't exist; it is always the same for a family.

    >>> absent_url(CanonicalURL("http://example.org/a/b.html?c"), "x")
    'http://example.org/a/there-is-no-such-page-2d711642b726b044.html'
    """
    folder, _, name = page.partition("?")[0].rpartition("/")
    extension = f".{name.rpartition('.')[2]}" if re.search(r"\.[A-Za-z]{2,5}$", name) else ""
    return f"{folder}/there-is-no-such-page-{sha256(key.encode()).hexdigest()[:16]}{extension}"


def _families(url: CanonicalURL) -> tuple[Family, ...]:
    family = find_family(url)
    return () if family is None else (family, origin_family(url))


def _keys(url: CanonicalURL) -> tuple[str, ...]:
    family = find_family(url)
    return () if family is None else (family.id, f"{Trap.SAME.name} {origin(url)}")


def _trap_of(key: str) -> Trap:
    return Trap[key.partition(" ")[0]]
