"""The summary that a run prints at its end, and its exit code. No Scrapy here."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import Final

from rich.filesize import decimal

from mirror.core.http.messages import status_text
from mirror.core.policy.dynamic_pages import LOADER
from mirror.core.policy.scope import Reason
from mirror.core.url.canonical import CanonicalURL
from mirror.reports.exit_codes import Exit
from mirror.store.manifest.history_records import SnapshotCounts
from mirror.store.manifest.records import ErrorPages, Lack, RunCounts, Shortfall
from mirror.store.manifest.rendering_records import RenderingCounts
from mirror.terminal.printable import printable

MAX_FAILURES: Final = 20
MAX_TRAPS: Final = 10
MAX_PROBLEMS: Final = 6
MAX_EXAMPLES: Final = 3

_HELPS: Final = {"refused: POST": " (variants=all sends them to the sites of the starts, if they are harmless)"}
"""What went wrong with rendered pages -> what helps."""


@dataclass(frozen=True, slots=True)
class Summary:
    """The result of a run.

    `failures` are at most `MAX_FAILURES` of (URL, error, a page that links to it). `changes` are the differences to the
    previous snapshot, `None` if there is none. `rewritten` counts the documents that were published again at the end because
    their links changed. `held` is (missing pages, all pages) if the run was held. `traps` are (rule, number of URLs that
    were not followed, one of them). `needing` is the number of pages that work in replay only, and some of them, each with
    the reason. `shortfalls` are what the copy lacks by rules. `leads_nowhere`: it has no page but the starts. `problems` are
    those of rendered pages: what, how many pages, one of them. `error_pages` are the pages with status 404 or 410 that were
    kept because they were asked for.
    """

    counts: RunCounts
    failures: list[tuple[CanonicalURL, str, CanonicalURL | None]]
    opens: Path
    seconds: float
    finished: bool
    changes: SnapshotCounts | None = None
    rewritten: int = 0
    held: tuple[int, int] | None = None
    traps: Sequence[tuple[str, int, CanonicalURL]] = ()
    renderings: RenderingCounts | None = None
    needing: tuple[int, Sequence[tuple[CanonicalURL, str]]] = (0, ())
    shortfalls: Sequence[Shortfall] = ()
    problems: Sequence[tuple[str, int, CanonicalURL]] = ()
    leads_nowhere: bool = False
    error_pages: Sequence[ErrorPages] = ()
    archive: Path | None = None

    @property
    def exit_code(self) -> Exit:
        if not self.finished:
            return Exit.INTERRUPTED
        if self.held:
            return Exit.HELD
        if self.counts.fetched == 0:
            return Exit.NOTHING_FETCHED
        is_short = any(map(self._is_loss, self.shortfalls)) or any(what == LOADER for what, _, _ in self.problems)
        is_missing = any(one.are_starts for one in self.error_pages)
        return Exit.SOME_FAILED if self.counts.failed or is_short or is_missing else Exit.WELL

    def _is_loss(self, shortfall: Shortfall) -> bool:
        """Whether the user asked for what is lacking: a page is not whole, or no start leads anywhere."""
        if shortfall.lack is Lack.LINKS:
            return self.leads_nowhere
        return shortfall.reason is Reason.ROBOTS and shortfall.lack is not Lack.REQUESTED

    def text(self) -> str:
        """The lines of the summary, without the control characters that a server may have put into a URL."""
        lines = [*self._fetched(), *self._skipped(), *self._failed(), *self._lacking(), *self._next_steps()]
        return "".join(printable(line) + "\n" for line in lines)

    def _fetched(self) -> list[str]:
        counts = self.counts
        kinds = [_count(counts.pages, "page"), _count(counts.requisites - counts.linked, "requisite")]
        kinds += [_count(counts.linked, "other file")] if counts.linked else []
        lines = [f"Mirrored {', '.join(kinds)}; {decimal(counts.size)} in {self.seconds:.1f} s"]
        lines += [f"Since the previous snapshot: {_changes(self.changes)}"] if self.changes else []
        lines += [f"Links updated at the end: {_count(self.rewritten, 'document')}"] if self.rewritten else []
        lines += [_rendered(self.renderings)] if self.renderings and self.renderings.done else []
        lines += [
            f"  {what}: {_count(pages, 'page')}, such as {url}{_HELPS.get(what, '')}"
            for what, pages, url in self.problems[:MAX_PROBLEMS]
        ]
        return lines

    def _skipped(self) -> list[str]:
        counts, shown = self.counts, self.traps[:MAX_TRAPS]
        lines = [f"Redirects: {counts.redirects:,}"] if counts.redirects else []
        lines += [f"Skipped: {_by_reason(counts.skipped)}"] if counts.skipped else []
        lines += [f"  trap: {rule}: {_count(number, 'URL')}, such as {url}" for rule, number, url in shown]
        lines += [f"  and {len(self.traps) - MAX_TRAPS:,} more traps"] if len(self.traps) > MAX_TRAPS else []
        return lines

    def _failed(self) -> list[str]:
        counts = self.counts
        lines = []
        if counts.failed:
            more = sum(counts.failed.values()) - len(self.failures)
            lines.append(f"Failed: {_by_reason(counts.failed)}")
            lines += [f"  {error}: {url}{f' (on {page})' if page else ''}" for url, error, page in self.failures]
            lines += [f"  and {more:,} more"] if more > 0 else []
        if counts.kept:
            copies = "copy" if counts.kept == 1 else "copies"
            lines.append(f"Kept the last good {copies} of {_count(counts.kept, 'URL')} that failed")
        return lines + [_error_pages(one) for one in self.error_pages]

    def _lacking(self) -> list[str]:
        """What the copy lacks, each with the option that changes it."""
        lines = [_lack(one) for one in self.shortfalls]
        wholly = not self.counts.fetched and Reason.ROBOTS in self.counts.skipped
        lines += ["robots.txt forbids the start; `-s ROBOTSTXT_OBEY=0` ignores it"] if wholly else []
        failed = self.counts.failed
        return lines + [
            f"{why}: {help_}" for sign, why, help_ in _REMEDIES if any(one.startswith(sign) for one in failed)
        ]

    def _next_steps(self) -> list[str]:
        lines = []
        if not self.finished:
            left = _count(self.counts.pending, "URL")
            lines.append(f"Interrupted with {left} left: run the same command again to continue")
        if self.held:
            lines += _held(*self.held)
        if self.counts.pages + self.counts.linked:
            lines += [*needing_lines(*self.needing), f"Open {self.opens}"]
            if self.needing[0] and self.archive:
                lines.append(f"or run: websucker replay {quote(str(self.archive))}")
        return lines


_REMEDIES: Final = (
    ("401", "Some URLs need a login", "see `login`, `netrc` and `cookies`"),
    ("403", "The server refuses some requests (403)", "`cookies` or `user_agent` from a browser, or `login`, may help"),
    ("429", "The server wants fewer requests (429)", "`delay=1` or `connections=1` may help, later"),
    ("503", "The server refuses some requests for now (503)", "run the same command again later, with `delay=1`"),
    ("robots.txt can't be had", "Without its robots.txt nothing of a host is requested", "`-s ROBOTSTXT_OBEY=0` does"),
)
"""A part of the error of a failed request, what it means, and which option helps."""

_DISOBEY: Final = "`-s ROBOTSTXT_OBEY=0` fetches {it}"
_LACKS: Final = {
    (Lack.LINKS, Reason.NOFOLLOW): ("Obeyed nofollow: did not follow {}", "link", "`obey=none` fetches {it}"),
    (Lack.NEEDED, Reason.ROBOTS): ("robots.txt forbids {} that pages need", "file", _DISOBEY),
    (Lack.REQUESTED, Reason.ROBOTS): ("robots.txt forbids {} that scripts request", "file", _DISOBEY),
    (Lack.FRAMES, Reason.ROBOTS): ("Left empty, because robots.txt forbids it: {}", "frame", _DISOBEY),
    (Lack.FRAMES, Reason.HOP): ("Left empty, more than one hop away: {}", "frame", "give its URL as one more start"),
    (Lack.LIVE, Reason.NEVER): (
        "Kept what {} named",
        "live playlist",
        "Websucker does not ask for more, and the copy ends there",
    ),
}


def _lack(shortfall: Shortfall) -> str:
    text, noun, remedy = _LACKS[shortfall.lack, shortfall.reason]
    page = f" (on {shortfall.page})" if shortfall.page else ""
    what = text.format(_count(shortfall.count, noun))
    helps = remedy.format(it="it" if shortfall.count == 1 else "them")
    return f"{what}, such as {shortfall.url}{page}; {helps}"


def _error_pages(pages: ErrorPages) -> str:
    what = _count(pages.count, "start") if pages.are_starts else f"{_count(pages.count, 'URL')} that only scripts know"
    kept = "the page was kept, with this status" if pages.count == 1 else "the pages were kept, with this status"
    return f"The server answers {status_text(pages.status)} for {what}, such as {pages.url}; {kept}"


def needing_lines(count: int, examples: Sequence[tuple[CanonicalURL, str]]) -> list[str]:
    """The pages that do not fully work when they are opened from a disk."""
    if not count:
        return []
    work = f"{_count(count, 'page')} {'works' if count == 1 else 'work'} fully in `replay` only"
    more = [f"  and {count - len(examples):,} more; `why` explains each"] if count > len(examples) else []
    return [
        f"{work}, because scripts can't load files from a disk",
        *(f"  {why}: {url}" for url, why in examples),
        *more,
    ]


def _rendered(renderings: RenderingCounts) -> str:
    found = f"found {_count(renderings.found, 'URL')} that nothing else refers to"
    unfinished = f" ({renderings.unfinished:,} did not finish)" if renderings.unfinished else ""
    skipped = f", skipped {renderings.spared:,} similar ones" if renderings.spared else ""
    return f"Rendered {_count(renderings.done, 'page')}{unfinished}{skipped}: {found}"


def _count(number: int, noun: str, nouns: str = "") -> str:
    return f"{number:,} {noun if number == 1 else nouns or noun + 's'}"


def _held(lost: int, pages: int) -> list[str]:
    return [
        f"Held: {lost:,} of {_count(pages, 'page')} lost their content on the server. All of it is still in the tree.",
        "  If the server is at fault, run the same command again later; nothing is lost.",
        "  If that is meant, run the same command with --max_loss 1 (scrapy: -a max_loss=1). If the pages are gone (404, 410),",
        "  `publish DIR --accept-loss` accepts it without a run.",
    ]


def _changes(numbers: SnapshotCounts) -> str:
    counts = {
        "added": numbers.added,
        "changed": numbers.changed - numbers.noise,
        "changed in noise only": numbers.noise,
    }
    counts |= {"gone": numbers.gone, "unlinked": numbers.unlinked}
    parts = [f"{count:,} {what}" for what, count in counts.items() if count]
    return f"{', '.join(parts) or 'nothing changed'}; {decimal(numbers.new_size)} new"


def _by_reason(counts: dict[str, int]) -> str:
    return ", ".join(f"{number:,} {reason}" for reason, number in sorted(counts.items(), key=lambda c: -c[1]))
