"""Copies of a site, each a way to open one: replayed from an archive, as files of a disk, from a plain file server.

The last two are for the copies of other tools as well: where a page of theirs is, is guessed from how they call files.
"""

import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlsplit

from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from mirror.core.comparison.copy_layout import files_of_page, host_folders
from mirror.core.comparison.fidelity import is_below
from mirror.core.replay.origins import TOP, Server
from mirror.core.url.canonical import CanonicalURL
from mirror.replay.server import Replay, listening, serving
from mirror.store.archive import Archive
from mirror.store.playback import Shelf

PAGES: Final = frozenset({"text/html", "application/xhtml+xml"})
_GOOD: Final = frozenset({200, 203})
_UNESCAPED: Final = "/-._~!$&'()*+,;=:@"


class Through(StrEnum):
    """The ways to open a copy."""

    REPLAY = "replay"
    FILE = "file"
    SERVER = "server"


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy that can be opened. `place` says where a page of the original is in it, if it is; `is_own`, what belongs to it."""

    place: Callable[[str], str | None]
    is_own: Callable[[str], bool]


def pages_of(archive: Archive, start: str) -> list[str]:
    """The pages that an archive shows below a start, in the newest complete snapshot."""
    shown = Shelf(archive).on("")
    found = [one.resource for one in archive.history.at(shown.id)] if shown else []
    pages = (one for one in found if one.media_type in PAGES and one.status in _GOOD)
    return sorted(one.url for one in pages if is_below(one.url, start))


def paths_of(archive: Archive) -> Callable[[str], str | None]:
    """Where an archive's tree has a page."""

    def path(url: str) -> str | None:
        found = archive.history.version(CanonicalURL(url), shown.id) if shown else None
        return found.path if found else None

    shown = Shelf(archive).on("")
    return path


@contextmanager
def replayed(archive: Archive) -> Iterator[Copy]:
    """An archive's newest complete snapshot, by a replay server of this process."""
    shelf = Shelf(archive)
    shown = shelf.on("")
    sockets = listening(None, 0)
    server = Server(sockets[0].getsockname()[1])
    end = f".{TOP}:{server.port}"
    with serving(Replay(shelf, server), sockets):
        yield Copy(
            lambda url: server.place(CanonicalURL(url), shown.id) if shown else None,
            lambda url: url.startswith("http://") and urlsplit(url).netloc.endswith(end),
        )


@contextmanager
def from_disk(root: Path, path: Callable[[str], str | None]) -> Iterator[Copy]:
    """Files, opened as files."""
    top = f"{root.resolve().as_uri()}/"
    yield Copy(lambda url: _joined(top, path(url)), lambda url: url.startswith(top))


@contextmanager
def from_server(root: Path, start: str, path: Callable[[str], str | None]) -> Iterator[Copy]:
    """Files by a plain file server: the folder of the start's host is what it shows as `/`."""
    folder = host_folder(root, start)
    inside = folder.relative_to(root).as_posix()
    prefix = "" if inside == "." else f"{inside}/"

    def below(url: str) -> str | None:
        found = path(url)
        return found.removeprefix(prefix) if found and found.startswith(prefix) else None

    application = Starlette(routes=[Mount("/", StaticFiles(directory=folder, html=True))])
    with socket.create_server(("127.0.0.1", 0)) as listener:
        top = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        with serving(application, [listener]):
            yield Copy(lambda url: _joined(top, below(url)), lambda url: url.startswith(top))


def host_folder(root: Path, url: str) -> Path:
    """The folder in which a copy has the host of a URL; the copy itself, if it has none for it."""
    return next((root / one for one in host_folders(url) if (root / one).is_dir()), root)


def guessed(root: Path) -> Callable[[str], str | None]:
    """Where wget, HTTrack and the like have a page, from `root`."""

    def path(url: str) -> str | None:
        folder = host_folder(root, url)
        found = next((folder / one for one in files_of_page(url) if _is_file(folder / one)), None)
        return found.relative_to(root).as_posix() if found else None

    return path


def ways(*, is_archive: bool) -> Sequence[Through]:
    """How a folder can be opened, the usual way first."""
    return tuple(Through) if is_archive else (Through.SERVER, Through.FILE)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name that no file of this disk can have
        return False


def _joined(top: str, path: str | None) -> str | None:
    return top + quote(path, safe=_UNESCAPED) if path else None
