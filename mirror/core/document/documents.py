"""A response as a document: which syntax it has, what it refers to, and how it reads once its links lead elsewhere.

Enters: status, headers and payload of a response. Leaves: `Reference`s, or the bytes of the copy. The one place where media
type, encoding, references and rewriting meet.
"""

from mirror.core.document import link_rewriter, references
from mirror.core.document.references import Reference
from mirror.core.document.replacements import Resolve, Rewriter
from mirror.core.http.messages import Response
from mirror.core.syntax import character_encoding, markup, robots_meta
from mirror.core.syntax.character_encoding import Text
from mirror.core.syntax.robots_meta import Word
from mirror.core.url import local_paths
from mirror.core.url.local_paths import LocalPath
from mirror.core.url.media_types import DOCUMENTS, Document

VERSION = 4
"""Which references are found and how documents are rewritten: where that changes, archives are read again."""

_NEVER_REWRITTEN = frozenset({Document.JAVASCRIPT})
_XHTML = "application/xhtml+xml"
_MANIFEST_MARKS = (b'"icons"', b'"start_url"')
MOST_READ = 64 << 20
"""Bytes up to which a payload is read for its references: a sitemap may have 50 MiB (sitemaps.org)."""
_MANIFEST_MOST = 1 << 20


def syntax(media_type: str, payload: bytes) -> Document | None:
    """The syntax to read a payload as; JSON is read where it is a web application manifest."""
    known = DOCUMENTS.get(media_type)
    if known is None and media_type == "application/json" and len(payload) < _MANIFEST_MOST:
        return Document.JSON if any(mark in payload for mark in _MANIFEST_MARKS) else None
    return known


def read(response: Response, media_type: str) -> tuple[Document, Text] | None:
    """A payload as a document; `None` where it is none. XHTML that is XML is read as such, as browsers do it."""
    kind = syntax(media_type, response.payload)
    if kind is None:
        return None
    text = character_encoding.decode(response.payload, response.header("content-type"))
    if media_type == _XHTML and markup.is_xml(text.text):
        kind = Document.XML
    return kind, text


def most_read(media_type: str) -> int:
    """Up to how many bytes a payload of this type is read for its references; what is longer is kept as it is.

    >>> most_read("text/html") == MOST_READ, most_read("video/mp4")
    (True, 0)
    """
    if media_type == "application/json":
        return _MANIFEST_MOST
    return MOST_READ if media_type in DOCUMENTS else 0


def may_refer(media_type: str) -> bool:
    """Whether a payload of this type has to be read before it is known to be its own copy."""
    return media_type == "application/json" or DOCUMENTS.get(media_type) not in {None, *_NEVER_REWRITTEN}


def find_references(response: Response, *, listing: bool = False) -> list[Reference]:
    """All that a response refers to, headers first. `listing`: it was asked for as a sitemap or a feed."""
    if response.is_redirect:
        headers = [pair for pair in response.headers if pair[0].lower() == "location"]
        return references.header_references(headers, response.url)
    if not response.is_success:
        return []
    headers = [pair for pair in response.headers if pair[0].lower() != "location"]
    found = references.header_references(headers, response.url)
    document = None if response.spooled else read(response, response.media_type)
    if document:
        kind, text = document
        found += references.references(kind, text.text, response.url, text.encoding)
    elif listing and not response.spooled:
        found += references.sitemap_references(response.payload, response.url)
    is_followed = Word.NOFOLLOW not in robots_meta.header_directives(headers)
    return list(dict.fromkeys(found)) if is_followed else references.unfollowed(found)


def said(response: Response, now: str) -> dict[Word, str]:
    """What a response asks robots for, each with the words that say it. `now` is ISO 8601."""
    found = robots_meta.header_directives(response.headers, now)
    document = None if response.spooled else read(response, response.media_type)
    metas = references.metas(document[0], document[1].text) if document else []
    return robots_meta.meta_directives(metas, now) | found


def html_text(response: Response) -> str | None:
    """The text of an HTML document; `None`: it is none, or too long to be one."""
    document = None if response.spooled else read(response, response.media_type)
    return document[1].text if document and document[0] is Document.HTML else None


def local_copy(response: Response, media_type: str, name: str, resolve: Resolve) -> bytes:
    """The bytes of the copy: the payload with its references led to where `resolve` says.

    `name` is the file's own name. The same object comes back where nothing had to change.
    """
    if not may_refer(media_type):
        return response.payload
    document = read(response, media_type)
    if document is None:
        return response.payload
    kind, source = document
    own = local_paths.href(LocalPath(name), LocalPath(name))
    text = link_rewriter.rewrite(kind, source.text, Rewriter(response.url, own, resolve, source.encoding))
    return response.payload if text == source.text else source.encode(text)


def may_lead(media_type: str) -> bool:
    """Whether a payload of this type may read otherwise where copies stand at origins: scripts and data too."""
    return media_type in DOCUMENTS or _is_json(media_type)


def copy_at_origin(response: Response, media_type: str, home: str, resolve: Resolve, data: Resolve) -> bytes:
    """The bytes of the copy that stands at `home`, an URL of an origin: see points 6 to 9 of `rewrite`'s law.

    `data` says where URLs in data and scripts lead. The same object comes back where nothing had to change.
    """
    document = read(response, media_type)
    if document is None and _is_json(media_type):
        document = Document.JSON, character_encoding.decode(response.payload, response.header("content-type"))
    if document is None:
        return response.payload
    kind, source = document
    text = link_rewriter.rewrite(kind, source.text, Rewriter(response.url, home, resolve, source.encoding, home, data))
    return response.payload if text == source.text else source.encode(text)


def _is_json(media_type: str) -> bool:
    return media_type == "application/json" or media_type.endswith("+json")
