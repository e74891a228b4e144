"""The pages of a run that a browser opens: which is next, what each requests, and the results.

The browser gets a page as it was received. The URLs that the page requests go to the front of the frontier, because the page
waits for them. The references of the finished page become links of its version.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from mirror.core.http.cross_origin import may_read
from mirror.core.http.messages import Response
from mirror.core.policy.scope import Reason, Role
from mirror.core.syntax.reference import Reference
from mirror.core.url.canonical import CanonicalURL
from mirror.store.manifest.location_interface import Found
from mirror.store.manifest.records import Entry, Resource, Standing, State
from mirror.store.manifest.rendering_records import RenderingCounts, RenderingOutcome, RenderingTask, RenderMode
from mirror.store.rules.error_pages import counts
from mirror.store.run.commits import Commits
from mirror.store.run.context import RunContext
from mirror.store.run.discovery import Discovery
from mirror.store.run.rendering_candidates import RenderingCandidates

LOADS: Final = "scripts that load more"
"""A reason why a page does not work from a disk: its scripts load what no document refers to."""


class BrowserPages:
    """Hands out pages to render, and records their outcomes."""

    def __init__(
        self, run: RunContext, commits: Commits, discovery: Discovery, candidates: RenderingCandidates
    ) -> None:
        self._run = run
        self._manifest = run.manifest
        self._renderings = run.renderings
        self._queue = run.queue
        self._commits = commits
        self._discovery = discovery
        self._candidates = candidates
        self._reloaded: set[int] = set()
        self._asked_again: set[int] = set()

    @property
    def are_left(self) -> bool:
        """Whether pages wait that are new in this run."""
        return self._renderings is not None and self._renderings.is_left()

    def counts(self) -> RenderingCounts | None:
        """Count what was rendered so far; `None` if the run renders no pages."""
        return self._renderings.counts() if self._renderings else None

    def problems(self) -> list[tuple[str, int, CanonicalURL]]:
        """Return what went wrong with rendered pages: what, how many pages, one of them."""
        return self._renderings.problems() if self._renderings else []

    @property
    def in_need(self) -> CanonicalURL | None:
        """A page that scripts build, if the run misses a browser."""
        return self._candidates.in_need

    def next(self) -> tuple[RenderingTask, Response, str] | None:
        """Return the next page to open, as it was received, and when its version began; `None` if none is ready."""
        idle = not self._queue and not self._queue.in_flight
        if self._renderings is None or not self._renderings.may_have(idle=idle):
            return None
        with self._commits.transaction():
            task = self._renderings.next(idle=idle)
            if task:
                self._manifest.links.build_index()
        resource = self._page(task) if task else None
        if task is None or resource is None:
            return None
        assert resource.digest is not None
        began = self._run.archive.history.started(resource.since) or self._run.snapshot.started
        return task, self._run.archive.response(resource, resource.digest), began

    def want(self, task: RenderingTask, reference: Reference, origin: str | None = None) -> Entry | None:
        """Admit a URL that a page requests, and return its entry; `None` if the page has changed meanwhile.

        `origin` is what the request has to name, if the page reads a response of another origin. With `guess`, the page
        requests a variant of it.
        """
        with self._commits.transaction():
            resource = self._page(task)
            if resource is None:
                return None
            found = self._manifest.frontier.with_ids([reference])
            self._add_links(task, resource, found)
            entry = self._manifest.frontier.entries([found[0][0]]).get(found[0][0])
            if entry and reference.guess:
                self._run.tried.add(entry.id)
            if entry and origin and entry.state is State.PENDING:
                self._run.origins.setdefault(entry.id, origin)
            return entry

    def reload(self, task: RenderingTask) -> Entry | None:
        """Request a page again that loads itself again, once in a run; `None` if the page has changed meanwhile."""
        entry = self._manifest.frontier.entries([task.url_id]).get(task.url_id)
        if self._page(task) is None or entry is None:
            return None
        if entry.state is State.DONE and entry.id not in self._reloaded:
            self._reloaded.add(entry.id)
            self._queue.expect_again(entry.id)
            entry = self._pending_again(entry)
            assert self._renderings is not None
            self._renderings.find(task, 1)
        return entry

    def wait_for(self, url_id: int, origin: str | None = None) -> tuple[Entry | None, Resource | None]:
        """Return the state of a URL that a page waits for. If it is still to be fetched, fetch it before all others.

        If the answer doesn't let `origin` read it, and no request named an origin, the URL is requested once more.
        """
        entry = self._manifest.frontier.entries([url_id]).get(url_id)
        if entry and origin and self._is_unread(entry, origin):
            entry = self._ask_again(entry, origin)
        if entry and entry.state in {State.PENDING, State.IN_FLIGHT}:
            self._queue.prefer(url_id)
        return entry, self._manifest.resources.current(url_id) if entry and entry.state is State.DONE else None

    def _is_unread(self, entry: Entry, origin: str) -> bool:
        """Whether the answer for a URL doesn't let an origin read it, although it might if the request named the origin."""
        if entry.state is not State.DONE or entry.id in self._run.origins or Role.PAGE in entry.roles:
            return False
        resource = self._manifest.resources.current(entry.id)
        return resource is not None and resource.error is None and not may_read(resource.headers, origin)

    def _ask_again(self, entry: Entry, origin: str) -> Entry:
        self._run.origins[entry.id] = origin
        return self._pending_again(entry)

    def _pending_again(self, entry: Entry) -> Entry:
        again = entry._replace(state=State.PENDING)
        with self._commits.transaction():
            self._discovery.admit([(entry, again)])
        return again

    def redirects_to(self, resource: Resource) -> int | None:
        """Return the id of the target of a redirect."""
        return self._manifest.locations.place(resource.url_id)[1] if resource.is_redirect else None

    def finish(
        self,
        task: RenderingTask,
        seen: Sequence[Reference],
        dom: bytes | None,
        outcome: RenderingOutcome,
        needs: Iterable[str],
    ) -> None:
        """Record the outcome of a page, and follow the references that the browser saw.

        `dom` is stored if the user chose that. `needs` are reasons why the page does not work from a disk.
        """
        assert self._renderings is not None
        with self._commits.transaction():
            resource = self._page(task)
            if resource is None:
                self._renderings.done(task, replace(outcome, outcome="another page by then"))
                return
            self._add_links(task, resource, self._manifest.frontier.with_ids(seen))
            is_kept = dom is not None and self._renderings.when is RenderMode.DOM and resource.media_type == "text/html"
            digest = self._run.archive.objects.put(dom) if is_kept and dom is not None else None
            if digest:
                self._run.sync.add(digest)
            _, before = self._manifest.resources.staleness(resource)
            self._renderings.done(task, replace(outcome, dom=digest))
            all_needs = {*needs, *([LOADS] if self._manifest.links.loads_more(resource) else [])}
            self._manifest.decisions.add_needs(resource.id, all_needs)
            if digest != before:
                self._manifest.resources.mark_stale([resource.id])
                self._run.publications.add(replace(resource, stale=True))

    def put_back(self, task: RenderingTask) -> None:
        """Queue a page again, behind the others, because something that it requested was not there yet."""
        assert self._renderings is not None
        self._renderings.put_back(task)

    def give_up(self, why: str) -> None:
        """Render no more pages in this run."""
        if self._renderings:
            with self._commits.transaction():
                self._renderings.give_up(why)

    def give_up_rest(self) -> None:
        """Give up the pages that still wait at the end of the run. Called inside a transaction."""
        if self._renderings:
            self._renderings.give_up("not rendered")

    def _page(self, task: RenderingTask) -> Resource | None:
        """Return the page of a task; `None` if it has changed meanwhile."""
        resource = self._manifest.resources.current(task.url_id)
        there = resource is not None and resource.id == task.resource_id and resource.digest and resource.is_html
        return resource if there else None

    def _add_links(self, task: RenderingTask, resource: Resource, found: Found) -> None:
        assert self._renderings is not None
        found = self._without_unwanted_media(found)
        ids = [url_id for url_id, _ in found]
        before = self._wanted(ids)
        self._manifest.links.add_seen(resource, found)
        self._discovery.follow(self._manifest.frontier.entries([task.url_id])[task.url_id], resource, found)
        self._renderings.find(task, len(self._wanted(ids) - before))
        self._ask_for_views(ids)

    def _ask_for_views(self, ids: Sequence[int]) -> None:
        """Request URLs again that were no pages when they were answered, and are now (`store.rules.error_pages`)."""
        received = self._run.archive.response
        for entry in self._manifest.frontier.entries(ids).values():
            gone = self._manifest.resources.current(entry.id) if entry.state is State.DONE else None
            if (
                gone is None
                or gone.standing is not Standing.GONE
                or gone.digest is None
                or entry.id in self._asked_again
            ):
                continue
            if counts(self._manifest, entry, received(gone, gone.digest), received):
                self._asked_again.add(entry.id)
                self._discovery.admit([(entry, entry._replace(state=State.PENDING))])

    def _without_unwanted_media(self, found: Found) -> Found:
        """Leave out what a player requests in a page although the user does not want this quality."""
        known = self._manifest.frontier.entries([url_id for url_id, _ in found])
        return [pair for pair in found if pair[0] not in known or known[pair[0]].reason is not Reason.MEDIA]

    def _wanted(self, ids: Sequence[int]) -> set[int]:
        return {url_id for url_id, entry in self._manifest.frontier.entries(ids).items() if entry.roles}
