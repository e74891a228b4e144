"""Commits: many answers are committed together, because a commit costs more than an answer.

After each commit the files of its answers are published. They stay stale until the next commit records that they are published.
So the process may die at any moment: the run that resumes requests again what was not committed, and publishes stale files.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from mirror.store.disk.errors import storing
from mirror.store.run.context import RunContext

_LOW_SPACE: Final = (
    64 << 20
)  # with fewer free bytes, each answer is committed at once: later there may be no space for it

_MANY_LINKS: Final = 1 << 13
"""Links of uncommitted documents, which are in memory, that are enough for a commit."""


class Commits:
    """Groups up to `together` answers into one commit."""

    def __init__(self, run: RunContext, together: int) -> None:
        self._root = run.archive.root
        self._manifest = run.manifest
        self._publications = run.publications
        self._sync = run.sync
        self._traps = run.traps
        self._together = together
        self._max_uncommitted = 1  # until the first flush has looked at the disk
        self._uncommitted = 0

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Keep all writes inside the block for the next commit, or undo all of them.

        It first records which files were published since the last transaction: later, they might be stale again.
        """
        self._publications.collect()
        with self._undoing(), storing(self._root), self._manifest.savepoint():
            self._manifest.resources.mark_published(self._publications.done)
            self._sync.sync()
            yield
        self._publications.done.clear()
        self._uncommitted += 1
        if self._uncommitted >= self._max_uncommitted or self._publications.links > _MANY_LINKS:
            self.flush()

    def commit_soon(self) -> None:
        """Commit at the end of this transaction, because the payload that it records took long to fetch."""
        self._uncommitted = self._together

    def flush(self) -> None:
        """Commit the answers so far, and publish their files. Raises `StorageError` if the disk can't be written."""
        with storing(self._root):
            with self._undoing():
                with self._manifest.savepoint():
                    self._traps.save()
                    self._sync.save()
                self._manifest.commit()
            self._uncommitted = 0
            has_room = shutil.disk_usage(self._root).free > _LOW_SPACE
            self._max_uncommitted = self._together if has_room else 1
            self._publications.publish()

    @contextmanager
    def _undoing(self) -> Iterator[None]:
        """If the block fails, forget the files of the answers that were undone: the manifest has no versions for them."""
        waiting = len(self._publications)
        try:
            yield
        except BaseException:
            self._publications.forget(waiting if self._manifest.has_uncommitted else 0)
            raise
