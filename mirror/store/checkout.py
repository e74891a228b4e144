"""Checkout: writes the tree of a snapshot into a folder of its own.

The archive is only read. The folder gets hard links to objects and copies, so a checkout takes seconds and hardly any space. If
the copy of a document is no longer known, or the files get other names than in the archive, it is made again from the object.
"""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Final

from mirror.core.document import documents
from mirror.core.http.caching import file_date
from mirror.core.http.messages import MAX_REDIRECTS, Response
from mirror.core.url.canonical import CanonicalURL
from mirror.core.url.local_paths import LocalPath, Names
from mirror.store.archive import Archive, is_redirect, publication_of
from mirror.store.disk.errors import StorageError
from mirror.store.disk.layout import KEPT
from mirror.store.disk.name_probe import keeps_names
from mirror.store.disk.publisher import local_copy
from mirror.store.disk.symlink_guard import is_inside, refuse_link
from mirror.store.disk.tree import Tree
from mirror.store.index_page import INDEX, index_page
from mirror.store.manifest.history_records import ShownVersion, SnapshotInfo
from mirror.store.manifest.records import Resource
from mirror.store.rules.naming import path_of

UNFINISHED: Final = ".checkout"
"""A folder in the target that marks an unfinished checkout. The same checkout continues it."""


def check_out(archive: Archive, snapshot: SnapshotInfo, target: Path, names: Names | None = None) -> Iterator[Resource]:
    """Write the tree of a snapshot into a new or empty folder; yields each version once its file is there.

    The files are named as in the archive, or as `names` says. Versions whose objects are missing are left out, unless their
    copies are there; links to them stay. Raises `StorageError` if the folder is inside `.mirror/`, if it has anything in it but
    an unfinished checkout of this snapshot, or if its file system can't have such names.
    """
    names = names or archive.naming.law.names
    scratch = target / UNFINISHED
    mark = scratch / f"{snapshot.id}.{names}"
    if target.is_dir() and any(target.iterdir()) and not mark.exists():
        raise StorageError(f"{target} is not empty: choose a new folder")
    if is_inside(target, archive.root / KEPT):
        raise StorageError(f"{target} is inside the archive's own folder: choose a folder elsewhere")
    refuse_link(scratch)
    scratch.mkdir(parents=True, exist_ok=True)
    if names is Names.EXACT and not keeps_names(scratch):
        shutil.rmtree(scratch)
        raise StorageError(f"{target}: this file system can't keep all names apart: use --names portable")
    refuse_link(mark)
    mark.touch()
    layout = _Layout(archive, snapshot, Tree(target, scratch), names)
    for shown in archive.history.at(snapshot.id):
        if layout.put(shown):
            yield shown.resource
    starts = archive.history.starts(snapshot.id)
    layout.write_index(starts)
    shutil.rmtree(scratch)


class _Layout:
    """The state of one checkout."""

    def __init__(self, archive: Archive, snapshot: SnapshotInfo, tree: Tree, names: Names) -> None:
        self._archive = archive
        self._snapshot = snapshot
        self._tree = tree
        self._place = lru_cache(maxsize=8192)(self._place_of)
        law = replace(archive.naming.law, names=names)
        self._is_renamed = law != archive.naming.law
        if self._is_renamed:
            archive.manifest.locations.plan(lambda one, crowded: path_of(law, one, crowded), snapshot.id)

    def put(self, shown: ShownVersion) -> bool:
        """Write the file of a version; return False if its object is missing."""
        resource, store = shown.resource, self._archive
        path = self._path(resource)
        assert path is not None
        date = file_date(resource.headers)
        if shown.copy and not self._is_renamed and not shown.unknown and store.copies.has(shown.copy):
            self._tree.link(path, store.copies.path(shown.copy), date)
            return True
        if not store.has_payload(resource):
            return False
        needs_copy = shown.copy or shown.unknown or shown.dom or self._is_renamed
        wanted = publication_of(replace(resource, path=path), self._target(resource), dom=shown.dom)
        wanted = replace(wanted, extra=store.attributes)
        copy = local_copy(store.objects, wanted, self._place) if needs_copy else None
        if copy is not None:
            self._tree.write(path, copy, date)
            return True
        assert resource.digest is not None
        self._tree.link(path, store.objects.path(resource.digest), date)
        return True

    def write_index(self, starts: Sequence[CanonicalURL]) -> None:
        """Write the index page."""
        places = ((start, self._place(start)) for start in starts)
        self._tree.write(INDEX, index_page(places, self._archive.manifest.runs.routes()))

    def _path(self, resource: Resource) -> LocalPath | None:
        return self._archive.manifest.locations.planned(resource) if self._is_renamed else resource.path

    def _place_of(self, url: CanonicalURL) -> LocalPath | None:
        """Return the path at which a chain of redirects and aliases ends in this snapshot."""
        for _ in range(MAX_REDIRECTS):
            found = self._archive.history.version(url, self._snapshot.id)
            target = self._target(found) if found else None
            if target is None and (found is None or found.path is None):
                target = self._archive.history.same_as(url)
            if target is None:
                return self._path(found) if found else None
            url = target
        return None

    def _target(self, resource: Resource) -> CanonicalURL | None:
        """Return the target of a redirect; `None` if the version is none."""
        if not is_redirect(resource):
            return None
        response = Response(resource.url, resource.status or 0, resource.headers, b"")
        return next((reference.url for reference in documents.find_references(response)), None)
