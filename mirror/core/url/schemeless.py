"""Starts without a scheme: the URLs that a user can mean with `example.org/docs` or `localhost:8000`.

Input: a word of the command line. Output: URLs, the likeliest first. This module connects to nothing: which of two URLs has a
server, the caller finds out.

The law of starts without a scheme
----------------------------------
1. A start is a host, and then maybe a port, a path and a query. The host has a dot or is an address, or it has a port, or it is
   `localhost`: any other word is none, because it may be a mistyped command.
2. With the port 443 it means https; with any other port, http.
3. Without a port, an address, `localhost` and a name of a private network mean http, because few of them have a certificate.
4. Every other host means https if something listens there, else http.
5. A login needs a scheme: the scheme decides who can read it on the way.
"""

import re
from typing import Final

_WORD: Final = re.compile(
    r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^\s/?#@:\[\]\\]+)(?::(?P<port>[0-9]{1,5}))?(?P<rest>[/?#].*)?", re.DOTALL
)
_HTTPS_PORT: Final = 443
_PRIVATE: Final = ("localhost", "local", "internal", "home.arpa", "lan", "test")
"""Names that no certificate authority vouches for (RFC 6761, 6762, 8375), and what home routers use."""


def spellings(word: str) -> tuple[str, ...]:
    """The URLs that a start without a scheme can mean; none if it has a scheme or is no start.

    >>> spellings("example.org/docs"), spellings("localhost:8000"), spellings("snapshots")
    (('https://example.org/docs', 'http://example.org/docs'), ('http://localhost:8000',), ())
    """
    match = _WORD.fullmatch(word)
    if match is None:
        return ()
    host, port = match["host"], match["port"]
    if port:
        return (f"https://{word}",) if int(port) == _HTTPS_PORT else (f"http://{word}",)
    name = host.lower().rstrip(".")
    if name.startswith("[") or re.fullmatch(r"[0-9.]+", name) or name.endswith(_suffixes) or name == _PRIVATE[0]:
        return (f"http://{word}",)
    return (f"https://{word}", f"http://{word}") if "." in name.strip(".") else ()


_suffixes: Final = tuple(f".{name}" for name in _PRIVATE)
