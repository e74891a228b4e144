"""The replay server: an ASGI application that answers from an archive. `process` runs it.

It makes no connections. `core.replay` decides how origins are named, which headers are replayed and what a page may
reach; `store.playback.Playback` knows what the archive has.

A thread answers the requests one after the other, because there is one SQLite connection, and rewriting keeps one core busy.
Files are streamed at the same time.
"""

import os
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from typing import Final
from urllib.parse import quote

from anyio import CapacityLimiter, to_thread
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, PlainTextResponse, Response
from starlette.types import Message, Receive, Scope, Send

from mirror.core.document.navigation_guard import GUARD
from mirror.core.http.byte_ranges import is_range
from mirror.core.http.cross_origin import OPAQUE
from mirror.core.http.messages import GONE, MAX_READ, header
from mirror.core.http.request_variants import MAX_BODY
from mirror.core.replay import first_script, origins, response_headers
from mirror.core.replay.near_match import NearMatch, with_callback
from mirror.core.replay.origins import ReplayOrigin, Server
from mirror.core.replay.variant_match import Asked
from mirror.core.url import canonical
from mirror.core.url.canonical import CanonicalURL
from mirror.core.url.media_types import UNKNOWN
from mirror.core.url.public_suffixes import registrable_domain
from mirror.replay.pages import list_page, missing_page, plain_page
from mirror.reports.times import format_time
from mirror.reports.url_report import account_lines
from mirror.store.archive import is_redirect
from mirror.store.disk.errors import StorageError
from mirror.store.manifest.records import Resource
from mirror.store.playback import Playback, StoredVersion

_METHODS: Final = ("GET", "HEAD")
_ANSWERED: Final = (*_METHODS, "POST")
"""The archive has answers to POST if pages asked questions by it."""

_PAGES: Final = frozenset({"document", "embed", "frame", "iframe", "object"})
"""Values of Sec-Fetch-Dest: the browser shows the response, and runs its scripts."""

_NEAR: Final = "websucker-near-match"
"""The header of a response for another URL than the requested one: the rules by which it matches, and its URL."""

_BLOCK: Final = 1 << 18
_GOOD: Final = frozenset({200, 201, 202, 203})
_BODILESS: Final = frozenset({204, 205})
_ASCII: Final = "".join(map(chr, range(0x21, 0x7F)))


class ReplayRequest:
    """The parts of a request that the response depends on."""

    def __init__(self, scope: Scope, body: bytes = b"") -> None:
        parsed = Request(scope)
        self.asked = Asked(scope["method"], dict(parsed.headers), body)
        self.method = parsed.method
        self.hosts = parsed.headers.getlist("host")
        self.header: Callable[[str], str | None] = parsed.headers.get
        self.path = quote(scope.get("raw_path") or b"", safe=_ASCII)
        query = quote(scope["query_string"], safe=_ASCII)
        self.target = f"{self.path}?{query}" if query else self.path
        self.snapshot = parsed.query_params.get("snapshot")

    @property
    def destination(self) -> str:
        """What the browser loads the response as. Browsers send it, and scripts can't choose it."""
        return self.header("sec-fetch-dest") or ""

    @property
    def is_preflight(self) -> bool:
        """Whether a browser asks whether a script may send a request (CORS)."""
        return self.method == "OPTIONS" and bool(self.header("access-control-request-method"))

    @property
    def wants_page(self) -> bool:
        """Whether the client shows the response to a user, in a window. Scripts get a short text that tells them nothing."""
        destination = self.destination
        return destination == "document" if destination else "text/html" in (self.header("accept") or "")


class Replay:
    """The ASGI application."""

    def __init__(self, playback: Playback, server: Server) -> None:
        self._playback = playback
        self._server = server
        self._one_at_a_time = CapacityLimiter(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        if scope["type"] != "http":
            return
        body = await _body(receive) if scope["method"] == "POST" else b""
        response = await to_thread.run_sync(self.answer, ReplayRequest(scope, body), limiter=self._one_at_a_time)
        with suppress(OSError):  # the object is gone, or no descriptor is left: the connection ends
            await response(_with_valid_range(scope, response), receive, self._with_policy(scope, send))

    def _with_policy(self, scope: Scope, send: Send) -> Send:
        """Add the content security policy and the common headers to every response, and drop the body of one to HEAD."""

        async def send_with_policy(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=list(message["headers"]))
                if "content-security-policy" not in headers:
                    headers["content-security-policy"] = self._server.policy
                    headers["connection-allowlist"] = self._server.allowlist
                for name, value in response_headers.COMMON.items():
                    headers[name] = value
                message = {**message, "headers": headers.raw}
            elif scope["method"] == "HEAD" and message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        return send_with_policy

    def answer(self, request: ReplayRequest) -> Response:
        """Return the response to a request."""
        name = self._server.name(request.hosts[0]) if len(request.hosts) == 1 else None
        if name is None:
            return PlainTextResponse(f"This is the replay server at {self._server.root}\n", 421)
        if request.method not in _ANSWERED and not request.is_preflight:
            return _read_only()
        if not request.path.startswith("/"):
            return PlainTextResponse("The request target must be a path.\n", 400)
        try:
            return self._answer_name(name, request)
        except (StorageError, OSError) as error:  # another process may remove an object at any time
            return self._error("The archive can't be read", str(error), request, 500)

    def _answer_name(self, name: str, request: ReplayRequest) -> Response:
        if not name:
            return _read_only() if request.method == "POST" else self._list(request)
        home = self._playback.home(name)
        if home is None:
            return self._typed_host(name, request)
        if not self._playback.has_snapshot(home.snapshot):
            return self._error(
                "No such snapshot", f"There is no snapshot {home.snapshot} in this archive, or it was pruned.", request
            )
        clock = first_script.started_at(request.path)
        if clock is not None and not request.is_preflight:
            return PlainTextResponse(GUARD + first_script.first_script(clock), media_type="text/javascript")
        if request.header("service-worker"):  # it could answer from its cache, even after this server has ended
            return PlainTextResponse("Service workers are not replayed.\n", 403)
        return self._answer_home(home, request)

    def _answer_home(self, home: ReplayOrigin, request: ReplayRequest) -> Response:
        url = _url(home.origin, request.target)
        if url is None:
            return self._error("Not in the archive", f"{home.origin}{request.target} is not a valid URL.", request)
        found = self._find(url, home.snapshot, request)
        near = None if found else self._playback.near(url, request.asked, home.snapshot)
        found, match = near or (found, None)
        if found is None and request.method == "POST" and not self._playback.any_question(url, home.snapshot):
            return _read_only()
        if found is None:
            return self._not_archived(url, home, request)
        if request.is_preflight:
            return self._preflight(found.resource, home, request)
        return self._archived(found, home, request, match)

    def _find(self, url: CanonicalURL, snapshot: int, request: ReplayRequest) -> StoredVersion | None:
        found = self._playback.find_variant(url, request.asked, snapshot)
        if found is None and request.method != "POST":
            found = self._playback.find(url, snapshot)
            if found is None and request.is_preflight:
                found = self._playback.any_question(url, snapshot)
            if found is None and "?" not in url:  # ASGI servers do not tell an empty query from none
                found = self._playback.find(CanonicalURL(f"{url}?"), snapshot)
        return found

    # --- resources in the archive --------------------------------------------------------------------------------------

    def _archived(
        self, found: StoredVersion, home: ReplayOrigin, request: ReplayRequest, match: NearMatch | None = None
    ) -> Response:
        resource = found.resource
        headers = self._headers(resource, home, request)
        if match:
            headers[_NEAR] = f"{', '.join(match.rules)}; {resource.url}"
        if is_redirect(resource):
            place = response_headers.location(
                header(resource.headers, "location") or "", resource.url, self._place(home)
            )
            if place is None:
                return self._not_archived(resource.url, home, request)
            return Response(status_code=resource.status or 302, headers={**headers, "location": place})
        if resource.status in _BODILESS:
            return Response(status_code=resource.status, headers=headers)
        copy = self._playback.copy(found, self._server, home.snapshot, is_page=request.destination in _PAGES)
        if match and match.callbacks and resource.size <= MAX_READ:
            copy = with_callback(self._playback.payload(found) if copy is None else copy, match)
        tag = f'"{found.digest if copy is None else sha256(copy).hexdigest()}"'
        if not resource.is_error_page:
            headers["etag"] = tag
        conditions = (request.header("if-none-match"), request.header("if-modified-since"))
        if "etag" in headers and response_headers.is_not_modified(tag, headers.get("last-modified"), *conditions):
            return Response(status_code=304, headers=headers)
        media_type = response_headers.content_type(header(resource.headers, "content-type"), resource.media_type)
        headers["content-type"] = media_type or UNKNOWN
        status = resource.status if resource.status in _GOOD | GONE else 200
        if copy is None:
            return ObjectResponse(found.file, status, headers, stat_result=found.file.stat())
        return Response(copy, status, {**headers, "accept-ranges": "none"})

    def _headers(self, resource: Resource, home: ReplayOrigin, request: ReplayRequest) -> dict[str, str]:
        headers = response_headers.replayed(resource.headers)
        refresh = header(resource.headers, "refresh")
        target = refresh and response_headers.refresh(refresh, resource.url, self._place(home))
        if target:
            headers["refresh"] = target
        headers["vary"] = "Origin, Sec-Fetch-Dest"
        return headers | self._cors_headers(resource, home, request)

    def _cors_headers(self, resource: Resource, home: ReplayOrigin, request: ReplayRequest) -> dict[str, str]:
        """The headers that let a page of another origin read the response, if it may (CORS)."""
        origin = request.header("origin") or ""
        if origin == OPAQUE:
            return response_headers.opaque_reading_headers(resource.headers)
        label = self._server.reader(origin)
        reader = self._playback.home(label) if label else None
        if reader is None or reader.snapshot != home.snapshot:
            return {}
        sites = {registrable_domain(origins.host_of(one.origin)) for one in (reader, home)}
        return response_headers.reading_headers(
            origin,
            reader.origin,
            resource.headers,
            resource.media_type or "",
            request.destination,
            one_site=len(sites) == 1 and "" not in sites,
        )

    def _preflight(self, resource: Resource, home: ReplayOrigin, request: ReplayRequest) -> Response:
        """Let a script send a request with any headers if it may read the response."""
        granted = self._cors_headers(resource, home, request)
        return Response(
            status_code=204,
            headers={
                "vary": "Origin, Sec-Fetch-Dest",
                **(response_headers.preflight(granted, request.header("access-control-request-headers"), _ANSWERED)),
            },
        )

    def _place(self, home: ReplayOrigin) -> Callable[[CanonicalURL], str]:
        return lambda url: self._server.place(url, home.snapshot)

    # --- resources not in the archive ----------------------------------------------------------------------------------

    def _not_archived(self, url: CanonicalURL, home: ReplayOrigin, request: ReplayRequest) -> Response:
        if not request.wants_page:
            return PlainTextResponse("Not in the archive\n", 404)
        account, forgotten = self._playback.account(url)
        lines = account_lines(url, account, forgotten)
        elsewhere = [
            (self._server.place(url, version.since), f"{url} since {format_time(began)}")
            for version, began, _ in (account.versions if account else ())
            if version.path and version.since != home.snapshot
        ]
        other = _with_other_scheme(url)
        if other and self._playback.has(other, home.snapshot):
            elsewhere.insert(0, (self._server.place(other, home.snapshot), other))
        when = format_time(next((one.started for one in self._playback.snapshots() if one.id == home.snapshot), ""))
        return self._sealed(missing_page(self._server, url, lines, elsewhere, when), 404)

    def _error(self, title: str, text: str, request: ReplayRequest, status: int = 404) -> Response:
        if not request.wants_page:
            return PlainTextResponse(f"{title}\n", status)
        return self._sealed(plain_page(self._server, title, text), status)

    # --- the start page and typed hosts --------------------------------------------------------------------------------

    def _list(self, request: ReplayRequest) -> Response:
        snapshots = self._playback.snapshots()
        chosen = request.snapshot
        shown = self._playback.on("") if chosen is None else next((s for s in snapshots if str(s.id) == chosen), None)
        if request.path != "/" or (chosen is not None and shown is None):
            return self._error("Nothing here", "Each host of the archive is replayed at an origin of its own.", request)
        origins = self._playback.origins(shown.id) if shown else []
        starts = self._playback.starts(shown.id) if shown else []
        return self._html(list_page(self._server, snapshots, shown, origins, starts), 200)

    def _typed_host(self, name: str, request: ReplayRequest) -> Response:
        """Redirect a host name as a user types it, with or without a date before it, to its origin in a snapshot."""
        for host, date in origins.typed_hosts(name):
            shown = self._playback.on(date)
            origin = self._playback.origin_of(host, shown.id) if shown else None
            url = origin and _url(origin, request.target)
            if shown and url:
                return Response(status_code=302, headers={"location": self._server.place(url, shown.id)})
        return self._error("Not in the archive", f"The archive has nothing from a host {name}.", request)

    def _html(self, page: str, status: int) -> Response:
        return HTMLResponse(page, status, {"content-security-policy": self._server.page_policy})

    def _sealed(self, page: str, status: int) -> Response:
        """A page that may name other hosts, at the origin of one: its scripts could open it, and must not read it."""
        return HTMLResponse(page, status, {"content-security-policy": self._server.sealed_policy})


class ObjectResponse(FileResponse):
    """Sends the file of an object, or the requested ranges of it. Unlike Starlette's, it does not send the file's own times."""

    chunk_size = _BLOCK

    def set_stat_headers(self, stat_result: os.stat_result) -> None:
        self.headers["content-length"] = str(stat_result.st_size)


def _read_only() -> Response:
    return PlainTextResponse("An archive can only be read.\n", 405, {"allow": ", ".join(_METHODS)})


async def _body(receive: Receive) -> bytes:
    """Read the body of a request, up to the length that a stored variant may have, and a byte more."""
    body, more = b"", True
    while more and len(body) <= MAX_BODY:
        message = await receive()
        body += message.get("body", b"")
        more = message["type"] == "http.request" and message.get("more_body", False)
    return body


def _url(origin: str, target: str) -> CanonicalURL | None:
    """Return the URL of an origin for a request target; `None` if the target is not a URL of this origin."""
    found = canonical.resolve(f"{origin}{target}", "about:blank")
    return found.url if found and canonical.origin(found.url) == origin else None


def _with_other_scheme(url: CanonicalURL) -> CanonicalURL | None:
    scheme, mark, rest = url.partition("://")
    other = {"http": "https", "https": "http"}.get(scheme)
    return CanonicalURL(f"{other}{mark}{rest}") if other else None


def _with_valid_range(scope: Scope, response: Response) -> Scope:
    """Remove an invalid Range, and one whose If-Range does not match the response (RFC 9110, sections 13.1.5 and 14.2)."""
    headers = Headers(scope=scope)
    requested, condition = headers.get("range"), headers.get("if-range")
    known = {response.headers.get("etag"), response.headers.get("last-modified")}
    is_valid = requested is not None and is_range(requested) and (condition is None or condition in known)
    dropped = {b"if-range"} | (set() if is_valid else {b"range"})
    return {**scope, "headers": [pair for pair in scope["headers"] if pair[0] not in dropped]}
