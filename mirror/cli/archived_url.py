"""The URL that a user names in the arguments of a command about an archive, and the snapshot.

Input: the text of an argument, such as `example.org/page@3`. Output: a URL as the archive knows it, a snapshot, a version of
the URL. Whatever can't be found ends the program with a line that says what there is.
"""

import re
from collections.abc import Sequence
from typing import Final

from mirror.cli.archive_command import find_snapshot
from mirror.core.url.canonical import CanonicalURL, InvalidURLError, canonical
from mirror.reports.exit_codes import Exit
from mirror.reports.times import format_time
from mirror.reports.version_spans import spans
from mirror.store.archive_reader import ArchiveReader
from mirror.store.manifest.history_records import SnapshotInfo
from mirror.store.manifest.records import Resource
from mirror.terminal.console import exit_with_error


def find_url(archive: ArchiveReader, text: str) -> CanonicalURL:
    """The URL that the user means: without a scheme, the one of https or http that the archive knows."""
    try:
        urls = _readings(text)
    except InvalidURLError as error:
        exit_with_error(str(error), Exit.USAGE)
    known = archive.manifest.frontier.find([*urls, *_near(urls)])
    return next((url for url in (*urls, *_near(urls)) if url in known), urls[0])


def _near(urls: Sequence[CanonicalURL]) -> list[CanonicalURL]:
    """Return what may have been meant: with the other scheme, or with a slash at the end, or without it."""
    schemes = [CanonicalURL(url.replace(*pair, 1)) for url in urls for pair in _SCHEMES if url.startswith(pair[0])]
    return [CanonicalURL(url.rstrip("/") if url.endswith("/") else f"{url}/") for url in (*urls, *schemes)] + schemes


def _readings(text: str) -> list[CanonicalURL]:
    schemes = ("",) if "://" in text or text.startswith("file:") else ("https://", "http://")
    return [canonical(scheme + text) for scheme in schemes]


def find_url_and_snapshot(
    archive: ArchiveReader, text: str, name: str | None = None
) -> tuple[CanonicalURL, SnapshotInfo]:
    """The URL and the snapshot of `URL[@SNAPSHOT]`; `name` is the snapshot that an option names.

    URLs may contain an `@`. What stands behind the last one is a snapshot if there is one of that name, unless the archive
    knows the whole text as a URL. Without a snapshot, it is the newest complete one, or the newest if none is complete.
    """
    head, mark, tail = text.rpartition("@")
    if name is None and mark and tail.strip() and not _is_known(archive, text) and archive.history.find(tail):
        text, name = head, tail
    elif (
        name is None
        and mark
        and _SNAPSHOT.fullmatch(tail)
        and not _is_known(archive, text)
        and _is_known(archive, head)
    ):
        text, name = head, tail  # a snapshot that is not there: `chosen_snapshot` says which are
    return find_url(archive, text), chosen_snapshot(archive, name)


_SCHEMES: Final = (("http:", "https:"), ("https:", "http:"))
_SNAPSHOT: Final = re.compile(r"[0-9]+(?:-[0-9-]+.*)?")
"""What is meant as a snapshot behind a known URL."""


def _is_known(archive: ArchiveReader, text: str) -> bool:
    try:
        return bool(archive.manifest.frontier.find(_readings(text)))
    except InvalidURLError:
        return False


def chosen_snapshot(archive: ArchiveReader, name: str | None) -> SnapshotInfo:
    """The snapshot of this name; without one the newest complete snapshot, or the newest if none is complete."""
    if name is not None:
        return find_snapshot(archive, name)
    found = archive.history.find("latest") or next(reversed(archive.history.snapshots()), None)
    if found is None:
        exit_with_error("the archive is empty: no crawl has started yet", Exit.USAGE)
    return found


def find_version(archive: ArchiveReader, url: CanonicalURL, snapshot: SnapshotInfo) -> Resource:
    """The version that a snapshot shows of a URL, with a copy; without one, the program ends and says who has it."""
    found = archive.shown(url, snapshot.id)
    if found is None or found.path is None or found.digest is None:
        exit_with_error(_no_copy(archive, url, snapshot, found), Exit.SOME_FAILED)
    return found


def _no_copy(archive: ArchiveReader, url: CanonicalURL, snapshot: SnapshotInfo, found: Resource | None) -> str:
    other = archive.history.same_as(url)
    shown = _snapshots_with(archive, url) or (_snapshots_with(archive, other) if other else "")
    if not found and not archive.manifest.frontier.find([url]):
        return f"{url} is unknown: no fetched page refers to it"
    why = f" ({found.error or found.standing})" if found else ""
    many = "snapshot {} has it" if shown.isdecimal() else "snapshots {} have it"
    where = many.format(shown) if shown else "no snapshot has it; `websucker why` says why"
    return f"{url} is not in snapshot {snapshot.id} of {format_time(snapshot.started)}{why}: {where}"


def _snapshots_with(archive: ArchiveReader, url: CanonicalURL) -> str:
    return spans((one.first, one.last) for one in archive.history.versions(url) if one.resource.path)
