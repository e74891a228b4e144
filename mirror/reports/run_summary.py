"""The summary that a run prints at its end, and its exit code. No Scrapy here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from shlex import quote
from typing import Final

from rich.filesize import decimal

from mirror.core.http.messages import GONE, status_text
from mirror.core.policy.dynamic_pages import LOADER
from mirror.core.policy.scope import Reason
from mirror.core.url.canonical import CanonicalURL
from mirror.reports.exit_codes import Exit
from mirror.reports.remedies import DISOBEY, hints, skip_hints, skip_text
from mirror.store.manifest.history_records import SnapshotCounts
from mirror.store.manifest.records import ErrorPages, Lack, LoginPages, RunCounts, Shortfall
from mirror.store.manifest.rendering_records import RenderingCounts
from mirror.terminal.printable import printable

MAX_FAILURES: Final = 20
MAX_TRAPS: Final = 10
MAX_PROBLEMS: Final = 6
MAX_EXAMPLES: Final = 3
MAX_RULE: Final = 100

_HELPS: Final = {"refused: POST": " (`--variants all` sends them to the sites of the starts, if they are harmless)"}
"""What went wrong with rendered pages -> what helps."""


@dataclass(frozen=True, slots=True)
class ClosedHost:
    """A host whose robots.txt can't be had: why, and when it opens, if its server told."""

    origin: str
    why: str
    until: str = ""


@dataclass(frozen=True, slots=True)
class Summary:
    """The result of a run.

    `failures` are at most `MAX_FAILURES` of (URL, error, a page that links to it). `changes` are the differences to the
    previous snapshot, `None` if there is none. `rewritten` counts the documents that were published again at the end because
    their links changed. `held` is (missing pages, all pages) if the run was held. `traps` are (rule, number of URLs that
    were not followed, one of them). `needing` is the number of pages that work in replay only, and some of them, each with
    the reason. `shortfalls` are what the copy lacks by rules. `leads_nowhere`: it has no page but the starts. `problems` are
    those of rendered pages: what, how many pages, one of them. `error_pages` are the pages with status 404 or 410 that were
    kept because they were asked for. `closed` are the hosts whose robots.txt can't be had. `in_need` is a page that scripts
    build, and what has to be installed to render it. `logins` are URLs that end on a login page. `moves` are the starts that
    lead to another site, and where they lead.
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
    moves: Mapping[CanonicalURL, CanonicalURL] = field(default_factory=dict)
    archive: Path | None = None
    closed: Sequence[ClosedHost] = ()
    in_need: tuple[CanonicalURL, str] | None = None
    logins: LoginPages | None = None

    @property
    def exit_code(self) -> Exit:
        if not self.finished:
            return Exit.INTERRUPTED
        if self.held:
            return Exit.HELD
        if self.counts.fetched == 0:
            return Exit.NOTHING_FETCHED
        is_short = any(map(self._is_loss, self.shortfalls)) or any(what == LOADER for what, _, _ in self.problems)
        is_missing = any(one.are_starts for one in self.error_pages) or (self.logins and self.logins.are_starts)
        return Exit.SOME_FAILED if self.counts.failed or is_short or is_missing else Exit.WELL

    def _is_loss(self, shortfall: Shortfall) -> bool:
        """Whether the user asked for what is lacking: a start, a part of a page, or links if no start leads anywhere."""
        if shortfall.lack is Lack.LINKS:
            return self.leads_nowhere
        return shortfall.lack is Lack.STARTS or self._is_forbidden(shortfall)

    def _is_forbidden(self, shortfall: Shortfall) -> bool:
        return shortfall.reason is Reason.ROBOTS and shortfall.lack is not Lack.REQUESTED

    def text(self) -> str:
        """The lines of the summary, without the control characters that a server may have put into a URL."""
        lines = [*self._fetched(), *self._skipped(), *self._failed(), *self._lacking(), *self._next_steps()]
        return "".join(printable(line) + "\n" for line in lines)

    def _fetched(self) -> list[str]:
        counts, has_copy = self.counts, self.counts.pages + self.counts.requisites > 0
        kinds = [_count(counts.pages, "page"), _count(counts.requisites - counts.linked, "requisite")]
        kinds += [_count(counts.linked, "other file")] if counts.linked else []
        what = f"{', '.join(kinds)}; {decimal(counts.size)}"
        if counts.fetched or not self.finished:
            lines = [f"Mirrored {what} in {self.seconds:.1f} s"]
            lines += [f"Since the previous snapshot: {_changes(self.changes)}"] if self.changes else []
        else:
            copy = f"; the copy of an earlier run stays: {what}" if has_copy and self.changes else ""
            lines = [f"Nothing could be fetched{copy}"]
        lines += [f"Links updated at the end: {_count(self.rewritten, 'document')}"] if self.rewritten else []
        lines += [_rendered(self.renderings)] if self.renderings and self.renderings.done else []
        lines += [
            f"  {what}: {_count(pages, 'page')}, such as {url}{_HELPS.get(what, '')}"
            for what, pages, url in self.problems[:MAX_PROBLEMS]
        ]
        return lines

    def _skipped(self) -> list[str]:
        counts, shown = self.counts, self.traps[:MAX_TRAPS]
        lines = [start_moved(start, to) for start, to in self.moves.items()]
        lines += [f"Redirects: {counts.redirects:,}"] if counts.redirects else []
        skipped = {skip_text(reason): number for reason, number in counts.skipped.items()}
        lines += [f"Skipped: {_by_reason(skipped)}"] if skipped else []
        lines += [f"  trap: {rule}: {_count(number, 'URL')}, such as {url}" for rule, number, url in shown]
        lines += [f"  and {len(self.traps) - MAX_TRAPS:,} more traps"] if len(self.traps) > MAX_TRAPS else []
        return lines + skip_hints(counts.skipped)

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
        """What the copy lacks, each with the option that changes it; then what may help against the failures."""
        lines = [_lack(one) for one in self.shortfalls if self._is_told(one)]
        lines += [_closed(one) for one in self.closed[:MAX_EXAMPLES]]
        lines += [f"  and {len(self.closed) - MAX_EXAMPLES:,} more hosts"] if len(self.closed) > MAX_EXAMPLES else []
        lines += hints(self.counts.failed)
        is_nowhere = (
            not self.counts.fetched and not self.held and any(one[:3] in _NOT_THERE for one in self.counts.failed)
        )
        lines += ["The server has nothing at the start URL: check its spelling"] if is_nowhere else []
        lines += [_login(self.logins)] if self.logins else []
        return lines + ([_in_need(*self.in_need)] if self.in_need else [])

    def _is_told(self, shortfall: Shortfall) -> bool:
        """Whether it is worth a line: that robots.txt forbids some of the links is told by their number."""
        is_usual = (shortfall.lack, shortfall.reason) == (Lack.LINKS, Reason.ROBOTS)
        return self.leads_nowhere or not is_usual

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


def start_moved(start: CanonicalURL, to: CanonicalURL) -> str:
    """Say that a start leads to another site."""
    return f"{start} leads to another site: {to} is the start now"


_NOT_THERE: Final = frozenset(str(int(status)) for status in GONE)
_DISOBEY: Final = f"{DISOBEY} fetches {{it}}"
_LACKS: Final = {
    (Lack.STARTS, Reason.ROBOTS): ("robots.txt forbids {}", "start URL", _DISOBEY),
    (Lack.STARTS, Reason.PRIVATE): ("Not on the internet: {}", "start URL", "`--private` fetches {it}"),
    (Lack.STARTS, Reason.SIZE): ("Larger than --max-file: {}", "start URL", "a larger `--max-file` fetches {it}"),
    (Lack.LINKS, Reason.NOFOLLOW): ("Obeyed nofollow: did not follow {}", "link", "`--obey none` fetches {it}"),
    (Lack.LINKS, Reason.ROBOTS): ("robots.txt forbids all other pages: {}", "link", _DISOBEY),
    (Lack.STYLES, Reason.ROBOTS): (
        "robots.txt forbids {} that pages need, so pages are without style",
        "style sheet",
        _DISOBEY,
    ),
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
    rule = f", by {_shortened(shortfall.rule)}" if shortfall.rule and shortfall.reason is Reason.ROBOTS else ""
    what = text.format(_count(shortfall.count, noun))
    such_as = (
        f": {shortfall.url}" if shortfall.count == 1 and shortfall.lack is Lack.STARTS else f", such as {shortfall.url}"
    )
    helps = remedy.format(it="it" if shortfall.count == 1 else "them")
    return f"{what}{such_as}{page}{rule}; {helps}"


def _shortened(rule: str) -> str:
    """A line of a robots.txt and its number, without the middle if a server made it long."""
    return rule if len(rule) <= MAX_RULE else f"{rule[: MAX_RULE - 20]}...{rule[-17:]}"


def _closed(host: ClosedHost) -> str:
    why = host.why.partition(": ")[2]
    return (
        f"{host.origin} is closed for now, because its robots.txt can't be had ({why}): run the same command again "
        f"{f'after {host.until}' if host.until else 'later'}; {DISOBEY} does not wait for it"
    )


def _login(logins: LoginPages) -> str:
    what = "1 URL ends" if logins.count == 1 else f"{logins.count:,} URLs end"
    return f"{what} on a login page, such as {logins.url}: `--cookies FILE` sends the cookies of a browser that is logged in"


def _in_need(page: CanonicalURL, missing: str) -> str:
    return f"Scripts build pages such as {page}, and the copy has only what their HTML says: {missing}"


def _error_pages(pages: ErrorPages) -> str:
    what = _count(pages.count, "start") if pages.are_starts else f"{_count(pages.count, 'URL')} that only scripts know"
    kept = "the page was kept, with this status" if pages.count == 1 else "the pages were kept, with this status"
    spelling = "; check its spelling" if pages.are_starts else ""
    return f"The server answers {status_text(pages.status)} for {what}, such as {pages.url}; {kept}{spelling}"


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
        "  If that is meant, run the same command with --max-loss 1. If the pages are gone (404, 410),",
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
    """How many URLs, and of which kinds.

    >>> _by_reason({"404 Not Found": 3}), _by_reason({"404 Not Found": 2, "timed out": 1})
    ('3 URLs (404 Not Found)', '3 URLs (404 Not Found: 2; timed out: 1)')
    """
    ordered = sorted(counts.items(), key=lambda c: -c[1])
    kinds = [reason if len(ordered) == 1 else f"{reason}: {number:,}" for reason, number in ordered]
    return f"{_count(sum(counts.values()), 'URL')} ({'; '.join(kinds)})"
