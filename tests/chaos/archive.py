"""Reads an archive as docs/archive-format.md describes it, with sqlite3 and sha256 and none of the program's code."""

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

KEPT: Final = ".mirror"
_SHOWN: Final = """SELECT url, standing, digest, path, checked, error FROM resources JOIN urls ON urls.id = url_id
    WHERE resources.since <= ? AND (until IS NULL OR until > ?)"""
_IN_USE: Final = """SELECT digest FROM resources WHERE digest IS NOT NULL
    UNION SELECT dom FROM renderings WHERE dom IS NOT NULL"""


@dataclass(frozen=True)
class Version:
    """What a snapshot has of a URL."""

    standing: str
    digest: str | None
    path: str | None
    checked: str
    error: str | None


class ArchiveReader:
    """The archive in `root`."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def rows(self, query: str, *values: object) -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(self.root / KEPT / "manifest.sqlite")) as manifest:
            return manifest.execute(query, values).fetchall()

    def snapshots(self) -> dict[int, str]:
        """Id -> outcome, oldest first. Empty if there is no archive yet."""
        if not (self.root / KEPT / "manifest.sqlite").exists():
            return {}
        if not self.rows("SELECT 1 FROM sqlite_master WHERE name = 'snapshots'"):
            return {}
        return {int(str(number)): str(outcome) for number, outcome in self.rows("SELECT id, outcome FROM snapshots")}

    def shown(self, snapshot: int) -> dict[str, Version]:
        """The path of each URL -> what a snapshot has of it."""
        return {
            urlsplit(str(url)).path: Version(str(standing), _text(digest), _text(path), str(checked), _text(error))
            for url, standing, digest, path, checked, error in self.rows(_SHOWN, snapshot, snapshot)
        }

    def in_use(self) -> set[str]:
        """The digests of the objects that the manifest names."""
        return {str(digest) for (digest,) in self.rows(_IN_USE)}

    def copies_in_use(self) -> set[str]:
        """The digests of the copies that the manifest names."""
        return {str(one) for (one,) in self.rows("SELECT digest FROM copies WHERE digest IS NOT NULL")}

    def unsynced(self) -> set[str]:
        return {str(digest) for (digest,) in self.rows("SELECT digest FROM unsynced")}

    def stored(self, store: str = "objects") -> dict[str, Path]:
        """Digest -> file, of the objects or the `copies`."""
        return {place.parent.name + place.name: place for place in (self.root / KEPT / store).glob("??/*")}

    def tree(self) -> Iterator[Path]:
        """The files of the tree, relative to the archive."""
        for place in self.root.rglob("*"):
            inside = place.relative_to(self.root)
            if inside.parts[0] != KEPT and (place.is_symlink() or not place.is_dir()):
                yield inside

    def containing(self, text: bytes) -> list[Path]:
        """Every file of the archive, of whatever kind, that contains a text."""
        files = (place for place in self.root.rglob("*") if place.is_file() and not place.is_symlink())
        return [place.relative_to(self.root) for place in files if text in place.read_bytes()]


def digest(place: Path) -> str:
    return hashlib.sha256(place.read_bytes()).hexdigest()


def _text(value: object) -> str | None:
    return None if value is None else str(value)
