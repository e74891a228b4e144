"""The traps of one run: what `policy.crawler_traps` says of its URLs, kept in the manifest with the answers that led to it.

So a run that is killed goes on with what it knew. A new run begins with nothing: the server may have changed.
"""

from collections.abc import Sequence
from typing import Final

from mirror.core.document import documents
from mirror.core.document.references import Reference
from mirror.core.http.messages import Response
from mirror.core.policy.crawler_traps import Budgets, Traps
from mirror.core.syntax.embedded_urls import Kind
from mirror.core.url.canonical import CanonicalURL, origin
from mirror.store.archive import Archive
from mirror.store.manifest.records import Resource, Snapshot

_LINKS: Final = frozenset({Kind.PAGE, Kind.CANONICAL, Kind.FEED, Kind.FRAME, Kind.NOFOLLOW, Kind.UNENDORSED})


class TrapState:
    """What a run knows of traps; without `budgets` it looks for none."""

    def __init__(self, archive: Archive, snapshot: Snapshot, budgets: Budgets | None) -> None:
        self._archive = archive
        self._manifest = archive.manifest
        if not snapshot.resumed:
            self._manifest.decisions.forget_families()
        self._traps = None if budgets is None else Traps(budgets, self._manifest.decisions.families())

    def set_budgets(self, budgets: Budgets | None) -> None:
        """From now on these hold; what is known of families stays."""
        self._traps = None if budgets is None else Traps(budgets, self._manifest.decisions.families())

    def answered(self, resource: Resource, links: Sequence[Reference], new: Sequence[Reference]) -> CanonicalURL | None:
        """Hear what stands on a page, before it is followed; gives what can't be there, where that has to be asked for."""
        if self._traps is None or not new:
            return None
        return self._traps.answered(resource.url, links, new, lambda: self._text(resource))

    def bars(self, url: CanonicalURL, page: CanonicalURL, kind: Kind = Kind.PAGE) -> str | None:
        """By which rule a link on a page is not followed, in words."""
        return self._traps.bars(url, page) if self._traps and kind in _LINKS else None

    def probed(self, response: Response, references: Sequence[Reference]) -> None:
        """Hear that what can't be there is there."""
        if self._traps is None or not self._traps.is_probe(response.url):
            return
        place = f"{origin(response.url)}/"
        links = [one.url for one in references if one.kind in _LINKS and one.url.startswith(place)]
        leads_on = len(self._manifest.frontier.find(links)) < len(set(links))
        self._traps.probed(response.url, _text(response), leads_on=leads_on)

    def save(self) -> None:
        """Keep what changed, with the answers that led to it."""
        if self._traps is not None:
            self._manifest.decisions.save_families(*self._traps.changed())

    def _text(self, resource: Resource) -> str:
        if resource.digest is None or resource.size > documents.MOST_READ:
            return ""
        return _text(self._archive.response(resource, resource.digest))


def _text(response: Response) -> str:
    read = None if response.spooled else documents.read(response, response.media_type)
    return read[1].text if read else ""
