"""Departures: which files leave the tree at the end of a run, and redirects that lead nowhere.

This module decides about resources that the run did not answer. If nothing links to a resource any more, it stays, as UNLINKED.
If the rules leave it out, its file leaves the tree. If the run did not see enough to decide, the resource stays as it is.
"""

from dataclasses import replace
from typing import Final

from mirror.core.policy.scope import Reason, Role, Scope
from mirror.store.manifest.interface import Manifest
from mirror.store.manifest.records import Entry, Resource, Snapshot, Standing, State

_MAX_CIRCLE: Final = 20
"""Redirects that are followed to find a circle: as many as browsers follow."""

_OUT_OF_SCOPE: Final = frozenset(
    {Reason.EXCLUDE, Reason.INCLUDE, Reason.OUTSIDE, Reason.ORIGIN, Reason.REQUISITE, Reason.MEDIA, Reason.FORGOTTEN}
)
_NOTHING_LEADS_TO: Final = frozenset({Reason.HOP, Reason.NEVER, Reason.NOFOLLOW, Reason.UNENDORSED, Reason.LEFT})


def judge_redirects(manifest: Manifest, scope: Scope) -> None:
    """Mark redirects that lead nowhere as failed, and starts that redirect out of the scope."""
    for entry in manifest.frontier.redirects():
        error = _redirect_error(manifest, scope, entry)
        if error:
            manifest.resources.set_error(entry.id, error)


def circle(manifest: Manifest, redirect: Entry) -> list[Entry]:
    """Return the redirects of the circle that this redirect closes, its target first; nothing if it closes none.

    A redirect to itself is no circle in this sense: whether it is followed is decided before it is recorded.
    """
    ids: list[int] = []
    url_id = redirect.id
    while (target := manifest.locations.place(url_id)[1]) is not None and target not in ids and len(ids) < _MAX_CIRCLE:
        ids.append(target)
        url_id = target
    if redirect.id not in ids[1:]:
        return []
    entries = manifest.frontier.entries(ids)
    return [entry for url_id in ids if (entry := entries.get(url_id)) and entry.state is State.DONE]


def _redirect_error(manifest: Manifest, scope: Scope, entry: Entry) -> str | None:
    """Return why a redirect leads nowhere; `None` if it leads somewhere."""
    url_id, seen = entry.id, {entry.id}
    while (target := manifest.locations.place(url_id)[1]) is not None:
        if target in seen:
            return "redirects in a circle"
        seen.add(target)
        url_id = target
    last = manifest.frontier.entries([url_id]).get(url_id)
    if last is None or last.reason is None or last.roles:
        return None
    if last.reason is Reason.REDIRECTS:
        return str(last.reason)
    return f"leads to {last.url}, {last.reason}" if entry.url in scope.starts else None


def judge_unvisited(manifest: Manifest, snapshot: Snapshot, scope: Scope) -> None:
    """Record why this run has no answer for resources that earlier runs had."""
    cut_off = manifest.runs.was_limited()
    for resource, entry, of_run in manifest.resources.unvisited(snapshot):
        standing = _unvisited_standing(scope, resource, entry if of_run else None, entry, cut_off=cut_off)
        if standing is resource.standing:
            continue
        if standing and resource.standing is Standing.ERROR:
            gone = replace(resource, standing=Standing.FAILED, path=None, stale=False)
            manifest.resources.end_as(snapshot, gone)
            add_departure(manifest, resource, gone)
            continue
        if standing is Standing.UNLINKED:
            manifest.resources.end_as(snapshot, replace(resource, standing=standing, error=None))
        elif standing is Standing.OUTSIDE:
            gone = replace(resource, standing=standing, error=None, path=None, stale=False)
            manifest.resources.end_as(snapshot, gone)
            add_departure(manifest, resource, gone)


def _unvisited_standing(
    scope: Scope, resource: Resource, decided: Entry | None, known: Entry | None, *, cut_off: bool
) -> Standing | None:
    """Return the new standing of a resource that had no answer; `None` if it stays as it is.

    `decided` is its entry of this run, `known` that of any run. `cut_off`: a limit kept this run from seeing everything.
    """
    if decided is not None:
        if decided.reason in _OUT_OF_SCOPE:
            return Standing.OUTSIDE
        return Standing.UNLINKED if decided.reason in _NOTHING_LEADS_TO else None
    if scope.leaves_out(resource.url, page=known is not None and Role.PAGE in known.roles):
        return Standing.OUTSIDE
    return None if cut_off else Standing.UNLINKED


def add_departure(manifest: Manifest, before: Resource | None, now: Resource) -> None:
    """If the new version has another file than the previous one, let the old file leave the tree at the end of the run."""
    if before and before.path and before.path != now.path:
        lost = now.standing is Standing.GONE and before.is_html
        manifest.departures.add(before.path, before.url_id, lost=lost)
