"""The path of a resource in the tree: (canonical URL, media type) -> path, by the law of the archive.

Input: a `CanonicalURL` and a media type. Output: a `LocalPath`, relative to the root, its names separated by "/". This module
never looks at the disk, and nothing here depends on the order of fetching.

The law
-------
A file stands at the path of its URL, below a folder for its host. It has another name only where it must. There are two laws, a
property of the archive:

exact      For file systems that tell capitals apart and keep Unicode as it is. `exact_names` has the rules. A name is that of
           the URL, with its capitals, its tildes, and its extension or none. `~` and `@` mark what is added to it:

    https://example.org/                   text/html   example.org/index.html
    https://example.org/a/                 text/html   example.org/a/index.html
    https://example.org/a.html             text/html   example.org/a.html
    https://example.org/Main.html          text/html   example.org/Main.html
    https://example.org/index.html         text/html   example.org/index.html
    https://example.org/README.md      text/markdown   example.org/README.md
    https://example.org/img/Logo.PNG       image/png   example.org/img/Logo.PNG
    https://example.org/InRelease         text/plain   example.org/InRelease
    https://example.org/LICENSE         octet-stream   example.org/LICENSE
    https://example.org/apt_1.0~exp1.deb  octet-stream   example.org/apt_1.0~exp1.deb
    https://example.org/Tool-1.0.tar.gz  application/gzip   example.org/Tool-1.0.tar.gz
    https://example.org/comic.cbz    application/zip   example.org/comic.cbz
    https://example.org/logo@2x.png        image/png   example.org/logo@2x.png
    https://example.org/logo%402x.png      image/png   example.org/logo@2x.png
    https://example.org/wiki/File:A        image/png   example.org/wiki/File:A
    https://example.org/%C3%89t%C3%A9.pdf  application/pdf   example.org/Été.pdf
    https://example.org/api/v1/users  application/json   example.org/api/v1/users
    https://example.org/v.x/a.js     text/javascript   example.org/v.x/a.js
    https://example.org/a                  text/html   example.org/a~.html            ~.  an extension was added
    https://example.org/x.php              text/html   example.org/x.php~.html
    https://example.org/b.css?v=2           text/css   example.org/b.css@v=2~.css     @   the query begins
    https://example.org/x.php?id=1         text/html   example.org/x.php@id=1~.html
    http://example.org/                    text/html   example.org_80/index.html
    https://example.org:8443/              text/html   example.org_8443s/index.html

portable   For Windows, macOS, sticks and shares: names that differ also where capitals and forms of Unicode are treated as
           equal, and that are legal everywhere. `portable_names` has the rules:

    https://example.org/                   text/html   example.org/index.html
    https://example.org/a/                 text/html   example.org/a/index.html
    https://example.org/a.html             text/html   example.org/a.html
    https://example.org/a                  text/html   example.org/a~.html         ~.  the extension was added
    https://example.org/a/b.css             text/css   example.org/a/b.css
    https://example.org/b.css?v=2           text/css   example.org/b.css@v=2~.css  @   the query begins
    https://example.org/x.php?id=1         text/html   example.org/x.php@id=1~.html
    https://example.org/Main.html          text/html   example.org/Main~b.html     ~b  the capital letters (bits, base 26)
    https://example.org/index.html         text/html   example.org/index.html
    https://example.org/LICENSE         octet-stream   example.org/LICENSE~ex~
    https://example.org/v.x/a.js     text/javascript   example.org/v.x~~/a.js      ~~  a folder with an extension
    http://example.org/                    text/html   example.org_80/index.html
    http://example.org:8000/               text/html   example.org_8000/index.html
    https://example.org:8443/              text/html   example.org_8443s/index.html
    ftp://example.org/pub/                 text/html   example.org_21ftp/pub/index.html
    sftp://example.org:2222/pub/a.css       text/css   example.org_2222sftp/pub/a.css
    file:///srv/www/                       text/html   _file/srv/www/index.html

Both laws share these rules:

1. The folder of a host is its name, followed by `_PORT` unless it is https at its default port. For https at another port, an
   `s` follows the number; for schemes other than http and https, the scheme. Files on a disk have no host: theirs is `_file`.
   If the archive's first run began at http, and was not sent on to https, it is http whose folders are bare; then those of
   https end in `_443s`.
2. An empty segment is `%`.
3. A variant of the request for a URL (`core.http.request_variants`) is a part of the query, behind `%23`.
4. A name that is too long is cut, and ends with `~~` and a digest of the whole name. If the path is too long, its folders
   become one: `~~` and a digest of them. Only these two can't be read back.
5. Two files may want one place: `a/` and `a/index.html`; by the exact law also a file and the folder of its name, and URLs that
   differ in what is escaped. Then one of them is crowded out, and has a path that tells its URL. `store.rules.naming` decides.

    https://example.org/index.html         text/html   example.org/index~~.html       exact, crowded
    https://example.org/api/v1/users  application/json   example.org/api/v1/users~~   exact, crowded
    https://example.org/logo%402x.png      image/png   example.org/logo%402x~~.png     exact, crowded
    https://example.org/index.html         text/html   example.org/index~a.html       portable, crowded

Distinct URLs have distinct paths if all are crowded out, and no such path is that of a folder. No path leaves the root.
"""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from itertools import takewhile
from operator import eq
from typing import Final, NewType
from urllib.parse import quote

from mirror.core.url import exact_names, portable_names
from mirror.core.url.canonical import CanonicalURL, split

LocalPath = NewType("LocalPath", str)
"""A path relative to the root of the tree that obeys the law above. It is safe to join to the root and to open.

Only `Law.path` and `as_local_path` make one of a text.
"""

LAWS_VERSION: Final = "2"
"""Changes with the laws, so that archives are laid out anew. 1 was the portable law with `index~a.html` everywhere."""

_SAFE = re.compile(r"[A-Za-z0-9_\-.~@!+]*").fullmatch
_ILLEGAL_ON_WINDOWS: Final = r'"*:<>?|'
_ILLEGAL: Final = rf"\x00-\x1f\x7f\\\ud800-\udfff{_ILLEGAL_ON_WINDOWS if os.name == 'nt' else ''}"
_UNSAFE = re.compile(rf"[{_ILLEGAL}]|(?:^|/)\.{{0,2}}(?:/|$)|^\.|^[^/]*[{_ILLEGAL_ON_WINDOWS}]|^(?i:index\.html)$")
_MOST_BYTES: Final = 4096  # Linux allows no longer path


class Names(StrEnum):
    """How files are named."""

    EXACT = "exact"
    PORTABLE = "portable"


@dataclass(frozen=True, slots=True)
class Law:
    """The law of one archive. `bare`: the scheme whose hosts have folders without a port, `https` or `http`."""

    names: Names
    bare: str = "https"

    def path(self, url: CanonicalURL, media_type: str, *, crowded: bool = False) -> LocalPath:
        """Return the path of a resource in the tree. `crowded`: another one has that place.

        >>> Law(Names.EXACT).path(CanonicalURL("https://example.org/a/B?c"), "text/html")
        'example.org/a/B@c~.html'
        """
        return _path(self.names, self.bare, url, media_type, crowded)

    def __str__(self) -> str:
        """Return the law as text, which `read_law` reads.

        >>> str(Law(Names.EXACT, "http")), read_law("exact http 2")
        ('exact http 2', Law(names=<Names.EXACT: 'exact'>, bare='http'))
        """
        return f"{self.names} {self.bare} {LAWS_VERSION}"


PORTABLE: Final = Law(Names.PORTABLE)
EXACT: Final = Law(Names.EXACT)


def read_law(text: str) -> Law | None:
    """Return the law that a text names; `None` if it is none of these, or another version."""
    words = text.split()
    if len(words) != 3 or words[0] not in set(Names) or words[1] not in {"https", "http"} or words[2] != LAWS_VERSION:  # noqa: PLR2004
        return None
    return Law(Names(words[0]), words[1])


@lru_cache(maxsize=8192)  # many pages link to the same targets
def _path(names: Names, bare: str, url: CanonicalURL, media_type: str, crowded: bool) -> LocalPath:  # noqa: FBT001
    place, _, variant = url.partition("#")
    place, query_mark, text = place.partition("?")
    cut = place.rindex("/") + 1
    query = text if query_mark else None
    if variant:
        query = f"{'' if query is None else query + '?'}#{variant}"
    rules = exact_names if names is Names.EXACT else portable_names
    leaf = rules.leaf(place[cut:], query, media_type, crowded=crowded)
    folder, digest = _folder(names, bare, CanonicalURL(place[:cut]), crowded)
    path = folder + leaf
    return LocalPath(path if len(path.encode()) <= rules.MAX_PATH else digest + leaf)


@lru_cache(maxsize=1024)  # folders contain many files
def _folder(names: Names, bare: str, url: CanonicalURL, crowded: bool) -> tuple[str, str]:  # noqa: FBT001
    """Return the path of a folder, and the one that takes its place in paths that are too long; each ends in a slash."""
    rules = exact_names if names is Names.EXACT else portable_names
    parts = split(url)
    host = portable_names.host_folder(parts.scheme, parts.host, parts.port, bare)
    folders = parts.path.split("/")[1:-1]
    path = "".join(f"{name}/" for name in (host, *(rules.folder(folder, crowded=crowded) for folder in folders)))
    return path, f"{host}/~~{portable_names.digest('/'.join(folders))}/"


def as_local_path(text: str) -> LocalPath | None:
    """Return a stored text as a path; `None` if it isn't safe to join to the root and to open.

    The law may have been another one when the path was stored, so only what makes a path safe is checked: no name is
    empty, `.` or `..`, none has a separator or a character that this system forbids, and it is neither the index page nor
    hidden.

    >>> as_local_path("example.org/a~.html"), as_local_path("../victim"), as_local_path(".mirror/lock")
    ('example.org/a~.html', None, None)
    """
    return None if _UNSAFE.search(text) or len(text.encode()) > _MOST_BYTES else LocalPath(text)


def href(target: LocalPath, origin: LocalPath) -> str:
    """Return the relative reference from one file of the tree to another. Its characters need no escape in any syntax.

    >>> href(LocalPath("example.org/a/b~.html"), LocalPath("example.org/c/d.html"))
    '../a/b~.html'
    """
    folder, _, name = target.rpartition("/")
    return _folder_reference(folder, origin.rpartition("/")[0]) + _quoted(name)


def hrefs(
    place_of: Callable[[CanonicalURL], LocalPath | None], origin: LocalPath
) -> Callable[[CanonicalURL], str | None]:
    """Return a function that gives the reference from one file to the file of a URL; `None` if it has no place.

    >>> hrefs({"https://example.org/a": "example.org/a.html"}.get, LocalPath("example.org/b/c.html"))("https://example.org/a")
    '../a.html'
    """
    here = origin.rpartition("/")[0]

    def reference(url: CanonicalURL) -> str | None:
        place = place_of(url)
        if place is None:
            return None
        folder, _, name = place.rpartition("/")
        return _folder_reference(folder, here) + _quoted(name)

    return reference


@lru_cache(maxsize=1 << 14)  # folders contain many files, and each folder has links to many others
def _folder_reference(there: str, here: str) -> str:
    """Return the relative reference from one folder to another: empty, or with a slash at its end."""
    up, down = (folder.split("/") if folder else [] for folder in (here, there))
    shared = len(list(takewhile(bool, map(eq, up, down))))
    return "../" * (len(up) - shared) + "".join(f"{_quoted(name)}/" for name in down[shared:])


def _quoted(name: str) -> str:
    return name if _SAFE(name) else quote(name, safe="-._~@!+")
