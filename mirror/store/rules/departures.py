"""What a run that is over makes of what it did not come to, and of redirects that lead nowhere."""

from dataclasses import replace
from typing import Final

from mirror.core.policy.scope import Reason, Role, Scope
from mirror.store.manifest.interface import Manifest
from mirror.store.manifest.records import Entry, Resource, Snapshot, Standing

_OUT_OF_SCOPE: Final = frozenset(
    {Reason.EXCLUDE, Reason.INCLUDE, Reason.OUTSIDE, Reason.ORIGIN, Reason.REQUISITE, Reason.FORGOTTEN}
)
_NOTHING_LEADS_TO: Final = frozenset({Reason.HOP, Reason.NEVER, Reason.NOFOLLOW, Reason.UNENDORSED})


def judge_redirects(manifest: Manifest, scope: Scope) -> None:
    """Redirects that lead nowhere failed, and so did a start that leads out of the scope."""
    for entry in manifest.frontier.redirects():
        error = _misled(manifest, scope, entry)
        if error:
            manifest.resources.set_error(entry.id, error)


def _misled(manifest: Manifest, scope: Scope, entry: Entry) -> str | None:
    """Why a redirect comes to no end."""
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
    """Say of what earlier runs had and this one did not come to, why."""
    cut_off = manifest.runs.was_limited()
    for resource, entry, of_run in manifest.resources.unvisited(snapshot):
        standing = _parted(scope, resource, entry if of_run else None, entry, cut_off=cut_off)
        if standing is resource.standing:
            continue
        if standing is Standing.UNLINKED:
            manifest.resources.end_as(snapshot, replace(resource, standing=standing, error=None))
        elif standing is Standing.OUTSIDE:
            gone = replace(resource, standing=standing, error=None, path=None, stale=False)
            manifest.resources.end_as(snapshot, gone)
            leave(manifest, resource, gone)


def _parted(
    scope: Scope, resource: Resource, decided: Entry | None, known: Entry | None, *, cut_off: bool
) -> Standing | None:
    """What becomes of a resource that no answer came for; `None`: it stays what it is."""
    if decided is not None:
        if decided.reason in _OUT_OF_SCOPE:
            return Standing.OUTSIDE
        return Standing.UNLINKED if decided.reason in _NOTHING_LEADS_TO else None
    if scope.leaves_out(resource.url, page=known is not None and Role.PAGE in known.roles):
        return Standing.OUTSIDE
    return None if cut_off else Standing.UNLINKED


def leave(manifest: Manifest, before: Resource | None, now: Resource) -> None:
    """The file of an earlier answer goes when the run settles."""
    if before and before.path and before.path != now.path:
        lost = now.standing is Standing.GONE and before.is_html
        manifest.departures.add(before.path, before.url_id, lost=lost)
