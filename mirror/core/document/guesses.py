"""Attributes of which no standard says that they hold URLs: what plainly is one all the same, is a guess.

Input: the value of an attribute. Output: `Span`s, most of them guesses: a guess that does not exist is no failure, and is
rewritten only if there is a copy. This module knows no elements; `link_attributes` has the table.
"""

import re
from collections.abc import Iterator
from typing import Final

from mirror.core.syntax import embedded_urls
from mirror.core.syntax.embedded_urls import PAGE_EXTENSIONS, Span
from mirror.core.syntax.reference import Kind
from mirror.core.url import media_types
from mirror.core.url.media_types import DOCUMENTS, EXTENSION_TYPES, NAMED_TYPES, PLAYLISTS

_MEDIA: Final = (
    frozenset(
        ext
        for ext, media_type in {**NAMED_TYPES, **EXTENSION_TYPES}.items()
        if media_type.partition("/")[0] in {"image", "audio", "video", "model"}
    )
    | PLAYLISTS
)
_FILMS: Final = PLAYLISTS | {
    ext for ext, media_type in EXTENSION_TYPES.items() if media_type.partition("/")[0] in {"audio", "video"}
}
_LITERAL: Final = re.compile(r'"((?:[^"\\]++|\\.)*+)"')
_CANDIDATE: Final = re.compile(r"[^\s|]+")
_URL: Final = re.compile(r"(?:https?:)?(?![\w+.\-]+:)[\w./~%@\-][^\s<>\"'`{}|\\^]*+", re.IGNORECASE)
_DESCRIPTOR: Final = re.compile(r"\d*\.?\d+[wxh],?$|[\[(]|and$", re.IGNORECASE)
_PLACE: Final = re.compile(r"(?:https?://|\.{0,2}/)[^\s<>\"'`{}|\\^]*+", re.IGNORECASE)


def media_spans(value: str, kind: Kind) -> Iterator[Span]:
    """Read a value that may be the URL of an image or other media, or a list of these with descriptors, as in `srcset`.

    Each URL has an extension of media; nothing else may be in the value. `|` may separate candidates (lazysizes' `data-bgset`).
    In JSON, as players have it (video.js' `data-setup`), each string that is the URL of a film, music or a playlist counts.

    >>> [span.url for span in media_spans("/a.jpg 300w [(min-width: 9px)] | /b.jpg", Kind.REQUISITE)]
    ['/a.jpg', '/b.jpg']
    >>> list(media_spans("see a.jpg", Kind.REQUISITE)) + list(media_spans("{'a': 'b.jpg'}", Kind.REQUISITE))
    []
    """
    if value.lstrip()[:1] in {"{", "["}:
        return _json_film_spans(value, kind)
    found: list[Span] = []
    depth = 0  # of parentheses: a media query has spaces
    for match in _CANDIDATE.finditer(value) if "." in value else ():
        url = match[0].rstrip(",")
        if not depth and _URL.fullmatch(url) and _extension(url) in _MEDIA:
            found.append(Span(match.start(), match.start() + len(url), url, kind, guess=True))
        elif not found or not (depth or _DESCRIPTOR.match(match[0])):
            return iter(())
        depth += match[0].count("(") + match[0].count("[") - match[0].count(")") - match[0].count("]")
    return iter(found)


def _json_film_spans(value: str, kind: Kind) -> Iterator[Span]:
    for match in _LITERAL.finditer(value):
        url = embedded_urls.json_unescaped(match[1])
        if _URL.fullmatch(url) and _extension(url) in _FILMS:
            yield Span(*match.span(1), url, kind, guess=True, quoting="json")


def element_spans(value: str, kind: Kind) -> Iterator[Span]:
    """Read the `src` or `poster` of a custom element. What has no extension of a file is a document, such as Turbo's frames."""
    for span in embedded_urls.url_spans(value, kind):
        ext = _extension(span.url)
        is_file = ext in NAMED_TYPES or EXTENSION_TYPES.get(ext, "text/html") not in _PAGES
        yield span if is_file else span._replace(kind=Kind.FRAME, guess=True)


def place_spans(value: str, kind: Kind) -> Iterator[Span]:
    """Read a value that a script may go to, such as that of an `<option>`: an absolute URL, a path, or the name of a page."""
    for span in embedded_urls.url_spans(value, kind):
        if _PLACE.fullmatch(span.url) or (_URL.fullmatch(span.url) and _extension(span.url) in PAGE_EXTENSIONS):
            yield span._replace(guess=True)


def module_spans(value: str, kind: Kind) -> Iterator[Span]:
    """Read the `data-main` of RequireJS: the name of a script, whose extension may be left out."""
    for span in embedded_urls.url_spans(value, kind):
        url = span.url if span.url.endswith(".js") else span.url + ".js"
        yield span._replace(url=url, guess=True)


_PAGES: Final = frozenset({media_type for media_type in DOCUMENTS if "html" in media_type})


def _extension(url: str) -> str:
    return media_types.extension(re.split(r"[?#]", url, maxsplit=1)[0].rpartition("/")[2]).lower()
