"""Retention: which snapshots a policy keeps, and by which rule."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mirror.core.policy.retention import PERIODS, InvalidPolicyError, Policy, kept_snapshots, parse

LAW = settings(max_examples=300)

NOW = datetime(2024, 3, 10, 12, tzinfo=UTC)

NUMBERS = st.integers(0, 5)
POLICIES = st.builds(
    Policy,
    NUMBERS,
    NUMBERS,
    NUMBERS,
    NUMBERS,
    NUMBERS,
    st.none() | st.integers(0, 900).map(lambda days: timedelta(days=days)),
)
AGES = st.integers(-100, 24 * 900) | st.integers(0, 24 * 20)
SNAPSHOTS = st.lists(
    st.tuples(st.integers(), AGES.map(lambda hours: NOW - timedelta(hours=hours))),
    unique_by=lambda snapshot: snapshot[0],
)


def at(*days: str) -> list[tuple[int, datetime]]:
    """Return snapshots, numbered from 1, of days such as "03-01" or "2023-03-01T12"."""
    times = [day if len(day) > 5 else f"2024-{day}" for day in days]
    return [(number, datetime.fromisoformat(day).replace(tzinfo=UTC)) for number, day in enumerate(times, 1)]


@pytest.mark.parametrize(
    ("words", "policy"),
    [
        ("last=7", Policy(last=7)),
        ("yearly=3,last=1", Policy(last=1, yearly=3)),
        (" daily = 7 , weekly=4", Policy(daily=7, weekly=4)),
        ("within=1d12h", Policy(within=timedelta(hours=36))),
        ("last=7,daily=7,weekly=4,monthly=12,yearly=3,within=30d", Policy(7, 7, 4, 12, 3, timedelta(days=30))),
    ],
)
def test_parse(words: str, policy: Policy) -> None:
    assert parse(words) == policy


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("", "'' is not a valid rule: write last=N, daily=N"),
        ("last=1,", "'' is not a valid rule"),
        ("hourly=3", "'hourly=3' is not a valid rule"),
        ("7", "'7' is not a valid rule"),
        ("Last=7", "'Last=7' is not a valid rule"),
        ("last=0", "last=0 keeps nothing: write a number from 1 to 999999"),
        ("last", "last= keeps nothing"),
        ("daily=-1", "daily=-1 keeps nothing"),
        ("daily=a", "daily=a keeps nothing"),
        ("daily=1=2", "daily=1=2 keeps nothing"),
        ("daily=٣", "daily=٣ keeps nothing"),
        ("daily=" + "9" * 5000, "keeps nothing"),
        ("last=1,last=2", "has the rule last twice"),
        ("within=1d,within=2d", "has the rule within twice"),
        ("within=0s,within=2d", "has the rule within twice"),
        ("within=30", "within=30: '30' is not a duration"),
        ("within", "within=: '' is not a duration"),
    ],
)
def test_invalid_policies(words: str, sentence: str) -> None:
    with pytest.raises(InvalidPolicyError, match=sentence):
        parse(words)


@pytest.mark.parametrize(
    ("words", "snapshots", "expected"),
    [
        ("last=2", at(), {}),
        ("daily=1", at("03-01"), {1: "newest"}),
        ("daily=2", at("01-01", "02-01", "2024-03-01T01", "2024-03-01T23"), {4: "newest", 2: "daily"}),
        # The clock went back, or was wrong: the order is that of the numbers.
        ("last=2", at("03-01", "03-03", "03-02"), {3: "newest", 2: "last"}),
        ("daily=2", at("2024-03-01T23", "2024-03-01T01"), {2: "newest"}),
        ("yearly=2", at("2023-03-01", "2036-01-01", "1970-01-01"), {3: "newest", 2: "yearly"}),
        ("within=10d", at("03-05", "1970-01-01", "1970-01-02"), {3: "newest", 1: "within", 2: "within"}),
        ("within=10d", at("01-01", "2036-01-01", "01-02", "01-03"), {4: "newest", 2: "within"}),
        ("within=10d", at("2024-03-10T13", "01-01", "01-02"), {3: "newest", 1: "within"}),
        ("weekly=2", at("03-01", "03-03", "03-04"), {3: "newest", 2: "weekly"}),  # Friday, Sunday, Monday
        (
            "weekly=2",
            at("2024-12-29", "2024-12-30", "2025-01-05"),
            {3: "newest", 1: "weekly"},
        ),  # 2024-12-30 is of 2025-W01
        ("monthly=2", at("2023-03-01", "2024-03-01", "2024-03-02"), {3: "newest", 1: "monthly"}),
        ("yearly=2", at("2022-01-01", "2023-01-01", "2023-12-31", "2024-01-01"), {4: "newest", 3: "yearly"}),
        ("within=10d", at("2024-02-29T11", "2024-02-29T12", "2024-03-10T13"), {3: "newest", 2: "within"}),
        ("within=1d", at("01-01", "01-02"), {2: "newest"}),
        ("last=1,daily=2,monthly=3", at("01-31", "02-28", "02-29", "03-01"), {4: "newest", 3: "daily", 1: "monthly"}),
    ],
)
def test_kept(words: str, snapshots: list[tuple[int, datetime]], expected: dict[int, str]) -> None:
    assert kept_snapshots(parse(words), snapshots, NOW) == expected


def test_days_are_in_utc() -> None:
    east = timezone(timedelta(hours=9))
    snapshots = [(1, datetime(2024, 3, 1, 8, tzinfo=east)), (2, datetime(2024, 3, 1, 10, tzinfo=east))]
    assert kept_snapshots(parse("daily=2"), snapshots, NOW) == {2: "newest", 1: "daily"}


def test_the_higher_id_is_newer_at_the_same_time() -> None:
    assert kept_snapshots(parse("daily=3"), [(2, NOW), (3, NOW), (1, NOW)], NOW) == {3: "newest"}


@LAW
@given(POLICIES, SNAPSHOTS)
def test_applying_a_policy_is_idempotent(policy: Policy, snapshots: list[tuple[int, datetime]]) -> None:
    once = kept_snapshots(policy, snapshots, NOW)
    assert kept_snapshots(policy, [snapshot for snapshot in snapshots if snapshot[0] in once], NOW) == once


@LAW
@given(POLICIES, SNAPSHOTS, st.data())
def test_the_order_of_the_snapshots_does_not_matter(
    policy: Policy, snapshots: list[tuple[int, datetime]], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(snapshots))
    assert kept_snapshots(policy, shuffled, NOW) == kept_snapshots(policy, snapshots, NOW)


@LAW
@given(POLICIES, SNAPSHOTS.filter(bool))
def test_the_newest_is_kept(policy: Policy, snapshots: list[tuple[int, datetime]]) -> None:
    newest = max(snapshots)
    assert kept_snapshots(policy, snapshots, NOW)[newest[0]] == "newest"


@LAW
@given(POLICIES, SNAPSHOTS, st.sampled_from(("last", *PERIODS)), st.integers(1, 3))
def test_an_additional_rule_never_keeps_less(
    policy: Policy, snapshots: list[tuple[int, datetime]], rule: str, more: int
) -> None:
    wider = [
        replace(policy, **{rule: getattr(policy, rule) + more}),
        replace(policy, within=(policy.within or timedelta(0)) + timedelta(days=more)),
    ]
    for other in wider:
        assert kept_snapshots(other, snapshots, NOW).keys() >= kept_snapshots(policy, snapshots, NOW).keys()


@LAW
@given(st.sampled_from(("last", *PERIODS)), NUMBERS, SNAPSHOTS)
def test_a_rule_keeps_at_most_its_number(rule: str, number: int, snapshots: list[tuple[int, datetime]]) -> None:
    periods = {PERIODS[rule](taken) for _, taken in snapshots} if rule in PERIODS else {key for key, _ in snapshots}
    found = kept_snapshots(Policy(**{rule: number}), snapshots, NOW)  # type: ignore[arg-type]
    assert len(found) == min(len(periods), max(number, 1))
