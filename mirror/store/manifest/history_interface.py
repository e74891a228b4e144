"""What a manifest has to offer across snapshots, and for pages that a browser opens: the rest of `interface`."""

from collections.abc import Iterable, Iterator
from typing import Protocol

from mirror.core.policy.dynamic_pages import Look
from mirror.core.url.canonical import CanonicalURL
from mirror.store.disk.objects import Digest
from mirror.store.manifest.history_records import Account, Difference, Listed, Numbers, Origin, Shown
from mirror.store.manifest.records import Resource
from mirror.store.manifest.rendering_records import Outcome, Renderings, Task, When


class RenderingQueue(Protocol):
    """The pages of one run that a browser is to open."""

    when: When

    def may_have(self, *, idle: bool) -> bool:
        """Whether `next` may give something; False is certain. `idle`: nothing is left to fetch."""

    def add(self, resource: Resource, look: Look) -> None:
        """A page was recorded: it waits, if `look` and the user's choice say so."""

    def next(self, *, idle: bool) -> Task | None:
        """Claim the next page: new ones first. With `idle`, pages that an earlier run rendered and whose requisites changed."""

    def find(self, task: Task, count: int) -> None:
        """Opening this page led to so many URLs that nothing else refers to."""

    def done(self, task: Task, came: Outcome) -> None:
        """Keep what came of a page. If it found something, others of its template that were spared wait again."""

    def put_back(self, task: Task) -> None:
        """The page was not done: it waits again, behind the others."""

    def give_up(self, why: str) -> None:
        """No page is rendered any more in this run."""

    def is_left(self) -> bool:
        """Whether pages wait that are new in this run."""

    def counts(self) -> Renderings:
        """What was rendered in this run."""


class History(Protocol):
    """Snapshots: which there are, what each shows, and what differs between two. Only read."""

    def snapshots(self) -> list[Listed]:
        """All snapshots that were not pruned, the oldest first."""

    def has(self, snapshot_id: int) -> bool:
        """Whether there is this snapshot, and it was not pruned."""

    def has_before(self, snapshot_id: int) -> bool:
        """Whether there was a snapshot before this one, pruned or not."""

    def find(self, name: str) -> Listed | None:
        """A snapshot by its number, by how its time begins (the newest that does), or `latest`, the newest complete one."""

    def count(self, snapshot_id: int) -> None:
        """Store what a snapshot comes to, so that lists need not count it again. This writes."""

    def numbers(self, snapshot_id: int) -> Numbers:
        """What a snapshot comes to."""

    def at(self, snapshot_id: int) -> Iterator[Shown]:
        """The versions that a snapshot shows in its tree, by id."""

    def origins(self, snapshot_id: int) -> list[Origin]:
        """The origins that a snapshot shows something of, by name."""

    def met_origins(self) -> Iterator[str]:
        """The origins of all URLs that were ever met, fetched or not."""

    def has_origin(self, name: str, snapshot_id: int) -> bool:
        """Whether a snapshot shows anything of an origin."""

    def version(self, url: CanonicalURL, snapshot_id: int) -> Resource | None:
        """The version of a URL in a snapshot, with or without a place in the tree."""

    def same_as(self, url: CanonicalURL) -> CanonicalURL | None:
        """The URL that this one is an alias of."""

    def differences(self, before: int, now: int) -> list[Difference]:
        """What differs between two snapshots, by URL; what was removed here and added there is moved."""

    def account(self, url: CanonicalURL) -> Account | None:
        """All that is known of a URL; `None` if no run ever met it."""

    def starts(self, snapshot_id: int) -> list[CanonicalURL]:
        """The starts of all runs up to a snapshot, the oldest first."""

    def all(self) -> Iterator[Resource]:
        """Every version of everything, by id."""


class Retention(Protocol):
    """What may go, and who needs what: pruning, forgetting, and the objects that are in use."""

    def prune(self, kept: Iterable[int]) -> None:
        """Remove all snapshots but these, and the versions that only those showed. The newest snapshot has to be kept."""

    def forget(self, pattern: str, now: str) -> int:
        """Remove all versions of a URL, or with `*` at its end of all URLs with that prefix; gives how many.

        A tombstone keeps the URLs from being fetched again, and their files are released to leave the tree.
        """

    def objects_in_use(self) -> set[Digest]:
        """The payloads and DOMs that any version needs."""

    def copies_in_use(self) -> set[Digest]:
        """The copies that any snapshot needs."""

    def users_of(self, digest: Digest) -> list[Resource]:
        """The versions whose payload an object is, current ones first."""

    def users_of_copy(self, digest: Digest) -> list[Resource]:
        """The versions that read like a copy in some snapshot, current ones first."""

    def give_up(self, digest: Digest) -> None:
        """The payload is lost for ever: versions that are not current and need it say so."""
