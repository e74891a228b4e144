"""Which changes of an archive are noise: only for pages that changed, their two payloads are read and compared."""

from collections.abc import Iterator

from mirror.store.archive_reader import ArchiveReader
from mirror.store.manifest.records import Resource


def is_noise(archive: ArchiveReader, before: Resource, now: Resource) -> bool:
    """Whether two versions of a URL differ in noise only. Versions that are no HTML, or whose payloads are lost, don't."""
    if before.content[1:] != now.content[1:]:
        return False
    from mirror.core.comparison import noise  # noqa: PLC0415 - the parsers load only if a page changed

    if max(before.size, now.size) > 4 * noise.MAX_LENGTH:  # bytes: a character has up to four
        return False
    old, new = (_html(archive, one) for one in (before, now))
    return old is not None and new is not None and noise.is_noise(old, new)


def find_noise(archive: ArchiveReader, snapshot_id: int) -> Iterator[bool]:
    """Yield, for each change of a snapshot, whether it is noise."""
    for before, now in archive.history.changed(snapshot_id):
        yield is_noise(archive, before, now)


def _html(archive: ArchiveReader, resource: Resource) -> str | None:
    if resource.digest is None or not archive.has_payload(resource):
        return None
    from mirror.core.document import documents  # noqa: PLC0415 - likewise

    return documents.html_text(archive.response(resource, resource.digest))
