"""The interface of an object store: payloads by SHA-256, each written once.

`ObjectStore` is what any store can offer, a bucket included. `LocalObjectStore` adds what only a folder of files can: the tree
is made of hard links to objects, and large downloads become objects by a rename. `Objects` in `objects.py` implements both.
`tests/store/disk/test_objects.py` tests the laws of `ObjectStore` for every store in its list.

These use the local part, and have to change before objects can be kept in a bucket:

    store/disk/publisher.py   `path`   Publisher.publish links files of the tree to objects and copies
    store/disk/spool.py       `adopt`  Spool.finish turns a finished download into an object
    store/archive.py          `path`   response reads the first bytes of a large payload; collect asks for the sizes of what it
                                       removes; settle links documents that could not be rewritten
    store/checkout.py         `path`   check_out links the files of a snapshot to objects and copies
    store/verification.py     `path`   verify names the file of a damaged object, and compares files of the tree with objects
    store/playback.py         `file`   find gives the replay server a file to send
    store/disk/tree.py        (none)   Tree.link takes the path of an object; Tree.write would copy its bytes
    replay/server.py          (none)   ObjectResponse sends the file that playback found

They name `LocalObjectStore` in their types, so the type checker lists them once a store offers less. All other modules use the
portable part. Only `Archive` and `Publisher.at` construct stores. Both are given the folder of an archive and nothing else, by
the spider, by the commands (`cli/archive_command.py`, `commands/crawl.py`) and in worker processes: the address of a bucket has
to be kept in that folder.
"""

from collections.abc import Iterator, Sequence
from io import BufferedReader
from pathlib import Path
from typing import Protocol

from mirror.store.disk.objects import Digest


class ObjectStore(Protocol):
    """Objects by digest. A method raises `OSError` if the storage can't be read or written.

    Several processes may put and read objects at the same time. One process at a time calls `prepare` and `remove`.
    """

    def prepare(self) -> None:
        """Create the store if there is none, and delete what a killed process left half-written.

        Called before the first `put`.
        """

    def put(self, payload: bytes) -> Digest:
        """Store a payload and return its digest. Storing it again changes nothing, but replaces a damaged object.

        No other call ever sees a part of an object: it appears as a whole or not at all, even if the process dies. A power cut
        may still damage it until `sync` was called, also if it was there already, left by a killed run.
        """

    def get(self, digest: Digest) -> bytes:
        """Return a payload. Raises `FileNotFoundError` if there is no such object."""

    def has(self, digest: Digest, size: int | None = None) -> bool:
        """Return whether there is such an object; with `size`, whether it has that many bytes. Does not read its content."""

    def is_whole(self, digest: Digest, size: int | None = None) -> bool:
        """Return whether there is such an object and its content has this digest.

        Its content is not read if it doesn't have that size, or, without a size, if it is larger than any document.
        """

    def all(self) -> Iterator[Digest]:
        """Iterate over the digests of all objects, damaged ones included. The caller may remove those it has got."""

    def remove(self, digest: Digest) -> None:
        """Delete an object. Does nothing if there is none."""

    def sync(self, digests: Sequence[Digest]) -> None:
        """Wait until these objects survive a power cut. Objects that are missing are ignored."""


class LocalObjectStore(ObjectStore, Protocol):
    """An object store in a folder: each object is a file that must not be changed."""

    def path(self, digest: Digest) -> Path:
        """Return the place of an object, whether or not it is there."""

    def open(self, digest: Digest) -> BufferedReader:
        """Open an object to read it. Raises `FileNotFoundError` if there is no such object, `OSError` if it is no file."""

    def file(self, digest: Digest) -> Path | None:
        """Return the file of an object; `None` if it is missing, a symbolic link, or outside of the folder.

        For digests from an untrusted manifest, which may be no digests.
        """

    def adopt(self, place: Path, digest: Digest) -> None:
        """Move a file with this digest into the store. It has to be on the same file system."""
