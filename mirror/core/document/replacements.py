"""What is written in the place of a reference.

Enters: a document's URL, what its references say, and `resolve`, which says where a resource stands now. Leaves: the new text
of each reference, or `Edit`s of the value that it stands in. Never here: markup. The law is in `link_rewriter`.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from mirror.core.document.edits import Edit
from mirror.core.syntax import embedded_urls
from mirror.core.syntax.embedded_urls import Span
from mirror.core.url import canonical
from mirror.core.url.canonical import CanonicalURL

Resolve = Callable[[CanonicalURL], str | None]
"""Canonical URL -> the reference to its copy, relative on a disk, or `None` where there is none."""

_MOST_KNOWN: Final = 10_000
_MOST_WRITTEN: Final = 64 << 20  # characters of a document's references, after which they stand as they are
_ABSOLUTE: Final = re.compile(r"\s*(?:https?|ftps?|sftp|file):[/\\]{2}", re.IGNORECASE)
_SLASHES_OF_ORIGIN: Final = 2


class _Known(dict[tuple[str, bool], tuple[str | None, bool]]):
    """What is written for a reference, and how many characters were written of all."""

    written = 0


@dataclass(frozen=True, slots=True)
class Rewriter:
    """What is the same for all references of one document.

    `base` is its URL, `name` how it is called from beside its copy, `encoding` the codec it was read with. `home` is the URL of
    a copy that stands at an origin, or of its base; `data` says where its data leads (`None`: data stays as it is).
    """

    base: str
    name: str
    resolve: Resolve
    encoding: str = "utf-8"
    home: str | None = None
    data: Resolve | None = None
    own_base: bool = True
    depth: int = 0
    _known: "_Known" = field(default_factory=_Known)

    def replacement(self, span: Span) -> tuple[str | None, bool]:
        """What to write for a reference, unquoted (`None`: let it stand), and whether that is a local copy."""
        return self.written(span.url, guess=span.guess)

    def written(self, url: str, *, guess: bool = False) -> tuple[str | None, bool]:
        """The same, of what a reference says."""
        if self.own_base and (not url or url.startswith("#")):
            return None, False
        known = self._known.get((url, guess))
        if known is None:
            if len(self._known) >= _MOST_KNOWN:  # a document of so many different ones repeats none soon
                self._known.clear()
            known = self._known[url, guess] = self._replacement(url, guess=guess)
        self._known.written += len(known[0] or "")
        return known if self._known.written < _MOST_WRITTEN else (None, False)

    def with_base(self, href: str | None) -> "Rewriter":
        """The same for a document whose `<base>` element has this `href`; `None`: it has no such element."""
        if href is None:
            return self
        target = canonical.resolve(href, self.base, self.encoding)
        base = target.url if target else self.base
        home = self.home and (self.resolve(CanonicalURL(base)) or base)
        return replace(self, base=base, home=home, name=home or self.name, own_base=False, _known=_Known())

    def within(self) -> "Rewriter":
        """The same for a document in an attribute of this one."""
        return replace(self, depth=self.depth + 1)

    def _replacement(self, url: str, *, guess: bool) -> tuple[str | None, bool]:
        target = canonical.resolve(url, self.base, self.encoding)
        if target is None:
            return None, False
        local = self.resolve(target.url)
        if local is not None:
            if self.home and canonical.resolve(url, self.home, self.encoding) == (local, target.fragment):
                return None, True
            return canonical.with_fragment(local, target.fragment), True
        if guess or _ABSOLUTE.match(url):
            return None, False
        return canonical.with_fragment(target.url, target.fragment), False

    def edits(self, found: Iterable[Span]) -> Iterator[Edit]:
        for span in found:
            new, local = self.replacement(span)
            if new is not None:
                yield Edit(span.start, span.end, embedded_urls.escaped(new, span.quoting), local)

    def data_edits(self, found: Iterable[Span]) -> Iterator[Edit]:
        """Edits of data and scripts, whose URLs are absolute."""
        for span in found if self.data else ():
            target = canonical.resolve(span.url, self.base)
            place = target and self.data and self.data(target.url)
            if target and place:
                new = canonical.with_fragment(place, target.fragment)
                yield Edit(span.start, span.end, embedded_urls.escaped(_as_bare(new, span.url), span.quoting))


def _as_bare(new: str, url: str) -> str:
    """An origin without a slash behind it, where it was written so: scripts put paths behind it, and compare with it."""
    return new.removesuffix("/") if url.count("/") == _SLASHES_OF_ORIGIN else new
