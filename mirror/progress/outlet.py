"""The way of events to a reader outside: a bounded queue, and a thread that writes it.

Whoever puts an event in never waits. If the queue is full, because the reader is slow, the event is dropped, and the next line
says how many are missing before it.
"""

from collections import deque
from collections.abc import Callable
from threading import Event as Flag
from threading import Thread
from time import monotonic
from typing import Final, Protocol

from mirror.events.types import Event, RunEnded, line, moment

MOST_WAITING: Final = 10_000
"""Events that wait for their reader."""

INTERVAL: Final = 0.2
"""Seconds between two writes: waking the thread for each event would cost more than writing it."""

GRACE: Final = 0.5
"""Seconds without a byte taken after which the reader is given up, once the run is over."""

MOST_GRACE: Final = 5.0
"""Seconds that the reader has in all, once the run is over."""

_TOGETHER: Final = 64
"""Lines that are written together."""


class Sink(Protocol):
    """Where lines go, as `mirror.progress.sinks` opens it."""

    @property
    def close(self) -> Callable[[], None]:
        """End it."""

    def write(self, data: bytes, seconds: float) -> int:
        """Write the beginning of the data, and return how many bytes; 0 if nothing was taken within so many seconds."""


class Outlet:
    """Writes events to a sink. `fail` is called once, by `put` or `close`, if the sink fails: with the error."""

    def __init__(self, sink: Sink, fail: Callable[[OSError], None], most: int = MOST_WAITING) -> None:
        self.dropped = 0
        """How many events were dropped."""
        self._sink = sink
        self._fail = fail
        self._most = most
        self._waiting: deque[tuple[Event, float, int]] = deque()
        self._missing = 0
        self._has_some = Flag()
        self._ending = Flag()
        self._deadline = 0.0
        self._error: OSError | None = None
        self._is_told = False
        self._thread = Thread(target=self._run, name="events", daemon=True)
        self._thread.start()

    def put(self, event: Event, time: float) -> None:
        """Have an event written that happened at this POSIX time. The end of the run always finds a place."""
        if self._error is not None:
            self._tell_error()
        elif len(self._waiting) >= self._most and not isinstance(event, RunEnded):
            self._missing += 1
            self.dropped += 1
        else:
            self._waiting.append((event, time, self._missing))
            self._missing = 0
            if not self._has_some.is_set():
                self._has_some.set()

    def close(self) -> int:
        """Write what waits, as far as the reader takes it in time; return how many events it did not take."""
        self._deadline = monotonic() + MOST_GRACE
        self._ending.set()
        self._has_some.set()
        self._thread.join(MOST_GRACE + GRACE)
        if self._error is not None:
            self._tell_error()
        if not self._thread.is_alive():  # else it waits for a reader: closing would break its write
            self._sink.close()
        return self.dropped

    def _tell_error(self) -> None:
        if not self._is_told and self._error is not None:
            self._is_told = True
            self._fail(self._error)

    # --- in the thread -------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            while not self._ending.is_set():
                self._has_some.wait()
                self._has_some.clear()
                self._write_all()
                self._ending.wait(INTERVAL)
            self._write_all()
        except OSError as error:
            self._error = error
            self._waiting.clear()

    def _write_all(self) -> None:
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(_TOGETHER, len(self._waiting)))]
            left = self._write(
                "".join(f"{line(one, moment(time), missing)}\n" for one, time, missing in batch).encode()
            )
            if left:
                self.dropped += left + len(self._waiting)
                self._waiting.clear()

    def _write(self, data: bytes) -> int:
        """Write lines; return how many of them were not taken whole because the run is over and nobody reads."""
        taken = monotonic()
        while data:
            written = self._sink.write(data, INTERVAL)
            now = monotonic()
            taken = now if written else taken
            data = data[written:]
            if data and self._ending.is_set() and (now - taken >= GRACE or now >= self._deadline):
                return data.count(b"\n")
        return 0
