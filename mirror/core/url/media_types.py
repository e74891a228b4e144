"""Media types: what a response is, which syntax it has, and which file extensions fit it.

Input: header values, URLs, the first bytes of a payload. Output: a media type in lower case, or a `Document`. This module never
contradicts a specific Content-Type, as browsers never do.
"""

import re
from enum import StrEnum
from typing import Final

from mirror.core.url.canonical import CanonicalURL, is_web, split

UNKNOWN: Final = "application/octet-stream"

EXTENSIONS: Final[dict[str, tuple[str, ...]]] = {
    "text/html": ("html", "htm", "shtml"),
    "application/xhtml+xml": ("xhtml", "xht"),
    "text/css": ("css",),
    "text/javascript": ("js", "mjs", "cjs"),
    "application/json": ("json", "map", "webmanifest", "geojson", "ipynb"),
    "application/ld+json": ("jsonld", "json"),
    "application/manifest+json": ("webmanifest", "json"),
    "application/xml": ("xml", "xsl", "xslt", "rng", "xsd", "rss", "atom", "rdf", "svg", "ncx", "opf"),
    "application/rss+xml": ("rss", "xml", "rdf"),
    "application/atom+xml": ("atom", "xml", "rss"),
    "application/rdf+xml": ("rdf", "xml"),
    "application/wasm": ("wasm",),
    "application/pdf": ("pdf",),
    "application/zip": ("zip", "jar", "whl", "docx", "xlsx", "pptx", "odt", "ods", "odp", "xpi"),
    "application/gzip": ("gz", "tgz"),
    "application/epub+zip": ("epub",),
    "image/svg+xml": ("svg",),
    "image/png": ("png",),
    "image/jpeg": ("jpg", "jpeg", "jpe", "jfif"),
    "image/gif": ("gif",),
    "image/webp": ("webp",),
    "image/avif": ("avif",),
    "image/bmp": ("bmp",),
    "image/tiff": ("tif", "tiff"),
    "image/x-icon": ("ico", "cur"),
    "audio/mpeg": ("mp3",),
    "audio/mp4": ("m4a",),
    "audio/ogg": ("oga", "ogg", "opus"),
    "audio/wav": ("wav",),
    "audio/flac": ("flac",),
    "video/mp4": ("mp4", "m4v"),
    "video/webm": ("webm",),
    "video/ogg": ("ogv", "ogg"),
    "video/quicktime": ("mov",),
    "text/vtt": ("vtt",),
    "font/woff": ("woff",),
    "font/woff2": ("woff2",),
    "font/ttf": ("ttf",),
    "font/otf": ("otf",),
    "application/vnd.ms-fontobject": ("eot",),
}
"""Media type -> the extensions from which a browser infers it for a local file. The first is the one that names get."""

ALIASES: Final[dict[str, str]] = {
    "application/javascript": "text/javascript",
    "application/x-javascript": "text/javascript",
    "application/ecmascript": "text/javascript",
    "text/ecmascript": "text/javascript",
    "text/x-javascript": "text/javascript",
    "text/jscript": "text/javascript",
    "text/xml": "application/xml",
    "text/xsl": "application/xml",
    "application/xslt+xml": "application/xml",
    "application/x-gzip": "application/gzip",
    "application/x-pdf": "application/pdf",
    "application/x-zip-compressed": "application/zip",
    "image/jpg": "image/jpeg",
    "image/pjpeg": "image/jpeg",
    "image/x-png": "image/png",
    "image/svg": "image/svg+xml",
    "image/vnd.microsoft.icon": "image/x-icon",
    "image/ico": "image/x-icon",
    "application/font-woff": "font/woff",
    "application/x-font-woff": "font/woff",
    "application/font-woff2": "font/woff2",
    "application/x-font-ttf": "font/ttf",
    "application/x-font-opentype": "font/otf",
    "audio/mp3": "audio/mpeg",
    "audio/x-wav": "audio/wav",
    "binary/octet-stream": UNKNOWN,
    "application/x-download": UNKNOWN,
    "application/force-download": UNKNOWN,
    "content/unknown": UNKNOWN,
    "unknown/unknown": UNKNOWN,
}
"""Other names of these types that servers send. WHATWG MIME Sniffing 4.6 lists most of them."""

EXTENSION_TYPES: Final[dict[str, str]] = {
    extension: media_type for media_type, extensions in reversed(EXTENSIONS.items()) for extension in extensions
} | {extensions[0]: media_type for media_type, extensions in EXTENSIONS.items()}
"""Extension -> media type: the type of which it is the first extension, else the first type that it fits."""

PLAIN_TEXT: Final = frozenset({"txt", "text", "log", "csv", "md", "rst", "asc"})
"""Extensions of plain text. Such a file is text even if it begins like a page."""

_EXTENSION = re.compile(r"(?<=.)\.(?=[A-Za-z0-9]{1,12}$)(?=[0-9]*[A-Za-z])([A-Za-z0-9]+)$")
_MEDIA_TYPE = re.compile(r"\s*([\w!#$&^.+\-]+/[\w!#$&^.+\-]+)\s*(?:;|,|$)", re.ASCII)
_HTML_START = re.compile(
    rb"(?:\xef\xbb\xbf)?[\s\0]*"
    rb"<(?:!--|(?:!doctype\s+html|html|head|script|iframe|h1|div|font|table|a|style|title|b|body|br|p)[\s>])",
    re.IGNORECASE,
)
_XML_START = re.compile(rb"(?:\xef\xbb\xbf)?\s*<\?xml\s")
_SIGNATURES: Final[tuple[tuple[bytes, str], ...]] = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF8", "image/gif"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"%PDF-", "application/pdf"),
    (b"PK\x03\x04", "application/zip"),
    (b"\x1f\x8b", "application/gzip"),
    (b"wOFF", "font/woff"),
    (b"wOF2", "font/woff2"),
)


class Document(StrEnum):
    """The syntaxes that references are found in."""

    HTML = "html"
    CSS = "css"
    JAVASCRIPT = "javascript"
    JSON = "json"
    XML = "xml"


DOCUMENTS: Final[dict[str, Document]] = {
    "text/html": Document.HTML,
    "application/xhtml+xml": Document.HTML,
    "text/css": Document.CSS,
    "text/javascript": Document.JAVASCRIPT,
    "application/manifest+json": Document.JSON,
    "application/xml": Document.XML,
    "application/rss+xml": Document.XML,
    "application/atom+xml": Document.XML,
    "application/rdf+xml": Document.XML,
    "image/svg+xml": Document.XML,
}
"""Media type -> its syntax. Other types have no references."""

_GZIP_TYPES: Final = frozenset(
    {"application/gzip", "application/x-gunzip", "application/x-tgz", "application/x-gtar", "application/x-compressed"}
    | {"application/x-gtar-compressed", "application/x-gzip-compressed", "gzip/document"}
)
"""Types of gzip files, after `ALIASES`."""

_WRITTEN_AS_XML: Final = frozenset({Document.HTML, Document.XML})


def extension(name: str) -> str:
    """Return the extension of a file name as written, without its dot; "" if there is none.

    An extension is a dot and up to twelve letters and digits, at least one of them a letter, after at least one character.

    >>> extension("a.tar.gz"), extension("3.11"), extension(".profile"), extension("LICENSE")
    ('gz', '', '', '')
    """
    match = _EXTENSION.search(name)
    return match[1] if match else ""


def fits(media_type: str, ext: str) -> bool:
    """Whether a browser treats a local file with this extension as this media type.

    >>> fits("text/html", "HTM"), fits("text/html", "php"), fits("text/x-python", "py")
    (True, False, True)
    """
    known = EXTENSIONS.get(media_type)
    if known is not None:
        return ext.lower() in known
    return media_type == UNKNOWN or EXTENSION_TYPES.get(ext.lower()) not in DOCUMENTS


def parse_media_type(content_type: str | None) -> str:
    """Return the media type of a Content-Type value, in lower case, aliases replaced; "" if there is none.

    >>> parse_media_type("Text/HTML; charset=utf-8"), parse_media_type("nonsense")
    ('text/html', '')
    """
    match = _MEDIA_TYPE.match(content_type or "")
    if match is None:
        return ""
    essence = match[1].lower()
    return ALIASES.get(essence, essence)


def media_type(content_type: str | None, url: CanonicalURL, head: bytes = b"") -> str:
    """Return the media type of a response: by its Content-Type; else by its first bytes; else by its name.

    For XML, the name may be more specific. For a file that comes from no web server, the name goes before the first bytes, as
    in browsers that open a local file. `head` is the beginning of the payload; 512 bytes are enough.
    """
    declared = parse_media_type(content_type)
    if declared and declared != UNKNOWN:
        return declared
    ext = _url_extension(url)
    name = EXTENSION_TYPES.get(ext)
    if not declared and not is_web(url) and (name or ext in PLAIN_TEXT):
        return name or "text/plain"
    if declared:
        return name if name and name not in {"text/html", "application/xhtml+xml"} else UNKNOWN
    found = sniff(head) or name or UNKNOWN
    return name if name and found == "application/xml" and DOCUMENTS.get(name) in _WRITTEN_AS_XML else found


def sniff(head: bytes) -> str:
    """Return the media type that the first bytes of a payload show (a part of WHATWG MIME Sniffing 7); "" if unknown."""
    for signature, found in _SIGNATURES:
        if head.startswith(signature):
            return found
    if _XML_START.match(head[:512]):
        return "application/xml"
    return "text/html" if _HTML_START.match(head[:512]) else ""


def expected_type(url: CanonicalURL, *, page: bool) -> str:
    """Return the media type to expect before the response arrives: by the extension of the name; else HTML for a page.

    In a tree of files, only the listing of a folder is a page.
    """
    page = page and (is_web(url) or url.endswith("/"))
    return EXTENSION_TYPES.get(_url_extension(url)) or ("text/html" if page else UNKNOWN)


def is_gzip_file(content_type: str | None, url: CanonicalURL) -> bool:
    """Whether a payload should be a gzip file: by its Content-Type, or by its name if it is no document.

    >>> is_gzip_file("application/x-gzip", CanonicalURL("http://example.org/a"))
    True
    >>> is_gzip_file("text/plain", CanonicalURL("http://example.org/a.tgz")), is_gzip_file("text/html", CanonicalURL("http://a/a.gz"))
    (True, False)
    """
    declared = parse_media_type(content_type)
    return declared in _GZIP_TYPES or (
        declared not in DOCUMENTS and _url_extension(url) in EXTENSIONS["application/gzip"]
    )


def _url_extension(url: CanonicalURL) -> str:
    return extension(split(url).path.rpartition("/")[2]).lower()
