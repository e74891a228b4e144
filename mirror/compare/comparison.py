"""Compare a copy of a site with the original, page by page, in a browser."""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Final
from urllib.parse import urlsplit

from mirror.compare.copies import Copy
from mirror.compare.page_capture import PageCapture, Viewer
from mirror.compare.screenshot_diff import difference, thumbnail
from mirror.core.comparison.fidelity import PageComparison, Sight, is_below

NOT_IN_COPY: Final = "not in the copy"


@dataclass(slots=True)
class Comparison:
    """A comparison in progress. `allowed` is the share of pixels that may differ; `on_page` is called after each page.

    `pictures` maps the URL of a page to screenshots of the original and the copy. It is filled only if `keeps_pictures`.
    """

    viewer: Viewer
    copy: Copy
    start: str
    allowed: float = 0.0
    keeps_pictures: bool = False
    on_page: Callable[[PageComparison], None] = lambda _: None
    pages: list[PageComparison] = field(default_factory=list)
    pictures: dict[str, tuple[bytes, bytes]] = field(default_factory=dict)
    left_out: Counter[str] = field(default_factory=Counter)
    """Rules of the site -> the number of pages that they kept out of the copy. These are not compared."""

    async def of(self, urls: Iterable[str]) -> None:
        """Compare these pages."""
        for url in urls:
            await self._compare(url, *await self._both(url))

    async def walk(self, max_pages: int) -> None:
        """Compare up to `max_pages` pages (0: all): the start page, and pages below it that links of the original lead to.

        Do not open pages that are not in the copy because the site asked for it.
        """
        waiting, known = deque([self.start]), {self.start}
        while waiting and (not max_pages or len(self.pages) < max_pages):
            url = waiting.popleft()
            if rule := self.copy.rule(url):
                self.left_out[rule] += 1
                continue
            original, copy = await self._both(url)
            end = _without_fragment(original.url)
            if not original.is_page or (end != url and (end in known or not is_below(end, self.start))):
                continue
            known.add(end)
            await self._compare(url, original, copy)
            found = dict.fromkeys(map(_without_fragment, original.links))
            new = [link for link in found if link not in known and is_below(link, self.start)]
            known.update(new)
            waiting.extend(new)

    async def _both(self, url: str) -> tuple[PageCapture, PageCapture]:
        """Capture the original and the copy at the same time."""
        original, copy = await asyncio.gather(self._original(url), self._copy(url))
        return original, copy

    async def _original(self, url: str) -> PageCapture:
        origin = _origin(url)
        return await self.viewer.capture(url, lambda other: _origin(other) == origin, is_sealed=False)

    async def _copy(self, url: str) -> PageCapture:
        place = self.copy.place(url)
        if place is None:
            return PageCapture("", Sight(NOT_IN_COPY))
        return await self.viewer.capture(place, self.copy.is_own, is_sealed=True)

    async def _compare(self, url: str, original: PageCapture, copy: PageCapture) -> None:
        page = PageComparison(url, self.copy.place(url) or "", (original.sight,), copy.sight, allowed=self.allowed)
        if page.is_judged and not copy.sight.problem:
            page = replace(page, pixels=difference(original.picture, copy.picture))
            if page.wrong:
                page = await self._confirm(page, original, copy)
        if self.keeps_pictures:
            self.pictures[url] = (_thumbnail(original), _thumbnail(copy))
        self.pages.append(page)
        self.on_page(page)

    async def _confirm(self, page: PageComparison, original: PageCapture, copy: PageCapture) -> PageComparison:
        """Visit the original again: differences between its own two visits do not count against the copy."""
        again = await self._original(page.url)
        if again.sight.problem or not again.picture:
            return page
        pixels = difference(original.picture, copy.picture, again.picture)
        return replace(page, originals=(original.sight, again.sight), pixels=pixels)


def _thumbnail(page: PageCapture) -> bytes:
    return thumbnail(page.picture) if page.picture else b""


def _without_fragment(url: str) -> str:
    return url.partition("#")[0]


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
