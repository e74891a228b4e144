"""How files of the tree come about, from objects alone.

Enters: `Publication`s, which the archive makes out of the manifest. Leaves: files of the tree, and the copies of what had to be
rewritten for it. Nothing here knows the manifest, so other processes can publish beside the one that crawls, and `read` for it.
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
from mirror.store.disk.objects import Digest, Objects
from mirror.store.disk.tree import Tree

KEPT: Final = ".mirror"
"""The folder of an archive for what is kept; all else is derived."""

OBJECTS: Final = "objects"
COPIES: Final = "copies"
SCRATCH: Final = "new"

DOM_HEADERS: Final = (("Content-Type", "text/html; charset=utf-8"),)
"""As what the DOM of a page is kept."""

PlaceOf = Callable[[CanonicalURL], LocalPath | None]
"""URL -> where it stands in a tree, if it does."""


class Published(NamedTuple):
    """A file that was put into the tree: its resource, how stale that was, its copy; `None`: it is as it was received."""

    resource_id: int
    stale: int
    copy: Digest | None


@dataclass(frozen=True, slots=True)
class Publication:
    """All that a file of the tree follows from: what was received, and where what it refers to stands.

    `target` is where it leads if it is a redirect. `stale` counts what made its file wrong since it was right. `dom` is the
    DOM of a page in a browser, which stands there instead of what was received.
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
    """Puts files into a tree: links to objects, and to copies where something had to be rewritten."""

    def __init__(self, objects: Objects, copies: Objects, tree: Tree) -> None:
        self._objects = objects
        self._copies = copies
        self._tree = tree

    @classmethod
    def at(cls, root: Path) -> "Publisher":
        """That of the archive in a folder."""
        kept = root / KEPT
        return cls(Objects(kept / OBJECTS), Objects(kept / COPIES), Tree(root, kept / SCRATCH))

    def keep(self, payload: bytes) -> Digest:
        """Put a payload into the objects."""
        return self._objects.put(payload)

    def publish(self, wanted: Publication, payload: bytes | None = None) -> Published:
        """Put one file into the tree; `payload` saves reading it again."""
        copy = local_copy(self._objects, wanted, wanted.places.get, payload)
        if copy is None:
            self._tree.link(wanted.path, self._objects.path(wanted.digest))
            return Published(wanted.resource_id, wanted.stale, None)
        digest = self._copies.put(copy)
        self._tree.link(wanted.path, self._copies.path(digest))
        return Published(wanted.resource_id, wanted.stale, digest)


def local_copy(objects: Objects, wanted: Publication, place_of: PlaceOf, payload: bytes | None = None) -> bytes | None:
    """How a file reads in a tree where `place_of` says what stands where; `None`: as it was received."""
    here = wanted.path

    def resolve(url: CanonicalURL) -> str | None:
        place = place_of(url)
        return place and local_paths.href(place, here)

    if wanted.target is not None:
        return link_rewriter.redirect_page(resolve(wanted.target) or wanted.target)
    media_type = wanted.media_type
    if wanted.dom is not None and objects.has(wanted.dom):
        shown = Response(wanted.url, wanted.status, DOM_HEADERS, objects.get(wanted.dom))
        return documents.local_copy(shown, "text/html", here.rpartition("/")[2], resolve)
    if not documents.may_refer(media_type) or wanted.size > documents.most_read(media_type):
        return None
    payload = objects.get(wanted.digest) if payload is None else payload
    response = Response(wanted.url, wanted.status, wanted.headers, payload)
    copy = documents.local_copy(response, media_type, here.rpartition("/")[2], resolve)
    return None if copy is payload else copy


def publish(root: Path, wanted: Sequence[Publication]) -> list[Published]:
    """What another process does: put files into the tree of the archive in a folder. Raises `StorageError`."""
    with storing(root):
        publisher = _publisher(root)
        return [publisher.publish(one) for one in wanted]


def read(root: Path, response: Response, *, listing: bool, keep: bool) -> tuple[list[Reference], Digest | None]:
    """What another process does with an answer: find what it refers to, and `keep` its payload as an object of an archive.

    Raises `StorageError`.
    """
    found = documents.find_references(response, listing=listing)
    if not keep:
        return found, None
    with storing(root):
        return found, _publisher(root).keep(response.payload)


_publisher = lru_cache(maxsize=1)(Publisher.at)


class Task(Protocol):
    """What another process was asked for; asyncio's futures are such. It may publish less than that, where it died."""

    def done(self) -> bool: ...
    def result(self) -> list[Published]: ...


PublishElsewhere = Callable[[Path, Sequence[Publication]], Task | None]
"""Has `publish` run in another process; `None`: there is none."""


class PublicationTasks:
    """Publications that other processes were asked for, in their order."""

    def __init__(self, root: Path, elsewhere: PublishElsewhere) -> None:
        self._root = root
        self._elsewhere = elsewhere
        self._tasks: deque[tuple[frozenset[LocalPath], Task]] = deque()

    def __len__(self) -> int:
        """How many tasks are not done, or not asked for what they did."""
        return len(self._tasks)

    def put(self, wanted: Sequence[Publication]) -> bool:
        """Ask for files; whether there is anybody to ask."""
        task = self._elsewhere(self._root, wanted)
        if task is not None:
            self._tasks.append((frozenset(one.path for one in wanted), task))
        return task is not None

    def has(self, path: LocalPath) -> bool:
        """Whether a file may be being written."""
        return any(path in places for places, _ in self._tasks)

    def done(self) -> list[Published]:
        """What was published since the last time. Raises `StorageError` where that failed."""
        published: list[Published] = []
        for _ in range(len(self._tasks)):
            places, task = self._tasks.popleft()
            if task.done():
                published += task.result()
            else:
                self._tasks.append((places, task))
        return published
