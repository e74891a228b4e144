"""The workloads. Each has a site, a server, and the tools that take turns. They are all in one table, `WORKLOADS`."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from benchmarks.suite import sites
from benchmarks.suite.judging import File
from benchmarks.suite.serving import Server, free_address, nginx, paced, paced_hosts, url_of
from benchmarks.suite.tools import (
    WEBSUCKER,
    Tool,
    bare,
    connections,
    curl,
    httrack,
    httrack_without_limits,
    many_starts,
    side_by_side,
    websucker,
    wget,
    wget2,
)


@dataclass(frozen=True, slots=True)
class Place:
    """A site while it is served. `known` maps URLs without `origin` to files.

    `pages` is the number to request if the site has no end. If it has several hosts, `starts` is a file with the URL of each.
    """

    server: Server
    known: Mapping[str, File] = field(default_factory=dict)
    entry: str = ""
    pages: int = 0
    starts: Path | None = None

    @property
    def origin(self) -> str:
        return "http://" if self.starts else self.server.url


Serve = Callable[[Path, int], AbstractContextManager[Place]]
"""(empty folder, size of the workload) -> context manager that serves the site."""


@dataclass(frozen=True, slots=True)
class Workload:
    """The site, its size, and its size in a quick run; the tools, the number of rounds, and the timeout of a run in seconds.

    With `again`, each tool runs twice into the same folder.
    """

    name: str
    serve: Serve
    size: int
    quick: int
    tools: Callable[[int], tuple[Tool, ...]]
    rounds: int
    timeout: float
    again: bool = False


# Sites

PAGE: Final = 15_000
LINKS: Final = 60
DELAY: Final = 0.05
"""Bytes of a page, links in a page, seconds until the slow server answers."""

ENDLESS_LINKS: Final = 1000
HOSTS: Final = 100
HOST_PAGES: Final = 40
AT_ONCE: Final = 2
"""Hosts, pages of each of them, and how many of its pages a host sends at a time."""


@contextmanager
def pages(home: Path, count: int) -> Iterator[Place]:
    """Serve small pages with nginx."""
    folder = home / "site"
    sites.make_pages(folder, count, PAGE, LINKS)
    known = sites.known(folder, map(sites.path_of, range(count)))
    with nginx(folder, home) as server:
        yield Place(server, known)


@contextmanager
def slow_pages(home: Path, count: int) -> Iterator[Place]:
    """Serve the same pages, a third as large, with a slow server."""
    folder = home / "site"
    sites.make_pages(folder, count, PAGE // 3, LINKS // 3)
    known = sites.known(folder, map(sites.path_of, range(count)))
    with paced(home, "--folder", str(folder), "--delay", str(DELAY)) as server:
        yield Place(server, known)


@contextmanager
def python_docs(home: Path, count: int) -> Iterator[Place]:
    """Serve Debian's documentation of Python with nginx, or only the `count` files nearest to its start page."""
    if not sites.PYTHON_DOCS.is_dir():
        raise FileNotFoundError("python3.11-doc is missing: sh benchmarks/needs.sh")
    folder = home / "site" if count else sites.PYTHON_DOCS
    if count:
        sites.make_part(folder, sites.PYTHON_DOCS, sites.reachable(sites.PYTHON_DOCS, count))
    with nginx(folder, home) as server:
        yield Place(server, sites.known(folder, sites.reachable(folder)))


@contextmanager
def large_file(home: Path, mebibytes: int) -> Iterator[Place]:
    """Serve one large file with nginx."""
    folder = home / "site"
    sites.make_large(folder, mebibytes << 20)
    with nginx(folder, home) as server:
        yield Place(server, sites.known(folder, ["large.bin"]), entry="large.bin")


@contextmanager
def endless(home: Path, count: int) -> Iterator[Place]:
    """Serve a site without an end, each page of which links to a thousand others. The tools request `count` pages."""
    with paced(home, "--endless", str(ENDLESS_LINKS)) as server:
        yield Place(server, pages=count)


@contextmanager
def many_hosts(home: Path, count: int) -> Iterator[Place]:
    """Serve the slow pages at many hosts, each of which answers two requests at a time."""
    folder, starts = home / "site", home / "starts.txt"
    hosts = [f"127.0.{1 + n // 250}.{1 + n % 250}" for n in range(count)]
    _, port = free_address()
    known: dict[str, File] = {}
    for host in hosts:
        sites.make_pages(folder / host, HOST_PAGES, PAGE // 3, LINKS // 3, host)
        below = url_of(host, port).removeprefix("http://")
        files = sites.known(folder / host, map(sites.path_of, range(HOST_PAGES)))
        known |= {below + path: file for path, file in files.items()}
    starts.write_text("".join(f"{url_of(host, port)}\n" for host in hosts))
    options = ("--folder", str(folder), "--delay", str(DELAY), "--most", str(AT_ONCE))
    with paced_hosts(home, hosts, port, *options) as server:
        yield Place(server, known, starts=starts)


# Tools


def these(*tools: Tool) -> Callable[[int], tuple[Tool, ...]]:
    """The same tools for every size."""
    return lambda _: tools


SIXTEEN: Final = f"{WEBSUCKER}, 16 connections"
SIXTY_FOUR: Final = f"{WEBSUCKER}, 64 connections"
FEW: Final = f"{WEBSUCKER}, few URLs"
WGET_KEEPING: Final = "wget -K"
AT_SIXTEEN: Final = ("wget2, 16 threads", "httrack -c16, no limits")
AT_SIXTY_FOUR: Final = ("wget2, 64 threads",)
TWO_A_HOST: Final = f"{WEBSUCKER}, {2 * HOSTS} connections, {AT_ONCE} a host"
AT_TWO_A_HOST: Final = (
    "wget",
    "wget, 16 processes",
    "wget2, 2 threads, 16 processes",
    "httrack -c2, no limits, 16 processes",
)
"""Names that targets refer to. The last are those that never have more than two connections to a host."""


def limited(count: int) -> tuple[Tool, ...]:
    """Websucker with a limit of pages, on both sites of `paced --endless`; and the bare spider."""
    words = ("-a", f"limit={count}")
    many, few = websucker(*words, entry="many/"), websucker(*words, name=FEW, entry="few/")
    floor = bare("-s", f"CLOSESPIDER_PAGECOUNT={count}", entry="many/", once=True)
    return tuple(replace(tool, judged="requests") for tool in (many, few, floor))


MANY_HOSTS: Final = (
    many_starts(websucker(), "@"),
    many_starts(websucker(*connections(2 * HOSTS, AT_ONCE), name=TWO_A_HOST), "@"),
    many_starts(replace(wget(), once=True, against=TWO_A_HOST), "--input-file="),
    side_by_side(replace(wget(), against=TWO_A_HOST), 16),
    many_starts(wget2(16, against=TWO_A_HOST), "--input-file="),
    many_starts(wget2(2 * HOSTS, against=TWO_A_HOST), "--input-file="),
    side_by_side(wget2(AT_ONCE, against=TWO_A_HOST), 16),
    many_starts(httrack_without_limits(16, against=TWO_A_HOST, once=True), "--list="),
    side_by_side(httrack_without_limits(AT_ONCE, against=TWO_A_HOST), 16),
)
"""One process for all hosts, or one for each. wget2 and HTTrack can't be told how many connections a host may have."""

WORKLOADS: Final[dict[str, Workload]] = {
    workload.name: workload
    for workload in (
        Workload(
            "small",
            pages,
            size=10_000,
            quick=300,
            tools=these(websucker(), wget(), wget2(16), httrack_without_limits(8), bare()),
            rounds=5,
            timeout=900,
        ),
        Workload(
            "docs",
            python_docs,
            size=0,
            quick=120,
            tools=these(websucker(), wget(), wget2(16), httrack_without_limits(8), httrack(once=True)),
            rounds=5,
            timeout=150,
        ),
        Workload(
            "latency",
            slow_pages,
            size=2_000,
            quick=100,
            tools=these(
                websucker(),
                wget(),
                wget2(None),
                httrack(once=True),
                websucker(*connections(16), name=SIXTEEN),
                wget2(16, against=SIXTEEN),
                httrack_without_limits(16, against=SIXTEEN),
                bare(*connections(16), name="scrapy, bare, 16 connections", against=SIXTEEN),
                websucker(*connections(64), name=SIXTY_FOUR),
                wget2(64, against=SIXTY_FOUR),
            ),
            rounds=3,
            timeout=300,
        ),
        Workload(
            "large",
            large_file,
            size=2048,
            quick=256,
            tools=these(websucker(), wget(), wget2(16), httrack_without_limits(8), curl()),
            rounds=3,
            timeout=120,
        ),
        Workload(
            "again",
            python_docs,
            size=0,
            quick=40,
            tools=these(
                websucker(),
                wget(),
                wget("-K", "--no-if-modified-since", name=WGET_KEEPING),
                wget2(16),
                httrack_without_limits(8),
            ),
            rounds=3,
            timeout=150,
            again=True,
        ),
        Workload(
            "many",
            many_hosts,
            size=HOSTS,
            quick=5,
            tools=these(*MANY_HOSTS),
            rounds=3,
            timeout=400,
        ),
        Workload("million", endless, size=1_001, quick=11, tools=limited, rounds=2, timeout=1800),
    )
}
"""Name -> workload, in the order of execution."""
