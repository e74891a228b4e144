"""The versions of a URL, and what changed from each to the next: `log` prints them.

Input: versions of `History.versions`. Output: one `Step` for each, the newest first, read only when it is asked for.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mirror.core.comparison.text_diff import ALL_LINES, Change
from mirror.core.http.messages import header, status_text
from mirror.reports.page_text import PageTexts
from mirror.store.archive_reader import ArchiveReader
from mirror.store.manifest.history_records import UrlVersion
from mirror.store.manifest.records import Resource, Standing
from mirror.store.noise import is_noise


@dataclass(frozen=True, slots=True)
class Step:
    """A version, its title, and what happened: `events` in words, `changes` of the text since `before`, the last copy.

    `changes` have all lines of both texts.
    """

    version: UrlVersion
    title: str
    events: tuple[str, ...]
    before: UrlVersion | None
    changes: Sequence[Change] = ()

    @property
    def changed(self) -> list[Change]:
        """The lines that are new or missing, and notes."""
        return [change for change in self.changes if change.sign != " "]


class VersionLog:
    """The log of one URL."""

    def __init__(self, archive: ArchiveReader, versions: Sequence[UrlVersion]) -> None:
        self._archive = archive
        self._versions = versions
        self._texts = PageTexts(archive)

    def steps(self) -> Iterator[Step]:
        """Yield what happened, the newest version first."""
        before: Resource | None = None
        copy: UrlVersion | None = None
        steps: list[tuple[UrlVersion, Resource | None, UrlVersion | None]] = []
        for version in self._versions:
            steps.append((version, before, copy))
            before = version.resource
            copy = version if _has_copy(before) else copy
        for version, before, copy in reversed(steps):
            yield self._step(version, before, copy)

    def _step(self, version: UrlVersion, before: Resource | None, copy: UrlVersion | None) -> Step:
        now, old = version.resource, copy.resource if copy else None
        text = self._texts.of(now)
        events = list(self._arrival(now, before, old))
        changes: Sequence[Change] = ()
        if old and _has_copy(now):
            if now.digest != old.digest and not (old.is_redirect or now.is_redirect):
                said, changes = self._change(old, now)
                events.append(said)
            events += _other_changes(old, now)
        events += [text.damage] if text.damage else []
        return Step(version, text.title, tuple(events) or (_unchanged(now, before),), copy, changes)

    def _arrival(self, now: Resource, before: Resource | None, copy: Resource | None) -> Iterator[str]:
        """Say that a URL came, went, or could not be had."""
        if not now.path:
            yield self._absence(now, before, copy)
        elif copy is None:
            came_from = self._archive.history.moved_from(now)
            yield f"new, moved from {came_from}" if came_from else "new"
        elif before and not before.path:
            yield "back"
        if now.standing in {Standing.KEPT, Standing.ERROR}:
            kept = "; the last good copy is kept" if now.standing is Standing.KEPT else ""
            yield f"not renewed: {now.error}{kept}" if kept else f"failed: {now.error}"
        if now.standing is Standing.UNLINKED and (before is None or before.standing is not Standing.UNLINKED):
            yield "no longer linked"
        if now.is_redirect and not (copy and copy.is_redirect and _target(copy) == _target(now)):
            yield f"redirects to {_target(now)}"
        if now.path and copy and copy.is_redirect and not now.is_redirect:
            yield "no longer redirects"

    def _absence(self, now: Resource, before: Resource | None, copy: Resource | None) -> str:
        if now.standing is Standing.OUTSIDE:
            other = self._archive.history.same_as(now.url)
            return f"the same as {other}, whose copy stands for it" if other else "left out by the options"
        if now.standing is Standing.GONE:
            was_gone = before is not None and before.standing is Standing.GONE
            moved = None if was_gone or copy is None else self._archive.history.moved_to(copy, now.since)
            word = "not on the server" if copy is None else "still gone" if was_gone else "gone"
            return f"{word} ({now.error})" + (f", moved to {moved}" if moved else "")
        return f"failed: {now.error}"

    def _change(self, before: Resource, now: Resource) -> tuple[str, Sequence[Change]]:
        """Say what changed between two payloads."""
        changes = self._texts.changes(before, now, context=ALL_LINES)
        if changes is None:
            return f"changed: {before.size:,} -> {now.size:,} bytes", ()
        removed, added = (sum(change.sign == sign for change in changes) for sign in "-+")
        if is_noise(self._archive, before, now):
            return "changed in noise only", changes
        if not changes:
            return "changed, but not in its text", ()
        return f"changed: {removed:,} {_lines(removed)} removed, {added:,} added", changes


def _lines(count: int) -> str:
    return "line" if count == 1 else "lines"


def _has_copy(resource: Resource) -> bool:
    return resource.path is not None and resource.digest is not None and resource.standing is not Standing.ERROR


def _target(resource: Resource) -> str | None:
    return header(resource.headers, "location")


def _other_changes(before: Resource, now: Resource) -> Iterator[str]:
    if before.status != now.status and before.status and now.status:
        yield f"status {before.status} -> {status_text(now.status)}"
    if before.is_redirect or now.is_redirect:
        return
    if before.media_type != now.media_type:
        yield f"type {before.media_type} -> {now.media_type}"
    if before.path != now.path:
        yield f"its file is now {now.path}"


def _unchanged(now: Resource, before: Resource | None) -> str:
    if before and before.standing is Standing.KEPT and now.standing is Standing.PRESENT:
        return "renewed, unchanged"
    return "linked again, unchanged" if before and before.standing is Standing.UNLINKED else "unchanged"
