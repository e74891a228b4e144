"""The replay server: an ASGI application over a shelf, and the process that serves it. It asks nobody for anything.

`core.replay.origins` says how origins are called, which headers are told and what a page may reach; the shelf, what there is.
A request is answered in a thread, one at a time: SQLite has one connection, and rewriting one core. Files are streamed
beside that.
"""

import errno
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from hashlib import sha256
from threading import Thread
from typing import Final
from urllib.parse import quote

import uvicorn
from anyio import CapacityLimiter, to_thread
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mirror.core.http.byte_ranges import is_range
from mirror.core.http.messages import header
from mirror.core.policy.scope import SuffixList, bundled_suffix_list
from mirror.core.replay import origins, response_headers
from mirror.core.replay.origins import Home, Server
from mirror.core.url import canonical
from mirror.core.url.canonical import CanonicalURL
from mirror.core.url.media_types import UNKNOWN
from mirror.replay.pages import list_page, missing_page, plain_page
from mirror.reports.url_report import account_lines
from mirror.reports.wording import moment
from mirror.store.archive import is_redirect
from mirror.store.disk.errors import StorageError
from mirror.store.manifest.records import Resource
from mirror.store.playback import Found, Shelf

_METHODS: Final = ("GET", "HEAD")
_BLOCK: Final = 1 << 18
_GOOD: Final = frozenset({200, 201, 202, 203})
_BODILESS: Final = frozenset({204, 205})
_ASCII: Final = "".join(map(chr, range(0x21, 0x7F)))
_GRACE: Final = 1
"""Seconds that transfers have to end once the user wants to."""


class Asked:
    """A request, as far as an answer depends on it."""

    def __init__(self, scope: Scope) -> None:
        request = Request(scope)
        self.method = request.method
        self.hosts = request.headers.getlist("host")
        self.header: Callable[[str], str | None] = request.headers.get
        self.path = quote(scope.get("raw_path") or b"", safe=_ASCII)
        query = quote(scope["query_string"], safe=_ASCII)
        self.target = f"{self.path}?{query}" if query else self.path
        self.snapshot = request.query_params.get("snapshot")

    @property
    def wants_page(self) -> bool:
        """Whether somebody looks at the answer; a script gets a short text."""
        return "text/html" in (self.header("accept") or "")


class Replay:
    """The application."""

    def __init__(self, shelf: Shelf, server: Server) -> None:
        self._shelf = shelf
        self._server = server
        self._turn = CapacityLimiter(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        if scope["type"] != "http":
            return
        response = await to_thread.run_sync(self.answer, Asked(scope), limiter=self._turn)
        await response(_ranged(scope, response), receive, self._guarded(scope, send))

    def _guarded(self, scope: Scope, send: Send) -> Send:
        """Each answer, of whatever kind, has the policy and the common headers; one to HEAD has no body."""

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=list(message["headers"]))
                headers.setdefault("content-security-policy", self._server.policy)
                for name, value in response_headers.COMMON.items():
                    headers[name] = value
                message = {**message, "headers": headers.raw}
            elif scope["method"] == "HEAD" and message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        return guarded

    def answer(self, asked: Asked) -> Response:
        """What there is for a request."""
        name = self._server.name(asked.hosts[0]) if len(asked.hosts) == 1 else None
        if name is None:
            return PlainTextResponse(f"This is the replay server at {self._server.root}\n", 421)
        if asked.method not in _METHODS:
            return PlainTextResponse("An archive can only be read.\n", 405, {"allow": ", ".join(_METHODS)})
        if not asked.path.startswith("/"):
            return PlainTextResponse("A path is asked for.\n", 400)
        try:
            return self._of_name(name, asked)
        except (StorageError, OSError) as error:  # an object may go while it is looked at
            return self._missing("The archive can't be read", str(error), asked, 500)

    def _of_name(self, name: str, asked: Asked) -> Response:
        if not name:
            return self._list(asked)
        home = self._shelf.home(name)
        if home is None:
            return self._typed(name, asked)
        if not self._shelf.has_snapshot(home.snapshot):
            return self._missing("No such snapshot", f"There is no snapshot {home.snapshot}, or not any more.", asked)
        if asked.header("service-worker"):  # it would answer in our place, from what it kept, and outlive this server
            return PlainTextResponse("Service workers are not replayed.\n", 403)
        url = _url(home.origin, asked.target)
        if url is None:
            return self._missing("Not in the archive", f"{home.origin}{asked.target} is no URL of a file.", asked)
        found = self._shelf.find(url, home.snapshot)
        if found is None and "?" not in url:  # that there was an empty query is not told by servers
            found = self._shelf.find(CanonicalURL(f"{url}?"), home.snapshot)
        return self._replayed(found, home, asked) if found else self._not_there(url, home, asked)

    # --- what is there -------------------------------------------------------------------------------------------------

    def _replayed(self, found: Found, home: Home, asked: Asked) -> Response:
        resource = found.resource
        headers = self._headers(resource, home, asked)
        if is_redirect(resource):
            place = response_headers.location(
                header(resource.headers, "location") or "", resource.url, self._place(home)
            )
            if place is None:
                return self._not_there(resource.url, home, asked)
            return Response(status_code=resource.status or 302, headers={**headers, "location": place})
        if resource.status in _BODILESS:
            return Response(status_code=resource.status, headers=headers)
        copy = self._shelf.copy(found, self._server, home.snapshot)
        headers["etag"] = tag = f'"{found.digest if copy is None else sha256(copy).hexdigest()}"'
        conditions = (asked.header("if-none-match"), asked.header("if-modified-since"))
        if response_headers.is_not_modified(tag, headers.get("last-modified"), *conditions):
            return Response(status_code=304, headers=headers)
        media_type = response_headers.content_type(header(resource.headers, "content-type"), resource.media_type)
        headers["content-type"] = media_type or UNKNOWN
        status = resource.status if resource.status in _GOOD else 200
        if copy is None:
            return ObjectResponse(found.file, status, headers, stat_result=found.file.stat())
        return Response(copy, status, {**headers, "accept-ranges": "none"})

    def _headers(self, resource: Resource, home: Home, asked: Asked) -> dict[str, str]:
        headers = response_headers.replayed(resource.headers)
        refresh = header(resource.headers, "refresh")
        led = refresh and response_headers.refresh(refresh, resource.url, self._place(home))
        if led:
            headers["refresh"] = led
        headers["vary"] = "Origin, Sec-Fetch-Dest"
        return headers | self._sharing(resource, home, asked)

    def _sharing(self, resource: Resource, home: Home, asked: Asked) -> dict[str, str]:
        """What lets a page of another origin read this, where it may."""
        said = asked.header("origin") or ""
        label = self._server.reader(said)
        reader = self._shelf.home(label) if label else None
        if reader is None or reader.snapshot != home.snapshot:
            return {}
        sites = {self._site(origins.host_of(one.origin)) for one in (reader, home)}
        allowed = header(resource.headers, "access-control-allow-origin")
        destination = asked.header("sec-fetch-dest") or ""
        if not response_headers.may_read(
            reader.origin, allowed, destination, one_site=len(sites) == 1 and "" not in sites
        ):
            return {}
        return {"access-control-allow-origin": said, "access-control-allow-credentials": "true"}

    @cached_property
    def _site(self) -> SuffixList:
        return bundled_suffix_list()

    def _place(self, home: Home) -> Callable[[CanonicalURL], str]:
        return lambda url: self._server.place(url, home.snapshot)

    # --- what is not ---------------------------------------------------------------------------------------------------

    def _not_there(self, url: CanonicalURL, home: Home, asked: Asked) -> Response:
        account, forgotten = self._shelf.account(url)
        lines = account_lines(url, account, forgotten)
        if not asked.wants_page:
            return PlainTextResponse("".join(f"{line}\n" for line in ["Not in the archive", *lines]), 404)
        elsewhere = [
            (self._server.place(url, version.since), f"{url} since {moment(began)}")
            for version, began, _ in (account.versions if account else ())
            if version.path and version.since != home.snapshot
        ]
        other = _with_other_scheme(url)
        if other and self._shelf.has(other, home.snapshot):
            elsewhere.insert(0, (self._server.place(other, home.snapshot), other))
        when = moment(next((one.started for one in self._shelf.snapshots() if one.id == home.snapshot), ""))
        return self._own(missing_page(self._server, url, lines, elsewhere, when), 404)

    def _missing(self, title: str, text: str, asked: Asked, status: int = 404) -> Response:
        if not asked.wants_page:
            return PlainTextResponse(f"{title}: {text}\n", status)
        return self._own(plain_page(self._server, title, text), status)

    # --- the ways in ---------------------------------------------------------------------------------------------------

    def _list(self, asked: Asked) -> Response:
        snapshots = self._shelf.snapshots()
        chosen = asked.snapshot
        shown = self._shelf.on("") if chosen is None else next((s for s in snapshots if str(s.id) == chosen), None)
        if asked.path != "/" or (chosen is not None and shown is None):
            return self._missing("Nothing here", "The hosts of the archive have origins of their own.", asked)
        origins = self._shelf.origins(shown.id) if shown else []
        starts = self._shelf.starts(shown.id) if shown else []
        return self._own(list_page(self._server, snapshots, shown, origins, starts), 200)

    def _typed(self, name: str, asked: Asked) -> Response:
        """A host as it is, with or without a date before it, leads to an origin."""
        for host, date in origins.typed(name):
            shown = self._shelf.on(date)
            origin = self._shelf.origin_of(host, shown.id) if shown else None
            url = origin and _url(origin, asked.target)
            if shown and url:
                return Response(status_code=302, headers={"location": self._server.place(url, shown.id)})
        return self._missing("Not in the archive", f"There is nothing of a host {name}.", asked)

    def _own(self, page: str, status: int) -> Response:
        return HTMLResponse(page, status, {"content-security-policy": self._server.page_policy})


class ObjectResponse(FileResponse):
    """The file of an object, in parts if that is asked for. Its times are those of this disk: nobody is told them."""

    chunk_size = _BLOCK

    def set_stat_headers(self, stat_result: os.stat_result) -> None:
        self.headers["content-length"] = str(stat_result.st_size)


def _url(origin: str, target: str) -> CanonicalURL | None:
    """The URL of an origin that a request means; `None`: it means none of it."""
    found = canonical.resolve(f"{origin}{target}", "about:blank")
    return found.url if found and canonical.origin(found.url) == origin else None


def _with_other_scheme(url: CanonicalURL) -> CanonicalURL | None:
    scheme, mark, rest = url.partition("://")
    other = {"http": "https", "https": "http"}.get(scheme)
    return CanonicalURL(f"{other}{mark}{rest}") if other else None


def _ranged(scope: Scope, answer: Response) -> Scope:
    """The request without a Range that is none, or is of something else than the answer (RFC 9110, 13.1.5 and 14.2)."""
    headers = Headers(scope=scope)
    asked, condition = headers.get("range"), headers.get("if-range")
    known = {answer.headers.get("etag"), answer.headers.get("last-modified")}
    counts = asked is not None and is_range(asked) and (condition is None or condition in known)
    dropped = {b"if-range"} | (set() if counts else {b"range"})
    return {**scope, "headers": [pair for pair in scope["headers"] if pair[0] not in dropped]}


# --- the process -------------------------------------------------------------------------------------------------------


def listening(host: str | None, port: int) -> list[socket.socket]:
    """Sockets at a port; without a host, at all loopback addresses of this machine. Raises `OSError` where it is taken."""
    if host is not None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return [socket.create_server((host, port), family=family)]
    sockets = [socket.create_server(("127.0.0.1", port))]
    if socket.has_ipv6:
        number = sockets[0].getsockname()[1]
        try:
            sockets.append(socket.create_server(("::1", number), family=socket.AF_INET6))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:  # it could answer for us
                sockets[0].close()
                raise
    return sockets


def serve(shelf: Shelf, server: Server, sockets: list[socket.socket], tell: Callable[[], None]) -> None:
    """Serve until the user ends it; `tell` is called once it is served, and Ctrl-C is heard."""
    with suppress(KeyboardInterrupt):
        _Server(_config(Replay(shelf, server)), tell).run(sockets=sockets)


class _Server(uvicorn.Server):
    """One that says when it has begun: before that a Ctrl-C would be lost in a script, where shells have it ignored."""

    def __init__(self, config: uvicorn.Config, tell: Callable[[], None]) -> None:
        super().__init__(config)
        self._tell = tell

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._tell()


@contextmanager
def serving(application: ASGIApp, sockets: list[socket.socket]) -> Iterator[None]:
    """Serve an application from a thread, as long as the block takes."""
    server = uvicorn.Server(_config(application))
    thread = Thread(target=server.run, kwargs={"sockets": sockets}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join()


def _config(application: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        application,
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="error",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=_GRACE,
    )
