"""What a run requests next: entries of the frontier, except traps and resources that are still fresh.

Requisites come before further pages. URLs that a page in the browser waits for come before everything else.
"""

from collections.abc import Iterator, Sequence

from mirror.core.http import caching
from mirror.core.http.cross_origin import named_origin
from mirror.core.http.request_variants import variant_of
from mirror.core.policy.scope import Reason
from mirror.core.url.canonical import CanonicalURL
from mirror.store.manifest.records import Entry
from mirror.store.rules.refresh_policy import RefreshPolicy
from mirror.store.run.answers import Answers
from mirror.store.run.commits import Commits
from mirror.store.run.context import RunContext
from mirror.store.run.discovery import Discovery


class NextEntries:
    """Hands out the entries to fetch, one by one."""

    def __init__(  # noqa: PLR0913 - the parts of a run, and one word
        self,
        run: RunContext,
        refresh: RefreshPolicy,
        commits: Commits,
        discovery: Discovery,
        answers: Answers,
        *,
        wanted: Sequence[CanonicalURL] = (),
    ) -> None:
        """`wanted` are URLs that are requested in any case."""
        self._run = run
        self._queue = run.queue
        self._refresh = refresh
        self._commits = commits
        self._discovery = discovery
        self._answers = answers
        self._wanted = frozenset(wanted)

    def next(self) -> Entry | None:
        """Return the next entry to fetch; `None` if nothing can be handed out now."""
        while entry := self._queue.next():
            rule = (
                self._run.traps.blocking_rule(entry.url, entry.referrer)
                if entry.referrer and entry.is_only_page
                else None
            )
            if not self._run.scope.may_request(entry.url):
                self._answers.skip(entry, Reason.ORIGIN)
            elif rule:
                self._answers.skip(entry, Reason.TRAP, rule)
            elif not self._renew_if_fresh(entry):
                return entry
        return None

    def renew(self) -> Iterator[None]:
        """Follow fresh resources without requesting them; yields often. `next` returns the entries that are not fresh."""
        if self._refresh.asks_always:
            return
        with self._commits.transaction():
            listings = self._run.manifest.frontier.listings()
            # Elsewhere a robots.txt is requested only before another request to its host, and there may be none.
            self._discovery.admit_again(listings)
        while self._queue.may_look_ahead and (entry := self._queue.take()):
            if not self._renew_if_fresh(entry):
                self._queue.keep_at_hand(entry)
            yield

    def conditions(self, entry: Entry) -> list[tuple[str, str]]:
        """Return the headers of a conditional request: the server sends the payload only if the archive doesn't have it.

        If a page read the resource from another origin, the request names that origin. The answer to a POST has no validators
        (RFC 9110, 9.3.3). An empty copy is asked for without conditions, which costs nothing: if a server answered with nothing
        by mistake, its validators may be those of the file that it has again.
        """
        before = self._run.manifest.resources.current(entry.id)
        origin = self._run.origins.get(entry.id) or (named_origin(before.headers) if before else None)
        named = [("Origin", origin)] if origin else []
        is_known = before is not None and variant_of(entry.url).method == "GET" and self._run.has_copy(before)
        return named + (caching.conditions(before.headers) if before and before.size and is_known else [])

    def _renew_if_fresh(self, entry: Entry) -> bool:
        """Follow an entry that is fresh, without a request; return whether it was fresh."""
        is_asked = self._refresh.asks_always or entry.url in self._wanted or entry.id in self._run.origins
        before = None if is_asked else self._run.manifest.resources.current(entry.id)
        if before is None or not self._answers.is_known(before):
            return False
        if not self._refresh.is_fresh(before, self._run.now()):
            return False
        self._answers.follow_again(entry, before)
        return True
