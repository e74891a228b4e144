"""Several references to one URL: which reason not to fetch it is the one that is told."""

from itertools import permutations

import pytest

from mirror.core.policy.scope import Reason
from mirror.core.url.canonical import CanonicalURL
from mirror.store.manifest.records import Entry, State
from mirror.store.rules.frontier_merge import merge


def entry(reason: Reason) -> Entry:
    return Entry(
        1, CanonicalURL("http://h/"), State.SKIPPED, frozenset(), 1, guess=False, referrer_id=None, reason=reason
    )


@pytest.mark.parametrize(
    ("told", "others"),
    [
        (Reason.NOFOLLOW, [Reason.NEVER]),  # a link on a page that says nofollow, and the action of a form
        (Reason.UNENDORSED, [Reason.NEVER, Reason.HOP]),
        (Reason.HOP, [Reason.NEVER]),
        (Reason.ROBOTS, [Reason.NEVER, Reason.NOFOLLOW]),
        (Reason.OUTSIDE, [Reason.NEVER, Reason.TRAP]),
    ],
)
def test_what_keeps_the_url_out_wherever_it_is_found_is_told(told: Reason, others: list[Reason]) -> None:
    for order in permutations([told, *others]):
        first, *rest = map(entry, order)
        for other in rest:
            first = merge(first, other)
        assert first.reason is told
