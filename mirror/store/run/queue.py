"""The queue: which entries of the frontier a run hands out, and in which order. Requisites come before further pages.

The queue takes entries from the manifest a few at a time. It hands out pages only below the page limit: each entry in flight
that may turn out to be a page reserves one place. Feeds and sitemaps lead to pages: without a limit they come before pages,
with one they come after those that are known already, and none is fetched when the limit is reached. URLs that a page in the
browser waits for come before everything else.
"""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Final, Protocol

from mirror.core.url.canonical import origin
from mirror.store.manifest.records import Entry, Lane, State

_AHEAD: Final = 32  # entries taken from the manifest at a time
_SEVERAL: Final = 2
_AT_HAND: Final = 256  # entries that `NextEntries.renew` may put back before anything is fetched


class Take(Protocol):
    """Claims up to `max_count` pending entries of the manifest, as `Frontier.take` does."""

    def __call__(self, max_count: int, lane: Lane, *, without: Sequence[str]) -> Sequence[Entry]: ...


TakeOne = Callable[[int], Entry | None]
"""Claims one pending entry by its id; `None` if it is not pending."""


class Queue:
    """The entries that a run has taken. `limit` is the maximum number of pages; `pages_done` are fetched already.

    `origins` are those of entries that the manifest has already; two stand for any number.
    """

    def __init__(
        self, take: Take, take_one: TakeOne, limit: int | None, pages_done: int, *, origins: Iterable[str] = ()
    ) -> None:
        self._take_from_manifest = take
        self._take_one = take_one
        self._limit = limit
        self._pages_done = pages_done
        self._order = tuple(Lane) if limit is None else (Lane.NEEDED, Lane.PAGE, Lane.LISTING)
        self._taken: dict[Lane, deque[Entry]] = {lane: deque() for lane in Lane}
        self._more = dict.fromkeys(Lane, True)  # whether the manifest may have more
        self._at_hand: deque[Entry] = deque()  # put back by `keep_at_hand`
        self._in_flight: dict[int, bool] = {}  # id -> whether it reserves a place below the limit
        self._held_back: Sequence[str] = ()
        self._preferred: deque[int] = deque()
        self._counted: set[int] = set()  # pages that are requested again
        self._origins = set(origins)  # of the entries that were put; two stand for many

    def __bool__(self) -> bool:
        """Return whether `next` may return an entry."""
        return bool(self._at_hand or self._preferred) or any(
            self._may_take(lane) and self._may_have(lane) for lane in Lane
        )

    @property
    def in_flight(self) -> list[int]:
        """The ids of entries that were handed out and not answered yet."""
        return list(self._in_flight)

    @property
    def only_origin(self) -> str | None:
        """The origin of all entries of this run, ending in a slash; `None` if they may have several."""
        return next(iter(self._origins)) if len(self._origins) == 1 else None

    def next(self) -> Entry | None:
        while self._preferred:
            entry = self._next_preferred(self._preferred.popleft())
            if entry:
                return entry
        return self._at_hand.popleft() if self._at_hand else self.take()

    def prefer(self, url_id: int) -> None:
        """Hand out this URL before all others, if it waits: a page in the browser waits for it."""
        self._preferred.append(url_id)

    def expect_again(self, url_id: int) -> None:
        """Note that a page that was counted is requested again: it is not counted twice."""
        self._counted.add(url_id)

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
        """Return the next entry from the manifest."""
        return next((entry for lane in self._order if self._may_take(lane) and (entry := self._take(lane))), None)

    @property
    def may_look_ahead(self) -> bool:
        """Whether `keep_at_hand` may be called again."""
        return len(self._at_hand) < _AT_HAND

    def keep_at_hand(self, entry: Entry) -> None:
        """Put back an entry that was taken: `next` returns it before others from the manifest."""
        self._at_hand.append(entry)

    def hold_back(self, origins: Iterable[str]) -> None:
        """From now on, take no entries of these origins. Each origin ends in a slash."""
        self._held_back = tuple(origins)
        self._more = dict.fromkeys(Lane, True)

    def put(self, old: Entry | None, new: Entry) -> None:
        """Note that an entry of the frontier changed. One that a page turns out to need no longer waits among the others."""
        if new.state is State.PENDING:
            self._more[new.lane] = True
            if len(self._origins) < _SEVERAL:
                self._origins.add(f"{origin(new.url)}/")
        if old and old.lane > new.lane:
            for taken in [taken for taken in self._taken[old.lane] if taken.id == new.id]:
                self._taken[old.lane].remove(taken)
                self._taken[new.lane].append(taken)

    def answered(self, entry: Entry) -> None:
        self._in_flight.pop(entry.id, None)

    def count_page(self, entry: Entry) -> bool:
        """Count a fetched page toward the limit; return False if there is no place left."""
        if entry.id in self._counted:
            return True
        if not self._in_flight.get(entry.id) and not self._may_take_page():
            return False
        if entry.id in self._in_flight:
            self._in_flight[entry.id] = False
        self._pages_done += 1
        return True

    def _may_have(self, lane: Lane) -> bool:
        return bool(self._taken[lane]) or self._more[lane]

    def _may_take(self, lane: Lane) -> bool:
        return lane is Lane.NEEDED or self._may_take_page()

    def _may_take_page(self) -> bool:
        return self._limit is None or self._pages_done + sum(self._in_flight.values()) < self._limit

    def _take(self, lane: Lane) -> Entry | None:
        taken = self._taken[lane]
        if not taken and self._more[lane]:
            taken.extend(self._take_from_manifest(_AHEAD, lane, without=self._held_back))
            self._more[lane] = len(taken) == _AHEAD
        if not taken:
            return None
        entry = taken.popleft()
        self._in_flight[entry.id] = lane is Lane.PAGE
        return entry
