"""Traps: parts of a host that lead on for ever and bring nothing.

Enters: URLs as they are found, with the page that they stand on, and pages as they come. Leaves: the words of the rule by
which a URL is not followed, or `None`. Never here: a clock, a database, an opinion on a URL that something outside leads to.

The law
-------
1. URLs of a host that look alike are a *family*: `family` says which, by the first rule of `RULES` that knows them. All URLs of
   an origin are one more.
2. A page *leads on* if a URL that nobody had met stands on it, and is of its own family. It is *barren* if it leads on, nothing
   else of its host on it is new, nor a picture from wherever, and it *reads* like an earlier page of the family: the same
   words in the same order, or a new combination of what its URL says (`color=red&size=s`) without a word that none of the
   others has. Of its words those of its own URL do not count and of those of the family that stand on it (but in an origin's
   own family, for lists say nothing but names), nor numbers next to its own, times, and what chance makes; in calendars no
   numbers do.
   A page that does not lead on counts for nothing: a catalogue may have a million entries alike.
3. Once as many pages of a family in a row are barren as its rule's budget allows, what pages of the family say of it is not
   followed. What others say is: a sitemap, a start, the list of a catalogue. The next page that is not barren opens it again.
4. A world in which each page is another one, of words by chance, is told by a question: where a family has led to very many
   URLs, a page is asked for that can't be there. If it is there, looks like those (the same elements and classes), and leads to
   what nobody had met, there is no end: then its pages lead no further.

Why honest sites are not hit: they end, and their pages have something to say. What is cut is what a hundred and more pages in a
row had not: an own word, an own picture, a way to somewhere else. The state of a family is a few numbers and a few kilobytes;
there are at most `MOST_FAMILIES` of them, of which those that nothing was said of for longest are forgotten.

Others: Heritrix refuses a segment more than twice in a row and more than 20 segments (`PathologicalPathDecideRule`,
`TooManyPathSegmentsDecideRule`), whatever stands there; Nutch has a regular expression for the same. Bar-Yossef et al. (WWW
2004) ask for what can't be there, to find soft 404s; Lee et al. (IRLbot, WWW 2008) give each domain a budget. Which parameters
are sessions is what Heritrix and the Wayback Machine have (`urls.StripSessionIDs`).
"""

import re
import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from enum import StrEnum
from functools import cached_property, lru_cache
from hashlib import sha256
from typing import Any, Final
from urllib.parse import unquote

from mirror.core.document.references import Reference
from mirror.core.syntax.embedded_urls import Kind
from mirror.core.url.canonical import CanonicalURL, is_web, origin

MOST_FAMILIES: Final = 4096
MOST_PROBES: Final = 8
"""Questions for what can't be there, for each origin."""
_MARKS: Final = 1 << 17
"""Bits that say which words a family has; when half of them are set, they are forgotten, and all is new again."""
_MOST_MARKED: Final = 256
"""Families of which words are kept."""
_SKETCH: Final = 64
_ALIKE: Final = 0.8
_NEAR: Final = 10
_KEPT: Final = 1 << 14
"""URLs of which the family is remembered: the pages of a site link to the same ones."""


class Trap(StrEnum):
    """The rules, as they are told. `RULES` has what each recognises."""

    REPEATED = "repeated path segments"
    DEEP = "ever deeper paths"
    CALENDAR = "calendar"
    FACETS = "combinations of a query"
    PAGES = "pages by number"
    SAME = "pages that say the same"
    WORLD = "pages for whatever is asked"


@dataclass(frozen=True, slots=True)
class Budgets:
    """How many barren pages in a row each rule allows; 0: any number.

    `world`: to how many URLs a family has to lead before what can't be there is asked for.
    """

    repeated: int = 10
    deep: int = 100
    calendar: int = 500
    facets: int = 1000
    pages: int = 500
    same: int = 1000
    world: int = 5000

    def of(self, trap: Trap) -> int:
        return int(getattr(self, trap.name.lower()))


@dataclass(frozen=True, slots=True)
class Family:
    """URLs that look alike: `key` tells them from others; `parts` is what one of them says that others may say too."""

    trap: Trap
    key: str
    parts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Shape:
    """A URL in pieces; `segments` are those of the path that are not empty, `query` is "" where there is none."""

    place: str
    path: str
    segments: Sequence[str]
    query: str

    @property
    def head(self) -> str:
        """The first folder, numbers in it one like the other."""
        return _head(self.segments)


Recognise = Callable[[Shape], Family | None]
"""A URL -> its family, if the rule knows it."""

_DATE: Final = re.compile(
    r"(?<![0-9])(?:1[0-9]|2[0-9])[0-9]{2}(?:[-/_.](?:0?[1-9]|1[0-2])(?:[-/_.](?:0?[1-9]|[12][0-9]|3[01]))?"
    r"|(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01]))(?![0-9])"
)
_DATED: Final = re.compile(
    r"(?:^|[&;])(?:[a-z_\-]*(?:date|datum|year|month|week)|yr?|mon?|day|cal(?:endar)?|tribe-bar-date|ical|from|to)="
    r"-?[0-9][0-9\-/.:T%A-F]*(?=$|[&;])",
    re.IGNORECASE,
)
_NUMBER: Final = re.compile(r"[0-9]+")
_REPEATED: Final = re.compile(r"((?:/[^/]+){1,6}?)\1{2,}(?=/|$)")
_MOST_PATH: Final = 1 << 11
_DEEP: Final = 10
_TWO: Final = 2


def _repeated(url: Shape) -> Family | None:
    """One to six segments, three times in a row or more: `/a/b/a/b/a/b`. A relative link that should have been absolute.

    Tiles of a map are `/0/0/0.png`, and folders have the same name: they bring something, so they are no trap.
    """
    if len(url.segments) < 3 or len(set(url.segments)) == len(url.segments):  # noqa: PLR2004 - see above
        return None
    match = _REPEATED.search(url.path[:_MOST_PATH])
    return Family(Trap.REPEATED, f"{url.place}{url.path[: match.start()]}{match[1]}...") if match else None


def _deep(url: Shape) -> Family | None:
    """More than ten segments. Folders are as deep, and end; they list what is in them."""
    return Family(Trap.DEEP, f"{url.place}{url.head}...") if len(url.segments) > _DEEP else None


def _calendar(url: Shape) -> Family | None:
    """A date in the path, or parameters that are called like one. All views of a calendar are one family.

    Empty months come in a dozen kinds, empty days in seven dozen. The archive of a blog has posts, and ends.
    """
    match = _DATE.search(url.path)
    if match:
        return Family(Trap.CALENDAR, url.place + _head(url.path[: match.start()].split("/")[1:]))
    if url.query and (_DATED.search(url.query) or _DATE.search(url.query)):
        return Family(Trap.CALENDAR, url.place + url.head)
    return None


def _facets(url: Shape) -> Family | None:
    """Two parameters or more; or three segments without a number, behind the first of which the others are combined.

    A shop with six filters of five values has 46,656 lists of the same goods. The threads of a forum have words of their own.
    """
    parts = tuple(part for part in re.split("[&;]", url.query) if part)
    if len(parts) >= _TWO:
        return Family(Trap.FACETS, f"{url.place}{url.path}?", parts)
    if not parts and len(url.segments) > _TWO and not _NUMBER.search(url.path):
        return Family(Trap.FACETS, f"{url.place}{url.head}", tuple(url.segments[1:]))
    return None


def _pages(url: Shape) -> Family | None:
    """A number: `?page=7`, `/list/7`. A list that ends brings what it lists; one without an end repeats its empty page."""
    if url.query and _NUMBER.search(url.query):
        return Family(Trap.PAGES, f"{url.place}{_NUMBER.sub('N', url.path)}?{url.query.partition('=')[0]}")
    return Family(Trap.PAGES, url.place + _NUMBER.sub("N", url.path)) if _NUMBER.search(url.path) else None


def _same(url: Shape) -> Family | None:
    """What is left, by its first folder: one page under many URLs, as a server gives it that knows no 404."""
    return Family(Trap.SAME, f"{url.place}{url.head}{'?' if url.query else ''}")


RULES: Final[tuple[Recognise, ...]] = (_repeated, _calendar, _deep, _facets, _pages, _same)
"""The first that knows a URL has it."""

_STEPS: Final = {Trap.FACETS: 4, Trap.SAME: 4}
"""Of what these rules have only each so manieth page is read, and counts for so many: to read costs more than to count."""
_VIEWS: Final = 10
"""A month leads to its days: a calendar is over too when barren pages have led to so many times the budget."""
_AT_ROOT: Final = 4
"""An origin has to lead to so many times as many URLs as a family of it before it is asked for what can't be there."""
_READ_AFTER: Final = 50
"""URLs to which a family has to lead before its pages are read."""


def family(url: CanonicalURL) -> Family | None:
    """The family of a URL of the web.

    >>> family(CanonicalURL("http://example.org/a/b/a/b/a/b/c")).key
    'http://example.org/a/b...'
    >>> family(CanonicalURL("http://example.org/events/2026/05/")).trap
    <Trap.CALENDAR: 'calendar'>
    """
    return _family(url) if len(url) <= _MOST_PATH else _family.__wrapped__(url)


@lru_cache(maxsize=_KEPT)
def _family(url: CanonicalURL) -> Family | None:
    if not is_web(url):
        return None
    place = origin(url)
    path, _, query = url[len(place) :].partition("?")
    shape = Shape(place, path, [segment for segment in path.split("/") if segment], query)
    return next((found for rule in RULES if (found := rule(shape))), None)


def _head(segments: Sequence[str]) -> str:
    """The first folder, numbers in it one like the other."""
    first = next(iter(segments), "")
    return f"/{_NUMBER.sub('N', first)}" if first else "/"


@dataclass(slots=True)
class State:
    """What is known of a family.

    `led`: to how many URLs of its own; `barren`: how many of its pages in a row were that, and `barren_led`, to how many they
    led; `probe`: what was asked for that can't be there, `sketch`: what its pages were made of then; `marks`: its words.
    """

    led: int = 0
    barren: int = 0
    barren_led: int = 0
    is_world: bool = False
    probe: str | None = None
    sketch: tuple[int, ...] = ()
    marked: int = 0
    marks: bytearray | None = field(default=None, repr=False)

    def has(self, mark: int) -> bool:
        """Whether a mark was set; sets it."""
        if self.marks is None or self.marked > _MARKS // 2:
            self.marks, self.marked = bytearray(_MARKS // 8), 0
        place, bit = divmod(mark % _MARKS, 8)
        if self.marks[place] >> bit & 1:
            return True
        self.marks[place] |= 1 << bit
        self.marked += 1
        return False

    def as_json(self) -> dict[str, Any]:
        said = {one.name: getattr(self, one.name) for one in fields(self) if one.name != "marks"}
        said = {name: value for name, value in said.items() if value}
        return said | ({"marks": zlib.compress(bytes(self.marks), 1).hex()} if self.marks else {})

    @classmethod
    def of_json(cls, said: Mapping[str, Any]) -> "State":
        marks = said.get("marks")
        return cls(
            **{
                **said,
                "sketch": tuple(said.get("sketch", ())),
                "marks": bytearray(zlib.decompress(bytes.fromhex(marks))) if marks else None,
            }
        )


class Traps:
    """The families of a run. `known` is what was said of them before; `changed` gives what is said otherwise by now."""

    def __init__(self, budgets: Budgets, known: Mapping[str, Mapping[str, Any]] | None = None) -> None:
        self.budgets = budgets
        self._states: OrderedDict[str, State] = OrderedDict(
            (key, State.of_json(said)) for key, said in (known or {}).items()
        )
        self._changed: set[str] = set()
        self._closed: set[str] = {key for key, state in self._states.items() if self._is_over(_trap_of(key), state)}
        self._probes = {state.probe: key for key, state in self._states.items() if state.probe}
        self._marked: OrderedDict[str, None] = OrderedDict((key, None) for key, s in self._states.items() if s.marks)

    # --- URLs ----------------------------------------------------------------------------------------------------------

    def bars(self, url: CanonicalURL, page: CanonicalURL) -> str | None:
        """By which rule a URL that stands on a page is not followed, in words."""
        if not self._closed:
            return None
        here = self._keys(page)
        for key in self._keys(url):
            if key in self._closed and key in here:
                return self._words(key)
        return None

    def _words(self, key: str) -> str:
        trap, _, place = key.partition(" ")
        if self._states[key].is_world:
            return f"{Trap.WORLD}, in {place}"
        return f"{Trap[trap]}, in {place}: {self.budgets.of(Trap[trap]):,} pages in a row brought nothing new"

    # --- pages ---------------------------------------------------------------------------------------------------------

    def answered(
        self, page: CanonicalURL, links: Sequence[Reference], new: Sequence[Reference], read: Callable[[], str]
    ) -> CanonicalURL | None:
        """Hear of a page, before its links are followed: of those the `new` ones, that nobody had met; `read` gives its text.

        Gives a URL that can't be there, where that has to be asked for.
        """
        met = [one for one in (_met(reference, page) for reference in new) if one is not None]
        if not met:
            return None
        probe, text = None, _Text(read)
        for one in self._families(page):
            key = _key(one)
            own = sum(_is_own(one, key, other) for other in met)
            if not own:
                continue
            state = self._state(key)
            is_worth_it = self._is_worth_it(one.trap, state, page)
            state.led += own
            self._changed.add(key)
            if is_worth_it:
                names = [page]
                if one.trap is not Trap.FACETS and not _is_whole(one):
                    names += [link.url for link in links if _is_own(one, key, (family(link.url), link.url))]
                is_barren = self._reads_like_another(one, key, state, names, text) and own == len(met)
                self._count(one, key, state, own if is_barren else 0)
            probe = probe or self._probe(one, key, state, page, text)
        return probe

    def _is_worth_it(self, trap: Trap, state: State, page: CanonicalURL) -> bool:
        """Whether a page is to be read."""
        budget = self.budgets.of(trap)
        return (
            state.led >= min(_READ_AFTER, budget)
            and budget > 0
            and zlib.crc32(page.encode()) % _STEPS.get(trap, 1) == 0
        )

    def _count(self, one: Family, key: str, state: State, led: int) -> None:
        """One page more that is barren and led to so many URLs; 0: it is not barren."""
        state.barren = state.barren + _STEPS.get(one.trap, 1) if led else 0
        state.barren_led = state.barren_led + led if led else 0
        if self._is_over(one.trap, state):
            self._closed.add(key)
        else:
            self._closed.discard(key)

    def _is_over(self, trap: Trap, state: State) -> bool:
        budget = self.budgets.of(trap)
        many = trap is Trap.CALENDAR and state.barren_led >= _VIEWS * budget
        return state.is_world or (budget > 0 and (budget <= state.barren or many))

    def _reads_like_another(self, one: Family, key: str, state: State, names: Sequence[str], text: "_Text") -> bool:
        """Whether there was a page like it. `names`: its URL, and those that stand on it and do not count."""
        self._mark(key)
        said = own_words(text.words, names, numbers=one.trap is not Trap.CALENDAR)
        repeats = state.has(_hash("\0".join(said)))
        if len(one.parts) < _TWO:
            return repeats
        known_parts = [state.has(_hash(f"{n}\0{part}")) for n, part in enumerate(sorted(one.parts))]
        known_words = [state.has(_hash(word)) for word in set(said)]
        return repeats or (all(known_parts) and all(known_words))

    # --- what can't be there -------------------------------------------------------------------------------------------

    def _probe(self, one: Family, key: str, state: State, page: CanonicalURL, text: "_Text") -> CanonicalURL | None:
        is_root = _is_whole(one)
        place = origin(page)
        budget = self.budgets.world * (_AT_ROOT if is_root else 1)
        if not budget or state.led < budget or state.probe:
            return None
        if sum(probe.startswith(place + "/") for probe in self._probes) >= MOST_PROBES:
            return None
        state.sketch = sketch(text.html)
        state.probe = absent(CanonicalURL(f"{place}/") if is_root else page, key)
        self._probes[state.probe] = key
        return CanonicalURL(state.probe)

    def is_probe(self, url: CanonicalURL) -> bool:
        return url in self._probes

    def probed(self, url: CanonicalURL, text: str, *, leads_on: bool) -> None:
        """Hear that what can't be there is there. `leads_on`: to URLs of its host that nobody had met."""
        key = self._probes[url]
        state = self._states.get(key)
        if state and leads_on and alike(state.sketch, sketch(text)):
            state.is_world = True
            self._closed.add(key)
            self._changed.add(key)

    # --- states --------------------------------------------------------------------------------------------------------

    def changed(self) -> tuple[dict[str, dict[str, Any]], list[str]]:
        """What is said otherwise of families since this was asked last, and which are forgotten."""
        said = {key: self._states[key].as_json() for key in self._changed if key in self._states}
        gone = [key for key in self._changed if key not in self._states]
        self._changed.clear()
        return said, gone

    def _families(self, url: CanonicalURL) -> tuple[Family, ...]:
        own = family(url)
        return () if own is None else (own, Family(Trap.SAME, origin(url)))

    def _keys(self, url: CanonicalURL) -> tuple[str, ...]:
        own = family(url)
        return () if own is None else (_key(own), f"{Trap.SAME.name} {origin(url)}")

    def _state(self, key: str) -> State:
        state = self._states.get(key)
        if state is None:
            state = self._states[key] = State()
            if len(self._states) > MOST_FAMILIES:
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
        """This family has words; one that had none for longest loses them."""
        self._marked[key] = None
        self._marked.move_to_end(key)
        self._changed.add(key)
        if len(self._marked) > _MOST_MARKED:
            old, _ = self._marked.popitem(last=False)
            self._states[old].marks, self._states[old].marked = None, 0
            self._changed.add(old)


class _Text:
    """What a page says, read when somebody asks, and not twice."""

    def __init__(self, read: Callable[[], str]) -> None:
        self._read = read

    @cached_property
    def html(self) -> str:
        return self._read()

    @cached_property
    def words(self) -> list[str]:
        return words(self.html)


Met = tuple[Family | None, CanonicalURL]
"""What is new: its family (`None`: it is no link to the host) and its URL."""


def _met(reference: Reference, page: CanonicalURL) -> Met | None:
    """What a reference to something new counts as; `None`: it does not count, because each page may have one of its own.

    That is what is never fetched or a guess, what speaks of the page itself (`/login?next=/this/page`), links to other hosts,
    as those to share a page, and pictures and the like with a query, as counters are. Other pictures are something.
    """
    url = reference.url
    if reference.guess or reference.kind is Kind.NEVER:
        return None
    place = origin(page)
    if reference.kind is Kind.REQUISITE:
        return None if "?" in url else (None, url)
    if not url.startswith(place + "/"):
        return None
    path, query = page[len(place) :].partition("?")[0], url.partition("?")[2]
    if query and len(path) > 1 and path in unquote(query):
        return None
    return family(url), url


def _is_own(one: Family, key: str, other: Met) -> bool:
    """Whether what is new is of a family. All calendars of a host are alike here: `/add?date=2026-05-01` is nothing else."""
    found, _ = other
    if found is None:
        return False
    return _key(found) == key or _is_whole(one) or (one.trap is found.trap is Trap.CALENDAR)


def _is_whole(one: Family) -> bool:
    """Whether it is all of an origin."""
    return one.trap is Trap.SAME and one.key.count("/") == _TWO


# --- what a page says -----------------------------------------------------------------------------------------------------

_UNREAD: Final = re.compile(r"<(script|style)\b.*?</\1\s*>|<!--.*?-->|<[^>]*>", re.DOTALL | re.IGNORECASE)
_TIME: Final = re.compile(r"\b[0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?\b|\b[0-9]+\.[0-9]{3,}\b")
_WORD: Final = re.compile(r"[^\W_]+")
_TAG: Final = re.compile(r"<([a-z][a-z0-9]*)(?=[\s/>])(?:[^>]*?\sclass\s*=\s*[\"']?([^\"'>]*))?", re.IGNORECASE)
_BY_CHANCE: Final = re.compile(r"(?=[A-Za-z]*[0-9])[A-Za-z0-9]{12,}|[0-9a-f]{12,}", re.IGNORECASE)
_MOST_READ: Final = 1 << 16  # characters of a page


def words(html: str) -> list[str]:
    """The words that a reader of a page sees, in small letters; no times.

    >>> words("<p>Page 7 of many, <!-- no --> next: 8</p> 12:30:01")
    ['page', '7', 'of', 'many', 'next', '8']
    """
    return _WORD.findall(_TIME.sub(" ", _UNREAD.sub(" ", html[:_MOST_READ])).casefold())


def own_words(said: Sequence[str], names: Sequence[str], *, numbers: bool = True) -> list[str]:
    """Of the words of a page those that are its own: see point 2 of the law. `names`: its URL, then those to which it leads.

    >>> own_words(["page", "7", "of", "many", "next", "8"], ["http://example.org/?page=7"])
    ['of', 'many', 'next']
    """
    own = _WORD.findall(_behind_host(names[0]).casefold())
    named = {*own, *_WORD.findall(" ".join(map(_behind_host, names[1:])).casefold())}
    near = {number + step for number in _numbers(own) for step in range(-_NEAR, _NEAR + 1)}
    different = {*said}
    theirs = {word for word in different if word in named or _is_chance(word)}
    theirs |= {word for word in different if word.isdecimal() and (not numbers or _number(word) in near)}
    return [word for word in said if word not in theirs]


def _behind_host(url: str) -> str:
    """Path and query: a host may have numbers too."""
    return url.partition("://")[2].partition("/")[2]


def sketch(html: str) -> tuple[int, ...]:
    """Which elements and classes a page is made of, as a few numbers: the least of their hashes (Broder 1997)."""
    found = {_hash(f"{tag.lower()}.{names.strip()}") for tag, names in _TAG.findall(html[:_MOST_READ])}
    return tuple(sorted(found)[:_SKETCH])


def alike(one: Sequence[int], other: Sequence[int]) -> bool:
    """Whether two pages are made of the same."""
    least = set(sorted({*one, *other})[:_SKETCH])
    return bool(least) and len(least & {*one} & {*other}) >= _ALIKE * len(least)


def absent(page: CanonicalURL, key: str) -> str:
    """A URL beside a page that can't be there; always the same for the same family.

    >>> absent(CanonicalURL("http://example.org/a/b.html?c"), "x")
    'http://example.org/a/there-is-no-such-page-2d711642b726b044.html'
    """
    folder, _, name = page.partition("?")[0].rpartition("/")
    extension = f".{name.rpartition('.')[2]}" if re.search(r"\.[A-Za-z]{2,5}$", name) else ""
    return f"{folder}/there-is-no-such-page-{sha256(key.encode()).hexdigest()[:16]}{extension}"


def _numbers(found: Iterable[str]) -> list[int]:
    return [_number(word) for word in found if word.isdecimal()]


def _number(word: str) -> int:
    return int(word[:18])


def _is_chance(word: str) -> bool:
    return len(word) >= 12 and _BY_CHANCE.fullmatch(word) is not None  # noqa: PLR2004 - as the pattern says


def _hash(text: str) -> int:
    return zlib.crc32(text.encode("utf-8", "surrogatepass"))


def _key(one: Family) -> str:
    return f"{one.trap.name} {one.key}"


def _trap_of(key: str) -> Trap:
    return Trap[key.partition(" ")[0]]
