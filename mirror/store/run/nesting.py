"""What a page needs, and what that needs in turn: how long such a chain may be, and how many resources one page may lead to.

A stylesheet imports the next one, a frame has a frame, a sitemap or a feed names the next one. None of them is a page, so
`limit` does not end it, and most have the depth of their page. The rule that keeps such a resource from being fetched is
recorded as a trap, so that the summary and `why` report it. What a page itself refers to is not counted: `MAX_REFERENCES` is
its limit.
"""

from collections import Counter
from typing import Final

from mirror.core.policy.scope import Role
from mirror.store.manifest.interface import Manifest
from mirror.store.manifest.records import Entry, Resource

MAX_CHAIN: Final = 100
"""Requisites in a row, each of which the one before needs. Modules of large applications are some dozens deep."""

MAX_LISTINGS: Final = 1000
"""Sitemaps or feeds in a row, as in the archive of a feed."""

MAX_BELOW: Final = 50_000
"""Resources that a page leads to by way of other requisites or listings. A sitemap index has up to 50,000 (sitemaps.org)."""

_MAX_REMEMBERED: Final = 100_000

Place = tuple[int, int]
"""The id of the page, or of the first listing, that a chain begins at; and how many resources the chain has."""


class Nesting:
    """The chains of a run. It remembers places in memory, and finds those that it forgot by their referrers."""

    def __init__(self, manifest: Manifest) -> None:
        self._manifest = manifest
        self._places: dict[int, Place] = {}
        self._below: Counter[int] = Counter()

    def blocking_rule(self, source: Entry, resource: Resource, role: Role) -> str | None:
        """Count what a resource leads to in this role; or return the rule that keeps the target from being fetched."""
        if Role.PAGE in source.roles and resource.is_html:
            return None
        root, length = self._place(source)
        most = MAX_CHAIN if role in {Role.REQUISITE, Role.FRAME} else MAX_LISTINGS
        if length >= most:
            return f"chain of what a page needs: {most:,} in a row, each needed by the one before"
        if self._below[root] >= MAX_BELOW:
            return f"chain of what a page needs: {MAX_BELOW:,} below one page"
        self._below[root] += role is not Role.PAGE
        return None

    def _place(self, entry: Entry) -> Place:
        chain: list[int] = []
        place = self._places.get(entry.id)
        while place is None and len(chain) <= MAX_LISTINGS:
            chain.append(entry.id)
            referrer = self._referrer(entry)
            if referrer is None or self._is_page(referrer):
                place = referrer.id if referrer else entry.id, 0
            else:
                entry, place = referrer, self._places.get(referrer.id)
        root, length = place or (entry.id, 0)
        if len(self._places) > _MAX_REMEMBERED:
            self._places.clear()
            self._below.clear()
        for step, url_id in enumerate(reversed(chain), 1):
            self._places[url_id] = root, length + step
        return root, length + len(chain)

    def _referrer(self, entry: Entry) -> Entry | None:
        return (
            self._manifest.frontier.entries([entry.referrer_id]).get(entry.referrer_id) if entry.referrer_id else None
        )

    def _is_page(self, entry: Entry) -> bool:
        resource = self._manifest.resources.current(entry.id) if Role.PAGE in entry.roles else None
        return resource is not None and resource.is_html
