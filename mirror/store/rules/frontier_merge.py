"""Merging entries: several references to one URL make one entry, in whatever order they are found."""

from collections.abc import Mapping
from typing import Final

from mirror.core.policy.scope import Reason, Role
from mirror.core.syntax.reference import Kind, Reference
from mirror.store.manifest.location_interface import Found
from mirror.store.manifest.records import Entry, State

_ASKS_FOR: Final = {
    Kind.PAGE: (Role.PAGE, 1),
    Kind.ROUTE: (Role.PAGE, 1),
    Kind.CANONICAL: (Role.PAGE, 1),
    Kind.FEED: (Role.LISTING, 0),
    Kind.SITEMAP: (Role.LISTING, 0),
    Kind.FRAME: (Role.FRAME, 0),
    Kind.REQUISITE: (Role.REQUISITE, 0),
    Kind.NOFOLLOW: (Role.PAGE, 1),
    Kind.UNENDORSED: (Role.PAGE, 1),
    Kind.SEGMENT: (Role.REQUISITE, 0),
    Kind.VARIANT: (Role.REQUISITE, 0),
    Kind.SPARE: (Role.REQUISITE, 0),
    Kind.SURPLUS: (Role.REQUISITE, 0),
}
"""Kind of reference -> the role that its target can get at most, and how much deeper it is (see `core.policy.scope`)."""
_WEIGHTS: Final = {
    reason: weight
    for weight, reason in enumerate(
        (
            Reason.LEFT,
            Reason.NEVER,
            Reason.HOP,
            Reason.MEDIA,
            Reason.UNENDORSED,
            Reason.NOFOLLOW,
            Reason.DEPTH,
            Reason.TRAP,
        )
    )
}
"""The reasons that hold for one reference to a URL but not for all, the weakest first."""


def merge(old: Entry, wanted: Entry) -> Entry:
    """Merge an entry with what another reference asks for: all roles, the smallest depth, a guess only if both are.

    If robots.txt forbids a URL, it stays forbidden; if a limit kept it from being a page, it stays so. Of two reasons not to
    fetch, one that holds wherever the URL is found outweighs one that doesn't. A guess whose answer was dropped is fetched
    again if it turns out to be more than a guess.
    """
    if not wanted.roles:
        reasons = [reason for reason in (old.reason, wanted.reason) if reason]
        return old if old.roles else old._replace(reason=max(reasons, key=_weight), guess=old.guess and wanted.guess)
    if not old.roles:
        return wanted
    merged = old._replace(
        roles=(old.roles | wanted.roles) - ({Role.PAGE} if old.reason is Reason.LIMIT else set()),
        depth=min(old.depth, wanted.depth),
        guess=old.guess and wanted.guess,
    )
    is_wanted = old.reason is Reason.GUESS and differ(merged._replace(depth=old.depth), old)
    return merged._replace(state=State.PENDING, reason=None) if is_wanted else merged


def with_news(found: Found, known: Mapping[int, Entry], depth: int) -> Found:
    """Return those references on a resource at this depth that may ask for something new.

    Most links of a site are known. They take one look at the entry of their target.
    """
    return [one for one in found if (old := known.get(one[0])) is None or not says_nothing_new(old, one[1], depth)]


def says_nothing_new(old: Entry, reference: Reference, depth: int) -> bool:
    """Return whether a reference on a resource at this depth asks for nothing new, as most links of a site do.

    Whatever the scope decided, `merge` would return the old entry.
    """
    role, step = _ASKS_FOR.get(reference.kind, (None, 0))
    return role in old.roles and old.depth <= depth + step and not old.guess


def _weight(reason: Reason) -> tuple[int, str]:
    return _WEIGHTS.get(reason, len(_WEIGHTS)), reason


def differ(old: Entry, new: Entry) -> bool:
    """Return whether the decisions about a resource's references may change."""
    return (old.roles, old.depth, old.guess) != (new.roles, new.depth, new.guess)
