"""What a report on links says, whatever its format."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice

from mirror.core.links.problems import Finding, Ignored, Place, Problem, is_ignored
from mirror.core.url.canonical import CanonicalURL
from mirror.reports.times import format_time
from mirror.store.manifest.history_records import SnapshotInfo

WORDS = {
    Problem.BROKEN: "Broken links",
    Problem.FRAGMENT: "Links to missing fragments",
    Problem.MIXED: "Mixed content",
    Problem.REDIRECT: "Links to what has moved",
    Problem.UNCLEAR: "Links that could not be judged",
    Problem.SKIPPED: "Links to what the run skipped",
    Problem.ORPHAN: "Pages that no page links to",
    Problem.DUPLICATE: "Pages with more than one URL",
}
"""The headings, in the order of the kinds."""

HINTS = {
    Problem.BROKEN: "There is nothing at the other end.",
    Problem.FRAGMENT: "The page is there, and no element in it has that id or name.",
    Problem.MIXED: "A page of https loads something by http. Browsers block it or warn.",
    Problem.REDIRECT: "The server says that it has moved for good. Link to the new place.",
    Problem.UNCLEAR: "The server refuses to say whether it is there, as walls against robots do.",
    Problem.SKIPPED: "A rule of the run kept it from asking.",
    Problem.ORPHAN: "Readers find these pages only if they know the URL.",
    Problem.DUPLICATE: "The same content is at several URLs, and none of them names another as canonical.",
}
"""What a kind means."""


@dataclass
class LinkReport:
    """The links of a snapshot. `find` iterates over what is wrong, of some kinds; `shown` and `rules` choose what is told.

    `failing` are the kinds that fail a check. `places` is how many places of a problem are shown where people read; 0: all.
    """

    snapshot: SnapshotInfo
    pages: int
    links: int
    foreign: int
    unread: list[str]
    find: Callable[[Iterable[Problem]], Iterator[Finding]]
    shown: frozenset[Problem]
    failing: frozenset[Problem]
    rules: list[Ignored] = field(default_factory=list)
    places: int = 10
    by_page: bool = False
    counts: dict[Problem, int] = field(init=False)
    """How many targets have a problem of each kind, ignored ones aside."""
    ignored: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        self.counts = dict.fromkeys(Problem, 0)
        for found in self.find(Problem):
            if is_ignored(found, self.rules):
                self.ignored += 1
            else:
                self.counts[found.problem] += 1

    @property
    def fails(self) -> bool:
        """Whether a check fails."""
        return any(self.counts[kind] for kind in self.failing)

    @property
    def title(self) -> str:
        return f"Links in snapshot {self.snapshot.id} of {format_time(self.snapshot.started)}"

    @property
    def totals(self) -> str:
        """The sum of the report in one line."""
        found = ", ".join(f"{count:,} {kind}" for kind, count in self.counts.items() if count)
        ignored = f"; {self.ignored:,} ignored" if self.ignored else ""
        counted = f"{_count(self.links, 'link')} in {_count(self.pages, 'page')}"
        return f"{counted} of snapshot {self.snapshot.id}: {found or 'no problems'}{ignored}"

    def findings(self, kind: Problem | None = None) -> Iterator[Finding]:
        """Iterate over what is shown: of one kind, or of all kinds, the worst first."""
        for found in self.find([one for one in Problem if one in self.shown] if kind is None else [kind]):
            if not any(rule.matches(found) for rule in self.rules):
                yield found

    def kinds(self) -> list[Problem]:
        """Return the kinds that are shown and that there are."""
        return [kind for kind in Problem if kind in self.shown and self.counts[kind]]

    def some(self, found: Finding) -> tuple[list[Place], int]:
        """Return the places of a problem that people are shown, and how many more there are."""
        most = self.places or len(found.places)
        return list(islice(found.places, most)), max(0, len(found.places) - most)


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def file_of(page: CanonicalURL) -> str:
    """Return the path of a page on its host, as files have it from which a site is made, with percent-escapes.

    >>> file_of(CanonicalURL("https://h/a%20b/?q")), file_of(CanonicalURL("https://h/a.html"))
    ('a%20b/index.html', 'a.html')
    """
    path = page.partition("://")[2].partition("/")[2].partition("?")[0]
    return f"{path}index.html" if not path or path.endswith("/") else path


def place_text(place: Place) -> str:
    """Say where a link stands, in words."""
    where = f"{place.page}, line {place.line}" if place.line else str(place.page)
    return f"{where}: {place.written}" if place.written else where
