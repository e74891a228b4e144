"""What a reference of a document is: a URL, and how the document uses it."""

from collections.abc import Callable, Iterable
from enum import StrEnum
from functools import partial
from typing import Final, NamedTuple

from mirror.core.url.canonical import CanonicalURL


class Kind(StrEnum):
    """How a document uses a resource that it refers to."""

    PAGE = "page"  # a link that a reader follows to another document
    ROUTE = "route"  # a page: the address that a script gave to the page, or went to
    CANONICAL = "canonical"  # a page: the canonical URL that this one declares for itself
    FRAME = "frame"  # a document shown inside this one
    REQUISITE = "requisite"  # needed to show this document: image, style, script, font, media
    FEED = "feed"  # a list of pages for readers: RSS, Atom
    SITEMAP = "sitemap"  # a list of pages for robots
    REDIRECT = "redirect"  # the target of a redirect
    NEVER = "never"  # never fetched, only kept right: a form's action, a server to connect to
    NOFOLLOW = "nofollow"  # a page or a feed, from a document that asks robots not to follow its links
    UNENDORSED = "unendorsed"  # a page, from a link with rel=nofollow
    SEGMENT = "segment"  # a requisite that a playlist names: a part of media, a key
    VARIANT = "variant"  # a requisite that a playlist names: a playlist of another quality than the best
    SPARE = "spare"  # a part of media in another quality than the best
    SURPLUS = "surplus"  # a part of media beyond those that are fetched
    LIVE = "live"  # never fetched for this: a playlist that grows, as it names itself


class Reference(NamedTuple):
    """A resource that a document refers to. If it is a guess, the resource may be missing; that is no failure."""

    url: CanonicalURL
    kind: Kind
    guess: bool = False


as_reference: Final[Callable[[tuple[str, Kind, bool]], Reference]] = partial(tuple.__new__, Reference)
"""Makes a reference of a tuple. A call of `Reference` takes three times as long."""


class PackedReferences(NamedTuple):
    """References as they travel between processes: their URLs, one a line, the number of each kind, and whether it is a guess.

    >>> found = [Reference(CanonicalURL("http://h/"), Kind.FEED), Reference(CanonicalURL("http://h/a"), Kind.PAGE, True)]
    >>> PackedReferences.of(found).unpacked() == found
    True
    """

    urls: str
    kinds: bytes
    guesses: bytes

    @classmethod
    def of(cls, found: Iterable[Reference]) -> "PackedReferences":
        """Pack references. A URL has no line end."""
        urls, kinds, guesses = zip(*found, strict=True) if found else ((), (), ())
        return cls("\n".join(urls), bytes(map(_NUMBERS.__getitem__, kinds)), bytes(guesses))

    def unpacked(self) -> list[Reference]:
        """Return the references in their order."""
        if not self.kinds:
            return []
        kinds, guesses = map(_KINDS.__getitem__, self.kinds), map(bool, self.guesses)
        return list(map(as_reference, zip(self.urls.split("\n"), kinds, guesses, strict=True)))


_KINDS: Final = tuple(Kind)
_NUMBERS: Final = {kind: number for number, kind in enumerate(_KINDS)}
