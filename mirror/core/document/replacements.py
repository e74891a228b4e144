"""The replacement of each reference of a document.

Input: the document's URL, its references as written, and `resolve`, which gives the place of each copy. Output: the new text
of each reference, or `Edit`s of the value that contains it. This module sees no markup. `link_rewriter` states the law.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from mirror.core.document.edits import Edit
from mirror.core.syntax import embedded_urls
from mirror.core.syntax.embedded_urls import Span
from mirror.core.url import canonical
from mirror.core.url.canonical import CanonicalURL, Resolver

Resolve = Callable[[CanonicalURL], str | None]
"""Canonical URL -> the reference to its copy (a relative one on a disk), or `None` if there is no copy."""

_MAX_CACHED: Final = 10_000
_MAX_WRITTEN: Final = 64 << 20
"""Characters that all replacements of a document may have together; the references after that stay as written."""

_ABSOLUTE: Final = re.compile(r"\s*(?:https?|ftps?|sftp|file):[/\\]{2}", re.IGNORECASE)
_SLASHES_OF_ORIGIN: Final = 2


@dataclass(slots=True)
class _Written:
    """The characters written so far, in a document and in all that are nested in it."""

    characters: int = 0


@dataclass(frozen=True, slots=True)
class Rewriter:
    """Finds the replacements for all references of one document.

    `base` is the document's URL, `name` the reference to its copy from the copy's own folder, `encoding` the codec that decoded
    it. For a copy at an origin, `home` is the URL of the copy, or of its base. `data` resolves URLs in data and scripts; `None`
    leaves these as they are. `has` says whether there is a copy of a resource; `None`: if `resolve` gives a place, there is.
    `extra` are attributes that hold URLs although no table says so.
    """

    base: str
    name: str
    resolve: Resolve
    encoding: str = "utf-8"
    home: str | None = None
    data: Resolve | None = None
    has: Callable[[CanonicalURL], bool] | None = None
    own_base: bool = True
    depth: int = 0
    extra: frozenset[str] = frozenset()
    _cache: dict[tuple[str, bool], tuple[str | None, bool]] = field(default_factory=dict)
    _written: _Written = field(default_factory=_Written)
    _target: Resolver = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_target", canonical.resolver(self.base, self.encoding))

    def replacement(self, url: str, *, guess: bool = False) -> tuple[str | None, bool]:
        """Return what to write for a reference, unquoted (`None`: leave it), and whether that leads to a local copy."""
        if self.own_base and (not url or url[0] == "#"):
            return None, False
        cache, key = self._cache, (url, guess)
        found = cache.get(key)
        if found is None:
            if len(cache) >= _MAX_CACHED:  # with so many different references, few repeat soon
                cache.clear()
            found = cache[key] = self._resolved(url, guess)
        if found[0]:
            self._written.characters += len(found[0])
        return found if self._written.characters < _MAX_WRITTEN else (None, False)

    def with_base(self, href: str | None) -> "Rewriter":
        """Return the rewriter of a document whose `<base>` element has this `href`; `None` if it has no such element."""
        if href is None:
            return self
        target = canonical.resolve(href, self.base, self.encoding)
        base = target.url if target else self.base
        home = self.home and (self.resolve(CanonicalURL(base)) or base)
        return replace(self, base=base, home=home, name=home or self.name, own_base=False, _cache={})

    def nested(self) -> "Rewriter":
        """Return the rewriter of a document in an attribute of this one."""
        return replace(self, depth=self.depth + 1)

    def _resolved(self, url: str, guess: bool) -> tuple[str | None, bool]:  # noqa: FBT001
        target = self._target(url)
        if target is None:
            return None, False
        place, fragment = target
        local = self.resolve(place)
        if local is not None:
            if self.home and canonical.resolve(url, self.home, self.encoding) == (local, fragment):
                return None, True
            return canonical.with_fragment(local, fragment), True
        if guess or _ABSOLUTE.match(url):
            return None, False
        return canonical.with_fragment(place, fragment), False

    def reference(self, url: str) -> str:
        """Return what to write for a reference, unquoted: the reference itself if it may stay."""
        return self.replacement(url)[0] or url

    def is_kept(self, url: str) -> bool:
        """Whether the copy has the resource that a reference leads to."""
        target = canonical.resolve(url, self.base, self.encoding)
        if target is None:
            return False
        return self.has(target.url) if self.has else self.resolve(target.url) is not None

    def edits(self, found: Iterable[Span]) -> Iterator[Edit]:
        """Return the edits of a value, from the references in it."""
        for span in found:
            new, local = self.replacement(span.url, guess=span.guess)
            if new is not None:
                yield Edit(span.start, span.end, embedded_urls.escaped(new, span.quoting), local)

    def data_edits(self, found: Iterable[Span]) -> Iterator[Edit]:
        """Return the edits of data or a script, from the absolute URLs in it."""
        for span in found if self.data else ():
            target = canonical.resolve(span.url, self.base)
            place = target and self.data and self.data(target.url)
            if target and place:
                new = _with_slash_of(span.url, canonical.with_fragment(place, target.fragment))
                yield Edit(span.start, span.end, embedded_urls.escaped(new, span.quoting))


def _with_slash_of(url: str, new: str) -> str:
    """Drop the slash after an origin if `url` had none either: scripts append paths to an origin and compare with it."""
    return new.removesuffix("/") if url.count("/") == _SLASHES_OF_ORIGIN else new
