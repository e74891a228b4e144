"""Foldings: whether URLs with tracking parameters or session ids are requested, or their plain URL in their place.

`core.url.aliases` claims that two URLs are one resource. Of each claim, the first URLs (`SAMPLES`) are requested both as
written and plain, and `core.policy.alias_evidence` compares the answers. Further URLs are folded: only their plain URL is
requested. If a pair of answers differs, no URL with that parameter is folded on that server, and those that were folded are
requested as written after all. So the order of answers decides only which URLs are samples.

What the user says is no claim, and needs no sample: that the case of letters makes no other resource.

The samples of a run are the URLs that it wants although they have a plain URL, so a resumed run knows them.
"""

from collections import Counter, defaultdict
from collections.abc import Callable
from enum import Enum, auto
from typing import Final

from mirror.core.http.messages import Response
from mirror.core.policy.alias_evidence import are_same
from mirror.core.url import aliases
from mirror.core.url.canonical import CanonicalURL
from mirror.store.manifest.interface import Manifest
from mirror.store.manifest.records import FOLDED, Entry, Resource, State

SAMPLES: Final = 2
"""URLs of each claim that are requested as written. One may be what the server shows by default."""


class Choice(Enum):
    """What to request for a URL that has a plain one."""

    AS_WRITTEN = auto()
    BOTH = auto()
    PLAIN = auto()


class Foldings:
    """The claims of one run. `read` returns the whole answer of a version; `None` if the archive does not have it."""

    def __init__(
        self, manifest: Manifest, read: Callable[[Resource], Response | None], folds: frozenset[aliases.Fold]
    ) -> None:
        self.same: dict[CanonicalURL, CanonicalURL] = {}
        """Samples of which the server has shown that they are the same resource as their plain URL -> that URL."""
        self._manifest = manifest
        self._read = read
        self._folds = folds
        self._samples: Counter[aliases.Claim] = Counter()
        self._refuted: set[tuple[str, str]] = set()
        self._pairs: dict[int, int] = {}  # sample -> plain URL
        self._waiting: dict[int, set[int]] = defaultdict(set)  # URL -> the samples that its answer may decide about
        for url_id, url, plain_id in manifest.decisions.sampled():
            self.add_sample(url_id, url, plain_id)
            self.answered(url_id)

    def choose(self, url: CanonicalURL) -> Choice:
        """Choose what to request for a URL that was not met before."""
        claims = aliases.claims(url, self._folds)
        if any((claim.origin, claim.name) in self._refuted for claim in claims):
            return Choice.AS_WRITTEN
        return Choice.BOTH if any(self._samples[claim] < SAMPLES for claim in claims) else Choice.PLAIN

    def is_sample(self, url_id: int) -> bool:
        return url_id in self._pairs

    def add_sample(self, url_id: int, url: CanonicalURL, plain_id: int) -> None:
        """Note that a URL is requested both as written and plain."""
        self._samples.update(aliases.claims(url, self._folds))
        self._pairs[url_id] = plain_id
        for one in (url_id, plain_id):
            self._waiting[one].add(url_id)

    def answered(self, url_id: int) -> list[int]:
        """Compare the answers of samples, now that a URL has one. Returns the folded URLs to request as written after all."""
        refuted: set[tuple[str, str]] = set()
        for sample in list(self._waiting.get(url_id, ())):
            entries = self._manifest.frontier.entries([sample, self._pairs[sample]])
            if len(entries) == 2 and all(entry.state >= State.DONE for entry in entries.values()):  # noqa: PLR2004 - both
                refuted |= self._judge(entries[sample], entries[self._pairs[sample]])
        self._refuted |= refuted
        return self._folded_by(refuted) if refuted else []

    def _judge(self, sample: Entry, plain: Entry) -> set[tuple[str, str]]:
        """Compare two answers; return the parameters that make another resource on their server."""
        written, bare = self._answer(sample), self._answer(plain)
        is_same = are_same(written, bare)
        for one in (sample.id, plain.id):
            self._waiting[one].discard(sample.id)
        self.same.pop(sample.url, None)
        if is_same and bare and (not bare.is_redirect or (written and written.is_redirect)):
            self.same[sample.url] = plain.url
        return {claim[:2] for claim in aliases.claims(sample.url, self._folds)} if is_same is False else set()

    def _answer(self, entry: Entry) -> Response | None:
        resource = self._manifest.resources.current(entry.id) if entry.state is State.DONE else None
        return self._read(resource) if resource and not resource.error else None

    def _folded_by(self, refuted: set[tuple[str, str]]) -> list[int]:
        skipped = self._manifest.frontier.skipped(FOLDED)
        return [
            one.id for one in skipped if any(claim[:2] in refuted for claim in aliases.claims(one.url, self._folds))
        ]
