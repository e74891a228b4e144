"""The page of `diff --html`: the differences of two snapshots, and what changed in the text of pages."""

from mirror.core.comparison import text_diff
from mirror.core.comparison.text_diff import Section
from mirror.core.http.messages import MAX_READ, header
from mirror.core.syntax import character_encoding
from mirror.core.url.media_types import DOCUMENTS, Document
from mirror.store.archive_reader import ArchiveReader
from mirror.store.manifest.history_records import ChangeKind, Difference, SnapshotInfo
from mirror.store.manifest.records import Resource


def difference_page(archive: ArchiveReader, before: SnapshotInfo, now: SnapshotInfo, found: list[Difference]) -> str:
    """Return an HTML page that shows what changed between two snapshots, with the text of pages."""
    sections = [_section(archive, one) for one in found]
    return text_diff.report(f"Snapshot {before.id} of {before.started} and {now.id} of {now.started}", sections)


def _section(archive: ArchiveReader, one: Difference) -> Section:
    side = one.now or one.before
    assert side is not None
    note = f"it was at {one.before.url}" if one.kind is ChangeKind.MOVED and one.before else ""
    changes = tuple(_text_changes(archive, one)) if one.kind is ChangeKind.CHANGED else ()
    return Section(side.url, one.kind, note, changes)


def _text_changes(archive: ArchiveReader, one: Difference) -> list[text_diff.Change]:
    before, now = (_lines(archive, side) if side else None for side in (one.before, one.now))
    return [] if before is None or now is None else text_diff.text_changes(before, now)


def _lines(archive: ArchiveReader, resource: Resource) -> list[str] | None:
    if DOCUMENTS.get(resource.media_type or "") is not Document.HTML or resource.digest is None:
        return None
    if resource.size > MAX_READ or not archive.has_payload(resource):
        return None
    text = character_encoding.decode(
        archive.objects.get(resource.digest), header(resource.headers, "content-type")
    ).text
    return text_diff.page_lines(text)
