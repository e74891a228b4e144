"""Playlists of HLS (RFC 8216, and its second edition): what their lines and tags name.

Input: the text of a playlist, and the query of its URL. Output: `Entry`s in their order, each with the place of its URL, the
lines that go with it, and its kind: a playlist, a part of media, or one of another quality than the best. This module knows no
base URL, and doesn't decide which qualities to fetch.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, NamedTuple
from urllib.parse import parse_qsl

from mirror.core.syntax.embedded_urls import Span
from mirror.core.syntax.reference import Kind

MAX_SEGMENTS: Final = 20_000
"""Segments of one quality that are fetched: a day in pieces of four seconds."""

MAX_NAMED: Final = 250_000
"""URLs of one playlist or manifest that are read."""

SURPLUS_RULE: Final = f"segments of a playlist: {MAX_SEGMENTS:,} of each quality, {MAX_NAMED:,} in all"
"""The rule that keeps a segment from being fetched (`Kind.SURPLUS`), in words for the user."""

_LINE: Final = re.compile(
    r"""^\ufeff?[ \t]*
    (?:\#(?P<tag>EXT[^:\s]*)(?P<value>[^\r\n]*) | (?P<url>[^\#\s<>"\ufeff][^\r\n<>"]*)(?=[\r\n]|\Z))
    (?:\r?\n|\r)?""",
    re.MULTILINE | re.VERBOSE,
)
_ATTRIBUTE: Final = re.compile(
    r'[:,][ \t]*(?P<name>[A-Z0-9\-]+)[ \t]*=[ \t]*(?:"(?P<quoted>[^"]*+)"|(?P<plain>[^,"]*+))'
)
_VARIABLE: Final = re.compile(r"\{\$([\w\-]+)\}")
_BYTE: Final = re.compile("[\udc80-\udcff]")
"""A byte that is no UTF-8, as Python's `surrogateescape` decodes it."""

_LONGEST: Final = 64 << 10
"""Characters of all variables of a URL together."""

_MAX_FILLED: Final = 16 << 20
"""The same for all URLs of a playlist. Each line of it may name a long variable."""

_URIS: Final = frozenset({"URI", "SERVER-URI", "X-ASSET-URI", "X-ASSET-LIST"})
"""The attributes whose value is a URL."""

VARIANT: Final = "EXT-X-STREAM-INF"
RENDITION: Final = "EXT-X-MEDIA"
DEFINITION: Final = "EXT-X-DEFINE"
_GAP: Final = "EXT-X-GAP"
_GROUPS: Final = ("AUDIO", "VIDEO", "SUBTITLES")
"""The attributes of a variant that name a group of renditions."""

_KINDS: Final[Mapping[str, Kind]] = {
    VARIANT: Kind.REQUISITE,
    RENDITION: Kind.REQUISITE,
    "EXT-X-I-FRAME-STREAM-INF": Kind.VARIANT,
    "EXT-X-IMAGE-STREAM-INF": Kind.VARIANT,
    "EXT-X-SESSION-DATA": Kind.REQUISITE,
    "EXT-X-DATERANGE": Kind.REQUISITE,
    "EXT-X-CONTENT-STEERING": Kind.NEVER,  # a server that chooses among servers
    "EXT-X-RENDITION-REPORT": Kind.NEVER,  # the state of another playlist, which the master playlist names
    "EXT-X-PRELOAD-HINT": Kind.NEVER,  # what does not exist yet: a server answers when it does
}
"""Tag -> what its URL is. That of any other tag is a part of media, such as a key or an initialization segment."""

_EVERYWHERE: Final = frozenset(
    {
        "avc1",
        "avc3",
        "av01",
        "vp08",
        "vp8",
        "vp09",
        "vp9",
        "mp4a",
        "mp3",
        "opus",
        "flac",
        "fLaC",
        "Opus",
        "wvtt",
        "stpp",
    }
)
"""The codecs that Chromium and Firefox play on any machine (RFC 6381)."""


class Entry(NamedTuple):
    """A URL of a playlist, or a definition of a variable. `lines` are the places of its line and of the tag line before it."""

    span: Span
    tag: str
    attributes: Mapping[str, str]
    lines: tuple[tuple[int, int], ...]


def hls_spans(text: str, query: str = "") -> Iterator[Span]:
    """Find the URLs of an HLS playlist: each line that is no tag or comment, and attributes of tags (RFC 8216, 4.1).

    >>> [span.url for span in hls_spans('#EXTM3U\\n#EXT-X-MAP:URI="init.mp4"\\n#EXTINF:4,\\na.ts\\n# b.ts')]
    ['init.mp4', 'a.ts']
    """
    return (entry.span for entry in hls_entries(text, query) if entry.tag != DEFINITION)


def hls_entries(text: str, query: str = "") -> list[Entry]:
    """Read a playlist. `query` is that of its URL, to which `EXT-X-DEFINE:QUERYPARAM` refers."""
    entries = list(islice(_Reader(text, dict(parse_qsl(query))).entries(), MAX_NAMED))
    variants = [entry for entry in entries if entry.tag == VARIANT]
    best = max(variants, key=_quality, default=None)
    if best is None:
        return [_with_kind(entry, Kind.REQUISITE) if entry.span.kind is Kind.VARIANT else entry for entry in entries]
    groups = {(name, best.attributes[name]) for name in _GROUPS if name in best.attributes}
    return [
        _with_kind(entry, Kind.VARIANT) if _is_of_another_quality(entry, best, groups) else entry for entry in entries
    ]


def is_live(text: str) -> bool:
    """Whether a playlist of segments has no end, so that players ask for it again (RFC 8216, 4.3.3.4)."""
    return "#EXT-X-TARGETDURATION" in text and "#EXT-X-ENDLIST" not in text


@dataclass(slots=True)
class _Reader:
    """Reads the lines of a playlist, one after the other."""

    text: str
    parameters: Mapping[str, str]
    variables: dict[str, str] = field(default_factory=dict)
    before: tuple[str, dict[str, str], tuple[tuple[int, int], ...]] = ("", {}, ())
    """The tag that the next URL belongs to, with its attributes and its line."""
    segments: set[str] = field(default_factory=set)
    filled: int = 0
    """Characters of variables so far."""

    def entries(self) -> Iterator[Entry]:
        for line in _LINE.finditer(self.text):
            if line["url"]:
                yield from self._url(line)
            elif line["tag"]:
                yield from self._tag(line)

    def _url(self, line: re.Match[str]) -> Iterator[Entry]:
        tag, attributes, lines = self.before
        self.before = "", {}, ()
        raw = line["url"].rstrip()
        url = self._filled(raw)
        if url:
            kind = Kind.NEVER if tag == _GAP else _KINDS.get(tag) or self._segment(url)
            span = Span(line.start("url"), line.start("url") + len(raw), url, kind)
            yield Entry(span, tag, attributes, (*lines, line.span()))

    def _segment(self, url: str) -> Kind:
        if len(self.segments) < MAX_SEGMENTS:
            self.segments.add(url)
        return Kind.SEGMENT if url in self.segments else Kind.SURPLUS

    def _tag(self, line: re.Match[str]) -> Iterator[Entry]:
        tag = line["tag"]
        if tag == "EXTINF":
            return
        found = list(_ATTRIBUTE.finditer(self.text, *line.span("value")))
        attributes = {one["name"]: one["quoted"] or one["plain"] or "" for one in found}
        if tag in {VARIANT, _GAP}:
            self.before = tag, attributes, (line.span(),)
        if tag == DEFINITION:
            yield self._defined(attributes, line)
        for one in found:
            url = self._filled(one["quoted"] or "") if one["name"] in _URIS else ""
            if url:
                kind = _KINDS.get(tag, Kind.SEGMENT)
                yield Entry(Span(*one.span("quoted"), url, kind), tag, attributes, (line.span(),))

    def _defined(self, attributes: dict[str, str], line: re.Match[str]) -> Entry:
        if "NAME" in attributes:
            self.variables.setdefault(attributes["NAME"], attributes.get("VALUE", ""))
        elif attributes.get("QUERYPARAM", "") in self.parameters:
            name = attributes["QUERYPARAM"]
            attributes = attributes | {"VALUE": self.parameters[name]}
            self.variables.setdefault(name, attributes["VALUE"])
        return Entry(Span(*line.span("value"), "", Kind.NEVER), DEFINITION, attributes, (line.span(),))

    def _filled(self, url: str) -> str:
        """Replace variables; return "" if one of them is not known here, because the master playlist defines it, or too long.

        Bytes that are no UTF-8, as in old lists of music, become percent-escapes.
        """
        names = _VARIABLE.findall(url)
        if any(name not in self.variables for name in names):
            return ""
        length = sum(len(self.variables[name]) for name in names)
        if length > min(_LONGEST, _MAX_FILLED - self.filled):
            return ""
        self.filled += length
        url = _VARIABLE.sub(lambda found: self.variables[found[1]], url)
        return _BYTE.sub(lambda found: f"%{ord(found[0]) & 0xFF:02X}", url)


def _quality(variant: Entry) -> tuple[bool, int]:
    """Order variants: those that browsers play, by their bandwidth, come after all others."""
    codecs = {codec.strip().partition(".")[0] for codec in variant.attributes.get("CODECS", "").split(",")} - {""}
    bandwidth = variant.attributes.get("BANDWIDTH", "").strip()
    return codecs <= _EVERYWHERE, number(bandwidth)


def _is_of_another_quality(entry: Entry, best: Entry, groups: set[tuple[str, str]]) -> bool:
    if entry.tag == RENDITION:
        return (entry.attributes.get("TYPE", ""), entry.attributes.get("GROUP-ID", "")) not in groups
    return entry.tag == VARIANT and entry.span.url != best.span.url


def _with_kind(entry: Entry, kind: Kind) -> Entry:
    return entry._replace(span=entry.span._replace(kind=kind))


def number(text: str) -> int:
    """Read a number of up to 64 bits; 0 if it is none."""
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= len(str(1 << 63)) else 0
