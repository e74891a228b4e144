"""Files by ftp, ftps, sftp and from the local disk, answered as a web server would answer for them.

A folder is its listing, as a page; without its slash it is a redirect to that. A file has a length and a time, which its
headers tell, and what was modified no more is a 304. What is not there is a 404. So all that is made for the web holds for
these too: the frontier, validators, resumption, the tree.

    ftp, ftps   MLSD, else LIST; what is older than the archive's copy is not sent
    sftp        the host's key has to be in ~/.ssh/known_hosts where certificates are verified
    file        a symbolic link is a redirect to what it means, so that no folder is in itself; names that begin with a dot are
                not listed, as web servers don't; neither is the archive that is just being written
"""

import asyncio
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from functools import cache
from getpass import getuser
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from time import monotonic
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, unquote_to_bytes, urlsplit

import pycurl
from scrapy import Request
from scrapy.exceptions import DownloadFailedError
from scrapy.http import Response

from mirror.core.document.documents import MOST_READ
from mirror.core.syntax import directory_listings
from mirror.core.syntax.directory_listings import Entry, Form
from mirror.core.url.canonical import CanonicalURL
from mirror.store.disk.spool import Part
from mirror.transfer.curl_multi import TransferError
from mirror.transfer.http_transfer import LOGIN, Exchange, NoLongerThatError, Transfer, exception

if TYPE_CHECKING:
    from mirror.transfer.download_handler import CurlHandler

SCHEMES: Final = ("ftp", "ftps", "sftp", "file")

_INDEX: Final = "index.html"
_HTML: Final = ("Content-Type", "text/html; charset=utf-8")
_WORTH_A_CONNECTION: Final = 256 << 10
"""Bytes that are received in vain rather than cut off, which costs the connection."""

_E_PEER_FAILED_VERIFICATION: Final = 60  # libcurl's number for a host's key too
_OK: Final = 200
_NOT_MODIFIED: Final = 304
_UNAUTHORIZED: Final = 401
_FORBIDDEN: Final = 403
_NOT_FOUND: Final = 404
_NO_RANGES: Final = frozenset({pycurl.E_FTP_COULDNT_USE_REST, pycurl.E_RANGE_ERROR, pycurl.E_BAD_DOWNLOAD_RESUME})
"""What a server says that can't begin in the middle, or of what has no such middle any more."""

_UNKNOWN_COMMAND: Final = frozenset({202, 500, 501, 502, 504})  # RFC 959, 4.2.1
_STATUSES: Final = {
    pycurl.E_REMOTE_FILE_NOT_FOUND: _NOT_FOUND,
    pycurl.E_FTP_COULDNT_RETR_FILE: _NOT_FOUND,
    pycurl.E_FILE_COULDNT_READ_FILE: _NOT_FOUND,
    pycurl.E_REMOTE_ACCESS_DENIED: _FORBIDDEN,
    pycurl.E_LOGIN_DENIED: _UNAUTHORIZED,
}
"""libcurl's number -> what HTTP says in that case."""

_KEYS: Final = ("id_ed25519", "id_ecdsa", "id_rsa")


async def download(handler: "CurlHandler", request: Request, part: Part | None) -> Response:
    """The answer to a request for a file or a folder."""
    url = CanonicalURL(request.url.partition("#")[0])
    if url.startswith("file:"):
        return await _local(handler, request, url, part)
    if urlsplit(url).path.endswith("/"):
        entries = await _entries(handler, request, url)
        if entries is None:
            return _made(handler, request, Made(_NOT_FOUND))
        return _made(handler, request, _page(url, entries))
    try:
        return await handler.run(FileTransfer(handler, request, part))
    except _RefusedError as refused:
        is_folder = (
            refused.status != _UNAUTHORIZED and await _entries(handler, request, CanonicalURL(url + "/")) is not None
        )
        return _made(handler, request, _moved(url + "/") if is_folder else Made(refused.status))


# --- answers that need no transfer ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Made:
    """An answer that is made here."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    payload: bytes = b""


def _moved(place: str) -> Made:
    return Made(301, (("Location", place),))


def _page(url: CanonicalURL, entries: list[Entry]) -> Made:
    page = directory_listings.page(url, entries)
    return Made(_OK, (_HTML, ("Content-Length", str(len(page)))), page)


def _made(handler: "CurlHandler", request: Request, made: Made) -> Response:
    return FileTransfer(handler, request, None).made(made)


# --- folders of servers ---------------------------------------------------------------------------------------------------


async def _entries(handler: "CurlHandler", request: Request, folder: CanonicalURL) -> list[Entry] | None:
    """What is in a folder; `None`: there is no such folder."""
    if folder.startswith("sftp:"):
        return await handler.run(Listing(handler, request, folder, Form.LIST))
    try:
        return await handler.run(Listing(handler, request, folder, Form.MLSD))
    except _UnknownCommandError:
        return await handler.run(Listing(handler, request, folder, Form.LIST))


class _UnknownCommandError(Exception):
    """The server does not know what was asked of it."""


class _RefusedError(Exception):
    """There is no file for us; `status` is what HTTP says in that case."""

    def __init__(self, status: int) -> None:
        super().__init__(str(status))
        self.status = status


class Listing(Exchange[list[Entry] | None]):
    """A folder, as its server lists it."""

    def __init__(self, handler: "CurlHandler", request: Request, folder: CanonicalURL, form: Form) -> None:
        super().__init__(handler, request)
        self._folder = folder
        self._form = form
        self._blocks: list[bytes] = []
        self._size = 0

    def set(self, easy: pycurl.Curl) -> bool:
        easy.setopt(pycurl.URL, self._folder)
        if not self._folder.startswith("sftp:"):
            easy.setopt(pycurl.CUSTOMREQUEST, str(self._form))
        _set_remote(easy, self._handler, self.request)
        return True

    def header(self, line: bytes) -> int | None:  # noqa: ARG002 - what an FTP server says to each command
        self.heard = monotonic()
        return None

    def body(self, block: bytes) -> int | None:
        self._blocks.append(block)
        self._size += len(block)
        self.came += len(block)
        self.heard = monotonic()
        return None if self._size <= MOST_READ else -1

    def result(self) -> list[Entry]:
        return directory_listings.parse(b"".join(self._blocks), self._form, datetime.now(UTC).date())

    def failed(self, error: TransferError) -> list[Entry] | None:
        if self._size > MOST_READ:
            raise DownloadFailedError(f"the listing of {self._folder} is longer than {MOST_READ} bytes") from error
        if self._form is Form.MLSD and self.easy.getinfo(pycurl.RESPONSE_CODE) in _UNKNOWN_COMMAND:
            raise _UnknownCommandError from error
        if error.code in _STATUSES and error.code != pycurl.E_LOGIN_DENIED:
            return None
        if error.code == pycurl.E_SSH:  # the words of libssh2 for what is no folder
            return None
        raise _told(error, self._folder) from error


# --- files of servers and of the disk -------------------------------------------------------------------------------------


class FileTransfer(Transfer):
    """A transfer of a file. What HTTP tells in headers libcurl knows by itself once the first block is there."""

    def __init__(self, handler: "CurlHandler", request: Request, part: Part | None, path: Path | None = None) -> None:
        super().__init__(handler, request, part)
        self._is_whole = True
        self._path = path
        self._total = 0
        self._since = _since(request)

    def set(self, easy: pycurl.Curl) -> bool:
        if self.part:
            easy.setopt(pycurl.RESUME_FROM_LARGE, self.start)
        if self._path:
            easy.setopt(pycurl.URL, "file://" + quote(os.fsencode(self._path)))
            return True
        if self._since is not None and not self.part and not self.request.url.startswith("sftp:"):
            easy.setopt(pycurl.TIMECONDITION, pycurl.TIMECONDITION_IFMODSINCE)
            easy.setopt(pycurl.TIMEVALUE, self._since)
        _set_remote(easy, self._handler, self.request)
        return True

    def header(self, line: bytes) -> int | None:  # noqa: ARG002 - what an FTP server says to each command
        self.heard = monotonic()
        return None

    def body(self, block: bytes) -> int | None:
        if self._path:  # which libcurl can't pause, and of which all is known
            return -1 if self._is_enough else self._guarded(self._feed, block)
        if self._is_open:
            return super().body(block)
        if not self.is_paused:  # libcurl tells nothing in this call
            self.is_paused = True
            asyncio.get_running_loop().call_soon(self._go_ahead)
        return pycurl.WRITEFUNC_PAUSE

    def made(self, made: Made) -> Response:
        """The response that is made without a transfer."""
        self.easy = pycurl.Curl()
        self._status, self._received = made.status, list(made.headers)
        self._guarded(super()._open)
        if made.payload and not self._error and not self._stop:
            self._guarded(self._feed, made.payload)
        return self.result()

    def failed(self, error: TransferError) -> Response:
        if self._is_unmodified:
            return self._response(None)
        if self._is_open or self._error or self._stop:
            return super().failed(error)
        if self.part and error.code in _NO_RANGES:
            raise NoLongerThatError from error
        status = _STATUSES.get(error.code, _NOT_FOUND if error.code == pycurl.E_SSH else None)
        if status is None:
            raise _told(error, self.request.url) from error
        raise _RefusedError(status)

    @property
    def _is_unmodified(self) -> bool:
        return self._is_open and self._status == _NOT_MODIFIED

    @property
    def _is_enough(self) -> bool:
        return self._is_unmodified and self._total > _WORTH_A_CONNECTION

    def _go_ahead(self) -> None:
        if not self.is_paused:  # it ended meanwhile
            return
        self._guarded(self._open)
        if self._error or self._stop or self._is_enough:
            self._handler.end(self, TransferError(pycurl.E_WRITE_ERROR, "no more is wanted"))
        else:
            self.wake()

    def _open(self) -> None:
        if self._path:
            status = self._path.stat()
            self._total, modified, is_old = status.st_size, int(status.st_mtime), False
        else:
            self._total = self.start + max(0, int(self.easy.getinfo(pycurl.CONTENT_LENGTH_DOWNLOAD_T)))
            modified, is_old = self.easy.getinfo(pycurl.INFO_FILETIME), self.easy.getinfo(pycurl.CONDITION_UNMET)
        is_same = self._since is not None and modified == self._since and not self.part
        self._status = _NOT_MODIFIED if is_same or is_old else _OK
        self._received = [("Content-Length", str(self._total))] if self._total else []
        if modified >= 0:
            self._received.append(
                ("Last-Modified", format_datetime(datetime.fromtimestamp(modified, UTC), usegmt=True))
            )
        super()._open()

    def _take(self, block: bytes) -> None:
        if not self._is_unmodified:
            super()._take(block)

    def _validator(self) -> str | None:
        """The time, as it is for rsync and all who update files: with the length, it says which version of a file this is."""
        return self._first("last-modified")

    def _go_on(self, part: Part, total: int | None) -> int | None:
        if self._first("last-modified") != part.promise.validator or total != part.promise.total:
            raise NoLongerThatError
        self._resume(part)
        return total


def _since(request: Request) -> int | None:
    """The time of the copy that is there, in seconds since 1970."""
    value = request.headers.get("If-Modified-Since")
    try:
        return int(parsedate_to_datetime(value.decode("latin-1")).timestamp()) if value else None
    except ValueError:
        return None


def _set_remote(easy: pycurl.Curl, handler: "CurlHandler", request: Request) -> None:
    if not request.url.startswith("sftp:"):
        return
    if not request.meta.get(LOGIN) and "@" not in urlsplit(request.url).netloc:
        easy.setopt(pycurl.USERNAME, getuser())
    known, key = _ssh_files()
    if handler.verifies:
        easy.setopt(pycurl.SSH_KNOWNHOSTS, known)
    if key:
        easy.setopt(pycurl.SSH_PRIVATE_KEYFILE, key)


@cache
def _ssh_files() -> tuple[str, str | None]:
    """The hosts that the user's ssh knows, and the key by which it is known; libcurl would try RSA only."""
    home = Path.home() / ".ssh"
    return str(home / "known_hosts"), next((str(home / name) for name in _KEYS if (home / name).exists()), None)


def _told(error: TransferError, url: str) -> Exception:
    if error.code == _E_PEER_FAILED_VERIFICATION and url.startswith("sftp:"):
        return DownloadFailedError(f"the key of {urlsplit(url).hostname} is not in known_hosts: ssh-keyscan shows it")
    return exception(error)


# --- the local disk -------------------------------------------------------------------------------------------------------


async def _local(handler: "CurlHandler", request: Request, url: CanonicalURL, part: Part | None) -> Response:
    path = Path(os.fsdecode(unquote_to_bytes(urlsplit(url).path)))
    found = _looked_up(url, path, getattr(handler.crawler.spider, "out", None))
    if isinstance(found, Made):
        return _made(handler, request, found)
    try:
        return await handler.run(FileTransfer(handler, request, part, found))
    except _RefusedError as refused:  # it went away in between
        return _made(handler, request, Made(refused.status))


def _looked_up(url: CanonicalURL, path: Path, own: Path | None) -> Made | Path:
    """What is at a path: an answer, or the file that is the answer."""
    try:
        real = Path(os.path.realpath(path, strict=True))
        if own and real.is_relative_to(os.path.realpath(own)):
            return Made(_FORBIDDEN)
        status = real.stat()
        if real != path or (S_ISDIR(status.st_mode) and not url.endswith("/")):
            return _moved("file://" + quote(os.fsencode(real)) + "/" * (S_ISDIR(status.st_mode) and real.name != ""))
        if S_ISDIR(status.st_mode):
            index = path / _INDEX
            return index if index.is_file() and not index.is_symlink() else _page(url, _listed(real, own))
        return real if S_ISREG(status.st_mode) and os.access(real, os.R_OK) else Made(_FORBIDDEN)
    except PermissionError:
        return Made(_FORBIDDEN)
    except (OSError, ValueError):
        return Made(_NOT_FOUND)


def _listed(folder: Path, own: Path | None) -> list[Entry]:
    own = own and Path(os.path.realpath(own))
    found = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(".") or Path(entry.path) == own:
                continue
            try:
                is_folder, status = entry.is_dir(follow_symlinks=False), entry.stat(follow_symlinks=False)
            except OSError:
                continue
            modified = datetime.fromtimestamp(int(status.st_mtime), UTC).isoformat()
            size = status.st_size if S_ISREG(status.st_mode) else None
            found.append(Entry(os.fsencode(entry.name), is_folder, size, modified))
    return found
