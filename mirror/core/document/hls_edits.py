"""Edits of HLS playlists.

Input: a playlist as text, and its `Rewriter`. Output: `Edit`s. `link_rewriter` states the law.

The law of playlists
--------------------
1. A variant or a rendition of which there is no copy is left out, with its tag, if there is a copy of another one: players
   choose among all that are named. A rendition is missed only if a variant that stays names its group, and nothing of the group
   is there.
2. A live playlist ends where the copy ends (`EXT-X-ENDLIST`), because a player would wait for what comes next. What only the
   server of a live playlist could answer is left out.
3. A variable that the URL of the playlist defines has its value in the playlist, because the copy has another URL.
"""

from collections.abc import Iterator
from typing import Final

from mirror.core.document.edits import Edit
from mirror.core.document.replacements import Rewriter
from mirror.core.syntax import embedded_urls, playlists
from mirror.core.syntax.playlists import DEFINITION, RENDITION, VARIANT, Entry
from mirror.core.syntax.reference import Kind

_SERVED: Final = frozenset({"EXT-X-CONTENT-STEERING", "EXT-X-PRELOAD-HINT", "EXT-X-RENDITION-REPORT"})
"""Tags that send players to a server for what is not in a copy."""


def hls_edits(text: str, rewriter: Rewriter) -> Iterator[Edit]:
    """Return the edits of an HLS playlist."""
    entries = playlists.hls_entries(text, rewriter.base.partition("?")[2])
    dropped = _missing(entries, rewriter)
    for entry in entries:
        if entry.tag == DEFINITION:
            yield from _definition_edits(entry, rewriter)
        elif entry.tag in _SERVED or entry.span in dropped:
            yield from (Edit(start, end, "") for start, end in entry.lines)
        else:
            yield from rewriter.edits([entry.span])
    if playlists.is_live(text):
        yield Edit(len(text), len(text), ("" if text.endswith(("\n", "\r")) else "\n") + "#EXT-X-ENDLIST\n")


def _missing(entries: list[Entry], rewriter: Rewriter) -> set[embedded_urls.Span]:
    """Return the variants and renditions that are left out."""
    choices = [entry for entry in entries if entry.tag == VARIANT or _is_choice(entry)]
    kept = {entry.span for entry in choices if rewriter.is_kept(entry.span.url)}
    variants = [entry for entry in choices if entry.tag == VARIANT and entry.span in kept]
    if not variants:
        return set()
    present = {_group(entry) for entry in choices if entry.tag == RENDITION and entry.span in kept}
    named = {(name, group) for entry in variants for name, group in entry.attributes.items()}
    return {
        entry.span
        for entry in choices
        if entry.span not in kept and (entry.tag != RENDITION or _group(entry) in present or _group(entry) not in named)
    }


def _is_choice(entry: Entry) -> bool:
    return entry.tag == RENDITION or entry.span.kind is Kind.VARIANT


def _group(entry: Entry) -> tuple[str, str]:
    return entry.attributes.get("TYPE", ""), entry.attributes.get("GROUP-ID", "")


def _definition_edits(entry: Entry, rewriter: Rewriter) -> Iterator[Edit]:
    name, value = entry.attributes.get("QUERYPARAM"), entry.attributes.get("VALUE")
    if name and value is not None and not rewriter.home and '"' not in value:
        yield Edit(entry.span.start, entry.span.end, f':NAME="{name}",VALUE="{value}"')
