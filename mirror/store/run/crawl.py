"""One run over an archive: what to fetch next, and what each answer leads to.

Enters: responses and failures. Leaves: `Entry`s to fetch. Every decision about a URL is `policy.scope`'s; this module carries
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
pages a limit lets through depends on the order, and how far into a trap a run goes.
"""

import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from mirror.core.document import documents
from mirror.core.document.references import Reference
from mirror.core.http import caching, messages
from mirror.core.http.messages import Headers, Response
from mirror.core.policy import dynamic_pages, soft_errors
from mirror.core.policy.crawler_traps import Budgets
from mirror.core.policy.scope import Decision, Reason, Role, Scope, Source
from mirror.core.syntax.embedded_urls import Kind
from mirror.core.syntax.robots_meta import Word
from mirror.core.url import aliases, local_paths, media_types
from mirror.core.url.canonical import CanonicalURL
from mirror.store.archive import MOST_HOPS, Archive
from mirror.store.disk.errors import storing
from mirror.store.disk.objects import Digest
from mirror.store.disk.publisher import Elsewhere
from mirror.store.manifest.history_records import Numbers
from mirror.store.manifest.records import Counts, Entry, Outcome, Resource, Standing, State
from mirror.store.manifest.rendering_records import Outcome as Came
from mirror.store.manifest.rendering_records import Renderings, Task, When
from mirror.store.run.aliases import fold
from mirror.store.run.departures import judge_redirects, leave, part, too_much_lost
from mirror.store.run.entry_merge import differ, merge, says_nothing_new
from mirror.store.run.object_sync import Syncing
from mirror.store.run.publication_queue import Putting
from mirror.store.run.queue import Handing
from mirror.store.run.refresh_policy import ASK_ALWAYS, Renewal
from mirror.store.run.trap_state import Trapping

if TYPE_CHECKING:
    from mirror.store.manifest.history_interface import RenderingQueue

_ROOM: Final = 64 << 20  # free bytes below which each answer is committed at once: later there may be no room for that
_GONE = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.GONE})
_OF_TODAY: Final = frozenset({Reason.SIZE, Reason.PRIVATE})
"""Reasons that say nothing of the copy which is there."""
_GOOD: Final = frozenset({Standing.PRESENT, Standing.KEPT, Standing.UNLINKED, Standing.OUTSIDE})
_FAILED: Final = frozenset({Standing.KEPT, Standing.FAILED})
_LEFT_OUT: Final = {Word.NOINDEX: Reason.NOINDEX, Word.NOARCHIVE: Reason.NOARCHIVE}

MODULES: Final = "module scripts"
LOADS: Final = "scripts that load more"
"""Why a page works from no disk; more such is told by the browser."""

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


class Crawl:
    """A run. `now` tells the time as ISO 8601 text; `limit` bounds the number of pages; `together` answers are one commit.

    `wanted` are URLs that an earlier run knew and that are asked for whether or not anything leads to them. `budgets` bound
    traps; `None`: nothing is one. `folds`: URLs of one resource are one (`core.url.aliases`). `elsewhere` publishes in other
    processes. `rendering` says which pages a browser is to open.
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
        budgets: Budgets | None = Budgets(),  # noqa: B008 - it is frozen
        folds: bool = True,
        together: int = 1,
        elsewhere: Elsewhere | None = None,
        rendering: When = When.NEVER,
        now: Callable[[], str],
    ) -> None:
        self.archive = archive
        self.limit = limit
        self.held: tuple[int, int] | None = None
        """How many of how many pages are gone, where that was too much."""
        self.when_answered: Callable[[int], None] = lambda _: None
        """Called with the id of each URL of which is known by now what came of it."""
        self._manifest = archive.manifest
        self._renewal = renewal
        self._now = now
        self._complete = False
        self._together = together
        self._most_uncommitted = 1  # until it is known that there is room
        self._uncommitted = 0  # answers since the last commit
        self._putting = Putting(archive, elsewhere)
        self._syncing = Syncing(archive)
        for _ in archive.read_again():
            pass
        with storing(archive.root), self._manifest.transaction():
            self.snapshot = self._manifest.runs.begin(scope.starts, options or {}, now())
            archive.recover()
            self.scope = replace(
                scope, starts=self.snapshot.starts, tombstones=tuple(self._manifest.decisions.tombstones())
            )
            self._waiting = self._manifest.frontier.count_waiting()
            self._handing = Handing(self._take, self._take_one, limit, self._manifest.frontier.count_pages())
            self.traps = Trapping(archive, self.snapshot, budgets)
            self._folds = folds
            self._admit_starts(scope.starts)
            self._admit_again(wanted)
        self._rendering: RenderingQueue | None = None
        if rendering is not When.NEVER:
            self._rendering = self._manifest.rendering_queue(self.snapshot.id, rendering)

    def __len__(self) -> int:
        """How many URLs wait or are being fetched."""
        return self._waiting

    # --- what to fetch -------------------------------------------------------------------------------------------------

    def next(self) -> Entry | None:
        """The next URL to fetch: what pages need comes before further pages. `None`: nothing can be handed out now."""
        while entry := self._handing.next():
            rule = self.traps.bars(entry.url, entry.referrer) if entry.referrer and entry.is_only_page else None
            if rule:
                self.skip(entry, Reason.TRAP, rule)
            elif not self._renew_if_fresh(entry):
                return entry
        return None

    def has_next(self) -> bool:
        """Whether `next` may give something."""
        return bool(self._handing)

    def hold_back(self, origins: Iterable[str]) -> None:
        """From now on `next` takes nothing from the frontier that is of these; each ends in a slash."""
        self._handing.hold_back(origins)

    def renew(self) -> Iterator[None]:
        """Follow what is fresh without asking for it; yields often. What is not waits for `next`."""
        if self._renewal.asks_always:
            return
        with self._transaction():
            listings = (
                self._manifest.frontier.listings()
            )  # nobody asks for a robots.txt before anything else is asked for
            self._admit_again(listings)
        while self._handing.may_look_ahead and (entry := self._handing.take()):
            if not self._renew_if_fresh(entry):
                self._handing.keep_at_hand(entry)
            yield

    def conditions(self, entry: Entry) -> list[tuple[str, str]]:
        """The headers that ask a server for a resource only if it is not what the archive has."""
        before = self._manifest.resources.current(entry.id)
        return caching.conditions(before.headers) if before and self._is_there(before) else []

    # --- what came -----------------------------------------------------------------------------------------------------

    @property
    def keeps_all(self) -> bool:
        """Whether no host may ask for its pages to be left out: a payload may be kept before it is known what it says."""
        return self.scope.obeys.isdisjoint(_LEFT_OUT)

    def record(
        self, entry: Entry, response: Response, references: Sequence[Reference], digest: Digest | None = None
    ) -> Recorded:
        """Keep an answer and follow what it leads to. `digest`: its payload is an object already.

        Raises `StorageError` where the disk can't.
        """
        with self._answering(entry) as known:
            before = self._manifest.resources.current(known.id)
            if known.reason is Reason.PROBE:
                return self._hear_probe(known, before, response, references)
            is_unchanged = response.status == HTTPStatus.NOT_MODIFIED and before is not None and self._is_there(before)
            reason = self._asks_for(known, response, before if is_unchanged else None, references)
            if reason:
                recorded = self._leave_out(known, before, response, None if is_unchanged else references, reason)
            elif is_unchanged and before:
                headers = caching.renewed(before.headers, messages.kept(response.headers))
                recorded = self._renew(known, before, headers=headers, checked=self._now())
            else:
                resource = self._resource(known, response, references)
                doubt = self._doubt(before, resource, response)
                if before and doubt:
                    return self._keep(known, before, doubt)
                resource = self._kept(before, resource, response, digest)
                recorded = self._put(known, before, resource, self._identified(references))
                leave(self._manifest, before, resource)
            self._meet(recorded, response.payload)
            self._putting.add(recorded.resource, response.payload or None)
        return recorded

    def _kept(self, before: Resource | None, resource: Resource, response: Response, digest: Digest | None) -> Resource:
        """A resource with its payload, which is an object from here on."""
        spooled = response.spooled
        if spooled:  # it took long to come
            self._uncommitted = self._together
        if digest is None:
            digest = Digest(spooled.digest) if spooled else self.archive.objects.put(response.payload)
        if before is None or before.digest != digest:
            self._syncing.add(digest)
        if response.payload:
            self.archive.hold(digest, response.payload)
        resource = replace(resource, digest=digest, size=response.size)
        if before and resource.reads_as(before):
            resource = replace(resource, stale=before.stale)
        if before and before.digest == digest and self._is_folded(before):
            resource = replace(resource, standing=before.standing, path=None, stale=False)
        return resource

    def flush(self) -> None:
        """Make happen what was answered so far. Raises `StorageError` where the disk can't."""
        with storing(self.archive.root):
            with self._manifest.savepoint():
                self.traps.save()
            self._manifest.commit()
            self._uncommitted = 0
            has_room = shutil.disk_usage(self.archive.root).free > _ROOM
            self._most_uncommitted = self._together if has_room else 1
            self._putting.put()

    def fail(self, entry: Entry, error: str) -> Recorded:
        """Keep that there was no answer; an earlier good copy stays."""
        with self._answering(entry) as known:
            before = self._manifest.resources.current(known.id)
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
                self._manifest.decisions.set_rule(known.id, rule)
            skipped = replace(known, state=State.SKIPPED, reason=reason)
            self._admit([(known, skipped)])
            before = self._manifest.resources.current(known.id)
            if reason in _OF_TODAY and before and before.path and self._is_there(before):
                self._discover(skipped, before, self._manifest.links.of(before))

    def listing(self, url: CanonicalURL) -> Entry:
        """An entry for what is fetched on the crawl's own account: robots.txt. That it is missing is no failure."""
        with self._transaction():
            url_id = self._manifest.frontier.identify([url])[url]
            known = self._manifest.frontier.entries([url_id]).get(url_id)
            wanted = Entry(url_id, url, State.IN_FLIGHT, frozenset({Role.LISTING}), 0, guess=True)
            entry = merge(known, wanted) if known else wanted
            self._admit([(known, entry)])
        return entry

    def now(self) -> str:
        return self._now()

    def failing_since(self, url: CanonicalURL) -> str | None:
        """When the run began that first had no good answer of a URL, if none has had one since; ISO 8601."""
        return next(
            (self._manifest.resources.failing_since(id_) for id_ in self._manifest.frontier.find([url]).values()), None
        )

    def last_good(self, url: CanonicalURL) -> Response | None:
        """The last good copy of a URL that could not be renewed; `None`: there never was one."""
        before = next(
            (self._manifest.resources.current(id_) for id_ in self._manifest.frontier.find([url]).values()), None
        )
        if before is None or before.digest is None or before.standing is not Standing.KEPT:
            return None
        return self.archive.response(before, before.digest)

    def finish(self) -> None:
        """Nothing is left to fetch: what was over the limit is given up. Once the tree is settled, the run is over."""
        for entry in self._manifest.frontier.entries(self._handing.in_flight).values():
            self.fail(entry, "answer not understood, see the log")
        with self._transaction():
            self._manifest.links.build_index()
            if self.limit is not None:
                self._manifest.frontier.skip_waiting_pages(Reason.LIMIT)
            self._waiting = self._manifest.frontier.count_waiting()
            part(self._manifest, self.snapshot, self.scope)
            if self._folds:
                fold(self._manifest, self.snapshot, self.scope, _placed)
            judge_redirects(self._manifest, self.scope)
            if self._rendering:
                self._rendering.give_up("not rendered")
        self.flush()
        self._complete = True

    def settle(self) -> Iterator[bool]:
        """Publish again what leads somewhere else by now; yields as `Archive.settle` does. A run that is complete ends here.

        What other processes were asked for is waited for first: their answers have to be able to come in between.
        """
        self.flush()
        while self._putting.queue:
            self._putting.hear()
            yield True
        with self._transaction():
            self._manifest.links.build_index()
            if self._complete:
                self.held = too_much_lost(self._manifest, self.scope, self._renewal.most_lost)
                if not self.held:
                    self._manifest.departures.release()
        self.flush()
        with storing(self.archive.root):
            yield from self.archive.settle(self._putting.queue)
            self._syncing.sync_all()
        if self._complete:
            with self._manifest.transaction():
                outcome = Outcome.HELD if self.held else Outcome.COMPLETE
                self._manifest.runs.finish(self.snapshot, self._now(), outcome)
                self._manifest.decisions.forget_families()
                self.archive.history.count(self.snapshot.id)
            self._forget_parts()
            self.archive.manifest.checkpoint()

    def _forget_parts(self) -> None:
        """Parts of payloads stay for later runs where their URLs failed, and for nobody else."""
        for url in self.archive.spools.urls():
            before = next(
                (self._manifest.resources.current(id_) for id_ in self._manifest.frontier.find([url]).values()), None
            )
            if before is None or before.standing not in _FAILED:
                self.archive.spools.forget(url)

    def counts(self) -> Counts:
        return self._manifest.runs.counts(self.snapshot)

    def changes(self) -> Numbers | None:
        """What this run found otherwise than those before it; `None`: it is the first."""
        history = self.archive.history
        return history.numbers(self.snapshot.id) if history.has_before(self.snapshot.id) else None

    # --- what a browser finds ------------------------------------------------------------------------------------------

    @property
    def is_done(self) -> bool:
        """Whether nothing waits, to be fetched or to be rendered."""
        return not len(self) and not (self._rendering and self._rendering.is_left())

    def renderings(self) -> Renderings | None:
        """What came of the pages that a browser was to open; `None`: there is none."""
        return self._rendering.counts() if self._rendering else None

    def next_to_render(self) -> tuple[Task, Response] | None:
        """A page to open in a browser, as it was received; `None`: none waits for now."""
        idle = not self._handing and not self._handing.in_flight
        if self._rendering is None or not self._rendering.may_have(idle=idle):
            return None
        with self._transaction():
            task = self._rendering.next(idle=idle)
            if task:
                self._manifest.links.build_index()
        resource = self._rendered(task) if task else None
        if task is None or resource is None:
            return None
        assert resource.digest is not None
        return task, self.archive.response(resource, resource.digest)

    def want(self, task: Task, reference: Reference) -> Entry | None:
        """What a page asks for is followed at once. Gives what the frontier says of it; `None`: the page is another one."""
        with self._transaction():
            resource = self._rendered(task)
            if resource is None:
                return None
            found = self._identified([reference])
            self._see(task, resource, found)
            return self._manifest.frontier.entries([found[0][0]]).get(found[0][0])

    def wait_for(self, url_id: int) -> tuple[Entry | None, Resource | None]:
        """What is known of what a page waits for; it is preferred where it is to be fetched."""
        entry = self._manifest.frontier.entries([url_id]).get(url_id)
        if entry and entry.state in {State.PENDING, State.IN_FLIGHT}:
            self._handing.prefer(url_id)
        return entry, self._manifest.resources.current(url_id) if entry and entry.state is State.DONE else None

    def redirects_to(self, resource: Resource) -> int | None:
        """The id of the URL to which a redirect leads."""
        return self._manifest.locations.place(resource.url_id)[1] if resource.is_redirect else None

    def see(self, task: Task, seen: Sequence[Reference], dom: bytes | None, came: Came, needs: Iterable[str]) -> None:
        """Keep what a page came to in a browser, and follow what it refers to then. `dom` is kept if the user wants that.

        `needs` says what it does that no disk allows.
        """
        assert self._rendering is not None
        with self._transaction():
            resource = self._rendered(task)
            if resource is None:
                self._rendering.done(task, replace(came, outcome="another page by then"))
                return
            self._see(task, resource, self._identified(seen))
            is_kept = dom is not None and self._rendering.when is When.DOM and resource.media_type == "text/html"
            digest = self.archive.objects.put(dom) if is_kept and dom is not None else None
            if digest:
                self._syncing.add(digest)
            _, before = self._manifest.resources.staleness(resource)
            self._rendering.done(task, replace(came, dom=digest))
            all_needs = {*needs, *([LOADS] if self._manifest.links.loads_more(resource) else [])}
            self._manifest.decisions.add_needs(resource.id, all_needs)
            if digest != before:
                self._manifest.resources.mark_stale([resource.id])
                self._putting.add(replace(resource, stale=True))

    def render_later(self, task: Task) -> None:
        """A page had to do without something: it is opened again, after the others."""
        assert self._rendering is not None
        self._rendering.put_back(task)

    def render_none(self, why: str) -> None:
        """There is no browser after all."""
        if self._rendering:
            with self._transaction():
                self._rendering.give_up(why)

    def _rendered(self, task: Task) -> Resource | None:
        """The page of a task, if it is still that."""
        resource = self._manifest.resources.current(task.url_id)
        there = resource is not None and resource.id == task.resource_id and resource.digest and resource.is_html
        return resource if there else None

    def _see(self, task: Task, resource: Resource, found: Found) -> None:
        assert self._rendering is not None
        ids = [url_id for url_id, _ in found]
        before = {url_id for url_id, entry in self._manifest.frontier.entries(ids).items() if entry.roles}
        self._manifest.links.add_seen(resource, found)
        self._discover(self._manifest.frontier.entries([task.url_id])[task.url_id], resource, found)
        wanted = {url_id for url_id, entry in self._manifest.frontier.entries(ids).items() if entry.roles}
        self._rendering.find(task, len(wanted - before))

    def _meet(self, recorded: Recorded, payload: bytes = b"") -> None:
        """A page may work from no disk, and be worth a browser."""
        resource = recorded.resource
        if not recorded.page or recorded.failed or resource.digest is None:
            return
        is_module_built = b"module" in payload
        if self._rendering is None and not is_module_built:
            return
        text = documents.html_text(self.archive.response(resource, resource.digest)) or ""
        if is_module_built and dynamic_pages.is_module_built(text):
            self._manifest.decisions.add_needs(resource.id, {MODULES})
        if self._rendering:
            self._rendering.add(resource, dynamic_pages.look(text, resource.url))

    # --- what pages ask robots for ---------------------------------------------------------------------------------------

    def _asks_for(
        self, entry: Entry, response: Response, before: Resource | None, references: Sequence[Reference]
    ) -> Reason | None:
        """Why an answer is to be left out, because it says so; keeps its words where they decide about anything.

        `before`: it is what was there already.
        """
        if before and before.digest:
            if self.keeps_all:
                return None
            response = self.archive.response(before, before.digest)
        is_asked = any(reference.kind is Kind.NOFOLLOW for reference in references)
        if not response.is_success or not (is_asked or not self.keeps_all):
            return None
        said = {
            word: words for word, words in documents.said(response, self._now()).items() if word in self.scope.obeys
        }
        if said:
            self._manifest.decisions.set_rule(entry.id, "; ".join(dict.fromkeys(said.values())))
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
        leave(self._manifest, before, resource)
        return recorded

    # --- what is a trap, and what is one resource -------------------------------------------------------------------------

    def _hear_probe(
        self, entry: Entry, before: Resource | None, response: Response, references: Sequence[Reference]
    ) -> Recorded:
        """What can't be there: nothing of it is kept, and nothing that it leads to is followed."""
        if response.is_success:
            self.traps.probed(response, references)
        return self._leave_out(entry, before, response, (), Reason.PROBE)

    def _probe(self, page: Entry, url: CanonicalURL) -> None:
        """Ask for what can't be there, as for anything else."""
        url_id = self._manifest.frontier.identify([url])[url]
        known = self._manifest.frontier.entries([url_id]).get(url_id)
        if known is None:
            roles = frozenset({Role.LISTING})
            probe = Entry(url_id, url, State.PENDING, roles, page.depth, True, page.id, Reason.PROBE)  # noqa: FBT003 - a guess
            self._admit([(None, probe)])

    def _is_folded(self, before: Resource) -> bool:
        """Whether what was there is another URL's resource: it stays that where it did not change, until the run is over."""
        return self._folds and before.standing is Standing.OUTSIDE and self._manifest.decisions.is_alias(before.url_id)

    def _plain(self, entry: Entry, found: Found) -> Found:
        """The references, those that are wanted and have a plainer URL led there; that they do is kept."""
        plains = {
            target_id: (reference, plain)
            for target_id, reference in found
            if reference.kind is not Kind.NEVER and (plain := aliases.plain(reference.url)) != reference.url
        }
        plains = {
            target_id: (reference, plain)
            for target_id, (reference, plain) in plains.items()
            if reference.url not in self.scope.starts
            and any(self._wanted(entry, role, target_id, reference).roles for role in entry.roles)
        }
        if not plains:
            return found
        ids = self._manifest.frontier.identify([plain for _, plain in plains.values()])
        known = self._manifest.frontier.entries(list(plains))
        changes, places = [], []
        for target_id, (reference, plain) in plains.items():
            old = known.get(target_id)
            if old is None or not old.roles:
                reason = Reason.TRACKING if aliases.without_tracking(reference.url) == plain else Reason.SESSION
                new = Entry(target_id, reference.url, State.SKIPPED, frozenset(), entry.depth, False, entry.id, reason)  # noqa: FBT003
                wanted = self._wanted(entry, max(entry.roles), ids[plain], reference._replace(url=plain))
                changes.append((old, new))
                places.append((target_id, _expected(wanted)))
        self._manifest.decisions.set_aliases([(target_id, ids[plain]) for target_id, (_, plain) in plains.items()])
        self._admit([change for change in changes if change[0] != change[1]])
        self._manifest.locations.expect(places)
        return [
            (ids[plains[target_id][1]], reference._replace(url=plains[target_id][1]))
            if target_id in plains and reference.kind is not Kind.NEVER
            else (target_id, reference)
            for target_id, reference in found
        ]

    # --- one answer ----------------------------------------------------------------------------------------------------

    @contextmanager
    def _answering(self, entry: Entry) -> Iterator[Entry]:
        """What is recorded of an answer; gives what the frontier says of the URL by now."""
        with self._transaction():
            yield self._manifest.frontier.entries([entry.id])[entry.id]
        self._handing.answered(entry)
        self.when_answered(entry.id)

    def _take_one(self, url_id: int) -> Entry | None:
        with self._transaction():
            return self._manifest.frontier.take_one(url_id)

    def _take(self, most: int, *, pages: bool, without: Sequence[str]) -> Sequence[Entry]:
        with self._transaction():
            return self._manifest.frontier.take(most, pages=pages, without=without)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """What happens whole or not at all, with the next `flush`.

        It first says which files were published since the last one: later it might make them stale again.
        """
        self._putting.hear()
        with self._putting.told() as published, storing(self.archive.root), self._manifest.savepoint():
            self._manifest.resources.mark_published(published)
            self._syncing.sync()
            yield
        self._uncommitted += 1
        if self._uncommitted >= self._most_uncommitted:
            self.flush()

    def _resource(self, entry: Entry, response: Response, references: Sequence[Reference]) -> Resource:
        """The row of an answer, still without its payload."""
        good = response.is_success or (response.is_redirect and any(ref.kind is Kind.REDIRECT for ref in references))
        error = messages.status_text(response.status) + (" without a valid target" if response.is_redirect else "")
        media_type = response.media_type if response.status else None
        shown = "text/html" if response.is_redirect else media_type or ""
        missing = Standing.GONE if response.status in _GONE else Standing.FAILED
        return Resource(
            url_id=entry.id,
            url=entry.url,
            fetched=self._now(),
            status=response.status,
            headers=messages.kept(response.headers),
            digest=None,
            size=0,
            media_type=media_type,
            path=local_paths.local_path(entry.url, shown) if good else None,
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
        if not before.is_html or before.since == self.snapshot.id:
            return None
        assert before.digest is not None
        earlier = self.archive.response(before, before.digest)
        if response.spooled or earlier.spooled or earlier.payload == response.payload:
            return None
        return soft_errors.answer_suspicion(earlier, response)

    def _keep(self, entry: Entry, before: Resource, error: str) -> Recorded:
        """The last good copy stays; that it could not be renewed is said beside it."""
        kept = replace(_placed(before), error=error, standing=Standing.KEPT, checked=self._now())
        return self._put(entry, before, kept)

    def _renew(
        self, entry: Entry, before: Resource, *, headers: Headers | None = None, checked: str | None = None
    ) -> Recorded:
        """What the archive has is what the server has."""
        folded = self._is_folded(before)
        present = replace(
            before if folded else _placed(before),
            error=None,
            standing=before.standing if folded else Standing.PRESENT,
            headers=before.headers if headers is None else headers,
            checked=checked or before.checked,
        )
        return self._put(entry, before, present)

    def _renew_if_fresh(self, entry: Entry) -> bool:
        """Follow what need not be asked for, and say so."""
        before = None if self._renewal.asks_always else self._manifest.resources.current(entry.id)
        if before is None or (before.standing in _GOOD and not self._is_there(before)):
            return False
        if not self._renewal.is_fresh(before, self._now()):
            return False
        with self._answering(entry) as known:
            recorded = self._renew(known, before) if before.error is None else self._put(known, before, before)
            self._meet(recorded)
            self._putting.add(recorded.resource)
        return True

    def _put(self, entry: Entry, before: Resource | None, resource: Resource, found: Found | None = None) -> Recorded:
        """Write the row, acknowledge, and follow the references; those that are kept where there are no new ones."""
        resource = self._manifest.resources.record(self.snapshot, before, resource, found)
        if found is None:
            found = self._manifest.links.of(resource)
        elif before:
            found = [*found, *self._manifest.links.seen(resource)]
        done = replace(entry, state=State.DONE)
        done = self._counted(done) if _is_page(done, resource) else done
        self._admit([(entry, done)])
        self._discover(done, resource, found)
        failed = resource.error is not None
        saved = resource.path is not None and not failed and not resource.is_redirect
        return Recorded(resource, saved, _is_page(done, resource), failed and not done.guess)

    def _identified(self, references: Sequence[Reference]) -> Found:
        ids = self._manifest.frontier.identify(list(dict.fromkeys(ref.url for ref in references)))
        return [(ids[ref.url], ref) for ref in references]

    def _counted(self, page: Entry) -> Entry:
        """A page that was fetched takes one of the places below the limit; without one it stays what else it is wanted as."""
        if self._handing.count_page(page):
            return page
        return replace(page, roles=page.roles - {Role.PAGE}, reason=Reason.LIMIT)

    # --- what it leads to ----------------------------------------------------------------------------------------------

    def _discover(self, entry: Entry, resource: Resource, found: Found) -> None:
        """Follow the references of a resource, and again those of resources that are wanted otherwise by then."""
        work = [(entry, resource, found)]
        while work:
            entry, resource, found = work.pop()
            scope = self.scope
            roles = entry.roles - {Role.REQUISITE} if resource.is_html else entry.roles
            again = self._follow(entry, roles, found, resource)
            if self.scope is not scope:
                again = self._manifest.frontier.done()
            for entry in again:
                known = self._manifest.resources.current(entry.id)
                if known:
                    work.append((entry, known, self._manifest.links.of(known)))

    def _follow(self, entry: Entry, roles: frozenset[Role], found: Found, resource: Resource) -> list[Entry]:
        """Bring references into the frontier; gives the entries that are done but have to be followed again."""
        if self._folds and roles:
            found = self._plain(entry, found)
        known = self._manifest.frontier.entries([target_id for target_id, _ in found])
        if resource.is_html and Role.PAGE in roles:
            new = [one for target_id, one in found if target_id not in known]
            probe = self.traps.answered(resource, [one for _, one in found], new)
            if probe:
                self._probe(entry, probe)
        barred: dict[int, str] = {}
        merged: dict[int, Entry] = {}
        for target_id, reference in found:
            old = merged.get(target_id) or known.get(target_id)
            if old and says_nothing_new(old, reference, entry.depth):
                continue
            self._extend_scope(entry, reference)
            rule = None if old and old.roles else self.traps.bars(reference.url, entry.url, reference.kind)
            for role in roles:
                wanted = self._wanted(entry, role, target_id, reference)
                if rule and wanted.roles:
                    wanted = replace(wanted, state=State.SKIPPED, roles=frozenset(), reason=Reason.TRAP)
                    barred[target_id] = rule
                old = merged[target_id] = merge(old, wanted) if old else wanted
        changes = [(known.get(url_id), new) for url_id, new in merged.items() if new != known.get(url_id)]
        changes = [(old, self._promoted(old, new)) for old, new in changes]
        self._admit(changes)
        for target_id, rule in barred.items():
            if merged[target_id].reason is Reason.TRAP:
                self._manifest.decisions.set_rule(target_id, rule)
        return [new for old, new in changes if old and old.state is State.DONE and differ(old, new)]

    def _extend_scope(self, entry: Entry, reference: Reference) -> None:
        if reference.kind is Kind.REDIRECT:
            scope = self.scope.redirected(entry.url, reference.url)
            if scope is not self.scope:
                self.scope = scope
                self._manifest.runs.extend_starts(self.snapshot, scope.starts)

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
            if referrer is None or self._manifest.locations.place(referrer)[1] != entry.id:
                return False
            entry = self._manifest.frontier.entries([referrer])[referrer]
        return True

    def _promoted(self, old: Entry | None, new: Entry) -> Entry:
        """What was fetched as something less and turns out to be a page counts as one from now on."""
        if old and old.state is State.DONE and Role.PAGE in new.roles - old.roles:
            resource = self._manifest.resources.current(new.id)
            if resource and _is_page(new, resource):
                new = self._counted(new)
                self._meet(Recorded(resource, saved=False, page=_is_page(new, resource), failed=False))
        return new

    # --- the frontier --------------------------------------------------------------------------------------------------

    def _admit_starts(self, starts: Sequence[CanonicalURL]) -> None:
        ids = self._manifest.frontier.identify(starts)
        known = self._manifest.frontier.entries(list(ids.values()))
        page = frozenset({Role.PAGE})
        self._admit([(None, Entry(ids[url], url, State.PENDING, page, 0)) for url in starts if ids[url] not in known])

    def _admit_again(self, wanted: Sequence[CanonicalURL]) -> None:
        ids = list(self._manifest.frontier.find(wanted).values())
        here = self._manifest.frontier.entries(ids)
        again = [
            replace(entry, state=State.PENDING) for entry in self._manifest.frontier.last_entries(ids) if entry.roles
        ]
        self._admit([(here.get(entry.id), entry) for entry in again])

    def _admit(self, changes: Sequence[Change]) -> None:
        self._manifest.frontier.admit([new for _, new in changes])
        self._manifest.locations.expect(
            [(new.id, _expected(new)) for old, new in changes if new.roles and not (old and old.roles)]
        )
        for old, new in changes:
            self._waiting += _waits(new) - (old is not None and _waits(old))
            self._handing.put(old, new, pending=new.state is State.PENDING)


def _waits(entry: Entry) -> bool:
    return entry.state <= State.IN_FLIGHT


def _expected(entry: Entry) -> local_paths.LocalPath:
    page = bool(entry.roles & {Role.PAGE, Role.FRAME})
    return local_paths.local_path(entry.url, media_types.expected_type(entry.url, page=page))


def _placed(resource: Resource) -> Resource:
    """A good copy with its place in the tree, from which the rules of an earlier run may have taken it."""
    if resource.path is not None:
        return resource
    shown = "text/html" if resource.is_redirect else resource.media_type or ""
    return replace(resource, path=local_paths.local_path(resource.url, shown), stale=True)


def _is_page(entry: Entry, resource: Resource) -> bool:
    return Role.PAGE in entry.roles and resource.is_html
