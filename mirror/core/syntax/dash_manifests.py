"""Manifests of DASH (ISO/IEC 23009-1): the files of each representation.

Input: the root element of a manifest. Output: `Representation`s with their URLs relative to the manifest, and `Span`s of all of
them. A template is filled in; one without a time line ends with its period. This module knows no base URL, and doesn't decide
which representations to fetch.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import chain, islice, pairwise
from math import ceil
from typing import Final, NamedTuple
from urllib.parse import urljoin

from lxml import etree

from mirror.core.syntax import markup
from mirror.core.syntax.embedded_urls import Span
from mirror.core.syntax.playlists import MAX_NAMED, MAX_SEGMENTS, number
from mirror.core.syntax.reference import Kind

_TEMPLATE: Final = re.compile(r"\$(?:(RepresentationID|Number|Time|Bandwidth)(?:%0(\d{1,2})d)?)?\$")
_DURATION: Final = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d*)?)S)?)?")
_SECONDS: Final = (86400, 3600, 60, 1)
_LONGEST: Final = 1e10
_LONGEST_URL: Final = 8 << 10
"""Characters of a `BaseURL`, or of a URL that a template gives. A short manifest could make each of its segments a long one."""

TEMPLATE: Final = "SegmentTemplate"
LIST: Final = "SegmentList"
SINGLE: Final = "SegmentBase"
_FORMS: Final = {name.lower(): name for name in (TEMPLATE, LIST, SINGLE)}


class Segment(NamedTuple):
    """A segment of a template: its URL, and its start and length in units of the timescale."""

    url: str
    time: int
    length: int


@dataclass(frozen=True, slots=True)
class Segments:
    """What `SegmentTemplate`, `SegmentList`, `SegmentBase` and `BaseURL` say, those of the elements around it included."""

    base: str = ""
    form: str = ""
    attributes: dict[str, str] = field(default_factory=dict)
    timeline: etree._Element | None = None
    initialization: etree._Element | None = None
    index: etree._Element | None = None
    listed: tuple[etree._Element, ...] = ()
    in_ranges: bool = True
    """Whether some of the `listed` are ranges of the file that `BaseURL` names."""
    seconds: float = 0
    """The length of the period; 0 if that is not known."""

    def inside(self, element: etree._Element) -> "Segments":
        """Return what holds inside of an element."""
        found = self
        for child in element.iterchildren(etree.Element):
            name = markup.local_name(child.tag)
            if name == "baseurl" and found.base is self.base:  # further ones are other servers with the same
                url = (child.text or "").strip()
                found = replace(found, base=urljoin(self.base, url if len(url) <= _LONGEST_URL else ""))
            elif name in _FORMS:
                found = found.with_form(_FORMS[name], child)
        return found

    def with_form(self, form: str, element: etree._Element) -> "Segments":
        """Return what holds below an element of this form."""
        own = {str(key): str(value) for key, value in element.attrib.items()}
        listed = tuple(element.iterchildren("{*}SegmentURL"))
        return replace(
            self,
            form=form,
            attributes=self.attributes | own,
            timeline=next(element.iterchildren("{*}SegmentTimeline"), self.timeline),
            initialization=next(element.iterchildren("{*}Initialization"), self.initialization),
            index=next(element.iterchildren("{*}RepresentationIndex"), self.index),
            listed=listed or self.listed,
            in_ranges=any(one.get("media") is None for one in listed) if listed else self.in_ranges,
        )

    @property
    def timescale(self) -> int:
        return number(self.attributes.get("timescale", "1")) or 1

    @property
    def offset(self) -> int:
        """The time in the media at which the period begins."""
        return number(self.attributes.get("presentationTimeOffset", "0"))


@dataclass(frozen=True, slots=True)
class Representation:
    """One quality of one track in one period. `is_best`: it has the greatest bandwidth of its adaptation set."""

    element: etree._Element
    adaptation: etree._Element
    period: etree._Element
    segments: Segments
    is_best: bool

    @property
    def initialization(self) -> str | None:
        """The URL of the initialization segment, if it is a file of its own."""
        info = self.segments
        url = info.initialization.get("sourceURL") if info.initialization is not None else None
        if url is None and info.form == TEMPLATE and "initialization" in info.attributes:
            url = _filled(info.attributes["initialization"], self._known())
        return urljoin(info.base, url) if url else None

    @property
    def index(self) -> str | None:
        """The URL of the index, if it is a file of its own."""
        found = self.segments.index
        url = found.get("sourceURL") if found is not None else None
        return urljoin(self.segments.base, url) if url else None

    @property
    def file(self) -> str | None:
        """The URL of the one file that has all of it, read in ranges."""
        info = self.segments
        is_file = (
            info.form != TEMPLATE
            and (info.form != LIST or info.in_ranges)
            and bool(info.base)
            and not info.base.endswith("/")
        )
        return info.base if is_file else None

    def media(self) -> Iterator[str]:
        """Return the URLs of all segments, without a limit for a list."""
        if self.segments.form == LIST:
            return (
                urljoin(self.segments.base, str(one.get("media"))) for one in self.segments.listed if one.get("media")
            )
        return (segment.url for segment in self.templated())

    def templated(self) -> Iterator[Segment]:
        """Return the segments of a template, at most `MAX_SEGMENTS` and one more."""
        info = self.segments
        if info.form != TEMPLATE or "media" not in info.attributes:
            return
        first = number(info.attributes.get("startNumber", "1"))
        last = number(info.attributes.get("endNumber", "")) or first + MAX_SEGMENTS
        known = self._known()
        for place, (time, length) in zip(range(first, last + 1), _times(info), strict=False):
            values = known | {"Number": str(place), "Time": str(time)}
            url = _filled(info.attributes["media"], values)
            if not url:
                return
            yield Segment(urljoin(info.base, url), time, length)

    def _known(self) -> dict[str, str]:
        return {"RepresentationID": self.element.get("id", ""), "Bandwidth": self.element.get("bandwidth", "")}


def is_dash(root: etree._Element) -> bool:
    """Whether an XML document is a DASH manifest."""
    return markup.local_name(root.tag) == "mpd"


def is_live(root: etree._Element) -> bool:
    """Whether a manifest grows, so that players ask for it again (ISO/IEC 23009-1, 5.3.1.2)."""
    return root.get("type", "").strip() == "dynamic"


def dash_spans(root: etree._Element) -> Iterator[Span]:
    """Find the files of a DASH manifest. They have no places, because a template is no URL."""
    spans = (span for one in representations(root) for span in _spans(one))
    yield from islice(spans, MAX_NAMED)
    yield from (span._replace(kind=Kind.SURPLUS) for span in islice(spans, 1))


def _spans(one: Representation) -> Iterator[Span]:
    kind = Kind.SEGMENT if one.is_best else Kind.SPARE
    for url in (one.initialization, one.file, one.index):
        if url:
            yield Span(0, 0, url, kind)
    for place, url in enumerate(one.media()):
        if place < MAX_SEGMENTS:
            yield Span(0, 0, url, kind)
        elif one.is_best:  # the others are as long
            yield Span(0, 0, url, Kind.SURPLUS)


def representations(root: etree._Element) -> Iterator[Representation]:
    """Return the representations of a manifest, in their order."""
    outer = Segments().inside(root)
    for period, seconds in _periods(root):
        inner = replace(outer, seconds=seconds).inside(period)
        for adaptation in period.iterchildren("{*}AdaptationSet"):
            own = inner.inside(adaptation)
            found = list(adaptation.iterchildren("{*}Representation"))
            best = max(found, key=lambda element: number(element.get("bandwidth", "")), default=None)
            for element in found:
                yield Representation(element, adaptation, period, own.inside(element), element is best)


def _periods(root: etree._Element) -> Iterator[tuple[etree._Element, float]]:
    """Return each period with its length in seconds: its own, or that up to the next one, or to the end (5.3.2.1)."""
    found = list(root.iterchildren("{*}Period"))
    total = _seconds(root.get("mediaPresentationDuration", ""))
    end = 0.0
    for period, following in pairwise([*found, None]):
        assert period is not None
        start = _seconds(period.get("start", "")) if "start" in period.attrib else end
        limit = total if following is None else _seconds(following.get("start", ""))
        seconds = _seconds(period.get("duration", "")) or max(limit - start, 0)
        end = start + seconds
        yield period, seconds


def _times(info: Segments) -> Iterator[tuple[int, int]]:
    """Return the start and the length of each segment, in units of the timescale."""
    span = ceil(info.seconds * info.timescale)
    if info.timeline is not None:
        return islice(_listed_times(info.timeline, info.offset + span), MAX_SEGMENTS + 1)
    length = number(info.attributes.get("duration", "0"))
    return ((time, length) for time in range(0, min(span, (MAX_SEGMENTS + 1) * length), length or 1))


def _listed_times(timeline: etree._Element, end: int) -> Iterator[tuple[int, int]]:
    time = 0
    entries: Iterator[etree._Element] = islice(timeline.iterchildren("{*}S"), MAX_SEGMENTS + 1)
    for entry, following in pairwise(chain(entries, [None])):
        assert entry is not None
        time = number(entry.get("t", "")) or time
        length = number(entry.get("d", "0"))
        limit = end if following is None or "t" not in following.attrib else number(following.get("t", ""))
        count = _count(entry.get("r", "0").strip(), limit - time, length)
        if not count:  # no entry stands for nothing
            return
        for _ in range(count):
            yield time, length
            time += length


def _count(repeat: str, left: int, length: int) -> int:
    """Return how many segments an entry of a time line stands for; a negative `repeat` fills what is `left` (5.3.9.6)."""
    if repeat.startswith("-"):
        return max(-(-left // length), 0) if length else 1
    return number(repeat) + 1


def _filled(template: str, values: dict[str, str]) -> str:
    """Fill a template in; "" if that could give a URL of more than `_LONGEST_URL`."""
    if len(template) + template.count("$") // 2 * max(99, *map(len, values.values())) > _LONGEST_URL:
        return ""
    return _TEMPLATE.sub(
        lambda found: values.get(found[1], "").zfill(int(found[2] or 0)) if found[1] else "$", template
    )


def _seconds(text: str) -> float:
    """Read a duration of XML Schema, without years and months, of up to `_LONGEST`."""
    match = _DURATION.fullmatch(text.strip())
    parts = match.groups() if match else ()
    return min(sum(float(part or 0) * unit for part, unit in zip(parts, _SECONDS, strict=False)), _LONGEST)
