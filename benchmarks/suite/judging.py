"""A site's known files and the copy that a tool made of it go in; how much of the work was done comes out.

What a tool names a file is its own affair, and links of documents are meant to differ, so a file is known by its content
without them: an HTML document by its text, a stylesheet by all but its url()s, anything else by each byte.
"""

import hashlib
import re
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NewType, overload
from urllib.parse import unquote, urlsplit

from lxml import etree, html

Fingerprint = NewType("Fingerprint", str)

PRIVATE: Final = frozenset({".mirror", "hts-cache"})
"""Folders of a tool's own, beside the copy."""

SAMPLE: Final = 200
"""How many documents of a copy have their links followed."""

HTML: Final = frozenset({".html", ".htm"})
NO_TEXT: Final = re.compile(rb"<(script|style)\b.*?</\1\s*>|<!--.*?-->|<[^>]*>", re.DOTALL | re.IGNORECASE)
CSS_URL: Final = re.compile(rb"url\([^)]*\)")
SPACE: Final = re.compile(rb"\s+")
WHOLE: Final = 0.98
"""The share of the work from which on a tool takes part in the comparison."""


@dataclass(frozen=True, slots=True)
class File:
    """What is known of a file of the site."""

    fingerprint: Fingerprint
    size: int


@dataclass(frozen=True, slots=True)
class Work:
    """Of the files of the site, those that are in the copy; of the links of the copy into the site, those that work."""

    files: int
    files_of: int
    size: int
    size_of: int
    links: int
    links_of: int

    @property
    def shares(self) -> "Shares":
        """The same as parts of the whole.

        >>> Work(files=9, files_of=10, size=50, size_of=100, links=0, links_of=0).shares
        Shares(files=0.9, size=0.5, links=None)
        """
        links = self.links / self.links_of if self.links_of else None
        return Shares(self.files / self.files_of, self.size / self.size_of, links)


@dataclass(frozen=True, slots=True)
class Shares:
    """How much of the files, of their bytes, of the links; `None` where there is nothing, or it is not the tool's work."""

    files: float
    size: float | None = None
    links: float | None = None

    @property
    def least(self) -> float:
        """How much of the work was done.

        >>> Shares(1.0, 0.5).least
        0.5
        """
        return min(share for share in (self.files, self.size, self.links) if share is not None)


@overload
def cut(share: float) -> float: ...
@overload
def cut(share: None) -> None: ...
def cut(share: float | None) -> float | None:
    """Four digits, and what is not all does not become all by that.

    >>> cut(0.99999), cut(1.0), cut(None)
    (0.9999, 1.0, None)
    """
    return None if share is None else int(share * 1e4) / 1e4


def fingerprint(name: str, content: bytes) -> Fingerprint:
    """What stays of a file when a tool has saved it under a name with the same extension and led its links elsewhere.

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
    """The fingerprint of a file, whatever its size."""
    if path.suffix.lower() in {*HTML, ".css"}:
        return fingerprint(path.name, path.read_bytes())
    with path.open("rb") as stream:
        return Fingerprint(hashlib.file_digest(stream, "sha256").hexdigest())


def judge(copy: Path, known: Mapping[str, File], origin: str) -> Work:
    """Look through a copy of the site at `origin` (`http://host/`), whose files are known by their paths below it."""
    there = {path: fingerprint_of(path) for path in sorted(saved(copy))}
    wanted = {file.fingerprint for file in known.values()}
    marks = set(there.values())
    found = [file for file in known.values() if file.fingerprint in marks]
    documents = [path for path, mark in there.items() if path.suffix.lower() in HTML and mark in wanted]
    followed = [works(path, link, origin, known) for path in sample(documents) for link in links(path.read_bytes())]
    local = [one for one in followed if one is not None]
    return Work(len(found), len(known), size_of(found), size_of(known.values()), sum(local), len(local))


def size_of(files: Iterable[File]) -> int:
    return sum(file.size for file in files)


def saved(copy: Path) -> Iterator[Path]:
    """The files of a copy, without what a tool keeps for itself."""
    for path in copy.rglob("*"):
        if path.is_file() and not PRIVATE.intersection(path.relative_to(copy).parts):
            yield path


def sample(documents: list[Path]) -> list[Path]:
    """Some of the documents, evenly from the first to the last."""
    step = max(1, len(documents) // SAMPLE)
    return documents[::step]


def links(document: bytes) -> list[str]:
    """Each `href` and `src` of a document, as it stands there."""
    if not document.strip():
        return []
    elements: Iterable[html.HtmlElement] = html.document_fromstring(document).iter(etree.Element)
    return [value for element in elements for name in ("href", "src") if (value := element.get(name))]


def works(document: Path, link: str, origin: str, known: Container[str]) -> bool | None:
    """Whether a link of a saved document leads to a file; `None` where it leads out of the site, or to its own document.

    What still leads to a file of the site by its URL does not work offline.
    """
    link = link.strip()
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return False if link.startswith(origin) and (unquote(parts.path)[1:] or "index.html") in known else None
    if not parts.path:
        return None
    return (document.parent / unquote(parts.path)).is_file()
