"""libcurl's multi interface in the asyncio event loop: many transfers at once on shared connections, without threads.

libcurl says which sockets to watch and when to call it next. This module passes that on to the event loop, and resumes the
coroutine that waits for a transfer when the transfer ends. It knows nothing of requests and responses.
"""

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

import pycurl
from scrapy.exceptions import NotSupported

from mirror.transfer.curl_errors import TransferError

if TYPE_CHECKING:
    from collections.abc import Callable


class Multi:
    """Runs easy handles. `perform` returns when the transfer of its handle ends."""

    def __init__(self, *, connections: int = 0) -> None:
        """`connections`: how many idle connections to keep open; 0 leaves that to libcurl."""
        self._loop = asyncio.get_running_loop()
        _require_watching(self._loop)
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_PIPELINING, pycurl.PIPE_MULTIPLEX)
        if connections:
            self._multi.setopt(pycurl.M_MAXCONNECTS, connections)
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._watch)
        self._multi.setopt(pycurl.M_TIMERFUNCTION, self._set_timer)
        self._timer: asyncio.TimerHandle | asyncio.Handle | None = None
        self._is_due = False
        """Whether libcurl wants to be called at once."""
        self._watched: dict[int, int] = {}
        self._waiting: dict[pycurl.Curl, asyncio.Future[int]] = {}

    async def perform(self, easy: pycurl.Curl) -> int:
        """Run one transfer to its end. Raises `TransferError`. Cancelling the call cancels the transfer.

        Returns the descriptor of its socket, if libcurl keeps the connection open, else -1.
        """
        done = self._loop.create_future()
        self._waiting[easy] = done
        self._multi.add_handle(easy)
        if self._is_due:  # libcurl begins when it is called: now, rather than in the next turn of the event loop
            self._time_out()
        try:
            kept: int = await done
            return kept
        finally:
            if self._waiting.pop(easy, None):
                self._multi.remove_handle(easy)

    def fail(self, easy: pycurl.Curl, error: BaseException) -> None:
        """End a transfer early: its `perform` raises the error."""
        done = self._waiting.get(easy)
        if done and not done.done():
            done.set_exception(error)

    def close(self) -> None:
        """Cancel the transfers that still run, and close all connections."""
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
        for bit, add, remove, action in (
            (pycurl.POLL_IN, self._loop.add_reader, self._loop.remove_reader, pycurl.CSELECT_IN),
            (pycurl.POLL_OUT, self._loop.add_writer, self._loop.remove_writer, pycurl.CSELECT_OUT),
        ):
            if event & bit and not before & bit:
                add(socket, self._act, socket, action)
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
        self._is_due = milliseconds == 0
        if self._is_due:
            self._timer = self._loop.call_soon(self._time_out)
        elif milliseconds > 0:
            self._timer = self._loop.call_later(milliseconds / 1000, self._time_out)

    def _time_out(self) -> None:
        if self._timer:
            self._timer.cancel()
        self._timer, self._is_due = None, False
        self._act(pycurl.SOCKET_TIMEOUT, 0)

    def _act(self, socket: int, events: int) -> None:
        self._multi.socket_action(socket, events)
        self._end_finished()

    def _end_finished(self) -> None:
        """End every transfer that libcurl reports as finished."""
        while True:
            left, succeeded, failed = self._multi.info_read()
            for easy in succeeded:
                self._end(easy, None)
            for easy, code, text in failed:
                self._end(easy, TransferError(code, text))
            if not left:
                return

    def _end(self, easy: pycurl.Curl, error: TransferError | None) -> None:
        done = self._waiting.pop(easy)
        kept = easy.getinfo(pycurl.ACTIVESOCKET)
        self._multi.remove_handle(easy)
        if done.done():
            return
        if error:
            done.set_exception(error)
        else:
            done.set_result(kept)


def _require_watching(loop: asyncio.AbstractEventLoop) -> None:
    """Raise `NotSupported` if an event loop can't watch sockets: libcurl would wait for ever, without a word."""
    if type(loop).add_reader is asyncio.AbstractEventLoop.add_reader:
        raise NotSupported(f"{type(loop).__name__} can't watch sockets, as libcurl needs: use a SelectorEventLoop")
