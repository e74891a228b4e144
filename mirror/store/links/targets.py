"""What is at the other end of a link, as a snapshot knows it: a page, a redirect, a failure, or what no run asked for."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from mirror.core.http.messages import MAX_REDIRECTS, header, status_text
from mirror.core.links.answers import CIRCLE
from mirror.core.links.problems import UNCLEAR, Problem
from mirror.core.policy.scope import Reason
from mirror.core.url.canonical import CanonicalURL, is_web, resolve, with_fragment
from mirror.core.url.media_types import DOCUMENTS, Document
from mirror.store.archive_reader import ArchiveReader
from mirror.store.manifest.history_records import LinkTarget
from mirror.store.manifest.records import ALIASES, FOLDED, Resource, Standing, State

_PERMANENT: Final = frozenset({301, 308})
_MOST_KEPT: Final = 1 << 16
_FOREIGN: Final = frozenset({Reason.OUTSIDE, Reason.LEFT, Reason.HOP})
_SAME: Final = frozenset({*FOLDED, *ALIASES})


@dataclass(frozen=True, slots=True)
class End:
    """What a link to `url` ends at.

    `url_id` is the id of the URL that answers, behind redirects and aliases; 0: unknown. `fragment` replaces that of the link.
    `problem`, `reason`, `status` and `instead` say what is wrong, if anything. `is_page`: fragments can be looked for in it;
    `is_picture`: it is SVG, of which pages use parts. `is_foreign`: the mirror does not have it, because it is on another site.
    `may_ask`: its server could be asked about it.
    """

    url: CanonicalURL
    url_id: int = 0
    fragment: str | None = None
    problem: Problem | None = None
    reason: str = ""
    status: int | None = None
    instead: tuple[CanonicalURL, str | None] | None = None
    is_page: bool = False
    is_picture: bool = False
    is_foreign: bool = False
    may_ask: bool = False


class Targets:
    """The targets of the links of one snapshot."""

    def __init__(self, archive: ArchiveReader, snapshot_id: int) -> None:
        self._archive = archive
        self._snapshot_id = snapshot_id
        self._known: dict[CanonicalURL, LinkTarget | None] = {}
        self._ends: dict[CanonicalURL, End] = {}

    def ends(self, urls: Iterable[CanonicalURL]) -> dict[CanonicalURL, End]:
        """Return what is at the other end of links to these URLs."""
        wanted = set(urls)
        if len(self._ends) > _MOST_KEPT:
            self._ends.clear()
            self._known.clear()
        self._look_up([url for url in wanted if url not in self._known])
        return {url: self._end(url) for url in wanted}

    def _look_up(self, urls: list[CanonicalURL]) -> None:
        if urls:
            found = self._archive.manifest.links.targets(urls, self._snapshot_id)
            self._known.update((url, found.get(url)) for url in urls)

    def _target(self, url: CanonicalURL) -> LinkTarget | None:
        if url not in self._known:
            self._look_up([url])
        return self._known[url]

    def _end(self, url: CanonicalURL) -> End:
        if url not in self._ends:
            self._ends[url] = self._followed(url)
        return self._ends[url]

    def _followed(self, first: CanonicalURL) -> End:
        """Follow aliases and redirects to where they end."""
        url, fragment = first, None
        instead: tuple[CanonicalURL, str | None] | None = None
        is_permanent, hops, status = True, 0, None
        for _ in range(2 * MAX_REDIRECTS):
            target = self._target(url)
            place = target and _location(target.resource)
            if target and place and target.resource:
                hops, status = hops + 1, status or target.resource.status
                is_permanent = is_permanent and target.resource.status in _PERMANENT
                url, fragment = place[0], place[1] if place[1] is not None else fragment
                instead = (url, fragment) if is_permanent else instead
            elif target and target.same_as and _is_alias(target):
                url = target.same_as
            else:
                end = _judged(url, target)
                break
            if hops > MAX_REDIRECTS:
                return End(first, 0, None, Problem.BROKEN, CIRCLE, status)
        else:
            return End(first, 0, None, Problem.BROKEN, CIRCLE, status)
        if hops and end.problem:
            return replace(end, url=first, reason=f"redirects to {url}: {end.reason}")
        if instead:
            words = f"{status_text(status or 0)}: moved to {with_fragment(*instead)}"
            return replace(
                end, fragment=fragment, problem=Problem.REDIRECT, reason=words, status=status, instead=instead
            )
        return replace(end, fragment=fragment)


def _location(resource: Resource | None) -> tuple[CanonicalURL, str | None] | None:
    """Return where a redirect leads."""
    if resource is None or not resource.is_redirect or resource.standing is Standing.FAILED:
        return None
    location = header(resource.headers, "location")
    target = resolve(location, resource.url) if location else None
    return target and (target.url, target.fragment)


def _is_alias(target: LinkTarget) -> bool:
    """Whether the mirror has another URL in the place of this one."""
    return target.resource is None or target.resource.path is None or target.reason in _SAME


def _judged(url: CanonicalURL, target: LinkTarget | None) -> End:
    """Judge a URL that leads nowhere else."""
    if target is None:
        return End(url, 0, None, Problem.SKIPPED, "no run has met it")
    resource = target.resource
    if resource is None or resource.standing is Standing.OUTSIDE:
        return _unasked(url, target)
    is_picture = resource.media_type == _SVG
    end = End(url, target.url_id, status=resource.status, is_page=_is_page(resource), is_picture=is_picture)
    if resource.is_error_page:
        return replace(end, problem=Problem.BROKEN, reason=status_text(resource.status or 0))
    match resource.standing:
        case Standing.PRESENT | Standing.UNLINKED:
            return end
        case Standing.KEPT:
            why = f"{resource.error or 'it could not be fetched again'}; the copy is of {resource.fetched[:10]}"
        case Standing.GONE:
            why = status_text(resource.status or 404)
        case _:
            why = resource.error or status_text(resource.status or 0)
    status = _status_in(resource.error) or resource.status
    return replace(
        end, problem=Problem.UNCLEAR if status in UNCLEAR else Problem.BROKEN, reason=why, status=status, is_page=False
    )


def _status_in(error: str | None) -> int | None:
    """Return the status with which an error begins, such as "503 Service Unavailable"."""
    word = (error or "").partition(" ")[0]
    return int(word) if word.isascii() and word.isdigit() and len(word) == _DIGITS else None


def _unasked(url: CanonicalURL, target: LinkTarget) -> End:
    """Judge a URL of which the snapshot has no answer."""
    if target.reason in _FOREIGN:
        return End(url, target.url_id, is_foreign=True, may_ask=is_web(url))
    if target.reason is Reason.NEVER:
        return End(url, target.url_id)
    if target.reason is Reason.REDIRECTS:
        return End(url, target.url_id, None, Problem.BROKEN, CIRCLE)
    if target.reason:
        why = f"{target.reason}{f': {target.rule}' if target.rule else ''}"
        return End(
            url, target.url_id, None, Problem.SKIPPED, why, may_ask=target.reason is Reason.EXCLUDE and is_web(url)
        )
    waits = target.state in {State.PENDING, State.IN_FLIGHT}
    return End(url, target.url_id, None, Problem.SKIPPED, "not fetched yet" if waits else "not in this snapshot")


def _is_page(resource: Resource) -> bool:
    kind = resource.media_type or ""
    return resource.path is not None and (DOCUMENTS.get(kind) is Document.HTML or kind == _SVG)


_SVG: Final = "image/svg+xml"
_DIGITS: Final = 3  # of a status
