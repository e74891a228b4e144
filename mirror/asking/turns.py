"""Whose turn it is: which URL of a host is asked about next, and whether the host is asked at all any more."""

from collections import defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from mirror.core.url.canonical import CanonicalURL, origin

AT_ONCE: Final = 2
"""URLs of a host that are asked about at the same time."""

PATIENCE: Final = 2
"""Questions in a row that a host may leave without an answer. Each takes as long as DOWNLOAD_TIMEOUT says."""


@dataclass(slots=True)
class _Host:
    waiting: deque[CanonicalURL] = field(default_factory=deque)
    silent: int = 0
    """Questions in a row without an answer."""


class Turns:
    """The URLs that wait, by their hosts.

    >>> turns = Turns([CanonicalURL(f"http://h/{number}") for number in range(4)])
    >>> list(turns.first())
    ['http://h/0', 'http://h/1']
    >>> turns.answered("http://h/0", is_silent=False), turns.answered("http://h/1", is_silent=True)
    ('http://h/2', 'http://h/3')
    """

    def __init__(self, urls: Iterable[CanonicalURL]) -> None:
        self._hosts: defaultdict[str, _Host] = defaultdict(_Host)
        for url in urls:
            self._hosts[origin(url)].waiting.append(url)

    def first(self) -> Iterable[CanonicalURL]:
        """Yield the first URLs of each host."""
        for host in self._hosts.values():
            for _ in range(min(AT_ONCE, len(host.waiting))):
                yield host.waiting.popleft()

    def answered(self, url: CanonicalURL, *, is_silent: bool) -> CanonicalURL | None:
        """Note whether there was an answer, and return the URL whose turn it is; `None` if there is none."""
        host = self._hosts[origin(url)]
        host.silent = host.silent + 1 if is_silent else 0
        return host.waiting.popleft() if host.waiting and host.silent < PATIENCE else None

    def given_up(self, url: CanonicalURL) -> list[CanonicalURL]:
        """Return the URLs of the host of this one that nobody asks about any more, because it does not answer."""
        host = self._hosts[origin(url)]
        left = list(host.waiting) if host.silent >= PATIENCE else []
        if left:
            host.waiting.clear()
        return left
