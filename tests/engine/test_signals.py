"""Our signals reach the same receivers as Scrapy's, with the same words."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
from pydispatch import dispatcher
from scrapy.exceptions import CloseSpider
from scrapy.signalmanager import SignalManager
from twisted.python.failure import Failure

from mirror.engine.signals import Signals

SIGNAL, OTHER = object(), object()
Told = list[tuple[str, Any]]
MANAGERS = (SignalManager, Signals)
SENT = ("send_catch_log", "send_catch_log_async")


class Receiver:
    def __init__(self, told: Told) -> None:
        self.told = told

    def nothing(self) -> None:
        self.told.append(("nothing", None))

    def some(self, spider: str, missing: str = "absent") -> str:
        self.told.append(("some", (spider, missing)))
        return "answer"

    def everything(self, **words: Any) -> None:
        self.told.append(("everything", {name: value for name, value in words.items() if name != "sender"}))

    def origin(self, sender: object, signal: object) -> None:
        self.told.append(("origin", (type(sender).__name__, signal is SIGNAL)))

    def fails(self) -> None:
        raise ValueError("a receiver")

    def closes(self) -> None:
        raise CloseSpider("expected")

    async def later(self, spider: str) -> str:
        self.told.append(("later", spider))
        return "later"

    def __call__(self, spider: str) -> None:
        self.told.append(("called", spider))


@contextmanager
def connected(connect: Callable[[Any], None], receiver: Any) -> Iterator[None]:
    connect(receiver)
    try:
        yield
    finally:
        dispatcher.connections.clear()
        dispatcher.senders.clear()
        dispatcher.sendersBack.clear()


def outcome(result: Any) -> Any:
    error = result.value if isinstance(result, Failure) else result
    return repr(error)


@pytest.mark.parametrize(
    ("sent", "method"),
    [
        *((sent, method) for sent in SENT for method in ("nothing", "some", "everything", "origin", "fails", "closes")),
        ("send_catch_log", "called"),  # Scrapy's other method fails for objects
        ("send_catch_log_async", "later"),
    ],
)
def test_receivers_get_the_words_that_they_take(sent: str, method: str) -> None:
    results = []
    for manager in MANAGERS:
        signals, receiver = manager(Receiver([])), Receiver([])
        called = receiver if method == "called" else getattr(receiver, method)
        with connected(partial(signals.connect, signal=SIGNAL), called):
            words = {"spider": "me", "dont_log": CloseSpider}
            found = getattr(signals, sent)(SIGNAL, **words)
            found = asyncio.run(found) if asyncio.iscoroutine(found) else found
        results.append((receiver.told, [outcome(result) for _, result in found]))
    assert results[0] == results[1]
    assert results[0][1]


@pytest.mark.parametrize(
    ("signal", "sender"),
    [(dispatcher.Any, dispatcher.Any), (SIGNAL, dispatcher.Any), (dispatcher.Any, None), (SIGNAL, None)],
    ids=["any of anyone", "this of anyone", "any of this", "this of this"],
)
def test_receivers_of_any_signal_or_of_any_sender_are_told(signal: object, sender: object) -> None:
    for manager in MANAGERS:
        signals, receiver = manager(Receiver([])), Receiver([])
        words = {} if sender is None else {"sender": sender}
        with connected(partial(signals.connect, signal=signal, **words), receiver.nothing):
            signals.send_catch_log(SIGNAL)
            signals.send_catch_log(OTHER)
        assert len(receiver.told) == (2 if signal is dispatcher.Any else 1)


def test_a_receiver_that_is_gone_is_not_kept_alive() -> None:
    told: Told = []
    for manager in MANAGERS:
        signals, receiver = manager(Receiver([])), Receiver(told)
        signals.connect(receiver.nothing, SIGNAL)
        signals.send_catch_log(SIGNAL)
        del receiver
        assert signals.send_catch_log(SIGNAL) == []
    assert len(told) == len(MANAGERS)


def test_a_receiver_that_disconnects_is_told_no_more() -> None:
    signals, receiver = Signals(Receiver([])), Receiver([])
    with connected(partial(signals.connect, signal=SIGNAL), receiver.nothing):
        assert signals.has_receivers(SIGNAL)
        signals.disconnect(receiver.nothing, SIGNAL)
        assert not signals.has_receivers(SIGNAL)
        assert signals.send_catch_log(SIGNAL) == []
