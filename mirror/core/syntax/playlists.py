"""Playlists of adaptive streaming: HLS (RFC 8216) and DASH (ISO/IEC 23009-1).

Input: the text of a playlist, or the root element of a manifest. Output: `Span`s of what it names: variants, segments, keys,
and initialization segments. This module knows no base URL, and doesn't decide which variants to fetch.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from math import ceil
from typing import Final
from urllib.parse import urljoin

from lxml import etree

from mirror.core.syntax import markup
from mirror.core.syntax.embedded_urls import Kind, Span

MAX_SEGMENTS: Final = 20_000
"""Segments of one representation that are found: a day in pieces of four seconds."""

_HLS_LINE: Final = re.compile(r'^[ \t]*(?:#EXT[^\r\n]*|(?P<url>[^#\s<>"][^\r\n<>"]*)(?=[\r\n]|\Z))', re.MULTILINE)
_HLS_URI: Final = re.compile(r'[:,]\s*URI\s*=\s*"([^"\r\n]*)"')
_TEMPLATE: Final = re.compile(r"\$(?:(RepresentationID|Number|Time|Bandwidth)(?:%0(\d{1,2})d)?)?\$")
_DURATION: Final = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d*)?)S)?)?")
_SECONDS: Final = (86400, 3600, 60, 1)


def hls_spans(text: str) -> Iterator[Span]:
    """Find the URLs of an HLS playlist: each line that is no tag or comment, and the attribute `URI` of tags (RFC 8216, 4.1).

    >>> [span.url for span in hls_spans('#EXTM3U\\n#EXT-X-MAP:URI="init.mp4"\\n#EXTINF:4,\\na.ts\\n# b.ts')]
    ['init.mp4', 'a.ts']
    """
    for line in _HLS_LINE.finditer(text):
        if line["url"]:
            url = line["url"].rstrip()
            yield Span(line.start("url"), line.start("url") + len(url), url, Kind.REQUISITE)
            continue
        for uri in _HLS_URI.finditer(text, line.start(), line.end()):
            if uri[1]:
                yield Span(*uri.span(1), uri[1], Kind.REQUISITE)


@dataclass(frozen=True, slots=True)
class _Context:
    """What an element of a manifest has from those around it; `template` are attributes, `seconds` those of the period."""

    base: str = ""
    template: dict[str, str] = field(default_factory=dict)
    timeline: etree._Element | None = None
    seconds: float = 0
    has_list: bool = False

    def inside(self, element: etree._Element) -> "_Context":
        """Return the context of the children of an element."""
        context = self
        for child in element.iterchildren(etree.Element):
            match markup.local_name(child.tag):
                case "baseurl" if context.base is self.base:  # further ones are other servers with the same
                    context = replace(context, base=urljoin(self.base, (child.text or "").strip()))
                case "segmenttemplate":
                    found = {str(key): str(value) for key, value in child.attrib.items()}
                    timeline = next(child.iterchildren("{*}SegmentTimeline"), context.timeline)
                    context = replace(context, template=context.template | found, timeline=timeline)
                case "segmentlist" | "segmentbase":
                    context = replace(context, has_list=True)
        return context


def dash_spans(root: etree._Element) -> Iterator[Span]:
    """Find the files of a DASH manifest: those of `SegmentTemplate`, `SegmentList`, `SegmentBase` and `BaseURL`.

    They have no places, because a template is no URL. A template without a timeline ends with its period, if that has a length.
    """
    total = _seconds(root.get("mediaPresentationDuration", ""))
    context = _Context().inside(root)
    for period in root.iterchildren("{*}Period"):
        seconds = _seconds(period.get("duration", "")) or max(total - _seconds(period.get("start", "")), 0)
        for url in _period_urls(period, replace(context, seconds=seconds)):
            yield Span(0, 0, url, Kind.REQUISITE)


def is_dash(root: etree._Element) -> bool:
    """Whether an XML document is a DASH manifest."""
    return markup.local_name(root.tag) == "mpd"


def _period_urls(period: etree._Element, context: _Context) -> Iterator[str]:
    context = context.inside(period)
    for adaptation in period.iterchildren("{*}AdaptationSet"):
        inner = context.inside(adaptation)
        yield from _listed(adaptation, inner)
        for representation in adaptation.iterchildren("{*}Representation"):
            own = inner.inside(representation)
            yield from _listed(representation, own)
            if own.template:
                yield from _templated(representation, own)
            elif own.base and not own.base.endswith("/"):
                yield own.base  # one file, read in ranges


def _listed(element: etree._Element, context: _Context) -> Iterator[str]:
    """Return the URLs of `SegmentList` and `SegmentBase`."""
    for name in ("SegmentList", "SegmentBase"):
        for child in element.iterchildren(f"{{*}}{name}"):
            for found in child.iter("{*}Initialization", "{*}SegmentURL", "{*}RepresentationIndex"):
                url = found.get("sourceURL") or found.get("media")
                if url:
                    yield urljoin(context.base, url)


def _templated(representation: etree._Element, context: _Context) -> Iterator[str]:
    known = {"RepresentationID": representation.get("id", ""), "Bandwidth": representation.get("bandwidth", "")}
    if "initialization" in context.template:
        yield urljoin(context.base, _filled(context.template["initialization"], known))
    if "media" in context.template:
        first = _number(context.template.get("startNumber", "1"))
        for number, time in enumerate(_times(context), first):
            values = known | {"Number": str(number), "Time": str(time)}
            yield urljoin(context.base, _filled(context.template["media"], values))


def _times(context: _Context) -> Iterator[int]:
    """Return the start of each segment, in units of the timescale."""
    scale = _number(context.template.get("timescale", "1")) or 1
    end = ceil(context.seconds * scale)
    if context.timeline is None:
        length = _number(context.template.get("duration", "0"))
        yield from range(0, min(end, MAX_SEGMENTS * length), length) if length else ()
        return
    time = count = 0
    for entry in context.timeline.iterchildren("{*}S"):
        time = _number(entry.get("t", "")) or time
        length = _number(entry.get("d", "0"))
        repeat = entry.get("r", "0").strip()
        left = ceil((end - time) / length) if repeat.startswith("-") and length else _number(repeat) + 1
        for _ in range(min(max(left, 0), MAX_SEGMENTS - count)):
            yield time
            time, count = time + length, count + 1


def _filled(template: str, values: dict[str, str]) -> str:
    return _TEMPLATE.sub(
        lambda found: values.get(found[1], "").zfill(int(found[2] or 0)) if found[1] else "$", template
    )


def _number(text: str) -> int:
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= len(str(1 << 63)) else 0


def _seconds(text: str) -> float:
    """Read a duration of XML Schema, without years and months."""
    match = _DURATION.fullmatch(text.strip())
    return sum(float(part or 0) * unit for part, unit in zip(match.groups(), _SECONDS, strict=True)) if match else 0
