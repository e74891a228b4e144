"""The rate limit that all transfers of a crawl share (`MIRROR_RATE`)."""

import asyncio
from time import monotonic
from typing import Final, Protocol
from weakref import WeakKeyDictionary

_MIN_BLOCK: Final = 1 << 10  # the smallest buffer that libcurl accepts
_MAX_BLOCK: Final = 512 << 10
_CATCH_UP: Final = 0.05  # seconds of delay in the event loop that may be made up for by a burst


class Pausable(Protocol):
    """A transfer that can pause."""

    is_paused: bool

    def wake(self) -> None:
        """Continue after a pause."""


class RateLimiter:
    """Pauses transfers so that together they receive at most `rate` bytes a second."""

    _shared: Final["WeakKeyDictionary[object, RateLimiter]"] = WeakKeyDictionary()

    def __init__(self, rate: int) -> None:
        self.block = min(_MAX_BLOCK, max(_MIN_BLOCK, rate // 8))
        """Bytes to receive at a time. A block takes about an eighth of a second, so that the data flows evenly."""
        self._rate = rate
        self._next_at = 0.0  # when the next byte may come (`monotonic`)
        self._waiting: list[Pausable] = []

    @classmethod
    def shared(cls, owner: object, rate: int) -> "RateLimiter | None":
        """The limiter that all handlers of an owner (a crawler) share; `None` if `rate` is 0, which means no limit."""
        return cls._shared.setdefault(owner, cls(rate)) if rate else None

    def delays(self, transfer: Pausable, size: int) -> bool:
        """Whether `size` bytes come too early. If so, mark the transfer as paused and wake it when it may continue."""
        now = monotonic()
        if now < self._next_at:
            if not self._waiting:
                asyncio.get_running_loop().call_later(self._next_at - now, self._wake_all)
            transfer.is_paused = True
            self._waiting.append(transfer)
            return True
        self._next_at = max(self._next_at, now - _CATCH_UP) + size / self._rate
        return False

    def _wake_all(self) -> None:
        waiting, self._waiting = self._waiting, []
        for transfer in waiting:
            if transfer.is_paused:
                transfer.wake()
