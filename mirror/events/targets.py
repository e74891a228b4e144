"""Where a user can have events written: what the words of the option `events` mean."""

import sys
from dataclasses import dataclass
from typing import Final

STDOUT: Final = "-"
_SOCKET: Final = "unix:"


class InvalidTargetError(ValueError):
    """The words name no place for events; the message goes on with what is wrong."""


@dataclass(frozen=True, slots=True)
class Target:
    """`path` is a file, or a socket if `is_socket`; stdout has none."""

    path: str = ""
    is_socket: bool = False

    def __str__(self) -> str:
        return f"{_SOCKET if self.is_socket else ''}{self.path}" or "stdout"

    @property
    def is_stdout(self) -> bool:
        return not self.path


def parse_target(text: str) -> Target | None:
    """Parse `FILE`, `unix:PATH` or `-`; an empty text is `None`. Raises `InvalidTargetError`.

    >>> parse_target("-"), parse_target("unix:/run/events"), parse_target("")
    (Target(path='', is_socket=False), Target(path='/run/events', is_socket=True), None)
    """
    if text in {"", STDOUT}:
        return Target() if text else None
    if "\0" in text:
        raise InvalidTargetError(" has a zero byte")
    if not text.startswith(_SOCKET):
        return Target(text)
    if sys.platform == "win32":
        raise InvalidTargetError(": Websucker has no such sockets on this system")
    if text == _SOCKET:
        raise InvalidTargetError(": name the socket, as in unix:/run/user/1000/events")
    return Target(text.removeprefix(_SOCKET), is_socket=True)
