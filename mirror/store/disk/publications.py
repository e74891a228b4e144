"""What the publisher is asked for, and what it answers: values that travel between processes."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from mirror.core.http.messages import Headers
from mirror.core.url.canonical import CanonicalURL
from mirror.core.url.local_paths import LocalPath
from mirror.store.disk.objects import Digest

NEVER: Final = -1
"""The staleness of no version: what was published with it stays stale."""


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
    extra: frozenset[str] = frozenset()  # attributes that the user added

    def __reduce__(self) -> tuple[type["Publication"], tuple[object, ...]]:
        """Pickle the fields alone, as `Response` does."""
        return Publication, tuple(map(self.__getattribute__, self.__slots__))


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
