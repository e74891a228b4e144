"""What crawls of known sites give, down to the last byte, to be compared with what an earlier version gave.

    python -m tests.crawl.results                     # compare, and list what differs
    python -m tests.crawl.results --facts DIR docs    # write what one version found as text, to `diff` it with another's
    python -m tests.crawl.results --write             # only after a change that is meant to change results

`facts` reads all that a crawl left behind that does not depend on the time: the files of the tree, and by the interface of the
manifest the entry, the version and the links of each URL. `fingerprints/` has the digests of these for each site, as a version
gave them that is known to be right, and the digest of the site itself. All names lead to one proxy on loopback, so no URL has
a port.
"""

import hashlib
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from benchmarks.suite import paced, sites
from mirror.core.policy.scope import Reason
from mirror.store.archive_reader import ArchiveReader
from mirror.store.manifest.interface import Manifest
from mirror.store.manifest.records import Entry, Resource
from tests import constructs
from tests.crawl.running import mirror, tree, websucker
from tests.site import NOT_FOUND, Page, Server, Site, running

FINGERPRINTS: Final = Path(__file__).with_name("fingerprints")
MAIN: Final = "http://example.org"
OTHER: Final = "http://example.com"
WORKERS: Final = ("0", "2")
NOW: Final = 1e9
"""Seconds since 1970. Dates of files before are those that servers gave; later ones are those of the crawl."""

MOST: Final = 20
"""Differences that are listed."""

TYPES: Final = {
    ".css": "text/css",
    ".gz": "application/gzip",
    ".html": "text/html",
    ".js": "text/javascript",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
    ".xml": "application/xml",
}
"""Extension -> media type. What a system's own table says is no matter."""

Facts = dict[str, dict[str, str]]
"""A path of the tree, a URL, or a decision about URLs -> the kind of fact, such as "links" -> the fact as text."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A site in its editions, each of which is mirrored into the same folder, and the words for the crawl."""

    editions: Callable[[], Sequence[Site]]
    start: str = f"{MAIN}/"
    words: tuple[str, ...] = ()
    needs: Path | None = None
    """The folder that has the site, if it is not made here."""

    @property
    def is_there(self) -> bool:
        return self.needs is None or self.needs.is_dir()


class Proxy(Server):
    """Answers for all hosts: a path of its site is a whole URL. Nothing in a body is replaced."""

    def filled(self, text: bytes) -> bytes:
        return text


@contextmanager
def proxy(site: Site) -> Iterator[str]:
    """Serve the hosts of a site, and yield the URL of the proxy."""
    with Proxy(site, "127.0.0.1") as server, running(server):
        yield server.url


# Sites


def construct_sites() -> Sequence[Site]:
    """Both hosts of the site with every construct."""
    main, other = constructs.sites()
    return [Site([*located(main, MAIN, OTHER), *located(other, OTHER, MAIN)])]


def located(site: Site, here: str, there: str) -> Iterator[tuple[str, Page]]:
    """Yield the URLs and pages of a site at a fixed origin, with their placeholders filled in."""
    server = Server(Site(), "127.0.0.1")
    server.url, server.other = here, there
    server.server_close()
    for path, page in site.items():
        assert isinstance(page, Page)
        headers = {name: server.filled(value.encode()).decode() for name, value in page.headers.items()}
        yield here + path, Page(page.status, headers, server.filled(page.body), page.encode)


def folder_site(folder: Path) -> Site:
    """The files of a folder at the main origin. A folder is its `index.html`."""
    site = Site()
    for path in filter(Path.is_file, folder.rglob("*")):
        name = f"{MAIN}/{path.relative_to(folder)}"
        site.file(name, path.read_bytes(), TYPES.get(path.suffix, "application/octet-stream"))
        if path.name == "index.html":
            site[name.removesuffix(path.name)] = site[name]
    return site


def made_site(pages: int, size: int, links: int) -> Site:
    """Pages as the benchmarks have them."""
    with TemporaryDirectory() as folder:
        sites.make_pages(Path(folder), pages, size, links)
        return folder_site(Path(folder))


def endless_site(links: int) -> Site:
    """The start and the next pages of a site that has no end."""
    answer = paced.endless(links)
    paths = ["/many/", *(paced.NAME.format(site="many", n=n) for n in range(1, links + 1))]
    return Site({MAIN + path: page_of(*answer(path)) for path in paths})


def page_of(status: int, media_type: str, body: bytes) -> Page:
    return Page(status, {"Content-Type": media_type}, body)


def changing_site() -> Sequence[Site]:
    """A site, and the same later: of its pages some have another text, some other links, some are gone, and one is new.

    The server gives a date for each page, another one if the page has changed.
    """
    before = Site({url: dated(page, number) for number, (url, page) in enumerate(made_site(60, 3_000, 20).items())})
    after = Site(before)
    for number, change in enumerate([edited, led_elsewhere, gone]):
        for page in range(10 + 3 * number, 13 + 3 * number):
            url = f"{MAIN}/{sites.path_of(page)}"
            after[url] = change(dated(before[url], 100 + page))
    return [before, after.page(f"{MAIN}/new.html", links=["/", "/000/00010.html"])]


def dated(page: object, day: int) -> Page:
    assert isinstance(page, Page)
    return Page(page.status, {**page.headers, "Last-Modified": formatdate(day * 86_400, usegmt=True)}, page.body)


def edited(page: object) -> Page:
    assert isinstance(page, Page)
    return Page(page.status, page.headers, page.body.replace(b"End of page", b"The end of page"))


def led_elsewhere(page: object) -> Page:
    assert isinstance(page, Page)
    return Page(page.status, page.headers, page.body.replace(b"<ul>", b'<ul><li><a href="/new.html">new</a></li>'))


def gone(_: object) -> Page:
    return NOT_FOUND


def python_docs(most: int) -> Callable[[], Sequence[Site]]:
    """Debian's documentation of Python, or the files of it that are nearest to its start."""

    def editions() -> Sequence[Site]:
        if not most:
            return [folder_site(sites.PYTHON_DOCS)]
        with TemporaryDirectory() as folder:
            sites.make_part(Path(folder), sites.PYTHON_DOCS, sites.reachable(sites.PYTHON_DOCS, most))
            return [folder_site(Path(folder))]

    return editions


SUBJECTS: Final = {
    "constructs": Subject(construct_sites),
    "small": Subject(lambda: [made_site(300, 15_000, 60)]),
    "latency": Subject(lambda: [made_site(200, 5_000, 20)]),
    "endless": Subject(lambda: [endless_site(40)], f"{MAIN}/many/", ("limit=20",)),
    "changes": Subject(changing_site),
    "docs-start": Subject(python_docs(20), needs=sites.PYTHON_DOCS),
    "docs": Subject(python_docs(0), needs=sites.PYTHON_DOCS),
}
"""Name -> site. With a limit, the pages within it have to be those next to the start, whatever the order of answers."""


# Facts


def crawled(subject: Subject, editions: Sequence[Site], out: Path, workers: str) -> Facts:
    """Mirror each edition of a site in turn, and return what the last crawl left, with the trees of earlier snapshots."""
    target, found = out.with_name(f"{out.name}-target"), Facts()
    for site in editions:
        with proxy(site) as address:
            done = mirror(subject.start, out, f"workers={workers}", f"proxy={address}", *subject.words)
        assert "Traceback" not in done.stderr, done.stderr
        assert done.code in {0, 1}, done.stderr
    for snapshot in range(1, len(editions)):
        assert websucker("checkout", out, snapshot, target / str(snapshot)).code == 0
        found |= {
            f"snapshot {snapshot}: {path}": {"file": digest} for path, digest in tree(target / str(snapshot)).items()
        }
    return found | facts(out)


def facts(out: Path) -> Facts:
    """All facts about an archive. URLs that were decided about alike and have no version are one fact."""
    found: Facts = {path: {"file": digest} for path, digest in tree(out).items()}
    for path, kinds in found.items():
        if (date := (out / path).stat().st_mtime) < NOW:
            kinds["date"] = str(date)
    with closing(ArchiveReader(out)) as archive:
        for about, kind, text in _of_manifest(archive.manifest):
            found.setdefault(about, {})[kind] = text
    return found


def _of_manifest(manifest: Manifest) -> Iterator[tuple[str, str, str]]:
    manifest.runs.select(manifest.runs.last_id())
    ids = {entry.id for entry in [*manifest.frontier.done(), *manifest.frontier.skipped(list(Reason))]}
    for snapshot in manifest.history.snapshots():
        for shown in manifest.history.at(snapshot.id):
            ids.add(shown.resource.url_id)
            yield shown.resource.url, f"snapshot-{snapshot.id}", _version(shown.resource)
    unanswered: dict[str, list[str]] = {}
    for entry in manifest.frontier.last_entries(sorted(ids)):
        decision = _decision(entry)
        if resource := manifest.resources.current(entry.id):
            yield entry.url, "entry", decision
            yield entry.url, "version", f"{_version(resource)}\nsame as {manifest.history.same_as(entry.url)}"
            yield (
                entry.url,
                "links",
                "\n".join(f"{one.kind} {one.guess} {one.url}" for _, one in manifest.links.of(resource)),
            )
        else:
            unanswered.setdefault(decision, []).append(entry.url)
    for decision, urls in unanswered.items():
        yield decision, "urls", "\n".join(sorted(urls))


def _decision(entry: Entry) -> str:
    roles = ", ".join(role.name for role in sorted(entry.roles)) or "nothing"
    return (
        f"{entry.state.name} {entry.reason} as {roles}, depth {entry.depth}, {'a guess' if entry.guess else 'no guess'}"
    )


def _version(resource: Resource) -> str:
    """A version without its times and ids, and without the server's headers about itself."""
    what = (resource.standing, resource.status, resource.media_type, resource.size, resource.digest, resource.path)
    headers = [f"{name}: {value}" for name, value in resource.headers if name.lower() not in {"date", "server"}]
    return "\n".join([*map(str, what), f"since {resource.since}", f"error {resource.error}", *headers])


# Fingerprints


def site_digest(editions: Sequence[Site]) -> str:
    """A digest of all that a server of the site sends."""
    digest = hashlib.sha256()
    for site in editions:
        for url in sorted(site):
            page = site[url]
            assert isinstance(page, Page)
            body = page.encode(page.body) if page.encode else page.body
            digest.update(repr((url, page.status, sorted(page.headers.items()), body)).encode())
    return digest.hexdigest()


def fingerprint(found: Facts) -> Facts:
    """The same with a few digits of its digest in the place of each text."""
    return {
        about: {kind: hashlib.sha256(text.encode()).hexdigest()[:8] for kind, text in kinds.items()}
        for about, kinds in found.items()
    }


def save(path: Path, site: str, prints: Facts) -> None:
    """Write the digest of a site, and the fingerprints of the facts about it: a line for each file and each URL."""
    lines = [
        f"{' '.join(f'{kind}:{kinds[kind]}' for kind in sorted(kinds))}\t{about}\n"
        for about, kinds in sorted(prints.items())
    ]
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join([f"{site}\n", *lines]), encoding="utf-8")


def load(path: Path) -> tuple[str, Facts]:
    """Return the digest of a site and the fingerprints that `save` wrote."""
    site, *lines = path.read_text(encoding="utf-8").split("\n")
    rows = [line.split("\t") for line in lines if line]
    return site, {about: dict(word.split(":") for word in kinds.split(" ")) for kinds, about in rows}


def differences(before: Facts, now: Facts) -> list[str]:
    """What differs, a line for each file and URL.

    >>> differences({"a": {"file": "1"}, "b": {"file": "2"}}, {"a": {"file": "3"}, "c": {"links": "4"}})
    ['a: other file', 'b: no file', 'c: new links']
    """
    return [
        line
        for about in sorted({*before, *now})
        for line in _differences(about, before.get(about, {}), now.get(about, {}))
    ]


def _differences(about: str, before: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    for kind in sorted({*before, *now}):
        if before.get(kind) != now.get(kind):
            how = "new" if kind not in before else "no" if kind not in now else "other"
            yield f"{about}: {how} {kind}"


def path_of(name: str) -> Path:
    """The file with the fingerprints of a site."""
    return FINGERPRINTS / f"{name}.txt"


# The command


def main() -> None:
    """Compare, write fingerprints, or write facts."""
    parser = ArgumentParser(description="Compare what crawls of known sites give with what an earlier version gave.")
    parser.add_argument("names", nargs="*", help=f"of: {', '.join(SUBJECTS)}; all by default")
    parser.add_argument("--workers", choices=WORKERS, default=WORKERS[0])
    parser.add_argument("--write", action="store_true", help="take what this version gives for right")
    parser.add_argument("--facts", type=Path, help="the folder to write the facts to, as text")
    options = parser.parse_args()
    if unknown := set(options.names) - SUBJECTS.keys():
        parser.error(f"no such site: {', '.join(sorted(unknown))}")
    for name in options.names or SUBJECTS:
        subject = SUBJECTS[name]
        if not subject.is_there:
            print(f"{name}: {subject.needs} is missing", file=sys.stderr)
            continue
        editions = subject.editions()
        with TemporaryDirectory() as folder:
            found = crawled(subject, editions, Path(folder, "out"), options.workers)
        if options.facts:
            options.facts.mkdir(parents=True, exist_ok=True)
            (options.facts / f"{name}.txt").write_text(as_text(found), encoding="utf-8")
        elif options.write:
            save(path_of(name), site_digest(editions), fingerprint(found))
        else:
            site, known = load(path_of(name))
            print(f"{name}: {'the same site' if site == site_digest(editions) else 'another site'}")
            print("".join(f"  {line}\n" for line in differences(known, fingerprint(found))), end="")


def as_text(found: Facts) -> str:
    """The facts, for readers and for `diff`."""
    return "".join(
        f"== {about}: {kind}\n{text}\n"
        for about, kinds in sorted(found.items())
        for kind, text in sorted(kinds.items())
    )


if __name__ == "__main__":
    main()
