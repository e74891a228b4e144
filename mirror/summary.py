"""What became of a run: the lines at its end, and the exit code that a script can use. No Scrapy here."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Final

from rich.filesize import decimal

from mirror.core.urls import CanonicalURL
from mirror.progress import printable
from mirror.store.history import Numbers
from mirror.store.manifest import Counts

MOST_FAILURES: Final = 20
MOST_TRAPS: Final = 10


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
    (rule, number of URLs that were not followed, one of them).
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
        if counts.redirects:
            lines.append(f"Redirects: {counts.redirects:,}")
        if counts.skipped:
            lines.append(f"Skipped: {_by_reason(counts.skipped)}")
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
            lines.append(f"Open {self.opens}")
        return "".join(printable(line) + "\n" for line in lines)


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
