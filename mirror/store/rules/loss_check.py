"""The loss check: a run that would lose too many pages at once is held, and the user decides (`max_loss`).

Where it happens, and where to add a notification:

    here                           `excessive_loss` decides.
    store/run/ending.py            `Ending.settle` calls it before any file leaves the tree. If the run is held, it releases no
                                   file, restores the pages that have become redirects or the same (`restored_pages`), and
                                   stores the outcome HELD. From then on `Crawl.held` has the numbers.
    mirror/extensions.py           `Finish` passes `Crawl.held` to the summary when the spider closes, prints the summary, and
                                   puts the exit code into the stats as `mirror/exit_code`. A notification belongs here.
    mirror/reports/run_summary.py  `Summary` words the message and chooses exit code 5.

A later run decides anew, or `publish --accept-loss` accepts the loss (`manifest.interface.Departures.accept_loss`).

What counts is content, however the server puts it. A page of the newest complete snapshot is lost if nothing has its content
or another one in its place: it is gone, it forbids to be kept, or it leads to where no content is. What several pages have in
their place replaces none of them: if 40 pages redirect to the home page, or have all become the same, or aliases of one page,
their content is lost, unless the tree still has it elsewhere, or the page that they are aliases of still says it: a time, a
number or a token that differed is no content. A site that moves loses none, as each page has a new place. But a start that had
a page and leads to another site now is lost until the user accepts it: its domain may be parked, or a network asks for a login.
New pages don't make up for lost ones: the share is of the pages that there were.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from mirror.core.http.messages import MAX_REDIRECTS
from mirror.core.policy.scope import Reason, Scope
from mirror.store.disk.objects import Digest
from mirror.store.manifest.interface import Manifest
from mirror.store.manifest.records import ALIASES, ChangedPage, Standing

ALLOWED_LOSS: Final = 10
"""Up to this many lost pages are accepted, unless a start is among them: half of a small site is not much."""

_FORBIDDEN: Final = frozenset({Reason.NOINDEX, Reason.NOARCHIVE})


@dataclass(frozen=True, slots=True)
class Loss:
    """The pages that a run would lose, and how many pages with content there were: those that the user left out don't count."""

    pages: Sequence[ChangedPage]
    total: int


SaysTheSame = Callable[[ChangedPage, Digest], bool]
"""Whether another content says the same as the earlier one of a page, in other bytes."""


def excessive_loss(
    manifest: Manifest, scope: Scope, max_loss: float, says_the_same: SaysTheSame, *, undecided: bool = False
) -> Loss | None:
    """Return the loss of a run if it is too much; else `None`.

    It is too much if more than the share `max_loss` (0 to 1) of the pages is lost, or if there is nothing in the place of a
    start. A share of 1 accepts any loss. `undecided`: any loss is too much, because the user has not decided about it yet.
    """
    if max_loss >= 1:
        return None
    changed = list(manifest.departures.changed_pages())
    lost, starts = _lost_pages(manifest, changed, scope, says_the_same)
    left_out = sum(page.path is None and not is_folded(page) and not _is_lost(page) for page in changed)
    total = manifest.departures.count_pages() - left_out
    return Loss(lost, total) if undecided or starts or len(lost) > max(ALLOWED_LOSS, max_loss * total) else None


def is_folded(page: ChangedPage) -> bool:
    """Whether a page has become an alias of one that has the same content now (`store.rules.aliases`)."""
    return page.path is None and page.standing is Standing.OUTSIDE and page.reason in ALIASES


def _lost_pages(
    manifest: Manifest, changed: Iterable[ChangedPage], scope: Scope, says_the_same: SaysTheSame
) -> tuple[list[ChangedPage], int]:
    """Return the lost ones of the changed pages, and how many of them are starts in whose place there is nothing."""
    lost: list[ChangedPage] = []
    replaced: dict[Digest, list[ChangedPage]] = defaultdict(list)
    for page in changed:
        content = _content(manifest, page, scope)
        if content is not None:
            replaced[content].append(page)
        elif _is_lost(page):
            lost.append(page)
    lost_starts = sum(page.url in scope.starts for page in lost)
    for content, pages in replaced.items():
        if len(pages) > 1 or _is_redirect(pages[0]) or is_folded(pages[0]):
            kept = [page for page in pages if is_folded(page) and says_the_same(page, content)]
            lost += _crowded_out(manifest, [page for page in pages if page not in kept], content)
    return lost, lost_starts


def _crowded_out(manifest: Manifest, pages: Sequence[ChangedPage], content: Digest) -> list[ChangedPage]:
    """Return the pages that lost their content, of those that have the same one now. If it is new, it may replace one."""
    changed = [page for page in pages if page.content != content and not manifest.departures.has_content(page.content)]
    is_new = not manifest.departures.had_content(content)
    return changed if not is_new or len({page.content for page in changed}) > 1 else []


def _content(manifest: Manifest, page: ChangedPage, scope: Scope) -> Digest | None:
    """Return the content to which the URL of a page leads now; `None` if there is none."""
    if page.path is None or not _is_redirect(page):
        return page.digest if page.path is not None or is_folded(page) else None
    place, target = manifest.locations.place(page.url_id)
    end = page.url_id
    for _ in range(MAX_REDIRECTS):
        if target is None:
            break
        end = target
        place, target = manifest.locations.place(end)
    found = manifest.resources.current(end) if place is not None and target is None else None
    is_elsewhere = found is not None and page.url in scope.starts and not scope.is_same_site(page.url, found.url)
    return found.digest if found and found.path is not None and found.content_size and not is_elsewhere else None


def _is_lost(page: ChangedPage) -> bool:
    """Whether it was the server that took the content away: not the rules of the user, or damage here."""
    is_forbidden = page.standing is Standing.OUTSIDE and page.reason in _FORBIDDEN
    return page.path is not None or page.standing is Standing.GONE or is_forbidden


def _is_redirect(page: ChangedPage) -> bool:
    return page.status is not None and page.status // 100 == 3  # noqa: PLR2004 - the class of redirects
