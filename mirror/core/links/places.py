"""Finds each link of a document, and where it stands in the source.

Input: a response. Output: `Link`s in the order of the source. The rewriter finds them: it is asked to replace each reference by
its number, and instead of making its edits, this module reads from them what stands where. So links are found by the tables
by which they are rewritten, and this module parses nothing itself.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, NamedTuple

from mirror.core.document import documents, link_rewriter
from mirror.core.document.dash_edits import is_dash
from mirror.core.document.link_attributes import NO_EXTRA
from mirror.core.document.replacements import Rewriter
from mirror.core.http.messages import Response
from mirror.core.syntax.reference import Kind, Reference
from mirror.core.url.canonical import SCHEMES, CanonicalURL, resolve
from mirror.core.url.media_types import Document

_NUMBER: Final = re.compile(r"[;=\"]*x([0-9]+)x\"?")
"""What the edit of a reference writes. Edits of anything else, such as `integrity`, don't look like this."""

_SITEMAP: Final = re.compile(r"^[ \t]*site-?map[ \t]*:[ \t]*(\S+)", re.IGNORECASE | re.MULTILINE)
_SCHEME: Final = re.compile(r"[\0-\x20]*([A-Za-z][A-Za-z0-9+.\-]*):")
_LINE_END: Final = re.compile(r"\r\n?|\n")
_READ: Final = frozenset({Document.HTML, Document.XML, Document.CSS, Document.JSON, Document.HLS})


class Link(NamedTuple):
    """A link of a document. `written` is its source, and `start` the place of that in the text of the document.

    `url` is where it leads, without the fragment, which is `None` if there is none; `None` if it is no valid URL. A link in the
    headers of the response has a `start` of -1. `kinds` are the ways in which the document uses the URL.
    """

    url: CanonicalURL | None
    fragment: str | None
    kinds: frozenset[Kind]
    written: str
    start: int = -1


_FORM: Final = re.compile(r"action[ \t\n\r\f]*=[ \t\n\r\f]*[\"']?[ \t\n\r\f]*\Z", re.IGNORECASE)
"""What stands in front of the URL that a form sends to."""

_BEFORE: Final = 64
_FEW: Final = 200
_SHORT: Final = 1 << 20
"""URLs in data are searched for in the text, if there are few of them, and it is short: each search may read all of it."""

_TAG: Final = re.compile(r"<([A-Za-z][^\s/>]*)([^<]*)\Z")
_LONGEST_TAG: Final = 4096
_NOT_LOADING: Final = frozenset({"a", "area", "meta", "base"})
"""Elements whose attributes name what others may look at."""

_NOT_LOADING_CONTENT: Final = frozenset({"script", "template", "noscript"})
_COMMENT: Final = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_HEAD: Final = 1 << 16
"""Characters in which a policy of a page is looked for."""

_OWN: Final = re.compile(r"http://(?:localhost|[^/:]+\.localhost|127(?:\.\d+){3}|\[::1\])(?::\d+)?/")
_UPGRADES: Final = re.compile(r"<meta[^<>]+upgrade-insecure-requests", re.IGNORECASE)


@dataclass(frozen=True)
class Source:
    """The text of a document, in which a place has a line and a column. `kind` is its syntax; `None`: robots.txt."""

    kind: Document | None
    text: str

    @cached_property
    def _lines(self) -> list[int]:
        """The places at which lines begin."""
        return [0, *(end.end() for end in _LINE_END.finditer(self.text))]

    @cached_property
    def is_upgraded(self) -> bool:
        """Whether the page says that browsers are to load by https what it names by http."""
        return _UPGRADES.search(_COMMENT.sub("", self.text[:_HEAD])) is not None

    def is_loaded(self, link: Link) -> bool:
        """Whether browsers load what stands at this place: not where it is named for readers, search engines or scripts."""
        tag = _TAG.search(self.text, max(0, link.start - _LONGEST_TAG), max(0, link.start))
        if tag is None:  # in a style sheet, or in headers
            return True
        name, is_content = tag[1].lower(), ">" in tag[2]
        return name not in (_NOT_LOADING_CONTENT if is_content else _NOT_LOADING)

    def is_sent_to(self, link: Link) -> bool:
        """Whether a link is where a form sends what is written in it."""
        return _FORM.search(self.text, max(0, link.start - _BEFORE), max(0, link.start)) is not None

    def line_and_column(self, place: int) -> tuple[int, int]:
        """Return the line and the column of a place, both counted from 1, the column in characters; 0, 0 in headers.

        >>> Source(Document.HTML, "<p>\\r\\n<a href=x>").line_and_column(5)
        (2, 1)
        """
        if place < 0:
            return 0, 0
        line = bisect_right(self._lines, place)
        return line, place - self._lines[line - 1] + 1


_Resolved = tuple[str, tuple[str, str | None] | None]
"""A reference as its value has it, and the URL and the fragment that it resolves to."""


@dataclass(frozen=True, slots=True)
class _Recorder(Rewriter):
    """A rewriter that notes each reference, and writes its number."""

    found: list[_Resolved] = field(default_factory=list)

    def replacement(self, url: str, *, guess: bool = False) -> tuple[str | None, bool]:
        if guess:
            return None, False
        self.found.append((url, self._target(url)))
        return f"x{len(self.found) - 1}x", True


def is_trustworthy(url: CanonicalURL) -> bool:
    """Whether a page of https may load this URL of http: it is on this machine (W3C Secure Contexts, 3.1)."""
    return _OWN.match(url) is not None


def read(response: Response, extra: frozenset[str] = NO_EXTRA) -> tuple[Source, list[Link]] | None:
    """Return the text of a response and its links; `None` if it is no document that has links of its own.

    Guesses are no links, nor are URLs of other schemes, such as `mailto:`. `extra` are attributes that hold URLs.
    """
    if response.url.endswith("/robots.txt"):
        return _read_robots(response)
    document = None if response.spooled else documents.read(response, response.media_type)
    if document is None or document[0] not in _READ:
        return None
    kind, text = document
    source = Source(kind, text.text)
    kinds = _kinds(documents.find_references(response, extra=extra))
    recorder = _Recorder(response.url, "", _itself, text.encoding, own_base=False, extra=extra)
    written = {} if kind is Document.XML and is_dash(text.text) else dict(_written(source, recorder))
    links = [
        _link(target, kinds, source.text[start:end], start)
        for (start, end), (url, target) in written.items()
        if target or _is_invalid(url)
    ]
    known = {link.url for link in links}
    others = [(url, uses) for url, uses in kinds.items() if url not in known]
    is_searched = len(others) <= _FEW and len(source.text) <= _SHORT
    found = (Link(url, None, uses, url, source.text.find(url) if is_searched else -1) for url, uses in others)
    return source, [*found, *links]


def _read_robots(response: Response) -> tuple[Source, list[Link]] | None:
    """Return the sitemaps that a robots.txt names."""
    if response.spooled or not response.is_success:
        return None
    source = Source(None, response.payload.decode("utf-8", "replace"))
    links = []
    for found in _SITEMAP.finditer(source.text):
        target = resolve(found[1], response.url)
        if target:
            links.append(Link(target.url, None, frozenset({Kind.SITEMAP}), found[1], found.start(1)))
    return source, links


def _written(source: Source, recorder: "_Recorder") -> Iterator[tuple[tuple[int, int], _Resolved]]:
    """Yield each reference with its place: start and end in the source."""
    assert source.kind is not None
    for edit in link_rewriter.edits(source.kind, source.text, recorder):
        number = _NUMBER.fullmatch(edit.new)
        if number:
            yield (edit.start, edit.end), recorder.found[int(number[1])]


def _kinds(references: list[Reference]) -> dict[CanonicalURL, frozenset[Kind]]:
    """Return how a document uses each URL that it refers to."""
    kinds: dict[CanonicalURL, frozenset[Kind]] = {}
    for url, kind, guess in references:
        if not guess:
            kinds[url] = kinds.get(url, _NO_KINDS) | {kind}
    return kinds


def _link(
    target: tuple[str, str | None] | None, kinds: dict[CanonicalURL, frozenset[Kind]], written: str, start: int
) -> Link:
    if target is None:
        return Link(None, None, _NO_KINDS, written, start)
    url = CanonicalURL(target[0])
    return Link(url, target[1], kinds.get(url, _SAME), written, start)


def _is_invalid(url: str) -> bool:
    """Whether a reference that resolves to nothing was meant to be fetched.

    >>> _is_invalid("http://[::1/"), _is_invalid("mailto:guido@example.org")
    (True, False)
    """
    scheme = _SCHEME.match(url)
    return scheme is None or scheme[1].lower() in SCHEMES


def _itself(url: CanonicalURL) -> str:
    return url


_NO_KINDS: Final = frozenset[Kind]()
_SAME: Final = frozenset({Kind.PAGE})
"""A link within a page is no reference for a crawl."""
