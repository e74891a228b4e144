"""Which scheme a start has that was given without one: the one of an earlier run, or the one that has a server.

The law of such starts is in `mirror.core.url.schemeless`. The choice is kept as the start of the run in the archive: the same
command starts at the same URL even if the other port is closed that day.
"""

import socket
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final
from urllib.request import getproxies, proxy_bypass

from mirror.core.http.credentials import Proxy
from mirror.core.url.canonical import CanonicalURL, InvalidURLError, canonical, split
from mirror.core.url.schemeless import spellings

PATIENCE: Final = 5.0
"""Seconds after which a host does not listen."""

_HTTPS_PORT: Final = 443
_AT_ONCE: Final = 16


@dataclass(frozen=True, slots=True)
class Choice:
    """A start as it was given, the URL that it means, and why it does not mean another one."""

    given: str
    url: str
    why: str = ""

    def __str__(self) -> str:
        """What the user is told; "" if the start was a URL.

        >>> str(Choice("example.org", "http://example.org/", "nothing listens on its port 443"))
        'example.org means http://example.org/: nothing listens on its port 443'
        """
        if self.given == self.url:
            return ""
        return f"{self.given} means {self.url}{f': {self.why}' if self.why else ''}"


def choose(
    starts: Iterable[str], earlier: Sequence[Collection[CanonicalURL]], listens: Callable[[str], bool]
) -> list[Choice]:
    """Choose a URL for each start. `earlier` are the starts of earlier runs, the newest first.

    `listens` tells whether a host is to be asked with https.
    """
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        return list(threads.map(lambda start: _choose(start, earlier, listens), starts))


def _choose(start: str, earlier: Sequence[Collection[CanonicalURL]], listens: Callable[[str], bool]) -> Choice:
    try:
        urls = [canonical(url) for url in spellings(start)]
    except InvalidURLError:
        return Choice(start, start)  # refused as what it is, with the other mistakes
    if not urls:
        return Choice(start, start)
    shown = spellings(start)  # with the fragment, which scripts may read
    if len(urls) == 1:
        return Choice(start, shown[0])
    for run in earlier:
        for url, text in zip(urls, shown, strict=True):
            if url in run:
                return Choice(start, text, "as in an earlier run")
    if listens(split(urls[0]).host):
        return Choice(start, shown[0])
    return Choice(start, shown[1], f"nothing listens on its port {_HTTPS_PORT}")


def is_asked_with_https(host: str, proxy: Proxy | None) -> bool:
    """Whether a host listens on the port of https: with a proxy it counts as listening, because only the proxy could tell."""
    given = getproxies()
    is_proxied = bool(proxy.url) if proxy else bool(given.get("https") or given.get("all")) and not proxy_bypass(host)
    return is_proxied or listens(host, _HTTPS_PORT)


def listens(host: str, port: int, patience: float = PATIENCE) -> bool:
    """Connect, and close the connection at once. A name that does not resolve counts: the crawl says what is wrong."""
    try:
        places = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return True
    end = time.monotonic() + patience
    return any(_connects(place[0], place[4], end - time.monotonic()) for place in places)


def _connects(family: int, address: tuple[object, ...], seconds: float) -> bool:
    with socket.socket(family, socket.SOCK_STREAM) as connection:
        connection.settimeout(max(seconds, 0.01))
        return connection.connect_ex(address) == 0
