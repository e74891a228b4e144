"""The stream of events inside of a process: who tells something needs not know who listens.

What nobody listens to costs a look into a dictionary: ask `wants` before an event is made.
"""

from collections.abc import Callable
from typing import Any, ClassVar, Final
from weakref import WeakKeyDictionary

BEAT: Final = 5.0
"""Seconds between two heartbeats, as others read them."""

SILENT_AFTER: Final = 60.0
"""Seconds without a heartbeat after which a run is called silent: a busy machine or a large step may delay some."""

Receiver = Callable[[Any], None]


class Stream:
    """Passes each event to those who listen to its kind, at once and in the order in which they came."""

    _shared: ClassVar[WeakKeyDictionary[object, "Stream"]] = WeakKeyDictionary()

    def __init__(self) -> None:
        self.interval = BEAT
        """Seconds between two heartbeats inside: the shortest that somebody asked for."""
        self.dropped = 0
        """How many events did not reach the reader outside."""
        self._receivers: dict[type, tuple[Receiver, ...]] = {}

    @classmethod
    def of(cls, owner: object) -> "Stream":
        """Return the stream of a crawler."""
        if owner not in cls._shared:
            cls._shared[owner] = cls()
        return cls._shared[owner]

    def listen(self, receiver: Receiver, *kinds: type, every: float = BEAT) -> None:
        """Have a receiver called with events of these kinds; heartbeats come every so many seconds, or more often."""
        self.interval = min(self.interval, every)
        for kind in kinds:
            self._receivers[kind] = (*self._receivers.get(kind, ()), receiver)

    def wants(self, kind: type) -> bool:
        """Return whether somebody listens to a kind of events."""
        return kind in self._receivers

    def tell(self, event: object) -> None:
        for receiver in self._receivers.get(type(event), ()):
            receiver(event)


class Every:
    """Thins heartbeats: passes one on if at least so many seconds passed since the last one.

    >>> times = iter([0.0, 1.0, 4.9, 5.1, 9.8])
    >>> pass_on = Every(5.0, print, lambda: next(times))
    >>> for n in range(5):
    ...     pass_on(n)
    0
    2
    4
    """

    def __init__(self, seconds: float, receiver: Receiver, clock: Callable[[], float]) -> None:
        self._pause = seconds * 0.95  # a timer may come a little early
        self._receiver = receiver
        self._clock = clock
        self._last: float | None = None

    def __call__(self, event: object) -> None:
        now = self._clock()
        if self._last is None or now - self._last >= self._pause:
            self._last = now
            self._receiver(event)
