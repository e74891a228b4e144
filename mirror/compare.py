"""Compares a copy of a site with the original, page by page, in a browser."""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Final
from urllib.parse import urldefrag, urlsplit

from mirror.copies import Copy
from mirror.core.comparing import Compared, Sight, is_below
from mirror.looking import Look, Viewer
from mirror.pictures import differing, small

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
            await self._compare(url, await self._original(url))

    async def walk(self, most: int) -> None:
        """Compare the start and what is below it as a reader would find it: by the links that the original shows. 0: all."""
        waiting, known = deque([self.start]), {self.start}
        while waiting and (not most or len(self.pages) < most):
            url = waiting.popleft()
            original = await self._original(url)
            end = urldefrag(original.url).url
            if not original.is_page or (end != url and (end in known or not is_below(end, self.start))):
                continue
            known.add(end)
            await self._compare(url, original)
            found = dict.fromkeys(urldefrag(link).url for link in original.links)
            new = [link for link in found if link not in known and self._is_ours(link)]
            known.update(new)
            waiting.extend(new)

    def _is_ours(self, url: str) -> bool:
        return urlsplit(url).scheme in ("http", "https") and is_below(url, self.start)

    async def _original(self, url: str) -> Look:
        here = _origin(url)
        return await self.viewer.look(url, lambda one: _origin(one) == here, is_sealed=False)

    async def _compare(self, url: str, original: Look) -> None:
        place = self.copy.place(url)
        if original.sight.problem:
            page = Compared(url, place or "", (original.sight,), Sight())
        elif place is None:
            page = Compared(url, "", (original.sight,), Sight(NOT_THERE))
            self._keep(url, original, None)
        else:
            page = await self._seen(url, original, place)
        self.pages.append(page)
        self.told(page)

    async def _seen(self, url: str, original: Look, place: str) -> Compared:
        copy = await self.viewer.look(place, self.copy.is_own, is_sealed=True)
        page = Compared(url, place, (original.sight,), copy.sight, allowed=self.allowed)
        if not copy.sight.problem:
            page = replace(page, pixels=differing(original.picture, copy.picture))
            if page.wrong:
                page = await self._seen_again(page, original, copy)
        self._keep(url, original, copy)
        return page

    async def _seen_again(self, page: Compared, original: Look, copy: Look) -> Compared:
        """What differs may differ between two visits of the original too."""
        again = await self._original(page.url)
        if again.sight.problem or not again.picture:
            return page
        pixels = differing(original.picture, copy.picture, again.picture)
        return replace(page, originals=(original.sight, again.sight), pixels=pixels)

    def _keep(self, url: str, original: Look, copy: Look | None) -> None:
        if self.keeps_pictures:
            looks = (original, copy)
            one, other = (small(look.picture) if look and look.picture else b"" for look in looks)
            self.pictures[url] = (one, other)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
