"""Compares a copy of a site with the original, page by page, in a browser."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Final
from urllib.parse import urlsplit

from mirror.compare.copies import Copy
from mirror.compare.page_capture import Look, Viewer
from mirror.compare.screenshot_diff import differing, small
from mirror.core.comparison.fidelity import Compared, Sight, is_below

NOT_THERE: Final = "not in the copy"


@dataclass(slots=True)
class Comparison:
    """A comparison as it goes on. `pictures` are kept where somebody wants to see them."""

    viewer: Viewer
    copy: Copy
    start: str
    allowed: float = 0.0
    keeps_pictures: bool = False
    told: Callable[[Compared], None] = lambda _: None
    pages: list[Compared] = field(default_factory=list)
    pictures: dict[str, tuple[bytes, bytes]] = field(default_factory=dict)

    async def of(self, urls: Iterable[str]) -> None:
        """Compare these pages."""
        for url in urls:
            await self._compare(url, *await self._both(url))

    async def walk(self, most: int) -> None:
        """Compare the start and what is below it as a reader would find it: by the links that the original shows. 0: all."""
        waiting, known = deque([self.start]), {self.start}
        while waiting and (not most or len(self.pages) < most):
            url = waiting.popleft()
            original, copy = await self._both(url)
            end = _whole(original.url)
            if not original.is_page or (end != url and (end in known or not is_below(end, self.start))):
                continue
            known.add(end)
            await self._compare(url, original, copy)
            found = dict.fromkeys(map(_whole, original.links))
            new = [link for link in found if link not in known and is_below(link, self.start)]
            known.update(new)
            waiting.extend(new)

    async def _both(self, url: str) -> tuple[Look, Look]:
        """The original and the copy, at the same time."""
        original, copy = await asyncio.gather(self._original(url), self._copied(url))
        return original, copy

    async def _original(self, url: str) -> Look:
        here = _origin(url)
        return await self.viewer.look(url, lambda one: _origin(one) == here, is_sealed=False)

    async def _copied(self, url: str) -> Look:
        place = self.copy.place(url)
        if place is None:
            return Look("", Sight(NOT_THERE))
        return await self.viewer.look(place, self.copy.is_own, is_sealed=True)

    async def _compare(self, url: str, original: Look, copy: Look) -> None:
        page = Compared(url, self.copy.place(url) or "", (original.sight,), copy.sight, allowed=self.allowed)
        if page.is_judged and not copy.sight.problem:
            page = replace(page, pixels=differing(original.picture, copy.picture))
            if page.wrong:
                page = await self._seen_again(page, original, copy)
        if self.keeps_pictures:
            self.pictures[url] = (_small(original), _small(copy))
        self.pages.append(page)
        self.told(page)

    async def _seen_again(self, page: Compared, original: Look, copy: Look) -> Compared:
        """What differs may differ between two visits of the original too."""
        again = await self._original(page.url)
        if again.sight.problem or not again.picture:
            return page
        pixels = differing(original.picture, copy.picture, again.picture)
        return replace(page, originals=(original.sight, again.sight), pixels=pixels)


def _small(look: Look) -> bytes:
    return small(look.picture) if look.picture else b""


def _whole(url: str) -> str:
    return url.partition("#")[0]


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
