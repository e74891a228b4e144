"""Where the lines of events go: a file, a socket or stdout, each written without waiting for ever."""

import errno
import os
import select
import socket
import stat
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from mirror.events.targets import Target
from mirror.store.disk.layout import KEPT
from mirror.store.disk.symlink_guard import is_inside, opener

_PIPE: Final = 4096
"""Bytes that a pipe takes at once if it takes any (PIPE_BUF of Linux; poll(2) says so of no other number)."""

_CHUNK: Final = 1 << 16
_CONNECT: Final = 2.0
"""Seconds to wait for a socket."""


@dataclass(frozen=True, slots=True)
class Sink:
    """An open place: `name` for messages. `is_quick`: it is a file, which takes what it gets."""

    name: str
    descriptor: int
    close: Callable[[], None]
    is_quick: bool = False

    def write(self, data: bytes, seconds: float) -> int:
        """Write the beginning of the data, and return how many bytes; 0 if nothing was taken within so many seconds.

        Raises `OSError`.
        """
        if not self.is_quick and not _is_ready(self.descriptor, seconds):
            return 0
        try:
            return os.write(self.descriptor, data[: _CHUNK if self.is_quick else _PIPE])
        except BlockingIOError:
            return 0


def open_sink(target: Target, archive: Path) -> Sink:
    """Open the place that the user named. Raises `OSError`."""
    if target.is_stdout:
        sys.stdout.flush()
        return Sink("stdout", sys.stdout.fileno(), lambda: None, stat.S_ISREG(os.fstat(sys.stdout.fileno()).st_mode))
    path = Path(target.path).expanduser()
    return _connected(str(path)) if target.is_socket else _opened(path, archive)


def _opened(path: Path, archive: Path) -> Sink:
    """Open a file to append to it: none behind a symbolic link, none that has a second name, none in the folder of the data."""
    if is_inside(path, archive / KEPT):
        raise OSError(errno.EACCES, f"{KEPT} is for the data of the archive alone", str(path))
    file = open(path, "ab+", buffering=0, opener=opener)  # noqa: SIM115 - it stays open
    try:
        _require_one_name(file.fileno(), path)
        _end_line(file)
    except BaseException:
        file.close()
        raise
    return Sink(str(path), file.fileno(), file.close, is_quick=True)


def _require_one_name(descriptor: int, path: Path) -> None:
    if os.fstat(descriptor).st_nlink > 1:
        raise OSError(
            errno.EMLINK, "it has a second name (a hard link), under which it would be changed, too", str(path)
        )


def _end_line(file: IO[bytes]) -> None:
    """End the last line of a file, if it has no end: the process that wrote it was killed."""
    if file.seek(0, os.SEEK_END):
        file.seek(-1, os.SEEK_END)
        if file.read(1) != b"\n":
            file.write(b"\n")


if sys.platform == "win32":

    def _connected(path: str) -> Sink:
        raise OSError(errno.EAFNOSUPPORT, "there are no such sockets on this system", path)

    def _is_ready(descriptor: int, seconds: float) -> bool:  # noqa: ARG001 - a console or a pipe can't be asked
        return True

else:

    def _connected(path: str) -> Sink:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.settimeout(_CONNECT)
            connection.connect(path)
            connection.settimeout(0)
        except BaseException:
            connection.close()
            raise
        return Sink(f"unix:{path}", connection.fileno(), connection.close)

    def _is_ready(descriptor: int, seconds: float) -> bool:
        waiting = select.poll()
        waiting.register(descriptor, select.POLLOUT)
        return bool(waiting.poll(seconds * 1000))
