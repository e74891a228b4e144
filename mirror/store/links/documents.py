"""Reads documents of a snapshot for their links. This runs in worker processes, each with the archive open to read.

Input: versions of documents. Output: `Findings`, as tuples of plain values, because they travel between processes.
"""

import hashlib
import json
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final, NamedTuple

from mirror.core.http.messages import MAX_READ, header
from mirror.core.links import fragments, places
from mirror.core.links.places import Link, Source, is_trustworthy
from mirror.core.links.problems import Problem
from mirror.core.syntax.reference import Kind
from mirror.core.url.canonical import CanonicalURL, split, with_fragment
from mirror.core.url.media_types import DOCUMENTS, Document
from mirror.core.url.public_suffixes import registrable_domain
from mirror.store.archive import Archive
from mirror.store.disk.errors import StorageError
from mirror.store.disk.objects import Digest
from mirror.store.links.targets import End, Targets
from mirror.store.manifest.history_records import ShownVersion
from mirror.store.manifest.records import Resource

XHTML: Final = "application/xhtml+xml"
SVG: Final = "image/svg+xml"

_READ: Final = frozenset({Document.HTML, Document.XML, Document.CSS, Document.HLS, Document.JSON})
_LOADED: Final = frozenset({Kind.REQUISITE, Kind.FRAME, Kind.SEGMENT})
_UNREAD: Final = frozenset({Kind.NEVER, Kind.LIVE, Kind.SPARE, Kind.SURPLUS, Kind.VARIANT})
"""What is never fetched for this document, or left out on purpose: nothing is known about it."""

_NO_WAY: Final = frozenset({Kind.CANONICAL, Kind.SITEMAP, Kind.FEED})
"""What names a page without leading readers to it."""

Row = tuple[str, str, str, int | None, str | None, int, int, int, str]
"""A problem: kind, target, reason, status, what to write instead, id of the page's URL, line, column, link as written."""

Wanted = tuple[int, str, str, int, int, int, str]
"""A fragment: id of the URL that should have it, target, fragment, and the place as in `Row`."""


Unasked = tuple[str, bool, int, int, int, str]
"""A link to what the mirror lacks: URL, whether it leaves the mirror, and the place as in `Row`."""


class Findings(NamedTuple):
    """What was found in some documents.

    `linked`: ids of the URLs to which a reader gets from another page. `named`: those that feeds or sitemaps name, with places.
    `names`: the names in each page as JSON, by the id of its URL. `unasked`: links to what is not in the
    mirror. `unread`: pages that could not be read. `named_elsewhere`: ids of pages that call another URL canonical.
    """

    links: int
    problems: list[Row]
    wanted: list[Wanted]
    linked: set[int]
    named: list[tuple[int, int, int, int, str]]
    names: list[tuple[int, str]]
    unasked: list[Unasked]
    unread: list[str]
    named_elsewhere: list[int]


def is_document(resource: Resource) -> bool:
    """Whether a version has links of its own."""
    kind = resource.media_type or ""
    is_read = DOCUMENTS.get(kind) in _READ or kind == "application/json" or resource.url.endswith("/robots.txt")
    return is_read and resource.digest is not None and not resource.is_redirect and resource.size <= MAX_READ


def read_documents(root: str, snapshot_id: int, versions: Sequence[ShownVersion]) -> Findings:
    """Read documents of the archive in a folder."""
    archive, targets = _open(root, snapshot_id)
    found = Findings(0, [], [], set(), [], [], [], [], [])
    links = 0
    for shown in versions:
        try:
            links += _read(archive, targets, shown, found)
        except (OSError, StorageError):
            found.unread.append(shown.resource.url)
    return found._replace(links=links)


@lru_cache(maxsize=1)
def _open(root: str, snapshot_id: int) -> tuple[Archive, Targets]:
    archive = Archive(Path(root), create=False, read_only=True)
    return archive, Targets(archive, snapshot_id)


def _read(archive: Archive, targets: Targets, shown: ShownVersion, found: Findings) -> int:
    """Add what one document has to `found`, and return how many links it has.

    If a browser opened it, that counts, too: the links that it saw, and the names in its DOM. Without the DOM, nobody knows
    which names scripts have added.
    """
    resource = shown.resource
    assert resource.digest is not None
    response = archive.response(resource, resource.digest)
    if not response.spooled and hashlib.sha256(response.payload).hexdigest() != resource.digest:
        raise StorageError(f"{resource.url}: its object is damaged")
    document = places.read(response, archive.attributes)
    if document is None:
        return 0
    source, links = document
    is_listing = source.kind in {None, Document.XML} and response.media_type not in {XHTML, SVG}
    if source.kind and (source.kind is Document.HTML or response.media_type in {XHTML, SVG}):
        names = fragments.names(source.kind, source.text)
        if names is not None and (shown.dom or not shown.rendered):
            built = _dom_names(archive, shown.dom) if shown.dom else set[str]()
            found.names.append((resource.url_id, json.dumps(sorted(names | built))))
    if any(Kind.CANONICAL in link.kinds and link.url != resource.url for link in links):
        found.named_elsewhere.append(resource.url_id)
    if shown.rendered:
        links += _seen(archive, resource, links)
    ends = targets.ends(link.url for link in links if link.url)
    for link in links:
        end = ends[link.url] if link.url else None
        _judge(resource, source, link, end, found, is_listing=is_listing)
    return len(links)


def _judge(  # noqa: PLR0913 - what a link is, and where
    resource: Resource, source: Source, link: Link, end: End | None, found: Findings, *, is_listing: bool
) -> None:
    place = (resource.url_id, *source.line_and_column(link.start), link.written)
    if end is None or link.url is None:
        found.problems.append((Problem.BROKEN, link.written, "no valid URL", None, None, *place))
        return
    if link.url.startswith("http:") and resource.url.startswith("https:") and _is_mixed(resource, source, link):
        words = "http in a page of https"
        found.problems.append((Problem.MIXED, link.url, words, None, None, *place))
    if link.kinds and link.kinds <= _UNREAD:
        return
    if end.url_id and end.url_id != resource.url_id:
        if is_listing:
            found.named.append((end.url_id, *place))
        elif not link.kinds <= _NO_WAY:
            found.linked.add(end.url_id)
    if end.may_ask:
        is_foreign = end.is_foreign or (not link.kinds & _LOADED and not _is_same_site(end.url, resource.url))
        found.unasked.append((end.url, is_foreign, *place))
    fragment = end.fragment if end.fragment is not None else link.fragment
    if end.problem:
        target = link.url
        instead = end.instead and with_fragment(end.instead[0], end.instead[1] or link.fragment)
        found.problems.append((end.problem, target, end.reason, end.status, instead, *place))
    if fragment and end.is_page and (end.is_picture or not link.kinds <= _LOADED):
        found.wanted.append((end.url_id, with_fragment(link.url, link.fragment), fragment, *place))


def _is_same_site(one: CanonicalURL, other: CanonicalURL) -> bool:
    """Whether two URLs have the same host, or hosts below one registrable domain."""
    hosts = split(one).host, split(other).host
    return hosts[0] == hosts[1] or registrable_domain(hosts[0]) == registrable_domain(hosts[1]) != ""


def _is_mixed(resource: Resource, source: Source, link: Link) -> bool:
    """Whether a page loads a link, or sends a form to it, and does not tell browsers to use https instead."""
    policies = header(resource.headers, "content-security-policy") or ""
    is_sent_to = Kind.NEVER in link.kinds and source.is_sent_to(link)
    is_used = is_sent_to or (bool(link.kinds & _LOADED) and source.is_loaded(link))
    if not is_used or link.url is None or is_trustworthy(link.url):
        return False
    return "upgrade-insecure-requests" not in policies and not source.is_upgraded


def _seen(archive: Archive, resource: Resource, links: Sequence[Link]) -> list[Link]:
    """Return the links that a browser saw in a page, besides those of its source. They have no place in it."""
    known = {link.url for link in links}
    seen = (reference for _, reference in archive.manifest.links.seen(resource) if not reference.guess)
    return [Link(one.url, None, frozenset({one.kind}), one.url) for one in seen if one.url not in known]


def _dom_names(archive: Archive, dom: Digest) -> set[str]:
    """Return the names in a page as a browser showed it."""
    return fragments.names(Document.HTML, archive.objects.get(dom).decode("utf-8", "replace")) or set()
