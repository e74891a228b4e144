"""What only the headers of a document said, put into its copy: a file on a disk has no headers.

Input: the headers of a response, and its text. Output: `Edit`s, or the text with a mark in front. Replay sends the headers, so
it needs none of this. This module parses no document; `html_edits` tells it where the elements are.

The law
-------
1. A copy declares the encoding that the Content-Type named, unless a byte order mark outweighs that, or the document declares
   the same. HTML gets a `<meta charset>`, or the right value in those that it has; a style sheet gets `@charset`; XML gets its
   declaration. A document of ASCII alone that lends its encoding to nothing needs none. The bytes of the text stay, because a
   style sheet or script without a declaration of its own has the encoding of the document that loads it.
2. Scripts and plain text have no syntax for that. They are encoded in UTF-8, with a byte order mark, unless they are ASCII, or
   plain text that is UTF-8 already: browsers recognise that in files. Types that are always UTF-8 stay as they are. So does
   what is called plain text, but has bytes that no text has (WHATWG MIME Sniffing 7.2).
3. A text in UTF-16 gets a byte order mark.
4. HTML gets the headers in `PRAGMAS` as `<meta http-equiv>`, unless it has such an element of its own.
5. HTML gets each Content-Security-Policy, as `disk_policy` puts it.
6. HTML whose scripts may leave the copy gets the guard (`navigation_guard`), before any policy.
7. A page that the server sent with status 404 or 410 says so: HTML in a `<meta>` (`STATUS`), XML in a comment at its end.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from mirror.core.document.disk_policy import disk_policy
from mirror.core.document.edits import Edit, Tag, apply, quoted
from mirror.core.document.navigation_guard import GUARD, may_leave
from mirror.core.document.replacements import Rewriter
from mirror.core.http.messages import GONE, Headers, Response, header, status_text
from mirror.core.syntax import character_encoding, embedded_urls
from mirror.core.syntax.reference import Kind
from mirror.core.url.canonical import CanonicalURL
from mirror.core.url.media_types import Document

PRAGMAS: Final = ("refresh", "content-language", "default-style")
"""Headers that mean the same as a `<meta http-equiv>` of that name (WHATWG HTML 4.2.5.3)."""

STATUS: Final = "prerender-status-code"
"""The name of the `<meta>` that gives the status of a page. Applications without a server of their own say it so to robots."""

_POLICY: Final = "content-security-policy"
_READ: Final = ("http-equiv", "charset", "content", "name")

HEADERS: Final = ("content-type", _POLICY, *PRAGMAS)
"""The headers that decide about the bytes of a copy."""

_ALWAYS_UTF_8: Final = frozenset({"text/vtt", "text/event-stream", "text/cache-manifest"})
_READ_FIRST: Final = 1024
"""Bytes in which a browser has to look for a declaration before it begins to parse (WHATWG HTML 13.2.3.2)."""

_LENDS: Final = re.compile(r"<(?:script|link|style|form|i?frame|object)\b", re.IGNORECASE)
"""Elements whose resources or data have the encoding of the document, if nothing else is said of them."""

_BINARY: Final = re.compile(rb"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]")
_SNIFFED: Final = 1445  # bytes, as in the standard
_ONE_LANGUAGE: Final = re.compile(r"[A-Za-z0-9\-]+")
_DOCTYPE: Final = re.compile(r"(?:[\s\ufeff]|<!--.*?-->|<\?[^>]*+>)*+<!doctype[^>]*+>", re.DOTALL | re.IGNORECASE)
_CSS_CHARSET: Final = re.compile(r'@charset "(?P<label>[^"]*+)";')
_XML_DECLARATION: Final = re.compile(
    r"""<\?xml(?P<version>\s+version\s*=\s*(?:"[^"]*+"|'[^']*+'))(?:\s+encoding\s*=\s*["'](?P<label>[^"']*+)["'])?"""
)
_BOM: Final = "\ufeff"


@dataclass(frozen=True, slots=True)
class Said:
    """What headers say about an HTML document. `charset` is a label; `codec`, the same as Python's codec. "": nothing.

    `guard` is the script that the document needs where its address is another one (`navigation_guard`).
    """

    charset: str = ""
    codec: str = ""
    pragmas: dict[str, str] = field(default_factory=dict)
    policies: tuple[str, ...] = ()
    status: str = ""
    guard: str = ""

    @classmethod
    def by(cls, response: Response, text: str) -> "Said | None":
        """Collect what the headers and the status say; `None` if that is nothing that the document could say."""
        headers, payload = response.headers, response.payload
        label, codec = character_encoding.header_charset(payload, header(headers, "content-type"))
        if label and (_is_same_in_all(text) or character_encoding.is_wide(codec)):  # a `<meta>` can't declare UTF-16
            label = codec = ""
        pragmas = {name: value for name in PRAGMAS if (value := header(headers, name)) and _is_plain(name, value)}
        received = [value for name, value in headers if name.lower() == _POLICY and value.isprintable()]
        policies = tuple(policy for value in received for policy in value.split(","))
        said = cls(label, codec, pragmas, policies, error_status(response), GUARD if may_leave(text) else "")
        return said if said != cls() else None


def _is_same_in_all(text: str) -> bool:
    """Whether a text is the same in all encodings, and so is what it loads."""
    return text.isascii() and not _LENDS.search(text)


def error_status(response: Response) -> str:
    """Return the status of the page of an error, such as "404 Not Found"; "" for all others."""
    return status_text(response.status) if response.status in GONE else ""


def _is_plain(name: str, value: str) -> bool:
    """Whether a value fits a `<meta>`: several languages decide nothing (WHATWG HTML 4.2.5.3)."""
    return value.isprintable() and (name != "content-language" or bool(_ONE_LANGUAGE.fullmatch(value.strip())))


def html_header_edits(
    text: str, metas: Iterable[Tag], head: int | None, said: Said, rewriter: Rewriter
) -> Iterator[Edit]:
    """Return the edits that make an HTML document say what its headers said.

    `metas` are its `<meta>` tags, `head` is the end of its `<head>` or `<html>` tag, if it has any.
    """
    doctype = _DOCTYPE.match(text)
    place = head or (doctype.end() if doctype else len(text) - len(text.removeprefix(_BOM)))
    missing, status = dict(said.pragmas), said.status
    charset = f'<meta charset="{said.charset}">' if said.charset else ""
    for tag in metas:
        values = {key: tag.attribute(key).value for key in _READ if key in tag.places}
        status = "" if values.get("name", "").strip().lower() == STATUS else status
        missing.pop(values.get("http-equiv", "").strip().lower(), None)
        own = _declaration(values)
        if said.charset and own:
            if tag.attribute(own[0]).start < _READ_FIRST:
                charset = ""
            if character_encoding.codec_of(own[1]) != said.codec:
                new = values[own[0]].replace(own[1], said.charset) if own[0] == "content" else said.charset
                yield tag.attribute(own[0]).replaced(new)
    policies = [policy for one in said.policies if (policy := disk_policy(one, CanonicalURL(rewriter.base)))]
    elements = charset + (f"<script>{said.guard}</script>" if said.guard else "")
    elements += "".join(_element(_POLICY, policy, rewriter) for policy in policies)
    elements += "".join(_element(name, value, rewriter) for name, value in missing.items())
    elements += f'<meta name="{STATUS}" content="{status}">' if status else ""
    if elements:
        yield Edit(place, place, elements)


def _declaration(values: dict[str, str]) -> tuple[str, str] | None:
    """Return the attribute of a `<meta>` that declares an encoding, and the label in it."""
    if values.get("charset"):
        return "charset", values["charset"]
    if values.get("http-equiv", "").strip().lower() == "content-type":
        label = character_encoding.label_in(values.get("content"))
        return ("content", label) if label else None
    return None


def _element(name: str, value: str, rewriter: Rewriter) -> str:
    if name == "refresh":
        value = apply(value, rewriter.edits(embedded_urls.refresh_spans(value, Kind.PAGE)))
    return f'<meta http-equiv="{name}" content="{quoted(value, chr(34))}">'


def with_declaration(syntax: Document, text: str, headers: Headers, payload: bytes) -> str:
    """Return the text of a style sheet, of XML or in UTF-16 with a declaration of the encoding that the headers named."""
    label, codec = character_encoding.header_charset(payload, header(headers, "content-type"))
    if not label or syntax in {Document.JSON, Document.HLS}:
        return text
    if character_encoding.is_wide(codec):
        return _BOM + text
    if syntax is Document.CSS and not (text.isascii() and "@import" not in text):
        return _with_css_charset(text, label, codec)
    if syntax is Document.XML and not text.isascii():
        return _with_xml_declaration(text, label, codec)
    return text


def _with_css_charset(text: str, label: str, codec: str) -> str:
    own = _CSS_CHARSET.match(text)
    if own and character_encoding.codec_of(own["label"]) == codec:
        return text
    return f'@charset "{label}";{text[own.end() if own else 0 :]}'


def _with_xml_declaration(text: str, label: str, codec: str) -> str:
    own = _XML_DECLARATION.match(text)
    if (own is None and text.startswith("<?xml")) or character_encoding.codec_of(
        (own and own["label"]) or "utf-8"
    ) == codec:
        return text
    encoding = f' encoding="{label}"'
    return (
        text[: own.end("version")] + encoding + text[own.end() :] if own else f'<?xml version="1.0"{encoding}?>{text}'
    )


def with_status(text: str, response: Response) -> str:
    """Return the text of XML with its status in a comment at its end, if it is the page of an error."""
    comment = f"<!-- {status} -->" if (status := error_status(response)) else ""
    return text if text.endswith(comment) else text + comment


def may_be_transcoded(media_type: str, headers: Headers) -> bool:
    """Whether point 2 of the law is about a payload of this type."""
    is_text = media_type.startswith("text/") and media_type not in _ALWAYS_UTF_8
    return is_text and bool(character_encoding.header_charset(b"", header(headers, "content-type"))[0])


def transcoded(media_type: str, headers: Headers, payload: bytes) -> bytes:
    """Return a script or plain text by point 2 of the law: in UTF-8, with a byte order mark, or as it is."""
    label, codec = character_encoding.header_charset(payload, header(headers, "content-type"))
    if media_type == "text/plain" and not character_encoding.is_wide(codec) and _BINARY.search(payload, 0, _SNIFFED):
        return payload  # servers say of downloads that they don't know that they are text
    if not label or (codec == "utf-8" and (media_type != "text/javascript" or payload.isascii())):
        return payload
    text = payload.decode(codec, "replace")
    return payload if text.isascii() and payload.isascii() else (_BOM + text).encode("utf-8", "replace")
