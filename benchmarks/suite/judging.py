"""Compare the copy that a tool made with the files of the site, to find out how much of the work it did.

Tools choose their own file names, and have to change the links of documents. So a file is identified by its content without
links: an HTML document by its text, a stylesheet by everything except its url()s, any other file by all its bytes.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NewType, overload
from urllib.parse import unquote, urlsplit

from lxml import etree, html

Fingerprint = NewType("Fingerprint", str)

PRIVATE: Final = frozenset({".mirror", "hts-cache"})
"""Folders in which a tool keeps its own data; not part of the copy."""

SAMPLE: Final = 200
"""The number of documents of a copy whose links are checked."""

HTML: Final = frozenset({".html", ".htm"})
NO_TEXT: Final = re.compile(rb"<(script|style)\b.*?</\1\s*>|<!--.*?-->|<[^>]*>", re.DOTALL | re.IGNORECASE)
CSS_URL: Final = re.compile(rb"url\([^)]*\)")
SPACE: Final = re.compile(rb"\s+")
ENOUGH_WORK: Final = 0.98
"""A tool that did less than this share of the work is not compared."""


@dataclass(frozen=True, slots=True)
class File:
    """A file of the site."""

    fingerprint: Fingerprint
    size: int


@dataclass(frozen=True, slots=True)
class Work:
    """The files of the site that are in the copy, and the links of the copy into the site that work; each with the total."""

    files: int
    files_of: int
    size: int
    size_of: int
    links: int
    links_of: int

    @property
    def shares(self) -> "Shares":
        """The same as shares of the totals.

        >>> Work(files=9, files_of=10, size=50, size_of=100, links=0, links_of=0).shares
        Shares(files=0.9, size=0.5, links=None)
        """
        links = self.links / self.links_of if self.links_of else None
        return Shares(self.files / self.files_of, self.size / self.size_of, links)


@dataclass(frozen=True, slots=True)
class Shares:
    """The shares of the files, of their bytes, and of the links.

    `None` if there are none, or if they are not part of the tool's work.
    """

    files: float
    size: float | None = None
    links: float | None = None

    @property
    def least(self) -> float:
        """How much of the work was done: the lowest of the shares.

        >>> Shares(1.0, 0.5).least
        0.5
        """
        return min(share for share in (self.files, self.size, self.links) if share is not None)


@overload
def cut(share: float) -> float: ...
@overload
def cut(share: None) -> None: ...
def cut(share: float | None) -> float | None:
    """Truncate a share to four digits, so that no incomplete share becomes 1.

    >>> cut(0.99999), cut(1.0), cut(None)
    (0.9999, 1.0, None)
    """
    return None if share is None else int(share * 1e4) / 1e4


def fingerprint(name: str, content: bytes) -> Fingerprint:
    """A digest that stays the same if a tool changes the links of a file, and saves it under a name with the same extension.

    >>> fingerprint("a.html", b"<!-- saved --><a href='b.html'>to  b</a>") == fingerprint("x.html", b"<a href=/b>to b</a>")
    True
    >>> fingerprint("a.html", b"<p>cut off here") == fingerprint("a.html", b"<p>cut off")
    False
    """
    extension = Path(name).suffix.lower()
    if extension in HTML:
        content = SPACE.sub(b" ", NO_TEXT.sub(b" ", content)).strip()
    elif extension == ".css":
        content = CSS_URL.sub(b"url()", content)
    return Fingerprint(hashlib.sha256(content).hexdigest())


def fingerprint_of(path: Path) -> Fingerprint:
    """The fingerprint of a file of any size."""
    if path.suffix.lower() in {*HTML, ".css"}:
        return fingerprint(path.name, path.read_bytes())
    with path.open("rb") as stream:
        return Fingerprint(hashlib.file_digest(stream, "sha256").hexdigest())


def judge(copy: Path, known: Mapping[str, File], origin: str) -> Work:
    """Judge a copy of the site at `origin`: `http://host/`, or `http://` if it has several hosts.

    `known` maps the rest of each file's URL to the file.
    """
    prints = {path: fingerprint_of(path) for path in sorted(saved(copy))}
    wanted = {file.fingerprint for file in known.values()}
    saved_prints = set(prints.values())
    found = [file for file in known.values() if file.fingerprint in saved_prints]
    documents = [path for path, found_print in prints.items() if path.suffix.lower() in HTML and found_print in wanted]
    followed = [works(path, link, origin, known) for path in sample(documents) for link in links(path.read_bytes())]
    local = [one for one in followed if one is not None]
    return Work(len(found), len(known), size_of(found), size_of(known.values()), sum(local), len(local))


def size_of(files: Iterable[File]) -> int:
    return sum(file.size for file in files)


def saved(copy: Path) -> Iterator[Path]:
    """Yield the files of a copy, without a tool's own data."""
    for path in copy.rglob("*"):
        if path.is_file() and not PRIVATE.intersection(path.relative_to(copy).parts):
            yield path


def sample(documents: list[Path]) -> list[Path]:
    """Choose some of the documents, evenly distributed."""
    step = max(1, len(documents) // SAMPLE)
    return documents[::step]


def links(document: bytes) -> list[str]:
    """The values of all `href` and `src` attributes of a document."""
    if not document.strip():
        return []
    elements: Iterable[html.HtmlElement] = html.document_fromstring(document).iter(etree.Element)
    return [value for element in elements for name in ("href", "src") if (value := element.get(name))]


def works(document: Path, link: str, origin: str, known: Mapping[str, File]) -> bool | None:
    """Whether a link of a saved document leads to a file; `None` if it leads out of the site, or to the same document.

    A link that still has the URL of a file of the site does not work offline.
    """
    link = link.strip()
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        below = unquote(parts._replace(query="", fragment="").geturl()).removeprefix(origin)
        return False if link.startswith(origin) and not {below, f"{below}index.html"}.isdisjoint(known) else None
    if not parts.path:
        return None
    return (document.parent / unquote(parts.path)).is_file()
