"""`websucker grep DIR PATTERN`: find words in the text of the pages, in one snapshot or in all."""

import sys
from argparse import Namespace
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from time import monotonic
from typing import Any, Final

from mirror.cli.archive_command import find_snapshot, open_reader
from mirror.core.search.page_text import PageText
from mirror.core.search.query import MOST_TERMS, Query, parse
from mirror.core.search.snippets import Snippet, snippet
from mirror.core.url.canonical import CanonicalURL
from mirror.reports.exit_codes import Exit
from mirror.store.archive_reader import ArchiveReader
from mirror.store.disk.errors import StorageError
from mirror.store.disk.layout import KEPT
from mirror.store.search.database import DamagedIndexError, remove
from mirror.store.search.index import SearchIndex, TextKey
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

_LISTED: Final = 20
"""Pages that are listed, if the user says nothing."""

_AT_A_TIME: Final = 1000
_REPORT_AFTER: Final = 2.0  # seconds
_LONGEST_URL: Final = 10_000  # bytes; SQLite takes patterns of up to 50,000


@dataclass(frozen=True, slots=True)
class _Hit:
    """A page that was found, and the snapshots in which it has the words."""

    url: CanonicalURL
    spans: list[Span]
    snippet: Snippet


def run(given: Namespace) -> int:
    """Exits with 0 if a page was found, with 1 if none was, with 4 if it is not known: texts could not be read."""
    query = _query(given)
    with open_reader(given.folder) as archive, _index(archive) as (index, is_whole):
        if query is None:
            return Exit.WELL if is_whole else Exit.STORAGE
        wanted = Search(query, _snapshot(archive, given), _glob(given.url), _kinds(given.type))
        is_found = _answer(archive, index, wanted, given)
        return Exit.WELL if is_found else Exit.SOME_FAILED if is_whole else Exit.STORAGE


def _answer(archive: ArchiveReader, index: SearchIndex, wanted: Search, given: Namespace) -> bool:
    """Print what was found; return whether anything was."""
    if given.count:
        is_found = _print_count(given, count(archive, index, wanted))
    elif given.list and not given.json:
        is_found = _print_urls(archive, index, wanted, given.limit)
    else:
        is_found = _print_hits(archive, index, wanted, given)
    if not is_found and wanted.at is not None and any(search(archive, index, replace(wanted, at=None))):
        print_message(f"Snapshot {wanted.at} has none, others have: see --all-snapshots\n")
    return is_found


def _query(given: Namespace) -> Query | None:
    pattern = " ".join(given.pattern)
    if not given.pattern:
        if not given.index:
            exit_with_error("grep needs a PATTERN: the words to find", Exit.USAGE)
        return None
    if given.limit is None:
        given.limit = 0 if given.list or given.json else _LISTED
    if given.limit < 0:
        exit_with_error(f"--limit {given.limit} is negative: give a number of pages, or 0 for all", Exit.USAGE)
    if given.limit > sys.maxsize:
        exit_with_error("--limit is too large: give a number of pages, or 0 for all", Exit.USAGE)
    if len((given.url or "").encode(errors="replace")) > _LONGEST_URL:
        exit_with_error(f"--url is too long: give a pattern of up to {_LONGEST_URL:,} bytes", Exit.USAGE)
    query = parse(pattern)
    if query is None:
        exit_with_error(f"{pattern!r} has no word to find: a word has letters or digits", Exit.USAGE)
    if (terms := len(query.terms) + len(query.unwanted)) > MOST_TERMS:
        exit_with_error(f"the pattern has {terms:,} words: give {MOST_TERMS} at most", Exit.USAGE)
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
def _index(archive: ArchiveReader) -> Iterator[tuple[SearchIndex, bool]]:
    """Open the index and bring it up to date. Say what it lacks; the second value is whether it lacks nothing."""
    try:
        index, is_whole = _current_index(archive)
    except DamagedIndexError:  # it was found while it was brought up to date
        print_message("The search index is damaged: making it again\n")
        remove(archive.root / KEPT)
        index, is_whole = _current_index(archive)
    with closing(index):
        try:
            yield index, is_whole
        except DamagedIndexError as error:
            remove(archive.root / KEPT)
            exit_with_error(f"{error}: it was removed. Run the same command again to make it again", Exit.STORAGE)


def _current_index(archive: ArchiveReader) -> tuple[SearchIndex, bool]:
    try:
        index = open_index(archive.root)
    except DamagedIndexError:
        raise
    except StorageError as error:
        return _old_index(archive, error)
    try:
        unread = _update(archive, index)
    except DamagedIndexError:
        index.close()
        raise
    except StorageError as error:
        index.close()
        return _old_index(archive, error)
    except BaseException:
        index.close()
        raise
    if unread:
        print_message(
            f"{_pages(unread)} could not be read, so nothing is found there: the next search tries again, "
            f"`websucker verify` says which files are missing or damaged\n"
        )
    return index, not unread


def _update(archive: ArchiveReader, index: SearchIndex) -> int:
    """Bring the index up to date; return the number of texts that could not be read."""
    if not is_current(archive, index) and lacks_pdf(archive):
        print_message("The index has no text of PDF files: to add it, pip install 'pypdf>=7.1'\n")
    unread: list[TextKey] = []
    reported = monotonic()
    for added in bring_up_to_date(archive, index, unread):
        if monotonic() >= reported + _REPORT_AFTER:
            print_message(f"Search index: {_pages(added)} added\n")
            reported = monotonic()
    return len(unread)


def _old_index(archive: ArchiveReader, error: StorageError) -> tuple[SearchIndex, bool]:
    """Open an index that can't be brought up to date."""
    try:
        index = SearchIndex(archive.root / KEPT, read_only=True)
    except StorageError:
        exit_with_error(f"there is no search index, and none can be made: {error}", Exit.STORAGE)
    lacking = 0 if is_current(archive, index) else missing(archive, index)
    if lacking:
        print_message(f"The search index can't be brought up to date ({error}). It lacks {_pages(lacking)}\n")
    return index, not lacking


# --- the answer -------------------------------------------------------------------------------------------------------


def _print_count(given: Namespace, number: int) -> bool:
    if given.json:
        print_json({"count": number})
    else:
        print_line(str(number))
    return number > 0


def _print_urls(archive: ArchiveReader, index: SearchIndex, wanted: Search, limit: int) -> bool:
    urls = (url for found in search(archive, index, wanted) for url, _ in found)
    listed = 0
    for url in islice(urls, limit or None):
        print_line(url)
        listed += 1
    _print_rest(sum(1 for _ in islice(urls, _MOST_COUNTED)) if limit else 0)
    return listed > 0


def _print_hits(archive: ArchiveReader, index: SearchIndex, wanted: Search, given: Namespace) -> bool:
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
    return is_found


def _hits(
    archive: ArchiveReader, index: SearchIndex, query: Query, pages: Iterator[tuple[CanonicalURL, TextKey]]
) -> Iterator[_Hit]:
    while some := list(islice(pages, _AT_A_TIME)):
        seen = spans(archive, index, query, [url for url, _ in some])
        for url, text in some:
            yield _Hit(url, seen.get(url, []), snippet(index.text(text) or PageText(), query))


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
