"""The history of a URL in words: `why` prints it, and replay shows it instead of a missing resource."""

from collections.abc import Sequence

from mirror.core.http.messages import header, status_text
from mirror.core.http.request_variants import described, variant_of
from mirror.core.policy.scope import Role
from mirror.core.url.canonical import CanonicalURL, origin
from mirror.reports.remedies import skip_hints, skip_text
from mirror.reports.times import format_time
from mirror.store.manifest.history_records import LastRendering, UrlHistory
from mirror.store.manifest.records import ALIASES, Resource, Standing, State
from mirror.store.manifest.rendering_records import RenderingState as Rendering

_STANDINGS = {
    Standing.PRESENT: "in the tree",
    Standing.KEPT: "the last good copy is in the tree",
    Standing.UNLINKED: "in the tree, but no longer linked",
    Standing.ERROR: "failed, and its answer is kept",
    Standing.FAILED: "failed",
    Standing.GONE: "gone",
    Standing.OUTSIDE: "left out by the options",
}


_ROLES = {
    Role.REQUISITE: "a file that a page needs",
    Role.FRAME: "a frame of a page",
    Role.LISTING: "a feed or sitemap",
    Role.PAGE: "a page",
}

_RENDERED = {
    Rendering.WAITS: "waiting to be rendered",
    Rendering.DONE: "rendered",
    Rendering.SPARED: "not rendered, because similar pages led to nothing new",
    Rendering.GIVEN_UP: "not rendered",
}


def account_lines(url: CanonicalURL, account: UrlHistory | None, forgotten: Sequence[str]) -> list[str]:
    """One statement on each line. `forgotten` are the arguments of `forget` that match the URL."""
    return [*(f"forgotten on request ({pattern})" for pattern in forgotten), *_lines(url, account)]


def _lines(url: CanonicalURL, account: UrlHistory | None) -> list[str]:
    if account is None:
        return [f"{url} is unknown: no fetched page refers to it"]
    lines = [f"{url} was first found in the run of {format_time(account.met)}" if account.met else url]
    lines += [_decision(account)] if account.entry else []
    lines += _versions(account)
    lines += [f"linked from {page}" for page in account.linked_from]
    lines += [f"seen by the browser on {page}" for page in account.seen_on]
    lines += _rendered(account.rendered) if account.rendered else []
    lines += [f"works fully in replay only: {account.needs}"] if account.needs else []
    lines += [_variant(one) for one in account.variants]
    return lines


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _variant(resource: Resource) -> str:
    try:
        how = described(variant_of(resource.url))
    except ValueError:
        how = resource.url.partition("#")[2]
    return f"also requested by {how}: {resource.error or resource.status}, {resource.size:,} bytes"


def _rendered(rendered: LastRendering) -> list[str]:
    """What happened when a browser rendered it."""
    what = _RENDERED[Rendering(rendered.state)]
    found = f", {_count(rendered.found, 'URL')} found" if rendered.state == Rendering.DONE else ""
    outcome = f" ({rendered.outcome})" if rendered.outcome else ""
    refused = [f"refused during rendering: {line}" for line in rendered.refused]
    return [f"run of {format_time(rendered.began)}: {what}{found}{outcome}", *refused]


def _decision(account: UrlHistory) -> str:
    """The decision of the newest run that found it."""
    entry = account.entry
    assert entry is not None
    found = f", found on {account.referrer}" if account.referrer else ""
    run = f"run of {format_time(account.decided)}"
    rule = f": {account.rule}" if account.rule else ""
    if entry.state is State.SKIPPED:
        helps = "".join(f"; {hint}" for hint in skip_hints([entry.reason or ""]))
        return f"{run}: not fetched, {skip_text(entry.reason or '')}{rule}{found}{helps}"
    is_robots = account.url == f"{origin(account.url)}/robots.txt"
    roles = "the rules of its host" if is_robots else " and ".join(_ROLES[role] for role in sorted(entry.roles))
    guess = ", guessed from a string that looks like a URL" if entry.guess and not is_robots else ""
    done = "requested" if entry.state is State.DONE else "waiting to be requested"
    left_out = f"; left out, {skip_text(entry.reason)}{rule}" if entry.reason and entry.state is State.DONE else ""
    left_out = left_out or (f"; {account.rule}" if account.rule else "")
    return f"{run}: {done} as {roles}{guess}, {_count(entry.depth, 'link')} from a start{found}{left_out}"


def _versions(account: UrlHistory) -> list[str]:
    """A line for each version. A URL that answers 404 is gone only if it was there before."""
    lines, was_there = [], False
    for resource, began, ended in account.versions:
        is_missing = resource.standing is Standing.GONE and not was_there
        is_alias = resource.standing is Standing.OUTSIDE and account.entry and account.entry.reason in ALIASES
        lines.append(
            _version(
                resource,
                "not on the server"
                if is_missing
                else "in the tree as that URL"
                if is_alias
                else _STANDINGS[resource.standing],
                began,
                ended,
            )
        )
        was_there |= resource.path is not None
    return lines


def _version(resource: Resource, standing: str, began: str | None, ended: str | None) -> str:
    span = f"from {format_time(began)} to {format_time(ended)}" if ended else f"since {format_time(began)}"
    answered = f"answered with {status_text(resource.status or 0)}" if resource.is_error_page else None
    said = "; ".join(filter(None, (answered, resource.error)))
    error = f" ({said})" if said else ""
    content = f": {resource.size:,} bytes, {resource.media_type}, sha256 {resource.digest}" if resource.path else ""
    if resource.is_redirect:
        content = f": {resource.status}, redirects to {header(resource.headers, 'location')}"
    place = f", {resource.path}" if resource.path else ""
    return f"{span}: {standing}{error}{content}{place}; last checked {format_time(resource.checked)}"
