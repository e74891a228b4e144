"""The text of pages in an archive, for reports: its title and its lines, or why it can't be had."""

from dataclasses import dataclass
from hashlib import sha256

from mirror.core.comparison import text_diff
from mirror.core.http.messages import MAX_READ, header
from mirror.core.syntax import character_encoding
from mirror.core.url.media_types import DOCUMENTS, Document
from mirror.store.archive_reader import ArchiveReader
from mirror.store.manifest.records import Resource

_REPAIR = ": `verify --repair` fetches it again"
_KEPT_TEXTS = 3
"""How many texts are kept in memory: reports compare neighbours."""


@dataclass(frozen=True, slots=True)
class PageText:
    """The title and the `text_diff.page_lines` of a version. `damage` says what is wrong with its payload, if anything is."""

    title: str = ""
    lines: tuple[str, ...] | None = None
    damage: str = ""


def is_page(resource: Resource) -> bool:
    """Return whether a version is HTML by its type."""
    return DOCUMENTS.get(resource.media_type or "") is Document.HTML


class PageTexts:
    """The texts of the versions of an archive. Versions that are no HTML, or too long to be read, have no lines."""

    def __init__(self, archive: ArchiveReader) -> None:
        self._archive = archive
        self._known: dict[int, PageText] = {}

    def of(self, resource: Resource) -> PageText:
        """Return the text of a version."""
        if resource.id not in self._known:
            if len(self._known) >= _KEPT_TEXTS:
                del self._known[next(iter(self._known))]
            self._known[resource.id] = self._read(resource)
        return self._known[resource.id]

    def changes(self, before: Resource, now: Resource, *, context: int = 2) -> list[text_diff.Change] | None:
        """Return the changes from one version to another; `None` if one of them has no text."""
        old, new = self.of(before).lines, self.of(now).lines
        return None if old is None or new is None else text_diff.text_changes(old, new, context=context)

    def _read(self, resource: Resource) -> PageText:
        if resource.digest is None:
            return PageText()
        if not self._archive.has_payload(resource):
            return PageText(damage=f"its content is missing{_REPAIR}")
        if not is_page(resource) or resource.size > MAX_READ:
            return PageText()
        try:
            payload = self._archive.objects.get(resource.digest)
        except OSError as error:
            return PageText(damage=f"its content can't be read ({error.strerror}){_REPAIR}")
        if sha256(payload).hexdigest() != resource.digest:
            return PageText(damage=f"its content is damaged{_REPAIR}")
        html = character_encoding.decode(payload, header(resource.headers, "content-type")).text
        title, lines = text_diff.titled_lines(html)
        return PageText(title, tuple(lines))
