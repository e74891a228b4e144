"""What a run keeps of an answer, and when an answer replaces a good copy.

An answer is recorded as a whole or not at all: its object, its version, its references, their entries in the frontier, and that
its own entry is done. Only another good answer, a 404 or a 410 replaces a good copy. Any other answer is recorded as the reason
why the copy could not be renewed.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http import HTTPStatus
from operator import attrgetter
from typing import Final

from mirror.core.document import documents
from mirror.core.http import caching, messages
from mirror.core.http.messages import Headers, Response
from mirror.core.policy import lost_content, soft_errors
from mirror.core.policy.scope import Reason, Role
from mirror.core.syntax.reference import Kind, Reference
from mirror.core.syntax.robots_meta import Directive
from mirror.core.url import media_types
from mirror.core.url.aliases import Fold
from mirror.core.url.canonical import CanonicalURL
from mirror.core.url.media_types import Document
from mirror.store.disk.objects import Digest
from mirror.store.manifest.location_interface import Found
from mirror.store.manifest.records import Entry, Resource, Standing, State
from mirror.store.rules import error_pages
from mirror.store.rules.answer_versions import is_page, reads_alike, version
from mirror.store.rules.error_files import error_file
from mirror.store.rules.naming import bare_scheme
from mirror.store.rules.unvisited import add_departure
from mirror.store.run.commits import Commits
from mirror.store.run.context import RunContext
from mirror.store.run.discovery import Discovery
from mirror.store.run.rendering_candidates import RenderingCandidates

_KEEPS_COPY: Final = frozenset({Reason.SIZE, Reason.PRIVATE})
"""Reasons not to fetch a URL that do not concern the copy of an earlier run."""
_KIND_OF: Final[Callable[[Reference], Kind]] = attrgetter("kind")
_GOOD: Final = frozenset({Standing.PRESENT, Standing.KEPT, Standing.UNLINKED, Standing.OUTSIDE})
_LEFT_OUT: Final = {Directive.NOINDEX: Reason.NOINDEX, Directive.NOARCHIVE: Reason.NOARCHIVE}


@dataclass(frozen=True, slots=True)
class Recorded:
    """The result of recording an answer. `saved`: a good copy was stored; `page`: it is a page of the mirror."""

    resource: Resource
    saved: bool
    page: bool
    failed: bool
    found: Found
    """All references of the version."""


class Answers:
    """Records answers and failures. Raises `StorageError` if the disk can't be written."""

    def __init__(
        self, run: RunContext, commits: Commits, discovery: Discovery, candidates: RenderingCandidates
    ) -> None:
        self.when_answered: Callable[[int], None] = lambda _: None
        """Called with the id of each URL that was answered, failed or was skipped."""
        self._run = run
        self._manifest = run.manifest
        self._commits = commits
        self._discovery = discovery
        self._candidates = candidates

    @property
    def keeps_all(self) -> bool:
        """Whether the run ignores noindex and noarchive, so that a payload may be stored before its directives are read."""
        return self._run.scope.obeys.isdisjoint(_LEFT_OUT)

    def will_keep(self, entry: Entry, response: Response) -> bool:
        """Whether the payload of an answer will be stored, whatever it says: so it may be stored before it is recorded.

        Nothing objects to the first answer of a URL. A guess may turn out to be wrong.
        """
        is_wanted = response.is_success and self.keeps_all and not entry.guess
        return is_wanted and self._manifest.resources.current(entry.id) is None

    def judged(self, entry: Entry, response: Response) -> Response:
        """Return an answer as the rules of the run see it: the page of an error may count (`store.rules.error_pages`)."""
        if response.status not in messages.GONE:
            return response
        known = self._manifest.frontier.entries([entry.id]).get(entry.id, entry)
        counts = error_pages.counts(self._manifest, known, response, self._run.archive.response)
        return replace(response, is_error_page=counts)

    def record(
        self, entry: Entry, response: Response, references: Sequence[Reference], digest: Digest | None = None
    ) -> Recorded:
        """Record an answer and follow its references. `digest`, if given: the payload is stored as this object already."""
        with self._answering(entry) as known:
            before = self._manifest.resources.current(known.id)
            if known.reason is Reason.PROBE:
                return self._record_probe(known, before, response, references)
            is_unchanged = before is not None and self._is_unchanged(before, response)
            if known.id not in self._run.tried and _is_misguessed(known, response):
                return self._drop_guess(known, before, response)
            reason = self._left_out(known, response, before if is_unchanged else None, references)
            if reason:
                recorded = self._leave_out(known, before, response, None if is_unchanged else references, reason)
            elif is_unchanged and before:
                headers = caching.renewed(before.headers, messages.without_cookies(response.headers))
                recorded = self._renew(known, before, headers=headers, checked=self._run.now())
            else:
                self._settle_law(known, response, references)
                resource = version(known, response, references, self._run.now(), self._run.archive.naming.law)
                objection = self._objection(before, resource, response)
                if before and objection:
                    return self._keep(known, before, objection)
                resource = self._with_payload(before, resource, response, digest)
                if before and before.standing is Standing.ERROR and resource.error and self._run.keeps_errors:
                    resource = error_file(resource, self._run.archive.naming)
                resource = self._placed(resource, before)
                recorded = self._put(known, before, resource, self._manifest.frontier.with_ids(references))
                add_departure(self._manifest, before, resource)
            self._offer(recorded, response.payload)
            self._run.publications.add(recorded.resource, response.payload or None, recorded.found)
        return recorded

    def fail(self, entry: Entry, error: str) -> Recorded:
        """Record that there was no answer. An earlier good copy stays."""
        with self._answering(entry) as known:
            before = self._manifest.resources.current(known.id)
            if before and self._run.has_copy(before):
                return self._keep(known, before, error)
            law = self._run.archive.naming.law
            resource = version(known, Response(known.url, 0, (), b""), (), self._run.now(), law)
            return self._put(known, before, replace(resource, status=None, error=error), ())

    def skip(self, entry: Entry, reason: Reason, rule: str | None = None) -> None:
        """Record that a URL is not fetched after all; `rule` are the words of its server that decided so.

        If the payload is too large now, or at a private address, an earlier copy stays, and its references are followed.
        """
        with self._answering(entry) as known:
            if rule:
                self._manifest.decisions.set_rule(known.id, rule)
            skipped = known._replace(state=State.SKIPPED, reason=reason)
            self._discovery.admit([(known, skipped)])
            self._discovery.settle_start(skipped)
            self._discovery.check_aliases(skipped, None)
            before = self._manifest.resources.current(known.id)
            if reason in _KEEPS_COPY and before and before.path and self._run.has_copy(before):
                self._discovery.follow(skipped, before, self._manifest.links.of(before))

    def is_known(self, before: Resource) -> bool:
        """Return whether the archive has the payload that this version should have."""
        return before.standing not in _GOOD or self._run.has_copy(before)

    def follow_again(self, entry: Entry, before: Resource) -> None:
        """Use the version that the archive has as the answer, without a request to the server."""
        with self._answering(entry) as known:
            recorded = self._renew(known, before) if before.error is None else self._put(known, before, before)
            self._offer(recorded)
            self._run.publications.add(recorded.resource, found=recorded.found)
            if self._run.listeners.fresh:
                self._run.listeners.fresh(recorded.resource, recorded.page)

    def last_good(self, url: CanonicalURL) -> Response | None:
        """Return the last good copy of a URL that could not be renewed; `None` if there is none."""
        known = self._manifest.frontier.find([url])
        before = next((self._manifest.resources.current(id_) for id_ in known.values()), None)
        if before is None or before.digest is None or before.standing is not Standing.KEPT:
            return None
        return self._run.archive.response(before, before.digest)

    # --- one answer ----------------------------------------------------------------------------------------------------

    @contextmanager
    def _answering(self, entry: Entry) -> Iterator[Entry]:
        """Open the transaction that records one answer; yields the entry as the frontier has it now."""
        with self._commits.transaction():
            yield self._manifest.frontier.entries([entry.id])[entry.id]
        self._run.queue.answered(entry)
        self.when_answered(entry.id)

    def _with_payload(
        self, before: Resource | None, resource: Resource, response: Response, digest: Digest | None
    ) -> Resource:
        """Store the payload as an object, and return the version with its digest."""
        spooled = response.spooled
        if spooled:
            self._commits.commit_soon()
        if digest is None:
            digest = Digest(spooled.digest) if spooled else self._run.archive.objects.put(response.payload)
        self._run.sync.add(digest)
        if response.payload:
            self._run.archive.cache_payload(digest, response.payload)
        resource = replace(resource, digest=digest, size=response.size)
        if before and reads_alike(before, resource):
            resource = replace(resource, stale=before.stale)
        if before and before.digest == digest and not resource.error and self._run.is_alias(before):
            resource = replace(resource, standing=before.standing, path=None, stale=False)
        return resource

    def _placed(self, resource: Resource, before: Resource | None) -> Resource:
        """Return a version with its path in the tree, and publish the files that had to make room for it."""
        if resource.path is None:
            return resource
        naming = self._run.archive.naming
        resource = naming.placed(resource, before, shares=Fold.INDEX in self._run.folds)
        if before and reads_alike(before, resource):
            resource = replace(resource, stale=before.stale)
        for moved in naming.take_moved():
            self._run.publications.add(moved)
        return resource

    def _settle_law(self, entry: Entry, response: Response, references: Sequence[Reference]) -> None:
        """The first good answer decides whose hosts have bare folders: those of http, if http is where it comes from."""
        naming = self._run.archive.naming
        if not naming.is_bare_open or not (response.is_success or response.is_redirect):
            return
        target = next((one.url for one in references if one.kind is Kind.REDIRECT), entry.url)
        naming.keep(replace(naming.law, bare=bare_scheme(target)))
        self._discovery.expect_starts_again()

    def _is_unchanged(self, before: Resource, response: Response) -> bool:
        """Return whether the server says that it still has the payload that the archive has."""
        if response.status != HTTPStatus.NOT_MODIFIED or not self._run.has_copy(before):
            return False
        return caching.is_confirmed(caching.conditions(before.headers), response.headers)

    def _objection(self, before: Resource | None, now: Resource, response: Response) -> str | None:
        """Return why an answer must not replace a good copy; `None` if it may."""
        if before is None or response.status in messages.GONE or not self._run.has_copy(before):
            return None
        if now.error:
            return now.error
        is_of_this_run = before.since == self._run.snapshot.id
        objection = lost_content.objection(before.content_size, response)
        if objection == lost_content.EMPTY and self._was_blank(before):
            objection = None
        if objection:
            is_confirmed = objection == before.error and not is_of_this_run  # an earlier run saw the same
            return None if is_confirmed and objection == lost_content.EMPTY and not before.is_html else objection
        if not before.is_html or is_of_this_run:
            return None
        assert before.digest is not None
        earlier = self._run.archive.response(before, before.digest)
        if response.spooled or earlier.spooled or earlier.payload == response.payload:
            return None
        return soft_errors.answer_suspicion(earlier, response)

    def _was_blank(self, before: Resource) -> bool:
        if before.digest is None:
            return False
        copy = self._run.archive.response(before, before.digest)
        return not copy.has_content or lost_content.is_blank(copy)

    def _keep(self, entry: Entry, before: Resource, error: str) -> Recorded:
        """Keep the last good copy, with the reason why it could not be renewed. An alias has none of its own, and stays one."""
        if self._run.is_alias(before):
            return self._put(entry, before, before)
        kept = replace(
            self._run.archive.naming.with_path(before), error=error, standing=Standing.KEPT, checked=self._run.now()
        )
        return self._put(entry, before, kept)

    def _renew(
        self, entry: Entry, before: Resource, *, headers: Headers | None = None, checked: str | None = None
    ) -> Recorded:
        """Record that the copy in the archive is what the server has."""
        is_alias = self._run.is_alias(before)
        present = replace(
            before if is_alias else self._run.archive.naming.with_path(before),
            error=None,
            standing=before.standing if is_alias else Standing.PRESENT,
            headers=before.headers if headers is None else headers,
            checked=checked or before.checked,
        )
        if not present.stale and present.path and not reads_alike(before, present):  # a 304 may bring other headers
            present = replace(present, stale=True)
        return self._put(entry, before, present)

    def _put(self, entry: Entry, before: Resource | None, resource: Resource, found: Found | None = None) -> Recorded:
        """Store the version, mark the entry as done, and follow `found`; `None`: the references that are stored already."""
        resource = self._manifest.resources.record(self._run.snapshot, before, resource, found)
        if found is None:
            found = self._manifest.links.of(resource)
        elif before:
            found = [*found, *self._manifest.links.seen(resource)]
        done = entry._replace(state=State.DONE)
        done = self._discovery.count_page(done) if is_page(done, resource) else done
        self._discovery.admit([(entry, done)])
        self._discovery.follow(done, resource, found)
        self._discovery.check_aliases(done, resource)
        failed = resource.error is not None
        saved = resource.path is not None and not failed and not resource.is_redirect
        return Recorded(resource, saved, is_page(done, resource), failed and not done.guess, found)

    def _offer(self, recorded: Recorded, payload: bytes = b"") -> None:
        if recorded.page and not recorded.failed:
            self._candidates.offer(recorded.resource, payload)

    # --- noindex, noarchive, probes ------------------------------------------------------------------------------------

    def _left_out(
        self, entry: Entry, response: Response, before: Resource | None, references: Sequence[Reference]
    ) -> Reason | None:
        """Return why an answer asks to be left out, `None` if it doesn't; store the directives that decide about anything.

        `before` is the version in the archive if the server said that it is unchanged.
        """
        if before and before.digest:
            if self.keeps_all:
                return None
            response = self._run.archive.response(before, before.digest)
        has_nofollow = Kind.NOFOLLOW in map(_KIND_OF, references)
        if not response.is_success or not (has_nofollow or not self.keeps_all):
            return None
        obeys = self._run.scope.obeys
        directives = {
            word: words
            for word, words in documents.robots_directives(response, self._run.now()).items()
            if word in obeys
        }
        if directives:
            self._manifest.decisions.set_rule(entry.id, "; ".join(dict.fromkeys(directives.values())))
        if entry.roles == {Role.LISTING}:
            return None
        return next((reason for word, reason in _LEFT_OUT.items() if word in directives), None)

    def _leave_out(
        self,
        entry: Entry,
        before: Resource | None,
        response: Response,
        references: Sequence[Reference] | None,
        reason: Reason,
    ) -> Recorded:
        """Record an answer without its payload, and follow its references; `None`: those that are stored already."""
        resource = version(entry, response, references or (), self._run.now(), self._run.archive.naming.law)
        resource = replace(resource, path=None, stale=False, error=None, standing=Standing.OUTSIDE)
        found = None if references is None else self._manifest.frontier.with_ids(references)
        recorded = self._put(entry._replace(reason=reason), before, resource, found)
        add_departure(self._manifest, before, resource)
        return recorded

    def _drop_guess(self, entry: Entry, before: Resource | None, response: Response) -> Recorded:
        """Record that an answer is a page where a script was guessed to load a file; an earlier copy of such a file stays."""
        if before and not before.is_html and before.path and self._run.has_copy(before):
            return self._keep(entry, before, Reason.GUESS)
        return self._leave_out(entry, before, response, (), Reason.GUESS)

    def _record_probe(
        self, entry: Entry, before: Resource | None, response: Response, references: Sequence[Reference]
    ) -> Recorded:
        """Record the answer for a URL that can't exist: only the trap detector uses it, and nothing of it is followed."""
        if response.is_success:
            self._run.traps.probed(response, references)
        return self._leave_out(entry, before, response, (), Reason.PROBE)


def _is_misguessed(entry: Entry, response: Response) -> bool:
    """Whether a string in a script looked like a file that a page needs, and the server answers it with a page.

    Many servers answer each unknown path with their home page, and status 200.
    """
    is_file = entry.guess and entry.roles == {Role.REQUISITE}
    return is_file and response.is_success and media_types.DOCUMENTS.get(response.media_type) is Document.HTML
