"""Aliases: at the end of a run, URLs with the same content are folded into one.

Two URLs with byte-identical answers are one resource if the page says so (`rel=canonical` in the document or a header, within
the same site), or if the URLs are names of the same place (`core.url.aliases`). One of them keeps its file. The others become
its aliases: their version is left out of the tree (OUTSIDE), and links to them lead to that file. The result depends on the
answers only, not on their order. If the contents differ in a later run, an alias gets its own file again.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from http import HTTPStatus
from types import MappingProxyType

from mirror.core.http.messages import header
from mirror.core.policy.scope import Reason, Scope
from mirror.core.url.aliases import (
    FOLDS,
    Fold,
    plain_url,
    preferred,
    same_place,
    without_nesting,
    without_sorting,
    without_tracking,
)
from mirror.core.url.canonical import CanonicalURL, origin
from mirror.store.manifest.interface import Manifest
from mirror.store.manifest.records import Snapshot, Standing
from mirror.store.rules.naming import Naming
from mirror.store.rules.unvisited import add_departure

Folds = Mapping[CanonicalURL, tuple[CanonicalURL, Reason]]
"""Alias -> the URL that it is folded into, and the reason."""


def fold(  # noqa: PLR0913 - three of them have a default
    manifest: Manifest,
    naming: Naming,
    snapshot: Snapshot,
    scope: Scope,
    *,
    shown: Mapping[CanonicalURL, CanonicalURL] = MappingProxyType({}),
    twins: Mapping[CanonicalURL, CanonicalURL] = MappingProxyType({}),
    folds: frozenset[Fold] = FOLDS,
) -> None:
    """Make aliases of URLs that have the same content now, and restore those that no longer have it.

    `shown` are URLs of which the server has shown that they are the same as their plain URL (`store.rules.foldings`), `twins`
    index pages that are the same as that of their folder, although some bytes differ.
    """
    found = folded(
        manifest.links.canonicals(), manifest.decisions.same_contents(), scope, shown=shown, twins=twins, folds=folds
    )
    found = {
        url: (target, reason)
        for url, (target, reason) in found.items()
        if reason is not Reason.INDEX or _have_one_type(manifest, url, target)
    }
    for url_id in manifest.decisions.aliases():
        known = manifest.resources.current(url_id)
        if known and known.url not in found and not _is_kept(manifest, known.url):
            manifest.decisions.set_aliases([(url_id, None)])
            if known.standing is Standing.OUTSIDE and (known.status or 0) < HTTPStatus.BAD_REQUEST:
                own = replace(naming.with_path(known), standing=Standing.PRESENT, error=None)
                manifest.resources.record(snapshot, known, own, None)
                manifest.frontier.set_reason(url_id, None)
    ids = manifest.frontier.find([url for pair in found.items() for url in (pair[0], pair[1][0])])
    for url, (target, reason) in found.items():
        known = manifest.resources.current(ids[url])
        assert known is not None
        manifest.decisions.set_aliases([(ids[url], ids[target])])
        manifest.frontier.set_reason(ids[url], reason)
        if known.standing is not Standing.OUTSIDE:
            gone = replace(known, standing=Standing.OUTSIDE, path=None, stale=False, error=None)
            manifest.resources.record(snapshot, known, gone, None)
            add_departure(manifest, known, gone)


def _have_one_type(manifest: Manifest, url: CanonicalURL, target: CanonicalURL) -> bool:
    """Return whether two URLs have one Content-Type: in another encoding, the same bytes are another text."""
    ids = manifest.frontier.find([url, target])
    known = [manifest.resources.current(ids[one]) for one in (url, target)]
    types = {header(one.headers, "content-type") for one in known if one}
    return len(types) == 1


def _is_kept(manifest: Manifest, url: CanonicalURL) -> bool:
    """Return whether the URL that stands for an alias could not be renewed, so that nothing shows that they differ."""
    other = manifest.history.same_as(url)
    ids = manifest.frontier.find([other] if other else [])
    known = next(map(manifest.resources.current, ids.values()), None)
    return known is not None and known.standing is Standing.KEPT


def folded(  # noqa: PLR0913 - three of them have a default
    canonicals: Iterable[tuple[CanonicalURL, CanonicalURL]],
    contents: Iterable[Iterable[CanonicalURL]],
    scope: Scope,
    shown: Mapping[CanonicalURL, CanonicalURL] = MappingProxyType({}),
    *,
    twins: Mapping[CanonicalURL, CanonicalURL] = MappingProxyType({}),
    folds: frozenset[Fold] = FOLDS,
) -> Folds:
    """Decide which URLs are folded into which.

    `canonicals` are pairs of a page and the URL that it calls canonical, with the same content; `contents` are groups of URLs
    with the same content. A chain of aliases is folded into its end; a circle is folded into the URL that `preferred` chooses.
    """
    found = {url: (plain, plain_reason(url)) for url, plain in shown.items() if url not in scope.starts}
    for url, target in canonicals if Fold.CANONICAL in folds else ():
        if url != target and scope.is_same_site(url, target):
            found.setdefault(url, (target, Reason.CANONICAL))
    for url, target in twins.items() if Fold.INDEX in folds else ():
        found.setdefault(url, (target, Reason.INDEX))
    for group in contents:
        places = defaultdict(list)
        for url in group:
            places[same_place(url, folds)].append(url)
        for names in places.values():
            first = preferred(names, scope.starts)
            for url in names:
                if url != first:
                    found.setdefault(url, (first, Reason.INDEX if origin(url) == origin(first) else Reason.ALIAS))
    return {url: (end, reason) for url, (_, reason) in found.items() if (end := _end(url, found, scope)) != url}


def plain_reason(url: CanonicalURL) -> Reason:
    """Return why the plain URL stands for a URL."""
    if without_nesting(url) != url:
        return Reason.NESTED
    if without_sorting(url) != url:
        return Reason.SORTING
    if plain_url(url) == url:
        return Reason.CASE
    return Reason.TRACKING if without_tracking(url) == plain_url(url) else Reason.SESSION


def _end(url: CanonicalURL, found: Mapping[CanonicalURL, tuple[CanonicalURL, Reason]], scope: Scope) -> CanonicalURL:
    """Return the end of a chain of aliases."""
    way = [url]
    while url in found:
        url = found[url][0]
        if url in way:
            return preferred(way[way.index(url) :], scope.starts)
        way.append(url)
    return url
