"""The search of an archive: brings the index up to date with the manifest, finds pages, and removes what is no longer needed.

The index (`store.search`) knows texts by the digests of their objects; which URLs show a text, and in which snapshots, the
manifest knows. All this needs no lock of the archive: the index has one of its own, and a crawl may run meanwhile.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mirror.core.search.query import Query
from mirror.core.url.canonical import CanonicalURL
from mirror.store.archive_reader import ArchiveReader
from mirror.store.disk.errors import StorageError, storing
from mirror.store.disk.layout import KEPT
from mirror.store.disk.objects import Digest
from mirror.store.manifest.history_records import Showing
from mirror.store.manifest.interface import Manifest
from mirror.store.search.database import DamagedIndexError, is_there, remove
from mirror.store.search.index import SearchIndex
from mirror.store.search.kinds import KINDS, PDF, Kind, media_types, readable_types, reads_pdf

if TYPE_CHECKING:
    from mirror.store.search.index import Text, TextKey

Span = tuple[int, int]
"""The first and the last snapshot of several in a row."""

_BATCH: Final = 8 << 20  # characters that are added in one transaction
_MOST: Final = 2000  # texts that are
_FEW: Final = 5000  # URLs

# --- up to date -------------------------------------------------------------------------------------------------------


def open_index(root: Path) -> SearchIndex:
    """Open the index of an archive to write it. One that is damaged, or was made by another version, is made again."""
    kept = root / KEPT
    try:
        return SearchIndex(kept)
    except DamagedIndexError:
        remove(kept)
        return SearchIndex(kept)


def is_current(archive: ArchiveReader, index: SearchIndex) -> bool:
    """Return whether the index has the text of all that the manifest shows, and of nothing else."""
    return index.state == _state(archive)


def _state(archive: ArchiveReader) -> str:
    """The state of the manifest, and what can be read here: once PDF files can be, the index lacks them."""
    return archive.manifest.retention.state() + " pdf" * reads_pdf()


def missing(archive: ArchiveReader, index: SearchIndex) -> int:
    """Count the texts that the index lacks."""
    return sum(len(index.missing(_with_kinds(found))) for found in archive.manifest.retention.texts(readable_types()))


def bring_up_to_date(
    archive: ArchiveReader, index: SearchIndex, unread: list["TextKey"] | None = None
) -> Iterator[int]:
    """Remove texts that nothing needs, and add those that are missing. Yields how many were added, after each transaction.

    What was added stays if this is interrupted. Texts that can't be read now are appended to `unread`; the index is not up to
    date then, so that the next search tries again. Raises `StorageError`.
    """
    unread = [] if unread is None else unread
    state = _state(archive)
    if index.state == state:
        return
    with storing(archive.root):
        _remove_unneeded(archive.manifest, index)
        count = 0
        for texts in _batches(_read(archive, index, unread)):
            index.add(texts, archive.manifest.retention.needed)
            count += len(texts)
            yield count
        if not unread:
            index.set_state(state)


def lacks_pdf(archive: ArchiveReader) -> bool:
    """Return whether there are PDF files that can't be read here, because the library for it is not installed."""
    return not reads_pdf() and next(archive.manifest.retention.texts([PDF]), None) is not None


def _with_kinds(found: Sequence[tuple[Digest, str]]) -> list[tuple[Digest, str]]:
    return [(digest, KINDS[media_type]) for digest, media_type in found]


def _read(archive: ArchiveReader, index: SearchIndex, unread: list["TextKey"]) -> Iterator["Text"]:
    """Yield the texts that the index lacks."""
    from mirror.store.search.object_text import read_text  # noqa: PLC0415 - it loads parsers, and most searches need none

    for found in archive.manifest.retention.texts(readable_types()):
        for digest, kind in index.missing(_with_kinds(found)):
            users = archive.manifest.retention.users_of(digest)
            is_whole = archive.objects.is_whole(digest, max((one.size for one in users), default=None))
            shown = next((one for one in users if KINDS.get(one.media_type or "") == kind), None)
            text = read_text(archive.objects, digest, Kind(kind), shown) if is_whole else None
            if text is not None:
                yield digest, kind, text
            else:
                unread.append((digest, kind))


def _batches(texts: Iterator["Text"]) -> Iterator[list["Text"]]:
    """Yield texts, some at a time. A PDF ends a batch: reading it may have taken long, and must not be lost."""
    batch: list[Text] = []
    size = 0
    for text in texts:
        batch.append(text)
        size += sum(len(line) for _, line in text[2].lines)
        if size >= _BATCH or len(batch) >= _MOST or text[1] == Kind.PDF:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


# --- finding ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Search:
    """What to find: a query, in the snapshot `at` (`None`: in any), below URLs that match a pattern of SQLite's GLOB.

    `kinds`: the kinds of documents; none stands for all.
    """

    query: Query
    at: int | None = None
    glob: str = "*"
    kinds: tuple[Kind, ...] = ()


def search(
    archive: ArchiveReader, index: SearchIndex, wanted: Search
) -> Iterator[list[tuple[CanonicalURL, "TextKey"]]]:
    """Yield the URLs that show a matching text, the best first, each once; some at a time, with the text."""
    seen: set[CanonicalURL] = set()
    for texts, shown in _shown(archive, index, wanted):
        rank = {text: place for place, text in enumerate(texts)}
        found: dict[CanonicalURL, TextKey] = {}
        for one in sorted(shown, key=lambda one: (rank[_key(one)], -one.since, one.url)):
            if one.url not in seen:
                seen.add(one.url)
                found[one.url] = _key(one)
        if found:
            yield list(found.items())


def _key(showing: Showing) -> "TextKey":
    return showing.digest, KINDS[showing.media_type]


def _by_kind(texts: Sequence["TextKey"]) -> Iterator[tuple[list[Digest], list[str]]]:
    """Yield the digests of the texts of each kind, and the media types of this kind."""
    for kind in sorted({kind for _, kind in texts}):
        yield [digest for digest, other in texts if other == kind], media_types([kind])


def _shown(
    archive: ArchiveReader, index: SearchIndex, wanted: Search
) -> Iterator[tuple[Sequence["TextKey"], Sequence[Showing]]]:
    """Yield the texts that match, the best first, some at a time, with what shows them.

    If few URLs match the pattern, their texts are searched; else the URLs of all texts that match are looked up.
    """
    retention = archive.manifest.retention
    types = media_types(wanted.kinds)
    few = [] if wanted.glob == "*" else retention.showing_at(wanted.glob, types, wanted.at, _FEW)
    if wanted.glob == "*" or len(few) == _FEW:
        for texts in index.find(wanted.query, wanted.kinds):
            found = [retention.showing(*some, wanted.at, wanted.glob) for some in _by_kind(texts)]
            yield texts, [one for some in found for one in some]
        return
    by_key: dict[TextKey, list[Showing]] = {}
    for one in few:
        by_key.setdefault(_key(one), []).append(one)
    for texts in index.find(wanted.query, wanted.kinds, {digest for digest, _ in by_key}):
        yield texts, [one for text in texts for one in by_key.get(text, ())]


def count(archive: ArchiveReader, index: SearchIndex, wanted: Search) -> int:
    """Count the URLs that `search` finds."""
    ids: set[int] = set()
    for texts in index.find_any(wanted.query, wanted.kinds):
        for some in _by_kind(texts):
            ids |= archive.manifest.retention.ids_showing(*some, wanted.at, wanted.glob)
    return len(ids)


def spans(
    archive: ArchiveReader, index: SearchIndex, query: Query, urls: Sequence[CanonicalURL]
) -> dict[CanonicalURL, list[Span]]:
    """Return for each URL the snapshots in which it shows a matching text, oldest first."""
    showings = archive.manifest.retention.showings(urls, media_types(()))
    matching = index.matching(query, {one.digest for one in showings})
    complete = archive.history.complete()
    by_url: dict[CanonicalURL, list[Showing]] = {}
    for one in showings:
        if _key(one) in matching:
            by_url.setdefault(one.url, []).append(one)
    return {url: _joined(found, complete) for url, found in by_url.items()}


def _joined(showings: Sequence[Showing], complete: Sequence[int]) -> list[Span]:
    """Join what follows on each other. The last snapshot that shows a version is the last complete one before its end.

    >>> url, digest = CanonicalURL("http://h/"), Digest("0" * 64)
    >>> _joined([Showing(url, digest, "text/html", *ends) for ends in ((1, 2), (2, 4), (6, None))], [1, 2, 3, 4, 5, 6, 7])
    [(1, 3), (6, 7)]
    """
    joined: list[tuple[int, int | None]] = []
    for one in showings:
        if joined and (joined[-1][1] is None or one.since <= joined[-1][1]):
            ends = (joined[-1][1], one.until)
            joined[-1] = joined[-1][0], None if None in ends else max(end for end in ends if end is not None)
        else:
            joined.append((one.since, one.until))
    found = []
    for since, until in joined:
        before = complete if until is None else complete[: bisect_left(complete, until)]
        found.append((since, max([since, *before[-1:]])))
    return found


# --- removing ---------------------------------------------------------------------------------------------------------


def remove_texts(root: Path, manifest: Manifest) -> None:
    """Remove the texts that nothing needs any more, so that the files of the index have no trace of them.

    If they can't be removed, because the index is damaged or another process is using it, the whole index is deleted: the next
    search makes it again. Raises `StorageError` if that fails, too.
    """
    kept = root / KEPT
    if not is_there(kept):
        return
    try:
        with closing(SearchIndex(kept)) as index:
            _remove_unneeded(manifest, index)
            if index.leave_no_trace():
                return
    except StorageError:
        pass
    remove(kept)


def _remove_unneeded(manifest: Manifest, index: SearchIndex) -> None:
    for digests in index.digests():
        gone = set(digests) - manifest.retention.needed(digests)
        if gone:
            index.remove(sorted(gone))


def damage(root: Path) -> str | None:
    """Return what is damaged in the index of an archive; `None` if nothing is, or if there is no index."""
    kept = root / KEPT
    if not is_there(kept):
        return None
    try:
        with closing(SearchIndex(kept, read_only=True)) as index:
            return index.damage()
    except StorageError as error:
        return str(error)
