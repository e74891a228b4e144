"""What a reference of a document is: a URL, and how the document uses it."""

from enum import StrEnum
from typing import NamedTuple

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
