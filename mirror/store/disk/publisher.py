"""The publisher: it makes files of the tree from objects.

Input: `Publication`s, which the archive makes from the manifest. Output: files of the tree, and copies of the documents whose
links had to be rewritten. Nothing here knows the manifest, so that worker processes can publish, and read documents, while the
main process crawls.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final

from mirror.core.document import documents
from mirror.core.http.caching import file_date
from mirror.core.http.messages import Response
from mirror.core.syntax.reference import PackedReferences
from mirror.core.url import local_paths
from mirror.core.url.canonical import CanonicalURL
from mirror.core.url.local_paths import LocalPath
from mirror.store.disk.errors import storing
from mirror.store.disk.layout import COPIES, KEPT, OBJECTS, SCRATCH
from mirror.store.disk.object_store import LocalObjectStore, ObjectStore
from mirror.store.disk.objects import Digest, Objects
from mirror.store.disk.publications import NEVER, Publication, Published
from mirror.store.disk.tree import Tree

DOM_HEADERS: Final = (("Content-Type", "text/html; charset=utf-8"),)
"""The headers with which the DOM of a page is read."""

PlaceOf = Callable[[CanonicalURL], LocalPath | None]
"""Maps a URL to its path in a tree; `None` if it has none."""


class Publisher:
    """Puts files into a tree: hard links to objects, or to copies if links in the document had to be rewritten."""

    def __init__(self, objects: LocalObjectStore, copies: LocalObjectStore, tree: Tree) -> None:
        self._objects = objects
        self._copies = copies
        self._tree = tree

    @classmethod
    def at(cls, root: Path) -> "Publisher":
        """Return the publisher of the archive in a folder."""
        kept = root / KEPT
        objects, copies = Objects(kept / OBJECTS), Objects(kept / COPIES)
        return cls(objects, copies, tree_of(root, objects, copies))

    def keep(self, payload: bytes) -> Digest:
        """Store a payload as an object."""
        return self._objects.put(payload)

    def publish(self, wanted: Publication, payload: bytes | None = None) -> Published:
        """Put one file into the tree. `payload`, if given, saves reading the object."""
        copy = local_copy(self._objects, wanted, wanted.places.get, payload)
        digest = None if copy is None else self._copies.put(copy)
        source = self._objects.path(wanted.digest) if digest is None else self._copies.path(digest)
        self._tree.link(wanted.path, source, file_date(wanted.headers))
        return Published(wanted.resource_id, wanted.stale, digest)

    def publish_if_free(self, wanted: Publication, payload: bytes | None = None) -> Published:
        """Do the same during a crawl. If a folder took the place meanwhile, the version has another one, and stays stale."""
        try:
            return self.publish(wanted, payload)
        except IsADirectoryError:
            return Published(wanted.resource_id, NEVER, None)


def tree_of(root: Path, objects: ObjectStore, copies: ObjectStore) -> Tree:
    """Return the tree of the archive in a folder."""
    return Tree(root, root / KEPT / SCRATCH, lambda content: objects.has(content) or copies.has(content))


def local_copy(
    objects: ObjectStore, wanted: Publication, place_of: PlaceOf, payload: bytes | None = None
) -> bytes | None:
    """Return the copy of a document for a tree in which `place_of` gives the paths; `None` if nothing has to be rewritten."""
    here = wanted.path
    resolve = local_paths.hrefs(place_of, here)
    if wanted.target is not None:
        place = resolve(wanted.target)
        return documents.redirect_page(place or wanted.target, is_here=place is not None)
    media_type = wanted.media_type
    if wanted.dom is not None and objects.has(wanted.dom):
        shown = Response(wanted.url, wanted.status, DOM_HEADERS, objects.get(wanted.dom))
        return documents.local_copy(shown, "text/html", here.rpartition("/")[2], resolve, wanted.extra)
    if not documents.may_differ(media_type, wanted.headers, wanted.size):
        return None
    payload = objects.get(wanted.digest) if payload is None else payload
    response = Response(wanted.url, wanted.status, wanted.headers, payload)
    copy = documents.local_copy(response, media_type, here.rpartition("/")[2], resolve, wanted.extra)
    return None if copy is payload else copy


def publish(root: str, wanted: Sequence[Publication]) -> list[Published]:
    """Put files into the tree of the archive in `root`. Runs in worker processes. Raises `StorageError`."""
    with storing(Path(root)):
        publisher = _publisher(root)
        return [publisher.publish_if_free(one) for one in wanted]


def read(
    root: str, response: Response, *, listing: bool, keep: bool, extra: frozenset[str] = frozenset()
) -> tuple[PackedReferences, Digest | None]:
    """Find the references of an answer, and with `keep`, store its payload as an object of the archive in `root`.

    Runs in worker processes. Raises `StorageError`.
    """
    found = PackedReferences.of(documents.find_references(response, listing=listing, extra=extra))
    if not keep:
        return found, None
    with storing(Path(root)):
        return found, _publisher(root).keep(response.payload)


@lru_cache(maxsize=1)
def _publisher(root: str) -> Publisher:
    return Publisher.at(Path(root))
