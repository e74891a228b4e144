"""What is kept of an answer, and what it does to the copy that is there.

An answer is recorded whole or not at all: its object, its version, its references, what they add to the frontier, and the
acknowledgement. A good copy gives way to another good answer, or to 404 and 410, and to nothing else: any other answer is
recorded beside it as the reason why it could not be renewed.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Final

from mirror.core.document import documents
from mirror.core.document.references import Reference
from mirror.core.http import caching, messages
from mirror.core.http.messages import Headers, Response
from mirror.core.policy import soft_errors
from mirror.core.policy.scope import Reason, Role
from mirror.core.syntax.embedded_urls import Kind
from mirror.core.syntax.robots_meta import Word
from mirror.core.url.canonical import CanonicalURL
from mirror.store.disk.objects import Digest
from mirror.store.manifest.interface import Found
from mirror.store.manifest.records import Entry, Resource, Standing, State
from mirror.store.rules.departures import leave
from mirror.store.rules.versions import GONE, is_page, placed, version
from mirror.store.run.commits import Commits
from mirror.store.run.context import RunContext
from mirror.store.run.discovery import Discovery
from mirror.store.run.rendering_candidates import RenderingCandidates

_ONLY_TODAY: Final = frozenset({Reason.SIZE, Reason.PRIVATE})
"""Reasons not to fetch that say nothing of the copy that is there."""
_GOOD: Final = frozenset({Standing.PRESENT, Standing.KEPT, Standing.UNLINKED, Standing.OUTSIDE})
_LEFT_OUT: Final = {Word.NOINDEX: Reason.NOINDEX, Word.NOARCHIVE: Reason.NOARCHIVE}


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of an answer. `saved`: a new copy is in the tree; `page`: it is a page of the mirror."""

    resource: Resource
    saved: bool
    page: bool
    failed: bool


class Answers:
    """Records answers and failures. Raises `StorageError` if the disk can't."""

    def __init__(
        self, run: RunContext, commits: Commits, discovery: Discovery, candidates: RenderingCandidates
    ) -> None:
        self.when_answered: Callable[[int], None] = lambda _: None
        """Called with the id of each URL that has an answer from now on, or is known to get none."""
        self._run = run
        self._manifest = run.manifest
        self._commits = commits
        self._discovery = discovery
        self._candidates = candidates

    @property
    def keeps_all(self) -> bool:
        """Whether no page may ask to be left out, so that a payload may be kept before its directives are read."""
        return self._run.scope.obeys.isdisjoint(_LEFT_OUT)

    def record(
        self, entry: Entry, response: Response, references: Sequence[Reference], digest: Digest | None = None
    ) -> Recorded:
        """Keep an answer and follow what it leads to. `digest`: its payload is an object already."""
        with self._answering(entry) as known:
            before = self._manifest.resources.current(known.id)
            if known.reason is Reason.PROBE:
                return self._record_probe(known, before, response, references)
            is_unchanged = (
                response.status == HTTPStatus.NOT_MODIFIED and before is not None and self._run.has_copy(before)
            )
            reason = self._left_out(known, response, before if is_unchanged else None, references)
            if reason:
                recorded = self._leave_out(known, before, response, None if is_unchanged else references, reason)
            elif is_unchanged and before:
                headers = caching.renewed(before.headers, messages.kept(response.headers))
                recorded = self._renew(known, before, headers=headers, checked=self._run.now())
            else:
                resource = version(known, response, references, self._run.now())
                doubt = self._doubt(before, resource, response)
                if before and doubt:
                    return self._keep(known, before, doubt)
                resource = self._with_payload(before, resource, response, digest)
                recorded = self._put(known, before, resource, self._discovery.identified(references))
                leave(self._manifest, before, resource)
            self._offer(recorded, response.payload)
            self._run.publications.add(recorded.resource, response.payload or None)
        return recorded

    def fail(self, entry: Entry, error: str) -> Recorded:
        """Record that no answer came; an earlier good copy stays."""
        with self._answering(entry) as known:
            before = self._manifest.resources.current(known.id)
            if before and self._run.has_copy(before):
                return self._keep(known, before, error)
            resource = version(known, Response(known.url, 0, (), b""), (), self._run.now())
            return self._put(known, before, replace(resource, status=None, error=error), ())

    def skip(self, entry: Entry, reason: Reason, rule: str | None = None) -> None:
        """Record that a URL is not fetched after all, and by which words of its host.

        A copy of what is too large by now, or at a private address, stays, and so does what it leads to.
        """
        with self._answering(entry) as known:
            if rule:
                self._manifest.decisions.set_rule(known.id, rule)
            skipped = replace(known, state=State.SKIPPED, reason=reason)
            self._discovery.admit([(known, skipped)])
            before = self._manifest.resources.current(known.id)
            if reason in _ONLY_TODAY and before and before.path and self._run.has_copy(before):
                self._discovery.follow(skipped, before, self._manifest.links.of(before))

    def is_known(self, before: Resource) -> bool:
        """Whether the archive has what this version says it has."""
        return before.standing not in _GOOD or self._run.has_copy(before)

    def follow_again(self, entry: Entry, before: Resource) -> None:
        """Take what is known of a URL for its answer, without asking the server."""
        with self._answering(entry) as known:
            recorded = self._renew(known, before) if before.error is None else self._put(known, before, before)
            self._offer(recorded)
            self._run.publications.add(recorded.resource)

    def last_good(self, url: CanonicalURL) -> Response | None:
        """The last good copy of a URL that could not be renewed; `None` if there never was one."""
        known = self._manifest.frontier.find([url])
        before = next((self._manifest.resources.current(id_) for id_ in known.values()), None)
        if before is None or before.digest is None or before.standing is not Standing.KEPT:
            return None
        return self._run.archive.response(before, before.digest)

    # --- one answer ----------------------------------------------------------------------------------------------------

    @contextmanager
    def _answering(self, entry: Entry) -> Iterator[Entry]:
        """A transaction that records one answer; gives what the frontier says of the URL by now."""
        with self._commits.transaction():
            yield self._manifest.frontier.entries([entry.id])[entry.id]
        self._run.queue.answered(entry)
        self.when_answered(entry.id)

    def _with_payload(
        self, before: Resource | None, resource: Resource, response: Response, digest: Digest | None
    ) -> Resource:
        """A version with its payload, which is an object from here on."""
        spooled = response.spooled
        if spooled:
            self._commits.hurry()
        if digest is None:
            digest = Digest(spooled.digest) if spooled else self._run.archive.objects.put(response.payload)
        if before is None or before.digest != digest:
            self._run.sync.add(digest)
        if response.payload:
            self._run.archive.hold(digest, response.payload)
        resource = replace(resource, digest=digest, size=response.size)
        if before and resource.reads_as(before):
            resource = replace(resource, stale=before.stale)
        if before and before.digest == digest and self._run.is_alias(before):
            resource = replace(resource, standing=before.standing, path=None, stale=False)
        return resource

    def _doubt(self, before: Resource | None, now: Resource, response: Response) -> str | None:
        """Why an answer does not take the place of a good copy."""
        if before is None or response.status in GONE or not self._run.has_copy(before):
            return None
        if now.path is None:
            return now.error
        if not before.is_html or before.since == self._run.snapshot.id:
            return None
        assert before.digest is not None
        earlier = self._run.archive.response(before, before.digest)
        if response.spooled or earlier.spooled or earlier.payload == response.payload:
            return None
        return soft_errors.answer_suspicion(earlier, response)

    def _keep(self, entry: Entry, before: Resource, error: str) -> Recorded:
        """The last good copy stays, with the reason why it could not be renewed."""
        kept = replace(placed(before), error=error, standing=Standing.KEPT, checked=self._run.now())
        return self._put(entry, before, kept)

    def _renew(
        self, entry: Entry, before: Resource, *, headers: Headers | None = None, checked: str | None = None
    ) -> Recorded:
        """The archive has what the server has."""
        is_alias = self._run.is_alias(before)
        present = replace(
            before if is_alias else placed(before),
            error=None,
            standing=before.standing if is_alias else Standing.PRESENT,
            headers=before.headers if headers is None else headers,
            checked=checked or before.checked,
        )
        return self._put(entry, before, present)

    def _put(self, entry: Entry, before: Resource | None, resource: Resource, found: Found | None = None) -> Recorded:
        """Write the version, acknowledge the entry, and follow the references: `found`, or those that are kept."""
        resource = self._manifest.resources.record(self._run.snapshot, before, resource, found)
        if found is None:
            found = self._manifest.links.of(resource)
        elif before:
            found = [*found, *self._manifest.links.seen(resource)]
        done = replace(entry, state=State.DONE)
        done = self._discovery.counted(done) if is_page(done, resource) else done
        self._discovery.admit([(entry, done)])
        self._discovery.follow(done, resource, found)
        failed = resource.error is not None
        saved = resource.path is not None and not failed and not resource.is_redirect
        return Recorded(resource, saved, is_page(done, resource), failed and not done.guess)

    def _offer(self, recorded: Recorded, payload: bytes = b"") -> None:
        if recorded.page and not recorded.failed:
            self._candidates.offer(recorded.resource, payload)

    # --- what pages ask robots for -------------------------------------------------------------------------------------

    def _left_out(
        self, entry: Entry, response: Response, before: Resource | None, references: Sequence[Reference]
    ) -> Reason | None:
        """Why an answer is left out because it asks for that; stores its directives if they decide about anything.

        `before`: the answer is what is there already.
        """
        if before and before.digest:
            if self.keeps_all:
                return None
            response = self._run.archive.response(before, before.digest)
        has_nofollow = any(reference.kind is Kind.NOFOLLOW for reference in references)
        if not response.is_success or not (has_nofollow or not self.keeps_all):
            return None
        obeys = self._run.scope.obeys
        said = {word: words for word, words in documents.said(response, self._run.now()).items() if word in obeys}
        if said:
            self._manifest.decisions.set_rule(entry.id, "; ".join(dict.fromkeys(said.values())))
        if entry.roles == {Role.LISTING}:
            return None
        return next((reason for word, reason in _LEFT_OUT.items() if word in said), None)

    def _leave_out(
        self,
        entry: Entry,
        before: Resource | None,
        response: Response,
        references: Sequence[Reference] | None,
        reason: Reason,
    ) -> Recorded:
        """Keep nothing of an answer but that it came; follow what it refers to, or what is known of that (`None`)."""
        resource = version(entry, response, references or (), self._run.now())
        resource = replace(resource, path=None, stale=False, error=None, standing=Standing.OUTSIDE)
        found = None if references is None else self._discovery.identified(references)
        recorded = self._put(replace(entry, reason=reason), before, resource, found)
        leave(self._manifest, before, resource)
        return recorded

    def _record_probe(
        self, entry: Entry, before: Resource | None, response: Response, references: Sequence[Reference]
    ) -> Recorded:
        """The answer for a URL that can't exist: tell the trap detector; keep and follow nothing of it."""
        if response.is_success:
            self._run.traps.probed(response, references)
        return self._leave_out(entry, before, response, (), Reason.PROBE)
