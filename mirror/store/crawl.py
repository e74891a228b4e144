"""One run over an archive: what to fetch next, and what each answer leads to.

Enters: responses and failures. Leaves: `Entry`s to fetch. Every decision about a URL is `core.scope`'s; this module carries
it into the manifest. An answer is recorded whole or not at all: its object, its row, its references, what they add to the
frontier, and the acknowledgement. A commit costs more than an answer, so several are committed together, by `flush`; where a
process dies before, they are asked for again. Then their files are published; they count as stale until the next commit says
otherwise, so where a process dies in between, the files are made by the run that goes on. Other processes may do that:
what a file says was decided when they were asked, and what has made it wrong since then is counted beside it.

What the archive had before is asked for with its validators; an answer that nothing changed follows the references that are
kept. A good copy gives way to another good answer, or to 404 and 410, and to nothing else. What is to leave the tree does so
when the run is over, and only if that is not too much at once: then the run is held, for its user to decide.

The order in which answers come does not matter to the result: what the frontier says of a URL is the sum of all that was
found, each role in which it is wanted and the shortest way to it. Where that sum grows after a URL was answered (a picture
turns out to be a page, a page is nearer to a start than it seemed), what it refers to is decided about again. Only which
pages a limit lets through depends on the order.
"""

import shutil
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any, Final

from mirror.core import documents, freshness, media, paths
from mirror.core.directives import Word
from mirror.core.documents import Headers, Response
from mirror.core.media import Document
from mirror.core.references import Reference
from mirror.core.scope import Decision, Reason, Role, Scope, Source
from mirror.core.spans import Kind
from mirror.core.urls import CanonicalURL
from mirror.store.archive import MOST_HOPS, Archive
from mirror.store.errors import storing
from mirror.store.frontier import Entry, State
from mirror.store.history import History, Numbers
from mirror.store.manifest import Counts, Outcome, Resource, Standing
from mirror.store.objects import Digest
from mirror.store.publishing import Elsewhere, Published, Queue

_AHEAD = 32  # entries taken from the manifest at a time
_AT_HAND: Final = 256  # entries looked at before anything is fetched
_SYNC_AFTER: Final = 256  # objects that a power cut may harm before they are waited for
_AT_ONCE: Final = 8  # files that another process is asked for at once
_HELD: Final = 256 << 10  # bytes of a payload up to which it stays in memory until it is published
_ROOM: Final = 64 << 20  # free bytes below which each answer is committed at once: later there may be no room for that
_GONE = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.GONE})
_OUT_OF_SCOPE: Final = frozenset(
    {Reason.EXCLUDE, Reason.INCLUDE, Reason.OUTSIDE, Reason.ORIGIN, Reason.REQUISITE, Reason.FORGOTTEN}
)
_OF_TODAY: Final = frozenset({Reason.SIZE, Reason.PRIVATE})
"""Reasons that say nothing of the copy which is there."""
_GOOD: Final = frozenset({Standing.PRESENT, Standing.KEPT, Standing.UNLINKED, Standing.OUTSIDE})
_FAILED: Final = frozenset({Standing.KEPT, Standing.FAILED})
_ASKS_FOR: Final = {
    Kind.PAGE: (Role.PAGE, 1),
    Kind.FEED: (Role.LISTING, 0),
    Kind.SITEMAP: (Role.LISTING, 0),
    Kind.FRAME: (Role.FRAME, 0),
    Kind.REQUISITE: (Role.REQUISITE, 0),
    Kind.NOFOLLOW: (Role.PAGE, 1),
    Kind.UNENDORSED: (Role.PAGE, 1),
}
"""A kind of reference -> as what its target is wanted at the most, and how much deeper it is (see `core.scope`)."""
_NOTHING_LEADS_TO: Final = frozenset({Reason.HOP, Reason.NEVER, Reason.NOFOLLOW, Reason.UNENDORSED})
_LEFT_OUT: Final = {Word.NOINDEX: Reason.NOINDEX, Word.NOARCHIVE: Reason.NOARCHIVE}
_WEIGHTS: Final = {
    reason: weight for weight, reason in enumerate((Reason.HOP, Reason.UNENDORSED, Reason.NOFOLLOW, Reason.DEPTH))
}
"""The reasons that hold for one way to a URL and not for others, the lightest first."""

Found = Sequence[tuple[int, Reference]]
Change = tuple[Entry | None, Entry]
"""What the frontier said of a URL, and what it is to say."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of an answer. `saved`: a new copy is in the tree; `page`: it is a page of the mirror."""

    resource: Resource
    saved: bool
    page: bool
    failed: bool


@dataclass(frozen=True, slots=True)
class Renewal:
    """How what is there already is treated.

    What was checked less than `refresh` ago and did not fail is not asked for; with `trust`, neither is what its server said
    would stay fresh. A run in which more than the share `most_lost` of the pages is gone, or a start, is held. `repair`:
    nothing is asked for but what is not there any more, of what should be.
    """

    refresh: timedelta | None = None
    trust: bool = False
    most_lost: float = 0.5
    repair: bool = False

    @property
    def asks_always(self) -> bool:
        """Whether nothing counts as fresh."""
        return self.refresh is None and not self.trust and not self.repair


ASK_ALWAYS: Final = Renewal()
FEW: Final = 10
"""So many pages may be gone in any case: of a small site, half is not much."""


class Crawl:
    """A run. `now` tells the time as ISO 8601 text; `limit` bounds the number of pages; `together` answers are one commit.

    `wanted` are URLs that an earlier run knew and that are asked for whether or not anything leads to them. `elsewhere`
    publishes in other processes.
    """

    def __init__(  # noqa: PLR0913 - all but two are words with a default
        self,
        archive: Archive,
        scope: Scope,
        *,
        options: dict[str, Any] | None = None,
        limit: int | None = None,
        renewal: Renewal = ASK_ALWAYS,
        wanted: Sequence[CanonicalURL] = (),
        together: int = 1,
        elsewhere: Elsewhere | None = None,
        now: Callable[[], str],
    ) -> None:
        self.archive = archive
        self.limit = limit
        self.held: tuple[int, int] | None = None
        """How many of how many pages are gone, where that was too much."""
        self._manifest = archive.manifest
        self._renewal = renewal
        self._now = now
        self._complete = False
        # Keys: True, what only links lead to; False, what pages need, and lists of pages.
        self._taken: dict[bool, deque[Entry]] = {True: deque(), False: deque()}
        self._held_back: Sequence[str] = ()
        self._more = {True: True, False: True}  # whether the manifest may have some that are not taken
        self._at_hand: deque[Entry] = deque()  # looked at already: not fresh
        self._in_flight: dict[int, bool] = {}  # id -> whether it holds one of the places below the limit
        self._together = together
        self._most_uncommitted = 1  # until it is known that there is room
        self._uncommitted = 0  # answers since the last commit,
        self._unpublished: list[tuple[Resource, bytes | None]] = []  # of which these have files to be put into the tree
        self._published: list[Published] = []  # files that are right, which the manifest does not know yet
        self._publishing = Queue(archive.root, elsewhere) if elsewhere else None
        self._syncer = ThreadPoolExecutor(1, "sync")
        self._syncing: Future[list[Digest]] | None = None
        self._not_synced: list[Digest] = []
        for _ in archive.read_again():
            pass
        with storing(archive.root), self._manifest.transaction():
            self.snapshot = self._manifest.begin(scope.starts, options or {}, now())
            archive.recover()
            self.scope = replace(scope, starts=self.snapshot.starts, tombstones=tuple(self._manifest.tombstones()))
            self._waiting = self._manifest.waiting()
            self._pages_done = self._manifest.pages_done()
            self._admit_starts(scope.starts)
            self._admit_again(wanted)

    def __len__(self) -> int:
        """How many URLs wait or are being fetched."""
        return self._waiting

    # --- what to fetch -------------------------------------------------------------------------------------------------

    def next(self) -> Entry | None:
        """The next URL to fetch: what pages need comes before further pages. `None`: nothing can be handed out now."""
        while entry := (self._at_hand.popleft() if self._at_hand else self._take_next()):
            if not self._renew_if_fresh(entry):
                return entry
        return None

    def has_next(self) -> bool:
        """Whether `next` may give something."""
        return (
            bool(self._at_hand) or self._may_have(pages=False) or (self._may_take_page() and self._may_have(pages=True))
        )

    def hold_back(self, origins: Iterable[str]) -> None:
        """From now on `next` takes nothing from the frontier that is of these; each ends in a slash."""
        self._held_back = tuple(origins)
        self._more = {True: True, False: True}

    def renew(self) -> Iterator[None]:
        """Follow what is fresh without asking for it; yields often. What is not waits for `next`."""
        if self._renewal.asks_always:
            return
        with self._transaction():
            self._admit_again(
                self._manifest.listings()
            )  # nobody asks for a robots.txt before anything else is asked for
        while len(self._at_hand) < _AT_HAND and (entry := self._take_next()):
            if not self._renew_if_fresh(entry):
                self._at_hand.append(entry)
            yield

    def conditions(self, entry: Entry) -> list[tuple[str, str]]:
        """The headers that ask a server for a resource only if it is not what the archive has."""
        before = self._manifest.resource(entry.id)
        return freshness.conditions(before.headers) if before and self._is_there(before) else []

    # --- what came -----------------------------------------------------------------------------------------------------

    def record(self, entry: Entry, response: Response, references: Sequence[Reference]) -> Recorded:
        """Keep an answer and follow what it leads to. Raises `StorageError` where the disk can't."""
        with self._answering(entry) as known:
            before = self._manifest.resource(known.id)
            is_unchanged = response.status == HTTPStatus.NOT_MODIFIED and before is not None and self._is_there(before)
            reason = self._asks_for(known, response, before if is_unchanged else None, references)
            if reason:
                recorded = self._leave_out(known, before, response, None if is_unchanged else references, reason)
            elif is_unchanged and before:
                headers = freshness.renewed(before.headers, response.headers)
                recorded = self._renew(known, before, headers=headers, checked=self._now())
            else:
                resource = self._resource(known, response, references)
                doubt = self._doubt(before, resource, response)
                if before and doubt:
                    return self._keep(known, before, doubt)
                spooled = response.spooled
                if spooled:  # it took long to come
                    self._uncommitted = self._together
                digest = Digest(spooled.digest) if spooled else self.archive.objects.put(response.payload)
                if before is None or before.digest != digest:
                    self._manifest.not_synced([digest])
                    self._not_synced.append(digest)
                resource = replace(resource, digest=digest, size=response.size)
                if before and _reads_the_same(before, resource):
                    resource = replace(resource, stale=before.stale)
                recorded = self._put(known, before, resource, self._identified(references))
                self._leave(before, resource)
            self._publish(recorded, response.payload or None)
        return recorded

    def flush(self) -> None:
        """Make happen what was answered so far. Raises `StorageError` where the disk can't."""
        with storing(self.archive.root):
            self._manifest.commit()
            self._uncommitted = 0
            has_room = shutil.disk_usage(self.archive.root).free > _ROOM
            self._most_uncommitted = self._together if has_room else 1
            unpublished, self._unpublished = self._unpublished, []
            for n in range(0, len(unpublished), _AT_ONCE):
                self._put_into_tree(unpublished[n : n + _AT_ONCE])

    def fail(self, entry: Entry, error: str) -> Recorded:
        """Keep that there was no answer; an earlier good copy stays."""
        with self._answering(entry) as known:
            before = self._manifest.resource(known.id)
            if before and self._is_there(before):
                return self._keep(known, before, error)
            resource = self._resource(known, Response(known.url, 0, (), b""), ())
            return self._put(known, before, replace(resource, status=None, error=error), ())

    def skip(self, entry: Entry, reason: Reason, rule: str | None = None) -> None:
        """Keep that a URL is not fetched after all, and by which words of its host.

        A copy of what is too large by now, or at another address, stays, and so does what it leads to.
        """
        with self._answering(entry) as known:
            if rule:
                self._manifest.rule(known.id, rule)
            skipped = replace(known, state=State.SKIPPED, reason=reason)
            self._admit([(known, skipped)])
            before = self._manifest.resource(known.id)
            if reason in _OF_TODAY and before and before.path and self._is_there(before):
                self._discover(skipped, before, self._manifest.references(before))

    def listing(self, url: CanonicalURL) -> Entry:
        """An entry for what is fetched on the crawl's own account: robots.txt. That it is missing is no failure."""
        with self._transaction():
            url_id = self._manifest.identify([url])[url]
            known = self._manifest.entries([url_id]).get(url_id)
            wanted = Entry(url_id, url, State.IN_FLIGHT, frozenset({Role.LISTING}), 0, guess=True)
            entry = merge(known, wanted) if known else wanted
            self._admit([(known, entry)])
        return entry

    def now(self) -> str:
        return self._now()

    def failing_since(self, url: CanonicalURL) -> str | None:
        """When the run began that first had no good answer of a URL, if none has had one since; ISO 8601."""
        return next((self._manifest.failing_since(id_) for id_ in self._manifest.known([url]).values()), None)

    def last_good(self, url: CanonicalURL) -> Response | None:
        """The last good copy of a URL that could not be renewed; `None`: there never was one."""
        before = next((self._manifest.resource(id_) for id_ in self._manifest.known([url]).values()), None)
        if before is None or before.digest is None or before.standing is not Standing.KEPT:
            return None
        return self.archive.response(before, before.digest)

    def finish(self) -> None:
        """Nothing is left to fetch: what was over the limit is given up. Once the tree is settled, the run is over."""
        for entry in self._manifest.entries(list(self._in_flight)).values():
            self.fail(entry, "answer not understood, see the log")
        with self._transaction():
            if self.limit is not None:
                self._manifest.skip_waiting_pages(Reason.LIMIT)
            self._waiting = self._manifest.waiting()
            self._part()
            self._judge_redirects()
        self.flush()
        self._complete = True

    def settle(self) -> Iterator[None]:
        """Publish again what leads somewhere else by now; yields often. A run that is complete ends here.

        What other processes were asked for is waited for first: their answers have to be able to come in between.
        """
        self.flush()
        while self._publishing:
            self._hear()
            yield
        with self._transaction():
            if self._complete:
                self.held = self._too_much_lost()
                if not self.held:
                    self._manifest.release()
        self.flush()
        with storing(self.archive.root):
            yield from self.archive.settle(self._publishing)
            self._sync_all()
        if self._complete:
            with self._manifest.transaction():
                outcome = Outcome.HELD if self.held else Outcome.COMPLETE
                self._manifest.finish(self.snapshot, self._now(), outcome)
                History(self.archive.database).count(self.snapshot.id)
            self._forget_parts()
            self.archive.database.checkpoint()

    def _forget_parts(self) -> None:
        """Parts of payloads stay for later runs where their URLs failed, and for nobody else."""
        for url in self.archive.spools.urls():
            before = next((self._manifest.resource(id_) for id_ in self._manifest.known([url]).values()), None)
            if before is None or before.standing not in _FAILED:
                self.archive.spools.forget(url)

    def counts(self) -> Counts:
        return self._manifest.counts(self.snapshot)

    def changes(self) -> Numbers | None:
        """What this run found otherwise than those before it; `None`: it is the first."""
        history = History(self.archive.database)
        return history.numbers(self.snapshot.id) if history.has_before(self.snapshot.id) else None

    # --- what pages ask robots for ---------------------------------------------------------------------------------------

    def _asks_for(
        self, entry: Entry, response: Response, before: Resource | None, references: Sequence[Reference]
    ) -> Reason | None:
        """Why an answer is to be left out, because it says so; keeps its words where they decide about anything.

        `before`: it is what was there already.
        """
        if before and before.digest:
            if self.scope.obeys.isdisjoint(_LEFT_OUT):
                return None
            response = self.archive.response(before, before.digest)
        is_asked = any(reference.kind is Kind.NOFOLLOW for reference in references)
        if not response.is_success or not (is_asked or not self.scope.obeys.isdisjoint(_LEFT_OUT)):
            return None
        said = {
            word: words for word, words in documents.said(response, self._now()).items() if word in self.scope.obeys
        }
        if said:
            self._manifest.rule(entry.id, "; ".join(dict.fromkeys(said.values())))
        is_listed = entry.roles == {Role.LISTING}
        return None if is_listed else next((reason for word, reason in _LEFT_OUT.items() if word in said), None)

    def _leave_out(
        self,
        entry: Entry,
        before: Resource | None,
        response: Response,
        references: Sequence[Reference] | None,
        reason: Reason,
    ) -> Recorded:
        """Keep nothing of an answer but that it came; what it refers to is followed. `None`: as it was known before."""
        resource = self._resource(entry, response, references or ())
        resource = replace(resource, path=None, stale=False, error=None, standing=Standing.OUTSIDE)
        found = None if references is None else self._identified(references)
        recorded = self._put(replace(entry, reason=reason), before, resource, found)
        self._leave(before, resource)
        return recorded

    # --- handing out ---------------------------------------------------------------------------------------------------

    def _may_have(self, *, pages: bool) -> bool:
        return bool(self._taken[pages]) or self._more[pages]

    def _may_take_page(self) -> bool:
        return self.limit is None or self._pages_done + sum(self._in_flight.values()) < self.limit

    def _take_next(self) -> Entry | None:
        entry = self._take(pages=False)
        if entry is None and self._may_take_page():
            entry = self._take(pages=True)
        return entry

    def _take(self, *, pages: bool) -> Entry | None:
        taken = self._taken[pages]
        if not taken and self._more[pages]:
            with self._transaction():
                taken.extend(self._manifest.take(_AHEAD, pages=pages, without=self._held_back))
            self._more[pages] = len(taken) == _AHEAD
        if not taken:
            return None
        entry = taken.popleft()
        self._in_flight[entry.id] = pages
        return entry

    # --- one answer ----------------------------------------------------------------------------------------------------

    @contextmanager
    def _answering(self, entry: Entry) -> Iterator[Entry]:
        """What is recorded of an answer; gives what the frontier says of the URL by now."""
        with self._transaction():
            yield self._manifest.entries([entry.id])[entry.id]
        self._in_flight.pop(entry.id, None)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """What happens whole or not at all, with the next `flush`.

        It first says which files were published since the last one: later it might make them stale again.
        """
        self._hear()
        with storing(self.archive.root), self._manifest.part():
            self._manifest.published(self._published)
            self._sync()
            yield
        self._published.clear()
        self._uncommitted += 1
        if self._uncommitted >= self._most_uncommitted:
            self.flush()

    def _hear(self) -> None:
        """Take from other processes what they have published by now."""
        if self._publishing:
            self._published += self._publishing.done()

    def _resource(self, entry: Entry, response: Response, references: Sequence[Reference]) -> Resource:
        """The row of an answer, still without its payload."""
        good = response.is_success or (response.is_redirect and any(ref.kind is Kind.REDIRECT for ref in references))
        error = status_text(response.status) + (" without a valid target" if response.is_redirect else "")
        media_type = response.media_type if response.status else None
        shown = "text/html" if response.is_redirect else media_type or ""
        missing = Standing.GONE if response.status in _GONE else Standing.FAILED
        return Resource(
            url_id=entry.id,
            url=entry.url,
            fetched=self._now(),
            status=response.status,
            headers=response.headers,
            digest=None,
            size=0,
            media_type=media_type,
            path=paths.local_path(entry.url, shown) if good else None,
            discovered_from=entry.referrer_id,
            error=None if good else error,
            stale=good,
            standing=Standing.PRESENT if good else missing,
        )

    def _is_there(self, resource: Resource) -> bool:
        """Whether the archive has a good copy, be it one that the rules of an earlier run left out."""
        good = resource.path is not None or resource.standing is Standing.OUTSIDE
        return good and resource.digest is not None and self.archive.objects.has(resource.digest, resource.size)

    def _doubt(self, before: Resource | None, now: Resource, response: Response) -> str | None:
        """Why an answer does not take the place of a good copy."""
        if before is None or response.status in _GONE or not self._is_there(before):
            return None
        if now.path is None:
            return now.error
        if not _is_html(before) or before.since == self.snapshot.id:
            return None
        assert before.digest is not None
        earlier = self.archive.response(before, before.digest)
        if response.spooled or earlier.spooled or earlier.payload == response.payload:
            return None
        return documents.suspicion(earlier, response)

    def _keep(self, entry: Entry, before: Resource, error: str) -> Recorded:
        """The last good copy stays; that it could not be renewed is said beside it."""
        kept = replace(_placed(before), error=error, standing=Standing.KEPT, checked=self._now())
        return self._put(entry, before, kept)

    def _renew(
        self, entry: Entry, before: Resource, *, headers: Headers | None = None, checked: str | None = None
    ) -> Recorded:
        """What the archive has is what the server has."""
        present = replace(
            _placed(before),
            error=None,
            standing=Standing.PRESENT,
            headers=before.headers if headers is None else headers,
            checked=checked or before.checked,
        )
        return self._put(entry, before, present)

    def _publish(self, recorded: Recorded, payload: bytes | None = None) -> None:
        """Put what is new into the tree."""
        if recorded.resource.stale and recorded.resource.path:
            is_small = payload is not None and len(payload) <= _HELD
            self._unpublished.append((recorded.resource, payload if is_small else None))

    def _put_into_tree(self, resources: Sequence[tuple[Resource, bytes | None]]) -> None:
        """Publish some files, or have it done; one that is being written right now stays stale until the run settles."""
        queue = self._publishing
        wanted = [
            (self.archive.publication(resource), payload)
            for resource, payload in resources
            if resource.path and not (queue and queue.has(resource.path))
        ]
        if queue is None or not queue.put([publication for publication, _ in wanted]):
            self._published += [self.archive.publisher.publish(*one) for one in wanted]

    def _renew_if_fresh(self, entry: Entry) -> bool:
        """Follow what need not be asked for, and say so."""
        before = None if self._renewal.asks_always else self._manifest.resource(entry.id)
        if before is None or not self._is_fresh(before):
            return False
        with self._answering(entry) as known:
            recorded = self._renew(known, before) if before.error is None else self._put(known, before, before)
            self._publish(recorded)
        return True

    def _is_fresh(self, resource: Resource) -> bool:
        if resource.standing in _GOOD and not self._is_there(resource):
            return False
        if self._renewal.repair:
            return True
        lifetime = self._renewal.refresh or timedelta()
        if self._renewal.trust:
            lifetime = max(lifetime, freshness.lifetime(resource.headers))
        age = datetime.fromisoformat(self._now()) - datetime.fromisoformat(resource.checked)
        return resource.standing not in _FAILED and age < lifetime

    def _leave(self, before: Resource | None, now: Resource) -> None:
        """The file of an earlier answer goes when the run settles."""
        if before and before.path and before.path != now.path:
            lost = now.standing is Standing.GONE and _is_html(before)
            self._manifest.leave(before.path, before.url_id, lost=lost)

    def _put(self, entry: Entry, before: Resource | None, resource: Resource, found: Found | None = None) -> Recorded:
        """Write the row, acknowledge, and follow the references; those that are kept where there are no new ones."""
        resource = self._manifest.record(self.snapshot, before, resource, found)
        if found is None:
            found = self._manifest.references(resource)
        done = replace(entry, state=State.DONE)
        done = self._counted(done) if _is_page(done, resource) else done
        self._admit([(entry, done)])
        self._discover(done, resource, found)
        failed = resource.error is not None
        saved = resource.path is not None and not failed and not _is_redirect(resource)
        return Recorded(resource, saved, _is_page(done, resource), failed and not done.guess)

    def _identified(self, references: Sequence[Reference]) -> Found:
        ids = self._manifest.identify(list(dict.fromkeys(ref.url for ref in references)))
        return [(ids[ref.url], ref) for ref in references]

    def _counted(self, page: Entry) -> Entry:
        """A page that was fetched takes one of the places below the limit; without one it stays what else it is wanted as."""
        if self._in_flight.get(page.id) or self._may_take_page():
            if page.id in self._in_flight:
                self._in_flight[page.id] = False
            self._pages_done += 1
            return page
        return replace(page, roles=page.roles - {Role.PAGE}, reason=Reason.LIMIT)

    # --- what it leads to ----------------------------------------------------------------------------------------------

    def _discover(self, entry: Entry, resource: Resource, found: Found) -> None:
        """Follow the references of a resource, and again those of resources that are wanted otherwise by then."""
        work = [(entry, resource, found)]
        while work:
            entry, resource, found = work.pop()
            scope = self.scope
            again = self._follow(entry, entry.roles - {Role.REQUISITE} if _is_html(resource) else entry.roles, found)
            if self.scope is not scope:
                again = self._manifest.done()
            for entry in again:
                known = self._manifest.resource(entry.id)
                if known:
                    work.append((entry, known, self._manifest.references(known)))

    def _follow(self, entry: Entry, roles: frozenset[Role], found: Found) -> list[Entry]:
        """Bring references into the frontier; gives the entries that are done but have to be followed again."""
        known = self._manifest.entries([target_id for target_id, _ in found])
        merged: dict[int, Entry] = {}
        for target_id, reference in found:
            old = merged.get(target_id) or known.get(target_id)
            if old and _says_nothing_new(old, reference, entry.depth):
                continue
            self._extend_scope(entry, reference)
            for role in roles:
                wanted = self._wanted(entry, role, target_id, reference)
                old = merged[target_id] = merge(old, wanted) if old else wanted
        changes = [(known.get(url_id), new) for url_id, new in merged.items() if new != known.get(url_id)]
        changes = [(old, self._promoted(old, new)) for old, new in changes]
        self._admit(changes)
        return [new for old, new in changes if old and old.state is State.DONE and _differ(old, new)]

    def _extend_scope(self, entry: Entry, reference: Reference) -> None:
        if reference.kind is Kind.REDIRECT:
            scope = self.scope.redirected(entry.url, reference.url)
            if scope is not self.scope:
                self.scope = scope
                self._manifest.extend_starts(self.snapshot, scope.starts)

    def _wanted(self, entry: Entry, role: Role, target_id: int, reference: Reference) -> Entry:
        """What one reference says of its target; what a guess redirects to is a guess."""
        decision = self.scope.decide(reference, Source(entry.url, role, entry.depth))
        if reference.kind is Kind.REDIRECT and self._is_sent_on_too_often(entry):
            decision = Decision(None, reason=Reason.REDIRECTS)
        roles = frozenset(() if decision.role is None else (decision.role,))
        state = State.PENDING if roles else State.SKIPPED
        guess = reference.guess or (entry.guess and reference.kind is Kind.REDIRECT)
        return Entry(target_id, reference.url, state, roles, decision.depth, guess, entry.id, decision.reason)

    def _is_sent_on_too_often(self, entry: Entry) -> bool:
        """Whether so many redirects led to a redirect that no browser would follow it."""
        for _ in range(MOST_HOPS):
            referrer = entry.referrer_id
            if referrer is None or self._manifest.place(referrer)[1] != entry.id:
                return False
            entry = self._manifest.entries([referrer])[referrer]
        return True

    def _judge_redirects(self) -> None:
        """Redirects that lead nowhere failed, and so did a start that leads out of the scope."""
        for entry in self._manifest.redirects():
            error = self._misled(entry)
            if error:
                self._manifest.blame(entry.id, error)

    def _misled(self, entry: Entry) -> str | None:
        """Why a redirect comes to no end."""
        url_id, seen = entry.id, {entry.id}
        while (target := self._manifest.place(url_id)[1]) is not None:
            if target in seen:
                return "redirects in a circle"
            seen.add(target)
            url_id = target
        last = self._manifest.entries([url_id]).get(url_id)
        if last is None or last.reason is None or last.roles:
            return None
        if last.reason is Reason.REDIRECTS:
            return str(last.reason)
        return f"leads to {last.url}, {last.reason}" if entry.url in self.scope.starts else None

    def _promoted(self, old: Entry | None, new: Entry) -> Entry:
        """What was fetched as something less and turns out to be a page counts as one from now on."""
        if old and old.state is State.DONE and Role.PAGE in new.roles - old.roles:
            resource = self._manifest.resource(new.id)
            return self._counted(new) if resource and _is_page(new, resource) else new
        return new

    # --- what is not led to any more -----------------------------------------------------------------------------------

    def _part(self) -> None:
        """Say of what earlier runs had and this one did not come to, why."""
        cut_off = self._manifest.is_cut_off()
        for resource, entry, of_run in self._manifest.unvisited(self.snapshot):
            standing = self._parted(resource, entry if of_run else None, entry, cut_off=cut_off)
            if standing is resource.standing:
                continue
            if standing is Standing.UNLINKED:
                self._manifest.end_as(self.snapshot, replace(resource, standing=standing, error=None))
            elif standing is Standing.OUTSIDE:
                gone = replace(resource, standing=standing, error=None, path=None, stale=False)
                self._manifest.end_as(self.snapshot, gone)
                self._leave(resource, gone)

    def _parted(
        self, resource: Resource, decided: Entry | None, known: Entry | None, *, cut_off: bool
    ) -> Standing | None:
        """What becomes of a resource that no answer came for; `None`: it stays what it is."""
        if decided is not None:
            if decided.reason in _OUT_OF_SCOPE:
                return Standing.OUTSIDE
            return Standing.UNLINKED if decided.reason in _NOTHING_LEADS_TO else None
        if self.scope.leaves_out(resource.url, page=known is not None and Role.PAGE in known.roles):
            return Standing.OUTSIDE
        return None if cut_off else Standing.UNLINKED

    def _too_much_lost(self) -> tuple[int, int] | None:
        """How many of how many pages are gone, where that is more than the user wants to believe: a start is enough."""
        lost, left = self._manifest.leaving_pages()
        many = lost > max(FEW, self._renewal.most_lost * (lost + left))
        suspicious = many or self._manifest.is_leaving(self.scope.starts)
        return (lost, lost + left) if suspicious and self._renewal.most_lost < 1 else None

    # --- past a power cut ----------------------------------------------------------------------------------------------

    def _sync(self) -> None:
        """Have the objects of late brought onto the disk, beside the crawl; say so of those that are."""
        if self._syncing and self._syncing.done():
            self._manifest.synced(self._syncing.result())
            self._syncing = None
        if self._syncing is None and len(self._not_synced) >= _SYNC_AFTER:
            digests, self._not_synced = self._not_synced, []
            self._syncing = self._syncer.submit(self.archive.sync, digests)

    def _sync_all(self) -> None:
        digests = self._manifest.unsynced()
        self.archive.sync(digests)
        with self._manifest.transaction():
            self._manifest.synced(digests)
        self._not_synced.clear()

    # --- the frontier --------------------------------------------------------------------------------------------------

    def _admit_starts(self, starts: Sequence[CanonicalURL]) -> None:
        ids = self._manifest.identify(starts)
        known = self._manifest.entries(list(ids.values()))
        page = frozenset({Role.PAGE})
        self._admit([(None, Entry(ids[url], url, State.PENDING, page, 0)) for url in starts if ids[url] not in known])

    def _admit_again(self, wanted: Sequence[CanonicalURL]) -> None:
        ids = list(self._manifest.known(wanted).values())
        here = self._manifest.entries(ids)
        again = [replace(entry, state=State.PENDING) for entry in self._manifest.known_entries(ids) if entry.roles]
        self._admit([(here.get(entry.id), entry) for entry in again])

    def _admit(self, changes: Sequence[Change]) -> None:
        self._manifest.admit([new for _, new in changes])
        self._manifest.expect(
            [(new.id, _expected(new)) for old, new in changes if new.roles and not (old and old.roles)]
        )
        for old, new in changes:
            self._waiting += _waits(new) - (old is not None and _waits(old))
            if new.state is State.PENDING:
                self._more[new.is_only_page] = True
            if old and old.is_only_page and not new.is_only_page:
                self._bring_forward(new)

    def _bring_forward(self, entry: Entry) -> None:
        """A page that is taken and turns out to be needed by another one does not wait with the mere pages."""
        for taken in [taken for taken in self._taken[True] if taken.id == entry.id]:
            self._taken[True].remove(taken)
            self._taken[False].append(taken)


def merge(old: Entry, wanted: Entry) -> Entry:
    """What the frontier says of a URL once it was found again: all roles, the shortest way, a guess only if all are.

    What robots.txt forbids stays forbidden, what a limit has kept from being a page stays so. Of two reasons not to fetch, one
    that holds wherever a URL is found outweighs one that doesn't.
    """
    if not wanted.roles:
        reasons = [reason for reason in (old.reason, wanted.reason) if reason]
        return old if old.roles else replace(old, reason=max(reasons, key=_weight), guess=old.guess and wanted.guess)
    if not old.roles:
        return wanted
    return replace(
        old,
        roles=(old.roles | wanted.roles) - ({Role.PAGE} if old.reason is Reason.LIMIT else set()),
        depth=min(old.depth, wanted.depth),
        guess=old.guess and wanted.guess,
    )


def _says_nothing_new(old: Entry, reference: Reference, depth: int) -> bool:
    """Whether a reference on a resource at this depth asks for no more than what the frontier has: most links of a site do.

    Whatever the scope made of it, `merge` would give the old entry back.
    """
    role, step = _ASKS_FOR.get(reference.kind, (None, 0))
    return role in old.roles and old.depth <= depth + step and not old.guess


def status_text(status: int) -> str:
    """A status as people know it.

    >>> status_text(404), status_text(299 + 300)
    ('404 Not Found', '599')
    """
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def _weight(reason: Reason) -> tuple[int, str]:
    return _WEIGHTS.get(reason, len(_WEIGHTS)), reason


def _differ(old: Entry, new: Entry) -> bool:
    """Whether what a resource refers to may be decided otherwise now."""
    return (old.roles, old.depth, old.guess) != (new.roles, new.depth, new.guess)


def _placed(resource: Resource) -> Resource:
    """A good copy with its place in the tree, from which the rules of an earlier run may have taken it."""
    if resource.path is not None:
        return resource
    shown = "text/html" if _is_redirect(resource) else resource.media_type or ""
    return replace(resource, path=paths.local_path(resource.url, shown), stale=True)


def _reads_the_same(before: Resource, now: Resource) -> bool:
    """Whether the file of an answer is that of the one before."""
    types = [documents.header(resource.headers, "content-type") for resource in (before, now)]
    return before.content == now.content and types[0] == types[1]


def _waits(entry: Entry) -> bool:
    return entry.state <= State.IN_FLIGHT


def _expected(entry: Entry) -> paths.LocalPath:
    page = bool(entry.roles & {Role.PAGE, Role.FRAME})
    return paths.local_path(entry.url, media.expected_type(entry.url, page=page))


def _is_redirect(resource: Resource) -> bool:
    return resource.status is not None and resource.status // 100 == 3  # noqa: PLR2004 - the class of redirects


def _is_html(resource: Resource) -> bool:
    return (
        resource.path is not None
        and not _is_redirect(resource)
        and media.DOCUMENTS.get(resource.media_type or "") is Document.HTML
    )


def _is_page(entry: Entry, resource: Resource) -> bool:
    return Role.PAGE in entry.roles and _is_html(resource)
