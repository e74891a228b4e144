"""Render pages while the crawl runs: the crawl fetches what the browser requests, and learns what the browser finds.

Input: the pages that wait in `store.sqlite.rendering_queue`. Output: calls of `store.run.crawl`.

A resource that a page requests is a requisite like any other: the scope, robots.txt, the request rate of its host and the
archive decide about it. The page waits for it and receives the copy in the archive. Later pages receive the same copy, without
another request to the server.
"""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from types import MappingProxyType
from typing import Final

from mirror.browser import limits
from mirror.browser.chromium import BrowserError
from mirror.browser.offline_browser import Browser
from mirror.browser.patience import Patience
from mirror.browser.records import Document, PageRequest, RefusedError, Rendering, ScriptCookie
from mirror.browser.warm_pages import WarmPages
from mirror.core.http.messages import MAX_REDIRECTS, Response
from mirror.core.http.request_variants import may_matter, with_variant
from mirror.core.policy.dynamic_pages import LOADER, shows_loader
from mirror.core.replay.first_script import milliseconds
from mirror.core.syntax.reference import Kind, Reference
from mirror.core.url.canonical import CanonicalURL, InvalidURLError, canonical
from mirror.core.url.canonical import origin as origin_of
from mirror.store.disk.errors import StorageError
from mirror.store.disk.publisher import DOM_HEADERS
from mirror.store.manifest.records import State
from mirror.store.manifest.rendering_records import MAX_TRIES, RenderingOutcome, RenderingTask
from mirror.store.run.crawl import Crawl
from mirror.workers.pool import WorkerDiedError

logger = logging.getLogger(__name__)

MAX_OPEN_PAGES: Final = 4
"""Pages that are open at the same time, at most. With fewer cores it is one page per core."""

Find = Callable[[Response], Awaitable[list[Reference]]]
"""Finds the references in a document."""


class Renderer:
    """Opens waiting pages in the browser.

    It calls `wake` when there may be something new to fetch or to render, `fail` when the archive can't be read or written, and
    `keep_cookies` with the cookies that scripts set for the host of a URL, and `rendered` with the URL of each page that was
    rendered, how many references it has, and what went wrong, if anything did.
    """

    def __init__(  # noqa: PLR0913 - the parts that it connects
        self,
        crawl: Crawl,
        browser: Browser,
        find: Find,
        *,
        wake: Callable[[], None],
        fail: Callable[[StorageError], None],
        keep_cookies: Callable[[CanonicalURL, Sequence[ScriptCookie]], None],
        rendered: Callable[[CanonicalURL, int, str], None] = lambda _url, _found, _outcome: None,
        routes: Mapping[CanonicalURL, Sequence[str]] = MappingProxyType({}),
    ) -> None:
        """`routes` are hash routes of pages that the user gave as starts."""
        self._crawl = crawl
        self._browser = browser
        self._find = find
        self._wake = wake
        self._fail = fail
        self._keep_cookies = keep_cookies
        self._rendered = rendered
        self._routes = routes
        self._max_open = min(os.cpu_count() or 1, MAX_OPEN_PAGES)
        self._running: set[asyncio.Task[None]] = set()
        self._waiting: dict[int, asyncio.Future[None]] = {}
        self._patience = Patience()
        self._warm = WarmPages()
        self._variants: dict[str, set[int]] = {}
        self._is_closed = False
        self.error: str | None = None
        """Why the browser could not be started, if it could not."""
        crawl.answers.when_answered = self._on_answered

    def look(self) -> bool:
        """Start rendering waiting pages. Return whether any page is being rendered. Raises `StorageError`."""
        while len(self._running) < self._max_open and not self._is_closed:
            found = self._crawl.pages.next()
            if found is None:
                break
            running = asyncio.get_running_loop().create_task(self._render(*found))
            self._running.add(running)
            running.add_done_callback(self._on_done)
        return bool(self._running)

    async def close(self) -> None:
        """Abandon the pages that are being rendered. They still wait in the archive, so a resumed run renders them."""
        self._is_closed = True
        for running in self._running:
            running.cancel()
        if self._running:
            await asyncio.wait(self._running)
        await self._browser.close()

    def _on_done(self, running: asyncio.Task[None]) -> None:
        self._running.discard(running)
        if not running.cancelled() and (error := running.exception()):
            if isinstance(error, StorageError):
                self._fail(error)
            else:
                logger.error("A page could not be rendered", exc_info=error)
        if not self._is_closed:
            self._wake()

    async def _render(self, task: RenderingTask, response: Response, began: str) -> None:
        try:
            page = Document(response.url, response.status, response.headers, response.payload)
            is_patient = self._patience.has(task.template, task.resource_id)
            visit = partial(self._browser.render, page, partial(self._ask, task), milliseconds(began))
            rendering = await visit(is_patient=is_patient, routes=self._routes.get(response.url, ()))
            storage = self._warm.take(task.template)
            if storage:
                await visit(is_patient=is_patient, storage=storage)  # for what it requests
            self._warm.keep(task.template, rendering.storage)
        except BrowserError as error:
            self._is_closed = True
            self.error = str(error)
            self._crawl.pages.give_up("no browser")
            return
        if rendering.cookies:
            self._keep_cookies(response.url, rendering.cookies)
        self._patience.learn(task.template, waited=rendering.waited, late=rendering.late)
        if rendering.missed and task.tries < MAX_TRIES:
            self._crawl.pages.put_back(task)
            return
        seen = await self._read(response, rendering)
        outcome = rendering.outcome or ("went on without what did not come in time" if rendering.missed else "")
        if not outcome and rendering.html is not None and shows_loader(rendering.html):
            outcome = LOADER
        dom = rendering.static_html.encode("utf-8", "replace") if rendering.static_html is not None else None
        self._crawl.pages.finish(task, seen, dom, RenderingOutcome(outcome, rendering.refused), rendering.needs)
        self._rendered(response.url, len(seen), outcome)

    async def _read(self, response: Response, rendering: Rendering) -> list[Reference]:
        """The references in the DOM of a page."""
        if rendering.html is None:
            return []
        url = response.url
        with suppress(InvalidURLError):
            url = canonical(rendering.url)
        headers = [pair for pair in response.headers if pair[0].lower() != "content-type"]
        dom = Response(url, 200, [*headers, *DOM_HEADERS], rendering.html.encode("utf-8", "replace"))
        moved = [Reference(url, Kind.ROUTE, guess=True)] if url != response.url else []
        for link in sorted(rendering.links):
            with suppress(InvalidURLError):
                moved.append(Reference(canonical(link), Kind.PAGE, guess=True))
        try:
            return [*await self._find(dom), *moved]
        except WorkerDiedError:
            rendering.outcome = rendering.outcome or "the process that read its DOM died"
            return moved

    # --- requests of pages ---------------------------------------------------------------------------------------------

    async def _ask(self, task: RenderingTask, wanted: PageRequest) -> Document | None:
        try:
            url = canonical(wanted.url)
        except InvalidURLError:
            return None
        if wanted.cookies:
            self._keep_cookies(url, wanted.cookies)
        try:
            return await self._answer(task, url, wanted)
        except StorageError as error:
            self._fail(error)
            return None

    async def _answer(self, task: RenderingTask, url: CanonicalURL, wanted: PageRequest) -> Document | None:
        """Answer a request. A GET with headers of a script is sent without them first: most answers don't depend on them."""
        asked = with_variant(url, wanted.variant)
        may_send = self._crawl.scope.may_send(asked) and (asked == url or self._is_within_limit(asked))
        if wanted.variant.method != "GET":
            if not may_send:
                raise RefusedError
            return await self._get(task, asked, wanted)
        if asked == url or not may_send:
            is_twin = wanted.kind is Kind.ROUTE and url.partition(":")[2] == task.url.partition(":")[2]
            return await self._get(task, url, wanted, guess=is_twin)
        plain = await self._get(task, url, wanted, guess=True)
        if plain is None or plain.status < HTTPStatus.BAD_REQUEST:
            self._crawl.pages.want(task, Reference(url, wanted.kind), wanted.origin)
        if plain is None:
            return None
        answer = Response(url, plain.status, plain.headers, plain.body)
        return await self._get(task, asked, wanted) or plain if may_matter(wanted.variant, answer) else plain

    def _is_within_limit(self, asked: CanonicalURL) -> bool:
        """Count a variant of a request, and return whether its origin has not had too many of them."""
        variants = self._variants.setdefault(origin_of(asked), set())
        if len(variants) < limits.MAX_VARIANTS:
            variants.add(hash(asked))
        return hash(asked) in variants

    async def _get(
        self, task: RenderingTask, url: CanonicalURL, wanted: PageRequest, *, guess: bool = False
    ) -> Document | None:
        """Have the crawl fetch a URL. `guess`: it is no failure if it fails.

        The page requests a variant of it, or goes to itself by https, which may not be there.
        """
        if wanted.again:
            entry = self._crawl.pages.reload(task)
        else:
            entry = self._crawl.pages.want(task, Reference(url, wanted.kind, guess=guess), wanted.origin)
        self._wake()
        return await self._stored(entry.id, url, wanted.origin) if entry and wanted.waits else None

    async def _stored(self, url_id: int, url: CanonicalURL, origin: str | None) -> Document | None:
        """Wait until the archive has a URL, and return its copy. Redirects are followed to their end."""
        for _ in range(MAX_REDIRECTS):
            entry, resource = self._crawl.pages.wait_for(url_id, origin)
            while entry and entry.state in {State.PENDING, State.IN_FLIGHT}:
                self._wake()
                await asyncio.shield(self._waiting.setdefault(url_id, asyncio.get_running_loop().create_future()))
                entry, resource = self._crawl.pages.wait_for(url_id, origin)
            if resource is None or resource.digest is None or resource.size > limits.MAX_BYTES:
                return None
            target = self._crawl.pages.redirects_to(resource)
            if target is None:
                response = self._crawl.archive.response(resource, resource.digest)
                return Document(url, response.status, response.headers, response.payload)
            url_id = target
        return None

    def _on_answered(self, url_id: int) -> None:
        answered = self._waiting.pop(url_id, None)
        if answered and not answered.done():
            answered.set_result(None)
