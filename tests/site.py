"""Define a website in a few lines, and serve it on loopback with a server that records its requests.

    site = Site().page("/", links=["/a"]).file("/x.png", PNG, "image/png").redirect("/old", "/a", status=301)
    with serve(site) as server:
        ...                       # run a client on server.url
        assert "/a" in server.paths

A path is the target in the request line, including its query, in a normal form (see `spelled`). In bodies and header values,
`{self}` becomes the base URL of the server and `{other}` that of the second server (see `serve_both`); `{//self}` and
`{//other}` are the same without the scheme. For behaviour that a `Page` can't express (truncate a body, wait, count), use a
function, which receives the request's `Handler`.
"""

import re
import struct
import sys
import zlib
from collections import UserDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import BaseServer
from threading import Thread
from types import MappingProxyType
from typing import Final, Self

HTML: Final = "text/html; charset=utf-8"
NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})
BODILESS: Final = frozenset({204, 304})

_ESCAPED = re.compile(rb"%([0-9A-Fa-f]{2})|.", re.DOTALL)
_UNRESERVED: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$'()*,;:@")
_DELIMITERS: Final = frozenset(b"/?&=+%[]|^`\\")


def png(width: int = 1, height: int = 1, pixel: bytes = bytes(4)) -> bytes:
    """An image of one colour, in red, green, blue and alpha. Without arguments, the smallest that browsers show."""
    header = _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0))
    pixels = zlib.compress((b"\0" + pixel * width) * height)
    return b"\x89PNG\r\n\x1a\n" + header + _chunk(b"IDAT", pixels) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


PNG: Final = png()


@dataclass(frozen=True, slots=True)
class Page:
    """One response. `encode`, such as `gzip.compress`, is applied to the body after the placeholders are filled in."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    encode: Callable[[bytes], bytes] | None = None


Resource = Page | Callable[["Handler"], None]


class Site(UserDict[str, Resource]):
    """Maps a path to a `Page`, or to a function that answers the request. Methods return the site, so calls can be chained."""

    def __setitem__(self, path: str, resource: Resource) -> None:
        super().__setitem__(spelled(path.encode()), resource)

    def page(
        self,
        path: str,
        body: str = "",
        *,
        links: Iterable[str] = (),
        status: int = 200,
        headers: Mapping[str, str] = NO_HEADERS,
    ) -> Self:
        """Add an HTML page: the body unchanged, then a link to each of `links`."""
        anchors = "".join(f'<a href="{escape(link)}">{escape(link)}</a>\n' for link in links)
        html = f"<!DOCTYPE html>\n<title>{escape(path)}</title>\n{body}\n{anchors}"
        return self.file(path, html, HTML, status=status, headers=headers)

    def file(
        self,
        path: str,
        body: str | bytes,
        content_type: str = "application/octet-stream",
        *,
        status: int = 200,
        headers: Mapping[str, str] = NO_HEADERS,
    ) -> Self:
        """Add any bytes under any path."""
        payload = body.encode() if isinstance(body, str) else body
        self[path] = Page(status, {"Content-Type": content_type, **headers}, payload)
        return self

    def redirect(self, path: str, location: str, *, status: int = 302) -> Self:
        """Add a redirect without a body."""
        self[path] = Page(status, {"Location": location})
        return self


def spelled(path: bytes) -> str:
    """Return the normal form of a path and its query, so that clients with different escaping request the same resource.

    >>> spelled(b"/%7euser/a b%28\\xe9%29?q=%2f")
    '/~user/a%20b(%E9)?q=%2F'
    """
    return _ESCAPED.sub(_spell, path).decode("ascii")


def _spell(match: re.Match[bytes]) -> bytes:
    code = int(match[1], 16) if match[1] else ord(match[0])
    plain = code in _UNRESERVED or (match[1] is None and code in _DELIMITERS)
    return bytes([code]) if plain else b"%%%02X" % code


class Handler(BaseHTTPRequestHandler):
    """Answers requests from the server's site. If a resource is a function, it is called with the handler."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # headers and body are sent together
    server: "Server"

    def do_GET(self) -> None:
        self.body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path = spelled(self.path.encode("latin-1"))
        self.server.methods.append(self.command)
        self.server.requests.append((path, {name.lower(): value for name, value in self.headers.items()}))
        resource = self.server.site.get(path, NOT_FOUND)
        if isinstance(resource, Page):
            self.reply(resource)
        else:
            resource(self)

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_POST(self) -> None:
        self.do_GET()

    def reply(self, page: Page) -> None:
        """Send a page, with its placeholders filled in and its Content-Length set."""
        body = self.server.filled(page.body)
        if page.encode:
            body = page.encode(body)
        self.send_response(page.status)
        for name, value in page.headers.items():
            self.send_header(name, self.server.filled(value.encode()).decode())
        if page.status not in BODILESS:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD" and page.status not in BODILESS:
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Print nothing; `Server.requests` is the log."""


NOT_FOUND: Final = Page(404, {"Content-Type": HTML}, b"<!DOCTYPE html>\n<title>Not found</title>\n")


class Server(ThreadingHTTPServer):
    """Serves a site. `requests` has the path and the headers (names in lower case) of each request, in order,
    and `methods` its method."""

    request_queue_size = 128

    def __init__(self, site: Site, host: str) -> None:
        super().__init__((host, 0), Handler)
        self.site = site
        self.url = f"http://{host}:{self.server_port}"
        self.other = ""
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.methods: list[str] = []

    @property
    def paths(self) -> list[str]:
        """The paths of the requests, in order."""
        return [path for path, _ in self.requests]

    def filled(self, text: bytes) -> bytes:
        """Replace the placeholders with base URLs."""
        for name, url in (("self", self.url), ("other", self.other)):
            text = text.replace(b"{%s}" % name.encode(), url.encode())
            text = text.replace(b"{//%s}" % name.encode(), url.removeprefix("http:").encode())
        return text

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore closed connections. Any other exception is a bug in a function of the site."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


@contextmanager
def running(server: BaseServer) -> Iterator[None]:
    """Run a server in a thread until the block ends."""
    thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()


@contextmanager
def serve(site: Site, host: str = "127.0.0.1") -> Iterator[Server]:
    """Serve a site on a free port until the end of the block."""
    with Server(site, host) as server, running(server):
        yield server


@contextmanager
def serve_both(site: Site, other: Site) -> Iterator[tuple[Server, Server]]:
    """Serve two sites on two hosts, 127.0.0.1 and localhost. Each is the `{other}` of the other."""
    with serve(site) as first, serve(other, "localhost") as second:
        first.other, second.other = second.url, first.url
        yield first, second
