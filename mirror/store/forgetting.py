"""Forgetting: removes a URL from everything that an archive keeps, and tells what it could not reach.

`forget` first stores in one transaction that the URL is forgotten, and that this is not finished. From then on no snapshot
shows it. Then `finish` removes what its server sent: parts of downloads, files of the tree, objects and copies, texts in the
search index, and what the database still has in free pages and in its log. If the process is killed, or the disk fails, the
next command that writes to the archive finishes the rest. The links of other pages change last, by `Archive.settle`, which may
fail for lack of an object.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mirror.core.url.canonical import CanonicalURL
from mirror.core.url.tombstones import covers
from mirror.store import heartbeat
from mirror.store.archive import Archive
from mirror.store.disk.errors import storing
from mirror.store.disk.layout import KEPT
from mirror.store.searching import remove_texts

_FACT: Final = "forgetting"
_UNFINISHED: Final = "unfinished"


@dataclass(frozen=True, slots=True)
class Left:
    """What is left. `linked`: files outside of the archive that are hard links to forgotten ones, such as those of a checkout.

    `is_clean`: whether the database has no trace; another program may have been reading it.
    """

    size: int = 0
    """Bytes that were removed."""
    linked: int = 0
    is_clean: bool = True


@dataclass(frozen=True, slots=True)
class Forgotten:
    """`versions` that were forgotten, and `sharing`: other URLs that have the same payload, which therefore stays."""

    versions: int
    sharing: tuple[CanonicalURL, ...]
    left: Left


def forget(archive: Archive, pattern: str, now: str) -> Forgotten:
    """Forget a URL, or all URLs with a prefix if the pattern ends in `*`. Raises `StorageError`: then `finish` goes on."""
    with storing(archive.root):
        with archive.manifest.transaction():
            sharing = archive.manifest.retention.sharing(pattern)
            versions = archive.manifest.retention.forget(pattern, now)
            archive.manifest.decisions.set_fact(_FACT, _UNFINISHED)
        return Forgotten(versions, tuple(sharing), finish(archive))


def finish(archive: Archive) -> Left:
    """Remove what is left of forgotten URLs, if anything is. Raises `StorageError`."""
    if archive.manifest.decisions.fact(_FACT) != _UNFINISHED:
        return Left()
    with storing(archive.root):
        _remove_parts(archive)
        heartbeat.forget_hosts(archive.root)
        for _ in archive.remove_released():
            pass
        linked = _unlink_others(archive)
        _, size = archive.collect()
        remove_texts(archive.root, archive.manifest)
        is_clean = archive.compact()
        if is_clean:
            with archive.manifest.transaction():
                archive.manifest.decisions.set_fact(_FACT, "")
    return Left(size, linked, is_clean)


def _remove_parts(archive: Archive) -> None:
    tombstones = archive.manifest.decisions.tombstones()
    for url in archive.spools.urls():
        if any(covers(tombstone, url) for tombstone in tombstones):
            archive.spools.forget(url)


def _unlink_others(archive: Archive) -> int:
    """Remove files in the archive's folder that are hard links to what is no longer needed; return how many are elsewhere."""
    statuses = [store.path(digest).lstat() for store, digest in archive.unused()]
    elsewhere = {(status.st_dev, status.st_ino): status.st_nlink - 1 for status in statuses if status.st_nlink > 1}
    for place in _files(archive.root) if elsewhere else ():
        status = place.lstat()
        if elsewhere.get((status.st_dev, status.st_ino)):
            place.unlink()
            elsewhere[status.st_dev, status.st_ino] -= 1
    return sum(elsewhere.values())


def _files(root: Path) -> Iterator[Path]:
    """Yield the files of the tree, whoever wrote them. Follows no symbolic links."""
    for folder, folders, names in os.walk(root):
        if folder == str(root):
            folders[:] = [name for name in folders if name != KEPT]
        yield from (Path(folder, name) for name in names)
