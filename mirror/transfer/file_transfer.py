"""Files by ftp, ftps, sftp and from the local disk, answered as a web server would answer.

A folder is answered with its listing, as a page; without its final slash it is a redirect to the URL with the slash. A file has
a length and a modification time, which its headers tell. A file that has not changed is a 304, and one that does not exist a
404. So everything that is made for the web works for files too: the frontier, validators, resumption, the tree.

    ftp, ftps   lists with MLSD, or with LIST if the server does not know MLSD; a server sends no file that is not newer than
                the copy in the archive
    sftp        the host's key must be in ~/.ssh/known_hosts, unless certificates are not verified
    file        a symbolic link is a redirect to its target, so that no folder contains itself; as with web servers, names that
                begin with a dot are not listed; neither is the archive being written
"""

import asyncio
import os
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from functools import cache
from getpass import getuser
from pathlib import Path
from time import monotonic
from typing import Final
from urllib.parse import quote, unquote_to_bytes, urlsplit

import pycurl
from scrapy import Request
from scrapy.exceptions import DownloadFailedError
from scrapy.http import Response

from mirror.core.http.messages import MAX_READ
from mirror.core.syntax import ftp_listings
from mirror.core.syntax.ftp_listings import Entry, Form
from mirror.core.url.canonical import CanonicalURL
from mirror.store.disk.spool import PartialDownload
from mirror.transfer.base_transfer import BaseTransfer
from mirror.transfer.curl_errors import TransferError, scrapy_exception, with_words
from mirror.transfer.curl_operation import LOGIN, CurlOperation, Handler, PayloadChangedError, RangeRefusedError
from mirror.transfer.file_answers import (
    FORBIDDEN,
    NOT_FOUND,
    NOT_MODIFIED,
    OK,
    UNAUTHORIZED,
    FileAnswer,
    folder_page,
    look_up,
    redirect,
)

SCHEMES: Final = ("ftp", "ftps", "sftp", "file")

_CHEAPER_THAN_A_CONNECTION: Final = 256 << 10
"""Bytes up to which an unwanted body is received to its end, because cutting it off would cost the connection."""

_E_PEER_FAILED_VERIFICATION: Final = 60  # libcurl reports an unknown host key with it too
_RESUME_REFUSED: Final = frozenset({pycurl.E_FTP_COULDNT_USE_REST, pycurl.E_RANGE_ERROR, pycurl.E_BAD_DOWNLOAD_RESUME})
"""Errors of a server that can't start in the middle of a file, or whose file became too short for that."""

_UNKNOWN_COMMAND: Final = frozenset({202, 500, 501, 502, 504})  # RFC 959, 4.2.1
_STATUSES: Final = {
    pycurl.E_REMOTE_FILE_NOT_FOUND: NOT_FOUND,
    pycurl.E_FTP_COULDNT_RETR_FILE: NOT_FOUND,
    pycurl.E_FILE_COULDNT_READ_FILE: NOT_FOUND,
    pycurl.E_REMOTE_ACCESS_DENIED: FORBIDDEN,
    pycurl.E_LOGIN_DENIED: UNAUTHORIZED,
}
"""libcurl's error code -> the status of HTTP that means the same."""

_KEYS: Final = ("id_ed25519", "id_ecdsa", "id_rsa")


async def download(handler: Handler, request: Request, part: PartialDownload | None) -> Response:
    """Answer a request for a file or a folder."""
    url = CanonicalURL(request.url.partition("#")[0])
    if url.startswith("file:"):
        return await _download_local(handler, request, url, part)
    if urlsplit(url).path.endswith("/"):
        entries = await _entries(handler, request, url)
        return _respond(handler, request, FileAnswer(NOT_FOUND) if entries is None else folder_page(url, entries))
    try:
        return await handler.run(FileTransfer(handler, request, part))
    except _RefusedError as refused:
        may_be_folder = refused.status != UNAUTHORIZED
        is_folder = may_be_folder and await _entries(handler, request, CanonicalURL(url + "/")) is not None
        return _respond(handler, request, redirect(url + "/") if is_folder else FileAnswer(refused.status))


async def _download_local(
    handler: Handler, request: Request, url: CanonicalURL, part: PartialDownload | None
) -> Response:
    path = Path(os.fsdecode(unquote_to_bytes(urlsplit(url).path)))
    found = look_up(url, path, getattr(handler.crawler.spider, "out", None))
    if isinstance(found, FileAnswer):
        return _respond(handler, request, found)
    try:
        return await handler.run(FileTransfer(handler, request, part, found))
    except _RefusedError as refused:  # it was removed in the meantime
        return _respond(handler, request, FileAnswer(refused.status))


def _respond(handler: Handler, request: Request, answer: FileAnswer) -> Response:
    return FileTransfer(handler, request, None).respond(answer)


# --- folders of servers ---------------------------------------------------------------------------------------------------


async def _entries(handler: Handler, request: Request, folder: CanonicalURL) -> list[Entry] | None:
    """The entries of a folder; `None` if there is no such folder."""
    if folder.startswith("sftp:"):
        return await handler.run(Listing(handler, request, folder, Form.LIST))
    try:
        return await handler.run(Listing(handler, request, folder, Form.MLSD))
    except _UnknownCommandError:
        return await handler.run(Listing(handler, request, folder, Form.LIST))


class _UnknownCommandError(Exception):
    """The server does not know the command."""


class _RefusedError(Exception):
    """The server refuses the file. `status` is the status of HTTP that means the same."""

    def __init__(self, status: int) -> None:
        super().__init__(str(status))
        self.status = status


class Listing(CurlOperation[list[Entry] | None]):
    """Has a server list a folder."""

    def __init__(self, handler: Handler, request: Request, folder: CanonicalURL, form: Form) -> None:
        super().__init__(handler, request)
        self._folder = folder
        self._form = form
        self._blocks: list[bytes] = []
        self._size = 0

    def set_options(self, easy: pycurl.Curl) -> bool:
        easy.setopt(pycurl.URL, self._folder)
        if not self._folder.startswith("sftp:"):
            easy.setopt(pycurl.CUSTOMREQUEST, str(self._form))
        _set_ssh_options(easy, self._handler, self.request)
        return True

    def on_header(self, line: bytes) -> int | None:  # noqa: ARG002 - the reply of an FTP server to some command
        self.last_activity = monotonic()
        return None

    def on_body(self, block: bytes) -> int | None:
        self._blocks.append(block)
        self._size += len(block)
        self.received += len(block)
        self.last_activity = monotonic()
        return None if self._size <= MAX_READ else -1

    def result(self) -> list[Entry]:
        return ftp_listings.parse(b"".join(self._blocks), self._form, datetime.now(UTC).date())

    def failed(self, error: TransferError) -> list[Entry] | None:
        if self._size > MAX_READ:
            raise DownloadFailedError(f"the listing of {self._folder} is longer than {MAX_READ} bytes") from error
        if self._form is Form.MLSD and self.easy.getinfo(pycurl.RESPONSE_CODE) in _UNKNOWN_COMMAND:
            raise _UnknownCommandError from error
        if error.code in _STATUSES and error.code != pycurl.E_LOGIN_DENIED:
            return None
        if error.code == pycurl.E_SSH:  # how libssh2 reports that there is no such folder
            return None
        raise _exception(error, self._folder) from error


# --- files of servers and of the disk -------------------------------------------------------------------------------------


class FileTransfer(BaseTransfer):
    """A transfer of a file. libcurl knows its length and its time once the first block is there."""

    def __init__(
        self, handler: Handler, request: Request, part: PartialDownload | None, path: Path | None = None
    ) -> None:
        """`path`: the file, if it is on the local disk."""
        super().__init__(handler, request, part)
        self._has_all_headers = True
        self._path = path
        self._size = 0
        self._since = _modified_since(request)

    def set_options(self, easy: pycurl.Curl) -> bool:
        if self.part:
            easy.setopt(pycurl.RESUME_FROM_LARGE, self.offset)
        if self._path:
            easy.setopt(pycurl.URL, "file://" + quote(os.fsencode(self._path)))
            return True
        if self._since is not None and not self.part and not self.request.url.startswith("sftp:"):
            easy.setopt(pycurl.TIMECONDITION, pycurl.TIMECONDITION_IFMODSINCE)
            easy.setopt(pycurl.TIMEVALUE, self._since)
        _set_ssh_options(easy, self._handler, self.request)
        return True

    def on_header(self, line: bytes) -> int | None:  # noqa: ARG002 - the reply of an FTP server to some command
        self.last_activity = monotonic()
        return None

    def on_body(self, block: bytes) -> int | None:
        if self._path:  # libcurl can't pause a local file; it needs no pause either, as `stat` tells its headers
            return -1 if self._is_unwanted else self._guarded(self._receive, block)
        if self._has_response:
            return super().on_body(block)
        if not self.is_paused:  # libcurl gives no information inside of a callback
            self.is_paused = True
            asyncio.get_running_loop().call_soon(self._begin_and_wake)
        return pycurl.WRITEFUNC_PAUSE

    def respond(self, answer: FileAnswer) -> Response:
        """Make the response of an answer, without a transfer."""
        self.easy = pycurl.Curl()
        self._status, self._headers = answer.status, list(answer.headers)
        self._guarded(super()._begin_response)
        if answer.payload and not self._error and not self._stop:
            self._guarded(self._receive, answer.payload)
        return self.result()

    def failed(self, error: TransferError) -> Response:
        if self._is_unmodified:
            return self._response(None)
        if self._has_response or self._error or self._stop:
            return super().failed(error)
        if self.part and (error.code in _RESUME_REFUSED or error.code in _STATUSES):
            raise RangeRefusedError from error
        status = _STATUSES.get(error.code, NOT_FOUND if error.code == pycurl.E_SSH else None)
        if status is None:
            raise _exception(error, self.request.url) from error
        raise _RefusedError(status)

    @property
    def _is_unmodified(self) -> bool:
        return self._has_response and self._status == NOT_MODIFIED

    @property
    def _is_unwanted(self) -> bool:
        return self._is_unmodified and self._size > _CHEAPER_THAN_A_CONNECTION

    def _begin_and_wake(self) -> None:
        if not self.is_paused:  # the transfer ended in the meantime
            return
        self._guarded(self._begin_response)
        if self._error or self._stop or self._is_unwanted:
            self._handler.end(self, TransferError(pycurl.E_WRITE_ERROR, "the rest is not wanted"))
        else:
            self.wake()

    def _begin_response(self) -> None:
        if self._path:
            status = self._path.stat()
            self._size, modified, is_old = status.st_size, int(status.st_mtime), False
        else:
            self._size = self.offset + max(0, int(self.easy.getinfo(pycurl.CONTENT_LENGTH_DOWNLOAD_T)))
            modified, is_old = self.easy.getinfo(pycurl.INFO_FILETIME), self.easy.getinfo(pycurl.CONDITION_UNMET)
        is_same = self._since is not None and modified == self._since and not self.part
        self._status = NOT_MODIFIED if is_same or is_old else OK
        self._headers = [("Content-Length", str(self._size))] if self._size else []
        if modified >= 0:
            time = format_datetime(datetime.fromtimestamp(modified, UTC), usegmt=True)
            self._headers.append(("Last-Modified", time))
        super()._begin_response()

    def _store(self, block: bytes) -> None:
        if not self._is_unmodified:
            super()._store(block)

    def _validator(self) -> str | None:
        """The modification time. With the length it identifies a version of a file, as for rsync."""
        return self._header("last-modified")

    def _accept_part(self, part: PartialDownload, length: int | None) -> int | None:
        if self._header("last-modified") != part.promise.validator or length != part.promise.total:
            raise PayloadChangedError
        self._payload.resume(part, self.offset)
        return length


def _modified_since(request: Request) -> int | None:
    """If-Modified-Since, in seconds since 1970."""
    value = request.headers.get("If-Modified-Since")
    try:
        return int(parsedate_to_datetime(value.decode("latin-1")).timestamp()) if value else None
    except ValueError:
        return None


def _set_ssh_options(easy: pycurl.Curl, handler: Handler, request: Request) -> None:
    if not request.url.startswith("sftp:"):
        return
    if not request.meta.get(LOGIN) and "@" not in urlsplit(request.url).netloc:
        easy.setopt(pycurl.USERNAME, getuser())
    known_hosts, key = _ssh_files()
    if handler.verifies:
        easy.setopt(pycurl.SSH_KNOWNHOSTS, known_hosts)
    if key:
        easy.setopt(pycurl.SSH_PRIVATE_KEYFILE, key)


@cache
def _ssh_files() -> tuple[str, str | None]:
    """The user's known_hosts and private key. libcurl by itself would try an RSA key only."""
    home = Path.home() / ".ssh"
    return str(home / "known_hosts"), next((str(home / name) for name in _KEYS if (home / name).exists()), None)


def _exception(error: TransferError, url: str) -> Exception:
    if error.code == _E_PEER_FAILED_VERIFICATION and url.startswith("sftp:"):
        host = urlsplit(url).hostname
        words = f"the key of {host} is not in known_hosts; ssh-keyscan prints it"
        return with_words(DownloadFailedError(words), words)
    return scrapy_exception(error)
