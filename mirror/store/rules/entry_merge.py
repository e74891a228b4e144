"""What is wanted of a URL: the sum of all that was found of it, whatever the order."""

from dataclasses import replace
from typing import Final

from mirror.core.document.references import Reference
from mirror.core.policy.scope import Reason, Role
from mirror.core.syntax.embedded_urls import Kind
from mirror.store.manifest.records import Entry

_ASKS_FOR: Final = {
    Kind.PAGE: (Role.PAGE, 1),
    Kind.CANONICAL: (Role.PAGE, 1),
    Kind.FEED: (Role.LISTING, 0),
    Kind.SITEMAP: (Role.LISTING, 0),
    Kind.FRAME: (Role.FRAME, 0),
    Kind.REQUISITE: (Role.REQUISITE, 0),
    Kind.NOFOLLOW: (Role.PAGE, 1),
    Kind.UNENDORSED: (Role.PAGE, 1),
}
"""A kind of reference -> as what its target is wanted at the most, and how much deeper it is (see `core.policy.scope`)."""
_WEIGHTS: Final = {
    reason: weight
    for weight, reason in enumerate((Reason.HOP, Reason.UNENDORSED, Reason.NOFOLLOW, Reason.DEPTH, Reason.TRAP))
}
"""The reasons that hold for one way to a URL and not for others, the lightest first."""


def merge(old: Entry, wanted: Entry) -> Entry:
    """What the frontier says of a URL once it was found again: all roles, the shortest way, a guess only if all are.

    What robots.txt forbids stays forbidden, what a limit has kept from being a page stays so. Of two reasons not to fetch, one
    that holds wherever a URL is found outweighs one that doesn't.
    """
    if not wanted.roles:
        reasons = [reason for reason in (old.reason, wanted.reason) if reason]
        return old if old.roles else replace(old, reason=max(reasons, key=_weight), guess=old.guess and wanted.guess)
    if not old.roles:
        return wanted
    return replace(
        old,
        roles=(old.roles | wanted.roles) - ({Role.PAGE} if old.reason is Reason.LIMIT else set()),
        depth=min(old.depth, wanted.depth),
        guess=old.guess and wanted.guess,
    )


def says_nothing_new(old: Entry, reference: Reference, depth: int) -> bool:
    """Whether a reference on a resource at this depth asks for no more than what the frontier has: most links of a site do.

    Whatever the scope made of it, `merge` would give the old entry back.
    """
    role, step = _ASKS_FOR.get(reference.kind, (None, 0))
    return role in old.roles and old.depth <= depth + step and not old.guess


def _weight(reason: Reason) -> tuple[int, str]:
    return _WEIGHTS.get(reason, len(_WEIGHTS)), reason


def differ(old: Entry, new: Entry) -> bool:
    """Whether what a resource refers to may be decided otherwise now."""
    return (old.roles, old.depth, old.guess) != (new.roles, new.depth, new.guess)
