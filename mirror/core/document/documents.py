"""A response as a document: its syntax, its references, and the bytes of its copy.

Input: status, headers and payload of a response. Output: `Reference`s, or the bytes of the copy. This is the only module that
combines media types, encodings, references and rewriting.
"""

import re
from collections.abc import Callable

from mirror.core.document import header_edits, references
from mirror.core.document.header_edits import Said
from mirror.core.document.link_attributes import NO_EXTRA
from mirror.core.document.navigation_guard import MAX_SCRIPT, guarded
from mirror.core.document.replacements import Resolve, Rewriter
from mirror.core.http import messages
from mirror.core.http.messages import Headers, Response
from mirror.core.syntax import character_encoding, markup, robots_meta
from mirror.core.syntax.character_encoding import Text
from mirror.core.syntax.reference import Reference
from mirror.core.syntax.robots_meta import Directive
from mirror.core.url import local_paths
from mirror.core.url.canonical import CanonicalURL
from mirror.core.url.local_paths import LocalPath
from mirror.core.url.media_types import DOCUMENTS, EXTENSION_TYPES, Document, extension

VERSION = 8
"""The version of reading and rewriting. Raise it when other references are found or copies differ: the next run, or `publish`,
then reads the documents of an archive again, without fetching."""

_NEVER_REWRITTEN = frozenset({Document.JAVASCRIPT})
_XHTML = "application/xhtml+xml"
_LOADED = re.compile(r"(?:image|audio|video|font)/|text/(?:css|javascript)\Z")
_JSON_MARKS = (b'"icons"', b'"start_url"', b'"buffers"')
"""What a JSON file has that is a web application manifest, or a glTF model."""

_MAX_MANIFEST = 1 << 20


def syntax(media_type: str, payload: bytes) -> Document | None:
    """Return the syntax of a payload, or `None` if it isn't read. JSON is read only if it has one of the `_JSON_MARKS`."""
    known = DOCUMENTS.get(media_type)
    if known is None and media_type == "application/json" and len(payload) < _MAX_MANIFEST:
        return Document.JSON if any(mark in payload for mark in _JSON_MARKS) else None
    return known


def read(response: Response, media_type: str) -> tuple[Document, Text] | None:
    """Return the syntax and the text of a document; `None` if it isn't one. Well-formed XHTML is XML, as in browsers."""
    kind = syntax(media_type, response.payload)
    if kind is None:
        return None
    if kind is Document.HLS:  # always in UTF-8 (RFC 8216, 4)
        return kind, Text(response.payload.decode("utf-8", "surrogateescape"), "utf-8")
    plain = "cp1252" if kind is Document.HTML and media_type != _XHTML else "utf-8"
    text = character_encoding.decode(response.payload, response.header("content-type"), plain=plain)
    if media_type == _XHTML and markup.is_xml(text.text):
        kind = Document.XML
    return kind, text


def max_read_size(media_type: str) -> int:
    """Return the size in bytes up to which a payload of this type is read for references. Longer ones are kept unread.

    >>> max_read_size("text/html") == messages.MAX_READ, max_read_size("video/mp4")
    (True, 0)
    """
    if media_type == "application/json":
        return _MAX_MANIFEST
    return messages.MAX_READ if media_type in DOCUMENTS else 0


def may_differ(media_type: str, headers: Headers, size: int) -> bool:
    """Whether the copy of a payload of this type and size, in bytes, may differ from it in a tree."""
    if _may_have_references(media_type):
        return size <= max_read_size(media_type)
    if DOCUMENTS.get(media_type) in _NEVER_REWRITTEN and size <= MAX_SCRIPT:
        return True
    return size <= messages.MAX_READ and header_edits.may_be_transcoded(media_type, headers)


def _may_have_references(media_type: str) -> bool:
    return media_type == "application/json" or DOCUMENTS.get(media_type) not in {None, *_NEVER_REWRITTEN}


def find_references(response: Response, *, listing: bool = False, extra: frozenset[str] = NO_EXTRA) -> list[Reference]:
    """Return everything that a response refers to, headers first. `listing`: it was requested as a sitemap or a feed.

    `extra` are attributes of which the user says that they hold URLs.
    """
    if response.is_redirect:
        headers = [pair for pair in response.headers if pair[0].lower() == "location"]
        return references.header_references(headers, response.url)
    if not response.is_success:
        return []
    headers = [pair for pair in response.headers if pair[0].lower() != "location"]
    found = references.header_references(headers, response.url)
    has_others = bool(found)
    document = None if response.spooled else read(response, response.media_type)
    if document:
        kind, text = document
        found += references.references(kind, text.text, response.url, text.encoding, extra)
    elif listing and not response.spooled:
        found += references.sitemap_references(response.payload, response.url)
    is_followed = Directive.NOFOLLOW not in robots_meta.header_directives(headers)
    if not is_followed:
        return references.unfollowed(found)
    return list(dict.fromkeys(found)) if has_others else found


def robots_directives(response: Response, now: str) -> dict[Directive, str]:
    """Return the directives of a response for robots, each with the text that gives it. `now` is ISO 8601."""
    found = robots_meta.header_directives(response.headers, now)
    document = None if response.spooled else read(response, response.media_type)
    metas = references.metas(document[0], document[1].text) if document else []
    return robots_meta.meta_directives(metas, now) | found


def html_text(response: Response) -> str | None:
    """Return the text of an HTML document; `None` if the response is none, or too long to be read."""
    document = None if response.spooled else read(response, response.media_type)
    return document[1].text if document and document[0] is Document.HTML else None


def local_copy(
    response: Response, media_type: str, name: str, resolve: Resolve, extra: frozenset[str] = NO_EXTRA
) -> bytes:
    """Return the bytes of the copy: the payload with its references replaced by what `resolve` gives.

    The copy says itself what the headers of the response said about it (`header_edits`). `name` is the name of the copy's file.
    If nothing changes, the payload itself is returned.
    """
    headers, payload = response.headers, response.payload
    if not _may_have_references(media_type):
        is_text = header_edits.may_be_transcoded(media_type, headers)
        copy = header_edits.transcoded(media_type, headers, payload) if is_text else payload
        return guarded(copy) if DOCUMENTS.get(media_type) in _NEVER_REWRITTEN else copy
    document = read(response, media_type)
    if document is None:
        return payload
    kind, source = document
    own = local_paths.href(LocalPath(name), LocalPath(name))
    said = Said.by(response, source.text) if kind is Document.HTML else None
    data = _loaded_files(resolve) if kind is Document.HTML else None
    rewriter = Rewriter(response.url, own, resolve, source.encoding, data=data, extra=extra)
    text = _rewritten(kind, source.text, rewriter, said)
    text = header_edits.with_declaration(kind, text, headers, payload)
    if kind is Document.XML:
        text = header_edits.with_status(text, response)
    return payload if text == source.text else source.encode(text)


def _loaded_files(resolve: Resolve) -> Resolve:
    """Resolve only URLs whose extension says that a page loads the file: a script, a style, a font, or media."""

    def place(url: CanonicalURL) -> str | None:
        name = re.split(r"[?#]", url, maxsplit=1)[0].rpartition("/")[2]
        return resolve(url) if _LOADED.match(EXTENSION_TYPES.get(extension(name).lower(), "")) else None

    return place


def may_differ_at_origin(media_type: str) -> bool:
    """Whether a copy at an origin may differ from a payload of this type. Scripts and data may, too."""
    return media_type in DOCUMENTS or _is_json(media_type)


def copy_at_origin(  # noqa: PLR0913 - the parts of a copy
    response: Response,
    media_type: str,
    home: str,
    resolve: Resolve,
    data: Resolve,
    *,
    has: Callable[[CanonicalURL], bool] | None = None,
    begin: Callable[[str, Document], str] | None = None,
    extra: frozenset[str] = NO_EXTRA,
) -> bytes:
    """Return the bytes of the copy at the URL `home`; see points 6 to 10 of the law in `link_rewriter`.

    `data` resolves URLs in data and scripts. `has` says whether there is a copy of a resource. `begin` may add to a rewritten
    document, whose syntax it is told. If nothing changes, the payload itself is returned.
    """
    document = read(response, media_type)
    if document is None and _is_json(media_type):
        document = Document.JSON, character_encoding.decode(response.payload, response.header("content-type"))
    if document is None:
        return response.payload
    kind, source = document
    rewriter = Rewriter(response.url, home, resolve, source.encoding, home, data, has, extra=extra)
    text = _rewritten(kind, source.text, rewriter)
    text = begin(text, kind) if begin else text
    return response.payload if text == source.text else source.encode(text)


def redirect_page(target: str, *, is_here: bool) -> bytes:
    """Return the page that replaces a redirect in the tree, as `link_rewriter` makes it."""
    from mirror.core.document import link_rewriter  # noqa: PLC0415 - see `_rewritten`

    return link_rewriter.redirect_page(target, is_here=is_here)


def _rewritten(kind: Document, text: str, rewriter: Rewriter, said: Said | None = None) -> str:
    """Return a document with its references replaced.

    The rewriter and its parser load when the first document is copied: a crawl does not wait for them before its first request.
    """
    from mirror.core.document import link_rewriter  # noqa: PLC0415

    return link_rewriter.rewrite(kind, text, rewriter, said)


def _is_json(media_type: str) -> bool:
    return media_type == "application/json" or media_type.endswith("+json")
