"""Checkout: writes the tree of a snapshot into a folder of its own.

The archive is only read. The folder gets hard links to objects and copies, so a checkout takes seconds and hardly any space. If
the copy of a document is no longer known, it is made again from the object.
"""

import shutil
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Final

from mirror.core.document import documents
from mirror.core.http.messages import Response
from mirror.core.url.canonical import CanonicalURL
from mirror.core.url.local_paths import LocalPath
from mirror.store.archive import MAX_REDIRECTS, Archive, is_redirect, publication_of
from mirror.store.disk.errors import StorageError
from mirror.store.disk.layout import KEPT
from mirror.store.disk.publisher import local_copy
from mirror.store.disk.symlink_guard import refuse_link
from mirror.store.disk.tree import Tree
from mirror.store.index_page import INDEX, index_page
from mirror.store.manifest.history_records import ShownVersion, SnapshotInfo
from mirror.store.manifest.records import Resource

UNFINISHED: Final = ".checkout"
"""A folder in the target that marks an unfinished checkout. The same checkout continues it."""


def check_out(archive: Archive, snapshot: SnapshotInfo, target: Path) -> Iterator[Resource]:
    """Write the tree of a snapshot into a new or empty folder; yields each version once its file is there.

    Versions whose objects are missing are left out, unless their copies are there; links to them stay. Raises `StorageError` if
    the folder is inside `.mirror/`, or has anything in it but an unfinished checkout of this snapshot.
    """
    scratch = target / UNFINISHED
    mark = scratch / str(snapshot.id)
    if target.is_dir() and any(target.iterdir()) and not mark.exists():
        raise StorageError(f"{target} is not empty: choose a new folder")
    if target.resolve().is_relative_to((archive.root / KEPT).resolve()):
        raise StorageError(f"{target} is inside the archive's own folder: choose a folder elsewhere")
    refuse_link(scratch)
    scratch.mkdir(parents=True, exist_ok=True)
    refuse_link(mark)
    mark.touch()
    tree = Tree(target, scratch)
    layout = _Layout(archive, snapshot, tree)
    for shown in archive.history.at(snapshot.id):
        if layout.put(shown):
            yield shown.resource
    starts = archive.history.starts(snapshot.id)
    tree.write(INDEX, index_page(((start, layout.place_of(start)) for start in starts), archive.manifest.runs.routes()))
    shutil.rmtree(scratch)


class _Layout:
    """The state of one checkout."""

    def __init__(self, archive: Archive, snapshot: SnapshotInfo, tree: Tree) -> None:
        self._archive = archive
        self._snapshot = snapshot
        self._tree = tree
        self.place_of = lru_cache(maxsize=8192)(self._place_of)

    def put(self, shown: ShownVersion) -> bool:
        """Write the file of a version; return False if its object is missing."""
        resource, store = shown.resource, self._archive
        assert resource.path is not None
        if shown.copy and not shown.unknown and store.copies.has(shown.copy):
            self._tree.link(resource.path, store.copies.path(shown.copy))
            return True
        if not store.has_payload(resource):
            return False
        needs_copy = shown.copy or shown.unknown or shown.dom
        wanted = publication_of(resource, self._target(resource), dom=shown.dom)
        copy = local_copy(store.objects, wanted, self.place_of) if needs_copy else None
        if copy is not None:
            self._tree.write(resource.path, copy)
            return True
        assert resource.digest is not None
        self._tree.link(resource.path, store.objects.path(resource.digest))
        return True

    def _place_of(self, url: CanonicalURL) -> LocalPath | None:
        """Return the path at which a chain of redirects and aliases ends in this snapshot."""
        for _ in range(MAX_REDIRECTS):
            found = self._archive.history.version(url, self._snapshot.id)
            target = self._target(found) if found else None
            if target is None and (found is None or found.path is None):
                target = self._archive.history.same_as(url)
            if target is None:
                return found.path if found else None
            url = target
        return None

    def _target(self, resource: Resource) -> CanonicalURL | None:
        """Return the target of a redirect; `None` if the version is none."""
        if not is_redirect(resource):
            return None
        response = Response(resource.url, resource.status or 0, resource.headers, b"")
        return next((reference.url for reference in documents.find_references(response)), None)
