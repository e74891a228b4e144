"""Mirror a site of `tests.site` in this process, without a network, and inspect the result.

answered = run(Crawl(archive, scope, now=now), {"http://example.org": site})
assert not dangling(archive.root)
"""

import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from lxml import etree

from mirror.core.document.documents import find_references
from mirror.core.http.messages import Response
from mirror.core.policy.scope import Reason, Role
from mirror.core.url.canonical import CanonicalURL
from mirror.store.archive import Archive
from mirror.store.disk.layout import KEPT
from mirror.store.disk.publications import Publication, Published, PublishTask
from mirror.store.disk.publisher import publish
from mirror.store.manifest.records import Entry
from mirror.store.run.crawl import Crawl
from mirror.store.sqlite.database import Database
from mirror.store.sqlite.manifest import SQLiteManifest
from tests.site import NOT_FOUND, Page, Site, spelled

Web = Mapping[str, Site]
"""Origin -> site. All other origins refuse connections."""

_URL_ATTRIBUTES: Final = frozenset(
    [
        "href",
        "src",
        "action",
        "formaction",
        "poster",
        "background",
        "data",
        "cite",
        "longdesc",
        "data-src",
        "xlink:href",
    ]
)
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:")
_CSS_URL: Final = re.compile(r"url\(\s*[\"']?([^\"')]+)")


# Crawling


def run(
    crawl: Crawl,
    web: Web,
    choose: Callable[[int], int] = lambda _: 0,
    *,
    flying: int = 4,
    most: int = sys.maxsize,
    forbidden: str = "",
    after_each: Callable[[], None] = lambda: None,
) -> list[CanonicalURL]:
    """Fetch everything, `flying` requests at a time, up to `most` answers. `choose` picks which of N requests is answered next.

    Returns the answered URLs. URLs that contain the text `forbidden` are skipped as if robots.txt disallowed them.
    """
    answered: list[CanonicalURL] = []
    in_flight: list[Entry] = []
    while len(answered) < most:
        while len(in_flight) < flying and (entry := crawl.next()):
            in_flight.append(entry)
        if not in_flight:
            assert not crawl.has_next()
            break
        entry = in_flight.pop(choose(len(in_flight)))
        give(crawl, entry, None if forbidden and forbidden in entry.url else web)
        answered.append(entry.url)
        after_each()
    return answered


def give(crawl: Crawl, entry: Entry, web: Web | None) -> None:
    """Answer one request. If `web` is `None`, skip it as if robots.txt disallowed it."""
    response = answer(web, entry.url) if web is not None else None
    if web is None:
        crawl.skip(entry, Reason.ROBOTS)
    elif response is None:
        crawl.fail(entry, "connection refused")
    else:
        crawl.record(entry, response, find_references(response, listing=Role.LISTING in entry.roles))


class Beside:
    """Stands for a worker process that publishes documents: a task is done after as many calls of `done` as `waits` yields.

    The worker dies if a path contains `deadly`.
    """

    def __init__(self, waits: Iterator[int], deadly: str = "") -> None:
        self._waits = waits
        self._deadly = deadly

    def __call__(self, root: Path, wanted: Sequence[Publication]) -> PublishTask:
        dies = bool(self._deadly) and any(self._deadly in one.path for one in wanted)
        return _Later([] if dies else wanted, root, next(self._waits, 0))


class _Later:
    def __init__(self, wanted: Sequence[Publication], root: Path, waits: int) -> None:
        self._wanted, self._root, self._waits = wanted, root, waits

    def done(self) -> bool:
        self._waits -= 1
        return self._waits < 0

    def result(self) -> list[Published]:
        return publish(str(self._root), self._wanted)


def complete(crawl: Crawl) -> None:
    """Complete a run that was not interrupted."""
    crawl.finish()
    settle(crawl)


def settle(crawl: Crawl) -> None:
    for _ in crawl.settle():
        pass


def answer(web: Web, url: CanonicalURL) -> Response | None:
    """Return the response of the server at a URL; `None` if there is no server."""
    origin = "/".join(url.split("/", 3)[:3])
    if origin not in web:
        return None
    page = web[origin].get(spelled(url.removeprefix(origin).encode()), NOT_FOUND)
    assert isinstance(page, Page)
    return Response(url, page.status, tuple(page.headers.items()), page.body)


# Inspecting the result


def files(root: Path) -> dict[str, bytes]:
    """The files of the tree, without the archive's own: path -> content."""
    places = (place for place in root.rglob("*") if place.is_file() and KEPT not in place.relative_to(root).parts[:1])
    return {place.relative_to(root).as_posix(): place.read_bytes() for place in sorted(places)}


def folder(url: str) -> str:
    """The folder in the tree for a server on loopback."""
    return url.removeprefix("http://").replace(":", "_")


def dangling(root: Path) -> list[str]:
    """The relative links in HTML files of a tree that do not lead to a file of the tree."""
    return [
        f"{place.relative_to(root)}: {link}"
        for place in sorted(root.rglob("*"))
        if place.suffix in {".html", ".xhtml"} and place.is_file()
        for link in links(place.read_bytes())
        if is_relative(link) and not _leads_to_a_file(root, place, link)
    ]


def links(html: bytes) -> Iterator[str]:
    """Yield all URLs in the attributes of an HTML document. This uses a table of its own, not the program's."""
    parsed = etree.fromstring(html, etree.HTMLParser(huge_tree=True))
    for element in parsed.iter(etree.Element):
        for name, value in element.items():
            text = str(value)
            if str(name) in _URL_ATTRIBUTES:
                yield text.strip()
            elif str(name) in {"srcset", "imagesrcset", "data-srcset"}:
                yield from (
                    url for url in re.findall(r"[^\s,]\S*[^\s,]", text) if not re.fullmatch(r"[\d.]+[wxh]", url)
                )
            elif str(name) == "style":
                yield from _CSS_URL.findall(text)
            elif str(name) == "srcdoc":
                yield from links(text.encode())
        if element.tag == "style":
            yield from _CSS_URL.findall(element.text or "")
        if element.tag == "meta" and str(element.get("http-equiv", "")).lower() == "refresh":
            yield from re.findall(r"url=['\"]?([^'\"]+)", str(element.get("content", "")), re.IGNORECASE)


def is_relative(link: str) -> bool:
    return bool(link) and not link.startswith("#") and not _SCHEME.match(link)


def _leads_to_a_file(root: Path, place: Path, link: str) -> bool:
    path = re.split("[?#]", link, maxsplit=1)[0]
    if "?" in link or path.startswith("/"):
        return False
    target = Path(os.path.normpath(place.parent / unquote(path))) if path else place
    return target.is_relative_to(root) and target.is_file()


def sqlite(archive: Archive) -> Database:
    """The database behind an archive."""
    assert isinstance(archive.manifest, SQLiteManifest)
    return archive.manifest.database


def archive_state(archive: Archive) -> dict[str, object]:
    """The contents of a manifest, without values that depend on the order of answers: ids, dates, first referrers."""
    query = sqlite(archive).run  # tests compare the tables themselves
    named = "SELECT u.url, f.state, f.roles, f.depth, f.guess, f.reason FROM frontier f JOIN urls u ON u.id = f.url_id"
    answered = (
        "SELECT u.url, r.status, r.headers, r.digest, r.size, r.media_type, r.path, r.error, r.stale "
        "FROM resources r JOIN urls u ON u.id = r.url_id"
    )
    linked = (
        "SELECT s.url, l.position, t.url, l.kind, l.guess FROM links l JOIN resources r ON r.id = l.resource_id "
        "JOIN urls s ON s.id = r.url_id JOIN urls t ON t.id = l.target_id"
    )
    return {
        "frontier": sorted(map(tuple, query(named)), key=repr),
        "resources": sorted(map(tuple, query(answered)), key=repr),
        "links": sorted(map(tuple, query(linked)), key=repr),
        "resolutions": sorted(map(tuple, query("SELECT url, resolution FROM urls")), key=repr),
        "starts": sorted(archive.manifest.runs.starts()),
    }
