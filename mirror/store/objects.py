"""The object store: payloads by SHA-256, each written once.

Owns `.mirror/objects/ab/cdef...`. An object is written beside its place and renamed into it, so a name is a whole object or
nothing. Objects are write-protected, because files of the tree are hard links to them.
"""

import hashlib
from pathlib import Path
from typing import NewType

Digest = NewType("Digest", str)
"""SHA-256 of a payload, 64 hexadecimal digits."""


class Objects:
    """The objects below one folder."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._new = root / "new"
        self._new.mkdir(parents=True, exist_ok=True)
        for half in self._new.iterdir():  # what a killed process was writing
            half.unlink()

    def put(self, payload: bytes) -> Digest:
        """Keep a payload; raises `OSError` where the disk can't."""
        digest = Digest(hashlib.sha256(payload).hexdigest())
        place = self.path(digest)
        if not place.exists():
            beside = self._new / digest
            try:
                beside.write_bytes(payload)
                beside.chmod(0o444)
                place.parent.mkdir(exist_ok=True)
                beside.replace(place)
            finally:
                beside.unlink(missing_ok=True)
        return digest

    def get(self, digest: Digest) -> bytes:
        """A payload; raises `OSError` where it is missing."""
        return self.path(digest).read_bytes()

    def path(self, digest: Digest) -> Path:
        """Where an object stands, or would."""
        return self._root / digest[:2] / digest[2:]
