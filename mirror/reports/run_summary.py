"""What became of a run: the lines at its end, and the exit code that a script can use. No Scrapy here."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Final

from rich.filesize import decimal

from mirror.core.url.canonical import CanonicalURL
from mirror.store.manifest.history_records import Numbers
from mirror.store.manifest.records import Counts
from mirror.store.manifest.rendering_records import Renderings
from mirror.terminal.printable import printable

MOST_FAILURES: Final = 20
MOST_TRAPS: Final = 10
MOST_EXAMPLES: Final = 3


class Exit(IntEnum):
    """The exit codes; README.md tells them to users."""

    WELL = 0
    SOME_FAILED = 1
    USAGE = 2
    NOTHING_FETCHED = 3
    STORAGE = 4
    HELD = 5
    INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Summary:
    """`failures` are (URL, error, a page it stands on), `MOST_FAILURES` of them at most.

    `changes` is what the snapshot has that the one before it had not; `None`: there was none. `rewritten` counts documents
    whose links led elsewhere at the end. `held` is how many of how many pages are gone, where that was too much. `traps` are
    (rule, number of URLs that were not followed, one of them). `needing` is how many pages work from no disk, and some of
    these, each with the reason.
    """

    counts: Counts
    failures: list[tuple[CanonicalURL, str, CanonicalURL | None]]
    opens: Path
    seconds: float
    finished: bool
    changes: Numbers | None = None
    rewritten: int = 0
    held: tuple[int, int] | None = None
    traps: Sequence[tuple[str, int, CanonicalURL]] = ()
    renderings: Renderings | None = None
    needing: tuple[int, Sequence[tuple[CanonicalURL, str]]] = (0, ())

    @property
    def exit_code(self) -> Exit:
        if not self.finished:
            return Exit.INTERRUPTED
        if self.held:
            return Exit.HELD
        if self.counts.fetched == 0:
            return Exit.NOTHING_FETCHED
        return Exit.SOME_FAILED if self.counts.failed else Exit.WELL

    def text(self) -> str:
        """The lines for a user, without control characters that a server may have put into a URL."""
        counts = self.counts
        kinds = [_count(counts.pages, "page"), _count(counts.requisites - counts.linked, "requisite")]
        kinds += [_count(counts.linked, "other file")] if counts.linked else []
        lines = [f"Mirrored {', '.join(kinds)}; {decimal(counts.size)} in {self.seconds:.1f} s"]
        if self.changes:
            lines.append(f"Since the snapshot before: {_changes(self.changes)}")
        if self.rewritten:
            lines.append(f"Written again at the end: {_count(self.rewritten, 'document')}")
        if self.renderings and self.renderings.done:
            lines.append(_rendered(self.renderings))
        lines += [f"Redirects: {counts.redirects:,}"] if counts.redirects else []
        lines += [f"Skipped: {_by_reason(counts.skipped)}"] if counts.skipped else []
        lines += [f"  trap: {rule}: {_count(number, 'URL')}, as {url}" for rule, number, url in self.traps[:MOST_TRAPS]]
        lines += [f"  and {len(self.traps) - MOST_TRAPS:,} more traps"] if len(self.traps) > MOST_TRAPS else []
        if counts.failed:
            lines.append(f"Failed: {_by_reason(counts.failed)}")
            lines += [f"  {error}: {url}{f' (on {page})' if page else ''}" for url, error, page in self.failures]
            more = sum(counts.failed.values()) - len(self.failures)
            lines += [f"  and {more:,} more"] if more > 0 else []
        if counts.kept:
            lines.append(f"Of what failed, {_count(counts.kept, 'last good copy', 'last good copies')} stayed")
        if not self.finished:
            lines.append(f"Interrupted with {_count(counts.pending, 'URL')} left: the same command goes on from here")
        if self.held:
            lines += _held(*self.held)
        if counts.pages + counts.linked:
            lines += needing_lines(*self.needing)
            lines.append(f"Open {self.opens}")
        return "".join(printable(line) + "\n" for line in lines)


def needing_lines(count: int, examples: Sequence[tuple[CanonicalURL, str]]) -> list[str]:
    """Which pages are not whole from a disk."""
    if not count:
        return []
    work = f"{_count(count, 'page')} {'works' if count == 1 else 'work'} whole in `replay` only"
    more = [f"  and {count - len(examples):,} more; `why` tells it of each"] if count > len(examples) else []
    return [
        f"{work}, as no disk gives what their scripts ask for",
        *(f"  {why}: {url}" for url, why in examples),
        *more,
    ]


def _rendered(came: Renderings) -> str:
    found = f"{_count(came.found, 'URL')} found that nothing else led to"
    unfinished = f", {came.unfinished:,} of them came to no end" if came.unfinished else ""
    spared = f"; {came.spared:,} like them spared" if came.spared else ""
    return f"Rendered {_count(came.done, 'page')}{unfinished}{spared}: {found}"


def _count(number: int, noun: str, nouns: str = "") -> str:
    return f"{number:,} {noun if number == 1 else nouns or noun + 's'}"


def _held(lost: int, pages: int) -> list[str]:
    return [
        f"Held: {lost:,} of {_count(pages, 'page')} are gone on the server. Nothing was taken out of the tree.",
        "  If the server is at fault, give the same command again later, and nothing is lost.",
        "  If they are meant to go: the same command with max_loss=1, or `publish DIR --accept-loss`.",
    ]


def _changes(numbers: Numbers) -> str:
    said = [
        f"{getattr(numbers, name):,} {name}"
        for name in ("added", "changed", "gone", "unlinked")
        if getattr(numbers, name)
    ]
    return f"{', '.join(said) or 'nothing changed'}; {decimal(numbers.new_size)} new"


def _by_reason(counts: dict[str, int]) -> str:
    return ", ".join(f"{number:,} {reason}" for reason, number in sorted(counts.items(), key=lambda c: -c[1]))
