"""Signals that cost little: nothing while nobody listens.

For each signal and each receiver, Scrapy looks at the signature of the receiver, and starts a task in case it is a coroutine.
Here signatures are remembered, and only a receiver that returns something to wait for is waited for.
"""

import logging
import sys
from collections.abc import Callable, Iterable
from inspect import CO_VARKEYWORDS, isawaitable
from types import CodeType
from typing import Any, cast

from pydispatch.dispatcher import Any as Anyone
from pydispatch.dispatcher import connections, getAllReceivers, liveReceivers
from pydispatch.robustapply import robustApply
from scrapy.exceptions import StopDownload
from scrapy.signalmanager import SignalManager
from scrapy.utils.defer import ensure_awaitable
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

Receiver = Callable[..., Any]
Sent = list[tuple[Receiver, Any]]
"""(receiver, what it returned) for each receiver of a signal; of one that failed, the exception."""

logger = logging.getLogger("scrapy.utils.signal")


class Signals(SignalManager):
    """The signals of one crawler. Its methods do what those of Scrapy's class do."""

    def __init__(self, sender: object) -> None:
        super().__init__(sender)
        self._words: dict[tuple[CodeType, int], frozenset[str]] = {}
        """The code of a receiver, and how many arguments are bound -> the words that it takes."""

    def has_receivers(self, signal: object) -> bool:
        """Whether a signal has receivers. Those of any sender, or of any signal, count."""
        own = connections.get(id(self.sender))
        return bool(own and (signal in own or Anyone in own)) or id(Anyone) in connections

    def send_catch_log(self, signal: Any, **words: Any) -> Sent:
        if not self.has_receivers(signal):
            return []
        expected: tuple[type[BaseException], ...] = (*_kinds(words), StopDownload)
        sent: Sent = []
        for receiver in self._receivers(signal):
            try:
                result = self._call(receiver, signal, words)
                if isinstance(result, Deferred):
                    logger.error("Cannot return deferreds from signal handler: %(receiver)s", {"receiver": receiver})
            except expected:
                result = _failure()
            except Exception:  # noqa: BLE001 - a receiver must not end the crawl
                result = _failure()
                _log(receiver, words)
            sent.append((receiver, result))
        return sent

    async def send_catch_log_async(self, signal: Any, **words: Any) -> Sent:
        if not self.has_receivers(signal):
            return []
        expected = _kinds(words)
        sent: Sent = []
        for receiver in self._receivers(signal):
            try:
                result = self._call(receiver, signal, words)
                if isinstance(result, Deferred) or isawaitable(result):
                    result = await ensure_awaitable(result)
            except expected as error:
                result = error
            except Exception as error:  # noqa: BLE001 - a receiver must not end the crawl
                result = error
                _log(receiver, words)
            sent.append((receiver, result))
        return sent

    def _receivers(self, signal: object) -> list[Receiver]:
        own = connections.get(id(self.sender), {})
        if Anyone in own or id(Anyone) in connections:
            return list(liveReceivers(getAllReceivers(self.sender, signal)))
        return list(_live(own.get(signal, ())))

    def _call(self, receiver: Receiver, signal: object, words: dict[str, Any]) -> Any:
        """Call a receiver with those words that it takes."""
        bound = hasattr(receiver, "__self__")
        code = getattr(receiver, "__code__", None)
        if not isinstance(code, CodeType):  # no function and no method
            return robustApply(receiver, signal=signal, sender=self.sender, **words)
        taken = self._words.get((code, bound))
        if taken is None:
            taken = self._words[code, bound] = frozenset(code.co_varnames[bound : code.co_argcount])
        if code.co_flags & CO_VARKEYWORDS:
            return receiver(signal=signal, sender=self.sender, **words)
        given = {name: words[name] for name in taken if name in words}
        if "signal" in taken:
            given["signal"] = signal
        if "sender" in taken:
            given["sender"] = self.sender
        return receiver(**given)


def _live(receivers: Iterable[Any]) -> Iterable[Receiver]:
    """The receivers that still exist, of those that are referred to weakly."""
    return cast("Iterable[Receiver]", liveReceivers([one for one in receivers if one]))


def _kinds(words: dict[str, Any]) -> tuple[type[BaseException], ...]:
    """Take the exceptions that are expected, and not to be logged, out of the words of a signal."""
    kinds = words.pop("dont_log", ())
    return tuple(kinds) if isinstance(kinds, list | tuple) else (kinds,)


def _failure() -> Failure:
    return Failure()  # type: ignore[no-untyped-call]


def _log(receiver: Receiver, words: dict[str, Any]) -> None:
    """Log the exception that is being handled."""
    logger.error(
        "Error caught on signal handler: %(receiver)s",
        {"receiver": receiver},
        exc_info=sys.exc_info(),
        extra={"spider": words.get("spider")},
    )
