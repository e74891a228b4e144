"""Which entries of the frontier a run hands out, and in which order: what pages need comes before further pages.

A few are taken from the manifest ahead. Pages are handed out below the limit only: each in flight that may turn out to be a
page holds one of its places. What a page waits for that is being rendered is preferred to all else.
"""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Final, Protocol

from mirror.store.manifest.records import Entry

_AHEAD: Final = 32  # entries taken from the manifest at a time
_AT_HAND: Final = 256  # entries looked at before anything is fetched


class Take(Protocol):
    """Up to `most` pending entries of the manifest, in flight from now on: mere pages, or what pages need."""

    def __call__(self, most: int, *, pages: bool, without: Sequence[str]) -> Sequence[Entry]: ...


TakeOne = Callable[[int], Entry | None]
"""One pending entry by its id, in flight from now on; `None`: it is not pending."""


class Queue:
    """The entries that a run has taken. `limit` bounds the number of pages, of which `pages_done` there are already."""

    def __init__(self, take: Take, take_one: TakeOne, limit: int | None, pages_done: int) -> None:
        self._take_from_manifest = take
        self._take_one = take_one
        self._limit = limit
        self._pages_done = pages_done
        # Keys: True, what only links lead to; False, what pages need, and lists of pages.
        self._taken: dict[bool, deque[Entry]] = {True: deque(), False: deque()}
        self._more = {True: True, False: True}  # whether the manifest may have some that are not taken
        self._at_hand: deque[Entry] = deque()  # looked at already
        self._in_flight: dict[int, bool] = {}  # id -> whether it holds one of the places below the limit
        self._held_back: Sequence[str] = ()
        self._preferred: deque[int] = deque()

    def __bool__(self) -> bool:
        """Whether `next` may give something."""
        return (
            bool(self._at_hand or self._preferred)
            or self._may_have(pages=False)
            or (self._may_take_page() and self._may_have(pages=True))
        )

    @property
    def in_flight(self) -> list[int]:
        """The ids of what was handed out and not answered."""
        return list(self._in_flight)

    def next(self) -> Entry | None:
        while self._preferred:
            entry = self._next_preferred(self._preferred.popleft())
            if entry:
                return entry
        return self._at_hand.popleft() if self._at_hand else self.take()

    def prefer(self, url_id: int) -> None:
        """A page that needs it waits: it is handed out before all others, if it waits itself."""
        self._preferred.append(url_id)

    def _next_preferred(self, url_id: int) -> Entry | None:
        for waiting in (self._at_hand, *self._taken.values()):
            for entry in waiting:
                if entry.id == url_id:
                    waiting.remove(entry)
                    self._in_flight.setdefault(url_id, False)
                    return entry
        taken = self._take_one(url_id)
        if taken:
            self._in_flight[url_id] = False
        return taken

    def take(self) -> Entry | None:
        """One that was not looked at yet."""
        entry = self._take(pages=False)
        if entry is None and self._may_take_page():
            entry = self._take(pages=True)
        return entry

    @property
    def may_look_ahead(self) -> bool:
        """Whether another one may be kept at hand."""
        return len(self._at_hand) < _AT_HAND

    def keep_at_hand(self, entry: Entry) -> None:
        """It was taken and looked at: `next` gives it before all others."""
        self._at_hand.append(entry)

    def hold_back(self, origins: Iterable[str]) -> None:
        """From now on nothing is taken that is of these; each ends in a slash."""
        self._held_back = tuple(origins)
        self._more = {True: True, False: True}

    def put(self, old: Entry | None, new: Entry, *, pending: bool) -> None:
        """The frontier says something new of an entry. What another page turns out to need does not wait with mere pages."""
        if pending:
            self._more[new.is_only_page] = True
        if old and old.is_only_page and not new.is_only_page:
            for taken in [taken for taken in self._taken[True] if taken.id == new.id]:
                self._taken[True].remove(taken)
                self._taken[False].append(taken)

    def answered(self, entry: Entry) -> None:
        self._in_flight.pop(entry.id, None)

    def count_page(self, entry: Entry) -> bool:
        """A page was fetched: it takes one of the places below the limit, if there is one."""
        if not self._in_flight.get(entry.id) and not self._may_take_page():
            return False
        if entry.id in self._in_flight:
            self._in_flight[entry.id] = False
        self._pages_done += 1
        return True

    def _may_have(self, *, pages: bool) -> bool:
        return bool(self._taken[pages]) or self._more[pages]

    def _may_take_page(self) -> bool:
        return self._limit is None or self._pages_done + sum(self._in_flight.values()) < self._limit

    def _take(self, *, pages: bool) -> Entry | None:
        taken = self._taken[pages]
        if not taken and self._more[pages]:
            taken.extend(self._take_from_manifest(_AHEAD, pages=pages, without=self._held_back))
            self._more[pages] = len(taken) == _AHEAD
        if not taken:
            return None
        entry = taken.popleft()
        self._in_flight[entry.id] = pages
        return entry
