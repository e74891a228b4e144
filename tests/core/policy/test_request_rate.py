"""The rate of requests to a host, case by case and against simulated servers. The tests move the clock."""

import heapq
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from math import inf
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mirror.core.policy.request_rate import MAX_WAITING, Bounds, Pace, Trouble, retry_after, trouble_of

LAW = settings(max_examples=60)

BOUNDS = Bounds()
LIMITED, BUSY, CONNECTION, SERVER, BROKEN = Trouble


def pace(bounds: Bounds = BOUNDS, chance: float = 0.5) -> Pace:
    return Pace(bounds, lambda: chance)


def opened(bounds: Bounds = BOUNDS) -> Pace:
    """Return the pace of a host that has answered for a while."""
    found = pace(bounds)
    for number in range(40):
        found.start(number / 100)
        found.in_flight -= 1
        found.answered(number / 100, 0.01, found.epoch)
    return found


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("", None),
        ("0", 0),
        (" 120 ", 120),
        ("-5", None),
        ("1.5", None),
        ("9" * 30, None),
        ("Thu, 01 Jan 1970 00:01:00 GMT", 50),
        ("Thursday, 01-Jan-70 00:01:00 GMT", 50),
        ("Thu Jan  1 00:01:00 1970", 50),
        ("Thu, 01 Jan 1970 00:00:01 GMT", 0),
        ("tomorrow", None),
    ],
)
def test_retry_after(value: str | None, seconds: float | None) -> None:
    assert retry_after(value, 10) == seconds


def test_a_date_of_retry_after_counts_from_the_clock_of_the_server() -> None:
    at, sent = "Sun, 29 Nov 2026 12:01:00 GMT", "Sun, 29 Nov 2026 12:00:00 GMT"
    assert retry_after(at, 0.0, sent) == 60  # our clock says 1970
    assert retry_after(at, 9e9, sent) == 60  # ours says 2255
    assert retry_after("5", 0.0, sent) == 5
    assert retry_after("Thu, 01 Jan 1970 00:01:00 GMT", 10, "yesterday") == 50


def test_statuses() -> None:
    assert {status: trouble_of(status) for status in (429, 503, 500, 502, 408)} == {
        429: LIMITED,
        503: BUSY,
        500: SERVER,
        502: SERVER,
        408: SERVER,
    }


def test_the_window_opens_with_the_answers() -> None:
    found = pace()
    assert found.wait(0) == 0
    found.start(0)
    assert found.wait(0) == inf
    for number in range(1, 16):
        found.in_flight = 0
        found.answered(number / 10, 0.05, 0)
        assert found.window == number + 1
    assert not found.is_slowed
    found.in_flight = 16
    assert found.wait(2) == 0  # Scrapy's slots hold to `connections`


@pytest.mark.parametrize(
    ("said", "waits"),
    [(None, 0.75), (0.0, 0.0), (7.0, 7.0), (3600.0, 600.0)],
    ids=["nothing", "now", "soon", "an hour"],
)
def test_a_refusal_pauses_the_host(said: float | None, waits: float) -> None:
    found = opened()
    found.troubled(1, found.epoch, LIMITED, said)
    assert found.wait(1) == waits
    assert found.wait(1 + waits) == 0
    assert found.window == 8


def test_only_the_first_refusal_of_a_burst_counts() -> None:
    found = opened()
    epochs = [found.start(1) for _ in range(16)]
    for epoch in epochs:
        found.in_flight -= 1
        found.troubled(1, epoch, LIMITED)
    assert (found.troubles, found.window) == (1, 8)
    found.troubled(1, epochs[0], LIMITED, 30)
    assert found.wait(1) == 30  # but what it says of later is heard


@pytest.mark.parametrize(
    ("troubles", "distance"),
    [([LIMITED], 1 / 30), ([BUSY], 0), ([BUSY, BUSY], 1 / 30), ([CONNECTION] * 3, 0), ([LIMITED, LIMITED], 1 / 22.5)],
)
def test_refusals_shrink_the_window_and_then_set_an_interval(troubles: list[Trouble], distance: float) -> None:
    found = opened()  # with 40 answers within this second
    for number, trouble in enumerate(troubles, 1):
        found.troubled(0.5, found.epoch, trouble)
        assert found.window == 16 / 2**number
    assert found.interval == pytest.approx(distance)


def test_back_offs_double_up_to_a_bound() -> None:
    found = pace(Bounds(refusals=99), chance=1)
    found.answers = 1
    waits = []
    for _ in range(9):
        found.troubled(max(0, found.until), found.epoch, LIMITED)
        waits.append(found.until)
    assert [round(b - a, 6) for a, b in pairwise([0, *waits])] == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_an_answer_resets_the_troubles() -> None:
    found = opened()
    for _ in range(3):
        found.troubled(1, found.epoch, CONNECTION)
    assert found.troubles == 3
    found.answered(9, 0.01, found.epoch)
    assert found.troubles == 0


@pytest.mark.parametrize(
    ("trouble", "has_answered", "times"),
    [(CONNECTION, True, 6), (LIMITED, True, 10), (CONNECTION, False, 3), (LIMITED, False, 3)],
)
def test_a_dead_host_is_given_up_and_gets_another_chance(trouble: Trouble, *, has_answered: bool, times: int) -> None:
    found = opened() if has_answered else pace()
    for number in range(times):
        assert not found.is_broken(found.until)
        assert found.retry(trouble, number) is not None
        found.troubled(max(found.until, 1), found.epoch, trouble)
    at = found.until
    assert found.is_broken(at)
    assert not found.is_broken(at + 600)
    assert found.wait(at + 600) == 0
    found.start(at + 600)
    assert found.wait(at + 600) == inf  # one tries it
    found.troubled(at + 601, found.epoch, trouble)
    assert found.is_broken(at + 700)


@pytest.mark.parametrize("trouble", Trouble)
def test_a_guess_is_asked_twice_at_most_unless_the_host_wants_to_be_asked_later(trouble: Trouble) -> None:
    """What a script builds of pieces is no reason to ask five times; a chunk that a connection lost is asked for again."""
    tries = {Trouble.LIMITED: 3, Trouble.SERVER: 0}.get(trouble, 1)
    found = pace()
    assert [found.retry(trouble, n, is_guess=True) is not None for n in range(3)] == [n < tries for n in range(3)]


def test_retries_of_a_url_have_random_delays_and_a_limit() -> None:
    waits = [pace(chance=chance).retry(SERVER, tried) for tried in (0, 1, 2) for chance in (0, 0.5, 0.99)]
    assert waits == [0, 0.5, 0.99, 0, 1, 1.98, None, None, None]
    found = pace()
    assert sum(found.retry(BROKEN, 0) is not None for _ in range(100)) == 20
    for number in range(11):
        found.answered(number, 0.1, found.epoch)
    assert sum(found.retry(BROKEN, 0) is not None for _ in range(100)) == 2


def test_nothing_is_tried_again_without_tries() -> None:
    found = opened(Bounds(tries=0))
    assert [found.retry(trouble, 0) for trouble in Trouble] == [None] * 5


def test_waiting_requests_stop_new_ones() -> None:
    found = pace()
    found.waiting = MAX_WAITING - 1
    assert not found.is_full
    found.in_flight = 2 * found.bounds.connections  # half of them wait for a connection
    assert found.is_full
    found.in_flight -= 1
    assert not found.is_full
    found.waiting += 1
    assert found.is_full


@pytest.mark.parametrize(
    ("asked", "own", "kept", "whole"),
    [(5, 0, 5, True), (5, 9, 9, True), (3600, 0, 60, False), (0, 0, 0, True), (3600, 9, 60, False)],
)
def test_crawl_delay(asked: float, own: float, kept: float, *, whole: bool) -> None:
    found = pace(Bounds(delay=own))
    assert found.ask_for(asked, 0) == whole
    assert found.delay == kept
    starts = [one.at for one in play(found, lambda _: (200, 0.1), 5).starts]
    assert all(later - earlier >= kept for earlier, later in pairwise(starts))


def test_slower_answers_shrink_the_window() -> None:
    found = opened()
    assert found.window == 16
    for number in range(60):
        found.answered(number, 2.0, found.epoch)
    assert found.window == 2
    assert found.is_slowed
    for number in range(400):
        found.answered(60 + number, 0.02, found.epoch)
    assert not found.is_slowed


def test_a_host_that_was_always_slow_is_not_slowed() -> None:
    found = pace()
    for number in range(60):
        found.answered(number, 3.0, found.epoch)
    assert not found.is_slowed


# Simulated servers


@dataclass
class Start:
    """A request: its time, the number of other requests at that time, and its outcome."""

    at: float
    others: int
    status: int


@dataclass
class Played:
    starts: list[Start] = field(default_factory=list)
    given_up: int = 0
    ended: float = 0

    @property
    def statuses(self) -> Counter[int]:
        return Counter(one.status for one in self.starts)


Answer = tuple[int, float] | tuple[int, float, float]
"""A status (0: no answer), the seconds until the answer, and its `Retry-After`."""


def play(found: Pace, server: Callable[[float], Answer], number: int, connections: int = 16) -> Played:
    """Ask a server for a number of files as the scheduler does, in virtual time."""
    played, now = Played(), 0.0
    todo = deque([0] * number)  # how often each was tried
    coming: list[tuple[float, int, int, int, float | None, int]] = []
    while todo or coming:
        wait = found.wait(now) if found.in_flight < connections else inf
        if todo and found.is_broken(now):
            played.given_up += len(todo)
            todo.clear()
        elif todo and wait == 0:
            status, seconds, *said = server(now)
            played.starts.append(Start(now, found.in_flight, status))
            epoch = found.start(now)
            one = (now + seconds, len(played.starts), status, epoch, said[0] if said else None, todo.popleft())
            heapq.heappush(coming, one)
        elif coming and (not todo or coming[0][0] <= now + wait):
            now, nth, status, epoch, later, tried = heapq.heappop(coming)
            found.in_flight -= 1
            if status == 200:
                found.answered(now, now - played.starts[nth - 1].at, epoch)
            else:
                trouble = trouble_of(status) if status else CONNECTION
                found.troubled(now, epoch, trouble, later)
                again = found.retry(trouble, tried)
                if again is None:
                    played.given_up += 1
                else:
                    todo.appendleft(tried + 1)
        else:
            now += wait
    played.ended = now
    return played


def limited(per: float, number: int, said: float | None = None) -> Callable[[float], Answer]:
    """Return a server that refuses more than `number` requests within `per` seconds."""
    taken: deque[float] = deque()

    def answer(now: float) -> Answer:
        while taken and taken[0] <= now - per:
            taken.popleft()
        if len(taken) >= number:
            return (429, 0.01) if said is None else (429, 0.01, said)
        taken.append(now)
        return 200, 0.02

    return answer


@pytest.mark.parametrize("said", [None, 1.0, 5.0])
@pytest.mark.parametrize(("per", "number"), [(1, 5), (1, 50), (1, 1), (10, 50), (60, 60)])
@pytest.mark.parametrize("seed", range(3))
def test_a_host_with_a_limit_is_mirrored_completely_with_few_refusals(
    per: float, number: int, said: float | None, seed: int
) -> None:
    played = play(Pace(BOUNDS, Random(seed).random), limited(per, number, said), 600)
    assert played.given_up == 0
    assert played.statuses[200] == 600
    assert played.statuses[429] <= 600 * 0.06
    assert played.ended <= max(600 * per / number, 1) * 3 + 60  # and not for ever: of virtual time


def test_the_speed_returns_after_a_host_was_busy() -> None:
    played = play(Pace(BOUNDS, Random(0).random), lambda now: (503, 0.01) if 5 < now < 45 else (200, 0.05), 20_000)
    assert played.given_up == 0
    assert played.statuses[200] == 20_000
    assert played.statuses[503] < 60
    late = [one.at for one in played.starts[-200:]]
    assert (late[-1] - late[0]) / 200 < 0.01  # as fast as 16 at once may be, nearly


def test_a_dead_host_costs_few_requests() -> None:
    played = play(Pace(BOUNDS, Random(0).random), lambda _: (0, 0.001), 10_000)
    assert len(played.starts) == 3
    assert played.given_up == 10_000


ANSWERS = st.tuples(st.sampled_from((200, 200, 200, 429, 503, 0)), st.floats(0.001, 3), st.floats(0, 5000))


@LAW
@given(
    st.lists(ANSWERS, min_size=1, max_size=60),
    st.integers(1, 16),
    st.floats(0, 3),
    st.integers(0, 2**32),
)
def test_laws(answers: list[tuple[int, float, float]], connections: int, delay: float, seed: int) -> None:
    """Whatever a server does, no limit is exceeded, each file arrives or is given up, and nothing waits forever."""
    bounds = Bounds(connections=connections, delay=delay)
    found = Pace(bounds, Random(seed).random)
    said = iter(answers * 100)

    def server(_: float) -> Answer:
        status, seconds, later = next(said, (200, 0.01, 0.0))
        return (
            (200 if status == 404 else status, seconds)
            if later > 1000
            else (200 if status == 404 else status, seconds, later)
        )

    played = play(found, server, 100, connections)
    assert played.statuses[200] + played.given_up == 100
    assert all(one.others < connections for one in played.starts)
    assert all(later.at - earlier.at >= delay - 1e-6 for earlier, later in pairwise(played.starts))
    assert 1 <= found.window <= connections
    assert 0 <= found.interval <= bounds.slowest
    assert found.in_flight == 0


@LAW
@given(st.integers(0, 10**6), st.floats(0, 0.999))
def test_no_back_off_is_longer_than_its_bound(tried: int, chance: float) -> None:
    found = Pace(Bounds(tries=10**7), lambda: chance)
    wait = found.retry(SERVER, tried)
    assert wait is not None
    assert 0 <= wait <= BOUNDS.longest_backoff


def test_a_pace_that_is_not_remembered_behaves_as_a_new_one() -> None:
    begun, troubled, asked = opened(), opened(), opened()
    begun.start(1)
    troubled.troubled(1, 0, CONNECTION)
    asked.ask_for(3, 1)
    assert [found.is_remembered(1) for found in (opened(), begun, troubled, asked)] == [False, True, True, True]
