"""Folding: URLs whose resource is another one's, once a run is over.

Two answers that are the same to a byte are one resource where the page says so (`rel=canonical`, in the document or a header,
of the same site), or where their URLs are names of one place (`core.url.aliases`). The URL that stands for the others keeps its
file; the others have a version that is left out, and `urls.same_as` says whose they are: links to them lead to its file. All
that is decided from what was answered, whatever came first. Where the contents differ by now, a URL has its own file again.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace

from mirror.core.policy.scope import Reason, Scope
from mirror.core.url.aliases import preferred, same_place
from mirror.core.url.canonical import CanonicalURL
from mirror.store.manifest.interface import Manifest
from mirror.store.manifest.records import Snapshot, Standing
from mirror.store.rules.departures import leave
from mirror.store.rules.versions import placed

Folds = Mapping[CanonicalURL, tuple[CanonicalURL, Reason]]
"""URL -> the one that stands for it, and why."""


def fold(manifest: Manifest, snapshot: Snapshot, scope: Scope) -> None:
    """Fold what is the same by now, and unfold what is not any more."""
    folds = folded(manifest.links.canonicals(), manifest.decisions.same_contents(), scope)
    for url_id in manifest.decisions.aliases():
        known = manifest.resources.current(url_id)
        if known and known.url not in folds:
            manifest.decisions.set_aliases([(url_id, None)])
            if known.standing is Standing.OUTSIDE:
                own = replace(placed(known), standing=Standing.PRESENT, error=None)
                manifest.resources.record(snapshot, known, own, None)
                manifest.frontier.set_reason(url_id, None)
    ids = manifest.frontier.find([url for pair in folds.items() for url in (pair[0], pair[1][0])])
    for url, (target, reason) in folds.items():
        known = manifest.resources.current(ids[url])
        assert known is not None
        manifest.decisions.set_aliases([(ids[url], ids[target])])
        manifest.frontier.set_reason(ids[url], reason)
        if known.standing is not Standing.OUTSIDE:
            gone = replace(known, standing=Standing.OUTSIDE, path=None, stale=False, error=None)
            manifest.resources.record(snapshot, known, gone, None)
            leave(manifest, known, gone)


def folded(
    canonicals: Iterable[tuple[CanonicalURL, CanonicalURL]], contents: Iterable[Iterable[CanonicalURL]], scope: Scope
) -> Folds:
    """Which URLs fold into which.

    `canonicals` are pages with the URL that they call theirs, where both have the same content; `contents` are groups of URLs
    that have it. Chains end in what stands for all of it; where they go round, in what `preferred` says.
    """
    found: dict[CanonicalURL, tuple[CanonicalURL, Reason]] = {}
    for url, target in canonicals:
        if url != target and scope.is_same_site(url, target):
            found.setdefault(url, (target, Reason.CANONICAL))
    for group in contents:
        places = defaultdict(list)
        for url in group:
            places[same_place(url)].append(url)
        for names in places.values():
            first = preferred(names, scope.starts)
            for url in names:
                if url != first:
                    found.setdefault(url, (first, Reason.ALIAS))
    return {url: (end, reason) for url, (_, reason) in found.items() if (end := _end(url, found, scope)) != url}


def _end(url: CanonicalURL, found: Mapping[CanonicalURL, tuple[CanonicalURL, Reason]], scope: Scope) -> CanonicalURL:
    """Where a chain ends."""
    way = [url]
    while url in found:
        url = found[url][0]
        if url in way:
            return preferred(way[way.index(url) :], scope.starts)
        way.append(url)
    return url
