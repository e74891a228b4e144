"""An archive on the disk: objects, manifest and tree together, and how the tree follows from the other two.

Owns the target folder. `.mirror/` holds what is kept, all else is derived: `publish_all` makes it again, byte for byte.

Published documents always say what the column `urls.resolution` says, also while a crawl runs: a reference to something that
is still to be fetched leads to where it is expected. `settle` compares that with what came, and publishes again only the
documents that are wrong now. So a tree can be browsed at any time, and after `settle` it is right.
"""

import html
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from mirror.core.document import documents
from mirror.core.http import messages
from mirror.core.http.messages import Response, Spooled
from mirror.core.syntax.embedded_urls import Kind
from mirror.core.url import local_paths
from mirror.core.url.canonical import CanonicalURL
from mirror.core.url.local_paths import LocalPath
from mirror.store.disk.errors import StorageError, storing
from mirror.store.disk.lock import Lock
from mirror.store.disk.objects import Digest, Objects
from mirror.store.disk.publisher import (
    COPIES,
    KEPT,
    OBJECTS,
    SCRATCH,
    Publication,
    PublicationTasks,
    Published,
    Publisher,
)
from mirror.store.disk.spool import Spools
from mirror.store.disk.symlink_guard import refuse_link
from mirror.store.disk.tree import Tree
from mirror.store.manifest.records import Resource
from mirror.store.sqlite.manifest import SQLiteManifest

if TYPE_CHECKING:
    from mirror.store.manifest.interface import Manifest

INDEX = "index.html"
PARTS = (
    *("lock", "manifest.sqlite", "manifest.sqlite-wal", "manifest.sqlite-shm", "manifest.sqlite-journal"),
    *(OBJECTS, COPIES, SCRATCH, "partial"),
)
"""What stands in the folder of what is kept."""

MOST_HOPS = 20
"""How many redirects are followed, one from another (WHATWG Fetch, 4.4)."""

_BATCH = 200
_BEHIND = 100  # files that other processes are asked for before they are waited for
_READER = "reader"


class Archive:
    """What stands below `root`, for one process at a time. Raises `StorageError` where it can't be read or written.

    To look at one that is `read_only` takes no lock: a crawl may go on beside it.
    """

    def __init__(self, root: Path, *, create: bool = True, read_only: bool = False) -> None:
        self.root = root
        kept = root / KEPT
        self.objects = Objects(kept / OBJECTS)
        self.copies = Objects(kept / COPIES)
        self.spools = Spools(kept / "partial", self.objects)
        self.rewritten = 0
        """How many files `settle` wrote again."""
        self.unwritten: list[CanonicalURL] = []
        """Documents over which other processes died: their files are as they were received."""
        self._lock: Lock | None = None
        self._at_hand: tuple[Digest, bytes] = Digest(""), b""
        with storing(root):
            if not read_only:
                refuse_link(kept)
            if not kept.is_dir():
                if read_only or not create:
                    raise StorageError(f"{root} is no archive: it has no folder {KEPT}")
                if (root / INDEX).exists():
                    raise StorageError(f"{root / INDEX} is not ours: choose a folder without one, or move it away")
                kept.mkdir(parents=True)
            if not read_only:
                for part in PARTS:
                    refuse_link(kept / part)
                self._lock = Lock(kept / "lock")
                for store in (self.objects, self.copies):
                    store.prepare()
                self.spools.prepare()
                self.tree = Tree(root, kept / SCRATCH)
                self.tree.prepare()
                self.publisher = Publisher(self.objects, self.copies, self.tree)
            self.manifest: Manifest = SQLiteManifest(kept / "manifest.sqlite", read_only=read_only)
            self.history = self.manifest.history

    def close(self) -> None:
        self.spools.close()
        self.manifest.close()
        if self._lock:
            self._lock.release()

    def publish(self, resource: Resource, payload: bytes | None = None) -> Published:
        """Put a resource into the tree, its references led to where `urls.resolution` says.

        What had to be rewritten for that is kept as a copy: the tree is made of links to objects and copies alone.
        """
        return self.publisher.publish(self.publication(resource), payload)

    def publication(self, resource: Resource) -> Publication:
        """What a file of the tree follows from, as the manifest has it."""
        target = None
        if is_redirect(resource):
            target = next(ref.url for _, ref in self.manifest.links.of(resource) if ref.kind is Kind.REDIRECT)
        stale, dom = self.manifest.resources.staleness(resource)
        return planned(resource, target, self.manifest.locations.resolutions(resource), stale, dom)

    def hold(self, digest: Digest, payload: bytes) -> None:
        """Have the payload of an object at hand, up to the next one: what came is looked at more than once."""
        self._at_hand = digest, payload

    def response(self, resource: Resource, digest: Digest) -> Response:
        """What was received, as it was received; what is too long to be read stays on the disk."""
        known = (resource.url, resource.status or 0, resource.headers)
        if resource.size <= documents.MOST_READ:
            held, payload = self._at_hand
            return Response(*known, payload if held == digest else self.objects.get(digest))
        with self.objects.path(digest).open("rb") as file:
            return Response(*known, b"", Spooled(digest, resource.size, file.read(messages.HEAD)))

    def settle(self, queue: PublicationTasks | None = None) -> Iterator[bool]:
        """Publish again what leads somewhere else by now, then let go what is released.

        Yields often, so that a caller can do something beside it, and answers can come to what is in the `queue`: whether there
        is nothing to do but to wait for them.
        """
        changed = []
        for url_id, resolution, path, redirect in self.manifest.locations.all_urls():
            place = path if redirect is None else self._final_place(redirect)
            if place != resolution:
                changed.append((url_id, place))
            if len(changed) >= _BATCH:
                self._settle(changed)
                changed.clear()
                yield False
        self._settle(changed)
        yield from self._publish_stale(queue)
        for path in self.manifest.departures.released():
            self.tree.remove(path)
            with self.manifest.transaction():
                self.manifest.departures.remove(path)
            yield False
        self.write_index()

    def publish_all(self) -> Iterator[Resource]:
        """Make the whole tree again; yields each resource once it stands there."""
        for _ in self.read_again():
            pass
        for _ in self.settle():
            pass
        for resource in self.manifest.resources.all():
            published = self.publish(resource)
            with self.manifest.transaction():
                self.manifest.resources.mark_published([published])
            yield resource

    # --- what a newer program, a power cut, or a user asks for ---------------------------------------------------------

    def read_again(self) -> Iterator[None]:
        """Where this program reads documents otherwise than the one before, find references and names again."""
        version = str(documents.VERSION)
        if self.manifest.decisions.fact(_READER) == version:
            return
        for resource in self.manifest.resources.all():
            with storing(self.root), self.manifest.transaction():
                self._read_again(resource)
            yield
        with self.manifest.transaction():
            self.manifest.decisions.set_fact(_READER, version)

    def recover(self) -> None:
        """Find what a power cut has harmed; what is damaged is fetched or made again. Inside of a transaction."""
        digests = self.manifest.resources.unsynced()
        damaged = [digest for digest in digests if not self._is_whole(digest)]
        for digest in damaged:
            self.objects.remove(digest)
            self.copies.remove(digest)
        if damaged:
            self.manifest.resources.mark_lost(damaged)
            self.manifest.resources.remove_unsynced(damaged)

    def sync(self, digests: Sequence[Digest]) -> list[Digest]:
        """Wait until objects and copies are on the disk itself."""
        for store in (self.objects, self.copies):
            store.sync([digest for digest in digests if store.has(digest)])
        return list(digests)

    def collect(self) -> tuple[int, int]:
        """Remove objects and copies that no version needs; gives how many, and their bytes."""
        used = (self.manifest.retention.objects_in_use(), self.manifest.retention.copies_in_use())
        count = size = 0
        for store, needed in zip((self.objects, self.copies), used, strict=True):
            for digest in store.all():
                if digest not in needed:
                    count, size = count + 1, size + store.path(digest).stat().st_size
                    store.remove(digest)
        return count, size

    def _is_whole(self, digest: Digest) -> bool:
        stores = [store for store in (self.objects, self.copies) if store.has(digest)]
        return bool(stores) and all(store.is_whole(digest) for store in stores)

    def _read_again(self, resource: Resource) -> None:
        if resource.digest is None or not self.objects.has(resource.digest):
            return
        response = self.response(resource, resource.digest)
        listing = Kind.SITEMAP in {ref.kind for _, ref in self.manifest.links.of(resource)}
        found = documents.find_references(response, listing=listing)
        ids = self.manifest.frontier.identify(list(dict.fromkeys(reference.url for reference in found)))
        shown = "text/html" if response.is_redirect else response.media_type
        place = local_paths.local_path(resource.url, shown)
        if resource.path and place != resource.path:
            self.manifest.departures.add(resource.path, resource.url_id, lost=False)
        again = replace(resource, media_type=response.media_type, path=place, stale=True)
        self.manifest.resources.amend(again, [(ids[reference.url], reference) for reference in found])

    # --- the page at the root, and where chains end --------------------------------------------------------------------

    def write_index(self) -> None:
        """The page at the root: the mirrored starts, each with a link to its copy."""
        starts = self.manifest.runs.starts()
        ids = self.manifest.frontier.find(starts)
        self.tree.write(INDEX, index_page((url, self._final_place(ids[url])) for url in starts if url in ids))

    def start_place(self) -> Path:
        """What to open: the only start's copy, or the page that lists them."""
        starts = self.manifest.runs.starts()
        ids = self.manifest.frontier.find(starts)
        places = {self._final_place(ids[start]) for start in starts if start in ids} - {None}
        return self.root / (str(places.pop()) if len(places) == 1 else INDEX)

    def _publish_stale(self, queue: PublicationTasks | None) -> Iterator[bool]:
        """One file at a time: where a process dies over it, it is that one. It stays stale, and as it was received."""
        for resource in self.manifest.resources.all(stale=True):
            wanted = self.publication(resource)
            asked = queue is not None and queue.put([wanted])
            self._tell([] if asked else [self.publisher.publish(wanted)])
            self.rewritten += 1
            yield False
            while queue is not None and len(queue) > _BEHIND:
                self._tell(queue.done())
                yield True
        while queue:
            self._tell(queue.done())
            yield True
        for resource in self.manifest.resources.all(stale=True) if queue is not None else ():
            assert resource.path is not None
            assert resource.digest is not None
            self.tree.link(resource.path, self.objects.path(resource.digest))
            self.unwritten.append(resource.url)

    def _tell(self, published: Sequence[Published]) -> None:
        if published:
            with self.manifest.transaction():
                self.manifest.resources.mark_published(published)

    def _settle(self, changed: list[tuple[int, LocalPath | None]]) -> None:
        with self.manifest.transaction():
            self.manifest.locations.settle(changed)

    def _final_place(self, url_id: int) -> LocalPath | None:
        """Where a chain of redirects ends in the tree."""
        for _ in range(MOST_HOPS):
            path, redirect = self.manifest.locations.place(url_id)
            if redirect is None:
                return path
            url_id = redirect
        return None


def planned(
    resource: Resource,
    target: CanonicalURL | None = None,
    places: Mapping[CanonicalURL, LocalPath] = MappingProxyType({}),
    stale: int = 0,
    dom: Digest | None = None,
) -> Publication:
    """A publication of a resource that has a place in a tree."""
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
    )


def is_redirect(resource: Resource) -> bool:
    """Whether what was received is a redirect."""
    return Response(resource.url, resource.status or 0, resource.headers, b"").is_redirect


def index_page(starts: Iterable[tuple[CanonicalURL, LocalPath | None]]) -> bytes:
    """A page that lists starts, each with a link to its place."""
    entries: dict[LocalPath, CanonicalURL] = {}
    for start, place in starts:
        if place is not None:
            entries.setdefault(place, start)
    items = "".join(
        f'<li><a href="{html.escape(local_paths.href(place, LocalPath(INDEX)))}">{html.escape(start)}</a>\n'
        for place, start in entries.items()
    )
    return _INDEX_PAGE.format(items=items or "<li>Nothing yet.\n").encode()


_INDEX_PAGE = """<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="generator" content="Websucker">
<title>Mirrored sites</title>
<style>body {{ font: 1.1em/1.6 system-ui, sans-serif; margin: 3em auto; max-width: 40em; padding: 0 1em }}</style>
<h1>Mirrored sites</h1>
<ul>
{items}</ul>
</html>
"""
