"""The way of events to a reader: a slow one loses events, which are counted, and never holds up who tells them."""

import errno
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from mirror.events.targets import Target
from mirror.events.types import RunEnded, TrapFound
from mirror.progress.outlet import Outlet
from mirror.progress.sinks import Sink, open_sink

END = RunEnded(1, "finished", "complete", 0, 0)
MOST = 10


class Reader:
    """A sink that takes nothing before it is `open`, and then `most` bytes in all."""

    def __init__(self, most: int = 1 << 30, error: OSError | None = None) -> None:
        self.open = Event()
        self.lines = bytearray()
        self.most = most
        self.error = error

    def close(self) -> None:
        """Nothing is to be done."""

    def write(self, data: bytes, seconds: float) -> int:
        if not self.open.wait(seconds):
            return 0
        if self.error:
            raise self.error
        taken = data[: min(7, self.most - len(self.lines))]
        self.lines.extend(taken)
        return len(taken)

    @property
    def read(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines.decode().splitlines()]


def fail(error: OSError) -> None:
    raise AssertionError(error)


def event(number: int) -> TrapFound:
    return TrapFound(str(number), "http://example.org/")


def test_all_events_come_in_their_order() -> None:
    reader = Reader()
    reader.open.set()
    outlet = Outlet(reader, fail)
    for number in range(500):
        outlet.put(event(number), 0.0)
    assert outlet.close() == 0
    assert [one["rule"] for one in reader.read] == [str(number) for number in range(500)]


def test_a_slow_reader_loses_events_and_is_told_how_many() -> None:
    reader = Reader()
    outlet = Outlet(reader, fail, MOST)
    for number in range(1000):  # nobody reads, and nobody waits
        outlet.put(event(number), 0.0)
    dropped = outlet.dropped
    assert dropped >= 1000 - MOST - 64
    reader.open.set()
    outlet.put(END, 0.0)  # finds a place, although the queue may be full
    assert outlet.close() == dropped
    assert len(reader.read) == 1001 - dropped
    assert sum(one.get("missing", 0) for one in reader.read) == dropped
    assert reader.read[-1]["event"] == "run_ended"


def test_a_reader_that_never_reads_is_given_up_at_the_end() -> None:
    outlet = Outlet(Reader(), fail, MOST)
    for number in range(100):
        outlet.put(event(number), 0.0)
    assert outlet.close() == 100


def test_a_reader_that_stops_in_a_line_has_not_got_that_line() -> None:
    reader = Reader(most=10)
    reader.open.set()
    outlet = Outlet(reader, fail)
    for number in range(3):
        outlet.put(event(number), 0.0)
    assert outlet.close() == 3


def test_a_sink_that_fails_is_told_of_once_and_gets_nothing_more() -> None:
    told: list[OSError] = []
    reader = Reader(error=OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
    outlet = Outlet(reader, told.append)
    outlet.put(event(1), 0.0)
    reader.open.set()
    outlet._thread.join(60)  # noqa: SLF001 - it ends with the error
    for number in range(3):
        outlet.put(event(number), 0.0)
    assert outlet.close() == 0
    assert [error.errno for error in told] == [errno.ENOSPC]


@contextmanager
def pipe() -> Iterator[tuple[int, int]]:
    reading, writing = os.pipe()
    try:
        yield reading, writing
    finally:
        os.close(reading)
        os.close(writing)


def test_a_full_pipe_is_not_waited_for() -> None:
    with pipe() as (_, writing):
        sink = Sink("pipe", writing, lambda: None)
        data = bytes(1 << 20)
        while written := sink.write(data, 0.01):
            data = data[written:]
        assert 0 < len(data) < 1 << 20


@pytest.mark.parametrize("content", [b"", b"{}\n", b'{"torn": "li'])
def test_a_line_that_was_torn_off_has_an_end(tmp_path: Path, content: bytes) -> None:
    place = tmp_path / "events"
    place.write_bytes(content)
    sink = open_sink(Target(str(place)), tmp_path)
    assert sink.write(b"next\n", 0) == 5
    sink.close()
    assert place.read_bytes().splitlines() == [*content.splitlines(), b"next"]
