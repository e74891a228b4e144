"""Protection spaces: the folders of a server that have asked for a login, so that it can be sent at once (RFC 7617, 2.2).

Input: challenges. Output: whether a URL is in a protection space. Without this memory each URL is requested as by a stranger
first, and a server may have another page for strangers. No login is stored here; `credentials` decides who gets one.

Only challenges by Basic alone count: for other schemes, the client needs a nonce of the server for each request.
"""

import re
from typing import Final

from mirror.core.http.messages import Headers
from mirror.core.url.canonical import CanonicalURL

MAX_SPACES: Final = 1024
"""Folders that are remembered. A server that asks for a login in more of them is asked as before in the rest."""

_SCHEME: Final = re.compile(r"(?:^|,)\s*(basic|digest|negotiate|ntlm|bearer)\b(?!\s*=)", re.IGNORECASE)


class ProtectionSpaces:
    """The protection spaces of all servers of a run.

    >>> spaces = ProtectionSpaces()
    >>> spaces.challenged(CanonicalURL("http://example.org/d/a"), [("WWW-Authenticate", 'Basic realm="Readers"')])
    >>> [spaces.contains(CanonicalURL(f"http://example.org/{path}")) for path in ("d/", "d/e/f?g", "d", "", "e/d/")]
    [True, True, False, False, False]
    """

    def __init__(self) -> None:
        self._folders: set[str] = set()

    def challenged(self, url: CanonicalURL, headers: Headers) -> None:
        """Note that a server answered with 401 and these headers."""
        values = [value for name, value in headers if name.lower() == "www-authenticate"]
        schemes = {scheme.lower() for value in values for scheme in _SCHEME.findall(value)}
        if schemes == {"basic"} and len(self._folders) < MAX_SPACES and not self.contains(url):
            self._folders.add(_folder(url))

    def contains(self, url: CanonicalURL) -> bool:
        """Whether a URL is at or below the folder of a URL that asked for a login by Basic."""
        if not self._folders:
            return False
        folder = _folder(url)
        root = folder.index("/", folder.index("://") + 3)
        return any(folder[: place + 1] in self._folders for place in range(root, len(folder)) if folder[place] == "/")


def _folder(url: CanonicalURL) -> str:
    path = url.partition("?")[0]
    return path[: path.rindex("/") + 1]
