"""An archive on the disk: objects, manifest and tree together, and how Websucker derives the tree from the other two.

The archive is the target folder. Its data is in `.mirror/`; everything else is derived, and `publish_all` makes it again, byte
for byte.

The links of published documents always lead to the resolutions of their targets (`manifest.interface.Locations`), also while a
crawl runs: a link to a resource that is still to be fetched leads to the path where its file is expected. `settle` compares
that with the real paths, and publishes only those documents again whose links are wrong. So the tree can be browsed at any
time, and after `settle` all its links are right.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from mirror.core.document import documents, link_attributes
from mirror.core.http.caching import file_date
from mirror.core.http.messages import MAX_REDIRECTS, Response
from mirror.core.syntax.reference import Kind
from mirror.core.url.canonical import CanonicalURL
from mirror.core.url.local_paths import LocalPath, Names
from mirror.store.archive_reader import FILES, ArchiveReader, require_archive
from mirror.store.disk.errors import StorageError, storing
from mirror.store.disk.layout import COPIES, KEPT, OBJECTS, SCRATCH
from mirror.store.disk.lock import Lock
from mirror.store.disk.objects import Digest
from mirror.store.disk.owner_record import LOCK, Owner
from mirror.store.disk.publications import NEVER, Publication, PublicationTasks, Published
from mirror.store.disk.publisher import Publisher, tree_of
from mirror.store.disk.spool import Spools
from mirror.store.disk.symlink_guard import discard, refuse_link, require_file
from mirror.store.heartbeat import HEARTBEAT
from mirror.store.index_page import INDEX, index_page
from mirror.store.manifest.interface import Manifest
from mirror.store.manifest.location_interface import Found
from mirror.store.manifest.records import Resource
from mirror.store.manifest_backup import BACKUP, DAMAGED, back_up, open_manifest
from mirror.store.rules.naming import Naming

if TYPE_CHECKING:
    from mirror.store.disk.object_store import LocalObjectStore

PARTS = (*FILES, OBJECTS, COPIES, SCRATCH, "partial")
"""The files and folders in `.mirror/`."""

_BATCH = 1000  # URLs whose resolutions are changed in one transaction
_BEHIND = 100  # publications that worker processes may have before `settle` waits for them
_READER = "reader"


class Archive(ArchiveReader):
    """The archive in `root`. Raises `StorageError` if it can't be read or written.

    One process at a time can have it open. With `read_only`, it is opened without a lock, so that a crawl may run meanwhile.
    """

    def __init__(self, root: Path, *, create: bool = True, read_only: bool = False) -> None:
        self._create = create and not read_only
        self._read_only = read_only
        self.rewritten = 0
        """How many files `settle` published again."""
        self.unwritten: list[CanonicalURL] = []
        """Documents that crashed a worker process. They were published unchanged."""
        self.unpublished: list[CanonicalURL] = []
        """Resources whose files could not be made, because their objects are missing."""
        self.renamed = 0
        """How many files `lay_out` gave another name."""
        self._attributes: frozenset[str] | None = None
        self._blocked: set[int] = set()  # versions in whose places folders are
        self._lock: Lock | None = None
        super().__init__(root)
        self.naming = Naming(self.manifest)

    def _open(self, kept: Path) -> Manifest:
        self.spools = Spools(kept / "partial", self.objects)
        if self._read_only:
            return super()._open(kept)
        refuse_link(kept)
        if self._create and not kept.is_dir():
            index = self.root / INDEX
            if index.exists():
                raise StorageError(f"{index} belongs to no archive: choose another folder, or move it away")
            try:
                kept.mkdir(parents=True)
            except FileNotFoundError as error:  # such as in /proc
                raise StorageError(f"{error.filename}: no folder can be made here: choose another one") from error
        require_archive(self.root)
        for part in PARTS:
            refuse_link(kept / part)
        for part in FILES:  # a backup and a heartbeat are replaced by a rename
            require_file(kept / part, alone=part not in {BACKUP, HEARTBEAT})
        self._lock = lock = Lock(kept / LOCK)
        self._prepare()
        may_be_new = self._create and next(self.objects.all(), None) is None
        return open_manifest(kept, may_be_new=may_be_new, check=lock.check)

    def _prepare(self) -> None:
        """Delete what killed processes left half-written."""
        for store in (self.objects, self.copies):
            store.prepare()
        self.spools.prepare()
        self.tree = tree_of(self.root, self.objects, self.copies)
        self.tree.prepare()
        self.publisher = Publisher(self.objects, self.copies, self.tree)

    @property
    def owner(self) -> Owner:
        """This process, as the owner of the archive. Only if the archive was opened to write."""
        assert self._lock is not None
        return self._lock.owner

    def compact(self) -> bool:
        """Leave no trace of deleted rows, neither in the manifest nor in a copy of it; return False if a reader prevents it."""
        is_clean = self.manifest.compact()
        self.back_up()
        with storing(self.root):
            discard(self.root / KEPT / DAMAGED)
        return is_clean

    def back_up(self) -> None:
        """Back up the manifest, so that `verify --repair` can restore it."""
        with storing(self.root):
            back_up(self.manifest, self.root / KEPT)

    def _release(self) -> None:
        self.spools.close()
        if self._lock:
            self._lock.release()

    def publish(self, resource: Resource, payload: bytes | None = None) -> Published:
        """Put a version into the tree, with links to the resolutions of their targets.

        If that changes the document, it is stored as a copy: the tree consists of hard links to objects and copies.
        """
        return self.publisher.publish(self.publication(resource), payload)

    def publication(self, resource: Resource, found: Found | None = None) -> Publication:
        """Collect from the manifest everything that determines the file of a version. `found`: its references, if known."""
        target = None
        if is_redirect(resource):
            targets = (ref.url for _, ref in self.manifest.links.of(resource) if ref.kind is Kind.REDIRECT)
            target = next(targets, None)  # a damaged manifest may have none: then the body of the answer is published
        stale, dom = self.manifest.resources.staleness(resource)
        places = self.manifest.locations.resolutions(resource, found)
        return publication_of(resource, target, places, stale, dom, extra=self.attributes)

    def cache_payload(self, digest: Digest, payload: bytes) -> None:
        """Keep the payload of one object in memory, until the next call: a new payload is usually read several times."""
        self._cached = digest, payload

    def settle(self, queue: PublicationTasks | None = None) -> Iterator[bool]:
        """Publish documents again whose links are outdated, then remove released files and write the index page.

        Worker processes publish through `queue`, if there is one. Yields often, so that the caller can do other work: True if
        only the workers still have something to do.
        """
        changed = []
        for url_id, resolution, path, redirect in self.manifest.locations.unsettled():
            place = path if redirect is None else self._final_place(redirect)
            if place != resolution:
                changed.append((url_id, place))
            if len(changed) >= _BATCH:
                self._settle(changed)
                changed.clear()
                yield False
        self._settle(changed)
        yield from self._publish_stale(queue)
        for _ in self.remove_released():
            yield False
        for resource in self.manifest.resources.all(stale=True):
            if resource.id in self._blocked and self.has_payload(resource):  # a folder was in its place
                self._mark_published([self.publish(resource)])
                yield False
        self._blocked.clear()
        self.write_index()

    def remove_released(self) -> Iterator[LocalPath]:
        """Remove the files from the tree that are to leave it and are released; yields the path of each."""
        for path in self.manifest.departures.released():
            self.tree.remove(path)
            with self.manifest.transaction():
                self.manifest.departures.remove(path)
            yield path

    def publish_all(self, names: Names | None = None) -> Iterator[Resource]:
        """Make the whole tree again, with these names; yields each version once its file is published."""
        self.lay_out(names)
        for _ in self.read_again():
            pass
        for _ in self.settle():
            pass
        for resource in self.manifest.resources.all():
            if self.has_payload(resource):
                published = self.publish(resource)
                with self.manifest.transaction():
                    self.manifest.resources.mark_published([published])
                yield resource
            else:
                self.unpublished.append(resource.url)

    # --- names ---------------------------------------------------------------------------------------------------------

    def lay_out(self, names: Names | None = None, starts: Sequence[CanonicalURL] = ()) -> None:
        """Name all files by the law that the user wants; `None`: by that of the archive, or the best one if it has none.

        An archive that an earlier program named, or that gets other names, is laid out anew; nothing is fetched for that.
        Raises `StorageError` if this file system can't have such names. `starts` are those of the first run.
        """
        with storing(self.root), self.manifest.transaction():
            self.renamed = self.naming.choose(names, starts, self.root / KEPT)

    # --- after an update, after a power cut, collection ----------------------------------------------------------------

    @property
    def attributes(self) -> frozenset[str]:
        """The attributes of which the user said, in the newest run, that they hold URLs."""
        if self._attributes is None:
            _, _, names = (self.manifest.decisions.fact(_READER) or "").partition(" ")
            self._attributes = frozenset(name for name in names.split(",") if link_attributes.is_name(name))
        return self._attributes

    def read_again(self, attributes: frozenset[str] | None = None) -> Iterator[None]:
        """If documents were last read with other rules (`documents.VERSION`), find all references and paths again.

        `attributes` replace those of the newest run. Yields after each document.
        """
        self._attributes = self.attributes if attributes is None else attributes
        version = f"{documents.VERSION} {','.join(sorted(self._attributes))}".rstrip()
        if self.manifest.decisions.fact(_READER) == version:
            return
        for resource in self.manifest.resources.all():
            with storing(self.root), self.manifest.transaction():
                self._read_again(resource)
            yield
        with self.manifest.transaction():
            self.manifest.decisions.set_fact(_READER, version)

    def recover(self) -> None:
        """Check the objects and copies that a power cut may have damaged. Called inside a transaction.

        Damaged ones are removed, and will be fetched or made again.
        """
        digests = self.manifest.resources.unsynced()
        sizes = self.manifest.retention.sizes() if digests else {}
        damaged = [digest for digest in digests if not self._is_whole(digest, sizes.get(digest))]
        for digest in damaged:
            self.objects.remove(digest)
            self.copies.remove(digest)
        if damaged:
            self.manifest.resources.mark_lost(damaged)
            self.manifest.resources.remove_unsynced(damaged)

    def sync(self, digests: Sequence[Digest]) -> list[Digest]:
        """Wait until these objects and copies survive a power cut; return the digests."""
        for store in (self.objects, self.copies):
            store.sync(digests)
        return list(digests)

    def collect(self) -> tuple[int, int]:
        """Remove objects and copies that no version needs; return how many there were, and their size in bytes."""
        count = size = 0
        for store, digest in self.unused():
            count, size = count + 1, size + store.path(digest).lstat().st_size
            store.remove(digest)
        return count, size

    def unused(self) -> Iterator[tuple["LocalObjectStore", Digest]]:
        """Iterate over the objects and copies that no version needs. The caller may remove those that it has got."""
        used = (self.manifest.retention.objects_in_use(), self.manifest.retention.copies_in_use())
        for store, needed in zip((self.objects, self.copies), used, strict=True):
            yield from ((store, digest) for digest in store.all() if digest not in needed)

    def _is_whole(self, digest: Digest, size: int | None) -> bool:
        stores = [store for store in (self.objects, self.copies) if store.has(digest)]
        return bool(stores) and all(store.is_whole(digest, size) for store in stores)

    def _read_again(self, resource: Resource) -> None:
        if resource.digest is None or not self.objects.has(resource.digest):
            return
        response = self.response(resource, resource.digest)
        listing = Kind.SITEMAP in {ref.kind for _, ref in self.manifest.links.of(resource)}
        found = documents.find_references(response, listing=listing, extra=self.attributes)
        again = self.naming.placed(replace(resource, media_type=response.media_type, stale=True), resource)
        if resource.path and again.path != resource.path:
            self.manifest.departures.add(resource.path, resource.url_id, lost=False)
        self.manifest.resources.amend(again, self.manifest.frontier.with_ids(found))

    # --- the index page ------------------------------------------------------------------------------------------------

    def write_index(self) -> None:
        """Write the index page at the root of the tree: the starts of all runs, with links to their files."""
        starts = self.manifest.runs.starts()
        ids = self.manifest.frontier.find(starts)
        places = ((url, self._final_place(ids[url])) for url in starts if url in ids)
        self.tree.write(INDEX, index_page(places, self.manifest.runs.routes()))

    def start_place(self) -> Path:
        """Return the file to open first: that of the only start, or the index page."""
        starts = self.manifest.runs.starts()
        ids = self.manifest.frontier.find(starts)
        places = {self._final_place(ids[start]) for start in starts if start in ids} - {None}
        return self.root / (str(places.pop()) if len(places) == 1 else INDEX)

    def _publish_stale(self, queue: PublicationTasks | None) -> Iterator[bool]:
        """Publish stale documents, one per task: if a worker process dies, it is clear which document crashed it.

        Such a document stays stale and is published unchanged.
        """
        for resource in self.manifest.resources.all(stale=True):
            if not self.has_payload(resource):
                self.unpublished.append(resource.url)
                continue
            wanted = self.publication(resource)
            asked = queue is not None and queue.put([wanted])
            self._mark_published([] if asked else [self.publisher.publish_if_free(wanted)])
            self.rewritten += 1
            yield False
            while queue is not None and len(queue) > _BEHIND:
                self._mark_published(queue.done())
                yield True
        while queue:
            self._mark_published(queue.done())
            yield True
        for resource in self.manifest.resources.all(stale=True) if queue is not None else ():
            if resource.path is None or resource.digest is None or not self.has_payload(resource):
                continue
            if resource.id in self._blocked:
                continue
            self.tree.link(resource.path, self.objects.path(resource.digest), file_date(resource.headers))
            self.unwritten.append(resource.url)

    def _mark_published(self, published: Sequence[Published]) -> None:
        self._blocked.update(one.resource_id for one in published if one.stale == NEVER)
        if published:
            with self.manifest.transaction():
                self.manifest.resources.mark_published(published)

    def _settle(self, changed: list[tuple[int, LocalPath | None]]) -> None:
        with self.manifest.transaction():
            self.manifest.locations.settle(changed)

    def _final_place(self, url_id: int) -> LocalPath | None:
        """Return the path at which a chain of redirects and aliases ends; `None` if it has none."""
        for _ in range(MAX_REDIRECTS):
            path, redirect = self.manifest.locations.place(url_id)
            if redirect is None:
                return path
            url_id = redirect
        return None


def publication_of(  # noqa: PLR0913 - the parts of a publication
    resource: Resource,
    target: CanonicalURL | None = None,
    places: Mapping[CanonicalURL, LocalPath] = MappingProxyType({}),
    stale: int = 0,
    dom: Digest | None = None,
    *,
    extra: frozenset[str] = frozenset(),
) -> Publication:
    """Make the publication of a version that has a path in the tree."""
    assert resource.path is not None
    assert resource.digest is not None
    return Publication(
        resource_id=resource.id,
        stale=stale,
        url=resource.url,
        status=resource.status or 0,
        headers=resource.headers,
        digest=resource.digest,
        size=resource.size,
        media_type=resource.media_type or "",
        path=resource.path,
        target=target,
        places=places,
        dom=dom,
        extra=extra,
    )


def is_redirect(resource: Resource) -> bool:
    """Return whether the answer is a redirect."""
    return Response(resource.url, resource.status or 0, resource.headers, b"").is_redirect
