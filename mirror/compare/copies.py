"""The ways to open a copy of a site: replayed from an archive, as files on the disk, or from a plain file server.

The last two also work for the copies of other tools. Where these have a page is guessed from their usual file names.
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

from mirror.compare.page_capture import CLOCK
from mirror.core.comparison.copy_layout import files_of_page, host_folders
from mirror.core.comparison.fidelity import is_below
from mirror.core.policy.scope import Reason
from mirror.core.replay.first_script import milliseconds
from mirror.core.replay.origins import TOP, Server
from mirror.core.url.canonical import CanonicalURL
from mirror.replay.process import open_sockets, serve_in_thread
from mirror.replay.server import Replay
from mirror.store.archive import Archive
from mirror.store.playback import Playback

PAGES: Final = frozenset({"text/html", "application/xhtml+xml"})
RULES: Final = frozenset({Reason.ROBOTS, Reason.NOFOLLOW, Reason.UNENDORSED, Reason.NOINDEX, Reason.NOARCHIVE})
"""The reasons for which a site itself asks that a page is not copied."""

_GOOD: Final = frozenset({200, 203})
_UNESCAPED: Final = "/-._~!$&'()*+,;=:@"


class Through(StrEnum):
    """How a copy is opened."""

    REPLAY = "replay"
    FILE = "file"
    SERVER = "server"


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy that can be opened.

    `place` maps the URL of a page of the original to its URL in the copy; `None` if the copy lacks it. `is_own` says whether a
    URL belongs to the copy. `rule` is the rule of the site by which a page was left out, if one was.
    """

    place: Callable[[str], str | None]
    is_own: Callable[[str], bool]
    rule: Callable[[str], str] = lambda _: ""


def list_pages(archive: Archive, start: str) -> list[str]:
    """URLs of the pages below a start URL in the newest complete snapshot of an archive, sorted."""
    shown = Playback(archive).on("")
    found = [one.resource for one in archive.history.at(shown.id)] if shown else []
    pages = (one for one in found if one.media_type in PAGES and one.status in _GOOD)
    return sorted(one.url for one in pages if is_below(one.url, start))


def tree_paths(archive: Archive) -> Callable[[str], str | None]:
    """Return a function from the URL of a page to its path in the tree of an archive. An alias has that of its page."""

    def path(url: str) -> str | None:
        for one in (CanonicalURL(url), archive.history.same_as(CanonicalURL(url))):
            found = archive.history.version(one, shown.id) if one and shown else None
            if found and found.path:
                return found.path
        return None

    shown = Playback(archive).on("")
    return path


def rules(archive: Archive) -> Callable[[str], str]:
    """Return a function from the URL of a page to the rule of the site by which an archive left it out; "" if none did."""

    def rule(url: str) -> str:
        found = archive.history.account(CanonicalURL(url))
        entry = found.entry if found and path(url) is None else None
        return entry.reason if entry and entry.reason in RULES else ""

    path = tree_paths(archive)
    return rule


def clock(archive: Archive) -> int:
    """When the newest complete snapshot began, in milliseconds since 1970: the clocks of its pages start then."""
    shown = Playback(archive).on("")
    return milliseconds(shown.started) if shown else CLOCK


@contextmanager
def replayed(archive: Archive) -> Iterator[Copy]:
    """Serve the newest complete snapshot of an archive with a replay server in this process."""
    playback = Playback(archive)
    shown = playback.on("")
    sockets = open_sockets(None, 0)
    server = Server(sockets[0].getsockname()[1])
    end = f".{TOP}:{server.port}"
    with serve_in_thread(Replay(playback, server), sockets):
        yield Copy(
            lambda url: server.place(CanonicalURL(url), shown.id) if shown else None,
            lambda url: url.startswith("http://") and urlsplit(url).netloc.endswith(end),
        )


@contextmanager
def from_disk(root: Path, path: Callable[[str], str | None]) -> Iterator[Copy]:
    """Open the files from the disk, with file: URLs."""
    top = f"{root.resolve().as_uri()}/"
    yield Copy(lambda url: _joined(top, path(url)), lambda url: url.startswith(top))


@contextmanager
def from_server(root: Path, start: str, path: Callable[[str], str | None]) -> Iterator[Copy]:
    """Serve the folder of the start URL's host with a plain file server, as its `/`."""
    folder = host_folder(root, start)
    inside = folder.relative_to(root).as_posix()
    prefix = "" if inside == "." else f"{inside}/"

    def below(url: str) -> str | None:
        found = path(url)
        return found.removeprefix(prefix) if found and found.startswith(prefix) else None

    application = Starlette(routes=[Mount("/", StaticFiles(directory=folder, html=True))])
    with socket.create_server(("127.0.0.1", 0)) as listener:
        top = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        with serve_in_thread(application, [listener]):
            yield Copy(lambda url: _joined(top, below(url)), lambda url: url.startswith(top))


def host_folder(root: Path, url: str) -> Path:
    """The folder for the host of a URL in a copy, or the copy's own folder if there is none."""
    return next((root / one for one in host_folders(url) if (root / one).is_dir()), root)


def guess_paths(root: Path) -> Callable[[str], str | None]:
    """Return a function from the URL of a page to the path, below `root`, where wget, HTTrack or a similar tool saves it."""

    def path(url: str) -> str | None:
        folder = host_folder(root, url)
        found = next((folder / one for one in files_of_page(url) if _is_file(folder / one)), None)
        return found.relative_to(root).as_posix() if found else None

    return path


def ways(*, is_archive: bool) -> Sequence[Through]:
    """The ways in which a folder can be opened, the default first."""
    return tuple(Through) if is_archive else (Through.SERVER, Through.FILE)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name that this file system does not allow
        return False


def _joined(top: str, path: str | None) -> str | None:
    return top + quote(path, safe=_UNESCAPED) if path else None
