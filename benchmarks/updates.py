"""Find out what is left of a good copy if the site changes, fails or breaks off, and the tool runs again.

    python -m benchmarks.updates [--tools websucker,httrack] [--only 404,SIGKILL] > updates.md

Each scenario has a fresh site on loopback and a fresh folder for each tool. After a first run without problems, the site
changes and the tool runs again. The verdict depends on the bytes on the disk only: each text begins and ends with a marker that
contains its path and version, and the place of a page is the file that had its markers after the first run. The log of a tool
does not count. Its exit status is shown in brackets if it is not 0. Each tool's own options keep timeouts short.
"""

import argparse
import gzip
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.utils import formatdate, parsedate_to_datetime
from pathlib import Path
from threading import Event
from typing import Final

from benchmarks.commands import NO_LIMITS, websucker
from benchmarks.constructs import ROOT, line, version
from tests.site import HTML, PNG, Handler, Page, Server, Site, serve

PATIENCE: Final = 2.0
"""Seconds of silence after which the tools give up. They retry once."""

WGET: Final = ("wget", "-q", f"--timeout={PATIENCE:g}", "--tries=2", "--waitretry=0", "--retry-connrefused")
HTTRACK: Final = ("-q", f"-T{PATIENCE:g}", "-R1", *NO_LIMITS)
SCRAPY: Final = (sys.executable, "-m", "scrapy")
QUICK: Final = ("MIRROR_PROGRESS=off", f"DOWNLOAD_TIMEOUT={PATIENCE:g}", "RETRY_TIMES=1")
SETTINGS: Final = tuple(part for setting in QUICK for part in ("-s", setting))

COMMANDS: Final[dict[str, Callable[[str, str, str], list[str]]]] = {
    "websucker": lambda url, out, _: websucker(url, out, *SETTINGS),
    "wget -m": lambda url, out, _: [*WGET, "-m", "-P", out, url],
    "wget -m -k -p -E": lambda url, out, _: [*WGET, "-m", "-k", "-p", "-E", "-P", out, url],
    "wget -m -k -K -p -E --no-if-modified-since": lambda url, out, _: (
        [*WGET, "-m", "-k", "-K", "-p", "-E", "--no-if-modified-since", "-P", out, url]
    ),
    "httrack": lambda url, out, how: ["httrack", url, "-O", out, *HTTRACK, *([how] if how else [])],
    "httrack -X0": lambda url, out, how: ["httrack", url, "-O", out, *HTTRACK, "-X0", *([how] if how else [])],
}
"""Tool -> its command for a URL, a folder, and what HTTrack calls the run: nothing, `--update` or `--continue`.

The options are from the manuals. With `-K`, wget keeps the originals of converted files, so that `-N`, which `-m` includes, can
compare them. With `--no-if-modified-since` it sends HEAD requests, whose responses say what is HTML, unlike a 304. HTTrack
updates with `--update`, resumes with `--continue`, and keeps deleted pages with `-X0`.
"""

PRIVATE: Final = frozenset({".mirror", "hts-cache"})
"""Folders in which a tool keeps its own data; not part of the browsable copy."""

PAGES: Final = 30
LONG_AGO: Final = 784111777.0
BOTH: Final = frozenset({"ETag", "Last-Modified"})
NONE: Final = frozenset[str]()
LOGIN: Final = '<h1>Sign in</h1><form method="post"><input name="user"><input type="password" name="secret"></form>'


# The site


def text(path: str, edition: str, body: str = "", links: tuple[str, ...] = ()) -> bytes:
    """An HTML page that begins and ends with its markers."""
    anchors = "".join(f'<li><a href="{link}">{link}</a>\n' for link in links)
    filling = f"<p>What page {path} has to say. " + " ".join(f"It goes on about {n * 7919 % 10007}." for n in range(80))
    title = f"<!DOCTYPE html>\n<title>{path} {edition}</title>\n"
    return f"{title}<p>[{path} {edition} begins]\n{body or filling}\n{anchors}<p>[{path} {edition} ends]\n".encode()


@dataclass
class Live:
    """A file as a plain web server serves it, with validators, conditional requests and ranges. It records what it sent."""

    body: bytes
    media_type: str = HTML
    changed: float = LONG_AGO
    validators: frozenset[str] = field(default_factory=lambda: BOTH)
    sent: list[tuple[int, int]] = field(default_factory=list)
    wait: float = 0.0
    stop_at: int | None = None
    stopped: Event = field(default_factory=Event)

    def __call__(self, request: Handler) -> None:
        """Answer as RFC 9110 requires."""
        time.sleep(self.wait)
        have = {
            "ETag": f'"{hash((self.body, self.changed)):x}"',
            "Last-Modified": formatdate(self.changed, usegmt=True),
        }
        headers = {name: value for name, value in have.items() if name in self.validators}
        if self._unchanged(request, headers):
            self._send(request, 304, headers, b"")
        elif self._moved_on(request, headers):
            self._send(request, 412, headers, b"")
        elif (start := self._start(request, headers)) is None:
            self._send(request, 200, headers | {"Accept-Ranges": "bytes"}, self.body)
        elif start >= len(self.body):
            self._send(request, 416, {"Content-Range": f"bytes */{len(self.body)}"}, b"")
        else:
            span = f"bytes {start}-{len(self.body) - 1}/{len(self.body)}"
            self._send(request, 206, headers | {"Content-Range": span}, self.body[start:])

    def _unchanged(self, request: Handler, headers: dict[str, str]) -> bool:
        tag, since = request.headers.get("If-None-Match"), request.headers.get("If-Modified-Since")
        if tag is not None:
            return tag == headers.get("ETag")
        return since is not None and "Last-Modified" in headers and int(self.changed) <= _seconds(since)

    def _moved_on(self, request: Handler, headers: dict[str, str]) -> bool:
        tag, since = request.headers.get("If-Match"), request.headers.get("If-Unmodified-Since")
        if tag is not None:
            return tag != headers.get("ETag")
        return since is not None and "Last-Modified" in headers and int(self.changed) > _seconds(since)

    def _start(self, request: Handler, headers: dict[str, str]) -> int | None:
        span = re.fullmatch(r"bytes=(\d+)-", request.headers.get("Range", ""))
        on = request.headers.get("If-Range")
        return int(span[1]) if span and (on is None or on in headers.values()) else None

    def _send(self, request: Handler, status: int, headers: dict[str, str], body: bytes) -> None:
        part = body if request.command != "HEAD" else b""
        self.sent.append((status, len(part)))
        request.send_response(status)
        for name, value in {"Content-Type": self.media_type, "Content-Length": str(len(body)), **headers}.items():
            if status != 304 or name not in {"Content-Type", "Content-Length"}:
                request.send_header(name, value)
        request.end_headers()
        if self.stop_at is None or self.stop_at >= len(part):
            request.wfile.write(part)
        else:
            request.wfile.write(part[: self.stop_at])
            request.wfile.flush()
            self.stopped.set()
            never(request)


def _seconds(date: str) -> float:
    return parsedate_to_datetime(date).timestamp()


def website(pages: int = PAGES, validators: frozenset[str] = BOTH, start: frozenset[str] = NONE) -> Site:
    """A start page that links to /page.html and /1.html, pages that each link to the next two, a stylesheet, a picture.

    Like many start pages, it is generated for each request, and so has no validators by default.
    """
    site = Site()
    site["/"] = first("/page.html", "/1.html", validators=start)
    site["/page.html"] = Live(text("/page.html", "v1", links=("/",)), validators=validators)
    for n in range(1, pages - 1):
        links = tuple(f"/{m}.html" for m in (2 * n, 2 * n + 1) if m < pages - 1)
        site[f"/{n}.html"] = Live(text(f"/{n}.html", "v1", links=links), validators=validators)
    site.file("/robots.txt", "User-agent: *\nDisallow:\n", "text/plain")
    site["/style.css"] = Live(b"p { color: teal }\n", "text/css", validators=validators)
    site["/x.png"] = Live(PNG, "image/png", validators=validators)
    return site


def first(*links: str, validators: frozenset[str] = NONE) -> Live:
    """The start page."""
    own = '<link rel="stylesheet" href="/style.css"><img src="/x.png">'
    return Live(text("/", "v1", own, links), validators=validators)


def live(site: Site, path: str) -> Live:
    """The file at a path of the site."""
    resource = site[path]
    assert isinstance(resource, Live)
    return resource


def breaks_off(body: bytes, **headers: str) -> Callable[[Handler], None]:
    """Send these headers and this body unchanged, then close the connection."""

    def answer(request: Handler) -> None:
        request.send_response(200)
        for name, value in {"Content-Type": HTML, **headers}.items():
            request.send_header(name.replace("_", "-"), value)
        request.end_headers()
        if request.command != "HEAD":
            request.wfile.write(body)
        request.close_connection = True

    return answer


def never(request: Handler) -> None:
    """Send nothing until the client gives up."""
    request.rfile.read(1)
    request.close_connection = True


# A tool and its copy


@dataclass
class Case:
    """A tool that mirrors a site: its runs, and its copy."""

    tool: str
    server: Server
    out: Path
    extra: tuple[str, ...] = ()
    code: int = 0
    runs: int = 0

    @property
    def site(self) -> Site:
        return self.server.site

    def run(self, how: str = "--update") -> None:
        """Run the tool for the first time, or again."""
        self.code = self._process(how if self.runs else "").wait(120)
        self.runs += 1

    def killed(self, reached: Callable[[], bool], after: float = 0.0) -> None:
        """Run the tool, and kill it with SIGKILL `after` seconds after `reached` becomes true."""
        process = self._process("--update" if self.runs else "")
        ends = time.monotonic() + 60
        while not reached() and process.poll() is None and time.monotonic() < ends:
            time.sleep(0.002)
        time.sleep(after)
        with suppress(ProcessLookupError):  # it has ended already
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(60)
        self.runs += 1

    def _process(self, how: str) -> "subprocess.Popen[bytes]":
        command = COMMANDS[self.tool](f"{self.server.url}/", str(self.out), how)
        if self.tool.startswith("wget"):
            command[1:1] = self.extra
        quiet = subprocess.DEVNULL
        return subprocess.Popen(command, cwd=ROOT, stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=True)

    def files(self) -> Iterator[Path]:
        """The files of the copy that a reader can open."""
        for path in sorted(self.out.rglob("*")):
            inside = path.relative_to(self.out).parts
            if path.is_file() and not PRIVATE.intersection(inside) and path.suffix != ".orig":
                yield path

    def place(self, marker: str) -> Path:
        """The file that contains a marker."""
        found = [path for path in self.files() if marker.encode() in path.read_bytes()]
        assert found, f"{self.tool}: no file has {marker}"
        return found[0]

    def has(self, path: str, edition: str = "v1") -> bool:
        """Whether some file contains the whole page."""
        whole = (f"[{path} {edition} begins]".encode(), f"[{path} {edition} ends]".encode())
        return any(all(marker in content for marker in whole) for content in map(Path.read_bytes, self.files()))

    def status(self) -> str:
        return f" [{self.code}]" if self.code else ""


def verdict(case: Case, place: Path, path: str = "/page.html") -> str:
    """What the place of the page contains now, in words."""
    if not place.is_file():
        elsewhere = "snapshot 1" if case.tool == "websucker" else "the cache"
        return f"out of the tree, in {elsewhere}" if "v1" in versions(case, path) else "deleted"
    content = place.read_bytes().decode("utf-8", "replace")
    if f"[{path} v2 begins]" in content:
        return "updated" if f"[{path} v2 ends]" in content else "half a file"
    if f"[{path} v1 begins]" in content:
        return "good copy kept" if f"[{path} v1 ends]" in content else "half a file"
    if not content.strip():
        return "an empty file"
    if content.startswith("\x1f"):
        return "compressed bytes"
    title = re.search(r"<title>(.*?)</title>", content, re.IGNORECASE | re.DOTALL)
    return f"replaced by “{' '.join(title[1].split())}”" if title else "replaced by something else"


def versions(case: Case, path: str) -> list[str]:
    """The versions of a page that can be recovered completely, by any means that the tool offers."""
    with tempfile.TemporaryDirectory() as folder:
        contents = list(_kept(case, Path(folder)))
    whole = re.compile(rf"\[{re.escape(path)} (v\d) begins\].*\[{re.escape(path)} \1 ends\]".encode(), re.DOTALL)
    return sorted({found[1].decode() for content in contents if (found := whole.search(content))})


def _kept(case: Case, folder: Path) -> Iterator[bytes]:
    yield from (path.read_bytes() for path in case.out.rglob("*") if path.is_file() and ".mirror" not in path.parts)
    for archive in case.out.rglob("*.zip"):
        with zipfile.ZipFile(archive) as members:
            yield from map(members.read, members.namelist())
    for number in range(1, case.runs + 1 if case.tool == "websucker" else 1):
        command = [*SCRAPY, "checkout", str(case.out), str(number), str(folder / str(number))]
        subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    yield from (path.read_bytes() for path in folder.rglob("*") if path.is_file())


# The scenarios


Scenario = Callable[[Case], str]


def unchanged(validators: frozenset[str]) -> Scenario:
    """Nothing changes. What does a second run cost?"""

    def play(case: Case) -> str:
        case.server.site = website(validators=validators, start=validators)
        case.run()
        case.server.requests.clear()
        resources = {path: resource for path, resource in case.site.items() if isinstance(resource, Live)}
        for resource in resources.values():
            resource.sent.clear()
        case.run()
        again = sum(size for resource in resources.values() for _, size in resource.sent)
        everything = sum(len(resource.body) for resource in resources.values())
        requested = resources.keys() & set(case.server.paths)
        return f"requested {len(requested)} of {len(resources)}, {again / everything:.0%} of the bytes{case.status()}"

    return play


def start_is_unchanged(case: Case) -> str:
    """The start page answers 304, but a page further on has changed, and links to a new one."""
    case.server.site = website(start=BOTH)
    case.run()
    place = case.place("[/15.html v1 begins]")
    time.sleep(1.1)
    case.site["/15.html"] = Live(text("/15.html", "v2", links=("/new.html",)), changed=time.time())
    case.site["/new.html"] = Live(text("/new.html", "v1"))
    case.server.requests.clear()
    case.run()
    requested = len(set(case.server.paths) & {*case.site} - {"/robots.txt"})
    changed = verdict(case, place, "/15.html")
    new = "the new page found" if case.has("/new.html") else "the new page not found"
    return f"requested {requested} of {len(case.site) - 1}; {changed}, {new}{case.status()}"


def changed(case: Case) -> str:
    """A page has new text."""
    return page_becomes(Live(text("/page.html", "v2", links=("/",)), changed=0))(case)


def page_becomes(answer: Page | Callable[[Handler], None]) -> Scenario:
    """The second run finds something else at the address of a page."""

    def play(case: Case) -> str:
        case.run()
        place = case.place("[/page.html v1 begins]")
        time.sleep(1.1)
        case.site["/login"] = Page(200, {"Content-Type": HTML}, b"<title>Sign in</title>" + LOGIN.encode())
        if isinstance(answer, Live):
            answer.changed = time.time()
        case.site["/page.html"] = answer
        case.run()
        return verdict(case, place) + case.status()

    return play


def unlinked(case: Case) -> str:
    """The start page no longer links to the page, which still exists."""
    case.run()
    place = case.place("[/page.html v1 begins]")
    time.sleep(1.1)
    case.site["/"] = first("/1.html")
    case.run()
    return verdict(case, place) + case.status()


def all_answer(answer: Page, but: str = "") -> Scenario:
    """Every URL of the site, except one path, answers with the same error. The start page links to all pages."""

    def play(case: Case) -> str:
        case.site["/"] = first(*(path for path in case.site if path.endswith(".html")))
        case.run()
        case.server.site = Site({path: (case.site[path] if path == but else answer) for path in case.site})
        case.run()
        return _left(case)

    return play


def refused(case: Case) -> str:
    """The server is down."""
    case.run()
    case.server.shutdown()
    case.server.server_close()
    case.run()
    return _left(case)


def _left(case: Case) -> str:
    left = sum(case.has(path) for path in ["/", "/page.html", *(f"/{n}.html" for n in range(1, PAGES - 1))])
    return f"{left} of {PAGES} pages left{case.status()}"


BIG: Final = 4_000_000
SETTLED: Final = 0.5
"""Seconds within which received data can reach the disk."""


def big(edition: str) -> bytes:
    """A large file. Each line of it contains its number and the version."""
    line = b"%s %%011d\n" % edition.encode()
    return b"".join(line % n for n in range(BIG // len(line % 0)))


def large_file(case: Case) -> str:
    """The tool is killed while it downloads a large file for the first time."""
    case.site["/"] = first("/page.html", "/big.bin", "/1.html")
    file = case.site["/big.bin"] = Live(big("v1"), "application/octet-stream", stop_at=BIG // 2)
    assert isinstance(file, Live)
    case.killed(file.stopped.is_set, SETTLED)
    after = _big(case)
    file.stop_at = None
    case.run("--continue")
    return f"{after}; then {_big(case)}{case.status()}"


def large_file_again(case: Case) -> str:
    """The tool is killed while it downloads a new version of a large file, and has a good copy of the old one."""
    case.site["/"] = first("/page.html", "/big.bin", "/1.html")
    case.site["/big.bin"] = Live(big("v1"), "application/octet-stream")
    case.run()
    time.sleep(1.1)
    file = Live(big("v2"), "application/octet-stream", changed=time.time(), stop_at=BIG // 2)
    case.site["/big.bin"] = file
    case.killed(file.stopped.is_set, SETTLED)
    after = _big(case)
    file.stop_at = None
    case.run()
    return f"{after}; then {_big(case)}{case.status()}"


def _big(case: Case) -> str:
    found = [path.read_bytes() for path in case.files() if path.name == "big.bin"]
    if not found:
        return "no file"
    for edition in ("v1", "v2"):
        if big(edition).startswith(found[0]):
            share = len(found[0]) / len(big(edition))
            return f"{edition} whole" if share == 1 else f"{share:.0%} of {edition}"
    return "a mix of v1 and v2"


MANY: Final = 60


def middle(case: Case) -> str:
    """The tool is killed in the middle of the crawl. Is the copy complete in the end, and how much was sent twice?"""
    case.server.site = website(MANY)
    pages = {path: live(case.site, path) for path in case.site if path == "/" or path.endswith(".html")}
    for page in pages.values():
        page.wait = 0.02
    case.killed(lambda: bool(pages[f"/{MANY // 2}.html"].sent))
    before = {path for path, page in pages.items() if _bodies(page)}
    case.run("--continue")
    twice = sum(_bodies(pages[path]) > 1 for path in before)
    there = sum(case.has(path) for path in pages)
    return f"{there} of {MANY} pages; {twice} of the {len(before)} sent before the kill sent again{case.status()}"


def _bodies(page: Live) -> int:
    return sum(size > 0 for _, size in page.sent)


def previous(case: Case) -> str:
    """Which versions can be recovered after two changes?"""
    for edition in ("v1", "v2", "v3"):
        case.site["/page.html"] = Live(text("/page.html", edition, links=("/",)), changed=time.time())
        case.run()
        time.sleep(1.1)
    return ", ".join(versions(case, "/page.html")) + case.status()


def error(status: int, title: str) -> Page:
    """A typical error page."""
    return Page(status, {"Content-Type": HTML}, f"<!DOCTYPE html>\n<title>{title}</title>\n<h1>{title}</h1>\n".encode())


def compressed(request: Handler) -> None:
    """A page that is sent as truncated gzip to clients that accept gzip."""
    whole = Live(text("/page.html", "v2"), changed=time.time())
    if "gzip" in request.headers.get("Accept-Encoding", ""):
        request.reply(
            Page(
                200,
                {"Content-Type": HTML, "Content-Encoding": "gzip"},
                gzip.compress(whole.body)[: len(whole.body) // 8],
            )
        )
    else:
        whole(request)


V2: Final = text("/page.html", "v2")
CHUNK: Final = b"%x\r\n%b\r\n" % (len(V2) // 2, V2[: len(V2) // 2])

SCENARIOS: Final[dict[str, Scenario]] = {
    "nothing changed, ETag and Last-Modified": unchanged(BOTH),
    "nothing changed, ETag only": unchanged(frozenset({"ETag"})),
    "nothing changed, Last-Modified only": unchanged(frozenset({"Last-Modified"})),
    "the start answers 304, a page behind it has changed and leads to a new one": start_is_unchanged,
    "page changed": changed,
    "page answers 403": page_becomes(error(403, "Forbidden")),
    "page answers 404": page_becomes(error(404, "Not Found")),
    "page answers 410": page_becomes(error(410, "Gone")),
    "page answers 500": page_becomes(error(500, "Internal Server Error")),
    "page never answers": page_becomes(never),
    "body shorter than Content-Length": page_becomes(breaks_off(V2[: len(V2) // 2], Content_Length=str(len(V2)))),
    "chunked, no last chunk": page_becomes(breaks_off(CHUNK, Transfer_Encoding="chunked")),
    "chunked, a chunk of no length": page_becomes(breaks_off(CHUNK + b"oops\r\n", Transfer_Encoding="chunked")),
    "gzip breaks off": page_becomes(compressed),
    "login page (200) where a page was": page_becomes(
        Page(200, {"Content-Type": HTML}, b"<title>Sign in</title>" + LOGIN.encode())
    ),
    "302 to /login": page_becomes(Page(302, {"Location": "/login"})),
    "soft 404: “Page not found”, 200": page_becomes(error(200, "Page not found")),
    "soft 404: a notice without those words, 200": page_becomes(error(200, "Welcome to our new website")),
    "soft 404: 302 to the start": page_becomes(Page(302, {"Location": "/"})),
    "page no longer linked": unlinked,
    "all answers 404": all_answer(error(404, "Not Found")),
    "all but the start answers 404": all_answer(error(404, "Not Found"), "/"),
    "all answers 503": all_answer(error(503, "Back soon")),
    "connection refused": refused,
    "SIGKILL in a large file, then again": large_file,
    "SIGKILL in the new version of a large file, then again": large_file_again,
    "SIGKILL in a large file, then again; wget with -c": large_file,
    "SIGKILL in the new version of a large file, then again; wget with -c": large_file_again,
    "SIGKILL in the crawl, then again": middle,
    "versions to be had after v1, v2, v3": previous,
    "versions to be had after v1, v2, v3; wget with --backups=9": previous,
}
"""Name of a scenario -> the function that plays it and returns the verdict."""

EXTRA: Final = {
    "gzip breaks off": ("--compression=auto",),
    "SIGKILL in a large file, then again; wget with -c": ("-c",),
    "SIGKILL in the new version of a large file, then again; wget with -c": ("-c",),
    "versions to be had after v1, v2, v3; wget with --backups=9": ("--backups=9",),
}
"""Scenario -> the options of wget that it is about."""


def main() -> None:
    """Play the scenarios with the installed tools, and print a table."""
    parser = argparse.ArgumentParser(description="Compare what tools make of a site that changes between runs.")
    parser.add_argument("--tools", default=",".join(COMMANDS), help="comma-separated, of: %(default)s")
    parser.add_argument("--only", default="", help="scenarios with one of these words in their names, comma-separated")
    options = parser.parse_args()
    tools = options.tools.split(",")
    if unknown := set(tools) - COMMANDS.keys():
        parser.error(f"unknown tools: {', '.join(sorted(unknown))}")
    tools = [tool for tool in tools if tool == "websucker" or shutil.which(tool.split()[0])]
    chosen = [name for name in SCENARIOS if any(word in name for word in options.only.split(","))]
    print("\n".join(f"- {version(tool)}" for tool in dict.fromkeys(tool.split()[0] for tool in tools)), end="\n\n")
    print(line(["Between two runs", *tools]))
    print(line(["---"] * (len(tools) + 1)))
    for name in chosen:
        print(line([name, *(_played(name, tool) for tool in tools)]), flush=True)


def _played(name: str, tool: str) -> str:
    if "; wget with" in name and not tool.startswith("wget"):
        return ""
    with _case(tool, EXTRA.get(name, ())) as case:
        return SCENARIOS[name](case)


@contextmanager
def _case(tool: str, extra: tuple[str, ...]) -> Iterator[Case]:
    with serve(website()) as server, tempfile.TemporaryDirectory() as folder:
        yield Case(tool, server, Path(folder) / "copy", extra)


if __name__ == "__main__":
    main()
