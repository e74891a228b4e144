"""How a run ends: decide about resources without an answer, check the loss, settle the tree, store the outcome.

Files that a run lost leave the tree only here. If too many pages were lost at once (`loss_check`), the run is held instead: its
outcome is HELD, none of these files leaves, and the user decides.

A run that saw nothing of the site (a dead server, a robots.txt that forbids the starts) decides about nothing: its outcome is
FAILED, no file leaves, and the last complete snapshot stays the newest one.
"""

from collections.abc import Iterator
from typing import Final

from mirror.core.http.messages import Response
from mirror.core.policy.alias_evidence import are_same, say_the_same
from mirror.core.policy.scope import Reason
from mirror.core.url.canonical import CanonicalURL
from mirror.store.disk.errors import storing
from mirror.store.disk.objects import Digest
from mirror.store.manifest.records import ChangedPage, Outcome, Standing, State
from mirror.store.noise import find_noise
from mirror.store.rules.aliases import fold
from mirror.store.rules.error_files import keep_errors
from mirror.store.rules.loss_check import excessive_loss
from mirror.store.rules.refresh_policy import RefreshPolicy
from mirror.store.rules.unvisited import judge_redirects, judge_unvisited
from mirror.store.run.answers import Answers
from mirror.store.run.browser_pages import BrowserPages
from mirror.store.run.commits import Commits
from mirror.store.run.context import RunContext
from mirror.store.run.discovery import Discovery
from mirror.store.run.restored_pages import restore

_HTML: Final = (("Content-Type", "text/html"),)
_DECIDED: Final = frozenset({Outcome.COMPLETE, Outcome.HELD})
_FAILED: Final = frozenset({Standing.KEPT, Standing.FAILED})


class Ending:
    """Finishes and settles a run. `held`, if the run is held: how many pages are lost, of how many."""

    def __init__(  # noqa: PLR0913 - two of them are words of the user
        self,
        run: RunContext,
        commits: Commits,
        discovery: Discovery,
        answers: Answers,
        pages: BrowserPages,
        *,
        limit: int | None,
        refresh: RefreshPolicy,
    ) -> None:
        self.held: tuple[int, int] | None = None
        self._run = run
        self._manifest = run.manifest
        self._commits = commits
        self._discovery = discovery
        self._answers = answers
        self._pages = pages
        self._limit = limit
        self._refresh = refresh
        self._is_complete = False
        self._has_failed = False
        self._noise = 0

    def finish(self) -> None:
        """Skip pages and listings over the limit, and decide about resources without an answer.

        Called when nothing is left to fetch. The run is over once `settle` is done.
        """
        for entry in self._manifest.frontier.entries(self._run.queue.in_flight).values():
            self._answers.fail(entry, "answer not understood, see the log")
        run = self._run
        with self._commits.transaction():
            self._manifest.links.build_index()
            if self._limit is not None:
                self._manifest.frontier.skip_waiting_pages(Reason.LIMIT)
            self._discovery.waiting = self._manifest.frontier.count_waiting()
            self._has_failed = self._saw_nothing()
            if not self._has_failed:
                judge_unvisited(self._manifest, run.snapshot, run.scope)
            if run.folds and not self._has_failed:
                fold(
                    self._manifest,
                    run.archive.naming,
                    run.snapshot,
                    run.scope,
                    shown=self._discovery.foldings.same,
                    twins=dict(self._twins()),
                    folds=run.folds,
                )
            if not self._has_failed:
                run.archive.naming.review()
            judge_redirects(self._manifest, run.scope)
            if run.keeps_errors:
                keep_errors(self._manifest, run.archive.naming, run.snapshot)
            self._pages.give_up_rest()
        self._commits.flush()
        self._is_complete = True

    def _twins(self) -> Iterator[tuple[CanonicalURL, CanonicalURL]]:
        """Iterate over index pages that are the same as the page of their folder, although some bytes differ."""
        for index, page in self._run.archive.naming.twins():
            answers = [
                self._run.archive.response(one, one.digest) for one in (index, page) if one.digest and not one.error
            ]
            if len(answers) == 2 and are_same(*answers):  # noqa: PLR2004 - both
                yield index.url, page.url

    def settle(self) -> Iterator[bool]:
        """Publish documents again whose links are outdated; yields as `Archive.settle` does. After `finish`, end the run.

        It first waits for the files that worker processes are publishing.
        """
        self._commits.flush()
        while self._run.publications.tasks:
            self._run.publications.collect()
            yield True
        with self._commits.transaction():
            self._manifest.links.build_index()
            if self._is_complete and not self._has_failed:
                self._check_loss()
        self._commits.flush()
        with storing(self._run.archive.root):
            yield from self._run.archive.settle(self._run.publications.tasks)
            self._run.sync.sync_all()
            if self._is_complete:
                yield from self._count_noise()
        if self._is_complete:
            self._end()

    def _saw_nothing(self) -> bool:
        """Return whether the run got nothing that starts and links lead to, and no answer that a page is lost or elsewhere."""
        manifest = self._manifest
        if manifest.runs.has_fetched():
            return False
        changed = [page.url_id for page in manifest.departures.changed_pages() if page.standing not in _FAILED]
        return not any(entry.state is State.DONE for entry in manifest.frontier.entries(changed).values())

    def _count_noise(self) -> Iterator[bool]:
        self._noise = 0
        for is_noise in find_noise(self._run.archive, self._run.snapshot.id):
            self._noise += is_noise
            yield False

    def _check_loss(self) -> None:
        undecided = self._refresh.repair and self._was_held()
        loss = excessive_loss(
            self._manifest, self._run.scope, self._refresh.max_loss, self._says_the_same, undecided=undecided
        )
        if loss:
            self.held = len(loss.pages), loss.total
            restore(self._run, loss.pages)
        else:
            self._manifest.departures.release()

    def _says_the_same(self, page: ChangedPage, content: Digest) -> bool:
        archive = self._run.archive
        if not all(archive.objects.has(digest) for digest in (page.content, content)):
            return False
        responses = [Response(page.url, 200, _HTML, archive.objects.get(digest)) for digest in (page.content, content)]
        return say_the_same(*responses)

    def _was_held(self) -> bool:
        """Return whether the last run that ended was held. A repair asks for a few files, and accepts no loss for the user."""
        ended = (one.outcome for one in self._run.archive.history.snapshots() if one.outcome in _DECIDED)
        return list(ended)[-1:] == [Outcome.HELD]

    def _end(self) -> None:
        snapshot = self._run.snapshot
        with self._manifest.transaction():
            outcome = Outcome.HELD if self.held else Outcome.FAILED if self._has_failed else Outcome.COMPLETE
            self._manifest.runs.finish(snapshot, self._run.now(), outcome)
            self._manifest.decisions.forget_families()
            self._manifest.history.count(snapshot.id, self._noise)
        self._forget_parts()
        self._manifest.checkpoint()
        self._run.archive.back_up()

    def _forget_parts(self) -> None:
        """Delete the parts of downloads, except those whose URLs failed: a later run resumes them."""
        spools = self._run.archive.spools
        for url in spools.urls():
            known = self._manifest.frontier.find([url])
            before = next((self._manifest.resources.current(id_) for id_ in known.values()), None)
            if before is None or before.standing not in _FAILED:
                spools.forget(url)
