"""libcurl's multi interface in the asyncio loop: many transfers at once on shared connections, and no thread.

libcurl says which sockets it wants watched and when it wants to be called next; this module passes that on to the loop and
wakes whoever waits for a transfer. It knows nothing of requests and responses, which are the handler's.
"""

import asyncio
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING, Final, Protocol
from weakref import WeakKeyDictionary

import pycurl

if TYPE_CHECKING:
    from collections.abc import Callable


_LEAST_AT_ONCE: Final = 1 << 10  # libcurl takes no less
_MOST_AT_ONCE: Final = 512 << 10
_MADE_UP: Final = 0.05  # seconds that the loop may be late and are made up for


class TransferError(Exception):
    """A transfer that failed: libcurl's number (`pycurl.E_...`) and its words."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


class Pausable(Protocol):
    """What may be told to wait."""

    is_paused: bool

    def wake(self) -> None:
        """Go on."""


class Throttle:
    """Holds transfers back, so that no more than `rate` bytes a second come in sum."""

    _all: Final["WeakKeyDictionary[object, Throttle]"] = WeakKeyDictionary()

    def __init__(self, rate: int) -> None:
        self.block = min(_MOST_AT_ONCE, max(_LEAST_AT_ONCE, rate // 8))
        """Bytes that should come at a time, so that they flow."""
        self._rate = rate
        self._free = 0.0  # when the next byte may come
        self._waiting: list[Pausable] = []

    @classmethod
    def of(cls, owner: object, rate: int) -> "Throttle | None":
        """The one that all of an owner's handlers share; `None`: there is no rate to keep to."""
        return cls._all.setdefault(owner, cls(rate)) if rate else None

    def holds(self, transfer: Pausable, size: int) -> bool:
        """Whether these bytes come too early: then the transfer has to pause, and is woken."""
        now = monotonic()
        if now < self._free:
            if not self._waiting:
                asyncio.get_running_loop().call_later(self._free - now, self._wake)
            transfer.is_paused = True
            self._waiting.append(transfer)
            return True
        self._free = max(self._free, now - _MADE_UP) + size / self._rate
        return False

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, []
        for transfer in waiting:
            if transfer.is_paused:
                transfer.wake()


class Multi:
    """Runs easy handles; `perform` is over when its transfer is."""

    def __init__(self, *, connections: int = 0) -> None:
        """`connections`: how many are kept open for later, 0: as many as libcurl likes."""
        self._loop = asyncio.get_running_loop()
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_PIPELINING, pycurl.PIPE_MULTIPLEX)
        if connections:
            self._multi.setopt(pycurl.M_MAXCONNECTS, connections)
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._watch)
        self._multi.setopt(pycurl.M_TIMERFUNCTION, self._set_timer)
        self._timer: asyncio.TimerHandle | asyncio.Handle | None = None
        self._watched: dict[int, int] = {}
        self._waiting: dict[pycurl.Curl, asyncio.Future[None]] = {}

    async def perform(self, easy: pycurl.Curl) -> None:
        """Run one transfer to its end; raises `TransferError`. Whoever is cancelled takes its transfer along."""
        done = self._loop.create_future()
        self._waiting[easy] = done
        self._multi.add_handle(easy)
        try:
            await done
        finally:
            if self._waiting.pop(easy, None):
                self._multi.remove_handle(easy)

    def fail(self, easy: pycurl.Curl, error: BaseException) -> None:
        """End a transfer from outside: who waits for it gets the error."""
        done = self._waiting.get(easy)
        if done and not done.done():
            done.set_exception(error)

    def close(self) -> None:
        """Let all connections go; transfers that still run are cancelled."""
        for done in self._waiting.values():
            done.cancel()
        for easy in list(self._waiting):
            self._waiting.pop(easy)
            self._multi.remove_handle(easy)
        if self._timer:
            self._timer.cancel()
        for socket in list(self._watched):
            self._unwatch(socket)
        self._multi.close()

    def _watch(self, event: int, socket: int, _multi: object, _data: object) -> None:
        before = self._watched.pop(socket, pycurl.POLL_NONE)
        if event == pycurl.POLL_REMOVE:
            self._watched[socket] = before
            self._unwatch(socket)
            return
        self._watched[socket] = event
        for bit, add, remove, act in (
            (pycurl.POLL_IN, self._loop.add_reader, self._loop.remove_reader, pycurl.CSELECT_IN),
            (pycurl.POLL_OUT, self._loop.add_writer, self._loop.remove_writer, pycurl.CSELECT_OUT),
        ):
            if event & bit and not before & bit:
                add(socket, self._act, socket, act)
            elif before & bit and not event & bit:
                remove(socket)

    def _unwatch(self, socket: int) -> None:
        event = self._watched.pop(socket)
        remove: Callable[[int], object]
        for bit, remove in ((pycurl.POLL_IN, self._loop.remove_reader), (pycurl.POLL_OUT, self._loop.remove_writer)):
            if event & bit:
                with suppress(OSError, ValueError):
                    remove(socket)

    def _set_timer(self, milliseconds: int) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if milliseconds == 0:
            self._timer = self._loop.call_soon(self._time_out)
        elif milliseconds > 0:
            self._timer = self._loop.call_later(milliseconds / 1000, self._time_out)

    def _time_out(self) -> None:
        self._timer = None
        self._act(pycurl.SOCKET_TIMEOUT, 0)

    def _act(self, socket: int, events: int) -> None:
        self._multi.socket_action(socket, events)
        self._tell()

    def _tell(self) -> None:
        """Wake those whose transfers are over."""
        while True:
            left, good, bad = self._multi.info_read()
            for easy in good:
                self._end(easy, None)
            for easy, code, text in bad:
                self._end(easy, TransferError(code, text))
            if not left:
                return

    def _end(self, easy: pycurl.Curl, error: TransferError | None) -> None:
        done = self._waiting.pop(easy)
        self._multi.remove_handle(easy)
        if done.done():
            return
        if error:
            done.set_exception(error)
        else:
            done.set_result(None)
