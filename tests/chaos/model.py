"""What must be true of an archive after each step, given what the server sent.

Each law yields a sentence for everything that breaks it. The laws:

- history: what a complete snapshot has never changes, until the snapshot is pruned or the URL forgotten;
- objects: each object that the manifest names exists and has its digest, and no others exist once a run is over;
- truth: a version is what the server sent whole in that run, or the copy that was there before; an empty answer replaces a copy
  only if the run before saw one, too, and never that of a page;
- nothing lost: what the archive had, it has, unless the server said that it is gone (and the run was not held);
- nothing missed: after a run during which the site stood still, all that links lead to is there as it is now;
- tree: each version with a path has a file with the right content, and there are no others;
- privacy: no file of the archive contains anything of a forgotten URL.
"""

import hashlib
from collections.abc import Iterator
from copy import copy, deepcopy
from datetime import UTC, datetime, timedelta
from typing import Final

from mirror.core.policy.lost_content import EMPTY
from tests.chaos.archive import ArchiveReader, Version, digest
from tests.chaos.site import LEAVES, START, ChangingSite, Kind, Manner

ROBOTS: Final = "/robots.txt"
NOTHING: Final = hashlib.sha256(b"").hexdigest()
ALLOWED_LOSS: Final = 10  # pages, as docs/options.md says for max_loss


class Model:
    """Knows what the archive has to have.

    history     complete snapshot -> path of a URL -> digest
    copies      path of a URL -> digest of the copy that the archive had before the last run began
    before      path of a URL -> what the newest snapshot had then
    lost        digests that were damaged on purpose, and that may be lost for ever
    """

    def __init__(self, site: ChangingSite, archive: ArchiveReader) -> None:
        self.site = site
        self.archive = archive
        self.history: dict[int, dict[str, str]] = {}
        self.copies: dict[str, str] = {}
        self.before: dict[str, Version] = {}
        self.forgotten: set[str] = set()
        self.lost: set[str] = set()

    def copy(self, archive: ArchiveReader) -> "Model":
        """Return the same for a copy of the archive; what happens to one of them does not concern the other."""
        site = copy(self.site)
        site.resources, site.log = deepcopy(self.site.resources), deepcopy(self.site.log)
        model = Model(site, archive)
        model.history, model.copies, model.before = deepcopy((self.history, self.copies, self.before))
        return model

    # --- what happens --------------------------------------------------------------------------------------------------

    @property
    def is_unfinished(self) -> bool:
        """Whether the next run resumes the last one."""
        return [*self.archive.snapshots().values()][-1:] == ["incomplete"]

    def begin(self) -> None:
        """A run is about to begin, or to go on."""
        if not self.is_unfinished:
            self.site.clear_log()

    def pruned(self) -> None:
        left = {number for number, outcome in self.archive.snapshots().items() if outcome != "pruned"}
        self.history = {number: shown for number, shown in self.history.items() if number in left}

    def resync(self) -> None:
        """A repair has ended: take what the archive has now for true, where the server sent it."""
        number, outcome = [*self.archive.snapshots().items()][-1]
        shown = {path: version for path, version in self.archive.shown(number).items() if path != ROBOTS}
        self.copies = self.copies | {path: v.digest for path, v in shown.items() if v.path and v.digest}
        self.before = shown
        if outcome == "complete":
            self.history[number] = {path: v.digest for path, v in shown.items() if v.path and v.digest}

    def forget(self, path: str) -> None:
        self.forgotten.add(path)
        for shown in (self.copies, *self.history.values()):
            shown.pop(path, None)

    # --- what must be true ---------------------------------------------------------------------------------------------

    def always(self) -> Iterator[str]:
        """The laws that hold at any moment, also after a kill."""
        yield from self._history()
        yield from self._objects()
        yield from self._privacy()

    def after_run(self, *, still: bool, trusted: timedelta = timedelta(), now: datetime | None = None) -> Iterator[str]:
        """The laws for a run that has ended by itself.

        `still`: the site did not change during it. `trusted`: what was checked so long ago or less at `now` was not asked for.
        """
        number, outcome = [*self.archive.snapshots().items()][-1]
        if outcome not in {"complete", "held"}:
            yield f"the run ended, but its outcome is {outcome}"
            return
        shown = {path: version for path, version in self.archive.shown(number).items() if path != ROBOTS}
        fresh = {path for path in self.before if now and self._is_fresh(path, now, trusted)}
        for path, version in shown.items():
            yield from self._truth(path, version, fresh)
        yield from self._nothing_lost(shown, held=outcome == "held")
        if still:
            yield from self._nothing_missed(shown, fresh)
            yield from self._held(shown, held=outcome == "held")
        yield from self._no_litter()
        yield from self._tree(shown, held=outcome == "held")
        if outcome == "complete":
            self.history[number] = {path: v.digest for path, v in shown.items() if v.path and v.digest}
        self.copies = {path: v.digest for path, v in shown.items() if v.path and v.digest} | (
            {path: had for path, had in self.copies.items() if not shown[path].path} if outcome == "held" else {}
        )
        self.before = shown

    def _is_fresh(self, path: str, now: datetime, trusted: timedelta) -> bool:
        checked = datetime.fromisoformat(self.before[path].checked)
        return timedelta() <= now - checked.astimezone(UTC) <= trusted

    def _history(self) -> Iterator[str]:
        for number, before in self.history.items():
            shown = self.archive.shown(number)
            for path, had in before.items():
                version = shown.get(path)
                if (version is None or version.digest != had) and had not in self.lost:
                    yield f"snapshot {number} had {had[:8]} of {path}, and has {version} now"

    def _objects(self) -> Iterator[str]:
        stored, unsure = self.archive.stored(), self.lost | (self.archive.unsynced() if self.history else set())
        for named in {had for shown in self.history.values() for had in shown.values()} - unsure:
            if named not in stored:
                yield f"the object {named[:8]} of a complete snapshot is missing"
            elif digest(stored[named]) != named:
                yield f"the object {named[:8]} of a complete snapshot has another content"

    def _no_litter(self) -> Iterator[str]:
        stored, named = set(self.archive.stored()), self.archive.in_use()
        yield from (f"nothing names the object {one[:8]}" for one in stored - named)
        yield from (f"the object {one[:8]} is missing" for one in named - stored - self.lost)

    def _privacy(self) -> Iterator[str]:
        for path in self.forgotten:
            for place in self.archive.containing(self.site.resources[path].marker.encode()):
                yield f"{path} is forgotten, but {place} has its content"

    def _truth(self, path: str, version: Version, fresh: set[str]) -> Iterator[str]:
        sent = self.site.log[path]
        if path in self.forgotten:
            yield f"{path} is forgotten, but it is in the newest snapshot"
        elif version.standing == "gone":
            was_gone = path in self.before and self.before[path].standing == "gone"
            if not LEAVES & sent and not (was_gone and not sent):
                yield f"{path} is gone, but the server sent only {sent}"
        elif version.standing == "failed":
            if path in self.copies and self.copies[path] not in self.lost:
                yield f"{path} has failed, but there was a copy"
        elif version.path and not self._is_true(path, version, sent, fresh):
            yield f"{path} is {version.digest} ({version.standing}); sent: {sent}; before: {self.copies.get(path)}"

    def _is_true(self, path: str, version: Version, sent: set[str], fresh: set[str]) -> bool:
        old = version.digest is not None and version.digest == self.copies.get(path)
        if version.standing == "present":
            may_be_empty = path not in self.copies or self._was_empty(path)
            empty = version.digest == NOTHING and Manner.EMPTY in sent and may_be_empty
            return version.digest in sent or empty or (old and path in fresh)
        return old or version.digest in sent

    def _was_empty(self, path: str) -> bool:
        """Whether the last run that ended kept a copy of a file that is no page, because the answer was empty."""
        before, is_page = self.before.get(path), self.site.resources[path].kind is Kind.PAGE
        return before is not None and before.error == EMPTY and not is_page

    def _is_as_before(self, path: str, version: Version, fresh: set[str]) -> bool:
        before = self.before.get(path)
        return path in fresh and before is not None and before.digest == version.digest

    def _nothing_lost(self, shown: dict[str, Version], *, held: bool) -> Iterator[str]:
        for path, had in self.copies.items():
            version = shown.get(path)
            is_gone = bool(LEAVES & self.site.log[path]) and version is not None and version.standing == "gone"
            if (version is None or not version.path) and not is_gone and had not in self.lost:
                yield f"{path} had a copy and has none now: {version} (sent: {self.site.log[path]}, held: {held})"

    def _nothing_missed(self, shown: dict[str, Version], fresh: set[str]) -> Iterator[str]:
        for path in self._reachable():
            resource, version = self.site.resources[path], shown.get(path)
            now = version.digest if version and version.path else None
            if now != resource.digest and not (version and self._is_as_before(path, version, fresh)):
                yield f"{path} is edition {resource.edition} ({resource.digest[:8]}) at the server, here {version}"

    def _reachable(self) -> set[str]:
        """The resources that answer well and to which links lead from the start through pages that do."""
        seen: set[str] = set()
        waiting = [START]
        while waiting:
            resource = self.site.resources[waiting.pop()]
            if resource.path in seen | self.forgotten or resource.manner is not Manner.WELL:
                continue
            seen.add(resource.path)
            waiting += resource.links if resource.kind is Kind.PAGE else []
        return seen

    def _held(self, shown: dict[str, Version], *, held: bool) -> Iterator[str]:
        pages = [path for path in self.copies if self.site.resources[path].kind is Kind.PAGE]
        gone = [path for path in pages if path in shown and shown[path].standing == "gone"]
        excessive = len(gone) > max(ALLOWED_LOSS, len(pages) / 2)
        if excessive is not held:
            yield f"{len(gone)} of {len(pages)} pages are gone, and held is {held}"

    def _tree(self, shown: dict[str, Version], *, held: bool) -> Iterator[str]:
        root, wanted = self.archive.root, {version.path for version in shown.values() if version.path}
        for path, version in shown.items():
            if version.path and not (root / version.path).is_file():
                yield f"{version.path}, the file of {path}, is missing"
            elif (
                version.path
                and self.site.resources[path].kind is not Kind.PAGE
                and digest(root / version.path) != version.digest
            ):
                yield f"{version.path}, the file of {path}, has another content"
        others = {str(place) for place in self.archive.tree()} - wanted - {"index.html"}
        if others and not held and not self.lost:  # a file stays if it is all that is left of what was lost
            yield f"files of nothing: {sorted(others)}"
