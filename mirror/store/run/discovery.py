"""Discovery: the references of an answer become entries of the frontier, each of them wanted or with a reason to skip it.

`core.policy.scope` decides about each URL; this module stores its decisions. The order in which answers arrive does not change
the result: an entry has all roles in which any reference wants the URL, and its shortest distance from a start. If an entry
gains a role or a shorter distance after it was answered (a picture turns out to be a page), the run decides about the
references of its answer again. Only two things depend on the order: which pages get a place below the page limit, and how far
into a trap, or down a chain of requisites, a run goes.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from mirror.core.http.messages import MAX_REDIRECTS, Response
from mirror.core.policy.scope import Decision, Reason, Role, Source
from mirror.core.syntax.reference import Kind, Reference
from mirror.core.url import aliases, media_types
from mirror.core.url.canonical import CanonicalURL
from mirror.core.url.local_paths import LocalPath
from mirror.store.manifest.location_interface import Found
from mirror.store.manifest.records import FOLDED, Entry, Resource, Standing, State
from mirror.store.rules.aliases import plain_reason
from mirror.store.rules.answer_versions import is_page
from mirror.store.rules.foldings import Choice, Foldings
from mirror.store.rules.frontier_merge import differ, merge, says_nothing_new, with_news
from mirror.store.run.context import RunContext
from mirror.store.run.nesting import Nesting
from mirror.store.run.rendering_candidates import RenderingCandidates

_LINKS = frozenset({Kind.PAGE, Kind.ROUTE, Kind.CANONICAL, Kind.FEED, Kind.SITEMAP, Kind.NOFOLLOW, Kind.UNENDORSED})
"""The kinds of references for which a claim of `core.url.aliases` may hold. What a page needs is asked as written."""

_AS_WRITTEN = frozenset({Kind.REDIRECT, Kind.NEVER, Kind.LIVE})
"""The kinds of references that are never replaced by their plain URL."""

_ROLES: Final[dict[Role | None, frozenset[Role]]] = {None: frozenset()} | {role: frozenset({role}) for role in Role}

Change = tuple[Entry | None, Entry]
"""The old entry of a URL, if it has one, and the new one."""


class Discovery:
    """Turns references into entries of the frontier. All its methods are called inside a transaction."""

    def __init__(self, run: RunContext, candidates: RenderingCandidates) -> None:
        self._run = run
        self._manifest = run.manifest
        self._queue = run.queue
        self._traps = run.traps
        self._candidates = candidates
        self.nesting = Nesting(run.manifest)
        self.foldings = Foldings(run.manifest, self._payload_of, run.folds)
        self.waiting = run.manifest.frontier.count_waiting()
        """How many entries wait or are in flight."""

    # --- the frontier --------------------------------------------------------------------------------------------------

    def admit_starts(self, starts: Sequence[CanonicalURL]) -> None:
        """Admit the starts, except those that a resumed run has already."""
        ids = self._manifest.frontier.identify(starts)
        known = self._manifest.frontier.entries(list(ids.values()))
        page = frozenset({Role.PAGE})
        self.admit([(None, Entry(ids[url], url, State.PENDING, page, 0)) for url in starts if ids[url] not in known])

    def expect_starts_again(self) -> None:
        """Expect the files of the starts where they will be by the law of names that is settled now."""
        ids = self._manifest.frontier.find(self._run.scope.starts)
        starts = self._manifest.frontier.entries(list(ids.values())).values()
        self._manifest.locations.settle([(entry.id, self._expected(entry)) for entry in starts])

    def _expected(self, entry: Entry) -> LocalPath:
        """Return the path at which the file of an entry is expected."""
        page = bool(entry.roles & {Role.PAGE, Role.FRAME})
        return self._run.archive.naming.law.path(entry.url, media_types.expected_type(entry.url, page=page))

    def admit_again(self, wanted: Sequence[CanonicalURL]) -> None:
        """Admit URLs with the roles that the newest run gave them, even if nothing refers to them in this run."""
        ids = list(self._manifest.frontier.find(wanted).values())
        here = self._manifest.frontier.entries(ids)
        again = [one._replace(state=State.PENDING) for one in self._manifest.frontier.last_entries(ids) if one.roles]
        self.admit([(here.get(entry.id), entry) for entry in again])

    def admit(self, changes: Sequence[Change]) -> None:
        """Store the new entries, and expect a file for each URL that is wanted from now on."""
        self._manifest.frontier.admit([new for _, new in changes])
        self._manifest.locations.expect(
            [(new.id, self._expected(new)) for old, new in changes if new.roles and not (old and old.roles)]
        )
        skipped = self._run.listeners.skipped
        for old, new in changes:
            self.waiting += _waits(new) - (old is not None and _waits(old))
            self._queue.put(old, new)
            if (
                skipped
                and new.state is State.SKIPPED
                and not new.roles
                and (old is None or old.state is not State.SKIPPED)
            ):
                skipped(new)

    def count_page(self, page: Entry) -> Entry:
        """Count a fetched page toward the page limit. Beyond the limit, return its entry without the role of a page."""
        if self._queue.count_page(page):
            return page
        return page._replace(roles=page.roles - {Role.PAGE}, reason=Reason.LIMIT)

    # --- references ----------------------------------------------------------------------------------------------------

    def follow(self, entry: Entry, resource: Resource, found: Found) -> None:
        """Follow the references of a resource, and again those of other resources whose entries change by that."""
        work = [(entry, resource, found)]
        while work:
            entry, resource, found = work.pop()
            scope = self._run.scope
            roles = entry.roles - {Role.REQUISITE} if resource.is_html else entry.roles
            self._extend_scope(entry, resource, found)
            again = self._admit_targets(entry, roles, found, resource)
            if self._run.scope is not scope:
                again = self._manifest.frontier.done()
            for entry in again:
                known = self._manifest.resources.current(entry.id)
                if known:
                    work.append((entry, known, self._manifest.links.of(known)))

    def _admit_targets(self, entry: Entry, roles: frozenset[Role], found: Found, resource: Resource) -> list[Entry]:
        """Admit the targets of references; return the entries that are done but have to be followed again."""
        if self._run.folds and roles:
            found = self._without_aliases(entry, found)
        known = self._manifest.frontier.entries([target_id for target_id, _ in found])
        if resource.is_html and Role.PAGE in roles:
            self._tell_traps(entry, resource, found, known)
        barred: dict[int, str] = {}
        merged: dict[int, Entry] = {}
        sources = [Source(entry.url, role, entry.depth) for role in roles]
        for target_id, reference in with_news(found, known, entry.depth):
            old = merged.get(target_id)
            if old and says_nothing_new(old, reference, entry.depth):
                continue
            old = old or known.get(target_id)
            rule = None if old and old.roles else self._traps.blocking_rule(reference.url, entry.url, reference.kind)
            for source in sources:
                wanted = self._wanted(entry, source, target_id, reference)
                if wanted.roles and not rule and not (old and old.roles):
                    rule = self.nesting.blocking_rule(entry, resource, max(wanted.roles), reference.kind)
                if rule and wanted.roles:
                    wanted = wanted._replace(state=State.SKIPPED, roles=frozenset(), reason=Reason.TRAP)
                    barred[target_id] = rule
                old = merged[target_id] = merge(old, wanted) if old else wanted
        changes = self._changes(known, merged)
        self.admit(changes)
        self._keep_rules(barred, merged)
        return [new for old, new in changes if old and old.state is State.DONE and differ(old, new)]

    def _changes(self, known: Mapping[int, Entry], merged: Mapping[int, Entry]) -> list[Change]:
        changes = ((known.get(url_id), new) for url_id, new in merged.items())
        return [(old, self._promoted(old, new) if old else new) for old, new in changes if new != old]

    def _keep_rules(self, barred: Mapping[int, str], merged: Mapping[int, Entry]) -> None:
        for target_id, rule in barred.items():
            if merged[target_id].reason is Reason.TRAP:
                self._manifest.decisions.set_rule(target_id, rule)
                if self._run.listeners.barred:
                    self._run.listeners.barred(merged[target_id].url, rule)

    def _extend_scope(self, entry: Entry, resource: Resource, found: Found) -> None:
        before = self._run.scope.starts
        if entry.url in before:
            to = next((reference.url for _, reference in found if reference.kind is Kind.REDIRECT), None)
            self._run.answered_start(entry.url, resource, to)
        if self._run.scope.starts != before:
            self._manifest.runs.extend_starts(self._run.snapshot, self._run.scope.starts)

    def settle_start(self, entry: Entry) -> None:
        """Note that a start has no answer: it leads to no other site. Follow all references again if that extends the scope."""
        scope = self._run.scope.settled(entry.url)
        if scope is not self._run.scope:
            self._run.scope = scope
            for done in self._manifest.frontier.done():
                known = self._manifest.resources.current(done.id)
                if known:
                    self.follow(done, known, self._manifest.links.of(known))

    def _wanted(self, entry: Entry, source: Source, target_id: int, reference: Reference) -> Entry:
        """Return the entry that one reference asks for. The target of a redirect is a guess if the redirect is."""
        decision = self._run.scope.decide(reference, source)
        if reference.kind is Kind.REDIRECT and self._is_redirected_too_often(entry):
            decision = Decision(None, reason=Reason.REDIRECTS)
        roles = _ROLES[decision.role]
        state = State.PENDING if roles else State.SKIPPED
        guess = reference.guess or (entry.guess and reference.kind is Kind.REDIRECT)
        return Entry(target_id, reference.url, state, roles, decision.depth, guess, entry.id, decision.reason)

    def _is_redirected_too_often(self, entry: Entry) -> bool:
        """Return whether this redirect is the end of a chain of `MAX_REDIRECTS` redirects, which no browser follows further."""
        for _ in range(MAX_REDIRECTS):
            referrer = entry.referrer_id
            if referrer is None or self._manifest.locations.place(referrer)[1] != entry.id:
                return False
            entry = self._manifest.frontier.entries([referrer])[referrer]
        return True

    def _promoted(self, old: Entry, new: Entry) -> Entry:
        """If a URL was fetched in another role and is now wanted as a page, count and offer it as a page."""
        if old.state is State.DONE and Role.PAGE in new.roles - old.roles:
            resource = self._manifest.resources.current(new.id)
            if resource and is_page(new, resource):
                new = self.count_page(new)
                if is_page(new, resource):
                    self._candidates.offer(resource)
        return new

    # --- traps and aliases ---------------------------------------------------------------------------------------------

    def _tell_traps(self, entry: Entry, resource: Resource, found: Found, known: Mapping[int, Entry]) -> None:
        """Pass the links of a page to the trap detector. It may ask for a probe: a URL that can't exist."""
        new = [] if len(known) == len(found) else [one for target_id, one in found if target_id not in known]
        probe = self._traps.answered(resource, [one for _, one in found], new) if new else None
        if probe:
            self._probe(entry, probe)

    def _probe(self, page: Entry, url: CanonicalURL) -> None:
        """Admit a probe. It does not wait behind pages, as a listing may: their number is what it is to limit."""
        url_id = self._manifest.frontier.identify([url])[url]
        if url_id not in self._manifest.frontier.entries([url_id]):
            roles = frozenset({Role.LISTING, Role.REQUISITE})
            probe = Entry(
                url_id, url, State.PENDING, roles, page.depth, guess=True, referrer_id=page.id, reason=Reason.PROBE
            )
            self.admit([(None, probe)])

    def _payload_of(self, resource: Resource) -> Response | None:
        return (
            self._run.archive.response(resource, resource.digest)
            if resource.digest and self._run.has_copy(resource)
            else None
        )

    def check_aliases(self, entry: Entry, resource: Resource | None) -> None:
        """Request URLs as written if this answer shows that their plain URL does not stand for them."""
        if not self._run.folds:
            return
        wrong = self.foldings.answered(entry.id)
        if _is_failure(entry, resource):
            wrong += self._manifest.decisions.aliases_of(entry.id)
        folded = [one.id for one in self._manifest.frontier.entries(wrong).values() if one.reason in FOLDED]
        if folded:
            self._manifest.links.build_index()
            self._manifest.decisions.set_aliases([(url_id, None) for url_id in folded])
            for page in self._manifest.frontier.linking_to(folded):
                known = self._manifest.resources.current(page.id)
                assert known is not None
                self.follow(page, known, self._manifest.links.of(known))

    def _without_aliases(self, entry: Entry, found: Found) -> Found:
        """Replace wanted URLs by the plain URL of their resource, if that is another one, and record them as its aliases.

        Samples are wanted both as written and plain. A plain URL is a guess: only the parameters of another one suggest it.
        """
        plains = self._plains(entry, found)
        if not plains:
            return found
        choices = self._choices(entry, plains)
        result: list[tuple[int, Reference]] = []
        for target_id, reference in found:
            choice = choices.get(target_id)
            if choice and self._plain_url(reference) != plains[target_id].url:  # it is wanted as another kind, too
                choice = None
            if choice is not Choice.PLAIN:
                result.append((target_id, reference))
            if choice in {Choice.PLAIN, Choice.BOTH}:
                plain = plains[target_id]
                result.append((plain.id, reference._replace(url=plain.url, guess=True)))
        return result

    def _plains(self, entry: Entry, found: Found) -> dict[int, "_Plain"]:
        """Return the plain URL of each wanted target that has one, by the id of the target."""
        if aliases.Fold.CASE not in self._run.folds and aliases.all_are_plain(ref.url for _, ref in found):
            return {}
        plains = {
            target_id: (reference, plain)
            for target_id, reference in found
            if (plain := self._plain_url(reference)) != reference.url
            and reference.url not in self._run.scope.starts
            and self._is_wanted(entry, target_id, reference)
        }
        ids = self._manifest.frontier.identify([plain for _, plain in plains.values()])
        return {
            target_id: _Plain(ids[plain], plain, reference)
            for target_id, (reference, plain) in plains.items()
            if self._is_wanted(entry, ids[plain], reference._replace(url=plain))
        }

    def _plain_url(self, reference: Reference) -> CanonicalURL:
        """Return the URL that represents the target of a reference, by claims or by what the user says."""
        folds = self._run.folds
        if reference.kind not in _LINKS:
            folds = frozenset() if reference.kind in _AS_WRITTEN else folds & {aliases.Fold.CASE}
        plain = aliases.plain_url(reference.url, folds) if folds else reference.url
        if aliases.Fold.CASE in folds:  # a start keeps the letters that the user gave
            starts = self._run.scope.starts
            return next((one for one in starts if aliases.plain_url(one, folds) == plain), plain)
        return plain

    def _is_wanted(self, entry: Entry, target_id: int, reference: Reference) -> bool:
        sources = (Source(entry.url, role, entry.depth) for role in entry.roles)
        return any(self._wanted(entry, source, target_id, reference).roles for source in sources)

    def _choices(self, entry: Entry, plains: Mapping[int, "_Plain"]) -> dict[int, Choice]:
        """Choose what to request for each target that has a plain URL, and record what is chosen for the first time."""
        known = self._manifest.frontier.entries([*plains, *(plain.id for plain in plains.values())])
        choices: dict[int, Choice] = {}
        new: list[int] = []
        for target_id, plain in plains.items():
            old = known.get(target_id)
            choices[target_id] = self._choice(target_id, plain, old, known.get(plain.id))
            if choices[target_id] is not Choice.AS_WRITTEN and not (old and (old.roles or old.reason in FOLDED)):
                new.append(target_id)
                if choices[target_id] is Choice.BOTH:
                    self.foldings.add_sample(target_id, plain.written.url, plain.id)
        self._manifest.decisions.set_aliases([(target_id, plains[target_id].id) for target_id in new])
        self._skip_folded(entry, {one: plains[one] for one in new if choices[one] is Choice.PLAIN}, known)
        return choices

    def _choice(self, target_id: int, plain: "_Plain", old: Entry | None, stand_in: Entry | None) -> Choice:
        if old and old.roles:
            return Choice.BOTH if self.foldings.is_sample(target_id) else Choice.AS_WRITTEN
        resource = self._manifest.resources.current(plain.id) if stand_in and stand_in.state is State.DONE else None
        if stand_in and _is_failure(stand_in, resource):
            return Choice.AS_WRITTEN
        return self.foldings.choose(plain.written.url)

    def _skip_folded(self, entry: Entry, plains: Mapping[int, "_Plain"], known: Mapping[int, Entry]) -> None:
        """Skip URLs in whose place their plain URL is requested, and store where the file of that will be."""
        changes, places = [], []
        for target_id, plain in plains.items():
            url, reason = plain.written.url, plain_reason(plain.written.url)
            source = Source(entry.url, max(entry.roles), entry.depth)
            skipped = Entry(
                target_id, url, State.SKIPPED, frozenset(), entry.depth, referrer_id=entry.id, reason=reason
            )
            wanted = self._wanted(entry, source, plain.id, plain.written._replace(url=plain.url))
            changes.append((known.get(target_id), skipped))
            places.append((target_id, self._expected(wanted)))
        self.admit(changes)
        self._manifest.locations.expect(places)


class _Plain(NamedTuple):
    """The plain URL of a resource, its id, and the reference that names it otherwise."""

    id: int
    url: CanonicalURL
    written: Reference


def _is_failure(entry: Entry, resource: Resource | None) -> bool:
    """Return whether a wanted URL was requested in vain: it failed and has no copy, or its server or its size forbade it."""
    if entry.state is State.DONE and resource is not None:
        return resource.error is not None and (resource.path is None or resource.standing is Standing.ERROR)
    return entry.state is State.SKIPPED and bool(entry.roles)


def _waits(entry: Entry) -> bool:
    return entry.state <= State.IN_FLIGHT
