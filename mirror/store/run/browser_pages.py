"""The pages of a run that a browser opens: which is next, what it asks for, and what it came to.

A page is handed out as it was received. What it asks for is admitted to the frontier and preferred to all else, because the
page waits for it. What it refers to in the end becomes links of its version.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from mirror.core.document.references import Reference
from mirror.core.http.messages import Response
from mirror.store.manifest.interface import Found
from mirror.store.manifest.records import Entry, Resource, State
from mirror.store.manifest.rendering_records import Outcome, Renderings, Task, When
from mirror.store.run.commits import Commits
from mirror.store.run.context import RunContext
from mirror.store.run.discovery import Discovery

LOADS: Final = "scripts that load more"
"""A reason why a page does not work from a disk: its scripts load what no document refers to."""


class BrowserPages:
    """Hands out pages to render, and records what came of them."""

    def __init__(self, run: RunContext, commits: Commits, discovery: Discovery) -> None:
        self._run = run
        self._manifest = run.manifest
        self._renderings = run.renderings
        self._queue = run.queue
        self._commits = commits
        self._discovery = discovery

    @property
    def are_left(self) -> bool:
        """Whether pages wait that are new in this run."""
        return self._renderings is not None and self._renderings.is_left()

    def counts(self) -> Renderings | None:
        """What was rendered so far; `None` if no page is to be rendered."""
        return self._renderings.counts() if self._renderings else None

    def next(self) -> tuple[Task, Response] | None:
        """The next page to open, as it was received; `None` if none waits now."""
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
        return task, self._run.archive.response(resource, resource.digest)

    def want(self, task: Task, reference: Reference) -> Entry | None:
        """Follow what a page asks for at once. Gives its entry; `None` if the page is another one by now."""
        with self._commits.transaction():
            resource = self._page(task)
            if resource is None:
                return None
            found = self._discovery.identified([reference])
            self._add_links(task, resource, found)
            return self._manifest.frontier.entries([found[0][0]]).get(found[0][0])

    def wait_for(self, url_id: int) -> tuple[Entry | None, Resource | None]:
        """What is known of a URL that a page waits for; if it is still to be fetched, it is fetched first."""
        entry = self._manifest.frontier.entries([url_id]).get(url_id)
        if entry and entry.state in {State.PENDING, State.IN_FLIGHT}:
            self._queue.prefer(url_id)
        return entry, self._manifest.resources.current(url_id) if entry and entry.state is State.DONE else None

    def redirects_to(self, resource: Resource) -> int | None:
        """The id of the URL to which a redirect leads."""
        return self._manifest.locations.place(resource.url_id)[1] if resource.is_redirect else None

    def finish(
        self, task: Task, seen: Sequence[Reference], dom: bytes | None, outcome: Outcome, needs: Iterable[str]
    ) -> None:
        """Record what a page came to, and follow what it refers to by then.

        `dom` is kept if the user wants that. `needs` are reasons why the page does not work from a disk.
        """
        assert self._renderings is not None
        with self._commits.transaction():
            resource = self._page(task)
            if resource is None:
                self._renderings.done(task, replace(outcome, outcome="another page by then"))
                return
            self._add_links(task, resource, self._discovery.identified(seen))
            is_kept = dom is not None and self._renderings.when is When.DOM and resource.media_type == "text/html"
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

    def put_back(self, task: Task) -> None:
        """A page had to do without something: it is opened again, after the others."""
        assert self._renderings is not None
        self._renderings.put_back(task)

    def give_up(self, why: str) -> None:
        """No page is rendered any more in this run."""
        if self._renderings:
            with self._commits.transaction():
                self._renderings.give_up(why)

    def give_up_rest(self) -> None:
        """The run is over: what waits is not rendered. Called inside a transaction."""
        if self._renderings:
            self._renderings.give_up("not rendered")

    def _page(self, task: Task) -> Resource | None:
        """The page of a task, if it is still that."""
        resource = self._manifest.resources.current(task.url_id)
        there = resource is not None and resource.id == task.resource_id and resource.digest and resource.is_html
        return resource if there else None

    def _add_links(self, task: Task, resource: Resource, found: Found) -> None:
        assert self._renderings is not None
        ids = [url_id for url_id, _ in found]
        before = self._wanted(ids)
        self._manifest.links.add_seen(resource, found)
        self._discovery.follow(self._manifest.frontier.entries([task.url_id])[task.url_id], resource, found)
        self._renderings.find(task, len(self._wanted(ids) - before))

    def _wanted(self, ids: Sequence[int]) -> set[int]:
        return {url_id for url_id, entry in self._manifest.frontier.entries(ids).items() if entry.roles}
