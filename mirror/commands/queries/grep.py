"""`websucker grep DIR PATTERN`: find words in the text of the pages, in one snapshot or in all."""

from argparse import Namespace
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from mirror.cli.archive_command import find_snapshot, open_reader
from mirror.core.search.page_text import PageText
from mirror.core.search.query import Query, parse
from mirror.core.search.snippets import Snippet, snippet
from mirror.core.url.canonical import CanonicalURL
from mirror.reports.exit_codes import Exit
from mirror.store.archive_reader import ArchiveReader
from mirror.store.disk.errors import StorageError
from mirror.store.disk.layout import KEPT
from mirror.store.disk.objects import Digest
from mirror.store.search.database import DamagedIndexError, remove
from mirror.store.search.index import SearchIndex
from mirror.store.search.kinds import Kind, reads_pdf
from mirror.store.searching import (
    Search,
    Span,
    bring_up_to_date,
    count,
    is_current,
    lacks_pdf,
    missing,
    open_index,
    search,
    spans,
)
from mirror.terminal.console import exit_with_error, print_json, print_line, print_marked, print_message

_MOST_COUNTED: Final = 1000
"""The number up to which pages beyond the limit are counted."""

_AT_A_TIME: Final = 1000
_REPORT_AFTER: Final = 5000  # texts


@dataclass(frozen=True, slots=True)
class _Hit:
    """A page that was found, and the snapshots in which it has the words."""

    url: CanonicalURL
    spans: list[Span]
    snippet: Snippet


def run(given: Namespace) -> int:
    """Exits with 0 if a page was found, with 1 if none was."""
    query = _query(given)
    with open_reader(given.folder) as archive, _index(archive) as index:
        if query is None:
            return Exit.WELL
        wanted = Search(query, _snapshot(archive, given), _glob(given.url), _kinds(given.type))
        if given.count:
            return _print_count(given, count(archive, index, wanted))
        if given.list and not given.json:
            return _print_urls(archive, index, wanted, given.limit)
        return _print_hits(archive, index, wanted, given)


def _query(given: Namespace) -> Query | None:
    if given.pattern is None:
        if not given.index:
            exit_with_error("grep needs a PATTERN: the words to find", Exit.USAGE)
        return None
    if given.limit < 0:
        exit_with_error(f"--limit {given.limit} is negative: give a number of pages, or 0 for all", Exit.USAGE)
    query = parse(given.pattern)
    if query is None:
        exit_with_error(f"{given.pattern!r} has no word to find: a word has letters or digits", Exit.USAGE)
    return query


def _snapshot(archive: ArchiveReader, given: Namespace) -> int | None:
    """The snapshot to search: that of the user, else the newest complete one, else the newest; `None`: all."""
    if given.all_snapshots:
        if given.snapshot:
            exit_with_error("--snapshot and --all-snapshots contradict each other: give one of them", Exit.USAGE)
        return None
    if given.snapshot:
        return find_snapshot(archive, given.snapshot).id
    return next(reversed(archive.history.complete()), archive.manifest.runs.last_id())


def _glob(given: str | None) -> str:
    """The pattern of URLs. The user may leave the scheme out.

    >>> _glob("example.org/*"), _glob("http://*"), _glob(None)
    ('*://example.org/*', 'http://*', '*')
    """
    return "*" if not given else given if "://" in given else f"*://{given}"


def _kinds(given: str | None) -> tuple[Kind, ...]:
    names = [name.strip().lower() for name in (given or "").split(",") if name.strip()]
    for name in names:
        if name not in set(Kind):
            exit_with_error(f"--type {name} is unknown: use {', '.join(Kind)}", Exit.USAGE)
    if Kind.PDF in names and not reads_pdf():
        exit_with_error("--type pdf needs pypdf: pip install 'pypdf>=7.1', or requirements-pdf.txt", Exit.USAGE)
    return tuple(map(Kind, names))


# --- the index --------------------------------------------------------------------------------------------------------


@contextmanager
def _index(archive: ArchiveReader) -> Iterator[SearchIndex]:
    """Open the index and bring it up to date. If it can't be written, say what it lacks."""
    try:
        index = _current_index(archive)
    except DamagedIndexError:  # it was found while it was brought up to date
        print_message("The search index is damaged: making it again\n")
        remove(archive.root / KEPT)
        index = _current_index(archive)
    with closing(index):
        try:
            yield index
        except DamagedIndexError as error:
            remove(archive.root / KEPT)
            exit_with_error(f"{error}: it was removed. Run the same command again to make it again", Exit.STORAGE)


def _current_index(archive: ArchiveReader) -> SearchIndex:
    try:
        index = open_index(archive.root)
    except DamagedIndexError:
        raise
    except StorageError as error:
        return _old_index(archive, error)
    try:
        _update(archive, index)
    except DamagedIndexError:
        index.close()
        raise
    except StorageError as error:
        index.close()
        return _old_index(archive, error)
    except BaseException:
        index.close()
        raise
    return index


def _update(archive: ArchiveReader, index: SearchIndex) -> None:
    if not is_current(archive, index) and lacks_pdf(archive):
        print_message("The index has no text of PDF files: to add it, pip install 'pypdf>=7.1'\n")
    reported = 0
    for added in bring_up_to_date(archive, index):
        if added >= reported + _REPORT_AFTER:
            print_message(f"Search index: {added:,} pages added\n")
            reported = added


def _old_index(archive: ArchiveReader, error: StorageError) -> SearchIndex:
    """Open an index that can't be brought up to date."""
    try:
        index = SearchIndex(archive.root / KEPT, read_only=True)
    except StorageError:
        exit_with_error(f"there is no search index, and none can be made: {error}", Exit.STORAGE)
    if not is_current(archive, index):
        lacking = missing(archive, index)
        print_message(f"The search index can't be brought up to date ({error}). It lacks {_pages(lacking)}\n")
    return index


# --- the answer -------------------------------------------------------------------------------------------------------


def _print_count(given: Namespace, number: int) -> int:
    if given.json:
        print_json({"count": number})
    else:
        print_line(str(number))
    return Exit.WELL if number else Exit.SOME_FAILED


def _print_urls(archive: ArchiveReader, index: SearchIndex, wanted: Search, limit: int) -> int:
    urls = (url for found in search(archive, index, wanted) for url, _ in found)
    listed = 0
    for url in islice(urls, limit or None):
        print_line(url)
        listed += 1
    _print_rest(sum(1 for _ in islice(urls, _MOST_COUNTED)) if limit else 0)
    return Exit.WELL if listed else Exit.SOME_FAILED


def _print_hits(archive: ArchiveReader, index: SearchIndex, wanted: Search, given: Namespace) -> int:
    pages = (page for found in search(archive, index, wanted) for page in found)
    listed: list[dict[str, Any]] = []
    is_found = False
    for hit in _hits(archive, index, wanted.query, islice(pages, given.limit or None)):
        is_found = True
        if given.json:
            listed.append(_as_json(archive, hit))
        else:
            print_marked(_line(hit))
    more = sum(1 for _ in islice(pages, _MOST_COUNTED)) if given.limit else 0
    if given.json:
        print_json({"snapshot": wanted.at, "hits": listed, "more": more})
    else:
        _print_rest(more)
    return Exit.WELL if is_found else Exit.SOME_FAILED


def _hits(
    archive: ArchiveReader, index: SearchIndex, query: Query, pages: Iterator[tuple[CanonicalURL, Digest]]
) -> Iterator[_Hit]:
    while some := list(islice(pages, _AT_A_TIME)):
        seen = spans(archive, index, query, [url for url, _ in some])
        for url, digest in some:
            yield _Hit(url, seen.get(url, []), snippet(index.text(digest) or PageText(), query))


def _print_rest(more: int) -> None:
    if more:
        number = f"more than {more:,}" if more == _MOST_COUNTED else f"{more:,}"
        print_message(f"{number} more: --limit 0 lists all\n")


def _line(hit: _Hit) -> list[str]:
    """The line of a page: ordinary text, found text, ordinary text, ..., as `print_marked` takes it."""
    found = hit.snippet
    first, *others = found.pieces or ("",)
    title = "" if "".join(found.pieces) == found.title else f"{found.title}: " * bool(found.title)
    return [f"{hit.url}  [{_span_words(hit.spans)}]  {title}{first}", *others]


def _span_words(found: list[Span]) -> str:
    """The snapshots as users name them.

    >>> _span_words([(1, 3), (5, 5)])
    '1-3, 5'
    """
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in found)


def _as_json(archive: ArchiveReader, hit: _Hit) -> dict[str, Any]:
    return {
        "url": hit.url,
        "title": hit.snippet.title,
        "text": "".join(hit.snippet.pieces),
        "found": list(hit.snippet.pieces[1::2]),
        "seen": [
            {
                "first": first,
                "first_time": archive.history.started(first),
                "last": last,
                "last_time": archive.history.started(last),
            }
            for first, last in hit.spans
        ],
    }


def _pages(number: int) -> str:
    return "1 page" if number == 1 else f"{number:,} pages"
