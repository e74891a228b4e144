"""The tables that say where documents have URLs: (element, attribute) -> how to read the value, and what the URL is for.

Input: names and values of a document's elements. Output: `Span`s. `references` reads and `html_edits` and `xml_edits` rewrite
by the same tables, so they can't disagree. This module parses no document, knows no base, and doesn't decide what to fetch.

A new URL needs a row in a table here; a new syntax of values needs a reader in `core.syntax.embedded_urls` too. Either change
also needs the next number in `documents.VERSION`: archives made before are then read again, without fetching. Otherwise they
would never get the new references. `tests/core/document/test_link_attributes.py` fails until the number is raised.

These are never followed: form actions and pings (kind `NEVER`: their URLs are only kept right). These are no references at
all: comments, `data:`, `mailto:`, and all schemes that `canonical.SCHEMES` doesn't list.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from mirror.core.document import guesses
from mirror.core.syntax import embedded_urls
from mirror.core.syntax.embedded_urls import Span
from mirror.core.syntax.markup import Attributes
from mirror.core.syntax.reference import Kind

Reader = Callable[[str, Kind], Iterator[Span]]
"""Finds the URLs in a value. The readers are functions of `embedded_urls`."""


@dataclass(frozen=True, slots=True)
class Rule:
    """How to read one attribute. `kind` may depend on the element's other attributes."""

    read: Reader
    kind: Kind | Callable[[Attributes], Kind | None]
    base: str = ""
    """The attribute that names the folder of relative URLs, if there is one."""
    is_one_url: bool = field(init=False)
    """Whether the whole value is one URL, regardless of the other attributes."""

    def __post_init__(self) -> None:
        is_one = (isinstance(self.kind, Kind) or self.kind is link_kind) and not self.base and self.read in _ONE_URL
        object.__setattr__(self, "is_one_url", is_one)

    def spans(self, value: str, attributes: Attributes) -> Iterator[Span]:
        """Find the URLs in a value; `attributes` are all attributes of the element."""
        kind = self.kind if isinstance(self.kind, Kind) else self.kind(attributes)
        found = iter(()) if kind is None else self.read(value, kind)
        folder = attributes.get(self.base, "").strip() if self.base else ""
        return (span._replace(url=_joined(folder, span.url)) for span in found) if folder else found


def _joined(folder: str, url: str) -> str:
    """Return a URL of an applet: relative to its codebase, which names a folder, with a slash at its end or without."""
    return url if _ABSOLUTE.match(url) else f"{folder.rstrip('/')}/{url}"


_ABSOLUTE: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:|/")


FindRule = Callable[[str, str, frozenset[str]], Rule | None]
"""(element, attribute, attributes that the user added) -> its rule."""

PAGE, FRAME, REQUISITE, FEED, NEVER = Kind.PAGE, Kind.FRAME, Kind.REQUISITE, Kind.FEED, Kind.NEVER

LINK_RELS: Final[dict[str, Kind]] = {
    "stylesheet": REQUISITE,
    "icon": REQUISITE,
    "apple-touch-icon": REQUISITE,
    "apple-touch-icon-precomposed": REQUISITE,
    "apple-touch-startup-image": REQUISITE,
    "mask-icon": REQUISITE,
    "fluid-icon": REQUISITE,
    "image_src": REQUISITE,
    "preload": REQUISITE,
    "modulepreload": REQUISITE,
    "prefetch": REQUISITE,
    "manifest": REQUISITE,
    "search": REQUISITE,
    "preconnect": NEVER,
    "dns-prefetch": NEVER,
    "pingback": NEVER,
    "alternate": PAGE,
    "canonical": Kind.CANONICAL,
    "next": PAGE,
    "prev": PAGE,
    "previous": PAGE,
    "first": PAGE,
    "last": PAGE,
    "up": PAGE,
    "start": PAGE,
    "contents": PAGE,
    "index": PAGE,
    "chapter": PAGE,
    "section": PAGE,
    "appendix": PAGE,
    "glossary": PAGE,
    "copyright": PAGE,
    "bookmark": PAGE,
    "help": PAGE,
    "author": PAGE,
    "license": PAGE,
    "prerender": PAGE,
    "sitemap": Kind.SITEMAP,
    "enclosure": REQUISITE,
}
"""The relations of `<link>`, of the `Link` header and of Atom's `link`. The target of any other relation is `NEVER` fetched."""

_ORDER: Final = {kind: place for place, kind in enumerate(Kind)}

META_NAMES: Final[dict[str, Kind]] = {
    "og:image": REQUISITE,
    "og:image:url": REQUISITE,
    "og:image:secure_url": REQUISITE,
    "og:video": REQUISITE,
    "og:video:url": REQUISITE,
    "og:video:secure_url": REQUISITE,
    "og:audio": REQUISITE,
    "og:audio:url": REQUISITE,
    "og:audio:secure_url": REQUISITE,
    "og:url": NEVER,
    "twitter:image": REQUISITE,
    "twitter:image:src": REQUISITE,
    "thumbnail": REQUISITE,
    "image": REQUISITE,
    "msapplication-tileimage": REQUISITE,
    "msapplication-square70x70logo": REQUISITE,
    "msapplication-square150x150logo": REQUISITE,
    "msapplication-square310x310logo": REQUISITE,
    "msapplication-wide310x150logo": REQUISITE,
    "msapplication-config": REQUISITE,
    "msapplication-starturl": NEVER,
    "msapplication-task": REQUISITE,
    "thumbnailurl": REQUISITE,
    "contenturl": REQUISITE,
}
"""The `name`, `property` or `itemprop` of each `<meta>` whose content is a URL."""


def link_kind(attributes: Attributes) -> Kind | None:
    """Return the kind of a `<link>`: that of its strongest relation, or `FEED` if its type is one of a feed."""
    kinds = [LINK_RELS.get(rel, NEVER) for rel in attributes.get("rel", "").lower().split()]
    kind = min(kinds, key=_ORDER.__getitem__, default=NEVER)
    feed = attributes.get("type", "").lower() in {"application/rss+xml", "application/atom+xml", "application/rdf+xml"}
    if REQUISITE in kinds:  # "alternate stylesheet"
        return REQUISITE
    return FEED if feed and kind is PAGE else kind


def meta_kind(attributes: Attributes) -> Kind | None:
    """Return the kind of a `<meta>` by its name; a refresh is a page."""
    if attributes.get("http-equiv", "").strip().lower() == "refresh":
        return PAGE
    name = attributes.get("property") or attributes.get("name") or attributes.get("itemprop") or ""
    return META_NAMES.get(name.strip().lower())


def param_kind(attributes: Attributes) -> Kind | None:
    """Return the kind of a `<param>` of an object by its name: the film or sound to play."""
    return REQUISITE if attributes.get("name", "").strip().lower() in _PLAYED else None


_PLAYED: Final = frozenset({"movie", "src", "url", "filename"})


def _meta_spans(value: str, kind: Kind) -> Iterator[Span]:
    if kind is PAGE:
        return embedded_urls.refresh_spans(value, kind)
    return embedded_urls.task_spans(value) if embedded_urls.is_task(value) else embedded_urls.url_spans(value, kind)


def link_spans(value: str, kind: Kind) -> Iterator[Span]:
    """Read the `href` of a link. An empty one is a reference to the base."""
    return embedded_urls.javascript_url_spans(value, kind) if value.strip() else iter([Span(0, len(value), "", kind)])


_url, _srcset, _css, _lazy = (
    embedded_urls.url_spans,
    embedded_urls.srcset_spans,
    embedded_urls.css_spans,
    embedded_urls.css_or_url_spans,
)
_resource = embedded_urls.resource_spans
_ONE_URL: Final = frozenset({link_spans, _url, _resource, embedded_urls.javascript_url_spans})

TABLE: Final[dict[tuple[str, str], Rule]] = {
    # links that a reader follows
    ("a", "href"): Rule(link_spans, PAGE),
    ("a", "xlink:href"): Rule(_url, PAGE),
    ("area", "href"): Rule(link_spans, PAGE),
    ("blockquote", "cite"): Rule(_url, PAGE),
    ("q", "cite"): Rule(_url, PAGE),
    ("ins", "cite"): Rule(_url, PAGE),
    ("del", "cite"): Rule(_url, PAGE),
    ("img", "longdesc"): Rule(_url, PAGE),
    ("iframe", "longdesc"): Rule(_url, PAGE),
    ("frame", "longdesc"): Rule(_url, PAGE),
    # resources that a browser loads, by relation
    ("link", "href"): Rule(_url, link_kind),
    ("link", "imagesrcset"): Rule(_srcset, REQUISITE),
    ("meta", "content"): Rule(_meta_spans, meta_kind),
    # documents in documents
    ("iframe", "src"): Rule(embedded_urls.javascript_url_spans, FRAME),
    ("frame", "src"): Rule(embedded_urls.javascript_url_spans, FRAME),
    ("object", "data"): Rule(_url, FRAME, "codebase"),
    ("embed", "src"): Rule(_url, FRAME),
    ("portal", "src"): Rule(_url, FRAME),
    # images
    ("img", "src"): Rule(_url, REQUISITE),
    ("img", "srcset"): Rule(_srcset, REQUISITE),
    ("img", "lowsrc"): Rule(_url, REQUISITE),
    ("img", "dynsrc"): Rule(_url, REQUISITE),
    ("source", "src"): Rule(_url, REQUISITE),
    ("source", "srcset"): Rule(_srcset, REQUISITE),
    ("input", "src"): Rule(_url, REQUISITE),
    ("amp-img", "src"): Rule(_url, REQUISITE),
    ("amp-img", "srcset"): Rule(_srcset, REQUISITE),
    ("body", "background"): Rule(_url, REQUISITE),
    ("table", "background"): Rule(_url, REQUISITE),
    ("thead", "background"): Rule(_url, REQUISITE),
    ("tbody", "background"): Rule(_url, REQUISITE),
    ("tfoot", "background"): Rule(_url, REQUISITE),
    ("tr", "background"): Rule(_url, REQUISITE),
    ("td", "background"): Rule(_url, REQUISITE),
    ("th", "background"): Rule(_url, REQUISITE),
    # sound and video
    ("video", "src"): Rule(_url, REQUISITE),
    ("video", "poster"): Rule(_url, REQUISITE),
    ("audio", "src"): Rule(_url, REQUISITE),
    ("track", "src"): Rule(_url, REQUISITE),
    ("bgsound", "src"): Rule(_url, REQUISITE),
    # scripts
    ("script", "src"): Rule(_url, REQUISITE),
    ("script", "href"): Rule(_url, REQUISITE),
    ("script", "xlink:href"): Rule(_url, REQUISITE),
    ("applet", "code"): Rule(_url, REQUISITE, "codebase"),
    ("applet", "archive"): Rule(embedded_urls.applet_spans, REQUISITE, "codebase"),
    ("object", "archive"): Rule(embedded_urls.list_spans, REQUISITE, "codebase"),
    ("param", "value"): Rule(_url, param_kind),
    ("html", "manifest"): Rule(_url, REQUISITE),
    # SVG, in HTML and in its own files
    ("image", "src"): Rule(_url, REQUISITE),  # HTML treats it as an img
    ("image", "srcset"): Rule(_srcset, REQUISITE),
    ("image", "href"): Rule(_resource, REQUISITE),
    ("image", "xlink:href"): Rule(_resource, REQUISITE),
    ("feimage", "href"): Rule(_resource, REQUISITE),
    ("feimage", "xlink:href"): Rule(_resource, REQUISITE),
    ("use", "href"): Rule(_resource, REQUISITE),
    ("use", "xlink:href"): Rule(_resource, REQUISITE),
    ("pattern", "href"): Rule(_resource, REQUISITE),
    ("pattern", "xlink:href"): Rule(_resource, REQUISITE),
    ("lineargradient", "href"): Rule(_resource, REQUISITE),
    ("lineargradient", "xlink:href"): Rule(_resource, REQUISITE),
    ("radialgradient", "href"): Rule(_resource, REQUISITE),
    ("radialgradient", "xlink:href"): Rule(_resource, REQUISITE),
    ("filter", "xlink:href"): Rule(_resource, REQUISITE),
    ("textpath", "href"): Rule(_resource, REQUISITE),
    ("textpath", "xlink:href"): Rule(_resource, REQUISITE),
    ("*", "fill"): Rule(_css, REQUISITE),
    ("*", "stroke"): Rule(_css, REQUISITE),
    ("*", "filter"): Rule(_css, REQUISITE),
    ("*", "mask"): Rule(_css, REQUISITE),
    ("*", "clip-path"): Rule(_css, REQUISITE),
    ("*", "marker-start"): Rule(_css, REQUISITE),
    ("*", "marker-mid"): Rule(_css, REQUISITE),
    ("*", "marker-end"): Rule(_css, REQUISITE),
    ("*", "cursor"): Rule(_css, REQUISITE),
    # browserconfig.xml
    ("square70x70logo", "src"): Rule(_url, REQUISITE),
    ("square150x150logo", "src"): Rule(_url, REQUISITE),
    ("square310x310logo", "src"): Rule(_url, REQUISITE),
    ("wide310x150logo", "src"): Rule(_url, REQUISITE),
    ("tileimage", "src"): Rule(_url, REQUISITE),
    # any element
    ("*", "style"): Rule(_css, REQUISITE),
    ("*", "data-src"): Rule(_url, REQUISITE),
    ("*", "data-srcset"): Rule(_srcset, REQUISITE),
    ("*", "data-original"): Rule(_url, REQUISITE),
    ("*", "data-lazy-src"): Rule(_url, REQUISITE),
    ("*", "data-lazy-srcset"): Rule(_srcset, REQUISITE),
    ("*", "data-lazy"): Rule(_url, REQUISITE),
    ("*", "data-original-src"): Rule(_url, REQUISITE),
    ("*", "data-hi-res-src"): Rule(_url, REQUISITE),
    ("*", "data-poster"): Rule(_url, REQUISITE),
    ("*", "data-bg"): Rule(_lazy, REQUISITE),
    ("*", "data-background"): Rule(_lazy, REQUISITE),
    ("*", "data-background-image"): Rule(_lazy, REQUISITE),
    ("option", "value"): Rule(guesses.place_spans, PAGE),
    # URLs to which a browser sends something: never fetched, only kept right
    ("form", "action"): Rule(_url, NEVER),
    ("button", "formaction"): Rule(_url, NEVER),
    ("input", "formaction"): Rule(_url, NEVER),
    ("a", "ping"): Rule(embedded_urls.list_spans, NEVER),
    ("area", "ping"): Rule(embedded_urls.list_spans, NEVER),
}
"""The attributes that hold URLs. Names are in lower case; `*` is any element."""

CUSTOM: Final[dict[str, Rule]] = {
    "src": Rule(guesses.element_spans, REQUISITE),
    "poster": Rule(guesses.element_spans, REQUISITE),
    "srcset": Rule(_srcset, REQUISITE),
    "href": Rule(guesses.place_spans, PAGE),
}
"""The attributes of custom elements, whose names have a hyphen: `<model-viewer src>`, `<amp-video poster>`."""

MODULE: Final = ("script", "data-main")
"""The attribute that names the first module of RequireJS."""

_MODULE: Final = Rule(guesses.module_spans, REQUISITE)
_EXTRA: Final = Rule(_lazy, REQUISITE)
_EXTRA_LIST: Final = Rule(_srcset, REQUISITE)
_DATA: Final = Rule(guesses.media_spans, REQUISITE)
"""How to read a `data-*` attribute that the table does not list: scripts that load pictures late have many names for it."""

CONDITIONAL: Final = frozenset(
    name for (name, _), rule in TABLE.items() if rule.base or not isinstance(rule.kind, Kind)
)
"""The elements whose other attributes decide what a URL is for."""

XML_TEXT: Final[dict[tuple[str, str], Kind]] = {
    ("loc", "sitemap"): Kind.SITEMAP,
    ("loc", "url"): PAGE,
    ("loc", "image"): REQUISITE,
    ("thumbnail_loc", "video"): REQUISITE,
    ("content_loc", "video"): REQUISITE,
    ("link", "item"): PAGE,
    ("link", "channel"): PAGE,
    ("link", "image"): PAGE,
    ("comments", "item"): PAGE,
    ("guid", "item"): PAGE,
    ("url", "image"): REQUISITE,
    ("logo", "feed"): REQUISITE,
    ("icon", "feed"): REQUISITE,
}
"""Elements of XML vocabularies whose text is a URL: (element, its parent) -> kind. Local names, in lower case."""

IDENTIFIERS: Final = frozenset({"guid"})
"""Elements whose text may be the URL of a page, but is a name first: it stays as it is in the copy."""

_PERMALINK: Final = re.compile(r"\s*https?://", re.IGNORECASE)

XML_ATTRIBUTES: Final[dict[tuple[str, str], Rule]] = {
    ("link", "href"): Rule(_url, lambda attributes: link_kind({"rel": "alternate", **attributes})),
    ("enclosure", "url"): Rule(_url, REQUISITE),
    ("content", "url"): Rule(_url, REQUISITE),
    ("content", "src"): Rule(_url, PAGE),
    ("thumbnail", "url"): Rule(_url, REQUISITE),
    ("image", "href"): Rule(_url, REQUISITE),
}
"""Attributes of XML vocabularies, in addition to `TABLE`."""

XSLT_ATTRIBUTES: Final[dict[tuple[str, str], Rule]] = {
    ("import", "href"): Rule(_url, REQUISITE),
    ("include", "href"): Rule(_url, REQUISITE),
}
"""Attributes of XSLT, in addition to those of XML."""

MAX_NESTED: Final = 8
"""How deep documents in attributes (`srcdoc`) may be nested to be read."""


def is_name(text: str) -> bool:
    """Whether a text can be the name of an attribute that a user adds.

    >>> is_name("data-zoom"), is_name("rel:animated_src"), is_name("a]b")
    (True, True, False)
    """
    return bool(_NAME.fullmatch(text))


_NAME: Final = re.compile(r"[a-z_][a-z0-9_:.\-]{0,63}")
NO_EXTRA: Final[frozenset[str]] = frozenset()


def html_rule(element: str, attribute: str, extra: frozenset[str] = NO_EXTRA) -> Rule | None:
    """Return the rule of an attribute of HTML. `srcdoc` is not in the table, because it holds a whole document.

    `extra` are attributes of which the user says that they hold the URL of a requisite; those named like `srcset`, a list.
    """
    known = TABLE.get((element, attribute)) or TABLE.get(("*", attribute))
    if known:
        return known
    if attribute in extra:
        return _EXTRA_LIST if "srcset" in attribute else _EXTRA
    if attribute.startswith("data-"):
        return _MODULE if (element, attribute) == MODULE else _DATA
    return CUSTOM.get(attribute) if "-" in element else None


def xml_rule(element: str, attribute: str, extra: frozenset[str] = NO_EXTRA) -> Rule | None:
    """Return the rule of an attribute of an XML document: SVG, XHTML, a feed, a sitemap, browserconfig."""
    return XML_ATTRIBUTES.get((element, attribute)) or html_rule(element, attribute, extra)


def xslt_rule(element: str, attribute: str, extra: frozenset[str] = NO_EXTRA) -> Rule | None:
    """Return the rule of an attribute of an XSLT stylesheet. It may import other stylesheets; the rest is as in other XML."""
    return XSLT_ATTRIBUTES.get((element, attribute)) or xml_rule(element, attribute, extra)


def xml_text_spans(element: str, parent: str, text: str, *, foreign: bool = False) -> Iterator[Span]:
    """Find the URLs in the text of an element of an XML document. `element` and `parent` are local names.

    `foreign`: the element is of another vocabulary than its parent. `<slash:comments>14` is a number, `<comments>` a URL. A
    `<guid>` is the URL of a page if it looks like one (RSS 2.0); see `is_permalink`.
    """
    if element == "style":
        return embedded_urls.css_spans(text)
    kind = None if foreign else XML_TEXT.get((element, parent))
    if element in IDENTIFIERS and not _PERMALINK.match(text):
        kind = None
    return embedded_urls.url_spans(text, kind) if kind else iter(())


def is_permalink(attributes: Attributes) -> bool:
    """Whether an element of RSS doesn't say that its text is no URL."""
    return attributes.get("isPermaLink", "").strip().lower() != "false"
