"""The traps of one run: the state of the trap detector (`core.policy.crawler_traps`), stored in the manifest with the answers.

So a resumed run continues with the traps that it knew. A new run begins without any, because the server may have changed.
"""

from collections.abc import Sequence
from typing import Final

from mirror.core.document import documents
from mirror.core.http import messages
from mirror.core.http.messages import Response
from mirror.core.policy.crawler_traps import Budgets, Traps
from mirror.core.syntax.reference import Kind, Reference
from mirror.core.url.canonical import CanonicalURL, origin
from mirror.store.archive import Archive
from mirror.store.manifest.checks import checked
from mirror.store.manifest.records import Resource, Snapshot

_LINKS: Final = frozenset(
    {Kind.PAGE, Kind.ROUTE, Kind.CANONICAL, Kind.FEED, Kind.FRAME, Kind.NOFOLLOW, Kind.UNENDORSED}
)


class TrapState:
    """The trap detector of a run. `budgets=None` turns it off."""

    def __init__(self, archive: Archive, snapshot: Snapshot, budgets: Budgets | None) -> None:
        self._archive = archive
        self._manifest = archive.manifest
        if not snapshot.resumed:
            self._manifest.decisions.forget_families()
        self._traps = None if budgets is None else self._known(budgets)

    def set_budgets(self, budgets: Budgets | None) -> None:
        """Replace the budgets; the state of families stays."""
        self._traps = None if budgets is None else self._known(budgets)

    @checked
    def _known(self, budgets: Budgets) -> Traps:
        return Traps(budgets, self._manifest.decisions.families())

    def answered(self, resource: Resource, links: Sequence[Reference], new: Sequence[Reference]) -> CanonicalURL | None:
        """Pass the links of a page to the detector, before they are followed. Returns a probe, if the detector needs one.

        `new` are those of the links that the run had not met before. A probe is a URL that can't exist.
        """
        if self._traps is None or not new:
            return None
        return self._traps.answered(resource.url, links, new, lambda: self._text(resource))

    def blocking_rule(self, url: CanonicalURL, page: CanonicalURL, kind: Kind = Kind.PAGE) -> str | None:
        """Return the rule, in words, that bars a link on a page; `None` if it may be followed."""
        return self._traps.blocking_rule(url, page) if self._traps and kind in _LINKS else None

    def probed(self, response: Response, references: Sequence[Reference]) -> None:
        """Tell the detector that a probe was answered as if it existed."""
        if self._traps is None or not self._traps.is_probe(response.url):
            return
        place = f"{origin(response.url)}/"
        links = [one.url for one in references if one.kind in _LINKS and one.url.startswith(place)]
        leads_on = len(self._manifest.frontier.find(links)) < len(set(links))
        self._traps.probed(response.url, _text(response), leads_on=leads_on)

    def save(self) -> None:
        """Store the families that changed."""
        if self._traps is not None:
            self._manifest.decisions.save_families(*self._traps.changed())

    def _text(self, resource: Resource) -> str:
        if resource.digest is None or resource.size > messages.MAX_READ:
            return ""
        return _text(self._archive.response(resource, resource.digest))


def _text(response: Response) -> str:
    read = None if response.spooled else documents.read(response, response.media_type)
    return read[1].text if read else ""
