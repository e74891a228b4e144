"""Answers about files and folders that need no transfer: redirects, folder pages, refusals, and what the local disk says."""

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import Final
from urllib.parse import quote

from mirror.core.syntax import ftp_listings
from mirror.core.syntax.ftp_listings import Entry
from mirror.core.url.canonical import CanonicalURL

OK: Final = 200
NOT_MODIFIED: Final = 304
UNAUTHORIZED: Final = 401
FORBIDDEN: Final = 403
NOT_FOUND: Final = 404

_INDEX: Final = "index.html"
_HTML: Final = ("Content-Type", "text/html; charset=utf-8")


@dataclass(frozen=True, slots=True)
class FileAnswer:
    """The answer that a web server would give in this case."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    payload: bytes = b""


def redirect(location: str) -> FileAnswer:
    return FileAnswer(301, (("Location", location),))


def folder_page(url: CanonicalURL, entries: list[Entry]) -> FileAnswer:
    """The listing of a folder as a page."""
    page = ftp_listings.page(url, entries)
    return FileAnswer(OK, (_HTML, ("Content-Length", str(len(page)))), page)


def look_up(url: CanonicalURL, path: Path, archive: Path | None) -> FileAnswer | Path:
    """Look up a path of the local disk: return a file, as its path, or an answer without one.

    A symbolic link is a redirect to its target. `archive`: the folder being written, which must not become part of itself.
    """
    try:
        real = Path(os.path.realpath(path, strict=True))
        if archive and real.is_relative_to(os.path.realpath(archive)):
            return FileAnswer(FORBIDDEN)
        return _answer(url, path, real, archive)
    except PermissionError:
        return FileAnswer(FORBIDDEN)
    except (OSError, ValueError):
        return FileAnswer(NOT_FOUND)


def _answer(url: CanonicalURL, path: Path, real: Path, archive: Path | None) -> FileAnswer | Path:
    mode = real.stat().st_mode
    if real != path or (S_ISDIR(mode) and not url.endswith("/")):
        return redirect("file://" + quote(os.fsencode(real)) + "/" * (S_ISDIR(mode) and real.name != ""))
    if S_ISDIR(mode):
        index = path / _INDEX
        is_there = index.is_file() and not index.is_symlink()
        return index if is_there else folder_page(url, _entries(real, archive))
    return real if S_ISREG(mode) and os.access(real, os.R_OK) else FileAnswer(FORBIDDEN)


def _entries(folder: Path, archive: Path | None) -> list[Entry]:
    """The entries of a folder, without hidden ones and the archive."""
    archive = archive and Path(os.path.realpath(archive))
    found = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(".") or Path(entry.path) == archive:
                continue
            try:
                is_folder, status = entry.is_dir(follow_symlinks=False), entry.stat(follow_symlinks=False)
            except OSError:
                continue
            modified = datetime.fromtimestamp(int(status.st_mtime), UTC).isoformat()
            size = status.st_size if S_ISREG(status.st_mode) else None
            found.append(Entry(os.fsencode(entry.name), is_folder, size, modified))
    return found
