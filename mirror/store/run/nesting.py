"""What a page needs, and what that needs in turn: how long such a chain may be, and how many resources one page may lead to.

A stylesheet imports the next one, a frame has a frame, a sitemap or a feed names the next one. None of them is a page, so
`limit` does not end it, and most have the depth of their page. The rule that keeps such a resource from being fetched is
recorded as a trap, so that the summary and `why` report it. What a page itself refers to is not counted: `MAX_REFERENCES` is
its limit, and `MAX_SEGMENTS` that of a playlist.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Final

from mirror.core.policy.scope import Role
from mirror.core.syntax.playlists import SURPLUS_RULE
from mirror.core.syntax.reference import Kind
from mirror.store.manifest.interface import Manifest
from mirror.store.manifest.records import Entry, Resource

_MAX_REMEMBERED: Final = 100_000

_NEAR: Final = 2
"""Up to this place in a chain, a resource may lead to more without being counted: the chunks that a loader names."""

Place = tuple[int, int]
"""The id of the page, or of the first listing, that a chain begins at; and how many resources the chain has."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How far a run follows what a page needs in turn; 0: no bound. The setting of `requisites` is MIRROR_CHAIN_REQUISITES."""

    requisites: int = 100
    """Requisites and frames in a row, each of which the one before needs. Modules of applications are some dozens deep."""
    sitemaps: int = 10
    """Sitemaps in a row. An index must not list another one (sitemaps.org), but some do. Feeds that name feeds count too."""
    pages: int = 1000
    """Feeds in a row, as in the archive of a feed (RFC 5005), and other files that are no HTML and link to the next one."""
    leading: int = 1000
    """Requisites that need something themselves, below one page and far from it: each frame may have two frames, and so on."""
    below: int = 50_000
    """Resources that a page leads to by way of requisites or listings. A sitemap index has up to 50,000 (sitemaps.org)."""


class Nesting:
    """The chains of a run. It remembers places in memory, and finds those that it forgot by their referrers."""

    def __init__(self, manifest: Manifest) -> None:
        self.bounds = Bounds()
        self._manifest = manifest
        self._places: dict[int, Place] = {}
        self._below: Counter[int] = Counter()
        self._leading: Counter[int] = Counter()
        self._led: set[int] = set()

    def blocking_rule(self, source: Entry, resource: Resource, role: Role, kind: Kind) -> str | None:
        """Count what a resource leads to in this role; or return the rule that keeps the target from being fetched."""
        if kind is Kind.SURPLUS:
            return SURPLUS_RULE
        if Role.PAGE in source.roles and resource.is_html:
            return None
        root, length = self._place(source)
        exceeded = self._exceeded(source, root, length, role)
        if exceeded:
            name, what = exceeded
            most = getattr(self.bounds, name)
            return f"chain of what a page needs: {most:,} {what} (MIRROR_CHAIN_{name.upper()})"
        self._below[root] += role is not Role.PAGE
        if self._is_new_leader(source, length, role):
            self._led.add(source.id)
            self._leading[root] += 1
        return None

    def _is_new_leader(self, source: Entry, length: int, role: Role) -> bool:
        return role in _NEEDED and length > _NEAR and source.id not in self._led

    def _exceeded(self, source: Entry, root: int, length: int, role: Role) -> tuple[str, str] | None:
        """Return the name of the bound that is reached, and what it counts; `None` if none is."""
        bounds = self.bounds
        name, what = _IN_A_ROW[role]
        if 0 < getattr(bounds, name) <= length:
            return name, what
        if 0 < bounds.leading <= self._leading[root] and self._is_new_leader(source, length, role):
            return "leading", "below one page, each of which needs something itself"
        if role is not Role.PAGE and 0 < bounds.below <= self._below[root]:
            return "below", "below one page"
        return None

    def _place(self, entry: Entry) -> Place:
        chain: list[int] = []
        seen: set[int] = set()
        place = self._places.get(entry.id)
        while place is None and entry.id not in seen:
            chain.append(entry.id)
            seen.add(entry.id)
            referrer = self._referrer(entry)
            if referrer is None or self._is_page(referrer):
                place = referrer.id if referrer else entry.id, 0
            else:
                entry, place = referrer, self._places.get(referrer.id)
        root, length = place or (entry.id, 0)
        self._remember(root, length, chain)
        return root, length + len(chain)

    def _remember(self, root: int, length: int, chain: list[int]) -> None:
        if len(self._places) > _MAX_REMEMBERED:
            for memory in (self._places, self._below, self._leading, self._led):
                memory.clear()
        for step, url_id in enumerate(reversed(chain), 1):
            self._places[url_id] = root, length + step

    def _referrer(self, entry: Entry) -> Entry | None:
        return (
            self._manifest.frontier.entries([entry.referrer_id]).get(entry.referrer_id) if entry.referrer_id else None
        )

    def _is_page(self, entry: Entry) -> bool:
        resource = self._manifest.resources.current(entry.id) if Role.PAGE in entry.roles else None
        return resource is not None and resource.is_html


_NEEDED: Final = frozenset({Role.REQUISITE, Role.FRAME})
_IN_A_ROW: Final = {
    Role.REQUISITE: ("requisites", "in a row, each needed by the one before"),
    Role.FRAME: ("requisites", "in a row, each needed by the one before"),
    Role.LISTING: ("sitemaps", "sitemaps or feeds in a row"),
    Role.PAGE: ("pages", "in a row that are no pages"),
}
"""The role of a target -> the bound of what may be in a row before it, and what that bound counts."""
