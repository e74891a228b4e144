"""The page of `diff --html`: the differences of two snapshots, and what changed in the text of pages."""

from mirror.core.comparison import text_diff
from mirror.core.comparison.text_diff import Section
from mirror.reports.page_text import PageTexts
from mirror.store.archive_reader import ArchiveReader
from mirror.store.manifest.history_records import ChangeKind, Difference, SnapshotInfo


def difference_page(archive: ArchiveReader, before: SnapshotInfo, now: SnapshotInfo, found: list[Difference]) -> str:
    """Return an HTML page that shows what changed between two snapshots, with the text of pages."""
    texts = PageTexts(archive)
    sections = [_section(texts, one) for one in found]
    return text_diff.report(f"Snapshot {before.id} of {before.started} and {now.id} of {now.started}", sections)


def _section(texts: PageTexts, one: Difference) -> Section:
    side = one.now or one.before
    assert side is not None
    note = f"it was at {one.before.url}" if one.kind is ChangeKind.MOVED and one.before else ""
    changes: list[text_diff.Change] | None = None
    if one.kind is ChangeKind.CHANGED and one.before and one.now:
        changes = texts.changes(one.before, one.now)
    return Section(side.url, one.kind, note, tuple(changes or ()))
