"""How the commands open a whole archive: to publish, check out, replay, verify or remove something."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from mirror.store import forgetting
from mirror.store.archive import Archive
from mirror.store.disk.errors import storing


@contextmanager
def open_archive(folder: str, *, read_only: bool = True) -> Iterator[Archive]:
    """Open the archive in a folder and close it again. Raises `StorageError`."""
    root = Path(folder).expanduser()
    with storing(root), closing(Archive(root, create=False, read_only=read_only)) as archive:
        if not read_only:
            forgetting.finish(archive)
        yield archive
