"""Edits of DASH manifests.

Input: a manifest as text, and its `Rewriter`. Output: `Edit`s. `link_rewriter` states the law.

The law of manifests
--------------------
1. In a tree, each representation names its files: instead of the template that gave the names on the server, it has a list of
   segments (ISO/IEC 23009-1, 5.3.9.3) with the same times, and `BaseURL` only for a file that is read in ranges. If there is no
   copy of any of them, it keeps its template, with an absolute `BaseURL`.
2. A representation of which there is no copy is left out if its adaptation set has another one of which there is.
3. A manifest that grows ends where the copy ends: it becomes static, and its periods begin with their first segment. What only
   its server could answer is left out: the time, the next manifest, the choice of a server.
4. At origins, a static manifest keeps its templates. Its `BaseURL`s lead there.

The manifest is written anew from its elements: in a tree if it names anything, at origins if something is left out or it grew.
"""

import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from itertools import groupby, islice
from typing import Final
from urllib.parse import urljoin

from lxml import etree

from mirror.core.document.edits import Attribute, Edit
from mirror.core.document.replacements import Rewriter
from mirror.core.syntax import dash_manifests, embedded_urls, markup
from mirror.core.syntax.dash_manifests import LIST, SINGLE, TEMPLATE, Representation, Segment
from mirror.core.syntax.playlists import MAX_NAMED, MAX_SEGMENTS
from mirror.core.syntax.reference import Kind
from mirror.core.url import canonical

_MANIFEST: Final = re.compile(
    r"(?:[^<]|<\?.*?\?>|<!--.*?-->|<!DOCTYPE[^>\[]*>)*+(?P<root><(?:\w+:)?MPD[\s>])", re.DOTALL
)
_END: Final = re.compile(r"</(?:\w+:)?MPD\s*>")
_BASE_URL: Final = re.compile(r"<(?:\w+:)?BaseURL(?:\s[^<>]*+)?>(?P<url>[^<&]*+)<")

_FORMS: Final = frozenset({"baseurl", *(form.lower() for form in (TEMPLATE, LIST, SINGLE))})
_SERVED: Final = frozenset({"location", "patchlocation", "utctiming", "contentsteering"})
"""Elements that send players to a server for what is not in a copy."""

_OF_LIVE: Final = (
    "availabilityStartTime",
    "availabilityEndTime",
    "publishTime",
    "minimumUpdatePeriod",
    "timeShiftBufferDepth",
    "suggestedPresentationDelay",
)
"""Attributes of a manifest that grows."""

_OF_TEMPLATES: Final = frozenset(
    {"media", "initialization", "index", "bitstreamSwitching", "startNumber", "endNumber", "availabilityTimeOffset"}
)
"""Attributes that a list of segments does not need."""


def is_dash(text: str) -> bool:
    """Whether an XML document is a DASH manifest."""
    return _MANIFEST.match(text) is not None


def dash_edits(text: str, rewriter: Rewriter) -> Iterator[Edit]:
    """Return the edits of a DASH manifest."""
    root = markup.xml_root(text)
    if root is None or not dash_manifests.is_dash(root):
        return
    found = list(dash_manifests.representations(root))
    kept = {one.element for one in found if _is_kept(one, rewriter)}
    chosen = {one.adaptation for one in found if one.element in kept}
    lost = {one.element for one in found if one.adaptation in chosen} - kept
    ends = dash_manifests.is_live(root) and bool(kept)
    if rewriter.home and not lost and not ends:
        yield from _base_edits(text, rewriter)
        return
    for element in lost:
        _remove(element)
    if rewriter.home and not ends:
        _lead_bases(root, rewriter)
    else:
        _Copy(root, rewriter).write([one for one in found if one.element not in lost], kept, ends=ends)
    yield _written(text, root)


def _is_kept(one: Representation, rewriter: Rewriter) -> bool:
    """Whether there is a copy of the media: of the file, or of its first segment."""
    first = next(one.media(), one.file)
    return first is not None and rewriter.is_kept(first)


def _base_edits(text: str, rewriter: Rewriter) -> Iterator[Edit]:
    for match in _BASE_URL.finditer(text):
        source = Attribute(match.start(), match.end(), match.start("url"), match["url"], '"')
        yield from source.edits(rewriter.edits(embedded_urls.url_spans(source.value, Kind.REQUISITE)))


def _lead_bases(root: etree._Element, rewriter: Rewriter) -> None:
    for element in root.iter("{*}BaseURL"):
        element.text = rewriter.reference((element.text or "").strip())


def _remove(element: etree._Element) -> None:
    parent = element.getparent()
    if parent is not None:
        parent.remove(element)


def _written(text: str, root: etree._Element) -> Edit:
    """Return the edit that writes the root element anew. Characters that the encoding may lack become references."""
    match = _MANIFEST.match(text)
    assert match is not None
    end = max((found.end() for found in _END.finditer(text)), default=len(text))
    new = etree.tostring(root, encoding="us-ascii", xml_declaration=False, with_tail=False).decode("ascii")
    return Edit(match.start("root"), end, new)


class _Copy:
    """Writes what each representation has into its own element, and removes it from those around it."""

    def __init__(self, root: etree._Element, rewriter: Rewriter) -> None:
        self._root = root
        self._rewriter = rewriter
        self._namespace = etree.QName(root).namespace
        self._left = MAX_NAMED
        """How many segments may still be written. A short manifest may give the same ones to many representations."""

    def write(self, found: list[Representation], kept: set[etree._Element], *, ends: bool) -> None:
        """Write the representations `found`, those in `kept` with the places of their copies. `ends`: the manifest grew."""
        segments = {one.element: self._segments(one) for one in found if one.element in kept}
        offsets = self._end(found, segments) if ends else {}
        for element in list(self._root.iter(etree.Element)):
            if markup.local_name(element.tag) in _FORMS | _SERVED:
                _remove(element)
        for one in found:
            if segments.get(one.element):
                self._list(one, segments[one.element], offsets.get(one.element, one.segments.offset))
            elif one.element in kept and one.segments.form != TEMPLATE:
                self._files(one)
            else:
                self._as_written(one)

    def _segments(self, one: Representation) -> list[Segment]:
        found = list(islice(one.templated(), max(min(MAX_SEGMENTS, self._left), 0)))
        self._left -= len(found)
        return found

    # --- one representation --------------------------------------------------------------------------------------------

    def _list(self, one: Representation, segments: list[Segment], offset: int) -> None:
        """Write a list of segments in place of a template."""
        attributes = {key: value for key, value in one.segments.attributes.items() if key not in _OF_TEMPLATES}
        if offset:
            attributes["presentationTimeOffset"] = str(offset)
        own = self._add(one.element, LIST, attributes)
        if one.initialization:
            self._add(own, "Initialization", {"sourceURL": self._rewriter.reference(one.initialization)})
        if one.segments.timeline is not None:
            own.attrib.pop("duration", None)
            self._time_line(own, segments)
        for segment in segments:
            self._add(own, "SegmentURL", {"media": self._rewriter.reference(segment.url)})

    def _time_line(self, parent: etree._Element, segments: list[Segment]) -> None:
        line = self._add(parent, "SegmentTimeline", {})
        end = -1
        for segment in segments:
            last = line[-1] if len(line) else None
            if last is not None and segment.time == end and last.get("d") == str(segment.length):
                last.set("r", str(int(last.get("r", "0")) + 1))
            else:
                self._add(line, "S", {"t": str(segment.time), "d": str(segment.length)})
            end = segment.time + segment.length

    def _files(self, one: Representation) -> None:
        """Write a list of segments, or the one file, with the places of the copies."""
        info = one.segments
        if one.file:
            self._base(one.element, self._rewriter.reference(one.file))
        if info.form:
            own = self._own(one)
            for url in own.iterchildren("{*}SegmentURL", "{*}Initialization", "{*}RepresentationIndex"):
                for name in {"media", "index", "sourceURL"} & {str(key) for key in url.attrib}:
                    url.set(name, self._rewriter.reference(urljoin(info.base, str(url.get(name)))))

    def _as_written(self, one: Representation) -> None:
        base = one.segments.base
        self._base(one.element, self._rewriter.reference(base or ".") if self._rewriter.home else self._absolute(base))
        if one.segments.form:
            self._own(one)

    def _own(self, one: Representation) -> etree._Element:
        """Write what a representation has from the elements around it, as it is."""
        info = one.segments
        own = self._add(one.element, info.form, info.attributes)
        found = (info.initialization, info.index, info.timeline, *(info.listed if info.form == LIST else ()))
        children = [child for child in found if child is not None]
        self._left -= sum(len(child) + 1 for child in children) if self._left > 0 else 1
        if self._left >= 0:
            own.extend(deepcopy(child) for child in children)
        return own

    def _base(self, element: etree._Element, url: str) -> None:
        base = self._add(element, "BaseURL", {})
        base.text = url
        element.insert(0, base)

    def _absolute(self, url: str) -> str:
        target = canonical.resolve(url or ".", self._rewriter.base)
        return target.url if target else url

    def _add(self, parent: etree._Element, name: str, attributes: Mapping[str, str]) -> etree._Element:
        tag = f"{{{self._namespace}}}{name}" if self._namespace else name
        return etree.SubElement(parent, tag, dict(attributes))

    # --- the end of a manifest that grew -------------------------------------------------------------------------------

    def _end(
        self, found: list[Representation], segments: Mapping[etree._Element, list[Segment]]
    ) -> dict[etree._Element, int]:
        """Let the manifest end; return the time of each representation at which its period begins from now on."""
        offsets: dict[etree._Element, int] = {}
        total = 0.0
        for period, group in groupby(found, lambda one: one.period):
            own = [one for one in group if segments.get(one.element)]
            begins = [_seconds(one, segments[one.element][0].time) for one in own]
            ends = [_seconds(one, segments[one.element][-1].time + segments[one.element][-1].length) for one in own]
            begin, seconds = min(begins, default=0.0), max(ends, default=0.0) - min(begins, default=0.0)
            offsets |= {one.element: one.segments.offset + round(begin * one.segments.timescale) for one in own}
            period.attrib.pop("start", None)
            period.set("duration", f"PT{seconds:.3f}S")
            total += seconds
        for name in _OF_LIVE:
            self._root.attrib.pop(name, None)
        self._root.set("type", "static")
        self._root.set("mediaPresentationDuration", f"PT{total:.3f}S")
        return offsets


def _seconds(one: Representation, time: int) -> float:
    """Return a time of the media in seconds from the beginning of its period."""
    return (time - one.segments.offset) / one.segments.timescale
