"""The publisher: it makes files of the tree from objects.

Input: `Publication`s, which the archive makes from the manifest. Output: files of the tree, and copies of the documents whose
links had to be rewritten. Nothing here knows the manifest, so that worker processes can publish, and read documents, while the
main process crawls.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from mirror.core.document import documents, link_rewriter
from mirror.core.document.references import Reference
from mirror.core.http.messages import Headers, Response
from mirror.core.url import local_paths
from mirror.core.url.canonical import CanonicalURL
from mirror.core.url.local_paths import LocalPath
from mirror.store.disk.errors import storing
from mirror.store.disk.object_store import LocalObjectStore, ObjectStore
from mirror.store.disk.objects import Digest, Objects
from mirror.store.disk.tree import Tree

KEPT: Final = ".mirror"
"""The folder of an archive for its own data. Everything outside of it is derived."""

OBJECTS: Final = "objects"
COPIES: Final = "copies"
SCRATCH: Final = "new"

DOM_HEADERS: Final = (("Content-Type", "text/html; charset=utf-8"),)
"""The headers with which the DOM of a page is read."""

PlaceOf = Callable[[CanonicalURL], LocalPath | None]
"""Maps a URL to its path in a tree; `None` if it has none."""


class Published(NamedTuple):
    """A file that was published: the id and staleness of its version, and its copy; `None` if the file is the object itself."""

    resource_id: int
    stale: int
    copy: Digest | None


@dataclass(frozen=True, slots=True)
class Publication:
    """Everything that determines a file of the tree: what was received, and where the URLs that it refers to are.

    `target` is the target of a redirect. `places` are the paths of the URLs that it refers to. `stale` counts the changes that
    outdated the file since it was last published. `dom` is the DOM of a browser, which replaces what was received.
    """

    resource_id: int
    stale: int
    url: CanonicalURL
    status: int
    headers: Headers
    digest: Digest
    size: int
    media_type: str
    path: LocalPath
    target: CanonicalURL | None
    places: Mapping[CanonicalURL, LocalPath]
    dom: Digest | None = None


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
        return cls(Objects(kept / OBJECTS), Objects(kept / COPIES), Tree(root, kept / SCRATCH))

    def keep(self, payload: bytes) -> Digest:
        """Store a payload as an object."""
        return self._objects.put(payload)

    def publish(self, wanted: Publication, payload: bytes | None = None) -> Published:
        """Put one file into the tree. `payload`, if given, saves reading the object."""
        copy = local_copy(self._objects, wanted, wanted.places.get, payload)
        if copy is None:
            self._tree.link(wanted.path, self._objects.path(wanted.digest))
            return Published(wanted.resource_id, wanted.stale, None)
        digest = self._copies.put(copy)
        self._tree.link(wanted.path, self._copies.path(digest))
        return Published(wanted.resource_id, wanted.stale, digest)


def local_copy(
    objects: ObjectStore, wanted: Publication, place_of: PlaceOf, payload: bytes | None = None
) -> bytes | None:
    """Return the copy of a document for a tree in which `place_of` gives the paths; `None` if nothing has to be rewritten."""
    here = wanted.path

    def resolve(url: CanonicalURL) -> str | None:
        place = place_of(url)
        return place and local_paths.href(place, here)

    if wanted.target is not None:
        place = resolve(wanted.target)
        return link_rewriter.redirect_page(place or wanted.target, is_here=place is not None)
    media_type = wanted.media_type
    if wanted.dom is not None and objects.has(wanted.dom):
        shown = Response(wanted.url, wanted.status, DOM_HEADERS, objects.get(wanted.dom))
        return documents.local_copy(shown, "text/html", here.rpartition("/")[2], resolve)
    if not documents.may_differ(media_type, wanted.headers, wanted.size):
        return None
    payload = objects.get(wanted.digest) if payload is None else payload
    response = Response(wanted.url, wanted.status, wanted.headers, payload)
    copy = documents.local_copy(response, media_type, here.rpartition("/")[2], resolve)
    return None if copy is payload else copy


def publish(root: Path, wanted: Sequence[Publication]) -> list[Published]:
    """Put files into the tree of the archive in `root`. Runs in worker processes. Raises `StorageError`."""
    with storing(root):
        publisher = _publisher(root)
        return [publisher.publish(one) for one in wanted]


def read(root: Path, response: Response, *, listing: bool, keep: bool) -> tuple[list[Reference], Digest | None]:
    """Find the references of an answer, and with `keep`, store its payload as an object of the archive in `root`.

    Runs in worker processes. Raises `StorageError`.
    """
    found = documents.find_references(response, listing=listing)
    if not keep:
        return found, None
    with storing(root):
        return found, _publisher(root).keep(response.payload)


_publisher = lru_cache(maxsize=1)(Publisher.at)


class PublishTask(Protocol):
    """A request to a worker process, such as an asyncio future. If the process dies, the result may lack some files."""

    def done(self) -> bool: ...
    def result(self) -> list[Published]: ...


PublishElsewhere = Callable[[Path, Sequence[Publication]], PublishTask | None]
"""Runs `publish` in a worker process. Returns `None` if there is no such process."""


class PublicationTasks:
    """The publications that worker processes were asked for, in order."""

    def __init__(self, root: Path, elsewhere: PublishElsewhere) -> None:
        self._root = root
        self._elsewhere = elsewhere
        self._tasks: deque[tuple[frozenset[LocalPath], PublishTask]] = deque()

    def __len__(self) -> int:
        """Return how many tasks are not done, or have results that `done` did not return yet."""
        return len(self._tasks)

    def put(self, wanted: Sequence[Publication]) -> bool:
        """Ask a worker process to publish files; return False if there is none."""
        task = self._elsewhere(self._root, wanted)
        if task is not None:
            self._tasks.append((frozenset(one.path for one in wanted), task))
        return task is not None

    def has(self, path: LocalPath) -> bool:
        """Return whether a worker process may be writing this file."""
        return any(path in places for places, _ in self._tasks)

    def done(self) -> list[Published]:
        """Return the files that were published since the last call. Raises `StorageError` if publishing failed."""
        published: list[Published] = []
        for _ in range(len(self._tasks)):
            places, task = self._tasks.popleft()
            if task.done():
                published += task.result()
            else:
                self._tasks.append((places, task))
        return published
